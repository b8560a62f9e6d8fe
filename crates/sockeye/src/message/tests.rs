//! Which reads a message came in, and how it is cut when sent.

use proptest::prelude::*;

use super::*;

fn messages(inbound: &mut Inbound) -> Vec<(Vec<u8>, (u64, u64))> {
    let mut found = Vec::new();
    while let Some(received) = inbound.next() {
        match received {
            Received::Message { payload, spot, .. } => found.push((payload.to_vec(), spot.reads)),
            other => panic!("{other:?}"),
        }
    }
    found
}

#[test]
fn l4_messages_that_meet_and_messages_that_are_torn_are_told_by_their_reads() {
    let mut inbound = Inbound::new(Some("len:u8".parse().unwrap()));
    inbound.read(b"\x01a\x02bc\x03d");
    assert_eq!(
        messages(&mut inbound),
        [(b"a".to_vec(), (1, 1)), (b"bc".to_vec(), (1, 1))],
        "two met in one read"
    );
    assert!(inbound.is_inside());
    inbound.read(b"e");
    assert!(messages(&mut inbound).is_empty());
    inbound.read(b"f\x00");
    assert_eq!(
        messages(&mut inbound),
        [(b"def".to_vec(), (1, 3)), (b"".to_vec(), (3, 3))],
        "one came in three"
    );
    assert_eq!((inbound.finish(), inbound.is_inside()), (Ok(()), false));
    inbound.read(b"\x02x");
    assert!(inbound.finish().is_err());
}

#[test]
fn a_message_of_very_many_reads_is_told_with_its_first_and_last() {
    let mut inbound = Inbound::new(Some("len:u16be".parse().unwrap()));
    let mut stream = vec![0x10, 0x00];
    stream.extend([7; 0x1000]);
    for byte in &stream {
        assert!(messages(&mut inbound).is_empty());
        inbound.read(&[*byte]);
    }
    assert_eq!(messages(&mut inbound)[0].1, (1, 0x1002));
}

#[test]
fn without_a_framing_each_read_is_a_message_an_empty_one_too() {
    let mut inbound = Inbound::new(None);
    inbound.read(b"one");
    assert_eq!(messages(&mut inbound), [(b"one".to_vec(), (1, 1))]);
    inbound.read(b"");
    assert_eq!(messages(&mut inbound), [(b"".to_vec(), (2, 2))]);
    assert_eq!(inbound.received(), 3);
}

fn cut(split: Split, header_len: usize, len: usize) -> Vec<usize> {
    let mut cuts = Cuts::new(split, 1);
    let (mut done, mut pieces) = (0, Vec::new());
    while done < len {
        let piece = cuts.next(done, header_len, len - done);
        pieces.push(piece);
        done += piece;
    }
    pieces
}

#[test]
fn splits_are_read_and_do_what_they_say() {
    assert_eq!(cut(Split::One, 4, 10), [10]);
    assert_eq!(cut(Split::Bytes, 4, 3), [1, 1, 1]);
    assert_eq!(cut(Split::Header, 4, 10), [2, 5, 3], "inside the header, then inside the payload");
    assert_eq!(cut(Split::Header, 0, 10), [5, 5]);
    assert_eq!(cut(Split::Header, 1, 1), [1]);
    assert_eq!(cut(Split::Random(Some(7)), 4, 9000), cut(Split::Random(Some(7)), 4, 9000));
    assert_ne!(cut(Split::Random(Some(7)), 4, 9000), cut(Split::Random(Some(8)), 4, 9000));
    for text in ["one", "all", "bytes", "random", "random:42", "header"] {
        assert_eq!(text.parse::<Split>().unwrap().to_string(), text);
    }
    assert!("random:x".parse::<Split>().unwrap_err().to_string().contains("random:SEED"));
}

#[test]
fn a_header_longer_than_its_message_is_cut_like_one() {
    assert_eq!(cut(Split::Header, 11, 6).iter().sum::<usize>(), 6);
}

proptest! {
    #[test]
    fn any_cut_covers_the_message_in_steps_forward(seed: u64, header in 0_usize..20, len in 1_usize..10_000) {
        for split in [Split::Random(Some(seed)), Split::Header, Split::Bytes, Split::All] {
            let pieces = cut(split, header, len);
            prop_assert_eq!(pieces.iter().sum::<usize>(), len);
            prop_assert!(pieces.iter().all(|piece| *piece > 0));
        }
    }
}
