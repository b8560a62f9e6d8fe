//! `connect`, `listen` and `frame`: against each other, and against the tools that people know.

mod crowds;
mod endings;
mod frame;
mod interop;
mod lesson;
mod lookup;
mod matrix;
mod mistakes;
mod networks;
mod packets;
mod relay;

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use sockeye_lab::{Skip, record_skip};

use crate::{PROGRAM, process::Process};

/// What every framing and every pipe must let through: awkward bytes, and more than buffers hold.
fn content() -> Vec<u8> {
    let mut bytes = b"\0\xff\r\n\n\x1a\x04".to_vec();
    bytes.extend((0..700_000_u32).map(|number| u8::try_from(number % 253).unwrap()));
    bytes
}

/// The program with these arguments; standard input is nothing.
fn sockeye(arguments: &[&str]) -> Process {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null());
    Process::start("sockeye", command)
}

/// The program with this standard input, which ends.
fn fed(arguments: &[&str], input: &[u8]) -> Process {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::piped());
    feed(Process::start("sockeye", command), input)
}

fn feed(mut process: Process, input: &[u8]) -> Process {
    let (mut stdin, input) = (process.stdin(), input.to_vec());
    // A program that does not read it all is judged by what it says.
    std::thread::spawn(move || stdin.write_all(&input));
    process
}

/// The program with a standard input that stays open.
fn held(arguments: &[&str]) -> (Process, std::process::ChildStdin) {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::piped());
    let mut process = Process::start("sockeye", command);
    let stdin = process.stdin();
    (process, stdin)
}

/// A listener with events, and its address.
fn listening(arguments: &[&str], endpoint: &str) -> (Process, String) {
    let process = sockeye(&[&["listen", "--json"], arguments, &[endpoint]].concat());
    let address = address_of(&process);
    (process, address)
}

fn address_of(process: &Process) -> String {
    process.event("listening")["addresses"][0].as_str().expect("an address").to_owned()
}

/// A listener that says where it is in a sentence, and its address.
fn listening_plainly(arguments: &[&str], endpoint: &str) -> (Process, String) {
    let process = sockeye(&[&["listen"], arguments, &[endpoint]].concat());
    let address = said_address(&process);
    (process, address)
}

fn said_address(process: &Process) -> String {
    process.line("listening on ").trim().trim_start_matches("listening on ").to_owned()
}

/// Another program by its name, if it is here; skipped loudly if not.
fn other(test: &str, program: &str) -> Option<Command> {
    let found = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let places = found.chain([Path::new("/usr/sbin").to_owned(), Path::new("/sbin").to_owned()]);
    if let Some(path) = places.map(|place| place.join(program)).find(|path| path.is_file()) {
        return Some(Command::new(path));
    }
    let skip = Skip::new(format!("{program} is not here"));
    record_skip(test, format_args!("{skip}"));
    None
}

/// A port where nobody listens: it was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The texts of the messages that came.
fn texts(ended: &crate::process::Ended) -> Vec<String> {
    let received = ended.all("msg").into_iter().filter(|event| event["dir"] == "rx");
    received.map(|event| event["text"].as_str().unwrap_or("(no text)").to_owned()).collect()
}
