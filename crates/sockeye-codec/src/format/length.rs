//! A length field in front of the payload, binary or in digits, with other header bytes around it
//! (`specs/00-framing.md` §4).

use super::Found;
use super::marked::Seek;
use crate::encoder::Inline;
use crate::error::{EncodeError, Malformed};
use crate::framing::{Mark, Resync};
use crate::length::{ByteOrder, Width};
use crate::work;

/// The longest header with a length field in it, in bytes: no protocol with a fixed header is known to have more.
pub(crate) const HEADER_LIMIT: usize = 64;

/// The header of frames that say their length at a fixed place.
///
/// A frame of `n` bytes says `n - base`; so every way of counting is one number, and framings that mean the same are
/// equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LengthHeader {
    field: Field,
    /// Bytes before the field.
    offset: u8,
    /// Bytes of the header behind the field.
    extra: u8,
    /// How many bytes of the frame the field does not count; negative where it counts more than there are.
    base: i64,
    /// How many bytes at the front of a frame are not handed out.
    strip: u8,
    /// What the frame begins with, always.
    lead: Option<Mark>,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Field {
    Binary { width: Width, order: ByteOrder },
    Digits { radix: Radix, count: u8, pad: Pad },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Radix {
    Decimal,
    Hexadecimal,
}

/// What fills the field in front of a number with fewer digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pad {
    Zero,
    Space,
}

/// What the number in the field counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// The payload.
    Body,
    /// All that follows the field.
    Rest,
    /// The whole frame.
    All,
}

/// Settings that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "each says what is too long")]
pub(crate) enum Misfit {
    HeaderTooLong,
    StripTooLong { header: usize },
    LeadTooLong { offset: usize },
}

impl LengthHeader {
    /// One byte has no order: it is kept as big-endian, so that equal framings compare equal.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "a width is 1 to 8 bytes"
    )]
    pub(crate) const fn binary(width: Width, order: ByteOrder) -> Self {
        let order = match width {
            Width::U8 => ByteOrder::Big,
            _ => order,
        };
        let bytes = width.bytes();
        Self {
            field: Field::Binary { width, order },
            offset: 0,
            extra: 0,
            base: bytes as i64,
            strip: bytes as u8,
            lead: None,
        }
    }

    /// The general case. `adjust` is added to what `counts` makes of the number; without `strip` the whole header is
    /// taken off.
    pub(crate) fn new(
        field: Field,
        (offset, extra): (usize, usize),
        (counts, adjust): (Counts, i64),
        strip: Option<usize>,
        lead: Option<Mark>,
    ) -> Result<Self, Misfit> {
        let header = offset + field.len() + extra;
        if header > HEADER_LIMIT {
            return Err(Misfit::HeaderTooLong);
        }
        let strip = strip.unwrap_or(header);
        if strip > header {
            return Err(Misfit::StripTooLong { header });
        }
        if lead.as_ref().is_some_and(|lead| lead.len() > offset) {
            return Err(Misfit::LeadTooLong { offset });
        }
        let base = adjust + Self::uncounted(field, (offset, extra), counts);
        // All are at most HEADER_LIMIT.
        let small = |len: usize| u8::try_from(len).unwrap_or(u8::MAX);
        Ok(Self { field, offset: small(offset), extra: small(extra), base, strip: small(strip), lead })
    }

    /// Bytes of a frame that a number does not count.
    fn uncounted(field: Field, (offset, extra): (usize, usize), counts: Counts) -> i64 {
        let bytes = match counts {
            Counts::Body => offset + field.len() + extra,
            Counts::Rest => offset + field.len(),
            Counts::All => 0,
        };
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }

    pub(crate) const fn field(&self) -> Field {
        self.field
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset.into()
    }

    pub(crate) fn extra(&self) -> usize {
        self.extra.into()
    }

    pub(crate) fn lead(&self) -> Option<&Mark> {
        self.lead.as_ref()
    }

    pub(crate) const fn has_lead(&self) -> bool {
        self.lead.is_some()
    }

    /// What is left to adjust when the number is said to count this.
    pub(crate) fn adjust(&self, counts: Counts) -> i64 {
        self.base - Self::uncounted(self.field, (self.offset(), self.extra()), counts)
    }

    pub(crate) fn strip(&self) -> usize {
        self.strip.into()
    }

    /// Bytes of the whole header.
    pub(crate) fn header_len(&self) -> usize {
        self.offset() + self.field.len() + self.extra()
    }

    /// The longest payload that the field can say.
    pub(crate) fn largest_payload(&self) -> usize {
        let wire = self.field.largest().saturating_add_signed(self.base);
        let wire = usize::try_from(wire).unwrap_or(usize::MAX);
        wire.saturating_sub(self.strip())
    }

    #[inline]
    pub(crate) fn read(&self, live: &[u8], max: usize) -> Found {
        work::count(live.len().min(self.header_len()));
        if let Field::Binary { width, order } = self.field
            && self.lead.is_none()
            && let Some(announced) = read_binary(live, self.offset(), width, order)
        {
            return self.measure(announced, live.len(), max);
        }
        self.read_carefully(live, max)
    }

    /// The same without haste: checks the lead and digits, also of a header that is not complete.
    fn read_carefully(&self, live: &[u8], max: usize) -> Found {
        if let Some((at, found)) = self.lead.as_ref().and_then(|lead| mismatch(lead.bytes(), live)) {
            return Found::invalid(at, Malformed::Lead { found });
        }
        let end = self.offset() + self.field.len();
        let field = live.get(self.offset()..live.len().min(end)).unwrap_or_default();
        match self.field.read(field) {
            Err((at, reason)) => Found::invalid(self.offset() + at, reason),
            Ok(_) if live.len() < end => Found::Need(end - live.len()),
            Ok(announced) => self.measure(announced, live.len(), max),
        }
    }

    /// What a frame is that announces this.
    #[inline]
    fn measure(&self, announced: u64, have: usize, max: usize) -> Found {
        let Some(wire) = announced.checked_add_signed(self.base) else {
            return self.unmeasurable(announced);
        };
        if wire < self.header_len() as u64 {
            return Found::invalid(self.offset(), Malformed::ShorterThanHeader { announced });
        }
        let payload = wire - u64::from(self.strip);
        match usize::try_from(payload) {
            Ok(payload) if payload <= max => {
                let wire = payload + self.strip();
                if have < wire {
                    return Found::Need(wire - have);
                }
                Found::Frame { header: self.strip(), payload, wire }
            }
            _ => Found::Oversize { announced: payload, wire: Some(wire), unread: 0 },
        }
    }

    #[cold]
    fn unmeasurable(&self, announced: u64) -> Found {
        if self.base < 0 {
            return Found::invalid(self.offset(), Malformed::ShorterThanHeader { announced });
        }
        Found::Oversize { announced: u64::MAX, wire: Some(u64::MAX), unread: 0 }
    }

    /// The bytes to send before this payload.
    pub(crate) fn prefix(&self, payload: &[u8]) -> Result<Inline, EncodeError> {
        let (strip, header) = (self.strip(), self.header_len());
        let min = header - strip;
        let wire = (payload.len() + strip) as u64;
        let number = if payload.len() < min { None } else { wire.checked_add_signed(-self.base) };
        let Some(number) = number else {
            let least = usize::try_from(self.base).unwrap_or(0).saturating_sub(strip);
            return Err(EncodeError::TooShort { len: payload.len(), min: min.max(least) });
        };
        let mut bytes = Inline::zeros(header);
        if let Some(lead) = &self.lead {
            bytes.put(0, lead.bytes());
        }
        self.field.write(number, self.offset(), &mut bytes);
        self.check_own(bytes.as_ref(), payload)?;
        bytes.truncate(strip);
        Ok(bytes)
    }

    /// The part of the header that belongs to the payload must say what the frame will be.
    fn check_own(&self, header: &[u8], payload: &[u8]) -> Result<(), EncodeError> {
        let lead = 0..self.lead.as_ref().map_or(0, Mark::len);
        let field = self.offset()..self.offset() + self.field.len();
        let wrong = (self.strip()..header.len())
            .filter(|at| lead.contains(at) || field.contains(at))
            .find(|at| payload.get(at - self.strip()) != Some(&header[*at]));
        match wrong {
            Some(at) => Err(EncodeError::WrongHeader { at: at - self.strip(), needed: header[at] }),
            None => Ok(()),
        }
    }
}

/// Where and with which byte `live` first differs from `mark`, as far as both go.
pub(crate) fn mismatch(mark: &[u8], live: &[u8]) -> Option<(usize, u8)> {
    let at = mark.iter().zip(live).position(|(mark, live)| mark != live)?;
    Some((at, live[at]))
}

/// The number at `offset`, if it is complete.
#[inline]
fn read_binary(live: &[u8], offset: usize, width: Width, order: ByteOrder) -> Option<u64> {
    let unused = 64 - 8 * width.bytes();
    if let Some(word) = live.get(offset..).and_then(<[u8]>::first_chunk::<8>) {
        return Some(match order {
            ByteOrder::Big => u64::from_be_bytes(*word) >> unused,
            ByteOrder::Little => u64::from_le_bytes(*word) & (u64::MAX >> unused),
        });
    }
    let field = live.get(offset..offset + width.bytes())?;
    let shift_in = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
    Some(match order {
        ByteOrder::Big => field.iter().fold(0, shift_in),
        ByteOrder::Little => field.iter().rev().fold(0, shift_in),
    })
}

impl Field {
    /// Bytes on the wire.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Binary { width, .. } => width.bytes(),
            Self::Digits { count, .. } => usize::from(count),
        }
    }

    /// The largest number it can say.
    fn largest(self) -> u64 {
        match self {
            Self::Binary { width, .. } => width.largest(),
            Self::Digits { radix, count, .. } => {
                radix.base().checked_pow(u32::from(count)).map_or(u64::MAX, |end| end - 1)
            }
        }
    }

    /// The number in a field, or in as much of it as there is.
    fn read(self, field: &[u8]) -> Result<u64, (usize, Malformed)> {
        match self {
            Self::Binary { width, order } => Ok(read_binary(field, 0, width, order).unwrap_or(0)),
            Self::Digits { radix, count, pad } => {
                let last = usize::from(count) - 1;
                let mut number = 0_u64;
                let mut padding = pad == Pad::Space;
                for (at, &byte) in field.iter().enumerate() {
                    if padding && byte == b' ' && at < last {
                        continue;
                    }
                    padding = false;
                    let digit = radix.digit(byte).ok_or((at, Malformed::Digit { found: byte }))?;
                    number = number.saturating_mul(radix.base()).saturating_add(digit);
                }
                Ok(number)
            }
        }
    }

    /// Puts a number that fits at `offset`.
    fn write(self, number: u64, offset: usize, bytes: &mut Inline) {
        match self {
            Self::Binary { width, order: ByteOrder::Big } => {
                bytes.put(offset, &number.to_be_bytes()[8 - width.bytes()..]);
            }
            Self::Binary { width, order: ByteOrder::Little } => {
                bytes.put(offset, &number.to_le_bytes()[..width.bytes()]);
            }
            Self::Digits { radix, count, pad } => {
                let mut rest = number;
                for place in (0..usize::from(count)).rev() {
                    let first = place + 1 == usize::from(count);
                    let digit = if rest == 0 && !first && pad == Pad::Space {
                        b' '
                    } else {
                        Radix::write(rest % radix.base())
                    };
                    bytes.put(offset + place, &[digit]);
                    rest /= radix.base();
                }
            }
        }
    }
}

impl Radix {
    const fn base(self) -> u64 {
        match self {
            Self::Decimal => 10,
            Self::Hexadecimal => 16,
        }
    }

    fn digit(self, byte: u8) -> Option<u64> {
        let radix = if self == Self::Decimal { 10 } else { 16 };
        char::from(byte).to_digit(radix).map(u64::from)
    }

    /// Hexadecimal digits are written small, and read either way.
    fn write(digit: u64) -> u8 {
        b"0123456789abcdef"[usize::try_from(digit).unwrap_or(0) & 15]
    }
}

/// A reader that, where the lead does not stand, looks for the next one.
#[derive(Clone, Debug)]
pub(crate) struct LedReader {
    header: LengthHeader,
    seek: Seek,
}

impl LedReader {
    /// None where there is nothing to look for, or it was not asked for.
    pub(crate) fn new(header: &LengthHeader, resync: Resync) -> Option<Self> {
        let lead = header.lead.as_ref().filter(|_| resync == Resync::Marker)?;
        Some(Self { header: header.clone(), seek: Seek::new(lead, resync) })
    }

    pub(crate) fn read(&mut self, live: &[u8], max: usize) -> Found {
        if let Some(found) = self.seek.front(live) {
            return found;
        }
        let found = self.header.read(live, max);
        if matches!(found, Found::Invalid { .. }) {
            self.seek.lose();
        }
        found
    }
}
