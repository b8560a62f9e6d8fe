//! What a socket is called: the answer of getsockname and getpeername.

use std::{fmt, net::SocketAddr, path::PathBuf};

use socket2::SockAddr;

/// The address of a socket, of any family. IPv4 addresses that come through an IPv6 socket are told as IPv4.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketName {
    /// Address and port.
    Inet(SocketAddr),
    /// A path of the file system.
    Path(PathBuf),
    /// A name of Linux's abstract name space, without the leading zero byte.
    Abstract(Vec<u8>),
    /// A unix socket without a name, as those that connect have.
    Unnamed,
}

impl SocketName {
    /// Address and port, if it has them.
    pub fn as_inet(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(address) => Some(*address),
            _ => None,
        }
    }
}

impl From<SocketAddr> for SocketName {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
                Some(v4) => Self::Inet((v4, v6.port()).into()),
                None => Self::Inet(address),
            },
            SocketAddr::V4(_) => Self::Inet(address),
        }
    }
}

impl From<&SockAddr> for SocketName {
    fn from(address: &SockAddr) -> Self {
        if let Some(inet) = address.as_socket() {
            return inet.into();
        }
        #[cfg(unix)]
        {
            if let Some(path) = address.as_pathname() {
                return Self::Path(path.to_owned());
            }
            if let Some(name) = address.as_abstract_namespace() {
                return Self::Abstract(name.to_owned());
            }
        }
        Self::Unnamed
    }
}

impl fmt::Display for SocketName {
    /// `127.0.0.1:80`, `[::1]:80`, a path, `@name`; bytes that are not printable are escaped. A unix socket without a name is
    /// `(unnamed)`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => write!(formatter, "{address}"),
            Self::Path(path) => {
                let bytes = path.as_os_str().as_encoded_bytes();
                write!(formatter, "{}", bytes.escape_ascii())
            }
            Self::Abstract(name) => write!(formatter, "@{}", name.escape_ascii()),
            Self::Unnamed => formatter.write_str("(unnamed)"),
        }
    }
}
