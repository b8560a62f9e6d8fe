//! What the user of the library sets before a transfer.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use crate::{Code, Home};

/// The well-known port, TCP for transfers and UDP for discovery.
pub const DEFAULT_PORT: u16 = 46710;
/// How long each side waits for the other before it gives up, unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
/// How many secret words a code has.
pub const DEFAULT_WORDS: usize = 2;
/// How many one for many receivers has: more may guess.
pub const DEFAULT_WORDS_MANY: usize = 3;

/// One thing to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file or a directory with all that is in it.
    Path(PathBuf),
    /// What this process reads from its standard input, until its end.
    Stdin,
}

/// How the two machines meet, on the side that waits.
#[derive(Clone, Debug, Default)]
pub struct ListenConfig {
    /// TCP port; `None` takes [`DEFAULT_PORT`] and falls back to a free one.
    pub port: Option<u16>,
    /// Only these interfaces, by name; empty means all.
    pub interfaces: Vec<String>,
    /// A code chosen by the caller instead of a random one.
    pub code: Option<Code>,
    /// How many secret words a random code gets; `None` takes [`DEFAULT_WORDS`].
    pub words: Option<usize>,
    /// Do not announce on the network.
    pub no_discovery: bool,
    /// Only IPv4 (`Some(4)`) or only IPv6 (`Some(6)`).
    pub family: Option<u8>,
}

/// How the two machines meet, on the side that dials.
#[derive(Clone, Debug, Default)]
pub struct DialConfig {
    /// The code, if one was typed. With a [`Target::Peer`] it is not used.
    pub code: Option<Code>,
    /// Where to dial; without it the network is asked.
    pub target: Option<Target>,
    /// Only these interfaces, by name; empty means all.
    pub interfaces: Vec<String>,
    /// Never ask the network.
    pub no_discovery: bool,
    /// Only IPv4 (`Some(4)`) or only IPv6 (`Some(6)`).
    pub family: Option<u8>,
}

/// Whom to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A host name or address, with a port or the well-known one.
    Host {
        /// Host name or literal address, without brackets.
        host: String,
        /// Port, or the well-known one.
        port: Option<u16>,
    },
    /// A remembered peer by the name it was given here.
    Peer(String),
}

/// Wait or dial.
#[derive(Clone, Debug)]
pub enum Route {
    /// Wait for the other side.
    Listen(ListenConfig),
    /// Go to the other side.
    Dial(DialConfig),
}

/// What both directions have in common.
#[derive(Clone, Debug)]
pub struct Common {
    /// Where the identity and the remembered peers are kept.
    pub home: Home,
    /// Remember the peer under this name once paired.
    pub remember: Option<String>,
    /// A name to tell the peer (and the network) about this machine; nothing is told without it.
    pub device_name: Option<String>,
    /// How long to wait for the other side.
    pub timeout: Duration,
}

impl Common {
    /// Everything at its default, with this home.
    pub fn new(home: Home) -> Self {
        Self { home, remember: None, device_name: None, timeout: DEFAULT_TIMEOUT }
    }
}

/// What to send, and how.
#[derive(Clone, Debug)]
pub struct SendConfig {
    /// What goes: at least one; [`Source::Stdin`] at most once.
    pub sources: Vec<Source>,
    /// Glob patterns of names or paths to leave out.
    pub exclude: Vec<String>,
    /// How to meet. Normally the sender listens.
    pub route: Route,
    /// To many at once. Needs [`Route::Listen`], and no [`Source::Stdin`].
    pub many: Option<DeliveryConfig>,
    /// The rest.
    pub common: Common,
}

/// Bytes of the largest packet that every Ethernet carries.
pub const DEFAULT_MTU: u32 = 1500;

/// How to send to many at once: when it begins, which way it goes.
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// Begin when so many are ready.
    pub receivers: Option<usize>,
    /// Begin after this time with those who are ready, at least one.
    pub wait: Option<Duration>,
    /// Begin with the first who is ready.
    pub start_now: bool,
    /// Go on after all have it, for those who come later, until cancelled.
    pub linger: bool,
    /// The group to send to; without it one is drawn.
    pub group: Option<IpAddr>,
    /// By broadcast instead of a group.
    pub broadcast: bool,
    /// How many networks packets may pass: 1 is this one only.
    pub hops: u32,
    /// Never faster than this, in bytes a second on the wire.
    pub max_rate: Option<u64>,
    /// Bytes of the largest packet that the network carries, headers of IP included: 1,280 to 9,000.
    pub mtu: u32,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            receivers: None,
            wait: None,
            start_now: false,
            linger: false,
            group: None,
            broadcast: false,
            hops: 1,
            max_rate: None,
            mtu: DEFAULT_MTU,
        }
    }
}

/// What to do when a different file already has the name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Leave it, report the entry as refused.
    #[default]
    Refuse,
    /// Put the new one in its place, in one step.
    Overwrite,
    /// Write the new one beside it as `name (2)`.
    Rename,
    /// Leave it, and say so without calling it a failure.
    Skip,
}

/// Where received bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Into this directory, which must exist.
    Directory(PathBuf),
    /// A single file's bytes to standard output.
    Stdout,
}

/// Who says yes to an offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// An [`crate::Event::Offer`] is emitted once the whole list is known, and [`crate::Transfer::decide`] answers it.
    #[default]
    Ask,
    /// Yes to whatever fits the limits; data may start while the sender still walks.
    Yes,
}

/// What to receive, and how.
#[derive(Clone, Debug)]
pub struct ReceiveConfig {
    /// Where it goes.
    pub output: Output,
    /// What to do about files that exist.
    pub existing: Existing,
    /// Refuse names that some other system could not hold.
    pub portable_names: bool,
    /// Refuse offers of more bytes than this.
    pub max_size: Option<u64>,
    /// Who says yes.
    pub consent: Consent,
    /// How to meet. Normally the receiver dials.
    pub route: Route,
    /// Go on receiving from remembered peers until cancelled. Needs [`Route::Listen`].
    pub keep: bool,
    /// With `keep`: also make a code, good for ten minutes, to pair a new peer.
    pub pair: bool,
    /// The rest.
    pub common: Common,
}
