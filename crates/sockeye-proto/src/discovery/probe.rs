//! Finds a nameplate that nobody near uses.

use alloc::collections::{BTreeSet, VecDeque};
use core::{net::SocketAddr, time::Duration};

use super::{
    Announcement, Datagram, Destination, DiscoveryStats, Nameplate, Transmit, Wanted,
    config::{PROBE_DRAWS, PROBE_QUERY_AT, PROBE_WAIT, Random, draw},
    event::usable_source,
    hint::HINT_LEN,
};
use crate::Deadline;

/// Draws a number, asks who has it, and draws again if somebody does. Ends after [`PROBE_WAIT`](super::PROBE_WAIT) on a quiet
/// network, and in [`PROBE_DRAWS`] times that at most: whoever claims every number can make two machines share one, which seekers
/// notice, but cannot keep anybody waiting.
///
/// Drive it like a [`super::Seeker`] until [`result`](Self::result) gives the number.
#[derive(Debug)]
pub struct Probe<R> {
    random: R,
    number: Nameplate,
    drawn_at: Duration,
    draws: u32,
    asked: usize,
    nonces: VecDeque<[u8; HINT_LEN]>,
    out: Option<Transmit>,
    taken: BTreeSet<Nameplate>,
    state: State,
    stats: DiscoveryStats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asking,
    Done,
}

impl<R: Random> Probe<R> {
    /// A probe whose clock stands at zero.
    pub fn new(mut random: R) -> Self {
        let number = draw_number(&mut random);
        Self {
            random,
            number,
            drawn_at: Duration::ZERO,
            draws: 1,
            asked: 0,
            nonces: VecDeque::new(),
            out: None,
            taken: BTreeSet::new(),
            state: State::Asking,
            stats: DiscoveryStats::default(),
        }
    }

    /// Takes a datagram. Every number heard of is remembered as taken (there are 9999 at most).
    pub fn handle_datagram(&mut self, now: Duration, from: SocketAddr, bytes: &[u8]) {
        self.stats.received += 1;
        if usable_source(from).is_none() {
            self.stats.bad_source += 1;
            return;
        }
        match Datagram::decode(bytes) {
            Ok(Datagram::Answer { nonce, .. }) if !self.nonces.contains(&nonce) => {
                self.stats.unsolicited += 1;
            }
            Ok(Datagram::Beacon(announcement) | Datagram::Answer { announcement, .. }) => {
                self.consider(now, &announcement);
            }
            Ok(Datagram::Query { .. } | Datagram::Goodbye { .. }) => {}
            Err(error) => self.stats.count_error(error),
        }
    }

    fn consider(&mut self, now: Duration, announcement: &Announcement) {
        let Some(nameplate) = announcement.nameplate else { return };
        self.taken.insert(nameplate);
        if nameplate != self.number || self.state == State::Done {
            return;
        }
        if self.draws >= PROBE_DRAWS {
            self.state = State::Done;
            return;
        }
        self.draw_again();
        (self.drawn_at, self.asked) = (now, 0);
        self.draws += 1;
    }

    /// A number not heard of, if a few draws find one.
    fn draw_again(&mut self) {
        for _ in 0..PROBE_DRAWS {
            self.number = draw_number(&mut self.random);
            if !self.taken.contains(&self.number) {
                break;
            }
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.poll_timeout().is_none_or(|deadline| deadline.at > now) {
            return;
        }
        if self.asked >= PROBE_QUERY_AT.len() {
            self.state = State::Done;
            return;
        }
        self.asked += 1;
        let nonce = draw(&mut self.random);
        if self.nonces.len() >= PROBE_QUERY_AT.len() {
            self.nonces.pop_front();
        }
        self.nonces.push_back(nonce);
        let bytes = Datagram::Query { nonce, wanted: Wanted::Nameplate(self.number) }.encode();
        self.out = Some(Transmit { to: Destination::Everywhere, bytes });
        self.stats.asked += 1;
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; never again once there is a result.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let (after, reason) = match (self.state, PROBE_QUERY_AT.get(self.asked)) {
            (State::Done, _) => return None,
            (State::Asking, Some(at)) => (*at, "query"),
            (State::Asking, None) => (PROBE_WAIT, "free nameplate"),
        };
        Some(Deadline { at: self.drawn_at.saturating_add(after), reason })
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.take()
    }

    /// The number drawn last, free or not.
    pub const fn number(&self) -> Nameplate {
        self.number
    }

    /// The number, once nobody has claimed it in time.
    pub fn result(&self) -> Option<Nameplate> {
        (self.state == State::Done).then_some(self.number)
    }

    /// Counters.
    pub const fn stats(&self) -> DiscoveryStats {
        self.stats
    }
}

/// A number from 1 to 9999, each equally likely to within 2⁻¹⁸.
fn draw_number(random: &mut impl Random) -> Nameplate {
    let drawn = u32::from_be_bytes(draw(random)) % u32::from(Nameplate::MAX);
    u16::try_from(drawn).ok().and_then(|drawn| Nameplate::new(drawn + 1).ok()).unwrap_or(Nameplate::FIRST)
}
