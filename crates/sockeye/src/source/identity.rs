//! What tells a file from a changed one.

use std::{
    os::fd::AsFd,
    time::{Duration, SystemTime},
};

use rustix::fs::Stat;
use sockeye_proto::content::{SourceIdentity, Timestamp};

/// A change within this time of a file's modification time need not show in it: two seconds are the resolution of FAT,
/// the coarsest in use.
const RESOLUTION: Duration = Duration::from_secs(2);

const FILE_BYTES: usize = 40;
const DIRECTORY_BYTES: usize = 16;

/// A file's size, times and place, as the file system states them.
///
/// As bytes in the manifest, big-endian: device, inode; for files also size, modification time and change time, both in
/// nanoseconds since the epoch. A directory's times change while it is sent from, and say nothing about its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    content: Option<Content>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    size: u64,
    modified: i64,
    changed: i64,
}

impl Identity {
    /// Of a regular file.
    pub(super) fn of_file(stat: &Stat) -> Self {
        let content = Content {
            size: size(stat),
            modified: nanoseconds(signed(stat.st_mtime), signed(stat.st_mtime_nsec)),
            changed: nanoseconds(signed(stat.st_ctime), signed(stat.st_ctime_nsec)),
        };
        Self { content: Some(content), ..Self::of_directory(stat) }
    }

    /// Of a directory.
    pub(super) fn of_directory(stat: &Stat) -> Self {
        Self { device: unsigned(stat.st_dev), inode: unsigned(stat.st_ino), content: None }
    }

    /// The bytes that travel.
    pub(super) fn to_source(self) -> SourceIdentity {
        let mut bytes = [0; FILE_BYTES];
        let Content { size, modified, changed } =
            self.content.unwrap_or(Content { size: 0, modified: 0, changed: 0 });
        let fields = [
            self.device.to_be_bytes(),
            self.inode.to_be_bytes(),
            size.to_be_bytes(),
            modified.to_be_bytes(),
            changed.to_be_bytes(),
        ];
        for (place, field) in bytes.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field);
        }
        let len = if self.content.is_some() { FILE_BYTES } else { DIRECTORY_BYTES };
        // Both lengths are within the 64 bytes that an identity may have.
        SourceIdentity::new(&bytes[..len]).unwrap_or_default()
    }

    /// The listed identity; `None` for bytes that this module did not make.
    pub(super) fn from_source(bytes: &[u8]) -> Option<Self> {
        let (fields, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return None;
        }
        let (device, inode, content) = match *fields {
            [device, inode] => (device, inode, None),
            [device, inode, size, modified, changed] => {
                let size = u64::from_be_bytes(size);
                let [modified, changed] = [modified, changed].map(i64::from_be_bytes);
                (device, inode, Some(Content { size, modified, changed }))
            }
            _ => return None,
        };
        Some(Self { device: u64::from_be_bytes(device), inode: u64::from_be_bytes(inode), content })
    }

    /// Whether what was opened as `fd`, and is now `self`, is the one that was listed. Device and inode count only
    /// where the file system keeps them.
    pub(super) fn is_still(self, listed: Self, fd: impl AsFd) -> bool {
        let same_place = || (self.device, self.inode) == (listed.device, listed.inode);
        self.content == listed.content && (same_place() || !keeps_inode_numbers(fd))
    }
}

/// Whether a file modified at `modified` and read at `now` could have been changed since without a trace in its times:
/// it was modified less than two seconds before, or its clock is ahead.
pub(crate) fn doubtful(modified: Timestamp, now: SystemTime) -> bool {
    let settled =
        now.checked_sub(RESOLUTION).and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let Some(settled) = settled else { return true };
    let seconds = i64::try_from(settled.as_secs()).unwrap_or(i64::MAX);
    modified >= Timestamp { seconds, nanos: settled.subsec_nanos() }
}

/// When the content last changed.
pub(super) fn modified(stat: &Stat) -> Timestamp {
    let nanos = u32::try_from(signed(stat.st_mtime_nsec)).unwrap_or(0).min(999_999_999);
    Timestamp { seconds: signed(stat.st_mtime), nanos }
}

/// Size in bytes.
pub(super) fn size(stat: &Stat) -> u64 {
    unsigned(stat.st_size)
}

/// Wraps in the year 2262 and before 1677, where it is still equal exactly when the times are.
fn nanoseconds(seconds: i64, nanos: i64) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos)
}

/// The types of `Stat`'s fields differ between systems. No size, device or inode number is negative.
fn unsigned(value: impl TryInto<u64>) -> u64 {
    value.try_into().unwrap_or(0)
}

fn signed(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(0)
}

/// Whether a file keeps its inode number when the kernel forgets it for lack of memory and finds it again. FAT has no
/// such numbers; FUSE and network file systems may make them up. Only asked when everything else is equal.
#[cfg(target_os = "linux")]
fn keeps_inode_numbers(fd: impl AsFd) -> bool {
    const MADE_UP: [u64; 7] = [
        0x4d44,      // FAT
        0x2011_bab0, // exFAT
        0x6573_5546, // FUSE
        0xfe53_4d42, // SMB 2 and later
        0xff53_4d42, // SMB 1
        0x517b,      // old SMB
        0x0102_1997, // 9P
    ];
    rustix::fs::fstatfs(fd).is_ok_and(|fs| !MADE_UP.contains(&(unsigned(fs.f_type) & 0xffff_ffff)))
}

#[cfg(not(target_os = "linux"))]
fn keeps_inode_numbers(_: impl AsFd) -> bool {
    true
}
