//! What is written is read back, and what is read is what was written.

use alloc::{string::String, vec, vec::Vec};

use proptest::{collection, prelude::*, sample};

use crate::envelope;

use super::{super::config::*, super::fuzz::*, *};

fn digest() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,40}"
}

fn listed() -> impl Strategy<Value = Listed> {
    (digest(), any::<u64>(), any::<u64>()).prop_map(|(digest, entries, bytes)| Listed {
        digest,
        entries,
        bytes,
    })
}

fn report() -> impl Strategy<Value = EntryReport> {
    (any::<u32>(), any::<u8>(), text()).prop_map(|(entry, status, text)| EntryReport { entry, status, text })
}

fn from_sender() -> impl Strategy<Value = Message> {
    let bytes = || collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        (digest(), any::<u8>()).prop_map(|(transfer, delivery)| Message::Offer(Offer { transfer, delivery })),
        (any::<u32>(), bytes()).prop_map(|(index, bytes)| Message::Segment(SegmentMessage { index, bytes })),
        (bytes(), any::<u8>(), text()).prop_map(|(path, status, text)| Message::Note(Note {
            path,
            status,
            text
        })),
        listed().prop_map(Message::Listed),
        (any::<u32>(), any::<bool>()).prop_map(|(entry, same)| Message::Compared(Compared { entry, same })),
    ]
}

fn from_receiver() -> impl Strategy<Value = Message> {
    let pairs = collection::vec((any::<u64>(), any::<u64>()), 1..20);
    let flat = pairs.prop_map(|pairs| pairs.into_iter().flat_map(|(first, count)| [first, count]).collect());
    prop_oneof![
        (prop::option::of(listed()), any::<Option<u64>>())
            .prop_map(|(exact, max_bytes)| Message::Accept(Accept { exact, max_bytes })),
        (flat, any::<u8>(), any::<u8>()).prop_map(|(ranges, exponent, algorithm)| Message::Need(Need {
            ranges,
            exponent,
            algorithm
        })),
        (any::<u64>(), collection::vec(digest(), 1..9))
            .prop_map(|(first, digests)| Message::Check(Check { first, digests: digests.concat() })),
        (any::<u32>(), digest()).prop_map(|(entry, digest)| Message::Compare(Compare { entry, digest })),
        collection::vec(report(), 1..9).prop_map(|entries| Message::Reports(Reports { entries })),
        any::<[u64; 7]>().prop_map(|[files, directories, symlinks, bytes, bytes_here, failed, equal]| {
            let totals = ReportTotals { files, directories, symlinks, bytes, bytes_here, failed, equal };
            Message::ReportEnd(totals)
        }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let both = prop_oneof![
        Just(Message::NeedEnd),
        Just(Message::Bye),
        (any::<u8>(), text()).prop_map(|(code, text)| Message::Abort(Abort { code, text })),
    ];
    prop_oneof![from_sender(), from_receiver(), both]
}

fn header() -> impl Strategy<Value = DataHeader> {
    let kinds = [DataKind::Range, DataKind::Pack, DataKind::Same, DataKind::Fail, DataKind::End];
    let numbers = (any::<bool>(), any::<bool>(), 0..=MAX_DATA_BODY, any::<u32>(), any::<u64>(), digest());
    (sample::select(kinds.to_vec()), numbers).prop_map(
        |(kind, (last, doubtful, len, entry, block, digest))| {
            let (plain, stored) = match kind {
                DataKind::Range | DataKind::Pack => (len, len),
                DataKind::Fail => (0, len % 513),
                _ => (0, 0),
            };
            let last = last && kind == DataKind::Range;
            DataHeader { kind, last, doubtful, plain, stored, entry, block, digest: Digest::from(digest) }
        },
    )
}

proptest! {
    #[test]
    fn messages_round_trip(message in message()) {
        let frame = message.encode();
        prop_assert_eq!(decoded(&frame), message);
    }

    #[test]
    fn a_message_cut_anywhere_is_refused(message in message(), cut in any::<sample::Index>()) {
        let frame = message.encode();
        prop_assert!(Message::decode(&frame[..cut.index(frame.len())]).is_err());
    }

    #[test]
    fn a_message_with_more_after_it_is_refused(message in message(), more in 1usize..9) {
        let mut frame = message.encode();
        frame.resize(frame.len() + more, 0);
        let is_refused = matches!(Message::decode(&frame), Err(TransferError::Malformed { .. }));
        prop_assert!(is_refused);
    }

    #[test]
    fn headers_round_trip(header in header()) {
        prop_assert_eq!(DataHeader::decode(&header.encode()).expect("well formed"), header);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in collection::vec(any::<u8>(), 0..400)) {
        fuzz_message(&bytes);
        fuzz_data_header(&bytes);
        fuzz_machines(&bytes);
    }

    #[test]
    fn any_messages_do_no_harm(messages in collection::vec(message(), 0..12)) {
        fuzz_machines(&in_script(&messages));
    }
}

/// Messages as the fuzz target for machines reads them.
fn in_script(messages: &[Message]) -> Vec<u8> {
    let frames = messages.iter().map(Message::encode).filter(|frame| frame.len() < 256);
    frames.flat_map(|frame| [vec![u8::try_from(frame.len()).expect("short")], frame].concat()).collect()
}

#[test]
fn the_largest_messages_fit_a_frame() {
    let text = "\u{1f41f}".repeat(MAX_TEXT / 4);
    let report = EntryReport { entry: u32::MAX, status: 12, text: text.clone() };
    let largest = [
        Message::Segment(SegmentMessage { index: u32::MAX, bytes: vec![0; crate::content::SEGMENT_SIZE] }),
        Message::Note(Note { path: vec![b'x'; MAX_NOTE_PATH], status: 9, text }),
        need(&vec![u64::MAX; 2 * MAX_NEED_RANGES]),
        Message::Check(Check { first: u64::MAX, digests: vec![0; 32 * MAX_CHECKED_DIGESTS] }),
        Message::Reports(Reports { entries: vec![report; MAX_RESULT_ENTRIES] }),
    ];
    for message in largest {
        let frame = message.encode();
        assert!(frame.len() <= envelope::MAX_CONTROL_FRAME, "{} bytes", frame.len());
        assert_eq!(decoded(&frame), message);
    }
}

/// Later versions add fields; this one skips them, however deep they are.
#[test]
fn unknown_fields_are_skipped() {
    let mut body = vec![0xa3, 0x00, 0x18, 0x18, 0x01, 0xf5, 0x09];
    body.resize(body.len() + 500_000, 0x81);
    body.push(0x00);
    let mut frame = Vec::new();
    envelope::encode(kind::COMPARED, true, &body, &mut frame);
    assert_eq!(decoded(&frame), Message::Compared(Compared { entry: 24, same: true }));
}

/// Numbers of later versions have a meaning all the same.
#[test]
fn unknown_codes_are_general() {
    for number in 0..=u8::MAX {
        let status = Status::ALL.iter().find(|&&status| status as u8 == number);
        assert_eq!(Status::from_wire(number), status.copied().unwrap_or(Status::Failed));
        let code = AbortCode::ALL.iter().find(|&&code| code as u8 == number);
        assert_eq!(AbortCode::from_wire(number), code.copied().unwrap_or(AbortCode::Other));
    }
    assert_eq!(Abort { code: 200, text: String::new() }.kind(), AbortCode::Other);
}

#[test]
fn texts_are_cut_at_a_character() {
    let abort = Abort::new(AbortCode::Io, &"\u{1f41f}x".repeat(200));
    assert!(abort.text.len() <= MAX_TEXT && abort.text.len() > MAX_TEXT - 4);
    assert_eq!(Abort::new(AbortCode::Io, "short").text, "short");
}

/// A conversation that gets far is among the inputs.
#[test]
fn a_whole_conversation_does_no_harm() {
    let mut script = Vec::new();
    for frame in listing(&entries()).iter().filter(|frame| frame.len() < 256) {
        script.push(u8::try_from(frame.len()).expect("short"));
        script.extend_from_slice(frame);
    }
    script.extend(in_script(&[open_accept(), need(&[0, 5, 5, 0]), Message::NeedEnd, Message::Bye]));
    for header in [range(BIG, 1, BLOCK_SIZE), pack(SMALL, 0, 101), end()] {
        script.push(56);
        script.extend(header.encode());
    }
    fuzz_machines(&script);
    (0..script.len()).for_each(|cut| fuzz_machines(&script[..cut]));
}
