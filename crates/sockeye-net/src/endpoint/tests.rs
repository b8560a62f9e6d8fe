//! The grammar as tables, and that what is printed reads back.

use std::time::Duration;

use proptest::prelude::*;

use super::{fuzz::fuzz_endpoint, *};

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn l11_every_family_and_kind_of_socket_has_a_scheme() {
    for (text, canonical) in [
        ("tcp://localhost:9000", "tcp://localhost:9000"),
        ("localhost:9000", "tcp://localhost:9000"),
        (":9000", "tcp://*:9000"),
        ("9000", "tcp://*:9000"),
        ("*:http", "tcp://*:http"),
        ("[::1]:80", "tcp://[::1]:80"),
        ("tcp4://127.0.0.1:0", "tcp4://127.0.0.1:0"),
        ("tcp6://[::1%lo]:1", "tcp6://[::1%lo]:1"),
        ("udp://[ff02::1%25eth0]:5000", "udp://[ff02::1%eth0]:5000"),
        ("TLS://example.org:443?sni=other", "tls://example.org:443?sni=other"),
        ("udp4://<broadcast>:9999?broadcast", "udp4://255.255.255.255:9999?broadcast"),
        ("/run/app.sock", "unix:///run/app.sock"),
        ("./app.sock", "unix://./app.sock"),
        ("@name", "unix://@name"),
        ("unixgram:///tmp/a%3Fb", "unixgram:///tmp/a%3Fb"),
        ("unixseq://@x", "unixseq://@x"),
        ("-", "stdio://"),
        ("/tmp/a b\u{1b}", "unix:///tmp/a b%1B"),
        ("tcp://h:1?device=a%08%20", "tcp://h:1?device=a%08%20"),
        ("fd://3", "fd://3"),
        ("[::1%25251]:80", "tcp://[::1%25251]:80"),
        ("[::1%2525]:80", "tcp://[::1%2525]:80"),
        ("tcp://h:1?bind=[fe80::1%25eth0]", "tcp://h:1?bind=[fe80::1%25eth0]:0"),
    ] {
        assert_eq!(endpoint(text).to_string(), canonical);
        assert_eq!(endpoint(canonical), endpoint(text));
    }
}

#[test]
fn options_are_read_and_printed_in_the_order_of_their_names() {
    let all = "tls://h:1?sni=a&cert=%26.pem&keepalive=20s/3s/2&linger=0&sndbuf=64KiB&nodelay=no&timeout=1.5s&alpn=h2&alpn=x";
    let read = endpoint(all);
    assert_eq!(read.options().send_buffer, Some(65536));
    assert_eq!(read.options().timeout, Some(Duration::from_millis(1500)));
    assert_eq!(read.options().certificate.as_deref(), Some("&.pem"));
    assert_eq!(
        read.to_string(),
        "tls://h:1?alpn=h2&alpn=x&cert=%26.pem&keepalive=20s/3s/2&linger=0s&nodelay=no&sndbuf=65536&sni=a&timeout=1.5s"
    );
    assert_eq!(endpoint(&read.to_string()), read);
    let group =
        endpoint("udp://232.1.1.1:5?iface=lo&source=192.0.2.1&source=192.0.2.2&mttl=0&loop=no&dscp=46");
    assert_eq!(group.options().sources.len(), 2);
    assert_eq!(group.options().type_of_service, Some(184));
    assert_eq!(endpoint(&group.to_string()), group);
    let bound = endpoint("udp://h:5?bind=:4000");
    assert_eq!(bound.options().bind, Some((Host::Any, Port::Number(4000))));
    assert_eq!(endpoint("tcp://h:5?bind=[::1]").to_string(), "tcp://h:5?bind=[::1]:0");
}

#[test]
fn l17_what_is_wrong_is_named_with_its_remedy() {
    for (text, told) in [
        ("localhost", r#""localhost" has no port; write host:port, for example localhost:9000"#),
        ("localhost:", "nothing behind the colon"),
        ("localhost:70000", "ports go from 1 to 65535"),
        ("localhost:-1", "ports go from 1 to 65535"),
        ("127.0.0.256:1", "four numbers from 0 to 255"),
        ("127.1:1", "four numbers from 0 to 255"),
        ("::1:80", "put it in brackets"),
        ("a:b:c", "more than one colon"),
        ("[::1:80", "the bracket [ is not closed"),
        ("[::1]", "has no port"),
        ("[fe80::1%]:1", "the name of an interface"),
        ("http://x:1", r#"unknown scheme "http""#),
        ("exec://ls", "not available"),
        ("tcp://", "needs a host and a port"),
        ("unix://", "needs a path"),
        ("fd://x", "number of an open file descriptor"),
        ("fd://+3", "number of an open file descriptor"),
        ("fd://", "number of an open file descriptor"),
        ("unix:/run/\u{1b}[2J", r"write unix:///run/\u{1b}[2J"),
        ("tcp://h:1?bind=::1%25%1b", "the name of an interface"),
        ("tcp://h:1?bind=::%1b:1", r#""::\u{1b}:1""#),
        ("a..b:1", "nothing between two dots"),
        ("tcp6://127.0.0.1:1", "use tcp4 or tcp"),
        ("udp4://[::1]:1", "use udp6 or udp"),
        (
            "tcp://h：9000",
            "character 8 of the endpoint is '：', which does not belong there (a full-width :); type :",
        ),
        ("tcp://h:9000\u{200b}", "character 13"),
        ("tcp://h:1?nodely", "did you mean nodelay?"),
        ("tcp://h:1?zzzzzz", "there are: alpn, backlog"),
        ("tcp://h:1?nodelay=maybe", r#""maybe" is not a value for nodelay; write yes or no"#),
        ("tcp://h:1?sndbuf=many", "64KiB"),
        ("tcp://h:1?sndbuf=2GiB", "up to 1GiB"),
        ("tcp://h:1?keepalive=1/2/3/4", "idle/interval/count"),
        ("tcp://h:1?keepalive=1/2/+3", "idle/interval/count"),
        ("tcp://h:1?ttl=0", "1 to 255"),
        ("tcp://h:1?ttl=1&ttl=2", "given twice"),
        ("tcp://h:1/path", "no path stands behind a port"),
        ("unix:/run/x", "write unix:///run/x"),
        ("udp:/h:1", "write udp://h:1"),
        ("tls://h:1?key=k.pem", "the option key belongs to cert=FILE"),
        ("tcp://h:1?broadcast", "belongs to udp"),
        ("tcp://h:1?insecure", "belongs to tls://"),
        ("/x?nodelay", "belongs to tcp and tls"),
    ] {
        let error = text.parse::<Endpoint>().expect_err(text).to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,64}") {
        fuzz_endpoint(text.as_bytes());
    }

    #[test]
    fn options_that_look_right_read_back(
        place in proptest::sample::select(&["tcp://h:1", "udp://[ff02::1%25eth0]:5", "tls://*:443", "unix:///run/x"][..]),
        options in proptest::collection::vec((proptest::sample::select(&OPTION_NAMES[..]), "(=([-+]?[0-9]{1,4}(us|ms|s|m|KiB)?|no|yes|[a-z%0-9]{0,6}|[0-9]{1,2}s/5s/[+]?[0-9]|\\[?::1(%25)?[0-9a-z]{0,4}\\]?(:[0-9]{1,2})?))?"), 0..3),
    ) {
        let options: Vec<String> = options.iter().map(|(name, value)| format!("{name}{value}")).collect();
        fuzz_endpoint(format!("{place}?{}", options.join("&")).as_bytes());
    }

    #[test]
    fn text_that_looks_right_reads_back(text in "(tcp|udp|unix|tls)://[a-z0-9@%\\[\\]:*./]{1,20}(\\?[a-z0-9=&./]{0,20})?") {
        fuzz_endpoint(text.as_bytes());
    }
}
