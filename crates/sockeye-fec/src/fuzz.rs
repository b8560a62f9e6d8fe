//! Properties of the code that must hold for every input, as plain functions: run by a fuzzer, by the tests over the saved corpus, and
//! by anyone with a suspicious file.

use alloc::{vec, vec::Vec};

use crate::{Backend, Code};

/// Protects a block, loses symbols of it and recovers them, all as the bytes say, and panics if a property of the code is broken.
///
/// The input: how many sources; length of a symbol; how much shorter the block is, in bytes; how many indices are listed as missing,
/// and how many parities are given; then these indices, a byte each; the rest is the block, repeated until it is full.
///
/// Checked, for every backend: what can be recovered is, and is what was lost; everything else is refused, and then nothing was
/// written.
pub fn fuzz_code(data: &[u8]) {
    let [sources, symbol_len, short, missing, given, rest @ ..] = data else { return };
    let Ok(code) = Code::new(usize::from(*sources)) else {
        return assert_eq!(*sources, 0, "all others are codes");
    };
    let (missing, rest) = rest.split_at(usize::from(*missing).min(rest.len()));
    let (given, rest) = rest.split_at(usize::from(*given).min(rest.len()));
    let symbol_len = usize::from(*symbol_len);
    let len = (code.sources() * symbol_len).saturating_sub(usize::from(*short));
    let block: Vec<u8> = rest.iter().copied().chain([1]).cycle().take(len).collect();

    let parities: Vec<(u8, Vec<u8>)> =
        given.iter().map(|&index| (index, make_everywhere(code, index, &block, symbol_len))).collect();
    let parities: Vec<(u8, &[u8])> = parities.iter().map(|(index, parity)| (*index, &parity[..])).collect();
    let mut damaged = block.clone();
    for &index in missing {
        let begin = (usize::from(index) * symbol_len).min(len);
        damaged[begin..len.min(begin + symbol_len)].fill(0xDD);
    }
    let possible = fits(code, len, symbol_len)
        && are_indices(missing, code.sources())
        && are_indices(given, code.parities())
        && missing.len() <= given.len();
    for backend in Backend::available() {
        let mut recovered = damaged.clone();
        let result = code.with_backend(backend).recover(&mut recovered, symbol_len, missing, &parities);
        assert_eq!(result.is_ok(), possible, "{result:?}, {backend:?}");
        assert!(recovered == if possible { &block } else { &damaged }[..], "{result:?}, {backend:?}");
    }
}

/// A parity, if it can be, the same from every backend; zeros if it cannot.
fn make_everywhere(code: Code, index: u8, block: &[u8], symbol_len: usize) -> Vec<u8> {
    let possible = fits(code, block.len(), symbol_len) && usize::from(index) < code.parities();
    let mut first = None;
    for backend in Backend::available() {
        let mut parity = vec![0; symbol_len];
        // Slices of no bytes cannot be cut off; a block without bytes has no symbols.
        let sources = block.chunks(symbol_len.max(1));
        let result = code.with_backend(backend).make_parity(usize::from(index), sources, &mut parity);
        assert_eq!(result.is_ok(), possible, "{result:?}, {backend:?}");
        assert_eq!(*first.get_or_insert_with(|| parity.clone()), parity, "{backend:?}");
    }
    first.unwrap_or_default()
}

/// Whether a block can be cut into symbols.
fn fits(code: Code, len: usize, symbol_len: usize) -> bool {
    len <= code.sources() * symbol_len && len > (code.sources() - 1) * symbol_len
}

/// Whether all are below a bound, and none is there twice.
fn are_indices(indices: &[u8], below: usize) -> bool {
    let repeated = |(at, index)| indices[..at].contains(index);
    indices.iter().all(|&index| usize::from(index) < below) && !indices.iter().enumerate().any(repeated)
}
