//! Groups and broadcast: which interface, how far, who hears it.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::{InterfaceIndexOrAddress, SockAddr, Socket};

use super::{SocketAction, SocketError, SocketName, set};
use crate::{Interface, endpoint::EndpointOptions, interfaces, sys};

/// Joins the group on the interface that the endpoint names, or on the one that the routes choose; for certain senders only,
/// where it names them (RFC 4607).
pub(super) fn join(socket: &Socket, options: &EndpointOptions, group: SocketAddr) -> Result<(), SocketError> {
    let index = interface_index(options, group)?;
    let fail = |source| SocketError::new(SocketAction::Join, SocketName::Inet(group), source);
    sys::only_own_groups(socket, group.is_ipv4()).map_err(fail)?;
    if !options.sources.is_empty() {
        return options
            .sources
            .iter()
            .try_for_each(|source| sys::join_source(socket, index, group.ip(), *source))
            .map_err(fail);
    }
    match group.ip() {
        IpAddr::V4(ip) => socket.join_multicast_v4_n(&ip, &InterfaceIndexOrAddress::Index(index)),
        IpAddr::V6(ip) => socket.join_multicast_v6(&ip, index),
    }
    .map_err(fail)
}

/// An address that means something on one link only (RFC 4007 §6), and does not say on which, is that of the interface that the
/// endpoint names.
pub(super) fn with_zone(options: &EndpointOptions, address: &SockAddr) -> Result<SockAddr, SocketError> {
    match (address.as_socket_ipv6(), &options.interface) {
        (Some(mut v6), Some(name)) if v6.scope_id() == 0 && is_of_one_link(*v6.ip()) => {
            v6.set_scope_id(find(name)?.index);
            Ok(v6.into())
        }
        _ => Ok(address.clone()),
    }
}

/// Whether an address is one on each link: link-local, or a group of interface or link scope (RFC 4291 §2.7).
fn is_of_one_link(ip: Ipv6Addr) -> bool {
    ip.is_unicast_link_local() || ip.is_multicast() && matches!(ip.octets()[1] & 0x0f, 1 | 2)
}

/// Sets how far and through which interface packets to `target` go.
pub(super) fn prepare_to_send(
    socket: &Socket,
    options: &EndpointOptions,
    target: SocketAddr,
) -> Result<(), SocketError> {
    if target.ip().is_multicast() {
        return prepare_for_group(socket, options, target);
    }
    if let Some(name) = &options.interface {
        let interface = find(name)?;
        let bound = sys::bind_to_interface(socket, &interface, crate::Family::of(target.ip()))
            .map_err(|source| SocketError::option("SO_BINDTODEVICE", source))?;
        if !bound {
            let address = interface.addresses.iter().map(crate::InterfaceAddress::ip);
            let address = address.into_iter().find(|ip| ip.is_ipv4() == target.is_ipv4());
            let local = interface.socket_address(address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), 0);
            socket
                .bind(&local.into())
                .map_err(|source| SocketError::new(SocketAction::Bind, SocketName::Inet(local), source))?;
        }
    }
    Ok(())
}

fn prepare_for_group(
    socket: &Socket,
    options: &EndpointOptions,
    group: SocketAddr,
) -> Result<(), SocketError> {
    let index = interface_index(options, group)?;
    let hops = u32::from(options.multicast_ttl.unwrap_or(1));
    if group.is_ipv4() {
        if index != 0 {
            sys::set_group_interface_v4(socket, index)
                .map_err(|source| SocketError::option("IP_MULTICAST_IF", source))?;
        }
        set("IP_MULTICAST_TTL", socket.set_multicast_ttl_v4(hops))?;
        options
            .multicast_loop
            .map_or(Ok(()), |heard| set("IP_MULTICAST_LOOP", socket.set_multicast_loop_v4(heard)))
    } else {
        if index != 0 {
            set("IPV6_MULTICAST_IF", socket.set_multicast_if_v6(index))?;
        }
        set("IPV6_MULTICAST_HOPS", socket.set_multicast_hops_v6(hops))?;
        options
            .multicast_loop
            .map_or(Ok(()), |heard| set("IPV6_MULTICAST_LOOP", socket.set_multicast_loop_v6(heard)))
    }
}

/// The interface for a group: named by the endpoint or by the address's zone; 0 leaves it to the routes.
fn interface_index(options: &EndpointOptions, group: SocketAddr) -> Result<u32, SocketError> {
    match (&options.interface, group) {
        (Some(name), _) => Ok(find(name)?.index),
        (None, SocketAddr::V6(v6)) => Ok(v6.scope_id()),
        (None, SocketAddr::V4(_)) => Ok(0),
    }
}

/// An interface by its name, its number or one of its addresses.
fn find(wanted: &str) -> Result<Interface, SocketError> {
    let fail =
        |source| SocketError { action: SocketAction::FindInterface(wanted.to_owned()), at: None, source };
    let all = interfaces().map_err(fail)?;
    let address: Option<IpAddr> = wanted.parse().ok();
    let number: Option<u32> = wanted.parse().ok();
    let fits = |interface: &Interface| {
        interface.name == wanted
            || number == Some(interface.index)
            || address.is_some_and(|address| interface.addresses.iter().any(|has| has.ip() == address))
    };
    let names: Vec<String> = all.iter().map(|interface| interface.name.clone()).collect();
    all.into_iter().find(fits).ok_or_else(|| {
        fail(io::Error::new(io::ErrorKind::NotFound, format!("there are: {}", names.join(", "))))
    })
}

/// The number of an interface, for the zone of an IPv6 address.
pub fn interface_number(zone: &str) -> Result<u32, SocketError> {
    find(zone).map(|interface| interface.index)
}
