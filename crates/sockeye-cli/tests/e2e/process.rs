//! Processes of the program: what they say while they run, and how they end.

use std::{
    collections::BTreeMap,
    fmt, fs,
    net::SocketAddr,
    process::{ChildStdin, Command},
    sync::OnceLock,
    thread::{self, JoinHandle},
    time::Duration,
};

use jsonschema::Validator;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sockeye_lab::Running;

use crate::PATIENCE;

/// How often a process is asked how much memory it took at most.
const MEMORY_POLL: Duration = Duration::from_millis(2);

/// A running process. Killed when dropped.
pub struct Process {
    label: &'static str,
    running: Running,
}

/// A code that was shown.
#[derive(Clone, Debug)]
pub struct Code {
    /// The code itself.
    pub code: String,
    /// Where the process that showed it can be reached, best first.
    pub addresses: Vec<SocketAddr>,
}

impl Code {
    /// As it is typed where discovery does not help.
    pub fn with_address(&self) -> String {
        self.at(self.addresses[0])
    }

    /// The same with some other address.
    pub fn at(&self, address: SocketAddr) -> String {
        format!("{}@{address}", self.code)
    }

    /// The same number with other words.
    pub fn wrong(&self) -> Self {
        let number = self.code.split('-').next().expect("a number");
        Self { code: format!("{number}-wrong-guess"), addresses: self.addresses.clone() }
    }
}

impl Process {
    pub fn start(label: &'static str, command: Command) -> Self {
        Self { label, running: Running::start(label, command).expect("it starts") }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// Its standard input, if its command asked for a pipe.
    pub fn stdin(&mut self) -> ChildStdin {
        self.running.take_stdin().expect("a pipe")
    }

    /// Waits for words on either stream, and returns the line.
    pub fn line(&self, words: &str) -> String {
        self.running.wait_for_line(words, PATIENCE).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The first line that it wrote.
    pub fn first_line(&self) -> String {
        self.line("")
    }

    /// Waits for an event of this name.
    pub fn event(&self, name: &str) -> Value {
        self.event_where(name, |_| true)
    }

    /// Waits for an event of this name that is as wanted.
    pub fn event_where(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let what = format!("the event {name} from {}", self.label);
        let find = |line: &str| {
            let event: Value = serde_json::from_str(line).ok()?;
            (event["ev"] == name && wanted(&event)).then_some(event)
        };
        self.running.wait_for(&what, PATIENCE, find).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until the transfer is under way: some bytes are done, at least this many.
    pub fn progress(&self, at_least: u64) -> Value {
        self.event_where("progress", |event| event["bytes"].as_u64().is_some_and(|bytes| bytes >= at_least))
    }

    /// Waits for the code.
    pub fn code(&self) -> Code {
        code_of(&self.event("code"))
    }

    /// Waits for the code that comes after this one.
    pub fn code_after(&self, old: &Code) -> Code {
        code_of(&self.event_where("code", |event| event["code"] != old.code.as_str()))
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.running.stdout()
    }

    /// As Ctrl-C does.
    pub fn interrupt(&mut self) {
        self.running.interrupt().expect("a signal");
    }

    /// As a service manager does.
    pub fn terminate(&mut self) {
        self.running.terminate().expect("a signal");
    }

    /// Stops it, as Ctrl-Z does: it stays, and does nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a process number");
        kill_process(id, signal).expect("a signal");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.running.wait(Duration::ZERO).is_ok()
    }

    /// Ends it with no chance to clean up, and waits until it is gone.
    pub fn kill(mut self) -> Ended {
        self.running.kill().expect("a signal");
        self.finish(PATIENCE, false)
    }

    /// Waits until it ends by itself.
    pub fn end(self) -> Ended {
        self.end_within(PATIENCE)
    }

    /// Waits so long until it ends by itself.
    pub fn end_within(self, patience: Duration) -> Ended {
        self.finish(patience, true)
    }

    fn finish(mut self, patience: Duration, whole: bool) -> Ended {
        let finished = self.running.wait(patience).unwrap_or_else(|error| panic!("{error}"));
        let (stdout, stderr) = (finished.stdout, finished.stderr);
        let events = events(self.label, &stdout, whole);
        Ended { label: self.label, exit: finished.status.code(), events, stdout, stderr }
    }

    /// Notes from now on how much memory it takes at most, in bytes; known when it has ended.
    pub fn watch_memory(&self) -> JoinHandle<u64> {
        let path = format!("/proc/{}/status", self.id());
        thread::spawn(move || {
            let mut most = 0;
            while let Some(now) = fs::read_to_string(&path).ok().as_deref().and_then(peak) {
                most = now.max(most);
                thread::sleep(MEMORY_POLL);
            }
            most
        })
    }
}

fn code_of(event: &Value) -> Code {
    let addresses = event["addresses"].as_array().expect("addresses").iter();
    Code {
        code: event["code"].as_str().expect("a code").to_owned(),
        addresses: addresses.map(|a| a.as_str().expect("text").parse().expect("an address")).collect(),
    }
}

/// `VmHWM` of proc(5), in bytes. A process that has ended has none.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// How a process ended and what it said. Shows all of it when an expectation fails.
pub struct Ended {
    pub label: &'static str,
    /// The exit code; none after a signal.
    pub exit: Option<i32>,
    /// The events, if it wrote such.
    pub events: Vec<Value>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// It must have ended with this exit code; and if it wrote events, the last one says the same.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.exit, Some(code), "exit code of {self:?}");
        if let Some(last) = self.events.last() {
            let told = match last["ev"].as_str() {
                Some("error") => last["exit"].as_i64(),
                Some("done") => {
                    let receivers = last["receivers"].as_array().cloned().unwrap_or_default();
                    let whole = |r: &Value| r["phase"] == "done" && r["failed"] == 0;
                    Some(if last["failed"] == 0 && receivers.iter().all(whole) { 0 } else { 11 })
                }
                _ => None,
            };
            assert!(told.is_none_or(|told| told == i64::from(code)), "last event of {self:?}");
        }
        self
    }

    /// All events of this name.
    pub fn all(&self, name: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["ev"] == name).collect()
    }

    /// The only event of this name.
    #[track_caller]
    pub fn only(&self, name: &str) -> &Value {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "events {name} of {self:?}");
        all[0]
    }

    /// The summary.
    #[track_caller]
    pub fn done(&self) -> &Value {
        self.only("done")
    }

    /// A number of the summary.
    #[track_caller]
    pub fn count(&self, field: &str) -> u64 {
        self.done()[field].as_u64().unwrap_or_else(|| panic!("{field} of {self:?}"))
    }

    /// Bytes that travelled on the lanes.
    #[track_caller]
    pub fn lane_bytes(&self) -> u64 {
        self.done()["stats"]["lane_bytes"].as_u64().expect("a number")
    }

    /// The sentence that ended it: exactly one, of this kind, with these words.
    #[track_caller]
    pub fn says(&self, kind: &str, words: &str) -> &Self {
        let error = self.only("error");
        assert_eq!(error["kind"], kind, "{self:?}");
        let message = error["message"].as_str().expect("text");
        assert!(message.contains(words), "{words:?} is not in {message:?} of {self:?}");
        self
    }

    /// As [`says`](Self::says), and the reason given by the other side or by authentication.
    #[track_caller]
    pub fn says_why(&self, kind: &str, reason: &str, words: &str) -> &Self {
        self.says(kind, words);
        assert_eq!(self.only("error")["reason"], reason, "{self:?}");
        self
    }

    /// What did not arrive, or not as it was: path and status. Each must have been an event of its own as well.
    #[track_caller]
    pub fn failures(&self) -> BTreeMap<Vec<u8>, String> {
        let told = table(self.all("failed"));
        if let Some(done) = self.all("done").first() {
            let summed = table(done["failures"].as_array().expect("a list"));
            assert_eq!(told, summed, "events and summary differ in {self:?}");
        }
        told
    }
}

fn table<'a>(failures: impl IntoIterator<Item = &'a Value>) -> BTreeMap<Vec<u8>, String> {
    let status = |failure: &Value| failure["status"].as_str().expect("a status").to_owned();
    failures.into_iter().map(|failure| (path_of(failure), status(failure))).collect()
}

/// The bytes of a path in an event.
pub fn path_of(event: &Value) -> Vec<u8> {
    match event["path_hex"].as_str() {
        Some(hex) => {
            let digits: Vec<char> = hex.chars().collect();
            let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hex");
            digits.chunks(2).map(byte).collect()
        }
        None => event["path"].as_str().expect("a path").as_bytes().to_vec(),
    }
}

/// Both sides must list the same entries with the same statuses, and these.
#[track_caller]
pub fn both_list(sent: &Ended, received: &Ended, expected: &[(&[u8], &str)]) {
    let expected: BTreeMap<Vec<u8>, String> =
        expected.iter().map(|(path, status)| (path.to_vec(), (*status).to_owned())).collect();
    assert_eq!(shown(&received.failures()), shown(&expected), "{received:?}");
    assert_eq!(shown(&sent.failures()), shown(&expected), "{sent:?}");
}

fn shown(table: &BTreeMap<Vec<u8>, String>) -> Vec<String> {
    table.iter().map(|(path, status)| format!("{}: {status}", path.escape_ascii())).collect()
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let out: Vec<&str> =
            self.stdout.lines().filter(|line| !line.contains("\"ev\":\"progress\"")).collect();
        write!(f, "{}: exit {:?}\n{}\n{}", self.label, self.exit, out.join("\n"), self.stderr)
    }
}

/// The events that a process wrote, each held against the schema. A process that did not write JSON has none; one that
/// was killed may have left half a line.
fn events(label: &str, stdout: &str, whole: bool) -> Vec<Value> {
    if !stdout.starts_with("{\"v\":") {
        return Vec::new();
    }
    let mut lines: Vec<&str> = stdout.split_inclusive('\n').collect();
    if !whole && lines.last().is_some_and(|line| !line.ends_with('\n')) {
        lines.pop();
    }
    lines.into_iter().map(|line| checked(label, line)).collect()
}

fn checked(label: &str, line: &str) -> Value {
    let event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{label} wrote {line:?}: {error}"));
    if let Err(error) = schema().validate(&event) {
        panic!("{label} wrote what the schema does not know: {line}{error}");
    }
    event
}

fn schema() -> &'static Validator {
    static SCHEMA: OnceLock<Validator> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let text = include_str!("../../../../specs/events.schema.json");
        let schema: Value = serde_json::from_str(text).expect("the schema is JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    })
}
