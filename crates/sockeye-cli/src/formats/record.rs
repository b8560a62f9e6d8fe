//! A message as a line of JSON: the event `msg` of `specs/06-events.md`. Written by hand, for ten thousand connections may write
//! them.

use std::{
    fmt::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sockeye::escape;

use super::output::append_hex;
use crate::output::measure::timestamp;

/// What is known of a message besides its payload.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record<'a> {
    /// `rx` or `tx`; none for a filter.
    pub(crate) direction: Option<&'static str>,
    /// Which connection, from 1.
    pub(crate) connection: Option<u64>,
    /// Who sent it, or whom it was sent to.
    pub(crate) peer: Option<&'a str>,
    /// Which message of its direction, from 1.
    pub(crate) number: u64,
    /// Where it begins in its stream, in bytes.
    pub(crate) offset: Option<u64>,
    /// Bytes it took in the stream.
    pub(crate) wire_len: usize,
    /// When, and how long since the command began.
    pub(crate) at: Option<(SystemTime, Duration)>,
    /// The reads it came in: first and last.
    pub(crate) reads: Option<(u64, u64)>,
    /// What each write returned.
    pub(crate) writes: Option<&'a [usize]>,
    /// The header, if the framing has one.
    pub(crate) header: &'a [u8],
    /// Whether it was lost on the way.
    pub(crate) lost: bool,
    /// The whole frame, where that is what was asked for.
    pub(crate) frame: &'a [u8],
}

impl Record<'_> {
    /// Appends the line.
    pub(crate) fn append(&self, payload: &[u8], out: &mut Vec<u8>) {
        let mut text = String::with_capacity(160);
        text.push_str(r#"{"v":1,"ev":"msg""#);
        // Writing to a string does not fail.
        let _ = self.append_facts(&mut text, payload.len());
        out.extend_from_slice(text.as_bytes());
        if !self.header.is_empty() {
            out.extend_from_slice(br#","header":""#);
            append_hex(self.header, out);
            out.push(b'"');
        }
        if self.lost {
            out.extend_from_slice(br#","lost":true"#);
        }
        if !self.frame.is_empty() {
            out.extend_from_slice(br#","frame":""#);
            append_hex(self.frame, out);
            out.push(b'"');
        }
        append_payload(payload, out);
        out.extend_from_slice(b"}\n");
    }

    fn append_facts(&self, text: &mut String, len: usize) -> std::fmt::Result {
        if let Some(direction) = self.direction {
            write!(text, r#","dir":"{direction}""#)?;
        }
        if let Some(connection) = self.connection {
            write!(text, r#","conn":{connection}"#)?;
        }
        if let Some(peer) = self.peer {
            write!(text, r#","peer":{}"#, quoted(peer))?;
        }
        write!(text, r#","n":{}"#, self.number)?;
        if let Some(offset) = self.offset {
            write!(text, r#","off":{offset}"#)?;
        }
        write!(text, r#","wire":{},"len":{len}"#, self.wire_len)?;
        if let Some((wall, since)) = self.at {
            write!(text, r#","t":"{}","mono_ns":{}"#, precise(wall), since.as_nanos())?;
        }
        if let Some((first, last)) = self.reads {
            write!(text, r#","reads":[{first},{last}]"#)?;
        }
        if let Some(writes) = self.writes {
            let writes: Vec<String> = writes.iter().map(usize::to_string).collect();
            write!(text, r#","writes":[{}]"#, writes.join(","))?;
        }
        Ok(())
    }
}

/// The payload: as text if it is text, as digits if not.
fn append_payload(payload: &[u8], out: &mut Vec<u8>) {
    if let Ok(text) = std::str::from_utf8(payload) {
        out.extend_from_slice(br#","text":"#);
        out.extend_from_slice(quoted(text).as_bytes());
    } else {
        out.extend_from_slice(br#","hex":""#);
        append_hex(payload, out);
        out.push(b'"');
    }
}

/// A JSON string that does nothing to a terminal.
pub(crate) fn quoted(text: &str) -> String {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
    if plain {
        return format!("\"{text}\"");
    }
    escape::json_line(&serde_json::Value::from(text).to_string())
}

/// UTC to the microsecond (RFC 3339).
pub(crate) fn precise(time: SystemTime) -> String {
    let micros = time.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_micros();
    let seconds = timestamp(time);
    format!("{}.{micros:06}Z", seconds.trim_end_matches('Z'))
}
