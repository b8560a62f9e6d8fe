//! A flood of multicast datagrams, for measuring what a machine and its network allow.
//!
//! `flood_many send GROUP:PORT BYTES COUNT [merged]` sends so many datagrams of so many bytes as fast as the interface
//! takes them and prints how many it sent. Each begins with its number, 8 bytes in little-endian order.
//!
//! `flood_many receive GROUP:PORT INTERFACE-ADDRESS BYTES COUNT FILE [merged]` prints `listening`, waits for the first and
//! then until a second is quiet, and writes a file of bits: bit N of it (the lowest of each byte first) says whether
//! datagram N came.
//!
//! `merged` hands many datagrams to the kernel as one packet, and takes many as one (`UDP_SEGMENT`, `UDP_GRO`; Linux).

use std::error::Error;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::SockRef;
use sockeye_net::datagram::{BATCH_LEN, DatagramBatch, IP_DATAGRAM_ROOM, SEND_LEN, send_datagrams_now};
use sockeye_net::option;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["send", group, bytes, count, ref mode @ ..] => {
            send(group.parse()?, bytes.parse()?, count.parse()?, is_merged(mode)?)
        }
        ["receive", group, interface, bytes, count, file, ref mode @ ..] => {
            let bits = receive(
                group.parse()?,
                interface.parse()?,
                bytes.parse()?,
                count.parse()?,
                is_merged(mode)?,
            )?;
            Ok(fs::write(file, bits)?)
        }
        _ => Err("unknown words".into()),
    }
}

fn is_merged(mode: &[&str]) -> Result<bool, Failure> {
    match mode {
        [] => Ok(false),
        ["merged"] => Ok(true),
        _ => Err("unknown mode".into()),
    }
}

fn send(group: SocketAddr, bytes: usize, count: u64, merged: bool) -> Result<(), Failure> {
    if bytes < NUMBER_LEN {
        return Err("too few bytes for a number".into());
    }
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(group)?;
    let mut together = SEND_LEN;
    if merged {
        let length = i32::try_from(bytes)?;
        option::set_raw(&socket, IPPROTO_UDP, UDP_SEGMENT, &length.to_ne_bytes())?;
        together = (MOST_BYTES / bytes).min(SEND_LEN);
    }
    let mut room = vec![0x55; bytes * together];
    let mut number = 0;
    while number < count {
        let now = usize::try_from(count - number).unwrap_or(together).min(together);
        for (at, datagram) in room.chunks_exact_mut(bytes).enumerate() {
            datagram[..NUMBER_LEN].copy_from_slice(&(number + at as u64).to_le_bytes());
        }
        if merged {
            socket.send(&room[..now * bytes])?;
        } else {
            send_all(&socket, &room[..now * bytes], bytes)?;
        }
        number += now as u64;
    }
    println!("{number}");
    Ok(())
}

/// Sends these datagrams with as few calls as the send buffer allows.
fn send_all(socket: &UdpSocket, room: &[u8], bytes: usize) -> io::Result<()> {
    let datagrams: Vec<&[u8]> = room.chunks_exact(bytes).collect();
    let mut left = &datagrams[..];
    while !left.is_empty() {
        match send_datagrams_now(socket, left) {
            Ok(sent) => left = &left[sent..],
            // A call that waits: the kernel wakes it when there is room again.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.send(left[0])?;
                left = &left[1..];
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn receive(
    group: SocketAddr,
    interface: Ipv4Addr,
    bytes: usize,
    count: usize,
    merged: bool,
) -> Result<Vec<u8>, Failure> {
    let IpAddr::V4(address) = group.ip() else { return Err("the group is of IPv4".into()) };
    let socket = UdpSocket::bind(group)?;
    socket.join_multicast_v4(&address, &interface)?;
    SockRef::from(&socket).set_recv_buffer_size(BUFFER)?;
    if merged {
        option::set_raw(&socket, IPPROTO_UDP, UDP_GRO, &1_i32.to_ne_bytes())?;
    }
    println!("listening {group}");
    let mut batch = DatagramBatch::with_room(BATCH_LEN, if merged { IP_DATAGRAM_ROOM } else { bytes });
    let mut bits = vec![0; count.div_ceil(8)];
    let mut first = [0; 1];
    let mut patience = PATIENCE;
    loop {
        socket.set_read_timeout(Some(patience))?;
        match socket.peek(&mut first) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => return Err(error.into()),
        }
        patience = QUIET;
        while batch.receive_now(&socket).is_ok() {
            batch.iter().for_each(|datagram| mark(&mut bits, datagram.bytes, bytes));
        }
    }
    Ok(bits)
}

/// Notes the datagrams in what came as one.
fn mark(bits: &mut [u8], received: &[u8], bytes: usize) {
    for datagram in received.chunks_exact(bytes) {
        let Some(number) = datagram.first_chunk() else { continue };
        let number = u64::from_le_bytes(*number);
        let place = usize::try_from(number / 8).ok().and_then(|byte| bits.get_mut(byte));
        if let Some(byte) = place {
            *byte |= 1 << (number % 8);
        }
    }
}

/// Bytes of the number that a datagram begins with.
const NUMBER_LEN: usize = 8;
/// What a receiver may have waiting in the kernel.
const BUFFER: usize = 4 << 20;
/// How long a receiver waits for the first datagram, and for one more.
const PATIENCE: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_secs(1);
/// Most bytes that the kernel takes as one packet: the longest datagram over IPv4.
const MOST_BYTES: usize = 65_507;
// <linux/udp.h>; the same on every architecture.
const IPPROTO_UDP: i32 = 17;
const UDP_SEGMENT: i32 = 103;
const UDP_GRO: i32 = 104;
