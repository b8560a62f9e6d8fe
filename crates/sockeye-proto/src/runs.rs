//! Sets of block numbers that mostly come in runs.

use alloc::collections::BTreeMap;
use core::ops::Range;

/// A set of numbers as runs of neighbours. All blocks of a file are one run, however large a peer says that the file
/// is; at worst, every second number, it takes about 24 bytes for each run.
#[derive(Debug, Default)]
pub(crate) struct RunSet {
    /// First number of each run, and the number after its last. Runs neither overlap nor touch.
    runs: BTreeMap<u64, u64>,
}

impl RunSet {
    /// Adds all numbers of a range, or none: false if one of them was there.
    pub(crate) fn insert(&mut self, range: Range<u64>) -> bool {
        if range.is_empty() {
            return true;
        }
        if self.has_any(&range) {
            return false;
        }
        let end = self.runs.remove(&range.end).unwrap_or(range.end);
        match self.last_before(range.start) {
            Some(run) if run.end == range.start => self.runs.insert(run.start, end),
            _ => self.runs.insert(range.start, end),
        };
        true
    }

    /// Takes all numbers of a range out. False if none of them was there.
    pub(crate) fn remove(&mut self, range: Range<u64>) -> bool {
        let mut found = false;
        while let Some(run) = self.last_meeting(&range) {
            found = true;
            self.runs.remove(&run.start);
            if run.start < range.start {
                self.runs.insert(run.start, range.start);
            }
            if run.end > range.end {
                self.runs.insert(range.end, run.end);
            }
        }
        found
    }

    /// Whether one of these numbers is in it.
    pub(crate) fn has_any(&self, range: &Range<u64>) -> bool {
        self.last_meeting(range).is_some()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many runs there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.runs.len()
    }

    /// The last run that shares a number with this range.
    fn last_meeting(&self, range: &Range<u64>) -> Option<Range<u64>> {
        self.last_before(range.end).filter(|run| !range.is_empty() && run.end > range.start)
    }

    /// The last run that begins before this number.
    fn last_before(&self, number: u64) -> Option<Range<u64>> {
        self.runs.range(..number).next_back().map(|(&start, &end)| start..end)
    }

    /// Adds all numbers of a range, whether some of them are there or not.
    pub(crate) fn add(&mut self, range: Range<u64>) {
        self.remove(range.clone());
        self.insert(range);
    }

    /// The first number in it that is not below `from`.
    pub(crate) fn next_from(&self, from: u64) -> Option<u64> {
        match self.last_before(from) {
            Some(run) if run.end > from => Some(from),
            _ => self.runs.range(from..).next().map(|(&start, _)| start),
        }
    }

    /// The runs, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<u64>> {
        self.runs.iter().map(|(&start, &end)| start..end)
    }
}
