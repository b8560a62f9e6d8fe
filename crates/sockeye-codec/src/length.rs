//! The length field: a number of one to eight bytes in front of the payload (`specs/00-framing.md` §3).

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

/// Width and order of a length field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LengthField {
    width: Width,
    order: ByteOrder,
}

impl LengthField {
    /// One byte has no order: it is kept as big-endian, so that equal framings compare equal.
    pub(crate) const fn new(width: Width, order: ByteOrder) -> Self {
        match width {
            Width::U8 => Self { width, order: ByteOrder::Big },
            _ => Self { width, order },
        }
    }

    pub(crate) const fn width(self) -> Width {
        self.width
    }

    pub(crate) const fn order(self) -> ByteOrder {
        self.order
    }

    /// The number in a complete field.
    pub(crate) fn read(self, field: &[u8]) -> u64 {
        let shift_in = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        match self.order {
            ByteOrder::Big => field.iter().fold(0, shift_in),
            ByteOrder::Little => field.iter().rev().fold(0, shift_in),
        }
    }

    /// Calls `sink` with the field's bytes for a number that fits it.
    pub(crate) fn write(self, number: u64, sink: impl FnOnce(&[u8])) {
        let bytes = self.width.bytes();
        match self.order {
            ByteOrder::Big => sink(&number.to_be_bytes()[size_of::<u64>() - bytes..]),
            ByteOrder::Little => sink(&number.to_le_bytes()[..bytes]),
        }
    }
}
