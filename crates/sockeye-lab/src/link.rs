//! Cables: a pair between two hosts, or a switch with many.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::thread;
use std::time::{Duration, Instant};

use crate::{LabError, Namespace};

/// The longest wait for an interface's addresses to become usable; without duplicate detection it takes
/// milliseconds.
const ADDRESS_WAIT: Duration = Duration::from_secs(5);
/// How often to look.
const ADDRESS_POLL: Duration = Duration::from_millis(10);

/// Which IPv6 addresses the interfaces of a subnet have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv6 {
    /// None at all.
    Off,
    /// The link-local one that every interface gives itself.
    LinkLocal,
    /// A link-local and a unique local one.
    UniqueLocal,
}

/// A subnet by its number: 10.77.N.0/24 and fd53:6f63:6b65:N::/64. Host H has the addresses .H and ::H.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    number: u8,
    ipv4: bool,
    ipv6: Ipv6,
}

impl Subnet {
    /// A subnet with IPv4 and unique local IPv6 addresses.
    pub const fn new(number: u8) -> Self {
        Self { number, ipv4: true, ipv6: Ipv6::UniqueLocal }
    }

    /// The same without IPv4.
    #[must_use]
    pub const fn without_ipv4(self) -> Self {
        Self { ipv4: false, ..self }
    }

    /// The same with these IPv6 addresses.
    #[must_use]
    pub const fn with_ipv6(self, ipv6: Ipv6) -> Self {
        Self { ipv6, ..self }
    }

    /// The IPv4 address of a host, if the subnet has such.
    pub fn ipv4(self, host: u8) -> Option<Ipv4Addr> {
        self.ipv4.then(|| Ipv4Addr::new(10, 77, self.number, host))
    }

    /// The unique local address of a host, if the subnet has such.
    pub fn ipv6(self, host: u8) -> Option<Ipv6Addr> {
        let address = Ipv6Addr::new(0xfd53, 0x6f63, 0x6b65, self.number.into(), 0, 0, 0, host.into());
        (self.ipv6 == Ipv6::UniqueLocal).then_some(address)
    }
}

/// One end of a cable, up and with addresses that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name on its host: `eth0`, `eth1`, … in the order of making.
    pub name: String,
    /// Its number on its host: the scope of link-local addresses.
    pub index: u32,
    /// Its IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its unique local IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// The link-local IPv6 address that it gave itself.
    pub link_local: Option<Ipv6Addr>,
}

/// A cable between two hosts. It lives as long as either of them.
#[derive(Clone, Debug)]
pub struct Link {
    /// The end at the first host: host 1 of the subnet.
    pub left: Interface,
    /// The end at the second host: host 2 of the subnet.
    pub right: Interface,
}

impl Link {
    /// Joins two hosts. Several cables between the same two are fine.
    pub fn veth(left: &Namespace, right: &Namespace, subnet: Subnet) -> Result<Self, LabError> {
        let names = (left.next_interface(), right.next_interface());
        left.ip(&format!("link add {} type veth peer name {} netns {}", names.0, names.1, right.id()))?;
        for (host, name, number) in [(left, &names.0, 1), (right, &names.1, 2)] {
            configure(host, name, subnet, number)?;
        }
        Ok(Self { left: settle(left, names.0, subnet, 1)?, right: settle(right, names.1, subnet, 2)? })
    }
}

/// A switch: a bridge in a namespace of its own.
#[derive(Debug)]
pub struct Switch {
    namespace: Namespace,
    subnet: Subnet,
    ports: u8,
}

impl Switch {
    /// A switch that floods multicast to every port, as cheap ones do.
    pub fn new(label: &str, subnet: Subnet) -> Result<Self, LabError> {
        Self::with_bridge(label, subnet, "mcast_snooping 0")
    }

    /// A switch that watches who joins which group and asks from time to time, as managed ones do.
    pub fn snooping(label: &str, subnet: Subnet) -> Result<Self, LabError> {
        Self::with_bridge(label, subnet, "mcast_snooping 1 mcast_querier 1")
    }

    fn with_bridge(label: &str, subnet: Subnet, options: &str) -> Result<Self, LabError> {
        let namespace = Namespace::new(label)?;
        namespace.ip(&format!("link add {BRIDGE} type bridge stp_state 0 forward_delay 0 {options}"))?;
        namespace.ip(&format!("link set {BRIDGE} up"))?;
        Ok(Self { namespace, subnet, ports: 0 })
    }

    /// Plugs a host in. The first one is host 1 of the subnet, at most 254 fit.
    pub fn attach(&mut self, host: &Namespace) -> Result<Interface, LabError> {
        let number = self.ports.checked_add(1).filter(|number| *number < 255);
        self.ports = number.expect("at most 254 hosts on one switch");
        let (name, port) = (host.next_interface(), format!("port{}", self.ports));
        host.ip(&format!("link add {name} type veth peer name {port} netns {}", self.namespace.id()))?;
        self.namespace.ip(&format!("link set {port} master {BRIDGE} up"))?;
        configure(host, &name, self.subnet, self.ports)?;
        settle(host, name, self.subnet, self.ports)
    }

    /// The switch itself, to look at it.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}

/// Gives an interface its addresses and turns it on.
fn configure(host: &Namespace, name: &str, subnet: Subnet, number: u8) -> Result<(), LabError> {
    if subnet.ipv6 == Ipv6::Off {
        host.set_parameter(&format!("ipv6/conf/{name}/disable_ipv6"), "1")?;
    }
    if let Some(address) = subnet.ipv4(number) {
        host.ip(&format!("addr add {address}/24 brd + dev {name}"))?;
    }
    if let Some(address) = subnet.ipv6(number) {
        host.ip(&format!("addr add {address}/64 dev {name} nodad"))?;
    }
    host.ip(&format!("link set {name} up")).map(drop)
}

/// Waits until the addresses of an interface can be used, then describes it.
fn settle(host: &Namespace, name: String, subnet: Subnet, number: u8) -> Result<Interface, LabError> {
    let index = host.ip(&format!("-o link show dev {name}"))?;
    let index = index.split(':').next().and_then(|word| word.trim().parse().ok()).unwrap_or(0);
    let link_local = match subnet.ipv6 {
        Ipv6::Off => None,
        Ipv6::LinkLocal | Ipv6::UniqueLocal => Some(wait_for_link_local(host, &name)?),
    };
    Ok(Interface { name, index, ipv4: subnet.ipv4(number), ipv6: subnet.ipv6(number), link_local })
}

fn wait_for_link_local(host: &Namespace, name: &str) -> Result<Ipv6Addr, LabError> {
    let start = Instant::now();
    loop {
        let seen = host.ip(&format!("-6 -o addr show dev {name}"))?;
        match link_local_of(&seen) {
            Some(address) if !seen.contains("tentative") => return Ok(address),
            _ if start.elapsed() > ADDRESS_WAIT => {
                let what = format!("a usable link-local address on {name} of {}", host.label());
                return Err(LabError::Timeout { what, within: ADDRESS_WAIT, seen });
            }
            _ => thread::sleep(ADDRESS_POLL),
        }
    }
}

/// The link-local address in the output of `ip -6 -o addr`.
fn link_local_of(output: &str) -> Option<Ipv6Addr> {
    let words = output.split_whitespace();
    words
        .filter_map(|word| word.split_once('/'))
        .filter_map(|(address, _)| address.parse::<Ipv6Addr>().ok())
        .find(Ipv6Addr::is_unicast_link_local)
}

/// The name of a switch's bridge.
const BRIDGE: &str = "switch";
