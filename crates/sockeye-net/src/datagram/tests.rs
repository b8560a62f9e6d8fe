//! Batches on loopback, of every family; what one call for many does, one by one does too.

use std::{
    net::{SocketAddr, UdpSocket},
    os::unix::net::UnixDatagram,
};

use socket2::Socket;

use super::*;
use crate::testing::{abstract_address, abstract_name, fresh, has_v6, pair, wait_until};

/// Receives until `count` datagrams have come.
fn receive_all(batch: &mut DatagramBatch, socket: &Socket, count: usize) -> Vec<(Vec<u8>, SocketName)> {
    let mut all = Vec::new();
    wait_until("all have come", || {
        if batch.receive_now(socket).is_ok() {
            all.extend(batch.iter().map(|datagram| (datagram.bytes.to_vec(), datagram.from.clone())));
        }
        all.len() >= count
    });
    all
}

fn bound(address: &str) -> (Socket, SocketAddr) {
    let socket = UdpSocket::bind(address).unwrap();
    let address = socket.local_addr().unwrap();
    socket.set_nonblocking(true).unwrap();
    (socket.into(), address)
}

#[test]
fn l9_each_datagram_stays_one_with_its_sender_and_its_length() {
    for host in ["127.0.0.1:0", "[::1]:0"] {
        if host.starts_with('[') && !has_v6() {
            continue;
        }
        let (receiver, to) = bound(host);
        let (one, from_one) = bound(host);
        let (two, from_two) = bound(host);
        let lengths = [0, 1, 1000, 65_507, 0, 9];
        let mut expected = Vec::new();
        for (index, length) in lengths.into_iter().enumerate() {
            let (socket, from) = if index % 2 == 0 { (&one, from_one) } else { (&two, from_two) };
            let bytes = vec![u8::try_from(index).unwrap(); length];
            assert_eq!(socket.send_to(&bytes, &to.into()).unwrap(), length);
            expected.push((bytes, SocketName::Inet(from)));
        }
        let mut batch = DatagramBatch::for_socket(&receiver).unwrap();
        assert_eq!(receive_all(&mut batch, &receiver, lengths.len()), expected, "{host}");
        assert_eq!(batch.receive_now(&receiver).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!((batch.iter().len(), batch.drops()), (0, 0));
    }
}

#[test]
fn one_call_takes_many_and_no_more_than_there_is_room_for() {
    let (receiver, to) = bound("127.0.0.1:0");
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(to).unwrap();
    let messages: Vec<[u8; 2]> = (0_u16..50).map(u16::to_be_bytes).collect();
    let slices: Vec<&[u8]> = messages.iter().map(<[u8; 2]>::as_slice).collect();
    assert_eq!(send_datagrams_now(&sender, &slices).unwrap(), 50);
    assert_eq!(send_datagrams_now(&sender, &[]).unwrap(), 0);
    let mut batch = DatagramBatch::for_socket(&receiver).unwrap();
    let got = receive_all(&mut batch, &receiver, 50);
    assert!(got.iter().map(|(bytes, _)| bytes.as_slice()).eq(slices.iter().copied()), "in order");
    let too_many = vec![&b"x"[..]; SEND_LEN + 7];
    assert_eq!(send_datagrams_now(&sender, &too_many).unwrap(), SEND_LEN);
    assert_eq!(batch.receive_now(&receiver).unwrap(), BATCH_LEN);
}

#[test]
fn l9_what_finds_no_room_is_cut_and_says_so() {
    let (receiver, to) = bound("127.0.0.1:0");
    let (sender, _) = bound("127.0.0.1:0");
    for length in [10, 11, 5000] {
        sender.send_to(&vec![7; length], &to.into()).unwrap();
    }
    let mut batch = DatagramBatch::with_room(4, 10);
    assert_eq!(batch.receive_now(&receiver).unwrap(), 3);
    let told: Vec<_> = batch.iter().map(|one| (one.bytes.len(), one.sent_len, one.is_cut())).collect();
    assert_eq!(told, [(10, 10, false), (10, 11, true), (10, 5000, true)]);
}

#[test]
fn datagrams_that_were_dropped_are_counted() {
    let (receiver, to) = bound("127.0.0.1:0");
    receiver.set_recv_buffer_size(4096).unwrap();
    let (sender, _) = bound("127.0.0.1:0");
    let mut batch = DatagramBatch::for_socket(&receiver).unwrap();
    let mut received = 0;
    for _ in 0..3 {
        for _ in 0..40 {
            sender.send_to(&[7; 500], &to.into()).unwrap();
        }
        while let Ok(count) = batch.receive_now(&receiver) {
            received += count;
        }
    }
    // Drops are told with what comes after them.
    sender.send_to(b"last", &to.into()).unwrap();
    received += batch.receive_now(&receiver).unwrap();
    assert!(received < 121);
    assert_eq!(batch.drops(), 121 - received as u64);
}

#[test]
fn l9_unix_datagrams_have_any_length_and_three_kinds_of_senders() {
    let folder = std::env::temp_dir().join(format!("sockeye-net-datagram-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let receiver = fresh("unixgram").unwrap();
    let name = abstract_name();
    receiver.bind(&abstract_address(&name)).unwrap();
    receiver.set_nonblocking(true).unwrap();
    let by_path = UnixDatagram::bind(folder.join("sender")).unwrap();
    let by_name = fresh("unixgram").unwrap();
    let other = abstract_name();
    by_name.bind(&abstract_address(&other)).unwrap();
    let nameless = fresh("unixgram").unwrap();
    let large = vec![9; 150_000];
    for (socket, bytes) in [(&by_path.into(), &b"path"[..]), (&by_name, b""), (&nameless, &large)] {
        let socket: &Socket = socket;
        assert_eq!(socket.send_to(bytes, &abstract_address(&name)).unwrap(), bytes.len());
    }
    let mut batch = DatagramBatch::for_socket(&receiver).unwrap();
    let got = receive_all(&mut batch, &receiver, 3);
    assert_eq!(got[0], (b"path".to_vec(), SocketName::Path(folder.join("sender"))));
    assert_eq!(got[1], (Vec::new(), SocketName::Abstract(other)));
    assert_eq!(got[2], (large, SocketName::Unnamed));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_empty_packet_is_not_the_end() {
    let (sender, receiver) =
        Socket::pair(socket2::Domain::UNIX, socket2::Type::SEQPACKET, None).expect("a pair of sockets");
    receiver.set_nonblocking(true).unwrap();
    let nothing = next_packet_now(&receiver).unwrap_err();
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    let large = vec![7; 100_000];
    let packets = [&b"a"[..], b"", &large, b""];
    for packet in packets {
        sender.send(packet).unwrap();
    }
    sender.shutdown(std::net::Shutdown::Write).unwrap();
    for packet in packets {
        for _ in 0..2 {
            assert_eq!(next_packet_now(&receiver).unwrap(), Some(packet.len()), "it stays");
        }
        let mut room = vec![0; packet.len()];
        let (_, len) = rustix::net::recv(&receiver, &mut room[..], rustix::net::RecvFlags::empty()).unwrap();
        assert_eq!((len, &room[..]), (packet.len(), packet));
    }
    for _ in 0..2 {
        assert_eq!(next_packet_now(&receiver).unwrap(), None, "the end stays too");
    }
}

#[test]
fn errors_of_the_network_come_once_and_the_socket_goes_on() {
    let (socket, _) = bound("127.0.0.1:0");
    let (gone, address) = bound("127.0.0.1:0");
    socket.connect(&address.into()).unwrap();
    drop(gone);
    assert_eq!(send_datagrams_now(&socket, &[b"anybody there?"]).unwrap(), 1);
    let mut batch = DatagramBatch::for_socket(&socket).unwrap();
    let mut seen = None;
    wait_until("it was refused", || {
        seen = batch.receive_now(&socket).err().map(|error| error.kind());
        seen == Some(io::ErrorKind::ConnectionRefused)
    });
    assert_eq!(batch.receive_now(&socket).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert!(send_datagrams_now(&socket, &[&vec![0; 70_000]]).is_err(), "too long");
    let (unconnected, _) = bound("127.0.0.1:0");
    assert!(send_datagrams_now(&unconnected, &[b"x"]).is_err());
}

#[test]
fn a_full_buffer_sends_some_and_then_would_block() {
    let (sender, _receiver) = pair("unixgram").unwrap();
    sender.set_nonblocking(true).unwrap();
    let message = [7; 1000];
    let mut sent = 0;
    let error = loop {
        match send_datagrams_now(&sender, &[&message[..]; 3]) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
        assert!(sent < 1_000_000);
    };
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert!(sent > 0);
}

#[test]
fn one_by_one_gives_the_same() {
    use crate::sys::one_by_one;
    for kind in ["udp4", "udp6", "unixgram"] {
        let Some((sender, receiver)) = pair(kind) else { continue };
        receiver.set_nonblocking(true).unwrap();
        let datagrams = [&b"one"[..], b"", b"three"];
        assert_eq!(one_by_one::send_datagrams(&(&sender).into(), &datagrams).unwrap(), 3);
        let mut batch = DatagramBatch::with_room(8, 100);
        wait_until("all have come", || {
            let socket = SockRef::from(&receiver);
            let (bytes, heads) = (&mut batch.bytes[..], &mut batch.heads[..]);
            batch.received = one_by_one::receive_datagrams(&socket, bytes, 100, heads).unwrap_or(0);
            batch.received == 3
        });
        assert!(batch.iter().map(|one| one.bytes).eq(datagrams), "{kind}");
        let from = SocketName::from(&sender.local_addr().unwrap());
        assert!(batch.iter().all(|one| one.from == &from), "{kind}");
        let nothing =
            one_by_one::receive_datagrams(&(&receiver).into(), &mut batch.bytes, 100, &mut batch.heads);
        assert_eq!(nothing.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
