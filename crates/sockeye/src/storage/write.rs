//! Verified bytes into the staging directory.

use std::io;

use sockeye_proto::content::{Digest, EntryId, EntryRef, KindRef, SourceIdentity};

use super::{
    EntryFault, EntryStatus, Failure, StorageError,
    commit::{Pending, Staged},
    destination::{Destination, Slot, parent_of},
    error::sort,
    part::{Part, check_block},
    resume::{batch_name, mark, part_name, staged_name},
    volume::{Access, Metadata, Name, Volume},
};

/// Most part files held open. Large files come one after the other, from few lanes.
const MAX_OPEN_PARTS: usize = 32;

/// This many small files of a batch stay open until it is committed, so that a small batch can be synced without
/// opening them again.
const KEEP_OPEN: usize = 8;

impl<V: Volume> Destination<V> {
    /// Writes a whole small file out of a verified pack: as many bytes as were listed, fewer than a block.
    pub fn write_packed(&mut self, entry: EntryRef<'_>, bytes: &[u8]) -> Result<(), EntryFault> {
        self.expect_wanted(entry.id)?;
        if entry.kind != (KindRef::File { size: Some(bytes.len() as u64) }) {
            return Err(StorageError::Misuse { what: "a small file of another size than listed" }.into());
        }
        let dir = match self.small_dir() {
            Ok(dir) => dir,
            Err(error) => {
                return Err(self.io_fault(entry.id, "make a directory for unfinished files", error));
            }
        };
        let (file, found) = match write_small(&self.volume, &dir, &entry, bytes) {
            Ok(written) => written,
            Err(error) => return Err(self.io_fault(entry.id, "write", error)),
        };
        if self.tally.files_planned == 1 {
            self.tally.digest = Some(blake3::hash(bytes).into());
        }
        let doubtful = !self.doubtful.is_empty() && self.doubtful.contains(&entry.id);
        let placement = if self.placements.is_empty() { None } else { self.placements.remove(&entry.id) };
        self.set_slot(entry.id, Slot::Staged);
        self.batch.bytes += bytes.len() as u64;
        let keep = self.batch.files.len() < KEEP_OPEN;
        self.batch.files.push(Pending {
            id: entry.id,
            parent: parent_of(&entry),
            name: entry.name.into(),
            staged: Staged::Small,
            source: SourceIdentity::new(entry.source).unwrap_or_default(),
            doubtful,
            size: bytes.len() as u64,
            mark: mark(&found),
            digest: None,
            placement: placement.unwrap_or_default(),
            file: keep.then_some(file),
        });
        Ok(self.commit_if_full()?)
    }

    /// Writes one block of a large file, or of one of unknown size, whose digest the caller has verified. `last` ends
    /// a file of unknown size: that block may be short or empty.
    pub fn write_range(
        &mut self,
        entry: EntryRef<'_>,
        block: u64,
        bytes: &[u8],
        digest: Digest,
        last: bool,
    ) -> Result<(), EntryFault> {
        self.expect_wanted(entry.id)?;
        let KindRef::File { size } = entry.kind else { return Err(WRONG_KIND.again().into()) };
        let offset = check_block(size, block, bytes.len() as u64, last)?;
        self.open_part(&entry).map_err(|fault| self.fault(entry.id, fault))?;
        let Some(part) = self.parts.get_mut(&entry.id) else { return Err(WRONG_KIND.again().into()) };
        if part.blocks.contains(block) {
            return Err(StorageError::Misuse { what: "a block that is here" }.into());
        }
        if part.is_stale() {
            // The journal vouches for blocks of which this may be one: it has to be told first.
            self.batch.parts.extend(part.unjournalled(true));
            self.commit()?;
        }
        let Some(part) = self.parts.get_mut(&entry.id) else { return Err(WRONG_KIND.again().into()) };
        let written = match &part.file {
            Some(file) => self.volume.write_at(file, bytes, offset),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        if let Err(error) = written {
            self.give_up_part(entry.id, offset);
            return Err(self.io_fault(entry.id, "write", error));
        }
        self.batch.bytes += bytes.len() as u64;
        if last {
            part.size = Some(offset + bytes.len() as u64);
        }
        if !bytes.is_empty() {
            part.add(block, digest);
        }
        self.after_block(&entry)
    }

    /// The sender says that a block of [`Plan::Check`](super::Plan::Check), with the digest given there, is its own.
    pub fn keep_range(&mut self, entry: EntryRef<'_>, block: u64, digest: Digest) -> Result<(), EntryFault> {
        self.expect_wanted(entry.id)?;
        let part = self.parts.get_mut(&entry.id);
        let known = part.and_then(|part| {
            let len = part.block_len(block).filter(|_| part.is_held(block))?;
            part.add(block, digest);
            Some(len)
        });
        let Some(len) = known else {
            return Err(StorageError::Misuse { what: "sameness of a block that is not here" }.into());
        };
        self.tally.bytes_here += len;
        self.after_block(&entry)
    }

    /// The sender cannot send an entry, or its bytes did not have their digest: nothing of it gets a final name. What
    /// is verified of a large file is kept for the next time. To be said before the entry's last block.
    pub fn fail(&mut self, id: EntryId, status: EntryStatus, text: &str) -> Result<(), StorageError> {
        self.alive()?;
        match self.slot(id) {
            Some(Slot::Listed | Slot::Wanted | Slot::Comparing) => {
                if let Some(mut part) = self.parts.remove(&id) {
                    self.keep_part(&mut part);
                }
            }
            Some(Slot::Staged) => {
                let Some(at) = self.batch.files.iter().position(|pending| pending.id == id) else {
                    return Ok(());
                };
                // What is left in the staging directory goes with it.
                self.batch.files.remove(at);
            }
            _ => return Ok(()),
        }
        let text = text.to_owned().into();
        self.fail_entry(id, Failure { status, text });
        Ok(())
    }

    /// A block could not be written at `offset`: what is verified of the file stays, the half block makes room.
    fn give_up_part(&mut self, id: EntryId, offset: u64) {
        let Some(mut part) = self.parts.remove(&id) else { return };
        if let Some(file) = part.file.as_ref().filter(|_| part.ends_at(offset)) {
            // The block is written anew whether this works or not.
            let _ = self.volume.set_len(file, offset);
        }
        self.keep_part(&mut part);
    }

    /// What is verified of a file that does not become complete now is for the next run.
    fn keep_part(&mut self, part: &mut Part<V>) {
        self.batch.parts.extend(part.unjournalled(false));
        self.tally.kept += u64::from(part.is_announced() && !part.blocks.is_empty());
    }

    /// The directory for the batch's small files.
    fn small_dir(&mut self) -> io::Result<V::Dir> {
        if let Some((_, dir)) = &self.batch.small {
            return Ok(dir.clone());
        }
        let stage = self.stage.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let name = batch_name(stage.batches);
        stage.batches = stage.batches.wrapping_add(1);
        self.volume.create_dir(&stage.dir, name_of(&name)?, 0o700)?;
        let dir = self.volume.open_dir(&stage.dir, name_of(&name)?)?;
        self.batch.small = Some((name, dir.clone()));
        Ok(dir)
    }

    fn after_block(&mut self, entry: &EntryRef<'_>) -> Result<(), EntryFault> {
        if self.parts.get(&entry.id).is_some_and(Part::is_complete) {
            return Ok(self.complete(entry)?);
        }
        Ok(self.commit_if_full()?)
    }

    fn expect_wanted(&self, id: EntryId) -> Result<(), StorageError> {
        self.alive()?;
        match self.slot(id) {
            Some(Slot::Wanted) => Ok(()),
            _ => Err(StorageError::Misuse { what: "bytes of an entry that needs none" }),
        }
    }

    /// Makes sure that the entry's part file is there and open.
    fn open_part(&mut self, entry: &EntryRef<'_>) -> Result<(), EntryFault> {
        self.clock += 1;
        let used = self.clock;
        if let Some(part) = self.parts.get_mut(&entry.id).filter(|part| part.file.is_some()) {
            part.used = used;
            return Ok(());
        }
        self.close_a_part();
        let dir = self.staging()?;
        if let Some(part) = self.parts.get_mut(&entry.id) {
            let name = part_name(part.id);
            let opened = name_of(&name).and_then(|name| self.volume.open_file(&dir, name, Access::Write));
            part.file = Some(opened.map_err(|error| sort("open the unfinished file", error))?);
            part.used = used;
            return Ok(());
        }
        let Some(stage) = self.stage.as_mut() else { return Err(WRONG_KIND.again().into()) };
        let id = stage.next_id;
        let next = id.checked_add(1).ok_or(StorageError::Misuse { what: "too many part files" })?;
        stage.next_id = next;
        let mut part = Part::new(entry, id, self.doubtful.contains(&entry.id));
        part.used = used;
        let name = part_name(id);
        let created = name_of(&name).and_then(|name| {
            let file = self.volume.create_file(&dir, name, 0o600)?;
            if let Some(size) = part.size {
                self.volume.check_room(&file, size).inspect_err(|_| drop(self.volume.unlink(&dir, name)))?;
            }
            Ok(file)
        });
        part.file = Some(created.map_err(|error| sort("make room for a file", error))?);
        self.parts.insert(entry.id, part);
        Ok(())
    }

    fn close_a_part(&mut self) {
        let open = self.parts.values_mut().filter(|part| part.file.is_some());
        if open.count() >= MAX_OPEN_PARTS {
            let open = self.parts.values_mut().filter(|part| part.file.is_some());
            if let Some(oldest) = open.min_by_key(|part| part.used) {
                oldest.file = None;
            }
        }
    }
}

/// A file with its content, mode and time, in five calls. The kernel applies the umask.
fn write_small<V: Volume>(
    volume: &V,
    dir: &V::Dir,
    entry: &EntryRef<'_>,
    bytes: &[u8],
) -> io::Result<(V::File, Metadata)> {
    let name = staged_name(entry.id);
    let name = name_of(&name)?;
    let file = volume.create_file(dir, name, u32::from(entry.mode) & 0o777)?;
    let write = || -> io::Result<Metadata> {
        volume.write_at(&file, bytes, 0)?;
        volume.set_file_attributes(&file, None, entry.modified)?;
        volume.stat_file(&file)
    };
    match write() {
        Ok(found) => Ok((file, found)),
        Err(error) => {
            // Whether it can be removed or not: the next run does it again.
            let _ = volume.unlink(dir, name);
            Err(error)
        }
    }
}

fn name_of(bytes: &[u8]) -> io::Result<Name<'_>> {
    Name::new(bytes).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

const WRONG_KIND: StorageError = StorageError::Misuse { what: "blocks of an entry that has none" };
