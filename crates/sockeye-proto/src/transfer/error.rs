//! What can go wrong between two machines of a transfer, by whose fault it was.

use alloc::string::String;

use crate::{content::ManifestError, envelope::EnvelopeError};

use super::Abort;

/// A transfer that cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// Bytes from the peer do not parse.
    #[error("malformed {what}")]
    Malformed {
        /// Which message or header.
        what: &'static str,
    },
    /// The frame around a message does not parse.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A manifest segment does not parse, breaks a limit or the hash chain.
    #[error("manifest: {0}")]
    Manifest(#[from] ManifestError),
    /// The peer broke the order or the rules.
    #[error("peer misbehaved: {rule}")]
    PeerMisbehaved {
        /// The rule it broke.
        rule: &'static str,
    },
    /// The peer needs something this version does not have.
    #[error("peer incompatible: {what}")]
    PeerIncompatible {
        /// What it needs.
        what: &'static str,
    },
    /// The peer stopped and said why.
    #[error("peer stopped")]
    PeerAborted(Abort),
    /// More than this side is willing to take.
    #[error("too large: {what}")]
    TooLarge {
        /// What was too much.
        what: String,
    },
    /// The caller used the machine out of order.
    #[error("misuse: {rule}")]
    Misuse {
        /// The rule that was broken.
        rule: &'static str,
    },
    /// A deadline passed.
    #[error("timed out waiting for {what}")]
    TimedOut {
        /// What did not come.
        what: &'static str,
    },
}

pub(super) fn misbehaved<T>(rule: &'static str) -> Result<T, TransferError> {
    Err(TransferError::PeerMisbehaved { rule })
}

pub(super) fn out_of_order<T>() -> Result<T, TransferError> {
    misbehaved("a message out of order")
}
