//! The framings as codecs of tokio-util.

use alloc::vec::Vec;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use tokio_util::codec;

use crate::decoder::{Decoder, Step};
use crate::encoder::Encoder;
use crate::error::{EncodeError, Malformed, Truncated};
use crate::framing::Framing;

/// A framing for `tokio_util::codec::Framed` and its kin: messages out, messages in.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use sockeye_codec::{Adapter, Framing};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let mut codec = Adapter::new("dec:4".parse::<Framing>().unwrap());
/// let mut wire = BytesMut::new();
/// codec.encode(Bytes::from_static(b"AAA"), &mut wire).unwrap();
/// assert_eq!(&wire[..], b"0003AAA");
/// assert_eq!(codec.decode(&mut wire).unwrap().unwrap().payload, "AAA");
/// ```
#[derive(Clone, Debug)]
pub struct Adapter {
    decoder: Decoder,
    encoder: Encoder,
}

/// A message that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub payload: Bytes,
    /// Where its frame begins in the stream, in bytes.
    pub offset: u64,
    /// Bytes the whole frame took.
    pub wire_len: usize,
}

/// Why a stream cannot be read or written on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The message does not fit the framing.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A message is announced that is too long.
    #[error("a message of {announced} bytes is announced at offset {offset}, more than the framing allows")]
    Oversize {
        /// Where it begins, in bytes.
        offset: u64,
        /// The announced length, in bytes.
        announced: u64,
    },
    /// The stream does not parse.
    #[error("at offset {offset}: {reason}")]
    Invalid {
        /// Where, in bytes.
        offset: u64,
        /// Why.
        reason: Malformed,
    },
    /// The stream ended inside a message.
    #[error(transparent)]
    Truncated(#[from] Truncated),
}

impl Adapter {
    /// Both directions in one framing.
    pub fn new(framing: Framing) -> Self {
        Self { decoder: Decoder::new(framing.clone()), encoder: Encoder::new(framing) }
    }
}

impl codec::Decoder for Adapter {
    type Item = Message;
    type Error = AdapterError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Message>, AdapterError> {
        self.decoder.push(source);
        source.advance(source.len());
        loop {
            match self.decoder.next() {
                Step::Frame { payload, offset, wire_len, .. } => {
                    return Ok(Some(Message { payload: Bytes::copy_from_slice(payload), offset, wire_len }));
                }
                Step::Need(_) => return Ok(None),
                Step::Garbage { .. } => {}
                Step::Oversize { offset, announced } => {
                    return Err(AdapterError::Oversize { offset, announced });
                }
                Step::Invalid { offset, reason } => return Err(AdapterError::Invalid { offset, reason }),
            }
        }
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Message>, AdapterError> {
        match self.decode(source)? {
            Some(message) => Ok(Some(message)),
            None => self.decoder.finish().map(|()| None).map_err(AdapterError::from),
        }
    }
}

impl codec::Encoder<Bytes> for Adapter {
    type Error = AdapterError;

    fn encode(&mut self, message: Bytes, out: &mut BytesMut) -> Result<(), AdapterError> {
        let mut frame = Vec::new();
        self.encoder.encode(&message, &mut frame)?;
        out.extend_from_slice(&frame);
        Ok(())
    }
}
