//! The sender's thread of a delivery.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use sockeye_net::Interface;
use sockeye_proto::{
    content::{BlockMap, Manifest},
    delivery::{
        BLOCKS_PER_DIGESTS, CastEvent, CastParams, Caster, Feedback, Invite, MAX_SYMBOLS, MemberId,
        PacketHeader, PacketKind, Transmit, ticks,
    },
};

use super::{
    CastStatus, MemberStatus,
    cache::Cache,
    flows::{self, FlowSender, Piece},
    gauge::Gauge,
};
use crate::{
    Error, crypto,
    crypto::IdentityKey,
    source::{Reader, Skipped, SourceTree},
};

/// How often members hear something while nothing is sent.
const IDLE_PROBE: Duration = Duration::from_millis(250);
/// Probes show whether a way reaches a receiver: so many at a time, so many times, so far apart. Those who come together share
/// them.
const PROBES: usize = 1;
const PROBE_ROUNDS: u32 = 3;
const PROBE_GAP: Duration = Duration::from_millis(20);
/// Messages of members that wait, in all: what a thousand of them say in a tenth of a second.
const MOST_WAITING: usize = 4_096;
/// Digests asked for again are sent once in this time.
const DIGESTS_AGAIN: Duration = Duration::from_millis(5);
/// How often the status is renewed.
const STATUS_EVERY: Duration = Duration::from_millis(100);

/// What is sent: the same for everybody.
pub(crate) struct Listing {
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) blocks: Arc<BlockMap>,
    pub(crate) tree: SourceTree,
}

/// How packets go.
#[derive(Clone, Debug)]
pub(crate) struct CastConfig {
    pub(crate) symbol_len: u16,
    pub(crate) hops: u32,
    pub(crate) max_rate: Option<u64>,
    pub(crate) group: Option<IpAddr>,
    pub(crate) broadcast: bool,
    pub(crate) port: u16,
}

/// What the thread is told.
pub(crate) enum Order {
    /// Somebody listens: show which ways reach it.
    Probe,
    /// A member that hears these flows, and what it needs.
    Join {
        member: MemberId,
        heard: Vec<bool>,
        needs: Vec<std::ops::Range<u64>>,
        tell: Box<dyn Fn(CastNote) + Send>,
    },
    /// A member is gone, or gets the rest by its lane.
    Leave(MemberId),
    /// From a member.
    Feedback(MemberId, Feedback),
    /// Digests that a member lacks.
    WantDigests(u32),
    /// Begin to send.
    Start,
}

/// What a member's own session is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CastNote {
    /// None of the ways that are used reaches it: its lane has to do.
    Unreached,
    /// The packets are over for it.
    PassEnd,
}

/// The thread, as others see it. It ends when this is dropped everywhere.
#[derive(Clone)]
pub(crate) struct Cast {
    orders: Sender<Order>,
    /// Orders that wait.
    waiting: Arc<AtomicUsize>,
    invite: Arc<Invite>,
    status: Arc<Mutex<CastStatus>>,
}

impl Cast {
    /// Opens the ways by this interface and starts the thread.
    pub(crate) fn start(
        interface: &Interface,
        config: &CastConfig,
        listing: &Listing,
    ) -> Result<Self, Error> {
        let internal = |detail: &str| Error::Internal { detail: detail.to_owned() };
        if listing.blocks.closed() >= u64::from(u32::MAX) {
            return Err(Error::Misuse {
                detail: String::from("more than a petabyte cannot go to many at once"),
            });
        }
        let mut key = [0; 32];
        crypto::random(&mut key);
        let signer = IdentityKey::generate().map_err(|_| internal("no key to sign with"))?;
        let signer = IdentityKey::from_pkcs8(&signer).map_err(|_| internal("no key to sign with"))?;
        let flows = flows::open(interface, config, &key)?;
        let invite = Invite {
            key,
            signer: signer.public(),
            symbol_len: config.symbol_len,
            flows: flows.iter().map(FlowSender::flow).collect(),
        };
        let wire_len = flows::wire_len(config.symbol_len.into());
        let params = CastParams { wire_len, max_rate: config.max_rate };
        let (orders, ordered) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let status = Arc::new(Mutex::new(CastStatus::default()));
        let casting = Casting {
            machine: Caster::new(&params),
            members: Vec::new(),
            active: vec![false; flows.len()],
            flows,
            cache: Cache::new(
                Arc::clone(&listing.manifest),
                Arc::clone(&listing.blocks),
                Reader::new(listing.tree.clone()),
            ),
            signer,
            signed_session: invite.flows[0].session,
            symbol_len: usize::from(config.symbol_len),
            wire_len: params.wire_len,
            orders: ordered,
            waiting: Arc::clone(&waiting),
            began: Instant::now(),
            started: false,
            probes: Vec::new(),
            next_idle: Duration::ZERO,
            announced: None,
            digests_at: Vec::new(),
            gauge: Gauge::new(interface.clone()),
            next_status: Duration::ZERO,
            status: Arc::clone(&status),
            symbols: Vec::new(),
        };
        thread::Builder::new()
            .name(String::from("sockeye-cast"))
            .spawn(move || casting.run())
            .map_err(|source| Error::Internal { detail: source.to_string() })?;
        Ok(Self { orders, waiting, invite: Arc::new(invite), status })
    }

    /// What receivers need to take part.
    pub(crate) fn invite(&self) -> &Invite {
        &self.invite
    }

    /// Tells the thread something. One that has failed hears nothing, and everybody gets everything by lanes.
    pub(crate) fn order(&self, order: Order) {
        let spare = matches!(order, Order::Feedback(..) | Order::WantDigests(_) | Order::Probe);
        if spare && self.waiting.load(Ordering::Relaxed) >= MOST_WAITING {
            // Whoever floods is not heard; whoever does not will say it again.
            return;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(lost) = self.orders.send(order)
            && let Order::Join { tell, .. } = lost.0
        {
            tell(CastNote::Unreached);
        }
    }

    /// How it goes.
    pub(crate) fn status(&self) -> CastStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A member as the thread knows it.
struct Member {
    id: MemberId,
    heard: Vec<bool>,
    needs: Vec<std::ops::Range<u64>>,
    tell: Box<dyn Fn(CastNote) + Send>,
    taking_part: bool,
}

struct Casting {
    machine: Caster,
    members: Vec<Member>,
    flows: Vec<FlowSender>,
    active: Vec<bool>,
    cache: Cache,
    signer: IdentityKey,
    /// The first flow's session: part of what is signed, so that nothing signed elsewhere counts.
    signed_session: u16,
    symbol_len: usize,
    wire_len: usize,
    orders: Receiver<Order>,
    waiting: Arc<AtomicUsize>,
    began: Instant,
    started: bool,
    /// When to send bursts of probes.
    probes: Vec<Duration>,
    next_idle: Duration,
    /// The group that the pass is in.
    announced: Option<u64>,
    digests_at: Vec<(u32, Duration)>,
    gauge: Gauge,
    next_status: Duration,
    status: Arc<Mutex<CastStatus>>,
    symbols: Vec<u8>,
}

impl Casting {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn run(mut self) {
        loop {
            if let Err(error) = self.work() {
                tracing::warn!(%error, "packets cannot be sent any more");
                self.members.iter().for_each(|member| (member.tell)(CastNote::Unreached));
                return;
            }
            let now = self.now();
            self.tell_status(now);
            let wait = self.next_wake().saturating_sub(now);
            let order = if wait.is_zero() {
                self.orders.try_recv().map_err(|e| e == std::sync::mpsc::TryRecvError::Disconnected)
            } else {
                if self.read_ahead() {
                    continue;
                }
                self.orders.recv_timeout(wait).map_err(|e| e == RecvTimeoutError::Disconnected)
            };
            match order {
                Ok(order) => self.order(order),
                Err(true) => return,
                Err(false) => {}
            }
        }
    }

    fn next_wake(&self) -> Duration {
        let idle = (!self.members.is_empty()).then_some(self.next_idle);
        let times = [self.machine.poll_timeout().map(|deadline| deadline.at), idle];
        let probes = self.probes.iter().copied().min();
        times.into_iter().flatten().chain(probes).min().unwrap_or(self.now() + Duration::from_secs(1))
    }

    fn order(&mut self, order: Order) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let now = self.now();
        match order {
            Order::Probe => {
                let missing = PROBE_ROUNDS as usize - self.probes.len().min(PROBE_ROUNDS as usize);
                let last = self.probes.iter().copied().max().map_or(now, |last| last + PROBE_GAP);
                let more = (0..PROBE_ROUNDS).take(missing).map(|round| last + PROBE_GAP * round);
                self.probes.extend(more);
            }
            Order::Join { member, heard, needs, tell } => {
                self.members.retain(|other| other.id != member);
                self.members.push(Member { id: member, heard, needs, tell, taking_part: false });
                self.next_idle = now;
                if self.started {
                    self.admit(now);
                }
            }
            Order::Leave(member) => {
                self.members.retain(|other| other.id != member);
                self.machine.leave(member);
            }
            Order::Feedback(member, feedback) => self.machine.handle_feedback(now, member, &feedback),
            Order::WantDigests(first) => self.digests_again(now, first),
            Order::Start => {
                self.started = true;
                self.admit(now);
            }
        }
    }

    /// Lets those take part that are reached. The way that reaches most is used; another one only if two or more need it: the
    /// data would cross the network once more for it.
    fn admit(&mut self, now: Duration) {
        loop {
            let waiting = self.members.iter().filter(|member| !member.taking_part && !self.reaches(member));
            let mut reached = vec![0usize; self.flows.len()];
            for member in waiting {
                for (count, heard) in reached.iter_mut().zip(&member.heard) {
                    *count += usize::from(*heard);
                }
            }
            let least = if self.active.contains(&true) { 2 } else { 1 };
            let best = (0..reached.len()).rev().max_by_key(|way| reached[*way]);
            match best.filter(|way| reached[*way] >= least) {
                Some(way) => self.active[way] = true,
                None => break,
            }
        }
        for at in 0..self.members.len() {
            if self.members[at].taking_part {
                continue;
            }
            if self.reaches(&self.members[at]) {
                let member = &mut self.members[at];
                member.taking_part = true;
                let needs = std::mem::take(&mut member.needs);
                self.machine.join(now, member.id, &needs);
            } else {
                (self.members[at].tell)(CastNote::Unreached);
            }
        }
        self.members.retain(|member| member.taking_part);
    }

    fn reaches(&self, member: &Member) -> bool {
        self.active.iter().zip(&member.heard).any(|(active, heard)| *active && *heard)
    }

    fn work(&mut self) -> Result<(), Error> {
        let now = self.now();
        self.probe(now);
        loop {
            let (cache, len) = (&self.cache, self.symbol_len);
            let sources = |block| sources_of(cache.len_of(block), len);
            let now = self.began.elapsed();
            let Some(transmit) = self.machine.poll_transmit(now, sources) else { break };
            match transmit {
                Transmit::Symbols { block, first, count, fresh } => {
                    self.send_symbols(block, first, count, fresh)?;
                }
                Transmit::State(state) => self.send_one(PacketKind::State, 0, &state.encode())?,
            }
            if let Ok(order) = self.orders.try_recv() {
                self.order(order);
            }
        }
        self.machine.handle_timeout(self.now());
        while let Some(event) = self.machine.poll_event() {
            let over = |member: &&Member| match event {
                CastEvent::TooSlow(slow) => member.id == slow,
                _ => member.taking_part,
            };
            self.members.iter().filter(over).for_each(|member| (member.tell)(CastNote::PassEnd));
        }
        Ok(())
    }

    /// Bursts that were ordered go every way; otherwise a sign of life now and then.
    fn probe(&mut self, now: Duration) {
        let due = self.probes.iter().filter(|at| **at <= now).count();
        self.probes.retain(|at| *at > now);
        let idle = !self.machine.is_passing() && self.next_idle <= now && !self.members.is_empty();
        if idle || self.machine.is_passing() {
            self.next_idle = now + IDLE_PROBE;
        }
        if due == 0 && !idle {
            return;
        }
        // A probe is as long as what is to come, a sign of life as short as can be.
        let body = vec![0; if due > 0 { self.symbol_len } else { 1 }];
        let count = PROBES;
        let header = header(PacketKind::Probe, now);
        for flow in &mut self.flows {
            let pieces = (0..count).map(|_| Piece { header, body: &body });
            if let Err(error) = flow.send(pieces) {
                // Such as IPv6 while an address is on trial. Nobody hears this way, so it is not used.
                tracing::info!(%error, "a way that cannot be probed");
            }
        }
    }

    fn send_symbols(&mut self, block: u64, first: u16, count: u16, fresh: bool) -> Result<(), Error> {
        if fresh {
            self.announce(block)?;
        }
        if !self.make(block, first, count) {
            self.machine.withhold(block);
            return self.send_digests(block / BLOCKS_PER_DIGESTS);
        }
        let now = self.now();
        let (len, wire_len) = (self.symbol_len, self.wire_len);
        let header = PacketHeader {
            fresh,
            block: u32::try_from(block).unwrap_or(u32::MAX),
            ..header(PacketKind::Symbol, now)
        };
        let mut held = Duration::ZERO;
        for (flow, _) in self.flows.iter_mut().zip(&self.active).filter(|(_, active)| **active) {
            let symbols = self.symbols.chunks_exact(len).zip(first..);
            let pieces = symbols.map(|(body, number)| {
                let symbol = number.to_be_bytes()[1];
                Piece { header: PacketHeader { symbol, ..header }, body }
            });
            held += flow.send(pieces).map_err(failed)?;
        }
        self.note_sent(u64::from(count) * wire_len as u64, held);
        Ok(())
    }

    /// Puts symbols of a block one after the other into the buffer. False if the block cannot go by packets.
    fn make(&mut self, block: u64, first: u16, count: u16) -> bool {
        let len = self.symbol_len;
        self.symbols.clear();
        self.symbols.resize(len * usize::from(count), 0);
        let Some(bytes) = self.cache.block(block) else { return false };
        let sources = bytes.len().div_ceil(len);
        let mut at = 0;
        while at < usize::from(count) {
            let number = (usize::from(first) + at) % usize::from(MAX_SYMBOLS);
            let room = &mut self.symbols[at * len..];
            if number < sources {
                let source = &bytes[number * len..bytes.len().min((number + 1) * len)];
                room[..source.len()].copy_from_slice(source);
                at += 1;
                continue;
            }
            // As many repair symbols as follow each other are made in one pass over the block.
            let many = (usize::from(count) - at).min(usize::from(MAX_SYMBOLS) - number);
            let Ok(code) = sockeye_fec::Code::new(sources) else { return false };
            let mut parities: Vec<&mut [u8]> = room[..many * len].chunks_exact_mut(len).collect();
            if code.make_parities(number - sources, bytes.chunks(len), &mut parities).is_err() {
                return false;
            }
            at += many;
        }
        true
    }

    /// When the pass comes to a group, its digests go, and once more soon after.
    fn announce(&mut self, block: u64) -> Result<(), Error> {
        let group = block / BLOCKS_PER_DIGESTS;
        if self.announced.replace(group) == Some(group) {
            return Ok(());
        }
        self.cache.read_once(block);
        let range = group * BLOCKS_PER_DIGESTS..(group + 1) * BLOCKS_PER_DIGESTS;
        let mut next = self.machine.pending_from(range.start).filter(|next| range.contains(next));
        while let Some(pending) = next {
            self.cache.read_once(pending);
            next = self.machine.pending_from(pending + 1).filter(|next| range.contains(next));
        }
        self.send_digests(group)?;
        self.send_digests(group)
    }

    /// Reads a block of the group to come. True if there was one to read.
    fn read_ahead(&mut self) -> bool {
        let Some(next) = self.machine.next_block() else { return false };
        let end = (next / BLOCKS_PER_DIGESTS + 2) * BLOCKS_PER_DIGESTS;
        let mut at = Some(next);
        while let Some(block) = at.filter(|block| *block < end) {
            if self.cache.read_once(block) {
                return true;
            }
            at = self.machine.pending_from(block + 1);
        }
        false
    }

    fn send_digests(&mut self, group: u64) -> Result<(), Error> {
        let Some(digests) = self.cache.digests(group) else { return Ok(()) };
        let first = digests.first;
        let mut body = digests.encode();
        let signature = self.signer.sign(&signed(self.signed_session, &body));
        body.extend_from_slice(&signature);
        self.send_one(PacketKind::Digests, first, &body)
    }

    fn digests_again(&mut self, now: Duration, first: u32) {
        self.digests_at.retain(|(_, at)| *at + DIGESTS_AGAIN > now);
        if self.digests_at.iter().any(|(sent, _)| *sent == first) {
            return;
        }
        self.digests_at.push((first, now));
        if let Err(error) = self.send_digests(u64::from(first) / BLOCKS_PER_DIGESTS) {
            tracing::debug!(%error, "digests were not sent again");
        }
    }

    fn send_one(&mut self, kind: PacketKind, block: u32, body: &[u8]) -> Result<(), Error> {
        let header = PacketHeader { block, ..header(kind, self.now()) };
        let mut held = Duration::ZERO;
        for (flow, _) in self.flows.iter_mut().zip(&self.active).filter(|(_, active)| **active) {
            held += flow.send(std::iter::once(Piece { header, body })).map_err(failed)?;
        }
        self.note_sent(flows::wire_len(body.len()) as u64, held);
        Ok(())
    }

    /// What the device does with packets of so many bytes, which went every way, is told to the machine, which tells how much may
    /// wait for it.
    fn note_sent(&mut self, bytes: u64, held: Duration) {
        let ways = self.active.iter().filter(|active| **active).count().max(1);
        let waiting = self.flows.iter().map(FlowSender::waiting).sum();
        let began = self.began;
        let gauged = self.gauge.note(|| began.elapsed(), bytes * ways as u64, held, waiting);
        let Some(gauged) = gauged else { return };
        let now = self.now();
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let ways = ways as f64;
        let rate = gauged.rate / ways;
        if gauged.held {
            self.machine.held_up(now, rate, gauged.device.map(|device| device / ways));
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let queue = gauged.waiting as f64 / (self.machine.bytes_per_second() * ways);
        self.machine.local_queue(Duration::from_secs_f64(queue.min(1.0)));
        let capacity = self.machine.capacity(now);
        let may_wait = capacity * self.gauge.may_wait(now, gauged.held, rate / capacity).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let batches = 4.0 * f64::from(self.machine.batch()) * self.wire_len as f64;
        let granted = self.flows.iter().filter(|flow| flow.set_waiting(may_wait.max(batches))).count();
        if granted < self.flows.len() {
            self.gauge.no_more();
        }
    }

    fn tell_status(&mut self, now: Duration) {
        if now < self.next_status {
            return;
        }
        self.next_status = now + STATUS_EVERY;
        let stats = *self.machine.stats();
        tracing::debug!(?now, rate = self.machine.bytes_per_second(), ?stats, "cast");
        let members = self.members.iter().filter_map(|member| {
            let report = self.machine.report_of(member.id)?;
            let loss = 1.0 - f64::from(report.received.min(report.sent)) / f64::from(report.sent.max(1));
            Some((member.id, MemberStatus { loss, blocks: report.blocks }))
        });
        let members = members.collect();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let overhead = (stats.fresh + stats.repairs) as f64 / stats.sources.max(1) as f64;
        let status = CastStatus {
            rate: self.machine.bytes_per_second(),
            passing: self.machine.is_passing(),
            limiting: self.machine.limiting_member(),
            overhead,
            members,
        };
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// Source symbols of so many bytes.
pub(super) fn sources_of(bytes: u32, symbol_len: usize) -> u16 {
    u16::try_from((bytes as usize).div_ceil(symbol_len.max(1))).unwrap_or(u16::MAX)
}

/// What the signature of digests covers.
pub(super) fn signed(session: u16, body: &[u8]) -> Vec<u8> {
    let mut message = b"sockeye delivery digests v1".to_vec();
    message.extend_from_slice(&session.to_be_bytes());
    message.extend_from_slice(body);
    message
}

fn header(kind: PacketKind, now: Duration) -> PacketHeader {
    PacketHeader { kind, fresh: false, session: 0, counter: 0, time: ticks(now), block: 0, symbol: 0 }
}

fn failed(source: std::io::Error) -> Error {
    Error::Network { action: "send packets", address: None, source }
}
