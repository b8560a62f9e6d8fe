//! What the sender's own device takes, and how much may wait for it (`specs/07-delivery.md` §6.1).

use std::{ops::Range, time::Duration};

use sockeye_net::Interface;

/// Over this time is measured.
const SPAN: Duration = Duration::from_millis(25);
/// The device holds the sender up when the socket did not take packets for this part of the time.
const HELD: f64 = 0.1;
/// Averages are over a span and so many times what may wait: a socket that is full takes nothing until half of it is gone.
const AVERAGE: f64 = 2.0;
/// Packets wait for the device so long at most, as long as it is ours alone, and beside others.
const SHORTEST_WAIT: Duration = Duration::from_millis(4);
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// The share of the device that is sought beside others.
const SHARE: Range<f64> = 0.45..0.55;
/// Twice the wait is worth it if the mean share of so many spans grows by so much. If not, the device does not send in the order of
/// coming, and the wait grows no more for a while.
const WORTH_IT: f64 = 1.15;
const JUDGED_BY: u32 = 16;
const NO_MORE: Duration = Duration::from_secs(2);
/// A device that is told to send less than this part of ours counts something else, or late.
const LEAST_OF_OURS: f64 = 0.9;

/// Measures the device. Bytes are on the wire and of all ways together.
pub(super) struct Gauge {
    device: Counter,
    since: Duration,
    bytes: u64,
    held: Duration,
    waiting: u64,
    may_wait: Duration,
    growth: Growth,
    /// When more may wait again, after it had been of no use.
    more_from: Duration,
    /// Averages: bytes a second, and the part of the time in which the socket did not take packets.
    rate: f64,
    held_part: f64,
}

/// What was measured over a while.
pub(super) struct Gauged {
    /// Bytes a second of ours.
    pub(super) rate: f64,
    /// The device held the sender up.
    pub(super) held: bool,
    /// Bytes a second that the device sent for all programs, where the system tells.
    pub(super) device: Option<f64>,
    /// Most bytes of memory that waited.
    pub(super) waiting: u64,
}

impl Gauge {
    pub(super) fn new(interface: Interface) -> Self {
        Self {
            device: Counter { interface, last: None },
            since: Duration::ZERO,
            bytes: 0,
            held: Duration::ZERO,
            waiting: 0,
            may_wait: SHORTEST_WAIT,
            growth: Growth::from(SHORTEST_WAIT),
            more_from: Duration::ZERO,
            rate: 0.0,
            held_part: 0.0,
        }
    }

    /// Takes note of bytes that were sent, how long the socket had not taken them, and how much waits for the device now. Tells
    /// what was measured now and then.
    pub(super) fn note(
        &mut self,
        clock: impl Fn() -> Duration,
        bytes: u64,
        held: Duration,
        waiting: u64,
    ) -> Option<Gauged> {
        self.bytes += bytes;
        self.held += held;
        self.waiting = self.waiting.max(waiting);
        let now = clock();
        let span = now.saturating_sub(self.since);
        if span < SPAN {
            return None;
        }
        let weight = self.weight(span);
        self.rate += (per_second(self.bytes, span) - self.rate) * weight;
        self.held_part += (self.held.div_duration_f64(span) - self.held_part) * weight;
        // A device that takes everything sends no more than there is: that does not show what it could.
        let device = if self.held.is_zero() { self.device.forget() } else { self.device.rate(clock) };
        let gauged = Gauged {
            rate: self.rate,
            held: self.held_part > HELD,
            device: device.filter(|rate| *rate >= self.rate * LEAST_OF_OURS),
            waiting: self.waiting,
        };
        (self.since, self.bytes, self.held, self.waiting) = (now, 0, Duration::ZERO, 0);
        Some(gauged)
    }

    /// How much the last span counts in an average.
    fn weight(&self, span: Duration) -> f64 {
        span.div_duration_f64(span + self.may_wait.mul_f64(AVERAGE))
    }

    /// How long packets may wait for the device. One that sends in the order of coming gives each a share as large as that of
    /// what waits; so who is held up and has little of the capacity lets more wait.
    pub(super) fn may_wait(&mut self, now: Duration, held: bool, share: f64) -> Duration {
        if held && share < SHARE.start {
            self.grow(now, share);
        } else {
            if !held || share >= SHARE.end {
                self.may_wait = self.may_wait.mul_f64(0.8).max(SHORTEST_WAIT);
            }
            self.growth = Growth::from(self.may_wait);
        }
        self.may_wait
    }

    fn grow(&mut self, now: Duration, share: f64) {
        if self.more_from > now {
            return;
        }
        if self.growth.is_worth_it(self.may_wait, share) {
            // No faster than the average follows.
            let growth = 1.0 + 0.25 * self.weight(SPAN);
            self.may_wait = self.may_wait.mul_f64(growth).min(LONGEST_WAIT);
        } else {
            self.may_wait = self.growth.began;
            self.growth = Growth::from(self.may_wait);
            self.more_from = now + NO_MORE;
        }
    }

    /// The system lets no more wait than it does already.
    pub(super) fn no_more(&mut self) {
        self.may_wait = self.may_wait.mul_f64(0.8).max(SHORTEST_WAIT);
    }
}

/// What it brings to let more wait.
struct Growth {
    /// What might wait at its beginning, and when it was last judged.
    began: Duration,
    judged: Duration,
    /// The mean share then.
    share: f64,
    /// Since then: spans, and the sum of their shares.
    spans: u32,
    sum: f64,
}

impl Growth {
    fn from(wait: Duration) -> Self {
        Self { began: wait, judged: wait, share: 0.0, spans: 0, sum: 0.0 }
    }

    fn is_worth_it(&mut self, wait: Duration, share: f64) -> bool {
        self.spans += 1;
        self.sum += share;
        if wait < self.judged * 2 || self.spans < JUDGED_BY {
            return true;
        }
        let (before, mean) = (self.share, self.sum / f64::from(self.spans));
        (self.judged, self.share, self.spans, self.sum) = (wait, mean, 0, 0.0);
        mean >= before * WORTH_IT
    }
}

/// What a device has sent.
struct Counter {
    interface: Interface,
    /// Bytes, and when that was looked at.
    last: Option<(Duration, u64)>,
}

impl Counter {
    fn forget(&mut self) -> Option<f64> {
        self.last = None;
        None
    }

    /// Bytes a second since it was last looked at.
    fn rate(&mut self, clock: impl Fn() -> Duration) -> Option<f64> {
        let bytes = self.interface.bytes_sent().ok()?;
        self.counted(clock(), bytes)
    }

    fn counted(&mut self, now: Duration, bytes: u64) -> Option<f64> {
        let Some((then, before)) = self.last else {
            self.last = Some((now, bytes));
            return None;
        };
        // Some drivers renew it once in a while only.
        if bytes == before {
            return None;
        }
        self.last = Some((now, bytes));
        Some(per_second(bytes.saturating_sub(before), now.saturating_sub(then)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn per_second(bytes: u64, span: Duration) -> f64 {
    bytes as f64 / span.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge() -> Gauge {
        let mut all = sockeye_net::interfaces().expect("interfaces").into_iter();
        Gauge::new(all.find(|interface| interface.is_loopback).expect("a loopback interface"))
    }

    /// A span in which so much was sent and the socket was full for so long.
    fn span(gauge: &mut Gauge, number: u32, bytes: u64, held: Duration) -> Gauged {
        gauge.note(|| SPAN * number, bytes, held, 100).expect("a span is over")
    }

    #[test]
    fn rates_are_averages_over_what_may_wait() {
        let mut gauge = gauge();
        for number in 1..=20 {
            let free = span(&mut gauge, number, 25_000, Duration::ZERO);
            assert!(!free.held && free.device.is_none() && free.waiting == 100);
        }
        // A socket that is full takes everything in every second span.
        gauge.may_wait = LONGEST_WAIT;
        for number in 21..=120 {
            let (bytes, held) = if number % 2 == 0 { (50_000, SPAN) } else { (0, Duration::ZERO) };
            let gauged = span(&mut gauge, number, bytes, held);
            assert!((0.8e6..1.2e6).contains(&gauged.rate), "{number}: {}", gauged.rate);
            assert!(gauged.held || number < 30, "{number}");
        }
    }

    #[test]
    fn what_a_device_sends_is_told_when_its_counter_moves() {
        let mut counter = gauge().device;
        let at = Duration::from_millis;
        assert_eq!(counter.counted(at(100), 1_000), None, "what it had sent before is not known");
        assert_eq!(counter.counted(at(200), 1_000), None, "not renewed");
        assert_eq!(counter.counted(at(300), 3_000), Some(10_000.0));
        assert_eq!(counter.counted(at(400), 500), Some(0.0), "begun anew");
        assert_eq!(counter.forget(), None);
        assert_eq!(counter.counted(at(900), 90_000), None);
    }

    #[test]
    fn a_device_that_seems_to_send_less_than_ours_is_not_believed() {
        let mut gauge = gauge();
        let all: Vec<Gauged> = (1..10).map(|number| span(&mut gauge, number, 1 << 40, SPAN / 2)).collect();
        assert!(all.iter().all(|gauged| gauged.held && gauged.device.is_none()));
    }

    /// The wait after so many spans beside others on a device that gives this share to who has so much waiting.
    fn wait_beside(gauge: &mut Gauge, spans: Range<u32>, share_of: impl Fn(f64) -> f64) -> Duration {
        let mut wait = SHORTEST_WAIT;
        for number in spans {
            wait = gauge.may_wait(SPAN * number, true, share_of(wait.as_secs_f64()));
        }
        wait
    }

    #[test]
    fn who_has_little_of_a_device_lets_as_much_wait_as_others_do() {
        // TCP has 20 ms waiting.
        let wait = wait_beside(&mut gauge(), 0..200, |wait| wait / (wait + 20e-3));
        assert!((16e-3..20e-3).contains(&wait.as_secs_f64()), "{wait:?}");
        let wait = wait_beside(&mut gauge(), 0..400, |wait| wait / (wait + 1.0));
        assert_eq!(wait, LONGEST_WAIT);
    }

    #[test]
    fn where_it_is_of_no_use_no_more_waits() {
        let mut gauge = gauge();
        // A device with a queue for each flow, and three others.
        let mut waits = [Duration::ZERO; 1_000];
        for (number, wait) in (0..).zip(&mut waits) {
            *wait = gauge.may_wait(SPAN * number, true, 0.25);
        }
        assert!(waits.iter().sum::<Duration>() / 1_000 < SHORTEST_WAIT * 5, "{waits:?}");
        let alone: Vec<Duration> = (0..30).map(|_| gauge.may_wait(SPAN, false, 0.2)).collect();
        assert_eq!(alone[29], SHORTEST_WAIT, "nothing holds up");
    }
}
