//! UDP sockets for broadcast and multicast on every interface.
//!
//! A socket for each interface and family, so that it is known where a datagram came from, and so that one can be
//! sent by every interface and not only by that of the default route. Where the system allows it a socket is bound
//! to its interface; elsewhere it is tied by address, and [`BeaconSocket::accepts`] tells what came by another one.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
};

use ipnet::IpNet;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::{Family, Interface, NetError, select, sys};

/// Most interfaces used at once. A container host has dozens; four sockets each stay far below the usual 1,024 files.
const MAX_INTERFACES: usize = 64;

/// What to open.
#[derive(Clone, Debug)]
pub struct BeaconConfig {
    /// The port everybody listens on.
    pub port: u16,
    /// The IPv4 group.
    pub group_v4: Ipv4Addr,
    /// The IPv6 group, of link-local scope.
    pub group_v6: Ipv6Addr,
    /// Only these interfaces, by name; empty means all that are up.
    pub interfaces: Vec<String>,
    /// Only this family.
    pub family: Option<Family>,
    /// Also open sockets on ports of their own, to ask from and be answered at.
    pub ask: bool,
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Bound to the port everybody listens on and shared with other programs, so only broadcasts and groups reach it
    /// surely.
    Listen,
    /// On a port of its own, where answers reach it.
    Ask,
}

/// Names a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketKey {
    /// The index of its interface.
    pub interface: u32,
    /// Its family.
    pub family: Family,
    /// Its purpose.
    pub purpose: Purpose,
}

/// An open socket: of the standard library as it is opened, of another as the caller likes
/// ([`try_map`](BeaconSocket::try_map)).
#[derive(Debug)]
pub struct BeaconSocket<S = UdpSocket> {
    /// Its name, under which [`Refreshed::closed`] mentions it.
    pub key: SocketKey,
    /// The name of its interface.
    pub interface: String,
    /// The socket itself, which does not block.
    pub socket: S,
    /// Where to send for everybody on this interface: broadcast addresses, the group, on loopback what reaches the
    /// programs of this machine.
    pub destinations: Vec<SocketAddr>,
    /// Networks of the interface, if only they tell what came by it.
    tied_to: Option<Vec<IpNet>>,
}

impl<S> BeaconSocket<S> {
    /// Makes the socket one of another library.
    pub fn try_map<T>(self, convert: impl FnOnce(S) -> io::Result<T>) -> io::Result<BeaconSocket<T>> {
        let Self { key, interface, socket, destinations, tied_to } = self;
        Ok(BeaconSocket { key, interface, socket: convert(socket)?, destinations, tied_to })
    }

    /// The datagram from `source` came by this socket's interface. What does not is for another socket.
    pub fn accepts(&self, source: SocketAddr) -> bool {
        let Some(nets) = &self.tied_to else { return true };
        match source {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => v6.scope_id() == self.key.interface,
            _ => nets.iter().any(|net| net.contains(&source.ip())),
        }
    }
}

/// What changed.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// New sockets.
    pub opened: Vec<BeaconSocket>,
    /// Sockets to drop: their interface is gone or has other addresses now. It may be among the opened again.
    pub closed: Vec<SocketKey>,
    /// What could not be done. None of it keeps the other sockets from working.
    pub problems: Vec<NetError>,
}

/// Keeps a set of sockets in step with the interfaces of the machine. The sockets themselves belong to the caller.
#[derive(Debug)]
pub struct BeaconSockets {
    config: BeaconConfig,
    open: BTreeMap<SocketKey, Shape>,
}

/// What a socket depends on; if it changes, the socket is opened anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    interface: String,
    destinations: Vec<SocketAddr>,
    nets: Vec<IpNet>,
}

impl BeaconSockets {
    /// Nothing is open until [`refresh`](Self::refresh).
    pub const fn new(config: BeaconConfig) -> Self {
        Self { config, open: BTreeMap::new() }
    }

    /// Opens sockets on interfaces that have come, names those whose interface has gone. To be called first, and then
    /// every few seconds.
    ///
    /// Errors: as [`select`]; then nothing has changed.
    pub fn refresh(&mut self) -> Result<Refreshed, NetError> {
        let mut interfaces = select(&self.config.interfaces)?;
        interfaces.truncate(MAX_INTERFACES);
        let before = std::mem::take(&mut self.open);
        let mut round =
            Round { config: &self.config, before, now: BTreeMap::new(), result: Refreshed::default() };
        for interface in &interfaces {
            for family in [Family::V4, Family::V6] {
                if self.config.family.is_none_or(|only| only == family) && interface.has(family) {
                    round.serve(interface, family);
                }
            }
        }
        let Round { before, now, mut result, .. } = round;
        result.closed.extend(before.into_keys());
        self.open = now;
        Ok(result)
    }

    /// A socket failed and was dropped by the caller: the next refresh opens it anew.
    pub fn forget(&mut self, key: SocketKey) {
        self.open.remove(&key);
    }
}

/// One refresh.
struct Round<'a> {
    config: &'a BeaconConfig,
    /// Open, and not yet found to be still right.
    before: BTreeMap<SocketKey, Shape>,
    now: BTreeMap<SocketKey, Shape>,
    result: Refreshed,
}

impl Round<'_> {
    fn serve(&mut self, interface: &Interface, family: Family) {
        let shape = self.shape(interface, family);
        // On IPv6 loopback there is no group, and of the programs that share a port the last one gets what comes for
        // one: who asks must not take the questions away from who answers.
        let listen = !(self.config.ask && interface.is_loopback && family == Family::V6);
        let listens = listen && self.keep_or_open(interface, family, Purpose::Listen, &shape);
        // Who cannot have the port can still announce from another.
        if self.config.ask || !listens {
            self.keep_or_open(interface, family, Purpose::Ask, &shape);
        }
    }

    fn shape(&self, interface: &Interface, family: Family) -> Shape {
        let fitting = interface.addresses.iter().filter(|address| Family::of(address.ip()) == family);
        let (nets, broadcasts): (Vec<_>, Vec<_>) =
            fitting.map(|address| (address.net, address.broadcast)).unzip();
        let port = self.config.port;
        let mut destinations: Vec<SocketAddr> = Vec::new();
        match family {
            Family::V4 => {
                // The broadcast of its own network first: it has the right source address where there are several.
                destinations.extend(broadcasts.into_iter().flatten().map(|ip| SocketAddr::from((ip, port))));
                destinations.push((self.config.group_v4, port).into());
                if !interface.is_loopback {
                    destinations.push((Ipv4Addr::BROADCAST, port).into());
                }
            }
            Family::V6 if interface.is_loopback => destinations.push((Ipv6Addr::LOCALHOST, port).into()),
            Family::V6 => {
                destinations.push(SocketAddrV6::new(self.config.group_v6, port, 0, interface.index).into());
            }
        }
        destinations.dedup();
        Shape { interface: interface.name.clone(), destinations, nets }
    }

    /// `true` if there is such a socket now.
    fn keep_or_open(
        &mut self,
        interface: &Interface,
        family: Family,
        purpose: Purpose,
        shape: &Shape,
    ) -> bool {
        let key = SocketKey { interface: interface.index, family, purpose };
        if self.before.get(&key) == Some(shape) {
            self.before.remove(&key);
            self.now.insert(key, shape.clone());
            return true;
        }
        match self.open(interface, key, shape) {
            Ok(socket) => {
                self.result.opened.push(socket);
                self.now.insert(key, shape.clone());
                true
            }
            Err(problem) => {
                self.result.problems.push(problem);
                false
            }
        }
    }

    fn open(
        &mut self,
        interface: &Interface,
        key: SocketKey,
        shape: &Shape,
    ) -> Result<BeaconSocket, NetError> {
        let fail = |action| failure(interface, action);
        let domain = if key.family == Family::V4 { Domain::IPV4 } else { Domain::IPV6 };
        let socket =
            Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(fail("open a UDP socket"))?;
        if key.family == Family::V6 {
            socket.set_only_v6(true).map_err(fail("keep IPv6 apart from IPv4"))?;
        }
        let confined =
            sys::bind_to_interface(&socket, interface, key.family).map_err(fail("bind to the interface"))?;
        if key.purpose == Purpose::Listen {
            sys::share_port(&socket).map_err(fail("share the port"))?;
        }
        let address = self.bind_address(key, shape, confined);
        socket.bind(&address.into()).map_err(fail("bind the port for discovery"))?;
        prepare_sending(&socket, interface, key.family).map_err(fail("prepare sending to groups"))?;
        if key.purpose == Purpose::Listen {
            self.join(&socket, interface, key.family);
        }
        socket.set_nonblocking(true).map_err(fail("unblock a socket"))?;
        Ok(BeaconSocket {
            key,
            interface: interface.name.clone(),
            socket: socket.into(),
            destinations: shape.destinations.clone(),
            tied_to: (!confined).then(|| shape.nets.clone()),
        })
    }

    /// Broadcasts only reach sockets bound to the wildcard. A socket that asks, and is not bound to its interface, is
    /// bound to its address, so that what it sends comes from there.
    fn bind_address(&self, key: SocketKey, shape: &Shape, confined: bool) -> SocketAddr {
        let own = shape.nets.first().map(IpNet::addr);
        match (key.family, key.purpose, own) {
            (Family::V4, Purpose::Listen, _) => (Ipv4Addr::UNSPECIFIED, self.config.port).into(),
            (Family::V6, Purpose::Listen, _) => (Ipv6Addr::UNSPECIFIED, self.config.port).into(),
            (Family::V4, Purpose::Ask, Some(own)) if !confined => (own, 0).into(),
            (Family::V4, Purpose::Ask, _) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            (Family::V6, Purpose::Ask, _) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        }
    }

    /// Joins the group. Without it broadcasts still arrive, so a failure is told and the socket kept.
    fn join(&mut self, socket: &Socket, interface: &Interface, family: Family) {
        if interface.is_loopback && family == Family::V6 {
            return;
        }
        let join = || match family {
            Family::V4 => {
                sys::only_own_groups(socket, true)?;
                let by = socket2::InterfaceIndexOrAddress::Index(interface.index);
                socket.join_multicast_v4_n(&self.config.group_v4, &by)
            }
            Family::V6 => {
                sys::only_own_groups(socket, false)?;
                socket.join_multicast_v6(&self.config.group_v6, interface.index)
            }
        };
        if let Err(source) = join() {
            self.result.problems.push(failure(interface, "join the discovery group")(source));
        }
    }
}

/// Groups and broadcasts go out by this interface, no further than its link, and to this machine too.
fn prepare_sending(socket: &Socket, interface: &Interface, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => {
            let mut own = interface.addresses.iter().filter_map(|address| match address.ip() {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            });
            socket.set_broadcast(true)?;
            socket.set_ttl_v4(1)?;
            socket.set_multicast_ttl_v4(1)?;
            socket.set_multicast_loop_v4(true)?;
            own.next().map_or(Ok(()), |ip| socket.set_multicast_if_v4(&ip))
        }
        Family::V6 => {
            socket.set_unicast_hops_v6(1)?;
            socket.set_multicast_hops_v6(1)?;
            socket.set_multicast_loop_v6(true)?;
            socket.set_multicast_if_v6(interface.index)
        }
    }
}

fn failure<'a>(interface: &'a Interface, action: &'static str) -> impl Fn(io::Error) -> NetError + Copy + 'a {
    move |source| NetError::Beacon { action, interface: interface.name.clone(), source }
}

/// Sends one datagram at once or not at all, by a socket of this library or tokio's. Unlike tokio's own calls it works
/// before a task has waited for the socket, and while a task is being dropped.
pub fn send_now<'s>(socket: impl Into<SockRef<'s>>, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
    socket.into().send_to(bytes, &to.into()).map(drop)
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use super::*;

    /// A port that was free a moment ago.
    fn free_port() -> u16 {
        UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
    }

    fn loopback() -> String {
        select(&[]).unwrap().into_iter().find(|interface| interface.is_loopback).expect("loopback").name
    }

    fn config(port: u16, family: Family, ask: bool) -> BeaconConfig {
        BeaconConfig {
            port,
            group_v4: "239.255.46.71".parse().unwrap(),
            group_v6: "ff12::736f:636b".parse().unwrap(),
            interfaces: vec![loopback()],
            family: Some(family),
            ask,
        }
    }

    fn open(config: BeaconConfig) -> Vec<BeaconSocket> {
        let refreshed = BeaconSockets::new(config).refresh().unwrap();
        assert!(refreshed.problems.is_empty(), "{:?}", refreshed.problems);
        refreshed.opened
    }

    /// Waits until `socket` has something.
    fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
        let give_up = Instant::now() + Duration::from_secs(5);
        let mut buffer = [0; 64];
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((len, from)) => return (buffer[..len].to_vec(), from),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < give_up => {
                    thread::yield_now();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn every_program_on_this_machine_hears_each_destination() {
        let port = free_port();
        let listeners: Vec<_> = (0..3).flat_map(|_| open(config(port, Family::V4, false))).collect();
        let asking = open(config(port, Family::V4, true));
        let asking = asking.iter().find(|socket| socket.key.purpose == Purpose::Ask).unwrap();
        assert!(asking.destinations.contains(&(Ipv4Addr::new(127, 255, 255, 255), port).into()));
        assert!(asking.destinations.contains(&(Ipv4Addr::new(239, 255, 46, 71), port).into()));
        for (number, destination) in asking.destinations.iter().enumerate() {
            let message = [u8::try_from(number).unwrap()];
            send_now(&asking.socket, &message, *destination).unwrap();
            for listener in &listeners {
                let (got, from) = receive(&listener.socket);
                assert_eq!(got, message, "{destination}");
                assert!(listener.accepts(from));
                assert_eq!(from.port(), asking.socket.local_addr().unwrap().port());
                send_now(&listener.socket, b"answer", from).unwrap();
                assert_eq!(receive(&asking.socket), (b"answer".to_vec(), (Ipv4Addr::LOCALHOST, port).into()));
            }
        }
    }

    #[test]
    fn ipv6_loopback_reaches_the_listener() {
        if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
            sockeye_lab::skip!("no IPv6 on this machine");
        }
        let port = free_port();
        let listening = open(config(port, Family::V6, false)).remove(0);
        let asking = open(config(port, Family::V6, true));
        assert_eq!(asking.len(), 1, "who asks does not listen there");
        send_now(&asking[0].socket, b"ask", asking[0].destinations[0]).unwrap();
        let (got, from) = receive(&listening.socket);
        assert_eq!(got, b"ask");
        send_now(&listening.socket, b"answer", from).unwrap();
        assert_eq!(receive(&asking[0].socket).0, b"answer");
    }

    #[test]
    fn a_refresh_changes_nothing_while_nothing_changes() {
        let mut sockets = BeaconSockets::new(config(free_port(), Family::V4, true));
        let first = sockets.refresh().unwrap();
        assert_eq!(first.opened.len(), 2);
        let second = sockets.refresh().unwrap();
        assert!(second.opened.is_empty() && second.closed.is_empty());
        sockets.forget(first.opened[0].key);
        let third = sockets.refresh().unwrap();
        assert_eq!(third.opened.iter().map(|socket| socket.key).collect::<Vec<_>>(), [first.opened[0].key]);
    }

    #[test]
    fn an_interface_that_changed_is_opened_anew() {
        let mut sockets = BeaconSockets::new(config(free_port(), Family::V4, false));
        let first = sockets.refresh().unwrap();
        let key = first.opened[0].key;
        sockets.open.get_mut(&key).unwrap().destinations.clear();
        let gone = SocketKey { interface: u32::MAX, ..key };
        let shape = sockets.open[&key].clone();
        sockets.open.insert(gone, shape);
        let second = sockets.refresh().unwrap();
        assert_eq!(second.closed, [key, gone]);
        assert_eq!(second.opened[0].key, key);
    }

    #[test]
    fn a_port_that_is_not_shared_is_told_and_announced_without() {
        // Not one that the system gives to whoever asks for any: once it is let go nobody else gets it.
        let taken = (20_000..30_000).find_map(|port| UdpSocket::bind(("0.0.0.0", port)).ok()).unwrap();
        let port = taken.local_addr().unwrap().port();
        let mut sockets = BeaconSockets::new(config(port, Family::V4, false));
        let refreshed = sockets.refresh().unwrap();
        assert_eq!(refreshed.opened.len(), 1);
        assert_eq!(refreshed.opened[0].key.purpose, Purpose::Ask);
        let told = refreshed.problems[0].to_string();
        assert!(
            told.starts_with(&format!("cannot bind the port for discovery on {}: ", loopback())),
            "{told}"
        );
        drop(taken);
        let again = sockets.refresh().unwrap();
        assert_eq!(again.opened[0].key.purpose, Purpose::Listen);
        assert_eq!(again.closed, [refreshed.opened[0].key], "the stand-in goes");
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let nowhere = BeaconConfig { interfaces: vec!["nowhere9".into()], ..config(1, Family::V4, true) };
        let error = BeaconSockets::new(nowhere).refresh().unwrap_err();
        assert!(matches!(error, NetError::NoSuchInterface { .. }), "{error}");
    }

    #[test]
    fn a_socket_tied_by_address_knows_what_is_not_for_it() {
        let nets = vec!["192.0.2.1/24".parse().unwrap(), "2001:db8::1/64".parse().unwrap()];
        let mut socket = open(config(free_port(), Family::V4, false)).remove(0);
        socket.tied_to = Some(nets);
        socket.key.interface = 7;
        for (source, accepted) in [
            ("192.0.2.77:5", true),
            ("192.0.3.77:5", false),
            ("[2001:db8::5]:5", true),
            ("[2001:db9::5]:5", false),
            ("[fe80::5%7]:5", true),
            ("[fe80::5%8]:5", false),
        ] {
            assert_eq!(socket.accepts(source.parse().unwrap()), accepted, "{source}");
        }
    }
}
