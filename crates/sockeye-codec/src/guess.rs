//! Which framing could this be? Tries all that are common on a capture and says how each fares.

use alloc::{string::ToString, vec::Vec};
use core::cmp::Reverse;

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

/// Framings that are tried, those that say most about a stream first: of two that fare alike the first is the better guess.
const CANDIDATES: [&str; 36] = [
    "content-length",
    "chunked",
    "netstring",
    "octet-count",
    "mllp",
    "dle",
    "tpkt",
    "stx-etx",
    "mark:'{2H:'..':}'",
    "dec:4",
    "dec:2",
    "dec:3",
    "dec:5",
    "dec:6",
    "dec:8",
    "hex:4",
    "hex:2",
    "hex:8",
    "len:u32be",
    "len:u16be",
    "len:u32be,counts=all",
    "len:u16be,counts=all",
    "len:u32le",
    "len:u16le",
    "len:u32le,counts=all",
    "len:u16le,counts=all",
    "mysql",
    "len:u64be",
    "len:u24be",
    "slip",
    "cobs",
    "json",
    "crlf",
    "line",
    "varint",
    "nul",
];

/// One more: a byte of length fits almost anything that is short.
const LAST: &str = "len:u8";

/// Tries every common framing on a capture, best first: those that consume it exactly, with many frames before those with one; then
/// those that end inside a frame; then the rest, by how far they came.
///
/// ```
/// use sockeye_codec::{Verdict, guess};
///
/// let best = &guess(b"0003AAA0004BBBB")[0];
/// assert_eq!((best.framing.to_string().as_str(), best.frames, best.verdict), ("dec:4", 2, Verdict::Exact));
/// ```
pub fn guess(capture: &[u8]) -> Vec<Guess> {
    let mut guesses = try_all(capture);
    // A stable sort: alike ones stay in the order of the table.
    guesses.sort_by_key(Guess::rank);
    guesses
}

/// The same for the beginning of a capture, cut off at any byte: a framing that ends inside a frame fits as well as one that ends
/// with it. Almost any bytes fit some framings then, so that order is another: first those whose frames have something that other
/// bytes have not; then the rest, many frames before few; those whose length is one byte last.
///
/// ```
/// use sockeye_codec::guess_cut;
///
/// let best = &guess_cut(b"hello\nhello\nhel")[0];
/// assert_eq!((best.framing.to_string().as_str(), best.frames, best.fits_cut()), ("line", 2, true));
/// ```
pub fn guess_cut(capture: &[u8]) -> Vec<Guess> {
    let mut guesses = try_all(capture);
    guesses.sort_by_key(|guess| match guess.framing.to_string().as_str() {
        _ if !guess.fits_cut() => (3, Reverse(0)),
        LAST | "varint" => (2, Reverse(guess.frames)),
        text if FIT_ALMOST_ANYTHING.contains(&text) => (1, Reverse(guess.frames)),
        _ => (0, Reverse(0)),
    });
    guesses
}

/// Framings that find frames in almost any bytes, if those go on: a short length, or one byte at the end.
const FIT_ALMOST_ANYTHING: [&str; 11] = [
    "len:u16be",
    "len:u16be,counts=all",
    "len:u16le",
    "len:u16le,counts=all",
    "len:u24be",
    "mysql",
    "slip",
    "cobs",
    "crlf",
    "line",
    "nul",
];

impl Guess {
    /// Whether it consumes the beginning of a capture, with at least one whole frame, up to where that was cut off.
    pub fn fits_cut(&self) -> bool {
        match self.verdict {
            Verdict::Exact => self.frames > 0,
            Verdict::Truncated(cut) => self.frames > 0 && !cut.garbage,
            _ => false,
        }
    }

    fn rank(&self) -> (u8, Reverse<u64>) {
        match self.verdict {
            Verdict::Exact if self.frames > 1 => (0, Reverse(0)),
            Verdict::Exact if self.frames == 1 => (1, Reverse(0)),
            Verdict::Truncated(cut) if self.frames > 0 && !cut.garbage => (2, Reverse(self.payload)),
            _ => (3, Reverse(self.payload)),
        }
    }

    /// Whether it consumes the capture exactly, with at least one frame.
    pub fn is_exact(&self) -> bool {
        self.verdict == Verdict::Exact && self.frames > 0
    }
}

/// In the order of the table.
fn try_all(capture: &[u8]) -> Vec<Guess> {
    let candidates = CANDIDATES.into_iter().chain([LAST]);
    candidates.filter_map(|text| text.parse().ok()).map(|framing| try_on(framing, capture)).collect()
}

fn try_on(framing: Framing, capture: &[u8]) -> Guess {
    let mut decoder = Decoder::new(framing.clone());
    decoder.push(capture);
    let (mut frames, mut payload_len) = (0, 0);
    let mut garbage = None;
    let verdict = loop {
        match decoder.next() {
            Step::Frame { payload, .. } => {
                frames += 1;
                payload_len += payload.len() as u64;
            }
            Step::Garbage { offset, len } => {
                garbage.get_or_insert(Verdict::Garbage { offset, len });
            }
            Step::Oversize { offset, announced } => break Verdict::Oversize { offset, announced },
            Step::Invalid { offset, reason } => break Verdict::Invalid { offset, reason },
            Step::Need(_) => break decoder.finish().map_or_else(Verdict::Truncated, |()| Verdict::Exact),
        }
    };
    Guess { framing, frames, payload: payload_len, verdict: garbage.unwrap_or(verdict) }
}
