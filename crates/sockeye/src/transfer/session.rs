//! One session: a thread for the files, tasks for the sockets, and what ends it.

use std::{
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    time::sleep,
};

use crate::{
    Decision, Error, Summary,
    meet::{Meeting, Session},
    wire::{
        control::ControlTasks,
        lane::{Lane, LaneStop},
    },
};

use super::{
    Context,
    bell::Bell,
    links::{Events, Links, cancelled, lost},
    report,
};

/// How long a side that was told to stop may take before its lane is cut.
const GRACE: Duration = Duration::from_secs(2);

/// How a session ended.
#[allow(clippy::large_enum_variant, reason = "one value a session")]
pub(super) enum Ended {
    /// By itself.
    With(Result<Summary, Error>),
    /// The peer came back while this one still seemed to run.
    Superseded(Box<Session>),
}

/// What a session needs that the user sees or steers.
pub(super) struct Parts {
    pub(super) events: Events,
    pub(super) cancel: watch::Receiver<bool>,
    /// Set once the transfer has been accepted.
    pub(super) accepted: Arc<AtomicBool>,
}

/// By which other threads and the user speak to a session's thread, and by which it hears them.
pub(super) type Signals<S> = (mpsc::UnboundedSender<S>, mpsc::UnboundedReceiver<S>);

/// A session's thread and sockets while they run.
struct Running {
    ended: oneshot::Receiver<Result<Summary, Error>>,
    to_peer: mpsc::Sender<Vec<u8>>,
    cancel: watch::Receiver<bool>,
    stop: LaneStop,
    tasks: ControlTasks,
}

impl Running {
    /// Starts `work` on a thread of its own.
    fn start<S: Send + 'static>(
        session: Session,
        parts: Parts,
        (signal, signals): Signals<S>,
        work: impl FnOnce(Links<S>, mpsc::UnboundedSender<S>, Lane) -> Result<Summary, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let (stop, bell) = (session.lane.stopper().map_err(lost)?, Bell::new().map_err(lost)?);
        let running = session.control.run();
        let (to_peer, cancel) = (running.to_peer.clone(), parts.cancel.clone());
        let links = Links {
            runtime: Handle::current(),
            from_peer: running.from_peer,
            to_peer: running.to_peer,
            signals,
            cancel: parts.cancel,
            events: parts.events,
            accepted: parts.accepted,
            started: Instant::now(),
            bell,
        };
        let (tell, ended) = oneshot::channel();
        let lane = session.lane;
        let thread = thread::Builder::new().name(String::from("sockeye-files")).spawn(move || {
            let _ = tell.send(work(links, signal, lane));
        });
        thread.map_err(|source| Error::Internal { detail: source.to_string() })?;
        Ok(Self { ended, to_peer, cancel, stop, tasks: running.tasks })
    }

    /// Waits until the thread has ended by itself, or the user cancels.
    async fn end(&mut self) -> Result<Summary, Error> {
        tokio::select! {
            ended = &mut self.ended => return ended.unwrap_or_else(|_| Err(silent())),
            () = cancelled(&mut self.cancel) => {}
        }
        // The thread says goodbye; if it hangs on the lane, the lane goes.
        let last = tokio::time::timeout(GRACE, &mut self.ended).await;
        if last.is_err() {
            let _ = self.to_peer.try_send(report::interrupted());
        }
        last.map_or(Err(Error::Cancelled), |ended| ended.unwrap_or_else(|_| Err(silent())))
    }

    /// Closes what is left. `well`: everything was said.
    async fn close(self, well: bool) {
        drop(self.to_peer);
        if !well {
            // What was said last is on its way: give it a moment before the lane, too, falls silent.
            sleep(Duration::from_millis(20)).await;
            self.stop.stop();
        }
        self.tasks.finish().await;
    }
}

/// Runs `work` for this session until it ends, the peer comes back, or the user cancels.
pub(super) async fn run<S: Send + 'static>(
    session: Session,
    context: &mut Context,
    meeting: &mut Meeting,
    decided: impl Fn(u64, Decision) -> Option<S>,
    work: impl FnOnce(Links<S>, mpsc::UnboundedSender<S>, Lane) -> Result<Summary, Error> + Send + 'static,
) -> Ended {
    let identity = session.identity;
    let parts = Parts {
        events: context.events.clone(),
        cancel: context.cancel.clone(),
        accepted: Arc::clone(&context.accepted),
    };
    let (signal, signals) = mpsc::unbounded_channel::<S>();
    let mut running = match Running::start(session, parts, (signal.clone(), signals), work) {
        Ok(running) => running,
        Err(error) => return Ended::With(Err(error)),
    };
    let outcome = loop {
        tokio::select! {
            ended = running.end() => break Ended::With(ended),
            Some(other) = meeting.superseding() => {
                if other.identity != identity {
                    tokio::spawn(other.refuse_busy());
                    continue;
                }
                running.tasks.abort();
                break Ended::Superseded(Box::new(other));
            }
            Some((offer, decision)) = context.decisions.recv() => {
                if let Some(decision) = decided(offer, decision) {
                    let _ = signal.send(decision);
                }
            }
        }
    };
    running.close(matches!(outcome, Ended::With(Ok(_)))).await;
    outcome
}

/// Runs `work` for one of several sessions until it ends, is stopped or the user cancels. `stopped` ends it when its other half is
/// dropped.
pub(super) async fn run_alone<S: Send + 'static>(
    session: Session,
    parts: Parts,
    signals: Signals<S>,
    stopped: oneshot::Receiver<()>,
    work: impl FnOnce(Links<S>, mpsc::UnboundedSender<S>, Lane) -> Result<Summary, Error> + Send + 'static,
) -> Result<Summary, Error> {
    let mut running = Running::start(session, parts, signals, work)?;
    let outcome = tokio::select! {
        ended = running.end() => ended,
        _ = stopped => {
            running.tasks.abort();
            Err(lost(std::io::ErrorKind::ConnectionAborted.into()))
        }
    };
    running.close(outcome.is_ok()).await;
    outcome
}

fn silent() -> Error {
    Error::Internal { detail: String::from("a thread ended without a word") }
}

/// Connections that break as soon as they stand are not worth making for ever.
#[derive(Debug, Default)]
pub(super) struct Patience {
    short: u32,
}

/// A session that lasted this long was worth it.
const WORTHWHILE: Duration = Duration::from_secs(5);
/// After so many short sessions in a row the error stands.
const MAX_SHORT: u32 = 5;

impl Patience {
    /// Waits a little before the next try, unless there have been too many short ones. False: give up.
    pub(super) async fn again(&mut self, lasted: Duration) -> bool {
        self.short = if lasted < WORTHWHILE { self.short + 1 } else { 0 };
        if self.short > MAX_SHORT {
            return false;
        }
        sleep(Duration::from_millis(100) * 2u32.pow(self.short)).await;
        true
    }
}
