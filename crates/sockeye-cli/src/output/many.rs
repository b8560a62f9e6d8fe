//! How a delivery to many is told: the table while it runs, and what became of each at the end.

use std::time::Duration;

use sockeye::{DeliveryProgress, ReceiverPhase, ReceiverState};

use super::{
    measure::{count, rate, size},
    sentence, words,
};

/// Receivers that the table shows: as many as a screen has lines. The others are counted.
const LISTED: usize = 20;

/// The table: one line about all, one for each receiver. `by_hand`: Enter lets it begin.
pub(super) fn table(progress: &DeliveryProgress, by_hand: bool) -> Vec<String> {
    let mut lines = vec![summary_line(progress, by_hand)];
    // Those who are not done are of more interest.
    let (done, open): (Vec<_>, Vec<_>) =
        progress.receivers.iter().partition(|receiver| receiver.phase == ReceiverPhase::Done);
    let shown = open.iter().chain(&done).take(LISTED);
    lines.extend(shown.map(|receiver| row(receiver, progress.bytes_total)));
    let hidden = progress.receivers.len().saturating_sub(LISTED);
    if hidden > 0 {
        lines.push(format!("  and {}", count(hidden as u64, "more receiver")));
    }
    lines
}

fn summary_line(progress: &DeliveryProgress, by_hand: bool) -> String {
    let here = progress.receivers.iter().filter(|r| r.phase != ReceiverPhase::Failed).count() as u64;
    if progress.elapsed.is_none() {
        let ready = progress.receivers.iter().filter(|r| r.phase == ReceiverPhase::Ready).count();
        let how = if by_hand { "; press Enter to begin" } else { "" };
        return format!("{} here, {ready} ready{how}", count(here, "receiver"));
    }
    let done = progress.receivers.iter().filter(|r| r.phase == ReceiverPhase::Done).count();
    let pace = rate(whole(progress.bytes_per_second), Duration::from_secs(1)).unwrap_or_default();
    format!("{done} of {} have it, sending at {pace}", count(here, "receiver"))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, never negative")]
fn whole(rate: f64) -> u64 {
    rate as u64
}

fn row(receiver: &ReceiverState, total: u64) -> String {
    let phase = match receiver.phase {
        ReceiverPhase::Asking => "looks at the list",
        ReceiverPhase::Ready => "ready",
        ReceiverPhase::Receiving => "receives",
        ReceiverPhase::Finishing => "gets the rest by itself",
        ReceiverPhase::Done => "has it",
        _ => "failed",
    };
    let mut parts = vec![format!("  {:24} {phase}", name(receiver))];
    if matches!(receiver.phase, ReceiverPhase::Receiving | ReceiverPhase::Finishing) {
        parts.push(format!("{} of {}", size(receiver.bytes), size(total)));
    }
    if receiver.loss >= LEAST_LOSS && receiver.phase == ReceiverPhase::Receiving {
        parts.push(format!("loses {:.1} %", receiver.loss * 100.0));
    }
    if receiver.limits && receiver.phase == ReceiverPhase::Receiving {
        parts.push("sets the pace".to_owned());
    }
    if !receiver.packets && matches!(receiver.phase, ReceiverPhase::Ready | ReceiverPhase::Finishing) {
        parts.push("does not hear the group".to_owned());
    }
    parts.join(", ")
}

/// Less is not worth a word.
const LEAST_LOSS: f64 = 0.001;

fn name(receiver: &ReceiverState) -> String {
    let peer = &receiver.peer;
    match peer.remembered_as.as_ref().or(peer.name.as_ref()) {
        Some(name) => words::path(name.as_bytes()),
        None => peer.address.to_string(),
    }
}

/// What became of each: who has everything in one line, the others in one each.
pub(super) fn outcome(receivers: &[ReceiverState], quiet: bool) -> Vec<String> {
    let whole = |r: &&ReceiverState| r.phase == ReceiverPhase::Done && r.failed == 0;
    let good = receivers.iter().filter(whole).count() as u64;
    let mut lines = Vec::new();
    if !quiet {
        lines.push(format!(
            "{} of {} received and verified everything.",
            good,
            count(receivers.len() as u64, "receiver")
        ));
    }
    for receiver in receivers.iter().filter(|receiver| !whole(receiver)) {
        let why = match &receiver.error {
            Some(error) => sentence::error(error),
            None => format!("{} did not arrive", count(receiver.failed, "entry")),
        };
        lines.push(format!("{}: {why}", name(receiver)));
    }
    lines
}
