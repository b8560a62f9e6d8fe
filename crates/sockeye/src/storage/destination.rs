//! The state of one transfer at the receiver.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::Duration,
};

use sockeye_proto::content::{Digest, EntryId, EntryRef};

use super::{
    commit::{Batch, Outcome, Worker},
    committer::Committer,
    directories::{ROOT, SharedDirectories},
    error::{EntryFault, EntryStatus, Failure, StorageError, sort},
    links::Link,
    names::{FoldedKey, Names, PathKey},
    part::Part,
    place::Placement,
    resume::{self, Known, Staging},
    volume::Volume,
};

/// A batch is committed when it has this many bytes: what an interruption costs at most, twice over.
const BATCH_BYTES: u64 = 64 << 20;

/// A batch is committed when it has this many files. Each batch costs about three waits for the disk, during which the
/// file system also holds up the next batch; measured on ext4, fewer files are slower and more are not faster.
const BATCH_FILES: usize = 16_384;

/// A batch is committed when its oldest byte has waited this long.
const BATCH_AGE: Duration = Duration::from_secs(5);

/// What to do when a different file already has the name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Leave it, report the entry as refused.
    #[default]
    Refuse,
    /// Put the new one in its place, in one step.
    Overwrite,
    /// Write the new one beside it as `name (2)`.
    Rename,
    /// Leave it, and say so without calling it a failure.
    Skip,
}

/// How a [`Destination`] behaves. No peer has a say in it.
#[derive(Clone, Debug)]
pub struct DestinationOptions {
    /// What to do about files that exist.
    pub existing: Existing,
    /// Refuse names that some other system could not hold.
    pub portable_names: bool,
    /// Commit on a thread of its own. Without it every call does all its work itself, in an order that repeats.
    pub commit_beside: bool,
}

impl Default for DestinationOptions {
    fn default() -> Self {
        Self { existing: Existing::default(), portable_names: false, commit_beside: true }
    }
}

/// What is known of one entry, in a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Listed, its name is fine, not planned yet.
    Listed,
    /// Bytes are expected.
    Wanted,
    /// The sender compares it with what is here.
    Comparing,
    /// Complete in the staging directory, or a link that waits for the end.
    Staged,
    /// Under its final name.
    Done,
    /// It will not be.
    Failed,
}

/// Sums for the report.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) files: u64,
    pub(super) directories: u64,
    pub(super) symlinks: u64,
    pub(super) bytes: u64,
    pub(super) bytes_here: u64,
    pub(super) equal: Vec<EntryId>,
    pub(super) renamed: Vec<(EntryId, Vec<u8>)>,
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) commit_time: Duration,
    /// Files planned, whatever became of them.
    pub(super) files_planned: u64,
    /// Digest of the first file that became complete.
    pub(super) digest: Option<Digest>,
    /// Part files that are kept although their entry failed.
    pub(super) kept: u64,
}

/// What a transfer needs once it may write.
#[derive(Debug)]
pub(super) struct Stage<V: Volume> {
    pub(super) dir: V::Dir,
    pub(super) committer: Committer<V>,
    pub(super) next_id: u32,
    /// Batches with small files so far.
    pub(super) batches: u32,
}

/// One transfer into one directory. See the [module](super) for the order of calls.
///
/// Memory: about 40 bytes an entry, 56 more for each that an earlier run completed, about 150 for each directory and
/// for each failure.
#[derive(Debug)]
pub struct Destination<V: Volume> {
    pub(super) volume: V,
    pub(super) key: [u8; 32],
    pub(super) options: DestinationOptions,
    pub(super) directories: SharedDirectories<V>,
    pub(super) names: Names,
    pub(super) known: Known,
    /// What an earlier run left, until [`Destination::accept`].
    left: Option<Staging<V>>,
    /// An earlier run of the same transfer made directories, which now look like ones that were here before.
    pub(super) resumed: bool,
    pub(super) stage: Option<Stage<V>>,
    pub(super) slots: Vec<Slot>,
    pub(super) failures: HashMap<EntryId, Failure>,
    news: VecDeque<EntryId>,
    pub(super) placements: HashMap<EntryId, Placement>,
    pub(super) doubtful: HashSet<EntryId>,
    pub(super) parts: BTreeMap<EntryId, Part<V>>,
    pub(super) links: Vec<Link>,
    /// Paths of all links of the transfer.
    pub(super) link_keys: HashSet<PathKey>,
    /// The transfer's top level.
    pub(super) root_keys: HashMap<PathKey, EntryId>,
    pub(super) batch: Batch<V>,
    batch_began: Option<Duration>,
    /// Counts uses of part files.
    pub(super) clock: u64,
    pub(super) tally: Tally,
    /// Set by the first error that concerns everything: nothing is written after it.
    dead: Option<StorageError>,
    /// A batch could not be committed, so none may be any more.
    commit_failed: bool,
}

impl<V: Volume> Destination<V> {
    /// Prepares to receive the transfer with this key below the volume's root. Writes nothing, except that what an
    /// earlier run of the same transfer left is locked, read and cleared of what its journal does not vouch for.
    pub fn open(
        volume: V,
        transfer_key: [u8; 32],
        options: DestinationOptions,
    ) -> Result<Self, StorageError> {
        let mut left = resume::open(&volume, transfer_key, false)?;
        let mut names = Names::new(options.portable_names);
        if options.portable_names {
            let found = volume.list(&volume.root()).map_err(StorageError::io("list the destination"))?;
            for name in &found {
                names.existing(&FoldedKey::ROOT, name);
            }
        }
        Ok(Self {
            directories: SharedDirectories::new(volume.clone()),
            known: left.as_mut().map(|left| std::mem::take(&mut left.known)).unwrap_or_default(),
            key: transfer_key,
            volume,
            options,
            names,
            left,
            resumed: false,
            stage: None,
            slots: Vec::new(),
            failures: HashMap::new(),
            news: VecDeque::new(),
            placements: HashMap::new(),
            doubtful: HashSet::new(),
            parts: BTreeMap::new(),
            links: Vec::new(),
            link_keys: HashSet::new(),
            root_keys: HashMap::new(),
            batch: Batch::default(),
            batch_began: None,
            clock: 0,
            tally: Tally::default(),
            dead: None,
            commit_failed: false,
        })
    }

    /// The user said yes: from here on things are written. Makes and locks the staging directory.
    pub fn accept(&mut self) -> Result<(), StorageError> {
        if self.stage.is_some() {
            return Ok(());
        }
        let (staging, resumed) = match self.left.take() {
            Some(left) => (left, true),
            None => match resume::open(&self.volume, self.key, true)? {
                Some(mut made) => {
                    self.known = std::mem::take(&mut made.known);
                    (made, false)
                }
                None => return Err(StorageError::Busy),
            },
        };
        self.resumed = resumed;
        let worker = Worker {
            volume: self.volume.clone(),
            staging: staging.dir.clone(),
            journal: staging.journal,
            directories: self.directories.clone(),
            existing: self.options.existing,
            unsynced: true,
            resumed,
        };
        let committer = if self.options.commit_beside {
            Committer::beside(worker).map_err(StorageError::io("start a thread"))?
        } else {
            Committer::here(worker)
        };
        self.stage = Some(Stage { dir: staging.dir, committer, next_id: staging.next_id, batches: 0 });
        Ok(())
    }

    /// Bytes that can still be written at the destination.
    pub fn free_space(&self) -> Option<u64> {
        self.volume.free_space().ok()
    }

    /// The sender's file changed so shortly before it was read that an equal identity will prove nothing: its digests
    /// are compared when the transfer is resumed. To be said before the entry's first block.
    pub fn note_doubtful(&mut self, id: EntryId) {
        self.doubtful.insert(id);
        if let Some(part) = self.parts.get_mut(&id) {
            part.doubtful = true;
        }
    }

    /// The next entry that failed since the last call, if any, in the order in which it was noticed.
    pub fn poll_failure(&mut self) -> Option<(EntryId, Failure)> {
        let id = self.news.pop_front()?;
        self.failures.get(&id).map(|failure| (id, failure.clone()))
    }

    /// Commits what has waited long enough. `now` is any clock that only goes forward; call it about once a second,
    /// and when nothing comes.
    pub fn commit_if_due(&mut self, now: Duration) -> Result<(), StorageError> {
        self.alive()?;
        self.collect()?;
        if self.batch.is_empty() && self.parts.values().all(Part::is_settled) {
            self.batch_began = None;
            return Ok(());
        }
        let began = *self.batch_began.get_or_insert(now);
        if now.saturating_sub(began) >= BATCH_AGE { self.start_commit() } else { self.commit_if_full() }
    }

    /// Commits everything that is verified, and waits for it.
    pub fn commit(&mut self) -> Result<(), StorageError> {
        self.alive()?;
        self.wait()?;
        self.start_commit()?;
        self.wait()
    }

    /// Commits when the batch is full. While another one is being committed it may grow to twice its size.
    pub(super) fn commit_if_full(&mut self) -> Result<(), StorageError> {
        let (bytes, files) = (self.batch.bytes, self.batch.files.len());
        if bytes < BATCH_BYTES && files < BATCH_FILES {
            return Ok(());
        }
        self.collect()?;
        let busy = self.stage.as_ref().is_some_and(|stage| stage.committer.is_busy());
        if busy && bytes < 2 * BATCH_BYTES && files < 2 * BATCH_FILES {
            return Ok(());
        }
        self.wait()?;
        self.start_commit()
    }

    /// Hands the batch over. None may be under way.
    pub(super) fn start_commit(&mut self) -> Result<(), StorageError> {
        self.wait()?;
        for part in self.parts.values_mut() {
            self.batch.parts.extend(part.unjournalled(false));
        }
        self.batch_began = None;
        if self.batch.is_empty() {
            self.batch.bytes = 0;
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let Some(stage) = self.stage.as_mut() else { return Err(NOT_ACCEPTED.again()) };
        match stage.committer.submit(batch) {
            Some(outcome) => self.take_note(outcome),
            None => Ok(()),
        }
    }

    /// Takes the outcome of a batch that has been committed meanwhile.
    fn collect(&mut self) -> Result<(), StorageError> {
        match self.stage.as_mut().and_then(|stage| stage.committer.poll()) {
            Some(outcome) => self.take_note(outcome),
            None => Ok(()),
        }
    }

    /// Waits for the batch under way, if any.
    pub(super) fn wait(&mut self) -> Result<(), StorageError> {
        match self.stage.as_mut().and_then(|stage| stage.committer.wait()) {
            Some(outcome) => self.take_note(outcome),
            None => Ok(()),
        }
    }

    fn take_note(&mut self, outcome: Outcome) -> Result<(), StorageError> {
        self.tally.commit_time += outcome.took;
        for (id, result) in outcome.files {
            match result {
                Ok(landed) => {
                    self.set_slot(id, Slot::Done);
                    self.tally.files += 1;
                    self.tally.bytes += landed.size;
                    self.arrived(id, landed.root, landed.number, landed.name);
                }
                Err(failure) => self.fail_entry(id, failure),
            }
        }
        match outcome.error {
            Some(error) => {
                self.commit_failed = true;
                Err(self.die(error))
            }
            None => Ok(()),
        }
    }

    /// Notes the name under which something is there now.
    pub(super) fn arrived(&mut self, id: EntryId, root: bool, number: u32, name: Vec<u8>) {
        if number > 0 {
            self.tally.renamed.push((id, name.clone()));
        }
        if root {
            self.tally.roots.push(name);
        }
    }

    pub(super) fn slot(&self, id: EntryId) -> Option<Slot> {
        self.slots.get(id as usize).copied()
    }

    pub(super) fn set_slot(&mut self, id: EntryId, slot: Slot) {
        if let Some(at) = self.slots.get_mut(id as usize) {
            *at = slot;
        }
    }

    pub(super) fn fail_entry(&mut self, id: EntryId, failure: Failure) {
        self.set_slot(id, Slot::Failed);
        self.placements.remove(&id);
        self.failures.insert(id, failure);
        self.news.push_back(id);
    }

    /// Records an error by what it concerns.
    pub(super) fn fault(&mut self, id: EntryId, fault: EntryFault) -> EntryFault {
        match fault {
            EntryFault::Entry(failure) => {
                self.fail_entry(id, failure.clone());
                EntryFault::Entry(failure)
            }
            EntryFault::Fatal(error) => EntryFault::Fatal(self.die(error)),
        }
    }

    /// Like [`fault`](Self::fault) for a failed call.
    pub(super) fn io_fault(
        &mut self,
        id: EntryId,
        action: &'static str,
        error: std::io::Error,
    ) -> EntryFault {
        let fault = sort(action, error);
        self.fault(id, fault)
    }

    /// Notes the error after which nothing is written any more.
    pub(super) fn die(&mut self, error: StorageError) -> StorageError {
        let again = error.again();
        self.dead.get_or_insert(error);
        again
    }

    /// A disk without room for more may have room for the names and the journal of what it has: from here on, commits are
    /// possible again. Not after one has failed.
    pub(super) fn revive(&mut self) {
        if !self.commit_failed && self.dead.as_ref().is_some_and(StorageError::is_disk_full) {
            self.dead = None;
        }
    }

    pub(super) fn alive(&self) -> Result<(), StorageError> {
        self.dead.as_ref().map_or(Ok(()), |error| Err(error.again()))
    }

    /// The stage, if there is one.
    pub(super) fn staging(&self) -> Result<V::Dir, StorageError> {
        self.stage.as_ref().map(|stage| stage.dir.clone()).ok_or_else(|| NOT_ACCEPTED.again())
    }

    /// The key of a file's or link's path, if its directory is known.
    pub(super) fn path_key(&self, entry: &EntryRef<'_>) -> Option<PathKey> {
        let dir = self.directories.lock().key(parent_of(entry))?;
        Some(dir.exact.child(entry.name))
    }

    /// Entries that will get no bytes any more although they should have.
    pub(super) fn give_up_missing(&mut self) {
        for id in 0..self.slots.len() {
            if matches!(self.slots[id], Slot::Wanted | Slot::Comparing | Slot::Listed) {
                let id = EntryId::try_from(id).unwrap_or(ROOT);
                self.fail_entry(id, Failure::new(EntryStatus::Failed, "it did not arrive"));
            }
        }
    }
}

const NOT_ACCEPTED: StorageError =
    StorageError::Misuse { what: "nothing is written before the transfer is accepted" };

/// The directory of an entry.
pub(super) fn parent_of(entry: &EntryRef<'_>) -> EntryId {
    entry.parent.unwrap_or(ROOT)
}
