//! Marks whose bytes are escaped inside the payload by DLE (`specs/00-framing.md` §6): `escape=dle`.

use alloc::vec::Vec;

use super::Found;
use super::marked::Seek;
use crate::error::Malformed;
use crate::framing::{Mark, Resync};
use crate::work;

/// Data link escape, as in ISO 1745 and ANSI X3.28.
const DLE: u8 = 0x10;

/// Whether marks may stand in a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Escape {
    /// They may not: such a payload is not sent.
    #[default]
    None,
    /// They may, behind a DLE.
    Dle,
}

impl Escape {
    /// Whether marks can be told from escaped bytes: without DLE, or with one as their first byte.
    pub(crate) fn allows(self, head: &[u8], tail: &[u8]) -> bool {
        let clear = |mark: &[u8]| !mark[1..].contains(&DLE);
        let escaping_tail = tail[0] == DLE;
        self == Self::None
            || (clear(head)
                && clear(tail)
                && (head[0] == DLE) == escaping_tail
                && !(escaping_tail && tail.len() == 1))
    }
}

/// Looks for the head, then for a tail that is not escaped.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    seek: Seek,
    tail: Mark,
    /// So many bytes behind the head were looked at.
    scanned: usize,
    /// Escapes among them.
    escapes: usize,
    skipping: bool,
}

/// Where a scan came to.
enum Scan {
    Tail(usize),
    Wait(usize),
    Wrong(usize),
    TooLong,
}

impl Reader {
    pub(crate) fn new(head: &Mark, tail: &Mark, resync: Resync) -> Self {
        Self { seek: Seek::new(head, resync), tail: tail.clone(), scanned: 0, escapes: 0, skipping: false }
    }

    pub(crate) fn read(&mut self, live: &mut [u8], max: usize) -> Found {
        if self.skipping {
            return self.skip(live);
        }
        if let Some(found) = self.seek.front(live) {
            return found;
        }
        let header = self.seek.mark_len();
        let scan = self.scan(&live[header..], max);
        if let Scan::Wait(at) = scan {
            self.scanned = at;
            return Found::Need(0);
        }
        (self.scanned, self.escapes) = (0, 0);
        match scan {
            Scan::Tail(at) => {
                let payload = unescape(&mut live[header..header + at]);
                Found::Frame { header, payload, wire: header + at + self.tail.len() }
            }
            Scan::Wrong(at) => {
                self.seek.lose();
                let at = header + at;
                Found::invalid(at, Malformed::Escape { found: live[at] })
            }
            Scan::Wait(_) | Scan::TooLong => {
                self.skipping = true;
                self.scanned = header;
                Found::Oversize { announced: max as u64 + 1, wire: None, unread: 0 }
            }
        }
    }

    /// Passes over a refused frame, as far as it has come.
    fn skip(&mut self, live: &[u8]) -> Found {
        let scan = self.scan(live, usize::MAX);
        (self.scanned, self.escapes) = (0, 0);
        match scan {
            Scan::Tail(at) => {
                self.skipping = false;
                Found::Pass { len: at + self.tail.len(), open: false }
            }
            // What stands before the escape is passed over first, as it is where it arrives by itself.
            Scan::Wrong(at) if at > 1 => Found::Pass { len: at - 1, open: true },
            Scan::Wrong(at) => {
                self.skipping = false;
                self.seek.lose();
                Found::invalid(at, Malformed::Escape { found: live[at] })
            }
            Scan::Wait(0) | Scan::TooLong => Found::Need(0),
            Scan::Wait(len) => Found::Pass { len, open: true },
        }
    }

    /// Goes on from `scanned` to the tail, the end of the bytes, or a payload above `max`.
    fn scan(&mut self, body: &[u8], max: usize) -> Scan {
        let tail = self.tail.bytes();
        let mut at = self.scanned;
        loop {
            let special = work::memchr2(DLE, tail[0], &body[at..]);
            at = special.map_or(body.len(), |run| at + run);
            if at - self.escapes > max {
                return Scan::TooLong;
            }
            let rest = &body[at..];
            match rest {
                [] | [DLE] => return Scan::Wait(at),
                [DLE, next, ..] if tail[0] != DLE || *next == DLE => {
                    self.escapes += 1;
                    at += 2;
                }
                _ if rest.starts_with(tail) => return Scan::Tail(at),
                _ if tail.starts_with(rest) => return Scan::Wait(at),
                [DLE, ..] => return Scan::Wrong(at + 1),
                _ => at += 1,
            }
        }
    }
}

/// Takes the escapes out, in place: how many bytes are left.
fn unescape(body: &mut [u8]) -> usize {
    let Some(first) = work::memchr(DLE, body) else { return body.len() };
    let (mut read, mut write) = (first, first);
    work::count(body.len() - first);
    while read < body.len() {
        if body[read] == DLE && read + 1 < body.len() {
            read += 1;
        }
        body[write] = body[read];
        read += 1;
        write += 1;
    }
    write
}

/// Where the marks begin with DLE, a DLE in the payload is doubled; otherwise a DLE stands before each DLE and before each
/// byte that could begin a mark.
pub(crate) fn write(payload: &[u8], head: &[u8], tail: &[u8], out: &mut Vec<u8>) {
    out.reserve(head.len() + payload.len() + tail.len());
    out.extend_from_slice(head);
    for &byte in payload {
        if byte == DLE || byte == head[0] || byte == tail[0] {
            out.push(DLE);
        }
        out.push(byte);
    }
    out.extend_from_slice(tail);
}
