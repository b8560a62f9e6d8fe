//! Random numbers that are the same everywhere: SplitMix64 to spread a seed, xoshiro256** to draw from it.

use std::ops::RangeInclusive;
use std::time::Duration;

/// One step of SplitMix64 (Steele, Lea, Flood: *Fast Splittable Pseudorandom Number Generators*, 2014).
pub(crate) const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A small deterministic generator: xoshiro256** (Blackman, Vigna: *Scrambled Linear Pseudorandom Number
/// Generators*, 2021). The same seed gives the same numbers on every machine. Not for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A generator whose numbers follow from `seed` alone.
    pub const fn new(seed: u64) -> Self {
        let mut spread = seed;
        let state =
            [split_mix(&mut spread), split_mix(&mut spread), split_mix(&mut spread), split_mix(&mut spread)];
        Self { state }
    }

    #[cfg(test)]
    pub(crate) const fn with_state(state: [u64; 4]) -> Self {
        Self { state }
    }

    /// A generator of its own for the thing called `label`, whose numbers do not depend on how many were drawn
    /// from others: so one more link in a network does not change the fate of the packets on the rest.
    pub(crate) const fn labelled(seed: u64, kind: u64, label: u64) -> Self {
        let mut spread = seed;
        spread = split_mix(&mut spread) ^ kind;
        spread = split_mix(&mut spread) ^ label;
        Self::new(split_mix(&mut spread))
    }

    /// The next 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        let result = self.state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = self.state[1] << 17;
        self.state[2] ^= self.state[0];
        self.state[3] ^= self.state[1];
        self.state[1] ^= self.state[2];
        self.state[0] ^= self.state[3];
        self.state[2] ^= shifted;
        self.state[3] = self.state[3].rotate_left(45);
        result
    }

    /// A number below `bound`, which must not be 0. (The high half of a product: the bias is below 2⁻⁶⁴ × `bound`.)
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below 0");
        let product = u128::from(self.next_u64()) * u128::from(bound);
        (product >> 64) as u64
    }

    /// A number of the range, both ends included.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        assert!(!range.is_empty(), "the range has a number");
        match (range.end() - range.start()).checked_add(1) {
            Some(count) => range.start() + self.below(count),
            None => self.next_u64(),
        }
    }

    /// A number from 0 (included) to 1 (excluded).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub fn fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with this probability, from 0.0 (never) to 1.0 (always).
    pub fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// A time from nothing to `longest`, both included, in whole nanoseconds.
    pub fn up_to(&mut self, longest: Duration) -> Duration {
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.within(0..=nanos))
    }

    /// Fills the slice with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let random = self.next_u64().to_le_bytes();
            piece.copy_from_slice(&random[..piece.len()]);
        }
    }

    /// That many random bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes);
        bytes
    }

    /// One element of the slice, which must not be empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.below(choices.len() as u64);
        &choices[usize::try_from(index).expect("below the length of a slice")]
    }
}
