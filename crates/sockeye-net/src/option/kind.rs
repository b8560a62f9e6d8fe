//! What the value of an option is in memory, and what it means.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{OptionError, SocketOption, Value, text};
use crate::{interfaces, sys};

/// What the value of an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An `int`, 0 or 1.
    Flag,
    /// An `int` in this unit. Several options have −1 for "left to the kernel".
    Int(Unit),
    /// An unsigned number of 32 bits in this unit.
    U32(Unit),
    /// An unsigned number of 64 bits in this unit.
    U64(Unit),
    /// An `int` that is one of these, each with its name.
    Choice(&'static [(&'static str, i32)]),
    /// The upper six bits of an `int`: a differentiated services code point (RFC 2474).
    Dscp,
    /// A `struct linger`.
    Linger,
    /// A `struct timeval`.
    Timeout,
    /// Text, ended by a zero byte or by the end.
    Text,
    /// A network interface, in one of several forms.
    Interface(InterfaceForm),
    /// Two ports in 32 bits: the lower one in the lower half.
    Ports,
    /// A `struct ucred`.
    Credentials,
    /// Numbers of 32 bits with these names.
    Counters(&'static [&'static str]),
    /// A structure of its own.
    Bytes,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Nothing but itself.
    Plain,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Hops from router to router.
    Hops,
    /// Times something is tried.
    Tries,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

/// How an option names an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceForm {
    /// By its number.
    Index,
    /// By its number, in network byte order.
    BigEndian,
    /// Set by a `struct ip_mreqn`, answered as an IPv4 address of the interface.
    Membership,
}

impl Unit {
    /// How long so many are; none if it is no time.
    fn times(self, count: u64) -> Option<Duration> {
        match self {
            Self::Seconds => Some(Duration::from_secs(count)),
            Self::Milliseconds => Some(Duration::from_millis(count)),
            Self::Microseconds => Some(Duration::from_micros(count)),
            _ => None,
        }
    }

    /// What stands behind so many.
    pub(super) const fn suffix(self, number: i128) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bytes if number == 1 => " byte",
            Self::Bytes => " bytes",
            Self::BytesPerSecond => " bytes/s",
            Self::Hops if number == 1 => " hop",
            Self::Hops => " hops",
            Self::Tries if number == 1 => " try",
            Self::Tries => " tries",
            Self::Seconds => " s",
            Self::Milliseconds => " ms",
            Self::Microseconds => " µs",
        }
    }

    /// A number of the kernel as a value. What is negative is no time.
    fn value(self, number: i128) -> Value {
        let time = u64::try_from(number).ok().and_then(|count| self.times(count));
        time.map_or(Value::Integer(number), Value::Time)
    }

    /// A value as a number for the kernel; time is rounded up, so that a short time never becomes none.
    fn number(self, value: &Value) -> Option<i128> {
        match (value, self.times(1)) {
            (Value::Integer(number), _) => Some(*number),
            (Value::Time(time), Some(unit)) => i128::try_from(time.as_nanos().div_ceil(unit.as_nanos())).ok(),
            _ => None,
        }
    }
}

/// Longest text asked for: names of interfaces and algorithms have 16 bytes, security contexts more.
const TEXT_CAPACITY: usize = 256;
/// Largest structure asked for.
const BYTES_CAPACITY: usize = 1024;
/// `struct timeval`: two numbers as wide as the system's `long`.
const TIMEVAL_HALF: usize = size_of::<usize>();

impl Kind {
    /// How large a buffer to hand to the kernel, in bytes.
    pub(super) const fn capacity(&self) -> usize {
        match self {
            Self::Flag
            | Self::Int(_)
            | Self::U32(_)
            | Self::Choice(_)
            | Self::Dscp
            | Self::Interface(_)
            | Self::Ports => 4,
            Self::U64(_) | Self::Linger => 8,
            Self::Credentials => 12,
            Self::Timeout => 2 * TIMEVAL_HALF,
            Self::Counters(names) => 4 * names.len(),
            Self::Text => TEXT_CAPACITY,
            Self::Bytes => BYTES_CAPACITY,
        }
    }

    /// What it is in C, as headers and manual pages have it.
    pub const fn c_type(&self) -> &'static str {
        match self {
            Self::U32(_) | Self::Ports => "u32",
            Self::U64(_) => "u64",
            Self::Linger => "struct linger",
            Self::Timeout => "struct timeval",
            Self::Text => "char[]",
            Self::Interface(InterfaceForm::Membership) => "struct ip_mreqn",
            Self::Flag | Self::Int(_) | Self::Choice(_) | Self::Dscp | Self::Interface(_) => "int",
            Self::Credentials => "struct ucred",
            Self::Counters(_) => "u32[]",
            Self::Bytes => "struct",
        }
    }

    /// What kind of value it is, in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Int(unit) | Self::U32(unit) | Self::U64(unit) => match unit {
                Unit::Plain | Unit::Hops | Unit::Tries => "number",
                Unit::Bytes => "bytes",
                Unit::BytesPerSecond => "rate",
                Unit::Seconds | Unit::Milliseconds | Unit::Microseconds => "duration",
            },
            Self::Choice(_) | Self::Dscp => "choice",
            Self::Linger | Self::Timeout => "duration",
            Self::Text => "text",
            Self::Interface(_) => "interface",
            Self::Ports => "ports",
            Self::Credentials => "credentials",
            Self::Counters(_) => "counters",
            Self::Bytes => "structure",
        }
    }
}

impl SocketOption {
    /// What the kernel's bytes mean; nothing if there are too few.
    pub(super) fn decode(&self, bytes: &[u8]) -> Option<Value> {
        Some(match &self.kind {
            Kind::Flag => Value::Flag(int(bytes)? != 0),
            Kind::Int(unit) => unit.value(int(bytes)?.into()),
            Kind::U32(unit) => unit.value(u32_at(bytes, 0)?.into()),
            Kind::U64(unit) => unit.value(u64::from_ne_bytes(*bytes.first_chunk()?).into()),
            Kind::Choice(_) => Value::Integer(int(bytes)?.into()),
            Kind::Dscp => Value::Integer((int(bytes)? >> 2).into()),
            Kind::Linger => {
                let seconds = u64::from(u32_at(bytes, 4)?);
                Value::Linger((u32_at(bytes, 0)? != 0).then(|| Duration::from_secs(seconds)))
            }
            Kind::Timeout => timeval(bytes)?,
            Kind::Text => {
                let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
                Value::Text(String::from_utf8_lossy(&bytes[..end]).into_owned())
            }
            Kind::Interface(form) => Value::Text(interface_of(*form, *bytes.first_chunk()?)),
            Kind::Ports => {
                let [low, high] = halves(u32_at(bytes, 0)?);
                Value::Ports(low, high)
            }
            Kind::Credentials => {
                Value::Credentials { pid: int(bytes)?, uid: u32_at(bytes, 4)?, gid: u32_at(bytes, 8)? }
            }
            Kind::Counters(_) => Value::Counters(
                bytes
                    .chunks_exact(4)
                    .filter_map(|chunk| Some(u32::from_ne_bytes(*chunk.first_chunk()?)))
                    .collect(),
            ),
            Kind::Bytes => Value::Bytes(bytes.to_vec()),
        })
    }

    /// The bytes for the kernel. Errors: [`OptionError::Value`] where the value is none for this option or too large,
    /// [`OptionError::Set`] where it names an interface that is not there.
    pub(super) fn encode(&self, value: &Value) -> Result<Vec<u8>, OptionError> {
        match (&self.kind, value) {
            (Kind::Interface(form), Value::Text(name)) => encode_interface(*form, name)
                .map_err(|source| OptionError::Set { constant: self.constant.to_owned(), source }),
            (kind, value) => encode(self.name, kind, value),
        }
    }

    /// The value with its unit or its name, for people: `65536 bytes`, `2h`, `on`, `want (1)`.
    pub fn show(&self, value: &Value) -> String {
        text::show(&self.kind, value)
    }

    /// The names of the counters that a [`Value::Counters`] of this option has.
    pub const fn counter_names(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Counters(names) => names,
            _ => &[],
        }
    }
}

/// The bytes of a value that needs nothing from the system. `name` is for the error.
pub(super) fn encode(name: &str, kind: &Kind, value: &Value) -> Result<Vec<u8>, OptionError> {
    encode_plain(kind, value).ok_or_else(|| OptionError::Value {
        name: name.to_owned(),
        value: text::show(kind, value),
        expected: text::expected(kind),
    })
}

fn encode_plain(kind: &Kind, value: &Value) -> Option<Vec<u8>> {
    Some(match (kind, value) {
        (_, Value::Bytes(bytes)) => bytes.clone(),
        (Kind::Flag, Value::Flag(on)) => i32::from(*on).to_ne_bytes().to_vec(),
        (Kind::Flag | Kind::Choice(_) | Kind::Bytes, Value::Integer(number)) => int_bytes(*number)?,
        (Kind::Int(unit), _) => int_bytes(unit.number(value)?)?,
        (Kind::U32(unit), _) => u32::try_from(unit.number(value)?).ok()?.to_ne_bytes().to_vec(),
        (Kind::U64(unit), _) => u64::try_from(unit.number(value)?).ok()?.to_ne_bytes().to_vec(),
        (Kind::Dscp, Value::Integer(point)) if (0..64).contains(point) => int_bytes(point << 2)?,
        (Kind::Linger, Value::Linger(time)) => {
            let seconds = time.map_or(0, |time| time.as_secs() + u64::from(time.subsec_nanos() > 0));
            let mut bytes = i32::from(time.is_some()).to_ne_bytes().to_vec();
            bytes.extend_from_slice(&int_bytes(seconds.into())?);
            bytes
        }
        (Kind::Timeout, Value::Time(time)) => timeval_bytes(*time)?,
        (Kind::Text, Value::Text(text)) if !text.contains('\0') => text.as_bytes().to_vec(),
        (Kind::Ports, Value::Ports(low, high)) => {
            (u32::from(*low) | u32::from(*high) << 16).to_ne_bytes().to_vec()
        }
        _ => return None,
    })
}

/// A number of the kernel; a single byte where it answers with one.
fn int(bytes: &[u8]) -> Option<i32> {
    match bytes {
        [byte] => Some(i32::from(*byte)),
        _ => Some(i32::from_ne_bytes(*bytes.first_chunk()?)),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// An `int`, or 32 bits without a sign.
fn int_bytes(number: i128) -> Option<Vec<u8>> {
    let signed = i32::try_from(number).map(i32::to_ne_bytes);
    signed.or_else(|_| u32::try_from(number).map(u32::to_ne_bytes)).ok().map(|bytes| bytes.to_vec())
}

const fn halves(ports: u32) -> [u16; 2] {
    let [a, b, c, d] = ports.to_le_bytes();
    [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])]
}

fn timeval(bytes: &[u8]) -> Option<Value> {
    let half = |at: usize| -> Option<u64> {
        let field: [u8; TIMEVAL_HALF] = *bytes.get(at..)?.first_chunk()?;
        u64::try_from(isize::from_ne_bytes(field)).ok()
    };
    Some(Value::Time(Duration::from_secs(half(0)?) + Duration::from_micros(half(TIMEVAL_HALF)?)))
}

/// Zero is for ever, so a time below a microsecond becomes one.
fn timeval_bytes(time: Duration) -> Option<Vec<u8>> {
    let micros = time.as_nanos().div_ceil(1000);
    let seconds = isize::try_from(micros / 1_000_000).ok()?;
    let rest = isize::try_from(micros % 1_000_000).ok()?;
    Some([seconds.to_ne_bytes(), rest.to_ne_bytes()].concat())
}

/// The name of an interface; its number or address if it has gone, and nothing where none was chosen.
fn interface_of(form: InterfaceForm, bytes: [u8; 4]) -> String {
    let index = match form {
        InterfaceForm::Index => u32::from_ne_bytes(bytes),
        InterfaceForm::BigEndian => u32::from_be_bytes(bytes),
        InterfaceForm::Membership => {
            let address = Ipv4Addr::from(bytes);
            return if address.is_unspecified() { String::new() } else { interface_with(address) };
        }
    };
    if index == 0 {
        return String::new();
    }
    sys::interface_name(index).unwrap_or_else(|_| index.to_string())
}

fn interface_with(address: Ipv4Addr) -> String {
    let all = interfaces().unwrap_or_default();
    let has =
        |interface: &&crate::Interface| interface.addresses.iter().any(|has| has.ip() == IpAddr::V4(address));
    all.iter().find(has).map_or_else(|| address.to_string(), |interface| interface.name.clone())
}

/// An interface by name or number; nothing lets the system choose again.
fn encode_interface(form: InterfaceForm, name: &str) -> io::Result<Vec<u8>> {
    let index = match name.parse::<u32>() {
        Ok(number) => number,
        Err(_) if name.is_empty() => 0,
        Err(_) => sys::interface_index(name)?,
    };
    Ok(match form {
        InterfaceForm::Index => index.to_ne_bytes().to_vec(),
        InterfaceForm::BigEndian => index.to_be_bytes().to_vec(),
        InterfaceForm::Membership => {
            // Group, address, number. The number decides; without the address nothing could be read back (ip(7)).
            let address = first_v4_of(index)?.unwrap_or(Ipv4Addr::UNSPECIFIED);
            [[0; 4], address.octets(), index.to_ne_bytes()].concat()
        }
    })
}

fn first_v4_of(index: u32) -> io::Result<Option<Ipv4Addr>> {
    let all = interfaces()?;
    let addresses =
        all.iter().filter(|interface| interface.index == index).flat_map(|found| &found.addresses);
    Ok(addresses.into_iter().find_map(|address| match address.ip() {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }))
}
