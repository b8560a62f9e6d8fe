//! `sockeye opts`: sockets that Python, or this test, holds the other end of.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixListener,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::net::sockopt;
use serde_json::Value;
use sockeye::inspect::TcpInfo;

use crate::{
    PROGRAM,
    process::{Ended, Process},
};

fn start(arguments: &[&str]) -> Process {
    let mut command = Command::new(PROGRAM);
    command.arg("opts").args(arguments).stdin(Stdio::null());
    Process::start("opts", command)
}

fn run(arguments: &[&str]) -> Ended {
    start(arguments).end()
}

/// The option of this name among the events.
fn option<'a>(ended: &'a Ended, name: &str) -> &'a Value {
    let found = ended.all("option").into_iter().find(|event| event["name"] == name);
    found.unwrap_or_else(|| panic!("no option {name} in {ended:?}"))
}

/// A listener, and the endpoint by which it is reached.
fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn l13_both_names_number_family_and_type_of_a_connection() {
    let (listener, address) = listener();
    let opts = start(&[&address, "--json"]);
    let (_stream, caller) = listener.accept().unwrap();
    let ended = opts.end();
    let socket = ended.exits(0).only("socket");
    assert_eq!(socket["family"], "AF_INET");
    assert_eq!(socket["type"], "SOCK_STREAM");
    assert_eq!(socket["protocol"], "IPPROTO_TCP");
    assert_eq!(socket["peer"], address);
    assert_eq!(socket["local"], caller.to_string(), "getsockname there is getpeername here");
    assert!(socket["fileno"].as_i64().unwrap() > 2);
    assert_eq!(socket["listening"], false);
}

#[test]
fn l11_l12_l13_every_family_and_type_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _unix = UnixListener::bind(&path).unwrap();
    let unix = path.to_str().unwrap();
    for (endpoint, family, kind, listening) in [
        ("tcp4://:0", "AF_INET", "SOCK_STREAM", true),
        ("udp4://127.0.0.1:9", "AF_INET", "SOCK_DGRAM", false),
        ("udp4://:0", "AF_INET", "SOCK_DGRAM", true),
        (unix, "AF_UNIX", "SOCK_STREAM", false),
        ("tcp6://[::1]:0", "AF_INET6", "SOCK_STREAM", true),
        ("udp6://[::1]:9", "AF_INET6", "SOCK_DGRAM", false),
    ] {
        if endpoint.contains("::1") && UdpSocket::bind("[::1]:0").is_err() {
            continue;
        }
        let ended = run(&[endpoint, "--json"]);
        let socket = ended.exits(0).only("socket");
        let told = (&socket["family"], &socket["type"], &socket["listening"]);
        assert_eq!(told, (&family.into(), &kind.into(), &listening.into()), "{endpoint}");
        assert!(ended.all("option").len() > 30, "{endpoint}");
    }
    let ended = run(&["--listen", "--json", &format!("unixseq://{unix}2")]);
    let socket = ended.exits(0).only("socket");
    assert_eq!((&socket["type"], &socket["local"]), (&"SOCK_SEQPACKET".into(), &format!("{unix}2").into()));
}

#[test]
fn l14_options_are_set_by_name_by_constant_and_by_number_and_read_back() {
    let sets =
        ["sndbuf=64KiB", "SOL_SOCKET:SO_RCVBUF=65536", "6:4=11", "nodelay", "SO_LINGER=x0100000003000000"];
    let mut arguments = vec!["tcp4://:0", "--json", "--all"];
    arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
    let ended = run(&arguments);
    let done = ended.exits(0).all("option_set");
    let told: Vec<_> =
        done.iter().map(|event| (event["constant"].as_str().unwrap(), &event["after"])).collect();
    let expected: [(&str, Value); 5] = [
        ("SO_SNDBUF", 131_072.into()),
        ("SO_RCVBUF", 131_072.into()),
        ("TCP_KEEPIDLE", 11.0.into()),
        ("TCP_NODELAY", true.into()),
        ("SO_LINGER", 3.0.into()),
    ];
    for ((constant, after), (expected, value)) in told.iter().zip(&expected) {
        assert_eq!((constant, *after), (expected, value));
    }
    assert_eq!(done[3]["before"], false);
    let listed = option(&ended, "sndbuf");
    assert_eq!(listed["value"], 131_072, "the list tells what is now");
    assert_eq!(
        (&listed["level"], &listed["number"], &listed["type"]),
        (&"SOL_SOCKET".into(), &7.into(), &"int".into())
    );
}

#[test]
fn l14_what_is_listed_is_what_another_program_finds_on_a_socket_of_the_same_kind() {
    let ended = run(&["udp4://:0", "--json"]);
    let mine = UdpSocket::bind("0.0.0.0:0").unwrap();
    let theirs = |name: &str| option(ended.exits(0), name)["value"].clone();
    assert_eq!(theirs("sndbuf"), sockopt::socket_send_buffer_size(&mine).unwrap());
    assert_eq!(theirs("rcvbuf"), sockopt::socket_recv_buffer_size(&mine).unwrap());
    assert_eq!(theirs("ttl"), sockopt::ip_ttl(&mine).unwrap());
    assert_eq!(theirs("mttl"), sockopt::ip_multicast_ttl(&mine).unwrap());
    assert_eq!(theirs("loop"), sockopt::ip_multicast_loop(&mine).unwrap());
    assert_eq!(theirs("broadcast"), sockopt::socket_broadcast(&mine).unwrap());
}

#[test]
fn l3_bytes_waiting_in_each_buffer_are_shown_while_they_fill_and_drain() {
    let (listener, address) = listener();
    let mut opts = start(&[&address, "--queues=20ms", "--json"]);
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(&[7; 1000]).unwrap();
    let waits = |size: u64| move |event: &Value| event["receive_queue"] == size;
    opts.event_where("queues", waits(1000));
    stream.write_all(&[7; 500]).unwrap();
    let event = opts.event_where("queues", waits(1500));
    assert_eq!((&event["send_queue"], &event["unsent"]), (&0.into(), &0.into()));
    assert!(event["receive_fill"].as_f64().unwrap() > 0.0);
    opts.interrupt();
    opts.end().exits(130);
    let opts = start(&[&address, "--queues=20ms", "--read", "300", "--json"]);
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(&[7; 1000]).unwrap();
    opts.event_where("queues", |event| (1..1000).contains(&event["receive_queue"].as_u64().unwrap()));
    drop(stream);
    let ended = opts.end();
    let last = ended.exits(0).all("queues").last().unwrap()["receive_queue"].clone();
    assert_eq!((&ended.only("watched")["how"], last), (&"fin".into(), 0.into()), "it reads to the end");
}

#[test]
fn l22_a_receiver_that_does_not_read_closes_its_window() {
    let (listener, address) = listener();
    let opts = start(&[&format!("tcp://{address}?rcvbuf=8KiB"), "--queues=20ms", "--json"]);
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    while stream.write(&[7; 4096]).is_ok() {}
    opts.event_where("queues", |event| event["receive_fill"].as_f64().unwrap() > 0.5);
    while !TcpInfo::of(&stream).unwrap().is_window_closed() {
        // What is still on its way closes it; the program shows its own side meanwhile.
        opts.event("queues");
    }
}

#[test]
fn what_tcp_knows_is_told_with_what_limits_the_sender() {
    let (_listener, address) = listener();
    let ended = run(&[&address, "--tcp-info=20ms", "--count", "3", "--json"]);
    let infos = ended.exits(0).all("tcp_info");
    assert_eq!(infos.len(), 3);
    assert_eq!((&infos[0]["state"], &infos[0]["limited"]), (&"ESTABLISHED".into(), &Value::Null));
    assert_eq!(infos[2]["limited"]["by"], "application", "it has nothing to send");
    assert!(infos[2]["figures"]["rtt_s"].as_f64().unwrap() > 0.0);
    assert_eq!(infos[2]["zero_window"], false);
    assert_eq!(ended.only("watched")["how"], "count");
}

#[test]
fn l22_watching_ends_with_the_other_side_and_a_reset_is_a_failure() {
    let (listener, address) = listener();
    let opts = start(&[&address, "--tcp-info=10s", "--json"]);
    let (stream, _) = listener.accept().unwrap();
    opts.event("tcp_info");
    drop(stream);
    let ended = opts.end_within(Duration::from_secs(8));
    assert_eq!(ended.exits(0).all("tcp_info").last().unwrap()["state"], "CLOSE-WAIT");
    let opts = start(&[&address, "--queues=10s", "--json"]);
    let (stream, _) = listener.accept().unwrap();
    opts.event("queues");
    sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
    let ended = opts.end_within(Duration::from_secs(8));
    ended.exits(1).says("network", "reset by the other side");
    assert_eq!(ended.only("watched")["how"], "broken");
}

#[test]
fn a_listener_shows_who_waits_to_be_accepted() {
    let opts = start(&["tcp4://127.0.0.1:0?backlog=7", "--queues=20ms", "--json"]);
    let address = opts.event("socket")["local"].as_str().unwrap().to_owned();
    let _waiting = TcpStream::connect(&address).unwrap();
    let event = opts.event_where("queues", |event| event["accept_waiting"] == 1);
    assert_eq!((&event["accept_limit"], &event["receive_queue"]), (&7.into(), &Value::Null));
}

#[test]
fn an_inherited_socket_is_looked_into() {
    let (listener, address) = listener();
    let stream = TcpStream::connect(&address).unwrap();
    let (mut other, _) = listener.accept().unwrap();
    let mut command = Command::new(PROGRAM);
    let stdin: std::os::fd::OwnedFd = stream.into();
    command.args(["opts", "fd://0", "--set", "nodelay", "--json"]).stdin(Stdio::from(stdin));
    let ended = Process::start("opts", command).end();
    assert_eq!(ended.exits(0).only("socket")["peer"], address);
    drop(ended);
    let mut rest = Vec::new();
    other.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _ = other.read_to_end(&mut rest);
    assert!(rest.is_empty(), "looking sends nothing");
}

#[test]
fn a_person_reads_a_table() {
    let ended = run(&["udp4://:0"]);
    ended.exits(0);
    for line in
        ["family       AF_INET (2)", "type         SOCK_DGRAM (2)", "SOL_SOCKET (1)", "IPPROTO_UDP (17)"]
    {
        assert!(ended.stdout.lines().any(|told| told == line), "{line} in {ended:?}");
    }
    let row = ended.stdout.lines().find(|line| line.contains("SO_BROADCAST")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words[..5], ["broadcast", "SO_BROADCAST", "6", "int", "off"]);
    assert!(ended.stderr.is_empty(), "{ended:?}");
    let ended = run(&["udp4://:0", "--set", "broadcast", "--get", "ttl"]);
    assert!(ended.exits(0).stdout.contains("set broadcast to on: off before, on now\n"), "{ended:?}");
    assert!(ended.stdout.contains("IP_TTL") && !ended.stdout.contains("SO_RCVBUF"), "{ended:?}");
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    for (arguments, exit, words) in [
        (&[":0", "--set", "nodely"][..], 2, "did you mean nodelay?"),
        (&[":0", "--set", "sndbuf=lots"], 2, "like 65536 or 64KiB"),
        (&[":0", "--set", "SO_TYPE=1"], 2, "SO_TYPE can only be read"),
        (&[":0", "--get", "xyzzy"], 2, "`sockeye opts :0` lists those of TCP"),
        (&["udp4://:0", "--set", "nodelay"], 2, "but of TCP sockets"),
        (&["tcp4://:0", "--set", "ttl=300"], 2, "the kernel does not take this value"),
        (&["tcp4://:0", "--set", "congestion=nothere"], 2, "tcp_available_congestion_control"),
        (&["udp4://:0", "--set", "iface=nothere"], 2, "`sockeye addr` lists them"),
        (&["udp4://:0", "--tcp-info"], 2, "--queues works for every socket"),
        (&["-"], 2, "write fd://0"),
        (&[":0", "--count", "1"], 2, "--tcp-info"),
        (&[":0", "--listen", "--dial"], 2, "cannot be used with"),
        (&["127.0.0.1"], 2, "127.0.0.1:9000"),
        (&["/nowhere/socket"], 1, "there is no such socket"),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.exit, Some(exit), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{arguments:?}: {ended:?}");
    }
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = run(&[&refused.to_string(), "--json"]);
    ended.exits(1).says("network", "nothing listens there");
}
