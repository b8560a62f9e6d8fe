//! Messages of a delivery on the control connection (`specs/07-delivery.md` §4).

use alloc::vec::Vec;
use core::ops::Range;

use minicbor::{Decode, Encode};

use crate::envelope;

use super::{
    DeliveryError,
    config::{MAX_FLOWS, MAX_MISSING_RANGES, MAX_NACKS, MAX_SYMBOL_LEN, MIN_SYMBOL_LEN},
};

/// One way that packets go.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Flow {
    /// What its packets carry as their session.
    #[n(0)]
    pub session: u16,
    /// Address they are sent to, 4 or 16 bytes: a group or a broadcast address.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub address: Vec<u8>,
    /// Port they are sent to.
    #[n(2)]
    pub port: u16,
}

/// Invites a receiver into the group.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invite {
    /// From which the key of each flow is derived.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// The Ed25519 key that signs digests.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signer: [u8; 32],
    /// Bytes of a symbol.
    #[n(2)]
    pub symbol_len: u16,
    /// Ways, the best first: 1 to [`MAX_FLOWS`].
    #[n(3)]
    pub flows: Vec<Flow>,
}

impl core::fmt::Debug for Invite {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Invite").field("flows", &self.flows).finish_non_exhaustive()
    }
}

/// Which ways a receiver hears.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Heard {
    /// Probes heard on each flow, in the order of the invitation.
    #[n(0)]
    pub probes: Vec<u8>,
}

/// What one receiver saw of the packets of an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Report {
    /// Packets that were sent in the interval, by their counters.
    #[n(0)]
    pub sent: u32,
    /// Packets that arrived.
    #[n(1)]
    pub received: u32,
    /// Time between the first and the last of them at the sender, in microseconds.
    #[n(2)]
    pub sent_span: u32,
    /// Packets that came right after the one sent before them.
    #[n(3)]
    pub pairs: u32,
    /// Shortest stay in queues on the way, beyond the shortest seen in ten seconds, in microseconds.
    #[n(4)]
    pub queue: u32,
    /// Datagrams that the receiver's kernel dropped for want of room.
    #[n(5)]
    pub dropped: u32,
    /// Room for blocks in use, in percent.
    #[n(6)]
    pub fill: u8,
    /// [`PacketHeader::time`](super::PacketHeader::time) of the last packet and the time since it came: an echo.
    #[n(7)]
    pub echo: u32,
    /// Blocks complete here.
    #[n(8)]
    pub blocks: u32,
    /// Time by which the pairs were apart, all together, in microseconds: as far apart as the slowest link sends them, whatever
    /// was lost.
    #[n(9)]
    pub pair_span: u32,
    /// Packets of batches after which the next left at once, within a train.
    #[n(10)]
    pub train_packets: u32,
    /// Time from the first packet of these batches to the first of the next, all together, in microseconds. What others send comes
    /// between trains, hardly into them.
    #[n(11)]
    pub train_span: u32,
}

/// One block that lacks symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Nack {
    /// The block.
    #[n(0)]
    pub block: u32,
    /// How many symbols are missing, or the span of numbers that has so many.
    #[n(1)]
    pub missing: u16,
    /// The number after the highest symbol seen; 0 if none was. Once all have been sent, the first one to come that helps.
    #[n(2)]
    pub seen: u16,
}

/// What a receiver lacks and how it fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Feedback {
    /// At most [`MAX_NACKS`].
    #[n(0)]
    pub nacks: Vec<Nack>,
    /// If it is time for one.
    #[n(1)]
    pub report: Option<Report>,
}

/// What a receiver still misses after the packets, as first and count in turn.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Missing {
    /// At most 16,384 pairs, ascending.
    #[n(0)]
    pub ranges: Vec<u64>,
    /// More follow.
    #[n(1)]
    pub more: bool,
}

impl Missing {
    /// These blocks, as many messages as it takes, one at least.
    pub fn messages(blocks: &[Range<u64>]) -> Vec<Self> {
        let flat: Vec<u64> = blocks.iter().flat_map(|run| [run.start, run.end - run.start]).collect();
        let mut chunks = flat.chunks(2 * MAX_MISSING_RANGES).peekable();
        let mut messages = Vec::new();
        while let Some(chunk) = chunks.next() {
            messages.push(Self { ranges: chunk.to_vec(), more: chunks.peek().is_some() });
        }
        if messages.is_empty() {
            messages.push(Self { ranges: Vec::new(), more: false });
        }
        messages
    }

    /// The blocks, if they ascend and do not overflow.
    pub fn blocks(&self) -> Option<Vec<Range<u64>>> {
        let mut end = 0;
        let pairs = self.ranges.chunks_exact(2).map(|pair| {
            let range = pair[0]..pair[0].checked_add(pair[1])?;
            let ascending = !range.is_empty() && (range.start >= end);
            end = range.end;
            ascending.then_some(range)
        });
        pairs.collect()
    }
}

/// A control message of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryMessage {
    /// Sender: take part in the group.
    Invite(Invite),
    /// Receiver: which ways it hears.
    Heard(Heard),
    /// Receiver: what it lacks and how it fares.
    Feedback(Feedback),
    /// Sender: the packets are over for you; say what is missing.
    PassEnd,
    /// Receiver: what is missing, to be sent by the lane.
    Missing(Missing),
    /// Receiver: the digests of these blocks did not come.
    WantDigests {
        /// The first block of a group of digests.
        first: u32,
    },
}

/// Kinds on the wire (`specs/07-delivery.md` §4).
mod kind {
    pub(super) const INVITE: u16 = 0x40;
    pub(super) const HEARD: u16 = 0x41;
    pub(super) const FEEDBACK: u16 = 0x42;
    pub(super) const PASS_END: u16 = 0x43;
    pub(super) const MISSING: u16 = 0x44;
    pub(super) const WANT_DIGESTS: u16 = 0x45;
    pub(super) const LAST: u16 = 0x4f;
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Nothing {}

#[derive(Encode, Decode)]
#[cbor(map)]
struct First {
    #[n(0)]
    first: u32,
}

impl DeliveryMessage {
    /// Whether a control frame is one of a delivery.
    pub fn is_one(payload: &[u8]) -> bool {
        envelope::decode(payload).is_ok_and(|e| (kind::INVITE..=kind::LAST).contains(&e.kind))
    }

    /// The payload of one control frame.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Invite(m) => pack(kind::INVITE, m),
            Self::Heard(m) => pack(kind::HEARD, m),
            Self::Feedback(m) => pack(kind::FEEDBACK, m),
            Self::PassEnd => pack(kind::PASS_END, &Nothing {}),
            Self::Missing(m) => pack(kind::MISSING, m),
            Self::WantDigests { first } => pack(kind::WANT_DIGESTS, &First { first: *first }),
        }
    }

    /// Reads one control frame's payload. `None`: a message of a later version that may be skipped.
    pub fn decode(payload: &[u8]) -> Result<Option<Self>, DeliveryError> {
        let envelope = envelope::decode(payload)?;
        let body = envelope.body;
        Ok(Some(match envelope.kind {
            kind::INVITE => Self::Invite(checked("INVITE", body, invite_is_sane)?),
            kind::HEARD => {
                Self::Heard(checked("HEARD", body, |heard: &Heard| heard.probes.len() <= MAX_FLOWS)?)
            }
            kind::FEEDBACK => {
                Self::Feedback(checked("FEEDBACK", body, |m: &Feedback| m.nacks.len() <= MAX_NACKS)?)
            }
            kind::PASS_END => unpack::<Nothing>("PASS_END", body).map(|_| Self::PassEnd)?,
            kind::MISSING => Self::Missing(checked("MISSING", body, missing_is_sane)?),
            kind::WANT_DIGESTS => {
                unpack::<First>("WANT_DIGESTS", body).map(|m| Self::WantDigests { first: m.first })?
            }
            _ if envelope.critical => {
                return Err(DeliveryError::PeerIncompatible { what: "an unknown critical message" });
            }
            _ => return Ok(None),
        }))
    }
}

fn invite_is_sane(invite: &Invite) -> bool {
    let lengths = |flow: &Flow| matches!(flow.address.len(), 4 | 16);
    (1..=MAX_FLOWS).contains(&invite.flows.len())
        && invite.flows.iter().all(lengths)
        && (MIN_SYMBOL_LEN..=MAX_SYMBOL_LEN).contains(&invite.symbol_len)
}

fn missing_is_sane(missing: &Missing) -> bool {
    missing.ranges.len().is_multiple_of(2)
        && missing.ranges.len() / 2 <= MAX_MISSING_RANGES
        && missing.blocks().is_some()
}

fn checked<'b, T: Decode<'b, ()>>(
    what: &'static str,
    body: &'b [u8],
    sane: impl Fn(&T) -> bool,
) -> Result<T, DeliveryError> {
    let message = unpack(what, body)?;
    if sane(&message) { Ok(message) } else { Err(DeliveryError::Malformed { what }) }
}

/// Every message of this version is critical: each changes what the other side may do.
fn pack<T: Encode<()>>(kind: u16, message: &T) -> Vec<u8> {
    let mut frame = Vec::new();
    envelope::encode(kind, true, &envelope::encode_map(message), &mut frame);
    frame
}

fn unpack<'b, T: Decode<'b, ()>>(what: &'static str, body: &'b [u8]) -> Result<T, DeliveryError> {
    envelope::decode_map(body).map_err(|_| DeliveryError::Malformed { what })
}
