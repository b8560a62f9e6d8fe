//! The codec for tokio-util says what the decoder says, and copies nothing.

use std::string::ToString;
use std::vec::Vec;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use proptest::prelude::*;
use proptest::sample::select;
use tokio_util::codec::{Decoder as _, Encoder as _, Framed, FramedRead};

use super::every::EVERY;
use crate::fuzz::{Account, Answer, account, random_cuts};
use crate::{Adapter, AdapterError, Encoder, Framing, Received};

fn codec(text: &str) -> Adapter {
    Adapter::new(text.parse().unwrap())
}

/// What the decoder would have answered.
fn answer(received: &Received) -> Answer {
    match *received {
        Received::Message(ref message) => Answer::Frame {
            payload: message.payload.to_vec(),
            header: Vec::new(),
            offset: message.offset,
            wire_len: message.wire_len,
        },
        Received::Garbage { offset, len } => Answer::Garbage { offset, len },
        Received::Oversize { offset, announced } => Answer::Oversize { offset, announced },
        Received::Invalid { offset, reason } => Answer::Invalid { offset, reason },
    }
}

/// Everything the codec says about a stream that arrives in pieces.
fn told(framing: &Framing, stream: &[u8], mut cut: impl FnMut() -> usize) -> Account {
    let (mut codec, mut buffer) = (Adapter::new(framing.clone()), BytesMut::new());
    let mut told = Account { answers: Vec::new(), stopped: false, end: Ok(()) };
    let mut rest = stream;
    while !told.stopped {
        let (piece, later) = rest.split_at(cut().min(rest.len()));
        let ends = rest.is_empty();
        rest = later;
        buffer.extend_from_slice(piece);
        loop {
            match if ends { codec.decode_eof(&mut buffer) } else { codec.decode(&mut buffer) } {
                Ok(Some(received)) => told.answers.push(answer(&received)),
                Ok(None) if ends => return told,
                Ok(None) => break,
                Err(error) => {
                    match error {
                        AdapterError::Oversize { offset, announced } => {
                            told.answers.push(Answer::Oversize { offset, announced });
                        }
                        AdapterError::Invalid { offset, reason } => {
                            told.answers.push(Answer::Invalid { offset, reason });
                        }
                        AdapterError::Truncated(cut) => {
                            told.end = Err(cut);
                            return told;
                        }
                        other => panic!("nothing else ends a stream: {other}"),
                    }
                    told.stopped = true;
                    break;
                }
            }
        }
    }
    told
}

/// The decoder's own account, as far as the codec can say it.
fn expected(framing: &Framing, stream: &[u8]) -> Account {
    let mut whole = account(framing, stream, || usize::MAX);
    for answer in &mut whole.answers {
        if let Answer::Frame { header, .. } = answer {
            header.clear();
        }
    }
    if whole.stopped {
        // The codec ends with the error.
        whole.end = Ok(());
    }
    whole
}

#[test]
fn what_is_passed_over_is_told_in_its_place() {
    for (text, stream, wanted) in [
        ("mark:'<'..'>'", &b"??<a>!<b>"[..], &[(0, None), (2, Some("a")), (5, None), (6, Some("b"))][..]),
        ("len:u8,max=2,oversize=skip", b"\x01a\x03abc\x01b", &[(0, Some("a")), (2, None), (6, Some("b"))]),
        ("line,max=2,oversize=skip", b"a\nabc\nb\n", &[(0, Some("a")), (2, None), (6, Some("b"))]),
    ] {
        let (mut codec, mut buffer) = (codec(text), BytesMut::from(stream));
        for (at, payload) in wanted {
            let received = codec.decode(&mut buffer).unwrap().expect("there is more");
            let (offset, message) = match received.clone() {
                Received::Message(message) => (message.offset, Some(message.payload)),
                Received::Garbage { offset, .. } | Received::Oversize { offset, .. } => (offset, None),
                other @ Received::Invalid { .. } => panic!("{other:?}"),
            };
            assert_eq!((offset, message), (*at, payload.map(Bytes::from)), "{text}: {received:?}");
            assert_eq!(received.message().is_some(), payload.is_some());
        }
        assert!(codec.decode_eof(&mut buffer).unwrap().is_none(), "{text}");
    }
}

#[test]
fn an_error_is_the_last_word_and_leaves_nothing_behind() {
    for (text, stream) in
        [("len:u8,max=2", &b"\x01a\x03abc"[..]), ("dec:1", b"1a?bc"), ("len:u8", b"\x01a\x03ab")]
    {
        let (mut codec, mut buffer) = (codec(text), BytesMut::from(stream));
        assert!(codec.decode(&mut buffer).unwrap().is_some());
        let first = codec.decode_eof(&mut buffer).unwrap_err().to_string();
        assert_eq!(codec.decode_eof(&mut buffer).unwrap_err().to_string(), first, "{text}");
        assert!(text == "len:u8" || buffer.is_empty(), "{text}");
    }
}

#[test]
fn payloads_are_parts_of_the_buffer() {
    for text in EVERY {
        let framing: Framing = text.parse().unwrap();
        let payload: &[u8] = match text {
            "fixed:3" => b"abc",
            "json" => b"{\"a\":1}",
            _ => b"tulip harbor",
        };
        let mut wire = Vec::new();
        if Encoder::new(framing.clone()).encode(payload, &mut wire).is_err() {
            continue;
        }
        let mut buffer = BytesMut::from(&wire[..]);
        let place = buffer.as_ptr_range();
        let message = loop {
            if let Received::Message(message) =
                Adapter::new(framing.clone()).decode(&mut buffer).unwrap().unwrap()
            {
                break message;
            }
        };
        assert_eq!(message.payload, payload, "{text}");
        assert!(place.contains(&message.payload.as_ptr()), "{text}: it was copied");
    }
}

#[test]
fn what_cannot_be_sent_is_refused_and_nothing_is_written() {
    let mut out = BytesMut::from("before");
    assert!(matches!(codec("dec:1").encode([7; 10], &mut out), Err(AdapterError::Encode(_))));
    assert!(matches!(codec("slip").encode("", &mut out), Err(AdapterError::Encode(_))));
    assert_eq!(out, "before");
    codec("slip").encode("a", &mut out).unwrap();
    codec("netstring").encode(Bytes::from("a"), &mut out).unwrap();
    assert_eq!(&out[..], b"before\xc0a\xc01:a,");
}

#[tokio::test]
async fn framed_over_a_stream() {
    // The pipe holds less than a frame: both sides take turns.
    let (here, there) = tokio::io::duplex(7);
    let text = "mark:'<'..'>',max=100,oversize=skip";
    let (mut here, mut there) = (Framed::new(here, codec(text)), Framed::new(there, codec(text)));
    let long = std::vec![b'x'; 99];
    let send = async {
        for payload in [&b"tulip"[..], b"", &long] {
            here.send(payload).await.unwrap();
        }
        tokio::io::AsyncWriteExt::write_all(here.get_mut(), b"noise<").await.unwrap();
        tokio::io::AsyncWriteExt::write_all(here.get_mut(), &[b'y'; 101]).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(here.get_mut(), b"><harbor><cut").await.unwrap();
        drop(here);
    };
    let receive = async {
        let mut all = Vec::new();
        while let Some(received) = there.next().await {
            all.push(received.map(|received| answer(&received)).map_err(|error| error.to_string()));
        }
        all
    };
    let ((), all) = tokio::join!(send, receive);
    let frame = |payload: &[u8], offset| {
        Ok(Answer::Frame {
            payload: payload.to_vec(),
            header: Vec::new(),
            offset,
            wire_len: payload.len() + 2,
        })
    };
    assert_eq!(
        all,
        [
            frame(b"tulip", 0),
            frame(b"", 7),
            frame(&long, 9),
            Ok(Answer::Garbage { offset: 110, len: 5 }),
            Ok(Answer::Oversize { offset: 115, announced: 101 }),
            frame(b"harbor", 218),
            Err("the stream ended inside a frame, after 4 bytes of it".to_string()),
        ]
    );
}

#[tokio::test]
async fn a_stream_that_does_not_parse_ends_with_the_error() {
    let mut frames = FramedRead::new(&b"0003AAAnone"[..], codec("dec:4"));
    let first = frames.next().await.unwrap().unwrap().message().unwrap();
    assert_eq!(first.payload, "AAA");
    assert!(matches!(frames.next().await, Some(Err(AdapterError::Invalid { offset: 7, .. }))));
    assert!(frames.next().await.is_none());
}

proptest! {
    #[test]
    fn the_codec_says_what_the_decoder_says(
        text in select(EVERY.to_vec()),
        settings in select(&["", ",oversize=skip", ",max=9", ",max=9,oversize=skip"][..]),
        payloads in prop::collection::vec(prop::collection::vec(select(b"a\0\r\n\x10\x02\x03{}<>:\xc0\xdb1".to_vec()), 0..20), 0..8),
        noise in prop::collection::vec(any::<u8>(), 0..20),
        seed: u8,
    ) {
        let framing: Framing = (text.to_string() + settings).parse().unwrap();
        let encoder = Encoder::new(text.parse().unwrap());
        let mut stream = Vec::new();
        for (number, payload) in payloads.iter().enumerate() {
            let _ = encoder.encode(payload, &mut stream);
            if number == 2 {
                stream.extend(&noise);
            }
        }
        let whole = expected(&framing, &stream);
        prop_assert_eq!(&told(&framing, &stream, || usize::MAX), &whole, "{}", framing);
        prop_assert_eq!(&told(&framing, &stream, || 1), &whole, "{} byte by byte", framing);
        let mut cut = random_cuts(seed);
        prop_assert_eq!(&told(&framing, &stream, || cut().max(1)), &whole, "{} at random", framing);
    }
}
