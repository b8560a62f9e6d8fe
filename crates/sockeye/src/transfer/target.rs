//! Where received bytes go: a directory, or standard output. Turns what storage says into the library's own words.

use std::{
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use sockeye_proto::content::{Digest, EntryId, KindRef, Manifest};

use crate::{
    EntryStatus, Error, Existing, Failure, OFFER_SAMPLES, Offer, OfferedRoot, Output,
    storage::{
        self, Destination, DestinationOptions, DiskVolume, EntryFault, Held, Plan, Preview, Report,
        StorageError, StreamOutput,
    },
};

/// How often storage is asked whether it is time to commit, when nothing else happens.
const COMMIT_POLL: Duration = Duration::from_secs(1);

/// What storage needs of an entry.
pub(super) enum Need {
    /// Nothing travels. `here`: because its bytes are here already.
    Nothing { here: bool },
    /// Every block.
    All,
    /// These blocks of the file; `here` bytes need not travel.
    Missing { ranges: Vec<Range<u64>>, here: u64 },
    /// These blocks, and the sender's word on those that are held.
    Check { held: Vec<Held>, missing: Vec<Range<u64>> },
    /// The sender's word on whether its file has this digest.
    Compare(Digest),
}

/// What is known of a block besides its bytes.
pub(super) struct Stored {
    pub(super) digest: Digest,
    pub(super) doubtful: bool,
    pub(super) last: bool,
}

/// How to open a target.
pub(super) struct TargetConfig {
    pub(super) output: Output,
    pub(super) existing: Existing,
    pub(super) portable_names: bool,
    pub(super) sender: [u8; 32],
}

/// What became of everything.
#[derive(Default)]
pub(super) struct Outcome {
    /// Entries that are not simply done, for the sender and the user.
    pub(super) entries: Vec<(EntryId, EntryStatus, String)>,
    pub(super) files: u64,
    pub(super) directories: u64,
    pub(super) symlinks: u64,
    pub(super) bytes: u64,
    pub(super) bytes_here: u64,
    pub(super) failed: u64,
    pub(super) equal: u64,
    pub(super) written: Vec<PathBuf>,
    pub(super) digest: Option<Digest>,
    pub(super) commit: Duration,
}

/// See the module's page.
pub(super) enum Target {
    Directory { files: Box<Destination<DiskVolume>>, path: PathBuf },
    Stdout(Option<StreamOutput<Box<dyn Write + Send>>>),
}

impl Target {
    /// Opens what this sender's transfer with this key goes to.
    pub(super) fn open(config: &TargetConfig, transfer: [u8; 32]) -> Result<Self, Error> {
        let directory = match &config.output {
            Output::Stdout => return Ok(Self::Stdout(Some(StreamOutput::new(Box::new(io::stdout()))))),
            Output::Directory(directory) => directory,
        };
        let local = |source| Error::LocalIo { action: "open the directory", path: directory.clone(), source };
        let path = std::fs::canonicalize(directory).map_err(local)?;
        let volume = DiskVolume::open(&path).map_err(local)?;
        let existing = match config.existing {
            Existing::Refuse => storage::Existing::Refuse,
            Existing::Overwrite => storage::Existing::Overwrite,
            Existing::Rename => storage::Existing::Rename,
            Existing::Skip => storage::Existing::Skip,
        };
        let options = DestinationOptions {
            existing,
            portable_names: config.portable_names,
            ..DestinationOptions::default()
        };
        let mut both = [0; 64];
        both[..32].copy_from_slice(&config.sender);
        both[32..].copy_from_slice(&transfer);
        let key = blake3::derive_key("sockeye transfer of a sender v1", &both);
        let files = Destination::open(volume, key, options).map_err(|error| stored(error, &path))?;
        Ok(Self::Directory { files: Box::new(files), path })
    }

    /// Whether the list has to be complete before anything is accepted.
    pub(super) fn wants_whole_list(&self) -> bool {
        matches!(self, Self::Stdout(_))
    }

    /// Refuses a list that cannot go here at all.
    pub(super) fn check_list(&mut self, manifest: &Manifest) -> Result<(), Error> {
        let Self::Stdout(_) = self else { return Ok(()) };
        let single =
            manifest.len() == 1 && manifest.get(0).is_some_and(|e| matches!(e.kind, KindRef::File { .. }));
        if single {
            return Ok(());
        }
        Err(Error::DeclinedHere { reason: String::from("only a single file can go to standard output") })
    }

    /// The user said yes.
    pub(super) fn accept(&mut self) -> Result<(), Error> {
        match self {
            Self::Directory { files, path } => files.accept().map_err(|error| stored(error, path)),
            Self::Stdout(_) => Ok(()),
        }
    }

    /// What the sender offers, as it would be written here.
    pub(super) fn offer(&mut self, manifest: &Manifest) -> Result<Offer, Error> {
        let totals = manifest.totals();
        let mut offer = Offer {
            files: totals.files,
            directories: totals.directories,
            symlinks: totals.symlinks,
            bytes: totals.bytes,
            unknown_size: totals.unknown > 0,
            ..Offer::default()
        };
        describe(manifest, &mut offer);
        let Self::Directory { files, path } = self else { return Ok(offer) };
        offer.destination.clone_from(path);
        offer.free = files.free_space();
        for entry in manifest.iter() {
            let path_of = || manifest.path(entry.id);
            match files.preview(entry).map_err(|error| stored(error, path))? {
                Preview::New => {}
                Preview::Here { bytes } => offer.bytes_here += bytes,
                Preview::Exists => sample(&mut offer.existing, &mut offer.existing_total, path_of),
                Preview::Refused(failure) => {
                    sample(&mut offer.refused, &mut offer.refused_total, || Failure {
                        path: path_of(),
                        status: status(failure.status),
                        text: failure.text.clone().into_owned(),
                    });
                }
            }
        }
        Ok(offer)
    }

    /// What is needed of an entry. For every entry in order, once.
    pub(super) fn plan(&mut self, manifest: &Manifest, id: EntryId) -> Result<Need, Error> {
        let Some(entry) = manifest.get(id) else { return Err(unlisted(id)) };
        let size = match entry.kind {
            KindRef::File { size } => size,
            _ => None,
        };
        let plan = match self {
            Self::Directory { files, path } => files.plan(entry).map_err(|error| stored(error, path))?,
            Self::Stdout(out) => out.as_mut().map_or(Plan::Local, |out| out.plan(entry)),
        };
        Ok(need(plan, size))
    }

    /// The sender's answer to [`Need::Compare`].
    pub(super) fn compared(&mut self, manifest: &Manifest, id: EntryId, same: bool) -> Result<Need, Error> {
        let Some(entry) = manifest.get(id) else { return Err(unlisted(id)) };
        let Self::Directory { files, path } = self else { return Ok(Need::Nothing { here: false }) };
        let plan = files.resolve_compare(entry, same).map_err(|error| stored(error, path))?;
        Ok(need(plan, None))
    }

    /// Stores a verified block of a large file or a stream. False if only this file failed.
    pub(super) fn write_range(
        &mut self,
        manifest: &Manifest,
        id: EntryId,
        block: u64,
        bytes: &[u8],
        stored: &Stored,
    ) -> Result<bool, Error> {
        let Some(entry) = manifest.get(id) else { return Err(unlisted(id)) };
        match self {
            Self::Directory { files, path } => {
                if stored.doubtful {
                    files.note_doubtful(id);
                }
                only_entry(files.write_range(entry, block, bytes, stored.digest, stored.last), path)
            }
            Self::Stdout(Some(out)) => {
                only_entry(out.write_range(entry, block, bytes, stored.last), Path::new("-"))
            }
            Self::Stdout(None) => Ok(false),
        }
    }

    /// The sender has the same block. Returns its length.
    pub(super) fn keep_range(
        &mut self,
        manifest: &Manifest,
        id: EntryId,
        block: u64,
        stored: &Stored,
    ) -> Result<(), Error> {
        let Some(entry) = manifest.get(id) else { return Err(unlisted(id)) };
        let Self::Directory { files, path } = self else { return Ok(()) };
        if stored.doubtful {
            files.note_doubtful(id);
        }
        only_entry(files.keep_range(entry, block, stored.digest), path).map(|_| ())
    }

    /// Stores a small file out of a verified pack. False if only this file failed.
    pub(super) fn write_packed(
        &mut self,
        manifest: &Manifest,
        id: EntryId,
        bytes: &[u8],
        doubtful: bool,
    ) -> Result<bool, Error> {
        let Some(entry) = manifest.get(id) else { return Err(unlisted(id)) };
        match self {
            Self::Directory { files, path } => {
                if doubtful {
                    files.note_doubtful(id);
                }
                only_entry(files.write_packed(entry, bytes), path)
            }
            Self::Stdout(Some(out)) => only_entry(out.write_packed(entry, bytes), Path::new("-")),
            Self::Stdout(None) => Ok(false),
        }
    }

    /// The sender cannot send an entry.
    pub(super) fn fail(&mut self, id: EntryId, why: EntryStatus, text: &str) -> Result<(), Error> {
        match self {
            Self::Directory { files, path } => {
                files.fail(id, status_to_storage(why), text).map_err(|error| stored(error, path))
            }
            Self::Stdout(Some(out)) => {
                out.fail(id, status_to_storage(why), text);
                Ok(())
            }
            Self::Stdout(None) => Ok(()),
        }
    }

    /// The next entry that storage gave up, if any.
    pub(super) fn poll_failure(&mut self) -> Option<(EntryId, EntryStatus, String)> {
        let Self::Directory { files, .. } = self else { return None };
        let (id, failure) = files.poll_failure()?;
        Some((id, status(failure.status), failure.text.into_owned()))
    }

    /// When to look whether it is time to commit, if nothing else happens.
    pub(super) fn commit_at(&self, now: Duration) -> Option<Duration> {
        matches!(self, Self::Directory { .. }).then_some(now + COMMIT_POLL)
    }

    /// Commits if it is time.
    pub(super) fn commit_if_due(&mut self, now: Duration) -> Result<(), Error> {
        match self {
            Self::Directory { files, path } => files.commit_if_due(now).map_err(|error| stored(error, path)),
            Self::Stdout(_) => Ok(()),
        }
    }

    /// Everything is here: makes it durable, and says what became of it.
    pub(super) fn finish(&mut self) -> Result<Outcome, Error> {
        match self {
            Self::Directory { files, path } => {
                let report = files.finish().map_err(|error| stored(error, path))?;
                Ok(outcome(report, path))
            }
            Self::Stdout(out) => {
                let Some(out) = out.take() else { return Ok(Outcome::default()) };
                let report = out.finish().map_err(|error| stored(error, Path::new("-")))?;
                Ok(Outcome { written: Vec::new(), ..outcome(report, Path::new("-")) })
            }
        }
    }

    /// Interrupted: keeps what is verified for the next time.
    pub(super) fn abandon(self) {
        if let Self::Directory { files, .. } = self
            && let Err(error) = files.abandon()
        {
            tracing::warn!(%error, "what was received last could not be kept");
        }
    }
}

/// Roots, hidden names and executables of a list.
fn describe(manifest: &Manifest, offer: &mut Offer) {
    // For each entry the number of its root and whether some component of its path begins with a dot.
    let mut above: Vec<(u32, bool)> = Vec::new();
    for entry in manifest.iter() {
        let bytes = match entry.kind {
            KindRef::File { size } => size.unwrap_or(0),
            _ => 0,
        };
        let parent = entry.parent.and_then(|parent| above.get(parent as usize)).copied();
        let (root, hidden_above) =
            parent.unwrap_or((u32::try_from(offer.roots_total).unwrap_or(u32::MAX), false));
        let hidden = hidden_above || entry.name.starts_with(b".");
        above.push((root, hidden));
        if entry.parent.is_none() {
            offer.roots_total += 1;
            if offer.roots.len() < OFFER_SAMPLES {
                let directory = matches!(entry.kind, KindRef::Directory);
                offer.roots.push(OfferedRoot { name: entry.name.to_vec(), directory, entries: 0, bytes: 0 });
            }
        }
        if let Some(root) = offer.roots.get_mut(root as usize) {
            root.entries += 1;
            root.bytes = root.bytes.saturating_add(bytes);
        }
        if hidden {
            sample(&mut offer.hidden, &mut offer.hidden_total, || manifest.path(entry.id));
        }
        if matches!(entry.kind, KindRef::File { .. }) && entry.mode & 0o111 != 0 {
            sample(&mut offer.executable, &mut offer.executable_total, || manifest.path(entry.id));
        }
    }
}

/// Counts, and keeps the first few.
fn sample<T>(samples: &mut Vec<T>, total: &mut u64, make: impl FnOnce() -> T) {
    *total += 1;
    if samples.len() < OFFER_SAMPLES {
        samples.push(make());
    }
}

fn need(plan: Plan, size: Option<u64>) -> Need {
    match plan {
        Plan::Local | Plan::Refused(_) => Need::Nothing { here: false },
        Plan::Done { .. } => Need::Nothing { here: true },
        Plan::All => Need::All,
        Plan::Missing(ranges) => {
            let block = sockeye_proto::content::BLOCK_SIZE;
            let end = size.unwrap_or(0);
            let bytes = |range: &Range<u64>| {
                end.min(range.end.saturating_mul(block)) - end.min(range.start.saturating_mul(block))
            };
            let missing: u64 = ranges.iter().map(bytes).sum();
            Need::Missing { ranges, here: end.saturating_sub(missing) }
        }
        Plan::Check { held, missing } => Need::Check { held, missing },
        Plan::Compare { digest, .. } => Need::Compare(digest),
    }
}

fn outcome(report: Report, path: &Path) -> Outcome {
    let mut entries: Vec<(EntryId, EntryStatus, String)> = report
        .failures
        .into_iter()
        .map(|(id, failure)| (id, status(failure.status), failure.text.into_owned()))
        .collect();
    if report.resumable {
        tracing::info!("what is verified of the entries that failed is kept for the next time");
    }
    let renamed = report.renamed.into_iter();
    entries.extend(
        renamed.map(|(id, name)| (id, EntryStatus::Renamed, String::from_utf8_lossy(&name).into_owned())),
    );
    Outcome {
        entries,
        files: report.files,
        directories: report.directories,
        symlinks: report.symlinks,
        bytes: report.bytes,
        bytes_here: report.bytes_here,
        failed: report.failed,
        equal: report.equal.len() as u64,
        written: report.roots.iter().map(|name| path.join(bytes_to_path(name))).collect(),
        digest: report.digest,
        commit: report.commit_time,
    }
}

#[cfg(unix)]
fn bytes_to_path(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(name))
}

#[cfg(not(unix))]
fn bytes_to_path(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}

/// A fault of one entry is recorded by storage and reported at the end; a fault of everything ends the transfer. True if
/// there was none.
fn only_entry(result: Result<(), EntryFault>, path: &Path) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(EntryFault::Entry(_)) => Ok(false),
        Err(EntryFault::Fatal(error)) => Err(stored(error, path)),
    }
}

fn stored(error: StorageError, path: &Path) -> Error {
    match error {
        StorageError::Io { action, source } => Error::LocalIo { action, path: path.to_owned(), source },
        StorageError::Busy => Error::LocalIo {
            action: "receive into",
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::ResourceBusy, StorageError::Busy),
        },
        StorageError::Misuse { what } => Error::Internal { detail: what.to_owned() },
        other => Error::Misuse { detail: format!("{}: {other}", path.display()) },
    }
}

fn unlisted(id: EntryId) -> Error {
    Error::Internal { detail: format!("entry {id} is not listed") }
}

fn status(status: storage::EntryStatus) -> EntryStatus {
    match status {
        storage::EntryStatus::Exists => EntryStatus::Exists,
        storage::EntryStatus::Skipped => EntryStatus::Skipped,
        storage::EntryStatus::NameRefused => EntryStatus::NameRefused,
        storage::EntryStatus::KindRefused => EntryStatus::KindRefused,
        storage::EntryStatus::SourceChanged => EntryStatus::SourceChanged,
        storage::EntryStatus::SourceUnreadable => EntryStatus::SourceUnreadable,
        storage::EntryStatus::Integrity => EntryStatus::Integrity,
        storage::EntryStatus::WriteFailed | storage::EntryStatus::Failed => EntryStatus::WriteFailed,
    }
}

fn status_to_storage(status: EntryStatus) -> storage::EntryStatus {
    match status {
        EntryStatus::SourceChanged => storage::EntryStatus::SourceChanged,
        EntryStatus::SourceUnreadable => storage::EntryStatus::SourceUnreadable,
        EntryStatus::Integrity => storage::EntryStatus::Integrity,
        _ => storage::EntryStatus::Failed,
    }
}
