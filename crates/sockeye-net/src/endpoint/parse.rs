//! Reads the text of an endpoint.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use super::{Endpoint, EndpointError, EndpointOptions, Host, Place, Port, Scheme};

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = match text.split_once("://") {
            Some((name, rest)) => (scheme(name)?, rest),
            None => (scheme_of_shorthand(text)?, text),
        };
        let (place, options) = match rest.split_once('?') {
            Some((place, options)) => (place, options),
            None => (rest, ""),
        };
        if scheme.is_inet() || scheme == Scheme::Fd {
            check_characters(text)?;
        }
        let place = read_place(scheme, place)?;
        check_family(scheme, &place)?;
        Ok(Self { scheme, place, options: EndpointOptions::parse(options, scheme)? })
    }
}

fn scheme(name: &str) -> Result<Scheme, EndpointError> {
    if name == "exec" {
        return Err(EndpointError::Exec);
    }
    let known = Scheme::ALL.into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name));
    known.ok_or_else(|| EndpointError::UnknownScheme { scheme: name.to_owned() })
}

fn scheme_of_shorthand(text: &str) -> Result<Scheme, EndpointError> {
    match text {
        "-" => Ok(Scheme::Stdio),
        _ if text.starts_with(['/', '@']) || text.starts_with("./") || text.starts_with("../") => {
            Ok(Scheme::Unix)
        }
        _ => lacks_slashes(text).map_or(Ok(Scheme::Tcp), Err),
    }
}

/// A scheme with a path behind its colon: `unix:/run/app.sock`.
fn lacks_slashes(text: &str) -> Option<EndpointError> {
    let (name, rest) = text.split_once(':').filter(|(_, rest)| rest.starts_with('/'))?;
    let scheme = Scheme::ALL.into_iter().find(|scheme| scheme.name() == name)?;
    let rest = if scheme.is_unix() { rest } else { rest.trim_start_matches('/') };
    Some(EndpointError::Slashes { text: text.to_owned(), meant: format!("{name}://{rest}") })
}

fn read_place(scheme: Scheme, text: &str) -> Result<Place, EndpointError> {
    let missing = |wanted| EndpointError::Missing { scheme: scheme.name(), wanted };
    match scheme {
        Scheme::Stdio => {
            if matches!(text, "" | "-") {
                Ok(Place::Stdio)
            } else {
                Err(missing("nothing behind stdio://"))
            }
        }
        Scheme::Fd => Some(text)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .map(Place::Descriptor)
            .ok_or_else(|| missing("the number of an open file descriptor, like fd://3")),
        _ if scheme.is_unix() => {
            let whole = unescape(text).unwrap_or_else(|| text.to_owned());
            match whole.strip_prefix('@') {
                Some("") => Err(missing("a name behind @")),
                Some(name) => Ok(Place::Abstract(name.to_owned())),
                None if whole.is_empty() => Err(missing("a path, like unix:///run/app.sock")),
                None => Ok(Place::Path(whole)),
            }
        }
        _ => {
            if text.is_empty() {
                return Err(missing("a host and a port, like localhost:9000"));
            }
            let (host, port) = host_and_port(text)?;
            Ok(Place::Inet { host, port })
        }
    }
}

/// `host:port`, `[v6]:port`, `:port`, `*:port`, and a port alone.
pub(super) fn host_and_port(text: &str) -> Result<(Host, Port), EndpointError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok((Host::Any, port(text)?));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let refuse = |why| EndpointError::Host { host: text.to_owned(), why };
        let (inside, after) = rest.split_once(']').ok_or_else(|| refuse("the bracket [ is not closed"))?;
        let after = after.strip_prefix(':').ok_or_else(|| EndpointError::NoPort { text: text.to_owned() })?;
        return Ok((v6(inside)?, port(after)?));
    }
    if text.matches(':').count() > 1 {
        let bare = text.rsplit_once('%').map_or(text, |(address, _)| address);
        if bare.parse::<Ipv6Addr>().is_ok() || text.contains("::") {
            return Err(EndpointError::Brackets { text: text.to_owned() });
        }
        return Err(EndpointError::Host { host: text.to_owned(), why: "it has more than one colon" });
    }
    let (before, after) =
        text.split_once(':').ok_or_else(|| EndpointError::NoPort { text: text.to_owned() })?;
    Ok((host(before)?, port(after)?))
}

/// A host without its port.
pub(super) fn host(text: &str) -> Result<Host, EndpointError> {
    let refuse = |why| Err(EndpointError::Host { host: text.to_owned(), why });
    match text {
        "" | "*" => return Ok(Host::Any),
        "<broadcast>" => return Ok(Host::BROADCAST),
        _ => {}
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address { address: address.into(), zone: None });
    }
    if text.contains(':') {
        return v6(text.trim_start_matches('[').trim_end_matches(']'));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return refuse("an IPv4 address is four numbers from 0 to 255, like 192.168.1.3");
    }
    if text.len() > 253 || text.split('.').any(|label| label.len() > 63) {
        return refuse("a name has at most 253 letters, and 63 between two dots");
    }
    if text.trim_end_matches('.').split('.').any(str::is_empty) {
        return refuse("there is nothing between two dots");
    }
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.chars().all(fits) {
        return refuse("letters, digits, - and . make a name");
    }
    Ok(Host::Name(text.to_owned()))
}

/// An IPv6 address with its zone, without brackets. `%25` is the percent sign of URIs (RFC 6874).
fn v6(text: &str) -> Result<Host, EndpointError> {
    let refuse = |why| EndpointError::Host { host: text.to_owned(), why };
    let (address, zone) = match text.split_once('%') {
        None => (text, None),
        Some((address, zone)) => {
            let zone = zone.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(zone);
            if zone.is_empty() || zone.contains(|c: char| c.is_control() || c.is_whitespace()) {
                return Err(refuse("after % stands the name of an interface, like %eth0"));
            }
            (address, Some(zone.to_owned()))
        }
    };
    let address: IpAddr =
        address.parse().map_err(|_| refuse("in brackets stands an IPv6 address, like [fe80::1%eth0]"))?;
    if address.is_ipv4() && zone.is_some() {
        return Err(refuse("only IPv6 addresses have a zone"));
    }
    Ok(Host::Address { address, zone })
}

fn port(text: &str) -> Result<Port, EndpointError> {
    let refuse = |why| EndpointError::Port { port: text.to_owned(), why };
    if text.is_empty() {
        return Err(refuse("there is nothing behind the colon; write a number from 1 to 65535"));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(Port::Number).map_err(|_| refuse("ports go from 1 to 65535"));
    }
    if text.starts_with(['-', '+']) {
        return Err(refuse("ports go from 1 to 65535"));
    }
    if text.contains('/') {
        return Err(refuse("no path stands behind a port; leave out what begins with /"));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+');
    if text.len() <= 32 && text.bytes().all(fits) && text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Ok(Port::Service(text.to_owned()));
    }
    Err(refuse("write a number from 1 to 65535 or the name of a service, like http"))
}

fn check_family(scheme: Scheme, place: &Place) -> Result<(), EndpointError> {
    let Place::Inet { host: Host::Address { address, .. }, .. } = place else { return Ok(()) };
    if scheme.allows(*address) {
        return Ok(());
    }
    let instead = match scheme {
        Scheme::Tcp4 => "tcp6 or tcp",
        Scheme::Tcp6 => "tcp4 or tcp",
        Scheme::Tls4 => "tls6 or tls",
        Scheme::Tls6 => "tls4 or tls",
        Scheme::Udp4 => "udp6 or udp",
        _ => "udp4 or udp",
    };
    Err(EndpointError::Family { address: address.to_string(), scheme: scheme.name(), instead })
}

/// Host names may be of any script; punctuation and digits of another, blanks and control characters are slips.
fn check_characters(text: &str) -> Result<(), EndpointError> {
    match text.chars().enumerate().find(|(_, c)| is_slip(*c)) {
        Some((index, character)) => Err(EndpointError::Character { position: index + 1, character }),
        None => Ok(()),
    }
}

fn is_slip(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{2010}'..='\u{201f}' | '\u{2212}' | '\u{3002}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

/// `%3F` → `?`. `None` where what follows a `%` is no byte, or the bytes are no UTF-8.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high << 4 | low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// The other way for the value of an option: what would end it, be taken for an escape, or be refused where it is typed.
pub(super) fn escape(text: &str) -> String {
    escape_those(text, |c| matches!(c, '%' | '&' | '?') || is_slip(c))
}

/// And for a path: what would end it, or be taken for an escape, and what no terminal should get.
pub(super) fn escape_path(text: &str) -> String {
    escape_those(text, |c| matches!(c, '%' | '?') || c.is_control())
}

fn escape_those(text: &str, is_odd: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_odd(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string does not fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}
