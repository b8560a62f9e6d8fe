//! The framings as codecs of tokio-util.

use alloc::vec::Vec;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use tokio_util::codec;

use crate::encoder::Encoder;
use crate::error::{EncodeError, Malformed, Truncated};
use crate::framing::Framing;
use crate::machine::{Machine, Outcome};

/// A framing for `tokio_util::codec::Framed` and its kin: messages out, messages in.
///
/// What comes is a [`Received`]: a message, or word of what was passed over, in the order of the stream. What ends a stream is an
/// [`AdapterError`]. Payloads are cut out of the buffer and not copied: one that is kept for long keeps its piece of that memory.
///
/// ```
/// use bytes::BytesMut;
/// use sockeye_codec::{Adapter, Framing, Received};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let mut codec = Adapter::new("mark:'<'..'>'".parse::<Framing>().unwrap());
/// let mut wire = BytesMut::from("??");
/// codec.encode(b"tulip", &mut wire).unwrap();
/// assert_eq!(&wire[..], b"??<tulip>");
///
/// assert_eq!(codec.decode(&mut wire).unwrap(), Some(Received::Garbage { offset: 0, len: 2 }));
/// let message = codec.decode(&mut wire).unwrap().unwrap().message().unwrap();
/// assert_eq!((message.payload, message.offset), ("tulip".into(), 2));
/// ```
#[derive(Clone, Debug)]
pub struct Adapter {
    /// How far it has looked into the buffer that it is lent.
    machine: Machine,
    /// Bytes of the stream that are in the buffer no more.
    consumed: u64,
    encoder: Encoder,
}

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A message.
    Message(Message),
    /// Bytes that belong to no frame were passed over, to find the next one (`resync=marker`).
    Garbage {
        /// Where the bytes begin in the stream, in bytes.
        offset: u64,
        /// How many there were, in bytes.
        len: u64,
    },
    /// A frame that is too long is passed over (`oversize=skip`).
    Oversize {
        /// Where the frame begins in the stream, in bytes.
        offset: u64,
        /// The announced length of its payload, in bytes; where none is announced, one more than is allowed.
        announced: u64,
    },
    /// A byte cannot stand where it stands; what is broken is passed over (`resync=marker`).
    Invalid {
        /// Where the byte is in the stream.
        offset: u64,
        /// What is wrong with it.
        reason: Malformed,
    },
}

impl Received {
    /// The message, if it is one.
    pub fn message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }
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
    /// A message is announced that is too long (`oversize=fail`).
    #[error("a message of {announced} bytes is announced at offset {offset}, more than the framing allows")]
    Oversize {
        /// Where it begins, in bytes.
        offset: u64,
        /// The announced length, in bytes.
        announced: u64,
    },
    /// The stream does not parse (`resync=off`).
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
    /// Both directions of one stream in one framing.
    pub fn new(framing: Framing) -> Self {
        Self { machine: Machine::new(framing.clone()), consumed: 0, encoder: Encoder::new(framing) }
    }

    /// Takes bytes out at the front of the buffer.
    fn advance(&mut self, source: &mut BytesMut, len: usize) {
        source.advance(len);
        self.consumed += len as u64;
    }

    /// After an error nothing more is read.
    fn let_go(&mut self, source: &mut BytesMut) {
        self.advance(source, source.len());
    }
}

impl codec::Decoder for Adapter {
    type Item = Received;
    type Error = AdapterError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Received>, AdapterError> {
        loop {
            match self.machine.step(source) {
                Outcome::Frame { header, payload, consume, offset, wire_len } => {
                    self.consumed += consume as u64;
                    let frame = source.split_to(consume).freeze();
                    let payload = frame.slice(header..header + payload);
                    return Ok(Some(Received::Message(Message { payload, offset, wire_len })));
                }
                Outcome::Need(_) => return Ok(None),
                Outcome::Consume(len) => self.advance(source, len),
                Outcome::Remove { at, len } => {
                    source.copy_within(at + len.., at);
                    source.truncate(source.len() - len);
                    self.consumed += len as u64;
                }
                Outcome::Garbage { consume, offset, len } => {
                    self.advance(source, consume);
                    if len > 0 {
                        return Ok(Some(Received::Garbage { offset, len }));
                    }
                }
                Outcome::Oversize { offset, announced, stopped: false } => {
                    return Ok(Some(Received::Oversize { offset, announced }));
                }
                Outcome::Invalid { offset, reason, stopped: false } => {
                    return Ok(Some(Received::Invalid { offset, reason }));
                }
                Outcome::Oversize { offset, announced, .. } => {
                    self.let_go(source);
                    return Err(AdapterError::Oversize { offset, announced });
                }
                Outcome::Invalid { offset, reason, .. } => {
                    self.let_go(source);
                    return Err(AdapterError::Invalid { offset, reason });
                }
            }
        }
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Received>, AdapterError> {
        let received = self.decode(source)?;
        if received.is_none() {
            self.machine.end(self.consumed + source.len() as u64)?;
        }
        Ok(received)
    }
}

impl<T: AsRef<[u8]>> codec::Encoder<T> for Adapter {
    type Error = AdapterError;

    fn encode(&mut self, message: T, out: &mut BytesMut) -> Result<(), AdapterError> {
        let payload = message.as_ref();
        if let Some(envelope) = self.encoder.envelope(payload)? {
            let (prefix, suffix) = (envelope.prefix(), envelope.suffix());
            out.reserve(prefix.len() + payload.len() + suffix.len());
            for part in [prefix, payload, suffix] {
                out.extend_from_slice(part);
            }
            return Ok(());
        }
        let mut frame = Vec::new();
        self.encoder.encode(payload, &mut frame)?;
        out.extend_from_slice(&frame);
        Ok(())
    }
}
