//! Options of TCP: tcp(7).

use super::{
    super::{
        Kind::{self, Bytes, Flag, Int, Text, U32},
        Level, SocketOption, Unit,
    },
    known, newer,
};

const fn row(
    name: &'static str,
    constant: (&'static str, i32),
    kind: Kind,
    meaning: &'static str,
) -> SocketOption {
    super::row(Level::Tcp, name, constant, kind, meaning)
}

pub(super) const ROWS: &[SocketOption] = &[
    row("cc-info", known!(TCP_CC_INFO), Bytes, "what the congestion control says of itself").read_only(),
    row("congestion", known!(TCP_CONGESTION), Text, "the congestion control, like cubic or bbr"),
    row("cork", known!(TCP_CORK), Flag, "send only full segments, until uncorked or 200 ms have passed"),
    row(
        "defer-accept",
        known!(TCP_DEFER_ACCEPT),
        Int(Unit::Seconds),
        "accept wakes when data has come, or then",
    ),
    row(
        "delack-max",
        newer!(TCP_DELACK_MAX_US = 46),
        Int(Unit::Microseconds),
        "longest delay of an acknowledgement",
    ),
    row(
        "fastopen",
        known!(TCP_FASTOPEN),
        Int(Unit::Plain),
        "how many may connect with data at once (RFC 7413)",
    ),
    row(
        "fastopen-connect",
        known!(TCP_FASTOPEN_CONNECT),
        Flag,
        "connect waits for the first write and takes it along",
    ),
    row("fastopen-no-cookie", known!(TCP_FASTOPEN_NO_COOKIE), Flag, "such connections need no cookie"),
    row("inq", known!(TCP_INQ), Flag, "tell with each read how many bytes wait"),
    row("is-mptcp", newer!(TCP_IS_MPTCP = 43), Flag, "whether it goes by several paths (RFC 8684)")
        .read_only(),
    row(
        "keepcnt",
        known!(TCP_KEEPCNT),
        Int(Unit::Tries),
        "questions without an answer before it is given up",
    ),
    row("keepidle", known!(TCP_KEEPIDLE), Int(Unit::Seconds), "silence before the peer is asked"),
    row("keepintvl", known!(TCP_KEEPINTVL), Int(Unit::Seconds), "time between questions"),
    row(
        "linger2",
        known!(TCP_LINGER2),
        Int(Unit::Seconds),
        "how long a closed socket waits for the peer's end",
    ),
    row("mss", known!(TCP_MAXSEG), Int(Unit::Bytes), "the largest segment; connected, what is in force"),
    row("nodelay", known!(TCP_NODELAY), Flag, "send small messages at once"),
    row(
        "notsent-lowat",
        known!(TCP_NOTSENT_LOWAT),
        U32(Unit::Bytes),
        "writable only while less than this is unsent",
    ),
    row("quickack", known!(TCP_QUICKACK), Flag, "acknowledge at once; the kernel may fall back"),
    row(
        "rto-max",
        newer!(TCP_RTO_MAX_MS = 44),
        Int(Unit::Milliseconds),
        "longest wait before data is sent again",
    ),
    row(
        "rto-min",
        newer!(TCP_RTO_MIN_US = 45),
        Int(Unit::Microseconds),
        "shortest wait before data is sent again",
    ),
    row(
        "save-syn",
        known!(TCP_SAVE_SYN),
        Int(Unit::Plain),
        "keep the headers of the first packet of a connection",
    ),
    row("saved-syn", known!(TCP_SAVED_SYN), Bytes, "those headers; reading takes them away").read_only(),
    row("syncnt", known!(TCP_SYNCNT), Int(Unit::Tries), "how often connecting is tried"),
    row("tcp-info", known!(TCP_INFO), Bytes, "all that TCP knows of the connection").read_only(),
    row("tcp-timestamp", known!(TCP_TIMESTAMP), U32(Unit::Plain), "its clock for the timestamps of RFC 7323")
        .read_only(),
    row(
        "thin-dupack",
        known!(TCP_THIN_DUPACK),
        Flag,
        "send again after one duplicate, where little is in flight",
    ),
    row(
        "thin-linear",
        known!(TCP_THIN_LINEAR_TIMEOUTS),
        Flag,
        "do not double timeouts, where little is in flight",
    ),
    row("tx-delay", newer!(TCP_TX_DELAY = 37), Int(Unit::Microseconds), "delays what it sends, for tests"),
    row("ulp", known!(TCP_ULP), Text, "a protocol above it in the kernel, like tls"),
    row(
        "user-timeout",
        known!(TCP_USER_TIMEOUT),
        Int(Unit::Milliseconds),
        "how long data may stay unacknowledged (RFC 5482)",
    ),
    row("window-clamp", known!(TCP_WINDOW_CLAMP), Int(Unit::Bytes), "the largest window it offers"),
];
