//! The exit codes, and which one an error gets.

use sockeye::{Error, PeerReasonKind};

/// How the program ends. The numbers are an interface: they do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Network,
    Usage,
    Protocol,
    TimedOut,
    Declined,
    Authentication,
    LocalIo,
    RemoteIo,
    Integrity,
    NoPeer,
    Partly,
    Interrupted,
}

impl Exit {
    /// Every exit, in the order of the numbers.
    pub(crate) const ALL: [Self; 13] = [
        Self::Done,
        Self::Network,
        Self::Usage,
        Self::Protocol,
        Self::TimedOut,
        Self::Declined,
        Self::Authentication,
        Self::LocalIo,
        Self::RemoteIo,
        Self::Integrity,
        Self::NoPeer,
        Self::Partly,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Network => 1,
            Self::Usage => 2,
            Self::Protocol => 3,
            Self::TimedOut => 4,
            Self::Declined => 5,
            Self::Authentication => 6,
            Self::LocalIo => 7,
            Self::RemoteIo => 8,
            Self::Integrity => 9,
            Self::NoPeer => 10,
            Self::Partly => 11,
            Self::Interrupted => 130,
        }
    }

    /// The exit with this number, of another process of this program; none for success.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code() == code && *exit != Self::Done)
    }

    /// Which exit an error of the library gets.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::PeerTold(reason) => Self::of_reason(reason.kind),
            Error::DeclinedHere { .. } | Error::TooLarge { .. } => Self::Declined,
            Error::Authentication(_) => Self::Authentication,
            Error::NoPeerFound { .. } | Error::Ambiguous { .. } => Self::NoPeer,
            Error::TimedOut { .. } => Self::TimedOut,
            Error::LocalIo { .. } => Self::LocalIo,
            Error::Integrity { .. } => Self::Integrity,
            Error::Misuse { .. } => Self::Usage,
            Error::Cancelled => Self::Interrupted,
            Error::Network { .. } => Self::Network,
            // The peer broke the rules, or speaks others, or we did (`Internal`). An error that this program does not
            // know yet is not one of the network, the disk or the user either.
            _ => Self::Protocol,
        }
    }

    /// Which exit the peer's reason for stopping gets here.
    fn of_reason(kind: PeerReasonKind) -> Self {
        match kind {
            PeerReasonKind::Declined | PeerReasonKind::TooLarge | PeerReasonKind::Busy => Self::Declined,
            PeerReasonKind::Interrupted => Self::Network,
            PeerReasonKind::Protocol => Self::Protocol,
            PeerReasonKind::Integrity => Self::Integrity,
            PeerReasonKind::TimedOut => Self::TimedOut,
            PeerReasonKind::Authentication => Self::Authentication,
            // DiskFull, PermissionDenied, Io, Other: something there, not here.
            _ => Self::RemoteIo,
        }
    }
}
