//! What can go wrong in pairing, by whose fault it was.

use crate::{envelope::EnvelopeError, hello::Incompatible};

use super::event::Reason;

/// A pairing that failed, or a call that cannot be carried out. Outcomes that are nobody's fault (a wrong code, a
/// refusal, a deadline) are events, not errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PairingError {
    /// A frame that is not a message of this protocol.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A message that may not come now, or whose contents break a rule.
    #[error("the peer broke the pairing protocol: {0}")]
    Misbehaved(&'static str),
    /// The peer speaks other versions or lacks, or demands, a feature.
    #[error("incompatible peer: {0}")]
    Incompatible(#[from] Incompatible),
    /// The peer's signature does not prove the identity that it claims.
    #[error("the peer's proof of identity does not hold")]
    BadProof,
    /// The peer does not have the pair key, or is not the identity it was paired with.
    #[error("not the remembered peer")]
    NotRemembered,
    /// The caller asked for something that the state does not allow.
    #[error("not now: {0}")]
    Misuse(&'static str),
}

impl PairingError {
    /// What the peer is told.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Malformed(_) | Self::Misbehaved(_) => Reason::Protocol,
            Self::Incompatible(_) => Reason::Incompatible,
            Self::BadProof => Reason::BadProof,
            Self::NotRemembered => Reason::NotRemembered,
            Self::Misuse(_) => Reason::Declined,
        }
    }
}

impl From<EnvelopeError> for PairingError {
    fn from(_: EnvelopeError) -> Self {
        Self::Malformed("control frame")
    }
}

/// A PAKE message that is not a point of the group's prime-order part, or is our own sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer's PAKE message is not acceptable")]
pub struct PakeRejected;
