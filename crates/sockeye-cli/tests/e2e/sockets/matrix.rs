//! How the netcats behave where scripts break on them, and that this program has no bad cell.

use std::{
    io::{Read, Write},
    net::{TcpListener, UdpSocket},
    time::Duration,
};

use super::*;
use crate::PATIENCE;

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn a_reply_long_after_the_end_of_input_arrives() {
    let (listener, address) = listener();
    let client = fed(&["connect", &address], b"question");
    let (mut server, _) = listener.accept().unwrap();
    let mut question = Vec::new();
    server.read_to_end(&mut question).unwrap();
    // Longer than socat's half second and netcat's -q 1.
    std::thread::sleep(Duration::from_millis(1500));
    server.write_all(b"late answer").unwrap();
    drop(server);
    let ended = client.end();
    ended.exits(0);
    assert!(format!("{ended:?}").contains("late answer"));
}

#[test]
fn a_reply_that_is_lost_because_of_q_is_a_failure() {
    let (listener, address) = listener();
    let client = fed(&["connect", "-q", "200ms", &address], b"question");
    let (server, _) = listener.accept().unwrap();
    let ended = client.end();
    ended.exits(4);
    assert!(format!("{ended:?}").contains("is lost"));
    drop(server);
}

#[test]
fn a_reset_after_data_is_a_failure_plain_and_framed() {
    for arguments in [&["connect", "--on-eof", "hold"][..], &["connect", "--on-eof", "hold", "-f", "line"]] {
        let (listener, address) = listener();
        let client = sockeye(&[arguments, &[&address]].concat());
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"half\n").unwrap();
        client.line("half");
        rustix::net::sockopt::set_socket_linger(&server, Some(Duration::ZERO)).unwrap();
        drop(server);
        let ended = client.end();
        ended.exits(1);
        assert!(format!("{ended:?}").contains("reset by the other side"), "{ended:?}");
    }
}

#[test]
fn refused_is_told_and_fails() {
    let ended = sockeye(&["connect", &format!("127.0.0.1:{}", free_port())]).end();
    ended.exits(1);
    assert!(format!("{ended:?}").contains("nothing listens there"));
}

#[test]
fn datagrams_are_neither_merged_nor_split_nor_cut_in_silence() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let endpoint = format!("udp://{}", receiver.local_addr().unwrap());
    fed(&["connect", &endpoint], b"a\nb\nc\n").end().exits(0);
    let mut buffer = vec![0; 65_536];
    let sizes: Vec<usize> = (0..3).map(|_| receiver.recv(&mut buffer).unwrap()).collect();
    assert_eq!(sizes, [1, 1, 1], "three lines are three datagrams");

    let ended = fed(&["connect", "--in", "raw", &endpoint], &vec![b'x'; 200_000]).end();
    ended.exits(1);
    assert!(
        format!("{ended:?}").contains("too long for one datagram"),
        "200 kB are refused, not split: {ended:?}"
    );

    let (server, address) = listening(&["--count", "1"], "udp://127.0.0.1:0");
    receiver.send_to(&vec![b'x'; 60_000], &address).unwrap();
    assert_eq!(server.end().exits(0).only("msg")["len"], 60_000, "a large one arrives whole");

    let (server, address) = listening(&["--count", "1", "--read-size", "100"], "udp://127.0.0.1:0");
    receiver.send_to(&vec![b'x'; 60_000], &address).unwrap();
    let ended = server.end();
    let cut = ended.exits(0).only("cut");
    assert_eq!((&cut["len"], &cut["wire"]), (&100.into(), &60_000.into()), "what is cut is told");
}

#[test]
fn broadcast_must_be_asked_for() {
    let ended = fed(&["connect", "udp://255.255.255.255:9"], b"x\n").end();
    ended.exits(1);
    assert!(format!("{ended:?}").contains("?broadcast"), "{ended:?}");
}

#[test]
fn what_is_sent_while_the_other_side_does_not_read_is_not_lost() {
    // The listener's own input ends at once: the caller must not take that for the end of everything.
    let (server, address) = listening_plainly(&["--out", "raw"], "127.0.0.1:0");
    server.pause();
    let client = fed(&["connect", &address], &content().repeat(8));
    std::thread::sleep(Duration::from_millis(1200));
    server.resume();
    client.end().exits(0);
    let ended = server.end();
    ended.exits(0);
}
