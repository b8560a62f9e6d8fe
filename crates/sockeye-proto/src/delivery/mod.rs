//! One sender, many receivers: each block crosses the network once, and a few symbols more (`specs/07-delivery.md`).
//!
//! **Participants.** A *sender* and the *members* of its group. Each member has a transfer of its own with the sender
//! ([`crate::transfer`]): it is offered the list, accepts it, says what it needs and reports what became of it.
//!
//! **Goals.** What several need travels once; one repair symbol mends different losses of different members; what
//! members say does not grow with their number; nobody who is slow, gone or hostile stops the others; the rate is found
//! without being told.
//!
//! **Not goals.** Moving bytes: the machines decide symbols, drivers make, seal and open them. Certainty: whatever is still
//! missing when the packets end comes by the member's own lane.
//!
//! | message | from | way | carries |
//! |---|---|---|---|
//! | `INVITE` | sender | control connection | keys, ways, length of symbols |
//! | `HEARD` | member | control connection | which ways reach it |
//! | symbol | sender | packet | a piece of a block, or a parity of it |
//! | digests | sender | packet | what 32 blocks must be, signed |
//! | state | sender | packet | how far the pass is, which repairs are promised |
//! | `FEEDBACK` | member | control connection | what blocks lack; loss, queue, drops |
//! | `PASS_END` | sender | control connection | no more packets for you |
//! | `MISSING` | member | control connection | what is to come by the lane |
//!
//! ```text
//! sender, for each member:  Invited ──HEARD──▶ Member ──pass over, or too slow──▶ PASS_END ──MISSING──▶ by the lane
//! member:                   INVITE ──probes──▶ HEARD ──symbols──▶ … ──PASS_END──▶ MISSING
//! ```

mod asks;
mod config;
mod device;
mod error;
mod event;
#[doc(hidden)]
pub mod fuzz;
mod message;
mod random;
mod rate;
mod receiver;
mod sender;
mod sent;
mod stats;
#[cfg(test)]
mod tests;
mod trail;
mod unasked;
mod wire;

pub use config::{
    BLOCKS_PER_DIGESTS, DEFAULT_SYMBOL_LEN, HEADER_LEN, MAX_ADVERTS, MAX_BATCH, MAX_FLOWS, MAX_NACKS,
    MAX_SYMBOL_LEN, MAX_SYMBOLS, MIN_SYMBOL_LEN, PACKET_VERSION, TAG_LEN,
};
pub use error::DeliveryError;
pub use event::{CastEvent, MemberId, Transmit, Verdict};
pub use message::{DeliveryMessage, Feedback, Flow, Heard, Invite, Missing, Nack, Report};
pub use receiver::Listener;
pub use sender::{CastParams, Caster};
pub use stats::{CastStats, ListenStats};
pub use wire::{BlockDigest, Digests, PacketHeader, PacketKind, SIGNATURE_LEN, State, TICK, nonce, ticks};
