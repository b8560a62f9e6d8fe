//! A person at a terminal: a pseudo-terminal whose other end the test holds.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

use crate::PATIENCE;

/// How often to ask whether the program has ended.
const EXIT_POLL: Duration = Duration::from_millis(5);

/// A program whose three streams are a terminal.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Screen>,
}

/// All that was ever shown.
#[derive(Default)]
struct Screen {
    text: Mutex<Vec<u8>>,
    changed: Condvar,
}

impl Terminal {
    /// Starts a program. It gets a session of its own, with the terminal in charge of it, so that Ctrl-C is a signal.
    pub fn start(command: &Command) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).expect("a pseudo-terminal");
        grantpt(&ours).expect("a pseudo-terminal");
        unlockpt(&ours).expect("a pseudo-terminal");
        let theirs = ioctl_tiocgptpeer(&ours, flags).expect("its other end");
        let stream = || Stdio::from(theirs.try_clone().expect("a descriptor"));
        let mut controlled = in_session(command);
        let child = controlled.stdin(stream()).stdout(stream()).stderr(stream()).spawn().expect("it starts");
        // Our copies of the far end go, so that its end is seen.
        drop((controlled, theirs));
        let screen = Arc::new(Screen::default());
        let keyboard = File::from(ours);
        watch(keyboard.try_clone().expect("a descriptor"), Arc::clone(&screen));
        Self { child, keyboard, screen }
    }

    /// Waits until this is shown.
    #[track_caller]
    pub fn shows(&self, words: &str) {
        self.shows_again(words, 1);
    }

    /// Waits until this has been shown so many times.
    #[track_caller]
    pub fn shows_again(&self, words: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut text = self.screen.text.lock().expect("a screen");
        while String::from_utf8_lossy(&text).matches(words).count() < times {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{words:?} was not shown, but\n{}", String::from_utf8_lossy(&text));
            text = self.screen.changed.wait_timeout(text, left).expect("a screen").0;
        }
    }

    /// Presses keys.
    pub fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Waits until the program ends; its exit code.
    #[track_caller]
    pub fn end(self) -> Option<i32> {
        self.end_with_text().0
    }

    /// As [`end`](Self::end), with all that was shown.
    #[track_caller]
    pub fn end_with_text(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                let text = self.screen.text.lock().expect("a screen");
                return (status.code(), String::from_utf8_lossy(&text).into_owned());
            }
            let text = String::from_utf8_lossy(&self.screen.text.lock().expect("a screen")).into_owned();
            assert!(Instant::now() < deadline, "it does not end; shown so far:\n{text}");
            thread::sleep(EXIT_POLL);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail only where the process is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same command with a session and a controlling terminal of its own.
fn in_session(command: &Command) -> Command {
    let mut controlled = Command::new("setsid");
    controlled.arg("--ctty").arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        controlled.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => controlled.env(name, value),
            None => controlled.env_remove(name),
        };
    }
    controlled
}

fn watch(mut from: File, screen: Arc<Screen>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // Reading fails when the last program at the other end is gone.
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            screen.text.lock().expect("a screen").extend_from_slice(&buffer[..length]);
            screen.changed.notify_all();
        }
    });
}
