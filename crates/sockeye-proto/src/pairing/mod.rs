//! Two machines that have never met prove to each other that their users share a code, or that they met before
//! (`specs/03-pairing.md`).
//!
//! **Participants.** The *dialer* connected and its user typed the code; the *listener* accepted and made it. Which of
//! them will send files does not matter here. Both already share an encrypted channel with raw keys made for this
//! run, but nothing says who is at its other end: an attacker may be the other end, or sit in the middle of two
//! channels.
//!
//! **Goals.**
//! - Who does not know the code gets one try for each exchange, and a listener gives away only a few; nothing that
//!   was heard or sent lets anyone check guesses afterwards.
//! - What was agreed holds for this channel only: with somebody in the middle the two sides do not see the same
//!   [`Binding`], and fail.
//! - Nothing can be sent back to its author, replayed, or moved to the other role.
//! - Neither side shows its long-term key before the other has proved that it knows the code or the pair key.
//! - Both sides learn that, and why, pairing failed.
//! - Versions and features cannot be argued down: both HELLOs are part of what is confirmed.
//!
//! **Not goals.** Hiding the nameplate or the lengths of messages; surviving an attacker with a quantum computer who
//! is active *during* pairing (recordings are protected by the channel's hybrid key exchange); finding the
//! peer; keeping keys: drivers do the last two.
//!
//! | message | from | carries | after it |
//! |---|---|---|---|
//! | `HELLO` | dialer, then listener | versions, features, name, intent | versions are known |
//! | `ATTEMPT` | dialer | nameplate, PAKE message X | the listener reserves a guess |
//! | `ANSWER` | listener | PAKE message Y | |
//! | `CONFIRM` | dialer, then listener | tag over all that was said | the code is proven, dialer first |
//! | `KNOCK`, `KNOCKED` | dialer; listener | tag over the channel | the pair key is proven |
//! | `IDENTITY` | dialer, then listener | long-term key and signature over all that was said | paired |
//! | `REFUSED` | either | reason, words | it is over |
//!
//! ```text
//! dialer:    Hello ─▶ Answer ─▶ Confirm ──▶ Identity ─▶ over          (waits for the message of that name)
//!              └────▶ Knocked ───────────────▲
//!
//! listener:  Hello ─▶ Attempt ─▶ Grant* ─▶ Confirm ─▶ Identity ─▶ Admit* ─▶ over       (* waits for its driver)
//!              └────▶ Knock ───▶ AcceptKnock* ──────────▲   └────────────────▲
//!
//! any state ── REFUSED, an error, a deadline ──▶ over
//! ```

mod code;
mod config;
mod dialer;
mod error;
mod event;
#[doc(hidden)]
pub mod fuzz;
mod guesses;
mod keys;
pub mod knock;
mod listener;
mod session;
#[cfg(test)]
mod tests;
mod wire;
mod words;

use alloc::{boxed::Box, vec::Vec};

use zeroize::Zeroizing;

pub use code::{Code, CodeError, MAX_CODE, MAX_WORDS, MIN_LETTERS, completions, suggest, words};
pub use config::{
    ANSWER_TIMEOUT, Binding, EXPORTER_LABEL, MAX_PAIRING_FRAME, MAX_PAKE_MESSAGE, MAX_REFUSAL_TEXT,
    MESSAGE_TIMEOUT, PairingConfig, PairingTimeouts, Role, TAG_TIMEOUT,
};
pub use dialer::Dialer;
pub use error::{PairingError, PakeRejected};
pub use event::{Paired, PairingEvent, Reason, Refusal};
pub use guesses::{
    Admission, Admitted, GUESSES_ONE_TO_MANY, GUESSES_ONE_TO_ONE, Guesses, MAX_TAGS, MAX_WAITING,
    Reservation, TagBudget, Ticket, WAITING_EXPIRES, WAITING_POLL,
};
pub use listener::Listener;

/// The cryptography that pairing needs and does not do itself.
pub trait Crypto {
    /// Fills `out` with bytes fit for keys.
    fn random(&mut self, out: &mut [u8]);

    /// Starts a PAKE as `role`. Returns its state and the message for the peer, at most [`MAX_PAKE_MESSAGE`] bytes.
    fn pake_start(
        &mut self,
        role: Role,
        password: &[u8],
        dialer_id: &[u8],
        listener_id: &[u8],
    ) -> (Box<dyn PakeState>, Vec<u8>);

    /// This machine's long-term public key.
    fn identity(&self) -> [u8; 32];

    /// Signs with the long-term key.
    fn sign(&self, message: &[u8]) -> [u8; 64];

    /// Whether `signature` is `identity`'s signature of `message`.
    fn verify(&self, identity: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool;
}

/// A PAKE that has sent its message and waits for the peer's.
pub trait PakeState: Send {
    /// Takes the peer's message and gives the shared key, which equals the peer's if the passwords and identities do.
    fn finish(self: Box<Self>, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, PakeRejected>;
}

/// The PAKE's identities of both roles on a channel.
fn pake_identities(binding: &Binding) -> (Vec<u8>, Vec<u8>) {
    (keys::pake_identity(Role::Dialer, binding), keys::pake_identity(Role::Listener, binding))
}
