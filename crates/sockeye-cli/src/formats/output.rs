//! From the bytes of a message to what is shown.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::STANDARD};
use sockeye::{EncodeError, Encoder, Framing, escape};

/// How messages are written to standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OutFormat {
    /// Streams as they come; messages one a line, what is not text as in `c`. On a terminal nothing that could steer it.
    Auto,
    /// The bytes of each message and a line break.
    Text,
    /// Each message as hexadecimal digits on a line.
    Hex,
    /// Each message on a line, with escapes for all that is not printable.
    C,
    /// Each message in Base64 on a line.
    Base64,
    /// Each message as a JSON object on a line.
    Json,
    /// The bytes alone, with nothing between messages.
    Raw,
    /// Nothing.
    None,
    /// Messages in a framing.
    Framed(Framing),
}

impl FromStr for OutFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "auto" => Self::Auto,
            "text" => Self::Text,
            "hex" => Self::Hex,
            "c" => Self::C,
            "base64" => Self::Base64,
            "json" => Self::Json,
            "raw" => Self::Raw,
            "none" => Self::None,
            framing => Self::Framed(framing.parse().map_err(|error| {
                format!("there are auto, text, hex, c, base64, json, raw and none, and framings; as a framing: {error}")
            })?),
        })
    }
}

impl OutFormat {
    /// Appends a payload as it is shown. `Json` is not this function's business, `Auto` must have been decided before. A payload
    /// that its framing cannot carry is an error.
    pub(crate) fn append(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Raw => out.extend_from_slice(payload),
            Self::None | Self::Json => {}
            Self::Framed(framing) => return Encoder::new(framing.clone()).encode(payload, out),
            Self::Text => line(out, |out| out.extend_from_slice(payload)),
            Self::Auto => line(out, |out| out.extend_from_slice(escape::terminal(payload).as_bytes())),
            Self::C => line(out, |out| append_c(payload, out)),
            Self::Hex => line(out, |out| append_hex(payload, out)),
            Self::Base64 => line(out, |out| out.extend_from_slice(STANDARD.encode(payload).as_bytes())),
        }
        Ok(())
    }
}

fn line(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    fill(out);
    out.push(b'\n');
}

/// With every backslash doubled, so that what follows it is never taken for an escape.
fn append_c(payload: &[u8], out: &mut Vec<u8>) {
    for (index, part) in payload.split(|byte| *byte == b'\\').enumerate() {
        if index > 0 {
            out.extend_from_slice(br"\\");
        }
        out.extend_from_slice(escape::terminal(part).as_bytes());
    }
}

/// Appends lower-case digits.
pub(crate) fn append_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// A chunk of a stream on a terminal: lines stay lines, what could steer the terminal becomes visible.
pub(crate) fn append_for_terminal(chunk: &[u8], out: &mut Vec<u8>) {
    for (index, line) in chunk.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        for (index, cell) in line.strip_suffix(b"\r").unwrap_or(line).split(|byte| *byte == b'\t').enumerate()
        {
            if index > 0 {
                out.push(b'\t');
            }
            out.extend_from_slice(escape::terminal(cell).as_bytes());
        }
    }
}
