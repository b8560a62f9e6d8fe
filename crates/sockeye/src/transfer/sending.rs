//! The sender's thread: walks, offers, reads what is asked for and hands it to the lane.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    ops::Range,
    sync::mpsc as blocking,
    thread,
    time::{Duration, Instant},
};

use sockeye_proto::{
    content::{BlockShape, Digest, Entry, EntryId, KindRef},
    transfer::{
        DataHeader, DataKind, EntryReport, ReportTotals, Sender, SenderEvent, Status, TransferTimeouts, Work,
    },
};

use crate::{
    Error, Event, Failure, Progress, Stats, Summary,
    event::SUMMARY_FAILURES,
    source::{BlockRead, ReadFault, Reader, Skipped, StreamSource, Walker},
    transfer::{
        links::{Heard, Links, Throttle, lost},
        report,
    },
    wire::lane::{Lane, LaneWriter},
};

/// Buffers that travel between the reading thread and the lane: with blocks of 256 KiB, 4 MiB.
const BUFFERS: usize = 16;
/// Entries listed before the thread looks at anything else.
const WALK_SLICE: usize = 512;
/// Frames that wait for the lane: data frames are bounded by buffers, the rest by this.
const LANE_QUEUE: usize = 1024;
/// How often the user hears of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What the lane's thread tells this one.
pub(super) enum Signal {
    /// A buffer is free again.
    Buffer(Vec<u8>),
    /// The lane has ended: bytes sent, time spent sending.
    LaneEnded(io::Result<LaneTotals>),
}

/// What a lane did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LaneTotals {
    bytes: u64,
    busy: Duration,
    waited: Duration,
}

/// Where the entries come from.
pub(super) struct Origin {
    pub(super) walker: Option<Walker>,
    pub(super) reader: Option<Reader>,
    pub(super) stream: Option<Stream>,
}

/// Something that is read until it ends.
pub(super) struct Stream {
    pub(super) entry: Entry,
    pub(super) source: StreamSource<Box<dyn io::Read + Send>>,
}

struct LaneFrame {
    header: DataHeader,
    body: Vec<u8>,
}

/// Work under way.
enum Task {
    Send(Range<u64>),
    Stream { entry: EntryId, block: u64 },
    Check { block: u64, digests: std::vec::IntoIter<Digest> },
    Compare { entry: EntryId, digest: Digest },
    End,
}

/// Runs one session of sending to its end.
pub(super) fn run(
    links: Links<Signal>,
    signal: tokio::sync::mpsc::UnboundedSender<Signal>,
    lane: Lane,
    transfer: [u8; 32],
    origin: &mut Origin,
) -> Result<Summary, Error> {
    let (frames, queue) = blocking::sync_channel(LANE_QUEUE);
    let writer = lane.into_writer();
    let thread = thread::Builder::new()
        .name(String::from("sockeye-lane"))
        .spawn(move || {
            let ended = pump(writer, &queue, &signal);
            let _ = signal.send(Signal::LaneEnded(ended));
        })
        .map_err(lost)?;
    let mut sending = Sending::new(links, frames, transfer, origin);
    let result = sending.run();
    if let Err(error) = &result {
        sending.tell_peer(error);
    }
    drop(sending);
    drop(thread);
    result
}

/// The lane's thread: seals and sends until told that there is no more.
fn pump(
    mut lane: LaneWriter,
    queue: &blocking::Receiver<LaneFrame>,
    signal: &tokio::sync::mpsc::UnboundedSender<Signal>,
) -> io::Result<LaneTotals> {
    let mut totals = LaneTotals::default();
    loop {
        let frame = if let Ok(frame) = queue.try_recv() {
            frame
        } else {
            lane.flush()?;
            let before = Instant::now();
            let Ok(frame) = queue.recv() else { return Err(io::ErrorKind::Interrupted.into()) };
            totals.waited += before.elapsed();
            frame
        };
        let before = Instant::now();
        lane.send(&frame.header, &frame.body)?;
        totals.busy += before.elapsed();
        if frame.header.kind == DataKind::End {
            totals.bytes = lane.finish()?;
            return Ok(totals);
        }
        let block = matches!(frame.header.kind, DataKind::Range | DataKind::Pack);
        if block && signal.send(Signal::Buffer(frame.body)).is_err() {
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
}

struct Sending<'o> {
    links: Links<Signal>,
    frames: blocking::SyncSender<LaneFrame>,
    machine: Sender,
    origin: &'o mut Origin,
    work: VecDeque<Task>,
    buffers: Vec<Vec<u8>>,
    failed: BTreeSet<EntryId>,
    walking: bool,
    summary: Summary,
    progress: Progress,
    throttle: Throttle,
    began: Option<Instant>,
    stats: Stats,
    closed: bool,
}

impl<'o> Sending<'o> {
    fn new(
        links: Links<Signal>,
        frames: blocking::SyncSender<LaneFrame>,
        transfer: [u8; 32],
        origin: &'o mut Origin,
    ) -> Self {
        Self {
            machine: Sender::new(transfer, TransferTimeouts::default()),
            links,
            frames,
            origin,
            work: VecDeque::new(),
            buffers: (0..BUFFERS).map(|_| Vec::new()).collect(),
            failed: BTreeSet::new(),
            walking: true,
            summary: Summary { sent: true, ..Summary::default() },
            progress: Progress::default(),
            throttle: Throttle::new(PROGRESS_EVERY),
            began: None,
            stats: Stats::default(),
            closed: false,
        }
    }

    fn run(&mut self) -> Result<Summary, Error> {
        loop {
            self.drain()?;
            if self.closed {
                return Ok(self.take_summary());
            }
            let can_work = !self.work.is_empty() && !self.buffers.is_empty();
            let heard = if self.walking || can_work {
                self.links.try_hear()
            } else {
                let before = Instant::now();
                let heard = self.links.hear(self.machine.poll_timeout().map(|d| d.at));
                if !self.work.is_empty() {
                    self.stats.disk_waited += before.elapsed();
                }
                heard
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

    fn heard(&mut self, heard: Heard<Signal>) -> Result<(), Error> {
        match heard {
            Heard::Frame(frame) => Ok(self.machine.handle_frame(self.links.now(), &frame)?),
            Heard::Gone(source) => Err(lost(source)),
            Heard::Cancelled => Err(Error::Cancelled),
            Heard::Signal(Signal::Buffer(buffer)) => {
                self.buffers.push(buffer);
                Ok(())
            }
            Heard::Signal(Signal::LaneEnded(Ok(totals))) => {
                self.stats.lane_bytes += totals.bytes;
                self.stats.network += totals.busy;
                self.stats.network_waited += totals.waited;
                Ok(())
            }
            // What broke the lane is often told on the control connection: listen there first.
            Heard::Signal(Signal::LaneEnded(Err(source))) => self.last_words(source),
            Heard::Nothing => {
                self.machine.handle_timeout(self.links.now());
                Ok(())
            }
        }
    }

    /// The lane broke: the peer may have said why on the control connection.
    fn last_words(&mut self, source: io::Error) -> Result<(), Error> {
        let until = self.links.now() + Duration::from_secs(2);
        loop {
            match self.links.hear(Some(until)) {
                Heard::Frame(frame) => {
                    self.machine.handle_frame(self.links.now(), &frame)?;
                    self.drain()?;
                }
                Heard::Signal(_) => {}
                Heard::Cancelled => return Err(Error::Cancelled),
                Heard::Gone(_) | Heard::Nothing => return Err(lost(source)),
            }
        }
    }

    /// Sends what the machine has to say, hears what it has to tell.
    fn drain(&mut self) -> Result<(), Error> {
        loop {
            if let Some(frame) = self.machine.poll_frame() {
                self.links.say(frame)?;
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
                self.began = Some(Instant::now());
                let totals = self.machine.manifest().totals();
                let bytes = (!self.walking && totals.unknown == 0).then_some(totals.bytes);
                self.links.events.tell(Event::Started { files: totals.files, bytes });
            }
            SenderEvent::Work(work) => self.work.push_back(task(work)),
            SenderEvent::Reports(reports) => reports.iter().for_each(|r| self.reported(r)),
            SenderEvent::Finished(totals) => self.finished(totals),
            SenderEvent::Aborted(abort) => return Err(report::told(&abort)),
            SenderEvent::Closed => self.closed = true,
            other => tracing::debug!(?other, "an event of a later version"),
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
        self.summary.failed += totals.failed;
        self.summary.elapsed = self.began.map(|at| at.elapsed()).unwrap_or_default();
        self.tell_progress(true);
    }

    fn take_summary(&mut self) -> Summary {
        self.summary.stats = self.stats.clone();
        std::mem::take(&mut self.summary)
    }

    /// Lists some more, so that questions are answered in between.
    fn walk(&mut self) -> Result<(), Error> {
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
                self.skipped(skipped);
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

    fn skipped(&mut self, skipped: Skipped) {
        let (status, text) = report::skipped(&skipped);
        self.machine.note(&skipped.path, status, &text);
        self.summary.failed += 1;
        self.fail(Failure { path: skipped.path, status: report::status_from_wire(status), text });
    }

    /// Does one step of the work at the head of the queue.
    fn work(&mut self) -> Result<(), Error> {
        let Some(task) = self.work.pop_front() else { return Ok(()) };
        match task {
            Task::Send(mut blocks) => {
                let Some(block) = blocks.next() else { return Ok(()) };
                if !blocks.is_empty() {
                    self.work.push_front(Task::Send(blocks));
                }
                self.send_block(block)
            }
            Task::Stream { entry, block } => self.stream_next(entry, block),
            Task::Check { block, mut digests } => {
                let Some(expected) = digests.next() else { return Ok(()) };
                if digests.len() > 0 {
                    self.work.push_front(Task::Check { block: block + 1, digests });
                }
                self.check(block, &expected)
            }
            Task::Compare { entry, digest } => self.compare(entry, &digest),
            Task::End => self.send_frame(DataHeader::new(DataKind::End), Vec::new()),
        }
    }

    fn send_block(&mut self, block: u64) -> Result<(), Error> {
        let shape = self.machine.blocks().shape(block);
        let shape = shape.ok_or_else(|| Error::Internal { detail: format!("block {block} has no shape") })?;
        if let BlockShape::Range { entry, .. } = shape
            && self.failed.contains(&entry)
        {
            return Ok(());
        }
        let mut body = self.buffers.pop().unwrap_or_default();
        let read = self.read(&shape, &mut body)?;
        self.send_read(block, &shape, &read, body)
    }

    fn read(&mut self, shape: &BlockShape, body: &mut Vec<u8>) -> Result<BlockRead, Error> {
        let before = Instant::now();
        let reader = self.origin.reader.as_mut();
        let reader =
            reader.ok_or_else(|| Error::Internal { detail: String::from("nothing to read from") })?;
        let read = reader.read_block(self.machine.manifest(), shape, body);
        self.stats.disk += before.elapsed();
        Ok(read)
    }

    fn send_read(
        &mut self,
        block: u64,
        shape: &BlockShape,
        read: &BlockRead,
        body: Vec<u8>,
    ) -> Result<(), Error> {
        for (entry, fault) in &read.skipped {
            self.send_fault(*entry, fault)?;
        }
        let entry = match *shape {
            BlockShape::Range { entry, .. } if self.failed.contains(&entry) => {
                self.buffers.push(body);
                return Ok(());
            }
            BlockShape::Range { entry, .. } => entry,
            BlockShape::Pack { first, .. } => first,
        };
        let plain = u32::try_from(body.len())
            .map_err(|_| Error::Internal { detail: String::from("a block above 4 GiB") })?;
        let kind = if matches!(shape, BlockShape::Pack { .. }) { DataKind::Pack } else { DataKind::Range };
        let mut header = DataHeader::new(kind);
        header.entry = entry;
        header.block = block;
        header.plain = plain;
        header.stored = plain;
        header.digest = read.digest;
        header.doubtful = read.doubtful;
        self.count(shape, u64::from(plain));
        self.send_frame(header, body)
    }

    fn count(&mut self, shape: &BlockShape, bytes: u64) {
        self.progress.bytes += bytes;
        match *shape {
            BlockShape::Pack { first, last, .. } => {
                self.progress.files += (first..=last).filter(|&id| self.is_file(id)).count() as u64;
                self.progress.current = Some(self.machine.manifest().path(last));
            }
            BlockShape::Range { entry, offset, .. } => {
                if offset == 0 {
                    self.progress.files += 1;
                    self.progress.current = Some(self.machine.manifest().path(entry));
                }
            }
        }
    }

    fn is_file(&self, id: EntryId) -> bool {
        self.machine.manifest().get(id).is_some_and(|e| matches!(e.kind, KindRef::File { .. }))
    }

    /// Tells the receiver, in the lane's order, that an entry cannot be sent.
    fn send_fault(&mut self, entry: EntryId, fault: &ReadFault) -> Result<(), Error> {
        if !self.failed.insert(entry) {
            return Ok(());
        }
        let (status, text) = report::read_fault(fault);
        let body = text.into_bytes();
        let mut header = DataHeader::new(DataKind::Fail);
        header.entry = entry;
        header.block = status as u64;
        header.stored = u32::try_from(body.len()).unwrap_or(0);
        self.send_frame(header, body)
    }

    fn send_frame(&mut self, header: DataHeader, body: Vec<u8>) -> Result<(), Error> {
        self.frames.send(LaneFrame { header, body }).map_err(|_| lost(io::ErrorKind::BrokenPipe.into()))
    }

    fn stream_next(&mut self, entry: EntryId, block: u64) -> Result<(), Error> {
        let Some(stream) = self.origin.stream.as_mut() else {
            return Err(Error::Internal { detail: String::from("no stream to read") });
        };
        let mut body = self.buffers.pop().unwrap_or_default();
        let read = match stream.source.next_block(&mut body) {
            Ok(Some(read)) => read,
            Ok(None) => return Err(Error::Internal { detail: String::from("a stream read past its end") }),
            Err(source) => {
                self.buffers.push(body);
                return self.send_fault(entry, &ReadFault::Unreadable { action: "read", source });
            }
        };
        let mut header = DataHeader::new(DataKind::Range);
        header.entry = entry;
        header.block = block;
        header.plain = u32::try_from(body.len()).unwrap_or(0);
        header.stored = header.plain;
        header.digest = read.digest;
        header.last = read.last;
        self.progress.bytes += u64::from(header.plain);
        if read.last {
            self.progress.files += 1;
        } else {
            self.work.push_front(Task::Stream { entry, block: block + 1 });
        }
        self.send_frame(header, body)
    }

    /// Reads what the receiver doubts and says for each block that it is the same, or sends it.
    fn check(&mut self, first: u64, expected: &Digest) -> Result<(), Error> {
        let shape = self.machine.blocks().shape(first);
        let shape = shape.ok_or_else(|| Error::Internal { detail: format!("block {first} has no shape") })?;
        if let BlockShape::Range { entry, .. } = shape
            && self.failed.contains(&entry)
        {
            return Ok(());
        }
        let mut body = self.buffers.pop().unwrap_or_default();
        let read = self.read(&shape, &mut body)?;
        if !read.skipped.is_empty() || read.digest != *expected {
            return self.send_read(first, &shape, &read, body);
        }
        self.count(&shape, body.len() as u64);
        self.progress.bytes_here += body.len() as u64;
        self.buffers.push(body);
        let mut header = DataHeader::new(DataKind::Same);
        header.block = first;
        header.digest = read.digest;
        header.doubtful = read.doubtful;
        self.send_frame(header, Vec::new())
    }

    fn compare(&mut self, entry: EntryId, digest: &Digest) -> Result<(), Error> {
        let Some(reader) = self.origin.reader.as_mut() else {
            return Err(Error::Internal { detail: String::from("nothing to compare with") });
        };
        let same = reader.file_digest(self.machine.manifest(), entry).is_ok_and(|own| own == *digest);
        self.machine.compared(entry, same);
        Ok(())
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

fn task(work: Work) -> Task {
    match work {
        Work::Send { blocks } => Task::Send(blocks),
        Work::Stream { entry, first } => Task::Stream { entry, block: first },
        Work::Check { first, digests } => Task::Check { block: first, digests: digests.into_iter() },
        Work::Compare { entry, digest } => Task::Compare { entry, digest },
        Work::End => Task::End,
    }
}
