//! A file of a block or more, or of unknown size, while it is incomplete.

use std::ops::Range;

use sockeye_proto::content::{BLOCK_SIZE, Digest, EntryId, EntryRef, KindRef, RootBuilder, SourceIdentity};

use super::{
    commit::{Announce, PartBlocks},
    destination::parent_of,
    error::StorageError,
    resume::Partial,
    runs::Runs,
    volume::Volume,
};

/// One part file.
#[derive(Debug)]
pub(super) struct Part<V: Volume> {
    /// Its number in the journal and in its name.
    pub(super) id: u32,
    /// Open while it is being written; few at a time are.
    pub(super) file: Option<V::File>,
    /// When it was used last.
    pub(super) used: u64,
    parent: EntryId,
    name: Box<[u8]>,
    pub(super) source: SourceIdentity,
    pub(super) doubtful: bool,
    /// Bytes in all, once known.
    pub(super) size: Option<u64>,
    /// Verified blocks in the file.
    pub(super) blocks: Runs,
    /// Blocks of an earlier run that the sender has not confirmed yet.
    held: Runs,
    /// Verified blocks that are not journalled yet.
    fresh: Vec<(u64, Digest)>,
    /// What the journal says about this path, see [`Journalled`].
    journalled: Journalled,
    /// The digest of the file as far as its blocks came in order; `None` once one did not.
    root: Option<RootBuilder>,
}

/// What the journal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journalled {
    /// Nothing.
    Nothing,
    /// The file, as it is being received now.
    This,
    /// Blocks of another source, or doubtful ones: no longer true once one of them is overwritten.
    Stale,
    /// It never will: nothing could recognise the source again.
    Never,
}

impl<V: Volume> Part<V> {
    pub(super) fn new(entry: &EntryRef<'_>, id: u32, doubtful: bool) -> Self {
        let size = if let KindRef::File { size } = entry.kind { size } else { None };
        Self {
            id,
            file: None,
            used: 0,
            parent: parent_of(entry),
            name: entry.name.into(),
            source: SourceIdentity::new(entry.source).unwrap_or_default(),
            doubtful,
            size,
            blocks: Runs::default(),
            held: Runs::default(),
            fresh: Vec::new(),
            journalled: if entry.source.is_empty() { Journalled::Never } else { Journalled::Nothing },
            root: Some(RootBuilder::new()),
        }
    }

    /// Goes on with a part file whose blocks are known to be the source's.
    pub(super) fn resumed(entry: &EntryRef<'_>, partial: &Partial) -> Self {
        let mut part = Self::new(entry, partial.id, false);
        part.journalled = Journalled::This;
        for (block, digest) in &partial.blocks {
            part.count(*block, *digest);
        }
        part
    }

    /// Goes on with a part file whose blocks have to be compared first.
    pub(super) fn doubted(entry: &EntryRef<'_>, partial: &Partial, doubtful: bool) -> Self {
        let mut part = Self::new(entry, partial.id, doubtful);
        part.journalled = Journalled::Stale;
        part.held = partial.blocks.iter().map(|(block, _)| *block).collect();
        part
    }

    /// Whether the sender was asked about this block, which has not been overwritten since.
    pub(super) fn is_held(&self, block: u64) -> bool {
        self.held.contains(block) && !self.blocks.contains(block)
    }

    /// What is neither verified nor held of the first `total` blocks.
    pub(super) fn absent(&self, total: u64) -> Vec<Range<u64>> {
        self.held.missing(total)
    }

    fn count(&mut self, block: u64, digest: Digest) {
        self.blocks.insert(block);
        match &mut self.root {
            Some(root) if root.blocks() == block => root.push(digest),
            root => *root = None,
        }
    }

    /// Takes note of a verified block.
    pub(super) fn add(&mut self, block: u64, digest: Digest) {
        self.count(block, digest);
        if self.journalled != Journalled::Never {
            self.fresh.push((block, digest));
        }
    }

    /// Whether the journal says something that the next write may make untrue.
    pub(super) fn is_stale(&self) -> bool {
        self.journalled == Journalled::Stale
    }

    /// Whether the journal knows this path.
    pub(super) fn is_announced(&self) -> bool {
        matches!(self.journalled, Journalled::This | Journalled::Stale)
    }

    /// Whether all verified blocks are journalled.
    pub(super) fn is_settled(&self) -> bool {
        self.fresh.is_empty()
    }

    /// What the journal has to be told, if anything. `overwriting` says that claims of an earlier run are about to
    /// become untrue.
    pub(super) fn unjournalled(&mut self, overwriting: bool) -> Option<PartBlocks<V>> {
        if self.fresh.is_empty() && !(overwriting && self.is_stale()) {
            return None;
        }
        let announce = (self.journalled != Journalled::This).then(|| Announce {
            parent: self.parent,
            name: self.name.clone(),
            source: self.source,
            size: self.size,
            doubtful: self.doubtful,
        });
        self.journalled = Journalled::This;
        Some(PartBlocks {
            id: self.id,
            file: self.file.clone(),
            announce,
            blocks: std::mem::take(&mut self.fresh),
        })
    }

    /// Whether its blocks are all those before this offset: nothing lies beyond.
    pub(super) fn ends_at(&self, offset: u64) -> bool {
        self.held.is_empty() && self.root.as_ref().is_some_and(|root| root.blocks() * BLOCK_SIZE == offset)
    }

    /// How many blocks it has in all, once known.
    pub(super) fn total(&self) -> Option<u64> {
        self.size.map(|size| size.div_ceil(BLOCK_SIZE))
    }

    pub(super) fn is_complete(&self) -> bool {
        self.total() == Some(self.blocks.len())
    }

    /// The digest of the complete file, if its blocks came in order.
    pub(super) fn digest(&mut self) -> Option<Digest> {
        self.root.take()?.finish(self.size?)
    }

    /// Bytes of a block in the file.
    pub(super) fn block_len(&self, block: u64) -> Option<u64> {
        block_len(self.size?, block)
    }
}

/// Bytes of a block in a file of this size; `None` beyond its end.
pub(super) fn block_len(size: u64, block: u64) -> Option<u64> {
    let offset = block.checked_mul(BLOCK_SIZE)?;
    size.checked_sub(offset).filter(|rest| *rest > 0).map(|rest| rest.min(BLOCK_SIZE))
}

/// Checks a block against what was listed, and says at which offset it goes.
pub(super) fn check_block(size: Option<u64>, block: u64, len: u64, last: bool) -> Result<u64, StorageError> {
    let misuse = StorageError::Misuse { what: "a block of another size or place than listed" };
    let fits = match size {
        Some(size) => !last && block_len(size, block) == Some(len),
        None => len == BLOCK_SIZE || (last && len < BLOCK_SIZE),
    };
    let offset = block.checked_mul(BLOCK_SIZE);
    let end = offset.and_then(|offset| offset.checked_add(len)).filter(|end| i64::try_from(*end).is_ok());
    match (fits, offset, end) {
        (true, Some(offset), Some(_)) => Ok(offset),
        _ => Err(misuse),
    }
}
