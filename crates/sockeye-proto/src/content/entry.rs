//! One line of a manifest: a directory, a file or a symlink (`specs/01-content.md` §2).

use super::config::MAX_IDENTITY;
use super::error::{ManifestError, NameFault};
use alloc::vec::Vec;
use core::fmt;

/// An entry's position in the manifest, counted from 0.
pub type EntryId = u32;

/// A moment, since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Whole seconds; negative before 1970.
    pub seconds: i64,
    /// Nanoseconds after that second, fewer than 10^9.
    pub nanos: u32,
}

/// What the sender's storage says about a file so that a change can be noticed: on Unix size, mtime, ctime,
/// device and inode. Opaque: it is compared for equality and never looked into by anybody else. At most
/// [`MAX_IDENTITY`] bytes; empty when there is nothing to compare.
#[derive(Clone, Copy)]
pub struct SourceIdentity {
    bytes: [u8; MAX_IDENTITY],
    len: u8,
}

impl SourceIdentity {
    /// An identity of these bytes.
    ///
    /// # Errors
    /// [`ManifestError::IdentityTooLong`] beyond [`MAX_IDENTITY`] bytes.
    pub fn new(identity: &[u8]) -> Result<Self, ManifestError> {
        let mut bytes = [0; MAX_IDENTITY];
        let too_long = || ManifestError::IdentityTooLong { len: identity.len() };
        bytes.get_mut(..identity.len()).ok_or_else(too_long)?.copy_from_slice(identity);
        let len = u8::try_from(identity.len()).map_err(|_| too_long())?;
        Ok(Self { bytes, len })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether these bytes are the same identity, and there is one: an empty identity matches nothing.
    pub fn matches(&self, other: &[u8]) -> bool {
        !self.is_empty() && self.as_bytes() == other
    }

    /// Whether there is nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Default for SourceIdentity {
    fn default() -> Self {
        Self { bytes: [0; MAX_IDENTITY], len: 0 }
    }
}

impl PartialEq for SourceIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for SourceIdentity {}

impl fmt::Debug for SourceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourceIdentity(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// As a CBOR byte string.
impl<C> minicbor::Encode<C> for SourceIdentity {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(self.as_bytes())?.ok()
    }
}

/// From a CBOR byte string of at most [`MAX_IDENTITY`] bytes.
impl<'b, C> minicbor::Decode<'b, C> for SourceIdentity {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        Self::new(d.bytes()?)
            .map_err(|_| minicbor::decode::Error::message("a source identity has at most 64 bytes").at(at))
    }
}

/// What an entry is, with what only this kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory; entries after it may name it as their parent.
    Directory,
    /// A file.
    File {
        /// Its size in bytes; `None` when only the end will tell (standard input). Such a file is the last entry.
        size: Option<u64>,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as the sender's file system has it. Not trusted, not followed.
        target: Vec<u8>,
    },
}

/// An entry on its way into a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The directory it lies in; `None` for a root of the transfer.
    pub parent: Option<EntryId>,
    /// One component of a path: bytes, no `/`, no NUL, not `.` or `..`.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, within `0o7777`.
    pub mode: u16,
    /// When its content last changed.
    pub modified: Timestamp,
    /// What tells its source from a changed one.
    pub source: SourceIdentity,
}

impl Entry {
    /// The same entry by reference, at position `id`.
    pub fn by_ref(&self, id: EntryId) -> EntryRef<'_> {
        EntryRef {
            id,
            parent: self.parent,
            name: &self.name,
            kind: match &self.kind {
                EntryKind::Directory => KindRef::Directory,
                EntryKind::File { size } => KindRef::File { size: *size },
                EntryKind::Symlink { target } => KindRef::Symlink { target },
            },
            mode: self.mode,
            modified: self.modified,
            source: self.source.as_bytes(),
        }
    }
}

/// [`EntryKind`] by reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindRef<'a> {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Its size in bytes, if known.
        size: Option<u64>,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: &'a [u8],
    },
}

/// An entry as a manifest holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRef<'a> {
    /// Its position in the manifest.
    pub id: EntryId,
    /// The directory it lies in; `None` for a root of the transfer.
    pub parent: Option<EntryId>,
    /// One component of a path.
    pub name: &'a [u8],
    /// What it is.
    pub kind: KindRef<'a>,
    /// Permission bits, within `0o7777`.
    pub mode: u16,
    /// When its content last changed.
    pub modified: Timestamp,
    /// The bytes of its [`SourceIdentity`].
    pub source: &'a [u8],
}

impl EntryRef<'_> {
    /// A copy that owns its bytes. An identity that is too long becomes the empty one; no manifest
    /// holds such an identity.
    pub fn to_entry(&self) -> Entry {
        Entry {
            parent: self.parent,
            name: self.name.to_vec(),
            kind: match self.kind {
                KindRef::Directory => EntryKind::Directory,
                KindRef::File { size } => EntryKind::File { size },
                KindRef::Symlink { target } => EntryKind::Symlink { target: target.to_vec() },
            },
            mode: self.mode,
            modified: self.modified,
            source: SourceIdentity::new(self.source).unwrap_or_default(),
        }
    }
}

/// What keeps these bytes from being one component of a path on any system that has `/` and NUL; `None` when
/// nothing does. What the destination can hold beyond that is for the receiver to judge.
pub fn name_fault(name: &[u8]) -> Option<NameFault> {
    match name {
        b"" => Some(NameFault::Empty),
        b"." | b".." => Some(NameFault::Dots),
        _ if name.contains(&b'/') => Some(NameFault::Slash),
        _ if name.contains(&0) => Some(NameFault::Nul),
        _ => None,
    }
}
