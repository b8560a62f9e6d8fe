//! Sockets, clock and interfaces under every machine of discovery.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    net::SocketAddr,
    ops::Bound,
    task::{Context, Poll, ready},
    time::Duration,
};

use sockeye_net::{BeaconConfig, BeaconSocket, BeaconSockets, NetError, Purpose, Refreshed, send_now};
use sockeye_proto::{
    Deadline,
    discovery::{Destination, GROUP_V4, GROUP_V6, Link, MAX_DATAGRAM, Transmit},
};
use tokio::{
    io::ReadBuf,
    net::UdpSocket,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};

use super::config::family;

/// How often the interfaces are listed anew. It costs less than a millisecond, and three seconds are not long for
/// somebody who has just plugged in a cable.
const REFRESH_EVERY: Duration = Duration::from_secs(3);
/// Errors that a socket may tell in a row before it is opened anew. On some systems the error of an answer that nobody
/// took comes this way, and means nothing for the next datagram.
const MAX_SOCKET_ERRORS: usize = 8;
/// One byte more than a datagram may have, so that longer ones are seen to be longer.
const BUFFER_LEN: usize = MAX_DATAGRAM + 1;

/// Where to work.
#[derive(Clone, Debug)]
pub(super) struct NodeConfig(BeaconConfig);

impl NodeConfig {
    /// `ask` adds sockets to ask from; queries then go out by them.
    pub(super) fn new(interfaces: Vec<String>, number: Option<u8>, port: u16, ask: bool) -> Self {
        Self(BeaconConfig {
            port,
            group_v4: GROUP_V4,
            group_v6: GROUP_V6,
            interfaces,
            family: family(number),
            ask,
        })
    }
}

/// What ended a wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Woken {
    /// The deadline has come.
    Deadline,
    /// There are new sockets: what was told everywhere has not been told there.
    NewSockets,
    /// A datagram is in the buffer.
    Datagram {
        /// The socket.
        via: Link,
        /// Its source.
        from: SocketAddr,
        /// Its length.
        len: usize,
    },
}

/// All sockets of one machine.
#[derive(Debug)]
pub(super) struct Node {
    opener: BeaconSockets,
    /// Queries have sockets of their own.
    asks: bool,
    live: BTreeMap<Link, BeaconSocket<UdpSocket>>,
    next_link: u32,
    /// After this one the next look for a datagram begins, so that no socket starves another.
    last_heard: Link,
    began: Instant,
    refresh: Interval,
    buffer: [u8; BUFFER_LEN],
}

impl Node {
    /// Opens the sockets. Must be called in a tokio runtime.
    ///
    /// Errors: no interface of those wanted, or not one socket could be opened.
    pub(super) fn open(config: NodeConfig) -> Result<Self, NetError> {
        let began = Instant::now();
        let mut refresh = interval_at(began + REFRESH_EVERY, REFRESH_EVERY);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut node = Self {
            asks: config.0.ask,
            opener: BeaconSockets::new(config.0),
            live: BTreeMap::new(),
            next_link: 0,
            last_heard: Link(0),
            began,
            refresh,
            buffer: [0; BUFFER_LEN],
        };
        let problems = node.refresh()?;
        if node.live.is_empty() {
            return Err(problems.into_iter().next().unwrap_or(NetError::NoInterface));
        }
        for problem in problems {
            tracing::warn!(%problem, "discovery is limited");
        }
        Ok(node)
    }

    /// The machine's clock.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits for whatever comes first. Nothing is lost if the future is dropped.
    pub(super) async fn wait(&mut self, deadline: Option<Deadline>) -> Woken {
        // A time that cannot be told never comes.
        let at = deadline.and_then(|deadline| self.began.checked_add(deadline.at));
        loop {
            let (live, buffer, last) = (&self.live, &mut self.buffer, self.last_heard);
            tokio::select! {
                biased;
                () = sleep_until(at.unwrap_or(self.began)), if at.is_some() => return Woken::Deadline,
                _ = self.refresh.tick() => {
                    if self.refresh_later() {
                        return Woken::NewSockets;
                    }
                }
                heard = poll_fn(|cx| poll_heard(live, last, buffer, cx)) => match heard {
                    Heard::Datagram { via, from, len } => {
                        self.last_heard = via;
                        return Woken::Datagram { via, from, len };
                    }
                    Heard::Broken(link) => self.drop_socket(link),
                }
            }
        }
    }

    /// The datagram that woke us.
    pub(super) fn datagram(&self, len: usize) -> &[u8] {
        &self.buffer[..len.min(BUFFER_LEN)]
    }

    /// Sends at once. What the system does not take is lost, as datagrams may be: the machines send again.
    pub(super) fn send(&self, transmit: &Transmit) {
        match transmit.to {
            Destination::To { via, address } => {
                if let Some(socket) = self.live.get(&via) {
                    send_one(socket, &transmit.bytes, address);
                }
            }
            Destination::Everywhere => {
                let speaks = |socket: &&BeaconSocket<_>| !self.asks || socket.key.purpose == Purpose::Ask;
                for socket in self.live.values().filter(speaks) {
                    for destination in &socket.destinations {
                        send_one(socket, &transmit.bytes, *destination);
                    }
                }
            }
        }
    }

    /// Follows the interfaces; tells what could not be done.
    fn refresh(&mut self) -> Result<Vec<NetError>, NetError> {
        let Refreshed { opened, closed, mut problems } = self.opener.refresh()?;
        self.live.retain(|_, socket| !closed.contains(&socket.key));
        for socket in opened {
            let (key, interface) = (socket.key, socket.interface.clone());
            match socket.try_map(UdpSocket::from_std) {
                Ok(socket) => {
                    self.live.insert(Link(self.next_link), socket);
                    self.next_link = self.next_link.wrapping_add(1);
                }
                Err(source) => {
                    self.opener.forget(key);
                    problems.push(NetError::Beacon { action: "watch a socket", interface, source });
                }
            }
        }
        Ok(problems)
    }

    /// As [`Self::refresh`] while running; `true` if there are new sockets.
    fn refresh_later(&mut self) -> bool {
        let before = self.next_link;
        match self.refresh() {
            Ok(problems) => {
                for problem in problems {
                    tracing::debug!(%problem, "discovery is limited");
                }
            }
            Err(error) => tracing::debug!(%error, "interfaces"),
        }
        self.next_link != before
    }

    fn drop_socket(&mut self, link: Link) {
        if let Some(socket) = self.live.remove(&link) {
            tracing::debug!(interface = socket.interface, "a socket for discovery failed and is opened anew");
            self.opener.forget(socket.key);
        }
    }
}

enum Heard {
    Datagram { via: Link, from: SocketAddr, len: usize },
    Broken(Link),
}

/// Looks at every socket, beginning after the one heard last.
fn poll_heard(
    live: &BTreeMap<Link, BeaconSocket<UdpSocket>>,
    last: Link,
    buffer: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<Heard> {
    let after = live.range((Bound::Excluded(last), Bound::Unbounded));
    for (link, socket) in after.chain(live.range(..=last)) {
        match poll_socket(socket, buffer, cx) {
            Poll::Pending => {}
            Poll::Ready(Some((from, len))) => return Poll::Ready(Heard::Datagram { via: *link, from, len }),
            Poll::Ready(None) => return Poll::Ready(Heard::Broken(*link)),
        }
    }
    Poll::Pending
}

/// One datagram that came by the socket's interface; `None` if the socket only tells errors.
fn poll_socket(
    socket: &BeaconSocket<UdpSocket>,
    buffer: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<Option<(SocketAddr, usize)>> {
    let mut errors = 0;
    while errors < MAX_SOCKET_ERRORS {
        let mut into = ReadBuf::new(buffer);
        match ready!(socket.socket.poll_recv_from(cx, &mut into)) {
            Ok(from) if socket.accepts(from) => return Poll::Ready(Some((from, into.filled().len()))),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, interface = socket.interface, "receiving");
                errors += 1;
            }
        }
    }
    Poll::Ready(None)
}

fn send_one(socket: &BeaconSocket<UdpSocket>, bytes: &[u8], to: SocketAddr) {
    if let Err(error) = send_now(&socket.socket, bytes, to) {
        tracing::trace!(%error, %to, interface = socket.interface, "not sent");
    }
}
