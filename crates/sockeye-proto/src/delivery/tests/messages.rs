use std::{vec, vec::Vec};

use proptest::prelude::*;

use crate::{
    content::Digest,
    delivery::{
        BlockDigest, DeliveryMessage, Digests, Feedback, Flow, Heard, Invite, MAX_NACKS, Missing, Nack,
        PacketHeader, PacketKind, Report, State, fuzz,
    },
};

#[test]
fn headers_are_the_bytes_of_the_specification() {
    let header = PacketHeader {
        kind: PacketKind::Symbol,
        fresh: true,
        session: 0x0203,
        counter: 0x0405_0607,
        time: 0x0008_090a,
        block: 0x0b0c_0d0e,
        symbol: 0x0f,
    };
    let bytes = [0x11, 0x80, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    assert_eq!(header.encode(), bytes);
    assert_eq!(PacketHeader::decode(&bytes), Ok(header));
    assert!(PacketHeader::decode(&bytes[..15]).is_err());
    for (at, value) in [(0, 0x21), (0, 0x10), (0, 0x15), (1, 0x40), (1, 0x81)] {
        let mut other = bytes;
        other[at] = value;
        assert!(PacketHeader::decode(&other).is_err(), "{at} {value:#x}");
    }
}

#[test]
fn bodies_are_the_bytes_of_the_specification() {
    let known = BlockDigest { digest: Digest::from([7; 32]), doubtful: true, withheld: false };
    let digests = Digests { first: 64, blocks: vec![Some(known), None] };
    let mut bytes = vec![0, 0, 0, 64, 2, 1];
    bytes.extend([7; 32]);
    bytes.push(4);
    bytes.extend([0; 32]);
    assert_eq!(digests.encode(), bytes);
    assert_eq!(Digests::decode(&bytes), Ok(digests));
    assert!(Digests::decode(&bytes[..bytes.len() - 1]).is_err());
    bytes[5] = 8;
    assert!(Digests::decode(&bytes).is_err(), "an unknown flag");

    let state = State {
        passed_all: true,
        members: 3,
        round_trip: core::time::Duration::from_micros(1_500),
        position: 9,
        adverts: vec![(8, 187)],
    };
    let bytes = [1, 0, 0, 0, 3, 0, 0, 5, 0xdc, 0, 0, 0, 9, 0, 0, 0, 8, 0, 187];
    assert_eq!(state.encode(), bytes);
    assert_eq!(State::decode(&bytes), Ok(state));
    for len in 0..bytes.len() {
        assert_eq!(State::decode(&bytes[..len]).is_ok(), len == 13, "{len}");
    }
}

fn messages() -> Vec<DeliveryMessage> {
    let flow = Flow { session: 7, address: vec![239, 255, 1, 2], port: 46_711 };
    vec![
        DeliveryMessage::Invite(Invite {
            key: [1; 32],
            signer: [2; 32],
            symbol_len: 1_420,
            flows: vec![flow],
        }),
        DeliveryMessage::Heard(Heard { probes: vec![4, 0] }),
        DeliveryMessage::Feedback(Feedback {
            nacks: vec![Nack { block: 3, missing: 2, seen: 185 }],
            report: Some(Report { sent: 100, received: 99, ..Report::default() }),
        }),
        DeliveryMessage::PassEnd,
        DeliveryMessage::Missing(Missing { ranges: vec![3, 2, 9, 1], more: false }),
        DeliveryMessage::WantDigests { first: 64 },
    ]
}

#[test]
fn messages_come_back_as_they_went() {
    for message in messages() {
        let frame = message.encode();
        assert!(DeliveryMessage::is_one(&frame), "{message:?}");
        assert_eq!(DeliveryMessage::decode(&frame), Ok(Some(message)));
        for len in 0..frame.len() {
            assert!(DeliveryMessage::decode(&frame[..len]).is_err(), "{frame:?} {len}");
        }
    }
}

#[test]
fn what_breaks_a_bound_is_refused() {
    let flow = |len: usize| Flow { session: 1, address: vec![1; len], port: 1 };
    let invite = |symbol_len, flows| Invite { key: [0; 32], signer: [0; 32], symbol_len, flows };
    let nack = Nack { block: 0, missing: 1, seen: 0 };
    let bad = [
        DeliveryMessage::Invite(invite(1_420, vec![])),
        DeliveryMessage::Invite(invite(1_420, vec![flow(4); 5])),
        DeliveryMessage::Invite(invite(1_420, vec![flow(5)])),
        DeliveryMessage::Invite(invite(1_135, vec![flow(4)])),
        DeliveryMessage::Invite(invite(8_921, vec![flow(16)])),
        DeliveryMessage::Heard(Heard { probes: vec![0; 5] }),
        DeliveryMessage::Feedback(Feedback { nacks: vec![nack; MAX_NACKS + 1], report: None }),
        DeliveryMessage::Missing(Missing { ranges: vec![1], more: false }),
        DeliveryMessage::Missing(Missing { ranges: vec![1, 0], more: false }),
        DeliveryMessage::Missing(Missing { ranges: vec![4, 2, 5, 1], more: false }),
        DeliveryMessage::Missing(Missing { ranges: vec![u64::MAX, 2], more: false }),
    ];
    for message in bad {
        assert!(DeliveryMessage::decode(&message.encode()).is_err(), "{message:?}");
    }
}

proptest! {
    #[test]
    fn any_schedule_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz::fuzz_machines(&bytes);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0x40u16..0x50) {
        fuzz::fuzz_packet(&bytes);
        let mut frame = (0x8000 | kind).to_be_bytes().to_vec();
        frame.extend(bytes);
        fuzz::fuzz_message(&frame);
    }
}
