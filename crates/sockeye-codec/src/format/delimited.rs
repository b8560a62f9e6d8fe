//! A delimiter behind each payload (`specs/00-framing.md` §5): `line`, `crlf`, `nul`, `delim`.

use super::Found;
use crate::framing::{Mark, Needle};

/// Looks for the delimiter.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    needle: Needle,
    /// Whether a carriage return before the delimiter belongs to it.
    trims: bool,
    /// No delimiter begins in the first so many bytes of the frame.
    scanned: usize,
    /// Whether the frame was refused and its end is looked for.
    skipping: bool,
}

impl Reader {
    pub(crate) fn new(delimiter: &Mark) -> Self {
        Self { needle: Needle::new(delimiter), trims: false, scanned: 0, skipping: false }
    }

    pub(crate) fn line() -> Self {
        Self { needle: Needle::byte(b'\n'), trims: true, scanned: 0, skipping: false }
    }

    #[inline]
    pub(crate) fn read(&mut self, live: &[u8], max: usize) -> Found {
        if self.skipping {
            return self.skip(live);
        }
        // The longest frame there can be; a delimiter that ends later is too late.
        let limit = max + self.needle.len() + usize::from(self.trims);
        let window = &live[..live.len().min(limit)];
        match self.needle.find(&window[self.scanned..]) {
            Some(at) => self.frame(live, self.scanned + at, max),
            None if window.len() == limit => self.refuse(max),
            None => {
                self.scanned = window.len().saturating_sub(self.needle.len() - 1);
                Found::Need(0)
            }
        }
    }

    #[inline]
    fn frame(&mut self, live: &[u8], at: usize, max: usize) -> Found {
        self.scanned = 0;
        let trimmed = self.trims && at > 0 && live[at - 1] == b'\r';
        let payload = at - usize::from(trimmed);
        if payload > max {
            return self.refuse(max);
        }
        Found::Frame { header: 0, payload, wire: at + self.needle.len() }
    }

    #[cold]
    fn refuse(&mut self, max: usize) -> Found {
        self.scanned = 0;
        self.skipping = true;
        Found::Oversize { announced: max as u64 + 1, wire: None, unread: 0 }
    }

    fn skip(&mut self, live: &[u8]) -> Found {
        let found = skip_to_end(&self.needle, live);
        self.skipping = !matches!(found, Found::Pass { open: false, .. });
        found
    }
}

/// Passes over the bytes of a refused frame up to its mark.
pub(crate) fn skip_to_end(needle: &Needle, live: &[u8]) -> Found {
    if let Some(at) = needle.find(live) {
        return Found::Pass { len: at + needle.len(), open: false };
    }
    match live.len() - needle.partial(live) {
        0 => Found::Need(0),
        len => Found::Pass { len, open: true },
    }
}

/// The same for a mark of one byte.
pub(crate) fn skip_to_byte(mark: u8, live: &[u8]) -> Found {
    match memchr::memchr(mark, live) {
        Some(at) => Found::Pass { len: at + 1, open: false },
        None if live.is_empty() => Found::Need(0),
        None => Found::Pass { len: live.len(), open: true },
    }
}
