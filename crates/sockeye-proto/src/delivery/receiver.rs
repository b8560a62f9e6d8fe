//! The receiving machine: which symbols are of use, what to ask for, what to report.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{ops::Range, time::Duration};

use crate::{Deadline, runs::RunSet};

use super::{
    asks::{Asks, back_off},
    config::{
        FIRST_REPORTS, FIRST_REPORTS_EVERY, FIRST_ROUND_TRIP, FOLLOWED_BLOCKS, LEAST_ROUND_TRIP, MAX_SYMBOLS,
        MOST_QUEUE, REORDER, REPORT_EVERY, REPORTERS, SOONEST_REPORT, TROUBLED_REPORTERS,
    },
    event::Verdict,
    message::{Feedback, Nack, Report},
    random::Random,
    stats::ListenStats,
    trail::Trail,
    wire::{PacketHeader, State},
};

/// Takes part in a group: says of each symbol whether it is of use, asks for what blocks lack, reports how it fares.
///
/// The driver hands in what needs to come ([`Listener::need`]) and each authentic packet's header; keeps symbols as told;
/// calls [`Listener::poll_feedback`] after each batch of packets and at [`Listener::poll_timeout`].
#[derive(Debug)]
pub struct Listener {
    /// Blocks that are needed and not complete.
    needed: RunSet,
    /// Blocks that will not come in packets.
    elsewhere: RunSet,
    blocks: BTreeMap<u64, Partial>,
    asks: Asks,
    /// The time of an answer by which back-offs pass.
    pace: Duration,
    /// The block of the first pass that came last, and the first of all.
    at: Option<u64>,
    began: Option<u64>,
    /// The pass has begun again from the front.
    wrapped: bool,
    passed_all: bool,
    /// In the group; 0 until that is known.
    members: u32,
    round_trip: Duration,
    trail: Trail,
    next_report: Duration,
    reports: u32,
    /// The last report was made at once because of a queue.
    alarmed: bool,
    completed: u32,
    random: Random,
    stats: ListenStats,
}

/// A block that is not complete.
#[derive(Debug)]
struct Partial {
    sources: u16,
    have: [u64; 4],
    count: u16,
    /// Number after the highest symbol seen, not modulo 256.
    seen: u16,
    /// The first pass is over.
    passed: bool,
    /// Number after the last symbol that is known to come.
    promised: u16,
    /// Questions since the last symbol.
    asked: u32,
}

impl Listener {
    /// A member that needs nothing yet. `seed` spreads its questions in time; it protects nothing.
    pub fn new(seed: u64) -> Self {
        Self {
            needed: RunSet::default(),
            elsewhere: RunSet::default(),
            blocks: BTreeMap::new(),
            asks: Asks::default(),
            pace: FIRST_ROUND_TRIP,
            at: None,
            began: None,
            wrapped: false,
            passed_all: false,
            members: 0,
            round_trip: FIRST_ROUND_TRIP,
            trail: Trail::default(),
            next_report: Duration::ZERO,
            reports: 0,
            alarmed: false,
            completed: 0,
            random: Random::new(seed),
            stats: ListenStats::default(),
        }
    }

    /// These blocks have to come.
    pub fn need(&mut self, blocks: Range<u64>) {
        self.needed.add(blocks);
    }

    /// Whether everything needed is complete.
    pub fn is_complete(&self) -> bool {
        self.needed.is_empty()
    }

    /// Whether a block is needed and not complete.
    pub fn needs(&self, block: u64) -> bool {
        self.needed.has_any(&(block..block + 1))
    }

    /// Blocks that are needed and not complete.
    pub fn missing(&self) -> Vec<Range<u64>> {
        let mut missing = RunSet::default();
        self.needed.iter().chain(self.elsewhere.iter()).for_each(|run| missing.add(run));
        missing.iter().collect()
    }

    /// This block will not come in packets, or not as it should be.
    pub fn withhold(&mut self, block: u64) {
        if self.needs(block) {
            self.settle(block);
            self.completed -= 1;
        }
        self.elsewhere.add(block..block + 1);
    }

    /// An authentic packet of any kind arrived at this time.
    pub fn handle_packet(&mut self, now: Duration, header: &PacketHeader) {
        if self.trail.is_empty() {
            self.next_report = now + self.report_every();
        }
        self.trail.see(now, header);
    }

    /// An authentic symbol arrived. `sources` is how many source symbols its block has.
    pub fn handle_symbol(&mut self, now: Duration, header: &PacketHeader, sources: u16) -> Verdict {
        self.stats.symbols += 1;
        let block = u64::from(header.block);
        if header.fresh {
            self.advance(now, block);
        }
        if !self.needs(block) {
            self.stats.useless += 1;
            return Verdict::Ignore;
        }
        if !self.blocks.contains_key(&block) && self.blocks.len() >= FOLLOWED_BLOCKS {
            self.stats.useless += 1;
            return Verdict::Ignore;
        }
        let partial = self.blocks.entry(block).or_insert_with(|| Partial::new(sources));
        partial.sources = sources.clamp(1, MAX_SYMBOLS);
        let new = partial.take(header.symbol);
        if new && partial.count >= partial.sources {
            self.settle(block);
            return Verdict::Complete;
        }
        let repaired = partial.passed && partial.seen >= partial.promised;
        if repaired && !self.asks.is_open(block) {
            // What was promised has come, and was not enough.
            self.open(now, block, REORDER);
        }
        if new {
            return Verdict::Keep;
        }
        self.stats.useless += 1;
        Verdict::Ignore
    }

    /// A block is complete, or comes by another way.
    pub fn settle(&mut self, block: u64) {
        self.needed.remove(block..block + 1);
        self.blocks.remove(&block);
        self.asks.forget(block);
        self.completed += 1;
    }

    /// The sender said how far it is.
    pub fn handle_state(&mut self, now: Duration, state: &State) {
        self.members = state.members.max(1);
        self.round_trip = state.round_trip.max(LEAST_ROUND_TRIP);
        let mut covered = false;
        for &(block, end) in &state.adverts {
            let block = u64::from(block);
            let Some(partial) = self.blocks.get_mut(&block) else { continue };
            partial.promised = partial.promised.max(end);
            let (seen, missing) = partial.wanted();
            if partial.passed && end >= seen.saturating_add(missing) {
                let open = self.asks.is_open(block);
                self.stats.suppressed += u64::from(open);
                covered |= open;
                self.hold(now, block);
            }
        }
        if covered || !self.asks.is_set() {
            self.draw(now, Duration::ZERO);
        }
        let restarted = self.passed_all && !state.passed_all;
        self.passed_all = state.passed_all;
        if restarted {
            (self.at, self.began, self.wrapped) = (None, None, false);
        }
        if state.passed_all {
            self.pass(now, 0..u64::MAX);
        }
    }

    /// The pass has come to this block: those between it and the last one are over.
    fn advance(&mut self, now: Duration, block: u64) {
        let before = self.at.replace(block);
        let began = *self.began.get_or_insert(block);
        match before {
            Some(before) if block > before => self.pass(now, before..block),
            Some(before) if block < before => {
                if block + REORDERED_BLOCKS >= before {
                    self.at = Some(before);
                    return;
                }
                self.wrapped = true;
                self.pass(now, before.max(began)..u64::MAX);
            }
            _ => {}
        }
    }

    /// The first pass of these blocks is over: what they lack has to be asked for.
    fn pass(&mut self, now: Duration, blocks: Range<u64>) {
        let mut from = blocks.start;
        while let Some(block) = self.needed.next_from(from).filter(|block| *block < blocks.end) {
            from = block + 1;
            let full = self.blocks.len() >= FOLLOWED_BLOCKS;
            match self.blocks.get_mut(&block) {
                Some(partial) if partial.passed => continue,
                Some(partial) => partial.passed = true,
                None if full => break,
                None => {
                    let unseen = Partial { passed: true, ..Partial::new(MAX_SYMBOLS) };
                    self.blocks.insert(block, unseen);
                }
            }
            self.open(now, block, REORDER);
        }
    }

    /// Asks for what a block lacks after a while, unless somebody else does first.
    fn open(&mut self, now: Duration, block: u64, least: Duration) {
        if self.asks.open(block, now + least) {
            self.draw(now, least);
        }
    }

    /// Draws when to ask for all that is open, once the size of the group is known.
    fn draw(&mut self, now: Duration, least: Duration) {
        let lacking = |block| {
            let partial = self.blocks.get(&block);
            partial.map_or(1, |partial| partial.sources.saturating_sub(partial.count))
        };
        let Some(most) = self.asks.all_open().map(lacking).max().filter(|_| self.members > 0) else { return };
        self.pace(now);
        let wait = back_off(&mut self.random, self.members, self.pace, most);
        // Few still lack something once a block was mended: mostly who lost of that, too.
        let mended = |block| self.blocks.get(&block).is_some_and(|partial| partial.promised > 0);
        let wait = if self.asks.all_open().all(mended) { wait / 2 } else { wait };
        self.asks.not_before(now + least + wait);
    }

    /// Back-offs pass as fast as answers come: others hear of a question after a round trip, and a queue that has just grown
    /// is not in the group's yet.
    fn pace(&mut self, now: Duration) {
        let queue = self.trail.queue().min(MOST_QUEUE);
        let pace = self.round_trip.max(queue + LEAST_ROUND_TRIP);
        if pace > self.pace * 5 / 4 || pace < self.pace * 3 / 4 {
            let before = core::mem::replace(&mut self.pace, pace);
            self.asks.stretch(now, pace.as_secs_f64() / before.as_secs_f64());
        }
    }

    /// Waits for what was asked for.
    fn hold(&mut self, now: Duration, block: u64) {
        let asked = self.blocks.get(&block).map_or(0, |partial| partial.asked.min(MAX_HOLD_DOUBLINGS));
        let hold = (self.round_trip * 2 + LEAST_HOLD) * 2u32.pow(asked.saturating_sub(1));
        self.asks.hold(block, now + hold);
    }

    /// A message to send now, if any. `dropped`: datagrams that the kernel has dropped in all; `fill`: room for blocks in use,
    /// in percent.
    pub fn poll_feedback(&mut self, now: Duration, dropped: u64, fill: u8) -> Option<Feedback> {
        let nacks = self.due(now);
        let report = self.report(now, dropped, fill);
        if nacks.is_empty() && report.is_none() {
            return None;
        }
        self.stats.feedbacks += 1;
        self.stats.nacks += nacks.len() as u64;
        Some(Feedback { nacks, report })
    }

    fn due(&mut self, now: Duration) -> Vec<Nack> {
        while let Some(block) = self.asks.overdue(now) {
            self.open(now, block, Duration::ZERO);
        }
        self.pace(now);
        let mut nacks = Vec::new();
        for block in self.asks.due(now) {
            let Some(partial) = self.blocks.get_mut(&block) else { continue };
            partial.asked += 1;
            let (seen, missing) = partial.wanted();
            partial.promised = partial.promised.max(seen.saturating_add(missing));
            if let Ok(block) = u32::try_from(block) {
                nacks.push(Nack { block, missing, seen });
            }
            self.hold(now, block);
        }
        // What is not yet to be asked for, or did not find room.
        if !self.asks.is_set() {
            self.draw(now, REORDER);
        }
        nacks
    }

    fn report_every(&self) -> Duration {
        if self.reports < FIRST_REPORTS { FIRST_REPORTS_EVERY } else { REPORT_EVERY }
    }

    fn report(&mut self, now: Duration, dropped: u64, fill: u8) -> Option<Report> {
        let soonest = self.next_report.saturating_sub(self.report_every()) + SOONEST_REPORT;
        let alarmed = self.trail.queue() > ALARMING_QUEUE && now >= soonest;
        let due = now >= self.next_report || (alarmed && !self.alarmed);
        if self.trail.is_empty() || !due {
            return None;
        }
        self.alarmed = alarmed;
        self.reports += 1;
        self.next_report = now + self.report_every();
        let mut report = self.trail.report(now, dropped)?;
        self.stats.lost += u64::from(report.sent.saturating_sub(report.received));
        (report.fill, report.blocks) = (fill, self.completed);
        let troubled = report.queue > TROUBLING_QUEUE || report.dropped > 0;
        let reporters = if troubled { TROUBLED_REPORTERS } else { REPORTERS };
        let members = self.members.max(1);
        (members <= reporters || self.random.below(members) < reporters).then_some(report)
    }

    /// When to call [`Listener::poll_feedback`], besides after packets.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let ask = self.asks.next().map(|at| Deadline { at, reason: "NACK" });
        let report = (!self.trail.is_empty()).then_some(Deadline { at: self.next_report, reason: "report" });
        [ask, report].into_iter().flatten().min_by_key(|deadline| deadline.at)
    }

    /// Counts so far.
    pub fn stats(&self) -> &ListenStats {
        &self.stats
    }
}

impl Partial {
    fn new(sources: u16) -> Self {
        Self {
            sources: sources.clamp(1, MAX_SYMBOLS),
            have: [0; 4],
            count: 0,
            seen: 0,
            passed: false,
            promised: 0,
            asked: 0,
        }
    }

    /// The first number of those to come that would help, and how many from there on are enough: as many as are missing, or
    /// more where symbols come again that are there already.
    fn wanted(&self) -> (u16, u16) {
        let lacking = self.sources.saturating_sub(self.count).max(1);
        if self.seen.saturating_add(lacking) <= MAX_SYMBOLS {
            return (self.seen, lacking);
        }
        let numbers = self.seen..self.seen.saturating_add(2 * MAX_SYMBOLS);
        let helpful = numbers.filter(|number| *number < MAX_SYMBOLS || !self.has(*number));
        let (first, last) = helpful
            .take(lacking.into())
            .fold((None, self.seen), |(first, _), number| (first.or(Some(number)), number));
        let first = first.unwrap_or(self.seen);
        (first, (last - first + 1).min(MAX_SYMBOLS))
    }

    fn has(&self, number: u16) -> bool {
        let symbol = number % MAX_SYMBOLS;
        self.have[usize::from(symbol / 64)] >> (symbol % 64) & 1 == 1
    }

    /// Notes a symbol. False if it is there already.
    fn take(&mut self, symbol: u8) -> bool {
        // The number nearest above what was seen: symbols go in order and hardly overtake each other.
        let floor = self.seen.saturating_sub(MAX_SYMBOLS / 2);
        let number = floor + u16::from(symbol.wrapping_sub(floor.to_be_bytes()[1]));
        self.seen = self.seen.max(number.saturating_add(1));
        let (word, bit) = (usize::from(symbol / 64), symbol % 64);
        let new = self.have[word] >> bit & 1 == 0;
        self.have[word] |= 1 << bit;
        self.count += u16::from(new);
        // Whoever is answered need not ask more rarely.
        self.asked = 0;
        new
    }
}

/// Blocks by which packets of a first pass may seem to go back by reordering.
const REORDERED_BLOCKS: u64 = 2;
/// The least time in which an answer to a question is expected.
const LEAST_HOLD: Duration = Duration::from_millis(20);
/// Unanswered questions are asked again more and more rarely.
const MAX_HOLD_DOUBLINGS: u32 = 3;
/// Who sees packets stand this long, in microseconds, is heard more often.
const TROUBLING_QUEUE: u32 = 3_000;
/// A queue of this length that was not there before is reported at once.
const ALARMING_QUEUE: Duration = Duration::from_millis(4);
