//! Options as they are set on a command line.

use std::fmt;

use socket2::SockRef;

use super::{
    Kind, Level, Named, OptionError, SocketOption, Value, all, at, find, kind, read, read_raw, set, set_raw,
    text,
};
use crate::inspect::Facts;

/// Largest answer read from an option that is not in the table.
const RAW_CAPACITY: usize = 256;

/// Which option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// By a user's name: which constant that is depends on the socket.
    Named(Named),
    /// This one, whether the table says that it applies or not.
    Exactly(&'static SocketOption),
    /// One that is not in the table, by its numbers.
    Number {
        /// The level.
        level: i32,
        /// The option.
        number: i32,
    },
}

impl Target {
    /// Reads which option a text means, in any of the forms that a [`Setting`] has. Errors: [`OptionError::Unknown`].
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        target(text)
    }

    /// The option that it is at a socket; none if it is not in the table. Errors: [`OptionError::NotHere`].
    pub fn on(&self, socket: &Facts) -> Result<Option<&'static SocketOption>, OptionError> {
        match self {
            Self::Named(named) => named.on(socket).map(Some),
            Self::Exactly(option) => Ok(Some(option)),
            Self::Number { .. } => Ok(None),
        }
    }

    /// Asks the kernel for its value; bytes, if it is not in the table. Errors: those of [`read`] and [`Named::on`].
    pub fn read<'s>(&self, socket: impl Into<SockRef<'s>>) -> Result<Value, OptionError> {
        let socket = socket.into();
        match self {
            Self::Named(named) => read(&*socket, named.on(&facts(&socket)?)?),
            Self::Exactly(option) => read(&*socket, option),
            Self::Number { level, number } => read_raw(&*socket, *level, *number, RAW_CAPACITY)
                .map(Value::Bytes)
                .map_err(|source| OptionError::Read { constant: self.to_string(), source }),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(named) => f.write_str(named.name()),
            Self::Exactly(option) => write!(f, "{}:{}", option.level.constant(), option.constant),
            Self::Number { level, number } => write!(f, "{level}:{number}"),
        }
    }
}

/// An option and the value it shall have.
///
/// | text | means |
/// |---|---|
/// | `nodelay`, `sndbuf=64KiB`, `keepidle=30s` | by name; a name alone switches a flag on, durations without a unit are seconds |
/// | `SO_SNDBUF=65536`, `SOL_SOCKET:SO_SNDBUF=65536` | by constant; a number is what setsockopt(2) gets |
/// | `1:7=65536`, `SOL_SOCKET:7=0x10000` | by level and number; a number is an `int` |
/// | `1:13=x0100000005000000` | bytes as they are, in hexadecimal behind an `x` |
///
/// ```
/// use sockeye_net::option::Setting;
///
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// # #[cfg(target_os = "linux")] {
/// let done = Setting::parse("ttl=9")?.apply(&socket)?;
/// assert_eq!(done.shown(), (Some("64 hops".into()), Some("9 hops".into())));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Which option.
    pub target: Target,
    /// What it shall be.
    pub value: Value,
}

/// What became of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The option, if it is in the table.
    pub option: Option<&'static SocketOption>,
    /// Its level.
    pub level: i32,
    /// Its number.
    pub number: i32,
    /// What the kernel answered before; none if it did not.
    pub before: Option<Value>,
    /// What it answered afterwards; none if it did not.
    pub after: Option<Value>,
}

impl Applied {
    /// A value of it, for people.
    pub fn show(&self, value: &Value) -> String {
        self.option.map_or_else(|| text::show(&Kind::Bytes, value), |option| option.show(value))
    }

    /// What the kernel answered before and afterwards, for people.
    pub fn shown(&self) -> (Option<String>, Option<String>) {
        let show = |value: &Option<Value>| value.as_ref().map(|value| self.show(value));
        (show(&self.before), show(&self.after))
    }
}

impl Setting {
    /// Reads a setting. Errors: [`OptionError::Unknown`], [`OptionError::Value`].
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let target = target(name)?;
        let value = match target {
            Target::Named(named) => named.parse(value)?,
            Target::Exactly(option) if name.ends_with(option.name) => text::parse(name, &option.kind, value)?,
            Target::Exactly(option) => text::parse_number(name, &option.kind, value)?,
            Target::Number { .. } => text::parse_number(name, &Kind::Bytes, value)?,
        };
        Ok(Self { target, value })
    }

    /// Sets it, and asks the kernel before and afterwards. Errors: those of [`set`] and [`Named::on`]; that the kernel does not
    /// answer is none.
    pub fn apply<'s>(&self, socket: impl Into<SockRef<'s>>) -> Result<Applied, OptionError> {
        let socket = socket.into();
        let option = match self.target {
            Target::Named(named) => named.on(&facts(&socket)?)?,
            Target::Exactly(option) => option,
            Target::Number { level, number } => return self.apply_raw(&socket, level, number),
        };
        let before = read(&*socket, option).ok();
        let after = match set(&*socket, option, &self.value) {
            Ok(answer) => Some(answer),
            Err(OptionError::Read { .. }) => None,
            Err(error) => return Err(error),
        };
        let (level, number) = (option.level.number(), option.number);
        Ok(Applied { option: Some(option), level, number, before, after })
    }

    fn apply_raw(&self, socket: &SockRef<'_>, level: i32, number: i32) -> Result<Applied, OptionError> {
        let constant = || self.target.to_string();
        let answer = || read_raw(&**socket, level, number, RAW_CAPACITY).ok().map(Value::Bytes);
        let bytes = kind::encode(&constant(), &Kind::Bytes, &self.value)?;
        let before = answer();
        set_raw(&**socket, level, number, &bytes)
            .map_err(|source| OptionError::Set { constant: constant(), source })?;
        Ok(Applied { option: None, level, number, before, after: answer() })
    }
}

fn facts(socket: &SockRef<'_>) -> Result<Facts, OptionError> {
    Facts::of(&**socket).map_err(|source| OptionError::Read { constant: "SO_TYPE".to_owned(), source })
}

/// Which option a text means.
fn target(text: &str) -> Result<Target, OptionError> {
    let Some((level, option)) = text.split_once(':') else {
        return Ok(match super::constant(text) {
            Some(option) => Target::Exactly(option),
            None => Target::Named(find(text)?),
        });
    };
    let unknown = || OptionError::Unknown { name: text.to_owned(), closest: Vec::new() };
    let level = self::level(level).ok_or_else(unknown)?;
    if let Ok(number) = option.parse::<i32>() {
        return Ok(at(level, number).map_or(Target::Number { level, number }, Target::Exactly));
    }
    let fits = |known: &&SocketOption| {
        known.level.number() == level && (known.constant.eq_ignore_ascii_case(option) || known.name == option)
    };
    all().find(fits).map(Target::Exactly).ok_or_else(unknown)
}

/// A level by its number or its constant, under either of the names that headers have for it.
fn level(text: &str) -> Option<i32> {
    let known = |level: &Level| {
        let (_, layer) = level.constant().split_once('_').unwrap_or(("", level.constant()));
        let typed = text.strip_prefix("SOL_").or_else(|| text.strip_prefix("IPPROTO_")).unwrap_or("");
        typed == layer
    };
    text.parse().ok().or_else(|| Level::ALL.into_iter().find(known).map(Level::number))
}
