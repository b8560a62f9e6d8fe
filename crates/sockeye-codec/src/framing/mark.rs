//! Marks: the bytes that stand before or behind a payload, and the search for them.

use alloc::sync::Arc;
use core::fmt;

use memchr::memmem::Finder;
use thiserror::Error;

use crate::work;

/// The longest mark, in bytes: longer than any boundary line of a real protocol (MIME's have up to 74), short enough that a
/// search which is interrupted at every byte stays cheap.
pub const MARK_LIMIT: usize = 255;

/// Bytes that cannot be a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a mark has 1 to {MARK_LIMIT} bytes, not {len}")]
pub struct MarkError {
    /// How many bytes were given.
    pub len: usize,
}

/// The bytes of a mark: 1 to [`MARK_LIMIT`], shared between clones.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Mark(Arc<[u8]>);

impl Mark {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, MarkError> {
        match bytes.len() {
            1..=MARK_LIMIT => Ok(Self(bytes.into())),
            len => Err(MarkError { len }),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.escape_ascii())
    }
}

/// A mark made ready to be searched for.
#[derive(Clone, Debug)]
pub(crate) struct Needle {
    mark: Mark,
    /// The byte of a mark that has no other: it needs no preparation.
    single: Option<u8>,
    /// For marks of two bytes and more.
    finder: Option<Arc<Finder<'static>>>,
}

impl Needle {
    pub(crate) fn new(mark: &Mark) -> Self {
        let finder = (mark.len() > 1).then(|| Arc::new(Finder::new(mark.bytes()).into_owned()));
        let single = finder.is_none().then(|| mark.bytes()[0]);
        Self { mark: mark.clone(), single, finder }
    }

    /// A mark of one byte.
    pub(crate) fn byte(byte: u8) -> Self {
        Self { mark: Mark([byte].as_slice().into()), single: Some(byte), finder: None }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.mark.bytes()
    }

    pub(crate) fn len(&self) -> usize {
        self.mark.len()
    }

    /// The byte of a mark that has no other.
    #[inline]
    pub(crate) const fn single(&self) -> Option<u8> {
        self.single
    }

    /// Where the mark first stands, in time linear in the haystack.
    #[inline]
    pub(crate) fn find(&self, haystack: &[u8]) -> Option<usize> {
        match &self.finder {
            None => work::memchr(self.mark.0[0], haystack),
            Some(finder) => work::searched(finder.find(haystack), haystack),
        }
    }

    /// How many bytes at the end of a haystack without the mark could begin one.
    pub(crate) fn partial(&self, haystack: &[u8]) -> usize {
        let longest = haystack.len().min(self.len() - 1);
        work::count(longest);
        (1..=longest).rev().find(|len| haystack.ends_with(&self.bytes()[..*len])).unwrap_or(0)
    }
}
