//! recvmmsg(2) and sendmmsg(2).

use std::{
    ffi::OsStr,
    io::{self, IoSlice},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
};

use rustix::net::{
    MMsgHdr, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendFlags, recv, recvmsg,
    sendmmsg, sockopt,
};
use socket2::SockRef;

use crate::{
    datagram::{BATCH_LEN, Head},
    open::SocketName,
};

/// Room for any address: a `sockaddr_storage`.
const NAME_LEN: libc::socklen_t = 128;
/// Room for what comes beside a datagram: one count of drops, and some more that the program asked for. What the kernel
/// leaves untouched is zero, which ends the list.
const CONTROL_LEN: usize = 128;
/// Beginning of a `cmsghdr`: length as `size_t`, level and type as `int`.
const CONTROL_HEAD: usize = size_of::<usize>() + 8;

/// Receives datagrams into rooms of `room` bytes each, without waiting.
pub(crate) fn receive_datagrams(
    socket: &SockRef<'_>,
    bytes: &mut [u8],
    room: usize,
    heads: &mut [Head],
) -> io::Result<usize> {
    let mut names = [[0_u8; NAME_LEN as usize]; BATCH_LEN];
    let mut controls = [[0_u8; CONTROL_LEN]; BATCH_LEN];
    let mut vectors: [libc::iovec; BATCH_LEN] =
        std::array::from_fn(|_| libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 });
    #[expect(unsafe_code, reason = "the structure has fields that only zeros may fill on some systems")]
    // SAFETY: numbers and pointers only, for which zeros are values.
    let mut messages: [libc::mmsghdr; BATCH_LEN] = unsafe { std::mem::zeroed() };
    let mut count: libc::c_uint = 0;
    for (index, room) in bytes.chunks_exact_mut(room).take(heads.len().min(BATCH_LEN)).enumerate() {
        vectors[index] = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
        let message = &mut messages[index].msg_hdr;
        message.msg_name = names[index].as_mut_ptr().cast();
        message.msg_namelen = NAME_LEN;
        message.msg_iov = &raw mut vectors[index];
        message.msg_iovlen = 1;
        message.msg_control = controls[index].as_mut_ptr().cast();
        message.msg_controllen = CONTROL_LEN as _;
        count += 1;
    }
    let flags = (libc::MSG_DONTWAIT | libc::MSG_TRUNC) as _;
    let (descriptor, first) = (socket.as_raw_fd(), messages.as_mut_ptr());
    #[expect(unsafe_code, reason = "no crate in use here receives many datagrams at once")]
    // SAFETY: the first `count` messages point to a room, a name and a control buffer each, all of the lengths told, distinct,
    // and alive until after the call; the descriptor is open as long as `socket` lives; there is no timeout to point to.
    let received = unsafe { libc::recvmmsg(descriptor, first, count, flags, std::ptr::null_mut()) };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    for (index, message) in messages.iter().take(received).enumerate() {
        let name_len = message.msg_hdr.msg_namelen.min(NAME_LEN) as usize;
        heads[index] = Head {
            from: name_of(&names[index][..name_len]),
            sent_len: message.msg_len as usize,
            drops: drops_of(&controls[index]),
        };
    }
    Ok(received)
}

/// The length of the next packet in sequence, without receiving it; none at the end.
///
/// A read of no bytes is an empty packet if something comes with it: the sender's credentials, asked for just now (unix(7),
/// `SO_PASSCRED`). There is no room for them, so what comes is the news that they did not fit (recv(2), `MSG_CTRUNC`).
pub(crate) fn next_packet(socket: &SockRef<'_>) -> io::Result<Option<usize>> {
    let peek = RecvFlags::PEEK | RecvFlags::TRUNC | RecvFlags::DONTWAIT;
    let (_, len) = recv(&**socket, &mut [0_u8; 0][..], peek)?;
    if len > 0 {
        return Ok(Some(len));
    }
    let wanted = sockopt::socket_passcred(&**socket)?;
    sockopt::set_socket_passcred(&**socket, true)?;
    let found = recvmsg(&**socket, &mut [], &mut RecvAncillaryBuffer::default(), peek);
    sockopt::set_socket_passcred(&**socket, wanted)?;
    let found = found?;
    Ok(found.flags.contains(ReturnFlags::CTRUNC).then_some(found.bytes))
}

/// Sends datagrams to the peer of a connected socket, without waiting.
pub(crate) fn send_datagrams(socket: &SockRef<'_>, datagrams: &[&[u8]]) -> io::Result<usize> {
    let vectors: Vec<[IoSlice<'_>; 1]> = datagrams.iter().map(|datagram| [IoSlice::new(datagram)]).collect();
    let mut controls: Vec<SendAncillaryBuffer<'_, '_, '_>> =
        datagrams.iter().map(|_| SendAncillaryBuffer::default()).collect();
    let mut messages: Vec<MMsgHdr<'_>> =
        vectors.iter().zip(&mut controls).map(|(vector, control)| MMsgHdr::new(vector, control)).collect();
    Ok(sendmmsg(&**socket, &mut messages, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
}

/// The name in the bytes of a `sockaddr` (ip(7), ipv6(7), unix(7)).
fn name_of(bytes: &[u8]) -> SocketName {
    inet_of(bytes).map_or_else(|| unix_of(bytes), SocketName::from)
}

fn inet_of(bytes: &[u8]) -> Option<SocketAddr> {
    let family = libc::c_int::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    match family {
        libc::AF_INET => {
            let octets: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Some((Ipv4Addr::from(octets), port).into())
        }
        libc::AF_INET6 => {
            let flow = u32::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
            let octets: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
            let scope = u32::from_ne_bytes(*bytes.get(24..)?.first_chunk()?);
            Some(SocketAddrV6::new(Ipv6Addr::from(octets), port, flow, scope).into())
        }
        _ => None,
    }
}

/// A path ends at a zero byte or at the end; an abstract name begins with one and has any bytes.
fn unix_of(bytes: &[u8]) -> SocketName {
    match bytes.get(2..) {
        Some([0, name @ ..]) if !name.is_empty() => SocketName::Abstract(name.to_vec()),
        Some([first, ..]) if *first != 0 => {
            let path = bytes[2..].split(|byte| *byte == 0).next().unwrap_or_default();
            SocketName::Path(OsStr::from_bytes(path).into())
        }
        _ => SocketName::Unnamed,
    }
}

/// The count of dropped datagrams among control messages (cmsg(3)); it is there once it is not zero.
fn drops_of(mut control: &[u8]) -> Option<u32> {
    while let Some(len) = control.first_chunk().map(|len| usize::from_ne_bytes(*len)) {
        let message = control.get(..len).filter(|message| message.len() >= CONTROL_HEAD)?;
        let int = |at: usize| {
            message.get(at..).and_then(|rest| rest.first_chunk()).map(|int| i32::from_ne_bytes(*int))
        };
        let kind = (int(size_of::<usize>())?, int(size_of::<usize>() + 4)?);
        if kind == (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) {
            return int(CONTROL_HEAD).map(i32::cast_unsigned);
        }
        control = control.get(len.next_multiple_of(size_of::<usize>())..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A control message with this level, type and content.
    fn control(level: i32, kind: i32, content: &[u8]) -> Vec<u8> {
        let mut bytes = (CONTROL_HEAD + content.len()).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&level.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(size_of::<usize>()), 0);
        bytes
    }

    #[test]
    fn the_count_of_drops_is_found_among_others() {
        let drops = control(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &7_u32.to_ne_bytes());
        let other = control(libc::IPPROTO_IP, libc::IP_TTL, &[1, 2, 3, 4, 5]);
        assert_eq!(drops_of(&drops), Some(7));
        assert_eq!(drops_of(&[&other[..], &drops, &other].concat()), Some(7));
        assert_eq!(drops_of(&other), None);
        assert_eq!(drops_of(&[]), None);
    }

    #[test]
    fn names_are_read_from_the_bytes_of_the_kernel() {
        let family = |number: i32| u16::try_from(number).unwrap().to_ne_bytes().to_vec();
        let v4 = [family(libc::AF_INET), vec![0x1f, 0x90, 192, 0, 2, 1], vec![0; 8]].concat();
        assert_eq!(name_of(&v4).to_string(), "192.0.2.1:8080");
        let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).octets();
        let port_and_flow = vec![0x1f, 0x90, 0, 0, 0, 0];
        let scope = 7_u32.to_ne_bytes().to_vec();
        let v6 = [family(libc::AF_INET6), port_and_flow, link_local.to_vec(), scope].concat();
        assert_eq!(name_of(&v6).to_string(), "[fe80::1%7]:8080");
        let unix = |rest: &[u8]| name_of(&[&family(libc::AF_UNIX), rest].concat());
        assert_eq!(unix(b"/run/x\0"), SocketName::Path("/run/x".into()));
        assert_eq!(unix(b"/run/x"), SocketName::Path("/run/x".into()), "a path that fills its room");
        assert_eq!(unix(b"\0a\0b"), SocketName::Abstract(b"a\0b".to_vec()));
        assert_eq!(
            (unix(b""), unix(b"\0"), name_of(b"")),
            (SocketName::Unnamed, SocketName::Unnamed, SocketName::Unnamed)
        );
    }

    #[test]
    fn broken_control_messages_and_names_are_nothing() {
        let whole = control(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &7_u32.to_ne_bytes());
        for end in 0..whole.len() - 4 {
            assert_eq!(drops_of(&whole[..end]), None, "{end} bytes");
        }
        assert_eq!(drops_of(&[0; 64]), None, "a length of zero does not loop");
        assert_eq!(drops_of(&[0xff; 64]), None);
        for end in 0..28 {
            let mut name = [0; 28];
            name[..2].copy_from_slice(&u16::try_from(libc::AF_INET6).unwrap().to_ne_bytes());
            assert!(!matches!(name_of(&name[..end]), SocketName::Inet(_)), "{end} bytes");
        }
    }
}
