//! This machine's own side of trust: its key, the peers it remembers, the transfers it has not finished.

use std::time::SystemTime;

use crate::{
    AuthenticationFailure, Error, Peer,
    crypto::IdentityKey,
    home::{
        Home, MAX_RUN_PEERS, Permissions, ReceivedRun, RunPeer, Runs, SentRun, TrustStore,
        load_or_create_identity,
    },
    meet::{Known, Session},
};

/// What a transfer needs to know of the machine it runs on.
pub(crate) struct Machine {
    pub(crate) key: IdentityKey,
    home: Home,
    runs: Option<Runs>,
}

/// What an interrupted transfer from here left behind.
pub(crate) struct Interrupted {
    pub(crate) nameplate: u16,
    pub(crate) known: Vec<Known>,
}

impl Machine {
    /// Reads the key, or makes it at the first time.
    pub(crate) fn open(home: &Home) -> Result<Self, Error> {
        let key = IdentityKey::from_pkcs8(&load_or_create_identity(home)?);
        let key = key.map_err(|e| Error::Internal { detail: e.to_string() })?;
        // Without state, transfers work; they only do not remember each other after a crash.
        let runs = Runs::open(home, SystemTime::now());
        let runs =
            runs.inspect_err(|error| tracing::warn!(%error, "unfinished transfers will not be kept")).ok();
        Ok(Self { key, home: home.clone(), runs })
    }

    /// The peer of a session as the user is told.
    pub(crate) fn peer_of(&self, session: &Session) -> Result<Peer, Error> {
        let mut trust = TrustStore::open(&self.home)?;
        let remembered_as = trust.find_by_identity(&session.identity).map(|known| known.peer.name.clone());
        if remembered_as.is_some() {
            trust.update(&session.identity, |peer| peer.last_seen = SystemTime::now())?;
        }
        Ok(Peer {
            identity: session.identity,
            name: session.name.clone(),
            remembered_as,
            address: session.address,
        })
    }

    /// Remembers the peer of a session, for the direction in which it was met, keeping what it may do already.
    pub(crate) fn remember(&self, name: &str, session: &Session, it_sends: bool) -> Result<(), Error> {
        let mut trust = TrustStore::open(&self.home)?;
        let before = trust.find_by_identity(&session.identity).map(|known| known.peer.clone());
        let permissions = Permissions {
            may_send: it_sends || before.as_ref().is_some_and(|peer| peer.may_send),
            may_receive: !it_sends || before.as_ref().is_some_and(|peer| peer.may_receive),
            accept: before.as_ref().is_some_and(|peer| peer.accept),
        };
        Ok(trust.add(name, session.identity, &session.pair_key, permissions, SystemTime::now())?)
    }

    /// A remembered peer by name, to send to it or to receive from it.
    pub(crate) fn remembered(&self, name: &str, to_send: bool) -> Result<Known, Error> {
        let trust = TrustStore::open(&self.home)?;
        let known = trust.find_by_name(name);
        let known =
            known.ok_or_else(|| Error::Misuse { detail: format!("no remembered peer is called {name}") })?;
        let allowed = if to_send { known.peer.may_receive } else { known.peer.may_send };
        if !allowed {
            return Err(Error::Authentication(AuthenticationFailure::NotRemembered));
        }
        Ok(Known { identity: known.peer.identity, pair_key: known.pair_key.clone() })
    }

    /// Every remembered peer that may come: to receive when this side sends, to send when it receives.
    pub(crate) fn all_remembered(&self, sends: bool) -> Vec<Known> {
        let Ok(trust) = TrustStore::open(&self.home) else { return Vec::new() };
        trust
            .known()
            .filter(|known| if sends { known.peer.may_receive } else { known.peer.may_send })
            .map(|known| Known { identity: known.peer.identity, pair_key: known.pair_key.clone() })
            .collect()
    }

    /// Whether the peer of this session was given leave to send without anybody being asked.
    pub(crate) fn accepts_without_asking(&self, session: &Session) -> Result<bool, Error> {
        let trust = TrustStore::open(&self.home)?;
        Ok(trust
            .find_by_identity(&session.identity)
            .is_some_and(|known| known.peer.may_send && known.peer.accept))
    }

    /// What an interrupted run of this transfer left behind.
    pub(crate) fn sent_run(&self, transfer: &[u8; 32]) -> Option<Interrupted> {
        let run = self.runs.as_ref()?.sent(transfer).ok().flatten()?;
        let known =
            run.peers.into_iter().map(|peer| Known { identity: peer.identity, pair_key: peer.pair_key });
        Some(Interrupted { nameplate: run.nameplate, known: known.collect() })
    }

    /// Keeps what it takes for this transfer's receiver to come back after a crash of this side.
    pub(crate) fn keep_sent(&self, transfer: &[u8; 32], nameplate: u16, known: &Known) {
        let peers = vec![RunPeer { identity: known.identity, pair_key: known.pair_key.clone() }];
        let run = SentRun { transfer_key: *transfer, nameplate, peers, touched: SystemTime::now() };
        self.keep(|runs| runs.save_sent(&run));
    }

    /// The same for a transfer that has several receivers.
    pub(crate) fn keep_sent_to_many(
        &self,
        transfer: &[u8; 32],
        nameplate: u16,
        known: &Known,
        others: &[Known],
    ) {
        let peer = |known: &Known| RunPeer { identity: known.identity, pair_key: known.pair_key.clone() };
        let others = others.iter().filter(|other| other.identity != known.identity);
        let peers = std::iter::once(known).chain(others).take(MAX_RUN_PEERS).map(peer).collect();
        let run = SentRun { transfer_key: *transfer, nameplate, peers, touched: SystemTime::now() };
        self.keep(|runs| runs.save_sent(&run));
    }

    /// The transfer is complete.
    pub(crate) fn forget_sent(&self, transfer: &[u8; 32]) {
        self.keep(|runs| runs.remove_sent(transfer));
    }

    /// The sender that was met under this nameplate in a run that did not finish.
    pub(crate) fn received_run(&self, nameplate: u16) -> Option<Known> {
        let run = self.runs.as_ref()?.received(nameplate).ok()?.into_iter().next()?;
        Some(Known { identity: run.peer.identity, pair_key: run.peer.pair_key })
    }

    /// Keeps what it takes to come back to this sender after a crash of this side.
    pub(crate) fn keep_received(&self, nameplate: u16, known: &Known) {
        let peer = RunPeer { identity: known.identity, pair_key: known.pair_key.clone() };
        let run = ReceivedRun { nameplate, peer, touched: SystemTime::now() };
        self.keep(|runs| runs.save_received(&run));
    }

    /// The transfer is complete.
    pub(crate) fn forget_received(&self, nameplate: u16, identity: &[u8; 32]) {
        self.keep(|runs| runs.remove_received(nameplate, identity));
    }

    /// State is a convenience: a full or read-only disk there must not stop a transfer.
    fn keep(&self, act: impl FnOnce(&Runs) -> Result<(), crate::home::HomeError>) {
        if let Some(Err(error)) = self.runs.as_ref().map(act) {
            tracing::warn!(%error, "an unfinished transfer could not be noted");
        }
    }
}
