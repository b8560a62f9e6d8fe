//! The sending machine.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::{ops::Range, time::Duration};

use crate::{
    Deadline,
    content::{
        BLOCK_EXPONENT, BlockMap, BlockShape, Digest, Entry, EntryId, KindRef, Manifest, ManifestError,
        Segment, SegmentWriter,
    },
    runs::RunSet,
};

use super::{
    Abort, AbortCode, EntryReport, Mode, SenderEvent, Status, TransferError, TransferTimeouts, Work,
    config::{ALGORITHM_BLAKE3, MAX_NOTE_PATH},
    error::{misbehaved, out_of_order},
    outstanding::one,
    wire::{self, Accept, Check, Compare, Compared, Listed, Message, Need, Note, Offer, SegmentMessage},
};

/// Offers a manifest and turns the receiver's questions into work for the driver.
///
/// The driver walks and calls [`Sender::push`] for each entry, then [`Sender::listed`]; it does each [`Work`] in order;
/// it calls [`Sender::compared`] for comparisons and answers everything else on a lane.
#[derive(Debug)]
pub struct Sender {
    state: State,
    manifest: Arc<Manifest>,
    segments: SegmentWriter,
    blocks: Arc<BlockMap>,
    /// Entries told to the receiver so far, where the list was complete from the beginning.
    told: Option<EntryId>,
    listed: Option<Listed>,
    accepted: bool,
    asked: RunSet,
    stream_asked: bool,
    /// Entries that the receiver wanted compared, ever and without an answer so far.
    compared: RunSet,
    comparing: RunSet,
    /// Entries below this one have had their chance to be reported.
    next_report: EntryId,
    frames: VecDeque<Vec<u8>>,
    events: VecDeque<SenderEvent>,
    timeouts: TransferTimeouts,
    bye_by: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The offer is out; nothing may be sent.
    Offering,
    /// Accepted: questions come, answers go.
    Serving,
    /// There are no more questions; the result will come.
    Answering,
    /// The result is here, `BYE` is out.
    Closing,
    /// Over.
    Closed,
}

impl Sender {
    /// Starts by offering the transfer with this key, to one receiver alone.
    pub fn new(transfer: [u8; 32], timeouts: TransferTimeouts) -> Self {
        Self::to(transfer, Mode::One, timeouts)
    }

    /// Starts by offering the transfer with this key.
    pub fn to(transfer: [u8; 32], mode: Mode, timeouts: TransferTimeouts) -> Self {
        let mut sender = Self {
            state: State::Offering,
            manifest: Arc::default(),
            segments: SegmentWriter::new(),
            blocks: Arc::default(),
            told: None,
            listed: None,
            accepted: false,
            asked: RunSet::default(),
            stream_asked: false,
            compared: RunSet::default(),
            comparing: RunSet::default(),
            next_report: 0,
            frames: VecDeque::new(),
            events: VecDeque::new(),
            timeouts,
            bye_by: None,
        };
        sender.say(&Message::Offer(Offer { transfer, delivery: mode as u8 }));
        sender
    }

    /// Adds an entry to what is offered, before [`Sender::listed`].
    pub fn push(&mut self, entry: &Entry) -> Result<EntryId, ManifestError> {
        let id = Arc::make_mut(&mut self.manifest).push(entry)?;
        if let Some(pushed) = self.manifest.get(id) {
            Arc::make_mut(&mut self.blocks).push(pushed);
        }
        if let Some(segment) = self.segments.push(entry) {
            self.say_segment(segment);
        }
        Ok(id)
    }

    /// Offers a list that is complete, and that others may offer too, instead of [`push`](Self::push): nothing of it is copied.
    /// `blocks` is finished. It is told piece by piece, by [`tell_more`](Self::tell_more).
    pub fn share(&mut self, manifest: Arc<Manifest>, blocks: Arc<BlockMap>) {
        (self.manifest, self.blocks, self.told) = (manifest, blocks, Some(0));
    }

    /// Tells the next entries of a list that is shared, so many at most. False if that were all.
    pub fn tell_more(&mut self, most: u32) -> bool {
        let Some(told) = self.told else { return false };
        let manifest = Arc::clone(&self.manifest);
        let end = manifest.len().min(told.saturating_add(most));
        for entry in manifest.range(told..end) {
            if let Some(segment) = self.segments.push_ref(&entry) {
                self.say_segment(segment);
            }
        }
        self.told = Some(end);
        end < manifest.len()
    }

    /// Lets the receiver see what has been listed so far.
    pub fn flush(&mut self) {
        if let Some(segment) = self.segments.flush() {
            self.say_segment(segment);
        }
    }

    /// Tells the receiver of something that was asked for and cannot be sent, before [`Sender::listed`]. Path and text
    /// are cut where they are longer than they may be.
    pub fn note(&mut self, path: &[u8], status: Status, text: &str) {
        let path = path[..path.len().min(MAX_NOTE_PATH)].to_vec();
        self.say(&Message::Note(Note { path, status: status as u8, text: wire::cut(text) }));
    }

    /// Ends the list. The second time is misuse.
    pub fn listed(&mut self) -> Result<(), TransferError> {
        if self.listed.is_some() {
            return Err(TransferError::Misuse { rule: "a list ends once" });
        }
        while self.tell_more(EntryId::MAX) {}
        self.flush();
        if self.told.is_none() {
            Arc::make_mut(&mut self.blocks).finish();
        }
        let listed = Listed {
            digest: *self.segments.chain().as_bytes(),
            entries: u64::from(self.manifest.len()),
            bytes: self.manifest.totals().bytes,
        };
        self.say(&Message::Listed(listed.clone()));
        self.listed = Some(listed);
        Ok(())
    }

    /// Answers [`Work::Compare`].
    pub fn compared(&mut self, entry: EntryId, same: bool) {
        if self.comparing.remove(one(entry)) {
            self.say(&Message::Compared(Compared { entry, same }));
        }
    }

    /// Stops, telling the receiver why.
    pub fn abort(&mut self, code: AbortCode, text: &str) {
        self.say(&Message::Abort(Abort::new(code, text)));
        self.state = State::Closed;
    }

    /// Takes a control frame's payload.
    pub fn handle_frame(&mut self, now: Duration, payload: &[u8]) -> Result<(), TransferError> {
        if self.state == State::Closed {
            return Ok(());
        }
        let Some(message) = Message::decode(payload)? else { return Ok(()) };
        match (self.state, message) {
            // What the receiver has it has: nothing it says after its result takes that back.
            (State::Closing, Message::Bye | Message::Abort(_)) => self.close(SenderEvent::Closed),
            (_, Message::Abort(abort)) => self.close(SenderEvent::Aborted(abort)),
            (State::Offering, Message::Accept(accept)) => return self.accept(&accept),
            (State::Serving, Message::Need(need)) => return self.need(&need),
            (State::Serving, Message::Check(check)) => return self.check(&check),
            (State::Serving, Message::Compare(compare)) => return self.compare(&compare),
            (State::Serving, Message::NeedEnd) => return self.need_end(),
            (
                State::Answering,
                Message::Need(_) | Message::Check(_) | Message::Compare(_) | Message::NeedEnd,
            ) => {
                return misbehaved("a question after the last");
            }
            (State::Answering, Message::Reports(reports)) => return self.reports(reports.entries),
            (State::Answering, Message::ReportEnd(totals)) => {
                self.events.push_back(SenderEvent::Finished(totals));
                self.say(&Message::Bye);
                self.state = State::Closing;
                self.bye_by = Some(now.saturating_add(self.timeouts.bye));
            }
            _ => return out_of_order(),
        }
        Ok(())
    }

    /// A frame to send, if any.
    pub fn poll_frame(&mut self) -> Option<Vec<u8>> {
        self.frames.pop_front()
    }

    /// Something that happened, if anything.
    pub fn poll_event(&mut self) -> Option<SenderEvent> {
        self.events.pop_front()
    }

    /// When to call [`Sender::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.bye_by.filter(|_| self.state == State::Closing).map(|at| Deadline { at, reason: "BYE" })
    }

    /// A deadline passed. The result is already here when it does, so this ends in peace.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.poll_timeout().is_some_and(|deadline| deadline.at <= now) {
            self.close(SenderEvent::Closed);
        }
    }

    /// What is offered.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its blocks.
    pub fn blocks(&self) -> &BlockMap {
        &self.blocks
    }

    /// Whether the receiver has said yes.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// A short name of the state, for traces.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            State::Offering => "offering",
            State::Serving => "serving",
            State::Answering => "answering",
            State::Closing => "closing",
            State::Closed => "closed",
        }
    }

    fn say(&mut self, message: &Message) {
        if self.state != State::Closed {
            self.frames.push_back(message.encode());
        }
    }

    fn say_segment(&mut self, segment: Segment) {
        self.say(&Message::Segment(SegmentMessage { index: segment.index, bytes: segment.bytes }));
    }

    fn close(&mut self, event: SenderEvent) {
        self.state = State::Closed;
        self.events.push_back(event);
    }

    /// An exact yes must be a yes to precisely what was listed (`specs/04-transfer.md` §2.4).
    fn accept(&mut self, accept: &Accept) -> Result<(), TransferError> {
        if accept.exact.is_some() && accept.exact != self.listed {
            return misbehaved("accepted something else than what was listed");
        }
        self.accepted = true;
        self.state = State::Serving;
        self.events.push_back(SenderEvent::Accepted);
        Ok(())
    }

    fn need(&mut self, need: &Need) -> Result<(), TransferError> {
        if need.exponent != BLOCK_EXPONENT || need.algorithm != ALGORITHM_BLAKE3 {
            return Err(TransferError::PeerIncompatible { what: "another block size or digest" });
        }
        for pair in need.ranges.chunks_exact(2) {
            let (first, count) = (pair[0], pair[1]);
            let work = match count {
                0 => self.need_stream(first)?,
                _ => Work::Send { blocks: self.ask(first, count)? },
            };
            self.events.push_back(SenderEvent::Work(work));
        }
        Ok(())
    }

    fn need_stream(&mut self, first: u64) -> Result<Work, TransferError> {
        match self.blocks.stream() {
            Some((entry, start)) if start == first && !self.stream_asked => {
                self.stream_asked = true;
                Ok(Work::Stream { entry, first })
            }
            _ => misbehaved("asked for a stream that is not there, or twice"),
        }
    }

    fn check(&mut self, check: &Check) -> Result<(), TransferError> {
        let digests: Vec<Digest> =
            check.digests.chunks_exact(Digest::LEN).filter_map(Digest::from_slice).collect();
        let blocks = self.ask(check.first, digests.len() as u64)?;
        let is_range = |block| matches!(self.blocks.shape(block), Some(BlockShape::Range { .. }));
        if !blocks.clone().all(is_range) {
            return misbehaved("a digest of a block that is no range");
        }
        self.events.push_back(SenderEvent::Work(Work::Check { first: check.first, digests }));
        Ok(())
    }

    /// A block is asked for once in a session: nobody makes the sender read for ever.
    fn ask(&mut self, first: u64, count: u64) -> Result<Range<u64>, TransferError> {
        let Some(end) = first.checked_add(count).filter(|&end| end <= self.blocks.closed()) else {
            return misbehaved("asked for blocks that are not listed");
        };
        if !self.asked.insert(first..end) {
            return misbehaved("asked twice for one block");
        }
        Ok(first..end)
    }

    fn compare(&mut self, compare: &Compare) -> Result<(), TransferError> {
        let entry = compare.entry;
        let kind = self.manifest.get(entry).map(|entry| entry.kind);
        if !matches!(kind, Some(KindRef::File { size: Some(_) })) {
            return misbehaved("a comparison of something that is no file");
        }
        if !self.compared.insert(one(entry)) {
            return misbehaved("asked twice to compare one file");
        }
        self.comparing.insert(one(entry));
        self.events
            .push_back(SenderEvent::Work(Work::Compare { entry, digest: Digest::from(compare.digest) }));
        Ok(())
    }

    /// Both conditions keep the end of the lane from overtaking something on the control connection.
    fn need_end(&mut self) -> Result<(), TransferError> {
        if self.listed.is_none() {
            return misbehaved("the last question before the list was complete");
        }
        if !self.comparing.is_empty() {
            return misbehaved("the last question before every comparison was answered");
        }
        self.state = State::Answering;
        self.events.push_back(SenderEvent::Work(Work::End));
        Ok(())
    }

    /// Ascending numbers: so each entry is reported once at most.
    fn reports(&mut self, reports: Vec<EntryReport>) -> Result<(), TransferError> {
        for report in &reports {
            if report.entry < self.next_report || report.entry >= self.manifest.len() {
                return misbehaved("a result of an entry that is not listed, or out of order");
            }
            self.next_report = report.entry + 1;
        }
        self.events.push_back(SenderEvent::Reports(reports));
        Ok(())
    }
}
