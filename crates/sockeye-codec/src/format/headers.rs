//! Header lines, one of which says the length (`specs/00-framing.md` §8; RFC 9112 §2.1, §6.2; Language Server Protocol, "Base
//! Protocol"): `content-length`.

use super::Found;
use crate::error::Malformed;
use crate::work;

/// The longest block of header lines, in bytes: what most HTTP servers allow.
const BLOCK_LIMIT: usize = 8 << 10;
/// What is looked for among bytes that are no header.
const MARK: &[u8] = b"content-length:";

/// Reads the header lines one by one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    /// No line ends in the first so many bytes behind `line`.
    scanned: usize,
    /// Where the current line begins.
    line: usize,
    length: Option<u64>,
    /// Bytes of the header lines, once all are there.
    header: usize,
    /// Whether what stands at the front is no header, and the next one is looked for.
    lost: Option<Lost>,
}

/// How far the search for the next header has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// The byte at the front was refuted.
    Here,
    /// All passed over so far is garbage.
    Further,
}

impl Reader {
    pub(crate) fn read(&mut self, live: &[u8], max: usize) -> Found {
        if let Some(lost) = self.lost {
            return self.seek(live, lost);
        }
        while self.header == 0 {
            match self.next_line(live) {
                Ok(true) => {}
                Ok(false) => return Found::Need(0),
                Err((at, reason)) => {
                    *self = Self { lost: Some(Lost::Here), ..Self::default() };
                    return Found::invalid(at, reason);
                }
            }
        }
        let (header, announced) = (self.header, self.length.unwrap_or(0));
        let found = match usize::try_from(announced) {
            Ok(payload) if payload <= max && live.len() < header + payload => {
                return Found::Need(header + payload - live.len());
            }
            Ok(payload) if payload <= max => Found::Frame { header, payload, wire: header + payload },
            _ => {
                let wire = announced.saturating_add(header as u64);
                Found::Oversize { announced, wire: Some(wire), unread: 0 }
            }
        };
        *self = Self::default();
        found
    }

    /// Takes one line; false while it is not complete.
    fn next_line(&mut self, live: &[u8]) -> Result<bool, (usize, Malformed)> {
        let window = &live[..live.len().min(BLOCK_LIMIT)];
        let Some(at) = work::memchr(b'\n', &window[self.scanned..]) else {
            if window.len() == BLOCK_LIMIT {
                return Err((BLOCK_LIMIT - 1, Malformed::HeaderTooLong { limit: BLOCK_LIMIT }));
            }
            self.scanned = window.len();
            return Ok(false);
        };
        let (begin, end) = (self.line, self.scanned + at);
        let Some(line) = window[begin..end].strip_suffix(b"\r") else {
            return Err((end, Malformed::LineFeedAlone));
        };
        (self.scanned, self.line) = (end + 1, end + 1);
        if !line.is_empty() {
            return self.header_line(line).map(|()| true).map_err(|reason| (begin, reason));
        }
        match self.length {
            Some(_) => self.header = self.line,
            None => return Err((begin, Malformed::NoContentLength)),
        }
        Ok(true)
    }

    fn header_line(&mut self, line: &[u8]) -> Result<(), Malformed> {
        work::count(line.len());
        let colon = memchr::memchr(b':', line).ok_or(Malformed::HeaderLine)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return Err(Malformed::HeaderLine);
        }
        if !name.eq_ignore_ascii_case(&MARK[..MARK.len() - 1]) {
            return Ok(());
        }
        let number = core::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number = number.and_then(|text| text.parse().ok()).ok_or(Malformed::ContentLength)?;
        match self.length.replace(number) {
            None => Ok(()),
            Some(_) => Err(Malformed::RepeatedContentLength),
        }
    }

    fn seek(&mut self, live: &[u8], lost: Lost) -> Found {
        let from = usize::from(lost == Lost::Here).min(live.len());
        match find_mark(&live[from..]) {
            (at, true) => {
                self.lost = None;
                Found::Garbage { len: from + at, resumed: true }
            }
            (0, false) if from == 0 => Found::Need(0),
            (at, false) => {
                self.lost = Some(Lost::Further);
                Found::Garbage { len: from + at, resumed: false }
            }
        }
    }
}

/// Where the mark stands whatever the case of its letters, or (`false`) where the end of the bytes could be its beginning.
fn find_mark(bytes: &[u8]) -> (usize, bool) {
    work::count(bytes.len());
    for at in memchr::memchr2_iter(b'C', b'c', bytes) {
        let rest = &bytes[at..];
        let len = rest.len().min(MARK.len());
        work::count(len);
        if rest[..len].eq_ignore_ascii_case(&MARK[..len]) {
            return (at, len == MARK.len());
        }
    }
    (bytes.len(), false)
}
