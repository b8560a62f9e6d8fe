//! What the system refused.

use std::{fmt, io};

use super::SocketName;

/// A socket could not be opened or used. The fault is not the peer's: it is what the local system answered, which may be news
/// from the network.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}{}: {source}", suffix(.at.as_ref()))]
pub struct SocketError {
    /// What was being done.
    pub action: SocketAction,
    /// The address concerned.
    pub at: Option<SocketName>,
    /// What the system said.
    pub source: io::Error,
}

/// What was being done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketAction {
    /// Making the socket.
    Create,
    /// Setting an option, by the name of its constant.
    SetOption(&'static str),
    /// Binding it to a local address.
    Bind,
    /// Listening for connections.
    Listen,
    /// Connecting.
    Connect,
    /// Accepting a connection.
    Accept,
    /// Joining a group.
    Join,
    /// Finding an interface by its name or address.
    FindInterface(String),
}

impl SocketError {
    /// An error at an address.
    pub fn new(action: SocketAction, at: SocketName, source: io::Error) -> Self {
        Self { action, at: Some(at), source }
    }

    /// An option that could not be set.
    pub fn option(name: &'static str, source: io::Error) -> Self {
        Self { action: SocketAction::SetOption(name), at: None, source }
    }
}

impl fmt::Display for SocketAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create => formatter.write_str("open a socket for"),
            Self::SetOption(name) => write!(formatter, "set {name}"),
            Self::Bind => formatter.write_str("bind"),
            Self::Listen => formatter.write_str("listen on"),
            Self::Connect => formatter.write_str("connect to"),
            Self::Accept => formatter.write_str("accept a connection at"),
            Self::Join => formatter.write_str("join the group"),
            Self::FindInterface(name) => write!(formatter, "use the interface {name}"),
        }
    }
}

fn suffix(name: Option<&SocketName>) -> String {
    name.map(|name| format!(" {name}")).unwrap_or_default()
}
