//! What the sender's own device takes, and how much may wait for it (`specs/07-delivery.md` §6.1).

use std::time::Duration;

use sockeye_net::Interface;

/// Over this time is measured.
const SPAN: Duration = Duration::from_millis(25);
/// The device holds the sender up when the socket did not take packets for this part of the time.
const HELD: f64 = 0.1;
/// Packets wait for the device so long at most, as long as it is ours alone, and beside others.
const WAITING: Duration = Duration::from_millis(4);
const MOST_WAITING: Duration = Duration::from_millis(100);
/// Averages are over so many times what may wait: a socket that is full takes nothing until half of it is gone.
const AVERAGE: f64 = 2.0;
/// The share of the device that is sought beside others.
const SHARE: std::ops::Range<f64> = 0.45..0.55;

/// Measures the device.
pub(super) struct Gauge {
    interface: Interface,
    since: Duration,
    bytes: u64,
    held: Duration,
    waiting: u64,
    /// What the device had sent at the beginning, if that was looked at.
    device: Option<u64>,
    may_wait: Duration,
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
            interface,
            since: Duration::ZERO,
            bytes: 0,
            held: Duration::ZERO,
            waiting: 0,
            device: None,
            may_wait: WAITING,
            rate: 0.0,
            held_part: 0.0,
        }
    }

    /// Takes note of bytes that were sent, how long the socket had not taken them, and how much waits for the device now. Tells
    /// what was measured now and then.
    pub(super) fn note(&mut self, now: Duration, bytes: u64, held: Duration, waiting: u64) -> Option<Gauged> {
        self.bytes += bytes;
        self.held += held;
        self.waiting = self.waiting.max(waiting);
        let span = now.saturating_sub(self.since);
        if span < SPAN {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let rate_of = |bytes: u64| bytes as f64 / span.as_secs_f64();
        let weight = span.as_secs_f64() / (span + self.may_wait.mul_f64(AVERAGE)).as_secs_f64();
        self.rate += (rate_of(self.bytes) - self.rate) * weight;
        self.held_part += (self.held.div_duration_f64(span) - self.held_part) * weight;
        let held = self.held_part > HELD;
        // A device that takes everything sends no more than there is: that does not show what it could.
        let device = held.then(|| self.interface.bytes_sent().ok()).flatten();
        let sent = device.zip(self.device).map(|(device, before)| rate_of(device.saturating_sub(before)));
        let gauged = Gauged { rate: self.rate, held, device: sent, waiting: self.waiting };
        (self.since, self.bytes, self.held, self.waiting) = (now, 0, Duration::ZERO, 0);
        self.device = device;
        Some(gauged)
    }

    /// How long packets may wait for the device. One that sends in the order of coming gives each a share as large as that of
    /// what waits; so who is held up and has little of the capacity lets more wait.
    pub(super) fn may_wait(&mut self, held: bool, share: f64) -> Duration {
        if !held || !SHARE.contains(&share) {
            let change = if held && share < SHARE.start { 1.25 } else { 0.8 };
            self.may_wait = self.may_wait.mul_f64(change).clamp(WAITING, MOST_WAITING);
        }
        self.may_wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> Interface {
        let mut all = sockeye_net::interfaces().expect("interfaces").into_iter();
        all.find(|interface| interface.is_loopback).expect("a loopback interface")
    }

    /// So many spans, in each of which so much was sent and the socket was full for so long.
    fn over_spans(gauge: &mut Gauge, from: u64, spans: u64, bytes: u64, held: Duration) -> Vec<Gauged> {
        let at = |span: u64| SPAN * u32::try_from(span).expect("a few");
        (from..from + spans).filter_map(|span| gauge.note(at(span), bytes, held, 100)).collect()
    }

    #[test]
    fn rates_are_averages_and_only_a_device_that_holds_up_is_looked_at() {
        let mut gauge = Gauge::new(loopback());
        let free = over_spans(&mut gauge, 1, 20, 25_000, Duration::ZERO);
        assert_eq!(free.len(), 20);
        let last = free.last().expect("spans");
        assert!(!last.held && last.device.is_none() && last.waiting == 100);
        assert!((0.99e6..1.01e6).contains(&last.rate), "{}", last.rate);
        let held = over_spans(&mut gauge, 21, 20, 25_000, SPAN / 2);
        assert!(held.iter().all(|gauged| gauged.held));
        assert_eq!(held[0].device, None, "what it had sent before is not known");
        assert_eq!(held[1].device.is_some(), cfg!(target_os = "linux"));
    }

    #[test]
    fn who_has_little_of_a_device_lets_more_wait_within_bounds() {
        let mut gauge = Gauge::new(loopback());
        assert_eq!(gauge.may_wait(true, 0.5), WAITING, "half is what is sought");
        let more: Vec<Duration> = (0..30).map(|_| gauge.may_wait(true, 0.2)).collect();
        assert!(more.is_sorted() && more[0] > WAITING && more[29] == MOST_WAITING, "{more:?}");
        assert_eq!(gauge.may_wait(true, 0.5), MOST_WAITING, "half is what is sought");
        let less: Vec<Duration> = (0..30).map(|_| gauge.may_wait(false, 0.2)).collect();
        assert!(less[0] < MOST_WAITING && less[29] == WAITING, "nothing holds up: {less:?}");
    }
}
