//! What the program says and how it ends before any network is touched.

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use super::PROGRAM;

/// Runs the program without a terminal, in a new directory with a new home.
fn run(arguments: &[&str]) -> Output {
    run_with(arguments, |_| ())
}

fn run_with(arguments: &[&str], change: impl FnOnce(&mut Command)) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(directory.path()).env("SOCKEYE_HOME", directory.path().join("home"));
    command.env_remove("SOCKEYE_CODE").stdin(Stdio::null());
    change(&mut command);
    command.output().expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn version_and_help_go_to_standard_output() {
    let version = run(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(stdout(&version), format!("sockeye {}\n", env!("CARGO_PKG_VERSION")));
    for command in ["send", "receive", "recv", "peers", "trust", "opts", "demo"] {
        let help = run(&[command, "--help"]);
        assert_eq!((help.status.code(), help.stderr.len()), (Some(0), 0), "{command}");
        assert!(stdout(&help).contains("Examples:"), "{command}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_to_do() {
    let table: [(&[&str], &str); 9] = [
        (&[], "Usage: sockeye"),
        (&["sned"], "send"),
        (&["send"], "<PATH>"),
        (&["send", "--words", "9", "."], "2..=6"),
        (&["receive"], "SOCKEYE_CODE"),
        (&["receive", "tulip"], "4821-tulip-harbor"),
        (&["send", ".", "--to", "desk"], "--code"),
        (&["receive", "--keep"], "--pair"),
        (&["receive", "--pair"], "--keep"),
    ];
    for (arguments, part) in table {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(part), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn wrong_paths_end_with_7_before_anybody_is_looked_for() {
    let table: [(&[&str], &str); 3] = [
        (&["send", "no-such-file"], "no such file"),
        (&["receive", "4821-tulip-harbor", "-o", "no-such-directory"], "no such file or directory"),
        (&["receive", "--code-file", "no-such-file"], "no such file"),
    ];
    for (arguments, part) in table {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(7), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(part), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn with_json_errors_are_events_and_standard_error_is_silent() {
    let table: [(&[&str], i32, &str); 4] = [
        (&["receive", "--json"], 2, "usage"),
        (&["receive", "--json", "--no-such-flag"], 2, "usage"),
        (&["send", "--json", "no-such-file"], 7, "local_io"),
        (&["receive", "--json", "tulip"], 2, "usage"),
    ];
    for (arguments, exit, kind) in table {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}");
        let text = stdout(&output);
        assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
        let event: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&event["ev"], &event["kind"], &event["exit"]),
            (&"error".into(), &kind.into(), &exit.into())
        );
        assert_eq!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn a_code_that_is_refused_is_not_repeated() {
    let secret = "4821-tu1ip-harbor";
    for arguments in
        [&["receive", secret][..], &["receive", secret, "--json"], &["send", ".", "--code", secret]]
    {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            !stdout(&output).contains("tu1ip") && !stderr(&output).contains("tu1ip"),
            "{}",
            stderr(&output)
        );
    }
    let output = run_with(&["receive"], |command| {
        command.env("SOCKEYE_CODE", secret);
    });
    assert_eq!(output.status.code(), Some(2));
    assert!(!stderr(&output).contains("tu1ip"), "{}", stderr(&output));
}

#[test]
fn a_code_file_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("code");
    fs::write(&file, "\n4821-tulip-harbor\n").expect("it is written");
    let output = run(&["receive", "--code-file", file.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("the first line of"), "{}", stderr(&output));
}

#[test]
fn trust_of_a_new_home_is_empty() {
    for arguments in [&["trust"][..], &["trust", "list"], &["trust", "list", "--json"], &["trust", "--json"]]
    {
        let output = run(arguments);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut child = Command::new(PROGRAM)
        .args(["receive", "--json", "--no-such-flag"])
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "");
}
