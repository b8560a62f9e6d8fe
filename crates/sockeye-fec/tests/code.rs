//! The code as its users see it, against linear algebra done slowly.

use proptest::{prelude::*, sample};
use sockeye_fec::{Backend, Code, Error, MAX_SYMBOLS};

mod oracle;

/// Bytes that look random, from a seed.
fn noise(len: usize, seed: usize) -> Vec<u8> {
    let mut state = seed as u64;
    let step = || {
        // Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (2014), figure 13.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 56) as u8
    };
    std::iter::repeat_with(step).take(len).collect()
}

/// All parities of a block, by the code.
fn all_parities(code: Code, block: &[u8], symbol_len: usize) -> Vec<Vec<u8>> {
    let mut parities = vec![vec![0xEE; symbol_len]; code.parities()];
    let mut rows: Vec<&mut [u8]> = parities.iter_mut().map(Vec::as_mut_slice).collect();
    code.make_parities(0, block.chunks(symbol_len), &mut rows).expect("the block fits the code");
    parities
}

/// Loses `missing`, recovers it by the parities `by`, and compares.
fn lose_and_recover(
    code: Code,
    block: &[u8],
    symbol_len: usize,
    missing: &[u8],
    by: &[u8],
    parities: &[Vec<u8>],
) {
    let mut damaged = block.to_vec();
    for (index, symbol) in (0..=255).zip(damaged.chunks_mut(symbol_len)) {
        if missing.contains(&index) {
            symbol.fill(0xDD);
        }
    }
    let by: Vec<(u8, &[u8])> = by.iter().map(|&index| (index, &*parities[usize::from(index)])).collect();
    code.recover(&mut damaged, symbol_len, missing, &by).expect("enough parities");
    assert!(damaged == block, "{} sources, {missing:?} missing", code.sources());
}

/// `count` different numbers below `below`, by a seed.
fn choose(count: usize, below: usize, seed: usize) -> Vec<u8> {
    let mut keys: Vec<_> = noise(8 * below, seed).chunks(8).map(<[u8]>::to_vec).zip(0..=255).collect();
    keys.sort();
    keys.truncate(count);
    keys.into_iter().map(|(_, index)| index).collect()
}

/// The bytes of the wire, computed by another program: these may never change.
#[test]
fn golden_parities() {
    let block = b"tulips are red, violets blue"; // the last symbol is short
    let code = Code::new(4).expect("a code");
    let golden: [(usize, u64); 5] = [
        (0, 0x1215_5612_7063_7f61),
        (1, 0x3763_a58d_74c4_751f),
        (2, 0x935f_2ea6_c125_a8d6),
        (100, 0xb32c_906a_9e99_fa67),
        (251, 0x6b78_38d5_3a90_90b3),
    ];
    for backend in Backend::available() {
        for (index, bytes) in golden {
            let mut parity = [0; 8];
            let made = code.with_backend(backend).make_parity(index, block.chunks(8), &mut parity);
            assert_eq!((made, parity), (Ok(()), bytes.to_be_bytes()), "parity {index} by {backend:?}");
        }
    }
}

#[test]
fn parities_are_as_defined() {
    for sources in [1, 2, 3, 7, 64, 128, 185, 200, 254, 255] {
        let code = Code::new(sources).expect("a code");
        let block = noise(sources * 5 - 2, sources);
        for (index, parity) in all_parities(code, &block, 5).iter().enumerate() {
            assert_eq!(*parity, oracle::parity(index, &block, 5), "parity {index} of {sources}");
            let mut alone = [0; 5];
            code.make_parity(index, block.chunks(5), &mut alone).expect("it fits");
            assert_eq!(alone, **parity, "made alone");
        }
    }
}

#[test]
fn parity_0_is_the_plain_sum() {
    let block = noise(185 * 99, 1);
    let mut parity = [0; 99];
    Code::new(185).expect("a code").make_parity(0, block.chunks(99), &mut parity).expect("it fits");
    let sum = block.chunks(99).fold([0; 99], |mut sum, symbol| {
        sum.iter_mut().zip(symbol).for_each(|(sum, byte)| *sum ^= byte);
        sum
    });
    assert_eq!(parity, sum);
}

#[test]
fn every_number_of_sources_recovers_from_every_number_of_losses() {
    for sources in 1..MAX_SYMBOLS {
        let code = Code::new(sources).expect("a code");
        let short = sources % 3;
        let block = noise(sources * 3 - short, sources);
        let parities = all_parities(code, &block, 3);
        for count in 0..=sources.min(code.parities()) {
            let missing = choose(count, sources, count);
            let by = choose(count, code.parities(), count + 1);
            lose_and_recover(code, &block, 3, &missing, &by, &parities);
        }
    }
}

/// Maximum distance separable: no choice of losses and parities of small codes leads to a singular matrix.
#[test]
fn any_k_symbols_of_small_codes_are_enough() {
    for sources in 1..=6_usize {
        let code = Code::new(sources).expect("a code");
        let block = noise(sources, sources);
        let parities = all_parities(code, &block, 1);
        let subsets =
            |of: usize| (0..1_u32 << of).map(move |set| (0..8).filter(|&bit| set >> bit & 1 == 1).collect());
        let (losses, choices): (Vec<Vec<u8>>, Vec<Vec<u8>>) =
            (subsets(sources).collect(), subsets(6).collect());
        for missing in &losses {
            for by in choices.iter().filter(|by| by.len() == missing.len()) {
                assert!(oracle::is_invertible(by, missing), "{by:?} for {missing:?}");
                lose_and_recover(code, &block, 1, missing, by, &parities);
            }
        }
    }
}

/// The same answers as Gaussian elimination, for blocks with one parity that is wrong: what is recovered then is defined too.
#[test]
fn recovers_what_elimination_recovers() {
    for sources in [1, 2, 5, 20, 100, 186, 230] {
        let code = Code::new(sources).expect("a code");
        let block = noise(sources * 2, sources);
        let mut parities = all_parities(code, &block, 2);
        parities[0][1] ^= 0x5A;
        let count = sources.min(code.parities()).min(24);
        let mut missing = choose(count, sources, 3);
        missing.sort_unstable();
        let by: Vec<u8> = (0..=255).take(count).collect();
        let expected = oracle::recover(&block, 2, &missing, &by, &parities);
        let mut found = block.clone();
        let given: Vec<(u8, &[u8])> =
            by.iter().map(|&index| (index, &*parities[usize::from(index)])).collect();
        code.recover(&mut found, 2, &missing, &given).expect("enough parities");
        assert_eq!(found, expected, "{sources} sources");
    }
}

/// Another implementation also repairs the same losses with as many parities, and no fewer. (Its parities are others.)
#[test]
fn as_many_parities_are_needed_as_elsewhere() {
    for (sources, count) in [(1, 1), (3, 2), (185, 16), (128, 40)] {
        let block = noise(sources * 64, 5);
        let symbols: Vec<&[u8]> = block.chunks(64).collect();
        let theirs = reed_solomon_simd::encode(sources, count, &symbols).expect("a code");
        let missing = choose(count, sources, 6);
        let present = (0..=255).zip(&symbols).filter(|(index, _)| !missing.contains(index));
        let present: Vec<(usize, _)> = present.map(|(index, symbol)| (usize::from(index), symbol)).collect();
        let given: Vec<_> = theirs.iter().enumerate().collect();
        let repaired =
            reed_solomon_simd::decode(sources, count, present.clone(), given.clone()).expect("enough");
        assert!(repaired.iter().all(|(index, symbol)| symbols[*index] == symbol));
        assert!(reed_solomon_simd::decode(sources, count, present, given[1..].to_vec()).is_err());

        let code = Code::new(sources).expect("a code");
        let parities = all_parities(code, &block, 64);
        let by: Vec<u8> = (0..=255).take(count).collect();
        lose_and_recover(code, &block, 64, &missing, &by, &parities);
        let few: Vec<(u8, &[u8])> =
            by[1..].iter().map(|&index| (index, &*parities[usize::from(index)])).collect();
        let refused = code.recover(&mut block.clone(), 64, &missing, &few);
        assert_eq!(refused, Err(Error::TooFewParities { missing: count, given: count - 1 }));
    }
}

#[test]
fn wrong_numbers_are_refused_and_change_nothing() {
    let code = Code::new(4).expect("a code");
    let parity: &[u8] = &[1, 2, 3];
    let recover = |len, symbol_len, missing: &[u8], parities: &[(u8, &[u8])]| {
        let mut block = vec![7; len];
        let result = code.recover(&mut block, symbol_len, missing, parities);
        assert!(result.is_ok() || block == vec![7; len], "nothing was written");
        result
    };
    let full: Vec<(u8, &[u8])> = (0..252).map(|index| (index, parity)).collect();
    assert_eq!(recover(12, 3, &[0, 1, 2, 3], &full), Ok(()));
    assert_eq!(recover(10, 3, &[], &[]), Ok(()));
    for (len, symbol_len) in [(0, 0), (0, 3), (9, 3), (13, 3), (12, 0), (12, usize::MAX)] {
        assert_eq!(
            recover(len, symbol_len, &[0], &full),
            Err(Error::BlockLen { len, symbol_len, sources: 4 })
        );
    }
    assert_eq!(recover(12, 3, &[4], &full), Err(Error::NoSuchSource { index: 4, sources: 4 }));
    assert_eq!(recover(12, 3, &[255], &full), Err(Error::NoSuchSource { index: 255, sources: 4 }));
    assert_eq!(recover(12, 3, &[2, 1, 2], &full), Err(Error::RepeatedSource { index: 2 }));
    assert_eq!(
        recover(12, 3, &[2], &[(252, parity)]),
        Err(Error::NoSuchParity { index: 252, parities: 252 })
    );
    assert_eq!(recover(12, 3, &[2], &[(9, parity), (9, parity)]), Err(Error::RepeatedParity { index: 9 }));
    assert_eq!(recover(12, 3, &[2], &[(9, &[1])]), Err(Error::ParityLen { index: 9, len: 1, expected: 3 }));
    assert_eq!(recover(12, 3, &[2, 3], &[(9, parity)]), Err(Error::TooFewParities { missing: 2, given: 1 }));
}

#[test]
fn parities_that_cannot_be_are_refused_and_change_nothing() {
    for sources in [0, 256, usize::MAX] {
        assert_eq!(Code::new(sources), Err(Error::Sources { sources }));
    }
    let code = Code::new(4).expect("a code");
    let make = |index, block: &[u8], len| {
        let mut parity = vec![7; len];
        let result = code.make_parity(index, block.chunks(3), &mut parity);
        assert!(result.is_ok() || parity == vec![7; len], "nothing was written");
        result
    };
    assert_eq!(make(251, &[1; 10], 3), Ok(()));
    assert_eq!(make(252, &[1; 10], 3), Err(Error::NoSuchParity { index: 252, parities: 252 }));
    assert_eq!(make(usize::MAX, &[1; 10], 3), Err(Error::NoSuchParity { index: usize::MAX, parities: 252 }));
    assert_eq!(make(0, &[1; 9], 3), Err(Error::SourceCount { given: 3, expected: 4 }));
    assert_eq!(make(0, &[1; 99], 3), Err(Error::SourceCount { given: 5, expected: 4 }));
    assert_eq!(make(0, &[1; 10], 2), Err(Error::SourceLen { index: 0, len: 3, max: 2 }));
    let (mut a, mut b) = ([7; 3], [7; 2]);
    let refused = code.make_parities(0, [1; 10].chunks(3), &mut [&mut a, &mut b]);
    assert_eq!((refused, a), (Err(Error::SourceLen { index: 0, len: 3, max: 2 }), [7; 3]));
    assert_eq!(code.make_parities(0, [1; 10].chunks(3), &mut []), Ok(()));
}

#[test]
fn of_more_parities_than_needed_the_lowest_are_used() {
    let code = Code::new(3).expect("a code");
    let mut block = *b"abc";
    let (right, wrong) = ([b'a' ^ b'b' ^ b'c'], [0]);
    code.recover(&mut block, 1, &[1], &[(9, &wrong), (0, &right), (4, &wrong)]).expect("enough");
    assert_eq!(&block, b"abc");
}

#[derive(Clone, Debug)]
struct Case {
    block: Vec<u8>,
    symbol_len: usize,
    sources: usize,
    missing: Vec<u8>,
    by: Vec<u8>,
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = (1_usize..=255, 1_usize..400).prop_flat_map(|(sources, symbol_len)| {
        (Just(sources), Just(symbol_len), 0..symbol_len, 0..=sources.min(256 - sources))
    });
    shape.prop_flat_map(|(sources, symbol_len, short, count)| {
        let indices = |below: usize| (0..=255_u8).take(below).collect::<Vec<_>>();
        (
            any::<usize>(),
            sample::subsequence(indices(sources), count).prop_shuffle(),
            sample::subsequence(indices(256 - sources), count).prop_shuffle(),
        )
            .prop_map(move |(seed, missing, by)| Case {
                block: noise(sources * symbol_len - short, seed),
                symbol_len,
                sources,
                missing,
                by,
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_backend_recovers_what_another_protected(case in cases()) {
        let code = Code::new(case.sources).expect("a code");
        let parities = all_parities(code.with_backend(Backend::PORTABLE), &case.block, case.symbol_len);
        for backend in Backend::available() {
            let code = code.with_backend(backend);
            lose_and_recover(code, &case.block, case.symbol_len, &case.missing, &case.by, &parities);
            for &index in case.by.iter().take(3) {
                let mut parity = vec![0; case.symbol_len];
                code.make_parity(usize::from(index), case.block.chunks(case.symbol_len), &mut parity).expect("it fits");
                prop_assert_eq!(&parity, &parities[usize::from(index)]);
            }
        }
    }
}
