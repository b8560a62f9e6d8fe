//! What can go wrong with a source: at once ([`SourceError`]), during the walk ([`Skipped`]), while reading
//! ([`ReadFault`]).

use std::{fmt, io, path::PathBuf};

/// A source that cannot be sent, found before anything is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The system refused.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither a file nor a directory.
    #[error("cannot send {path}: it is {kind}", path = path.display())]
    Special {
        /// The path as it was given.
        path: PathBuf,
        /// What it is.
        kind: SpecialFile,
    },
    /// The root of a file system has no name to be sent under.
    #[error("cannot send {path}: it has no name of its own; send what is in it", path = path.display())]
    NoName {
        /// The path as it was given.
        path: PathBuf,
    },
    /// Two of the given paths would arrive under one name.
    #[error(
        "{first} and {second} have the same last name; send them one after the other",
        first = first.display(), second = second.display()
    )]
    SameName {
        /// The one that was given first.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Not a pattern.
    #[error("bad pattern {pattern:?}: {reason}")]
    Pattern {
        /// The pattern as it was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The patterns exclude everything that was given.
    #[error("nothing to send: every given path is excluded")]
    AllExcluded,
}

/// Kinds of files that do not travel. They are never opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpecialFile {
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device.
    Device,
    /// Something this program has no name for.
    Unknown,
}

impl fmt::Display for SpecialFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fifo => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Unknown => "neither a file, a directory nor a link",
        })
    }
}

/// Something inside a source that is not sent: it has no entry in the manifest, nor has anything below it. The one
/// exception is a directory of which only the rest is missing ([`SkipReason::Moved`]).
#[derive(Debug)]
pub(crate) struct Skipped {
    /// Its path from the root's name on, `/` between components.
    pub(crate) path: Vec<u8>,
    /// Why.
    pub(crate) reason: SkipReason,
}

/// Why something is not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SkipReason {
    /// A kind of file that does not travel.
    #[error("{0}")]
    Special(SpecialFile),
    /// It cannot be read.
    #[error("cannot {action}: {source}")]
    Unreadable {
        /// What was being done, as a verb.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Beyond what a manifest holds.
    #[error("{what} beyond the limit of {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A directory that was moved or replaced while it was walked. If it has an entry already, that and those made
    /// before stay; the rest of it is left out.
    #[error("it was moved or replaced while it was listed")]
    Moved,
}

/// Why an entry, or a part of one, could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFault {
    /// It is not what was listed any more.
    #[error("{how}")]
    Changed {
        /// What is different, as a sentence without subject: `is gone`.
        how: &'static str,
    },
    /// It cannot be read.
    #[error("cannot {action}: {source}")]
    Unreadable {
        /// What was being done, as a verb.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A mistake of the caller: no such entry, not a file, or a range outside it.
    #[error("no such part of a file in the manifest")]
    NoSuchPart,
}

impl ReadFault {
    /// The modification that happens most.
    pub(super) const MODIFIED: Self = Self::Changed { how: "was modified" };
    /// A file that ends before the size it was listed with.
    pub(super) const SHORTER: Self = Self::Changed { how: "became shorter" };
    /// Another file, a link or a directory has its name now.
    pub(super) const REPLACED: Self = Self::Changed { how: "was replaced by something else" };

    /// What the failure to open a listed file or directory means.
    pub(super) fn from_open(error: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        match error {
            Errno::NOENT => Self::Changed { how: "is gone" },
            // A link, or anything else, where a file or directory was; ENXIO is a socket or a pipe without reader.
            Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => Self::REPLACED,
            other => Self::Unreadable { action: "open", source: other.into() },
        }
    }
}
