//! Who has been heard of: a bounded table that forgets.

use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    string::String,
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};

use super::{
    Announcement, Nameplate, RunId,
    config::{MAX_ADDRESSES, MAX_PEERS, MAX_PEERS_PER_SOURCE, ROSTER_EXPIRY},
};

/// A machine that announced itself or answered. Nothing here is proven: it is a hint whom to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its run.
    pub run: RunId,
    /// Where it listens, the address heard first at the front; 1 to [`MAX_ADDRESSES`].
    pub addresses: Vec<SocketAddr>,
    /// Its nameplate, if it told one.
    pub nameplate: Option<Nameplate>,
    /// The name it gave: hostile text.
    pub name: Option<String>,
    /// It has something to send.
    pub sends: bool,
    /// It knows the pair key at this position of the seeker's list.
    pub pair: Option<usize>,
    /// When it was first heard.
    pub first_heard: Duration,
    /// When it was last heard.
    pub last_heard: Duration,
}

/// What an announcement was to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insertion {
    New,
    NewAddress,
    Known,
    Refused,
}

/// Machines by run. At most [`MAX_PEERS`], of these at most [`MAX_PEERS_PER_SOURCE`] from one address.
#[derive(Debug, Default)]
pub struct Roster {
    peers: BTreeMap<RunId, Peer>,
}

impl Roster {
    /// Takes an announcement heard from `from`. What a run tells about itself changes only by its known addresses:
    /// another address that uses its run becomes an alternative to dial and nothing more.
    pub(crate) fn insert(
        &mut self,
        now: Duration,
        from: SocketAddr,
        announcement: Announcement,
        pair: Option<usize>,
    ) -> Insertion {
        let address = with_port(from, announcement.port.get());
        let full = self.peers.len() >= MAX_PEERS || self.count_at(from) >= MAX_PEERS_PER_SOURCE;
        let peer = match self.peers.entry(announcement.run) {
            Entry::Vacant(_) if full => return Insertion::Refused,
            Entry::Vacant(entry) => {
                entry.insert(Peer::new(now, address, announcement, pair));
                return Insertion::New;
            }
            Entry::Occupied(entry) => entry.into_mut(),
        };
        peer.last_heard = now;
        peer.pair = peer.pair.or(pair);
        if peer.addresses.contains(&address) {
            peer.update(announcement);
            return Insertion::Known;
        }
        if peer.addresses.len() >= MAX_ADDRESSES {
            return Insertion::Refused;
        }
        peer.addresses.push(address);
        Insertion::NewAddress
    }

    fn count_at(&self, from: SocketAddr) -> usize {
        let first_at = |peer: &&Peer| peer.addresses.first().is_some_and(|first| first.ip() == from.ip());
        self.peers.values().filter(first_at).count()
    }

    /// Takes a goodbye from `from`: only the addresses of that host go; the machine goes with its last one.
    pub(crate) fn remove(&mut self, from: SocketAddr, run: RunId) {
        if let Entry::Occupied(mut entry) = self.peers.entry(run) {
            let kept = with_port(from, 0);
            entry.get_mut().addresses.retain(|address| with_port(*address, 0) != kept);
            if entry.get().addresses.is_empty() {
                entry.remove();
            }
        }
    }

    /// Forgets who has not been heard of for [`ROSTER_EXPIRY`].
    pub(crate) fn expire(&mut self, now: Duration) {
        self.peers.retain(|_, peer| now.saturating_sub(peer.last_heard) < ROSTER_EXPIRY);
    }

    /// One machine.
    pub fn get(&self, run: RunId) -> Option<&Peer> {
        self.peers.get(&run)
    }

    /// All, the one heard first at the front.
    pub fn peers(&self) -> Vec<Peer> {
        let mut peers: Vec<Peer> = self.peers.values().cloned().collect();
        peers.sort_by_key(|peer| peer.first_heard);
        peers
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Nobody.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }
}

impl Peer {
    fn new(now: Duration, address: SocketAddr, told: Announcement, pair: Option<usize>) -> Self {
        let Announcement { run, nameplate, sends, name, .. } = told;
        let addresses = alloc::vec![address];
        Self { run, addresses, nameplate, name, sends, pair, first_heard: now, last_heard: now }
    }

    fn update(&mut self, told: Announcement) {
        let Announcement { nameplate, sends, name, .. } = told;
        (self.nameplate, self.sends, self.name) = (nameplate, sends, name);
    }
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}
