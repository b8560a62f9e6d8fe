//! When a member asks for which blocks (`specs/07-delivery.md` §5).
//!
//! A block that lacks something is *open* until somebody asks for it, and *held* while what was asked for is awaited. All open
//! blocks are asked for together, after a back-off that is drawn once for all of them: so the questions do not grow with the
//! number of blocks either.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use super::{config::MAX_NACKS, random::Random};

/// The blocks of one member that lack something.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    /// From when each may be asked for.
    open: BTreeMap<u64, Duration>,
    /// When they are asked for.
    at: Option<Duration>,
    /// Until when an answer is awaited.
    held: BTreeMap<u64, Duration>,
    /// The same by time.
    ends: BTreeSet<(Duration, u64)>,
}

impl Asks {
    /// Nobody is going to send what this block lacks, as far as is known. True if the time to ask is still to be set.
    pub(crate) fn open(&mut self, block: u64, ready: Duration) -> bool {
        self.release(block);
        self.open.entry(block).or_insert(ready);
        self.at.is_none()
    }

    /// What this block lacks is to come; if it does not, it is open again from then on.
    pub(crate) fn hold(&mut self, block: u64, until: Duration) {
        self.forget(block);
        self.held.insert(block, until);
        self.ends.insert((until, block));
    }

    /// This block lacks nothing, or gets it elsewhere.
    pub(crate) fn forget(&mut self, block: u64) {
        self.release(block);
        self.open.remove(&block);
        if self.open.is_empty() {
            self.at = None;
        }
    }

    fn release(&mut self, block: u64) {
        if let Some(until) = self.held.remove(&block) {
            self.ends.remove(&(until, block));
        }
    }

    pub(crate) fn is_open(&self, block: u64) -> bool {
        self.open.contains_key(&block)
    }

    /// Whether it is set when the open blocks are asked for, or there are none.
    pub(crate) fn is_set(&self) -> bool {
        self.at.is_some() || self.open.is_empty()
    }

    /// Blocks that are open.
    pub(crate) fn all_open(&self) -> impl Iterator<Item = u64> {
        self.open.keys().copied()
    }

    /// What is left until the time to ask takes so many times as long.
    pub(crate) fn stretch(&mut self, now: Duration, factor: f64) {
        self.at = self.at.map(|at| now + at.saturating_sub(now).mul_f64(factor));
    }

    /// Asks at this time, or later if it was to be later already.
    pub(crate) fn not_before(&mut self, at: Duration) {
        self.at = (!self.open.is_empty()).then(|| self.at.map_or(at, |before| before.max(at)));
    }

    /// A block whose answer has not come in time.
    pub(crate) fn overdue(&self, now: Duration) -> Option<u64> {
        self.ends.first().filter(|(until, _)| *until <= now).map(|&(_, block)| block)
    }

    /// Whether it is time to ask.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// The blocks to ask for now, if it is time: at most [`MAX_NACKS`].
    pub(crate) fn due(&mut self, now: Duration) -> Vec<u64> {
        if !self.is_due(now) {
            return Vec::new();
        }
        self.at = None;
        let ready = self.open.iter().filter(|(_, ready)| **ready <= now);
        ready.map(|(&block, _)| block).take(MAX_NACKS).collect()
    }

    /// When something is to be done.
    pub(crate) fn next(&self) -> Option<Duration> {
        let end = self.ends.first().map(|&(until, _)| until);
        [self.at, end].into_iter().flatten().min()
    }
}

/// The longest that a member's draw holds it back; who lacks little waits up to as long again.
///
/// Few are to ask before the first one is heard of, a round trip later, however many lack the same. With a back-off that is
/// exponential in the size of the group these are 2^(t/T · log₂ N) after a time t (Nonnenmacher and Biersack, *Optimal
/// multicast feedback*, 1998; RFC 5401 §3.1), so that the longest back-off T grows with log₂ N. Large
/// groups wait longer than in proportion: what is lost of the answer has to be said again before many ask.
pub(crate) fn longest_back_off(members: u32, round_trip: Duration) -> Duration {
    if members <= NO_BACK_OFF {
        return Duration::ZERO;
    }
    let bits = 32 - members.leading_zeros();
    round_trip * bits * bits.max(FEW_BITS) / (2 * FEW_BITS)
}

/// A back-off of a member that lacks so many symbols of some block. Who lacks most asks first: what it is sent helps the others.
pub(crate) fn back_off(random: &mut Random, members: u32, round_trip: Duration, lacking: u16) -> Duration {
    let longest = longest_back_off(members, round_trip);
    let bits = 32 - members.leading_zeros();
    // log₂ of an even number in (0, 1] is minus an exponential one.
    let below = random.minus_log2() / f64::from(bits.max(1));
    longest * HALF_THE_LEAD / (HALF_THE_LEAD + u32::from(lacking)) + longest.mul_f64((1.0 - below).max(0.0))
}

/// Groups up to this size ask at once.
const NO_BACK_OFF: u32 = 4;
/// Up to so many doublings of the group the back-off grows by half a round trip with each: two and a half for 16 members.
const FEW_BITS: u32 = 5;
/// Who lacks so many symbols waits half as long as one who lacks hardly any.
const HALF_THE_LEAD: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn all_that_is_open_is_asked_for_at_once() {
        let mut asks = Asks::default();
        assert!(asks.open(3, MS));
        asks.not_before(MS * 5);
        assert!(!asks.open(4, MS * 2) && !asks.open(5, MS * 9));
        assert_eq!(asks.due(MS * 4), []);
        assert_eq!(asks.due(MS * 5), [3, 4], "5 may still come");
        for block in [3, 4] {
            asks.hold(block, MS * 30);
        }
        assert!(!asks.is_set(), "5 waits for a time");
        asks.not_before(MS * 10);
        assert_eq!(
            (asks.next(), asks.overdue(MS * 29), asks.overdue(MS * 30)),
            (Some(MS * 10), None, Some(3))
        );
    }

    #[test]
    fn what_is_promised_or_complete_is_not_asked_for() {
        let mut asks = Asks::default();
        assert!(asks.open(1, MS) && asks.open(2, MS));
        asks.not_before(MS * 5);
        asks.forget(1);
        asks.hold(2, MS * 20);
        assert_eq!((asks.due(MS * 6), asks.next()), (Vec::new(), Some(MS * 20)));
        asks.forget(2);
        assert_eq!(asks.next(), None);
    }

    #[test]
    fn a_queue_stretches_what_is_left_and_nothing_else() {
        let mut asks = Asks::default();
        asks.open(1, MS);
        asks.not_before(MS * 10);
        asks.stretch(MS * 4, 5.0);
        assert_eq!(asks.next(), Some(MS * 34));
        asks.stretch(MS * 34, 0.1);
        assert_eq!(asks.due(MS * 34), [1]);
    }

    #[test]
    fn a_message_asks_for_no_more_than_it_holds() {
        let mut asks = Asks::default();
        (0..MAX_NACKS as u64 + 9).for_each(|block| {
            asks.open(block, MS);
        });
        asks.not_before(MS);
        let first = asks.due(MS);
        assert_eq!(first.len(), MAX_NACKS);
        for block in first {
            asks.hold(block, MS * 9);
        }
        asks.not_before(MS);
        assert_eq!(asks.due(MS).len(), 9);
    }

    #[test]
    fn few_of_many_draw_a_short_time_and_who_lacks_most_a_shorter_one() {
        let mut random = Random::new(1);
        let mut soon = |members, lacking| {
            let draws = (0..members).map(|_| back_off(&mut random, members, MS, lacking));
            let mut draws: Vec<_> = draws.collect();
            draws.sort_unstable();
            let answered = draws[0] + MS;
            draws.iter().filter(|draw| **draw < answered).count()
        };
        assert!(
            [5, 16, 100, 1_000, 10_000].map(|members| soon(members, 1)).iter().all(|asking| *asking <= 8)
        );
        let mut mean =
            |lacking| (0..1_000).map(|_| back_off(&mut random, 1_000, MS, lacking)).sum::<Duration>();
        assert!(mean(30) < mean(10) && mean(10) < mean(1));
        assert_eq!(longest_back_off(4, MS), Duration::ZERO);
    }
}
