//! A whole group in virtual time, without payload: one sender, any number of members, a link with a queue in front of it.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of a simulation, far below the limits"
)]

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::cubic::{Cubic, SEGMENT};
use crate::delivery::{
    CastEvent, CastParams, Caster, Feedback, Listener, MemberId, PacketHeader, PacketKind, State, Transmit,
    Verdict, random::Random, ticks, wire::TICK,
};

/// Source symbols of a full block.
pub(super) const SOURCES: u16 = 185;
/// A packet on the wire.
pub(super) const WIRE: f64 = 1_494.0;
/// A state packet besides its body.
const STATE: f64 = 74.0;
/// The way to each member.
const THERE: Duration = Duration::from_micros(200);
/// The way back: a message over a connection that is handled by several threads.
const BACK: Duration = Duration::from_micros(600);
/// How far apart rates are noted.
const SAMPLE: Duration = Duration::from_millis(100);
/// No run takes longer.
const TOO_LONG: Duration = Duration::from_secs(3_600);

/// How a group is made.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    pub(super) members: usize,
    pub(super) blocks: u64,
    pub(super) link: Link,
    pub(super) loss: Loss,
    pub(super) max_rate: Option<u64>,
    /// Member 0 has a link of its own.
    pub(super) slow: Option<Link>,
    pub(super) others: Others,
    pub(super) seed: u64,
}

/// What else happens on the link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Others {
    /// From when to when one TCP flow of another sender uses it, too.
    pub(super) tcp: Option<(Duration, Duration)>,
    /// When it becomes slower, and the rate from then on.
    pub(super) slower: Option<(Duration, f64)>,
    /// Rate of the sender's own link in front of it, in bytes a second; none takes no time.
    pub(super) own: Option<f64>,
    /// When the run ends, whether everything has been sent or not.
    pub(super) until: Option<Duration>,
}

/// What all packets pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// In bytes a second.
    pub(super) rate: f64,
    /// Bytes that fit in front of it.
    pub(super) queue: f64,
}

impl Link {
    /// So many megabits a second, with 20 ms of room.
    pub(super) fn megabits(rate: f64) -> Self {
        let rate = rate * 125e3;
        Self { rate, queue: rate * 0.020 }
    }
}

/// Which packets do not arrive.
#[derive(Clone, Copy, Debug)]
pub(super) enum Loss {
    /// The same share for all, independently.
    Each(f64),
    /// In bursts of 20 packets on average.
    Bursts(f64),
    /// Of one member; the others lose one in a thousand.
    One(f64),
    /// Everybody loses the same packets.
    Shared(f64),
}

/// What a run showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) sources: u64,
    pub(super) symbols: u64,
    /// Messages with questions, and messages in all.
    pub(super) askings: u64,
    pub(super) messages: u64,
    /// Until the last member had everything.
    pub(super) elapsed: Duration,
    pub(super) complete: usize,
    /// Who was too slow for the others, and when.
    pub(super) too_slow: Vec<(MemberId, Duration)>,
    /// Rate at the end of each tenth of a second.
    pub(super) rates: Vec<f64>,
    /// Bytes of the delivery and of TCP that the link has taken until then.
    pub(super) bytes: Vec<(f64, f64)>,
    /// Packets of the delivery for which it had no room until then.
    pub(super) dropped: Vec<u64>,
}

impl Outcome {
    /// Symbols sent for each source symbol.
    pub(super) fn ratio(&self) -> f64 {
        self.symbols as f64 / self.sources as f64
    }
}

struct Member {
    machine: Listener,
    random: Random,
    loss: Loss,
    in_burst: bool,
    /// When its timer goes off.
    wakes: Option<Duration>,
}

impl Member {
    fn loses(&mut self) -> bool {
        match self.loss {
            Loss::Each(share) => chance(&mut self.random, share),
            Loss::Bursts(share) => {
                // The model of Gilbert, with a bad state that loses everything.
                let turn = if self.in_burst { 1.0 / BURST } else { share / (BURST * (1.0 - share)) };
                self.in_burst ^= chance(&mut self.random, turn);
                self.in_burst
            }
            Loss::One(_) | Loss::Shared(_) => false,
        }
    }
}

/// Packets of a burst.
const BURST: f64 = 20.0;

fn chance(random: &mut Random, share: f64) -> bool {
    share > 0.0 && (random.next() >> 11) as f64 <= share * (1u64 << 53) as f64
}

/// Bytes on the wire.
fn len(packet: &Packet) -> f64 {
    if let Packet::State(_, state) = packet { STATE + state.encode().len() as f64 } else { WIRE }
}

#[derive(Clone)]
enum Packet {
    Symbol(PacketHeader),
    State(PacketHeader, State),
}

struct Run {
    crowd: Crowd,
    now: Duration,
    caster: Caster,
    members: Vec<Member>,
    random: Random,
    /// In the order of arrival.
    air: VecDeque<(Duration, Packet)>,
    /// What is on the sender's own link.
    own_air: VecDeque<(Duration, Packet)>,
    own_free: Duration,
    tcp: Option<Cubic>,
    taken: (f64, f64),
    dropped: u64,
    /// What is on the slow member's own link.
    slow_air: VecDeque<(Duration, Packet)>,
    slow_free: Duration,
    /// Messages on their way back.
    back: BTreeMap<(Duration, u64), (usize, Feedback)>,
    timers: BTreeSet<(Duration, usize)>,
    /// When the link has sent what it was given.
    link_free: Duration,
    counter: u32,
    /// Time of the last batch: no two have the same.
    stamp: Duration,
    next_sample: Duration,
    out: Outcome,
}

impl Crowd {
    /// From the first packet until nobody asks for more.
    pub(super) fn run(&self) -> Outcome {
        let mut run = Run::new(self.clone());
        while run.step() {}
        run.out.sources = run.caster.stats().sources;
        run.out
    }

    fn loss_of(&self, member: usize) -> Loss {
        match self.loss {
            Loss::One(share) => Loss::Each(if member == 0 { share } else { 0.001 }),
            other => other,
        }
    }
}

impl Run {
    fn new(crowd: Crowd) -> Self {
        let mut random = Random::new(crowd.seed);
        let mut caster = Caster::new(&CastParams { wire_len: WIRE as usize, max_rate: crowd.max_rate });
        let now = Duration::from_millis(1);
        let mut members = Vec::new();
        for member in 0..crowd.members {
            let mut machine = Listener::new(random.next());
            machine.need(0..crowd.blocks);
            let (random, loss) = (Random::new(random.next()), crowd.loss_of(member));
            members.push(Member { machine, random, loss, in_burst: false, wakes: None });
            caster.join(now, member as MemberId, core::slice::from_ref(&(0..crowd.blocks)));
        }
        Self {
            crowd,
            now,
            caster,
            members,
            random,
            air: VecDeque::new(),
            own_air: VecDeque::new(),
            own_free: now,
            tcp: None,
            taken: (0.0, 0.0),
            dropped: 0,
            slow_air: VecDeque::new(),
            slow_free: now,
            back: BTreeMap::new(),
            timers: BTreeSet::new(),
            link_free: now,
            counter: 0,
            stamp: now,
            next_sample: SAMPLE,
            out: Outcome::default(),
        }
    }

    /// Goes on to the next event. False when the pass has ended.
    fn step(&mut self) -> bool {
        self.transmit();
        let wakes = [
            self.caster.poll_timeout().map(|deadline| deadline.at),
            self.air.front().map(|(at, _)| *at),
            self.own_air.front().map(|(at, _)| *at),
            self.crowd.others.tcp.map(|(from, _)| self.tcp.as_ref().map_or(from, Cubic::wakes)),
            self.crowd.others.slower.map(|(at, _)| at),
            self.slow_air.front().map(|(at, _)| *at),
            self.back.keys().next().map(|(at, _)| *at),
            self.timers.first().map(|(at, _)| *at),
        ];
        let Some(next) = wakes.into_iter().flatten().min() else { return false };
        self.now = self.now.max(next);
        assert!(self.now < TOO_LONG, "no end: {:?}", self.out);
        if self.crowd.others.until.is_some_and(|until| until <= self.now) {
            return false;
        }
        self.sample();
        self.others();
        self.arrive();
        self.go_off();
        self.hear();
        self.caster.handle_timeout(self.now);
        while let Some(event) = self.caster.poll_event() {
            match event {
                CastEvent::TooSlow(member) => self.out.too_slow.push((member, self.now)),
                CastEvent::PassEnd => return false,
            }
        }
        true
    }

    fn sample(&mut self) {
        while self.now >= self.next_sample {
            self.out.rates.push(self.caster.bytes_per_second());
            self.out.bytes.push(self.taken);
            self.out.dropped.push(self.dropped);
            self.next_sample += SAMPLE;
        }
    }

    fn transmit(&mut self) {
        while let Some(transmit) = self.caster.poll_transmit(self.now, |_| SOURCES) {
            self.stamp = self.now.max(self.stamp + TICK);
            match transmit {
                Transmit::Symbols { block, first, count, fresh } => {
                    self.out.symbols += u64::from(count);
                    for number in first..first + count {
                        let header = PacketHeader {
                            fresh,
                            block: block as u32,
                            symbol: (number % 256) as u8,
                            ..self.header(PacketKind::Symbol)
                        };
                        self.send(Packet::Symbol(header));
                    }
                }
                Transmit::State(state) => {
                    let header = self.header(PacketKind::State);
                    self.send(Packet::State(header, state));
                }
            }
        }
    }

    fn header(&mut self, kind: PacketKind) -> PacketHeader {
        self.counter += 1;
        let (counter, time) = (self.counter, ticks(self.stamp));
        PacketHeader { kind, fresh: false, session: 1, counter, time, block: 0, symbol: 0 }
    }

    /// Over the sender's own link, if that takes time, and then over the one that all share.
    fn send(&mut self, packet: Packet) {
        let Some(rate) = self.crowd.others.own else { return self.share(packet) };
        self.own_free = self.own_free.max(self.now) + Duration::from_secs_f64(len(&packet) / rate);
        self.own_air.push_back((self.own_free, packet));
    }

    fn share(&mut self, packet: Packet) {
        let len = len(&packet);
        let Some(at) = self.over_the_link(len) else {
            self.dropped += 1;
            return;
        };
        self.taken.0 += len;
        let shared = if let Loss::Shared(share) = self.crowd.loss { share } else { 0.0 };
        if !chance(&mut self.random, shared) {
            self.air.push_back((at, packet));
        }
    }

    /// When it arrives, if there is room in front of the link.
    fn over_the_link(&mut self, len: f64) -> Option<Duration> {
        let Link { rate, queue } = self.crowd.link;
        if self.link_free.saturating_sub(self.now).as_secs_f64() * rate > queue {
            return None;
        }
        self.link_free = self.link_free.max(self.now) + Duration::from_secs_f64(len / rate);
        Some(self.link_free + THERE)
    }

    /// What the sender's own link has brought, what TCP does, what happens to the link.
    fn others(&mut self) {
        while self.own_air.front().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, packet)) = self.own_air.pop_front() {
                self.share(packet);
            }
        }
        if let Some((_, rate)) = self.crowd.others.slower.take_if(|(at, _)| *at <= self.now) {
            let left = self.link_free.saturating_sub(self.now);
            self.link_free = self.now + left.mul_f64(self.crowd.link.rate / rate);
            self.crowd.link.rate = rate;
        }
        let Some((_, until)) = self.crowd.others.tcp.filter(|(from, _)| *from <= self.now) else { return };
        let mut tcp = self.tcp.take().unwrap_or_else(|| Cubic::new(self.now));
        tcp.hear(self.now);
        while tcp.may_send() {
            let at = self.over_the_link(SEGMENT);
            self.taken.1 += at.map_or(0.0, |_| SEGMENT);
            tcp.sent(self.now, at.map(|at| at + THERE));
        }
        self.tcp = Some(tcp);
        if until <= self.now {
            (self.tcp, self.crowd.others.tcp) = (None, None);
        }
    }

    fn arrive(&mut self) {
        while self.air.front().is_some_and(|(at, _)| *at <= self.now) {
            let Some((at, packet)) = self.air.pop_front() else { return };
            for index in 0..self.members.len() {
                if index == 0 && self.crowd.slow.is_some() {
                    self.queue_for_the_slow(at, &packet);
                } else {
                    self.reach(index, &packet);
                }
            }
        }
        while self.slow_air.front().is_some_and(|(at, _)| *at <= self.now) {
            let Some((_, packet)) = self.slow_air.pop_front() else { return };
            self.reach(0, &packet);
        }
    }

    fn queue_for_the_slow(&mut self, at: Duration, packet: &Packet) {
        let Some(Link { rate, queue }) = self.crowd.slow else { return };
        if self.slow_free.saturating_sub(at).as_secs_f64() * rate <= queue {
            self.slow_free = self.slow_free.max(at) + Duration::from_secs_f64(WIRE / rate);
            self.slow_air.push_back((self.slow_free, packet.clone()));
        }
    }

    fn reach(&mut self, index: usize, packet: &Packet) {
        let member = &mut self.members[index];
        if member.loses() {
            return;
        }
        match packet {
            Packet::Symbol(header) => {
                member.machine.handle_packet(self.now, header);
                let verdict = member.machine.handle_symbol(self.now, header, SOURCES);
                if verdict == Verdict::Complete && member.machine.is_complete() {
                    self.out.complete += 1;
                    self.out.elapsed = self.now;
                }
            }
            Packet::State(header, state) => {
                member.machine.handle_packet(self.now, header);
                member.machine.handle_state(self.now, state);
            }
        }
        self.speak(index);
    }

    fn go_off(&mut self) {
        while let Some(&(at, index)) = self.timers.first().filter(|(at, _)| *at <= self.now) {
            self.timers.remove(&(at, index));
            self.members[index].wakes = None;
            self.speak(index);
        }
    }

    /// Lets a member say what it has to say, and sets its timer.
    fn speak(&mut self, index: usize) {
        let member = &mut self.members[index];
        if let Some(feedback) = member.machine.poll_feedback(self.now, 0, 0) {
            self.out.askings += u64::from(!feedback.nacks.is_empty());
            self.out.messages += 1;
            self.back.insert((self.now + BACK, self.out.messages), (index, feedback));
        }
        let wakes = member.machine.poll_timeout();
        let wakes = wakes.map(|deadline| deadline.at.max(self.now + Duration::from_micros(1)));
        if wakes != member.wakes {
            if let Some(before) = core::mem::replace(&mut member.wakes, wakes) {
                self.timers.remove(&(before, index));
            }
            self.timers.extend(wakes.map(|at| (at, index)));
        }
    }

    fn hear(&mut self) {
        while self.back.keys().next().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, (index, feedback))) = self.back.pop_first() {
                self.caster.handle_feedback(self.now, index as MemberId, &feedback);
            }
        }
    }
}

/// Symbols for each source symbol that ideal parity repair needs: 1 + (1/k) Σ [1 − ∏ Fᵢ(l)] over the losses of all members.
/// (Nonnenmacher, Biersack, Towsley, *Parity-based loss recovery for reliable multicast transmission*, 1998.)
pub(super) fn ideal(losses: &[(usize, f64)]) -> f64 {
    let k = f64::from(SOURCES);
    let mut terms: Vec<f64> = losses.iter().map(|(_, loss)| (1.0 - loss).powf(k)).collect();
    let mut below: Vec<f64> = alloc::vec![0.0; losses.len()];
    let mut sum = 0.0;
    for l in 0..2_000 {
        let mut none = 1.0;
        for ((members, loss), (term, below)) in losses.iter().zip(terms.iter_mut().zip(&mut below)) {
            *below += *term;
            *term *= (k + f64::from(l)) / f64::from(l + 1) * loss;
            none *= f64::min(*below, 1.0).powf(*members as f64);
        }
        sum += 1.0 - none;
        if 1.0 - none < 1e-9 {
            break;
        }
    }
    1.0 + sum / k
}

/// The same for losses in bursts, if each block's symbols follow each other and there is no end of repair symbols: F from
/// the losses between one packet that arrives and the next, none or as many as are left of a burst that begins.
pub(super) fn ideal_of_bursts(members: usize, share: f64) -> f64 {
    let (begin, last) = (share / (BURST * (1.0 - share)), 1.0 / BURST);
    let mut lost = alloc::vec![0.0; 4_000];
    lost[0] = 1.0;
    for packet in 0..SOURCES {
        let begin = if packet == 0 { share } else { begin };
        let (mut before, mut in_burst) = (0.0, 0.0);
        for chance in &mut lost {
            in_burst = (1.0 - last) * in_burst + begin * last * before;
            before = *chance;
            *chance = (1.0 - begin) * before + in_burst;
        }
    }
    let mut below = 0.0;
    let more = lost.iter().map(|chance| {
        below += chance;
        1.0 - f64::min(below, 1.0).powf(members as f64)
    });
    1.0 + more.sum::<f64>() / f64::from(SOURCES)
}
