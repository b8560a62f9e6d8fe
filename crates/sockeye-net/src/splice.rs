//! Bytes moved inside the kernel, without a copy to this program: splice(2) and sendfile(2).
//!
//! For the plain cases, where bytes go from one descriptor to another as they are:
//!
//! | from | to | with |
//! |---|---|---|
//! | pipe | socket, file, pipe | [`splice_now`] |
//! | socket | pipe | [`splice_now`] |
//! | file | socket, pipe | [`sendfile_now`] |
//! | socket | file, socket | [`Conduit`]: a pipe of its own in between |
//!
//! Terminals and other devices cannot do it, nor files opened for appending, nor some file systems: then the first call fails
//! with an error that [`is_unsuitable`], nothing has moved, and the program copies by hand.
//!
//! No call here waits at a pipe. A socket does not make it wait if the socket itself does not block, as those of an event loop.
//! Only Linux has all of this; elsewhere every call is unsuitable.

use std::{
    io::{self, ErrorKind},
    os::fd::{AsFd, OwnedFd},
};

use crate::sys;

/// Size of a pipe that carries data in bulk: the largest that any user may ask for (`/proc/sys/fs/pipe-max-size`).
pub const PIPE_SIZE: usize = 1 << 20;

/// What kind of file a descriptor is, as far as moving bytes goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Carrier {
    /// A pipe or a named pipe.
    Pipe,
    /// A regular file.
    File,
    /// A socket.
    Socket,
    /// A terminal, another device, a directory.
    Other,
}

impl Carrier {
    /// Asks the kernel (fstat(2)).
    pub fn of(descriptor: impl AsFd) -> io::Result<Self> {
        sys::carrier_of(descriptor.as_fd())
    }
}

/// Moves at most `len` bytes between two descriptors of which one is a pipe (splice(2)); says how many, 0 at the end of what is
/// read.
///
/// Errors: [`ErrorKind::WouldBlock`] if there is nothing to read or no room to write, which at a pipe does not say on which side;
/// those for which [`is_unsuitable`] is true; [`ErrorKind::BrokenPipe`] and what else the two ends have.
pub fn splice_now(from: impl AsFd, to: impl AsFd, len: usize) -> io::Result<usize> {
    sys::splice(from.as_fd(), to.as_fd(), len)
}

/// Moves at most `len` bytes of a file, from where it stands, to a socket or a pipe (sendfile(2)); says how many, 0 at its end.
///
/// Errors: [`ErrorKind::WouldBlock`] if there is no room to write; those for which [`is_unsuitable`] is true; what else the two
/// ends have.
pub fn sendfile_now(from: impl AsFd, to: impl AsFd, len: usize) -> io::Result<usize> {
    sys::sendfile(from.as_fd(), to.as_fd(), len)
}

/// Asks for a pipe of [`PIPE_SIZE`], and says how large it is then: pipes begin with 64 KiB, and more need fewer calls.
pub fn widen_pipe(pipe: impl AsFd) -> io::Result<usize> {
    sys::widen_pipe(pipe.as_fd(), PIPE_SIZE)
}

/// Whether an error says that these descriptors cannot do it, so that bytes must be copied by hand.
pub fn is_unsuitable(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
}

/// A pipe of its own between two descriptors that are none: what was taken from the one waits here for the other.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use std::{fs, io::Write, net::{TcpListener, TcpStream}};
/// use sockeye_net::splice::{Conduit, PIPE_SIZE};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut sender = TcpStream::connect(listener.local_addr()?)?;
/// let (receiver, _) = listener.accept()?;
/// sender.write_all(b"a picture")?;
/// drop(sender);
///
/// let path = std::env::temp_dir().join(format!("sockeye-splice-{}", std::process::id()));
/// let file = fs::File::create(&path)?;
/// let mut conduit = Conduit::new()?;
/// while conduit.fill_now(&receiver, PIPE_SIZE)? > 0 {
///     while conduit.waiting() > 0 {
///         conduit.drain_now(&file)?;
///     }
/// }
/// assert_eq!(fs::read(&path)?, b"a picture");
/// # fs::remove_file(path)?;
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Conduit {
    reader: OwnedFd,
    writer: OwnedFd,
    size: usize,
    waiting: usize,
}

impl Conduit {
    /// An empty pipe, as large as may be.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = sys::pipe()?;
        let size = widen_pipe(&writer).or_else(|_| sys::pipe_size(writer.as_fd()))?;
        Ok(Self { reader, writer, size, waiting: 0 })
    }

    /// Bytes in it.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes at most `len` bytes, and no more than there is room for; says how many, 0 at the end. An error that is
    /// [`ErrorKind::WouldBlock`] speaks of `from` if the pipe was empty; otherwise the pipe may be full, even with room in bytes,
    /// because it counts pages: drain it first.
    pub fn fill_now(&mut self, from: impl AsFd, len: usize) -> io::Result<usize> {
        let room = self.size.saturating_sub(self.waiting).min(len);
        if room == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let moved = splice_now(from, &self.writer, room)?;
        self.waiting += moved;
        Ok(moved)
    }

    /// Gives what waits; says how many bytes. With nothing in it the answer is 0.
    pub fn drain_now(&mut self, to: impl AsFd) -> io::Result<usize> {
        if self.waiting == 0 {
            return Ok(0);
        }
        let moved = splice_now(&self.reader, to, self.waiting)?;
        self.waiting -= moved;
        Ok(moved)
    }

    /// Takes out what waits, for a program that must go on copying by hand.
    pub fn into_bytes(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.waiting];
        let mut file = std::fs::File::from(self.reader);
        io::Read::read_exact(&mut file, &mut bytes)?;
        self.waiting = 0;
        Ok(bytes)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
