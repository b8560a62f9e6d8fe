//! What can go wrong, by whose fault it was. Sentences for people are made by the program that prints them.

use std::{io, net::SocketAddr, path::PathBuf};

/// A failed transfer, or a call that could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The connection broke, was refused, or the network is not there.
    #[error("network: {action}: {source}")]
    Network {
        /// What was being done, as a verb phrase: `connect to`, `listen on`, `read from the peer`.
        action: &'static str,
        /// The address concerned, if there is one.
        address: Option<SocketAddr>,
        /// What the system said.
        source: io::Error,
    },
    /// The peer sent bytes that do not parse, or broke the rules of the protocol.
    #[error("the peer broke the protocol: {detail}")]
    PeerMisbehaved {
        /// Which rule was broken, in words of the specification.
        detail: String,
    },
    /// The peer speaks a version or needs a feature that this side does not have.
    #[error("incompatible peer: {detail}")]
    PeerIncompatible {
        /// What is missing.
        detail: String,
    },
    /// The peer ended the transfer and said why.
    #[error("the peer stopped: {0}")]
    PeerTold(PeerReason),
    /// This side's user, or policy, declined.
    #[error("declined here: {reason}")]
    DeclinedHere {
        /// Why.
        reason: String,
    },
    /// The code was wrong, or the peer could not prove who it is.
    #[error("authentication failed: {0}")]
    Authentication(AuthenticationFailure),
    /// Nobody answered for this nameplate, name or address in time.
    #[error("no peer found for {what}")]
    NoPeerFound {
        /// The nameplate, name or address looked for.
        what: String,
    },
    /// Two machines answered for one nameplate.
    #[error("more than one machine answers for {nameplate}")]
    Ambiguous {
        /// The nameplate.
        nameplate: u16,
        /// Who answered.
        addresses: Vec<SocketAddr>,
    },
    /// A deadline passed.
    #[error("timed out while {doing}")]
    TimedOut {
        /// What was being waited for.
        doing: &'static str,
    },
    /// More was offered than this side is willing, or has room, to take.
    #[error("too large: {detail}")]
    TooLarge {
        /// What was too much.
        detail: String,
    },
    /// A file or directory of this machine could not be used.
    #[error("{action} {path}: {source}", path = path.display())]
    LocalIo {
        /// What was being done, as a verb: `open`, `write`, `create`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Bytes that arrived do not have the digest they were sent with.
    #[error("integrity: {detail}")]
    Integrity {
        /// What did not match.
        detail: String,
    },
    /// The caller asked for something that cannot be.
    #[error("cannot do this: {detail}")]
    Misuse {
        /// What, and what to do.
        detail: String,
    },
    /// Cancelled from this side.
    #[error("cancelled")]
    Cancelled,
    /// A bug of ours: an invariant that should hold did not.
    #[error("internal error: {detail}")]
    Internal {
        /// What was found.
        detail: String,
    },
}

/// Why pairing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationFailure {
    /// The words did not match.
    #[error("wrong code")]
    WrongCode,
    /// The code has been used up by wrong guesses.
    #[error("no guesses left for this code")]
    OutOfGuesses,
    /// The code was already used by another machine.
    #[error("the code has been used by another machine")]
    CodeUsed,
    /// A remembered peer showed another key than the pinned one, or does not know this machine.
    #[error("not the remembered peer")]
    NotRemembered,
    /// The peer's signature or key proof did not hold.
    #[error("bad proof of identity")]
    BadProof,
}

/// What the peer said when it stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerReason {
    /// Which kind of reason.
    pub kind: PeerReasonKind,
    /// The peer's own words: at most 512 bytes, hostile text, never printed without escaping.
    pub text: String,
}

impl std::fmt::Display for PeerReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

/// Kinds of reasons a peer can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerReasonKind {
    /// The person or the policy there said no.
    Declined,
    /// Interrupted there.
    Interrupted,
    /// No room left on the peer's disk.
    DiskFull,
    /// The peer may not read or write there.
    PermissionDenied,
    /// Another input or output error there.
    Io,
    /// More than the peer is willing to take.
    TooLarge,
    /// The peer says that this side broke the protocol.
    Protocol,
    /// Bytes did not have their digest.
    Integrity,
    /// The peer waited too long.
    TimedOut,
    /// The code was wrong or used up.
    Authentication,
    /// The peer is busy with another transfer.
    Busy,
    /// Something this version has no name for.
    Other,
}

impl From<crate::home::HomeError> for Error {
    fn from(error: crate::home::HomeError) -> Self {
        use crate::home::HomeError;
        match error {
            HomeError::Io { action, path, source } => Self::LocalIo { action, path, source },
            other => Self::Misuse { detail: other.to_string() },
        }
    }
}

impl From<crate::source::SourceError> for Error {
    fn from(error: crate::source::SourceError) -> Self {
        use crate::source::SourceError;
        match error {
            SourceError::Io { action, path, source } => Self::LocalIo { action, path, source },
            other => Self::Misuse { detail: other.to_string() },
        }
    }
}

impl From<sockeye_net::NetError> for Error {
    fn from(error: sockeye_net::NetError) -> Self {
        use sockeye_net::NetError;
        match error {
            NetError::Listen { address, source, .. } => {
                Self::Network { action: "listen on", address: Some(address), source }
            }
            other => Self::Misuse { detail: other.to_string() },
        }
    }
}

impl From<crate::discovery::DiscoveryError> for Error {
    fn from(error: crate::discovery::DiscoveryError) -> Self {
        use crate::discovery::DiscoveryError;
        match error {
            DiscoveryError::Net(error) => error.into(),
            other => Self::Misuse { detail: other.to_string() },
        }
    }
}
