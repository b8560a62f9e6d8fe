//! Data frames as they come in from the lane.

use std::{io, net::TcpStream, task::Poll, time::Instant};

use sockeye_proto::transfer::{DataHeader, TransferError};

use crate::wire::lane::LaneReader;

/// The lane and the frame that is coming in.
pub(super) struct Incoming {
    lane: LaneReader,
    /// The header of which the body is not whole yet.
    header: Option<DataHeader>,
}

impl Incoming {
    pub(super) fn new(lane: LaneReader) -> Self {
        Self { lane, header: None }
    }

    /// The next frame, its body in `body`, or `None` at the end. Nothing waits here.
    pub(super) fn poll(&mut self, body: &mut Vec<u8>) -> Poll<io::Result<Option<DataHeader>>> {
        let header = match self.header {
            Some(header) => header,
            None => match self.lane.poll_header()? {
                Poll::Ready(Some(bytes)) => decode(&bytes)?,
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending => return Poll::Pending,
            },
        };
        if self.header.is_none() {
            body.clear();
            self.header = Some(header);
        }
        match self.lane.poll_body(header.stored as usize, body)? {
            Poll::Ready(()) => {
                self.header = None;
                Poll::Ready(Ok(Some(header)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Polling again is worth it when this has something to read.
    pub(super) fn socket(&self) -> &TcpStream {
        self.lane.socket()
    }

    /// When the lane must be taken for broken, if the rest of a frame has not come by then. Between frames the sender may
    /// take its time: heartbeats on the control connection notice the dead.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        (self.header.is_some() || self.lane.in_header()).then(|| self.lane.stalls_at())
    }

    /// Bytes of frames so far.
    pub(super) fn bytes(&self) -> u64 {
        self.lane.bytes()
    }

    /// Ends the lane properly.
    pub(super) fn finish(self) -> io::Result<()> {
        self.lane.finish()
    }
}

fn decode(bytes: &[u8]) -> io::Result<DataHeader> {
    let bytes = bytes.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
    DataHeader::decode(bytes).map_err(|error| match error {
        TransferError::PeerIncompatible { .. } => io::Error::new(io::ErrorKind::Unsupported, error),
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    })
}
