//! What keeps a TCP sender from being faster.

use std::time::Duration;

use super::TcpInfo;

/// What a sender waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// The path and the congestion control: data was on its way, as fast as they let it.
    Network,
    /// The receiver's window: the other program does not read fast enough, or its buffer is small for the path.
    ReceiverWindow,
    /// The own send buffer: small for the path.
    SendBuffer,
    /// The own program: there was nothing to send.
    Application,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Network, Self::ReceiverWindow, Self::SendBuffer, Self::Application];

    /// A short name, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::ReceiverWindow => "receiver_window",
            Self::SendBuffer => "send_buffer",
            Self::Application => "application",
        }
    }
}

/// How an interval was spent. The four times add up to it.
///
/// The kernel counts in its own ticks, of 1 to 10 ms: shares of intervals shorter than 100 ms are coarse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the interval was.
    pub elapsed: Duration,
    /// Time limited by the network.
    pub network: Duration,
    /// Time limited by the receiver's window.
    pub receiver_window: Duration,
    /// Time limited by the send buffer.
    pub send_buffer: Duration,
    /// Time without anything to send.
    pub application: Duration,
    /// The receiver's window was closed at the end.
    pub window_closed: bool,
}

impl Limits {
    /// Time of one limit.
    pub const fn time(&self, limit: Limit) -> Duration {
        match limit {
            Limit::Network => self.network,
            Limit::ReceiverWindow => self.receiver_window,
            Limit::SendBuffer => self.send_buffer,
            Limit::Application => self.application,
        }
    }

    /// Share of one limit, 0 to 1; 0 of an empty interval.
    pub fn share(&self, limit: Limit) -> f64 {
        if self.elapsed.is_zero() { 0.0 } else { self.time(limit).div_duration_f64(self.elapsed) }
    }

    /// What took most of the time; of equal ones the first of [`Limit::ALL`]. None of an empty interval.
    pub fn main(&self) -> Option<Limit> {
        let longest = Limit::ALL.into_iter().map(|limit| self.time(limit)).max()?;
        Limit::ALL.into_iter().find(|limit| !longest.is_zero() && self.time(*limit) == longest)
    }
}

/// What limited the sender between two looks at the same connection; none if the kernel does not count it (before Linux 4.10).
///
/// From `busy_time`, which is the time with anything to send or in flight, and the parts of it that `rwnd_limited` and
/// `sndbuf_limited` are: the rest of the busy time is the network's, the rest of the interval the program's own. A program
/// that writes little at a time, but always before the last of it is acknowledged, is busy all the same: then
/// [`is_rate_app_limited`](TcpInfo::is_rate_app_limited) tells.
pub fn why_limited(previous: &TcpInfo, now: &TcpInfo) -> Option<Limits> {
    let grown =
        |figure: fn(&TcpInfo) -> Option<Duration>| Some(figure(now)?.saturating_sub(figure(previous)?));
    let elapsed = now.taken().saturating_duration_since(previous.taken());
    // Ticks are coarser than the clock: what was counted can be longer than the interval, or than what it is part of.
    let busy = grown(TcpInfo::busy_time)?.min(elapsed);
    let receiver_window = grown(TcpInfo::rwnd_limited)?.min(busy);
    let send_buffer = grown(TcpInfo::sndbuf_limited)?.min(busy.saturating_sub(receiver_window));
    Some(Limits {
        elapsed,
        network: busy.saturating_sub(receiver_window + send_buffer),
        receiver_window,
        send_buffer,
        application: elapsed.saturating_sub(busy),
        window_closed: now.is_window_closed(),
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
