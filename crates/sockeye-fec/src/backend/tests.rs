use std::{vec, vec::Vec};

use super::{Backend, LANES, Term, tables::HALVES};

/// Bytes that look random, from a seed.
fn noise(len: usize, mut state: u32) -> Vec<u8> {
    let step = || {
        // A linear congruential step (the constants of Numerical Recipes §7.1).
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    core::iter::repeat_with(step).take(len).collect()
}

/// By the tables of half bytes, a byte at a time.
fn slow(terms: &[Term<'_>], lane: usize, len: usize) -> Vec<u8> {
    let mut sum = vec![0; len];
    for term in terms {
        let [low, high] = HALVES[usize::from(term.factors[lane])];
        for (sum, byte) in sum.iter_mut().zip(term.symbol) {
            *sum ^= low[usize::from(byte & 15)] ^ high[usize::from(byte >> 4)];
        }
    }
    sum
}

/// Compares all backends with the slow way, the outputs `offset` bytes into their buffers.
fn compare(terms: &[Term<'_>], lanes: usize, len: usize, offset: usize) {
    for backend in Backend::available() {
        let mut buffers = vec![vec![0xEE; offset + len + 1]; lanes];
        let mut outs: Vec<&mut [u8]> =
            buffers.iter_mut().map(|buffer| &mut buffer[offset..offset + len]).collect();
        backend.combine(terms, &mut outs);
        for (lane, buffer) in buffers.iter().enumerate() {
            let sum = slow(terms, lane, len);
            assert_eq!(
                buffer[offset..offset + len],
                sum,
                "{backend:?}, {lanes} sums, {len} bytes, offset {offset}"
            );
            let around = buffer[..offset].iter().chain(&buffer[offset + len..]);
            assert!(around.copied().all(|byte| byte == 0xEE), "{backend:?} wrote past its {len} bytes");
        }
    }
}

#[test]
fn backends_agree_for_all_lengths_and_offsets() {
    for len in (0..=200).chain([255, 256, 257, 300, 511, 512, 513, 1420]) {
        for offset in 0..9 {
            let symbols: Vec<_> = (0..5).map(|seed| noise(len + offset, seed)).collect();
            let terms: Vec<_> = (1..)
                .zip(&symbols)
                .map(|(n, symbol)| Term { symbol: &symbol[offset..], factors: [n, n + 77, 3 * n, 255 - n] })
                .collect();
            compare(&terms, len % LANES + 1, len, offset % 5);
        }
    }
}

#[test]
fn backends_agree_for_all_factors_and_bytes() {
    let all: Vec<u8> = (0..=255).collect();
    for factor in 0..=255 {
        let terms = [Term { symbol: &all, factors: [factor, 255 - factor, factor ^ 1, 1] }];
        for lanes in 1..=LANES {
            compare(&terms, lanes, all.len(), 0);
        }
    }
}

#[test]
fn short_symbols_count_as_filled_up_and_long_ones_as_cut() {
    let bytes = noise(2000, 7);
    for factors in [[1; LANES], [2, 3, 4, 5]] {
        for len in [0_usize, 1, 31, 32, 33, 64, 127, 128, 129, 600] {
            let lens = [0, 1, 15, 16, 17, len / 2, len.saturating_sub(1), len, len + 1, 2000];
            let terms: Vec<_> =
                lens.iter().map(|&len| Term { symbol: &bytes[2000 - len..], factors }).collect();
            for lanes in 1..=LANES {
                compare(&terms, lanes, len, 0);
            }
        }
    }
}

#[test]
fn the_fastest_is_taken_and_the_portable_one_is_always_there() {
    assert_eq!(Backend::available().next(), Some(Backend::PORTABLE));
    assert_eq!(Backend::available().last(), Some(Backend::detect()));
}
