//! Full, broken and read-only disks.

use std::{collections::BTreeSet, ops::Range, os::unix::fs::PermissionsExt, path::Path};

use rustix::io::Errno;

use super::*;
use crate::storage::memory::MemoryVolume;

fn source() -> Source {
    let mut source = Source::new();
    source.file(None, "a", &content(1, 2000));
    source.file(None, "b", &content(2, 2 * BLOCK));
    source.file(None, "c", &content(3, 2000));
    source
}

fn attempt(volume: &MemoryVolume, source: &Source) -> Result<Report, StorageError> {
    let mut destination = Destination::open(volume.clone(), KEY, options(Existing::Refuse))?;
    drive(&mut destination, source, None)?;
    destination.finish()
}

#[test]
fn every_error_at_every_call_stops_cleanly() {
    let source = source();
    let complete = MemoryVolume::new();
    attempt(&complete, &source).expect("completes");
    let calls = complete.calls();
    assert!(calls > 20);
    for errno in [Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::IO, Errno::MFILE] {
        for after in 0..calls {
            let volume = MemoryVolume::new();
            volume.set_fault(Some((after, errno)));
            let error = match attempt(&volume, &source) {
                Err(error) => error,
                // Removing what is left over is the very last step.
                Ok(report) => panic!("{errno} after {after} calls went unnoticed: {report:?}"),
            };
            assert_eq!(error.is_disk_full(), [Errno::NOSPC, Errno::DQUOT].contains(&errno), "{error}");
            volume.set_fault(None);
            for (id, name) in [(0, "a"), (1, "b"), (2, "c")] {
                let there = volume.read(name);
                assert!(
                    there.is_none_or(|there| there == source.contents[id]),
                    "half of {name} has its name"
                );
            }
            volume.kill();
            let report = attempt(&volume, &source).expect("completes once repaired");
            assert_eq!(report.failed, 0);
        }
    }
}

#[test]
fn a_disk_that_fills_up() {
    let source = source();
    for room in (0..600_000).step_by(20_000) {
        let volume = MemoryVolume::new();
        volume.set_room(Some(room));
        let result = attempt(&volume, &source);
        volume.set_room(None);
        for (id, name) in [(0, "a"), (1, "b"), (2, "c")] {
            assert!(volume.read(name).is_none_or(|there| there == source.contents[id]), "{room}: {name}");
        }
        if let Err(error) = result {
            assert!(error.is_disk_full(), "{error}");
        }
        volume.kill();
        assert_eq!(attempt(&volume, &source).expect("completes").failed, 0);
    }
}

#[test]
fn a_file_that_is_too_large_for_the_disk_concerns_nothing_else() {
    let mut source = Source::new();
    source.file(None, "before", &content(1, 500));
    let large = source.file(None, "large", &content(2, 3 * BLOCK));
    let small = source.file(None, "small", &content(3, 2000));
    source.file(None, "after", &content(4, 600));
    let stream = source.push(None, b"stream", EntryKind::File { size: None }, 0o644, &content(5, 2 * BLOCK));
    let whole = BLOCK as u64;
    // Not even the small one fits; the first block of the larger ones does; a part of their second one; all but the end.
    for (largest, too_large) in [
        (1000, vec![large, small, stream]),
        (whole, vec![large, stream]),
        (whole + 1, vec![large, stream]),
        (2 * whole - 1, vec![large, stream]),
        (2 * whole, vec![large]),
        (3 * whole - 1, vec![large]),
        (3 * whole, vec![]),
    ] {
        // In order, and in other orders with commits in between.
        for seed in 0..8 {
            let volume = MemoryVolume::new();
            volume.set_largest(Some(largest));
            let mut destination =
                Destination::open(volume.clone(), KEY, options(Existing::Refuse)).expect("opens");
            let mut random = Random(seed);
            drive(&mut destination, &source, (seed > 0).then_some(&mut random)).expect("goes on");
            let report = destination.finish().expect("finishes");
            let expected: Vec<_> = too_large.iter().map(|id| (*id, EntryStatus::WriteFailed)).collect();
            assert_eq!(statuses(&report), expected, "{largest}, seed {seed}");
            for (_, failure) in &report.failures {
                assert!(failure.text.to_lowercase().contains("file too large"), "{}", failure.text);
            }
            let left = volume.paths().into_iter().filter(|path| !path.starts_with(".sockeye-"));
            let there: Vec<_> =
                (0..5).filter(|id| !too_large.contains(id)).map(|id| source.path(id)).collect();
            assert_eq!(
                left.collect::<BTreeSet<_>>(),
                there.iter().cloned().collect(),
                "{largest}, seed {seed}"
            );
            for (id, content) in (0..).zip(&source.contents) {
                let read = volume.read(&source.path(id));
                assert!(read.is_none_or(|read| read == *content), "half of {id}: {largest}, seed {seed}");
            }
            volume.set_largest(None);
            attempt(&volume, &source).expect("completes on a better disk");
            for (id, content) in (0..).zip(&source.contents) {
                assert_eq!(volume.read(&source.path(id)).as_ref(), Some(content), "{largest}, seed {seed}");
            }
        }
    }
}

#[test]
fn what_was_verified_before_the_error_is_kept() {
    let source = source();
    let volume = MemoryVolume::new();
    let mut destination = Destination::open(volume.clone(), KEY, options(Existing::Refuse)).expect("opens");
    destination.accept().expect("accepted");
    for entry in source.manifest.iter() {
        destination.plan(entry).expect("plans");
    }
    perform(&mut destination, &source, &Task::Pack(0)).expect("written");
    perform(&mut destination, &source, &Task::Block(1, 0)).expect("written");
    destination.commit().expect("committed");
    volume.set_fault(Some((0, Errno::NOSPC)));
    let failed = perform(&mut destination, &source, &Task::Block(1, 1));
    assert!(matches!(&failed, Err(EntryFault::Fatal(error)) if error.is_disk_full()), "{failed:?}");
    assert!(perform(&mut destination, &source, &Task::Pack(2)).is_err(), "nothing is written after it");
    assert!(destination.commit_if_due(Duration::MAX).is_err());
    destination.abandon().expect("nothing is left to commit");
    volume.crash(1);
    let mut destination = Destination::open(volume, KEY, options(Existing::Refuse)).expect("opens");
    destination.accept().expect("accepted");
    assert_eq!(destination.plan(source.entry(0)).expect("plans"), Plan::Done { earlier: true });
    assert_eq!(
        destination.plan(source.entry(1)).expect("plans"),
        Plan::Missing(Vec::from([Range { start: 1, end: 2 }]))
    );
}

#[test]
fn a_directory_that_may_not_be_written_concerns_its_entries_only() {
    let (dir, volume) = disk();
    if volume.owner() == 0 {
        // Root may write everywhere; a name that is too long does as well.
        let mut source = Source::new();
        source.file(None, &"x".repeat(255), b"too long with a number");
        source.file(None, "fine", b"fine");
        std::fs::write(dir.path().join("x".repeat(255)), "there").expect("written");
        let report = receive(&volume, &source, Existing::Rename);
        assert_eq!(statuses(&report), [(0, EntryStatus::Exists)]);
        assert_eq!(report.files, 1);
        return;
    }
    std::fs::create_dir(dir.path().join("closed")).expect("made");
    let mode = |mode| std::fs::set_permissions(dir.path().join("closed"), PermissionsExt::from_mode(mode));
    mode(0o555).expect("closed");
    let mut source = Source::new();
    let closed = source.dir(None, "closed");
    source.file(Some(closed), "f", b"f");
    source.file(None, "fine", b"fine");
    let report = receive(&volume, &source, Existing::Refuse);
    mode(0o755).expect("opened");
    assert_eq!(statuses(&report), [(1, EntryStatus::WriteFailed)]);
    assert_eq!(report.files, 1);
}

/// A file system of a few megabytes, as long as it lives.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn new(at: &'a Path, options: &str) -> Option<Self> {
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "sockeye-test"])
            .arg(at)
            .output();
        mount.is_ok_and(|done| done.status.success()).then(|| Self(at))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg("-l").arg(self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("could not unmount {}", self.0.display());
        }
    }
}

#[test]
fn a_file_system_that_does_not_say_how_large_it_is() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(mounted) = Mounted::new(dir.path(), "size=0") else {
        sockeye_lab::skip!("this user may not mount a tmpfs");
    };
    let mut source = Source::new();
    source.file(None, "large", &content(1, 600_000));
    let volume = DiskVolume::open(mounted.0).expect("opens");
    assert!(volume.free_space().is_err(), "else this test shows nothing");
    let report = receive(&volume, &source, Existing::Refuse);
    assert_eq!((report.files, report.failed), (1, 0), "{report:?}");
}

#[test]
fn a_real_file_system_that_fills_up() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(mounted) = Mounted::new(dir.path(), "size=2m") else {
        sockeye_lab::skip!("this user may not mount a small tmpfs");
    };
    let mut source = Source::new();
    source.file(None, "small", &content(1, 100_000));
    source.file(None, "large", &content(2, 4 << 20));
    for small in 0..40 {
        source.file(None, &format!("s{small}"), &content(small, 100_000));
    }
    let volume = DiskVolume::open(dir.path()).expect("opens");
    let mut destination = Destination::open(volume, KEY, DestinationOptions::default()).expect("opens");
    let error = drive(&mut destination, &source, None).expect_err("2 MiB are not enough");
    assert!(error.is_disk_full(), "{error}");
    drop(destination);
    for name in std::fs::read_dir(dir.path()).expect("lists") {
        let name = name.expect("an entry").file_name();
        let name = name.to_string_lossy();
        assert!(name.starts_with(".sockeye-") || name == "small", "{name}");
    }
    drop(mounted);
}

#[test]
fn a_real_file_system_that_is_read_only() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(mounted) = Mounted::new(dir.path(), "size=1m,ro") else {
        sockeye_lab::skip!("this user may not mount a small tmpfs");
    };
    let volume = DiskVolume::open(dir.path()).expect("opens");
    let mut destination = Destination::open(volume, KEY, DestinationOptions::default()).expect("opens");
    let error = destination.accept().expect_err("read-only");
    assert!(error.to_string().to_lowercase().contains("read-only"), "{error}");
    drop((destination, mounted));
}
