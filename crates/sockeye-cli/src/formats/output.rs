//! From the bytes of a message to what is shown.

use base64::{Engine, engine::general_purpose::STANDARD};
use sockeye::escape;

/// How messages are written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutFormat {
    /// Streams as they come; messages one a line, what is not text as in `c`. On a terminal nothing that could steer it
    Auto,
    /// The bytes of each message and a line break
    Text,
    /// Each message as hexadecimal digits on a line
    Hex,
    /// Each message on a line, with escapes for all that is not printable
    C,
    /// Each message in Base64 on a line
    Base64,
    /// Each message as a JSON object on a line
    Json,
    /// The bytes alone, with nothing between messages
    Raw,
    /// Nothing
    None,
}

impl OutFormat {
    /// Appends a payload as it is shown. `Json` is not this function's business, `Auto` must have been decided before.
    pub(crate) fn append(self, payload: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Raw => return out.extend_from_slice(payload),
            Self::None | Self::Json => return,
            Self::Text => out.extend_from_slice(payload),
            Self::Auto | Self::C => out.extend_from_slice(escape::terminal(payload).as_bytes()),
            Self::Hex => append_hex(payload, out),
            Self::Base64 => out.extend_from_slice(STANDARD.encode(payload).as_bytes()),
        }
        out.push(b'\n');
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
