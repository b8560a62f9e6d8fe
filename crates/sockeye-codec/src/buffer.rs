//! Bytes that arrived and were not handed out yet.

use alloc::vec::Vec;

use crate::work;

/// A buffer that is filled at its end and emptied at its front. Bytes are moved only where at least as many were taken out as
/// must be moved: so a byte is moved at most once for each byte taken out.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Live bytes, with used ones before and initialised room behind.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// So few bytes are moved although there is room.
const FEW: usize = 1024;

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0 }
    }

    #[inline]
    pub(crate) fn live(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    #[inline]
    pub(crate) fn live_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.settle(bytes.len());
        if let Some(room) = self.bytes.get_mut(self.end..self.end + bytes.len()) {
            room.copy_from_slice(bytes);
        } else {
            // New room is not filled twice.
            self.bytes.truncate(self.end);
            self.bytes.extend_from_slice(bytes);
        }
        self.end += bytes.len();
        work::count(bytes.len());
    }

    /// Room for at least `min` bytes behind the live ones.
    pub(crate) fn room(&mut self, min: usize) -> &mut [u8] {
        self.settle(min);
        if self.bytes.len() - self.end < min {
            self.bytes.reserve(min - (self.bytes.len() - self.end));
            self.bytes.resize(self.bytes.capacity(), 0);
        }
        &mut self.bytes[self.end..]
    }

    /// The first `len` bytes of the room were filled.
    pub(crate) fn filled(&mut self, len: usize) {
        assert!(len <= self.bytes.len() - self.end, "more bytes filled than there was room for");
        self.end += len;
    }

    /// Takes bytes out at the front.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> &[u8] {
        let taken = self.start;
        self.start += len;
        &self.bytes[taken..self.start]
    }

    /// Takes bytes out of the midst of the live ones.
    pub(crate) fn remove(&mut self, at: usize, len: usize) {
        let from = self.start + at;
        self.bytes.copy_within(from + len..self.end, from);
        work::count(self.end - from - len);
        self.end -= len;
    }

    /// Gives all memory back, and all bytes.
    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Gives back the memory that is not needed for the live bytes.
    pub(crate) fn shrink(&mut self) {
        if self.bytes.capacity() > self.len() {
            self.bytes = self.live().to_vec();
            (self.start, self.end) = (0, self.bytes.len());
        }
    }

    /// Moves the live bytes to the front where room is needed, or they are few: what is filled next is then memory that was in use a
    /// moment ago.
    #[inline]
    fn settle(&mut self, wanted: usize) {
        let live = self.len();
        let lacks_room = self.bytes.len() - self.end < wanted;
        if self.start > 0 && self.start >= live && (lacks_room || live <= FEW) {
            self.bytes.copy_within(self.start..self.end, 0);
            work::count(live);
            (self.start, self.end) = (0, live);
        }
    }

    /// Bytes of memory held.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Bytes taken out that still lie in the buffer.
    #[cfg(test)]
    pub(crate) const fn passed_over(&self) -> usize {
        self.start
    }
}

/// A clone has the live bytes and no room.
impl Clone for Buffer {
    fn clone(&self) -> Self {
        let bytes = self.live().to_vec();
        Self { start: 0, end: bytes.len(), bytes }
    }
}
