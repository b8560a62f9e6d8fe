//! The key schedule: what is hashed into what (`specs/03-pairing.md` §6).

use alloc::vec::Vec;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    code::Code,
    config::{Binding, Role},
};

/// Thirty-two bytes that are wiped when dropped.
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// `parts`, each with its length in eight bytes before it, one after the other. Wiped when dropped, because some parts are secret.
fn joined(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    // Sized first, so that no half-written copy of a secret is left behind by growth.
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    Zeroizing::new(out)
}

fn derive(context: &str, parts: &[&[u8]]) -> Secret {
    Zeroizing::new(blake3::derive_key(context, &joined(parts)))
}

/// Whether two tags are equal, in time that does not depend on where they differ.
pub(super) fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.ct_eq(b).into()
}

/// The PAKE's identity of one role on this channel.
pub(super) fn pake_identity(role: Role, binding: &Binding) -> Vec<u8> {
    let (label, key) = match role {
        Role::Dialer => (&b"sockeye pair v1 dialer"[..], &binding.dialer_key),
        Role::Listener => (&b"sockeye pair v1 listener"[..], &binding.listener_key),
    };
    joined(&[label, &binding.exporter, key]).to_vec()
}

/// The PAKE's password.
pub(super) fn password(code: &Code) -> Zeroizing<Vec<u8>> {
    joined(&[&code.nameplate().to_be_bytes(), code.words().as_bytes()])
}

/// Everything said so far, with the channel it was said on.
#[derive(Clone)]
pub(super) struct Transcript(blake3::Hasher);

impl Transcript {
    pub(super) fn new(binding: &Binding) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("sockeye pair v1 transcript");
        hasher.update(&joined(&[&binding.exporter, &binding.dialer_key, &binding.listener_key]));
        Self(hasher)
    }

    /// Adds the payload of a frame, sent or received.
    pub(super) fn absorb(&mut self, frame: &[u8]) {
        self.0.update(&(frame.len() as u64).to_be_bytes());
        self.0.update(frame);
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// The tag by which `role` proves that it knows the PAKE's key.
pub(super) fn confirm_tag(role: Role, shared: &Secret, transcript: &[u8; 32]) -> [u8; 32] {
    let context = match role {
        Role::Dialer => "sockeye pair v1 confirm dialer",
        Role::Listener => "sockeye pair v1 confirm listener",
    };
    let key = derive(context, &[&**shared, transcript]);
    *blake3::keyed_hash(&key, transcript).as_bytes()
}

/// The tag by which `role` proves that it knows the pair key.
pub(super) fn knock_tag(role: Role, pair_key: &[u8; 32], binding: &Binding) -> [u8; 32] {
    let context = match role {
        Role::Dialer => "sockeye knock v1 dialer",
        Role::Listener => "sockeye knock v1 listener",
    };
    let key = derive(context, &[pair_key]);
    let channel = joined(&[&binding.exporter, &binding.dialer_key, &binding.listener_key]);
    *blake3::keyed_hash(&key, &channel).as_bytes()
}

/// The pair key that a code's PAKE gives.
pub(super) fn pair_key(shared: &Secret, transcript: &[u8; 32]) -> Secret {
    derive("sockeye pair v1 pair key", &[&**shared, transcript])
}

/// The session key after a code.
pub(super) fn session_of_code(shared: &Secret, transcript: &[u8; 32]) -> Secret {
    derive("sockeye pair v1 session key", &[&**shared, transcript])
}

/// The session key after a knock.
pub(super) fn session_of_knock(pair_key: &[u8; 32], transcript: &[u8; 32]) -> Secret {
    derive("sockeye knock v1 session key", &[pair_key, transcript])
}

/// What `role` signs with its long-term key.
pub(super) fn identity_statement(
    role: Role,
    identity: &[u8; 32],
    binding: &Binding,
    transcript: &[u8; 32],
) -> Vec<u8> {
    let label = match role {
        Role::Dialer => &b"sockeye identity v1 dialer"[..],
        Role::Listener => &b"sockeye identity v1 listener"[..],
    };
    joined(&[label, identity, &binding.exporter, &binding.dialer_key, &binding.listener_key, transcript])
        .to_vec()
}
