//! The staging directory: where unfinished files are, who may use it, and what an earlier run left in it.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use rustix::io::Errno;
use sockeye_proto::content::{
    BLOCK_SIZE, Digest, EntryId, FileState, JournalError, JournalReader, JournalRecord, JournalState,
    JournalWriter,
};

use super::{
    error::{StorageError, is},
    names::{PathKey, STAGING_PREFIX, short},
    volume::{Access, FileKind, Metadata, Name, Volume},
};

const JOURNAL: &[u8] = b"journal";

/// How often a staging directory that vanishes while it is being opened is made anew.
const OPEN_ATTEMPTS: usize = 8;

/// What a journal says about one file that an earlier run put under its final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Committed {
    /// Hash of the source's identity.
    pub(super) source: [u8; 16],
    /// [`mark`] of the final file.
    pub(super) mark: [u8; 16],
    /// Which `name (number)` it is; 0 is the name itself.
    pub(super) number: u32,
    pub(super) doubtful: bool,
}

/// What a journal says about one part file.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    pub(super) id: u32,
    pub(super) source: [u8; 16],
    pub(super) doubtful: bool,
    /// Verified blocks by number, in order.
    pub(super) blocks: Vec<(u64, Digest)>,
}

/// What earlier runs left.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Sorted, so that a path takes its 56 bytes and nothing more.
    committed: Vec<(PathKey, Option<Committed>)>,
    partial: HashMap<PathKey, Partial>,
}

impl Known {
    pub(super) fn committed(&self, key: PathKey) -> Option<Committed> {
        let at = self.committed.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.committed[at].1
    }

    pub(super) fn partial(&self, key: PathKey) -> Option<&Partial> {
        self.partial.get(&key)
    }

    pub(super) fn take_partial(&mut self, key: PathKey) -> Option<Partial> {
        self.partial.remove(&key)
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.partial.is_empty() && self.committed.is_empty()
    }

    /// Takes the journal's own folding for part files, and a compact table for the many that are complete.
    fn replay(journal: &[u8], key: [u8; 32]) -> Result<(Self, Position), JournalError> {
        let mut partial = JournalState::new();
        let mut committed = Vec::new();
        let replay = JournalReader::new(key).read_each(journal, |record| match record {
            JournalRecord::Committed { path, source, target, doubtful, .. } => {
                if let Some((number, mark)) = read_target(&target) {
                    let source = hash(source.as_bytes());
                    let entry = Committed { source, mark, number, doubtful };
                    committed.push((PathKey::of_path(&path), Some(entry)));
                }
                partial.apply(JournalRecord::Forgotten { path });
            }
            JournalRecord::Entry { ref path, .. } | JournalRecord::Forgotten { ref path } => {
                if !committed.is_empty() {
                    committed.push((PathKey::of_path(path), None));
                }
                partial.apply(record);
            }
            blocks @ JournalRecord::Blocks { .. } => partial.apply(blocks),
        })?;
        let next_id = partial.next_id();
        let partial = partial.iter().filter_map(|(path, state)| Some((PathKey::of_path(path), part(state)?)));
        let known = Self { partial: partial.collect(), committed: last_of_each(committed) };
        Ok((known, Position { at: replay.valid_len, writer: replay.writer, next_id }))
    }
}

fn part(state: &FileState) -> Option<Partial> {
    let FileState::Partial { id, source, doubtful, blocks, .. } = state else { return None };
    let blocks = blocks.iter().map(|(block, digest)| (*block, *digest)).collect();
    Some(Partial { id: *id, source: hash(source.as_bytes()), doubtful: *doubtful, blocks })
}

/// Of several facts about one path the last one holds.
fn last_of_each(mut facts: Vec<(PathKey, Option<Committed>)>) -> Vec<(PathKey, Option<Committed>)> {
    facts.reverse();
    facts.sort_by_key(|(key, _)| *key);
    facts.dedup_by_key(|(key, _)| *key);
    facts.retain(|(_, fact)| fact.is_some());
    facts.shrink_to_fit();
    facts
}

/// Where a journal goes on.
#[derive(Debug)]
pub(super) struct Position {
    at: u64,
    writer: JournalWriter,
    next_id: u32,
}

/// An open journal. Dropping it ends the lock.
#[derive(Debug)]
pub(super) struct Journal<V: Volume> {
    file: V::File,
    position: Position,
    buffer: Vec<u8>,
}

impl<V: Volume> Journal<V> {
    /// Appends records and makes them durable. After an error nothing may be appended any more.
    pub(super) fn append(&mut self, volume: &V, records: &[JournalRecord]) -> Result<(), StorageError> {
        self.buffer.clear();
        for record in records {
            let added = self.position.writer.append(record, &mut self.buffer);
            added.map_err(|_| StorageError::Misuse { what: "a journal record beyond its bounds" })?;
        }
        let write = volume.write_at(&self.file, &self.buffer, self.position.at);
        write.and_then(|()| volume.sync_file(&self.file)).map_err(StorageError::io("write the journal"))?;
        self.position.at += self.buffer.len() as u64;
        Ok(())
    }
}

/// The staging directory, locked for this process.
#[derive(Debug)]
pub(super) struct Staging<V: Volume> {
    pub(super) dir: V::Dir,
    pub(super) journal: Journal<V>,
    pub(super) known: Known,
    /// The number of the next part file.
    pub(super) next_id: u32,
}

/// The staging directory's name for this transfer.
pub(super) fn staging_name(key: &[u8; 32]) -> Vec<u8> {
    let number = key.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    format!("{STAGING_PREFIX}{number:016x}").into_bytes()
}

/// Opens the staging directory that is there, or makes it if `create` says so, and reads what it holds.
pub(super) fn open<V: Volume>(
    volume: &V,
    key: [u8; 32],
    create: bool,
) -> Result<Option<Staging<V>>, StorageError> {
    let name = staging_name(&key);
    let Some(name) = Name::new(&name) else { return Err(StorageError::Misuse { what: "staging name" }) };
    for _ in 0..OPEN_ATTEMPTS {
        let Some(dir) = open_dir(volume, name, create)? else { return Ok(None) };
        match open_journal(volume, name, dir, key, create) {
            // The process that had it finished and removed it between two of our steps.
            Err(StorageError::Io { source, .. }) if is(&source, Errno::NOENT) && create => {}
            Err(StorageError::Io { source, .. }) if is(&source, Errno::NOENT) => return Ok(None),
            other => return other.map(Some),
        }
    }
    Err(StorageError::Busy)
}

fn open_dir<V: Volume>(volume: &V, name: Name<'_>, create: bool) -> Result<Option<V::Dir>, StorageError> {
    let root = volume.root();
    if create {
        match volume.create_dir(&root, name, 0o700) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StorageError::Io {
                    action: "make a directory for unfinished files",
                    source: error,
                });
            }
            _ => {}
        }
    }
    let dir = match volume.open_dir(&root, name) {
        Ok(dir) => dir,
        Err(error) if is(&error, Errno::NOENT) && !create => return Ok(None),
        Err(error) if is(&error, Errno::LOOP) || is(&error, Errno::NOTDIR) => {
            return Err(foreign(name, "it is not a directory"));
        }
        Err(error) => return Err(StorageError::Io { action: "open the unfinished files", source: error }),
    };
    let found = volume.stat_dir(&dir).map_err(StorageError::io("look at the unfinished files"))?;
    if found.owner != volume.owner() {
        return Err(foreign(name, "it belongs to another user"));
    }
    if found.mode & 0o077 != 0 {
        return Err(foreign(name, "other users can use it"));
    }
    Ok(Some(dir))
}

fn foreign(name: Name<'_>, reason: &'static str) -> StorageError {
    StorageError::Staging { name: String::from_utf8_lossy(name.as_bytes()).into_owned(), reason }
}

fn open_journal<V: Volume>(
    volume: &V,
    staging: Name<'_>,
    dir: V::Dir,
    key: [u8; 32],
    create: bool,
) -> Result<Staging<V>, StorageError> {
    let failed = StorageError::io("open the journal");
    let Some(name) = Name::new(JOURNAL) else { return Err(StorageError::Misuse { what: "journal name" }) };
    let created = if create { Some(volume.create_file(&dir, name, 0o600)) } else { None };
    let file = match created {
        Some(Ok(file)) => file,
        Some(Err(error)) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => match volume.open_file(&dir, name, Access::Write) {
            Ok(file) => file,
            Err(error) if is(&error, Errno::LOOP) || error.kind() == io::ErrorKind::InvalidInput => {
                return Err(foreign(staging, "its journal is not a regular file"));
            }
            Err(error) => return Err(failed(error)),
        },
    };
    if !volume.try_lock(&file).map_err(StorageError::io("lock the journal"))? {
        return Err(StorageError::Busy);
    }
    let found = volume.stat_file(&file).map_err(StorageError::io("look at the journal"))?;
    let named = volume.stat(&dir, name).map_err(StorageError::io("look at the journal"))?;
    if named.inode != found.inode {
        return Err(StorageError::Io { action: "open the journal", source: Errno::NOENT.into() });
    }
    if found.kind != FileKind::File || found.links != 1 || found.owner != volume.owner() {
        return Err(foreign(staging, "its journal is not a file of this user alone"));
    }
    let (known, position) = read_journal(volume, staging, &file, found.size, key)?;
    let next_id = position.next_id;
    let journal = Journal { file, position, buffer: Vec::new() };
    let mut staging = Staging { dir, journal, known, next_id };
    staging.clear_stale(volume).map_err(StorageError::io("clear unfinished files"))?;
    Ok(staging)
}

/// Reads the journal and cuts what was torn off its end. A damaged beginning means that nothing is known.
fn read_journal<V: Volume>(
    volume: &V,
    staging: Name<'_>,
    file: &V::File,
    size: u64,
    key: [u8; 32],
) -> Result<(Known, Position), StorageError> {
    let failed = || StorageError::io("read the journal");
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX).min(MAX_JOURNAL)];
    let read = volume.read_at(file, &mut bytes, 0).map_err(failed())?;
    bytes.truncate(read);
    match Known::replay(&bytes, key) {
        Ok((known, position)) => {
            volume.set_len(file, position.at).map_err(failed())?;
            Ok((known, position))
        }
        Err(JournalError::NotAJournal) => {
            let header = JournalWriter::header(key);
            volume.set_len(file, 0).map_err(failed())?;
            volume.write_at(file, &header, 0).map_err(failed())?;
            let (at, writer) = (header.len() as u64, JournalWriter::new(key));
            Ok((Known::default(), Position { at, writer, next_id: 0 }))
        }
        Err(source) => {
            let name = String::from_utf8_lossy(staging.as_bytes()).into_owned();
            Err(StorageError::Journal { name, source })
        }
    }
}

/// Longest journal that is read: it holds 16 million paths or 8 TiB of digests. What is beyond counts as torn.
const MAX_JOURNAL: usize = 4 << 30;

impl<V: Volume> Staging<V> {
    /// Removes what the journal does not know: a crash left it, and nobody can tell what is in it. Forgets part files
    /// that are gone or shorter than they should be.
    fn clear_stale(&mut self, volume: &V) -> io::Result<()> {
        let wanted: HashSet<Vec<u8>> =
            self.known.partial.values().map(|partial| part_name(partial.id)).collect();
        let mut parts: HashMap<Vec<u8>, u64> = HashMap::new();
        for name in volume.list(&self.dir)? {
            let Some(checked) = Name::new(&name).filter(|_| name != JOURNAL) else { continue };
            match volume.stat(&self.dir, checked) {
                Ok(found) if wanted.contains(&name) && found.kind == FileKind::File && found.links == 1 => {
                    parts.insert(name, found.size);
                }
                Ok(found) if found.kind == FileKind::Directory => remove_batch(volume, &self.dir, checked)?,
                Ok(_) => volume.unlink(&self.dir, checked)?,
                Err(error) => return Err(error),
            }
        }
        self.known.partial.retain(|_, partial| {
            let end = partial.blocks.last().map_or(0, |(block, _)| block.saturating_mul(BLOCK_SIZE));
            // The last block may be short; that it has a byte at all is what can be said here.
            parts.get(&part_name(partial.id)).is_some_and(|size| partial.blocks.is_empty() || *size > end)
        });
        Ok(())
    }
}

/// Removes the staging directory and what is left in it, the journal last: whoever waits for its lock then sees that
/// the directory is gone.
pub(super) fn remove<V: Volume>(volume: &V, dir: &V::Dir, key: &[u8; 32]) -> io::Result<()> {
    for name in volume.list(dir)? {
        let Some(name) = Name::new(&name).filter(|_| name != JOURNAL) else { continue };
        if volume.stat(dir, name)?.kind == FileKind::Directory {
            remove_batch(volume, dir, name)?;
        } else {
            volume.unlink(dir, name)?;
        }
    }
    let staging = staging_name(key);
    if let (Some(journal), Some(staging)) = (Name::new(JOURNAL), Name::new(&staging)) {
        volume.unlink(dir, journal)?;
        volume.remove_dir(&volume.root(), staging)?;
    }
    Ok(())
}

/// Removes a directory of small files that were not committed.
fn remove_batch<V: Volume>(volume: &V, staging: &V::Dir, name: Name<'_>) -> io::Result<()> {
    let dir = volume.open_dir(staging, name)?;
    for name in volume.list(&dir)? {
        if let Some(name) = Name::new(&name) {
            volume.unlink(&dir, name)?;
        }
    }
    volume.remove_dir(staging, name)
}

/// The name of a batch's directory in the staging directory.
pub(super) fn batch_name(number: u32) -> Vec<u8> {
    format!("batch-{number:08x}").into_bytes()
}

/// The name of a part file in the staging directory.
pub(super) fn part_name(id: u32) -> Vec<u8> {
    format!("part-{id:08x}").into_bytes()
}

/// The name of a small file or a link that waits for its commit.
pub(super) fn staged_name(id: EntryId) -> Vec<u8> {
    format!("file-{id:08x}").into_bytes()
}

/// A source identity in 16 bytes.
pub(super) fn hash(identity: &[u8]) -> [u8; 16] {
    short(&blake3::hash(identity))
}

/// What tells a final file from one that somebody else put or changed there: inode, size and time.
pub(super) fn mark(found: &Metadata) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(28);
    bytes.extend_from_slice(&found.inode.to_be_bytes());
    bytes.extend_from_slice(&found.size.to_be_bytes());
    bytes.extend_from_slice(&found.modified.seconds.to_be_bytes());
    bytes.extend_from_slice(&found.modified.nanos.to_be_bytes());
    hash(&bytes)
}

/// The bytes that a [`JournalRecord::Committed`] keeps of the final file.
pub(super) fn target(number: u32, mark: &[u8; 16]) -> Vec<u8> {
    [number.to_be_bytes().as_slice(), mark].concat()
}

fn read_target(bytes: &[u8]) -> Option<(u32, [u8; 16])> {
    let (number, mark) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), mark.try_into().ok()?))
}
