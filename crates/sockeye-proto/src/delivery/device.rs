//! The sender's own device, where it holds the sender up (`specs/07-delivery.md` §6.1).

use core::time::Duration;

/// That it held the sender up is news for so long.
const NEWS: Duration = Duration::from_millis(75);
/// It sends for others, too, when it sends in all so many times what it sends for us.
const OTHERS: f64 = 1.15;
/// What is left of the most that was seen with each measurement: all but 0.4 % after a second.
const KEPT: f64 = 0.9999;

/// What is known of the device. Rates are in bytes a second.
#[derive(Debug, Default)]
pub(super) struct Device {
    /// What it sends for us, smoothed, and until when that is news.
    ours: Option<(f64, Duration)>,
    /// What it sends for all programs, smoothed, where the system tells.
    told: Option<f64>,
    /// The most that it was seen to send for us, slowly forgotten: when others use it, too, it sends less.
    seen: f64,
}

impl Device {
    /// The sender's socket would not take more for a while: so much was sent for us, and so much in all.
    pub(super) fn held_up(&mut self, now: Duration, ours: f64, in_all: Option<f64>) {
        let before = self.sends(now);
        // What a socket takes in so short a time varies; that a little too much is offered costs nothing.
        let ours = smooth(before, ours);
        self.ours = Some((ours, now + NEWS));
        let told = self.told.filter(|_| before.is_some());
        self.told = in_all.map(|in_all| smooth(told, in_all)).or(told);
        // The first measurement may be of what the device let pass at once.
        if before.is_some() {
            self.seen = ours.max(self.seen * KEPT);
        }
    }

    /// What it sends for us, if it holds the sender up.
    pub(super) fn sends(&self, now: Duration) -> Option<f64> {
        self.ours.filter(|(_, until)| *until > now).map(|(ours, _)| ours)
    }

    /// What it sends for us and others together, if it holds the sender up and sends for others, as the system tells.
    pub(super) fn shared(&self, now: Duration) -> Option<f64> {
        self.told.zip(self.sends(now)).filter(|(told, ours)| *told > ours * OTHERS).map(|(told, _)| told)
    }

    /// The most that it was seen to send: 0 if nothing was.
    pub(super) fn seen(&self) -> f64 {
        self.seen
    }
}

fn smooth(before: Option<f64>, rate: f64) -> f64 {
    before.map_or(rate, |before| before + (rate - before) / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_it_sends_for_others_is_known_while_it_holds_up() {
        let mut device = Device::default();
        device.held_up(SECOND, 1e6, Some(10e6));
        assert_eq!((device.sends(SECOND), device.shared(SECOND)), (Some(1e6), Some(10e6)));
        assert_eq!((device.sends(SECOND + NEWS), device.shared(SECOND + NEWS)), (None, None));
        device.held_up(SECOND, 1e6, None);
        assert_eq!(device.shared(SECOND), Some(10e6), "one measurement may be missing");
    }

    #[test]
    fn alone_it_is_as_fast_as_it_was_seen() {
        let mut device = Device::default();
        for millis in (0..500).step_by(25) {
            device.held_up(Duration::from_millis(millis), 10e6, Some(10.3e6));
        }
        let now = Duration::from_millis(500);
        assert_eq!((device.shared(now), device.seen()), (None, 10e6));
        // Others whom the system does not count take most of it.
        for millis in (500..1_500).step_by(25) {
            device.held_up(Duration::from_millis(millis), 2e6, Some(2e6));
        }
        assert!((9.9e6..10e6).contains(&device.seen()), "{device:?}");
    }

    #[test]
    fn what_was_told_long_ago_does_not_count() {
        let mut device = Device::default();
        device.held_up(SECOND, 50e6, Some(100e6));
        device.held_up(SECOND * 3_600, 0.5e6, Some(1e6));
        assert_eq!(device.shared(SECOND * 3_600), Some(1e6));
        device.held_up(SECOND * 7_200, 0.5e6, None);
        assert_eq!(device.shared(SECOND * 7_200), None);
    }
}
