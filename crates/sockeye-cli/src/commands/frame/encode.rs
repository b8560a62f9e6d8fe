//! `sockeye frame encode`.

use std::ops::ControlFlow;

use sockeye::Encoder;

use super::{
    all_there, broken,
    source::{Sink, Source, Taken},
    write,
};
use crate::{
    args::EncodeArgs,
    exit::Exit,
    formats::{InFormat, OutFormat, Record},
    trouble::Trouble,
};

/// Puts each message into a frame.
pub(super) fn run(args: &EncodeArgs) -> Result<Exit, Trouble> {
    let encoder = Encoder::new(args.framing.clone());
    let mut frames = Frames { encoder, args, frame: Vec::new(), out: Vec::new(), number: 0, offset: 0 };
    let source = Source(args.file.as_deref());
    let _ = match &args.input {
        InFormat::Raw => source.whole(&mut frames)?,
        format => source.messages(format, &mut frames)?,
    };
    all_there(args.count, frames.number)
}

/// What is encoded.
struct Frames<'a> {
    encoder: Encoder,
    args: &'a EncodeArgs,
    /// The frame that was made last.
    frame: Vec<u8>,
    out: Vec<u8>,
    number: u64,
    offset: u64,
}

impl Sink for Frames<'_> {
    fn take(&mut self, payload: &[u8]) -> Taken {
        self.number += 1;
        self.frame.clear();
        self.encoder
            .encode(payload, &mut self.frame)
            .map_err(|error| broken(&format!("message {} cannot be framed: {error}", self.number)))?;
        if self.args.json || self.args.output == OutFormat::Json {
            let record = Record {
                direction: Some("tx"),
                number: self.number,
                offset: Some(self.offset),
                wire_len: self.frame.len(),
                frame: &self.frame,
                ..Record::default()
            };
            record.append(payload, &mut self.out);
        } else {
            self.args
                .output
                .append(&self.frame, &mut self.out)
                .map_err(|error| broken(&format!("frame {}: {error}", self.number)))?;
        }
        self.offset += self.frame.len() as u64;
        Ok(if self.args.count == Some(self.number) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        write(&mut self.out)
    }
}
