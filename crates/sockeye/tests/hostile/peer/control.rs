//! Frames on a control connection, honest or raw.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsStream;

/// Kind of the heartbeat, which means nothing here.
const HEARTBEAT: u16 = 0x3f;

pub struct Control {
    pub stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Control {
    pub fn new(stream: TlsStream<TcpStream>) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Bytes as they are, without a frame around them.
    pub async fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    pub async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(payload);
        self.raw(&frame).await
    }

    /// The next frame that is no heartbeat; `None` at the end of the connection, proper or not.
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some((len, rest)) = self.buffer.split_first_chunk::<4>() {
                let len = u32::from_be_bytes(*len) as usize;
                if rest.len() >= len {
                    let frame = rest[..len].to_vec();
                    self.buffer.drain(..4 + len);
                    if kind(&frame) == HEARTBEAT {
                        continue;
                    }
                    return Some(frame);
                }
            }
            if !matches!(self.stream.read_buf(&mut self.buffer).await, Ok(1..)) {
                return None;
            }
        }
    }

    /// Reads to the end and forgets. Whether it was a proper end (close_notify).
    pub async fn drain(&mut self) -> bool {
        let mut rest = [0; 4096];
        loop {
            match self.stream.read(&mut rest).await {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

/// The kind of a payload, without the bit that makes it critical.
pub fn kind(payload: &[u8]) -> u16 {
    payload.first_chunk::<2>().map_or(0, |head| u16::from_be_bytes(*head) & 0x7fff)
}
