//! The arguments of `relay`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use sockeye::{Framing, message::Split};

use super::value;
use crate::formats::OutFormat;

#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// Where callers come to
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) listen: String,
    /// Where each of them is carried to
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) connect: String,
    /// Framing of messages both ways: they are shown, and forwarded whole, each as it came
    #[arg(short, long, value_name = "SPEC", conflicts_with_all = ["framing_up", "framing_down"])]
    pub(crate) framing: Option<Framing>,
    /// Framing of what callers send
    #[arg(long = "fin", value_name = "SPEC")]
    pub(crate) framing_up: Option<Framing>,
    /// Framing of what is sent back to them
    #[arg(long = "fout", value_name = "SPEC")]
    pub(crate) framing_down: Option<Framing>,
    /// How messages are written to standard output: auto, text, hex, c, base64, json, raw, none, or in a framing
    #[arg(long = "out", value_name = "FORMAT", default_value = "none")]
    pub(crate) output: OutFormat,
    /// Write all that goes either way into this new file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// End a connection at what does not parse, instead of carrying it on unseen
    #[arg(long)]
    pub(crate) strict: bool,
    /// How what is forwarded is cut into writes: one (each message or read), bytes, random[:SEED], header
    #[arg(long, value_name = "HOW", default_value = "one")]
    pub(crate) split: Split,
    /// Let everything wait for this long, each way
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) delay: Option<Duration>,
    /// Let no more through each way than this, like 10mbit (a second) or 1.25MB (bytes a second)
    #[arg(long, value_name = "RATE", value_parser = value::rate)]
    pub(crate) rate: Option<u64>,
    /// Lose this share of datagrams, like 1%
    #[arg(long, value_name = "SHARE", value_parser = value::share)]
    pub(crate) loss: Option<f64>,
    /// Draw what is random from this seed, to have it again
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Reset each connection after so many bytes (64KiB) or so long (5s)
    #[arg(long, value_name = "BYTES|DURATION", value_parser = value::limit)]
    pub(crate) reset_after: Option<value::Limit>,
    /// Callers carried at once (default: 10240); the next ones wait their turn. Of senders of datagrams (default: 1024)
    /// those beyond are not carried
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_clients: Option<u32>,
    /// End a connection over which nothing came for this long, or forget a sender of datagrams (those by default after 60s)
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) idle: Option<Duration>,
    /// Write one JSON object for each event to standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing but errors
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell more of what happens
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}
