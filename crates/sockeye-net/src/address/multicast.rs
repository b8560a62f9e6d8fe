//! Groups: how far they reach, and which hardware address carries them.

use std::net::{IpAddr, Ipv6Addr};

/// How far packets to a group go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Not beyond the interface: between programs of one machine.
    Interface,
    /// Not beyond the link: no router passes them on.
    Link,
    /// Within a realm, which is a network of its own kind (RFC 7346).
    Realm,
    /// Within the smallest part that IPv4 knows (RFC 2365 §6.1), which corresponds to scope 3 of IPv6.
    Local,
    /// Within the smallest part that an administrator has marked off.
    Admin,
    /// Within a site.
    Site,
    /// Within an organisation.
    Organisation,
    /// Everywhere.
    Global,
}

impl Scope {
    /// A short name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interface => "interface-local",
            Self::Link => "link-local",
            Self::Realm => "realm-local",
            Self::Local => "local",
            Self::Admin => "admin-local",
            Self::Site => "site-local",
            Self::Organisation => "organisation-local",
            Self::Global => "global",
        }
    }
}

/// How far a group reaches: by four bits of its address in IPv6 (RFC 7346 §2), by its range in IPv4: of those that RFC 2365 gives
/// out, the local one (§6.1) corresponds to scope 3 of IPv6, that of an organisation (§6.2) to 8. None for what is no group, and for scopes that are
/// not assigned.
///
/// ```
/// use sockeye_net::address::{Scope, scope_of};
///
/// assert_eq!(scope_of("ff02::1".parse().unwrap()), Some(Scope::Link));
/// assert_eq!(scope_of([239, 255, 46, 71].into()), Some(Scope::Local));
/// ```
pub fn scope_of(group: IpAddr) -> Option<Scope> {
    match group {
        IpAddr::V4(v4) => match v4.octets() {
            [224, 0, 0, _] => Some(Scope::Link),
            [239, 255, ..] => Some(Scope::Local),
            [239, 192..=195, ..] => Some(Scope::Organisation),
            [239, ..] => Some(Scope::Site),
            [224..=238, ..] => Some(Scope::Global),
            _ => None,
        },
        IpAddr::V6(v6) if v6.is_multicast() => match v6.segments()[0] & 0xf {
            0x1 => Some(Scope::Interface),
            0x2 => Some(Scope::Link),
            0x3 => Some(Scope::Realm),
            0x4 => Some(Scope::Admin),
            0x5 => Some(Scope::Site),
            0x8 => Some(Scope::Organisation),
            0xe => Some(Scope::Global),
            _ => None,
        },
        IpAddr::V6(_) => None,
    }
}

/// The group in which neighbours ask for this address (RFC 4291 §2.7.1); none for groups.
///
/// ```
/// # use sockeye_net::address::solicited_node;
/// assert_eq!(solicited_node("4037::1:800:200e:8c6c".parse().unwrap()).unwrap().to_string(), "ff02::1:ff0e:8c6c");
/// ```
pub fn solicited_node(ip: Ipv6Addr) -> Option<Ipv6Addr> {
    let low = u128::from(ip) & 0xff_ffff;
    (!ip.is_multicast()).then(|| Ipv6Addr::from(0xff02_0000_0000_0000_0000_0001_ff00_0000 | low))
}

/// The Ethernet address that carries packets to a group (RFC 1112 §6.4, RFC 2464 §7); none for what is no group.
///
/// ```
/// # use sockeye_net::address::multicast_hardware;
/// assert_eq!(multicast_hardware([224, 128, 64, 32].into()), Some([0x01, 0x00, 0x5e, 0x00, 0x40, 0x20]));
/// ```
pub fn multicast_hardware(group: IpAddr) -> Option<[u8; 6]> {
    if !group.is_multicast() {
        return None;
    }
    Some(match group {
        IpAddr::V4(v4) => {
            let [_, a, b, c] = v4.octets();
            [0x01, 0x00, 0x5e, a & 0x7f, b, c]
        }
        IpAddr::V6(v6) => {
            let octets = v6.octets();
            [0x33, 0x33, octets[12], octets[13], octets[14], octets[15]]
        }
    })
}
