//! Exchanges as they should go, and every way in which an honest side ends one.

use alloc::{borrow::ToOwned, format, string::ToString, vec, vec::Vec};
use core::time::Duration;

use zeroize::Zeroizing;

use super::bench::{Driver, NOW, channel, code, dialer, knocker, listener, plain, run};
use crate::{
    hello::{Incompatible, Intent},
    pairing::{
        Crypto, Dialer, Listener, MAX_REFUSAL_TEXT, PairingConfig, PairingError, PairingEvent,
        PairingTimeouts, Reason, Refusal, Role, fuzz::Toy, wire::Message,
    },
};

#[test]
fn a_code_pairs() {
    let (mut dialer, mut listener) = (dialer(), listener());
    let (d, l) = plain(&mut dialer, &mut listener, &Driver::default());
    let (d, l) = (d.paired().unwrap(), l.paired().unwrap());
    assert_eq!(d.pair_key, l.pair_key);
    assert_eq!(d.session_key, l.session_key);
    assert_ne!(d.pair_key, d.session_key);
    assert_eq!(d.peer_identity, Toy::new(2).identity());
    assert_eq!(l.peer_identity, Toy::new(1).identity());
    assert_eq!(d.negotiated, l.negotiated);
    assert!(dialer.is_closed() && listener.is_closed());
    assert!(!dialer.tag_is_at_risk());
    assert_eq!((dialer.poll_timeout(), listener.poll_timeout()), (None, None));
}

#[test]
fn a_knock_pairs_and_each_session_has_its_own_key() {
    let (listener_id, dialer_id) = (Toy::new(2).identity(), Toy::new(1).identity());
    let known = vec![([4; 32], [0; 32]), ([5; 32], dialer_id)];
    let driver = Driver { known, ..Driver::default() };
    let (d, l) = plain(&mut knocker([5; 32], listener_id), &mut listener(), &driver);
    let (d, l) = (d.paired().unwrap(), l.paired().unwrap());
    assert_eq!((*d.pair_key, *l.pair_key), ([5; 32], [5; 32]));
    assert_eq!(d.session_key, l.session_key);
    assert_ne!(d.session_key, d.pair_key);
    assert_eq!((d.peer_identity, l.peer_identity), (listener_id, dialer_id));

    let key = Zeroizing::new([5; 32]);
    let mut other =
        Dialer::with_pair_key(&PairingConfig::default(), Toy::new(1), channel(2), key.clone(), listener_id);
    let mut answering = Listener::new(&PairingConfig::default(), Toy::new(2), channel(2));
    drive_knock(&mut other, &mut answering, &key, dialer_id);
    let PairingEvent::Paired(again) = other.poll_event().unwrap() else { panic!() };
    assert_ne!(again.session_key, d.session_key);
}

fn drive_knock(
    dialer: &mut Dialer<Toy>,
    listener: &mut Listener<Toy>,
    key: &Zeroizing<[u8; 32]>,
    identity: [u8; 32],
) {
    for _ in 0..4 {
        while let Some(frame) = dialer.poll_frame() {
            listener.handle_frame(NOW, &frame).unwrap();
        }
        if let Some(PairingEvent::Knock { .. }) = listener.poll_event() {
            listener.accept_knock(NOW, key.clone(), identity).unwrap();
        }
        while let Some(frame) = listener.poll_frame() {
            dialer.handle_frame(NOW, &frame).unwrap();
        }
    }
}

#[test]
fn names_and_features_arrive() {
    let ours = PairingConfig::default().features(0b0111).name(Some("laptop".to_owned()));
    let theirs = PairingConfig::default().features(0b1100).required(0b0010);
    let mut dialer = Dialer::with_code(&ours, Toy::new(1), channel(1), code());
    let mut listener = Listener::new(&theirs, Toy::new(2), channel(1));
    let (d, l) = plain(&mut dialer, &mut listener, &Driver::default());
    let (d, l) = (d.paired().unwrap(), l.paired().unwrap());
    assert_eq!((d.peer_name.as_deref(), l.peer_name.as_deref()), (None, Some("laptop")));
    assert_eq!((d.negotiated.version, d.negotiated.features), (1, 0b0110));
}

#[test]
fn both_sides_may_be_one_machine() {
    let mut same = Toy::new(1);
    same.random(&mut [0; 8]);
    let mut listener = Listener::new(&PairingConfig::default(), same, channel(1));
    let (d, l) = plain(&mut dialer(), &mut listener, &Driver::default());
    assert_eq!(d.paired().unwrap().peer_identity, l.paired().unwrap().peer_identity);
}

#[test]
fn a_wrong_code_is_told_to_both() {
    for wrong in ["4821-tulip-harbour", "4821-harbor-tulip", "4821-tulipharbor"] {
        let mut dialer =
            Dialer::with_code(&PairingConfig::default(), Toy::new(1), channel(1), wrong.parse().unwrap());
        let (d, l) = plain(&mut dialer, &mut listener(), &Driver::default());
        assert!(l.wrong_code() && l.paired().is_none() && l.error.is_none());
        assert!(!l.events.iter().any(|event| matches!(event, PairingEvent::Identified { .. })));
        assert_eq!(d.refused(), Some(Reason::WrongCode));
        assert!(dialer.tag_is_at_risk(), "the listener proved nothing");
    }
}

#[test]
fn another_nameplate_costs_no_tag() {
    let mut dialer = Dialer::with_code(
        &PairingConfig::default(),
        Toy::new(1),
        channel(1),
        "4822-tulip-harbor".parse().unwrap(),
    );
    let (d, l) = plain(&mut dialer, &mut listener(), &Driver::default());
    assert_eq!(d.refused(), Some(Reason::WrongCode));
    assert!(!l.wrong_code() && !dialer.tag_is_at_risk());
}

#[test]
fn the_driver_can_refuse_at_each_question() {
    let busy = Driver { code: None, ..Driver::default() };
    let (d, l) = plain(&mut dialer(), &mut listener(), &busy);
    assert!(
        matches!(&d.events[..], [PairingEvent::Refused(Refusal { reason: Reason::Busy, text })] if text == "later")
    );
    assert!(l.paired().is_none());

    let (d, l) = plain(&mut knocker([6; 32], [7; 32]), &mut listener(), &Driver::default());
    assert_eq!(d.refused(), Some(Reason::NotRemembered));
    assert!(l.paired().is_none());

    let used = Driver { admits: false, ..Driver::default() };
    let (d, l) = plain(&mut dialer(), &mut listener(), &used);
    assert_eq!(d.refused(), Some(Reason::CodeUsed));
    assert!(d.paired().is_none() && l.paired().is_none());
}

#[test]
fn knocking_at_another_identity_fails_and_is_never_a_code() {
    let driver = Driver { known: vec![([5; 32], Toy::new(1).identity())], ..Driver::default() };
    let (d, l) = plain(&mut knocker([5; 32], Toy::new(3).identity()), &mut listener(), &driver);
    assert_eq!(d.error, Some(PairingError::NotRemembered));
    assert!(d.paired().is_none());
    assert!(l.paired().is_some(), "it was who it said; the dialer expected somebody else");

    let driver = Driver { known: vec![([5; 32], Toy::new(3).identity())], ..Driver::default() };
    let (d, l) = plain(&mut knocker([5; 32], Toy::new(2).identity()), &mut listener(), &driver);
    assert_eq!(l.error, Some(PairingError::NotRemembered));
    assert_eq!(d.refused(), Some(Reason::NotRemembered));
}

#[test]
fn what_does_not_fit_is_said_on_both_sides() {
    let needs = PairingConfig::default().required(0x10);
    let mut dialer = Dialer::with_code(&needs, Toy::new(1), channel(1), code());
    let (d, l) = plain(&mut dialer, &mut listener(), &Driver::default());
    assert_eq!(l.error, Some(PairingError::Incompatible(Incompatible::MissingHere(0x10))));
    assert_eq!(d.error, Some(PairingError::Incompatible(Incompatible::MissingThere(0x10))));
}

#[test]
fn silence_ends_each_state_in_time() {
    let timeouts = PairingTimeouts {
        message: Duration::from_secs(10),
        tag: Duration::from_secs(2),
        answer: Duration::from_secs(60),
    };
    assert_eq!(PairingTimeouts::default(), timeouts);
    // How many frames of each side get through, who then waits, for what, and until when.
    let table = [
        (0, 0, Role::Dialer, "HELLO", 10_000),
        (0, 0, Role::Listener, "HELLO", 10_000),
        (1, 0, Role::Listener, "ATTEMPT", 10_005),
        (1, 1, Role::Dialer, "ANSWER", 60_005),
        (2, 2, Role::Listener, "CONFIRM", 2005),
        (2, 2, Role::Dialer, "CONFIRM", 10_005),
        (3, 3, Role::Listener, "IDENTITY", 10_005),
        (3, 3, Role::Dialer, "IDENTITY", 10_005),
    ];
    for (from_dialer, from_listener, who, what, at) in table {
        let (mut dialer, mut listener) = (dialer(), listener());
        let (mut d, mut l) = (0, 0);
        run(&mut dialer, &mut listener, &Driver::default(), |role, frame| {
            let (count, most) =
                if role == Role::Dialer { (&mut d, from_dialer) } else { (&mut l, from_listener) };
            *count += 1;
            if *count <= most { vec![frame] } else { Vec::new() }
        });
        let deadline = if who == Role::Dialer { dialer.poll_timeout() } else { listener.poll_timeout() };
        let deadline = deadline.unwrap();
        assert_eq!((deadline.reason, deadline.at), (what, Duration::from_millis(at)), "{who:?}");
        let (event, frame, later) = if who == Role::Dialer {
            dialer.handle_timeout(deadline.at.checked_sub(Duration::from_nanos(1)).unwrap());
            assert!(!dialer.is_closed());
            dialer.handle_timeout(deadline.at);
            (dialer.poll_event(), dialer.poll_frame(), dialer.poll_timeout())
        } else {
            listener.handle_timeout(deadline.at);
            (listener.poll_event(), listener.poll_frame(), listener.poll_timeout())
        };
        assert!(matches!(event, Some(PairingEvent::TimedOut { waiting_for }) if waiting_for == what));
        let told = Message::decode(&frame.unwrap()).unwrap();
        assert_eq!(told, Some(Message::Refused(Reason::TimedOut.into())));
        assert_eq!(later, None);
    }
}

#[test]
fn the_driver_has_all_the_time_it_wants() {
    let (mut dialer, mut listener) = (dialer(), listener());
    listener.handle_frame(NOW, &dialer.poll_frame().unwrap()).unwrap();
    dialer.handle_frame(NOW, &listener.poll_frame().unwrap()).unwrap();
    listener.handle_frame(NOW, &dialer.poll_frame().unwrap()).unwrap();
    assert!(matches!(listener.poll_event(), Some(PairingEvent::CodeAttempt { nameplate: 4821 })));
    assert_eq!(listener.poll_timeout(), None);
    listener.handle_timeout(Duration::from_secs(3600));
    assert!(!listener.is_closed());
}

#[test]
fn answers_to_questions_that_were_not_asked_change_nothing() {
    let (mut dialer, mut listener) = (dialer(), listener());
    assert!(matches!(listener.grant(NOW, &code()), Err(PairingError::Misuse(_))));
    assert!(matches!(listener.admit(), Err(PairingError::Misuse(_))));
    assert!(matches!(
        listener.accept_knock(NOW, Zeroizing::new([0; 32]), [0; 32]),
        Err(PairingError::Misuse(_))
    ));
    listener.handle_frame(NOW, &dialer.poll_frame().unwrap()).unwrap();
    dialer.handle_frame(NOW, &listener.poll_frame().unwrap()).unwrap();
    listener.handle_frame(NOW, &dialer.poll_frame().unwrap()).unwrap();
    let other = "77-tulip-harbor".parse().unwrap();
    assert!(matches!(listener.grant(NOW, &other), Err(PairingError::Misuse(_))));
    assert_eq!(listener.poll_frame(), None);
    let (d, l) = plain(&mut dialer, &mut listener, &Driver::default());
    assert_eq!(d.paired().unwrap().session_key, l.paired().unwrap().session_key);
    assert!(matches!(dialer.handle_frame(NOW, &[]), Err(PairingError::Misuse(_))));
    listener.refuse(Reason::Declined);
    assert_eq!(listener.poll_frame(), None, "too late to refuse");
}

#[test]
fn a_dialer_that_gives_up_while_it_waits_gets_no_answer() {
    for question in 0..3 {
        let key = Zeroizing::new([5; 32]);
        let mut dialer = if question == 1 { knocker(*key, Toy::new(2).identity()) } else { dialer() };
        let mut listener = listener();
        while listener.poll_timeout().is_some() {
            let _ =
                core::iter::from_fn(|| dialer.poll_frame()).map(|f| listener.handle_frame(NOW, &f)).count();
            if question == 2
                && let Some(event @ PairingEvent::CodeAttempt { .. }) = listener.poll_event()
            {
                Driver::default().decide(&mut listener, &event);
            }
            let _ =
                core::iter::from_fn(|| listener.poll_frame()).map(|f| dialer.handle_frame(NOW, &f)).count();
        }
        listener.handle_frame(NOW, &Message::Refused(Reason::Declined.into()).encode()).unwrap();
        listener.grant(NOW, &code()).unwrap();
        listener.accept_knock(NOW, key, [0; 32]).unwrap();
        listener.admit().unwrap();
        assert_eq!(
            (listener.poll_frame(), listener.poll_timeout(), listener.is_closed()),
            (None, None, true)
        );
        let last = core::iter::from_fn(|| listener.poll_event()).last();
        assert!(matches!(last, Some(PairingEvent::Refused(_))));
    }
}

#[test]
fn a_knock_must_be_accepted_with_the_key_that_fits() {
    let (mut dialer, mut listener) = (knocker([5; 32], Toy::new(2).identity()), listener());
    listener.handle_frame(NOW, &dialer.poll_frame().unwrap()).unwrap();
    dialer.handle_frame(NOW, &listener.poll_frame().unwrap()).unwrap();
    listener.handle_frame(NOW, &dialer.poll_frame().unwrap()).unwrap();
    let refused = listener.accept_knock(NOW, Zeroizing::new([6; 32]), Toy::new(1).identity());
    assert!(matches!(refused, Err(PairingError::Misuse(_))));
    assert_eq!(listener.poll_frame(), None);
    listener.accept_knock(NOW, Zeroizing::new([5; 32]), Toy::new(1).identity()).unwrap();
    assert!(listener.poll_frame().is_some());
}

#[test]
fn texts_are_cut_where_a_character_ends() {
    let refusal = Refusal::new(Reason::Declined, &"é".repeat(400));
    assert_eq!(refusal.text.len(), MAX_REFUSAL_TEXT);
    let refusal = Refusal::new(Reason::Declined, &format!("x{}", "é".repeat(400)));
    assert_eq!(refusal.text.len(), MAX_REFUSAL_TEXT - 1);
}

#[test]
fn nothing_secret_is_shown() {
    let (d, _) = plain(&mut dialer(), &mut listener(), &Driver::default());
    let paired = d.paired().unwrap();
    let shown = format!("{d:?} {:?} {:?} {:?}", code(), channel(7), PairingConfig::default());
    assert!(!shown.contains("tulip") && !shown.contains("harbor") && shown.contains("Code(4821"));
    for secret in [&paired.pair_key, &paired.session_key, &Zeroizing::new(channel(7).exporter)] {
        assert!(!shown.contains(&format!("{:?}", secret.as_slice())[1..20]), "{shown}");
    }
    assert!(shown.contains(&format!("{:?}", paired.peer_identity)));
}

#[test]
fn every_error_says_something() {
    let errors = [
        PairingError::Malformed("HELLO"),
        PairingError::Misbehaved("ANSWER"),
        PairingError::Incompatible(Incompatible::Version { ours: (1, 2), theirs: (3, 4) }),
        PairingError::BadProof,
        PairingError::NotRemembered,
        PairingError::Misuse("x"),
    ];
    assert!(errors.iter().all(|error| error.to_string().len() > 5));
    assert_eq!(Intent::from_number(7), Intent::Unknown(7));
    for number in 0..=255 {
        assert_eq!(Reason::from_number(number).number(), number);
        assert_eq!(Intent::from_number(number).number(), number);
    }
}
