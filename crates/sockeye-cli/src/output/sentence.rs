//! Sentences for errors: what, why, and what to do. The one place where [`sockeye::Error`] meets English.

use std::io;

use sockeye::{AuthenticationFailure, Error, PeerReason, PeerReasonKind, escape};

use crate::trouble::Trouble;

pub(crate) mod options;
pub(crate) mod sockets;

/// The sentence for whatever ended a command. Nothing in it can steer a terminal.
pub(crate) fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Usage(sentence) => lines(sentence),
        Trouble::Demo(sentence, _) | Trouble::Ended(sentence, _) => shown(sentence),
        Trouble::Socket(error) => sockets::error(error),
        Trouble::Library(error) => self::error(error),
        Trouble::NobodyAround => {
            "no machine announces itself on this network now; `sockeye send` does while it waits, \
                                  and so does `sockeye receive --listen`. Try again with a longer --wait"
                .to_owned()
        }
        Trouble::Interrupted => "interrupted".to_owned(),
        Trouble::Silent(_) => String::new(),
    }
}

/// Escapes line by line: only the line breaks that we made ourselves stay.
fn lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

fn shown(text: &str) -> String {
    escape::terminal(text.as_bytes())
}

/// The sentence for an error of the library.
pub(crate) fn error(error: &Error) -> String {
    match error {
        Error::Network { action, address, source } => {
            let at = address.map_or_else(String::new, |address| format!(" {address}"));
            format!("cannot {}{at}: {}", shown(action), network_reason(action, source))
        }
        Error::PeerMisbehaved { detail } => format!(
            "the other side broke the protocol ({}); if it is sockeye too, please report this",
            shown(detail)
        ),
        Error::PeerIncompatible { detail } => {
            format!(
                "the other side is another version of sockeye ({}); use the same version on both",
                shown(detail)
            )
        }
        Error::PeerTold(reason) => peer_told(reason),
        Error::DeclinedHere { reason } => format!("declined here: {}", shown(reason)),
        Error::TooLarge { detail } => {
            format!("more than this side takes: {}; allow more with --max-size", shown(detail))
        }
        Error::Authentication(failure) => authentication(*failure).to_owned(),
        Error::NoPeerFound { what } => no_peer(what),
        Error::Ambiguous { nameplate, addresses } => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!(
                "more than one machine answers for the number {nameplate} ({}); type the address behind the code, \
                 CODE@HOST:PORT, as the right sender shows it",
                addresses.join(", ")
            )
        }
        Error::TimedOut { doing } => {
            format!("timed out while {}; try again, or wait longer with --timeout", shown(doing))
        }
        Error::LocalIo { action, path, source } => {
            let path = escape::terminal(path.as_os_str().as_encoded_bytes());
            format!("cannot {} {path}: {}", shown(action), file_reason(source))
        }
        Error::Integrity { detail } => format!(
            "bytes arrived with another digest than they were sent with ({}); nothing wrong was kept: run the command again",
            shown(detail)
        ),
        Error::Misuse { detail } => shown(detail),
        Error::Cancelled => {
            "interrupted; if files had begun to arrive, the same commands go on from there".to_owned()
        }
        Error::Internal { detail } => {
            format!(
                "this is a bug in sockeye: {}; please report it with the command that led to it",
                shown(detail)
            )
        }
        other => shown(&other.to_string()),
    }
}

fn network_reason(action: &str, source: &io::Error) -> String {
    let text = shown(&source.to_string());
    let listening = action.starts_with("listen") || action.starts_with("bind");
    match source.kind() {
        io::ErrorKind::PermissionDenied if listening => {
            "ports below 1024 are reserved; choose another with --port".to_owned()
        }
        io::ErrorKind::PermissionDenied => format!("{text}; a firewall of this machine may forbid it"),
        io::ErrorKind::AddrInUse => {
            "another program has this port; choose another with --port, or leave --port out".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{text}; no interface of this machine has such an address (`ip address` lists them)")
        }
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there; is sockeye still running on the other machine, and is the port the one it shows?".to_owned()
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            format!("{text}; are both machines on the same network?")
        }
        io::ErrorKind::TimedOut => {
            "no answer; is the address right, and does a firewall on the other machine let this port in?".to_owned()
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => {
            "the connection broke; run the same command again and it goes on where it stopped".to_owned()
        }
        _ => text,
    }
}

fn file_reason(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file or directory; check the spelling and the current directory".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; choose another place, or change its permissions".to_owned()
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "no space left; free some and run the same command again: it goes on where it stopped".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; choose another directory with -o".to_owned()
        }
        io::ErrorKind::NotADirectory => "it is not a directory; choose one that is".to_owned(),
        io::ErrorKind::AlreadyExists => "it exists already".to_owned(),
        _ => shown(&source.to_string()),
    }
}

fn peer_told(reason: &PeerReason) -> String {
    let sentence = match reason.kind {
        PeerReasonKind::Declined => "the other side declined",
        PeerReasonKind::Interrupted => {
            "the other side was interrupted; run both commands again, and what has arrived does not travel twice"
        }
        PeerReasonKind::DiskFull => {
            "the disk of the other side is full; free some space there and run both commands again"
        }
        PeerReasonKind::PermissionDenied => {
            "the other side may not read or write there; it has to choose another place"
        }
        PeerReasonKind::Io => "the other side could not read or write a file",
        PeerReasonKind::TooLarge => "this is more than the other side takes (its --max-size)",
        PeerReasonKind::Protocol => {
            "the other side says that this one broke the protocol; use the same version on both"
        }
        PeerReasonKind::Integrity => {
            "bytes arrived there with another digest than they were sent with; run both commands again"
        }
        PeerReasonKind::TimedOut => "the other side waited too long and gave up",
        PeerReasonKind::Authentication => {
            "the other side does not accept the code; it may be wrong or used up: ask for a new one"
        }
        PeerReasonKind::Busy => "the other side is busy with another transfer; try again when that is done",
        _ => "the other side stopped",
    };
    if reason.text.is_empty() {
        return sentence.to_owned();
    }
    format!("{sentence} (it says: {})", shown(&reason.text))
}

fn authentication(failure: AuthenticationFailure) -> &'static str {
    match failure {
        AuthenticationFailure::WrongCode => "the code is wrong; look at the other screen and type it again",
        AuthenticationFailure::OutOfGuesses => {
            "the code has been used up by wrong guesses; use the new one on the other screen"
        }
        AuthenticationFailure::CodeUsed => {
            "the code has been used by another machine already; if that was not yours, somebody else knew it. \
             Start the command there again for a new code"
        }
        AuthenticationFailure::NotRemembered => {
            "the other machine is not the remembered one, or does not remember this one for this direction; if that is \
             expected, `sockeye trust remove NAME` and pair again with a code"
        }
        AuthenticationFailure::BadProof => {
            "the other side could not prove who it is; somebody may be in between: check the address and try again"
        }
        _ => "the other side could not be authenticated",
    }
}

fn no_peer(what: &str) -> String {
    format!(
        "found nobody for {}; is sockeye running on the other machine, on the same network? Where the network hides \
         machines from each other, type the address behind the code: CODE@HOST:PORT, as the other side shows it",
        shown(what)
    )
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
