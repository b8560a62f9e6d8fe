//! What must hold for any bytes.

use core::time::Duration;

use super::{
    CastEvent, CastParams, Caster, DeliveryMessage, Digests, Feedback, Listener, PacketHeader, PacketKind,
    State, Transmit, Verdict, ticks,
};

/// Whatever decodes as a packet or one of its bodies encodes to the same bytes.
pub fn fuzz_packet(data: &[u8]) {
    if let Ok(header) = PacketHeader::decode(data) {
        assert_eq!(header.encode(), data[..super::HEADER_LEN]);
    }
    if let Ok(digests) = Digests::decode(data) {
        assert_eq!(Digests::decode(&digests.encode()), Ok(digests));
    }
    if let Ok(state) = State::decode(data) {
        assert_eq!(state.encode(), data);
    }
}

/// Whatever decodes as a message says the same when it is encoded and decoded once more.
pub fn fuzz_message(data: &[u8]) {
    if let Ok(Some(message)) = DeliveryMessage::decode(data) {
        assert_eq!(DeliveryMessage::decode(&message.encode()), Ok(Some(message)));
    }
}

/// An honest member and one that says anything, packets that are lost and packets that are invented: the sender never sends without
/// bound, the honest member is complete or says what it lacks.
pub fn fuzz_machines(data: &[u8]) {
    const BLOCKS: u64 = 4;
    const SOURCES: u16 = 20;
    let mut caster = Caster::new(&CastParams { wire_len: 1_494, max_rate: None });
    let mut honest = Listener::new(1);
    honest.need(0..BLOCKS);
    let needs = core::slice::from_ref(&(0..BLOCKS)).to_vec();
    let mut now = Duration::from_millis(1);
    caster.join(now, 1, &needs);
    caster.join(now, 2, &needs);
    let mut bytes = data.iter().copied();
    let (mut sent, mut nacked, mut complete) = (0u64, 0u64, 0u64);
    while let Some(byte) = bytes.next() {
        now += Duration::from_micros(u64::from(byte) * 40 + 1);
        match byte % 4 {
            // A member says anything.
            0 => {
                let mut lie = [0; 6];
                for lie in &mut lie {
                    *lie = bytes.next().unwrap_or(0);
                }
                let nack = super::Nack {
                    block: u32::from(lie[0] % 8),
                    missing: u16::from_be_bytes([lie[1] % 2, lie[2]]),
                    seen: u16::from_be_bytes([lie[3], lie[4]]),
                };
                nacked += u64::from(nack.missing);
                let span = u32::from(lie[5]) * 1_000;
                let report = super::Report {
                    sent: 9,
                    received: lie[4].into(),
                    sent_span: span,
                    queue: span,
                    ..Default::default()
                };
                let report = (lie[5] % 2 == 0).then_some(report);
                caster.handle_feedback(now, 2, &Feedback { nacks: [nack].to_vec(), report });
            }
            // A packet that nobody sent, but a member could have.
            1 => {
                let (block, symbol) = (u32::from(bytes.next().unwrap_or(0)), bytes.next().unwrap_or(0));
                let header = header(now, byte.into(), block, symbol, byte & 4 != 0);
                honest.handle_packet(now, &header);
                complete += u64::from(honest.handle_symbol(now, &header, SOURCES) == Verdict::Complete);
            }
            _ => {}
        }
        for _ in 0..64 {
            let Some(transmit) = caster.poll_transmit(now, |_| SOURCES) else { break };
            match transmit {
                Transmit::Symbols { block, first, count, fresh } => {
                    assert!(count > 0 && block < BLOCKS, "{block} {count}");
                    sent += u64::from(count);
                    for number in first..first + count {
                        let symbol = number.to_be_bytes()[1];
                        let block = u32::try_from(block).unwrap_or(0);
                        let header = header(now, u32::from(number), block, symbol, fresh);
                        if !(sent + u64::from(symbol)).is_multiple_of(7) {
                            honest.handle_packet(now, &header);
                            let verdict = honest.handle_symbol(now, &header, SOURCES);
                            complete += u64::from(verdict == Verdict::Complete);
                        }
                    }
                }
                Transmit::State(state) => honest.handle_state(now, &state),
            }
        }
        if let Some(feedback) = honest.poll_feedback(now, 0, 0) {
            nacked += feedback.nacks.iter().map(|nack| u64::from(nack.missing)).sum::<u64>();
            caster.handle_feedback(now, 1, &feedback);
        }
        caster.handle_timeout(now);
        while let Some(event) = caster.poll_event() {
            assert!(matches!(event, CastEvent::PassEnd | CastEvent::TooSlow(_)));
        }
    }
    let most = BLOCKS * u64::from(SOURCES) * 4 + nacked;
    assert!(sent <= most, "{sent} symbols sent, {nacked} asked for");
    let missing: u64 = honest.missing().iter().map(|run| run.end - run.start).sum();
    assert_eq!(missing + complete, BLOCKS);
}

fn header(now: Duration, counter: u32, block: u32, symbol: u8, fresh: bool) -> PacketHeader {
    PacketHeader { kind: PacketKind::Symbol, fresh, session: 1, counter, time: ticks(now), block, symbol }
}
