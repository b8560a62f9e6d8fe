//! The receiving machine: the offer, the list, the questions and the report. What answers it accepts is in
//! [`answers`].

mod answers;

use alloc::{
    collections::{BTreeSet, VecDeque},
    format,
    vec::Vec,
};
use core::{ops::Range, time::Duration};

use crate::{
    Deadline,
    content::{BLOCK_EXPONENT, BlockMap, Digest, EntryId, Manifest, SegmentReader},
    runs::RunSet,
};

use super::{
    Abort, AbortCode, EntryReport, MAX_CHECKED_DIGESTS, MAX_RESULT_ENTRIES, Mode, ReceiverEvent,
    ReceiverParams, ReportTotals, Status, TransferError,
    config::{ALGORITHM_BLAKE3, MAX_NEED_RANGES},
    error::{misbehaved, out_of_order},
    outstanding::{Outstanding, Stream, one},
    wire::{
        self, Accept, Check, Compare, Compared, Listed, Message, Need, Note, Offer, Reports, SegmentMessage,
    },
};

/// Takes an offer, keeps the manifest, asks for blocks and checks every data frame against what was asked.
///
/// The driver decides ([`Receiver::accept_open`], [`Receiver::accept_exact`], or [`Receiver::abort`] with
/// [`AbortCode::Declined`]), asks as its storage needs, ends with [`Receiver::questions_end`], stores what
/// [`Receiver::handle_data`] allows, and when [`Receiver::is_answered`] reports.
///
/// Questions before the yes or after their end are not said. Each block, the stream and each entry's comparison can be
/// asked for once; nothing can be asked about an entry once it has failed.
#[derive(Debug)]
pub struct Receiver {
    state: State,
    params: ReceiverParams,
    manifest: Manifest,
    segments: SegmentReader,
    blocks: BlockMap,
    listed: Option<Listed>,
    notes: u32,
    failed: BTreeSet<EntryId>,
    outstanding: Outstanding,
    frames: VecDeque<Vec<u8>>,
    events: VecDeque<ReceiverEvent>,
    bye_by: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing offered yet.
    Expecting,
    /// Offered; the list may still grow.
    Deciding,
    /// Accepted: questions go, answers come.
    Receiving,
    /// All questions are out.
    Completing,
    /// All answers are here.
    Answered,
    /// Reported; waiting for the sender's `BYE`.
    Closing,
    /// Over.
    Closed,
}

impl Receiver {
    /// Waits for an offer.
    pub fn new(params: ReceiverParams) -> Self {
        Self {
            state: State::Expecting,
            segments: SegmentReader::new(params.limits),
            params,
            manifest: Manifest::new(),
            blocks: BlockMap::new(),
            listed: None,
            notes: 0,
            failed: BTreeSet::new(),
            outstanding: Outstanding::default(),
            frames: VecDeque::new(),
            events: VecDeque::new(),
            bye_by: None,
        }
    }

    /// Yes to whatever stays within the limits.
    pub fn accept_open(&mut self) -> Result<(), TransferError> {
        self.within_limits()?;
        self.accept(None);
        Ok(())
    }

    /// Yes to exactly the list that [`ReceiverEvent::Listed`] completed. False before that, and when it was accepted
    /// already.
    pub fn accept_exact(&mut self) -> Result<bool, TransferError> {
        self.within_limits()?;
        let listed = self.listed.clone();
        Ok(listed.is_some() && self.accept(listed))
    }

    fn accept(&mut self, exact: Option<Listed>) -> bool {
        let deciding = self.state == State::Deciding;
        if deciding {
            self.say(&Message::Accept(Accept { exact, max_bytes: self.params.max_bytes }));
            self.state = State::Receiving;
        }
        deciding
    }

    /// Stops, telling the sender why. A decline is an abort with [`AbortCode::Declined`].
    pub fn abort(&mut self, code: AbortCode, text: &str) {
        self.say(&Message::Abort(Abort::new(code, text)));
        self.state = State::Closed;
    }

    /// Takes a control frame's payload.
    pub fn handle_frame(&mut self, _now: Duration, payload: &[u8]) -> Result<(), TransferError> {
        if self.state == State::Closed {
            return Ok(());
        }
        let Some(message) = Message::decode(payload)? else { return Ok(()) };
        match (self.state, message) {
            (State::Closing, Message::Bye) => {
                self.say(&Message::Bye);
                self.close(ReceiverEvent::Closed);
                Ok(())
            }
            // Everything is stored and told: why the sender leaves no longer matters.
            (State::Closing, Message::Abort(_)) => {
                self.close(ReceiverEvent::Closed);
                Ok(())
            }
            (_, Message::Abort(abort)) => {
                self.close(ReceiverEvent::Aborted(abort));
                Ok(())
            }
            (State::Expecting, Message::Offer(offer)) => self.offer(&offer),
            (State::Deciding | State::Receiving, Message::Segment(segment)) => self.segment(&segment),
            (State::Deciding | State::Receiving, Message::Note(note)) => self.note(note),
            (State::Deciding | State::Receiving, Message::Listed(listed)) => self.listed(listed),
            (State::Receiving, Message::Compared(answer)) => self.compared(&answer),
            _ => out_of_order(),
        }
    }

    fn offer(&mut self, offer: &Offer) -> Result<(), TransferError> {
        let mode = Mode::from_wire(offer.delivery).ok_or(TransferError::PeerIncompatible {
            what: "another mode than one to one and one to many",
        })?;
        self.state = State::Deciding;
        self.events.push_back(ReceiverEvent::Offered { transfer: offer.transfer, mode });
        Ok(())
    }

    fn segment(&mut self, segment: &SegmentMessage) -> Result<(), TransferError> {
        self.list_open()?;
        let entries = self.segments.push(segment.index, &segment.bytes, &mut self.manifest)?;
        for entry in self.manifest.range(entries.clone()) {
            self.blocks.push(entry);
        }
        if self.state == State::Receiving {
            self.within_limits()?;
        }
        self.events.push_back(ReceiverEvent::Entries(entries));
        Ok(())
    }

    fn note(&mut self, note: Note) -> Result<(), TransferError> {
        self.list_open()?;
        self.notes += 1;
        if self.notes > self.params.limits.max_entries {
            return Err(TransferError::TooLarge {
                what: format!("more than {} notes", self.params.limits.max_entries),
            });
        }
        let status = Status::of_source(note.status);
        self.events.push_back(ReceiverEvent::Note { path: note.path, status, text: note.text });
        Ok(())
    }

    fn listed(&mut self, listed: Listed) -> Result<(), TransferError> {
        self.list_open()?;
        let same = listed.digest == *self.segments.chain().as_bytes()
            && listed.entries == u64::from(self.manifest.len())
            && listed.bytes == self.manifest.totals().bytes;
        if !same {
            return misbehaved("a list that does not add up");
        }
        self.blocks.finish();
        self.listed = Some(listed);
        self.events.push_back(ReceiverEvent::Listed);
        Ok(())
    }

    fn list_open(&self) -> Result<(), TransferError> {
        if self.listed.is_some() { misbehaved("a list that goes on after its end") } else { Ok(()) }
    }

    fn within_limits(&self) -> Result<(), TransferError> {
        let bytes = self.manifest.totals().bytes;
        match self.params.max_bytes {
            Some(max) if bytes > max => {
                Err(TransferError::TooLarge { what: format!("{bytes} bytes offered, {max} allowed") })
            }
            _ => Ok(()),
        }
    }

    fn compared(&mut self, answer: &Compared) -> Result<(), TransferError> {
        if !self.outstanding.compares.remove(one(answer.entry)) {
            return misbehaved("an answer nobody asked for");
        }
        self.events.push_back(ReceiverEvent::Compared { entry: answer.entry, same: answer.same });
        Ok(())
    }

    /// Asks for blocks.
    pub fn need(&mut self, ranges: &[Range<u64>]) {
        let mut flat = Vec::new();
        for range in ranges {
            if self.may_ask(range) {
                flat.extend([range.start, range.end - range.start]);
            }
            if flat.len() == 2 * MAX_NEED_RANGES {
                self.say_need(core::mem::take(&mut flat));
            }
        }
        if !flat.is_empty() {
            self.say_need(flat);
        }
    }

    /// Asks for the stream of unknown size.
    pub fn need_stream(&mut self) {
        if let Some((_, first)) = self.blocks.stream()
            && self.state == State::Receiving
            && self.outstanding.stream == Stream::Unasked
        {
            self.outstanding.stream = Stream::Next(first);
            self.say_need(Vec::from([first, 0]));
        }
    }

    /// Asks whether range blocks are what this side has.
    pub fn check(&mut self, first: u64, digests: &[Digest]) {
        let mut first = first;
        for chunk in digests.chunks(MAX_CHECKED_DIGESTS) {
            let blocks = first..first.saturating_add(chunk.len() as u64);
            first = blocks.end;
            if self.may_ask(&blocks) {
                let bytes = chunk.iter().flat_map(|digest| *digest.as_bytes()).collect();
                self.say(&Message::Check(Check { first: blocks.start, digests: bytes }));
                self.outstanding.checked.insert(blocks);
            }
        }
    }

    /// Asks whether an entry's file is the one with this digest.
    pub fn compare(&mut self, entry: EntryId, digest: &Digest) {
        if self.state == State::Receiving && self.outstanding.compares.insert(one(entry)) {
            self.say(&Message::Compare(Compare { entry, digest: *digest.as_bytes() }));
        }
    }

    /// No more questions. Said once the list is complete and every comparison is answered, which may lead to more.
    pub fn questions_end(&mut self) {
        if self.state == State::Receiving && self.is_listed() && !self.is_comparing() {
            self.say(&Message::NeedEnd);
            self.state = State::Completing;
        }
    }

    /// Notes that these blocks are asked for, if they can be.
    fn may_ask(&mut self, blocks: &Range<u64>) -> bool {
        if blocks.is_empty() || self.state != State::Receiving {
            return false;
        }
        let fresh = blocks.end <= self.blocks.closed() && self.outstanding.blocks.insert(blocks.clone());
        debug_assert!(fresh, "blocks {blocks:?} are listed and asked for once");
        fresh
    }

    fn say_need(&mut self, ranges: Vec<u64>) {
        self.say(&Message::Need(Need { ranges, exponent: BLOCK_EXPONENT, algorithm: ALGORITHM_BLAKE3 }));
    }

    /// Whether every question has been asked and answered and the lane has ended.
    pub fn is_answered(&self) -> bool {
        self.state == State::Answered
    }

    /// Blocks that were asked for and have not come, without those whose digest the sender was asked about: these blocks are
    /// the same for every receiver.
    pub fn wanted_blocks(&self) -> Vec<Range<u64>> {
        let mut wanted = RunSet::default();
        for run in self.outstanding.blocks.iter() {
            wanted.insert(run);
        }
        for run in self.outstanding.checked.iter() {
            wanted.remove(run);
        }
        wanted.iter().collect()
    }

    /// Whether some comparison is still open: its answer may lead to more questions.
    pub fn is_comparing(&self) -> bool {
        !self.outstanding.compares.is_empty()
    }

    /// Tells the sender what became of the entries that are not simply done, and ends. Only once
    /// [`Receiver::is_answered`]; of several reports of one entry the first counts.
    pub fn report(&mut self, now: Duration, mut entries: Vec<EntryReport>, totals: ReportTotals) {
        debug_assert!(self.is_answered(), "a report before every answer");
        if !self.is_answered() {
            return;
        }
        entries.sort_by_key(|report| report.entry);
        entries.dedup_by_key(|report| report.entry);
        for chunk in entries.chunks(MAX_RESULT_ENTRIES) {
            let entries =
                chunk.iter().map(|report| EntryReport { text: wire::cut(&report.text), ..*report }).collect();
            self.say(&Message::Reports(Reports { entries }));
        }
        self.say(&Message::ReportEnd(totals));
        self.state = State::Closing;
        self.bye_by = Some(now.saturating_add(self.params.timeouts.bye));
    }

    /// A frame to send, if any.
    pub fn poll_frame(&mut self) -> Option<Vec<u8>> {
        self.frames.pop_front()
    }

    /// Something that happened, if anything.
    pub fn poll_event(&mut self) -> Option<ReceiverEvent> {
        self.events.pop_front()
    }

    /// When to call [`Receiver::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match self.state {
            State::Expecting => Some(Deadline { at: self.params.timeouts.offer, reason: "OFFER" }),
            State::Closing => self.bye_by.map(|at| Deadline { at, reason: "BYE" }),
            _ => None,
        }
    }

    /// A deadline passed. Everything is stored when `BYE` is missed, so that one ends in peace.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), TransferError> {
        if self.poll_timeout().is_none_or(|deadline| deadline.at > now) {
            return Ok(());
        }
        if self.state == State::Expecting {
            self.abort(AbortCode::TimedOut, "no offer came");
            return Err(TransferError::TimedOut { what: "the offer" });
        }
        self.close(ReceiverEvent::Closed);
        Ok(())
    }

    /// What is offered so far.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its blocks.
    pub fn blocks(&self) -> &BlockMap {
        &self.blocks
    }

    /// Whether the list is complete.
    pub fn is_listed(&self) -> bool {
        self.listed.is_some()
    }

    /// The digest of the complete list.
    pub fn list_digest(&self) -> Option<Digest> {
        self.listed.as_ref().map(|listed| Digest::from(listed.digest))
    }

    /// A short name of the state, for traces.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            State::Expecting => "expecting",
            State::Deciding => "deciding",
            State::Receiving => "receiving",
            State::Completing => "completing",
            State::Answered => "answered",
            State::Closing => "closing",
            State::Closed => "closed",
        }
    }

    fn say(&mut self, message: &Message) {
        if self.state != State::Closed {
            self.frames.push_back(message.encode());
        }
    }

    fn close(&mut self, event: ReceiverEvent) {
        self.state = State::Closed;
        self.events.push_back(event);
    }
}
