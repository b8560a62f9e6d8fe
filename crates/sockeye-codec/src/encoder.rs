//! Payloads in, bytes out.

use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::format::{
    Escape, check_json, decimal_prefix, hex_prefix, varint_prefix, write_cobs, write_escaped, write_slip,
};
use crate::framing::{Framing, Kind, Needle, early_mark};

/// Puts payloads into frames.
///
/// It refuses what a receiver with the same framing would refuse, or would read as something else.
#[derive(Clone, Debug)]
pub struct Encoder {
    framing: Framing,
    /// The mark that must not stand in a payload.
    tail: Option<Needle>,
}

/// What stands around a payload that travels as it is: for writing the three parts at once, without copying the payload.
///
/// ```
/// use sockeye_codec::{Encoder, Framing};
///
/// let encoder = Encoder::new("netstring".parse::<Framing>()?);
/// let envelope = encoder.envelope(b"tulip")?.expect("a netstring leaves its payload alone");
/// assert_eq!((envelope.prefix(), envelope.suffix()), (&b"5:"[..], &b","[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    prefix: Prefix<'a>,
    suffix: &'a [u8],
}

#[derive(Clone, Debug)]
enum Prefix<'a> {
    Inline(Inline),
    Mark(&'a [u8]),
}

impl Envelope<'_> {
    /// The bytes before the payload.
    pub fn prefix(&self) -> &[u8] {
        match &self.prefix {
            Prefix::Inline(bytes) => bytes.as_ref(),
            Prefix::Mark(mark) => mark,
        }
    }

    /// The bytes behind it.
    pub const fn suffix(&self) -> &[u8] {
        self.suffix
    }
}

impl Encoder {
    /// An encoder for one framing.
    pub fn new(framing: Framing) -> Self {
        let tail = match &framing.kind {
            Kind::Line => Some(Needle::byte(b'\n')),
            Kind::Delimited(mark) | Kind::Marked { tail: mark, escape: Escape::None, .. } => {
                Some(Needle::new(mark))
            }
            _ => None,
        };
        Self { framing, tail }
    }

    /// The framing it writes.
    pub const fn framing(&self) -> &Framing {
        &self.framing
    }

    /// Appends one frame with this payload to `out`. On an error `out` is as it was.
    pub fn encode(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if let Some(envelope) = self.envelope(payload)? {
            out.reserve(envelope.prefix().len() + payload.len() + envelope.suffix.len());
            out.extend_from_slice(envelope.prefix());
            out.extend_from_slice(payload);
            out.extend_from_slice(envelope.suffix);
            return Ok(());
        }
        match &self.framing.kind {
            Kind::Marked { head, tail, .. } => write_escaped(payload, head.bytes(), tail.bytes(), out),
            Kind::Slip => write_slip(payload, out),
            _ => write_cobs(payload, out),
        }
        Ok(())
    }

    /// What stands around this payload; `None` where the framing changes the payload itself (`slip`, `cobs`, marks with
    /// `escape=dle`), so that only [`encode`](Self::encode) can write it. Errors are those of `encode`.
    pub fn envelope(&self, payload: &[u8]) -> Result<Option<Envelope<'_>>, EncodeError> {
        self.check(payload)?;
        let inline = |bytes, suffix| Some(Envelope { prefix: Prefix::Inline(bytes), suffix });
        let mark = |prefix, suffix| Some(Envelope { prefix: Prefix::Mark(prefix), suffix });
        Ok(match &self.framing.kind {
            Kind::Raw | Kind::Fixed(_) => mark(&[][..], &[][..]),
            Kind::Line | Kind::Json => mark(&[], b"\n"),
            Kind::Delimited(tail) => mark(&[], tail.bytes()),
            Kind::Marked { head, tail, escape: Escape::None } => mark(head.bytes(), tail.bytes()),
            Kind::Length(header) => inline(header.prefix(payload)?, &[][..]),
            Kind::Varint => inline(varint_prefix(payload.len()), &[]),
            Kind::Netstring => inline(decimal_prefix(&[], payload.len(), b":"), b","),
            Kind::OctetCount => inline(decimal_prefix(&[], payload.len(), b" "), &[]),
            Kind::ContentLength => {
                inline(decimal_prefix(b"Content-Length: ", payload.len(), b"\r\n\r\n"), &[])
            }
            Kind::Chunked if payload.is_empty() => mark(b"0\r\n\r\n", &[]),
            Kind::Chunked => inline(hex_prefix(payload.len(), b"\r\n"), b"\r\n0\r\n\r\n"),
            Kind::Marked { .. } | Kind::Slip | Kind::Cobs => None,
        })
    }

    /// Whether a receiver would read this payload as it is.
    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        let (len, max) = (payload.len(), self.framing.max_payload());
        match &self.framing.kind {
            Kind::Fixed(needed) if len != *needed => {
                return Err(EncodeError::WrongLength { len, needed: *needed });
            }
            _ if len > max => return Err(EncodeError::TooLong { len, max }),
            // These have no empty messages: nothing between two ends is nothing, and no length begins with a zero.
            Kind::Slip | Kind::OctetCount if len == 0 => return Err(EncodeError::TooShort { len, min: 1 }),
            // A carriage return there would be taken for the end of the line.
            Kind::Line if payload.last() == Some(&b'\r') => {
                return Err(EncodeError::ContainsMark { at: len - 1 });
            }
            Kind::Json => {
                let begins = payload.first().is_some_and(|byte| !byte.is_ascii_whitespace());
                let result = if begins { check_json(payload) } else { Err(0) };
                return result.map_err(|at| EncodeError::NotJson { at });
            }
            _ => {}
        }
        match self.tail.as_ref().and_then(|tail| early_mark(payload, tail)) {
            Some(at) => Err(EncodeError::ContainsMark { at }),
            None => Ok(()),
        }
    }
}

/// A few bytes, without allocation: enough for every header that is made for a payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inline {
    bytes: [u8; Self::ROOM],
    len: u8,
}

impl Inline {
    /// The longest header with a length field, and a `Content-Length` line with twenty digits, fit.
    const ROOM: usize = 64;

    pub(crate) fn zeros(len: usize) -> Self {
        // Callers stay within the room; what they put beyond it would be refused by `put`.
        Self { bytes: [0; Self::ROOM], len: u8::try_from(len.min(Self::ROOM)).unwrap_or(0) }
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.len)] = byte;
        self.len += 1;
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = u8::try_from(len).unwrap_or(self.len).min(self.len);
    }

    pub(crate) fn joined(parts: [&[u8]; 3]) -> Self {
        let mut all = Self::zeros(0);
        parts.concat().iter().for_each(|byte| all.push(*byte));
        all
    }
}

impl AsRef<[u8]> for Inline {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
