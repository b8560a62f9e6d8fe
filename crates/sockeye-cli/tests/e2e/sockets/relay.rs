//! `relay`: what goes in comes out, as late, slow, torn and lossy as was wished for.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use super::*;
use crate::PATIENCE;

/// A relay to this endpoint, and its address.
fn relay(listen: &str, connect: &str, arguments: &[&str]) -> (Process, String) {
    let process =
        sockeye(&[&["relay", "--json", "--listen", listen, "--connect", connect], arguments].concat());
    let address = address_of(&process);
    (process, address)
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn bytes_and_ends_go_both_ways_one_after_the_other() {
    let (server, target) = listener();
    let (relay, address) = relay("127.0.0.1:0", &target, &[]);
    let mut caller = TcpStream::connect(&address).unwrap();
    let (mut called, _) = server.accept().unwrap();
    let sent = content();
    let writer = {
        let (mut caller, sent) = (caller.try_clone().unwrap(), sent.clone());
        std::thread::spawn(move || {
            caller.write_all(&sent).unwrap();
            caller.shutdown(std::net::Shutdown::Write).unwrap();
        })
    };
    let mut arrived = Vec::new();
    called.read_to_end(&mut arrived).unwrap();
    writer.join().unwrap();
    assert!(arrived == sent, "and its end");
    called.write_all(b"answer after the end").unwrap();
    drop(called);
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer after the end");
    let close = relay.event("close");
    assert_eq!((&close["how"], &close["received"]), (&"fin".into(), &sent.len().into()));
    drop(relay.kill());
}

#[test]
fn a_reset_is_passed_on_and_a_refusal_is_told_to_the_caller() {
    let (server, target) = listener();
    let (relay_process, address) = relay("127.0.0.1:0", &target, &[]);
    let mut caller = TcpStream::connect(&address).unwrap();
    let (mut called, _) = server.accept().unwrap();
    caller.write_all(b"x").unwrap();
    called.read_exact(&mut [0; 1]).unwrap();
    rustix::net::sockopt::set_socket_linger(&called, Some(Duration::ZERO)).unwrap();
    drop(called);
    let error = caller.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    relay_process.event_where("close", |event| event["how"] == "rst");
    drop(server);
    let mut refused = TcpStream::connect(&address).unwrap();
    assert_eq!(refused.read(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let failed = relay_process.event_where("failed_connection", |event| event["conn"] == 2);
    assert!(failed["message"].as_str().unwrap().contains("nothing listens there"));
    drop(relay_process.kill());
}

#[test]
fn messages_are_shown_recorded_and_torn_on_purpose() {
    let place = tempfile::tempdir().unwrap();
    let record = place.path().join("record.jsonl");
    let (server, target) = listening(&["--echo", "-f", "dec:4"], "127.0.0.1:0");
    let (relay, address) = relay(
        "127.0.0.1:0",
        &target,
        &["-f", "dec:4", "--split", "header", "--record", record.to_str().unwrap()],
    );
    let client = fed(&["connect", "--json", "-f", "dec:4", &address], b"AAA\nBBBB\n").end();
    assert_eq!(texts(client.exits(0)), ["AAA", "BBBB"]);
    let ended = server.end();
    let torn = ended
        .exits(0)
        .all("msg")
        .into_iter()
        .filter(|event| event["dir"] == "rx")
        .any(|event| event["reads"][0] != event["reads"][1]);
    assert!(torn, "at least one message arrived in more than one read");
    relay.event("close");
    let lines: Vec<serde_json::Value> = std::fs::read_to_string(&record)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ways: Vec<_> =
        lines.iter().map(|line| (line["dir"].as_str().unwrap(), line["text"].as_str().unwrap())).collect();
    for expected in [("up", "AAA"), ("up", "BBBB"), ("down", "AAA"), ("down", "BBBB")] {
        assert!(ways.contains(&expected), "{ways:?}");
    }
    assert_eq!(ways.len(), 4);
    drop(relay.kill());
    let again = sockeye(&[
        "relay",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--connect",
        &target,
        "--record",
        record.to_str().unwrap(),
    ])
    .end();
    again.exits(7);
}

#[test]
fn what_does_not_parse_goes_on_unseen_unless_that_is_not_wanted() {
    for (sent, odd) in [(&b"0003AAAGET / HTTP/1.0"[..], "invalid"), (b"0003AAA0009BB", "truncated")] {
        for strict in [false, true] {
            let (server, target) = listener();
            let strictly: &[&str] = if strict { &["--strict"] } else { &[] };
            let (relay, address) =
                relay("127.0.0.1:0", &target, &[&["-f", "dec:4", "--out", "json"], strictly].concat());
            let mut caller = TcpStream::connect(&address).unwrap();
            let (mut called, _) = server.accept().unwrap();
            caller.write_all(sent).unwrap();
            // A strict relay may have ended it by now.
            let _ = caller.shutdown(std::net::Shutdown::Write);
            let mut arrived = Vec::new();
            let result = called.read_to_end(&mut arrived);
            assert_eq!(result.is_err(), strict, "an end would say that nothing is missing");
            assert_eq!(
                arrived,
                if strict { &sent[..7] } else { sent },
                "the message before it came in any case"
            );
            drop(called);
            let close = relay.event("close");
            let ended = relay.kill();
            assert_eq!(ended.only(odd)["dir"], "up", "{ended:?}");
            let shown = ended.all("msg");
            let numbers: Vec<_> = shown.iter().map(|message| message["n"].as_u64().unwrap()).collect();
            if strict {
                assert_eq!((&close["how"], numbers), (&"protocol".into(), vec![1]));
                assert_eq!(ended.all("eof").len(), 0);
            } else {
                assert_eq!((&close["how"], numbers), (&"fin".into(), vec![1, 2]));
                assert_eq!((&shown[1]["off"], &shown[1]["wire"]), (&7.into(), &(sent.len() - 7).into()));
                let up = ended.all("eof").into_iter().find(|end| end["dir"] == "up").unwrap();
                assert_eq!(up["off"], sent.len());
            }
        }
    }
}

#[test]
fn where_only_messages_go_on_what_is_none_ends_the_connection() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = format!("udp://{}", server.local_addr().unwrap());
    let (relay, address) = relay("127.0.0.1:0", &target, &["-f", "dec:4"]);
    let mut caller = TcpStream::connect(&address).unwrap();
    caller.write_all(b"0003AAAGET / HTTP/1.0").unwrap();
    let mut buffer = [0; 16];
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let len = server.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"AAA");
    assert_eq!(relay.event("invalid")["off"], 7);
    assert_eq!(relay.event("close")["how"], "protocol");
    drop(relay.kill());
}

#[test]
fn no_more_senders_of_datagrams_are_carried_than_is_allowed() {
    let (server, target) = listening(&["--echo"], "udp://127.0.0.1:0");
    let (relay, address) = relay("udp://127.0.0.1:0", &format!("udp://{target}"), &["--max-clients", "1"]);
    let ask = |sender: &UdpSocket, patience: Duration| {
        sender.set_read_timeout(Some(patience)).unwrap();
        sender.send_to(b"x", &address).unwrap();
        sender.recv(&mut [0; 16]).is_ok()
    };
    let (first, second) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    assert!(ask(&first, PATIENCE));
    assert!(!ask(&second, Duration::from_millis(300)));
    assert!(ask(&first, PATIENCE), "the first is carried all the same");
    let refused = relay.event("failed_connection");
    assert!(refused["message"].as_str().unwrap().contains("is not carried"), "{refused}");
    drop((relay.kill(), server.kill()));
}

#[test]
fn a_delay_delays_and_a_rate_holds_back() {
    let (server, target) = listener();
    let (relay_process, address) = relay("127.0.0.1:0", &target, &["--delay", "150ms"]);
    let mut caller = TcpStream::connect(&address).unwrap();
    let (mut called, _) = server.accept().unwrap();
    caller.set_nodelay(true).unwrap();
    let began = Instant::now();
    caller.write_all(b"x").unwrap();
    called.read_exact(&mut [0; 1]).unwrap();
    called.write_all(b"y").unwrap();
    caller.read_exact(&mut [0; 1]).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300), "there and back");
    drop(relay_process.kill());

    let (relay, address) = relay("127.0.0.1:0", &target, &["--rate", "1MB"]);
    let mut caller = TcpStream::connect(&address).unwrap();
    let (mut called, _) = server.accept().unwrap();
    let began = Instant::now();
    std::thread::spawn(move || caller.write_all(&vec![7; 500_000]));
    let mut arrived = Vec::new();
    called.read_to_end(&mut arrived).unwrap();
    assert_eq!(arrived.len(), 500_000);
    assert!(began.elapsed() >= Duration::from_millis(450), "half a megabyte at a megabyte a second");
    drop(relay.kill());
}

#[test]
fn a_connection_is_reset_after_so_many_bytes() {
    let (server, target) = listener();
    let (relay, address) = relay("127.0.0.1:0", &target, &["--reset-after", "1KiB"]);
    let mut caller = TcpStream::connect(&address).unwrap();
    let (mut called, _) = server.accept().unwrap();
    caller.write_all(&[7; 2048]).unwrap();
    let mut arrived = Vec::new();
    let error = called.read_to_end(&mut arrived).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(relay.event("close")["how"], "local");
    drop(relay.kill());
}

#[test]
fn senders_of_datagrams_have_ways_of_their_own_and_loss_is_the_same_for_the_same_seed() {
    let (server, target) = listening(&["--echo"], "udp://127.0.0.1:0");
    let (relay_process, address) = relay("udp://127.0.0.1:0", &format!("udp://{target}"), &[]);
    let ask = |word: &[u8]| {
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.set_read_timeout(Some(PATIENCE)).unwrap();
        sender.send_to(word, &address).unwrap();
        let mut buffer = [0; 16];
        let len = sender.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], word);
    };
    ask(b"ann");
    ask(b"");
    ask(b"bob");
    drop(relay_process.kill());
    let lost = |seed: &str| {
        let arguments = ["--loss", "30%", "--seed", seed];
        let (relay, address) = relay("udp://127.0.0.1:0", &format!("udp://{target}"), &arguments);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut fates = Vec::new();
        for number in 1..=40 {
            sender.send_to(format!("{number}").as_bytes(), &address).unwrap();
            let fate = relay.event_where("msg", |event| event["dir"] == "up" && event["n"] == number);
            fates.push(fate["lost"] == true);
        }
        drop(relay.kill());
        fates
    };
    let first = lost("7");
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    assert_eq!(first, lost("7"), "the same seed");
    drop(server.kill());
}

#[test]
fn messages_of_a_stream_become_datagrams_and_come_back() {
    let (server, target) = listening(&["--echo"], "udp://127.0.0.1:0");
    let (to_datagrams, address) = relay("127.0.0.1:0", &format!("udp://{target}"), &["-f", "len:u16be"]);
    let client = fed(
        &["connect", "--json", "-f", "len:u16be", "--split", "all", "--count", "3", &address],
        b"one\n\nthree\n",
    )
    .end();
    assert_eq!(texts(client.exits(0)), ["one", "", "three"]);
    drop((to_datagrams.kill(), server.kill()));
    // And the other way round.
    let (server, target) = listening(&["--echo", "-k", "-f", "dec:4"], "127.0.0.1:0");
    let (to_stream, address) = relay("udp://127.0.0.1:0", &target, &["-f", "dec:4"]);
    let client =
        fed(&["connect", "--json", "--count", "2", &format!("udp://{address}")], b"one\ntwo\n").end();
    assert_eq!(texts(client.exits(0)), ["one", "two"]);
    drop((to_stream.kill(), server.kill()));
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_reason() {
    for (arguments, told) in [
        (&["--listen", ":0", "--connect", "udp://127.0.0.1:9"][..], "say with -f"),
        (&["--listen", ":0", "--connect", "127.0.0.1:9", "--loss", "1%"], "--loss is for datagrams"),
        (&["--listen", ":0", "--connect", "127.0.0.1:9", "--split", "header"], "needs a framing"),
        (&["--listen", ":0", "--connect", "127.0.0.1:9", "--rate", "fast"], "10mbit"),
    ] {
        let ended = sockeye(&[&["relay"], arguments].concat()).end();
        ended.exits(2);
        assert!(format!("{ended:?}").contains(told), "{ended:?}");
    }
}

#[test]
fn two_hundred_callers_are_carried_at_once() {
    let (server, target) = listening(&["-k", "--echo", "-f", "line"], "127.0.0.1:0");
    let (relay, address) = relay("127.0.0.1:0", &target, &[]);
    let mut callers: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for (number, caller) in callers.iter_mut().enumerate() {
        caller.write_all(format!("{number}\n").as_bytes()).unwrap();
    }
    for (number, caller) in callers.iter_mut().enumerate() {
        caller.set_read_timeout(Some(PATIENCE)).unwrap();
        let expected = format!("{number}\n");
        let mut answer = vec![0; expected.len()];
        caller.read_exact(&mut answer).unwrap();
        assert_eq!(answer, expected.as_bytes());
    }
    drop((relay.kill(), server.kill()));
}

#[test]
fn a_relay_that_dies_resets_what_it_has_not_finished() {
    for how in ["interrupt", "terminate", "standard output"] {
        let (server, target) = listener();
        let line = match how {
            "standard output" => {
                "exec \"$SOCKEYE\" relay --listen 127.0.0.1:0 --connect $TARGET --out hex > /dev/full"
            }
            _ => "exec \"$SOCKEYE\" relay --listen 127.0.0.1:0 --connect $TARGET",
        };
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("SOCKEYE", PROGRAM).env("TARGET", &target).stdin(Stdio::null());
        let mut relay = Process::start("relay", command);
        let address = said_address(&relay);
        let mut caller = TcpStream::connect(address).unwrap();
        let (mut called, _) = server.accept().unwrap();
        called.write_all(b"the beginning").unwrap();
        match how {
            "interrupt" => {
                caller.read_exact(&mut [0; 13]).unwrap();
                relay.interrupt();
            }
            "terminate" => {
                caller.read_exact(&mut [0; 13]).unwrap();
                relay.terminate();
            }
            _ => {}
        }
        for side in [&mut caller, &mut called] {
            let error = side.read_to_end(&mut Vec::new()).expect_err("an end would say that this was all");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{how}");
        }
        relay.end();
    }
}

#[test]
fn standard_input_and_output_are_a_caller() {
    let (server, target) = listening(&["--echo"], "127.0.0.1:0");
    let there_and_back = fed(&["relay", "--listen", "-", "--connect", &target], b"there and back").end();
    there_and_back.exits(0);
    assert_eq!(there_and_back.stdout, "there and back");
    server.end().exits(0);
    let refused = format!("127.0.0.1:{}", free_port());
    fed(&["relay", "--listen", "-", "--connect", &refused], b"x").end().exits(1);
}

#[test]
fn who_is_silent_for_too_long_is_ended() {
    let (server, target) = listener();
    let (relay, address) = relay("127.0.0.1:0", &target, &["--idle", "300ms"]);
    let caller = TcpStream::connect(&address).unwrap();
    let called = server.accept().unwrap();
    let close = relay.event("close");
    assert_eq!(close["how"], "timeout");
    drop((caller, called, relay.kill()));
}

#[test]
fn a_sender_of_datagrams_is_carried_again_once_somebody_listens() {
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = target.local_addr().unwrap();
    drop(target);
    let (relay, near) = relay("udp://127.0.0.1:0", &format!("udp://{address}"), &[]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"too early", &near).unwrap();
    assert_eq!(relay.event("open")["peer"], sender.local_addr().unwrap().to_string());
    relay.event("close");
    let target = UdpSocket::bind(address).unwrap();
    target.set_read_timeout(Some(PATIENCE)).unwrap();
    sender.send_to(b"now", &near).unwrap();
    let mut buffer = [0; 16];
    let len = target.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"now");
    drop(relay.kill());
}

#[test]
fn senders_of_datagrams_that_are_silent_are_forgotten_with_all_that_they_took() {
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("udp://{}", target.local_addr().unwrap());
    let (relay, address) = relay("udp://127.0.0.1:0", &endpoint, &["--idle", "300ms"]);
    let open = || std::fs::read_dir(format!("/proc/{}/fd", relay.id())).unwrap().count();
    let before = open();
    for _ in 0..50 {
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", &address).unwrap();
    }
    for conn in 1..=50 {
        let close = relay.event_where("close", |event| event["conn"] == conn);
        assert_eq!((&close["how"], &close["reads"]), (&"timeout".into(), &1.into()));
    }
    assert_eq!(open(), before);
    drop(relay.kill());
}

#[test]
fn a_message_that_cannot_be_said_there_is_lost_and_told_and_its_neighbours_are_not() {
    let (server, target) = listening(&["--echo", "-k", "-f", "octet-count"], "127.0.0.1:0");
    let (to_stream, address) = relay("udp://127.0.0.1:0", &target, &["-f", "octet-count"]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.set_read_timeout(Some(PATIENCE)).unwrap();
    for word in [&b"before"[..], b"", b"after"] {
        sender.send_to(word, &address).unwrap();
    }
    let mut buffer = [0; 16];
    for word in [&b"before"[..], b"after"] {
        let len = sender.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], word);
    }
    assert_eq!(to_stream.event("not_carried")["dir"], "up");
    drop((to_stream.kill(), server.kill()));
}

#[test]
fn an_end_is_as_late_as_what_came_before_it() {
    let (server, target) = listener();
    let (relay, address) = relay("127.0.0.1:0", &target, &["--delay", "300ms"]);
    let caller = TcpStream::connect(&address).unwrap();
    let (mut called, _) = server.accept().unwrap();
    let began = Instant::now();
    caller.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(called.read(&mut [0; 1]).unwrap(), 0);
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    drop(called);
    let close = relay.event("close");
    assert_eq!(close["how"], "fin");
    drop((caller, relay.kill()));
}
