//! Datagrams one by one, for systems that have no calls for many.

use std::io::{self, Read};

use socket2::SockRef;

use crate::{datagram::Head, open::SocketName};

/// Receives datagrams until there are no more, or no more room. The socket must not block.
pub(crate) fn receive_datagrams(
    socket: &SockRef<'_>,
    bytes: &mut [u8],
    room: usize,
    heads: &mut [Head],
) -> io::Result<usize> {
    let mut received = 0;
    for (head, room) in heads.iter_mut().zip(bytes.chunks_exact_mut(room)) {
        let one = socket.peek_sender().and_then(|from| Ok((from, (&**socket).read(room)?)));
        match one {
            Ok((from, sent_len)) => *head = Head { from: SocketName::from(&from), sent_len, drops: None },
            Err(_) if received > 0 => break,
            Err(error) => return Err(error),
        }
        received += 1;
    }
    Ok(received)
}

/// Sends datagrams until the buffer is full. The socket must not block.
pub(crate) fn send_datagrams(socket: &SockRef<'_>, datagrams: &[&[u8]]) -> io::Result<usize> {
    for (sent, datagram) in datagrams.iter().enumerate() {
        match socket.send(datagram) {
            Ok(_) => {}
            Err(_) if sent > 0 => return Ok(sent),
            Err(error) => return Err(error),
        }
    }
    Ok(datagrams.len())
}
