//! Names of hosts and services, as this system knows them: the answers of getaddrinfo(3) and getnameinfo(3), and of services(5).
//!
//! Looking a host up asks name servers and may take long: these functions wait for it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind};

use crate::Family;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name that the one asked for is an alias of, where the system tells.
    pub canonical_name: Option<String>,
    /// The addresses, in the order in which the system wants them tried (RFC 6724), each once.
    pub addresses: Vec<SocketAddr>,
}

/// Why a name was not found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is no such name, or it has no address (of the family asked for).
    #[error("there is no such name")]
    NoSuchName,
    /// No name server answered, or it had no answer now.
    #[error("no name server answered")]
    NoAnswer,
    /// Whatever else the system said.
    #[error(transparent)]
    System(io::Error),
}

/// Asks the system for the addresses of a host; `port` is put beside each.
pub fn look_up(host: &str, port: u16, family: Option<Family>) -> Result<Found, NameError> {
    let hints = AddrInfoHints {
        flags: AI_CANONNAME,
        address: family.map_or(0, |family| i32::from(socket2::Domain::for_address(unspecified(family)))),
        // One kind, or each address comes once for every kind of socket.
        socktype: i32::from(socket2::Type::STREAM),
        protocol: 0,
    };
    let answers = dns_lookup::getaddrinfo(Some(host), None, Some(hints)).map_err(of_lookup)?;
    let mut found = Found { canonical_name: None, addresses: Vec::new() };
    for answer in answers {
        let answer = answer.map_err(NameError::System)?;
        let canonical = answer.canonname.filter(|name| !name.eq_ignore_ascii_case(host));
        found.canonical_name = found.canonical_name.or(canonical);
        let mut address = answer.sockaddr;
        address.set_port(port);
        if !found.addresses.contains(&address) {
            found.addresses.push(address);
        }
    }
    if found.addresses.is_empty() { Err(NameError::NoSuchName) } else { Ok(found) }
}

/// The name of an address, if it has one.
pub fn name_of(address: IpAddr) -> Result<String, NameError> {
    let (name, _) = dns_lookup::getnameinfo(&SocketAddr::new(address, 0), 0).map_err(of_lookup)?;
    // Without a name the system writes the address out, perhaps with its zone.
    let bare = name.split('%').next().unwrap_or_default();
    if bare.parse::<IpAddr>().is_ok() { Err(NameError::NoSuchName) } else { Ok(name) }
}

#[cfg(not(windows))]
const AI_CANONNAME: i32 =
    if cfg!(any(target_os = "linux", target_os = "android", target_os = "macos")) { 2 } else { 0 };
#[cfg(windows)]
const AI_CANONNAME: i32 = 2;

fn unspecified(family: Family) -> SocketAddr {
    match family {
        Family::V4 => SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 0),
        Family::V6 => SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), 0),
    }
}

fn of_lookup(error: LookupError) -> NameError {
    match error.kind() {
        LookupErrorKind::NoName | LookupErrorKind::NoData => NameError::NoSuchName,
        LookupErrorKind::Again | LookupErrorKind::Fail => NameError::NoAnswer,
        _ => NameError::System(error.into()),
    }
}

/// The range of a port (RFC 6335 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortRange {
    /// 0: none, or "choose one for me".
    Any,
    /// 1–1023: given out by IANA; to listen there takes a privilege on most systems.
    System,
    /// 1024–49151: given out by IANA on request.
    User,
    /// 49152–65535: never given out.
    Dynamic,
}

impl PortRange {
    /// The range that a port lies in.
    pub const fn of(port: u16) -> Self {
        match port {
            0 => Self::Any,
            1..=1023 => Self::System,
            1024..=49151 => Self::User,
            _ => Self::Dynamic,
        }
    }

    /// A name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::System => "reserved",
            Self::User => "registered",
            Self::Dynamic => "dynamic",
        }
    }
}

/// Where the system keeps the names of services.
const SERVICES: &str = "/etc/services";

/// Those best known, for systems without a table.
const WELL_KNOWN: [(&str, u16); 14] = [
    ("echo", 7),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("http", 80),
    ("ntp", 123),
    ("imap", 143),
    ("snmp", 161),
    ("https", 443),
    ("syslog", 514),
    ("mdns", 5353),
    ("domain-s", 853),
];

/// The port of a service. `protocol` is `tcp` or `udp`.
///
/// ```
/// assert_eq!(sockeye_net::names::port_of_service("https", "tcp"), Some(443));
/// ```
pub fn port_of_service(name: &str, protocol: &str) -> Option<u16> {
    let table = std::fs::read_to_string(SERVICES).unwrap_or_default();
    let listed = services(&table).find(|service| service.protocol == protocol && service.is_called(name));
    listed
        .map(|service| service.port)
        .or_else(|| WELL_KNOWN.iter().find(|(known, _)| *known == name).map(|(_, port)| *port))
}

/// The names of a port, each with its protocols: the system's table first.
pub fn services_of_port(port: u16) -> Vec<(String, Vec<String>)> {
    let table = std::fs::read_to_string(SERVICES).unwrap_or_default();
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for service in services(&table).filter(|service| service.port == port) {
        match found.iter_mut().find(|(name, _)| *name == service.name) {
            Some((_, protocols)) => protocols.push(service.protocol.to_owned()),
            None => found.push((service.name.to_owned(), vec![service.protocol.to_owned()])),
        }
    }
    if found.is_empty() {
        let known = WELL_KNOWN.iter().filter(|(_, known)| *known == port);
        found.extend(known.map(|(name, _)| ((*name).to_owned(), Vec::new())));
    }
    found
}

/// A line of services(5).
struct Service<'a> {
    name: &'a str,
    aliases: Vec<&'a str>,
    port: u16,
    protocol: &'a str,
}

impl Service<'_> {
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

fn services(table: &str) -> impl Iterator<Item = Service<'_>> {
    table.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let name = words.next()?;
        let (port, protocol) = words.next()?.split_once('/')?;
        Some(Service { name, aliases: words.collect(), port: port.parse().ok()?, protocol })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l19_a_name_has_addresses() {
        let found = look_up("localhost", 80, None).unwrap();
        assert!(found.addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
        let v4 = look_up("localhost", 0, Some(Family::V4)).unwrap();
        assert!(v4.addresses.iter().all(SocketAddr::is_ipv4));
        assert!(matches!(
            look_up("nothing.invalid", 0, None),
            Err(NameError::NoSuchName | NameError::NoAnswer)
        ));
        // An address for documentation (RFC 5737), which nobody has.
        let nobody = name_of([192, 0, 2, 1].into());
        assert!(matches!(nobody, Err(NameError::NoSuchName | NameError::NoAnswer)), "{nobody:?}");
    }

    #[test]
    fn l21_ports_have_ranges_and_names() {
        let ranges = [0, 1, 1023, 1024, 49151, 49152, 65535].map(|port| PortRange::of(port).name());
        assert_eq!(ranges, ["any", "reserved", "reserved", "registered", "registered", "dynamic", "dynamic"]);
        let table =
            "http 80/tcp www # WorldWideWeb\nhttp 80/udp\n# x 1/tcp\nbroken\nhttps 443/tcp\nbig 99999/tcp\n";
        let all: Vec<_> =
            services(table).map(|service| (service.name, service.port, service.protocol)).collect();
        assert_eq!(all, [("http", 80, "tcp"), ("http", 80, "udp"), ("https", 443, "tcp")]);
        assert!(services(table).next().unwrap().is_called("www"));
        assert_eq!(port_of_service("ssh", "tcp"), Some(22));
        assert_eq!(services_of_port(443)[0].0, "https");
        assert_eq!(port_of_service("no-such-service", "tcp"), None);
    }
}
