//! A lane: one TLS connection that carries data frames in one direction, driven by the thread that reads or writes the
//! files, so that a block stays in one processor's cache.
//!
//! Plaintext is sealed in small pieces because the TLS library allocates per record, and allocators give large pieces
//! back to the system each time.

use std::{
    io::{self, BufRead, Read, Write},
    net::{IpAddr, Shutdown, TcpStream},
    task::Poll,
    time::{Duration, Instant},
};

use rustls::Connection;
use sockeye_proto::transfer::{DATA_HEADER_LEN, DataHeader};
use tokio_rustls::TlsStream;

use super::tls::Stream;

/// Plaintext sealed before the socket is written: four records.
const SEAL_AT_ONCE: usize = 64 * 1024;
/// Copied at once. Above 2,112 bytes glibc copies with `rep movsb` where the processor claims to be fast at it, which on AMD's
/// Zen 3 and 4 moves as little as 4 GB/s when source and destination lie unluckily within their pages; below, with vector
/// registers, many times that.
const COPY_AT_ONCE: usize = 2 * 1024;
/// Read from the socket at once.
const READ_AT_ONCE: usize = 256 * 1024;
/// Bytes in the socket that wake the reader, as long as so many are on their way.
const WAKE_AT: usize = 128 * 1024;
/// The largest record of TLS 1.3 (RFC 8446 section 5.2).
const MAX_RECORD: usize = 5 + 16_384 + 256;
/// A lane that moves nothing for this long is broken: the other end may write through to a slow disk in between.
const STALL: Duration = Duration::from_secs(120);

/// A lane before anybody decided which way it goes.
pub(crate) struct Lane {
    tls: Connection,
    socket: TcpStream,
}

/// How often a blocked sender looks whether it should go on.
const POLL: Duration = Duration::from_millis(200);
/// How long the peer may take to end its direction.
const FAREWELL: Duration = Duration::from_secs(2);

/// A handle that ends a lane from another thread.
pub(crate) struct LaneStop(TcpStream);

impl LaneStop {
    /// Ends both directions at once; the thread on the lane gets an error.
    pub(crate) fn stop(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Lane {
    /// Takes over a connection after its asynchronous handshake.
    pub(crate) fn new(stream: Stream) -> io::Result<Self> {
        let (tcp, tls) = match stream {
            TlsStream::Client(s) => {
                let (tcp, tls) = s.into_inner();
                (tcp, Connection::from(tls))
            }
            TlsStream::Server(s) => {
                let (tcp, tls) = s.into_inner();
                (tcp, Connection::from(tls))
            }
        };
        let mut tls = tls;
        // What is sealed goes out before more is: the pieces bound the buffer.
        tls.set_buffer_limit(None);
        let socket = tcp.into_std()?;
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(STALL))?;
        socket.set_write_timeout(Some(POLL))?;
        Ok(Self { tls, socket })
    }

    /// This machine's address on the connection.
    pub(crate) fn local_ip(&self) -> Option<IpAddr> {
        self.socket.local_addr().ok().map(|address| address.ip().to_canonical())
    }

    /// A handle to end it from elsewhere.
    pub(crate) fn stopper(&self) -> io::Result<LaneStop> {
        self.socket.try_clone().map(LaneStop)
    }

    /// The sending end.
    pub(crate) fn into_writer(self) -> LaneWriter {
        LaneWriter { tls: self.tls, socket: self.socket, bytes: 0, blocked: Duration::ZERO }
    }

    /// The receiving end.
    pub(crate) fn into_reader(self) -> io::Result<LaneReader> {
        self.socket.set_nonblocking(true)?;
        Ok(LaneReader {
            tls: self.tls,
            socket: self.socket,
            sealed: vec![0; READ_AT_ONCE],
            opened: 0,
            read: 0,
            header: [0; DATA_HEADER_LEN],
            have: 0,
            low_water: 1,
            bytes: 0,
            moved: Instant::now(),
        })
    }
}

/// Sends data frames.
pub(crate) struct LaneWriter {
    tls: Connection,
    socket: TcpStream,
    bytes: u64,
    blocked: Duration,
}

impl LaneWriter {
    /// Sends one frame. While the peer does not read, `go_on` is asked now and then whether to wait longer.
    pub(crate) fn send(
        &mut self,
        header: &DataHeader,
        body: &[u8],
        go_on: &mut dyn FnMut() -> bool,
    ) -> io::Result<()> {
        self.tls.writer().write_all(&header.encode())?;
        for piece in body.chunks(SEAL_AT_ONCE) {
            self.seal(piece)?;
            self.push_out(go_on)?;
        }
        self.bytes += (DATA_HEADER_LEN + body.len()) as u64;
        Ok(())
    }

    /// Sends what small frames left in the buffer.
    pub(crate) fn flush(&mut self, go_on: &mut dyn FnMut() -> bool) -> io::Result<()> {
        self.push_out(go_on)
    }

    /// Ends this direction properly. What was sent is still on its way: [`LaneWriter::leave`] waits for it.
    pub(crate) fn finish(&mut self, go_on: &mut dyn FnMut() -> bool) -> io::Result<()> {
        self.tls.send_close_notify();
        self.push_out(go_on)?;
        self.socket.shutdown(Shutdown::Write)
    }

    /// Reads to the peer's end, once the peer has said that it has everything: closing with bytes unread would reset the
    /// connection. How it ends changes nothing any more.
    pub(crate) fn leave(&mut self) {
        let _ = self.socket.set_read_timeout(Some(FAREWELL));
        let mut rest = [0; 4096];
        while self.socket.read(&mut rest).is_ok_and(|read| read > 0) {}
    }

    /// Seals up to [`SEAL_AT_ONCE`] bytes.
    fn seal(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut slices = [io::IoSlice::new(&[]); SEAL_AT_ONCE / COPY_AT_ONCE];
        for (slice, bytes) in slices.iter_mut().zip(piece.chunks(COPY_AT_ONCE)) {
            *slice = io::IoSlice::new(bytes);
        }
        let count = piece.len().div_ceil(COPY_AT_ONCE);
        let sealed = self.tls.writer().write_vectored(&slices[..count])?;
        if sealed == piece.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// Bytes of frames sent.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Time spent waiting for the peer to read.
    pub(crate) fn blocked(&self) -> Duration {
        self.blocked
    }

    fn push_out(&mut self, go_on: &mut dyn FnMut() -> bool) -> io::Result<()> {
        let mut stalled = Duration::ZERO;
        while self.tls.wants_write() {
            let before = Instant::now();
            match self.tls.write_tls(&mut self.socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => stalled = Duration::ZERO,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    stalled += before.elapsed();
                    if stalled >= STALL {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    if !go_on() {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            self.blocked += before.elapsed();
        }
        Ok(())
    }
}

/// Receives data frames. Nothing here waits: when something is [`Poll::Pending`], wait until the
/// [`socket`](Self::socket) has something to read and ask again.
pub(crate) struct LaneReader {
    tls: Connection,
    socket: TcpStream,
    /// What was read from the socket; `opened..read` of it is not opened yet.
    sealed: Vec<u8>,
    opened: usize,
    read: usize,
    /// The first `have` bytes of a header.
    header: [u8; DATA_HEADER_LEN],
    have: usize,
    /// What `SO_RCVLOWAT` is set to.
    low_water: usize,
    bytes: u64,
    /// When the socket gave something last.
    moved: Instant,
}

impl LaneReader {
    /// The next header; `None` at a proper end.
    pub(crate) fn poll_header(&mut self) -> Poll<io::Result<Option<[u8; DATA_HEADER_LEN]>>> {
        while self.have < DATA_HEADER_LEN {
            match self.tls.reader().read(&mut self.header[self.have..]) {
                Ok(0) if self.have == 0 => return Poll::Ready(Ok(None)),
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(n) => self.have += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.pull_in(DATA_HEADER_LEN - self.have)? {
                        return Poll::Pending;
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.have = 0;
        self.bytes += DATA_HEADER_LEN as u64;
        Poll::Ready(Ok(Some(self.header)))
    }

    /// Adds to `body` until it has `len` bytes.
    pub(crate) fn poll_body(&mut self, len: usize, body: &mut Vec<u8>) -> Poll<io::Result<()>> {
        body.reserve(len.saturating_sub(body.len()));
        while body.len() < len {
            let want = len - body.len();
            let mut reader = self.tls.reader();
            match reader.fill_buf() {
                Ok([]) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(chunk) => {
                    let n = chunk.len().min(want);
                    for piece in chunk[..n].chunks(COPY_AT_ONCE) {
                        body.extend_from_slice(piece);
                    }
                    reader.consume(n);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.pull_in(want)? {
                        return Poll::Pending;
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.bytes += len as u64;
        Poll::Ready(Ok(()))
    }

    /// What to wait for. The kernel says that it is readable when a good part of what is due is there.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether a header has begun.
    pub(crate) fn in_header(&self) -> bool {
        self.have > 0
    }

    /// When a lane of which something is due must be taken for broken, if nothing more comes.
    pub(crate) fn stalls_at(&self) -> Instant {
        self.moved + STALL
    }

    /// Bytes of frames received.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends this direction properly.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.socket.set_nonblocking(false)?;
        self.tls.send_close_notify();
        self.tls.write_tls(&mut self.socket)?;
        self.socket.shutdown(Shutdown::Write)
    }

    /// Opens what has been read, after reading some if there is nothing; false if there was nothing to read. At least
    /// `coming` bytes of plaintext are on their way. The end of the stream without a farewell is an error, which the TLS
    /// library reports at the next read.
    fn pull_in(&mut self, coming: usize) -> io::Result<bool> {
        if self.opened == self.read {
            match self.socket.read(&mut self.sealed) {
                Ok(read) => (self.opened, self.read) = (0, read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wake_at(coming);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
            self.moved = Instant::now();
        }
        let sealed = &self.sealed[self.opened..self.read];
        self.opened += self.tls.read_tls(&mut Pieces(sealed))?;
        // Records that do not open were changed on the way, most likely: the connection is lost, nobody is at fault.
        self.tls.process_new_packets().map_err(|e| io::Error::new(io::ErrorKind::ConnectionAborted, e))?;
        Ok(true)
    }

    /// Has the kernel say nothing until a good part of what is on its way is there: each wake-up is work, for the
    /// sender's processor too if both share a machine.
    fn wake_at(&mut self, coming: usize) {
        // The TLS library may have a part of a record already.
        let bytes = coming.saturating_sub(MAX_RECORD).clamp(1, WAKE_AT);
        let option = u32::try_from(bytes).unwrap_or(1);
        if bytes != self.low_water && sockeye_net::set_receive_low_water(&self.socket, option).is_ok() {
            self.low_water = bytes;
        }
    }
}

/// Reads from a slice, copying as [`COPY_AT_ONCE`] says.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.0.len().min(into.len());
        for (to, from) in into[..n].chunks_mut(COPY_AT_ONCE).zip(self.0[..n].chunks(COPY_AT_ONCE)) {
            to.copy_from_slice(from);
        }
        self.0 = &self.0[n..];
        Ok(n)
    }
}
