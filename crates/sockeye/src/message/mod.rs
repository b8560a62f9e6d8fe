//! Messages in a stream: which reads each one came in, and how the bytes of those that are sent are cut into writes.
//!
//! TCP carries bytes and knows no messages: what was sent in one write may arrive in two reads, and two writes in one. [`Inbound`]
//! says for each message in which reads it came; [`Split`] cuts what is sent on purpose, so that both can be seen.
//!
//! ```
//! use sockeye::message::{Cuts, Inbound, Received, Split};
//!
//! let mut inbound = Inbound::new(Some("len:u8".parse()?));
//! inbound.read(b"\x05tulip\x06har"); // a message and a half
//! inbound.read(b"bor");
//! let Some(Received::Message { payload: b"tulip", spot, .. }) = inbound.next() else { panic!() };
//! assert_eq!((spot.number, spot.offset, spot.reads), (1, 0, (1, 1)));
//! let Some(Received::Message { payload: b"harbor", spot, .. }) = inbound.next() else { panic!() };
//! assert_eq!((spot.number, spot.offset, spot.reads), (2, 6, (1, 2))); // torn: it came in two reads
//! assert_eq!(inbound.next(), None);
//! inbound.finish()?; // the stream may end here
//!
//! // What is sent can be torn on purpose: seven bytes, of which two are header, go in three writes.
//! let mut cuts = Cuts::new(Split::Header, 0);
//! let (mut done, mut writes) = (0, Vec::new());
//! while done < 7 {
//!     let len = cuts.next(done, 2, 7 - done);
//!     writes.push(len);
//!     done += len;
//! }
//! assert_eq!(writes, [1, 3, 3]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod inbound;
mod split;
#[cfg(test)]
mod tests;

pub use inbound::{Inbound, Received, Spot};
pub use split::{Cuts, Split, SplitError};
