//! Events as JSON, one a line, on standard output: the format of `specs/06-events.md`.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use serde_json::{Map, Value, json};
use sockeye::{
    AuthenticationFailure, DeliveryProgress, EntryStatus, Error, Event, Failure, Nearby, Offer, OfferedRoot,
    Peer, PeerReasonKind, Progress, ReceiverPhase, ReceiverState, Remembered, Stats, Summary, escape,
};

use super::{
    Report,
    measure::{hex, timestamp},
    sentence, stdout,
};
use crate::{exit::Exit, trouble::Trouble};

/// Version of the format: grows when a field changes its meaning or goes; new events and fields do not change it.
const VERSION: u32 = 1;

/// Tells a program.
pub(crate) struct Json;

impl Report for Json {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match of_event(event) {
            Some(value) => write(&value),
            None => Ok(()),
        }
    }

    fn done(&mut self, summary: &Summary) -> io::Result<()> {
        write(&of_summary(summary))
    }

    fn trouble(&mut self, trouble: &Trouble, exit: Exit) -> io::Result<()> {
        self::trouble(trouble, exit)
    }

    fn question(&mut self, _offer: &Offer) -> io::Result<()> {
        Ok(()) // nothing is asked with --json, and the offer was an event
    }
}

/// Writes the event that ends a command which failed.
pub(crate) fn trouble(trouble: &Trouble, exit: Exit) -> io::Result<()> {
    write(&of_trouble(trouble, exit))
}

/// Writes one event and hands it on at once.
pub(crate) fn write(value: &Value) -> io::Result<()> {
    if stdout::is_stuck() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", line(value))?;
    out.flush()
}

/// The line of an event. Version and kind come first, for the eye and for `grep`; readers must not rely on it.
pub(crate) fn line(value: &Value) -> String {
    let mut rest = value.clone();
    let mut text = String::from("{");
    if let Value::Object(object) = &mut rest {
        let first = ["v", "ev"].map(|key| format!("\"{key}\":{}", object.remove(key).unwrap_or_default()));
        text.push_str(&first.join(","));
        if !object.is_empty() {
            text.push(',');
        }
    }
    text.push_str(&rest.to_string()[1..]);
    escape::json_line(&text)
}

/// An object with version and event name; `fields` must be an object.
pub(crate) fn event(name: &str, fields: Value) -> Value {
    let mut object = Map::new();
    object.insert("v".to_owned(), VERSION.into());
    object.insert("ev".to_owned(), name.into());
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    Value::Object(object)
}

/// The JSON of an event of the library. `Finished` has none: the summary is written as `done`, once.
fn of_event(happened: &Event) -> Option<Value> {
    Some(match happened {
        Event::Listening { addresses } => event("listening", json!({ "addresses": addresses })),
        Event::Code { code, addresses } => {
            event("code", json!({ "code": code.to_string(), "addresses": addresses }))
        }
        Event::Searching { what } => event("searching", json!({ "what": what })),
        Event::Connecting { address } => event("connecting", json!({ "address": address })),
        Event::WrongCode { from, left } => event("wrong_code", json!({ "from": from, "left": left })),
        Event::Paired { peer } => event("paired", json!({ "peer": of_peer(peer) })),
        Event::Remembered { name } => event("remembered", json!({ "name": name })),
        Event::NotRemembered { name, reason } => {
            event("not_remembered", json!({ "name": name, "reason": reason }))
        }
        Event::Listed { entries, bytes } => event("listed", json!({ "entries": entries, "bytes": bytes })),
        Event::Offer(offer) => event("offer", of_offer(offer)),
        Event::Started { files, bytes } => event("started", json!({ "files": files, "bytes": bytes })),
        Event::Progress(progress) => event("progress", of_progress(progress)),
        Event::Failed(failure) => event("failed", of_failure(failure)),
        Event::Fingerprint { words } => event("fingerprint", json!({ "words": words })),
        Event::DeliveryStarted { receivers } => event("delivery_started", json!({ "receivers": receivers })),
        Event::Delivery(progress) => event("delivery", of_delivery(progress)),
        Event::Reconnecting { reason } => event("reconnecting", json!({ "reason": reason })),
        _ => return None,
    })
}

/// A path or a name: text, and the bytes themselves where they are not UTF-8.
fn of_path(bytes: &[u8]) -> Map<String, Value> {
    let mut object = Map::new();
    put_path(&mut object, "path", bytes);
    object
}

fn put_path(object: &mut Map<String, Value>, key: &str, bytes: &[u8]) {
    let (text, hex) = escape::json_text(bytes);
    object.insert(key.to_owned(), text.into());
    if let Some(hex) = hex {
        object.insert(format!("{key}_hex"), hex.into());
    }
}

/// The JSON of a path of this machine.
pub(crate) fn of_local(path: &Path) -> Value {
    Value::Object(of_path(path.as_os_str().as_encoded_bytes()))
}

fn of_paths(paths: &[Vec<u8>]) -> Value {
    paths.iter().map(|path| Value::Object(of_path(path))).collect()
}

fn of_peer(peer: &Peer) -> Value {
    json!({
        "identity": hex(&peer.identity),
        "name": peer.name,
        "remembered_as": peer.remembered_as,
        "address": peer.address,
    })
}

fn of_offer(offer: &Offer) -> Value {
    let mut fields = json!({
        "files": offer.files,
        "directories": offer.directories,
        "symlinks": offer.symlinks,
        "bytes": offer.bytes,
        "unknown_size": offer.unknown_size,
        "free": offer.free,
        "roots": offer.roots.iter().map(of_root).collect::<Vec<_>>(),
        "roots_total": offer.roots_total,
        "hidden": of_paths(&offer.hidden),
        "hidden_total": offer.hidden_total,
        "executable": of_paths(&offer.executable),
        "executable_total": offer.executable_total,
        "existing": of_paths(&offer.existing),
        "existing_total": offer.existing_total,
        "refused": offer.refused.iter().map(of_failure).collect::<Vec<_>>(),
        "refused_total": offer.refused_total,
        "bytes_here": offer.bytes_here,
    });
    if let Value::Object(object) = &mut fields {
        put_path(object, "destination", offer.destination.as_os_str().as_encoded_bytes());
    }
    fields
}

fn of_root(root: &OfferedRoot) -> Value {
    let mut object = Map::new();
    put_path(&mut object, "path", &root.name);
    object.insert("directory".to_owned(), root.directory.into());
    object.insert("entries".to_owned(), root.entries.into());
    object.insert("bytes".to_owned(), root.bytes.into());
    Value::Object(object)
}

fn of_progress(progress: &Progress) -> Value {
    json!({
        "bytes": progress.bytes,
        "bytes_total": progress.bytes_total,
        "files": progress.files,
        "files_total": progress.files_total,
        "bytes_here": progress.bytes_here,
        "current": progress.current.as_deref().map(of_path),
        "elapsed_s": seconds(progress.elapsed),
    })
}

fn of_delivery(progress: &DeliveryProgress) -> Value {
    json!({
        "receivers": progress.receivers.iter().map(of_receiver).collect::<Vec<_>>(),
        "bytes_total": progress.bytes_total,
        "bytes_per_second": progress.bytes_per_second.round(),
        "overhead": progress.overhead,
        "elapsed_s": progress.elapsed.map(seconds),
    })
}

fn of_receiver(receiver: &ReceiverState) -> Value {
    json!({
        "number": receiver.number,
        "peer": of_peer(&receiver.peer),
        "phase": of_phase(receiver.phase),
        "packets": receiver.packets,
        "bytes": receiver.bytes,
        "loss": receiver.loss,
        "limits": receiver.limits,
        "failed": receiver.failed,
        "error": receiver.error.as_deref().map(sentence::error),
    })
}

fn of_phase(phase: ReceiverPhase) -> &'static str {
    match phase {
        ReceiverPhase::Asking => "asking",
        ReceiverPhase::Ready => "ready",
        ReceiverPhase::Receiving => "receiving",
        ReceiverPhase::Finishing => "finishing",
        ReceiverPhase::Done => "done",
        ReceiverPhase::Failed => "failed",
        _ => "other",
    }
}

fn of_failure(failure: &Failure) -> Value {
    let mut object = of_path(&failure.path);
    object.insert("status".to_owned(), of_status(failure.status).into());
    object.insert("text".to_owned(), failure.text.as_str().into());
    Value::Object(object)
}

fn of_status(status: EntryStatus) -> &'static str {
    match status {
        EntryStatus::Done => "done",
        EntryStatus::Equal => "equal",
        EntryStatus::Exists => "exists",
        EntryStatus::Skipped => "skipped",
        EntryStatus::Renamed => "renamed",
        EntryStatus::NameRefused => "name_refused",
        EntryStatus::KindRefused => "kind_refused",
        EntryStatus::SourceChanged => "source_changed",
        EntryStatus::SourceUnreadable => "source_unreadable",
        EntryStatus::WriteFailed => "write_failed",
        EntryStatus::DiskFull => "disk_full",
        EntryStatus::Integrity => "integrity",
        _ => "other",
    }
}

/// The JSON of the end of a transfer.
fn of_summary(summary: &Summary) -> Value {
    event(
        "done",
        json!({
            "sent": summary.sent,
            "files": summary.files,
            "directories": summary.directories,
            "symlinks": summary.symlinks,
            "bytes": summary.bytes,
            "bytes_here": summary.bytes_here,
            "equal": summary.equal,
            "failed": summary.failed,
            "receivers": summary.receivers.iter().map(of_receiver).collect::<Vec<_>>(),
            "failures": summary.failures.iter().map(of_failure).collect::<Vec<_>>(),
            "written": summary.written.iter().map(|path| of_local(path)).collect::<Vec<_>>(),
            "digest": summary.digest.map(|digest| hex(&digest)),
            "elapsed_s": seconds(summary.elapsed),
            "stats": of_stats(&summary.stats),
        }),
    )
}

fn of_stats(stats: &Stats) -> Value {
    json!({
        "lane_bytes": stats.lane_bytes,
        "disk_s": seconds(stats.disk),
        "hash_s": seconds(stats.hash),
        "network_s": seconds(stats.network),
        "disk_waited_s": seconds(stats.disk_waited),
        "network_waited_s": seconds(stats.network_waited),
        "commit_s": seconds(stats.commit),
        "reconnects": stats.reconnects,
    })
}

/// Seconds to the microsecond.
fn seconds(time: Duration) -> f64 {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).as_secs_f64()
}

/// The JSON of a machine that announces itself.
pub(crate) fn of_nearby(nearby: &Nearby) -> Value {
    event(
        "nearby",
        json!({
            "address": nearby.address,
            "nameplate": nearby.nameplate,
            "name": nearby.name,
            "remembered_as": nearby.remembered_as,
            "sends": nearby.sends,
        }),
    )
}

/// The JSON of a remembered machine.
pub(crate) fn of_remembered(peer: &Remembered) -> Value {
    event(
        "trusted",
        json!({
            "name": peer.name,
            "identity": hex(&peer.identity),
            "may_send": peer.may_send,
            "may_receive": peer.may_receive,
            "accept": peer.accept,
            "first_seen": timestamp(peer.first_seen),
            "last_seen": timestamp(peer.last_seen),
        }),
    )
}

/// The JSON of what ended a command.
fn of_trouble(trouble: &Trouble, exit: Exit) -> Value {
    let (kind, reason) = match trouble {
        Trouble::Usage(_) => ("usage", None),
        Trouble::NobodyAround => ("no_peer_found", None),
        Trouble::Demo(..) => ("demo", None),
        Trouble::Interrupted => ("cancelled", None),
        Trouble::Silent(_) => ("local_io", None),
        Trouble::Socket(_) | Trouble::Ended(..) => (of_exit(exit), None),
        Trouble::Library(error) => of_error(error),
    };
    let message = sentence::trouble(trouble);
    event("error", json!({ "kind": kind, "reason": reason, "message": message, "exit": exit.code() }))
}

/// Kind of what ended a command on sockets.
fn of_exit(exit: Exit) -> &'static str {
    match exit {
        Exit::Usage => "usage",
        Exit::Protocol => "protocol",
        Exit::TimedOut => "timed_out",
        Exit::Authentication => "authentication",
        Exit::LocalIo => "local_io",
        _ => "network",
    }
}

/// Kind of an error, and within it the reason where there are several.
fn of_error(error: &Error) -> (&'static str, Option<&'static str>) {
    match error {
        Error::Network { .. } => ("network", None),
        Error::PeerMisbehaved { .. } => ("peer_misbehaved", None),
        Error::PeerIncompatible { .. } => ("peer_incompatible", None),
        Error::PeerTold(reason) => ("peer_told", Some(of_reason(reason.kind))),
        Error::DeclinedHere { .. } => ("declined_here", None),
        Error::TooLarge { .. } => ("too_large_here", None),
        Error::Authentication(failure) => ("authentication", Some(of_authentication(*failure))),
        Error::NoPeerFound { .. } => ("no_peer_found", None),
        Error::Ambiguous { .. } => ("ambiguous", None),
        Error::TimedOut { .. } => ("timed_out", None),
        Error::LocalIo { .. } => ("local_io", None),
        Error::Integrity { .. } => ("integrity", None),
        Error::Misuse { .. } => ("usage", None),
        Error::Cancelled => ("cancelled", None),
        Error::Internal { .. } => ("internal", None),
        _ => ("other", None),
    }
}

fn of_authentication(failure: AuthenticationFailure) -> &'static str {
    match failure {
        AuthenticationFailure::WrongCode => "wrong_code",
        AuthenticationFailure::OutOfGuesses => "out_of_guesses",
        AuthenticationFailure::CodeUsed => "code_used",
        AuthenticationFailure::NotRemembered => "not_remembered",
        AuthenticationFailure::BadProof => "bad_proof",
        _ => "other",
    }
}

fn of_reason(kind: PeerReasonKind) -> &'static str {
    match kind {
        PeerReasonKind::Declined => "declined",
        PeerReasonKind::Interrupted => "interrupted",
        PeerReasonKind::DiskFull => "disk_full",
        PeerReasonKind::PermissionDenied => "permission_denied",
        PeerReasonKind::Io => "io",
        PeerReasonKind::TooLarge => "too_large",
        PeerReasonKind::Protocol => "protocol",
        PeerReasonKind::Integrity => "integrity",
        PeerReasonKind::TimedOut => "timed_out",
        PeerReasonKind::Authentication => "authentication",
        PeerReasonKind::Busy => "busy",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
