//! Reads the text of a framing.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str::FromStr;

use super::scan::Part;
use super::{PRESETS, SIZE_UNITS, SpecError, SpecErrorKind};
use crate::format::{Counts, Escape, Field, LengthHeader, Misfit, Pad, Radix};
use crate::framing::{Framing, Kind, LARGEST_MAX, MARK_LIMIT, Mark, Oversize, Resync};
use crate::length::{ByteOrder, Width};

impl FromStr for Framing {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let whole = Part::whole(text);
        if text.is_empty() {
            return Err(whole.error(SpecErrorKind::Empty));
        }
        whole.check()?;
        let (name, keys) = match whole.split_once(",") {
            Some((name, keys)) => (name, Some(keys)),
            None => (whole, None),
        };
        if let Some((_, meaning)) = PRESETS.iter().find(|(preset, _)| *preset == name.text) {
            return preset(meaning, keys);
        }
        build(name, &Keys::read(keys)?)
    }
}

/// A preset's own keys come first; those typed behind it are read with it, at their own places.
fn preset(meaning: &'static str, typed: Option<Part<'_>>) -> Result<Framing, SpecError> {
    let whole = Part::preset(meaning);
    let (name, own) = match whole.split_once(",") {
        Some((name, keys)) => (name, Some(keys)),
        None => (whole, None),
    };
    let mut keys = Keys::read(own)?;
    keys.add(typed)?;
    build(name, &keys)
}

/// The settings behind the commas.
struct Keys<'a> {
    all: Vec<(Part<'a>, Part<'a>)>,
}

impl<'a> Keys<'a> {
    fn read(text: Option<Part<'a>>) -> Result<Self, SpecError> {
        let mut keys = Self { all: Vec::new() };
        keys.add(text)?;
        Ok(keys)
    }

    fn add(&mut self, mut text: Option<Part<'a>>) -> Result<(), SpecError> {
        while let Some(rest) = text {
            let (pair, later) = match rest.split_once(",") {
                Some((pair, later)) => (pair, Some(later)),
                None => (rest, None),
            };
            text = later;
            let (key, value) = pair.split_once("=").unwrap_or((pair, pair.nothing()));
            if self.all.iter().any(|(known, _)| known.text == key.text) {
                return Err(key.error(SpecErrorKind::RepeatedKey { key: key.text.to_string() }));
            }
            self.all.push((key, value));
        }
        Ok(())
    }

    /// Refuses keys that are not among these.
    fn only(&self, known: &[&'static str]) -> Result<(), SpecError> {
        let odd = self.all.iter().find(|(key, _)| !known.contains(&key.text));
        odd.map_or(Ok(()), |(key, _)| {
            let kind = SpecErrorKind::UnknownKey { key: key.text.to_string(), known: known.to_vec() };
            Err(key.error(kind))
        })
    }

    /// The value of a key, read by `read`, which says what it takes if it cannot.
    fn value<T>(
        &self,
        name: &str,
        wanted: &'static str,
        read: impl FnOnce(Part<'a>) -> Option<T>,
    ) -> Result<Option<T>, SpecError> {
        let Some((key, value)) = self.all.iter().find(|(key, _)| key.text == name) else { return Ok(None) };
        read(*value).map(Some).ok_or_else(|| {
            let at = if value.text.is_empty() { key } else { value };
            at.error(SpecErrorKind::Value { key: name.to_string(), value: value.text.to_string(), wanted })
        })
    }

    fn number(&self, name: &str, wanted: &'static str) -> Result<Option<u8>, SpecError> {
        self.value(name, wanted, |value| unsigned(value.text))
    }

    /// Where the last of these keys stands, to point at.
    fn place(&self, names: &[&str], otherwise: Part<'a>) -> Part<'a> {
        let key = self.all.iter().rev().find(|(key, _)| names.contains(&key.text));
        key.map_or(otherwise, |(key, _)| *key)
    }
}

/// Keys of every framing.
const COMMON: [&str; 3] = ["max", "oversize", "resync"];

fn build(name: Part<'_>, keys: &Keys<'_>) -> Result<Framing, SpecError> {
    let (word, argument) = match name.split_once(":") {
        Some((word, argument)) => (word, Some(argument)),
        None => (name, None),
    };
    let need = |wanted| argument.ok_or_else(|| name.argument(wanted));
    let own: &[&'static str] = match word.text {
        "len" => &["offset", "extra", "counts", "adjust", "strip", "lead"],
        "dec" | "hex" => &["pad", "offset", "extra", "counts", "adjust", "strip", "lead"],
        "mark" => &["escape"],
        _ => &[],
    };
    let kind = match word.text {
        "delim" => Kind::Delimited(mark(need("complete; the delimiter follows, like delim:'\\r\\n'")?)?),
        "mark" => marks(need("complete; two marks follow, like mark:'{'..'}'")?, keys)?,
        "fixed" => Kind::Fixed(fixed(need("complete; a length follows, like fixed:128")?)?),
        "len" => length(binary(need("complete; a width follows, like len:u32be")?)?, name, keys)?,
        "dec" => length(
            digits(need("complete; a number of digits follows, like dec:4")?, Radix::Decimal, keys)?,
            name,
            keys,
        )?,
        "hex" => length(
            digits(need("complete; a number of digits follows, like hex:4")?, Radix::Hexadecimal, keys)?,
            name,
            keys,
        )?,
        _ => simple(name)?,
    };
    keys.only(&[own, &COMMON].concat())?;
    let resync = resync(&kind, name, keys)?;
    let max = keys.value(
        "max",
        "1 to 1073741824 bytes as a number, alone or followed by KiB, MiB or GiB",
        |value| size(value.text),
    )?;
    let oversize = keys.value("oversize", "fail or skip", |value| match value.text {
        "fail" => Some(Oversize::Fail),
        "skip" => Some(Oversize::Skip),
        _ => None,
    })?;
    let framing = Framing::of(kind, resync).with_oversize(oversize.unwrap_or_default());
    Ok(max.map_or(framing.clone(), |max| framing.with_max(max)))
}

/// Framings that are a name alone.
fn simple(name: Part<'_>) -> Result<Kind, SpecError> {
    let delimited = |bytes: &[u8]| Mark::new(bytes).map(Kind::Delimited).map_err(|_| unknown(name));
    Ok(match name.text {
        "raw" => Kind::Raw,
        "line" => Kind::Line,
        "crlf" => delimited(b"\r\n")?,
        "nul" => delimited(b"\0")?,
        "varint" => Kind::Varint,
        "netstring" => Kind::Netstring,
        "octet-count" | "syslog" => Kind::OctetCount,
        "content-length" => Kind::ContentLength,
        "chunked" => Kind::Chunked,
        "json" => Kind::Json,
        "slip" => Kind::Slip,
        "cobs" => Kind::Cobs,
        _ => return Err(unknown(name)),
    })
}

fn unknown(name: Part<'_>) -> SpecError {
    name.error(SpecErrorKind::UnknownFraming { framing: name.text.to_string() })
}

fn resync(kind: &Kind, name: Part<'_>, keys: &Keys<'_>) -> Result<Resync, SpecError> {
    let wish = keys.value("resync", "off or marker", |value| match value.text {
        "off" => Some(Resync::Off),
        "marker" => Some(Resync::Marker),
        _ => None,
    })?;
    if wish == Some(Resync::Marker) && !kind.can_resync() {
        let why = "resync=marker needs a mark to look for, and this framing has none at the beginning of its frames".to_string();
        return Err(keys.place(&["resync"], name).error(SpecErrorKind::Misfit { why }));
    }
    Ok(wish.unwrap_or_else(|| kind.default_resync()))
}

fn mark(part: Part<'_>) -> Result<Mark, SpecError> {
    let bytes = part.bytes()?;
    Mark::new(&bytes).map_err(|error| {
        let why = format!("a mark has 1 to {MARK_LIMIT} bytes, and this one has {}", error.len);
        part.error(SpecErrorKind::Misfit { why })
    })
}

/// Dots of a bare mark that could as well be the two between the marks, and what follows them.
fn more_dots(tail: Part<'_>) -> Option<Part<'_>> {
    let bare = !tail.text.starts_with(['\'', '"']);
    let at = if tail.text.starts_with('.') { Some(0) } else { tail.text.find("..") };
    at.filter(|_| bare).map(|at| tail.cut(at, 0).1)
}

fn marks(part: Part<'_>, keys: &Keys<'_>) -> Result<Kind, SpecError> {
    let Some((head, tail)) = part.split_once("..") else {
        return Err(part.argument("two marks with two dots between them, like '{'..'}'"));
    };
    if let Some(dots) = more_dots(tail) {
        return Err(dots.argument("the end of one mark; a mark with dots is written in quotes"));
    }
    let (head, tail) = (mark(head)?, mark(tail)?);
    let escape = keys.value("escape", "none or dle", |value| match value.text {
        "none" => Some(Escape::None),
        "dle" => Some(Escape::Dle),
        _ => None,
    })?;
    let escape = escape.unwrap_or_default();
    if !escape.allows(head.bytes(), tail.bytes()) {
        let why = "with escape=dle either both marks begin with DLE (0x10) and the tail goes on, or neither has a DLE".to_string();
        return Err(keys.place(&["escape"], part).error(SpecErrorKind::Misfit { why }));
    }
    Ok(Kind::Marked { head, tail, escape })
}

fn fixed(part: Part<'_>) -> Result<usize, SpecError> {
    size(part.text).ok_or_else(|| part.argument("a length from 1 to 1073741824 bytes"))
}

/// `u8`, `u16be`, `u24le`, …
fn binary(part: Part<'_>) -> Result<Field, SpecError> {
    const WANTED: &str = "a width; write u8, or u16, u24, u32, u40, u48, u56 or u64 followed by be (most significant byte first) or le";
    let read = || {
        let bits = part.text.strip_prefix('u')?;
        if bits == "8" {
            return Some((Width::U8, ByteOrder::Big));
        }
        let (bits, order) = match bits.strip_suffix("be") {
            Some(bits) => (bits, ByteOrder::Big),
            None => (bits.strip_suffix("le")?, ByteOrder::Little),
        };
        let width = Width::ALL.into_iter().skip(1).find(|width| (8 * width.bytes()).to_string() == bits)?;
        Some((width, order))
    };
    let (width, order) = read().ok_or_else(|| part.argument(WANTED))?;
    Ok(Field::Binary { width, order })
}

fn digits(part: Part<'_>, radix: Radix, keys: &Keys<'_>) -> Result<Field, SpecError> {
    let (most, wanted) = match radix {
        Radix::Decimal => (19, "a number of digits from 1 to 19"),
        Radix::Hexadecimal => (16, "a number of digits from 1 to 16"),
    };
    let count = unsigned(part.text).filter(|count| (1..=most).contains(count));
    let count = count.ok_or_else(|| part.argument(wanted))?;
    let pad = keys.value("pad", "zero or space", |value| match value.text {
        "zero" => Some(Pad::Zero),
        "space" => Some(Pad::Space),
        _ => None,
    })?;
    Ok(Field::Digits { radix, count, pad: pad.unwrap_or(Pad::Zero) })
}

fn length(field: Field, name: Part<'_>, keys: &Keys<'_>) -> Result<Kind, SpecError> {
    const BYTES: &str = "a number of bytes from 0 to 64";
    let offset = keys.number("offset", BYTES)?.unwrap_or(0);
    let extra = keys.number("extra", BYTES)?.unwrap_or(0);
    let counts = keys.value("counts", "body, rest or all", |value| match value.text {
        "body" => Some(Counts::Body),
        "rest" => Some(Counts::Rest),
        "all" => Some(Counts::All),
        _ => None,
    })?;
    // The only number that may be negative, hence the only one with a sign.
    let adjust = keys.value("adjust", "a number of bytes, like -4 or 2", |value| value.text.parse().ok())?;
    let strip = keys.value("strip", "all, none or a number of bytes", |value| match value.text {
        "all" => Some(None),
        "none" => Some(Some(0)),
        number => unsigned::<u8>(number).map(|number| Some(usize::from(number))),
    })?;
    let lead =
        keys.all.iter().find(|(key, _)| key.text == "lead").map(|(_, value)| mark(*value)).transpose()?;
    let place = (usize::from(offset), usize::from(extra));
    let meaning = (counts.unwrap_or(Counts::Body), i64::from(adjust.unwrap_or(0_i32)));
    LengthHeader::new(field, place, meaning, strip.flatten(), lead).map(Kind::Length).map_err(|misfit| {
        let (keys_of, why): (&[&str], String) = match misfit {
            Misfit::HeaderTooLong => (&["offset", "extra"], "a header has at most 64 bytes".to_string()),
            Misfit::StripTooLong { header } => {
                (&["strip"], format!("the header has only {header} bytes to strip"))
            }
            Misfit::LeadTooLong { offset } => {
                (&["lead"], format!("the lead stands before the length, where offset= leaves {offset} bytes"))
            }
        };
        keys.place(keys_of, name).error(SpecErrorKind::Misfit { why })
    })
}

/// `4096`, `64KiB`, `1MiB`, `1GiB`.
fn size(text: &str) -> Option<usize> {
    let (digits, unit) = SIZE_UNITS
        .iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))
        .unwrap_or((text, 1));
    let number: Option<usize> = unsigned(digits);
    number.and_then(|number| number.checked_mul(unit)).filter(|size| (1..=LARGEST_MAX).contains(size))
}

/// Digits and nothing else: `+1` and `1_000` are no numbers.
fn unsigned<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
