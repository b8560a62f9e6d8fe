use super::super::StreamOutput;
use super::*;

fn plan_all(source: &Source, out: &mut StreamOutput<&mut Vec<u8>>) -> Vec<Plan> {
    source.manifest.iter().map(|entry| out.plan(entry)).collect()
}

#[test]
fn one_file_comes_out_in_order() {
    for len in [0, 5, BLOCK, 3 * BLOCK + 17] {
        let mut source = Source::new();
        let id = source.file(None, "f", &content(9, len));
        let mut bytes = Vec::new();
        let mut out = StreamOutput::new(&mut bytes);
        plan_all(&source, &mut out);
        for block in (0..(len as u64).div_ceil(BLOCK_SIZE)).rev() {
            out.write_range(source.entry(id), block, source.block(id, block).0, false).expect("taken");
        }
        let report = out.finish().expect("flushed");
        assert_eq!(bytes, source.contents[0]);
        assert_eq!((report.files, report.failed), (1, 0));
        assert_eq!(report.digest, Some(blake3::hash(&bytes).into()));
    }
}

#[test]
fn a_stream_ends_when_it_says_so() {
    for len in [0, 5, BLOCK, BLOCK + 1] {
        let mut source = Source::new();
        let id = source.push(None, b"stdin", EntryKind::File { size: None }, 0o644, &content(4, len));
        let mut bytes = Vec::new();
        let mut out = StreamOutput::new(&mut bytes);
        plan_all(&source, &mut out);
        let blocks = (len as u64).div_ceil(BLOCK_SIZE).max(1);
        for block in 0..blocks {
            out.write_range(source.entry(id), block, source.block(id, block).0, block + 1 == blocks)
                .expect("taken");
        }
        let report = out.finish().expect("flushed");
        assert_eq!((bytes.len(), report.files), (len, 1));
    }
}

#[test]
fn more_than_one_entry_is_refused() {
    let mut source = Source::new();
    source.dir(None, "d");
    source.file(None, "f", b"x");
    let mut bytes = Vec::new();
    let mut out = StreamOutput::new(&mut bytes);
    assert!(plan_all(&source, &mut out).iter().all(|plan| matches!(plan, Plan::Refused(_))));
    assert_eq!(out.finish().expect("flushed").failed, 2);
    assert!(bytes.is_empty());
}

#[test]
fn what_is_missing_is_told() {
    let mut source = Source::new();
    let id = source.file(None, "f", &content(9, 3 * BLOCK));
    let mut bytes = Vec::new();
    let mut out = StreamOutput::new(&mut bytes);
    plan_all(&source, &mut out);
    out.write_range(source.entry(id), 0, source.block(id, 0).0, false).expect("taken");
    assert!(out.write_range(source.entry(id), 0, source.block(id, 0).0, false).is_err(), "twice");
    out.write_range(source.entry(id), 2, source.block(id, 2).0, false).expect("taken");
    let report = out.finish().expect("flushed");
    assert_eq!((report.files, report.failed, report.digest), (0, 1, None));
    assert_eq!(bytes.len(), BLOCK);
}
