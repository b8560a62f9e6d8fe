//! What arrives is what was sent: names, bytes, links, modes, times.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use sockeye_lab::skip;

use crate::{
    MIB,
    machine::{Machine, deliver, pair, transfer},
    process::both_list,
    tree,
};

/// No side of a transfer may take more, however much travels.
const MOST_MEMORY: u64 = 128 * MIB as u64;

#[test]
fn a_tree_arrives_as_it_is() {
    let (sender, receiver) = pair();
    let root = mixed(&sender);
    let (sent, received) = deliver(&sender, &["tree"], &receiver, &[]);
    tree::assert_same(&root, &receiver.path("in/tree"));
    tree::assert_no_staging(&receiver.inbox());
    let (files, directories, symlinks) = totals(&root);
    for side in [&sent, &received] {
        let counted = (side.count("files"), side.count("directories"), side.count("symlinks"));
        assert_eq!(counted, (files, directories, symlinks), "{side:?}");
        assert_eq!((side.count("failed"), side.count("bytes_here")), (0, 0), "{side:?}");
    }
}

#[test]
fn several_roots_arrive_side_by_side() {
    let (sender, receiver) = pair();
    let root = mixed(&sender);
    sender.file("single", tree::bytes(4, 300_000));
    sender.directory("empty");
    deliver(&sender, &["single", "tree", "empty"], &receiver, &[]);
    tree::assert_same(&root, &receiver.path("in/tree"));
    tree::assert_same(&sender.path("single"), &receiver.path("in/single"));
    tree::assert_same(&sender.path("empty"), &receiver.path("in/empty"));
    assert_eq!(fs::read_dir(receiver.inbox()).expect("a directory").count(), 3);
}

#[test]
fn the_working_directory_is_sent_under_its_own_name() {
    let (sender, receiver) = pair();
    sender.file("tree/a", "a");
    let mut command = sender.command(crate::PROGRAM);
    command.args(["send", "--json", "."]).args(sender.quietly()).current_dir(sender.path("tree"));
    let sends = sender.start(command);
    receiver.accept(&sends.code().with_address(), &[]).end().exits(0);
    sends.end().exits(0);
    tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
}

#[test]
fn links_out_of_the_tree_are_refused_and_listed_on_both_sides() {
    let (sender, receiver) = pair();
    let root = sender.directory("tree/below");
    let root = root.parent().expect("a directory");
    sender.file("tree/file", "x");
    tree::link(&root.join("absolute"), "/etc/passwd");
    tree::link(&root.join("outside"), "../outside");
    tree::link(&root.join("below/outside"), "../../outside");
    tree::link(&root.join("below/inside"), "../file");
    tree::link(&root.join("winding"), "below/../../outside");
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(11);
    sent.exits(11);
    let refused: [(&[u8], &str); 4] = [
        (b"tree/absolute", "kind_refused"),
        (b"tree/below/outside", "kind_refused"),
        (b"tree/outside", "kind_refused"),
        (b"tree/winding", "kind_refused"),
    ];
    both_list(&sent, &received, &refused);
    for (path, _) in refused {
        fs::remove_file(sender.path(PathBuf::from(OsString::from_vec(path.to_vec())))).expect("a link");
    }
    let (wanted, found) = (tree::read(root), tree::read(&receiver.path("in/tree")));
    // The directories' own times changed when the links went; all else is as it was sent.
    let others = |tree: tree::Tree| -> tree::Tree {
        tree.into_iter().filter(|(_, node)| node.kind != tree::Kind::Directory).collect()
    };
    let differences = tree::differences(&others(wanted), &others(found));
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn what_is_no_file_is_left_out_and_listed_on_both_sides() {
    let (sender, receiver) = pair();
    sender.file("tree/file", "x");
    let made = std::process::Command::new("mkfifo").arg(sender.path("tree/pipe")).status();
    if !made.is_ok_and(|status| status.success()) {
        skip!("no mkfifo on this machine");
    }
    let _socket = std::os::unix::net::UnixListener::bind(sender.path("tree/socket")).expect("a socket");
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(11);
    sent.exits(11);
    let refused: [(&[u8], &str); 2] = [(b"tree/pipe", "kind_refused"), (b"tree/socket", "kind_refused")];
    both_list(&sent, &received, &refused);
    assert!(receiver.path("in/tree/file").exists());
}

#[test]
fn special_mode_bits_do_not_travel() {
    let (sender, receiver) = pair();
    for (name, mode) in [("tree/setuid", 0o4755), ("tree/setgid", 0o2755), ("tree/plain", 0o755)] {
        tree::set_mode(&sender.file(name, "x"), mode);
    }
    tree::set_mode(&sender.directory("tree/sticky"), 0o1755);
    deliver(&sender, &["tree"], &receiver, &[]);
    let found = tree::read(&receiver.path("in/tree"));
    for name in ["setuid", "setgid", "plain", "sticky"] {
        assert_eq!(found[name.as_bytes()].mode, 0o755, "{name}");
    }
}

#[test]
fn the_umask_here_counts() {
    let (sender, receiver) = pair();
    tree::set_mode(&sender.file("open", "x"), 0o666);
    tree::set_mode(&sender.file("closed", "x"), 0o600);
    let sends = sender.send(&["open", "closed"]);
    let options = receiver.quietly().join(" ");
    let line = format!(
        "umask 027; exec \"$SOCKEYE\" receive {options} --json -y -o in {}",
        sends.code().with_address()
    );
    receiver.shell(&line).end().exits(0);
    sends.end().exits(0);
    let found = tree::read(&receiver.inbox());
    assert_eq!((found[&b"open"[..]].mode, found[&b"closed"[..]].mode), (0o640, 0o600));
}

#[test]
fn what_is_excluded_stays() {
    let (sender, receiver) = pair();
    for name in ["tree/keep.txt", "tree/drop.o", "tree/target/big", "tree/src/target.txt", "tree/src/x.o"] {
        sender.file(name, "x");
    }
    deliver(&sender, &["tree", "--exclude", "*.o", "--exclude", "target"], &receiver, &[]);
    let names: Vec<_> = tree::read(&receiver.path("in/tree")).into_keys().collect();
    let names: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
    assert_eq!(names, ["", "keep.txt", "src", "src/target.txt"]);
}

#[test]
fn names_that_others_could_not_hold_are_refused_where_that_is_asked() {
    let (sender, receiver) = pair();
    for name in ["tree/fine", "tree/a:b", "tree/CON", "tree/trailing ", "tree/File"] {
        sender.file(name, "x");
    }
    sender.file("tree/file", "y");
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &["--portable-names"]);
    received.exits(11);
    sent.exits(11);
    let refused: [(&[u8], &str); 4] = [
        (b"tree/CON", "name_refused"),
        (b"tree/a:b", "name_refused"),
        (b"tree/file", "name_refused"),
        (b"tree/trailing ", "name_refused"),
    ];
    both_list(&sent, &received, &refused);
}

#[test]
fn what_would_meddle_with_unfinished_files_is_refused() {
    let (sender, receiver) = pair();
    sender.file("tree/.sockeye-0123456789abcdef/journal", "x");
    sender.file("tree/.Sockeye-notes", "x");
    sender.file("tree/.sockeye", "fine");
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(11);
    sent.exits(11);
    let failures = received.failures();
    assert_eq!(sent.failures(), failures);
    assert_eq!(failures.get(&b"tree/.Sockeye-notes"[..]).map(String::as_str), Some("name_refused"));
    assert_eq!(
        failures.get(&b"tree/.sockeye-0123456789abcdef"[..]).map(String::as_str),
        Some("name_refused")
    );
    tree::assert_same(&sender.path("tree/.sockeye"), &receiver.path("in/tree/.sockeye"));
    tree::assert_no_staging(&receiver.inbox());
}

#[test]
fn a_link_that_is_named_is_followed_and_two_of_one_name_are_not_sent() {
    let (sender, receiver) = pair();
    sender.file("a/file", "x");
    sender.file("b/file", "y");
    tree::link(&sender.path("named"), "a/file");
    let twice = sender.send(&["a/file", "b/file"]).end();
    twice.exits(2).says("usage", "file");
    deliver(&sender, &["named"], &receiver, &[]);
    assert_eq!(fs::read(receiver.path("in/named")).expect("a file"), b"x");
    assert!(!receiver.path("in/named").is_symlink());
}

#[test]
fn many_small_files_arrive_and_take_little_memory() {
    let (sender, receiver) = pair();
    let number = 100_000;
    let root = sender.directory("tree");
    for directory in 0..number / 500 {
        let below = root.join(format!("directory {directory}"));
        fs::create_dir(&below).expect("a directory");
        for file in 0..500 {
            let seed = directory * 500 + file;
            let path = below.join(format!("a file with a name of some length {file}.txt"));
            fs::write(path, tree::bytes(seed, (seed % 300) as usize)).expect("a file");
        }
    }
    let [sent, received] = remembering_memory(&sender, &receiver, "tree");
    tree::assert_same(&root, &receiver.path("in/tree"));
    tree::assert_no_staging(&receiver.inbox());
    assert!(sent < MOST_MEMORY, "the sender took {sent} bytes");
    assert!(received < MOST_MEMORY, "the receiver took {received} bytes");
}

#[test]
fn a_large_file_takes_little_memory() {
    let (sender, receiver) = pair();
    // Mostly holes, so that it costs the disk of the sender nothing.
    let path = sender.file("large", tree::bytes(9, MIB));
    let length = if std::env::var_os("SOCKEYE_TEST_LARGE").is_some() { 4096 } else { 512 } * MIB as u64;
    fs::File::options().write(true).open(&path).and_then(|file| file.set_len(length + 1)).expect("a file");
    let [sent, received] = remembering_memory(&sender, &receiver, "large");
    assert_eq!(receiver.path("in/large").metadata().expect("a file").len(), length + 1);
    assert!(same_bytes(&path, &receiver.path("in/large")), "the bytes differ");
    assert!(sent < MOST_MEMORY, "the sender took {sent} bytes");
    assert!(received < MOST_MEMORY, "the receiver took {received} bytes");
}

/// Sends, and says how many bytes of memory each side took at most.
fn remembering_memory(sender: &Machine, receiver: &Machine, what: &str) -> [u64; 2] {
    let sends = sender.send(&[what]);
    let sender_memory = sends.watch_memory();
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    let receiver_memory = receives.watch_memory();
    receives.end_within(2 * crate::PATIENCE).exits(0);
    sends.end().exits(0);
    [sender_memory, receiver_memory].map(|memory| {
        let most = memory.join().expect("it watched");
        assert!(most > 0, "the memory of a process was never seen");
        most
    })
}

/// Compares without taking both into memory.
fn same_bytes(one: &Path, other: &Path) -> bool {
    let status = std::process::Command::new("cmp").args([one, other]).status();
    status.expect("cmp is there").success()
}

/// A tree with one of everything that should arrive. Nothing in it is newer than an hour, so that times are told apart
/// from those of the transfer.
fn mixed(sender: &Machine) -> PathBuf {
    let root = sender.directory("tree");
    let mut seed = 100;
    let mut file = |path: &Path, length: usize, mode: u32, modified: (i64, i64)| {
        seed += 1;
        fs::write(path, tree::bytes(seed, length)).expect("a file");
        tree::set_mode(path, mode);
        tree::set_modified(path, modified.0, modified.1);
    };
    for (number, name) in odd_names().into_iter().enumerate() {
        let time = 1_700_000_000 + i64::try_from(number).expect("few names");
        file(&root.join(OsString::from_vec(name)), 10 + number, 0o644, (time, 123_456_789));
    }
    let sizes = [0, 1, 4096, 262_143, 262_144, 262_145, MIB, MIB + 1];
    let modes = [0o600, 0o755, 0o444, 0o644];
    for (size, mode) in sizes.into_iter().zip(modes.into_iter().cycle()) {
        file(&root.join(format!("size {size}")), size, mode, (1_600_000_000, 999_999_999));
    }
    let times = [(0, 0), (-1, 1), (-86_400 * 365, 500_000_000), (1, 999_999_999), (4_102_444_800, 7)];
    for (number, time) in times.into_iter().enumerate() {
        file(&root.join(format!("time {number}")), 5, 0o640, time);
    }
    let deep = root.join(["d"; 40].join("/"));
    fs::create_dir_all(&deep).expect("directories");
    file(&deep.join("deep"), 33, 0o400, (1_500_000_000, 1));
    links(&root);
    directories(&root);
    root
}

fn links(root: &Path) {
    let links: [(&str, &[u8]); 7] = [
        ("to a sibling", b"size 1"),
        ("dangling", b"nowhere/at all"),
        ("to a directory", b"d"),
        ("to itself", b"to itself"),
        ("by the parent", b"d/../size 1"),
        ("odd target", b"b\xffd\nname"),
        ("d/up", b"../size 4096"),
    ];
    for (number, (name, target)) in links.into_iter().enumerate() {
        let path = root.join(name);
        tree::link(&path, target);
        tree::set_modified(&path, 1_234_567_890 - i64::try_from(number).expect("few"), 42);
    }
}

/// Empty ones, and times and modes of all, deepest first.
fn directories(root: &Path) {
    fs::create_dir_all(root.join("empty/emptier/emptiest")).expect("directories");
    let mut all: Vec<PathBuf> = Vec::new();
    let mut to_do = vec![root.to_owned()];
    while let Some(directory) = to_do.pop() {
        let entries = fs::read_dir(&directory).expect("a directory").map(|entry| entry.expect("an entry"));
        to_do.extend(entries.filter(|e| e.file_type().expect("a type").is_dir()).map(|entry| entry.path()));
        all.push(directory);
    }
    for (number, directory) in all.iter().enumerate().rev() {
        let mode = if number == 0 { 0o755 } else { [0o755, 0o700, 0o555][number % 3] };
        tree::set_mode(directory, mode);
        tree::set_modified(directory, 1_000_000_000 + i64::try_from(number).expect("few"), 987_654_321);
    }
}

/// Names that programs stumble over; all different, each one a name of its own.
fn odd_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "caf\u{e9}",
        "cafe\u{301}",
        "-rf",
        "--help",
        " leading and trailing ",
        "two\nlines",
        "tab\there",
        "\u{1b}[31mred",
        "\u{202e}gpj.exe",
        "a\\b",
        "C:",
        "*?[x]",
        "'\"`$(x)",
        "...",
        ".hidden",
        "~",
        "#",
        "%2e%2e%2f",
        "CON",
        "nul.txt",
        "trailing.",
        "UPPER",
        "upper",
        "日本語",
        "🐟",
    ]
    .into_iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.push(b"not \xff\xfe UTF-8 \x80".to_vec());
    names.push(b"\x01\x7f".to_vec());
    names.push(vec![b'x'; 255]);
    names.push("ü".repeat(127).into_bytes());
    names
}

/// Files, directories and links of a tree, its root included.
fn totals(root: &Path) -> (u64, u64, u64) {
    let mut totals = (0, 0, 0);
    for node in tree::read(root).values() {
        match node.kind {
            tree::Kind::File(_) => totals.0 += 1,
            tree::Kind::Directory => totals.1 += 1,
            tree::Kind::Symlink(_) => totals.2 += 1,
        }
    }
    totals
}
