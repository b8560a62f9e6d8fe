//! A single file to standard output instead of a directory.

use std::{collections::BTreeMap, io::Write};

use sockeye_proto::content::{BLOCK_SIZE, EntryId, EntryRef, KindRef, RootBuilder};

use super::{EntryFault, EntryStatus, Failure, Plan, Report, StorageError, error::sort, part::check_block};

/// Most blocks that wait for an earlier one: 64 MiB. Blocks come in order from one lane and nearly so from several.
const MAX_WAITING: usize = 256;

/// Takes the verified bytes of exactly one file and passes them on in order. Of a transfer with more than one entry
/// everything but the first is refused.
#[derive(Debug)]
pub struct StreamOutput<W: Write> {
    out: W,
    /// Entries planned so far.
    planned: EntryId,
    file: Option<EntryId>,
    /// The next block to pass on.
    next: u64,
    /// Blocks that came early.
    waiting: BTreeMap<u64, Vec<u8>>,
    /// Bytes in all, once known.
    size: Option<u64>,
    written: u64,
    root: RootBuilder,
    failures: BTreeMap<EntryId, Failure>,
}

impl<W: Write> StreamOutput<W> {
    /// Passes bytes on to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            planned: 0,
            file: None,
            next: 0,
            waiting: BTreeMap::new(),
            size: None,
            written: 0,
            root: RootBuilder::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Decides what is needed of an entry. For every entry in order.
    pub fn plan(&mut self, entry: EntryRef<'_>) -> Plan {
        let first = self.planned == 0;
        self.planned = self.planned.saturating_add(1);
        match entry.kind {
            KindRef::File { size } if first => {
                self.file = Some(entry.id);
                self.size = size;
                if size == Some(0) { Plan::Local } else { Plan::All }
            }
            _ => {
                let text = "only a single file can go to standard output";
                let failure = Failure::new(EntryStatus::KindRefused, text);
                self.failures.insert(entry.id, failure.clone());
                Plan::Refused(failure)
            }
        }
    }

    /// Takes a whole small file.
    pub fn write_packed(&mut self, entry: EntryRef<'_>, bytes: &[u8]) -> Result<(), EntryFault> {
        self.write_range(entry, 0, bytes, false)
    }

    /// Takes one block, whose digest the caller has verified. `last` ends a file of unknown size.
    pub fn write_range(
        &mut self,
        entry: EntryRef<'_>,
        block: u64,
        bytes: &[u8],
        last: bool,
    ) -> Result<(), EntryFault> {
        let KindRef::File { size } = entry.kind else { return Err(UNEXPECTED.again().into()) };
        let offset = check_block(size, block, bytes.len() as u64, last)?;
        if self.file != Some(entry.id) || block < self.next || self.waiting.contains_key(&block) {
            return Err(UNEXPECTED.again().into());
        }
        if last {
            self.size = Some(offset + bytes.len() as u64);
        }
        if block > self.next {
            if self.waiting.len() >= MAX_WAITING {
                return Err(StorageError::Misuse { what: "too many blocks out of order" }.into());
            }
            self.waiting.insert(block, bytes.to_vec());
            return Ok(());
        }
        self.pass_on(bytes)?;
        while let Some(bytes) = self.waiting.remove(&self.next) {
            self.pass_on(&bytes)?;
        }
        Ok(())
    }

    /// The sender cannot send the file.
    pub fn fail(&mut self, id: EntryId, status: EntryStatus, text: &str) {
        self.failures.insert(id, Failure { status, text: text.to_owned().into() });
    }

    /// Flushes and reports. The file counts as arrived if all of it was passed on.
    pub fn finish(mut self) -> Result<Report, StorageError> {
        self.out.flush().map_err(StorageError::io("write to standard output"))?;
        let complete = self.size == Some(self.written) && self.file.is_some();
        if let Some(id) = self.file.filter(|_| !complete) {
            let missing = Failure::new(EntryStatus::Failed, "it did not arrive as a whole");
            self.failures.entry(id).or_insert(missing);
        }
        Ok(Report {
            failed: self.failures.len() as u64,
            files: u64::from(complete),
            bytes: if complete { self.written } else { 0 },
            digest: if complete { self.root.finish(self.written) } else { None },
            failures: self.failures.into_iter().collect(),
            ..Report::default()
        })
    }

    fn pass_on(&mut self, bytes: &[u8]) -> Result<(), EntryFault> {
        if let Err(error) = self.out.write_all(bytes) {
            return Err(match sort("write to standard output", error) {
                EntryFault::Entry(_) => StorageError::Io {
                    action: "write to standard output",
                    source: std::io::ErrorKind::BrokenPipe.into(),
                }
                .into(),
                fatal @ EntryFault::Fatal(_) => fatal,
            });
        }
        // The digest of a block is cheap beside a pipe, and spares the caller to say whether the file is one block.
        if !bytes.is_empty() {
            let whole = self.next == 0 && self.size == Some(bytes.len() as u64);
            let offset = self.next.saturating_mul(BLOCK_SIZE);
            self.root.push(sockeye_proto::content::range_digest(offset, bytes, whole));
        }
        self.next += 1;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

const UNEXPECTED: StorageError = StorageError::Misuse { what: "bytes of an entry that needs none" };
