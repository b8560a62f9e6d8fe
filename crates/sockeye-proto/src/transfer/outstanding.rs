//! Which blocks have been asked for and which of these are still to come.

use core::ops::Range;

use crate::{content::EntryId, runs::RunSet};

/// An entry's number as a range, for sets of entries.
pub(crate) fn one(entry: EntryId) -> Range<u64> {
    u64::from(entry)..u64::from(entry) + 1
}

/// The stream of unknown size as the receiver sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Not asked for.
    #[default]
    Unasked,
    /// This block comes next.
    Next(u64),
    /// Ended or failed.
    Over,
}

/// What the receiver asked and has not been answered.
#[derive(Debug, Default)]
pub(crate) struct Outstanding {
    /// Blocks whose bytes, or whose sameness, must come.
    pub(crate) blocks: RunSet,
    /// Those of them of which a digest was sent: only for these may the answer be "same".
    pub(crate) checked: RunSet,
    /// Entries to be compared.
    pub(crate) compares: RunSet,
    /// The stream of unknown size.
    pub(crate) stream: Stream,
}

impl Outstanding {
    /// Whether every question has its answer.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.compares.is_empty() && !matches!(self.stream, Stream::Next(_))
    }

    /// Takes blocks out: they were answered, or will not be. False if none of them was asked for.
    pub(crate) fn settle(&mut self, blocks: Range<u64>) -> bool {
        self.checked.remove(blocks.clone());
        self.blocks.remove(blocks)
    }
}
