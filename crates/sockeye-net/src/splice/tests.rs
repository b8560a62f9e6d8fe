//! Bytes through every pair of carriers arrive as they were; what cannot be done says so before anything moves.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    net::Shutdown,
    path::PathBuf,
};

use super::*;
use crate::testing::{pair, wait_until};

/// More than any buffer on the way holds, and no two pages alike.
fn content() -> Vec<u8> {
    (0_u32..3_000_000).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// A file that is deleted as soon as it is open.
fn file(append: bool) -> File {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path: PathBuf =
        std::env::temp_dir().join(format!("sockeye-net-splice-{}-{next}", std::process::id()));
    let file = File::options().create_new(true).read(true).write(!append).append(append).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

/// Calls until a call moves nothing because it is the end.
fn to_the_end(mut step: impl FnMut() -> io::Result<usize>) -> usize {
    let mut moved = 0;
    wait_until("the end has come", || match step() {
        Ok(0) => true,
        Ok(len) => {
            moved += len;
            false
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    });
    moved
}

#[test]
fn l16_a_file_goes_to_a_socket_and_from_it_to_a_file() {
    for kind in ["tcp4", "tcp6", "unix"] {
        let Some((sender, receiver)) = pair(kind) else { continue };
        sender.set_nonblocking(true).unwrap();
        receiver.set_nonblocking(true).unwrap();
        let mut source = file(false);
        source.write_all(&content()).unwrap();
        source.rewind().unwrap();
        assert_eq!(Carrier::of(&source).unwrap(), Carrier::File);
        assert_eq!(Carrier::of(&sender).unwrap(), Carrier::Socket);
        let sending = std::thread::spawn(move || {
            let sent = to_the_end(|| sendfile_now(&source, &sender, PIPE_SIZE));
            sender.shutdown(Shutdown::Write).unwrap();
            (sent, sender)
        });
        let mut target = file(false);
        let mut conduit = Conduit::new().unwrap();
        to_the_end(|| {
            while conduit.waiting() > 0 {
                conduit.drain_now(&target)?;
            }
            conduit.fill_now(&receiver, PIPE_SIZE)
        });
        assert_eq!(sending.join().unwrap().0, content().len());
        let mut arrived = Vec::new();
        target.rewind().unwrap();
        target.read_to_end(&mut arrived).unwrap();
        assert!(arrived == content(), "{kind}: {} bytes", arrived.len());
    }
}

#[test]
fn a_pipe_goes_to_a_socket_and_from_it_to_a_pipe() {
    let (sender, receiver) = pair("tcp4").unwrap();
    sender.set_nonblocking(true).unwrap();
    receiver.set_nonblocking(true).unwrap();
    let (from, mut typed) = io::pipe().unwrap();
    let (mut shown, to) = io::pipe().unwrap();
    assert_eq!(Carrier::of(&from).unwrap(), Carrier::Pipe);
    assert!(widen_pipe(&to).unwrap() >= 64 * 1024);
    let typing = std::thread::spawn(move || typed.write_all(&content()));
    let sending = std::thread::spawn(move || {
        let sent = to_the_end(|| splice_now(&from, &sender, PIPE_SIZE));
        sender.shutdown(Shutdown::Write).unwrap();
        sent
    });
    let showing = std::thread::spawn(move || {
        let mut arrived = Vec::new();
        shown.read_to_end(&mut arrived).unwrap();
        arrived
    });
    assert_eq!(to_the_end(|| splice_now(&receiver, &to, PIPE_SIZE)), content().len());
    drop(to);
    typing.join().unwrap().unwrap();
    assert_eq!(sending.join().unwrap(), content().len());
    assert!(showing.join().unwrap() == content());
}

#[test]
fn nothing_waits() {
    let (sender, receiver) = pair("tcp4").unwrap();
    receiver.set_nonblocking(true).unwrap();
    let mut conduit = Conduit::new().unwrap();
    assert_eq!(conduit.fill_now(&receiver, PIPE_SIZE).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(conduit.drain_now(&sender).unwrap(), 0);
    let (empty, _writer) = io::pipe().unwrap();
    assert_eq!(splice_now(&empty, &sender, 100).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_is_in_the_conduit_is_not_lost() {
    let (sender, receiver) = pair("unix").unwrap();
    sender.send(b"in between").unwrap();
    let mut conduit = Conduit::new().unwrap();
    assert_eq!(conduit.fill_now(&receiver, 7).unwrap(), 7);
    assert_eq!(conduit.waiting(), 7);
    let appended = file(true);
    assert!(is_unsuitable(&conduit.drain_now(&appended).unwrap_err()), "files opened for appending");
    assert_eq!(conduit.into_bytes().unwrap(), b"in betw");
}

#[test]
fn what_cannot_be_done_says_so() {
    let (sender, receiver) = pair("tcp4").unwrap();
    assert!(is_unsuitable(&splice_now(&sender, &receiver, 10).unwrap_err()), "no pipe among them");
    let null = File::open("/dev/null").unwrap();
    assert_eq!(Carrier::of(&null).unwrap(), Carrier::Other);
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut source = file(false);
    source.write_all(b"x").unwrap();
    source.rewind().unwrap();
    let error = sendfile_now(&source, &writer, 10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert!(!is_unsuitable(&error));
}
