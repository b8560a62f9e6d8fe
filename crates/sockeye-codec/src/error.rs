//! What can be wrong: with a framing's text, with a payload to send, with the end of a stream.

use alloc::string::String;

use thiserror::Error;

use crate::spec::LARGEST_MAX;

/// The text of a framing could not be read. The fault is the caller's.
///
/// Text taken from the caller is shown quoted and escaped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The part before the first comma names no framing known here.
    #[error(
        "unknown framing {framing:?}; known are len:u8 and len:u16, u24, u32, u40, u48, u56 or u64 followed by \
         be (most significant byte first) or le, for example len:u32be"
    )]
    UnknownFraming {
        /// The name as it was given.
        framing: String,
    },
    /// The framing is known, but takes no such key.
    #[error("unknown key {key:?} in a framing; known is max, for example len:u32be,max=64KiB")]
    UnknownKey {
        /// The key as it was given, without its value.
        key: String,
    },
    /// A key was given twice.
    #[error("the key {key:?} is given twice in a framing; give it once")]
    RepeatedKey {
        /// The key.
        key: String,
    },
    /// The value of `max` is no size, or none that is allowed.
    #[error(
        "{value:?} is not a size for max; give 1 to {LARGEST_MAX} bytes as a number, alone or followed by KiB, MiB or GiB"
    )]
    InvalidMax {
        /// The value as it was given.
        value: String,
    },
}

/// A payload cannot be sent in this framing. Nothing was written.
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
}

/// The stream ended inside a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stream ended inside a frame, after {have} bytes of it{}", Needed(*.need))]
pub struct Truncated {
    /// How many bytes of the unfinished frame arrived, its header included.
    pub have: u64,
    /// How many bytes the frame was known to need, its header included: its whole length once the header is
    /// complete, the length of the header before. `None` when the framing cannot tell.
    pub need: Option<u64>,
}

/// The second half of the message of [`Truncated`].
struct Needed(Option<u64>);

impl core::fmt::Display for Needed {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(need) => write!(formatter, " where it needed {need}"),
            None => Ok(()),
        }
    }
}
