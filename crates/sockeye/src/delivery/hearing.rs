//! A receiver's thread of a delivery.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    ops::Range,
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread,
    time::{Duration, Instant},
};

use sockeye_net::{
    Interface,
    group::{GroupBatch, GroupReceiver, clock, wait_for_any},
};
use sockeye_proto::{
    content::{BlockMap, BlockShape, Digest, pack_digest, range_digest},
    delivery::{
        BLOCKS_PER_DIGESTS, BlockDigest, DeliveryMessage, Digests, Flow, Invite, Listener, PacketHeader,
        PacketKind, State, Verdict,
    },
};
use tokio::sync::mpsc;

use super::{
    assembly::Assembly,
    cast::{signed, sources_of},
    seal::{FlowKey, Once},
};
use crate::{Error, crypto};

/// How long probes are waited for.
const PROBING: Duration = Duration::from_millis(300);
/// The longest wait for packets.
const WAIT: Duration = Duration::from_millis(20);
/// After so long without any packet the group is joined again; after the second time this the sender is told.
const SILENCE: Duration = Duration::from_secs(1);
const DEAF: Duration = Duration::from_secs(3);
/// Switches forget members that nobody asks about after 260 s.
const JOIN_AGAIN: Duration = Duration::from_secs(100);
/// How long digests of a complete block are waited for before they are asked for, and asked for again.
const DIGESTS_LATE: Duration = Duration::from_millis(30);
const DIGESTS_AGAIN: Duration = Duration::from_millis(200);
/// Receive buffer asked for: what the system allows without privileges is less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// What the transfer's thread is told.
pub(crate) enum Heard {
    /// The sockets are open: these are the probes heard on each way, at the first time none.
    Probes(Vec<u8>),
    /// A block that has the digest which the sender signed for it.
    Block { block: u64, bytes: Vec<u8>, digest: BlockDigest },
    /// No more blocks come in packets.
    Missing,
}

/// What this thread is told.
pub(crate) enum Ask {
    /// Say what is missing, and end.
    Finish,
    /// A block was stored or thrown away: its memory comes back.
    Return(Vec<u8>),
}

/// What the thread needs.
pub(crate) struct HearingParts {
    pub(crate) invite: Invite,
    pub(crate) interface: Interface,
    pub(crate) blocks: BlockMap,
    pub(crate) needs: Vec<Range<u64>>,
    pub(crate) to_peer: mpsc::Sender<Vec<u8>>,
    pub(crate) tell: Box<dyn Fn(Heard) -> bool + Send>,
}

/// The thread, as others see it. It ends when this is dropped.
pub(crate) struct Hearing(Sender<Ask>);

impl Hearing {
    /// Opens the sockets and starts the thread.
    pub(crate) fn start(parts: HearingParts) -> Result<Self, Error> {
        let (ask, asked) = channel();
        let flows = open(&parts.invite, &parts.interface);
        let mut seed = [0; 8];
        crypto::random(&mut seed);
        let mut machine = Listener::new(u64::from_be_bytes(seed));
        parts.needs.iter().for_each(|needed| machine.need(needed.clone()));
        let symbol_len = usize::from(parts.invite.symbol_len);
        let now = Instant::now();
        let thread = HearingThread {
            assembly: Assembly::new(symbol_len),
            symbol_len,
            machine,
            flows,
            blocks: parts.blocks,
            signer: parts.invite.signer,
            signed_session: parts.invite.flows.first().map_or(0, |flow| flow.session),
            digests: BTreeMap::new(),
            undigested: BTreeMap::new(),
            asked: BTreeMap::new(),
            to_peer: parts.to_peer,
            tell: parts.tell,
            ask: asked,
            began: now,
            clock_began: clock(),
            last_packet: now,
            last_join: now,
            probing: None,
            dropped: 0,
        };
        thread::Builder::new()
            .name(String::from("sockeye-hear"))
            .spawn(move || thread.run())
            .map_err(|source| Error::Internal { detail: source.to_string() })?;
        Ok(Self(ask))
    }

    /// Tells the thread something.
    pub(crate) fn ask(&self, ask: Ask) {
        // One that has ended has said what it had to say.
        let _ = self.0.send(ask);
    }
}

struct FlowReceiver {
    session: u16,
    key: FlowKey,
    once: Once,
    probes: u8,
}

struct Flows {
    /// In the order of the invitation.
    flows: Vec<FlowReceiver>,
    sockets: Vec<GroupReceiver>,
}

fn open(invite: &Invite, interface: &Interface) -> Flows {
    let mut sockets = Vec::new();
    for flow in &invite.flows {
        let Some(to) = address(flow, interface) else { continue };
        match GroupReceiver::open(interface, to) {
            Ok(socket) => {
                let _ = socket.set_buffer(RECEIVE_BUFFER);
                sockets.push(socket);
            }
            Err(error) => tracing::info!(%error, %to, "this way cannot be heard"),
        }
    }
    let flow = |flow: &Flow| FlowReceiver {
        session: flow.session,
        key: FlowKey::derive(&invite.key, flow.session),
        once: Once::new(),
        probes: 0,
    };
    Flows { flows: invite.flows.iter().map(flow).collect(), sockets }
}

/// Where a flow goes. Only groups and this network's broadcast addresses: the sender does not make us open anything else.
fn address(flow: &Flow, interface: &Interface) -> Option<SocketAddr> {
    let port = flow.port;
    if let Ok(octets) = <[u8; 4]>::try_from(flow.address.as_slice()) {
        let ip = std::net::Ipv4Addr::from(octets);
        let ours = interface.addresses.iter().any(|address| address.broadcast == Some(ip));
        return (ip.is_multicast() || ip.is_broadcast() || ours)
            .then(|| SocketAddr::new(IpAddr::V4(ip), port));
    }
    let octets = <[u8; 16]>::try_from(flow.address.as_slice()).ok()?;
    let ip = std::net::Ipv6Addr::from(octets);
    ip.is_multicast().then(|| SocketAddrV6::new(ip, port, 0, interface.index).into())
}

struct HearingThread {
    machine: Listener,
    flows: Flows,
    assembly: Assembly,
    symbol_len: usize,
    blocks: BlockMap,
    signer: [u8; 32],
    signed_session: u16,
    /// Digests of blocks that are needed and not complete.
    digests: BTreeMap<u64, BlockDigest>,
    /// Complete blocks without a digest, and since when.
    undigested: BTreeMap<u64, (Instant, Vec<u8>)>,
    /// When digests were asked for, by their first block.
    asked: BTreeMap<u32, Instant>,
    to_peer: mpsc::Sender<Vec<u8>>,
    tell: Box<dyn Fn(Heard) -> bool + Send>,
    ask: Receiver<Ask>,
    began: Instant,
    clock_began: Duration,
    last_packet: Instant,
    last_join: Instant,
    /// Until when probes are counted.
    probing: Option<Instant>,
    /// Datagrams that the kernel had dropped when it was last asked.
    dropped: u64,
}

impl HearingThread {
    fn run(mut self) {
        let mut batch = GroupBatch::default();
        let mut rest = Duration::ZERO;
        if !(self.tell)(Heard::Probes(Vec::new())) {
            return;
        }
        self.probing = Some(Instant::now() + PROBING);
        loop {
            if !self.asked_for() {
                return;
            }
            let now = self.began.elapsed();
            let until = self.machine.poll_timeout().map_or(WAIT, |d| d.at.saturating_sub(now).min(WAIT));
            match rest.min(until) {
                Duration::ZERO => wait_for_any(&self.flows.sockets, until),
                // No waiting for anything: packets are there or come meanwhile, and are taken together.
                rest => thread::sleep(rest),
            }
            rest = rest_after(rest, self.receive(&mut batch));
            self.count_probes();
            self.want_digests();
            self.feed_back();
            if self.probing.is_none() && (self.is_over() || !self.still_hears()) {
                tracing::debug!(stats = ?self.machine.stats(), dropped = self.dropped, "packets are over");
                (self.tell)(Heard::Missing);
                return;
            }
        }
    }

    /// Does what it is asked. False if that is to end.
    fn asked_for(&mut self) -> bool {
        loop {
            match self.ask.try_recv() {
                Ok(Ask::Return(bytes)) => self.assembly.give_back(bytes),
                Ok(Ask::Finish) => {
                    (self.tell)(Heard::Missing);
                    return false;
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Everything needed has come by packets, or will not.
    fn is_over(&self) -> bool {
        self.machine.is_complete() && self.undigested.is_empty()
    }

    /// Joins again when it should. False if nothing comes any more.
    fn still_hears(&mut self) -> bool {
        let silent = self.last_packet.elapsed();
        let overdue = silent > SILENCE && self.last_join.elapsed() > SILENCE;
        if overdue || self.last_join.elapsed() > JOIN_AGAIN {
            self.last_join = Instant::now();
            for socket in &self.flows.sockets {
                let _ = socket.join_again();
            }
        }
        silent <= DEAF
    }

    /// Takes what is there: how many packets that is whose arrival the kernel noted. What it does not note has to be taken at once:
    /// the time of taking is then that of its arrival.
    fn receive(&mut self, batch: &mut GroupBatch) -> usize {
        let mut taken = 0;
        for at in 0..self.flows.sockets.len() {
            for _ in 0..CALLS_IN_A_ROW {
                if self.flows.sockets[at].receive_now(batch).is_err() {
                    break;
                }
                // What came in one call came at one time, as far as silence and times to come are concerned.
                let now = Instant::now();
                batch.for_each(|packet, noted| {
                    taken += usize::from(noted.is_some());
                    self.packet(packet, now, noted);
                });
            }
        }
        taken
    }

    fn packet(&mut self, packet: &mut [u8], now: Instant, noted: Option<Duration>) {
        let Ok(header) = PacketHeader::decode(packet) else { return };
        let Some(flow) = self.flows.flows.iter_mut().find(|flow| flow.session == header.session) else {
            return;
        };
        let counter = flow.once.counter(header.counter);
        let Some(body) = flow.key.open(counter, packet) else { return };
        if !flow.once.note(counter) {
            return;
        }
        self.last_packet = now;
        if header.kind == PacketKind::Probe {
            flow.probes = flow.probes.saturating_add(1);
            return;
        }
        let now = self.arrival(now, noted);
        self.machine.handle_packet(now, &header);
        match header.kind {
            PacketKind::Symbol if body.len() == self.symbol_len => self.symbol(now, &header, body),
            PacketKind::Digests => {
                let body = body.to_vec();
                self.digests(&body);
            }
            PacketKind::State => {
                if let Ok(state) = State::decode(body) {
                    self.machine.handle_state(now, &state);
                }
            }
            _ => {}
        }
    }

    /// When a packet arrived, by the kernel's note if that is believable.
    fn arrival(&self, now: Instant, noted: Option<Duration>) -> Duration {
        let now = now.duration_since(self.began);
        let noted = noted.and_then(|noted| noted.checked_sub(self.clock_began));
        noted.filter(|noted| *noted <= now && now.saturating_sub(*noted) < SILENCE).unwrap_or(now)
    }

    fn len_of(&self, block: u64) -> u32 {
        match self.blocks.shape(block) {
            Some(BlockShape::Range { len, .. } | BlockShape::Pack { len, .. }) => len,
            None => 0,
        }
    }

    fn symbol(&mut self, now: Duration, header: &PacketHeader, body: &[u8]) {
        let block = u64::from(header.block);
        let len = self.len_of(block);
        if len == 0 || !self.assembly.has_room(block) {
            return;
        }
        match self.machine.handle_symbol(now, header, sources_of(len, self.symbol_len)) {
            Verdict::Ignore => {}
            Verdict::Keep => self.assembly.keep(block, len as usize, header.symbol, body),
            Verdict::Complete => {
                self.assembly.keep(block, len as usize, header.symbol, body);
                self.completed(block);
            }
        }
    }

    fn completed(&mut self, block: u64) {
        let Some(bytes) = self.assembly.complete(block) else {
            self.machine.withhold(block);
            return;
        };
        match self.digests.remove(&block) {
            Some(digest) => self.hand_on(block, bytes, digest),
            None => {
                self.undigested.insert(block, (Instant::now(), bytes));
            }
        }
    }

    /// Hands a block on if it has its digest, which is looked at here: the bytes are still in this processor's cache.
    fn hand_on(&mut self, block: u64, bytes: Vec<u8>, digest: BlockDigest) {
        if digest_of(&self.blocks, block, &bytes) == Some(digest.digest) {
            (self.tell)(Heard::Block { block, bytes, digest });
        } else {
            // It stays wanted, and comes by the lane at the end.
            tracing::debug!(block, "a block in packets did not have its digest");
            self.assembly.give_back(bytes);
        }
    }

    fn digests(&mut self, body: &[u8]) {
        let Some((plain, signature)) = Digests::split(body) else { return };
        let Ok(digests) = Digests::decode(plain) else { return };
        let first = u64::from(digests.first);
        let fresh = (first..).zip(&digests.blocks).any(|(block, known)| known.is_some() && self.lacks(block));
        if !fresh || !crypto::verify(&self.signer, &signed(self.signed_session, plain), signature) {
            return;
        }
        for (block, digest) in (first..).zip(digests.blocks) {
            let Some(digest) = digest.filter(|_| self.lacks(block)) else { continue };
            if digest.withheld {
                self.assembly.forget(block);
                self.machine.withhold(block);
            }
            match self.undigested.remove(&block) {
                Some((_, bytes)) if digest.withheld => self.assembly.give_back(bytes),
                Some((_, bytes)) => self.hand_on(block, bytes, digest),
                None if !digest.withheld => {
                    self.digests.insert(block, digest);
                }
                None => {}
            }
        }
    }

    /// Whether a block's digest is of use.
    fn lacks(&self, block: u64) -> bool {
        self.undigested.contains_key(&block)
            || (self.machine.needs(block) && !self.digests.contains_key(&block))
    }

    fn want_digests(&mut self) {
        let now = Instant::now();
        let late = self.undigested.iter().filter(|(_, (since, _))| now.duration_since(*since) > DIGESTS_LATE);
        let mut groups: Vec<u32> = late
            .filter_map(|(block, _)| u32::try_from(block / BLOCKS_PER_DIGESTS * BLOCKS_PER_DIGESTS).ok())
            .collect();
        groups.dedup();
        for first in groups {
            let asked = self.asked.get(&first).is_some_and(|at| now.duration_since(*at) < DIGESTS_AGAIN);
            if !asked {
                self.asked.insert(first, now);
                let _ = self.to_peer.try_send(DeliveryMessage::WantDigests { first }.encode());
            }
        }
    }

    fn count_probes(&mut self) {
        let Some(until) = self.probing else { return };
        let heard = self.flows.flows.iter().filter(|flow| flow.probes > 0).count();
        if heard < self.flows.sockets.len() && Instant::now() < until {
            return;
        }
        self.probing = None;
        (self.tell)(Heard::Probes(self.flows.flows.iter().map(|flow| flow.probes).collect()));
    }

    fn feed_back(&mut self) {
        let now = self.began.elapsed();
        let due = self.machine.poll_timeout().is_some_and(|deadline| deadline.at <= now);
        if due {
            self.dropped = self.flows.sockets.iter().map(GroupReceiver::drops).sum();
        }
        let dropped = self.dropped;
        let fill = self.assembly.fill();
        if let Some(feedback) = self.machine.poll_feedback(now, dropped, fill) {
            // When the connection is that busy the next one will say it.
            let _ = self.to_peer.try_send(DeliveryMessage::Feedback(feedback).encode());
        }
    }
}

/// The digest of a block of these.
fn digest_of(blocks: &BlockMap, block: u64, bytes: &[u8]) -> Option<Digest> {
    Some(match blocks.shape(block)? {
        BlockShape::Range { entry, offset, .. } => {
            let all = blocks.blocks_of(entry);
            range_digest(offset, bytes, all.end - all.start == 1)
        }
        BlockShape::Pack { .. } => pack_digest(bytes),
    })
}

/// How long packets gather before they are taken again, given how long they did and how many there were. To be woken for each
/// of them takes more time than all that is done with it; when each came is noted by the kernel.
fn rest_after(rest: Duration, taken: usize) -> Duration {
    match taken {
        0 => Duration::ZERO,
        1..FEW => (rest + REST_STEP).min(LONGEST_REST),
        FEW..=MANY => rest,
        _ if rest <= REST_STEP => Duration::ZERO,
        _ => rest / 2,
    }
}

/// Receiving calls before something else is looked at.
const CALLS_IN_A_ROW: usize = 16;
/// Packets taken at once, about: a receive buffer as systems give it without privileges holds a hundred and more.
const FEW: usize = 16;
const MANY: usize = 32;
/// Packets gather for no longer than this: questions and answers are late by as much.
const LONGEST_REST: Duration = Duration::from_millis(2);
const REST_STEP: Duration = Duration::from_micros(250);
