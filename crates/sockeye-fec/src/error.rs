//! Why a code could not do what it was asked. Nothing was written in any of these cases.

use thiserror::Error;

use crate::MAX_SYMBOLS;

/// What was wrong with a call. [`Error::TooFewParities`] is a matter of waiting; all others are mistakes of the caller, or of
/// whoever sent the numbers. None of the buffers was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// No code has this number of source symbols.
    #[error("a block cannot have {sources} source symbols; it has from 1 to {}", MAX_SYMBOLS - 1)]
    Sources {
        /// How many were asked for.
        sources: usize,
    },
    /// The call brought another number of source symbols than the code has.
    #[error("{given} source symbols were given to a code for {expected}")]
    SourceCount {
        /// How many were given, or one more than expected where counting ended.
        given: usize,
        /// How many the code has.
        expected: usize,
    },
    /// There is no source symbol of this index.
    #[error("there is no source symbol {index}: the block has {sources}, counted from 0")]
    NoSuchSource {
        /// The index, counted from 0.
        index: usize,
        /// How many source symbols the code has.
        sources: usize,
    },
    /// There is no parity symbol of this index.
    #[error("there is no parity symbol {index}: the block has {parities}, counted from 0")]
    NoSuchParity {
        /// The index, counted from 0.
        index: usize,
        /// How many parity symbols the code has.
        parities: usize,
    },
    /// A source symbol is listed twice as missing.
    #[error("source symbol {index} is listed twice as missing")]
    RepeatedSource {
        /// Its index.
        index: usize,
    },
    /// A parity symbol is given twice.
    #[error("parity symbol {index} is given twice")]
    RepeatedParity {
        /// Its index.
        index: usize,
    },
    /// A source symbol is longer than the parity symbol that shall protect it.
    #[error("source symbol {index} has {len} bytes, more than the {max} of the parity symbol")]
    SourceLen {
        /// Its index.
        index: usize,
        /// Its length in bytes.
        len: usize,
        /// The length of the parity symbol in bytes.
        max: usize,
    },
    /// A parity symbol is not as long as a symbol of the block.
    #[error("parity symbol {index} has {len} bytes instead of {expected}")]
    ParityLen {
        /// Its index.
        index: usize,
        /// Its length in bytes.
        len: usize,
        /// The length of a symbol in bytes.
        expected: usize,
    },
    /// The block cannot be cut into as many symbols as the code has, of which only the last may be short.
    #[error(
        "a block of {len} bytes is not {sources} symbols of {symbol_len} bytes, the last of them perhaps shorter"
    )]
    BlockLen {
        /// The length of the block in bytes.
        len: usize,
        /// The length of a symbol in bytes.
        symbol_len: usize,
        /// How many source symbols the code has.
        sources: usize,
    },
    /// More source symbols are missing than there are parity symbols.
    #[error(
        "{missing} source symbols are missing, and only {given} parity symbols have come; as many are needed"
    )]
    TooFewParities {
        /// How many source symbols are missing.
        missing: usize,
        /// How many parity symbols were given.
        given: usize,
    },
}
