//! A delimiter behind each payload (`specs/00-framing.md` §5): `line`, `crlf`, `nul`, `delim`.

use super::Found;
use crate::decoder::Step;
use crate::framing::{Mark, Needle};
use crate::work;

/// Looks for the delimiter.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    needle: Needle,
    /// Whether a carriage return before the delimiter belongs to it.
    trims: bool,
    /// No delimiter begins in the first so many bytes of the frame, but those that `ahead` knows.
    scanned: usize,
    ahead: Ahead,
    /// Whether the frame was refused and its end is looked for.
    skipping: bool,
}

impl Reader {
    pub(crate) fn new(delimiter: &Mark) -> Self {
        Self {
            needle: Needle::new(delimiter),
            trims: false,
            scanned: 0,
            ahead: Ahead::new(),
            skipping: false,
        }
    }

    pub(crate) fn line() -> Self {
        Self { needle: Needle::byte(b'\n'), trims: true, scanned: 0, ahead: Ahead::new(), skipping: false }
    }

    #[inline]
    pub(crate) fn read(&mut self, live: &[u8], max: usize) -> Found {
        if self.skipping {
            return self.skip(live);
        }
        if let Some(byte) = self.needle.single() {
            return self.read_byte(byte, live, max);
        }
        self.read_bytes(live, max)
    }

    /// Gives frames as long as each is complete and allowed, and how many bytes they took.
    #[inline]
    pub(crate) fn run(
        &mut self,
        live: &[u8],
        max: usize,
        offset: u64,
        take: &mut impl FnMut(Step<'_>),
    ) -> usize {
        let Some(byte) = self.needle.single().filter(|_| !self.skipping && self.ahead.marks == 0) else {
            return 0;
        };
        // The fastest way for one search is chosen once for all of them.
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = memchr::arch::x86_64::avx2::memchr::One::new(byte) {
            return self.run_by(byte, |live| work::searched(wide.find(live), live), live, max, offset, take);
        }
        self.run_by(byte, |live| work::memchr(byte, live), live, max, offset, take)
    }

    /// The same with a search for the delimiter.
    #[inline]
    fn run_by(
        &mut self,
        byte: u8,
        find: impl Fn(&[u8]) -> Option<usize>,
        live: &[u8],
        max: usize,
        offset: u64,
        take: &mut impl FnMut(Step<'_>),
    ) -> usize {
        let trims = self.trims;
        // Whether the frame that ends in this place was allowed, and given.
        let mut give = |begin: usize, frame: &[u8]| {
            let payload = match frame {
                [before @ .., b'\r'] if trims => before,
                _ => frame,
            };
            if payload.len() > max {
                return false;
            }
            let (offset, wire_len) = (offset + begin as u64, frame.len() + 1);
            take(Step::Frame { payload, header: &[], offset, wire_len });
            true
        };
        // Where a frame begins, and from where on its end is looked for.
        let (mut begin, mut from, mut short) = (0, self.scanned, self.ahead.short);
        loop {
            if short
                && from == begin
                && let Some(block) = live[begin..].first_chunk()
            {
                let (block_begin, mut found) = (begin, marks(byte, block));
                while found != 0 {
                    let end = block_begin + found.trailing_zeros() as usize;
                    if !give(begin, &live[begin..end]) {
                        break;
                    }
                    begin = end + 1;
                    found &= found - 1;
                }
                if found != 0 {
                    from = begin;
                    break;
                }
                from = begin;
                if begin > block_begin {
                    continue;
                }
                from = begin + BLOCK;
            }
            let Some(run) = find(&live[from..]) else {
                from = live.len();
                break;
            };
            let end = from + run;
            if !give(begin, &live[begin..end]) {
                break;
            }
            short = run < SHORT;
            begin = end + 1;
            from = begin;
        }
        (self.scanned, self.ahead.short) = (from - begin, short);
        begin
    }

    /// Looks for a delimiter of one byte.
    #[inline]
    fn read_byte(&mut self, byte: u8, live: &[u8], max: usize) -> Found {
        match self.ahead.find(byte, live, &mut self.scanned) {
            Some(at) => self.frame(live, at, max),
            None if live.len() > max + usize::from(self.trims) => self.refuse(max),
            None => Found::Need(0),
        }
    }

    /// Looks for a longer one.
    fn read_bytes(&mut self, live: &[u8], max: usize) -> Found {
        // The longest frame there can be; a delimiter that ends later is too late.
        let limit = max + self.needle.len();
        let window = &live[..live.len().min(limit)];
        match self.needle.find(&window[self.scanned..]) {
            Some(at) => {
                let at = self.scanned + at;
                self.scanned = 0;
                self.frame(live, at, max)
            }
            None if window.len() == limit => self.refuse(max),
            None => {
                self.scanned = window.len().saturating_sub(self.needle.len() - 1);
                Found::Need(0)
            }
        }
    }

    #[inline]
    fn frame(&mut self, live: &[u8], at: usize, max: usize) -> Found {
        let trimmed = self.trims && at > 0 && live[at - 1] == b'\r';
        let payload = at - usize::from(trimmed);
        if payload > max {
            return self.refuse(max);
        }
        Found::Frame { header: 0, payload, wire: at + self.needle.len() }
    }

    #[cold]
    fn refuse(&mut self, max: usize) -> Found {
        (self.scanned, self.ahead) = (0, Ahead::new());
        self.skipping = true;
        Found::Oversize { announced: max as u64 + 1, wire: None, unread: 0 }
    }

    fn skip(&mut self, live: &[u8]) -> Found {
        let found = skip_to_end(&self.needle, live);
        self.skipping = !matches!(found, Found::Pass { open: false, .. });
        found
    }
}

/// Delimiters of one byte, found for many short frames at once: a search begun anew for each takes longer than all else
/// that is done for it.
#[derive(Clone, Debug)]
struct Ahead {
    /// A bit for each byte of a block: set where it is a delimiter whose frame was not handed out yet.
    marks: u64,
    /// Where the block begins in the bytes not handed out.
    from: usize,
    /// Whether the last frame was short.
    short: bool,
}

/// Bytes of a block: one for each bit.
const BLOCK: usize = 64;
/// A frame is short, in bytes, where a block is likely to hold more than one delimiter.
const SHORT: usize = 40;

impl Ahead {
    const fn new() -> Self {
        Self { marks: 0, from: 0, short: false }
    }

    /// Where the first delimiter stands. The first `scanned` bytes hold only those that have marks; what it counts is behind
    /// the frame that was found, if one was.
    #[inline]
    fn find(&mut self, byte: u8, live: &[u8], scanned: &mut usize) -> Option<usize> {
        if self.marks == 0 && !self.mark(byte, live, scanned) {
            let Some(run) = work::memchr(byte, &live[*scanned..]) else {
                *scanned = live.len();
                return None;
            };
            let at = *scanned + run;
            *scanned = 0;
            self.short = at < SHORT;
            return Some(at);
        }
        let bit = self.marks.trailing_zeros();
        let at = self.from + bit as usize;
        self.marks = self.marks >> bit >> 1;
        self.from = 0;
        *scanned -= at + 1;
        Some(at)
    }

    /// Marks the delimiters of the next block, where it is likely to hold some: whether it does.
    #[inline]
    fn mark(&mut self, byte: u8, live: &[u8], scanned: &mut usize) -> bool {
        let Some(block) = live[*scanned..].first_chunk().filter(|_| self.short) else { return false };
        self.marks = marks(byte, block);
        self.from = *scanned;
        *scanned += BLOCK;
        self.marks != 0
    }
}

/// A bit for each byte of the block that is `byte`, the first one lowest. Written so that a compiler finds vectors in it.
#[inline]
fn marks(byte: u8, block: &[u8; BLOCK]) -> u64 {
    work::count(BLOCK);
    let mut equal = [0_u8; BLOCK];
    for (equal, found) in equal.iter_mut().zip(block) {
        *equal = u8::from(*found == byte);
    }
    let (words, _) = equal.as_chunks::<8>();
    words.iter().enumerate().fold(0, |marks, (place, word)| {
        // The lowest bits of eight bytes become the bits of the highest one: no two products meet.
        let bits = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        marks | bits << (8 * place)
    })
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
    match work::memchr(mark, live) {
        Some(at) => Found::Pass { len: at + 1, open: false },
        None if live.is_empty() => Found::Need(0),
        None => Found::Pass { len: live.len(), open: true },
    }
}
