//! The formats, one file each: how it is read and how it is written.
//!
//! A reader looks at the bytes from the beginning of a frame on and says what they are ([`Found`]). It remembers how
//! far it has looked, so that bytes which arrive in pieces are looked at once; it never keeps bytes itself.

mod chunked;
mod cobs;
mod counted;
mod delimited;
mod escaped;
mod headers;
mod json;
mod length;
mod marked;
mod slip;

use crate::error::Malformed;
use crate::framing::{Framing, Kind};

pub(crate) use counted::{decimal_prefix, hex_prefix, varint_prefix};
pub(crate) use escaped::Escape;
pub(crate) use json::check as check_json;
pub(crate) use length::{Counts, Field, LengthHeader, Misfit, Pad, Radix};
pub(crate) use {cobs::write as write_cobs, escaped::write as write_escaped, slip::write as write_slip};

/// What stands at the front of the bytes that were not handed out yet. Numbers are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing complete; at least so many more are needed, 0 where that is unknown.
    Need(usize),
    /// A frame. Its payload, by now as it was before it was framed, is `[header..header + payload]`.
    Frame { header: usize, payload: usize, wire: usize },
    /// Bytes to pass over in silence. `open` when they belong to a frame whose end is still to come.
    Pass { len: usize, open: bool },
    /// Bytes inside the frame that were made superfluous: to be taken out of the buffer.
    Remove { at: usize, len: usize },
    /// Bytes that belong to no frame. `resumed` when a mark stands behind them.
    Garbage { len: usize, resumed: bool },
    /// A payload that is too long. Where its whole length in the stream is known the machine passes it over, otherwise
    /// the reader does. The last `unread` bytes of a known length are the reader's all the same.
    Oversize { announced: u64, wire: Option<u64>, unread: usize },
    /// The byte `at` cannot be there. With `resync`, what follows is passed over: the frame's bytes where its end is
    /// known (`Some`), otherwise as the reader finds it.
    Invalid { at: usize, reason: Malformed, frame: Option<usize> },
}

impl Found {
    const fn invalid(at: usize, reason: Malformed) -> Self {
        Self::Invalid { at, reason, frame: None }
    }
}

/// The reader of one framing, with how far it has got in the current frame.
#[derive(Clone, Debug)]
pub(crate) enum Reader {
    Raw,
    Fixed(usize),
    Delimited(delimited::Reader),
    Marked(marked::Reader),
    Escaped(escaped::Reader),
    Length(LengthHeader),
    LedLength(length::LedReader),
    Varint,
    Netstring(counted::Netstring),
    OctetCount,
    ContentLength(headers::Reader),
    Chunked(chunked::Reader),
    Json(json::Reader),
    Slip(slip::Reader),
    Cobs(cobs::Reader),
}

impl Reader {
    pub(crate) fn new(framing: &Framing) -> Self {
        let resync = framing.resync;
        match &framing.kind {
            Kind::Raw => Self::Raw,
            Kind::Fixed(len) => Self::Fixed(*len),
            Kind::Line => Self::Delimited(delimited::Reader::line()),
            Kind::Delimited(mark) => Self::Delimited(delimited::Reader::new(mark)),
            Kind::Marked { head, tail, escape: Escape::None } => {
                Self::Marked(marked::Reader::new(head, tail, resync))
            }
            Kind::Marked { head, tail, escape: Escape::Dle } => {
                Self::Escaped(escaped::Reader::new(head, tail, resync))
            }
            Kind::Length(header) => match length::LedReader::new(header, resync) {
                Some(reader) => Self::LedLength(reader),
                None => Self::Length(header.clone()),
            },
            Kind::Varint => Self::Varint,
            Kind::Netstring => Self::Netstring(counted::Netstring::default()),
            Kind::OctetCount => Self::OctetCount,
            Kind::ContentLength => Self::ContentLength(headers::Reader::default()),
            Kind::Chunked => Self::Chunked(chunked::Reader::default()),
            Kind::Json => Self::Json(json::Reader::default()),
            Kind::Slip => Self::Slip(slip::Reader::default()),
            Kind::Cobs => Self::Cobs(cobs::Reader::default()),
        }
    }

    /// Says what stands at the front of `live`; may change the bytes of a frame's payload in place.
    #[inline]
    pub(crate) fn read(&mut self, live: &mut [u8], max: usize) -> Found {
        match self {
            Self::Length(header) => header.read(live, max),
            Self::Delimited(reader) => reader.read(live, max),
            other => other.read_other(live, max),
        }
    }

    fn read_other(&mut self, live: &mut [u8], max: usize) -> Found {
        match self {
            Self::Raw => read_raw(live, max),
            Self::Fixed(len) => read_fixed(live, *len),
            Self::Delimited(reader) => reader.read(live, max),
            Self::Marked(reader) => reader.read(live, max),
            Self::Escaped(reader) => reader.read(live, max),
            Self::Length(header) => header.read(live, max),
            Self::LedLength(reader) => reader.read(live, max),
            Self::Varint => counted::read_varint(live, max),
            Self::Netstring(reader) => reader.read(live, max),
            Self::OctetCount => counted::read_octet_count(live, max),
            Self::ContentLength(reader) => reader.read(live, max),
            Self::Chunked(reader) => reader.read(live, max),
            Self::Json(reader) => reader.read(live, max),
            Self::Slip(reader) => reader.read(live, max),
            Self::Cobs(reader) => reader.read(live, max),
        }
    }
}

fn read_raw(live: &[u8], max: usize) -> Found {
    match live.len().min(max) {
        0 => Found::Need(1),
        len => Found::Frame { header: 0, payload: len, wire: len },
    }
}

fn read_fixed(live: &[u8], len: usize) -> Found {
    if live.len() < len {
        return Found::Need(len - live.len());
    }
    Found::Frame { header: 0, payload: len, wire: len }
}
