//! The side that goes: finds addresses, connects, pairs, opens the lane.

use std::{io, net::SocketAddr, time::Duration};

use sockeye_proto::{
    pairing::{Binding, Code, Dialer, PairingConfig, TagBudget},
    transfer::{LANE_PROOF_LEN, LaneKey, LaneRole},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use zeroize::Zeroizing;

use crate::{
    AuthenticationFailure, Error, Event,
    crypto::PairingCrypto,
    transfer::{Events, lost},
    wire::{
        control::Control,
        lane::Lane,
        tls::{Purpose, RunKey},
    },
};

use super::{Session, options, pair};

/// An address that has not answered by then gets company from the next one.
const STAGGER: Duration = Duration::from_millis(250);
/// An address that has not answered by then is given up.
const CONNECT: Duration = Duration::from_secs(5);
/// From the connection to the end of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// An identity that can be recognised without a code.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) identity: [u8; 32],
    pub(crate) pair_key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// What a dialer needs, whoever it dials.
pub(crate) struct Dialling {
    pub(crate) key: RunKey,
    pub(crate) crypto: PairingCrypto,
    pub(crate) config: PairingConfig,
    pub(crate) events: Events,
    pub(crate) tags: TagBudget,
}

impl Dialling {
    /// Connects to the first of these addresses that answers, and proves itself: by the pair key if there is one and
    /// the other side knows it, else by the code.
    pub(crate) async fn session(
        &mut self,
        addresses: &[SocketAddr],
        known: Option<&Known>,
        code: Option<&Code>,
    ) -> Result<Session, Error> {
        if let Some(known) = known {
            match self.paired(addresses, Proof::Known(known)).await {
                // The listener says that it does not know this pair: it forgot, or is another one under the same number.
                // The person typed a code: use it, on a new connection. (A listener that showed another identity than
                // the pinned one is an error of another kind, and final.)
                Err(Error::Authentication(AuthenticationFailure::NotRemembered)) if code.is_some() => {}
                other => return other,
            }
        }
        let Some(code) = code else {
            return Err(Error::Authentication(AuthenticationFailure::NotRemembered));
        };
        self.paired(addresses, Proof::Code(code)).await
    }

    async fn paired(&mut self, addresses: &[SocketAddr], proof: Proof<'_>) -> Result<Session, Error> {
        let (tcp, address) = connect(addresses).await?;
        self.events.tell(Event::Connecting { address });
        let (stream, channel) = self.handshake(tcp, Purpose::Control).await?;
        let binding = Binding {
            exporter: channel.exporter,
            dialer_key: self.key.public().to_vec(),
            listener_key: channel.peer_key.clone(),
        };
        let crypto = self.crypto.clone();
        let (machine, tags) = match proof {
            Proof::Known(known) => {
                let key = known.pair_key.clone();
                (Dialer::with_pair_key(&self.config, crypto, binding, key, known.identity), None)
            }
            Proof::Code(code) => {
                if !self.tags.take() {
                    return Err(Error::Authentication(AuthenticationFailure::OutOfGuesses));
                }
                (Dialer::with_code(&self.config, crypto, binding, code.clone()), Some(&mut self.tags))
            }
        };
        let mut control = Control::new(stream);
        let paired = match pair::dial(&mut control, machine, tags).await {
            Ok(paired) => paired,
            Err(error) => {
                control.close().await;
                return Err(error);
            }
        };
        control.trust();
        let lane = self.lane(address, &LaneKey::new(&paired.session_key), &channel.peer_key).await?;
        Ok(Session {
            control,
            lane,
            address,
            identity: paired.peer_identity,
            name: paired.peer_name,
            pair_key: paired.pair_key,
        })
    }

    /// Opens a lane of a session and proves that it belongs to it.
    async fn lane(&self, address: SocketAddr, key: &LaneKey, peer_key: &[u8]) -> Result<Lane, Error> {
        let (tcp, _) = connect(&[address]).await?;
        let (mut stream, channel) = self.handshake(tcp, Purpose::Lane).await?;
        if channel.peer_key != peer_key {
            return Err(Error::Authentication(AuthenticationFailure::BadProof));
        }
        let ours = self.key.public();
        let proof = key.proof(LaneRole::Dialer, &channel.exporter, ours, peer_key);
        let exchange = async {
            stream.write_all(&key.session_id()).await?;
            stream.write_all(&proof).await?;
            stream.flush().await?;
            let mut answer = [0; LANE_PROOF_LEN];
            stream.read_exact(&mut answer).await?;
            io::Result::Ok(answer)
        };
        let answer = timeout(HANDSHAKE, exchange).await.map_err(|_| lost(io::ErrorKind::TimedOut.into()))?;
        if !key.verify(LaneRole::Listener, &channel.exporter, ours, peer_key, &answer.map_err(lost)?) {
            return Err(Error::Authentication(AuthenticationFailure::BadProof));
        }
        Lane::new(stream).map_err(lost)
    }

    async fn handshake(
        &self,
        tcp: TcpStream,
        purpose: Purpose,
    ) -> Result<(crate::wire::tls::Stream, crate::wire::tls::Channel), Error> {
        let _ = sockeye_net::prepare_stream(&tcp, &options());
        match timeout(HANDSHAKE, self.key.dial(tcp, purpose)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(source)) if source.kind() == io::ErrorKind::InvalidData => {
                Err(Error::PeerMisbehaved { detail: source.to_string() })
            }
            Ok(Err(source)) => Err(lost(source)),
            Err(_) => Err(Error::TimedOut { doing: "the handshake" }),
        }
    }
}

enum Proof<'a> {
    Known(&'a Known),
    Code(&'a Code),
}

/// The first of these addresses that answers. Later ones start while earlier ones hang (the idea of RFC 8305).
async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Error> {
    let mut tries = JoinSet::new();
    let mut rest = addresses.iter().copied();
    let mut failed: Option<(SocketAddr, io::Error)> = None;
    loop {
        let next = rest.next();
        if let Some(address) = next {
            tries.spawn(async move {
                let stream = timeout(CONNECT, TcpStream::connect(address)).await;
                (address, stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
            });
        }
        let joined = if next.is_some() && rest.len() > 0 {
            tokio::select! {
                joined = tries.join_next() => joined,
                () = sleep(STAGGER) => continue,
            }
        } else {
            tries.join_next().await
        };
        match joined {
            Some(Ok((address, Ok(stream)))) => return Ok((stream, address)),
            Some(Ok((address, Err(error)))) => failed = Some((address, error)),
            Some(Err(_)) => {}
            None if rest.len() > 0 => {}
            None => break,
        }
    }
    let (address, source) = failed.map_or((None, io::ErrorKind::NotFound.into()), |(a, e)| (Some(a), e));
    Err(Error::Network { action: "connect to", address, source })
}
