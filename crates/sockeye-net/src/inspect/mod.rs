//! What the kernel knows about a socket.
//!
//! | item | tells |
//! |---|---|
//! | [`Facts`] | descriptor, family, type, protocol, and the names of both ends |
//! | [`Queues`] | bytes waiting in both buffers, how full they are, what was dropped |
//! | [`TcpInfo`] | round-trip times, windows, losses, rates: `TCP_INFO` |
//! | [`why_limited`] | what kept a TCP sender from being faster: the network, the receiver, its own buffer, or itself |
//! | [`PeerEnd`] | whether the other side is still there |
//!
//! ```
//! use std::net::{TcpListener, TcpStream};
//! use sockeye_net::inspect::{Facts, PeerEnd, SocketFamily, SocketType};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let caller = TcpStream::connect(listener.local_addr()?)?;
//! let (called, _) = listener.accept()?;
//!
//! let facts = Facts::of(&caller)?;
//! assert_eq!((facts.family, facts.kind), (SocketFamily::V4, SocketType::Stream));
//! assert_eq!(facts.peer, Some(Facts::of(&called)?.local));
//! assert!(matches!(PeerEnd::of(&caller)?, PeerEnd::Open));
//! # #[cfg(target_os = "linux")] {
//! use sockeye_net::inspect::{TcpInfo, TcpState};
//! assert_eq!(TcpInfo::of(&caller)?.state(), Some(TcpState::Established));
//! # }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Each is a question to the kernel that changes nothing. Queues and `TCP_INFO` are Linux's; elsewhere the answer is
//! [`Unsupported`](std::io::ErrorKind::Unsupported), or what little can be told.

mod facts;
mod limits;
mod peer_end;
mod queues;
mod tcp_info;

pub use facts::{Facts, SocketFamily, SocketProtocol, SocketType};
pub use limits::{Limit, Limits, why_limited};
pub use peer_end::PeerEnd;
pub use queues::{AcceptQueue, Memory, Queues};
pub use tcp_info::{Figure, Measure, TcpInfo, TcpState};
