//! Which framing a capture is in: what was written is found, the best of several first.

use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::candidates;
use crate::{Encoder, Framing, Verdict, guess, guess_cut};

fn framing(text: &str) -> Framing {
    text.parse().unwrap()
}

fn wire(text: &str, payloads: &[&[u8]]) -> Vec<u8> {
    let encoder = Encoder::new(framing(text));
    let mut out = Vec::new();
    for payload in payloads {
        encoder.encode(payload, &mut out).unwrap();
    }
    out
}

/// Those that fit, best first, as texts.
fn fitting(capture: &[u8]) -> Vec<String> {
    guess(capture).iter().filter(|guess| guess.is_exact()).map(|guess| guess.framing.to_string()).collect()
}

const WORDS: [&[u8]; 4] = [b"tulip", b"", b"harbor", b"longer"];

#[test]
fn what_was_written_is_the_best_guess() {
    for text in [
        "dec:1", "dec:2", "dec:3", "dec:4", "dec:5", "dec:6", "dec:7", "dec:8", "dec:9", "hex:1", "hex:2",
        "hex:3", "hex:4", "hex:5", "hex:6", "hex:7", "hex:8", "hex:9",
    ] {
        // A length that has a letter in hexadecimal and two digits in decimal, where those fit.
        let long: &[u8] =
            if text.starts_with("hex") || text == "dec:1" { b"eleven byte" } else { b"a few bytes" };
        let payloads = if text == "dec:1" { WORDS.to_vec() } else { [&WORDS[..], &[long]].concat() };
        assert_eq!(fitting(&wire(text, &payloads))[0], text);
        if text == "hex:1" {
            continue;
        }
        let all = text.to_string() + ",counts=all";
        let payloads: &[&[u8]] = if text == "dec:1" { &[b"tulip", b"harbor"] } else { &payloads };
        assert_eq!(fitting(&wire(&all, payloads))[0], all);
    }
    for bits in ["16", "24", "32", "40", "48", "56", "64"] {
        for order in ["be", "le"] {
            for counts in ["", ",counts=all"] {
                let text = std::format!("len:u{bits}{order}{counts}");
                assert_eq!(fitting(&wire(&text, &WORDS))[0], text);
            }
        }
    }
    for text in ["len:u8", "len:u8,counts=all", "len:u24le,extra=1", "varint"] {
        assert!(fitting(&wire(text, &WORDS)).contains(&framing(text).to_string()), "{text}");
    }
}

#[test]
fn a_capture_suggests_its_own_delimiters_and_marks() {
    for (capture, best) in [
        (&b"one|two||three|"[..], "delim:'|'"),
        (b"one;two;", "delim:';'"),
        (b"one two three ", "delim:' '"),
        (b"one\ttwo\t", "delim:'\\t'"),
        (b"one\x1etwo\x1e", "delim:0x1e"),
        (b"one\rtwo\r", "delim:'\\r'"),
        (b"one\0two\0", "nul"),
        (b"one\ntwo\n", "line"),
        (b"<one><two>", "mark:'<'..'>'"),
        (b"(one)", "mark:'('..')'"),
        (b"[one][two]", "mark:'['..']'"),
        (b"{one}{}", "mark:'{'..'}'"),
        (b"#one;#two;", "mark:'#'..';'"),
        (b"\x02one\x03\x02two\x03", "mark:0x02..0x03"),
        (b"\x01one\x04\x01two\x04", "mark:0x01..0x04"),
        (b"{\"a\":1}{\"b\":2}", "json"),
        (b"<html><p>text</p></html>", "delim:'>'"),
    ] {
        let fits = fitting(capture);
        assert_eq!(fits.first().map(String::as_str), Some(best), "{}: {fits:?}", capture.escape_ascii());
    }
    // What fits of itself comes before what was made to fit.
    let fits = fitting(b"3:one,3:two,");
    assert_eq!(fits, ["netstring", "delim:','"]);
    assert_eq!(fitting(b"one;six"), [""; 0], "a delimiter stands behind the last one too");
}

#[test]
fn frames_of_one_length_are_the_last_resort() {
    assert_eq!(fitting(b"helloworldtulips"), ["delim:'s'", "fixed:2", "fixed:4", "fixed:8"][1..]);
    let mut records = Vec::new();
    for number in 0..30_u8 {
        records.extend([0xfe, 0xca, number.wrapping_mul(73), 7 ^ number, 0xff]);
    }
    assert_eq!(fitting(&records)[0], "fixed:5", "it begins and ends alike");
    assert_eq!(fitting(b"abcxbcyzc"), ["delim:'c'", "fixed:3"]);
    assert_eq!(fitting(b"ab\xffxbcyzb"), ["fixed:3"], "a letter is no delimiter of what is not text");
    assert!(!fitting(b"0003AAA0004BBBB").iter().any(|text| text.starts_with("fixed")));
    assert_eq!(fitting(b"\xff\xfe?"), [""; 0]);
}

#[test]
fn a_cut_capture_may_be_in_what_it_suggests() {
    for (capture, best) in [
        (&b"one|two|thr"[..], "delim:'|'"),
        (b"<one><two><thr", "mark:'<'..'>'"),
        (b"one,1\ntwo,2\nthr", "line"),
        (b"0000007one two0000003one00000", "dec:7"),
    ] {
        let tried = guess_cut(capture);
        assert!(tried[0].fits_cut(), "{}", capture.escape_ascii());
        assert_eq!(tried[0].framing.to_string(), best);
    }
}

#[test]
fn a_failure_is_where_it_would_be_in_one_piece() {
    let mut capture = wire("line", &std::vec![&b"tulip"[..]; 20_000]);
    capture.extend(b"no end");
    let tried = guess(&capture);
    let line = tried.iter().find(|guess| guess.framing == framing("line")).unwrap();
    assert_eq!(line.frames, 20_000);
    assert!(matches!(line.verdict, Verdict::Truncated(cut) if cut.have == 6));
    capture.splice(100_000.., *b"0003AAAx");
    capture.drain(..100_000);
    let tried = guess(&capture);
    let dec = tried.iter().find(|guess| guess.framing == framing("dec:4")).unwrap();
    assert!(matches!(dec.verdict, Verdict::Invalid { offset: 7, .. }), "{:?}", dec.verdict);
}

proptest! {
    #[test]
    fn what_is_tried_is_bounded_and_each_is_tried_once(capture in prop::collection::vec(any::<u8>(), 0..200)) {
        for tried in [candidates::of_whole(&capture), candidates::of_cut(&capture)] {
            prop_assert!(tried.len() < 100);
            for (number, (_, framing)) in tried.iter().enumerate() {
                prop_assert!(tried[..number].iter().all(|(_, other)| other != framing), "{}", framing);
            }
        }
        prop_assert!(candidates::last_resort(&capture).len() <= 5);
    }
}
