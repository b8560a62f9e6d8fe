//! What others say: Netty's documentation, the COBS paper's crate, prost, tokio-util's codecs, and the examples of the RFCs.

use std::vec::Vec;

use bytes::BytesMut;
use proptest::prelude::*;
use tokio_util::codec::{AnyDelimiterCodec, Decoder as _, Encoder as _};

use crate::{Decoder, Encoder, Framing, Malformed, Step};

fn framing(text: &str) -> Framing {
    text.parse().unwrap()
}

fn frames(text: &str, wire: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(framing(text));
    decoder.push(wire);
    let mut frames = Vec::new();
    while let Step::Frame { payload, .. } = decoder.next() {
        frames.push(payload.to_vec());
    }
    frames
}

fn wire(text: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new(framing(text)).encode(payload, &mut out).unwrap();
    out
}

/// The seven examples in the documentation of Netty's `LengthFieldBasedFrameDecoder`, and how each is said here.
#[test]
fn netty_s_documented_examples() {
    for (text, before, after) in [
        ("len:u16be,strip=none", &b"\x00\x0cHELLO, WORLD"[..], &b"\x00\x0cHELLO, WORLD"[..]),
        ("len:u16be", b"\x00\x0cHELLO, WORLD", b"HELLO, WORLD"),
        ("len:u16be,counts=all,strip=none", b"\x00\x0eHELLO, WORLD", b"\x00\x0eHELLO, WORLD"),
        (
            "len:u24be,offset=2,strip=none",
            b"\xca\xfe\x00\x00\x0cHELLO, WORLD",
            b"\xca\xfe\x00\x00\x0cHELLO, WORLD",
        ),
        (
            "len:u24be,extra=2,strip=none",
            b"\x00\x00\x0c\xca\xfeHELLO, WORLD",
            b"\x00\x00\x0c\xca\xfeHELLO, WORLD",
        ),
        ("len:u16be,offset=1,extra=1,strip=3", b"\xca\x00\x0c\xfeHELLO, WORLD", b"\xfeHELLO, WORLD"),
        (
            "len:u16be,offset=1,extra=1,counts=all,strip=3",
            b"\xca\x00\x10\xfeHELLO, WORLD",
            b"\xfeHELLO, WORLD",
        ),
    ] {
        assert_eq!(frames(text, before), [after.to_vec()], "{text}");
        assert_eq!(frames(text, &[before, before].concat()).len(), 2, "{text}");
    }
}

/// Netty's delimiter decoder takes the nearest delimiter; ours has one: `a||b|` by `|`.
#[test]
fn netty_s_delimiters() {
    assert_eq!(frames("delim:'|'", b"a||b|"), [b"a".to_vec(), b"".to_vec(), b"b".to_vec()]);
    assert_eq!(frames("line", b"a\r\nb\n\n"), [b"a".to_vec(), b"b".to_vec(), b"".to_vec()]);
}

/// "Netstrings" (D. J. Bernstein, 1997): its examples and its rules.
#[test]
fn netstrings_as_their_page_has_them() {
    assert_eq!(wire("netstring", b"hello world!"), b"12:hello world!,");
    assert_eq!(wire("netstring", b""), b"0:,");
    for (broken, reason) in [
        (&b"03:abc,"[..], Malformed::LeadingZero),
        (b"3:abc;", Malformed::Comma { found: b';' }),
        (b"-1:,", Malformed::Digit { found: b'-' }),
        (b":,", Malformed::Digit { found: b':' }),
    ] {
        let mut decoder = Decoder::new(framing("netstring"));
        decoder.push(broken);
        assert!(
            matches!(decoder.next(), Step::Invalid { reason: found, .. } if found == reason),
            "{broken:?}"
        );
    }
}

/// RFC 6587 §3.4.1 and RFC 1055, and the encoding of Protocol Buffers.
#[test]
fn the_rfcs_examples() {
    assert_eq!(frames("octet-count", b"5 hello11 hello world"), [b"hello".to_vec(), b"hello world".to_vec()]);
    assert_eq!(wire("slip", b"a\xc0b\xdbc"), b"\xc0a\xdb\xdcb\xdb\xddc\xc0");
    assert_eq!(frames("slip", b"a\xdb\xdcb\xc0\xc0\xc0c\xc0"), [b"a\xc0b".to_vec(), b"c".to_vec()]);
    assert_eq!(wire("varint", &[7; 300])[..2], [0xac, 0x02]);
    assert_eq!(frames("varint", b"\x83\x80\x00abc"), [b"abc".to_vec()], "an overlong varint still says 3");
    let mut decoder = Decoder::new(framing("varint"));
    decoder.push(&[0xff; 10]);
    assert!(matches!(decoder.next(), Step::Invalid { reason: Malformed::VarintTooLong, .. }));
    assert_eq!(
        frames("chunked", b"4\r\nWiki\r\n5;x=y\r\npedia\r\n0\r\nA: b\r\n\r\n"),
        [b"Wikipedia".to_vec()]
    );
    assert_eq!(frames("content-length", b"Host: x\r\ncontent-length:  3\r\n\r\nabc"), [b"abc".to_vec()]);
    assert_eq!(
        frames("json", b"{\"a\":[1,2]} 3 \"x\\u00e9\"\nnull "),
        [&b"{\"a\":[1,2]}"[..], b"3", b"\"x\\u00e9\"", b"null"]
    );
}

/// The examples of the paper (Cheshire and Baker 1999), as Wikipedia's article lists them.
#[test]
fn cobs_vectors() {
    let long: Vec<u8> = (1..=254).collect();
    let mut long_wire = std::vec![0xff];
    long_wire.extend(&long);
    long_wire.push(0);
    for (payload, stuffed) in [
        (&b"\x00"[..], &b"\x01\x01\x00"[..]),
        (b"\x00\x00", b"\x01\x01\x01\x00"),
        (b"\x00\x11\x00", b"\x01\x02\x11\x01\x00"),
        (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33\x00"),
        (b"\x11\x22\x33\x44", b"\x05\x11\x22\x33\x44\x00"),
        (b"\x11\x00\x00\x00", b"\x02\x11\x01\x01\x01\x00"),
        (&long, &long_wire),
    ] {
        assert_eq!(wire("cobs", payload), stuffed);
        assert_eq!(frames("cobs", stuffed), [payload.to_vec()]);
    }
}

proptest! {
    #[test]
    fn the_crate_cobs_agrees(payload in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 1..700)) {
        let ours = wire("cobs", &payload);
        prop_assert_eq!(&ours[..ours.len() - 1], &cobs::encode_vec(&payload)[..]);
        prop_assert_eq!(cobs::decode_vec(&ours[..ours.len() - 1]).unwrap(), payload);
    }

    #[test]
    fn prost_writes_the_same_varints(magnitude in 0..20_u32, below: u32) {
        let len = (1_usize << magnitude) - 1 - below as usize % (1 << magnitude) / 2;
        let payload = std::vec![7; len];
        let mut theirs = Vec::new();
        prost::encode_length_delimiter(len, &mut theirs).unwrap();
        theirs.extend(&payload);
        prop_assert_eq!(wire("varint", &payload), theirs);
    }

    #[test]
    fn prost_reads_the_same_varints(
        stream in prop::collection::vec(prop_oneof![Just(0x80), Just(0xff), 0..3_u8, any::<u8>()], 0..60),
    ) {
        let (mut rest, mut theirs) = (&stream[..], Vec::new());
        let refused = loop {
            let mut behind = rest;
            match prost::decode_length_delimiter(&mut behind) {
                Ok(len) if len > crate::DEFAULT_MAX => break true,
                Ok(len) if len > behind.len() => break false,
                Ok(len) => {
                    theirs.push(behind[..len].to_vec());
                    rest = &behind[len..];
                }
                // Not complete, or more than 64 bits.
                Err(_) => break rest.len() >= 10 || rest.last().is_some_and(|last| *last < 0x80),
            }
        };
        let mut decoder = Decoder::new(framing("varint"));
        decoder.push(&stream);
        let mut ours = Vec::new();
        while let Step::Frame { payload, .. } = decoder.next() {
            ours.push(payload.to_vec());
        }
        prop_assert_eq!((ours, decoder.has_stopped()), (theirs, refused));
    }

    #[test]
    fn tokio_util_cuts_at_the_same_delimiter(stream in prop::collection::vec(prop_oneof![Just(b';'), any::<u8>()], 0..200)) {
        let mut codec = AnyDelimiterCodec::new(b";".to_vec(), b";".to_vec());
        let mut buffer = BytesMut::from(&stream[..]);
        let mut theirs = Vec::new();
        while let Some(chunk) = codec.decode(&mut buffer).unwrap() {
            theirs.push(chunk.to_vec());
        }
        prop_assert_eq!(frames("delim:';'", &stream), theirs);
    }

    #[test]
    fn tokio_util_writes_the_same_delimiter(payload in "[a-z]{0,40}") {
        let mut codec = AnyDelimiterCodec::new(b";".to_vec(), b";".to_vec());
        let mut theirs = BytesMut::new();
        codec.encode(&payload, &mut theirs).unwrap();
        prop_assert_eq!(wire("delim:';'", payload.as_bytes()), theirs.to_vec());
    }
}
