//! What the backends know of each factor.

use crate::field::doublings;

/// Products of each factor with the sixteen low halves of a byte, then with the sixteen high ones: the tables of
/// J. S. Plank, K. Greenan, E. Miller, "Screaming Fast Galois Field Arithmetic Using Intel SIMD Instructions" (2013).
#[cfg(any(test, target_arch = "x86_64"))]
pub(super) static HALVES: [[[u8; 16]; 2]; 256] = {
    let mut all = [[[0; 16]; 2]; 256];
    let mut factor: u8 = 0;
    loop {
        all[factor as usize] = halves(factor);
        if factor == u8::MAX {
            break all;
        }
        factor += 1;
    }
};

/// Multiplication by each factor as a matrix of bits, as GF2P8AFFINEQB takes it: Intel 64 and IA-32 Architectures Software Developer's
/// Manual, volume 2. The most significant byte is the row of bit 0 of the product.
#[cfg(target_arch = "x86_64")]
pub(super) static MATRICES: [u64; 256] = {
    let mut all = [0; 256];
    let mut factor: u8 = 0;
    loop {
        all[factor as usize] = matrix(factor);
        if factor == u8::MAX {
            break all;
        }
        factor += 1;
    }
};

/// Products of each factor with 128, 64 … 1.
pub(super) static BITS: [[u8; 8]; 256] = {
    let mut all = [[0; 8]; 256];
    let mut factor: u8 = 0;
    loop {
        let mut bit = 0;
        while bit < 8 {
            all[factor as usize][7 - bit] = doublings(factor)[bit];
            bit += 1;
        }
        if factor == u8::MAX {
            break all;
        }
        factor += 1;
    }
};

#[cfg(any(test, target_arch = "x86_64"))]
const fn halves(factor: u8) -> [[u8; 16]; 2] {
    let doublings = doublings(factor);
    let mut halves = [[0; 16]; 2];
    let mut half = 0;
    while half < 2 {
        let mut value = 1;
        while value < 16_usize {
            // The highest bit, and what is left without it.
            let bit = value.ilog2() as usize;
            halves[half][value] = doublings[4 * half + bit] ^ halves[half][value - (1 << bit)];
            value += 1;
        }
        half += 1;
    }
    halves
}

#[cfg(target_arch = "x86_64")]
const fn matrix(factor: u8) -> u64 {
    let doublings = doublings(factor);
    let mut matrix = 0;
    let mut cell = 0;
    while cell < 64 {
        let (row, column) = (cell / 8, cell % 8);
        let bit = doublings[column] >> row & 1;
        matrix |= (bit as u64) << (8 * (7 - row) + column);
        cell += 1;
    }
    matrix
}
