//! From data frames to storage, and from storage to the report.

use std::time::Instant;

use sockeye_proto::{
    content::{BLOCK_SIZE, BlockShape, Digest, EntryId, pack_digest, range_digest},
    delivery::BlockDigest,
    transfer::{Block, Data, DataHeader, DataKind, EntryReport, ReportTotals},
};

use super::{Phase, Receiving};
use crate::{
    Error, Failure,
    transfer::{report, target::Stored},
};

impl Receiving<'_> {
    pub(super) fn data(&mut self, header: &DataHeader, body: &[u8]) -> Result<(), Error> {
        match self.machine.handle_data(header)? {
            Data::Range { block, last, .. } => {
                same_digest(header, &self.digest_of_range(block, last, body))?;
                self.store_range(header, block, last, body)
            }
            Data::Pack { members } => {
                same_digest(header, &self.digest_of_pack(body))?;
                self.store_pack(header, &members, body)
            }
            Data::Same { block } => self.keep(header, block),
            Data::Fail { entry, status } => {
                let status = report::status_from_wire(status);
                let text = String::from_utf8_lossy(body);
                let Some(target) = self.target.as_mut() else { return Ok(()) };
                target.fail(entry, status, &text)
            }
            Data::End => Ok(()),
        }
    }

    /// Stores a block that came in packets and has its digest.
    pub(super) fn packet_block(
        &mut self,
        block: u64,
        bytes: &[u8],
        signed: &BlockDigest,
    ) -> Result<(), Error> {
        let (kind, entry) = match self.machine.blocks().shape(block) {
            Some(BlockShape::Range { entry, .. }) => (DataKind::Range, entry),
            Some(BlockShape::Pack { first, .. }) => (DataKind::Pack, first),
            None => return Ok(()),
        };
        let mut header = DataHeader::new(kind);
        (header.entry, header.block) = (entry, block);
        (header.digest, header.doubtful) = (signed.digest, signed.doubtful);
        header.plain = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        header.stored = header.plain;
        match self.machine.handle_data(&header)? {
            Data::Range { block, last, .. } => self.store_range(&header, block, last, bytes),
            Data::Pack { members } => self.store_pack(&header, &members, bytes),
            _ => Ok(()),
        }
    }

    fn digest_of_range(&mut self, block: Block, last: bool, body: &[u8]) -> Digest {
        let whole = match self.size_of(block.entry) {
            Some(size) => size == BLOCK_SIZE,
            None => block.number == 0 && last,
        };
        let before = Instant::now();
        let digest = range_digest(block.number.saturating_mul(BLOCK_SIZE), body, whole);
        self.stats.hash += before.elapsed();
        digest
    }

    fn digest_of_pack(&mut self, body: &[u8]) -> Digest {
        let before = Instant::now();
        let digest = pack_digest(body);
        self.stats.hash += before.elapsed();
        digest
    }

    fn store_range(
        &mut self,
        header: &DataHeader,
        block: Block,
        last: bool,
        body: &[u8],
    ) -> Result<(), Error> {
        if !self.is_wanted(block.entry) {
            return Ok(());
        }
        let before = Instant::now();
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        let stored = Stored { digest: header.digest, doubtful: header.doubtful, last };
        let written =
            target.write_range(self.machine.manifest(), block.entry, block.number, body, &stored)?;
        self.want(block.entry, written);
        self.stats.disk += before.elapsed();
        self.progress.bytes += body.len() as u64;
        if block.number == 0 {
            self.progress.files += 1;
            self.progress.current = Some(self.machine.manifest().path(block.entry));
        }
        Ok(())
    }

    fn store_pack(
        &mut self,
        header: &DataHeader,
        members: &[(EntryId, u32)],
        body: &[u8],
    ) -> Result<(), Error> {
        let before = Instant::now();
        let mut rest = body;
        for &(id, len) in members {
            let Some((bytes, tail)) = rest.split_at_checked(len as usize) else {
                return Err(Error::Internal { detail: String::from("a pack shorter than its files") });
            };
            rest = tail;
            if !self.is_wanted(id) {
                continue;
            }
            let Some(target) = self.target.as_mut() else { return Ok(()) };
            if target.write_packed(self.machine.manifest(), id, bytes, header.doubtful)? {
                self.progress.bytes += bytes.len() as u64;
                self.progress.files += 1;
            } else {
                self.want(id, false);
            }
        }
        self.stats.disk += before.elapsed();
        if let Some(&(id, _)) = members.last() {
            self.progress.current = Some(self.machine.manifest().path(id));
        }
        Ok(())
    }

    fn keep(&mut self, header: &DataHeader, block: Block) -> Result<(), Error> {
        let Some(digest) = self.doubted.remove(&header.block) else {
            return Err(Error::Internal {
                detail: String::from("sameness of a block whose digest is not known"),
            });
        };
        same_digest(header, &digest)?;
        if !self.is_wanted(block.entry) {
            return Ok(());
        }
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        let stored = Stored { digest: header.digest, doubtful: header.doubtful, last: false };
        target.keep_range(self.machine.manifest(), block.entry, block.number, &stored)?;
        let size = self.size_of(block.entry).unwrap_or(0);
        let bytes = size.saturating_sub(block.number.saturating_mul(BLOCK_SIZE)).min(BLOCK_SIZE);
        self.progress.bytes += bytes;
        self.progress.bytes_here += bytes;
        Ok(())
    }

    /// Everything is here: commits it, tells the sender what became of it.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        let before = Instant::now();
        let outcome = target.finish()?;
        self.stats.commit += before.elapsed().max(outcome.commit);
        let reports = outcome
            .entries
            .iter()
            .map(|(id, status, text)| EntryReport {
                entry: *id,
                status: report::status_to_wire(*status) as u8,
                text: report::cut(text),
            })
            .collect();
        self.tell_failures();
        for (id, status, text) in &outcome.entries {
            if !self.told.insert(*id) {
                continue;
            }
            let path = self.machine.manifest().path(*id);
            self.fail(Failure { path, status: *status, text: text.clone() });
        }
        let totals = ReportTotals {
            files: outcome.files,
            directories: outcome.directories,
            symlinks: outcome.symlinks,
            bytes: outcome.bytes,
            bytes_here: outcome.bytes_here,
            failed: outcome.failed,
            equal: outcome.equal,
        };
        self.machine.report(self.links.now(), reports, totals);
        self.phase = Phase::Reported;
        self.summary.files = outcome.files;
        self.summary.directories = outcome.directories;
        self.summary.symlinks = outcome.symlinks;
        self.summary.bytes = outcome.bytes;
        self.summary.bytes_here = outcome.bytes_here;
        self.summary.equal = outcome.equal;
        self.summary.failed = outcome.failed + self.notes;
        self.summary.written = outcome.written;
        self.summary.digest = outcome.digest.map(|d| *d.as_bytes());
        self.summary.elapsed = self.began.map(|at| at.elapsed()).unwrap_or_default();
        self.tell_progress(true);
        Ok(())
    }
}

fn same_digest(header: &DataHeader, digest: &Digest) -> Result<(), Error> {
    if header.digest == *digest {
        return Ok(());
    }
    Err(Error::Integrity { detail: format!("block {} does not have its digest", header.block) })
}
