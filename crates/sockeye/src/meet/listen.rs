//! The side that waits: accepts connections, pairs them, and hands out sessions.
//!
//! Strangers are bounded before anything else: so many at once, so many per address, and each has a deadline. A
//! connection that stalls loses its place; the right peer still gets in.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use sockeye_proto::{
    pairing::{Binding, Code, Listener, Paired, PairingConfig, PairingEvent, Reason},
    transfer::{LANE_PROOF_LEN, LaneKey, LaneRole, SESSION_ID_LEN},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

use crate::{
    crypto::PairingCrypto,
    wire::{
        control::Control,
        lane::Lane,
        tls::{Channel, Purpose, RunKey, Stream},
    },
};

use super::{
    Door, Session,
    door::{ExpectedLane, LanePlace, TicketGuard},
    options, pair,
    strangers::{Stranger, Strangers},
};

/// From accept to the end of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// From the handshake to the end of pairing: the queue for a guess included.
const PAIRING: Duration = Duration::from_secs(60);
/// From pairing to the lane.
const LANE: Duration = Duration::from_secs(15);

/// What every connection task needs.
pub(super) struct Host {
    pub(super) door: Arc<Door>,
    pub(super) key: RunKey,
    pub(super) crypto: PairingCrypto,
    pub(super) config: PairingConfig,
    strangers: Arc<Strangers>,
}

/// The waiting side. Dropping it closes its sockets and ends its tasks.
pub(crate) struct Listening {
    sessions: mpsc::Receiver<Session>,
    _tasks: JoinSet<()>,
}

impl Listening {
    /// Starts to accept on these sockets.
    pub(crate) fn start(
        listeners: Vec<std::net::TcpListener>,
        door: Arc<Door>,
        key: RunKey,
        crypto: PairingCrypto,
        config: PairingConfig,
    ) -> io::Result<Self> {
        let strangers = Arc::new(Strangers::new(door.expects_many()));
        let host = Arc::new(Host { door, key, crypto, config, strangers });
        let (found, sessions) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        for listener in listeners {
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            tasks.spawn(accept(listener, Arc::clone(&host), found.clone()));
        }
        Ok(Self { sessions, _tasks: tasks })
    }

    /// The next session. Never ends by itself.
    pub(crate) async fn session(&mut self) -> Option<Session> {
        self.sessions.recv().await
    }
}

async fn accept(listener: TcpListener, host: Arc<Host>, found: mpsc::Sender<Session>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, from)) => {
                    let from = plain(from);
                    let stranger = host.strangers.admit(from.ip());
                    connections.spawn(serve(tcp, from, Arc::clone(&host), stranger, found.clone()));
                }
                // Out of descriptors, mostly: those that are open end at their deadlines.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(
    tcp: TcpStream,
    from: SocketAddr,
    host: Arc<Host>,
    stranger: Stranger,
    found: mpsc::Sender<Session>,
) {
    let _ = sockeye_net::prepare_stream(&tcp, &options());
    let handshake = tokio::select! {
        done = timeout(HANDSHAKE, host.key.accept(tcp)) => done,
        () = stranger.has_to_leave() => return,
    };
    let Ok(Ok((stream, channel))) = handshake else { return };
    stranger.greeted();
    match channel.purpose {
        Purpose::Lane => {
            let _ = timeout(HANDSHAKE, serve_lane(stream, &channel, &host)).await;
        }
        Purpose::Control => {
            let paired = tokio::select! {
                paired = timeout(PAIRING, serve_pairing(Control::new(stream), &channel, from, &host)) => paired,
                () = stranger.has_to_leave() => return,
            };
            drop(stranger);
            if let Ok(Some(paired)) = paired
                && let Some(session) = session(paired, from).await
            {
                let _ = found.send(session).await;
            }
        }
    }
}

/// A lane names its session and proves that it belongs to it; then it gets the same proof back.
async fn serve_lane(mut stream: Stream, channel: &Channel, host: &Host) -> io::Result<()> {
    let mut id = [0; SESSION_ID_LEN];
    let mut proof = [0; LANE_PROOF_LEN];
    stream.read_exact(&mut id).await?;
    stream.read_exact(&mut proof).await?;
    let Some(lane) = host.door.take_lane(&id) else { return Ok(()) };
    let ours = host.key.public();
    let good = lane.peer_key == channel.peer_key
        && lane.key.verify(LaneRole::Dialer, &channel.exporter, &channel.peer_key, ours, &proof);
    if !good {
        // The right one may still come.
        host.door.return_lane(lane);
        return Ok(());
    }
    let answer = lane.key.proof(LaneRole::Listener, &channel.exporter, &channel.peer_key, ours);
    stream.write_all(&answer).await?;
    stream.flush().await?;
    let _ = lane.opened.send(stream);
    Ok(())
}

async fn serve_pairing(
    mut control: Control,
    channel: &Channel,
    from: SocketAddr,
    host: &Host,
) -> Option<Welcomed> {
    let binding = Binding {
        exporter: channel.exporter,
        dialer_key: channel.peer_key.clone(),
        listener_key: host.key.public().to_vec(),
    };
    let mut machine = Listener::new(&host.config, host.crypto.clone(), binding.clone());
    let began = Instant::now();
    let mut ticket: Option<TicketGuard> = None;
    loop {
        while let Some(event) = machine.poll_event() {
            match event {
                PairingEvent::CodeAttempt { nameplate } => {
                    match turn_of(&mut control, nameplate, from, host).await? {
                        Ok((guard, code)) => {
                            ticket = Some(guard);
                            if machine.grant(began.elapsed(), &code).is_err() {
                                pair::farewell(control, &mut machine).await;
                                return None;
                            }
                        }
                        Err(reason) => machine.refuse(reason),
                    }
                }
                PairingEvent::Knock { tag } => match host.door.who_knocks(&binding, &tag) {
                    Some((key, identity)) => machine.accept_knock(began.elapsed(), key, identity).ok()?,
                    None => machine.refuse(Reason::NotRemembered),
                },
                PairingEvent::Identified { identity } => {
                    if let Some(ticket) = ticket.take() {
                        ticket.success();
                    }
                    if host.door.admits(&identity) {
                        machine.admit().ok()?;
                    } else {
                        machine.refuse(Reason::CodeUsed);
                    }
                }
                PairingEvent::WrongCode => {
                    if let Some(ticket) = ticket.take() {
                        ticket.wrong(from);
                    }
                }
                PairingEvent::Paired(paired) => {
                    // Before the dialer hears that it is paired: its lane may come at once.
                    let (opened, lane) = oneshot::channel();
                    let key = LaneKey::new(&paired.session_key);
                    let place = host.door.expect_lane(ExpectedLane {
                        key,
                        peer_key: channel.peer_key.clone(),
                        opened,
                    });
                    pair::send_all(&mut control, &mut machine).await.ok()?;
                    control.trust();
                    return Some(Welcomed { control, paired, place, lane });
                }
                other => tracing::debug!(?other, %from, "pairing ended"),
            }
        }
        if pair::send_all(&mut control, &mut machine).await.is_err() {
            return None;
        }
        if machine.is_closed() {
            control.close().await;
            return None;
        }
        if !pair::turn(&mut control, &mut machine, began).await.ok()? {
            return None;
        }
    }
}

/// Waits for a connection's turn to guess, as long as it is there. `None`: it left, or spoke out of turn.
async fn turn_of(
    control: &mut Control,
    nameplate: u16,
    from: SocketAddr,
    host: &Host,
) -> Option<Result<(TicketGuard, Code), Reason>> {
    tokio::select! {
        biased;
        turn = host.door.reserve(nameplate, from) => Some(turn),
        _ = control.receive() => {
            host.door.stop_waiting(from);
            None
        }
    }
}

/// A paired connection whose lane is expected.
struct Welcomed {
    control: Control,
    paired: Paired,
    place: LanePlace,
    lane: oneshot::Receiver<Stream>,
}

/// Waits for the lane of a paired connection.
async fn session(welcomed: Welcomed, address: SocketAddr) -> Option<Session> {
    let Welcomed { control, paired, place, lane } = welcomed;
    let lane = timeout(LANE, lane).await;
    drop(place);
    let lane = Lane::new(lane.ok()?.ok()?).ok()?;
    Some(Session {
        control,
        lane,
        address,
        identity: paired.peer_identity,
        name: paired.peer_name,
        pair_key: paired.pair_key,
    })
}

/// An IPv4 address that came in through an IPv6 socket, as what it is.
fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => address,
    }
}
