//! `sockeye frame`: framings as a filter, and which one a capture is in.

mod decode;
mod encode;
mod guess;
mod source;

use std::io::{self, Write};

use crate::{
    args::{FrameArgs, FrameCommand},
    exit::Exit,
    trouble::Trouble,
};

/// Does what was asked for.
pub(super) fn run(args: &FrameArgs) -> Result<Exit, Trouble> {
    match &args.command {
        FrameCommand::Encode(args) => encode::run(args),
        FrameCommand::Decode(args) => decode::run(args),
        FrameCommand::Guess(args) => guess::run(args),
    }
}

/// Whether its output is JSON.
pub(super) const fn json(args: &FrameArgs) -> bool {
    match &args.command {
        FrameCommand::Encode(args) => args.json,
        FrameCommand::Decode(args) => args.json,
        FrameCommand::Guess(args) => args.json,
    }
}

fn broken(sentence: &str) -> Trouble {
    Trouble::Ended(sentence.to_owned(), Exit::Protocol)
}

/// Fewer messages than `--count` asked for are a failure.
fn all_there(count: Option<u64>, had: u64) -> Result<Exit, Trouble> {
    match count.map_or(0, |count| count.saturating_sub(had)) {
        0 => Ok(Exit::Done),
        missing => Err(Trouble::Ended(
            format!("it ended with {missing} of the messages missing that --count asked for"),
            Exit::TimedOut,
        )),
    }
}

fn write(bytes: &mut Vec<u8>) -> Result<(), Trouble> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Trouble::output)?;
    bytes.clear();
    Ok(())
}
