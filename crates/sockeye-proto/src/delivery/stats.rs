//! What the machines count.

/// Counts of a [`Caster`](super::Caster).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CastStats {
    /// Blocks whose first pass has begun.
    pub blocks: u64,
    /// Source symbols of these.
    pub sources: u64,
    /// Symbols sent in first passes.
    pub fresh: u64,
    /// Symbols sent because somebody asked.
    pub repairs: u64,
    /// State packets.
    pub states: u64,
    /// Messages from members.
    pub feedbacks: u64,
    /// Blocks asked for in them.
    pub nacks: u64,
}

/// Counts of a [`Listener`](super::Listener).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenStats {
    /// Symbols that arrived.
    pub symbols: u64,
    /// Of these, symbols that were not needed.
    pub useless: u64,
    /// Packets that did not arrive, by their counters.
    pub lost: u64,
    /// Messages sent.
    pub feedbacks: u64,
    /// Blocks asked for in them.
    pub nacks: u64,
    /// Blocks asked for by somebody else first.
    pub suppressed: u64,
}
