//! The sending machine: which symbols go next, and when.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::{ops::Range, time::Duration};

use crate::{Deadline, runs::RunSet};

use super::{
    asks::longest_back_off,
    config::{
        CATCH_UP, FIRST_ROUND_TRIP, LEAST_ROUND_TRIP, LONGEST_ROUND_TRIP, MAX_ADVERTS, MAX_BATCH,
        MAX_SYMBOLS, MOST_QUEUE, QUIET, REMEMBERED_BLOCKS, REORDER, STATE_EVERY, STATE_SOONEST,
    },
    event::{CastEvent, MemberId, Transmit},
    message::{Feedback, Nack, Report},
    rate::Rate,
    sent::Sent,
    stats::CastStats,
    unasked::Unasked,
    wire::{State, TICK, TIME_MODULUS, ticks},
};

/// What a sender is told at the start.
#[derive(Clone, Debug)]
pub struct CastParams {
    /// Bytes of a symbol's packet on the wire, headers of the network included.
    pub wire_len: usize,
    /// Never faster than this, in bytes a second on the wire.
    pub max_rate: Option<u64>,
}

/// Sends blocks to a group: each once, and then as many repair symbols as the member that lacks most of it needs.
///
/// The driver adds members with what they need, calls [`Caster::poll_transmit`] until it has nothing for now, sends what
/// it gives, and comes back at [`Caster::poll_timeout`]. How many symbols a block has it tells by `sources`.
#[derive(Debug)]
pub struct Caster {
    /// Blocks to be sent for the first time, or again for somebody who came later.
    pending: RunSet,
    /// Blocks that cannot go by packets.
    withheld: BTreeSet<u64>,
    cursor: u64,
    current: Option<Current>,
    sent: BTreeMap<u64, Sent>,
    /// In the order of sending.
    order: VecDeque<u64>,
    /// Blocks with repairs to send.
    repairs: BTreeSet<u64>,
    members: BTreeMap<MemberId, Member>,
    rate: Rate,
    unasked: Unasked,
    /// Blocks from which is still to be learned how many unasked repairs are best, in the order of sending.
    unjudged: VecDeque<u64>,
    next_batch: Duration,
    /// The time that the first batch of a train takes, when the second is to follow.
    first_of_train: Option<Duration>,
    next_state: Duration,
    last_symbol: Duration,
    last_nack: Duration,
    round_trip: Duration,
    active: bool,
    events: VecDeque<CastEvent>,
    stats: CastStats,
}

#[derive(Debug)]
struct Current {
    block: u64,
    next: u16,
    end: u16,
}

#[derive(Debug, Default)]
struct Member {
    report: Option<Report>,
    /// Symbols it asked for, and those of first passes that had gone when it joined.
    asked: u64,
    joined_at: u64,
}

impl Caster {
    /// A sender with nobody to send to.
    pub fn new(params: &CastParams) -> Self {
        Self {
            pending: RunSet::default(),
            withheld: BTreeSet::new(),
            cursor: 0,
            current: None,
            sent: BTreeMap::new(),
            order: VecDeque::new(),
            repairs: BTreeSet::new(),
            members: BTreeMap::new(),
            rate: Rate::new(params.wire_len, params.max_rate),
            unasked: Unasked::default(),
            unjudged: VecDeque::new(),
            next_batch: Duration::ZERO,
            first_of_train: None,
            next_state: Duration::ZERO,
            last_symbol: Duration::ZERO,
            last_nack: Duration::ZERO,
            round_trip: FIRST_ROUND_TRIP,
            active: false,
            events: VecDeque::new(),
            stats: CastStats::default(),
        }
    }

    /// A member that hears the packets, and what it needs. A block that is being sent is sent again for it.
    pub fn join(&mut self, now: Duration, member: MemberId, needs: &[Range<u64>]) {
        for needed in needs {
            self.pending.add(needed.clone());
        }
        for &block in &self.withheld {
            self.pending.remove(block..block + 1);
        }
        let joined_at = self.stats.fresh;
        self.members.insert(member, Member { joined_at, ..Member::default() });
        self.rate.set_group(self.members.len());
        if !self.pending.is_empty() && !self.active {
            self.active = true;
            self.next_batch = self.next_batch.max(now);
            self.last_symbol = now;
        }
    }

    /// A member is gone, or gets the rest by other ways.
    pub fn leave(&mut self, member: MemberId) {
        self.members.remove(&member);
        self.rate.forget(member);
        self.rate.set_group(self.members.len());
        if self.members.is_empty() {
            self.pending = RunSet::default();
            self.current = None;
            self.repairs.clear();
            self.active = false;
        }
    }

    /// A block turned out not to be sendable by packets; its members get it by the lane.
    pub fn withhold(&mut self, block: u64) {
        self.withheld.insert(block);
        self.pending.remove(block..block + 1);
        self.repairs.remove(&block);
        if self.current.as_ref().is_some_and(|current| current.block == block) {
            self.current = None;
        }
    }

    /// What a member says. Of somebody who is no member nothing is taken.
    pub fn handle_feedback(&mut self, now: Duration, member: MemberId, feedback: &Feedback) {
        let Some(known) = self.members.get_mut(&member) else { return };
        // Blocks that were not sent yet cost nothing: somebody may have made the member believe that they were.
        let sent = |nack: &&Nack| self.sent.contains_key(&u64::from(nack.block));
        known.asked += feedback.nacks.iter().filter(sent).map(|nack| u64::from(nack.missing)).sum::<u64>();
        let gone = self.stats.fresh - known.joined_at;
        let greedy = known.asked > gone / MOST_ASKED + ALWAYS_ASKED;
        self.stats.feedbacks += 1;
        if let Some(report) = &feedback.report {
            known.report = Some(*report);
            self.measure(now, report.echo);
            self.rate.report(now, member, report);
            if let Some(slow) = self.rate.too_slow() {
                self.put_out(slow);
            }
        }
        if greedy {
            // Whether it loses so much or lies: its own connection serves it, and nobody else pays.
            self.put_out(member);
            return;
        }
        for &nack in &feedback.nacks {
            self.nack(now, member, nack);
        }
    }

    fn put_out(&mut self, member: MemberId) {
        self.leave(member);
        self.events.push_back(CastEvent::TooSlow(member));
    }

    fn nack(&mut self, now: Duration, member: MemberId, nack: Nack) {
        self.stats.nacks += 1;
        let block = u64::from(nack.block);
        let round_trip = self.round_trip;
        let Some(sent) = self.sent.get_mut(&block) else { return };
        self.last_nack = now;
        if sent.ask(now, round_trip, member, nack) {
            self.next_state = self.next_state.min(now + STATE_SOONEST);
        }
        if sent.owes() {
            self.repairs.insert(block);
        }
    }

    /// A round trip from the time that a report echoes.
    fn measure(&mut self, now: Duration, echo: u32) {
        let passed = ticks(now).wrapping_sub(echo) % TIME_MODULUS;
        let measured = (TICK * passed).clamp(LEAST_ROUND_TRIP, LONGEST_ROUND_TRIP);
        // Growth counts at once, the rest in time: the group's round trip is that of the slowest.
        self.round_trip = if measured > self.round_trip {
            (self.round_trip + measured) / 2
        } else {
            (self.round_trip * 63 + measured) / 64
        };
    }

    /// The next thing to send now, if any. `sources` says how many source symbols a block has.
    pub fn poll_transmit(&mut self, now: Duration, sources: impl Fn(u64) -> u16) -> Option<Transmit> {
        if !self.active {
            return None;
        }
        if self.next_state <= now {
            self.next_state = now + STATE_EVERY;
            return Some(Transmit::State(self.state()));
        }
        if self.next_batch > now {
            return None;
        }
        let transmit = self.repair(now).or_else(|| self.fresh(now, sources));
        if let Some(Transmit::Symbols { count, .. }) = &transmit {
            let takes = self.rate.time_of(*count);
            self.next_batch = self.next_batch.max(now.saturating_sub(CATCH_UP));
            match self.first_of_train.take() {
                Some(first) => self.next_batch += first + takes,
                None => self.first_of_train = Some(takes),
            }
            self.last_symbol = now;
            self.rate.sent(*count);
        }
        transmit
    }

    /// Most symbols of a batch at the rate of the moment.
    pub fn batch(&self) -> u16 {
        let one = self.rate.time_of(1);
        let fitting = self.rate.batch_time().as_nanos() / one.as_nanos().max(1);
        u16::try_from(fitting).unwrap_or(MAX_BATCH).clamp(1, MAX_BATCH)
    }

    fn repair(&mut self, now: Duration) -> Option<Transmit> {
        let batch = self.batch();
        let block = *self.repairs.first()?;
        let Some(sent) = self.sent.get_mut(&block) else {
            self.repairs.remove(&block);
            return None;
        };
        let numbers = sent.take(now, batch);
        if !sent.owes() {
            self.repairs.remove(&block);
        }
        let (first, count) = (numbers.start, numbers.end - numbers.start);
        if count == 0 {
            return None;
        }
        self.stats.repairs += u64::from(count);
        Some(Transmit::Symbols { block, first, count, fresh: false })
    }

    fn fresh(&mut self, now: Duration, sources: impl Fn(u64) -> u16) -> Option<Transmit> {
        let batch = self.batch();
        if self.current.is_none() {
            self.begin(now, sources);
        }
        let current = self.current.as_mut()?;
        let (block, first) = (current.block, current.next);
        let count = batch.min(current.end - current.next);
        current.next += count;
        let (next, over) = (current.next, current.next >= current.end);
        if let Some(sent) = self.sent.get_mut(&block) {
            sent.pass(now, next);
        }
        if over {
            self.current = None;
        }
        self.stats.fresh += u64::from(count);
        Some(Transmit::Symbols { block, first, count, fresh: true })
    }

    /// Takes the next block of the pass.
    fn begin(&mut self, now: Duration, sources: impl Fn(u64) -> u16) {
        let Some(block) = self.pending.next_from(self.cursor).or_else(|| self.pending.next_from(0)) else {
            return;
        };
        self.pending.remove(block..block + 1);
        // What is sent as a whole again needs no repair of before.
        self.repairs.remove(&block);
        self.cursor = block + 1;
        self.judge(now);
        let sources = sources(block).clamp(1, MAX_SYMBOLS);
        let end = sources.saturating_add(self.unasked.next()).min(MAX_SYMBOLS);
        self.current = Some(Current { block, next: 0, end });
        if self.sent.insert(block, Sent::new(sources, end)).is_none() {
            self.order.push_back(block);
            self.unjudged.push_back(block);
        }
        while self.order.len() > REMEMBERED_BLOCKS {
            if let Some(old) = self.order.pop_front() {
                self.sent.remove(&old);
                self.repairs.remove(&old);
            }
        }
        self.stats.blocks += 1;
        self.stats.sources += u64::from(sources);
    }

    /// Learns from the blocks that everybody has had the time to ask for.
    fn judge(&mut self, now: Duration) {
        let wait = self.longest_back_off(self.round_trip) + self.round_trip * 2 + REORDER;
        while let Some(&block) = self.unjudged.front() {
            if let Some(sent) = self.sent.get(&block) {
                if sent.passed_at + wait > now {
                    break;
                }
                self.unasked.judge(sent, self.members.len());
            }
            self.unjudged.pop_front();
        }
    }

    fn longest_back_off(&self, round_trip: Duration) -> Duration {
        longest_back_off(u32::try_from(self.members.len()).unwrap_or(u32::MAX), round_trip)
    }

    fn state(&mut self) -> State {
        let latest = self.repairs.iter().rev().take(MAX_ADVERTS);
        let advert = |block: &u64| Some((u32::try_from(*block).ok()?, self.sent.get(block)?.target()));
        let adverts = latest.filter_map(advert).collect();
        self.stats.states += 1;
        let passed_all = self.pending.is_empty() && self.current.is_none();
        let position = self.current.as_ref().map_or(self.cursor, |current| current.block);
        State {
            passed_all,
            members: u32::try_from(self.members.len()).unwrap_or(u32::MAX),
            round_trip: self.round_trip,
            position: u32::try_from(position).unwrap_or(u32::MAX),
            adverts,
        }
    }

    fn has_symbols(&self) -> bool {
        self.current.is_some() || !self.repairs.is_empty() || !self.pending.is_empty()
    }

    /// When nobody can be about to ask any more.
    fn quiet_at(&self) -> Duration {
        let back_off = self.longest_back_off(self.round_trip.max(MOST_QUEUE));
        let patience = back_off * 2 + self.round_trip * 10 + QUIET;
        self.last_symbol.max(self.last_nack) + patience
    }

    /// When to come back, while there is something to do.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        if !self.active {
            return None;
        }
        let (at, reason) =
            if self.has_symbols() { (self.next_batch, "symbols") } else { (self.quiet_at(), "quiet") };
        if self.next_state < at {
            return Some(Deadline { at: self.next_state, reason: "state" });
        }
        Some(Deadline { at, reason })
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.active && !self.has_symbols() && self.quiet_at() <= now {
            self.active = false;
            self.events.push_back(CastEvent::PassEnd);
        }
    }

    /// The first block from this one on, in the order of the pass, that is still to be sent for the first time.
    pub fn pending_from(&self, block: u64) -> Option<u64> {
        self.pending.next_from(block)
    }

    /// The block that comes after the one being sent.
    pub fn next_block(&self) -> Option<u64> {
        self.pending.next_from(self.cursor).or_else(|| self.pending.next_from(0))
    }

    /// Something that happened, if anything.
    pub fn poll_event(&mut self) -> Option<CastEvent> {
        self.events.pop_front()
    }

    /// The socket did not take packets for a while: the device sends so many bytes a second for this sender, and so many for all
    /// programs together, where the system tells.
    pub fn held_up(&mut self, now: Duration, bytes_per_second: f64, in_all: Option<f64>) {
        self.rate.held_up(now, bytes_per_second, in_all);
    }

    /// Packets stand for so long in the queue of the sender's own device.
    pub fn local_queue(&mut self, queue: Duration) {
        self.rate.local_queue(queue);
    }

    /// The rate of the moment, in bytes a second on the wire.
    pub fn bytes_per_second(&self) -> f64 {
        self.rate.bytes_per_second()
    }

    /// What the slowest link carries for us and others together, in bytes a second on the wire: no less than the rate.
    pub fn capacity(&self, now: Duration) -> f64 {
        self.rate.capacity(now)
    }

    /// The member whose link or disk sets the rate, if one does.
    pub fn limiting_member(&self) -> Option<MemberId> {
        self.rate.limit()
    }

    /// The rate that a member's own link carries, in bytes a second on the wire, if it has been seen.
    pub fn rate_of(&self, member: MemberId) -> Option<f64> {
        self.rate.of(member)
    }

    /// A member's last report.
    pub fn report_of(&self, member: MemberId) -> Option<&Report> {
        self.members.get(&member)?.report.as_ref()
    }

    /// Blocks that still have to be sent for the first time.
    pub fn is_passing(&self) -> bool {
        self.active
    }

    /// Counts so far.
    pub fn stats(&self) -> &CastStats {
        &self.stats
    }
}

/// A member may ask for one symbol of this many that have gone, and for this many besides. Who loses half of all packets asks for as
/// many as have gone.
const MOST_ASKED: u64 = 1;
const ALWAYS_ASKED: u64 = 2_000;
