//! Linux: interfaces by netlink, sockets bound to a device, options and ioctls by number.

mod datagram;
mod group;
mod link;
mod option;

pub(crate) use datagram::{next_packet, receive_datagrams, send_datagrams};
pub(crate) use group::{join_source, set_group_interface_v4};
pub(crate) use link::{bytes_sent, links};
pub(crate) use option::{get_option, has_ended, interface_index, interface_name, queue_length, set_option};

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
    time::Duration,
};

use socket2::{SockRef, Socket};

use crate::{Family, Interface};

/// Sets `SO_RCVLOWAT` (socket(7)): a read is woken when so many bytes are there.
pub(crate) fn set_receive_low_water(socket: &SockRef<'_>, bytes: u32) -> io::Result<()> {
    let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVLOWAT, &value.to_ne_bytes())
}

/// Binds a socket to an interface, so that it sends and receives nowhere else; `false` if this is not permitted
/// (before Linux 5.7 it needs a privilege), so that the caller must choose by address.
pub(crate) fn bind_to_interface(socket: &Socket, interface: &Interface, _family: Family) -> io::Result<bool> {
    match socket.bind_device(Some(interface.name.as_bytes())) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(error),
    }
}

/// How long sent data may stay unacknowledged before the connection is given up (tcp(7), RFC 5482).
pub(crate) fn set_user_timeout(socket: &SockRef<'_>, timeout: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(timeout))
}

/// Duplicates a socket that this process inherited. An error if the number is no open descriptor, or none of a socket.
pub(crate) fn duplicate(number: i32) -> io::Result<Socket> {
    if number < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    #[expect(
        unsafe_code,
        reason = "the number comes from the parent process, so nothing safe owns the descriptor"
    )]
    // SAFETY: fcntl(2) takes any number and refuses those that are not open; a descriptor that it makes belongs to us alone.
    let descriptor = unsafe {
        let made = libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3);
        if made < 0 {
            return Err(io::Error::last_os_error());
        }
        OwnedFd::from_raw_fd(made)
    };
    let socket = Socket::from(descriptor);
    socket.r#type().map(|_| socket)
}
