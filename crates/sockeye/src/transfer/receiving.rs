//! The receiver's thread: takes the offer, plans what is needed, checks what arrives and stores it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use sockeye_proto::{
    content::{BLOCK_SIZE, Digest, EntryId, KindRef, pack_digest, range_digest},
    transfer::{Block, Data, DataHeader, EntryReport, Receiver, ReceiverEvent, ReceiverParams, ReportTotals},
};
use tokio::sync::mpsc;

use crate::{
    Consent, Decision, Error, Event, Failure, Progress, Stats, Summary,
    event::SUMMARY_FAILURES,
    transfer::{
        links::{Heard, Links, Throttle, lost},
        report,
        target::{Need, Stored, Target},
    },
    wire::lane::{Lane, LaneReader},
};

/// Blocks read ahead of the disk: with blocks of 256 KiB, 4 MiB.
const BUFFERS: usize = 16;
/// How often the user hears of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What the lane's thread and the user tell this one.
pub(super) enum Signal {
    /// A data frame.
    Data(DataHeader, Vec<u8>),
    /// The lane has ended.
    LaneEnded(io::Result<LaneTotals>),
    /// The user's answer to the offer.
    Decided(Decision),
}

/// What a lane did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LaneTotals {
    bytes: u64,
    busy: Duration,
    waited: Duration,
}

/// What the receiver's user wants.
pub(super) struct Wishes {
    pub(super) consent: Consent,
    pub(super) max_size: Option<u64>,
    /// The list accepted in an earlier session of the same transfer.
    pub(super) approved: Option<Digest>,
}

/// Runs one session of receiving to its end.
pub(super) fn run(
    links: Links<Signal>,
    signal: &mpsc::UnboundedSender<Signal>,
    lane: Lane,
    wishes: &mut Wishes,
    open: &mut dyn FnMut([u8; 32]) -> Result<Target, Error>,
) -> Result<Summary, Error> {
    let (recycle, buffers) = std::sync::mpsc::sync_channel::<Vec<u8>>(BUFFERS);
    for _ in 0..BUFFERS {
        let _ = recycle.try_send(Vec::new());
    }
    let reader = lane.into_reader();
    let to_engine = signal.clone();
    thread::Builder::new()
        .name(String::from("sockeye-lane"))
        .spawn(move || {
            let ended = pump(reader, &buffers, &to_engine);
            let _ = to_engine.send(Signal::LaneEnded(ended));
        })
        .map_err(lost)?;
    let mut receiving = Receiving::new(links, recycle, wishes);
    let result = receiving.run(open);
    receiving.leave(result)
}

/// The lane's thread: opens and hands over, as long as there are free buffers.
fn pump(
    mut lane: LaneReader,
    buffers: &std::sync::mpsc::Receiver<Vec<u8>>,
    signal: &mpsc::UnboundedSender<Signal>,
) -> io::Result<LaneTotals> {
    let mut totals = LaneTotals::default();
    let began = Instant::now();
    while let Some(bytes) = lane.header()? {
        let header = DataHeader::decode(&bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        let before = Instant::now();
        // Every frame takes a buffer, small ones too: that bounds how many wait.
        let Ok(mut body) = buffers.recv() else { return Err(io::ErrorKind::Interrupted.into()) };
        totals.waited += before.elapsed();
        lane.body(header.stored as usize, &mut body)?;
        if signal.send(Signal::Data(header, body)).is_err() {
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
    totals.bytes = lane.bytes();
    totals.busy = began.elapsed().saturating_sub(totals.waited).saturating_sub(lane.waited());
    lane.finish();
    Ok(totals)
}

/// A pack some of whose files may be needed.
#[derive(Default)]
struct PackPlan {
    wanted: bool,
    undecided: u32,
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
    recycle: std::sync::mpsc::SyncSender<Vec<u8>>,
    wishes: &'w mut Wishes,
    machine: Receiver,
    target: Option<Target>,
    phase: Phase,
    told: BTreeSet<EntryId>,
    planned: EntryId,
    packs: BTreeMap<u64, PackPlan>,
    needs: Vec<Range<u64>>,
    notes: u64,
    summary: Summary,
    progress: Progress,
    throttle: Throttle,
    began: Option<Instant>,
    stats: Stats,
}

impl<'w> Receiving<'w> {
    fn new(
        links: Links<Signal>,
        recycle: std::sync::mpsc::SyncSender<Vec<u8>>,
        wishes: &'w mut Wishes,
    ) -> Self {
        let params = ReceiverParams { max_bytes: wishes.max_size, ..ReceiverParams::default() };
        Self {
            links,
            recycle,
            wishes,
            machine: Receiver::new(params),
            target: None,
            phase: Phase::Deciding,
            told: BTreeSet::new(),
            planned: 0,
            packs: BTreeMap::new(),
            needs: Vec::new(),
            notes: 0,
            summary: Summary::default(),
            progress: Progress::default(),
            throttle: Throttle::new(PROGRESS_EVERY),
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
            let until =
                [self.machine.poll_timeout().map(|d| d.at), self.commit_at()].into_iter().flatten().min();
            let heard = match self.links.try_hear() {
                Heard::Nothing => {
                    let before = Instant::now();
                    let heard = self.links.hear(until);
                    self.stats.disk_waited += before.elapsed();
                    heard
                }
                heard => heard,
            };
            self.heard(heard)?;
            if let Some(target) = self.target.as_mut() {
                target.commit_if_due(self.links.started.elapsed())?;
            }
            self.tell_failures();
            self.tell_progress(false);
        }
    }

    fn commit_at(&self) -> Option<Duration> {
        self.target.as_ref().and_then(|target| target.commit_at(self.links.now()))
    }

    fn heard(&mut self, heard: Heard<Signal>) -> Result<(), Error> {
        match heard {
            Heard::Frame(frame) => Ok(self.machine.handle_frame(self.links.now(), &frame)?),
            // Everything is stored and reported: that the sender left without a word changes nothing.
            Heard::Gone(_) if self.phase >= Phase::Reported => {
                self.phase = Phase::Closed;
                Ok(())
            }
            Heard::Gone(source) => Err(lost(source)),
            Heard::Cancelled => Err(Error::Cancelled),
            Heard::Signal(Signal::Data(header, body)) => self.data(&header, body),
            Heard::Signal(Signal::LaneEnded(Ok(totals))) => {
                self.stats.lane_bytes += totals.bytes;
                self.stats.network += totals.busy;
                self.stats.network_waited += totals.waited;
                let done = self.phase >= Phase::Reported || self.machine.is_answered();
                if done { Ok(()) } else { self.last_words(io::ErrorKind::UnexpectedEof.into()) }
            }
            Heard::Signal(Signal::LaneEnded(Err(source))) if self.phase < Phase::Reported => {
                self.last_words(source)
            }
            Heard::Signal(Signal::LaneEnded(Err(_))) => Ok(()),
            Heard::Signal(Signal::Decided(decision)) => self.decided(decision),
            Heard::Nothing => Ok(self.machine.handle_timeout(self.links.now())?),
        }
    }

    /// The lane broke: the sender may have said why on the control connection.
    fn last_words(&mut self, source: io::Error) -> Result<(), Error> {
        if source.kind() == io::ErrorKind::InvalidData {
            return Err(Error::PeerMisbehaved { detail: source.to_string() });
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
            ReceiverEvent::Offered { transfer } => {
                let target = open(transfer)?;
                if self.wishes.consent == Consent::Yes && !target.wants_whole_list() {
                    self.machine.accept_open()?;
                    self.target = Some(target);
                    return self.accept();
                }
                self.target = Some(target);
            }
            ReceiverEvent::Entries(_) => {
                self.tell_listed();
                if self.phase >= Phase::Receiving {
                    self.plan()?;
                }
            }
            ReceiverEvent::Note { path, status, text } => {
                self.notes += 1;
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
        if self.phase >= Phase::Receiving {
            return self.plan();
        }
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        target.check_list(self.machine.manifest())?;
        let approved = self.wishes.approved.is_some() && self.wishes.approved == self.machine.list_digest();
        if self.wishes.consent == Consent::Yes || approved {
            return self.decided(Decision::Accept);
        }
        let offer = target.offer(self.machine.manifest())?;
        self.links.events.tell(Event::Offer(offer));
        Ok(())
    }

    fn decided(&mut self, decision: Decision) -> Result<(), Error> {
        match decision {
            Decision::Decline { reason } => Err(Error::DeclinedHere { reason }),
            Decision::Accept if self.phase > Phase::Deciding => Ok(()),
            Decision::Accept => {
                if self.machine.accept_exact()? {
                    self.wishes.approved = self.machine.list_digest();
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
        self.began = Some(Instant::now());
        let totals = self.machine.manifest().totals();
        let bytes = (self.machine.is_listed() && totals.unknown == 0).then_some(totals.bytes);
        self.links.events.tell(Event::Started { files: totals.files, bytes });
        Ok(())
    }

    /// Plans every entry that has been listed and not planned, and asks for what is needed.
    fn plan(&mut self) -> Result<(), Error> {
        let end = self.machine.manifest().len();
        while self.planned < end {
            let id = self.planned;
            self.planned += 1;
            let Some(target) = self.target.as_mut() else { return Ok(()) };
            let need = target.plan(self.machine.manifest(), id)?;
            self.apply(id, need, false);
        }
        self.ask();
        Ok(())
    }

    fn compared(&mut self, id: EntryId, same: bool) -> Result<(), Error> {
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        let need = target.compared(self.machine.manifest(), id, same)?;
        self.apply(id, need, true);
        self.ask();
        Ok(())
    }

    /// Turns what storage needs of an entry into questions.
    fn apply(&mut self, id: EntryId, need: Need, was_undecided: bool) {
        let (blocks, size) = (self.machine.blocks().blocks_of(id), self.size_of(id));
        let packed = size.is_some_and(|size| size > 0 && size < BLOCK_SIZE);
        if packed {
            let pack = self.packs.entry(blocks.start).or_default();
            pack.undecided -= u32::from(was_undecided && pack.undecided > 0);
            match need {
                Need::Compare(digest) => {
                    pack.undecided += 1;
                    self.machine.compare(id, &digest);
                }
                Need::Nothing { here } => self.count_here(id, here),
                _ => pack.wanted = true,
            }
            return;
        }
        match need {
            Need::Nothing { here } => self.count_here(id, here),
            Need::All if size.is_none() => self.machine.need_stream(),
            Need::All => self.need(blocks),
            Need::Missing { ranges, here } => {
                for range in ranges {
                    self.need(blocks.start + range.start..blocks.start + range.end);
                }
                self.progress.bytes += here;
                self.progress.bytes_here += here;
            }
            Need::Check { held, missing } => {
                for held in held {
                    self.machine.check(blocks.start + held.first, &held.digests);
                }
                for range in missing {
                    self.need(blocks.start + range.start..blocks.start + range.end);
                }
            }
            Need::Compare(digest) => self.machine.compare(id, &digest),
        }
    }

    fn count_here(&mut self, id: EntryId, here: bool) {
        if let Some(size) = self.size_of(id).filter(|_| here) {
            self.progress.bytes += size;
            self.progress.bytes_here += size;
            self.progress.files += 1;
        }
    }

    fn size_of(&self, id: EntryId) -> Option<u64> {
        match self.machine.manifest().get(id)?.kind {
            KindRef::File { size } => size,
            _ => Some(0),
        }
    }

    fn need(&mut self, blocks: Range<u64>) {
        match self.needs.last_mut() {
            _ if blocks.is_empty() => {}
            Some(last) if last.end == blocks.start => last.end = blocks.end,
            _ => self.needs.push(blocks),
        }
    }

    /// Asks for packs whose files are all decided, and for everything else that has gathered.
    fn ask(&mut self) {
        let closed = self.machine.blocks().closed();
        let ready: Vec<u64> = self
            .packs
            .iter()
            .filter(|(block, pack)| **block < closed && pack.undecided == 0 && self.is_pack_planned(**block))
            .map(|(block, _)| *block)
            .collect();
        for block in ready {
            if self.packs.remove(&block).is_some_and(|pack| pack.wanted) {
                self.need(block..block + 1);
            }
        }
        let needs = std::mem::take(&mut self.needs);
        self.machine.need(&needs);
        let all = self.machine.is_listed() && self.planned == self.machine.manifest().len();
        if self.phase == Phase::Receiving && all && self.packs.is_empty() && !self.machine.is_comparing() {
            self.machine.questions_end();
        }
    }

    fn is_pack_planned(&self, block: u64) -> bool {
        match self.machine.blocks().shape(block) {
            Some(sockeye_proto::content::BlockShape::Pack { last, .. }) => last < self.planned,
            _ => true,
        }
    }

    fn data(&mut self, header: &DataHeader, body: Vec<u8>) -> Result<(), Error> {
        match self.machine.handle_data(header)? {
            Data::Range { block, last, .. } => self.store_range(header, block, last, &body)?,
            Data::Pack { members } => self.store_pack(header, &members, &body)?,
            Data::Same { block } => self.keep(header, block)?,
            Data::Fail { entry, status } => {
                let status = report::status_from_wire(status);
                let text = String::from_utf8_lossy(&body).into_owned();
                let Some(target) = self.target.as_mut() else { return Ok(()) };
                target.fail(entry, status, &text)?;
            }
            Data::End => {}
        }
        let _ = self.recycle.try_send(body);
        Ok(())
    }

    fn store_range(
        &mut self,
        header: &DataHeader,
        block: Block,
        last: bool,
        body: &[u8],
    ) -> Result<(), Error> {
        let size = self.size_of(block.entry);
        let whole = match size {
            Some(size) => size == BLOCK_SIZE,
            None => block.number == 0 && last,
        };
        let before = Instant::now();
        let digest = range_digest(block.number.saturating_mul(BLOCK_SIZE), body, whole);
        self.stats.hash += before.elapsed();
        same_digest(header, &digest)?;
        let before = Instant::now();
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        let stored = Stored { digest, doubtful: header.doubtful, last };
        target.write_range(self.machine.manifest(), block.entry, block.number, body, &stored)?;
        self.stats.disk += before.elapsed();
        self.progress.bytes += body.len() as u64;
        if block.number == 0 {
            self.progress.files += 1;
            self.progress.current = Some(self.machine.manifest().path(block.entry));
        }
        Ok(())
    }

    fn store_pack(
        &mut self,
        header: &DataHeader,
        members: &[(EntryId, u32)],
        body: &[u8],
    ) -> Result<(), Error> {
        let before = Instant::now();
        let digest = pack_digest(body);
        self.stats.hash += before.elapsed();
        same_digest(header, &digest)?;
        let before = Instant::now();
        let mut rest = body;
        for &(id, len) in members {
            let Some((bytes, tail)) = rest.split_at_checked(len as usize) else {
                return Err(Error::Internal { detail: String::from("a pack shorter than its files") });
            };
            rest = tail;
            let Some(target) = self.target.as_mut() else { return Ok(()) };
            if target.write_packed(self.machine.manifest(), id, bytes, header.doubtful)? {
                self.progress.bytes += bytes.len() as u64;
                self.progress.files += 1;
            }
        }
        self.stats.disk += before.elapsed();
        if let Some(&(id, _)) = members.last() {
            self.progress.current = Some(self.machine.manifest().path(id));
        }
        Ok(())
    }

    fn keep(&mut self, header: &DataHeader, block: Block) -> Result<(), Error> {
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        let stored = Stored { digest: header.digest, doubtful: header.doubtful, last: false };
        target.keep_range(self.machine.manifest(), block.entry, block.number, &stored)?;
        let size = self.size_of(block.entry).unwrap_or(0);
        let bytes = size.saturating_sub(block.number.saturating_mul(BLOCK_SIZE)).min(BLOCK_SIZE);
        self.progress.bytes += bytes;
        self.progress.bytes_here += bytes;
        Ok(())
    }

    /// Everything is here: commits it, tells the sender what became of it.
    fn finish(&mut self) -> Result<(), Error> {
        let Some(target) = self.target.as_mut() else { return Ok(()) };
        let before = Instant::now();
        let outcome = target.finish()?;
        self.stats.commit += before.elapsed().max(outcome.commit);
        let reports = outcome
            .entries
            .iter()
            .map(|(id, status, text)| EntryReport {
                entry: *id,
                status: report::status_to_wire(*status) as u8,
                text: report::cut(text),
            })
            .collect();
        self.tell_failures();
        for (id, status, text) in &outcome.entries {
            if !self.told.insert(*id) {
                continue;
            }
            let path = self.machine.manifest().path(*id);
            self.fail(Failure { path, status: *status, text: text.clone() });
        }
        let totals = ReportTotals {
            files: outcome.files,
            directories: outcome.directories,
            symlinks: outcome.symlinks,
            bytes: outcome.bytes,
            bytes_here: outcome.bytes_here,
            failed: outcome.failed,
            equal: outcome.equal,
        };
        self.machine.report(self.links.now(), reports, totals);
        self.phase = Phase::Reported;
        self.summary.files = outcome.files;
        self.summary.directories = outcome.directories;
        self.summary.symlinks = outcome.symlinks;
        self.summary.bytes = outcome.bytes;
        self.summary.bytes_here = outcome.bytes_here;
        self.summary.equal = outcome.equal;
        self.summary.failed = outcome.failed + self.notes;
        self.summary.written = outcome.written;
        self.summary.digest = outcome.digest.map(|d| *d.as_bytes());
        self.summary.elapsed = self.began.map(|at| at.elapsed()).unwrap_or_default();
        self.tell_progress(true);
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
        self.links.events.tell(Event::Failed(failure.clone()));
        if self.summary.failures.len() < SUMMARY_FAILURES {
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

fn same_digest(header: &DataHeader, digest: &Digest) -> Result<(), Error> {
    if header.digest == *digest {
        return Ok(());
    }
    Err(Error::Integrity { detail: format!("block {} does not have its digest", header.block) })
}
