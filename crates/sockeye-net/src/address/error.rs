//! What can be wrong with a written address.

use std::net::Ipv4Addr;

/// Why a text is no address. Positions count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing was written.
    #[error("there is no address in it")]
    Empty,
    /// A character that has no place in an address.
    #[error("unexpected character {found:?} at position {at}")]
    Character {
        /// The character.
        found: char,
        /// Which character of the text it is.
        at: usize,
        /// The character it resembles, if that one would have its place there: `１` for `1`.
        meant: Option<char>,
    },
    /// A number of an IPv4 address, or of a netmask, is larger than eight bits hold.
    #[error("part {position} is {octet}, more than 255")]
    OctetTooLarge {
        /// The number as it was written.
        octet: String,
        /// Which of the four it is.
        position: usize,
    },
    /// A number begins with a zero: some programs read it as octal, some as decimal.
    #[error("part {position} is {octet}, with a leading zero")]
    LeadingZero {
        /// The number as it was written.
        octet: String,
        /// Which of the four it is.
        position: usize,
        /// What it is when read as decimal, if that is at most 255.
        decimal: Option<u8>,
        /// What it is when read as octal, if it can be.
        octal: Option<u8>,
    },
    /// Two dots with nothing between them, or a dot at an end.
    #[error("part {position} is missing")]
    OctetMissing {
        /// Which of the four it is.
        position: usize,
    },
    /// Other than four numbers between the dots.
    #[error("{found} parts instead of 4")]
    OctetCount {
        /// How many there are.
        found: usize,
    },
    /// One number alone: an address without its dots, or a port.
    #[error("one number alone")]
    Number {
        /// The number's bits as an address.
        dotted: Ipv4Addr,
        /// The same number, if it could be a port.
        port: Option<u16>,
    },
    /// A group of an IPv6 address has more than four hexadecimal digits.
    #[error("group {group} has more than 4 digits")]
    GroupTooLong {
        /// The group as it was written.
        group: String,
    },
    /// An IPv6 address has too many groups, or too few without `::`.
    #[error("{found} groups of 16 bits instead of 8")]
    GroupCount {
        /// How many there are; an IPv4 address at the end counts as two.
        found: usize,
        /// Whether `::` stands for more of them.
        compressed: bool,
    },
    /// `::` stands twice, or with a third colon.
    #[error("`::` more than once")]
    TwoGaps,
    /// A single colon at the beginning or the end of an IPv6 address.
    #[error("a single colon at an end")]
    LoneColon,
    /// A bracket without its partner.
    #[error("a bracket without its partner")]
    Bracket,
    /// A port follows the address.
    #[error("a port follows the address")]
    Port {
        /// The address alone.
        address: String,
        /// What follows the colon.
        port: String,
    },
    /// Nothing follows the `/`.
    #[error("the prefix length is missing")]
    PrefixMissing,
    /// The prefix is longer than the address.
    #[error("the prefix length {prefix_len} is more than {max}")]
    PrefixTooLong {
        /// The length as it was written.
        prefix_len: String,
        /// How many bits the address has.
        max: u8,
    },
    /// What follows the `/` is no number, and no netmask.
    #[error("{text} is no prefix length")]
    Prefix {
        /// What follows the `/`.
        text: String,
        /// How many bits the address has.
        max: u8,
    },
    /// A netmask whose ones are not all in front.
    #[error("{mask} is no netmask")]
    Netmask {
        /// The mask.
        mask: Ipv4Addr,
        /// The netmask, if this is its inverse (a wildcard mask).
        inverse: Option<Ipv4Addr>,
    },
    /// A `%` with nothing, or with something that can be no interface, behind it.
    #[error("{zone:?} is no zone")]
    Zone {
        /// What follows the `%`.
        zone: String,
    },
    /// An IPv4 address with a zone.
    #[error("an IPv4 address has no zone")]
    ZoneOfIpv4,
}
