//! Bodies of fuzz targets: plain functions over bytes, so that they also run on stable over their corpus.

use alloc::vec::Vec;
use core::{slice, time::Duration};

use crate::content::{BLOCK_SIZE, Entry, EntryKind, SourceIdentity, Timestamp};

use super::{
    DATA_HEADER_LEN, DataHeader, Receiver, ReceiverParams, Sender, TransferTimeouts, config::MAX_NEED_RANGES,
    wire::Message,
};

/// Decodes a control message; what decodes must encode to something that decodes to the same.
pub fn fuzz_message(data: &[u8]) {
    if let Ok(Some(message)) = Message::decode(data) {
        let again = Message::decode(&message.encode());
        assert_eq!(again.ok().flatten(), Some(message));
    }
}

/// Decodes a data header; what decodes must encode to the same bytes.
pub fn fuzz_data_header(data: &[u8]) {
    if let Some(bytes) = data.first_chunk::<DATA_HEADER_LEN>()
        && let Ok(header) = DataHeader::decode(bytes)
    {
        assert_eq!(&header.encode(), bytes);
    }
}

/// Feeds both machines a sequence of frames, each after one byte with its length: they may refuse, never panic, and
/// what one frame makes is bounded.
pub fn fuzz_machines(data: &[u8]) {
    let (mut sender, mut receiver) = (listing(), Receiver::new(ReceiverParams::default()));
    drain(&mut sender, &mut receiver);
    let mut rest = data;
    while let Some((&len, tail)) = rest.split_first() {
        let (frame, tail) = tail.split_at(usize::from(len).min(tail.len()));
        rest = tail;
        let _ = sender.handle_frame(Duration::ZERO, frame);
        let _ = receiver.handle_frame(Duration::ZERO, frame);
        let _ = receiver.accept_open();
        if let Some(bytes) = frame.first_chunk::<DATA_HEADER_LEN>()
            && let Ok(header) = DataHeader::decode(bytes)
        {
            let _ = receiver.handle_data(&header);
        }
        drain(&mut sender, &mut receiver);
        ask_everything(&mut receiver);
        for frame in drain(&mut sender, &mut receiver) {
            assert!(Message::decode(&frame).is_ok(), "what is said is well formed");
        }
    }
}

/// A sender with a small file, a large one and a stream.
fn listing() -> Sender {
    let mut sender = Sender::new([7; 32], TransferTimeouts::default());
    for (name, size) in [("small", Some(100)), ("large", Some(2 * BLOCK_SIZE + 1)), ("stream", None)] {
        let entry = Entry {
            parent: None,
            name: name.as_bytes().to_vec(),
            kind: EntryKind::File { size },
            mode: 0o644,
            modified: Timestamp { seconds: 0, nanos: 0 },
            source: SourceIdentity::default(),
        };
        assert!(sender.push(&entry).is_ok(), "a good entry");
    }
    assert!(sender.listed().is_ok(), "listed once");
    sender
}

/// Asks for all of a complete list, once.
fn ask_everything(receiver: &mut Receiver) {
    if receiver.is_listed() && receiver.state_name() == "receiving" {
        let closed = receiver.blocks().closed();
        receiver.need(slice::from_ref(&(0..closed)));
        receiver.need_stream();
        receiver.questions_end();
    }
}

/// Takes everything out; answers the frames.
fn drain(sender: &mut Sender, receiver: &mut Receiver) -> Vec<Vec<u8>> {
    let mut events = 0;
    while sender.poll_event().is_some() || receiver.poll_event().is_some() {
        events += 1;
    }
    assert!(events <= MAX_NEED_RANGES + 2, "{events} events from one frame");
    let mut frames = Vec::new();
    while let Some(frame) = sender.poll_frame().or_else(|| receiver.poll_frame()) {
        frames.push(frame);
    }
    assert!(frames.len() <= 8, "{} frames from one frame", frames.len());
    frames
}
