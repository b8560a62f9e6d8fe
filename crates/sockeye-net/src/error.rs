//! What can go wrong. Everything here is the local system's answer or the caller's mistake; no peer causes it.

use std::{io, net::SocketAddr};

/// A socket or an interface that could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The system did not say which interfaces there are.
    #[error("cannot list the network interfaces: {0}")]
    Interfaces(#[source] io::Error),
    /// There is no interface of this name, or it is down.
    #[error("no network interface {name} is up; there are: {}", .available.join(", "))]
    NoSuchInterface {
        /// The name asked for.
        name: String,
        /// The names that could be used.
        available: Vec<String>,
    },
    /// No interface is up, or none has an address of the family asked for.
    #[error("no network interface is up")]
    NoInterface,
    /// A TCP listener could not be opened.
    #[error("cannot listen on {address}{}: {source}", on(.interface.as_deref()))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The interface whose address it is, if only certain ones were asked for.
        interface: Option<String>,
        /// What the system said.
        source: io::Error,
    },
    /// A UDP socket for broadcast and groups could not be opened or set up.
    #[error("cannot {action} on {interface}: {source}")]
    Beacon {
        /// What was being done, as a verb phrase.
        action: &'static str,
        /// The interface concerned.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// An option of a connection could not be set.
    #[error("cannot set {option}: {source}")]
    Option {
        /// The option, by the name of its constant.
        option: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn on(interface: Option<&str>) -> String {
    interface.map(|name| format!(" of {name}")).unwrap_or_default()
}
