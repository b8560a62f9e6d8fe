//! Messages of the control connection (`specs/04-transfer.md` §2).

use alloc::{string::String, vec::Vec};

use minicbor::{Decode, Encode};

use crate::{content::Digest, envelope, hello};

use super::{
    AbortCode, MAX_CHECKED_DIGESTS, MAX_RESULT_ENTRIES, MAX_TEXT, TransferError,
    config::{MAX_NEED_RANGES, MAX_NOTE_PATH},
};

/// Offers a transfer. `delivery` 0 is one to one; other modes ask the receiver for a capability that it may lack.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Offer {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) transfer: [u8; 32],
    #[n(1)]
    pub(crate) delivery: u8,
}

/// A piece of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct SegmentMessage {
    #[n(0)]
    pub(crate) index: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) bytes: Vec<u8>,
}

/// The end of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Listed {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) digest: [u8; 32],
    #[n(1)]
    pub(crate) entries: u64,
    #[n(2)]
    pub(crate) bytes: u64,
}

/// Something the sender was asked to send and cannot.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Note {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) path: Vec<u8>,
    #[n(1)]
    pub(crate) status: u8,
    #[n(2)]
    pub(crate) text: String,
}

/// The receiver's yes. With a digest: to exactly that manifest. Without: to whatever stays within the limits.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Accept {
    #[n(0)]
    pub(crate) exact: Option<Listed>,
    #[n(1)]
    pub(crate) max_bytes: Option<u64>,
}

/// Blocks wanted, as first and count in turn.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Need {
    #[n(0)]
    pub(crate) ranges: Vec<u64>,
    #[n(1)]
    pub(crate) exponent: u8,
    #[n(2)]
    pub(crate) algorithm: u8,
}

/// Digests of blocks that the receiver has and doubts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Check {
    #[n(0)]
    pub(crate) first: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) digests: Vec<u8>,
}

/// The digest of a whole file that stands under an entry's name at the receiver.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Compare {
    #[n(0)]
    pub(crate) entry: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) digest: [u8; 32],
}

/// The answer to [`Compare`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Compared {
    #[n(0)]
    pub(crate) entry: u32,
    #[n(1)]
    pub(crate) same: bool,
}

/// What became of one entry that is not simply done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EntryReport {
    /// The entry.
    #[n(0)]
    pub entry: u32,
    /// Its status, a [`Status`](super::Status) as a number so that later ones can be told.
    #[n(1)]
    pub status: u8,
    /// At most [`MAX_TEXT`] bytes. From a peer: data, never a format.
    #[n(2)]
    pub text: String,
}

/// A batch of entries that are not simply done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Reports {
    #[n(0)]
    pub(crate) entries: Vec<EntryReport>,
}

/// The receiver's totals at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReportTotals {
    /// Regular files that are complete and verified under a final name.
    #[n(0)]
    pub files: u64,
    /// Directories.
    #[n(1)]
    pub directories: u64,
    /// Symbolic links.
    #[n(2)]
    pub symlinks: u64,
    /// Bytes of content of those files.
    #[n(3)]
    pub bytes: u64,
    /// Of these, bytes that did not travel in this session.
    #[n(4)]
    pub bytes_here: u64,
    /// Entries that did not arrive.
    #[n(5)]
    pub failed: u64,
    /// Entries for which an equal one was there.
    #[n(6)]
    pub equal: u64,
}

/// Why a side stops.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Abort {
    /// An [`AbortCode`] as a number so that later ones can be told.
    #[n(0)]
    pub code: u8,
    /// At most [`MAX_TEXT`] bytes. From a peer: data, never a format.
    #[n(1)]
    pub text: String,
}

impl Abort {
    /// An abort with a text, cut to [`MAX_TEXT`] bytes at a character's border.
    pub fn new(code: AbortCode, text: &str) -> Self {
        Self { code: code as u8, text: cut(text) }
    }

    /// What kind of reason it is.
    pub fn kind(&self) -> AbortCode {
        AbortCode::from_wire(self.code)
    }
}

/// Cuts a text to [`MAX_TEXT`] bytes at a character's border.
pub(crate) fn cut(text: &str) -> String {
    String::from(hello::cut(text, MAX_TEXT))
}

/// Every control message of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Offer(Offer),
    Segment(SegmentMessage),
    Note(Note),
    Listed(Listed),
    Compared(Compared),
    Accept(Accept),
    Need(Need),
    Check(Check),
    Compare(Compare),
    NeedEnd,
    Reports(Reports),
    ReportEnd(ReportTotals),
    Bye,
    Abort(Abort),
}

/// Kinds on the wire (`specs/04-transfer.md` §2.1).
pub(crate) mod kind {
    pub(crate) const OFFER: u16 = 0x20;
    pub(crate) const SEGMENT: u16 = 0x21;
    pub(crate) const NOTE: u16 = 0x22;
    pub(crate) const LISTED: u16 = 0x23;
    pub(crate) const COMPARED: u16 = 0x24;
    pub(crate) const ACCEPT: u16 = 0x30;
    pub(crate) const NEED: u16 = 0x31;
    pub(crate) const CHECK: u16 = 0x32;
    pub(crate) const COMPARE: u16 = 0x33;
    pub(crate) const NEED_END: u16 = 0x34;
    pub(crate) const REPORTS: u16 = 0x35;
    pub(crate) const REPORT_END: u16 = 0x36;
    pub(crate) const BYE: u16 = 0x3c;
    pub(crate) const ABORT: u16 = 0x3d;
}

/// Messages without fields have an empty map, so that fields can come later.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Nothing {}

impl Message {
    /// The payload of one control frame.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Offer(m) => pack(kind::OFFER, m),
            Self::Segment(m) => pack(kind::SEGMENT, m),
            Self::Note(m) => pack(kind::NOTE, m),
            Self::Listed(m) => pack(kind::LISTED, m),
            Self::Compared(m) => pack(kind::COMPARED, m),
            Self::Accept(m) => pack(kind::ACCEPT, m),
            Self::Need(m) => pack(kind::NEED, m),
            Self::Check(m) => pack(kind::CHECK, m),
            Self::Compare(m) => pack(kind::COMPARE, m),
            Self::NeedEnd => pack(kind::NEED_END, &Nothing {}),
            Self::Reports(m) => pack(kind::REPORTS, m),
            Self::ReportEnd(m) => pack(kind::REPORT_END, m),
            Self::Bye => pack(kind::BYE, &Nothing {}),
            Self::Abort(m) => pack(kind::ABORT, m),
        }
    }

    /// Reads one control frame's payload. `None`: a message of a later version that may be skipped.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<Self>, TransferError> {
        let envelope = envelope::decode(payload)?;
        let body = envelope.body;
        Ok(Some(match envelope.kind {
            kind::OFFER => Self::Offer(unpack("OFFER", body)?),
            kind::SEGMENT => Self::Segment(unpack("SEGMENT", body)?),
            kind::NOTE => Self::Note(checked("NOTE", body, note_is_sane)?),
            kind::LISTED => Self::Listed(unpack("LISTED", body)?),
            kind::COMPARED => Self::Compared(unpack("COMPARED", body)?),
            kind::ACCEPT => Self::Accept(unpack("ACCEPT", body)?),
            kind::NEED => Self::Need(checked("NEED", body, need_is_sane)?),
            kind::CHECK => Self::Check(checked("CHECK", body, check_is_sane)?),
            kind::COMPARE => Self::Compare(unpack("COMPARE", body)?),
            kind::NEED_END => unpack::<Nothing>("NEED_END", body).map(|_| Self::NeedEnd)?,
            kind::REPORTS => Self::Reports(checked("RESULT", body, reports_are_sane)?),
            kind::REPORT_END => Self::ReportEnd(unpack("RESULT_END", body)?),
            kind::BYE => unpack::<Nothing>("BYE", body).map(|_| Self::Bye)?,
            kind::ABORT => Self::Abort(checked("ABORT", body, |abort: &Abort| abort.text.len() <= MAX_TEXT)?),
            _ if envelope.critical => {
                return Err(TransferError::PeerIncompatible { what: "an unknown critical message" });
            }
            _ => return Ok(None),
        }))
    }
}

fn note_is_sane(note: &Note) -> bool {
    note.path.len() <= MAX_NOTE_PATH && note.text.len() <= MAX_TEXT
}

/// Messages that ask for nothing are refused, so that the work behind each is bounded by the manifest.
fn need_is_sane(need: &Need) -> bool {
    let pairs = need.ranges.len() / 2;
    need.ranges.len().is_multiple_of(2) && (1..=MAX_NEED_RANGES).contains(&pairs)
}

fn check_is_sane(check: &Check) -> bool {
    let digests = check.digests.len() / Digest::LEN;
    check.digests.len().is_multiple_of(Digest::LEN) && (1..=MAX_CHECKED_DIGESTS).contains(&digests)
}

fn reports_are_sane(reports: &Reports) -> bool {
    (1..=MAX_RESULT_ENTRIES).contains(&reports.entries.len())
        && reports.entries.iter().all(|report| report.text.len() <= MAX_TEXT)
}

fn checked<'b, T: Decode<'b, ()>>(
    what: &'static str,
    body: &'b [u8],
    sane: impl Fn(&T) -> bool,
) -> Result<T, TransferError> {
    let message = unpack(what, body)?;
    if sane(&message) { Ok(message) } else { Err(TransferError::Malformed { what }) }
}

/// Every message of this version is critical: each changes what the other side may do.
fn pack<T: Encode<()>>(kind: u16, message: &T) -> Vec<u8> {
    let mut frame = Vec::new();
    envelope::encode(kind, true, &envelope::encode_map(message), &mut frame);
    frame
}

fn unpack<'b, T: Decode<'b, ()>>(what: &'static str, body: &'b [u8]) -> Result<T, TransferError> {
    envelope::decode_map(body).map_err(|_| TransferError::Malformed { what })
}
