//! The one operation that takes time: adding a multiple of one symbol to several others.

use crate::field::NIBBLES;

/// How it is done. What the processor has is found out once ([`Kernel::best`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kernel {
    /// Byte by byte: works everywhere.
    Scalar,
    /// 32 bytes at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Kernel {
    /// The fastest that this processor has.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(all(target_arch = "x86_64", feature = "std"))]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Scalar
    }

    /// All that this processor has, the slowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let best = Self::best();
        [Self::Scalar].into_iter().chain((best != Self::Scalar).then_some(best))
    }

    /// To each of `outs`, which follow each other every `len` bytes, adds the factor for it times `source`. A source shorter
    /// than `len` goes on with zeros.
    pub(crate) fn add(self, outs: &mut [u8], len: usize, factors: &[u8], source: &[u8]) {
        let used = source.len().min(len);
        let source = &source[..used];
        for (outs, factors) in outs.chunks_mut(len * GROUP).zip(factors.chunks(GROUP)) {
            match self {
                Self::Scalar => scalar(outs, len, factors, source),
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "what the processor has is known at run time only")]
                // SAFETY: `Avx2` is only made where the processor has it.
                Self::Avx2 => unsafe { avx2::add(outs, len, factors, source) },
            }
        }
    }
}

/// Outputs that share one pass over a source.
const GROUP: usize = 4;

fn scalar(outs: &mut [u8], len: usize, factors: &[u8], source: &[u8]) {
    for (out, &factor) in outs.chunks_mut(len).zip(factors) {
        scalar_one(out, factor, source);
    }
}

fn scalar_one(out: &mut [u8], factor: u8, source: &[u8]) {
    match factor {
        0 => {}
        1 => out.iter_mut().zip(source).for_each(|(out, source)| *out ^= source),
        _ => {
            let nibbles = &NIBBLES[usize::from(factor)];
            for (out, source) in out.iter_mut().zip(source) {
                *out ^= nibbles.low[usize::from(source & 15)] ^ nibbles.high[usize::from(source >> 4)];
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(clippy::cast_ptr_alignment, reason = "loads and stores of any alignment")]
mod avx2 {
    use core::arch::x86_64::{
        __m128i, __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_loadu_si256,
        _mm256_set1_epi8, _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_storeu_si256, _mm256_xor_si256,
    };

    use super::scalar_one;
    use crate::field::NIBBLES;

    /// Bytes at a time.
    const WIDTH: usize = 32;

    /// See [`super::Kernel::add`], for at most four outputs.
    #[target_feature(enable = "avx2")]
    pub(super) fn add(outs: &mut [u8], len: usize, factors: &[u8], source: &[u8]) {
        let mut outs = outs.chunks_mut(len);
        match *factors {
            [1] => {
                if let Some(out) = outs.next() {
                    xor(out, source);
                }
            }
            [a] => several(&mut [outs.next().unwrap_or_default()], [a], source),
            [a, b] => {
                let (x, y) = (outs.next().unwrap_or_default(), outs.next().unwrap_or_default());
                several(&mut [x, y], [a, b], source);
            }
            [a, b, c] => {
                let outs: [&mut [u8]; 3] = core::array::from_fn(|_| outs.next().unwrap_or_default());
                several(&mut { outs }, [a, b, c], source);
            }
            [a, b, c, d] => {
                let outs: [&mut [u8]; 4] = core::array::from_fn(|_| outs.next().unwrap_or_default());
                several(&mut { outs }, [a, b, c, d], source);
            }
            _ => {}
        }
    }

    #[target_feature(enable = "avx2")]
    fn xor(out: &mut [u8], source: &[u8]) {
        let whole = out.len().min(source.len()) / WIDTH * WIDTH;
        let (out, out_rest) = out.split_at_mut(whole);
        let (source, source_rest) = source.split_at(whole);
        for (out, source) in out.chunks_exact_mut(WIDTH).zip(source.chunks_exact(WIDTH)) {
            store(out, _mm256_xor_si256(load(out), load(source)));
        }
        scalar_one(out_rest, 1, source_rest);
    }

    /// Products of four bits each are looked up by byte shuffles. (Plank, Greenan, Miller, *Screaming fast Galois field
    /// arithmetic using Intel SIMD instructions*, 2013.)
    #[target_feature(enable = "avx2")]
    fn several<const N: usize>(outs: &mut [&mut [u8]; N], factors: [u8; N], source: &[u8]) {
        let tables: [(__m256i, __m256i); N] = core::array::from_fn(|at| tables(factors[at]));
        let mask = _mm256_set1_epi8(0x0f);
        let whole = outs.iter().map(|out| out.len()).min().unwrap_or(0).min(source.len()) / WIDTH * WIDTH;
        let mut at = 0;
        while at < whole {
            let bytes = load(&source[at..at + WIDTH]);
            let low = _mm256_and_si256(bytes, mask);
            let high = _mm256_and_si256(_mm256_srli_epi64::<4>(bytes), mask);
            for (out, (lows, highs)) in outs.iter_mut().zip(&tables) {
                let out = &mut out[at..at + WIDTH];
                let product =
                    _mm256_xor_si256(_mm256_shuffle_epi8(*lows, low), _mm256_shuffle_epi8(*highs, high));
                store(out, _mm256_xor_si256(load(out), product));
            }
            at += WIDTH;
        }
        for (out, factor) in outs.iter_mut().zip(factors) {
            scalar_one(&mut out[whole..], factor, &source[whole..]);
        }
    }

    #[target_feature(enable = "avx2")]
    fn tables(factor: u8) -> (__m256i, __m256i) {
        let nibbles = &NIBBLES[usize::from(factor)];
        (both_halves(&nibbles.low), both_halves(&nibbles.high))
    }

    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "vectors are loaded and stored by pointer")]
    fn both_halves(table: &[u8; 16]) -> __m256i {
        // SAFETY: the pointer is to 16 bytes; any alignment will do.
        let half = unsafe { _mm_loadu_si128(table.as_ptr().cast::<__m128i>()) };
        _mm256_broadcastsi128_si256(half)
    }

    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "vectors are loaded and stored by pointer")]
    fn load(bytes: &[u8]) -> __m256i {
        debug_assert!(bytes.len() >= WIDTH);
        // SAFETY: the callers give at least 32 bytes; any alignment will do.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast::<__m256i>()) }
    }

    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "vectors are loaded and stored by pointer")]
    fn store(bytes: &mut [u8], value: __m256i) {
        debug_assert!(bytes.len() >= WIDTH);
        // SAFETY: as in `load`, and the bytes are this function's to write.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast::<__m256i>(), value) }
    }
}
