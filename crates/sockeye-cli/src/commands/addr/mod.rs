//! `sockeye addr`: what is in an address, what an interface has, what a port is called.

mod facts;
mod picture;

use std::{
    io::{self, Write},
    net::IpAddr,
};

use sockeye::{
    Interface,
    address::{Address, AddressError, NoBroadcast},
    names::{PortRange, port_of_service, services_of_port},
};

use crate::{args::AddrArgs, exit::Exit, output::json, trouble::Trouble};

/// What was asked about.
enum Subject {
    Address(Address),
    Interfaces(Vec<Interface>),
    Port(u16),
}

/// Shows what was asked for.
pub(super) fn run(args: &AddrArgs) -> Result<Exit, Trouble> {
    let subject = subject(args.what.as_deref())?;
    if args.broadcast {
        return broadcast(&subject);
    }
    let mut out = io::stdout().lock();
    let write = |out: &mut dyn Write, text: &str| out.write_all(text.as_bytes()).map_err(Trouble::output);
    match &subject {
        Subject::Address(address) if args.json => {
            json::write(&facts::address(address)).map_err(Trouble::output)?;
        }
        Subject::Address(address) => write(&mut out, &picture::address(address))?,
        Subject::Interfaces(all) if args.json => {
            drop(out);
            all.iter().try_for_each(|one| json::write(&facts::interface(one))).map_err(Trouble::output)?;
        }
        Subject::Interfaces(all) => {
            let pictures: Vec<String> = all.iter().map(picture::interface).collect();
            write(&mut out, &pictures.join("\n"))?;
        }
        Subject::Port(port) if args.json => json::write(&facts::port(*port)).map_err(Trouble::output)?,
        Subject::Port(port) => write(&mut out, &picture::port(*port))?,
    }
    Ok(Exit::Done)
}

fn subject(what: Option<&str>) -> Result<Subject, Trouble> {
    let interfaces =
        || sockeye::interfaces().map_err(|source| Trouble::file("list", "(the network interfaces)", source));
    let Some(text) = what else { return Ok(Subject::Interfaces(interfaces()?)) };
    // A second colon makes it an IPv6 address: `::1`.
    if let Some(port) = text.strip_prefix(':').filter(|rest| !rest.contains(':')) {
        return port_named(port).map(Subject::Port);
    }
    let all = interfaces()?;
    if let Some(interface) = all.iter().find(|interface| interface.name == text) {
        return Ok(Subject::Interfaces(vec![interface.clone()]));
    }
    match text.parse() {
        Ok(address) => Ok(Subject::Address(address)),
        Err(_) if is_name(text) => Err(Trouble::Usage(format!(
            "{text} is neither an address nor an interface (there are: {}); for the addresses of a host: `sockeye resolve {text}`",
            names_of_interfaces(&all)
        ))),
        Err(error) => Err(Trouble::Usage(refused(text, &error, &all))),
    }
}

/// Whether it can only be the name of a host: its last label is no number and has a letter that no address has.
fn is_name(text: &str) -> bool {
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let is_number = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'o' | b'O' | b'l' | b'I'))
    };
    text.chars().all(fits)
        && !is_number(last)
        && last.chars().any(|c| matches!(c.to_ascii_lowercase(), 'g'..='w' | 'y' | 'z'))
}

fn names_of_interfaces(interfaces: &[Interface]) -> String {
    let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    names.join(", ")
}

fn port_named(text: &str) -> Result<u16, Trouble> {
    let wrong = |why: &str| Trouble::Usage(format!("{text:?} is not a port: {why}"));
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return text.parse().map_err(|_| wrong("ports go from 0 to 65535"));
    }
    let port = port_of_service(text, "tcp").or_else(|| port_of_service(text, "udp"));
    port.ok_or_else(|| wrong("no service is called so in this system's table; write its number"))
}

/// Why a text is neither an address nor an interface, and what to do.
fn refused(text: &str, error: &AddressError, interfaces: &[Interface]) -> String {
    let remedy = match error {
        AddressError::OctetTooLarge { .. } => "each of the four numbers goes from 0 to 255".to_owned(),
        AddressError::LeadingZero { decimal, octal, .. } => match (decimal, octal) {
            (Some(decimal), Some(octal)) if decimal != octal => {
                format!("some programs read that as {octal}, some as {decimal}; write the one that is meant")
            }
            _ => "leave the zero out".to_owned(),
        },
        AddressError::Character { meant: Some(meant), .. } => format!("type {meant} there"),
        AddressError::PrefixTooLong { max, .. } | AddressError::Prefix { max, .. } => {
            format!("after the / stands a number from 0 to {max}, or for IPv4 a netmask")
        }
        AddressError::Netmask { inverse: Some(inverse), .. } => {
            format!("that is a wildcard mask; the netmask is {inverse}")
        }
        AddressError::Netmask { .. } => "a netmask has all its ones in front, like 255.255.255.0".to_owned(),
        AddressError::Port { address, port } => {
            format!("ask for one at a time: `sockeye addr {address}` or `sockeye addr :{port}`")
        }
        AddressError::Number { dotted, port } => match port {
            Some(port) => format!(
                "as an address it is {dotted}; a port is asked for with a colon, `sockeye addr :{port}`"
            ),
            None => format!("as an address it is {dotted}"),
        },
        AddressError::OctetCount { .. } | AddressError::OctetMissing { .. } => {
            "an IPv4 address is four numbers, like 192.168.1.3".to_owned()
        }
        _ => "addresses look like 192.168.1.3 or fe80::1%eth0".to_owned(),
    };
    format!(
        "\"{text}\" is neither an address ({error}; {remedy}) nor an interface (there are: {})",
        names_of_interfaces(interfaces)
    )
}

fn broadcast(subject: &Subject) -> Result<Exit, Trouble> {
    let mut found = Vec::new();
    let mut why = "it has none".to_owned();
    match subject {
        Subject::Port(_) => {
            return Err(Trouble::Usage(
                "a port has no broadcast address; give a network or an interface".to_owned(),
            ));
        }
        Subject::Address(address) => match address.network().map(|network| network.broadcast()) {
            Some(Ok(broadcast)) => found.push(broadcast),
            Some(Err(NoBroadcast::Ipv6)) => {
                "IPv6 has no broadcast; groups do that, like ff02::1 for every host of the link"
                    .clone_into(&mut why);
            }
            Some(Err(error)) => why = error.to_string(),
            None => "write its network too, like 192.168.1.3/24".clone_into(&mut why),
        },
        Subject::Interfaces(interfaces) => {
            let addresses = interfaces.iter().filter(|interface| !interface.is_loopback);
            found.extend(
                addresses.flat_map(|interface| &interface.addresses).filter_map(|address| address.broadcast),
            );
            if interfaces.iter().any(|interface| interface.is_loopback) {
                "nothing leaves this machine by the loopback interface".clone_into(&mut why);
            }
        }
    }
    if found.is_empty() {
        return Err(Trouble::Usage(format!("there is no broadcast address: {why}")));
    }
    let mut out = io::stdout().lock();
    found.iter().try_for_each(|address| writeln!(out, "{address}")).map_err(Trouble::output)?;
    Ok(Exit::Done)
}

/// The names of a port, for people.
fn names_of(port: u16) -> Vec<String> {
    let named = |(name, protocols): (String, Vec<String>)| {
        if protocols.is_empty() { name } else { format!("{name} ({})", protocols.join(", ")) }
    };
    services_of_port(port).into_iter().map(named).collect()
}

fn range_of(port: u16) -> (&'static str, &'static str) {
    let range = PortRange::of(port);
    let meaning = match range {
        PortRange::Any => "none; a listener that asks for it gets any free one",
        PortRange::System => "1 to 1023: to listen there takes a privilege on most systems",
        PortRange::User => "1024 to 49151: given out by IANA on request, free to use",
        PortRange::Dynamic => {
            "49152 to 65535: never given out; the system takes callers' ports from here or nearby"
        }
    };
    (range.name(), meaning)
}

/// Whether an address is for people to be told apart by class: IPv4 only.
fn class(ip: IpAddr) -> Option<char> {
    match ip {
        IpAddr::V4(v4) => Some(sockeye::address::class_of(v4)),
        IpAddr::V6(_) => None,
    }
}
