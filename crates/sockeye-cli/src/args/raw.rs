//! The command line as clap sees it. Doc comments here are the help text.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand};

use super::{
    frame::FrameArgs,
    help,
    lookup::{AddrArgs, ResolveArgs},
    opts::OptsArgs,
    relay::RelayArgs,
    sockets::{ConnectArgs, ListenArgs},
    value,
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "sockeye", version, about = help::ABOUT, long_about = help::LONG_ABOUT, after_help = help::AFTER)]
#[command(max_term_width = 110, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send files and directories: prints a code for the other machine
    #[command(after_help = help::SEND)]
    Send(SendArgs),
    /// Receive what another machine sends: takes its code
    #[command(visible_alias = "recv", after_help = help::RECEIVE)]
    Receive(ReceiveArgs),
    /// List the machines that announce themselves on this network
    #[command(after_help = help::PEERS)]
    Peers(PeersArgs),
    /// List, rename or forget the machines that are remembered
    #[command(after_help = help::TRUST)]
    Trust(TrustArgs),
    /// Connect to an endpoint: standard input goes there, what comes goes to standard output
    #[command(visible_alias = "c", after_help = help::CONNECT)]
    Connect(ConnectArgs),
    /// Listen at an endpoint: what comes goes to standard output, standard input goes back
    #[command(visible_alias = "l", after_help = help::LISTEN)]
    Listen(ListenArgs),
    /// Carry callers of one endpoint to another: a proxy that knows messages, and a link as bad as is wished for
    #[command(after_help = help::RELAY)]
    Relay(RelayArgs),
    /// Framings as a filter: encode, decode, or guess which one a capture is in
    #[command(after_help = help::FRAME)]
    Frame(FrameArgs),
    /// Show what is in an address, what an interface has, what a port is called
    #[command(after_help = help::ADDR)]
    Addr(AddrArgs),
    /// Look a name up as this system does: its addresses in their order, and how long it took
    #[command(after_help = help::RESOLVE)]
    Resolve(ResolveArgs),

    /// Show what a socket is, its options and its buffers, and set options
    #[command(after_help = help::OPTS)]
    Opts(OptsArgs),
    /// Move a picture between processes of this machine, over real sockets, and verify it
    #[command(after_help = help::DEMO)]
    Demo(DemoArgs),
    /// Write man pages, completions and the help texts into a directory
    #[command(hide = true)]
    Generate(GenerateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Files and directories to send; `-` is standard input
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Leave out what matches this pattern, by name or by path (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Go to a machine that runs `sockeye receive --listen`, instead of waiting for one to come
    ///
    /// PEER is the name of a remembered machine and needs no code. HOST is a host name or an address; it takes the code that
    /// the machine there shows.
    #[arg(long, value_name = "PEER|HOST[:PORT]", conflicts_with = "words")]
    pub(crate) to: Option<String>,
    /// Use this code instead of a random one; with --to HOST, the code shown there
    ///
    /// Other users of this machine can see arguments in the list of processes while the command runs: where that matters use
    /// --code-file or the environment variable SOCKEYE_CODE.
    #[arg(long, value_name = "CODE", conflicts_with = "code_file")]
    pub(crate) code: Option<String>,
    #[command(flatten)]
    pub(crate) many: ManyArgs,
    #[command(flatten)]
    pub(crate) shared: SharedArgs,
}

/// What `send --many` needs besides.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "To many at once")]
pub(crate) struct ManyArgs {
    /// Send to any number of machines at once: what several need crosses the network once
    ///
    /// Each runs `sockeye receive CODE` with the same code. Sending begins when Enter is pressed here, or by itself with
    /// --receivers, --wait or --start now. Who comes later is served too.
    #[arg(long, conflicts_with = "to")]
    pub(crate) many: bool,
    /// Begin when so many receivers are ready
    #[arg(long, value_name = "N", requires = "many", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) receivers: Option<u32>,
    /// Begin after this time with those who are ready, like 30s; with nobody there, with the first who is
    #[arg(long, value_name = "DURATION", requires = "many", value_parser = value::duration)]
    pub(crate) wait: Option<Duration>,
    /// `now`: begin with the first receiver that is ready
    #[arg(long, value_name = "WHEN", requires = "many", value_enum)]
    pub(crate) start: Option<Start>,
    /// Go on serving receivers that come later, until interrupted
    #[arg(long, requires = "many")]
    pub(crate) linger: bool,
    /// Send to this multicast group (default: one drawn from 239.255.0.0/16 and ff12::/32)
    #[arg(long, value_name = "ADDRESS", requires = "many", conflicts_with = "broadcast", value_parser = value::group)]
    pub(crate) group: Option<IpAddr>,
    /// Send to the network's broadcast address instead of a group
    #[arg(long, requires = "many")]
    pub(crate) broadcast: bool,
    /// How many networks packets may cross (default: 1, this one only)
    #[arg(long, value_name = "HOPS", requires = "many", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) ttl: Option<u8>,
    /// Never send faster than this, headers of packets included, like 100Mbit or 20M (bytes) a second
    #[arg(long, value_name = "RATE", requires = "many", value_parser = value::rate)]
    pub(crate) max_rate: Option<u64>,
    /// Bytes of the largest packet that the network carries (default: 1500)
    #[arg(long, value_name = "BYTES", requires = "many", value_parser = clap::value_parser!(u32).range(1280..=9000))]
    pub(crate) mtu: Option<u32>,
}

/// When a delivery begins without being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Start {
    /// With the first receiver.
    Now,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Args)]
pub(crate) struct ReceiveArgs {
    /// The code that the sender shows, with its address where discovery does not work
    ///
    /// Other users of this machine can see arguments in the list of processes while the command runs: where that matters use
    /// --code-file, the environment variable SOCKEYE_CODE, or give none and be asked.
    #[arg(value_name = "CODE[@HOST[:PORT]]", conflicts_with = "code_file")]
    pub(crate) code: Option<String>,
    /// Directory to write into (default: the current one); `-` writes a single file to standard output
    #[arg(short, long, visible_alias = "out", value_name = "DIR|-")]
    pub(crate) output: Option<PathBuf>,
    /// Wait for the sender instead of going to it: prints a code for `sockeye send --to`
    #[arg(long)]
    pub(crate) listen: bool,
    /// Go on receiving from remembered machines until interrupted; implies --listen
    #[arg(long)]
    pub(crate) keep: bool,
    /// With --keep: also show a code, good for ten minutes, so that a new machine can come
    #[arg(long, requires = "keep")]
    pub(crate) pair: bool,
    /// Put the new file in the place of one that is here and differs
    #[arg(long, group = "existing")]
    pub(crate) overwrite: bool,
    /// Write the new file beside one that is here and differs, as `name (2)`
    #[arg(long, group = "existing")]
    pub(crate) rename: bool,
    /// Leave files that are here alone, without counting that as a failure
    #[arg(long, group = "existing")]
    pub(crate) skip: bool,
    /// Refuse names that some other system could not hold
    #[arg(long)]
    pub(crate) portable_names: bool,
    /// Refuse offers of more bytes than this, like 500M or 4GiB
    #[arg(long, value_name = "SIZE", value_parser = value::size)]
    pub(crate) max_size: Option<u64>,
    #[command(flatten)]
    pub(crate) shared: SharedArgs,
}

/// What `send` and `receive` have in common.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Default, Args)]
pub(crate) struct SharedArgs {
    /// Ask nothing; `receive` accepts what is offered
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Read the code from the first line of a file; `-` is standard input
    #[arg(long, value_name = "PATH")]
    pub(crate) code_file: Option<PathBuf>,
    /// How many secret words a code made here has, 2 to 6 (default: 2; with --many 3)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=6))]
    pub(crate) words: Option<u8>,
    /// Remember the other machine under this name, so that no code is needed next time
    #[arg(long, value_name = "NAME")]
    pub(crate) remember: Option<String>,
    /// Tell the other machine, and the network, this name; without it none is told
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How long to wait for the other machine, like 30s or 2h (default: 10m)
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) timeout: Option<Duration>,
    /// TCP port to listen on, or to dial (default: 46710; a listener falls back to a free one)
    #[arg(short, long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// Use only this network interface (repeatable)
    #[arg(short, long, value_name = "NAME")]
    pub(crate) interface: Vec<String>,
    /// Neither announce nor search on the network: the other side needs the address too
    #[arg(long)]
    pub(crate) no_discovery: bool,
    /// Use IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Print only errors, and a code that was made here
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Write every event as one line of JSON to standard output; nothing is asked
    #[arg(long)]
    pub(crate) json: bool,
    /// Say at the end where the time went
    #[arg(long)]
    pub(crate) stats: bool,
    /// Say more; twice and three times for the library's own log
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Args)]
pub(crate) struct PeersArgs {
    /// How long to listen, like 5s (default: 2s)
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) wait: Option<Duration>,
    /// Use only this network interface (repeatable)
    #[arg(short, long, value_name = "NAME")]
    pub(crate) interface: Vec<String>,
    /// Write one line of JSON for each machine
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    #[command(subcommand)]
    pub(crate) command: Option<TrustCommand>,
    /// Write one line of JSON for each machine
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// List the remembered machines (also what `sockeye trust` alone does)
    #[command(after_help = help::TRUST_LIST)]
    List,
    /// Call a remembered machine something else
    #[command(after_help = help::TRUST_RENAME)]
    Rename {
        /// What it is called now
        from: String,
        /// What to call it
        to: String,
    },
    /// Forget a machine: it needs a code again
    #[command(after_help = help::TRUST_REMOVE)]
    Remove {
        /// What it is called here
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Put the pictures into this directory, which is made (default: a new one among the temporary files)
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Write one line of JSON for each step
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Where to: gets the directories `man`, `completions` and `help`
    pub(crate) directory: PathBuf,
}
