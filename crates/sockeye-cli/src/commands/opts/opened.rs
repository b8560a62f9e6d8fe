//! The socket that is looked into.

use std::os::fd::BorrowedFd;

use sockeye::{
    endpoint::{Endpoint, Host, Place, Port},
    socket::{Connection, Datagrams, Listener},
};

use crate::{
    args::OptsArgs,
    commands::sockets::{Wish, endpoint_of},
    trouble::Trouble,
};

/// An open socket of one of three kinds.
pub(super) enum Opened {
    Connection(Connection),
    Listener(Listener),
    Datagrams { socket: Datagrams, bound: bool },
}

/// The endpoint that was typed.
pub(super) fn endpoint(args: &OptsArgs) -> Result<Endpoint, Trouble> {
    let (ipv4, ipv6) = (args.ipv4, args.ipv6);
    let wish = Wish { udp: args.udp, ipv4, ipv6, numeric: args.numeric, wait: args.wait };
    endpoint_of(&args.endpoint, args.port.as_deref(), &wish)
}

impl Opened {
    pub(super) async fn open(endpoint: &Endpoint, args: &OptsArgs) -> Result<Self, Trouble> {
        let listen = args.listen || !args.dial && has_nobody_to_dial(endpoint);
        Ok(match (endpoint.scheme().is_datagram(), listen) {
            (true, true) => Self::Datagrams { socket: Datagrams::bind(endpoint).await?, bound: true },
            (true, false) => Self::Datagrams { socket: Datagrams::dial(endpoint).await?, bound: false },
            (false, true) => Self::Listener(Listener::bind(endpoint).await?),
            (false, false) => Self::Connection(Connection::dial(endpoint).await?),
        })
    }

    /// The socket itself.
    pub(super) fn descriptor(&self) -> Result<BorrowedFd<'_>, Trouble> {
        let descriptor = match self {
            Self::Connection(connection) => connection.descriptor(),
            Self::Listener(listener) => listener.descriptor(),
            Self::Datagrams { socket, .. } => Some(socket.descriptor()),
        };
        descriptor.ok_or_else(|| {
            let sentence =
                "standard input and output need not be a socket; where one is, write fd://0 or fd://1";
            Trouble::Usage(sentence.to_owned())
        })
    }

    /// Whether it takes what comes, instead of having been dialled.
    pub(super) const fn is_listening(&self) -> bool {
        matches!(self, Self::Listener(_) | Self::Datagrams { bound: true, .. })
    }

    /// Whether it has another side that can end.
    pub(super) const fn is_connection(&self) -> bool {
        matches!(self, Self::Connection(_))
    }
}

/// Every address, or a port that the system is to choose: nobody can be meant by that.
fn has_nobody_to_dial(endpoint: &Endpoint) -> bool {
    matches!(
        endpoint.place(),
        Place::Inet { host: Host::Any, .. } | Place::Inet { port: Port::Number(0), .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_nobody_is_listened_at() {
        for (text, listens) in [
            (":9000", true),
            ("*:9000", true),
            ("udp://:9000", true),
            ("127.0.0.1:0", true),
            ("tcp6://[::1]:0", true),
            ("127.0.0.1:9000", false),
            ("example.org:http", false),
            ("udp://239.1.1.1:5000", false),
            ("/run/x.sock", false),
            ("@name", false),
            ("fd://3", false),
        ] {
            assert_eq!(has_nobody_to_dial(&text.parse().unwrap()), listens, "{text}");
        }
    }
}
