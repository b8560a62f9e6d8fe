//! Listening for TCP connections.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{Family, Interface, InterfaceAddress, NetError, select};

/// Connections that wait to be accepted: a classroom may come at once.
const BACKLOG: i32 = 1024;
/// Times a free port is drawn until it is free on every address.
const FREE_PORT_DRAWS: usize = 16;

/// Which port to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortChoice {
    /// This one, or any free one if it is taken.
    Preferred(u16),
    /// This one or none.
    Exactly(u16),
    /// Any free one.
    Any,
}

/// How to listen.
#[derive(Clone, Debug)]
pub struct ListenTcp {
    /// Which port.
    pub port: PortChoice,
    /// Only this family.
    pub family: Option<Family>,
    /// Only the addresses that these interfaces have now; empty means everything.
    pub interfaces: Vec<String>,
}

/// Sockets that listen at one port.
#[derive(Debug)]
pub struct TcpListeners {
    port: u16,
    listeners: Vec<TcpListener>,
}

impl TcpListeners {
    /// The port, the same for all.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The addresses bound, which may be wildcards.
    pub fn local_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// The sockets, which do not block.
    pub fn into_std(self) -> Vec<TcpListener> {
        self.listeners
    }
}

/// An address to bind.
#[derive(Clone, Debug)]
struct Place {
    address: SocketAddr,
    interface: Option<String>,
    /// An IPv6 wildcard that takes IPv4 connections too.
    both: bool,
}

/// Listens. Without interfaces named this is one socket for both families where the system can, otherwise one for each;
/// a system without IPv6 listens on IPv4 alone. With interfaces named it is one socket for each of their addresses.
pub fn listen_tcp(config: &ListenTcp) -> Result<TcpListeners, NetError> {
    if !config.interfaces.is_empty() {
        let places = places_of(&select(&config.interfaces)?, config.family);
        return if places.is_empty() { Err(NetError::NoInterface) } else { open(config.port, &places) };
    }
    let v6 = Place { address: (Ipv6Addr::UNSPECIFIED, 0).into(), interface: None, both: false };
    let v4 = Place { address: (Ipv4Addr::UNSPECIFIED, 0).into(), interface: None, both: false };
    match config.family {
        Some(Family::V4) => open(config.port, &[v4]),
        Some(Family::V6) => open(config.port, &[v6]),
        None => open(config.port, &[Place { both: true, ..v6.clone() }]).or_else(|error| match error {
            NetError::Listen { ref source, .. } if is_taken(source) => Err(error),
            _ => open(config.port, &[v6, v4.clone()]).or_else(|_| open(config.port, &[v4])),
        }),
    }
}

fn places_of(interfaces: &[Interface], family: Option<Family>) -> Vec<Place> {
    let mut places = Vec::new();
    for interface in interfaces {
        for address in &interface.addresses {
            if family.is_none_or(|family| family == Family::of(address.ip())) {
                let address = interface.socket_address(address.ip(), 0);
                places.push(Place { address, interface: Some(interface.name.clone()), both: false });
            }
        }
    }
    places
}

/// Opens all places at one port.
fn open(port: PortChoice, places: &[Place]) -> Result<TcpListeners, NetError> {
    match port {
        PortChoice::Exactly(port) => open_at(port, places),
        PortChoice::Any => open_at_free(places),
        PortChoice::Preferred(port) => match open_at(port, places) {
            Err(NetError::Listen { source, .. }) if is_taken(&source) => open_at_free(places),
            result => result,
        },
    }
}

fn open_at_free(places: &[Place]) -> Result<TcpListeners, NetError> {
    let mut result = open_at(0, places);
    for _ in 1..FREE_PORT_DRAWS {
        // The port the system drew for the first place can be taken at another.
        match &result {
            Err(NetError::Listen { source, .. }) if is_taken(source) => result = open_at(0, places),
            _ => break,
        }
    }
    result
}

/// Opens all places at `port`; if that is 0, at the port that the first one gets.
fn open_at(mut port: u16, places: &[Place]) -> Result<TcpListeners, NetError> {
    let mut listeners = Vec::with_capacity(places.len());
    for place in places {
        let mut address = place.address;
        address.set_port(port);
        let fail = |source| NetError::Listen { address, interface: place.interface.clone(), source };
        let listener = open_one(address, place.both).map_err(fail)?;
        port = listener.local_addr().map_err(fail)?.port();
        listeners.push(listener);
    }
    Ok(TcpListeners { port, listeners })
}

fn open_one(address: SocketAddr, both: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!both)?;
    }
    // Elsewhere than on Windows this only means that connections of an earlier run need not have died out.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn is_taken(error: &io::Error) -> bool {
    // Windows refuses ports that another program holds exclusively.
    let refused = cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied;
    refused || error.kind() == io::ErrorKind::AddrInUse
}

/// Where a listener at `port` can be reached, to be told to people: addresses of the interfaces that are up (of those
/// named, if any), best first: IPv4, then IPv6, then IPv6 that only works on its own link, with the interface of *this*
/// machine as its scope. Loopback addresses only if there is nothing else.
pub fn reachable_addresses(
    port: u16,
    family: Option<Family>,
    interfaces: &[String],
) -> Result<Vec<SocketAddr>, NetError> {
    Ok(rank(port, family, &select(interfaces)?))
}

fn rank(port: u16, family: Option<Family>, interfaces: &[Interface]) -> Vec<SocketAddr> {
    let mut ranked: Vec<(Rank, SocketAddr)> = Vec::new();
    for interface in interfaces {
        let fitting = interface.addresses.iter().map(InterfaceAddress::ip);
        for ip in fitting.filter(|ip| family.is_none_or(|family| family == Family::of(*ip))) {
            ranked.push((Rank::of(ip, interface), interface.socket_address(ip, port)));
        }
    }
    // A stable sort: within a rank the order is the system's.
    ranked.sort_by_key(|(rank, _)| *rank);
    let nothing_else = ranked.first().is_none_or(|(rank, _)| *rank == Rank::Loopback);
    ranked.retain(|(rank, _)| nothing_else || *rank != Rank::Loopback);
    ranked.into_iter().map(|(_, address)| address).collect()
}

/// How likely somebody else can use an address, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    V4,
    V6,
    /// On, but without a link: nobody is there now.
    NoLink,
    LinkLocal,
    Loopback,
}

impl Rank {
    fn of(ip: IpAddr, interface: &Interface) -> Self {
        match ip {
            _ if interface.is_loopback || ip.is_loopback() => Self::Loopback,
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Self::LinkLocal,
            IpAddr::V4(v4) if v4.is_link_local() => Self::LinkLocal,
            _ if !interface.is_running => Self::NoLink,
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
    };

    use super::*;

    fn config(port: PortChoice) -> ListenTcp {
        ListenTcp { port, family: None, interfaces: vec![] }
    }

    /// Dials and sees the connection arrive at one of the listeners.
    fn reaches(listeners: &[TcpListener], address: SocketAddr) -> bool {
        let Ok(mut dialled) = TcpStream::connect(address) else { return false };
        dialled.write_all(b"x").unwrap();
        for listener in listeners {
            if let Ok((mut accepted, _)) = listener.accept() {
                accepted.set_nonblocking(false).unwrap();
                return accepted.read(&mut [0; 4]).unwrap() == 1;
            }
        }
        false
    }

    fn has_v6_loopback() -> bool {
        TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
    }

    #[test]
    fn both_families_are_heard() {
        let listeners = listen_tcp(&config(PortChoice::Any)).unwrap();
        let port = listeners.port();
        assert_ne!(port, 0);
        let sockets = listeners.into_std();
        assert!(reaches(&sockets, (Ipv4Addr::LOCALHOST, port).into()));
        if has_v6_loopback() {
            assert!(reaches(&sockets, (Ipv6Addr::LOCALHOST, port).into()));
        }
    }

    #[test]
    fn one_family_is_only_that() {
        let only_v4 = ListenTcp { family: Some(Family::V4), ..config(PortChoice::Any) };
        let listeners = listen_tcp(&only_v4).unwrap();
        let (port, sockets) = (listeners.port(), listeners.into_std());
        assert!(reaches(&sockets, (Ipv4Addr::LOCALHOST, port).into()));
        assert!(!reaches(&sockets, (Ipv6Addr::LOCALHOST, port).into()));
        if has_v6_loopback() {
            let only_v6 = ListenTcp { family: Some(Family::V6), ..config(PortChoice::Any) };
            let listeners = listen_tcp(&only_v6).unwrap();
            let (port, sockets) = (listeners.port(), listeners.into_std());
            assert!(reaches(&sockets, (Ipv6Addr::LOCALHOST, port).into()));
            assert!(!reaches(&sockets, (Ipv4Addr::LOCALHOST, port).into()));
        }
    }

    #[test]
    fn a_taken_port_is_an_error_or_replaced() {
        let first = listen_tcp(&config(PortChoice::Any)).unwrap();
        let error = listen_tcp(&config(PortChoice::Exactly(first.port()))).unwrap_err();
        let NetError::Listen { address, source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(address.port(), first.port());
        let second = listen_tcp(&config(PortChoice::Preferred(first.port()))).unwrap();
        assert_ne!(second.port(), first.port());
        let taken_by_v4 = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = taken_by_v4.local_addr().unwrap().port();
        assert_ne!(listen_tcp(&config(PortChoice::Preferred(port))).unwrap().port(), port);
    }

    #[test]
    fn only_the_addresses_of_the_interfaces_named() {
        let loopback =
            select(&[]).unwrap().into_iter().find(|interface| interface.is_loopback).expect("loopback");
        let only = ListenTcp { interfaces: vec![loopback.name.clone()], ..config(PortChoice::Any) };
        let listeners = listen_tcp(&only).unwrap();
        let bound = listeners.local_addresses().unwrap();
        assert_eq!(bound.len(), loopback.addresses.len());
        assert!(bound.iter().all(|address| address.ip().is_loopback() && address.port() == listeners.port()));
        let port = listeners.port();
        let sockets = listeners.into_std();
        assert!(reaches(&sockets, (Ipv4Addr::LOCALHOST, port).into()));
        let told = reachable_addresses(port, None, &only.interfaces).unwrap();
        assert!(told.contains(&(Ipv4Addr::LOCALHOST, port).into()), "loopback if nothing else: {told:?}");
        let again = ListenTcp { port: PortChoice::Exactly(port), ..only };
        let error = listen_tcp(&again).unwrap_err();
        assert!(error.to_string().contains(&format!(" of {}: ", loopback.name)), "{error}");
    }

    #[test]
    fn addresses_are_told_best_first() {
        let interface = |name: &str, index, is_loopback, is_running, nets: &[&str]| Interface {
            name: name.into(),
            index,
            is_loopback,
            is_up: true,
            is_running,
            is_multicast: true,
            mtu: None,
            hardware: None,
            addresses: nets
                .iter()
                .map(|net| InterfaceAddress { net: net.parse().unwrap(), broadcast: None })
                .collect(),
        };
        let all = [
            interface("lo", 1, true, true, &["127.0.0.1/8", "::1/128"]),
            interface("eth0", 2, false, true, &["fe80::1/64", "2001:db8::1/64", "192.0.2.1/24"]),
            interface("docker0", 3, false, false, &["172.17.0.1/16"]),
            interface("wlan0", 4, false, true, &["192.0.2.9/24"]),
        ];
        let told = |family, all: &[Interface]| {
            rank(9, family, all).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            told(None, &all),
            ["192.0.2.1:9", "192.0.2.9:9", "[2001:db8::1]:9", "172.17.0.1:9", "[fe80::1%2]:9"]
        );
        assert_eq!(told(Some(Family::V6), &all), ["[2001:db8::1]:9", "[fe80::1%2]:9"]);
        assert_eq!(told(None, &all[..1]), ["127.0.0.1:9", "[::1]:9"]);
        assert!(told(None, &[]).is_empty());
    }
}
