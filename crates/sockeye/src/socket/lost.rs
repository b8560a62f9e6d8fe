//! A connection whose other side sends no more: whether it is still there can only be asked.

use std::{io, os::fd::OwnedFd};

use sockeye_net::socket2::{SockRef, TcpKeepalive};
use tokio::{io::Interest, net::UnixStream};

use crate::endpoint::Keepalive;

/// Waits until a connection is no more, and says why: the other side has reset it, does not answer any more, or has closed
/// its socket as a whole where the system tells.
///
/// A FIN ends one direction, and a TCP peer that has closed everything looks the same as one that still listens. It is asked
/// by keepalive, unless the connection does that already: a system answers for a closed socket for a minute or so, and with a
/// reset after that.
pub async fn lost(socket: OwnedFd) -> io::Error {
    ask(&socket);
    match watch(socket).await {
        Ok(why) | Err(why) => why,
    }
}

async fn watch(socket: OwnedFd) -> io::Result<io::Error> {
    // The runtime's handle serves for a socket of any kind: it is only asked for its state.
    let watched = UnixStream::from_std(socket.into())?;
    loop {
        if watched.ready(Interest::WRITABLE).await?.is_write_closed() {
            let why = SockRef::from(&watched).take_error()?;
            return Ok(why.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()));
        }
        // It is writable, which is no news: the next change is waited for.
        let _ =
            watched.try_io(Interest::WRITABLE, || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into()));
    }
}

/// Has the kernel ask the other side now and then. Sockets of one machine cannot, and need not: their ends are told.
fn ask(socket: &OwnedFd) {
    let socket = SockRef::from(socket);
    if socket.keepalive().unwrap_or(true) {
        return;
    }
    let wanted = Keepalive::default();
    let wanted =
        TcpKeepalive::new().with_time(wanted.idle).with_interval(wanted.interval).with_retries(wanted.count);
    // Without it a write finds out.
    let _ = socket.set_tcp_keepalive(&wanted);
}
