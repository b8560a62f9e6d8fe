//! A decoder without a buffer: what a reader found becomes an answer, with offsets in the stream and what follows from
//! errors.

use crate::decoder::Step;
use crate::error::{Malformed, Truncated};
use crate::format::{Found, Reader};
use crate::framing::{Framing, Oversize, Resync};

/// Reads one stream. Whoever has the bytes calls [`step`](Self::step) with those that were not consumed yet.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    framing: Framing,
    reader: Reader,
    state: State,
    /// Where the first byte that was not consumed stands in the stream.
    offset: u64,
    /// Where the current frame begins in the stream: before `offset` only while a refused frame is passed over.
    frame_at: u64,
    /// Bytes of the current frame, or of the part of it that was not passed over yet, that were removed from the buffer.
    removed: usize,
    /// Bytes before `offset` that belong to no frame and were not reported yet.
    garbage: u64,
    /// What the last [`Outcome::Need`] asked for.
    need: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// The rest of a refused frame is passed over: so many bytes, and so many that the reader reads itself.
    Discarding {
        left: u64,
        unread: usize,
    },
    /// A broken frame of so many bytes is passed over.
    Broken {
        len: usize,
    },
    /// A frame was refused for good; it ends at `end` where that is known.
    Refused {
        announced: u64,
        end: Option<u64>,
    },
    /// Nothing more can be read.
    Invalid {
        offset: u64,
        reason: Malformed,
    },
}

/// What to do with the bytes, and what to answer. `consume` is how many bytes at the front are done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Need(usize),
    Frame {
        header: usize,
        payload: usize,
        consume: usize,
        offset: u64,
        wire_len: usize,
    },
    Consume(usize),
    Remove {
        at: usize,
        len: usize,
    },
    Garbage {
        consume: usize,
        offset: u64,
        len: u64,
    },
    /// `stopped`: the answer stays the same, no bytes are needed any more.
    Oversize {
        offset: u64,
        announced: u64,
        stopped: bool,
    },
    Invalid {
        offset: u64,
        reason: Malformed,
        stopped: bool,
    },
}

impl Machine {
    pub(crate) fn new(framing: Framing) -> Self {
        let reader = Reader::new(&framing);
        Self {
            framing,
            reader,
            state: State::Reading,
            offset: 0,
            frame_at: 0,
            removed: 0,
            garbage: 0,
            need: 0,
        }
    }

    pub(crate) const fn framing(&self) -> &Framing {
        &self.framing
    }

    /// Whether the last answer is the last there will be.
    pub(crate) const fn has_stopped(&self) -> bool {
        matches!(self.state, State::Refused { .. } | State::Invalid { .. })
    }

    /// Bytes passed over that were not reported yet, where they begin and how many.
    pub(crate) const fn garbage(&self) -> (u64, u64) {
        (self.offset - self.garbage, self.garbage)
    }

    /// Whether a frame has begun, or what belongs to none, given how many bytes are not consumed.
    pub(crate) const fn is_inside(&self, live: usize) -> bool {
        live > 0 || self.garbage > 0 || self.frame_at != self.offset
    }

    /// The next answer. `live` are all bytes that arrived and were not consumed.
    #[inline]
    pub(crate) fn step(&mut self, live: &mut [u8]) -> Outcome {
        if self.state == State::Reading {
            match self.reader.read(live, self.framing.max) {
                Found::Frame { header, payload, wire } => self.frame(header, payload, wire),
                Found::Need(missing) => {
                    self.need = missing;
                    Outcome::Need(missing)
                }
                found => self.found(found),
            }
        } else {
            self.go_on(live.len())
        }
    }

    /// Frames at the front of `live` that need no looking back, for readers that have a way of their own through many. Gives how
    /// many bytes they took.
    #[inline]
    pub(crate) fn run(&mut self, live: &[u8], take: &mut impl FnMut(Step<'_>)) -> usize {
        let plain = self.state == State::Reading && self.removed == 0 && self.garbage == 0;
        let Reader::Delimited(reader) = &mut self.reader else { return 0 };
        if !plain {
            return 0;
        }
        let used = reader.run(live, self.framing.max, self.offset, take);
        // A frame that is being passed over is not at its end because none was found.
        if used > 0 {
            self.advance(used, false);
        }
        used
    }

    #[inline]
    fn frame(&mut self, header: usize, payload: usize, wire: usize) -> Outcome {
        let offset = self.offset;
        let wire_len = wire + self.removed;
        self.advance(wire, false);
        Outcome::Frame { header, payload, consume: wire, offset, wire_len }
    }

    /// Everything but frames and waiting.
    fn found(&mut self, found: Found) -> Outcome {
        match found {
            Found::Pass { len, open } => {
                self.advance(len, open);
                Outcome::Consume(len)
            }
            Found::Remove { at, len } => {
                self.removed += len;
                Outcome::Remove { at, len }
            }
            Found::Garbage { len, resumed } => self.pass_garbage(len, resumed),
            Found::Oversize { announced, wire, unread } => self.refuse(announced, wire, unread),
            Found::Invalid { at, reason, frame } => self.reject(at, reason, frame),
            Found::Need(_) | Found::Frame { .. } => unreachable!("handled by the caller"),
        }
    }

    fn pass_garbage(&mut self, len: usize, resumed: bool) -> Outcome {
        self.advance(len, false);
        self.garbage += len as u64;
        if !resumed {
            return Outcome::Consume(len);
        }
        let (offset, total) = self.garbage();
        self.garbage = 0;
        Outcome::Garbage { consume: len, offset, len: total }
    }

    fn refuse(&mut self, announced: u64, wire: Option<u64>, unread: usize) -> Outcome {
        let offset = self.offset;
        let stopped = self.framing.oversize == Oversize::Fail;
        if stopped {
            let end = wire.map(|wire| offset.saturating_add(wire));
            self.state = State::Refused { announced, end };
        } else if let Some(wire) = wire {
            self.state = State::Discarding { left: wire - unread as u64, unread };
        }
        Outcome::Oversize { offset, announced, stopped }
    }

    fn reject(&mut self, at: usize, reason: Malformed, frame: Option<usize>) -> Outcome {
        let offset = self.offset + (self.removed + at) as u64;
        let stopped = self.framing.resync == Resync::Off;
        if stopped {
            self.state = State::Invalid { offset, reason };
        } else if let Some(len) = frame {
            self.state = State::Broken { len };
        }
        Outcome::Invalid { offset, reason, stopped }
    }

    /// The answers of all states but reading.
    fn go_on(&mut self, have: usize) -> Outcome {
        match self.state {
            State::Reading => Outcome::Need(0),
            State::Refused { announced, .. } => {
                Outcome::Oversize { offset: self.frame_at, announced, stopped: true }
            }
            State::Invalid { offset, reason } => Outcome::Invalid { offset, reason, stopped: true },
            State::Broken { len } => {
                self.state = State::Reading;
                self.pass_garbage(len, true)
            }
            State::Discarding { left, unread } => self.discard(left, unread, have),
        }
    }

    fn discard(&mut self, left: u64, unread: usize, have: usize) -> Outcome {
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(have);
        let left = left - len as u64;
        if left == 0 {
            self.state = State::Reading;
            self.advance(len, unread > 0);
            return Outcome::Consume(len);
        }
        self.state = State::Discarding { left, unread };
        if len > 0 {
            self.advance(len, true);
            return Outcome::Consume(len);
        }
        self.need = usize::try_from(left).unwrap_or(usize::MAX).saturating_add(unread);
        Outcome::Need(self.need)
    }

    /// Goes on by `len` bytes of the buffer, and by those that were removed from among them.
    #[inline]
    fn advance(&mut self, len: usize, open: bool) {
        self.offset += (len + core::mem::take(&mut self.removed)) as u64;
        if !open {
            self.frame_at = self.offset;
        }
    }

    /// How a stream of `received` bytes ended, after the answer was to need more or that it has stopped.
    pub(crate) fn end(&self, received: u64) -> Result<(), Truncated> {
        let begun = self.frame_at - self.garbage;
        let have = received.saturating_sub(begun);
        let need = match self.state {
            State::Refused { end: Some(end), .. } if received < end => Some(end - begun),
            State::Refused { .. } | State::Invalid { .. } => return Ok(()),
            _ if have == 0 => return Ok(()),
            _ if self.need == 0 || self.garbage > 0 => None,
            _ => Some(have.saturating_add(self.need as u64)),
        };
        Err(Truncated { have, need, garbage: self.garbage > 0 })
    }
}
