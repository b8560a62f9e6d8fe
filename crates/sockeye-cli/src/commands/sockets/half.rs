//! A connection of which both directions are used by tasks of one thread.

use std::{
    cell::RefCell,
    io,
    os::fd::OwnedFd,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use sockeye::socket::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One side of it. The connection is closed with the last.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Half(Rc<RefCell<Connection>>);

impl Half {
    pub(in crate::commands) fn new(connection: Connection) -> Self {
        Self(Rc::new(RefCell::new(connection)))
    }

    /// Another descriptor of the socket beneath, where there is one and the system has room.
    pub(in crate::commands) fn descriptor(&self) -> Option<OwnedFd> {
        self.0.borrow().descriptor()?.try_clone_to_owned().ok()
    }

    /// Looks at the connection.
    pub(in crate::commands) fn with<T>(&self, look: impl FnOnce(&Connection) -> T) -> T {
        look(&self.0.borrow())
    }
}

impl AsyncRead for Half {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(cx, buf)
    }
}

impl AsyncWrite for Half {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(cx)
    }
}
