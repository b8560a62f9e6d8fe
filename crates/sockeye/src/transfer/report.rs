//! Where reasons are translated: errors to what the peer is told, what the peer tells to errors, faults of files to
//! statuses. One place, so that both sides say the same.

use std::io;

use sockeye_proto::{
    pairing::{Reason, Refusal},
    transfer::{Abort, AbortCode, Receiver, ReceiverParams, Status, TransferError},
};

use crate::{
    AuthenticationFailure, EntryStatus, Error, PeerReason, PeerReasonKind,
    source::{ReadFault, SkipReason, Skipped},
};

/// What the peer is told when this side stops because of this error. `None`: it knows, or cannot be told.
pub(super) fn to_peer(error: &Error) -> Option<(AbortCode, String)> {
    Some(match error {
        Error::Network { .. } | Error::PeerTold(_) => return None,
        Error::Cancelled => (AbortCode::Interrupted, String::new()),
        Error::DeclinedHere { reason } => (AbortCode::Declined, reason.clone()),
        Error::LocalIo { source, .. } => (io_code(source), source.kind().to_string()),
        Error::Integrity { detail } => (AbortCode::Integrity, detail.clone()),
        Error::TimedOut { doing } => (AbortCode::TimedOut, String::from(*doing)),
        Error::PeerMisbehaved { detail } | Error::PeerIncompatible { detail } => {
            (AbortCode::Protocol, detail.clone())
        }
        Error::TooLarge { detail } => (AbortCode::TooLarge, detail.clone()),
        _ => (AbortCode::Other, String::new()),
    })
}

/// The control frame that says that this side was stopped, for when its own thread cannot.
pub(super) fn interrupted() -> Vec<u8> {
    let mut machine = Receiver::new(ReceiverParams::default());
    machine.abort(AbortCode::Interrupted, "");
    machine.poll_frame().unwrap_or_default()
}

/// The wire's word for a local input or output error.
pub(super) fn io_code(error: &io::Error) -> AbortCode {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AbortCode::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => AbortCode::PermissionDenied,
        io::ErrorKind::ResourceBusy => AbortCode::Busy,
        _ => AbortCode::Io,
    }
}

/// The peer's reason to stop, as an error of this side.
pub(super) fn told(abort: &Abort) -> Error {
    let kind = match abort.kind() {
        AbortCode::Declined => PeerReasonKind::Declined,
        AbortCode::Interrupted => PeerReasonKind::Interrupted,
        AbortCode::DiskFull => PeerReasonKind::DiskFull,
        AbortCode::PermissionDenied => PeerReasonKind::PermissionDenied,
        AbortCode::Io => PeerReasonKind::Io,
        AbortCode::TooLarge => PeerReasonKind::TooLarge,
        AbortCode::Protocol | AbortCode::ManifestChanged => PeerReasonKind::Protocol,
        AbortCode::Integrity => PeerReasonKind::Integrity,
        AbortCode::TimedOut => PeerReasonKind::TimedOut,
        AbortCode::Busy => PeerReasonKind::Busy,
        _ => PeerReasonKind::Other,
    };
    Error::PeerTold(PeerReason { kind, text: abort.text.clone() })
}

impl From<TransferError> for Error {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::PeerAborted(abort) => told(&abort),
            TransferError::PeerIncompatible { what } => Self::PeerIncompatible { detail: what.to_owned() },
            TransferError::TooLarge { what } => Self::TooLarge { detail: what },
            TransferError::Misuse { rule } => Self::Internal { detail: rule.to_owned() },
            TransferError::TimedOut { what } => Self::TimedOut { doing: what },
            other => Self::PeerMisbehaved { detail: other.to_string() },
        }
    }
}

/// A refusal during pairing, as an error of the side that was refused.
pub(crate) fn refused(refusal: &Refusal) -> Error {
    let told = |kind| Error::PeerTold(PeerReason { kind, text: refusal.text.clone() });
    let failure = match refusal.reason {
        Reason::WrongCode => AuthenticationFailure::WrongCode,
        Reason::OutOfGuesses => AuthenticationFailure::OutOfGuesses,
        Reason::CodeUsed => AuthenticationFailure::CodeUsed,
        Reason::NotRemembered => AuthenticationFailure::NotRemembered,
        Reason::BadProof => AuthenticationFailure::BadProof,
        Reason::Incompatible => return Error::PeerIncompatible { detail: refusal.text.clone() },
        Reason::Busy => return told(PeerReasonKind::Busy),
        Reason::TimedOut => return told(PeerReasonKind::TimedOut),
        Reason::Protocol => return told(PeerReasonKind::Protocol),
        Reason::Declined => return told(PeerReasonKind::Declined),
        _ => return told(PeerReasonKind::Other),
    };
    Error::Authentication(failure)
}

/// A status of the wire as the library's user sees it.
pub(super) fn status_from_wire(status: Status) -> EntryStatus {
    match status {
        Status::Done => EntryStatus::Done,
        Status::Equal => EntryStatus::Equal,
        Status::Exists => EntryStatus::Exists,
        Status::Skipped => EntryStatus::Skipped,
        Status::Renamed => EntryStatus::Renamed,
        Status::NameRefused => EntryStatus::NameRefused,
        Status::KindRefused => EntryStatus::KindRefused,
        Status::SourceChanged => EntryStatus::SourceChanged,
        Status::SourceUnreadable => EntryStatus::SourceUnreadable,
        Status::DiskFull => EntryStatus::DiskFull,
        Status::Integrity => EntryStatus::Integrity,
        _ => EntryStatus::WriteFailed,
    }
}

/// A status of this side on the wire.
pub(super) fn status_to_wire(status: EntryStatus) -> Status {
    match status {
        EntryStatus::Done => Status::Done,
        EntryStatus::Equal => Status::Equal,
        EntryStatus::Exists => Status::Exists,
        EntryStatus::Skipped => Status::Skipped,
        EntryStatus::Renamed => Status::Renamed,
        EntryStatus::NameRefused => Status::NameRefused,
        EntryStatus::KindRefused => Status::KindRefused,
        EntryStatus::SourceChanged => Status::SourceChanged,
        EntryStatus::SourceUnreadable => Status::SourceUnreadable,
        EntryStatus::WriteFailed => Status::WriteFailed,
        EntryStatus::DiskFull => Status::DiskFull,
        EntryStatus::Integrity => Status::Integrity,
    }
}

/// Cuts a text to what a report may carry, at a character's border.
pub(super) fn cut(text: &str) -> String {
    Abort::new(AbortCode::Other, text).text
}

/// Something the walk left out, as the receiver is told.
pub(super) fn skipped(skipped: &Skipped) -> (Status, String) {
    let status = match skipped.reason {
        SkipReason::Special(_) => Status::KindRefused,
        SkipReason::Limit { .. } => Status::NameRefused,
        SkipReason::Moved => Status::SourceChanged,
        SkipReason::Unreadable { .. } => Status::SourceUnreadable,
    };
    (status, cut(&skipped.reason.to_string()))
}

/// Why an entry could not be read, as the receiver is told.
pub(super) fn read_fault(fault: &ReadFault) -> (Status, String) {
    let status = match fault {
        ReadFault::Changed { .. } => Status::SourceChanged,
        ReadFault::Unreadable { .. } | ReadFault::NoSuchPart => Status::SourceUnreadable,
    };
    (status, cut(&fault.to_string()))
}
