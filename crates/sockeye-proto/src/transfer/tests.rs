//! Golden bytes, the rules one by one, and both machines against each other over simulated streams.

#![expect(clippy::single_range_in_vec_init, reason = "a question about one range of blocks is just that")]

mod golden;
mod lanes;
mod round_trips;
mod rules;
mod runs;
mod simulated;
mod states;

use alloc::{vec, vec::Vec};
use core::time::Duration;

use crate::content::{BLOCK_SIZE, Digest, Entry, EntryKind, SourceIdentity, Timestamp};

use super::{wire::*, *};

/// What the machines of these tests talk about: a directory, two small files in one pack (block 0), a file of two
/// blocks and a bit (1 to 3), a link, another small file (4), and a stream (from 5).
fn entries() -> Vec<Entry> {
    vec![
        entry("folder", EntryKind::Directory),
        file("small", 100),
        file("tiny", 1),
        file("big", 2 * BLOCK_SIZE + 7),
        entry("link", EntryKind::Symlink { target: b"tiny".to_vec() }),
        file("late", 50),
        entry("stream", EntryKind::File { size: None }),
    ]
}

const FOLDER: u32 = 0;
const SMALL: u32 = 1;
const TINY: u32 = 2;
const BIG: u32 = 3;
const STREAM: u32 = 6;

fn entry(name: &str, kind: EntryKind) -> Entry {
    Entry {
        parent: None,
        name: name.as_bytes().to_vec(),
        kind,
        mode: 0o644,
        modified: Timestamp { seconds: 1_700_000_000, nanos: 0 },
        source: SourceIdentity::default(),
    }
}

fn file(name: &str, size: u64) -> Entry {
    entry(name, EntryKind::File { size: Some(size) })
}

/// A sender that has listed the entries.
fn listed_sender(entries: &[Entry]) -> Sender {
    let mut sender = Sender::new([7; 32], TransferTimeouts::default());
    for entry in entries {
        sender.push(entry).expect("a good entry");
    }
    sender.listed().expect("listed once");
    sender
}

/// Everything that a sender of these entries says before it is answered.
fn listing(entries: &[Entry]) -> Vec<Vec<u8>> {
    let mut sender = listed_sender(entries);
    core::iter::from_fn(|| sender.poll_frame()).collect()
}

/// A sender that was accepted and knows nothing else.
fn serving_sender(entries: &[Entry]) -> Sender {
    let mut sender = listed_sender(entries);
    tell(&mut sender, &open_accept()).expect("accepted");
    drain_sender(&mut sender);
    sender
}

/// A receiver that has the whole list and has said yes.
fn receiving(entries: &[Entry], params: ReceiverParams) -> Receiver {
    let mut receiver = Receiver::new(params);
    for frame in listing(entries) {
        receiver.handle_frame(Duration::ZERO, &frame).expect("a good list");
    }
    receiver.accept_open().expect("within the limits");
    drain_receiver(&mut receiver);
    receiver
}

fn open_accept() -> Message {
    Message::Accept(Accept { exact: None, max_bytes: None })
}

fn need(ranges: &[u64]) -> Message {
    Message::Need(Need { ranges: ranges.to_vec(), exponent: 18, algorithm: 1 })
}

fn tell(sender: &mut Sender, message: &Message) -> Result<(), TransferError> {
    sender.handle_frame(Duration::ZERO, &message.encode())
}

fn tell_receiver(receiver: &mut Receiver, message: &Message) -> Result<(), TransferError> {
    receiver.handle_frame(Duration::ZERO, &message.encode())
}

fn drain_sender(sender: &mut Sender) -> (Vec<Message>, Vec<SenderEvent>) {
    let frames = core::iter::from_fn(|| sender.poll_frame()).map(|frame| decoded(&frame)).collect();
    (frames, core::iter::from_fn(|| sender.poll_event()).collect())
}

fn drain_receiver(receiver: &mut Receiver) -> (Vec<Message>, Vec<ReceiverEvent>) {
    let frames = core::iter::from_fn(|| receiver.poll_frame()).map(|frame| decoded(&frame)).collect();
    (frames, core::iter::from_fn(|| receiver.poll_event()).collect())
}

fn decoded(frame: &[u8]) -> Message {
    Message::decode(frame).expect("well formed").expect("known")
}

/// The header of a range block's answer.
fn range(entry: u32, block: u64, len: u64) -> DataHeader {
    let len = u32::try_from(len).expect("a block");
    DataHeader { entry, block, plain: len, stored: len, ..DataHeader::new(DataKind::Range) }
}

fn pack(first: u32, block: u64, len: u32) -> DataHeader {
    DataHeader { entry: first, block, plain: len, stored: len, ..DataHeader::new(DataKind::Pack) }
}

fn same(block: u64) -> DataHeader {
    DataHeader { block, digest: Digest::from([9; 32]), ..DataHeader::new(DataKind::Same) }
}

fn fail(entry: u32, status: Status) -> DataHeader {
    DataHeader { entry, block: status as u64, ..DataHeader::new(DataKind::Fail) }
}

fn end() -> DataHeader {
    DataHeader::new(DataKind::End)
}
