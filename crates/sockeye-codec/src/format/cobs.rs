//! Zeros are replaced by distances, so that a zero ends a frame (Cheshire and Baker, "Consistent Overhead Byte Stuffing",
//! 1999; `specs/00-framing.md` §10): `cobs`.

use alloc::vec::Vec;

use super::Found;
use super::delimited::skip_to_byte;
use crate::error::Malformed;
use crate::work;

/// A run of this code has no zero behind it.
const FULL_RUN: u8 = 0xff;

/// Looks for the zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    scanned: usize,
    skipping: bool,
}

impl Reader {
    pub(crate) fn read(&mut self, live: &mut [u8], max: usize) -> Found {
        if self.skipping {
            let found = skip_to_byte(0, live);
            self.skipping = !matches!(found, Found::Pass { open: false, .. });
            return found;
        }
        let idle = work::leading(live, |byte| byte == 0);
        if idle > 0 {
            return Found::Pass { len: idle, open: false };
        }
        let end = work::memchr(0, &live[self.scanned..]).map(|at| self.scanned + at);
        let known = end.unwrap_or(live.len());
        self.scanned = known;
        let announced = max as u64 + 1;
        if known > longest(max) {
            *self = Self { scanned: 0, skipping: true };
            return Found::Oversize { announced, wire: None, unread: 0 };
        }
        let Some(end) = end else { return Found::Need(0) };
        self.scanned = 0;
        match decode(&mut live[..end]) {
            // The zeros that were put back must not be taken for the frame's end.
            Ok(payload) if payload > max => {
                Found::Oversize { announced, wire: Some(end as u64 + 1), unread: 0 }
            }
            Ok(payload) => Found::Frame { header: 0, payload, wire: end + 1 },
            Err(at) => Found::Invalid { at, reason: Malformed::CobsRun, frame: Some(end + 1) },
        }
    }
}

/// Bytes that a payload of `max` bytes takes at most, without the zero.
fn longest(max: usize) -> usize {
    max + max / 254 + 1
}

/// Puts the zeros back, in place: how many bytes the payload has, or where a run begins that is longer than the rest.
fn decode(frame: &mut [u8]) -> Result<usize, usize> {
    let (mut read, mut write) = (0, 0);
    work::count(frame.len());
    while read < frame.len() {
        let code = frame[read];
        let end = read + usize::from(code);
        if end > frame.len() {
            return Err(read);
        }
        frame.copy_within(read + 1..end, write);
        write += end - read - 1;
        read = end;
        if code != FULL_RUN && read < frame.len() {
            frame[write] = 0;
            write += 1;
        }
    }
    Ok(write)
}

/// The shortest form: nothing follows a full run at the end.
pub(crate) fn write(payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(longest(payload.len()) + 1);
    let mut rest = payload;
    loop {
        let window = &rest[..rest.len().min(254)];
        let run = memchr::memchr(0, window).unwrap_or(window.len());
        // A run is at most 254 bytes.
        out.push(u8::try_from(run + 1).unwrap_or(FULL_RUN));
        out.extend_from_slice(&rest[..run]);
        let zero = run < window.len();
        rest = &rest[run + usize::from(zero)..];
        if rest.is_empty() && !zero {
            break;
        }
    }
    out.push(0);
}
