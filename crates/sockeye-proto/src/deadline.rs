//! When a machine wants to be woken.

use core::time::Duration;

/// What every machine's `poll_timeout` answers: call its `handle_timeout` at or after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// Time since the machine began.
    pub at: Duration,
    /// What is being waited for, for traces and messages.
    pub reason: &'static str,
}
