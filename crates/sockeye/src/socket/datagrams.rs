//! Sockets without connections: each datagram comes from somebody and goes to somebody.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd},
};

use rustix::net::{RecvFlags, SocketAddrAny, SocketAddrUnix};
use sockeye_net::{
    datagram::{BATCH_LEN, DatagramBatch},
    open::{SocketAction, SocketError, SocketName, connect_to, has_one_peer, listen_at},
    socket2::{SockAddr, SockRef, Socket},
};
use tokio::{
    io::Interest,
    net::{UdpSocket, UnixDatagram},
};

use super::{Error, Facts, addresses, connection::facts_of, listen, lookup};
use crate::endpoint::{Endpoint, Host, Place, Scheme};

/// The largest payload of a UDP datagram over IPv4: 65,535 bytes less the headers of IP and UDP (RFC 768, RFC 791).
pub const LARGEST_UDP: usize = 65_507;

/// A datagram, or an answer of the network to one that was sent.
const ARRIVED: Interest = Interest::READABLE.add(Interest::ERROR);

/// A datagram socket.
///
/// ```
/// use sockeye::socket::Datagrams;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let receiver = Datagrams::bind(&"udp://127.0.0.1:0".parse()?).await?;
/// let sender = Datagrams::dial(&format!("udp://{}", receiver.facts().local).parse()?).await?;
/// sender.send(b"tulip").await?;
///
/// let mut batch = receiver.batch(None)?;
/// assert_eq!(receiver.receive(&mut batch).await?, 1);
/// let datagram = batch.iter().next().expect("one came");
/// assert_eq!((datagram.bytes, datagram.from), (&b"tulip"[..], &sender.facts().local));
///
/// receiver.send_to(b"harbor", datagram.from).await?;
/// let mut answers = sender.batch(None)?;
/// sender.receive(&mut answers).await?;
/// assert_eq!(answers.iter().next().expect("one came").bytes, b"harbor");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Datagrams {
    socket: Io,
    facts: Facts,
    /// Where [`Self::send`] sends: the address dialled, or the peer that was taken.
    target: Option<SockAddr>,
    connected: bool,
    _path: Option<Box<dyn Guard>>,
}

/// The socket as the runtime knows it. Sending and receiving are our own calls, for they tell more.
#[derive(Debug)]
enum Io {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Io {
    fn new(scheme: Scheme, socket: Socket) -> io::Result<Self> {
        Ok(match scheme {
            Scheme::UnixGram => Self::Unix(UnixDatagram::from_std(socket.into())?),
            _ => Self::Udp(UdpSocket::from_std(socket.into())?),
        })
    }

    fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Udp(udp) => SockRef::from(udp),
            Self::Unix(unix) => SockRef::from(unix),
        }
    }

    /// Calls `act` when the socket is ready, until it answers.
    async fn when<T>(
        &self,
        interest: Interest,
        mut act: impl FnMut(&Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        match self {
            Self::Udp(udp) => udp.async_io(interest, || act(&SockRef::from(udp))).await,
            Self::Unix(unix) => unix.async_io(interest, || act(&SockRef::from(unix))).await,
        }
    }
}

/// Something that cleans up when dropped.
trait Guard: std::fmt::Debug + Send + Sync {}
impl<T: std::fmt::Debug + Send + Sync> Guard for T {}

impl Datagrams {
    /// A socket that takes what comes to an endpoint. Of a name's addresses IPv4 comes first, for it is what nearly all
    /// datagrams are sent to.
    pub async fn bind(endpoint: &Endpoint) -> Result<Self, Error> {
        only_datagrams(endpoint, "receive datagrams")?;
        let mut places = addresses(endpoint).await?;
        if matches!(endpoint.place(), Place::Inet { host: Host::Name(_), .. }) {
            places.sort_by_key(|place| !place.is_ipv4());
        }
        let path = listen::own_path(endpoint, &places)?.map(|path| Box::new(path) as Box<dyn Guard>);
        let mut failure = None;
        for place in &places {
            match listen_at(endpoint, place) {
                Ok(socket) => return Self::new(endpoint.scheme(), socket, None, false, path),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.map_or_else(|| nowhere(endpoint), Error::from))
    }

    /// A socket that sends to an endpoint: to one peer whose errors it hears, or to a group or a broadcast address, from whose
    /// members anybody may answer.
    pub async fn dial(endpoint: &Endpoint) -> Result<Self, Error> {
        only_datagrams(endpoint, "send datagrams")?;
        let local = lookup::local(endpoint).await?;
        let mut failure = None;
        for place in addresses(endpoint).await? {
            match connect_to(endpoint, &local, &place) {
                Ok(socket) => {
                    let connected = place.as_socket().is_none_or(|target| has_one_peer(endpoint, target));
                    return Self::new(endpoint.scheme(), socket, Some(place), connected, None);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.map_or_else(|| nowhere(endpoint), Error::from))
    }

    fn new(
        scheme: Scheme,
        socket: Socket,
        target: Option<SockAddr>,
        connected: bool,
        path: Option<Box<dyn Guard>>,
    ) -> Result<Self, Error> {
        let fail = |source| SocketError { action: SocketAction::Create, at: None, source };
        let mut facts = facts_of(scheme, &socket).map_err(fail)?;
        facts.scheme = match (scheme, facts.local.as_inet()) {
            (Scheme::Udp, Some(SocketAddr::V4(_))) => Scheme::Udp4,
            (Scheme::Udp, Some(SocketAddr::V6(_))) => Scheme::Udp6,
            _ => scheme,
        };
        if let Some(target) = &target {
            facts.peer = target.into();
        }
        Ok(Self { socket: Io::new(scheme, socket).map_err(fail)?, facts, target, connected, _path: path })
    }

    /// What it is and between whom.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether it hears one peer only.
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// The socket beneath, to look into it.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Io::Udp(udp) => udp.as_fd(),
            Io::Unix(unix) => unix.as_fd(),
        }
    }

    /// Takes one peer: from now on only it is heard, and [`Self::send`] sends to it.
    pub fn take_peer(&mut self, peer: &SocketName) -> io::Result<()> {
        let address = address_of(peer)?;
        self.socket.socket().connect(&address)?;
        self.facts.peer = peer.clone();
        self.target = Some(address);
        self.connected = true;
        Ok(())
    }

    /// Whether [`Self::send`] knows where to send.
    pub const fn has_target(&self) -> bool {
        self.target.is_some()
    }

    /// Room for what this socket receives: for several datagrams of any size, or of at most `room` bytes where that is given.
    pub fn batch(&self, room: Option<usize>) -> io::Result<DatagramBatch> {
        match room {
            Some(room) => Ok(DatagramBatch::with_room(BATCH_LEN, room)),
            None => DatagramBatch::for_socket(self.socket.socket()),
        }
    }

    /// Room for one datagram of any size: for sockets of which there are many.
    pub fn small_batch(&self) -> io::Result<DatagramBatch> {
        match self.socket {
            Io::Udp(_) => Ok(DatagramBatch::with_room(1, usize::from(u16::MAX))),
            Io::Unix(_) => DatagramBatch::for_socket(self.socket.socket()),
        }
    }

    /// The next datagrams, at least one; how many. Nothing is lost if this is dropped.
    pub async fn receive(&self, batch: &mut DatagramBatch) -> io::Result<usize> {
        self.socket.when(ARRIVED, |socket| batch.receive_now(socket)).await
    }

    /// Who sent the next datagram, which stays to be received.
    pub async fn next_sender(&self) -> io::Result<SocketName> {
        let peek = |socket: &Socket| {
            let (_, _, from) = rustix::net::recvfrom(socket, &mut [0; 1][..], RecvFlags::PEEK)?;
            Ok(from.map_or(SocketName::Unnamed, name_of))
        };
        self.socket.when(ARRIVED, peek).await
    }

    /// Sends one datagram to the endpoint that was dialled, or to the peer that was taken; the answer is how many bytes went.
    pub async fn send(&self, payload: &[u8]) -> io::Result<usize> {
        let Some(target) = self.target.as_ref() else { return Err(io::ErrorKind::NotConnected.into()) };
        let connected = self.connected;
        let send =
            |socket: &Socket| if connected { socket.send(payload) } else { socket.send_to(payload, target) };
        self.socket.when(Interest::WRITABLE, send).await
    }

    /// Sends one datagram to somebody.
    pub async fn send_to(&self, payload: &[u8], to: &SocketName) -> io::Result<usize> {
        let address = address_of(to)?;
        self.socket.when(Interest::WRITABLE, |socket| socket.send_to(payload, &address)).await
    }
}

fn only_datagrams(endpoint: &Endpoint, action: &'static str) -> Result<(), Error> {
    if endpoint.scheme().is_datagram() {
        Ok(())
    } else {
        Err(Error::Misuse { scheme: endpoint.scheme().name(), action })
    }
}

fn nowhere(endpoint: &Endpoint) -> Error {
    Error::NoAddress { name: endpoint.place().to_string(), scheme: endpoint.scheme().name() }
}

fn name_of(address: SocketAddrAny) -> SocketName {
    if let Ok(inet) = SocketAddr::try_from(address.clone()) {
        return inet.into();
    }
    let Ok(unix) = SocketAddrUnix::try_from(address) else { return SocketName::Unnamed };
    if let Some(path) = unix.path_bytes() {
        use std::os::unix::ffi::OsStrExt;
        return SocketName::Path(std::ffi::OsStr::from_bytes(path).into());
    }
    #[cfg(target_os = "linux")]
    if let Some(name) = unix.abstract_name() {
        return SocketName::Abstract(name.to_owned());
    }
    SocketName::Unnamed
}

fn address_of(name: &SocketName) -> io::Result<SockAddr> {
    use std::os::unix::ffi::OsStrExt;
    match name {
        SocketName::Inet(address) => Ok((*address).into()),
        SocketName::Path(path) => SockAddr::unix(path),
        SocketName::Abstract(name) => {
            let mut bytes = vec![0];
            bytes.extend_from_slice(name);
            SockAddr::unix(std::ffi::OsStr::from_bytes(&bytes))
        }
        _ => Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "the sender has no name to answer to")),
    }
}
