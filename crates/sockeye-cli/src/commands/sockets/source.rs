//! Standard input, as messages: read on a thread of its own, for reading a file or a terminal blocks.

use std::io::{self, Read};

use sockeye::message::{Inbound, Received};
use tokio::sync::mpsc;

use crate::{
    exit::Exit,
    formats::{InFormat, Lines},
    output::odd::Odd,
};

/// Bytes taken from standard input at once.
const CHUNK: usize = 256 * 1024;
/// Batches that wait to be sent. With the chunk they bound the memory.
const QUEUE: usize = 4;

/// Messages read together: their bytes one after another, and where each ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    fn push(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.ends.push(self.bytes.len());
    }

    /// The messages.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| &self.bytes[begin..*end])
    }
}

/// Why standard input is not read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) sentence: String,
    pub(super) exit: Exit,
}

impl Mistake {
    /// What it says cannot be sent.
    fn of_content(sentence: String) -> Self {
        Self { sentence, exit: Exit::Usage }
    }
}

/// What comes from standard input. The channel ends with it.
pub(super) type Source = mpsc::Receiver<Result<Batch, Mistake>>;

/// How standard input is read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) format: InFormat,
    /// Whether `Raw` is one message, or a stream.
    pub(super) by_message: bool,
    /// Whether a line that cannot be read is passed over, for a person can type it again.
    pub(super) interactive: bool,
    /// The most bytes that a message may take in this format.
    pub(super) longest: usize,
    /// Whether a carriage return at the end of a line is part of its line break.
    pub(super) crlf: bool,
}

/// Starts reading.
pub(super) fn standard_input(how: Reading) -> Source {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let reader = Reader::new(how);
    // If no thread can be made the channel ends at once, as if standard input were empty.
    let _ = std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || reader.run(&mut io::stdin().lock(), &sender));
    receiver
}

/// Standard input on its way to becoming messages.
struct Reader {
    how: Reading,
    lines: Lines,
    whole: Vec<u8>,
    framed: Option<Inbound>,
}

impl Reader {
    fn new(how: Reading) -> Self {
        let framed = match &how.format {
            InFormat::Framed(framing) => Some(Inbound::new(Some(framing.clone()))),
            _ => None,
        };
        Self { how, lines: Lines::default(), whole: Vec::new(), framed }
    }

    /// Reads until the end, until something is wrong, or until nobody takes it any more.
    fn run(mut self, input: &mut impl Read, sender: &mpsc::Sender<Result<Batch, Mistake>>) {
        let mut buffer = vec![0; CHUNK];
        loop {
            // Frames are read to where they are taken apart.
            let framed = self.framed.as_mut().and_then(|inbound| inbound.spare(CHUNK));
            let is_framed = framed.is_some();
            let mut batch = Batch::default();
            let (outcome, is_last) = match input.read(framed.unwrap_or(&mut buffer)) {
                Ok(0) => (self.end(&mut batch), true),
                Ok(len) if is_framed => (self.filled(len, &mut batch), false),
                Ok(len) => (self.take(&buffer[..len], &mut batch), false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let sentence = format!("cannot read standard input: {error}");
                    (Err(Mistake { sentence, exit: Exit::LocalIo }), true)
                }
            };
            // Messages before one that is wrong are sent all the same.
            let gone = !batch.ends.is_empty() && sender.blocking_send(Ok(batch)).is_err();
            let wrong = outcome.err().map(|mistake| sender.blocking_send(Err(mistake)));
            if gone || is_last || wrong.is_some() {
                return;
            }
        }
    }

    /// The same of a read that went straight to where frames are taken apart.
    fn filled(&mut self, len: usize, batch: &mut Batch) -> Result<(), Mistake> {
        let Some(inbound) = &mut self.framed else { return Ok(()) };
        inbound.filled(len);
        unframe(inbound, batch)
    }

    /// What a read brought.
    fn take(&mut self, bytes: &[u8], batch: &mut Batch) -> Result<(), Mistake> {
        if self.how.format == InFormat::Raw && !self.how.by_message {
            batch.push(bytes);
            return Ok(());
        }
        if let Some(inbound) = &mut self.framed {
            inbound.read(bytes);
            return unframe(inbound, batch);
        }
        if self.how.format == InFormat::Raw {
            self.whole.extend_from_slice(bytes);
        } else {
            self.lines.push(bytes);
            let how = &self.how;
            self.lines.drain(|line, number| add(how, line, number, batch))?;
        }
        if self.whole.len().max(self.lines.pending()) > self.how.longest {
            return Err(Mistake::of_content(format!(
                "a message of standard input takes more than {} bytes; no message may be that long, unless its framing allows more \
                 with max=",
                self.how.longest
            )));
        }
        Ok(())
    }

    /// What is left at the end.
    fn end(&mut self, batch: &mut Batch) -> Result<(), Mistake> {
        if let Some(inbound) = &self.framed {
            return inbound.finish().map_err(|cut| wrong(inbound, &Odd::Truncated(cut)));
        }
        if self.how.format == InFormat::Raw {
            if self.how.by_message {
                batch.push(&self.whole);
            }
        } else if let Some((line, number)) = self.lines.last() {
            add(&self.how, &line, number, batch)?;
        }
        Ok(())
    }
}

/// Takes the messages out of what was read.
fn unframe(inbound: &mut Inbound, batch: &mut Batch) -> Result<(), Mistake> {
    while let Some(received) = inbound.next() {
        if let Some(odd) = Odd::of(&received) {
            return Err(wrong(inbound, &odd));
        }
        if let Received::Message { payload, .. } = received {
            batch.push(payload);
        }
    }
    Ok(())
}

fn wrong(inbound: &Inbound, odd: &Odd) -> Mistake {
    let sentence = inbound.framing().map(|framing| odd.sentence(framing)).unwrap_or_default();
    Mistake::of_content(format!("standard input cannot be sent as it is: {sentence}"))
}

fn add(how: &Reading, line: &[u8], number: u64, batch: &mut Batch) -> Result<(), Mistake> {
    let line = line.strip_suffix(b"\r").filter(|_| how.crlf).unwrap_or(line);
    match how.format.message(line) {
        Ok(message) => {
            batch.push(&message);
            Ok(())
        }
        Err(why) if how.interactive => {
            crate::output::say(&format!("sockeye: not sent: {why}"));
            Ok(())
        }
        Err(why) => {
            Err(Mistake::of_content(format!("line {number} of standard input cannot be sent: {why}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(format: InFormat, by_message: bool, input: &[u8]) -> Vec<Result<Vec<Vec<u8>>, String>> {
        let (sender, mut receiver) = mpsc::channel(64);
        let how = Reading { format, by_message, interactive: false, longest: 1000, crlf: false };
        let reader = Reader::new(how);
        reader.run(&mut &input[..], &sender);
        drop(sender);
        let mut all = Vec::new();
        while let Some(batch) = receiver.blocking_recv() {
            let batch = batch.map(|batch| batch.iter().map(<[u8]>::to_vec).collect());
            all.push(batch.map_err(|mistake| mistake.sentence));
        }
        all
    }

    #[test]
    fn lines_are_messages_and_the_last_needs_no_line_break() {
        assert_eq!(
            messages(InFormat::Text, true, b"a\n\n\xff\nb"),
            [Ok(vec![b"a".to_vec(), vec![], vec![0xff]]), Ok(vec![b"b".to_vec()])]
        );
        assert_eq!(messages(InFormat::Raw, false, b"a\nb"), [Ok(vec![b"a\nb".to_vec()])]);
        assert_eq!(messages(InFormat::Raw, true, b""), [Ok(vec![vec![]])], "nothing is one empty message");
        assert_eq!(messages(InFormat::Text, true, b""), []);
    }

    #[test]
    fn a_line_that_cannot_be_read_ends_the_input_with_its_number_behind_those_before_it() {
        let all = messages(InFormat::Hex, true, b"00\nzz\n01\n");
        assert_eq!(
            all,
            [
                Ok(vec![vec![0]]),
                Err("line 2 of standard input cannot be sent: 'z' is no hexadecimal digit".to_owned())
            ]
        );
    }

    #[test]
    fn a_frame_that_cannot_be_read_ends_the_input_behind_those_before_it() {
        let netstring = || InFormat::Framed("netstring".parse().unwrap());
        for (input, why) in [
            (
                &b"1:a,x:b,"[..],
                "at offset 4 what came does not parse as netstring: 0x78 ('x') is no digit of a length",
            ),
            (
                &b"1:a,9:b"[..],
                "the stream ended inside a frame, after 3 bytes of it where it needed 12; what there is of it is no message of netstring",
            ),
        ] {
            assert_eq!(
                messages(netstring(), true, input),
                [Ok(vec![b"a".to_vec()]), Err(format!("standard input cannot be sent as it is: {why}"))]
            );
        }
    }
}
