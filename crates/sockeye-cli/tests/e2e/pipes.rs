//! Standard input and standard output as ends of a transfer.

use std::{fs, io::Write as _};

use crate::{
    MIB,
    machine::{Machine, pair},
    process::Process,
    tree,
};

/// `sockeye receive -o -` into a file of the receiver; its sentences stay on standard error.
fn receive_to_stdout(receiver: &Machine, code: &str, more: &str) -> Process {
    let options = receiver.quietly().join(" ");
    receiver.shell(&format!("exec \"$SOCKEYE\" receive {options} -y -o - {code} {more} >out"))
}

fn written(receiver: &Machine) -> Vec<u8> {
    fs::read(receiver.path("out")).expect("a file")
}

#[test]
fn a_pipe_goes_through() {
    let (sender, receiver) = pair();
    let options = sender.quietly().join(" ");
    let sends = sender
        .shell(&format!("head -c 3M /dev/urandom | tee original | \"$SOCKEYE\" send {options} --json -"));
    let receives = receive_to_stdout(&receiver, &sends.code().with_address(), "--stats");
    let received = receives.end();
    received.exits(0);
    let sent = sends.end();
    sent.exits(0);
    assert_eq!(sent.count("bytes"), 3 * MIB as u64, "{sent:?}");
    assert!(written(&receiver) == fs::read(sender.path("original")).expect("a file"), "the bytes differ");
    assert!(received.stderr.contains("(standard output)"), "{received:?}");
}

#[test]
fn a_pipe_goes_into_a_file() {
    let (sender, receiver) = pair();
    for length in [0, 1, 262_143, 262_144, 262_145, 3 * MIB] {
        let (sends, mut pipe) = sender.send_pipe(&[]);
        let receives = receiver.accept(&sends.code().with_address(), &["--overwrite"]);
        let bytes = tree::bytes(5, length);
        pipe.write_all(&bytes).expect("it reads");
        drop(pipe);
        let received = receives.end();
        received.exits(0);
        let sent = sends.end();
        sent.exits(0);
        assert!(fs::read(receiver.path("in/stdin")).expect("a file") == bytes, "{length} bytes differ");
        assert_eq!((received.count("files"), received.count("bytes")), (1, length as u64), "{received:?}");
        assert_eq!((sent.count("files"), sent.count("bytes")), (1, length as u64), "{sent:?}");
    }
    tree::assert_no_staging(&receiver.inbox());
}

#[test]
fn an_empty_pipe_goes_to_standard_output() {
    let (sender, receiver) = pair();
    let (sends, pipe) = sender.send_pipe(&[]);
    drop(pipe);
    receive_to_stdout(&receiver, &sends.code().with_address(), "").end().exits(0);
    sends.end().exits(0);
    assert!(written(&receiver).is_empty());
}

#[test]
fn bytes_come_out_while_more_go_in() {
    let (sender, receiver) = pair();
    let (sends, mut pipe) = sender.send_pipe(&[]);
    let options = receiver.quietly().join(" ");
    let code = sends.code().with_address();
    // `head` ends after the first block, while the pipe at the other end is still open.
    let line = format!("\"$SOCKEYE\" receive {options} -y -o - {code} | head -c 262144 >out; echo first");
    let receives = receiver.shell(&line);
    pipe.write_all(&tree::bytes(6, 4 * 262_144)).expect("it reads");
    let block = || fs::read(receiver.path("out")).is_ok_and(|bytes| bytes == tree::bytes(6, 262_144));
    let deadline = std::time::Instant::now() + crate::PATIENCE;
    while !block() {
        assert!(std::time::Instant::now() < deadline, "no block came out while the pipe was open");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    drop(pipe);
    receives.end().exits(0);
    let sent = sends.end();
    assert_ne!(sent.exit, Some(0), "whoever read went away: {sent:?}");
}

#[test]
fn a_single_file_goes_to_standard_output() {
    let (sender, receiver) = pair();
    for length in [0, 5, 262_144, 700_000] {
        let bytes = tree::bytes(8, length);
        sender.file("file", &bytes);
        let sends = sender.send(&["file"]);
        receive_to_stdout(&receiver, &sends.code().with_address(), "").end().exits(0);
        sends.end().exits(0);
        assert!(written(&receiver) == bytes, "{length} bytes differ");
    }
}

#[test]
fn a_directory_does_not_go_to_standard_output() {
    let (sender, receiver) = pair();
    sender.file("tree/file", "x");
    let sends = sender.send(&["tree"]);
    let received = receive_to_stdout(&receiver, &sends.code().with_address(), "").end();
    received.exits(5);
    assert!(received.stderr.contains("only a single file can go to standard output"), "{received:?}");
    sends.end().exits(5).says_why("peer_told", "declined", "only a single file can go to standard output");
    assert!(written(&receiver).is_empty());
}

#[test]
fn two_files_do_not_go_to_standard_output() {
    let (sender, receiver) = pair();
    sender.file("a", "x");
    sender.file("b", "x");
    let sends = sender.send(&["a", "b"]);
    receive_to_stdout(&receiver, &sends.code().with_address(), "").end().exits(5);
    sends.end().exits(5).says_why("peer_told", "declined", "single file");
}

#[test]
fn a_pipe_can_go_with_files() {
    let (sender, receiver) = pair();
    let root = sender.file("tree/file", tree::bytes(1, 300_000));
    let (sends, mut pipe) = sender.send_pipe(&["tree"]);
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    pipe.write_all(b"and this").expect("it reads");
    drop(pipe);
    receives.end().exits(0);
    sends.end().exits(0);
    tree::assert_same(&root, &receiver.path("in/tree/file"));
    assert_eq!(fs::read(receiver.path("in/stdin")).expect("a file"), b"and this");
}

#[test]
fn a_pipe_is_not_waited_for_when_its_sender_was_killed() {
    let (sender, receiver) = pair();
    let (sends, mut pipe) = sender.send_pipe(&[]);
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    pipe.write_all(&tree::bytes(1, MIB)).expect("it is read");
    receives.progress(1);
    sends.kill();
    let received = receives.end();
    received.exits(1);
    assert!(
        received.all("reconnecting").is_empty(),
        "what was read from a pipe cannot be sent again: {received:?}"
    );
}
