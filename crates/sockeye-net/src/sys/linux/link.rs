//! Interfaces by netlink.

use std::{io, os::fd::OwnedFd};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

use crate::Interface;

/// Length of a netlink message's header, and of the link message after it (netlink(7), rtnetlink(7)).
const HEADER_LEN: usize = 16;
const LINK_LEN: usize = 16;
/// Types of message and attribute, and flags, of <linux/netlink.h>, <linux/rtnetlink.h> and <linux/if.h>.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_STATS64: u16 = 23;
/// Where `rtnl_link_stats64` has the bytes that were sent.
const TX_BYTES_AT: usize = 24;
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;
const IFF_RUNNING: u32 = 0x40;
const IFF_MULTICAST: u32 = 0x1000;
/// The kernel fills at most 32 KiB at once.
const BUFFER_LEN: usize = 64 * 1024;
/// Reads before giving up: enough for a hundred thousand interfaces.
const MAX_READS: usize = 4096;

/// Every interface, without its addresses. `if_addrs` tells only of those that have one, and not which are up.
pub(crate) fn links() -> io::Result<Vec<Interface>> {
    let socket = ask(NLM_F_DUMP, 0)?;
    let mut links = Vec::new();
    let mut buffer = vec![0; BUFFER_LEN];
    for _ in 0..MAX_READS {
        let (len, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        if read_messages(&buffer[..len], |link| links.extend(read_link(link)))? {
            return Ok(links);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Bytes that the interface of this index has sent since it exists.
pub(crate) fn bytes_sent(index: u32) -> io::Result<u64> {
    let socket = ask(0, index)?;
    let mut buffer = vec![0; BUFFER_LEN];
    let (len, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
    let mut sent = None;
    read_messages(&buffer[..len], |link| sent = read_bytes_sent(link))?;
    sent.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Asks for one link, or for all of them.
fn ask(flags: u16, index: u32) -> io::Result<OwnedFd> {
    // No protocol means number 0, which is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    send(&socket, &request(flags, index), SendFlags::empty())?;
    Ok(socket)
}

fn request(flags: u16, index: u32) -> Vec<u8> {
    let len = u32::try_from(HEADER_LEN + LINK_LEN).unwrap_or(u32::MAX);
    let mut bytes = len.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&RTM_GETLINK.to_ne_bytes());
    bytes.extend_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
    bytes.resize(HEADER_LEN + 4, 0);
    bytes.extend_from_slice(&index.to_ne_bytes());
    bytes.resize(HEADER_LEN + LINK_LEN, 0);
    bytes
}

/// Reads the messages of one datagram; `true` if the last one has come.
fn read_messages(mut bytes: &[u8], mut each_link: impl FnMut(&[u8])) -> io::Result<bool> {
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
            RTM_NEWLINK => each_link(body),
            _ => {}
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn read_link(body: &[u8]) -> Option<Interface> {
    let (link, attributes) = body.split_first_chunk::<LINK_LEN>()?;
    let [_, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *link;
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let (mut name, mut mtu, mut hardware) = (None, None, None);
    for (kind, value) in Attributes(attributes) {
        match kind {
            IFLA_IFNAME => {
                let text = value.strip_suffix(&[0]).unwrap_or(value);
                name = Some(String::from_utf8_lossy(text).into_owned());
            }
            IFLA_MTU => mtu = value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)),
            IFLA_ADDRESS => hardware = <[u8; 6]>::try_from(value).ok().filter(|bytes| *bytes != [0; 6]),
            _ => {}
        }
    }
    Some(Interface {
        name: name?,
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        is_loopback: flags & IFF_LOOPBACK != 0,
        is_up: flags & IFF_UP != 0,
        is_running: flags & IFF_UP != 0 && flags & IFF_RUNNING != 0,
        is_multicast: flags & IFF_MULTICAST != 0,
        mtu,
        hardware,
        addresses: Vec::new(),
    })
}

fn read_bytes_sent(body: &[u8]) -> Option<u64> {
    let (_, attributes) = body.split_first_chunk::<LINK_LEN>()?;
    let (_, stats) = Attributes(attributes).find(|(kind, _)| *kind == IFLA_STATS64)?;
    stats.get(TX_BYTES_AT..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

/// Attributes of a message, by type; they end where one is broken.
struct Attributes<'b>(&'b [u8]);

impl<'b> Iterator for Attributes<'b> {
    type Item = (u16, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [l0, l1, k0, k1] = *self.0.first_chunk::<4>()?;
        let len = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = self.0.get(4..len)?;
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([k0, k1]), value))
    }
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
        assert!(!read_messages(&bytes, |link| links.extend(read_link(link))).unwrap());
        assert!(read_messages(&message(NLMSG_DONE, &[0; 4]), |_| panic!("no link")).unwrap());
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
            let _ = read_messages(&whole[..end], |link| links.extend(read_link(link)));
            assert!(links.is_empty() || end > HEADER_LEN + LINK_LEN);
        }
        assert!(read_messages(&[0; 64], |_| {}).is_err(), "a length of zero does not loop");
        let refused = read_messages(&message(NLMSG_ERROR, &(-1_i32).to_ne_bytes()), |_| {}).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn the_kernel_tells_of_the_loopback_interface() {
        assert!(links().unwrap().iter().any(|link| link.is_loopback));
    }

    #[test]
    fn what_was_sent_is_not_what_was_received() {
        let mut body = vec![0; LINK_LEN];
        body.extend_from_slice(&u16::try_from(4 + 5 * 8).unwrap().to_ne_bytes());
        body.extend_from_slice(&IFLA_STATS64.to_ne_bytes());
        // Packets received and sent, bytes received and sent, errors.
        body.extend([1_u64, 2, 3, 4, 5].iter().flat_map(|count| count.to_ne_bytes()));
        let mut sent = None;
        assert!(!read_messages(&message(RTM_NEWLINK, &body), |link| sent = read_bytes_sent(link)).unwrap());
        assert_eq!(sent, Some(4));
        assert_eq!(read_bytes_sent(&body[..LINK_LEN + 12]), None, "cut");
    }

    #[test]
    fn the_kernel_tells_what_an_interface_has_sent() {
        let loopback = links().unwrap().into_iter().find(|link| link.is_loopback).unwrap();
        let before = bytes_sent(loopback.index).unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..10 {
            socket.send_to(&[0; 10_000], socket.local_addr().unwrap()).unwrap();
        }
        let sent = bytes_sent(loopback.index).unwrap() - before;
        assert!((100_000..50_000_000).contains(&sent), "{sent}");
        assert!(bytes_sent(u32::MAX / 2).is_err(), "no such interface");
    }
}
