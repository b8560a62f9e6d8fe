//! Whether the other side is still there, without reading anything.

use std::io;

use socket2::SockRef;

use crate::sys;

/// What is known of the other side of a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum PeerEnd {
    /// It may still send.
    Open,
    /// It has said that it sends no more, or has closed. What it sent before can still be read.
    Finished,
    /// The connection broke: a reset, a timeout. The error is taken from the socket by asking (`SO_ERROR`).
    Broken(io::Error),
}

impl PeerEnd {
    /// Asks the kernel (poll(2)). Of sockets without a connection, and where the system does not tell, the answer is
    /// [`Open`](Self::Open).
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use sockeye_net::inspect::PeerEnd;
    ///
    /// let (near, far) = std::os::unix::net::UnixStream::pair()?;
    /// assert!(matches!(PeerEnd::of(&near)?, PeerEnd::Open));
    /// drop(far);
    /// assert!(matches!(PeerEnd::of(&near)?, PeerEnd::Finished));
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn of<'s>(socket: impl Into<SockRef<'s>>) -> io::Result<Self> {
        let socket = socket.into();
        if !sys::has_ended(&socket)? {
            return Ok(Self::Open);
        }
        Ok(socket.take_error()?.map_or(Self::Finished, Self::Broken))
    }

    /// Whether [`of`](Self::of) would say anything but [`Open`](Self::Open). Takes no error from the socket.
    pub fn has_news<'s>(socket: impl Into<SockRef<'s>>) -> io::Result<bool> {
        sys::has_ended(&socket.into())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{net::Shutdown, time::Duration};

    use super::*;
    use crate::testing::{KINDS, fresh, pair, send, wait_until};

    #[test]
    fn l22_the_end_of_the_other_side_is_seen_although_it_left_something_to_read() {
        for kind in ["tcp4", "tcp6", "unix", "unixseq"] {
            let Some((near, far)) = pair(kind) else { continue };
            send(&far, b"last words");
            assert!(matches!(PeerEnd::of(&near).unwrap(), PeerEnd::Open), "{kind}");
            far.shutdown(Shutdown::Write).unwrap();
            wait_until("it is seen", || matches!(PeerEnd::of(&near).unwrap(), PeerEnd::Finished));
            assert!(matches!(PeerEnd::of(&far).unwrap(), PeerEnd::Open), "{kind}: we did not end");
        }
    }

    #[test]
    fn l22_a_reset_is_told_apart() {
        let (near, far) = pair("tcp4").unwrap();
        far.set_linger(Some(Duration::ZERO)).unwrap();
        drop(far);
        wait_until("it is seen", || {
            !matches!(PeerEnd::of(&near).unwrap(), PeerEnd::Open | PeerEnd::Finished)
        });
    }

    #[test]
    fn what_has_no_connection_has_no_end() {
        for kind in KINDS.iter().filter(|kind| kind.starts_with("udp")) {
            let Some(socket) = fresh(kind) else { continue };
            assert!(matches!(PeerEnd::of(&socket).unwrap(), PeerEnd::Open), "{kind}");
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(matches!(PeerEnd::of(&listener).unwrap(), PeerEnd::Open));
    }
}
