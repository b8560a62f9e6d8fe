//! Linux: interfaces by netlink, sockets bound to a device.

use std::{
    io,
    net::IpAddr,
    os::fd::{AsRawFd, FromRawFd},
    time::Duration,
};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};
use socket2::{SockRef, Socket};

use crate::{Family, Interface};

/// Sets `SO_RCVLOWAT` (socket(7)): a read is woken when so many bytes are there.
pub(crate) fn set_receive_low_water(socket: &SockRef<'_>, bytes: u32) -> io::Result<()> {
    let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    let len = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or(0);
    #[expect(unsafe_code, reason = "no crate in use here sets this option")]
    // SAFETY: the descriptor is open as long as `socket` lives, and the option is an integer of this very length.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const value).cast(),
            len,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
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
        std::os::fd::OwnedFd::from_raw_fd(made)
    };
    let socket = Socket::from(descriptor);
    socket.r#type().map(|_| socket)
}

/// `MCAST_JOIN_SOURCE_GROUP` of <linux/in.h>; the argument is a `group_source_req` (RFC 3678 §5.1.3).
const MCAST_JOIN_SOURCE_GROUP: libc::c_int = 46;

/// The argument of a join for one sender.
#[repr(C)]
struct GroupSource {
    interface: u32,
    group: libc::sockaddr_storage,
    source: libc::sockaddr_storage,
}

/// Joins `group` for what `source` sends, on the interface of this number; 0 leaves it to the routes.
pub(crate) fn join_source(socket: &Socket, interface: u32, group: IpAddr, source: IpAddr) -> io::Result<()> {
    if group.is_ipv4() != source.is_ipv4() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "group and sender are of different families",
        ));
    }
    let request = GroupSource { interface, group: storage(group), source: storage(source) };
    let level = if group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    set_struct(socket.as_raw_fd(), level, MCAST_JOIN_SOURCE_GROUP, &request)
}

/// The interface by which packets to IPv4 groups leave.
pub(crate) fn set_group_interface_v4(socket: &Socket, interface: u32) -> io::Result<()> {
    let none = libc::in_addr { s_addr: 0 };
    let index = i32::try_from(interface).map_err(|_| io::ErrorKind::InvalidInput)?;
    let request = libc::ip_mreqn { imr_multiaddr: none, imr_address: none, imr_ifindex: index };
    set_struct(socket.as_raw_fd(), libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &request)
}

fn storage(address: IpAddr) -> libc::sockaddr_storage {
    let address = socket2::SockAddr::from(std::net::SocketAddr::new(address, 0));
    let storage: socket2::SockAddrStorage = address.as_storage();
    #[expect(unsafe_code, reason = "the one conversion between the two names of the same structure")]
    // SAFETY: on Linux both are `struct sockaddr_storage`; `view_as` asserts that the size fits, and every bit pattern is one.
    unsafe {
        let mut storage = storage;
        *storage.view_as::<libc::sockaddr_storage>()
    }
}

fn set_struct<T>(descriptor: i32, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let len = libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0);
    #[expect(unsafe_code, reason = "no crate in use here sets these options")]
    // SAFETY: `value` is valid for `len` bytes; the kernel copies them.
    let result = unsafe { libc::setsockopt(descriptor, level, name, (&raw const *value).cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Length of a netlink message's header, and of the link message after it (netlink(7), rtnetlink(7)).
const HEADER_LEN: usize = 16;
const LINK_LEN: usize = 16;
/// Types of message and attribute, and flags, of <linux/netlink.h>, <linux/rtnetlink.h> and <linux/if.h>.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
const IFLA_IFNAME: u16 = 3;
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;
const IFF_RUNNING: u32 = 0x40;
/// The kernel fills at most 32 KiB at once.
const BUFFER_LEN: usize = 64 * 1024;
/// Reads before giving up: enough for a hundred thousand interfaces.
const MAX_READS: usize = 4096;

/// Every interface, without its addresses. `if_addrs` tells only of those that have one, and not which are up.
pub(crate) fn links() -> io::Result<Vec<Interface>> {
    // No protocol means number 0, which is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    send(&socket, &request(), SendFlags::empty())?;
    let mut links = Vec::new();
    let mut buffer = vec![0; BUFFER_LEN];
    for _ in 0..MAX_READS {
        let (len, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        if read_messages(&buffer[..len], &mut links)? {
            return Ok(links);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn request() -> Vec<u8> {
    let len = u32::try_from(HEADER_LEN + LINK_LEN).unwrap_or(u32::MAX);
    let mut bytes = len.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&RTM_GETLINK.to_ne_bytes());
    bytes.extend_from_slice(&NLM_F_REQUEST_DUMP.to_ne_bytes());
    bytes.resize(HEADER_LEN + LINK_LEN, 0);
    bytes
}

/// Reads the messages of one datagram; `true` if the last one has come.
fn read_messages(mut bytes: &[u8], links: &mut Vec<Interface>) -> io::Result<bool> {
    while let Some(header) = bytes.first_chunk::<HEADER_LEN>() {
        let [l0, l1, l2, l3, k0, k1, ..] = *header;
        let len = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let Some(body) = bytes.get(HEADER_LEN..len) else { return Err(io::ErrorKind::InvalidData.into()) };
        match u16::from_ne_bytes([k0, k1]) {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                let errno = body.first_chunk().map_or(0, |errno| i32::from_ne_bytes(*errno));
                return Err(io::Error::from_raw_os_error(errno.saturating_neg()));
            }
            RTM_NEWLINK => links.extend(read_link(body)),
            _ => {}
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn read_link(body: &[u8]) -> Option<Interface> {
    let (link, mut attributes) = body.split_first_chunk::<LINK_LEN>()?;
    let [_, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *link;
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let mut name = None;
    while let Some([l0, l1, k0, k1]) = attributes.first_chunk::<4>() {
        let len = usize::from(u16::from_ne_bytes([*l0, *l1]));
        let value = attributes.get(4..len)?;
        if u16::from_ne_bytes([*k0, *k1]) == IFLA_IFNAME {
            let text = value.strip_suffix(&[0]).unwrap_or(value);
            name = Some(String::from_utf8_lossy(text).into_owned());
        }
        attributes = attributes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Interface {
        name: name?,
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        is_loopback: flags & IFF_LOOPBACK != 0,
        is_up: flags & IFF_UP != 0,
        is_running: flags & IFF_UP != 0 && flags & IFF_RUNNING != 0,
        addresses: Vec::new(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(HEADER_LEN + body.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&[0; 10]);
        bytes.extend_from_slice(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn link(index: u32, flags: u32, name: &str) -> Vec<u8> {
        let mut body = vec![0; 4];
        body.extend_from_slice(&index.to_ne_bytes());
        body.extend_from_slice(&flags.to_ne_bytes());
        body.extend_from_slice(&[0; 4]);
        body.extend_from_slice(&u16::try_from(4 + name.len() + 1).unwrap().to_ne_bytes());
        body.extend_from_slice(&IFLA_IFNAME.to_ne_bytes());
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        message(RTM_NEWLINK, &body)
    }

    #[test]
    fn links_are_read_until_the_end() {
        let bytes = [link(1, 0x49, "lo"), link(2, 0x1002, "eth0"), link(3, 0x1003, "wlan0")].concat();
        let mut links = Vec::new();
        assert!(!read_messages(&bytes, &mut links).unwrap());
        assert!(read_messages(&message(NLMSG_DONE, &[0; 4]), &mut links).unwrap());
        let told: Vec<_> =
            links.iter().map(|l| (l.index, l.name.as_str(), l.is_loopback, l.is_up, l.is_running)).collect();
        assert_eq!(
            told,
            [(1, "lo", true, true, true), (2, "eth0", false, false, false), (3, "wlan0", false, true, false)]
        );
    }

    #[test]
    fn broken_messages_are_errors_or_passed_over() {
        let whole = link(1, 0x49, "lo");
        for end in 0..whole.len() {
            let mut links = Vec::new();
            let _ = read_messages(&whole[..end], &mut links);
            assert!(links.is_empty() || end > HEADER_LEN + LINK_LEN);
        }
        let mut links = Vec::new();
        assert!(read_messages(&[0; 64], &mut links).is_err(), "a length of zero does not loop");
        let refused = read_messages(&message(NLMSG_ERROR, &(-1_i32).to_ne_bytes()), &mut links).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn the_kernel_tells_of_the_loopback_interface() {
        assert!(links().unwrap().iter().any(|link| link.is_loopback));
    }
}
