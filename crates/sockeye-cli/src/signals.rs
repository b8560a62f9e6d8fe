//! SIGINT, SIGTERM and SIGHUP: the first cancels, the second ends at once.

use std::time::Duration;

use sockeye::Canceller;

use crate::exit::Exit;

/// How long a cancelled transfer may take to tell its peer and close its files before the program ends regardless: longer
/// than two round trips on any network, shorter than a person's patience.
const GRACE: Duration = Duration::from_secs(5);

/// Watches for signals in a task of its own for as long as the runtime lives.
pub(crate) fn cancel_on_signal(canceller: Canceller) {
    let Ok(mut signals) = Signals::listen() else { return };
    tokio::spawn(async move {
        signals.next().await;
        canceller.cancel();
        // A second signal, or no end within the grace: what has arrived is resumable as it is.
        let _ = tokio::time::timeout(GRACE, signals.next()).await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
}

/// Where files may have no more than a certain size (`ulimit -f`), the system ends a program that writes beyond it. From here
/// on the write fails instead, and the transfer can say so.
pub(crate) fn outlive_file_limits() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // Whoever listens need not hear it: that somebody listens is enough.
        let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    }
}

/// The signals that ask a program to end.
pub(crate) struct Signals {
    #[cfg(unix)]
    streams: Vec<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    /// Takes the signals over from their default action. SIGHUP stays ignored where `nohup` asked for that.
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut streams = vec![signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        if !hangup_is_ignored() {
            streams.push(signal(SignalKind::hangup())?);
        }
        Ok(Self { streams })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let arrived = self.streams.iter_mut().any(|stream| stream.poll_recv(context).is_ready());
            if arrived { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Nothing to take over: Ctrl-C is asked for each time.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next Ctrl-C, for ever where there is none.
    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Whether the parent has told the system to ignore SIGHUP for this process (the first bit of `SigIgn`, proc(5)). Where
/// that cannot be known it counts as not ignored.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
