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
