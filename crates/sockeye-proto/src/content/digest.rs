//! Digests of blocks, and how those of a file's blocks become the digest of the file
//! (`specs/01-content.md` §6).

use super::config::BLOCK_SIZE;
use alloc::vec::Vec;
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use core::fmt;

/// A BLAKE3 value of 32 bytes: of a block, a file or a manifest. Displayed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Bytes in a digest.
    pub const LEN: usize = 32;
    /// 32 zero bytes: the hash chain of a manifest before its first segment (`specs/01-content.md` §4).
    pub const ZERO: Self = Self([0; 32]);

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A digest from a slice; `None` unless it has 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl Default for Digest {
    /// [`Digest::ZERO`].
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<Digest> for [u8; 32] {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(hash.into())
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// As a CBOR byte string of 32 bytes.
impl<C> minicbor::Encode<C> for Digest {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

/// From a CBOR byte string of exactly 32 bytes.
impl<'b, C> minicbor::Decode<'b, C> for Digest {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        Self::from_slice(d.bytes()?)
            .ok_or_else(|| minicbor::decode::Error::message("a digest has 32 bytes").at(at))
    }
}

/// The digest of a Range block: the bytes of a file from `offset` on, at most [`BLOCK_SIZE`] of them.
///
/// `offset` is a multiple of [`BLOCK_SIZE`]; `whole_file` says that these are all bytes of the file, whose
/// digest is then the plain hash. Arguments that break these rules give a value that no file contains.
pub fn range_digest(offset: u64, bytes: &[u8], whole_file: bool) -> Digest {
    let fits = offset.is_multiple_of(BLOCK_SIZE) && bytes.len() as u64 <= BLOCK_SIZE;
    debug_assert!(fits, "a range starts on a block boundary and is no longer than a block");
    if whole_file || bytes.is_empty() || !fits {
        return blake3::hash(bytes).into();
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset).update(bytes);
    Digest(hasher.finalize_non_root())
}

/// The digest of a Pack block: the plain hash of its files' bytes, one after the other.
pub fn pack_digest(bytes: &[u8]) -> Digest {
    blake3::hash(bytes).into()
}

/// The digest of a whole file of `size` bytes from those of its blocks: exactly `blake3::hash(file)`.
///
/// There are `size.div_ceil(BLOCK_SIZE)` blocks. Another number gives a value that belongs to another file;
/// use [`RootBuilder`] where that must be noticed.
pub fn file_root(blocks: &[Digest], size: u64) -> Digest {
    debug_assert_eq!(blocks.len() as u64, size.div_ceil(BLOCK_SIZE), "one digest a block");
    let mut builder = RootBuilder::new();
    for digest in blocks {
        builder.push(*digest);
    }
    builder.root()
}

/// Merges the digests of a file's blocks as they come, in order, holding one for each level of the tree
/// (at most 47) and not one for each block.
#[derive(Debug, Clone, Default)]
pub struct RootBuilder {
    /// Values of complete subtrees, the largest first; the subtrees of the set bits of `count - 1`.
    stack: Vec<Digest>,
    /// The newest digest. It joins the stack only when another follows, because the last merge of a file is
    /// different from all others.
    last: Option<Digest>,
    /// Digests pushed.
    count: u64,
}

impl RootBuilder {
    /// A builder for a new file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the digest of the next block.
    pub fn push(&mut self, digest: Digest) {
        if let Some(mut value) = self.last.replace(digest) {
            for _ in 0..self.count.trailing_zeros() {
                let Some(left) = self.stack.pop() else { break };
                value = Digest(merge_subtrees_non_root(&left.0, &value.0, Mode::Hash));
            }
            self.stack.push(value);
        }
        self.count = self.count.saturating_add(1);
    }

    /// Digests pushed so far.
    pub fn blocks(&self) -> u64 {
        self.count
    }

    /// The digest of the file, or `None` when a file of `size` bytes has another number of blocks.
    pub fn finish(self, size: u64) -> Option<Digest> {
        (self.count == size.div_ceil(BLOCK_SIZE)).then(|| self.root())
    }

    fn root(mut self) -> Digest {
        let Some(mut value) = self.last else { return blake3::hash(&[]).into() };
        while let Some(left) = self.stack.pop() {
            value = if self.stack.is_empty() {
                merge_subtrees_root(&left.0, &value.0, Mode::Hash).into()
            } else {
                Digest(merge_subtrees_non_root(&left.0, &value.0, Mode::Hash))
            };
        }
        value
    }
}
