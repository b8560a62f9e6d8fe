//! The sender's blocks in memory, and what is known of those that were read.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use sockeye_proto::{
    content::{BlockMap, BlockShape, Manifest},
    delivery::{BLOCKS_PER_DIGESTS, BlockDigest, Digests},
};

use crate::source::Reader;

/// Blocks kept for repairs and read ahead: 44 MiB.
const KEPT: usize = 176;
/// Groups of digests remembered: 32 GiB of content.
const REMEMBERED_GROUPS: usize = 4096;

/// Reads blocks, once if it can be helped.
pub(super) struct Cache {
    manifest: Arc<Manifest>,
    blocks: Arc<BlockMap>,
    reader: Reader,
    kept: BTreeMap<u64, Vec<u8>>,
    order: VecDeque<u64>,
    spare: Vec<Vec<u8>>,
    /// Digests of what was read, by group.
    digests: BTreeMap<u64, Vec<Option<BlockDigest>>>,
}

impl Cache {
    pub(super) fn new(manifest: Arc<Manifest>, blocks: Arc<BlockMap>, reader: Reader) -> Self {
        Self {
            manifest,
            blocks,
            reader,
            kept: BTreeMap::new(),
            order: VecDeque::new(),
            spare: Vec::new(),
            digests: BTreeMap::new(),
        }
    }

    /// Bytes of a block; 0 if there is none.
    pub(super) fn len_of(&self, block: u64) -> u32 {
        match self.blocks.shape(block) {
            Some(BlockShape::Range { len, .. } | BlockShape::Pack { len, .. }) => len,
            None => 0,
        }
    }

    /// Reads a block unless it is here, or known not to go by packets. Whether it was read.
    pub(super) fn read_once(&mut self, block: u64) -> bool {
        let known = self.kept.contains_key(&block) || self.digest(block).is_some_and(|known| known.withheld);
        if !known {
            self.read(block);
        }
        !known
    }

    fn digest(&self, block: u64) -> Option<BlockDigest> {
        let index = usize::try_from(block % BLOCKS_PER_DIGESTS).ok()?;
        *self.digests.get(&(block / BLOCKS_PER_DIGESTS))?.get(index)?
    }

    /// The bytes of a block, read if they have to be; `None` if it does not go by packets.
    pub(super) fn block(&mut self, block: u64) -> Option<&[u8]> {
        if !self.kept.contains_key(&block) && !self.read(block) {
            return None;
        }
        self.kept.get(&block).map(Vec::as_slice)
    }

    /// Reads a block and notes its digest. False if it is not whole, or not what it was before.
    fn read(&mut self, block: u64) -> bool {
        let Some(shape) = self.blocks.shape(block) else { return false };
        let mut bytes = self.spare.pop().unwrap_or_default();
        let read = self.reader.read_block(&self.manifest, &shape, &mut bytes);
        let before = self.digest(block);
        let changed = before.is_some_and(|before| before.withheld || before.digest != read.digest);
        let withheld = !read.skipped.is_empty() || bytes.is_empty() || changed;
        let known = BlockDigest { digest: read.digest, doubtful: read.doubtful, withheld };
        self.note(block, known);
        if withheld {
            self.spare.push(bytes);
            return false;
        }
        if self.kept.insert(block, bytes).is_none() {
            self.order.push_back(block);
        }
        while self.order.len() > KEPT {
            if let Some(old) = self.order.pop_front()
                && let Some(bytes) = self.kept.remove(&old)
            {
                self.spare.push(bytes);
            }
        }
        true
    }

    fn note(&mut self, block: u64, known: BlockDigest) {
        let group = block / BLOCKS_PER_DIGESTS;
        let index = usize::try_from(block % BLOCKS_PER_DIGESTS).unwrap_or(0);
        let size = usize::try_from(BLOCKS_PER_DIGESTS).unwrap_or(0);
        self.digests.entry(group).or_insert_with(|| vec![None; size])[index] = Some(known);
        while self.digests.len() > REMEMBERED_GROUPS {
            self.digests.pop_first();
        }
    }

    /// What is known of a group of blocks, if anything.
    pub(super) fn digests(&self, group: u64) -> Option<Digests> {
        let first = u32::try_from(group * BLOCKS_PER_DIGESTS).ok()?;
        Some(Digests { first, blocks: self.digests.get(&group)?.clone() })
    }
}
