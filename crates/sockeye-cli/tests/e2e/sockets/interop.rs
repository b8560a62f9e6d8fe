//! The tools that people have on the other side, both ways.

use std::path::PathBuf;

use super::*;

/// Sends a file to the program by another tool, and by the program to the tool.
fn both_ways(test: &str, tool: &str, listen: &str, call: &str) {
    if other(test, tool).is_none() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (picture, arrived) = (place.path().join("picture"), place.path().join("arrived"));
    std::fs::write(&picture, content()).unwrap();
    let shell = |line: &str, port: u16| {
        let mut command = Command::new("sh");
        command.args(["-c", line]).stdin(Stdio::null());
        command.env("SOCKEYE", PROGRAM).env("PORT", port.to_string());
        command.env("PICTURE", &picture).env("ARRIVED", &arrived);
        Process::start("sh", command)
    };
    // The tool calls.
    let server = shell("exec \"$SOCKEYE\" listen 127.0.0.1:0 > \"$ARRIVED\"", 0);
    let port = said_address(&server).rsplit_once(':').unwrap().1.parse().unwrap();
    shell(call, port).end();
    server.end().exits(0);
    assert!(std::fs::read(&arrived).unwrap() == content(), "{tool} → sockeye");
    // The tool listens: it is called until it is there.
    std::fs::remove_file(&arrived).unwrap();
    let port = free_port();
    let server = shell(listen, port);
    let mut called = false;
    for _ in 0..200 {
        let ended = shell("exec \"$SOCKEYE\" connect --quiet 127.0.0.1:$PORT < \"$PICTURE\"", port).end();
        called = format!("{ended:?}").contains("exit Some(0)");
        if called {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(called, "{tool} took no call");
    server.end();
    assert!(std::fs::read(&arrived).unwrap() == content(), "sockeye → {tool}");
}

#[test]
fn ncat_both_ways() {
    both_ways(
        "ncat_both_ways",
        "ncat",
        "ncat -l 127.0.0.1 $PORT > \"$ARRIVED\"",
        "ncat --send-only 127.0.0.1 $PORT < \"$PICTURE\"",
    );
}

#[test]
fn openbsd_netcat_both_ways() {
    both_ways(
        "openbsd_netcat_both_ways",
        "nc.openbsd",
        "nc.openbsd -l -N 127.0.0.1 $PORT > \"$ARRIVED\"",
        "nc.openbsd -N 127.0.0.1 $PORT < \"$PICTURE\"",
    );
}

#[test]
fn socat_both_ways() {
    both_ways(
        "socat_both_ways",
        "socat",
        "socat -u TCP-LISTEN:$PORT,bind=127.0.0.1 OPEN:\"$ARRIVED\",creat",
        "socat -u OPEN:\"$PICTURE\" TCP:127.0.0.1:$PORT",
    );
}

fn python(test: &str, script: &str, arguments: &[&str]) -> Option<Process> {
    let mut command = other(test, "python3")?;
    command.args(["-c", script]).args(arguments).stdin(Stdio::null());
    Some(Process::start("python3", command))
}

#[test]
fn python_speaks_the_lesson_s_length_header() {
    let (server, address) = listening(&["--echo", "-f", "dec:4"], "127.0.0.1:0");
    let port = address.rsplit_once(':').unwrap().1;
    let script = r"
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
def send(m): s.sendall(b'%04d' % len(m) + m)
def exactly(n):
    data = b''
    while len(data) < n:
        part = s.recv(n - len(data)); assert part; data += part
    return data
for m in (b'AAA', b'', b'\0\xff\r\n', b'x' * 9999):
    send(m); assert exactly(int(exactly(4))) == m
s.shutdown(socket.SHUT_WR); assert s.recv(1) == b''
print('well')
";
    let Some(client) = python("python_speaks_the_lesson_s_length_header", script, &[port]) else { return };
    client.line("well");
    client.end().exits(0);
    assert_eq!(server.end().exits(0).only("close")["messages_in"], 4);
}

#[test]
fn python_speaks_tls_1_2_and_1_3_to_a_listener() {
    for version in ["TLSv1_2", "TLSv1_3"] {
        let (server, address) = listening(&["-f", "line"], "tls://127.0.0.1:0");
        let port = address.rsplit_once(':').unwrap().1;
        let script = r"
import socket, ssl, sys
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
c.minimum_version = c.maximum_version = getattr(ssl.TLSVersion, sys.argv[2])
s = c.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))
s.sendall(b'tulip\n'); s.unwrap()
";
        let test = "python_speaks_tls_1_2_and_1_3_to_a_listener";
        let Some(client) = python(test, script, &[port, version]) else { return };
        client.end();
        let ended = server.end();
        assert_eq!(texts(ended.exits(0)), ["tulip"]);
        let agreed = ended.only("open")["tls"]["version"].as_str().unwrap().replace('.', "_");
        assert_eq!(agreed, version);
    }
}

/// Echoes a line over TLS of one version; who calls has to show a certificate that the last argument trusts, if there is one.
const TLS_SERVER: &str = r#"
import socket, ssl, sys
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.minimum_version = c.maximum_version = getattr(ssl.TLSVersion, sys.argv[1])
c.load_cert_chain(sys.argv[2], sys.argv[3])
if len(sys.argv) > 4:
    c.verify_mode = ssl.CERT_REQUIRED
    c.load_verify_locations(sys.argv[4])
s = socket.create_server(("127.0.0.1", 0))
print("port", s.getsockname()[1], flush=True)
t = c.wrap_socket(s.accept()[0], server_side=True)
t.sendall(t.recv(100))
t.unwrap()
"#;

#[test]
fn a_client_speaks_tls_1_2_and_1_3_trusts_and_is_trusted() {
    let test = "a_client_speaks_tls_1_2_and_1_3_trusts_and_is_trusted";
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let Some(mut openssl) = other(test, "openssl") else { return };
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.args(["-addext", "subjectAltName=DNS:localhost", "-keyout", &key, "-out", &cert]);
    assert!(openssl.stderr(Stdio::null()).status().unwrap().success());
    for version in ["TLSv1_2", "TLSv1_3"] {
        for (options, client_shows, roots) in [
            (format!("sni=localhost&ca={cert}"), false, None),
            ("sni=localhost".to_owned(), false, Some(&cert)),
            (format!("sni=localhost&ca={cert}&cert={cert}&key={key}"), true, None),
        ] {
            let mut arguments = vec![version, &cert, &key];
            arguments.extend(client_shows.then_some(cert.as_str()));
            let Some(server) = python(test, TLS_SERVER, &arguments) else { return };
            let port = server.line("port").trim().trim_start_matches("port ").to_owned();
            let mut command = Command::new(PROGRAM);
            command.args(["connect", "--json", "-f", "line", &format!("tls://127.0.0.1:{port}?{options}")]);
            if let Some(roots) = roots {
                command.env("SSL_CERT_FILE", roots);
            }
            let client = feed(Process::start("sockeye", with_pipe(command)), b"tulip\n").end();
            assert_eq!(texts(client.exits(0)), ["tulip"], "{version} {options}");
            let agreed = client.only("open")["tls"]["version"].as_str().unwrap().replace('.', "_");
            assert_eq!(agreed, version);
            server.end().exits(0);
        }
    }
}

fn with_pipe(mut command: Command) -> Command {
    command.stdin(Stdio::piped());
    command
}

#[test]
fn python_s_sequenced_packets_and_abstract_datagrams() {
    let name = format!("sockeye-py-{}", std::process::id());
    let script = r"
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect('\0' + sys.argv[1])
s.send(b'one'); s.send(b'two two'); s.close()
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.connect('\0' + sys.argv[1] + 'd')
d.send(b''); d.send(b'three')
";
    let (packets, _) = listening(&[], &format!("unixseq://@{name}"));
    let (datagrams, _) = listening(&["--count", "2"], &format!("unixgram://@{name}d"));
    let Some(client) = python("python_s_sequenced_packets", script, &[&name]) else { return };
    client.end().exits(0);
    assert_eq!(texts(packets.end().exits(0)), ["one", "two two"], "one write, one message");
    assert_eq!(texts(datagrams.end().exits(0)), ["", "three"]);
}

#[test]
fn logger_counts_octets() {
    let Some(mut logger) = other("logger_counts_octets", "logger") else { return };
    let (server, address) = listening(&["-f", "octet-count"], "127.0.0.1:0");
    let port = address.rsplit_once(':').unwrap().1;
    logger
        .args(["--octet-count", "-T", "-n", "127.0.0.1", "-P", port, "a line of the log"])
        .stdin(Stdio::null());
    Process::start("logger", logger).end().exits(0);
    let ended = server.end();
    let lines = texts(ended.exits(0));
    assert!(lines.len() == 1 && lines[0].ends_with("a line of the log"), "{lines:?}");
}

#[test]
fn dns_over_tcp_in_both_roles() {
    // The question of `dig`, and an answer to it, by hand: an A record for example.test.
    let Some(mut dig) = other("dns_over_tcp_in_both_roles", "dig") else { return };
    let (server, mut stdin) = held(&["listen", "--json", "-f", "dns", "--in", "hex", "127.0.0.1:0"]);
    let port = address_of(&server).rsplit_once(':').unwrap().1.to_owned();
    dig.args([
        "+tcp",
        "+noedns",
        "+nocookie",
        "+tries=1",
        "+time=30",
        "-p",
        &port,
        "@127.0.0.1",
        "example.test",
        "A",
        "+short",
    ])
    .stdin(Stdio::null());
    let dig = Process::start("dig", dig);
    let message = server.event_where("msg", |event| event["dir"] == "rx");
    let question = message["hex"]
        .as_str()
        .map_or_else(|| digits(message["text"].as_str().unwrap().as_bytes()), str::to_owned);
    let answer =
        format!("{}81800001000100000000{}c00c00010001000000050004c0000207", &question[..4], &question[24..]);
    stdin.write_all(format!("{answer}\n").as_bytes()).unwrap();
    dig.line("192.0.2.7");
    dig.end().exits(0);
    drop(stdin);
    server.end().exits(0);
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// A program of a Python package, in an environment of its own that `scripts/setup.sh` makes.
fn from_pypi(test: &str, program: &str) -> Option<Command> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache =
        cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"))).unwrap_or_default();
    let place = cache.join("sockeye/peers/bin").join(program);
    if place.is_file() {
        return Some(Command::new(place));
    }
    record_skip(test, format_args!("{program} is not here: scripts/setup.sh installs it"));
    None
}

#[test]
fn a_hospital_s_messages() {
    let Some(mut mllp_send) = from_pypi("a_hospital_s_messages", "mllp_send") else { return };
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("message.hl7");
    let message = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.3\rPID|1||42";
    std::fs::write(&file, format!("{message}\r")).unwrap();
    let (server, mut stdin) = held(&["listen", "--json", "-f", "mllp", "--in", "c", "127.0.0.1:0"]);
    let port = address_of(&server).rsplit_once(':').unwrap().1.to_owned();
    mllp_send
        .args(["--loose", "--file", file.to_str().unwrap(), "--port", &port, "127.0.0.1"])
        .stdin(Stdio::null());
    let client = Process::start("mllp_send", mllp_send);
    let came = server.event_where("msg", |event| event["dir"] == "rx");
    assert!(came["text"].as_str().unwrap().starts_with("MSH|^~\\&|A|B"), "{came}");
    stdin.write_all(b"MSH|^~\\\\&|B|A|||20260101||ACK|1|P|2.3\\rMSA|AA|1\\r\n").unwrap();
    client.line("MSA|AA|1");
    client.end();
    drop(stdin);
    server.end().exits(0);
}
