//! Values as they are typed: durations, sizes, hosts, codes with a host.

use std::net::IpAddr;
use std::{net::Ipv6Addr, time::Duration};

use sockeye::{Code, Target};

/// Parses `30s`, `10m`, `2h`, `500ms`, or seconds without a unit. Zero is refused: nothing could happen in it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const WANTED: &str = "write a whole number and ms, s, m or h, like 30s or 10m";
    let (number, unit) = split_unit(text);
    let number: u64 = number.parse().map_err(|_| WANTED.to_owned())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1_000),
        "m" | "min" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err(WANTED.to_owned()),
    };
    match milliseconds {
        Some(0) => Err("it must be longer than nothing".to_owned()),
        Some(milliseconds) if milliseconds <= LONGEST_MILLISECONDS => Ok(Duration::from_millis(milliseconds)),
        _ => Err("that is more than a year".to_owned()),
    }
}

/// The same, and `0` (with or without a unit) for never.
pub(crate) fn duration_or_none(text: &str) -> Result<Duration, String> {
    if split_unit(text).0 == "0" { Ok(Duration::ZERO) } else { duration(text) }
}

/// Parses `10/s`, or the time between two like [`duration`].
pub(crate) fn pace(text: &str) -> Result<Duration, String> {
    const WANTED: &str = "write a number a second, like 10/s, or the time between two, like 100ms";
    let Some(number) = text.strip_suffix("/s") else { return duration(text).map_err(|_| WANTED.to_owned()) };
    let number: f64 = number.parse().map_err(|_| WANTED.to_owned())?;
    if !(0.001..=1e6).contains(&number) {
        return Err("a pace goes from 0.001/s to 1000000/s".to_owned());
    }
    Ok(Duration::from_secs_f64(1.0 / number))
}

/// Parses the size of a buffer: 1 byte to 16 MiB.
pub(crate) fn buffer_size(text: &str) -> Result<usize, String> {
    let bytes = size(text)?;
    usize::try_from(bytes)
        .ok()
        .filter(|bytes| (1..=16 << 20).contains(bytes))
        .ok_or_else(|| "a buffer has 1 byte to 16MiB".to_owned())
}

/// Parses `10mbit` (a second), `1.25MB`, `64KiB` (bytes a second): bytes a second.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    const WANTED: &str = "write bits a second like 10mbit, or bytes a second like 1.25MB";
    let lower = text.to_ascii_lowercase();
    let bits = lower.strip_suffix("bit").or_else(|| lower.strip_suffix("bit/s"));
    let bytes = match bits {
        Some(number) => size(number).map_err(|_| WANTED.to_owned())? / 8,
        None => size(text.trim_end_matches("/s")).map_err(|_| WANTED.to_owned())?,
    };
    if bytes == 0 { Err("nothing would go through".to_owned()) } else { Ok(bytes) }
}

/// Parses `1%`, `0.5%` or `0.01`: a share from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.parse::<f64>().map_err(|_| "write a share like 1% or 0.01".to_owned())? / scale;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("a share goes from 0% to 100%".to_owned()) }
}

/// When something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// After so many bytes.
    Bytes(u64),
    /// After so long.
    Time(Duration),
}

/// Parses `64KiB` or `5s`.
pub(crate) fn limit(text: &str) -> Result<Limit, String> {
    if text.ends_with(['s', 'h', 'n']) || text.ends_with('m') && !text.contains('M') {
        return duration(text).map(Limit::Time);
    }
    size(text).map(Limit::Bytes).map_err(|_| "write bytes like 64KiB, or a time like 5s".to_owned())
}

/// A year. Longer waits are a slip of the finger, and would overflow clocks further down.
const LONGEST_MILLISECONDS: u64 = 366 * 24 * 3_600_000;

/// Parses `500M`, `1.5GB`, `4GiB`, or bytes without a unit. K, M, G and T are powers of ten, KiB and so on of two.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    const WANTED: &str =
        "write a number and K, M, G or T (powers of 1000) or KiB, MiB, GiB, TiB, like 500M or 4GiB";
    let (number, unit) = split_unit(text);
    let factor = unit_factor(unit).ok_or(WANTED)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > MOST_DECIMALS {
        return Err(format!("at most {MOST_DECIMALS} digits after the point"));
    }
    let scaled: u64 = format!("{whole}{fraction}").parse().map_err(|_| WANTED.to_owned())?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    u64::try_from(u128::from(scaled) * u128::from(factor) / scale)
        .map_err(|_| "that is more bytes than there are".to_owned())
}

/// More would be less than a byte of the largest unit.
const MOST_DECIMALS: usize = 12;

fn unit_factor(unit: &str) -> Option<u64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    })
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// Parses the address of a multicast group.
pub(crate) fn group(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| "not an address".to_owned())?;
    if address.is_multicast() {
        return Ok(address);
    }
    Err("not a multicast group: those are 224.0.0.0 to 239.255.255.255 and those that begin with ff"
        .to_owned())
}

/// Parses `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT` and a bare IPv6 address.
pub(crate) fn host(text: &str) -> Result<Target, String> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("the bracket [ is not closed with ]")?;
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err("after ] only :PORT may follow".to_owned()),
        }
    } else if is_ipv6(text) {
        (text, None)
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("the name of the host is missing or has a space in it".to_owned());
    }
    Ok(Target::Host { host: host.to_owned(), port: port.map(parse_port).transpose()? })
}

/// An IPv6 address, with or without a zone (`fe80::1%eth0`).
fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port != 0 => Ok(port),
        _ => Err("a port is a number from 1 to 65535".to_owned()),
    }
}

/// Parses `CODE` and `CODE@HOST[:PORT]`. The message never repeats the code: it may end in a log.
pub(crate) fn code_at(text: &str) -> Result<(Code, Option<Target>), String> {
    let (code, at) = match text.trim().split_once('@') {
        Some((code, at)) => (code, Some(at)),
        None => (text.trim(), None),
    };
    let code = code.parse().map_err(|why| format!("that is no code: {why}"))?;
    let target =
        at.map(host).transpose().map_err(|why| format!("the address after the @ of the code: {why}"))?;
    Ok((code, target))
}

/// Whether an argument looks like a code, so that `sockeye CODE` can mean `sockeye receive CODE`.
pub(crate) fn looks_like_code(text: &str) -> bool {
    let code = text.split_once('@').map_or(text, |(code, _)| code);
    let digits = code.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &code.as_bytes()[digits..];
    (1..=4).contains(&digits)
        && matches!(rest, [b'-' | b' ', word, ..] if word.is_ascii_alphabetic())
        && rest.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b' '))
}
