//! Who may come in: the code and its guesses, the identity it admitted, remembered peers, lanes that are expected.
//!
//! One door is shared by all connections of a listener.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sockeye_proto::{
    pairing::{
        Admission, Admitted, Binding, Code, GUESSES_ONE_TO_MANY, GUESSES_ONE_TO_ONE, Guesses, Reservation,
        Ticket, knock,
    },
    transfer::{LaneKey, SESSION_ID_LEN},
};
use tokio::sync::{Notify, oneshot};
use zeroize::Zeroizing;

use crate::{Event, discovery::hint_key, transfer::Events, wire::tls::Stream};

use super::{Known, random_code};

/// A lane that some session waits for.
pub(super) struct ExpectedLane {
    pub(super) key: LaneKey,
    pub(super) peer_key: Vec<u8>,
    pub(super) opened: oneshot::Sender<Stream>,
}

/// See the module's page.
pub(crate) struct Door {
    inside: Mutex<Inside>,
    ticket_returned: Notify,
    gave_up: Notify,
    began: Instant,
    events: Events,
    addresses: Vec<SocketAddr>,
    words: usize,
    /// Wrong guesses that one code takes.
    guesses: u32,
    /// A code admits everybody who knows it.
    many: bool,
}

struct Inside {
    code: Option<Code>,
    expires: Option<Instant>,
    /// Codes that wrong guesses used up, and until when none is answered after the last.
    dead: u32,
    closed_until: Option<Instant>,
    guesses: Guesses,
    admission: Admission,
    known: Vec<Known>,
    lanes: BTreeMap<[u8; SESSION_ID_LEN], ExpectedLane>,
}

impl Door {
    /// A door that opens to `known`, and to a code once there is one.
    pub(crate) fn new(
        events: Events,
        known: Vec<Known>,
        addresses: Vec<SocketAddr>,
        words: usize,
        many: bool,
    ) -> Arc<Self> {
        let guesses = if many { GUESSES_ONE_TO_MANY } else { GUESSES_ONE_TO_ONE };
        let inside = Inside {
            code: None,
            expires: None,
            dead: 0,
            closed_until: None,
            guesses: Guesses::new(guesses),
            admission: Admission::new(),
            known,
            lanes: BTreeMap::new(),
        };
        let (inside, ticket_returned, gave_up) = (Mutex::new(inside), Notify::new(), Notify::new());
        let began = Instant::now();
        Arc::new(Self { inside, ticket_returned, gave_up, began, events, addresses, words, guesses, many })
    }

    /// Puts a code in force and tells the user.
    pub(crate) fn set_code(&self, code: Code, lifetime: Option<Duration>) {
        let mut inside = self.lock();
        inside.guesses.renew(self.guesses);
        inside.admission = Admission::new();
        inside.expires = lifetime.map(|lifetime| Instant::now() + lifetime);
        inside.code = Some(code.clone());
        drop(inside);
        self.events.tell(Event::Code { code, addresses: self.addresses.clone() });
    }

    /// Lets an identity come back by its pair key from now on.
    pub(crate) fn remember(&self, known: Known) {
        let mut inside = self.lock();
        inside.known.retain(|other| other.identity != known.identity);
        inside.known.push(known);
    }

    /// By which those who may come without a code recognise this machine, whose identity this is, on the network.
    pub(crate) fn hint_keys(&self, identity: &[u8; 32]) -> Vec<[u8; 32]> {
        self.lock().known.iter().map(|known| hint_key(&known.pair_key, identity)).collect()
    }

    /// The nameplate of the code in force.
    pub(crate) fn nameplate(&self) -> Option<u16> {
        self.lock().code.as_ref().map(Code::nameplate)
    }

    /// Reserves a guess for a connection, waiting for its turn. `Err` says why there is none.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        nameplate: u16,
        from: SocketAddr,
    ) -> Result<(TicketGuard, Code), sockeye_proto::pairing::Reason> {
        use sockeye_proto::pairing::{Reason, WAITING_POLL};
        loop {
            if let Some(until) = self.closed_until() {
                tokio::time::sleep_until(until.into()).await;
            }
            let returned = self.ticket_returned.notified();
            let reservation = {
                let mut inside = self.lock();
                let code = inside
                    .live_code()
                    .filter(|code| code.nameplate() == nameplate)
                    .ok_or(Reason::WrongCode)?;
                (inside.guesses.reserve(self.began.elapsed(), source_of(from.ip())), code)
            };
            match reservation {
                (Reservation::Granted(ticket), code) => {
                    return Ok((TicketGuard { door: Arc::clone(self), ticket: Some(ticket) }, code));
                }
                (Reservation::Wait, _) => {
                    let _ = tokio::time::timeout(WAITING_POLL, returned).await;
                }
                (Reservation::Full, _) => return Err(Reason::Busy),
                (Reservation::Exhausted, _) => return Err(Reason::OutOfGuesses),
            }
        }
    }

    /// Whether many are to come in, or one.
    pub(super) const fn expects_many(&self) -> bool {
        self.many
    }

    /// A connection that waited for its turn is gone.
    pub(super) fn stop_waiting(&self, from: SocketAddr) {
        self.lock().guesses.leave(&source_of(from.ip()));
    }

    /// Who knocks, if a pair key fits.
    pub(super) fn who_knocks(
        &self,
        binding: &Binding,
        tag: &[u8; 32],
    ) -> Option<(Zeroizing<[u8; 32]>, [u8; 32])> {
        let inside = self.lock();
        let known = inside.known.iter().find(|known| knock::matches(&known.pair_key, binding, tag))?;
        Some((known.pair_key.clone(), known.identity))
    }

    /// Whether the code may be used by this identity.
    pub(super) fn admits(&self, identity: &[u8; 32]) -> bool {
        self.many || self.lock().admission.ask(identity) != Admitted::CodeUsed
    }

    /// A wrong tag: counts it, and makes a new code when it was the last.
    fn wrong_code(&self, ticket: Ticket, from: SocketAddr) {
        let mut inside = self.lock();
        let left = inside.guesses.spend(ticket);
        if inside.admission.admitted().is_some() {
            // The code is somebody's already: it stays, because its owner may need it, but guessing goes no faster for that.
            if left == 0 {
                inside.guesses.renew(self.guesses);
                inside.closed_until = Some(Instant::now() + LONGEST_PAUSE);
            }
            drop(inside);
            self.events.tell(Event::WrongCode { from, left });
            return;
        }
        let dead = (left == 0).then(|| inside.code.clone()).flatten();
        let lifetime = inside.expires.map(|at| at.saturating_duration_since(Instant::now()));
        if dead.is_some() {
            inside.dead += 1;
            inside.closed_until = Some(Instant::now() + pause_after(inside.dead));
        }
        let out_of_codes = inside.dead >= MAX_DEAD_CODES;
        if out_of_codes {
            inside.code = None;
        }
        drop(inside);
        self.events.tell(Event::WrongCode { from, left });
        if out_of_codes {
            self.gave_up.notify_one();
            return;
        }
        match dead.map(|code| random_code(code.nameplate(), self.words)) {
            Some(Ok(code)) => self.set_code(code, lifetime),
            Some(Err(error)) => tracing::error!(%error, "no new code"),
            None => {}
        }
    }

    /// Resolves when wrong guesses have used up so many codes that no new one is made.
    pub(super) async fn gave_up(&self) {
        self.gave_up.notified().await;
    }

    fn closed_until(&self) -> Option<Instant> {
        self.lock().closed_until.filter(|until| *until > Instant::now())
    }

    /// A session begins and waits for its lane, as long as the place is kept.
    pub(super) fn expect_lane(self: &Arc<Self>, lane: ExpectedLane) -> LanePlace {
        let place = LanePlace { door: Arc::clone(self), id: lane.key.session_id() };
        self.return_lane(lane);
        place
    }

    /// A connection that said it was this lane was not: the right one may still come.
    pub(super) fn return_lane(&self, lane: ExpectedLane) {
        self.lock().lanes.insert(lane.key.session_id(), lane);
    }

    /// The lane that a connection says it is; it is no longer expected then.
    pub(super) fn take_lane(&self, id: &[u8; SESSION_ID_LEN]) -> Option<ExpectedLane> {
        self.lock().lanes.remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn live_code(&mut self) -> Option<Code> {
        if self.expires.is_some_and(|at| at <= Instant::now()) {
            self.code = None;
        }
        self.code.clone()
    }
}

/// After a code died nobody may guess at the next one for so long: a person needs the time to read it, and a machine does
/// not get more guesses by waiting for codes.
fn pause_after(dead: u32) -> Duration {
    (FIRST_PAUSE * 2u32.saturating_pow(dead.saturating_sub(1))).min(LONGEST_PAUSE)
}

/// The pause after the first dead code.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// After so many codes that died of wrong guesses somebody is attacking: 30 guesses in all, 1 in 140,000 with two words.
const MAX_DEAD_CODES: u32 = 10;

/// A lane is expected as long as this lives.
pub(super) struct LanePlace {
    door: Arc<Door>,
    id: [u8; SESSION_ID_LEN],
}

impl Drop for LanePlace {
    fn drop(&mut self) {
        self.door.take_lane(&self.id);
    }
}

/// A reserved guess that goes back by itself.
pub(super) struct TicketGuard {
    door: Arc<Door>,
    ticket: Option<Ticket>,
}

impl TicketGuard {
    /// The dialer knew the code.
    pub(super) fn success(mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.door.lock().guesses.success(ticket);
        }
    }

    /// The dialer's tag was wrong.
    pub(super) fn wrong(mut self, from: SocketAddr) {
        if let Some(ticket) = self.ticket.take() {
            self.door.wrong_code(ticket, from);
        }
    }
}

impl Drop for TicketGuard {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.door.lock().guesses.refund(ticket);
        }
        self.door.ticket_returned.notify_waiters();
    }
}

/// An address as the guesses count it.
pub(super) fn source_of(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::mpsc, time::timeout};

    use super::*;
    use sockeye_proto::pairing::Reason;

    const NAMEPLATE: u16 = 4821;

    /// A door with a code in force, and what it tells.
    fn door() -> (Arc<Door>, mpsc::UnboundedReceiver<Event>) {
        let (events, told) = mpsc::unbounded_channel();
        let door = Door::new(Events(events), Vec::new(), Vec::new(), 2, false);
        door.set_code("4821-tulip-harbor".parse().unwrap(), None);
        (door, told)
    }

    fn guesser() -> SocketAddr {
        ([192, 0, 2, 7], 1).into()
    }

    /// Wrong guesses until the code is dead, without waiting for the pause before them.
    async fn use_up_the_code(door: &Arc<Door>) {
        door.lock().closed_until = None;
        for _ in 0..GUESSES_ONE_TO_ONE {
            let Ok((ticket, _)) = door.reserve(NAMEPLATE, guesser()).await else { panic!("no guess left") };
            ticket.wrong(guesser());
        }
    }

    /// Whether somebody who asks for a guess is kept waiting. The shortest pause is far longer than this looks.
    async fn waits(door: &Arc<Door>) -> bool {
        timeout(Duration::from_millis(20), door.reserve(NAMEPLATE, guesser())).await.is_err()
    }

    #[test]
    fn the_pause_after_a_dead_code_doubles_up_to_a_minute() {
        let pauses = (1..=MAX_DEAD_CODES).map(|dead| pause_after(dead).as_secs());
        assert_eq!(pauses.collect::<Vec<_>>(), [5, 10, 20, 40, 60, 60, 60, 60, 60, 60]);
        for dead in [32, 33, 64, u32::MAX] {
            assert_eq!(pause_after(dead), LONGEST_PAUSE, "{dead}");
        }
    }

    #[tokio::test]
    async fn after_ten_dead_codes_no_code_is_in_force() {
        let (door, mut told) = door();
        for dead in 1..=MAX_DEAD_CODES {
            assert!(timeout(Duration::ZERO, door.gave_up()).await.is_err(), "after {} codes", dead - 1);
            let before = Instant::now();
            use_up_the_code(&door).await;
            let until = door.closed_until().expect("a pause");
            assert!(until >= before + pause_after(dead), "{dead}");
            assert!(until <= Instant::now() + pause_after(dead), "{dead}");
            assert!(waits(&door).await, "{dead}");
        }
        timeout(Duration::from_secs(5), door.gave_up()).await.expect("it gives up");
        assert_eq!(door.nameplate(), None);
        door.lock().closed_until = None;
        let refused = door.reserve(NAMEPLATE, guesser()).await.err();
        assert_eq!(refused, Some(Reason::WrongCode), "no pause brings it back");

        let (mut codes, mut wrong) = (Vec::new(), 0);
        while let Ok(event) = told.try_recv() {
            match event {
                Event::Code { code, .. } => codes.push(code.words().to_owned()),
                Event::WrongCode { .. } => wrong += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((codes.len(), wrong), (10, 30), "the last one to die has no successor");
        codes.dedup();
        assert_eq!(codes.len(), 10, "each code is another one");
    }

    #[tokio::test]
    async fn a_code_that_admitted_somebody_stays_and_its_guesses_pause() {
        let (door, mut told) = door();
        assert_eq!(door.lock().admission.ask(&[1; 32]), Admitted::First);
        for _ in 0..=MAX_DEAD_CODES {
            let before = Instant::now();
            use_up_the_code(&door).await;
            let until = door.closed_until().expect("a pause");
            assert!(until >= before + LONGEST_PAUSE);
            assert!(waits(&door).await);
        }
        assert_eq!(door.nameplate(), Some(NAMEPLATE));
        assert!(timeout(Duration::ZERO, door.gave_up()).await.is_err());
        assert!(matches!(told.try_recv(), Ok(Event::Code { .. })));
        while let Ok(event) = told.try_recv() {
            assert!(matches!(event, Event::WrongCode { .. }), "{event:?}");
        }
    }
}
