//! The searches of the readers, and a count of the bytes that are looked at or moved: kept in tests, to show that work is linear, and
//! nothing elsewhere.

#[cfg(test)]
std::thread_local! {
    /// Bytes counted in this thread.
    static DONE: core::cell::Cell<u64> = const { core::cell::Cell::new(0) };
}

/// So many bytes were looked at or moved.
#[inline]
pub(crate) fn count(bytes: usize) {
    #[cfg(test)]
    DONE.with(|done| done.set(done.get() + bytes as u64));
    let _ = bytes;
}

/// What was counted in this thread since the last call.
#[cfg(test)]
pub(crate) fn taken() -> u64 {
    DONE.take()
}

/// Counts a search, which ends with what it found.
#[inline]
pub(crate) fn searched(found: Option<usize>, haystack: &[u8]) -> Option<usize> {
    count(found.map_or(haystack.len(), |at| at + 1));
    found
}

/// Where a byte first stands.
#[inline]
pub(crate) fn memchr(byte: u8, haystack: &[u8]) -> Option<usize> {
    searched(memchr::memchr(byte, haystack), haystack)
}

/// Where one of two bytes first stands.
#[inline]
pub(crate) fn memchr2(one: u8, other: u8, haystack: &[u8]) -> Option<usize> {
    searched(memchr::memchr2(one, other, haystack), haystack)
}

/// How many bytes at the front are so.
#[inline]
pub(crate) fn leading(bytes: &[u8], is_so: impl Fn(u8) -> bool) -> usize {
    let len = bytes.iter().take_while(|byte| is_so(**byte)).count();
    count(len + usize::from(len < bytes.len()));
    len
}
