//! What the machines tell their drivers.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use crate::content::{Digest, EntryId};

use super::{Abort, EntryReport, ReportTotals};

/// From the sending machine.
#[derive(Debug)]
#[non_exhaustive]
pub enum SenderEvent {
    /// The receiver said yes; work will come.
    Accepted,
    /// Something to read and send, in this order.
    Work(Work),
    /// Entries that are not simply done at the receiver.
    Reports(Vec<EntryReport>),
    /// The receiver has everything it will have.
    Finished(ReportTotals),
    /// The receiver stopped.
    Aborted(Abort),
    /// Both sides said `BYE`; the connection may be closed.
    Closed,
}

/// A question of the receiver that the driver answers on a lane, or for [`Work::Compare`] through
/// [`super::Sender::compared`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Send these blocks.
    Send {
        /// Block numbers.
        blocks: Range<u64>,
    },
    /// Send the blocks of the entry of unknown size until its end.
    Stream {
        /// The entry.
        entry: EntryId,
        /// Number of its first block.
        first: u64,
    },
    /// For each of these blocks: say that it is the same, or send it.
    Check {
        /// Number of the first block.
        first: u64,
        /// What the receiver has, block by block.
        digests: Vec<Digest>,
    },
    /// Compare the whole file with this digest.
    Compare {
        /// The entry.
        entry: EntryId,
        /// BLAKE3 of what the receiver has under that name.
        digest: Digest,
    },
    /// Nothing more will be asked: finish the lane with [`super::DataKind::End`].
    End,
}

/// From the receiving machine.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReceiverEvent {
    /// A transfer is offered: decide.
    Offered {
        /// The sender's opaque key of this transfer: the same sources give the same key.
        transfer: [u8; 32],
        /// Whether others receive the same.
        mode: super::Mode,
    },
    /// The manifest grew by these entries.
    Entries(Range<EntryId>),
    /// Something the sender cannot send.
    Note {
        /// Path, bytes joined by `/`.
        path: Vec<u8>,
        /// Why.
        status: super::Status,
        /// Details, hostile text.
        text: String,
    },
    /// The manifest is complete.
    Listed,
    /// Answer to a question about an entry.
    Compared {
        /// The entry.
        entry: EntryId,
        /// Whether the sender's file has the digest asked about.
        same: bool,
    },
    /// The sender stopped.
    Aborted(Abort),
    /// Both sides said `BYE`; the connection may be closed.
    Closed,
}

/// A block as the receiver's storage knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The entry.
    pub entry: EntryId,
    /// Number of the block within the file.
    pub number: u64,
}

/// What a data frame means, once checked against what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Bytes of a range block: `len` of them.
    Range {
        /// Which.
        block: Block,
        /// Bytes that follow.
        len: u32,
        /// Whether a stream of unknown size ends here.
        last: bool,
    },
    /// Bytes of a pack: the small files among these entries that did not fail, one after the other.
    Pack {
        /// Entry and length of each.
        members: Vec<(EntryId, u32)>,
    },
    /// The block is what this side said it has.
    Same {
        /// Which.
        block: Block,
    },
    /// The entry cannot be sent.
    Fail {
        /// Which.
        entry: EntryId,
        /// Why.
        status: super::Status,
    },
    /// Every question has been answered.
    End,
}
