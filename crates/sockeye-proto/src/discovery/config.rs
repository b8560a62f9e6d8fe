//! Numbers of the protocol with their reasons, and what a caller sets.

use alloc::{string::String, vec::Vec};
use core::{
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZeroU16,
    time::Duration,
};

use super::{ConfigError, Nameplate, PairKey, RunId};

/// The UDP port of beacons and queries.
pub const BEACON_PORT: u16 = 46710;
/// The IPv4 group: administratively scoped (RFC 2365), so it never leaves the site.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 46, 71);
/// The IPv6 group: transient, link-local (RFC 4291 section 2.7); the last bytes spell `sock`.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 0x736f, 0x636b);

/// Longest datagram. Fits the smallest IPv4 packet that every host must take (576 bytes, RFC 791) without fragments.
pub const MAX_DATAGRAM: usize = 512;
/// Every query is padded to this length, and no answer is longer: nobody can use an announcer to amplify.
pub const QUERY_LEN: usize = 256;
/// Longest name, in bytes of UTF-8: the length of a Linux host name.
pub const MAX_NAME: usize = 64;
/// Hints in a datagram. Eight remembered peers fit beside a name in an answer; more take turns.
pub const MAX_HINTS: usize = 8;
/// Most pair keys a machine tries on one datagram: 256 keyed hashes cost about 50 µs.
pub const MAX_PAIR_KEYS: usize = 256;

/// Gap after the first announcement; doubled after each until [`ANNOUNCE_EVERY`].
pub const ANNOUNCE_FIRST_GAP: Duration = Duration::from_millis(250);
/// Gap between announcements once the back-off has ended: a third of [`ROSTER_EXPIRY`], so two may be lost.
pub const ANNOUNCE_EVERY: Duration = Duration::from_secs(5);
/// Answers that many machines will give to one query are spread over this time, so that they do not collide.
pub const ANSWER_SPREAD: Duration = Duration::from_millis(20);

/// When a seeker asks, from its start: quick while a person waits, with room for a lost datagram.
pub const QUERY_AT: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(400),
    Duration::from_secs(1),
];
/// Gap between queries after [`QUERY_AT`].
pub const QUERY_EVERY: Duration = Duration::from_secs(1);
/// How many rounds of queries an answer may be late.
pub const QUERY_MEMORY: usize = 8;
/// A second machine that answers for one nameplate within this time of the first makes it ambiguous.
pub const AMBIGUITY_WINDOW: Duration = Duration::from_millis(300);

/// Most machines a seeker or a roster keeps. A classroom fits several times; a flood of false ones costs 100 KiB.
pub const MAX_PEERS: usize = 256;
/// Most machines kept that were first heard from one address, so that one host cannot fill the table.
pub const MAX_PEERS_PER_SOURCE: usize = 32;
/// Most addresses kept of one machine: two families on four interfaces.
pub const MAX_ADDRESSES: usize = 8;
/// A machine not heard of for this long is forgotten.
pub const ROSTER_EXPIRY: Duration = Duration::from_secs(15);

/// How long a probe for a free nameplate listens, which everybody waits for before a code is shown. Machines on a wire
/// answer within some milliseconds. One that answers later (on Wi-Fi a sleeping radio holds broadcasts back for up to three
/// beacons of its own) makes two machines share a number once in thousands of times; seekers notice that, and ask.
pub const PROBE_WAIT: Duration = Duration::from_millis(20);
/// When a probe asks, from the draw of its number.
pub const PROBE_QUERY_AT: [Duration; 2] = [Duration::ZERO, Duration::from_millis(8)];
/// Draws before a probe takes the number it has: with a tenth of all numbers taken, eight draws fail once in 10⁸.
pub const PROBE_DRAWS: u32 = 8;

/// Answers in a row that one source address may have at once: several seekers on one host, each with its first queries.
pub const ANSWER_BURST_PER_SOURCE: u32 = 32;
/// Time after which one source address may have one answer more.
pub const ANSWER_GAP_PER_SOURCE: Duration = Duration::from_millis(60);
/// Answers in a row to all sources together: a classroom that asks at once.
pub const ANSWER_BURST: u32 = 256;
/// Time after which one answer more may go out, whoever asked: at most 256 × 8 bytes/ms, 0.5 Mbit/s.
pub const ANSWER_GAP: Duration = Duration::from_millis(4);
/// Source addresses whose rate is remembered; the longest silent one makes room.
pub const MAX_SOURCES: usize = 512;
/// Answers waiting for their time; more than the spread can collect at the full rate.
pub const MAX_PENDING_ANSWERS: usize = 256;
/// Queries remembered to answer each once, though it came by broadcast and by group.
pub const MAX_RECENT_QUERIES: usize = 256;
/// Datagrams with hints that are looked at in a row, and the time after which one more is.
pub const HINT_CHECK_BURST: u32 = 256;
/// See [`HINT_CHECK_BURST`]: with 256 keys each, a flood costs a twentieth of a core.
pub const HINT_CHECK_GAP: Duration = Duration::from_millis(1);

/// A source of unpredictable bytes, given by the caller. A panic or a short fill is not possible by its shape.
pub trait Random {
    /// Overwrites all of `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Random for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// Draws an array.
pub(crate) fn draw<const N: usize>(random: &mut impl Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// Draws a duration below `limit`, even enough for timers.
pub(crate) fn draw_below(random: &mut impl Random, limit: Duration) -> Duration {
    limit.mul_f64(f64::from(u16::from_be_bytes(draw(random))) / 65_536.0)
}

/// What an announcer tells.
#[derive(Clone, Debug)]
pub struct AnnouncerConfig {
    pub(crate) run: RunId,
    pub(crate) port: NonZeroU16,
    pub(crate) nameplate: Option<Nameplate>,
    pub(crate) sends: bool,
    pub(crate) name: Option<String>,
    pub(crate) keys: Vec<PairKey>,
}

impl AnnouncerConfig {
    /// A machine that receives at TCP port `port`, without nameplate, name or remembered peers. `run` is drawn anew
    /// for every run of the program. Port 0 is an error.
    pub fn new(run: RunId, port: u16) -> Result<Self, ConfigError> {
        let port = NonZeroU16::new(port).ok_or(ConfigError::Port)?;
        Ok(Self { run, port, nameplate: None, sends: false, name: None, keys: Vec::new() })
    }

    /// Sets the nameplate.
    #[must_use]
    pub fn nameplate(mut self, nameplate: Option<Nameplate>) -> Self {
        self.nameplate = nameplate;
        self
    }

    /// Sets whether this machine has something to send.
    #[must_use]
    pub fn sends(mut self, sends: bool) -> Self {
        self.sends = sends;
        self
    }

    /// Sets the name told to everybody; 1 to [`MAX_NAME`] bytes, anything else is an error.
    pub fn name(mut self, name: Option<String>) -> Result<Self, ConfigError> {
        if let Some(name) = &name
            && !(1..=MAX_NAME).contains(&name.len())
        {
            return Err(ConfigError::Name(name.len()));
        }
        self.name = name;
        Ok(self)
    }

    /// Sets the keys of remembered peers who may recognise this machine; the first [`MAX_PAIR_KEYS`] count.
    #[must_use]
    pub fn pair_keys(mut self, mut keys: Vec<PairKey>) -> Self {
        keys.truncate(MAX_PAIR_KEYS);
        self.keys = keys;
        self
    }
}

/// Whom a seeker looks for.
#[derive(Clone, Debug)]
pub enum What {
    /// Whoever has this nameplate.
    Nameplate(Nameplate),
    /// The remembered peer that shares this key.
    PairKey(PairKey),
    /// Every machine that announces.
    Everyone,
}

/// What a seeker needs to know.
#[derive(Clone, Debug)]
pub struct SeekerConfig {
    pub(crate) what: What,
    pub(crate) known: Vec<PairKey>,
    pub(crate) own_run: Option<RunId>,
}

impl SeekerConfig {
    /// Looks for `what`.
    pub fn new(what: What) -> Self {
        let known = match &what {
            What::PairKey(key) => alloc::vec![key.clone()],
            What::Nameplate(_) | What::Everyone => Vec::new(),
        };
        Self { what, known, own_run: None }
    }

    /// Announcements of this run are our own and are passed over.
    #[must_use]
    pub fn own_run(mut self, run: Option<RunId>) -> Self {
        self.own_run = run;
        self
    }

    /// Keys of remembered peers to recognise among everyone; [`super::Peer::pair`] is a position in this list. The
    /// first [`MAX_PAIR_KEYS`] count. With [`What::PairKey`] the list is that key and cannot be changed.
    #[must_use]
    pub fn known(mut self, mut keys: Vec<PairKey>) -> Self {
        if !matches!(self.what, What::PairKey(_)) {
            keys.truncate(MAX_PAIR_KEYS);
            self.known = keys;
        }
        self
    }
}
