//! What machines hand to their driver.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::{Nameplate, Peer};

/// A number the driver gives to each of its sockets, so that an answer leaves by the socket its query came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link(pub u32);

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// By every socket to all its broadcast addresses and groups.
    Everywhere,
    /// To one address.
    To {
        /// The socket to use.
        via: Link,
        /// The address.
        address: SocketAddr,
    },
}

/// A datagram to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where.
    pub to: Destination,
    /// What: at most [`super::MAX_DATAGRAM`] bytes.
    pub bytes: Vec<u8>,
}

/// What a seeker reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeekEvent {
    /// A machine that fits. It comes again, with all its addresses, when it is heard at one more.
    Found(Peer),
    /// Two different runs answered for one nameplate at about the same time. Reported once.
    Ambiguous {
        /// The nameplate.
        nameplate: Nameplate,
        /// All that have answered, the first first.
        peers: Vec<Peer>,
    },
}

/// The address a datagram came from, in the one form used for comparison: IPv4 as IPv4, no flow label, the scope
/// only where it means something. `None` if nobody can be answered or dialled there.
pub(crate) fn usable_source(from: SocketAddr) -> Option<SocketAddr> {
    if from.port() == 0 {
        return None;
    }
    match (from.ip().to_canonical(), from) {
        (IpAddr::V4(ip), _) => {
            let unusable = ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast();
            (!unusable).then(|| SocketAddr::new(ip.into(), from.port()))
        }
        (IpAddr::V6(ip), SocketAddr::V6(v6)) => {
            let local = ip.is_unicast_link_local();
            let unusable = ip.is_unspecified() || ip.is_multicast() || (local && v6.scope_id() == 0);
            let scope = if local { v6.scope_id() } else { 0 };
            (!unusable).then(|| SocketAddrV6::new(ip, v6.port(), 0, scope).into())
        }
        (IpAddr::V6(_), SocketAddr::V4(_)) => None,
    }
}
