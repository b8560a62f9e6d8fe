//! splice(2), sendfile(2) and pipes.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::{
    fs::FileType,
    pipe::{PipeFlags, SpliceFlags},
};

use crate::splice::Carrier;

/// What kind of file a descriptor is.
pub(crate) fn carrier_of(descriptor: BorrowedFd<'_>) -> io::Result<Carrier> {
    Ok(match FileType::from_raw_mode(rustix::fs::fstat(descriptor)?.st_mode) {
        FileType::Fifo => Carrier::Pipe,
        FileType::RegularFile => Carrier::File,
        FileType::Socket => Carrier::Socket,
        _ => Carrier::Other,
    })
}

/// Moves bytes by splice(2), without waiting at a pipe.
pub(crate) fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, len: usize) -> io::Result<usize> {
    let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
    Ok(rustix::pipe::splice(from, None, to, None, len, flags)?)
}

/// Moves bytes by sendfile(2), from where the file stands.
pub(crate) fn sendfile(from: BorrowedFd<'_>, to: BorrowedFd<'_>, len: usize) -> io::Result<usize> {
    Ok(rustix::fs::sendfile(to, from, None, len)?)
}

/// A pipe that no program started from here inherits.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

/// How many bytes a pipe holds (`F_GETPIPE_SZ`).
pub(crate) fn pipe_size(pipe: BorrowedFd<'_>) -> io::Result<usize> {
    Ok(rustix::pipe::fcntl_getpipe_size(pipe)?)
}

/// Makes a pipe hold as many (`F_SETPIPE_SZ`), and says how many it holds then.
pub(crate) fn widen_pipe(pipe: BorrowedFd<'_>, size: usize) -> io::Result<usize> {
    Ok(rustix::pipe::fcntl_setpipe_size(pipe, size)?)
}
