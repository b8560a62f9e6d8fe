//! Socket options by level and number.

use std::{io, os::fd::AsRawFd};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{
        AddressFamily, SocketFlags, SocketType,
        netdevice::{index_to_name, name_to_index},
        socket_with,
    },
};
use socket2::SockRef;

use crate::sys::Queue;

/// Reads an option into a buffer of `capacity` bytes (getsockopt(2)); what comes back is as long as the kernel's answer.
///
/// The buffer begins as zeros. That is a promise: options that take an address of memory from it, as
/// `TCP_ZEROCOPY_RECEIVE` does, find none.
pub(crate) fn get_option(
    socket: &SockRef<'_>,
    level: i32,
    number: i32,
    capacity: usize,
) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0_u8; capacity];
    let mut len = libc::socklen_t::try_from(capacity).map_err(|_| io::ErrorKind::InvalidInput)?;
    #[expect(unsafe_code, reason = "no crate in use here reads options by number")]
    // SAFETY: the descriptor is open as long as `socket` lives; `len` is the length of `buffer`, beyond which the kernel
    // does not write; and the zeros in it are no address that the kernel could follow.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, number, buffer.as_mut_ptr().cast(), &raw mut len)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    buffer.truncate(usize::try_from(len).unwrap_or(capacity));
    Ok(buffer)
}

/// Sets an option to these bytes (setsockopt(2)).
///
/// Options that make the kernel write to an address among the bytes are refused: those of the packet filters.
pub(crate) fn set_option(socket: &SockRef<'_>, level: i32, number: i32, value: &[u8]) -> io::Result<()> {
    if is_packet_filter(level, number) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let len = libc::socklen_t::try_from(value.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    #[expect(unsafe_code, reason = "no crate in use here sets options by number")]
    // SAFETY: the descriptor is open as long as `socket` lives; `len` is the length of `value`, which is only read; and
    // the options that would have the kernel write elsewhere were refused.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, number, value.as_ptr().cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The tables of iptables, arptables and ebtables, and IPVS: at IPv4 everything from 64 on, at IPv6 64 and 65
/// (`<linux/netfilter_ipv4/ip_tables.h>` and its neighbours). Some of them return counters to an address in the value.
fn is_packet_filter(level: i32, number: i32) -> bool {
    const BASE: i32 = 64;
    match level {
        libc::IPPROTO_IP => number >= BASE,
        libc::IPPROTO_IPV6 => (BASE..BASE + 2).contains(&number),
        _ => false,
    }
}

/// How many bytes are in a queue (tcp(7), udp(7), unix(7)).
pub(crate) fn queue_length(socket: &SockRef<'_>, queue: Queue) -> io::Result<u64> {
    let request = match queue {
        Queue::Receive => libc::FIONREAD,
        Queue::Send => libc::TIOCOUTQ,
        Queue::Unsent => libc::SIOCOUTQNSD,
    };
    let mut bytes: libc::c_int = 0;
    #[expect(unsafe_code, reason = "no crate in use here asks for the send queue")]
    // SAFETY: the descriptor is open as long as `socket` lives and is one of a socket, for which each of these three
    // requests writes one `int` to where `bytes` is.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), request, &raw mut bytes) };
    if result == 0 { Ok(u64::try_from(bytes).unwrap_or(0)) } else { Err(io::Error::last_os_error()) }
}

/// Whether the other side of a connection has ended, or the connection has (poll(2)).
pub(crate) fn has_ended(socket: &SockRef<'_>) -> io::Result<bool> {
    let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let mut asked = [PollFd::new(&**socket, PollFlags::RDHUP)];
    poll(&mut asked, Some(&Timespec::default()))?;
    Ok(asked[0].revents().intersects(ended))
}

/// The number of an interface (if_nametoindex(3)).
pub(crate) fn interface_index(name: &str) -> io::Result<u32> {
    Ok(name_to_index(any_socket()?, name)?)
}

/// The name of an interface (if_indextoname(3)).
pub(crate) fn interface_name(index: u32) -> io::Result<String> {
    Ok(index_to_name(any_socket()?, index)?)
}

/// The kernel answers questions about interfaces at any socket.
fn any_socket() -> io::Result<std::os::fd::OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?)
}
