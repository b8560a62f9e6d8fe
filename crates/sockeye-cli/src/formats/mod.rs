//! How messages are written by people and for programs: what `--in` reads and `--out` writes.

pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod record;
#[cfg(test)]
mod tests;

pub(crate) use input::{InFormat, Lines};
pub(crate) use output::OutFormat;
pub(crate) use record::Record;
