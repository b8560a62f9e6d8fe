//! The decoders beside tokio-util's and plain memchr, on the same bytes, in turn: `cargo bench -p sockeye-codec`. With `-- --write` the
//! table goes to `docs/framing-performance.md`.
//!
//! Each round runs both once, in an order that changes; ratios are taken within a round; medians with the smallest and the largest.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark reads clocks and divides"
)]

use std::{
    fmt::Write as _,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use sockeye_codec::{Decoder, Encoder, Framing, Step};
use tokio_util::codec::{AnyDelimiterCodec, LengthDelimitedCodec, LinesCodec};

/// Bytes of a stream: more than a cache of the second level, so that both come from the same memory.
const STREAM: usize = 8 << 20;
/// What one read gives.
const READ: usize = 64 << 10;
const ROUNDS: usize = 101;

fn main() {
    let mut rows = Vec::new();
    for len in [16, 256, 4096, 65536] {
        let payload = vec![b'x'; len];
        rows.push(compare(
            "len:u32be",
            len,
            &stream("len:u32be", &payload),
            "LengthDelimitedCodec",
            length_delimited,
        ));
        rows.push(compare(
            "delim:';'",
            len,
            &stream("delim:';'", &payload),
            "AnyDelimiterCodec",
            any_delimiter,
        ));
        rows.push(compare("line", len, &stream("line", &payload), "LinesCodec", lines));
        rows.push(compare("line", len, &stream("line", &payload), "memchr by hand", memchr_by_hand));
    }
    let mut table = String::from(HEAD);
    for row in rows {
        let _ = writeln!(table, "{row}");
    }
    print!("{table}");
    if std::env::args().any(|argument| argument == "--write") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/framing-performance.md");
        std::fs::write(path, table).expect("the table is written");
    }
}

const HEAD: &str = "\
# How fast framings are

Made by `cargo bench -p sockeye-codec -- --write`: a stream of 8 MiB in reads of 64 KiB, decoded here and by tokio-util's codec for the
same framing, in turn; 101 rounds, medians (smallest–largest). `time ÷` above 1 means that the other one is slower. The other codecs
hand out an owned buffer for each frame, this one lends from its own. `memchr by hand` is the loop that a program writes for itself: a
`Vec`, `memchr` for each line, what is left moved to the front. It leaves out the longest line, offsets and the carriage return; at lines of
256 bytes that is worth half a nanosecond a line to it, a hundredth or two.

| framing | payload bytes | MB/s here | the other | MB/s there | time ÷ ours |
|---|---|---|---|---|---|
";

fn stream(framing: &str, payload: &[u8]) -> Vec<u8> {
    let encoder = Encoder::new(framing.parse().expect("a framing"));
    let mut wire = Vec::with_capacity(STREAM + payload.len());
    while wire.len() < STREAM {
        encoder.encode(payload, &mut wire).expect("it fits");
    }
    wire
}

fn compare(framing: &str, len: usize, wire: &[u8], name: &str, other: fn(&[u8]) -> usize) -> String {
    let spec: Framing = framing.parse().expect("a framing");
    let frames = ours(&spec, wire);
    assert_eq!(other(wire), frames, "both find the same frames");
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut run = |first: bool| {
            let began = Instant::now();
            black_box(if first { ours(&spec, black_box(wire)) } else { other(black_box(wire)) });
            if first { here.push(began.elapsed()) } else { there.push(began.elapsed()) }
        };
        run(round % 2 == 0);
        run(round % 2 == 1);
    }
    let mut ratios: Vec<f64> =
        here.iter().zip(&there).map(|(here, there)| there.as_secs_f64() / here.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let rate = |times: &mut Vec<Duration>| {
        times.sort();
        wire.len() as f64 / times[times.len() / 2].as_secs_f64() / 1e6
    };
    format!(
        "| `{framing}` | {len} | {:.0} | {name} | {:.0} | {:.2} ({:.2}–{:.2}) |",
        rate(&mut here),
        rate(&mut there),
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1]
    )
}

/// The bytes of each read are added to those there are, as in the others, then every frame is taken.
fn ours(framing: &Framing, wire: &[u8]) -> usize {
    let mut decoder = Decoder::new(framing.clone());
    let mut frames = 0;
    for read in wire.chunks(READ) {
        decoder.push(read);
        decoder.each(|step| {
            if let Step::Frame { payload, .. } = step {
                black_box(payload);
                frames += 1;
            }
        });
    }
    frames
}

fn theirs<D: tokio_util::codec::Decoder>(mut codec: D, wire: &[u8]) -> usize
where
    D::Error: std::fmt::Debug,
{
    let mut buffer = BytesMut::new();
    let mut frames = 0;
    for read in wire.chunks(READ) {
        buffer.extend_from_slice(read);
        while let Some(frame) = codec.decode(&mut buffer).expect("it decodes") {
            black_box(&frame);
            frames += 1;
        }
    }
    frames
}

fn length_delimited(wire: &[u8]) -> usize {
    theirs(LengthDelimitedCodec::new(), wire)
}

fn any_delimiter(wire: &[u8]) -> usize {
    theirs(AnyDelimiterCodec::new(b";".to_vec(), b";".to_vec()), wire)
}

fn lines(wire: &[u8]) -> usize {
    theirs(LinesCodec::new(), wire)
}

/// The loop that a program writes for itself.
fn memchr_by_hand(wire: &[u8]) -> usize {
    let mut buffer: Vec<u8> = Vec::new();
    let mut frames = 0;
    for read in wire.chunks(READ) {
        buffer.extend_from_slice(read);
        let mut begin = 0;
        while let Some(len) = memchr::memchr(b'\n', &buffer[begin..]) {
            black_box(&buffer[begin..begin + len]);
            frames += 1;
            begin += len + 1;
        }
        buffer.drain(..begin);
    }
    frames
}
