//! Links: what they do to the packets on them.

use std::time::Duration;

use crate::rng::Rng;

/// How one direction of a link behaves. The default is a perfect link: 1 ms of latency, no limit of bandwidth, an
/// Ethernet's MTU, nothing lost.
///
/// Loss, duplication and reordering happen to datagrams only: streams are reliable.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    latency: Duration,
    jitter: Duration,
    bytes_per_second: Option<u64>,
    queue: usize,
    mtu: usize,
    loss: Loss,
    duplicate: f64,
    reorder: f64,
    reorder_delay: Duration,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(1),
            jitter: Duration::ZERO,
            bytes_per_second: None,
            queue: DEFAULT_QUEUE,
            mtu: DEFAULT_MTU,
            loss: Loss::None,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_delay: Duration::ZERO,
        }
    }
}

impl Link {
    /// Time from the moment a packet has left to its arrival.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// Adds a random time from nothing to `jitter` to each packet's latency. Datagrams may overtake each other by
    /// it, bytes of streams may not.
    #[must_use]
    pub fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// Bandwidth: how many bytes can leave in a second, at least 1. Streams and datagrams share it.
    #[must_use]
    pub fn bytes_per_second(self, rate: u64) -> Self {
        Self { bytes_per_second: Some(rate.max(1)), ..self }
    }

    /// How many bytes may wait to leave before further datagrams are dropped, where the bandwidth is limited.
    #[must_use]
    pub fn queue(self, bytes: usize) -> Self {
        Self { queue: bytes, ..self }
    }

    /// The longest payload of a datagram, in bytes; longer ones are dropped.
    #[must_use]
    pub fn mtu(self, bytes: usize) -> Self {
        Self { mtu: bytes, ..self }
    }

    /// Which datagrams are lost.
    #[must_use]
    pub fn loss(self, loss: Loss) -> Self {
        Self { loss, ..self }
    }

    /// How probably a datagram arrives twice, from 0.0 to 1.0.
    #[must_use]
    pub fn duplicate(self, probability: f64) -> Self {
        Self { duplicate: probability, ..self }
    }

    /// How probably a datagram is held back by up to `delay`, so that later ones overtake it.
    #[must_use]
    pub fn reorder(self, probability: f64, delay: Duration) -> Self {
        Self { reorder: probability, reorder_delay: delay, ..self }
    }
}

/// Which datagrams a link loses.
#[derive(Clone, Debug, PartialEq)]
pub enum Loss {
    /// None.
    None,
    /// Each with this probability, independently of the others.
    Random {
        /// From 0.0 to 1.0.
        ratio: f64,
    },
    /// In bursts: this share of all in the long run, in runs of `mean_burst` datagrams on average. (The model of
    /// Gilbert, *Capacity of a Burst-Noise Channel*, 1960, with a bad state that loses everything.)
    Burst {
        /// From 0.0 to 1.0, less than 1.0.
        ratio: f64,
        /// At least 1.0.
        mean_burst: f64,
    },
    /// Exactly those with these numbers, the first datagram on this direction of the link being number 0.
    Exactly(Vec<u64>),
}

/// What happened to the packets on one direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Datagrams that came to the link.
    pub datagrams: u64,
    /// Bytes of those datagrams, padding included.
    pub datagram_bytes: u64,
    /// Datagrams lost by its [`Loss`].
    pub lost: u64,
    /// Datagrams dropped because too much was waiting to leave.
    pub overflowed: u64,
    /// Datagrams longer than the MTU.
    pub too_long: u64,
    /// Datagrams dropped because the link was down.
    pub cut: u64,
    /// Datagrams that arrived a second time.
    pub duplicated: u64,
    /// Bytes of streams that came to the link.
    pub stream_bytes: u64,
}

/// One direction of a link: its behaviour and its state.
#[derive(Debug)]
pub(crate) struct Pipe {
    link: Link,
    rng: Rng,
    /// When what was sent so far has left.
    free_at: Duration,
    /// When the last packet of a stream arrives: later ones may not arrive before.
    in_order_until: Duration,
    in_burst: bool,
    pub(crate) stats: LinkStats,
}

/// Why a datagram goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    Lost,
    Overflowed,
    TooLong,
}

/// When a datagram arrives, and when it arrives again if it does.
pub(crate) type Arrivals = (Duration, Option<Duration>);

impl Pipe {
    pub(crate) fn new(link: Link, rng: Rng) -> Self {
        Self {
            link,
            rng,
            free_at: Duration::ZERO,
            in_order_until: Duration::ZERO,
            in_burst: false,
            stats: LinkStats::default(),
        }
    }

    pub(crate) fn reshape(&mut self, link: Link) {
        self.link = link;
    }

    pub(crate) fn latency(&self) -> Duration {
        self.link.latency
    }

    pub(crate) fn free_at(&self) -> Duration {
        self.free_at
    }

    /// A packet of a stream leaves as soon as it can; answers when it arrives.
    pub(crate) fn carry(&mut self, now: Duration, len: usize) -> Duration {
        self.stats.stream_bytes += len as u64;
        let arrival = self.leave(now, len) + self.delay();
        self.in_order_until = self.in_order_until.max(arrival);
        self.in_order_until
    }

    /// A datagram comes to the link.
    pub(crate) fn datagram(&mut self, now: Duration, len: usize) -> Result<Arrivals, Dropped> {
        let number = self.stats.datagrams;
        self.stats.datagrams += 1;
        self.stats.datagram_bytes += len as u64;
        if len > self.link.mtu {
            self.stats.too_long += 1;
            return Err(Dropped::TooLong);
        }
        let waiting = self.waiting_bytes(now);
        if waiting > 0 && waiting + len as u128 > self.link.queue as u128 {
            self.stats.overflowed += 1;
            return Err(Dropped::Overflowed);
        }
        // What is lost has taken its time on the wire all the same.
        let left = self.leave(now, len);
        if self.loses(number) {
            self.stats.lost += 1;
            return Err(Dropped::Lost);
        }
        let again = self.rng.chance(self.link.duplicate);
        let first = left + self.delay() + self.held_back();
        let second = again.then(|| left + self.delay() + self.held_back());
        self.stats.duplicated += u64::from(again);
        Ok((first, second))
    }

    /// Takes the wire for `len` bytes; answers when the last of them has left.
    fn leave(&mut self, now: Duration, len: usize) -> Duration {
        let begins = self.free_at.max(now);
        self.free_at = begins + self.time_on_wire(len);
        self.free_at
    }

    fn time_on_wire(&self, len: usize) -> Duration {
        let Some(rate) = self.link.bytes_per_second else { return Duration::ZERO };
        let nanos = len as u128 * NANOS_PER_SECOND / u128::from(rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Bytes that have not left yet.
    fn waiting_bytes(&self, now: Duration) -> u128 {
        let Some(rate) = self.link.bytes_per_second else { return 0 };
        self.free_at.saturating_sub(now).as_nanos() * u128::from(rate) / NANOS_PER_SECOND
    }

    fn delay(&mut self) -> Duration {
        self.link.latency + self.rng.up_to(self.link.jitter)
    }

    fn held_back(&mut self) -> Duration {
        if self.rng.chance(self.link.reorder) {
            self.rng.up_to(self.link.reorder_delay)
        } else {
            Duration::ZERO
        }
    }

    fn loses(&mut self, number: u64) -> bool {
        match &self.link.loss {
            Loss::None => false,
            Loss::Random { ratio } => self.rng.chance(*ratio),
            Loss::Exactly(numbers) => numbers.contains(&number),
            Loss::Burst { ratio, mean_burst } => {
                // Leaving the bad state with probability 1/b gives bursts of b; entering it with r / (b (1 − r))
                // makes the share of time in it r.
                let turn =
                    if self.in_burst { 1.0 / mean_burst } else { ratio / (mean_burst * (1.0 - ratio)) };
                self.in_burst ^= self.rng.chance(turn);
                self.in_burst
            }
        }
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;
/// An Ethernet frame of 1500 bytes less the headers of IPv4 and UDP.
const DEFAULT_MTU: usize = 1472;
/// What Linux lets wait in a network device of 1000 packets, roughly.
const DEFAULT_QUEUE: usize = 1_500_000;
