//! Properties of the decoder that must hold for every input, as plain functions: run by a fuzzer, by the tests over
//! the saved corpus, and by anyone with a suspicious file.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::{Decoder, Encoder, Framing, Malformed, Step, Truncated};

/// The framings that the first byte of an input chooses from: one of every family and setting. The saved corpus depends on their
/// order and number.
const FRAMINGS: [&str; 32] = [
    "len:u8",
    "len:u16be,max=300",
    "len:u24le,max=64",
    "len:u32be,max=4KiB",
    "len:u64le,max=100,oversize=skip",
    "line,max=100",
    "crlf,max=100,oversize=skip",
    "nul",
    "delim:'ab'",
    "delim:'aab',max=50,oversize=skip",
    "fixed:3",
    "fixed:7",
    "mark:'{2H:'..':}'",
    "mark:'aa'..'ab',max=20,oversize=skip",
    "mark:0x02..0x03,resync=off",
    "dle,max=40",
    "dle,oversize=skip,max=10",
    "mark:'<'..'>',escape=dle,max=30",
    "dec:4",
    "dec:3,pad=space,counts=all",
    "hex:4,max=99,oversize=skip",
    "varint,max=300",
    "netstring,max=99,oversize=skip",
    "octet-count",
    "content-length,max=99",
    "content-length,resync=marker,oversize=skip,max=9",
    "chunked,max=99",
    "chunked,max=9,oversize=skip",
    "json,max=200",
    "slip,max=99,oversize=skip",
    "cobs,max=300,oversize=skip",
    "tpkt,resync=marker,max=99",
];

/// Decodes arbitrary bytes and panics if a property of the decoder is broken.
///
/// The first byte chooses the framing, the second seeds the cuts, the rest is the stream. Checked: the answers (every number in
/// them, and their order) do not depend on the cuts, nor on draining, nor on reading straight into the buffer; a frame that was read and can be written reads back the
/// same; a drained decoder holds little.
pub fn fuzz_decoder(data: &[u8]) {
    let (Some(text), [_, cuts, stream @ ..]) = (framing_of(data), data) else { return };
    let Ok(framing) = text.parse::<Framing>() else { unreachable!("the framings of the table can be read") };
    let whole = account(&framing, stream, || usize::MAX);
    assert_eq!(whole, account(&framing, stream, || 1), "cut at every byte: {framing}");
    assert_eq!(whole, account(&framing, stream, random_cuts(*cuts)), "cut at random: {framing}");
    for answer in &whole.answers {
        if let Answer::Frame { payload, .. } = answer {
            reads_back(&framing, payload);
        }
    }
}

/// Reads the text of a framing and panics if a property of the grammar is broken.
///
/// Checked: a text that is read is written back as one that reads the same; a mistake
/// is pointed at within the text, in words that steer no terminal; what was read can be written and read with.
pub fn fuzz_spec(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match text.parse::<Framing>() {
        Ok(framing) => {
            let shortest = framing.to_string();
            assert_eq!(shortest.parse().as_ref(), Ok(&framing), "{shortest}");
            assert!(!shortest.chars().any(char::is_control), "{shortest:?}");
            let payloads: &[&[u8]] =
                if framing.keeps_boundaries() { &[b"", b"1", b"tulip harbor"] } else { &[] };
            for payload in payloads {
                reads_back(&framing, payload);
            }
        }
        Err(error) => {
            let places = 1..=text.chars().count() + 1;
            assert!(places.contains(&error.character), "character {} of {text:?}", error.character);
            assert!(!error.to_string().chars().any(char::is_control), "{text:?}");
        }
    }
}

/// The framing that an input of [`fuzz_decoder`] chooses, as text; `None` for an empty input.
pub fn framing_of(data: &[u8]) -> Option<&'static str> {
    data.first().map(|choice| FRAMINGS[usize::from(*choice) % FRAMINGS.len()])
}

/// Lengths of pieces, many of them short and a few of some thousand bytes.
pub(crate) fn random_cuts(seed: u8) -> impl FnMut() -> usize {
    let mut state = u32::from(seed);
    move || {
        // A linear congruential step (the constants of Numerical Recipes §7.1); its high bits are good enough.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (choice, len) = (state >> 28, state >> 12 & 0xffff);
        // A length of up to 15 bits, and as often nothing as of the longest.
        usize::try_from(len >> choice).unwrap_or(0) / 2
    }
}

/// A payload that can be written is read as it was.
fn reads_back(framing: &Framing, payload: &[u8]) {
    let mut wire = Vec::new();
    if Encoder::new(framing.clone()).encode(payload, &mut wire).is_err() {
        return;
    }
    let again = account(framing, &wire, || usize::MAX);
    let read = match &again.answers[..] {
        [Answer::Frame { payload, .. }] => Some(&payload[..]),
        _ => None,
    };
    assert_eq!(read, Some(payload), "written and read back: {framing}");
    assert_eq!((again.end, again.stopped), (Ok(()), false), "written whole: {framing}");
}

/// Everything a decoder said about a stream.
#[derive(Debug, PartialEq)]
pub(crate) struct Account {
    /// In the order in which it was said.
    pub(crate) answers: Vec<Answer>,
    pub(crate) stopped: bool,
    pub(crate) end: Result<(), Truncated>,
}

/// A [`Step`] that owns its bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Frame { payload: Vec<u8>, header: Vec<u8>, offset: u64, wire_len: usize },
    Garbage { offset: u64, len: u64 },
    Oversize { offset: u64, announced: u64 },
    Invalid { offset: u64, reason: Malformed },
}

/// Decodes a stream in pieces of the lengths that `cut` gives.
pub(crate) fn account(framing: &Framing, stream: &[u8], mut cut: impl FnMut() -> usize) -> Account {
    let mut decoder = Decoder::new(framing.clone());
    let mut account = Account { answers: Vec::new(), stopped: false, end: Ok(()) };
    let mut rest = stream;
    let mut straight = false;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(cut().min(rest.len()));
        rest = later;
        straight = !straight;
        if straight {
            decoder.push(piece);
        } else {
            decoder.spare(piece.len())[..piece.len()].copy_from_slice(piece);
            decoder.filled(piece.len());
        }
        let before = decoder.finish();
        if straight {
            drain(&mut decoder, &mut account);
        } else {
            drain_at_once(&mut decoder, &mut account);
        }
        account.end = decoder.finish();
        assert_eq!(before, account.end, "draining does not change how the stream ends: {framing}");
        // Every byte of a payload may be escaped; the rest is for headers and what is taken out of the midst.
        let little = 2 * framing.max_payload() + (16 << 10);
        assert!(decoder.remaining().len() <= little, "a drained decoder holds little: {framing}");
    }
    account
}

fn drain(decoder: &mut Decoder, account: &mut Account) {
    while !account.stopped {
        match answer(decoder.next()) {
            Some(answer) => account.answers.push(answer),
            None => return,
        }
        account.stopped = decoder.has_stopped();
    }
}

/// The same by the way through many at once.
fn drain_at_once(decoder: &mut Decoder, account: &mut Account) {
    if !account.stopped {
        decoder.each(|step| account.answers.extend(answer(step)));
        account.stopped = decoder.has_stopped();
    }
}

fn answer(step: Step<'_>) -> Option<Answer> {
    Some(match step {
        Step::Need(_) => return None,
        Step::Frame { payload, header, offset, wire_len } => {
            assert!(header.len() + payload.len() <= wire_len, "header and payload are part of their frame");
            Answer::Frame { payload: payload.to_vec(), header: header.to_vec(), offset, wire_len }
        }
        Step::Garbage { offset, len } => Answer::Garbage { offset, len },
        Step::Oversize { offset, announced } => Answer::Oversize { offset, announced },
        Step::Invalid { offset, reason } => Answer::Invalid { offset, reason },
    })
}
