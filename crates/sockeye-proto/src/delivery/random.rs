//! Numbers that spread questions in time. They protect nothing.

/// `SplitMix64` (Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An even number below `bound`, which is above 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let scaled = ((self.next() >> 32) * u64::from(bound)) >> 32;
        u32::try_from(scaled).unwrap_or(0)
    }

    /// Minus the binary logarithm of an even number in (0, 1], to about a tenth: within an octave a straight line.
    pub(crate) fn minus_log2(&mut self) -> f64 {
        let number = self.next() | 1;
        let zeros = number.leading_zeros();
        let mantissa = (number << zeros) >> 32;
        #[expect(clippy::cast_precision_loss, reason = "32 bits")]
        let within = mantissa as f64 / f64::from(1u32 << 31) - 1.0;
        f64::from(zeros) + 1.0 - within
    }
}
