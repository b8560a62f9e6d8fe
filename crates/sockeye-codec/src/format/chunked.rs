//! A payload in pieces, each behind its length in hexadecimal, the last one empty (RFC 9112 §7.1; `specs/00-framing.md` §8):
//! `chunked`.
//!
//! The payload is the whole body: where it was cut into chunks means nothing. Chunks are joined in place, so a body of one
//! chunk is not moved at all.

use super::Found;
use crate::error::Malformed;
use crate::work;

/// The longest line with the size of a chunk, extensions included, in bytes.
const LINE_LIMIT: usize = 1 << 10;
/// The longest trailer section, in bytes: as much as header lines may have.
const TRAILER_LIMIT: usize = 8 << 10;
/// Superfluous bytes inside the frame are taken out of the buffer once there are so many.
const GAP_LIMIT: usize = 4 << 10;
/// Digits of the largest size that is understood: 64 bits.
const SIZE_DIGITS: usize = 16;

/// Reads chunk by chunk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    phase: Phase,
    /// Everything before this has been read.
    at: usize,
    /// No line ends between `at` and so many bytes behind it.
    scanned: usize,
    /// Bytes of the first chunk's line.
    header: usize,
    /// Bytes of the payload, joined behind the header.
    joined: usize,
    /// Bytes of the payload announced so far.
    total: u64,
    /// Bytes of trailer lines.
    trailer: usize,
    /// Whether the frame was refused and only its end is looked for.
    skipping: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailer,
}

type Progress = Result<Option<Found>, (usize, Malformed)>;

impl Reader {
    pub(crate) fn read(&mut self, live: &mut [u8], max: usize) -> Found {
        loop {
            let progress = match self.phase {
                Phase::Size => self.size(live, max),
                Phase::Data(left) => Ok(self.data(live, left)),
                Phase::DataEnd => self.data_end(live),
                Phase::Trailer => self.trailer(live),
            };
            match progress {
                Ok(None) => {}
                Ok(Some(Found::Need(missing))) => return self.wait(live.len(), missing),
                Ok(Some(found)) => return found,
                Err((at, reason)) => return Found::invalid(at, reason),
            }
        }
    }

    fn size(&mut self, live: &[u8], max: usize) -> Progress {
        let line = self.line(live, LINE_LIMIT, Malformed::ChunkLineTooLong { limit: LINE_LIMIT });
        // What is there of the digits is judged before the line is complete.
        let rest = &live[self.at..];
        let digits = rest.iter().take(SIZE_DIGITS + 1).take_while(|byte| byte.is_ascii_hexdigit()).count();
        work::count(digits + 1);
        match rest.get(digits) {
            _ if digits > SIZE_DIGITS => return Err((self.at + SIZE_DIGITS, Malformed::TooManyDigits)),
            Some(b';' | b' ' | b'\t' | b'\r') if digits > 0 => {}
            Some(&found) => return Err((self.at + digits, Malformed::ChunkSize { found })),
            None => {}
        }
        let Some(len) = line? else { return Ok(Some(Found::Need(0))) };
        let shift_in =
            |size: u64, byte: &u8| (size << 4) | u64::from(char::from(*byte).to_digit(16).unwrap_or(0));
        let size = rest[..digits].iter().fold(0, shift_in);
        self.at += len;
        if self.header == 0 {
            self.header = self.at;
        }
        self.phase = if size == 0 { Phase::Trailer } else { Phase::Data(size) };
        self.total = self.total.saturating_add(size);
        if self.total > max as u64 && !self.skipping {
            self.skipping = true;
            return Ok(Some(Found::Oversize { announced: self.total, wire: None, unread: 0 }));
        }
        Ok(None)
    }

    fn data(&mut self, live: &mut [u8], left: u64) -> Option<Found> {
        let have = live.len() - self.at;
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(have);
        if !self.skipping {
            let end = self.header + self.joined;
            if end != self.at {
                live.copy_within(self.at..self.at + len, end);
                work::count(len);
            }
            self.joined += len;
        }
        self.at += len;
        let left = left - len as u64;
        self.phase = if left == 0 { Phase::DataEnd } else { Phase::Data(left) };
        // Behind the data come at least its own end and the empty chunk.
        let missing = usize::try_from(left).unwrap_or(usize::MAX).saturating_add(b"\r\n0\r\n\r\n".len());
        (left > 0).then_some(Found::Need(missing))
    }

    fn data_end(&mut self, live: &[u8]) -> Progress {
        for (at, expected) in b"\r\n".iter().enumerate() {
            match live.get(self.at + at) {
                None => return Ok(Some(Found::Need(b"\r\n0\r\n\r\n".len() - at))),
                Some(found) if found != expected => {
                    return Err((self.at + at, Malformed::ChunkEnd { found: *found }));
                }
                Some(_) => {}
            }
        }
        self.at += 2;
        self.phase = Phase::Size;
        Ok(None)
    }

    fn trailer(&mut self, live: &[u8]) -> Progress {
        let limit = TRAILER_LIMIT - self.trailer;
        let too_long = Malformed::HeaderTooLong { limit: TRAILER_LIMIT };
        let Some(len) = self.line(live, limit, too_long)? else { return Ok(Some(Found::Need(0))) };
        self.at += len;
        self.trailer += len;
        if len > 2 {
            return Ok(None);
        }
        let (header, payload, wire, skipped) = (self.header, self.joined, self.at, self.skipping);
        *self = Self::default();
        Ok(Some(if skipped {
            Found::Pass { len: wire, open: false }
        } else {
            Found::Frame { header, payload, wire }
        }))
    }

    /// The length of the line that begins at `at`, its CR LF included; `None` while it is not complete.
    fn line(
        &mut self,
        live: &[u8],
        limit: usize,
        too_long: Malformed,
    ) -> Result<Option<usize>, (usize, Malformed)> {
        let rest = &live[self.at..];
        let window = &rest[..rest.len().min(limit)];
        let Some(run) = work::memchr(b'\n', &window[self.scanned..]) else {
            if window.len() == limit {
                return Err((self.at + limit.saturating_sub(1), too_long));
            }
            self.scanned = window.len();
            return Ok(None);
        };
        let end = self.scanned + run;
        self.scanned = 0;
        if end == 0 || window[end - 1] != b'\r' {
            return Err((self.at + end, Malformed::LineFeedAlone));
        }
        Ok(Some(end + 1))
    }

    /// Before waiting: lets go of what is no longer needed.
    fn wait(&mut self, have: usize, missing: usize) -> Found {
        if self.skipping {
            let len = core::mem::take(&mut self.at);
            return if len > 0 { Found::Pass { len, open: true } } else { Found::Need(missing) };
        }
        let end = self.header + self.joined;
        let gap = self.at - end;
        // Removing moves what lies behind the gap: never more than it removes, so that all work stays linear.
        if gap >= GAP_LIMIT.max(have - self.at) {
            self.at = end;
            return Found::Remove { at: end, len: gap };
        }
        Found::Need(missing)
    }
}
