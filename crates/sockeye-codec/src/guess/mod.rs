//! Which framing could this be? Tries all that are common, and those that a capture suggests, and says how each fares.

mod candidates;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::cmp::Reverse;

use candidates::{Candidate, Says};

use crate::decoder::{Decoder, Step};
use crate::error::{Malformed, Truncated};
use crate::framing::Framing;

/// How a framing fares on a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The framing.
    pub framing: Framing,
    /// How many frames it finds.
    pub frames: u64,
    /// Bytes of their payloads, altogether.
    pub payload: u64,
    /// How it ends.
    pub verdict: Verdict,
}

/// How reading a capture by a framing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// All of it is whole frames.
    Exact,
    /// The end is inside a frame: right if the capture was cut off.
    Truncated(Truncated),
    /// A frame would be longer than is plausible.
    Oversize {
        /// Where it begins, in bytes.
        offset: u64,
        /// The announced length of its payload.
        announced: u64,
    },
    /// A byte cannot stand where it stands.
    Invalid {
        /// Where it is, in bytes.
        offset: u64,
        /// What is wrong with it.
        reason: Malformed,
    },
    /// Bytes belong to no frame.
    Garbage {
        /// Where the first of them are, in bytes.
        offset: u64,
        /// How many they are.
        len: u64,
    },
}

/// Tries every common framing on a capture, best first: those that consume it exactly, with many frames before those with one; then
/// those that end inside a frame; then the rest, by how far they came.
///
/// Besides there are delimiters and marks that the capture itself suggests by how it begins and ends. They fit because they were
/// made to, so they come behind those that fit of themselves; and where nothing else fits at all, frames of one length.
///
/// ```
/// use sockeye_codec::{Verdict, guess};
///
/// let best = &guess(b"0003AAA0004BBBB")[0];
/// assert_eq!((best.framing.to_string().as_str(), best.frames, best.verdict), ("dec:4", 2, Verdict::Exact));
/// assert_eq!(guess(b"one|two|three|")[0].framing, "delim:'|'".parse()?);
/// # Ok::<(), sockeye_codec::SpecError>(())
/// ```
pub fn guess(capture: &[u8]) -> Vec<Guess> {
    let mut tried = try_all(candidates::of_whole(capture), capture);
    if !tried.iter().any(|(_, guess)| guess.is_exact()) {
        tried.extend(try_all(candidates::last_resort(capture), capture));
    }
    // A stable sort: alike ones stay in the order of the table.
    tried.sort_by_key(|(says, guess)| guess.rank(*says));
    tried.into_iter().map(|(_, guess)| guess).collect()
}

/// The same for the beginning of a capture, cut off at any byte: a framing that ends inside a frame fits as well as one that ends
/// with it. Almost any bytes fit some framings then, so that order is another: first those whose frames have something that other
/// bytes have not; then the rest, many frames before few; those that the capture suggests, and those whose length is one byte, last.
///
/// ```
/// use sockeye_codec::guess_cut;
///
/// let best = &guess_cut(b"hello\nhello\nhel")[0];
/// assert_eq!((best.framing.to_string().as_str(), best.frames, best.fits_cut()), ("line", 2, true));
/// ```
pub fn guess_cut(capture: &[u8]) -> Vec<Guess> {
    let mut tried = try_all(candidates::of_cut(capture), capture);
    tried.sort_by_key(|(says, guess)| match says {
        _ if !guess.fits_cut() => (Says::Nothing, Reverse(0)),
        Says::Much => (Says::Much, Reverse(0)),
        says => (*says, Reverse(guess.frames)),
    });
    tried.into_iter().map(|(_, guess)| guess).collect()
}

impl Guess {
    /// Whether it consumes the beginning of a capture, with at least one whole frame, up to where that was cut off.
    pub fn fits_cut(&self) -> bool {
        match self.verdict {
            Verdict::Exact => self.frames > 0,
            Verdict::Truncated(cut) => self.frames > 0 && !cut.garbage,
            _ => false,
        }
    }

    fn rank(&self, says: Says) -> (u8, Reverse<u64>) {
        match self.verdict {
            Verdict::Exact if self.frames > 0 && says == Says::Suggested => (2, Reverse(0)),
            Verdict::Exact if self.frames > 1 => (0, Reverse(0)),
            Verdict::Exact if self.frames == 1 => (1, Reverse(0)),
            Verdict::Truncated(cut) if self.frames > 0 && !cut.garbage => (3, Reverse(self.payload)),
            _ => (4, Reverse(self.payload)),
        }
    }

    /// Whether it consumes the capture exactly, with at least one frame.
    pub fn is_exact(&self) -> bool {
        self.verdict == Verdict::Exact && self.frames > 0
    }
}

/// In the order of the candidates.
fn try_all(candidates: Vec<Candidate>, capture: &[u8]) -> Vec<(Says, Guess)> {
    candidates.into_iter().map(|(says, framing)| (says, try_on(framing, capture))).collect()
}

/// Bytes that are looked at before it is asked whether they fit: most candidates fail at the first ones.
const PIECE: usize = 64 << 10;

fn try_on(framing: Framing, capture: &[u8]) -> Guess {
    let mut decoder = Decoder::new(framing.clone());
    let (mut frames, mut payload_len) = (0, 0);
    let (mut garbage, mut failure) = (None, None);
    for piece in capture.chunks(PIECE) {
        decoder.push(piece);
        failure = loop {
            match decoder.next() {
                Step::Frame { payload, .. } => {
                    frames += 1;
                    payload_len += payload.len() as u64;
                }
                Step::Garbage { offset, len } => {
                    garbage.get_or_insert(Verdict::Garbage { offset, len });
                }
                Step::Oversize { offset, announced } => break Some(Verdict::Oversize { offset, announced }),
                Step::Invalid { offset, reason } => break Some(Verdict::Invalid { offset, reason }),
                Step::Need(_) => break None,
            }
        };
        if failure.is_some() {
            break;
        }
    }
    let end = || decoder.finish().map_or_else(Verdict::Truncated, |()| Verdict::Exact);
    let verdict = garbage.or(failure).unwrap_or_else(end);
    Guess { framing, frames, payload: payload_len, verdict }
}
