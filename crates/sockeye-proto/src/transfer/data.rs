//! Headers of data frames (`specs/04-transfer.md` §3).

use crate::content::{BLOCK_EXPONENT, Digest};

use super::{MAX_TEXT, TransferError};

/// Bytes of a data frame's header.
pub const DATA_HEADER_LEN: usize = 56;

/// Most bytes after a data header: one block.
pub const MAX_DATA_BODY: u32 = 1 << BLOCK_EXPONENT;

/// What a data frame is (`specs/04-transfer.md` §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum DataKind {
    /// The bytes of one range block.
    Range = 1,
    /// The bytes of one pack.
    Pack = 2,
    /// The block is what the receiver's digest said.
    Same = 3,
    /// The entry cannot be sent; the body is a text of at most [`MAX_TEXT`] bytes.
    Fail = 4,
    /// Every question has been answered.
    End = 7,
}

impl DataKind {
    fn from_wire(number: u8) -> Result<Self, TransferError> {
        Ok(match number {
            1 => Self::Range,
            2 => Self::Pack,
            3 => Self::Same,
            4 => Self::Fail,
            7 => Self::End,
            _ => return Err(TransferError::PeerIncompatible { what: "an unknown kind of data frame" }),
        })
    }
}

/// The header in front of each data frame: 56 bytes, big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataHeader {
    /// What follows.
    pub kind: DataKind,
    /// The last block of a stream whose size was unknown.
    pub last: bool,
    /// The source was modified within two seconds of being read: its identity alone proves nothing later.
    pub doubtful: bool,
    /// Bytes of content that the body stands for.
    pub plain: u32,
    /// Bytes of the body that follows.
    pub stored: u32,
    /// The entry; the first entry of a pack.
    pub entry: u32,
    /// Block number in the manifest; for [`DataKind::Fail`] the status.
    pub block: u64,
    /// Digest of the block's bytes.
    pub digest: Digest,
}

impl DataHeader {
    /// A header with everything at zero.
    pub fn new(kind: DataKind) -> Self {
        Self {
            kind,
            last: false,
            doubtful: false,
            plain: 0,
            stored: 0,
            entry: 0,
            block: 0,
            digest: Digest::ZERO,
        }
    }

    /// To bytes.
    pub fn encode(&self) -> [u8; DATA_HEADER_LEN] {
        let mut out = [0; DATA_HEADER_LEN];
        out[0] = self.kind as u8;
        out[1] = CODEC_STORED;
        out[2] = (if self.last { FLAG_LAST } else { 0 }) | (if self.doubtful { FLAG_DOUBTFUL } else { 0 });
        out[4..8].copy_from_slice(&self.plain.to_be_bytes());
        out[8..12].copy_from_slice(&self.stored.to_be_bytes());
        out[12..16].copy_from_slice(&self.entry.to_be_bytes());
        out[16..24].copy_from_slice(&self.block.to_be_bytes());
        out[24..56].copy_from_slice(self.digest.as_bytes());
        out
    }

    /// From bytes. Refuses kinds, codecs and flags of later versions: they are only sent after they were negotiated.
    pub fn decode(bytes: &[u8; DATA_HEADER_LEN]) -> Result<Self, TransferError> {
        let kind = DataKind::from_wire(bytes[0])?;
        if bytes[1] != CODEC_STORED || bytes[2] & !(FLAG_LAST | FLAG_DOUBTFUL) != 0 || bytes[3] != 0 {
            return Err(TransferError::PeerIncompatible { what: "an unknown codec or flag of a data frame" });
        }
        let header = Self {
            kind,
            last: bytes[2] & FLAG_LAST != 0,
            doubtful: bytes[2] & FLAG_DOUBTFUL != 0,
            plain: u32::from_be_bytes(part(bytes, 4)),
            stored: u32::from_be_bytes(part(bytes, 8)),
            entry: u32::from_be_bytes(part(bytes, 12)),
            block: u64::from_be_bytes(part(bytes, 16)),
            digest: Digest::from(part(bytes, 24)),
        };
        if header.is_consistent() {
            Ok(header)
        } else {
            Err(TransferError::Malformed { what: "data header" })
        }
    }

    /// Whether the lengths and flags are such as this kind can have.
    fn is_consistent(&self) -> bool {
        match self.kind {
            DataKind::Range => self.stored == self.plain && self.stored <= MAX_DATA_BODY,
            DataKind::Pack => self.stored == self.plain && self.stored <= MAX_DATA_BODY && !self.last,
            DataKind::Fail => self.plain == 0 && self.stored as usize <= MAX_TEXT && !self.last,
            DataKind::Same | DataKind::End => self.plain == 0 && self.stored == 0 && !self.last,
        }
    }
}

/// The bytes of a field.
fn part<const N: usize>(bytes: &[u8; DATA_HEADER_LEN], at: usize) -> [u8; N] {
    core::array::from_fn(|index| bytes[at + index])
}

const FLAG_LAST: u8 = 1;
const FLAG_DOUBTFUL: u8 = 2;
const CODEC_STORED: u8 = 0;
