//! `sockeye frame`: framings as a filter, and which one a capture is in.

mod guess;

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use sockeye::{
    Encoder, Framing,
    message::{Inbound, Received},
};

use crate::{
    args::{DecodeArgs, EncodeArgs, FrameArgs, FrameCommand},
    exit::Exit,
    formats::{InFormat, Lines, OutFormat, Record},
    output::{
        json::{self, event},
        odd::Odd,
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
                let outcome = unframe(&mut inbound, framing, &mut frames);
                // What was understood is written, whatever follows it.
                frames.write()?;
                outcome
            })?;
            inbound.finish().map_err(|cut| wrong(&Odd::Truncated(cut), framing))?;
        }
        format => {
            let mut lines = Lines::default();
            pieces(None, |piece| {
                lines.push(piece);
                let outcome = lines.drain(|line, number| frames.add_line(format, line, number));
                frames.write()?;
                outcome
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

fn wrong(odd: &Odd, framing: &Framing) -> Trouble {
    broken(&format!("standard input cannot be framed: {}", odd.sentence(framing)))
}

/// Frames the messages that were found.
fn unframe(inbound: &mut Inbound, framing: &Framing, frames: &mut Frames) -> Result<(), Trouble> {
    while let Some(received) = inbound.next() {
        if let Some(odd) = Odd::of(&received) {
            return Err(wrong(&odd, framing));
        }
        if let Received::Message { payload, .. } = received {
            frames.add(payload)?;
        }
    }
    Ok(())
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
    if let Err(cut) = inbound.finish() {
        let outcome = messages.odd(&Odd::Truncated(cut), true);
        write(&mut messages.out)?;
        outcome?;
    }
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
                other => {
                    let odd = Odd::of(&other);
                    odd.map_or(Ok(()), |odd| self.odd(&odd, inbound.has_stopped()))?;
                }
            }
        }
        Ok(())
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
