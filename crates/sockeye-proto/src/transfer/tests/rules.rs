//! Hostile peers: each rule is broken at least once, and what breaks it is refused.

use alloc::{collections::BTreeSet, format, string::String, sync::Arc, vec, vec::Vec};

use crate::{
    content::{BlockMap, Manifest, ManifestLimits},
    envelope,
};

use super::{super::config::*, *};

/// What a machine refused. The rule alone where the peer misbehaved.
fn refused<T>(result: Result<T, TransferError>) -> String {
    match result {
        Ok(_) => String::from("not refused"),
        Err(TransferError::PeerMisbehaved { rule }) => String::from(rule),
        Err(other) => format!("{other}"),
    }
}

/// What a sender of the usual entries refuses after these messages.
fn sender_refuses(before: &[Message], last: &Message) -> String {
    let mut sender = serving_sender(&entries());
    for message in before {
        tell(&mut sender, message).expect("good so far");
    }
    refused(tell(&mut sender, last))
}

/// What a receiver refuses that has asked for these blocks and whatever `ask` does.
fn receiver_refuses(ask: impl FnOnce(&mut Receiver), before: &[DataHeader], last: &DataHeader) -> String {
    let mut receiver = receiving(&entries(), ReceiverParams::default());
    ask(&mut receiver);
    for header in before {
        receiver.handle_data(header).expect("good so far");
    }
    refused(receiver.handle_data(last))
}

fn check_of(first: u64, digests: usize) -> Message {
    Message::Check(Check { first, digests: vec![0; 32 * digests] })
}

fn compare_of(entry: u32) -> Message {
    Message::Compare(Compare { entry, digest: [0; 32] })
}

fn reports_of(entries: &[u32]) -> Message {
    let report = |&entry: &u32| EntryReport { entry, status: 0, text: String::new() };
    Message::Reports(Reports { entries: entries.iter().map(report).collect() })
}

/// Everything that a sender refuses, by rule.
fn broken_at_sender() -> Vec<(&'static str, String)> {
    let unlisted = "asked for blocks that are not listed";
    let twice = "asked twice for one block";
    let no_stream = "asked for a stream that is not there, or twice";
    let result = "a result of an entry that is not listed, or out of order";
    let after_last = "a question after the last";
    let no_range = "a digest of a block that is no range";
    let no_file = "a comparison of something that is no file";
    let ended = [Message::NeedEnd];
    vec![
        (unlisted, sender_refuses(&[], &need(&[5, 1]))),
        (unlisted, sender_refuses(&[], &need(&[0, 6]))),
        (unlisted, sender_refuses(&[], &need(&[1, u64::MAX]))),
        (unlisted, sender_refuses(&[], &need(&[u64::MAX, 1]))),
        (unlisted, sender_refuses(&[], &need(&[0, 1 << 62]))),
        (unlisted, sender_refuses(&[], &check_of(3, 3))),
        (unlisted, sender_refuses(&[], &check_of(u64::MAX, 2))),
        (twice, sender_refuses(&[need(&[0, 3])], &need(&[2, 1]))),
        (twice, sender_refuses(&[], &need(&[0, 2, 1, 1]))),
        (twice, sender_refuses(&[check_of(1, 2)], &need(&[2, 1]))),
        (twice, sender_refuses(&[need(&[1, 1])], &check_of(1, 1))),
        (no_stream, sender_refuses(&[], &need(&[4, 0]))),
        (no_stream, sender_refuses(&[need(&[5, 0])], &need(&[5, 0]))),
        (no_range, sender_refuses(&[], &check_of(0, 1))),
        (no_range, sender_refuses(&[], &check_of(3, 2))),
        (no_file, sender_refuses(&[], &compare_of(FOLDER))),
        (no_file, sender_refuses(&[], &compare_of(STREAM))),
        (no_file, sender_refuses(&[], &compare_of(u32::MAX))),
        ("asked twice to compare one file", sender_refuses(&[compare_of(BIG)], &compare_of(BIG))),
        (
            "the last question before every comparison was answered",
            sender_refuses(&[compare_of(BIG)], &Message::NeedEnd),
        ),
        (after_last, sender_refuses(&ended, &need(&[0, 1]))),
        (after_last, sender_refuses(&ended, &check_of(1, 1))),
        (after_last, sender_refuses(&ended, &compare_of(BIG))),
        (after_last, sender_refuses(&ended, &Message::NeedEnd)),
        (result, sender_refuses(&ended, &reports_of(&[7]))),
        (result, sender_refuses(&ended, &reports_of(&[u32::MAX]))),
        (result, sender_refuses(&ended, &reports_of(&[2, 1]))),
        (result, sender_refuses(&ended, &reports_of(&[1, 1]))),
        (result, sender_refuses(&[Message::NeedEnd, reports_of(&[1])], &reports_of(&[1]))),
        ("the last question before the list was complete", {
            let mut sender = Sender::new([7; 32], TransferTimeouts::default());
            tell(&mut sender, &open_accept()).expect("accepted");
            refused(tell(&mut sender, &Message::NeedEnd))
        }),
    ]
}

/// Exact acceptances of something else than what was listed.
fn broken_acceptances() -> Vec<(&'static str, String)> {
    let rule = "accepted something else than what was listed";
    let said = listing(&entries()).iter().map(|frame| decoded(frame)).find_map(|message| match message {
        Message::Listed(listed) => Some(listed),
        _ => None,
    });
    let listed = said.expect("the list ends");
    let exact = |listed: &Listed| Message::Accept(Accept { exact: Some(listed.clone()), max_bytes: None });
    let others = [
        Listed { digest: [0; 32], ..listed.clone() },
        Listed { entries: listed.entries + 1, ..listed.clone() },
        Listed { bytes: listed.bytes - 1, ..listed.clone() },
    ];
    let mut broken: Vec<_> = others
        .iter()
        .map(|other| (rule, refused(tell(&mut listed_sender(&entries()), &exact(other)))))
        .collect();
    let mut walking = Sender::new([7; 32], TransferTimeouts::default());
    broken.push((rule, refused(tell(&mut walking, &exact(&listed)))));
    tell(&mut listed_sender(&entries()), &exact(&listed)).expect("precisely that");
    broken
}

/// Everything that a receiver refuses on the control connection, by rule.
fn broken_at_receiver() -> Vec<(&'static str, String)> {
    let after_end = "a list that goes on after its end";
    let sum = "a list that does not add up";
    let (last, first) =
        listing(&entries()).split_last().map(|(last, first)| (last.clone(), first.to_vec())).expect("frames");
    let Message::Listed(listed) = decoded(&last) else { unreachable!("LISTED is last") };
    let tells = |frames: &[Vec<u8>], message: &Message| {
        let mut receiver = Receiver::new(ReceiverParams::default());
        for frame in frames {
            receiver.handle_frame(Duration::ZERO, frame).expect("good so far");
        }
        refused(tell_receiver(&mut receiver, message))
    };
    let whole = listing(&entries());
    let note = Message::Note(Note { path: Vec::new(), status: 0, text: String::new() });
    vec![
        (sum, tells(&first, &Message::Listed(Listed { digest: [0; 32], ..listed.clone() }))),
        (sum, tells(&first, &Message::Listed(Listed { entries: 0, ..listed.clone() }))),
        (sum, tells(&first, &Message::Listed(Listed { bytes: listed.bytes + 1, ..listed.clone() }))),
        (sum, tells(&first[..1], &Message::Listed(listed.clone()))),
        (after_end, tells(&whole, &Message::Listed(listed))),
        (after_end, tells(&whole, &Message::Segment(SegmentMessage { index: 1, bytes: vec![1, 0] }))),
        (after_end, tells(&whole, &note)),
        ("an answer nobody asked for", {
            let mut receiver = receiving(&entries(), ReceiverParams::default());
            receiver.compare(BIG, &Digest::ZERO);
            let answer = Message::Compared(Compared { entry: BIG, same: true });
            tell_receiver(&mut receiver, &answer).expect("asked for");
            refused(tell_receiver(&mut receiver, &answer))
        }),
    ]
}

/// Everything that a receiver refuses on a lane, by rule.
fn broken_on_lane() -> Vec<(&'static str, String)> {
    let not_asked = "a block that was not asked for";
    let size = "a block of another size or entry than listed";
    let pack_size = "a pack of another size or entry than listed";
    let short = "a short block inside a stream";
    let early = "the end before every answer";
    let no_question = "failure of an entry that was not asked for";
    let same_unasked = "sameness nobody asked about";
    let nothing = |_: &mut Receiver| {};
    let all = |receiver: &mut Receiver| receiver.need(&[0..5]);
    let checks = |receiver: &mut Receiver| receiver.check(1, &[Digest::ZERO; 2]);
    let stream = Receiver::need_stream;
    let (big, last) = (range(BIG, 1, BLOCK_SIZE), DataHeader { last: true, ..range(BIG, 1, BLOCK_SIZE) });
    let failed = fail(BIG, Status::SourceChanged);
    vec![
        (not_asked, receiver_refuses(nothing, &[], &big)),
        (not_asked, receiver_refuses(nothing, &[], &pack(SMALL, 0, 101))),
        (not_asked, receiver_refuses(all, &[big], &big)),
        (not_asked, receiver_refuses(all, &[pack(SMALL, 0, 101)], &pack(SMALL, 0, 101))),
        (not_asked, receiver_refuses(all, &[failed], &big)),
        ("a range block that is none", receiver_refuses(all, &[], &range(SMALL, 0, 100))),
        ("a range block that is none", receiver_refuses(all, &[], &range(STREAM, 5, BLOCK_SIZE))),
        ("a range block that is none", receiver_refuses(all, &[], &range(BIG, u64::MAX, BLOCK_SIZE))),
        (size, receiver_refuses(all, &[], &range(BIG, 1, BLOCK_SIZE - 1))),
        (size, receiver_refuses(all, &[], &range(BIG, 3, 8))),
        (size, receiver_refuses(all, &[], &range(BIG, 3, 0))),
        (size, receiver_refuses(all, &[], &range(SMALL, 1, BLOCK_SIZE))),
        (size, receiver_refuses(all, &[], &last)),
        (size, receiver_refuses(stream, &[], &range(BIG, 5, BLOCK_SIZE))),
        (short, receiver_refuses(stream, &[], &range(STREAM, 5, BLOCK_SIZE - 1))),
        (short, receiver_refuses(stream, &[], &range(STREAM, 5, 0))),
        (short, {
            let empty = DataHeader { last: true, ..range(STREAM, 6, 0) };
            receiver_refuses(stream, &[range(STREAM, 5, BLOCK_SIZE)], &empty)
        }),
        ("a range block that is none", {
            let last = DataHeader { last: true, ..range(STREAM, 5, 3) };
            receiver_refuses(stream, &[last], &range(STREAM, 6, BLOCK_SIZE))
        }),
        ("a range block that is none", receiver_refuses(stream, &[], &range(STREAM, 6, BLOCK_SIZE))),
        ("a pack that is none", receiver_refuses(all, &[], &pack(BIG, 1, 100))),
        (pack_size, receiver_refuses(all, &[], &pack(SMALL, 0, 100))),
        (pack_size, receiver_refuses(all, &[], &pack(TINY, 0, 101))),
        (pack_size, receiver_refuses(all, &[fail(TINY, Status::SourceChanged)], &pack(SMALL, 0, 101))),
        ("sameness of a block that is none", receiver_refuses(all, &[], &same(0))),
        ("sameness of a block that is none", receiver_refuses(all, &[], &same(u64::MAX))),
        (same_unasked, receiver_refuses(all, &[], &same(1))),
        (same_unasked, receiver_refuses(checks, &[], &same(3))),
        (same_unasked, receiver_refuses(checks, &[same(1)], &same(1))),
        (same_unasked, receiver_refuses(checks, &[big], &same(1))),
        (same_unasked, receiver_refuses(checks, &[failed], &same(1))),
        (
            "failure of something that is no listed file",
            receiver_refuses(all, &[], &fail(FOLDER, Status::Failed)),
        ),
        (
            "failure of something that is no listed file",
            receiver_refuses(all, &[], &fail(99, Status::Failed)),
        ),
        ("one entry failed twice", receiver_refuses(all, &[failed], &failed)),
        (no_question, receiver_refuses(nothing, &[], &failed)),
        (no_question, receiver_refuses(nothing, &[], &fail(STREAM, Status::Failed))),
        (no_question, receiver_refuses(all, &[pack(SMALL, 0, 101)], &fail(TINY, Status::Failed))),
        (early, receiver_refuses(nothing, &[], &end())),
        (early, receiver_refuses(checks, &[same(1), same(2)], &end())),
        (early, receiver_refuses(|r| (all(r), r.questions_end()).1, &[], &end())),
        (early, receiver_refuses(|r| (stream(r), r.questions_end()).1, &[], &end())),
        ("data that was not asked for", receiver_refuses(Receiver::questions_end, &[end()], &end())),
        ("data that was not asked for", {
            let mut deciding = Receiver::new(ReceiverParams::default());
            for frame in listing(&entries()) {
                deciding.handle_frame(Duration::ZERO, &frame).expect("a good list");
            }
            refused(deciding.handle_data(&big))
        }),
    ]
}

fn everything_broken() -> Vec<(&'static str, String)> {
    [broken_at_sender(), broken_acceptances(), broken_at_receiver(), broken_on_lane()].concat()
}

#[test]
fn broken_rules_are_named() {
    for (index, (rule, refused)) in everything_broken().into_iter().enumerate() {
        assert_eq!(refused, rule, "case {index}");
    }
}

/// A rule that is added needs a test that breaks it.
#[test]
fn every_rule_is_broken_by_a_test() {
    let tested: BTreeSet<_> = everything_broken().into_iter().map(|(rule, _)| rule).collect();
    let sources = [
        include_str!("../sender.rs"),
        include_str!("../receiver.rs"),
        include_str!("../receiver/answers.rs"),
    ];
    let rules: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| source.split("misbehaved(\"").skip(1))
        .filter_map(|after| after.split('"').next())
        .collect();
    assert!(rules.len() > 20, "rules are found in the source");
    assert_eq!(rules, tested);
}

#[test]
fn more_than_allowed_is_too_large() {
    let total = 151 + 2 * BLOCK_SIZE + 7;
    let params = |max| ReceiverParams { max_bytes: Some(max), ..ReceiverParams::default() };
    let mut early = Receiver::new(params(total - 1));
    let mut frames = listing(&entries()).into_iter();
    early.handle_frame(Duration::ZERO, &frames.next().expect("OFFER")).expect("an offer");
    early.accept_open().expect("nothing listed yet");
    let refusal = refused(early.handle_frame(Duration::ZERO, &frames.next().expect("SEGMENT")));
    assert_eq!(refusal, format!("too large: {total} bytes offered, {} allowed", total - 1));

    let mut late = Receiver::new(params(total - 1));
    for frame in listing(&entries()) {
        late.handle_frame(Duration::ZERO, &frame).expect("not accepted yet");
    }
    assert!(refused(late.accept_exact()).starts_with("too large"));
    assert!(refused(late.accept_open()).starts_with("too large"));

    let mut streaming = receiving(&entries(), params(total + BLOCK_SIZE));
    streaming.need_stream();
    streaming.handle_data(&range(STREAM, 5, BLOCK_SIZE)).expect("just as much");
    let one_more = DataHeader { last: true, ..range(STREAM, 6, 1) };
    assert_eq!(refused(streaming.handle_data(&one_more)), "too large: the stream grew past the limit");
}

#[test]
fn notes_are_counted() {
    let limits = ManifestLimits { max_entries: 2, ..ManifestLimits::default() };
    let mut receiver = Receiver::new(ReceiverParams { limits, ..ReceiverParams::default() });
    tell_receiver(&mut receiver, &Message::Offer(Offer { transfer: [0; 32], delivery: 0 }))
        .expect("an offer");
    let note = Message::Note(Note { path: Vec::new(), status: 1, text: String::new() });
    tell_receiver(&mut receiver, &note).expect("the first");
    let (_, events) = drain_receiver(&mut receiver);
    let told = events.iter().any(|event| matches!(event, ReceiverEvent::Note { status: Status::Failed, .. }));
    assert!(told, "a sender cannot say that something is done");
    tell_receiver(&mut receiver, &note).expect("the second");
    assert_eq!(refused(tell_receiver(&mut receiver, &note)), "too large: more than 2 notes");
}

#[test]
fn a_list_beyond_its_format_is_refused() {
    let mut receiver = Receiver::new(ReceiverParams::default());
    let frames = listing(&entries());
    receiver.handle_frame(Duration::ZERO, &frames[0]).expect("an offer");
    let Message::Segment(segment) = decoded(&frames[1]) else { unreachable!("a segment follows") };
    let skipped = Message::Segment(SegmentMessage { index: 1, ..segment.clone() });
    assert!(refused(tell_receiver(&mut receiver, &skipped)).starts_with("manifest: "));
    tell_receiver(&mut receiver, &Message::Segment(segment.clone())).expect("the first");
    assert!(
        refused(tell_receiver(&mut receiver, &Message::Segment(segment))).starts_with("manifest: "),
        "twice"
    );
}

/// Claims of gibibytes in few bytes: refused without making room for them.
#[test]
fn lengths_are_not_believed() {
    let claims: [(u16, &[u8]); 5] = [
        (kind::SEGMENT, &[0xa2, 0x00, 0x00, 0x01, 0x5a, 0xff, 0xff, 0xff, 0xff]),
        (kind::SEGMENT, &[0xa2, 0x00, 0x00, 0x01, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        (kind::NEED, &[0xa3, 0x00, 0x9b, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00]),
        (kind::REPORTS, &[0xa1, 0x00, 0x9a, 0xff, 0xff, 0xff, 0xff]),
        (kind::ABORT, &[0xa2, 0x00, 0x00, 0x01, 0x7a, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (kind, body) in claims {
        let mut frame = Vec::new();
        envelope::encode(kind, true, body, &mut frame);
        assert!(matches!(Message::decode(&frame), Err(TransferError::Malformed { .. })), "{kind:#x}");
    }
    for kind in [DataKind::Range, DataKind::Pack, DataKind::Same, DataKind::Fail, DataKind::End] {
        let mut bytes = DataHeader::new(kind).encode();
        bytes[4..12].fill(0xff);
        assert!(matches!(DataHeader::decode(&bytes), Err(TransferError::Malformed { .. })), "{kind:?}");
    }
}

/// A frame too long, or too short for its kind.
#[test]
fn frames_have_a_size() {
    for frame in [vec![], vec![0x80], vec![0; envelope::MAX_CONTROL_FRAME + 1]] {
        assert!(matches!(Message::decode(&frame), Err(TransferError::Envelope(_))), "{} bytes", frame.len());
    }
}

#[test]
fn counts_and_texts_have_bounds() {
    let long = "x".repeat(MAX_TEXT + 1);
    let report = EntryReport { entry: 0, status: 0, text: String::new() };
    let excessive = [
        need(&[]),
        need(&[1]),
        need(&vec![0; 2 * MAX_NEED_RANGES + 2]),
        check_of(0, 0),
        check_of(0, MAX_CHECKED_DIGESTS + 1),
        Message::Check(Check { first: 0, digests: vec![0; 33] }),
        Message::Reports(Reports { entries: Vec::new() }),
        Message::Reports(Reports { entries: vec![report; MAX_RESULT_ENTRIES + 1] }),
        Message::Reports(Reports { entries: vec![EntryReport { entry: 0, status: 0, text: long.clone() }] }),
        Message::Note(Note { path: Vec::new(), status: 0, text: long.clone() }),
        Message::Note(Note { path: vec![0; MAX_NOTE_PATH + 1], status: 0, text: String::new() }),
        Message::Abort(Abort { code: 0, text: long }),
    ];
    for message in excessive {
        let frame = message.encode();
        assert!(
            matches!(Message::decode(&frame), Err(TransferError::Malformed { .. })),
            "{:x?}",
            &frame[..8]
        );
    }
}

#[test]
fn what_is_newer_is_incompatible() {
    let other = |exponent, algorithm| Message::Need(Need { ranges: vec![0, 1], exponent, algorithm });
    for message in [other(19, 1), other(18, 2), other(255, 1)] {
        assert_eq!(sender_refuses(&[], &message), "peer incompatible: another block size or digest");
    }
    let mut receiver = Receiver::new(ReceiverParams::default());
    let many = Message::Offer(Offer { transfer: [0; 32], delivery: 2 });
    assert!(refused(tell_receiver(&mut receiver, &many)).starts_with("peer incompatible"));

    let good = range(BIG, 1, 3).encode();
    for (at, value) in [(0, 0), (0, 5), (0, 6), (0, 8), (1, 1), (2, 4), (2, 0x80), (3, 1)] {
        let mut bytes = good;
        bytes[at] = value;
        assert!(
            matches!(DataHeader::decode(&bytes), Err(TransferError::PeerIncompatible { .. })),
            "{at}: {value}"
        );
    }
    for kind in [DataKind::Pack, DataKind::Same, DataKind::Fail, DataKind::End] {
        let bytes = DataHeader { last: true, ..DataHeader::new(kind) }.encode();
        assert!(matches!(DataHeader::decode(&bytes), Err(TransferError::Malformed { .. })), "last {kind:?}");
    }
}

/// Statuses that only a receiver can know are a plain failure when a sender says them.
#[test]
fn a_sender_cannot_say_done() {
    for (said, heard) in
        [(1, Status::Failed), (2, Status::Failed), (8, Status::SourceChanged), (u64::MAX, Status::Failed)]
    {
        let mut receiver = receiving(&entries(), ReceiverParams::default());
        receiver.need(&[1..4]);
        let header = DataHeader { entry: BIG, block: said, ..DataHeader::new(DataKind::Fail) };
        assert_eq!(
            receiver.handle_data(&header).expect("asked for"),
            Data::Fail { entry: BIG, status: heard }
        );
    }
}

#[test]
fn a_list_that_is_shared_is_told_as_one_that_is_pushed() {
    let entries = entries();
    let frames = |sender: &mut Sender| {
        sender.listed().expect("once");
        core::iter::from_fn(|| sender.poll_frame()).collect::<Vec<_>>()
    };
    let mut pushed = Sender::new([7; 32], TransferTimeouts::default());
    let (mut manifest, mut blocks) = (Manifest::new(), BlockMap::new());
    for entry in &entries {
        pushed.push(entry).expect("an entry");
        let id = manifest.push(entry).expect("an entry");
        blocks.push(manifest.get(id).expect("just pushed"));
    }
    blocks.finish();
    let (manifest, blocks) = (Arc::new(manifest), Arc::new(blocks));
    let expected = frames(&mut pushed);
    for most in [1, 2, 1000] {
        let mut shares = Sender::new([7; 32], TransferTimeouts::default());
        shares.share(Arc::clone(&manifest), Arc::clone(&blocks));
        while shares.tell_more(most) {}
        assert_eq!(frames(&mut shares), expected);
        assert_eq!(Arc::strong_count(&manifest), 2, "nothing was copied");
    }
}
