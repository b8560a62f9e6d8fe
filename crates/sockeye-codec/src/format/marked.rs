//! A mark before and a mark behind each payload (`specs/00-framing.md` §6).

use super::Found;
use super::delimited::skip_to_end;
use super::length::mismatch;
use crate::error::Malformed;
use crate::framing::{Mark, Needle, Resync};
use crate::work;

/// Looks for the head, then for the tail.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    seek: Seek,
    tail: Needle,
    /// No tail begins in the first so many bytes of the payload.
    scanned: usize,
    skipping: Option<Skipping>,
}

/// What is still to be passed over of a refused frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skipping {
    /// All of it. The head may hold a tail, or the beginning of one, that ends nothing.
    Whole,
    /// What is behind the head.
    Rest,
}

impl Reader {
    pub(crate) fn new(head: &Mark, tail: &Mark, resync: Resync) -> Self {
        Self { seek: Seek::new(head, resync), tail: Needle::new(tail), scanned: 0, skipping: None }
    }

    pub(crate) fn read(&mut self, live: &[u8], max: usize) -> Found {
        if let Some(skipping) = self.skipping {
            return self.skip(skipping, live);
        }
        if let Some(found) = self.seek.front(live) {
            return found;
        }
        let header = self.seek.mark_len();
        let body = &live[header..];
        let limit = max + self.tail.len();
        let window = &body[..body.len().min(limit)];
        match self.tail.find(&window[self.scanned..]) {
            Some(at) => {
                let payload = self.scanned + at;
                self.scanned = 0;
                Found::Frame { header, payload, wire: header + payload + self.tail.len() }
            }
            None if window.len() == limit => {
                self.skipping = Some(Skipping::Whole);
                self.scanned = 0;
                Found::Oversize { announced: max as u64 + 1, wire: None, unread: 0 }
            }
            None => {
                self.scanned = window.len().saturating_sub(self.tail.len() - 1);
                Found::Need(0)
            }
        }
    }

    fn skip(&mut self, skipping: Skipping, live: &[u8]) -> Found {
        if skipping == Skipping::Whole {
            self.skipping = Some(Skipping::Rest);
            return Found::Pass { len: self.seek.mark_len(), open: true };
        }
        let found = skip_to_end(&self.tail, live);
        if matches!(found, Found::Pass { open: false, .. }) {
            self.skipping = None;
        }
        found
    }
}

/// Looks for the mark that begins a frame.
#[derive(Clone, Debug)]
pub(crate) struct Seek {
    needle: Needle,
    resync: Resync,
    /// Whether garbage was found since the last frame.
    lost: bool,
    /// Whether the mark at the front was found to begin no frame.
    refuted: bool,
}

impl Seek {
    pub(crate) fn new(mark: &Mark, resync: Resync) -> Self {
        Self { needle: Needle::new(mark), resync, lost: false, refuted: false }
    }

    pub(crate) fn mark_len(&self) -> usize {
        self.needle.len()
    }

    /// What is wrong at the front; `None` when the mark stands there.
    pub(crate) fn front(&mut self, live: &[u8]) -> Option<Found> {
        let mark = self.needle.bytes();
        work::count(mark.len().min(live.len()));
        if self.refuted {
            return Some(self.seek(live));
        }
        if live.starts_with(mark) {
            let resumed = core::mem::take(&mut self.lost);
            return resumed.then_some(Found::Garbage { len: 0, resumed });
        }
        let Some((at, found)) = mismatch(mark, live) else {
            return Some(Found::Need(mark.len() - live.len()));
        };
        if self.resync == Resync::Off {
            return Some(Found::invalid(at, Malformed::Head { found }));
        }
        Some(self.seek(live))
    }

    /// The frame that begins at the front cannot be read: the next search begins behind its first byte.
    pub(crate) fn lose(&mut self) {
        self.refuted = true;
    }

    fn seek(&mut self, live: &[u8]) -> Found {
        let from = usize::from(core::mem::take(&mut self.refuted));
        let found = self.needle.find(&live[from..]);
        self.lost = found.is_none();
        match found {
            Some(at) => Found::Garbage { len: from + at, resumed: true },
            None => Found::Garbage { len: live.len() - self.needle.partial(&live[from..]), resumed: false },
        }
    }
}
