//! Opens sockets as an [`Endpoint`] wants them: created, options set, bound, listening, connecting, joined to a group. All of
//! them do not block. Looking names up is the caller's: addresses come in.

mod error;
mod group;
mod name;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

use crate::{
    endpoint::{Endpoint, EndpointOptions, Scheme},
    sys,
};

pub use error::{SocketAction, SocketError};
pub use group::interface_number;
pub use name::SocketName;

/// Connections that may wait to be accepted unless the endpoint says: a burst of clients comes at once.
pub const DEFAULT_BACKLOG: u32 = 1024;

/// Opens a socket that is bound to `address` and takes what comes there: listening, where its kind has connections; joined to
/// the group, where the address is one.
pub fn listen_at(endpoint: &Endpoint, address: &SockAddr) -> Result<Socket, SocketError> {
    let address = &group::with_zone(endpoint.options(), address)?;
    let at = || SocketName::from(address);
    let socket = create(endpoint, address)?;
    prepare_to_listen(&socket, endpoint, address)?;
    socket.bind(address).map_err(|source| SocketError::new(SocketAction::Bind, at(), source))?;
    if let Some(group) = address.as_socket().filter(|address| address.ip().is_multicast()) {
        group::join(&socket, endpoint.options(), group)?;
    }
    if !endpoint.scheme().is_datagram() {
        let backlog = endpoint.options().backlog.unwrap_or(DEFAULT_BACKLOG);
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        socket.listen(backlog).map_err(|source| SocketError::new(SocketAction::Listen, at(), source))?;
    }
    Ok(socket)
}

/// Opens a socket and begins to connect it to `address`. A stream that is not connected at once becomes writable when it is, or
/// has failed. A datagram socket that is to have one peer is connected when this returns.
///
/// `bind` are the local addresses that `?bind=` stands for.
pub fn connect_to(
    endpoint: &Endpoint,
    bind: &[SocketAddr],
    address: &SockAddr,
) -> Result<Socket, SocketError> {
    let address = &group::with_zone(endpoint.options(), address)?;
    let at = || SocketName::from(address);
    let socket = create(endpoint, address)?;
    bind_locally(&socket, endpoint, bind, address)?;
    if let Some(target) = address.as_socket().filter(|_| endpoint.scheme().is_datagram()) {
        group::prepare_to_send(&socket, endpoint.options(), target)?;
        if !has_one_peer(endpoint, target) {
            return Ok(socket);
        }
    }
    match socket.connect(address) {
        Ok(()) => Ok(socket),
        Err(error) if is_in_progress(&error) => Ok(socket),
        Err(source) => Err(SocketError::new(SocketAction::Connect, at(), source)),
    }
}

/// A socket that this process inherited, by its number, duplicated: closing the answer leaves the other open.
pub fn inherited(number: i32) -> io::Result<Socket> {
    sys::duplicate(number)
}

/// Whether a datagram socket for `target` hears that one peer only: not where many may answer.
pub fn has_one_peer(endpoint: &Endpoint, target: SocketAddr) -> bool {
    let many = target.ip().is_multicast() || endpoint.options().broadcast || is_limited_broadcast(target);
    endpoint.options().connect.unwrap_or(!many)
}

fn is_limited_broadcast(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V4(v4) if v4.ip().is_broadcast())
}

/// A unix socket whose listener's backlog is full answers "would block" instead, and is not connecting (connect(2)).
fn is_in_progress(error: &io::Error) -> bool {
    if cfg!(unix) {
        error.raw_os_error() == Some(EINPROGRESS)
    } else {
        error.kind() == io::ErrorKind::WouldBlock
    }
}

#[cfg(target_os = "linux")]
const EINPROGRESS: i32 = 115;
#[cfg(not(target_os = "linux"))]
const EINPROGRESS: i32 = 36;

/// Creates the socket and sets every option that does not depend on what happens next.
fn create(endpoint: &Endpoint, address: &SockAddr) -> Result<Socket, SocketError> {
    let (kind, protocol) = match endpoint.scheme() {
        Scheme::Udp | Scheme::Udp4 | Scheme::Udp6 => (Type::DGRAM, Some(Protocol::UDP)),
        Scheme::UnixGram => (Type::DGRAM, None),
        Scheme::UnixSeq => (sequenced_packets(), None),
        Scheme::Unix => (Type::STREAM, None),
        _ => (Type::STREAM, Some(Protocol::TCP)),
    };
    let create = || {
        let socket = Socket::new(address.domain(), kind, protocol)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    let socket = create()
        .map_err(|source| SocketError::new(SocketAction::Create, SocketName::from(address), source))?;
    set_common(&socket, endpoint.options(), address.domain())?;
    if endpoint.scheme().is_tcp() {
        set_tcp(&socket, endpoint.options())?;
    }
    Ok(socket)
}

#[cfg(unix)]
fn sequenced_packets() -> Type {
    Type::from(5) // SOCK_SEQPACKET, the same number on every system that has it
}

#[cfg(not(unix))]
fn sequenced_packets() -> Type {
    Type::SEQPACKET
}

/// Names the option that could not be set.
fn set<T>(name: &'static str, result: io::Result<T>) -> Result<(), SocketError> {
    result.map(drop).map_err(|source| SocketError::option(name, source))
}

/// Sets an option if it is wished for.
fn wish<T: Copy>(
    name: &'static str,
    wished: Option<T>,
    setter: impl FnOnce(T) -> io::Result<()>,
) -> Result<(), SocketError> {
    wished.map_or(Ok(()), |value| set(name, setter(value)))
}

fn set_common(socket: &Socket, options: &EndpointOptions, domain: Domain) -> Result<(), SocketError> {
    wish("SO_SNDBUF", options.send_buffer, |size| socket.set_send_buffer_size(size))?;
    wish("SO_RCVBUF", options.receive_buffer, |size| socket.set_recv_buffer_size(size))?;
    wish("SO_LINGER", options.linger, |time| socket.set_linger(Some(time)))?;
    wish("SO_REUSEADDR", options.reuse_address, |reuse| socket.set_reuse_address(reuse))?;
    if options.broadcast {
        set("SO_BROADCAST", socket.set_broadcast(true))?;
    }
    #[cfg(unix)]
    wish("SO_REUSEPORT", options.reuse_port, |reuse| socket.set_reuse_port(reuse))?;
    #[cfg(target_os = "linux")]
    if let Some(device) = &options.device {
        set("SO_BINDTODEVICE", socket.bind_device(Some(device.as_bytes())))?;
    }
    if domain == Domain::IPV6 {
        wish("IPV6_UNICAST_HOPS", options.ttl, |hops| socket.set_unicast_hops_v6(hops.into()))?;
        #[cfg(unix)]
        wish("IPV6_TCLASS", options.type_of_service, |class| socket.set_tclass_v6(class.into()))?;
    }
    if domain == Domain::IPV4 {
        wish("IP_TTL", options.ttl, |hops| socket.set_ttl_v4(hops.into()))?;
        wish("IP_TOS", options.type_of_service, |service| socket.set_tos_v4(service.into()))?;
    }
    Ok(())
}

fn set_tcp(socket: &Socket, options: &EndpointOptions) -> Result<(), SocketError> {
    wish("TCP_NODELAY", options.nodelay, |now| socket.set_tcp_nodelay(now))?;
    wish("SO_KEEPALIVE", options.keepalive, |wanted| {
        let asked = TcpKeepalive::new().with_time(wanted.idle).with_interval(wanted.interval);
        socket.set_tcp_keepalive(&asked.with_retries(wanted.count))
    })?;
    #[cfg(unix)]
    wish("TCP_MAXSEG", options.max_segment, |size| socket.set_tcp_mss(size))?;
    #[cfg(target_os = "linux")]
    {
        wish("TCP_USER_TIMEOUT", options.user_timeout, |time| socket.set_tcp_user_timeout(Some(time)))?;
        wish("TCP_NOTSENT_LOWAT", options.notsent_low_water, |low| socket.set_tcp_notsent_lowat(low))?;
        if let Some(name) = &options.congestion {
            set("TCP_CONGESTION", socket.set_tcp_congestion(name.as_bytes()))?;
        }
    }
    Ok(())
}

fn prepare_to_listen(socket: &Socket, endpoint: &Endpoint, address: &SockAddr) -> Result<(), SocketError> {
    let options = endpoint.options();
    let group = address.as_socket().is_some_and(|address| address.ip().is_multicast());
    let by_default = endpoint.scheme().is_inet() && (!endpoint.scheme().is_datagram() || group);
    // Elsewhere than on Windows this only means that connections of an earlier run need not have died out.
    if by_default && options.reuse_address.is_none() && !cfg!(windows) {
        set("SO_REUSEADDR", socket.set_reuse_address(true))?;
    }
    if address.domain() == Domain::IPV6 {
        let only = options.v6_only.unwrap_or(matches!(endpoint.scheme(), Scheme::Tcp6 | Scheme::Udp6));
        set("IPV6_V6ONLY", socket.set_only_v6(only))?;
    }
    Ok(())
}

/// Binds a socket that will connect, where the endpoint says so; a unix datagram socket gets an address of its own, or
/// nobody could answer it.
fn bind_locally(
    socket: &Socket,
    endpoint: &Endpoint,
    bind: &[SocketAddr],
    target: &SockAddr,
) -> Result<(), SocketError> {
    let fail = |name, source| SocketError::new(SocketAction::Bind, name, source);
    if let Some(target) = target.as_socket().filter(|_| endpoint.options().bind.is_some()) {
        let fitting = bind.iter().find(|address| address.is_ipv4() == target.is_ipv4());
        let Some(local) = fitting else {
            let family = if target.is_ipv4() { "IPv4" } else { "IPv6" };
            let why = format!("{target} is of {family}, and this is not; both ends have one family");
            let source = io::Error::new(io::ErrorKind::InvalidInput, why);
            return Err(fail(SocketName::Inet(bind.first().copied().unwrap_or(target)), source));
        };
        return socket.bind(&(*local).into()).map_err(|source| fail(SocketName::Inet(*local), source));
    }
    #[cfg(target_os = "linux")]
    if endpoint.scheme() == Scheme::UnixGram {
        // An address of the family alone: Linux gives it a free name of the abstract name space (unix(7), autobind).
        let unnamed = rustix::net::bind(socket, &rustix::net::SocketAddrUnix::new_unnamed());
        return unnamed.map_err(|errno| fail(SocketName::Unnamed, errno.into()));
    }
    Ok(())
}
