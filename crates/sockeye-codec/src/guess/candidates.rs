//! The framings that are tried on a capture, and how much it says that one fits.

use alloc::{format, vec::Vec};
use core::cmp::Reverse;

use crate::framing::Framing;
use crate::length::Width;

/// A framing to try.
pub(super) type Candidate = (Says, Framing);

/// What it says that a framing fits a capture, most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Says {
    /// Its frames have something that other bytes have not.
    Much,
    /// It finds frames in almost any bytes, if those go on: a short length, or one byte at the end.
    Little,
    /// It was made from the capture.
    Suggested,
    /// Its length is one byte, which almost anything fits that is short.
    Least,
    /// It does not fit.
    Nothing,
}

use Says::{Least, Little, Much, Suggested};

/// Of two that fare alike the first is the better guess: those that say most about a stream come first.
const FIRST: [&str; 9] = [
    "content-length",
    "chunked",
    "netstring",
    "octet-count",
    "mllp",
    "dle",
    "tpkt",
    "stx-etx",
    "mark:'{2H:'..':}'",
];

/// Behind those with a length.
const LAST: [(Says, &str); 9] = [
    (Little, "slip"),
    (Little, "cobs"),
    (Much, "json"),
    (Little, "crlf"),
    (Little, "line"),
    (Least, "varint"),
    (Little, "nul"),
    (Least, "len:u8"),
    (Least, "len:u8,counts=all"),
];

/// The most digits of a length that are tried: no protocol is known to have more.
const MOST_DIGITS: u8 = 9;

/// What a length may count, where nothing stands before or behind it: `rest` is `body` then.
const COUNTS: [&str; 2] = ["", ",counts=all"];

/// What begins and ends messages in pairs.
const PAIRS: [(u8, u8); 6] =
    [(b'<', b'>'), (b'[', b']'), (b'{', b'}'), (b'(', b')'), (b'\x01', b'\x04'), (b'\x02', b'\x03')];

/// For a capture that ends where a message does.
pub(super) fn of_whole(capture: &[u8]) -> Vec<Candidate> {
    let mut all = common();
    let (Some(first), Some(last)) = (capture.first(), capture.last()) else { return all };
    if PAIRS.contains(&(*first, *last)) || are_marks(*first, *last, capture) {
        suggest(&mut all, Suggested, Framing::marked(&[*first], &[*last]).ok());
    }
    // The line feed is that of `line`.
    if last.is_ascii()
        && !last.is_ascii_alphanumeric()
        && *last != b'\n'
        && stands_before_its_end(*last, capture)
    {
        suggest(&mut all, Suggested, Framing::delimited(&[*last]).ok());
    }
    all
}

/// For one that was cut off: how it ends means nothing.
pub(super) fn of_cut(capture: &[u8]) -> Vec<Candidate> {
    let mut all = common();
    if let Some((head, tail)) = PAIRS.iter().find(|(head, _)| capture.first() == Some(head)) {
        suggest(&mut all, Much, Framing::marked(&[*head], &[*tail]).ok());
    }
    if let Some(sign) = most_frequent_sign(capture) {
        suggest(&mut all, Suggested, Framing::delimited(&[sign]).ok());
    }
    all
}

/// What is left where nothing else fits: of text a letter or digit as delimiter, and frames of one length.
pub(super) fn last_resort(capture: &[u8]) -> Vec<Candidate> {
    let mut all = Vec::new();
    if let Some(last) = capture.last()
        && last.is_ascii_alphanumeric()
        && stands_before_its_end(*last, capture)
        && core::str::from_utf8(capture).is_ok()
    {
        suggest(&mut all, Suggested, Framing::delimited(&[*last]).ok());
    }
    for len in likely_lengths(capture) {
        suggest(&mut all, Suggested, format!("fixed:{len}").parse().ok());
    }
    all
}

/// Those tried on every capture.
fn common() -> Vec<Candidate> {
    let mut all = Vec::new();
    let mut add = |says, text: &str| all.extend(text.parse().ok().map(|framing| (says, framing)));
    for text in FIRST {
        add(Much, text);
    }
    // The widest length first: a narrow one fits as well where zeros stand before a number, as so many empty messages.
    for name in ["dec", "hex"] {
        for count in (1..=MOST_DIGITS).rev() {
            for counts in COUNTS {
                add(Much, &format!("{name}:{count}{counts}"));
            }
        }
    }
    for width in Width::ALL.into_iter().skip(1).rev() {
        let bits = 8 * width.bytes();
        let says = if bits < 32 { Little } else { Much };
        for order in ["be", "le"] {
            for counts in COUNTS {
                add(says, &format!("len:u{bits}{order}{counts}"));
            }
        }
        if width == Width::U24 {
            add(Little, "mysql");
        }
    }
    for (says, text) in LAST {
        add(says, text);
    }
    all
}

/// Adds a framing made from the capture, unless it is among the others.
fn suggest(all: &mut Vec<Candidate>, says: Says, framing: Option<Framing>) {
    if let Some(framing) = framing
        && !all.iter().any(|(_, other)| other.kind == framing.kind)
    {
        all.push((says, framing));
    }
}

/// Whether a capture that ends with this byte has it elsewhere too.
fn stands_before_its_end(last: u8, capture: &[u8]) -> bool {
    memchr::memchr(last, capture).is_some_and(|at| at + 1 < capture.len())
}

/// Signs that begin and end messages: they differ, and wherever one ends another begins.
fn are_marks(head: u8, tail: u8, capture: &[u8]) -> bool {
    let sign = |byte: u8| byte.is_ascii_punctuation() || byte.is_ascii_control();
    let ends = || memchr::memchr_iter(tail, capture);
    sign(head)
        && sign(tail)
        && head != tail
        && ends().nth(1).is_some()
        && ends().all(|at| capture.get(at + 1).is_none_or(|next| *next == head))
}

/// The sign that occurs most often, at least twice, and is no line break.
fn most_frequent_sign(capture: &[u8]) -> Option<u8> {
    let mut counts = [0_usize; 128];
    for byte in capture.iter().filter(|byte| byte.is_ascii()) {
        counts[usize::from(*byte)] += 1;
    }
    let signs = (1..128_u8).filter(|byte| byte.is_ascii_punctuation() || byte.is_ascii_control());
    signs
        .filter(|sign| !matches!(sign, b'\r' | b'\n') && counts[usize::from(*sign)] > 1)
        .max_by_key(|sign| (counts[usize::from(*sign)], Reverse(*sign)))
}

/// The longest frames of one length that are tried, in bytes, and how many lengths.
const LONGEST_FIXED: usize = 4096;
const MOST_FIXED: usize = 4;
/// As much of a capture is compared with itself.
const SAMPLE: usize = 1 << 20;

/// Lengths that divide a capture into at least two, those first at which it is most like itself: records of one length have alike
/// bytes at one place. Of those that are about as likely the shortest.
fn likely_lengths(capture: &[u8]) -> Vec<usize> {
    let divides = |len: &usize| capture.len().is_multiple_of(*len) && capture.len() > *len;
    let mut lens: Vec<usize> = (2..=LONGEST_FIXED.min(capture.len())).filter(divides).collect();
    let sample = &capture[..capture.len().min(SAMPLE)];
    lens.sort_by_cached_key(|len| {
        let same = sample.iter().zip(&sample[*len..]).filter(|(a, b)| a == b).count();
        Reverse(16 * same / (sample.len() - len))
    });
    lens.truncate(MOST_FIXED);
    lens
}
