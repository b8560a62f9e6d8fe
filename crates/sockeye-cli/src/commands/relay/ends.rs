//! The two sides of a connection that is carried: what they give and what they take, in units. A unit is a message where there is a
//! framing, a datagram where there are datagrams, otherwise what one read gave.

use std::{
    collections::VecDeque,
    io,
    rc::Rc,
    time::{Duration, Instant},
};

use sockeye::{
    Encoder, Framing,
    datagram::Datagram,
    inspect::Queues,
    message::{Cuts, Inbound, Received, Spot},
    socket::{Connection, DatagramBatch, Datagrams, Packets, SocketName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::sleep,
};

use super::{BETWEEN_PIECES, Half, PIECES_APART};
use crate::output::odd::Odd;

/// Bytes that one read may take.
const READ_SIZE: usize = 64 * 1024;
/// How long what was sent may take to arrive before a connection is reset, and how often that is looked at.
const DELIVERY: Duration = Duration::from_secs(1);
const DELIVERY_LOOK: Duration = Duration::from_millis(5);
/// What is held back of a message beyond what its framing allows before it is carried on all the same.
const HELD_BEYOND: usize = 64 * 1024;

/// What came from a side.
#[derive(Debug)]
pub(super) enum Found {
    /// Something to carry on.
    Unit(Unit),
    /// Something is no message, as a sentence is to say; its bytes follow. Whether nothing behind it can be read as messages.
    Odd(Odd, bool),
}

/// What is carried at once.
#[derive(Debug)]
pub(super) struct Unit {
    /// The bytes as they came.
    pub(super) bytes: Vec<u8>,
    /// Where they begin in their stream, in bytes.
    pub(super) offset: Option<u64>,
    /// The message in them; none where there is no framing, or what came is none.
    pub(super) message: Option<Message>,
}

/// A message that was found.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) payload: Vec<u8>,
    pub(super) header: Vec<u8>,
    /// Where it was in its stream.
    pub(super) spot: Option<Spot>,
}

/// One side.
pub(super) struct Side {
    pub(super) source: Source,
    pub(super) sink: Sink,
    /// The socket, whose closing is a reset until both directions have ended.
    socket: Option<Unfinished>,
}

/// The connection of a stream that has not come to its end. Dropped as such, for whatever reason, closing it is a reset: an end
/// would say that nothing is missing.
pub(super) struct Unfinished(Option<Half>);

impl Unfinished {
    /// Waits until the other side has what was sent to it, for a while at most: a reset throws away what is under way. The
    /// kernel has no event for it.
    pub(super) async fn delivered(&self) {
        let Some(half) = &self.0 else { return };
        let since = Instant::now();
        let queued = |connection: &Connection| Queues::of(&connection.descriptor()?).ok()?.send;
        let waits = || half.with(queued).is_some_and(|bytes| bytes > 0);
        while waits() && since.elapsed() < DELIVERY {
            sleep(DELIVERY_LOOK).await;
        }
    }

    /// The stream has come to its end.
    pub(super) fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(half) = &self.0 {
            // A socket that has gone needs no reset.
            let _ = half.with(Connection::reset_on_close);
        }
    }
}

pub(super) enum Source {
    Stream(Box<StreamSource>),
    Datagrams { socket: Rc<Datagrams>, batch: Box<DatagramBatch>, waiting: VecDeque<Vec<u8>> },
    Flow(mpsc::Receiver<Vec<u8>>),
}

pub(super) enum Sink {
    /// `encoder` where the other side has no frames.
    Stream {
        writer: Half,
        /// Where each write is a packet.
        packets: Option<Packets>,
        encoder: Option<Encoder>,
    },
    Datagrams(Rc<Datagrams>),
    Reply {
        socket: Rc<Datagrams>,
        to: SocketName,
    },
}

/// What comes through a stream.
pub(super) struct StreamSource {
    reader: Half,
    /// Where each read is a packet.
    packets: Option<Packets>,
    inbound: Option<Inbound>,
    /// The most that is held back.
    most: usize,
    /// Bytes that came and were not carried on, and where they begin in the stream.
    held: Vec<u8>,
    base: u64,
    buffer: Vec<u8>,
    reads: u64,
}

impl Side {
    pub(super) fn stream(connection: Connection, framing: Option<Framing>, encoded: Option<Framing>) -> Self {
        let packets = connection.packets();
        let reader = Half::new(connection);
        let writer = reader.clone();
        let socket = Some(Unfinished(Some(reader.clone())));
        let most = framing.as_ref().map_or(0, |framing| framing.max_payload() + HELD_BEYOND);
        let inbound = framing.map(|framing| Inbound::new(Some(framing)));
        let source = StreamSource {
            reader,
            packets: packets.clone(),
            inbound,
            most,
            held: Vec::new(),
            base: 0,
            buffer: Vec::new(),
            reads: 0,
        };
        Self {
            source: Source::Stream(Box::new(source)),
            sink: Sink::Stream { writer, packets, encoder: encoded.map(Encoder::new) },
            socket,
        }
    }

    pub(super) fn datagrams(socket: Datagrams) -> io::Result<Self> {
        let batch = Box::new(socket.small_batch()?);
        let socket = Rc::new(socket);
        Ok(Self {
            source: Source::Datagrams { socket: Rc::clone(&socket), batch, waiting: VecDeque::new() },
            sink: Sink::Datagrams(socket),
            socket: None,
        })
    }

    pub(super) fn flow(arriving: mpsc::Receiver<Vec<u8>>, socket: Rc<Datagrams>, to: SocketName) -> Self {
        Self { source: Source::Flow(arriving), sink: Sink::Reply { socket, to }, socket: None }
    }

    /// Whether units keep their boundaries whatever becomes of them.
    pub(super) const fn keeps_boundaries(&self) -> bool {
        !matches!(self.sink, Sink::Stream { .. })
    }

    pub(super) fn into_parts(self) -> (Source, Sink, Option<Unfinished>) {
        (self.source, self.sink, self.socket)
    }
}

impl Source {
    /// What came next, at least one thing; nothing at the end. `most` bounds what one read takes.
    pub(super) async fn next(&mut self, most: usize) -> io::Result<Vec<Found>> {
        match self {
            Self::Stream(stream) => stream.next(most).await,
            Self::Flow(arriving) => Ok(arriving.recv().await.map(datagram).into_iter().collect()),
            Self::Datagrams { socket, batch, waiting } => {
                if waiting.is_empty() {
                    socket.receive(batch).await?;
                    waiting.extend(batch.iter().map(|datagram: Datagram<'_>| datagram.bytes.to_vec()));
                }
                Ok(waiting.pop_front().map(datagram).into_iter().collect())
            }
        }
    }

    /// The framing of what comes, where there is one.
    pub(super) fn framing(&self) -> Option<&Framing> {
        match self {
            Self::Stream(stream) => stream.inbound.as_ref()?.framing(),
            Self::Datagrams { .. } | Self::Flow(_) => None,
        }
    }

    /// Whether it comes to an end.
    pub(super) const fn ends(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// Whether it is a sender of datagrams, who may be forgotten.
    pub(super) const fn is_flow(&self) -> bool {
        matches!(self, Self::Flow(_))
    }

    /// Reads so far, or datagrams.
    pub(super) const fn reads(&self, units: u64) -> u64 {
        match self {
            Self::Stream(stream) => stream.reads,
            Self::Datagrams { .. } | Self::Flow(_) => units,
        }
    }
}

fn datagram(bytes: Vec<u8>) -> Found {
    let message = Message { payload: bytes.clone(), header: Vec::new(), spot: None };
    Found::Unit(Unit { bytes, offset: None, message: Some(message) })
}

impl StreamSource {
    async fn next(&mut self, most: usize) -> io::Result<Vec<Found>> {
        loop {
            let Some(len) = self.read(most).await? else { return Ok(self.rest()) };
            self.reads += 1;
            let found = match &mut self.inbound {
                None => {
                    let unit =
                        Unit { bytes: self.buffer[..len].to_vec(), offset: Some(self.base), message: None };
                    self.base += len as u64;
                    vec![Found::Unit(unit)]
                }
                Some(inbound) => {
                    inbound.read(&self.buffer[..len]);
                    self.held.extend_from_slice(&self.buffer[..len]);
                    self.found()
                }
            };
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    /// What is left at the end.
    fn rest(&mut self) -> Vec<Found> {
        let cut = self.inbound.take().and_then(|inbound| inbound.finish().err());
        let mut found: Vec<Found> =
            cut.map(|cut| Found::Odd(Odd::Truncated(cut), true)).into_iter().collect();
        if !self.held.is_empty() {
            found.push(self.unit(self.held.len(), None));
        }
        found
    }

    /// The first `len` bytes of those held, to be carried on.
    fn unit(&mut self, len: usize, message: Option<Message>) -> Found {
        let bytes: Vec<u8> = self.held.drain(..len).collect();
        let offset = Some(self.base);
        self.base += len as u64;
        Found::Unit(Unit { bytes, offset, message })
    }

    /// One read into the buffer, or one packet, which may be empty; none at the end.
    async fn read(&mut self, most: usize) -> io::Result<Option<usize>> {
        if let Some(packets) = &self.packets {
            let received = packets.receive(&mut self.buffer, usize::MAX).await?;
            return Ok(received.map(|_| self.buffer.len()));
        }
        self.buffer.resize(READ_SIZE.min(most), 0);
        let len = self.reader.read(&mut self.buffer).await?;
        Ok(Some(len).filter(|len| *len > 0))
    }

    /// Cuts what is held into units.
    fn found(&mut self) -> Vec<Found> {
        let Some(mut inbound) = self.inbound.take() else { return Vec::new() };
        let mut found = Vec::new();
        while let Some(received) = inbound.next() {
            if let Some(odd) = Odd::of(&received) {
                let stopped = inbound.has_stopped();
                found.push(Found::Odd(odd, stopped));
                if stopped {
                    break;
                }
            } else if let Received::Message { payload, header, spot } = received {
                let end = usize::try_from(spot.offset + spot.wire_len as u64 - self.base).unwrap_or(0);
                let message =
                    Message { payload: payload.to_vec(), header: header.to_vec(), spot: Some(spot) };
                found.push(self.unit(end.min(self.held.len()), Some(message)));
            }
        }
        let stopped = inbound.has_stopped();
        if (stopped || self.held.len() > self.most) && !self.held.is_empty() {
            // It is carried on as it is: a relay does not stand in the way.
            found.push(self.unit(self.held.len(), None));
        }
        self.inbound = Some(inbound).filter(|_| !stopped);
        found
    }
}

impl Sink {
    /// Sends a unit; how many bytes went, in how many writes.
    pub(super) async fn put(&mut self, unit: &Unit, cuts: &mut Cuts) -> io::Result<(u64, u64)> {
        match self {
            Self::Stream { writer, encoder: Some(encoder), .. } => {
                let Some(message) = &unit.message else { return Ok((0, 0)) };
                let mut frame = Vec::new();
                encoder
                    .encode(&message.payload, &mut frame)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                let header_len = frame.len().saturating_sub(message.payload.len());
                write(writer, &frame, header_len, cuts).await
            }
            Self::Stream { packets: Some(packets), encoder: None, .. } if unit.bytes.is_empty() => {
                packets.send(&unit.bytes).await.map(|()| (0, 1))
            }
            Self::Stream { writer, encoder: None, .. } => {
                let header_len = unit.message.as_ref().map_or(0, |message| message.header.len());
                write(writer, &unit.bytes, header_len, cuts).await
            }
            Self::Datagrams(socket) => match &unit.message {
                Some(message) => Ok((socket.send(&message.payload).await? as u64, 1)),
                None => Ok((0, 0)),
            },
            Self::Reply { socket, to } => match &unit.message {
                Some(message) => Ok((socket.send_to(&message.payload, to).await? as u64, 1)),
                None => Ok((0, 0)),
            },
        }
    }

    /// Whether it takes messages and nothing else.
    pub(super) const fn needs_messages(&self) -> bool {
        !matches!(self, Self::Stream { encoder: None, .. })
    }

    /// Whether each message is a datagram there.
    pub(super) const fn is_datagrams(&self) -> bool {
        matches!(self, Self::Datagrams(_) | Self::Reply { .. })
    }

    /// No more comes.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Stream { writer, .. } => match writer.shutdown().await {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
                result => result,
            },
            Self::Datagrams(_) | Self::Reply { .. } => Ok(()),
        }
    }
}

async fn write(
    writer: &mut Half,
    bytes: &[u8],
    header_len: usize,
    cuts: &mut Cuts,
) -> io::Result<(u64, u64)> {
    let mut done = 0;
    let mut pieces = 0;
    while done < bytes.len() {
        let piece = cuts.next(done, header_len, bytes.len() - done);
        writer.write_all(&bytes[done..done + piece]).await?;
        writer.flush().await?;
        (done, pieces) = (done + piece, pieces + 1);
        if done < bytes.len() && pieces <= PIECES_APART {
            sleep(BETWEEN_PIECES).await;
        }
    }
    Ok((bytes.len() as u64, pieces as u64))
}
