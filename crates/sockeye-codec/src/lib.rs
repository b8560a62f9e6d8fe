//! Framing: cuts a stream of bytes into frames, and puts frames on a stream of bytes.
//!
//! A byte stream such as TCP keeps order, but no boundaries: two messages may arrive in one read, and one message in
//! three. A framing says where each message ends. This crate knows how to read and write framings and does nothing
//! else: it owns no socket, no clock and no file, so the same code serves a blocking program, an asynchronous one, a
//! capture file and a simulator. The formats are specified byte by byte in `specs/00-framing.md`.
//!
//! A framing is chosen by a short text, a [`Framing`]:
//!
//! ```
//! use sockeye_codec::{Decoder, Encoder, Framing, Step};
//!
//! let spec: Framing = "len:u16be,max=4KiB".parse()?;
//! let mut wire = Vec::new();
//! Encoder::new(spec.clone()).encode(b"tulip", &mut wire)?;
//! assert_eq!(wire, b"\x00\x05tulip");
//!
//! let mut decoder = Decoder::new(spec.clone());
//! decoder.push(&wire);
//! assert!(matches!(decoder.next(), Step::Frame { payload: b"tulip", offset: 0, wire_len: 7, .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The contract, in three situations
//!
//! [`Decoder::push`] takes whatever a read returned; [`Decoder::next`] is then called until it answers
//! [`Step::Need`]. What comes out depends on the bytes alone, never on where the reads cut them.
//!
//! **Less than a frame.** The answer is `Need`, with the least number of further bytes that can change the answer
//! where the framing can tell. The bytes are kept; nothing is lost by asking early.
//!
//! ```
//! # use sockeye_codec::{Decoder, Framing, Step};
//! # use core::num::NonZeroUsize;
//! # let spec: Framing = "len:u16be".parse()?;
//! let mut decoder = Decoder::new(spec.clone());
//! decoder.push(b"\x00");
//! assert_eq!(decoder.next(), Step::Need(NonZeroUsize::new(1))); // the other half of the length field
//! decoder.push(b"\x05tu");
//! assert_eq!(decoder.next(), Step::Need(NonZeroUsize::new(3))); // the rest of the payload
//! # Ok::<(), sockeye_codec::SpecError>(())
//! ```
//!
//! **Exactly a frame.** It is handed out once, as slices of the decoder's buffer; the next answer is `Need`.
//!
//! ```
//! # use sockeye_codec::{Decoder, Framing, Step};
//! # let spec: Framing = "len:u16be".parse()?;
//! let mut decoder = Decoder::new(spec.clone());
//! decoder.push(b"\x00\x05tulip");
//! assert!(matches!(decoder.next(), Step::Frame { payload: b"tulip", header: b"\x00\x05", .. }));
//! assert!(matches!(decoder.next(), Step::Need(_)));
//! assert_eq!(decoder.finish(), Ok(())); // the stream may end here
//! # Ok::<(), sockeye_codec::SpecError>(())
//! ```
//!
//! **More than a frame.** Each call hands out the next frame in order; what is left over waits for the next push. If
//! the stream ends now, [`Decoder::finish`] says how much of a frame was lost: a connection that broke is not a
//! message that ended.
//!
//! ```
//! # use sockeye_codec::{Decoder, Framing, Step, Truncated};
//! # let spec: Framing = "len:u16be".parse()?;
//! let mut decoder = Decoder::new(spec.clone());
//! decoder.push(b"\x00\x01a\x00\x01b\x00\x05tu");
//! assert!(matches!(decoder.next(), Step::Frame { payload: b"a", offset: 0, .. }));
//! assert!(matches!(decoder.next(), Step::Frame { payload: b"b", offset: 3, .. }));
//! assert!(matches!(decoder.next(), Step::Need(_)));
//! assert_eq!(decoder.finish(), Err(Truncated { have: 4, need: Some(7), garbage: false }));
//! # Ok::<(), sockeye_codec::SpecError>(())
//! ```
//!
//! # What a peer cannot do
//!
//! Memory grows with the bytes that arrived, never with a length that was only announced, and a frame longer than
//! the framing's `max` is refused at its header ([`Step::Oversize`]). Work is linear in the bytes pushed, however
//! they are cut. No input panics.
//!
//! # Without a copy
//!
//! Payloads are lent from the decoder's buffer, which can be read into directly ([`Decoder::spare`]). Who already owns a buffer
//! asks [`Framing::peek`] about its front and takes the bytes out himself. [`Encoder::envelope`] gives what stands around a
//! payload, to be written together with it.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "tokio-util"))]
extern crate std;

#[cfg(feature = "tokio-util")]
mod adapter;
mod buffer;
mod decoder;
mod encoder;
mod error;
mod format;
mod framing;
pub mod fuzz;
mod guess;
mod length;
mod machine;
#[cfg(test)]
mod tests;
mod text;
mod work;

#[cfg(feature = "tokio-util")]
pub use adapter::{Adapter, AdapterError, Message, Received};
pub use decoder::{Decoder, Step};
pub use encoder::{Encoder, Envelope};
pub use error::{EncodeError, Malformed, Truncated};
pub use framing::{DEFAULT_MAX, Framing, LARGEST_MAX, MARK_LIMIT, MarkError, Oversize, Peek, Resync};
pub use guess::{Guess, Verdict, guess, guess_cut};
pub use length::{ByteOrder, Width};
pub use text::{SpecError, SpecErrorKind};
