//! Lengths at their bounds and beyond, and claims by the million. What has to do with memory runs in a process of its own.

use std::{fs, time::Duration};

use sockeye_proto::transfer::DataKind;
use tokio::time::{sleep, timeout};

use crate::{
    apart::{Apart, Role},
    honest,
    list::List,
    peer::{CONTROL, Control, Hostile, Session},
    victim::{Victim, is_peers_fault},
    wire::{self, kind},
};

/// What a peer may make a victim hold: the frames on their way (64 of 1 MiB), and room for what an allocator keeps.
const MOST: u64 = 96 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_of_frames_before_pairing() {
    let victim = Victim::receiver().await;
    let connect =
        || async { Control::new(Hostile::new().keys.dial(victim.address, CONTROL).await.unwrap().stream) };
    for len in [4097, 1 << 20, (1 << 20) + 1, 1 << 31, u32::MAX] {
        let mut control = connect().await;
        control.raw(&len.to_be_bytes()).await.unwrap();
        // Nothing more is said: the length alone is enough.
        let ended = timeout(Duration::from_secs(2), control.receive()).await;
        assert!(ended.is_ok(), "{len}");
    }
    for len in [0_u32, 1] {
        let mut control = connect().await;
        control.raw(&len.to_be_bytes()).await.unwrap();
        control.raw(&vec![0x80; len as usize]).await.unwrap();
        let answer = timeout(Duration::from_secs(2), control.receive()).await.unwrap().unwrap();
        assert_eq!((crate::peer::kind(&answer), wire::refused_reason(&answer)), (kind::REFUSED, 8));
    }
    // As long as may be, and of a kind that may be skipped: it goes on.
    let mut control = connect().await;
    let mut skipped = vec![0; 4096];
    skipped[..3].copy_from_slice(&[0x01, 0x23, 0xa0]);
    control.send(&skipped).await.unwrap();
    let hello = sockeye_proto::hello::Hello::new(0, 0, None, sockeye_proto::hello::Intent::PairCode);
    control.send(&hello.encode()).await.unwrap();
    let answer = timeout(Duration::from_secs(2), control.receive()).await.unwrap().unwrap();
    assert_eq!(crate::peer::kind(&answer), kind::HELLO);
    victim.cancel().await;
}

async fn met() -> (Victim, Session) {
    let victim = Victim::receiver().await;
    let session = Hostile::new().session(victim.address, &victim.code).await;
    (victim, session)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_of_frames_after_pairing() {
    for len in [(1_u32 << 20) + 1, 1 << 31, u32::MAX] {
        let (victim, mut session) = met().await;
        session.met.control.raw(&len.to_be_bytes()).await.unwrap();
        session.met.control.drain().await;
        drop(session);
        let (place, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{len}: {error:?}");
        place.assert_empty();
    }
    for payload in [vec![], vec![0x80], vec![0x80, 0x20], vec![0x80, 0x20, 0xbf], vec![0x80, 0x20, 0xa0, 0]] {
        let (victim, mut session) = met().await;
        session.say(&[payload]).await;
        session.until(kind::ABORT).await;
        drop(session);
        let (_, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{error:?}");
    }
    let (victim, mut session) = met().await;
    let mut skipped = vec![0; 1 << 20];
    skipped[..3].copy_from_slice(&[0x01, 0x23, 0xa0]);
    session.say(&[skipped]).await;
    assert!(honest::send(session, 1, &List::of_file("honest", b"bytes")).await.complete);
    victim.succeeds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_inside_of_messages_are_not_believed() {
    // Lengths within CBOR that nobody could send, and nesting without end.
    let head = [0x80, 0x20, 0xa2, 0x00];
    let deep = |open: &[u8], times: usize| {
        let mut message = wire::message(kind::OFFER, 3, |m| {
            m.u8(0).unwrap().bytes(&[1; 32]).unwrap().u8(1).unwrap().u8(0).unwrap().u8(9).unwrap();
        });
        message.extend(open.repeat(times));
        message
    };
    let payloads = vec![
        [&head[..], &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat(),
        [&head[..], &[0x5b, 0, 0, 0, 1, 0, 0, 0, 0]].concat(),
        [&head[..], &[0x5a, 0x7f, 0xff, 0xff, 0xff]].concat(),
        vec![0x80, 0x20, 0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        vec![0x80, 0x20, 0xba, 0x7f, 0xff, 0xff, 0xff, 0x00],
        deep(&[0x81], 1_000_000),
        deep(&[0x9f], 1_000_000),
        deep(&[0xa1, 0x00], 500_000),
        deep(&[0xd8, 0x20], 500_000),
        deep(&[0x5f], 1_000_000),
        deep(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1000),
    ];
    for payload in payloads {
        let (victim, mut session) = met().await;
        session.say(&[payload]).await;
        session.until(kind::ABORT).await;
        drop(session);
        let (_, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{error:?}");
    }
    let need = wire::message(kind::NEED, 3, |m| {
        m.u8(0).unwrap().array(u64::MAX).unwrap().u64(0).unwrap();
    });
    let result = wire::message(kind::RESULT, 1, |m| {
        m.u8(0).unwrap().array(1 << 40).unwrap();
    });
    for payload in [need, result] {
        let victim = Victim::sender(|from| fs::write(from.join("file"), "content").unwrap()).await;
        let mut session = Hostile::new().session(victim.address, &victim.code).await;
        honest::accept(&mut session).await;
        session.say(&[payload]).await;
        session.until(kind::ABORT).await;
        drop(session);
        let (_, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_with_more_than_they_may_hold() {
    let long = "t".repeat(513);
    let receivers =
        [wire::note(b"path", 9, &long), wire::note(&vec![b'p'; 65_537], 9, ""), wire::abort(1, &long)];
    for message in receivers {
        let (victim, mut session) = met().await;
        session.say(&[wire::offer(&[1; 32], 0), message]).await;
        session.until(kind::ABORT).await;
        drop(session);
        let (_, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{error:?}");
    }
    let pairs: Vec<_> = (0..16_385).map(|at| (2 * at, 1)).collect();
    let entries: Vec<_> = (0..1025).map(|entry| (entry, 1, "")).collect();
    for message in [wire::need(&pairs), wire::check(0, &[7; 32 * 8193]), wire::result(&entries)] {
        let victim = Victim::sender(|from| fs::write(from.join("file"), "content").unwrap()).await;
        let mut session = Hostile::new().session(victim.address, &victim.code).await;
        honest::accept(&mut session).await;
        session.say(&[message]).await;
        session.until(kind::ABORT).await;
        drop(session);
        let (_, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{error:?}");
    }
    // As long as may be.
    let fits = "\x1b".repeat(512);
    let (victim, mut session) = met().await;
    session.say(&[wire::offer(&[1; 32], 0), wire::abort(200, &fits)]).await;
    drop(session);
    let (_, error) = victim.fails().await;
    let sockeye::Error::PeerTold(told) = &error else { panic!("{error:?}") };
    assert_eq!(told.text, fits);
    assert!(!error.to_string().contains('\x1b'));
}

/// What became of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flood {
    /// Every byte was taken.
    Taken,
    /// The victim reads no more for now, after so many bytes.
    Standing(usize),
    /// The victim hung up, after so many bytes.
    HungUp(usize),
}

/// Sends frames as fast as they are taken, until some seconds pass in which none is (a victim may well stop reading), then
/// waits until it has had time to digest them.
async fn flood(session: &mut Session, messages: impl Iterator<Item = Vec<u8>>) -> Flood {
    let poured = pour(session, messages).await;
    sleep(Duration::from_millis(300)).await;
    poured
}

async fn pour(session: &mut Session, messages: impl Iterator<Item = Vec<u8>>) -> Flood {
    let (mut taken, mut batch) = (0, Vec::new());
    let mut messages = messages.peekable();
    while let Some(message) = messages.next() {
        batch.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        batch.extend_from_slice(&message);
        if batch.len() > 1 << 16 || messages.peek().is_none() {
            match timeout(Duration::from_secs(3), session.met.control.raw(&batch)).await {
                Ok(Ok(())) => taken += batch.len(),
                Ok(Err(_)) => return Flood::HungUp(taken),
                Err(_) => return Flood::Standing(taken),
            }
            batch.clear();
        }
    }
    Flood::Taken
}

/// The victim has read everything up to here, where a goodbye is out of turn, and says so.
async fn has_read_all(session: &mut Session) {
    session.say(&[wire::bye()]).await;
    assert!(session.until(kind::ABORT).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_by_the_hundred_thousand() {
    for role in [Role::Receiver, Role::DeafReceiver] {
        let victim = Apart::start(role).await;
        let before = victim.peak();
        let mut session = victim.session().await;
        session.say(&[wire::offer(&[1; 32], 0)]).await;
        let short = (0..100_000).map(|at: u32| wire::note(&at.to_be_bytes(), 9, ""));
        assert_eq!(flood(&mut session, short).await, Flood::Taken, "{role:?}");
        // The longest path and text there can be: 192 MiB of them.
        let (path, text) = (vec![b'p'; 65_536], "t".repeat(512));
        let long = (0..3_000).map(|_| wire::note(&path, 9, &text));
        assert_eq!(flood(&mut session, long).await, Flood::Taken, "{role:?}");
        let grown = victim.peak() - before;
        assert!(grown < MOST, "{role:?}: {} MiB", grown >> 20);
        has_read_all(&mut session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_by_the_hundred_thousand() {
    // One entry in each, and each told to the user.
    for role in [Role::Receiver, Role::DeafReceiver] {
        let victim = Apart::start(role).await;
        let before = victim.peak();
        let mut session = victim.session().await;
        session.say(&[wire::offer(&[1; 32], 0)]).await;
        let segments = (0..100_000_u32).map(|index| {
            let mut list = List::new();
            list.file(None, format!("{index}"), b"");
            wire::segment(index, &list.segments()[0])
        });
        assert_eq!(flood(&mut session, segments).await, Flood::Taken, "{role:?}");
        let grown = victim.peak() - before;
        assert!(grown < MOST, "{role:?}: {} MiB", grown >> 20);
        has_read_all(&mut session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_by_the_hundred_thousand() {
    let victim = Apart::start(Role::Sender).await;
    let before = victim.peak();
    let mut session = victim.session().await;
    honest::accept(&mut session).await;
    // Of 262,144 blocks every other is needed, one by one and backwards, the others are checked one by one; the lane is not read.
    let pairs: Vec<(u64, u64)> = (0..131_072).rev().map(|at| (2 * at, 1)).collect();
    let needs = flood(&mut session, pairs.chunks(16_384).map(wire::need)).await;
    assert_eq!(needs, Flood::Taken);
    // Here it may stand still: it cannot answer, as long as nobody reads.
    let checks = flood(&mut session, (0..131_072).map(|at| wire::check(2 * at + 1, &[7; 32]))).await;
    assert!(!matches!(checks, Flood::HungUp(_)), "{checks:?}");
    let grown = victim.peak() - before;
    assert!(grown < MOST, "{} MiB", grown >> 20);
    // Somebody does: it goes on with the first questions, in their order.
    for at in (0..131_072).rev().take(4) {
        let frame = session.frame().await.unwrap();
        assert_eq!((frame.header.kind, frame.header.block), (DataKind::Range, 2 * at));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_skipped_by_the_million() {
    let victim = Apart::start(Role::Receiver).await;
    let before = victim.peak();
    let mut session = victim.session().await;
    let mut skipped = wire::message(0x123, 0, |_| ());
    skipped[0] &= 0x7f;
    let mut heartbeat = wire::message(0x3f, 0, |_| ());
    heartbeat[0] &= 0x7f;
    let skipped = (0..1_000_000).map(|at| if at % 2 == 0 { skipped.clone() } else { heartbeat.clone() });
    assert_eq!(flood(&mut session, skipped).await, Flood::Taken);
    let grown = victim.peak() - before;
    assert!(grown < MOST, "{} MiB", grown >> 20);
    // It is still there.
    session.say(&List::of_file("file", b"x").offer(1)).await;
    has_read_all(&mut session).await;
}
