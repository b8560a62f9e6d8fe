//! Runs the commands of README.md, README.zh-CN.md and the guide.
//!
//! A fenced block with the info string `console` is a session. A line that begins with `A$ `, `B$ ` or `$ ` is typed in
//! the terminal of that letter; the lines below it are what it shows. Each terminal has a directory and a home of its own
//! for the block; `A` and `$` have files to send (`FIXTURES`). A command is left running when the next one is typed in
//! another terminal. All commands must end with exit code 0. In expected lines `…` stands for anything, and a line
//! `...` for any lines. A code in the text, such as 4821-tulip-harbor, stands for the one that the program printed, and
//! `@HOST:PORT` behind it for this machine. A session with the info string `console root` is for root alone.
//!
//! All of it runs in a network namespace with nothing but loopback, so that no packet leaves the machine.

mod expect;
mod markdown;
mod session;

use std::{path::PathBuf, process::Command};

use sockeye_lab::{Skip, record_skip, skip};

use super::repository;

/// Set in the copy of this test that runs inside the namespace.
const INSIDE: &str = "SOCKEYE_TEST_NAMESPACE";
/// Loopback that also carries multicast and broadcast, and a place where `ip netns` can keep its names.
const SET_UP: &str = "mount -t tmpfs tmpfs /run && ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && exec \"$0\" \"$@\"";

#[test]
fn the_commands_of_the_documents_work() {
    if std::env::var_os(INSIDE).is_none() {
        return run_inside("readme::the_commands_of_the_documents_work");
    }
    let mut blocks = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).expect("a document");
        for block in markdown::console_blocks(&text) {
            let what = format!("{}:{}", document.display(), block.line);
            if block.by_root && !is_root() {
                record_skip(&what, format_args!("{}", Skip::new("only root may type it".to_owned())));
                continue;
            }
            blocks += 1;
            if let Err(why) = session::run(&block.steps, super::PROGRAM.as_ref()) {
                panic!("{what}: {why}");
            }
        }
    }
    assert!(blocks > 0, "no document has a console block");
}

/// Whether this is root, and not somebody who is called so in a namespace.
fn is_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let everybody = map.split_whitespace().eq(["0", "0", "4294967295"]);
    rustix::process::geteuid().is_root() && everybody
}

/// The documents whose commands are run.
fn documents() -> Vec<PathBuf> {
    let mut documents = vec![repository("README.md"), repository("README.zh-CN.md")];
    let book = std::fs::read_dir(repository("docs/book")).into_iter().flatten();
    let mut pages: Vec<PathBuf> = book.map(|entry| entry.expect("an entry").path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    documents.append(&mut pages);
    documents
}

/// Runs one test of this binary again, in a namespace. Where that is not allowed, says so loudly.
fn run_inside(test: &str) {
    let enter = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        // Root stays what it is: capturing packets takes a right that a name alone does not give.
        unshare.args(if is_root() { &[][..] } else { &["--map-root-user"] });
        unshare.args(["--net", "--mount", "sh", "-c", SET_UP]).args(command);
        unshare
    };
    let possible = enter(&["true"]).output().is_ok_and(|output| output.status.success());
    if !possible {
        skip!("no network namespace can be made here, so the commands of the documents were not run");
    }
    let me = std::env::current_exe().expect("this test");
    let me = me.to_str().expect("a path that is text");
    let output = enter(&[me, "--exact", test, "--nocapture"]).env(INSIDE, "1").output().expect("it runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
