//! The manifest in memory: its rules, limits and size.

use super::*;

fn refused(entries: &[Entry], last: &Entry) -> ManifestError {
    let mut manifest = manifest_of(entries);
    let before = (manifest.len(), manifest.totals());
    let error = manifest.push(last).expect_err("refused");
    assert_eq!((manifest.len(), manifest.totals()), before, "a refused entry leaves no trace");
    error
}

#[test]
fn holds_what_was_pushed() {
    let identity = SourceIdentity::new(&[7; 64]).expect("64 bytes");
    let entries = [
        directory(None, b"a"),
        directory(Some(0), b"b"),
        Entry { source: identity, mode: 0o7777, ..file(Some(1), b"c", u64::MAX) },
        Entry {
            modified: Timestamp { seconds: i64::MIN, nanos: 999_999_999 },
            ..symlink(Some(0), b"l", b"../x")
        },
        stream(b"in"),
    ];
    let manifest = manifest_of(&entries);
    assert_eq!(manifest.len(), 5);
    for (id, entry) in entries.iter().enumerate() {
        let id = u32::try_from(id).expect("small");
        assert_eq!(manifest.get(id), Some(entry.by_ref(id)));
        assert_eq!(manifest.get(id).map(|held| held.to_entry()).as_ref(), Some(entry));
    }
    assert!(manifest.iter().map(|entry| entry.id).eq(0..5));
    assert!(manifest.range(3..9).map(|entry| entry.id).eq(3..5));
    assert_eq!(manifest.get(5), None);
    assert_eq!(manifest.path(2), b"a/b/c");
    assert_eq!(manifest.components(2), [b"a", b"b", b"c"]);
    assert!(manifest.path(5).is_empty() && manifest.components(u32::MAX).is_empty());
    let totals = Totals { files: 2, directories: 2, symlinks: 1, bytes: u64::MAX, unknown: 1 };
    assert_eq!(manifest.totals(), totals);
}

#[test]
fn refuses_what_cannot_be_a_name() {
    let faults: [(&[u8], NameFault); 8] = [
        (b"", NameFault::Empty),
        (b".", NameFault::Dots),
        (b"..", NameFault::Dots),
        (b"/", NameFault::Slash),
        (b"a/b", NameFault::Slash),
        (b"../x", NameFault::Slash),
        (b"\0", NameFault::Nul),
        (b"a\0", NameFault::Nul),
    ];
    for (name, fault) in faults {
        assert_eq!(refused(&[], &directory(None, name)), ManifestError::Name { entry: 0, fault });
    }
    for name in [&b"..."[..], b".a", b"\xff\xfe", b"\n", b"a b", b"C:", b"\\"] {
        assert_eq!(name_fault(name), None);
    }
}

#[test]
fn a_parent_is_an_earlier_directory() {
    let base = [directory(None, b"d"), file(None, b"f", 1), symlink(None, b"l", b"d")];
    for parent in [1, 2, 3, 4, u32::MAX] {
        let error = refused(&base, &file(Some(parent), b"x", 1));
        assert_eq!(error, ManifestError::Parent { entry: 3 });
    }
    assert_eq!(refused(&[], &directory(Some(0), b"x")), ManifestError::Parent { entry: 0 });
}

#[test]
fn refuses_fields_out_of_range() {
    let mode = Entry { mode: 0o10000, ..file(None, b"f", 1) };
    assert_eq!(refused(&[], &mode), ManifestError::Mode { entry: 0 });
    let nanos = Entry { modified: Timestamp { seconds: 0, nanos: 1_000_000_000 }, ..file(None, b"f", 1) };
    assert_eq!(refused(&[], &nanos), ManifestError::Nanos { entry: 0 });
    for target in [&b""[..], b"a\0b"] {
        assert_eq!(refused(&[], &symlink(None, b"l", target)), ManifestError::Target { entry: 0 });
    }
    assert_eq!(SourceIdentity::new(&[0; 65]), Err(ManifestError::IdentityTooLong { len: 65 }));
}

#[test]
fn a_file_of_unknown_size_is_the_last() {
    let error = refused(&[stream(b"in")], &directory(None, b"d"));
    assert_eq!(error, ManifestError::AfterUnknownSize { entry: 1 });
    assert_eq!(error.fault(), ContentFault::Malformed);
}

#[test]
fn sizes_that_overflow_are_refused() {
    let error = refused(&[file(None, b"a", u64::MAX)], &file(None, b"b", 1));
    assert_eq!(error, ManifestError::BytesOverflow { entry: 1 });
    manifest_of(&[file(None, b"a", u64::MAX), file(None, b"b", 0)]);
}

#[test]
fn every_limit_holds_at_its_edge() {
    let limits = ManifestLimits {
        max_entries: 3,
        max_name: 4,
        max_depth: 2,
        max_path: 6,
        max_target: 5,
        max_text: 20,
    };
    let over = |entry: &Entry| {
        let mut manifest = Manifest::with_limits(limits);
        manifest.push(&directory(None, b"dir")).expect("within");
        let result = manifest.push(entry);
        result.map_err(|error| {
            assert_eq!(error.fault(), ContentFault::OverLimit);
            format!("{error}")
        })
    };
    assert_eq!(over(&file(None, b"four", 0)), Ok(1));
    assert_eq!(over(&file(None, b"fiver", 0)), Err("name length in bytes beyond the limit of 4".into()));
    assert_eq!(over(&file(Some(0), b"ab", 0)), Ok(1));
    assert_eq!(over(&file(Some(0), b"abc", 0)), Err("path length in bytes beyond the limit of 6".into()));
    assert_eq!(over(&symlink(None, b"l", b"12345")), Ok(1));
    assert_eq!(
        over(&symlink(None, b"l", b"123456")),
        Err("symlink target in bytes beyond the limit of 5".into())
    );
    let long = SourceIdentity::new(&[1; 17]).expect("short enough");
    assert_eq!(
        over(&Entry { source: long, ..file(None, b"x", 0) }),
        Err("names and identities in bytes beyond the limit of 20".into())
    );

    let mut manifest = Manifest::with_limits(limits);
    manifest.push(&directory(None, b"a")).expect("depth 1");
    manifest.push(&directory(Some(0), b"b")).expect("depth 2");
    let deep = manifest.push(&directory(Some(1), b"c"));
    assert_eq!(deep, Err(ManifestError::OverLimit { what: "directory levels", limit: 2 }));
    manifest.push(&directory(None, b"c")).expect("the third");
    let many = manifest.push(&directory(None, b"d"));
    assert_eq!(many, Err(ManifestError::OverLimit { what: "entries", limit: 3 }));
}

#[test]
fn the_format_bounds_names_whatever_the_limits() {
    let limits = ManifestLimits {
        max_name: usize::MAX,
        max_path: usize::MAX,
        max_target: usize::MAX,
        max_depth: usize::MAX,
        ..ManifestLimits::default()
    };
    let mut manifest = Manifest::with_limits(limits);
    let longest = symlink(None, &vec![b'n'; FORMAT_MAX_NAME], &vec![b't'; FORMAT_MAX_TARGET]);
    manifest.push(&longest).expect("the longest");
    assert_eq!(manifest.get(0), Some(longest.by_ref(0)));
    assert!(manifest.push(&file(None, &vec![b'n'; FORMAT_MAX_NAME + 1], 0)).is_err());
    assert!(manifest.push(&symlink(None, b"l", &vec![b't'; FORMAT_MAX_TARGET + 1])).is_err());

    let segment = {
        let mut writer = SegmentWriter::new();
        assert_eq!(writer.push(&longest), None);
        writer.flush().expect("one record")
    };
    assert!(segment.bytes.len() <= SEGMENT_SIZE);
}

#[test]
fn a_million_entries_fit() {
    let mut manifest = Manifest::new();
    let mut blocks = BlockMap::new();
    let source = SourceIdentity::new(&[9; 40]).expect("40 bytes");
    manifest.push(&directory(None, b"twelve-bytes")).expect("a good entry");
    for number in 0..1_000_000_u64 {
        let name = format!("{number:012}");
        let id = manifest.push(&Entry { source, ..file(Some(0), name.as_bytes(), number) });
        blocks.push(manifest.get(id.expect("a good entry")).expect("just pushed"));
    }
    blocks.finish();
    assert!(manifest.memory() < 105 << 20, "{} bytes", manifest.memory());
    assert!(manifest.memory() + blocks.memory() < 160 << 20, "{} bytes with blocks", blocks.memory());
    assert_eq!(manifest.path(1_000_000), b"twelve-bytes/000000999999");
}

#[test]
fn identities_match_and_debug_output_is_short() {
    let entries: Vec<_> = (0..1_000).map(|number| file(None, format!("{number}").as_bytes(), 1)).collect();
    assert!(format!("{:?}", manifest_of(&entries)).len() < 200);
    let identity = SourceIdentity::new(&[0xab, 1]).expect("short");
    assert!(identity.matches(&[0xab, 1]) && !identity.matches(&[0xab]));
    assert!(!SourceIdentity::default().matches(&[]), "nothing known is nothing equal");
    assert_eq!(format!("{identity:?}"), "SourceIdentity(ab01)");
}
