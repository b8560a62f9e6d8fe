//! The cryptography behind pairing: SPAKE2 on edwards25519, Ed25519 signatures, random bytes.
//!
//! Everything here is the work of other crates; this module adds the checks that they leave to their callers.

mod identity;
mod pake;
#[cfg(test)]
mod tests;

use sockeye_proto::pairing::{Crypto, PakeState, Role};

pub use identity::IdentityKey;
pub(crate) use identity::verify;

/// What can go wrong with keys of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The bytes are not an Ed25519 key in PKCS#8.
    #[error("not an Ed25519 private key in PKCS#8")]
    NotAKey,
    /// The system could not make a key.
    #[error("the system cannot make a key")]
    CannotMakeKey,
}

/// Fills `out` with bytes fit for keys.
///
/// # Panics
/// If the system has no randomness to give: nothing safe can be done then.
pub fn random(out: &mut [u8]) {
    assert!(aws_lc_rs::rand::fill(out).is_ok(), "the system's random number generator failed");
}

/// The real thing behind [`Crypto`]. Cheap to clone: one for each connection.
#[derive(Clone, Debug)]
pub struct PairingCrypto {
    key: IdentityKey,
}

impl PairingCrypto {
    /// Signs with this long-term key.
    pub fn new(key: IdentityKey) -> Self {
        Self { key }
    }
}

impl Crypto for PairingCrypto {
    fn random(&mut self, out: &mut [u8]) {
        random(out);
    }

    fn pake_start(
        &mut self,
        role: Role,
        password: &[u8],
        dialer_id: &[u8],
        listener_id: &[u8],
    ) -> (Box<dyn PakeState>, Vec<u8>) {
        pake::start(role, password, dialer_id, listener_id)
    }

    fn identity(&self) -> [u8; 32] {
        self.key.public()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message)
    }

    fn verify(&self, identity: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        verify(identity, message, signature)
    }
}
