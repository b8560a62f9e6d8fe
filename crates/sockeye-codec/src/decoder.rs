//! Bytes in, frames out.

use core::num::NonZeroUsize;

use crate::buffer::Buffer;
use crate::error::{Malformed, Truncated};
use crate::framing::Framing;
use crate::machine::{Machine, Outcome};

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
    machine: Machine,
    buffer: Buffer,
    /// How many bytes ever arrived.
    received: u64,
}

/// One answer of [`Decoder::next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step<'a> {
    /// The next frame. It is handed out once.
    Frame {
        /// The message, as it was before it was framed.
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
    /// Bytes that belong to no frame were passed over, to find the next one. Only framings with a mark to search for do
    /// this.
    Garbage {
        /// Where the bytes begin in the stream, in bytes.
        offset: u64,
        /// How many there were, in bytes.
        len: u64,
    },
    /// A frame has, or announces, a payload longer than the framing allows. With `oversize=skip` it is passed over and the
    /// decoder goes on behind it. Otherwise the decoder lets go of its bytes, takes no more, and gives this answer from
    /// now on: where the next frame would begin cannot be trusted.
    Oversize {
        /// Where the frame begins in the stream, in bytes.
        offset: u64,
        /// The announced length of its payload, in bytes; where none is announced, one more than is allowed.
        announced: u64,
    },
    /// A byte that cannot stand where it stands. With `resync=marker` the next answers pass over what is broken; otherwise the
    /// decoder takes no more and gives this answer from now on.
    Invalid {
        /// Where the byte is in the stream.
        offset: u64,
        /// What is wrong with it.
        reason: Malformed,
    },
}

/// Answers before it is tried again whether there is a way through many at once.
const BETWEEN_RUNS: usize = 32;

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new(framing: Framing) -> Self {
        Self { machine: Machine::new(framing), buffer: Buffer::new(), received: 0 }
    }

    /// The framing it reads.
    pub const fn framing(&self) -> &Framing {
        self.machine.framing()
    }

    /// Takes the next bytes of the stream, as many as there are.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received = self.received.saturating_add(bytes.len() as u64);
        if !self.machine.has_stopped() {
            self.buffer.push(bytes);
        }
    }

    /// Room for at least `min` bytes, to read the next bytes of the stream straight into: [`filled`](Self::filled) says how
    /// many there were.
    ///
    /// ```
    /// use std::io::Read;
    /// use sockeye_codec::{Decoder, Framing, Step};
    ///
    /// let mut stream = &b"\x00\x05tulip"[..];
    /// let mut decoder = Decoder::new("len:u16be".parse::<Framing>()?);
    /// let len = stream.read(decoder.spare(4096))?;
    /// decoder.filled(len);
    /// assert!(matches!(decoder.next(), Step::Frame { payload: b"tulip", .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spare(&mut self, min: usize) -> &mut [u8] {
        self.buffer.room(min)
    }

    /// The first `len` bytes of the room that [`spare`](Self::spare) gave are the next ones of the stream.
    ///
    /// Panics if there was no such room.
    pub fn filled(&mut self, len: usize) {
        self.received = self.received.saturating_add(len as u64);
        self.buffer.filled(len);
        if self.machine.has_stopped() {
            self.buffer.clear();
        }
    }

    /// The next frame, or what keeps it from coming.
    #[expect(clippy::should_implement_trait, reason = "lends from the buffer, which an iterator cannot")]
    #[inline]
    pub fn next(&mut self) -> Step<'_> {
        let (header, payload, consume, offset, wire_len) = loop {
            match self.machine.step(self.buffer.live_mut()) {
                Outcome::Frame { header, payload, consume, offset, wire_len } => {
                    break (header, payload, consume, offset, wire_len);
                }
                Outcome::Need(missing) => return Step::Need(NonZeroUsize::new(missing)),
                Outcome::Consume(len) => {
                    self.buffer.take(len);
                }
                Outcome::Remove { at, len } => self.buffer.remove(at, len),
                Outcome::Garbage { consume, offset, len } => {
                    self.buffer.take(consume);
                    if len > 0 {
                        return Step::Garbage { offset, len };
                    }
                }
                Outcome::Oversize { offset, announced, stopped } => {
                    self.let_go(stopped);
                    return Step::Oversize { offset, announced };
                }
                Outcome::Invalid { offset, reason, stopped } => {
                    self.let_go(stopped);
                    return Step::Invalid { offset, reason };
                }
            }
        };
        let (before, behind) = self.buffer.take(consume).split_at(header);
        Step::Frame { payload: &behind[..payload], header: before, offset, wire_len }
    }

    /// Gives all that can be answered with the bytes there are, in order: what [`next`](Self::next) would give until it needs more
    /// or the decoder has stopped. The fastest way through many short frames.
    ///
    /// ```
    /// use sockeye_codec::{Decoder, Framing, Step};
    ///
    /// let mut decoder = Decoder::new("line".parse::<Framing>()?);
    /// decoder.push(b"one\ntwo\nthr");
    /// let mut lines = Vec::new();
    /// decoder.each(|step| {
    ///     if let Step::Frame { payload, .. } = step {
    ///         lines.push(payload.to_vec());
    ///     }
    /// });
    /// assert_eq!(lines, [b"one", b"two"]);
    /// assert_eq!(decoder.remaining(), b"thr");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn each(&mut self, mut take: impl FnMut(Step<'_>)) {
        loop {
            let used = self.machine.run(self.buffer.live(), &mut take);
            self.buffer.take(used);
            for _ in 0..BETWEEN_RUNS {
                match self.next() {
                    Step::Need(_) => return,
                    step @ Step::Frame { .. } => take(step),
                    step => {
                        take(step);
                        if self.has_stopped() {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn let_go(&mut self, stopped: bool) {
        if stopped {
            self.buffer.clear();
        }
    }

    /// To be called when the stream has ended: was that between two frames?
    ///
    /// Frames not yet taken count as complete. A decoder that has stopped at a frame that is too long looks at that frame
    /// alone: it is truncated unless the announced number of bytes came after all.
    pub fn finish(&self) -> Result<(), Truncated> {
        if self.buffer.len() == 0 || self.machine.has_stopped() {
            return self.machine.end(self.received);
        }
        let mut rest = self.clone();
        loop {
            let waits = matches!(rest.next(), Step::Need(_));
            if waits || rest.has_stopped() {
                break;
            }
        }
        rest.machine.end(rest.received)
    }

    /// The bytes that arrived and belong to nothing handed out: for a caller that goes on reading the stream in another way.
    /// Empty once the decoder has stopped.
    pub fn remaining(&self) -> &[u8] {
        self.buffer.live()
    }

    /// Whether nothing more can be read: the last answer stays.
    pub const fn has_stopped(&self) -> bool {
        self.machine.has_stopped()
    }

    /// Whether a frame has begun that is not complete.
    pub const fn is_inside(&self) -> bool {
        !self.machine.has_stopped() && self.machine.is_inside(self.buffer.len())
    }

    /// Gives back memory that is not needed for the bytes held: for a decoder that will wait long.
    pub fn shrink(&mut self) {
        self.buffer.shrink();
    }

    /// Bytes of memory held.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes handed out that still lie in the buffer, for tests.
    #[cfg(test)]
    pub(crate) const fn passed_over(&self) -> usize {
        self.buffer.passed_over()
    }
}
