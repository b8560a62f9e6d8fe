//! `sockeye demo`: the main job on this machine alone, by processes of this same program over real sockets.

mod pair;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use sockeye::escape;
use tokio::sync::oneshot;

use super::runtime;
use crate::{
    args::DemoArgs,
    exit::Exit,
    output::{
        json,
        measure::{duration, size},
        say,
    },
    signals::Signals,
    trouble::Trouble,
};
use pair::{Children, move_picture};

/// The picture: made by `scripts/make-picture.py`, CC0.
const PICTURE: &[u8] = include_bytes!("../../../../assets/sockeye.png");
/// What it is called when it travels.
const PICTURE_NAME: &str = "sockeye.png";
/// Who receives it at once in the second part.
const RECEIVERS: [&str; 3] = ["many-1", "many-2", "many-3"];

/// Shows it.
pub(super) fn run(args: &DemoArgs) -> Result<Exit, Trouble> {
    let place = Place::make(args.output.as_deref())?;
    let children = Arc::new(Children::default());
    let (send_outcome, outcome) = oneshot::channel();
    let show = Show { directory: place.directory.clone(), json: args.json, children: Arc::clone(&children) };
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen().map_err(|source| Trouble::file("watch", "(signals)", source))?;
        std::thread::spawn(move || send_outcome.send(show.perform()));
        tokio::select! {
            outcome = outcome => outcome.unwrap_or_else(|_| failed("a part of the demonstration ended unexpectedly")),
            () = signals.next() => Err(Trouble::Library(sockeye::Error::Cancelled)),
        }
    });
    children.end_all();
    runtime.shutdown_background();
    place.tidy(outcome.is_ok());
    outcome.map(|()| Exit::Done)
}

fn failed<T>(sentence: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Demo(sentence.into(), Exit::Integrity))
}

/// The directory that the demonstration fills.
struct Place {
    directory: PathBuf,
    /// Whether it was made for this run, so that it may go as a whole.
    ours: bool,
}

impl Place {
    fn make(wanted: Option<&Path>) -> Result<Self, Trouble> {
        let (directory, ours) = if let Some(wanted) = wanted {
            let directory =
                std::path::absolute(wanted).map_err(|source| Trouble::file("find", wanted, source))?;
            let ours = !directory.exists();
            fs::create_dir_all(&directory).map_err(|source| Trouble::file("create", &directory, source))?;
            (directory, ours)
        } else {
            let made = tempfile::Builder::new().prefix("sockeye-demo-").tempdir();
            let made =
                made.map_err(|source| Trouble::file("create a directory in", std::env::temp_dir(), source))?;
            (made.keep(), true)
        };
        let picture = directory.join(PICTURE_NAME);
        fs::write(&picture, PICTURE).map_err(|source| Trouble::file("write", &picture, source))?;
        Ok(Self { directory, ours })
    }

    /// The identities of the processes always go; pictures that did not all arrive go too.
    fn tidy(&self, worked: bool) {
        // Nothing depends on these being gone: what stays is a temporary file.
        if !worked && self.ours {
            let _ = fs::remove_dir_all(&self.directory);
        } else {
            let _ = fs::remove_dir_all(self.directory.join(HOMES));
        }
    }
}

/// Where the identities of the processes are, below the directory of the demonstration.
const HOMES: &str = ".homes";

struct Show {
    directory: PathBuf,
    json: bool,
    children: Arc<Children>,
}

impl Show {
    fn perform(&self) -> Result<(), Trouble> {
        let directory = escape::terminal(self.directory.as_os_str().as_encoded_bytes());
        self.tell(&format!(
            "A picture of {} goes from one process to another, over TCP on 127.0.0.1.",
            size(PICTURE.len() as u64)
        ));
        self.go(&["one"])?;
        self.tell(&format!(
            "Now it goes to {} processes at once, with one code: in packets to a multicast group, each of them once.",
            RECEIVERS.len()
        ));
        self.go(&RECEIVERS)?;
        self.tell(&format!("Every picture equals the one sent, byte for byte. They are in {directory}"));
        if self.json {
            let fields =
                json!({ "pictures": RECEIVERS.len() + 1, "directory": json::of_local(&self.directory) });
            json::write(&json::event("demo_done", fields)).map_err(Trouble::output)?;
        }
        Ok(())
    }

    /// One sender, and a receiver for each name; all pictures are compared.
    fn go(&self, names: &[&str]) -> Result<(), Trouble> {
        let began = Instant::now();
        let homes = self.directory.join(HOMES).join(names[0]);
        let into: Vec<PathBuf> = names.iter().map(|name| self.directory.join(name)).collect();
        for directory in &into {
            fs::create_dir_all(directory).map_err(|source| Trouble::file("create", directory, source))?;
        }
        move_picture(&self.children, &self.directory.join(PICTURE_NAME), &homes, &into)?;
        let time = began.elapsed();
        for directory in into {
            let path = directory.join(PICTURE_NAME);
            let arrived = fs::read(&path).map_err(|source| Trouble::file("read", &path, source))?;
            if arrived != PICTURE {
                let path = path.display();
                return failed(format!("{path} differs from the picture that was sent: please report this"));
            }
            self.arrived(&path, time)?;
        }
        Ok(())
    }

    fn arrived(&self, path: &Path, time: Duration) -> Result<(), Trouble> {
        if self.json {
            let fields = json!({ "picture": json::of_local(path), "bytes": PICTURE.len(), "elapsed_s": time.as_secs_f64() });
            return json::write(&json::event("demo_picture", fields)).map_err(Trouble::output);
        }
        self.tell(&format!(
            "    {} ({})",
            escape::terminal(path.as_os_str().as_encoded_bytes()),
            duration(time)
        ));
        Ok(())
    }

    fn tell(&self, line: &str) {
        if !self.json {
            say(line);
        }
    }
}
