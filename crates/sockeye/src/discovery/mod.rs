//! Finding each other on the local network: drives `sockeye_proto::discovery` over real sockets.
//!
//! | item | does |
//! |---|---|
//! | [`Announcement`] | tells everybody that there is a listener here, answers queries, says goodbye when dropped |
//! | [`Search`] | asks for a nameplate or a remembered peer, and gives what it finds as it comes |
//! | [`free_nameplate`] | draws a number that nobody near uses |
//! | [`roster`] | everybody who answers within a time |
//!
//! All work on every interface that is up, or on those named, in both families or in one; interfaces that come later
//! are used from then on. All must be called inside a tokio runtime with its clock and sockets enabled. What is found
//! is a hint whom to dial, never an identity.

mod announce;
mod config;
mod error;
mod node;
mod probe;
mod roster;
mod search;
#[cfg(test)]
mod tests;

pub use announce::Announcement;
pub use config::{AnnounceConfig, RosterConfig, SeekConfig, What, hint_key};
pub use error::DiscoveryError;
pub use probe::free_nameplate;
pub use roster::roster;
pub use search::{Found, Search};

/// Fills `bytes` with unpredictable ones.
///
/// # Panics
/// If the system has no randomness to give: nothing safe can be done then.
fn random(bytes: &mut [u8]) {
    assert!(aws_lc_rs::rand::fill(bytes).is_ok(), "the system's random number generator failed");
}
