//! A manifest as a liar writes it (`specs/01-content.md` §3), and what an honest sender would do with it (§5, §6).

use sockeye_proto::content::{BLOCK_SIZE, Digest, pack_digest, range_digest};
use sockeye_proto::transfer::{DataHeader, DataKind};

use crate::wire;

pub const DIRECTORY: u8 = 0;
pub const FILE: u8 = 1;
pub const SYMLINK: u8 = 2;
pub const STREAM: u8 = 9;

/// One entry.
#[derive(Clone)]
pub struct Item {
    pub flags: u8,
    /// Position of the parent.
    pub parent: Option<u32>,
    pub name: Vec<u8>,
    pub mode: u64,
    pub seconds: i64,
    pub nanos: u64,
    pub source: Vec<u8>,
    pub target: Vec<u8>,
    /// What is said of the size.
    pub size: u64,
    pub content: Vec<u8>,
    /// Appended to the record.
    pub extra: Vec<u8>,
}

/// A list of entries.
#[derive(Clone, Default)]
pub struct List {
    pub items: Vec<Item>,
}

/// What one block is made of.
pub enum Block {
    Range { entry: u32, offset: u64, len: u64 },
    Pack(Vec<u32>),
}

impl Item {
    fn new(flags: u8, parent: Option<u32>, name: &[u8]) -> Self {
        Self {
            flags,
            parent,
            name: name.to_vec(),
            mode: 0o644,
            seconds: 1_700_000_000,
            nanos: 0,
            source: Vec::new(),
            target: Vec::new(),
            size: 0,
            content: Vec::new(),
            extra: Vec::new(),
        }
    }

    fn record(&self, id: u32) -> Vec<u8> {
        let mut out = vec![self.flags];
        varint(&mut out, self.parent.map_or(0, |parent| u64::from(id.wrapping_sub(parent))));
        counted(&mut out, &self.name);
        varint(&mut out, self.mode);
        varint(&mut out, ((self.seconds << 1) ^ (self.seconds >> 63)).cast_unsigned());
        varint(&mut out, self.nanos);
        counted(&mut out, &self.source);
        match self.flags & 7 {
            SYMLINK => counted(&mut out, &self.target),
            FILE if self.flags == FILE => varint(&mut out, self.size),
            _ => {}
        }
        out.extend_from_slice(&self.extra);
        out
    }
}

impl List {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, item: Item) -> u32 {
        self.items.push(item);
        u32::try_from(self.items.len()).unwrap() - 1
    }

    /// A directory for its owner only, which would show on any other that took its mode.
    pub fn dir(&mut self, parent: Option<u32>, name: impl AsRef<[u8]>) -> u32 {
        let item = Item { mode: 0o700, ..Item::new(DIRECTORY, parent, name.as_ref()) };
        self.push(item)
    }

    pub fn file(&mut self, parent: Option<u32>, name: impl AsRef<[u8]>, content: &[u8]) -> u32 {
        let size = content.len() as u64;
        let item = Item { size, content: content.to_vec(), ..Item::new(FILE, parent, name.as_ref()) };
        self.push(item)
    }

    pub fn link(&mut self, parent: Option<u32>, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> u32 {
        let item = Item { target: target.as_ref().to_vec(), ..Item::new(SYMLINK, parent, name.as_ref()) };
        self.push(item)
    }

    pub fn stream(&mut self, name: &str) -> u32 {
        self.push(Item::new(STREAM, None, name.as_bytes()))
    }

    /// One file with this content and nothing else.
    pub fn of_file(name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        let mut list = Self::new();
        list.file(None, name, content);
        list
    }

    /// The bytes of the segments.
    pub fn segments(&self) -> Vec<Vec<u8>> {
        let mut segments = vec![vec![1, 0]];
        for (id, item) in self.items.iter().enumerate() {
            let record = item.record(u32::try_from(id).unwrap());
            if segments.last().unwrap().len() + record.len() + 5 > 256 * 1024 {
                segments.push(vec![1, 0]);
            }
            counted(segments.last_mut().unwrap(), &record);
        }
        segments
    }

    /// The digest of the manifest.
    pub fn digest(&self) -> [u8; 32] {
        chain(&self.segments())
    }

    /// The sum of the sizes that are said.
    pub fn bytes(&self) -> u64 {
        self.items.iter().filter(|item| item.flags == FILE).map(|item| item.size).fold(0, u64::wrapping_add)
    }

    /// SEGMENTs and LISTED.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let mut messages = self.segment_messages();
        messages.push(wire::listed(&self.digest(), self.items.len() as u64, self.bytes()));
        messages
    }

    pub fn segment_messages(&self) -> Vec<Vec<u8>> {
        self.segments().iter().zip(0..).map(|(bytes, index)| wire::segment(index, bytes)).collect()
    }

    /// OFFER, SEGMENTs and LISTED.
    pub fn offer(&self, transfer: u8) -> Vec<Vec<u8>> {
        let mut messages = vec![wire::offer(&[transfer; 32], 0)];
        messages.extend(self.messages());
        messages
    }

    /// The blocks of the files of known size.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let (mut pack, mut packed) = (Vec::new(), 0);
        for (item, id) in self.items.iter().zip(0..) {
            let size = if item.flags == FILE { item.size } else { 0 };
            if (item.flags == STREAM
                || size >= BLOCK_SIZE
                || packed + size > BLOCK_SIZE
                || pack.len() == 4096)
                && !pack.is_empty()
                && (size > 0 || item.flags == STREAM)
            {
                blocks.push(Block::Pack(std::mem::take(&mut pack)));
                packed = 0;
            }
            match size {
                0 => {}
                size if size < BLOCK_SIZE => {
                    pack.push(id);
                    packed += size;
                }
                size => {
                    let ranges = (0..size.div_ceil(BLOCK_SIZE)).map(|block| block * BLOCK_SIZE);
                    let range =
                        |offset| Block::Range { entry: id, offset, len: (size - offset).min(BLOCK_SIZE) };
                    blocks.extend(ranges.map(range));
                }
            }
        }
        if !pack.is_empty() {
            blocks.push(Block::Pack(pack));
        }
        blocks
    }

    /// The honest data frame of a block.
    pub fn frame(&self, number: u64) -> (DataHeader, Vec<u8>) {
        match &self.blocks()[usize::try_from(number).unwrap()] {
            Block::Range { entry, offset, len } => {
                let item = &self.items[*entry as usize];
                let at = usize::try_from(*offset).unwrap();
                let body = item.content[at..at + usize::try_from(*len).unwrap()].to_vec();
                let digest = range_digest(*offset, &body, item.size == *len);
                (header(DataKind::Range, *entry, number, &body, digest), body)
            }
            Block::Pack(members) => {
                let body: Vec<u8> =
                    members.iter().flat_map(|id| self.items[*id as usize].content.clone()).collect();
                (header(DataKind::Pack, members[0], number, &body, pack_digest(&body)), body)
            }
        }
    }
}

/// A header for this body.
pub fn header(kind: DataKind, entry: u32, block: u64, body: &[u8], digest: Digest) -> DataHeader {
    let len = u32::try_from(body.len()).unwrap();
    DataHeader { entry, block, plain: len, stored: len, digest, ..DataHeader::new(kind) }
}

pub fn end() -> DataHeader {
    DataHeader::new(DataKind::End)
}

/// The hash chain over segments.
pub fn chain(segments: &[Vec<u8>]) -> [u8; 32] {
    segments.iter().fold([0; 32], |chain, segment| {
        *blake3::Hasher::new().update(&chain).update(segment).finalize().as_bytes()
    })
}

pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

pub fn counted(out: &mut Vec<u8>, bytes: &[u8]) {
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
