//! The code by its definition, as slowly as one likes: no table, no logarithm, matrices by elimination.

/// By shifting, adding and reducing.
pub fn multiply(a: u8, b: u8) -> u8 {
    let (mut shifted, mut product) = (a, 0);
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            product ^= shifted;
        }
        shifted = shifted << 1 ^ if shifted & 0x80 == 0 { 0 } else { 0x1D };
    }
    product
}

/// By trying all.
pub fn inverse(a: u8) -> u8 {
    (1..=255).find(|&b| multiply(a, b) == 1).expect("not zero")
}

/// By what source symbol `source` is multiplied in parity symbol `parity`.
pub fn coefficient(parity: usize, source: usize) -> u8 {
    let point = |index: usize| u8::try_from(index).expect("a byte");
    multiply(point(255 - source), inverse(point((255 - parity) ^ source)))
}

pub fn parity(index: usize, block: &[u8], symbol_len: usize) -> Vec<u8> {
    let mut parity = vec![0; symbol_len];
    for (source, symbol) in block.chunks(symbol_len).enumerate() {
        let factor = coefficient(index, source);
        parity.iter_mut().zip(symbol).for_each(|(sum, byte)| *sum ^= multiply(factor, *byte));
    }
    parity
}

/// Whether the parities `by` alone determine the sources `missing`.
pub fn is_invertible(by: &[u8], missing: &[u8]) -> bool {
    let row = |parity: &u8| {
        missing.iter().map(|&source| coefficient(usize::from(*parity), usize::from(source))).collect()
    };
    solve(by.iter().map(row).collect(), missing.len()).is_some()
}

/// The block with its missing symbols computed anew.
pub fn recover(block: &[u8], symbol_len: usize, missing: &[u8], by: &[u8], parities: &[Vec<u8>]) -> Vec<u8> {
    let mut block = block.to_vec();
    for &source in missing {
        block[usize::from(source) * symbol_len..][..symbol_len].fill(0);
    }
    let row = |index: &u8| {
        let index = usize::from(*index);
        let mut row: Vec<u8> =
            missing.iter().map(|&source| coefficient(index, usize::from(source))).collect();
        row.extend(parity(index, &block, symbol_len).iter().zip(&parities[index]).map(|(a, b)| a ^ b));
        row
    };
    let solved = solve(by.iter().map(row).collect(), missing.len()).expect("any k symbols are enough");
    for (&source, row) in missing.iter().zip(solved) {
        block[usize::from(source) * symbol_len..][..symbol_len].copy_from_slice(&row[missing.len()..]);
    }
    block
}

/// Gauss and Jordan: makes the first `count` columns those of the identity. `None` if that cannot be.
fn solve(mut rows: Vec<Vec<u8>>, count: usize) -> Option<Vec<Vec<u8>>> {
    for column in 0..count {
        let pivot = (column..count).find(|&row| rows[row][column] != 0)?;
        rows.swap(column, pivot);
        let factor = inverse(rows[column][column]);
        rows[column].iter_mut().for_each(|cell| *cell = multiply(*cell, factor));
        let own = rows[column].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(row, _)| *row != column) {
            let factor = row[column];
            row.iter_mut().zip(&own).for_each(|(cell, own)| *cell ^= multiply(*own, factor));
        }
    }
    Some(rows)
}
