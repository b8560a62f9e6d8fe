//! Bytes from one descriptor to another, unseen, as fast as the kernel moves them.

use std::{
    io,
    os::fd::BorrowedFd,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, fstat},
    io::{Errno, read, write},
};

/// Bytes moved by one call: large enough that calls cost nothing beside the copying, small enough to stay in a cache of the
/// second level.
const AT_ONCE: usize = 256 * 1024;
/// Bytes that the kernel may move without us, in one call.
const BY_KERNEL: usize = 1 << 20;

/// Moves everything that `from` has to `to`, until its end, and tells how far it is meanwhile. Whether the descriptors
/// block is all the same.
///
/// A file goes to a socket by sendfile(2), a socket to a file and a pipe either way by splice(2); the rest is read and written.
///
/// Errors: of the side that failed, [`Side`] says which.
pub fn carry(from: BorrowedFd<'_>, to: BorrowedFd<'_>, progress: &Progress) -> Carried {
    let kind = |descriptor| {
        fstat(descriptor).map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode))
    };
    #[cfg(target_os = "linux")]
    {
        if (kind(from), kind(to)) == (FileType::Socket, FileType::RegularFile)
            && let Some(done) = through_pipe(from, to, progress)
        {
            return done;
        }
        let done = match (kind(from), kind(to)) {
            (FileType::RegularFile, FileType::Socket) => by_kernel(progress, || {
                wait(to, PollFlags::OUT)?;
                rustix::fs::sendfile(to, from, None, BY_KERNEL)
            }),
            (FileType::Fifo, FileType::Socket) | (FileType::Socket, FileType::Fifo) => {
                by_kernel(progress, || {
                    // While it waits inside of splice(2), the kernel keeps everybody else from using the pipe.
                    wait(from, PollFlags::IN)?;
                    wait(to, PollFlags::OUT)?;
                    rustix::pipe::splice(from, None, to, None, BY_KERNEL, SPLICE)
                })
            }
            _ => None,
        };
        match done {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => return Err((side_of(from, &error), error)),
            None => {}
        }
    }
    let _ = kind;
    by_copy(from, to, progress)
}

/// How far a [`carry`] is, for others to look at.
#[derive(Debug, Default)]
pub struct Progress {
    moved: AtomicU64,
    holding: AtomicBool,
}

impl Progress {
    /// Bytes that were moved.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Whether bytes were read and not written yet, or are there to be read: whatever is waited for now, it is not the source.
    pub fn has_more(&self, from: BorrowedFd<'_>) -> bool {
        let readable = || {
            let mut asked = [PollFd::from_borrowed_fd(from, PollFlags::IN)];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            // What cannot be asked is taken to have no more.
            poll(&mut asked, Some(&now)).is_ok_and(|ready| ready > 0)
                && asked[0].revents().contains(PollFlags::IN)
        };
        self.holding.load(Ordering::Relaxed) || readable()
    }

    fn add(&self, len: usize) {
        self.moved.fetch_add(len as u64, Ordering::Relaxed);
    }
}

/// How a [`carry`] ended.
pub type Carried = Result<(), (Side, io::Error)>;

/// Which side of a [`carry`] failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Reading.
    From,
    /// Writing.
    To,
}

/// Lets the kernel move until there is no more. `None` if it cannot for these descriptors, and nothing was moved by this call.
#[cfg(target_os = "linux")]
fn by_kernel(
    progress: &Progress,
    mut call: impl FnMut() -> rustix::io::Result<usize>,
) -> Option<io::Result<()>> {
    loop {
        match call() {
            Ok(0) => return Some(Ok(())),
            Ok(len) => {
                progress.add(len);
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return None,
            Err(error) => return Some(Err(error.into())),
        }
    }
}

/// From a socket to a file by way of a pipe: splice(2) wants one on a side, and pages that move twice are still not copied.
/// `None` if that cannot be, and nothing was moved.
#[cfg(target_os = "linux")]
fn through_pipe(from: BorrowedFd<'_>, to: BorrowedFd<'_>, progress: &Progress) -> Option<Carried> {
    use rustix::{
        fs::{OFlags, fcntl_getfl},
        pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice},
    };
    // A file that is appended to cannot be spliced to.
    if fcntl_getfl(to).is_ok_and(|flags| flags.contains(OFlags::APPEND)) {
        return None;
    }
    let (exit, entry) = pipe_with(PipeFlags::CLOEXEC).ok()?;
    let room = fcntl_setpipe_size(&entry, BY_KERNEL).unwrap_or(PIPE_DEFAULT);
    loop {
        let mut waiting = match splice(from, None, &entry, None, room, SpliceFlags::MOVE) {
            Ok(0) => return Some(Ok(())),
            Ok(len) => len,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => match wait(from, PollFlags::IN) {
                Ok(()) => continue,
                Err(error) => return Some(Err((Side::From, error.into()))),
            },
            Err(Errno::INVAL | Errno::NOSYS) => return None,
            Err(error) => return Some(Err((Side::From, error.into()))),
        };
        while waiting > 0 {
            match splice(&exit, None, to, None, waiting, SpliceFlags::MOVE) {
                Ok(len) => {
                    waiting -= len;
                    progress.add(len);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Some(Err((Side::To, error.into()))),
            }
        }
    }
}

/// What a pipe holds where its size cannot be changed (pipe(7)).
#[cfg(target_os = "linux")]
const PIPE_DEFAULT: usize = 64 * 1024;

/// How pipes are moved from and to: at once, or not at all.
#[cfg(target_os = "linux")]
const SPLICE: rustix::pipe::SpliceFlags =
    rustix::pipe::SpliceFlags::MOVE.union(rustix::pipe::SpliceFlags::NONBLOCK);

/// Waits until a descriptor can be read or written, or has failed.
fn wait(descriptor: BorrowedFd<'_>, what: PollFlags) -> rustix::io::Result<()> {
    poll(&mut [PollFd::from_borrowed_fd(descriptor, what)], None).map(drop)
}

/// sendfile and splice do not say which side an error is of. A peer that has gone can be told by its kind.
#[cfg(target_os = "linux")]
fn side_of(from: BorrowedFd<'_>, error: &io::Error) -> Side {
    let from_is_socket = rustix::net::sockopt::socket_type(from).is_ok();
    match error.kind() {
        io::ErrorKind::BrokenPipe => Side::To,
        _ if from_is_socket => Side::From,
        _ => Side::To,
    }
}

fn by_copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>, progress: &Progress) -> Carried {
    let mut buffer = vec![0; AT_ONCE];
    loop {
        let len = match read(from, &mut buffer[..]) {
            Ok(0) => return Ok(()),
            Ok(len) => len,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => {
                wait(from, PollFlags::IN).map_err(|error| (Side::From, error.into()))?;
                continue;
            }
            Err(error) => return Err((Side::From, error.into())),
        };
        let mut rest = &buffer[..len];
        progress.holding.store(true, Ordering::Relaxed);
        while !rest.is_empty() {
            match write(to, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    wait(to, PollFlags::OUT).map_err(|error| (Side::To, error.into()))?;
                }
                Err(error) => return Err((Side::To, error.into())),
            }
        }
        progress.holding.store(false, Ordering::Relaxed);
        progress.add(len);
    }
}

#[cfg(test)]
mod tests;
