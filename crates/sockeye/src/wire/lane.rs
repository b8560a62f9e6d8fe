//! A lane: one TLS connection that carries data frames in one direction, driven by a thread of its own.
//!
//! Buffers are recycled: a stage that has none left waits, and so the slowest stage sets the pace. Plaintext is sealed in
//! small pieces because the TLS library allocates per record, and allocators give large pieces back to the system each
//! time.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
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

    /// A handle to end it from elsewhere.
    pub(crate) fn stopper(&self) -> io::Result<LaneStop> {
        self.socket.try_clone().map(LaneStop)
    }

    /// The sending end.
    pub(crate) fn into_writer(self) -> LaneWriter {
        LaneWriter { tls: self.tls, socket: self.socket, bytes: 0, blocked: Duration::ZERO }
    }

    /// The receiving end.
    pub(crate) fn into_reader(self) -> LaneReader {
        LaneReader {
            tls: self.tls,
            socket: BufReader::with_capacity(READ_AT_ONCE, self.socket),
            bytes: 0,
            waited: Duration::ZERO,
        }
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

/// Receives data frames.
pub(crate) struct LaneReader {
    tls: Connection,
    socket: BufReader<TcpStream>,
    bytes: u64,
    waited: Duration,
}

impl LaneReader {
    /// Receives one header; `None` at a proper end.
    pub(crate) fn header(&mut self) -> io::Result<Option<[u8; DATA_HEADER_LEN]>> {
        let mut header = [0; DATA_HEADER_LEN];
        let mut have = 0;
        while have < header.len() {
            match self.read_some(&mut header[have..]) {
                Ok(0) if have == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => have += n,
                // Between frames the sender may take its time: heartbeats on the control connection notice the dead.
                Err(error) if have == 0 && error.kind() == io::ErrorKind::TimedOut => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes += DATA_HEADER_LEN as u64;
        Ok(Some(header))
    }

    /// Receives a body into `into`, which gets exactly its length.
    pub(crate) fn body(&mut self, len: usize, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        into.reserve(len);
        while into.len() < len {
            let want = len - into.len();
            let mut reader = self.tls.reader();
            match reader.fill_buf() {
                Ok([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(chunk) => {
                    let n = chunk.len().min(want);
                    for piece in chunk[..n].chunks(COPY_AT_ONCE) {
                        into.extend_from_slice(piece);
                    }
                    reader.consume(n);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.pull_in()?,
                Err(error) => return Err(error),
            }
        }
        self.bytes += len as u64;
        Ok(())
    }

    /// Bytes of frames received.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Time spent waiting for the socket.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Ends this direction properly.
    pub(crate) fn finish(mut self) {
        self.tls.send_close_notify();
        let _ = self.tls.write_tls(self.socket.get_mut());
        let _ = self.socket.get_ref().shutdown(Shutdown::Write);
    }

    fn read_some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.pull_in()?,
                other => return other,
            }
        }
    }

    /// Reads from the socket and opens what is whole. The end of the stream without a farewell is an error, which the
    /// TLS library reports at the next read.
    fn pull_in(&mut self) -> io::Result<()> {
        if self.socket.buffer().is_empty() {
            let before = Instant::now();
            let filled = loop {
                match self.socket.fill_buf() {
                    // A process that was stopped and continued hears of it here.
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(_) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            self.waited += before.elapsed();
            // A time-out of the socket is told as "would block" on some systems, which means something else here.
            filled.map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => error,
            })?;
        }
        self.tls.read_tls(&mut Pieces(&mut self.socket))?;
        // Records that do not open were changed on the way, most likely: the connection is lost, nobody is at fault.
        self.tls.process_new_packets().map_err(|e| io::Error::new(io::ErrorKind::ConnectionAborted, e))?;
        Ok(())
    }
}

/// Reads what is buffered, copying as [`COPY_AT_ONCE`] says.
struct Pieces<'a>(&'a mut BufReader<TcpStream>);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let buffered = self.0.fill_buf()?;
        let n = buffered.len().min(into.len());
        for (to, from) in into[..n].chunks_mut(COPY_AT_ONCE).zip(buffered[..n].chunks(COPY_AT_ONCE)) {
            to.copy_from_slice(from);
        }
        self.0.consume(n);
        Ok(n)
    }
}
