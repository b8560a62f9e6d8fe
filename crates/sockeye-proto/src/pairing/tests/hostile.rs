//! Peers that do not play by the rules, and attackers in the middle.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::bench::{Driver, NOW, channel, code, dialer, knocker, listener, plain, run};
use crate::{
    envelope,
    hello::{Hello, Incompatible, Intent},
    pairing::{
        Binding, Crypto, Dialer, Listener, PairingConfig, PairingError, PairingEvent, Reason, Role,
        fuzz::{Toy, fuzz_code, fuzz_machines, fuzz_message},
        knock,
        wire::Message,
    },
};

/// One honest message of each kind.
fn messages() -> Vec<Message> {
    vec![
        Message::Hello(Hello::new(0, 0, None, Intent::PairCode)),
        Message::Attempt { nameplate: 4821, pake: vec![b'A'; 33] },
        Message::Answer { pake: vec![b'B'; 33] },
        Message::Confirm { tag: [1; 32] },
        Message::Knock { tag: [2; 32] },
        Message::Knocked { tag: [3; 32] },
        Message::Identity { key: [4; 32], signature: [5; 64] },
    ]
}

/// Lets `count` frames through in all, then gives what comes next to `instead`.
fn after(
    count: usize,
    mut instead: impl FnMut(Role, &[u8]) -> Vec<Vec<u8>>,
) -> impl FnMut(Role, Vec<u8>) -> Vec<Vec<u8>> {
    let mut seen = 0;
    move |role, frame| {
        seen += 1;
        if seen <= count { vec![frame] } else { instead(role, &frame) }
    }
}

#[test]
fn a_message_out_of_turn_ends_it_for_both() {
    for step in 0..8 {
        for wrong in messages() {
            let mut replaced = None;
            let mut inject = after(step, |role, frame| {
                let right = Message::decode(frame).unwrap().unwrap();
                if replaced.is_none() && core::mem::discriminant(&right) != core::mem::discriminant(&wrong) {
                    replaced = Some(role);
                    return vec![wrong.encode()];
                }
                vec![frame.to_vec()]
            });
            let (d, l) = run(&mut dialer(), &mut listener(), &Driver::default(), &mut inject);
            drop(inject);
            let Some(role) = replaced else { continue };
            let (victim, other) = if role == Role::Dialer { (&l, &d) } else { (&d, &l) };
            assert_eq!(victim.error, Some(PairingError::Misbehaved(wrong.name())), "step {step}");
            assert!(victim.paired().is_none());
            // Only the listener's last message comes after the listener is content.
            assert!(other.refused() == Some(Reason::Protocol) || other.paired().is_some() && step == 7);
        }
    }
}

#[test]
fn an_attacker_in_the_middle_cannot_join_two_channels() {
    // It runs one channel with each side and copies everything from one to the other.
    for part in 0..3 {
        let mut theirs = channel(1);
        match part {
            0 => theirs.exporter = [9; 32],
            1 => theirs.dialer_key = vec![9; 44],
            _ => theirs.listener_key = vec![9; 44],
        }
        let mut dialer = Dialer::with_code(&PairingConfig::default(), Toy::new(1), theirs.clone(), code());
        let (d, l) = plain(&mut dialer, &mut listener(), &Driver::default());
        assert!(l.wrong_code() && d.paired().is_none(), "part {part}");
        assert!(d.refused() == Some(Reason::WrongCode) && dialer.tag_is_at_risk());

        let key = Zeroizing::new([5; 32]);
        let config = PairingConfig::default();
        let mut dialer = Dialer::with_pair_key(&config, Toy::new(1), theirs, key, Toy::new(2).identity());
        let driver = Driver { known: vec![([5; 32], Toy::new(1).identity())], ..Driver::default() };
        let (d, l) = plain(&mut dialer, &mut listener(), &driver);
        assert!(d.refused() == Some(Reason::NotRemembered) && l.paired().is_none(), "part {part}");
    }
}

#[test]
fn what_was_said_cannot_be_said_again() {
    let mut heard = Vec::new();
    run(&mut dialer(), &mut listener(), &Driver::default(), |role, frame| {
        if role == Role::Dialer {
            heard.push(frame.clone());
        }
        vec![frame]
    });
    // The same frames at a listener that draws other randomness fail at the tag.
    let mut listener = Listener::new(&PairingConfig::default(), Toy::new(3), channel(1));
    let mut wrong = false;
    for frame in &heard {
        if listener.handle_frame(NOW, frame).is_err() {
            break;
        }
        while let Some(event) = listener.poll_event() {
            Driver::default().decide(&mut listener, &event);
            wrong |= matches!(event, PairingEvent::WrongCode);
        }
    }
    assert!(wrong && listener.is_closed());
}

#[test]
fn a_side_does_not_talk_to_its_mirror() {
    // Everything the dialer says comes back to it.
    let mut mirrored = dialer();
    let hello = mirrored.poll_frame().unwrap();
    mirrored.handle_frame(NOW, &hello).unwrap();
    let attempt = Message::decode(&mirrored.poll_frame().unwrap()).unwrap().unwrap();
    let Message::Attempt { pake, .. } = attempt else { panic!() };
    let back = Message::Answer { pake }.encode();
    assert_eq!(
        mirrored.handle_frame(NOW, &back),
        Err(PairingError::Misbehaved("our own PAKE message sent back"))
    );
    assert!(!mirrored.tag_is_at_risk());

    // The dialer's tag as the listener's.
    for driver in
        [Driver::default(), Driver { known: vec![([5; 32], Toy::new(1).identity())], ..Driver::default() }]
    {
        let mut dialer =
            if driver.known.is_empty() { dialer() } else { knocker([5; 32], Toy::new(2).identity()) };
        let mut own = [0; 32];
        let (d, _) = run(&mut dialer, &mut listener(), &driver, |role, frame| {
            match (role, Message::decode(&frame).unwrap().unwrap()) {
                (Role::Dialer, Message::Confirm { tag } | Message::Knock { tag }) => own = tag,
                (Role::Listener, Message::Confirm { .. }) => {
                    return vec![Message::Confirm { tag: own }.encode()];
                }
                (Role::Listener, Message::Knocked { .. }) => {
                    return vec![Message::Knocked { tag: own }.encode()];
                }
                _ => {}
            }
            vec![frame]
        });
        assert!(d.paired().is_none() && (d.wrong_code() || d.error == Some(PairingError::NotRemembered)));
    }
}

#[test]
fn a_signature_of_the_other_role_does_not_count() {
    let mut own = None;
    let (d, _) = run(&mut dialer(), &mut listener(), &Driver::default(), |role, frame| {
        if let Some(message @ Message::Identity { .. }) = Message::decode(&frame).unwrap() {
            if role == Role::Dialer {
                own = Some(message);
            } else {
                return vec![own.as_ref().unwrap().encode()];
            }
        }
        vec![frame]
    });
    assert_eq!(d.error, Some(PairingError::BadProof));
}

#[test]
fn both_ends_with_one_key_are_refused() {
    let loopback = Binding { listener_key: channel(1).dialer_key, ..channel(1) };
    let mut dialer = Dialer::with_code(&PairingConfig::default(), Toy::new(1), loopback.clone(), code());
    let mut listener = Listener::new(&PairingConfig::default(), Toy::new(2), loopback);
    let (d, l) = plain(&mut dialer, &mut listener, &Driver::default());
    assert!(
        matches!(l.error, Some(PairingError::Misbehaved(_)))
            && matches!(d.error, Some(PairingError::Misbehaved(_)))
    );
}

#[test]
fn versions_and_intents_of_the_future() {
    let future =
        |min, max, intent| Hello { version_min: min, version_max: max, ..Hello::new(0, 0, None, intent) };
    let mut target = listener();
    let error = target.handle_frame(NOW, &future(2, 9, Intent::PairCode).encode()).unwrap_err();
    assert_eq!(error, Incompatible::Version { ours: (1, 1), theirs: (2, 9) }.into());
    let told: Vec<_> = core::iter::from_fn(|| target.poll_frame()).collect();
    assert!(
        matches!(Message::decode(&told[0]), Ok(Some(Message::Hello(_)))),
        "so that it can say what does not fit"
    );
    assert_eq!(Message::decode(&told[1]), Ok(Some(Message::Refused(Reason::Incompatible.into()))));

    let error = listener().handle_frame(NOW, &future(1, 1, Intent::Unknown(9)).encode()).unwrap_err();
    assert_eq!(error, Incompatible::Intent(9).into());
    listener().handle_frame(NOW, &future(1, 9, Intent::PairCode).encode()).unwrap();

    let error = dialer().handle_frame(NOW, &future(1, 1, Intent::Knock).encode()).unwrap_err();
    assert!(matches!(error, PairingError::Misbehaved(_)));
}

#[test]
fn unknown_messages_are_skipped_unless_critical() {
    let mut unknown = Vec::new();
    envelope::encode(0x1f, false, b"\xa0", &mut unknown);
    let skipped = |_, frame| vec![unknown.clone(), frame];
    let (d, l) = run(&mut dialer(), &mut listener(), &Driver::default(), skipped);
    assert_eq!(d.paired().unwrap().session_key, l.paired().unwrap().session_key);

    unknown.clear();
    envelope::encode(0x1f, true, b"\xa0", &mut unknown);
    assert!(matches!(listener().handle_frame(NOW, &unknown), Err(PairingError::Misbehaved(_))));
}

#[test]
fn skipped_messages_do_not_buy_time() {
    let mut target = listener();
    let deadline = target.poll_timeout();
    let mut unknown = Vec::new();
    envelope::encode(0x1f, false, b"\xa0", &mut unknown);
    target.handle_frame(Duration::from_secs(9), &unknown).unwrap();
    assert_eq!(target.poll_timeout(), deadline);
}

#[test]
fn knock_tags_say_nothing_elsewhere() {
    let key = [5; 32];
    let tag = knock::tag(Role::Dialer, &key, &channel(1));
    assert!(knock::matches(&key, &channel(1), &tag));
    assert!(!knock::matches(&key, &channel(2), &tag));
    assert!(!knock::matches(&[6; 32], &channel(1), &tag));
    assert!(!knock::matches(&key, &channel(1), &knock::tag(Role::Listener, &key, &channel(1))));
    // Bytes may not move from one field to the next.
    let (mut a, mut b) = (channel(1), channel(1));
    a.dialer_key = vec![1, 2, 3];
    a.listener_key = vec![4];
    b.dialer_key = vec![1, 2];
    b.listener_key = vec![3, 4];
    assert_ne!(knock::tag(Role::Dialer, &key, &a), knock::tag(Role::Dialer, &key, &b));
}

proptest! {
    #[test]
    fn one_changed_bit_never_pairs_whoever_gets_it(step in 0usize..8, byte in any::<prop::sample::Index>(), bit in 0u8..8, knocks in any::<bool>()) {
        let driver = Driver { known: vec![([5; 32], Toy::new(1).identity())], ..Driver::default() };
        let mut dialer = if knocks { knocker([5; 32], Toy::new(2).identity()) } else { dialer() };
        let mut changed = None;
        let mut flip = after(step, |role, frame| {
            let mut frame = frame.to_vec();
            if changed.is_none() && !matches!(Message::decode(&frame), Ok(Some(Message::Refused(_)))) {
                changed = Some(role);
                let at = byte.index(frame.len());
                frame[at] ^= 1 << bit;
            }
            vec![frame]
        });
        let (d, l) = run(&mut dialer, &mut listener(), &driver, &mut flip);
        drop(flip);
        match changed {
            Some(Role::Dialer) => prop_assert!(l.paired().is_none()),
            Some(Role::Listener) => prop_assert!(d.paired().is_none()),
            None => prop_assert!(knocks && step >= 6 && d.paired().is_some() && l.paired().is_some()),
        }
    }

    #[test]
    fn any_bytes_are_survived(data in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_message(&data);
        fuzz_machines(&data);
        fuzz_code(&data);
    }

    #[test]
    fn any_order_of_honest_messages_is_survived(order in prop::collection::vec(0usize..7, 0..12), decisions in any::<u8>()) {
        let messages = messages();
        let mut data = vec![decisions];
        for index in order {
            let frame = messages[index].encode();
            data.push(u8::try_from(frame.len()).unwrap());
            data.extend(frame);
        }
        fuzz_machines(&data);
    }
}
