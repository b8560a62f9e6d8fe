//! The side that looks for somebody: asks, and collects who answers.

use alloc::collections::VecDeque;
use core::{net::SocketAddr, time::Duration};

use super::{
    Announcement, Datagram, Destination, DiscoveryStats, Hints, Nameplate, Roster, RunId, SeekEvent,
    SeekerConfig, Transmit, Wanted, What,
    config::{
        AMBIGUITY_WINDOW, HINT_CHECK_BURST, HINT_CHECK_GAP, QUERY_AT, QUERY_EVERY, QUERY_MEMORY, Random, draw,
    },
    event::usable_source,
    hint::{Binding, HINT_LEN},
    limit::Rate,
    roster::Insertion,
    wire::kind,
};
use crate::Deadline;

/// Looks for a machine, or for all of them, until it is dropped.
///
/// Drive it in this order: [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) is due,
/// then [`poll_event`](Self::poll_event) and [`poll_transmit`](Self::poll_transmit) until they give nothing, then
/// [`handle_datagram`](Self::handle_datagram) with what came. The first query is due at once.
#[derive(Debug)]
pub struct Seeker<R> {
    random: R,
    config: SeekerConfig,
    rounds: usize,
    next_query: Duration,
    nonces: VecDeque<[u8; HINT_LEN]>,
    out: Option<Transmit>,
    roster: Roster,
    contest: Contest,
    news: VecDeque<News>,
    hint_checks: Rate,
    stats: DiscoveryStats,
}

/// Whether a nameplate is one machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contest {
    /// Nobody has answered.
    Open,
    /// One machine has, at this time.
    Held { since: Duration },
    /// Another did too, soon after.
    Ambiguous,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Found(RunId),
    Ambiguous(Nameplate),
}

impl<R: Random> Seeker<R> {
    /// A seeker whose clock stands at zero.
    pub fn new(config: SeekerConfig, random: R) -> Self {
        Self {
            random,
            config,
            rounds: 0,
            next_query: Duration::ZERO,
            nonces: VecDeque::new(),
            out: None,
            roster: Roster::default(),
            contest: Contest::Open,
            news: VecDeque::new(),
            hint_checks: Rate::default(),
            stats: DiscoveryStats::default(),
        }
    }

    /// Takes a datagram: beacons from everybody, answers to our own queries.
    pub fn handle_datagram(&mut self, now: Duration, from: SocketAddr, bytes: &[u8]) {
        self.stats.received += 1;
        let Some(from) = usable_source(from) else {
            self.stats.bad_source += 1;
            return;
        };
        match Datagram::decode(bytes) {
            Ok(Datagram::Beacon(announcement)) => self.consider(now, from, None, announcement),
            Ok(Datagram::Answer { nonce, .. }) if !self.nonces.contains(&nonce) => {
                self.stats.unsolicited += 1;
            }
            Ok(Datagram::Answer { nonce, announcement }) => {
                self.consider(now, from, Some(nonce), announcement);
            }
            Ok(Datagram::Goodbye { run }) => self.roster.remove(from, run),
            Ok(Datagram::Query { .. }) => {}
            Err(error) => self.stats.count_error(error),
        }
    }

    fn consider(
        &mut self,
        now: Duration,
        from: SocketAddr,
        nonce: Option<[u8; HINT_LEN]>,
        announcement: Announcement,
    ) {
        let run = announcement.run;
        if self.config.own_run == Some(run) {
            self.stats.own += 1;
            return;
        }
        let pair = self.recognise(now, nonce, &announcement);
        let wanted = match &self.config.what {
            What::Everyone => true,
            What::Nameplate(number) => announcement.nameplate == Some(*number),
            What::PairKey(_) => pair.is_some(),
        };
        if !wanted {
            return;
        }
        match self.roster.insert(now, from, announcement, pair) {
            Insertion::New => self.found_new(now, run),
            Insertion::NewAddress => self.tell(News::Found(run)),
            Insertion::Known => {}
            Insertion::Refused => self.stats.refused += 1,
        }
    }

    /// Which of the known keys its hints were made with.
    fn recognise(
        &mut self,
        now: Duration,
        nonce: Option<[u8; HINT_LEN]>,
        announcement: &Announcement,
    ) -> Option<usize> {
        let hints = announcement.hints.as_ref()?;
        if self.config.known.is_empty() {
            return None;
        }
        if !self.hint_checks.take(now, HINT_CHECK_GAP, HINT_CHECK_BURST) {
            self.stats.rate_limited += 1;
            return None;
        }
        let kind = if nonce.is_some() { kind::ANSWER } else { kind::BEACON };
        let binding = Binding::announcement(kind, nonce, announcement.run, announcement.port);
        hints.find(binding, &self.config.known)
    }

    fn found_new(&mut self, now: Duration, run: RunId) {
        let What::Nameplate(number) = self.config.what else {
            self.tell(News::Found(run));
            return;
        };
        // With only this one left in the roster, whoever came before has said goodbye.
        let alone = self.roster.len() <= 1;
        match self.contest {
            Contest::Open | Contest::Held { .. } if alone => {
                self.contest = Contest::Held { since: now };
                self.tell(News::Found(run));
            }
            Contest::Held { since } if now.saturating_sub(since) < AMBIGUITY_WINDOW => {
                self.contest = Contest::Ambiguous;
                self.tell(News::Ambiguous(number));
            }
            Contest::Open | Contest::Held { .. } | Contest::Ambiguous => self.tell(News::Found(run)),
        }
    }

    /// Each piece of news waits once: the queue is never longer than the roster and one.
    fn tell(&mut self, news: News) {
        if !self.news.contains(&news) {
            self.news.push_back(news);
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.roster.expire(now);
        if self.next_query > now {
            return;
        }
        self.ask();
        self.rounds += 1;
        self.next_query = match QUERY_AT.get(self.rounds) {
            // Kept relative, so that a late call does not make a burst.
            Some(at) => now.saturating_add(at.saturating_sub(QUERY_AT[self.rounds - 1])),
            None => now.saturating_add(QUERY_EVERY),
        };
    }

    fn ask(&mut self) {
        let nonce = draw(&mut self.random);
        let wanted = match &self.config.what {
            What::Everyone => Wanted::Everyone,
            What::Nameplate(number) => Wanted::Nameplate(*number),
            What::PairKey(key) => {
                let binding = Binding::query(kind::QUERY, nonce);
                Wanted::Hinted(Hints::single(&mut self.random, binding, key))
            }
        };
        if self.nonces.len() >= QUERY_MEMORY {
            self.nonces.pop_front();
        }
        self.nonces.push_back(nonce);
        let bytes = Datagram::Query { nonce, wanted }.encode();
        self.out = Some(Transmit { to: Destination::Everywhere, bytes });
        self.stats.asked += 1;
    }

    /// Starts the series of queries again: there are new interfaces.
    pub fn ask_again(&mut self, now: Duration) {
        (self.rounds, self.next_query) = (0, now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        Some(Deadline { at: self.next_query, reason: "query" })
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.take()
    }

    /// The next thing to report.
    pub fn poll_event(&mut self) -> Option<SeekEvent> {
        while let Some(news) = self.news.pop_front() {
            match news {
                News::Ambiguous(nameplate) => {
                    return Some(SeekEvent::Ambiguous { nameplate, peers: self.roster.peers() });
                }
                News::Found(run) => {
                    if let Some(peer) = self.roster.get(run) {
                        return Some(SeekEvent::Found(peer.clone()));
                    }
                }
            }
        }
        None
    }

    /// Who has been heard of and fits.
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Counters.
    pub const fn stats(&self) -> DiscoveryStats {
        self.stats
    }

    /// How many things are kept because of datagrams that came.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.news.len() + self.roster.len()
    }
}
