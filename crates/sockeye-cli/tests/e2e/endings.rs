//! How commands end that cannot succeed: exit codes and sentences, on both sides.

use std::{fs, net::TcpListener};

use crate::{
    MIB,
    machine::{Machine, pair},
    process::{Code, Process},
    tree,
};

/// An address of this machine where nobody listens: it was free a moment ago.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[test]
fn nobody_listens_there() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let address = nobody();
    let received = receiver.accept(&format!("4821-tulip-harbor@{address}"), &[]).end();
    received.exits(1).says("network", &format!("cannot connect to {address}: nothing listens there"));
    let sent = sender.send(&["file", "--to", &address, "--code", "4821-tulip-harbor"]).end();
    sent.exits(1).says("network", &format!("cannot connect to {address}: nothing listens there"));
}

#[test]
fn what_cannot_be_carried_out_as_typed() {
    let machine = Machine::new("machine");
    machine.file("file", "x");
    let table: [(&[&str], &str); 12] = [
        (&["send", "--json", "-", "-"], "only once"),
        (&["send", "--json", "file", "--words", "3", "--code", "4821-tulip-harbor"], "--words"),
        (&["send", "--json", "file", "--code", "tulip"], "4821-tulip-harbor"),
        (&["send", "--json", "file", "--code", "0-tulip-harbor"], "4821-tulip-harbor"),
        (&["send", "--json", "file", "--code", "4821-tulip-harbor@host"], "@HOST"),
        (&["send", "--json", "file", "--to", "desk"], "--code"),
        (&["receive", "--json"], "SOCKEYE_CODE"),
        (&["receive", "--json", "4821-tulip-harbor", "--no-discovery"], "CODE@HOST:PORT"),
        (&["receive", "--json", "-o", "-", "4821-tulip-harbor"], "--json"),
        (&["receive", "--json", "--keep", "4821-tulip-harbor"], "--keep"),
        (&["receive", "--json", "--keep"], "--pair"),
        (&["send", "--json", "file", "-i", "nonesuch"], "nonesuch"),
    ];
    for (arguments, words) in table {
        let ended = machine.run(arguments).end();
        ended.exits(2).says("usage", words);
        assert!(ended.stderr.is_empty(), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_missing_path() {
    let (sender, receiver) = pair();
    sender.file("there", "x");
    let sent = sender.send(&["there", "not-there"]).end();
    sent.exits(7).says("local_io", "not-there: there is no such file or directory");
    assert!(sent.all("code").is_empty(), "no code for what cannot be sent: {sent:?}");
    let received = receiver.run(&["receive", "--json", "-y", "-o", "not-there", "4821-tulip-harbor"]).end();
    received.exits(7).says("local_io", "not-there: there is no such file or directory");
}

#[test]
fn the_destination_is_a_file() {
    let machine = Machine::new("machine");
    machine.file("file", "x");
    let received = machine.run(&["receive", "--json", "-y", "-o", "file", "4821-tulip-harbor"]).end();
    received.exits(7).says("local_io", "file: it is not a directory");
}

#[test]
fn the_destination_goes_away_before_the_sender_comes() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let receives = receiver.receive(&["--listen", "-y"]);
    let code = receives.code();
    fs::remove_dir(receiver.inbox()).expect("it was there");
    let to = code.addresses[0].to_string();
    let sent = sender.send(&["file", "--to", &to, "--code", &code.code]).end();
    receives.end().exits(7).says("local_io", "there is no such file or directory");
    sent.exits(8).says_why("peer_told", "io", "the other side could not read or write a file");
}

#[test]
fn a_port_that_is_taken() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let sent = sender.send_anywhere(&["file", "--port", &port]).end();
    sent.exits(1).says("network", "another program has this port; choose another with --port");
    let words = [&["receive", "--json", "-y", "--listen", "--port", &port][..], receiver.quietly()].concat();
    let received = receiver.run(&words).end();
    received.exits(1).says("network", "another program has this port; choose another with --port");
}

#[test]
fn the_well_known_port_gives_way_when_it_is_taken() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    // Whoever has it now, one of these two does not get it.
    let first = sender.send_anywhere(&["file"]);
    let second = sender.send_anywhere(&["file"]);
    assert_ne!(first.code().addresses, second.code().addresses);
    for (sends, how) in [(first, "--skip"), (second, "--overwrite")] {
        receiver.accept(&sends.code().with_address(), &[how]).end().exits(0);
        sends.end().exits(0);
    }
}

#[test]
fn nobody_comes() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let sent = sender.send(&["file", "--timeout", "300ms"]).end();
    sent.exits(4).says("timed_out", "timed out while waiting for the other side");
    let received = receiver.receive(&["--listen", "-y", "--timeout", "300ms"]).end();
    received.exits(4).says("timed_out", "timed out while waiting for the other side");
}

#[test]
fn more_than_the_receiver_takes() {
    let (sender, receiver) = pair();
    sender.file("file", tree::bytes(1, 1001));
    let sends = sender.send(&["file"]);
    let received = receiver.accept(&sends.code().with_address(), &["--max-size", "1000"]).end();
    received.exits(5);
    sends.end().exits(5).says_why("peer_told", "too_large", "--max-size");
    assert_eq!(tree::read(&receiver.inbox()).len(), 1, "nothing was written");
    // Exactly so much is fine.
    let sends = sender.send(&["file"]);
    receiver.accept(&sends.code().with_address(), &["--max-size", "1001"]).end().exits(0);
    sends.end().exits(0);
}

#[test]
fn a_pipe_brings_more_than_the_receiver_takes() {
    use std::io::Write as _;
    let (sender, receiver) = pair();
    let (sends, mut pipe) = sender.send_pipe(&[]);
    let receives = receiver.accept(&sends.code().with_address(), &["--max-size", "1M"]);
    // The sender may stop reading before all is written.
    let _ = pipe.write_all(&tree::bytes(1, 3_000_000));
    drop(pipe);
    receives.end().exits(5);
    sends.end().exits(5).says_why("peer_told", "too_large", "--max-size");
    assert!(!receiver.path("in/stdin").exists());
}

#[test]
fn two_processes_do_not_write_one_transfer_at_the_same_time() {
    let (sender, receiver) = pair();
    let large = sender.file("large", tree::bytes(1, 384 * MIB));
    let sends = [sender.send_anywhere(&["large"]), sender.send_anywhere(&["large"])];
    let [first, second] = [0, 1].map(|number| sends[number].code().with_address());
    let receives = receiver.accept(&first, &[]);
    receives.progress(1);
    receives.pause();
    let late = receiver.accept(&second, &[]).end();
    receives.resume();
    late.exits(7).says("local_io", "another process");
    receives.end().exits(0);
    let [sent, late] = sends.map(Process::end);
    sent.exits(0);
    late.exits(5).says_why("peer_told", "busy", "the other side is busy with another transfer");
    tree::assert_same(&large, &receiver.path("in/large"));
    tree::assert_no_staging(&receiver.inbox());
}

#[test]
fn a_host_name_will_do_and_one_that_nobody_knows_is_named() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let sends = sender.send(&["file"]);
    let code = sends.code();
    let port = code.addresses[0].port();
    receiver.accept(&format!("{}@localhost:{port}", code.code), &[]).end().exits(0);
    sends.end().exits(0);
    let unknown = receiver.accept("4821-tulip-harbor@no-such-host.invalid", &[]).end();
    unknown.exits(1).says("network", "no-such-host.invalid");
}

#[test]
fn codes_come_from_a_file_and_from_the_environment() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let sends = sender.send(&["file"]);
    receiver.file("code", format!("  {}  \nignored\n", sends.code().with_address()));
    receiver.receive(&["-y", "--code-file", "code"]).end().exits(0);
    sends.end().exits(0);
    let mut command = sender.command(crate::PROGRAM);
    command.args(["send", "--json", "file"]).args(sender.quietly()).env("SOCKEYE_CODE", "17 tulip harbor");
    let sends = sender.start(command);
    let code: Code = sends.code();
    assert_eq!(code.code, "17-tulip-harbor");
    let mut command = receiver.command(crate::PROGRAM);
    command.args(["receive", "--json", "-y", "-o", "in"]).args(receiver.quietly());
    command.env("SOCKEYE_CODE", code.with_address().to_uppercase());
    receiver.start(command).end().exits(0);
    sends.end().exits(0);
}

#[test]
fn no_secret_shows_where_it_should_not() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let mut command = sender.command(crate::PROGRAM);
    command.args(["send", "file", "-vvv"]).args(sender.quietly()).env("SOCKEYE_CODE", "4821-tulip-harbor");
    let sends = sender.start(command);
    let line = sends.line("    sockeye receive ");
    let typed = line.trim().trim_start_matches("sockeye receive ").to_owned();
    let receives = receiver.run(&["receive", "-y", "-vvv", "-o", "in", &typed, "--interface", "lo"]);
    let (received, sent) = (receives.end(), sends.end());
    received.exits(0);
    sent.exits(0);
    assert!(!received.stderr.contains("tulip") && !received.stdout.contains("tulip"), "{received:?}");
    // The sender shows the code, and says it nowhere else.
    let elsewhere: Vec<&str> = sent
        .stderr
        .lines()
        .filter(|line| {
            line.contains("tulip") && !line.starts_with("Code: ") && !line.contains("sockeye receive")
        })
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}
