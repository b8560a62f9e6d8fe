//! What can go wrong in the laboratory itself.

use std::io;
use std::time::Duration;

/// A laboratory failure. The message carries what was asked of the system and what it answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// A program of the system is not installed.
    #[error("cannot find the program {program}: install the package that has it (Debian: {package})")]
    Missing {
        /// The program looked for.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// A program could not be started or talked to.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was attempted.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A command of the system failed.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it wrote, both streams.
        output: String,
    },
    /// Something did not happen in time.
    #[error("{what} did not happen within {within:?}; seen so far:\n{seen}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long.
        within: Duration,
        /// What was seen instead.
        seen: String,
    },
    /// A program ended before it did what was waited for.
    #[error("{program} ended ({status}) before {what}; it wrote:\n{seen}")]
    Ended {
        /// The label of the program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What was waited for.
        what: String,
        /// All that it wrote.
        seen: String,
    },
    /// The laboratory is not to be had on this machine.
    #[error(transparent)]
    Unavailable(#[from] crate::Skip),
}
