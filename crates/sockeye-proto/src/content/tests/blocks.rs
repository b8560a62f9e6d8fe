//! How a manifest is divided into blocks: the page's example, edges, and a slow second opinion.

use super::*;
use core::ops::Range;
use proptest::prelude::*;

fn map_of(entries: &[Entry]) -> BlockMap {
    let mut map = BlockMap::new();
    manifest_of(entries).iter().for_each(|entry| map.push(entry));
    map.finish();
    map
}

fn files(sizes: &[u64]) -> Vec<Entry> {
    sizes.iter().map(|size| file(None, b"f", *size)).collect()
}

#[test]
fn golden() {
    let lines = golden_lines(CONTENT_PAGE, "blocks");
    let rows: Vec<(&str, Vec<&str>)> = lines
        .iter()
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().expect("a kind or size"), words.collect())
        })
        .collect();
    let entries: Vec<Entry> = rows
        .iter()
        .map(|(kind, _)| match *kind {
            "directory" => directory(None, b"d"),
            "link" => symlink(None, b"l", b"d"),
            "unknown" => stream(b"in"),
            size => file(None, b"f", size.parse().expect("a size")),
        })
        .collect();
    let map = map_of(&entries);
    for (id, (_, blocks)) in (0..).zip(&rows) {
        match blocks.as_slice() {
            ["-"] => assert!(map.blocks_of(id).is_empty(), "entry {id}"),
            [open] if open.ends_with("..") => {
                let first = open.trim_end_matches("..").parse().expect("a block");
                assert_eq!(map.stream(), Some((id, first)));
                assert_eq!((map.blocks_of(id), map.closed()), (first..first, first));
            }
            blocks => {
                let blocks: Vec<u64> = blocks.iter().map(|block| block.parse().expect("a block")).collect();
                assert_eq!(map.blocks_of(id).collect::<Vec<_>>(), blocks, "entry {id}");
            }
        }
    }
    assert_eq!(map.shape(1), Some(BlockShape::Pack { first: 3, last: 5, len: 262_144 }));
    assert_eq!(map.shape(2), Some(BlockShape::Range { entry: 6, offset: 0, len: 262_144 }));
    assert_eq!(map.shape(5), Some(BlockShape::Range { entry: 8, offset: 262_144, len: 1 }));
    assert_eq!(map.shape(7), None);
}

#[test]
fn an_empty_map_has_no_blocks() {
    let map = map_of(&[]);
    assert_eq!((map.closed(), map.shape(0), map.stream(), map.blocks_of(0)), (0, None, None, 0..0));
    let map = map_of(&[directory(None, b"d"), file(None, b"empty", 0)]);
    assert_eq!((map.closed(), map.blocks_of(1)), (0, 0..0));
}

#[test]
fn blocks_close_as_the_manifest_grows() {
    let manifest = manifest_of(&files(&[10, 20, BLOCK_SIZE, 30]));
    let mut map = BlockMap::new();
    let mut closed = Vec::new();
    for entry in manifest.iter() {
        map.push(entry);
        closed.push(map.closed());
    }
    assert_eq!(closed, [0, 0, 2, 2]);
    assert_eq!((map.blocks_of(3), map.shape(2)), (2..3, None), "the number is known before the shape is");
    map.finish();
    map.finish();
    assert_eq!(map.closed(), 3);
    assert_eq!(map.shape(2), Some(BlockShape::Pack { first: 3, last: 3, len: 30 }));
}

#[test]
fn a_pack_has_a_bounded_number_of_files() {
    let map = map_of(&files(&vec![1; 4_097]));
    assert_eq!(map.shape(0), Some(BlockShape::Pack { first: 0, last: 4_095, len: 4_096 }));
    assert_eq!(map.shape(1), Some(BlockShape::Pack { first: 4_096, last: 4_096, len: 1 }));
    assert_eq!(map.closed(), 2);
}

#[test]
fn the_largest_sizes_do_not_overflow() {
    let map = map_of(&files(&[u64::MAX - 1, 1]));
    let blocks = 1 << 46;
    assert_eq!(map.blocks_of(0), 0..blocks);
    assert_eq!(map.closed(), blocks + 1);
    let last = BlockShape::Range { entry: 0, offset: (blocks - 1) << 18, len: (1 << 18) - 2 };
    assert_eq!(map.shape(blocks - 1), Some(last));
    assert_eq!(map.shape(blocks), Some(BlockShape::Pack { first: 1, last: 1, len: 1 }));
    assert_eq!(map.shape(u64::MAX), None);
    assert_eq!(map.blocks_of(u32::MAX), 0..0);
}

#[test]
fn a_stream_takes_shape_when_it_ends() {
    let entries = [file(None, b"f", 10), stream(b"in")];
    let mut map = map_of(&entries);
    assert_eq!((map.closed(), map.stream(), map.shape(1)), (1, Some((1, 1)), None));
    let mut empty = map.clone();
    map.end_stream(BLOCK_SIZE + 1);
    map.end_stream(5);
    assert_eq!((map.closed(), map.blocks_of(1), map.stream()), (3, 1..3, Some((1, 1))));
    assert_eq!(map.shape(2), Some(BlockShape::Range { entry: 1, offset: BLOCK_SIZE, len: 1 }));
    empty.end_stream(0);
    assert_eq!((empty.closed(), empty.blocks_of(1)), (1, 1..1));
    let mut none = map_of(&entries[..1]);
    none.end_stream(7);
    assert_eq!(none.closed(), 1);
}

#[test]
fn entries_out_of_turn_are_ignored() {
    let manifest = manifest_of(&[file(None, b"f", 10), stream(b"in")]);
    let mut map = BlockMap::new();
    for entry in manifest.iter().chain(manifest.iter()) {
        map.push(entry);
    }
    map.finish();
    assert_eq!((map.closed(), map.stream()), (1, Some((1, 1))));
}

#[test]
fn memory_is_small() {
    let count = 100_000;
    let map = map_of(&files(&vec![BLOCK_SIZE; count]));
    // Twice, because a growing `Vec` doubles.
    assert!(map.memory() <= 2 * 16 * count, "{} bytes", map.memory());
    let map = map_of(&files(&vec![1; count]));
    assert!(map.memory() <= count, "{} bytes", map.memory());
}

/// The rules of `specs/01-content.md` §5 once more, naively.
fn second_opinion(entries: &[Entry]) -> Vec<BlockShape> {
    let mut shapes = Vec::new();
    let mut pack: Vec<(EntryId, u64)> = Vec::new();
    let close = |pack: &mut Vec<(EntryId, u64)>, shapes: &mut Vec<BlockShape>| {
        if let (Some(first), Some(last)) = (pack.first(), pack.last()) {
            let len = u32::try_from(pack.iter().map(|file| file.1).sum::<u64>()).expect("a block");
            shapes.push(BlockShape::Pack { first: first.0, last: last.0, len });
        }
        pack.clear();
    };
    for (id, entry) in (0..).zip(entries) {
        let EntryKind::File { size: Some(size) } = entry.kind else { continue };
        if size >= BLOCK_SIZE {
            close(&mut pack, &mut shapes);
            let mut offset = 0;
            while offset < size {
                let len = u32::try_from((size - offset).min(BLOCK_SIZE)).expect("a block");
                shapes.push(BlockShape::Range { entry: id, offset, len });
                offset += u64::from(len);
            }
        } else if size > 0 {
            if pack.iter().map(|file| file.1).sum::<u64>() + size > BLOCK_SIZE {
                close(&mut pack, &mut shapes);
            }
            pack.push((id, size));
        }
    }
    close(&mut pack, &mut shapes);
    shapes
}

fn holds(shape: &BlockShape, id: EntryId) -> bool {
    match *shape {
        BlockShape::Range { entry, .. } => entry == id,
        BlockShape::Pack { first, last, .. } => (first..=last).contains(&id),
    }
}

proptest! {
    #[test]
    fn agrees_with_the_second_opinion(
        kinds in prop::collection::vec(0..12_u64, 0..120),
        sizes in prop::collection::vec(0..BLOCK_SIZE * 3, 120),
    ) {
        let entries: Vec<Entry> = kinds.iter().zip(sizes).map(|(kind, size)| match kind {
            0 => directory(None, b"d"),
            1 => symlink(None, b"l", b"x"),
            2 => file(None, b"f", 0),
            3 => file(None, b"f", BLOCK_SIZE * (size % 3)),
            4 => file(None, b"f", size),
            5..=8 => file(None, b"f", size % 1_000),
            _ => file(None, b"f", size % BLOCK_SIZE),
        }).collect();
        let map = map_of(&entries);
        let expected = second_opinion(&entries);
        let shapes: Vec<BlockShape> = (0..map.closed()).filter_map(|block| map.shape(block)).collect();
        prop_assert_eq!(&shapes, &expected);
        for (id, entry) in (0..).zip(&entries) {
            let numbered = (0..).zip(&expected);
            let holding = numbered.filter(|(_, shape)| holds(shape, id));
            let mut blocks: Vec<u64> = holding.map(|(block, _)| block).collect();
            if !matches!(entry.kind, EntryKind::File { size: Some(1..) }) {
                blocks.clear();
            }
            let range: Range<u64> = map.blocks_of(id);
            prop_assert_eq!(range.collect::<Vec<_>>(), blocks);
        }
    }
}
