//! Transfers: what the user of the library starts, hears and ends.
//!
//! An asynchronous task meets the peer and keeps the sockets; one blocking thread per session owns the protocol machine
//! and the files ([`sending`], [`receiving`]). When the connection is lost the task meets the peer again and starts a
//! new session; what was verified is in the receiver's journal.

mod bell;
mod links;
mod many;
mod receive;
mod receiving;
mod report;
mod send;
mod sending;
mod session;
mod target;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};

pub(crate) use links::{Events, cancelled, lost};
pub(crate) use report::refused;

use crate::{
    Decision, Error, Event, PeerReasonKind, ReceiveConfig, SendConfig, Summary, machine::Machine,
    meet::Session,
};

/// Sends files.
#[derive(Debug)]
pub struct Sender;

impl Sender {
    /// Starts a transfer that sends. What cannot be sent at all is an error at once; everything later is told by the
    /// [`Transfer`]. Must be called inside a tokio runtime.
    pub fn start(config: SendConfig) -> Result<Transfer, Error> {
        let sources = send::check(&config)?;
        Ok(Transfer::spawn(|context| send::run(config, sources, context)))
    }
}

/// Receives files.
#[derive(Debug)]
pub struct Receiver;

impl Receiver {
    /// Starts a transfer that receives. Must be called inside a tokio runtime.
    pub fn start(config: ReceiveConfig) -> Result<Transfer, Error> {
        receive::check(&config)?;
        Ok(Transfer::spawn(|context| receive::run(config, context)))
    }
}

/// What a transfer's task needs besides its configuration.
struct Context {
    events: Events,
    cancel: watch::Receiver<bool>,
    /// Whether the transfer has been accepted, in this session or one before.
    accepted: Arc<AtomicBool>,
    decisions: mpsc::UnboundedReceiver<(u64, Decision)>,
    /// The user wants a delivery to begin.
    begin: Arc<Notify>,
}

impl Context {
    /// Whether the peer may come back after this error and go on where the transfer stopped: the connection broke, or the
    /// other side was stopped while data flowed.
    fn may_go_on(&self, error: &Error) -> bool {
        match error {
            Error::Network { .. } => true,
            Error::PeerTold(reason) => {
                reason.kind == PeerReasonKind::Interrupted && self.accepted.load(Ordering::Relaxed)
            }
            _ => false,
        }
    }
}

impl Context {
    /// Writes the peer to the trust store and tells the user. `known_as` is its name there until now.
    fn remember(
        &self,
        machine: &Machine,
        name: &str,
        session: &Session,
        it_sends: bool,
        known_as: Option<&str>,
    ) {
        let name = name.to_owned();
        match machine.remember(&name, session, it_sends) {
            Ok(()) if known_as == Some(&name) => {}
            Ok(()) => self.events.tell(Event::Remembered { name }),
            // The other side is here and knows nothing of it: that is no reason to let it down.
            Err(error) => self.events.tell(Event::NotRemembered { name, reason: error.to_string() }),
        }
    }
}

/// Four words by which people compare an identity: 2³² and more of them, which is enough for the minutes of a delivery.
fn fingerprint(identity: &[u8; 32]) -> String {
    let digest = blake3::derive_key("sockeye fingerprint of an identity v1", identity);
    let words = crate::code_words();
    let number = |chunk: &[u8]| chunk.iter().fold(0usize, |number, byte| number << 8 | usize::from(*byte));
    let picked: Vec<&str> =
        digest.chunks(4).take(4).map(|chunk| words[number(chunk) % words.len()]).collect();
    picked.join("-")
}

/// Why a connection is made anew, in the fewest words.
fn loss(error: &Error) -> String {
    match error {
        // The TLS library says this at length.
        Error::Network { source, .. } if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            String::from("it ended without a farewell")
        }
        Error::Network { source, .. } => source.to_string(),
        Error::PeerTold(_) => String::from("it was stopped there"),
        other => other.to_string(),
    }
}

/// A running transfer. Dropping it cancels it.
#[derive(Debug)]
pub struct Transfer {
    events: mpsc::UnboundedReceiver<Event>,
    decisions: mpsc::UnboundedSender<(u64, Decision)>,
    /// The last offer that the user was given.
    offer: u64,
    cancel: watch::Sender<bool>,
    begin: Arc<Notify>,
    task: JoinHandle<Result<Summary, Error>>,
}

impl Transfer {
    fn spawn<F>(run: impl FnOnce(Context) -> F) -> Self
    where
        F: Future<Output = Result<Summary, Error>> + Send + 'static,
    {
        let (tell, events) = mpsc::unbounded_channel();
        let (decisions, decided) = mpsc::unbounded_channel();
        let (cancel, cancelled) = watch::channel(false);
        let begin = Arc::new(Notify::new());
        let context = Context {
            events: Events(tell),
            cancel: cancelled,
            accepted: Arc::default(),
            decisions: decided,
            begin: Arc::clone(&begin),
        };
        let task = tokio::spawn(run(context));
        Self { events, decisions, offer: 0, cancel, begin, task }
    }

    /// The next thing that happens; `None` when nothing more will: then ask [`Transfer::finish`] how it ended.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await;
        if let Some(Event::Offer(offer)) = &event {
            self.offer = offer.number;
        }
        event
    }

    /// Answers the last [`Event::Offer`] that [`Transfer::next`] returned. An answer to an offer that has been withdrawn
    /// meanwhile, because the sender came back with another, is no answer to the new one.
    pub fn decide(&self, decision: Decision) {
        let _ = self.decisions.send((self.offer, decision));
    }

    /// Lets a delivery to many begin with those who are there. Without anybody nothing happens.
    pub fn begin(&self) {
        self.begin.notify_one();
    }

    /// A handle that stops the transfer from anywhere.
    pub fn canceller(&self) -> Canceller {
        Canceller(self.cancel.clone())
    }

    /// Waits for the end. Events not taken by [`Transfer::next`] are dropped.
    pub async fn finish(self) -> Result<Summary, Error> {
        let Self { events, decisions, cancel, task, .. } = self;
        drop(events);
        let ended = task.await;
        drop((decisions, cancel));
        ended.unwrap_or_else(|broken| Err(Error::Internal { detail: broken.to_string() }))
    }
}

/// Stops a transfer. The peer is told; what was verified stays for the next time.
#[derive(Clone, Debug)]
pub struct Canceller(watch::Sender<bool>);

impl Canceller {
    /// Stops it. Calling again does nothing.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}
