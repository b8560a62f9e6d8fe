//! Properties of the decoder that must hold for every input, as plain functions: run by a fuzzer, by the tests over
//! the saved corpus, and by anyone with a suspicious file.

use alloc::vec::Vec;

use crate::{ByteOrder, Decoder, Encoder, FramingSpec, Peek, Step, Truncated, Width};

/// Decodes arbitrary bytes and panics if a property of the decoder is broken.
///
/// The first byte chooses the framing (low three bits: width; bit 3: order; high four bits: `max` = 2ⁿ), the second
/// seeds the cuts, the rest is the stream. Checked: the answers do not depend on the cuts, nor on draining; the
/// decoder holds less than a frame when drained; the frames encode to the bytes they were read from; `peek` agrees.
pub fn fuzz_decoder(data: &[u8]) {
    let [choice, cuts, stream @ ..] = data else { return };
    let spec = spec_from_byte(*choice);
    let whole = decode(spec, stream, usize::MAX, || usize::MAX);
    assert_eq!(whole, decode(spec, stream, usize::MAX, || 1), "cut at every byte");
    let mut state = u32::from(*cuts);
    let random_cut = || {
        // A linear congruential step (the constants of Numerical Recipes §7.1); its high bits are good enough.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::from((state >> 24) as u8 % 13)
    };
    assert_eq!(
        whole,
        decode(spec, stream, spec.header_len() + spec.max_payload(), random_cut),
        "cut at random"
    );
    let mut encoded = Vec::new();
    for (_, payload) in &whole.frames {
        assert!(
            Encoder::new(spec).encode(payload, &mut encoded).is_ok(),
            "a frame that was read can be written"
        );
    }
    assert!(stream.starts_with(&encoded), "frames are the bytes they were read from");
    assert_eq!(encoded.len(), peek_through(spec, stream), "peek agrees with the decoder");
}

/// Everything a decoder said about a stream.
#[derive(Debug, PartialEq)]
struct Account {
    frames: Vec<(u64, Vec<u8>)>,
    oversize: Option<(u64, u64)>,
    end: Result<(), Truncated>,
}

fn spec_from_byte(byte: u8) -> FramingSpec {
    let order = if byte & 8 == 0 { ByteOrder::Big } else { ByteOrder::Little };
    FramingSpec::length(Width::ALL[usize::from(byte & 7)], order).with_max(1 << (byte >> 4))
}

fn decode(spec: FramingSpec, stream: &[u8], drained_limit: usize, mut cut: impl FnMut() -> usize) -> Account {
    let mut decoder = Decoder::new(spec);
    let mut account = Account { frames: Vec::new(), oversize: None, end: Ok(()) };
    let mut rest = stream;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(cut().min(rest.len()));
        rest = later;
        decoder.push(piece);
        account.end = decoder.finish();
        drain(&mut decoder, &mut account);
        assert_eq!(account.end, decoder.finish(), "draining does not change how the stream ends");
        assert!(decoder.remaining().len() < drained_limit, "a drained decoder holds less than a frame");
    }
    account
}

fn drain(decoder: &mut Decoder, account: &mut Account) {
    loop {
        match decoder.next() {
            Step::Frame { payload, header, offset, wire_len } => {
                assert_eq!(header.len() + payload.len(), wire_len);
                account.frames.push((offset, payload.to_vec()));
            }
            Step::Need(missing) => return assert!(missing.is_some(), "a length framing knows what it needs"),
            Step::Garbage { .. } => unreachable!("a length framing has no marks to search for"),
            Step::Oversize { offset, announced } => {
                account.oversize = Some((offset, announced));
                return;
            }
        }
    }
}

/// How many bytes of whole frames stand at the front.
fn peek_through(spec: FramingSpec, stream: &[u8]) -> usize {
    let mut at = 0;
    while let Peek::Frame { wire_len, .. } = spec.peek(&stream[at..]) {
        at += wire_len;
    }
    at
}
