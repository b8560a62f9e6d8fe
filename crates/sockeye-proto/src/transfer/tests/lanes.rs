//! What a lane's proof proves.

use super::*;

#[test]
fn a_proof_holds_for_one_key_role_and_connection() {
    let (ours, theirs) = (LaneKey::new(&[1; 32]), LaneKey::new(&[2; 32]));
    let proof = ours.proof(LaneRole::Dialer, &[3; 32], b"dialer", b"listener");
    assert!(ours.verify(LaneRole::Dialer, &[3; 32], b"dialer", b"listener", &proof));
    assert!(!ours.verify(LaneRole::Listener, &[3; 32], b"dialer", b"listener", &proof), "reflected");
    assert!(!ours.verify(LaneRole::Dialer, &[4; 32], b"dialer", b"listener", &proof), "replayed elsewhere");
    assert!(!ours.verify(LaneRole::Dialer, &[3; 32], b"listener", b"dialer", &proof), "keys exchanged");
    assert!(!ours.verify(LaneRole::Dialer, &[3; 32], b"diale", b"rlistener", &proof), "border moved");
    assert!(!theirs.verify(LaneRole::Dialer, &[3; 32], b"dialer", b"listener", &proof), "another session");
    assert_ne!(ours.session_id(), theirs.session_id());
    assert_eq!(ours.session_id(), LaneKey::new(&[1; 32]).session_id());
}

#[test]
fn a_key_does_not_show_itself() {
    let key = LaneKey::new(&[1; 32]);
    let shown = alloc::format!("{key:?}");
    assert!(shown.contains("id") && !shown.contains("key:"), "{shown}");
}
