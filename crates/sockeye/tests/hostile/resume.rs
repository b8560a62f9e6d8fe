//! Lies about what is here already, on both sides, and journals that are not what they were.

use std::{fs, path::Path};

use sockeye::{Error, Event};
use sockeye_proto::{
    content::{Digest, JournalRecord, JournalWriter},
    transfer::{DataHeader, DataKind},
};

use tokio::task::JoinSet;

use crate::{
    honest,
    list::{List, end},
    peer::{Hostile, Session},
    victim::{Place, Victim, Wish, is_peers_fault},
    wire::{self, abort, kind},
};

const BLOCK: usize = 1 << 18;

fn content() -> Vec<u8> {
    (0..4 * BLOCK + 100).map(|at| (at % 251) as u8).collect()
}

/// A file of five blocks that can be recognised again.
fn recognisable() -> List {
    let mut list = List::of_file("large", &content());
    list.items[0].source = b"the same as ever".to_vec();
    list
}

/// Sends blocks 0 to 2 and vanishes; the victim has them in its journal and waits.
async fn interrupted(hostile: &Hostile) -> Victim {
    let mut victim = Victim::receiver().await;
    let mut session = hostile.session(victim.address, &victim.code).await;
    let list = recognisable();
    session.say(&list.offer(1)).await;
    assert!(session.until(kind::NEED_END).await.is_some());
    for block in 0..3 {
        let (frame, body) = list.frame(block);
        session.data(&frame, &body).await;
    }
    let three = |event: &Event| matches!(event, Event::Progress(p) if p.bytes >= 3 * BLOCK as u64);
    victim.event(three).await;
    session.vanish();
    victim.reconnecting().await;
    victim
}

fn journal(place: &Place) -> std::path::PathBuf {
    place.staging().expect("unfinished files").join("journal")
}

/// Comes back, with a list and a change made to the journal meanwhile; what was asked for, and the file in the end.
async fn comes_back(list: &List, change: impl FnOnce(&Path)) -> (honest::Outcome, Vec<u8>) {
    let hostile = Hostile::new();
    let victim = interrupted(&hostile).await;
    change(&journal(&victim.place));
    let session = hostile.again().session(victim.address, &victim.code).await;
    let outcome = honest::send(session, 1, list).await;
    let (place, summary) = victim.succeeds().await;
    assert_eq!(summary.failed, 0);
    assert_eq!(place.staging(), None);
    let bytes = fs::read(place.destination().join("large")).unwrap();
    assert_eq!(summary.digest, Some(*blake3::hash(&bytes).as_bytes()));
    (outcome, bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_journalled_is_not_asked_for_again() {
    let (outcome, bytes) = comes_back(&recognisable(), |_| ()).await;
    assert_eq!((outcome.needed, outcome.checked), (vec![(3, 2)], vec![]));
    assert!(bytes == content());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_looks_changed_is_compared() {
    let mut list = recognisable();
    list.items[0].source = b"another".to_vec();
    list.items[0].content[BLOCK + 7] ^= 1;
    let expected = list.items[0].content.clone();
    let (outcome, bytes) = comes_back(&list, |_| ()).await;
    assert_eq!((outcome.needed, outcome.checked), (vec![(3, 2)], vec![(0, 3)]));
    assert!(bytes == expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_journals_cost_work_and_nothing_else() {
    let cut = |bytes: &mut Vec<u8>, len: usize| bytes.truncate(len);
    let flip = |bytes: &mut Vec<u8>, at: usize| bytes[at] ^= 0x40;
    let cases: [(fn(&mut Vec<u8>, usize), usize); 7] =
        [(flip, 0), (flip, 61), (flip, 70), (cut, 0), (cut, 30), (cut, 60), (cut, 75)];
    let mut runs = JoinSet::new();
    for (change, at) in cases {
        runs.spawn(async move {
            let damage = |path: &Path| {
                let mut bytes = fs::read(path).unwrap();
                change(&mut bytes, at);
                fs::write(path, bytes).unwrap();
            };
            let (outcome, bytes) = comes_back(&recognisable(), damage).await;
            assert_eq!(outcome.needed, [(0, 5)], "at {at}");
            assert!(bytes == content());
        });
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_claims_too_much_is_no_licence() {
    // Valid, of the right key, but about blocks beyond the file, and about a part file that is not there.
    let forge = move |path: &Path, part: u32, first: u64, count: usize| {
        let bytes = fs::read(path).unwrap();
        let key: [u8; 32] = bytes[12..44].try_into().unwrap();
        let mut forged = JournalWriter::header(key);
        let mut writer = JournalWriter::new(key);
        let source = sockeye_proto::content::SourceIdentity::new(b"the same as ever").unwrap();
        let (path_in, size) = (b"large".to_vec(), Some(content().len() as u64));
        let entry = JournalRecord::Entry { id: part, path: path_in, source, size, doubtful: false };
        writer.append(&entry, &mut forged).unwrap();
        let digests = vec![Digest::from([9; 32]); count];
        writer.append(&JournalRecord::Blocks { id: part, first, digests }, &mut forged).unwrap();
        fs::write(path, forged).unwrap();
    };
    let mut runs = JoinSet::new();
    for (part, first, count) in [(77, 0, 5), (0, 5, 3), (0, 1 << 40, 1)] {
        runs.spawn(async move {
            let (outcome, bytes) = comes_back(&recognisable(), |path| forge(path, part, first, count)).await;
            assert_eq!(outcome.needed, [(0, 5)]);
            assert!(bytes == content());
        });
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_of_another_transfer_is_not_believed() {
    let hostile = Hostile::new();
    let victim = interrupted(&hostile).await;
    let path = journal(&victim.place);
    let mut bytes = fs::read(&path).unwrap();
    let tail = bytes.split_off(60);
    fs::write(&path, [JournalWriter::header([9; 32]), tail].concat()).unwrap();
    let mut session = hostile.again().session(victim.address, &victim.code).await;
    session.say(&recognisable().offer(1)).await;
    session.until(kind::ABORT).await;
    drop(session);
    let (place, error) = victim.fails().await;
    assert!(matches!(error, Error::Misuse { .. }), "{error:?}");
    place.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_sender_does_not_get_at_what_one_left() {
    let alice = Hostile::new();
    let victim = interrupted(&alice).await;
    let (place, _) = victim.cancel().await;
    // Same key of the transfer, same list, another identity.
    let victim = Victim::receiver_with(place, Wish::default()).await;
    let session = Hostile::new().session(victim.address, &victim.code).await;
    let outcome = honest::send(session, 1, &recognisable()).await;
    assert_eq!((outcome.needed, outcome.checked), (vec![(0, 5)], vec![]));
    let (place, _) = victim.succeeds().await;
    assert!(place.staging().is_some(), "what Alice sent is kept for her");
}

/// A session in which the victim wants blocks 0 to 2 checked and needs 3 and 4.
async fn checking() -> (Victim, Session, Vec<u8>, List) {
    let hostile = Hostile::new();
    let victim = interrupted(&hostile).await;
    let mut list = recognisable();
    list.items[0].source = b"another".to_vec();
    let mut session = hostile.again().session(victim.address, &victim.code).await;
    session.say(&list.offer(1)).await;
    let check = session.until(kind::CHECK).await.unwrap();
    let (first, digests) = wire::checked(&check);
    assert_eq!((first, digests.len()), (0, 3 * 32));
    (victim, session, digests, list)
}

fn same(block: u64, digest: &[u8]) -> DataHeader {
    let digest = Digest::from_slice(digest).unwrap();
    DataHeader { block, digest, ..DataHeader::new(DataKind::Same) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sameness_of_what_was_not_checked() {
    let mut runs = JoinSet::new();
    for (block, twice) in [(3, false), (4, false), (5, false), (u64::MAX, false), (0, true)] {
        runs.spawn(async move {
            let (victim, mut session, digests, _) = checking().await;
            session.data(&same(block, &digests[..32]), &[]).await;
            if twice {
                session.data(&same(block, &digests[..32]), &[]).await;
            }
            let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
            assert_eq!(told, Some(abort::PROTOCOL), "block {block}");
            drop(session);
            let (place, error) = victim.fails().await;
            assert!(is_peers_fault(&error), "{error:?}");
            place.assert_empty();
        });
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sameness_with_another_digest_than_was_asked() {
    let (victim, mut session, digests, list) = checking().await;
    session.data(&same(0, &[9; 32]), &[]).await;
    for (block, digest) in (1..3).zip(digests[32..].chunks(32)) {
        session.data(&same(block, digest), &[]).await;
    }
    for block in 3..5 {
        let (frame, body) = list.frame(block);
        session.data(&frame, &body).await;
    }
    session.data(&end(), &[]).await;
    let answer = session.until(kind::RESULT_END).await;
    if answer.is_some() {
        session.say(&[wire::bye()]).await;
    }
    session.leave().await;
    let (place, _, end) = victim.end().await;
    match end {
        Err(error) => {
            assert!(is_peers_fault(&error) || matches!(error, Error::Integrity { .. }), "{error:?}");
        }
        Ok(summary) => {
            let bytes = fs::read(place.destination().join("large")).unwrap();
            let told = summary.digest.map(Digest::from);
            assert_eq!(told, Some(Digest::from(*blake3::hash(&bytes).as_bytes())), "the digest that is told");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comparisons_nobody_asked_for() {
    for (entry, twice) in [(0, true), (1, false), (u32::MAX, false)] {
        let place = Place::new();
        fs::write(place.destination().join("small"), "mine").unwrap();
        let victim = Victim::receiver_with(place, Wish::default()).await;
        let mut session = Hostile::new().session(victim.address, &victim.code).await;
        let mut list = List::of_file("small", b"evil");
        list.file(None, "other", b"x");
        session.say(&list.offer(1)).await;
        assert!(session.until(kind::COMPARE).await.is_some());
        session.say(&[wire::compared(entry, true)]).await;
        if twice {
            session.say(&[wire::compared(entry, true)]).await;
        }
        let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
        assert_eq!(told, Some(abort::PROTOCOL));
        drop(session);
        let (place, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{error:?}");
        assert_eq!(fs::read(place.destination().join("small")).unwrap(), b"mine");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_word_same_never_writes_anything() {
    // "Yes, mine is the same" about a file that the sender does not have.
    let place = Place::new();
    fs::write(place.destination().join("small"), "mine").unwrap();
    let victim = Victim::receiver_with(place, Wish::default()).await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    session.say(&List::of_file("small", b"evil").offer(1)).await;
    assert!(session.until(kind::COMPARE).await.is_some());
    session.say(&[wire::compared(0, true)]).await;
    assert!(session.until(kind::NEED_END).await.is_some());
    session.data(&end(), &[]).await;
    assert!(session.until(kind::RESULT_END).await.is_some());
    session.say(&[wire::bye()]).await;
    session.leave().await;
    let (place, summary) = victim.succeeds().await;
    assert_eq!((summary.equal, summary.failed), (1, 0));
    assert_eq!(fs::read(place.destination().join("small")).unwrap(), b"mine");
}

/// A sender with a large file of three blocks (0 to 2), a pack (3) and a directory, whose list is accepted.
async fn serving() -> (Victim, Session) {
    let victim = Victim::sender(|from| {
        fs::write(from.join("a large"), vec![7; 2 * BLOCK + 5]).unwrap();
        fs::create_dir(from.join("b dir")).unwrap();
        fs::write(from.join("c small"), "small").unwrap();
    })
    .await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    honest::accept(&mut session).await;
    (victim, session)
}

async fn sender_ends_by_our_fault(victim: Victim, mut session: Session, what: &str) {
    let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
    assert_eq!(told, Some(abort::PROTOCOL), "{what}");
    drop(session);
    let (_, error) = victim.fails().await;
    assert!(is_peers_fault(&error), "{what}: {error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_that_overflow_or_overlap() {
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("beyond the last block", vec![wire::need(&[(4, 1)])]),
        ("across the end", vec![wire::need(&[(3, 2)])]),
        ("first and count overflow", vec![wire::need(&[(u64::MAX, 1)])]),
        ("count overflows", vec![wire::need(&[(1, u64::MAX)])]),
        ("both at their largest", vec![wire::need(&[(u64::MAX, u64::MAX)])]),
        ("overlapping pairs", vec![wire::need(&[(0, 2), (1, 1)])]),
        ("the same pair", vec![wire::need(&[(0, 1), (0, 1)])]),
        ("asked twice", vec![wire::need(&[(0, 1)]), wire::need(&[(0, 1)])]),
        ("needed and checked", vec![wire::need(&[(0, 1)]), wire::check(0, &[7; 32])]),
        ("a stream that is none", vec![wire::need(&[(0, 0)])]),
        ("a stream after the end", vec![wire::need(&[(4, 0)])]),
        ("nothing at all", vec![wire::need(&[])]),
        ("smaller blocks", vec![wire::need_of(&[(0, 1)], 0, 1)]),
        ("larger blocks", vec![wire::need_of(&[(0, 1)], 63, 1)]),
        ("another digest", vec![wire::need_of(&[(0, 1)], 18, 0)]),
        ("no digest", vec![wire::check(0, &[])]),
        ("part of a digest", vec![wire::check(0, &[7; 33])]),
        ("digests across the end", vec![wire::check(3, &[7; 64])]),
        ("digests that overflow", vec![wire::check(u64::MAX, &[7; 32])]),
        ("the digest of a pack", vec![wire::check(3, &[7; 32])]),
        ("comparing a directory", vec![wire::compare(1, &[7; 32])]),
        ("comparing what is not listed", vec![wire::compare(3, &[7; 32])]),
        ("comparing twice", vec![wire::compare(2, &[7; 32]), wire::compare(2, &[7; 32])]),
        ("a question after the last", vec![wire::need_end(), wire::need(&[(0, 1)])]),
        ("the last question twice", vec![wire::need_end(), wire::need_end()]),
        ("a second yes", vec![wire::accept_open()]),
        ("a result before the end", vec![wire::result_end([0; 7])]),
        ("an odd number of numbers", vec![odd_need()]),
    ];
    for (what, messages) in cases {
        let (victim, mut session) = serving().await;
        session.say(&messages).await;
        sender_ends_by_our_fault(victim, session, what).await;
    }
}

fn odd_need() -> Vec<u8> {
    wire::message(kind::NEED, 3, |m| {
        m.u8(0).unwrap().array(3).unwrap().u64(0).unwrap().u64(1).unwrap().u64(2).unwrap();
        m.u8(1).unwrap().u8(18).unwrap().u8(2).unwrap().u8(1).unwrap();
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_to_something_else_than_was_listed() {
    for change in 0..5 {
        let victim = Victim::sender(|from| fs::write(from.join("file"), "content").unwrap()).await;
        let mut session = Hostile::new().session(victim.address, &victim.code).await;
        let (mut digest, mut entries, mut bytes) = honest::take_list(&mut session).await;
        match change {
            0 => digest[31] ^= 1,
            1 => entries += 1,
            2 => bytes -= 1,
            _ => {}
        }
        let message = match change {
            3 => wire::need(&[(0, 1)]),
            4 => wire::result_end([0; 7]),
            _ => wire::accept_exact(&digest, entries, bytes),
        };
        session.say(&[message]).await;
        sender_ends_by_our_fault(victim, session, "accepting").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_lie() {
    let answering = || async {
        let (victim, mut session) = serving().await;
        session.say(&[wire::need_end()]).await;
        assert!(matches!(session.frame().await.unwrap().header.kind, DataKind::End));
        (victim, session)
    };
    let cases = vec![
        ("an entry that is not listed", wire::result(&[(3, 1, "")])),
        ("the largest entry", wire::result(&[(u32::MAX, 1, "")])),
        ("twice in one message", wire::result(&[(1, 1, ""), (1, 1, "")])),
        ("backwards", wire::result(&[(2, 1, ""), (1, 1, "")])),
        ("nothing", wire::result(&[])),
        ("a text too long", wire::result(&[(0, 1, &"t".repeat(513))])),
    ];
    for (what, message) in cases {
        let (victim, mut session) = answering().await;
        session.say(&[message]).await;
        sender_ends_by_our_fault(victim, session, what).await;
    }
    // Sums that cannot be are the receiver's affair; they break nothing here.
    let (victim, mut session) = answering().await;
    session.say(&[wire::result(&[(0, 250, "\x1b[31m"), (1, 2, "")]), wire::result_end([u64::MAX; 7])]).await;
    assert!(session.until(kind::BYE).await.is_some());
    session.say(&[wire::bye()]).await;
    session.leave().await;
    let (_, summary) = victim.succeeds().await;
    assert_eq!(summary.failed, u64::MAX);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_that_overflow_break_nothing() {
    // Something was left out of the list, so that there is a failure to add to.
    let victim = Victim::sender(|from| {
        fs::create_dir(from.join("d")).unwrap();
        rustix_mkfifo(&from.join("d/pipe"));
        fs::write(from.join("d/file"), "content").unwrap();
    })
    .await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    honest::accept(&mut session).await;
    session.say(&[wire::need_end()]).await;
    assert!(matches!(session.frame().await.unwrap().header.kind, DataKind::End));
    session.say(&[wire::result_end([u64::MAX; 7])]).await;
    let answer = session.until(kind::BYE).await;
    session.say(&[wire::bye()]).await;
    session.leave().await;
    let (_, _, end) = victim.end().await;
    assert!(end.is_ok(), "{end:?}");
    assert!(answer.is_some());
}

/// A named pipe, without a library for it.
fn rustix_mkfifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_where_a_digest_was_expected_is_checked_like_any() {
    // CHECK is answered with bytes that do not have the digest they come with.
    let (victim, mut session, _, list) = checking().await;
    let (frame, mut body) = list.frame(0);
    body[0] ^= 1;
    session.data(&frame, &body).await;
    let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
    assert_eq!(told, Some(abort::INTEGRITY));
    drop(session);
    let (place, error) = victim.fails().await;
    assert!(matches!(error, Error::Integrity { .. }), "{error:?}");
    place.assert_empty();
}
