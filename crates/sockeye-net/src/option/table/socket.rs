//! Options of any socket: socket(7), unix(7).

use super::{
    super::{
        InterfaceForm::Index,
        Kind::{
            self, Bytes, Choice, Counters, Credentials, Flag, Int, Interface, Linger, Text, Timeout, U32, U64,
        },
        Level, Only, SocketOption, Unit,
    },
    known, newer,
};

const fn row(
    name: &'static str,
    constant: (&'static str, i32),
    kind: Kind,
    meaning: &'static str,
) -> SocketOption {
    super::row(Level::Socket, name, constant, kind, meaning)
}

pub(super) const ROWS: &[SocketOption] = &[
    row("accept-conn", known!(SO_ACCEPTCONN), Flag, "whether it listens").read_only(),
    row("broadcast", known!(SO_BROADCAST), Flag, "may send to broadcast addresses").only(Only::IpDatagram),
    row("buf-lock", newer!(SO_BUF_LOCK = 72), BUFFERS, "which buffer sizes the kernel no longer adapts"),
    row("busy-poll", known!(SO_BUSY_POLL), Int(Unit::Microseconds), "how long a read polls the device")
        .only(Only::Ip),
    row(
        "busy-poll-budget",
        newer!(SO_BUSY_POLL_BUDGET = 70),
        Int(Unit::Plain),
        "packets taken in one such poll",
    )
    .only(Only::Ip),
    row("cookie", newer!(SO_COOKIE = 57), U64(Unit::Plain), "a number of its own, as ss and BPF know it")
        .read_only(),
    row("debug", known!(SO_DEBUG), Flag, "record debugging information"),
    row("device", known!(SO_BINDTODEVICE), Text, "the only interface it sends and receives by")
        .only(Only::Ip),
    row("device-index", known!(SO_BINDTOIFINDEX), Interface(Index), "the same, by its number").only(Only::Ip),
    row("domain", known!(SO_DOMAIN), DOMAINS, "its address family").read_only(),
    row("dontroute", known!(SO_DONTROUTE), Flag, "send to the attached network only, past the routes")
        .only(Only::Ip),
    row("error", known!(SO_ERROR), Int(Unit::Plain), "the pending error; reading takes it away").read_only(),
    row(
        "incoming-cpu",
        newer!(SO_INCOMING_CPU = 49),
        Int(Unit::Plain),
        "the processor that takes its packets",
    ),
    row(
        "incoming-napi-id",
        newer!(SO_INCOMING_NAPI_ID = 56),
        Int(Unit::Plain),
        "the device queue that feeds it",
    )
    .read_only()
    .only(Only::Ip),
    row("inq", newer!(SO_INQ = 84), Flag, "tell with each read how many bytes wait").only(Only::Unix),
    row("keepalive", known!(SO_KEEPALIVE), Flag, "ask a silent peer whether it is there").only(Only::Stream),
    row("linger", known!(SO_LINGER), Linger, "how long close waits for unsent data; 0 resets the connection"),
    row("lock-filter", newer!(SO_LOCK_FILTER = 44), Flag, "its packet filter can no longer be changed"),
    row("mark", known!(SO_MARK), U32(Unit::Plain), "marks its packets for routes and filters").only(Only::Ip),
    row(
        "max-pacing-rate",
        newer!(SO_MAX_PACING_RATE = 47),
        U64(Unit::BytesPerSecond),
        "the fastest it sends",
    )
    .only(Only::Ip),
    row("meminfo", newer!(SO_MEMINFO = 55), MEMORY, "memory in use, limits and packets dropped").read_only(),
    row(
        "netns-cookie",
        newer!(SO_NETNS_COOKIE = 71),
        U64(Unit::Plain),
        "the number of its network namespace",
    )
    .read_only(),
    row("no-check", known!(SO_NO_CHECK), Flag, "send UDP over IPv4 without a checksum")
        .only(Only::IpDatagram),
    row("oobinline", known!(SO_OOBINLINE), Flag, "urgent data stays in the stream").only(Only::Stream),
    row("passcred", known!(SO_PASSCRED), Flag, "each message tells its sender's process and user")
        .only(Only::Unix),
    row("passpidfd", newer!(SO_PASSPIDFD = 76), Flag, "each message brings a handle to its sender's process")
        .only(Only::Unix),
    row("passrights", newer!(SO_PASSRIGHTS = 83), Flag, "messages may bring open files").only(Only::Unix),
    row("passsec", known!(SO_PASSSEC), Flag, "each message tells its sender's security context")
        .only(Only::Unix),
    row("peek-off", known!(SO_PEEK_OFF), Int(Unit::Bytes), "where peeking begins; -1 at the front"),
    row("peercred", known!(SO_PEERCRED), Credentials, "process, user and group that connected")
        .read_only()
        .only(Only::Unix),
    row("peersec", known!(SO_PEERSEC), Text, "the peer's security context").read_only(),
    row("prefer-busy-poll", newer!(SO_PREFER_BUSY_POLL = 69), Flag, "rather poll than take interrupts")
        .only(Only::Ip),
    row("priority", known!(SO_PRIORITY), Int(Unit::Plain), "which queue of the device its packets take"),
    row("protocol", known!(SO_PROTOCOL), PROTOCOLS, "its protocol").read_only(),
    row("rcvbuf", known!(SO_RCVBUF), Int(Unit::Bytes), "size of the receive buffer, bookkeeping included"),
    row("rcvlowat", known!(SO_RCVLOWAT), Int(Unit::Bytes), "bytes that wake a reader"),
    row("rcvmark", newer!(SO_RCVMARK = 75), Flag, "each datagram tells its mark").only(Only::Ip),
    row("rcvpriority", newer!(SO_RCVPRIORITY = 82), Flag, "each datagram tells its priority").only(Only::Ip),
    row("rcvtimeo", known!(SO_RCVTIMEO), Timeout, "how long a blocking read waits"),
    row("reserve-mem", newer!(SO_RESERVE_MEM = 73), Int(Unit::Bytes), "memory set aside for it")
        .only(Only::Ip),
    row("reuseaddr", known!(SO_REUSEADDR), Flag, "bind although earlier connections have not died out"),
    row("reuseport", known!(SO_REUSEPORT), Flag, "share the port with other sockets that ask for it")
        .only(Only::Ip),
    row("rxq-ovfl", known!(SO_RXQ_OVFL), Flag, "each datagram tells how many were dropped"),
    row("select-err-queue", newer!(SO_SELECT_ERR_QUEUE = 45), Flag, "queued errors wake select"),
    row("sndbuf", known!(SO_SNDBUF), Int(Unit::Bytes), "size of the send buffer, bookkeeping included"),
    row("sndlowat", known!(SO_SNDLOWAT), Int(Unit::Bytes), "room that wakes a writer; always 1").read_only(),
    row("sndtimeo", known!(SO_SNDTIMEO), Timeout, "how long a blocking write waits"),
    row("timestamp", known!(SO_TIMESTAMP), Flag, "each datagram tells when it came, to the microsecond"),
    row("timestamp-ns", known!(SO_TIMESTAMPNS), Flag, "the same, to the nanosecond"),
    row(
        "timestamping",
        known!(SO_TIMESTAMPING),
        Int(Unit::Plain),
        "flags: which moments of a packet are told",
    ),
    row("txrehash", newer!(SO_TXREHASH = 74), Int(Unit::Plain), "try another path after a timeout")
        .only(Only::Ip),
    row("txtime", newer!(SO_TXTIME = 61), Bytes, "clock and flags for packets that leave at a given time")
        .only(Only::Ip),
    row("type", known!(SO_TYPE), TYPES, "stream, datagrams or packets").read_only(),
    row("wifi-status", newer!(SO_WIFI_STATUS = 41), Flag, "tell whether sent frames were acknowledged")
        .only(Only::Ip),
    row("zerocopy", newer!(SO_ZEROCOPY = 60), Flag, "writes may be sent from the program's own memory"),
];

/// `SOCK_SNDBUF_LOCK` and `SOCK_RCVBUF_LOCK`.
const BUFFERS: Kind = Choice(&[("neither", 0), ("send", 1), ("receive", 2), ("both", 3)]);
const DOMAINS: Kind = Choice(&[("AF_UNIX", 1), ("AF_INET", 2), ("AF_INET6", 10)]);
const TYPES: Kind = Choice(&[("SOCK_STREAM", 1), ("SOCK_DGRAM", 2), ("SOCK_SEQPACKET", 5)]);
const PROTOCOLS: Kind =
    Choice(&[("none", 0), ("IPPROTO_TCP", 6), ("IPPROTO_UDP", 17), ("IPPROTO_MPTCP", 262)]);
/// `SK_MEMINFO_…` of `<linux/sock_diag.h>`: memory in bytes, and packets dropped.
const MEMORY: Kind =
    Counters(&["receive", "rcvbuf", "send", "sndbuf", "forward", "queued", "option", "backlog", "drops"]);
