//! Seeds: where a run's randomness begins, and how a failing run is named and repeated.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::{env, thread};

use crate::rng::Rng;

/// The environment variable that [`for_each_seed`] reads.
pub const SEED_VARIABLE: &str = "SOCKEYE_SEED";

/// What all randomness of a run follows from. Written in decimal, or in hexadecimal after `0x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed in the environment variable `name`, or `default` where that is not set.
    ///
    /// # Panics
    /// When the variable is set and is no seed: a run meant to be repeated must not silently be another one.
    pub fn from_env_or(name: &str, default: u64) -> Self {
        Self::from_variable(name).unwrap_or(Self(default))
    }

    /// A generator for one purpose; generators for different purposes are independent.
    pub fn rng(self, purpose: &str) -> Rng {
        // FNV-1a (Fowler, Noll, Vo), 64 bit.
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Rng::labelled(self.0, FOR_THE_TEST, purpose.bytes().fold(0xcbf2_9ce4_8422_2325, hash))
    }

    fn from_variable(name: &str) -> Option<Self> {
        let text = env::var(name).ok()?;
        match text.parse() {
            Ok(seed) => Some(seed),
            Err(error) => {
                panic!("{name}={text:?} is not a seed ({error}); give a number, or 0x and hexadecimal")
            }
        }
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}

impl FromStr for Seed {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).map(Self),
            None => text.parse().map(Self),
        }
    }
}

/// Runs a test with the seeds 0 to `count` − 1; with [`SEED_VARIABLE`] set, with that seed alone.
///
/// If the test panics, the seed is printed with the way to run it again.
pub fn for_each_seed(count: u64, test: impl FnMut(Seed)) {
    match Seed::from_variable(SEED_VARIABLE) {
        Some(seed) => for_seeds([seed], test),
        None => for_seeds((0..count).map(Seed), test),
    }
}

/// Runs a test with the given seeds: those that once failed and must not fail again.
///
/// If the test panics, the seed is printed with the way to run it again.
pub fn for_seeds(seeds: impl IntoIterator<Item = Seed>, mut test: impl FnMut(Seed)) {
    for seed in seeds {
        let _named = NamedOnPanic(seed);
        test(seed);
    }
}

/// Prints the seed when it is dropped by a panic.
struct NamedOnPanic(Seed);

impl Drop for NamedOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("this seed fails: {}; repeat it with {SEED_VARIABLE}={}", self.0, self.0);
        }
    }
}

/// Kind of the generators handed to tests; see `Rng::labelled`.
const FOR_THE_TEST: u64 = 1;
