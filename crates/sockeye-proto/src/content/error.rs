//! What can be wrong with a manifest or a journal, sorted by whose fault it was.

use super::EntryId;
use thiserror::Error;

/// Whose fault an error was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentFault {
    /// The bytes break the format, or the entries break its rules.
    Malformed,
    /// The content is well formed and larger or deeper than this side accepts.
    OverLimit,
    /// The other side uses something that this version does not know and must not skip.
    Incompatible,
}

/// Why a name cannot be one component of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum NameFault {
    /// It has no bytes.
    #[error("it is empty")]
    Empty,
    /// It is `.` or `..`.
    #[error("it is `.` or `..`")]
    Dots,
    /// It contains `/`.
    #[error("it contains `/`")]
    Slash,
    /// It contains a NUL byte.
    #[error("it contains a NUL byte")]
    Nul,
}

/// Why an entry or a segment was refused. Nothing of a refused entry or segment stays in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The segment ends in the middle of something.
    #[error("manifest segment ends inside {what}")]
    Truncated {
        /// What was being read.
        what: &'static str,
    },
    /// A number is longer than it need be or does not fit.
    #[error("manifest segment has a bad number as {what}")]
    BadNumber {
        /// What was being read.
        what: &'static str,
    },
    /// A segment without entries.
    #[error("manifest segment has no entries")]
    EmptySegment,
    /// A segment came out of order.
    #[error("manifest segment {got} came where {expected} was due")]
    OutOfOrder {
        /// The index that was due.
        expected: u32,
        /// The index that came.
        got: u32,
    },
    /// Extensions of an entry are not in ascending order, or one occurs twice.
    #[error("entry {entry}: extensions are not in order")]
    ExtensionOrder {
        /// The entry.
        entry: EntryId,
    },
    /// A name that cannot be a component of a path.
    #[error("entry {entry}: unusable name: {fault}")]
    Name {
        /// The entry.
        entry: EntryId,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// The parent is not an earlier directory.
    #[error("entry {entry}: its parent is not an earlier directory")]
    Parent {
        /// The entry.
        entry: EntryId,
    },
    /// A symlink's target is empty or contains a NUL byte.
    #[error("entry {entry}: unusable symlink target")]
    Target {
        /// The entry.
        entry: EntryId,
    },
    /// Mode bits outside `0o7777`.
    #[error("entry {entry}: unknown mode bits")]
    Mode {
        /// The entry.
        entry: EntryId,
    },
    /// A timestamp with a thousand million nanoseconds or more.
    #[error("entry {entry}: its time has too many nanoseconds")]
    Nanos {
        /// The entry.
        entry: EntryId,
    },
    /// A source identity longer than [`MAX_IDENTITY`](super::MAX_IDENTITY).
    #[error("source identity of {len} bytes is too long")]
    IdentityTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// An entry after a file of unknown size, which must be the last.
    #[error("entry {entry} follows a file of unknown size")]
    AfterUnknownSize {
        /// The entry.
        entry: EntryId,
    },
    /// The sizes of all files together exceed what 64 bits can count.
    #[error("entry {entry}: sizes add up to more than 2^64 bytes")]
    BytesOverflow {
        /// The entry.
        entry: EntryId,
    },
    /// More of something than the limits of this side allow.
    #[error("{what} beyond the limit of {limit}")]
    OverLimit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A segment format that this version does not know.
    #[error("manifest format {version} is newer than this program")]
    UnknownVersion {
        /// The version in the segment.
        version: u8,
    },
    /// A kind of entry or a flag that this version does not know.
    #[error("entry {entry}: kind or flags {flags:#04x} are newer than this program")]
    UnknownKind {
        /// The entry.
        entry: EntryId,
        /// The first byte of its record.
        flags: u8,
    },
    /// An extension that must be understood and is not known.
    #[error("entry {entry}: extension {key} is newer than this program")]
    UnknownExtension {
        /// The entry.
        entry: EntryId,
        /// The extension's key.
        key: u64,
    },
}

impl ManifestError {
    /// Whose fault it was.
    pub fn fault(&self) -> ContentFault {
        match self {
            Self::OverLimit { .. } => ContentFault::OverLimit,
            Self::UnknownVersion { .. } | Self::UnknownKind { .. } | Self::UnknownExtension { .. } => {
                ContentFault::Incompatible
            }
            _ => ContentFault::Malformed,
        }
    }
}

/// Why a journal cannot be used. A torn or damaged tail is no error: it is cut off
/// (`specs/02-journal.md` §5).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It does not begin like a journal, or its header is damaged.
    #[error("not a journal, or its header is damaged")]
    NotAJournal,
    /// It belongs to another transfer.
    #[error("the journal belongs to another transfer")]
    OtherKey,
    /// A newer program wrote it, in a way that this one must not ignore.
    #[error("the journal was written by a newer version of this program")]
    NewerFormat,
    /// Caller misuse: a record beyond the format's limits was to be written. Nothing was written.
    #[error("journal record is beyond the limit: {what}")]
    OverLimit {
        /// What there is too much of.
        what: &'static str,
    },
}
