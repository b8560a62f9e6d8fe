//! The manifest on the wire: hash-chained segments (`specs/01-content.md` §3 and §4).

use super::config::{ManifestLimits, SEGMENT_SIZE};
use super::digest::Digest;
use super::entry::{Entry, EntryId, EntryRef, KindRef, Timestamp};
use super::error::ManifestError;
use super::manifest::Manifest;
use alloc::vec::Vec;
use core::ops::Range;

/// A piece of a manifest, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its number, counted from 0.
    pub index: u32,
    /// Its bytes, at most [`SEGMENT_SIZE`].
    pub bytes: Vec<u8>,
}

/// Turns entries into segments. Entries come in manifest order and are such as [`Manifest::push`] has accepted;
/// others make segments that every reader refuses.
#[derive(Debug, Clone, Default)]
pub struct SegmentWriter {
    buffer: Vec<u8>,
    record: Vec<u8>,
    next: EntryId,
    index: u32,
    chain: Digest,
}

impl SegmentWriter {
    /// A writer at the beginning of a manifest.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry. When it no longer fits, the segment before it is full and handed out.
    pub fn push(&mut self, entry: &Entry) -> Option<Segment> {
        self.push_ref(&entry.by_ref(self.next))
    }

    /// [`push`](Self::push) by reference; the entry's own position is not looked at.
    pub fn push_ref(&mut self, entry: &EntryRef<'_>) -> Option<Segment> {
        self.record.clear();
        write_record(&mut self.record, self.next, entry);
        let needed = varint_len(self.record.len() as u64) + self.record.len();
        let full = if self.buffer.len() + needed > SEGMENT_SIZE { self.flush() } else { None };
        if self.buffer.is_empty() {
            self.buffer.extend_from_slice(&[FORMAT_VERSION, 0]);
        }
        write_counted(&mut self.buffer, &self.record);
        self.next = self.next.wrapping_add(1);
        full
    }

    /// Hands out what there is now, which may be short; `None` when there is nothing.
    pub fn flush(&mut self) -> Option<Segment> {
        if self.buffer.is_empty() {
            return None;
        }
        let bytes = core::mem::take(&mut self.buffer);
        let index = self.index;
        self.chain = chain_with(self.chain, &bytes);
        self.index = self.index.wrapping_add(1);
        Some(Segment { index, bytes })
    }

    /// The hash chain over all segments handed out so far: the digest of the manifest once all are.
    pub fn chain(&self) -> Digest {
        self.chain
    }

    /// Segments handed out so far.
    pub fn segments(&self) -> u32 {
        self.index
    }
}

/// Turns segments back into entries and holds them to the limits of this side.
#[derive(Debug, Clone)]
pub struct SegmentReader {
    limits: ManifestLimits,
    expected: u32,
    chain: Digest,
}

impl SegmentReader {
    /// A reader at the beginning of a manifest.
    pub fn new(limits: ManifestLimits) -> Self {
        Self { limits, expected: 0, chain: Digest::ZERO }
    }

    /// Reads the next segment into `into`, always the same manifest, and says which entries it brought.
    ///
    /// # Errors
    /// When the segment is not the next one, or breaks the format, the rules for entries or a limit. The reader
    /// and the manifest are then as before.
    pub fn push(
        &mut self,
        index: u32,
        bytes: &[u8],
        into: &mut Manifest,
    ) -> Result<Range<EntryId>, ManifestError> {
        if index != self.expected {
            return Err(ManifestError::OutOfOrder { expected: self.expected, got: index });
        }
        let mark = into.mark();
        let first = into.len();
        if let Err(error) = self.read(bytes, into) {
            into.rewind(&mark);
            return Err(error);
        }
        self.chain = chain_with(self.chain, bytes);
        self.expected = self.expected.wrapping_add(1);
        Ok(first..into.len())
    }

    /// The hash chain over all segments read so far, to be compared with the sender's.
    pub fn chain(&self) -> Digest {
        self.chain
    }

    /// Segments read so far.
    pub fn segments(&self) -> u32 {
        self.expected
    }

    fn read(&self, bytes: &[u8], into: &mut Manifest) -> Result<(), ManifestError> {
        if bytes.len() > SEGMENT_SIZE {
            return Err(ManifestError::OverLimit {
                what: "segment length in bytes",
                limit: SEGMENT_SIZE as u64,
            });
        }
        let mut rest = Input { bytes };
        let version = rest.byte("segment header")?;
        if version != FORMAT_VERSION {
            return Err(ManifestError::UnknownVersion { version });
        }
        let extra = rest.byte("segment header")?;
        rest.take(extra.into(), "segment header")?;
        if rest.bytes.is_empty() {
            return Err(ManifestError::EmptySegment);
        }
        while !rest.bytes.is_empty() {
            let record = rest.counted("entry")?;
            let entry = read_record(into.len(), record)?;
            into.push_within(&self.limits, &entry)?;
        }
        Ok(())
    }
}

/// `H_i = BLAKE3(H_{i-1} ‖ segment)`.
fn chain_with(chain: Digest, segment: &[u8]) -> Digest {
    blake3::Hasher::new().update(chain.as_bytes()).update(segment).finalize().into()
}

/// The body of a record (`specs/01-content.md` §3.2).
fn write_record(out: &mut Vec<u8>, id: EntryId, entry: &EntryRef<'_>) {
    out.push(match entry.kind {
        KindRef::Directory => KIND_DIRECTORY,
        KindRef::File { size: Some(_) } => KIND_FILE,
        KindRef::File { size: None } => KIND_FILE | FLAG_UNKNOWN_SIZE,
        KindRef::Symlink { .. } => KIND_SYMLINK,
    });
    // A parent that is not earlier gives a distance that no reader accepts.
    write_varint(out, entry.parent.map_or(0, |parent| id.checked_sub(parent).unwrap_or(u32::MAX).into()));
    write_counted(out, entry.name);
    write_varint(out, entry.mode.into());
    write_varint(out, zigzag(entry.modified.seconds));
    write_varint(out, entry.modified.nanos.into());
    write_counted(out, entry.source);
    match entry.kind {
        KindRef::File { size: Some(size) } => write_varint(out, size),
        KindRef::Symlink { target } => write_counted(out, target),
        KindRef::File { size: None } | KindRef::Directory => {}
    }
}

fn read_record(id: EntryId, record: &[u8]) -> Result<EntryRef<'_>, ManifestError> {
    let mut input = Input { bytes: record };
    let flags = input.byte("entry")?;
    let kind = flags & KIND_MASK;
    let stream = flags & FLAG_UNKNOWN_SIZE != 0;
    if flags & FLAGS_RESERVED != 0 || kind > KIND_SYMLINK || (kind != KIND_FILE && stream) {
        return Err(ManifestError::UnknownKind { entry: id, flags });
    }
    let parent = match input.varint("parent")? {
        0 => None,
        distance => {
            let distance = u32::try_from(distance).ok();
            let parent = distance.and_then(|distance| id.checked_sub(distance));
            Some(parent.ok_or(ManifestError::Parent { entry: id })?)
        }
    };
    let name = input.counted("name")?;
    let mode = u16::try_from(input.varint("mode")?).map_err(|_| ManifestError::Mode { entry: id })?;
    let seconds = unzigzag(input.varint("time")?);
    let nanos = u32::try_from(input.varint("time")?).map_err(|_| ManifestError::Nanos { entry: id })?;
    let source = input.counted("source identity")?;
    let kind = match kind {
        KIND_DIRECTORY => KindRef::Directory,
        KIND_SYMLINK => KindRef::Symlink { target: input.counted("symlink target")? },
        _ if stream => KindRef::File { size: None },
        _ => KindRef::File { size: Some(input.varint("size")?) },
    };
    read_extensions(id, &mut input)?;
    Ok(EntryRef { id, parent, name, kind, mode, modified: Timestamp { seconds, nanos }, source })
}

/// What follows the known fields (`specs/01-content.md` §3.3). Version 1 knows no extension: even keys are
/// skipped, odd ones must be understood.
fn read_extensions(id: EntryId, input: &mut Input<'_>) -> Result<(), ManifestError> {
    let mut previous = None;
    while !input.bytes.is_empty() {
        let key = input.varint("extension")?;
        if previous.is_some_and(|previous| key <= previous) {
            return Err(ManifestError::ExtensionOrder { entry: id });
        }
        previous = Some(key);
        input.counted("extension")?;
        if key % 2 == 1 {
            return Err(ManifestError::UnknownExtension { entry: id, key });
        }
    }
    Ok(())
}

/// Bytes not read yet. Nothing is allocated for what they claim.
struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    fn byte(&mut self, what: &'static str) -> Result<u8, ManifestError> {
        let (&byte, rest) = self.bytes.split_first().ok_or(ManifestError::Truncated { what })?;
        self.bytes = rest;
        Ok(byte)
    }

    fn take(&mut self, len: u64, what: &'static str) -> Result<&'a [u8], ManifestError> {
        let len = usize::try_from(len).map_err(|_| ManifestError::Truncated { what })?;
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(ManifestError::Truncated { what })?;
        self.bytes = rest;
        Ok(taken)
    }

    fn counted(&mut self, what: &'static str) -> Result<&'a [u8], ManifestError> {
        let len = self.varint(what)?;
        self.take(len, what)
    }

    /// Seven bits a byte, the lowest first, the top bit set on all but the last; the shortest form only.
    fn varint(&mut self, what: &'static str) -> Result<u64, ManifestError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            let bits = u64::from(byte & 0x7f);
            if (shift == 63 && bits > 1) || (shift > 0 && byte == 0) {
                return Err(ManifestError::BadNumber { what });
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ManifestError::BadNumber { what })
    }
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn varint_len(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn write_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Small numbers of either sign to small numbers: 0, −1, 1, −2 … to 0, 1, 2, 3 …
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// The version of the segment format that this program writes and reads.
const FORMAT_VERSION: u8 = 1;

const KIND_MASK: u8 = 0b0000_0111;
const KIND_DIRECTORY: u8 = 0;
const KIND_FILE: u8 = 1;
const KIND_SYMLINK: u8 = 2;
const FLAG_UNKNOWN_SIZE: u8 = 0b0000_1000;
/// Bit 4 says that a file has holes: a hint, which version 1 neither sets nor reads. The rest is not known.
const FLAGS_RESERVED: u8 = 0b1110_0000;
