//! The ways that packets of one sender go: a socket, an address, a key each.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use sockeye_net::{Family, Interface, group::GroupSender};
use sockeye_proto::delivery::{DEFAULT_SYMBOL_LEN, Flow, HEADER_LEN, PacketHeader, TAG_LEN};

use super::{cast::CastConfig, seal::FlowKey};
use crate::{Error, crypto};

/// A device that takes nothing for this long has failed.
const STALLED: Duration = Duration::from_secs(1);
/// Bounds of the send buffer that is asked for, of which the system may allow less.
const LEAST_BUFFER: f64 = 4_096.0;
const MOST_BUFFER: f64 = 4_194_304.0;
/// How long to wait when the device dropped packets itself.
const DEVICE_PAUSE: Duration = Duration::from_micros(500);

/// One way.
pub(super) struct FlowSender {
    socket: GroupSender,
    to: SocketAddr,
    key: FlowKey,
    pub(super) session: u16,
    counter: u64,
    buffer: Vec<u8>,
}

/// What to put into a packet.
pub(super) struct Piece<'b> {
    pub(super) header: PacketHeader,
    pub(super) body: &'b [u8],
}

impl FlowSender {
    /// As receivers are told.
    pub(super) fn flow(&self) -> Flow {
        let address = match self.to.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        Flow { session: self.session, address, port: self.to.port() }
    }

    /// Seals packets and sends them in one go. All bodies but the last are of one length. Gives how long the socket did not take
    /// them.
    pub(super) fn send<'b>(&mut self, pieces: impl Iterator<Item = Piece<'b>>) -> io::Result<Duration> {
        self.buffer.clear();
        let mut segment = 0;
        for mut piece in pieces {
            piece.header.session = self.session;
            let low = self.counter.to_be_bytes();
            piece.header.counter = u32::from_be_bytes([low[4], low[5], low[6], low[7]]);
            let start = self.buffer.len();
            self.buffer.extend_from_slice(&piece.header.encode());
            self.buffer.extend_from_slice(piece.body);
            self.buffer.extend_from_slice(&[0; TAG_LEN]);
            self.key.seal(self.counter, &mut self.buffer[start..]);
            self.counter += 1;
            segment = segment.max(HEADER_LEN + piece.body.len() + TAG_LEN);
        }
        if self.buffer.is_empty() {
            return Ok(Duration::ZERO);
        }
        self.push(segment)
    }

    fn push(&mut self, segment: usize) -> io::Result<Duration> {
        let mut held_since = None;
        loop {
            let error = match self.socket.send_now(self.to, &self.buffer, segment) {
                Ok(()) => return Ok(held_since.map_or(Duration::ZERO, |since: Instant| since.elapsed())),
                Err(error) => error,
            };
            let since = *held_since.get_or_insert_with(Instant::now);
            if since.elapsed() > STALLED {
                return Err(error);
            }
            match error.kind() {
                io::ErrorKind::WouldBlock => {
                    self.socket.wait(STALLED);
                }
                io::ErrorKind::Interrupted => {}
                _ if error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error()) => {
                    std::thread::sleep(DEVICE_PAUSE);
                }
                _ => return Err(error),
            }
        }
    }

    /// Keeps about this much waiting for the device, in bytes on the wire: what waits there is late when it arrives. Whether the
    /// system allows as much.
    pub(super) fn set_waiting(&self, bytes: f64) -> bool {
        // The kernel counts its own memory, which is up to half as much again, and doubles what it is asked for.
        let asked = (bytes * 1.5 / 2.0).clamp(LEAST_BUFFER, MOST_BUFFER);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let asked = asked as usize;
        // Some systems refuse more than they allow, others give less.
        let set = self.socket.set_buffer(asked).and_then(|()| self.socket.buffer());
        set.is_ok_and(|given| given >= asked)
    }

    /// Bytes of memory of packets that the device has not sent.
    pub(super) fn waiting(&self) -> u64 {
        self.socket.waiting()
    }
}

/// Opens the ways that this interface has, the best first.
pub(super) fn open(
    interface: &Interface,
    config: &CastConfig,
    key: &[u8; 32],
) -> Result<Vec<FlowSender>, Error> {
    let mut flows: Vec<FlowSender> = Vec::new();
    for to in destinations(interface, config) {
        let family = Family::of(to.ip());
        let session = fresh_session(&flows);
        match GroupSender::open(interface, family, config.hops) {
            Ok(socket) => {
                let key = FlowKey::derive(key, session);
                flows.push(FlowSender { socket, to, key, session, counter: 0, buffer: Vec::new() });
            }
            Err(error) => tracing::warn!(%error, %to, "this way cannot be used"),
        }
    }
    if flows.is_empty() {
        return Err(Error::Network {
            action: "send to a group by",
            address: None,
            source: io::Error::other(format!("{} has no way to send to many", interface.name)),
        });
    }
    Ok(flows)
}

fn destinations(interface: &Interface, config: &CastConfig) -> Vec<SocketAddr> {
    let port = config.port;
    let scoped = |ip: Ipv6Addr| std::net::SocketAddrV6::new(ip, port, 0, interface.index).into();
    let mut to: Vec<SocketAddr> = Vec::new();
    if let Some(group) = config.group {
        to.push(match group {
            IpAddr::V4(ip) => (ip, port).into(),
            IpAddr::V6(ip) => scoped(ip),
        });
    } else if !config.broadcast {
        if interface.has(Family::V4) {
            to.push((random_group_v4(), port).into());
        }
        if interface.has(Family::V6) && !interface.is_loopback {
            to.push(scoped(random_group_v6()));
        }
    }
    let broadcast = interface.addresses.iter().find_map(|address| address.broadcast);
    if let Some(broadcast) = broadcast.filter(|_| config.group.is_none() && !interface.is_loopback) {
        to.push((broadcast, port).into());
    }
    to
}

/// Of the scope that organisations keep for themselves (RFC 2365 §6.1: 239.255.0.0/16 is the local one).
fn random_group_v4() -> Ipv4Addr {
    let mut low = [0; 2];
    crypto::random(&mut low);
    Ipv4Addr::new(239, 255, low[0], low[1])
}

/// Link-local and transient (RFC 4291 §2.7).
fn random_group_v6() -> Ipv6Addr {
    let mut id = [0; 4];
    crypto::random(&mut id);
    let half = |at: usize| u16::from_be_bytes([id[at], id[at + 1]]);
    Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, half(0) | 0x8000, half(2))
}

fn fresh_session(others: &[FlowSender]) -> u16 {
    loop {
        let mut bytes = [0; 2];
        crypto::random(&mut bytes);
        let session = u16::from_be_bytes(bytes);
        if others.iter().all(|other| other.session != session) {
            return session;
        }
    }
}

/// Bytes of a packet on an Ethernet: headers of Ethernet, IPv4 and UDP, ours, the body, the tag.
pub(super) fn wire_len(body: usize) -> usize {
    14 + 20 + 8 + HEADER_LEN + body + TAG_LEN
}

/// Bytes of a symbol for packets of so many bytes, IPv6 headers allowed for.
pub(crate) fn symbol_len(mtu: u32) -> u16 {
    let overhead = 40 + 8 + u32::try_from(HEADER_LEN + TAG_LEN).unwrap_or(32);
    u16::try_from(mtu.saturating_sub(overhead)).unwrap_or(DEFAULT_SYMBOL_LEN)
}
