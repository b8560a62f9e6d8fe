//! How a stream was cut into pieces means nothing, also behind frames that are too long.

use std::format;
use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;
use proptest::sample::select;

use super::every::EVERY;
use crate::fuzz::{Account, Answer, account, random_cuts};
use crate::{Encoder, Framing, LARGEST_MAX, Oversize, Resync};

/// The longest payloads that framings here allow: below and above the longest run of COBS, which makes a frame's length
/// uncertain by a byte.
const MAXIMA: [usize; 2] = [100, 300];

/// A frame as it is told.
fn frame(header: &[u8], payload: &[u8], offset: usize, wire_len: usize) -> Answer {
    Answer::Frame { payload: payload.to_vec(), header: header.to_vec(), offset: offset as u64, wire_len }
}

/// The account of a stream in two pieces, cut at `at`.
fn cut_at(framing: &Framing, stream: &[u8], at: usize) -> Account {
    let mut pieces = [at, usize::MAX].into_iter();
    account(framing, stream, || pieces.next().unwrap_or(usize::MAX))
}

/// The only account there is, however a stream is cut in two, or in pieces of one length.
fn of_every_cut(framing: &Framing, stream: &[u8]) -> Account {
    let whole = account(framing, stream, || usize::MAX);
    for at in 0..stream.len() {
        assert_eq!(cut_at(framing, stream, at), whole, "{framing} cut at {at}");
    }
    for len in [1, 2, 3, 7, 100, 1000, 4096] {
        assert_eq!(account(framing, stream, || len), whole, "{framing} in pieces of {len}");
    }
    whole
}

/// A body of chunks of one byte, each with so long an extension that what is between them is taken out of the buffer.
fn body_in_chunks(payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for byte in payload {
        wire.extend(b"1;");
        wire.extend([b'x'; 900]);
        wire.extend([b'\r', b'\n', *byte, b'\r', b'\n']);
    }
    wire.extend(b"0\r\n\r\n");
    wire
}

#[test]
fn a_body_behind_one_that_is_too_long_is_where_it_is() {
    let framing: Framing = "chunked,max=9,oversize=skip".parse().unwrap();
    let (long, short) = (body_in_chunks(b"tulip harbor"), body_in_chunks(b"tulip"));
    let stream = [&short[..], &long, &short, b"5\r\ntulip\r\n0\r\n\r\n"].concat();
    let whole = of_every_cut(&framing, &stream);
    let header = &short[..904];
    let behind = short.len() + long.len();
    let expected = [
        frame(header, b"tulip", 0, short.len()),
        Answer::Oversize { offset: short.len() as u64, announced: 10 },
        frame(header, b"tulip", behind, short.len()),
        frame(b"5\r\n", b"tulip", behind + short.len(), 15),
    ];
    assert_eq!((&whole.answers[..], whole.end), (&expected[..], Ok(())));
}

#[test]
fn short_frames_that_are_found_at_once_are_told_one_by_one() {
    for (text, end) in [("line,max=44", &b"\n"[..]), ("line,max=44", b"\r\n"), ("nul,max=44", b"\0")] {
        let (mut stream, mut expected) = (Vec::new(), Vec::new());
        for len in (0..100).map(|number| number * 7 % 45) {
            let begin = stream.len();
            stream.resize(begin + len, b'x');
            stream.extend(end);
            expected.push(frame(b"", &stream[begin..begin + len], begin, len + end.len()));
        }
        let whole = of_every_cut(&text.parse().unwrap(), &stream);
        assert_eq!((&whole.answers, whole.end), (&expected, Ok(())), "{text}");
    }
}

#[test]
fn what_a_frame_that_is_too_long_holds_is_not_a_frame() {
    for (text, long) in [
        // Zeros that were put back are no ends.
        ("cobs,max=2,oversize=skip", &b"\x01\x01\x01\x01\0"[..]),
        ("cobs,max=2,oversize=skip", b"\x03ab\x03cd\0"),
        ("cobs,max=254,oversize=skip", &[&[1; 256][..], b"\0"].concat()),
        // A head and what follows it may look like a tail.
        ("mark:'aa'..'ab',max=2,oversize=skip", b"aabaaxaaab"),
        ("mark:'{}'..'}',max=2,oversize=skip", b"{}x{x{}"),
        ("mark:'<'..'>',escape=dle,max=2,oversize=skip", b"<\x10>\x10>\x10<\x10>>"),
        ("dle,max=2,oversize=skip", b"\x10\x02\x10\x10\x03\x10\x10\x03\x10\x03"),
        ("slip,max=2,oversize=skip", b"\xdb\xdc\xdb\xdc\xdb\xdc\xc0"),
        ("line,max=2,oversize=skip", b"\r\r\r\r\r\n"),
        ("crlf,max=2,oversize=skip", b"\r\r\r\r\r\n"),
        ("delim:'aab',max=2,oversize=skip", b"aaaaaab"),
        ("netstring,max=2,oversize=skip", b"8:1:a,2:b,,"),
        ("json,max=2,oversize=skip", b"[[],[],\"[]\"]"),
        ("content-length,max=2,oversize=skip", b"Content-Length: 21\r\n\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let framing: Framing = text.parse().unwrap();
        let mut stream = long.to_vec();
        let short: &[u8] = if text.starts_with("json") { b"{}" } else { b"xy" };
        Encoder::new(framing.clone()).encode(short, &mut stream).unwrap();
        let whole = of_every_cut(&framing, &stream);
        assert_eq!(whole.end, Ok(()), "{text}");
        let [Answer::Oversize { offset: 0, .. }, Answer::Frame { offset, .. }] = whole.answers[..] else {
            panic!("{text}: {whole:?}");
        };
        let idle = u64::from(text.starts_with("slip"));
        assert_eq!(offset, long.len() as u64 + idle, "{text}");
    }
}

/// What a stream of one framing is made of, and what must be said of it.
struct Sent {
    framing: Framing,
    stream: Vec<u8>,
    answers: Vec<Answer>,
}

impl Sent {
    /// One frame for each payload that the framing can carry, with a reader that allows `max` bytes.
    fn new(text: &str, max: usize, oversize: Oversize, payloads: &[Vec<u8>]) -> Self {
        let framing: Framing = text.parse().unwrap();
        let encoder = Encoder::new(framing.clone().with_max(LARGEST_MAX));
        let framing = framing.with_max(max).with_oversize(oversize);
        let mut sent = Self { framing, stream: Vec::new(), answers: Vec::new() };
        for payload in payloads {
            let json = (text == "json").then(|| json_string(payload));
            let (payload, begin) = (json.as_ref().unwrap_or(payload), sent.stream.len());
            if encoder.encode(payload, &mut sent.stream).is_ok() {
                sent.expect(text, payload, begin);
            }
        }
        sent
    }

    fn expect(&mut self, text: &str, payload: &[u8], begin: usize) {
        // An end that begins a frame of SLIP, and the line feed behind a value, belong to no frame.
        let begin = begin + usize::from(text == "slip");
        let end = self.stream.len() - usize::from(text == "json");
        let max = self.framing.max;
        if payload.len() <= max || text.starts_with("fixed") {
            let header = header_len(text, payload, &self.stream[begin..end]);
            self.answers.push(frame(&self.stream[begin..begin + header], payload, begin, end - begin));
        } else {
            let announced = if announces(text) { payload.len() } else { max + 1 };
            self.answers.push(Answer::Oversize { offset: begin as u64, announced: announced as u64 });
        }
    }

    /// What is said where the first frame that is too long ends it all.
    fn up_to_the_first_refusal(&self) -> &[Answer] {
        let refusal = self.answers.iter().position(|answer| matches!(answer, Answer::Oversize { .. }));
        &self.answers[..refusal.map_or(self.answers.len(), |at| at + 1)]
    }
}

/// Whether a framing says the length of a payload before it.
fn announces(text: &str) -> bool {
    let names =
        ["len", "tpkt", "dec", "hex", "varint", "netstring", "octet-count", "content-length", "chunked"];
    names.iter().any(|name| text.starts_with(name))
}

/// Bytes of a frame before its payload.
fn header_len(text: &str, payload: &[u8], wire: &[u8]) -> usize {
    match text {
        "mark:'{2H:'..':}'" => 4,
        "stx-etx" | "mllp" | "mark:'<'..'>',escape=dle" => 1,
        "dle" => 2,
        "netstring" => wire.len() - payload.len() - 1,
        "chunked" => wire.iter().position(|byte| *byte == b'\n').unwrap() + 1,
        text if announces(text) => wire.len() - payload.len(),
        _ => 0,
    }
}

/// A value of about as many bytes.
fn json_string(payload: &[u8]) -> Vec<u8> {
    let mut text = String::from('"');
    for byte in payload {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            0x20..0x7f => text.push(char::from(*byte)),
            byte => text.extend(format!("\\u{byte:04x}").chars()),
        }
    }
    text.push('"');
    text.into_bytes()
}

fn every_framing() -> impl Iterator<Item = &'static str> {
    EVERY.into_iter().chain(["len:u8", "len:u64le", "fixed:7", "json"])
}

/// Payloads around the longest that is allowed and up to some thousand bytes, with bytes that mean something to a framing.
fn any_payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let len = prop_oneof![3 => 0..20_usize, 1 => Just(7), 3 => 98..103_usize, 3 => 298..303_usize, 2 => 200..2500_usize];
    let alphabet = select(
        [&b"x"[..], b"ab", b"\0x", b"\xc0\xdbx", b"\x10x", b"\r0", b"\0\r\x10\x02\x03{}<\xc0\xdb1:,\xff\""]
            .to_vec(),
    );
    let payload = (alphabet, len)
        .prop_flat_map(|(alphabet, len)| prop::collection::vec(select(alphabet.to_vec()), len));
    prop::collection::vec(payload, 0..8)
}

/// The only account there is: in one piece, byte by byte, at random.
fn of_some_cuts(framing: &Framing, stream: &[u8], seed: u8) -> Account {
    let whole = account(framing, stream, || usize::MAX);
    assert_eq!(account(framing, stream, || 1), whole, "{framing} byte by byte");
    assert_eq!(account(framing, stream, random_cuts(seed)), whole, "{framing} cut at random");
    whole
}

/// A body in chunks, each with the bytes of its extension, and the bytes of a trailer.
fn any_body() -> impl Strategy<Value = (Vec<(usize, usize)>, usize)> {
    let chunk = (1..40_usize, prop_oneof![Just(0), 1..1000_usize]);
    (prop::collection::vec(chunk, 0..12), 0..2000_usize)
}

/// Writes a body, and says what a reader must say of it.
fn write_body((chunks, trailer): &(Vec<(usize, usize)>, usize), max: usize, stream: &mut Vec<u8>) -> Answer {
    let (begin, mut payload, mut header, mut refused) = (stream.len(), Vec::new(), 0, None);
    for (len, extension) in chunks {
        stream.extend(format!("{len:x}").bytes());
        if *extension > 0 {
            stream.push(b';');
            stream.resize(stream.len() + extension, b'e');
        }
        stream.extend(b"\r\n");
        header = if header == 0 { stream.len() - begin } else { header };
        payload.extend((0..*len).map(|at| b"tulip"[at % 5]));
        stream.extend(&payload[payload.len() - len..]);
        stream.extend(b"\r\n");
        if payload.len() > max {
            refused = refused.or(Some(payload.len() as u64));
        }
    }
    stream.extend(b"0\r\n");
    header = if header == 0 { 3 } else { header };
    if *trailer > 0 {
        stream.resize(stream.len() + trailer, b't');
        stream.extend(b"\r\n");
    }
    stream.extend(b"\r\n");
    match refused {
        Some(announced) => Answer::Oversize { offset: begin as u64, announced },
        None => frame(&stream[begin..begin + header], &payload, begin, stream.len() - begin),
    }
}

proptest! {
    #[test]
    fn frames_too_long_are_passed_over_and_nothing_else(max in select(&MAXIMA[..]), payloads in any_payloads(), seed: u8) {
        for text in every_framing() {
            let sent = Sent::new(text, max, Oversize::Skip, &payloads);
            let told = of_some_cuts(&sent.framing, &sent.stream, seed);
            prop_assert_eq!((&told.answers, told.stopped, told.end), (&sent.answers, false, Ok(())), "{}", text);
        }
    }

    #[test]
    fn a_frame_too_long_is_the_last_answer(max in select(&MAXIMA[..]), payloads in any_payloads(), seed: u8) {
        for text in every_framing() {
            let sent = Sent::new(text, max, Oversize::Fail, &payloads);
            let told = of_some_cuts(&sent.framing, &sent.stream, seed);
            let expected = sent.up_to_the_first_refusal();
            let stopped = matches!(expected.last(), Some(Answer::Oversize { .. }));
            prop_assert_eq!((&told.answers[..], told.stopped, told.end), (expected, stopped, Ok(())), "{}", text);
        }
    }

    #[test]
    fn broken_streams_are_told_alike(
        max in select(&MAXIMA[..]),
        oversize in select(&[Oversize::Skip, Oversize::Fail][..]),
        resync in select(&[Resync::Off, Resync::Marker][..]),
        payloads in any_payloads(),
        faults in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_usize), 0..6),
        seed: u8,
    ) {
        for text in every_framing() {
            let Sent { mut framing, mut stream, .. } = Sent::new(text, max, oversize, &payloads);
            if framing.kind.can_resync() {
                framing.resync = resync;
            }
            for (at, byte, bytes) in &faults {
                let at = at.index(stream.len() + 1);
                stream.splice(at..stream.len().min(at + 1), std::vec![*byte; *bytes]);
            }
            of_some_cuts(&framing, &stream, seed);
        }
    }

    #[test]
    fn where_a_body_was_cut_into_chunks_means_nothing(
        bodies in prop::collection::vec(any_body(), 0..6),
        max in select(&MAXIMA[..]),
        skips: bool,
        seed: u8,
    ) {
        let oversize = if skips { Oversize::Skip } else { Oversize::Fail };
        let mut sent = Sent::new("chunked", max, oversize, &[]);
        for body in &bodies {
            let answer = write_body(body, max, &mut sent.stream);
            sent.answers.push(answer);
        }
        let told = of_some_cuts(&sent.framing, &sent.stream, seed);
        let expected = if skips { &sent.answers[..] } else { sent.up_to_the_first_refusal() };
        prop_assert_eq!((&told.answers[..], told.end), (expected, Ok(())));
    }
}
