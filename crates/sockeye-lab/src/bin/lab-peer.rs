//! The two ends that the laboratory's own tests start on its hosts.
//!
//! `lab-peer tcp-echo ADDRESS` · `lab-peer tcp-ask ADDRESS WORDS` · `lab-peer udp-count ADDRESS` ·
//! `lab-peer udp-send FROM TO COUNT` · `lab-peer skip REASON`. Listeners print `listening ADDRESS` first; the counter
//! prints its count after a datagram that says `end`, or after a quiet second.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// How long a dialer waits for its listener.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a counter waits for one more datagram.
const QUIET: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["tcp-echo", address] => echo(address.parse()?),
        ["tcp-ask", address, question] => ask(address.parse()?, question),
        ["udp-count", address] => count(address.parse()?),
        ["skip", reason] => {
            skip(reason);
            println!("skips {}", sockeye_lab::skips());
            Ok(())
        }
        ["udp-send", from, to, number] => send(from.parse()?, to.parse()?, number.parse()?),
        _ => Err("unknown words".into()),
    }
}

fn skip(reason: &str) {
    sockeye_lab::skip!("{reason}");
}

fn echo(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    let (mut stream, peer) = listener.accept()?;
    println!("accepted {peer}");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    stream.write_all(&bytes)?;
    Ok(())
}

fn ask(address: SocketAddr, question: &str) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.write_all(question.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    println!("answer {answer}");
    Ok(())
}

fn count(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind(address)?;
    socket.set_read_timeout(Some(QUIET))?;
    if let (IpAddr::V4(group), true) = (address.ip(), address.ip().is_multicast()) {
        socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    }
    println!("listening {}", socket.local_addr()?);
    let mut bytes = [0; 64];
    let mut number = 0;
    while let Ok((length, _)) = socket.recv_from(&mut bytes) {
        if &bytes[..length] == b"end" {
            break;
        }
        number += 1;
    }
    println!("counted {number}");
    Ok(())
}

fn send(from: SocketAddr, to: SocketAddr, number: usize) -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind(from)?;
    socket.set_broadcast(true)?;
    for _ in 0..number {
        socket.send_to(b"datagram", to)?;
        // The receiver's buffer holds some hundred datagrams; a pause of a scheduler's turn keeps it from
        // overflowing.
        std::thread::yield_now();
    }
    // More than one, because the way may lose some.
    for _ in 0..20 {
        socket.send_to(b"end", to)?;
    }
    println!("sent {number}");
    Ok(())
}
