//! Network interfaces and their addresses.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6},
};

use ipnet::{IpNet, Ipv4Net};

use crate::{NetError, sys};

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address with the length of its network's prefix.
    pub net: IpNet,
    /// The network's broadcast address; none for IPv6 and for networks of one or two addresses (RFC 3021).
    pub broadcast: Option<Ipv4Addr>,
}

impl InterfaceAddress {
    fn new(address: IpAddr, prefix_len: u8) -> Option<Self> {
        let net = IpNet::new(address, prefix_len).ok()?;
        let broadcast = match net {
            IpNet::V4(net) => broadcast_of(net),
            IpNet::V6(_) => None,
        };
        Some(Self { net, broadcast })
    }

    /// The address alone.
    pub fn ip(&self) -> IpAddr {
        self.net.addr()
    }
}

/// The broadcast address of a network of more than two addresses.
fn broadcast_of(net: Ipv4Net) -> Option<Ipv4Addr> {
    (net.prefix_len() < 31).then(|| net.broadcast())
}

/// A network interface.
///
/// ```
/// use sockeye_net::{Family, interfaces};
///
/// let all = interfaces()?;
/// if let Some(loopback) = all.iter().find(|interface| interface.is_loopback && interface.has(Family::V4)) {
///     let ip = loopback.addresses[0].ip();
///     // Who binds to it is reached from this machine alone.
///     let socket = std::net::UdpSocket::bind(loopback.socket_address(ip, 0))?;
///     assert_eq!(socket.local_addr()?.ip(), ip);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, like `eth0`.
    pub name: String,
    /// Its number in this system (in this network namespace).
    pub index: u32,
    /// Only this machine is behind it.
    pub is_loopback: bool,
    /// It is switched on.
    pub is_up: bool,
    /// It is on and its link is there: a cable is plugged in, a wireless network is joined.
    pub is_running: bool,
    /// It carries packets to groups.
    pub is_multicast: bool,
    /// The largest packet it carries, in bytes, where the system tells.
    pub mtu: Option<u32>,
    /// Its hardware address, where it has one.
    pub hardware: Option<[u8; 6]>,
    /// Its addresses, in the order of the system. There may be none.
    pub addresses: Vec<InterfaceAddress>,
}

impl Interface {
    /// It has an address of this family.
    pub fn has(&self, family: Family) -> bool {
        self.addresses.iter().any(|address| Family::of(address.ip()) == family)
    }

    /// Bytes that it has sent since it exists, for whatever program.
    ///
    /// Errors: [`io::ErrorKind::Unsupported`] where this library cannot ask the system: everywhere but on Linux.
    pub fn bytes_sent(&self) -> io::Result<u64> {
        sys::bytes_sent(self.index)
    }

    /// A socket address at one of its addresses: a link-local IPv6 address gets the interface as its scope.
    pub fn socket_address(&self, ip: IpAddr, port: u16) -> SocketAddr {
        match ip {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddrV6::new(v6, port, 0, self.index).into(),
            _ => SocketAddr::new(ip, port),
        }
    }
}

/// All interfaces, by index, those without addresses too where the system tells of them (Linux does).
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let listed = if_addrs::get_if_addrs()?;
    // Without the links' own list an interface with an address counts as up; the address says nothing else.
    let links = sys::links().unwrap_or_default();
    let mut found: BTreeMap<u32, Interface> = links.into_iter().map(|link| (link.index, link)).collect();
    for entry in listed {
        let Some(index) = entry.index else { continue };
        let address = match &entry.addr {
            if_addrs::IfAddr::V4(v4) => InterfaceAddress::new(v4.ip.into(), v4.prefixlen),
            if_addrs::IfAddr::V6(v6) => InterfaceAddress::new(v6.ip.into(), v6.prefixlen),
        };
        let Some(address) = address else { continue };
        let interface = found.entry(index).or_insert_with(|| from_address(index, &entry));
        if !interface.addresses.contains(&address) {
            interface.addresses.push(address);
        }
    }
    Ok(found.into_values().collect())
}

fn from_address(index: u32, entry: &if_addrs::Interface) -> Interface {
    // An IPv4 address can have a label of its own, like `eth0:1`.
    let name = entry.name.split(':').next().unwrap_or(&entry.name).to_owned();
    Interface {
        name,
        index,
        is_loopback: entry.is_loopback(),
        is_up: true,
        is_running: entry.is_oper_up(),
        is_multicast: true,
        mtu: None,
        hardware: None,
        addresses: Vec::new(),
    }
}

/// The interfaces that are up and have an address; of these the ones named in `names`, if it is not empty.
///
/// Errors: [`NetError::NoSuchInterface`] for a name that is not among them, [`NetError::NoInterface`] if there are none.
pub fn select(names: &[String]) -> Result<Vec<Interface>, NetError> {
    let mut usable = interfaces().map_err(NetError::Interfaces)?;
    usable.retain(|interface| interface.is_up && !interface.addresses.is_empty());
    if let Some(name) = names.iter().find(|name| usable.iter().all(|interface| interface.name != **name)) {
        let available = usable.into_iter().map(|interface| interface.name).collect();
        return Err(NetError::NoSuchInterface { name: name.clone(), available });
    }
    usable.retain(|interface| names.is_empty() || names.contains(&interface.name));
    if usable.is_empty() { Err(NetError::NoInterface) } else { Ok(usable) }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn broadcast_addresses() {
        for (net, expected) in [
            ("192.168.1.3/24", Some("192.168.1.255")),
            ("10.1.2.3/8", Some("10.255.255.255")),
            ("172.16.5.4/30", Some("172.16.5.7")),
            ("127.0.0.1/8", Some("127.255.255.255")),
            ("192.0.2.4/31", None),
            ("192.0.2.4/32", None),
        ] {
            let net: Ipv4Net = net.parse().unwrap();
            let address = InterfaceAddress::new(net.addr().into(), net.prefix_len()).unwrap();
            assert_eq!(address.broadcast, expected.map(|text| text.parse().unwrap()), "{net}");
        }
        assert_eq!(InterfaceAddress::new(Ipv6Addr::LOCALHOST.into(), 128).unwrap().broadcast, None);
        assert_eq!(InterfaceAddress::new(Ipv4Addr::LOCALHOST.into(), 33), None);
    }

    #[test]
    fn this_machine_has_a_loopback_interface() {
        let all = interfaces().unwrap();
        let loopback = all.iter().find(|interface| interface.is_loopback).expect("a loopback interface");
        assert!(loopback.index > 0);
        if loopback.is_up {
            assert!(loopback.addresses.iter().any(|address| address.ip().is_loopback()), "{loopback:?}");
            let chosen = select(std::slice::from_ref(&loopback.name)).unwrap();
            assert_eq!(chosen, std::slice::from_ref(loopback));
        }
        assert!(all.windows(2).all(|pair| pair[0].index < pair[1].index), "by index, each once");
    }

    #[test]
    fn a_name_that_is_not_there_is_named_with_those_that_are() {
        let error = select(&["nowhere9".into()]).unwrap_err();
        let NetError::NoSuchInterface { name, available } = &error else { panic!("{error:?}") };
        assert_eq!(name, "nowhere9");
        assert!(error.to_string().contains("nowhere9"));
        let usable = select(&[]).map(|all| all.len()).unwrap_or_default();
        assert_eq!(available.len(), usable);
    }

    #[test]
    fn link_local_addresses_carry_their_scope() {
        let interface = Interface {
            name: "x".into(),
            index: 7,
            is_loopback: false,
            is_up: true,
            is_running: true,
            is_multicast: true,
            mtu: None,
            hardware: None,
            addresses: vec![],
        };
        assert_eq!(interface.socket_address("fe80::1".parse().unwrap(), 5).to_string(), "[fe80::1%7]:5");
        assert_eq!(
            interface.socket_address("2001:db8::1".parse().unwrap(), 5).to_string(),
            "[2001:db8::1]:5"
        );
        assert!(!interface.has(Family::V4));
    }
}
