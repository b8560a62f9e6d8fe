//! How fast the sender sends (`specs/07-delivery.md` §6).
//!
//! What limits is the queue in front of the slowest link: packets carry the time they were sent, so each receiver sees how
//! long they stood in queues, whatever its clock says. As long as no queue stands the rate grows; where one stands its link
//! is fully used, and how far apart packets arrive is how fast that link is. The rate then is that of the link, a little more
//! or less so that the queue stays at [`TARGET_QUEUE`]. Loss alone never lowers it.
//!
//! A queue that does not drain though less is sent than the link carries is filled by others, such as TCP. Then the rate is
//! [`SHARE`] of the link's, which the distance of batches that leave at one time shows, until the queue is gone.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use super::{
    config::{BATCH_TIME, FIRST_REPORTS_EVERY, REPORT_EVERY},
    device::Device,
    event::MemberId,
    message::Report,
};

/// Where the rate begins, in bytes a second on the wire: 20 Mbit/s. A gigabit takes nine rounds.
const FIRST_RATE: f64 = 2.5e6;
/// It never goes below this: 1 Mbit/s.
const LEAST_RATE: f64 = 125e3;
/// Nor above: 100 Gbit/s.
const MOST_RATE: f64 = 12.5e9;
/// The queue that is kept standing in front of the slowest link.
const TARGET_QUEUE: f64 = 2e-3;
/// A queue below this may be chance.
const NO_QUEUE: f64 = 0.7e-3;
/// A queue's excess is worked off in this time.
const DRAIN_TIME: f64 = 60e-3;
/// The least share of the link's rate that is sent at while a queue is worked off.
const LEAST_SHARE: f64 = 0.7;
/// The rate is looked at this often.
const ROUND: Duration = REPORT_EVERY;
/// While the rate is sought, and what it grows by in each.
const FIRST_ROUNDS: Duration = FIRST_REPORTS_EVERY;
const FIRST_GROWTH: f64 = 1.6;
/// What was reported longer ago says nothing.
const STALE: Duration = Duration::from_millis(250);
/// The smallest and the largest step up in a round without a queue.
const FIRST_STEP: f64 = 0.01;
const LARGEST_STEP: f64 = 0.16;
/// How long a receiver that could not take what came is not given more.
const CAUTION: Duration = Duration::from_secs(1);

/// What one receiver last said.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Duration,
    /// Since when it has limited, and when it last did: moments without a queue change nothing.
    limits: Option<(Duration, Duration)>,
    queue: f64,
    /// Rate of the slowest link on the way, as the distance of packets shows it.
    link: Option<f64>,
    /// Rate of that link as the distance of two batches that left together shows it: what others send is hardly between them.
    train: Option<f64>,
    /// How long the queue has stood without a gap.
    stands: Stands,
    /// Rate at which the receiver itself can take packets, and until when that holds.
    takes: Option<(f64, Duration)>,
}

/// A queue that stands, of one receiver, in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Stands {
    longest: f64,
    /// By so much it should have become shorter, as less was sent than arrived.
    owed: f64,
}

impl Stands {
    /// Whether others fill it: what was not sent should have drained it long ago.
    fn by_others(&self) -> bool {
        self.owed > self.longest * 2.0 + SURELY
    }
}

/// The rate and what it is made from.
#[derive(Debug)]
pub(crate) struct Rate {
    /// Of the moment, in bytes a second on the wire.
    now: f64,
    max: f64,
    /// Bytes of a packet on the wire.
    packet: f64,
    starting: bool,
    step: f64,
    next_round: Duration,
    last_round: Duration,
    /// Packets sent since then.
    sent: u32,
    members: BTreeMap<MemberId, Seen>,
    group: usize,
    limit: Option<MemberId>,
    device: Device,
    /// Time that packets stand in the sender's own queue.
    local_queue: f64,
    /// One that seems slow is left out of account for a moment, to see what the others can take.
    trial: Option<Trial>,
    /// Until when members are not tried again.
    tried: BTreeMap<MemberId, Duration>,
    too_slow: Option<MemberId>,
    /// Others fill the queue: when one was last seen.
    shared: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    member: MemberId,
    since: Duration,
    until: Duration,
}

/// What the members want of the rate.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// Nobody limits it.
    More,
    /// Somebody may limit it: that is not known yet.
    Unsure,
    /// No more than this, because of a member.
    Least(MemberId, f64),
}

/// Whether others see what one member is limited by.
#[derive(Clone, Copy, Debug)]
enum Company {
    Some,
    None,
    Unknown,
}

impl Rate {
    pub(crate) fn new(packet: usize, max: Option<u64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "rates and lengths are far below 2^53")]
        let (packet, max) = (packet as f64, max.map_or(MOST_RATE, |max| max as f64));
        Self {
            now: FIRST_RATE.min(max),
            max: max.clamp(LEAST_RATE.min(max), MOST_RATE),
            packet,
            starting: true,
            step: FIRST_STEP,
            next_round: Duration::ZERO,
            last_round: Duration::ZERO,
            sent: 0,
            members: BTreeMap::new(),
            group: 0,
            limit: None,
            device: Device::default(),
            local_queue: 0.0,
            trial: None,
            tried: BTreeMap::new(),
            too_slow: None,
            shared: None,
        }
    }

    /// Bytes a second on the wire.
    pub(crate) fn bytes_per_second(&self) -> f64 {
        self.now
    }

    /// Time that so many packets take.
    pub(crate) fn time_of(&self, packets: u16) -> Duration {
        Duration::from_secs_f64(f64::from(packets) * self.packet / self.now)
    }

    /// How long a batch lasts: beside others longer ones show better how fast the link is.
    pub(crate) fn batch_time(&self) -> Duration {
        if self.shared.is_some() { SHARED_BATCH_TIME } else { BATCH_TIME }
    }

    /// So many packets were sent.
    pub(crate) fn sent(&mut self, packets: u16) {
        self.sent = self.sent.saturating_add(packets.into());
    }

    /// What the slowest link carries for us and others together, as far as it is known: no less than the rate.
    pub(crate) fn capacity(&self, now: Duration) -> f64 {
        self.known_link(now).max(self.now)
    }

    /// The slowest link's rate: that of a device that holds the sender up and others use, too, or as trains show it, or else the
    /// device's as it was seen; 0 where nothing is known.
    fn known_link(&self, now: Duration) -> f64 {
        self.device.shared(now).or_else(|| self.link_rate(now)).unwrap_or(self.device.seen())
    }

    /// The slowest link's rate as trains show it.
    fn link_rate(&self, now: Duration) -> Option<f64> {
        let fresh = self.members.values().filter(|seen| seen.at + STALE > now);
        fresh.filter_map(|seen| seen.train).reduce(f64::min)
    }

    /// The receiver that limits the rate.
    pub(crate) fn limit(&self) -> Option<MemberId> {
        self.limit
    }

    /// So many are in the group, whether they have reported or not.
    pub(crate) fn set_group(&mut self, members: usize) {
        self.group = members;
    }

    pub(crate) fn forget(&mut self, member: MemberId) {
        self.members.remove(&member);
        self.tried.remove(&member);
        self.trial = self.trial.filter(|trial| trial.member != member);
        if self.limit == Some(member) {
            self.limit = None;
        }
    }

    /// A receiver's own rate: what its link carries, as far as that is known.
    pub(crate) fn of(&self, member: MemberId) -> Option<f64> {
        let seen = self.members.get(&member)?;
        [seen.link, seen.train, seen.takes.map(|(takes, _)| takes)].into_iter().flatten().reduce(f64::min)
    }

    /// The sender's socket would not take more for a while: its device sent at this rate, and at that one for all programs together,
    /// if the system tells.
    pub(crate) fn held_up(&mut self, now: Duration, rate: f64, in_all: Option<f64>) {
        self.device.held_up(now, rate, in_all);
    }

    /// Packets stand for so long in the sender's own queue: that is no queue on the way.
    pub(crate) fn local_queue(&mut self, queue: Duration) {
        self.local_queue = queue.as_secs_f64();
    }

    /// What a receiver saw.
    pub(crate) fn report(&mut self, now: Duration, member: MemberId, report: &Report) {
        if report.sent == 0 || report.sent_span == 0 {
            return;
        }
        let before = self.members.get(&member).copied();
        let stay = f64::from(report.queue) / 1e6;
        let queue = (stay - self.local_queue).max(0.0);
        let mut link = before.and_then(|seen| seen.link);
        if queue >= NO_QUEUE {
            link = self.shown(link, report.pairs, report.pair_span);
        }
        // The sender's own device is a link as well, and others may use that one. While it holds the sender up, batches wait
        // between their time and the device.
        let mut train = before.and_then(|seen| seen.train);
        let held = self.device.sends(now).is_some();
        if !held && stay >= NO_QUEUE {
            train = self.shown(train, report.train_packets, report.train_span);
        }
        let stands = self.stands(now, before, queue, train.or(link));
        let arrived = f64::from(report.received) * self.packet / (f64::from(report.sent_span) / 1e6);
        let mut takes = before.and_then(|seen| seen.takes).filter(|(_, until)| *until > now);
        if report.dropped > 0 || report.fill > MOST_FILL {
            let least = takes.map_or(arrived, |(takes, _)| takes.min(arrived));
            takes = Some((least * 0.95, now + CAUTION));
        }
        let limits = before.and_then(|seen| seen.limits).filter(|(_, last)| *last + STALE > now);
        let mut seen = Seen { at: now, limits, queue, link, train, stands, takes };
        if self.share(now, &seen).is_some() {
            seen.limits = Some((limits.map_or(now, |(since, _)| since), now));
        }
        self.members.insert(member, seen);
        self.round(now);
    }

    /// The rate of a link, as so many packets show it that were apart by so many microseconds.
    fn shown(&self, before: Option<f64>, packets: u32, span: u32) -> Option<f64> {
        if packets < LEAST_PAIRS {
            return before;
        }
        let shown = f64::from(packets) * self.packet / (f64::from(span.max(1)) / 1e6);
        Some(before.map_or(shown, |rate| rate + (shown - rate) / 4.0))
    }

    /// How long a queue in front of this link has stood now.
    fn stands(&self, now: Duration, before: Option<Seen>, queue: f64, link: Option<f64>) -> Stands {
        let (Some(link), Some(before)) = (link, before) else { return Stands::default() };
        if queue < NO_QUEUE + 2.0 * self.packet / link {
            return Stands::default();
        }
        let passed = now.saturating_sub(before.at).min(STALE).as_secs_f64();
        let owed = before.stands.owed + passed * (CLEARLY - self.now / link);
        Stands { longest: before.stands.longest.max(queue), owed: owed.max(0.0) }
    }

    /// Looks at the rate, if it is time.
    fn round(&mut self, now: Duration) {
        if now < self.next_round {
            return;
        }
        let possible = self.now * now.saturating_sub(self.last_round).as_secs_f64();
        let used = f64::from(self.sent) * self.packet > possible * USED;
        (self.next_round, self.last_round, self.sent) = (now + self.round_time(), now, 0);
        self.look_for_others(now);
        match (self.wanted(now), self.device.sends(now)) {
            (Wanted::Unsure, _) => {}
            (Wanted::Least(member, rate), _) => {
                self.starting = false;
                self.step = FIRST_STEP;
                self.limit = Some(member);
                self.now = rate;
            }
            (Wanted::More, Some(rate)) => {
                self.starting = false;
                // Others may use the device, too: it then gives as much as there always is something waiting for it. What links
                // behind it carry is found out step by step.
                let share = (self.known_link(now) * SHARE).min(self.now * (1.0 + LARGEST_STEP));
                self.now = (rate * LOCAL_EXCESS).max(share);
            }
            // That a rate was not used up says nothing about a higher one.
            (Wanted::More, None) if !used => {}
            (Wanted::More, None) if self.starting => self.now *= FIRST_GROWTH,
            (Wanted::More, None) if self.trial.is_some() => self.now *= TRIAL_STEP,
            (Wanted::More, None) => {
                self.now *= 1.0 + self.step;
                self.step = (self.step * 1.25).min(LARGEST_STEP);
            }
        }
        self.now = self.now.clamp(LEAST_RATE.min(self.max), self.max);
    }

    /// Whether others fill the queue that limits: most of those see so who see one.
    fn look_for_others(&mut self, now: Duration) {
        let fresh = self.members.values().filter(|seen| seen.at + STALE > now);
        let (mut queues, mut others) = (0usize, 0usize);
        for seen in fresh.filter(|seen| seen.queue >= self.least_queue(seen)) {
            queues += 1;
            others += usize::from(seen.stands.by_others());
        }
        self.shared = match self.shared {
            None => (others * 2 > queues).then_some(now),
            Some(_) if queues > 0 => Some(now),
            Some(last) if last + ROUND + ALONE_AGAIN > now => Some(last),
            Some(_) => {
                // How far apart packets arrived was the share that we had.
                self.members.values_mut().for_each(|seen| seen.link = None);
                None
            }
        };
    }

    /// A queue below this is none. Beside others rates are low for their link, and on a slow one the time of a packet on each of
    /// two links stands in what is measured: the shortest way was that of a small one.
    fn least_queue(&self, seen: &Seen) -> f64 {
        let whole =
            seen.train.filter(|_| self.shared.is_some()).map_or(0.0, |train| 2.0 * self.packet / train);
        NO_QUEUE + whole
    }

    fn round_time(&self) -> Duration {
        if self.starting { FIRST_ROUNDS } else { ROUND }
    }

    /// What the members want. One that seems slow is tried: what do the others want?
    fn wanted(&mut self, now: Duration) -> Wanted {
        let fresh = self.members.iter().filter(|(_, seen)| seen.at + STALE > now);
        let mut wants: Vec<(MemberId, f64)> =
            fresh.filter_map(|(&member, seen)| Some((member, self.share(now, seen)?))).collect();
        wants.sort_by(|a, b| a.1.total_cmp(&b.1));
        let Some(&(slowest, its_rate)) = wants.first() else { return Wanted::More };
        let least = Wanted::Least(slowest, its_rate);
        let may_try = self.tried.get(&slowest).is_none_or(|until| *until <= now);
        if self.trial.is_none() && may_try && self.device.sends(now).is_none() {
            match self.company(now, slowest) {
                Company::Some => {}
                Company::Unknown => return Wanted::Unsure,
                Company::None => {
                    self.trial = Some(Trial { member: slowest, since: now, until: now + TRIAL });
                }
            }
        }
        let Some(trial) = self.trial else { return least };
        let others = wants.iter().find(|(member, _)| *member != trial.member).copied();
        let rate_of_others = others.map_or(self.now, |(_, rate)| rate);
        let its_own = self.of(trial.member).unwrap_or(f64::MAX);
        let heard = self.members.values().filter(|seen| seen.at >= trial.since + AFTER_BEGIN).count();
        if rate_of_others >= its_own * MUCH_FASTER && heard * 2 > self.group {
            (self.trial, self.too_slow) = (None, Some(trial.member));
            return others.map_or(Wanted::More, |(member, rate)| Wanted::Least(member, rate));
        }
        if others.is_some() || trial.until <= now {
            self.trial = None;
            self.tried.insert(trial.member, now + BETWEEN_TRIALS);
            return least;
        }
        Wanted::More
    }

    /// A member that the others would be held up by, if one was found.
    pub(crate) fn too_slow(&mut self) -> Option<MemberId> {
        self.too_slow.take()
    }

    /// Whether others are limited, too, where a member is: of those who have reported since it first was.
    fn company(&self, now: Duration, member: MemberId) -> Company {
        let Some(seen) = self.members.get(&member) else { return Company::Some };
        // A short queue that all share may be seen a little sooner by one than by the others.
        let sure = seen.queue >= TARGET_QUEUE || seen.takes.is_some();
        let Some((since, _)) = seen.limits.filter(|_| sure && self.group > 1) else { return Company::Some };
        let round = self.round_time();
        let lately = now.saturating_sub(round * 2);
        let (heard, limited) = self.heard(member, lately);
        if limited * FEW > heard {
            return Company::Some;
        }
        let (heard, limited) = self.heard(member, since.max(lately));
        if limited * FEW > heard {
            return Company::Some;
        }
        if heard >= (self.group - 1).min(ENOUGH) {
            return Company::None;
        }
        if since + round > now { Company::Unknown } else { Company::Some }
    }

    /// How many others have reported since then, and how many of these are limited.
    fn heard(&self, member: MemberId, since: Duration) -> (usize, usize) {
        let others = self.members.iter().filter(|(other, seen)| **other != member && seen.at >= since);
        others.fold((0, 0), |(heard, limited), (_, seen)| {
            let limits = seen.limits.is_some_and(|(_, last)| last == seen.at);
            (heard + 1, limited + usize::from(limits))
        })
    }

    /// The rate that suits one receiver, if it limits at all.
    fn share(&self, now: Duration, seen: &Seen) -> Option<f64> {
        let of_link = seen.link.and_then(|link| {
            // In a large group most reports are some rounds old: since then the queue has drained by what was sent less.
            let age = now.saturating_sub(seen.at).saturating_sub(ROUND).as_secs_f64();
            let queue = seen.queue - age * (1.0 - self.now / link).max(0.0);
            if self.shared.is_some() {
                let share = seen.train.map_or(self.now, |train| train * SHARE);
                // Whatever trains show: no more than a little above what arrives.
                let most = self.now.min(link * LEAD) * (1.0 + LARGEST_STEP);
                return (queue >= self.least_queue(seen)).then(|| share.min(most));
            }
            let change = (TARGET_QUEUE - queue) / DRAIN_TIME;
            (queue >= NO_QUEUE).then(|| link * (1.0 + change).clamp(LEAST_SHARE, 1.05))
        });
        let takes = seen.takes.map(|(takes, _)| takes);
        [of_link, takes].into_iter().flatten().reduce(f64::min)
    }
}

/// Only a rate below this share of the link drains its queue for certain: what is measured is so exact, and states pass, too.
const CLEARLY: f64 = 0.9;
/// What is missing of a queue's drain before others are taken to fill it, besides twice the queue.
const SURELY: f64 = 10e-3;
/// Batches beside others are so long, and two make a train.
const SHARED_BATCH_TIME: Duration = Duration::from_micros(1_500);
/// The share of the link's rate that is sent at beside others.
const SHARE: f64 = 0.55;
/// How far the rate beside others may be ahead of what arrives, which is known a few rounds late.
const LEAD: f64 = 1.1;
/// Others are gone if no queue has been seen for so long.
const ALONE_AGAIN: Duration = Duration::from_millis(150);
/// So many members, or one in this many, may turn out to be slow.
const FEW: usize = 10;
/// So many others say enough about what the group sees.
const ENOUGH: usize = 8;
/// How long what a slow member wants is left out of account.
const TRIAL: Duration = Duration::from_millis(100);
/// What is reported sooner is of the time before.
const AFTER_BEGIN: Duration = Duration::from_millis(10);
/// How long one that turned out not to be slow is not tried again.
const BETWEEN_TRIALS: Duration = Duration::from_secs(5);
/// The rate grows so fast in a trial.
const TRIAL_STEP: f64 = 1.5;
/// Who could take less than the others by this factor leaves the group: it gets the rest by its own connection.
const MUCH_FASTER: f64 = 2.1;
/// Fewer pairs of packets do not show how fast a link is.
const LEAST_PAIRS: u32 = 4;
/// Room for blocks in use above which a receiver cannot keep up, in percent.
const MOST_FILL: u8 = 60;
/// The share of the rate that must have been used before it grows.
const USED: f64 = 0.7;
/// How much faster than its device the sender tries to be.
const LOCAL_EXCESS: f64 = 1.1;
