//! Bytes from one descriptor to another, unseen, as fast as the kernel moves them.

use std::{
    io,
    os::fd::BorrowedFd,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{FileType, fstat},
    io::{Errno, read, write},
};

/// Bytes moved by one call: large enough that calls cost nothing beside the copying, small enough to stay in a cache of the
/// second level.
const AT_ONCE: usize = 256 * 1024;
/// Bytes that the kernel may move without us, in one call.
const BY_KERNEL: usize = 1 << 20;

/// Moves everything that `from` has to `to`, until its end, and counts it in `moved` meanwhile. Both must block.
///
/// A file goes to a socket by sendfile(2), a pipe by splice(2) on whichever side it is; what neither can do is read and written.
///
/// Errors: of the side that failed, [`Side`] says which.
pub fn carry(from: BorrowedFd<'_>, to: BorrowedFd<'_>, moved: &AtomicU64) -> Result<(), (Side, io::Error)> {
    let kind = |descriptor| {
        fstat(descriptor).map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode))
    };
    #[cfg(target_os = "linux")]
    {
        let done = match (kind(from), kind(to)) {
            (FileType::RegularFile, FileType::Socket) => {
                by_kernel(moved, || rustix::fs::sendfile(to, from, None, BY_KERNEL))
            }
            (FileType::Fifo, FileType::Socket) | (FileType::Socket, FileType::Fifo) => {
                by_kernel(moved, || {
                    rustix::pipe::splice(from, None, to, None, BY_KERNEL, rustix::pipe::SpliceFlags::MOVE)
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
    by_copy(from, to, moved)
}

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
    moved: &AtomicU64,
    mut call: impl FnMut() -> rustix::io::Result<usize>,
) -> Option<io::Result<()>> {
    loop {
        match call() {
            Ok(0) => return Some(Ok(())),
            Ok(len) => {
                moved.fetch_add(len as u64, Ordering::Relaxed);
            }
            Err(Errno::INTR) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return None,
            Err(error) => return Some(Err(error.into())),
        }
    }
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

fn by_copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>, moved: &AtomicU64) -> Result<(), (Side, io::Error)> {
    let mut buffer = vec![0; AT_ONCE];
    loop {
        let len = match read(from, &mut buffer[..]) {
            Ok(0) => return Ok(()),
            Ok(len) => len,
            Err(Errno::INTR) => continue,
            Err(error) => return Err((Side::From, error.into())),
        };
        let mut rest = &buffer[..len];
        while !rest.is_empty() {
            match write(to, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(error) => return Err((Side::To, error.into())),
            }
        }
        moved.fetch_add(len as u64, Ordering::Relaxed);
    }
}
