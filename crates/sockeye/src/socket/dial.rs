//! Connecting: every address that a name has, the next one begun before the last has failed (RFC 8305).

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use sockeye_net::{
    open::{SocketAction, SocketError, SocketName, connect_to},
    socket2::{SockAddr, SockRef, Socket},
};
use tokio::{
    net::{TcpStream, UnixStream},
    task::JoinSet,
    time::timeout,
};

use super::{
    Connection, Error, addresses,
    connection::{Io, facts_of},
    lookup,
    packets::{PacketStream, Packets},
    tls,
};
use crate::endpoint::{Endpoint, Place, Scheme};

/// How long connecting may take unless the endpoint says: longer than the kernel needs for four attempts (1, 2, 4 and 8 s
/// apart), far below the two minutes after which it gives up by itself.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an address is tried alone before the next one is tried beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// How long to wait for room in the backlog of a unix listener before asking again.
const BACKLOG_DELAY: Duration = Duration::from_millis(10);

impl Connection {
    /// Connects to an endpoint.
    ///
    /// Errors: of the address that failed last, if all did. [`Error::Misuse`] for datagram schemes, which
    /// [`Datagrams`](super::Datagrams) has.
    pub async fn dial(endpoint: &Endpoint) -> Result<Self, Error> {
        match endpoint.place() {
            Place::Stdio => return Ok(Self::stdio()),
            Place::Descriptor(_) => return Self::inherited(endpoint),
            _ if endpoint.scheme().is_datagram() => {
                return Err(Error::Misuse { scheme: endpoint.scheme().name(), action: "make a connection" });
            }
            _ => {}
        }
        let tls = match endpoint.scheme() {
            scheme if scheme.is_tls() => Some(tls::Connector::new(endpoint)?),
            _ => None,
        };
        let limit = endpoint.options().timeout.unwrap_or(CONNECT_TIMEOUT);
        let began = Instant::now();
        let dialling = async {
            let places = addresses(endpoint).await?;
            let local = lookup::local(endpoint).await?;
            let connection = first_of(endpoint, local, places).await?;
            match tls {
                Some(connector) => connector.connect(connection).await,
                None => Ok(connection),
            }
        };
        let mut connection = timeout(limit, dialling).await.map_err(|_| Error::TimedOut {
            doing: "connecting to",
            at: endpoint.place().to_string(),
            after: limit,
        })??;
        connection.took(began.elapsed());
        Ok(connection)
    }
}

/// Tries the addresses in their order; the first that answers wins.
async fn first_of(
    endpoint: &Endpoint,
    local: Vec<SocketAddr>,
    places: Vec<SockAddr>,
) -> Result<Connection, Error> {
    let mut attempts = JoinSet::new();
    let mut failure = None;
    let mut places = places.into_iter();
    loop {
        let next = places.next();
        let last = next.is_none();
        if let Some(place) = next {
            let (endpoint, local) = (endpoint.clone(), local.clone());
            attempts.spawn(async move { attempt(&endpoint, &local, &place).await });
        }
        let outcome = if last {
            attempts.join_next().await
        } else {
            timeout(ATTEMPT_DELAY, attempts.join_next()).await.unwrap_or(None)
        };
        match outcome {
            Some(Ok(Ok(connection))) => return Ok(connection),
            Some(Ok(Err(error))) => failure = Some(error),
            Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            None if last => break,
            None => {}
        }
    }
    Err(failure.unwrap_or_else(|| Error::NoAddress {
        name: endpoint.place().to_string(),
        scheme: endpoint.scheme().name(),
    }))
}

async fn attempt(endpoint: &Endpoint, local: &[SocketAddr], place: &SockAddr) -> Result<Connection, Error> {
    let socket = loop {
        match connect_to(endpoint, local, place) {
            // The backlog of a unix listener is full. It says so instead of making us wait (connect(2)).
            Err(error) if endpoint.scheme().is_unix() && error.source.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(BACKLOG_DELAY).await;
            }
            result => break result?,
        }
    };
    let fail =
        |source| Error::Socket(SocketError::new(SocketAction::Connect, SocketName::from(place), source));
    connected(endpoint.scheme(), socket).await.map_err(fail)
}

/// Waits until a connection that was begun is there.
async fn connected(scheme: Scheme, socket: Socket) -> io::Result<Connection> {
    match scheme {
        Scheme::Unix => {
            let unix = UnixStream::from_std(socket.into())?;
            unix.writable().await?;
            unix.take_error()?.map_or(Ok(()), Err)?;
            let facts = facts_of(scheme, &SockRef::from(&unix))?;
            Ok(Connection::new(Io::Unix(unix), facts))
        }
        Scheme::UnixSeq => {
            let packets = Packets::new(socket)?;
            packets.connected().await?;
            let facts = facts_of(scheme, &SockRef::from(&packets))?;
            Ok(Connection::new(Io::Packets(PacketStream::new(packets)), facts))
        }
        _ => {
            let tcp = TcpStream::from_std(socket.into())?;
            tcp.writable().await?;
            tcp.take_error()?.map_or(Ok(()), Err)?;
            let facts = facts_of(scheme, &SockRef::from(&tcp))?;
            Ok(Connection::new(Io::Tcp(tcp), facts))
        }
    }
}
