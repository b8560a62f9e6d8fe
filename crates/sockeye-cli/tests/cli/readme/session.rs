//! Types the commands of a block into shells.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use super::{
    expect::{address_behind, check, find_code},
    markdown::Step,
};

/// How long a block may wait for a command to end or to print a code.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the terminals that send find in their directory: path and length.
const FIXTURES: [(&str, usize); 5] = [
    ("photo.png", 700_000),
    ("report.pdf", 300_000),
    ("holiday/beach.jpg", 400_000),
    ("holiday/more/hills.jpg", 5_000),
    ("holiday/notes.txt", 12),
];

/// Types the commands in order. `program` is the `sockeye` that the shells find.
pub(super) fn run(steps: &[Step], program: &Path) -> Result<(), String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut session = Session::new(place.path(), program)?;
    let outcome = session.type_all(steps);
    session.end_all();
    outcome
}

struct Session {
    place: PathBuf,
    path: std::ffi::OsString,
    running: BTreeMap<String, Running>,
    /// The code in the document, and the one that was printed.
    codes: BTreeMap<String, Printed>,
}

#[derive(Clone, Default)]
struct Printed {
    code: String,
    address: Option<String>,
}

struct Running {
    child: Child,
    step: Step,
    shown: Arc<Shown>,
}

/// What a command has shown so far. Both of its outputs go here, as to a terminal.
#[derive(Default)]
struct Shown {
    text: Mutex<(String, bool)>,
    grew: Condvar,
}

impl Session {
    fn new(place: &Path, program: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| error.to_string();
        let commands = place.join("commands");
        fs::create_dir_all(&commands).map_err(failed)?;
        std::os::unix::fs::symlink(program, commands.join("sockeye")).map_err(failed)?;
        let mut path = commands.into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        for terminal in ["", "A", "B", "C", "D"] {
            let directory = directory(place, terminal);
            fs::create_dir_all(&directory).map_err(failed)?;
            if matches!(terminal, "" | "A") {
                fixtures(&directory).map_err(failed)?;
            }
        }
        Ok(Self { place: place.to_owned(), path, running: BTreeMap::new(), codes: BTreeMap::new() })
    }

    fn type_all(&mut self, steps: &[Step]) -> Result<(), String> {
        for (index, step) in steps.iter().enumerate() {
            self.finish(&step.terminal)?;
            self.learn_code(&step.command)?;
            let command = self.translate(&step.command);
            self.start(step, &command)?;
            let stays = steps.get(index + 1).is_some_and(|next| next.terminal != step.terminal);
            if stays {
                self.wait_for_first_line(step);
            } else {
                self.finish(&step.terminal)?;
            }
        }
        let open: Vec<String> = self.running.keys().cloned().collect();
        open.iter().try_for_each(|terminal| self.finish(terminal))
    }

    /// Waits until a program that stays has shown the first line that it is to show, as a person would before typing on. Whether
    /// it is the right one is judged at its end.
    fn wait_for_first_line(&self, step: &Step) {
        let first = step.expected.first().filter(|line| *line != "..." && find_code(line).is_none());
        if let (Some(first), Some(running)) = (first, self.running.get(&step.terminal)) {
            let first = std::slice::from_ref(first);
            running.shown.wait_for(|text, ended| {
                let line = text.split_inclusive('\n').next().filter(|line| line.ends_with('\n'));
                (ended || line.is_some_and(|line| check(line, first).is_ok())).then_some(())
            });
        }
    }

    /// If a command has a code that no program has printed yet, waits for the program that runs to print one.
    fn learn_code(&mut self, command: &str) -> Result<(), String> {
        let Some((start, end)) = find_code(command) else { return Ok(()) };
        let placeholder = &command[start..end];
        if self.codes.contains_key(placeholder) {
            return Ok(());
        }
        // Without another program the code is meant as it stands: it is chosen there.
        let Some(running) = self.running.values().next() else { return Ok(()) };
        let printed = running.shown.wait_for(|text, ended| {
            let found =
                printed_code(text).filter(|found| found.address.is_some() || ended || has_bare_line(text));
            found.map(Ok).or_else(|| {
                ended.then(|| Err(format!("{} ended without a code:\n{text}", running.step.command)))
            })
        });
        let printed = printed.unwrap_or_else(|| Err(format!("{} printed no code", running.step.command)))?;
        self.codes.insert(placeholder.to_owned(), printed);
        Ok(())
    }

    /// Text of the document with the codes that were really printed.
    fn translate(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((start, end)) = find_code(rest) {
            out.push_str(&rest[..start]);
            let code = &rest[start..end];
            rest = &rest[end..];
            let Some(printed) = self.codes.get(code) else {
                out.push_str(code);
                continue;
            };
            out.push_str(&printed.code);
            if let (Some(address), Some(real)) = (address_behind(rest), &printed.address) {
                out.push('@');
                out.push_str(real);
                rest = &rest[1 + address.len()..];
            }
        }
        out + rest
    }

    fn start(&mut self, step: &Step, command: &str) -> Result<(), String> {
        let (mut reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
        let other = writer.try_clone().map_err(|error| error.to_string())?;
        let child = Command::new("sh")
            .args(["-c", command])
            .current_dir(directory(&self.place, &step.terminal))
            .env("PATH", &self.path)
            .env("SOCKEYE_HOME", self.place.join(format!("home-{}", step.terminal)))
            .env("TMPDIR", &self.place)
            .env_remove("SOCKEYE_CODE")
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(other)
            .spawn()
            .map_err(|error| error.to_string())?;
        let shown = Arc::new(Shown::default());
        let to = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                to.change(|text| text.0.push_str(&String::from_utf8_lossy(&buffer[..length])));
            }
            to.change(|text| text.1 = true);
        });
        self.running.insert(step.terminal.clone(), Running { child, step: step.clone(), shown });
        Ok(())
    }

    /// Waits for the command of a terminal, if one runs, and judges it.
    fn finish(&mut self, terminal: &str) -> Result<(), String> {
        let Some(mut running) = self.running.remove(terminal) else { return Ok(()) };
        let command = &running.step.command;
        let ended = running.shown.wait_for(|_, ended| ended.then_some(()));
        let shown = running.shown.text.lock().expect("no panic").0.clone();
        if ended.is_none() {
            stop(&mut running.child);
            return Err(format!("{command} did not end; it showed\n{shown}"));
        }
        let status = running.child.wait().map_err(|error| error.to_string())?;
        if !ExitStatus::success(&status) {
            return Err(format!("{command} ended with {status}; it showed\n{shown}"));
        }
        self.learn_shown(&running.step, &shown);
        let expected: Vec<String> = running.step.expected.iter().map(|line| self.translate(line)).collect();
        check(&shown, &expected).map_err(|why| format!("{command}: {why}"))
    }

    /// A code in what is expected stands for the one that was printed, unless that one has a name in the document already.
    fn learn_shown(&mut self, step: &Step, shown: &str) {
        let Some(printed) = printed_code(shown) else { return };
        let named = self.codes.values().any(|known| known.code == printed.code);
        let line =
            step.expected.iter().find_map(|line| find_code(line).map(|(start, end)| &line[start..end]));
        if let (Some(placeholder), false) = (line, named) {
            self.codes.insert(placeholder.to_owned(), printed);
        }
    }

    fn end_all(&mut self) {
        self.running.values_mut().for_each(|running| stop(&mut running.child));
    }
}

/// Ends a command that should have ended by itself.
fn stop(child: &mut Child) {
    // One that has just ended is what is wanted.
    let _ = child.kill();
    let _ = child.wait();
}

impl Shown {
    fn change(&self, change: impl FnOnce(&mut (String, bool))) {
        change(&mut self.text.lock().expect("no panic"));
        self.grew.notify_all();
    }

    /// Waits until `find` finds something in the text; its second parameter is whether the text is complete.
    fn wait_for<T>(&self, find: impl Fn(&str, bool) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut text = self.text.lock().expect("no panic");
        loop {
            if let Some(found) = find(&text.0, text.1) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            text = self.grew.wait_timeout(text, left).expect("no panic").0;
        }
    }
}

/// The first code in what a program printed, and the address beside it, if one is there.
fn printed_code(text: &str) -> Option<Printed> {
    let (start, end) = find_code(text)?;
    let code = text[start..end].to_owned();
    let with_address = format!("{code}@");
    let address =
        text.find(&with_address).and_then(|at| address_behind(&text[at + code.len()..])).map(str::to_owned);
    Some(Printed { code, address })
}

/// Whether the program has printed the line to type, and more after it, so that no address is still to come with it.
fn has_bare_line(text: &str) -> bool {
    let Some((start, end)) = find_code(text) else { return false };
    text[end..].contains(&text[start..end]) && text.ends_with('\n')
}

fn directory(place: &Path, terminal: &str) -> PathBuf {
    place.join(if terminal.is_empty() { "directory" } else { terminal })
}

fn fixtures(directory: &Path) -> std::io::Result<()> {
    for (name, length) in FIXTURES {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a parent"))?;
        let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
        fs::write(path, bytes)?;
    }
    Ok(())
}

#[test]
fn a_session_feeds_the_code_of_one_program_to_the_other() {
    // A program that stands in for the real one: `send` waits until `receive` has said its code to it.
    let place = tempfile::tempdir().expect("a directory");
    let program = place.path().join("program");
    let meeting = place.path().join("meeting");
    let script = format!(
        "#!/bin/sh\ncase $1 in\n\
         send) echo 'Code: 17-red-fish'; echo '    sockeye receive 17-red-fish'; mkfifo {0}; read code < {0}; echo \"sent to $code\";;\n\
         receive) echo \"$2\" > {0}; echo received \"$2\";;\nesac\n",
        meeting.display()
    );
    fs::write(&program, script).expect("it is written");
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it may run");
    let text = "```console\n\
        A$ sockeye send photo.png\nCode: 4821-tulip-harbor\n...\nsent to 4821-tulip-harbor\n\
        B$ sockeye receive 4821-tulip-harbor\nreceived 4821-tulip-harbor\n\
        A$ test -s photo.png && echo …\n…\n```\n";
    let block = super::markdown::console_blocks(text).remove(0);
    run(&block.steps, &program).expect("it works");

    let mut wrong = block.steps;
    wrong[1].expected = vec!["received 17-blue-fish".to_owned()];
    fs::remove_file(&meeting).expect("the meeting is over");
    let why = run(&wrong, &program).expect_err("another line was expected");
    assert!(why.contains("but it showed\nreceived 17-red-fish"), "{why}");
}
