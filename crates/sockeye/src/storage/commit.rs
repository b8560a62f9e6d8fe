//! Batches: what is verified becomes durable, gets its final name and is journalled, in this order.
//!
//! 1. sync the data;
//! 2. rename complete files;
//! 3. sync the directories;
//! 4. append to the journal, and sync it.
//!
//! A crash between any two steps loses work and never truth: part files may hold anything, but the journal and the
//! final names hold only what was verified and synced before.

use std::{collections::BTreeSet, io, time::Duration, time::Instant};

use rustix::io::Errno;
use sockeye_proto::content::{Digest, EntryId, JournalRecord, MAX_RECORD_DIGESTS, SourceIdentity, Timestamp};

use super::{
    Existing,
    directories::{ROOT, SharedDirectories},
    error::{EntryFault, EntryStatus, Failure, StorageError, is, sort},
    names::numbered,
    place::{Landing, Placement, place},
    resume::{Journal, mark, part_name, staged_name, target},
    volume::{Access, Name, Volume},
};

/// Up to this many files are synced one by one; for more, syncing the whole file system is cheaper.
const SYNC_EACH: usize = 8;

/// Up to this many directories are synced one by one.
const SYNC_EACH_DIR: usize = 3;

/// Where a file waits in the staging directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Staged {
    /// A small file, with its mode and time, in the batch's own directory, by entry.
    Small,
    /// A part file by its number. It gets mode and time when it is complete.
    Part {
        id: u32,
        mode: u32,
        modified: Timestamp,
        /// Whether the journal knows it.
        announced: bool,
    },
}

/// A complete file that waits for its name.
#[derive(Debug)]
pub(super) struct Pending<V: Volume> {
    pub(super) id: EntryId,
    pub(super) parent: EntryId,
    pub(super) name: Box<[u8]>,
    pub(super) staged: Staged,
    pub(super) source: SourceIdentity,
    pub(super) doubtful: bool,
    pub(super) size: u64,
    pub(super) mark: [u8; 16],
    pub(super) digest: Option<Digest>,
    pub(super) placement: Placement,
    pub(super) file: Option<V::File>,
}

impl<V: Volume> Pending<V> {
    fn staged_name(&self) -> Vec<u8> {
        match self.staged {
            Staged::Small => staged_name(self.id),
            Staged::Part { id, .. } => part_name(id),
        }
    }

    fn landed(&self, number: u32) -> Landed {
        let root = self.parent == ROOT;
        let name = if root || number > 0 { numbered(&self.name, number) } else { None };
        Landed { number, size: self.size, root, name: name.unwrap_or_default() }
    }
}

/// A part file with new blocks.
#[derive(Debug)]
pub(super) struct PartBlocks<V: Volume> {
    pub(super) id: u32,
    pub(super) file: Option<V::File>,
    /// Set when the journal does not know the file yet, or knows something else about it.
    pub(super) announce: Option<Announce>,
    pub(super) blocks: Vec<(u64, Digest)>,
}

/// What a [`JournalRecord::Entry`] needs.
#[derive(Debug)]
pub(super) struct Announce {
    pub(super) parent: EntryId,
    pub(super) name: Box<[u8]>,
    pub(super) source: SourceIdentity,
    pub(super) size: Option<u64>,
    pub(super) doubtful: bool,
}

/// What is committed in one go.
#[derive(Debug)]
pub(super) struct Batch<V: Volume> {
    pub(super) files: Vec<Pending<V>>,
    /// Where its small files are, with the directory's name. Each batch has its own, so that files of the next one
    /// are made while these are renamed, without waiting for one directory's lock.
    pub(super) small: Option<(Vec<u8>, V::Dir)>,
    pub(super) parts: Vec<PartBlocks<V>>,
    /// Paths of which nothing holds any longer, as directory and name.
    pub(super) forget: Vec<(EntryId, Box<[u8]>)>,
    /// Directories in which new directories were made.
    pub(super) made_in: BTreeSet<EntryId>,
    /// Bytes of content.
    pub(super) bytes: u64,
    /// Nothing will be resumed after this: names and journal need not be synced here.
    pub(super) last: bool,
}

impl<V: Volume> Default for Batch<V> {
    fn default() -> Self {
        let (files, parts, forget) = (Vec::new(), Vec::new(), Vec::new());
        Self { files, small: None, parts, forget, made_in: BTreeSet::new(), bytes: 0, last: false }
    }
}

impl<V: Volume> Batch<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.parts.is_empty() && self.forget.is_empty()
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) files: Vec<(EntryId, Result<Landed, Failure>)>,
    pub(super) error: Option<StorageError>,
    pub(super) took: Duration,
}

/// A file under its final name.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) number: u32,
    pub(super) size: u64,
    /// Whether it is at the top level.
    pub(super) root: bool,
    /// Its final name, if it is at the top level or another than was sent.
    pub(super) name: Vec<u8>,
}

/// Does the steps, on whatever thread.
#[derive(Debug)]
pub(super) struct Worker<V: Volume> {
    pub(super) volume: V,
    pub(super) staging: V::Dir,
    pub(super) journal: Journal<V>,
    pub(super) directories: SharedDirectories<V>,
    pub(super) existing: Existing,
    /// The staging directory's own name has not been synced yet.
    pub(super) unsynced: bool,
    /// An earlier run ended before it could sync the directories it had made.
    pub(super) resumed: bool,
}

impl<V: Volume> Worker<V> {
    /// Commits a batch. After an error nothing may be committed any more.
    pub(super) fn run(&mut self, mut batch: Batch<V>) -> Outcome {
        let began = Instant::now();
        let mut outcome = Outcome::default();
        outcome.error = self.steps(&mut batch, &mut outcome).err();
        outcome.took = began.elapsed();
        outcome
    }

    fn steps(&mut self, batch: &mut Batch<V>, outcome: &mut Outcome) -> Result<(), StorageError> {
        self.complete_parts(batch)?;
        self.sync_data(batch).map_err(StorageError::io("sync received data"))?;
        let mut records = self.facts(batch);
        self.place_files(batch, outcome, &mut records)?;
        if batch.last {
            return Ok(());
        }
        self.sync_names(batch).map_err(StorageError::io("sync directories"))?;
        if records.is_empty() { Ok(()) } else { self.journal.append(&self.volume, &records) }
    }

    /// Gives complete part files their length, mode and time.
    fn complete_parts(&self, batch: &mut Batch<V>) -> Result<(), StorageError> {
        for pending in &mut batch.files {
            let Staged::Part { id, mode, modified, .. } = pending.staged else { continue };
            let mut finish = || -> io::Result<V::File> {
                let file = match pending.file.take() {
                    Some(file) => file,
                    None => self.open_staged(&self.staging, &part_name(id), Access::Write)?,
                };
                self.volume.set_len(&file, pending.size)?;
                self.volume.set_file_attributes(&file, Some(mode), modified)?;
                pending.mark = mark(&self.volume.stat_file(&file)?);
                Ok(file)
            };
            pending.file = Some(finish().map_err(StorageError::io("complete a file"))?);
        }
        Ok(())
    }

    fn open_staged(&self, dir: &V::Dir, name: &[u8], access: Access) -> io::Result<V::File> {
        self.volume.open_file(dir, Name::new(name).ok_or(io::ErrorKind::InvalidInput)?, access)
    }

    fn sync_data(&self, batch: &Batch<V>) -> io::Result<()> {
        let count = batch.files.len() + batch.parts.len();
        if count > SYNC_EACH && self.sync_all()? {
            return Ok(());
        }
        for pending in &batch.files {
            self.sync_one(pending.file.as_ref(), self.dir_of(batch, pending.staged), || {
                pending.staged_name()
            })?;
        }
        for part in &batch.parts {
            self.sync_one(part.file.as_ref(), &self.staging, || part_name(part.id))?;
        }
        Ok(())
    }

    fn dir_of<'a>(&'a self, batch: &'a Batch<V>, staged: Staged) -> &'a V::Dir {
        match (&batch.small, staged) {
            (Some((_, dir)), Staged::Small) => dir,
            _ => &self.staging,
        }
    }

    /// Whether the volume can sync everything, and did.
    fn sync_all(&self) -> io::Result<bool> {
        match self.volume.sync_all() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn sync_one(
        &self,
        open: Option<&V::File>,
        dir: &V::Dir,
        name: impl FnOnce() -> Vec<u8>,
    ) -> io::Result<()> {
        if let Some(file) = open {
            return self.volume.sync_file(file);
        }
        match self.open_staged(dir, &name(), Access::Read) {
            Ok(file) => self.volume.sync_file(&file),
            // Its mode forbids reading even to its owner.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => self.volume.sync_all(),
            Err(error) => Err(error),
        }
    }

    /// Records about part files and forgotten paths. Their data is synced.
    fn facts(&self, batch: &mut Batch<V>) -> Vec<JournalRecord> {
        let directories = self.directories.lock();
        let mut records = Vec::new();
        for (parent, name) in &batch.forget {
            records.push(JournalRecord::Forgotten { path: directories.path_in(*parent, name) });
        }
        for part in &mut batch.parts {
            if let Some(Announce { parent, name, source, size, doubtful }) = part.announce.take() {
                let path = directories.path_in(parent, &name);
                records.push(JournalRecord::Entry { id: part.id, path, source, size, doubtful });
            }
            part.blocks.sort_unstable_by_key(|(block, _)| *block);
            for run in part.blocks.chunk_by(|(a, _), (b, _)| a.checked_add(1) == Some(*b)) {
                for piece in run.chunks(MAX_RECORD_DIGESTS) {
                    let digests = piece.iter().map(|(_, digest)| *digest).collect();
                    let first = piece.first().map_or(0, |(block, _)| *block);
                    records.push(JournalRecord::Blocks { id: part.id, first, digests });
                }
            }
        }
        records
    }

    /// Renames complete files, adds what is then true to `records`, and tells what became of each.
    fn place_files(
        &self,
        batch: &mut Batch<V>,
        outcome: &mut Outcome,
        records: &mut Vec<JournalRecord>,
    ) -> Result<(), StorageError> {
        let mut last: Option<(EntryId, V::Dir)> = None;
        for pending in &batch.files {
            let staged = pending.staged_name();
            let Some(from) = Name::new(&staged) else { continue };
            let from = (self.dir_of(batch, pending.staged), from);
            let landing = self.directory(&mut last, pending.parent).and_then(|dir| {
                place(&self.volume, from, &dir, &pending.name, pending.placement, self.existing)
            });
            let result = match landing {
                Ok(Landing::At(number)) => Ok(pending.landed(number)),
                Ok(Landing::Exists(why)) => Err(Failure::new(EntryStatus::Exists, why)),
                Ok(Landing::Skipped) => Err(Failure::new(EntryStatus::Skipped, "something has this name")),
                Err(error) => match sort("give the file its name", error) {
                    EntryFault::Fatal(error) => return Err(error),
                    EntryFault::Entry(failure) => Err(failure),
                },
            };
            if result.is_err() {
                // What is left behind is removed when the directory is opened next.
                let _ = self.volume.unlink(from.0, from.1);
            }
            records.extend(self.record(pending, &result));
            outcome.files.push((pending.id, result));
        }
        if let Some((name, dir)) = batch.small.take() {
            drop(dir);
            // One that is not empty is removed when the staging directory is opened next.
            let _ = Name::new(&name).map(|name| self.volume.remove_dir(&self.staging, name));
        }
        batch.made_in.extend(batch.files.iter().map(|pending| pending.parent));
        Ok(())
    }

    fn directory(&self, last: &mut Option<(EntryId, V::Dir)>, id: EntryId) -> io::Result<V::Dir> {
        if let Some((_, dir)) = last.as_ref().filter(|(open, _)| *open == id) {
            return Ok(dir.clone());
        }
        let dir = self.directories.lock().open(id)?;
        *last = Some((id, dir.clone()));
        Ok(dir)
    }

    fn record(&self, pending: &Pending<V>, result: &Result<Landed, Failure>) -> Option<JournalRecord> {
        let path = || self.directories.lock().path_in(pending.parent, &pending.name);
        match (result, pending.staged) {
            (Ok(landed), _) => Some(JournalRecord::Committed {
                path: path(),
                source: pending.source,
                size: pending.size,
                digest: pending.digest,
                target: target(landed.number, &pending.mark),
                doubtful: pending.doubtful,
            }),
            (Err(_), Staged::Part { announced: true, .. }) => Some(JournalRecord::Forgotten { path: path() }),
            (Err(_), _) => None,
        }
    }

    /// Makes new names durable: those of files, of directories made for them, and of part files.
    fn sync_names(&mut self, batch: &Batch<V>) -> io::Result<()> {
        let mut directories = batch.made_in.clone();
        if self.unsynced {
            directories.insert(ROOT);
        }
        let staging = self.unsynced || !batch.parts.is_empty();
        let many = directories.len() + usize::from(staging) > SYNC_EACH_DIR;
        let all = many || std::mem::take(&mut self.resumed);
        if all && self.sync_all()? {
            self.unsynced = false;
            return Ok(());
        }
        for id in directories {
            let opened = self.directories.lock().open(id);
            match opened {
                Ok(dir) => tolerate(self.volume.sync_dir(&dir))?,
                // Somebody moved or locked it meanwhile; its entries report that themselves.
                Err(_) => drop(self.sync_all()?),
            }
        }
        if staging {
            tolerate(self.volume.sync_dir(&self.staging))?;
        }
        self.unsynced = false;
        Ok(())
    }
}

/// Some network file systems have no notion of syncing a directory.
pub(super) fn tolerate(synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error) if is(&error, Errno::INVAL) => Ok(()),
        other => other,
    }
}
