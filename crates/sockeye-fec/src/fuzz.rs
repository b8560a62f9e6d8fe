//! What must hold for any bytes.

use crate::{Kernel, decode_with, encode_with};

/// Whatever shape the input asks for is refused or decodes to what was encoded, by every kernel.
pub fn fuzz_code(data: &[u8]) {
    let Some((&[len, lost, first, offset, step], block)) = data.split_first_chunk::<5>() else { return };
    let mut copy = [0; 4096];
    let Some(copy) = copy.get_mut(..block.len()) else { return };
    let (len, lost) = (usize::from(len), usize::from(lost) % 9);
    let mut repairs = [0; 8 * 255];
    let Some(repairs) = repairs.get_mut(..lost * len) else { return };
    let numbers: [u8; 8] = core::array::from_fn(|at| first.wrapping_add(at.to_be_bytes()[7]));
    let missing: [u8; 8] =
        core::array::from_fn(|at| offset.wrapping_add(step.wrapping_mul(at.to_be_bytes()[7])));
    for kernel in Kernel::all() {
        if encode_with(kernel, block, len, first.into(), repairs).is_err() {
            return;
        }
        copy.copy_from_slice(block);
        for index in &missing[..lost] {
            let start = copy.len().min(usize::from(*index) * len);
            let end = copy.len().min(start + len);
            copy[start..end].fill(0x55);
        }
        if decode_with(kernel, copy, len, &missing[..lost], repairs, &numbers[..lost]).is_ok() {
            assert!(copy == block, "{kernel:?}");
        }
    }
}
