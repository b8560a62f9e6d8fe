//! The bits of an address in other spellings.

use std::{fmt::Write, net::IpAddr};

/// Ones and zeros: bytes with dots between them for IPv4, groups of 16 bits with colons for IPv6.
///
/// ```
/// # use sockeye_net::address::binary;
/// assert_eq!(binary([192, 168, 1, 37].into()), "11000000.10101000.00000001.00100101");
/// ```
pub fn binary(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.octets().map(|octet| format!("{octet:08b}")).join("."),
        IpAddr::V6(v6) => v6.segments().map(|group| format!("{group:016b}")).join(":"),
    }
}

/// One hexadecimal number: `0xc0a80125`.
pub fn hex(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => format!("{:#010x}", u32::from(v4)),
        IpAddr::V6(v6) => format!("{:#034x}", u128::from(v6)),
    }
}

/// The address with nothing left out: all eight groups of IPv6 with four digits each; IPv4 as always.
///
/// ```
/// # use std::net::{IpAddr, Ipv6Addr};
/// # use sockeye_net::address::expanded;
/// assert_eq!(expanded(Ipv6Addr::LOCALHOST.into()), "0000:0000:0000:0000:0000:0000:0000:0001");
/// ```
pub fn expanded(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6.segments().map(|group| format!("{group:04x}")).join(":"),
    }
}

/// The name under which DNS keeps the name of an address (RFC 1035 §3.5, RFC 3596 §2.5), without the last dot.
///
/// ```
/// # use sockeye_net::address::reverse_name;
/// assert_eq!(reverse_name([192, 168, 1, 37].into()), "37.1.168.192.in-addr.arpa");
/// ```
pub fn reverse_name(ip: IpAddr) -> String {
    let mut name = String::new();
    // Writing to a string cannot fail.
    match ip {
        IpAddr::V4(v4) => v4.octets().iter().rev().for_each(|octet| {
            let _ = write!(name, "{octet}.");
        }),
        IpAddr::V6(v6) => v6.octets().iter().rev().for_each(|octet| {
            let _ = write!(name, "{:x}.{:x}.", octet & 0xf, octet >> 4);
        }),
    }
    name + if ip.is_ipv4() { "in-addr.arpa" } else { "ip6.arpa" }
}
