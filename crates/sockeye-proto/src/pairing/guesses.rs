//! Counting guesses: on the side that made the code, on the side that types it, and who may use it afterwards
//! (`specs/03-pairing.md` §7).

use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

/// Wrong guesses a one-to-one code takes before it is dead. A person who mistypes gets two more tries; an attacker
/// gets 3 in 4 million.
pub const GUESSES_ONE_TO_ONE: u32 = 3;

/// Wrong guesses a one-to-many code takes: many people mistype, and its codes have one word more.
pub const GUESSES_ONE_TO_MANY: u32 = 30;

/// Addresses that may queue for a guess. Each turn takes [`TAG_TIMEOUT`](super::TAG_TIMEOUT) at the very most, so more would
/// wait longer than a dialer does.
pub const MAX_WAITING: usize = 64;

/// How long an address keeps its place in the queue without asking again.
pub const WAITING_EXPIRES: Duration = Duration::from_secs(5);

/// How often a waiting connection should ask again at the latest; ask at once when any ticket came back.
pub const WAITING_POLL: Duration = Duration::from_secs(1);

/// How many tags a dialer sends per code, over all candidates that answer for it.
pub const MAX_TAGS: u32 = 3;

/// The guesses that one code can still take, shared by all connections of a listener.
///
/// A guess is reserved *before* the listener answers, so that no number of connections at once gets more tries than
/// the code has. It is taken in turns, one address after the other, at most one at a time per address.
#[derive(Debug)]
pub struct Guesses {
    left: u32,
    generation: u64,
    next: u64,
    in_flight: BTreeMap<[u8; 16], u64>,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    source: [u8; 16],
    seen: Duration,
}

/// A reserved guess. Give it to [`Guesses::spend`], [`Guesses::success`] or [`Guesses::refund`], whatever happens.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a ticket that is not given back blocks a guess for ever"]
pub struct Ticket {
    source: [u8; 16],
    number: u64,
    generation: u64,
}

/// What [`Guesses::reserve`] says.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Reservation {
    /// Go ahead.
    Granted(Ticket),
    /// Not your turn. Ask again when any ticket came back, and after [`WAITING_POLL`] at the latest.
    Wait,
    /// The queue is full: refuse as busy.
    Full,
    /// The code is dead.
    Exhausted,
}

impl Guesses {
    /// A code that can take `limit` wrong guesses.
    pub fn new(limit: u32) -> Self {
        Self { left: limit, generation: 0, next: 0, in_flight: BTreeMap::new(), waiting: VecDeque::new() }
    }

    /// Starts again for a new code. Tickets of the old one no longer count; who waits stays in the queue.
    pub fn renew(&mut self, limit: u32) {
        self.left = limit;
        self.generation += 1;
        self.in_flight.clear();
    }

    /// Wrong guesses the code can still take, those in flight not yet subtracted.
    pub fn left(&self) -> u32 {
        self.left
    }

    /// Guesses reserved and not yet given back.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Asks for a guess on behalf of a connection from `source`: an IPv6 address, or an IPv4-mapped one.
    pub fn reserve(&mut self, now: Duration, source: [u8; 16]) -> Reservation {
        self.waiting.retain(|waiting| now.saturating_sub(waiting.seen) < WAITING_EXPIRES);
        if self.left == 0 {
            return Reservation::Exhausted;
        }
        if self.may_go(&source) {
            return Reservation::Granted(self.grant(source));
        }
        self.queue(now, source)
    }

    /// A waiting connection from `source` is gone. Others from there keep no place either; they get one at the end.
    pub fn leave(&mut self, source: &[u8; 16]) {
        self.waiting.retain(|waiting| waiting.source != *source);
    }

    /// The exchange ended without a tag: as if nothing had been.
    pub fn refund(&mut self, ticket: Ticket) {
        self.take_back(ticket);
    }

    /// The dialer knew the code.
    pub fn success(&mut self, ticket: Ticket) {
        self.take_back(ticket);
    }

    /// The dialer's tag was wrong. Returns how many wrong guesses are left; at 0 the code is dead.
    pub fn spend(&mut self, ticket: Ticket) -> u32 {
        if self.take_back(ticket) {
            self.left = self.left.saturating_sub(1);
        }
        self.left
    }

    /// Whether enough guesses are free for `source` and for all whose turn comes before.
    fn may_go(&self, source: &[u8; 16]) -> bool {
        let free = (self.left as usize).saturating_sub(self.in_flight.len());
        let before = self.waiting.iter().take_while(|waiting| waiting.source != *source);
        let before = before.filter(|waiting| !self.in_flight.contains_key(&waiting.source)).count();
        !self.in_flight.contains_key(source) && before < free
    }

    fn grant(&mut self, source: [u8; 16]) -> Ticket {
        self.leave(&source);
        let number = self.next;
        self.next += 1;
        self.in_flight.insert(source, number);
        Ticket { source, number, generation: self.generation }
    }

    fn queue(&mut self, now: Duration, source: [u8; 16]) -> Reservation {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.source == source) {
            waiting.seen = now;
        } else if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(Waiting { source, seen: now });
        } else {
            return Reservation::Full;
        }
        Reservation::Wait
    }

    /// Whether the ticket was of the code in force.
    #[allow(clippy::needless_pass_by_value, reason = "a ticket is used once")]
    fn take_back(&mut self, ticket: Ticket) -> bool {
        let Ticket { source, number, generation } = ticket;
        let known = generation == self.generation && self.in_flight.get(&source) == Some(&number);
        if known {
            self.in_flight.remove(&source);
        }
        known
    }
}

/// How many tags the dialer may still send for one code. Each goes to a listener that has proved nothing yet and may
/// be a thief that checks one guess with it.
#[derive(Debug)]
pub struct TagBudget {
    left: u32,
}

impl Default for TagBudget {
    fn default() -> Self {
        Self { left: MAX_TAGS }
    }
}

impl TagBudget {
    /// Takes one before a [`Dialer`](super::Dialer) is made with the code. `false`: stop, and ask for an address.
    #[must_use]
    pub fn take(&mut self) -> bool {
        let granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        granted
    }

    /// Gives one back, when the dialer ended and its tag was [not at risk](super::Dialer::tag_is_at_risk).
    pub fn give_back(&mut self) {
        self.left = (self.left + 1).min(MAX_TAGS);
    }

    /// How many are left.
    pub fn left(&self) -> u32 {
        self.left
    }
}

/// Who may use a code: the first identity that proves to know it, and from then on only that one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    admitted: Option<[u8; 32]>,
}

/// What [`Admission::ask`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// The first: the code is its own now.
    First,
    /// The same identity again.
    Again,
    /// The code belongs to another identity: refuse with [`Reason::CodeUsed`](super::Reason::CodeUsed).
    CodeUsed,
}

impl Admission {
    /// A code that nobody has used.
    pub fn new() -> Self {
        Self::default()
    }

    /// A code that an earlier run gave to this identity.
    pub fn of(identity: [u8; 32]) -> Self {
        Self { admitted: Some(identity) }
    }

    /// Whether this identity may use the code. The first that asks gets it.
    pub fn ask(&mut self, identity: &[u8; 32]) -> Admitted {
        match self.admitted {
            None => {
                self.admitted = Some(*identity);
                Admitted::First
            }
            Some(admitted) if admitted == *identity => Admitted::Again,
            Some(_) => Admitted::CodeUsed,
        }
    }

    /// Who uses the code.
    pub fn admitted(&self) -> Option<&[u8; 32]> {
        self.admitted.as_ref()
    }
}
