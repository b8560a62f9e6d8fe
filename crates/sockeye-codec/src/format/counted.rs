//! Numbers of their own length before the payload (`specs/00-framing.md` §7): `varint`, `netstring`, `octet-count`.

use super::Found;
use crate::encoder::Inline;
use crate::error::Malformed;
use crate::work;

/// The longest varint, in bytes: 64 bits, seven in each.
const VARINT_LIMIT: usize = 10;
/// The most digits of a decimal length: every such number fits 64 bits.
const DIGITS_LIMIT: usize = 19;

/// Base 128, low bits first, the high bit of each byte says that another follows (Protocol Buffers, "Encoding").
pub(crate) fn read_varint(live: &[u8], max: usize) -> Found {
    let mut number = 0_u64;
    for (at, &byte) in live.iter().enumerate().take(VARINT_LIMIT) {
        work::count(1);
        if at == VARINT_LIMIT - 1 && byte > 1 {
            return Found::invalid(at, Malformed::VarintTooLong);
        }
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return measure(at + 1, number, 0, live.len(), max);
        }
    }
    Found::Need(0)
}

/// The shortest form, as every writer must choose.
pub(crate) fn varint_prefix(len: usize) -> Inline {
    let mut bytes = Inline::zeros(0);
    let mut rest = len as u64;
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push((rest & 0x7f) as u8);
    bytes
}

/// `LEN SP MSG` (RFC 6587 §3.4.1): the length has no leading zero, so that there are no empty messages.
pub(crate) fn read_octet_count(live: &[u8], max: usize) -> Found {
    match read_decimal(live, b' ', false) {
        Ok(Some((header, number))) => measure(header, number, 0, live.len(), max),
        Ok(None) => Found::Need(0),
        Err((at, reason)) => Found::invalid(at, reason),
    }
}

/// `LEN:payload,` (D. J. Bernstein, "Netstrings"). No leading zeros except in `0:,`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Netstring {
    /// Whether a frame was refused, whose comma is still to come.
    owes_comma: bool,
}

impl Netstring {
    pub(crate) fn read(&mut self, live: &[u8], max: usize) -> Found {
        if self.owes_comma {
            return self.read_comma(live);
        }
        let (header, number) = match read_decimal(live, b':', true) {
            Ok(Some(read)) => read,
            Ok(None) => return Found::Need(0),
            Err((at, reason)) => return Found::invalid(at, reason),
        };
        match measure(header, number, 1, live.len(), max) {
            Found::Frame { wire, .. } if live[wire - 1] != b',' => {
                Found::invalid(wire - 1, Malformed::Comma { found: live[wire - 1] })
            }
            Found::Oversize { announced, wire, .. } => {
                self.owes_comma = true;
                Found::Oversize { announced, wire, unread: 1 }
            }
            found => found,
        }
    }

    fn read_comma(&mut self, live: &[u8]) -> Found {
        match live.first() {
            None => Found::Need(1),
            Some(b',') => {
                self.owes_comma = false;
                Found::Pass { len: 1, open: false }
            }
            Some(&found) => Found::invalid(0, Malformed::Comma { found }),
        }
    }
}

/// Digits up to `end`: how many bytes they take with it, and what they say. None while they may go on.
fn read_decimal(live: &[u8], end: u8, zero: bool) -> Result<Option<(usize, u64)>, (usize, Malformed)> {
    let mut number = 0_u64;
    for (at, &byte) in live.iter().enumerate() {
        work::count(1);
        match byte {
            _ if byte == end && at > 0 => return Ok(Some((at + 1, number))),
            _ if !byte.is_ascii_digit() => return Err((at, Malformed::Digit { found: byte })),
            _ if at == DIGITS_LIMIT => return Err((at, Malformed::TooManyDigits)),
            b'0' if at == 0 && !zero => return Err((at, Malformed::LeadingZero)),
            _ if at == 1 && live[0] == b'0' => return Err((0, Malformed::LeadingZero)),
            _ => number = number * 10 + u64::from(byte - b'0'),
        }
    }
    Ok(None)
}

/// The digits of a length.
pub(crate) fn decimal_prefix(before: &[u8], len: usize, behind: &[u8]) -> Inline {
    let mut digits = [0; DIGITS_LIMIT + 1];
    let (mut at, mut rest) = (digits.len(), len);
    loop {
        at -= 1;
        digits[at] = b"0123456789"[rest % 10];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    Inline::joined([before, &digits[at..], behind])
}

/// The same in hexadecimal.
pub(crate) fn hex_prefix(len: usize, behind: &[u8]) -> Inline {
    let mut digits = [0; 16];
    let (mut at, mut rest) = (digits.len(), len);
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    Inline::joined([&[], &digits[at..], behind])
}

/// What a frame is whose header announces `number` bytes of payload, with `trailer` bytes behind.
fn measure(header: usize, number: u64, trailer: usize, have: usize, max: usize) -> Found {
    match usize::try_from(number) {
        Ok(payload) if payload <= max => {
            let wire = header + payload + trailer;
            if have < wire { Found::Need(wire - have) } else { Found::Frame { header, payload, wire } }
        }
        _ => {
            let wire = number.saturating_add((header + trailer) as u64);
            Found::Oversize { announced: number, wire: Some(wire), unread: 0 }
        }
    }
}
