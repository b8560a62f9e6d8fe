//! Golden bytes from the specification, every cut, limits, and other implementations as oracles.

#[cfg(feature = "tokio-util")]
mod adapter;
mod cuts;
mod every;
mod linear;
mod oracles;
mod settings;
mod text;

use std::string::{String, ToString};
use std::vec::Vec;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use tokio_util::codec::{Decoder as _, Encoder as _, LengthDelimitedCodec};

use crate::{
    ByteOrder, DEFAULT_MAX, Decoder, EncodeError, Encoder, Framing, LARGEST_MAX, Peek, Step, Truncated, Width,
};

const SPECIFICATION: &str = include_str!("../../../../specs/00-framing.md");

/// What a decoder said about a stream: frames with their offsets, the refusal if any, and how it ended.
#[derive(Clone, Debug, Default, PartialEq)]
struct Account {
    frames: Vec<(u64, Vec<u8>)>,
    refused: Option<(u64, u64)>,
    end: Option<Truncated>,
}

impl Account {
    fn of(spec: &Framing, pieces: &[&[u8]]) -> Self {
        let mut decoder = Decoder::new(spec.clone());
        let mut account = Self::default();
        for piece in pieces {
            decoder.push(piece);
            account.drain(&mut decoder);
        }
        account.end = decoder.finish().err();
        account
    }

    fn drain(&mut self, decoder: &mut Decoder) {
        loop {
            match decoder.next() {
                Step::Frame { payload, offset, .. } => self.frames.push((offset, payload.to_vec())),
                Step::Oversize { offset, announced } => {
                    self.refused = Some((offset, announced));
                    return;
                }
                Step::Need(_) => return,
                other => panic!("length framings have no other answers: {other:?}"),
            }
        }
    }
}

fn spec(text: &str) -> Framing {
    text.parse().unwrap()
}

fn every_length_framing() -> Vec<Framing> {
    let both = |width| [ByteOrder::Big, ByteOrder::Little].map(|order| Framing::length(width, order));
    Width::ALL.into_iter().flat_map(both).collect()
}

fn encoded(spec: &Framing, payloads: &[&[u8]]) -> Vec<u8> {
    let mut wire = Vec::new();
    for payload in payloads {
        Encoder::new(spec.clone()).encode(payload, &mut wire).unwrap();
    }
    wire
}

/// The rows of the table under a heading of the specification, without backquotes, `-` as nothing.
fn table(heading: &str) -> Vec<Vec<String>> {
    let section = SPECIFICATION.split(heading).nth(1).expect("the heading is in the specification");
    let lines =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cell = |cell: &str| cell.trim().trim_matches('`').replace('-', "");
    let row = |line: &str| line.trim_matches('|').split('|').map(cell).collect::<Vec<_>>();
    let rows: Vec<_> = lines.skip(2).map(row).collect();
    assert!(rows.len() > 5, "the table under {heading} is read");
    rows
}

fn bytes_from_hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).expect("hexadecimal")).unwrap();
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[test]
fn golden_frames() {
    for row in table("### 12.1 ") {
        let (spec, payload, wire) = (spec(&row[0]), bytes_from_hex(&row[1]), bytes_from_hex(&row[2]));
        assert_eq!(encoded(&spec, &[&payload]), wire, "{row:?}");
        let account = Account::of(&spec, &[&wire]);
        // Where a frame may begin with the end of the one before, it begins behind it.
        let frames: Vec<_> = account.frames.into_iter().map(|(_, payload)| payload).collect();
        assert_eq!((frames, account.refused, account.end), ([payload].into(), None, None), "{row:?}");
    }
}

#[test]
fn golden_refusals() {
    for row in table("### 12.2 ") {
        let account = Account::of(&spec(&row[0]), &[&bytes_from_hex(&row[1])]);
        assert_eq!(account.refused, Some((0, row[2].parse().unwrap())), "{row:?}");
        assert_eq!(account.frames, []);
    }
}

#[test]
fn golden_ends() {
    for row in table("### 12.3 ") {
        let account = Account::of(&spec(&row[0]), &[&bytes_from_hex(&row[1])]);
        let end =
            row[2].parse().ok().map(|have| Truncated { have, need: row[3].parse().ok(), garbage: false });
        assert_eq!(account.end, end, "{row:?}");
    }
}

#[test]
fn text_of_a_framing_reads_back() {
    for length in every_length_framing() {
        for max in [1, 5, 1 << 10, 1000, 64 << 10, DEFAULT_MAX, (1 << 20) + 1, LARGEST_MAX] {
            let spec = length.clone().with_max(max);
            assert_eq!(spec.to_string().parse().as_ref(), Ok(&spec), "{spec}");
        }
    }
    assert_eq!(spec("len:u8,max=1048576").to_string(), "len:u8");
    assert_eq!(spec("len:u32le,max=65536").to_string(), "len:u32le,max=64KiB");
    assert_eq!(Framing::length(Width::U8, ByteOrder::Little), spec("len:u8"));
}

#[test]
fn cut_at_every_byte() {
    let payloads: [&[u8]; 6] = [b"", b"\0", b"\r\n\xff", b"", b"tulip harbor", b"\0\0\0\x01\0\0\0\0"];
    for spec in every_length_framing() {
        let wire = encoded(&spec, &payloads);
        let whole = Account::of(&spec, &[&wire]);
        assert_eq!(whole.frames.iter().map(|(_, payload)| &payload[..]).collect::<Vec<_>>(), payloads);
        for first in 0..=wire.len() {
            for second in first..=wire.len() {
                let pieces = [&wire[..first], &wire[first..second], &wire[second..]];
                assert_eq!(Account::of(&spec, &pieces), whole, "{spec} cut at {first} and {second}");
            }
        }
        let single: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(Account::of(&spec, &single), whole, "{spec} byte by byte");
    }
}

#[test]
fn need_is_exact_at_every_byte() {
    for spec in every_length_framing() {
        let wire = encoded(&spec, &[b"tulip"]);
        let header = wire.len() - 5;
        for have in 0..wire.len() {
            let missing = if have < header { header - have } else { wire.len() - have };
            assert_eq!(spec.peek(&wire[..have]), Some(Peek::Need(core::num::NonZeroUsize::new(missing))));
        }
        let complete = Peek::Frame { header_len: header, payload_len: 5, wire_len: wire.len() };
        assert_eq!(spec.peek(&wire), Some(complete));
    }
}

#[test]
fn longest_payload() {
    for (text, max) in
        [("len:u8", 255), ("len:u16be", 65535), ("len:u24le", DEFAULT_MAX), ("len:u64be,max=3", 3)]
    {
        let spec = spec(text);
        assert_eq!(spec.max_payload(), max);
        let longest = std::vec![0xff; max];
        let wire = encoded(&spec, &[&longest, b"x"]);
        let account = Account::of(&spec, &[&wire]);
        assert_eq!(account.frames.len(), 2);
        assert_eq!(account.frames[0], (0, longest.clone()));

        let mut out = b"before".to_vec();
        let longer = [&longest[..], b"x"].concat();
        let refused = Encoder::new(spec.clone()).encode(&longer, &mut out);
        assert_eq!(refused, Err(EncodeError::TooLong { len: max + 1, max }));
        assert_eq!(out, b"before");
    }
    assert_eq!(Framing::length(Width::U64, ByteOrder::Big).with_max(usize::MAX).max_payload(), LARGEST_MAX);
    assert_eq!(Framing::length(Width::U64, ByteOrder::Big).with_max(0).max_payload(), 1);
}

#[test]
fn a_refused_frame_ends_the_work() {
    let mut decoder = Decoder::new(spec("len:u8,max=4"));
    decoder.push(b"\x01a\x05bcd");
    assert!(matches!(decoder.next(), Step::Frame { payload: b"a", .. }));
    for _ in 0..3 {
        assert_eq!(decoder.next(), Step::Oversize { offset: 2, announced: 5 });
        assert_eq!(decoder.remaining(), b"");
    }
    assert_eq!(decoder.finish(), Err(Truncated { have: 4, need: Some(6), garbage: false }));
    decoder.push(b"ef");
    assert_eq!(decoder.next(), Step::Oversize { offset: 2, announced: 5 });
    assert_eq!(decoder.remaining(), b"");
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn what_remains_can_be_read_in_another_way() {
    let mut decoder = Decoder::new(spec("len:u8"));
    decoder.push(b"\x05HELLO\x09raw");
    assert!(matches!(decoder.next(), Step::Frame { header: b"\x05", payload: b"HELLO", wire_len: 6, .. }));
    assert_eq!(decoder.remaining(), b"\x09raw");
    assert_eq!(decoder.framing(), Encoder::new(spec("len:u8")).framing());
}

#[test]
fn an_announced_length_sets_no_memory_aside() {
    let mut decoder = Decoder::new(spec("len:u32be,max=1GiB"));
    decoder.push(b"\x40\0\0\0abc");
    assert!(matches!(decoder.next(), Step::Need(Some(missing)) if missing.get() == (1 << 30) - 3));
    assert!(decoder.capacity() < 64);
}

#[test]
fn a_drained_decoder_stays_small() {
    let spec = spec("len:u16be,max=100");
    let frame = encoded(&spec, &[&[7; 100]]);
    let stream: Vec<u8> = frame.iter().copied().cycle().take(102 * 10_000).collect();
    let mut decoder = Decoder::new(spec.clone());
    let mut frames = 0;
    // 101 and 102 have no common factor, so the buffer is almost never empty after draining.
    for piece in stream.chunks(101) {
        decoder.push(piece);
        while let Step::Frame { .. } = decoder.next() {
            frames += 1;
        }
        assert!(decoder.remaining().len() < 102);
    }
    assert_eq!(frames, 10_000);
    assert!(decoder.capacity() <= 4 * 102, "{}", decoder.capacity());
}

#[test]
fn bytes_are_moved_at_most_once_for_each_handed_out() {
    // One frame is taken from many for each push: moving all that is left every time would be quadratic.
    let spec = spec("len:u8");
    let mut decoder = Decoder::new(spec.clone());
    decoder.push(&encoded(&spec, &std::vec![&b"x"[..]; 50_000]));
    let (mut moved, mut handed_out) = (0, 0);
    for _ in 0..50_000 {
        assert!(matches!(decoder.next(), Step::Frame { .. }));
        handed_out += 2;
        let (before, live) = (decoder.passed_over(), decoder.remaining().len());
        decoder.push(b"");
        if decoder.passed_over() < before {
            moved += live;
        }
    }
    assert!(moved <= handed_out, "{moved} bytes moved for {handed_out} handed out");
}

fn any_framing() -> impl Strategy<Value = Framing> {
    let max = prop_oneof![1usize..300, Just(DEFAULT_MAX)];
    (proptest::sample::select(every_length_framing()), max).prop_map(|(spec, max)| spec.with_max(max))
}

/// Streams that are mostly frames: whole ones, then perhaps noise.
fn any_stream() -> impl Strategy<Value = (Framing, Vec<u8>)> {
    let payloads = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8);
    (any_framing(), payloads, prop::collection::vec(any::<u8>(), 0..20)).prop_map(
        |(spec, payloads, noise)| {
            let mut wire = Vec::new();
            for payload in payloads {
                let _ = Encoder::new(spec.clone()).encode(&payload, &mut wire);
            }
            wire.extend(noise);
            (spec, wire)
        },
    )
}

/// Bytes of a length field, by what an empty message takes.
fn header_len(spec: &Framing) -> usize {
    encoded(spec, &[b""]).len()
}

fn oracle(spec: &Framing) -> LengthDelimitedCodec {
    let mut builder = LengthDelimitedCodec::builder();
    builder.length_field_length(header_len(spec)).max_frame_length(spec.max_payload());
    if spec.to_string().contains("le") && encoded(spec, &[b"x"])[0] == 1 {
        builder.little_endian();
    }
    builder.new_codec()
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(
        spec in any_framing(),
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..10),
        cut in 1usize..50,
    ) {
        let payloads: Vec<_> = payloads.iter().filter(|payload| payload.len() <= spec.max_payload()).collect();
        let slices: Vec<&[u8]> = payloads.iter().map(|payload| payload.as_slice()).collect();
        let wire = encoded(&spec, &slices);
        let pieces: Vec<&[u8]> = wire.chunks(cut).collect();
        let account = Account::of(&spec, &pieces);
        prop_assert_eq!(account.frames.iter().map(|(_, payload)| payload).collect::<Vec<_>>(), payloads);
        prop_assert_eq!((account.refused, account.end), (None, None));
    }

    #[test]
    fn cuts_mean_nothing((spec, wire) in any_stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
        places.extend([0, wire.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &wire[pair[0]..pair[1]]).collect();
        prop_assert_eq!(Account::of(&spec, &pieces), Account::of(&spec, &[&wire]));
    }

    #[test]
    fn tokio_util_decodes_the_same((spec, wire) in any_stream()) {
        let (mut codec, mut buffer) = (oracle(&spec), BytesMut::from(&wire[..]));
        let (mut frames, mut refused) = (Vec::new(), false);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(_) => { refused = true; break }
            }
        }
        let account = Account::of(&spec, &[&wire]);
        prop_assert_eq!(account.frames.into_iter().map(|(_, payload)| payload).collect::<Vec<_>>(), frames);
        prop_assert_eq!(account.refused.is_some(), refused);
        // An end right behind a header escapes the oracle: it has taken the header out and sees nothing left.
        let behind_header = account.end.is_some_and(|end| end.have == header_len(&spec) as u64);
        if !refused && !behind_header {
            prop_assert_eq!(account.end.is_some(), codec.decode_eof(&mut buffer).is_err());
        }
    }

    #[test]
    fn tokio_util_encodes_the_same(spec in any_framing(), payload in prop::collection::vec(any::<u8>(), 0..400)) {
        let (mut ours, mut theirs) = (Vec::new(), BytesMut::new());
        let accepted = Encoder::new(spec.clone()).encode(&payload, &mut ours).is_ok();
        prop_assert_eq!(oracle(&spec).encode(Bytes::from(payload), &mut theirs).is_ok(), accepted);
        prop_assert_eq!(ours, theirs.to_vec());
    }

    #[test]
    fn fuzz_properties_hold(data in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzz::fuzz_decoder(&data);
    }
}
