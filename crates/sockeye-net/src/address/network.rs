//! Networks: an address cut into a part for the network and a part for the host (RFC 4632, RFC 4291 §2.3).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;

use crate::Family;

/// A network by its first address and the length of its prefix.
///
/// ```
/// use sockeye_net::address::Network;
///
/// let network = Network::new([172, 16, 5, 4].into(), 30).unwrap();
/// assert_eq!(network.to_string(), "172.16.5.4/30");
/// assert_eq!(network.first_host().to_string(), "172.16.5.5");
/// assert_eq!(network.last_host().to_string(), "172.16.5.6");
/// assert_eq!(network.netmask().to_string(), "255.255.255.252");
/// assert_eq!((network.addresses().to_u128(), network.hosts().to_u128()), (Some(4), Some(2)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

/// Why a network has no broadcast address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoBroadcast {
    /// IPv6 has groups instead (RFC 4291 §2.7).
    #[error("IPv6 has no broadcast")]
    Ipv6,
    /// A network of two addresses, both of them hosts (RFC 3021).
    #[error("a /31 has two hosts and no broadcast address")]
    PointToPoint,
    /// A network of one address.
    #[error("a /32 is one host")]
    SingleHost,
    /// Group addresses are not cut into networks of hosts.
    #[error("groups have no broadcast address")]
    Multicast,
}

impl Network {
    /// The network of an address; none if the prefix is longer than the address.
    pub fn new(ip: IpAddr, prefix_len: u8) -> Option<Self> {
        IpNet::new(ip, prefix_len).ok().map(|net| Self(net.trunc()))
    }

    /// The length of the prefix that a netmask stands for; none if its ones are not all in front.
    pub fn netmask_len(mask: Ipv4Addr) -> Option<u8> {
        let bits = u32::from(mask);
        let len = bits.leading_ones();
        // The number of bits in a word fits.
        (len == bits.count_ones()).then(|| u8::try_from(len).unwrap_or(32))
    }

    /// IPv4 or IPv6.
    pub fn family(&self) -> Family {
        Family::of(self.0.addr())
    }

    /// Its first address, which names it.
    pub fn address(&self) -> IpAddr {
        self.0.network()
    }

    /// Its last address: for IPv4 usually the broadcast address.
    pub fn last(&self) -> IpAddr {
        self.0.broadcast()
    }

    /// How many bits all its addresses share.
    pub fn prefix_len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// How many bits tell its addresses apart.
    pub fn host_bits(&self) -> u8 {
        self.0.max_prefix_len() - self.0.prefix_len()
    }

    /// Ones for the network, zeros for the host.
    pub fn netmask(&self) -> IpAddr {
        self.0.netmask()
    }

    /// Zeros for the network, ones for the host.
    pub fn wildcard_mask(&self) -> IpAddr {
        self.0.hostmask()
    }

    /// Whether an address lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip)
    }

    /// The address that reaches all its hosts (RFC 919, RFC 922), or why there is none.
    pub fn broadcast(&self) -> Result<Ipv4Addr, NoBroadcast> {
        match self.0 {
            IpNet::V6(_) => Err(NoBroadcast::Ipv6),
            IpNet::V4(net) if net.network().is_multicast() => Err(NoBroadcast::Multicast),
            IpNet::V4(net) => match net.prefix_len() {
                32 => Err(NoBroadcast::SingleHost),
                31 => Err(NoBroadcast::PointToPoint),
                _ => Ok(net.broadcast()),
            },
        }
    }

    /// The lowest address that a host can have: not the network's own (RFC 1122 §3.2.1.3), nor the routers' anycast
    /// address (RFC 4291 §2.6.1). Where there are only one or two addresses, each is a host's (RFC 3021, RFC 6164).
    pub fn first_host(&self) -> IpAddr {
        let step = u8::from(self.host_bits() > 1);
        match self.address() {
            IpAddr::V4(first) => Ipv4Addr::from(u32::from(first) + u32::from(step)).into(),
            IpAddr::V6(first) => Ipv6Addr::from(u128::from(first) + u128::from(step)).into(),
        }
    }

    /// The highest address that a host can have: not the broadcast address.
    pub fn last_host(&self) -> IpAddr {
        match self.last() {
            IpAddr::V4(last) if self.host_bits() > 1 => Ipv4Addr::from(u32::from(last) - 1).into(),
            last => last,
        }
    }

    /// How many addresses it has.
    pub fn addresses(&self) -> Count {
        Count { bits: self.host_bits(), less: 0 }
    }

    /// How many hosts it can have: addresses from [`first_host`](Self::first_host) to [`last_host`](Self::last_host).
    pub fn hosts(&self) -> Count {
        let less = match (self.host_bits(), self.family()) {
            (0 | 1, _) => 0,
            (_, Family::V4) => 2,
            (_, Family::V6) => 1,
        };
        Count { bits: self.host_bits(), less }
    }
}

impl From<IpNet> for Network {
    fn from(net: IpNet) -> Self {
        Self(net.trunc())
    }
}

impl From<Network> for IpNet {
    fn from(network: Network) -> Self {
        network.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number of addresses. All of IPv6 is one more than 128 bits can say, hence a type of its own.
///
/// It displays as decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// It is two to the power of this …
    bits: u8,
    /// … less this.
    less: u8,
}

impl Count {
    /// The number, unless it is 2¹²⁸.
    pub fn to_u128(self) -> Option<u128> {
        match (1_u128.checked_shl(self.bits.into()), self.less) {
            (Some(all), less) => Some(all - u128::from(less)),
            (None, 0) => None,
            (None, less) => Some(u128::MAX - u128::from(less - 1)),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_u128() {
            Some(number) => number.fmt(f),
            None => f.pad("340282366920938463463374607431768211456"),
        }
    }
}
