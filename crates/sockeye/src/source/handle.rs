//! Opening files and directories so that no link is followed and nothing blocks, and asking what was opened.

use std::{
    ffi::CString,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat},
    io::{Errno, retry_on_intr},
};

use super::{ReadFault, SpecialFile};

/// How long to wait for another process to give up a lease on a file (`fcntl(2)`, `F_SETLEASE`), as file servers
/// do within milliseconds.
const LEASE_WAIT: Duration = Duration::from_secs(2);
const LEASE_POLL: Duration = Duration::from_millis(10);

/// Opens a directory by a name in another one, never through a link.
pub(super) fn open_directory(at: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = directory_flags() | OFlags::NOFOLLOW;
    retry_on_intr(|| rustix::fs::openat(at.as_fd(), name, flags, Mode::empty()))
}

/// Opens a directory that the user named, through links if need be.
pub(super) fn open_root_directory(path: &Path) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| rustix::fs::openat(CWD, path, directory_flags(), Mode::empty()))
}

/// Opens a file by a name in a directory, never through a link. It may turn out not to be a regular file.
pub(super) fn open_file(at: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    open_waiting_for_lease(at, name, file_flags() | OFlags::NOFOLLOW)
}

/// Opens a file that the user named, through links if need be. It may turn out not to be a regular file.
pub(super) fn open_root_file(path: &Path) -> Result<OwnedFd, Errno> {
    open_waiting_for_lease(CWD, path.as_os_str().as_bytes(), file_flags())
}

/// What an open file or directory is.
pub(super) fn stat(fd: impl AsFd) -> Result<Stat, Errno> {
    retry_on_intr(|| rustix::fs::fstat(fd.as_fd()))
}

/// What a name in a directory is; a link is a link.
pub(super) fn stat_at(at: impl AsFd, name: &[u8]) -> Result<Stat, Errno> {
    retry_on_intr(|| rustix::fs::statat(at.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW))
}

/// What a path that the user named leads to.
pub(super) fn stat_root(path: &Path) -> Result<Stat, Errno> {
    retry_on_intr(|| rustix::fs::statat(CWD, path, AtFlags::empty()))
}

/// Where a link points.
pub(super) fn read_link(at: impl AsFd, name: &[u8]) -> Result<Vec<u8>, Errno> {
    retry_on_intr(|| rustix::fs::readlinkat(at.as_fd(), name, Vec::new())).map(CString::into_bytes)
}

/// The names in a directory, sorted by their bytes.
pub(super) fn list(directory: impl AsFd) -> Result<Names, Errno> {
    let mut names = Names::default();
    let mut stream = Dir::read_from(directory)?;
    while let Some(entry) = stream.read() {
        match entry {
            Ok(entry) => names.push(entry.file_name().to_bytes()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    names.sort();
    Ok(names)
}

/// Reads exactly `buf.len()` bytes at `offset`.
pub(super) fn read_exact_at(fd: impl AsFd, mut buf: &mut [u8], mut offset: u64) -> Result<(), ReadFault> {
    while !buf.is_empty() {
        let count = retry_on_intr(|| rustix::io::pread(fd.as_fd(), &mut *buf, offset))
            .map_err(|error| ReadFault::Unreadable { action: "read", source: error.into() })?;
        if count == 0 {
            return Err(ReadFault::SHORTER);
        }
        buf = &mut buf[count..];
        offset += count as u64;
    }
    Ok(())
}

/// Tells the system that the file will be read from its beginning to its end. Only advice: failure does not matter.
pub(super) fn advise_sequential(fd: impl AsFd) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(fd, 0, None, rustix::fs::Advice::Sequential);
    #[cfg(not(target_os = "linux"))]
    let _ = fd;
}

/// Kinds of things, as far as they matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Symlink,
    Special(SpecialFile),
}

/// What kind of thing it is.
pub(super) fn kind(stat: &Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Directory,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Special(SpecialFile::Fifo),
        FileType::Socket => Kind::Special(SpecialFile::Socket),
        FileType::CharacterDevice | FileType::BlockDevice => Kind::Special(SpecialFile::Device),
        FileType::Unknown => Kind::Special(SpecialFile::Unknown),
    }
}

/// Permission bits, within `0o7777`.
pub(super) fn mode(stat: &Stat) -> u16 {
    u16::try_from(stat.st_mode & 0o7777).unwrap_or(0)
}

/// Whether opening failed because what was there is gone: as if it had never been listed.
pub(super) fn is_gone(error: Errno) -> bool {
    error == Errno::NOENT
}

/// Many names in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    /// Where each name begins and ends; those already taken are before `next`.
    spans: Vec<(usize, usize)>,
    next: usize,
}

impl Names {
    fn push(&mut self, name: &[u8]) {
        if name == b"." || name == b".." {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.spans.push((start, self.bytes.len()));
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.spans.sort_unstable_by(|a, b| bytes[a.0..a.1].cmp(&bytes[b.0..b.1]));
    }

    /// Whether all have been taken.
    pub(super) fn is_empty(&self) -> bool {
        self.next >= self.spans.len()
    }
}

impl Iterator for Names {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let &(start, end) = self.spans.get(self.next)?;
        self.next += 1;
        Some(self.bytes[start..end].to_vec())
    }
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

/// `NONBLOCK`: a pipe put in the file's place must not make the open wait. `NOCTTY`: a terminal must not become ours.
fn file_flags() -> OFlags {
    OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
}

/// With `NONBLOCK`, a lease of another process shows as `EWOULDBLOCK`; asking has made the kernel demand it back.
fn open_waiting_for_lease(at: impl AsFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut deadline = None;
    loop {
        match retry_on_intr(|| rustix::fs::openat(at.as_fd(), name, flags, Mode::empty())) {
            Err(Errno::WOULDBLOCK) => {}
            result => return result,
        }
        if Instant::now() >= *deadline.get_or_insert_with(|| Instant::now() + LEASE_WAIT) {
            return Err(Errno::WOULDBLOCK);
        }
        thread::sleep(LEASE_POLL);
    }
}
