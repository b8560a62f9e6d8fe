//! Unix sockets that are connected and keep the boundaries of messages (`SOCK_SEQPACKET`).

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    pin::Pin,
    task::{Context, Poll, ready},
};

use sockeye_net::socket2::{SockRef, Socket};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixDatagram,
};

/// One read gives what one write sent, or as much of it as fits. Beneath lies the runtime's datagram socket: its reads, unlike
/// those of a stream, do not take a short read for an empty buffer.
#[derive(Debug)]
pub(super) struct Packets {
    socket: UnixDatagram,
}

impl Packets {
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        Ok(Self { socket: UnixDatagram::from_std(OwnedFd::from(socket).into())? })
    }

    /// Waits until a connection that was begun is there or has failed.
    pub(super) async fn connected(&self) -> io::Result<()> {
        self.socket.writable().await?;
        self.socket.take_error()?.map_or(Ok(()), Err)
    }
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsyncRead for Packets {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_recv(cx, buf)
    }
}

impl AsyncWrite for Packets {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(ready!(self.socket.poll_send(cx, buf)))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&self.socket).shutdown(std::net::Shutdown::Write))
    }
}
