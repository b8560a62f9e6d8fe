//! The arguments of `addr` and `resolve`.

use std::time::Duration;

use clap::Args;

use super::value;

#[derive(Debug, Args)]
pub(crate) struct AddrArgs {
    /// An address, a network like 192.168.1.37/24, an interface like eth0, a port like :443, or a service like :https; without it
    /// all interfaces are shown
    #[arg(value_name = "ADDRESS|NETWORK|INTERFACE|:PORT")]
    pub(crate) what: Option<String>,
    /// Print the broadcast address alone, for scripts; of an interface one a line
    #[arg(long, requires = "what")]
    pub(crate) broadcast: bool,
    /// Write one JSON object for each address, interface or port to standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The name of a host, with a service or port behind a colon if wanted; an address is looked up the other way
    #[arg(value_name = "NAME[:SERVICE]|ADDRESS")]
    pub(crate) name: String,
    /// Ask for IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Ask for IPv6 addresses only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// How long the system may take (default: 10s)
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) timeout: Option<Duration>,
    /// Write the answer as a JSON object to standard output
    #[arg(long)]
    pub(crate) json: bool,
}
