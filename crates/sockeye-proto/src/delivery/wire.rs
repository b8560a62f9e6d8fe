//! Packets of a delivery (`specs/07-delivery.md` §3).
//!
//! A packet is a clear header of 16 bytes, a sealed body and a tag of 16. The header is the seal's associated data.

use alloc::vec::Vec;
use core::time::Duration;

use crate::content::Digest;

use super::{
    DeliveryError,
    config::{BLOCKS_PER_DIGESTS, HEADER_LEN, MAX_ADVERTS, PACKET_VERSION},
};

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum PacketKind {
    /// A symbol of a block.
    Symbol = 1,
    /// Digests of blocks, signed.
    Digests = 2,
    /// Nothing: it shows that this way reaches the receiver.
    Probe = 3,
    /// How far the sender is.
    State = 4,
}

impl PacketKind {
    fn from_wire(number: u8) -> Result<Self, DeliveryError> {
        Ok(match number {
            1 => Self::Symbol,
            2 => Self::Digests,
            3 => Self::Probe,
            4 => Self::State,
            _ => return Err(DeliveryError::PeerIncompatible { what: "an unknown kind of packet" }),
        })
    }
}

/// The clear header of a packet: 16 bytes, big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHeader {
    /// What follows.
    pub kind: PacketKind,
    /// A symbol of a block's first pass, not a later repair.
    pub fresh: bool,
    /// Which flow it belongs to: drawn at random for each.
    pub session: u16,
    /// Packets of this flow before it, modulo 2³².
    pub counter: u32,
    /// When it was sent, in [`TICK`]s of the sender's clock, modulo 2²⁴.
    pub time: u32,
    /// The block.
    pub block: u32,
    /// Number of the symbol in its block, modulo 256.
    pub symbol: u8,
}

/// The unit of [`PacketHeader::time`]: it wraps after 67 seconds.
pub const TICK: Duration = Duration::from_micros(4);

/// Moduli of what wraps.
pub(crate) const TIME_MODULUS: u32 = 1 << 24;

const FLAG_FRESH: u8 = 0x80;

impl PacketHeader {
    /// To bytes.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[0] = PACKET_VERSION << 4 | self.kind as u8;
        out[1] = if self.fresh { FLAG_FRESH } else { 0 };
        out[2..4].copy_from_slice(&self.session.to_be_bytes());
        out[4..8].copy_from_slice(&self.counter.to_be_bytes());
        out[8..11].copy_from_slice(&self.time.to_be_bytes()[1..]);
        out[11..15].copy_from_slice(&self.block.to_be_bytes());
        out[15] = self.symbol;
        out
    }

    /// From the first bytes of a packet. Refuses versions, kinds and flags of later versions.
    pub fn decode(packet: &[u8]) -> Result<Self, DeliveryError> {
        let Some(bytes) = packet.first_chunk::<HEADER_LEN>() else {
            return Err(DeliveryError::Malformed { what: "packet" });
        };
        if bytes[0] >> 4 != PACKET_VERSION || bytes[1] & !FLAG_FRESH != 0 {
            return Err(DeliveryError::PeerIncompatible { what: "packets of another version" });
        }
        Ok(Self {
            kind: PacketKind::from_wire(bytes[0] & 0x0f)?,
            fresh: bytes[1] & FLAG_FRESH != 0,
            session: u16::from_be_bytes([bytes[2], bytes[3]]),
            counter: u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            time: u32::from_be_bytes([0, bytes[8], bytes[9], bytes[10]]),
            block: u32::from_be_bytes([bytes[11], bytes[12], bytes[13], bytes[14]]),
            symbol: bytes[15],
        })
    }
}

/// A time on the sender's clock as packets carry it.
pub fn ticks(at: Duration) -> u32 {
    let ticks = at.as_micros() / TICK.as_micros();
    u32::try_from(ticks % u128::from(TIME_MODULUS)).unwrap_or(0)
}

/// The nonce of a packet: its counter, unique under the flow's key. `counter` is the full one, below 2⁴⁸.
pub fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

/// What is known of a block besides its symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDigest {
    /// Digest of its bytes.
    pub digest: Digest,
    /// Its source was modified within two seconds of being read.
    pub doubtful: bool,
    /// It does not travel by packets: something in it cannot be read as listed. It comes by the lane.
    pub withheld: bool,
}

/// The body of a [`PacketKind::Digests`] packet: consecutive blocks. The header's block is the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Number of the first block.
    pub first: u32,
    /// Block by block, 1 to [`BLOCKS_PER_DIGESTS`]; `None` for one that nobody needs.
    pub blocks: Vec<Option<BlockDigest>>,
}

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

const DIGEST_RECORD: usize = 1 + Digest::LEN;
const FLAG_DOUBTFUL: u8 = 1;
const FLAG_WITHHELD: u8 = 2;
const FLAG_ABSENT: u8 = 4;

impl Digests {
    /// What is signed, and sent in front of the signature.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(5 + self.blocks.len() * DIGEST_RECORD + SIGNATURE_LEN);
        out.extend_from_slice(&self.first.to_be_bytes());
        out.push(u8::try_from(self.blocks.len()).unwrap_or(0));
        for block in &self.blocks {
            let Some(block) = block else {
                out.push(FLAG_ABSENT);
                out.extend_from_slice(Digest::ZERO.as_bytes());
                continue;
            };
            let doubtful = if block.doubtful { FLAG_DOUBTFUL } else { 0 };
            out.push(doubtful | if block.withheld { FLAG_WITHHELD } else { 0 });
            out.extend_from_slice(block.digest.as_bytes());
        }
        out
    }

    /// Splits a body into what was signed and the signature.
    pub fn split(body: &[u8]) -> Option<(&[u8], &[u8; SIGNATURE_LEN])> {
        body.split_last_chunk::<SIGNATURE_LEN>()
    }

    /// Reads what was signed.
    pub fn decode(signed: &[u8]) -> Result<Self, DeliveryError> {
        let malformed = DeliveryError::Malformed { what: "digests" };
        let Some((head, records)) = signed.split_first_chunk::<5>() else { return Err(malformed) };
        let count = usize::from(head[4]);
        let sane =
            (1..=BLOCKS_PER_DIGESTS).contains(&(count as u64)) && records.len() == count * DIGEST_RECORD;
        if !sane {
            return Err(malformed);
        }
        let first = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let mut blocks = Vec::with_capacity(count);
        for record in records.chunks_exact(DIGEST_RECORD) {
            let (flags, digest) = (record[0], Digest::from_slice(&record[1..]).ok_or(malformed.clone())?);
            blocks.push(match flags {
                FLAG_ABSENT => None,
                0..FLAG_ABSENT => Some(BlockDigest {
                    digest,
                    doubtful: flags & FLAG_DOUBTFUL != 0,
                    withheld: flags & FLAG_WITHHELD != 0,
                }),
                _ => return Err(malformed),
            });
        }
        Ok(Self { first, blocks })
    }
}

/// The body of a [`PacketKind::State`] packet: how far the sender is, and which repairs it has promised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Nothing is left to be sent for the first time.
    pub passed_all: bool,
    /// Receivers in the group.
    pub members: u32,
    /// The group's round trip.
    pub round_trip: Duration,
    /// The block of the pass; those before it have been sent.
    pub position: u32,
    /// Repairs: block, and the number of the symbol after the last one promised. At most [`MAX_ADVERTS`].
    pub adverts: Vec<(u32, u16)>,
}

const STATE_HEAD: usize = 1 + 4 + 4 + 4;
const ADVERT: usize = 6;

impl State {
    /// To bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(STATE_HEAD + ADVERT * self.adverts.len());
        out.push(u8::from(self.passed_all));
        out.extend_from_slice(&self.members.to_be_bytes());
        out.extend_from_slice(&micros(self.round_trip).to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
        for (block, end) in self.adverts.iter().take(MAX_ADVERTS) {
            out.extend_from_slice(&block.to_be_bytes());
            out.extend_from_slice(&end.to_be_bytes());
        }
        out
    }

    /// From bytes.
    pub fn decode(body: &[u8]) -> Result<Self, DeliveryError> {
        let malformed = DeliveryError::Malformed { what: "state" };
        let Some((head, adverts)) = body.split_first_chunk::<STATE_HEAD>() else { return Err(malformed) };
        if !adverts.len().is_multiple_of(ADVERT) || adverts.len() > ADVERT * MAX_ADVERTS || head[0] > 1 {
            return Err(malformed);
        }
        let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let advert = |bytes: &[u8]| {
            let block = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            (block, u16::from_be_bytes([bytes[4], bytes[5]]))
        };
        Ok(Self {
            passed_all: head[0] == 1,
            members: number(1),
            round_trip: Duration::from_micros(number(5).into()),
            position: number(9),
            adverts: adverts.chunks_exact(ADVERT).map(advert).collect(),
        })
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
