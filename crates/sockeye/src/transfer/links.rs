//! What a transfer's own thread hears from the rest of the program, and how it speaks to the peer.
//!
//! Each side of a transfer runs on one blocking thread that owns the protocol machine and the files; so nothing is
//! shared and nothing is locked. This is its only ear: control frames, what other threads and users say, cancellation, time.

use std::{
    io,
    net::TcpStream,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    time::timeout,
};

use super::bell::Bell;
use crate::{Error, Event};

/// A peer that does not read for this long is gone.
const SEND_STALL: Duration = Duration::from_secs(60);

/// Something the thread heard.
pub(super) enum Heard<S> {
    /// A control frame.
    Frame(Vec<u8>),
    /// The control connection ended, properly or not.
    Gone(io::Error),
    /// From another thread or the user.
    Signal(S),
    /// The user wants to stop.
    Cancelled,
    /// Nothing: the deadline passed, or the socket has something to read.
    Nothing,
}

/// The ear and the mouth of a transfer's thread.
pub(super) struct Links<S> {
    pub(super) runtime: Handle,
    pub(super) from_peer: mpsc::Receiver<io::Result<Vec<u8>>>,
    pub(super) to_peer: mpsc::Sender<Vec<u8>>,
    pub(super) signals: mpsc::UnboundedReceiver<S>,
    pub(super) cancel: watch::Receiver<bool>,
    pub(super) events: Events,
    /// Set once the transfer has been accepted.
    pub(super) accepted: Arc<AtomicBool>,
    pub(super) started: Instant,
    pub(super) bell: Bell,
}

impl<S> Links<S> {
    /// Time since this session began.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether the user has cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        *self.cancel.borrow()
    }

    /// Whether it is worth waiting for the peer.
    pub(super) fn is_alive(&self) -> bool {
        !self.is_cancelled() && !self.from_peer.is_closed()
    }

    /// What there is to hear, without waiting.
    pub(super) fn try_hear(&mut self) -> Heard<S> {
        if *self.cancel.borrow() {
            return Heard::Cancelled;
        }
        match self.from_peer.try_recv() {
            Ok(frame) => return heard_frame(Some(frame)),
            Err(mpsc::error::TryRecvError::Disconnected) => return heard_frame(None),
            Err(mpsc::error::TryRecvError::Empty) => {}
        }
        self.signals.try_recv().map_or(Heard::Nothing, Heard::Signal)
    }

    /// Waits for the next thing, at most until `until` after the session began.
    pub(super) fn hear(&mut self, until: Option<Duration>) -> Heard<S> {
        self.hear_or_read(until, None)
    }

    /// As [`hear`](Self::hear), but also returns, with nothing, when the socket has something to read.
    pub(super) fn hear_or_read(&mut self, until: Option<Duration>, socket: Option<&TcpStream>) -> Heard<S> {
        let left = until.map(|at| at.saturating_sub(self.now()));
        let Self { bell, from_peer, signals, cancel, .. } = self;
        let any = async {
            tokio::select! {
                biased;
                () = cancelled(cancel) => Heard::Cancelled,
                frame = from_peer.recv() => heard_frame(frame),
                Some(signal) = signals.recv() => Heard::Signal(signal),
            }
        };
        bell.wait(any, socket, left).unwrap_or(Heard::Nothing)
    }

    /// Sends a control frame; waits when the peer is slow, but not for ever.
    pub(super) fn say(&mut self, frame: Vec<u8>) -> Result<(), Error> {
        let frame = match self.to_peer.try_send(frame) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Full(frame)) => frame,
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(lost(io::ErrorKind::BrokenPipe.into())),
        };
        let to_peer = &self.to_peer;
        let sent = self.runtime.block_on(async { timeout(SEND_STALL, to_peer.send(frame)).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(lost(io::ErrorKind::BrokenPipe.into())),
            Err(_) => Err(lost(io::ErrorKind::TimedOut.into())),
        }
    }
}

fn heard_frame<S>(frame: Option<io::Result<Vec<u8>>>) -> Heard<S> {
    match frame {
        Some(Ok(frame)) => Heard::Frame(frame),
        Some(Err(error)) => Heard::Gone(error),
        None => Heard::Gone(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Resolves when the user cancels.
pub(crate) async fn cancelled(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|&stop| stop).await.is_err() {
        // Nobody is left who could cancel.
        std::future::pending::<()>().await;
    }
}

/// The control connection ended: it broke, or the peer sent what is no frame.
pub(super) fn gone(source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::InvalidInput => Error::PeerMisbehaved { detail: source.to_string() },
        _ => lost(source),
    }
}

/// The connection broke while a transfer ran.
pub(crate) fn lost(source: io::Error) -> Error {
    Error::Network { action: "talk to the peer", address: None, source }
}

/// Where events go. Progress may be dropped when nobody listens; everything else waits in line.
#[derive(Clone)]
pub(crate) struct Events(pub(crate) mpsc::UnboundedSender<Event>);

impl Events {
    /// Tells one event. A user who dropped the receiving end is not interested.
    pub(crate) fn tell(&self, event: Event) {
        let _ = self.0.send(event);
    }
}

/// Lets a repeated event through at most so often.
pub(super) struct Throttle {
    every: Duration,
    last: Option<Instant>,
}

impl Throttle {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, last: None }
    }

    /// Whether it is time again.
    pub(super) fn ready(&mut self) -> bool {
        let ready = self.last.is_none_or(|last| last.elapsed() >= self.every);
        if ready {
            self.last = Some(Instant::now());
        }
        ready
    }
}
