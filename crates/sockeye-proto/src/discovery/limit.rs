//! How much may be done, for one source and in all.

use alloc::collections::BTreeMap;
use core::{net::IpAddr, time::Duration};

use super::config::{ANSWER_BURST, ANSWER_BURST_PER_SOURCE, ANSWER_GAP, ANSWER_GAP_PER_SOURCE, MAX_SOURCES};

/// A generic cell rate limit (ITU-T I.371): the time at which all that was taken will have been paid for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    paid_at: Duration,
}

impl Rate {
    /// Takes one, if fewer than `burst` are unpaid; one is paid for in `gap`.
    pub(crate) fn take(&mut self, now: Duration, gap: Duration, burst: u32) -> bool {
        let from = self.paid_at.max(now);
        if from.saturating_sub(now) > gap.saturating_mul(burst.saturating_sub(1)) {
            return false;
        }
        self.paid_at = from.saturating_add(gap);
        true
    }
}

/// Who may have an answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerLimits {
    all: Rate,
    sources: BTreeMap<IpAddr, Rate>,
}

impl AnswerLimits {
    /// Takes one answer for `source`, from its own share and from everybody's.
    pub(crate) fn take(&mut self, now: Duration, source: IpAddr) -> bool {
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(&source) {
            self.make_room();
        }
        let rate = self.sources.entry(source).or_default();
        rate.take(now, ANSWER_GAP_PER_SOURCE, ANSWER_BURST_PER_SOURCE)
            && self.all.take(now, ANSWER_GAP, ANSWER_BURST)
    }

    fn make_room(&mut self) {
        let oldest = self.sources.iter().min_by_key(|(_, rate)| rate.paid_at).map(|(source, _)| *source);
        if let Some(source) = oldest {
            self.sources.remove(&source);
        }
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.sources.len()
    }
}
