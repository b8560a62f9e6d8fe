//! What a transfer consists of, whatever carries it.
//!
//! A transfer is getting verified **blocks**. This module says what there is to get (the [`Manifest`]), how it
//! is divided ([`BlockMap`]), how a block is recognised ([`range_digest`], [`pack_digest`]) and how a receiver
//! remembers what it has ([`JournalWriter`], [`JournalState`]). TCP lanes, multicast or a browser carry the
//! same blocks; how they do so is for other modules.
//!
//! # Terms
//!
//! | term | is |
//! |---|---|
//! | entry | a directory, a file or a symlink: parent, name, kind, mode, time, [`SourceIdentity`] |
//! | manifest | all entries in order; a parent comes before its children |
//! | segment | a piece of the manifest on the wire, at most [`SEGMENT_SIZE`] bytes, in a hash chain |
//! | block | [`BLOCK_SIZE`] bytes of one file, or up to as many of several small files: a pack |
//! | digest | 32 bytes of BLAKE3 by which a block, a file or a manifest is recognised |
//! | journal | the receiver's record of blocks and files that are verified and on disk |
//!
//! # How it fits together
//!
//! ```text
//! sender                                       receiver
//! walk ─ Entry ─▶ Manifest ─▶ SegmentWriter ┄┄▶ SegmentReader ─▶ Manifest
//!                    │                                             │
//!                 BlockMap  ◀── the same blocks on both sides ──▶ BlockMap
//!                    │                                             │
//!              range_digest ┄┄┄┄┄┄┄┄ bytes, digest ┄┄┄┄┄┄┄▶ range_digest, RootBuilder
//!                                                                  │
//!                                                        JournalWriter ─▶ (file) ─▶ JournalState
//! ```
//!
//! # Goals
//!
//! - Both sides stream: the receiver acts on the first segment while the sender still walks.
//! - Blocks and their numbers follow from the manifest alone; nothing about them is negotiated.
//! - The digest of a file is its plain BLAKE3 hash, put together from those of its blocks without reading it
//!   again.
//! - A million entries fit in 160 MiB; nothing grows beyond a named limit on the word of a peer.
//! - Old readers skip what they need not understand and refuse what they must.
//!
//! # Non-goals
//!
//! - Whether the destination can hold a name, or holds two alike: the receiver's name policy judges that.
//! - Reading, writing or comparing files. Everything here is bytes in memory.
//! - Compression, encryption and the order in which blocks travel.
//!
//! The formats are specified in `specs/01-content.md` and `specs/02-journal.md`.

mod block;
mod config;
mod digest;
mod entry;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod journal;
mod manifest;
mod segment;
mod state;
#[cfg(test)]
mod tests;

pub use block::{BlockMap, BlockShape};
pub use config::{
    BLOCK_EXPONENT, BLOCK_SIZE, FORMAT_MAX_NAME, FORMAT_MAX_TARGET, MAX_IDENTITY, MAX_PACK_FILES, MODE_MASK,
    ManifestLimits, SEGMENT_SIZE,
};
pub use digest::{Digest, RootBuilder, file_root, pack_digest, range_digest};
pub use entry::{Entry, EntryId, EntryKind, EntryRef, KindRef, SourceIdentity, Timestamp, name_fault};
pub use error::{ContentFault, JournalError, ManifestError, NameFault};
pub use journal::{
    JOURNAL_VERSION, JournalHeader, JournalReader, JournalRecord, JournalWriter, MAX_RECORD,
    MAX_RECORD_DIGESTS, Replay,
};
pub use manifest::{Manifest, Totals};
pub use segment::{Segment, SegmentReader, SegmentWriter};
pub use state::{FileState, JournalState};
