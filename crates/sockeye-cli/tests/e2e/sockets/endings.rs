//! Deadlines, counts, signals, broken pipes, bad callers.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixListener,
    time::Duration,
};

use super::*;

#[test]
fn deadlines_end_with_4() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let idle = sockeye(&["connect", "--on-eof", "hold", "--idle", "100ms", &address]).end();
    idle.exits(4);
    assert!(format!("{idle:?}").contains("--idle"));
    let lonely = sockeye(&["listen", "-w", "100ms", "127.0.0.1:0"]).end();
    lonely.exits(4);
    assert!(format!("{lonely:?}").contains("nobody came"));
    let lonely = sockeye(&["listen", "-w", "100ms", "udp://127.0.0.1:0"]).end();
    lonely.exits(4);
    assert!(format!("{lonely:?}").contains("nobody came"));
    let (server, address) = listening(&["-w", "60s", "--count", "1"], "udp://127.0.0.1:0");
    fed(&["connect", "-u", &address], b"here\n").end();
    assert_eq!(texts(server.end().exits(0)), ["here"]);
    let (server, address) = listening(&["--count", "2", "-f", "line"], "127.0.0.1:0");
    fed(&["connect", "-f", "line", &address], b"only one\n").end().exits(0);
    server.end().exits(4).says("timed_out", "--count");
    sockeye(&["listen", "--idle", "100ms", "udp://127.0.0.1:0"]).end().exits(4);
}

#[test]
fn a_message_that_is_never_completed_is_given_up_and_the_others_go_on() {
    let (server, address) =
        listening(&["-k", "-f", "len:u32be", "--message-timeout", "200ms", "--count", "1"], "127.0.0.1:0");
    let mut slow = TcpStream::connect(&address).unwrap();
    slow.write_all(b"\0\0").unwrap();
    server.event_where("close", |event| event["how"] == "timeout");
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    let mut good = TcpStream::connect(&address).unwrap();
    good.write_all(b"\0\0\0\x02ok").unwrap();
    let ended = server.end();
    assert_eq!(texts(ended.exits(0)), ["ok"]);
    assert_eq!(ended.all("failed_connection").len(), 1);
}

#[test]
fn framing_trouble_ends_with_3_and_what_was_understood_is_kept() {
    for (sent, told) in [
        (
            &b"\0\x03AAA\0\x09BB"[..],
            "the stream ended inside a frame, after 4 bytes of it where it needed 11",
        ),
        (b"\0\x03AAAHT", "of 18516 bytes"),
    ] {
        let (server, address) = listening(&["-f", "len:u16be,max=100"], "127.0.0.1:0");
        fed(&["connect", &address], sent).end();
        let ended = server.end();
        assert_eq!(texts(ended.exits(3)), ["AAA"]);
        let _ = told;
    }
    let (server, address) = listening(&["-f", "mark:'{'..'}'"], "127.0.0.1:0");
    fed(&["connect", &address], b"??{a}").end().exits(0);
    let ended = server.end();
    assert_eq!((texts(ended.exits(3)), ended.all("garbage").len()), (vec!["a".to_owned()], 1));
    let refused = fed(
        &["connect", "--fout", "fixed:3", &{
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            std::thread::spawn(move || listener.accept());
            address
        }],
        b"four\n",
    )
    .end();
    refused.exits(3);
}

#[test]
fn bad_callers_do_not_end_a_listener_that_keeps() {
    let (server, address) = listening(&["-k", "-f", "len:u16be,max=10", "--count", "1"], "127.0.0.1:0");
    for number in 0..5 {
        let mut bad = TcpStream::connect(&address).unwrap();
        bad.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        server.event_where("close", |event| event["conn"] == number + 1);
    }
    let reset = TcpStream::connect(&address).unwrap();
    rustix::net::sockopt::set_socket_linger(&reset, Some(Duration::ZERO)).unwrap();
    drop(reset);
    let mut good = TcpStream::connect(&address).unwrap();
    good.write_all(b"\0\x02ok").unwrap();
    assert_eq!(texts(server.end().exits(0)), ["ok"]);
}

#[test]
fn an_interrupt_ends_with_130_and_removes_the_path() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket");
    let (mut server, _) = listening(&["-k"], path.to_str().unwrap());
    assert!(path.exists());
    server.interrupt();
    server.end().exits(130);
    assert!(!path.exists());
}

#[test]
fn a_path_that_is_taken_is_told_and_a_stale_one_is_taken_over() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket");
    let holder = UnixListener::bind(&path).unwrap();
    let ended = sockeye(&["listen", path.to_str().unwrap()]).end();
    ended.exits(7);
    assert!(format!("{ended:?}").contains("another program listens there"));
    drop(holder);
    let (server, _) = listening(&["-f", "line"], path.to_str().unwrap());
    fed(&["connect", "-f", "line", path.to_str().unwrap()], b"x\n").end().exits(0);
    server.end().exits(0);
    std::fs::write(&path, "a file").unwrap();
    let ended = sockeye(&["listen", path.to_str().unwrap()]).end();
    ended.exits(7);
    assert_eq!(std::fs::read(&path).unwrap(), b"a file", "what is no socket stays");
}

#[test]
fn a_port_that_is_taken_is_told() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = sockeye(&["listen", &holder.local_addr().unwrap().to_string()]).end();
    ended.exits(1);
    assert!(format!("{ended:?}").contains("another program has this port"));
}

#[test]
fn a_line_that_cannot_be_read_is_told_with_its_number() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ended = fed(&["connect", "--in", "hex", "-f", "line", &address], b"00\nxyz\n").end();
    ended.exits(2);
    assert!(format!("{ended:?}").contains("line 2 of standard input cannot be sent"), "{ended:?}");
}

#[test]
fn what_standard_input_says_before_a_mistake_is_sent() {
    for (arguments, input, told) in [
        (&["--in", "hex", "--split", "all"][..], "6f6e65\n74776f\nxyz\n", "line 3 of standard input"),
        (&["--in", "netstring"], "3:one,3:two,x", "at offset 12 what came does not parse as netstring"),
        (&["--in", "netstring"], "3:one,3:two,9:c", "the stream ended inside a frame"),
    ] {
        let (server, address) = listening(&["-f", "line"], "127.0.0.1:0");
        let sent =
            fed(&[&["connect", "-f", "line"], arguments, &[&address]].concat(), input.as_bytes()).end();
        sent.exits(2);
        assert!(sent.stderr.contains(told), "{sent:?}");
        assert_eq!(texts(&server.end()), ["one", "two"]);
        let arguments = &arguments[..2];
        let framed = fed(&[&["frame", "encode", "-f", "line"], arguments].concat(), input.as_bytes()).end();
        assert_eq!(framed.stdout, "one\ntwo\n", "{framed:?}");
        assert!(framed.stderr.contains(told), "{framed:?}");
    }
}

#[test]
fn a_datagram_that_is_no_message_is_told_and_the_next_is_heard() {
    let (server, address) = listening(&["-f", "dec:4", "--count", "2"], "udp://127.0.0.1:0");
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for datagram in [&b"0003AAA"[..], b"GET /", b"0009cut", b"0004BBBB"] {
        sender.send_to(datagram, &address).unwrap();
    }
    let ended = server.end();
    assert_eq!(texts(ended.exits(3)), ["AAA", "BBBB"]);
    assert_eq!(ended.only("invalid")["peer"], sender.local_addr().unwrap().to_string());
    assert_eq!(ended.only("truncated")["have"], 7);
}

#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    let (mut kept, stdin) = {
        let mut command = Command::new("sh");
        command.args(["-c", "\"$SOCKEYE\" listen -k --out text 127.0.0.1:0 | head -c 1 > /dev/null"]);
        command.env("SOCKEYE", PROGRAM).stdin(Stdio::piped());
        let mut process = Process::start("sh", command);
        let stdin = process.stdin();
        (process, stdin)
    };
    let address = said_address(&kept);
    let mut caller = TcpStream::connect(address).unwrap();
    while !kept.has_ended() {
        if caller.write_all(b"some text\n").is_err() {
            break;
        }
        std::thread::yield_now();
    }
    kept.end().exits(0);
    drop(stdin);
}

#[test]
fn tls_says_whom_it_does_not_trust() {
    let (server, address) = listening(&["-k"], "tls://127.0.0.1:0");
    let untrusted = sockeye(&["connect", &format!("tls://{address}")]).end();
    untrusted.exits(6);
    assert!(format!("{untrusted:?}").contains("?ca=FILE"), "{untrusted:?}");
    let not_tls = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = not_tls.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut caller, _) = not_tls.accept().unwrap();
        let _ = caller.write_all(b"SSH-2.0-x\r\n");
        let _ = caller.read(&mut [0; 1024]);
    });
    let refused = sockeye(&["connect", "-4", &format!("tls://{plain}")]).end();
    refused.exits(3);
    assert!(format!("{refused:?}").contains("not TLS"), "{refused:?}");
    drop(server.kill());
}

#[test]
fn a_probe_says_how_long_connecting_took() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ended = sockeye(&["connect", "-z", &address]).end();
    ended.exits(0);
    assert!(format!("{ended:?}").contains("connected to"));
    sockeye(&["connect", "-z", &format!("127.0.0.1:{}", free_port())]).end().exits(1);
}

#[test]
fn a_filter_frames_and_unframes() {
    let encoded = fed(&["frame", "encode", "-f", "dec:4", "--json"], b"AAA\nBBBB\n").end();
    let frames: Vec<_> = encoded.exits(0).all("msg").iter().map(|event| event["frame"].clone()).collect();
    assert_eq!(frames, ["30303033414141", "3030303442424242"]);
    let decoded = fed(&["frame", "decode", "-f", "dec:4", "--json"], b"0003AAA0004BBBB").end();
    assert_eq!(texts(decoded.exits(0)), ["AAA", "BBBB"]);
    let cut = fed(&["frame", "decode", "-f", "dec:4", "--json"], b"0003AAA0004BB").end();
    assert_eq!(texts(cut.exits(3)), ["AAA"], "what was whole is kept");
    assert_eq!((&cut.only("truncated")["have"], &cut.only("truncated")["need"]), (&6.into(), &8.into()));
    let bad = fed(&["frame", "decode", "-f", "dec:4", "--json"], b"0003AAAxyz").end();
    assert_eq!(texts(bad.exits(3)), ["AAA"]);
    assert_eq!(bad.only("invalid")["off"], 7);
    // A line is cut by the end of what is looked at.
    let long = "hello\n".repeat(2_796_203);
    let guessed = fed(&["frame", "guess"], long.as_bytes()).end();
    assert!(guessed.exits(0).stdout.starts_with("line "), "{guessed:?}");
    assert!(guessed.stderr.contains("first 16 MiB"), "{guessed:?}");
    let guessed = fed(&["frame", "guess", "--json"], b"0003AAA0004BBBB").end();
    assert_eq!(guessed.exits(0).all("guess")[0]["framing"], "dec:4");
    fed(&["frame", "guess", "--json"], b"\xff\xfe?").end().exits(3);
}

#[test]
fn a_slow_client_is_told_and_costs_a_bounded_buffer_and_the_others_go_on() {
    let (server, address) = listening(&["-k", "--echo", "-f", "len:u32be", "--out", "none"], "127.0.0.1:0");
    let memory = server.watch_memory();
    let mut slow = TcpStream::connect(&address).unwrap();
    let writer = {
        let mut slow = slow.try_clone().unwrap();
        // It sends and never reads what comes back, until nothing goes any more.
        std::thread::spawn(move || {
            let message = [&[0, 1, 0, 0][..], &vec![7; 0x1_0000]].concat();
            while slow.write_all(&message).is_ok() {}
        })
    };
    server.event_where("slow", |event| event["conn"] == 1);
    let mut other = TcpStream::connect(&address).unwrap();
    other.write_all(b"\0\0\0\x02ok").unwrap();
    let mut answer = [0; 6];
    other.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\0\0\0\x02ok");
    slow.shutdown(std::net::Shutdown::Both).unwrap();
    writer.join().unwrap();
    drop(server.kill());
    let peak = memory.join().unwrap();
    assert!(peak < 64 << 20, "{peak} bytes");
    let _ = slow.flush();
}

/// Longer than a person may hesitate: nobody who writes into a pipe is to be cut off by it.
const PAUSE: Duration = Duration::from_millis(1200);

#[test]
fn the_other_side_s_end_does_not_end_standard_input() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let cases: [&[&str]; 5] =
        [&[], &["-f", "line"], &["--idle", "30s"], &["--quit", "100ms"], &["--on-eof", "hold"]];
    let begun: Vec<_> = cases
        .iter()
        .map(|arguments| {
            let (client, mut stdin) = held(&[&["connect"], *arguments, &[&address]].concat());
            let (mut server, _) = listener.accept().unwrap();
            server.shutdown(std::net::Shutdown::Write).unwrap();
            writeln!(stdin, "one").unwrap();
            server.read_exact(&mut [0; 4]).unwrap();
            (client, stdin, server)
        })
        .collect();
    std::thread::sleep(PAUSE);
    for ((client, mut stdin, mut server), arguments) in begun.into_iter().zip(cases) {
        writeln!(stdin, "two").unwrap();
        drop(stdin);
        let mut rest = String::new();
        server.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "two\n", "{arguments:?}");
        client.end().exits(0);
    }
}

#[test]
fn a_listener_goes_on_sending_to_whoever_has_ended() {
    for arguments in [&[][..], &["-f", "line"], &["-k", "-f", "line", "--on-eof", "half-close"]] {
        let (server, mut stdin) = held(&[&["listen"], arguments, &["127.0.0.1:0"]].concat());
        let mut client = TcpStream::connect(said_address(&server)).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        std::thread::sleep(PAUSE);
        writeln!(stdin, "late").unwrap();
        drop(stdin);
        let mut arrived = String::new();
        client.read_to_string(&mut arrived).unwrap();
        assert_eq!(arrived, "late\n", "{arguments:?}");
    }
}

#[test]
fn a_connection_that_is_no_more_ends_it_although_standard_input_has_not() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket");
    let unix = UnixListener::bind(&path).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    for arguments in [&[][..], &["-f", "line"]] {
        let (client, stdin) = held(&[&["connect"], arguments, &[path.to_str().unwrap()]].concat());
        drop(unix.accept().unwrap());
        client.end().exits(1);
        drop(stdin);

        let (client, mut stdin) = held(&[&["connect"], arguments, &[&address]].concat());
        let (server, _) = tcp.accept().unwrap();
        server.shutdown(std::net::Shutdown::Write).unwrap();
        drop(server);
        // What is sent to it is answered by a reset.
        writeln!(stdin, "too late").unwrap();
        client.end().exits(1);
    }
}

#[test]
fn the_end_of_standard_input_reaches_everybody_who_is_connected() {
    for how in ["half-close", "close"] {
        let arguments = ["listen", "--json", "-k", "-f", "line", "--on-eof", how, "127.0.0.1:0"];
        let (server, stdin) = held(&arguments);
        let address = address_of(&server);
        let mut callers: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(&address).unwrap()).collect();
        server.event_where("open", |event| event["conn"] == 3);
        drop(stdin);
        for caller in &mut callers {
            caller.read_to_end(&mut Vec::new()).unwrap();
        }
        let mut late = TcpStream::connect(&address).unwrap();
        assert_eq!(
            late.read_to_end(&mut Vec::new()).unwrap(),
            0,
            "{how}: who comes later hears nothing but the end"
        );
        drop(server.kill());
    }
}

#[test]
fn tls_is_closed_in_its_own_words_whoever_ends_first() {
    let (server, address) = listening(&["-k", "-f", "line"], "tls://127.0.0.1:0");
    let endpoint = format!("tls://{address}?insecure");
    for number in 1..=3 {
        fed(&["connect", "-f", "line", &endpoint], b"hi\n").end().exits(0);
        assert_eq!(server.event_where("close", |event| event["conn"] == number)["how"], "fin");
    }
    drop(server.kill());
    let (probed, address) = listening(&[], "tls://127.0.0.1:0");
    sockeye(&["connect", "-z", &format!("tls://{address}?insecure")]).end().exits(0);
    assert_eq!(probed.end().exits(0).only("close")["how"], "fin");
}

#[test]
fn a_signal_is_the_last_event_and_what_is_open_is_closed_before_it() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = target.local_addr().unwrap().to_string();
    let udp = free_port();
    let commands: [&[&str]; 5] = [
        &["listen", "--json", "-k", "127.0.0.1:0"],
        &["listen", "--json", "--echo", "127.0.0.1:0"],
        &["relay", "--json", "--listen", "127.0.0.1:0", "--connect", &there],
        &["connect", "--json", &there],
        &["connect", "--json", "--on-eof", "hold", &format!("udp://127.0.0.1:{udp}")],
    ];
    for (number, command) in commands.into_iter().enumerate() {
        let mut process = sockeye(command);
        let caller = (command[0] != "connect").then(|| TcpStream::connect(address_of(&process)).unwrap());
        process.event("open");
        if number % 2 == 0 {
            process.interrupt();
        } else {
            process.terminate();
        }
        let ended = process.end();
        assert_eq!(ended.exits(130).only("close")["how"], "local", "{command:?}");
        ended.says("cancelled", "interrupted");
        assert_eq!(ended.events.last().unwrap()["ev"], "error");
        drop(caller);
    }
}

#[test]
fn what_is_torn_on_purpose_arrives_torn() {
    for how in ["bytes", "header", "random:7"] {
        let attempt = || {
            let (server, address) = listening(&["-f", "dec:4"], "127.0.0.1:0");
            let words = "a message of some length\n".repeat(20);
            fed(&["connect", "-f", "dec:4", "--split", how, &address], words.as_bytes()).end().exits(0);
            let ended = server.end();
            let messages = ended.exits(0).all("msg");
            let torn = messages.iter().filter(|message| message["reads"][0] != message["reads"][1]).count();
            torn >= if how.starts_with("random") { 1 } else { messages.len() / 2 }
        };
        // A reader that is woken late, on a busy machine, finds pieces together again.
        assert!((0..5).any(|_| attempt()), "{how}");
    }
}

#[test]
fn what_is_at_hand_goes_together_and_does_not_wait_for_more() {
    let (server, address) = listening(&["-f", "line"], "127.0.0.1:0");
    let (connects, mut stdin) = held(&["connect", "--json", "-f", "line", "--split", "all", &address]);
    stdin.write_all(b"one\ntwo\n").unwrap();
    server.event_where("msg", |event| event["text"] == "two");
    drop(stdin);
    let sent = connects.end();
    assert_eq!(sent.exits(0).all("msg").len(), 1, "in one write: {sent:?}");
    server.end().exits(0);
}

#[test]
fn after_a_silence_the_pace_is_kept() {
    let (server, address) = listening(&["-f", "line"], "127.0.0.1:0");
    let (connects, mut stdin) = held(&["connect", "--json", "-f", "line", "--pace", "200ms", &address]);
    stdin.write_all(b"0\n").unwrap();
    server.event("msg");
    std::thread::sleep(PAUSE * 2);
    stdin.write_all(b"1\n2\n3\n").unwrap();
    drop(stdin);
    let sent = connects.end();
    let times: Vec<u64> =
        sent.exits(0).all("msg").iter().map(|message| message["mono_ns"].as_u64().unwrap()).collect();
    for pair in times[1..].windows(2) {
        assert!(pair[1] - pair[0] >= 150_000_000, "{times:?}");
    }
    server.end().exits(0);
}

#[test]
fn answers_are_heard_between_paced_datagrams() {
    let (server, address) = listening(&["--echo"], "udp://127.0.0.1:0");
    let endpoint = format!("udp://{address}");
    let arguments = ["connect", "--json", "--pace", "500ms", "--count", "3", &endpoint];
    let ended = fed(&arguments, b"a\nb\nc\n").end();
    let order: Vec<_> = ended.exits(0).all("msg").iter().map(|message| message["dir"].clone()).collect();
    assert_eq!(order, ["tx", "rx", "tx", "rx", "tx", "rx"]);
    drop(server.kill());
}

#[test]
fn a_group_of_one_link_is_listened_to_on_the_interface_named() {
    let (server, address) = listening(&[], "udp://[ff02::77]:0?iface=lo");
    assert!(address.starts_with("[ff02::77%"), "{address}");
    drop(server.kill());
    let ended = sockeye(&["listen", "udp://[ff02::77]:0"]).end();
    ended.exits(2);
    assert!(ended.stderr.contains("?iface="), "{ended:?}");
}

/// Listens, and becomes the program that inherits the socket, as systemd does.
const INHERITED: &str = r#"
import os, socket, sys
s = socket.create_server(("127.0.0.1", 0))
s.set_inheritable(True)
os.execv(sys.argv[1], sys.argv[1:] + [f"fd://{s.fileno()}"])
"#;

#[test]
fn a_socket_that_listens_already_is_listened_on() {
    let Some(mut command) = other("a_socket_that_listens_already_is_listened_on", "python3") else { return };
    command.args(["-c", INHERITED, PROGRAM, "listen", "--json", "-f", "line"]).stdin(Stdio::null());
    let server = Process::start("sockeye", command);
    let address = address_of(&server);
    fed(&["connect", "-f", "line", &address], b"hello\n").end().exits(0);
    assert_eq!(texts(server.end().exits(0)), ["hello"]);
}

#[test]
fn who_wants_to_see_a_certificate_is_told_apart() {
    let place = tempfile::tempdir().unwrap();
    let ca = place.path().join("ca.pem");
    let Some(mut openssl) = other("who_wants_to_see_a_certificate_is_told_apart", "openssl") else { return };
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=a",
        "-keyout",
        "/dev/null",
        "-out",
    ]);
    assert!(openssl.arg(&ca).stderr(Stdio::null()).status().unwrap().success());
    let (server, address) = listening(&["-k"], &format!("tls://127.0.0.1:0?ca={}", ca.display()));
    let ended = fed(&["connect", &format!("tls://{address}?insecure")], b"x").end();
    ended.exits(1);
    assert!(ended.stderr.contains("?cert=FILE"), "{ended:?}");
    drop(server.kill());
}

/// Waits until a pipe holds nearly all that it can.
fn wait_until_full(pipe: &std::io::PipeReader) {
    let began = std::time::Instant::now();
    while rustix::io::ioctl_fionread(pipe).unwrap() < 60 * 1024 {
        assert!(began.elapsed() < crate::PATIENCE, "the pipe does not fill");
        std::thread::yield_now();
    }
}

#[test]
fn an_interrupt_does_not_wait_for_a_reader_who_does_not_read() {
    for json in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["connect", "-f", "line", &listener.local_addr().unwrap().to_string()]);
        command.args(json.then_some("--json"));
        let (unread, output) = std::io::pipe().unwrap();
        let mut child = command.stdin(Stdio::piped()).stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        let (mut called, _) = listener.accept().unwrap();
        let flood = std::thread::spawn(move || while called.write_all(&b"more\n".repeat(10_000)).is_ok() {});
        wait_until_full(&unread);
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        let began = std::time::Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < crate::PATIENCE, "it hangs");
            std::thread::yield_now();
        }
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(130), "{ended:?}");
        flood.join().unwrap();
    }
}

#[test]
fn a_standard_output_that_nobody_reads_does_not_stop_what_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["connect", "-f", "line", &listener.local_addr().unwrap().to_string()]);
    // Both ends are held, and nobody reads.
    let (unread, output) = std::io::pipe().unwrap();
    let mut child = command.stdin(Stdio::piped()).stdout(output).spawn().unwrap();
    let (mut called, _) = listener.accept().unwrap();
    let mut floods = called.try_clone().unwrap();
    let flood = std::thread::spawn(move || {
        let line = b"more than anybody reads\n".repeat(10_000);
        while floods.write_all(&line).is_ok() {}
    });
    wait_until_full(&unread);
    child.stdin.take().unwrap().write_all(b"sent all the same\n").unwrap();
    let mut heard = [0; 18];
    called.set_read_timeout(Some(crate::PATIENCE)).unwrap();
    called.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"sent all the same\n");
    child.kill().unwrap();
    child.wait().unwrap();
    flood.join().unwrap();
}
