//! Real sockets of every kind on this machine.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::endpoint::Endpoint;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn run<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), task).await.expect("in time") })
}

async fn there_and_back(listen: &str, dial: impl Fn(&Listener) -> String) {
    let mut listener = Listener::bind(&endpoint(listen)).await.unwrap();
    let text = dial(&listener);
    let calling = endpoint(&text);
    let caller = tokio::spawn(async move { Connection::dial(&calling).await.unwrap() });
    let mut called = listener.accept().await.unwrap().finish().await.unwrap();
    let mut caller = caller.await.unwrap();
    assert!(caller.facts().connect_time.is_some());
    caller.write_all(b"\0\xff\r\n").await.unwrap();
    let mut buffer = [0; 8];
    let len = called.read(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..len], b"\0\xff\r\n", "{listen}");
    called.write_all(b"back").await.unwrap();
    called.shutdown().await.unwrap();
    let mut answer = Vec::new();
    caller.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"back", "half-closed one way, {listen}");
    caller.shutdown().await.unwrap();
    assert_eq!(called.read(&mut buffer).await.unwrap(), 0);
}

fn port(listener: &Listener) -> u16 {
    listener.names()[0].as_inet().unwrap().port()
}

#[test]
fn l11_l12_streams_of_every_family_go_both_ways() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket").display().to_string();
    run(async {
        there_and_back("tcp://127.0.0.1:0", |at| format!("127.0.0.1:{}", port(at))).await;
        there_and_back("tcp6://[::1]:0", |at| format!("[::1]:{}", port(at))).await;
        there_and_back("tcp://*:0", |at| format!("localhost:{}", port(at))).await;
        there_and_back("tcp://localhost:0", |at| format!("tcp4://localhost:{}", port(at))).await;
        there_and_back(&path, |_| path.clone()).await;
        there_and_back(&format!("unixseq://{path}"), |_| format!("unixseq://{path}")).await;
        there_and_back("tls://127.0.0.1:0", |at| format!("tls://127.0.0.1:{}?insecure", port(at))).await;
        let name = format!("@sockeye-test-{}", std::process::id());
        there_and_back(&name, |_| name.clone()).await;
    });
    assert!(!place.path().join("socket").exists(), "a listener removes the path that it made");
}

#[test]
fn certificates_are_checked_unless_told_otherwise() {
    run(async {
        let mut listener = Listener::bind(&endpoint("tls://127.0.0.1:0")).await.unwrap();
        assert!(listener.made_certificate());
        assert_eq!(listener.fingerprint().unwrap().len(), 64);
        let at = port(&listener);
        let accepting = tokio::spawn(async move {
            let failed = listener.accept().await.unwrap().finish().await;
            (listener, failed.map(drop))
        });
        let error = Connection::dial(&endpoint(&format!("tls://127.0.0.1:{at}"))).await.unwrap_err();
        assert!(matches!(error, Error::Tls { failure: TlsFailure::Untrusted(_), .. }), "{error}");
        let (mut listener, failed) = accepting.await.unwrap();
        assert!(matches!(failed, Err(Error::Tls { .. })));
        let plain = tokio::spawn(async move {
            let mut plain = Connection::dial(&endpoint(&format!("tcp://127.0.0.1:{at}"))).await.unwrap();
            plain.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
            plain
        });
        let failed = listener.accept().await.unwrap().finish().await.unwrap_err();
        assert!(matches!(failed, Error::Tls { failure: TlsFailure::NotTls, .. }), "{failed}");
        drop(plain.await);
        let calling = endpoint(&format!("tls://127.0.0.1:{at}?insecure"));
        let caller = tokio::spawn(async move { Connection::dial(&calling).await });
        let called = listener.accept().await.unwrap().finish().await.unwrap();
        let caller = caller.await.unwrap().unwrap();
        let facts = caller.facts().tls.clone().unwrap();
        assert_eq!(facts.version, "TLSv1.3");
        assert_eq!(facts.peer_fingerprint.as_deref(), listener.fingerprint());
        assert!(called.facts().tls.as_ref().unwrap().peer_fingerprint.is_none());
    });
}

#[test]
fn l7_l8_l9_datagrams_have_senders_and_keep_their_boundaries() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket").display().to_string();
    run(async {
        for (listen, host) in [
            ("udp://127.0.0.1:0".to_owned(), "127.0.0.1"),
            ("udp6://[::1]:0".to_owned(), "[::1]"),
            (format!("unixgram://{path}"), ""),
        ] {
            let receiver = Datagrams::bind(&endpoint(&listen)).await.unwrap();
            let dial = match receiver.facts().local.as_inet() {
                Some(address) => format!("udp://{host}:{}", address.port()),
                None => listen.clone(),
            };
            let sender = Datagrams::dial(&endpoint(&dial)).await.unwrap();
            for payload in [&b"one"[..], b"", b"three\n"] {
                assert_eq!(sender.send(payload).await.unwrap(), payload.len());
            }
            let mut batch = receiver.batch(None).unwrap();
            let mut got = Vec::new();
            while got.len() < 3 {
                receiver.receive(&mut batch).await.unwrap();
                got.extend(batch.iter().map(|datagram| (datagram.bytes.to_vec(), datagram.from.clone())));
            }
            let from = sender.facts().local.clone();
            assert_eq!(
                got,
                [&b"one"[..], b"", b"three\n"].map(|bytes| (bytes.to_vec(), from.clone())),
                "{listen}"
            );
            let mut small = receiver.batch(Some(4)).unwrap();
            sender.send(b"three\n").await.unwrap();
            assert_eq!(receiver.next_sender().await.unwrap(), from);
            receiver.receive(&mut small).await.unwrap();
            let cut = small.iter().next().unwrap();
            assert_eq!((cut.bytes, cut.sent_len), (&b"thre"[..], 6), "what was cut off is told");
            receiver.send_to(b"back", &from).await.unwrap();
            sender.receive(&mut batch).await.unwrap();
            assert_eq!(batch.iter().next().unwrap().bytes, b"back");
        }
    });
    assert!(!std::path::Path::new(&path).exists());
}

/// The textual encoding of RFC 7468.
fn pem(label: &str, bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(bytes))
}

/// A certificate and its key as PEM files, for `localhost`.
fn certificate(place: &std::path::Path, name: &str, is_authority: bool) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    if is_authority {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    let [cert_path, key_path] = ["cert", "key"].map(|kind| place.join(format!("{name}.{kind}")));
    std::fs::write(&cert_path, pem("CERTIFICATE", params.self_signed(&key).unwrap().der())).unwrap();
    std::fs::write(&key_path, pem("PRIVATE KEY", &key.serialize_der())).unwrap();
    (cert_path.display().to_string(), key_path.display().to_string())
}

#[test]
fn an_authority_s_certificate_is_taken_only_where_it_was_named() {
    let place = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(place.path(), "mine", true);
    let (other, other_key) = certificate(place.path(), "other", true);
    run(async {
        let mut listener =
            Listener::bind(&endpoint(&format!("tls://127.0.0.1:0?cert={cert}&key={key}"))).await.unwrap();
        let at = port(&listener);
        let accepting = tokio::spawn(async move {
            loop {
                let incoming = listener.accept().await.unwrap();
                let _ = incoming.finish().await;
            }
        });
        let dial = async |options: &str| {
            Connection::dial(&endpoint(&format!("tls://localhost:{at}?{options}"))).await
        };
        dial(&format!("ca={cert}")).await.unwrap();
        for (options, other_name) in [
            (format!("ca={other}"), false),
            ("sni=localhost".to_owned(), false),
            (format!("ca={cert}&sni=elsewhere"), true),
        ] {
            match dial(&options).await.unwrap_err() {
                Error::Tls { failure: TlsFailure::Untrusted(why), .. } if !other_name => {
                    assert!(why.contains("authority"), "{why}");
                }
                Error::Tls { failure: TlsFailure::OtherName(_), .. } if other_name => {}
                error => panic!("{options}: {error}"),
            }
        }
        accepting.abort();
        let mismatch = format!("tls://127.0.0.1:0?cert={cert}&key={other_key}");
        let error = Listener::bind(&endpoint(&mismatch)).await.unwrap_err();
        assert!(matches!(&error, Error::File { .. }) && error.to_string().contains(&cert), "{error}");
        // Nobody is called before the files are read.
        for options in [format!("ca={cert}.not"), format!("cert={cert}&key={other_key}")] {
            let error =
                Connection::dial(&endpoint(&format!("tls://127.0.0.1:1?{options}"))).await.unwrap_err();
            assert!(matches!(error, Error::File { .. }), "{error}");
        }
        let error = Connection::dial(&endpoint("tls://127.0.0.1:1?sni=..")).await.unwrap_err();
        assert!(matches!(error, Error::ServerName { .. }), "{error}");
    });
}

#[test]
fn what_fails_says_at_which_address_and_how() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, "x").unwrap();
    run(async {
        let listener = Listener::bind(&endpoint("tcp://127.0.0.1:0")).await.unwrap();
        let at = port(&listener);
        let taken = Listener::bind(&endpoint(&format!("tcp://127.0.0.1:{at}"))).await.unwrap_err();
        assert!(
            matches!(&taken, Error::Socket(error) if error.source.kind() == std::io::ErrorKind::AddrInUse)
        );
        drop(listener);
        let refused = Connection::dial(&endpoint(&format!("tcp://localhost:{at}"))).await.unwrap_err();
        assert!(
            matches!(&refused, Error::Socket(error) if error.source.kind() == std::io::ErrorKind::ConnectionRefused),
            "{refused}"
        );
        let taken = Listener::bind(&endpoint(&file.display().to_string())).await.unwrap_err();
        assert!(matches!(taken, Error::Taken { in_use: false, .. }));
        let socket = place.path().join("socket").display().to_string();
        let first = Listener::bind(&endpoint(&socket)).await.unwrap();
        let second = Listener::bind(&endpoint(&socket)).await.unwrap_err();
        assert!(matches!(second, Error::Taken { in_use: true, .. }));
        drop(first);
        // A socket that its listener left behind.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        Listener::bind(&endpoint(&socket)).await.unwrap();
        let unknown = Connection::dial(&endpoint("tcp://localhost:nosuchservice")).await.unwrap_err();
        assert!(matches!(unknown, Error::NoService { .. }));
        let wrong = Connection::dial(&endpoint("udp://localhost:1")).await.unwrap_err();
        assert!(matches!(wrong, Error::Misuse { .. }));
    });
    assert!(file.exists());
}
