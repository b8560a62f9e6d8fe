//! What happened, line by line.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// How many lines a trace keeps unless told otherwise. A line has some 60 bytes: 4 MB.
pub const DEFAULT_TRACE_LINES: usize = 1 << 16;

/// The record of a run: one line for each thing that happened. Two runs with the same seed have the same trace.
///
/// The last lines are kept; the [fingerprint](Self::fingerprint) covers all of them.
#[derive(Clone, Debug)]
pub struct Trace {
    lines: VecDeque<String>,
    limit: usize,
    count: u64,
    fingerprint: u64,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { lines: VecDeque::new(), limit: DEFAULT_TRACE_LINES, count: 0, fingerprint: FNV_OFFSET }
    }

    /// Keeps that many lines from now on; with 0 nothing is recorded at all, which makes large runs quicker.
    pub(crate) fn keep(&mut self, lines: usize) {
        self.limit = lines;
        self.lines.truncate(lines);
    }

    pub(crate) fn line(&mut self, now: Duration, text: fmt::Arguments<'_>) {
        if self.limit == 0 {
            return;
        }
        let line = format!("{:>4}.{:09} {text}", now.as_secs(), now.subsec_nanos());
        self.count += 1;
        for byte in line.bytes().chain([b'\n']) {
            self.fingerprint = (self.fingerprint ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
        if self.lines.len() == self.limit {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The lines kept, the oldest first: seconds of virtual time, then what happened.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.lines.iter().map(String::as_str)
    }

    /// How many lines there were, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// A hash of all lines there were (FNV-1a): equal for runs that went the same way.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dropped = self.count - self.lines.len() as u64;
        if dropped > 0 {
            writeln!(formatter, "({dropped} earlier lines were not kept)")?;
        }
        self.lines.iter().try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
