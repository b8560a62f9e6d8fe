//! What the sender knows of one block that it has sent.

use core::{ops::Range, time::Duration};

use super::{config::MAX_SYMBOLS, event::MemberId, message::Nack};

/// So many members that asked are kept of each block.
pub(crate) const KEPT: usize = 6;

/// Which symbols of a block have been sent and which are promised.
///
/// Numbers count on after all [`MAX_SYMBOLS`] have been sent, and symbols come again; then only those go that somebody named.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) sources: u16,
    /// Number after the last symbol of the first pass.
    pub(crate) passed: u16,
    /// Number after the last symbol sent.
    next: u16,
    /// Number after the last symbol promised.
    target: u16,
    /// When the last symbol was sent.
    last: Duration,
    /// Symbols that are to be sent again.
    again: [u64; 4],
    /// When the last symbol of the first pass was sent.
    pub(crate) passed_at: Duration,
    /// The members that lacked most after the first pass, and how many symbols beyond the sources they need.
    lacking: [Option<(MemberId, u16)>; KEPT],
}

impl Sent {
    /// A block whose first pass of so many symbols begins.
    pub(crate) fn new(sources: u16, passed: u16) -> Self {
        Self {
            sources,
            passed,
            next: 0,
            target: 0,
            last: Duration::ZERO,
            again: [0; 4],
            passed_at: Duration::ZERO,
            lacking: [None; KEPT],
        }
    }

    /// Number after the last symbol promised.
    pub(crate) fn target(&self) -> u16 {
        self.target
    }

    /// Symbols of the first pass have been sent, up to this number.
    pub(crate) fn pass(&mut self, now: Duration, next: u16) {
        (self.next, self.target, self.last) = (self.next.max(next), self.target.max(next), now);
        self.passed_at = now;
    }

    /// A member asks. Whether more is promised now than before.
    pub(crate) fn ask(&mut self, now: Duration, round_trip: Duration, member: MemberId, nack: Nack) -> bool {
        let arrived = self.last + round_trip < now;
        let wanted = if nack.seen >= MAX_SYMBOLS {
            // Those of the symbols that it names are of use to it, and no others: when their turn comes.
            if nack.seen < self.next && !arrived {
                return false;
            }
            let turn = nack.seen.wrapping_sub(self.next) % MAX_SYMBOLS;
            let start = self.next.saturating_add(turn);
            start..start.saturating_add(nack.missing.min(MAX_SYMBOLS))
        } else {
            // What was sent a round trip ago has arrived or is lost; what was sent since may still be on its way.
            let start = if arrived { self.next } else { self.passed.max(nack.seen.min(self.next)) };
            start..start.saturating_add(nack.missing.min(self.sources))
        };
        self.mark(wanted.clone());
        self.note(member, wanted.end.saturating_sub(self.sources));
        let more = wanted.end > self.target;
        self.target = self.target.max(wanted.end);
        more
    }

    /// Keeps those who lack most, each once.
    fn note(&mut self, member: MemberId, lacks: u16) {
        let same = |entry: &Option<(MemberId, u16)>| entry.is_some_and(|(known, _)| known == member);
        let least = (0..KEPT).min_by_key(|at| self.lacking[*at].map(|(_, lacks)| lacks)).unwrap_or(0);
        let at = self.lacking.iter().position(same).unwrap_or(least);
        if self.lacking[at].is_none_or(|(_, before)| before < lacks) {
            self.lacking[at] = Some((member, lacks));
        }
    }

    /// How many members asked, as far as they are kept, and what so many of them lacked, or more.
    pub(crate) fn asked(&self, many: usize) -> (usize, u16) {
        let mut lacking = self.lacking.map(|entry| entry.map_or(0, |(_, lacks)| lacks));
        lacking.sort_unstable_by(|a, b| b.cmp(a));
        (self.lacking.iter().flatten().count(), lacking[many.clamp(1, KEPT) - 1])
    }

    fn mark(&mut self, wanted: Range<u16>) {
        for number in wanted.start.max(MAX_SYMBOLS)..wanted.end {
            let symbol = usize::from(number % MAX_SYMBOLS);
            self.again[symbol / 64] |= 1 << (symbol % 64);
        }
    }

    fn is_wanted(&self, number: u16) -> bool {
        let symbol = usize::from(number % MAX_SYMBOLS);
        number < MAX_SYMBOLS || self.again[symbol / 64] >> (symbol % 64) & 1 == 1
    }

    /// Whether something promised is still to be sent.
    pub(crate) fn owes(&self) -> bool {
        (self.next..self.target).any(|number| self.is_wanted(number))
    }

    /// Takes the next symbols that are to be sent, one after the other: at most so many. Empty if there are none.
    pub(crate) fn take(&mut self, now: Duration, most: u16) -> Range<u16> {
        let first = (self.next..self.target).find(|number| self.is_wanted(*number)).unwrap_or(self.target);
        let limit = first.saturating_add(most).min(self.target);
        let end = (first..limit).find(|number| !self.is_wanted(*number)).unwrap_or(limit);
        for number in first.max(MAX_SYMBOLS)..end {
            let symbol = usize::from(number % MAX_SYMBOLS);
            self.again[symbol / 64] &= !(1 << (symbol % 64));
        }
        (self.next, self.last) = (end, now);
        first..end
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const LONG_AGO: Duration = Duration::ZERO;
    const NOW: Duration = Duration::from_secs(1);
    const ROUND_TRIP: Duration = Duration::from_millis(1);

    fn sent(next: u16) -> Sent {
        let mut sent = Sent::new(185, 185);
        sent.pass(LONG_AGO, next);
        sent
    }

    fn nack(missing: u16, seen: u16) -> Nack {
        Nack { block: 0, missing, seen }
    }

    fn all_of(sent: &mut Sent) -> Vec<u16> {
        let mut numbers = Vec::new();
        while sent.owes() {
            let taken = sent.take(LONG_AGO, 7);
            assert!((1..=7).contains(&taken.len()));
            numbers.extend(taken);
        }
        numbers
    }

    #[test]
    fn new_symbols_go_as_long_as_there_are_some() {
        let mut sent = sent(185);
        assert!(sent.ask(NOW, ROUND_TRIP, 7, nack(3, 180)));
        assert!(!sent.ask(NOW, ROUND_TRIP, 7, nack(2, 185)), "these help it, too");
        assert_eq!(all_of(&mut sent), [185, 186, 187]);
        assert!(sent.ask(NOW, ROUND_TRIP, 7, nack(70, 188)));
        assert_eq!(all_of(&mut sent), (188..258).collect::<Vec<_>>());
    }

    #[test]
    fn afterwards_only_those_go_that_are_asked_for() {
        let mut sent = sent(256);
        for wanted in [nack(3, 256 + 100), nack(2, 256 + 30), nack(2, 256 + 101)] {
            sent.ask(NOW, ROUND_TRIP, 7, wanted);
        }
        assert_eq!(all_of(&mut sent), [286, 287, 356, 357, 358]);
        // The next turn: nothing of the last one is left.
        assert!(sent.ask(NOW, ROUND_TRIP, 7, nack(1, 256 + 31)));
        assert_eq!(all_of(&mut sent), [512 + 31]);
    }

    #[test]
    fn what_may_be_on_its_way_is_not_sent_twice() {
        let mut sent = sent(256);
        sent.ask(NOW, ROUND_TRIP, 7, nack(4, 256));
        assert_eq!(sent.take(NOW, 44), 256..260);
        assert!(!sent.ask(NOW, ROUND_TRIP, 7, nack(2, 258)));
        assert!(!sent.owes());
        assert!(sent.ask(NOW + ROUND_TRIP * 2, ROUND_TRIP, 7, nack(2, 258)));
        assert_eq!(all_of(&mut sent), [514, 515]);
    }

    #[test]
    fn numbers_end_without_overflow() {
        let mut sent = sent(256);
        for _ in 0..1_000 {
            sent.ask(NOW, ROUND_TRIP, 7, nack(u16::MAX, u16::MAX));
            all_of(&mut sent);
        }
        assert_eq!(sent.target(), u16::MAX);
    }

    #[test]
    fn one_member_alone_is_never_many() {
        let mut sent = sent(185);
        for missing in 1..=40 {
            sent.ask(NOW, ROUND_TRIP, 7, nack(missing, 185));
        }
        assert_eq!(sent.asked(4), (1, 0));
        for member in 1..=9 {
            sent.ask(NOW, ROUND_TRIP, member, nack(u16::try_from(member).unwrap(), 185));
        }
        assert_eq!(sent.asked(4), (KEPT, 6), "the fourth of 40, 9, 8, 6 and less");
    }
}
