//! What takes part in a network: nodes, what they are told, and what they can do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::rng::Rng;

/// A machine in the network. It is told what happens, and answers by calls on [`Outputs`].
///
/// All nodes of a network have one type, so that a test can look into them; a network of different nodes uses an
/// enum, or `Box<dyn Node>` where nothing has to be looked at.
pub trait Node {
    /// Something happened at `now`, the time since the network began.
    fn handle(&mut self, now: Duration, input: Input<'_>, out: &mut Outputs);

    /// When the node wants [`Input::Timeout`], as time since the network began. Asked after every `handle`; a time
    /// that has passed means at once.
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// Whether streams dialled to this node are accepted. Asked when a dial arrives.
    fn listens(&self) -> bool {
        true
    }
}

impl<N: Node + ?Sized> Node for Box<N> {
    fn handle(&mut self, now: Duration, input: Input<'_>, out: &mut Outputs) {
        (**self).handle(now, input, out);
    }

    fn timeout(&self) -> Option<Duration> {
        (**self).timeout()
    }

    fn listens(&self) -> bool {
        (**self).listens()
    }
}

/// What a node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// The node was put into the network, or put back after [`Network::stop`](crate::Network::stop).
    Start,
    /// The time it asked for has come.
    Timeout,
    /// A stream this node dialled is open.
    Connected {
        /// The stream.
        stream: StreamId,
    },
    /// Another node opened a stream to this one.
    Accepted {
        /// The stream.
        stream: StreamId,
        /// Who dialled.
        from: NodeId,
    },
    /// A stream this node dialled could not be opened: nobody listens there, or there is no way there.
    Refused {
        /// The stream, which is gone.
        stream: StreamId,
    },
    /// The next bytes of a stream, never empty. Where they are cut means nothing.
    Bytes {
        /// The stream.
        stream: StreamId,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Everything sent on the stream has left; the moment to send more. Told once after each run of sending.
    Drained {
        /// The stream.
        stream: StreamId,
    },
    /// The other side ended its direction of the stream: no bytes will follow. This side may still send.
    Ended {
        /// The stream.
        stream: StreamId,
    },
    /// The stream broke, in both directions.
    Reset {
        /// The stream, which is gone.
        stream: StreamId,
    },
    /// A datagram arrived.
    Datagram {
        /// Who sent it.
        from: NodeId,
        /// Whom it was sent to: this node, a group it is in, or everybody.
        to: Destination,
        /// The link it came over.
        over: LinkId,
        /// Its payload.
        bytes: &'a [u8],
    },
}

/// Whom a datagram is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// One node.
    Node(NodeId),
    /// Every other node that joined the group, one link or one switch away.
    Group(Group),
    /// Every other node one link or one switch away.
    Broadcast,
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(formatter, "node {}", node.0),
            Self::Group(group) => write!(formatter, "group {}", group.0),
            Self::Broadcast => formatter.write_str("everybody"),
        }
    }
}

/// What a node does in answer to an input. Done in the order of the calls, at the time of the input.
#[derive(Debug)]
pub struct Outputs {
    pub(crate) commands: Vec<Command>,
    pub(crate) next_stream: u64,
    pub(crate) rng: Rng,
}

#[derive(Debug)]
pub(crate) enum Command {
    Dial { stream: StreamId, to: NodeId },
    Send { stream: StreamId, bytes: Vec<u8> },
    End { stream: StreamId },
    Reset { stream: StreamId },
    Datagram { to: Destination, bytes: Arc<[u8]>, padding: usize },
    Join { group: Group },
    Leave { group: Group },
    Note { text: String },
}

impl Outputs {
    /// Opens a stream. [`Input::Connected`] or [`Input::Refused`] follows, or nothing while the way is cut. What is
    /// sent before is kept until the stream is open.
    pub fn dial(&mut self, to: NodeId) -> StreamId {
        let stream = StreamId(self.next_stream);
        self.next_stream += 1;
        self.commands.push(Command::Dial { stream, to });
        stream
    }

    /// Sends bytes on a stream. There is no limit on what waits to leave; [`Input::Drained`] tells when it has left.
    pub fn send(&mut self, stream: StreamId, bytes: impl Into<Vec<u8>>) {
        self.commands.push(Command::Send { stream, bytes: bytes.into() });
    }

    /// Ends this direction of a stream, after what was sent before.
    pub fn end(&mut self, stream: StreamId) {
        self.commands.push(Command::End { stream });
    }

    /// Breaks a stream off. What has not left yet never will; this node hears no more of it.
    pub fn reset(&mut self, stream: StreamId) {
        self.commands.push(Command::Reset { stream });
    }

    /// Sends a datagram.
    pub fn datagram(&mut self, to: Destination, bytes: impl Into<Arc<[u8]>>) {
        self.padded_datagram(to, bytes, 0);
    }

    /// Sends a datagram that takes `padding` bytes more on the wire than it carries: for machines that decide about
    /// data without touching it.
    pub fn padded_datagram(&mut self, to: Destination, bytes: impl Into<Arc<[u8]>>, padding: usize) {
        self.commands.push(Command::Datagram { to, bytes: bytes.into(), padding });
    }

    /// Hears datagrams to the group from now on.
    pub fn join(&mut self, group: Group) {
        self.commands.push(Command::Join { group });
    }

    /// Hears datagrams to the group no more.
    pub fn leave(&mut self, group: Group) {
        self.commands.push(Command::Leave { group });
    }

    /// Writes a line of the node's own into the trace.
    pub fn note(&mut self, text: impl fmt::Display) {
        self.commands.push(Command::Note { text: text.to_string() });
    }

    /// Random numbers for the node, the same for the same seed.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }
}

/// A node of a network, numbered from 0 in the order of adding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// A switch of a network, numbered from 0 in the order of adding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SwitchId(pub usize);

/// A link of a network, numbered from 0 in the order of adding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub usize);

/// A stream, numbered from 0 in the order of dialling in the whole network: so a test can name one before it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// A multicast group; the number is the test's to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(pub u32);

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// At a node.
    Node(NodeId),
    /// At a switch.
    Switch(SwitchId),
}

impl From<NodeId> for Place {
    fn from(node: NodeId) -> Self {
        Self::Node(node)
    }
}

impl From<SwitchId> for Place {
    fn from(switch: SwitchId) -> Self {
        Self::Switch(switch)
    }
}
