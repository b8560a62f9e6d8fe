//! The table of states: what each takes, and where that leads. A change of the table shows as a change of the file.

use alloc::{format, string::String, vec, vec::Vec};
use core::fmt::Write as _;

use crate::envelope;

use super::*;

const TABLE: &str = include_str!("states.txt");

fn listed() -> Listed {
    let said = listing(&entries()).iter().map(|frame| decoded(frame)).find_map(|message| match message {
        Message::Listed(listed) => Some(listed),
        _ => None,
    });
    said.expect("the list ends")
}

fn segment() -> Message {
    decoded(&listing(&entries())[1])
}

/// One good message of each kind, and three that this version does not know.
fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let unknown = |kind, critical| {
        let mut frame = Vec::new();
        envelope::encode(kind, critical, &[0xa0], &mut frame);
        frame
    };
    let known = [
        ("OFFER", Message::Offer(Offer { transfer: [7; 32], delivery: 0 })),
        ("SEGMENT", segment()),
        ("NOTE", Message::Note(Note { path: Vec::new(), status: 9, text: String::new() })),
        ("LISTED", Message::Listed(listed())),
        ("COMPARED", Message::Compared(Compared { entry: BIG, same: true })),
        ("ACCEPT exact", Message::Accept(Accept { exact: Some(listed()), max_bytes: None })),
        ("ACCEPT open", open_accept()),
        ("NEED", need(&[0, 1])),
        ("CHECK", Message::Check(Check { first: 1, digests: vec![0; 32] })),
        ("COMPARE", Message::Compare(Compare { entry: BIG, digest: [0; 32] })),
        ("NEED_END", Message::NeedEnd),
        (
            "RESULT",
            Message::Reports(Reports {
                entries: vec![EntryReport { entry: 1, status: 0, text: String::new() }],
            }),
        ),
        ("RESULT_END", Message::ReportEnd(ReportTotals::default())),
        ("BYE", Message::Bye),
        ("ABORT", Message::Abort(Abort::new(AbortCode::Other, ""))),
    ];
    let mut all: Vec<_> = known.into_iter().map(|(name, message)| (name, message.encode())).collect();
    all.push(("heartbeat", unknown(0x3f, false)));
    all.push(("unknown", unknown(0x7f, false)));
    all.push(("unknown, critical", unknown(0x7f, true)));
    all
}

/// Senders in every state, and in the two where it matters whether the list is complete.
fn senders() -> Vec<(&'static str, Sender)> {
    let walking = || {
        let mut sender = Sender::new([7; 32], TransferTimeouts::default());
        for entry in entries() {
            sender.push(&entry).expect("a good entry");
        }
        sender
    };
    let after = |mut sender: Sender, messages: &[Message]| {
        for message in messages {
            tell(&mut sender, message).expect("good");
        }
        sender
    };
    let (yes, end) = (open_accept(), Message::NeedEnd);
    let result = Message::ReportEnd(ReportTotals::default());
    let whole = || listed_sender(&entries());
    vec![
        ("offering, walking", walking()),
        ("offering", whole()),
        ("serving, walking", after(walking(), core::slice::from_ref(&yes))),
        ("serving", after(whole(), core::slice::from_ref(&yes))),
        ("answering", after(whole(), &[yes.clone(), end.clone()])),
        ("closing", after(whole(), &[yes.clone(), end.clone(), result.clone()])),
        ("closed", after(whole(), &[yes, end, result, Message::Bye])),
    ]
}

/// Receivers in every state, and in the two where it matters whether the list is complete.
fn receivers() -> Vec<(&'static str, Receiver)> {
    let new = || Receiver::new(ReceiverParams::default());
    let offered = |frames: usize| {
        let mut receiver = new();
        for frame in &listing(&entries())[..frames] {
            receiver.handle_frame(Duration::ZERO, frame).expect("good");
        }
        receiver
    };
    let accepted = |frames: usize| {
        let mut receiver = offered(frames);
        receiver.accept_open().expect("within the limits");
        receiver
    };
    let completing = || {
        let mut receiver = accepted(3);
        receiver.questions_end();
        receiver
    };
    let answered = || {
        let mut receiver = completing();
        receiver.handle_data(&end()).expect("nothing was asked");
        receiver
    };
    let closing = || {
        let mut receiver = answered();
        receiver.report(Duration::ZERO, Vec::new(), ReportTotals::default());
        receiver
    };
    let mut comparing = accepted(3);
    comparing.compare(BIG, &Digest::ZERO);
    let mut closed = closing();
    tell_receiver(&mut closed, &Message::Bye).expect("expected");
    vec![
        ("expecting", new()),
        ("deciding", offered(1)),
        ("listed", offered(3)),
        ("receiving", accepted(1)),
        ("and a segment", accepted(2)),
        ("listed, comparing", comparing),
        ("completing", completing()),
        ("answered", answered()),
        ("closing", closing()),
        ("closed", closed),
    ]
}

/// What a message leads to: `taken`, another state, or a refusal, of which the most frequent is a dot.
fn outcome(before: &'static str, after: &'static str, result: &Result<(), TransferError>) -> &'static str {
    match result {
        Ok(()) if before == after => "taken",
        Ok(()) => after,
        Err(TransferError::PeerMisbehaved { .. }) => ".",
        Err(TransferError::PeerIncompatible { .. }) => "incompatible",
        Err(_) => "malformed",
    }
}

/// A line for each message, a column for each state.
fn table<M>(
    title: &str,
    machines: fn() -> Vec<(&'static str, M)>,
    handle: impl Fn(&mut M, &[u8]) -> &'static str,
) -> String {
    let columns: Vec<_> = machines().into_iter().map(|(name, _)| name).collect();
    let widths: Vec<_> = columns.iter().map(|column| column.len().max("incompatible".len())).collect();
    let mut table = format!("{title:18}");
    for (column, width) in columns.iter().zip(&widths) {
        write!(table, "  {column:width$}").expect("strings grow");
    }
    end_line(&mut table);
    for (message, frame) in messages() {
        write!(table, "{message:18}").expect("strings grow");
        for ((_, mut machine), width) in machines().into_iter().zip(&widths) {
            write!(table, "  {:width$}", handle(&mut machine, &frame)).expect("strings grow");
        }
        end_line(&mut table);
    }
    table
}

fn end_line(table: &mut String) {
    table.truncate(table.trim_end().len());
    table.push('\n');
}

#[test]
fn the_table_of_states_is_as_committed() {
    let sender = table("sender", senders, |sender, frame| {
        let before = sender.state_name();
        let result = sender.handle_frame(Duration::ZERO, frame);
        outcome(before, sender.state_name(), &result)
    });
    let receiver = table("receiver", receivers, |receiver, frame| {
        let before = receiver.state_name();
        let result = receiver.handle_frame(Duration::ZERO, frame);
        outcome(before, receiver.state_name(), &result)
    });
    let table = format!("{sender}\n{receiver}");
    assert!(table == TABLE, "tests/states.txt should be:\n{table}");
}

/// A closed machine says nothing more and takes anything in silence.
#[test]
fn closed_is_silent() {
    let mut sender = listed_sender(&entries());
    sender.abort(AbortCode::Interrupted, "enough");
    let (said, _) = drain_sender(&mut sender);
    assert!(matches!(said.last(), Some(Message::Abort(abort)) if abort.kind() == AbortCode::Interrupted));
    sender.note(b"path", Status::SourceChanged, "late");
    sender.abort(AbortCode::Io, "again");
    for (_, frame) in messages() {
        sender.handle_frame(Duration::ZERO, &frame).expect("in silence");
    }
    let (said, events) = drain_sender(&mut sender);
    assert!(said.is_empty() && events.is_empty());

    let mut receiver = receiving(&entries(), ReceiverParams::default());
    receiver.abort(AbortCode::Declined, "no");
    receiver.need(&[0..1]);
    receiver.need_stream();
    receiver.check(1, &[Digest::ZERO]);
    receiver.compare(BIG, &Digest::ZERO);
    receiver.questions_end();
    let (said, _) = drain_receiver(&mut receiver);
    assert!(matches!(&said[..], [Message::Abort(_)]), "{said:?}");
    assert!(receiver.handle_data(&range(BIG, 1, BLOCK_SIZE)).is_err());
}

#[test]
fn deadlines_come_and_go() {
    let mut receiver = Receiver::new(ReceiverParams::default());
    let offer = receiver.poll_timeout().expect("an offer is due");
    assert_eq!(offer.at, TransferTimeouts::default().offer);
    receiver.handle_timeout(offer.at / 2).expect("not yet");
    assert!(matches!(receiver.handle_timeout(offer.at), Err(TransferError::TimedOut { .. })));
    assert!(
        matches!(&drain_receiver(&mut receiver).0[..], [Message::Abort(abort)] if abort.kind() == AbortCode::TimedOut)
    );
    assert!(receiver.poll_timeout().is_none());

    let mut receiver = receiving(&entries(), ReceiverParams::default());
    assert!(receiver.poll_timeout().is_none(), "storing takes as long as it takes");
    receiver.questions_end();
    receiver.handle_data(&end()).expect("nothing was asked");
    let now = Duration::from_secs(1000);
    receiver.report(now, Vec::new(), ReportTotals::default());
    assert_eq!(receiver.poll_timeout().expect("BYE is due").at, now + TransferTimeouts::default().bye);
    receiver.handle_timeout(now + TransferTimeouts::default().bye).expect("in peace");
    assert!(matches!(&drain_receiver(&mut receiver).1[..], [ReceiverEvent::Closed]));

    let mut sender = serving_sender(&entries());
    assert!(sender.poll_timeout().is_none());
    tell(&mut sender, &Message::NeedEnd).expect("no questions");
    sender.handle_frame(now, &Message::ReportEnd(ReportTotals::default()).encode()).expect("a result");
    drain_sender(&mut sender);
    sender.handle_timeout(now);
    assert!(sender.poll_event().is_none());
    sender.handle_timeout(sender.poll_timeout().expect("BYE is due").at);
    assert!(matches!(sender.poll_event(), Some(SenderEvent::Closed)));
}

/// What the receiver's driver may call too early or too often does no harm.
#[test]
fn questions_wait_for_their_time() {
    let mut receiver = Receiver::new(ReceiverParams::default());
    receiver.accept_open().expect("nothing offered");
    receiver.need(&[0..9]);
    assert!(!receiver.accept_exact().expect("nothing listed"));
    assert!(receiver.poll_frame().is_none());

    let mut receiver = receiving(&entries(), ReceiverParams::default());
    assert!(!receiver.accept_exact().expect("accepted already"));
    receiver.need_stream();
    receiver.need_stream();
    receiver.compare(BIG, &Digest::ZERO);
    receiver.questions_end();
    assert_eq!(drain_receiver(&mut receiver).0.len(), 2, "one stream, one comparison, no end");
    receiver.handle_data(&DataHeader { last: true, ..range(STREAM, 5, 0) }).expect("an empty stream");
    receiver.need_stream();
    tell_receiver(&mut receiver, &Message::Compared(Compared { entry: BIG, same: false }))
        .expect("an answer");
    receiver.questions_end();
    receiver.questions_end();
    assert!(matches!(&drain_receiver(&mut receiver).0[..], [Message::NeedEnd]));

    let mut sender = listed_sender(&entries());
    drain_sender(&mut sender);
    assert!(matches!(sender.listed(), Err(TransferError::Misuse { .. })));
    sender.compared(BIG, true);
    assert!(sender.poll_frame().is_none(), "an answer to no question");
}

#[test]
fn long_questions_are_split() {
    let blocks = (config::MAX_NEED_RANGES as u64 + 1) * 2;
    let mut receiver = receiving(&[file("long", blocks * BLOCK_SIZE)], ReceiverParams::default());
    let ranges: Vec<_> = (0..blocks).step_by(2).map(|first| first..first + 1).collect();
    receiver.need(&ranges);
    let sizes: Vec<_> = drain_receiver(&mut receiver)
        .0
        .iter()
        .map(|message| if let Message::Need(need) = message { need.ranges.len() / 2 } else { 0 })
        .collect();
    assert_eq!(sizes, [config::MAX_NEED_RANGES, 1]);

    let mut receiver = receiving(&[file("long", blocks * BLOCK_SIZE)], ReceiverParams::default());
    receiver.check(1, &vec![Digest::ZERO; MAX_CHECKED_DIGESTS + 1]);
    let firsts: Vec<_> = drain_receiver(&mut receiver)
        .0
        .iter()
        .map(|message| {
            if let Message::Check(check) = message { (check.first, check.digests.len() / 32) } else { (0, 0) }
        })
        .collect();
    assert_eq!(firsts, [(1, MAX_CHECKED_DIGESTS), (1 + MAX_CHECKED_DIGESTS as u64, 1)]);
}

/// The largest file that a manifest can hold is asked for, served and given up at once.
#[test]
fn a_huge_file_takes_no_time() {
    let entries = [file("huge", u64::MAX)];
    let mut receiver = receiving(&entries, ReceiverParams::default());
    let blocks = receiver.blocks().closed();
    receiver.need(&[0..blocks]);
    let (said, _) = drain_receiver(&mut receiver);
    let mut sender = serving_sender(&entries);
    tell(&mut sender, &said[0]).expect("listed");
    receiver.handle_data(&fail(0, Status::SourceUnreadable)).expect("asked for");
    receiver.questions_end();
    receiver.handle_data(&end()).expect("all is settled");
    assert!(receiver.is_answered());
}

/// Reports are put in order, cut and split, so that the sender takes them.
#[test]
fn reports_arrive() {
    let entries: Vec<_> = (0..3000).map(|number| file(&format!("f{number}"), 0)).collect();
    let mut receiver = receiving(&entries, ReceiverParams::default());
    receiver.questions_end();
    receiver.handle_data(&end()).expect("nothing was asked");
    let text = "x".repeat(2 * MAX_TEXT);
    let reports =
        (0..3000).rev().chain(0..9).map(|entry| EntryReport { entry, status: 3, text: text.clone() });
    receiver.report(
        Duration::ZERO,
        reports.collect(),
        ReportTotals { equal: 3000, ..ReportTotals::default() },
    );

    let mut sender = serving_sender(&entries);
    while let Some(frame) = receiver.poll_frame() {
        sender.handle_frame(Duration::ZERO, &frame).expect("good reports");
    }
    let mut heard = 0;
    let mut finished = false;
    while let Some(event) = sender.poll_event() {
        match event {
            SenderEvent::Reports(reports) => heard += reports.len(),
            SenderEvent::Finished(totals) => finished = totals.equal == 3000,
            _ => {}
        }
    }
    assert_eq!((heard, finished), (3000, true));
}
