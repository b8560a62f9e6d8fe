//! Making repair symbols, and getting lost ones back.

use core::fmt;

use crate::{
    field::{div, mul},
    kernel::Kernel,
};

/// Most source symbols of a block.
pub const MAX_SOURCES: usize = 255;
/// Most repair symbols used in one decoding: as many as can be missing when half of all symbols are sources.
pub const MAX_REPAIRS: usize = 128;

/// What cannot be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeError {
    /// No sources, more than [`MAX_SOURCES`], or symbols without bytes.
    Shape,
    /// A repair symbol that a block of so many sources does not have, or buffers that are no whole symbols.
    Repair,
    /// A missing source that does not exist, or one named twice.
    Missing,
    /// Fewer repair symbols than missing sources, or more missing than [`MAX_REPAIRS`].
    TooMany,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "a block has 1 to 255 symbols of at least a byte",
            Self::Repair => "no such repair symbol",
            Self::Missing => "no such source symbol, or one named twice",
            Self::TooMany => "more sources are missing than there are repair symbols",
        })
    }
}

impl core::error::Error for CodeError {}

/// The coefficient of a source in a repair symbol.
fn coefficient(repair: usize, source: usize) -> u8 {
    let byte = |number: usize| number.to_be_bytes()[size_of::<usize>() - 1];
    div(byte(255 ^ source), byte((255 - repair) ^ source))
}

/// Makes as many repair symbols as `out` has room for, from number `first` on.
///
/// `block` is cut into symbols of `len` bytes; a short last one counts as if zeros followed.
pub fn encode(block: &[u8], len: usize, first: usize, out: &mut [u8]) -> Result<(), CodeError> {
    encode_with(Kernel::best(), block, len, first, out)
}

/// [`encode`] by a certain kernel.
pub fn encode_with(
    kernel: Kernel,
    block: &[u8],
    len: usize,
    first: usize,
    out: &mut [u8],
) -> Result<(), CodeError> {
    let sources = sources(block, len)?;
    if !out.len().is_multiple_of(len) || first.saturating_add(out.len() / len) > 256 - sources {
        return Err(CodeError::Repair);
    }
    out.fill(0);
    let count = out.len() / len;
    let mut factors = [0; 256];
    for (index, source) in block.chunks(len).enumerate() {
        for (number, factor) in factors[..count].iter_mut().enumerate() {
            *factor = coefficient(first + number, index);
        }
        kernel.add(out, len, &factors[..count], source);
    }
    Ok(())
}

fn sources(block: &[u8], len: usize) -> Result<usize, CodeError> {
    if len == 0 {
        return Err(CodeError::Shape);
    }
    match block.len().div_ceil(len) {
        sources @ 1..=MAX_SOURCES => Ok(sources),
        _ => Err(CodeError::Shape),
    }
}

/// Gets missing sources back, in place.
///
/// `block` holds the sources, `len` bytes each, the last one perhaps short; those named in `missing` may hold anything and are
/// right afterwards. `repairs` holds repair symbols one after the other, which are used up, and `numbers` says which they
/// are. As many as there are missing sources are used, the first ones.
pub fn decode(
    block: &mut [u8],
    len: usize,
    missing: &[u8],
    repairs: &mut [u8],
    numbers: &[u8],
) -> Result<(), CodeError> {
    decode_with(Kernel::best(), block, len, missing, repairs, numbers)
}

/// [`decode`] by a certain kernel.
pub fn decode_with(
    kernel: Kernel,
    block: &mut [u8],
    len: usize,
    missing: &[u8],
    repairs: &mut [u8],
    numbers: &[u8],
) -> Result<(), CodeError> {
    let sources = sources(block, len)?;
    let lost = missing.len();
    if lost == 0 {
        return Ok(());
    }
    if lost > numbers.len().min(MAX_REPAIRS) {
        return Err(CodeError::TooMany);
    }
    let numbers = &numbers[..lost];
    let is_missing = flags(missing).filter(|_| missing.iter().all(|m| usize::from(*m) < sources));
    let is_missing = is_missing.ok_or(CodeError::Missing)?;
    let existing = flags(numbers).is_some() && numbers.iter().all(|n| usize::from(*n) < 256 - sources);
    let Some(repairs) = repairs.get_mut(..lost * len).filter(|_| existing) else {
        return Err(CodeError::Repair);
    };
    // What the sources that are there have added is taken away again.
    let mut factors = [0; MAX_REPAIRS];
    for (index, source) in block.chunks(len).enumerate().filter(|(index, _)| !is_missing[*index]) {
        for (factor, number) in factors.iter_mut().zip(numbers) {
            *factor = coefficient(usize::from(*number), index);
        }
        kernel.add(repairs, len, &factors[..lost], source);
    }
    // What is left is the lost sources under a small matrix, which is inverted step by step; what is done to its rows is
    // done to the symbols.
    let mut matrix = [[0; MAX_REPAIRS]; MAX_REPAIRS];
    for (row, number) in matrix.iter_mut().zip(numbers) {
        for (cell, source) in row.iter_mut().zip(missing) {
            *cell = coefficient(usize::from(*number), usize::from(*source));
        }
    }
    let inverse = invert(&mut matrix, lost);
    for (at, source) in missing.iter().enumerate() {
        let start = usize::from(*source) * len;
        let end = block.len().min(start + len);
        let out = &mut block[start..end];
        out.fill(0);
        let out_len = out.len();
        for (repair, factor) in repairs.chunks(len).zip(&inverse[at][..lost]) {
            kernel.add(out, out_len, &[*factor], &repair[..out_len]);
        }
    }
    Ok(())
}

/// Which numbers are named; `None` if one is named twice.
fn flags(numbers: &[u8]) -> Option<[bool; 256]> {
    let mut flags = [false; 256];
    for number in numbers {
        if core::mem::replace(&mut flags[usize::from(*number)], true) {
            return None;
        }
    }
    Some(flags)
}

type Matrix = [[u8; MAX_REPAIRS]; MAX_REPAIRS];

/// The inverse of the upper left part, by elimination. Every square part of a Cauchy matrix has one, and so has whatever is
/// left after each step: no row needs to be exchanged.
fn invert(matrix: &mut Matrix, size: usize) -> Matrix {
    let mut inverse = [[0; MAX_REPAIRS]; MAX_REPAIRS];
    for (at, row) in inverse.iter_mut().enumerate() {
        row[at] = 1;
    }
    for pivot in 0..size {
        let scale = div(1, matrix[pivot][pivot].max(1));
        for cell in matrix[pivot][..size].iter_mut().chain(&mut inverse[pivot][..size]) {
            *cell = mul(*cell, scale);
        }
        let (pivot_row, pivot_inverse) = (matrix[pivot], inverse[pivot]);
        for row in (0..size).filter(|row| *row != pivot) {
            let factor = matrix[row][pivot];
            for column in 0..size {
                matrix[row][column] ^= mul(factor, pivot_row[column]);
                inverse[row][column] ^= mul(factor, pivot_inverse[column]);
            }
        }
    }
    inverse
}

#[cfg(test)]
mod tests;
