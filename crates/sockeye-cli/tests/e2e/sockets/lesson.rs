//! The items of the lesson, one test each at least.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use super::*;

#[test]
fn l01_one_caller_one_after_another_and_many_at_once() {
    let (one, address) = listening(&[], "127.0.0.1:0");
    fed(&["connect", &address], b"hello").end().exits(0);
    assert_eq!(texts(one.end().exits(0)), ["hello"]);

    let (serial, address) =
        listening(&["-k", "--max-clients", "1", "--count", "3", "-f", "line"], "127.0.0.1:0");
    let mut first = TcpStream::connect(&address).unwrap();
    first.write_all(b"first\n").unwrap();
    serial.event_where("msg", |event| event["text"] == "first");
    let mut second = TcpStream::connect(&address).unwrap();
    second.write_all(b"second\n").unwrap();
    first.write_all(b"first again\n").unwrap();
    serial.event_where("msg", |event| event["text"] == "first again");
    drop(first);
    let ended = serial.end();
    assert_eq!(
        texts(ended.exits(0)),
        ["first", "first again", "second"],
        "the second waits for the first to end"
    );

    let (many, address) = listening(&["-k", "--count", "40", "-f", "line"], "127.0.0.1:0");
    let mut callers: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for round in 0..2 {
        for (number, caller) in callers.iter_mut().enumerate() {
            caller.write_all(format!("{round}-{number}\n").as_bytes()).unwrap();
        }
    }
    assert_eq!(texts(many.end().exits(0)).len(), 40);
}

#[test]
fn l02_a_client_connects_sends_in_a_loop_and_receives() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (client, mut stdin) = held(&["connect", "--in", "text", "--out", "text", &address]);
    let (mut server, _) = listener.accept().unwrap();
    let mut buffer = [0; 16];
    for word in ["one", "two", "three"] {
        writeln!(stdin, "{word}").unwrap();
        server.read_exact(&mut buffer[..word.len()]).unwrap();
        assert_eq!(&buffer[..word.len()], word.as_bytes());
        server.write_all(word.to_uppercase().as_bytes()).unwrap();
        client.line(&word.to_uppercase());
    }
    drop(stdin);
    assert_eq!(server.read(&mut buffer).unwrap(), 0, "the end of standard input is told");
    drop(server);
    client.end().exits(0);
}

#[test]
fn l03_the_buffers_fill_and_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (client, mut stdin) =
        held(&["connect", "--json", "--stats=100ms", "--in", "raw", &format!("{address}?sndbuf=65536")]);
    let (mut server, _) = listener.accept().unwrap();
    let writer = std::thread::spawn(move || {
        // As much as both buffers hold and more: the last of it waits until the server reads.
        stdin.write_all(&vec![7; 16 << 20]).unwrap();
    });
    let full = client.event_where("stats", |event| event["tcp"]["zero_window"] == true);
    assert!(full["send_queue"].as_u64().unwrap() > 0);
    std::io::copy(&mut (&mut server).take(16 << 20), &mut std::io::sink()).unwrap();
    writer.join().unwrap();
    drop(server);
    let ended = client.end();
    assert_eq!(ended.only("close")["sent"], 16 << 20);
}

#[test]
fn l04_messages_stick_and_tear_and_it_is_told() {
    let (stuck, address) = listening(&["-f", "dec:4"], "127.0.0.1:0");
    fed(&["connect", "-f", "dec:4", "--split", "all", &address], b"AAA\nBBBB\n").end().exits(0);
    let ended = stuck.end();
    let reads: Vec<_> = ended.exits(0).all("msg").iter().map(|event| event["reads"].clone()).collect();
    assert_eq!(reads, [serde_json::json!([1, 1]), serde_json::json!([1, 1])], "two messages met in one read");

    let (torn, address) = listening(&["-f", "dec:4", "--read-size", "2"], "127.0.0.1:0");
    fed(&["connect", "-f", "dec:4", "--split", "all", &address], b"AAA\n").end().exits(0);
    let ended = torn.end();
    assert_eq!(
        ended.exits(0).only("msg")["reads"],
        serde_json::json!([1, 4]),
        "one message came in four reads"
    );
}

#[test]
fn l05_l06_the_two_cures_survive_every_way_of_cutting() {
    for framing in [
        "mark:'{2H:'..':}'",
        "dec:4",
        "line",
        "len:u32be",
        "netstring",
        "varint",
        "chunked",
        "cobs",
        "slip",
        "content-length",
    ] {
        for split in ["one", "all", "bytes", "random:7", "header"] {
            let (server, address) = listening(&["-f", framing, "--read-size", "3"], "127.0.0.1:0");
            fed(&["connect", "-f", framing, "--split", split, &address], b"AAA\nBBBB\nC\n").end().exits(0);
            assert_eq!(texts(server.end().exits(0)), ["AAA", "BBBB", "C"], "{framing} {split}");
        }
    }
}

#[test]
fn l07_l08_l09_datagrams_have_senders_counts_and_boundaries() {
    let (server, address) = listening(&["--echo", "--count", "3"], "udp://127.0.0.1:0");
    let client =
        fed(&["connect", "--json", "--count", "3", &format!("udp://{address}")], b"one\n\nthree\n").end();
    let server = server.end();
    assert_eq!(
        texts(server.exits(0)),
        ["one", "", "three"],
        "nothing merged, nothing lost, an empty one too"
    );
    assert_eq!(texts(client.exits(0)), ["one", "", "three"]);
    let sent: Vec<_> = client.all("msg").into_iter().filter(|event| event["dir"] == "tx").collect();
    let returned: Vec<_> = sent.iter().map(|event| event["writes"].clone()).collect();
    assert_eq!(
        returned,
        [serde_json::json!([3]), serde_json::json!([0]), serde_json::json!([5])],
        "what sendto returned"
    );
    let senders: Vec<_> = server
        .all("msg")
        .into_iter()
        .filter(|event| event["dir"] == "rx")
        .map(|event| event["peer"].clone())
        .collect();
    assert!(senders.iter().all(|peer| *peer == client.only("open")["local"]), "{senders:?}");
}

#[test]
fn l10_tcp_merges_what_udp_keeps_apart() {
    let messages = b"one\ntwo\nthree\n";
    let (tcp, address) = listening(&[], "127.0.0.1:0");
    fed(&["connect", "--in", "text", "--split", "all", &address], messages).end().exits(0);
    assert_eq!(texts(tcp.end().exits(0)), ["onetwothree"]);
    let (udp, address) = listening(&["--count", "3"], "udp://127.0.0.1:0");
    fed(&["connect", "--in", "text", "--split", "all", &format!("udp://{address}")], messages).end().exits(0);
    assert_eq!(texts(udp.end().exits(0)), ["one", "two", "three"]);
}

#[test]
fn l11_l12_every_family_and_type_talks() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket");
    let path = path.to_str().unwrap();
    let name = format!("@sockeye-e2e-{}", std::process::id());
    for (listen, dial) in [
        ("tcp4://127.0.0.1:0".to_owned(), "tcp4://".to_owned()),
        ("tcp6://[::1]:0".to_owned(), "tcp6://".to_owned()),
        ("tls://127.0.0.1:0".to_owned(), "tls://".to_owned()),
        (format!("unix://{path}"), format!("unix://{path}")),
        (format!("unix://{name}"), format!("unix://{name}")),
        (format!("unixseq://{path}"), format!("unixseq://{path}")),
    ] {
        let (server, address) = listening(&["-f", "line"], &listen);
        let mut endpoint = if dial.ends_with("://") { format!("{dial}{address}") } else { dial };
        if listen.starts_with("tls") {
            endpoint += "?insecure";
        }
        fed(&["connect", "-f", "line", &endpoint], b"tulip\nharbor\n").end().exits(0);
        assert_eq!(texts(server.end().exits(0)), ["tulip", "harbor"], "{listen}");
    }
    for (listen, dial) in [
        ("udp6://[::1]:0".to_owned(), "udp6://".to_owned()),
        (format!("unixgram://{path}"), format!("unixgram://{path}")),
        (format!("unixgram://{name}"), format!("unixgram://{name}")),
    ] {
        let (server, address) = listening(&["--count", "2"], &listen);
        let endpoint = if dial.ends_with("://") { format!("{dial}{address}") } else { dial };
        fed(&["connect", &endpoint], b"tulip\n\n").end().exits(0);
        assert_eq!(texts(server.end().exits(0)), ["tulip", ""], "{listen}");
    }
}

#[test]
fn l13_l14_an_open_event_has_both_names_and_options_are_set_at_the_endpoint() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let client =
        sockeye(&["connect", "--json", &format!("{address}?nodelay&ttl=9&sndbuf=32768&bind=127.0.0.2")]);
    let (server, peer) = listener.accept().unwrap();
    let open = client.event("open");
    assert_eq!(
        (open["local"].as_str(), open["peer"].as_str()),
        (Some(peer.to_string().as_str()), Some(address.as_str()))
    );
    assert_eq!((&open["family"], &open["type"]), (&"AF_INET".into(), &"SOCK_STREAM".into()));
    assert!(open["fileno"].as_i64().unwrap() > 2 && peer.ip().to_string() == "127.0.0.2");
    drop(server);
    client.end().exits(0);
}

#[test]
fn l16_a_picture_arrives_byte_for_byte() {
    let place = tempfile::tempdir().unwrap();
    let picture = place.path().join("picture");
    std::fs::write(&picture, content()).unwrap();
    let arrived = place.path().join("arrived");
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("SOCKEYE", PROGRAM).stdin(Stdio::null());
        Process::start("sh", command)
    };
    let server = shell(&format!("exec \"$SOCKEYE\" listen 127.0.0.1:0 > '{}'", arrived.display()));
    let address = said_address(&server);
    shell(&format!("exec \"$SOCKEYE\" connect {address} < '{}'", picture.display())).end().exits(0);
    server.end().exits(0);
    assert!(std::fs::read(&arrived).unwrap() == content(), "byte for byte");
    // The same through pipes on both sides.
    let server = shell(&format!("\"$SOCKEYE\" listen 127.0.0.1:0 | cat > '{}'", arrived.display()));
    let address = said_address(&server);
    shell(&format!("cat '{}' | \"$SOCKEYE\" connect {address}", picture.display())).end().exits(0);
    server.end().exits(0);
    assert!(std::fs::read(&arrived).unwrap() == content(), "byte for byte through pipes");
}

#[test]
fn l17_the_usual_mistakes_say_what_to_do() {
    let nobody = format!("127.0.0.1:{}", free_port());
    for (arguments, exit, told) in [
        (
            &["connect", nobody.as_str()][..],
            1,
            "is the program on the other side running, and is the port right?",
        ),
        (&["connect", "/no/such/socket"], 1, "is the path right?"),
        (&["connect", "127.0.0.1"], 2, "has no port"),
        (&["connect", "127.0.0.1:http:"], 2, "more than one colon"),
        (&["connect", "127.0.0.1：9"], 2, "type :"),
        (&["connect", "-f", "dec：4", "127.0.0.1:9"], 2, "type :"),
        (&["connect", "nosuchscheme://x"], 2, "unknown scheme"),
        (&["connect", "tcp://127.0.0.1:9?nodely"], 2, "did you mean nodelay?"),
        (&["listen", "192.0.2.77:0"], 1, "no interface of this machine has this address"),
    ] {
        let ended = sockeye(arguments).end();
        ended.exits(exit);
        assert!(format!("{ended:?}").contains(told), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn l22_fin_reset_and_half_close_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let client = fed(&["connect", "--json", &address], b"question");
    let (mut server, _) = listener.accept().unwrap();
    let mut question = String::new();
    server.read_to_string(&mut question).unwrap();
    assert_eq!(question, "question", "its end was told, and it still listens");
    server.write_all(b"answer").unwrap();
    drop(server);
    let ended = client.end();
    assert_eq!(ended.exits(0).only("close")["how"], "fin");
    let directions: Vec<_> = ended.all("eof").iter().map(|event| event["dir"].clone()).collect();
    assert_eq!(directions, ["tx", "rx"]);
    assert!(ended.only("open")["connect_s"].as_f64().unwrap() > 0.0, "how long the handshake took");

    let client = sockeye(&["connect", "--json", "--on-eof", "hold", &address]);
    let (server, _) = listener.accept().unwrap();
    client.event("open");
    let socket = rustix::net::sockopt::set_socket_linger(&server, Some(Duration::ZERO));
    socket.unwrap();
    drop(server);
    let ended = client.end();
    assert_eq!(ended.exits(1).only("close")["how"], "rst");
}

#[test]
fn two_senders_of_datagrams_are_both_heard_and_answered() {
    let (server, address) = listening(&["--echo", "--count", "2"], "udp://127.0.0.1:0");
    for word in [b"ann", b"bob"] {
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(word, &address).unwrap();
        let mut buffer = [0; 8];
        sender.set_read_timeout(Some(crate::PATIENCE)).unwrap();
        let (len, from) = sender.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], from.to_string()), (&word[..], address.clone()));
    }
    let ended = server.end();
    let peers: std::collections::BTreeSet<_> =
        ended.exits(0).all("msg").iter().map(|event| event["peer"].to_string()).collect();
    assert_eq!(peers.len(), 2);
}
