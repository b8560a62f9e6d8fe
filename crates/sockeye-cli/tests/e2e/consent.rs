//! Nothing is written before it is accepted; who is asked, and what happens when nobody can be.

use crate::{
    MIB, PROGRAM,
    machine::{Machine, pair},
    process::{Ended, Process},
    terminal::Terminal,
    tree,
};

/// A sender that offers a few things.
fn offering() -> (Machine, Machine, Process) {
    let (sender, receiver) = pair();
    sender.file("tree/file", tree::bytes(1, 300_000));
    sender.file("tree/.hidden", "x");
    tree::set_mode(&sender.file("tree/run", "x"), 0o755);
    let sends = sender.send(&["tree"]);
    (sender, receiver, sends)
}

/// A receiver at a terminal, in front of the question.
fn asked(receiver: &Machine, sends: &Process) -> Terminal {
    let mut command = receiver.command(PROGRAM);
    command.args(["receive", "-o", "in", &sends.code().with_address()]).args(receiver.quietly());
    let terminal = Terminal::start(&command);
    terminal.shows("Accept? [y/N]");
    terminal
}

#[track_caller]
fn nothing_was_written(receiver: &Machine) {
    let found = tree::read(&receiver.inbox());
    let names: Vec<_> = found.keys().map(|name| String::from_utf8_lossy(name)).collect();
    assert_eq!(names, [""], "something was written");
}

#[test]
fn with_json_and_without_yes_it_is_declined_and_both_are_told() {
    let (_sender, receiver, sends) = offering();
    let received: Ended = receiver.receive(&[&sends.code().with_address()]).end();
    received.exits(2).says("usage", "-y");
    let offer = received.only("offer");
    assert_eq!((&offer["files"], &offer["directories"]), (&3.into(), &1.into()), "{offer}");
    assert_eq!(offer["hidden"][0]["path"], "tree/.hidden", "{offer}");
    assert_eq!(offer["executable"][0]["path"], "tree/run", "{offer}");
    assert_eq!(offer["roots"][0]["path"], "tree", "{offer}");
    sends.end().exits(5).says_why("peer_told", "declined", "the other side declined");
    nothing_was_written(&receiver);
}

#[test]
fn without_a_terminal_and_without_yes_it_is_declined_and_both_are_told() {
    let (_sender, receiver, sends) = offering();
    let mut command = receiver.command(PROGRAM);
    command.args(["receive", "-o", "in", &sends.code().with_address()]).args(receiver.quietly());
    let received = receiver.start(command).end();
    received.exits(2);
    assert!(received.stderr.contains("add -y to accept without asking"), "{received:?}");
    assert!(received.stdout.is_empty(), "{received:?}");
    sends.end().exits(5).says_why("peer_told", "declined", "the other side declined");
    nothing_was_written(&receiver);
}

#[test]
fn a_person_says_yes() {
    let (sender, receiver, sends) = offering();
    let mut terminal = asked(&receiver, &sends);
    for words in ["The sender offers 3 files, 1 directory", "tree/.hidden", "tree/run"] {
        terminal.shows(words);
    }
    nothing_was_written(&receiver);
    terminal.types("y\n");
    assert_eq!(terminal.end(), Some(0));
    sends.end().exits(0);
    tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
}

#[test]
fn a_person_says_no() {
    let (_sender, receiver, sends) = offering();
    let mut terminal = asked(&receiver, &sends);
    terminal.types("n\n");
    terminal.shows("declined here");
    assert_eq!(terminal.end(), Some(5));
    sends.end().exits(5).says_why("peer_told", "declined", "the other side declined");
    nothing_was_written(&receiver);
}

#[test]
fn a_person_presses_enter_or_types_something_else() {
    for answer in ["\n", "maybe\n", "\u{4}"] {
        let (_sender, receiver, sends) = offering();
        let mut terminal = asked(&receiver, &sends);
        terminal.types(answer);
        assert_eq!(terminal.end(), Some(5), "{answer:?}");
        sends.end().exits(5);
        nothing_was_written(&receiver);
    }
}

#[test]
fn a_person_presses_ctrl_c() {
    let (_sender, receiver, sends) = offering();
    let mut terminal = asked(&receiver, &sends);
    terminal.types("\u{3}");
    assert_eq!(terminal.end(), Some(130));
    sends.end().exits(1).says_why("peer_told", "interrupted", "the other side was interrupted");
    nothing_was_written(&receiver);
}

/// A receiver at a terminal that said yes, and whose sender was killed on the way.
fn accepted_and_broken() -> (Machine, Machine, Terminal) {
    let (sender, receiver) = pair();
    sender.file("tree/large", tree::bytes(1, 384 * MIB));
    let sends = sender.send(&["tree"]);
    let mut terminal = asked(&receiver, &sends);
    terminal.types("y\n");
    sends.progress(1);
    sends.kill();
    terminal.shows("The connection was lost");
    (sender, receiver, terminal)
}

fn questions(shown: &str) -> usize {
    shown.matches("Accept? [y/N]").count()
}

#[test]
fn a_person_is_not_asked_again_after_a_broken_connection() {
    let (sender, receiver, terminal) = accepted_and_broken();
    let sends = sender.send(&["tree"]);
    let (exit, shown) = terminal.end_with_text();
    assert_eq!((exit, questions(&shown)), (Some(0), 1), "{shown}");
    sends.end().exits(0);
    tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
}

#[test]
fn a_person_is_asked_again_when_something_else_is_offered() {
    let (sender, receiver, mut terminal) = accepted_and_broken();
    sender.file("tree/new", "x");
    let sends = sender.send(&["tree"]);
    terminal.shows_again("Accept? [y/N]", 2);
    assert!(!receiver.path("in/tree/new").exists());
    terminal.types("y\n");
    let (exit, shown) = terminal.end_with_text();
    assert_eq!((exit, questions(&shown)), (Some(0), 2), "{shown}");
    sends.end().exits(0);
    tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let (sender, receiver) = pair();
    tree::set_mode(&sender.file("tree/\u{1b}]0;owned\u{7}", "x"), 0o755);
    sender.file("tree/.two\nAccept? [y/N] y", "x");
    sender.file("tree/.\u{202e}gpj.exe", "x");
    let sends = sender.send(&["tree"]);
    let mut terminal = asked(&receiver, &sends);
    terminal.types("y\n");
    let (exit, shown) = terminal.end_with_text();
    assert_eq!(exit, Some(0), "{shown}");
    assert!(!shown.contains("\u{1b}]0;") && !shown.contains('\u{202e}'), "{shown:?}");
    let questions = shown.lines().filter(|line| line.starts_with("Accept?")).count();
    assert_eq!(questions, 1, "{shown}");
    sends.end().exits(0);
    tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
}

#[test]
fn a_code_is_asked_for_and_repaired_at_a_terminal() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let sends = sender.send(&["file", "--code", "4821-tulip-harbor"]);
    let typed = sends.code().with_address();
    let mut command = receiver.command(PROGRAM);
    command.args(["receive", "-y", "-o", "in", "--interface", "lo"]).env("TERM", "dumb");
    let mut terminal = Terminal::start(&command);
    terminal.shows("Code: ");
    terminal.types("nonsense\n");
    terminal.shows("4821-tulip-harbor");
    terminal.types(&format!("{typed}\n"));
    assert_eq!(terminal.end(), Some(0));
    sends.end().exits(0);
}
