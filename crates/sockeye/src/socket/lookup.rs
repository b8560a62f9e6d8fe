//! From hosts and ports to addresses.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
};

use sockeye_net::{names::port_of_service, open::interface_number, socket2::SockAddr};

use super::Error;
use crate::endpoint::{Endpoint, Host, Place, Port, Scheme};

/// The addresses that an endpoint's place stands for, in the order in which they are to be tried. `*` is the IPv6 wildcard, which
/// takes IPv4 too, and then the IPv4 one, for systems without IPv6.
pub async fn addresses(endpoint: &Endpoint) -> Result<Vec<SockAddr>, Error> {
    let fail = |action| Error::Misuse { scheme: endpoint.scheme().name(), action };
    match endpoint.place() {
        Place::Inet { host, port } => {
            let found = inet(endpoint.scheme(), host, port).await?;
            Ok(found.into_iter().map(SockAddr::from).collect())
        }
        Place::Path(path) => Ok(vec![unix(path, path)?]),
        Place::Abstract(name) => Ok(vec![unix(&format!("\0{name}"), &format!("@{name}"))?]),
        _ => Err(fail("be looked up")),
    }
}

/// The most bytes that the path of a socket has, or its abstract name (unix(7); 4.4BSD has four less).
const LONGEST_UNIX_NAME: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

fn unix(path: &str, shown: &str) -> Result<SockAddr, Error> {
    let refuse = |source| Error::File { path: shown.into(), source };
    let len = path.trim_start_matches('\0').len();
    if len > LONGEST_UNIX_NAME {
        let why = format!("it is {len} bytes long, and the name of a socket has at most {LONGEST_UNIX_NAME}");
        return Err(refuse(io::Error::new(io::ErrorKind::InvalidInput, why)));
    }
    SockAddr::unix(path).map_err(refuse)
}

/// The addresses of a host and a port.
pub(super) async fn inet(scheme: Scheme, host: &Host, port: &Port) -> Result<Vec<SocketAddr>, Error> {
    let port = number_of(port, scheme)?;
    let all: Vec<SocketAddr> = match host {
        Host::Any => vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()],
        Host::Address { address: IpAddr::V6(address), zone: Some(zone) } => {
            vec![SocketAddrV6::new(*address, port, 0, zone_number(zone)?).into()]
        }
        Host::Address { address, .. } => vec![(*address, port).into()],
        Host::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), port)).await;
            found.map_err(|source| Error::Lookup { name: name.clone(), source })?.collect()
        }
    };
    let fitting: Vec<SocketAddr> = all.into_iter().filter(|address| scheme.allows(address.ip())).collect();
    if fitting.is_empty() {
        return Err(Error::NoAddress { name: host.to_string(), scheme: scheme.name() });
    }
    Ok(fitting)
}

fn zone_number(zone: &str) -> Result<u32, Error> {
    match zone.parse() {
        Ok(number) => Ok(number),
        Err(_) => Ok(interface_number(zone)?),
    }
}

fn number_of(port: &Port, scheme: Scheme) -> Result<u16, Error> {
    match port {
        Port::Number(number) => Ok(*number),
        Port::Service(name) => {
            let protocol = if scheme.is_datagram() { "udp" } else { "tcp" };
            port_of_service(name, protocol).ok_or_else(|| Error::NoService { name: name.clone() })
        }
    }
}

/// The local addresses that `?bind=` stands for.
pub(super) async fn local(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, Error> {
    match &endpoint.options().bind {
        Some((host, port)) => inet(endpoint.scheme(), host, port).await,
        None => Ok(Vec::new()),
    }
}
