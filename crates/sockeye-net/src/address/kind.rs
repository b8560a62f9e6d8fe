//! What addresses are for: the special-purpose registries of IANA (RFC 6890 and what updates them), the most special first.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// What a range of addresses is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kind {
    /// A short name: `private`, `loopback`.
    pub name: &'static str,
    /// The range that it is of, as it is written in the registry.
    pub range: &'static str,
    /// What that means, in a few words.
    pub meaning: &'static str,
    /// The document that says so.
    pub source: &'static str,
    /// Whether such an address can be reached from everywhere, by the registry.
    pub is_global: bool,
}

/// What an address is for.
///
/// ```
/// use sockeye_net::address::kind_of;
///
/// let kind = kind_of([192, 168, 1, 3].into());
/// assert_eq!((kind.name, kind.range, kind.source), ("private", "192.168.0.0/16", "RFC 1918"));
/// assert!(kind_of([9, 9, 9, 9].into()).is_global);
/// ```
pub fn kind_of(ip: IpAddr) -> Kind {
    let table: &[Kind] = if ip.is_ipv4() { &V4 } else { &V6 };
    let holds = |kind: &&Kind| kind.range.parse::<IpNet>().is_ok_and(|range| range.contains(&ip));
    // The last row of each table is everything.
    table.iter().find(holds).copied().unwrap_or(table[table.len() - 1])
}

/// The class that an IPv4 address had before networks had prefixes (RFC 791 §2.3, RFC 1112 §4): A to E.
pub fn class_of(ip: Ipv4Addr) -> char {
    match ip.octets()[0] {
        0..=127 => 'A',
        128..=191 => 'B',
        192..=223 => 'C',
        224..=239 => 'D',
        240..=255 => 'E',
    }
}

const fn kind(
    range: &'static str,
    name: &'static str,
    meaning: &'static str,
    source: &'static str,
    is_global: bool,
) -> Kind {
    Kind { name, range, meaning, source, is_global }
}

const V4: [Kind; 30] = [
    kind(
        "0.0.0.0/32",
        "wildcard",
        "every address of this machine, where one listens",
        "RFC 1122 §3.2.1.3",
        false,
    ),
    kind(
        "0.0.0.0/8",
        "this network",
        "a host of this network, before it knows its address",
        "RFC 791 §3.2",
        false,
    ),
    kind("10.0.0.0/8", "private", "for use within a site, of the range of class A", "RFC 1918", false),
    kind("100.64.0.0/10", "shared", "between a provider's translator and its customers", "RFC 6598", false),
    kind("127.0.0.0/8", "loopback", "this machine, whatever its network", "RFC 1122 §3.2.1.3", false),
    kind(
        "169.254.169.254/32",
        "link-local",
        "the metadata service of many clouds, on this link",
        "RFC 3927",
        false,
    ),
    kind(
        "169.254.0.0/16",
        "link-local",
        "given by a machine to itself, where nobody gives one",
        "RFC 3927",
        false,
    ),
    kind("172.16.0.0/12", "private", "for use within a site, of the range of class B", "RFC 1918", false),
    kind("192.0.0.9/32", "protocol", "the Port Control Protocol, anycast", "RFC 7723", true),
    kind("192.0.0.10/32", "protocol", "TURN, anycast", "RFC 8155", true),
    kind(
        "192.0.0.0/29",
        "protocol",
        "translation of IPv4 into IPv6 at the customer's (DS-Lite)",
        "RFC 7335",
        false,
    ),
    kind("192.0.0.0/24", "protocol", "assignments of the IETF", "RFC 6890 §2.1", false),
    kind("192.0.2.0/24", "documentation", "for examples (TEST-NET-1)", "RFC 5737", false),
    kind("192.31.196.0/24", "protocol", "AS112: answers for names of private addresses", "RFC 7535", true),
    kind("192.52.193.0/24", "protocol", "automatic multicast tunnels", "RFC 7450", true),
    kind("192.88.99.0/24", "deprecated", "once relays of 6to4", "RFC 7526", false),
    kind("192.168.0.0/16", "private", "for use within a site, of the range of class C", "RFC 1918", false),
    kind("192.175.48.0/24", "protocol", "AS112: answers for names of private addresses", "RFC 7534", true),
    kind("198.18.0.0/15", "benchmarking", "between devices under test", "RFC 2544", false),
    kind("198.51.100.0/24", "documentation", "for examples (TEST-NET-2)", "RFC 5737", false),
    kind("203.0.113.0/24", "documentation", "for examples (TEST-NET-3)", "RFC 5737", false),
    kind(
        "224.0.0.0/24",
        "multicast",
        "a group of this link, of protocols of the network itself",
        "RFC 5771 §4",
        false,
    ),
    kind("232.0.0.0/8", "multicast", "a group joined for certain senders", "RFC 4607", true),
    kind("233.252.0.0/24", "documentation", "a group for examples", "RFC 6676", false),
    kind("239.255.0.0/16", "multicast", "a group of a small part of a site", "RFC 2365 §6.1", false),
    kind("239.0.0.0/8", "multicast", "a group of an organisation's own", "RFC 2365", false),
    kind("224.0.0.0/4", "multicast", "a group", "RFC 5771", true),
    kind(
        "255.255.255.255/32",
        "limited broadcast",
        "every host of the network that this machine is on",
        "RFC 919 §7",
        false,
    ),
    kind("240.0.0.0/4", "reserved", "for uses that have not come", "RFC 1112 §4", false),
    kind("0.0.0.0/0", "global", "can be reached from everywhere that lets it", "RFC 791", true),
];

const V6: [Kind; 28] = [
    kind("::/128", "wildcard", "every address of this machine, where one listens", "RFC 4291 §2.5.2", false),
    kind("::1/128", "loopback", "this machine, whatever its network", "RFC 4291 §2.5.3", false),
    kind(
        "::ffff:0:0/96",
        "IPv4-mapped",
        "an IPv4 address, as a socket for both families sees it",
        "RFC 4291 §2.5.5.2",
        false,
    ),
    kind("64:ff9b::/96", "NAT64", "an IPv4 address behind a translator", "RFC 6052", true),
    kind(
        "64:ff9b:1::/48",
        "NAT64",
        "an IPv4 address behind a translator of the own network",
        "RFC 8215",
        false,
    ),
    kind("100::/64", "discard", "routers throw away what is sent there", "RFC 6666", false),
    kind("100:0:0:1::/64", "dummy", "a prefix that is nowhere", "RFC 9780", false),
    kind("2001:1::1/128", "protocol", "the Port Control Protocol, anycast", "RFC 7723", true),
    kind("2001:1::2/128", "protocol", "TURN, anycast", "RFC 8155", true),
    kind("2001:1::3/128", "protocol", "registration of service discovery, anycast", "RFC 9665", true),
    kind("2001::/32", "Teredo", "an IPv6 host behind an IPv4 translator", "RFC 4380", false),
    kind("2001:2::/48", "benchmarking", "between devices under test", "RFC 5180", false),
    kind("2001:3::/32", "protocol", "automatic multicast tunnels", "RFC 7450", true),
    kind("2001:4:112::/48", "protocol", "AS112: answers for names of private addresses", "RFC 7535", true),
    kind("2001:10::/28", "deprecated", "once identities of hosts (ORCHID)", "RFC 4843", false),
    kind("2001:20::/28", "protocol", "identities of hosts (ORCHIDv2)", "RFC 7343", true),
    kind("2001:30::/28", "protocol", "identities of aircraft", "RFC 9374", true),
    kind("2001:db8::/32", "documentation", "for examples", "RFC 3849", false),
    kind("2001::/23", "protocol", "assignments of the IETF", "RFC 2928", false),
    kind("2002::/16", "6to4", "a network behind an IPv4 address", "RFC 3056", false),
    kind("2620:4f:8000::/48", "protocol", "AS112: answers for names of private addresses", "RFC 7534", true),
    kind("3fff::/20", "documentation", "for examples", "RFC 9637", false),
    kind("5f00::/16", "segment routing", "identifiers of segments", "RFC 9602", false),
    kind("fc00::/7", "unique local", "for use within a site, drawn at random", "RFC 4193", false),
    kind("fe80::/10", "link-local", "this link only: which one is said by a zone", "RFC 4291 §2.5.6", false),
    kind("ff00::/8", "multicast", "a group", "RFC 4291 §2.7", true),
    kind("2000::/3", "global", "can be reached from everywhere that lets it", "RFC 4291 §2.5.4", true),
    kind("::/0", "reserved", "not given to any use", "RFC 4291 §2.4", false),
];
