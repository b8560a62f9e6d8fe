//! The real file system, reached through directory handles.
//!
//! Every call is relative to an open directory, takes one component and refuses links (`O_NOFOLLOW`), so it cannot
//! leave the destination, whatever is planted or exchanged there meanwhile.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
};

use rustix::{
    fs::{self as sys, AtFlags, FileType, FlockOperation, Mode, OFlags, Stat, Timespec, Timestamps},
    io::Errno,
};
use sockeye_proto::content::Timestamp;

use super::volume::{Access, FileKind, Metadata, Name, Replace, Volume};

/// A directory of this machine and what lies below it.
#[derive(Clone, Debug)]
pub struct DiskVolume {
    root: Arc<OwnedFd>,
    umask: u32,
}

impl DiskVolume {
    /// Opens an existing directory. This is the only path that is followed as the system does it.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self::new(sys::open(directory, flags, Mode::empty())?))
    }

    /// Takes a directory that is already open for reading.
    pub fn new(directory: OwnedFd) -> Self {
        Self { root: Arc::new(directory), umask: umask() }
    }
}

impl Volume for DiskVolume {
    type Dir = Arc<OwnedFd>;
    type File = Arc<OwnedFd>;

    fn root(&self) -> Self::Dir {
        Arc::clone(&self.root)
    }

    fn umask(&self) -> u32 {
        self.umask
    }

    fn owner(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn free_space(&self) -> io::Result<u64> {
        let stat = sys::fstatvfs(&self.root)?;
        if stat.f_blocks == 0 {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn open_dir(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<Self::Dir> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Arc::new(sys::openat(dir, name.as_bytes(), flags, Mode::empty())?))
    }

    fn create_dir(&self, dir: &Self::Dir, name: Name<'_>, mode: u32) -> io::Result<()> {
        Ok(sys::mkdirat(dir, name.as_bytes(), bits(mode))?)
    }

    fn stat(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<Metadata> {
        Ok(metadata(&sys::statat(dir, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW)?))
    }

    fn stat_dir(&self, dir: &Self::Dir) -> io::Result<Metadata> {
        Ok(metadata(&sys::fstat(dir)?))
    }

    fn list(&self, dir: &Self::Dir) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in sys::Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if Name::new(name).is_some() {
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    fn set_dir_attributes(&self, dir: &Self::Dir, mode: u32, modified: Timestamp) -> io::Result<()> {
        set_attributes(dir, Some(mode), modified)
    }

    fn sync_dir(&self, dir: &Self::Dir) -> io::Result<()> {
        Ok(sys::fsync(dir)?)
    }

    fn create_file(&self, dir: &Self::Dir, name: Name<'_>, mode: u32) -> io::Result<Self::File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Arc::new(sys::openat(dir, name.as_bytes(), flags, bits(mode))?))
    }

    fn open_file(&self, dir: &Self::Dir, name: Name<'_>, access: Access) -> io::Result<Self::File> {
        let access = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
        };
        // Without NONBLOCK, opening a pipe waits for its other end.
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = sys::openat(dir, name.as_bytes(), flags, Mode::empty())?;
        if metadata(&sys::fstat(&file)?).kind != FileKind::File {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Arc::new(file))
    }

    fn stat_file(&self, file: &Self::File) -> io::Result<Metadata> {
        Ok(metadata(&sys::fstat(file)?))
    }

    fn write_at(&self, file: &Self::File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (mut rest, mut at) = (bytes, offset);
        while !rest.is_empty() {
            match rustix::io::pwrite(file, rest, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => (rest, at) = (&rest[n..], at + n as u64),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_at(&self, file: &Self::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match rustix::io::pread(file, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    fn set_len(&self, file: &Self::File, len: u64) -> io::Result<()> {
        Ok(sys::ftruncate(file, len)?)
    }

    fn check_room(&self, file: &Self::File, len: u64) -> io::Result<()> {
        // Setting the room aside would cost a pass over all of its pages on file systems in memory, and on others turn
        // every write into two changes of the file's map.
        let Ok(stat) = sys::fstatvfs(file) else { return Ok(()) };
        // Without blocks it does not say how large it is: a file system in memory without a limit, and some on the network.
        let free = stat.f_bfree.saturating_mul(stat.f_frsize);
        if stat.f_blocks > 0 && free < len { Err(Errno::NOSPC.into()) } else { Ok(()) }
    }

    fn set_file_attributes(
        &self,
        file: &Self::File,
        mode: Option<u32>,
        modified: Timestamp,
    ) -> io::Result<()> {
        set_attributes(file, mode, modified)
    }

    fn sync_file(&self, file: &Self::File) -> io::Result<()> {
        Ok(sys::fsync(file)?)
    }

    fn try_lock(&self, file: &Self::File) -> io::Result<bool> {
        match sys::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn sync_all(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return Ok(sys::syncfs(&self.root)?);
        #[cfg(not(target_os = "linux"))]
        return Err(io::ErrorKind::Unsupported.into());
    }

    fn rename(
        &self,
        from: (&Self::Dir, Name<'_>),
        to: (&Self::Dir, Name<'_>),
        replace: Replace,
    ) -> io::Result<()> {
        let ((from, old), (to, new)) = ((from.0, from.1.as_bytes()), (to.0, to.1.as_bytes()));
        if replace == Replace::Allowed {
            return Ok(sys::renameat(from, old, to, new)?);
        }
        #[cfg(target_os = "linux")]
        match sys::renameat_with(from, old, to, new, sys::RenameFlags::NOREPLACE) {
            // File systems that cannot do it say EINVAL, kernels ENOSYS.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            other => return Ok(other?),
        }
        // A second name fails if the new one exists; then the old one goes. In between both are there.
        match sys::linkat(from, old, to, new, AtFlags::empty()) {
            Ok(()) => Ok(sys::unlinkat(from, old, AtFlags::empty())?),
            // No hard links either (FAT, some network shares): only here the look and the rename are two steps.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) => {
                match sys::statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
                    Err(Errno::NOENT) => Ok(sys::renameat(from, old, to, new)?),
                    Err(error) => Err(error.into()),
                    Ok(_) => Err(Errno::EXIST.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    fn symlink(&self, target: &[u8], dir: &Self::Dir, name: Name<'_>, modified: Timestamp) -> io::Result<()> {
        sys::symlinkat(target, dir, name.as_bytes())?;
        // Not every file system keeps times of links; nothing depends on them.
        let _ = sys::utimensat(dir, name.as_bytes(), &times(modified), AtFlags::SYMLINK_NOFOLLOW);
        Ok(())
    }

    fn read_link(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<Vec<u8>> {
        Ok(sys::readlinkat(dir, name.as_bytes(), Vec::new())?.into_bytes())
    }

    fn unlink(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<()> {
        Ok(sys::unlinkat(dir, name.as_bytes(), AtFlags::empty())?)
    }

    fn remove_dir(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<()> {
        Ok(sys::unlinkat(dir, name.as_bytes(), AtFlags::REMOVEDIR)?)
    }
}

fn set_attributes(handle: impl AsFd, mode: Option<u32>, modified: Timestamp) -> io::Result<()> {
    if let Some(mode) = mode {
        sys::fchmod(&handle, bits(mode))?;
    }
    Ok(sys::futimens(&handle, &times(modified))?)
}

fn bits(mode: u32) -> Mode {
    Mode::from_raw_mode(mode & 0o777)
}

/// The access time goes with the modification time: a file nobody has read yet.
fn times(modified: Timestamp) -> Timestamps {
    // Values from 10^9 on mean "now" and "leave it" to the system.
    let time = Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanos.min(999_999_999).into() };
    Timestamps { last_access: time, last_modification: time }
}

// The types of these fields differ from system to system.
#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, clippy::cast_lossless)]
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn metadata(stat: &Stat) -> Metadata {
    Metadata {
        kind: match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Directory,
            FileType::Symlink => FileKind::Symlink,
            _ => FileKind::Other,
        },
        size: stat.st_size as u64,
        mode: u32::from(stat.st_mode) & 0o7777,
        modified: Timestamp { seconds: stat.st_mtime, nanos: stat.st_mtime_nsec as u32 },
        inode: stat.st_ino as u64,
        device: stat.st_dev as u64,
        owner: stat.st_uid,
        links: stat.st_nlink as u64,
    }
}

/// The umask of this process. Where the kernel tells it, nothing is changed to read it; elsewhere it is set and put
/// back, which only another thread that creates files at this very moment could notice.
fn umask() -> u32 {
    let told = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
        u32::from_str_radix(line.trim(), 8).ok()
    });
    told.unwrap_or_else(|| {
        let mask = rustix::process::umask(Mode::from_raw_mode(0o077));
        rustix::process::umask(mask);
        mask.bits()
    })
}
