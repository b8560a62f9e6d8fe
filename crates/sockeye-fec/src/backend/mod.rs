//! The one computation that costs time, sums of multiples of symbols, by the means of each processor.
//!
//! Every backend is one small module that says how to load, multiply and store a vector; [`kernel`] makes the loops of it.

#[macro_use]
mod kernel;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod gfni;
mod portable;
#[cfg(target_arch = "x86_64")]
mod ssse3;
mod tables;
#[cfg(test)]
mod tests;

use core::fmt;

/// How many sums are computed at once, in one pass over the symbols: as many as fit the 16 registers of most processors.
pub(crate) const LANES: usize = 4;

/// A symbol, and by what it is multiplied in each of the sums.
#[derive(Clone, Copy, Default)]
pub(crate) struct Term<'a> {
    pub(crate) symbol: &'a [u8],
    pub(crate) factors: [u8; LANES],
}

/// By what means sums are computed. All give the same bytes. A value of this type is proof that this processor has the means.
///
/// | name | instructions | bytes at once |
/// |---|---|---|
/// | `portable` | those the compiler was told to use; no `unsafe` | as the compiler finds |
/// | `ssse3` | x86-64: table look-up in a register, for half bytes | 16 |
/// | `avx2` | the same | 32 |
/// | `gfni` | x86-64: multiplication by a matrix of bits, AVX2 | 32 |
/// | `avx512` | the same with AVX-512 | 64 |
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Backend(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Ssse3,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Gfni,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// The slowest first.
const KINDS: &[Kind] = &[
    Kind::Portable,
    #[cfg(target_arch = "x86_64")]
    Kind::Ssse3,
    #[cfg(target_arch = "x86_64")]
    Kind::Avx2,
    #[cfg(target_arch = "x86_64")]
    Kind::Gfni,
    #[cfg(target_arch = "x86_64")]
    Kind::Avx512,
];

/// Whether this processor has all these features. Without the standard library, whether the compiler was told so.
#[cfg(target_arch = "x86_64")]
macro_rules! has {
    ($($feature:tt),+) => {{
        #[cfg(feature = "std")]
        let features = [$(std::arch::is_x86_feature_detected!($feature)),+];
        #[cfg(not(feature = "std"))]
        let features = [$(cfg!(target_feature = $feature)),+];
        !features.contains(&false)
    }};
}

impl Backend {
    /// The one that needs nothing of the processor.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// The fastest that this processor has.
    pub fn detect() -> Self {
        KINDS.iter().rfind(|kind| kind.is_here()).map_or(Self::PORTABLE, |&kind| Self(kind))
    }

    /// All that this processor has, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        KINDS.iter().filter(|kind| kind.is_here()).map(|&kind| Self(kind))
    }

    /// Its name in the table above.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Ssse3 => "ssse3",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Gfni => "gfni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }

    /// Writes over each of `outs`, one to [`LANES`] slices of one length, the sum of the terms' symbols, each multiplied by its
    /// factor for that sum. Shorter symbols count as filled up with zeros; what a symbol has beyond the length does not count.
    #[cfg_attr(
        target_arch = "x86_64",
        expect(unsafe_code, reason = "instructions that not every processor has")
    )]
    pub(crate) fn combine(self, terms: &[Term<'_>], outs: &mut [&mut [u8]]) {
        match self.0 {
            Kind::Portable => portable::combine(terms, outs),
            // SAFETY: this and those below: values of the kind are made only where `is_here` says so.
            #[cfg(target_arch = "x86_64")]
            Kind::Ssse3 => unsafe { ssse3::combine(terms, outs) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::combine(terms, outs) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Gfni => unsafe { gfni::combine(terms, outs) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::combine(terms, outs) },
        }
    }
}

impl Kind {
    fn is_here(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Ssse3 => has!("ssse3"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => has!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Gfni => has!("gfni", "avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => has!("gfni", "avx512f"),
        }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Backend({})", self.name())
    }
}
