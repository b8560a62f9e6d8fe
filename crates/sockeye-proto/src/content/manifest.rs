//! The manifest in memory: a compact arena of entries (`specs/01-content.md` §2).

use super::config::{FORMAT_MAX_NAME, FORMAT_MAX_TARGET, MAX_IDENTITY, MODE_MASK, ManifestLimits};
use super::entry::{Entry, EntryId, EntryRef, KindRef, Timestamp, name_fault};
use super::error::ManifestError;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// What a manifest adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Files, those of unknown size counted.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of all files whose size is known.
    pub bytes: u64,
    /// Files of unknown size: 0 or 1.
    pub unknown: u64,
}

/// All entries of a transfer, in order, about 48 bytes an entry besides its name, target and identity.
///
/// No entry has an allocation of its own. Rows and text lie in pieces of bounded size, so that growing never
/// copies more than one piece and the memory in use stays close to what is needed.
#[derive(Clone, Default)]
pub struct Manifest {
    limits: ManifestLimits,
    rows: Vec<Vec<Row>>,
    text: Text,
    len: u32,
    totals: Totals,
}

/// Where a manifest stood, to go back there when a segment turns out bad half way through.
pub(super) struct Mark {
    len: u32,
    totals: Totals,
    text: TextMark,
}

impl Manifest {
    /// An empty manifest with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty manifest that refuses to [`push`](Self::push) beyond these limits.
    pub fn with_limits(limits: ManifestLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Adds an entry and says where it stands.
    ///
    /// # Errors
    /// When the entry breaks a rule of `specs/01-content.md` §2 or a limit. The manifest is then as before.
    pub fn push(&mut self, entry: &Entry) -> Result<EntryId, ManifestError> {
        let limits = self.limits;
        self.push_within(&limits, &entry.by_ref(self.len))
    }

    /// Number of entries.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry at this position.
    pub fn get(&self, id: EntryId) -> Option<EntryRef<'_>> {
        self.row(id).map(|row| row.entry(id, &self.text))
    }

    /// All entries in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = EntryRef<'_>> + '_ {
        self.range(0..self.len)
    }

    /// The entries of a range of positions in order; positions that do not exist are left out.
    pub fn range(&self, ids: Range<EntryId>) -> impl DoubleEndedIterator<Item = EntryRef<'_>> + '_ {
        (ids.start..ids.end.min(self.len)).filter_map(|id| self.get(id))
    }

    /// The names from the root of the transfer down to this entry; empty when there is no such entry.
    pub fn components(&self, id: EntryId) -> Vec<&[u8]> {
        let depth = self.row(id).map_or(0, |row| usize::from(row.depth));
        let mut components = Vec::with_capacity(depth);
        let mut next = Some(id);
        while let Some(row) = next.and_then(|id| self.row(id)) {
            components.push(row.name(&self.text));
            next = row.parent();
        }
        components.reverse();
        components
    }

    /// The components joined by `/`; empty when there is no such entry.
    pub fn path(&self, id: EntryId) -> Vec<u8> {
        self.components(id).join(&b'/')
    }

    /// What the entries add up to.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Bytes of memory that the entries occupy, spare capacity counted.
    pub fn memory(&self) -> usize {
        let rows: usize = self.rows.iter().map(|piece| piece.capacity() * size_of::<Row>()).sum();
        rows + self.rows.capacity() * size_of::<Vec<Row>>() + self.text.memory()
    }

    /// [`push`](Self::push) by reference and under other limits than the manifest's own.
    pub(super) fn push_within(
        &mut self,
        limits: &ManifestLimits,
        entry: &EntryRef<'_>,
    ) -> Result<EntryId, ManifestError> {
        let id = self.len;
        check_fields(limits, id, entry)?;
        let (depth, path_len) = self.place_in_tree(limits, id, entry)?;
        let totals = self.totals_with(id, entry)?;
        let target: &[u8] = if let KindRef::Symlink { target } = entry.kind { target } else { &[] };
        let text_len = entry.name.len() + target.len() + entry.source.len();
        limit(
            "names and identities in bytes",
            limits.max_text,
            self.text.len.saturating_add(text_len as u64),
        )?;

        let row = Row::new(entry, depth, path_len, self.text.push(&[entry.name, target, entry.source]));
        if self.rows.last().is_none_or(|piece| piece.len() == ROWS_IN_PIECE) {
            // The first piece grows as needed, for small manifests; later ones are made whole.
            let room = if self.rows.is_empty() { 0 } else { ROWS_IN_PIECE };
            self.rows.push(Vec::with_capacity(room));
        }
        if let Some(piece) = self.rows.last_mut() {
            piece.push(row);
        }
        self.len += 1;
        self.totals = totals;
        Ok(id)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { len: self.len, totals: self.totals, text: self.text.mark() }
    }

    pub(super) fn rewind(&mut self, mark: &Mark) {
        let len = mark.len as usize;
        self.rows.truncate(len.div_ceil(ROWS_IN_PIECE));
        if let Some(piece) = self.rows.last_mut() {
            piece.truncate(len - (len - 1) / ROWS_IN_PIECE * ROWS_IN_PIECE);
        }
        self.text.rewind(&mark.text);
        self.len = mark.len;
        self.totals = mark.totals;
    }

    fn row(&self, id: EntryId) -> Option<&Row> {
        let id = id as usize;
        self.rows.get(id / ROWS_IN_PIECE)?.get(id % ROWS_IN_PIECE)
    }

    /// Depth and path length of a new entry, from those of its parent.
    fn place_in_tree(
        &self,
        limits: &ManifestLimits,
        id: EntryId,
        entry: &EntryRef<'_>,
    ) -> Result<(u16, u32), ManifestError> {
        limit("entries", limits.max_entries.into(), u64::from(id) + 1)?;
        if self.totals.unknown > 0 {
            return Err(ManifestError::AfterUnknownSize { entry: id });
        }
        let (depth, path) = match entry.parent {
            None => (1, entry.name.len() as u64),
            Some(parent) => {
                let parent = self.row(parent).filter(|row| row.tag == Tag::Directory);
                let parent = parent.ok_or(ManifestError::Parent { entry: id })?;
                (u64::from(parent.depth) + 1, u64::from(parent.path_len) + 1 + entry.name.len() as u64)
            }
        };
        limit("directory levels", limits.max_depth as u64, depth)?;
        limit("path length in bytes", limits.max_path as u64, path)?;
        let depth = u16::try_from(depth).map_err(|_| over("directory levels", u16::MAX.into()))?;
        let path = u32::try_from(path).map_err(|_| over("path length in bytes", u32::MAX.into()))?;
        Ok((depth, path))
    }

    fn totals_with(&self, id: EntryId, entry: &EntryRef<'_>) -> Result<Totals, ManifestError> {
        let mut totals = self.totals;
        match entry.kind {
            KindRef::Directory => totals.directories += 1,
            KindRef::Symlink { .. } => totals.symlinks += 1,
            KindRef::File { size } => {
                totals.files += 1;
                totals.unknown += u64::from(size.is_none());
                let sum = totals.bytes.checked_add(size.unwrap_or(0));
                totals.bytes = sum.ok_or(ManifestError::BytesOverflow { entry: id })?;
            }
        }
        Ok(totals)
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("len", &self.len)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

/// The rules that an entry must meet by itself (`specs/01-content.md` §2).
fn check_fields(limits: &ManifestLimits, id: EntryId, entry: &EntryRef<'_>) -> Result<(), ManifestError> {
    limit("name length in bytes", limits.max_name.min(FORMAT_MAX_NAME) as u64, entry.name.len() as u64)?;
    if let Some(fault) = name_fault(entry.name) {
        return Err(ManifestError::Name { entry: id, fault });
    }
    if let KindRef::Symlink { target } = entry.kind {
        limit(
            "symlink target in bytes",
            limits.max_target.min(FORMAT_MAX_TARGET) as u64,
            target.len() as u64,
        )?;
        if target.is_empty() || target.contains(&0) {
            return Err(ManifestError::Target { entry: id });
        }
    }
    if entry.mode & !MODE_MASK != 0 {
        return Err(ManifestError::Mode { entry: id });
    }
    if entry.modified.nanos >= 1_000_000_000 {
        return Err(ManifestError::Nanos { entry: id });
    }
    if entry.source.len() > MAX_IDENTITY {
        return Err(ManifestError::IdentityTooLong { len: entry.source.len() });
    }
    Ok(())
}

fn limit(what: &'static str, limit: u64, value: u64) -> Result<(), ManifestError> {
    if value > limit { Err(over(what, limit)) } else { Ok(()) }
}

fn over(what: &'static str, limit: u64) -> ManifestError {
    ManifestError::OverLimit { what, limit }
}

/// The fixed part of an entry: 48 bytes.
#[derive(Clone)]
struct Row {
    /// The size of a file, the length of a symlink's target, else 0.
    size: u64,
    seconds: i64,
    place: Place,
    nanos: u32,
    /// [`NO_PARENT`] for a root.
    parent: u32,
    path_len: u32,
    name_len: u16,
    depth: u16,
    mode: u16,
    source_len: u8,
    tag: Tag,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Directory,
    File,
    /// A file of unknown size.
    Stream,
    Symlink,
}

impl Row {
    /// A row of an entry that [`check_fields`] has passed, so that its lengths fit.
    fn new(entry: &EntryRef<'_>, depth: u16, path_len: u32, place: Place) -> Self {
        let (tag, size) = match entry.kind {
            KindRef::Directory => (Tag::Directory, 0),
            KindRef::File { size: Some(size) } => (Tag::File, size),
            KindRef::File { size: None } => (Tag::Stream, 0),
            KindRef::Symlink { target } => (Tag::Symlink, target.len() as u64),
        };
        Self {
            size,
            seconds: entry.modified.seconds,
            place,
            nanos: entry.modified.nanos,
            parent: entry.parent.unwrap_or(NO_PARENT),
            path_len,
            name_len: u16::try_from(entry.name.len()).unwrap_or(u16::MAX),
            depth,
            mode: entry.mode,
            source_len: u8::try_from(entry.source.len()).unwrap_or(u8::MAX),
            tag,
        }
    }

    fn entry<'a>(&self, id: EntryId, text: &'a Text) -> EntryRef<'a> {
        let name_len = usize::from(self.name_len);
        let target_len = if self.tag == Tag::Symlink { usize::try_from(self.size).unwrap_or(0) } else { 0 };
        EntryRef {
            id,
            parent: self.parent(),
            name: self.name(text),
            kind: match self.tag {
                Tag::Directory => KindRef::Directory,
                Tag::File => KindRef::File { size: Some(self.size) },
                Tag::Stream => KindRef::File { size: None },
                Tag::Symlink => KindRef::Symlink { target: text.get(self.place, name_len, target_len) },
            },
            mode: self.mode,
            modified: Timestamp { seconds: self.seconds, nanos: self.nanos },
            source: text.get(self.place, name_len + target_len, self.source_len.into()),
        }
    }

    fn name<'a>(&self, text: &'a Text) -> &'a [u8] {
        text.get(self.place, 0, self.name_len.into())
    }

    fn parent(&self) -> Option<EntryId> {
        (self.parent != NO_PARENT).then_some(self.parent)
    }
}

/// Names, targets and identities, one after the other; the bytes of one entry never cross two pieces.
#[derive(Clone, Default)]
struct Text {
    pieces: Vec<Vec<u8>>,
    /// Bytes in all pieces.
    len: u64,
}

/// Where the bytes of an entry begin.
#[derive(Clone, Copy)]
struct Place {
    piece: u32,
    at: u32,
}

struct TextMark {
    pieces: usize,
    in_last: usize,
    len: u64,
}

impl Text {
    fn push(&mut self, parts: &[&[u8]]) -> Place {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if self.pieces.last().is_none_or(|piece| piece.len() + len > TEXT_IN_PIECE) {
            let room = if self.pieces.is_empty() { 0 } else { TEXT_IN_PIECE };
            self.pieces.push(Vec::with_capacity(room));
        }
        let index = self.pieces.len().saturating_sub(1);
        let mut at = 0;
        if let Some(piece) = self.pieces.last_mut() {
            at = piece.len();
            for part in parts {
                piece.extend_from_slice(part);
            }
        }
        self.len += len as u64;
        // A piece is smaller than 2^32 bytes; 2^32 pieces hold more than any memory.
        Place { piece: u32::try_from(index).unwrap_or(u32::MAX), at: u32::try_from(at).unwrap_or(u32::MAX) }
    }

    fn get(&self, place: Place, skip: usize, len: usize) -> &[u8] {
        let start = place.at as usize + skip;
        self.pieces.get(place.piece as usize).and_then(|piece| piece.get(start..start + len)).unwrap_or(&[])
    }

    fn mark(&self) -> TextMark {
        TextMark { pieces: self.pieces.len(), in_last: self.pieces.last().map_or(0, Vec::len), len: self.len }
    }

    fn rewind(&mut self, mark: &TextMark) {
        self.pieces.truncate(mark.pieces);
        if let Some(piece) = self.pieces.last_mut() {
            piece.truncate(mark.in_last);
        }
        self.len = mark.len;
    }

    fn memory(&self) -> usize {
        let pieces: usize = self.pieces.iter().map(Vec::capacity).sum();
        pieces + self.pieces.capacity() * size_of::<Vec<u8>>()
    }
}

/// The parent of a root in a [`Row`]; never a position, since [`Manifest::len`] is a `u32` itself.
const NO_PARENT: u32 = u32::MAX;

/// Rows in a piece: 192 KiB. A power of two, which is where a growing `Vec` ends without spare capacity.
const ROWS_IN_PIECE: usize = 4_096;

/// Bytes of text in a piece; larger than the text of any one entry.
const TEXT_IN_PIECE: usize = 256 * 1024;

const _: () = assert!(size_of::<Row>() <= 48);
const _: () = assert!(FORMAT_MAX_NAME + FORMAT_MAX_TARGET + MAX_IDENTITY <= TEXT_IN_PIECE);
const _: () = assert!(FORMAT_MAX_NAME <= u16::MAX as usize && MAX_IDENTITY <= u8::MAX as usize);
