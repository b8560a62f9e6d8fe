//! `--stats`: how full a socket's buffers are, and what keeps it from being faster, every so often.

use std::{fmt::Write, os::fd::OwnedFd, time::Duration};

use serde_json::{Value, json};
use sockeye::inspect::{Limit, Limits, Queues, TcpInfo, why_limited};
use tokio::time::{MissedTickBehavior, interval_at};

use super::tell::Tell;
use crate::output::{measure::size, stdout::Broken};

/// Looks at a socket every so often, for ever: to be run beside what it looks at. Without an interval it waits for ever.
pub(super) async fn watch(
    socket: Option<OwnedFd>,
    connection: u64,
    every: Option<Duration>,
    tell: &Tell,
) -> Broken {
    let (Some(socket), Some(every)) = (socket, every) else { return std::future::pending().await };
    let mut ticks = interval_at(tokio::time::Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut previous = TcpInfo::of(&socket).ok();
    loop {
        ticks.tick().await;
        // A socket that is closing has nothing to tell.
        let Ok(queues) = Queues::of(&socket) else { continue };
        let now = TcpInfo::of(&socket).ok();
        let limits = previous.as_ref().zip(now.as_ref()).and_then(|(before, now)| why_limited(before, now));
        if let Err(broken) = tell.stats(&sentence(connection, &queues, now.as_ref(), limits.as_ref()), || {
            event(connection, &queues, now.as_ref(), limits.as_ref())
        }) {
            return broken;
        }
        previous = now;
    }
}

fn sentence(connection: u64, queues: &Queues, info: Option<&TcpInfo>, limits: Option<&Limits>) -> String {
    let part = |name: &str, waiting: Option<u64>, buffer: u64, fill: Option<f64>| {
        let fill = fill.map(|fill| format!(" ({:.0} % full)", fill * 100.0)).unwrap_or_default();
        format!("{name} {} of {}{fill}", size(waiting.unwrap_or(0)), size(buffer))
    };
    let mut text = format!(
        "connection {connection}: {}, {}",
        part("receive buffer", queues.receive, queues.receive_buffer, queues.receive_fill()),
        part("send buffer", queues.send, queues.send_buffer, queues.send_fill())
    );
    if let Some(rtt) = info.and_then(TcpInfo::rtt) {
        let _ = write!(text, ", round trip {:.2} ms", rtt.as_secs_f64() * 1e3);
    }
    if info.is_some_and(TcpInfo::is_window_closed) {
        text += ", the other side's window is zero: it does not read";
    }
    if let Some(limit) = limits.and_then(Limits::main) {
        let _ = write!(text, ", limited by {}", words(limit));
    }
    text
}

fn words(limit: Limit) -> &'static str {
    match limit {
        Limit::Network => "the network",
        Limit::ReceiverWindow => "the other side's receive buffer",
        Limit::SendBuffer => "the send buffer here",
        Limit::Application => "what is given to send",
    }
}

fn event(connection: u64, queues: &Queues, info: Option<&TcpInfo>, limits: Option<&Limits>) -> Value {
    let tcp = info.map(|info| {
        json!({
            "state": info.state().map(sockeye::inspect::TcpState::name),
            "rtt_s": info.rtt().map(|time| time.as_secs_f64()),
            "min_rtt_s": info.min_rtt().map(|time| time.as_secs_f64()),
            "snd_cwnd": info.snd_cwnd(),
            "snd_wnd": info.snd_wnd(),
            "zero_window": info.is_window_closed(),
            "total_retrans": info.total_retrans(),
            "delivery_rate": info.delivery_rate(),
        })
    });
    let limited = limits.map(|limits| {
        let share = |limit| (limits.share(limit) * 1e4).round() / 1e4;
        json!({
            "by": limits.main().map(Limit::name),
            "network": share(Limit::Network),
            "receiver_window": share(Limit::ReceiverWindow),
            "send_buffer": share(Limit::SendBuffer),
            "application": share(Limit::Application),
        })
    });
    json!({
        "conn": connection,
        "receive_queue": queues.receive,
        "send_queue": queues.send,
        "unsent": queues.unsent,
        "receive_buffer": queues.receive_buffer,
        "send_buffer": queues.send_buffer,
        "receive_fill": queues.receive_fill(),
        "send_fill": queues.send_fill(),
        "drops": queues.memory.map(|memory| memory.drops),
        "tcp": tcp,
        "limited": limited,
    })
}
