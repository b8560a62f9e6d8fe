//! Systems other than Linux: no list of links, and sockets chosen by address.

use std::{io, net::IpAddr, time::Duration};

use socket2::{SockRef, Socket};

use crate::{Family, Interface};

pub(crate) use super::one_by_one::{receive_datagrams, send_datagrams};

/// Nothing beyond what the addresses say.
pub(crate) fn links() -> io::Result<Vec<Interface>> {
    Ok(Vec::new())
}

/// Not told.
pub(crate) fn bytes_sent(_index: u32) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Makes a socket send by this interface where the system can. The answer is `false`: what arrives by other
/// interfaces must still be told apart by address.
pub(crate) fn bind_to_interface(socket: &Socket, interface: &Interface, family: Family) -> io::Result<bool> {
    #[cfg(any(target_os = "macos", target_os = "ios", target_os = "tvos", target_os = "watchos"))]
    {
        let index = std::num::NonZeroU32::new(interface.index);
        match family {
            Family::V4 => socket.bind_device_by_index_v4(index)?,
            Family::V6 => socket.bind_device_by_index_v6(index)?,
        }
    }
    let _ = (socket, interface, family);
    Ok(false)
}

/// Not available: keep-alive notices a peer that is gone, later.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn set_user_timeout(_socket: &SockRef<'_>, _timeout: Duration) -> io::Result<()> {
    Ok(())
}

/// Not needed: reads are woken by the first byte.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn set_receive_low_water(_socket: &SockRef<'_>, _bytes: u32) -> io::Result<()> {
    Ok(())
}

/// Joins `group` for what `source` sends. IPv4 only; the routes choose the interface.
pub(crate) fn join_source(socket: &Socket, _interface: u32, group: IpAddr, source: IpAddr) -> io::Result<()> {
    match (group, source) {
        #[cfg(not(target_os = "openbsd"))]
        (IpAddr::V4(group), IpAddr::V4(source)) => {
            socket.join_ssm_v4(&source, &group, &std::net::Ipv4Addr::UNSPECIFIED)
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// The interface by which packets to IPv4 groups leave: not by its number here.
pub(crate) fn set_group_interface_v4(_socket: &Socket, _interface: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing tells an empty packet from the end, and nothing the length of another.
pub(crate) fn next_packet(socket: &SockRef<'_>) -> io::Result<Option<usize>> {
    let len = socket.peek(&mut [std::mem::MaybeUninit::uninit()])?;
    Ok((len > 0).then_some(crate::datagram::IP_DATAGRAM_ROOM))
}

/// Not available here.
pub(crate) fn duplicate(_number: i32) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not available: numbers of options differ between systems, and the table has those of Linux.
pub(crate) fn get_option(
    _: &SockRef<'_>,
    _level: i32,
    _number: i32,
    _capacity: usize,
) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not available: see [`get_option`].
pub(crate) fn set_option(_: &SockRef<'_>, _level: i32, _number: i32, _value: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The number of an interface.
pub(crate) fn interface_index(name: &str) -> io::Result<u32> {
    let all = crate::interfaces().map_err(io::Error::other)?;
    let found = all.iter().find(|interface| interface.name == name);
    found.map(|interface| interface.index).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// The name of an interface.
pub(crate) fn interface_name(index: u32) -> io::Result<String> {
    let all = crate::interfaces().map_err(io::Error::other)?;
    let found = all.into_iter().find(|interface| interface.index == index);
    found.map(|interface| interface.name).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Not available.
pub(crate) fn queue_length(_: &SockRef<'_>, _: super::Queue) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not told: a read will.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn has_ended(_: &SockRef<'_>) -> io::Result<bool> {
    Ok(false)
}
