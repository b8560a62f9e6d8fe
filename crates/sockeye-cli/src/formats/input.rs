//! From what was typed to the bytes of a message.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::Value;
use sockeye::Framing;

/// What standard input is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InFormat {
    /// The bytes as they come; with a framing or datagrams all of them are one message.
    Raw,
    /// A line is a message, without its line break.
    Text,
    /// A line is the hexadecimal digits of a message; blanks between bytes and 0x are passed over.
    Hex,
    /// A line is a message with C's escapes: `\n \r \t \0 \\ \xNN \u{N}`. Others are mistakes.
    C,
    /// A line is a message in Base64.
    Base64,
    /// A line is a JSON object with `text`, `hex` or `base64`, as `--out json` writes it.
    Json,
    /// Messages in a framing.
    Framed(Framing),
}

impl FromStr for InFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "raw" => Self::Raw,
            "text" => Self::Text,
            "hex" => Self::Hex,
            "c" => Self::C,
            "base64" => Self::Base64,
            "json" => Self::Json,
            framing => Self::Framed(framing.parse().map_err(|error| {
                format!("there are raw, text, hex, c, base64 and json, and framings; as a framing: {error}")
            })?),
        })
    }
}

/// The longest line read: what a message of 64 MiB takes in the widest format.
pub(crate) const LONGEST_LINE: usize = 4 * (64 << 20);

impl InFormat {
    /// The message of a line, which has no line break any more. The error is what is wrong with the line.
    pub(crate) fn message(&self, line: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Raw | Self::Text | Self::Framed(_) => Ok(line.to_vec()),
            Self::Hex => hex(&String::from_utf8_lossy(line)),
            Self::C => unescape(line),
            Self::Base64 => base64(&String::from_utf8_lossy(line)),
            Self::Json => json(line),
        }
    }

    /// The bytes of a stream that a line stands for: a message, and where `frame encode --json` wrote the line the frame in it.
    pub(crate) fn frame(&self, line: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Json => match parsed(line)?.get("frame").and_then(Value::as_str) {
                Some(digits) => hex(digits),
                None => json(line),
            },
            _ => self.message(line),
        }
    }
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for word in text.split([' ', '\t', ',', ':']).filter(|word| !word.trim().is_empty()) {
        let digits = word.trim().strip_prefix("0x").unwrap_or(word.trim());
        let wrong = |c: char| format!("{c:?} is no hexadecimal digit");
        if let Some(c) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(wrong(c));
        }
        if digits.len() % 2 != 0 {
            return Err(format!("{digits} has an odd number of digits; a byte has two"));
        }
        for pair in digits.as_bytes().chunks_exact(2) {
            let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0);
            bytes.push(u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap_or(0));
        }
    }
    Ok(bytes)
}

/// C's escapes and Rust's `\u{…}`; what `--out c` writes reads back as the same bytes.
pub(crate) fn unescape(line: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some((&kind, after)) = rest.split_first() else {
            return Err(r"the backslash at its end escapes nothing; a backslash itself is \\".to_owned());
        };
        rest = after;
        match kind {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'0' => bytes.push(0),
            b'a' => bytes.push(7),
            b'e' => bytes.push(0x1b),
            b'\\' | b'"' | b'\'' => bytes.push(kind),
            b'x' => {
                let digits = rest.get(..2).ok_or(r"\x needs two hexadecimal digits")?;
                bytes.extend(hex(&String::from_utf8_lossy(digits))?);
                rest = &rest[2..];
            }
            b'u' => rest = character(rest, &mut bytes)?,
            other => {
                return Err(format!(
                    r"\{} is no escape; there are \n \r \t \0 \a \e \xNN and \u{{N}}, and a backslash itself is \\",
                    other.escape_ascii()
                ));
            }
        }
    }
    Ok(bytes)
}

/// `{1f431}`: a character by its number, in UTF-8.
fn character<'a>(rest: &'a [u8], bytes: &mut Vec<u8>) -> Result<&'a [u8], String> {
    const WANTED: &str = r"\u needs the number of a character in braces, like \u{e9}";
    let end = rest.iter().position(|byte| *byte == b'}').ok_or(WANTED)?;
    let digits =
        rest[..end].strip_prefix(b"{").and_then(|digits| std::str::from_utf8(digits).ok()).ok_or(WANTED)?;
    let number = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).ok_or(WANTED)?;
    bytes.extend_from_slice(number.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(&rest[end + 1..])
}

fn base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD_NO_PAD
        .decode(text.trim().trim_end_matches('='))
        .map_err(|error| format!("it is no Base64: {error}"))
}

fn parsed(line: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(line).map_err(|error| format!("it is no JSON: {error}"))
}

fn json(line: &[u8]) -> Result<Vec<u8>, String> {
    let value = parsed(line)?;
    let field = |name: &str| value.get(name).and_then(Value::as_str);
    match (field("text"), field("hex"), field("base64")) {
        (Some(text), None, None) => Ok(text.as_bytes().to_vec()),
        (None, Some(digits), None) => hex(digits),
        (None, None, Some(text)) => base64(text),
        _ => Err(r#"it needs exactly one of "text", "hex" and "base64""#.to_owned()),
    }
}

/// Cuts what is read into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
    /// How far the rest was searched.
    searched: usize,
    /// Lines handed out, for messages.
    count: u64,
}

impl Lines {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
    }

    /// Hands each complete line to `each`, without its line break.
    pub(crate) fn drain<E>(&mut self, mut each: impl FnMut(&[u8], u64) -> Result<(), E>) -> Result<(), E> {
        let mut begin = 0;
        let result = loop {
            let from = begin.max(self.searched);
            let Some(found) = self.rest[from..].iter().position(|byte| *byte == b'\n') else { break Ok(()) };
            self.count += 1;
            let result = each(&self.rest[begin..from + found], self.count);
            begin = from + found + 1;
            if result.is_err() {
                break result;
            }
        };
        self.rest.drain(..begin);
        self.searched = self.rest.len();
        result
    }

    /// The last line, if it was not ended by a line break.
    pub(crate) fn last(&mut self) -> Option<(Vec<u8>, u64)> {
        self.searched = 0;
        self.count += 1;
        Some((std::mem::take(&mut self.rest), self.count)).filter(|(rest, _)| !rest.is_empty())
    }

    /// Bytes of a line that is not complete.
    pub(crate) fn pending(&self) -> usize {
        self.rest.len()
    }
}
