//! Numbers with a meaning: why a side stops, what became of an entry (`specs/04-transfer.md` §2.8, §2.9).

macro_rules! wire_codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal,)* } else $other:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant = $number,)* }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// From the number on the wire; unknown numbers become the general one.
            pub fn from_wire(number: u8) -> Self {
                match number { $($number => Self::$variant,)* _ => Self::$other }
            }
        }
    };
}

wire_codes! {
    /// Reasons to stop (`specs/04-transfer.md` §2.9).
    AbortCode {
        /// Anything without a number of its own.
        Other = 0,
        /// The person or the policy said no.
        Declined = 1,
        /// Interrupted.
        Interrupted = 2,
        /// No room left on the disk.
        DiskFull = 3,
        /// Not allowed to read or write.
        PermissionDenied = 4,
        /// Another input or output error.
        Io = 5,
        /// More than this side is willing to take.
        TooLarge = 6,
        /// The other side broke the protocol.
        Protocol = 7,
        /// Bytes did not have their digest.
        Integrity = 8,
        /// Waited too long.
        TimedOut = 9,
        /// Busy with another transfer.
        Busy = 10,
        /// What was accepted is not what was listed.
        ManifestChanged = 11,
    } else Other
}

wire_codes! {
    /// What became of an entry (`specs/04-transfer.md` §2.8).
    Status {
        /// It failed for a reason without a number of its own.
        Failed = 0,
        /// Written, verified, under its final name.
        Done = 1,
        /// An equal one was there already.
        Equal = 2,
        /// A different one is there and stays.
        Exists = 3,
        /// Left alone because the receiver skips what exists.
        Skipped = 4,
        /// Written under another name.
        Renamed = 5,
        /// The name cannot be held there, or policy refuses it.
        NameRefused = 6,
        /// A kind of file, or a link target, that does not travel.
        KindRefused = 7,
        /// The source changed while it was read.
        SourceChanged = 8,
        /// The source could not be read.
        SourceUnreadable = 9,
        /// It could not be written.
        WriteFailed = 10,
        /// The receiver's disk is full.
        DiskFull = 11,
        /// Its bytes did not have their digest.
        Integrity = 12,
    } else Failed
}

impl Status {
    /// What a sender's word for a failure means: it knows about sources, not about what was written here.
    pub(crate) fn of_source(number: u8) -> Self {
        match Self::from_wire(number) {
            status @ (Self::NameRefused
            | Self::KindRefused
            | Self::SourceChanged
            | Self::SourceUnreadable) => status,
            _ => Self::Failed,
        }
    }
}

/// To how many a sender sends (`specs/04-transfer.md` §2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Mode {
    /// To this receiver alone.
    #[default]
    One = 0,
    /// To any number: blocks may come in packets to a group ([`crate::delivery`]).
    Many = 1,
}

impl Mode {
    /// From its number; none of a later version.
    pub(crate) fn from_wire(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::One),
            1 => Some(Self::Many),
            _ => None,
        }
    }
}
