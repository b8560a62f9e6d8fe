//! Values of options.

use std::time::Duration;

/// The value of an option, whatever its shape in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// On or off.
    Flag(bool),
    /// A number: a count, bytes, one of several choices.
    Integer(i128),
    /// A duration; for a timeout zero means for ever.
    Time(Duration),
    /// How long close(2) waits for unsent data; `None` does not wait.
    Linger(Option<Duration>),
    /// A name, which may be empty.
    Text(String),
    /// The lowest and the highest port.
    Ports(u16, u16),
    /// A process: its number, user and group.
    Credentials {
        /// Number of the process.
        pid: i32,
        /// Number of the user.
        uid: u32,
        /// Number of the group.
        gid: u32,
    },
    /// Several counters, in the kernel's order.
    Counters(Vec<u32>),
    /// Bytes as the kernel has them.
    Bytes(Vec<u8>),
}

impl From<bool> for Value {
    fn from(on: bool) -> Self {
        Self::Flag(on)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<Duration> for Value {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
