//! Bytes waiting in the buffers of a socket, and how full they are.

use std::io;

use socket2::SockRef;

use super::{Facts, SocketProtocol, SocketType, TcpInfo, TcpState};
use crate::{option, sys};

/// What waits in a socket's buffers.
///
/// Every socket has a send and a receive buffer: a send returns when the data is in the one, a receive takes from the other.
/// What the kernel counts as waiting differs:
///
/// | | receive | send |
/// |---|---|---|
/// | TCP | bytes that can be read | bytes not acknowledged yet; those not sent once are [`unsent`](Self::unsent) |
/// | UDP | bytes of the next datagram alone | memory of datagrams that have not left yet |
/// | Unix stream, seqpacket | bytes that can be read | memory of what the peer has not read yet |
/// | Unix datagram | bytes of the next datagram alone | memory of what the peer has not read yet |
///
/// ```
/// use sockeye_net::inspect::Queues;
///
/// let (a, b) = (std::net::UdpSocket::bind("127.0.0.1:0")?, std::net::UdpSocket::bind("127.0.0.1:0")?);
/// a.send_to(b"hello", b.local_addr()?)?;
/// # #[cfg(target_os = "linux")] {
/// let queues = Queues::of(&b)?;
/// assert_eq!(queues.receive, Some(5));
/// assert!(queues.receive_fill().unwrap() > 0.0);
/// assert_eq!(queues.memory.unwrap().drops, 0);
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queues {
    /// Bytes that wait to be read (`SIOCINQ`); none of a listener.
    pub receive: Option<u64>,
    /// Bytes that wait to be delivered (`SIOCOUTQ`); none of a listener.
    pub send: Option<u64>,
    /// Bytes of these that were not sent once (`SIOCOUTQNSD`): TCP only.
    pub unsent: Option<u64>,
    /// Size of the receive buffer in bytes, bookkeeping included (`SO_RCVBUF`).
    pub receive_buffer: u64,
    /// Size of the send buffer in bytes, bookkeeping included (`SO_SNDBUF`).
    pub send_buffer: u64,
    /// The kernel's own books (`SO_MEMINFO`, since Linux 4.12).
    pub memory: Option<Memory>,
    /// Connections that wait to be accepted: TCP listeners only.
    pub accept: Option<AcceptQueue>,
}

/// Memory of a socket in bytes: what the sizes of buffers limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Taken by what waits to be read.
    pub receive: u64,
    /// Taken by what the device, or the peer's program, has not released.
    pub send: u64,
    /// Taken by what TCP holds until it is acknowledged.
    pub queued: u64,
    /// Taken by what came while the socket was being used, and waits to be looked at.
    pub backlog: u64,
    /// Packets dropped, most of them because the receive buffer was full. A count, not bytes.
    pub drops: u64,
}

/// Connections that wait to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptQueue {
    /// How many wait.
    pub waiting: u64,
    /// How many may: what listen(2) was told, or the system's limit.
    pub limit: u64,
}

impl Queues {
    /// Asks the kernel. Errors: what it says; [`io::ErrorKind::Unsupported`] on systems other than Linux.
    pub fn of<'s>(socket: impl Into<SockRef<'s>>) -> io::Result<Self> {
        let socket = socket.into();
        let facts = Facts::of(&*socket)?;
        let is_tcp = facts.protocol == SocketProtocol::TCP;
        let info = if is_tcp { Some(TcpInfo::of(&*socket)?) } else { None };
        let listens = match &info {
            Some(info) => info.state() == Some(TcpState::Listening),
            None => facts.kind != SocketType::Datagram && listens(&socket)?,
        };
        let length = |queue| if listens { Ok(None) } else { sys::queue_length(&socket, queue).map(Some) };
        Ok(Self {
            receive: length(sys::Queue::Receive)?,
            send: length(sys::Queue::Send)?,
            unsent: if is_tcp { length(sys::Queue::Unsent)? } else { None },
            receive_buffer: u64::try_from(socket.recv_buffer_size()?).unwrap_or(u64::MAX),
            send_buffer: u64::try_from(socket.send_buffer_size()?).unwrap_or(u64::MAX),
            memory: memory(&socket),
            accept: info
                .filter(|_| listens)
                .and_then(|info| Some(AcceptQueue { waiting: info.unacked()?, limit: info.sacked()? })),
        })
    }

    /// How full the receive buffer is, by the kernel's own books: at 1 datagrams are dropped and TCP closes its window. A little
    /// more is possible.
    pub fn receive_fill(&self) -> Option<f64> {
        fill(self.memory?.receive, self.receive_buffer)
    }

    /// How full the send buffer is, by the kernel's own books: at 1 a send waits.
    pub fn send_fill(&self) -> Option<f64> {
        let memory = self.memory?;
        fill(memory.send.max(memory.queued), self.send_buffer)
    }
}

#[expect(clippy::cast_precision_loss, reason = "buffers are far smaller than 2^52 bytes")]
fn fill(used: u64, size: u64) -> Option<f64> {
    (size > 0).then(|| used as f64 / size as f64)
}

fn listens(socket: &SockRef<'_>) -> io::Result<bool> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return socket.is_listener();
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = socket;
        Ok(false)
    }
}

fn memory(socket: &SockRef<'_>) -> Option<Memory> {
    let option::Value::Counters(books) = option::read(&**socket, option::constant("SO_MEMINFO")?).ok()?
    else {
        return None;
    };
    // `SK_MEMINFO_…` of <linux/sock_diag.h>.
    let at = |index: usize| books.get(index).copied().map(u64::from);
    Some(Memory { receive: at(0)?, send: at(2)?, queued: at(5)?, backlog: at(7)?, drops: at(8).unwrap_or(0) })
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
