//! A TCP flow that always has something to send, as far as its rate goes: CUBIC (RFC 9438) with SACK, on whatever link.

#![expect(clippy::cast_precision_loss, reason = "numbers of a simulation, far below the limits")]

use alloc::collections::VecDeque;
use core::time::Duration;

/// A packet on the wire.
pub(super) const SEGMENT: f64 = 1_514.0;
/// Multiplicative decrease and the constant of growth, in segments a second³ (RFC 9438 §4.1, §4.6, §5).
const BETA: f64 = 0.7;
const GROWTH: f64 = 0.4;
/// RFC 6928.
const FIRST_WINDOW: f64 = 10.0;
const LEAST_WINDOW: f64 = 2.0;
/// As many later ones must have come before one counts as lost (RFC 6675).
const REORDERED: u64 = 3;
/// RFC 6298, with the floor that Linux has.
const LEAST_TIMEOUT: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Cubic {
    /// The congestion window and its threshold, in segments.
    window: f64,
    threshold: f64,
    /// Window before the last reduction, since when it grows again, and the window of a flow like Reno's.
    most: f64,
    epoch: Option<Duration>,
    like_reno: f64,
    next: u64,
    /// Segments that have reached the other end, by the time of their acknowledgement: number, when sent.
    acks: VecDeque<(Duration, u64, Duration)>,
    lost: VecDeque<u64>,
    in_flight: u64,
    /// A loss before this number belongs to a window that has been reduced.
    recover: u64,
    round_trip: Duration,
    heard: Duration,
}

impl Cubic {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            window: FIRST_WINDOW,
            threshold: f64::MAX,
            most: 0.0,
            epoch: None,
            like_reno: 0.0,
            next: 0,
            acks: VecDeque::new(),
            lost: VecDeque::new(),
            in_flight: 0,
            recover: 0,
            round_trip: Duration::from_millis(1),
            heard: now,
        }
    }

    /// The next moment at which something happens.
    pub(super) fn wakes(&self) -> Duration {
        let timeout = self.heard + (self.round_trip * 2).max(LEAST_TIMEOUT);
        self.acks.front().map_or(timeout, |(at, ..)| (*at).min(timeout))
    }

    /// Hears the acknowledgements that have come. What may be sent then is asked for by [`Cubic::may_send`].
    pub(super) fn hear(&mut self, now: Duration) {
        while let Some(&(at, number, sent)) = self.acks.front().filter(|(at, ..)| *at <= now) {
            self.acks.pop_front();
            (self.round_trip, self.heard) = (at.saturating_sub(sent), at);
            self.in_flight = self.in_flight.saturating_sub(1);
            while self.lost.front().is_some_and(|lost| lost + REORDERED <= number) {
                let lost = self.lost.pop_front().unwrap_or_default();
                self.in_flight = self.in_flight.saturating_sub(1);
                if lost >= self.recover {
                    self.reduce();
                }
            }
            self.grow(at);
        }
        if self.heard + (self.round_trip * 2).max(LEAST_TIMEOUT) <= now {
            self.reduce();
            (self.window, self.in_flight, self.heard) = (LEAST_WINDOW, 0, now);
            self.lost.clear();
        }
    }

    /// RFC 9438 §4.6 and §4.7: once for all that was lost of a window.
    fn reduce(&mut self) {
        self.recover = self.next;
        self.most = if self.window < self.most { self.window * (1.0 + BETA) / 2.0 } else { self.window };
        self.window = (self.window * BETA).max(LEAST_WINDOW);
        (self.threshold, self.epoch) = (self.window, None);
    }

    /// One acknowledgement: RFC 9438 §4.2 to §4.5, and slow start.
    fn grow(&mut self, now: Duration) {
        if self.window < self.threshold {
            self.window += 1.0;
            return;
        }
        if self.epoch.is_none() {
            self.epoch = Some(now);
            self.like_reno = self.window;
            self.most = self.most.max(self.window);
        }
        let since = now.saturating_sub(self.epoch.unwrap_or(now)).as_secs_f64();
        let turn = ((self.most - self.threshold.min(self.most)) / GROWTH).cbrt();
        let ahead = since + self.round_trip.as_secs_f64() - turn;
        let target = (GROWTH * ahead.powi(3) + self.most).clamp(self.window, self.window * 1.5);
        let slope = if self.like_reno >= self.most { 1.0 } else { 3.0 * (1.0 - BETA) / (1.0 + BETA) };
        self.like_reno += slope / self.window;
        self.window = (self.window + (target - self.window) / self.window).max(self.like_reno);
    }

    pub(super) fn may_send(&self) -> bool {
        (self.in_flight as f64) + 1.0 <= self.window
    }

    /// A segment was sent, and this is when it will be acknowledged, unless it found no room.
    pub(super) fn sent(&mut self, now: Duration, acknowledged: Option<Duration>) {
        match acknowledged {
            Some(at) => self.acks.push_back((at, self.next, now)),
            None => self.lost.push_back(self.next),
        }
        self.next += 1;
        self.in_flight += 1;
    }
}
