//! Which data frames answer a question, and what they mean then (`specs/04-transfer.md` §3).

use alloc::{string::String, vec::Vec};

use crate::content::{BLOCK_SIZE, BlockShape, EntryId, KindRef};

use super::{Receiver, State};
use crate::transfer::{
    Block, Data, DataHeader, DataKind, Status, TransferError, error::misbehaved, outstanding::Stream,
};

impl Receiver {
    /// Checks a data frame against what was asked for, and says what it means.
    pub fn handle_data(&mut self, header: &DataHeader) -> Result<Data, TransferError> {
        if !matches!(self.state, State::Receiving | State::Completing) {
            return misbehaved("data that was not asked for");
        }
        match header.kind {
            DataKind::Range if self.outstanding.stream == Stream::Next(header.block) => {
                self.data_stream(header)
            }
            DataKind::Range => self.data_range(header),
            DataKind::Pack => self.data_pack(header),
            DataKind::Same => self.data_same(header),
            DataKind::Fail => self.data_fail(header),
            DataKind::End => self.data_end(),
        }
    }

    fn data_range(&mut self, header: &DataHeader) -> Result<Data, TransferError> {
        let Some(BlockShape::Range { entry, offset, len }) = self.blocks.shape(header.block) else {
            return misbehaved("a range block that is none");
        };
        if header.entry != entry || header.plain != len || header.last {
            return misbehaved("a block of another size or entry than listed");
        }
        self.take(header.block)?;
        Ok(Data::Range { block: Block { entry, number: offset / BLOCK_SIZE }, len, last: false })
    }

    /// A block of the stream of unknown size. Only the last one may be short, and only the first one empty.
    fn data_stream(&mut self, header: &DataHeader) -> Result<Data, TransferError> {
        let Some((entry, first)) = self.blocks.stream().filter(|(entry, _)| *entry == header.entry) else {
            return misbehaved("a block of another size or entry than listed");
        };
        let number = header.block - first;
        let is_short = u64::from(header.plain) < BLOCK_SIZE;
        if (is_short && !header.last) || (header.plain == 0 && number > 0) {
            return misbehaved("a short block inside a stream");
        }
        let before = number.saturating_mul(BLOCK_SIZE).saturating_add(self.manifest.totals().bytes);
        if before.saturating_add(u64::from(header.plain)) > self.params.max_bytes.unwrap_or(u64::MAX) {
            return Err(TransferError::TooLarge { what: String::from("the stream grew past the limit") });
        }
        self.outstanding.stream = match header.block.checked_add(1) {
            Some(next) if !header.last => Stream::Next(next),
            _ => Stream::Over,
        };
        Ok(Data::Range { block: Block { entry, number }, len: header.plain, last: header.last })
    }

    fn data_pack(&mut self, header: &DataHeader) -> Result<Data, TransferError> {
        let Some(BlockShape::Pack { first, last, .. }) = self.blocks.shape(header.block) else {
            return misbehaved("a pack that is none");
        };
        let alive = |id: &EntryId| !self.failed.contains(id);
        let members: Vec<(EntryId, u32)> =
            (first..=last).filter(alive).filter_map(|id| Some((id, self.packed_size(id)?))).collect();
        let total: u64 = members.iter().map(|&(_, size)| u64::from(size)).sum();
        if header.entry != first || u64::from(header.plain) != total {
            return misbehaved("a pack of another size or entry than listed");
        }
        self.take(header.block)?;
        Ok(Data::Pack { members })
    }

    /// The size of a file that travels in a pack.
    fn packed_size(&self, id: EntryId) -> Option<u32> {
        match self.manifest.get(id)?.kind {
            KindRef::File { size: Some(size) } if self.blocks.is_packed(id) => u32::try_from(size).ok(),
            _ => None,
        }
    }

    fn data_same(&mut self, header: &DataHeader) -> Result<Data, TransferError> {
        let Some(BlockShape::Range { entry, offset, .. }) = self.blocks.shape(header.block) else {
            return misbehaved("sameness of a block that is none");
        };
        if !self.outstanding.checked.has_any(&(header.block..header.block + 1)) {
            return misbehaved("sameness nobody asked about");
        }
        self.take(header.block)?;
        Ok(Data::Same { block: Block { entry, number: offset / BLOCK_SIZE } })
    }

    fn data_fail(&mut self, header: &DataHeader) -> Result<Data, TransferError> {
        let entry = header.entry;
        let kind = self.manifest.get(entry).map(|entry| entry.kind);
        let Some(KindRef::File { size }) = kind else {
            return misbehaved("failure of something that is no listed file");
        };
        if self.failed.contains(&entry) {
            return misbehaved("one entry failed twice");
        }
        let blocks = self.blocks.blocks_of(entry);
        let awaited = match size {
            None if matches!(self.outstanding.stream, Stream::Next(_)) => {
                self.outstanding.stream = Stream::Over;
                true
            }
            None => false,
            // The pack it is in still comes, without its bytes.
            Some(_) if self.blocks.is_packed(entry) => self.outstanding.blocks.has_any(&blocks),
            Some(_) => self.outstanding.settle(blocks),
        };
        if !awaited {
            return misbehaved("failure of an entry that was not asked for");
        }
        self.failed.insert(entry);
        let status = u8::try_from(header.block).map_or(Status::Failed, Status::of_source);
        Ok(Data::Fail { entry, status })
    }

    fn data_end(&mut self) -> Result<Data, TransferError> {
        if self.state != State::Completing || !self.outstanding.is_empty() {
            return misbehaved("the end before every answer");
        }
        self.state = State::Answered;
        Ok(Data::End)
    }

    fn take(&mut self, block: u64) -> Result<(), TransferError> {
        if self.outstanding.settle(block..block + 1) {
            return Ok(());
        }
        misbehaved("a block that was not asked for")
    }
}
