//! The control connection: frames of `len:u32be` over TLS, both ways, with a heartbeat.
//!
//! The heartbeat lives here and not in the transfer machines: a receiver that writes gigabytes through to a slow disk is
//! alive although it has nothing to say.

use std::{io, time::Duration};

use sockeye_codec::{ByteOrder, Encoder, Framing, Peek, Width};
use sockeye_proto::{
    envelope::{self, MAX_CONTROL_FRAME},
    pairing::MAX_PAIRING_FRAME,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::tls::Stream;

/// `len:u32be` (`specs/00-framing.md`).
const FRAMING: Framing = Framing::length(Width::U32, ByteOrder::Big).with_max(MAX_CONTROL_FRAME);
/// A heartbeat goes out when nothing else has for this long.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A peer that has said nothing for this long is gone.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);
/// Heartbeats are messages that may be skipped; their kind lies outside the transfer's.
const KIND_HEARTBEAT: u16 = 0x3f;
/// Frames that wait to be sent; more than this and the machine that makes them waits.
const FRAMES_IN_FLIGHT: usize = 64;
/// How long the end of the connection may take.
const CLOSING: Duration = Duration::from_secs(2);

/// A control connection during pairing: one frame at a time.
pub(crate) struct Control {
    stream: Stream,
    buffer: Vec<u8>,
    used: usize,
    limit: usize,
}

impl Control {
    /// A connection to a stranger: frames are short until it is trusted.
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, buffer: Vec::new(), used: 0, limit: MAX_PAIRING_FRAME }
    }

    /// The peer has been paired: frames may be as long as frames get.
    pub(crate) fn trust(&mut self) {
        self.limit = MAX_CONTROL_FRAME;
    }

    /// Sends one frame.
    pub(crate) async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        self.stream.write_all(&framed(payload)?).await?;
        self.stream.flush().await
    }

    /// Receives one frame, or `None` at a proper end.
    pub(crate) async fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(frame) = take_frame(&mut self.buffer, &mut self.used, self.limit)? {
                return Ok(Some(frame));
            }
            if !fill(&mut self.stream, &mut self.buffer).await? {
                return Ok(None);
            }
        }
    }

    /// Says that nothing more comes and waits a moment for the peer to say the same, so that nothing sent is lost.
    pub(crate) async fn close(mut self) {
        let _ = timeout(CLOSING, async {
            self.stream.shutdown().await?;
            let mut rest = [0; 4096];
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        })
        .await;
    }

    /// Splits into two tasks and channels for the time of a transfer.
    pub(crate) fn run(self) -> RunningControl {
        let (read, write) = split(self.stream);
        let (to_peer, outgoing) = mpsc::channel(FRAMES_IN_FLIGHT);
        let (incoming, from_peer) = mpsc::channel(FRAMES_IN_FLIGHT);
        let writer = tokio::spawn(write_frames(write, outgoing));
        let reader = tokio::spawn(read_frames(read, self.buffer, self.used, incoming));
        RunningControl { to_peer, from_peer, tasks: ControlTasks { writer, reader } }
    }
}

/// A control connection during a transfer.
pub(crate) struct RunningControl {
    /// Frames to send. Dropping it lets what is queued go out and then ends the connection properly.
    pub(crate) to_peer: mpsc::Sender<Vec<u8>>,
    /// Frames received; an error is the last item.
    pub(crate) from_peer: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// The tasks behind them.
    pub(crate) tasks: ControlTasks,
}

/// The tasks of a running control connection.
pub(crate) struct ControlTasks {
    writer: JoinHandle<io::Result<()>>,
    reader: JoinHandle<()>,
}

impl ControlTasks {
    /// Waits, once the channels are dropped, until both directions have ended; not for long.
    pub(crate) async fn finish(self) {
        let Self { mut writer, mut reader } = self;
        if timeout(CLOSING, &mut writer).await.is_err() {
            writer.abort();
        }
        if timeout(CLOSING, &mut reader).await.is_err() {
            reader.abort();
        }
    }

    /// Ends both directions at once.
    pub(crate) fn abort(&self) {
        self.writer.abort();
        self.reader.abort();
    }
}

async fn write_frames(mut write: WriteHalf<Stream>, mut frames: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            frame = frames.recv() => {
                let Some(frame) = frame else { break };
                write.write_all(&framed(&frame)?).await?;
                if frames.is_empty() {
                    write.flush().await?;
                }
                last = Instant::now();
            }
            _ = beat.tick() => {
                if last.elapsed() >= HEARTBEAT {
                    write.write_all(&framed(&heartbeat())?).await?;
                    write.flush().await?;
                }
            }
        }
    }
    write.shutdown().await
}

async fn read_frames(
    mut read: ReadHalf<Stream>,
    mut buffer: Vec<u8>,
    mut used: usize,
    frames: mpsc::Sender<io::Result<Vec<u8>>>,
) {
    loop {
        let frame = match take_frame(&mut buffer, &mut used, MAX_CONTROL_FRAME) {
            Ok(Some(frame)) if is_heartbeat(&frame) => continue,
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => match timeout(SILENCE, fill(&mut read, &mut buffer)).await {
                Ok(Ok(true)) => continue,
                Ok(Ok(false)) => return,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the peer has fallen silent")),
            },
            Err(error) => Err(error),
        };
        let failed = frame.is_err();
        if frames.send(frame).await.is_err() || failed {
            return;
        }
    }
}

fn heartbeat() -> Vec<u8> {
    let mut frame = Vec::new();
    envelope::encode(KIND_HEARTBEAT, false, &[0xa0], &mut frame);
    frame
}

fn is_heartbeat(frame: &[u8]) -> bool {
    envelope::decode(frame).is_ok_and(|e| e.kind == KIND_HEARTBEAT)
}

fn framed(payload: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(payload.len() + 4);
    Encoder::new(FRAMING).encode(payload, &mut out).map_err(io::Error::other)?;
    Ok(out)
}

/// Takes the next whole frame out of the buffer. Bytes before `used` have been consumed.
fn take_frame(buffer: &mut Vec<u8>, used: &mut usize, limit: usize) -> io::Result<Option<Vec<u8>>> {
    match FRAMING.with_max(limit).peek(&buffer[*used..]) {
        Some(Peek::Frame { header_len, payload_len, wire_len }) => {
            let start = *used + header_len;
            let frame = buffer[start..start + payload_len].to_vec();
            *used += wire_len;
            Ok(Some(frame))
        }
        Some(Peek::Need(_)) => {
            compact(buffer, used);
            Ok(None)
        }
        // The other answers cannot be of a binary length.
        _ => {
            // Told apart from records that do not open, which are nobody's fault.
            Err(io::Error::new(io::ErrorKind::InvalidInput, "a control frame above the limit"))
        }
    }
}

fn compact(buffer: &mut Vec<u8>, used: &mut usize) {
    buffer.drain(..*used);
    *used = 0;
}

/// Reads more. False at a proper end; the end inside a frame is an error.
async fn fill(read: &mut (impl AsyncReadExt + Unpin), buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.reserve(16 * 1024);
    if read.read_buf(buffer).await? > 0 {
        return Ok(true);
    }
    if buffer.is_empty() { Ok(false) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
