//! What arrives: reads in, messages out.

use std::collections::VecDeque;

use sockeye_codec::{Decoder, Framing, Malformed, Step, Truncated};

/// Reads remembered for a message that is not complete. One that took more is told with its first and its last read all the
/// same; what lies between is not kept.
const MOST_READS: usize = 64;

/// Finds the messages in what is read.
///
/// Hand each read to [`read`](Self::read), then call [`next`](Self::next) until it answers `None`; at the end of the stream call
/// [`finish`](Self::finish).
#[derive(Clone, Debug)]
pub struct Inbound {
    decoder: Option<Decoder>,
    /// Without a framing: the read that was not handed out yet.
    raw: Vec<u8>,
    has_raw: bool,
    /// Where reads end that are not handed out whole, in bytes of the stream, with their numbers.
    reads: VecDeque<(u64, u64)>,
    read_count: u64,
    received: u64,
    message_count: u64,
}

/// One thing that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received<'a> {
    /// A message.
    Message {
        /// Its payload.
        payload: &'a [u8],
        /// What stood before the payload, as it arrived.
        header: &'a [u8],
        /// Where it was.
        spot: Spot,
    },
    /// Bytes that belong to no message were passed over.
    Garbage {
        /// Where they begin in the stream, in bytes.
        offset: u64,
        /// How many there were.
        len: u64,
    },
    /// A message announces more than is allowed.
    Oversize {
        /// Where it begins in the stream, in bytes.
        offset: u64,
        /// The announced length of its payload, in bytes.
        announced: u64,
    },
    /// A byte that cannot stand where it stands.
    Invalid {
        /// Where it is in the stream, in bytes.
        offset: u64,
        /// What is wrong with it.
        reason: Malformed,
    },
}

/// Where a message was in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Which message of the stream, from 1.
    pub number: u64,
    /// Where it begins in the stream, in bytes.
    pub offset: u64,
    /// Bytes it took in the stream, all told.
    pub wire_len: usize,
    /// The reads its first and its last byte came in, from 1. Two messages with the same read met in one; a message with two
    /// reads was torn.
    pub reads: (u64, u64),
}

impl Inbound {
    /// For a stream in a framing. Without one every read is a message.
    pub fn new(framing: Option<Framing>) -> Self {
        Self {
            decoder: framing.map(Decoder::new),
            raw: Vec::new(),
            has_raw: false,
            reads: VecDeque::new(),
            read_count: 0,
            received: 0,
            message_count: 0,
        }
    }

    /// The framing of the messages, if there is one.
    pub fn framing(&self) -> Option<&Framing> {
        self.decoder.as_ref().map(Decoder::framing)
    }

    /// Takes what one read gave. Empty is a read too: a datagram or a packet can be.
    pub fn read(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        let Some(decoder) = &mut self.decoder else {
            self.raw.clear();
            self.raw.extend_from_slice(bytes);
            self.has_raw = true;
            return;
        };
        decoder.push(bytes);
        self.remember();
    }

    /// Room to read straight into, at least `min` bytes of it; [`filled`](Self::filled) says how many came. `None` without a framing.
    pub fn spare(&mut self, min: usize) -> Option<&mut [u8]> {
        let room = self.decoder.as_mut()?.spare(min);
        let len = room.len().min(min);
        Some(&mut room[..len])
    }

    /// Takes what one read put into the room that [`spare`](Self::spare) gave.
    pub fn filled(&mut self, len: usize) {
        self.count(len);
        if let Some(decoder) = &mut self.decoder {
            decoder.filled(len);
            self.remember();
        }
    }

    fn count(&mut self, len: usize) {
        self.read_count += 1;
        self.received += len as u64;
    }

    /// Where the last read ended.
    fn remember(&mut self) {
        if self.reads.len() == MOST_READS {
            // The one after the oldest: the oldest is where an unfinished message begins.
            self.reads.remove(1);
        }
        self.reads.push_back((self.received, self.read_count));
    }

    /// The next thing found in what was read so far.
    #[expect(clippy::should_implement_trait, reason = "lends from the buffer, which an iterator cannot")]
    pub fn next(&mut self) -> Option<Received<'_>> {
        if self.decoder.is_none() {
            return self.next_raw();
        }
        let decoder = self.decoder.as_mut()?;
        match decoder.next() {
            Step::Frame { payload, header, offset, wire_len } => {
                self.message_count += 1;
                let reads = span(&mut self.reads, offset, wire_len as u64);
                let spot = Spot { number: self.message_count, offset, wire_len, reads };
                Some(Received::Message { payload, header, spot })
            }
            Step::Garbage { offset, len } => Some(Received::Garbage { offset, len }),
            Step::Oversize { offset, announced } => Some(Received::Oversize { offset, announced }),
            Step::Invalid { offset, reason } => Some(Received::Invalid { offset, reason }),
            // More is needed.
            _ => None,
        }
    }

    fn next_raw(&mut self) -> Option<Received<'_>> {
        if !std::mem::take(&mut self.has_raw) {
            return None;
        }
        self.message_count += 1;
        let spot = Spot {
            number: self.message_count,
            offset: self.received - self.raw.len() as u64,
            wire_len: self.raw.len(),
            reads: (self.read_count, self.read_count),
        };
        Some(Received::Message { payload: &self.raw, header: &[], spot })
    }

    /// To be called at the end of the stream: was that between two messages?
    pub fn finish(&self) -> Result<(), Truncated> {
        self.decoder.as_ref().map_or(Ok(()), Decoder::finish)
    }

    /// Whether nothing more can be read: what was found last is the end.
    pub fn has_stopped(&self) -> bool {
        self.decoder.as_ref().is_some_and(Decoder::has_stopped)
    }

    /// Whether a message has begun and is not complete.
    pub fn is_inside(&self) -> bool {
        self.decoder.as_ref().is_some_and(Decoder::is_inside)
    }

    /// Reads so far.
    pub const fn read_count(&self) -> u64 {
        self.read_count
    }

    /// Bytes so far.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Messages handed out so far.
    pub const fn message_count(&self) -> u64 {
        self.message_count
    }
}

/// The first and the last read of `len` bytes at `offset`; reads that lie wholly before their end are forgotten.
fn span(reads: &mut VecDeque<(u64, u64)>, offset: u64, len: u64) -> (u64, u64) {
    let end = offset + len;
    // A frame of no bytes cannot be; a read of none holds nothing.
    while reads.front().is_some_and(|(read_end, _)| *read_end <= offset) {
        reads.pop_front();
    }
    let first = reads.front().map_or(0, |(_, number)| *number);
    while reads.front().is_some_and(|(read_end, _)| *read_end < end) {
        reads.pop_front();
    }
    let last = reads.front().map_or(first, |(_, number)| *number);
    (first, last)
}
