//! Datagrams: where they go, and who hears them.

use std::sync::Arc;

use super::{Load, Network, Packet};
use crate::link::Dropped;
use crate::node::{Destination, Group, Input, LinkId, Node, NodeId, Place, SwitchId};

impl<N: Node> Network<N> {
    /// A node sends a datagram: to another node by the way there, to many on all its links.
    pub(super) fn send_datagram(&mut self, from: NodeId, to: Destination, bytes: Arc<[u8]>, padding: usize) {
        let name = &self.nodes[from.0].name;
        self.trace.line(self.now, format_args!("{name} > datagram {} bytes to {to}", bytes.len() + padding));
        let packet = Packet { from, to, load: Load::Datagram { bytes, padding } };
        let here = Place::Node(from);
        if let Destination::Node(node) = to {
            match self.way(here, node) {
                Some(link) => self.leave(here, link, packet),
                None => self.trace.line(self.now, format_args!("{name} ! no way to node {}", node.0)),
            }
            return;
        }
        for index in 0..self.nodes[from.0].links.len() {
            let link = self.nodes[from.0].links[index];
            self.leave(here, link, packet.clone());
        }
    }

    /// A packet has come to a switch over `came_by`.
    pub(super) fn forward(&mut self, switch: SwitchId, came_by: LinkId, packet: Packet) {
        let here = Place::Switch(switch);
        if let Destination::Node(node) = packet.to {
            if let Some(link) = self.way(here, node) {
                self.leave(here, link, packet);
            }
            return;
        }
        for index in 0..self.switches[switch.0].ports.len() {
            let (node, link) = self.switches[switch.0].ports[index];
            if link != came_by && self.is_addressed(node, packet.to) {
                self.leave(here, link, packet.clone());
            }
        }
    }

    /// A datagram has come to a node.
    pub(super) fn hear(&mut self, node: NodeId, from: NodeId, to: Destination, over: LinkId, bytes: &[u8]) {
        if self.is_addressed(node, to) {
            self.tell(node, Input::Datagram { from, to, over, bytes });
        }
    }

    pub(super) fn trace_drop(&mut self, link: LinkId, from: NodeId, reason: &str) {
        self.trace.line(self.now, format_args!("link {} ! datagram from node {} {reason}", link.0, from.0));
    }

    fn leave(&mut self, here: Place, link: LinkId, packet: Packet) {
        let direction = self.wires[link.0].direction_from(here);
        self.transmit(link, direction, packet);
    }

    fn is_addressed(&self, node: NodeId, to: Destination) -> bool {
        match to {
            Destination::Node(addressed) => addressed == node,
            Destination::Group(group) => self.groups.contains(&(group, node)),
            Destination::Broadcast => true,
        }
    }

    /// The nodes that have joined a group.
    pub fn members(&self, group: Group) -> impl Iterator<Item = NodeId> {
        self.groups.range((group, NodeId(0))..=(group, NodeId(usize::MAX))).map(|(_, node)| *node)
    }
}

impl Dropped {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Overflowed => "dropped, the queue is full",
            Self::TooLong => "dropped, longer than the MTU",
        }
    }
}
