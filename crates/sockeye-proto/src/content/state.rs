//! What a journal amounts to: its records folded into one state for each path (`specs/02-journal.md` §6).

use super::config::BLOCK_SIZE;
use super::digest::Digest;
use super::entry::SourceIdentity;
use super::journal::{JournalRecord, MAX_RECORD_DIGESTS};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

/// What the journal knows about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// A part file holds some of its blocks.
    Partial {
        /// The number under which the journal adds blocks to it.
        id: u32,
        /// The source when it was read.
        source: SourceIdentity,
        /// Its size in bytes, if known.
        size: Option<u64>,
        /// Whether an equal identity proves nothing.
        doubtful: bool,
        /// The verified blocks, by number within the file, and their digests.
        blocks: BTreeMap<u64, Digest>,
    },
    /// The final name holds it.
    Committed {
        /// The source when it was read.
        source: SourceIdentity,
        /// Its size in bytes.
        size: u64,
        /// The digest of the whole file, where it is known.
        digest: Option<Digest>,
        /// What the receiver's storage said about the final file.
        target: Vec<u8>,
        /// Whether an equal identity proves nothing.
        doubtful: bool,
    },
}

impl FileState {
    /// The source when it was read.
    pub fn source(&self) -> &SourceIdentity {
        match self {
            Self::Partial { source, .. } | Self::Committed { source, .. } => source,
        }
    }

    /// Whether the source changed so shortly before it was read that an equal identity proves nothing.
    pub fn doubtful(&self) -> bool {
        match self {
            Self::Partial { doubtful, .. } | Self::Committed { doubtful, .. } => *doubtful,
        }
    }

    /// Runs of verified blocks, in order and as long as they can be; none for a committed file.
    pub fn ranges(&self) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        if let Self::Partial { blocks, .. } = self {
            for &block in blocks.keys() {
                match ranges.last_mut().filter(|range| range.end == block) {
                    Some(range) => range.end += 1,
                    None => ranges.push(block..block + 1),
                }
            }
        }
        ranges
    }
}

/// All that the records say together. Its memory is in proportion to the records applied, whatever they claim:
/// blocks are kept one by one, not in a table as long as the largest number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalState {
    files: BTreeMap<Vec<u8>, FileState>,
    /// The path of every partial file, by its number.
    partial: BTreeMap<u32, Vec<u8>>,
    next_id: u32,
}

impl JournalState {
    /// What an empty journal says.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next record into account.
    pub fn apply(&mut self, record: JournalRecord) {
        match record {
            JournalRecord::Entry { id, path, source, size, doubtful } => {
                self.forget(&path);
                if let Some(other) = self.partial.get(&id).cloned() {
                    self.forget(&other);
                }
                self.next_id = self.next_id.max(id.saturating_add(1));
                self.partial.insert(id, path.clone());
                let blocks = BTreeMap::new();
                self.files.insert(path, FileState::Partial { id, source, size, doubtful, blocks });
            }
            JournalRecord::Blocks { id, first, digests } => self.add_blocks(id, first, digests),
            JournalRecord::Committed { path, source, size, digest, target, doubtful } => {
                self.forget(&path);
                self.files.insert(path, FileState::Committed { source, size, digest, target, doubtful });
            }
            JournalRecord::Forgotten { path } => self.forget(&path),
        }
    }

    /// What is known about a path, components joined by `/`.
    pub fn lookup(&self, path: &[u8]) -> Option<&FileState> {
        self.files.get(path)
    }

    /// All paths that something is known about, in order of their bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &FileState)> + '_ {
        self.files.iter().map(|(path, state)| (path.as_slice(), state))
    }

    /// Number of paths that something is known about.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// A number for the next [`JournalRecord::Entry`]: greater than all before. After 2^32 of them the last
    /// number serves again, and its earlier file is then forgotten.
    pub fn next_id(&self) -> u32 {
        self.next_id
    }

    /// The fewest records that say the same: what a journal is rewritten with once most of it is outdated.
    pub fn records(&self) -> impl Iterator<Item = JournalRecord> + '_ {
        self.files.iter().flat_map(|(path, state)| records_of(path, state))
    }

    fn forget(&mut self, path: &[u8]) {
        if let Some(FileState::Partial { id, .. }) = self.files.remove(path) {
            self.partial.remove(&id);
        }
    }

    /// Blocks of a number that no file has, and blocks beyond the file's end, are ignored: they will be fetched.
    fn add_blocks(&mut self, id: u32, first: u64, digests: Vec<Digest>) {
        let path = self.partial.get(&id);
        let Some(FileState::Partial { size, blocks, .. }) = path.and_then(|path| self.files.get_mut(path))
        else {
            return;
        };
        let end = size.map_or(u64::MAX, |size| size.div_ceil(BLOCK_SIZE));
        blocks.extend((first..end).zip(digests));
    }
}

fn records_of(path: &[u8], state: &FileState) -> Vec<JournalRecord> {
    let path = path.to_vec();
    match state.clone() {
        FileState::Committed { source, size, digest, target, doubtful } => {
            alloc::vec![JournalRecord::Committed { path, source, size, digest, target, doubtful }]
        }
        FileState::Partial { id, source, size, doubtful, blocks } => {
            let mut records = alloc::vec![JournalRecord::Entry { id, path, source, size, doubtful }];
            for range in state.ranges() {
                let digests: Vec<Digest> = blocks.range(range.clone()).map(|(_, digest)| *digest).collect();
                for (first, digests) in
                    range.step_by(MAX_RECORD_DIGESTS).zip(digests.chunks(MAX_RECORD_DIGESTS))
                {
                    records.push(JournalRecord::Blocks { id, first, digests: digests.to_vec() });
                }
            }
            records
        }
    }
}
