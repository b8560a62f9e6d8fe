//! The arguments of `frame`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sockeye::Framing;

use crate::formats::{InFormat, OutFormat};

#[derive(Debug, Args)]
pub(crate) struct FrameArgs {
    #[command(subcommand)]
    pub(crate) command: FrameCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FrameCommand {
    /// Put each message of a file or standard input into a frame
    Encode(EncodeArgs),
    /// Take the messages out of the frames of a file or standard input
    Decode(DecodeArgs),
    /// Say which framings a capture could be in, and why the others are not
    Guess(GuessArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EncodeArgs {
    /// The framing, like dec:4 or netstring
    #[arg(short, long, value_name = "SPEC")]
    pub(crate) framing: Framing,
    /// What the input is: raw (one message), text, hex, c, base64, json, or messages in another framing
    #[arg(long = "in", value_name = "FORMAT", default_value = "text")]
    pub(crate) input: InFormat,
    /// How frames are written: raw, or one a line as text, hex, c, base64 or json; none, or in another framing
    #[arg(long = "out", value_name = "FORMAT", default_value = "raw")]
    pub(crate) output: OutFormat,
    /// End after this many messages; fewer are a failure (exit 4)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Read this file instead of standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Write a JSON object for each message to standard output, with the frame's bytes, instead of the frames
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// The framing, like dec:4 or netstring
    #[arg(short, long, value_name = "SPEC")]
    pub(crate) framing: Framing,
    /// What the input is: raw, or written as text, hex, c, base64 or json; or what is in another framing
    ///
    /// raw is the bytes as they come. Of the other formats each line is the next bytes of the stream: where it ends means
    /// nothing. A line of json has them as text, hex or base64, or as frame, as `sockeye frame encode --json` writes it.
    #[arg(long = "in", value_name = "FORMAT", default_value = "raw")]
    pub(crate) input: InFormat,
    /// How messages are written: auto, text, hex, c, base64, json, raw, none, or in another framing
    #[arg(long = "out", value_name = "FORMAT", default_value = "auto")]
    pub(crate) output: OutFormat,
    /// End after this many messages; fewer are a failure (exit 4)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Read this file instead of standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Write one JSON object for each event to standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GuessArgs {
    /// Read this file instead of standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Show all that were tried, not only the best
    #[arg(long)]
    pub(crate) all: bool,
    /// Write one JSON object for each framing to standard output
    #[arg(long)]
    pub(crate) json: bool,
}
