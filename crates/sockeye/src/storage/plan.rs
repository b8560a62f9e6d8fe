//! What is needed of each entry, given what is here.

use std::{io, ops::Range};

use rustix::io::Errno;
use sockeye_proto::content::{BLOCK_SIZE, Digest, EntryId, EntryRef, KindRef};

use super::{
    EntryFault,
    commit::{Pending, Staged},
    destination::{Destination, Existing, Slot, parent_of},
    directories::{Presence, ROOT},
    error::{EntryStatus, Failure, StorageError, is, sort},
    judge::probe,
    links::Link,
    names::numbered,
    part::Part,
    place::{Placement, irreplaceable},
    resume::{Partial, hash, mark},
    volume::{Access, FileKind, Metadata, Name, Volume},
};

/// What is needed of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing travels: a directory, a link, an empty file, or every block is here. It is done at the right time.
    Local,
    /// Every block.
    All,
    /// These blocks, numbered within the file; the rest is here and known to be the source's.
    Missing(Vec<Range<u64>>),
    /// Blocks are here of which it is not known whether they are the source's: its digests of them are to be compared
    /// ([`Destination::keep_range`] for each that is the same).
    Check {
        /// The blocks that are here, in order.
        held: Vec<Held>,
        /// The blocks that are not.
        missing: Vec<Range<u64>>,
    },
    /// Something has this name and may be equal: the sender has to say ([`Destination::resolve_compare`]).
    Compare {
        /// BLAKE3 of what is here.
        digest: Digest,
        /// Its bytes, as many as the sender's.
        size: u64,
    },
    /// The same file is here.
    Done {
        /// By an earlier run of this transfer; otherwise it was equal to begin with.
        earlier: bool,
    },
    /// It will not be written.
    Refused(Failure),
}

/// Blocks that follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Number of the first one within the file.
    pub first: u64,
    /// Digest of each.
    pub digests: Vec<Digest>,
}

impl<V: Volume> Destination<V> {
    /// Decides what is needed of an entry. Once for every entry, in order; after [`Destination::accept`]. Makes
    /// directories. May read a file that exists, to compare it.
    pub fn plan(&mut self, entry: EntryRef<'_>) -> Result<Plan, StorageError> {
        self.alive()?;
        self.staging()?;
        if let Some(failure) = self.judge(&entry)? {
            return Ok(Plan::Refused(failure));
        }
        if self.slot(entry.id) != Some(Slot::Listed) {
            return Err(StorageError::Misuse { what: "an entry is planned once" });
        }
        match entry.kind {
            KindRef::Directory => self.plan_directory(&entry),
            KindRef::Symlink { target } => self.plan_link(&entry, target),
            KindRef::File { .. } => {
                self.tally.files_planned += 1;
                self.plan_file(&entry)
            }
        }
    }

    /// The sender's answer to [`Plan::Compare`].
    pub fn resolve_compare(&mut self, entry: EntryRef<'_>, same: bool) -> Result<Plan, StorageError> {
        self.alive()?;
        if self.slot(entry.id) != Some(Slot::Comparing) {
            return Err(StorageError::Misuse { what: "an answer to a comparison that nobody asked for" });
        }
        if same { Ok(self.equal(&entry)) } else { self.differs(&entry) }
    }

    fn plan_directory(&mut self, entry: &EntryRef<'_>) -> Result<Plan, StorageError> {
        let shared = self.directories.clone();
        let mut directories = shared.lock();
        let parent = parent_of(entry);
        if directories.presence(entry.id) == Presence::Found {
            // The preview may have been a while ago.
            directories.close(entry.id);
            if directories.open(entry.id).is_err_and(|error| is(&error, Errno::NOENT)) {
                directories.set_presence(entry.id, Presence::Absent);
            }
        }
        if directories.presence(entry.id) == Presence::Absent {
            let made = directories.open(parent).and_then(|dir| {
                let name = Name::new(entry.name).ok_or(io::ErrorKind::InvalidInput)?;
                // Others see what is in it when it is complete and has its own mode.
                self.volume.create_dir(&dir, name, 0o700)
            });
            let presence = match made {
                Ok(()) => Presence::Made,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    match probe(&self.volume, &mut directories, parent, entry.name) {
                        Ok(presence) => presence,
                        Err(failure) => return Ok(self.refuse(entry.id, failure)),
                    }
                }
                Err(error) => {
                    drop(directories);
                    return self.refuse_io(entry.id, "make a directory", error);
                }
            };
            directories.set_presence(entry.id, presence);
            self.batch.made_in.insert(parent);
        }
        self.set_slot(entry.id, Slot::Done);
        self.tally.directories += 1;
        self.arrived(entry.id, parent == ROOT, 0, entry.name.to_vec());
        Ok(Plan::Local)
    }

    fn plan_link(&mut self, entry: &EntryRef<'_>, target: &[u8]) -> Result<Plan, StorageError> {
        match self.look(entry, 0) {
            Err(error) => return self.refuse_io(entry.id, "look at what has this name", error),
            Ok(Some(found)) => {
                if found.kind == FileKind::Symlink && self.read_link(entry).is_ok_and(|there| there == target)
                {
                    return Ok(self.equal(entry));
                }
                if let Some(failure) = self.conflict(found.kind) {
                    return Ok(self.refuse(entry.id, failure));
                }
            }
            Ok(None) => {}
        }
        self.links.push(Link::new(entry, target));
        self.set_slot(entry.id, Slot::Staged);
        Ok(Plan::Local)
    }

    fn read_link(&self, entry: &EntryRef<'_>) -> io::Result<Vec<u8>> {
        let dir = self.directories.lock().open(parent_of(entry))?;
        self.volume.read_link(&dir, Name::new(entry.name).ok_or(io::ErrorKind::InvalidInput)?)
    }

    fn plan_file(&mut self, entry: &EntryRef<'_>) -> Result<Plan, StorageError> {
        if let Some(plan) = self.plan_committed(entry)? {
            return Ok(plan);
        }
        match self.look(entry, 0) {
            Ok(None) => self.want(entry),
            Ok(Some(found)) => self.meet(entry, &found),
            Err(error) => self.refuse_io(entry.id, "look at what has this name", error),
        }
    }

    /// A file that an earlier run completed, if nobody touched it since.
    fn plan_committed(&mut self, entry: &EntryRef<'_>) -> Result<Option<Plan>, StorageError> {
        let key = if self.known.is_empty() { None } else { self.path_key(entry) };
        let Some(committed) = key.and_then(|key| self.known.committed(key)) else { return Ok(None) };
        let Ok(Some(found)) = self.look(entry, committed.number) else { return Ok(None) };
        if found.kind != FileKind::File || mark(&found) != committed.mark {
            return Ok(None);
        }
        let doubtful = committed.doubtful || self.doubtful.contains(&entry.id);
        if !doubtful && identity(entry) == Some(committed.source) {
            let name = numbered(entry.name, committed.number).unwrap_or_default();
            self.here(entry, found.size);
            self.arrived(entry.id, parent_of(entry) == ROOT, committed.number, name);
            return Ok(Some(Plan::Done { earlier: true }));
        }
        let ours = Placement::Ours { mark: committed.mark, number: committed.number };
        self.placements.insert(entry.id, ours);
        if entry.kind == (KindRef::File { size: Some(found.size) }) {
            return self.compare(entry, committed.number, found.size).map(Some);
        }
        self.want(entry).map(Some)
    }

    /// Something has the name.
    fn meet(&mut self, entry: &EntryRef<'_>, found: &Metadata) -> Result<Plan, StorageError> {
        let same_size = entry.kind == (KindRef::File { size: Some(found.size) });
        if found.kind == FileKind::File && same_size && self.options.existing != Existing::Skip {
            if found.size == 0 {
                return Ok(self.equal(entry));
            }
            return self.compare(entry, 0, found.size);
        }
        if let Some(failure) = self.conflict(found.kind) {
            return Ok(self.refuse(entry.id, failure));
        }
        self.differs(entry)
    }

    fn compare(&mut self, entry: &EntryRef<'_>, number: u32, size: u64) -> Result<Plan, StorageError> {
        match self.digest_of(entry, number) {
            Ok(digest) => {
                self.set_slot(entry.id, Slot::Comparing);
                Ok(Plan::Compare { digest, size })
            }
            Err(error) => match sort("read what has this name", error) {
                EntryFault::Fatal(error) => Err(self.die(error)),
                // What cannot be read cannot be equal.
                EntryFault::Entry(_) => self.differs(entry),
            },
        }
    }

    fn digest_of(&mut self, entry: &EntryRef<'_>, number: u32) -> io::Result<Digest> {
        let dir = self.directories.lock().open(parent_of(entry))?;
        let name = numbered(entry.name, number).ok_or(io::ErrorKind::InvalidInput)?;
        let name = Name::new(&name).ok_or(io::ErrorKind::InvalidInput)?;
        let file = self.volume.open_file(&dir, name, Access::Read)?;
        let digest = hash_file(&self.volume, &file)?;
        self.tally.digest.get_or_insert(digest);
        Ok(digest)
    }

    /// Something else has the name: whether the entry gives way.
    fn conflict(&self, found: FileKind) -> Option<Failure> {
        match (self.options.existing, irreplaceable(found)) {
            (Existing::Rename, _) | (Existing::Overwrite, None) => None,
            (Existing::Overwrite, Some(why)) => Some(Failure::new(EntryStatus::Exists, why)),
            (Existing::Skip, _) => Some(Failure::new(EntryStatus::Skipped, "something has this name")),
            (Existing::Refuse, why) => {
                Some(Failure::new(EntryStatus::Exists, why.unwrap_or("something else has this name")))
            }
        }
    }

    /// A different file has the name: the policy decides, unless this transfer put it there.
    fn differs(&mut self, entry: &EntryRef<'_>) -> Result<Plan, StorageError> {
        self.tally.digest = None;
        if !self.placements.contains_key(&entry.id) {
            if let Some(failure) = self.conflict(FileKind::File) {
                return Ok(self.refuse(entry.id, failure));
            }
            self.placements.insert(entry.id, Placement::Taken);
        }
        self.want(entry)
    }

    fn equal(&mut self, entry: &EntryRef<'_>) -> Plan {
        let size = if let KindRef::File { size } = entry.kind { size.unwrap_or(0) } else { 0 };
        let ours = self.placements.remove(&entry.id);
        self.here(entry, size);
        if ours.is_none() {
            self.tally.equal.push(entry.id);
        }
        let number = if let Some(Placement::Ours { number, .. }) = ours { number } else { 0 };
        let name = numbered(entry.name, number).unwrap_or_default();
        self.arrived(entry.id, parent_of(entry) == ROOT, number, name);
        Plan::Done { earlier: ours.is_some() }
    }

    /// Counts something that did not have to travel.
    fn here(&mut self, entry: &EntryRef<'_>, size: u64) {
        self.set_slot(entry.id, Slot::Done);
        match entry.kind {
            KindRef::File { .. } => self.tally.files += 1,
            KindRef::Symlink { .. } => self.tally.symlinks += 1,
            KindRef::Directory => {}
        }
        self.tally.bytes += size;
        self.tally.bytes_here += size;
    }

    /// The file has to come.
    fn want(&mut self, entry: &EntryRef<'_>) -> Result<Plan, StorageError> {
        self.set_slot(entry.id, Slot::Wanted);
        let KindRef::File { size } = entry.kind else { return Ok(Plan::Local) };
        match size {
            Some(0) => match self.write_packed(*entry, &[]) {
                Ok(()) => Ok(Plan::Local),
                Err(EntryFault::Entry(failure)) => Ok(Plan::Refused(failure)),
                Err(EntryFault::Fatal(error)) => Err(error),
            },
            Some(size) if size >= BLOCK_SIZE && !self.known.is_empty() => {
                let partial = self.path_key(entry).and_then(|key| self.known.take_partial(key));
                partial.map_or(Ok(Plan::All), |partial| self.resume(entry, size, partial))
            }
            _ => Ok(Plan::All),
        }
    }

    fn resume(
        &mut self,
        entry: &EntryRef<'_>,
        size: u64,
        mut partial: Partial,
    ) -> Result<Plan, StorageError> {
        let total = size.div_ceil(BLOCK_SIZE);
        partial.blocks.retain(|(block, _)| *block < total);
        let same = identity(entry) == Some(partial.source);
        let doubtful = self.doubtful.contains(&entry.id);
        if !same || partial.doubtful || doubtful {
            let part = Part::doubted(entry, &partial, doubtful);
            let missing = part.absent(total);
            self.parts.insert(entry.id, part);
            let held = held(partial.blocks);
            return Ok(if held.is_empty() { Plan::All } else { Plan::Check { held, missing } });
        }
        let part = Part::resumed(entry, &partial);
        let here: u64 = partial.blocks.iter().filter_map(|(block, _)| part.block_len(*block)).sum();
        self.tally.bytes_here += here;
        let missing = part.blocks.missing(total);
        self.parts.insert(entry.id, part);
        if missing.is_empty() {
            self.complete(entry)?;
            return Ok(Plan::Local);
        }
        Ok(Plan::Missing(missing))
    }

    /// Puts a complete part file into the batch.
    pub(super) fn complete(&mut self, entry: &EntryRef<'_>) -> Result<(), StorageError> {
        let Some(mut part) = self.parts.remove(&entry.id) else { return Ok(()) };
        let digest = part.digest();
        self.tally.digest = self.tally.digest.or(digest);
        let staged = Staged::Part {
            id: part.id,
            mode: u32::from(entry.mode) & 0o777 & !self.volume.umask(),
            modified: entry.modified,
            announced: part.is_announced(),
        };
        let pending = Pending {
            id: entry.id,
            parent: parent_of(entry),
            name: entry.name.into(),
            staged,
            source: part.source,
            doubtful: part.doubtful,
            size: part.size.unwrap_or(0),
            mark: [0; 16],
            digest,
            placement: self.placements.remove(&entry.id).unwrap_or_default(),
            file: part.file,
        };
        self.set_slot(entry.id, Slot::Staged);
        self.batch.files.push(pending);
        self.commit_if_full()
    }

    fn refuse(&mut self, id: EntryId, failure: Failure) -> Plan {
        self.fail_entry(id, failure.clone());
        Plan::Refused(failure)
    }

    fn refuse_io(
        &mut self,
        id: EntryId,
        action: &'static str,
        error: io::Error,
    ) -> Result<Plan, StorageError> {
        match self.io_fault(id, action, error) {
            EntryFault::Entry(failure) => Ok(Plan::Refused(failure)),
            EntryFault::Fatal(error) => Err(error),
        }
    }
}

/// The plain BLAKE3 of an open file.
pub(super) fn hash_file<V: Volume>(volume: &V, file: &V::File) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; READ_SIZE];
    let mut offset = 0;
    loop {
        let read = volume.read_at(file, &mut buffer, offset)?;
        hasher.update(&buffer[..read]);
        offset += read as u64;
        if read < buffer.len() {
            return Ok(hasher.finalize().into());
        }
    }
}

/// The source's identity; an empty one recognises nothing.
pub(super) fn identity(entry: &EntryRef<'_>) -> Option<[u8; 16]> {
    (!entry.source.is_empty()).then(|| hash(entry.source))
}

fn held(blocks: Vec<(u64, Digest)>) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    for (block, digest) in blocks {
        match held.last_mut() {
            Some(run) if run.first + run.digests.len() as u64 == block => run.digests.push(digest),
            _ => held.push(Held { first: block, digests: vec![digest] }),
        }
    }
    held
}

/// Bytes read at once to compare a file.
const READ_SIZE: usize = 1 << 20;
