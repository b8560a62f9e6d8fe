//! In plain Rust: a byte times a factor is the sum of the factor's products with the byte's bits. The compiler makes vectors of it on
//! every processor that has any, which makes it several times as fast as looking up bytes in tables.

use super::{Term, kernel, tables::BITS};

/// Bytes of a vector: two registers of most processors.
const WIDTH: usize = 32;
type Vector = [u8; WIDTH];

kernel! {}

fn zero() -> Vector {
    [0; WIDTH]
}

#[inline]
fn load(bytes: &[u8; WIDTH]) -> Vector {
    *bytes
}

#[inline]
fn store(vector: Vector, bytes: &mut [u8; WIDTH]) {
    *bytes = vector;
}

#[inline]
fn add(mut a: Vector, b: Vector) -> Vector {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= b;
    }
    a
}

#[inline]
fn prepare(vector: Vector) -> Vector {
    vector
}

#[inline]
fn factor(factor: u8) -> [u8; 8] {
    BITS[usize::from(factor)]
}

#[inline]
fn add_product(mut sum: Vector, mut vector: Vector, factor: [u8; 8]) -> Vector {
    for product in factor {
        for (sum, byte) in sum.iter_mut().zip(&mut vector) {
            // All ones if the highest bit is set: the sign, spread.
            let mask = (byte.cast_signed() >> 7).cast_unsigned();
            *sum ^= mask & product;
            *byte <<= 1;
        }
    }
    sum
}
