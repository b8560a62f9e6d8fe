//! The long-term Ed25519 key of a machine.

use std::{fmt, sync::Arc};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use curve25519_dalek::edwards::CompressedEdwardsY;
use zeroize::Zeroizing;

use super::CryptoError;

/// A private key that signs for this machine. Cheap to clone; Debug shows the public half.
#[derive(Clone)]
pub struct IdentityKey(Arc<Ed25519KeyPair>);

impl IdentityKey {
    /// Makes a new key, as PKCS#8 to be stored.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let key = Ed25519KeyPair::generate().map_err(|_| CryptoError::CannotMakeKey)?;
        let document = key.to_pkcs8().map_err(|_| CryptoError::CannotMakeKey)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Reads a key from PKCS#8, version 1 or 2.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, CryptoError> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).map_err(|_| CryptoError::NotAKey)?;
        Ok(Self(Arc::new(key)))
    }

    /// The public half: what other machines know this one by.
    pub fn public(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        public
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(message).as_ref());
        bytes
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IdentityKey").field(&self.public()).finish()
    }
}

/// Whether `signature` is `identity`'s of `message`.
///
/// Keys for which anybody can make signatures (those of small order) and second spellings of a key are not
/// identities.
pub(crate) fn verify(identity: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let Some(point) = CompressedEdwardsY(*identity).decompress() else {
        return false;
    };
    point.compress().as_bytes() == identity
        && !point.is_small_order()
        && UnparsedPublicKey::new(&ED25519, identity).verify(message, signature).is_ok()
}
