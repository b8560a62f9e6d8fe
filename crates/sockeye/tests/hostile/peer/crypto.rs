//! The pairing machines' cryptography, with switches that break it.

use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sockeye_proto::pairing::{Crypto, PakeRejected, PakeState, Role};
use spake2::{Ed25519Group, Identity, Password, Spake2};
use zeroize::Zeroizing;

/// A long-term identity, and what is wrong with it.
#[derive(Clone)]
pub struct Machine {
    key: Arc<Ed25519KeyPair>,
    /// Sent instead of the true PAKE message.
    pub pake: Option<Vec<u8>>,
    /// Claimed instead of the true identity; the signature stays the true key's.
    pub claimed: Option<[u8; 32]>,
}

impl Machine {
    pub fn new() -> Self {
        Self { key: Arc::new(Ed25519KeyPair::generate().unwrap()), pake: None, claimed: None }
    }
}

struct Exchange(Spake2<Ed25519Group>);

impl PakeState for Exchange {
    fn finish(self: Box<Self>, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, PakeRejected> {
        let key = self.0.finish(peer).map_err(|_| PakeRejected)?;
        Ok(Zeroizing::new(key.try_into().map_err(|_| PakeRejected)?))
    }
}

impl Crypto for Machine {
    fn random(&mut self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).unwrap();
    }

    fn pake_start(
        &mut self,
        role: Role,
        password: &[u8],
        dialer_id: &[u8],
        listener_id: &[u8],
    ) -> (Box<dyn PakeState>, Vec<u8>) {
        let password = Password::new(password);
        let (dialer, listener) = (Identity::new(dialer_id), Identity::new(listener_id));
        let (state, message) = match role {
            Role::Dialer => Spake2::<Ed25519Group>::start_a(&password, &dialer, &listener),
            Role::Listener => Spake2::<Ed25519Group>::start_b(&password, &dialer, &listener),
        };
        (Box::new(Exchange(state)), self.pake.clone().unwrap_or(message))
    }

    fn identity(&self) -> [u8; 32] {
        self.claimed.unwrap_or_else(|| self.key.public_key().as_ref().try_into().unwrap())
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).as_ref().try_into().unwrap()
    }

    fn verify(&self, identity: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        UnparsedPublicKey::new(&ED25519, identity).verify(message, signature).is_ok()
    }
}
