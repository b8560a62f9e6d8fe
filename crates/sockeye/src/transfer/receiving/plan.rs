//! From what storage needs to what the sender is asked.

use std::ops::Range;

use sockeye_proto::content::{BLOCK_SIZE, EntryId, KindRef};

use super::{Phase, Receiving};
use crate::{Error, transfer::target::Need};

/// A pack some of whose files may be needed.
#[derive(Default)]
pub(super) struct PackPlan {
    wanted: bool,
    undecided: u32,
}

impl Receiving<'_> {
    /// Plans every entry that has been listed and not planned, and asks for what is needed.
    pub(super) fn plan(&mut self) -> Result<(), Error> {
        let end = self.machine.manifest().len();
        while self.planned < end {
            let id = self.planned;
            self.planned += 1;
            let Some(target) = self.target.as_mut() else { return Ok(()) };
            let need = target.plan(self.machine.manifest(), id)?;
            self.apply(id, need, false);
        }
        self.ask();
        Ok(())
    }

    pub(super) fn compared(&mut self, id: EntryId, same: bool) -> Result<(), Error> {
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        let need = target.compared(self.machine.manifest(), id, same)?;
        self.apply(id, need, true);
        self.ask();
        Ok(())
    }

    /// Turns what storage needs of an entry into questions.
    fn apply(&mut self, id: EntryId, need: Need, was_undecided: bool) {
        let (blocks, size) = (self.machine.blocks().blocks_of(id), self.size_of(id));
        let packed = size.is_some_and(|size| size > 0 && size < BLOCK_SIZE);
        if packed {
            let pack = self.packs.entry(blocks.start).or_default();
            pack.undecided -= u32::from(was_undecided && pack.undecided > 0);
            match need {
                Need::Compare(digest) => {
                    pack.undecided += 1;
                    self.machine.compare(id, &digest);
                }
                Need::Nothing { here } => self.count_here(id, here),
                _ => {
                    pack.wanted = true;
                    self.want(id, true);
                }
            }
            return;
        }
        self.want(id, !matches!(need, Need::Nothing { .. } | Need::Compare(_)));
        match need {
            Need::Nothing { here } => self.count_here(id, here),
            Need::All if size.is_none() => self.machine.need_stream(),
            Need::All => self.need(blocks),
            Need::Missing { ranges, here } => {
                for range in ranges {
                    self.need(blocks.start + range.start..blocks.start + range.end);
                }
                self.progress.bytes += here;
                self.progress.bytes_here += here;
            }
            Need::Check { held, missing } => {
                for held in held {
                    let first = blocks.start + held.first;
                    self.doubted.extend((first..).zip(held.digests.iter().copied()));
                    self.machine.check(blocks.start + held.first, &held.digests);
                }
                for range in missing {
                    self.need(blocks.start + range.start..blocks.start + range.end);
                }
            }
            Need::Compare(digest) => self.machine.compare(id, &digest),
        }
    }

    /// Notes whether bytes of an entry are stored.
    pub(super) fn want(&mut self, id: EntryId, wanted: bool) {
        let word = id as usize / 64;
        if word >= self.wanted.len() {
            self.wanted.resize(word + 1, 0);
        }
        let bit = 1 << (id % 64);
        if wanted {
            self.wanted[word] |= bit;
        } else {
            self.wanted[word] &= !bit;
        }
    }

    pub(super) fn is_wanted(&self, id: EntryId) -> bool {
        self.wanted.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    fn count_here(&mut self, id: EntryId, here: bool) {
        if let Some(size) = self.size_of(id).filter(|_| here) {
            self.progress.bytes += size;
            self.progress.bytes_here += size;
            self.progress.files += 1;
        }
    }

    pub(super) fn size_of(&self, id: EntryId) -> Option<u64> {
        match self.machine.manifest().get(id)?.kind {
            KindRef::File { size } => size,
            _ => Some(0),
        }
    }

    fn need(&mut self, blocks: Range<u64>) {
        match self.needs.last_mut() {
            _ if blocks.is_empty() => {}
            Some(last) if last.end == blocks.start => last.end = blocks.end,
            _ => self.needs.push(blocks),
        }
    }

    /// Asks for packs whose files are all decided, and for everything else that has gathered.
    fn ask(&mut self) {
        let closed = self.machine.blocks().closed();
        let ready: Vec<u64> = self
            .packs
            .iter()
            .filter(|(block, pack)| **block < closed && pack.undecided == 0 && self.is_pack_planned(**block))
            .map(|(block, _)| *block)
            .collect();
        for block in ready {
            if self.packs.remove(&block).is_some_and(|pack| pack.wanted) {
                self.need(block..block + 1);
            }
        }
        let needs = std::mem::take(&mut self.needs);
        self.machine.need(&needs);
        let all = self.machine.is_listed() && self.planned == self.machine.manifest().len();
        if self.phase == Phase::Receiving && all && self.packs.is_empty() && !self.machine.is_comparing() {
            self.machine.questions_end();
        }
    }

    fn is_pack_planned(&self, block: u64) -> bool {
        match self.machine.blocks().shape(block) {
            Some(sockeye_proto::content::BlockShape::Pack { last, .. }) => last < self.planned,
            _ => true,
        }
    }
}
