//! The payload of one control frame: a message kind, whether it must be understood, and a body
//! (`specs/03-pairing.md` §2).
//!
//! The length header in front of it belongs to the framing layer. The body is a CBOR map with small integers as
//! keys; [`encode_map`] and [`decode_map`] write and read it.

use alloc::vec::Vec;

use minicbor::{Decode, Decoder, Encode};

/// Longest payload of a control frame, in bytes: four manifest segments, so that no message needs to be split and a
/// peer cannot make the other side hold more.
pub const MAX_CONTROL_FRAME: usize = 1 << 20;

/// Bytes before the body.
pub const HEADER_LEN: usize = 2;

/// Largest message kind: fifteen bits.
pub const MAX_KIND: u16 = 0x7fff;

/// The bit that says "whoever does not know this kind must fail".
const CRITICAL_BIT: u16 = 0x8000;

/// One control message, body not yet decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Which message: at most [`MAX_KIND`].
    pub kind: u16,
    /// Whether a receiver that does not know `kind` must fail instead of skipping it.
    pub critical: bool,
    /// The message itself.
    pub body: &'a [u8],
}

/// A payload that is not a control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Fewer bytes than the header.
    #[error("control frame of {0} bytes, shorter than its header")]
    Short(usize),
    /// More than [`MAX_CONTROL_FRAME`].
    #[error("control frame of {0} bytes, longer than allowed")]
    Long(usize),
}

/// A body that is not the CBOR map it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not valid CBOR, a field missing, or a field of another type.
    #[error("message body does not decode")]
    Malformed,
    /// Bytes after the map.
    #[error("{0} bytes after the message body")]
    Trailing(usize),
}

/// Appends the payload of a control frame to `out`. Of `kind`, the low fifteen bits count.
pub fn encode(kind: u16, critical: bool, body: &[u8], out: &mut Vec<u8>) {
    debug_assert!(kind <= MAX_KIND, "kind {kind:#06x} does not fit fifteen bits");
    let head = (kind & MAX_KIND) | if critical { CRITICAL_BIT } else { 0 };
    out.reserve(HEADER_LEN + body.len());
    out.extend_from_slice(&head.to_be_bytes());
    out.extend_from_slice(body);
}

/// Reads the payload of a control frame.
pub fn decode(payload: &[u8]) -> Result<Envelope<'_>, EnvelopeError> {
    if payload.len() > MAX_CONTROL_FRAME {
        return Err(EnvelopeError::Long(payload.len()));
    }
    let Some((head, body)) = payload.split_first_chunk::<HEADER_LEN>() else {
        return Err(EnvelopeError::Short(payload.len()));
    };
    let head = u16::from_be_bytes(*head);
    Ok(Envelope { kind: head & MAX_KIND, critical: head & CRITICAL_BIT != 0, body })
}

/// The bytes of a message body.
pub fn encode_map<T: Encode<()>>(message: &T) -> Vec<u8> {
    let mut body = Vec::new();
    let written = minicbor::encode(message, &mut body);
    debug_assert!(written.is_ok(), "a derived map always fits a growing vector");
    body
}

/// Reads a message body. Unknown fields are skipped; bytes after the map are an error.
pub fn decode_map<'b, T: Decode<'b, ()>>(body: &'b [u8]) -> Result<T, BodyError> {
    let mut decoder = Decoder::new(body);
    let message = decoder.decode().map_err(|_| BodyError::Malformed)?;
    match body.len() - decoder.position() {
        0 => Ok(message),
        rest => Err(BodyError::Trailing(rest)),
    }
}
