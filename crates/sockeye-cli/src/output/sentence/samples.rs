//! One of every error, for the tests of sentences, exit codes and events.

use std::{io, path::PathBuf};

use sockeye::{AuthenticationFailure, Error, PeerReason, PeerReasonKind};

use crate::{exit::Exit, trouble::Trouble};

/// Text as a hostile peer would send it.
pub(crate) const HOSTILE: &str = "x\u{1b}[2Jy\nz\u{202e}";

pub(crate) const AUTHENTICATION: [AuthenticationFailure; 5] = [
    AuthenticationFailure::WrongCode,
    AuthenticationFailure::OutOfGuesses,
    AuthenticationFailure::CodeUsed,
    AuthenticationFailure::NotRemembered,
    AuthenticationFailure::BadProof,
];

/// Each reason of a peer with the exit code that it gets here.
pub(crate) const REASONS: [(PeerReasonKind, u8); 12] = [
    (PeerReasonKind::Declined, 5),
    (PeerReasonKind::Interrupted, 1),
    (PeerReasonKind::DiskFull, 8),
    (PeerReasonKind::PermissionDenied, 8),
    (PeerReasonKind::Io, 8),
    (PeerReasonKind::TooLarge, 5),
    (PeerReasonKind::Protocol, 3),
    (PeerReasonKind::Integrity, 9),
    (PeerReasonKind::TimedOut, 4),
    (PeerReasonKind::Authentication, 6),
    (PeerReasonKind::Busy, 5),
    (PeerReasonKind::Other, 8),
];

const NETWORK: [io::ErrorKind; 12] = [
    io::ErrorKind::ConnectionRefused,
    io::ErrorKind::AddrInUse,
    io::ErrorKind::AddrNotAvailable,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::NetworkUnreachable,
    io::ErrorKind::HostUnreachable,
    io::ErrorKind::TimedOut,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::ConnectionAborted,
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::UnexpectedEof,
    io::ErrorKind::Other,
];

const FILES: [io::ErrorKind; 8] = [
    io::ErrorKind::NotFound,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::StorageFull,
    io::ErrorKind::QuotaExceeded,
    io::ErrorKind::ReadOnlyFilesystem,
    io::ErrorKind::NotADirectory,
    io::ErrorKind::AlreadyExists,
    io::ErrorKind::Other,
];

/// Every error of the library, with the exit code that it gets.
pub(crate) fn errors() -> Vec<(Error, u8)> {
    let text = || HOSTILE.to_owned();
    let address = "192.168.1.5:46710".parse().expect("an address");
    let mut errors = vec![
        (Error::PeerMisbehaved { detail: text() }, 3),
        (Error::PeerIncompatible { detail: text() }, 3),
        (Error::DeclinedHere { reason: text() }, 5),
        (Error::TooLarge { detail: text() }, 5),
        (Error::NoPeerFound { what: text() }, 10),
        (Error::Ambiguous { nameplate: 4821, addresses: vec![address] }, 10),
        (Error::TimedOut { doing: "waiting for the other side" }, 4),
        (Error::Integrity { detail: text() }, 9),
        (Error::Misuse { detail: text() }, 2),
        (Error::Cancelled, 130),
        (Error::Internal { detail: text() }, 3),
    ];
    for action in ["connect to", "listen on"] {
        for kind in NETWORK {
            errors.push((Error::Network { action, address: Some(address), source: kind.into() }, 1));
        }
    }
    errors.push((
        Error::Network { action: "read from the peer", address: None, source: io::Error::other(HOSTILE) },
        1,
    ));
    for kind in FILES {
        errors
            .push((Error::LocalIo { action: "open", path: PathBuf::from(HOSTILE), source: kind.into() }, 7));
    }
    errors.extend(AUTHENTICATION.map(|failure| (Error::Authentication(failure), 6)));
    errors.extend(REASONS.map(|(kind, exit)| (Error::PeerTold(PeerReason { kind, text: text() }), exit)));
    errors.extend(
        REASONS.map(|(kind, exit)| (Error::PeerTold(PeerReason { kind, text: String::new() }), exit)),
    );
    errors
}

/// Every trouble that is told.
pub(crate) fn troubles() -> Vec<Trouble> {
    let mut troubles: Vec<Trouble> = errors().into_iter().map(|(error, _)| Trouble::Library(error)).collect();
    troubles.push(Trouble::Usage("one thing\nand another".to_owned()));
    troubles.push(Trouble::NobodyAround);
    troubles.push(Trouble::Demo(HOSTILE.to_owned(), Exit::Integrity));
    troubles
}
