//! Who is there?

use std::net::SocketAddr;

use sockeye_proto::{
    Deadline,
    discovery::{Nameplate, Peer, RunId, Seeker, SeekerConfig, What},
};

use super::{
    DiscoveryError, RosterConfig,
    config::pair_keys,
    node::{Node, NodeConfig},
    random,
    search::{handle, turn},
};

/// A machine that answered. Nothing of it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its run: random, and new each time it starts.
    pub run: [u8; 16],
    /// Where it listens, the address that answered first at the front.
    pub addresses: Vec<SocketAddr>,
    /// Its nameplate, if it has one.
    pub nameplate: Option<u16>,
    /// The name it gave: hostile text, at most 64 bytes.
    pub name: Option<String>,
    /// It has something to send.
    pub sends: bool,
    /// It knows the pair key at this position of [`RosterConfig::pair_keys`].
    pub pair: Option<usize>,
}

impl From<Peer> for Neighbour {
    fn from(peer: Peer) -> Self {
        let Peer { run: RunId(run), addresses, nameplate, name, sends, pair, .. } = peer;
        Self { run, addresses, nameplate: nameplate.map(Nameplate::get), name, sends, pair }
    }
}

/// Asks everybody, listens for the time given, and tells who is there, the first to answer first.
///
/// Errors: no interface, or no socket at all.
pub async fn roster(config: RosterConfig) -> Result<Vec<Neighbour>, DiscoveryError> {
    let mut node = Node::open(NodeConfig::new(config.interfaces, config.family, config.beacon_port, true))?;
    let seeker = SeekerConfig::new(What::Everyone)
        .known(pair_keys(config.pair_keys))
        .own_run(config.own_run.map(RunId));
    let mut machine = Seeker::new(seeker, random as fn(&mut [u8]));
    let end = Deadline { at: config.wait, reason: "end of the roster" };
    while node.now() < end.at {
        turn(&node, &mut machine);
        // The roster is read at the end; what is new in it does not matter before.
        while machine.poll_event().is_some() {}
        let next = machine.poll_timeout().into_iter().chain([end]).min_by_key(|deadline| deadline.at);
        let woken = node.wait(next).await;
        handle(&node, &mut machine, woken);
    }
    Ok(machine.roster().peers().into_iter().map(Neighbour::from).collect())
}
