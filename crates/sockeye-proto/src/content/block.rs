//! Which bytes of which files make up which block (`specs/01-content.md` §5).

use super::config::{BLOCK_SIZE, MAX_PACK_FILES};
use super::entry::{EntryId, EntryRef, KindRef};
use alloc::vec::Vec;
use core::ops::Range;

/// What a block consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockShape {
    /// A part of one file.
    Range {
        /// The file.
        entry: EntryId,
        /// Where in the file it begins, in bytes: a multiple of [`BLOCK_SIZE`].
        offset: u64,
        /// Its bytes, 1 to [`BLOCK_SIZE`].
        len: u32,
    },
    /// Small files, whole and one after the other. Directories, symlinks and empty files between them have no
    /// bytes here.
    Pack {
        /// The first small file.
        first: EntryId,
        /// The last small file, inclusive.
        last: EntryId,
        /// Bytes of all together, 1 to [`BLOCK_SIZE`].
        len: u32,
    },
}

/// Divides a manifest into numbered blocks, as its entries come. Both sides do it for themselves and get the
/// same. Takes 16 bytes for each large file, 24 for each pack and one bit for each entry.
#[derive(Debug, Clone, Default)]
pub struct BlockMap {
    /// Files of a block and more, by first block.
    files: Vec<FileBlocks>,
    /// Closed packs, by block.
    packs: Vec<PackBlock>,
    /// The pack that still takes files; its number will be `closed`.
    open: Option<OpenPack>,
    stream: Option<Stream>,
    /// One bit for each entry: set for a file that is in a pack.
    packed: Vec<u64>,
    /// Entries seen.
    entries: EntryId,
    /// Blocks whose shape is final.
    closed: u64,
}

#[derive(Debug, Clone)]
struct FileBlocks {
    first: u64,
    entry: EntryId,
    /// Bytes of the last block.
    tail: u32,
}

#[derive(Debug, Clone)]
struct PackBlock {
    block: u64,
    first: EntryId,
    last: EntryId,
    len: u32,
}

#[derive(Debug, Clone)]
struct OpenPack {
    first: EntryId,
    last: EntryId,
    files: u32,
    len: u32,
}

#[derive(Debug, Clone)]
struct Stream {
    entry: EntryId,
    first: u64,
    /// Known once it has ended.
    size: Option<u64>,
}

impl BlockMap {
    /// A map of an empty manifest.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next entry of the manifest. Entries come in order; one that came before is ignored.
    pub fn push(&mut self, entry: EntryRef<'_>) {
        if entry.id < self.entries || self.stream.is_some() {
            return;
        }
        self.entries = entry.id.saturating_add(1);
        match entry.kind {
            KindRef::Directory | KindRef::Symlink { .. } | KindRef::File { size: Some(0) } => {}
            KindRef::File { size: None } => {
                self.finish();
                self.stream = Some(Stream { entry: entry.id, first: self.closed, size: None });
            }
            KindRef::File { size: Some(size) } => match small(size) {
                Some(len) => self.pack(entry.id, len),
                None => self.cut(entry.id, size),
            },
        }
    }

    /// Closes the last pack, when no more entries come. More may come nevertheless; they begin a new pack.
    pub fn finish(&mut self) {
        if let Some(open) = self.open.take() {
            self.packs.push(PackBlock {
                block: self.closed,
                first: open.first,
                last: open.last,
                len: open.len,
            });
            self.closed = self.closed.saturating_add(1);
        }
    }

    /// Says how long the file of unknown size turned out to be: its blocks then have a shape. Without such a
    /// file, or the second time, nothing happens.
    pub fn end_stream(&mut self, size: u64) {
        if let Some(stream) = self.stream.as_mut().filter(|stream| stream.size.is_none()) {
            stream.size = Some(size);
            let (entry, first) = (stream.entry, stream.first);
            if size > 0 {
                self.files.push(FileBlocks { first, entry, tail: tail(size) });
                self.closed = first.saturating_add(size.div_ceil(BLOCK_SIZE));
            }
        }
    }

    /// Blocks whose shape is final: those with smaller numbers than this. After [`finish`](Self::finish) all
    /// but those of a file of unknown size.
    pub fn closed(&self) -> u64 {
        self.closed
    }

    /// What a block consists of; `None` for one that is not [closed](Self::closed).
    pub fn shape(&self, block: u64) -> Option<BlockShape> {
        if block >= self.closed {
            return None;
        }
        let packs_before = self.packs.partition_point(|pack| pack.block < block);
        if let Some(pack) = self.packs.get(packs_before).filter(|pack| pack.block == block) {
            return Some(BlockShape::Pack { first: pack.first, last: pack.last, len: pack.len });
        }
        let index = self.files.partition_point(|file| file.first <= block).checked_sub(1)?;
        let file = self.files.get(index)?;
        let is_last = block + 1 == self.end_of(index);
        let offset = (block - file.first).checked_mul(BLOCK_SIZE)?;
        Some(BlockShape::Range { entry: file.entry, offset, len: if is_last { file.tail } else { FULL } })
    }

    /// The blocks that hold a file: those of a large one, the pack of a small one (even before it is closed),
    /// none for directories, symlinks, empty files and entries not seen. For a file of unknown size the range
    /// is empty and starts at its first block, until [`end_stream`](Self::end_stream).
    pub fn blocks_of(&self, entry: EntryId) -> Range<u64> {
        if self.is_packed(entry) {
            let index = self.packs.partition_point(|pack| pack.last < entry);
            let block = self.packs.get(index).map_or(self.closed, |pack| pack.block);
            return block..block.saturating_add(1);
        }
        if let Ok(index) = self.files.binary_search_by_key(&entry, |file| file.entry) {
            return self.files[index].first..self.end_of(index);
        }
        match &self.stream {
            Some(stream) if stream.entry == entry => stream.first..stream.first,
            _ => 0..0,
        }
    }

    /// The file of unknown size and its first block, if there is one.
    pub fn stream(&self) -> Option<(EntryId, u64)> {
        self.stream.as_ref().map(|stream| (stream.entry, stream.first))
    }

    /// Whether this entry is a file whose bytes are in a pack.
    pub fn is_packed(&self, entry: EntryId) -> bool {
        let word = self.packed.get(entry as usize / 64).copied().unwrap_or(0);
        word >> (entry % 64) & 1 == 1
    }

    /// Bytes of memory in use, spare capacity counted.
    pub fn memory(&self) -> usize {
        self.files.capacity() * size_of::<FileBlocks>()
            + self.packs.capacity() * size_of::<PackBlock>()
            + self.packed.capacity() * size_of::<u64>()
    }

    /// Puts a small file into the open pack, or into a new one where it does not fit.
    fn pack(&mut self, entry: EntryId, len: u32) {
        let fits = |open: &OpenPack| open.files < MAX_PACK_FILES && open.len + len <= FULL;
        if !self.open.as_ref().is_some_and(fits) {
            self.finish();
        }
        let open = self.open.get_or_insert(OpenPack { first: entry, last: entry, files: 0, len: 0 });
        open.last = entry;
        open.files += 1;
        open.len += len;
        let word = entry as usize / 64;
        if self.packed.len() <= word {
            self.packed.resize(word + 1, 0);
        }
        self.packed[word] |= 1 << (entry % 64);
    }

    /// Cuts a file of a block or more into blocks of its own.
    fn cut(&mut self, entry: EntryId, size: u64) {
        self.finish();
        self.files.push(FileBlocks { first: self.closed, entry, tail: tail(size) });
        self.closed = self.closed.saturating_add(size.div_ceil(BLOCK_SIZE));
    }

    /// The block after the last one of a large file: where the next file or pack begins.
    fn end_of(&self, file: usize) -> u64 {
        let first = self.files[file].first;
        let next_file = self.files.get(file + 1).map_or(self.closed, |next| next.first);
        let pack = self.packs.partition_point(|pack| pack.block < first);
        let next_pack = self.packs.get(pack).map_or(self.closed, |next| next.block);
        next_file.min(next_pack)
    }
}

/// The size of a file that goes into a pack; `None` for one that is cut.
fn small(size: u64) -> Option<u32> {
    u32::try_from(size).ok().filter(|_| size < BLOCK_SIZE)
}

/// Bytes in the last block of a file that is not empty.
fn tail(size: u64) -> u32 {
    u32::try_from((size - 1) % BLOCK_SIZE + 1).unwrap_or(FULL)
}

/// Bytes in a full block; [`BLOCK_SIZE`] in the type that lengths have.
const FULL: u32 = 1 << super::config::BLOCK_EXPONENT;

const _: () = assert!(size_of::<FileBlocks>() == 16 && size_of::<PackBlock>() == 24);
