//! A sender in memory that answers a [`Destination`], and the tests that use it.

mod crash;
mod faults;
mod hostile;
mod links;
mod names;
mod policy;
mod resume;
mod runs;
mod stream;

use std::time::Duration;

use sockeye_proto::content::{
    BLOCK_SIZE, Digest, Entry, EntryId, EntryKind, EntryRef, KindRef, Manifest, SourceIdentity, Timestamp,
    range_digest,
};

use super::{
    Destination, DestinationOptions, DiskVolume, EntryFault, EntryStatus, Existing, Plan, Preview, Report,
    StorageError, Volume, memory::Random,
};

const KEY: [u8; 32] = [7; 32];
const BLOCK: usize = 1 << 18;

/// What is sent.
#[derive(Clone, Default)]
struct Source {
    manifest: Manifest,
    contents: Vec<Vec<u8>>,
    /// Entries of which the sender says that they changed while it read them.
    doubtful: Vec<EntryId>,
}

impl Source {
    fn new() -> Self {
        Self::default()
    }

    fn push(
        &mut self,
        parent: Option<EntryId>,
        name: &[u8],
        kind: EntryKind,
        mode: u16,
        content: &[u8],
    ) -> EntryId {
        let identity = blake3::hash(&[name, content].concat());
        let source = match kind {
            EntryKind::File { size: Some(_) } => {
                SourceIdentity::new(&identity.as_bytes()[..24]).expect("short")
            }
            _ => SourceIdentity::default(),
        };
        let modified =
            Timestamp { seconds: 1_700_000_000 + i64::from(self.manifest.len()), nanos: 123_456_789 };
        let entry = Entry { parent, name: name.to_vec(), kind, mode, modified, source };
        self.contents.push(content.to_vec());
        self.manifest.push(&entry).expect("a good entry")
    }

    fn dir(&mut self, parent: Option<EntryId>, name: &str) -> EntryId {
        self.push(parent, name.as_bytes(), EntryKind::Directory, 0o755, &[])
    }

    fn file(&mut self, parent: Option<EntryId>, name: &str, content: &[u8]) -> EntryId {
        let size = Some(content.len() as u64);
        self.push(parent, name.as_bytes(), EntryKind::File { size }, 0o644, content)
    }

    fn link(&mut self, parent: Option<EntryId>, name: &str, target: &str) -> EntryId {
        let target = target.as_bytes().to_vec();
        self.push(parent, name.as_bytes(), EntryKind::Symlink { target }, 0o777, &[])
    }

    fn entry(&self, id: EntryId) -> EntryRef<'_> {
        self.manifest.get(id).expect("listed")
    }

    fn block(&self, id: EntryId, block: u64) -> (&[u8], Digest) {
        let content = &self.contents[id as usize];
        let start = usize::try_from(block * BLOCK_SIZE).expect("small");
        let bytes = &content[start..(start + BLOCK).min(content.len())];
        (bytes, range_digest(block * BLOCK_SIZE, bytes, content.len() == BLOCK))
    }

    fn path(&self, id: EntryId) -> String {
        String::from_utf8_lossy(&self.manifest.path(id)).into_owned()
    }
}

/// One thing that a plan asks for.
#[derive(Clone, Debug)]
enum Task {
    Pack(EntryId),
    Block(EntryId, u64),
    Keep(EntryId, u64, Digest),
}

impl Task {
    fn entry(&self) -> EntryId {
        match self {
            Self::Pack(id) | Self::Block(id, _) | Self::Keep(id, ..) => *id,
        }
    }
}

/// What a plan asks of this sender.
fn tasks<V: Volume>(
    destination: &mut Destination<V>,
    source: &Source,
    id: EntryId,
    plan: Plan,
) -> Result<Vec<Task>, StorageError> {
    let content = &source.contents[id as usize];
    let blocks = (content.len() as u64).div_ceil(BLOCK_SIZE);
    Ok(match plan {
        Plan::Local | Plan::Done { .. } | Plan::Refused(_) => Vec::new(),
        Plan::All if content.len() < BLOCK && source.entry(id).kind != (KindRef::File { size: None }) => {
            vec![Task::Pack(id)]
        }
        Plan::All => (0..blocks).map(|block| Task::Block(id, block)).collect(),
        Plan::Missing(ranges) => ranges.into_iter().flatten().map(|block| Task::Block(id, block)).collect(),
        Plan::Check { held, missing } => {
            let mut tasks: Vec<Task> =
                missing.into_iter().flatten().map(|block| Task::Block(id, block)).collect();
            for (block, digest) in held.iter().flat_map(|held| (held.first..).zip(&held.digests)) {
                let same = source.block(id, block).1 == *digest;
                tasks.push(if same { Task::Keep(id, block, *digest) } else { Task::Block(id, block) });
            }
            tasks
        }
        Plan::Compare { digest, size } => {
            assert_eq!(size, content.len() as u64, "only files of equal size are compared");
            let same = Digest::from(blake3::hash(content)) == digest;
            let plan = destination.resolve_compare(source.entry(id), same)?;
            tasks(destination, source, id, plan)?
        }
    })
}

fn perform<V: Volume>(
    destination: &mut Destination<V>,
    source: &Source,
    task: &Task,
) -> Result<(), EntryFault> {
    match task {
        Task::Pack(id) => destination.write_packed(source.entry(*id), &source.contents[*id as usize]),
        Task::Keep(id, block, digest) => destination.keep_range(source.entry(*id), *block, *digest),
        Task::Block(id, block) => {
            let (bytes, digest) = source.block(*id, *block);
            let stream = source.entry(*id).kind == (KindRef::File { size: None });
            let last = stream && (*block + 1) * BLOCK_SIZE >= source.contents[*id as usize].len() as u64;
            destination.write_range(source.entry(*id), *block, bytes, digest, last)
        }
    }
}

/// Plans everything and does what the plans ask for; with a random source in any order, with commits in between.
fn drive<V: Volume>(
    destination: &mut Destination<V>,
    source: &Source,
    mut random: Option<&mut Random>,
) -> Result<(), StorageError> {
    destination.accept()?;
    source.doubtful.iter().for_each(|id| destination.note_doubtful(*id));
    let mut todo = Vec::new();
    for entry in source.manifest.iter() {
        let plan = destination.plan(entry)?;
        todo.extend(tasks(destination, source, entry.id, plan)?);
    }
    let mut now = Duration::ZERO;
    while !todo.is_empty() {
        let next = random.as_mut().map_or(0, |random| random.below(todo.len().min(6) as u64));
        let task = todo.remove(usize::try_from(next).expect("small"));
        match perform(destination, source, &task) {
            Ok(()) => {}
            // Nothing more is asked for of an entry that failed, and what is on its way is passed over.
            Err(EntryFault::Entry(_)) => todo.retain(|other| other.entry() != task.entry()),
            Err(EntryFault::Fatal(error)) => return Err(error),
        }
        match random.as_mut().map(|random| random.below(8)) {
            Some(0) => destination.commit()?,
            Some(1) => {
                now += Duration::from_secs(4);
                destination.commit_if_due(now)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn options(existing: Existing) -> DestinationOptions {
    DestinationOptions { existing, commit_beside: false, ..DestinationOptions::default() }
}

/// A whole transfer in one run.
fn receive<V: Volume>(volume: &V, source: &Source, existing: Existing) -> Report {
    let mut destination = Destination::open(volume.clone(), KEY, options(existing)).expect("opens");
    drive(&mut destination, source, None).expect("stores");
    destination.finish().expect("finishes")
}

/// A temporary directory on the real disk.
fn disk() -> (tempfile::TempDir, DiskVolume) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let volume = DiskVolume::open(dir.path()).expect("opens");
    (dir, volume)
}

fn statuses(report: &Report) -> Vec<(EntryId, EntryStatus)> {
    report.failures.iter().map(|(id, failure)| (*id, failure.status)).collect()
}

/// Bytes that no two calls with different seeds have in common.
fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
