//! What the tests of this crate share: pairs of sockets of every kind, and Python as somebody else who asks the kernel.

use std::{
    mem::MaybeUninit,
    os::fd::OwnedFd,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::inspect::Queues;

/// Every kind of socket that endpoints have.
pub(crate) const KINDS: [&str; 7] = ["tcp4", "tcp6", "udp4", "udp6", "unix", "unixgram", "unixseq"];

/// Two connected sockets of a kind; on a system without IPv6 none of that.
pub(crate) fn pair(kind: &str) -> Option<(Socket, Socket)> {
    match kind {
        "tcp4" => Some(tcp("127.0.0.1:0")),
        "tcp6" => has_v6().then(|| tcp("[::1]:0")),
        "udp4" => Some(udp("127.0.0.1:0")),
        "udp6" => has_v6().then(|| udp("[::1]:0")),
        "unix" => Some(Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap()),
        "unixgram" => Some(Socket::pair(Domain::UNIX, Type::DGRAM, None).unwrap()),
        "unixseq" => Some(Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap()),
        _ => panic!("no such kind: {kind}"),
    }
}

/// A socket of a kind that is not connected.
pub(crate) fn fresh(kind: &str) -> Option<Socket> {
    let (domain, kind) = match kind {
        "tcp4" => (Domain::IPV4, Type::STREAM),
        "tcp6" => (Domain::IPV6, Type::STREAM),
        "udp4" => (Domain::IPV4, Type::DGRAM),
        "udp6" => (Domain::IPV6, Type::DGRAM),
        "unix" => (Domain::UNIX, Type::STREAM),
        "unixgram" => (Domain::UNIX, Type::DGRAM),
        "unixseq" => (Domain::UNIX, Type::SEQPACKET),
        _ => panic!("no such kind: {kind}"),
    };
    (domain != Domain::IPV6 || has_v6()).then(|| Socket::new(domain, kind, None).unwrap())
}

pub(crate) fn has_v6() -> bool {
    std::net::UdpSocket::bind("[::1]:0").is_ok()
}

fn tcp(address: &str) -> (Socket, Socket) {
    let listener = std::net::TcpListener::bind(address).unwrap();
    let dialled = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (dialled.into(), listener.accept().unwrap().0.into())
}

fn udp(address: &str) -> (Socket, Socket) {
    let (a, b) = (std::net::UdpSocket::bind(address).unwrap(), std::net::UdpSocket::bind(address).unwrap());
    a.connect(b.local_addr().unwrap()).unwrap();
    b.connect(a.local_addr().unwrap()).unwrap();
    (a.into(), b.into())
}

/// A name of the abstract name space that no other test uses.
pub(crate) fn abstract_name() -> Vec<u8> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("sockeye-net-test-{}-{next}", std::process::id()).into_bytes()
}

/// The address of an abstract name.
pub(crate) fn abstract_address(name: &[u8]) -> SockAddr {
    use std::os::unix::ffi::OsStrExt;
    SockAddr::unix(std::ffi::OsStr::from_bytes(&[b"\0", name].concat())).unwrap()
}

/// Whether there is a Python to ask.
pub(crate) fn has_python() -> bool {
    Command::new("python3").arg("-c").arg("import socket").status().is_ok_and(|status| status.success())
}

/// Runs a Python program that has this very socket, the same open file, as `s`; lines `input` come as `lines`. Answers
/// what it prints.
pub(crate) fn python(socket: &Socket, program: &str, input: &str) -> String {
    const PRELUDE: &str =
        "import socket, struct, sys\ns = socket.socket(fileno=0)\nlines = sys.argv[1].splitlines()\n";
    let copy: OwnedFd = socket.try_clone().unwrap().into();
    let output = Command::new("python3")
        .args(["-c", &format!("{PRELUDE}{program}"), input])
        .stdin(Stdio::from(copy))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program}");
    String::from_utf8(output.stdout).unwrap()
}

/// Waits for a condition; for ten seconds at most.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sends all of `bytes` in one call.
pub(crate) fn send(socket: &Socket, bytes: &[u8]) {
    assert_eq!(socket.send(bytes).unwrap(), bytes.len());
}

/// Receives once, at most `len` bytes, and says how many.
pub(crate) fn receive(socket: &Socket, len: usize) -> usize {
    let mut buffer = vec![MaybeUninit::uninit(); len];
    socket.recv(&mut buffer).unwrap()
}

/// Sends `len` bytes, receives all of them, and waits until they are acknowledged.
pub(crate) fn exchange(sender: &Socket, receiver: &Socket, len: usize) {
    send(sender, &vec![7; len]);
    let mut left = len;
    while left > 0 {
        left -= receive(receiver, left);
    }
    wait_until("it was acknowledged", || Queues::of(sender).unwrap().send == Some(0));
}

/// Sends until a send would wait; says how many bytes.
pub(crate) fn fill(socket: &Socket) -> u64 {
    socket.set_nonblocking(true).unwrap();
    let mut sent = 0;
    // What is on its way makes room once more: full is what stays full.
    for _ in 0..3 {
        while let Ok(len) = socket.send(&[7; 4096]) {
            sent += len as u64;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    sent
}

/// Receives what is there; says how many bytes.
pub(crate) fn drain(socket: &Socket) -> u64 {
    socket.set_nonblocking(true).unwrap();
    let mut buffer = vec![MaybeUninit::uninit(); 65_536];
    std::iter::from_fn(|| socket.recv(&mut buffer).ok().filter(|len| *len > 0)).map(|len| len as u64).sum()
}
