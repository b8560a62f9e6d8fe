//! Unix systems without splice(2): bytes are copied by hand.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use crate::splice::Carrier;

/// Nothing that could move bytes.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn carrier_of(_: BorrowedFd<'_>) -> io::Result<Carrier> {
    Ok(Carrier::Other)
}

/// Not available.
pub(crate) fn splice(_from: BorrowedFd<'_>, _to: BorrowedFd<'_>, _len: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not available in this form: each system has another one.
pub(crate) fn sendfile(_from: BorrowedFd<'_>, _to: BorrowedFd<'_>, _len: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not needed without splice(2).
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not told.
pub(crate) fn pipe_size(_: BorrowedFd<'_>) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not to be changed.
pub(crate) fn widen_pipe(_: BorrowedFd<'_>, _size: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}
