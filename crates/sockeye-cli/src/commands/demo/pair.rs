//! A `send` and one `receive` or several of this program, as processes that know nothing of each other but the code.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use crate::{exit::Exit, trouble::Trouble};

/// How long each process waits for the other. Loopback needs a fraction of a second; a loaded machine some.
const TIMEOUT: &str = "60s";
/// How much of a process's standard error is kept for the sentence that reports its failure.
const KEPT_ERROR_BYTES: u64 = 4096;
/// A line of events longer than this is not one of ours.
const LONGEST_LINE: u64 = 1 << 20;

/// The processes that run, so that they can be ended when the demonstration is interrupted.
#[derive(Default)]
pub(super) struct Children {
    running: Mutex<Vec<Child>>,
}

impl Children {
    /// Ends and reaps whatever runs still.
    pub(super) fn end_all(&self) {
        for child in self.lock().iter_mut() {
            // A child that has ended already is what we want.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, command: &mut Command) -> io::Result<(u32, ChildStdout)> {
        let mut child = command.spawn()?;
        let id = child.id();
        let stdout = child.stdout.take();
        self.lock().push(child);
        Ok((id, stdout.ok_or(io::ErrorKind::BrokenPipe)?))
    }

    /// Waits for one that has closed its output, or is about to.
    fn wait(&self, id: u32) -> io::Result<ExitStatus> {
        let mut running = self.lock();
        let Some(position) = running.iter().position(|child| child.id() == id) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut child = running.swap_remove(position);
        drop(running);
        child.wait()
    }
}

/// Moves a picture from a new sender to a new receiver for each of these directories, which it is written into. Several receivers
/// have one code, and the picture goes to all of them at once.
pub(super) fn move_picture(
    children: &Children,
    picture: &Path,
    homes: &Path,
    into: &[PathBuf],
) -> Result<(), Trouble> {
    std::fs::create_dir_all(homes).map_err(|source| Trouble::file("create", homes, source))?;
    let send_log = homes.join("send.log");
    let mut send = process(&homes.join("sender"), &send_log)?;
    send.args([OsStr::new("send"), picture.as_os_str()]);
    if into.len() > 1 {
        send.args(["--many", "--receivers", &into.len().to_string()]);
    }
    let (sender, mut events) = start(children, &mut send)?;
    let Some(code) = code_with_address(&mut events) else {
        let said = rest(&mut events);
        return failed("sender", children.wait(sender).map_err(not_run)?, said, &send_log);
    };
    let mut receivers = Vec::new();
    for (number, into) in into.iter().enumerate() {
        let log = homes.join(format!("receive-{number}.log"));
        let mut receive = process(&homes.join(format!("receiver-{number}")), &log)?;
        receive.args([OsStr::new("receive"), OsStr::new("-y"), OsStr::new("-o"), into.as_os_str()]);
        // In the environment and not among the arguments, where every user could read it.
        receive.env("SOCKEYE_CODE", &code);
        let (receiver, mut received) = start(children, &mut receive)?;
        receivers.push((receiver, std::thread::spawn(move || rest(&mut received)), log));
    }
    let sender_rest = std::thread::spawn(move || rest(&mut events));
    let mut broken = Ok(());
    for (receiver, said, log) in receivers {
        let said = said.join().unwrap_or_default();
        let status = children.wait(receiver).map_err(not_run)?;
        if !status.success() && broken.is_ok() {
            broken = failed("receiver", status, said, &log);
        }
    }
    broken?;
    // The sender ends by itself once the receivers have; its output ends with it.
    let sender_said = sender_rest.join().unwrap_or_default();
    let sender_status = children.wait(sender).map_err(not_run)?;
    if sender_status.success() { Ok(()) } else { failed("sender", sender_status, sender_said, &send_log) }
}

/// This program with a home of its own, on loopback, speaking JSON, complaining into a file.
fn process(home: &Path, log: &Path) -> Result<Command, Trouble> {
    let program =
        std::env::current_exe().map_err(|source| Trouble::file("find", "(this program)", source))?;
    let errors = File::create(log).map_err(|source| Trouble::file("create", log, source))?;
    let mut command = Command::new(program);
    command.env("SOCKEYE_HOME", home).env_remove("SOCKEYE_CODE");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
    Ok(command)
}

fn start(children: &Children, command: &mut Command) -> Result<(u32, BufReader<ChildStdout>), Trouble> {
    command.args(["--json", "--no-discovery", "-4", "--timeout", TIMEOUT]);
    let (id, stdout) = children.start(command).map_err(not_run)?;
    Ok((id, BufReader::new(stdout)))
}

fn not_run(source: io::Error) -> Trouble {
    Trouble::file("run", "(this program)", source)
}

/// Reads events until the one with the code; the code and the address on loopback to dial.
fn code_with_address(events: &mut impl BufRead) -> Option<String> {
    loop {
        let event = next(events)?;
        if event["ev"] != "code" {
            continue;
        }
        let code = event["code"].as_str()?;
        let address: std::net::SocketAddr = event["addresses"].as_array()?.first()?.as_str()?.parse().ok()?;
        return Some(format!("{code}@127.0.0.1:{}", address.port()));
    }
}

fn next(events: &mut impl BufRead) -> Option<Value> {
    let mut line = String::new();
    events.take(LONGEST_LINE).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

/// Reads to the end, so that the process never waits for its output to be read; what it said if it failed.
fn rest(events: &mut impl BufRead) -> Option<String> {
    let mut said = None;
    while let Some(event) = next(events) {
        if event["ev"] == "error" {
            said = event["message"].as_str().map(str::to_owned);
        }
    }
    said
}

/// What a process said before it failed: its error event, else its standard error.
fn failed(who: &str, status: ExitStatus, said: Option<String>, log: &Path) -> Result<(), Trouble> {
    let said = said.or_else(|| {
        let mut bytes = Vec::new();
        File::open(log).ok()?.take(KEPT_ERROR_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned()).filter(|text| !text.is_empty())
    });
    let said = said.unwrap_or_else(|| status.to_string());
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let exit = code.and_then(Exit::from_code).unwrap_or(Exit::Protocol);
    Err(Trouble::Demo(format!("the {who} failed: {said}"), exit))
}
