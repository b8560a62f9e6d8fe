//! What can go wrong on the receiver's disk: with one entry, or with all of it.

use std::{borrow::Cow, io};

use rustix::io::Errno;
use sockeye_proto::content::JournalError;

/// What became of an entry that is not simply done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EntryStatus {
    /// A different one is here and stays.
    Exists,
    /// Left alone because the user said so.
    Skipped,
    /// The name cannot be held here, or the policy refuses it.
    NameRefused,
    /// A link that points out of what is sent, or a kind of file that does not travel.
    KindRefused,
    /// The source changed while it was read.
    SourceChanged,
    /// The source could not be read.
    SourceUnreadable,
    /// It could not be written.
    WriteFailed,
    /// Its bytes did not have their digest.
    Integrity,
    /// Nothing is known but that it did not arrive.
    Failed,
}

/// Why one entry did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of trouble.
    pub status: EntryStatus,
    /// In words, without the path. May contain a peer's text.
    pub text: Cow<'static, str>,
}

impl Failure {
    /// A failure with fixed words.
    pub(super) fn new(status: EntryStatus, text: &'static str) -> Self {
        Self { status, text: Cow::Borrowed(text) }
    }

    /// A failure with what the system said.
    pub(super) fn io(action: &'static str, error: &io::Error) -> Self {
        Self { status: EntryStatus::WriteFailed, text: Cow::Owned(format!("{action}: {error}")) }
    }
}

/// A write that did not happen: because of this entry, or for good.
#[derive(Debug, thiserror::Error)]
pub enum EntryFault {
    /// Only this entry is concerned; it is recorded and the transfer goes on.
    #[error("{}", .0.text)]
    Entry(Failure),
    /// Nothing more can be written; what was verified stays journalled.
    #[error(transparent)]
    Fatal(#[from] StorageError),
}

/// The whole transfer cannot be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Another process receives the same transfer into the same directory.
    #[error("another process is receiving this into the same directory")]
    Busy,
    /// Something stands where the staging directory belongs, and it is not ours.
    #[error("{name}: {reason}; remove it or receive into another directory")]
    Staging {
        /// Its name in the destination.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The journal of an interrupted transfer cannot be used.
    #[error("journal in {name}: {source}")]
    Journal {
        /// Name of the staging directory.
        name: String,
        /// What is wrong.
        source: JournalError,
    },
    /// The disk is full, broken or read-only, or something else that concerns every file.
    #[error("{action}: {source}")]
    Io {
        /// What was being done, as a verb phrase.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The caller broke an order or a bound that this module states.
    #[error("storage was used wrongly: {what}")]
    Misuse {
        /// Which one.
        what: &'static str,
    },
}

impl StorageError {
    /// Whether there is no room, by space or by quota.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_full(source))
    }

    pub(super) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    /// The same error for the next caller: after the first one nothing is written any more.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Busy => Self::Busy,
            Self::Staging { name, reason } => Self::Staging { name: name.clone(), reason },
            Self::Journal { name, source } => Self::Journal { name: name.clone(), source: source.clone() },
            Self::Io { action, source } => {
                let same = source.raw_os_error().map(io::Error::from_raw_os_error);
                Self::Io { action, source: same.unwrap_or_else(|| source.kind().into()) }
            }
            Self::Misuse { what } => Self::Misuse { what },
        }
    }
}

/// Sorts a failed call: errors that the next file would meet as well stop the transfer.
pub(super) fn sort(action: &'static str, error: io::Error) -> EntryFault {
    if concerns_all(&error) {
        return EntryFault::Fatal(StorageError::Io { action, source: error });
    }
    EntryFault::Entry(Failure::io(action, &error))
}

fn concerns_all(error: &io::Error) -> bool {
    let every = [Errno::ROFS, Errno::IO, Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::STALE, Errno::BADF];
    is_full(error) || every.iter().any(|errno| is(error, *errno))
}

fn is_full(error: &io::Error) -> bool {
    is(error, Errno::NOSPC) || is(error, Errno::DQUOT)
}

/// Whether the system gave this number.
pub(super) fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}
