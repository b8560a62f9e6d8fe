//! The end: links, modes and times of directories, and the report.

use std::{io, time::Duration};

use sockeye_proto::content::{Digest, EntryId};

use super::{
    EntryFault, EntryStatus, Existing, Failure, StorageError,
    commit::tolerate,
    destination::{Destination, Slot},
    directories::{Presence, ROOT},
    error::sort,
    links::{Link, LinkRules},
    names::numbered,
    part::Part,
    place::{Landing, Placement, place},
    resume::{self, staged_name},
    volume::{Name, Volume},
};

/// Up to this many directories are synced one by one at the end.
const SYNC_EACH: usize = 3;

const SYNC: &str = "sync directories";

/// What became of a transfer at the receiver.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Entries that did not arrive, in order.
    pub failures: Vec<(EntryId, Failure)>,
    /// How many of them count as failed: all but the skipped ones.
    pub failed: u64,
    /// Entries under another name than was sent, with that name.
    pub renamed: Vec<(EntryId, Vec<u8>)>,
    /// Entries that an equal one made unnecessary.
    pub equal: Vec<EntryId>,
    /// Files that are there, complete and verified.
    pub files: u64,
    /// Directories that are there.
    pub directories: u64,
    /// Links that are there.
    pub symlinks: u64,
    /// Bytes of content of those files.
    pub bytes: u64,
    /// Bytes that did not have to travel, because they were here.
    pub bytes_here: u64,
    /// Names at the top level of the destination that are there, as they are now.
    pub roots: Vec<Vec<u8>>,
    /// If exactly one file was sent and its digest is known: that digest.
    pub digest: Option<Digest>,
    /// Whether something was kept that the next run of the same transfer goes on with.
    pub resumable: bool,
    /// Time spent on making things durable and giving them names.
    pub commit_time: Duration,
}

impl<V: Volume> Destination<V> {
    /// Everything has been answered: commits, makes links, sets modes and times of directories, and removes the staging
    /// directory unless something in it is worth keeping.
    pub fn finish(&mut self) -> Result<Report, StorageError> {
        self.alive()?;
        if self.stage.is_none() {
            return Ok(self.report(false));
        }
        self.wait()?;
        let resumable = self.tally.kept > 0 || self.parts.values().any(|part| !part.blocks.is_empty());
        self.batch.last = !resumable;
        self.start_commit()?;
        self.wait()?;
        self.give_up_missing();
        self.parts.clear();
        self.make_links()?;
        self.finish_directories()?;
        if let Some(stage) = self.stage.take().filter(|_| !resumable) {
            // The journal goes before its lock, or the next process would lock one that vanishes.
            resume::remove(&self.volume, &stage.dir, &self.key)
                .map_err(StorageError::io("remove the directory for unfinished files"))?;
        }
        Ok(self.report(resumable))
    }

    /// The transfer is interrupted: commits what is verified and leaves it so that the next run goes on there. Where
    /// nothing is worth keeping the staging directory goes.
    pub fn abandon(mut self) -> Result<(), StorageError> {
        self.revive();
        self.alive()?;
        if self.stage.is_none() {
            return Ok(());
        }
        self.commit()?;
        let worth = self.tally.kept + self.tally.files > 0
            || !self.known.is_empty()
            || self.parts.values().any(Part::is_announced);
        match self.stage.take() {
            Some(stage) if !worth => resume::remove(&self.volume, &stage.dir, &self.key)
                .map_err(StorageError::io("remove the directory for unfinished files")),
            _ => Ok(()),
        }
    }

    fn make_links(&mut self) -> Result<(), StorageError> {
        let links = std::mem::take(&mut self.links);
        let failures = &self.failures;
        self.root_keys.retain(|_, id| !failures.contains_key(id));
        for link in links {
            match self.make_link(&link) {
                Ok(number) => {
                    self.set_slot(link.id, Slot::Done);
                    self.tally.symlinks += 1;
                    let name = numbered(&link.name, number).unwrap_or_default();
                    self.arrived(link.id, link.parent == ROOT, number, name);
                }
                Err(fault) => {
                    if let EntryFault::Fatal(error) = self.fault(link.id, fault) {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes a link in the staging directory and moves it to its name, as is done with files.
    fn make_link(&self, link: &Link) -> Result<u32, EntryFault> {
        let rules = LinkRules { links: &self.link_keys, roots: &self.root_keys };
        let path = self.directories.lock().path_in(link.parent, b"");
        rules.check(&self.volume, &path, &link.target).map_err(EntryFault::Entry)?;
        let staging = self.staging()?;
        let staged = staged_name(link.id);
        let staged = Name::new(&staged).ok_or(StorageError::Misuse { what: "staged name" })?;
        let made = self.volume.symlink(&link.target, &staging, staged, link.modified);
        made.map_err(|error| sort("make a link", error))?;
        let opened = self.directories.lock().open(link.parent);
        let landing = opened.and_then(|dir| {
            let from = (&staging, staged);
            place(&self.volume, from, &dir, &link.name, Placement::Fresh, self.options.existing)
        });
        if !matches!(landing, Ok(Landing::At(_))) {
            // If it stays, it goes with the staging directory.
            let _ = self.volume.unlink(&staging, staged);
        }
        match landing {
            Ok(Landing::At(number)) => Ok(number),
            Ok(Landing::Exists(why)) => Err(EntryFault::Entry(Failure::new(EntryStatus::Exists, why))),
            Ok(Landing::Skipped) => {
                Err(EntryFault::Entry(Failure::new(EntryStatus::Skipped, "something has this name")))
            }
            Err(error) => Err(sort("give the link its name", error)),
        }
    }

    /// Sets mode and time of the transfer's directories (never of the destination itself), and makes all names durable.
    /// One that was here before is its owner's, unless what is here is to be overwritten.
    fn finish_directories(&mut self) -> Result<(), StorageError> {
        let ids = self.directories.lock().deepest_first();
        let sync_each = ids.len() < SYNC_EACH;
        for id in &ids {
            let Err(error) = self.finish_directory(*id, sync_each) else { continue };
            if let EntryFault::Fatal(error) = self.io_fault(*id, "set the directory's mode and time", error) {
                return Err(error);
            }
            self.tally.directories = self.tally.directories.saturating_sub(1);
        }
        if !sync_each {
            match self.volume.sync_all() {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(error) => return Err(self.die(StorageError::Io { action: SYNC, source: error })),
            }
            for id in &ids {
                // One that cannot be opened any more keeps its content; only its name waits for the system.
                let opened = self.directories.lock().open(*id);
                let _ = opened.and_then(|dir| self.volume.sync_dir(&dir));
            }
        }
        let synced = tolerate(self.volume.sync_dir(&self.volume.root()));
        synced.map_err(|error| self.die(StorageError::Io { action: SYNC, source: error }))
    }

    fn finish_directory(&self, id: EntryId, sync: bool) -> io::Result<()> {
        let mut directories = self.directories.lock();
        let Some(node) = directories.node(id) else { return Ok(()) };
        let (mode, modified, presence) = (u32::from(node.mode), node.modified, node.presence);
        let dir = directories.open(id)?;
        directories.close(id);
        drop(directories);
        let keeps_its_own =
            presence == Presence::Found && !self.resumed && self.options.existing != Existing::Overwrite;
        if keeps_its_own {
            return if sync { tolerate(self.volume.sync_dir(&dir)) } else { Ok(()) };
        }
        let mode = mode & 0o777 & !self.volume.umask();
        match self.volume.set_dir_attributes(&dir, mode, modified) {
            // Somebody else's directory, in which we may write: it stays as it is.
            Err(error) if presence == Presence::Found && error.kind() == io::ErrorKind::PermissionDenied => {}
            other => other?,
        }
        if sync { tolerate(self.volume.sync_dir(&dir)) } else { Ok(()) }
    }

    fn report(&mut self, resumable: bool) -> Report {
        let mut failures: Vec<_> = std::mem::take(&mut self.failures).into_iter().collect();
        failures.sort_unstable_by_key(|(id, _)| *id);
        let failed = failures.iter().filter(|(_, failure)| failure.status != EntryStatus::Skipped).count();
        let tally = std::mem::take(&mut self.tally);
        Report {
            failures,
            failed: failed as u64,
            renamed: tally.renamed,
            equal: tally.equal,
            files: tally.files,
            directories: tally.directories,
            symlinks: tally.symlinks,
            bytes: tally.bytes,
            bytes_here: tally.bytes_here,
            roots: tally.roots,
            digest: tally.digest.filter(|_| tally.files_planned == 1),
            resumable,
            commit_time: tally.commit_time,
        }
    }
}
