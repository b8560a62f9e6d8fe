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
use sockeye_proto::transfer::{DATA_HEADER_LEN, DataHeader, DataKind};
use tokio_rustls::TlsStream;

use super::tls::Stream;

/// Plaintext sealed before the socket is written: four records.
const SEAL_AT_ONCE: usize = 64 * 1024;
/// Read from the socket at once.
const READ_AT_ONCE: usize = 256 * 1024;
/// A lane that moves nothing for this long is broken: the other end may write through to a slow disk in between.
const STALL: Duration = Duration::from_secs(120);

/// A lane before anybody decided which way it goes.
pub(crate) struct Lane {
    tls: Connection,
    socket: TcpStream,
}

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
        socket.set_write_timeout(Some(STALL))?;
        Ok(Self { tls, socket })
    }

    /// A handle to end it from elsewhere.
    pub(crate) fn stopper(&self) -> io::Result<LaneStop> {
        self.socket.try_clone().map(LaneStop)
    }

    /// The sending end.
    pub(crate) fn into_writer(self) -> LaneWriter {
        LaneWriter { tls: self.tls, socket: self.socket, bytes: 0 }
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
}

impl LaneWriter {
    /// Sends one frame.
    pub(crate) fn send(&mut self, header: &DataHeader, body: &[u8]) -> io::Result<()> {
        self.tls.writer().write_all(&header.encode())?;
        for piece in body.chunks(SEAL_AT_ONCE) {
            self.tls.writer().write_all(piece)?;
            self.push_out()?;
        }
        if body.is_empty() && header.kind == DataKind::End {
            self.push_out()?;
        }
        self.bytes += (DATA_HEADER_LEN + body.len()) as u64;
        Ok(())
    }

    /// Sends what small frames left in the buffer.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.push_out()
    }

    /// Ends properly: says so, then reads to the peer's end so that nothing on the way is lost.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.tls.send_close_notify();
        self.push_out()?;
        self.socket.shutdown(Shutdown::Write)?;
        self.socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut rest = [0; 4096];
        while self.socket.read(&mut rest)? > 0 {}
        Ok(self.bytes)
    }

    fn push_out(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
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
            match self.read_some(&mut header[have..])? {
                0 if have == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => have += n,
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
                    into.extend_from_slice(&chunk[..n]);
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
            self.socket.fill_buf()?;
            self.waited += before.elapsed();
        }
        self.tls.read_tls(&mut self.socket)?;
        self.tls.process_new_packets().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        Ok(())
    }
}
