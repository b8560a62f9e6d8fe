//! Options of IPv4: ip(7).

use super::{
    super::{
        InterfaceForm::{BigEndian, Membership},
        Kind::{self, Bytes, Dscp, Flag, Int, Interface, Ports},
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
    super::row(Level::Ip, name, constant, kind, meaning)
}

pub(super) const ROWS: &[SocketOption] = &[
    row("bind-no-port", known!(IP_BIND_ADDRESS_NO_PORT), Flag, "bind chooses no port; connect will"),
    row("checksum", known!(IP_CHECKSUM), Flag, "each datagram tells its checksum").only(Only::Datagram),
    row("freebind", known!(IP_FREEBIND), Flag, "bind to an address that is not here, or not yet"),
    row("iface", known!(IP_MULTICAST_IF), Interface(Membership), "the interface by which groups are reached")
        .only(Only::Datagram),
    row("ip-options", known!(IP_OPTIONS), Bytes, "options in the header of each packet"),
    row("local-port-range", newer!(IP_LOCAL_PORT_RANGE = 51), Ports, "where free ports are taken from"),
    row("loop", known!(IP_MULTICAST_LOOP), Flag, "this machine hears what it sends to groups")
        .only(Only::Datagram),
    row("min-ttl", known!(IP_MINTTL), Int(Unit::Hops), "packets that have fewer hops left are dropped"),
    row("mttl", known!(IP_MULTICAST_TTL), Int(Unit::Hops), "how far packets to groups go")
        .only(Only::Datagram),
    row("mtu", known!(IP_MTU), Int(Unit::Bytes), "the largest packet to the peer; needs a connection")
        .read_only(),
    row("mtu-discover", known!(IP_MTU_DISCOVER), MTU_DISCOVER, "how the path's largest packet is found"),
    row("multicast-all", known!(IP_MULTICAST_ALL), Flag, "hears groups that other sockets here joined")
        .only(Only::Datagram),
    row("passsec-ip", known!(IP_PASSSEC), Flag, "each datagram tells its security context"),
    row("pktinfo", known!(IP_PKTINFO), Flag, "each datagram tells its interface and where it was sent to"),
    row("recverr", known!(IP_RECVERR), Flag, "errors from the network are queued, with what caused them"),
    row(
        "recverr-rfc4884",
        newer!(IP_RECVERR_RFC4884 = 26),
        Flag,
        "such errors also tell where extensions begin",
    )
    .only(Only::Datagram),
    row("recvfragsize", known!(IP_RECVFRAGSIZE), Flag, "each datagram tells the size of its fragments")
        .only(Only::Datagram),
    row("recvopts", known!(IP_RECVOPTS), Flag, "each datagram tells the options of its header"),
    row(
        "recvorigdstaddr",
        known!(IP_RECVORIGDSTADDR),
        Flag,
        "each datagram tells where it was sent to at first",
    ),
    row("recvtos", known!(IP_RECVTOS), Flag, "each datagram tells its type of service"),
    row("recvttl", known!(IP_RECVTTL), Flag, "each datagram tells how many hops it had left"),
    row("retopts", known!(IP_RETOPTS), Flag, "each datagram tells the options for an answer"),
    row("tos", known!(IP_TOS), Int(Unit::Plain), "the type of service of its packets"),
    row("dscp", known!(IP_TOS), Dscp, "the upper six bits of tos: how routers shall treat its packets"),
    row("transparent", known!(IP_TRANSPARENT), Flag, "bind to any address, as a transparent proxy"),
    row("ttl", known!(IP_TTL), Int(Unit::Hops), "how far packets to one host go"),
    row("unicast-if", known!(IP_UNICAST_IF), Interface(BigEndian), "the interface that packets prefer"),
];
