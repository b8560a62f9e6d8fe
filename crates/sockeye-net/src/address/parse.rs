//! Reading addresses. The standard library says only that something is wrong; a person wants to know what.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use super::{Address, AddressError, Network};

type Parsed<T> = Result<T, AddressError>;

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `ADDRESS`, `ADDRESS/LENGTH`, `ADDRESS/NETMASK` (IPv4), `ADDRESS%ZONE` and `ADDRESS%ZONE/LENGTH` (IPv6); an IPv6
    /// address may stand in brackets.
    fn from_str(text: &str) -> Parsed<Self> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let (address, zone) = match unbracketed(address)?.split_once('%') {
            Some((address, zone)) => (address, Some(zone)),
            None => (unbracketed(address)?, None),
        };
        let ip = ip(address).map_err(|error| in_context(error, text, address))?;
        let prefix_len = prefix.map(|prefix| prefix_len(prefix, ip, text)).transpose()?;
        let zone = zone.map(|zone| checked_zone(zone, ip)).transpose()?;
        Ok(Self { ip, prefix_len, zone })
    }
}

/// The text without brackets around it. A port behind them is told apart.
fn unbracketed(text: &str) -> Parsed<&str> {
    let Some(rest) = text.strip_prefix('[') else {
        return if text.contains(']') { Err(AddressError::Bracket) } else { Ok(text) };
    };
    match rest.split_once(']') {
        Some((inner, "")) => Ok(inner),
        Some((inner, after)) => match after.strip_prefix(':') {
            Some(port) => Err(AddressError::Port { address: inner.to_owned(), port: port.to_owned() }),
            None => Err(AddressError::Bracket),
        },
        None => Err(AddressError::Bracket),
    }
}

/// Positions are those in the whole text, which may have begun with a bracket.
fn in_context(error: AddressError, text: &str, part: &str) -> AddressError {
    match error {
        AddressError::Character { found, at, meant } => {
            let before = text.find(part).map_or(0, |start| text[..start].chars().count());
            AddressError::Character { found, at: at + before, meant }
        }
        other => other,
    }
}

fn ip(text: &str) -> Parsed<IpAddr> {
    if let Ok(ip) = text.parse() {
        return Ok(ip);
    }
    known_characters(text)?;
    // A colon makes it IPv6, unless it stands between an IPv4 address and a port.
    match text.split_once(':') {
        None => ipv4(text).map(IpAddr::V4),
        Some((address, port)) if address.contains('.') => {
            ipv4(address)?;
            Err(AddressError::Port { address: address.to_owned(), port: port.to_owned() })
        }
        Some(_) => ipv6(text).map(IpAddr::V6),
    }
}

/// Refuses characters that no address has. Letters beyond `f` are refused too, so that names are not taken for addresses.
fn known_characters(text: &str) -> Parsed<()> {
    let dotted = !text.contains(':') && !text.starts_with("0x") && !text.starts_with("0X");
    let known = |c: char| match c {
        '0'..='9' | '.' => true,
        'a'..='f' | 'A'..='F' | ':' => !dotted,
        'x' | 'X' => !dotted && !text.contains(':'),
        _ => false,
    };
    match text.chars().enumerate().find(|(_, c)| !known(*c)) {
        Some((at, found)) => {
            Err(AddressError::Character { found, at: at + 1, meant: look_alike(found).filter(|c| known(*c)) })
        }
        None => Ok(()),
    }
}

/// The ASCII character that a character of another script or width looks like: what an input method leaves behind.
fn look_alike(c: char) -> Option<char> {
    match c {
        // Full-width forms are the ASCII characters in the same order.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21),
        '\u{3002}' | '\u{ff61}' | '\u{b7}' | '\u{2024}' => Some('.'),
        '\u{2215}' | '\u{2044}' => Some('/'),
        '\u{a789}' | '\u{2236}' => Some(':'),
        'O' | 'o' => Some('0'),
        'l' | 'I' => Some('1'),
        _ => None,
    }
}

fn ipv4(text: &str) -> Parsed<Ipv4Addr> {
    if let Some(number) = single_number(text) {
        return Err(AddressError::Number { dotted: number.into(), port: u16::try_from(number).ok() });
    }
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() != 4 {
        return Err(AddressError::OctetCount { found: parts.len() });
    }
    let mut octets = [0; 4];
    for (index, part) in parts.iter().enumerate() {
        octets[index] = octet(part, index + 1)?;
    }
    Ok(octets.into())
}

/// `3232235813`, `0xc0a80125`: the whole address as one number, as inet_aton(3) takes it.
fn single_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn octet(text: &str, position: usize) -> Parsed<u8> {
    if text.is_empty() {
        return Err(AddressError::OctetMissing { position });
    }
    if text.len() > 1 && text.starts_with('0') {
        let (decimal, octal) = (text.parse().ok(), u8::from_str_radix(text, 8).ok());
        return Err(AddressError::LeadingZero { octet: text.to_owned(), position, decimal, octal });
    }
    text.parse().map_err(|_| AddressError::OctetTooLarge { octet: text.to_owned(), position })
}

fn ipv6(text: &str) -> Parsed<Ipv6Addr> {
    if text.contains(":::") || text.matches("::").count() > 1 {
        return Err(AddressError::TwoGaps);
    }
    let lone = |end: bool, double: bool| end && !double;
    if lone(text.starts_with(':'), text.starts_with("::")) || lone(text.ends_with(':'), text.ends_with("::"))
    {
        return Err(AddressError::LoneColon);
    }
    let mut found = 0;
    let mut groups = text.split(':').filter(|group| !group.is_empty()).peekable();
    while let Some(group) = groups.next() {
        if group.contains('.') && groups.peek().is_none() {
            ipv4(group)?;
            found += 2;
        } else if let Some(at) = group.find('.') {
            let before = text.find(group).unwrap_or(0);
            return Err(AddressError::Character { found: '.', at: before + at + 1, meant: Some(':') });
        } else if group.len() > 4 {
            return Err(AddressError::GroupTooLong { group: group.to_owned() });
        } else {
            found += 1;
        }
    }
    let compressed = text.contains("::");
    // What is left is a wrong number of groups.
    text.parse().map_err(|_| AddressError::GroupCount { found, compressed })
}

fn prefix_len(text: &str, ip: IpAddr, whole: &str) -> Parsed<u8> {
    let max = if ip.is_ipv4() { 32 } else { 128 };
    if text.is_empty() {
        return Err(AddressError::PrefixMissing);
    }
    if let Some((index, found)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii()) {
        let at = whole.chars().count() - text.chars().count() + index + 1;
        return Err(AddressError::Character { found, at, meant: look_alike(found) });
    }
    if text.contains('.') && ip.is_ipv4() {
        return netmask(text);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) || (text.len() > 1 && text.starts_with('0')) {
        return Err(AddressError::Prefix { text: text.to_owned(), max });
    }
    match text.parse() {
        Ok(len) if len <= max => Ok(len),
        _ => Err(AddressError::PrefixTooLong { prefix_len: text.to_owned(), max }),
    }
}

/// The length of the prefix that a dotted netmask stands for.
fn netmask(text: &str) -> Parsed<u8> {
    let mask = match text.parse() {
        Ok(mask) => mask,
        Err(_) => known_characters(text).and_then(|()| ipv4(text))?,
    };
    let length = |mask: Ipv4Addr| Network::netmask_len(mask);
    length(mask).ok_or_else(|| {
        let inverse = Ipv4Addr::from(!u32::from(mask));
        AddressError::Netmask { mask, inverse: length(inverse).map(|_| inverse) }
    })
}

/// Longest name of an interface on any system that has zones by name.
const MAX_ZONE: usize = 63;

fn checked_zone(zone: &str, ip: IpAddr) -> Parsed<String> {
    if ip.is_ipv4() {
        return Err(AddressError::ZoneOfIpv4);
    }
    let fits = !zone.is_empty() && zone.len() <= MAX_ZONE;
    if fits && !zone.contains(|c: char| c.is_whitespace() || c.is_control() || c == '%') {
        return Ok(zone.to_owned());
    }
    Err(AddressError::Zone { zone: zone.to_owned() })
}
