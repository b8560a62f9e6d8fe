#![expect(clippy::cast_possible_truncation, reason = "numbers of symbols are below 256")]

use std::{vec, vec::Vec};

use super::*;

/// Bytes that look random: a linear congruential generator's upper ones.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn pick(seed: u64, of: usize, count: usize) -> Vec<u8> {
    let keys = noise(seed, of * 4);
    let mut all: Vec<usize> = (0..of).collect();
    all.sort_by_key(|index| &keys[index * 4..index * 4 + 4]);
    let mut picked: Vec<u8> = all[..count].iter().map(|index| *index as u8).collect();
    picked.sort_unstable();
    picked
}

fn round_trip(kernel: Kernel, seed: u64, sources: usize, len: usize, short: usize, lost: usize) {
    let block = noise(seed, sources * len - short);
    let repairs = 256 - sources;
    let numbers = pick(seed + 1, repairs, lost);
    let missing = pick(seed + 2, sources, lost);
    let mut symbols = Vec::new();
    for number in &numbers {
        let mut one = vec![0; len];
        encode_with(kernel, &block, len, (*number).into(), &mut one).unwrap();
        symbols.extend(one);
    }
    let mut arrived = block.clone();
    for &index in &missing {
        let start = usize::from(index) * len;
        let end = arrived.len().min(start + len);
        arrived[start..end].fill(0xaa);
    }
    decode_with(kernel, &mut arrived, len, &missing, &mut symbols, &numbers).unwrap();
    assert!(arrived == block, "{kernel:?} {sources} sources, {lost} lost, seed {seed}");
}

#[test]
fn what_was_lost_comes_back_for_every_number_of_sources() {
    for kernel in Kernel::all() {
        for sources in 1..=MAX_SOURCES {
            let most = sources.min(256 - sources).min(MAX_REPAIRS);
            for lost in [1, 2, 3, 5, 8, most].into_iter().filter(|lost| *lost <= most) {
                round_trip(kernel, (sources * 1000 + lost) as u64, sources, 37, 36, lost);
            }
        }
    }
}

#[test]
fn every_kernel_does_the_same_at_every_length() {
    for len in 1..200 {
        let block = noise(len as u64, 7 * len - len / 2);
        let mut wanted = vec![0; 6 * len];
        encode_with(Kernel::Scalar, &block, len, 3, &mut wanted).unwrap();
        for kernel in Kernel::all() {
            let mut found = vec![0xff; 6 * len];
            encode_with(kernel, &block, len, 3, &mut found).unwrap();
            assert!(found == wanted, "{kernel:?} {len}");
            round_trip(kernel, len as u64, 9, len, len / 3, 4);
        }
    }
}

#[test]
fn bytes_on_the_wire_stay_the_same() {
    let block: Vec<u8> = (0..12).collect();
    let mut repairs = [0; 12];
    encode(&block, 4, 0, &mut repairs).unwrap();
    assert_eq!(repairs[..4], [0x0c, 0x0d, 0x0e, 0x0f]);
    assert_eq!(repairs[4..], GOLDEN);
}

/// Of 0 to 11 in three symbols of four bytes, repair symbols 1 and 2; by the formula, with a slow product.
const GOLDEN: [u8; 8] = golden();

const fn golden() -> [u8; 8] {
    let mut out = [0; 8];
    let mut j = 1;
    while j <= 2 {
        let mut at = 0;
        while at < 4 {
            let mut i = 0;
            while i < 3 {
                out[(j - 1) * 4 + at] ^= slow_mul(slow_coefficient(j as u8, i as u8), (i * 4 + at) as u8);
                i += 1;
            }
            at += 1;
        }
        j += 1;
    }
    out
}

const fn slow_coefficient(j: u8, i: u8) -> u8 {
    let divisor = (255 - j) ^ i;
    let mut quotient = 0;
    while slow_mul(quotient, divisor) != 255 ^ i {
        quotient += 1;
    }
    quotient
}

const fn slow_mul(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (a, b, 0);
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = (a << 1) ^ if a & 0x80 != 0 { 0x1d } else { 0 };
        b >>= 1;
    }
    product
}

#[test]
fn all_square_parts_can_be_inverted() {
    // Each pair and each triple of repairs against each pair and triple of sources of a small corner and of the far one.
    for (repairs, sources) in [(0..6, 0..12), (60..71, 175..185)] {
        for a in repairs.clone() {
            for b in a + 1..repairs.end {
                for x in sources.clone() {
                    for y in x + 1..sources.end {
                        let two = mul(coefficient(a, x), coefficient(b, y))
                            ^ mul(coefficient(a, y), coefficient(b, x));
                        assert_ne!(two, 0, "{a} {b} {x} {y}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let mut block = [0; 40];
    let mut repairs = [0; 20];
    assert_eq!(encode(&block, 0, 0, &mut repairs), Err(CodeError::Shape));
    assert_eq!(encode(&[], 10, 0, &mut repairs), Err(CodeError::Shape));
    assert_eq!(encode(&[0; 256], 1, 0, &mut repairs), Err(CodeError::Shape));
    assert_eq!(encode(&block, 10, 0, &mut repairs[..15]), Err(CodeError::Repair));
    assert_eq!(encode(&block, 10, 251, &mut repairs), Err(CodeError::Repair));
    assert_eq!(encode(&block, 10, usize::MAX, &mut repairs), Err(CodeError::Repair));
    let cases: [(&[u8], &[u8], CodeError); 6] = [
        (&[4], &[0], CodeError::Missing),
        (&[1, 1], &[0, 1], CodeError::Missing),
        (&[0, 1, 2], &[0, 1], CodeError::TooMany),
        (&[0, 1], &[3, 3], CodeError::Repair),
        (&[0], &[252], CodeError::Repair),
        (&[0, 1, 2], &[0, 1, 2], CodeError::Repair),
    ];
    for (missing, numbers, error) in cases {
        assert_eq!(
            decode(&mut block, 10, missing, &mut repairs, numbers),
            Err(error),
            "{missing:?} {numbers:?}"
        );
    }
    assert_eq!(decode(&mut block, 10, &[], &mut [], &[]), Ok(()));
}
