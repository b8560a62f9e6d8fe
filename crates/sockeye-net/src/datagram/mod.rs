//! Datagrams in batches: many for one call of the kernel, where the system has that.
//!
//! [`DatagramBatch`] receives as many as are there, each with its sender, its true length, and whether it was cut;
//! [`send_datagrams_now`] sends many to the peer of a connected socket. Neither merges nor splits anything: one datagram is
//! one message. [`next_packet_now`] says how long the next packet of a connection is. Nothing here waits: with nothing to do the answer is [`WouldBlock`](io::ErrorKind::WouldBlock), as an
//! event loop wants it.

use std::io;

use socket2::SockRef;

use crate::{
    inspect::{Facts, SocketFamily},
    open::SocketName,
    option, sys,
};

/// Datagrams received by one call. More saves nothing that can be measured.
pub const BATCH_LEN: usize = 32;
/// Room for each datagram over IP: the largest has 65,507 bytes over IPv4, 65,527 over IPv6 (RFC 768, RFC 8200). Memory is
/// taken by the system as it is first used: small datagrams cost one page each.
pub const IP_DATAGRAM_ROOM: usize = 65_536;
/// Largest Unix datagram that is received whole. The sender's buffer limits them, and that ends far below this unless an
/// administrator wants it otherwise.
pub const MAX_UNIX_DATAGRAM: usize = 16 << 20;

/// Datagrams received together, with room that is used again.
///
/// ```
/// use std::{net::UdpSocket, time::Duration};
/// use sockeye_net::{datagram::{DatagramBatch, send_datagrams_now}, open::SocketName};
///
/// let (sender, receiver) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
/// sender.connect(receiver.local_addr()?)?;
/// assert_eq!(send_datagrams_now(&sender, &[b"one", b"", b"three"])?, 3);
///
/// let mut batch = DatagramBatch::for_socket(&receiver)?;
/// let mut messages = Vec::new();
/// while messages.len() < 3 {
///     batch.receive_now(&receiver)?;
///     messages.extend(batch.iter().map(|datagram| datagram.bytes.to_vec()));
/// }
/// assert_eq!(messages, [&b"one"[..], b"", b"three"]);
/// assert_eq!(batch.iter().last().unwrap().from, &SocketName::from(sender.local_addr()?));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// In a task of tokio the call goes into `socket.async_io(Interest::READABLE, || batch.receive_now(&socket))`.
#[derive(Debug)]
pub struct DatagramBatch {
    /// Room for [`Self::most`] datagrams.
    bytes: Vec<u8>,
    /// Bytes of each.
    room: usize,
    heads: Vec<Head>,
    received: usize,
    /// Ask for the length of the next datagram before receiving it.
    is_unix: bool,
    drops: Drops,
}

/// A datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'b> {
    /// What it carries; nothing is possible.
    pub bytes: &'b [u8],
    /// Who sent it.
    pub from: &'b SocketName,
    /// How many bytes were sent.
    pub sent_len: usize,
}

impl Datagram<'_> {
    /// Whether some of it was lost for want of room.
    pub const fn is_cut(&self) -> bool {
        self.bytes.len() < self.sent_len
    }
}

/// What is known of a datagram besides its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Who sent it.
    pub(crate) from: SocketName,
    /// How many bytes were sent.
    pub(crate) sent_len: usize,
    /// Datagrams that the socket had dropped when this one came, modulo 2³².
    pub(crate) drops: Option<u32>,
}

impl Head {
    const EMPTY: Self = Self { from: SocketName::Unnamed, sent_len: 0, drops: None };
}

/// A count that grows, from one that wraps.
#[derive(Clone, Copy, Debug, Default)]
struct Drops {
    last: u32,
    total: u64,
}

impl Drops {
    fn see(&mut self, count: u32) {
        self.total += u64::from(count.wrapping_sub(self.last));
        self.last = count;
    }
}

impl DatagramBatch {
    /// Room for what such a socket receives, and the socket told to count what it drops (`SO_RXQ_OVFL`), where it can.
    ///
    /// Over IP that is [`BATCH_LEN`] datagrams of any size: 2 MiB of address space. Of Unix sockets one, with room that grows.
    pub fn for_socket<'s>(socket: impl Into<SockRef<'s>>) -> io::Result<Self> {
        let socket = socket.into();
        if let Some(count_drops) = option::constant("SO_RXQ_OVFL") {
            // Without it drops are not told: no reason not to receive.
            let _ = option::set(&*socket, count_drops, &true.into());
        }
        if Facts::of(&*socket)?.family == SocketFamily::Unix {
            return Ok(Self { is_unix: true, ..Self::with_room(1, IP_DATAGRAM_ROOM) });
        }
        Ok(Self::with_room(BATCH_LEN, IP_DATAGRAM_ROOM))
    }

    /// Room for `most` datagrams (1 to [`BATCH_LEN`]) of `room` bytes each: longer ones are cut.
    pub fn with_room(most: usize, room: usize) -> Self {
        let most = most.clamp(1, BATCH_LEN);
        let room = room.max(1);
        let (bytes, heads) = (vec![0; most * room], vec![Head::EMPTY; most]);
        Self { bytes, room, heads, received: 0, is_unix: false, drops: Drops::default() }
    }

    /// Receives what is there, at least one datagram, and says how many. Those of the last time are gone.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] if there is none; on a connected socket also what the network answered to an earlier
    /// datagram, like [`io::ErrorKind::ConnectionRefused`], after which the socket can be used on.
    pub fn receive_now<'s>(&mut self, socket: impl Into<SockRef<'s>>) -> io::Result<usize> {
        let socket = socket.into();
        self.received = 0;
        if self.is_unix {
            self.make_room(&socket);
        }
        self.received = sys::receive_datagrams(&socket, &mut self.bytes, self.room, &mut self.heads)?;
        for head in &self.heads[..self.received] {
            if let Some(count) = head.drops {
                self.drops.see(count);
            }
        }
        Ok(self.received)
    }

    /// Grows to the length of the next Unix datagram, which no standard bounds.
    fn make_room(&mut self, socket: &SockRef<'_>) {
        let next = sys::queue_length(socket, sys::Queue::Receive).unwrap_or(0);
        let next = usize::try_from(next).unwrap_or(usize::MAX).min(MAX_UNIX_DATAGRAM);
        if next > self.room {
            self.room = next.next_power_of_two();
            self.bytes = vec![0; self.room * self.heads.len()];
        }
    }

    /// The datagrams received, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> {
        self.heads[..self.received].iter().zip(self.bytes.chunks_exact(self.room)).map(|(head, room)| {
            Datagram {
                bytes: &room[..head.sent_len.min(room.len())],
                from: &head.from,
                sent_len: head.sent_len,
            }
        })
    }

    /// Datagrams that the kernel has dropped because the receive buffer was full, as of the last one received. Zero where the
    /// system does not tell.
    pub const fn drops(&self) -> u64 {
        self.drops.total
    }
}

/// Sends each of these as a datagram to the peer that the socket is connected to, and says how many were sent, each of them
/// whole: fewer than all if the send buffer is full. At most [`SEND_LEN`] go at once.
///
/// Errors: those of the first one, like [`io::ErrorKind::WouldBlock`], or `EMSGSIZE` if it is too large. An error of a later one is
/// that of the next call.
pub fn send_datagrams_now<'s>(socket: impl Into<SockRef<'s>>, datagrams: &[&[u8]]) -> io::Result<usize> {
    let datagrams = &datagrams[..datagrams.len().min(SEND_LEN)];
    if datagrams.is_empty() {
        return Ok(0);
    }
    sys::send_datagrams(&socket.into(), datagrams)
}

/// How long the next packet is at a connected socket that keeps the boundaries of messages (`SOCK_SEQPACKET`), where a read of no
/// bytes may be an empty packet or the end; `None` at the end. The packet stays to be received.
///
/// Errors: [`io::ErrorKind::WouldBlock`] if there is neither, and whatever a read would answer. Where the system does not tell
/// ([`TELLS_EMPTY_PACKETS`]) an empty packet counts as the end, and the length is one that is enough for most.
pub fn next_packet_now<'s>(socket: impl Into<SockRef<'s>>) -> io::Result<Option<usize>> {
    sys::next_packet(&socket.into())
}

/// Whether [`next_packet_now`] tells an empty packet from the end. Where it does not, none should be sent.
pub const TELLS_EMPTY_PACKETS: bool = cfg!(target_os = "linux");

/// Most datagrams sent by one call.
pub const SEND_LEN: usize = 64;

#[cfg(all(test, target_os = "linux"))]
mod tests;
