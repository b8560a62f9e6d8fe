//! Sockets of every kind behind one face: dialled or listened for by an [`Endpoint`](crate::endpoint::Endpoint).
//!
//! | item | is |
//! |---|---|
//! | [`Connection`] | a stream to one peer: TCP, TLS, unix, packets in sequence, standard input and output |
//! | [`Packets`] | the packets of a connection that keeps boundaries, one by one |
//! | [`Listener`] | takes connections |
//! | [`Datagrams`] | a socket without connections: UDP, unix datagrams, groups, broadcast |
//! | [`lost`] | waits until a connection is no more |
//! | [`addresses`] | looks up what an endpoint's host and port stand for |
//!
//! ```
//! use sockeye::socket::{Connection, Listener};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let mut listener = Listener::bind(&"tcp://127.0.0.1:0".parse().unwrap()).await?;
//! let port = listener.names()[0].as_inet().unwrap().port();
//! let mut caller = Connection::dial(&format!("tcp://127.0.0.1:{port}?nodelay").parse().unwrap()).await?;
//! let mut called = listener.accept().await?.finish().await?;
//! caller.write_all(b"tulip").await.unwrap();
//! caller.shutdown().await.unwrap();
//! let mut text = String::new();
//! called.read_to_string(&mut text).await.unwrap();
//! assert_eq!(text, "tulip");
//! assert_eq!(Some(called.facts().peer.clone()), caller.facts().local.clone().into());
//! # Ok::<(), sockeye::socket::Error>(())
//! # }).unwrap();
//! ```

mod connection;
mod datagrams;
mod dial;
mod error;
mod facts;
mod listen;
mod lookup;
mod lost;
mod packets;
#[cfg(test)]
mod tests;
mod tls;

pub use connection::Connection;
pub use datagrams::{Datagrams, LARGEST_UDP};
pub use dial::CONNECT_TIMEOUT;
pub use error::{Error, TlsFailure};
pub use facts::{Facts, TlsFacts};
pub use listen::{HANDSHAKE_TIMEOUT, Incoming, Listener};
pub use lookup::addresses;
pub use lost::lost;
pub use packets::Packets;
pub use sockeye_net::open::{SocketAction, SocketError, SocketName};
pub use sockeye_net::{
    carry::{Carried, Progress, Side, carry},
    datagram::DatagramBatch,
};

/// Lets this process open as many descriptors as it may: the soft limit becomes the hard one. For those who serve many.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // If it may not, it goes on with what it has.
    let _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit });
}

/// Ends one direction of a connection, or both: with `Write` the other side reads its end (FIN), and may still send.
pub fn shut_down(socket: std::os::fd::BorrowedFd<'_>, how: std::net::Shutdown) -> std::io::Result<()> {
    sockeye_net::socket2::SockRef::from(&socket).shutdown(how)
}
