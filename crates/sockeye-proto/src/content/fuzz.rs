//! What the fuzz targets run, and the unit tests over a handful of inputs: any bytes may come in, and whatever
//! is accepted must survive being written and read again.

use super::{
    BlockMap, JournalReader, JournalState, JournalWriter, Manifest, ManifestLimits, SegmentReader,
    SegmentWriter,
};

/// Reads the bytes as the first segment of a manifest; if they are one, writes the entries, reads them again
/// and divides them into blocks.
pub fn fuzz_segment(data: &[u8]) {
    let limits = ManifestLimits::default();
    let mut manifest = Manifest::new();
    let Ok(range) = SegmentReader::new(limits).push(0, data, &mut manifest) else {
        assert!(manifest.is_empty(), "a refused segment leaves no trace");
        return;
    };
    assert_eq!(range, 0..manifest.len());

    let mut writer = SegmentWriter::new();
    let mut reader = SegmentReader::new(limits);
    let mut again = Manifest::new();
    let mut blocks = BlockMap::new();
    for entry in manifest.iter() {
        blocks.push(entry);
        let full = writer.push_ref(&entry);
        assert!(full.is_none(), "the shortest form of a segment's entries fits a segment");
    }
    if let Some(segment) = writer.flush() {
        assert!(segment.bytes.len() <= data.len());
        assert!(reader.push(0, &segment.bytes, &mut again).is_ok());
    }
    assert!(manifest.iter().eq(again.iter()));
    assert_eq!(reader.chain(), writer.chain());

    blocks.finish();
    for entry in manifest.iter() {
        let range = blocks.blocks_of(entry.id);
        assert!(range.end <= blocks.closed());
        assert!(range.clone().next().is_none_or(|first| blocks.shape(first).is_some()));
        assert!(range.last().is_none_or(|last| blocks.shape(last).is_some()));
    }
}

/// Reads the bytes as a journal whose key they name; if they are one, what it says must survive being
/// rewritten, and what is appended must be read back.
pub fn fuzz_journal(data: &[u8]) {
    let Ok(header) = super::JournalHeader::decode(data) else { return };
    let Ok(replay) = JournalReader::new(header.key).read(data) else { return };
    assert!(replay.valid_len <= data.len() as u64);
    let mut state = JournalState::new();
    for record in replay.records {
        state.apply(record);
    }

    let mut bytes = JournalWriter::header(header.key);
    let mut writer = JournalWriter::new(header.key);
    for record in state.records() {
        assert!(writer.append(&record, &mut bytes).is_ok());
    }
    let mut again = JournalState::new();
    let reread = JournalReader::new(header.key).read_each(&bytes, |record| again.apply(record));
    assert!(reread.is_ok_and(|reread| reread.valid_len == bytes.len() as u64));
    assert!(state.iter().eq(again.iter()));
}
