//! What differs between systems. `linux` is used on Linux, `other` everywhere else.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
pub(crate) mod one_by_one;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    bind_to_interface, bytes_sent, duplicate, get_option, has_ended, interface_index, interface_name,
    join_source, links, next_packet, queue_length, receive_datagrams, send_datagrams, set_group_interface_v4,
    set_option, set_receive_low_water, set_user_timeout,
};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{
    bind_to_interface, bytes_sent, duplicate, get_option, has_ended, interface_index, interface_name,
    join_source, links, next_packet, queue_length, receive_datagrams, send_datagrams, set_group_interface_v4,
    set_option, set_receive_low_water, set_user_timeout,
};

use std::io;

use socket2::Socket;

/// A queue of a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Queue {
    /// What waits to be read (`SIOCINQ`).
    Receive,
    /// What waits to be delivered (`SIOCOUTQ`).
    Send,
    /// What was not sent once (`SIOCOUTQNSD`).
    Unsent,
}

/// Lets several programs, of several users, receive the same broadcasts and groups at one port.
///
/// On Linux address reuse does that, and port reuse would share them out instead and refuse other users. On the BSDs
/// port reuse is needed.
pub(crate) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    #[cfg(all(
        unix,
        not(any(
            target_os = "linux",
            target_os = "android",
            target_os = "solaris",
            target_os = "illumos",
            target_os = "cygwin"
        ))
    ))]
    socket.set_reuse_port(true)?;
    Ok(())
}

/// Only groups that this very socket joined, not those of any program on the machine. Systems without the option do
/// so anyway.
pub(crate) fn only_own_groups(socket: &Socket, v4: bool) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if v4 {
        socket.set_multicast_all_v4(false)
    } else {
        socket.set_multicast_all_v6(false)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (socket, v4);
        Ok(())
    }
}
