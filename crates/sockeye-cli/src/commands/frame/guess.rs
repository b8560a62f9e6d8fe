//! `sockeye frame guess`.

use std::{
    io::{self, Write},
    ops::ControlFlow,
};

use serde_json::{Value, json};
use sockeye::{Guess, Verdict};

use super::source::Source;
use crate::{
    args::GuessArgs,
    exit::Exit,
    output::{
        json::{self, event},
        say,
    },
    trouble::Trouble,
};

/// The most of a capture that is looked at: enough to tell, and to be told at once.
const MOST: usize = 16 << 20;
/// Guesses shown unless all are asked for, beyond those that fit.
const FEW: usize = 3;

/// Tries every framing on a capture, or on its first [`MOST`] bytes. It is a failure (exit 3) if none fits.
pub(super) fn run(args: &GuessArgs) -> Result<Exit, Trouble> {
    let mut capture = Vec::new();
    let mut is_cut = false;
    let _ = Source(args.file.as_deref()).pieces(|piece| {
        let room = MOST - capture.len();
        is_cut |= piece.len() > room;
        capture.extend_from_slice(&piece[..piece.len().min(room)]);
        Ok(if is_cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if is_cut && !args.json {
        say("sockeye: only the first 16 MiB were looked at");
    }
    let fits = if is_cut { Guess::fits_cut } else { Guess::is_exact };
    let guesses = if is_cut { sockeye::guess_cut(&capture) } else { sockeye::guess(&capture) };
    let exact = guesses.iter().filter(|guess| fits(guess)).count();
    let shown = if args.all || args.json { guesses.len() } else { exact + FEW };
    let mut out = io::stdout().lock();
    for guess in guesses.iter().take(shown) {
        if args.json {
            writeln!(out, "{}", json::line(&fields(guess, fits(guess), is_cut))).map_err(Trouble::output)?;
        } else {
            writeln!(out, "{:32}  {}", guess.framing.to_string(), verdict(guess, is_cut))
                .map_err(Trouble::output)?;
        }
    }
    if exact == 0 {
        let sentence = if is_cut {
            "no framing known here consumes the first 16 MiB of this capture"
        } else {
            "no framing known here consumes this capture exactly"
        };
        return Err(Trouble::Ended(sentence.to_owned(), Exit::Protocol));
    }
    Ok(Exit::Done)
}

fn verdict(guess: &Guess, is_cut: bool) -> String {
    let frames =
        if guess.frames == 1 { "1 message".to_owned() } else { format!("{} messages", guess.frames) };
    match guess.verdict {
        _ if is_cut && guess.fits_cut() => {
            format!("fits as far as it was looked at: {frames}, {} bytes", guess.payload)
        }
        Verdict::Exact if guess.frames == 0 => "nothing is there".to_owned(),
        Verdict::Exact => format!("fits exactly: {frames}, {} bytes", guess.payload),
        Verdict::Truncated(cut) => format!("{frames}, then {cut}"),
        Verdict::Oversize { offset, announced } => {
            format!("{frames}, then at offset {offset} a message of {announced} bytes is announced")
        }
        Verdict::Invalid { offset, reason } => format!("{frames}, then at offset {offset}: {reason}"),
        Verdict::Garbage { offset, len } => {
            format!("{frames}; {len} bytes at offset {offset} belong to none")
        }
        _ => frames,
    }
}

fn fields(guess: &Guess, fits: bool, is_cut: bool) -> Value {
    event(
        "guess",
        json!({
            "framing": guess.framing.to_string(),
            "exact": fits,
            "messages": guess.frames,
            "bytes": guess.payload,
            "message": verdict(guess, is_cut),
        }),
    )
}
