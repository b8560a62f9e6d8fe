//! Options of UDP: udp(7).

use super::{
    super::{
        Kind::{self, Flag, Int},
        Level, SocketOption, Unit,
    },
    known,
};

const fn row(
    name: &'static str,
    constant: (&'static str, i32),
    kind: Kind,
    meaning: &'static str,
) -> SocketOption {
    super::row(Level::Udp, name, constant, kind, meaning)
}

pub(super) const ROWS: &[SocketOption] = &[
    row("cork", known!(UDP_CORK), Flag, "gather writes in one datagram, until uncorked"),
    row(
        "encap",
        known!(UDP_ENCAP),
        Int(Unit::Plain),
        "what the kernel unpacks from its datagrams, like IPsec",
    ),
    row("gro", known!(UDP_GRO), Flag, "several datagrams of one sender may be read at once"),
    row("no-check6-rx", known!(UDP_NO_CHECK6_RX), Flag, "take IPv6 datagrams without a checksum"),
    row("no-check6-tx", known!(UDP_NO_CHECK6_TX), Flag, "send IPv6 datagrams without a checksum"),
    row(
        "segment",
        known!(UDP_SEGMENT),
        Int(Unit::Bytes),
        "the kernel cuts what is written in datagrams of this size",
    ),
];
