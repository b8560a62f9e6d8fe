//! Disks that are full, read-only or forbidden.

use std::{fs, path::PathBuf, process::Command};

use rustix::process::geteuid;
use sockeye_lab::skip;

use crate::{
    MIB,
    machine::{Machine, pair, transfer},
    process::both_list,
    tree,
};

/// A small file system in memory. Unmounted when dropped.
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts one of this size at a directory; else why not.
    pub fn new(at: PathBuf, size: usize) -> Result<Self, String> {
        let options = format!("size={size},mode=0755");
        let output =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "sockeye-e2e"]).arg(&at).output();
        match output {
            Ok(output) if output.status.success() => Ok(Self(at)),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Makes it read-only.
    fn read_only(&self) {
        let status = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status().expect("mount");
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process that hangs must not keep it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_on_both_sides_and_leaves_no_half_file() {
    let (sender, receiver) = pair();
    let mount = match Mount::new(receiver.inbox(), 8 * MIB) {
        Ok(mount) => mount,
        Err(why) => skip!("no small file system can be mounted: {why}"),
    };
    sender.file("tree/a small", tree::bytes(1, 1000));
    sender.file("tree/large", tree::bytes(2, 24 * MIB));
    sender.file("tree/z small", tree::bytes(3, 1000));
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(7).says("local_io", "no space left");
    sent.exits(8).says_why("peer_told", "disk_full", "the disk of the other side is full");
    assert!(!receiver.path("in/tree/large").exists(), "half a file has the final name");
    whole_or_absent(&sender, &receiver);
    drop(mount);
}

#[test]
fn a_disk_filled_by_a_pipe() {
    use std::io::Write as _;
    let (sender, receiver) = pair();
    let _mount = match Mount::new(receiver.inbox(), 4 * MIB) {
        Ok(mount) => mount,
        Err(why) => skip!("no small file system can be mounted: {why}"),
    };
    let (sends, mut pipe) = sender.send_pipe(&[]);
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    // The sender may stop reading before all is written.
    let _ = pipe.write_all(&tree::bytes(1, 12 * MIB));
    drop(pipe);
    receives.end().exits(7).says("local_io", "no space left");
    sends.end().exits(8).says_why("peer_told", "disk_full", "the disk of the other side is full");
    assert!(!receiver.path("in/stdin").exists());
}

#[test]
fn a_disk_full_of_small_files() {
    let (sender, receiver) = pair();
    let _mount = match Mount::new(receiver.inbox(), 4 * MIB) {
        Ok(mount) => mount,
        Err(why) => skip!("no small file system can be mounted: {why}"),
    };
    for number in 0..3000 {
        sender.file(format!("tree/{number}"), tree::bytes(number, 4096));
    }
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(7).says("local_io", "no space left");
    sent.exits(8).says_why("peer_told", "disk_full", "the disk of the other side is full");
    whole_or_absent(&sender, &receiver);
}

#[test]
fn a_file_for_which_there_is_no_room_is_not_even_begun() {
    let (sender, receiver) = pair();
    let _mount = match Mount::new(receiver.inbox(), 8 * MIB) {
        Ok(mount) => mount,
        Err(why) => skip!("no small file system can be mounted: {why}"),
    };
    sender.file("large", tree::bytes(1, 96 * MIB));
    let (sent, received) = transfer(&sender, &["large"], &receiver, &[]);
    received.exits(7).says("local_io", "no space left");
    sent.exits(8).says_why("peer_told", "disk_full", "the disk of the other side is full");
    let left: usize = tree::read(&receiver.inbox()).values().map(bytes_in).sum();
    assert!(left < 4096, "{left} bytes are left of nothing");
}

#[test]
fn a_file_larger_than_the_system_lets_this_user_write() {
    let (sender, receiver) = pair();
    sender.file("tree/large", tree::bytes(1, 4 * MIB));
    sender.file("tree/small", "x");
    let sends = sender.send(&["tree"]);
    let line = format!(
        "ulimit -f 1000; exec \"$SOCKEYE\" receive --json -y -o in {} {}",
        receiver.quietly().join(" "),
        sends.code().with_address()
    );
    let (received, sent) = (receiver.shell(&line).end(), sends.end());
    for side in [&received, &sent] {
        side.exits(11);
    }
    both_list(&sent, &received, &[(b"tree/large", "write_failed")]);
    assert!(!receiver.path("in/tree/large").exists(), "half a file has the final name");
    tree::assert_same(&sender.path("tree/small"), &receiver.path("in/tree/small"));
}

fn bytes_in(node: &tree::Node) -> usize {
    if let tree::Kind::File(bytes) = &node.kind { bytes.len() } else { 0 }
}

#[test]
fn with_more_room_the_same_commands_go_on() {
    let (sender, receiver) = pair();
    let mount = match Mount::new(receiver.inbox(), 100 * MIB) {
        Ok(mount) => mount,
        Err(why) => skip!("no small file system can be mounted: {why}"),
    };
    for number in 0..15 {
        sender.file(format!("tree/{number:02}"), tree::bytes(number, 8 * MIB));
    }
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(7).says("local_io", "no space left");
    sent.exits(8);
    whole_or_absent(&sender, &receiver);
    let grown =
        Command::new("mount").args(["-o", "remount,size=256M"]).arg(&mount.0).status().expect("mount");
    assert!(grown.success());
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(0);
    sent.exits(0);
    tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
    tree::assert_no_staging(&receiver.inbox());
    assert!(received.count("bytes_here") >= 64 * MIB as u64, "{received:?}");
    assert!(received.lane_bytes() < 60 * MIB as u64, "what was here did not travel again: {received:?}");
}

#[test]
fn what_a_small_disk_could_hold_is_kept() {
    let (sender, receiver) = pair();
    let mount = match Mount::new(receiver.inbox(), 8 * MIB) {
        Ok(mount) => mount,
        Err(why) => skip!("no small file system can be mounted: {why}"),
    };
    sender.file("tree/first", tree::bytes(1, 3 * MIB));
    sender.file("tree/second", tree::bytes(2, 6 * MIB));
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(7).says("local_io", "no space left");
    sent.exits(8);
    tree::assert_same(&sender.path("tree/first"), &receiver.path("in/tree/first"));
    let grown = Command::new("mount").args(["-o", "remount,size=64M"]).arg(&mount.0).status().expect("mount");
    assert!(grown.success());
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(0);
    sent.exits(0);
    tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
    tree::assert_no_staging(&receiver.inbox());
    assert!(received.count("bytes_here") >= 3 * MIB as u64, "{received:?}");
}

#[test]
fn a_read_only_destination() {
    let (sender, receiver) = pair();
    let mount = match Mount::new(receiver.inbox(), MIB) {
        Ok(mount) => mount,
        Err(why) => skip!("no small file system can be mounted: {why}"),
    };
    mount.read_only();
    sender.file("file", "x");
    let (sent, received) = transfer(&sender, &["file"], &receiver, &[]);
    received.exits(7).says("local_io", "the file system is read-only; choose another directory with -o");
    sent.exits(8).says_why("peer_told", "permission_denied", "may not read or write there");
}

#[test]
fn a_destination_without_permission() {
    if geteuid().is_root() {
        skip!("root may write everywhere");
    }
    let (sender, receiver) = pair();
    sender.file("file", "x");
    tree::set_mode(&receiver.inbox(), 0o555);
    let (sent, received) = transfer(&sender, &["file"], &receiver, &[]);
    tree::set_mode(&receiver.inbox(), 0o755);
    received.exits(7).says("local_io", "permission denied");
    sent.exits(8).says_why("peer_told", "permission_denied", "may not read or write there");
}

#[test]
fn a_source_without_permission_is_listed_and_the_rest_arrives() {
    if geteuid().is_root() {
        skip!("root may read everything");
    }
    let (sender, receiver) = pair();
    sender.file("tree/open", "x");
    tree::set_mode(&sender.file("tree/closed", "x"), 0o000);
    let (sent, received) = transfer(&sender, &["tree"], &receiver, &[]);
    received.exits(11);
    sent.exits(11);
    both_list(&sent, &received, &[(b"tree/closed", "source_unreadable")]);
    assert!(receiver.path("in/tree/open").exists());
}

#[test]
fn a_home_that_cannot_be_written() {
    let machine = Machine::new("machine");
    machine.file("file", "x");
    let home = machine.file("not-a-directory", "x");
    let mut command = machine.command(crate::PROGRAM);
    command.args(["send", "--json", "file"]).args(machine.quietly()).env("SOCKEYE_HOME", home.join("home"));
    let sent = machine.start(command).end();
    sent.exits(7).says("local_io", "not-a-directory");
}

#[test]
fn standard_output_that_is_closed_early_is_an_end_without_a_word() {
    let (sender, receiver) = pair();
    sender.file("large", tree::bytes(1, 16 * MIB));
    let sends = sender.send(&["large"]);
    let options = receiver.quietly().join(" ");
    let code = sends.code().with_address();
    let line = format!(
        "\"$SOCKEYE\" receive {options} -y -o - {code} 2>err | head -c 1000 >out; echo ${{PIPESTATUS[0]}}"
    );
    let mut command = receiver.command("bash");
    command.args(["-c", &line]);
    let received = receiver.start(command).end();
    assert_eq!(received.stdout.trim(), "7", "{received:?}");
    let said = fs::read_to_string(receiver.path("err")).expect("a file");
    assert!(!said.contains("sockeye:"), "{said}");
    let sent = sends.end();
    sent.exits(8).says_why("peer_told", "io", "the other side could not read or write");
}

/// Every file under its final name is as it was sent.
fn whole_or_absent(sender: &Machine, receiver: &Machine) {
    let (wanted, found) = (tree::read(&sender.path("tree")), tree::read(&receiver.path("in/tree")));
    for (path, node) in found {
        if let tree::Kind::File(bytes) = node.kind {
            let whole = matches!(&wanted[&path].kind, tree::Kind::File(other) if *other == bytes);
            assert!(whole, "{} is not whole", path.escape_ascii());
        }
    }
}
