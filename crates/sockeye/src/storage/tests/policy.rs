use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use rustix::{
    fs::{CWD, FileType, Mode, makedev, mknodat},
    io::Errno,
};

use super::*;
use crate::storage::memory::MemoryVolume;

fn one(content: &[u8]) -> Source {
    let mut source = Source::new();
    source.file(None, "f.txt", content);
    source
}

#[test]
fn what_happens_to_existing_files() {
    type Case<'a> = (Existing, &'a [u8], &'a [(&'a str, &'a [u8])], Option<EntryStatus>);
    let cases: &[Case<'_>] = &[
        (Existing::Refuse, b"other", &[("f.txt", b"other")], Some(EntryStatus::Exists)),
        (
            Existing::Refuse,
            b"longer than the new one",
            &[("f.txt", b"longer than the new one")],
            Some(EntryStatus::Exists),
        ),
        (Existing::Overwrite, b"other", &[("f.txt", b"fresh")], None),
        (Existing::Overwrite, b"longer", &[("f.txt", b"fresh")], None),
        (Existing::Rename, b"other", &[("f (2).txt", b"fresh"), ("f.txt", b"other")], None),
        (Existing::Skip, b"other", &[("f.txt", b"other")], Some(EntryStatus::Skipped)),
    ];
    for (existing, before, after, status) in cases {
        let volume = MemoryVolume::new();
        volume.put("f.txt", before);
        let report = receive(&volume, &one(b"fresh"), *existing);
        let expected: Vec<&str> = after.iter().map(|(path, _)| *path).collect();
        assert_eq!(volume.paths(), expected, "{existing:?}");
        for (path, content) in *after {
            assert_eq!(volume.read(path).as_deref(), Some(*content), "{existing:?}");
        }
        assert_eq!(report.failures.first().map(|(_, failure)| failure.status), *status, "{existing:?}");
        assert_eq!(report.failed, u64::from(*status == Some(EntryStatus::Exists)));
    }
}

#[test]
fn an_equal_file_is_left_alone_whatever_the_policy() {
    for existing in [Existing::Refuse, Existing::Overwrite, Existing::Rename] {
        let volume = MemoryVolume::new();
        volume.put("f.txt", b"fresh");
        let report = receive(&volume, &one(b"fresh"), existing);
        assert_eq!((report.equal.as_slice(), report.files, report.bytes_here), ([0].as_slice(), 1, 5));
        assert_eq!(volume.paths(), ["f.txt"]);
        assert_eq!(report.digest, Some(blake3::hash(b"fresh").into()));
    }
}

#[test]
fn renaming_takes_the_next_free_number() {
    let volume = MemoryVolume::new();
    for name in ["f.txt", "f (2).txt", "f (3).txt"] {
        volume.put(name, b"other");
    }
    let report = receive(&volume, &one(b"fresh"), Existing::Rename);
    assert_eq!(report.renamed, [(0, b"f (4).txt".to_vec())]);
    assert_eq!(report.roots, [b"f (4).txt"]);
}

#[test]
fn what_appears_during_the_transfer_is_not_replaced() {
    for (existing, expected) in [
        (Existing::Refuse, b"theirs".as_slice()),
        (Existing::Skip, b"theirs"),
        (Existing::Rename, b"theirs"),
        (Existing::Overwrite, b"fresh"),
    ] {
        let volume = MemoryVolume::new();
        let source = one(b"fresh");
        let mut destination = Destination::open(volume.clone(), KEY, options(existing)).expect("opens");
        drive(&mut destination, &source, None).expect("stores");
        volume.put("f.txt", b"theirs");
        destination.finish().expect("finishes");
        assert_eq!(volume.read("f.txt").as_deref(), Some(expected), "{existing:?}");
    }
}

#[test]
fn files_and_directories_never_replace_each_other() {
    for existing in [Existing::Refuse, Existing::Overwrite, Existing::Skip] {
        let volume = MemoryVolume::new();
        volume.put("was-dir/kept", b"kept");
        volume.put("was-file", b"kept");
        let mut source = Source::new();
        source.file(None, "was-dir", b"a file now");
        let dir = source.dir(None, "was-file");
        source.file(Some(dir), "below", b"lost");
        let report = receive(&volume, &source, existing);
        assert_eq!(report.failures.len(), 3, "{existing:?}: {:?}", report.failures);
        assert_eq!(volume.paths(), ["was-dir/kept", "was-file"]);
    }
}

#[test]
fn directories_are_merged() {
    let volume = MemoryVolume::new();
    volume.put("d/theirs", b"theirs");
    let mut source = Source::new();
    let dir = source.dir(None, "d");
    source.file(Some(dir), "ours", b"ours");
    let report = receive(&volume, &source, Existing::Refuse);
    assert_eq!(report.failed, 0);
    assert_eq!(volume.paths(), ["d/ours", "d/theirs"]);
}

#[test]
fn previews_write_nothing() {
    let volume = MemoryVolume::new();
    volume.put("d/there", b"x");
    let calls = volume.calls();
    let mut source = Source::new();
    let dir = source.dir(None, "d");
    source.file(Some(dir), "there", b"y");
    source.file(Some(dir), "new", b"y");
    source.file(None, ".sockeye-x", b"y");
    let new = source.dir(None, "new");
    source.file(Some(new), "f", b"y");
    source.link(None, "out", "../x");
    let mut destination = Destination::open(volume.clone(), KEY, options(Existing::Refuse)).expect("opens");
    let seen: Vec<Preview> =
        source.manifest.iter().map(|entry| destination.preview(entry).expect("looks")).collect();
    let refused = |preview: &Preview| matches!(preview, Preview::Refused(_));
    assert_eq!(seen[..3], [Preview::Exists, Preview::Exists, Preview::New]);
    assert!(refused(&seen[3]) && refused(&seen[6]), "{seen:?}");
    assert_eq!(seen[4..6], [Preview::New, Preview::New]);
    assert!(destination.plan(source.entry(0)).is_err(), "nothing is planned before it is accepted");
    destination.finish().expect("a declined transfer");
    assert_eq!(volume.calls(), calls);
    assert_eq!(volume.paths(), ["d/there"]);
}

#[test]
fn a_directory_that_goes_after_the_preview_is_made() {
    let (dir, volume) = disk();
    std::fs::create_dir(dir.path().join("d")).expect("made");
    let mut source = Source::new();
    let d = source.dir(None, "d");
    source.file(Some(d), "f", b"f");
    let mut destination = Destination::open(volume, KEY, options(Existing::Refuse)).expect("opens");
    for entry in source.manifest.iter() {
        destination.preview(entry).expect("looks");
    }
    std::fs::remove_dir(dir.path().join("d")).expect("removed");
    drive(&mut destination, &source, None).expect("stores");
    assert_eq!(destination.finish().expect("finishes").failed, 0);
    assert_eq!(std::fs::read(dir.path().join("d/f")).expect("there"), b"f");
}

#[test]
fn modes_and_times() {
    let (dir, volume) = disk();
    let umask = volume.umask();
    let mut source = Source::new();
    let closed = source.push(None, b"closed", EntryKind::Directory, 0o7555, &[]);
    for (name, mode, len) in
        [("small", 0o6777, 10), ("large", 0o7640, BLOCK + 5), ("empty", 0o4755, 0), ("odd", 0o000, 3)]
    {
        let content = content(1, len);
        source.push(
            Some(closed),
            name.as_bytes(),
            EntryKind::File { size: Some(len as u64) },
            mode,
            &content,
        );
    }
    let report = receive(&volume, &source, Existing::Refuse);
    assert_eq!((report.files, report.failed), (4, 0));
    for entry in source.manifest.iter() {
        let found = std::fs::symlink_metadata(dir.path().join(source.path(entry.id))).expect("there");
        let expected = u32::from(entry.mode) & 0o777 & !umask;
        assert_eq!(found.permissions().mode() & 0o7777, expected, "{}", source.path(entry.id));
        assert_eq!(
            (found.mtime(), found.mtime_nsec()),
            (entry.modified.seconds, entry.modified.nanos.into())
        );
    }
}

#[test]
fn a_dot_entry_does_not_change_the_destination() {
    let (dir, volume) = disk();
    let before = std::fs::metadata(dir.path()).expect("there").permissions().mode();
    let mut destination = Destination::open(volume, KEY, options(Existing::Overwrite)).expect("opens");
    destination.accept().expect("accepted");
    for (id, name) in [(0, b".".as_slice()), (1, b""), (2, b"..")] {
        let (kind, modified) = (KindRef::Directory, Timestamp::default());
        let entry = EntryRef { id, parent: None, name, kind, mode: 0o777, modified, source: &[] };
        assert!(matches!(destination.plan(entry), Ok(Plan::Refused(_))));
    }
    destination.finish().expect("finishes");
    assert_eq!(std::fs::metadata(dir.path()).expect("there").permissions().mode(), before);
}

#[test]
fn overwriting_a_link_replaces_the_link() {
    let (dir, volume) = disk();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "secret").expect("written");
    symlink(&secret, dir.path().join("f.txt")).expect("made");
    receive(&volume, &one(b"fresh"), Existing::Overwrite);
    assert_eq!(std::fs::read(&secret).expect("there"), b"secret");
    assert_eq!(std::fs::read(dir.path().join("f.txt")).expect("there"), b"fresh");
    assert!(std::fs::symlink_metadata(dir.path().join("f.txt")).expect("there").is_file());
}

#[test]
fn devices_and_pipes_are_not_replaced_and_do_not_hang() {
    let mode = Mode::RUSR | Mode::WUSR;
    // The device is /dev/zero: whoever reads it does not come to an end. Making one takes privileges.
    for (kind, device) in
        [(FileType::Fifo, 0), (FileType::Socket, 0), (FileType::CharacterDevice, makedev(1, 5))]
    {
        for existing in [Existing::Refuse, Existing::Overwrite, Existing::Rename, Existing::Skip] {
            let (dir, volume) = disk();
            let path = dir.path().join("f.txt");
            match mknodat(CWD, &path, kind, mode, device) {
                Err(Errno::PERM) if kind == FileType::CharacterDevice => {
                    sockeye_lab::skip!("this user may not make a device");
                }
                made => made.expect("made"),
            }
            let before = std::fs::symlink_metadata(&path).expect("there");
            let report = receive(&volume, &one(b"fresh"), existing);
            let expected = match existing {
                Existing::Refuse | Existing::Overwrite => vec![(0, EntryStatus::Exists)],
                Existing::Skip => vec![(0, EntryStatus::Skipped)],
                Existing::Rename => vec![],
            };
            assert_eq!(statuses(&report), expected, "{kind:?} {existing:?}");
            let after = std::fs::symlink_metadata(&path).expect("still there");
            assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()), "{kind:?} {existing:?}");
            let beside = std::fs::read(dir.path().join("f (2).txt")).ok();
            let expected = (existing == Existing::Rename).then(|| b"fresh".to_vec());
            assert_eq!(beside, expected, "{kind:?} {existing:?}");
        }
    }
}

#[test]
fn what_the_sender_cannot_send_gets_no_name() {
    let volume = MemoryVolume::new();
    let mut source = Source::new();
    source.file(None, "gone", b"gone");
    let large = source.file(None, "large", &content(3, 3 * BLOCK));
    source.file(None, "fine", b"fine");
    let mut destination = Destination::open(volume.clone(), KEY, options(Existing::Refuse)).expect("opens");
    destination.accept().expect("accepted");
    for entry in source.manifest.iter() {
        destination.plan(entry).expect("plans");
    }
    perform(&mut destination, &source, &Task::Pack(2)).expect("written");
    perform(&mut destination, &source, &Task::Block(large, 0)).expect("written");
    destination.fail(0, EntryStatus::SourceUnreadable, "permission denied").expect("noted");
    destination.fail(large, EntryStatus::SourceChanged, "changed").expect("noted");
    assert_eq!(
        destination.poll_failure().map(|(id, failure)| (id, failure.status)),
        Some((0, EntryStatus::SourceUnreadable))
    );
    let report = destination.finish().expect("finishes");
    assert_eq!(statuses(&report), [(0, EntryStatus::SourceUnreadable), (large, EntryStatus::SourceChanged)]);
    assert_eq!(volume.read("fine").as_deref(), Some(b"fine".as_slice()));
    assert_eq!((volume.read("gone"), volume.read("large")), (None, None));
}

#[test]
fn misuse_is_an_error_and_not_a_file() {
    let volume = MemoryVolume::new();
    let mut source = Source::new();
    let small = source.file(None, "small", b"12345");
    let large = source.file(None, "large", &content(1, 2 * BLOCK + 7));
    let mut destination = Destination::open(volume, KEY, options(Existing::Refuse)).expect("opens");
    assert!(destination.plan(source.entry(small)).is_err(), "before it is accepted");
    destination.accept().expect("accepted");
    assert!(destination.plan(source.entry(large)).is_err(), "out of order");
    let any = Digest::ZERO;
    assert!(destination.write_packed(source.entry(small), b"12345").is_err(), "before it is planned");
    destination.plan(source.entry(small)).expect("plans");
    destination.plan(source.entry(large)).expect("plans");
    assert!(destination.plan(source.entry(small)).is_err(), "twice");
    for bytes in [b"".as_slice(), b"1234", b"123456"] {
        assert!(destination.write_packed(source.entry(small), bytes).is_err(), "{} bytes", bytes.len());
    }
    let full = content(1, BLOCK);
    for (block, len, last) in [(0, 0, false), (0, 5, false), (2, 8, false), (3, 1, false), (1, BLOCK, true)] {
        let written = destination.write_range(source.entry(large), block, &full[..len], any, last);
        assert!(matches!(written, Err(EntryFault::Fatal(StorageError::Misuse { .. }))), "{block} {len}");
    }
    for block in [1 << 46, u64::MAX / BLOCK_SIZE, u64::MAX] {
        assert!(destination.write_range(source.entry(large), block, &full, any, false).is_err());
        assert!(destination.keep_range(source.entry(large), block, any).is_err());
    }
    perform(&mut destination, &source, &Task::Block(large, 0)).expect("written");
    assert!(perform(&mut destination, &source, &Task::Block(large, 0)).is_err(), "a block twice");
    assert!(destination.resolve_compare(source.entry(small), true).is_err(), "nobody asked");
    perform(&mut destination, &source, &Task::Pack(small)).expect("still works");
    assert!(perform(&mut destination, &source, &Task::Pack(small)).is_err(), "a file twice");
}
