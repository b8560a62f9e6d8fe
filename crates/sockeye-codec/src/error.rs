//! What can be wrong with bytes: with a payload to send, with a frame that arrived, with the end of a stream.

use core::fmt;

use thiserror::Error;

/// A payload cannot be sent in this framing: a receiver would refuse it or read something else. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The payload is longer than the framing allows; the receiver would refuse it.
    #[error(
        "a message of {len} bytes does not fit the framing, which allows {max} bytes; raise max= or choose a wider length field"
    )]
    TooLong {
        /// Length of the payload, in bytes.
        len: usize,
        /// The longest payload the framing allows, in bytes.
        max: usize,
    },
    /// The payload is shorter than the framing allows: it lacks header bytes that belong to it, or the framing has no
    /// empty messages.
    #[error("a message of {len} bytes does not fit the framing, whose messages have at least {min} bytes")]
    TooShort {
        /// Length of the payload, in bytes.
        len: usize,
        /// The shortest payload the framing allows, in bytes.
        min: usize,
    },
    /// Every payload of `fixed` has the same length.
    #[error("a message of {len} bytes does not fit the framing, whose messages have exactly {needed} bytes")]
    WrongLength {
        /// Length of the payload, in bytes.
        len: usize,
        /// The length it must have, in bytes.
        needed: usize,
    },
    /// The receiver would take these bytes of the payload for its end.
    #[error(
        "the message has the mark that ends a message at offset {at}, and would end there; choose a framing by length, or \
         marks with escape=dle"
    )]
    ContainsMark {
        /// Where in the payload the mark begins, in bytes.
        at: usize,
    },
    /// The payload is not one JSON value and nothing else.
    #[error("the message is not one JSON value: see its offset {at}")]
    NotJson {
        /// Where in the payload JSON would have to go on otherwise, in bytes.
        at: usize,
    },
    /// With `strip=`, header bytes belong to the payload, and these contradict what is sent.
    #[error(
        "the message's own header has another byte than {needed:#04x} at its offset {at}, which its length asks for"
    )]
    WrongHeader {
        /// Where in the payload, in bytes.
        at: usize,
        /// The byte that must stand there.
        needed: u8,
    },
}

/// Why bytes that arrived cannot be a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The byte differs from the mark that begins every frame.
    #[error("{} does not begin a frame", Byte(*.found))]
    Head {
        /// The byte.
        found: u8,
    },
    /// The byte differs from the fixed first bytes of every frame.
    #[error("{} is not what every frame begins with", Byte(*.found))]
    Lead {
        /// The byte.
        found: u8,
    },
    /// The byte stands where a digit of a length must.
    #[error("{} is no digit of a length", Byte(*.found))]
    Digit {
        /// The byte.
        found: u8,
    },
    /// The length begins with a zero that does not belong there.
    #[error("the length begins with a zero")]
    LeadingZero,
    /// The length has more digits than any length could need.
    #[error("the length has too many digits")]
    TooManyDigits,
    /// The length says that the frame ends inside its own header.
    #[error("the length {announced} is too small: the frame would end inside its own header")]
    ShorterThanHeader {
        /// The number in the length field.
        announced: u64,
    },
    /// The varint has more than 64 bits.
    #[error("the varint has more than 64 bits")]
    VarintTooLong,
    /// A netstring ends with a comma.
    #[error("{} stands where the comma behind a netstring must", Byte(*.found))]
    Comma {
        /// The byte.
        found: u8,
    },
    /// Lines of this framing end with carriage return and line feed.
    #[error("a line ends with a line feed alone instead of carriage return and line feed")]
    LineFeedAlone,
    /// The line is no `Name: value`.
    #[error("the line is no header (Name: value)")]
    HeaderLine,
    /// The value of `Content-Length` is no number.
    #[error("the value of Content-Length is no number")]
    ContentLength,
    /// Two lines say the length.
    #[error("Content-Length is given twice")]
    RepeatedContentLength,
    /// No line says the length.
    #[error("the header has no Content-Length")]
    NoContentLength,
    /// The header or trailer lines do not end.
    #[error("the header has more than {limit} bytes")]
    HeaderTooLong {
        /// How many it may have, in bytes.
        limit: usize,
    },
    /// The byte stands where the size of a chunk must.
    #[error("{} is no digit of a chunk's size", Byte(*.found))]
    ChunkSize {
        /// The byte.
        found: u8,
    },
    /// The line with the size of a chunk does not end.
    #[error("the line with a chunk's size has more than {limit} bytes")]
    ChunkLineTooLong {
        /// How many it may have, in bytes.
        limit: usize,
    },
    /// The chunk is longer than its size says.
    #[error("{} stands where the end of a chunk must", Byte(*.found))]
    ChunkEnd {
        /// The byte.
        found: u8,
    },
    /// JSON cannot go on with this byte.
    #[error("{} cannot stand here in JSON", Byte(*.found))]
    Json {
        /// The byte.
        found: u8,
    },
    /// The value is nested too deeply.
    #[error("the JSON value is nested more than {limit} deep")]
    JsonDepth {
        /// How deep it may be.
        limit: u32,
    },
    /// The byte behind an escape is none that can be escaped.
    #[error("{} cannot stand behind an escape", Byte(*.found))]
    Escape {
        /// The byte.
        found: u8,
    },
    /// A run of bytes is announced that goes past the end of the frame.
    #[error("the distance to the next zero goes past the end of the frame")]
    CobsRun,
}

/// A byte as a person reads it: `0x48 ('H')`.
struct Byte(u8);

impl fmt::Display for Byte {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#04x}", self.0)?;
        if self.0.is_ascii_graphic() {
            write!(formatter, " ({:?})", char::from(self.0))?;
        }
        Ok(())
    }
}

/// The stream ended inside a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}, after {have} bytes of it{}", Inside(*.garbage), Needed(*.need))]
pub struct Truncated {
    /// How many bytes of the unfinished frame arrived, its header included.
    pub have: u64,
    /// How many bytes the frame was known to need, its header included: its whole length once that is announced, before
    /// that the length of what announces it. `None` when the framing cannot tell.
    pub need: Option<u64>,
    /// Whether those bytes are no beginning of a frame at all: the stream ended while the next mark was looked for.
    pub garbage: bool,
}

/// The first half of the message of [`Truncated`].
struct Inside(bool);

impl fmt::Display for Inside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0 {
            "the stream ended with bytes that belong to no frame"
        } else {
            "the stream ended inside a frame"
        })
    }
}

/// The last part of the message of [`Truncated`].
struct Needed(Option<u64>);

impl fmt::Display for Needed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(need) => write!(formatter, " where it needed {need}"),
            None => Ok(()),
        }
    }
}
