//! The arguments of `opts`.

use std::time::Duration;

use clap::{ArgGroup, Args};
use sockeye::option::Setting;

use super::value;

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("watch").args(["tcp_info", "queues"]).multiple(true)))]
pub(crate) struct OptsArgs {
    /// The socket: HOST:PORT is connected to; :PORT, or port 0, is listened at; schemes and options as for `connect`
    #[arg(value_name = "ENDPOINT")]
    pub(crate) endpoint: String,
    /// The port, where the endpoint is a host alone
    #[arg(value_name = "PORT")]
    pub(crate) port: Option<String>,
    /// Bind and listen, also where the endpoint could be connected to
    #[arg(short, long, conflicts_with = "dial")]
    pub(crate) listen: bool,
    /// Connect, also where the endpoint would be listened at
    #[arg(long)]
    pub(crate) dial: bool,
    /// Set an option and show what the kernel makes of it (repeatable): nodelay, sndbuf=64KiB, SOL_SOCKET:SO_SNDBUF=65536, 1:7=65536
    ///
    /// By name, durations without a unit are seconds. By constant, or by level and number, a number is what setsockopt(2) gets.
    /// A value that begins with x is bytes in hexadecimal: 1:13=x0100000005000000. What must be set before the socket is
    /// bound or connected, like v6only, goes into the endpoint instead: `:9000?v6only`.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = setting)]
    pub(crate) set: Vec<Setting>,
    /// Show only this option (repeatable): by name, or by constant
    #[arg(long, value_name = "NAME")]
    pub(crate) get: Vec<String>,
    /// Show every option, also with --set, --get, --tcp-info or --queues
    #[arg(long)]
    pub(crate) all: bool,
    /// Show what TCP knows of the connection, again and again (default: every 1s), and what limits the sender
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "1s",
        value_parser = value::duration)]
    pub(crate) tcp_info: Option<Duration>,
    /// Show how much waits in both buffers, again and again (default: every 1s)
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "1s",
        value_parser = value::duration)]
    pub(crate) queues: Option<Duration>,
    /// Read so much after each time, and throw it away: a reader as slow as you like (default: nothing is read)
    #[arg(long, value_name = "SIZE", requires = "watch", value_parser = value::size)]
    pub(crate) read: Option<u64>,
    /// End after showing this many times; otherwise when the other side ends
    #[arg(long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// How long connecting may take (default: 30s)
    #[arg(short, long = "wait", value_name = "DURATION", value_parser = value::duration)]
    pub(crate) wait: Option<Duration>,
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
    /// Write one JSON object for each event to standard output
    #[arg(long)]
    pub(crate) json: bool,
}

fn setting(text: &str) -> Result<Setting, String> {
    Setting::parse(text).map_err(|error| crate::output::sentence::options::error(&error))
}
