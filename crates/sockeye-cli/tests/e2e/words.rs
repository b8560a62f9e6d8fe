//! What a person reads when all goes well, and the ways to say less or more.

use crate::{
    machine::{Machine, pair},
    process::{Ended, Process},
    tree,
};

/// `sockeye send` for a person.
fn sends(sender: &Machine, arguments: &[&str]) -> Process {
    sender.run(&[&["send"], sender.quietly(), arguments].concat())
}

/// The code and address that a person would type: what follows `sockeye receive` on the screen.
fn on_the_screen(sends: &Process) -> String {
    let line = sends.line("    sockeye receive ");
    line.trim().trim_start_matches("sockeye receive ").to_owned()
}

#[track_caller]
fn good(ended: &Ended, sentences: &[&str]) {
    ended.exits(0);
    assert!(ended.stdout.is_empty(), "sentences go to standard error: {ended:?}");
    for sentence in sentences {
        assert!(ended.stderr.contains(sentence), "{sentence:?} is not in {ended:?}");
    }
}

#[test]
fn both_say_what_went_where() {
    let (sender, receiver) = pair();
    sender.file("tree/one", tree::bytes(1, 300_000));
    sender.file("tree/two", "x");
    let sends = sends(&sender, &["tree"]);
    let code = on_the_screen(&sends);
    let received = receiver.run(&["receive", "-y", "-o", "in", &code]).end();
    let from = sender.path("tree").display().to_string();
    let to = receiver.path("in/tree").display().to_string();
    good(&received, &["Received 2 files in 1 directory", &to]);
    good(&sends.end(), &["Code: ", "On the other machine type", "Sent 2 files in 1 directory", &from]);
}

#[test]
fn without_o_it_goes_to_the_current_directory_and_receive_need_not_be_typed() {
    let (sender, receiver) = pair();
    let file = sender.file("file", "x");
    let sends = sends(&sender, &["file"]);
    let code = on_the_screen(&sends);
    good(&receiver.run(&[&code, "-y"]).end(), &["Received 1 file"]);
    good(&sends.end(), &["Sent 1 file"]);
    tree::assert_same(&file, &receiver.path("file"));
}

#[test]
fn quiet_prints_the_code_and_nothing_else() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let quiet = sends(&sender, &["file", "--quiet"]);
    let code = quiet.line("Code: ");
    let code = code.trim().trim_start_matches("Code: ").to_owned();
    // The address is not shown, so somebody who needs it asks for it.
    drop(quiet);
    let loud = sends(&sender, &["file", "--code", &code]);
    let typed = on_the_screen(&loud);
    let received = receiver.run(&["receive", "-y", "--quiet", "-o", "in", &typed]).end();
    good(&received, &[]);
    assert!(received.stderr.is_empty(), "{received:?}");
    good(&loud.end(), &[]);
    // A code that was chosen is not even printed.
    let chosen = sends(&sender, &["file", "--quiet", "--code", &code, "--timeout", "1s"]).end();
    chosen.exits(4);
    assert!(!chosen.stderr.contains("Code"), "{chosen:?}");
}

#[test]
fn stats_say_where_the_time_went_and_verbose_says_more() {
    let (sender, receiver) = pair();
    sender.file("file", tree::bytes(1, 3_000_000));
    let sends = sends(&sender, &["file", "--stats", "-v"]);
    let code = on_the_screen(&sends);
    let received = receiver.run(&["receive", "-y", "--stats", "-v", "-o", "in", &code]).end();
    good(&received, &["Time at work: writing", "BLAKE3 ", "Connecting to "]);
    good(&sends.end(), &["Time at work: reading", "the connection was lost 0 times", "Listening on "]);
}

#[test]
fn what_did_not_arrive_is_listed_for_both() {
    let (sender, receiver) = pair();
    sender.file("tree/new", "x");
    sender.file("tree/differs", "here");
    receiver.file("in/tree/differs", "there");
    let sends = sends(&sender, &["tree"]);
    let code = on_the_screen(&sends);
    let received = receiver.run(&["receive", "-y", "-o", "in", &code]).end();
    let sent = sends.end();
    for side in [&sent, &received] {
        assert_eq!(side.exit, Some(11), "{side:?}");
        assert!(side.stderr.contains("1 entry did not arrive:"), "{side:?}");
        assert!(side.stderr.contains("tree/differs: a different one is there and stays"), "{side:?}");
    }
}

#[test]
fn a_thousand_lines_of_failures_are_not_printed() {
    let (sender, receiver) = pair();
    for number in 0..100 {
        sender.file(format!("tree/{number}"), "here");
        receiver.file(format!("in/tree/{number}"), "there");
    }
    let sends = sends(&sender, &["tree"]);
    let code = on_the_screen(&sends);
    let received = receiver.run(&["receive", "-y", "-o", "in", &code]).end();
    let sent = sends.end();
    for side in [&sent, &received] {
        assert_eq!(side.exit, Some(11), "{side:?}");
        assert!(side.stderr.contains("100 entries did not arrive:"), "{side:?}");
        assert!(side.stderr.contains("and 80 more"), "{side:?}");
        assert!(side.stderr.lines().count() < 40, "{side:?}");
    }
}
