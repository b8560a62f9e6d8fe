//! An erasure code for delivery to many: a block of k source symbols gets up to 256 − k parity symbols, and any k of all these give
//! the block again.
//!
//! Each of a thousand receivers loses other symbols. One parity symbol repairs one loss at each of them, whichever it was, so the
//! sender need not know who lost what: only how many the worst lacks. Here every parity is computed on its own, when it is first needed;
//! a block that arrives whole costs nothing. This crate knows no protocol, no packet and no clock, and allocates nothing.
//!
//! ```
//! use sockeye_fec::Code;
//!
//! let block = b"Sockeye swim up the river in a crowd."; // 37 bytes: four symbols of 8, one of 5
//! let code = Code::new(5)?;
//! let (mut first, mut second) = ([0; 8], [0; 8]);
//! code.make_parities(0, block.chunks(8), &mut [&mut first, &mut second])?;
//!
//! let mut received = *b"Sockeye ????????the river in a c?????"; // symbols 1 and 4 were lost, the parities came
//! code.recover(&mut received, 8, &[1, 4], &[(0, &first), (1, &second)])?;
//! assert_eq!(&received, block);
//! # Ok::<(), sockeye_fec::Error>(())
//! ```
//!
//! # The code
//!
//! This is a wire format: parities made by one version are used by another.
//!
//! Bytes are numbers of GF(2⁸) modulo x⁸ + x⁴ + x³ + x² + 1 (0x11D), the most significant bit standing for x⁷; addition is exclusive
//! or, written ⊕. A block of k source symbols, 1 ≤ k ≤ 255, has parity symbols j with 0 ≤ j and k + j ≤ 255. Byte by byte,
//!
//! ```text
//! y(j) = Σ c(j, i) · x(i)   over 0 ≤ i < k        c(j, i) = (255 ⊕ i) / ((255 − j) ⊕ i)
//! ```
//!
//! where x(i) is source symbol i, filled up with zeros to the length of the parity symbol. The divisor is never zero, since
//! 255 − j ≥ k > i. A coefficient depends on j and i alone, not on k. For example, c(1, 0 … 4) = 127, 252, 126, 254, 233, and all
//! c(0, i) are 1: parity 0 is the plain sum of the sources, as fast as memory.
//!
//! **Any k symbols are enough.** 1 / ((255 − j) ⊕ i) is a Cauchy matrix: every square part of it is invertible, and stays so when a
//! column is multiplied by a number other than zero, here by 255 ⊕ i. So the code is systematic and maximum distance separable.
//! (J. Blömer et al., "An XOR-Based Erasure-Resilient Coding Scheme", ICSI TR-95-048, 1995.)
//!
//! # Repair
//!
//! [`Code::recover`] takes the block with gaps and as many parities as there are gaps, and fills them in place. The factors for
//! that have a closed form, so no matrix is inverted. The code finds out what is missing only from its caller: it detects no
//! damage. A wrong symbol makes the recovered ones wrong, so digests are checked afterwards.
//!
//! # Speed
//!
//! Sums of multiples of symbols are computed by the best [`Backend`] of the processor, in one pass over the block for up to four
//! symbols made or repaired. Figures are in `docs/fec-performance.md`, made by `cargo bench -p sockeye-fec -- --write`.
//!
//! # What is promised, and how it is tested
//!
//! No input causes a panic; every mistake is an [`Error`], and then nothing has been written. `unsafe` stands where an instruction
//! takes an address or needs a feature of the processor, each time with its reason. `scripts/sanitize-fec.sh` runs the
//! tests with AddressSanitizer, and under valgrind where that is installed. The tests compare with linear algebra done slowly,
//! all backends with each other, and the parities with bytes that may never change.
//!
//! # Features
//!
//! - `std` (default): asks the processor at run time what it can. Without it the crate needs only `core`, and the backends are
//!   those that the compiler was allowed to use by `-C target-feature`.
//! - `fuzz`: `fuzz::fuzz_code`, properties that hold for every input.
#![no_std]

#[cfg(feature = "fuzz")]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod backend;
mod code;
mod error;
mod field;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod recover;

pub use backend::Backend;
pub use code::Code;
pub use error::Error;

/// Source and parity symbols of a block together: as many as a byte can number.
pub const MAX_SYMBOLS: usize = 256;
