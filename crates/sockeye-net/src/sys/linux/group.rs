//! Groups: joined for one sender, sent to by one interface.

use std::{io, net::IpAddr};

use socket2::{SockRef, Socket};

use super::set_option;

/// `MCAST_JOIN_SOURCE_GROUP` of <linux/in.h>; the argument is a `group_source_req` (RFC 3678 §5.1.3).
const MCAST_JOIN_SOURCE_GROUP: libc::c_int = 46;

/// Joins `group` for what `source` sends, on the interface of this number; 0 leaves it to the routes.
pub(crate) fn join_source(socket: &Socket, interface: u32, group: IpAddr, source: IpAddr) -> io::Result<()> {
    if group.is_ipv4() != source.is_ipv4() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "group and sender are of different families",
        ));
    }
    let mut request = interface.to_ne_bytes().to_vec();
    request.resize(align_of::<libc::sockaddr_storage>(), 0);
    request.extend_from_slice(&storage(group));
    request.extend_from_slice(&storage(source));
    let level = if group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    set_option(&SockRef::from(socket), level, MCAST_JOIN_SOURCE_GROUP, &request)
}

/// The interface by which packets to IPv4 groups leave.
pub(crate) fn set_group_interface_v4(socket: &Socket, interface: u32) -> io::Result<()> {
    // An `ip_mreqn` (ip(7)): group and address of the interface are left open.
    let mut request = vec![0; 8];
    request.extend_from_slice(&interface.to_ne_bytes());
    set_option(&SockRef::from(socket), libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &request)
}

/// A `sockaddr_storage` with this address and no port: a `sockaddr_in` or a `sockaddr_in6` and zeros.
fn storage(address: IpAddr) -> [u8; size_of::<libc::sockaddr_storage>()] {
    let mut bytes = [0; size_of::<libc::sockaddr_storage>()];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    match address {
        IpAddr::V4(v4) => {
            put(0, &libc::sa_family_t::try_from(libc::AF_INET).unwrap_or(0).to_ne_bytes());
            put(4, &v4.octets());
        }
        IpAddr::V6(v6) => {
            put(0, &libc::sa_family_t::try_from(libc::AF_INET6).unwrap_or(0).to_ne_bytes());
            put(8, &v6.octets());
        }
    }
    bytes
}
