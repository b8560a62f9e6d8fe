//! How a lane proves that it belongs to a control session (`specs/04-transfer.md` §1.2).
//!
//! A lane is a connection of its own, so it has a channel binding of its own. Both ends prove that they hold the control
//! session's key *for this binding and in this role*; a lane that was redirected, reflected or replayed does not.

use alloc::vec::Vec;

use blake3::Hasher;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Bytes of a session's number on the wire.
pub const SESSION_ID_LEN: usize = 16;
/// Bytes of a proof.
pub const LANE_PROOF_LEN: usize = 32;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneRole {
    /// Opened the connection.
    Dialer,
    /// Accepted it.
    Listener,
}

/// What a control session gives to its lanes.
pub struct LaneKey {
    key: Zeroizing<[u8; 32]>,
    id: [u8; SESSION_ID_LEN],
}

impl LaneKey {
    /// From the session key that pairing gave.
    pub fn new(session_key: &[u8; 32]) -> Self {
        let key = Zeroizing::new(blake3::derive_key("sockeye lane v1 key", session_key));
        let name = blake3::derive_key("sockeye lane v1 session", session_key);
        let mut id = [0; SESSION_ID_LEN];
        id.copy_from_slice(&name[..SESSION_ID_LEN]);
        Self { key, id }
    }

    /// Names the session to its listener; tells a stranger nothing.
    pub fn session_id(&self) -> [u8; SESSION_ID_LEN] {
        self.id
    }

    /// The proof of this role over a lane's own exporter value and both keys of the run.
    pub fn proof(
        &self,
        role: LaneRole,
        exporter: &[u8; 32],
        dialer_key: &[u8],
        listener_key: &[u8],
    ) -> [u8; LANE_PROOF_LEN] {
        let label: &[u8] = match role {
            LaneRole::Dialer => b"dialer",
            LaneRole::Listener => b"listener",
        };
        let mut transcript = Vec::new();
        for part in [label, exporter, dialer_key, listener_key] {
            transcript.extend_from_slice(&(part.len() as u64).to_be_bytes());
            transcript.extend_from_slice(part);
        }
        *Hasher::new_keyed(&self.key).update(&transcript).finalize().as_bytes()
    }

    /// Checks the other side's proof in constant time.
    pub fn verify(
        &self,
        role: LaneRole,
        exporter: &[u8; 32],
        dialer_key: &[u8],
        listener_key: &[u8],
        proof: &[u8; LANE_PROOF_LEN],
    ) -> bool {
        self.proof(role, exporter, dialer_key, listener_key).ct_eq(proof).into()
    }
}

impl core::fmt::Debug for LaneKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LaneKey").field("id", &self.id).finish_non_exhaustive()
    }
}
