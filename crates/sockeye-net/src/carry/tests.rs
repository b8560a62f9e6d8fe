//! Bytes stay as they are between every kind of descriptor.

use std::{
    io::{Read, Seek, SeekFrom, Write, pipe},
    os::{fd::AsFd, unix::net::UnixStream},
};

use super::*;

/// More than two sockets hold.
const LEN: usize = 1 << 21;

/// Moves bytes from one descriptor to another and says what arrived, for every kind of descriptor.
#[test]
fn l16_bytes_are_carried_between_files_pipes_and_sockets_as_they_are() {
    let content: Vec<u8> = (0..1_000_003_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let file = || {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    };
    // From a file through a socket into a file, one that is appended to, and a pipe.
    for appended in [false, true] {
        let (near, far) = UnixStream::pair().unwrap();
        let (source, moved) = (file(), Progress::default());
        let place = tempfile::NamedTempFile::new().unwrap();
        let target = std::fs::OpenOptions::new().append(appended).write(true).open(place.path()).unwrap();
        std::thread::scope(|scope| {
            let near = near;
            scope.spawn(move || carry(source.as_fd(), near.as_fd(), &Progress::default()).unwrap());
            carry(far.as_fd(), target.as_fd(), &moved).unwrap();
        });
        assert_eq!(std::fs::read(place.path()).unwrap(), content);
        assert_eq!(moved.moved(), content.len() as u64);
    }
    let (near, far) = UnixStream::pair().unwrap();
    let (mut exit, entry) = pipe().unwrap();
    let source = file();
    let arrived = std::thread::scope(|scope| {
        let (near, entry) = (near, entry);
        scope.spawn(move || carry(source.as_fd(), near.as_fd(), &Progress::default()).unwrap());
        scope.spawn(move || carry(far.as_fd(), entry.as_fd(), &Progress::default()).unwrap());
        let mut arrived = Vec::new();
        exit.read_to_end(&mut arrived).unwrap();
        arrived
    });
    assert_eq!(arrived, content);
}

#[test]
fn what_cannot_be_carried_says_which_side_it_was() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (mut near, far) = UnixStream::pair().unwrap();
    near.write_all(b"tulip").unwrap();
    drop(near);
    let (side, error) = carry(far.as_fd(), full.as_fd(), &Progress::default()).unwrap_err();
    assert_eq!((side, error.kind()), (Side::To, io::ErrorKind::StorageFull));
    let (near, far) = UnixStream::pair().unwrap();
    drop(far);
    let mut source = tempfile::tempfile().unwrap();
    source.write_all(b"tulip").unwrap();
    source.rewind().unwrap();
    let (side, error) = carry(source.as_fd(), near.as_fd(), &Progress::default()).unwrap_err();
    assert_eq!((side, error.kind()), (Side::To, io::ErrorKind::BrokenPipe));
}

#[test]
fn what_is_held_or_waits_is_told() {
    let (exit, mut entry) = pipe().unwrap();
    let progress = Progress::default();
    assert!(!progress.has_more(exit.as_fd()));
    entry.write_all(b"tulip").unwrap();
    assert!(progress.has_more(exit.as_fd()), "there to be read");
    // From a socket to a socket whose other end does not read: bytes are copied, and held while the write waits.
    let ((near, mut far), (stuck, mut unread)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    let progress = Progress::default();
    std::thread::scope(|scope| {
        scope.spawn(|| carry(near.as_fd(), stuck.as_fd(), &progress));
        scope.spawn(move || far.write_all(&vec![7; LEN]).unwrap());
        while !progress.holding.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        io::copy(&mut (&mut unread).take(LEN as u64), &mut io::sink()).unwrap();
    });
    assert_eq!(
        (progress.moved(), progress.has_more(near.as_fd())),
        (LEN as u64, true),
        "the end is there to be read"
    );
}
