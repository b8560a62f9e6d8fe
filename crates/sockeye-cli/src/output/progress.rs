//! How far it is: a bar on a terminal, a line each ten seconds elsewhere if asked for, or nothing.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sockeye::Progress;

use super::{
    measure::{count, duration, rate, size},
    say, say_all, words,
};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// The rate is taken over this much of the past: long enough to be calm, short enough to be true.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// Shows progress.
pub(super) enum Meter {
    /// Nothing is shown.
    Silent,
    /// A bar that is redrawn in place, made when the first progress comes.
    Bar { bar: Option<ProgressBar>, pace: Pace },
    /// Now and then a line.
    Lines { last: Instant, pace: Pace },
}

impl Meter {
    /// What suits the place: `terminal` tells whether standard error is one.
    pub(super) fn new(terminal: bool, quiet: bool, verbose: bool) -> Self {
        match (quiet, terminal, verbose) {
            (true, ..) | (_, false, false) => Self::Silent,
            (_, true, _) => Self::Bar { bar: None, pace: Pace::default() },
            (_, false, true) => Self::Lines { last: Instant::now(), pace: Pace::default() },
        }
    }

    /// Shows where the transfer is now.
    pub(super) fn show(&mut self, progress: &Progress) {
        match self {
            Self::Silent => (),
            Self::Bar { bar, pace } => {
                pace.note(progress);
                draw(bar.get_or_insert_with(new_bar), progress, pace);
            }
            Self::Lines { last, pace } => {
                pace.note(progress);
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    say(&line(progress, pace));
                }
            }
        }
    }

    /// Shows where a delivery to many is now: its first line is of the whole.
    pub(super) fn show_delivery(&mut self, lines: &[String]) {
        match self {
            Self::Silent => (),
            Self::Bar { bar, .. } => {
                let bar = bar.get_or_insert_with(|| new_bar().with_style(style("{msg}")));
                bar.set_message(lines.join("\n"));
                bar.tick();
            }
            Self::Lines { last, .. } => {
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    say_all(lines);
                }
            }
        }
    }

    /// Writes lines without tearing the bar.
    pub(super) fn print(&self, lines: &[String]) {
        let write = || say_all(lines);
        match self {
            Self::Bar { bar: Some(bar), .. } => bar.suspend(write),
            _ => write(),
        }
    }

    /// Takes the bar away.
    pub(super) fn clear(&mut self) {
        if let Self::Bar { bar, .. } = self
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
    }
}

fn new_bar() -> ProgressBar {
    // The library speaks at most ten times a second; drawing more often would show nothing new.
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
        .with_style(style("{wide_msg}"))
}

fn draw(bar: &ProgressBar, progress: &Progress, pace: &Pace) {
    bar.set_message(line(progress, pace));
    match progress.bytes_total.filter(|total| *total > 0) {
        Some(total) if bar.length() != Some(total) => {
            bar.set_style(style("{bar:20} {percent:>3}% {wide_msg}"));
            bar.set_length(total);
        }
        Some(_) => (),
        None => bar.set_style(style("{wide_msg}")),
    }
    bar.set_position(progress.bytes);
}

/// A template of ours; one that does not parse would fall back to indicatif's own.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("=> "))
}

/// `12.4 MB of 99.0 MB, 10.3 MB/s, 8 s left, photos/a.jpg`.
fn line(progress: &Progress, pace: &Pace) -> String {
    let mut parts = vec![match progress.bytes_total {
        Some(total) => format!("{} of {}", size(progress.bytes), size(total)),
        None => size(progress.bytes),
    }];
    if progress.files_total > 1 {
        parts.push(format!("{} of {}", progress.files, count(progress.files_total, "file")));
    }
    parts.extend(pace.rate());
    parts.extend(pace.left(progress).map(|left| format!("{} left", whole_seconds(left))));
    parts.extend(progress.current.as_deref().map(words::path));
    parts.join(", ")
}

/// Tenths of a guess are noise.
fn whole_seconds(left: Duration) -> String {
    let seconds = left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0));
    if seconds < 60 { format!("{seconds} s") } else { duration(Duration::from_secs(seconds)) }
}

/// The rate over the recent past.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Bytes that travelled by a time, oldest first; spans [`RATE_WINDOW`] and at ten a second stays short.
    samples: VecDeque<(Duration, u64)>,
}

impl Pace {
    fn note(&mut self, progress: &Progress) {
        let travelled = progress.bytes.saturating_sub(progress.bytes_here);
        self.samples.push_back((progress.elapsed, travelled));
        while self.samples.len() > 2 && progress.elapsed.saturating_sub(self.samples[1].0) >= RATE_WINDOW {
            self.samples.pop_front();
        }
    }

    fn span(&self) -> Option<(u64, Duration)> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let time = last.0.checked_sub(first.0)?;
        (!time.is_zero()).then_some((last.1.saturating_sub(first.1), time))
    }

    fn rate(&self) -> Option<String> {
        self.span().and_then(|(bytes, time)| rate(bytes, time))
    }

    /// Time left at this rate; nothing where the rate or the total is not known.
    fn left(&self, progress: &Progress) -> Option<Duration> {
        let (bytes, time) = self.span()?;
        let rest = progress.bytes_total?.checked_sub(progress.bytes)?;
        let milliseconds = u128::from(rest).checked_mul(time.as_millis())?.checked_div(u128::from(bytes))?;
        Some(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, bytes: u64) -> Progress {
        Progress {
            bytes,
            bytes_total: Some(100_000_000),
            files: 1,
            files_total: 3,
            bytes_here: 10_000_000,
            current: Some(b"photos/a.jpg".to_vec()),
            elapsed: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_line_has_amount_rate_time_left_and_the_path_at_work() {
        let mut pace = Pace::default();
        pace.note(&at(0, 10_000_000));
        pace.note(&at(2, 30_000_000));
        let line = line(&at(2, 30_000_000), &pace);
        assert_eq!(line, "30.0 MB of 100 MB, 1 of 3 files, 10.0 MB/s, 7 s left, photos/a.jpg");
    }

    #[test]
    fn a_hostile_path_does_not_steer_the_line() {
        let hostile: [(&[u8], &str); 6] = [
            (b"a/\x1b[2J\x1b]0;title\x07", r"a/\x1b[2J\x1b]0;title\x07"),
            (b"done\rCode: 1-a-b\n", r"done\rCode: 1-a-b\n"),
            ("exe\u{202e}gpj.txt".as_bytes(), r"exe\u{202e}gpj.txt"),
            ("a\u{200b}b\u{2066}c\u{feff}".as_bytes(), r"a\u{200b}b\u{2066}c\u{feff}"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            // Not UTF-8, and what the bar's template would fill in.
            (b"\xff\x9b{wide_msg} {percent}", r"\xff\x9b{wide_msg} {percent}"),
        ];
        for (path, shown) in hostile {
            let progress = Progress { current: Some(path.to_vec()), ..at(0, 10_000_000) };
            let line = line(&progress, &Pace::default());
            assert_eq!(line, format!("10.0 MB of 100 MB, 1 of 3 files, {shown}"));
        }
    }

    #[test]
    fn the_rate_forgets_the_distant_past_and_stays_small() {
        let mut pace = Pace::default();
        for second in 0..1000 {
            pace.note(&at(second, 10_000_000 + second * 1000));
        }
        assert!(pace.samples.len() < 10);
        assert_eq!(pace.rate().as_deref(), Some("1.00 kB/s"));
    }

    #[test]
    fn nothing_is_guessed_from_nothing() {
        let mut pace = Pace::default();
        let first = at(0, 10_000_000);
        pace.note(&first);
        assert_eq!((pace.rate(), pace.left(&first)), (None, None));
        let stalled = at(3, 10_000_000);
        pace.note(&stalled);
        assert_eq!(pace.left(&stalled), None, "no bytes, no end");
    }
}
