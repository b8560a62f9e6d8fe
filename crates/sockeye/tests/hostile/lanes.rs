//! Lanes: of strangers, with wrong proofs, redirected, too many.

use sockeye::{AuthenticationFailure, Error};
use sockeye_proto::transfer::{LANE_PROOF_LEN, LaneKey, LaneRole, SESSION_ID_LEN};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    honest,
    list::List,
    peer::{Hostile, LANE, Session, honest as unchanged, present},
    victim::{Victim, Wish, hostile_listener, shared_code},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lanes_of_strangers_get_no_answer_and_disturb_nobody() {
    let mut victim = Victim::receiver().await;
    let stranger = Hostile::new();
    // Before anybody is there, and while somebody waits for his own.
    let channel = stranger.keys.dial(victim.address, LANE).await.unwrap();
    assert_eq!(present(channel, &[7; SESSION_ID_LEN], &[7; LANE_PROOF_LEN]).await.1, None);
    let hostile = Hostile::new();
    let met = hostile.dial(victim.address, &victim.code).await.unwrap();
    let key = LaneKey::new(&met.paired.session_key);
    for id in [[0; SESSION_ID_LEN], [0xff; SESSION_ID_LEN], key.session_id()] {
        let channel = stranger.keys.dial(victim.address, LANE).await.unwrap();
        assert_eq!(present(channel, &id, &[0; LANE_PROOF_LEN]).await.1, None);
    }
    let session = hostile.with_lane(met).await;
    victim.paired().await;
    assert!(honest::send(session, 1, &List::of_file("honest", b"bytes")).await.complete);
    victim.succeeds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proofs_that_do_not_fit() {
    let victim = Victim::receiver().await;
    let hostile = Hostile::new();
    let met = hostile.dial(victim.address, &victim.code).await.unwrap();
    let key = LaneKey::new(&met.paired.session_key);
    let dial = || hostile.keys.dial(victim.address, LANE);
    let ours = &hostile.keys.public;
    // Of the other role: a mirror of what the listener would say.
    let channel = dial().await.unwrap();
    let proof = key.proof(LaneRole::Listener, &channel.exporter, ours, &channel.peer_key);
    assert_eq!(present(channel, &key.session_id(), &proof).await.1, None);
    // Of the control connection's exporter.
    let channel = dial().await.unwrap();
    let proof = key.proof(LaneRole::Dialer, &met.exporter, ours, &channel.peer_key);
    assert_eq!(present(channel, &key.session_id(), &proof).await.1, None);
    // Of another lane: what one channel proved is replayed on a second.
    let (first, second) = (dial().await.unwrap(), dial().await.unwrap());
    let proof = key.proof(LaneRole::Dialer, &first.exporter, ours, &first.peer_key);
    assert_eq!(present(second, &key.session_id(), &proof).await.1, None);
    // The right secret with other keys of this run: somebody to whom the lane was handed.
    let other = Hostile::new();
    let channel = other.keys.dial(victim.address, LANE).await.unwrap();
    let proof = key.proof(LaneRole::Dialer, &channel.exporter, &other.keys.public, &channel.peer_key);
    assert_eq!(present(channel, &key.session_id(), &proof).await.1, None);
    // With another session's key.
    let channel = dial().await.unwrap();
    let wrong = LaneKey::new(&[9; 32]).proof(LaneRole::Dialer, &channel.exporter, ours, &channel.peer_key);
    assert_eq!(present(channel, &key.session_id(), &wrong).await.1, None);
    // After all that the right one is taken.
    let session = hostile.with_lane(met).await;
    assert!(honest::send(session, 1, &List::of_file("honest", b"bytes")).await.complete);
    victim.succeeds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_lane_for_one_session() {
    let victim = Victim::receiver().await;
    let hostile = Hostile::new();
    let session = hostile.session(victim.address, &victim.code).await;
    let channel = hostile.keys.dial(victim.address, LANE).await.unwrap();
    let (_, opened) = hostile.open(channel, &session.met).await;
    assert!(!opened);
    assert!(honest::send(session, 1, &List::of_file("honest", b"bytes")).await.complete);
    victim.succeeds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_comes_at_once_is_taken() {
    // The dialer opens its lane the moment the listener's last word of pairing is here; sixteen at a time keep both busy.
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..16 {
        runs.spawn(async {
            let victim = Victim::receiver().await;
            for _ in 0..4 {
                let hostile = Hostile::new();
                let victim = Victim::receiver().await;
                let met = hostile.dial(victim.address, &victim.code).await.unwrap();
                let channel = hostile.keys.dial(victim.address, LANE).await.unwrap();
                assert!(hostile.open(channel, &met).await.1, "the lane was refused");
            }
            drop(victim);
        });
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_is_led_elsewhere_is_worth_nothing_there() {
    // The victim pairs with a hostile listener that it trusts; its lane is handed on to another victim that waits for one.
    let (listener, address) = hostile_listener().await;
    let dialling = Victim::receiver_at(address, &shared_code(), Wish::default());
    let near = Hostile::new();
    let channel = near.next_channel(&listener).await;
    let met = near.answer_over(channel, &shared_code(), None, &mut unchanged).await.unwrap();
    let listening = Victim::receiver().await;
    let far = Hostile::new();
    let other = far.dial(listening.address, &listening.code).await.unwrap();
    let mut lane = near.next_channel(&listener).await.stream;
    let mut opening = [0; SESSION_ID_LEN + LANE_PROOF_LEN];
    lane.read_exact(&mut opening).await.unwrap();
    let (id, proof) =
        (opening[..SESSION_ID_LEN].try_into().unwrap(), opening[SESSION_ID_LEN..].try_into().unwrap());
    let onward = far.keys.dial(listening.address, LANE).await.unwrap();
    assert_eq!(present(onward, &id, &proof).await.1, None);
    let onward = far.keys.dial(listening.address, LANE).await.unwrap();
    let waiting = LaneKey::new(&other.paired.session_key).session_id();
    assert_eq!(present(onward, &waiting, &proof).await.1, None);
    // The dialling victim is answered with its own proof.
    lane.write_all(&proof).await.unwrap();
    lane.flush().await.unwrap();
    let (place, error) = dialling.fails().await;
    assert!(matches!(error, Error::Authentication(AuthenticationFailure::BadProof)), "{error:?}");
    place.assert_empty();
    drop((met, other));
    listening.cancel().await.0.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_to_somebody_else_is_noticed_by_the_dialer() {
    // Control goes to one key, the lane to another.
    let (listener, address) = hostile_listener().await;
    let dialling = Victim::receiver_at(address, &shared_code(), Wish::default());
    let (one, other) = (Hostile::new(), Hostile::new());
    let channel = one.next_channel(&listener).await;
    let _met = one.answer_over(channel, &shared_code(), None, &mut unchanged).await.unwrap();
    let mut lane = other.next_channel(&listener).await.stream;
    let mut opening = [0; 1];
    let read = lane.read(&mut opening).await;
    assert!(!matches!(read, Ok(1..)), "no proof for a stranger");
    let (_, error) = dialling.fails().await;
    assert!(matches!(error, Error::Authentication(AuthenticationFailure::BadProof)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_the_wrong_way_ends_nothing_but_this() {
    // The receiver of a transfer sends data frames to the sender: lanes go one way.
    let victim = Victim::sender(|from| std::fs::write(from.join("file"), vec![7; 600_000]).unwrap()).await;
    let mut session: Session = Hostile::new().session(victim.address, &victim.code).await;
    let list = List::of_file("file", b"evil");
    let (frame, body) = list.frame(0);
    for _ in 0..8 {
        session.data(&frame, &body).await;
    }
    honest::accept(&mut session).await;
    session.say(&[crate::wire::need(&[(0, 3)]), crate::wire::need_end()]).await;
    for _ in 0..4 {
        assert!(session.frame().await.unwrap().body.iter().all(|byte| *byte == 7));
    }
    let _ = session.lane.shutdown().await;
    session.say(&[crate::wire::result_end([1, 0, 0, 600_000, 0, 0, 0]), crate::wire::bye()]).await;
    session.until(crate::wire::kind::BYE).await;
    session.leave().await;
    let (_, summary) = victim.succeeds().await;
    assert_eq!(summary.bytes, 600_000);
}
