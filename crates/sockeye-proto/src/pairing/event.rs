//! What a pairing machine tells its driver.

use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use zeroize::Zeroizing;

use crate::hello::{Negotiated, cut};

use super::config::MAX_REFUSAL_TEXT;

/// Something the driver must decide, or the outcome. After [`Paired`](Self::Paired), [`WrongCode`](Self::WrongCode),
/// [`Refused`](Self::Refused) and [`TimedOut`](Self::TimedOut) the machine is closed.
#[derive(Debug)]
#[non_exhaustive]
pub enum PairingEvent {
    /// Listener: the dialer wants to try a code. Reserve a guess, then call `grant`, or call `refuse`.
    CodeAttempt {
        /// Which code, by its public number.
        nameplate: u16,
    },
    /// Listener: the dialer says that both were paired before. Look for the pair key that
    /// [`matches`](super::knock::matches) this tag, then call `accept_knock`, or call `refuse`.
    Knock {
        /// The dialer's tag.
        tag: [u8; 32],
    },
    /// Listener, code only: the dialer knew the code (its guess is to be marked a success) and proved this identity.
    /// Call `admit`, or `refuse` with [`Reason::CodeUsed`].
    Identified {
        /// The dialer's long-term key.
        identity: [u8; 32],
    },
    /// Both sides know each other.
    Paired(Paired),
    /// The peer's tag was not the one that the code gives. Listener: its guess is spent. Dialer: whoever answered does
    /// not know the code, although it answered.
    WrongCode,
    /// The peer ended the pairing and said why.
    Refused(Refusal),
    /// A deadline passed; the peer has been told.
    TimedOut {
        /// What did not come.
        waiting_for: &'static str,
    },
}

/// What both sides have in the end.
pub struct Paired {
    /// The peer's long-term key, proven.
    pub peer_identity: [u8; 32],
    /// Secret of this pair of machines, for coming back without a code.
    pub pair_key: Zeroizing<[u8; 32]>,
    /// Secret of this control session; keys its lanes.
    pub session_key: Zeroizing<[u8; 32]>,
    /// What the peer calls itself, if it does: hostile text.
    pub peer_name: Option<String>,
    /// Version and features.
    pub negotiated: Negotiated,
}

impl fmt::Debug for Paired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paired")
            .field("peer_identity", &self.peer_identity)
            .field("peer_name", &self.peer_name)
            .field("negotiated", &self.negotiated)
            .finish_non_exhaustive()
    }
}

/// Why one side will not pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The words, or the nameplate, are not those of a code here.
    WrongCode,
    /// Wrong guesses used the code up.
    OutOfGuesses,
    /// Another identity has used the code.
    CodeUsed,
    /// No pair key fits, or the identity is not the one it belongs to.
    NotRemembered,
    /// Try again later.
    Busy,
    /// Versions or features do not fit.
    Incompatible,
    /// The peer took too long.
    TimedOut,
    /// The peer broke the protocol.
    Protocol,
    /// The signature does not fit the identity.
    BadProof,
    /// Anything else the person or the policy there decided.
    Declined,
    /// A reason of a later version.
    Other(u8),
}

impl Reason {
    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::WrongCode => 1,
            Self::OutOfGuesses => 2,
            Self::CodeUsed => 3,
            Self::NotRemembered => 4,
            Self::Busy => 5,
            Self::Incompatible => 6,
            Self::TimedOut => 7,
            Self::Protocol => 8,
            Self::BadProof => 9,
            Self::Declined => 10,
            Self::Other(number) => number,
        }
    }

    /// What a number on the wire means.
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::WrongCode,
            2 => Self::OutOfGuesses,
            3 => Self::CodeUsed,
            4 => Self::NotRemembered,
            5 => Self::Busy,
            6 => Self::Incompatible,
            7 => Self::TimedOut,
            8 => Self::Protocol,
            9 => Self::BadProof,
            10 => Self::Declined,
            other => Self::Other(other),
        }
    }
}

/// A refusal as it travels: a reason and, sometimes, words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The peer's own words: at most [`MAX_REFUSAL_TEXT`] bytes of hostile text, never a format, never shown unescaped.
    pub text: String,
}

impl Refusal {
    /// A reason with words; words that are too long are cut at a character.
    pub fn new(reason: Reason, text: &str) -> Self {
        Self { reason, text: cut(text, MAX_REFUSAL_TEXT).to_owned() }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, text: String::new() }
    }
}
