//! The machines of pairing with the real cryptography, honest and attacked. The numbers are those of the pitfalls that
//! a construction around a PAKE has to avoid.

use std::time::Duration;

use aws_lc_rs::signature::Ed25519KeyPair;
use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::CompressedEdwardsY,
    scalar::Scalar,
};
use proptest::prelude::*;
use sockeye_proto::{
    hello::{Hello, Intent},
    pairing::{
        Admission, Admitted, Binding, Code, CodeError, Crypto, Dialer, GUESSES_ONE_TO_ONE, Guesses, Listener,
        Paired, PairingConfig, PairingError, PairingEvent, PakeRejected, Reason, Reservation, Role,
        TagBudget, knock, words,
    },
};
use zeroize::Zeroizing;

use super::{CryptoError, IdentityKey, PairingCrypto, random};

const NOW: Duration = Duration::from_millis(5);

fn machine() -> PairingCrypto {
    PairingCrypto::new(IdentityKey::from_pkcs8(&IdentityKey::generate().unwrap()).unwrap())
}

fn channel() -> Binding {
    let mut binding = Binding { exporter: [0; 32], dialer_key: vec![0; 44], listener_key: vec![0; 44] };
    random(&mut binding.exporter);
    random(&mut binding.dialer_key);
    random(&mut binding.listener_key);
    binding
}

fn code() -> Code {
    "4821-tulip-harbor".parse().unwrap()
}

fn dialer_at(binding: &Binding, code: &str) -> Dialer<PairingCrypto> {
    Dialer::with_code(&PairingConfig::default(), machine(), binding.clone(), code.parse().unwrap())
}

fn listener_at(binding: &Binding) -> Listener<PairingCrypto> {
    Listener::new(&PairingConfig::default(), machine(), binding.clone())
}

#[derive(Default)]
struct Outcome {
    paired: Option<Paired>,
    refused: Option<Reason>,
    wrong_code: bool,
    error: Option<PairingError>,
}

impl Outcome {
    fn note(&mut self, event: PairingEvent) {
        match event {
            PairingEvent::Paired(paired) => self.paired = Some(paired),
            PairingEvent::Refused(refusal) => self.refused = Some(refusal.reason),
            PairingEvent::WrongCode => self.wrong_code = true,
            _ => {}
        }
    }
}

/// Runs an exchange; `wire` sees and may change every frame. The listener grants [`code`] and admits everybody.
fn run(
    dialer: &mut Dialer<PairingCrypto>,
    listener: &mut Listener<PairingCrypto>,
    mut wire: impl FnMut(Role, Vec<u8>) -> Vec<Vec<u8>>,
) -> (Outcome, Outcome) {
    let (mut d, mut l) = (Outcome::default(), Outcome::default());
    loop {
        let mut idle = true;
        while let Some(frame) = dialer.poll_frame() {
            idle = false;
            for frame in wire(Role::Dialer, frame) {
                if !listener.is_closed() {
                    l.error = listener.handle_frame(NOW, &frame).err().or(l.error);
                }
            }
        }
        while let Some(event) = listener.poll_event() {
            let decided = match &event {
                PairingEvent::CodeAttempt { .. } => listener.grant(NOW, &code()),
                PairingEvent::Identified { .. } => listener.admit(),
                _ => Ok(()),
            };
            l.error = decided.err().or(l.error);
            l.note(event);
        }
        while let Some(frame) = listener.poll_frame() {
            idle = false;
            for frame in wire(Role::Listener, frame) {
                if !dialer.is_closed() {
                    d.error = dialer.handle_frame(NOW, &frame).err().or(d.error);
                }
            }
        }
        while let Some(event) = dialer.poll_event() {
            d.note(event);
        }
        if idle {
            return (d, l);
        }
    }
}

fn undisturbed(
    dialer: &mut Dialer<PairingCrypto>,
    listener: &mut Listener<PairingCrypto>,
) -> (Outcome, Outcome) {
    run(dialer, listener, |_, frame| vec![frame])
}

/// Kind of a message, from its frame.
fn kind(frame: &[u8]) -> u8 {
    frame[1]
}

const ATTEMPT: u8 = 2;
const ANSWER: u8 = 3;
const CONFIRM: u8 = 4;

#[test]
fn honest_machines_pair_and_come_back_without_the_code() {
    let (one, other) = (machine(), machine());
    let (config, binding) = (PairingConfig::default(), channel());
    let mut dialer = Dialer::with_code(&config, one.clone(), binding.clone(), code());
    let mut listener = Listener::new(&config, other.clone(), binding);
    let (d, l) = undisturbed(&mut dialer, &mut listener);
    let (d, l) = (d.paired.unwrap(), l.paired.unwrap());
    assert_eq!((d.peer_identity, l.peer_identity), (other.identity(), one.identity()));
    assert!(d.pair_key == l.pair_key && d.session_key == l.session_key && d.pair_key != d.session_key);

    let binding = channel();
    let mut dialer =
        Dialer::with_pair_key(&config, one.clone(), binding.clone(), d.pair_key.clone(), d.peer_identity);
    let mut listener = Listener::new(&config, other, binding.clone());
    let again = knock_at(&mut dialer, &mut listener, &binding, &l.pair_key, l.peer_identity);
    let (d2, l2) = (again.0.paired.unwrap(), again.1.paired.unwrap());
    assert!(d2.pair_key == d.pair_key && d2.session_key == l2.session_key && d2.session_key != d.session_key);
}

fn knock_at(
    dialer: &mut Dialer<PairingCrypto>,
    listener: &mut Listener<PairingCrypto>,
    binding: &Binding,
    pair_key: &Zeroizing<[u8; 32]>,
    identity: [u8; 32],
) -> (Outcome, Outcome) {
    let (mut d, mut l) = (Outcome::default(), Outcome::default());
    for _ in 0..4 {
        while let Some(frame) = dialer.poll_frame() {
            if !listener.is_closed() {
                l.error = listener.handle_frame(NOW, &frame).err().or(l.error);
            }
        }
        while let Some(event) = listener.poll_event() {
            match &event {
                PairingEvent::Knock { tag } if knock::matches(pair_key, binding, tag) => {
                    listener.accept_knock(NOW, pair_key.clone(), identity).unwrap();
                }
                PairingEvent::Knock { .. } => listener.refuse(Reason::NotRemembered),
                _ => {}
            }
            l.note(event);
        }
        while let Some(frame) = listener.poll_frame() {
            if !dialer.is_closed() {
                d.error = dialer.handle_frame(NOW, &frame).err().or(d.error);
            }
        }
        while let Some(event) = dialer.poll_event() {
            d.note(event);
        }
    }
    (d, l)
}

#[test]
fn pitfall_1_the_exporter_alone_does_not_bind_the_dialers_key() {
    let binding = channel();
    for part in 0..3 {
        let mut other = binding.clone();
        match part {
            0 => other.dialer_key[43] ^= 1,
            1 => other.listener_key[0] ^= 1,
            _ => other.exporter[31] ^= 1,
        }
        let (d, l) = undisturbed(&mut dialer_at(&other, "4821-tulip-harbor"), &mut listener_at(&binding));
        assert!(l.wrong_code && d.refused == Some(Reason::WrongCode), "part {part}");
        assert!(d.paired.is_none() && l.paired.is_none());
    }
}

#[test]
fn pitfall_2_nobody_pairs_with_a_mirror() {
    let mirror = Binding { listener_key: vec![7; 44], dialer_key: vec![7; 44], ..channel() };
    let (d, l) = undisturbed(&mut dialer_at(&mirror, "4821-tulip-harbor"), &mut listener_at(&mirror));
    assert!(matches!(
        (d.error, l.error),
        (Some(PairingError::Misbehaved(_)), Some(PairingError::Misbehaved(_)))
    ));

    // The dialer's own element, under either role's label.
    for label in [b'A', b'B'] {
        let binding = channel();
        let mut own = Vec::new();
        let (d, _) =
            run(&mut dialer_at(&binding, "4821-tulip-harbor"), &mut listener_at(&binding), |_, frame| {
                match kind(&frame) {
                    ATTEMPT => own = frame[frame.len() - 33..].to_vec(),
                    ANSWER => {
                        let mut back = frame[..frame.len() - 33].to_vec();
                        back.push(label);
                        back.extend(&own[1..]);
                        return vec![back];
                    }
                    _ => {}
                }
                vec![frame]
            });
        assert!(matches!(d.error, Some(PairingError::Misbehaved(_))), "{label}");
    }
}

/// What `role` says to a message of its peer.
fn finish(role: Role, message: &[u8]) -> Result<Zeroizing<[u8; 32]>, PakeRejected> {
    machine().pake_start(role, b"password", b"dialer", b"listener").0.finish(message)
}

#[test]
fn pitfall_2_points_outside_the_group_are_refused() {
    let (_, honest) = machine().pake_start(Role::Listener, b"password", b"dialer", b"listener");
    assert!(finish(Role::Dialer, &honest).is_ok());
    let point = CompressedEdwardsY::from_slice(&honest[1..]).unwrap().decompress().unwrap();

    let mut bad: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|small| small.compress().0).collect();
    bad.extend(EIGHT_TORSION[1..].iter().map(|small| (point + small).compress().0));
    // Second spellings: y and the prime added, also with the sign of an x that is zero; and no point at all.
    let prime_and = |low: u8| {
        let mut bytes = [0xff; 32];
        bytes[0] = 0xed + low;
        bytes[31] = 0x7f;
        bytes
    };
    bad.extend([prime_and(0), prime_and(1), [0xff; 32]]);
    let mut minus_zero = [0; 32];
    minus_zero[0] = 1;
    minus_zero[31] = 0x80;
    bad.push(minus_zero);
    let not_on_curve =
        (0..=255).map(|byte| [byte; 32]).find(|b| CompressedEdwardsY(*b).decompress().is_none());
    bad.extend(not_on_curve);
    for bytes in bad {
        let message = [&[b'B'][..], &bytes].concat();
        assert!(finish(Role::Dialer, &message).is_err(), "{bytes:02x?}");
        let message = [&[b'A'][..], &bytes].concat();
        assert!(finish(Role::Listener, &message).is_err(), "{bytes:02x?}");
    }
    // Good points under a wrong label or of a wrong length.
    for label in [b'A', b'S', 0] {
        assert!(finish(Role::Dialer, &[&[label][..], &honest[1..]].concat()).is_err());
    }
    assert!(finish(Role::Dialer, &honest[..32]).is_err());
    assert!(finish(Role::Dialer, &[&honest[..], &[0]].concat()).is_err());
    assert!(finish(Role::Dialer, &[]).is_err());
}

#[test]
fn pitfall_2_the_machines_refuse_bad_points_before_they_say_anything() {
    let identity_element = [&[1][..], &[0; 31]].concat();
    for (at, label) in [(ATTEMPT, b'A'), (ANSWER, b'B')] {
        let binding = channel();
        let mut sent = Vec::new();
        let (d, l) =
            run(&mut dialer_at(&binding, "4821-tulip-harbor"), &mut listener_at(&binding), |_, frame| {
                sent.push(kind(&frame));
                if kind(&frame) == at {
                    return vec![[&frame[..frame.len() - 33], &[label], &identity_element].concat()];
                }
                vec![frame]
            });
        let (victim, told) = if at == ATTEMPT { (l, d) } else { (d, l) };
        assert_eq!(victim.error, Some(PairingError::Misbehaved("PAKE message")));
        assert_eq!(told.refused, Some(Reason::Protocol));
        assert!(!sent.contains(&CONFIRM) && (at == ANSWER || !sent.contains(&ANSWER)));
    }
}

#[test]
fn pitfall_3_the_dialer_confirms_first_and_counts_its_tags() {
    // A dialler that knows nothing gets nothing that was made with the code but Y, which any code explains.
    let binding = channel();
    let mut sent = Vec::new();
    run(&mut dialer_at(&binding, "4821-wrong-words"), &mut listener_at(&binding), |role, frame| {
        if role == Role::Listener {
            sent.push(kind(&frame));
        }
        vec![frame]
    });
    assert_eq!(sent, [1, ANSWER, 8], "HELLO, ANSWER and a refusal, but no CONFIRM");

    // Thieves that answer for the nameplate get three tags between them.
    let mut budget = TagBudget::default();
    let mut tags = 0;
    for _ in 0..10 {
        if !budget.take() {
            break;
        }
        let binding = channel();
        let mut victim = dialer_at(&binding, "4821-other-words");
        let (d, _) = run(&mut victim, &mut listener_at(&binding), |role, frame| {
            tags += usize::from(role == Role::Dialer && kind(&frame) == CONFIRM);
            vec![frame]
        });
        assert!(d.paired.is_none());
        if !victim.tag_is_at_risk() {
            budget.give_back();
        }
    }
    assert_eq!((tags, budget.left()), (3, 0));

    // An honest listener does not use the budget up.
    let mut budget = TagBudget::default();
    for _ in 0..10 {
        assert!(budget.take());
        let binding = channel();
        let mut dialer = dialer_at(&binding, "4821-tulip-harbor");
        assert!(undisturbed(&mut dialer, &mut listener_at(&binding)).0.paired.is_some());
        assert!(!dialer.tag_is_at_risk());
        budget.give_back();
    }
}

#[test]
fn pitfall_3_a_listener_that_does_not_know_the_code_is_found_out() {
    let binding = channel();
    let mut victim = dialer_at(&binding, "4821-tulip-harbor");
    let (d, _) = run(&mut victim, &mut listener_at(&binding), |role, mut frame| {
        if role == Role::Listener && kind(&frame) == CONFIRM {
            *frame.last_mut().unwrap() ^= 1;
        }
        vec![frame]
    });
    assert!(d.wrong_code && d.paired.is_none() && victim.tag_is_at_risk());
}

/// A connection of its own to a listener that counts.
struct Connection {
    dialer: Dialer<PairingCrypto>,
    listener: Listener<PairingCrypto>,
}

impl Connection {
    /// Up to the listener's question.
    fn open(code: &str) -> Self {
        let binding = channel();
        let (mut dialer, mut listener) = (dialer_at(&binding, code), listener_at(&binding));
        listener.handle_frame(NOW, &dialer.poll_frame().unwrap()).unwrap();
        dialer.handle_frame(NOW, &listener.poll_frame().unwrap()).unwrap();
        listener.handle_frame(NOW, &dialer.poll_frame().unwrap()).unwrap();
        assert!(matches!(listener.poll_event(), Some(PairingEvent::CodeAttempt { nameplate: 4821 })));
        Self { dialer, listener }
    }

    /// From the answer to the listener's verdict on the tag.
    fn try_code(&mut self) -> PairingEvent {
        self.listener.grant(NOW, &code()).unwrap();
        self.dialer.handle_frame(NOW, &self.listener.poll_frame().unwrap()).unwrap();
        self.listener.handle_frame(NOW, &self.dialer.poll_frame().unwrap()).unwrap();
        if let Some(event) = self.listener.poll_event() {
            return event;
        }
        self.dialer.handle_frame(NOW, &self.listener.poll_frame().unwrap()).unwrap();
        self.listener.handle_frame(NOW, &self.dialer.poll_frame().unwrap()).unwrap();
        self.listener.poll_event().unwrap()
    }
}

fn source(number: u16) -> [u8; 16] {
    let mut source = [0; 16];
    source[..2].copy_from_slice(&number.to_be_bytes());
    source
}

#[test]
fn pitfall_4_many_connections_at_once_are_still_three_guesses() {
    let mut guesses = Guesses::new(GUESSES_ONE_TO_ONE);
    let mut connections: Vec<_> = (0..200).map(|_| Connection::open("4821-wrong-words")).collect();
    let mut wrong = 0;
    // All ask before any has an answer; then each round, those that got a guess use it.
    for _ in 0..10 {
        let mut granted = Vec::new();
        for (index, connection) in connections.drain(..).enumerate() {
            if let Reservation::Granted(ticket) = guesses.reserve(NOW, source(u16::try_from(index).unwrap()))
            {
                granted.push((ticket, connection));
            }
        }
        for (ticket, mut connection) in granted {
            assert!(matches!(connection.try_code(), PairingEvent::WrongCode));
            guesses.spend(ticket);
            wrong += 1;
        }
        connections = (0..20).map(|_| Connection::open("4821-wrong-words")).collect();
    }
    assert_eq!((wrong, guesses.left()), (3, 0));
}

#[test]
fn pitfall_5_only_a_wrong_tag_costs_a_guess() {
    let mut guesses = Guesses::new(1);
    for _ in 0..3 {
        let Reservation::Granted(ticket) = guesses.reserve(NOW, source(1)) else { panic!() };
        let mut connection = Connection::open("4821-wrong-words");
        connection.listener.grant(NOW, &code()).unwrap();
        let deadline = connection.listener.poll_timeout().unwrap();
        assert_eq!((deadline.at, deadline.reason), (NOW + Duration::from_secs(2), "CONFIRM"));
        connection.listener.handle_timeout(deadline.at);
        assert!(matches!(
            connection.listener.poll_event(),
            Some(PairingEvent::TimedOut { waiting_for: "CONFIRM" })
        ));
        guesses.refund(ticket);
    }
    let Reservation::Granted(ticket) = guesses.reserve(NOW, source(1)) else { panic!() };
    let mut admission = Admission::new();
    let event = Connection::open("4821-tulip-harbor").try_code();
    let PairingEvent::Identified { identity } = event else { panic!("{event:?}") };
    guesses.success(ticket);
    assert_eq!(admission.ask(&identity), Admitted::First);
    // The code belongs to that machine now.
    let PairingEvent::Identified { identity: another } = Connection::open("4821-tulip-harbor").try_code()
    else {
        panic!()
    };
    assert_eq!(admission.ask(&another), Admitted::CodeUsed);
    assert_eq!(guesses.left(), 1);
    let Reservation::Granted(ticket) = guesses.reserve(NOW, source(1)) else { panic!() };
    assert!(matches!(Connection::open("4821-wrong-words").try_code(), PairingEvent::WrongCode));
    assert_eq!(guesses.spend(ticket), 0);
    assert_eq!(guesses.reserve(NOW, source(2)), Reservation::Exhausted);
}

#[test]
fn pitfall_6_and_9_two_words_are_twenty_two_bits() {
    assert_eq!(words().len() * words().len(), 1 << 22);
    let code = Code::random(4821, 2, &mut random).unwrap();
    assert!(code.words().split('-').all(|word| words().contains(&word)));
    assert_ne!(code, Code::random(4821, 2, &mut random).unwrap());
}

#[test]
fn pitfall_7_nothing_public_comes_from_the_words() {
    let frames = |code: &str| {
        let binding = channel();
        let mut seen = Vec::new();
        run(&mut dialer_at(&binding, code), &mut listener_at(&binding), |role, frame| {
            if role == Role::Dialer && kind(&frame) <= ATTEMPT {
                seen.push(frame.clone());
            }
            vec![frame]
        });
        seen
    };
    let (one, again, other) =
        (frames("4821-tulip-harbor"), frames("4821-tulip-harbor"), frames("4821-a-rather-long-other-one"));
    assert_eq!(one[0], other[0], "HELLO does not depend on the code");
    let before_point = one[1].len() - 32;
    assert_eq!(one[1][..before_point], other[1][..before_point], "ATTEMPT has the nameplate and a point");
    assert_ne!(one[1][before_point..], again[1][before_point..], "and the point is another one each time");
}

#[test]
fn pitfall_8_codes_that_are_hardly_any_are_refused() {
    assert_eq!("4821-abc".parse::<Code>(), Err(CodeError::TooShort));
    assert_eq!("4821".parse::<Code>(), Err(CodeError::NoWords));
}

#[test]
fn pitfall_10_debug_output_has_no_secrets() {
    let key = IdentityKey::from_pkcs8(&IdentityKey::generate().unwrap()).unwrap();
    let crypto = PairingCrypto::new(key.clone());
    assert_eq!(format!("{key:?}"), format!("IdentityKey({:?})", key.public()));
    assert_eq!(format!("{crypto:?}"), format!("PairingCrypto {{ key: {key:?} }}"));
    assert!(!format!("{:?}", code()).contains("tulip"));
}

#[test]
fn pitfall_12_another_identity_is_an_error_and_no_code_is_tried() {
    let (binding, config, key) = (channel(), PairingConfig::default(), Zeroizing::new([5; 32]));
    let (one, other, stranger) = (machine(), machine(), machine());
    let mut dialer =
        Dialer::with_pair_key(&config, one.clone(), binding.clone(), key.clone(), stranger.identity());
    let mut listener = Listener::new(&config, other.clone(), binding.clone());
    let (d, _) = knock_at(&mut dialer, &mut listener, &binding, &key, one.identity());
    assert_eq!(d.error, Some(PairingError::NotRemembered));
    assert!(d.paired.is_none() && dialer.is_closed());

    let mut dialer = Dialer::with_pair_key(&config, one, binding.clone(), key.clone(), other.identity());
    let mut listener = Listener::new(&config, other, binding.clone());
    let (d, l) = knock_at(&mut dialer, &mut listener, &binding, &key, stranger.identity());
    assert_eq!((d.refused, l.error), (Some(Reason::NotRemembered), Some(PairingError::NotRemembered)));

    let mut dialer =
        Dialer::with_pair_key(&config, machine(), binding.clone(), Zeroizing::new([6; 32]), [0; 32]);
    let (d, l) = knock_at(&mut dialer, &mut listener_at(&binding), &binding, &key, [0; 32]);
    assert!(d.refused == Some(Reason::NotRemembered) && l.paired.is_none());
}

#[test]
fn pitfall_13_versions_and_features_cannot_be_argued_down() {
    for swap in [Role::Dialer, Role::Listener] {
        let binding = channel();
        let config = PairingConfig::default().features(0b11);
        let mut dialer = Dialer::with_code(&config, machine(), binding.clone(), code());
        let mut listener = Listener::new(&config, machine(), binding);
        let (d, l) = run(&mut dialer, &mut listener, |role, frame| {
            if role == swap && kind(&frame) == 1 {
                return vec![Hello::new(0b01, 0, None, Intent::PairCode).encode()];
            }
            vec![frame]
        });
        assert!(l.wrong_code && d.paired.is_none() && l.paired.is_none(), "{swap:?}");
    }
}

#[test]
fn what_was_said_on_one_channel_means_nothing_later() {
    let binding = channel();
    let mut heard = Vec::new();
    let (d, _) =
        run(&mut dialer_at(&binding, "4821-tulip-harbor"), &mut listener_at(&binding), |role, frame| {
            if role == Role::Dialer {
                heard.push(frame.clone());
            }
            vec![frame]
        });
    assert!(d.paired.is_some());
    // Even on the same channel, whose listener draws a new point.
    let mut listener = listener_at(&binding);
    for frame in &heard[..2] {
        listener.handle_frame(NOW, frame).unwrap();
    }
    listener.poll_event();
    listener.grant(NOW, &code()).unwrap();
    listener.handle_frame(NOW, &heard[2]).unwrap();
    assert!(matches!(listener.poll_event(), Some(PairingEvent::WrongCode)));
}

#[test]
fn keys_are_read_as_they_were_written() {
    let document = IdentityKey::generate().unwrap();
    let (key, again) =
        (IdentityKey::from_pkcs8(&document).unwrap(), IdentityKey::from_pkcs8(&document).unwrap());
    assert_eq!(key.public(), again.public());
    assert_ne!(key.public(), IdentityKey::from_pkcs8(&IdentityKey::generate().unwrap()).unwrap().public());
    for len in 0..document.len() {
        assert_eq!(
            IdentityKey::from_pkcs8(&document[..len]).unwrap_err(),
            CryptoError::NotAKey,
            "cut at {len}"
        );
    }
    // The older form, without the public half.
    let seed = Ed25519KeyPair::from_pkcs8(&document).unwrap();
    let old = seed.to_pkcs8v1().unwrap();
    assert_eq!(IdentityKey::from_pkcs8(old.as_ref()).unwrap().public(), key.public());
}

#[test]
fn signatures_hold_for_their_key_and_message_only() {
    let (one, other) = (machine(), machine());
    let signature = one.sign(b"message");
    assert!(other.verify(&one.identity(), b"message", &signature));
    assert!(!other.verify(&other.identity(), b"message", &signature));
    assert!(!other.verify(&one.identity(), b"massage", &signature));
    let mut bent = signature;
    bent[63] ^= 0x20;
    assert!(!other.verify(&one.identity(), b"message", &bent));

    // Whoever has a key of small order has signatures of everything: R = s·B, whatever the message is.
    let s = Scalar::from(7u64);
    let forged: [u8; 64] =
        [(ED25519_BASEPOINT_POINT * s).compress().0, s.to_bytes()].concat().try_into().unwrap();
    for small in EIGHT_TORSION {
        for number in 0..32u8 {
            assert!(!one.verify(&small.compress().0, &[number], &forged));
        }
    }
    assert!(!one.verify(&[0xff; 32], b"message", &signature));
}

#[test]
fn randomness_is_not_the_same_twice() {
    let (mut a, mut b) = ([0; 32], [0; 32]);
    random(&mut a);
    machine().random(&mut b);
    assert!(a != b && a != [0; 32] && b != [0; 32]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One frame changed in one bit, cut, doubled, dropped or swapped with nothing: whoever gets it does not pair.
    #[test]
    fn a_frame_that_was_touched_pairs_nobody(step in 0usize..8, byte in any::<prop::sample::Index>(), bit in 0u8..8, how in 0..4) {
        let binding = channel();
        let mut seen = 0;
        let mut touched = None;
        let (d, l) = run(&mut dialer_at(&binding, "4821-tulip-harbor"), &mut listener_at(&binding), |role, mut frame| {
            seen += 1;
            if seen != step + 1 {
                return vec![frame];
            }
            touched = Some(role);
            let at = byte.index(frame.len());
            match how {
                0 => frame[at] ^= 1 << bit,
                1 => frame.truncate(at),
                2 => return vec![],
                _ => return vec![frame.clone(), frame],
            }
            vec![frame]
        });
        match touched {
            // A second copy of the last message comes to a machine that is done.
            Some(Role::Listener) if how == 3 && step == 7 => prop_assert!(d.paired.is_some() && l.paired.is_some()),
            Some(Role::Dialer) => prop_assert!(l.paired.is_none()),
            Some(Role::Listener) => prop_assert!(d.paired.is_none()),
            None => prop_assert!(false, "the exchange has eight frames"),
        }
    }
}
