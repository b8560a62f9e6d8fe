//! The sender's thread: walks, offers, hears what is asked for and tells how it went.

mod answers;

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use sockeye_proto::{
    content::{Entry, EntryId, RootBuilder},
    delivery::DeliveryMessage,
    transfer::{EntryReport, Mode, ReportTotals, Sender, SenderEvent, Status, TransferTimeouts},
};

use self::answers::Task;
use crate::{
    Error, Event, Failure, Progress, Stats, Summary,
    delivery::Listing,
    event::SUMMARY_FAILURES,
    source::{Reader, Skipped, StreamBlock, StreamSource, Walker},
    transfer::{
        links::{Heard, Links, Throttle, gone, lost},
        many::{Seat, SeatNote, Step},
        report,
    },
    wire::lane::{Lane, LaneWriter},
};

/// Entries listed before the thread looks at anything else.
const WALK_SLICE: u32 = 512;
/// How often the user hears of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What the thread that reads a stream tells this one.
pub(super) enum Signal {
    /// The next block, or why there is none.
    Block(io::Result<(StreamBlock, Vec<u8>)>),
    /// For the receiver's seat in a delivery.
    Seat(SeatNote),
}

/// Where the entries come from.
#[derive(Default)]
pub(super) struct Origin {
    pub(super) walker: Option<Walker>,
    /// What was listed for all receivers of a delivery.
    pub(super) listing: Option<Arc<Listing>>,
    pub(super) reader: Option<Reader>,
    pub(super) stream: Option<Stream>,
}

/// Something that is read until it ends.
pub(super) struct Stream {
    pub(super) entry: Entry,
    /// Buffers for the thread that reads; dropped to end it.
    pub(super) buffers: std::sync::mpsc::Sender<Vec<u8>>,
}

/// Blocks of a stream that are read ahead.
const STREAM_AHEAD: usize = 4;

/// Reads a stream on a thread of its own, so that a pipe that stands still does not keep the transfer from hearing its peer.
pub(super) fn read_stream(
    reader: Box<dyn io::Read + Send>,
    tell: tokio::sync::mpsc::UnboundedSender<Signal>,
) -> io::Result<std::sync::mpsc::Sender<Vec<u8>>> {
    let (buffers, free) = std::sync::mpsc::channel::<Vec<u8>>();
    for _ in 0..STREAM_AHEAD {
        let _ = buffers.send(Vec::new());
    }
    std::thread::Builder::new().name(String::from("sockeye-stream")).spawn(move || {
        let mut source = StreamSource::new(reader);
        while let Ok(mut body) = free.recv() {
            let block = match source.next_block(&mut body) {
                Ok(Some(block)) => Ok((block, body)),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            if tell.send(Signal::Block(block)).is_err() {
                return;
            }
        }
    })?;
    Ok(buffers)
}

/// Runs one session of sending to its end.
///
/// Reading, digests, sealing and the socket share this thread: a block stays in one processor's cache from the file to the
/// wire. Handed to a second thread it would be fetched again, which costs more than the sealing.
pub(super) fn run(
    links: Links<Signal>,
    lane: Lane,
    transfer: [u8; 32],
    origin: &mut Origin,
) -> Result<Summary, Error> {
    Sending::new(links, lane.into_writer(), (transfer, Mode::One), origin).run_to_end()
}

/// Runs one receiver's session of a delivery to its end.
pub(super) fn run_seat(
    links: Links<Signal>,
    lane: Lane,
    transfer: [u8; 32],
    listing: Arc<Listing>,
    seat: Seat,
) -> Result<Summary, Error> {
    let reader = Some(Reader::new(listing.tree.clone()));
    let mut origin = Origin { listing: Some(listing), reader, ..Origin::default() };
    let mut sending = Sending::new(links, lane.into_writer(), (transfer, Mode::Many), &mut origin);
    sending.seat = Some(seat);
    sending.run_to_end()
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Questions come, answers go.
    Serving,
    /// The receiver has told what became of everything.
    Reported,
    /// Over.
    Closed,
}

struct Sending<'o> {
    links: Links<Signal>,
    lane: LaneWriter,
    machine: Sender,
    /// The receiver's seat, if others receive the same.
    seat: Option<Seat>,
    origin: &'o mut Origin,
    work: VecDeque<Task>,
    /// Blocks of the stream that have been read.
    blocks: VecDeque<io::Result<(StreamBlock, Vec<u8>)>>,
    root: Option<RootBuilder>,
    body: Vec<u8>,
    failed: BTreeSet<EntryId>,
    walking: bool,
    summary: Summary,
    progress: Progress,
    throttle: Throttle,
    began: Option<Instant>,
    stats: Stats,
    phase: Phase,
    /// The lane rests until then, for the sake of others.
    resting: Option<Duration>,
}

impl<'o> Sending<'o> {
    fn new(
        links: Links<Signal>,
        lane: LaneWriter,
        (transfer, mode): ([u8; 32], Mode),
        origin: &'o mut Origin,
    ) -> Self {
        Self {
            machine: Sender::to(transfer, mode, TransferTimeouts::default()),
            seat: None,
            links,
            lane,
            origin,
            work: VecDeque::new(),
            blocks: VecDeque::new(),
            root: Some(RootBuilder::new()),
            body: Vec::new(),
            failed: BTreeSet::new(),
            walking: true,
            summary: Summary { sent: true, ..Summary::default() },
            progress: Progress::default(),
            throttle: Throttle::new(PROGRESS_EVERY),
            began: None,
            stats: Stats::default(),
            phase: Phase::Serving,
            resting: None,
        }
    }

    fn run_to_end(mut self) -> Result<Summary, Error> {
        let result = self.run();
        if let Err(error) = &result {
            self.tell_peer(error);
        }
        result
    }

    fn run(&mut self) -> Result<Summary, Error> {
        loop {
            self.drain()?;
            if self.phase == Phase::Closed {
                self.lane.leave();
                return Ok(self.take_summary());
            }
            self.resting = self.resting.filter(|until| *until > self.links.now());
            let can_work = self.can_work();
            let heard = if self.walking || can_work {
                self.links.try_hear()
            } else {
                self.on_lane(|lane, go_on| lane.flush(go_on))?;
                let deadline = self.machine.poll_timeout().map(|deadline| deadline.at);
                self.links.hear([deadline, self.resting].into_iter().flatten().min())
            };
            self.heard(heard)?;
            if self.walking {
                self.walk()?;
            }
            if can_work {
                self.work()?;
            }
            self.tell_progress(false);
        }
    }

    fn can_work(&self) -> bool {
        match self.work.front() {
            _ if self.resting.is_some() => false,
            Some(Task::Stream { .. }) => !self.blocks.is_empty(),
            front => front.is_some(),
        }
    }

    fn heard(&mut self, heard: Heard<Signal>) -> Result<(), Error> {
        match heard {
            Heard::Frame(frame) if self.seat.is_some() && DeliveryMessage::is_one(&frame) => {
                let steps = self.seat.as_mut().map_or(Ok(Vec::new()), |seat| seat.frame(&frame))?;
                self.take_steps(steps)
            }
            Heard::Signal(Signal::Seat(note)) => {
                let steps = self.seat.as_mut().map_or(Vec::new(), |seat| seat.note(note));
                self.take_steps(steps)
            }
            Heard::Frame(frame) => Ok(self.machine.handle_frame(self.links.now(), &frame)?),
            // The receiver has everything and said so: that it left without a word changes nothing.
            Heard::Gone(_) if self.phase == Phase::Reported => {
                self.phase = Phase::Closed;
                Ok(())
            }
            Heard::Gone(source) => Err(gone(source)),
            Heard::Cancelled => Err(Error::Cancelled),
            Heard::Signal(Signal::Block(block)) => {
                self.blocks.push_back(block);
                Ok(())
            }
            Heard::Nothing => {
                self.machine.handle_timeout(self.links.now());
                Ok(())
            }
        }
    }

    /// The lane broke: the peer may have said why on the control connection.
    fn last_words(&mut self, source: io::Error) -> Result<(), Error> {
        let until = self.links.now() + Duration::from_secs(2);
        while let Some(event) = self.machine.poll_event() {
            if let SenderEvent::Aborted(abort) = event {
                return Err(report::told(&abort));
            }
        }
        loop {
            match self.links.hear(Some(until)) {
                Heard::Frame(frame) => {
                    self.machine.handle_frame(self.links.now(), &frame)?;
                    while let Some(event) = self.machine.poll_event() {
                        if let SenderEvent::Aborted(abort) = event {
                            return Err(report::told(&abort));
                        }
                    }
                }
                Heard::Signal(_) => {}
                Heard::Cancelled => return Err(Error::Cancelled),
                Heard::Gone(_) | Heard::Nothing => return Err(lost(plain(source))),
            }
        }
    }

    /// Sends a frame; when the connection is gone, what came last may say why.
    fn say(&mut self, frame: Vec<u8>) -> Result<(), Error> {
        match self.links.say(frame) {
            Err(Error::Network { source, .. }) if self.phase == Phase::Serving => self.last_words(source),
            Err(Error::Network { .. }) => Ok(()),
            other => other,
        }
    }

    /// Sends what the machine has to say, hears what it has to tell.
    fn drain(&mut self) -> Result<(), Error> {
        loop {
            if let Some(frame) = self.machine.poll_frame() {
                self.say(frame)?;
            } else if let Some(event) = self.machine.poll_event() {
                self.event(event)?;
            } else {
                return Ok(());
            }
        }
    }

    fn event(&mut self, event: SenderEvent) -> Result<(), Error> {
        match event {
            SenderEvent::Accepted => {
                self.links.accepted.store(true, Ordering::Relaxed);
                self.began = Some(Instant::now());
                let totals = self.machine.manifest().totals();
                let bytes = (!self.walking && totals.unknown == 0).then_some(totals.bytes);
                self.links.events.tell(Event::Started { files: totals.files, bytes });
            }
            SenderEvent::Work(work) => match self.seat.as_mut() {
                Some(seat) => {
                    let steps = seat.work(work);
                    self.take_steps(steps)?;
                }
                None => self.work.push_back(work.into()),
            },
            SenderEvent::Reports(reports) => reports.iter().for_each(|r| self.reported(r)),
            SenderEvent::Finished(totals) => self.finished(totals),
            SenderEvent::Aborted(abort) => return Err(report::told(&abort)),
            SenderEvent::Closed => self.phase = Phase::Closed,
            other => tracing::debug!(?other, "an event of a later version"),
        }
        Ok(())
    }

    fn take_steps(&mut self, steps: Vec<Step>) -> Result<(), Error> {
        for step in steps {
            match step {
                Step::Say(frame) => self.say(frame)?,
                Step::Work(work) => self.work.push_back(work.into()),
            }
        }
        Ok(())
    }

    fn reported(&mut self, report: &EntryReport) {
        let path =
            self.machine.manifest().get(report.entry).map(|_| self.machine.manifest().path(report.entry));
        let Some(path) = path else { return };
        let status = report::status_from_wire(Status::from_wire(report.status));
        self.fail(Failure { path, status, text: report.text.clone() });
    }

    fn fail(&mut self, failure: Failure) {
        self.links.events.tell(Event::Failed(failure.clone()));
        if self.summary.failures.len() < SUMMARY_FAILURES {
            self.summary.failures.push(failure);
        }
    }

    fn finished(&mut self, totals: ReportTotals) {
        self.summary.files = totals.files;
        self.summary.directories = totals.directories;
        self.summary.symlinks = totals.symlinks;
        self.summary.bytes = totals.bytes;
        self.summary.bytes_here = totals.bytes_here;
        self.summary.equal = totals.equal;
        self.summary.failed = self.summary.failed.saturating_add(totals.failed);
        self.summary.digest =
            self.single_digest().filter(|_| totals.files == 1).map(|digest| *digest.as_bytes());
        self.summary.elapsed = self.began.map(|at| at.elapsed()).unwrap_or_default();
        self.phase = Phase::Reported;
        self.tell_progress(true);
    }

    fn take_summary(&mut self) -> Summary {
        self.summary.stats = self.stats.clone();
        std::mem::take(&mut self.summary)
    }

    /// Lists some more, so that questions are answered in between.
    fn walk(&mut self) -> Result<(), Error> {
        if let Some(listing) = self.origin.listing.take() {
            self.machine.share(Arc::clone(&listing.manifest), Arc::clone(&listing.blocks));
            listing.skipped.iter().for_each(|skipped| self.skipped(skipped));
        }
        if self.machine.tell_more(WALK_SLICE) {
            return Ok(());
        }
        for _ in 0..WALK_SLICE {
            let Some(walker) = self.origin.walker.as_mut() else { break };
            let entry = walker.next();
            let skipped = walker.take_skipped();
            match entry {
                Some(entry) => {
                    self.machine.push(&entry).map_err(|e| Error::Misuse { detail: e.to_string() })?;
                }
                None => self.origin.walker = None,
            }
            for skipped in skipped {
                self.skipped(&skipped);
            }
        }
        if self.origin.walker.is_some() {
            self.machine.flush();
            return Ok(());
        }
        if let Some(stream) = &self.origin.stream {
            self.machine.push(&stream.entry).map_err(|e| Error::Misuse { detail: e.to_string() })?;
        }
        self.machine.listed()?;
        self.walking = false;
        let totals = self.machine.manifest().totals();
        let entries = u64::from(self.machine.manifest().len());
        self.links.events.tell(Event::Listed { entries, bytes: totals.bytes });
        Ok(())
    }

    fn skipped(&mut self, skipped: &Skipped) {
        let (status, text) = report::skipped(skipped);
        self.machine.note(&skipped.path, status, &text);
        self.summary.failed += 1;
        let path = skipped.path.clone();
        self.fail(Failure { path, status: report::status_from_wire(status), text });
    }

    fn tell_progress(&mut self, now: bool) {
        let Some(began) = self.began else { return };
        if !now && !self.throttle.ready() {
            return;
        }
        let totals = self.machine.manifest().totals();
        self.progress.bytes_total = (!self.walking && totals.unknown == 0).then_some(totals.bytes);
        self.progress.files_total = totals.files;
        self.progress.elapsed = began.elapsed();
        self.links.events.tell(Event::Progress(self.progress.clone()));
    }

    /// Before this side leaves because of its own error, the peer hears why.
    fn tell_peer(&mut self, error: &Error) {
        if let Some((code, text)) = report::to_peer(error) {
            self.machine.abort(code, &text);
            while let Some(frame) = self.machine.poll_frame() {
                if self.links.say(frame).is_err() {
                    return;
                }
            }
        }
    }
}

/// A wait that was given up because the peer is gone is a lost connection.
fn plain(source: io::Error) -> io::Error {
    if source.kind() == io::ErrorKind::Interrupted { io::ErrorKind::UnexpectedEof.into() } else { source }
}
