//! `sockeye frame`: framings as a filter, and which one a capture is in.

mod guess;

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use serde_json::json;
use sockeye::{
    Encoder,
    message::{Inbound, Received},
};

use crate::{
    args::{DecodeArgs, EncodeArgs, FrameArgs, FrameCommand},
    exit::Exit,
    formats::{InFormat, Lines, OutFormat, Record},
    output::{
        json::{self, event},
        say,
    },
    trouble::Trouble,
};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

/// Does what was asked for.
pub(super) fn run(args: &FrameArgs) -> Result<Exit, Trouble> {
    match &args.command {
        FrameCommand::Encode(args) => encode(args),
        FrameCommand::Decode(args) => decode(args),
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

/// A file, or standard input.
fn open(file: Option<&Path>) -> Result<Box<dyn Read>, Trouble> {
    match file {
        None => Ok(Box::new(io::stdin().lock())),
        Some(path) if path == Path::new("-") => Ok(Box::new(io::stdin().lock())),
        Some(path) => Ok(Box::new(File::open(path).map_err(|source| Trouble::file("open", path, source))?)),
    }
}

fn name(file: Option<&Path>) -> &Path {
    file.unwrap_or(Path::new("(standard input)"))
}

/// Hands each piece of the input to `each`.
fn pieces(file: Option<&Path>, mut each: impl FnMut(&[u8]) -> Result<(), Trouble>) -> Result<(), Trouble> {
    let mut input = open(file)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => each(&buffer[..len])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Trouble::file("read", name(file), source)),
        }
    }
}

fn encode(args: &EncodeArgs) -> Result<Exit, Trouble> {
    let mut frames = Frames {
        encoder: Encoder::new(args.framing.clone()),
        json: args.json,
        out: Vec::new(),
        count: 0,
        offset: 0,
    };
    match &args.input {
        InFormat::Raw => {
            let mut whole = Vec::new();
            pieces(None, |piece| {
                whole.extend_from_slice(piece);
                Ok(())
            })?;
            frames.add(&whole)?;
        }
        InFormat::Framed(framing) => {
            let mut inbound = Inbound::new(Some(framing.clone()));
            pieces(None, |piece| {
                inbound.read(piece);
                while let Some(received) = inbound.next() {
                    let Received::Message { payload, .. } = received else {
                        return Err(broken(&format!("standard input does not parse: {received:?}")));
                    };
                    frames.add(payload)?;
                }
                frames.write()
            })?;
            inbound.finish().map_err(|cut| broken(&cut.to_string()))?;
        }
        format => {
            let mut lines = Lines::default();
            pieces(None, |piece| {
                lines.push(piece);
                lines.drain(|line, number| frames.add_line(format, line, number))?;
                frames.write()
            })?;
            if let Some((line, number)) = lines.last() {
                frames.add_line(format, &line, number)?;
            }
        }
    }
    frames.write()?;
    Ok(Exit::Done)
}

fn broken(sentence: &str) -> Trouble {
    Trouble::Ended(sentence.to_owned(), Exit::Protocol)
}

/// What is encoded.
struct Frames {
    encoder: Encoder,
    json: bool,
    out: Vec<u8>,
    count: u64,
    offset: u64,
}

impl Frames {
    fn add_line(&mut self, format: &InFormat, line: &[u8], number: u64) -> Result<(), Trouble> {
        let message = format
            .message(line)
            .map_err(|why| Trouble::Usage(format!("line {number} of standard input is no message: {why}")))?;
        self.add(&message)
    }

    fn add(&mut self, payload: &[u8]) -> Result<(), Trouble> {
        self.count += 1;
        let mut frame = Vec::new();
        let into = if self.json { &mut frame } else { &mut self.out };
        let before = into.len();
        self.encoder
            .encode(payload, into)
            .map_err(|error| broken(&format!("message {} cannot be framed: {error}", self.count)))?;
        let wire_len = into.len() - before;
        if self.json {
            let record = Record {
                direction: Some("tx"),
                number: self.count,
                offset: Some(self.offset),
                wire_len,
                frame: &frame,
                ..Record::default()
            };
            record.append(payload, &mut self.out);
        }
        self.offset += wire_len as u64;
        Ok(())
    }

    fn write(&mut self) -> Result<(), Trouble> {
        write(&mut self.out)
    }
}

fn write(bytes: &mut Vec<u8>) -> Result<(), Trouble> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Trouble::output)?;
    bytes.clear();
    Ok(())
}

fn decode(args: &DecodeArgs) -> Result<Exit, Trouble> {
    let mut inbound = Inbound::new(Some(args.framing.clone()));
    let mut messages = Messages { args, out: Vec::new(), odd: 0 };
    let outcome = pieces(args.file.as_deref(), |piece| {
        inbound.read(piece);
        let outcome = messages.take(&mut inbound);
        // What was understood is written, whatever follows it.
        write(&mut messages.out)?;
        outcome
    });
    outcome?;
    inbound.finish().map_err(|cut| {
        broken(&format!("the input ends inside a message: {cut}; what there is of it was not written"))
    })?;
    match messages.odd {
        0 => Ok(Exit::Done),
        _ => Err(broken("some of the input was no message; it was told above")),
    }
}

/// What is decoded.
struct Messages<'a> {
    args: &'a DecodeArgs,
    out: Vec<u8>,
    /// Places that were no message and were passed over.
    odd: u64,
}

impl Messages<'_> {
    fn take(&mut self, inbound: &mut Inbound) -> Result<(), Trouble> {
        while let Some(received) = inbound.next() {
            match received {
                Received::Message { payload, header, spot }
                    if self.args.json || self.args.output == OutFormat::Json =>
                {
                    let record = Record {
                        direction: Some("rx"),
                        number: spot.number,
                        offset: Some(spot.offset),
                        wire_len: spot.wire_len,
                        header,
                        ..Record::default()
                    };
                    record.append(payload, &mut self.out);
                }
                Received::Message { payload, .. } => {
                    self.args
                        .output
                        .append(payload, &mut self.out)
                        .map_err(|error| broken(&error.to_string()))?;
                }
                Received::Garbage { offset, len } => {
                    let sentence =
                        format!("{len} bytes at offset {offset} belong to no message and were passed over");
                    self.odd(&sentence, "garbage", &json!({ "off": offset, "len": len }));
                }
                Received::Oversize { offset, announced } => {
                    let sentence = format!(
                        "at offset {offset} a message of {announced} bytes is announced, more than {} allows",
                        self.args.framing
                    );
                    stop(inbound, &sentence)?;
                    self.odd(&sentence, "oversize", &json!({ "off": offset, "announced": announced }));
                }
                Received::Invalid { offset, reason } => {
                    let sentence = format!(
                        "at offset {offset} the input does not parse as {}: {reason}",
                        self.args.framing
                    );
                    stop(inbound, &sentence)?;
                    self.odd(&sentence, "invalid", &json!({ "off": offset, "message": sentence }));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn odd(&mut self, sentence: &str, name: &str, fields: &serde_json::Value) {
        self.odd += 1;
        if self.args.json {
            self.out.extend_from_slice(json::line(&event(name, fields.clone())).as_bytes());
            self.out.push(b'\n');
        } else {
            say(&format!("sockeye: {sentence}"));
        }
    }
}

/// Ends the work, where nothing more can be read.
fn stop(inbound: &Inbound, sentence: &str) -> Result<(), Trouble> {
    if inbound.has_stopped() { Err(broken(sentence)) } else { Ok(()) }
}
