//! What can go wrong in a delivery, by whose fault it was.

use crate::envelope::EnvelopeError;

/// A message or packet that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// Bytes that do not parse.
    #[error("malformed {what}")]
    Malformed {
        /// Which message or packet.
        what: &'static str,
    },
    /// The frame around a message does not parse.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The peer needs something this version does not have.
    #[error("peer incompatible: {what}")]
    PeerIncompatible {
        /// What it needs.
        what: &'static str,
    },
}
