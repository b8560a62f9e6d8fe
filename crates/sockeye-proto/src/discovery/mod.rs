//! How machines on one network find each other. The format is `specs/05-discovery.md`; this is the behaviour.
//!
//! **Participants.** An [`Announcer`] wants to be found: it has a TCP listener, and usually a nameplate, the public
//! number of a code. A [`Seeker`] wants to find: a nameplate, a remembered peer, or everyone. A [`Probe`] looks for a
//! nameplate that is free.
//!
//! **Goals.** Found in the time of one round trip when both are there; found without anybody asking when one comes
//! later; on every interface, by broadcast and by multicast, since networks exist that drop either. Remembered peers
//! recognise each other, others cannot even tell that two datagrams come from the same machine on different days.
//!
//! **Non-goals.** Identity: everything here can be forged by anybody on the network, and only says whom to dial.
//! Secrets: nothing is derived from the words of a code. Reach: a datagram never crosses a router.
//!
//! | datagram | from, to | tells |
//! |---|---|---|
//! | beacon | announcer, everywhere | run, port, nameplate, role, name (only if the user gave one), hints |
//! | query | seeker, everywhere | nonce; nameplate, or one hint, or neither for everyone; padded to [`QUERY_LEN`] |
//! | answer | announcer, the querier | the query's nonce and all that a beacon tells; never longer than the query |
//! | goodbye | announcer, everywhere | run |
//!
//! ```text
//!  Announcer   ──new──▶ announcing (0, 250 ms, doubling … every 5 s) ──goodbye──▶ left
//!                         │ query that fits, within limits ▶ answer
//!  Seeker      asks at 0, 50, 150, 400 ms, 1 s, then every second
//!    nameplate ──1st run──▶ held ──2nd run within 300 ms──▶ ambiguous
//! ```
//!
//! Addresses are never read from inside a datagram: a machine is where its datagram came from, at the port it tells.
//! One run heard at several addresses is one machine.

mod announcer;
mod config;
mod error;
mod event;
pub mod fuzz;
mod hint;
mod limit;
mod probe;
mod roster;
mod seeker;
mod stats;
#[cfg(test)]
mod tests;
mod wire;

pub use announcer::Announcer;
pub use config::*;
pub use error::{ConfigError, WireError};
pub use event::{Destination, Link, SeekEvent, Transmit};
pub use hint::{HINT_LEN, Hints, PairKey};
pub use probe::Probe;
pub use roster::{Peer, Roster};
pub use seeker::Seeker;
pub use stats::DiscoveryStats;
pub use wire::{Announcement, CRITICAL, Datagram, HEADER_LEN, MAGIC, Nameplate, RunId, VERSION, Wanted};
