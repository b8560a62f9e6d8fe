//! Socket options: a table of what a socket can be asked and told, by the names people type, with what the kernel answers.
//!
//! Each [`SocketOption`] has a short name as socat and netcat users know it, the constant and the number that
//! getsockopt(2) takes, the kind of its value, and where it applies. The table is Linux's; on other systems it can be read,
//! and the socket calls answer that they are unsupported.
//!
//! | function | does |
//! |---|---|
//! | [`find`] | the option of a name, or those spelt nearly so |
//! | [`Named::on`] | the one of its constants that fits a socket: `ttl` is `IP_TTL` or `IPV6_UNICAST_HOPS` |
//! | [`read`], [`set`] | what the kernel answers, before and after |
//! | [`Setting`] | `name=value`, `SOL_SOCKET:SO_SNDBUF=65536` or `1:7=65536` from a command line |
//! | [`read_raw`], [`set_raw`] | any level and number, as bytes |
//!
//! What the kernel answers is often not what was asked for: Linux doubles buffer sizes, to have room for its own books,
//! and cuts them at the system's limit (socket(7)).
//!
//! ```
//! use sockeye_net::{inspect::Facts, option};
//!
//! let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
//! # #[cfg(target_os = "linux")] {
//! let sndbuf = option::find("sndbuf")?.on(&Facts::of(&socket)?)?;
//! assert_eq!((sndbuf.level.constant(), sndbuf.constant), ("SOL_SOCKET", "SO_SNDBUF"));
//! let answer = option::set(&socket, sndbuf, &option::find("sndbuf")?.parse(Some("64KiB"))?)?;
//! assert_eq!(sndbuf.show(&answer), "131072 bytes");
//! assert!(option::find("sndbuff").unwrap_err().to_string().ends_with("did you mean sndbuf?"));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod find;
mod kind;
mod setting;
mod table;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod text;
mod value;

pub use error::OptionError;
pub use find::{Named, at, constant, find};
pub use kind::{InterfaceForm, Kind, Unit};
pub use setting::{Applied, Setting, Target};
pub use value::Value;

use std::io;

use socket2::SockRef;

use crate::{
    inspect::{Facts, SocketFamily, SocketProtocol, SocketType},
    sys,
};

/// An option of a socket.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOption {
    /// What a user types. Several options may share a name: of those at most one applies to a given socket.
    pub name: &'static str,
    /// The protocol layer it belongs to.
    pub level: Level,
    /// The name of its constant.
    pub constant: &'static str,
    /// The number of its constant on this system; negative where the system does not have it.
    pub number: i32,
    /// What its value is.
    pub kind: Kind,
    /// Whether it can be set.
    pub access: Access,
    /// To which sockets of its level it applies.
    pub only: Only,
    /// What it is for, in one line.
    pub meaning: &'static str,
}

impl SocketOption {
    /// Whether it can be set.
    pub const fn is_settable(&self) -> bool {
        matches!(self.access, Access::ReadWrite)
    }

    /// Whether it is meant for such a socket. The kernel may see it otherwise: an IPv6 socket also takes the options of IPv4,
    /// for its IPv4-mapped peers.
    pub fn applies_to(&self, socket: &Facts) -> bool {
        let ip = matches!(socket.family, SocketFamily::V4 | SocketFamily::V6);
        let at_level = match self.level {
            Level::Socket => true,
            Level::Ip => socket.family == SocketFamily::V4,
            Level::Ipv6 => socket.family == SocketFamily::V6,
            Level::Tcp => socket.protocol == SocketProtocol::TCP,
            Level::Udp => socket.protocol == SocketProtocol::UDP,
        };
        at_level
            && match self.only {
                Only::Any => true,
                Only::Ip => ip,
                Only::Unix => socket.family == SocketFamily::Unix,
                Only::Stream => socket.kind == SocketType::Stream,
                Only::Datagram => socket.kind == SocketType::Datagram,
                Only::IpDatagram => ip && socket.kind == SocketType::Datagram,
            }
    }
}

/// The layer that answers for an option: the first argument of getsockopt(2) after the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Any socket: socket(7).
    Socket,
    /// IPv4: ip(7).
    Ip,
    /// IPv6: ipv6(7).
    Ipv6,
    /// TCP: tcp(7).
    Tcp,
    /// UDP: udp(7).
    Udp,
}

impl Level {
    /// All of them, in the order of the layers.
    pub const ALL: [Self; 5] = [Self::Socket, Self::Ip, Self::Ipv6, Self::Tcp, Self::Udp];

    /// The name of its constant.
    pub const fn constant(self) -> &'static str {
        match self {
            Self::Socket => "SOL_SOCKET",
            Self::Ip => "IPPROTO_IP",
            Self::Ipv6 => "IPPROTO_IPV6",
            Self::Tcp => "IPPROTO_TCP",
            Self::Udp => "IPPROTO_UDP",
        }
    }

    /// Its number on this system.
    pub const fn number(self) -> i32 {
        match self {
            Self::Socket => table::SOL_SOCKET,
            Self::Ip => 0,
            Self::Ipv6 => 41,
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// The level of this number.
    pub fn of(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.number() == number)
    }
}

/// Whether an option can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and set.
    ReadWrite,
    /// Only read.
    ReadOnly,
}

/// To which sockets of its level an option applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// All.
    Any,
    /// IPv4 and IPv6.
    Ip,
    /// Unix sockets.
    Unix,
    /// Streams.
    Stream,
    /// Datagrams.
    Datagram,
    /// Datagrams over IPv4 and IPv6.
    IpDatagram,
}

/// Every option of the table, by level.
pub fn all() -> impl Iterator<Item = &'static SocketOption> {
    table::ALL.iter().copied().flatten()
}

/// Those meant for such a socket.
pub fn of_socket(socket: &Facts) -> impl Iterator<Item = &'static SocketOption> {
    all().filter(|option| option.applies_to(socket))
}

/// Asks the kernel for the value of an option.
///
/// Reading is without effect but for `SO_ERROR`, which is cleared by it. Errors: [`OptionError::Read`]; the kernel says
/// `ENOPROTOOPT` or `EOPNOTSUPP` where it does not know the option or not at such a socket.
pub fn read<'s>(socket: impl Into<SockRef<'s>>, option: &'static SocketOption) -> Result<Value, OptionError> {
    let fail = |source| OptionError::Read { constant: option.constant.to_owned(), source };
    let bytes =
        read_raw(socket, option.level.number(), option.number, option.kind.capacity()).map_err(fail)?;
    option.decode(&bytes).ok_or_else(|| fail(io::ErrorKind::InvalidData.into()))
}

/// Sets an option and asks the kernel what it made of it.
///
/// Errors: [`OptionError::ReadOnly`]; [`OptionError::Value`] if the value is none for this option; [`OptionError::Set`] if the
/// kernel refuses it; [`OptionError::Read`].
pub fn set<'s>(
    socket: impl Into<SockRef<'s>>,
    option: &'static SocketOption,
    value: &Value,
) -> Result<Value, OptionError> {
    if !option.is_settable() {
        return Err(OptionError::ReadOnly { constant: option.constant });
    }
    let bytes = option.encode(value)?;
    let socket = socket.into();
    set_raw(&*socket, option.level.number(), option.number, &bytes)
        .map_err(|source| OptionError::Set { constant: option.constant.to_owned(), source })?;
    read(&*socket, option)
}

/// Reads any option by its numbers into at most `capacity` bytes, and returns as many as the kernel wrote.
///
/// The kernel gets a buffer of zeros, so that options which take something from it get nothing. A few options demand an exact
/// capacity.
pub fn read_raw<'s>(
    socket: impl Into<SockRef<'s>>,
    level: i32,
    number: i32,
    capacity: usize,
) -> io::Result<Vec<u8>> {
    sys::get_option(&socket.into(), level, number, capacity)
}

/// Sets any option by its numbers, to these bytes.
///
/// The numbers of packet filters (`IPPROTO_IP` from 64 on, `IPPROTO_IPV6` 64 and 65) are refused with
/// [`io::ErrorKind::InvalidInput`]: the kernel writes to addresses in their values.
pub fn set_raw<'s>(socket: impl Into<SockRef<'s>>, level: i32, number: i32, value: &[u8]) -> io::Result<()> {
    sys::set_option(&socket.into(), level, number, value)
}
