//! One sender, one receiver: what is offered, accepted, needed, sent and reported (`specs/04-transfer.md`).
//!
//! **Participants.** A *sender* and a *receiver* that have been paired. Who dialled does not matter here.
//!
//! **Goals.** Nothing travels before it is accepted; what is accepted is what arrives; every block is asked for,
//! answered exactly once and verified; either side can stop at any message and the other learns why; data may flow
//! while the sender still walks its directories.
//!
//! **Not goals.** Moving bytes: the machines decide *blocks*, the driver reads, seals, opens and writes them. Trust:
//! that is settled by [`crate::pairing`] before the first message here. Durability: storage does that and reports.
//!
//! | message | from | carries |
//! |---|---|---|
//! | `OFFER` | sender | the transfer's key, delivery mode |
//! | `SEGMENT` | sender | a piece of the manifest |
//! | `NOTE` | sender | something that cannot be sent, and why |
//! | `LISTED` | sender | end of the manifest: its digest and totals |
//! | `ACCEPT` | receiver | *exact* (digest, entries, bytes) or *open* (limits) |
//! | `NEED`, `CHECK`, `COMPARE`, `NEED_END` | receiver | blocks wanted; digests to compare; no more questions |
//! | `COMPARED` | sender | whether an entry equals what the receiver has |
//! | `RESULT`, `RESULT_END` | receiver | what became of the entries |
//! | `BYE` | both | nothing more will be said |
//! | `ABORT` | both | stop, and why |
//!
//! ```text
//! sender:    Offering ──ACCEPT──▶ Serving ──NEED_END──▶ Answering ──RESULT_END──▶ Closing ──BYE──▶ Closed
//! receiver:  Expecting ──OFFER──▶ Deciding ──accept──▶ Receiving ──questions end──▶ Completing
//!                      ──End on the lane──▶ Answered ──report──▶ Closing ──BYE──▶ Closed
//! any state ──ABORT──▶ Closed
//! ```
//!
//! **Driving.** After every `handle_*` or command, drain `poll_frame` and `poll_event` until both are empty; then look
//! at `poll_timeout`. `now` is the time since the machine was made. An error from `handle_frame` or `handle_data` ends the
//! transfer: call `abort`, send what `poll_frame` then has, and drop the machine. One frame makes at most one frame in
//! answer and as many events as it has ranges (16,384), so what waits between two drains is bounded.

mod codes;
mod config;
mod data;
mod error;
mod event;
#[doc(hidden)]
pub mod fuzz;
mod lane;
mod outstanding;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;
mod wire;

pub use codes::{AbortCode, Mode, Status};
pub use config::{MAX_CHECKED_DIGESTS, MAX_RESULT_ENTRIES, MAX_TEXT, ReceiverParams, TransferTimeouts};
pub use data::{DATA_HEADER_LEN, DataHeader, DataKind, MAX_DATA_BODY};
pub use error::TransferError;
pub use event::{Block, Data, ReceiverEvent, SenderEvent, Work};
pub use lane::{LANE_PROOF_LEN, LaneKey, LaneRole, SESSION_ID_LEN};
pub use receiver::Receiver;
pub use sender::Sender;
pub use wire::{Abort, EntryReport, ReportTotals};
