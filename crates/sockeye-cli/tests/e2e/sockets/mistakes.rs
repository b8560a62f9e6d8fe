//! What was typed and cannot be: the sentence says what is wrong with it and what to write instead.

use std::{fs::File, os::unix::net::UnixDatagram};

use super::*;

/// Runs a command, which must end with this code and these words on standard error.
fn refused(arguments: &[&str], exit: i32, told: &str) {
    let ended = sockeye(arguments).end();
    ended.exits(exit);
    assert!(ended.stderr.contains(told), "{arguments:?}: {ended:?}");
    assert!(!ended.stderr.contains("os error"), "{arguments:?}: {ended:?}");
}

#[test]
fn endpoints_that_cannot_be_meant() {
    for (arguments, told) in [
        (&["connect", "127.0.0.1:1", "2"][..], "127.0.0.1:1 has a port already; leave 2 out"),
        (&["connect", "/run/x", "2"], "/run/x is no host and has no port"),
        (&["connect", "-s", "::1", "127.0.0.1:1"], "both ends have one family"),
        (&["connect", "-u", "tcp://127.0.0.1:1"], "-u and tcp:// contradict each other"),
        (&["connect", "-6", "udp4://127.0.0.1:1"], "-6 and udp4:// contradict each other"),
        (&["connect", "-6", "127.0.0.1:80"], "-6 and 127.0.0.1 contradict each other"),
        (&["connect", "-4", "tls6://localhost:1"], "-4 and tls6:// contradict each other"),
        (&["connect", "-4", "/run/x"], "-4 and unix:// contradict each other"),
        (&["connect", "[fe80::1]:1"], "[fe80::1%eth0]"),
        (&["connect", "udp://[fe80::1]:1"], "[fe80::1%eth0]"),
        (&["connect", "tcp://127.0.0.1:1/path"], "no path stands behind a port"),
        (&["connect", "unix:/run/x"], "write unix:///run/x"),
        (&["connect", "127.0.0.1:0"], "ports go from 1 to 65535"),
        (&["relay", "--listen", "127.0.0.1:0", "--connect", "127.0.0.1:0"], "ports go from 1 to 65535"),
    ] {
        refused(arguments, 2, told);
    }
}

#[test]
fn options_that_cannot_be_or_would_do_nothing() {
    for (arguments, told) in [
        (&["connect", "127.0.0.1:1?congestion=nope"][..], "tcp_available_congestion_control lists them"),
        (&["connect", "127.0.0.1:1?mss=1"], "88 to 32767"),
        (&["connect", "127.0.0.1:1?device=nope"], "`sockeye addr` lists them"),
        (&["connect", "127.0.0.1:1?backlog=3"], "for who listens"),
        (&["listen", "127.0.0.1:0?bind=127.0.0.1"], "for who connects"),
        (&["listen", "udp://127.0.0.1:0?iface=lo"], "device=NAME"),
        (&["listen", "tls://127.0.0.1:0?key=k.pem"], "belongs to cert=FILE"),
        (&["listen", "tls://127.0.0.1:0?insecure"], "the option insecure is for who connects"),
        (&["listen", "tls://127.0.0.1:0?sni=a.example"], "the option sni is for who connects"),
        (&["listen", "udp://127.0.0.1:0?source=192.0.2.1"], "this endpoint is none"),
        (&["connect", "udp://127.0.0.1:1?source=192.0.2.1"], "for who hears a group"),
        (&["connect", "--split", "header", "127.0.0.1:1"], "say with -f where headers are"),
        (&["connect", "udp://127.0.0.1:1?mttl=4"], "for groups, and this endpoint is none"),
        (&["listen", "--echo", "--fin", "line", "udp://127.0.0.1:0"], "sends a datagram back as it came"),
        (&["relay", "--listen", "-", "--connect", "127.0.0.1:1", "--out", "text"], "with --record"),
        (&["connect", "tls://127.0.0.1:1?sni=.."], "?sni=NAME"),
    ] {
        refused(arguments, 2, told);
    }
}

#[test]
fn files_and_descriptors_that_cannot_be_used() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().display().to_string();
    let (long, abstract_name) = (format!("{directory}/{}", "x".repeat(120)), format!("@{}", "x".repeat(120)));
    let tls = |option: &str| format!("tls://127.0.0.1:1?{option}");
    for (endpoint, told) in [
        ("fd://99".to_owned(), "no descriptor of this number is open".to_owned()),
        ("fd://0".to_owned(), "no socket".to_owned()),
        (tls("ca=/nonexistent"), "there is no such file".to_owned()),
        (tls(&format!("ca={directory}")), "it is a directory".to_owned()),
        (long.clone(), format!("it is {} bytes long, and the name of a socket has at most 107", long.len())),
        (abstract_name.clone(), format!("cannot use {abstract_name}: it is 120 bytes long")),
    ] {
        refused(&["connect", &endpoint], 7, &told);
    }
}

#[test]
fn a_message_that_is_too_long_for_its_socket_is_told_for_any_socket() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket");
    let _receiver = UnixDatagram::bind(&path).unwrap();
    let endpoint = format!("unixgram://{}", path.display());
    let ended = fed(&["connect", "--in", "raw", &endpoint], &vec![0; 5_000_000]).end();
    ended.exits(1);
    assert!(ended.stderr.contains("over a unix socket as much as its send buffer holds"), "{ended:?}");
}

#[test]
fn a_full_standard_output_is_told_on_standard_error() {
    for arguments in [
        &["addr", "::1"][..],
        &["addr", "--json"],
        &["resolve", "--json", "localhost"],
        &["frame", "encode", "-f", "line"],
        &["frame", "encode", "--json", "-f", "line"],
        &["listen", "--json", "127.0.0.1:0"],
        &["relay", "--json", "--listen", "127.0.0.1:0", "--connect", "127.0.0.1:1"],
    ] {
        let mut command = Command::new(PROGRAM);
        let full = File::options().write(true).open("/dev/full").unwrap();
        command.args(arguments).stdin(Stdio::piped()).stdout(full);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"line\n").ok();
        let ended = child.wait_with_output().unwrap();
        let sentence = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(7), "{arguments:?}: {sentence}");
        assert!(sentence.contains("no space left"), "{arguments:?}: {sentence}");
        assert!(!sentence.contains("goes on where"), "{arguments:?}: {sentence}");
    }
}

#[test]
fn a_socket_of_another_kind_is_told_from_one_that_is_not_there() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket");
    let _there = UnixDatagram::bind(&path).unwrap();
    refused(&["connect", path.to_str().unwrap()], 1, "try unix://, unixgram:// or unixseq://");
    refused(&["connect", place.path().join("none").to_str().unwrap()], 1, "there is no such socket");
}

#[test]
fn standard_input_that_cannot_be_read_is_a_local_failure() {
    let (server, address) = listening(&["-f", "line"], "127.0.0.1:0");
    let mut command = Command::new(PROGRAM);
    command.args(["connect", "-f", "line", &address]).stdin(File::open("/").unwrap());
    let ended = Process::start("sockeye", command).end();
    ended.exits(7);
    assert!(ended.stderr.contains("cannot read standard input"), "{ended:?}");
    drop(server.kill());
}

#[test]
fn a_message_that_the_output_cannot_say_is_no_success() {
    let (server, address) = listening_plainly(&["--fin", "line", "--out", "fixed:3"], "127.0.0.1:0");
    fed(&["connect", &address], b"four\nabc\n").end();
    let ended = server.end();
    ended.exits(3);
    assert_eq!(ended.stdout, "abc");
    assert!(ended.stderr.contains("could not be written"), "{ended:?}");
}

#[test]
fn l21_a_reserved_port_without_the_right_says_so() {
    let test = "l21_a_reserved_port_without_the_right_says_so";
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first_free.is_ok_and(|first| first.trim() != "1024") {
        record_skip(test, format_args!("{}", Skip::new("ports below 1024 are free for all here".to_owned())));
        return;
    }
    // Root may bind any port, unless it has given up that right.
    let Some(mut command) = other(test, "setpriv") else { return };
    command.args(["--bounding-set", "-net_bind_service", "--inh-caps", "-net_bind_service", PROGRAM]);
    command.args(["listen", "127.0.0.1:99"]).stdin(Stdio::null());
    let ended = Process::start("sockeye", command).end();
    ended.exits(1);
    assert!(ended.stderr.contains("ports below 1024 are reserved"), "{ended:?}");
}

#[test]
fn a_line_that_no_framing_allows_is_not_gathered_for_ever() {
    let (server, address) = listening(&["-f", "line"], "127.0.0.1:0");
    let ended = fed(&["connect", "-f", "line,max=1000", &address], &vec![b'a'; 4 << 20]).end();
    ended.exits(2);
    assert!(ended.stderr.contains("max="), "{ended:?}");
    drop(server.kill());
}

#[test]
fn a_socket_that_listens_is_not_connected() {
    let test = "a_socket_that_listens_is_not_connected";
    let Some(mut command) = other(test, "python3") else { return };
    let script = r#"
import os, socket, sys
s = socket.create_server(("127.0.0.1", 0))
s.set_inheritable(True)
os.execv(sys.argv[1], [sys.argv[1], "connect", f"fd://{s.fileno()}"])
"#;
    command.args(["-c", script, PROGRAM]).stdin(Stdio::null());
    let ended = Process::start("sockeye", command).end();
    ended.exits(7);
    assert!(ended.stderr.contains("it listens"), "{ended:?}");
}

#[test]
fn line_ends_of_other_systems_are_not_doubled() {
    let (server, address) = listening_plainly(&[], "127.0.0.1:0");
    fed(&["connect", "-C", &address], b"a\nb\r\n").end().exits(0);
    assert_eq!(server.end().stdout, "a\r\nb\r\n");
}

#[test]
fn a_listener_for_datagrams_closes_when_it_is_to() {
    let (server, _) = listening(&["--on-eof", "close"], "udp://127.0.0.1:0");
    server.end().exits(0);
}
