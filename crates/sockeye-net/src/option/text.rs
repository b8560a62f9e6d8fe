//! Values as people write and read them.

use std::time::Duration;

use super::{Kind, OptionError, Unit, Value};
use crate::endpoint::duration;

/// The code points that have names (RFC 2474 §4.2.2, RFC 2597 §6, RFC 3246, RFC 8622).
pub(super) const CODE_POINTS: &[(&str, i32)] = &[
    ("cs0", 0),
    ("le", 1),
    ("cs1", 8),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("cs2", 16),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("cs3", 24),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("cs4", 32),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("cs5", 40),
    ("ef", 46),
    ("cs6", 48),
    ("cs7", 56),
];

/// Reads a value. Durations without a unit are seconds; nothing at all switches a flag on.
pub(super) fn parse(name: &str, kind: &Kind, text: Option<&str>) -> Result<Value, OptionError> {
    let value = match text {
        None => (*kind == Kind::Flag).then_some(Value::Flag(true)),
        Some(text) => hex(text).map(Value::Bytes).or_else(|| of_kind(kind, text)),
    };
    value.ok_or_else(|| OptionError::Value {
        name: name.to_owned(),
        value: text.map_or_else(|| "nothing".to_owned(), |text| format!("{text:?}")),
        expected: expected(kind),
    })
}

/// Reads a value as the system call takes it: a number is the kernel's own, whatever its unit.
pub(super) fn parse_number(name: &str, kind: &Kind, text: Option<&str>) -> Result<Value, OptionError> {
    match text.and_then(integer) {
        Some(number) if !matches!(kind, Kind::Text | Kind::Interface(_) | Kind::Linger | Kind::Timeout) => {
            Ok(Value::Integer(number))
        }
        _ => parse(name, kind, text),
    }
}

fn of_kind(kind: &Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Flag => flag(text).map(Value::Flag),
        Kind::Int(unit) | Kind::U32(unit) | Kind::U64(unit) => measure(*unit, text),
        Kind::Choice(words) => chosen(words, text).or_else(|| integer(text)).map(Value::Integer),
        Kind::Dscp => {
            let point = chosen(CODE_POINTS, text).or_else(|| integer(text))?;
            (0..64).contains(&point).then_some(Value::Integer(point))
        }
        Kind::Linger => match text {
            "off" | "no" | "false" => Some(Value::Linger(None)),
            _ => duration(text).map(|time| Value::Linger(Some(time))),
        },
        Kind::Timeout => match text {
            "none" | "off" | "no" => Some(Value::Time(Duration::ZERO)),
            _ => duration(text).map(Value::Time),
        },
        Kind::Text => (!text.contains('\0')).then(|| Value::Text(text.to_owned())),
        Kind::Interface(_) => Some(Value::Text(text.to_owned())),
        Kind::Ports => ports(text),
        Kind::Bytes => integer(text).map(Value::Integer),
        Kind::Credentials | Kind::Counters(_) => None,
    }
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "yes" | "on" | "true" => Some(true),
        "0" | "no" | "off" | "false" => Some(false),
        _ => None,
    }
}

fn measure(unit: Unit, text: &str) -> Option<Value> {
    match unit {
        Unit::Bytes | Unit::BytesPerSecond => size(text).or_else(|| integer(text)).map(Value::Integer),
        Unit::Seconds | Unit::Milliseconds | Unit::Microseconds => match duration(text) {
            Some(time) => Some(Value::Time(time)),
            None => integer(text).filter(|number| *number < 0).map(Value::Integer),
        },
        Unit::Plain | Unit::Hops | Unit::Tries => integer(text).map(Value::Integer),
    }
}

/// `64KiB`, `1MiB`, `1GiB`.
fn size(text: &str) -> Option<i128> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (digits, shift) = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))?;
    digits.parse::<u32>().ok().map(|number| i128::from(number) << shift)
}

/// Decimal, or hexadecimal behind `0x`.
fn integer(text: &str) -> Option<i128> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok().map(Into::into)
        }
        Some(_) => None,
        None if text.starts_with('+') => None,
        None => text.parse::<i64>().map(Into::into).or_else(|_| text.parse::<u64>().map(Into::into)).ok(),
    }
}

/// Bytes, behind an `x` as socat has it: `x01000000`.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits =
        text.strip_prefix('x').filter(|digits| !digits.is_empty() && digits.len().is_multiple_of(2))?;
    if !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

/// Bytes in hexadecimal.
pub(super) fn hex_of(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn chosen(words: &[(&str, i32)], text: &str) -> Option<i128> {
    words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, number)| i128::from(*number))
}

fn ports(text: &str) -> Option<Value> {
    if matches!(text, "none" | "off") {
        return Some(Value::Ports(0, 0));
    }
    let (low, high) = text.split_once('-')?;
    Some(Value::Ports(low.parse().ok()?, high.parse().ok()?))
}

/// What would be a value, as the end of a sentence.
pub(super) fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Flag => "write on or off".to_owned(),
        Kind::Int(unit) | Kind::U32(unit) | Kind::U64(unit) => match unit {
            Unit::Plain | Unit::Hops | Unit::Tries => "write a number",
            Unit::Bytes => "write a number of bytes, like 65536 or 64KiB",
            Unit::BytesPerSecond => "write a number of bytes per second, like 125000 or 1MiB",
            Unit::Seconds | Unit::Milliseconds | Unit::Microseconds => {
                "write a duration like 50us, 500ms, 5s or 2m"
            }
        }
        .to_owned(),
        Kind::Choice(words) => format!("write {}", listed(words)),
        Kind::Dscp => "write 0 to 63 or a name, like ef, af41 or cs1".to_owned(),
        Kind::Linger => "write off or a duration, like 5s; 0 resets the connection".to_owned(),
        Kind::Timeout => "write none or a duration, like 500ms".to_owned(),
        Kind::Text => "write a name".to_owned(),
        Kind::Interface(_) => "write the name or the number of an interface, like eth0".to_owned(),
        Kind::Ports => "write none or two ports, like 40000-40999".to_owned(),
        Kind::Credentials | Kind::Counters(_) | Kind::Bytes => {
            "write a number, or its bytes as x and hexadecimal digits, like x01000000".to_owned()
        }
    }
}

fn listed(words: &[(&str, i32)]) -> String {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// A value with its unit or its name.
pub(super) fn show(kind: &Kind, value: &Value) -> String {
    match value {
        Value::Flag(on) => if *on { "on" } else { "off" }.to_owned(),
        Value::Integer(number) => show_number(kind, *number),
        Value::Time(time) if *kind == Kind::Timeout && time.is_zero() => "none".to_owned(),
        Value::Time(time) | Value::Linger(Some(time)) => show_time(*time),
        Value::Linger(None) => "off".to_owned(),
        Value::Text(text) if text.is_empty() => "none".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Ports(0, 0) => "none".to_owned(),
        Value::Ports(low, high) => format!("{low}-{high}"),
        Value::Credentials { pid, uid, gid } => format!("process {pid}, user {uid}, group {gid}"),
        Value::Counters(numbers) => show_counters(kind, numbers),
        Value::Bytes(bytes) if bytes.is_empty() => "none".to_owned(),
        Value::Bytes(bytes) => format!("x{}", hex_of(bytes)),
    }
}

fn show_number(kind: &Kind, number: i128) -> String {
    let named = |words: &[(&str, i32)]| {
        let word = words.iter().find(|(_, known)| i128::from(*known) == number);
        word.map_or_else(|| number.to_string(), |(word, _)| format!("{word} ({number})"))
    };
    match kind {
        Kind::Choice(words) => named(words),
        Kind::Dscp => named(CODE_POINTS),
        Kind::U64(Unit::BytesPerSecond) if number == u64::MAX.into() => "unlimited".to_owned(),
        Kind::Int(unit) | Kind::U32(unit) | Kind::U64(unit) if number >= 0 => {
            format!("{number}{}", unit.suffix(number))
        }
        _ => number.to_string(),
    }
}

fn show_counters(kind: &Kind, numbers: &[u32]) -> String {
    let Kind::Counters(names) = kind else { return format!("{numbers:?}") };
    let pairs = names.iter().zip(numbers).map(|(name, number)| format!("{name} {number}"));
    pairs.collect::<Vec<_>>().join(", ")
}

/// In the largest unit that keeps it exact.
fn show_time(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0 => "0 s".to_owned(),
        _ if !micros.is_multiple_of(1000) => format!("{micros} µs"),
        _ if !micros.is_multiple_of(1_000_000) => format!("{} ms", micros / 1000),
        _ => format!("{} s", micros / 1_000_000),
    }
}
