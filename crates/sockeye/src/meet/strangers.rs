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

/// Strangers in all, and from one network: an IPv4 address, or the 64 bits that an IPv6 host can vary at will.
const FOR_ONE: Limits = Limits { all: 128, network: 16 };
/// The same where many are expected: a whole class may come at once, from one IPv6 network, or from behind one address.
const FOR_MANY: Limits = Limits { all: 512, network: 256 };

#[derive(Clone, Copy)]
struct Limits {
    all: usize,
    network: usize,
}

/// All strangers of a listener, the oldest first.
pub(super) struct Strangers {
    limits: Limits,
    places: Mutex<Places>,
}

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
    /// None yet. `many` are to come, or one.
    pub(super) fn new(many: bool) -> Self {
        Self { limits: if many { FOR_MANY } else { FOR_ONE }, places: Mutex::default() }
    }

    /// A place for a new connection, at the cost of an older one if need be: of its own network when that has too many, else
    /// of the network that has the most. An honest peer is alone in its network, or nearly, and so it is never the one.
    pub(super) fn admit(self: &Arc<Self>, ip: IpAddr) -> Stranger {
        let network = network_of(ip);
        let mut all = self.lock();
        let here = all.places.values().filter(|place| place.network == network).count();
        if here >= self.limits.network {
            all.make_room(network);
        } else if all.places.len() >= self.limits.all
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
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_comes_at_once_from_one_network_and_one_peer_does_not() {
        let come = |many: bool, count: u16| {
            let strangers = Arc::new(Strangers::new(many));
            let address = |host| IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host));
            let _all: Vec<_> = (0..count).map(|host| strangers.admit(address(host))).collect();
            strangers.lock().places.len()
        };
        assert_eq!((come(true, 200), come(true, 300)), (200, 256));
        assert_eq!((come(false, 16), come(false, 17)), (16, 16));
    }
}
