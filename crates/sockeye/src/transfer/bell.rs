//! Waits for tasks and for a socket at once, on a thread that does not belong to the runtime.
//!
//! The runtime's own way would wake one of its threads for every packet that comes in, whether anybody waits or not, and
//! that thread would wake this one.

use std::{future::Future, io, net::TcpStream, time::Duration};

#[cfg(not(unix))]
pub(super) use self::elsewhere::Bell;
#[cfg(unix)]
pub(super) use self::unix::Bell;

#[cfg(unix)]
mod unix {
    use std::{
        io::{Read, Write},
        os::unix::net::UnixStream,
        pin::pin,
        sync::Arc,
        task::{Context, Poll, Wake, Waker},
        time::Instant,
    };

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::{Duration, Future, TcpStream, io};

    /// What tasks ring when they have something.
    pub(in super::super) struct Bell {
        ear: UnixStream,
        waker: Waker,
    }

    struct Clapper(UnixStream);

    impl Wake for Clapper {
        fn wake(self: Arc<Self>) {
            self.wake_by_ref();
        }

        fn wake_by_ref(self: &Arc<Self>) {
            // If it is full it has been rung and not been heard yet.
            let _ = (&self.0).write(&[1]);
        }
    }

    impl Bell {
        /// A bell of its own for one thread.
        pub(in super::super) fn new() -> io::Result<Self> {
            let (ear, clapper) = UnixStream::pair()?;
            ear.set_nonblocking(true)?;
            clapper.set_nonblocking(true)?;
            Ok(Self { ear, waker: Arc::new(Clapper(clapper)).into() })
        }

        /// Waits for what `tasks` gives; `None` if the socket has something to read, or `at_most` passed.
        pub(in super::super) fn wait<T>(
            &self,
            tasks: impl Future<Output = T>,
            socket: Option<&TcpStream>,
            at_most: Option<Duration>,
        ) -> Option<T> {
            let until = at_most.and_then(|at_most| Instant::now().checked_add(at_most));
            let mut tasks = pin!(tasks);
            loop {
                if let Poll::Ready(value) = tasks.as_mut().poll(&mut Context::from_waker(&self.waker)) {
                    return Some(value);
                }
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                if self.sleep(socket, left) || left.is_some_and(|left| left.is_zero()) {
                    return None;
                }
            }
        }

        /// Sleeps until the bell rings, the socket is readable or the time is over. Whether it is readable.
        fn sleep(&self, socket: Option<&TcpStream>, left: Option<Duration>) -> bool {
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut waiting = vec![PollFd::new(&self.ear, PollFlags::IN)];
            waiting.extend(socket.map(|socket| PollFd::new(socket, PollFlags::IN)));
            if poll(&mut waiting, left.as_ref()).is_err() {
                return false;
            }
            if !waiting[0].revents().is_empty() {
                let mut rung = [0; 64];
                while (&self.ear).read(&mut rung).is_ok_and(|read| read == rung.len()) {}
            }
            waiting.get(1).is_some_and(|socket| !socket.revents().is_empty())
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use tokio::{runtime::Handle, time::timeout};

    use super::{Duration, Future, TcpStream, io};

    /// How often a socket is looked at.
    const LOOK: Duration = Duration::from_millis(2);

    /// Without poll(2): looks at the socket now and then.
    pub(in super::super) struct Bell(Handle);

    impl Bell {
        /// A bell of its own for one thread.
        pub(in super::super) fn new() -> io::Result<Self> {
            Handle::try_current().map(Self).map_err(io::Error::other)
        }

        /// Waits for what `tasks` gives; `None` if the socket may have something to read, or `at_most` passed.
        pub(in super::super) fn wait<T>(
            &self,
            tasks: impl Future<Output = T>,
            socket: Option<&TcpStream>,
            at_most: Option<Duration>,
        ) -> Option<T> {
            let at_most = [socket.map(|_| LOOK), at_most].into_iter().flatten().min();
            self.0.block_on(async {
                match at_most {
                    Some(at_most) => timeout(at_most, tasks).await.ok(),
                    None => Some(tasks.await),
                }
            })
        }
    }
}
