//! Plain facts of a socket: descriptor, family, type, protocol, and the names of both ends.

use std::{fmt, io};

use socket2::{SockAddr, SockRef};

use crate::open::SocketName;

/// The address family of a socket (`SO_DOMAIN`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SocketFamily {
    /// IPv4: `AF_INET`.
    V4,
    /// IPv6: `AF_INET6`.
    V6,
    /// This machine alone: `AF_UNIX`.
    Unix,
    /// Another one, by its number.
    Other(i32),
}

impl SocketFamily {
    /// The name of its constant.
    pub const fn constant(self) -> &'static str {
        match self {
            Self::V4 => "AF_INET",
            Self::V6 => "AF_INET6",
            Self::Unix => "AF_UNIX",
            Self::Other(_) => "AF_?",
        }
    }

    /// Its number in this system.
    pub fn number(self) -> i32 {
        match self {
            Self::V4 => socket2::Domain::IPV4.into(),
            Self::V6 => socket2::Domain::IPV6.into(),
            Self::Unix => socket2::Domain::UNIX.into(),
            Self::Other(number) => number,
        }
    }

    fn of(number: i32) -> Self {
        [Self::V4, Self::V6, Self::Unix]
            .into_iter()
            .find(|family| family.number() == number)
            .unwrap_or(Self::Other(number))
    }
}

/// The type of a socket (`SO_TYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SocketType {
    /// Bytes in order, without boundaries: `SOCK_STREAM`.
    Stream,
    /// Messages, each on its own: `SOCK_DGRAM`.
    Datagram,
    /// Messages in order, over a connection: `SOCK_SEQPACKET`.
    SeqPacket,
    /// Another one, by its number.
    Other(i32),
}

impl SocketType {
    /// The name of its constant.
    pub const fn constant(self) -> &'static str {
        match self {
            Self::Stream => "SOCK_STREAM",
            Self::Datagram => "SOCK_DGRAM",
            Self::SeqPacket => "SOCK_SEQPACKET",
            Self::Other(_) => "SOCK_?",
        }
    }

    /// Its number in this system.
    pub fn number(self) -> i32 {
        match self {
            Self::Stream => socket2::Type::STREAM.into(),
            Self::Datagram => socket2::Type::DGRAM.into(),
            Self::SeqPacket => socket2::Type::SEQPACKET.into(),
            Self::Other(number) => number,
        }
    }

    fn of(number: i32) -> Self {
        [Self::Stream, Self::Datagram, Self::SeqPacket]
            .into_iter()
            .find(|kind| kind.number() == number)
            .unwrap_or(Self::Other(number))
    }
}

/// The protocol of a socket (`SO_PROTOCOL`), by the number that IP has for it; 0 for Unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketProtocol(pub i32);

impl SocketProtocol {
    /// None, as Unix sockets have it.
    pub const NONE: Self = Self(0);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);

    /// The name of its constant.
    pub const fn constant(self) -> &'static str {
        match self {
            Self::NONE => "IPPROTO_IP",
            Self::TCP => "IPPROTO_TCP",
            Self::UDP => "IPPROTO_UDP",
            _ => "IPPROTO_?",
        }
    }
}

impl fmt::Display for SocketProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.constant(), self.0)
    }
}

impl fmt::Display for SocketFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.constant(), self.number())
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.constant(), self.number())
    }
}

/// What can be said of any socket.
///
/// ```
/// use sockeye_net::{
///     inspect::{Facts, SocketFamily, SocketProtocol, SocketType},
///     open::SocketName,
/// };
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
/// let facts = Facts::of(&stream)?;
/// assert_eq!(facts.family, SocketFamily::V4);
/// assert_eq!(facts.kind, SocketType::Stream);
/// assert_eq!(facts.protocol, SocketProtocol::TCP);
/// assert_eq!(facts.local, SocketName::Inet(stream.local_addr()?));
/// assert_eq!(facts.peer, Some(SocketName::Inet(listener.local_addr()?)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The number by which this process knows it: fileno.
    pub fileno: i64,
    /// Its address family.
    pub family: SocketFamily,
    /// Its type.
    pub kind: SocketType,
    /// Its protocol.
    pub protocol: SocketProtocol,
    /// Its own name: getsockname.
    pub local: SocketName,
    /// The name of who is at the other end: getpeername; none if it is not connected.
    pub peer: Option<SocketName>,
}

impl Facts {
    /// Asks the kernel.
    pub fn of<'s>(socket: impl Into<SockRef<'s>>) -> io::Result<Self> {
        let socket = socket.into();
        let local = socket.local_addr()?;
        let family = SocketFamily::of(i32::from(local.family()));
        let kind = SocketType::of(socket.r#type()?.into());
        Ok(Self {
            fileno: fileno(&socket),
            family,
            kind,
            protocol: protocol(&socket, family, kind)?,
            local: name(&local),
            peer: peer(&socket)?,
        })
    }
}

/// The name as the kernel told it: an IPv4 address that came through an IPv6 socket stays mapped.
fn name(address: &SockAddr) -> SocketName {
    address.as_socket().map_or_else(|| SocketName::from(address), SocketName::Inet)
}

fn peer(socket: &SockRef<'_>) -> io::Result<Option<SocketName>> {
    match socket.peer_addr() {
        Ok(peer) => Ok(Some(name(&peer))),
        // A connection that was reset has no peer either; on some systems it is said in another way.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotConnected | io::ErrorKind::InvalidInput) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn fileno(socket: &SockRef<'_>) -> i64 {
    std::os::fd::AsRawFd::as_raw_fd(&**socket).into()
}

#[cfg(windows)]
fn fileno(socket: &SockRef<'_>) -> i64 {
    i64::try_from(std::os::windows::io::AsRawSocket::as_raw_socket(&**socket)).unwrap_or(i64::MAX)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn protocol(socket: &SockRef<'_>, _: SocketFamily, _: SocketType) -> io::Result<SocketProtocol> {
    Ok(socket.protocol()?.map_or(SocketProtocol::NONE, |protocol| SocketProtocol(protocol.into())))
}

/// Where the system does not say: what family and type imply.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
fn protocol(_: &SockRef<'_>, family: SocketFamily, kind: SocketType) -> io::Result<SocketProtocol> {
    Ok(match (family, kind) {
        (SocketFamily::V4 | SocketFamily::V6, SocketType::Stream) => SocketProtocol::TCP,
        (SocketFamily::V4 | SocketFamily::V6, SocketType::Datagram) => SocketProtocol::UDP,
        _ => SocketProtocol::NONE,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
