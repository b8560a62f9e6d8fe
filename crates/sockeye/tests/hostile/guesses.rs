//! Who does not know the code, who used it, and who comes back without it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use sockeye::{AuthenticationFailure, Code, CodeError, Error, Event, Target, TrustStore};
use sockeye_proto::{
    hello::{Hello, Intent},
    pairing::{Crypto as _, Reason},
};
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::{
    beacon::Beacon,
    honest,
    list::List,
    peer::{CONTROL, Failed, Hostile, Proof, honest as unchanged, kind as kind_of},
    victim::{Place, Victim, Wish, dial, hostile_listener, search, shared_code},
    wire::kind,
};

/// The same nameplate with other words.
pub fn wrong(code: &Code) -> Code {
    let words = if code.words() == "wrong-words" { "other-words" } else { "wrong-words" };
    format!("{:04}-{words}", code.nameplate()).parse().unwrap()
}

/// A connection from another address of this machine, as if from another machine.
pub async fn connect_from(source: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(to).await
}

/// An honest transfer, to show that the door still works.
pub async fn gets_in(victim: &Victim, code: &Code) {
    let session = Hostile::new().session(victim.address, code).await;
    assert!(honest::send(session, 1, &List::of_file("honest", b"bytes")).await.complete);
}

pub fn wrong_codes(events: &[Event]) -> Vec<u32> {
    let left = |event: &Event| if let Event::WrongCode { left, .. } = event { Some(*left) } else { None };
    events.iter().filter_map(left).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_wrong_guesses_and_the_code_is_dead() {
    let mut victim = Victim::receiver().await;
    let old = victim.code.clone();
    for left in [2, 1, 0] {
        let end = Hostile::new().dial(victim.address, &wrong(&old)).await.err();
        assert_eq!(end, Some(Failed::Refused(Reason::WrongCode)));
        let event = victim.event(|event| matches!(event, Event::WrongCode { .. })).await;
        assert!(matches!(event, Event::WrongCode { left: l, .. } if l == left), "{event:?}");
    }
    let Event::Code { code: new, .. } = victim.event(|event| matches!(event, Event::Code { .. })).await
    else {
        unreachable!()
    };
    assert_ne!(new.words(), old.words());
    let old = if old.nameplate() == new.nameplate() { old } else { wrong(&new) };
    assert!(Hostile::new().dial(victim.address, &old).await.is_err(), "the old code is dead");
    gets_in(&victim, &new).await;
    victim.succeeds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_guess_is_given_back() {
    // The exchange goes up to ANSWER, after which a tag could be checked, and ends without one.
    let victim = Victim::receiver().await;
    for _ in 0..5 {
        let hostile = Hostile::new();
        let channel = hostile.keys.dial(victim.address, CONTROL).await.unwrap();
        let code = wrong(&victim.code);
        let mut no_tag = |frame: Vec<u8>| if kind_of(&frame) == kind::CONFIRM { vec![] } else { vec![frame] };
        let pairing = hostile.pair_over(channel, Proof::Code(&code), &mut no_tag);
        let _ = timeout(Duration::from_millis(50), pairing).await;
    }
    gets_in(&victim, &victim.code.clone()).await;
    let (_, events, end) = victim.end().await;
    assert_eq!((wrong_codes(&events), end.is_ok()), (vec![], true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_in_parallel_are_no_more_guesses() {
    let victim = Victim::receiver().await;
    let mut guesses = JoinSet::new();
    for number in 0..24 {
        let (address, code) = (victim.address, wrong(&victim.code));
        guesses.spawn(async move {
            let hostile = Hostile::new();
            let tcp = connect_from(Ipv4Addr::new(127, 0, 1, number / 2 + 1), address).await.ok()?;
            let channel = hostile.keys.dial_over(tcp, CONTROL).await.ok()?;
            hostile.pair_over(channel, Proof::Code(&code), &mut unchanged).await.err()
        });
    }
    let _ = timeout(Duration::from_secs(4), guesses.join_all()).await;
    let (_, events) = victim.cancel().await;
    // Between two codes there are three wrong guesses, counted down.
    let mut left = 3;
    for event in &events {
        match event {
            Event::WrongCode { left: now, .. } => {
                assert_eq!(*now + 1, left, "{:?}", wrong_codes(&events));
                left = *now;
            }
            Event::Code { .. } => left = 3,
            _ => {}
        }
    }
    assert!(wrong_codes(&events).len() >= 3);
}

/// Guesses as fast as it goes for two seconds, from eight addresses.
async fn guess_away(address: SocketAddr, code: &Code) {
    let began = Instant::now();
    let mut guessers = JoinSet::new();
    for number in 0..8u8 {
        let guess = wrong(code);
        guessers.spawn(async move {
            while began.elapsed() < Duration::from_secs(2) {
                let Ok(tcp) = connect_from(Ipv4Addr::new(127, 0, 2, number + 1), address).await else {
                    return;
                };
                let hostile = Hostile::new();
                let Ok(channel) = hostile.keys.dial_over(tcp, CONTROL).await else { continue };
                let mut hook = unchanged;
                let pairing = hostile.pair_over(channel, Proof::Code(&guess), &mut hook);
                let _ = timeout(Duration::from_secs(1), pairing).await;
            }
        });
    }
    guessers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_codes_do_not_come_faster_than_a_person_types() {
    // Each code takes three guesses. If codes are renewed at once and for ever, guesses are as many as connections: at
    // hundreds a second the 22 bits of a code are a matter of hours.
    let victim = Victim::receiver().await;
    guess_away(victim.address, &victim.code).await;
    let (_, events) = victim.cancel().await;
    let guesses = wrong_codes(&events).len();
    assert!((3..=12).contains(&guesses), "{guesses} wrong guesses were checked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_code_cannot_be_guessed_either() {
    let mut victim = Victim::receiver().await;
    let owner = Hostile::new();
    let session = owner.session(victim.address, &victim.code).await;
    victim.paired().await;
    guess_away(victim.address, &victim.code).await;
    // It costs the owner nothing: the session goes on, and it can come back.
    let (key, identity) = (*session.met.paired.pair_key, session.met.paired.peer_identity);
    session.vanish();
    victim.reconnecting().await;
    let back = owner.again();
    let met = back.knock(victim.address, &key, identity).await.unwrap();
    let session = back.with_lane(met).await;
    assert!(honest::send(session, 1, &List::of_file("honest", b"bytes")).await.complete);
    let (_, events, _) = victim.end().await;
    let guesses = wrong_codes(&events).len();
    assert!(guesses <= 12, "{guesses} wrong guesses were checked");
    let codes = events.iter().filter(|event| matches!(event, Event::Code { .. })).count();
    assert_eq!(codes, 1, "no new code while the old one has an owner");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_met_is_not_replaced_by_somebody_else_with_the_code() {
    let (listener, address) = hostile_listener().await;
    let mut victim = Victim::receiver_at(address, &shared_code(), Wish::default());
    let mut session = Hostile::new().welcome(&listener, &shared_code()).await;
    session.say(&List::of_file("file", &[7; 300_000]).offer(1)).await;
    session.until(kind::NEED_END).await;
    session.vanish();
    victim.reconnecting().await;
    // Somebody else has its address now, and the code.
    let thief = Hostile::new();
    let refuse = async {
        let mut hook = unchanged;
        let channel = thief.next_channel(&listener).await;
        let _ = thief.answer_over(channel, &shared_code(), None, &mut hook).await;
        // If it comes with the code now, it is let in.
        let channel = thief.next_channel(&listener).await;
        let met = thief.answer_over(channel, &shared_code(), None, &mut hook).await.ok()?;
        let lane = thief.next_lane(&listener, met).await?;
        Some(lane)
    };
    let stolen = timeout(Duration::from_secs(4), refuse).await;
    victim.transfer.canceller().cancel();
    let (place, events, _) = victim.end().await;
    let paired = events.iter().filter(|event| matches!(event, Event::Paired { .. })).count();
    assert_eq!(paired, 1, "paired with somebody else: {events:?}");
    drop(stolen);
    place.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_nameplate_and_no_words_get_nowhere() {
    let victim = Victim::receiver().await;
    let other: Code = format!("{}-tulip-harbor", victim.code.nameplate() % 9999 + 1).parse().unwrap();
    let end = Hostile::new().dial(victim.address, &other).await.err();
    assert_eq!(end, Some(Failed::Refused(Reason::WrongCode)));
    for text in
        ["", "4821", "4821-", "4821--", "-tulip-harbor", "0-tulip-harbor", "4821-a", "10000-tulip-harbor"]
    {
        let parsed: Result<Code, CodeError> = text.parse();
        assert!(parsed.is_err(), "{text}");
    }
    gets_in(&victim, &victim.code.clone()).await;
    let (_, events, _) = victim.end().await;
    assert_eq!(wrong_codes(&events), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_admits_one_identity() {
    let mut victim = Victim::receiver().await;
    let first = Hostile::new();
    let session = first.session(victim.address, &victim.code).await;
    victim.paired().await;
    let end = Hostile::new().dial(victim.address, &victim.code).await.err();
    assert_eq!(end, Some(Failed::Refused(Reason::CodeUsed)));
    assert!(honest::send(session, 1, &List::of_file("honest", b"bytes")).await.complete);
    victim.succeeds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn knocks_of_strangers_and_of_impostors() {
    let mut victim = Victim::receiver().await;
    let friend = Hostile::new();
    let session = friend.session(victim.address, &victim.code).await;
    victim.paired().await;
    let (key, identity) = (*session.met.paired.pair_key, session.met.paired.peer_identity);
    session.vanish();
    victim.reconnecting().await;
    let end = Hostile::new().knock(victim.address, &[7; 32], identity).await.err();
    assert_eq!(end, Some(Failed::Refused(Reason::NotRemembered)));
    // The right pair key with another identity.
    let end = Hostile::new().knock(victim.address, &key, identity).await.err();
    assert_eq!(end, Some(Failed::Refused(Reason::NotRemembered)));
    // A knock never turns into a code.
    let hostile = Hostile::new();
    let channel = hostile.keys.dial(victim.address, CONTROL).await.unwrap();
    let knock_hello = Hello::new(0, 0, None, Intent::Knock).encode();
    let mut turn =
        |frame: Vec<u8>| vec![if kind_of(&frame) == kind::HELLO { knock_hello.clone() } else { frame }];
    assert!(hostile.pair_over(channel, Proof::Code(&victim.code), &mut turn).await.is_err());
    // The friend comes back.
    let back = friend.again();
    let met = back.knock(victim.address, &key, identity).await.unwrap();
    let session = back.with_lane(met).await;
    assert!(honest::send(session, 1, &List::of_file("honest", b"bytes")).await.complete);
    victim.succeeds().await;
}

/// What somebody has who answers in place of a remembered peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Impostor {
    /// Nothing but a recorded beacon of the peer.
    Beacon,
    /// The pair key too.
    PairKey,
    /// The pair key, and it says to be the peer; the signature is its own.
    Claim,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_for_a_remembered_peer_must_be_it() {
    for impostor in [Impostor::Beacon, Impostor::PairKey, Impostor::Claim] {
        let (listener, address) = hostile_listener().await;
        // The sender has met its friend once, with a code.
        let friend = Hostile::new();
        let place = Place::new();
        fs::write(place.from().join("secret"), "for the friend only").unwrap();
        let by_code = dial(address, &shared_code());
        let mut victim = Victim::sender_by(place, by_code, |common| common.remember = Some("friend".into()));
        let session = friend.welcome(&listener, &shared_code()).await;
        victim.event(|event| matches!(event, Event::Remembered { .. })).await;
        let (key, sender) = (*session.met.paired.pair_key, session.met.paired.peer_identity);
        let (place, _) = victim.cancel().await;
        drop(session);

        // Now it looks for the friend by name, and somebody else is there.
        let beacon = Beacon::of_pair(&key, &friend.machine.identity(), address.port());
        // A code that is given along, and that the other one knows, changes nothing.
        let route = search(Some(&shared_code()), Some(Target::Peer("friend".into())));
        let victim = Victim::sender_by(place, route, |common| common.timeout = Duration::from_secs(2));
        let mut other = Hostile::new();
        if impostor == Impostor::Claim {
            other.machine.claimed = Some(friend.machine.identity());
        }
        let mut answered = 0;
        let answering = async {
            loop {
                let channel = other.next_channel(&listener).await;
                assert_eq!(channel.alpn, CONTROL, "a lane is for those who were met");
                let known = (impostor != Impostor::Beacon).then_some((&key, sender));
                let mut hook = unchanged;
                let met = other.answer_over(channel, &shared_code(), known, &mut hook).await;
                answered += 1;
                // With the pair key it believes itself met; what it hears then is no offer.
                if let Ok(mut met) = met {
                    while let Some(frame) = met.control.receive().await {
                        assert_eq!(kind_of(&frame), kind::REFUSED, "{impostor:?}");
                    }
                }
            }
        };
        let (place, events, end) = tokio::select! {
            ended = victim.end() => ended,
            () = answering => unreachable!("it answers for ever"),
        };
        assert!(answered > 0, "{impostor:?}: nobody came");
        let expected = match impostor {
            Impostor::Beacon => AuthenticationFailure::NotRemembered,
            Impostor::PairKey | Impostor::Claim => AuthenticationFailure::BadProof,
        };
        assert!(
            matches!(end, Err(Error::Authentication(why)) if why == expected),
            "{impostor:?}: {end:?} after {events:?}"
        );
        let met = |event: &Event| matches!(event, Event::Paired { .. } | Event::Started { .. });
        assert!(!events.iter().any(met), "{impostor:?}: {events:?}");
        // The friend itself would still be known.
        let known = TrustStore::open(&place.home()).unwrap();
        assert!(known.find_by_name("friend").is_some());
        drop(beacon);
    }
}
