//! Work is linear in the bytes that arrive, for every framing, however they arrive. What is counted are bytes looked at and moved.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::every::EVERY;
use crate::{Decoder, Encoder, Framing, LARGEST_MAX, Resync, work};

/// Bytes of one stream. If each byte that arrives had all before it looked at again, that were half as many for each.
const LEN: usize = 20_000;
/// How often a byte may be looked at and moved, all told: into the buffer, once or twice to find the end and to undo escapes, and
/// within the buffer. Where a header is looked for without regard to case, each byte may be compared with all of its name.
const FOR_EACH_BYTE: u64 = 24;
/// What one more read may cost: a header that is looked at again, or a mark.
const FOR_EACH_READ: u64 = 40;

fn every_framing() -> impl Iterator<Item = &'static str> {
    EVERY.into_iter().chain(["len:u8", "len:u64le", "fixed:7", "json", "raw", "tpkt,resync=marker"])
}

/// Payloads that give a framing most to do: what is escaped, what begins a mark.
fn payloads(text: &str, len: usize) -> Vec<Vec<u8>> {
    let alphabets: &[&[u8]] = match text {
        "slip" => &[b"x", b"\xc0\xdb", b"\xc0x"],
        "cobs" => &[b"x", b"\0", b"\0x"],
        "dle" | "mark:'<'..'>',escape=dle" => &[b"x", b"\x10", b"<>", b"\x10\x02\x10\x03"],
        "delim:'aab'" | "delim:'ab'" => &[b"x", b"a", b"aa"],
        "mark:'{2H:'..':}'" => &[b"x", b":", b"{2H:"],
        "content-length" | "tpkt,resync=marker" => &[b"x", b"content-length", b"\x03"],
        "json" => &[b"x", b"\\n", b" "],
        _ => &[b"x", b"\r", b"0"],
    };
    alphabets
        .iter()
        .map(|alphabet| {
            let filling =
                alphabet.iter().copied().cycle().take(len.div_ceil(alphabet.len()) * alphabet.len());
            match text {
                "json" => [&b"[\""[..], &filling.collect::<Vec<u8>>(), b"\"]"].concat(),
                "fixed:7" => filling.take(7).collect(),
                "len:u8" => filling.take(255).collect(),
                "dec:4" => filling.take(9999).collect(),
                "delim:'aab'" | "delim:'ab'" | "line" => filling.chain([b'x']).collect(),
                _ => filling.collect(),
            }
        })
        .collect()
}

/// One long frame, many short ones, noise before them, a frame that does not end.
fn streams(text: &str) -> Vec<Vec<u8>> {
    let encoder = Encoder::new(text.parse::<Framing>().unwrap().with_max(LARGEST_MAX));
    let mut streams = Vec::new();
    for len in [2, 50, LEN] {
        for payload in payloads(text, len) {
            let mut frame = Vec::new();
            if encoder.encode(&payload, &mut frame).is_err() || frame.is_empty() {
                continue;
            }
            streams.push(frame.repeat(LEN.div_ceil(frame.len())));
            streams.push([&payload.repeat(LEN.div_ceil(payload.len())), &frame[..]].concat());
            streams.push(frame[..frame.len() - 1].to_vec());
        }
    }
    if text == "chunked" {
        let chunk = |extension: usize| format!("1;{}\r\nx\r\n", "e".repeat(extension));
        for extension in [1, 100, 1000] {
            let body = chunk(extension).repeat(LEN / (extension + 8)) + "0\r\n\r\n";
            streams.push(body.into_bytes());
        }
    }
    assert!(streams.len() >= 6, "{text} has streams");
    streams
}

/// What it takes to read a stream in pieces of so many bytes, one answer at a time or many at once, and how many reads it is.
fn work_of(framing: &Framing, stream: &[u8], piece: usize, at_once: bool) -> (u64, u64) {
    let mut decoder = Decoder::new(framing.clone());
    work::taken();
    for bytes in stream.chunks(piece) {
        decoder.push(bytes);
        if at_once {
            decoder.each(|_| {});
        } else {
            while !matches!(decoder.next(), crate::Step::Need(_)) && !decoder.has_stopped() {}
        }
    }
    (work::taken(), stream.len().div_ceil(piece) as u64)
}

#[test]
fn every_framing_does_linear_work() {
    for text in every_framing() {
        for settings in [",max=64MiB", ",max=100,oversize=skip"] {
            let mut framing: Framing = (text.to_string() + settings).parse().unwrap();
            if framing.kind.can_resync() {
                framing.resync = Resync::Marker;
            }
            for stream in streams(text) {
                for (piece, at_once) in [(1, false), (1, true), (7, false), (4096, true), (usize::MAX, false)]
                {
                    let (work, reads) = work_of(&framing, &stream, piece.min(stream.len()), at_once);
                    // At least each byte goes into the buffer: else nothing was counted.
                    let least = if framing.resync == Resync::Off { 0 } else { stream.len() as u64 };
                    let most = FOR_EACH_BYTE * stream.len() as u64 + FOR_EACH_READ * reads;
                    let shown = String::from_utf8_lossy(&stream[..stream.len().min(20)]).into_owned();
                    assert!(
                        (least..=most).contains(&work),
                        "{framing}: {work} bytes looked at or moved for {} in {reads} reads ({shown:?}…)",
                        stream.len(),
                    );
                }
            }
        }
    }
}

#[test]
fn a_byte_that_is_looked_at_again_for_each_that_arrives_is_noticed() {
    // What a search that forgets how far it has come would do.
    work::taken();
    let stream = std::vec![b'x'; LEN];
    for len in 1..=LEN {
        work::memchr(b'\n', &stream[..len]);
    }
    assert!(work::taken() > (FOR_EACH_BYTE + FOR_EACH_READ) * LEN as u64);
}
