//! The arguments of `connect` and `listen`.

use std::time::Duration;

use clap::Args;
use sockeye::{Framing, message::Split};

use super::value;
use crate::formats::{InFormat, OutFormat};

#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Where to connect: HOST:PORT, or a scheme and a place with options, like udp://239.1.1.1:5000?iface=eth0
    #[arg(value_name = "ENDPOINT")]
    pub(crate) endpoint: String,
    /// The port, where the endpoint is a host alone
    #[arg(value_name = "PORT")]
    pub(crate) port: Option<String>,
    /// Connect and say how long it took; send and receive nothing
    #[arg(short = 'z', long)]
    pub(crate) probe: bool,
    /// Connect from this port
    #[arg(short = 'p', long, value_name = "PORT")]
    pub(crate) source_port: Option<u16>,
    /// Connect from this address of this machine
    #[arg(short = 's', long, value_name = "ADDRESS")]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) socket: SocketArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// Where to listen: :PORT or ADDRESS:PORT, or a scheme and a place with options; port 0 is any free one, which is told
    #[arg(value_name = "ENDPOINT")]
    pub(crate) endpoint: String,
    /// The port, where the endpoint is a host alone
    #[arg(value_name = "PORT")]
    pub(crate) port: Option<String>,
    /// Go on listening, with many callers at once. Listeners of datagrams do without it, also after standard input has ended
    #[arg(short, long)]
    pub(crate) keep: bool,
    /// With -k: callers served at once; the next ones wait their turn. 1 serves one after another
    #[arg(long, value_name = "N", requires = "keep", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_clients: Option<u32>,
    /// Send each message back to where it came from, instead of sending standard input
    #[arg(long)]
    pub(crate) echo: bool,
    /// Drop a caller whose message takes longer than this from its first byte to its last (default with -k: 60s; 0s never)
    #[arg(long, value_name = "DURATION", value_parser = value::duration_or_none)]
    pub(crate) message_timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) socket: SocketArgs,
}

/// What `connect` and `listen` have in common.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Args)]
pub(crate) struct SocketArgs {
    /// Framing of messages both ways, like dec:4, len:u32be, line, mark:'{2H:'..':}'
    #[arg(short, long, value_name = "SPEC", conflicts_with_all = ["framing_in", "framing_out"])]
    pub(crate) framing: Option<Framing>,
    /// Framing of what is received
    #[arg(long = "fin", value_name = "SPEC")]
    pub(crate) framing_in: Option<Framing>,
    /// Framing of what is sent
    #[arg(long = "fout", value_name = "SPEC")]
    pub(crate) framing_out: Option<Framing>,
    /// What standard input is: raw, text, hex, c, base64, json, or messages in a framing (default: raw, with a framing or
    /// datagrams text)
    ///
    /// raw is the bytes as they come, and one message where there are messages. A line of text, hex, c (with escapes like \x00),
    /// base64 and json (an object with text, hex or base64) is a message. A framing is written as for -f.
    #[arg(long = "in", value_name = "FORMAT")]
    pub(crate) input: Option<InFormat>,
    /// How messages are written to standard output: auto, text, hex, c, base64, json, raw, none, or in a framing
    ///
    /// auto writes streams as they come and messages one a line, with escapes for what is not text; on a terminal nothing that
    /// could steer it. json is one object for each message, without the other events of --json.
    #[arg(long = "out", value_name = "FORMAT", default_value = "auto")]
    pub(crate) output: OutFormat,
    /// Bytes that one read may take, the size given to recv: a small one tears messages (default: 65536)
    #[arg(long, value_name = "BYTES", value_parser = value::buffer_size)]
    pub(crate) read_size: Option<usize>,
    /// Show when each message came
    #[arg(short, long)]
    pub(crate) time: bool,
    /// End after this many messages were received; fewer are a failure (exit 4)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Give up when nothing was sent or received for this long (exit 4)
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) idle: Option<Duration>,
    /// How long connecting may take (default: 30s), or waiting for the first caller (default: for ever)
    #[arg(short, long = "wait", value_name = "DURATION", value_parser = value::duration)]
    pub(crate) wait: Option<Duration>,
    /// How long to wait for the other side after standard input has ended (default: for ever; connected with datagrams, which
    /// have no end, 1s, or with --count until those have come)
    #[arg(short, long = "quit", value_name = "DURATION", value_parser = value::duration_or_none)]
    pub(crate) quit: Option<Duration>,
    /// What the end of standard input does (default: half-close, with -k hold)
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_eof: Option<OnEof>,
    /// The same as --on-eof half-close
    #[arg(short = 'N', long, conflicts_with = "on_eof")]
    pub(crate) shutdown: bool,
    /// How what is sent is cut into writes: one (each message), all, bytes, random[:SEED], header
    #[arg(long, value_name = "HOW", default_value = "one")]
    pub(crate) split: Split,
    /// Writes a second, like 10/s, or the time between them, like 100ms
    #[arg(short = 'i', long, value_name = "RATE", value_parser = value::pace)]
    pub(crate) pace: Option<Duration>,
    /// The endpoint has no scheme and is UDP
    #[arg(short, long)]
    pub(crate) udp: bool,
    /// Use IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Look no names up: hosts are addresses, ports are numbers
    #[arg(short, long)]
    pub(crate) numeric: bool,
    /// End lines with CR and LF when sending: the same as --fout crlf
    #[arg(short = 'C', long, conflicts_with_all = ["framing", "framing_out"])]
    pub(crate) crlf: bool,
    /// Tell every so often (default: each second) how full the socket's buffers are and what keeps it from being faster
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "1s", value_parser = value::duration)]
    pub(crate) stats: Option<Duration>,
    /// Write one JSON object for each event to standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing but errors
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell each read and write too
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What the end of standard input does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnEof {
    /// Tell the other side that no more comes, and wait for what it sends
    HalfClose,
    /// Close the connection
    Close,
    /// Nothing: wait for the other side
    Hold,
}
