//! The examples of the specification are what the code writes and reads.

use alloc::{format, string::String, vec, vec::Vec};

use super::*;

const PAGE: &str = include_str!("../../../../../specs/04-transfer.md");

/// The bytes of an example of the specification; what follows a semicolon is comment.
fn golden(name: &str) -> Vec<u8> {
    let start = format!("<!-- golden: {name} -->");
    let (_, rest) =
        PAGE.split_once(start.as_str()).unwrap_or_else(|| panic!("no {name} in the specification"));
    let (example, _) = rest.split_once("<!-- end -->").expect("the example ends");
    example
        .lines()
        .filter(|line| !line.starts_with("```"))
        .flat_map(|line| line.split(';').next().unwrap_or("").split_whitespace())
        .map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits"))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

fn messages() -> Vec<(&'static str, Message)> {
    let listed = Listed { digest: [0xd1; 32], entries: 4, bytes: 300_000 };
    vec![
        ("OFFER", Message::Offer(Offer { transfer: [0x77; 32], delivery: 0 })),
        ("SEGMENT", Message::Segment(SegmentMessage { index: 1, bytes: vec![1, 0, 0xee] })),
        ("NOTE", Message::Note(Note { path: b"a/b".to_vec(), status: 9, text: "no".into() })),
        ("LISTED", Message::Listed(listed.clone())),
        ("COMPARED", Message::Compared(Compared { entry: 24, same: true })),
        ("ACCEPT exact", Message::Accept(Accept { exact: Some(listed), max_bytes: None })),
        ("ACCEPT open", Message::Accept(Accept { exact: None, max_bytes: Some(1 << 30) })),
        ("NEED", need(&[0, 2, 7, 0])),
        ("CHECK", Message::Check(Check { first: 2, digests: vec![0xc4; 32] })),
        ("COMPARE", Message::Compare(Compare { entry: 24, digest: [0xc5; 32] })),
        ("NEED_END", Message::NeedEnd),
        (
            "RESULT",
            Message::Reports(Reports {
                entries: vec![EntryReport { entry: 3, status: 3, text: "no".into() }],
            }),
        ),
        (
            "RESULT_END",
            Message::ReportEnd(ReportTotals {
                files: 1,
                directories: 2,
                symlinks: 3,
                bytes: 300_000,
                bytes_here: 5,
                failed: 6,
                equal: 7,
            }),
        ),
        ("BYE", Message::Bye),
        ("ABORT", Message::Abort(Abort::new(AbortCode::Declined, "no"))),
    ]
}

fn headers() -> Vec<(&'static str, DataHeader)> {
    let digest = Digest::from([0xd2; 32]);
    vec![
        ("RANGE", DataHeader { last: true, doubtful: true, digest, ..range(6, 7, 3) }),
        ("PACK", DataHeader { digest, ..pack(1, 0, 101) }),
        ("SAME", DataHeader { digest, ..same(2) }),
        ("FAIL", DataHeader { stored: 2, ..fail(3, Status::SourceChanged) }),
        ("END", end()),
    ]
}

#[test]
fn every_message_is_as_the_page_says() {
    for (name, message) in messages() {
        let bytes = golden(name);
        assert_eq!(hex(&message.encode()), hex(&bytes), "{name}");
        assert_eq!(decoded(&bytes), message, "{name}");
    }
}

#[test]
fn every_data_header_is_as_the_page_says() {
    for (name, header) in headers() {
        let bytes = golden(name);
        assert_eq!(hex(&header.encode()), hex(&bytes), "{name}");
        let bytes = bytes.first_chunk().expect("56 bytes");
        assert_eq!(DataHeader::decode(bytes).expect("well formed"), header, "{name}");
    }
}

#[test]
fn a_lane_proves_itself_as_the_page_says() {
    let key = LaneKey::new(&[0x5e; 32]);
    let proof = |role| key.proof(role, &[0xe0; 32], b"dialer's", b"listener's");
    let opening = [&key.session_id()[..], &proof(LaneRole::Dialer)].concat();
    assert_eq!(hex(&opening), hex(&golden("lane opening")));
    assert_eq!(hex(&proof(LaneRole::Listener)), hex(&golden("lane answer")));
}

#[test]
fn the_page_lists_every_kind_and_code() {
    for (name, message) in messages() {
        let name = name.split(' ').next().expect("a name");
        let kind = u16::from_be_bytes([message.encode()[0], message.encode()[1]]);
        assert!(PAGE.contains(&format!("| {:02x} | {name} |", kind & 0x7fff)), "{name}");
    }
    for status in Status::ALL {
        assert!(PAGE.contains(&format!("\n| {} | ", *status as u8)), "{status:?}");
    }
    for code in AbortCode::ALL {
        assert!(PAGE.contains(&format!("| {} | ", *code as u8)), "{code:?}");
    }
}
