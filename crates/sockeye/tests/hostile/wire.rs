//! Control messages and manifests, encoded by hand from `specs/01-content.md` and `specs/04-transfer.md`, so that nothing
//! here refuses what the other side should refuse.

use minicbor::{Decoder, Encoder};

pub mod kind {
    pub const HELLO: u16 = 0x01;
    pub const ATTEMPT: u16 = 0x02;
    pub const ANSWER: u16 = 0x03;
    pub const CONFIRM: u16 = 0x04;
    pub const IDENTITY: u16 = 0x07;
    pub const REFUSED: u16 = 0x08;
    pub const OFFER: u16 = 0x20;
    pub const SEGMENT: u16 = 0x21;
    pub const NOTE: u16 = 0x22;
    pub const LISTED: u16 = 0x23;
    pub const COMPARED: u16 = 0x24;
    pub const ACCEPT: u16 = 0x30;
    pub const NEED: u16 = 0x31;
    pub const CHECK: u16 = 0x32;
    pub const COMPARE: u16 = 0x33;
    pub const NEED_END: u16 = 0x34;
    pub const RESULT: u16 = 0x35;
    pub const RESULT_END: u16 = 0x36;
    pub const BYE: u16 = 0x3c;
    pub const ABORT: u16 = 0x3d;
}

pub mod abort {
    pub const DECLINED: u8 = 1;
    pub const TOO_LARGE: u8 = 6;
    pub const PROTOCOL: u8 = 7;
    pub const INTEGRITY: u8 = 8;
}

type Map = Encoder<Vec<u8>>;

/// A critical message: its fields in turn.
pub fn message(kind: u16, fields: u64, write: impl FnOnce(&mut Map)) -> Vec<u8> {
    let mut map = Encoder::new(Vec::new());
    map.map(fields).unwrap();
    write(&mut map);
    let mut payload = (kind | 0x8000).to_be_bytes().to_vec();
    payload.extend_from_slice(map.writer());
    payload
}

fn empty(kind: u16) -> Vec<u8> {
    message(kind, 0, |_| ())
}

pub fn offer(transfer: &[u8; 32], delivery: u8) -> Vec<u8> {
    message(kind::OFFER, 2, |m| {
        m.u8(0).unwrap().bytes(transfer).unwrap().u8(1).unwrap().u8(delivery).unwrap();
    })
}

pub fn segment(index: u32, bytes: &[u8]) -> Vec<u8> {
    message(kind::SEGMENT, 2, |m| {
        m.u8(0).unwrap().u32(index).unwrap().u8(1).unwrap().bytes(bytes).unwrap();
    })
}

pub fn note(path: &[u8], status: u8, text: &str) -> Vec<u8> {
    message(kind::NOTE, 3, |m| {
        m.u8(0).unwrap().bytes(path).unwrap().u8(1).unwrap().u8(status).unwrap();
        m.u8(2).unwrap().str(text).unwrap();
    })
}

fn totals(m: &mut Map, digest: &[u8; 32], entries: u64, bytes: u64) {
    m.u8(0).unwrap().bytes(digest).unwrap().u8(1).unwrap().u64(entries).unwrap();
    m.u8(2).unwrap().u64(bytes).unwrap();
}

pub fn listed(digest: &[u8; 32], entries: u64, bytes: u64) -> Vec<u8> {
    message(kind::LISTED, 3, |m| totals(m, digest, entries, bytes))
}

pub fn compared(entry: u32, same: bool) -> Vec<u8> {
    message(kind::COMPARED, 2, |m| {
        m.u8(0).unwrap().u32(entry).unwrap().u8(1).unwrap().bool(same).unwrap();
    })
}

pub fn accept_exact(digest: &[u8; 32], entries: u64, bytes: u64) -> Vec<u8> {
    message(kind::ACCEPT, 1, |m| {
        m.u8(0).unwrap().map(3).unwrap();
        totals(m, digest, entries, bytes);
    })
}

pub fn accept_open() -> Vec<u8> {
    empty(kind::ACCEPT)
}

pub fn need(pairs: &[(u64, u64)]) -> Vec<u8> {
    need_of(pairs, 18, 1)
}

pub fn need_of(pairs: &[(u64, u64)], exponent: u8, algorithm: u8) -> Vec<u8> {
    message(kind::NEED, 3, |m| {
        m.u8(0).unwrap().array(2 * pairs.len() as u64).unwrap();
        for (first, count) in pairs {
            m.u64(*first).unwrap().u64(*count).unwrap();
        }
        m.u8(1).unwrap().u8(exponent).unwrap().u8(2).unwrap().u8(algorithm).unwrap();
    })
}

pub fn check(first: u64, digests: &[u8]) -> Vec<u8> {
    message(kind::CHECK, 2, |m| {
        m.u8(0).unwrap().u64(first).unwrap().u8(1).unwrap().bytes(digests).unwrap();
    })
}

pub fn compare(entry: u32, digest: &[u8; 32]) -> Vec<u8> {
    message(kind::COMPARE, 2, |m| {
        m.u8(0).unwrap().u32(entry).unwrap().u8(1).unwrap().bytes(digest).unwrap();
    })
}

pub fn need_end() -> Vec<u8> {
    empty(kind::NEED_END)
}

pub fn result(entries: &[(u32, u8, &str)]) -> Vec<u8> {
    message(kind::RESULT, 1, |m| {
        m.u8(0).unwrap().array(entries.len() as u64).unwrap();
        for (entry, status, text) in entries {
            m.map(3).unwrap().u8(0).unwrap().u32(*entry).unwrap();
            m.u8(1).unwrap().u8(*status).unwrap().u8(2).unwrap().str(text).unwrap();
        }
    })
}

pub fn result_end(sums: [u64; 7]) -> Vec<u8> {
    message(kind::RESULT_END, 7, |m| {
        for (key, sum) in sums.iter().enumerate() {
            m.u64(key as u64).unwrap().u64(*sum).unwrap();
        }
    })
}

pub fn bye() -> Vec<u8> {
    empty(kind::BYE)
}

pub fn abort(code: u8, text: &str) -> Vec<u8> {
    message(kind::ABORT, 2, |m| {
        m.u8(0).unwrap().u8(code).unwrap().u8(1).unwrap().str(text).unwrap();
    })
}

/// The code in an ABORT.
pub fn abort_code(payload: &[u8]) -> u8 {
    let mut map = Decoder::new(&payload[2..]);
    map.map().unwrap();
    assert_eq!(map.u8().unwrap(), 0);
    map.u8().unwrap()
}

/// The reason in a REFUSED.
pub fn refused_reason(payload: &[u8]) -> u8 {
    abort_code(payload)
}

/// The pairs of a NEED.
pub fn needed(payload: &[u8]) -> Vec<(u64, u64)> {
    let mut map = Decoder::new(&payload[2..]);
    map.map().unwrap();
    assert_eq!(map.u8().unwrap(), 0);
    let numbers = map.array().unwrap().unwrap();
    (0..numbers / 2).map(|_| (map.u64().unwrap(), map.u64().unwrap())).collect()
}

/// First block and digests of a CHECK.
pub fn checked(payload: &[u8]) -> (u64, Vec<u8>) {
    let mut map = Decoder::new(&payload[2..]);
    map.map().unwrap();
    assert_eq!(map.u8().unwrap(), 0);
    let first = map.u64().unwrap();
    assert_eq!(map.u8().unwrap(), 1);
    (first, map.bytes().unwrap().to_vec())
}

/// Entry and digest of a COMPARE.
pub fn to_compare(payload: &[u8]) -> (u32, [u8; 32]) {
    let mut map = Decoder::new(&payload[2..]);
    map.map().unwrap();
    map.u8().unwrap();
    let entry = map.u32().unwrap();
    map.u8().unwrap();
    (entry, map.bytes().unwrap().try_into().unwrap())
}

/// Digest, entries and bytes of a LISTED.
pub fn list_totals(payload: &[u8]) -> ([u8; 32], u64, u64) {
    let mut map = Decoder::new(&payload[2..]);
    map.map().unwrap();
    map.u8().unwrap();
    let digest = map.bytes().unwrap().try_into().unwrap();
    map.u8().unwrap();
    let entries = map.u64().unwrap();
    map.u8().unwrap();
    (digest, entries, map.u64().unwrap())
}

/// Entry and status of everything in a RESULT.
pub fn results(payload: &[u8]) -> Vec<(u32, u8)> {
    let mut map = Decoder::new(&payload[2..]);
    map.map().unwrap();
    map.u8().unwrap();
    let len = map.array().unwrap().unwrap();
    let mut entries = Vec::new();
    for _ in 0..len {
        map.map().unwrap();
        map.u8().unwrap();
        let entry = map.u32().unwrap();
        map.u8().unwrap();
        let status = map.u8().unwrap();
        map.u8().unwrap();
        map.str().unwrap();
        entries.push((entry, status));
    }
    entries
}
