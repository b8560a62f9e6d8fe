//! The receiver's thread: takes the offer, plans what is needed, checks what arrives and stores it.

mod group;
mod incoming;
mod plan;
mod store;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
    time::{Duration, Instant},
};

use sockeye_proto::{
    content::{Digest, EntryId},
    delivery::DeliveryMessage,
    transfer::{Mode, Receiver, ReceiverEvent, ReceiverParams},
};
use tokio::sync::mpsc;

use self::{group::Membership, incoming::Incoming, plan::PackPlan};
use crate::{
    Consent, Decision, Error, Event, Failure, Progress, Stats, Summary,
    event::SUMMARY_FAILURES,
    transfer::{
        fingerprint,
        links::{Heard, Links, Throttle, gone, lost},
        report,
        target::Target,
    },
    wire::lane::Lane,
};

/// Numbers the offers of this process, so that an answer to one is not taken for an answer to another.
static OFFERS: AtomicU64 = AtomicU64::new(1);
/// Bytes of a path that is told and not written, so that a thousand of them stay small.
const MAX_NOTED_PATH: usize = 4096;
/// How often the user hears of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What the user tells this thread.
pub(super) enum Signal {
    /// The answer to the offer with this number.
    Decided(u64, Decision),
    /// From the thread that hears packets.
    Packets(crate::delivery::Heard),
}

/// What the receiver's user wants.
pub(super) struct Wishes {
    pub(super) consent: Consent,
    pub(super) max_size: Option<u64>,
    /// Who sends.
    pub(super) sender: [u8; 32],
    /// The list accepted in an earlier session of the same transfer.
    pub(super) approved: Option<Approved>,
    /// Something on the list is read only once: who sent it has nothing to come back with.
    pub(super) read_once: bool,
}

/// A list that the user has said yes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Approved {
    sender: [u8; 32],
    transfer: [u8; 32],
    list: Digest,
}

/// Runs one session of receiving to its end.
///
/// The socket, opening, digests and writing share this thread: a block stays in one processor's cache from the wire to the
/// file. Handed to a second thread it would be fetched again for every copy that the file system makes.
pub(super) fn run(
    links: Links<Signal>,
    signals: mpsc::UnboundedSender<Signal>,
    lane: Lane,
    wishes: &mut Wishes,
    open: &mut dyn FnMut([u8; 32]) -> Result<Target, Error>,
) -> Result<Summary, Error> {
    let lane = lane.into_reader().map_err(lost)?;
    let mut receiving = Receiving::new(links, signals, Incoming::new(lane), wishes);
    let result = receiving.run(open);
    receiving.leave(result)
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Nothing is accepted.
    Deciding,
    /// Accepted: blocks come.
    Receiving,
    /// Everything is stored, and the sender told.
    Reported,
    /// Over.
    Closed,
}

struct Receiving<'w> {
    links: Links<Signal>,
    /// By which other threads speak to this one.
    signals: mpsc::UnboundedSender<Signal>,
    membership: Membership,
    /// The lane, until it ends.
    incoming: Option<Incoming>,
    body: Vec<u8>,
    /// Work since this thread last waited for the lane.
    worked: Duration,
    wishes: &'w mut Wishes,
    machine: Receiver,
    transfer: [u8; 32],
    target: Option<Target>,
    phase: Phase,
    told: BTreeSet<EntryId>,
    /// Files that get bytes, one bit each.
    wanted: Vec<u64>,
    /// Digests the sender was asked about.
    doubted: BTreeMap<u64, Digest>,
    /// The number of the offer the user was shown.
    offered: Option<u64>,
    planned: EntryId,
    packs: BTreeMap<u64, PackPlan>,
    needs: Vec<Range<u64>>,
    notes: u64,
    summary: Summary,
    progress: Progress,
    throttle: Throttle,
    listing: Throttle,
    began: Option<Instant>,
    stats: Stats,
}

impl<'w> Receiving<'w> {
    fn new(
        links: Links<Signal>,
        signals: mpsc::UnboundedSender<Signal>,
        incoming: Incoming,
        wishes: &'w mut Wishes,
    ) -> Self {
        let params = ReceiverParams { max_bytes: wishes.max_size, ..ReceiverParams::default() };
        Self {
            links,
            signals,
            membership: Membership::default(),
            incoming: Some(incoming),
            body: Vec::new(),
            worked: Duration::ZERO,
            wishes,
            machine: Receiver::new(params),
            transfer: [0; 32],
            target: None,
            phase: Phase::Deciding,
            told: BTreeSet::new(),
            wanted: Vec::new(),
            doubted: BTreeMap::new(),
            offered: None,
            planned: 0,
            packs: BTreeMap::new(),
            needs: Vec::new(),
            notes: 0,
            summary: Summary::default(),
            progress: Progress::default(),
            throttle: Throttle::new(PROGRESS_EVERY),
            listing: Throttle::new(PROGRESS_EVERY),
            began: None,
            stats: Stats::default(),
        }
    }

    fn run(&mut self, open: &mut dyn FnMut([u8; 32]) -> Result<Target, Error>) -> Result<(), Error> {
        loop {
            self.drain(open)?;
            if self.phase == Phase::Closed {
                return Ok(());
            }
            if self.machine.is_answered() && self.phase == Phase::Receiving {
                self.finish()?;
                continue;
            }
            match self.links.try_hear() {
                Heard::Nothing if self.take_frame()? => {}
                Heard::Nothing => self.wait()?,
                heard => self.heard(heard)?,
            }
            if let Some(target) = self.target.as_mut() {
                target.commit_if_due(self.links.started.elapsed())?;
            }
            self.tell_failures();
            self.tell_progress(false);
        }
    }

    /// Waits until there is something to do.
    fn wait(&mut self) -> Result<(), Error> {
        let stalls_at = self.incoming.as_ref().and_then(Incoming::stalls_at);
        let stalls_at = stalls_at.map(|at| at.saturating_duration_since(self.links.started));
        let timeout = self.machine.poll_timeout().map(|deadline| deadline.at);
        let until = [timeout, self.commit_at(), stalls_at].into_iter().flatten().min();
        let before = Instant::now();
        let Self { links, incoming, .. } = self;
        let heard = links.hear_or_read(until, incoming.as_ref().map(Incoming::socket));
        self.stats.disk_waited += before.elapsed();
        self.worked = Duration::ZERO;
        if stalls_at.is_some_and(|at| at <= self.links.now()) && matches!(heard, Heard::Nothing) {
            return self.lane_ended(Err(io::ErrorKind::TimedOut.into()));
        }
        self.heard(heard)
    }

    /// Takes what the lane has: a frame or its end. False if it has nothing yet.
    fn take_frame(&mut self) -> Result<bool, Error> {
        let Some(incoming) = self.incoming.as_mut() else { return Ok(false) };
        let before = Instant::now();
        let polled = incoming.poll(&mut self.body);
        self.stats.network += before.elapsed();
        match polled {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(Some(header))) => {
                // That it was there at once means that it came while the last one was worked on.
                self.stats.network_waited += std::mem::take(&mut self.worked);
                let before = Instant::now();
                let body = std::mem::take(&mut self.body);
                let done = self.data(&header, &body);
                self.body = body;
                self.worked = before.elapsed();
                done.map(|()| true)
            }
            Poll::Ready(Ok(None)) => self.lane_ended(Ok(())).map(|()| true),
            Poll::Ready(Err(source)) => self.lane_ended(Err(source)).map(|()| true),
        }
    }

    /// The lane ended, properly or not. How it ends after the report changes nothing.
    fn lane_ended(&mut self, ended: io::Result<()>) -> Result<(), Error> {
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        self.stats.lane_bytes += incoming.bytes();
        match ended {
            Ok(()) => {
                let _ = incoming.finish();
                let done = self.phase >= Phase::Reported || self.machine.is_answered();
                if done { Ok(()) } else { self.last_words(io::ErrorKind::UnexpectedEof.into()) }
            }
            Err(source) if self.phase < Phase::Reported => self.last_words(source),
            Err(_) => Ok(()),
        }
    }

    fn commit_at(&self) -> Option<Duration> {
        self.target.as_ref().and_then(|target| target.commit_at(self.links.now()))
    }

    fn heard(&mut self, heard: Heard<Signal>) -> Result<(), Error> {
        match heard {
            Heard::Frame(frame) if DeliveryMessage::is_one(&frame) => self.delivery(&frame),
            Heard::Frame(frame) => Ok(self.machine.handle_frame(self.links.now(), &frame)?),
            Heard::Signal(Signal::Packets(heard)) => self.packets(heard),
            // Everything is stored and reported: that the sender left without a word changes nothing.
            Heard::Gone(_) if self.phase >= Phase::Reported => {
                self.phase = Phase::Closed;
                Ok(())
            }
            Heard::Gone(source) => Err(gone(source)),
            Heard::Cancelled => Err(Error::Cancelled),
            Heard::Signal(Signal::Decided(number, decision)) if self.offered == Some(number) => {
                self.decided(decision)
            }
            // An answer to an offer of an earlier session says nothing about this one.
            Heard::Signal(Signal::Decided(..)) => Ok(()),
            Heard::Nothing => Ok(self.machine.handle_timeout(self.links.now())?),
        }
    }

    /// The lane broke: the sender may have said why on the control connection.
    fn last_words(&mut self, source: io::Error) -> Result<(), Error> {
        match source.kind() {
            io::ErrorKind::InvalidData => return Err(Error::PeerMisbehaved { detail: source.to_string() }),
            io::ErrorKind::Unsupported => return Err(Error::PeerIncompatible { detail: source.to_string() }),
            _ => {}
        }
        let until = self.links.now() + Duration::from_secs(2);
        loop {
            match self.links.hear(Some(until)) {
                Heard::Frame(frame) => {
                    self.machine.handle_frame(self.links.now(), &frame)?;
                    while let Some(event) = self.machine.poll_event() {
                        if let ReceiverEvent::Aborted(abort) = event {
                            return Err(report::told(&abort));
                        }
                    }
                }
                Heard::Signal(_) => {}
                Heard::Cancelled => return Err(Error::Cancelled),
                Heard::Gone(_) | Heard::Nothing => return Err(lost(source)),
            }
        }
    }

    /// Sends what the machine has to say, hears what it has to tell.
    fn drain(&mut self, open: &mut dyn FnMut([u8; 32]) -> Result<Target, Error>) -> Result<(), Error> {
        loop {
            if let Some(frame) = self.machine.poll_frame() {
                self.links.say(frame)?;
            } else if let Some(event) = self.machine.poll_event() {
                self.event(event, open)?;
            } else {
                return Ok(());
            }
        }
    }

    fn event(
        &mut self,
        event: ReceiverEvent,
        open: &mut dyn FnMut([u8; 32]) -> Result<Target, Error>,
    ) -> Result<(), Error> {
        match event {
            ReceiverEvent::Offered { transfer, mode } => {
                self.transfer = transfer;
                if mode == Mode::Many {
                    let words = fingerprint(&self.wishes.sender);
                    self.links.events.tell(Event::Fingerprint { words });
                }
                let target = open(transfer)?;
                // What goes to many is asked for when the list is complete: everybody has to mean the same by a block.
                let at_once = mode == Mode::One && !target.wants_whole_list();
                if self.wishes.consent == Consent::Yes && at_once {
                    self.machine.accept_open()?;
                    self.target = Some(target);
                    return self.accept();
                }
                self.target = Some(target);
            }
            ReceiverEvent::Entries(_) => {
                if self.listing.ready() {
                    self.tell_listed();
                }
                if self.phase >= Phase::Receiving {
                    self.plan()?;
                }
            }
            ReceiverEvent::Note { mut path, status, text } => {
                self.notes += 1;
                path.truncate(MAX_NOTED_PATH);
                self.fail(Failure { path, status: report::status_from_wire(status), text });
            }
            ReceiverEvent::Listed => self.listed()?,
            ReceiverEvent::Compared { entry, same } => self.compared(entry, same)?,
            ReceiverEvent::Aborted(abort) => return Err(report::told(&abort)),
            ReceiverEvent::Closed => self.phase = Phase::Closed,
            other => tracing::debug!(?other, "an event of a later version"),
        }
        Ok(())
    }

    fn tell_listed(&self) {
        let entries = u64::from(self.machine.manifest().len());
        self.links.events.tell(Event::Listed { entries, bytes: self.machine.manifest().totals().bytes });
    }

    fn listed(&mut self) -> Result<(), Error> {
        self.tell_listed();
        self.wishes.read_once = self.machine.manifest().totals().unknown > 0;
        if self.phase >= Phase::Receiving {
            return self.plan();
        }
        let approved = self.wishes.approved.is_some() && self.wishes.approved == self.approval();
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        target.check_list(self.machine.manifest())?;
        if self.wishes.consent == Consent::Yes || approved {
            return self.decided(Decision::Accept);
        }
        let mut offer = target.offer(self.machine.manifest())?;
        offer.number = OFFERS.fetch_add(1, Ordering::Relaxed);
        self.offered = Some(offer.number);
        self.links.events.tell(Event::Offer(offer));
        Ok(())
    }

    fn approval(&self) -> Option<Approved> {
        let (sender, transfer) = (self.wishes.sender, self.transfer);
        self.machine.list_digest().map(|list| Approved { sender, transfer, list })
    }

    fn decided(&mut self, decision: Decision) -> Result<(), Error> {
        match decision {
            Decision::Decline { reason } => Err(Error::DeclinedHere { reason }),
            Decision::Accept if self.phase > Phase::Deciding => Ok(()),
            Decision::Accept => {
                if self.machine.accept_exact()? {
                    self.wishes.approved = self.approval();
                    self.accept()?;
                    self.plan()?;
                }
                Ok(())
            }
        }
    }

    fn accept(&mut self) -> Result<(), Error> {
        if let Some(target) = self.target.as_mut() {
            target.accept()?;
        }
        self.phase = Phase::Receiving;
        self.links.accepted.store(true, Ordering::Relaxed);
        self.began = Some(Instant::now());
        let totals = self.machine.manifest().totals();
        let bytes = (self.machine.is_listed() && totals.unknown == 0).then_some(totals.bytes);
        self.links.events.tell(Event::Started { files: totals.files, bytes });
        Ok(())
    }

    /// Entries that storage gave up since the last time.
    fn tell_failures(&mut self) {
        while let Some((id, status, text)) = self.target.as_mut().and_then(Target::poll_failure) {
            if self.told.insert(id) {
                let path = self.machine.manifest().path(id);
                self.fail(Failure { path, status, text });
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        // The rest is counted: a peer must not fill the memory of a user who reads slowly.
        if self.summary.failures.len() < SUMMARY_FAILURES {
            self.links.events.tell(Event::Failed(failure.clone()));
            self.summary.failures.push(failure);
        }
    }

    fn tell_progress(&mut self, now: bool) {
        let Some(began) = self.began else { return };
        if !now && !self.throttle.ready() {
            return;
        }
        let totals = self.machine.manifest().totals();
        self.progress.bytes_total = (self.machine.is_listed() && totals.unknown == 0).then_some(totals.bytes);
        self.progress.files_total = totals.files;
        self.progress.elapsed = began.elapsed();
        self.links.events.tell(Event::Progress(self.progress.clone()));
    }

    /// Ends the session: the sender hears why, and what was verified stays for the next time.
    fn leave(mut self, result: Result<(), Error>) -> Result<Summary, Error> {
        match result {
            Ok(()) => {
                // The sender, which waits for the other direction to end, may have ended its own unheard.
                if let Some(incoming) = self.incoming.take() {
                    self.stats.lane_bytes += incoming.bytes();
                    let _ = incoming.finish();
                }
                self.summary.stats = self.stats;
                Ok(self.summary)
            }
            Err(error) => {
                if let Some((code, text)) = report::to_peer(&error) {
                    self.machine.abort(code, &text);
                    while let Some(frame) = self.machine.poll_frame() {
                        if self.links.say(frame).is_err() {
                            break;
                        }
                    }
                }
                if let Some(target) = self.target {
                    target.abandon();
                }
                Err(error)
            }
        }
    }
}
