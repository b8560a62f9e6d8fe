//! Bytes that end a frame are escaped inside it (RFC 1055; `specs/00-framing.md` §10): `slip`.

use alloc::vec::Vec;

use super::Found;
use super::delimited::skip_to_byte;
use crate::error::Malformed;
use crate::work;

const END: u8 = 0xc0;
const ESC: u8 = 0xdb;
const ESC_END: u8 = 0xdc;
const ESC_ESC: u8 = 0xdd;

/// Looks for the end of a frame, and counts what is escaped on the way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    /// The end is not among the first so many bytes.
    scanned: usize,
    /// Escapes among them.
    escapes: usize,
    skipping: bool,
}

impl Reader {
    pub(crate) fn read(&mut self, live: &mut [u8], max: usize) -> Found {
        if self.skipping {
            let found = skip_to_byte(END, live);
            self.skipping = !matches!(found, Found::Pass { open: false, .. });
            return found;
        }
        let idle = work::leading(live, |byte| byte == END);
        if idle > 0 {
            return Found::Pass { len: idle, open: false };
        }
        let end = work::memchr(END, &live[self.scanned..]).map(|at| self.scanned + at);
        let known = end.unwrap_or(live.len());
        work::count(known - self.scanned);
        self.escapes += memchr::memchr_iter(ESC, &live[self.scanned..known]).count();
        self.scanned = known;
        // Every escape stands for one byte of the two. Escapes of nothing must not hide an endless frame.
        if known - self.escapes > max || known > 2 * max {
            *self = Self { skipping: true, ..Self::default() };
            return Found::Oversize { announced: max as u64 + 1, wire: None, unread: 0 };
        }
        let Some(end) = end else { return Found::Need(0) };
        *self = Self::default();
        match unescape(&mut live[..end]) {
            Ok(payload) => Found::Frame { header: 0, payload, wire: end + 1 },
            Err(at) => {
                let found = live[at];
                Found::Invalid { at, reason: Malformed::Escape { found }, frame: Some(end + 1) }
            }
        }
    }
}

/// Undoes escapes in place: how many bytes are left, or where one follows an escape that must not.
fn unescape(frame: &mut [u8]) -> Result<usize, usize> {
    let Some(first) = work::memchr(ESC, frame) else { return Ok(frame.len()) };
    let (mut read, mut write) = (first, first);
    work::count(frame.len() - first);
    while read < frame.len() {
        let mut byte = frame[read];
        if byte == ESC {
            read += 1;
            byte = match frame.get(read) {
                Some(&ESC_END) => END,
                Some(&ESC_ESC) => ESC,
                _ => return Err(read),
            };
        }
        frame[write] = byte;
        read += 1;
        write += 1;
    }
    Ok(write)
}

/// A frame begins with an END too, as RFC 1055 recommends: it ends what noise on the line may have begun.
pub(crate) fn write(payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(payload.len() + 2);
    out.push(END);
    for &byte in payload {
        match byte {
            END => out.extend_from_slice(&[ESC, ESC_END]),
            ESC => out.extend_from_slice(&[ESC, ESC_ESC]),
            byte => out.push(byte),
        }
    }
    out.push(END);
}
