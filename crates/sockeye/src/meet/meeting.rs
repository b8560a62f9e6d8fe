//! One way to get sessions, whether this side waits or goes.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use sockeye_net::{Family, ListenTcp, PortChoice, listen_tcp, reachable_addresses};
use sockeye_proto::pairing::{Code, Crypto as _, PairingConfig, TagBudget};
use tokio::{
    net::lookup_host,
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    AuthenticationFailure, DEFAULT_PORT, DEFAULT_WORDS, DEFAULT_WORDS_MANY, DialConfig, Error, Event,
    ListenConfig, Target,
    crypto::PairingCrypto,
    discovery::{AnnounceConfig, Announcement, Found, Search, SeekConfig, What, free_nameplate, hint_key},
    transfer::{Events, cancelled},
    wire::tls::RunKey,
};

use super::{Dialling, Door, Known, Listening, Session, random_code, random_nameplate};

/// Between two tries to reach an address that does not answer.
const RETRY: Duration = Duration::from_millis(500);
/// How long a second machine gets to answer for the same number before the first is dialled: on one network answers come
/// within some milliseconds of each other, and everybody waits for this.
const SECOND_ANSWER: Duration = Duration::from_millis(15);
/// How long it gets when the first turned out to be the wrong one.
const SLOW_ANSWER: Duration = Duration::from_millis(300);
/// How long the name service may take.
const LOOKUP: Duration = Duration::from_secs(10);

/// What both ways need.
pub(crate) struct Ground {
    pub(crate) crypto: PairingCrypto,
    pub(crate) events: Events,
    pub(crate) cancel: watch::Receiver<bool>,
    pub(crate) device_name: Option<String>,
    pub(crate) timeout: Duration,
    /// Whether this side sends: told on the network.
    pub(crate) sends: bool,
}

/// Waits or goes.
pub(crate) enum Meeting {
    /// This side listens.
    Waiting(Box<Waiting>),
    /// This side dials.
    Going(Box<Going>),
}

/// The waiting side.
pub(crate) struct Waiting {
    listening: Listening,
    door: Arc<Door>,
    /// Of this machine.
    identity: [u8; 32],
    announcement: Option<Announcement>,
    code_ends: Option<Instant>,
    timeout: Duration,
    cancel: watch::Receiver<bool>,
}

/// The going side.
pub(crate) struct Going {
    dialling: Dialling,
    config: DialConfig,
    known: Option<Known>,
    peer: Option<String>,
    timeout: Duration,
    cancel: watch::Receiver<bool>,
    met: bool,
}

/// What the waiting side offers to those who come.
pub(crate) struct Welcome {
    /// Make a code.
    pub(crate) code: bool,
    /// How long the code lives.
    pub(crate) lifetime: Option<Duration>,
    /// Who may come without.
    pub(crate) known: Vec<Known>,
    /// The nameplate of an interrupted run, so that the other side's command still fits.
    pub(crate) nameplate: Option<u16>,
    /// Anybody who knows the code may come, not only the first.
    pub(crate) many: bool,
}

impl Meeting {
    /// Starts to wait.
    pub(crate) async fn wait(
        ground: &Ground,
        config: &ListenConfig,
        welcome: Welcome,
    ) -> Result<Self, Error> {
        let key = run_key()?;
        let listeners = listen_tcp(&listen_config(config))?;
        let port = listeners.port();
        let addresses = reachable_addresses(port, family(config.family), &config.interfaces)?;
        ground.events.tell(Event::Listening { addresses: addresses.clone() });
        let usual = if welcome.many { DEFAULT_WORDS_MANY } else { DEFAULT_WORDS };
        let words = config.words.unwrap_or(usual);
        let many = welcome.many;
        let door = Door::new(ground.events.clone(), welcome.known, addresses, words, many);
        let pairing = PairingConfig::default().name(ground.device_name.clone());
        let listening =
            Listening::start(listeners.into_std(), Arc::clone(&door), key, ground.crypto.clone(), pairing)
                .map_err(|source| Error::Network { action: "listen on", address: None, source })?;
        let nameplate = match (&config.code, welcome.nameplate) {
            (Some(code), _) => Some(code.nameplate()),
            (None, Some(nameplate)) => Some(nameplate),
            (None, None) if welcome.code => Some(draw_nameplate(config).await),
            (None, None) => None,
        };
        let announcement = (!config.no_discovery).then(|| announce(ground, config, &door, port, nameplate));
        if let Some(nameplate) = nameplate.filter(|_| welcome.code) {
            let code = match &config.code {
                Some(code) => code.clone(),
                None => random_code(nameplate, words)?,
            };
            door.set_code(code, welcome.lifetime);
        }
        let (timeout, cancel) = (ground.timeout, ground.cancel.clone());
        Ok(Self::Waiting(Box::new(Waiting {
            listening,
            door,
            identity: ground.crypto.identity(),
            announcement: announcement.flatten(),
            code_ends: welcome.lifetime.map(|lifetime| Instant::now() + lifetime),
            timeout,
            cancel,
        })))
    }

    /// Gets ready to go.
    pub(crate) fn go(ground: &Ground, config: &DialConfig, known: Option<Known>) -> Result<Self, Error> {
        let dialling = Dialling {
            key: run_key()?,
            crypto: ground.crypto.clone(),
            config: PairingConfig::default().name(ground.device_name.clone()),
            events: ground.events.clone(),
            tags: TagBudget::default(),
        };
        let peer = match &config.target {
            Some(Target::Peer(name)) => Some(name.clone()),
            _ => None,
        };
        Ok(Self::Going(Box::new(Going {
            dialling,
            config: config.clone(),
            known,
            peer,
            timeout: ground.timeout,
            cancel: ground.cancel.clone(),
            met: false,
        })))
    }

    /// The next session; the same peer coming back is one too.
    pub(crate) async fn session(&mut self) -> Result<Session, Error> {
        match self {
            Self::Waiting(waiting) => waiting.session().await,
            Self::Going(going) => {
                let mut cancel = going.cancel.clone();
                tokio::select! {
                    session = going.session() => session,
                    () = cancelled(&mut cancel) => Err(Error::Cancelled),
                }
            }
        }
    }

    /// The peer comes back while its session still seems to run: the new one counts. Never resolves when dialling.
    pub(crate) async fn superseding(&mut self) -> Option<Session> {
        match self {
            Self::Waiting(waiting) => waiting.listening.session().await,
            Self::Going(_) => std::future::pending().await,
        }
    }

    /// The peer is known from now on and needs no code.
    pub(crate) fn remember(&mut self, known: Known) {
        match self {
            Self::Waiting(waiting) => {
                waiting.door.remember(known);
                if let Some(announcement) = &waiting.announcement {
                    announcement.set_pair_keys(waiting.door.hint_keys(&waiting.identity));
                }
            }
            Self::Going(going) => {
                going.known = Some(known);
                going.met = true;
            }
        }
    }

    /// Says goodbye on the network.
    pub(crate) async fn leave(self) {
        if let Self::Waiting(waiting) = self
            && let Some(announcement) = waiting.announcement
        {
            announcement.leave().await;
        }
    }

    /// The nameplate, if there is one.
    pub(crate) fn nameplate(&self) -> Option<u16> {
        match self {
            Self::Waiting(waiting) => waiting.door.nameplate(),
            Self::Going(going) => going.config.code.as_ref().map(Code::nameplate),
        }
    }
}

impl Waiting {
    async fn session(&mut self) -> Result<Session, Error> {
        let deadline = sleep(self.timeout);
        tokio::pin!(deadline);
        loop {
            let code_ends = self.code_ends;
            tokio::select! {
                session = self.listening.session() => {
                    return session.ok_or_else(|| Error::Internal { detail: String::from("the listener ended") });
                }
                () = &mut deadline => return Err(Error::TimedOut { doing: "waiting for the other side" }),
                () = cancelled(&mut self.cancel) => return Err(Error::Cancelled),
                () = self.door.gave_up(), if self.timeout != Duration::MAX => {
                    return Err(Error::Authentication(AuthenticationFailure::OutOfGuesses));
                }
                () = sleep_until(code_ends.unwrap_or_else(Instant::now)), if code_ends.is_some() => {
                    self.code_ends = None;
                    if let Some(announcement) = &self.announcement {
                        announcement.set_nameplate(None)?;
                    }
                }
            }
        }
    }
}

impl Going {
    async fn session(&mut self) -> Result<Session, Error> {
        let deadline = Instant::now() + self.timeout;
        if let Some(Target::Host { host, port }) = self.config.target.clone() {
            return self.dial_host(&host, port.unwrap_or(DEFAULT_PORT), deadline).await;
        }
        if self.config.no_discovery {
            return Err(Error::Misuse { detail: String::from("without discovery an address is needed") });
        }
        self.by_search(deadline).await
    }

    /// The address was given: the first refusal is the answer, unless the peer was there before.
    async fn dial_host(&mut self, host: &str, port: u16, deadline: Instant) -> Result<Session, Error> {
        loop {
            let error = match self.resolve(host, port).await {
                Ok(addresses) => match self.try_addresses(&addresses).await {
                    Err(error) if is_transient(&error) => error,
                    other => return other,
                },
                Err(error) => error,
            };
            if !self.met || Instant::now() + RETRY > deadline {
                return Err(error);
            }
            sleep(RETRY).await;
        }
    }

    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let found = match timeout(LOOKUP, lookup_host((host, port))).await {
            Ok(Ok(found)) => found,
            Ok(Err(source)) => {
                let source = io::Error::new(source.kind(), format!("{host}: {source}"));
                return Err(Error::Network { action: "look up", address: None, source });
            }
            Err(_) => return Err(Error::TimedOut { doing: "looking up the host" }),
        };
        let family = self.config.family;
        let addresses: Vec<_> = found.filter(|a| family.is_none_or(|f| a.is_ipv4() == (f == 4))).collect();
        if addresses.is_empty() {
            return Err(Error::NoPeerFound { what: host.to_owned() });
        }
        Ok(addresses)
    }

    /// Nobody said where: the network is asked until somebody answers.
    async fn by_search(&mut self, deadline: Instant) -> Result<Session, Error> {
        let what = match (&self.config.code, &self.peer, &self.known) {
            (Some(code), None, _) => What::Nameplate(code.nameplate()),
            (_, _, Some(known)) => What::PairKey(hint_key(&known.pair_key, &known.identity)),
            _ => {
                return Err(Error::Misuse {
                    detail: String::from("neither a code nor a remembered peer was given"),
                });
            }
        };
        let name = match (&self.config.code, &self.peer) {
            (_, Some(peer)) => peer.clone(),
            (Some(code), None) => code.nameplate().to_string(),
            (None, None) => String::from("the peer"),
        };
        self.dialling.events.tell(Event::Searching { what: name.clone() });
        let config =
            SeekConfig::new(what).interfaces(self.config.interfaces.clone()).family(self.config.family);
        let mut search = Search::start(config).map_err(Error::from)?;
        let (mut last, mut tried) = (None, Vec::new());
        loop {
            let found = tokio::select! {
                found = search.next() => found,
                () = sleep(RETRY), if !tried.is_empty() => {
                    Some(Found::Peer { run: [0; 16], addresses: tried.clone(), nameplate: None, name: None, sends: false })
                }
                () = sleep_until(deadline) => None,
            };
            match found {
                Some(Found::Peer { addresses, .. }) => match self.try_found(&addresses, &mut search).await {
                    Err(error) if is_transient(&error) && Instant::now() < deadline => {
                        (last, tried) = (Some(error), addresses);
                    }
                    other => return other,
                },
                Some(Found::Ambiguous { nameplate, addresses }) => {
                    return Err(Error::Ambiguous { nameplate, addresses });
                }
                None => return Err(last.unwrap_or(Error::NoPeerFound { what: name })),
            }
        }
    }

    /// Dials what the search found, unless a second machine answers for the same number.
    async fn try_found(&mut self, addresses: &[SocketAddr], search: &mut Search) -> Result<Session, Error> {
        if let Some(ambiguous) = second_answer(search, SECOND_ANSWER).await {
            return Err(ambiguous);
        }
        match self.try_addresses(addresses).await {
            // Perhaps it was the wrong one of two: the other may just be slower.
            Err(error @ Error::Authentication(AuthenticationFailure::WrongCode)) => {
                Err(second_answer(search, SLOW_ANSWER).await.unwrap_or(error))
            }
            other => other,
        }
    }

    async fn try_addresses(&mut self, addresses: &[SocketAddr]) -> Result<Session, Error> {
        let family = self.config.family;
        let addresses: Vec<_> =
            addresses.iter().copied().filter(|a| family.is_none_or(|f| a.is_ipv4() == (f == 4))).collect();
        // A peer that is meant by its name has to be that one: whoever does not know us in its place gets no code.
        let code = self.config.code.clone().filter(|_| self.peer.is_none());
        let session = self.dialling.session(&addresses, self.known.as_ref(), code.as_ref()).await?;
        let met = self.known.as_ref().filter(|_| self.met).map(|known| known.identity);
        if met.is_some_and(|identity| identity != session.identity) {
            // Whoever was met in this transfer is not replaced by somebody else who knows the code.
            return Err(Error::Authentication(AuthenticationFailure::BadProof));
        }
        Ok(session)
    }
}

/// Another machine that answers for the same number within this time.
async fn second_answer(search: &mut Search, within: Duration) -> Option<Error> {
    let until = Instant::now() + within;
    loop {
        match tokio::time::timeout_at(until, search.next()).await {
            Ok(Some(Found::Ambiguous { nameplate, addresses })) => {
                return Some(Error::Ambiguous { nameplate, addresses });
            }
            Ok(Some(Found::Peer { .. })) => {}
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Whether trying again may help.
fn is_transient(error: &Error) -> bool {
    matches!(
        error,
        Error::Network { .. }
            | Error::TimedOut { .. }
            | Error::PeerMisbehaved { .. }
            | Error::Authentication(AuthenticationFailure::NotRemembered)
    )
}

fn run_key() -> Result<RunKey, Error> {
    RunKey::generate().map_err(|source| Error::Internal { detail: format!("no key for this run: {source}") })
}

fn family(number: Option<u8>) -> Option<Family> {
    number.map(|number| if number == 4 { Family::V4 } else { Family::V6 })
}

fn listen_config(config: &ListenConfig) -> ListenTcp {
    let port = match config.port {
        Some(port) => PortChoice::Exactly(port),
        None => PortChoice::Preferred(DEFAULT_PORT),
    };
    ListenTcp { port, family: family(config.family), interfaces: config.interfaces.clone() }
}

async fn draw_nameplate(config: &ListenConfig) -> u16 {
    if config.no_discovery {
        return random_nameplate();
    }
    free_nameplate(&config.interfaces).await
}

fn announce(
    ground: &Ground,
    config: &ListenConfig,
    door: &Arc<Door>,
    port: u16,
    nameplate: Option<u16>,
) -> Option<Announcement> {
    let announce = AnnounceConfig {
        port,
        nameplate,
        sends: ground.sends,
        name: ground.device_name.clone(),
        pair_keys: door.hint_keys(&ground.crypto.identity()),
        interfaces: config.interfaces.clone(),
        family: config.family,
        ..AnnounceConfig::default()
    };
    match Announcement::start(announce) {
        Ok(announcement) => Some(announcement),
        Err(error) => {
            tracing::warn!(%error, "not announced on the network");
            None
        }
    }
}
