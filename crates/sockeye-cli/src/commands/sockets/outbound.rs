//! What a connection sends.

use std::{
    io::{self, IoSlice},
    pin::pin,
    time::Instant,
};

use sockeye::{
    Encoder,
    message::{Cuts, Split},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::{Interval, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    BETWEEN_PIECES, PIECES_APART,
    session::{SLOW, Shared, Stop},
};

/// What is sent: framed, cut, paced, counted.
pub(super) struct Outbound<'a, W> {
    shared: &'a Shared<'a>,
    pub(super) writer: W,
    /// Whether the parts of a frame may be written together without being copied into one.
    gathers: bool,
    encoder: Option<Encoder>,
    cuts: Cuts,
    frame: Vec<u8>,
    /// With `--split all`: messages that wait to be written together.
    gathered: usize,
    writes: Vec<usize>,
    paced: Option<Interval>,
}

/// With `--split all` no more than this waits for one write.
const MOST_GATHERED: usize = 16 << 20;

impl<'a, W: AsyncWrite + Unpin> Outbound<'a, W> {
    pub(super) fn new(shared: &'a Shared<'a>, writer: W) -> Self {
        let plan = shared.plan;
        let seed = shared.id ^ u64::from(std::process::id()) << 32;
        let plain = plan.split == Split::One && plan.pace.is_none() && !plan.tell.tells_sent();
        Self {
            gathers: plain && writer.is_write_vectored(),
            shared,
            writer,
            encoder: plan.framing_out.clone().map(Encoder::new),
            cuts: Cuts::new(plan.split, seed),
            frame: Vec::new(),
            gathered: 0,
            writes: Vec::new(),
            paced: plan.pace.map(|pace| {
                let mut ticks = interval(pace);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                ticks
            }),
        }
    }

    /// Sends one message, or lets it wait for others where they are to be written together.
    pub(super) async fn message(&mut self, payload: &[u8]) -> Result<(), Stop> {
        if self.gathers && payload.len() >= WORTH_GATHERING && self.encoder.is_some() {
            return self.write_parts(payload).await;
        }
        let begin = self.frame.len();
        match &self.encoder {
            Some(encoder) => {
                encoder.encode(payload, &mut self.frame).map_err(|error| Stop::Framing(error.to_string()))?;
            }
            None => self.frame.extend_from_slice(payload),
        }
        let header_len =
            if self.encoder.is_some() { (self.frame.len() - begin).saturating_sub(payload.len()) } else { 0 };
        self.shared.add(|totals| totals.messages_out += 1);
        if self.shared.plan.split == Split::All && self.frame.len() < MOST_GATHERED {
            self.gathered += 1;
            return Ok(());
        }
        self.write_all(header_len, Some(payload)).await
    }

    /// Writes a frame without copying its payload, in one write if the kernel takes it all.
    async fn write_parts(&mut self, payload: &[u8]) -> Result<(), Stop> {
        let encoder = self.encoder.take();
        let result = self.write_envelope(encoder.as_ref(), payload).await;
        self.encoder = encoder;
        result
    }

    async fn write_envelope(&mut self, encoder: Option<&Encoder>, payload: &[u8]) -> Result<(), Stop> {
        let envelope = encoder.map(|encoder| encoder.envelope(payload)).transpose();
        let envelope = envelope.map_err(|error| Stop::Framing(error.to_string()))?.flatten();
        let Some(envelope) = envelope else {
            // The framing changes the payload: it has to be copied.
            let mut frame = Vec::new();
            if let Some(encoder) = encoder {
                encoder.encode(payload, &mut frame).map_err(|error| Stop::Framing(error.to_string()))?;
            }
            self.frame = frame;
            self.shared.add(|totals| totals.messages_out += 1);
            return self.write_all(0, Some(payload)).await;
        };
        let mut parts = [envelope.prefix(), payload, envelope.suffix()].map(IoSlice::new);
        let mut parts = &mut parts[..];
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            let began = Instant::now();
            let waiting = parts.iter().map(|part| part.len()).sum();
            let result = {
                let mut writing = pin!(self.writer.write_vectored(parts));
                if let Ok(result) = timeout(SLOW, writing.as_mut()).await {
                    result
                } else {
                    self.shared.plan.tell.slow(self.shared.id, waiting, began.elapsed())?;
                    writing.await
                }
            };
            let len = result.map_err(Stop::Network)?;
            if len == 0 {
                return Err(Stop::Network(io::ErrorKind::WriteZero.into()));
            }
            IoSlice::advance_slices(&mut parts, len);
            self.shared.add(|totals| {
                totals.sent += len as u64;
                totals.writes += 1;
            });
        }
        self.shared.add(|totals| totals.messages_out += 1);
        self.writer.flush().await.map_err(Stop::Network)
    }

    /// Writes what waits.
    pub(super) async fn write_gathered(&mut self) -> Result<(), Stop> {
        if self.frame.is_empty() { Ok(()) } else { self.write_all(0, None).await }
    }

    async fn write_all(&mut self, header_len: usize, payload: Option<&[u8]>) -> Result<(), Stop> {
        let frame = std::mem::take(&mut self.frame);
        let offset = self.shared.totals.get().sent;
        self.writes.clear();
        let mut done = 0;
        if let Some((packets, _)) = self.shared.packets.as_ref().filter(|_| frame.is_empty()) {
            packets.send(&frame).await.map_err(Stop::Network)?;
            self.writes.push(0);
            self.shared.add(|totals| totals.writes += 1);
        }
        let mut pieces = 0;
        while done < frame.len() {
            let piece = self.cuts.next(done, header_len, frame.len() - done);
            done += self.write_piece(&frame[done..done + piece]).await?;
            pieces += 1;
            if done < frame.len() && pieces <= PIECES_APART {
                sleep(BETWEEN_PIECES).await;
            }
        }
        self.gathered = 0;
        let totals = self.shared.totals.get();
        if self.shared.plan.tell.tells_sent() {
            let shown = payload.unwrap_or(&frame);
            let header = if payload.is_some() { &frame[..header_len.min(frame.len())] } else { &[] };
            self.shared.plan.tell.sent(
                Some(self.shared.id),
                None,
                (shown, header),
                (totals.messages_out, offset, frame.len()),
                &self.writes,
            )?;
        }
        self.frame = frame;
        self.frame.clear();
        self.frame.shrink_to(64 * 1024);
        Ok(())
    }

    /// Writes a piece, which may take several calls; remembers what each returned.
    async fn write_piece(&mut self, piece: &[u8]) -> Result<usize, Stop> {
        let mut done = 0;
        while done < piece.len() {
            if let Some(interval) = &mut self.paced {
                interval.tick().await;
            }
            let len = self.write(&piece[done..]).await?;
            self.writes.push(len);
            self.shared.add(|totals| {
                totals.sent += len as u64;
                totals.writes += 1;
            });
            done += len;
        }
        self.writer.flush().await.map_err(Stop::Network)?;
        Ok(done)
    }

    /// One write. One that waits long is told once.
    async fn write(&mut self, piece: &[u8]) -> Result<usize, Stop> {
        let mut writing = pin!(self.writer.write(piece));
        let began = Instant::now();
        let result = if let Ok(result) = timeout(SLOW, writing.as_mut()).await {
            result
        } else {
            self.shared.plan.tell.slow(self.shared.id, piece.len(), began.elapsed())?;
            writing.await
        };
        match result {
            Ok(0) => Err(Stop::Network(io::ErrorKind::WriteZero.into())),
            result => result.map_err(Stop::Network),
        }
    }
}

/// From this length on a payload is not copied beside its header.
const WORTH_GATHERING: usize = 4096;
