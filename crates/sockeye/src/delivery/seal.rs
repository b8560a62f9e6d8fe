//! Packets sealed and opened: AES-128-GCM under a key for each flow, the counter as nonce, the header as associated data.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sockeye_proto::delivery::{HEADER_LEN, TAG_LEN, nonce};
use zeroize::Zeroizing;

/// The key of one flow.
pub(super) struct FlowKey(LessSafeKey);

impl FlowKey {
    /// Of the group's key, for the flow with this session number.
    pub(super) fn derive(group: &[u8; 32], session: u16) -> Self {
        let mut material = Zeroizing::new([0; 34]);
        material[..32].copy_from_slice(group);
        material[32..].copy_from_slice(&session.to_be_bytes());
        let key = Zeroizing::new(blake3::derive_key("sockeye delivery flow key v1", &*material));
        let key = UnboundKey::new(&AES_128_GCM, &key[..16]);
        Self(LessSafeKey::new(key.expect("sixteen bytes are a key of AES-128")))
    }

    /// Seals a packet in place: header, body, room for the tag. Each counter once only.
    pub(super) fn seal(&self, counter: u64, packet: &mut [u8]) {
        let Some((header, rest)) = packet.split_first_chunk_mut::<HEADER_LEN>() else { return };
        let Some((body, room)) = rest.split_last_chunk_mut::<TAG_LEN>() else { return };
        let nonce = Nonce::assume_unique_for_key(nonce(counter));
        if let Ok(tag) = self.0.seal_in_place_separate_tag(nonce, Aad::from(&*header), body) {
            room.copy_from_slice(tag.as_ref());
        }
    }

    /// Opens a packet in place and gives its body, if it is authentic.
    pub(super) fn open<'p>(&self, counter: u64, packet: &'p mut [u8]) -> Option<&'p mut [u8]> {
        let (header, rest) = packet.split_first_chunk_mut::<HEADER_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(nonce(counter));
        self.0.open_in_place(nonce, Aad::from(&*header), rest).ok()
    }
}

/// Which packets of a flow have come: each counts once. Packets that are late by more than [`Self::SPAN`] are refused, so that
/// nobody can make a receiver believe old ones.
pub(super) struct Once {
    /// The highest counter of an authentic packet.
    newest: Option<u64>,
    seen: [u64; WORDS],
}

/// A bit for each packet.
const WORDS: usize = 512;

impl Once {
    /// How late a packet may be: half a second at a gigabit.
    const SPAN: u64 = 64 * WORDS as u64;

    pub(super) fn new() -> Self {
        Self { newest: None, seen: [0; WORDS] }
    }

    /// The full counter of a packet that carries the low half. A member that comes when more than 2³² have gone cannot tell and
    /// hears nothing.
    pub(super) fn counter(&self, low: u32) -> u64 {
        let newest = self.newest.unwrap_or(0);
        let behind = newest.to_be_bytes();
        let newest_low = u32::from_be_bytes([behind[4], behind[5], behind[6], behind[7]]);
        if self.newest.is_none() {
            return u64::from(low);
        }
        newest.saturating_add_signed(low.wrapping_sub(newest_low).cast_signed().into())
    }

    /// Notes an authentic packet. False if it came before, or is too old to say.
    pub(super) fn note(&mut self, counter: u64) -> bool {
        let newest = self.newest.unwrap_or(counter);
        if counter + Self::SPAN <= newest {
            return false;
        }
        if counter > newest {
            let gone = (counter - newest).min(Self::SPAN);
            for skipped in counter - gone + 1..=counter {
                self.set(skipped, false);
            }
        }
        self.newest = Some(newest.max(counter));
        !self.set(counter, true)
    }

    /// Sets a counter's bit and gives what it was.
    fn set(&mut self, counter: u64, to: bool) -> bool {
        let at = usize::try_from(counter % Self::SPAN).unwrap_or(0);
        let (word, bit) = (&mut self.seen[at / 64], 1u64 << (at % 64));
        let was = *word & bit != 0;
        *word = if to { *word | bit } else { *word & !bit };
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_and_nothing_else_does() {
        let key = FlowKey::derive(&[7; 32], 1);
        let mut packet = [9; HEADER_LEN + 100 + TAG_LEN];
        key.seal(5, &mut packet);
        for other in [FlowKey::derive(&[7; 32], 2), FlowKey::derive(&[8; 32], 1)] {
            assert!(other.open(5, &mut packet.clone()).is_none());
        }
        assert!(key.open(6, &mut packet.clone()).is_none());
        for at in 0..packet.len() {
            let mut forged = packet;
            forged[at] ^= 1;
            assert!(key.open(5, &mut forged).is_none(), "{at}");
            let mut short = packet;
            assert!(key.open(5, &mut short[..at]).is_none(), "{at}");
        }
        assert_eq!(key.open(5, &mut packet).as_deref(), Some(&[9; 100][..]));
    }

    #[test]
    fn each_packet_counts_once() {
        let mut once = Once::new();
        assert!(once.note(10));
        assert!(!once.note(10));
        assert!(once.note(9));
        assert!(once.note(10 + Once::SPAN));
        assert!(!once.note(10), "too old");
        assert!(once.note(11));
        assert!(!once.note(11));
        let far = u64::from(u32::MAX) + 5;
        assert!(once.note(far));
        assert_eq!(once.counter(3), far - 1);
        assert_eq!(once.counter(u32::MAX), u64::from(u32::MAX));
    }
}
