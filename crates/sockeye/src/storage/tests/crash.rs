//! Whatever is cut off whenever: what the journal and the final names say is true, and the next run completes.

use std::collections::BTreeMap;

use rustix::io::Errno;
use sockeye_proto::content::{FileState, JournalReader, JournalState};

use super::super::resume::{part_name, staging_name};
use super::*;
use crate::storage::memory::MemoryVolume;

/// Runs that are tried. Each is a tree, up to four interruptions and a completion.
const SEEDS: u64 = 300;

/// A tree that depends on the seed alone, in its `version`th edition: some files differ between editions.
fn tree(seed: u64, version: u64) -> Source {
    let mut random = Random(seed);
    let mut source = Source::new();
    let mut dirs = vec![None];
    for number in 0..8 + random.below(16) {
        let parent = dirs[usize::try_from(random.below(dirs.len() as u64)).expect("small")];
        let (kind, changes, len) = (random.below(10), random.below(4) == 0, random.next());
        let edition = if changes { version } else { 0 };
        let bytes =
            |len: u64| content(seed ^ number << 32 ^ edition << 48, usize::try_from(len).expect("small"));
        match kind {
            0 | 1 => dirs.push(Some(source.dir(parent, &format!("d{number}")))),
            2 | 3 => {
                let id = source.file(
                    parent,
                    &format!("large{number}"),
                    &bytes(BLOCK_SIZE + len % (3 * BLOCK_SIZE)),
                );
                if len & 1 == 1 {
                    source.doubtful.push(id);
                }
            }
            4 => drop(source.file(parent, &format!("empty{number}"), b"")),
            _ => drop(source.file(parent, &format!("f{number}"), &bytes(1 + len % 9000))),
        }
    }
    if random.coin() {
        let bytes = content(seed, usize::try_from(random.below(2 * BLOCK_SIZE)).expect("small"));
        source.push(None, b"stdin", EntryKind::File { size: None }, 0o600, &bytes);
    }
    source
}

/// Every content that a path may ever have.
type Truth = BTreeMap<String, Vec<Vec<u8>>>;

fn add_truth(truth: &mut Truth, source: &Source) {
    for entry in source.manifest.iter().filter(|entry| entry.kind != KindRef::Directory) {
        let contents = truth.entry(source.path(entry.id)).or_default();
        contents.push(source.contents[entry.id as usize].clone());
    }
}

/// What must hold after any interruption.
fn check(volume: &MemoryVolume, truth: &Truth, seed: u64) {
    let staging = String::from_utf8(staging_name(&KEY)).expect("plain");
    for path in volume.paths().iter().filter(|path| !path.starts_with(&staging)) {
        let content = volume.read(path).expect("a file");
        let known = truth.get(path).is_some_and(|contents| contents.contains(&content));
        assert!(known, "seed {seed}: {path} has a final name and is not what was sent");
    }
    let Some(journal) = volume.read(&format!("{staging}/journal")) else { return };
    let mut state = JournalState::new();
    if JournalReader::new(KEY).read_each(&journal, |record| state.apply(record)).is_err() {
        return;
    }
    for (path, known) in state.iter() {
        let path = String::from_utf8_lossy(path);
        match known {
            FileState::Partial { id, blocks, size, .. } => {
                let name = String::from_utf8(part_name(*id)).expect("plain");
                // Gone means that it has its final name already: the next run sees that.
                let Some(part) = volume.read(&format!("{staging}/{name}")) else { continue };
                for (block, digest) in blocks {
                    let start = usize::try_from(block * BLOCK_SIZE).expect("small");
                    let end =
                        usize::try_from(size.expect("known").min((block + 1) * BLOCK_SIZE)).expect("small");
                    let bytes =
                        part.get(start..end).unwrap_or_else(|| panic!("seed {seed}: {path} is short"));
                    let there = range_digest(block * BLOCK_SIZE, bytes, *size == Some(BLOCK_SIZE));
                    assert_eq!(there, *digest, "seed {seed}: block {block} of {path}");
                }
            }
            FileState::Committed { size, .. } => {
                let content = volume.read(&path).unwrap_or_else(|| panic!("seed {seed}: {path} is gone"));
                assert_eq!(content.len() as u64, *size, "seed {seed}: {path}");
            }
        }
    }
}

fn run(
    volume: &MemoryVolume,
    source: &Source,
    random: &mut Random,
    beside: bool,
) -> Result<Report, StorageError> {
    let options = DestinationOptions { commit_beside: beside, ..options(Existing::Overwrite) };
    let mut destination = Destination::open(volume.clone(), KEY, options)?;
    drive(&mut destination, source, Some(random))?;
    destination.finish()
}

fn one_seed(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let volume = MemoryVolume::new();
    let mut truth = Truth::new();
    let mut source = tree(seed, 0);
    add_truth(&mut truth, &source);
    for interruption in 0..random.below(5) {
        volume.set_fault(Some((random.below(120), Errno::IO)));
        let result = run(&volume, &source, &mut random, false);
        if random.below(4) == 0 {
            volume.kill();
        } else {
            volume.crash(random.next());
        }
        check(&volume, &truth, seed);
        if result.is_ok() {
            break;
        }
        if random.coin() {
            source = tree(seed, interruption + 1);
            add_truth(&mut truth, &source);
        }
    }
    let report =
        run(&volume, &source, &mut random, false).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert_eq!(statuses(&report), [], "seed {seed}: {:?}", report.failures);
    assert!(!report.resumable, "seed {seed}");
    // What was reported stays, even if the power goes now.
    volume.crash(random.next());
    let mut expected = Vec::new();
    for entry in source.manifest.iter().filter(|entry| entry.kind != KindRef::Directory) {
        let path = source.path(entry.id);
        let content = &source.contents[entry.id as usize];
        assert!(volume.read(&path).as_ref() == Some(content), "seed {seed}: {path} is not what was sent");
        expected.push(path);
    }
    expected.sort();
    let staging = String::from_utf8(staging_name(&KEY)).expect("plain");
    let mut there = volume.paths();
    // Removing the staging directory is not synced: a crash may bring it back, to be used or removed by the next run.
    there.retain(|path| !path.starts_with(&staging));
    there.sort();
    assert_eq!(there, expected, "seed {seed}");
}

#[test]
fn interrupted_anywhere_it_completes() {
    if let Ok(seed) = std::env::var("SOCKEYE_SEED") {
        return one_seed(seed.parse().expect("a number"));
    }
    for seed in 0..SEEDS {
        let run = std::panic::catch_unwind(|| one_seed(seed));
        if let Err(panic) = run {
            eprintln!("failed with SOCKEYE_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn committing_beside_gives_the_same() {
    for seed in 0..20 {
        let volume = MemoryVolume::new();
        let source = tree(seed, 0);
        let report = run(&volume, &source, &mut Random(seed), true).expect("completes");
        assert_eq!(statuses(&report), [], "seed {seed}");
        for entry in source.manifest.iter().filter(|entry| entry.kind != KindRef::Directory) {
            let there = volume.read(&source.path(entry.id));
            assert!(there.as_ref() == Some(&source.contents[entry.id as usize]), "seed {seed}");
        }
    }
}
