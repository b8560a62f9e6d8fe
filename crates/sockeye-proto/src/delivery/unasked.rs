//! How many repair symbols go with each block before anybody asks (`specs/07-delivery.md` §5).

use super::sent::{KEPT, Sent};

/// Learns from what was asked for how many are best sent unasked: nearly as many as most blocks take.
#[derive(Debug, Default)]
pub(crate) struct Unasked {
    level: f32,
    /// What several members lacked of each of the last blocks.
    lacked: [u16; RECENT],
    blocks: usize,
}

impl Unasked {
    /// For the next block: the fraction decides by turns.
    pub(crate) fn next(&mut self) -> u16 {
        self.blocks += 1;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and MOST")]
        let whole = (self.level + TURNS[self.blocks % TURNS.len()]) as u16;
        whole
    }

    /// Everybody who lacks something of this block has had the time to ask. One asker is as many as needed; more than a few
    /// could have been saved the asking.
    pub(crate) fn judge(&mut self, sent: &Sent, members: usize) {
        if members < FEW_MEMBERS {
            *self = Self::default();
            return;
        }
        let many = if members <= SMALL_GROUP { MANY_OF_FEW } else { KEPT };
        let (askers, several) = sent.asked(many);
        let had = f32::from(sent.passed - sent.sources);
        let better = match askers {
            0 => had - (had * LESS_OF_IT).max(LESS),
            _ if askers >= many => had + MORE,
            _ => had,
        };
        self.level += (better - self.level) * GAIN;
        self.lacked.rotate_left(1);
        self.lacked[RECENT - 1] = several;
        let mut sorted = self.lacked;
        sorted.sort_unstable();
        // What most blocks of late have taken is sent at once; what one of them took may be chance.
        self.level = self.level.max(f32::from(sorted[FEWER])).clamp(0.0, MOST);
    }
}

/// So many of these may have taken less than what is sent unasked at once.
const FEWER: usize = 1;
/// So many of the last blocks are compared.
const RECENT: usize = 5;
/// Fractions, spread evenly over blocks.
const TURNS: [f32; 4] = [0.0, 0.5, 0.25, 0.75];
/// With fewer members than this everybody asks and nothing goes unasked.
const FEW_MEMBERS: usize = 5;
/// Groups up to this size cost little when they ask, and so many of them are many.
const SMALL_GROUP: usize = 16;
const MANY_OF_FEW: usize = 4;
/// Nobody asked: at least so many less.
const LESS: f32 = 0.2;
/// And at least this share of them less: where blocks differ, what is sent in vain costs more than asking.
const LESS_OF_IT: f32 = 0.125;
/// Many asked: so many more.
const MORE: f32 = 1.0;
/// The weight of each block.
const GAIN: f32 = 0.25;
/// Most of a block.
const MOST: f32 = 40.0;

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::delivery::Nack;

    /// A block that went with so many repairs, of which so many members lacked so much.
    fn block(unasked: u16, members: u32, lacked: u16) -> Sent {
        let mut sent = Sent::new(185, 185 + unasked);
        sent.pass(Duration::ZERO, 185 + unasked);
        for member in 0..members {
            let nack = Nack { block: 0, missing: lacked, seen: 185 + unasked };
            sent.ask(Duration::from_secs(1), Duration::ZERO, member, nack);
        }
        sent
    }

    #[test]
    fn what_most_blocks_take_goes_unasked_soon() {
        let mut unasked = Unasked::default();
        assert_eq!(unasked.next(), 0);
        (0..4).for_each(|_| unasked.judge(&block(0, 20, 9), 1_000));
        assert!((9..=10).contains(&unasked.next()));
        // Nobody asks any more: fewer, little by little.
        (0..100).for_each(|_| {
            let now = unasked.next();
            unasked.judge(&block(now, 0, 0), 1_000);
        });
        assert!(unasked.next() <= 1);
    }

    #[test]
    fn one_block_or_one_member_changes_little() {
        let mut unasked = Unasked::default();
        unasked.judge(&block(0, 20, 100), 1_000);
        (0..4).for_each(|_| unasked.judge(&block(0, 0, 0), 1_000));
        assert!(unasked.next() <= 1, "one block lost a burst");
        (0..20).for_each(|_| unasked.judge(&block(0, 1, 60), 1_000));
        assert!(unasked.next() <= 1, "one member loses bursts");
    }

    #[test]
    fn small_groups_get_nothing_unasked() {
        let mut unasked = Unasked::default();
        (0..9).for_each(|_| unasked.judge(&block(0, 4, 9), 4));
        assert_eq!(unasked.next(), 0);
    }
}
