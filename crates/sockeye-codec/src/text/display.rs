//! Writes a framing as text.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::SIZE_UNITS;
use crate::format::{Counts, Escape, Field, LengthHeader, Pad, Radix};
use crate::framing::{DEFAULT_MAX, Framing, Kind, Oversize, Resync};
use crate::length::{ByteOrder, Width};

impl fmt::Display for Framing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Raw => formatter.write_str("raw")?,
            Kind::Fixed(len) => write!(formatter, "fixed:{len}")?,
            Kind::Line => formatter.write_str("line")?,
            Kind::Delimited(mark) => match mark.bytes() {
                b"\r\n" => formatter.write_str("crlf")?,
                b"\0" => formatter.write_str("nul")?,
                bytes => write!(formatter, "delim:{}", quoted(bytes))?,
            },
            Kind::Marked { head, tail, escape } => {
                write!(formatter, "mark:{}..{}", quoted(head.bytes()), quoted(tail.bytes()))?;
                if *escape == Escape::Dle {
                    formatter.write_str(",escape=dle")?;
                }
            }
            Kind::Length(header) => write_length(header, formatter)?,
            Kind::Varint => formatter.write_str("varint")?,
            Kind::Netstring => formatter.write_str("netstring")?,
            Kind::OctetCount => formatter.write_str("octet-count")?,
            Kind::ContentLength => formatter.write_str("content-length")?,
            Kind::Chunked => formatter.write_str("chunked")?,
            Kind::Json => formatter.write_str("json")?,
            Kind::Slip => formatter.write_str("slip")?,
            Kind::Cobs => formatter.write_str("cobs")?,
        }
        if self.max != DEFAULT_MAX {
            let unit = SIZE_UNITS.iter().find(|(_, unit)| self.max.is_multiple_of(*unit));
            let (suffix, unit) = unit.copied().unwrap_or(("", 1));
            write!(formatter, ",max={}{suffix}", self.max / unit)?;
        }
        if self.oversize == Oversize::Skip {
            formatter.write_str(",oversize=skip")?;
        }
        match self.resync {
            resync if resync == self.kind.default_resync() => Ok(()),
            Resync::Off => formatter.write_str(",resync=off"),
            Resync::Marker => formatter.write_str(",resync=marker"),
        }
    }
}

fn write_length(header: &LengthHeader, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    match header.field() {
        Field::Binary { width: Width::U8, .. } => formatter.write_str("len:u8")?,
        Field::Binary { width, order } => {
            let order = if order == ByteOrder::Big { "be" } else { "le" };
            write!(formatter, "len:u{}{order}", 8 * width.bytes())?;
        }
        Field::Digits { radix, count, pad } => {
            let name = if radix == Radix::Decimal { "dec" } else { "hex" };
            write!(formatter, "{name}:{count}")?;
            if pad == Pad::Space {
                formatter.write_str(",pad=space")?;
            }
        }
    }
    for (key, bytes) in [("offset", header.offset()), ("extra", header.extra())] {
        if bytes > 0 {
            write!(formatter, ",{key}={bytes}")?;
        }
    }
    let choices = [(Counts::Body, ""), (Counts::Rest, ",counts=rest"), (Counts::All, ",counts=all")];
    match choices.into_iter().find(|(counts, _)| header.adjust(*counts) == 0) {
        Some((_, text)) => formatter.write_str(text)?,
        None => write!(formatter, ",adjust={}", header.adjust(Counts::Body))?,
    }
    match header.strip() {
        all if all == header.header_len() => {}
        0 => formatter.write_str(",strip=none")?,
        some => write!(formatter, ",strip={some}")?,
    }
    match header.lead() {
        Some(lead) => write!(formatter, ",lead={}", quoted(lead.bytes())),
        None => Ok(()),
    }
}

/// In quotes where most of it can be read, else in hexadecimal.
fn quoted(bytes: &[u8]) -> String {
    let readable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t');
    if !bytes.iter().all(readable) {
        return bytes.iter().fold("0x".to_string(), |digits, byte| digits + &format!("{byte:02x}"));
    }
    let escape = |byte: &u8| match byte {
        b'\r' => "\\r".to_string(),
        b'\n' => "\\n".to_string(),
        b'\t' => "\\t".to_string(),
        b'\\' => "\\\\".to_string(),
        b'\'' => "\\'".to_string(),
        byte => char::from(*byte).to_string(),
    };
    format!("'{}'", bytes.iter().map(escape).collect::<String>())
}
