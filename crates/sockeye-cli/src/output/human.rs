//! Sentences on standard error for a person.

use std::{io, path::PathBuf};

use sockeye::{Event, Existing, Failure, Offer, Summary};

use super::{
    Report, many,
    measure::{count, size},
    progress::Meter,
    say, say_all, sentence, words,
};
use crate::{exit::Exit, trouble::Trouble};

/// What the sentences depend on.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// This side sends.
    pub(crate) sending: bool,
    /// The code was chosen by the user: it need not be shown with `--quiet`.
    pub(crate) code_given: bool,
    /// `--no-discovery`.
    pub(crate) no_discovery: bool,
    /// What happens to files that exist.
    pub(crate) existing: Existing,
    /// `--keep`: there may be no code to show.
    pub(crate) keep: bool,
    /// To many at once.
    pub(crate) many: bool,
    /// Enter lets a delivery begin.
    pub(crate) by_hand: bool,
    /// Bytes go to standard output.
    pub(crate) to_stdout: bool,
    /// Absolute paths of what is sent.
    pub(crate) sources: Vec<PathBuf>,
    /// `--quiet`.
    pub(crate) quiet: bool,
    /// `--verbose`.
    pub(crate) verbose: bool,
    /// `--stats`.
    pub(crate) stats: bool,
}

/// Tells a person.
pub(crate) struct Human {
    scene: Scene,
    meter: Meter,
    codes: u32,
    /// What failed so far, for the case that no summary comes. At most [`sockeye::SUMMARY_FAILURES`].
    failures: Vec<Failure>,
}

impl Human {
    /// `terminal`: whether standard error is one.
    pub(crate) fn new(scene: Scene, terminal: bool) -> Self {
        let meter = Meter::new(terminal, scene.quiet, scene.verbose);
        Self { scene, meter, codes: 0, failures: Vec::new() }
    }

    /// Lines that `--quiet` leaves out.
    fn tell(&self, lines: &[String]) {
        if !self.scene.quiet {
            self.meter.print(lines);
        }
    }

    /// Lines that only `--verbose` shows.
    fn detail(&self, line: impl FnOnce() -> String) {
        if self.scene.verbose {
            self.meter.print(&[line()]);
        }
    }

    fn code(&mut self, code: &sockeye::Code, addresses: &[std::net::SocketAddr]) {
        self.codes = self.codes.saturating_add(1);
        if self.scene.quiet {
            if !self.scene.code_given || self.codes > 1 {
                self.meter.print(&[format!("Code: {code}")]);
            }
            return;
        }
        if self.codes > 1 {
            self.meter.print(&["That code is used up. The new one:".to_owned()]);
        }
        self.meter.print(&words::code(code, addresses, self.scene.sending, self.scene.no_discovery));
    }

    fn note_failure(&mut self, failure: &Failure) {
        if self.failures.len() < sockeye::SUMMARY_FAILURES {
            self.failures.push(failure.clone());
        }
        self.detail(|| words::failure(failure).trim_start().to_owned());
    }
}

impl Report for Human {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Code { code, addresses } => self.code(code, addresses),
            Event::Listening { addresses } => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let line = format!("Listening on {}.", addresses.join(", "));
                if self.scene.keep { self.tell(&[line]) } else { self.detail(|| line) }
            }
            Event::Searching { what } => {
                self.tell(&[format!("Looking for {} on this network.", words::path(what.as_bytes()))]);
            }
            Event::Connecting { address } => self.detail(|| format!("Connecting to {address}.")),
            Event::WrongCode { from, left } => {
                self.tell(&[format!("A wrong code came from {from}; wrong guesses left: {left}.")]);
            }
            Event::Paired { peer } => self.tell(&[words::peer(peer)]),
            Event::Remembered { name } => {
                self.tell(&[format!(
                    "Remembered as {}; once the other side remembers this one too, no code is needed.",
                    words::path(name.as_bytes())
                )]);
            }
            Event::NotRemembered { name, reason } => {
                let (name, reason) = (words::path(name.as_bytes()), words::path(reason.as_bytes()));
                self.tell(&[format!("Not remembered as {name}: {reason}. The transfer goes on.")]);
            }
            Event::Started { files, bytes } => self.detail(|| {
                let bytes = bytes.map_or_else(String::new, |bytes| format!(", {}", size(bytes)));
                match files {
                    0 => format!("Data flows{bytes}."),
                    files => format!("Data flows: {}{bytes}.", count(*files, "file")),
                }
            }),
            Event::Progress(progress) => self.meter.show(progress),
            Event::Fingerprint { words } => {
                let whose = if self.scene.sending { "This sender's" } else { "The sender's" };
                self.tell(&[format!("{whose} fingerprint, the same on every screen: {words}")]);
            }
            Event::DeliveryStarted { receivers } => {
                self.tell(&[format!(
                    "Sending to {}; more may still come.",
                    count(*receivers as u64, "receiver")
                )]);
            }
            Event::Delivery(progress) => self.meter.show_delivery(&many::table(progress, self.scene.by_hand)),
            Event::Failed(failure) => self.note_failure(failure),
            Event::Reconnecting { reason } => self.tell(&[format!(
                "The connection was lost ({}); waiting for the other side to come back.",
                words::path(reason.as_bytes())
            )]),
            // An offer is shown when a person is asked; the end is told by `done`; the growing list by the bar.
            _ => (),
        }
        Ok(())
    }

    fn done(&mut self, summary: &Summary) -> io::Result<()> {
        self.meter.clear();
        self.failures.clear();
        if summary.failed > 0 || !self.scene.quiet {
            say_all(&words::failures(&summary.failures, summary.failed));
        }
        if self.scene.many {
            say_all(&many::outcome(&summary.receivers, self.scene.quiet));
        }
        let paths = if summary.sent { &self.scene.sources } else { &summary.written };
        self.tell(&words::summary(summary, paths.iter().map(PathBuf::as_path), self.scene.to_stdout));
        if let Some(digest) = summary.digest {
            self.detail(|| format!("BLAKE3 {}", super::measure::hex(&digest)));
        }
        if self.scene.stats {
            say_all(&words::stats(&summary.stats, summary.sent));
        }
        Ok(())
    }

    fn trouble(&mut self, trouble: &Trouble, _exit: Exit) -> io::Result<()> {
        self.meter.clear();
        let lost = std::mem::take(&mut self.failures);
        say_all(&words::failures(&lost, lost.len() as u64));
        say(&format!("sockeye: {}", sentence::trouble(trouble)));
        Ok(())
    }

    fn question(&mut self, offer: &Offer) -> io::Result<()> {
        self.meter.clear();
        say_all(&words::offer(offer, self.scene.existing, self.scene.to_stdout));
        Ok(())
    }
}
