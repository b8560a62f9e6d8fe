//! Streams: opening, sending in pieces, ending, breaking.

use std::time::Duration;

use super::{Event, Load, Network, News, OF_A_STREAM, Packet, Segment};
use crate::node::{Destination, Input, Node, NodeId, Place, StreamId};
use crate::rng::Rng;
use crate::stream::{End, Ending, Fault, Half, Stream};

/// What nodes ask for.
impl<N: Node> Network<N> {
    pub(super) fn dial(&mut self, from: NodeId, stream: StreamId, to: NodeId) {
        let name = &self.nodes[from.0].name;
        self.trace.line(self.now, format_args!("{name} > dial node {} as stream {}", to.0, stream.0));
        if self.way(Place::Node(from), to).is_none() {
            self.queue.plan(self.now, Event::Tell { node: from, news: News::Refused(stream) });
            return;
        }
        let half = |writer: End| {
            let rng = Rng::labelled(self.seed.0, OF_A_STREAM, 2 * stream.0 + writer as u64);
            Half::new(rng, self.faults.get(&(stream, writer.other())).copied())
        };
        let open = Stream::new(from, to, half);
        self.streams.insert(stream, open);
        self.send_segment(stream, End::Dialer, Segment::Open);
    }

    pub(super) fn send_bytes(&mut self, node: NodeId, stream: StreamId, bytes: &[u8]) {
        let Some((open, writer)) = self.writing(node, stream) else { return };
        let half = open.half(writer);
        if half.end != Ending::No || bytes.is_empty() {
            return;
        }
        half.waiting.extend(bytes);
        half.owes_drained = true;
        self.pump(stream, writer);
    }

    pub(super) fn end(&mut self, node: NodeId, stream: StreamId) {
        let Some((open, writer)) = self.writing(node, stream) else { return };
        let half = open.half(writer);
        half.end = half.end.max(Ending::Asked);
        self.pump(stream, writer);
    }

    pub(super) fn reset_by(&mut self, node: NodeId, stream: StreamId) {
        let Some((open, writer)) = self.writing(node, stream) else { return };
        open.side(writer).gone = true;
        open.half(writer).waiting.clear();
        self.trace.line(self.now, format_args!("{} > reset stream {}", self.nodes[node.0].name, stream.0));
        self.send_segment(stream, writer, Segment::Reset);
    }

    /// The node resets every stream it has.
    pub(super) fn abandon_streams(&mut self, node: NodeId) {
        let of_node = self.streams.iter().filter(|(_, open)| open.end_at(node).is_some());
        let streams: Vec<_> = of_node.map(|(stream, _)| *stream).collect();
        for stream in streams {
            self.reset_by(node, stream);
        }
    }

    /// A stream, and the end of it at a node that may still write; a command for any other stream has no effect, as
    /// the node may not know yet that the stream is gone.
    fn writing(&mut self, node: NodeId, stream: StreamId) -> Option<(&mut Stream, End)> {
        let open = self.streams.get_mut(&stream)?;
        let end = open.end_at(node)?;
        Some((open, end))
    }
}

/// What happens on the way.
impl<N: Node> Network<N> {
    /// Sends what can be sent: pieces while the window and the wire have room, then the end.
    pub(super) fn pump(&mut self, stream: StreamId, writer: End) {
        while let Some(open) = self.streams.get_mut(&stream) {
            let (node, ready) = (open.node(writer), open.side(writer).open && !open.side(writer).gone);
            let half = open.half(writer);
            if !ready || half.leaving {
                return;
            }
            if let Some(piece) = half.take_piece(self.pieces, self.window) {
                self.send_segment(stream, writer, Segment::Bytes(piece));
                self.wait_for_wire(stream, writer);
                continue;
            }
            if !half.waiting.is_empty() {
                return; // until bytes are acknowledged
            }
            if std::mem::take(&mut half.owes_drained) {
                self.queue.plan(self.now, Event::Tell { node, news: News::Drained(stream) });
            }
            if half.end == Ending::Asked {
                half.end = Ending::Sent;
                self.send_segment(stream, writer, Segment::End);
            }
            return;
        }
    }

    /// If the wire is busy with the last piece, the next one follows when that has left; so streams and datagrams
    /// take turns.
    fn wait_for_wire(&mut self, stream: StreamId, writer: End) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        let (from, to) = (open.node(writer), open.node(writer.other()));
        let Some(link) = self.way(Place::Node(from), to) else { return };
        let free_at = self.pipe_from(link, Place::Node(from)).free_at();
        if free_at > self.now
            && let Some(open) = self.streams.get_mut(&stream)
        {
            open.half(writer).leaving = true;
            self.queue.plan(free_at, Event::Left { stream, writer });
        }
    }

    fn send_segment(&mut self, stream: StreamId, writer: End, segment: Segment) {
        let Some(open) = self.streams.get(&stream) else { return };
        let (from, to) = (open.node(writer), open.node(writer.other()));
        let Some(link) = self.way(Place::Node(from), to) else { return };
        let direction = self.wires[link.0].direction_from(Place::Node(from));
        let load = Load::Segment { stream, writer, segment };
        self.transmit(link, direction, Packet { from, to: Destination::Node(to), load });
    }

    pub(super) fn segment_arrives(&mut self, stream: StreamId, writer: End, segment: Segment) {
        match segment {
            Segment::Open => self.open_arrives(stream),
            Segment::Accept => self.accept_arrives(stream),
            Segment::Bytes(bytes) => self.bytes_arrive(stream, writer, &bytes),
            Segment::End => self.end_arrives(stream, writer),
            Segment::Refuse => {
                self.tell_end(stream, writer.other(), Input::Refused { stream });
                self.streams.remove(&stream);
            }
            Segment::Reset => {
                self.tell_end(stream, writer.other(), Input::Reset { stream });
                self.streams.remove(&stream);
            }
        }
    }

    fn open_arrives(&mut self, stream: StreamId) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        let (from, listener) = (open.node(End::Dialer), open.node(End::Listener));
        let member = &self.nodes[listener.0];
        if !member.running || !member.node.listens() {
            self.send_segment(stream, End::Listener, Segment::Refuse);
            return;
        }
        open.side(End::Listener).open = true;
        self.send_segment(stream, End::Listener, Segment::Accept);
        self.tell(listener, Input::Accepted { stream, from });
    }

    fn accept_arrives(&mut self, stream: StreamId) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        open.side(End::Dialer).open = true;
        self.tell_end(stream, End::Dialer, Input::Connected { stream });
        self.pump(stream, End::Dialer);
    }

    fn bytes_arrive(&mut self, stream: StreamId, writer: End, bytes: &[u8]) {
        let reader = writer.other();
        let Some(open) = self.streams.get_mut(&stream) else { return };
        let half = open.half(writer);
        if half.stalled {
            return;
        }
        let (admitted, fault) = half.admit(bytes.len());
        half.told += admitted as u64;
        let (from, to) = (open.node(reader), open.node(writer));
        let acknowledged = self.now + self.latency(from, to);
        self.queue.plan(acknowledged, Event::Acknowledged { stream, writer, len: admitted });
        if admitted > 0 {
            self.tell_end(stream, reader, Input::Bytes { stream, bytes: &bytes[..admitted] });
        }
        if let Some(fault) = fault {
            self.strike(stream, writer, fault);
        }
    }

    /// A planned fault strikes in the direction of `writer`.
    fn strike(&mut self, stream: StreamId, writer: End, fault: Fault) {
        self.trace.line(self.now, format_args!("stream {} ! {fault:?} from the {writer:?}", stream.0));
        let Some(open) = self.streams.get_mut(&stream) else { return };
        match fault {
            Fault::Reset => self.break_stream(stream),
            Fault::Stall => open.half(writer).stalled = true,
            Fault::End => {
                open.half(writer).stalled = true;
                self.end_told(stream, writer);
            }
        }
    }

    fn end_arrives(&mut self, stream: StreamId, writer: End) {
        if self.streams.get_mut(&stream).is_some_and(|open| !open.half(writer).stalled) {
            self.end_told(stream, writer);
        }
    }

    fn end_told(&mut self, stream: StreamId, writer: End) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        open.half(writer).end = Ending::Told;
        let finished = open.both_ended();
        self.tell_end(stream, writer.other(), Input::Ended { stream });
        if finished {
            self.streams.remove(&stream);
        }
    }

    /// Ends a stream for both ends at once.
    pub(super) fn break_stream(&mut self, stream: StreamId) {
        let Some(mut open) = self.streams.remove(&stream) else { return };
        for end in End::BOTH {
            let node = open.node(end);
            let side = open.side(end);
            if !side.gone && (side.open || end == End::Dialer) {
                self.queue.plan(self.now, Event::Tell { node, news: News::Reset(stream) });
            }
        }
    }

    /// Tells one end something about its stream, if it still listens.
    fn tell_end(&mut self, stream: StreamId, end: End, input: Input<'_>) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        if !open.side(end).gone {
            let node = open.node(end);
            self.tell(node, input);
        }
    }

    /// Time a packet takes at least.
    fn latency(&self, from: NodeId, to: NodeId) -> Duration {
        let hop = |here: Place| {
            let wire = &self.wires[self.way(here, to)?.0];
            let direction = wire.direction_from(here);
            Some((wire.pipes[direction].latency(), wire.ends[1 - direction]))
        };
        let Some((first, there)) = hop(Place::Node(from)) else { return Duration::ZERO };
        let second = if there == Place::Node(to) { None } else { hop(there) };
        first + second.map_or(Duration::ZERO, |(latency, _)| latency)
    }
}
