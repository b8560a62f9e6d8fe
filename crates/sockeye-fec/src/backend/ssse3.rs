//! x86-64 with SSSE3: products of half bytes are looked up in a register, sixteen at a time.

use core::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_loadu_si128, _mm_set1_epi8, _mm_setzero_si128, _mm_shuffle_epi8,
    _mm_srli_epi64, _mm_storeu_si128, _mm_xor_si128,
};

use super::{Term, kernel, tables::HALVES};

const WIDTH: usize = 16;
type Vector = __m128i;

kernel! { #[target_feature(enable = "ssse3")] }

#[target_feature(enable = "ssse3")]
#[inline]
fn zero() -> Vector {
    _mm_setzero_si128()
}

#[target_feature(enable = "ssse3")]
#[inline]
#[expect(unsafe_code, reason = "the instruction takes an address")]
fn load(bytes: &[u8; WIDTH]) -> Vector {
    // SAFETY: reads the bytes of the reference, at any alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "ssse3")]
#[inline]
#[expect(unsafe_code, reason = "the instruction takes an address")]
fn store(vector: Vector, bytes: &mut [u8; WIDTH]) {
    // SAFETY: writes the bytes of the reference, at any alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), vector) }
}

#[target_feature(enable = "ssse3")]
#[inline]
fn add(a: Vector, b: Vector) -> Vector {
    _mm_xor_si128(a, b)
}

/// The low and the high halves of the bytes.
#[target_feature(enable = "ssse3")]
#[inline]
fn prepare(vector: Vector) -> [Vector; 2] {
    let mask = _mm_set1_epi8(0x0F);
    [_mm_and_si128(vector, mask), _mm_and_si128(_mm_srli_epi64::<4>(vector), mask)]
}

/// The products with low and with high halves.
#[target_feature(enable = "ssse3")]
#[inline]
fn factor(factor: u8) -> [Vector; 2] {
    let [low, high] = &HALVES[usize::from(factor)];
    [load(low), load(high)]
}

#[target_feature(enable = "ssse3")]
#[inline]
fn add_product(sum: Vector, [low, high]: [Vector; 2], factor: [Vector; 2]) -> Vector {
    add(sum, add(_mm_shuffle_epi8(factor[0], low), _mm_shuffle_epi8(factor[1], high)))
}
