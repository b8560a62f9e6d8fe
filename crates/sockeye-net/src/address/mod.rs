//! What is in an address: knowledge and arithmetic, no I/O.
//!
//! | item | does |
//! |---|---|
//! | [`Address`] | an address as people write it: `192.168.1.37/24`, `fe80::1%eth0/64`; parses, says what is wrong |
//! | [`Network`] | network address, masks, broadcast, first and last host, how many |
//! | [`kind_of`], [`Kind`] | what an address is for, and the RFC that says so |
//! | [`Scope`], [`solicited_node`], [`multicast_hardware`] | groups |
//! | [`class_of`] | the class that an IPv4 address had before networks had prefixes |
//! | [`binary`], [`hex`], [`expanded`], [`reverse_name`] | the same bits in other spellings |

mod error;
mod kind;
mod multicast;
mod network;
mod parse;
mod spelling;
#[cfg(test)]
mod tests;

use std::{fmt, net::IpAddr};

pub use error::AddressError;
pub use kind::{Kind, class_of, kind_of};
pub use multicast::{Scope, multicast_hardware, scope_of, solicited_node};
pub use network::{Count, Network, NoBroadcast};
pub use spelling::{binary, expanded, hex, reverse_name};
/// An address as people write it, perhaps with the length of its network's prefix, perhaps with a zone.
///
/// ```
/// use sockeye_net::address::Address;
///
/// let address: Address = "192.168.1.3/24".parse()?;
/// assert_eq!(address.network().unwrap().broadcast().unwrap().to_string(), "192.168.1.255");
/// let same: Address = "192.168.1.3/255.255.255.0".parse()?;
/// assert_eq!(same, address);
/// let scoped: Address = "fe80::1%eth0/64".parse()?;
/// assert_eq!((scoped.zone(), scoped.prefix_len()), (Some("eth0"), Some(64)));
/// # Ok::<(), sockeye_net::address::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    ip: IpAddr,
    prefix_len: Option<u8>,
    zone: Option<String>,
}

impl Address {
    /// The address alone.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// How many bits belong to the network, where that was written.
    pub fn prefix_len(&self) -> Option<u8> {
        self.prefix_len
    }

    /// The interface that an IPv6 address is meant on, by name or number (RFC 4007 §11).
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// The network that it lies in, where the prefix length was written.
    pub fn network(&self) -> Option<Network> {
        Network::new(self.ip, self.prefix_len?)
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self { ip, prefix_len: None, zone: None }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ip)?;
        if let Some(zone) = &self.zone {
            write!(f, "%{zone}")?;
        }
        self.prefix_len.map_or(Ok(()), |len| write!(f, "/{len}"))
    }
}
