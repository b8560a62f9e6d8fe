//! What holds for every framing: what is written is read, however it is cut; what would not survive is refused; garbage is passed
//! over and told where there is a mark to look for.

use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use crate::fuzz::fuzz_decoder;
use crate::{Decoder, EncodeError, Encoder, Framing, Malformed, Step, Truncated};

/// One of every family.
pub(super) const EVERY: [&str; 24] = [
    "line",
    "crlf",
    "nul",
    "delim:'ab'",
    "delim:'aab'",
    "mark:'{2H:'..':}'",
    "stx-etx",
    "mllp",
    "dle",
    "mark:'<'..'>',escape=dle",
    "len:u16be",
    "len:u24le,extra=1",
    "tpkt",
    "len:u32be,offset=1,counts=rest",
    "dec:4",
    "dec:5,pad=space",
    "hex:4",
    "varint",
    "netstring",
    "octet-count",
    "content-length",
    "chunked",
    "slip",
    "cobs",
];

fn framing(text: &str) -> Framing {
    text.parse().unwrap()
}

fn wire(framing: &Framing, payloads: &[&[u8]]) -> Vec<u8> {
    let encoder = Encoder::new(framing.clone());
    let mut wire = Vec::new();
    for payload in payloads {
        encoder.encode(payload, &mut wire).unwrap_or_else(|error| panic!("{framing}: {error}"));
    }
    wire
}

/// Frames as strings, and everything else as it comes.
fn told(framing: &Framing, wire: &[u8]) -> (Vec<Vec<u8>>, Vec<std::string::String>, Result<(), Truncated>) {
    let mut decoder = Decoder::new(framing.clone());
    decoder.push(wire);
    let (mut frames, mut others) = (Vec::new(), Vec::new());
    loop {
        match decoder.next() {
            Step::Frame { payload, .. } => frames.push(payload.to_vec()),
            Step::Need(_) => break,
            other => others.push(std::format!("{other:?}")),
        }
        if decoder.has_stopped() {
            break;
        }
    }
    (frames, others, decoder.finish())
}

#[test]
fn awkward_bytes_survive_every_framing_that_takes_them() {
    let payloads: [&[u8]; 10] =
        [b"", b"\0", b"\xff", b"\r", b"\n", b"\r\n", b"a\0b\xffc\x10d\x02e\x03f", b"0", b"{2H:", b"tulip"];
    for text in EVERY {
        let framing = framing(text);
        let encoder = Encoder::new(framing.clone());
        let mut taken = 0;
        for payload in payloads {
            let mut out = b"before".to_vec();
            if encoder.encode(payload, &mut out).is_err() {
                assert_eq!(out, b"before", "{text}: a refusal writes nothing");
                continue;
            }
            taken += 1;
            let (frames, others, end) = told(&framing, &out[6..]);
            assert_eq!(frames, [payload.to_vec()], "{text}");
            assert_eq!((others.len(), end), (0, Ok(())), "{text} {payload:?}");
        }
        assert!(taken >= 5, "{text} takes {taken}");
    }
}

#[test]
fn what_would_not_survive_is_refused() {
    let refused = |text: &str, payload: &[u8]| {
        Encoder::new(framing(text)).encode(payload, &mut Vec::new()).unwrap_err()
    };
    assert_eq!(refused("line", b"a\nb"), EncodeError::ContainsMark { at: 1 });
    assert_eq!(refused("line", b"a\r"), EncodeError::ContainsMark { at: 1 });
    assert_eq!(refused("delim:'aba'", b"xab"), EncodeError::ContainsMark { at: 1 }, "a mark over the seam");
    assert_eq!(refused("mark:'{'..'}'", b"a}"), EncodeError::ContainsMark { at: 1 });
    assert_eq!(refused("fixed:3", b"ab"), EncodeError::WrongLength { len: 2, needed: 3 });
    assert_eq!(refused("dec:2", &[0; 100]), EncodeError::TooLong { len: 100, max: 99 });
    assert_eq!(refused("octet-count", b""), EncodeError::TooShort { len: 0, min: 1 });
    assert_eq!(refused("slip", b""), EncodeError::TooShort { len: 0, min: 1 });
    assert_eq!(refused("json", b"{} {}"), EncodeError::NotJson { at: 2 });
    assert_eq!(refused("json", b" 1"), EncodeError::NotJson { at: 0 });
    assert_eq!(refused("len:u8,max=2", b"abc"), EncodeError::TooLong { len: 3, max: 2 });
}

#[test]
fn l5_marks_are_found_again_behind_garbage() {
    let (frames, others, end) = told(&framing("mark:'{2H:'..':}'"), b"??{2H:AAA:}x{2H:BBB:}{2");
    assert_eq!(frames, [b"AAA".to_vec(), b"BBB".to_vec()]);
    assert_eq!(others, ["Garbage { offset: 0, len: 2 }", "Garbage { offset: 11, len: 1 }"]);
    assert_eq!(end, Err(Truncated { have: 2, need: Some(4), garbage: false }));
    let (frames, others, _) = told(&framing("mark:'{'..'}',resync=off"), b"x{a}");
    assert!(frames.is_empty());
    assert_eq!(others, ["Invalid { offset: 0, reason: Head { found: 120 } }"]);
    let (frames, others, _) = told(&framing("tpkt,resync=marker"), b"zz\x03\0\0\x05A\x03\0\0\x05B");
    assert_eq!((frames.len(), others.len()), (2, 1), "{others:?}");
}

#[test]
fn l6_the_lesson_s_length_of_four_digits() {
    assert_eq!(wire(&framing("dec:4"), &[b"AAA", b"BBBB"]), b"0003AAA0004BBBB");
    let (frames, _, end) = told(&framing("dec:4"), b"0003AAA0004BBBB00");
    assert_eq!(frames, [b"AAA".to_vec(), b"BBBB".to_vec()]);
    assert_eq!(end, Err(Truncated { have: 2, need: Some(4), garbage: false }));
    let (_, others, _) = told(&framing("dec:4"), b"0003AAA00x3");
    assert_eq!(
        others,
        [std::format!("{:?}", Step::Invalid { offset: 9, reason: Malformed::Digit { found: b'x' } })]
    );
}

#[test]
fn oversize_fails_or_is_passed_over() {
    let stream = b"\x01a\x05bcdef\x01g";
    let (frames, others, _) = told(&framing("len:u8,max=2"), stream);
    assert_eq!((frames.len(), others[0].as_str()), (1, "Oversize { offset: 2, announced: 5 }"));
    let (frames, others, end) = told(&framing("len:u8,max=2,oversize=skip"), stream);
    assert_eq!((frames, others.len(), end), (std::vec![b"a".to_vec(), b"g".to_vec()], 1, Ok(())));
    let (frames, others, _) = told(&framing("line,max=2,oversize=skip"), b"ab\nabcdef\ncd\n");
    assert_eq!((frames, others.len()), (std::vec![b"ab".to_vec(), b"cd".to_vec()], 1));
}

#[test]
fn the_memory_of_an_endless_frame_is_bounded() {
    for text in [
        "line,max=1000",
        "mark:'{'..'}',max=1000,oversize=skip",
        "slip,max=1000,oversize=skip",
        "json,max=1000,oversize=skip",
        "chunked,max=1000",
    ] {
        let mut decoder = Decoder::new(framing(text));
        decoder.push(if text.starts_with("mark") {
            b"{"
        } else if text.starts_with("json") {
            b"\""
        } else if text.starts_with("chunked") {
            b"fffffff\r\n"
        } else {
            b""
        });
        for _ in 0..1000 {
            decoder.push(&[b'x'; 997]);
            while !matches!(decoder.next(), Step::Need(_)) && !decoder.has_stopped() {}
        }
        assert!(decoder.capacity() < 16 << 10, "{text}: {}", decoder.capacity());
    }
}

#[test]
fn an_envelope_is_what_encode_writes() {
    for text in EVERY {
        let framing = framing(text);
        let encoder = Encoder::new(framing.clone());
        if let Some(envelope) = encoder.envelope(b"tulip").unwrap() {
            let parts = [envelope.prefix(), b"tulip", envelope.suffix()].concat();
            assert_eq!(parts, wire(&framing, &[b"tulip"]), "{text}");
        } else {
            assert!(!framing.is_transparent(), "{text}");
        }
    }
}

#[test]
fn a_guess_finds_what_was_written() {
    for text in [
        "dec:4",
        "netstring",
        "len:u32be",
        "len:u16be",
        "mllp",
        "content-length",
        "chunked",
        "octet-count",
        "mark:'{2H:'..':}'",
        "hex:4",
        "tpkt",
    ] {
        let framing = framing(text);
        let capture = wire(&framing, &[b"tulip", b"harbor", b"a longer message than those"]);
        let best = crate::guess(&capture);
        assert!(best[0].is_exact(), "{text}");
        assert!(
            best.iter().take_while(|guess| guess.is_exact()).any(|guess| guess.framing == framing),
            "{text}: {:?}",
            best[0].framing.to_string()
        );
    }
    for text in ["line", "dec:4", "len:u32be", "netstring"] {
        let wanted = framing(text);
        let mut capture = Vec::new();
        for _ in 0..50 {
            Encoder::new(wanted.clone()).encode(b"some words of text", &mut capture).expect("it fits");
        }
        for end in capture.len() - 25..capture.len() {
            let best = &crate::guess_cut(&capture[..end])[0];
            assert!(best.framing == wanted && best.fits_cut(), "{text}, {end} bytes: {best:?}");
        }
    }
    let failed = crate::guess(b"GET / HTTP/1.0\r\n\r\n");
    assert!(failed.iter().any(|guess| guess.framing == framing("dec:4") && !guess.is_exact()));
    assert!(!crate::guess(b"").iter().any(crate::Guess::is_exact));
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let special = prop::sample::select(b"\0\r\n\x10\x02\x03\x0b\x1c{}:<>abH2\xc0\xdb\xff0123456789".to_vec());
    prop::collection::vec(prop_oneof![special, any::<u8>()], 0..300)
}

proptest! {
    #[test]
    fn what_was_written_is_read(text in prop::sample::select(EVERY.to_vec()), payloads in prop::collection::vec(any_payload(), 0..6)) {
        let framing = framing(text);
        let encoder = Encoder::new(framing.clone());
        let mut wire = Vec::new();
        let kept: Vec<Vec<u8>> = payloads.into_iter().filter(|payload| encoder.encode(payload, &mut wire).is_ok()).collect();
        let (frames, others, end) = told(&framing, &wire);
        prop_assert_eq!(frames, kept, "{}", text);
        prop_assert_eq!((others.len(), end), (0, Ok(())), "{}", text);
    }

    #[test]
    fn cuts_mean_nothing_to_any_framing(choice: u8, cuts: u8, stream in any_payload()) {
        let data: Vec<u8> = [&[choice, cuts][..], &stream].concat();
        fuzz_decoder(&data);
    }

    #[test]
    fn cuts_mean_nothing_to_frames_with_noise(choice: u8, cuts: u8, text in prop::sample::select(EVERY.to_vec()), payloads in prop::collection::vec(any_payload(), 0..4), noise in any_payload()) {
        let encoder = Encoder::new(framing(text));
        let mut stream = Vec::new();
        for payload in payloads {
            let _ = encoder.encode(&payload, &mut stream);
        }
        let data: Vec<u8> = [&[choice, cuts][..], &stream, &noise].concat();
        fuzz_decoder(&data);
    }
}
