//! Options of IPv6: ipv6(7), RFC 3493, RFC 3542.

use super::{
    super::{
        InterfaceForm::{BigEndian, Index},
        Kind::{self, Dscp, Flag, Int, Interface},
        Level, Only, SocketOption, Unit,
    },
    MTU_DISCOVER, known, newer,
};

const fn row(
    name: &'static str,
    constant: (&'static str, i32),
    kind: Kind,
    meaning: &'static str,
) -> SocketOption {
    super::row(Level::Ipv6, name, constant, kind, meaning)
}

pub(super) const ROWS: &[SocketOption] = &[
    row(
        "addr-preferences",
        known!(IPV6_ADDR_PREFERENCES),
        Int(Unit::Plain),
        "flags: which own address is chosen",
    ),
    row("auto-flowlabel", known!(IPV6_AUTOFLOWLABEL), Flag, "packets get a flow label of themselves"),
    row("dontfrag", known!(IPV6_DONTFRAG), Flag, "what is too large is refused, not cut")
        .only(Only::Datagram),
    row(
        "flowinfo-send",
        known!(IPV6_FLOWINFO_SEND),
        Flag,
        "packets get the flow label of the address sent to",
    ),
    row("freebind", known!(IPV6_FREEBIND), Flag, "bind to an address that is not here, or not yet"),
    row("iface", known!(IPV6_MULTICAST_IF), Interface(Index), "the interface by which groups are reached")
        .only(Only::Datagram),
    row("loop", known!(IPV6_MULTICAST_LOOP), Flag, "this machine hears what it sends to groups")
        .only(Only::Datagram),
    row(
        "min-ttl",
        known!(IPV6_MINHOPCOUNT),
        Int(Unit::Hops),
        "packets that have fewer hops left are dropped",
    ),
    row("mttl", known!(IPV6_MULTICAST_HOPS), Int(Unit::Hops), "how far packets to groups go")
        .only(Only::Datagram),
    row("mtu", known!(IPV6_MTU), Int(Unit::Bytes), "the largest packet to the peer; needs a connection"),
    row("mtu-discover", known!(IPV6_MTU_DISCOVER), MTU_DISCOVER, "how the path's largest packet is found"),
    row("multicast-all", known!(IPV6_MULTICAST_ALL), Flag, "hears groups that other sockets here joined")
        .only(Only::Datagram),
    row(
        "pktinfo",
        known!(IPV6_RECVPKTINFO),
        Flag,
        "each datagram tells its interface and where it was sent to",
    ),
    row("recv-flowinfo", known!(IPV6_FLOWINFO), Flag, "each datagram tells its flow label"),
    row("recvdstopts", known!(IPV6_RECVDSTOPTS), Flag, "each datagram tells its destination options"),
    row("recverr", known!(IPV6_RECVERR), Flag, "errors from the network are queued, with what caused them"),
    row(
        "recverr-rfc4884",
        newer!(IPV6_RECVERR_RFC4884 = 31),
        Flag,
        "such errors also tell where extensions begin",
    )
    .only(Only::Datagram),
    row("recvfragsize", known!(IPV6_RECVFRAGSIZE), Flag, "each datagram tells the size of its fragments")
        .only(Only::Datagram),
    row("recvhopopts", known!(IPV6_RECVHOPOPTS), Flag, "each datagram tells its hop-by-hop options"),
    row(
        "recvorigdstaddr",
        known!(IPV6_RECVORIGDSTADDR),
        Flag,
        "each datagram tells where it was sent to at first",
    ),
    row("recvpathmtu", known!(IPV6_RECVPATHMTU), Flag, "tell when the path's largest packet changes"),
    row("recvrthdr", known!(IPV6_RECVRTHDR), Flag, "each datagram tells its routing header"),
    row("recvtos", known!(IPV6_RECVTCLASS), Flag, "each datagram tells its traffic class"),
    row("recvttl", known!(IPV6_RECVHOPLIMIT), Flag, "each datagram tells how many hops it had left"),
    row("tos", known!(IPV6_TCLASS), Int(Unit::Plain), "the traffic class of its packets"),
    row("dscp", known!(IPV6_TCLASS), Dscp, "the upper six bits of tos: how routers shall treat its packets"),
    row("transparent", known!(IPV6_TRANSPARENT), Flag, "bind to any address, as a transparent proxy"),
    row("ttl", known!(IPV6_UNICAST_HOPS), Int(Unit::Hops), "how far packets to one host go"),
    row("unicast-if", known!(IPV6_UNICAST_IF), Interface(BigEndian), "the interface that packets prefer"),
    row("v6only", known!(IPV6_V6ONLY), Flag, "takes no IPv4"),
];
