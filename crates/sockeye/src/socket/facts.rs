//! What there is to know about a socket without looking into it.

use std::time::Duration;

use sockeye_net::open::SocketName;

use crate::endpoint::Scheme;

/// What a socket is and between whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The scheme it was opened by; TCP and UDP are told with their family.
    pub scheme: Scheme,
    /// Its own name (getsockname).
    pub local: SocketName,
    /// The peer's name (getpeername).
    pub peer: SocketName,
    /// Its number in this process (fileno).
    pub descriptor: i32,
    /// How long connecting took, for one that was dialled: with TCP the three-way handshake.
    pub connect_time: Option<Duration>,
    /// What TLS agreed on.
    pub tls: Option<Box<TlsFacts>>,
}

/// What TLS agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The cipher suite, by its name in the registry of RFC 8446 and its kin.
    pub cipher: String,
    /// The protocol agreed on (RFC 7301).
    pub alpn: Option<String>,
    /// SHA-256 of the peer's certificate, lower-case hex; none if it has not shown one.
    pub peer_fingerprint: Option<String>,
}
