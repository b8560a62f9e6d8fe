//! What travels between two sockeyes and how, as data and state machines.
//!
//! Nothing in this crate reads a clock, a socket or a file. Time comes in as a duration since a machine began,
//! bytes come in as slices, decisions go out; drivers in the `sockeye` crate do the rest. So everything here
//! can be run under a simulated clock, with the same result for the same input, on any platform.
//!
//! | module | is |
//! |---|---|
//! | [`content`] | manifests, blocks, digests and the journal: what a transfer consists of |
//! | [`envelope`], [`hello`] | the shape of every control message, and the first one |
//! | [`delivery`] | one sender, many receivers: what goes in packets, what comes back, how fast |
//! | [`pairing`] | proving a code, or an earlier pairing, and an identity |

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod content;

mod deadline;
pub mod delivery;
pub mod discovery;
pub mod envelope;
pub mod hello;
pub mod pairing;
mod runs;
pub mod transfer;

pub use deadline::Deadline;
