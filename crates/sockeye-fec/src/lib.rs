//! An erasure code for blocks of up to 255 symbols.
//!
//! A block is cut into `k` *source* symbols of the same length. *Repair* symbols are made from them, each on its own, and only
//! those that are wanted: any `k` of all symbols give the block back. Nothing is said about bytes that are wrong: whoever
//! uses this must know which symbols are missing, and that the others are right.
//!
//! # The code
//!
//! Symbols are vectors over GF(2⁸) modulo x⁸ + x⁴ + x³ + x² + 1, a byte an element. Repair symbol `j` of the source
//! symbols `x₀ … xₖ₋₁` is
//!
//! ```text
//! yⱼ = Σᵢ cⱼᵢ xᵢ      cⱼᵢ = (255 ⊕ i) / ((255 − j) ⊕ i)      j + k ≤ 255
//! ```
//!
//! where ⊕ is the exclusive or of the numbers, which is the field's addition. That is a Cauchy matrix (each square part of
//! which can be inverted: Blömer et al., *An XOR-based erasure-resilient coding scheme*, 1995) with its columns scaled so
//! that repair symbol 0 is the plain exclusive or of all sources. Coefficients do not depend on `k`.
//!
//! ```
//! let block = *b"a block that is cut into symbols of eight bytes";
//! let (len, sources) = (8, 6);
//! let mut repair = [0; 2 * 8];
//! sockeye_fec::encode(&block, len, 0, &mut repair).unwrap();
//!
//! let mut arrived = [0; 6 * 8];
//! arrived[..block.len()].copy_from_slice(&block);
//! arrived[8..24].fill(0); // symbols 1 and 2 were lost
//! sockeye_fec::decode(&mut arrived, len, &[1, 2], &mut repair, &[0, 1]).unwrap();
//! assert_eq!(arrived[..block.len()], block);
//! ```

#![cfg_attr(not(feature = "std"), no_std)]

mod code;
mod field;
#[doc(hidden)]
pub mod fuzz;
mod kernel;

pub use code::{CodeError, MAX_REPAIRS, MAX_SOURCES, decode, decode_with, encode, encode_with};
pub use kernel::Kernel;
