//! Messages in a stream: which reads each one came in, and how the bytes of those that are sent are cut into writes.
//!
//! TCP carries bytes and knows no messages: what was sent in one write may arrive in two reads, and two writes in one. [`Inbound`]
//! says for each message in which reads it came; [`Split`] cuts what is sent on purpose, so that both can be seen.

mod inbound;
mod split;
#[cfg(test)]
mod tests;

pub use inbound::{Inbound, Received, Spot};
pub use split::{Cuts, Split, SplitError};
