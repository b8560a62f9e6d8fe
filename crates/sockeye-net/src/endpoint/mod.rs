//! Where a socket is, and how it shall be: one line of text, the same for every command.
//!
//! ```text
//! endpoint  = scheme "://" place ["?" option *("&" option)]  /  shorthand
//! scheme    = "tcp" / "tcp4" / "tcp6" / "tls" / "udp" / "udp4" / "udp6" / "unix" / "unixgram" / "unixseq" / "stdio" / "fd"
//! place     = [host] ":" port          of the schemes up to udp6
//!           / path / "@" name          of the unix schemes; "@" is Linux's abstract name space
//!           / number                   of fd
//! host      = name / IPv4 / "[" IPv6 ["%" interface] "]" / "*" / "<broadcast>"
//! port      = 0–65535 / name of a service
//! option    = name ["=" value]         a name alone means "yes"
//! shorthand = [host] ":" port          → tcp
//!           / "/" path / "./" path     → unix
//!           / "@" name                 → unix
//!           / "-"                      → stdio
//! ```
//!
//! Whether an endpoint is listened on or connected to is said by what is done with it, never by its text. A group address
//! in the place of the host is joined when listening and sent to when connecting.
//!
//! ```
//! use sockeye_net::endpoint::{Endpoint, Scheme};
//!
//! let endpoint: Endpoint = "udp://239.1.1.1:5000?iface=eth0&mttl=4".parse()?;
//! assert_eq!(endpoint.scheme(), Scheme::Udp);
//! assert_eq!(endpoint.options().interface.as_deref(), Some("eth0"));
//! assert_eq!("localhost:9000".parse::<Endpoint>()?.to_string(), "tcp://localhost:9000");
//! # Ok::<(), sockeye_net::endpoint::EndpointError>(())
//! ```

mod error;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod options;
mod parse;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

pub use error::EndpointError;
pub use options::{EndpointOptions, Keepalive, OPTION_NAMES};
pub(crate) use options::{distance, duration};

/// A socket's place and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    place: Place,
    options: EndpointOptions,
}

/// What kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// TCP over whichever family the name has.
    Tcp,
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// TLS 1.2 or 1.3 over TCP, over whichever family the name has.
    Tls,
    /// TLS over IPv4.
    Tls4,
    /// TLS over IPv6.
    Tls6,
    /// UDP over whichever family the name has.
    Udp,
    /// UDP over IPv4.
    Udp4,
    /// UDP over IPv6.
    Udp6,
    /// A stream between processes of one machine.
    Unix,
    /// Datagrams between processes of one machine.
    UnixGram,
    /// A connection that keeps the boundaries of messages, between processes of one machine.
    UnixSeq,
    /// Standard input and output.
    Stdio,
    /// An open file descriptor that this process inherited.
    Fd,
}

/// Where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A host and a port.
    Inet {
        /// The host.
        host: Host,
        /// The port.
        port: Port,
    },
    /// A path of the file system.
    Path(String),
    /// A name of Linux's abstract name space, without the `@`.
    Abstract(String),
    /// The number of a file descriptor.
    Descriptor(i32),
    /// Standard input and output.
    Stdio,
}

/// A host as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Every address of this machine (`*`, or nothing before the colon).
    Any,
    /// An address, for IPv6 with the interface it is to be reached through, by name or number.
    Address {
        /// The address.
        address: IpAddr,
        /// The interface after `%`.
        zone: Option<String>,
    },
    /// A name to be looked up.
    Name(String),
}

/// A port as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// Its number; 0 lets the system choose.
    Number(u16),
    /// The name of a service.
    Service(String),
}

impl Endpoint {
    /// An endpoint without options.
    pub fn new(scheme: Scheme, place: Place) -> Self {
        Self { scheme, place, options: EndpointOptions::default() }
    }

    /// The same with these options.
    #[must_use]
    pub fn with_options(self, options: EndpointOptions) -> Self {
        Self { options, ..self }
    }

    /// The same of another kind, for example to restrict it to one family.
    #[must_use]
    pub fn with_scheme(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// What kind of socket.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Where.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// How it shall be.
    pub const fn options(&self) -> &EndpointOptions {
        &self.options
    }

    /// Its options, to be changed.
    pub const fn options_mut(&mut self) -> &mut EndpointOptions {
        &mut self.options
    }

    /// Whether the host is a group address.
    pub fn is_multicast(&self) -> bool {
        matches!(&self.place, Place::Inet { host: Host::Address { address, .. }, .. } if address.is_multicast())
    }
}

impl Scheme {
    /// Its name, as it is written before `://`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tcp4 => "tcp4",
            Self::Tcp6 => "tcp6",
            Self::Tls => "tls",
            Self::Tls4 => "tls4",
            Self::Tls6 => "tls6",
            Self::Udp => "udp",
            Self::Udp4 => "udp4",
            Self::Udp6 => "udp6",
            Self::Unix => "unix",
            Self::UnixGram => "unixgram",
            Self::UnixSeq => "unixseq",
            Self::Stdio => "stdio",
            Self::Fd => "fd",
        }
    }

    /// Every scheme, in the order in which help lists them.
    pub const ALL: [Self; 14] = [
        Self::Tcp,
        Self::Tcp4,
        Self::Tcp6,
        Self::Tls,
        Self::Tls4,
        Self::Tls6,
        Self::Udp,
        Self::Udp4,
        Self::Udp6,
        Self::Unix,
        Self::UnixGram,
        Self::UnixSeq,
        Self::Stdio,
        Self::Fd,
    ];

    /// Whether its sockets keep the boundaries of datagrams and need no connection.
    pub const fn is_datagram(self) -> bool {
        matches!(self, Self::Udp | Self::Udp4 | Self::Udp6 | Self::UnixGram)
    }

    /// Whether one read gives exactly what one write sent.
    pub const fn keeps_boundaries(self) -> bool {
        self.is_datagram() || matches!(self, Self::UnixSeq)
    }

    /// Whether TCP is beneath.
    pub const fn is_tcp(self) -> bool {
        matches!(self, Self::Tcp | Self::Tcp4 | Self::Tcp6) || self.is_tls()
    }

    /// Whether what goes through is encrypted by TLS.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Tls4 | Self::Tls6)
    }

    /// Whether its places are a host and a port.
    pub const fn is_inet(self) -> bool {
        self.is_tcp() || matches!(self, Self::Udp | Self::Udp4 | Self::Udp6)
    }

    /// Whether its places are paths or abstract names.
    pub const fn is_unix(self) -> bool {
        matches!(self, Self::Unix | Self::UnixGram | Self::UnixSeq)
    }

    /// Whether it may use this family.
    pub const fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Tcp4 | Self::Tls4 | Self::Udp4 => address.is_ipv4(),
            Self::Tcp6 | Self::Tls6 | Self::Udp6 => address.is_ipv6(),
            _ => true,
        }
    }
}

impl Host {
    /// The limited broadcast address, `<broadcast>` in text.
    pub const BROADCAST: Self = Self::Address { address: IpAddr::V4(Ipv4Addr::BROADCAST), zone: None };
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}{}", self.scheme, self.place, self.options)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet { host, port } => write!(formatter, "{host}:{port}"),
            Self::Path(path) => formatter.write_str(&parse::escape_path(path)),
            Self::Abstract(name) => write!(formatter, "@{}", parse::escape_path(name)),
            Self::Descriptor(number) => write!(formatter, "{number}"),
            Self::Stdio => Ok(()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("*"),
            Self::Address { address: IpAddr::V6(address), zone: Some(zone) } => {
                // A zone that begins with 25 would be taken for the percent sign of URIs.
                let percent = if zone.starts_with("25") { "%25" } else { "%" };
                write!(formatter, "[{address}{percent}{zone}]")
            }
            Self::Address { address: IpAddr::V6(address), zone: None } => write!(formatter, "[{address}]"),
            Self::Address { address, .. } => write!(formatter, "{address}"),
            Self::Name(name) => formatter.write_str(name),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Service(name) => formatter.write_str(name),
        }
    }
}
