//! Programs started by a test: their output is kept, and they end with the test.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::LabError;

/// How often to ask whether a program has ended.
const EXIT_POLL: Duration = Duration::from_millis(5);

/// A program that runs until it ends or the guard is dropped, whichever is first.
pub struct Running {
    label: String,
    child: Child,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
}

/// How a program ended and what it wrote.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
}

/// What a program wrote so far, line by line in the order of arrival.
#[derive(Default)]
struct Output {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    all: Vec<(Stream, String)>,
    closed: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

impl Running {
    /// Starts a program with both output streams captured. The label shows in error messages.
    pub fn start(label: &str, mut command: Command) -> Result<Self, LabError> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| LabError::Io { doing: format!("start {label}"), source })?;
        let output = Arc::new(Output::default());
        let stdout = child.stdout.take().expect("was asked for");
        let stderr = child.stderr.take().expect("was asked for");
        let readers = vec![read(stdout, Stream::Stdout, &output), read(stderr, Stream::Stderr, &output)];
        Ok(Self { label: label.into(), child, output, readers })
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The program's standard input, if its command asked for a pipe and nobody took it before. Dropping it
    /// is the end of the input.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits for a line of either stream that contains these words, and returns it. Lines that came before
    /// the call count. An error when the time is over, or when both streams have ended without it.
    pub fn wait_for_line(&self, words: &str, timeout: Duration) -> Result<String, LabError> {
        let what = format!("a line with {words:?} from {}", self.label);
        self.wait_for(&what, timeout, |line| line.contains(words).then(|| line.to_owned()))
    }

    /// Waits for the first line of either stream in which `find` finds something. `what` is what the error
    /// says.
    pub fn wait_for<T>(
        &self,
        what: &str,
        timeout: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> Result<T, LabError> {
        let deadline = Instant::now() + timeout;
        let mut lines = self.output.lock();
        let mut seen = 0;
        loop {
            if let Some(found) = lines.all[seen..].iter().find_map(|(_, line)| find(line)) {
                return Ok(found);
            }
            seen = lines.all.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || lines.closed == self.readers.len() {
                let what = what.to_owned();
                return Err(LabError::Timeout { what, within: timeout, seen: lines.text(None) });
            }
            lines =
                self.output.changed.wait_timeout(lines, left).map_or_else(|e| e.into_inner().0, |(l, _)| l);
        }
    }

    /// Waits for the program to end by itself and for its streams to close. When the time is over it is left
    /// running, and the error quotes it.
    pub fn wait(&mut self, timeout: Duration) -> Result<Finished, LabError> {
        let deadline = Instant::now() + timeout;
        loop {
            let ended = self
                .child
                .try_wait()
                .map_err(|source| LabError::Io { doing: format!("wait for {}", self.label), source })?;
            if let Some(status) = ended {
                self.readers.drain(..).for_each(|reader| drop(reader.join()));
                let lines = self.output.lock();
                let (stdout, stderr) = (lines.text(Some(Stream::Stdout)), lines.text(Some(Stream::Stderr)));
                return Ok(Finished { status, stdout, stderr });
            }
            if Instant::now() >= deadline {
                let what = format!("the end of {}", self.label);
                return Err(LabError::Timeout { what, within: timeout, seen: self.output.lock().text(None) });
            }
            thread::sleep(EXIT_POLL);
        }
    }

    /// As [`wait`](Self::wait), and anything but success is an error as well.
    pub fn wait_for_success(&mut self, timeout: Duration) -> Result<Finished, LabError> {
        let finished = self.wait(timeout)?;
        if finished.status.success() {
            return Ok(finished);
        }
        Err(LabError::Ended {
            program: self.label.clone(),
            status: finished.status,
            what: "its work was done".into(),
            seen: self.output.lock().text(None),
        })
    }

    /// As Ctrl-C does (SIGINT).
    pub fn interrupt(&mut self) -> Result<(), LabError> {
        self.signal(Signal::INT)
    }

    /// As a service manager does (SIGTERM).
    pub fn terminate(&mut self) -> Result<(), LabError> {
        self.signal(Signal::TERM)
    }

    /// Ends it at once, with no chance to clean up (SIGKILL).
    pub fn kill(&mut self) -> Result<(), LabError> {
        self.signal(Signal::KILL)
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.output.lock().text(Some(Stream::Stdout))
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.output.lock().text(Some(Stream::Stderr))
    }

    /// Signals the process, unless it has ended: then its number may be another's.
    fn signal(&mut self, signal: Signal) -> Result<(), LabError> {
        let failed = |source| LabError::Io { doing: format!("signal {}", self.label), source };
        if self.child.try_wait().map_err(failed)?.is_some() {
            return Ok(());
        }
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process number");
        kill_process(id, signal).map_err(|error| failed(error.into()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where the process is gone already, which is what is wanted. The readers are not
        // waited for: a grandchild may hold the streams open.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {} wrote:\n{}", self.label, self.output.lock().text(None));
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("label", &self.label).field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Output {
    /// A reader that panicked leaves lines that are still good.
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Lines {
    fn text(&self, of: Option<Stream>) -> String {
        let wanted = self.all.iter().filter(|(stream, _)| of.is_none_or(|of| of == *stream));
        wanted.map(|(_, line)| line.as_str()).collect()
    }
}

fn read(from: impl Read + Send + 'static, stream: Stream, output: &Arc<Output>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        while from.read_until(b'\n', &mut bytes).is_ok_and(|length| length > 0) {
            let line = String::from_utf8_lossy(&bytes).into_owned();
            output.lock().all.push((stream, line));
            output.changed.notify_all();
            bytes.clear();
        }
        output.lock().closed += 1;
        output.changed.notify_all();
    })
}
