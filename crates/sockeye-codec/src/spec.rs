//! The text of a framing, and the one function that reads the front of a buffer by it.

use alloc::borrow::ToOwned;
use core::fmt;
use core::num::NonZeroUsize;
use core::str::FromStr;

use crate::error::SpecError;
use crate::length::{ByteOrder, LengthField, Width};

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
/// the shortest text that reads back as the same framing.
///
/// ```
/// use sockeye_codec::{ByteOrder, FramingSpec, Width};
///
/// const CONTROL: FramingSpec = FramingSpec::length(Width::U32, ByteOrder::Big);
/// assert_eq!(CONTROL, "len:u32be,max=1MiB".parse()?);
/// assert_eq!(CONTROL.to_string(), "len:u32be");
/// # Ok::<(), sockeye_codec::SpecError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FramingSpec {
    field: LengthField,
    max: usize,
}

/// What stands at the front of a buffer: the answer of [`FramingSpec::peek`].
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
}

impl FramingSpec {
    /// A length field followed by that many bytes of payload, with [`DEFAULT_MAX`].
    ///
    /// The order of a one-byte field has no meaning and is ignored.
    pub const fn length(width: Width, order: ByteOrder) -> Self {
        Self { field: LengthField::new(width, order), max: DEFAULT_MAX }
    }

    /// The same framing with another longest payload, in bytes, brought into `1..=LARGEST_MAX`.
    #[must_use]
    pub const fn with_max(self, max: usize) -> Self {
        let max = match max {
            0 => 1,
            _ if max > LARGEST_MAX => LARGEST_MAX,
            _ => max,
        };
        Self { max, ..self }
    }

    /// The longest payload this framing can carry, in bytes: its `max`, or what the length field can hold where
    /// that is less.
    pub fn max_payload(&self) -> usize {
        usize::try_from(self.field.width().largest()).unwrap_or(usize::MAX).min(self.max)
    }

    /// Looks at the front of `buffer` without taking anything: the way to read frames out of a buffer of one's own.
    ///
    /// ```
    /// use sockeye_codec::{FramingSpec, Peek};
    ///
    /// let spec: FramingSpec = "len:u16be".parse()?;
    /// let buffer = b"\x00\x05tulip\x00";
    /// let Peek::Frame { header_len, payload_len, wire_len } = spec.peek(buffer) else { panic!() };
    /// assert_eq!(&buffer[header_len..header_len + payload_len], b"tulip");
    /// assert_eq!(spec.peek(&buffer[wire_len..]), Peek::Need(core::num::NonZeroUsize::new(1)));
    /// # Ok::<(), sockeye_codec::SpecError>(())
    /// ```
    pub fn peek(&self, buffer: &[u8]) -> Peek {
        let header_len = self.header_len();
        let Some(header) = buffer.get(..header_len) else {
            return Peek::Need(NonZeroUsize::new(header_len - buffer.len()));
        };
        let announced = self.field.read(header);
        let payload_len = match usize::try_from(announced) {
            Ok(len) if len <= self.max => len,
            _ => return Peek::Oversize { announced },
        };
        let wire_len = header_len + payload_len;
        match NonZeroUsize::new(wire_len.saturating_sub(buffer.len())) {
            None => Peek::Frame { header_len, payload_len, wire_len },
            missing => Peek::Need(missing),
        }
    }

    pub(crate) fn header_len(&self) -> usize {
        self.field.width().bytes()
    }

    pub(crate) fn field(&self) -> LengthField {
        self.field
    }
}

impl FromStr for FramingSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let (framing, keys) = match text.split_once(',') {
            Some((framing, keys)) => (framing, Some(keys)),
            None => (text, None),
        };
        let spec = framing
            .strip_prefix("len:")
            .and_then(field_from_text)
            .map(|field| Self { field, max: DEFAULT_MAX });
        let Some(mut spec) = spec else {
            return Err(SpecError::UnknownFraming { framing: framing.to_owned() });
        };
        let mut max = None;
        for pair in keys.into_iter().flat_map(|keys| keys.split(',')) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "max" if max.is_some() => return Err(SpecError::RepeatedKey { key: key.to_owned() }),
                "max" => max = Some(size_from_text(value)?),
                _ => return Err(SpecError::UnknownKey { key: key.to_owned() }),
            }
        }
        spec.max = max.unwrap_or(DEFAULT_MAX);
        Ok(spec)
    }
}

impl fmt::Display for FramingSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "len:u{}", 8 * self.header_len())?;
        match (self.field.width(), self.field.order()) {
            (Width::U8, _) => {}
            (_, ByteOrder::Big) => formatter.write_str("be")?,
            (_, ByteOrder::Little) => formatter.write_str("le")?,
        }
        if self.max == DEFAULT_MAX {
            return Ok(());
        }
        let unit = SIZE_UNITS.iter().find(|(_, unit)| self.max.is_multiple_of(*unit));
        let (suffix, unit) = unit.copied().unwrap_or(("", 1));
        write!(formatter, ",max={}{suffix}", self.max / unit)
    }
}

/// `u8`, `u16be`, `u24le`, …
fn field_from_text(text: &str) -> Option<LengthField> {
    let bits = text.strip_prefix('u')?;
    if bits == "8" {
        return Some(LengthField::new(Width::U8, ByteOrder::Big));
    }
    let (bits, order) = if let Some(bits) = bits.strip_suffix("be") {
        (bits, ByteOrder::Big)
    } else {
        (bits.strip_suffix("le")?, ByteOrder::Little)
    };
    let width = match bits {
        "16" => Width::U16,
        "24" => Width::U24,
        "32" => Width::U32,
        "40" => Width::U40,
        "48" => Width::U48,
        "56" => Width::U56,
        "64" => Width::U64,
        _ => return None,
    };
    Some(LengthField::new(width, order))
}

/// `4096`, `64KiB`, `1MiB`, `1GiB`: digits only, so that `+1` and `1_000` are no sizes.
fn size_from_text(text: &str) -> Result<usize, SpecError> {
    let (digits, unit) = SIZE_UNITS
        .iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))
        .unwrap_or((text, 1));
    let number =
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse::<usize>().ok() } else { None };
    number
        .and_then(|number| number.checked_mul(unit))
        .filter(|size| (1..=LARGEST_MAX).contains(size))
        .ok_or_else(|| SpecError::InvalidMax { value: text.to_owned() })
}

/// Suffixes of sizes and their bytes, the largest first.
const SIZE_UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
