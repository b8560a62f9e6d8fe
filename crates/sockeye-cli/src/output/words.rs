//! Sentences for what happens, each as the lines that go to standard error. No state, no writing.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use sockeye::{
    Code, EntryStatus, Existing, Failure, OFFER_SAMPLES, Offer, OfferedRoot, Peer, Stats, Summary, escape,
};

use super::measure::{count, duration, number, rate, size};

/// How many failures the end of a transfer lists. `--json` has them all.
const LISTED_FAILURES: usize = 20;
/// How many paths the end of a transfer lists.
const LISTED_PATHS: usize = 20;
/// Waiting less than this in all is noise of the scheduler.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
/// How many addresses are written beside a code: more interfaces than most machines have, fewer lines than a screen.
const LISTED_ADDRESSES: usize = 6;

/// Bytes of a path or a name, safe on a terminal.
pub(super) fn path(bytes: &[u8]) -> String {
    escape::terminal(bytes)
}

/// A path of this machine, safe on a terminal.
pub(super) fn local(path: &Path) -> String {
    escape::terminal(path.as_os_str().as_encoded_bytes())
}

/// What to type on the other machine. `sending`: this side sends, so the other receives.
pub(super) fn code(code: &Code, addresses: &[SocketAddr], sending: bool, no_discovery: bool) -> Vec<String> {
    let mut lines = vec![format!("Code: {code}"), "On the other machine type".to_owned()];
    // A link-local address names an interface of this machine, which may have another name there.
    let anywhere = |address: &&SocketAddr| !is_link_local(address);
    let all =
        if addresses.iter().any(|address| anywhere(&address)) { anywhere } else { |_: &&SocketAddr| true };
    let with_address: Vec<String> = addresses
        .iter()
        .filter(all)
        .take(LISTED_ADDRESSES)
        .map(|address| {
            if sending {
                format!("    sockeye receive {}", word(&format!("{code}@{address}")))
            } else {
                format!("    sockeye send PATH... --to {} --code {code}", word(&address.to_string()))
            }
        })
        .collect();
    let by_discovery = sending && !no_discovery;
    if by_discovery || with_address.is_empty() {
        lines.push(if sending {
            format!("    sockeye receive {code}")
        } else {
            format!("    sockeye send PATH... --to THIS-MACHINE --code {code}")
        });
        if !with_address.is_empty() {
            lines.push("or, if that does not find this machine,".to_owned());
        }
    }
    lines.extend(with_address);
    lines
}

/// As every shell takes it: some give brackets a meaning.
fn word(text: &str) -> String {
    if text.contains('[') { format!("'{text}'") } else { text.to_owned() }
}

fn is_link_local(address: &SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Who is at the other end.
pub(super) fn peer(peer: &Peer) -> String {
    match (&peer.remembered_as, &peer.name) {
        (Some(name), _) => format!("Connected to {}, remembered as {}.", peer.address, path(name.as_bytes())),
        (None, Some(name)) => {
            format!("Connected to {}, which calls itself \"{}\".", peer.address, path(name.as_bytes()))
        }
        (None, None) => format!("Connected to {}.", peer.address),
    }
}

/// The offer as a person has to see it before saying yes. `to_stdout`: a single file's bytes go to standard output.
pub(super) fn offer(offer: &Offer, existing: Existing, to_stdout: bool) -> Vec<String> {
    let mut lines = vec![format!("The sender offers {}:", amounts(offer))];
    lines.extend(offer.roots.iter().map(root));
    and_more(&mut lines, offer.roots.len(), offer.roots_total);
    if offer.bytes_here > 0 {
        lines.push(format!("Of these, {} are here from an earlier run.", size(offer.bytes_here)));
    }
    if to_stdout {
        lines.push("It goes to standard output.".to_owned());
    } else {
        lines.push(destination(offer));
    }
    let here = match existing {
        Existing::Refuse => {
            "Here already (equal ones are not sent again, others stay as they are and are reported):"
        }
        Existing::Overwrite => "Here already (others than equal ones WILL BE REPLACED):",
        Existing::Rename => "Here already (others than equal ones are written beside them under a new name):",
        Existing::Skip => "Here already (will be left alone):",
    };
    sample(&mut lines, here, &offer.existing, offer.existing_total);
    sample(&mut lines, "Hidden (the name begins with a dot):", &offer.hidden, offer.hidden_total);
    sample(&mut lines, "Executable:", &offer.executable, offer.executable_total);
    if offer.refused_total > 0 {
        lines.push("Will not be written:".to_owned());
        lines.extend(offer.refused.iter().take(OFFER_SAMPLES).map(failure));
        and_more(&mut lines, offer.refused.len(), offer.refused_total);
    }
    lines
}

fn amounts(offer: &Offer) -> String {
    let mut parts = vec![count(offer.files, "file")];
    if offer.directories > 0 {
        parts.push(count(offer.directories, "directory"));
    }
    if offer.symlinks > 0 {
        parts.push(count(offer.symlinks, "symbolic link"));
    }
    let more = if offer.unknown_size { " and a stream of unknown size" } else { "" };
    format!("{}, {}{more}", parts.join(", "), size(offer.bytes))
}

fn root(root: &OfferedRoot) -> String {
    let name = path(&root.name);
    if root.directory {
        format!("    {name}/   {}, {}", count(root.entries, "entry"), size(root.bytes))
    } else {
        format!("    {name}   {}", size(root.bytes))
    }
}

fn destination(offer: &Offer) -> String {
    let to = local(&offer.destination);
    let needed = offer.bytes.saturating_sub(offer.bytes_here);
    match offer.free {
        Some(free) if free < needed => {
            format!("It would go to {to}, where only {} are free: THAT IS TOO LITTLE.", size(free))
        }
        Some(free) => format!("It goes to {to} ({} free).", size(free)),
        None => format!("It goes to {to}."),
    }
}

fn sample(lines: &mut Vec<String>, title: &str, paths: &[Vec<u8>], total: u64) {
    if total == 0 {
        return;
    }
    lines.push(title.to_owned());
    lines.extend(paths.iter().take(OFFER_SAMPLES).map(|bytes| format!("    {}", path(bytes))));
    and_more(lines, paths.len().min(OFFER_SAMPLES), total);
}

fn and_more(lines: &mut Vec<String>, shown: usize, total: u64) {
    let rest = total.saturating_sub(shown as u64);
    if rest > 0 {
        lines.push(format!("    and {} more", number(rest)));
    }
}

/// One entry that did not arrive, or under another name.
pub(super) fn failure(failure: &Failure) -> String {
    let why = status(failure.status);
    if failure.text.is_empty() {
        format!("    {}: {why}", path(&failure.path))
    } else {
        format!("    {}: {why} ({})", path(&failure.path), path(failure.text.as_bytes()))
    }
}

fn status(status: EntryStatus) -> &'static str {
    match status {
        EntryStatus::Done => "written",
        EntryStatus::Equal => "an equal one was there already",
        EntryStatus::Exists => "a different one is there and stays",
        EntryStatus::Skipped => "skipped, one is there",
        EntryStatus::Renamed => "written under another name",
        EntryStatus::NameRefused => "the name cannot be used there",
        EntryStatus::KindRefused => "this kind of entry does not travel",
        EntryStatus::SourceChanged => "it changed while it was read",
        EntryStatus::SourceUnreadable => "it could not be read",
        EntryStatus::WriteFailed => "it could not be written",
        EntryStatus::DiskFull => "the disk is full",
        EntryStatus::Integrity => "its bytes did not have their digest",
        _ => "it did not arrive",
    }
}

/// What did not arrive, and what arrived otherwise than it was sent: some of each, and how many more.
pub(super) fn failures(failures: &[Failure], failed: u64) -> Vec<String> {
    let (otherwise, lost): (Vec<&Failure>, Vec<&Failure>) = failures.iter().partition(|failure| {
        matches!(
            failure.status,
            EntryStatus::Renamed | EntryStatus::Skipped | EntryStatus::Done | EntryStatus::Equal
        )
    });
    let mut lines = Vec::new();
    if failed > 0 {
        lines.push(format!("{} did not arrive:", count(failed, "entry")));
        list(&mut lines, &lost, failed);
    }
    if !otherwise.is_empty() {
        lines.push("Written under another name, or skipped:".to_owned());
        list(&mut lines, &otherwise, otherwise.len() as u64);
    }
    lines
}

fn list(lines: &mut Vec<String>, failures: &[&Failure], total: u64) {
    let shown = failures.len().min(LISTED_FAILURES);
    lines.extend(failures.iter().take(shown).map(|entry| failure(entry)));
    and_more(lines, shown, total);
}

/// One line on how a transfer ended, then the full paths of what was sent or written if they are many.
pub(super) fn summary<'a>(
    summary: &Summary,
    paths: impl Iterator<Item = &'a Path>,
    to_stdout: bool,
) -> Vec<String> {
    let verb = if summary.sent { "Sent" } else { "Received" };
    let mut what = count(summary.files, "file");
    if summary.directories > 0 {
        what = format!("{what} in {}", count(summary.directories, "directory"));
    }
    let moved = summary.bytes.saturating_sub(summary.bytes_here);
    let speed = rate(moved, summary.elapsed).filter(|_| moved > 0);
    let speed = speed.map_or_else(String::new, |rate| format!(" ({rate})"));
    let here = match (summary.bytes_here, summary.sent) {
        (0, _) => String::new(),
        (bytes, true) => format!(", {} of it were there already", size(bytes)),
        (bytes, false) => format!(", {} of it were here already", size(bytes)),
    };
    let line =
        format!("{verb} {what}, {} in {}{speed}{here}", size(summary.bytes), duration(summary.elapsed));
    let nothing = [summary.files, summary.directories, summary.symlinks] == [0; 3];
    let paths: Vec<&Path> = if nothing { Vec::new() } else { paths.collect() };
    match paths.as_slice() {
        [] if to_stdout => vec![format!("{line}: (standard output)")],
        [] => vec![format!("{line}.")],
        [only] => vec![format!("{line}: {}", local(only))],
        many => {
            let mut lines = vec![format!("{line}:")];
            lines.extend(many.iter().take(LISTED_PATHS).map(|path| format!("    {}", local(path))));
            and_more(&mut lines, many.len().min(LISTED_PATHS), many.len() as u64);
            lines
        }
    }
}

/// Where the time went, and what was waited for.
pub(super) fn stats(stats: &Stats, sent: bool) -> Vec<String> {
    let disk = if sent { "reading" } else { "writing" };
    let network = if sent { "sealing and sending" } else { "receiving and opening" };
    let mut work = vec![
        format!("{disk} {}", duration(stats.disk)),
        format!("digests {}", duration(stats.hash)),
        format!("{network} {}", duration(stats.network)),
    ];
    if !sent {
        work.push(format!("committing {}", duration(stats.commit)));
    }
    let limit = if stats.disk_waited.max(stats.network_waited) < SHORTEST_WAIT {
        "too little to name a limit"
    } else if stats.disk_waited > stats.network_waited {
        "the network, or the other side, was the limit"
    } else {
        "the files and digests of this side were the limit"
    };
    vec![
        format!("Time at work: {}.", work.join(", ")),
        format!(
            "Files waited {} for the network, the network {} for files: {limit}.",
            duration(stats.disk_waited),
            duration(stats.network_waited)
        ),
        format!(
            "{} travelled, headers included; the connection was lost {}.",
            size(stats.lane_bytes),
            count(u64::from(stats.reconnects), "time")
        ),
    ]
}

#[cfg(test)]
mod tests;
