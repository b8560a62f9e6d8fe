use std::ops::Range;

use super::super::resume::{part_name, staging_name};
use super::*;
use crate::storage::memory::MemoryVolume;

/// A single run of blocks.
fn missing(run: Range<u64>) -> Plan {
    Plan::Missing(Vec::from([run]))
}

fn staging() -> String {
    String::from_utf8(staging_name(&KEY)).expect("plain")
}

fn open(volume: &MemoryVolume) -> Destination<MemoryVolume> {
    let mut destination = Destination::open(volume.clone(), KEY, options(Existing::Refuse)).expect("opens");
    destination.accept().expect("accepted");
    destination
}

/// Receives the first blocks of a file, commits and stops.
fn interrupted(volume: &MemoryVolume, source: &Source, id: EntryId, blocks: u64) {
    let mut destination = open(volume);
    source.doubtful.iter().for_each(|id| destination.note_doubtful(*id));
    for entry in source.manifest.iter() {
        destination.plan(entry).expect("plans");
    }
    for block in 0..blocks {
        perform(&mut destination, source, &Task::Block(id, block)).expect("written");
    }
    destination.abandon().expect("left");
}

fn large(version: u64) -> (Source, EntryId) {
    let mut source = Source::new();
    let mut bytes = content(5, 5 * BLOCK + 100);
    // Only the third block differs between versions.
    bytes[2 * BLOCK..2 * BLOCK + 8].copy_from_slice(&version.to_be_bytes());
    let id = source.file(None, "large", &bytes);
    (source, id)
}

#[test]
fn the_same_source_goes_on_where_it_was() {
    let volume = MemoryVolume::new();
    let (source, id) = large(0);
    interrupted(&volume, &source, id, 3);
    let mut destination = Destination::open(volume.clone(), KEY, options(Existing::Refuse)).expect("opens");
    let here = destination.preview(source.entry(id)).expect("looks");
    assert_eq!(here, Preview::Here { bytes: 3 * BLOCK_SIZE });
    destination.accept().expect("accepted");
    assert_eq!(destination.plan(source.entry(id)).expect("plans"), missing(3..6));
    for block in 3..6 {
        perform(&mut destination, &source, &Task::Block(id, block)).expect("written");
    }
    let report = destination.finish().expect("finishes");
    assert_eq!((report.files, report.bytes_here), (1, 3 * BLOCK_SIZE));
    assert_eq!(report.digest, Some(blake3::hash(&source.contents[0]).into()));
    assert_eq!(volume.paths(), ["large"]);
    assert!(volume.read("large").as_ref() == Some(&source.contents[0]));
}

#[test]
fn a_changed_source_is_compared_and_only_what_differs_travels() {
    let volume = MemoryVolume::new();
    let (before, id) = large(0);
    interrupted(&volume, &before, id, 5);
    let (after, id) = large(1);
    let mut destination = open(&volume);
    let plan = destination.plan(after.entry(id)).expect("plans");
    let Plan::Check { held, missing } = &plan else { panic!("{plan:?}") };
    assert_eq!((held.len(), held[0].first, held[0].digests.len()), (1, 0, 5));
    assert_eq!(missing, &[Range { start: 5, end: 6 }]);
    let unheld = destination.keep_range(after.entry(id), 5, after.block(id, 5).1);
    assert!(unheld.is_err(), "nobody asked about a block that is not here");
    let todo = tasks(&mut destination, &after, id, plan).expect("plans");
    let sent = todo.iter().filter(|task| matches!(task, Task::Block(..))).count();
    assert_eq!(sent, 2, "the block that was missing and the one that differs");
    for task in &todo {
        perform(&mut destination, &after, task).expect("written");
    }
    destination.finish().expect("finishes");
    assert!(volume.read("large").as_ref() == Some(&after.contents[0]));
}

#[test]
fn a_doubtful_source_is_compared_although_it_looks_the_same() {
    let volume = MemoryVolume::new();
    let (mut source, id) = large(0);
    source.doubtful.push(id);
    interrupted(&volume, &source, id, 3);
    let mut destination = open(&volume);
    assert!(matches!(destination.plan(source.entry(id)), Ok(Plan::Check { .. })));
}

#[test]
fn what_an_earlier_run_completed_is_done() {
    let volume = MemoryVolume::new();
    let mut source = Source::new();
    source.file(None, "one", b"one");
    source.file(None, "two", b"two");
    source.file(None, "three", b"three");
    let mut destination = open(&volume);
    for entry in source.manifest.iter() {
        destination.plan(entry).expect("plans");
    }
    perform(&mut destination, &source, &Task::Pack(0)).expect("written");
    perform(&mut destination, &source, &Task::Pack(1)).expect("written");
    destination.abandon().expect("left");
    // Somebody touches one of them meanwhile.
    volume.put("two", b"2wo");
    let mut destination = open(&volume);
    assert_eq!(destination.plan(source.entry(0)).expect("plans"), Plan::Done { earlier: true });
    assert!(matches!(destination.plan(source.entry(1)), Ok(Plan::Compare { size: 3, .. })));
    assert_eq!(destination.plan(source.entry(2)).expect("plans"), Plan::All);
    assert!(matches!(destination.resolve_compare(source.entry(1), false), Ok(Plan::Refused(_))));
    perform(&mut destination, &source, &Task::Pack(2)).expect("written");
    let report = destination.finish().expect("finishes");
    assert_eq!((report.files, report.bytes_here, report.failed), (2, 3, 1));
    assert_eq!(volume.paths(), ["one", "three", "two"]);
}

#[test]
fn a_file_of_an_earlier_run_is_brought_up_to_date() {
    // The source changed after its file had been completed here: under any policy it may be replaced, because this
    // transfer put it there.
    let volume = MemoryVolume::new();
    let mut source = Source::new();
    source.file(None, "f", b"before");
    source.file(None, "other", b"other");
    let mut destination = open(&volume);
    destination.plan(source.entry(0)).expect("plans");
    perform(&mut destination, &source, &Task::Pack(0)).expect("written");
    destination.abandon().expect("left");
    let mut source = Source::new();
    source.file(None, "f", b"after!");
    source.file(None, "other", b"other");
    let report = receive(&volume, &source, Existing::Refuse);
    assert_eq!(report.failed, 0, "{:?}", report.failures);
    assert_eq!(volume.read("f").as_deref(), Some(b"after!".as_slice()));
}

#[test]
fn renamed_files_are_found_again() {
    let volume = MemoryVolume::new();
    volume.put("f", b"theirs");
    let mut source = Source::new();
    source.file(None, "f", b"ours..");
    source.file(None, "g", b"g");
    let mut destination = Destination::open(volume.clone(), KEY, options(Existing::Rename)).expect("opens");
    destination.accept().expect("accepted");
    let plan = destination.plan(source.entry(0)).expect("plans");
    let todo = tasks(&mut destination, &source, 0, plan).expect("plans");
    for task in &todo {
        perform(&mut destination, &source, task).expect("written");
    }
    destination.abandon().expect("left");
    let report = receive(&volume, &source, Existing::Rename);
    assert_eq!(volume.paths(), ["f", "f (2)", "g"]);
    assert_eq!(report.renamed, [(0, b"f (2)".to_vec())]);
}

#[test]
fn a_damaged_journal_costs_work_and_nothing_else() {
    for damage in 0..200 {
        let volume = MemoryVolume::new();
        let (source, id) = large(0);
        interrupted(&volume, &source, id, 4);
        let path = format!("{}/journal", staging());
        let mut journal = volume.read(&path).expect("there");
        let mut random = Random(damage);
        let at = usize::try_from(random.below(journal.len() as u64)).expect("small");
        if random.coin() {
            journal.truncate(at);
        } else {
            journal[at] ^= 1 << random.below(8);
        }
        volume.put(&path, &journal);
        let opened = Destination::open(volume.clone(), KEY, options(Existing::Refuse));
        let mut destination = opened.unwrap_or_else(|error| panic!("damage {damage}: {error}"));
        drive(&mut destination, &source, None).expect("stores");
        destination.finish().expect("finishes");
        assert!(volume.read("large").as_ref() == Some(&source.contents[0]), "damage {damage}");
    }
}

#[test]
fn a_journal_of_another_transfer_is_not_believed() {
    let volume = MemoryVolume::new();
    let (source, id) = large(0);
    interrupted(&volume, &source, id, 4);
    let mut other = KEY;
    other[31] ^= 1;
    let opened = Destination::open(volume, other, options(Existing::Refuse));
    assert!(matches!(opened, Err(StorageError::Journal { .. })), "same directory name, other key");
}

#[test]
fn a_part_file_that_is_gone_or_short_is_fetched_again() {
    for content in [None, Some(&b"short"[..])] {
        let volume = MemoryVolume::new();
        let (source, id) = large(0);
        interrupted(&volume, &source, id, 4);
        let path = format!("{}/{}", staging(), String::from_utf8(part_name(0)).expect("plain"));
        assert!(volume.read(&path).is_some());
        volume.put(&path, content.unwrap_or(b""));
        let mut destination = open(&volume);
        assert_eq!(destination.plan(source.entry(id)).expect("plans"), Plan::All);
        destination.abandon().expect("left");
    }
}

#[test]
fn two_processes_do_not_share_a_transfer() {
    let volume = MemoryVolume::new();
    let (source, id) = large(0);
    let mut first = open(&volume);
    first.plan(source.entry(id)).expect("plans");
    let second = Destination::open(volume.clone(), KEY, options(Existing::Refuse));
    assert!(matches!(second, Err(StorageError::Busy)));
    first.abandon().expect("left");
    assert_eq!(volume.paths(), <[String; 0]>::default(), "nothing came, nothing stays");
    drop(open(&volume));
    // On the real disk too, with a thread that commits.
    let (dir, volume) = disk();
    let mut first = Destination::open(volume.clone(), KEY, DestinationOptions::default()).expect("opens");
    first.accept().expect("accepted");
    let second = Destination::open(volume.clone(), KEY, DestinationOptions::default());
    assert!(matches!(second, Err(StorageError::Busy)));
    drop(first);
    let third = Destination::open(volume, KEY, DestinationOptions::default());
    assert!(third.is_ok());
    drop(dir);
}

#[test]
fn a_complete_part_file_needs_no_bytes() {
    let volume = MemoryVolume::new();
    let (source, id) = large(0);
    interrupted(&volume, &source, id, 5);
    // The last block is written and journalled, but the file is not given its name: as after a crash in between.
    let mut destination = open(&volume);
    destination.plan(source.entry(id)).expect("plans");
    volume.set_fault(Some((3, rustix::io::Errno::IO)));
    perform(&mut destination, &source, &Task::Block(id, 5)).expect("written");
    drop(destination.finish());
    volume.kill();
    let report = receive(&volume, &source, Existing::Refuse);
    assert_eq!(report.failed, 0);
    assert!(volume.read("large").as_ref() == Some(&source.contents[0]));
}

#[test]
fn a_shrunken_source() {
    let volume = MemoryVolume::new();
    let (source, id) = large(0);
    interrupted(&volume, &source, id, 5);
    let mut smaller = Source::new();
    smaller.file(None, "large", &source.contents[0][..2 * BLOCK + 50]);
    let report = receive(&volume, &smaller, Existing::Refuse);
    assert_eq!(report.failed, 0);
    assert!(volume.read("large").as_ref() == Some(&smaller.contents[0]));
}
