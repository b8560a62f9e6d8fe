//! Machines: a home, a directory to work in, a network.

use std::{
    ffi::{OsStr, OsString},
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use sockeye_lab::Namespace;
use tempfile::TempDir;

use crate::{
    PROGRAM,
    process::{Code, Ended, Process},
};

/// A machine to run the program on. Processes on it have to end before it goes: declare them later.
pub struct Machine {
    label: &'static str,
    place: TempDir,
    namespace: Option<Namespace>,
    /// `--port` and a port that no other machine of these tests has.
    port: [String; 2],
}

impl Machine {
    /// This machine, reached by loopback alone: nothing is announced, so that tests do not hear of each other.
    pub fn new(label: &'static str) -> Self {
        Self::with(label, None)
    }

    /// A network namespace. Only after [`sockeye_lab::Lab::available`] said yes.
    pub fn in_namespace(label: &'static str) -> Self {
        Self::with(label, Some(Namespace::new(label).expect("a namespace")))
    }

    fn with(label: &'static str, namespace: Option<Namespace>) -> Self {
        let place = tempfile::Builder::new().prefix("sockeye-e2e-").tempdir().expect("a directory");
        let machine = Self { label, place, namespace, port: ["--port".into(), free_port().to_string()] };
        machine.directory("in");
        machine
    }

    /// The namespace.
    pub fn host(&self) -> &Namespace {
        self.namespace.as_ref().expect("this machine is a namespace")
    }

    /// Something in the directory that the program works in.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.place.path().join("work").join(name)
    }

    /// Where `receive` writes in these tests: `in`.
    pub fn inbox(&self) -> PathBuf {
        self.path("in")
    }

    /// Makes a directory.
    pub fn directory(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a directory");
        path
    }

    /// Makes a file, and the directories above it.
    pub fn file(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// Some other program on this machine, in its directory, with its home; it reads nothing unless told to.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match &self.namespace {
            Some(namespace) => namespace.command(program),
            None => Command::new(program),
        };
        let home = self.place.path().join("home");
        command.current_dir(self.path("")).env("SOCKEYE_HOME", &home).env("HOME", &home);
        command.env("SOCKEYE", PROGRAM).env_remove("SOCKEYE_CODE").stdin(Stdio::null());
        command
    }

    /// The program with these arguments, as they are.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Process {
        let mut command = self.command(PROGRAM);
        command.args(arguments);
        self.start(command)
    }

    /// A command of this machine.
    pub fn start(&self, command: Command) -> Process {
        Process::start(self.label, command)
    }

    /// A line for the shell, where `$SOCKEYE` is the program.
    pub fn shell(&self, line: &str) -> Process {
        let mut command = self.command("sh");
        command.args(["-c", line]);
        self.start(command)
    }

    /// `sockeye send --json` with these arguments. On this machine it has a port that no other test has, and the same one
    /// each time.
    pub fn send<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Process {
        self.run(&self.words("send", &["--json"], &self.port(), arguments))
    }

    /// The same without any word about the port.
    pub fn send_anywhere<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Process {
        self.run(&self.words("send", &["--json"], &[], arguments))
    }

    /// `sockeye send --json -` with these arguments, and the pipe that it reads.
    pub fn send_pipe(&self, arguments: &[&str]) -> (Process, ChildStdin) {
        let mut command = self.command(PROGRAM);
        command.args(self.words("send", &["--json", "-"], &self.port(), arguments)).stdin(Stdio::piped());
        let mut process = self.start(command);
        let pipe = process.stdin();
        (process, pipe)
    }

    /// `sockeye receive --json -o in` with these arguments.
    pub fn receive<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Process {
        self.run(&self.words("receive", &["--json", "-o", "in"], &self.port(), arguments))
    }

    /// `sockeye receive --json -o in -y` with this code and these arguments.
    pub fn accept(&self, code: &str, arguments: &[&str]) -> Process {
        let mut words = vec!["-y", code];
        words.extend(arguments);
        self.receive(&words)
    }

    /// Options that keep this machine to its loopback, if that is all it has.
    pub fn quietly(&self) -> &'static [&'static str] {
        if self.namespace.is_some() { &[] } else { &["--interface", "lo", "--no-discovery"] }
    }

    /// The option that gives this machine its port.
    fn port(&self) -> Vec<&str> {
        if self.namespace.is_some() { Vec::new() } else { self.port.iter().map(String::as_str).collect() }
    }

    fn words<S: AsRef<OsStr>>(
        &self,
        command: &str,
        first: &[&str],
        port: &[&str],
        rest: &[S],
    ) -> Vec<OsString> {
        let before = [&[command], first, self.quietly(), port].concat();
        let rest = rest.iter().map(|word| word.as_ref().to_owned());
        before.into_iter().map(OsString::from).chain(rest).collect()
    }
}

/// A port that is free now, that the system gives to nobody by itself, and that no other machine of this process has.
fn free_port() -> u16 {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() * 97 % 15_000) as u16;
    (0..1000)
        .map(|_| first + ASKED.fetch_add(1, Ordering::Relaxed) % 5_000)
        .find(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok())
        .expect("a free port")
}

/// A sender and a receiver on this machine.
pub fn pair() -> (Machine, Machine) {
    (Machine::new("sender"), Machine::new("receiver"))
}

/// What `there` has to type to reach the process that shows `code`.
pub fn typed(there: &Machine, code: &Code) -> String {
    if there.namespace.is_some() { code.code.clone() } else { code.with_address() }
}

/// Sends with some arguments, receives with others, and waits for the end of both: sender first.
pub fn transfer<S: AsRef<OsStr>>(
    sender: &Machine,
    sending: &[S],
    receiver: &Machine,
    receiving: &[&str],
) -> (Ended, Ended) {
    let sends = sender.send(sending);
    let code = typed(receiver, &sends.code());
    let receives = receiver.accept(&code, receiving);
    let received = receives.end();
    (sends.end(), received)
}

/// [`transfer`] where all must go well.
pub fn deliver<S: AsRef<OsStr>>(
    sender: &Machine,
    sending: &[S],
    receiver: &Machine,
    receiving: &[&str],
) -> (Ended, Ended) {
    let (sent, received) = transfer(sender, sending, receiver, receiving);
    received.exits(0);
    sent.exits(0);
    (sent, received)
}
