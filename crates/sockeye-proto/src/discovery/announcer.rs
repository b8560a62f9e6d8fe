//! The side that wants to be found: announces itself, and answers who asks for it.

use alloc::{collections::VecDeque, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use super::{
    Announcement, AnnouncerConfig, Datagram, Destination, DiscoveryStats, Hints, Link, Nameplate, PairKey,
    Transmit, Wanted,
    config::{
        ANNOUNCE_EVERY, ANNOUNCE_FIRST_GAP, ANSWER_SPREAD, HINT_CHECK_BURST, HINT_CHECK_GAP, MAX_HINTS,
        MAX_PAIR_KEYS, MAX_PENDING_ANSWERS, MAX_RECENT_QUERIES, Random, draw_below,
    },
    event::usable_source,
    hint::{Binding, HINT_LEN},
    limit::{AnswerLimits, Rate},
    wire::kind,
};
use crate::Deadline;

/// Announces one listener, and answers queries for it.
///
/// Drive it in this order: [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) is due,
/// then [`poll_transmit`](Self::poll_transmit) until it gives nothing, then
/// [`handle_datagram`](Self::handle_datagram) with what came. The first announcement is due at once.
#[derive(Debug)]
pub struct Announcer<R> {
    random: R,
    config: AnnouncerConfig,
    state: State,
    answers: VecDeque<PendingAnswer>,
    out: VecDeque<Transmit>,
    recent: VecDeque<(SocketAddr, [u8; HINT_LEN])>,
    limits: AnswerLimits,
    hint_checks: Rate,
    first_key: usize,
    stats: DiscoveryStats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next announcement is due at `next`; the one after it `gap` later.
    Announcing { next: Duration, gap: Duration },
    /// The goodbye has been made; everything that comes is ignored.
    Left,
}

/// An answer that waits for its time.
#[derive(Debug)]
struct PendingAnswer {
    due: Duration,
    via: Link,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl<R: Random> Announcer<R> {
    /// An announcer whose clock stands at zero.
    pub fn new(config: AnnouncerConfig, random: R) -> Self {
        Self {
            random,
            config,
            state: State::Announcing { next: Duration::ZERO, gap: ANNOUNCE_FIRST_GAP },
            answers: VecDeque::new(),
            out: VecDeque::new(),
            recent: VecDeque::new(),
            limits: AnswerLimits::default(),
            hint_checks: Rate::default(),
            first_key: 0,
            stats: DiscoveryStats::default(),
        }
    }

    /// Takes a datagram that came by the socket `via`. Only queries matter; whatever else there is gets no answer.
    pub fn handle_datagram(&mut self, now: Duration, via: Link, from: SocketAddr, bytes: &[u8]) {
        if self.state == State::Left {
            return;
        }
        self.stats.received += 1;
        let Some(to) = usable_source(from) else {
            self.stats.bad_source += 1;
            return;
        };
        match Datagram::decode(bytes) {
            Ok(Datagram::Query { nonce, wanted }) => {
                self.handle_query(now, (via, to), nonce, &wanted, bytes.len());
            }
            Ok(_) => {}
            Err(error) => self.stats.count_error(error),
        }
    }

    fn handle_query(
        &mut self,
        now: Duration,
        (via, to): (Link, SocketAddr),
        nonce: [u8; HINT_LEN],
        wanted: &Wanted,
        query_len: usize,
    ) {
        let asked_before = self.recent.contains(&(to, nonce));
        if asked_before || !self.concerns_us(wanted) {
            return;
        }
        if self.answers.len() >= MAX_PENDING_ANSWERS || !self.limits.take(now, to.ip()) {
            self.stats.rate_limited += 1;
            return;
        }
        let matching = match wanted {
            Wanted::Hinted(hints) => self.matching_key(now, nonce, hints),
            Wanted::Everyone | Wanted::Nameplate(_) => None,
        };
        let first_key = matching.unwrap_or_else(|| self.next_keys());
        let announcement = self.announcement(kind::ANSWER, Some(nonce), first_key);
        let bytes = Datagram::Answer { nonce, announcement }.encode();
        if bytes.len() > query_len {
            self.stats.short_queries += 1;
            return;
        }
        if self.recent.len() >= MAX_RECENT_QUERIES {
            self.recent.pop_front();
        }
        self.recent.push_back((to, nonce));
        let delay = match wanted {
            Wanted::Nameplate(_) => Duration::ZERO,
            Wanted::Everyone | Wanted::Hinted(_) => draw_below(&mut self.random, ANSWER_SPREAD),
        };
        self.answers.push_back(PendingAnswer { due: now.saturating_add(delay), via, to, bytes });
    }

    /// A query with a hint concerns everyone who remembers anybody: if only the peer meant answered, a recorded query
    /// played back elsewhere would point it out.
    fn concerns_us(&self, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Everyone => true,
            Wanted::Nameplate(number) => self.config.nameplate == Some(*number),
            Wanted::Hinted(_) => !self.config.keys.is_empty(),
        }
    }

    fn matching_key(&mut self, now: Duration, nonce: [u8; HINT_LEN], hints: &Hints) -> Option<usize> {
        if !self.hint_checks.take(now, HINT_CHECK_GAP, HINT_CHECK_BURST) {
            return None;
        }
        hints.find(Binding::query(kind::QUERY, nonce), &self.config.keys)
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        if let State::Announcing { next, gap } = self.state
            && next <= now
        {
            self.announce();
            let next = now.saturating_add(gap).saturating_add(draw_below(&mut self.random, gap / 8));
            self.state = State::Announcing { next, gap: gap.saturating_mul(2).min(ANNOUNCE_EVERY) };
        }
        for _ in 0..self.answers.len() {
            let Some(answer) = self.answers.pop_front() else { break };
            if answer.due > now {
                self.answers.push_back(answer);
                continue;
            }
            let to = Destination::To { via: answer.via, address: answer.to };
            self.out.push_back(Transmit { to, bytes: answer.bytes });
            self.stats.answered += 1;
        }
    }

    /// Makes a beacon, unless the driver has not even taken the last one.
    fn announce(&mut self) {
        if self.out.iter().any(|waiting| waiting.to == Destination::Everywhere) {
            return;
        }
        let first_key = self.next_keys();
        let announcement = self.announcement(kind::BEACON, None, first_key);
        let bytes = Datagram::Beacon(announcement).encode();
        self.out.push_back(Transmit { to: Destination::Everywhere, bytes });
        self.stats.announced += 1;
    }

    /// The first of the keys whose turn it is to have a hint.
    fn next_keys(&mut self) -> usize {
        let first = self.first_key;
        if self.config.keys.len() > MAX_HINTS {
            self.first_key = (first + MAX_HINTS) % self.config.keys.len();
        }
        first
    }

    /// What we tell, with hints for the keys from the one at `first_key` on.
    fn announcement(&mut self, kind: u8, nonce: Option<[u8; HINT_LEN]>, first_key: usize) -> Announcement {
        let AnnouncerConfig { run, port, nameplate, sends, ref name, ref keys } = self.config;
        let binding = Binding::announcement(kind, nonce, run, port);
        let hints = (!keys.is_empty()).then(|| {
            let from = keys.iter().cycle().skip(first_key % keys.len()).take(keys.len());
            Hints::filled(&mut self.random, binding, from)
        });
        Announcement { run, port, nameplate, sends, name: name.clone(), hints }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let answer = self.answers.iter().map(|answer| answer.due).min();
        let answer = answer.map(|at| Deadline { at, reason: "answer" });
        let beacon = match self.state {
            State::Announcing { next, .. } => Some(Deadline { at: next, reason: "announcement" }),
            State::Left => None,
        };
        answer.into_iter().chain(beacon).min_by_key(|deadline| deadline.at)
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// Announces at `now` and starts the back-off again: there are new interfaces, or there is something new to tell.
    pub fn announce_again(&mut self, now: Duration) {
        if let State::Announcing { next, gap } = &mut self.state {
            (*next, *gap) = (now, ANNOUNCE_FIRST_GAP);
        }
    }

    /// Changes or takes away the nameplate, and tells so.
    pub fn set_nameplate(&mut self, now: Duration, nameplate: Option<Nameplate>) {
        self.config.nameplate = nameplate;
        self.announce_again(now);
    }

    /// Changes the keys of remembered peers, and tells so; the first [`MAX_PAIR_KEYS`] count.
    pub fn set_pair_keys(&mut self, now: Duration, mut keys: Vec<PairKey>) {
        keys.truncate(MAX_PAIR_KEYS);
        self.config.keys = keys;
        self.first_key = 0;
        self.announce_again(now);
    }

    /// Says goodbye: one more datagram to transmit, then silence.
    pub fn goodbye(&mut self) {
        if self.state == State::Left {
            return;
        }
        self.state = State::Left;
        self.answers.clear();
        self.out.clear();
        let bytes = Datagram::Goodbye { run: self.config.run }.encode();
        self.out.push_back(Transmit { to: Destination::Everywhere, bytes });
        self.stats.announced += 1;
    }

    /// Counters.
    pub const fn stats(&self) -> DiscoveryStats {
        self.stats
    }

    /// How many things are kept because of datagrams that came.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.answers.len() + self.out.len() + self.recent.len() + self.limits.remembered()
    }
}
