//! The network: nodes, switches and links, and the loop that moves time.

mod datagrams;
mod events;
mod streams;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, mem, thread};

use crate::link::{Link, LinkStats, Pipe};
use crate::node::{Destination, Group, LinkId, Node, NodeId, Outputs, Place, StreamId, SwitchId};
use crate::queue::Queue;
use crate::rng::Rng;
use crate::seed::Seed;
use crate::stream::{End, Fault, Pieces, Stream};
use crate::trace::Trace;

/// A network of nodes in virtual time; see the [crate's page](crate) for an example.
///
/// A packet goes from node to node over a link between the two, or over one switch both are attached to; there are no
/// longer ways. Everything that happens follows from the seed and the calls, so two runs alike have the same
/// [trace](Self::trace). When a test panics, the last lines of the trace are printed.
pub struct Network<N> {
    seed: Seed,
    now: Duration,
    trace: Trace,
    nodes: Vec<Member<N>>,
    switches: Vec<Switch>,
    wires: Vec<Wire>,
    ways: BTreeMap<(Place, Place), LinkId>,
    groups: BTreeSet<(Group, NodeId)>,
    streams: BTreeMap<StreamId, Stream>,
    faults: BTreeMap<(StreamId, End), (u64, Fault)>,
    pieces: Pieces,
    window: usize,
    queue: Queue<Event<N>>,
    timers: BTreeSet<(Duration, NodeId)>,
    outputs: Outputs,
    steps_at_now: u64,
}

/// Why a run came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to happen: no timer is set and nothing is on its way.
    Quiet,
    /// The limit of virtual time was reached.
    TimeUp,
    /// What was waited for has come true.
    Met,
}

struct Member<N> {
    name: String,
    node: N,
    running: bool,
    /// The deadline in `timers`.
    armed: Option<Duration>,
    links: Vec<LinkId>,
    switches: Vec<SwitchId>,
    rng: Rng,
}

struct Switch {
    ports: Vec<(NodeId, LinkId)>,
}

struct Wire {
    ends: [Place; 2],
    /// From the first end to the second, and back.
    pipes: [Pipe; 2],
    up: bool,
    /// What streams sent while the link was down, with the direction.
    held: VecDeque<(usize, Packet)>,
}

enum Event<N> {
    /// A packet has come to the far end of a link.
    Arrive { link: LinkId, direction: usize, packet: Packet },
    /// The last piece of a stream has left.
    Left { stream: StreamId, writer: End },
    /// The writer learns that bytes have arrived.
    Acknowledged { stream: StreamId, writer: End, len: usize },
    /// A node is told of something that did not come over a link.
    Tell { node: NodeId, news: News },
    /// The test does something.
    Act { label: String, act: Action<N> },
}

type Action<N> = Box<dyn FnOnce(&mut Network<N>)>;

#[derive(Clone, Copy)]
enum News {
    Start,
    Refused(StreamId),
    Drained(StreamId),
    Reset(StreamId),
}

#[derive(Clone)]
struct Packet {
    from: NodeId,
    to: Destination,
    load: Load,
}

#[derive(Clone)]
enum Load {
    Datagram { bytes: Arc<[u8]>, padding: usize },
    Segment { stream: StreamId, writer: End, segment: Segment },
}

#[derive(Clone)]
enum Segment {
    Open,
    Accept,
    Refuse,
    Bytes(Vec<u8>),
    End,
    Reset,
}

/// Building it.
impl<N: Node> Network<N> {
    /// An empty network.
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            now: Duration::ZERO,
            trace: Trace::new(),
            nodes: Vec::new(),
            switches: Vec::new(),
            wires: Vec::new(),
            ways: BTreeMap::new(),
            groups: BTreeSet::new(),
            streams: BTreeMap::new(),
            faults: BTreeMap::new(),
            pieces: DEFAULT_PIECES,
            window: DEFAULT_WINDOW,
            queue: Queue::new(),
            timers: BTreeSet::new(),
            outputs: Outputs { commands: Vec::new(), next_stream: 0, rng: Rng::new(0) },
            steps_at_now: 0,
        }
    }

    /// Adds a node; the name is for the trace. It is told [`Input::Start`](crate::Input::Start) when the network runs.
    pub fn add(&mut self, name: impl Into<String>, node: N) -> NodeId {
        let id = NodeId(self.nodes.len());
        let rng = Rng::labelled(self.seed.0, OF_A_NODE, id.0 as u64);
        let member = Member {
            name: name.into(),
            node,
            running: true,
            armed: None,
            links: Vec::new(),
            switches: Vec::new(),
            rng,
        };
        self.nodes.push(member);
        self.queue.plan(self.now, Event::Tell { node: id, news: News::Start });
        id
    }

    /// Adds a switch. It passes a datagram to a group on to those attached to it that joined the group, and knows of
    /// a join at once.
    pub fn switch(&mut self) -> SwitchId {
        self.switches.push(Switch { ports: Vec::new() });
        SwitchId(self.switches.len() - 1)
    }

    /// Joins two nodes, or a node and a switch, by a link that behaves alike in both directions.
    ///
    /// # Panics
    /// If the two are joined already, are the same, or are both switches.
    pub fn link(&mut self, first: impl Into<Place>, second: impl Into<Place>, link: &Link) -> LinkId {
        let id = LinkId(self.wires.len());
        let ends = [first.into(), second.into()];
        assert_ne!(ends[0], ends[1], "a link joins two");
        for (here, there) in [(ends[0], ends[1]), (ends[1], ends[0])] {
            assert!(
                self.ways.insert((here, there), id).is_none(),
                "{here:?} and {there:?} are joined already"
            );
            match (here, there) {
                (Place::Node(node), Place::Node(_)) => self.nodes[node.0].links.push(id),
                (Place::Node(node), Place::Switch(switch)) => {
                    self.nodes[node.0].links.push(id);
                    self.nodes[node.0].switches.push(switch);
                    self.switches[switch.0].ports.push((node, id));
                }
                (Place::Switch(_), Place::Node(_)) => {}
                (Place::Switch(_), Place::Switch(_)) => panic!("switches are not joined to each other"),
            }
        }
        let pipe = |direction| {
            let label = 2 * id.0 as u64 + direction;
            Pipe::new(link.clone(), Rng::labelled(self.seed.0, OF_A_LINK, label))
        };
        self.wires.push(Wire { ends, pipes: [pipe(0), pipe(1)], up: true, held: VecDeque::new() });
        id
    }

    /// Changes how the direction of a link behaves that leads away from `from`. Packets on their way keep their
    /// times.
    pub fn shape(&mut self, link: LinkId, from: impl Into<Place>, shape: &Link) {
        self.pipe_from(link, from.into()).reshape(shape.clone());
    }

    /// How the bytes of all streams are cut; at first into random pieces of up to 1448 bytes.
    pub fn set_pieces(&mut self, pieces: Pieces) {
        self.pieces = pieces;
    }

    /// How many bytes each direction of a stream may have on its way before the writer waits; at first 256 KiB, at
    /// least 1.
    pub fn set_window(&mut self, bytes: usize) {
        self.window = bytes.max(1);
    }

    /// How many lines of trace are kept; with 0 none are made, which makes large runs quicker.
    pub fn keep_trace(&mut self, lines: usize) {
        self.trace.keep(lines);
    }
}

/// Making things happen.
impl<N: Node> Network<N> {
    /// Does `act` when virtual time reaches `at`; the label is for the trace.
    pub fn at(&mut self, at: Duration, label: impl Into<String>, act: impl FnOnce(&mut Self) + 'static) {
        let at = at.max(self.now);
        self.queue.plan(at, Event::Act { label: label.into(), act: Box::new(act) });
    }

    /// Calls into a node now, as if it had been told something: the way for a test to press its buttons.
    pub fn with<R>(&mut self, node: NodeId, call: impl FnOnce(&mut N, Duration, &mut Outputs) -> R) -> R {
        let member = &mut self.nodes[node.0];
        mem::swap(&mut self.outputs.rng, &mut member.rng);
        let result = call(&mut member.node, self.now, &mut self.outputs);
        mem::swap(&mut self.outputs.rng, &mut member.rng);
        self.carry_out(node);
        self.rearm(node);
        result
    }

    /// Takes a link down or up again. While it is down datagrams are dropped, and what streams send waits until it is
    /// up: nobody is told. What is on its way arrives.
    pub fn set_up(&mut self, link: LinkId, up: bool) {
        let state = if up { "up" } else { "down" };
        self.note(format!("link {} is {state}", link.0));
        self.wires[link.0].up = up;
        if up {
            for (direction, packet) in mem::take(&mut self.wires[link.0].held) {
                self.transmit(link, direction, packet);
            }
        }
    }

    /// Stops a node as if its process had been killed: it is told nothing more, leaves its groups, and its streams
    /// are reset.
    pub fn stop(&mut self, node: NodeId) {
        self.note(format!("{} stops", self.nodes[node.0].name));
        self.abandon_streams(node);
        self.groups.retain(|(_, member)| *member != node);
        self.nodes[node.0].running = false;
        self.rearm(node);
    }

    /// Puts another node in the place of a stopped one; it is told [`Input::Start`](crate::Input::Start).
    pub fn restart(&mut self, id: NodeId, node: N) {
        self.note(format!("{} starts again", self.nodes[id.0].name));
        self.nodes[id.0].node = node;
        self.nodes[id.0].running = true;
        self.queue.plan(self.now, Event::Tell { node: id, news: News::Start });
    }

    /// Plans a fault for the bytes of a stream to this end: exactly `after` bytes arrive there, then the fault
    /// strikes. The stream may be one that is not dialled yet; what has arrived already counts.
    pub fn fault_after(&mut self, stream: StreamId, to: End, after: u64, fault: Fault) {
        match self.streams.get_mut(&stream) {
            Some(open) => open.half(to.other()).fault = Some((after, fault)),
            None => drop(self.faults.insert((stream, to), (after, fault))),
        }
    }

    /// Breaks a stream now; both ends are told at once, and what is on its way is lost.
    pub fn reset(&mut self, stream: StreamId) {
        self.note(format!("stream {} is reset", stream.0));
        self.break_stream(stream);
    }

    /// Writes a line of the test's own into the trace.
    pub fn note(&mut self, text: impl fmt::Display) {
        self.trace.line(self.now, format_args!("{text}"));
    }
}

/// Running it and looking at it.
impl<N: Node> Network<N> {
    /// Lets time pass until nothing is left to happen, at most up to `limit` of virtual time since the beginning.
    pub fn run(&mut self, limit: Duration) -> Outcome {
        self.run_until(limit, |_| false)
    }

    /// Lets time pass until `met` is true, asked before every event, or nothing is left to happen, or up to `limit`
    /// of virtual time since the beginning; then time stands at `limit`.
    pub fn run_until(&mut self, limit: Duration, mut met: impl FnMut(&Self) -> bool) -> Outcome {
        loop {
            if met(self) {
                return Outcome::Met;
            }
            match self.next_at() {
                None => return Outcome::Quiet,
                Some(at) if at > limit => {
                    self.now = self.now.max(limit);
                    return Outcome::TimeUp;
                }
                Some(_) => self.step(),
            }
        }
    }

    /// Virtual time since the beginning.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The seed everything follows from.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// A node, to look into.
    pub fn node(&self, node: NodeId) -> &N {
        &self.nodes[node.0].node
    }

    /// All nodes in the order of adding.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &N> {
        self.nodes.iter().map(|member| &member.node)
    }

    /// What happened so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What happened to the packets on the direction of a link that leads away from `from`.
    pub fn stats(&self, link: LinkId, from: impl Into<Place>) -> LinkStats {
        let wire = &self.wires[link.0];
        wire.pipes[wire.direction_from(from.into())].stats
    }
}
impl<N> Drop for Network<N> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the end of the trace, seed {}:", self.seed);
            let lines = self.trace.lines();
            let skipped = lines.len().saturating_sub(LINES_ON_PANIC);
            for line in lines.skip(skipped) {
                eprintln!("{line}");
            }
        }
    }
}

impl Wire {
    /// Index of the direction that leads away from `from`.
    fn direction_from(&self, from: Place) -> usize {
        let found = self.ends.iter().position(|end| *end == from);
        found.unwrap_or_else(|| panic!("the link does not end at {from:?}"))
    }
}

impl Segment {
    /// Bytes that count on the wire.
    fn len(&self) -> usize {
        if let Self::Bytes(bytes) = self { bytes.len() } else { 0 }
    }
}

/// What fits into an Ethernet frame with the headers of IPv4 and TCP with timestamps.
const DEFAULT_PIECES: Pieces = Pieces::Random { longest: 1448 };
/// Enough for 20 MB/s over 12 ms.
const DEFAULT_WINDOW: usize = 256 * 1024;
/// Lines of trace printed when a test panics.
const LINES_ON_PANIC: usize = 100;
/// Kinds of generators; see `Rng::labelled`. 1 belongs to `seed.rs`.
const OF_A_NODE: u64 = 2;
const OF_A_LINK: u64 = 3;
const OF_A_STREAM: u64 = 4;
