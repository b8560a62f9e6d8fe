//! A stream to one peer.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use sockeye_net::socket2::{SockRef, Socket};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, Stdin, Stdout},
    net::{TcpStream, UnixStream},
};

use super::{
    Error, Facts, SocketName,
    packets::{PacketStream, Packets},
    tls,
};
use crate::endpoint::{Endpoint, Place, Scheme};

/// A connection of any kind, with its facts.
#[derive(Debug)]
pub struct Connection {
    io: Io,
    facts: Facts,
}

#[derive(Debug)]
pub(super) enum Io {
    Tcp(TcpStream),
    Tls(Box<tls::Stream>),
    Unix(UnixStream),
    Packets(PacketStream),
    Stdio(Stdin, Stdout),
}

impl Connection {
    pub(super) fn new(io: Io, facts: Facts) -> Self {
        Self { io, facts }
    }

    /// Standard input and output as a connection.
    pub fn stdio() -> Self {
        let facts = Facts {
            scheme: Scheme::Stdio,
            local: SocketName::Unnamed,
            peer: SocketName::Unnamed,
            descriptor: 0,
            connect_time: None,
            tls: None,
        };
        Self::new(Io::Stdio(tokio::io::stdin(), tokio::io::stdout()), facts)
    }

    /// What it is and between whom.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether one read gives exactly what one write sent.
    pub const fn keeps_boundaries(&self) -> bool {
        matches!(self.io, Io::Packets(_))
    }

    /// Its packets, to receive and send them one by one, if it keeps boundaries. Who receives so does not read besides.
    pub fn packets(&self) -> Option<Packets> {
        match &self.io {
            Io::Packets(stream) => Some(stream.packets().clone()),
            _ => None,
        }
    }

    /// The socket beneath, to look into it; none for standard input and output.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.io {
            Io::Tcp(tcp) => Some(tcp.as_fd()),
            Io::Tls(tls) => Some(tls.get_ref().0.as_fd()),
            Io::Unix(unix) => Some(unix.as_fd()),
            Io::Packets(stream) => Some(stream.packets().as_fd()),
            Io::Stdio(..) => None,
        }
    }

    /// Whether the bytes of the socket beneath are those of the stream: a plain TCP or unix stream.
    pub const fn is_plain(&self) -> bool {
        matches!(self.io, Io::Tcp(_) | Io::Unix(_))
    }

    /// The socket beneath, which does not block, for callers that move the bytes themselves. An error if the stream is not plain.
    pub fn into_socket(self) -> io::Result<OwnedFd> {
        match self.io {
            Io::Tcp(tcp) => Ok(tcp.into_std()?.into()),
            Io::Unix(unix) => Ok(unix.into_std()?.into()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(super) fn took(&mut self, time: Duration) {
        self.facts.connect_time = Some(time);
    }

    pub(super) fn into_parts(self) -> (Io, Facts) {
        (self.io, self.facts)
    }

    /// A socket that this process inherited (`fd://`): connected, of whatever kind the system says. It is duplicated, so
    /// that closing it here closes it here only.
    pub(super) fn inherited(endpoint: &Endpoint) -> Result<Self, Error> {
        let Place::Descriptor(number) = *endpoint.place() else {
            return Err(Error::Misuse { scheme: endpoint.scheme().name(), action: "be inherited" });
        };
        let fail = |source| Error::File { path: format!("/dev/fd/{number}").into(), source };
        let socket = sockeye_net::open::inherited(number).map_err(fail)?;
        connected_now(socket).map_err(fail)
    }

    /// Makes closing this connection a reset: what was not delivered is thrown away on both sides (RFC 9293 §3.10.7).
    pub fn reset_on_close(&self) -> io::Result<()> {
        self.descriptor().map_or(Ok(()), |socket| SockRef::from(&socket).set_linger(Some(Duration::ZERO)))
    }
}

/// Wraps a socket that is connected already, by what the system says it is.
fn connected_now(socket: Socket) -> io::Result<Connection> {
    use sockeye_net::socket2::{Domain, Type};
    socket.set_nonblocking(true)?;
    if rustix::net::sockopt::socket_acceptconn(&socket)? {
        let why = "it listens, and is for `sockeye listen`; name one that is connected";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    let domain = socket.local_addr()?.domain();
    let scheme = match (domain, socket.r#type()?) {
        (Domain::UNIX, Type::STREAM) => Scheme::Unix,
        (Domain::UNIX, Type::SEQPACKET) => Scheme::UnixSeq,
        (_, Type::STREAM) => Scheme::Tcp,
        _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "it is no stream")),
    };
    let facts = facts_of(scheme, &socket)?;
    let io = match scheme {
        Scheme::Unix => Io::Unix(UnixStream::from_std(socket.into())?),
        Scheme::UnixSeq => Io::Packets(PacketStream::new(Packets::new(socket)?)),
        _ => Io::Tcp(TcpStream::from_std(socket.into())?),
    };
    Ok(Connection::new(io, facts))
}

/// The facts of a socket that is connected.
pub(super) fn facts_of(scheme: Scheme, socket: &Socket) -> io::Result<Facts> {
    let local = SocketName::from(&socket.local_addr()?);
    // The peer of a unix socket may have no name, and one that has reset the connection is none any more.
    let peer = socket.peer_addr().map_or(SocketName::Unnamed, |peer| SocketName::from(&peer));
    let scheme = match (scheme, local.as_inet()) {
        (Scheme::Tcp, Some(address)) if address.is_ipv4() => Scheme::Tcp4,
        (Scheme::Tcp, Some(_)) => Scheme::Tcp6,
        _ => scheme,
    };
    Ok(Facts { scheme, local, peer, descriptor: socket.as_raw_fd(), connect_time: None, tls: None })
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Io::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            Io::Unix(unix) => Pin::new(unix).poll_read(cx, buf),
            Io::Packets(packets) => Pin::new(packets).poll_read(cx, buf),
            Io::Stdio(stdin, _) => Pin::new(stdin).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Io::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
            Io::Unix(unix) => Pin::new(unix).poll_write(cx, buf),
            Io::Packets(packets) => Pin::new(packets).poll_write(cx, buf),
            Io::Stdio(_, stdout) => Pin::new(stdout).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, parts),
            Io::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, parts),
            Io::Unix(unix) => Pin::new(unix).poll_write_vectored(cx, parts),
            Io::Packets(packets) => Pin::new(packets).poll_write_vectored(cx, parts),
            Io::Stdio(_, stdout) => Pin::new(stdout).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.is_plain()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Io::Tls(tls) => Pin::new(tls).poll_flush(cx),
            Io::Unix(unix) => Pin::new(unix).poll_flush(cx),
            Io::Packets(packets) => Pin::new(packets).poll_flush(cx),
            Io::Stdio(_, stdout) => Pin::new(stdout).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Io::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Io::Unix(unix) => Pin::new(unix).poll_shutdown(cx),
            Io::Packets(packets) => Pin::new(packets).poll_shutdown(cx),
            Io::Stdio(_, stdout) => Pin::new(stdout).poll_shutdown(cx),
        }
    }
}
