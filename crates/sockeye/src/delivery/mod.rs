//! One to many: the threads behind [`sockeye_proto::delivery`].
//!
//! [`cast`] is the sender's thread: it reads blocks, makes symbols, seals packets and sends them when they are due.
//! [`hearing`] is a receiver's: it opens packets, puts blocks together and hands them to the transfer's own thread, which stores
//! them like blocks of the lane.

mod assembly;
mod cache;
mod cast;
mod flows;
mod gauge;
mod hearing;
mod seal;
mod status;

pub(crate) use cast::{Cast, CastConfig, CastNote, Listing, Order};
pub(crate) use flows::symbol_len;
pub(crate) use hearing::{Ask, Heard, Hearing, HearingParts};
pub(crate) use status::CastStatus;
use status::MemberStatus;

/// Port that packets go to.
pub(crate) const DELIVERY_PORT: u16 = 46711;
