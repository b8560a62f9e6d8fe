//! The numbers of the content model, each with its reason.

/// A block is `2^BLOCK_EXPONENT` bytes. The exponent travels in the offer, so that it can change one day.
pub const BLOCK_EXPONENT: u8 = 18;

/// Bytes in a full block: 256 KiB. Large enough that 32 bytes of digest cost a hundredth of a percent, small
/// enough that a flipped bit or a lost connection costs a quarter of a megabyte (`specs/01-content.md` §5).
pub const BLOCK_SIZE: u64 = 1 << BLOCK_EXPONENT;

/// Longest manifest segment in bytes. It fits the control channel's largest frame (1 MiB) with room, and is
/// small enough that the receiver can act on the first names while the sender still walks.
pub const SEGMENT_SIZE: usize = 256 * 1024;

/// Most files in one pack. 256 KiB of one-byte files would make 262,144 opens for a single block; 4,096 keeps
/// the work behind one block, and what is lost when one block fails, within a second of an ordinary disk.
pub const MAX_PACK_FILES: u32 = 4_096;

/// Longest source identity in bytes: size, mtime, ctime, device and inode take 40; an object store's version
/// name or a hash takes up to 64.
pub const MAX_IDENTITY: usize = 64;

/// Longest name the format itself can hold, whatever the limits say. No known file system goes beyond 1,024
/// bytes; with [`FORMAT_MAX_TARGET`] it keeps every record well inside one segment.
pub const FORMAT_MAX_NAME: usize = 65_535;

/// Longest symlink target the format itself can hold, whatever the limits say.
pub const FORMAT_MAX_TARGET: usize = 65_535;

/// Bits of [`Entry::mode`](super::Entry::mode) that exist: permissions, setuid, setgid and sticky.
pub const MODE_MASK: u16 = 0o7777;

/// How large a manifest one side is willing to hold. The sender's [`Manifest`](super::Manifest) and the
/// receiver's [`SegmentReader`](super::SegmentReader) apply the same rules, each with its own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestLimits {
    /// Most entries.
    pub max_entries: u32,
    /// Longest single name in bytes; never more than [`FORMAT_MAX_NAME`].
    pub max_name: usize,
    /// Most components in a path; a root has depth 1.
    pub max_depth: usize,
    /// Longest path in bytes, its separators counted.
    pub max_path: usize,
    /// Longest symlink target in bytes; never more than [`FORMAT_MAX_TARGET`].
    pub max_target: usize,
    /// Most bytes of names, targets and identities together.
    pub max_text: u64,
}

impl ManifestLimits {
    /// 2^24 = 16,777,216 entries. The largest trees kept on one disk (mail stores, backups) are around ten
    /// million files; at about 100 bytes each such a manifest takes 1 GiB, this many 1.6 GiB.
    pub const MAX_ENTRIES: u32 = 1 << 24;
    /// 1,024 bytes: 255 is usual, HFS+ and SMB allow 255 UTF-16 units (765 bytes of UTF-8), macOS states 1,024.
    pub const MAX_NAME: usize = 1_024;
    /// 512 levels. Real trees stay under 100; every level may cost the receiver an open directory handle.
    pub const MAX_DEPTH: usize = 512;
    /// 65,536 bytes: sixteen times Linux' `PATH_MAX`, twice the longest Windows path.
    pub const MAX_PATH: usize = 65_536;
    /// 4,096 bytes: Linux' `PATH_MAX`, beyond which no link can be created.
    pub const MAX_TARGET: usize = 4_096;
    /// 2 GiB: 128 bytes for each of the most entries. Without it a peer within all other limits could still
    /// make the receiver hold 16 GiB of names.
    pub const MAX_TEXT: u64 = 2 << 30;
}

impl Default for ManifestLimits {
    fn default() -> Self {
        Self {
            max_entries: Self::MAX_ENTRIES,
            max_name: Self::MAX_NAME,
            max_depth: Self::MAX_DEPTH,
            max_path: Self::MAX_PATH,
            max_target: Self::MAX_TARGET,
            max_text: Self::MAX_TEXT,
        }
    }
}
