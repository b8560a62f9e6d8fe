//! A peer that dies after each step, in both roles and from both ends: the victim waits or ends with a reason, soon, and
//! leaves nothing that is not whole under a final name.

use std::{fs, io::Write as _, time::Duration};

use sockeye::{Error, Event};
use sockeye_proto::{content::range_digest, transfer::DataKind};
use tokio::{io::AsyncWriteExt as _, task::JoinSet, time::timeout};

use crate::{
    apart::{Apart, Role},
    consent::mixed,
    honest,
    list::{List, end, header},
    peer::{CONTROL, Control, Failed, Hostile, LANE, Proof, Session, honest as unchanged},
    victim::{Place, Victim, Wish, hostile_listener, shared_code},
    wire::{self, kind},
};

/// Sends the first `steps` frames of pairing, then dies.
async fn pair_and_die(hostile: &Hostile, victim: &Victim, steps: usize) {
    let channel = hostile.keys.dial(victim.address, CONTROL).await.unwrap();
    let mut left = steps;
    let mut hook = |frame: Vec<u8>| {
        if left == 0 {
            return vec![];
        }
        left -= 1;
        vec![frame]
    };
    let pairing = hostile.pair_over(channel, Proof::Code(&victim.code), &mut hook);
    // The connection ends when this is dropped.
    let _ = timeout(Duration::from_millis(100), pairing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn during_the_handshake_and_pairing() {
    let mut runs = JoinSet::new();
    for step in 0..7 {
        runs.spawn(async move {
            let victim = Victim::receiver().await;
            let hostile = Hostile::new();
            match step {
                0 => drop(tokio::net::TcpStream::connect(victim.address).await.unwrap()),
                1 => drop(hostile.keys.dial(victim.address, CONTROL).await.unwrap()),
                2 => drop(hostile.keys.dial(victim.address, LANE).await.unwrap()),
                step => pair_and_die(&hostile, &victim, step - 3).await,
            }
            // Nobody noticed; the same peer gets in.
            let session = hostile.again().session(victim.address, &victim.code).await;
            assert!(honest::send(session, 1, &mixed()).await.complete, "step {step}");
            assert_eq!(victim.succeeds().await.0.names(), ["large", "one", "two"]);
        });
    }
    runs.join_all().await;
}

/// Plays an honest sender's part up to a step.
async fn send_until(session: &mut Session, steps: usize) {
    let list = mixed();
    let offer = list.offer(1);
    for (step, message) in offer.iter().enumerate().take(steps) {
        session.say(std::slice::from_ref(message)).await;
        if step + 1 == offer.len() {
            session.until(kind::NEED_END).await;
        }
    }
    for block in 0..4 {
        if steps > offer.len() + block {
            let (frame, body) = list.frame(block as u64);
            session.data(&frame, &body).await;
        }
    }
    if steps > offer.len() + 4 {
        session.data(&end(), &[]).await;
        session.until(kind::RESULT_END).await;
    }
    if steps > offer.len() + 5 {
        session.say(&[wire::bye()]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_after_each_message() {
    let mut runs = JoinSet::new();
    for steps in 0..10 {
        runs.spawn(async move {
            let mut victim = Victim::receiver().await;
            let hostile = Hostile::new();
            let mut session = hostile.session(victim.address, &victim.code).await;
            send_until(&mut session, steps).await;
            session.vanish();
            let over = |event: &Event| matches!(event, Event::Reconnecting { .. } | Event::Finished(_));
            let last = victim.event(over).await;
            let whole = matches!(last, Event::Finished(_));
            assert_eq!(whole, steps >= 8, "step {steps}: {last:?}");
            if whole {
                let (place, _) = victim.succeeds().await;
                assert_eq!(place.names(), ["large", "one", "two"]);
                return;
            }
            assert_whole(&victim.place);
            // It comes back and goes on.
            let session = hostile.again().session(victim.address, &victim.code).await;
            let outcome = honest::send(session, 1, &mixed()).await;
            assert!(outcome.complete, "step {steps}");
            let (place, _) = victim.succeeds().await;
            assert_eq!(place.names(), ["large", "one", "two"]);
            assert_whole(&place);
            assert_eq!(place.staging(), None);
        });
    }
    runs.join_all().await;
}

/// Whatever has a final name has all its bytes.
fn assert_whole(place: &Place) {
    for item in mixed().items {
        let name = String::from_utf8(item.name).unwrap();
        if let Ok(bytes) = fs::read(place.destination().join(&name)) {
            assert!(bytes == item.content, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_dies_is_given_up_when_the_user_says_so() {
    let mut runs = JoinSet::new();
    for steps in [1, 3, 5, 7] {
        runs.spawn(async move {
            let mut victim = Victim::receiver().await;
            let mut session = Hostile::new().session(victim.address, &victim.code).await;
            send_until(&mut session, steps).await;
            session.vanish();
            victim.reconnecting().await;
            let (place, _) = victim.cancel().await;
            assert_whole(&place);
        });
    }
    runs.join_all().await;
}

/// Ways to be gone, from politest to rudest.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    /// Both connections end as TLS has it.
    Properly,
    /// Only the lane does; the other one stays.
    LaneOnly,
    /// Both end between two records, as far as TCP is concerned in good order.
    Vanishing,
}

impl Leaving {
    const ALL: [Self; 3] = [Self::Properly, Self::LaneOnly, Self::Vanishing];

    /// Leaves like this. What is still open ends when the answer is dropped.
    async fn go(self, mut session: Session) -> Option<Session> {
        match self {
            Self::Properly => session.leave().await,
            Self::Vanishing => session.vanish(),
            Self::LaneOnly => {
                session.lane.shutdown().await.unwrap();
                return Some(session);
            }
        }
        None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_its_end_is_no_stream() {
    // Nothing says how long it is but its last block. Whole blocks and whole records are no sign of anything.
    let mut runs = JoinSet::new();
    for (leaving, blocks) in Leaving::ALL.into_iter().flat_map(|leaving| [(leaving, 0), (leaving, 1)]) {
        runs.spawn(async move {
            let (body, mut list) = (vec![7; 1 << 18], List::new());
            list.stream("stream");
            let victim = Victim::receiver().await;
            let mut session = Hostile::new().session(victim.address, &victim.code).await;
            session.say(&list.offer(1)).await;
            assert!(session.until(kind::NEED_END).await.is_some());
            if blocks > 0 {
                let digest = range_digest(0, &body, false);
                session.data(&header(DataKind::Range, 0, 0, &body, digest), &body).await;
            }
            let _rest = leaving.go(session).await;
            // Nor is it waited for: what was read is read.
            let (place, events, end) = victim.end().await;
            assert!(matches!(end, Err(Error::Network { .. })), "{leaving:?}: {end:?} after {events:?}");
            place.assert_empty();
        });
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_took_to_its_end_is_not_sent() {
    let mut runs = JoinSet::new();
    // On the lane a receiver says nothing, so that its end there alone is no news.
    for leaving in [Leaving::Properly, Leaving::Vanishing] {
        runs.spawn(async move {
            let mut victim = Apart::start(Role::StreamSender).await;
            let mut session = victim.session().await;
            honest::accept(&mut session).await;
            // The number of blocks is not known: none are counted.
            session.say(&[wire::need(&[(0, 0)]), wire::need_end()]).await;
            // All of it is there to be read, so that nothing but the receiver is missing.
            let mut input = victim.input.take().unwrap();
            let written = std::thread::spawn(move || input.write_all(&vec![7; 3 << 18]));
            let frame = session.frame().await.unwrap();
            assert_eq!((frame.header.kind, frame.header.last), (DataKind::Range, false));
            let _rest = leaving.go(session).await;
            let ended = victim.ended().await;
            assert!(ended.starts_with("Err(Network"), "{leaving:?}: {ended}");
            let _ = written.join();
        });
    }
    runs.join_all().await;
}

/// Plays an honest receiver's part up to a step.
async fn receive_until(session: &mut Session, steps: usize) {
    let (digest, entries, bytes) = honest::take_list(session).await;
    let messages = [
        wire::accept_exact(&digest, entries, bytes),
        wire::need(&[(0, 3)]),
        wire::need(&[(3, 1)]),
        wire::need_end(),
        wire::result(&[(1, 3, "exists")]),
        wire::result_end([2, 0, 0, 9, 0, 1, 0]),
        wire::bye(),
    ];
    for (step, message) in messages.iter().enumerate().take(steps) {
        session.say(std::slice::from_ref(message)).await;
        match step {
            1 => drop(session.frame().await.unwrap()),
            3 => while !matches!(session.frame().await.unwrap().header.kind, DataKind::End) {},
            5 => assert!(session.until(kind::BYE).await.is_some()),
            _ => {}
        }
    }
}

fn fill(from: &std::path::Path) {
    for item in mixed().items {
        fs::write(from.join(String::from_utf8(item.name).unwrap()), item.content).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_after_each_message() {
    let mut runs = JoinSet::new();
    for steps in 0..8 {
        runs.spawn(async move {
            let mut victim = Victim::sender(fill).await;
            let mut session = Hostile::new().session(victim.address, &victim.code).await;
            receive_until(&mut session, steps).await;
            session.vanish();
            let over = |event: &Event| matches!(event, Event::Reconnecting { .. } | Event::Finished(_));
            let last = victim.event(over).await;
            // Without RESULT_END nothing is done, with it everything is.
            assert_eq!(matches!(last, Event::Finished(_)), steps >= 6, "step {steps}: {last:?}");
            if steps >= 6 {
                let (_, summary) = victim.succeeds().await;
                assert_eq!((summary.files, summary.failed), (2, 1));
            } else {
                victim.cancel().await;
            }
        });
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_dies_while_it_is_dialled() {
    let mut runs = JoinSet::new();
    for step in 0..8 {
        runs.spawn(async move {
            let (listener, address) = hostile_listener().await;
            let victim = if step % 2 == 0 {
                Victim::receiver_at(address, &shared_code(), Wish::default())
            } else {
                Victim::sender_at(address, &shared_code(), fill)
            };
            let hostile = Hostile::new();
            match step {
                0 => drop(listener.accept().await.unwrap()),
                1 => drop(hostile.next_channel(&listener).await),
                2 => {
                    let mut control = Control::new(hostile.next_channel(&listener).await.stream);
                    control.receive().await.unwrap();
                }
                3..=5 => {
                    let channel = hostile.next_channel(&listener).await;
                    let mut left = step - 2;
                    let mut hook = |frame: Vec<u8>| {
                        if left == 0 {
                            return vec![];
                        }
                        left -= 1;
                        vec![frame]
                    };
                    let code = shared_code();
                    let pairing = hostile.answer_over(channel, &code, None, &mut hook);
                    let _ = timeout(Duration::from_millis(200), pairing).await;
                }
                _ => {
                    let channel = hostile.next_channel(&listener).await;
                    let paired: Result<_, Failed> =
                        hostile.answer_over(channel, &shared_code(), None, &mut unchanged).await;
                    let _met = paired.unwrap();
                    drop(hostile.next_channel(&listener).await);
                }
            }
            drop(listener);
            let (place, error) = victim.fails().await;
            assert!(matches!(error, Error::Network { .. }), "step {step}: {error:?}");
            place.assert_empty();
        });
    }
    runs.join_all().await;
}
