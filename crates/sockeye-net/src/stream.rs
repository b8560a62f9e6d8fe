//! Options of a TCP connection.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};

use crate::{NetError, sys};

/// How a TCP connection behaves. The default is what a transfer's control connection wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// Send small messages at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// Ask a silent peer whether it is there (`SO_KEEPALIVE`): after this long, then [`Self::KEEPALIVE_RETRIES`] times
    /// every [`Self::KEEPALIVE_INTERVAL`]. `None` never asks.
    pub keepalive: Option<Duration>,
    /// Size of the send buffer in bytes (`SO_SNDBUF`); `None` leaves it to the system, which adapts it.
    pub send_buffer: Option<usize>,
    /// Size of the receive buffer in bytes (`SO_RCVBUF`); `None` leaves it to the system, which adapts it.
    pub receive_buffer: Option<usize>,
    /// How long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`); on systems other than Linux without effect.
    pub user_timeout: Option<Duration>,
}

impl TcpOptions {
    /// Silence before the first question. Home routers forget idle connections after some minutes, people notice
    /// a dead peer after some seconds.
    pub const KEEPALIVE: Duration = Duration::from_secs(10);
    /// Time between questions.
    pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
    /// Unanswered questions before the connection is given up: with the two above, 30 s.
    pub const KEEPALIVE_RETRIES: u32 = 4;
    /// As long as keep-alive needs, so that a connection that has data in flight dies no later than a silent one.
    pub const USER_TIMEOUT: Duration = Duration::from_secs(30);
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            keepalive: Some(Self::KEEPALIVE),
            send_buffer: None,
            receive_buffer: None,
            user_timeout: Some(Self::USER_TIMEOUT),
        }
    }
}

/// Sets the options of a TCP connection: anything that owns a socket, of this library or tokio's, by reference.
///
/// Errors: [`NetError::Option`] names the one that could not be set.
pub fn prepare_stream<'s>(stream: impl Into<SockRef<'s>>, options: &TcpOptions) -> Result<(), NetError> {
    let socket = stream.into();
    set("TCP_NODELAY", socket.set_tcp_nodelay(options.nodelay))?;
    if let Some(idle) = options.keepalive {
        set("SO_KEEPALIVE", socket.set_tcp_keepalive(&keepalive(idle)))?;
    } else {
        set("SO_KEEPALIVE", socket.set_keepalive(false))?;
    }
    if let Some(size) = options.send_buffer {
        set("SO_SNDBUF", socket.set_send_buffer_size(size))?;
    }
    if let Some(size) = options.receive_buffer {
        set("SO_RCVBUF", socket.set_recv_buffer_size(size))?;
    }
    if let Some(timeout) = options.user_timeout {
        set("TCP_USER_TIMEOUT", sys::set_user_timeout(&socket, timeout))?;
    }
    Ok(())
}

/// Wakes a reader only when this many bytes are there, or the end (`SO_RCVLOWAT`); 1 is what every socket begins with.
/// Where a sender is faster than the reader this saves most of the wake-ups. On systems other than Linux without effect.
///
/// A reader that sets more than the peer will send waits for ever. Errors: [`NetError::Option`].
pub fn set_receive_low_water<'s>(stream: impl Into<SockRef<'s>>, bytes: u32) -> Result<(), NetError> {
    set("SO_RCVLOWAT", sys::set_receive_low_water(&stream.into(), bytes))
}

fn keepalive(idle: Duration) -> TcpKeepalive {
    let keepalive = TcpKeepalive::new().with_time(idle);
    #[cfg(not(any(target_os = "openbsd", target_os = "haiku", target_os = "solaris")))]
    let keepalive = keepalive.with_interval(TcpOptions::KEEPALIVE_INTERVAL);
    #[cfg(not(any(
        target_os = "openbsd",
        target_os = "haiku",
        target_os = "solaris",
        target_os = "nto",
        windows
    )))]
    let keepalive = keepalive.with_retries(TcpOptions::KEEPALIVE_RETRIES);
    keepalive
}

fn set(option: &'static str, result: io::Result<()>) -> Result<(), NetError> {
    result.map_err(|source| NetError::Option { option, source })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dialled = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (dialled, listener.accept().unwrap().0)
    }

    #[test]
    fn options_are_set_and_read_back() {
        let (stream, _peer) = pair();
        let options =
            TcpOptions { send_buffer: Some(65_536), receive_buffer: Some(65_536), ..TcpOptions::default() };
        prepare_stream(&stream, &options).unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert!(socket.send_buffer_size().unwrap() >= 65_536);
        assert!(socket.recv_buffer_size().unwrap() >= 65_536);
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), TcpOptions::KEEPALIVE);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), TcpOptions::KEEPALIVE_INTERVAL);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), TcpOptions::KEEPALIVE_RETRIES);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(TcpOptions::USER_TIMEOUT));
        }
        let off = TcpOptions { nodelay: false, keepalive: None, ..TcpOptions::default() };
        prepare_stream(&stream, &off).unwrap();
        assert!(!socket.tcp_nodelay().unwrap());
        assert!(!socket.keepalive().unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_option_that_cannot_be_set_is_named() {
        let (dir_like, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        let error = prepare_stream(&dir_like, &TcpOptions::default()).unwrap_err();
        assert!(error.to_string().starts_with("cannot set TCP_NODELAY: "), "{error}");
    }
}
