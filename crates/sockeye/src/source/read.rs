//! Reading blocks of listed files.

use std::{os::fd::OwnedFd, time::SystemTime};

use sockeye_proto::content::{
    BLOCK_SIZE, BlockShape, Digest, EntryId, EntryRef, KindRef, Manifest, pack_digest, range_digest,
};

use super::{
    ReadFault, SourceTree, doubtful,
    handle::{self, Kind},
    identity::Identity,
    tree::Directories,
};

/// How many large files a reader keeps open: blocks come in order, but those asked for again come between.
const MAX_OPEN_FILES: usize = 8;

/// What a block turned out to be.
#[derive(Debug)]
pub(crate) struct BlockRead {
    /// Of the bytes that were read. Without bytes it means nothing.
    pub(crate) digest: Digest,
    /// Entries of this block that could not be read, in order. They have contributed no bytes, and never will.
    pub(crate) skipped: Vec<(EntryId, ReadFault)>,
    /// How many bytes were read: the block's, less those of the skipped entries.
    pub(crate) bytes: u32,
    /// Whether an entry of the block was modified so shortly before that a later change need not show: see [`doubtful`].
    pub(crate) doubtful: bool,
}

/// Reads blocks. Each thread has its own; between blocks it keeps at most 8 files and 32 directories open.
#[derive(Debug)]
pub(crate) struct Reader {
    directories: Directories,
    /// The most recently used one last.
    files: Vec<OpenFile>,
    /// For reading without a caller's buffer.
    scratch: Vec<u8>,
}

/// A file that was the listed one when it was opened.
#[derive(Debug)]
struct OpenFile {
    id: EntryId,
    fd: OwnedFd,
    listed: Identity,
}

/// One block's worth of a file.
#[derive(Clone, Copy)]
struct Part {
    offset: u64,
    len: u32,
}

impl Reader {
    /// A reader of the entries that a walk over `tree` has listed.
    pub(crate) fn new(tree: SourceTree) -> Self {
        Self { directories: Directories::new(tree), files: Vec::new(), scratch: Vec::new() }
    }

    /// Reads one block into `buf`, whose former content is lost and whose capacity is used again.
    ///
    /// Afterwards `buf` holds the bytes of all entries of the block that are still as they were listed. Digests are made
    /// while the bytes are in the processor's cache: a block is a quarter of a megabyte.
    pub(crate) fn read_block(
        &mut self,
        manifest: &Manifest,
        shape: &BlockShape,
        buf: &mut Vec<u8>,
    ) -> BlockRead {
        let now = SystemTime::now();
        match *shape {
            BlockShape::Range { entry, offset, len } => {
                self.read_range(manifest, entry, Part { offset, len }, now, buf)
            }
            BlockShape::Pack { first, last, len } => self.read_pack(manifest, (first, last, len), now, buf),
        }
    }

    /// [`Reader::read_block`] for the digest alone.
    #[cfg(test)]
    pub(crate) fn read_digest_only(&mut self, manifest: &Manifest, shape: &BlockShape) -> BlockRead {
        let mut scratch = std::mem::take(&mut self.scratch);
        let read = self.read_block(manifest, shape, &mut scratch);
        self.scratch = scratch;
        read
    }

    /// BLAKE3 of a whole file.
    pub(crate) fn file_digest(&mut self, manifest: &Manifest, id: EntryId) -> Result<Digest, ReadFault> {
        let (_, size) = listed_file(manifest, id)?;
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut hasher = blake3::Hasher::new();
        let mut offset = 0;
        let result = loop {
            // Never more than a block.
            let len = u32::try_from((size - offset).min(BLOCK_SIZE)).unwrap_or(u32::MAX);
            if let Err(fault) = self.fill(manifest, id, Part { offset, len }, &mut scratch) {
                break Err(fault);
            }
            hasher.update(&scratch);
            offset += u64::from(len);
            if offset >= size {
                break Ok(hasher.finalize().into());
            }
        };
        self.close(id);
        self.scratch = scratch;
        result
    }

    fn read_range(
        &mut self,
        manifest: &Manifest,
        id: EntryId,
        part: Part,
        now: SystemTime,
        buf: &mut Vec<u8>,
    ) -> BlockRead {
        let result = listed_file(manifest, id).and_then(|(entry, size)| {
            self.fill(manifest, id, part, buf)?;
            Ok((entry, size))
        });
        match result {
            Ok((entry, size)) => {
                if part.offset + u64::from(part.len) == size {
                    self.close(id);
                }
                let whole = u64::from(part.len) == size;
                let digest = range_digest(part.offset, buf, whole);
                BlockRead {
                    digest,
                    skipped: Vec::new(),
                    bytes: part.len,
                    doubtful: doubtful(entry.modified, now),
                }
            }
            Err(fault) => {
                buf.clear();
                BlockRead { digest: pack_digest(&[]), skipped: vec![(id, fault)], bytes: 0, doubtful: false }
            }
        }
    }

    fn read_pack(
        &mut self,
        manifest: &Manifest,
        (first, last, len): (EntryId, EntryId, u32),
        now: SystemTime,
        buf: &mut Vec<u8>,
    ) -> BlockRead {
        // Not cleared first: what is there need not be zeroed before it is overwritten.
        buf.resize(len.min(MAX_BLOCK) as usize, 0);
        let mut read = BlockRead { digest: Digest::ZERO, skipped: Vec::new(), bytes: 0, doubtful: false };
        for entry in manifest.range(first..last.saturating_add(1)) {
            let Some(size) = packed_size(&entry) else { continue };
            let start = read.bytes as usize;
            let result = match buf.get_mut(start..start + size as usize) {
                Some(place) => self.read_small(manifest, &entry, place),
                None => Err(ReadFault::NoSuchPart),
            };
            match result {
                Ok(()) => {
                    read.bytes += size;
                    read.doubtful |= doubtful(entry.modified, now);
                }
                Err(fault) => read.skipped.push((entry.id, fault)),
            }
        }
        buf.truncate(read.bytes as usize);
        read.digest = pack_digest(buf);
        read
    }

    /// A whole small file into `place`, which has its listed size.
    fn read_small(
        &mut self,
        manifest: &Manifest,
        entry: &EntryRef<'_>,
        place: &mut [u8],
    ) -> Result<(), ReadFault> {
        let file = OpenFile::open(&mut self.directories, manifest, entry)?;
        file.read(place, 0)
    }

    /// A part of a file into `buf`, which afterwards holds it and nothing else.
    fn fill(
        &mut self,
        manifest: &Manifest,
        id: EntryId,
        part: Part,
        buf: &mut Vec<u8>,
    ) -> Result<(), ReadFault> {
        let (entry, size) = listed_file(manifest, id)?;
        let fits = part.offset.checked_add(u64::from(part.len)).is_some_and(|end| end <= size);
        if !fits || part.len > MAX_BLOCK {
            return Err(ReadFault::NoSuchPart);
        }
        buf.resize(part.len as usize, 0);
        let result = self.file(manifest, &entry)?.read(buf, part.offset);
        if result.is_err() {
            self.close(id);
        }
        result
    }

    /// The open file of an entry.
    fn file(&mut self, manifest: &Manifest, entry: &EntryRef<'_>) -> Result<&OpenFile, ReadFault> {
        if let Some(position) = self.files.iter().rposition(|file| file.id == entry.id) {
            self.files[position..].rotate_left(1);
        } else {
            let file = OpenFile::open(&mut self.directories, manifest, entry)?;
            handle::advise_sequential(&file.fd);
            if self.files.len() >= MAX_OPEN_FILES {
                self.files.remove(0);
            }
            self.files.push(file);
        }
        self.files.last().ok_or(ReadFault::NoSuchPart)
    }

    fn close(&mut self, id: EntryId) {
        self.files.retain(|file| file.id != id);
    }
}

impl OpenFile {
    /// Opens the file of an entry and sees that it is the listed one.
    fn open(
        directories: &mut Directories,
        manifest: &Manifest,
        entry: &EntryRef<'_>,
    ) -> Result<Self, ReadFault> {
        let listed = Identity::from_source(entry.source).ok_or(ReadFault::NoSuchPart)?;
        let fd = directories.open_file(manifest, entry)?;
        let file = Self { id: entry.id, fd, listed };
        file.check()?;
        Ok(file)
    }

    /// Fills `buf` from `offset` on. The bytes count only if the file is still the listed one afterwards.
    fn read(&self, buf: &mut [u8], offset: u64) -> Result<(), ReadFault> {
        handle::read_exact_at(&self.fd, buf, offset)?;
        self.check()
    }

    fn check(&self) -> Result<(), ReadFault> {
        let stat = handle::stat(&self.fd)
            .map_err(|error| ReadFault::Unreadable { action: "examine", source: error.into() })?;
        if handle::kind(&stat) != Kind::File {
            return Err(ReadFault::REPLACED);
        }
        if Identity::of_file(&stat).is_still(self.listed, &self.fd) {
            Ok(())
        } else {
            Err(ReadFault::MODIFIED)
        }
    }
}

/// A file of the manifest and its size.
fn listed_file(manifest: &Manifest, id: EntryId) -> Result<(EntryRef<'_>, u64), ReadFault> {
    match manifest.get(id) {
        Some(entry @ EntryRef { kind: KindRef::File { size: Some(size) }, .. }) => Ok((entry, size)),
        _ => Err(ReadFault::NoSuchPart),
    }
}

/// The size of a file that lies in a pack; `None` for everything else.
fn packed_size(entry: &EntryRef<'_>) -> Option<u32> {
    match entry.kind {
        KindRef::File { size: Some(size) } if (1..BLOCK_SIZE).contains(&size) => u32::try_from(size).ok(),
        _ => None,
    }
}

/// Most bytes in a block.
const MAX_BLOCK: u32 = 1 << sockeye_proto::content::BLOCK_EXPONENT;
