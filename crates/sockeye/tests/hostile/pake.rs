//! Pairing that is not as it should be: points that are none, mirrors, replays, changed frames, other versions and
//! identities.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use sockeye::{AuthenticationFailure, Error, PeerReasonKind};
use sockeye_proto::{
    hello::{Hello, Intent},
    pairing::Reason,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::{
    guesses::{gets_in, wrong, wrong_codes},
    peer::{CONTROL, Control, Failed, Hostile, Proof, honest as unchanged, kind as kind_of},
    victim::{Place, Victim, Wish, hostile_listener, is_peers_fault, shared_code},
    wire::{self, kind},
};

/// Points and bytes that no honest side sends, with the side's letter before them.
fn bad_points(side: u8) -> Vec<(&'static str, Vec<u8>)> {
    let point = |bytes: [u8; 32]| [&[side], &bytes[..]].concat();
    let with = |first: u8, last: u8| {
        let mut bytes = [0; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    // Orders of the points of small order: 1, 2, 4, 4, 8; then encodings that are not the right ones.
    let of_order_8 = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let mut p = minus_one;
    p[0] = 0xed;
    let mut p_plus_one = minus_one;
    p_plus_one[0] = 0xee;
    vec![
        ("the identity", point(with(1, 0))),
        ("order 2", point(minus_one)),
        ("order 4", point([0; 32])),
        ("order 4, the other", point(with(0, 0x80))),
        ("order 8", point(of_order_8)),
        ("the identity, spelled with its sign", point(with(1, 0x80))),
        ("zero as p", point(p)),
        ("the identity as p + 1", point(p_plus_one)),
        ("no point", point(with(2, 0))),
        ("garbage", point([0xa5; 32])),
        ("too short", point([9; 32])[..32].to_vec()),
        ("too long", [point([9; 32]), vec![0]].concat()),
        ("64 bytes", vec![side; 64]),
        ("65 bytes", vec![side; 65]),
        ("nothing", vec![]),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_that_are_none_are_refused_by_the_listener_at_no_cost() {
    let victim = Victim::receiver().await;
    for (what, pake) in bad_points(0x41) {
        let mut hostile = Hostile::new();
        hostile.machine.pake = Some(pake);
        let end = hostile.dial(victim.address, &victim.code).await.err();
        assert_eq!(end, Some(Failed::Refused(Reason::Protocol)), "{what}");
    }
    gets_in(&victim, &victim.code.clone()).await;
    let (_, events, _) = victim.end().await;
    assert_eq!(wrong_codes(&events), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_that_are_none_are_refused_by_the_dialer_before_its_tag() {
    for (what, pake) in bad_points(0x42) {
        let (listener, address) = hostile_listener().await;
        let victim = Victim::receiver_at(address, &shared_code(), Wish::default());
        let mut hostile = Hostile::new();
        hostile.machine.pake = Some(pake);
        let channel = hostile.next_channel(&listener).await;
        let tags = Arc::new(Mutex::new(0));
        let mut control = Control::new(channel.stream);
        let mut answered = false;
        // By hand: HELLO, then the bad ANSWER, then whatever comes.
        control.receive().await.unwrap();
        control.send(&Hello::new(0, 0, None, Intent::PairCode).encode()).await.unwrap();
        while let Some(frame) = control.receive().await {
            match kind_of(&frame) {
                kind::ATTEMPT if !answered => {
                    answered = true;
                    let bytes = hostile.machine.pake.clone().unwrap();
                    let answer = wire::message(kind::ANSWER, 1, |m| {
                        m.u8(0).unwrap().bytes(&bytes).unwrap();
                    });
                    control.send(&answer).await.unwrap();
                }
                kind::CONFIRM => *tags.lock().unwrap() += 1,
                kind::REFUSED => {
                    assert_eq!(wire::refused_reason(&frame), Reason::Protocol.number(), "{what}");
                }
                other => panic!("{what}: {other:#x}"),
            }
        }
        drop(control);
        assert_eq!(*tags.lock().unwrap(), 0, "{what}: no tag before the point is checked");
        let (place, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{what}: {error:?}");
        place.assert_empty();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dialer_does_not_talk_to_its_mirror() {
    let (listener, address) = hostile_listener().await;
    let victim = Victim::receiver_at(address, &shared_code(), Wish::default());
    let hostile = Hostile::new();
    let mut control = Control::new(hostile.next_channel(&listener).await.stream);
    while let Some(frame) = control.receive().await {
        if control.send(&frame).await.is_err() {
            break;
        }
    }
    drop(control);
    let (place, error) = victim.fails().await;
    assert!(is_peers_fault(&error), "{error:?}");
    place.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dialers_own_point_and_tag_sent_back_are_refused() {
    // Dressed as the listener's messages this time: its point in ANSWER, with both letters, then its tag in CONFIRM.
    for letter in [0x41, 0x42] {
        let (listener, address) = hostile_listener().await;
        let victim = Victim::receiver_at(address, &shared_code(), Wish::default());
        let hostile = Hostile::new();
        let mut control = Control::new(hostile.next_channel(&listener).await.stream);
        control.receive().await.unwrap();
        control.send(&Hello::new(0, 0, None, Intent::PairCode).encode()).await.unwrap();
        let attempt = control.receive().await.unwrap();
        let at = attempt.len() - 33;
        let point = [&[letter], &attempt[at + 1..]].concat();
        let answer = wire::message(kind::ANSWER, 1, |m| {
            m.u8(0).unwrap().bytes(&point).unwrap();
        });
        control.send(&answer).await.unwrap();
        while let Some(frame) = control.receive().await {
            assert_eq!(kind_of(&frame), kind::REFUSED, "no tag for a mirror");
        }
        drop(control);
        let (_, error) = victim.fails().await;
        assert!(is_peers_fault(&error), "{error:?}");
    }
    // A listener that does not know the code sends the dialer's tag back.
    let (listener, address) = hostile_listener().await;
    let victim = Victim::receiver_at(address, &shared_code(), Wish::default());
    let hostile = Hostile::new();
    let channel = hostile.next_channel(&listener).await;
    let wrong = wrong(&shared_code());
    let end = hostile.answer_over(channel, &wrong, None, &mut unchanged).await.err();
    assert_eq!(end, Some(Failed::WrongCode));
    let (_, error) = victim.fails().await;
    assert!(matches!(error, Error::Authentication(AuthenticationFailure::WrongCode)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thief_who_answers_gets_one_tag_and_no_identity() {
    // A listener that does not know the code confirms with a made-up tag.
    let (listener, address) = hostile_listener().await;
    let victim = Victim::receiver_at(address, &shared_code(), Wish::default());
    let hostile = Hostile::new();
    let channel = hostile.next_channel(&listener).await;
    let mut control = Control::new(channel.stream);
    control.receive().await.unwrap();
    control.send(&Hello::new(0, 0, None, Intent::PairCode).encode()).await.unwrap();
    control.receive().await.unwrap();
    let mut machine = hostile.machine.clone();
    let (_, point) = sockeye_proto::pairing::Crypto::pake_start(
        &mut machine,
        sockeye_proto::pairing::Role::Listener,
        b"guess",
        b"d",
        b"l",
    );
    let message = |kind, bytes: &[u8]| {
        wire::message(kind, 1, |m| {
            m.u8(0).unwrap().bytes(bytes).unwrap();
        })
    };
    control.send(&message(kind::ANSWER, &point)).await.unwrap();
    assert_eq!(kind_of(&control.receive().await.unwrap()), kind::CONFIRM);
    control.send(&message(kind::CONFIRM, &[7; 32])).await.unwrap();
    while let Some(frame) = control.receive().await {
        assert_ne!(kind_of(&frame), kind::IDENTITY, "the identity is for those who know the code");
    }
    drop(control);
    let (_, error) = victim.fails().await;
    assert!(matches!(error, Error::Authentication(AuthenticationFailure::WrongCode)), "{error:?}");
    // And it does not dial again by itself.
    assert!(timeout(Duration::from_millis(200), listener.accept()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pairing_that_was_recorded_is_worth_nothing() {
    let victim = Victim::receiver_with(Place::new(), Wish { keep: true, ..Wish::default() }).await;
    let recorded = Arc::new(Mutex::new(Vec::new()));
    let honest = Hostile::new();
    let channel = honest.keys.dial(victim.address, CONTROL).await.unwrap();
    let tape = Arc::clone(&recorded);
    let mut record = move |frame: Vec<u8>| {
        tape.lock().unwrap().push(frame.clone());
        vec![frame]
    };
    honest.pair_over(channel, Proof::Code(&victim.code), &mut record).await.unwrap();
    let frames = recorded.lock().unwrap().clone();
    assert_eq!(frames.len(), 4);
    // The very same frames on a new channel, with the same keys and with others.
    for peer in [honest.again(), Hostile::new()] {
        let mut control = Control::new(peer.keys.dial(victim.address, CONTROL).await.unwrap().stream);
        for frame in &frames {
            let _ = control.send(frame).await;
        }
        let mut heard = Vec::new();
        while let Some(frame) = control.receive().await {
            heard.push(kind_of(&frame));
        }
        assert!(!heard.contains(&kind::CONFIRM) && !heard.contains(&kind::IDENTITY), "{heard:?}");
    }
    victim.cancel().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_flipped_doubled_or_left_out_pair_nobody() {
    let victim = Victim::receiver().await;
    let flip = |mut frame: Vec<u8>| {
        *frame.last_mut().unwrap() ^= 1;
        vec![frame]
    };
    let double = |frame: Vec<u8>| vec![frame.clone(), frame];
    let none = |_: Vec<u8>| vec![];
    let more = |frame: Vec<u8>| vec![[frame, vec![0]].concat()];
    let changes: [fn(Vec<u8>) -> Vec<Vec<u8>>; 4] = [flip, none, more, double];
    let cases = changes
        .iter()
        .flat_map(|change| [kind::HELLO, kind::ATTEMPT, kind::IDENTITY].map(|target| (change, target)));
    // The last one, IDENTITY twice, has paired when the second comes.
    for (change, target) in cases.take(11) {
        let hostile = Hostile::new();
        let channel = hostile.keys.dial(victim.address, CONTROL).await.unwrap();
        let mut hook = |frame: Vec<u8>| if kind_of(&frame) == target { change(frame) } else { vec![frame] };
        let pairing = hostile.pair_over(channel, Proof::Code(&victim.code), &mut hook);
        // Left out, it waits; the victim's patience is another test.
        if let Ok(end) = timeout(Duration::from_millis(150), pairing).await {
            assert!(end.is_err(), "{target}");
        }
    }
    victim.cancel().await.0.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_intents_that_do_not_fit() {
    let victim = Victim::receiver().await;
    let hello = |min: u16, max: u16, features: u64, required: u64, intent: u8| {
        wire::message(kind::HELLO, 5, |m| {
            m.u8(0).unwrap().u16(min).unwrap().u8(1).unwrap().u16(max).unwrap();
            m.u8(2).unwrap().u64(features).unwrap().u8(3).unwrap().u64(required).unwrap();
            m.u8(5).unwrap().u8(intent).unwrap();
        })
    };
    let long_name = wire::message(kind::HELLO, 6, |m| {
        m.u8(0).unwrap().u16(1).unwrap().u8(1).unwrap().u16(1).unwrap().u8(2).unwrap().u64(0).unwrap();
        m.u8(3).unwrap().u64(0).unwrap().u8(4).unwrap().str(&"n".repeat(65)).unwrap();
        m.u8(5).unwrap().u8(0).unwrap();
    });
    let (incompatible, protocol) = (Reason::Incompatible.number(), Reason::Protocol.number());
    let cases = [
        ("only newer", hello(2, 9, 0, 0, 0), incompatible),
        ("a feature that we lack", hello(1, 1, 4, 4, 0), incompatible),
        ("all features", hello(1, 1, u64::MAX, u64::MAX, 0), incompatible),
        ("an intent of later", hello(1, 1, 0, 0, 7), incompatible),
        ("version 0", hello(0, 0, 0, 0, 0), protocol),
        ("versions backwards", hello(2, 1, 0, 0, 0), protocol),
        ("requires what it lacks", hello(1, 1, 0, 1, 0), protocol),
        ("a long name", long_name, protocol),
        ("no HELLO at all", wire::message(kind::ATTEMPT, 0, |_| ()), protocol),
        ("an unknown critical message", wire::message(0x123, 0, |_| ()), protocol),
        ("no CBOR", vec![0x80, 0x01, 0xff], protocol),
        ("no payload", vec![], protocol),
    ];
    for (what, frame, reason) in cases {
        let hostile = Hostile::new();
        let mut control = Control::new(hostile.keys.dial(victim.address, CONTROL).await.unwrap().stream);
        control.send(&frame).await.unwrap();
        let mut refused = None;
        while let Some(frame) = control.receive().await {
            if kind_of(&frame) == kind::REFUSED {
                refused = Some(wire::refused_reason(&frame));
            }
        }
        assert_eq!(refused, Some(reason), "{what}");
    }
    // Newer, but it also speaks version 1; and a message that may be skipped before each of its own.
    let hostile = Hostile::new();
    let channel = hostile.keys.dial(victim.address, CONTROL).await.unwrap();
    let mut skipped = |frame: Vec<u8>| {
        let mut unknown = wire::message(0x123, 0, |_| ());
        unknown[0] &= 0x7f;
        vec![unknown, frame]
    };
    assert!(hostile.pair_over(channel, Proof::Code(&victim.code), &mut skipped).await.is_ok());
    victim.cancel().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_cannot_be_argued_down_on_the_way() {
    // The dialer's HELLO is changed in a way that both sides would accept, if it were not part of what is confirmed.
    let victim = Victim::receiver().await;
    let hostile = Hostile::new();
    let channel = hostile.keys.dial(victim.address, CONTROL).await.unwrap();
    let mut wider = |frame: Vec<u8>| {
        let mut frame = frame;
        if kind_of(&frame) == kind::HELLO {
            // Newest version 1 becomes 9.
            let at = frame.windows(4).position(|w| w == [0, 1, 1, 1]).unwrap() + 3;
            frame[at] = 9;
        }
        vec![frame]
    };
    let end = hostile.pair_over(channel, Proof::Code(&victim.code), &mut wider).await.err();
    assert_eq!(end, Some(Failed::Refused(Reason::WrongCode)));
    victim.cancel().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_is_not_a_claim() {
    let victim = Victim::receiver().await;
    let small_order = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };
    for claimed in
        [sockeye_proto::pairing::Crypto::identity(&Hostile::new().machine), small_order, [0xff; 32]]
    {
        let mut hostile = Hostile::new();
        hostile.machine.claimed = Some(claimed);
        let end = hostile.dial(victim.address, &victim.code).await.err();
        assert_eq!(end, Some(Failed::Refused(Reason::BadProof)));
    }
    // The code is still there for who knows it and signs.
    gets_in(&victim, &victim.code.clone()).await;
    victim.succeeds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_data() {
    for (reason, text) in [(10, "\x1b[2Jdeclined\r\n".to_owned()), (200, "t".repeat(512)), (0, String::new())]
    {
        let (listener, address) = hostile_listener().await;
        let victim = Victim::receiver_at(address, &shared_code(), Wish::default());
        let hostile = Hostile::new();
        let mut control = Control::new(hostile.next_channel(&listener).await.stream);
        control.receive().await.unwrap();
        let refused = wire::message(kind::REFUSED, 2, |m| {
            m.u8(0).unwrap().u8(reason).unwrap().u8(1).unwrap().str(&text).unwrap();
        });
        control.send(&refused).await.unwrap();
        drop(control);
        let (_, error) = victim.fails().await;
        let Error::PeerTold(told) = &error else { panic!("{error:?}") };
        assert_eq!(told.text, text);
        let kind = if reason == 10 { PeerReasonKind::Declined } else { PeerReasonKind::Other };
        assert_eq!(told.kind, kind);
        assert!(!error.to_string().contains('\x1b'), "no text of the peer in a sentence");
    }
    // One byte more than allowed.
    let (listener, address) = hostile_listener().await;
    let victim = Victim::receiver_at(address, &shared_code(), Wish::default());
    let hostile = Hostile::new();
    let mut control = Control::new(hostile.next_channel(&listener).await.stream);
    control.receive().await.unwrap();
    let refused = wire::message(kind::REFUSED, 2, |m| {
        m.u8(0).unwrap().u8(10).unwrap().u8(1).unwrap().str(&"t".repeat(513)).unwrap();
    });
    control.send(&refused).await.unwrap();
    drop(control);
    let (_, error) = victim.fails().await;
    assert!(is_peers_fault(&error), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_speak_this_tls_is_nobody() {
    let victim = Victim::receiver().await;
    let hostile = Hostile::new();
    // No ALPN, another one, an empty-looking one; no key.
    for alpn in [b"".as_slice(), b"h2", b"sockeye/2", b"sockeye-lane/2", b"SOCKEYE/1"] {
        let ended = match hostile.keys.dial(victim.address, alpn).await {
            Ok(channel) => !Control::new(channel.stream).drain().await,
            Err(_) => true,
        };
        assert!(ended, "{alpn:?}");
    }
    if let Ok(channel) = hostile.keys.dial_without_key(victim.address).await {
        let mut control = Control::new(channel.stream);
        let _ = control.send(&Hello::new(0, 0, None, Intent::PairCode).encode()).await;
        assert_eq!(control.receive().await, None);
    }
    // Not TLS, an older TLS, and the first bytes of a newer one.
    let tls12 = [&[0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
    for bytes in
        [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"SSH-2.0-x\r\n", &[0; 600], &tls12, &[0x16, 3, 1, 0xff, 0xff]]
    {
        let mut tcp = TcpStream::connect(victim.address).await.unwrap();
        let _ = tcp.write_all(bytes).await;
        let _ = tcp.shutdown().await;
        let mut rest = Vec::new();
        let end = timeout(Duration::from_secs(6), tokio::io::AsyncReadExt::read_to_end(&mut tcp, &mut rest));
        assert!(end.await.is_ok(), "closed soon");
        assert!(rest.len() < 64, "at most an alert");
    }
    gets_in(&victim, &victim.code.clone()).await;
    victim.succeeds().await;
}
