//! What the user of a pairing machine sets, and the bounds that are not up to him.

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use crate::hello::{Hello, Intent};

/// Longest control frame before pairing is done, in bytes. The longest honest one is a refusal with its text; a
/// stranger should not make this side hold more. Drivers give it to their framing as the limit until then.
pub const MAX_PAIRING_FRAME: usize = 4096;

/// Longest text in a refusal, in bytes: two or three sentences.
pub const MAX_REFUSAL_TEXT: usize = 512;

/// Longest PAKE message, in bytes: a point and a role today, room for a larger group.
pub const MAX_PAKE_MESSAGE: usize = 64;

/// How long either side waits for a message that its peer can send at once. Ten seconds cover three lost SYNs' worth
/// of retransmission and a slow machine.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the listener waits for the dialer's tag after its own answer, before the guess is given back. A dialer
/// only has to compute; while it does, a guess is reserved for it.
pub const TAG_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the dialer waits for the listener's answer: others may be queueing for a guess before it.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What one side says about itself, and how long it waits.
#[derive(Clone, Debug, Default)]
pub struct PairingConfig {
    features: u64,
    required: u64,
    name: Option<String>,
    timeouts: PairingTimeouts,
}

/// How long a machine waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairingTimeouts {
    /// For a message the peer can send at once.
    pub message: Duration,
    /// Listener: for the dialer's tag.
    pub tag: Duration,
    /// Dialer: for the listener's answer.
    pub answer: Duration,
}

impl Default for PairingTimeouts {
    fn default() -> Self {
        Self { message: MESSAGE_TIMEOUT, tag: TAG_TIMEOUT, answer: ANSWER_TIMEOUT }
    }
}

impl PairingConfig {
    /// Features this side has.
    #[must_use]
    pub fn features(mut self, features: u64) -> Self {
        self.features = features;
        self
    }

    /// Features the peer must have. They are also taken as features this side has.
    #[must_use]
    pub fn required(mut self, required: u64) -> Self {
        self.required = required;
        self
    }

    /// What this machine calls itself; only if its user said so.
    #[must_use]
    pub fn name(mut self, name: Option<String>) -> Self {
        self.name = name;
        self
    }

    /// How long to wait.
    #[must_use]
    pub fn timeouts(mut self, timeouts: PairingTimeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    pub(super) fn hello(&self, intent: Intent) -> Hello {
        Hello::new(self.features | self.required, self.required, self.name.as_deref(), intent)
    }

    pub(super) fn waits(&self) -> PairingTimeouts {
        self.timeouts
    }
}

/// Which end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that connected and typed the code.
    Dialer,
    /// The end that accepted and made the code.
    Listener,
}

/// What ties the exchange to one channel, as abstract bytes.
///
/// The exporter alone is not enough: in TLS 1.3 it does not cover the dialer's key.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    /// A secret of the channel that no other channel has (TLS: exporter with label [`EXPORTER_LABEL`], no context).
    pub exporter: [u8; 32],
    /// The dialer's public key in the channel (TLS: its SubjectPublicKeyInfo).
    pub dialer_key: Vec<u8>,
    /// The listener's public key in the channel.
    pub listener_key: Vec<u8>,
}

/// Label of the TLS exporter that [`Binding::exporter`] is.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-sockeye-pair-v1";

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding").finish_non_exhaustive()
    }
}
