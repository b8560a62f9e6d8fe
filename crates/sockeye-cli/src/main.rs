//! The command `sockeye`: arguments → calls of the library → output and an exit code.
//!
//! `args` parses and resolves, `commands` carries out, `output` speaks (sentences on standard error, data and JSON on
//! standard output), `exit` knows the exit codes.

mod args;
mod commands;
mod exit;
mod formats;
mod output;
mod prompt;
mod signals;
mod trouble;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let exit = match args::parse(std::env::args_os()) {
        Ok(cli) => commands::run(cli),
        Err(refusal) => refusal.show(),
    };
    ExitCode::from(exit.code())
}
