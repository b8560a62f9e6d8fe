//! The program from end to end: separate processes, real sockets, real files.
//!
//! A test has two or three [`Machine`](machine::Machine)s, each with a home and a directory of its own. They are this
//! machine, joined by loopback and told each other's address, or network namespaces that find each other. Almost every
//! process runs with `--json`, and every line it writes is held against the schema.
//!
//! What takes longer than a minute waits for an environment variable:
//! `SOCKEYE_TEST_LARGE=1` sends a file of 4 GiB, `SOCKEYE_TEST_KILLS=n` kills n times, and `SOCKEYE_SEED=n`
//! replays a run of kills.

#[allow(
    dead_code,
    unused_qualifications,
    clippy::pedantic,
    reason = "shared with the tests of the library, which use all of it"
)]
#[path = "../../../sockeye/tests/hostile/list.rs"]
mod list;
#[allow(dead_code, unused_imports, clippy::pedantic, reason = "as above")]
#[path = "../../../sockeye/tests/hostile/peer/mod.rs"]
mod peer;
#[allow(dead_code, unused_qualifications, clippy::pedantic, reason = "as above")]
#[path = "../../../sockeye/tests/hostile/wire.rs"]
mod wire;

mod machine;
mod process;
mod terminal;
mod tree;

mod changes;
mod consent;
mod disks;
mod endings;
mod existing;
mod forgers;
mod interrupts;
mod kills;
mod liars;
mod many;
mod meetings;
mod opts;
mod pipes;
mod sockets;
mod strangers;
mod trees;
mod trust;
mod words;

use std::time::Duration;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_sockeye");
/// How long anything may take before its test fails: many times what it takes on a busy machine with one core.
const PATIENCE: Duration = Duration::from_secs(60);
/// A mebibyte.
const MIB: usize = 1 << 20;
