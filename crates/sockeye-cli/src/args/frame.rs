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
    /// Put each message of standard input into a frame
    Encode(EncodeArgs),
    /// Take the messages out of the frames of standard input
    Decode(DecodeArgs),
    /// Say which framings a capture could be in, and why the others are not
    Guess(GuessArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EncodeArgs {
    /// The framing, like dec:4 or netstring
    #[arg(short, long, value_name = "SPEC")]
    pub(crate) framing: Framing,
    /// What standard input is: raw (one message), text, hex, c, base64, json, or messages in another framing
    #[arg(long = "in", value_name = "FORMAT", default_value = "text")]
    pub(crate) input: InFormat,
    /// Write a JSON object for each message to standard output, with the frame's bytes, instead of the frames
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// The framing, like dec:4 or netstring
    #[arg(short, long, value_name = "SPEC")]
    pub(crate) framing: Framing,
    /// How messages are written: auto, text, hex, c, base64, json, raw, none, or in another framing
    #[arg(long = "out", value_name = "FORMAT", default_value = "auto")]
    pub(crate) output: OutFormat,
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
