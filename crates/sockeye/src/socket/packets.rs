//! Unix sockets that are connected and keep the boundaries of messages (`SOCK_SEQPACKET`).

use std::{
    future::poll_fn,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustix::net::{RecvFlags, recv};
use sockeye_net::{
    datagram::{MAX_UNIX_DATAGRAM, TELLS_EMPTY_PACKETS, next_packet_now},
    socket2::{SockRef, Socket},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::UnixDatagram,
};

/// The packets of a connection, each received and sent whole, also those that carry nothing.
///
/// Clones are the same socket. One of them at a time may receive, and one send.
#[derive(Clone, Debug)]
pub struct Packets {
    /// The runtime's datagram socket: its reads, unlike those of a stream, do not take a short read for an empty buffer.
    socket: Arc<UnixDatagram>,
}

impl Packets {
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        Ok(Self { socket: Arc::new(UnixDatagram::from_std(OwnedFd::from(socket).into())?) })
    }

    /// Waits until a connection that was begun is there or has failed.
    pub(super) async fn connected(&self) -> io::Result<()> {
        self.socket.writable().await?;
        self.socket.take_error()?.map_or(Ok(()), Err)
    }

    /// The next packet, put in the place of what `packet` held: at most `most` bytes of it, and never more than
    /// [`MAX_UNIX_DATAGRAM`]. The answer is how many bytes were sent; `None` at the end.
    pub fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        packet: &mut Vec<u8>,
        most: usize,
    ) -> Poll<io::Result<Option<usize>>> {
        loop {
            ready!(self.socket.poll_recv_ready(cx))?;
            let socket = &*self.socket;
            match socket.try_io(Interest::READABLE, || receive_now(socket, packet, most)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// The next packet, as [`poll_receive`](Self::poll_receive) has it. Nothing is lost if this is dropped.
    pub async fn receive(&self, packet: &mut Vec<u8>, most: usize) -> io::Result<Option<usize>> {
        poll_fn(|cx| self.poll_receive(cx, packet, most)).await
    }

    /// Sends one packet.
    ///
    /// Errors: [`io::ErrorKind::Unsupported`] for an empty one where the other side could not tell it from the end.
    pub async fn send(&self, packet: &[u8]) -> io::Result<()> {
        if packet.is_empty() && !TELLS_EMPTY_PACKETS {
            let why = "an empty message cannot be told from the end on this system";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        self.socket.send(packet).await.map(drop)
    }
}

fn receive_now(socket: &UnixDatagram, packet: &mut Vec<u8>, most: usize) -> io::Result<Option<usize>> {
    let Some(len) = next_packet_now(SockRef::from(socket))? else { return Ok(None) };
    packet.resize(len.min(most).min(MAX_UNIX_DATAGRAM), 0);
    let (_, len) = recv(socket, &mut packet[..], RecvFlags::DONTWAIT | RecvFlags::TRUNC)?;
    packet.truncate(len);
    Ok(Some(len))
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The same as a stream: one write is one packet, one read gives one packet or what fits of it, and the next ones its rest. Empty
/// packets are passed over, for a read of nothing is the end.
#[derive(Debug)]
pub(super) struct PacketStream {
    packets: Packets,
    /// What was received, and how much of it was handed out.
    packet: Vec<u8>,
    read: usize,
}

impl PacketStream {
    pub(super) const fn new(packets: Packets) -> Self {
        Self { packets, packet: Vec::new(), read: 0 }
    }

    pub(super) const fn packets(&self) -> &Packets {
        &self.packets
    }
}

impl AsyncRead for PacketStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        while stream.read == stream.packet.len() {
            stream.read = 0;
            stream.packet.clear();
            if ready!(stream.packets.poll_receive(cx, &mut stream.packet, usize::MAX))?.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
        let rest = &stream.packet[stream.read..];
        let len = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..len]);
        stream.read += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PacketStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.packets.socket.poll_send(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.packets.socket).shutdown(std::net::Shutdown::Write))
    }
}
