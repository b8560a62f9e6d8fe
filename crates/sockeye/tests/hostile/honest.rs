//! What an honest sender or receiver would do, for the parts of a scene in which nothing is wrong.

use sockeye_proto::transfer::{DataHeader, DataKind};

use crate::{
    list::{List, end},
    peer::{Session, kind as kind_of},
    wire::{self, kind},
};

/// What the victim, receiving, said at the end.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Entry and status, of those that are not simply done.
    pub results: Vec<(u32, u8)>,
    /// Whether RESULT_END came.
    pub complete: bool,
    /// The code of its ABORT.
    pub aborted: Option<u8>,
    /// Blocks that it asked for.
    pub needed: Vec<(u64, u64)>,
    /// First block and number of digests that it wanted checked.
    pub checked: Vec<(u64, usize)>,
}

impl Outcome {
    /// Statuses in the order of the entries.
    pub fn statuses(&self) -> Vec<u8> {
        self.results.iter().map(|(_, status)| *status).collect()
    }
}

/// Offers the list, answers every question honestly, to the end, and leaves.
pub async fn send(mut session: Session, transfer: u8, list: &List) -> Outcome {
    session.say(&list.offer(transfer)).await;
    serve_and_leave(session, list).await
}

/// Answers every question about a list that was offered, and leaves.
pub async fn serve_and_leave(mut session: Session, list: &List) -> Outcome {
    let outcome = serve(&mut session, list).await;
    session.leave().await;
    outcome
}

/// Answers every question about a list that was offered.
pub async fn serve(session: &mut Session, list: &List) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some(message) = session.hear().await {
        match kind_of(&message) {
            kind::NEED => {
                for (first, count) in wire::needed(&message) {
                    outcome.needed.push((first, count));
                    for number in first..first + count {
                        let (header, body) = list.frame(number);
                        session.data(&header, &body).await;
                    }
                }
            }
            kind::CHECK => {
                let (first, digests) = wire::checked(&message);
                outcome.checked.push((first, digests.len() / 32));
                for (number, expected) in (first..).zip(digests.chunks(32)) {
                    let (header, body) = list.frame(number);
                    if header.digest.as_bytes() == expected {
                        let same = DataHeader {
                            block: number,
                            digest: header.digest,
                            ..DataHeader::new(DataKind::Same)
                        };
                        session.data(&same, &[]).await;
                    } else {
                        session.data(&header, &body).await;
                    }
                }
            }
            kind::COMPARE => {
                let (entry, digest) = wire::to_compare(&message);
                let same = *blake3::hash(&list.items[entry as usize].content).as_bytes() == digest;
                session.say(&[wire::compared(entry, same)]).await;
            }
            kind::NEED_END => session.data(&end(), &[]).await,
            kind::RESULT => outcome.results.extend(wire::results(&message)),
            kind::RESULT_END => {
                outcome.complete = true;
                session.say(&[wire::bye()]).await;
            }
            kind::ABORT => outcome.aborted = Some(wire::abort_code(&message)),
            kind::BYE => break,
            _ => {}
        }
    }
    outcome
}

/// Takes what the victim offers, up to its LISTED: the fields of that message.
pub async fn take_list(session: &mut Session) -> ([u8; 32], u64, u64) {
    let listed = session.until(kind::LISTED).await.expect("a list");
    wire::list_totals(&listed)
}

/// Says yes to what was listed.
pub async fn accept(session: &mut Session) {
    let (digest, entries, bytes) = take_list(session).await;
    session.say(&[wire::accept_exact(&digest, entries, bytes)]).await;
}
