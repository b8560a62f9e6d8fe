//! The length field: a number of one to eight bytes in front of the payload (`specs/00-framing.md` §4).

/// How many bits a length field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each name says all there is to say")]
pub enum Width {
    U8,
    U16,
    U24,
    U32,
    U40,
    U48,
    U56,
    U64,
}

impl Width {
    /// Every width, the narrowest first.
    pub const ALL: [Self; 8] =
        [Self::U8, Self::U16, Self::U24, Self::U32, Self::U40, Self::U48, Self::U56, Self::U64];

    /// Bytes on the wire, 1 to 8.
    pub const fn bytes(self) -> usize {
        self as usize + 1
    }

    /// The largest number such a field can hold.
    pub const fn largest(self) -> u64 {
        u64::MAX >> (64 - 8 * self.bytes())
    }
}

/// Which end of a number travels first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ByteOrder {
    /// The most significant byte first, `be` in the text of a framing.
    Big,
    /// The least significant byte first, `le` in the text of a framing.
    Little,
}
