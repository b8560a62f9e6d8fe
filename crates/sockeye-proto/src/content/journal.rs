//! The journal's bytes: a header and a chain of checksummed records (`specs/02-journal.md`).
//!
//! Files are not touched here. The receiver appends what [`JournalWriter`] gives it and syncs; after a restart
//! it reads the file whole, cuts it at [`Replay::valid_len`] and goes on with [`Replay::writer`].

use super::config::{FORMAT_MAX_NAME, MAX_IDENTITY, ManifestLimits};
use super::digest::Digest;
use super::entry::SourceIdentity;
use super::error::JournalError;
use alloc::vec::Vec;
use minicbor::{Decode, Encode};

/// The version of the journal format that this program writes, and the newest it reads.
pub const JOURNAL_VERSION: u16 = 1;

/// Longest body of a record in bytes. [`MAX_RECORD_DIGESTS`] digests or the longest path fit with room.
pub const MAX_RECORD: usize = 1 << 20;

/// Most digests in one record: 4 GiB of a file and 512 KiB of journal, far more than is ever synced at once.
pub const MAX_RECORD_DIGESTS: usize = 16_384;

/// How a journal begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHeader {
    /// The format version of the program that began it.
    pub version: u16,
    /// The oldest format version whose programs may read it.
    pub min_reader: u16,
    /// The key of the transfer that it belongs to.
    pub key: [u8; 32],
}

impl JournalHeader {
    /// Bytes in a header, in every version.
    pub const LEN: usize = MAGIC.len() + 2 + 2 + 32 + CHECKSUM;

    /// The header of a new journal.
    pub fn new(key: [u8; 32]) -> Self {
        Self { version: JOURNAL_VERSION, min_reader: OLDEST_READER, key }
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LEN);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.min_reader.to_be_bytes());
        bytes.extend_from_slice(&self.key);
        let checksum = checksum(&[&bytes]);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// The header that these bytes begin with, whatever its version.
    ///
    /// # Errors
    /// [`JournalError::NotAJournal`].
    pub fn decode(bytes: &[u8]) -> Result<Self, JournalError> {
        Self::parse(bytes).ok_or(JournalError::NotAJournal)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, _) = bytes.split_at_checked(Self::LEN)?;
        let (fields, sum) = header.split_at_checked(Self::LEN - CHECKSUM)?;
        let rest = fields.strip_prefix(&MAGIC)?;
        let (version, rest) = rest.split_first_chunk()?;
        let (min_reader, key) = rest.split_first_chunk()?;
        (checksum(&[fields]) == *sum).then_some(())?;
        Some(Self {
            version: u16::from_be_bytes(*version),
            min_reader: u16::from_be_bytes(*min_reader),
            key: key.try_into().ok()?,
        })
    }

    /// What the first record's checksum is chained to.
    fn chain(&self) -> Checksum {
        let bytes = self.encode();
        bytes.last_chunk().copied().unwrap_or_default()
    }
}

/// A fact about the destination, true once the record is synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalRecord {
    /// A file is being received in parts. What was known about this path, or under this number, no longer holds.
    Entry {
        /// A number for [`Blocks`](Self::Blocks) to refer to, valid in this journal only.
        id: u32,
        /// The path below the destination, components joined by `/`.
        path: Vec<u8>,
        /// The source as the sender described it.
        source: SourceIdentity,
        /// Its size in bytes, if known.
        size: Option<u64>,
        /// Whether the source changed so shortly before it was read that an equal identity proves nothing.
        doubtful: bool,
    },
    /// Blocks of that file that are verified and synced.
    Blocks {
        /// The number from [`Entry`](Self::Entry).
        id: u32,
        /// The first block, counted within the file from 0.
        first: u64,
        /// The digests of this block and those that follow it, at most [`MAX_RECORD_DIGESTS`].
        digests: Vec<Digest>,
    },
    /// The final name holds the file, verified and synced.
    Committed {
        /// The path below the destination.
        path: Vec<u8>,
        /// The source as the sender described it.
        source: SourceIdentity,
        /// Its size in bytes.
        size: u64,
        /// The digest of the whole file, where it is known.
        digest: Option<Digest>,
        /// What the receiver's storage says about the final file, so that it notices when somebody else
        /// changed it: opaque, at most [`MAX_IDENTITY`] bytes.
        target: Vec<u8>,
        /// As in [`Entry`](Self::Entry).
        doubtful: bool,
    },
    /// Nothing that earlier records say about this path holds any longer.
    Forgotten {
        /// The path below the destination.
        path: Vec<u8>,
    },
}

/// Turns records into the bytes to append. After a failed write the file's end is unknown: read it again and
/// go on with [`Replay::writer`].
#[derive(Debug, Clone)]
pub struct JournalWriter {
    chain: Checksum,
}

impl JournalWriter {
    /// The bytes that a new journal of this transfer begins with.
    pub fn header(key: [u8; 32]) -> Vec<u8> {
        JournalHeader::new(key).encode()
    }

    /// A writer of the first record after [`header`](Self::header).
    pub fn new(key: [u8; 32]) -> Self {
        Self { chain: JournalHeader::new(key).chain() }
    }

    /// Adds the bytes of a record to `out`.
    ///
    /// # Errors
    /// [`JournalError::OverLimit`] for a record that no reader would take; nothing is added then.
    pub fn append(&mut self, record: &JournalRecord, out: &mut Vec<u8>) -> Result<(), JournalError> {
        check_limits(record).map_err(|what| JournalError::OverLimit { what })?;
        let (kind, body) = encode(record);
        let len = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_RECORD);
        let len = len.ok_or(JournalError::OverLimit { what: "record length in bytes" })?.to_be_bytes();
        self.chain = checksum(&[&self.chain, &len, &[kind], &body]);
        out.extend_from_slice(&len);
        out.push(kind);
        out.extend_from_slice(&body);
        out.extend_from_slice(&self.chain);
        Ok(())
    }
}

/// Reads a journal of one transfer.
#[derive(Debug, Clone)]
pub struct JournalReader {
    key: [u8; 32],
}

/// What a journal says.
#[derive(Debug, Clone)]
pub struct Replay {
    /// All records up to [`valid_len`](Self::valid_len); empty when they were handed out one by one.
    pub records: Vec<JournalRecord>,
    /// Bytes from the beginning that are whole and undamaged. The file is cut here before more is appended.
    pub valid_len: u64,
    /// Appends at `valid_len`.
    pub writer: JournalWriter,
}

impl JournalReader {
    /// A reader for the journal of the transfer with this key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Reads a whole journal. Torn or damaged bytes at the end are not an error: what comes before them counts.
    ///
    /// # Errors
    /// [`JournalError::NotAJournal`], [`JournalError::OtherKey`] or [`JournalError::NewerFormat`].
    pub fn read(&self, bytes: &[u8]) -> Result<Replay, JournalError> {
        let mut records = Vec::new();
        let replay = self.read_each(bytes, |record| records.push(record))?;
        Ok(Replay { records, ..replay })
    }

    /// As [`read`](Self::read), but hands out the records one by one, which spares the memory of a second copy.
    /// Records handed out before an error are to be dropped.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_each(
        &self,
        bytes: &[u8],
        mut each: impl FnMut(JournalRecord),
    ) -> Result<Replay, JournalError> {
        let header = JournalHeader::decode(bytes)?;
        if header.min_reader > JOURNAL_VERSION {
            return Err(JournalError::NewerFormat);
        }
        if header.key != self.key {
            return Err(JournalError::OtherKey);
        }
        let mut chain = header.chain();
        let mut valid_len = JournalHeader::LEN;
        while let Some(frame) = bytes.get(valid_len..).and_then(|rest| Frame::read(rest, &chain)) {
            match decode(frame.kind, frame.body) {
                Decoded::Record(record) => each(record),
                Decoded::Skipped => {}
                Decoded::Critical => return Err(JournalError::NewerFormat),
                Decoded::Damaged => break,
            }
            chain = frame.checksum;
            valid_len += frame.len;
        }
        Ok(Replay { records: Vec::new(), valid_len: valid_len as u64, writer: JournalWriter { chain } })
    }
}

/// A record whose checksum holds.
struct Frame<'a> {
    kind: u8,
    body: &'a [u8],
    checksum: Checksum,
    /// Bytes of the whole frame.
    len: usize,
}

impl<'a> Frame<'a> {
    /// `None` when the bytes end early, say something impossible, or fail the checksum: all of it is a tail
    /// that was never synced.
    fn read(bytes: &'a [u8], chain: &Checksum) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (&kind, rest) = rest.split_first()?;
        let body_len = usize::try_from(u32::from_be_bytes(*len)).ok().filter(|len| *len <= MAX_RECORD)?;
        let (body, rest) = rest.split_at_checked(body_len)?;
        let sum = rest.first_chunk::<CHECKSUM>()?;
        (checksum(&[chain, len, &[kind], body]) == *sum).then_some(Self {
            kind,
            body,
            checksum: *sum,
            len: 4 + 1 + body_len + CHECKSUM,
        })
    }
}

enum Decoded {
    Record(JournalRecord),
    /// A type that this version does not know and may ignore.
    Skipped,
    /// A type that this version does not know and must not ignore.
    Critical,
    /// The checksum holds, the content makes no sense.
    Damaged,
}

fn decode(kind: u8, body: &[u8]) -> Decoded {
    let record = match kind {
        TYPE_ENTRY => minicbor::decode::<EntryBody>(body).ok().map(JournalRecord::from),
        TYPE_BLOCKS => minicbor::decode::<BlocksBody>(body).ok().and_then(BlocksBody::record),
        TYPE_COMMITTED => minicbor::decode::<CommittedBody>(body).ok().map(JournalRecord::from),
        TYPE_FORGOTTEN => minicbor::decode::<ForgottenBody>(body).ok().map(JournalRecord::from),
        _ if kind & CRITICAL != 0 => return Decoded::Critical,
        _ => return Decoded::Skipped,
    };
    match record.filter(|record| check_limits(record).is_ok()) {
        Some(record) => Decoded::Record(record),
        None => Decoded::Damaged,
    }
}

fn encode(record: &JournalRecord) -> (u8, Vec<u8>) {
    match record.clone() {
        JournalRecord::Entry { id, path, source, size, doubtful } => {
            (TYPE_ENTRY, to_vec(&EntryBody { id, path, source, size, doubtful }))
        }
        JournalRecord::Blocks { id, first, digests } => {
            let digests = digests.iter().flat_map(|digest| *digest.as_bytes()).collect();
            (TYPE_BLOCKS, to_vec(&BlocksBody { id, first, digests }))
        }
        JournalRecord::Committed { path, source, size, digest, target, doubtful } => {
            (TYPE_COMMITTED, to_vec(&CommittedBody { path, source, size, digest, target, doubtful }))
        }
        JournalRecord::Forgotten { path } => (TYPE_FORGOTTEN, to_vec(&ForgottenBody { path })),
    }
}

fn to_vec<T: Encode<()>>(body: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = minicbor::Encoder::new(&mut bytes);
    // Writing to a `Vec` cannot fail, and no body has a way to fail of its own.
    let written = encoder.encode(body);
    debug_assert!(written.is_ok(), "writing to memory");
    bytes
}

/// The bounds that writer and reader share, so that whatever is written can be read.
fn check_limits(record: &JournalRecord) -> Result<(), &'static str> {
    let path_ok = |path: &[u8]| !path.is_empty() && path.len() <= MAX_PATH;
    match record {
        JournalRecord::Entry { path, .. } | JournalRecord::Forgotten { path } if !path_ok(path) => {
            Err("path length in bytes")
        }
        JournalRecord::Committed { path, .. } if !path_ok(path) => Err("path length in bytes"),
        JournalRecord::Committed { target, .. } if target.len() > MAX_IDENTITY => {
            Err("target identity in bytes")
        }
        JournalRecord::Blocks { digests, .. } if digests.len() > MAX_RECORD_DIGESTS => Err("digests"),
        JournalRecord::Blocks { first, digests, .. } if first.checked_add(digests.len() as u64).is_none() => {
            Err("block number")
        }
        _ => Ok(()),
    }
}

/// BLAKE3 over all parts, cut to 16 bytes.
fn checksum(parts: &[&[u8]]) -> Checksum {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default()
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct EntryBody {
    #[n(0)]
    id: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    path: Vec<u8>,
    #[n(2)]
    source: SourceIdentity,
    #[n(3)]
    size: Option<u64>,
    #[n(4)]
    doubtful: bool,
}

impl From<EntryBody> for JournalRecord {
    fn from(EntryBody { id, path, source, size, doubtful }: EntryBody) -> Self {
        Self::Entry { id, path, source, size, doubtful }
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct BlocksBody {
    #[n(0)]
    id: u32,
    #[n(1)]
    first: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    digests: Vec<u8>,
}

impl BlocksBody {
    fn record(self) -> Option<JournalRecord> {
        let (digests, rest) = self.digests.as_chunks::<{ Digest::LEN }>();
        let digests = digests.iter().map(|bytes| Digest::from(*bytes)).collect();
        rest.is_empty().then_some(JournalRecord::Blocks { id: self.id, first: self.first, digests })
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct CommittedBody {
    #[cbor(n(0), with = "minicbor::bytes")]
    path: Vec<u8>,
    #[n(1)]
    source: SourceIdentity,
    #[n(2)]
    size: u64,
    #[n(3)]
    digest: Option<Digest>,
    #[cbor(n(4), with = "minicbor::bytes")]
    target: Vec<u8>,
    #[n(5)]
    doubtful: bool,
}

impl From<CommittedBody> for JournalRecord {
    fn from(CommittedBody { path, source, size, digest, target, doubtful }: CommittedBody) -> Self {
        Self::Committed { path, source, size, digest, target, doubtful }
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct ForgottenBody {
    #[cbor(n(0), with = "minicbor::bytes")]
    path: Vec<u8>,
}

impl From<ForgottenBody> for JournalRecord {
    fn from(ForgottenBody { path }: ForgottenBody) -> Self {
        Self::Forgotten { path }
    }
}

type Checksum = [u8; CHECKSUM];

/// Bytes of a checksum. It guards against accidents, not against forgers: whoever can write the journal can
/// write the files too.
const CHECKSUM: usize = 16;

/// The first bytes of every journal. The last one is outside ASCII, so that nothing takes it for text.
const MAGIC: [u8; 8] = *b"sockeye\xB6";

/// Programs of this format version and later can read what this one writes.
const OLDEST_READER: u16 = 1;

/// The bit in a record's type that says: who does not know this type must not use the journal.
const CRITICAL: u8 = 0x80;
const TYPE_ENTRY: u8 = CRITICAL | 1;
const TYPE_BLOCKS: u8 = CRITICAL | 2;
const TYPE_COMMITTED: u8 = CRITICAL | 3;
const TYPE_FORGOTTEN: u8 = CRITICAL | 4;

/// Longest path in a record: the longest that a manifest under default limits has.
const MAX_PATH: usize = ManifestLimits::MAX_PATH;

const _: () = assert!(MAX_RECORD_DIGESTS * Digest::LEN + 64 <= MAX_RECORD);
const _: () = assert!(MAX_PATH + 2 * MAX_IDENTITY + 128 <= MAX_RECORD && FORMAT_MAX_NAME <= MAX_PATH);
