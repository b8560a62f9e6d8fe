//! Both machines against each other over simulated streams, with cuts, latencies, and drivers that read and store
//! nothing: data frames travel without their bodies.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet, VecDeque},
    format,
    vec::Vec,
};
use core::ops::Range;

use sockeye_sim::{
    End, Fault, Input, Link, Network, Node, NodeId, Outcome, Outputs, Rng, Seed, StreamId, for_each_seed,
};

use crate::content::{BlockShape, EntryId, KindRef};

use super::*;

/// The dialer opens these two, in this order.
const CONTROL: StreamId = StreamId(0);
const LANE: StreamId = StreamId(1);
/// How often a driver does something of its own.
const STEP: Duration = Duration::from_micros(700);
const LONG_ENOUGH: Duration = Duration::from_secs(600);

/// The bytes of both connections, and what both drivers have in common.
struct Wires {
    dial: Option<NodeId>,
    control: Vec<u8>,
    lane: Vec<u8>,
    /// A connection ended or broke.
    gone: bool,
    lane_ended: bool,
    closed: bool,
    due: Option<Duration>,
    rng: Rng,
}

impl Wires {
    fn new(rng: Rng) -> Self {
        Self {
            dial: None,
            control: Vec::new(),
            lane: Vec::new(),
            gone: false,
            lane_ended: false,
            closed: false,
            due: None,
            rng,
        }
    }

    /// Whether it is time to do something of its own.
    fn is_due(&mut self, now: Duration) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    /// Ends what is over.
    fn finish(&mut self, out: &mut Outputs) {
        self.closed |= self.gone;
        if self.closed {
            out.end(CONTROL);
            out.end(LANE);
        }
    }

    /// The next whole control frame.
    fn take_frame(&mut self) -> Option<Vec<u8>> {
        let (header, rest) = self.control.split_first_chunk::<4>()?;
        let len = u32::from_be_bytes(*header) as usize;
        let frame = rest.get(..len)?.to_vec();
        self.control.drain(..4 + len);
        Some(frame)
    }

    fn take_header(&mut self) -> Option<DataHeader> {
        let header = DataHeader::decode(self.lane.first_chunk()?).expect("an honest header");
        self.lane.drain(..DATA_HEADER_LEN);
        Some(header)
    }
}

fn framed(frame: &[u8]) -> Vec<u8> {
    let len = u32::try_from(frame.len()).expect("a short frame");
    [&len.to_be_bytes()[..], frame].concat()
}

struct SendingSide {
    wires: Wires,
    machine: Sender,
    /// Entries not yet listed; none once the list has ended.
    walk: Option<VecDeque<Entry>>,
    work: VecDeque<Work>,
    /// Entries that cannot be read, and those of them that the receiver knows of.
    bad: BTreeSet<EntryId>,
    failed: BTreeSet<EntryId>,
    /// Full blocks of the stream before its last one, and the bytes of that.
    stream: (u64, u64),
    finished: Option<ReportTotals>,
    reported: Vec<EntryId>,
}

/// A pack of which the receiver may want something.
#[derive(Default)]
struct PackPlan {
    wanted: bool,
    comparing: u32,
}

struct ReceivingSide {
    wires: Wires,
    machine: Receiver,
    exact: bool,
    accepted: bool,
    planned: EntryId,
    packs: BTreeMap<u64, PackPlan>,
    asked: BTreeSet<u64>,
    checked: BTreeSet<u64>,
    answered: BTreeSet<u64>,
    /// The next block of the stream, and how many came.
    stream: Option<u64>,
    streamed: usize,
    failed: BTreeSet<EntryId>,
    report: Vec<EntryId>,
    told: Option<ReportTotals>,
}

enum Party {
    Sends(Box<SendingSide>),
    Receives(Box<ReceivingSide>),
}

impl Party {
    fn wires(&mut self) -> &mut Wires {
        match self {
            Self::Sends(side) => &mut side.wires,
            Self::Receives(side) => &mut side.wires,
        }
    }

    fn sending(&self) -> &SendingSide {
        let Self::Sends(side) = self else { panic!("a sender") };
        side
    }

    fn receiving(&self) -> &ReceivingSide {
        let Self::Receives(side) = self else { panic!("a receiver") };
        side
    }
}

impl Node for Party {
    fn handle(&mut self, now: Duration, input: Input<'_>, out: &mut Outputs) {
        let wires = self.wires();
        match input {
            Input::Start => {
                if let Some(to) = wires.dial {
                    assert_eq!((out.dial(to), out.dial(to)), (CONTROL, LANE));
                    wires.due = Some(now);
                }
                return;
            }
            Input::Accepted { .. } => wires.due = Some(now),
            Input::Bytes { stream: CONTROL, bytes } => wires.control.extend_from_slice(bytes),
            Input::Bytes { bytes, .. } => wires.lane.extend_from_slice(bytes),
            Input::Ended { stream: CONTROL } | Input::Reset { .. } => wires.gone = true,
            Input::Ended { .. } => wires.lane_ended = true,
            _ => {}
        }
        if !wires.closed {
            match self {
                Self::Sends(side) => side.turn(now, out),
                Self::Receives(side) => side.turn(now, out),
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let (wires, deadline) = match self {
            Self::Sends(side) => (&side.wires, side.machine.poll_timeout()),
            Self::Receives(side) => (&side.wires, side.machine.poll_timeout()),
        };
        let times = [wires.due, deadline.map(|deadline| deadline.at)];
        times.into_iter().flatten().min().filter(|_| !wires.closed)
    }
}

impl SendingSide {
    fn turn(&mut self, now: Duration, out: &mut Outputs) {
        self.machine.handle_timeout(now);
        while let Some(frame) = self.wires.take_frame() {
            self.machine.handle_frame(now, &frame).expect("an honest receiver");
            self.drain(out);
        }
        if self.wires.is_due(now) {
            self.walk_on();
            for _ in 0..self.wires.rng.within(0..=3) {
                self.work(out);
            }
        }
        self.drain(out);
        if self.walk.is_some() || !self.work.is_empty() {
            self.wires.due.get_or_insert(now + STEP);
        }
        self.wires.finish(out);
    }

    /// Lists some more.
    fn walk_on(&mut self) {
        let Some(walk) = self.walk.as_mut() else { return };
        for _ in 0..self.wires.rng.within(0..=4) {
            if let Some(entry) = walk.pop_front() {
                self.machine.push(&entry).expect("a good entry");
            }
        }
        if walk.is_empty() {
            self.machine.listed().expect("listed once");
            self.walk = None;
        } else if self.wires.rng.chance(0.3) {
            self.machine.flush();
            self.machine.note(b"pipe", Status::KindRefused, "a pipe");
        }
    }

    fn drain(&mut self, out: &mut Outputs) {
        while let Some(frame) = self.machine.poll_frame() {
            out.send(CONTROL, framed(&frame));
        }
        while let Some(event) = self.machine.poll_event() {
            match event {
                SenderEvent::Work(work) => self.work.push_back(work),
                SenderEvent::Reports(reports) => {
                    self.reported.extend(reports.iter().map(|report| report.entry));
                }
                SenderEvent::Finished(totals) => self.finished = Some(totals),
                SenderEvent::Closed => self.wires.closed = true,
                SenderEvent::Accepted => out.note("accepted"),
                SenderEvent::Aborted(abort) => panic!("{abort:?}"),
            }
        }
    }

    /// Does one step of the work at the head of the queue.
    fn work(&mut self, out: &mut Outputs) {
        assert!(self.work.is_empty() || self.machine.is_accepted(), "work before the yes");
        let Some(work) = self.work.pop_front() else { return };
        match work {
            Work::Send { mut blocks } => {
                let block = blocks.next().expect("no empty work");
                if !blocks.is_empty() {
                    self.work.push_front(Work::Send { blocks });
                }
                self.send_block(block, false, out);
            }
            Work::Check { first, mut digests } => {
                digests.remove(0);
                if !digests.is_empty() {
                    self.work.push_front(Work::Check { first: first + 1, digests });
                }
                let is_same = self.wires.rng.chance(0.5);
                self.send_block(first, is_same, out);
            }
            Work::Stream { entry, first } => self.send_stream(entry, first, out),
            Work::Compare { entry, .. } => {
                let is_same = self.wires.rng.chance(0.5);
                self.machine.compared(entry, is_same);
            }
            Work::End => send(out, &end()),
        }
    }

    fn send_block(&mut self, block: u64, is_same: bool, out: &mut Outputs) {
        match self.machine.blocks().shape(block).expect("asked blocks have a shape") {
            BlockShape::Range { entry, .. } if self.bad.contains(&entry) => self.fail(entry, out),
            BlockShape::Range { .. } if is_same => send(out, &same(block)),
            BlockShape::Range { entry, len, .. } => send(out, &range(entry, block, u64::from(len))),
            BlockShape::Pack { first, last, mut len } => {
                for entry in
                    (first..=last).filter(|&entry| self.machine.blocks().is_packed(entry)).collect::<Vec<_>>()
                {
                    if self.bad.contains(&entry) {
                        self.fail(entry, out);
                        let size = size_of_file(self.machine.manifest().get(entry).map(|entry| entry.kind));
                        len -= u32::try_from(size).expect("a small file");
                    }
                }
                send(out, &pack(first, block, len));
            }
        }
    }

    fn send_stream(&mut self, entry: EntryId, block: u64, out: &mut Outputs) {
        let (_, start) = self.machine.blocks().stream().expect("a stream");
        let (full, last) = self.stream;
        if self.bad.contains(&entry) && block - start == full {
            self.fail(entry, out);
        } else if block - start == full {
            send(out, &DataHeader { last: true, ..range(entry, block, last) });
        } else {
            send(out, &range(entry, block, BLOCK_SIZE));
            self.work.push_front(Work::Stream { entry, first: block + 1 });
        }
    }

    fn fail(&mut self, entry: EntryId, out: &mut Outputs) {
        if self.failed.insert(entry) {
            send(out, &fail(entry, Status::SourceUnreadable));
        }
    }
}

fn send(out: &mut Outputs, header: &DataHeader) {
    out.send(LANE, header.encode());
}

fn size_of_file(kind: Option<KindRef<'_>>) -> u64 {
    match kind {
        Some(KindRef::File { size: Some(size) }) => size,
        _ => 0,
    }
}

impl ReceivingSide {
    fn turn(&mut self, now: Duration, out: &mut Outputs) {
        self.machine.handle_timeout(now).expect("the offer comes in time");
        while let Some(frame) = self.wires.take_frame() {
            self.machine.handle_frame(now, &frame).expect("an honest sender");
            self.events(out);
        }
        while let Some(header) = self.wires.take_header() {
            assert!(self.accepted, "data before the yes");
            let data = self.machine.handle_data(&header).expect("an honest sender");
            self.store(&header, &data);
        }
        if self.machine.is_answered() && self.told.is_none() {
            self.tell(now);
        }
        self.drain(out);
        // A lane that ends early is broken, whatever came before.
        self.wires.gone |= self.wires.lane_ended && self.told.is_none();
        self.wires.due = None;
        self.wires.finish(out);
    }

    fn drain(&mut self, out: &mut Outputs) {
        while let Some(frame) = self.machine.poll_frame() {
            out.send(CONTROL, framed(&frame));
        }
    }

    fn events(&mut self, out: &mut Outputs) {
        while let Some(event) = self.machine.poll_event() {
            match event {
                ReceiverEvent::Offered { transfer, .. } => {
                    assert_eq!(transfer, [7; 32]);
                    if !self.exact {
                        self.machine.accept_open().expect("no limit");
                        self.accepted = true;
                    }
                }
                ReceiverEvent::Listed if self.exact => {
                    self.accepted = self.machine.accept_exact().expect("no limit");
                    assert!(self.accepted);
                    self.plan();
                }
                ReceiverEvent::Entries(_) | ReceiverEvent::Listed => self.plan(),
                ReceiverEvent::Compared { entry, same } => {
                    self.decide(entry, !same, true);
                    self.ask_packs();
                }
                ReceiverEvent::Note { status, .. } => assert_eq!(status, Status::KindRefused),
                ReceiverEvent::Closed => self.wires.closed = true,
                ReceiverEvent::Aborted(abort) => panic!("{abort:?}"),
            }
        }
        self.drain(out);
    }

    /// Decides at random what is needed of each new entry.
    fn plan(&mut self) {
        while self.accepted && self.planned < self.machine.manifest().len() {
            let id = self.planned;
            self.planned += 1;
            match self.machine.manifest().get(id).expect("listed").kind {
                KindRef::File { size: None } => self.plan_stream(),
                KindRef::File { .. } if self.wires.rng.chance(0.3) => {
                    self.machine.compare(id, &Digest::ZERO);
                    if self.machine.blocks().is_packed(id) {
                        self.pack_of(id).comparing += 1;
                    }
                }
                KindRef::File { .. } => {
                    let is_wanted = self.wires.rng.chance(0.7);
                    self.decide(id, is_wanted, false);
                }
                _ => {}
            }
        }
        self.ask_packs();
    }

    fn plan_stream(&mut self) {
        if self.wires.rng.chance(0.8) {
            self.machine.need_stream();
            self.stream = self.machine.blocks().stream().map(|(_, first)| first);
        }
    }

    fn pack_of(&mut self, id: EntryId) -> &mut PackPlan {
        self.packs.entry(self.machine.blocks().blocks_of(id).start).or_default()
    }

    fn decide(&mut self, id: EntryId, is_wanted: bool, was_compared: bool) {
        if self.machine.blocks().is_packed(id) {
            let pack = self.pack_of(id);
            pack.wanted |= is_wanted;
            pack.comparing -= u32::from(was_compared);
        } else if is_wanted {
            self.ask_range(self.machine.blocks().blocks_of(id));
        }
    }

    /// Some blocks are there, some are there and doubtful, the rest is needed.
    fn ask_range(&mut self, blocks: Range<u64>) {
        let mut needed = Vec::new();
        for block in blocks {
            match self.wires.rng.below(4) {
                0 => {}
                1 => {
                    self.machine.check(block, &[Digest::ZERO]);
                    assert!(self.asked.insert(block) && self.checked.insert(block));
                }
                _ => {
                    needed.push(block..block + 1);
                    assert!(self.asked.insert(block));
                }
            }
        }
        self.machine.need(&needed);
    }

    fn ask_packs(&mut self) {
        let closed = self.machine.blocks().closed();
        let is_planned = |block| match self.machine.blocks().shape(block) {
            Some(BlockShape::Pack { last, .. }) => last < self.planned,
            _ => false,
        };
        let ready: Vec<u64> = self
            .packs
            .iter()
            .filter(|(block, pack)| **block < closed && pack.comparing == 0 && is_planned(**block))
            .map(|(block, _)| *block)
            .collect();
        for block in ready {
            if self.packs.remove(&block).expect("a pack").wanted {
                self.machine.need(&[block..block + 1]);
                assert!(self.asked.insert(block));
            }
        }
        if self.packs.is_empty() && self.accepted && self.planned == self.machine.manifest().len() {
            self.machine.questions_end();
        }
    }

    fn store(&mut self, header: &DataHeader, data: &Data) {
        match data {
            Data::Range { last, .. } if self.stream == Some(header.block) => {
                self.stream = (!last).then_some(header.block + 1);
                self.streamed += 1;
            }
            Data::Range { .. } | Data::Pack { .. } => self.answer(header.block),
            Data::Same { .. } => {
                assert!(self.checked.contains(&header.block), "same, and not asked whether");
                self.answer(header.block);
            }
            Data::Fail { entry, .. } => {
                assert!(self.failed.insert(*entry), "failed twice");
                if !self.machine.blocks().is_packed(*entry) {
                    self.asked.retain(|block| {
                        self.answered.contains(block)
                            || !self.machine.blocks().blocks_of(*entry).contains(block)
                    });
                }
                if self.machine.blocks().stream().is_some_and(|(stream, _)| stream == *entry) {
                    self.stream = None;
                }
            }
            Data::End => {}
        }
    }

    fn answer(&mut self, block: u64) {
        assert!(self.asked.contains(&block), "block {block} was not asked for");
        assert!(self.answered.insert(block), "block {block} came twice");
    }

    fn tell(&mut self, now: Duration) {
        assert_eq!(self.asked, self.answered, "every question has its answer");
        assert_eq!(self.stream, None, "the stream has ended");
        let entries = self.machine.manifest().len();
        self.report = (0..entries).filter(|_| self.wires.rng.chance(0.2)).collect();
        let reports = self.report.iter().map(|&entry| EntryReport { entry, status: 3, text: "there".into() });
        let totals = ReportTotals { files: self.answered.len() as u64, ..ReportTotals::default() };
        self.machine.report(now, reports.collect(), totals);
        self.told = Some(totals);
    }
}

/// Files and folders of all sorts; sizes lean to where something happens.
fn random_entries(rng: &mut Rng) -> VecDeque<Entry> {
    let mut entries: VecDeque<Entry> =
        (0..rng.within(0..=40)).map(|number| random_entry(number, rng)).collect();
    if rng.chance(0.4) {
        entries.push_back(entry("stream", EntryKind::File { size: None }));
    }
    entries
}

fn random_entry(number: u64, rng: &mut Rng) -> Entry {
    let name = format!("entry {number}");
    let size = match rng.below(10) {
        0 => return entry(&name, EntryKind::Directory),
        1 => return entry(&name, EntryKind::Symlink { target: b"there".to_vec() }),
        2 => 0,
        3..=6 => rng.within(1..=60_000),
        7 => BLOCK_SIZE - 1,
        8 => BLOCK_SIZE * rng.within(1..=3),
        _ => rng.within(BLOCK_SIZE..=12 * BLOCK_SIZE),
    };
    file(&name, size)
}

/// A network of a sender (node 0) and a receiver (node 1) in which everything follows from the seed.
fn network(seed: Seed) -> Network<Party> {
    let mut rng = seed.rng("transfer");
    let walk = random_entries(&mut rng);
    let bad = (0..u32::try_from(walk.len()).expect("a few")).filter(|_| rng.chance(0.1)).collect();
    let mut sends = Wires::new(seed.rng("sender"));
    let mut receives = Wires::new(seed.rng("receiver"));
    let dialer = if rng.chance(0.5) { &mut sends } else { &mut receives };
    dialer.dial = Some(NodeId(0));
    sends.dial = sends.dial.map(|_| NodeId(1));
    let exact = rng.chance(0.5);
    let full = rng.below(4);
    let last = *rng.pick(&[1, BLOCK_SIZE - 1, BLOCK_SIZE]);
    let link = Link::default()
        .latency(rng.up_to(Duration::from_millis(40)))
        .jitter(rng.up_to(Duration::from_millis(9)));
    let sender = SendingSide {
        wires: sends,
        machine: Sender::new([7; 32], TransferTimeouts::default()),
        walk: Some(walk),
        work: VecDeque::new(),
        bad,
        failed: BTreeSet::new(),
        stream: (full, if full == 0 && rng.chance(0.3) { 0 } else { last }),
        finished: None,
        reported: Vec::new(),
    };
    let receiver = ReceivingSide {
        wires: receives,
        machine: Receiver::new(ReceiverParams::default()),
        exact,
        accepted: false,
        planned: 0,
        packs: BTreeMap::new(),
        asked: BTreeSet::new(),
        checked: BTreeSet::new(),
        answered: BTreeSet::new(),
        stream: None,
        streamed: 0,
        failed: BTreeSet::new(),
        report: Vec::new(),
        told: None,
    };
    let mut network = Network::new(seed);
    let nodes = [
        network.add("sender", Party::Sends(Box::new(sender))),
        network.add("receiver", Party::Receives(Box::new(receiver))),
    ];
    network.link(nodes[0], nodes[1], &link);
    network
}

fn sides(network: &Network<Party>) -> (&SendingSide, &ReceivingSide) {
    (network.node(NodeId(0)).sending(), network.node(NodeId(1)).receiving())
}

/// Nobody has finished who is not entitled to: the sender knows the receiver's report, the receiver has told it.
fn assert_entitled(network: &Network<Party>) {
    let (sender, receiver) = sides(network);
    assert!(sender.finished.is_none() || sender.finished == receiver.told, "the report is the receiver's");
    assert!(sender.finished.is_none() || sender.reported == receiver.report);
    let closed = receiver.machine.state_name() == "closed";
    assert!(!closed || receiver.told.is_some(), "a receiver that has told nothing has finished");
    let closed = sender.machine.state_name() == "closed";
    assert!(!closed || sender.finished.is_some(), "a sender that has heard nothing has finished");
}

#[test]
fn undisturbed_transfers_finish() {
    let mut seen = [0; 5];
    for_each_seed(200, |seed| {
        let mut network = network(seed);
        assert_eq!(network.run(LONG_ENOUGH), Outcome::Quiet);
        let (sender, receiver) = sides(&network);
        assert!(sender.finished.is_some(), "the report reached the sender");
        assert!(sender.wires.closed && receiver.wires.closed);
        assert_eq!(receiver.machine.manifest().len(), sender.machine.manifest().len());
        assert_eq!(receiver.failed, sender.failed);
        assert_entitled(&network);
        let happened = [&receiver.answered, &receiver.checked].map(BTreeSet::len).into_iter();
        let happened = happened.chain([receiver.failed.len(), receiver.report.len(), receiver.streamed]);
        seen.iter_mut().zip(happened).for_each(|(seen, more)| *seen += more);
    });
    let alone = std::env::var_os(sockeye_sim::SEED_VARIABLE).is_some();
    assert!(
        alone || seen.iter().all(|&seen| seen > 100),
        "blocks, checks, failures, reports, streams: {seen:?}"
    );
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for_each_seed(20, |seed| {
        let fingerprint = || {
            let mut network = network(seed);
            network.run(LONG_ENOUGH);
            network.trace().fingerprint()
        };
        assert_eq!(fingerprint(), fingerprint());
    });
}

#[test]
fn cut_transfers_do_not_claim_success() {
    let mut unfinished = 0;
    for_each_seed(400, |seed| {
        let mut rng = seed.rng("cut");
        let mut network = network(seed);
        let stream = *rng.pick(&[CONTROL, LANE]);
        let to = *rng.pick(&[End::Dialer, End::Listener]);
        let fault = *rng.pick(&[Fault::Reset, Fault::Stall, Fault::End]);
        let after = rng.within(0..=3000);
        network.fault_after(stream, to, after, fault);
        network.run(LONG_ENOUGH);
        assert_entitled(&network);
        unfinished += u32::from(sides(&network).0.finished.is_none());
    });
    assert!(unfinished > 0 || std::env::var_os(sockeye_sim::SEED_VARIABLE).is_some(), "some cut mattered");
}

/// Every place to cut one short conversation: at which byte the sender begins to know is a matter of the last report.
#[test]
fn every_byte_before_the_report_counts() {
    let finished_after = |after: u64| {
        let mut network = network(Seed(3));
        let to =
            if network.node(NodeId(0)).sending().wires.dial.is_some() { End::Dialer } else { End::Listener };
        network.fault_after(CONTROL, to, after, Fault::End);
        network.run(LONG_ENOUGH);
        assert_entitled(&network);
        sides(&network).0.finished.is_some()
    };
    let enough = (0..100_000).step_by(256).find(|&after| finished_after(after)).expect("long enough");
    let first =
        (enough.saturating_sub(256)..=enough).find(|&after| finished_after(after)).expect("long enough");
    assert!(first > 0 && !finished_after(first - 1) && finished_after(first + 1));
}
