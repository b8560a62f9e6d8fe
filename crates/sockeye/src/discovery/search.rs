//! Looks for a machine.

use std::net::SocketAddr;

use sockeye_proto::discovery::{
    self as proto, Nameplate, PairKey, Peer, RunId, SeekEvent, Seeker, SeekerConfig,
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    DiscoveryError, SeekConfig, What,
    node::{Node, NodeConfig, Woken},
    random,
};

/// Findings that may wait for the caller. The rest waits in the seeker, each machine once.
const FOUND_WAITING: usize = 16;

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A machine that fits. It comes again, with all its addresses, when it is heard at one more.
    Peer {
        /// Its run: random, and new each time it starts.
        run: [u8; 16],
        /// Where it listens: the address that answered first at the front, then alternatives. IPv6 addresses of a link
        /// have the interface as their scope.
        addresses: Vec<SocketAddr>,
        /// Its nameplate, if it has one.
        nameplate: Option<u16>,
        /// The name it gave: hostile text, at most 64 bytes.
        name: Option<String>,
        /// It has something to send.
        sends: bool,
    },
    /// A second machine answered for the same nameplate, soon after the first.
    Ambiguous {
        /// The nameplate.
        nameplate: u16,
        /// One address of each, the first heard first.
        addresses: Vec<SocketAddr>,
    },
}

impl From<Peer> for Found {
    fn from(peer: Peer) -> Self {
        let Peer { run: RunId(run), addresses, nameplate, name, sends, .. } = peer;
        Self::Peer { run, addresses, nameplate: nameplate.map(Nameplate::get), name, sends }
    }
}

impl From<SeekEvent> for Found {
    fn from(event: SeekEvent) -> Self {
        match event {
            SeekEvent::Found(peer) => peer.into(),
            SeekEvent::Ambiguous { nameplate, peers } => {
                let first = |peer: &Peer| peer.addresses.first().copied();
                Self::Ambiguous {
                    nameplate: nameplate.get(),
                    addresses: peers.iter().filter_map(first).collect(),
                }
            }
        }
    }
}

/// A search that goes on, whether or not anybody waits for it, until it is dropped.
#[derive(Debug)]
pub struct Search {
    found: mpsc::Receiver<Found>,
    task: JoinHandle<()>,
}

impl Search {
    /// Begins to ask. Must be called in a tokio runtime.
    ///
    /// Errors: not a nameplate, no interface, or no socket at all.
    pub fn start(config: SeekConfig) -> Result<Self, DiscoveryError> {
        let SeekConfig { what, interfaces, family, beacon_port } = config;
        let what = match what {
            What::Nameplate(number) => proto::What::Nameplate(Nameplate::new(number)?),
            What::PairKey(key) => proto::What::PairKey(PairKey::new(key)),
            #[cfg(test)]
            What::Everyone => proto::What::Everyone,
        };
        let node = Node::open(NodeConfig::new(interfaces, family, beacon_port, true))?;
        let seeker = SeekerConfig::new(what);
        let machine = Seeker::new(seeker, random as fn(&mut [u8]));
        let (to, found) = mpsc::channel(FOUND_WAITING);
        let task = tokio::spawn(run(node, machine, to));
        Ok(Self { found, task })
    }

    /// Waits for the next finding. It waits for ever if there is none; `None` only if the runtime is shutting down.
    /// Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Found> {
        self.found.recv().await
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut node: Node, mut machine: Seeker<fn(&mut [u8])>, to: mpsc::Sender<Found>) {
    let mut next: Option<Found> = None;
    loop {
        turn(&node, &mut machine);
        next = next.or_else(|| machine.poll_event().map(Found::from));
        tokio::select! {
            room = to.reserve(), if next.is_some() => match (room, next.take()) {
                (Ok(room), Some(found)) => room.send(found),
                _ => return,
            },
            woken = node.wait(machine.poll_timeout()) => handle(&node, &mut machine, woken),
        }
    }
}

/// Timers, then what is to be sent.
pub(super) fn turn(node: &Node, machine: &mut Seeker<fn(&mut [u8])>) {
    machine.handle_timeout(node.now());
    while let Some(transmit) = machine.poll_transmit() {
        node.send(&transmit);
    }
}

/// What came.
pub(super) fn handle(node: &Node, machine: &mut Seeker<fn(&mut [u8])>, woken: Woken) {
    match woken {
        Woken::Deadline => {}
        Woken::NewSockets => machine.ask_again(node.now()),
        Woken::Datagram { from, len, .. } => machine.handle_datagram(node.now(), from, node.datagram(len)),
    }
}
