//! `sockeye frame decode`.

use std::ops::ControlFlow;

use sockeye::message::{Inbound, Received, Spot};

use super::{
    all_there, broken,
    source::{Sink, Source, Taken},
    write,
};
use crate::{
    args::DecodeArgs,
    exit::Exit,
    formats::{InFormat, OutFormat, Record},
    output::{
        json::{self, event},
        odd::Odd,
        say,
    },
    trouble::Trouble,
};

/// Takes the messages out of their frames.
pub(super) fn run(args: &DecodeArgs) -> Result<Exit, Trouble> {
    let inbound = Inbound::new(Some(args.framing.clone()));
    let mut messages = Messages { inbound, shown: Shown { args, out: Vec::new(), odd: 0 } };
    let taken = Source(args.file.as_deref()).messages(&args.input, &mut messages)?;
    let Messages { inbound, mut shown } = messages;
    if let Err(cut) = inbound.finish()
        && taken.is_continue()
    {
        let outcome = shown.odd(&Odd::Truncated(cut), true);
        write(&mut shown.out)?;
        outcome?;
    }
    match shown.odd {
        0 => all_there(args.count, inbound.message_count()),
        _ => Err(broken("some of the input was no message; it was told above")),
    }
}

/// What is decoded.
struct Messages<'a> {
    inbound: Inbound,
    shown: Shown<'a>,
}

impl Sink for Messages<'_> {
    fn take(&mut self, bytes: &[u8]) -> Taken {
        self.inbound.read(bytes);
        while let Some(received) = self.inbound.next() {
            match received {
                Received::Message { payload, header, spot } => {
                    self.shown.message(payload, header, spot)?;
                    if self.shown.args.count == Some(spot.number) {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                other => {
                    let odd = Odd::of(&other);
                    odd.map_or(Ok(()), |odd| self.shown.odd(&odd, self.inbound.has_stopped()))?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn line(&self, format: &InFormat, line: &[u8]) -> Result<Vec<u8>, String> {
        format.frame(line)
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        write(&mut self.shown.out)
    }
}

/// What is shown of it.
struct Shown<'a> {
    args: &'a DecodeArgs,
    out: Vec<u8>,
    /// Places that were no message and were passed over.
    odd: u64,
}

impl Shown<'_> {
    fn message(&mut self, payload: &[u8], header: &[u8], spot: Spot) -> Result<(), Trouble> {
        if self.args.json || self.args.output == OutFormat::Json {
            let record = Record {
                direction: Some("rx"),
                number: spot.number,
                offset: Some(spot.offset),
                wire_len: spot.wire_len,
                header,
                ..Record::default()
            };
            record.append(payload, &mut self.out);
            return Ok(());
        }
        self.args.output.append(payload, &mut self.out).map_err(|error| broken(&error.to_string()))
    }

    /// Tells what is no message. Where nothing can be read behind it, that is the end, and the end says it to people.
    fn odd(&mut self, odd: &Odd, ends: bool) -> Result<(), Trouble> {
        self.odd += 1;
        let framing = &self.args.framing;
        if self.args.json {
            let (name, fields) = odd.event(framing);
            self.out.extend_from_slice(json::line(&event(name, fields)).as_bytes());
            self.out.push(b'\n');
        }
        if ends {
            return Err(broken(&odd.sentence(framing)));
        }
        if !self.args.json {
            say(&format!("sockeye: {}", odd.sentence(framing)));
        }
        Ok(())
    }
}
