//! Packets from one to many: to a group or a broadcast address, in batches that the kernel cuts up (UDP segmentation
//! offload) and puts together again (receive offload), where it can.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6},
    time::{Duration, SystemTime},
};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};

use crate::{Family, Interface, NetError, inspect::Queues, sys};

/// Room for what the kernel puts together: it makes at most 64 KiB.
const ROOM: usize = 1 << 16;
/// Buffers of one call.
const BUFFERS: usize = 8;

/// A socket that sends to groups and broadcast addresses by one interface.
#[derive(Debug)]
pub struct GroupSender {
    socket: Socket,
    state: UdpSocketState,
    family: Family,
}

impl GroupSender {
    /// Opens it. `hops` is how many routers packets may pass, 1 being none: the own network.
    pub fn open(interface: &Interface, family: Family, hops: u32) -> Result<Self, NetError> {
        let failed =
            |source| NetError::Beacon { action: "send to groups", interface: interface.name.clone(), source };
        let socket = open_sender(interface, family, hops).map_err(failed)?;
        let state = UdpSocketState::new((&socket).into()).map_err(failed)?;
        Ok(Self { socket, state, family })
    }

    /// Sends datagrams of `len` bytes each, the last of which may be shorter, that lie one after the other in `bytes`: all or none.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] if the socket's buffer is full. Where the device cannot cut up batches they go
    /// one by one.
    pub fn send_now(&self, to: SocketAddr, bytes: &[u8], len: usize) -> io::Result<()> {
        let most = self.state.max_gso_segments().max(1);
        for (sent, batch) in bytes.chunks(len * most).enumerate() {
            if let Err(error) = self.send_batch(to, batch, len) {
                // What has gone cannot be taken back: the rest is as if lost on the way.
                return if sent > 0 { Ok(()) } else { Err(error) };
            }
        }
        Ok(())
    }

    fn send_batch(&self, to: SocketAddr, batch: &[u8], len: usize) -> io::Result<()> {
        let transmit = |contents, segment_size| Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size,
            src_ip: None,
        };
        let segments = (batch.len() > len).then_some(len);
        match self.state.try_send((&self.socket).into(), &transmit(batch, segments)) {
            // The device takes no batches after all; from now on the state says so.
            Err(error) if segments.is_some() && is_no_offload(&error) => {
                for one in batch.chunks(len) {
                    self.state.try_send((&self.socket).into(), &transmit(one, None))?;
                }
                Ok(())
            }
            done => done,
        }
    }

    /// Waits until the socket takes more, at most for `at_most`. Whether it does.
    pub fn wait(&self, at_most: Duration) -> bool {
        let timeout = Timespec::try_from(at_most).ok();
        poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], timeout.as_ref()).is_ok_and(|ready| ready > 0)
    }

    /// Bytes of memory that packets take which the device has not sent yet.
    pub fn waiting(&self) -> u64 {
        sys::queue_length(&SockRef::from(&self.socket), sys::Queue::Send).unwrap_or(0)
    }

    /// Asks the kernel to keep at most about this many bytes waiting for the device.
    pub fn set_buffer(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_send_buffer_size(bytes)
    }

    /// What the kernel keeps waiting at most, as it counts.
    pub fn buffer(&self) -> io::Result<usize> {
        self.socket.send_buffer_size()
    }

    /// Its family.
    pub fn family(&self) -> Family {
        self.family
    }
}

fn open_sender(interface: &Interface, family: Family, hops: u32) -> io::Result<Socket> {
    let domain = if family == Family::V4 { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    let own =
        interface.addresses.iter().map(crate::InterfaceAddress::ip).find(|ip| Family::of(*ip) == family);
    match own.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))? {
        IpAddr::V4(own) => {
            socket.bind(&SocketAddr::from((own, 0)).into())?;
            socket.set_broadcast(true)?;
            socket.set_ttl_v4(hops)?;
            socket.set_multicast_ttl_v4(hops)?;
            socket.set_multicast_loop_v4(true)?;
            socket.set_multicast_if_v4(&own)?;
        }
        // The kernel chooses the source: an address may still be on trial (RFC 4862 §5.4).
        IpAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
            socket.set_unicast_hops_v6(hops)?;
            socket.set_multicast_hops_v6(hops)?;
            socket.set_multicast_loop_v6(true)?;
            socket.set_multicast_if_v6(interface.index)?;
        }
    }
    Ok(socket)
}

fn is_no_offload(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::IO | Errno::INVAL))
}

/// A socket that hears a group or a broadcast address on one interface.
#[derive(Debug)]
pub struct GroupReceiver {
    socket: Socket,
    state: UdpSocketState,
    to: SocketAddr,
    interface: Interface,
}

impl GroupReceiver {
    /// Opens it for packets to this group or broadcast address. Several programs of one machine can.
    pub fn open(interface: &Interface, to: SocketAddr) -> Result<Self, NetError> {
        let failed =
            |source| NetError::Beacon { action: "hear a group", interface: interface.name.clone(), source };
        let socket = open_receiver(interface, to).map_err(failed)?;
        let state = UdpSocketState::new((&socket).into()).map_err(failed)?;
        Ok(Self { socket, state, to, interface: interface.clone() })
    }

    /// Joins the group anew, for switches that have forgotten it.
    pub fn join_again(&self) -> io::Result<()> {
        let _ = membership(&self.socket, &self.interface, self.to.ip(), false);
        membership(&self.socket, &self.interface, self.to.ip(), true)
    }

    /// Receives what is there. Errors: [`io::ErrorKind::WouldBlock`] if that is nothing.
    pub fn receive_now(&self, batch: &mut GroupBatch) -> io::Result<()> {
        let mut buffers: Vec<IoSliceMut<'_>> = batch.room.chunks_mut(ROOM).map(IoSliceMut::new).collect();
        batch.received = 0;
        batch.received = self.state.recv((&self.socket).into(), &mut buffers, &mut batch.metas)?;
        Ok(())
    }

    /// Datagrams that the kernel has dropped so far because the receive buffer was full, where it tells.
    pub fn drops(&self) -> u64 {
        Queues::of(&self.socket).ok().and_then(|queues| queues.memory).map_or(0, |memory| memory.drops)
    }

    /// Asks for a larger receive buffer; the system's limit bounds it.
    pub fn set_buffer(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_recv_buffer_size(bytes)
    }
}

/// Waits until one of these has something, at most for `at_most`.
pub fn wait_for_any(receivers: &[GroupReceiver], at_most: Duration) {
    let mut waiting: Vec<_> = receivers.iter().map(|r| PollFd::new(&r.socket, PollFlags::IN)).collect();
    let timeout = Timespec::try_from(at_most).ok();
    // A signal ends the wait early, which does no harm.
    let _ = poll(&mut waiting, timeout.as_ref());
}

fn open_receiver(interface: &Interface, to: SocketAddr) -> io::Result<Socket> {
    let domain = if to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    if to.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    sys::only_own_groups(&socket, to.is_ipv4())?;
    // Bound to the group itself, nothing else can come in by this port.
    let at = match to.ip() {
        IpAddr::V4(_) => to,
        IpAddr::V6(group) => SocketAddrV6::new(group, to.port(), 0, interface.index).into(),
    };
    socket.bind(&at.into())?;
    if to.ip().is_multicast() {
        membership(&socket, interface, to.ip(), true)?;
    }
    Ok(socket)
}

fn membership(socket: &Socket, interface: &Interface, group: IpAddr, join: bool) -> io::Result<()> {
    let by = InterfaceIndexOrAddress::Index(interface.index);
    match (group, join) {
        (IpAddr::V4(group), true) => socket.join_multicast_v4_n(&group, &by),
        (IpAddr::V4(group), false) => socket.leave_multicast_v4_n(&group, &by),
        (IpAddr::V6(group), true) => socket.join_multicast_v6(&group, interface.index),
        (IpAddr::V6(group), false) => socket.leave_multicast_v6(&group, interface.index),
    }
}

/// Datagrams received together.
#[derive(Debug)]
pub struct GroupBatch {
    room: Vec<u8>,
    metas: Vec<RecvMeta>,
    received: usize,
}

impl Default for GroupBatch {
    fn default() -> Self {
        Self { room: vec![0; ROOM * BUFFERS], metas: vec![RecvMeta::default(); BUFFERS], received: 0 }
    }
}

impl GroupBatch {
    /// Gives each datagram, with the time since the system's clock began at which it arrived, as far as the kernel noted it.
    pub fn for_each(&mut self, mut take: impl FnMut(&mut [u8], Option<Duration>)) {
        for (buffer, meta) in self.room.chunks_mut(ROOM).zip(&self.metas[..self.received]) {
            let stride = meta.stride.max(1);
            for datagram in buffer[..meta.len.min(ROOM)].chunks_mut(stride) {
                take(datagram, meta.timestamp);
            }
        }
    }
}

/// The time since the system's clock began, on which datagrams' arrivals are noted.
pub fn clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
