//! What the kernel knows about a socket.
//!
//! | type | tells |
//! |---|---|
//! | [`Facts`] | descriptor, family, type, protocol, and the names of both ends |

mod facts;

pub use facts::{Facts, SocketFamily, SocketProtocol, SocketType};
