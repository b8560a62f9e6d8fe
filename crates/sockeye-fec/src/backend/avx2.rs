//! x86-64 with AVX2: products of half bytes are looked up in a register, thirty-two at a time.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_loadu_si256,
    _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_storeu_si256,
    _mm256_xor_si256,
};

use super::{Term, kernel, tables::HALVES};

const WIDTH: usize = 32;
type Vector = __m256i;

kernel! { #[target_feature(enable = "avx2")] }

#[target_feature(enable = "avx2")]
#[inline]
fn zero() -> Vector {
    _mm256_setzero_si256()
}

#[target_feature(enable = "avx2")]
#[inline]
#[expect(unsafe_code, reason = "the instruction takes an address")]
fn load(bytes: &[u8; WIDTH]) -> Vector {
    // SAFETY: reads the bytes of the reference, at any alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
#[expect(unsafe_code, reason = "the instruction takes an address")]
fn store(vector: Vector, bytes: &mut [u8; WIDTH]) {
    // SAFETY: writes the bytes of the reference, at any alignment.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vector) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn add(a: Vector, b: Vector) -> Vector {
    _mm256_xor_si256(a, b)
}

/// The low and the high halves of the bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn prepare(vector: Vector) -> [Vector; 2] {
    let mask = _mm256_set1_epi8(0x0F);
    [_mm256_and_si256(vector, mask), _mm256_and_si256(_mm256_srli_epi64::<4>(vector), mask)]
}

/// The products with low and with high halves, each twice: a look-up stays within 16 bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn factor(factor: u8) -> [Vector; 2] {
    let [low, high] = &HALVES[usize::from(factor)];
    [_mm256_broadcastsi128_si256(load_half(low)), _mm256_broadcastsi128_si256(load_half(high))]
}

#[target_feature(enable = "avx2")]
#[inline]
#[expect(unsafe_code, reason = "the instruction takes an address")]
fn load_half(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: reads the bytes of the reference, at any alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn add_product(sum: Vector, [low, high]: [Vector; 2], factor: [Vector; 2]) -> Vector {
    add(sum, add(_mm256_shuffle_epi8(factor[0], low), _mm256_shuffle_epi8(factor[1], high)))
}
