//! Tests of pairing, with toy cryptography. The same with the real one is in the crate that has it.

mod bench;
mod codes;
mod counting;
mod exchange;
mod hostile;
mod messages;
