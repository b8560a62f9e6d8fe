//! An erasure code: from k symbols of a block, parity symbols are made, and any k of all these symbols give the block again.
#![no_std]

#[cfg(any(test, feature = "std"))]
extern crate std;

mod backend;
mod code;
mod error;
mod field;
mod recover;

pub use backend::Backend;
pub use code::Code;
pub use error::Error;

/// Source and parity symbols of a block together: as many as a byte can number.
pub const MAX_SYMBOLS: usize = 256;
