//! What is there already: equal, different, or half of it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::{
    MIB,
    machine::{Machine, deliver, pair, transfer},
    process::both_list,
    tree,
};

/// A sender with three files, of which the receiver has one equal and one different. The different one has the same length.
fn three() -> (Machine, Machine) {
    let (sender, receiver) = pair();
    for (name, seed, length) in [("equal", 1, 300_000), ("different", 2, 300_000), ("new", 3, 300_000)] {
        sender.file(Path::new("tree").join(name), tree::bytes(seed, length));
    }
    receiver.file("in/tree/equal", tree::bytes(1, 300_000));
    receiver.file("in/tree/different", tree::bytes(4, 300_000));
    (sender, receiver)
}

#[track_caller]
fn assert_bytes(receiver: &Machine, name: &str, seed: u64) {
    let found = fs::read(receiver.path("in/tree").join(name)).expect("a file");
    assert!(found == tree::bytes(seed, 300_000), "{name} has other bytes");
}

#[test]
fn equal_ones_are_not_sent_again_and_different_ones_stay() {
    let (sender, receiver) = three();
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(11);
    sent.exits(11);
    both_list(&sent, &received, &[(b"tree/different", "exists")]);
    assert_bytes(&receiver, "different", 4);
    assert_bytes(&receiver, "new", 3);
    for side in [&sent, &received] {
        assert_eq!((side.count("equal"), side.count("failed")), (1, 1), "{side:?}");
        assert!(side.lane_bytes() < 400_000, "only one of the three travels: {side:?}");
    }
    tree::assert_no_staging(&receiver.inbox());
}

#[test]
fn overwrite_replaces_them() {
    let (sender, receiver) = three();
    deliver(&sender, &["tree"], &receiver, &["--overwrite"]);
    tree::assert_same(&sender.path("tree/different"), &receiver.path("in/tree/different"));
    assert_bytes(&receiver, "different", 2);
}

#[test]
fn rename_writes_beside_them() {
    let (sender, receiver) = three();
    let (sent, received) = deliver(&sender, &["tree"], &receiver, &["--rename"]);
    both_list(&sent, &received, &[(b"tree/different", "renamed")]);
    assert_bytes(&receiver, "different", 4);
    assert_bytes(&receiver, "different (2)", 2);
    // Once more: what was written beside is known to be equal, or a third one is made; nothing is lost.
    let (_, received) = transfer(&sender, &["tree"], &receiver, &["--rename"]);
    received.exits(0);
    assert_bytes(&receiver, "different", 4);
    assert_bytes(&receiver, "different (2)", 2);
}

#[test]
fn skip_leaves_them_and_is_no_failure() {
    let (sender, receiver) = three();
    let (sent, received) = deliver(&sender, &["tree"], &receiver, &["--skip"]);
    assert_eq!(received.failures().get(&b"tree/different"[..]).map(String::as_str), Some("skipped"));
    assert_eq!(sent.failures(), received.failures());
    assert_bytes(&receiver, "different", 4);
    assert_bytes(&receiver, "new", 3);
}

#[test]
fn what_has_the_name_of_a_directory_is_never_replaced_by_a_file_nor_the_other_way() {
    for how in [&[][..], &["--overwrite"], &["--rename"], &["--skip"]] {
        let (sender, receiver) = pair();
        sender.file("tree/file", "new");
        sender.file("tree/directory/inner", "new");
        receiver.file("in/tree/file/kept", "old");
        receiver.file("in/tree/directory", "old");
        let (sent, received) = transfer(&sender, &["tree"], &receiver, how);
        assert!([Some(0), Some(11)].contains(&received.exit), "{how:?}: {received:?}");
        assert_eq!(sent.exit, received.exit, "{how:?}: {sent:?}");
        assert_eq!(fs::read(receiver.path("in/tree/file/kept")).expect("kept"), b"old", "{how:?}");
        assert_eq!(fs::read(receiver.path("in/tree/directory")).expect("kept"), b"old", "{how:?}");
        assert_eq!(sent.failures(), received.failures(), "{how:?}");
    }
}

#[test]
fn nothing_is_written_through_a_link_that_was_there() {
    for how in [&[][..], &["--overwrite"], &["--rename"], &["--skip"]] {
        let (sender, receiver) = pair();
        sender.file("tree/below/file", "new");
        sender.file("tree/file", "new");
        let outside = receiver.directory("outside");
        receiver.file("outside/target", "old");
        receiver.directory("in/tree");
        tree::link(&receiver.path("in/tree/below"), outside.as_os_str().as_encoded_bytes());
        tree::link(&receiver.path("in/tree/file"), "../../outside/target");
        let (_, received) = transfer(&sender, &["tree"], &receiver, how);
        assert!([Some(0), Some(11)].contains(&received.exit), "{how:?}: {received:?}");
        let outside = tree::read(&outside);
        let names: Vec<_> = outside.keys().map(|name| String::from_utf8_lossy(name)).collect();
        assert_eq!(names, ["", "target"], "{how:?}");
        assert!(outside[&b"target"[..]].kind == tree::Kind::File(b"old".to_vec()), "{how:?}");
    }
}

#[test]
fn sending_again_moves_only_what_changed() {
    let (sender, receiver) = pair();
    let big = sender.file("tree/big", tree::bytes(1, 16 * MIB));
    for number in 0..50 {
        sender.file(format!("tree/small {number}"), tree::bytes(number, 5_000));
    }
    deliver(&sender, &["tree"], &receiver, &[]);
    // Nothing changed.
    let (sent, received) = deliver(&sender, &["tree"], &receiver, &[]);
    for side in [&sent, &received] {
        assert!(side.lane_bytes() < 10_000, "{side:?}");
        assert_eq!(side.count("bytes_here"), side.count("bytes"), "{side:?}");
        assert_eq!(side.count("equal"), 51, "{side:?}");
    }
    // One byte in the middle of the large file, and one small file.
    let mut bytes = tree::bytes(1, 16 * MIB);
    bytes[7 * MIB] ^= 1;
    fs::write(&big, bytes).expect("a file");
    sender.file("tree/small 7", "changed");
    let (_, received) = deliver(&sender, &["tree"], &receiver, &["--overwrite"]);
    tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
    assert!(received.lane_bytes() <= 16 * MIB as u64 + 1024 * 1024, "{received:?}");
}

#[test]
fn a_directory_that_was_here_keeps_its_permissions_unless_it_is_to_be_overwritten() {
    let (sender, receiver) = pair();
    sender.file("docs/new", "new");
    tree::set_mode(&sender.path("docs"), 0o755);
    receiver.file("in/docs/private", "private");
    let mode = || fs::metadata(receiver.path("in/docs")).expect("a directory").permissions().mode() & 0o777;
    for (option, expected) in [("--skip", 0o700), ("--rename", 0o700), ("--overwrite", 0o755)] {
        tree::set_mode(&receiver.path("in/docs"), 0o700);
        deliver(&sender, &["docs"], &receiver, &[option]);
        assert_eq!(mode(), expected, "with {option}");
    }
}
