//! What a filter reads: a file or standard input, and what its bytes stand for.

use std::{
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
    path::Path,
};

use sockeye::{
    escape,
    message::{Inbound, Received},
};

use super::broken;
use crate::{
    formats::{InFormat, Lines, input::LONGEST_LINE},
    output::odd::Odd,
    trouble::Trouble,
};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

/// Whether what was taken was the last that is wanted.
pub(super) type Taken = Result<ControlFlow<()>, Trouble>;

/// Who takes what is read.
pub(super) trait Sink {
    /// Takes the next message or, of a stream, the next bytes.
    fn take(&mut self, bytes: &[u8]) -> Taken;

    /// The bytes that a line stands for.
    fn line(&self, format: &InFormat, line: &[u8]) -> Result<Vec<u8>, String> {
        format.message(line)
    }

    /// Shows what came of all that was taken.
    fn flush(&mut self) -> Result<(), Trouble>;
}

/// A file, or standard input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a>(pub(super) Option<&'a Path>);

impl Source<'_> {
    fn open(self) -> Result<Box<dyn Read>, Trouble> {
        match self.0 {
            Some(path) if path != Path::new("-") => {
                Ok(Box::new(File::open(path).map_err(|source| Trouble::file("open", path, source))?))
            }
            _ => Ok(Box::new(io::stdin().lock())),
        }
    }

    /// Its name in a sentence.
    fn name(self) -> String {
        match self.0 {
            Some(path) if path != Path::new("-") => escape::terminal(path.as_os_str().as_encoded_bytes()),
            _ => "standard input".to_owned(),
        }
    }

    /// Hands each piece that is read to `each`, until that wants no more.
    pub(super) fn pieces(self, mut each: impl FnMut(&[u8]) -> Taken) -> Taken {
        let mut input = self.open()?;
        let mut buffer = vec![0; CHUNK];
        loop {
            match input.read(&mut buffer) {
                Ok(0) => return Ok(ControlFlow::Continue(())),
                Ok(len) => {
                    if each(&buffer[..len])?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(Trouble::file(
                        "read",
                        self.0.unwrap_or(Path::new("(standard input)")),
                        source,
                    ));
                }
            }
        }
    }

    /// All of it as one message.
    pub(super) fn whole(self, sink: &mut impl Sink) -> Taken {
        let mut whole = Vec::new();
        let _ = self.pieces(|piece| {
            whole.extend_from_slice(piece);
            Ok(ControlFlow::Continue(()))
        })?;
        let outcome = sink.take(&whole);
        sink.flush()?;
        outcome
    }

    /// The messages that it has in a format: of `Raw` each read is one. What was understood is shown, whatever follows it.
    pub(super) fn messages(self, format: &InFormat, sink: &mut impl Sink) -> Taken {
        match format {
            InFormat::Raw => self.pieces(|piece| {
                let outcome = sink.take(piece);
                sink.flush()?;
                outcome
            }),
            InFormat::Framed(framing) => self.framed(Inbound::new(Some(framing.clone())), sink),
            format => self.lines(format, sink),
        }
    }

    fn framed(self, mut inbound: Inbound, sink: &mut impl Sink) -> Taken {
        let taken = self.pieces(|piece| {
            inbound.read(piece);
            let outcome = self.unframe(&mut inbound, sink);
            sink.flush()?;
            outcome
        })?;
        match inbound.finish() {
            Err(cut) if taken.is_continue() => Err(self.wrong(&inbound, &Odd::Truncated(cut))),
            _ => Ok(taken),
        }
    }

    fn unframe(self, inbound: &mut Inbound, sink: &mut impl Sink) -> Taken {
        while let Some(received) = inbound.next() {
            if let Some(odd) = Odd::of(&received) {
                return Err(self.wrong(inbound, &odd));
            }
            if let Received::Message { payload, .. } = received
                && sink.take(payload)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn wrong(self, inbound: &Inbound, odd: &Odd) -> Trouble {
        let sentence = inbound.framing().map(|framing| odd.sentence(framing)).unwrap_or_default();
        broken(&format!("{} is not as --in says: {sentence}", self.name()))
    }

    fn lines(self, format: &InFormat, sink: &mut impl Sink) -> Taken {
        let mut lines = Lines::default();
        let taken = self.pieces(|piece| {
            lines.push(piece);
            let mut last = ControlFlow::Continue(());
            let outcome: Result<(), Trouble> = lines.drain(|line, number| {
                if last.is_continue() {
                    last = self.line(format, line, number, sink)?;
                }
                Ok(())
            });
            sink.flush()?;
            outcome?;
            if lines.pending() > LONGEST_LINE {
                return Err(Trouble::Usage(format!("a line of {} is longer than 256 MiB", self.name())));
            }
            Ok(last)
        })?;
        match lines.last() {
            Some((line, number)) if taken.is_continue() => {
                let outcome = self.line(format, &line, number, sink);
                sink.flush()?;
                outcome
            }
            _ => Ok(taken),
        }
    }

    fn line(self, format: &InFormat, line: &[u8], number: u64, sink: &mut impl Sink) -> Taken {
        let bytes = sink.line(format, line).map_err(|why| {
            Trouble::Usage(format!("line {number} of {} is not as --in says: {why}", self.name()))
        })?;
        sink.take(&bytes)
    }
}
