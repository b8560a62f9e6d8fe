//! The loop: the next event, what it does to packets, and what nodes answer.

use std::time::Duration;
use std::{fmt, mem};

use super::{Event, Load, Network, News, Packet};
use crate::link::Pipe;
use crate::node::{Command, Input, LinkId, Node, NodeId, Place};

impl<N: Node> Network<N> {
    /// When the next thing happens. A deadline that has passed means now.
    pub(super) fn next_at(&self) -> Option<Duration> {
        let timer = self.timers.first().map(|(at, _)| (*at).max(self.now));
        match (timer, self.queue.next_at()) {
            (Some(timer), Some(event)) => Some(timer.min(event)),
            (timer, event) => timer.or(event),
        }
    }

    /// Does the next thing: at one time, timers go before events.
    pub(super) fn step(&mut self) {
        let Some(at) = self.next_at() else { return };
        self.steps_at_now = if at > self.now { 0 } else { self.steps_at_now + 1 };
        self.now = at;
        assert!(
            self.steps_at_now < MOST_STEPS_AT_ONE_TIME,
            "time stands still at {at:?}: a node asks again and again for a timeout that has passed, or nodes answer \
             each other without delay"
        );
        match self.timers.first().copied() {
            Some((deadline, node)) if deadline <= at => {
                self.timers.pop_first();
                self.nodes[node.0].armed = None;
                self.tell(node, Input::Timeout);
            }
            _ => {
                if let Some(event) = self.queue.pop() {
                    self.happen(event);
                }
            }
        }
    }

    fn happen(&mut self, event: Event<N>) {
        match event {
            Event::Arrive { link, direction, packet } => self.arrive(link, direction, packet),
            Event::Left { stream, writer } => {
                if let Some(open) = self.streams.get_mut(&stream) {
                    open.half(writer).leaving = false;
                    self.pump(stream, writer);
                }
            }
            Event::Acknowledged { stream, writer, len } => {
                if let Some(open) = self.streams.get_mut(&stream) {
                    open.half(writer).in_flight -= len;
                    self.pump(stream, writer);
                }
            }
            Event::Tell { node, news } => match news {
                News::Start => self.tell(node, Input::Start),
                News::Refused(stream) => self.tell(node, Input::Refused { stream }),
                News::Reset(stream) => self.tell(node, Input::Reset { stream }),
                News::Drained(stream) => {
                    if self.streams.get(&stream).is_some_and(|open| open.end_at(node).is_some()) {
                        self.tell(node, Input::Drained { stream });
                    }
                }
            },
            Event::Act { label, act } => {
                self.trace.line(self.now, format_args!("{label}"));
                act(self);
            }
        }
    }

    fn arrive(&mut self, link: LinkId, direction: usize, packet: Packet) {
        match (self.wires[link.0].ends[1 - direction], packet) {
            (Place::Switch(switch), packet) => self.forward(switch, link, packet),
            (Place::Node(node), Packet { from, to, load: Load::Datagram { bytes, .. } }) => {
                self.hear(node, from, to, link, &bytes);
            }
            (Place::Node(_), Packet { load: Load::Segment { stream, writer, segment }, .. }) => {
                self.segment_arrives(stream, writer, segment);
            }
        }
    }

    /// Tells a node something, and does what it answers. The only place where nodes are called.
    pub(super) fn tell(&mut self, node: NodeId, input: Input<'_>) {
        let member = &mut self.nodes[node.0];
        if !member.running {
            return;
        }
        self.trace.line(self.now, format_args!("{} < {}", member.name, Told(&input)));
        self.with(node, |node, now, out| node.handle(now, input, out));
    }

    /// Does what a node has asked for.
    pub(super) fn carry_out(&mut self, node: NodeId) {
        let mut commands = mem::take(&mut self.outputs.commands);
        for command in commands.drain(..) {
            let name = &self.nodes[node.0].name;
            match command {
                Command::Note { text } => self.trace.line(self.now, format_args!("{name} : {text}")),
                Command::Join { group } => {
                    self.trace.line(self.now, format_args!("{name} > join group {}", group.0));
                    self.groups.insert((group, node));
                }
                Command::Leave { group } => {
                    self.trace.line(self.now, format_args!("{name} > leave group {}", group.0));
                    self.groups.remove(&(group, node));
                }
                Command::Datagram { to, bytes, padding } => self.send_datagram(node, to, bytes, padding),
                Command::Dial { stream, to } => self.dial(node, stream, to),
                Command::Send { stream, bytes } => self.send_bytes(node, stream, &bytes),
                Command::End { stream } => self.end(node, stream),
                Command::Reset { stream } => self.reset_by(node, stream),
            }
        }
        self.outputs.commands = commands;
    }

    /// Asks a node for its deadline.
    pub(super) fn rearm(&mut self, node: NodeId) {
        let member = &mut self.nodes[node.0];
        let deadline = if member.running { member.node.timeout() } else { None };
        if deadline == member.armed {
            return;
        }
        if let Some(old) = mem::replace(&mut member.armed, deadline) {
            self.timers.remove(&(old, node));
        }
        self.timers.extend(deadline.map(|at| (at, node)));
    }

    /// The link on which a packet for `to` leaves this place.
    pub(super) fn way(&self, here: Place, to: NodeId) -> Option<LinkId> {
        if let Some(link) = self.ways.get(&(here, Place::Node(to))) {
            return Some(*link);
        }
        let Place::Node(node) = here else { return None };
        let mut switches = self.nodes[node.0].switches.iter();
        let switch =
            switches.find(|switch| self.ways.contains_key(&(Place::Switch(**switch), Place::Node(to))))?;
        self.ways.get(&(here, Place::Switch(*switch))).copied()
    }

    /// Puts a packet on a link.
    pub(super) fn transmit(&mut self, link: LinkId, direction: usize, packet: Packet) {
        let wire = &mut self.wires[link.0];
        let pipe = &mut wire.pipes[direction];
        match &packet.load {
            Load::Datagram { bytes, padding } if wire.up => {
                let len = bytes.len() + padding;
                match pipe.datagram(self.now, len) {
                    Ok((first, second)) => {
                        if let Some(second) = second {
                            let packet = packet.clone();
                            self.queue.plan(second, Event::Arrive { link, direction, packet });
                        }
                        self.queue.plan(first, Event::Arrive { link, direction, packet });
                    }
                    Err(dropped) => self.trace_drop(link, packet.from, dropped.reason()),
                }
            }
            Load::Datagram { .. } => {
                pipe.stats.cut += 1;
                self.trace_drop(link, packet.from, "cut off");
            }
            Load::Segment { segment, .. } if wire.up => {
                let arrival = pipe.carry(self.now, segment.len());
                self.queue.plan(arrival, Event::Arrive { link, direction, packet });
            }
            Load::Segment { .. } => wire.held.push_back((direction, packet)),
        }
    }

    pub(super) fn pipe_from(&mut self, link: LinkId, from: Place) -> &mut Pipe {
        let wire = &mut self.wires[link.0];
        let direction = wire.direction_from(from);
        &mut wire.pipes[direction]
    }
}

/// An input as the trace shows it: lengths instead of bytes.
struct Told<'a>(&'a Input<'a>);

impl fmt::Display for Told<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Input::Bytes { stream, bytes } => write!(formatter, "stream {}: {} bytes", stream.0, bytes.len()),
            Input::Datagram { from, to, over, bytes } => {
                write!(
                    formatter,
                    "datagram {} bytes from node {} to {to} over link {}",
                    bytes.len(),
                    from.0,
                    over.0
                )
            }
            other => write!(formatter, "{other:?}"),
        }
    }
}

/// So many steps without time passing are a loop, not work.
const MOST_STEPS_AT_ONE_TIME: u64 = 10_000_000;
