//! Sources that change under the sender's hands.

use std::{
    fs::{self, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
};

use crate::{
    MIB,
    machine::{Machine, pair},
    process::{Ended, both_list},
    tree,
};

/// Large enough that not all of it is read when the first of it arrives.
const LARGE: usize = 384 * MIB;

/// Sends `tree`, changes it when all is listed and only the beginning of the first file is read, and waits for the end.
fn sent_while(
    sender: &Machine,
    receiver: &Machine,
    entries: u64,
    change: impl FnOnce(&Path),
) -> (Ended, Ended) {
    let sends = sender.send(&["tree"]);
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    sends.event_where("listed", |event| event["entries"].as_u64() >= Some(entries));
    sends.progress(1);
    // A receiver that stands still makes the sender stand still.
    receives.pause();
    change(&sender.path("tree"));
    receives.resume();
    let received = receives.end();
    (sends.end(), received)
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(path).expect("a file");
    file.write_all(bytes).expect("it grows");
}

fn shorten(path: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(path).expect("a file");
    file.set_len(length).expect("it shrinks");
}

fn overwrite(path: &Path, at: u64) {
    let mut file = OpenOptions::new().write(true).open(path).expect("a file");
    file.seek(SeekFrom::Start(at)).expect("a place");
    file.write_all(b"changed").expect("it changes");
}

#[test]
fn files_that_are_not_read_yet() {
    let (sender, receiver) = pair();
    sender.file("tree/a large", tree::bytes(1, LARGE));
    let changed = ["grows", "shrinks", "same length", "replaced", "large grows"];
    let gone = ["becomes a directory", "becomes a link", "vanishes"];
    for name in changed.iter().chain(&gone).chain(&["stays"]) {
        sender.file(format!("tree/{name}"), tree::bytes(2, 5000));
    }
    sender.file("tree/large grows", tree::bytes(3, MIB));
    let (sent, received) = sent_while(&sender, &receiver, 11, |root| {
        append(&root.join("grows"), b"more");
        append(&root.join("large grows"), b"more");
        shorten(&root.join("shrinks"), 100);
        overwrite(&root.join("same length"), 7);
        fs::write(root.join("new"), tree::bytes(4, 5000)).expect("a file");
        fs::rename(root.join("new"), root.join("replaced")).expect("a name");
        for name in gone {
            fs::remove_file(root.join(name)).expect("it was there");
        }
        fs::create_dir(root.join("becomes a directory")).expect("a directory");
        tree::link(&root.join("becomes a link"), "stays");
    });
    received.exits(11);
    sent.exits(11);
    let failures = received.failures();
    for name in changed {
        let path = format!("tree/{name}").into_bytes();
        assert_eq!(failures.get(&path).map(String::as_str), Some("source_changed"), "{name}: {received:?}");
    }
    for name in gone {
        let path = format!("tree/{name}").into_bytes();
        let status = failures.get(&path).map(String::as_str);
        assert!(matches!(status, Some("source_changed" | "source_unreadable")), "{name}: {received:?}");
    }
    assert_eq!(failures.len(), 8, "{received:?}");
    assert_eq!(sent.failures(), failures);
    for name in changed.iter().chain(&gone) {
        assert!(!receiver.path("in/tree").join(name).exists(), "{name} has its final name");
    }
    for name in ["a large", "stays"] {
        tree::assert_same(&sender.path("tree").join(name), &receiver.path("in/tree").join(name));
    }
}

/// One large file that changes while it is read.
fn large(change: impl FnOnce(&Path)) -> (Machine, Machine) {
    let (sender, receiver) = pair();
    sender.file("tree/large", tree::bytes(1, LARGE));
    sender.file("tree/small", "x");
    let (sent, received) = sent_while(&sender, &receiver, 3, |root| change(&root.join("large")));
    received.exits(11);
    sent.exits(11);
    both_list(&sent, &received, &[(b"tree/large", "source_changed")]);
    assert!(!receiver.path("in/tree/large").exists(), "it has its final name");
    assert!(receiver.path("in/tree/small").exists());
    (sender, receiver)
}

#[test]
fn a_file_that_grows_while_it_is_read() {
    large(|path| append(path, b"more"));
}

#[test]
fn a_file_that_shrinks_while_it_is_read() {
    large(|path| shorten(path, LARGE as u64 / 2));
}

#[test]
fn a_file_that_shrinks_to_nothing_while_it_is_read() {
    large(|path| shorten(path, 0));
}

#[test]
fn a_file_that_is_written_to_while_it_is_read() {
    let (sender, receiver) = large(|path| overwrite(path, LARGE as u64 - 100));
    // Once it has come to rest, the same commands bring it.
    crate::machine::deliver(&sender, &["tree"], &receiver, &[]);
    tree::assert_same(&sender.path("tree/large"), &receiver.path("in/tree/large"));
    tree::assert_no_staging(&receiver.inbox());
}

#[test]
fn a_beginning_that_is_written_to_after_it_was_read() {
    let (sender, receiver) = large(|path| overwrite(path, 100));
    crate::machine::deliver(&sender, &["tree"], &receiver, &[]);
    tree::assert_same(&sender.path("tree/large"), &receiver.path("in/tree/large"));
    tree::assert_no_staging(&receiver.inbox());
}
