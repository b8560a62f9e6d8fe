//! Queues of every kind of socket, against what was written and read, and against Python and ss(8).

use sockeye_lab::skip;

use super::*;
use crate::testing::{
    KINDS, drain, exchange, fill, fresh, has_python, pair, python, receive, send, wait_until,
};

#[test]
fn l3_bytes_waiting_are_those_that_were_sent_and_not_read() {
    for kind in ["tcp4", "tcp6", "unix"] {
        let Some((sender, receiver)) = pair(kind) else { continue };
        assert_eq!(Queues::of(&receiver).unwrap().receive, Some(0), "{kind}");
        send(&sender, &[7; 1000]);
        wait_until("it has come", || Queues::of(&receiver).unwrap().receive == Some(1000));
        receive(&receiver, 400);
        assert_eq!(Queues::of(&receiver).unwrap().receive, Some(600), "{kind}");
        receive(&receiver, 600);
        assert_eq!(Queues::of(&receiver).unwrap().receive, Some(0), "{kind}");
    }
}

#[test]
fn l3_datagrams_are_told_one_by_one_and_their_memory_altogether() {
    for kind in ["udp4", "udp6", "unixgram"] {
        let Some((sender, receiver)) = pair(kind) else { continue };
        send(&sender, &[7; 300]);
        send(&sender, &[7; 500]);
        let both = Queues::of(&receiver).unwrap();
        assert_eq!(both.receive, Some(300), "{kind}: the next datagram");
        assert!(both.memory.unwrap().receive >= 800 || kind == "unixgram", "{kind}: {both:?}");
        receive(&receiver, 1000);
        assert_eq!(Queues::of(&receiver).unwrap().receive, Some(500), "{kind}");
        receive(&receiver, 1000);
        let none = Queues::of(&receiver).unwrap();
        assert_eq!((none.receive, none.unsent), (Some(0), None), "{kind}");
    }
}

#[test]
fn l3_both_buffers_fill_and_drain() {
    for kind in ["tcp4", "tcp6", "unix", "unixseq"] {
        let Some((sender, receiver)) = pair(kind) else { continue };
        let written = fill(&sender);
        let full = Queues::of(&sender).unwrap();
        assert!(full.send_fill().unwrap() > 0.5, "{kind}: {full:?}");
        if kind.starts_with("tcp") {
            // Nobody reads, so every byte is either there or here.
            wait_until("it stands still", || {
                let waits = Queues::of(&receiver).unwrap().receive.unwrap();
                waits + Queues::of(&sender).unwrap().send.unwrap() == written
            });
            let (here, there) = (Queues::of(&sender).unwrap(), Queues::of(&receiver).unwrap());
            assert!(here.unsent.unwrap() > 0 && here.unsent <= here.send, "{here:?}");
            assert!(there.receive_fill().unwrap() > 0.3, "{there:?}");
        }
        assert_eq!(drain_all(&receiver, written), written, "{kind}");
        wait_until("it was acknowledged", || {
            let queues = Queues::of(&sender).unwrap();
            queues.send == Some(0) && queues.memory.unwrap().queued == 0
        });
        assert_eq!(Queues::of(&receiver).unwrap().receive, Some(0), "{kind}");
    }
}

/// Reads until that much was read.
fn drain_all(receiver: &socket2::Socket, expected: u64) -> u64 {
    let mut read = 0;
    wait_until("all was read", || {
        read += drain(receiver);
        read >= expected
    });
    read
}

#[test]
fn l9_datagrams_that_find_no_room_are_counted() {
    let (sender, receiver) = pair("udp4").unwrap();
    receiver.set_recv_buffer_size(4096).unwrap();
    for _ in 0..50 {
        send(&sender, &[7; 1000]);
    }
    let queues = Queues::of(&receiver).unwrap();
    let kept = std::iter::from_fn(|| (drain_one(&receiver) > 0).then_some(())).count();
    assert_eq!(queues.memory.unwrap().drops, 50 - kept as u64);
    assert!(kept < 50 && queues.receive_fill().unwrap() > 0.5, "{queues:?}");
}

fn drain_one(receiver: &socket2::Socket) -> u64 {
    receiver.set_nonblocking(true).unwrap();
    let mut buffer = [std::mem::MaybeUninit::uninit(); 2000];
    receiver.recv(&mut buffer).map_or(0, |len| len as u64)
}

#[test]
fn a_listener_has_a_queue_of_connections() {
    let listener = fresh("tcp4").unwrap();
    listener.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    listener.listen(7).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let _two =
        [std::net::TcpStream::connect(address).unwrap(), std::net::TcpStream::connect(address).unwrap()];
    let queues = Queues::of(&listener).unwrap();
    assert_eq!((queues.receive, queues.send, queues.unsent), (None, None, None));
    assert_eq!(queues.accept, Some(AcceptQueue { waiting: 2, limit: 7 }));
    let unix = fresh("unix").unwrap();
    unix.bind(&crate::testing::abstract_address(&crate::testing::abstract_name())).unwrap();
    unix.listen(7).unwrap();
    assert_eq!(Queues::of(&unix).unwrap().receive, None);
}

#[test]
fn l3_python_asks_the_same_socket_and_gets_the_same() {
    if !has_python() {
        skip!("there is no python3 to compare with");
    }
    for kind in KINDS {
        let Some((sender, receiver)) = pair(kind) else { continue };
        if kind.starts_with("tcp") {
            exchange(&sender, &receiver, 100);
        }
        send(&sender, &[7; 777]);
        wait_until("it has come", || Queues::of(&receiver).unwrap().receive == Some(777));
        let ours = |queues: Queues| {
            let (receive, send) = (queues.receive.unwrap(), queues.send.unwrap());
            format!("{receive} {send} {} {}\n", queues.receive_buffer, queues.send_buffer)
        };
        assert_eq!(ours(Queues::of(&receiver).unwrap()), python(&receiver, ASK, ""), "{kind}");
        if !kind.starts_with("tcp") {
            assert_eq!(ours(Queues::of(&sender).unwrap()), python(&sender, ASK, ""), "{kind}");
        }
    }
}

const ASK: &str = "
import fcntl, termios
ask = lambda request: struct.unpack('i', fcntl.ioctl(s, request, bytes(4)))[0]
size = lambda name: s.getsockopt(socket.SOL_SOCKET, name)
print(ask(termios.FIONREAD), ask(termios.TIOCOUTQ), size(socket.SO_RCVBUF), size(socket.SO_SNDBUF))";
