//! What the machines want done.

use super::wire::State;

/// A receiver of a delivery, as the sender numbers it.
pub type MemberId = u32;

/// Something the sender's driver is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Symbols of one block, numbered one after the other modulo 256.
    Symbols {
        /// The block.
        block: u64,
        /// Number of the first symbol, not yet modulo 256.
        first: u16,
        /// How many.
        count: u16,
        /// Of the block's first pass.
        fresh: bool,
    },
    /// How far the sender is.
    State(State),
}

/// Something that the sender's driver hears.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CastEvent {
    /// Everything that was asked for has been sent, and nobody asks for more: members may be asked what they miss.
    PassEnd,
    /// The others could go more than twice as fast without this one, or it asks for more than anybody could need: it is out of the
    /// group, and gets the rest by its own connection.
    TooSlow(MemberId),
}

/// What to do with a symbol that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not needed.
    Ignore,
    /// Keep it.
    Keep,
    /// Keep it: with it the block can be decoded.
    Complete,
}
