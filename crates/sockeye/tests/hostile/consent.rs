//! Nothing before the yes, nothing but what was said yes to.

use std::{fs, os::unix::fs::symlink};

use sockeye::{Decision, Error, Event, Existing};
use sockeye_proto::{
    content::{Digest, range_digest},
    transfer::{DataHeader, DataKind},
};

use crate::{
    honest,
    list::{List, chain, end, header},
    peer::{Failed, Hostile, Session},
    victim::{Place, Victim, Wish, is_peers_fault},
    wire::{self, abort, kind},
};

const BLOCK: usize = 1 << 18;

/// A file of three blocks, the last of 5 bytes, and two small ones in a pack.
pub fn mixed() -> List {
    let mut list = List::new();
    let large: Vec<u8> = (0..2 * BLOCK + 5).map(|at| (at / 7) as u8).collect();
    list.file(None, "large", &large);
    list.file(None, "one", b"first small");
    list.file(None, "two", b"second small");
    list
}

/// A receiver of this kind that was met.
async fn met(wish: Wish) -> (Victim, Session) {
    let victim = Victim::receiver_with(Place::new(), wish).await;
    let session = Hostile::new().session(victim.address, &victim.code).await;
    (victim, session)
}

/// The victim ends by the peer's fault, says so, and nothing has a final name.
async fn ends_by_our_fault(victim: Victim, mut session: Session) {
    let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
    drop(session);
    let (place, error) = victim.fails().await;
    assert!(is_peers_fault(&error), "{error:?}");
    assert_eq!(told, Some(abort::PROTOCOL));
    place.assert_empty();
}

/// Offers [`mixed`] to a receiver that says yes at once, and waits until it has asked for everything.
async fn asked() -> (Victim, Session, List) {
    let (victim, mut session) = met(Wish::default()).await;
    let list = mixed();
    session.say(&list.offer(1)).await;
    assert!(session.until(kind::NEED_END).await.is_some());
    (victim, session, list)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_before_the_offer_and_before_the_yes() {
    let list = mixed();
    let (frame, body) = list.frame(0);
    for offered in [0, 1, 2, 3] {
        let (mut victim, mut session) = met(Wish::ask()).await;
        session.say(&list.offer(1)[..offered]).await;
        if offered == 3 {
            victim.offer().await;
        }
        session.data(&frame, &body).await;
        ends_by_our_fault(victim, session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_frames_before_the_yes() {
    let fail = DataHeader { block: 9, ..DataHeader::new(DataKind::Fail) };
    for frame in [fail, end(), DataHeader::new(DataKind::Same)] {
        let (mut victim, mut session) = met(Wish::ask()).await;
        session.say(&mixed().offer(1)).await;
        victim.offer().await;
        session.data(&frame, &[]).await;
        ends_by_our_fault(victim, session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_after_the_no_leaves_nothing() {
    let (mut victim, mut session) = met(Wish::ask()).await;
    let list = mixed();
    session.say(&list.offer(1)).await;
    victim.offer().await;
    victim.transfer.decide(Decision::Decline { reason: "\x1b[31mno".repeat(200) });
    let told = session.until(kind::ABORT).await.unwrap();
    assert_eq!(wire::abort_code(&told), abort::DECLINED);
    assert!(told.len() < 540, "the reason is cut to 512 bytes");
    for block in 0..4 {
        let (frame, body) = list.frame(block);
        session.data(&frame, &body).await;
    }
    drop(session);
    let (place, error) = victim.fails().await;
    assert!(matches!(error, Error::DeclinedHere { .. }), "{error:?}");
    place.assert_empty();
    assert_eq!(place.staging(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_answer_no_question() {
    let list = mixed();
    let (range, body) = list.frame(0);
    let (last, tail) = list.frame(2);
    let (pack, small) = list.frame(3);
    let cut = |header: DataHeader, len: u32| DataHeader { plain: len, stored: len, ..header };
    let cases: Vec<(&str, DataHeader, Vec<u8>)> = vec![
        ("a block that is not listed", DataHeader { block: 4, ..range }, body.clone()),
        ("the largest block number", DataHeader { block: u64::MAX, ..range }, body.clone()),
        ("an entry that is not listed", DataHeader { entry: 3, ..range }, body.clone()),
        ("the largest entry", DataHeader { entry: u32::MAX, ..range }, body.clone()),
        ("another entry's block", DataHeader { entry: 1, ..range }, body.clone()),
        ("a pack as a range", DataHeader { kind: DataKind::Range, ..pack }, small.clone()),
        ("a range as a pack", DataHeader { kind: DataKind::Pack, ..range }, body.clone()),
        ("a pack that begins elsewhere", DataHeader { entry: 2, ..pack }, small.clone()),
        ("shorter than listed", cut(range, 9), body[..9].to_vec()),
        ("empty", cut(range, 0), Vec::new()),
        ("the last block longer than listed", cut(last, 6), [&tail[..], b"x"].concat()),
        ("the last block a full one", cut(last, 1 << 18), body.clone()),
        ("a pack with a byte more", cut(pack, pack.plain + 1), [&small[..], b"x"].concat()),
        ("a pack with a byte less", cut(pack, pack.plain - 1), small[1..].to_vec()),
        ("the end of a stream that is none", DataHeader { last: true, ..last }, tail.clone()),
        ("sameness of what was needed", DataHeader { kind: DataKind::Same, ..cut(range, 0) }, Vec::new()),
        ("the end before the answers", end(), Vec::new()),
        ("failure of an entry that is not listed", fail(9), Vec::new()),
    ];
    for (what, frame, body) in cases {
        let (victim, mut session, _) = asked().await;
        session.data(&frame, &body).await;
        println!("{what}");
        ends_by_our_fault(victim, session).await;
    }
}

fn fail(entry: u32) -> DataHeader {
    DataHeader { entry, block: 9, ..DataHeader::new(DataKind::Fail) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_block_twice() {
    let (victim, mut session, list) = asked().await;
    let (frame, body) = list.frame(0);
    session.data(&frame, &body).await;
    session.data(&frame, &body).await;
    ends_by_our_fault(victim, session).await;
    // Small files that were verified keep their names, and their first content.
    let (victim, mut session, list) = asked().await;
    let (frame, body) = list.frame(3);
    session.data(&frame, &body).await;
    let evil = body.to_ascii_uppercase();
    let digest = sockeye_proto::content::pack_digest(&evil);
    session.data(&DataHeader { digest, ..frame }, &evil).await;
    session.until(kind::ABORT).await;
    drop(session);
    let (place, error) = victim.fails().await;
    assert!(is_peers_fault(&error), "{error:?}");
    assert_eq!(place.names(), ["one", "two"]);
    assert_eq!(fs::read(place.destination().join("one")).unwrap(), b"first small");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_that_contradict_what_was_sent() {
    // One entry fails twice; a block comes after its file failed; a file fails after its last block.
    for order in [vec!["fail", "fail"], vec!["fail", "block"], vec!["block", "block1", "block2", "fail"]] {
        let (victim, mut session, list) = asked().await;
        for step in order {
            match step {
                "fail" => session.data(&fail(0), &[]).await,
                block => {
                    let (frame, body) = list.frame(block["block".len()..].parse().unwrap_or(0));
                    session.data(&frame, &body).await;
                }
            }
        }
        let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
        drop(session);
        let (_, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{error:?}");
        assert_eq!(told, Some(abort::PROTOCOL));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_no_version_sends() {
    let (good, body) = mixed().frame(0);
    for (at, value) in [(0, 0), (0, 5), (0, 6), (0, 8), (0, 255), (1, 1), (1, 2), (2, 4), (2, 0x80), (3, 1)] {
        let (victim, mut session, _) = asked().await;
        let mut bytes = good.encode();
        bytes[at] = value;
        let _ = session.raw_data(&bytes, &body).await;
        ends_by_our_fault(victim, session).await;
    }
    // Lengths: what is stored is not what it stands for, or is longer than a block may be.
    for (plain, stored) in [(1, 2), (1 << 18, 0), ((1 << 18) + 1, (1 << 18) + 1), (u32::MAX, u32::MAX)] {
        let (victim, mut session, _) = asked().await;
        let bytes = DataHeader { plain, stored, ..good }.encode();
        let _ = session.raw_data(&bytes, &body).await;
        ends_by_our_fault(victim, session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_without_their_digest_get_no_name() {
    for block in 0..4 {
        let (victim, mut session, list) = asked().await;
        // Everything before arrives well.
        for before in 0..block {
            let (frame, body) = list.frame(before);
            session.data(&frame, &body).await;
        }
        let (frame, mut body) = list.frame(block);
        *body.last_mut().unwrap() ^= 1;
        session.data(&frame, &body).await;
        let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
        assert_eq!(told, Some(abort::INTEGRITY));
        drop(session);
        let (place, error) = victim.fails().await;
        assert!(matches!(error, Error::Integrity { .. }), "{error:?}");
        // `large` is complete once its three blocks are here.
        let expected: &[&str] = if block == 3 { &["large"] } else { &[] };
        assert_eq!(place.names(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_of_another_place_in_the_file_is_no_digest() {
    let (victim, mut session, list) = asked().await;
    let (_, body) = list.frame(1);
    // The bytes of block 1, with the digest they have there, as block 0.
    let digest = range_digest(BLOCK as u64, &body, false);
    session.data(&header(DataKind::Range, 0, 0, &body, digest), &body).await;
    session.until(kind::ABORT).await;
    drop(session);
    let (place, error) = victim.fails().await;
    assert!(matches!(error, Error::Integrity { .. }), "{error:?}");
    place.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_do_not_add_up() {
    let list = mixed();
    let (digest, entries, bytes) = (list.digest(), 3, list.bytes());
    let segment = list.segments().remove(0);
    let once = |message: Vec<u8>| vec![wire::segment(0, &segment), message];
    let cases = vec![
        once(wire::listed(&[0; 32], entries, bytes)),
        once(wire::listed(&digest, entries + 1, bytes)),
        once(wire::listed(&digest, entries - 1, bytes)),
        once(wire::listed(&digest, entries, bytes + 1)),
        once(wire::listed(&digest, entries, u64::MAX)),
        vec![wire::listed(&digest, 0, 0)],
        vec![wire::segment(1, &segment)],
        vec![wire::segment(u32::MAX, &segment)],
        vec![wire::segment(0, &segment), wire::segment(0, &segment)],
        vec![wire::segment(0, &[1, 0])],
        vec![wire::segment(0, &[])],
        vec![wire::segment(0, &[2, 0, 1])],
        vec![wire::segment(0, &vec![1; 256 * 1024 + 1])],
        vec![wire::offer(&[1; 32], 0)],
    ];
    for messages in cases {
        for wish in [Wish::default(), Wish::ask()] {
            let (victim, mut session) = met(wish).await;
            session.say(&[wire::offer(&[1; 32], 0)]).await;
            session.say(&messages).await;
            ends_by_our_fault(victim, session).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_goes_on_after_its_end() {
    let list = mixed();
    let more = List::of_file("more", b"later");
    let segments = [list.segments(), more.segments()].concat();
    let other = wire::listed(&chain(&segments), 4, list.bytes() + 5);
    let additions = [
        wire::segment(1, &segments[1]),
        wire::listed(&list.digest(), 3, list.bytes()),
        other,
        wire::note(b"late", 9, ""),
    ];
    for (addition, accepted) in additions.iter().flat_map(|addition| [(addition, false), (addition, true)]) {
        let (mut victim, mut session) = met(Wish::ask()).await;
        session.say(&list.offer(1)).await;
        victim.offer().await;
        if accepted {
            victim.accept();
            assert!(session.until(kind::NEED_END).await.is_some());
        }
        session.say(std::slice::from_ref(addition)).await;
        ends_by_our_fault(victim, session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_the_wrong_role_or_out_of_turn() {
    let receivers = vec![
        wire::accept_open(),
        wire::need(&[(0, 1)]),
        wire::check(0, &[0; 32]),
        wire::compare(0, &[0; 32]),
        wire::need_end(),
        wire::result(&[(0, 1, "")]),
        wire::result_end([0; 7]),
        wire::bye(),
        wire::compared(0, true),
        wire::message(kind::HELLO, 0, |_| ()),
        wire::message(0x7fff, 0, |_| ()),
        wire::message(0x37, 0, |_| ()),
    ];
    for message in receivers {
        let (victim, mut session, _) = asked().await;
        session.say(&[message]).await;
        ends_by_our_fault(victim, session).await;
    }
    for early in [wire::segment(0, &mixed().segments()[0]), wire::listed(&[0; 32], 0, 0), wire::bye()] {
        let (victim, mut session) = met(Wish::default()).await;
        session.say(&[early]).await;
        ends_by_our_fault(victim, session).await;
    }
    let (victim, mut session) = met(Wish::default()).await;
    session.say(&[wire::offer(&[1; 32], 2)]).await;
    ends_by_our_fault(victim, session).await;
}

/// An offer with wishes in fields that nobody knows: they are skipped, and nothing else.
fn wishing_offer() -> Vec<u8> {
    wire::message(kind::OFFER, 5, |m| {
        m.u8(0).unwrap().bytes(&[1; 32]).unwrap().u8(1).unwrap().u8(0).unwrap();
        m.u8(9).unwrap().str("overwrite").unwrap().u8(10).unwrap().bool(true).unwrap();
        m.u8(11).unwrap().str("delete").unwrap();
    })
}

/// An extension of an entry with an even key may be skipped, too.
const WISHING_EXTENSION: [u8; 6] = [2, 4, b'e', b'x', b'e', b'c'];

/// Sends this with wishes to a victim that has `mine`, and a directory `folder` with a file `kept`.
async fn wish_for(existing: Existing, mut list: List) -> (Place, sockeye::Summary, honest::Outcome) {
    let place = Place::new();
    fs::write(place.destination().join("mine"), "mine").unwrap();
    fs::create_dir(place.destination().join("folder")).unwrap();
    fs::write(place.destination().join("folder/kept"), "kept").unwrap();
    let victim = Victim::receiver_with(place, Wish { existing, ..Wish::default() }).await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    for item in &mut list.items {
        item.extra = WISHING_EXTENSION.to_vec();
    }
    session.say(&[wishing_offer()]).await;
    session.say(&list.messages()).await;
    let outcome = honest::serve_and_leave(session, &list).await;
    let (place, summary) = victim.succeeds().await;
    assert_eq!(fs::read(place.destination().join("folder/kept")).unwrap(), b"kept");
    (place, summary, outcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_flag_of_the_peer_changes_local_policy() {
    const EXISTS: u8 = 3;
    for existing in [Existing::Refuse, Existing::Skip, Existing::Rename, Existing::Overwrite] {
        let (place, summary, outcome) =
            wish_for(existing, List::of_file("mine", b"evil, of another size")).await;
        let mine = fs::read(place.destination().join("mine")).unwrap();
        let beside = fs::read(place.destination().join("mine (2)")).ok();
        let evil = b"evil, of another size".to_vec();
        let (expected, expected_beside, arrived, failed) = match existing {
            Existing::Refuse => (b"mine".to_vec(), None, 0, 1),
            Existing::Skip => (b"mine".to_vec(), None, 0, 0),
            Existing::Rename => (b"mine".to_vec(), Some(evil), 1, 0),
            Existing::Overwrite => (evil, None, 1, 0),
        };
        assert_eq!((mine, beside), (expected, expected_beside), "{existing:?}");
        assert_eq!((summary.files, summary.failed), (arrived, failed), "{existing:?}");
        assert_eq!(outcome.results.contains(&(0, EXISTS)), existing == Existing::Refuse);
    }
    // A directory gives way to nothing, and nothing that is no directory becomes one.
    let mut list = List::of_file("folder", b"a file where a directory is");
    list.link(None, "kept", "folder/kept");
    let below = list.dir(None, "mine");
    list.file(Some(below), "file", b"a directory where a file is");
    let (place, _, outcome) = wish_for(Existing::Overwrite, list).await;
    for entry in [0, 2, 3] {
        assert!(outcome.results.contains(&(entry, EXISTS)), "{entry}: {:?}", outcome.results);
    }
    assert_eq!(fs::read(place.destination().join("mine")).unwrap(), b"mine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_and_directories_do_not_replace_each_other_for_the_asking() {
    const EXISTS: u8 = 3;
    let mut list = List::of_file("target", b"x");
    let onto_directory = list.link(None, "folder", "target");
    let (place, _, outcome) = wish_for(Existing::Overwrite, list).await;
    assert_eq!(outcome.results, [(onto_directory, EXISTS)]);
    assert!(fs::symlink_metadata(place.destination().join("folder")).unwrap().is_dir());

    let place = Place::new();
    fs::create_dir(place.destination().join("folder")).unwrap();
    symlink("folder", place.destination().join("link")).unwrap();
    let wish = Wish { existing: Existing::Overwrite, ..Wish::default() };
    let victim = Victim::receiver_with(place, wish).await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    let mut list = List::new();
    let onto_link = list.dir(None, "link");
    let below = list.file(Some(onto_link), "file", b"x");
    session.say(&[wishing_offer()]).await;
    session.say(&list.messages()).await;
    let outcome = honest::serve_and_leave(session, &list).await;
    assert_eq!(outcome.results, [(onto_link, EXISTS), (below, EXISTS)]);
    let (place, _) = victim.succeeds().await;
    assert_eq!(place.names(), ["folder", "link"]);
    assert!(place.destination().join("link").is_symlink());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_receiver_takes() {
    // Listed at once, in a later segment, and only said.
    let large = List::of_file("large", &[7; 300_000]);
    let mut claimed = List::of_file("claimed", b"");
    claimed.items[0].size = u64::MAX;
    for list in [&large, &claimed] {
        for consent in [sockeye::Consent::Yes, sockeye::Consent::Ask] {
            let wish = Wish { max_size: Some(100_000), consent, ..Wish::default() };
            let (mut victim, mut session) = met(wish).await;
            session.say(&list.offer(1)).await;
            if consent == sockeye::Consent::Ask {
                victim.offer().await;
                victim.accept();
            }
            let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
            assert_eq!(told, Some(abort::TOO_LARGE));
            drop(session);
            let (place, error) = victim.fails().await;
            assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
            place.assert_empty();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_grows_past_the_limit() {
    let wish = Wish { max_size: Some(BLOCK as u64 + 100), ..Wish::default() };
    let (victim, mut session) = met(wish).await;
    let mut list = List::new();
    list.stream("stream");
    session.say(&list.offer(1)).await;
    assert!(session.until(kind::NEED).await.is_some());
    let body = vec![7; BLOCK];
    for block in 0..2 {
        let digest = range_digest(block * BLOCK as u64, &body, false);
        session.data(&header(DataKind::Range, 0, block, &body, digest), &body).await;
    }
    let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
    assert_eq!(told, Some(abort::TOO_LARGE));
    drop(session);
    let (place, error) = victim.fails().await;
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    place.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_breaks_its_own_rules() {
    let body = vec![7; BLOCK];
    let digest = |block: u64, body: &[u8]| range_digest(block * BLOCK as u64, body, false);
    let good = |block: u64| header(DataKind::Range, 0, block, &body, digest(block, &body));
    let empty_later = DataHeader { last: true, ..header(DataKind::Range, 0, 1, &[], Digest::ZERO) };
    let cases = vec![
        vec![(header(DataKind::Range, 0, 0, b"short", digest(0, b"short")), b"short".to_vec())],
        vec![(good(1), body.clone())],
        vec![(good(0), body.clone()), (good(0), body.clone())],
        vec![(good(0), body.clone()), (good(2), body.clone())],
        vec![(good(0), body.clone()), (empty_later, Vec::new())],
        vec![(good(0), body.clone()), (end(), Vec::new())],
    ];
    for frames in cases {
        let (victim, mut session) = met(Wish::default()).await;
        let mut list = List::new();
        list.stream("stream");
        session.say(&list.offer(1)).await;
        assert!(session.until(kind::NEED_END).await.is_some());
        for (frame, body) in frames {
            session.data(&frame, &body).await;
        }
        ends_by_our_fault(victim, session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_to_one_offer_is_no_yes_to_the_next() {
    let hostile = Hostile::new();
    let mut victim = Victim::receiver_with(Place::new(), Wish::ask()).await;
    let mut first = hostile.session(victim.address, &victim.code).await;
    first.say(&List::of_file("harmless", b"harmless").offer(1)).await;
    victim.offer().await;
    // While the user looks at that, the sender comes again with something else.
    let mut second = hostile.again().session(victim.address, &victim.code).await;
    second.say(&List::of_file(".profile", b"evil").offer(2)).await;
    assert!(first.hear().await.is_none(), "the first session is over");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    // The user has seen the first offer only.
    victim.accept();
    let answer = tokio::time::timeout(std::time::Duration::from_secs(1), second.hear()).await;
    assert!(answer.is_err(), "what nobody has seen was accepted: {answer:?}");
    victim.offer().await;
    drop((first, second));
    victim.cancel().await.0.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_lasts_for_one_transfer() {
    let hostile = Hostile::new();
    let wish = Wish { keep: true, existing: Existing::Overwrite, ..Wish::ask() };
    let mut victim = Victim::receiver_with(Place::new(), wish).await;
    // Names, sizes and times are the same, so the lists have one digest.
    let (good, evil) = (List::of_file("tool", b"good"), List::of_file("tool", b"evil"));
    let mut session = hostile.session(victim.address, &victim.code).await;
    session.say(&good.offer(1)).await;
    victim.offer().await;
    victim.accept();
    assert!(honest::serve_and_leave(session, &good).await.complete);
    victim.event(|event| matches!(event, Event::Finished(_))).await;
    let mut session = hostile.again().session(victim.address, &victim.code).await;
    session.say(&evil.offer(2)).await;
    victim.event(|event| matches!(event, Event::Offer(_) | Event::Started { .. })).await;
    assert!(matches!(victim.events.last(), Some(Event::Offer(_))), "accepted without asking");
    drop(session);
    let (place, _) = victim.cancel().await;
    assert_eq!(fs::read(place.destination().join("tool")).unwrap(), b"good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_peer_does_not_end_the_session_of_another() {
    // Two peers that are remembered: each paired once with a code.
    let (alice, mallory) = (Hostile::new(), Hostile::new());
    let mut place = Place::new();
    let mut keys = Vec::new();
    for (name, peer) in [("alice", &alice), ("mallory", &mallory)] {
        let wish = Wish { remember: Some(name.to_owned()), ..Wish::default() };
        let victim = Victim::receiver_with(place, wish).await;
        let session = peer.session(victim.address, &victim.code).await;
        keys.push((*session.met.paired.pair_key, session.met.paired.peer_identity));
        assert!(honest::send(session, 1, &List::of_file(name, b"x")).await.complete);
        place = victim.succeeds().await.0;
    }
    let mut victim = Victim::receiver_with(place, Wish { keep: true, ..Wish::default() }).await;
    let alice = alice.again();
    let met = alice.knock(victim.address, &keys[0].0, keys[0].1).await.unwrap();
    let mut busy = alice.with_lane(met).await;
    busy.say(&List::of_file("from alice", b"bytes").offer(7)).await;
    assert!(busy.until(kind::NEED_END).await.is_some());
    let mallory = mallory.again();
    match mallory.knock(victim.address, &keys[1].0, keys[1].1).await {
        Ok(met) => {
            let channel = mallory.keys.dial(victim.address, crate::peer::LANE).await.unwrap();
            let _held = mallory.open(channel, &met).await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let list = List::of_file("from alice", b"bytes");
            let (frame, body) = list.frame(0);
            busy.data(&frame, &body).await;
            busy.data(&end(), &[]).await;
            assert!(busy.until(kind::RESULT_END).await.is_some(), "cut off by another peer");
        }
        // Being told to come back later is as good.
        Err(error) => assert!(matches!(error, Failed::Refused(_)), "{error:?}"),
    }
    drop(busy);
    victim.event(|event| matches!(event, Event::Finished(_))).await;
    victim.cancel().await;
}
