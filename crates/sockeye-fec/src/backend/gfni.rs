//! x86-64 with GFNI and AVX2: one instruction multiplies thirty-two bytes by a matrix of bits, which any factor of any field is.
//! (GFNI's own multiplication knows another polynomial only.)

use core::arch::x86_64::{
    __m256i, _mm256_gf2p8affine_epi64_epi8, _mm256_loadu_si256, _mm256_set1_epi64x, _mm256_setzero_si256,
    _mm256_storeu_si256, _mm256_xor_si256,
};

use super::{Term, kernel, tables::MATRICES};

const WIDTH: usize = 32;
type Vector = __m256i;

kernel! { #[target_feature(enable = "gfni,avx2")] }

#[target_feature(enable = "gfni,avx2")]
#[inline]
fn zero() -> Vector {
    _mm256_setzero_si256()
}

#[target_feature(enable = "gfni,avx2")]
#[inline]
#[expect(unsafe_code, reason = "the instruction takes an address")]
fn load(bytes: &[u8; WIDTH]) -> Vector {
    // SAFETY: reads the bytes of the reference, at any alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "gfni,avx2")]
#[inline]
#[expect(unsafe_code, reason = "the instruction takes an address")]
fn store(vector: Vector, bytes: &mut [u8; WIDTH]) {
    // SAFETY: writes the bytes of the reference, at any alignment.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vector) }
}

#[target_feature(enable = "gfni,avx2")]
#[inline]
fn add(a: Vector, b: Vector) -> Vector {
    _mm256_xor_si256(a, b)
}

#[target_feature(enable = "gfni,avx2")]
#[inline]
fn prepare(vector: Vector) -> Vector {
    vector
}

/// The factor's matrix, for every eight bytes.
#[target_feature(enable = "gfni,avx2")]
#[inline]
fn factor(factor: u8) -> Vector {
    _mm256_set1_epi64x(MATRICES[usize::from(factor)].cast_signed())
}

#[target_feature(enable = "gfni,avx2")]
#[inline]
fn add_product(sum: Vector, vector: Vector, factor: Vector) -> Vector {
    add(sum, _mm256_gf2p8affine_epi64_epi8::<0>(vector, factor))
}
