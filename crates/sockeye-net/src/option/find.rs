//! Options by name, by constant and by number.

use super::{Level, Only, OptionError, SocketOption, Value, all, text};
use crate::{endpoint::distance, inspect::Facts};

/// Names offered for one that is unknown.
const MOST_OFFERED: usize = 3;
/// Longest text compared with names: twice the longest of them.
const LONGEST_MENDED: usize = 40;

/// The options that share a name: one for each family or protocol that has its own constant for the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    first: &'static SocketOption,
}

impl Named {
    /// The name.
    pub const fn name(&self) -> &'static str {
        self.first.name
    }

    /// The options.
    pub fn options(self) -> impl Iterator<Item = &'static SocketOption> {
        all().filter(move |option| option.name == self.first.name)
    }

    /// Reads a value as a user types it. All options of a name take the same values. Nothing at all means `on`.
    ///
    /// Errors: [`OptionError::Value`].
    pub fn parse(&self, text: Option<&str>) -> Result<Value, OptionError> {
        text::parse(self.name(), &self.first.kind, text)
    }

    /// The one that applies to a socket. Errors: [`OptionError::NotHere`].
    pub fn on(self, socket: &Facts) -> Result<&'static SocketOption, OptionError> {
        self.options().find(|option| option.applies_to(socket)).ok_or_else(|| OptionError::NotHere {
            name: self.name(),
            socket: format!("{}, {}", socket.family.constant(), socket.kind.constant()),
            fits: self.options().map(where_it_fits).collect::<Vec<_>>().join(" and "),
        })
    }
}

/// Where an option applies, for people.
fn where_it_fits(option: &'static SocketOption) -> &'static str {
    match (option.level, option.only) {
        (Level::Socket, Only::Any) => "any socket",
        (Level::Socket, Only::Ip) => "IPv4 and IPv6 sockets",
        (Level::Socket, Only::Unix) => "Unix sockets",
        (Level::Socket, Only::Stream) => "streams",
        (Level::Socket, Only::Datagram) => "datagram sockets",
        (Level::Socket, Only::IpDatagram) => "IPv4 and IPv6 datagram sockets",
        (Level::Ip, Only::Datagram) => "IPv4 datagram sockets",
        (Level::Ip, _) => "IPv4 sockets",
        (Level::Ipv6, Only::Datagram) => "IPv6 datagram sockets",
        (Level::Ipv6, _) => "IPv6 sockets",
        (Level::Tcp, _) => "TCP sockets",
        (Level::Udp, _) => "UDP sockets",
    }
}

/// Finds an option by the name a user types: `nodelay`, also `NoDelay`, `tcp_nodelay` or `TCP_NODELAY`, with `_` as good as `-`.
///
/// Errors: [`OptionError::Unknown`], with names that are spelt nearly so.
pub fn find(name: &str) -> Result<Named, OptionError> {
    let wanted = name.to_ascii_lowercase().replace('_', "-");
    let spelt = |option: &&SocketOption| option.name == wanted;
    let by_constant =
        |option: &&SocketOption| option.constant.to_ascii_lowercase().replace('_', "-") == wanted;
    match all().find(spelt).or_else(|| all().find(by_constant)) {
        Some(first) => Ok(Named { first: all().find(|option| option.name == first.name).unwrap_or(first) }),
        None => Err(OptionError::Unknown { name: name.to_owned(), closest: closest(&wanted) }),
    }
}

/// Finds an option by the name of its constant, as the kernel's headers spell it.
pub fn constant(name: &str) -> Option<&'static SocketOption> {
    all().find(|option| option.constant == name)
}

/// Finds an option by level and number.
pub fn at(level: i32, number: i32) -> Option<&'static SocketOption> {
    all().find(|option| option.level.number() == level && option.number == number && number >= 0)
}

/// The names nearest to what was typed: at most a third of its letters wrong, or one that begins with it.
fn closest(wanted: &str) -> Vec<&'static str> {
    if wanted.len() > LONGEST_MENDED {
        return Vec::new();
    }
    let allowed = (wanted.chars().count() / 3).clamp(1, 3);
    let mut near: Vec<(usize, &'static str)> = Vec::new();
    for option in all() {
        let far = distance(wanted, option.name);
        let begins = wanted.len() > 2 && option.name.starts_with(wanted);
        if (far <= allowed || begins) && near.iter().all(|(_, name)| *name != option.name) {
            near.push((far, option.name));
        }
    }
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).take(MOST_OFFERED).collect()
}
