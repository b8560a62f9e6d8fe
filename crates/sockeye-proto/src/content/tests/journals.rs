//! The journal: golden bytes, damage in every place, and what the records amount to.

use super::*;
use proptest::prelude::*;

const KEY: [u8; 32] = [7; 32];

fn digest(byte: u8) -> Digest {
    Digest::from([byte; 32])
}

fn identity(bytes: &[u8]) -> SourceIdentity {
    SourceIdentity::new(bytes).expect("short")
}

fn entry_record(id: u32, path: &[u8], size: Option<u64>) -> JournalRecord {
    JournalRecord::Entry { id, path: path.to_vec(), source: identity(&[1, 2]), size, doubtful: true }
}

fn blocks_record(id: u32, first: u64, digests: &[u8]) -> JournalRecord {
    JournalRecord::Blocks { id, first, digests: digests.iter().copied().map(digest).collect() }
}

fn committed(path: &[u8]) -> JournalRecord {
    JournalRecord::Committed {
        path: path.to_vec(),
        source: identity(&[3]),
        size: 5,
        digest: Some(digest(0x22)),
        target: vec![0xaa, 0xbb],
        doubtful: false,
    }
}

fn forgotten(path: &[u8]) -> JournalRecord {
    JournalRecord::Forgotten { path: path.to_vec() }
}

fn example() -> Vec<JournalRecord> {
    vec![
        entry_record(0, b"a", Some(262_145)),
        blocks_record(0, 0, &[0x11]),
        committed(b"b/c"),
        forgotten(b"a"),
    ]
}

fn written(records: &[JournalRecord]) -> Vec<u8> {
    let mut bytes = JournalWriter::header(KEY);
    let mut writer = JournalWriter::new(KEY);
    for record in records {
        writer.append(record, &mut bytes).expect("within the limits");
    }
    bytes
}

fn read(bytes: &[u8]) -> Result<Replay, JournalError> {
    JournalReader::new(KEY).read(bytes)
}

fn state_of(records: &[JournalRecord]) -> JournalState {
    let mut state = JournalState::new();
    for record in records {
        state.apply(record.clone());
    }
    state
}

/// Adds a record of any type and body with the right checksum.
fn append_raw(bytes: &mut Vec<u8>, kind: u8, body: &[u8]) {
    let chain = bytes[bytes.len() - 16..].to_vec();
    let len = u32::try_from(body.len()).expect("short").to_be_bytes();
    let sum = blake3::hash(&[&chain[..], &len, &[kind], body].concat());
    bytes.extend_from_slice(&len);
    bytes.push(kind);
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&sum.as_bytes()[..16]);
}

#[test]
fn golden() {
    let bytes = written(&example());
    assert_eq!(hex(&bytes), hex(&golden_bytes(JOURNAL_PAGE, "journal")), "specs/02-journal.md §8");
    let replay = read(&bytes).expect("our own bytes");
    assert_eq!(replay.records, example());
    assert_eq!(replay.valid_len, bytes.len() as u64);
    assert_eq!(JournalHeader::LEN, 60);
    assert_eq!(JournalHeader::decode(&bytes), Ok(JournalHeader { version: 1, min_reader: 1, key: KEY }));
}

#[test]
fn a_journal_cut_anywhere_goes_on_where_it_stopped() {
    let whole = written(&example());
    for end in 0..whole.len() {
        let Ok(replay) = read(&whole[..end]) else {
            assert!(end < JournalHeader::LEN);
            continue;
        };
        assert_eq!(replay.records, example()[..replay.records.len()]);
        let valid = usize::try_from(replay.valid_len).expect("small");
        assert!(valid <= end);
        let mut bytes = whole[..valid].to_vec();
        let mut writer = replay.writer;
        for record in &example()[replay.records.len()..] {
            writer.append(record, &mut bytes).expect("within the limits");
        }
        assert_eq!(bytes, whole, "going on gives the journal that was never cut");
    }
}

#[test]
fn a_flipped_bit_never_yields_a_wrong_record() {
    let whole = written(&example());
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fuzz::fuzz_journal(&bytes);
        match read(&bytes) {
            Err(error) => {
                assert_eq!(error, JournalError::NotAJournal);
                assert!(bit / 8 < JournalHeader::LEN);
            }
            Ok(replay) => {
                assert_eq!(replay.records, example()[..replay.records.len()]);
                assert!(replay.records.len() < example().len());
                assert!(replay.valid_len <= bit as u64 / 8);
            }
        }
    }
}

#[test]
fn records_count_only_in_their_own_place() {
    let whole = written(&example());
    let first = written(&example()[..1]).len();
    let second = written(&example()[..2]).len();
    // The second record is missing: the third does not follow from the first.
    let skipped = [&whole[..first], &whole[second..]].concat();
    assert_eq!(read(&skipped).expect("a journal").valid_len, first as u64);
    // The second record twice.
    let twice = [&whole[..second], &whole[first..]].concat();
    assert_eq!(read(&twice).expect("a journal").valid_len, second as u64);
    // Records of another transfer's journal.
    let mut other = JournalWriter::new([8; 32]);
    let mut foreign = JournalWriter::header(KEY);
    other.append(&example()[0], &mut foreign).expect("within the limits");
    assert!(read(&foreign).expect("a journal").records.is_empty());
}

#[test]
fn other_files_are_told_apart() {
    let bytes = written(&example());
    assert_eq!(read(&[]).err(), Some(JournalError::NotAJournal));
    assert_eq!(read(&noise(500)).err(), Some(JournalError::NotAJournal));
    assert_eq!(JournalReader::new([8; 32]).read(&bytes).err(), Some(JournalError::OtherKey));
    let newer = JournalHeader { version: 9, min_reader: 2, key: KEY }.encode();
    assert_eq!(read(&newer).err(), Some(JournalError::NewerFormat));
    let newer = JournalHeader { version: 9, min_reader: 1, key: KEY }.encode();
    let replay = read(&newer).expect("a newer program's journal that we may read");
    let mut bytes = newer.clone();
    replay.writer.clone().append(&example()[0], &mut bytes).expect("within the limits");
    assert_eq!(read(&bytes).expect("a journal").records, example()[..1]);
}

#[test]
fn types_and_keys_of_the_future() {
    let mut bytes = written(&example()[..1]);
    append_raw(&mut bytes, 0x05, b"anything");
    // A Forgotten with a further key 9, holding nested arrays and a text.
    append_raw(&mut bytes, 0x84, &[0xa2, 0x00, 0x41, b'p', 0x09, 0x82, 0x80, 0x61, b'x']);
    let replay = read(&bytes).expect("a journal");
    assert_eq!(replay.records, [example()[0].clone(), forgotten(b"p")]);
    assert_eq!(replay.valid_len, bytes.len() as u64);
    append_raw(&mut bytes, 0x85, b"");
    assert_eq!(read(&bytes).err(), Some(JournalError::NewerFormat));
}

#[test]
fn records_that_make_no_sense_end_the_journal() {
    let long_path = [&[0xa1, 0x00, 0x5a, 0, 1, 0, 1][..], &vec![b'p'; 65_537]].concat();
    let bodies: [(u8, &[u8]); 9] = [
        (0x84, b""),
        (0x84, &[0xa0]),
        (0x84, &[0xa1, 0x00, 0x40]),       // an empty path
        (0x84, &[0xa1, 0x00, 0x61, b'p']), // a text where bytes are due
        (0x84, &[0xa1, 0x00, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), // 2^64 - 1 bytes
        (0x84, &long_path),
        (0x84, &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), // a map of 2^64 - 1 pairs
        (0x82, &[0xa3, 0x00, 0x00, 0x01, 0x00, 0x02, 0x41, 0x00]),       // a digest of one byte
        (0x81, &[0xa1, 0x00, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),             // a number of 33 bits
    ];
    for (kind, body) in bodies {
        let mut bytes = written(&example()[..1]);
        let valid = bytes.len() as u64;
        append_raw(&mut bytes, kind, body);
        append_raw(&mut bytes, 0x84, &[0xa1, 0x00, 0x41, b'p']);
        let replay = read(&bytes).expect("a journal");
        assert_eq!(
            (replay.records.len(), replay.valid_len),
            (1, valid),
            "{}",
            hex(&body[..body.len().min(20)])
        );
        fuzz::fuzz_journal(&bytes);
    }
    let mut bytes = written(&[]);
    bytes.extend_from_slice(&[0xff; 100]);
    assert_eq!(read(&bytes).expect("a journal").valid_len, 60, "a length beyond the limit");
    let mut bytes = written(&[]);
    append_raw(&mut bytes, 0x01, &vec![0; MAX_RECORD + 1]);
    assert_eq!(read(&bytes).expect("a journal").valid_len, 60, "a checksum does not excuse the length");
}

#[test]
fn the_writer_keeps_to_the_limits() {
    let longest = forgotten(&vec![b'p'; 65_536]);
    let most = JournalRecord::Blocks { id: 0, first: 3, digests: vec![digest(1); MAX_RECORD_DIGESTS] };
    assert_eq!(read(&written(&[longest.clone(), most.clone()])).expect("a journal").records, [longest, most]);

    let too_many = vec![digest(1); MAX_RECORD_DIGESTS + 1];
    let JournalRecord::Committed { path, source, size, digest, doubtful, .. } = committed(b"x") else {
        unreachable!("a committed record")
    };
    let bad = [
        forgotten(b""),
        forgotten(&vec![b'p'; 65_537]),
        entry_record(0, b"", None),
        JournalRecord::Blocks { id: 0, first: 0, digests: too_many },
        blocks_record(0, u64::MAX, &[1]),
        JournalRecord::Committed { path, source, size, digest, target: vec![0; 65], doubtful },
    ];
    let mut writer = JournalWriter::new(KEY);
    let mut bytes = JournalWriter::header(KEY);
    for record in bad {
        let result = writer.append(&record, &mut bytes);
        assert!(matches!(result, Err(JournalError::OverLimit { .. })), "{record:?}");
    }
    writer.append(&example()[0], &mut bytes).expect("the writer is as before");
    assert_eq!(bytes, written(&example()[..1]));
}

#[test]
fn blocks_add_up() {
    let mut state = state_of(&[
        entry_record(4, b"a", Some(5 * BLOCK_SIZE)),
        blocks_record(4, 3, &[3]),
        blocks_record(4, 0, &[0, 1]),
        blocks_record(4, 1, &[9]),
        blocks_record(4, 4, &[4, 5, 6]),
        blocks_record(5, 2, &[2]),
    ]);
    assert_eq!(state.next_id(), 5);
    let file = state.lookup(b"a").expect("known");
    assert_eq!(file.ranges(), [0..2, 3..5], "nothing beyond the end, nothing of another number");
    assert!(file.doubtful());
    assert_eq!(file.source(), &identity(&[1, 2]));
    let FileState::Partial { blocks, .. } = file else { unreachable!("a partial file") };
    assert_eq!(blocks.get(&1), Some(&digest(9)), "the later digest wins");
    state.apply(blocks_record(4, 2, &[2]));
    assert_eq!(state.lookup(b"a").expect("known").ranges(), vec![0..5; 1]);
}

#[test]
fn later_records_replace_earlier_ones() {
    let mut state = state_of(&[entry_record(0, b"a", None), blocks_record(0, 0, &[1]), committed(b"a")]);
    assert!(matches!(state.lookup(b"a"), Some(FileState::Committed { size: 5, .. })));
    assert!(state.lookup(b"a").expect("known").ranges().is_empty());
    state.apply(blocks_record(0, 1, &[2]));
    assert!(matches!(state.lookup(b"a"), Some(FileState::Committed { .. })), "its number is free");

    state.apply(entry_record(1, b"a", None));
    state.apply(blocks_record(1, 0, &[1]));
    state.apply(entry_record(2, b"a", None));
    assert!(state.lookup(b"a").expect("known").ranges().is_empty(), "begun anew");
    state.apply(blocks_record(1, 0, &[1]));
    assert!(state.lookup(b"a").expect("known").ranges().is_empty(), "the old number is free");

    state.apply(entry_record(2, b"b", None));
    assert_eq!(state.lookup(b"a"), None, "its number went to another path");
    assert_eq!(state.len(), 1);
    state.apply(forgotten(b"b"));
    state.apply(forgotten(b"never heard of"));
    assert!(state.is_empty());
    assert_eq!(state.next_id(), 3, "numbers are not used again");
}

#[test]
fn a_large_block_number_costs_nothing() {
    let state = state_of(&[entry_record(0, b"a", None), blocks_record(0, u64::MAX - 2, &[1, 2])]);
    assert_eq!(state.lookup(b"a").expect("known").ranges(), vec![u64::MAX - 2..u64::MAX; 1]);
}

#[test]
fn a_rewritten_journal_says_the_same() {
    let many: Vec<u8> = (0..=255).collect();
    let mut records = vec![entry_record(0, b"long", None), committed(b"b/c"), entry_record(7, b"a", Some(1))];
    for first in 0..70 {
        records.push(blocks_record(0, first * 256, &many));
    }
    records.push(blocks_record(0, 1 << 40, &[1]));
    let state = state_of(&records);
    let rewritten: Vec<JournalRecord> = state.records().collect();
    assert_eq!(rewritten.len(), 6, "two entries, one commit, 17,920 blocks in two records, one apart");
    let replay = read(&written(&rewritten)).expect("a journal");
    assert_eq!(state_of(&replay.records), state);
}

#[test]
fn fuzz_inputs() {
    fuzz::fuzz_journal(&[]);
    fuzz::fuzz_journal(&written(&[]));
    fuzz::fuzz_journal(&written(&example()));
    fuzz::fuzz_journal(&noise(1_000));
}

fn arbitrary_record() -> impl Strategy<Value = JournalRecord> {
    let path = || prop::collection::vec(b'a'..=b'c', 1..3);
    let source = || prop::collection::vec(any::<u8>(), 0..=64).prop_map(|bytes| identity(&bytes));
    let size = prop::option::of(0..20 * BLOCK_SIZE);
    prop_oneof![
        (0..4_u32, path(), source(), size, any::<bool>()).prop_map(|(id, path, source, size, doubtful)| {
            JournalRecord::Entry { id, path, source, size, doubtful }
        }),
        (0..4_u32, 0..30_u64, prop::collection::vec(any::<u8>(), 0..9))
            .prop_map(|(id, first, digests)| blocks_record(id, first, &digests)),
        (
            path(),
            source(),
            any::<u64>(),
            prop::option::of(any::<u8>()),
            prop::collection::vec(any::<u8>(), 0..=64)
        )
            .prop_map(|(path, source, size, byte, target)| JournalRecord::Committed {
                path,
                source,
                size,
                digest: byte.map(digest),
                target,
                doubtful: size % 2 == 0,
            }),
        path().prop_map(|path| JournalRecord::Forgotten { path }),
    ]
}

proptest! {
    #[test]
    fn round_trip(records in prop::collection::vec(arbitrary_record(), 0..40)) {
        let bytes = written(&records);
        let replay = read(&bytes).expect("our own bytes");
        prop_assert_eq!(replay.valid_len, bytes.len() as u64);
        prop_assert_eq!(&replay.records, &records);
        fuzz::fuzz_journal(&bytes);
    }

    #[test]
    fn a_damaged_journal_is_a_shorter_one(
        records in prop::collection::vec(arbitrary_record(), 1..20),
        at: prop::sample::Index,
        flip in 1..=u8::MAX,
        cut: prop::sample::Index,
    ) {
        let mut bytes = written(&records);
        let at = at.index(bytes.len() - JournalHeader::LEN) + JournalHeader::LEN;
        bytes[at] ^= flip;
        bytes.truncate(bytes.len() - cut.index(bytes.len() - at));
        let replay = read(&bytes).expect("the header is whole");
        prop_assert!(replay.records.len() < records.len());
        prop_assert_eq!(&replay.records, &records[..replay.records.len()]);
    }
}
