//! A hostile peer against the real library, over real sockets.
//!
//! The attacker here is an implementation of the connection of its own (`peer`, `wire`, `list`): it can be honest up to any
//! message and lie from there on. Its victims are transfers as a program would start them (`victim`). Each attack of the
//! threat model is a test with a name; `SECURITY.md` lists them, and a test here checks the list.
//!
//! Linux only: attackers come from many addresses of 127.0.0.0/8, and the memory of a process is read from `/proc`.

#![cfg(target_os = "linux")]
#![allow(
    clippy::large_futures,
    clippy::large_stack_arrays,
    clippy::type_complexity,
    clippy::cast_possible_truncation,
    reason = "a test holds its peers and its floods on the stack, and counts in bytes"
)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod apart;
mod beacon;
mod consent;
mod death;
mod floods;
mod guesses;
mod honest;
mod lanes;
mod links;
mod list;
mod middle;
mod names;
mod page;
mod pake;
mod peer;
mod proxy;
mod resume;
mod secrets;
mod stalls;
mod victim;
mod wire;
