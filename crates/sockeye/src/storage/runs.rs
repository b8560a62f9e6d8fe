//! Sets of block numbers that mostly follow one another.

use std::ops::Range;

/// Block numbers as runs, in order, never touching. Blocks arrive nearly in order, so there are few runs, whatever the
/// size of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs(Vec<Range<u64>>);

impl Runs {
    pub(super) fn contains(&self, block: u64) -> bool {
        let after = self.0.partition_point(|run| run.start <= block);
        after.checked_sub(1).is_some_and(|at| self.0[at].contains(&block))
    }

    /// Adds a block; `false` if it was there.
    pub(super) fn insert(&mut self, block: u64) -> bool {
        let at = self.0.partition_point(|run| run.end < block);
        let Some(run) = self.0.get_mut(at).filter(|run| run.start <= block.saturating_add(1)) else {
            self.0.insert(at, block..block.saturating_add(1));
            return true;
        };
        if run.contains(&block) {
            return false;
        }
        if block < run.start {
            run.start = block;
        } else {
            run.end = block.saturating_add(1);
            let end = run.end;
            if self.0.get(at + 1).is_some_and(|next| next.start == end) {
                self.0[at].end = self.0[at + 1].end;
                self.0.remove(at + 1);
            }
        }
        true
    }

    /// How many blocks.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|run| run.end - run.start).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is not there of the first `total` blocks.
    pub(super) fn missing(&self, total: u64) -> Vec<Range<u64>> {
        let mut missing = Vec::new();
        let mut next = 0;
        for run in self.0.iter().filter(|run| run.start < total) {
            if next < run.start {
                missing.push(next..run.start);
            }
            next = run.end;
        }
        if next < total {
            missing.push(next..total);
        }
        missing
    }
}

impl FromIterator<u64> for Runs {
    fn from_iter<I: IntoIterator<Item = u64>>(blocks: I) -> Self {
        let mut runs = Self::default();
        for block in blocks {
            runs.insert(block);
        }
        runs
    }
}
