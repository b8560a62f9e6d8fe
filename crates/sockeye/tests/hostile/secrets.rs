//! What must not be seen: the words of a code, pair keys, session keys.

use std::{fmt::Write as _, fs, os::unix::fs::PermissionsExt, time::Duration};

use sockeye::{
    AuthenticationFailure, Code, Common, DialConfig, Error, Event, Home, ListenConfig, ReceiveConfig, Route,
};

use crate::{
    beacon::Beacon,
    guesses::wrong,
    honest,
    list::List,
    peer::{Failed, Hostile, honest as unchanged},
    victim::{Place, Victim, Wish, hostile_listener, search, shared_code},
};

/// Hexadecimal, as Debug of bytes and as files would have it.
fn spellings(secret: &[u8]) -> [String; 2] {
    let mut hex = String::new();
    for byte in secret {
        write!(hex, "{byte:02x}").unwrap();
    }
    let list = format!("{secret:?}");
    [hex, list.trim_matches(['[', ']']).to_owned()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_and_no_error_shows_a_secret() {
    let mut victim =
        Victim::receiver_with(Place::new(), Wish { remember: Some("friend".into()), ..Wish::default() })
            .await;
    let words = victim.code.words().to_owned();
    let wrong = if words == "wrong-words" { "other-words" } else { "wrong-words" };
    let guess = format!("{:04}-{wrong}", victim.code.nameplate()).parse().unwrap();
    assert!(matches!(Hostile::new().dial(victim.address, &guess).await.err(), Some(Failed::Refused(_))));
    let hostile = Hostile::new();
    let session = hostile.session(victim.address, &victim.code).await;
    let (pair_key, session_key) =
        (session.met.paired.pair_key.clone(), session.met.paired.session_key.clone());
    let mut list = List::of_file("small", b"x");
    list.file(None, "large", &[7; 700_000]);
    assert!(honest::send(session, 1, &list).await.complete);
    victim.event(|event| matches!(event, Event::Finished(_))).await;
    let transfer = format!("{:?}", victim.transfer);
    let (_, events, summary) = victim.end().await;
    let summary = summary.unwrap();
    let shown = format!("{events:?} {events:#?} {summary:?} {summary:#?} {transfer}");
    assert!(events.iter().any(|event| matches!(event, Event::WrongCode { .. })));
    assert!(!shown.contains(&words), "{shown}");
    for secret in [&*pair_key, &*session_key] {
        for spelling in spellings(secret) {
            assert!(!shown.contains(&spelling));
        }
    }
}

/// A failure as a program may show it, with all that was told before.
async fn shown_failure(victim: Victim) -> (String, Error) {
    let transfer = format!("{:?}", victim.transfer);
    let (_, events, end) = victim.end().await;
    let error = end.expect_err("it fails");
    (format!("{error} {error:?} {error:#?} {events:?} {events:#?} {transfer}"), error)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_failed_transfer_shows_a_secret() {
    let soon = || Wish { timeout: Duration::from_millis(300), ..Wish::default() };
    // Whoever else runs this test here looks for another number.
    let searched: Code = format!("{}-walnut-harbor", 1000 + std::process::id() % 9000).parse().unwrap();
    let mut shown = Vec::new();

    // Another code than the listener's, once from each side.
    let (listener, address) = hostile_listener().await;
    let victim = Victim::receiver_at(address, &shared_code(), Wish::default());
    let hostile = Hostile::new();
    let channel = hostile.next_channel(&listener).await;
    let mut hook = unchanged;
    let met = hostile.answer_over(channel, &wrong(&shared_code()), None, &mut hook).await;
    assert!(met.is_err());
    let (text, error) = shown_failure(victim).await;
    assert!(matches!(error, Error::Authentication(AuthenticationFailure::WrongCode)), "{error:?}");
    shown.push((text, shared_code()));

    let mut victim = Victim::receiver().await;
    let code = victim.code.clone();
    for _ in 0..3 {
        Hostile::new().dial(victim.address, &wrong(&code)).await.err().expect("a wrong code");
    }
    // Its successor.
    victim.event(|event| matches!(event, Event::Code { code: new, .. } if *new != code)).await;
    let Some(Event::Code { code: new, .. }) = victim.events.last().cloned() else { unreachable!() };
    victim.transfer.canceller().cancel();
    let (text, error) = shown_failure(victim).await;
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    shown.extend([(text.clone(), code), (text, new)]);

    // A listener that goes away in the middle of pairing, and none at all.
    let fill = |from: &std::path::Path| fs::write(from.join("file"), "content").unwrap();
    let victim = Victim::sender_at(address, &shared_code(), fill);
    drop(hostile.next_channel(&listener).await);
    drop(listener);
    let (text, error) = shown_failure(victim).await;
    assert!(matches!(error, Error::Network { .. }), "{error:?}");
    shown.push((text, shared_code()));
    let (text, error) = shown_failure(Victim::receiver_at(address, &shared_code(), Wish::default())).await;
    assert!(matches!(error, Error::Network { .. }), "{error:?}");
    shown.push((text, shared_code()));

    // Nobody answers, two do, and nobody is asked.
    let victim = Victim::receiver_by(search(Some(&searched), None), soon());
    let (text, error) = shown_failure(victim).await;
    assert!(matches!(error, Error::NoPeerFound { .. }), "{error:?}");
    shown.push((text, searched.clone()));
    let beacons = [1, 2].map(|run| Beacon::of_number(searched.nameplate(), 9, run));
    let victim = Victim::receiver_by(search(Some(&searched), None), Wish::default());
    let (text, error) = shown_failure(victim).await;
    assert!(matches!(error, Error::Ambiguous { .. }), "{error:?}");
    shown.push((text, searched.clone()));
    drop(beacons);
    let nowhere = DialConfig { code: Some(searched.clone()), no_discovery: true, ..DialConfig::default() };
    let (text, error) = shown_failure(Victim::receiver_by(Route::Dial(nowhere), soon())).await;
    assert!(matches!(error, Error::Misuse { .. }), "{error:?}");
    shown.push((text, searched.clone()));

    for (text, code) in &shown {
        assert!(!text.contains(code.words()), "{text}");
        // A single word of a random code may stand there for another reason.
        if [&shared_code(), &searched].contains(&code) {
            assert!(!code.words().split('-').any(|word| text.contains(word)), "{text}");
        }
    }
}

#[test]
fn configurations_do_not_show_a_code() {
    let code = shared_code();
    let dial = Route::Dial(DialConfig { code: Some(code.clone()), ..DialConfig::default() });
    let listen = Route::Listen(ListenConfig { code: Some(code.clone()), ..ListenConfig::default() });
    let home = Home::at(std::path::Path::new("/nowhere"));
    let receive = |route| ReceiveConfig {
        output: sockeye::Output::Stdout,
        existing: sockeye::Existing::Refuse,
        portable_names: false,
        max_size: None,
        consent: sockeye::Consent::Ask,
        route,
        keep: false,
        pair: false,
        common: Common::new(home.clone()),
    };
    for route in [dial, listen] {
        let shown = format!("{:?}", receive(route));
        assert!(shown.contains("4821") && !shown.contains("tulip") && !shown.contains("harbor"), "{shown}");
    }
    assert_eq!(code.to_string(), "4821-tulip-harbor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_is_for_its_owner_only_and_holds_no_code() {
    let place = Place::new();
    let home = place.home();
    let victim =
        Victim::receiver_with(place, Wish { remember: Some("friend".into()), ..Wish::default() }).await;
    let words = victim.code.words().to_owned();
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    session.say(&List::of_file("large", &[7; 700_000]).offer(1)).await;
    session.until(crate::wire::kind::NEED_END).await;
    let mut seen = 0;
    let mut left = vec![home.config, home.state, victim.place.staging().expect("unfinished files")];
    while let Some(path) = left.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!(found.permissions().mode() & 0o077, 0, "{path:?}");
        assert!(!path.to_string_lossy().contains(&words));
        if found.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            seen += 1;
            assert!(!String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(&words), "{path:?}");
        }
    }
    assert!(seen >= 4, "the key, the peers, the run, the journal: {seen}");
    drop(session);
    victim.transfer.canceller().cancel();
    victim.end().await.2.unwrap_err();
}
