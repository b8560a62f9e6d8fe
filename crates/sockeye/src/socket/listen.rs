//! Taking connections.

use std::{
    future::poll_fn,
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::FileTypeExt,
    },
    path::PathBuf,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use sockeye_net::{
    open::{SocketAction, SocketError, SocketName, listen_at},
    socket2::{SockAddr, SockRef, Socket},
};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    time::timeout,
};

use super::{
    Connection, Error, Facts, addresses,
    connection::{Io, facts_of},
    packets::{PacketStream, Packets},
    tls,
};
use crate::endpoint::{Endpoint, Host, Place, Scheme};

/// How long a caller may take to agree on TLS.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Draws of a free port until it is free at every address.
const FREE_PORT_DRAWS: usize = 16;

/// One or several sockets that take connections at one endpoint. A path that it made is removed when it is dropped.
#[derive(Debug)]
pub struct Listener {
    scheme: Scheme,
    sockets: Vec<Door>,
    names: Vec<SocketName>,
    tls: Option<Arc<tls::Acceptor>>,
    _path: Option<OwnPath>,
}

#[derive(Debug)]
enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
    /// The runtime's unix listener over a socket of packets in sequence.
    Packets(UnixListener),
}

/// A connection that was accepted and may still have to greet.
#[derive(Debug)]
pub struct Incoming {
    connection: Connection,
    tls: Option<Arc<tls::Acceptor>>,
}

/// A path of the file system that this listener made.
#[derive(Debug)]
struct OwnPath(PathBuf);

impl Drop for OwnPath {
    fn drop(&mut self) {
        // If it is gone already, somebody else removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Listens. A name is listened for at all its addresses; a path that a dead listener left behind is taken over; a descriptor
    /// has to listen already.
    pub async fn bind(endpoint: &Endpoint) -> Result<Self, Error> {
        if let Place::Descriptor(number) = *endpoint.place() {
            return Self::inherited(number);
        }
        if !endpoint.scheme().is_inet() && !endpoint.scheme().is_unix() || endpoint.scheme().is_datagram() {
            return Err(Error::Misuse { scheme: endpoint.scheme().name(), action: "take connections" });
        }
        let tls = match endpoint.scheme() {
            scheme if scheme.is_tls() => Some(Arc::new(tls::Acceptor::new(endpoint)?)),
            _ => None,
        };
        let places = addresses(endpoint).await?;
        let path = clear_path(endpoint, &places)?;
        let sockets = open(endpoint, &places)?;
        let names = sockets.iter().filter_map(|socket| socket.local_addr().ok());
        let names = names.map(|name| SocketName::from(&name)).collect();
        let fail = |source| SocketError { action: SocketAction::Listen, at: None, source };
        let scheme = endpoint.scheme();
        let doors: io::Result<Vec<Door>> = sockets.into_iter().map(|socket| door(scheme, socket)).collect();
        Ok(Self { scheme, sockets: doors.map_err(fail)?, names, tls, _path: path })
    }

    /// A socket that listens and that this process inherited, as from systemd.
    fn inherited(number: i32) -> Result<Self, Error> {
        let fail = |source| Error::File { path: format!("/dev/fd/{number}").into(), source };
        let socket = sockeye_net::open::inherited(number).map_err(fail)?;
        let (scheme, name) = listening_now(&socket).map_err(fail)?;
        let doors = door(scheme, socket).map_err(fail)?;
        Ok(Self { scheme, sockets: vec![doors], names: vec![name], tls: None, _path: None })
    }

    /// Where it listens, with the ports that the system chose.
    pub fn names(&self) -> &[SocketName] {
        &self.names
    }

    /// SHA-256 of the certificate that it shows, lower-case hex, if it shows one.
    pub fn fingerprint(&self) -> Option<&str> {
        self.tls.as_deref().map(tls::Acceptor::fingerprint)
    }

    /// Whether it made that certificate itself, just now.
    pub fn made_certificate(&self) -> bool {
        self.tls.as_deref().is_some_and(tls::Acceptor::is_self_made)
    }

    /// The first of its sockets, to look into it.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.sockets.first().map(Door::as_fd)
    }

    /// Whether somebody waits to be accepted.
    pub fn has_waiting(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        self.sockets.iter().any(|door| {
            let mut asked = [PollFd::from_borrowed_fd(door.as_fd(), PollFlags::IN)];
            poll(&mut asked, Some(&now)).is_ok_and(|ready| ready > 0)
        })
    }

    /// Waits for the next caller. Nothing is lost if this is dropped.
    pub async fn accept(&mut self) -> Result<Incoming, Error> {
        let fail =
            |source| SocketError { action: SocketAction::Accept, at: self.names.first().cloned(), source };
        let connection = poll_fn(|cx| self.poll_accept(cx)).await.map_err(fail)?;
        Ok(Incoming { connection, tls: self.tls.clone() })
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Connection>> {
        for door in &self.sockets {
            if let Poll::Ready(result) = door.poll_accept(cx, self.scheme) {
                match result {
                    // The caller gave up before it was its turn (accept(2)).
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                        cx.waker().wake_by_ref();
                    }
                    other => return Poll::Ready(other),
                }
            }
        }
        Poll::Pending
    }
}

impl Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(tcp) => tcp.as_fd(),
            Self::Unix(unix) | Self::Packets(unix) => unix.as_fd(),
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>, scheme: Scheme) -> Poll<io::Result<Connection>> {
        match self {
            Self::Tcp(tcp) => {
                tcp.poll_accept(cx).map_ok(|(stream, _)| stream).map(|stream| of_tcp(scheme, stream?))
            }
            Self::Unix(unix) => {
                unix.poll_accept(cx).map_ok(|(stream, _)| stream).map(|stream| of_unix(stream?))
            }
            Self::Packets(packets) => packets.poll_accept(cx).map(|accepted| {
                of_packets(Socket::from(std::os::fd::OwnedFd::from(accepted?.0.into_std()?)))
            }),
        }
    }
}

impl Incoming {
    /// Who comes, before anything was said.
    pub const fn facts(&self) -> &Facts {
        self.connection.facts()
    }

    /// Greets where the endpoint wants that, within [`HANDSHAKE_TIMEOUT`].
    pub async fn finish(self) -> Result<Connection, Error> {
        let Some(acceptor) = self.tls else { return Ok(self.connection) };
        let at = self.connection.facts().peer.to_string();
        timeout(HANDSHAKE_TIMEOUT, acceptor.accept(self.connection)).await.map_err(|_| Error::TimedOut {
            doing: "greeting",
            at,
            after: HANDSHAKE_TIMEOUT,
        })?
    }
}

fn of_tcp(scheme: Scheme, stream: TcpStream) -> io::Result<Connection> {
    let facts = facts_of(if scheme.is_tls() { scheme } else { Scheme::Tcp }, &SockRef::from(&stream))?;
    Ok(Connection::new(Io::Tcp(stream), facts))
}

fn of_unix(stream: UnixStream) -> io::Result<Connection> {
    let facts = facts_of(Scheme::Unix, &SockRef::from(&stream))?;
    Ok(Connection::new(Io::Unix(stream), facts))
}

fn of_packets(socket: Socket) -> io::Result<Connection> {
    socket.set_nonblocking(true)?;
    let facts = facts_of(Scheme::UnixSeq, &socket)?;
    Ok(Connection::new(Io::Packets(PacketStream::new(Packets::new(socket)?)), facts))
}

/// What the system says of a socket that listens.
fn listening_now(socket: &Socket) -> io::Result<(Scheme, SocketName)> {
    use sockeye_net::socket2::{Domain, Type};
    let local = socket.local_addr()?;
    socket.set_nonblocking(true)?;
    let scheme = match (local.domain(), socket.r#type()?) {
        (Domain::UNIX, Type::STREAM) => Scheme::Unix,
        (Domain::UNIX, Type::SEQPACKET) => Scheme::UnixSeq,
        (_, Type::STREAM) => Scheme::Tcp,
        _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "it is no stream")),
    };
    if !rustix::net::sockopt::socket_acceptconn(socket)? {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "it is open, but does not listen"));
    }
    Ok((scheme, SocketName::from(&local)))
}

fn door(scheme: Scheme, socket: Socket) -> io::Result<Door> {
    Ok(match scheme {
        Scheme::Unix => Door::Unix(UnixListener::from_std(socket.into())?),
        Scheme::UnixSeq => Door::Packets(UnixListener::from_std(std::os::fd::OwnedFd::from(socket).into())?),
        _ => Door::Tcp(TcpListener::from_std(socket.into())?),
    })
}

/// Opens a socket for each place, all at one port. Of the two wildcards the first that works is enough, for it takes both
/// families.
fn open(endpoint: &Endpoint, places: &[SockAddr]) -> Result<Vec<Socket>, Error> {
    if matches!(endpoint.place(), Place::Inet { host: Host::Any, .. }) {
        let mut failure = None;
        for place in places {
            match listen_at(endpoint, place) {
                Ok(socket) => return Ok(vec![socket]),
                Err(error) if error.source.kind() == io::ErrorKind::AddrInUse => return Err(error.into()),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        return failure.map_or(Ok(Vec::new()), |error| Err(error.into()));
    }
    let mut result = open_all(endpoint, places);
    let draws = places.iter().all(|place| place.as_socket().is_some_and(|address| address.port() == 0));
    for _ in 1..FREE_PORT_DRAWS {
        match &result {
            Err(error) if draws && error.source.kind() == io::ErrorKind::AddrInUse => {
                result = open_all(endpoint, places);
            }
            _ => break,
        }
    }
    result.map_err(Error::from)
}

fn open_all(endpoint: &Endpoint, places: &[SockAddr]) -> Result<Vec<Socket>, SocketError> {
    let mut sockets: Vec<Socket> = Vec::with_capacity(places.len());
    for place in places {
        let first = sockets.first().and_then(|socket| socket.local_addr().ok()?.as_socket());
        let place = match (place.as_socket(), first) {
            (Some(mut address), Some(first)) => {
                address.set_port(first.port());
                address.into()
            }
            _ => place.clone(),
        };
        sockets.push(listen_at(endpoint, &place)?);
    }
    Ok(sockets)
}

/// Makes way for a unix listener: a socket that nobody listens on any more is removed, anything else stays.
fn clear_path(endpoint: &Endpoint, places: &[SockAddr]) -> Result<Option<OwnPath>, Error> {
    let Place::Path(path) = endpoint.place() else { return Ok(None) };
    let path = PathBuf::from(path);
    let Ok(found) = std::fs::symlink_metadata(&path) else { return Ok(Some(OwnPath(path))) };
    if !found.file_type().is_socket() {
        return Err(Error::Taken { path, in_use: false });
    }
    if places.iter().any(|place| somebody_listens(endpoint, place)) {
        return Err(Error::Taken { path, in_use: true });
    }
    std::fs::remove_file(&path).map_err(|source| Error::File { path: path.clone(), source })?;
    Ok(Some(OwnPath(path)))
}

fn somebody_listens(endpoint: &Endpoint, place: &SockAddr) -> bool {
    match sockeye_net::open::connect_to(endpoint, &[], place) {
        Ok(_) => true,
        Err(error) => error.source.kind() != io::ErrorKind::ConnectionRefused,
    }
}

/// The same care for datagram sockets with a path.
pub(super) fn own_path(
    endpoint: &Endpoint,
    places: &[SockAddr],
) -> Result<Option<impl Drop + Send + Sync + std::fmt::Debug + use<>>, Error> {
    clear_path(endpoint, places)
}
