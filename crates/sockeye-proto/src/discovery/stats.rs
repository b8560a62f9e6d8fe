//! Counters, for diagnosis: why can they not see each other?

/// What a machine did with what it got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiscoveryStats {
    /// Datagrams handed in.
    pub received: u64,
    /// Of these: not ours, or broken.
    pub malformed: u64,
    /// Of these: from a later release of the protocol.
    pub incompatible: u64,
    /// Of these: from an address that cannot be answered or dialled.
    pub bad_source: u64,
    /// Of these: our own.
    pub own: u64,
    /// Of these: answers to a question we did not ask.
    pub unsolicited: u64,
    /// Of these: beyond a rate limit.
    pub rate_limited: u64,
    /// Of these: no room left in the table, or too many from one source.
    pub refused: u64,
    /// Queries not answered because the answer would be longer than they are.
    pub short_queries: u64,
    /// Announcements (beacons, goodbyes) made.
    pub announced: u64,
    /// Queries made.
    pub asked: u64,
    /// Answers made.
    pub answered: u64,
}

impl DiscoveryStats {
    /// Counts a datagram that did not decode.
    pub(crate) fn count_error(&mut self, error: super::WireError) {
        if error.is_incompatible() {
            self.incompatible += 1;
        } else {
            self.malformed += 1;
        }
    }
}
