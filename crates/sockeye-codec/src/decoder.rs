//! Bytes in, frames out.

use alloc::vec::Vec;
use core::num::NonZeroUsize;

use crate::error::Truncated;
use crate::spec::{FramingSpec, Peek};

/// Cuts a stream of bytes into frames.
///
/// Push what arrived, then call [`next`](Self::next) until it answers [`Step::Need`]; at the end of the stream call
/// [`finish`](Self::finish). The answers depend on the bytes alone, not on how they were cut into pushes; see the
/// [crate's page](crate#the-contract-in-three-situations).
///
/// A decoder that is drained after every push holds less than one frame (`max` and its header) plus room for the
/// largest push.
#[derive(Clone, Debug)]
pub struct Decoder {
    spec: FramingSpec,
    buffer: Vec<u8>,
    /// Where the bytes not yet handed out begin in `buffer`.
    start: usize,
    /// Where they begin in the stream.
    offset: u64,
    /// How many bytes were ever pushed.
    received: u64,
    /// The announced length of the frame that was refused; it ends the decoder's work.
    refused: Option<u64>,
}

/// One answer of [`Decoder::next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The next frame. It is handed out once.
    Frame {
        /// The message.
        payload: &'a [u8],
        /// The bytes before the payload, as they arrived.
        header: &'a [u8],
        /// Where the frame begins in the stream, in bytes.
        offset: u64,
        /// Bytes the whole frame took in the stream.
        wire_len: usize,
    },
    /// No complete frame is left; push more. At least this many further bytes are needed before the answer can
    /// change; `None` when the framing cannot tell.
    Need(Option<NonZeroUsize>),
    /// Bytes that belong to no frame were passed over, to find the next one. Framings by length never do this: they
    /// have no mark to search for.
    Garbage {
        /// Where the bytes begin in the stream, in bytes.
        offset: u64,
        /// How many there were, in bytes.
        len: u64,
    },
    /// A frame announces a payload longer than the framing allows. The decoder lets go of its bytes, takes no
    /// more, and gives this answer from now on: where the next frame would begin cannot be trusted.
    Oversize {
        /// Where the frame begins in the stream, in bytes.
        offset: u64,
        /// The announced length of its payload, in bytes.
        announced: u64,
    },
}

impl Decoder {
    /// A decoder at the beginning of a stream. Allocates nothing.
    pub const fn new(spec: FramingSpec) -> Self {
        Self { spec, buffer: Vec::new(), start: 0, offset: 0, received: 0, refused: None }
    }

    /// The framing it reads.
    pub const fn spec(&self) -> FramingSpec {
        self.spec
    }

    /// Takes the next bytes of the stream, as many as there are.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received = self.received.saturating_add(bytes.len() as u64);
        if self.refused.is_none() {
            self.compact();
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame, or what keeps it from coming.
    #[expect(clippy::should_implement_trait, reason = "lends from the buffer, which an iterator cannot")]
    pub fn next(&mut self) -> Step<'_> {
        if let Some(announced) = self.refused {
            return Step::Oversize { offset: self.offset, announced };
        }
        match self.spec.peek(&self.buffer[self.start..]) {
            Peek::Need(missing) => Step::Need(missing),
            Peek::Frame { header_len, payload_len, wire_len } => self.take(header_len, payload_len, wire_len),
            Peek::Oversize { announced } => {
                self.refused = Some(announced);
                self.buffer = Vec::new();
                self.start = 0;
                Step::Oversize { offset: self.offset, announced }
            }
        }
    }

    /// To be called when the stream has ended: was that between two frames?
    ///
    /// Frames not yet taken count as complete. After [`Step::Oversize`] only the refused frame is looked at: it is
    /// truncated unless the announced number of bytes came after all.
    pub fn finish(&self) -> Result<(), Truncated> {
        let mut rest = self.remaining();
        if let Some(announced) = self.refused {
            return self.refused_end(self.offset, announced);
        }
        while !rest.is_empty() {
            let have = rest.len() as u64;
            match self.spec.peek(rest) {
                Peek::Frame { wire_len, .. } => rest = &rest[wire_len..],
                Peek::Need(missing) => {
                    return Err(Truncated { have, need: missing.map(|missing| have + missing.get() as u64) });
                }
                Peek::Oversize { announced } => return self.refused_end(self.received - have, announced),
            }
        }
        Ok(())
    }

    /// The bytes that were pushed and belong to no frame handed out: for a caller that goes on reading the stream
    /// in another way. Empty after [`Step::Oversize`].
    pub fn remaining(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Hands out the complete frame at the front and steps over it.
    fn take(&mut self, header_len: usize, payload_len: usize, wire_len: usize) -> Step<'_> {
        let offset = self.offset;
        let frame = &self.buffer[self.start..self.start + wire_len];
        self.start += wire_len;
        self.offset += wire_len as u64;
        let (header, rest) = frame.split_at(header_len);
        Step::Frame { payload: &rest[..payload_len], header, offset, wire_len }
    }

    /// Drops bytes that were handed out, when at least as many can be dropped as must be moved for it: so a byte is
    /// moved at most once for each byte handed out, and all work is linear in the bytes pushed.
    fn compact(&mut self) {
        let live = self.buffer.len() - self.start;
        if self.start >= live {
            self.buffer.copy_within(self.start.., 0);
            self.buffer.truncate(live);
            self.start = 0;
        }
    }

    /// How a stream ended that contains a refused frame beginning at `offset`.
    fn refused_end(&self, offset: u64, announced: u64) -> Result<(), Truncated> {
        let have = self.received - offset;
        let need = announced.saturating_add(self.spec.header_len() as u64);
        if have < need { Err(Truncated { have, need: Some(need) }) } else { Ok(()) }
    }

    /// Bytes of memory held, for tests.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes handed out that still lie in the buffer, for tests.
    #[cfg(test)]
    pub(crate) fn passed_over(&self) -> usize {
        self.start
    }
}
