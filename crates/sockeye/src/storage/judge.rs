//! What can be told of an entry by looking: its name, its directory, what is here already.

use std::{borrow::Cow, io};

use rustix::io::Errno;
use sockeye_proto::content::{EntryId, EntryRef, KindRef};

use super::{
    destination::{Destination, Slot, parent_of},
    directories::{Directories, Node, Presence, ROOT},
    error::{EntryStatus, Failure, StorageError, is},
    names::{NameRefusal, numbered},
    part::block_len,
    plan::identity,
    resume::mark,
    volume::{FileKind, Metadata, Name, Volume},
};

/// What is here of an entry, found without writing or reading contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preview {
    /// Nothing in its way.
    New,
    /// An earlier run of this transfer brought this many bytes of it.
    Here {
        /// Bytes.
        bytes: u64,
    },
    /// Something has its name; for a directory, a directory that it will be merged with.
    Exists,
    /// It will not be written.
    Refused(Failure),
}

impl<V: Volume> Destination<V> {
    /// Looks what is here of an entry. For every entry in order, as the list arrives; before [`Destination::accept`].
    pub fn preview(&mut self, entry: EntryRef<'_>) -> Result<Preview, StorageError> {
        self.alive()?;
        if let Some(failure) = self.judge(&entry)? {
            return Ok(Preview::Refused(failure));
        }
        if entry.kind == KindRef::Directory {
            let presence = self.directories.lock().presence(entry.id);
            return Ok(if presence == Presence::Absent { Preview::New } else { Preview::Exists });
        }
        if let Some(bytes) = self.bytes_here(&entry) {
            return Ok(Preview::Here { bytes });
        }
        Ok(match self.look(&entry, 0) {
            Ok(Some(_)) => Preview::Exists,
            // What cannot be looked at now is reported when it is written.
            Ok(None) | Err(_) => Preview::New,
        })
    }

    /// Judges an entry's name, directory and, for a link, target: once, whoever asks first.
    pub(super) fn judge(&mut self, entry: &EntryRef<'_>) -> Result<Option<Failure>, StorageError> {
        let seen = EntryId::try_from(self.slots.len()).unwrap_or(ROOT);
        if entry.id < seen {
            return Ok(self.failures.get(&entry.id).cloned());
        }
        if entry.id != seen || entry.id == ROOT {
            return Err(StorageError::Misuse { what: "entries come in order" });
        }
        self.slots.push(Slot::Listed);
        match self.judge_new(entry) {
            Ok(()) => Ok(None),
            Err(failure) => {
                self.fail_entry(entry.id, failure.clone());
                Ok(Some(failure))
            }
        }
    }

    fn judge_new(&mut self, entry: &EntryRef<'_>) -> Result<(), Failure> {
        if let Some(above) = entry.parent.and_then(|parent| self.failures.get(&parent)) {
            return Err(Failure::new(above.status, "the directory it belongs in is not written"));
        }
        let parent = parent_of(entry);
        let shared = self.directories.clone();
        let mut directories = shared.lock();
        let Some(dir) = directories.key(parent) else {
            return Err(Failure::new(EntryStatus::Failed, "its directory is not listed"));
        };
        let key = self.names.admit(&dir, entry.name).map_err(name_refused)?;
        if parent == ROOT {
            self.root_keys.insert(key.exact, entry.id);
        }
        match entry.kind {
            KindRef::File { .. } => {}
            KindRef::Directory => {
                let presence = probe(&self.volume, &mut directories, parent, entry.name)?;
                let depth = directories.depth(parent).saturating_add(1);
                let (name, mode, modified) = (entry.name.into(), entry.mode, entry.modified);
                directories.insert(entry.id, Node { parent, name, key, presence, mode, modified, depth });
                if presence == Presence::Found && self.names.portable() {
                    let there = directories.open(entry.id).and_then(|dir| self.volume.list(&dir));
                    let there = there.map_err(|error| Failure::io("list the directory", &error))?;
                    for name in &there {
                        self.names.existing(&key, name);
                    }
                }
            }
            KindRef::Symlink { target } => {
                self.link_keys.insert(key.exact);
                let path = directories.path_in(parent, b"");
                super::links::check_target(&path, target)?;
            }
        }
        Ok(())
    }

    /// Bytes of a file that an earlier run brought and that can be told to be the source's.
    fn bytes_here(&self, entry: &EntryRef<'_>) -> Option<u64> {
        let key = if self.known.is_empty() { None } else { self.path_key(entry) }?;
        let KindRef::File { size: Some(size) } = entry.kind else { return None };
        let source = identity(entry)?;
        if let Some(committed) = self.known.committed(key) {
            let found = self.look(entry, committed.number).ok()??;
            let same = committed.source == source && !committed.doubtful && mark(&found) == committed.mark;
            return same.then_some(size);
        }
        let partial = self.known.partial(key).filter(|partial| partial.source == source)?;
        Some(partial.blocks.iter().filter_map(|(block, _)| block_len(size, *block)).sum())
    }

    /// What has an entry's name, or its numbered one. Where the directory is this run's own nobody has to look.
    pub(super) fn look(&self, entry: &EntryRef<'_>, number: u32) -> io::Result<Option<Metadata>> {
        let parent = parent_of(entry);
        let mut directories = self.directories.lock();
        if directories.presence(parent) != Presence::Found {
            return Ok(None);
        }
        let dir = directories.open(parent)?;
        drop(directories);
        let numbered = if number == 0 { None } else { numbered(entry.name, number) };
        let name = Name::new(numbered.as_deref().unwrap_or(entry.name)).ok_or(io::ErrorKind::InvalidInput)?;
        stat(&self.volume, &dir, name)
    }
}

/// Whether a directory of this name is there. Anything else that has the name is in the way.
pub(super) fn probe<V: Volume>(
    volume: &V,
    directories: &mut Directories<V>,
    parent: EntryId,
    name: &[u8],
) -> Result<Presence, Failure> {
    if directories.presence(parent) == Presence::Absent {
        return Ok(Presence::Absent);
    }
    let found = directories.open(parent).and_then(|dir| {
        let name = Name::new(name).ok_or(io::ErrorKind::InvalidInput)?;
        stat(volume, &dir, name)
    });
    match found.map(|found| found.map(|found| found.kind)) {
        Ok(None) => Ok(Presence::Absent),
        Ok(Some(FileKind::Directory)) => Ok(Presence::Found),
        Ok(Some(FileKind::Symlink)) => {
            Err(Failure::new(EntryStatus::Exists, "a symbolic link has this directory's name"))
        }
        Ok(Some(_)) => Err(Failure::new(EntryStatus::Exists, "a file has this directory's name")),
        Err(error) => Err(Failure::io("look at what has this name", &error)),
    }
}

fn stat<V: Volume>(volume: &V, dir: &V::Dir, name: Name<'_>) -> io::Result<Option<Metadata>> {
    match volume.stat(dir, name) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is(&error, Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn name_refused(refusal: NameRefusal) -> Failure {
    Failure { status: EntryStatus::NameRefused, text: Cow::Owned(refusal.to_string()) }
}
