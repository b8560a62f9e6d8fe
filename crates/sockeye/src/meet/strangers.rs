//! Connections that have not yet proved anything: how many there may be, and who makes room.
//!
//! A connection that has not even finished its handshake gives way to a newer one when there are too many, so that nobody
//! keeps the right peer out by opening connections and saying nothing.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// Strangers in all.
const MAX_STRANGERS: usize = 128;
/// Strangers from one network: an IPv4 address, or the 64 bits that an IPv6 host can vary at will.
const MAX_STRANGERS_PER_NETWORK: usize = 16;

/// All strangers of a listener, the oldest first.
#[derive(Default)]
pub(super) struct Strangers(Mutex<Places>);

#[derive(Default)]
struct Places {
    next: u64,
    places: BTreeMap<u64, Place>,
}

struct Place {
    network: [u8; 8],
    greeted: bool,
    leave: Arc<Notify>,
}

impl Strangers {
    /// A place for a new connection, at the cost of an older one if need be: of its own network when that has too many, else
    /// of the network that has the most. An honest peer is alone in its network, or nearly, and so it is never the one.
    pub(super) fn admit(self: &Arc<Self>, ip: IpAddr) -> Stranger {
        let network = network_of(ip);
        let mut all = self.lock();
        let here = all.places.values().filter(|place| place.network == network).count();
        if here >= MAX_STRANGERS_PER_NETWORK {
            all.make_room(network);
        } else if all.places.len() >= MAX_STRANGERS
            && let Some(fullest) = all.fullest()
        {
            all.make_room(fullest);
        }
        let (id, leave) = (all.next, Arc::new(Notify::new()));
        all.next += 1;
        all.places.insert(id, Place { network, greeted: false, leave: Arc::clone(&leave) });
        Stranger { all: Arc::clone(self), id, leave }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// The network with the most places.
    fn fullest(&self) -> Option<[u8; 8]> {
        let mut counts: BTreeMap<[u8; 8], usize> = BTreeMap::new();
        for place in self.places.values() {
            *counts.entry(place.network).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(network, _)| network)
    }

    /// Lets one of a network go: the oldest that has not finished its handshake, else the oldest.
    fn make_room(&mut self, network: [u8; 8]) {
        let of_it = || self.places.iter().filter(|(_, place)| place.network == network);
        let oldest = of_it().find(|(_, place)| !place.greeted).or_else(|| of_it().next()).map(|(id, _)| *id);
        if let Some(place) = oldest.and_then(|id| self.places.remove(&id)) {
            place.leave.notify_one();
        }
    }
}

/// A place among the strangers, given back when dropped.
pub(super) struct Stranger {
    all: Arc<Strangers>,
    id: u64,
    leave: Arc<Notify>,
}

impl Stranger {
    /// Resolves when this one has to make room.
    pub(super) async fn has_to_leave(&self) {
        self.leave.notified().await;
    }

    /// The handshake is done: others of its network make room first.
    pub(super) fn greeted(&self) {
        if let Some(place) = self.all.lock().places.get_mut(&self.id) {
            place.greeted = true;
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.all.lock().places.remove(&self.id);
    }
}

fn network_of(ip: IpAddr) -> [u8; 8] {
    let mut network = [0; 8];
    match ip.to_canonical() {
        // Beginning with zeros, which no IPv6 network in use does.
        IpAddr::V4(ip) => network[4..].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => network.copy_from_slice(&ip.octets()[..8]),
    }
    network
}
