//! Addresses, interfaces and ports as people look at them: one fact a line, the bits with the network and the host apart.

use std::net::IpAddr;

use sockeye::{
    Interface,
    address::{
        Address, Network, binary, expanded, hex, kind_of, multicast_hardware, reverse_name, scope_of,
        solicited_node,
    },
};

use super::{class, facts::colons, names_of, range_of};

/// Lines `name  value`, the names in a column.
#[derive(Default)]
struct Lines {
    text: String,
}

/// Width of the column of names.
const WIDTH: usize = 14;

impl Lines {
    fn put(&mut self, name: &str, value: impl std::fmt::Display) {
        self.text += format!("{name:WIDTH$}{value}").trim_end();
        self.text.push('\n');
    }
}

pub(super) fn address(address: &Address) -> String {
    let ip = address.ip();
    let mut lines = Lines::default();
    lines.put("address", address);
    match address.network() {
        Some(network) => lines.put("bits", divided(&binary(ip), network.prefix_len())),
        None => lines.put("bits", binary(ip)),
    }
    if address.network().is_some() {
        lines.put("", marks(ip, address.prefix_len().unwrap_or(0)));
    }
    lines.put("hex", hex(ip));
    if expanded(ip) != ip.to_string() {
        lines.put("in full", expanded(ip));
    }
    let kind = kind_of(ip);
    lines.put("kind", format!("{}: {} ({}, {})", kind.name, kind.meaning, kind.range, kind.source));
    if let Some(class) = class(ip) {
        lines.put("class", format!("{class} (history: networks have prefixes now, RFC 4632)"));
    }
    groups(&mut lines, ip);
    lines.put("in DNS", reverse_name(ip));
    if let Some(network) = address.network() {
        self::network(&mut lines, &network);
    }
    lines.text
}

fn groups(lines: &mut Lines, ip: IpAddr) {
    if let Some(scope) = scope_of(ip) {
        lines.put("reaches", scope.name());
    }
    if let Some(hardware) = multicast_hardware(ip) {
        lines.put("on Ethernet", colons(&hardware));
    }
    if let IpAddr::V6(v6) = ip
        && let Some(group) = solicited_node(v6)
    {
        lines.put("asked for in", group);
    }
}

fn network(lines: &mut Lines, network: &Network) {
    lines.put("network", network);
    lines.put("netmask", network.netmask());
    lines.put("wildcard", network.wildcard_mask());
    match network.broadcast() {
        Ok(broadcast) => lines.put("broadcast", broadcast),
        Err(why) => lines.put("broadcast", format!("none: {why}")),
    }
    lines.put("first host", network.first_host());
    lines.put("last host", network.last_host());
    lines.put("hosts", format!("{} of {} addresses", network.hosts(), network.addresses()));
}

/// The bits with a bar between those of the network and those of the host.
fn divided(bits: &str, prefix_len: u8) -> String {
    let mut out = String::with_capacity(bits.len() + 1);
    let mut seen = 0;
    for c in bits.chars() {
        if seen == prefix_len && c != '.' && c != ':' && !out.contains('|') {
            out.push('|');
        }
        out.push(c);
        seen += u8::from(matches!(c, '0' | '1'));
    }
    out
}

/// A line beneath the bits that says which are which.
fn marks(ip: IpAddr, prefix_len: u8) -> String {
    let bits = divided(&binary(ip), prefix_len);
    let all = bits.chars().count();
    let network = bits.split('|').next().unwrap_or("").chars().count();
    let label = |text: &str, width: usize| {
        if width >= text.len() + 2 { format!("{text:^width$}") } else { " ".repeat(width) }
    };
    format!("{}{}", label("network", network), label("host", all - network))
}

pub(super) fn interface(interface: &Interface) -> String {
    let state = match (interface.is_up, interface.is_running) {
        (false, _) => "switched off",
        (true, false) => "on, without a link",
        (true, true) => "on",
    };
    let mut lines = Lines::default();
    let multicast = if interface.is_multicast { ", carries groups" } else { "" };
    let loopback = if interface.is_loopback { ", loopback" } else { "" };
    let mtu = interface.mtu.map(|mtu| format!(", packets up to {mtu} bytes")).unwrap_or_default();
    lines.put(&interface.name, format!("number {}, {state}{loopback}{multicast}{mtu}", interface.index));
    if let Some(hardware) = interface.hardware {
        lines.put("", colons(&hardware));
    }
    for address in &interface.addresses {
        let kind = kind_of(address.ip());
        let broadcast = address.broadcast.filter(|_| !interface.is_loopback);
        let broadcast = broadcast.map(|broadcast| format!(", broadcast {broadcast}")).unwrap_or_default();
        lines.put("", format!("{}, {}{broadcast}", address.net, kind.name));
    }
    lines.text
}

pub(super) fn port(port: u16) -> String {
    let mut lines = Lines::default();
    let (range, meaning) = range_of(port);
    lines.put("port", port);
    lines.put("bits", format!("{port:016b}"));
    lines.put("range", format!("{range}: {meaning} (RFC 6335)"));
    let names = names_of(port);
    lines.put("service", if names.is_empty() { "none known here".to_owned() } else { names.join(", ") });
    lines.text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l20_the_bits_of_network_and_host_are_told_apart() {
        let shown = address(&"192.168.1.37/20".parse().unwrap());
        assert_eq!(
            shown.lines().take(3).collect::<Vec<_>>(),
            [
                "address       192.168.1.37/20",
                "bits          11000000.10101000.0000|0001.00100101",
                "                     network             host",
            ]
        );
        assert!(shown.contains("kind          private: for use within a site, of the range of class C (192.168.0.0/16, RFC 1918)\n"));
        assert!(shown.contains("broadcast     192.168.15.255\n"));
        assert!(shown.contains("hosts         4094 of 4096 addresses\n"));
        assert!(address(&"::1/128".parse().unwrap()).contains("broadcast     none: IPv6 has no broadcast\n"));
    }
}
