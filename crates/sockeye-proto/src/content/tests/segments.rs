//! Segments: golden bytes, round trips, and what a reader must refuse.

use super::*;
use proptest::prelude::*;

fn example() -> (Vec<Segment>, Digest) {
    let identity = SourceIdentity::new(&[0xe0, 0xe1, 0xe2]).expect("three bytes");
    let mut writer = SegmentWriter::new();
    let mut segments = Vec::new();
    let before = Timestamp { seconds: -1, nanos: 0 };
    segments.extend(writer.push(&Entry { mode: 0o755, modified: before, ..directory(None, b"photos") }));
    segments.extend(writer.push(&Entry { source: identity, ..file(Some(0), b"cat.jpg", 300_000) }));
    segments.extend(writer.push(&symlink(Some(0), b"best", b"cat.jpg")));
    segments.extend(writer.flush());
    segments.extend(writer.push(&stream(b"notes")));
    segments.extend(writer.flush());
    assert_eq!(writer.segments(), 2);
    (segments, writer.chain())
}

fn read_all(segments: &[Segment]) -> Result<(Manifest, Digest), ManifestError> {
    let mut manifest = Manifest::new();
    let mut reader = SegmentReader::new(ManifestLimits::default());
    for segment in segments {
        let before = manifest.len();
        let range = reader.push(segment.index, &segment.bytes, &mut manifest)?;
        assert_eq!(range, before..manifest.len());
    }
    Ok((manifest, reader.chain()))
}

fn read_one(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    read_all(&[Segment { index: 0, bytes: bytes.to_vec() }]).map(|(manifest, _)| manifest)
}

/// A segment with one record of this body.
fn segment_with(body: &[u8]) -> Vec<u8> {
    let len = u8::try_from(body.len()).ok().filter(|len| *len < 128).expect("a short body");
    [&[1, 0, len], body].concat()
}

/// The body of a file `f` of 9 bytes at position 0.
const BODY: &[u8] = &[1, 0, 1, b'f', 0, 0, 0, 0, 9];

#[test]
fn golden() {
    let (segments, chain) = example();
    for segment in &segments {
        let name = format!("segment {}", segment.index);
        let page = golden_bytes(CONTENT_PAGE, &name);
        assert_eq!(hex(&segment.bytes), hex(&page), "{name} in specs/01-content.md §3.4");
    }
    assert_eq!(hex(chain.as_bytes()), hex(&golden_bytes(CONTENT_PAGE, "chain")), "§4");
    let (manifest, read) = read_all(&segments).expect("our own bytes");
    assert_eq!(read, chain);
    assert_eq!(manifest.path(1), b"photos/cat.jpg");
    assert_eq!(
        manifest.totals(),
        Totals { files: 2, directories: 1, symlinks: 1, bytes: 300_000, unknown: 1 }
    );
}

#[test]
fn the_chain_is_what_the_page_says() {
    let (segments, chain) = example();
    let mut expected = [0; 32];
    for segment in &segments {
        expected = *blake3::hash(&[&expected[..], &segment.bytes].concat()).as_bytes();
    }
    assert_eq!(chain, Digest::from(expected));
    assert_eq!(SegmentWriter::new().chain(), Digest::ZERO);
}

#[test]
fn a_segment_cut_anywhere_is_refused_or_shorter() {
    let (segments, _) = example();
    let bytes = &segments[0].bytes;
    let whole: Vec<_> = read_one(bytes).expect("whole").iter().map(|entry| entry.to_entry()).collect();
    let mut shorter = 0;
    for end in 0..bytes.len() {
        if let Ok(manifest) = read_one(&bytes[..end]) {
            shorter += 1;
            let held: Vec<_> = manifest.iter().map(|entry| entry.to_entry()).collect();
            assert_eq!(held, whole[..held.len()], "a cut between two records");
        }
    }
    assert_eq!(shorter, 2, "only the two cuts between records can pass, and the hash chain notices those");
}

#[test]
fn a_refused_segment_leaves_no_trace() {
    let (segments, chain) = example();
    let mut reader = SegmentReader::new(ManifestLimits::default());
    let mut manifest = Manifest::new();
    let mut bad = segments[0].bytes.clone();
    bad.extend_from_slice(&[1, 0xff]);
    for _ in 0..2 {
        assert!(reader.push(0, &bad, &mut manifest).is_err());
        assert!(manifest.is_empty() && manifest.totals() == Totals::default());
    }
    reader.push(0, &segments[0].bytes, &mut manifest).expect("the good one");
    let held: Vec<_> = manifest.iter().map(|entry| entry.to_entry()).collect();
    let mut bad = segments[1].bytes.clone();
    bad.extend_from_slice(&segments[1].bytes[2..]);
    assert_eq!(reader.push(1, &bad, &mut manifest), Err(ManifestError::AfterUnknownSize { entry: 4 }));
    assert!(manifest.iter().map(|entry| entry.to_entry()).eq(held));
    assert_eq!(reader.push(1, &segments[1].bytes, &mut manifest), Ok(3..4));
    assert_eq!((reader.chain(), reader.segments()), (chain, 2));
}

#[test]
fn going_back_works_across_pieces() {
    let mut writer = SegmentWriter::new();
    let mut segments = Vec::new();
    for number in 0..30_000 {
        segments.extend(writer.push(&file(None, format!("{number:030}").as_bytes(), 1)));
    }
    segments.extend(writer.flush());
    assert!(segments.len() > 4);
    let mut reader = SegmentReader::new(ManifestLimits::default());
    let mut manifest = Manifest::new();
    for segment in &segments {
        let before = (manifest.len(), manifest.totals());
        let cut = &segment.bytes[..segment.bytes.len() - 1];
        assert!(reader.push(segment.index, cut, &mut manifest).is_err());
        assert_eq!((manifest.len(), manifest.totals()), before);
        reader.push(segment.index, &segment.bytes, &mut manifest).expect("whole");
    }
    assert_eq!(manifest.len(), 30_000);
    for entry in manifest.iter() {
        assert_eq!(entry.name, format!("{:030}", entry.id).as_bytes());
    }
}

#[test]
fn segments_are_full_and_no_longer() {
    let mut writer = SegmentWriter::new();
    let name = [b'n'; 1_000];
    let mut segments = Vec::new();
    for _ in 0..1_000 {
        segments.extend(writer.push(&file(None, &name, 1)));
    }
    segments.extend(writer.flush());
    assert_eq!(writer.flush(), None);
    let (last, full) = segments.split_last().expect("some");
    assert!(full.iter().all(|segment| (SEGMENT_SIZE - 1_100..=SEGMENT_SIZE).contains(&segment.bytes.len())));
    assert!(last.bytes.len() <= SEGMENT_SIZE);
    let indices: Vec<_> = segments.iter().map(|segment| segment.index).collect();
    assert_eq!(indices, (0..u32::try_from(segments.len()).expect("few")).collect::<Vec<_>>());
    assert_eq!(read_all(&segments).expect("our own").0.len(), 1_000);
}

#[test]
fn segments_come_in_order() {
    let (segments, _) = example();
    let mut reader = SegmentReader::new(ManifestLimits::default());
    let mut manifest = Manifest::new();
    let early = reader.push(1, &segments[1].bytes, &mut manifest);
    assert_eq!(early, Err(ManifestError::OutOfOrder { expected: 0, got: 1 }));
    reader.push(0, &segments[0].bytes, &mut manifest).expect("due");
    let twice = reader.push(0, &segments[0].bytes, &mut manifest);
    assert_eq!(twice, Err(ManifestError::OutOfOrder { expected: 1, got: 0 }));
}

#[test]
fn the_reader_applies_its_own_limits() {
    let (segments, _) = example();
    let limits = ManifestLimits { max_entries: 2, ..ManifestLimits::default() };
    let result = SegmentReader::new(limits).push(0, &segments[0].bytes, &mut Manifest::new());
    assert_eq!(result, Err(ManifestError::OverLimit { what: "entries", limit: 2 }));
    let strict = ManifestLimits { max_entries: 0, ..ManifestLimits::default() };
    let mut manifest = Manifest::with_limits(strict);
    let result = SegmentReader::new(ManifestLimits::default()).push(0, &segments[0].bytes, &mut manifest);
    assert_eq!(result, Ok(0..3), "the reader's limits count, not the manifest's");
}

#[test]
fn what_is_new_is_skipped_or_refused_as_incompatible() {
    let header = [&[1, 3, 0xaa, 0xbb, 0xcc][..], &segment_with(BODY)[2..]].concat();
    assert_eq!(read_one(&header).expect("more header is skipped").len(), 1);
    assert_eq!(read_one(&[2, 0, 0]).err(), Some(ManifestError::UnknownVersion { version: 2 }));

    let extended = |more: &[u8]| read_one(&segment_with(&[BODY, more].concat()));
    assert_eq!(extended(&[0, 0, 2, 3, 9, 9, 9]).expect("even keys are skipped").len(), 1);
    let odd = ManifestError::UnknownExtension { entry: 0, key: 3 };
    assert_eq!(odd.fault(), ContentFault::Incompatible);
    assert_eq!(extended(&[2, 0, 3, 0]).err(), Some(odd));
    let order = Some(ManifestError::ExtensionOrder { entry: 0 });
    assert_eq!(extended(&[2, 0, 2, 0]).err(), order);
    assert_eq!(extended(&[4, 0, 2, 0]).err(), order);
    assert_eq!(extended(&[2, 1]).err(), Some(ManifestError::Truncated { what: "extension" }));

    for flags in 0..=u8::MAX {
        let result = read_one(&segment_with(&[&[flags], &BODY[1..]].concat()));
        let error = ManifestError::UnknownKind { entry: 0, flags };
        match flags {
            0b0_0001 | 0b1_0001 => assert!(result.is_ok(), "a file, with and without the hint of holes"),
            0b0_0000 | 0b0_0010 | 0b0_1001 | 0b1_0000 | 0b1_0010 | 0b1_1001 => {
                assert_ne!(result.err(), Some(error), "a known kind with another layout");
            }
            _ => {
                assert_eq!(error.fault(), ContentFault::Incompatible);
                assert_eq!(result.err(), Some(error));
            }
        }
    }
}

#[test]
fn malicious_bytes_are_refused() {
    let long = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let bad_number = |what| Some(ManifestError::BadNumber { what });
    let truncated = |what| Some(ManifestError::Truncated { what });
    assert_eq!(read_one(&[]).err(), truncated("segment header"));
    assert_eq!(read_one(&[1, 200]).err(), truncated("segment header"));
    assert_eq!(read_one(&[1, 0]).err(), Some(ManifestError::EmptySegment));
    assert_eq!(read_one(&[&[1, 0][..], &long].concat()).err(), truncated("entry"));
    assert_eq!(read_one(&[1, 0, 0]).err(), truncated("entry"));
    // A name that claims 2^64 - 1 bytes.
    assert_eq!(read_one(&segment_with(&[&[1, 0][..], &long].concat())).err(), truncated("name"));
    // Numbers that are longer than they need be, or than 64 bits.
    assert_eq!(read_one(&segment_with(&[1, 0x80, 0])).err(), bad_number("parent"));
    let mut too_long = long;
    too_long[9] = 0x02;
    assert_eq!(read_one(&segment_with(&[&[1][..], &too_long].concat())).err(), bad_number("parent"));
    too_long[9] = 0x81;
    assert_eq!(read_one(&segment_with(&[&[1][..], &too_long].concat())).err(), bad_number("parent"));
    // A parent before the first entry, or further away than 32 bits.
    let parent = Some(ManifestError::Parent { entry: 0 });
    assert_eq!(read_one(&segment_with(&[1, 1])).err(), parent);
    assert_eq!(read_one(&segment_with(&[&[1][..], &long].concat())).err(), parent);
    // Mode and nanoseconds beyond their type.
    let mode = [&[1, 0, 1, b'f'][..], &long].concat();
    assert_eq!(read_one(&segment_with(&mode)).err(), Some(ManifestError::Mode { entry: 0 }));
    let nanos = [&[1, 0, 1, b'f', 0, 0][..], &long].concat();
    assert_eq!(read_one(&segment_with(&nanos)).err(), Some(ManifestError::Nanos { entry: 0 }));
    // An identity of 65 bytes.
    let identity = [&[1, 0, 1, b'f', 0, 0, 0, 65][..], &[0; 65], &[9]].concat();
    let error = read_one(&segment_with(&identity)).err();
    assert_eq!(error, Some(ManifestError::IdentityTooLong { len: 65 }));
    // Names the reader must never let through.
    for name in [&b".."[..], b".", b"", b"a/b", b"/etc", b"a\0"] {
        let len = u8::try_from(name.len()).expect("short");
        let body = [&[0, 0, len], name, &[0, 0, 0, 0]].concat();
        assert!(matches!(read_one(&segment_with(&body)), Err(ManifestError::Name { entry: 0, .. })));
    }
    let oversize = [&[1, 0][..], &vec![0; SEGMENT_SIZE]].concat();
    assert_eq!(read_one(&oversize).map_err(|error| error.fault()).err(), Some(ContentFault::OverLimit));
}

#[test]
fn unvalidated_entries_never_panic_the_writer() {
    let mut writer = SegmentWriter::new();
    writer.push(&file(Some(7), b"parent comes later", 1));
    assert!(read_one(&writer.flush().expect("one").bytes).is_err());
    let huge = symlink(None, b"l", &vec![b't'; 2 * SEGMENT_SIZE]);
    writer.push(&huge);
    let segment = writer.push(&huge).expect("the first is more than full");
    assert!(read_one(&segment.bytes).is_err());
}

#[test]
fn fuzz_inputs() {
    let (segments, _) = example();
    for segment in &segments {
        fuzz::fuzz_segment(&segment.bytes);
        for bit in 0..segment.bytes.len() * 8 {
            let mut bytes = segment.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fuzz::fuzz_segment(&bytes);
        }
    }
    fuzz::fuzz_segment(&[]);
    fuzz::fuzz_segment(&[1, 0, 0]);
    fuzz::fuzz_segment(&segment_with(&[BODY, &[0, 0]].concat()));
    fuzz::fuzz_segment(&noise(1_000));
}

fn arbitrary_entry() -> impl Strategy<Value = (Entry, prop::sample::Index)> {
    let kind = prop_oneof![
        3 => Just(EntryKind::Directory),
        5 => any::<u32>().prop_map(|size| EntryKind::File { size: Some(size.into()) }),
        1 => (0..u64::MAX / 1_000).prop_map(|size| EntryKind::File { size: Some(size) }),
        1 => prop::collection::vec(1..=u8::MAX, 1..40).prop_map(|target| EntryKind::Symlink { target }),
    ];
    let name =
        prop::collection::vec(any::<u8>(), 1..20).prop_filter("a name", |name| name_fault(name).is_none());
    let source = prop::collection::vec(any::<u8>(), 0..=64);
    let fields = (
        any::<prop::sample::Index>(),
        name,
        kind,
        0..=0o7777_u16,
        any::<i64>(),
        0..1_000_000_000_u32,
        source,
    );
    fields.prop_map(|(parent, name, kind, mode, seconds, nanos, source)| {
        let source = SourceIdentity::new(&source).expect("at most 64 bytes");
        let modified = Timestamp { seconds, nanos };
        (Entry { parent: None, name, kind, mode, modified, source }, parent)
    })
}

proptest! {
    #[test]
    fn round_trip(
        drafts in prop::collection::vec(arbitrary_entry(), 1..200),
        flush_every in 1..50_usize,
        streamed: bool,
    ) {
        let mut manifest = Manifest::new();
        let mut directories = Vec::new();
        let mut writer = SegmentWriter::new();
        let mut segments = Vec::new();
        for (number, (mut entry, parent)) in drafts.into_iter().enumerate() {
            let choice = parent.index(directories.len() + 1);
            entry.parent = directories.get(choice).copied();
            let id = manifest.push(&entry).expect("a good entry");
            if entry.kind == EntryKind::Directory {
                directories.push(id);
            }
            segments.extend(writer.push(&entry));
            if number % flush_every == 0 {
                segments.extend(writer.flush());
            }
        }
        if streamed {
            manifest.push(&stream(b"-")).expect("the last");
            segments.extend(writer.push(&stream(b"-")));
        }
        segments.extend(writer.flush());
        let (again, chain) = read_all(&segments).expect("our own bytes");
        prop_assert!(manifest.iter().eq(again.iter()));
        prop_assert_eq!(manifest.totals(), again.totals());
        prop_assert_eq!(chain, writer.chain());
        for id in 0..manifest.len() {
            prop_assert_eq!(manifest.path(id), again.path(id));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::fuzz_segment(&bytes);
        fuzz::fuzz_segment(&[&[1, 0][..], &bytes].concat());
    }
}
