//! What the program says. [`human`] writes sentences to standard error, [`json`] one event a line to standard output; both
//! are a [`Report`], and a command does not know which.

pub(crate) mod human;
pub(crate) mod json;
mod many;
pub(crate) mod measure;
pub(crate) mod odd;
mod progress;
pub(crate) mod sentence;
pub(crate) mod stdout;
mod words;

use std::io;

use sockeye::{Event, Offer, Summary};

use crate::{exit::Exit, trouble::Trouble};

/// Somebody who is told what happens. An error means that standard output cannot be written any more.
pub(crate) trait Report {
    /// Something happened.
    fn event(&mut self, event: &Event) -> io::Result<()>;
    /// A transfer is complete.
    fn done(&mut self, summary: &Summary) -> io::Result<()>;
    /// The command failed and the program will end with `exit`.
    fn trouble(&mut self, trouble: &Trouble, exit: Exit) -> io::Result<()>;
    /// An offer that a person is about to be asked about: shown whatever `--quiet` says.
    fn question(&mut self, offer: &Offer) -> io::Result<()>;
}

/// Lines to standard error.
pub(crate) fn say_all(lines: &[String]) {
    for line in lines {
        say(line);
    }
}

/// A line to standard error. That nobody can read it is no reason to stop moving files.
pub(crate) fn say(line: &str) {
    use io::Write;
    let _ = writeln!(io::stderr(), "{line}");
}
