//! How a stream was cut into pieces means nothing, also behind frames that are too long.

use std::vec::Vec;

use crate::Framing;
use crate::fuzz::{Account, Answer, account};

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
