//! What callers set.

use std::{fmt, time::Duration};

use sockeye_net::Family;
use sockeye_proto::discovery::{BEACON_PORT, PairKey};

/// What to announce.
#[derive(Clone)]
pub struct AnnounceConfig {
    /// The TCP port that is listened on; not 0.
    pub port: u16,
    /// The public number of the code, 1 to 9999, if there is a code.
    pub nameplate: Option<u16>,
    /// There is something to send; otherwise this machine receives.
    pub sends: bool,
    /// A name to tell everybody, 1 to 64 bytes; nothing is told without it.
    pub name: Option<String>,
    /// [`hint_key`]s of this machine, by which remembered peers recognise it. The first 256 count.
    pub pair_keys: Vec<[u8; 32]>,
    /// Only these interfaces, by name; empty means all.
    pub interfaces: Vec<String>,
    /// Only IPv4 (`Some(4)`) or only IPv6 (`Some(6)`): that of the listener.
    pub family: Option<u8>,
    /// What this run is called; `None` draws it. A search of the same program passes it over.
    pub run: Option<[u8; 16]>,
    /// The UDP port of discovery. Anything but the default finds only those that were told the same.
    pub beacon_port: u16,
}

impl Default for AnnounceConfig {
    fn default() -> Self {
        Self {
            port: 0,
            nameplate: None,
            sends: false,
            name: None,
            pair_keys: Vec::new(),
            interfaces: Vec::new(),
            family: None,
            run: None,
            beacon_port: BEACON_PORT,
        }
    }
}

impl fmt::Debug for AnnounceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnnounceConfig")
            .field("port", &self.port)
            .field("nameplate", &self.nameplate)
            .field("sends", &self.sends)
            .field("name", &self.name)
            .field("pair_keys", &self.pair_keys.len())
            .field("interfaces", &self.interfaces)
            .finish_non_exhaustive()
    }
}

/// Whom to look for.
#[derive(Clone)]
pub enum What {
    /// Whoever has this nameplate, 1 to 9999.
    Nameplate(u16),
    /// The remembered peer with this [`hint_key`].
    PairKey([u8; 32]),
    /// Every machine that announces itself.
    #[cfg(test)]
    Everyone,
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nameplate(number) => f.debug_tuple("Nameplate").field(number).finish(),
            Self::PairKey(_) => f.write_str("PairKey(..)"),
            #[cfg(test)]
            Self::Everyone => f.write_str("Everyone"),
        }
    }
}

/// How to look.
#[derive(Clone, Debug)]
pub struct SeekConfig {
    pub(super) what: What,
    pub(super) interfaces: Vec<String>,
    pub(super) family: Option<u8>,
    pub(super) beacon_port: u16,
}

impl SeekConfig {
    /// Looks for `what` on all interfaces, in both families.
    pub fn new(what: What) -> Self {
        Self { what, interfaces: Vec::new(), family: None, beacon_port: BEACON_PORT }
    }

    /// Only on these interfaces, by name; empty means all.
    #[must_use]
    pub fn interfaces(mut self, interfaces: Vec<String>) -> Self {
        self.interfaces = interfaces;
        self
    }

    /// Only IPv4 (`Some(4)`) or only IPv6 (`Some(6)`).
    #[must_use]
    pub fn family(mut self, family: Option<u8>) -> Self {
        self.family = family;
        self
    }

    /// Another UDP port of discovery than the default.
    #[cfg(test)]
    #[must_use]
    pub fn beacon_port(mut self, port: u16) -> Self {
        self.beacon_port = port;
        self
    }
}

/// How to ask who is there.
#[derive(Clone)]
pub struct RosterConfig {
    /// How long to listen. Those there answer in some milliseconds; a second allows for lost datagrams.
    pub wait: Duration,
    /// [`hint_key`]s of remembered peers, to recognise them. The first 256 count.
    pub pair_keys: Vec<[u8; 32]>,
    /// Only these interfaces, by name; empty means all.
    pub interfaces: Vec<String>,
    /// Only IPv4 (`Some(4)`) or only IPv6 (`Some(6)`).
    pub family: Option<u8>,
    /// Passes over what this run announces.
    pub own_run: Option<[u8; 16]>,
    /// The UDP port of discovery.
    pub beacon_port: u16,
}

impl Default for RosterConfig {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(1),
            pair_keys: Vec::new(),
            interfaces: Vec::new(),
            family: None,
            own_run: None,
            beacon_port: BEACON_PORT,
        }
    }
}

impl fmt::Debug for RosterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RosterConfig")
            .field("wait", &self.wait)
            .field("pair_keys", &self.pair_keys.len())
            .field("interfaces", &self.interfaces)
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}

/// The secret by which a remembered peer recognises this announcer: not the pair key itself, which both have, or a machine
/// would recognise its own announcements as its peer's (`specs/05-discovery.md` §5).
pub fn hint_key(pair_key: &[u8; 32], announcer: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(pair_key);
    hasher.update(b"sockeye discovery 1 hint key").update(announcer);
    hasher.finalize().into()
}

/// Keys in the form that the machines take, wiped when dropped.
pub(super) fn pair_keys(keys: Vec<[u8; 32]>) -> Vec<PairKey> {
    keys.into_iter().map(PairKey::new).collect()
}

/// The family of a number given by the user: 4, or else 6.
pub(super) fn family(number: Option<u8>) -> Option<Family> {
    number.map(|number| if number == 4 { Family::V4 } else { Family::V6 })
}
