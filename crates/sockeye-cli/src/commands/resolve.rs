//! `sockeye resolve`: what the system answers for a name, in its order, and how long it took.

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sockeye::{
    Family,
    address::{Address, AddressError, kind_of},
    names::{Found, NameError, look_up, name_of, port_of_service, services_of_port},
};

use crate::{
    args::ResolveArgs,
    exit::Exit,
    output::json::{self, event},
    trouble::Trouble,
};

/// How long the system may take unless told otherwise: two name servers asked twice.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks and shows.
pub(super) fn run(args: &ResolveArgs) -> Result<Exit, Trouble> {
    let limit = args.timeout.unwrap_or(TIMEOUT);
    let family = match (args.ipv4, args.ipv6) {
        (true, _) => Some(Family::V4),
        (_, true) => Some(Family::V6),
        _ => None,
    };
    let (host, port) = match question(&args.name)? {
        Question::Name(address) => {
            let ip = address.ip();
            only_of(family, ip)?;
            let (name, took) = in_time(limit, move || name_of(ip))?;
            let name = name.map_err(|error| failed(&args.name, &error, "name"))?;
            return tell(args.json, &reverse_event(ip, &name, took), &reverse_text(&address, &name, took));
        }
        Question::Addresses { host, port } => (host, port),
    };
    if let Ok(address) = host.parse::<Address>() {
        only_of(family, address.ip())?;
    }
    let asked = host.clone();
    let (found, took) = in_time(limit, move || look_up(&asked, port.unwrap_or(0), family))?;
    let found = found.map_err(|error| failed(&host, &error, "address"))?;
    tell(args.json, &forward_event(&host, port, &found, took), &forward_text(&host, port, &found, took))
}

/// What is asked for.
enum Question {
    /// The name of an address.
    Name(Address),
    /// The addresses of a host, which may be an address itself.
    Addresses { host: String, port: Option<u16> },
}

fn question(text: &str) -> Result<Question, Trouble> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return Err(Trouble::Usage(format!(
            "a host stands here alone, without {scheme}:// and a path: `sockeye resolve {host}`"
        )));
    }
    let error = match text.parse::<Address>() {
        Ok(address) if address.prefix_len().is_some() => {
            return Err(Trouble::Usage(format!(
                "{text} is a network, and only an address has a name; leave out what begins with /"
            )));
        }
        Ok(address) => return Ok(Question::Name(address)),
        Err(error) => error,
    };
    if let AddressError::Port { address: host, port: service } = &error {
        host.parse::<Address>().map_err(|error| no_address(text, &error))?;
        return Ok(Question::Addresses { host: host.clone(), port: Some(port(service)?) });
    }
    if text.starts_with('[') || text.matches(':').count() > 1 {
        return Err(no_address(text, &error));
    }
    let (host, service) = match text.split_once(':') {
        Some((host, service)) => (host, Some(service)),
        None => (text, None),
    };
    check(host)?;
    Ok(Question::Addresses { host: host.to_owned(), port: service.map(port).transpose()? })
}

/// For text with brackets or several colons.
fn no_address(text: &str, error: &AddressError) -> Trouble {
    Trouble::Usage(format!(
        "\"{text}\" is no IPv6 address: {error}; one looks like fe80::1%eth0, and like [::1]:https with a service"
    ))
}

/// An address has one family only.
fn only_of(family: Option<Family>, address: IpAddr) -> Result<(), Trouble> {
    match family.filter(|family| *family != Family::of(address)) {
        None => Ok(()),
        Some(family) => {
            let (flag, wanted) = if family == Family::V4 { ("-4", "IPv4") } else { ("-6", "IPv6") };
            Err(Trouble::Usage(format!("{address} is not of {wanted}; leave {flag} out")))
        }
    }
}

fn check(host: &str) -> Result<(), Trouble> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    match host.chars().enumerate().find(|(_, c)| !fits(*c) || matches!(c, '\u{ff01}'..='\u{ff5e}')) {
        _ if host.is_empty() => {
            Err(Trouble::Usage("there is no name; write one, like example.org:https".to_owned()))
        }
        Some((index, c)) => Err(Trouble::Usage(format!(
            "\"{host}\" is no host name: character {} is {}; letters, digits, - and . make a name",
            index + 1,
            named(c)
        ))),
        None => Ok(()),
    }
}

/// A character for a sentence: one that cannot be shown by its number.
fn named(c: char) -> String {
    if c.is_control() { format!("U+{:04X}", u32::from(c)) } else { format!("'{c}'") }
}

fn port(service: &str) -> Result<u16, Trouble> {
    let number = service.parse().ok();
    let named = || port_of_service(service, "tcp").or_else(|| port_of_service(service, "udp"));
    number.or_else(named).ok_or_else(|| {
        Trouble::Usage(format!(
            "\"{service}\" is no port and no service known here; write a number up to 65535"
        ))
    })
}

/// Runs a question on a thread, for the system may take as long as it likes. A thread that is too late is left behind.
fn in_time<T: Send + 'static>(
    limit: Duration,
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, Duration), Trouble> {
    let (sender, receiver) = mpsc::channel();
    let began = Instant::now();
    std::thread::spawn(move || {
        // Nobody may be waiting any more.
        let _ = sender.send(question());
    });
    match receiver.recv_timeout(limit) {
        Ok(answer) => Ok((answer, began.elapsed())),
        Err(_) => Err(Trouble::Ended(
            format!(
                "no answer within {} s; is a name server reachable? Wait longer with --timeout",
                limit.as_secs_f64()
            ),
            Exit::TimedOut,
        )),
    }
}

fn failed(name: &str, error: &NameError, wanted: &str) -> Trouble {
    let sentence = match error {
        NameError::NoSuchName => {
            format!(
                "{name} has no {wanted}: the name servers answered that there is none; is it spelled right?"
            )
        }
        NameError::NoAnswer => {
            format!(
                "nothing is known of {name}: no name server answered; is the network up, and are those of /etc/resolv.conf right?"
            )
        }
        other => format!("cannot look up {name}: {other}"),
    };
    Trouble::Ended(sentence, Exit::Network)
}

fn tell(as_json: bool, event: &Value, text: &str) -> Result<Exit, Trouble> {
    if as_json {
        json::write(event).map_err(Trouble::output)?;
    } else {
        io::stdout().lock().write_all(text.as_bytes()).map_err(Trouble::output)?;
    }
    Ok(Exit::Done)
}

fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1e3)
}

fn forward_text(host: &str, port: Option<u16>, found: &Found, took: Duration) -> String {
    let row = |address: &SocketAddr| {
        let shown = if port.is_some() { address.to_string() } else { address.ip().to_string() };
        format!("{shown:40}  {}", kind_of(address.ip()).name)
    };
    let alias = found.canonical_name.as_ref().map(|name| format!(", an alias of {name}")).unwrap_or_default();
    let mut lines: Vec<String> = found.addresses.iter().map(row).collect();
    let (count, took) = (count(found.addresses.len()), milliseconds(took));
    lines.push(format!("{host}{alias}: {count} answered in {took}, the first is tried first\n"));
    lines.join("\n")
}

fn count(addresses: usize) -> String {
    if addresses == 1 { "1 address".to_owned() } else { format!("{addresses} addresses") }
}

fn reverse_text(address: &Address, name: &str, took: Duration) -> String {
    let name = sockeye::escape::terminal(name.as_bytes());
    format!("{name}\n{address}: answered in {}\n", milliseconds(took))
}

fn forward_event(host: &str, port: Option<u16>, found: &Found, took: Duration) -> Value {
    let address = |address: &SocketAddr| {
        let family = if address.is_ipv4() { "AF_INET" } else { "AF_INET6" };
        json!({ "address": address.ip(), "family": family, "kind": kind_of(address.ip()).name })
    };
    event(
        "resolved",
        json!({
            "name": host,
            "canonical_name": found.canonical_name,
            "port": port,
            "service": port.and_then(|port| services_of_port(port).into_iter().next()).map(|(name, _)| name),
            "addresses": found.addresses.iter().map(address).collect::<Vec<_>>(),
            "seconds": took.as_secs_f64(),
        }),
    )
}

fn reverse_event(address: IpAddr, name: &str, took: Duration) -> Value {
    event("named", json!({ "address": address, "name": name, "seconds": took.as_secs_f64() }))
}
