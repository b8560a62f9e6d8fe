//! x86-64 with GFNI and AVX-512: one instruction multiplies sixty-four bytes by a matrix of bits, which any factor of any field is.
//! (GFNI's own multiplication knows another polynomial only.)

use core::arch::x86_64::{
    __m512i, _mm512_gf2p8affine_epi64_epi8, _mm512_loadu_si512, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_storeu_si512, _mm512_xor_si512,
};

use super::{Term, kernel, tables::MATRICES};

const WIDTH: usize = 64;
type Vector = __m512i;

kernel! { #[target_feature(enable = "gfni,avx512f")] }

#[target_feature(enable = "gfni,avx512f")]
#[inline]
fn zero() -> Vector {
    _mm512_setzero_si512()
}

#[target_feature(enable = "gfni,avx512f")]
#[inline]
#[expect(unsafe_code, reason = "the instruction takes an address")]
fn load(bytes: &[u8; WIDTH]) -> Vector {
    // SAFETY: reads the bytes of the reference, at any alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "gfni,avx512f")]
#[inline]
#[expect(unsafe_code, reason = "the instruction takes an address")]
fn store(vector: Vector, bytes: &mut [u8; WIDTH]) {
    // SAFETY: writes the bytes of the reference, at any alignment.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), vector) }
}

#[target_feature(enable = "gfni,avx512f")]
#[inline]
fn add(a: Vector, b: Vector) -> Vector {
    _mm512_xor_si512(a, b)
}

#[target_feature(enable = "gfni,avx512f")]
#[inline]
fn prepare(vector: Vector) -> Vector {
    vector
}

/// The factor's matrix, for every eight bytes.
#[target_feature(enable = "gfni,avx512f")]
#[inline]
fn factor(factor: u8) -> Vector {
    _mm512_set1_epi64(MATRICES[usize::from(factor)].cast_signed())
}

#[target_feature(enable = "gfni,avx512f")]
#[inline]
fn add_product(sum: Vector, vector: Vector, factor: Vector) -> Vector {
    add(sum, _mm512_gf2p8affine_epi64_epi8::<0>(vector, factor))
}
