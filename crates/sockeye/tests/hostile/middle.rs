//! Somebody in the middle, who relays or ends the encryption on both sides; all honest people typed the right code.

use std::{fs, io::Write as _, sync::atomic::Ordering};

use sockeye::{AuthenticationFailure, Error, Event};
use tokio::task::JoinSet;

use crate::{
    apart::{Apart, Role},
    peer::{CONTROL, Control, Hostile, Keys},
    proxy::{Plan, Proxy, Tamper},
    victim::{Victim, Wish, hostile_listener, shared_code},
};

fn content() -> Vec<u8> {
    (0..3_000_000_u32).map(|at| (at / 3).to_le_bytes()[0]).collect()
}

/// A sender and a receiver that meet through a relay.
async fn meet_through(plan: Option<Plan>) -> (Victim, Victim, Proxy) {
    let sender = Victim::sender(|from| fs::write(from.join("file"), content()).unwrap()).await;
    let proxy = Proxy::start(sender.address, plan).await;
    let receiver = Victim::receiver_at(proxy.address, &sender.code, Wish::default());
    (sender, receiver, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_of_bytes_changes_nothing() {
    let (sender, receiver, _proxy) = meet_through(None).await;
    let ((place, received), (_, sent)) = tokio::join!(receiver.succeeds(), sender.succeeds());
    assert_eq!((received.stats.reconnects, sent.stats.reconnects), (0, 0));
    assert!(fs::read(place.destination().join("file")).unwrap() == content());
}

/// Whatever is done to a record: both ends see it, nothing wrong gets a name, and what can be gone on with goes on.
async fn survives(plan: Plan, must_arrive: bool) {
    let (sender, receiver, proxy) = meet_through(Some(plan)).await;
    let canceller = sender.transfer.canceller();
    let (place, _, end) = receiver.end().await;
    assert!(proxy.done.load(Ordering::Relaxed), "{plan:?} was not carried out");
    let file = fs::read(place.destination().join("file"));
    match end {
        Ok(summary) => {
            assert!(file.unwrap() == content(), "{plan:?}");
            assert!(summary.stats.reconnects > 0 || plan.connection > 1, "{plan:?} went unnoticed");
            sender.succeeds().await;
        }
        Err(error) => {
            assert!(!must_arrive, "{plan:?}: {error:?}");
            let broken = matches!(
                error,
                Error::Network { .. } | Error::PeerMisbehaved { .. } | Error::TimedOut { .. }
            );
            assert!(broken, "{plan:?}: {error:?}");
            assert!(file.is_err(), "{plan:?}: a file although it failed");
            canceller.cancel();
            let _ = sender.end().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_the_lane_that_are_changed_cost_a_reconnection() {
    let ways = [
        Tamper::Flip,
        Tamper::Drop,
        Tamper::Double,
        Tamper::Swap,
        Tamper::CutBefore,
        Tamper::CutInside,
        Tamper::Garbage,
    ];
    let mut runs = JoinSet::new();
    for tamper in ways {
        runs.spawn(survives(Plan { connection: 1, upward: false, record: 30, tamper }, true));
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_pairing_and_control_that_are_changed() {
    let mut runs = JoinSet::new();
    for tamper in
        [Tamper::Flip, Tamper::Double, Tamper::Swap, Tamper::CutBefore, Tamper::CutInside, Tamper::Garbage]
    {
        for (upward, record) in [(true, 0), (true, 4), (true, 6), (false, 3), (false, 6), (false, 9)] {
            // A record that waits for its successor may wait for ever when there is none.
            if tamper == Tamper::Swap && record < 9 {
                continue;
            }
            runs.spawn(survives(Plan { connection: 0, upward, record, tamper }, false));
        }
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_at_a_records_border_is_no_end() {
    // TCP ends in good order between two records, on the lane and on the control connection; no close_notify.
    let mut runs = JoinSet::new();
    for (connection, record) in [(1, 10), (1, 100), (1, 185)] {
        runs.spawn(survives(Plan { connection, upward: false, record, tamper: Tamper::CutBefore }, true));
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_cut_at_a_records_border_is_no_whole_stream() {
    // Nobody knows how long it is. The lane ends inside of its first block, around the border to the next one, and there.
    let mut runs = JoinSet::new();
    for record in [10, 22, 23, 24, 25, 26, 34] {
        runs.spawn(async move {
            let mut sender = Apart::start(Role::StreamSender).await;
            let plan = Plan { connection: 1, upward: false, record, tamper: Tamper::CutBefore };
            let proxy = Proxy::start(sender.address, Some(plan)).await;
            let receiver = Victim::receiver_at(proxy.address, &sender.code, Wish::default());
            let mut input = sender.input.take().unwrap();
            let written = std::thread::spawn(move || input.write_all(&vec![7; 5 << 18]));
            let (place, events, end) = receiver.end().await;
            assert!(matches!(end, Err(Error::Network { .. })), "{plan:?}: {end:?} after {events:?}");
            assert!(proxy.done.load(Ordering::Relaxed), "{plan:?} was not carried out");
            let ended = sender.ended().await;
            assert!(ended.starts_with("Err(Network"), "{plan:?}: {ended}");
            place.assert_empty();
            let _ = written.join();
        });
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_exchange_is_a_hybrid_one() {
    // Who records today and has a quantum computer later still lacks ML-KEM's half.
    let victim = Victim::receiver().await;
    let dialled = Hostile::new().keys.dial(victim.address, CONTROL).await.unwrap();
    assert_eq!(dialled.key_exchange, Some(rustls::NamedGroup::X25519MLKEM768));
    let (listener, address) = hostile_listener().await;
    let _dialling = Victim::receiver_at(address, &shared_code(), Wish::default());
    let accepted = Hostile::new().next_channel(&listener).await;
    assert_eq!(accepted.key_exchange, Some(rustls::NamedGroup::X25519MLKEM768));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_with_half_of_the_key_exchange_is_refused() {
    let victim = Victim::receiver().await;
    assert!(Keys::classical().dial(victim.address, CONTROL).await.is_err());
    let (listener, address) = hostile_listener().await;
    let dialling = Victim::receiver_at(address, &shared_code(), Wish::default());
    let (tcp, _) = listener.accept().await.unwrap();
    assert!(Keys::classical().accept(tcp).await.is_err());
    dialling.end().await.0.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ending_the_encryption_on_both_sides_fails_for_both() {
    for receiver_dials in [true, false] {
        let (listener, address) = hostile_listener().await;
        let fill = |from: &std::path::Path| fs::write(from.join("file"), "content").unwrap();
        // Both honest ends use the right code; the dialer was led to the wrong address.
        let (mut listening, dialling) = if receiver_dials {
            let sender = Victim::sender(fill).await;
            let receiver = Victim::receiver_at(address, &sender.code, Wish::default());
            (sender, receiver)
        } else {
            let receiver = Victim::receiver().await;
            let sender = Victim::sender_at(address, &receiver.code, fill);
            (receiver, sender)
        };
        let (near, far) = (Hostile::new(), Hostile::new());
        let mut to_dialler = Control::new(near.next_channel(&listener).await.stream);
        let mut to_listener = Control::new(far.keys.dial(listening.address, CONTROL).await.unwrap().stream);
        let relay = tokio::spawn(async move {
            loop {
                tokio::select! {
                    frame = to_dialler.receive() => match frame {
                        Some(frame) => to_listener.send(&frame).await.unwrap(),
                        None => return,
                    },
                    frame = to_listener.receive() => match frame {
                        Some(frame) => to_dialler.send(&frame).await.unwrap(),
                        None => return,
                    },
                }
            }
        });
        let (place, error) = dialling.fails().await;
        assert!(matches!(error, Error::Authentication(AuthenticationFailure::WrongCode)), "{error:?}");
        listening.event(|event| matches!(event, Event::WrongCode { left: 2, .. })).await;
        relay.await.unwrap();
        place.assert_empty();
        let (place, events) = listening.cancel().await;
        assert!(!events.iter().any(|event| matches!(event, Event::Paired { .. })));
        place.assert_empty();
    }
}
