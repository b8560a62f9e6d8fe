//! What a framing is: which bytes stand around a payload, how long a payload may be, and what becomes of the rest.

mod mark;

use alloc::vec::Vec;
use core::num::NonZeroUsize;

pub use mark::{MARK_LIMIT, MarkError};
pub(crate) use mark::{Mark, Needle};

use crate::error::Malformed;
use crate::format::{Escape, Found, LengthHeader};
use crate::length::{ByteOrder, Width};

/// The longest payload a framing allows when its text does not say: 1 MiB.
///
/// Long enough for every control message and for nearly every protocol a person inspects by hand; short enough that
/// a stranger who fills it costs little, and that text mistaken for a length (`HTTP` is 1.2 GB) is caught at once.
pub const DEFAULT_MAX: usize = 1 << 20;

/// The largest `max` there can be: 1 GiB. A frame is held in memory whole, and sums of lengths stay far from overflow
/// on 32-bit machines too.
pub const LARGEST_MAX: usize = 1 << 30;

/// A framing: which bytes stand around a payload, and how long a payload may be.
///
/// Made from text (`len:u32be,max=64KiB`, grammar in `specs/00-framing.md` §2) or from its parts. `Display` writes
/// the shortest text that reads back as the same framing. Cheap to clone: marks are shared.
///
/// ```
/// use sockeye_codec::{ByteOrder, Framing, Width};
///
/// const CONTROL: Framing = Framing::length(Width::U32, ByteOrder::Big);
/// assert_eq!(CONTROL, "len:u32be,max=1MiB".parse()?);
/// assert_eq!(CONTROL.to_string(), "len:u32be");
/// assert_eq!("dns".parse::<Framing>()?.to_string(), "len:u16be");
/// assert_eq!(Framing::marked(b"{2H:", b":}")?, "mark:'{2H:'..':}'".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Framing {
    pub(crate) kind: Kind,
    pub(crate) max: usize,
    pub(crate) oversize: Oversize,
    pub(crate) resync: Resync,
}

/// What stands at the front of a buffer: the answer of [`Framing::peek`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peek {
    /// No complete frame yet. At least this many further bytes are needed before the answer can change; `None` when
    /// the framing cannot tell.
    Need(Option<NonZeroUsize>),
    /// A complete frame: the payload is `buffer[header_len..header_len + payload_len]`, and the next frame begins
    /// at `buffer[wire_len]`. All three are bytes.
    Frame {
        /// Bytes before the payload.
        header_len: usize,
        /// Bytes of the payload.
        payload_len: usize,
        /// Bytes of the whole frame.
        wire_len: usize,
    },
    /// The frame announces a payload longer than the framing allows. Nothing after it can be read.
    Oversize {
        /// The announced length of the payload, in bytes.
        announced: u64,
    },
    /// A byte that cannot stand where it stands.
    Invalid {
        /// Where it is in the buffer.
        at: usize,
        /// What is wrong with it.
        reason: Malformed,
    },
}

/// What a decoder does with a frame that is longer than the framing allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Oversize {
    /// Report it and stop: most often the peer speaks another protocol, and what follows cannot be trusted.
    #[default]
    Fail,
    /// Report it, pass its bytes over without keeping them, and go on behind it.
    Skip,
}

/// What a decoder does with bytes that cannot begin a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resync {
    /// Report the first of them and stop.
    Off,
    /// Pass over them to the next mark that begins a frame, and report how many they were.
    Marker,
}

/// The family of a framing, with what belongs to it alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Raw,
    Fixed(usize),
    Line,
    Delimited(Mark),
    Marked { head: Mark, tail: Mark, escape: Escape },
    Length(LengthHeader),
    Varint,
    Netstring,
    OctetCount,
    ContentLength,
    Chunked,
    Json,
    Slip,
    Cobs,
}

impl Framing {
    /// A length field followed by that many bytes of payload, with [`DEFAULT_MAX`].
    ///
    /// The order of a one-byte field has no meaning and is ignored.
    pub const fn length(width: Width, order: ByteOrder) -> Self {
        Self::of(Kind::Length(LengthHeader::binary(width, order)), Resync::Off)
    }

    /// No framing: a payload is whatever has arrived. The only framing whose frames depend on how the stream was cut.
    pub const fn raw() -> Self {
        Self::of(Kind::Raw, Resync::Off)
    }

    /// Lines: written with a line feed behind each, read with a line feed or carriage return and line feed.
    pub const fn line() -> Self {
        Self::of(Kind::Line, Resync::Off)
    }

    /// A delimiter of 1 to [`MARK_LIMIT`] bytes behind each payload.
    pub fn delimited(delimiter: &[u8]) -> Result<Self, MarkError> {
        Ok(Self::of(Kind::Delimited(Mark::new(delimiter)?), Resync::Off))
    }

    /// A mark before and a mark behind each payload, of 1 to [`MARK_LIMIT`] bytes each. Bytes between a frame's end
    /// and the next head are passed over and reported.
    pub fn marked(head: &[u8], tail: &[u8]) -> Result<Self, MarkError> {
        let (head, tail) = (Mark::new(head)?, Mark::new(tail)?);
        Ok(Self::of(Kind::Marked { head, tail, escape: Escape::None }, Resync::Marker))
    }

    pub(crate) const fn of(kind: Kind, resync: Resync) -> Self {
        Self { kind, max: DEFAULT_MAX, oversize: Oversize::Fail, resync }
    }

    /// The same framing with another longest payload, in bytes, brought into `1..=LARGEST_MAX`. Without effect on
    /// `fixed`, whose payloads have one length.
    #[must_use]
    pub const fn with_max(mut self, max: usize) -> Self {
        self.max = match max {
            0 => 1,
            _ if max > LARGEST_MAX => LARGEST_MAX,
            _ => max,
        };
        self
    }

    /// The same framing with another answer to frames that are too long.
    #[must_use]
    pub const fn with_oversize(mut self, oversize: Oversize) -> Self {
        self.oversize = oversize;
        self
    }

    /// The longest payload this framing can carry, in bytes: its `max`, or what its length field can say where that
    /// is less.
    pub fn max_payload(&self) -> usize {
        match &self.kind {
            Kind::Fixed(len) => *len,
            Kind::Length(header) => header.largest_payload().min(self.max),
            _ => self.max,
        }
    }

    /// Looks at the front of `buffer` without taking anything: the way to read frames out of a buffer of one's own. Of framings
    /// with a length field only; `None` for the others.
    ///
    /// ```
    /// use sockeye_codec::{Framing, Peek};
    ///
    /// let framing: Framing = "len:u16be".parse()?;
    /// let buffer = b"\x00\x05tulip\x00";
    /// let Some(Peek::Frame { header_len, payload_len, wire_len }) = framing.peek(buffer) else { panic!() };
    /// assert_eq!(&buffer[header_len..header_len + payload_len], b"tulip");
    /// assert_eq!(framing.peek(&buffer[wire_len..]), Some(Peek::Need(core::num::NonZeroUsize::new(1))));
    /// # Ok::<(), sockeye_codec::SpecError>(())
    /// ```
    pub fn peek(&self, buffer: &[u8]) -> Option<Peek> {
        let Kind::Length(header) = &self.kind else { return None };
        Some(match header.read(buffer, self.max) {
            Found::Frame { header, payload, wire } => {
                Peek::Frame { header_len: header, payload_len: payload, wire_len: wire }
            }
            Found::Oversize { announced, .. } => Peek::Oversize { announced },
            Found::Invalid { at, reason, .. } => Peek::Invalid { at, reason },
            Found::Need(missing) => Peek::Need(NonZeroUsize::new(missing)),
            // Readers of length fields answer nothing else.
            _ => Peek::Need(None),
        })
    }

    /// What becomes of frames that are too long.
    pub const fn oversize(&self) -> Oversize {
        self.oversize
    }

    /// What becomes of bytes that cannot begin a frame.
    pub const fn resync(&self) -> Resync {
        self.resync
    }

    /// Whether payloads stand in the stream as they are. The others (`slip`, `cobs`, `chunked` and marks with
    /// `escape=dle`) change them on the way.
    pub const fn is_transparent(&self) -> bool {
        !matches!(
            self.kind,
            Kind::Slip | Kind::Cobs | Kind::Chunked | Kind::Marked { escape: Escape::Dle, .. }
        )
    }

    /// Whether frames keep their boundaries: true of all but `raw`.
    pub const fn keeps_boundaries(&self) -> bool {
        !matches!(self.kind, Kind::Raw)
    }
}

impl Kind {
    /// What a text without `resync=` means.
    pub(crate) const fn default_resync(&self) -> Resync {
        match self {
            Self::Marked { .. } | Self::Slip | Self::Cobs => Resync::Marker,
            _ => Resync::Off,
        }
    }

    /// Whether there is a mark to look for.
    pub(crate) const fn can_resync(&self) -> bool {
        match self {
            Self::Marked { .. } | Self::Slip | Self::Cobs | Self::ContentLength => true,
            Self::Length(header) => header.has_lead(),
            _ => false,
        }
    }
}

/// Where a mark stands in a payload followed by that mark, if not at the very end: then the payload cannot be sent.
pub(crate) fn early_mark(payload: &[u8], needle: &Needle) -> Option<usize> {
    if let Some(at) = needle.find(payload) {
        return Some(at);
    }
    // The mark may also begin in the payload and end in the mark behind it.
    let mark = needle.bytes();
    let from = payload.len().saturating_sub(mark.len() - 1);
    let seam: Vec<u8> = [&payload[from..], mark].concat();
    let at = from + needle.find(&seam).unwrap_or(seam.len());
    (at < payload.len()).then_some(at)
}
