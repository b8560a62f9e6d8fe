//! Skipped tests: said aloud and counted.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where each skip adds a line, if the environment names a file: so that a run of many test programs can
/// count them.
const LOG_VARIABLE: &str = "SOCKEYE_SKIP_LOG";

static SKIPS: AtomicUsize = AtomicUsize::new(0);

/// Why a test cannot run on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Skip {
    reason: String,
}

impl Skip {
    /// A skip for this reason, a full sentence without a full stop.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// What a skipped test returns: nothing, or the success of nothing.
pub trait SkipValue {
    /// The value.
    fn skipped() -> Self;
}

impl SkipValue for () {
    fn skipped() -> Self {}
}

impl<E> SkipValue for Result<(), E> {
    fn skipped() -> Self {
        Ok(())
    }
}

/// Leaves the test with a loud, counted skip. Takes the reason as a format, like `println!`.
///
/// The enclosing function returns `()` or `Result<(), E>`.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {{
        $crate::record_skip(
            ::std::thread::current().name().unwrap_or(module_path!()),
            format_args!($($reason)+),
        );
        return $crate::SkipValue::skipped();
    }};
}

/// Prints one skip to the real standard error, adds it to [`skips`] and to the file named by
/// `SOCKEYE_SKIP_LOG`.
///
/// The harness keeps what `eprintln!` writes in a passing test to itself; writing to the stream does not pass
/// through it.
pub fn record_skip(test: &str, reason: fmt::Arguments<'_>) {
    SKIPS.fetch_add(1, Ordering::Relaxed);
    let reason = reason.to_string();
    let words: Vec<&str> = reason.split_whitespace().collect();
    let line = format!("SKIPPED {test}: {}\n", words.join(" "));
    // A closed standard error is no reason to fail a test.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os(LOG_VARIABLE) {
        let appended = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut log| log.write_all(line.as_bytes()));
        if let Err(error) = appended {
            let _ = writeln!(std::io::stderr(), "cannot add the skip to {}: {error}", path.display());
        }
    }
}

/// How many tests of this process were skipped so far.
pub fn skips() -> usize {
    SKIPS.load(Ordering::Relaxed)
}
