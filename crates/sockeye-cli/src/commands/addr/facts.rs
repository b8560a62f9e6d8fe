//! The same for programs: events `address`, `interface` and `port`.

use std::net::IpAddr;

use serde_json::{Value, json};
use sockeye::{
    Interface,
    address::{
        Address, Network, binary, expanded, hex, kind_of, multicast_hardware, reverse_name, scope_of,
        solicited_node,
    },
    names::services_of_port,
};

use super::{class, range_of};
use crate::output::json::event;

pub(super) fn address(address: &Address) -> Value {
    let ip = address.ip();
    let kind = kind_of(ip);
    let neighbours = match ip {
        IpAddr::V6(v6) => solicited_node(v6),
        IpAddr::V4(_) => None,
    };
    event(
        "address",
        json!({
            "address": ip,
            "zone": address.zone(),
            "family": if ip.is_ipv4() { "AF_INET" } else { "AF_INET6" },
            "binary": binary(ip),
            "hex": hex(ip),
            "expanded": expanded(ip),
            "reverse": reverse_name(ip),
            "class": class(ip),
            "kind": { "name": kind.name, "range": kind.range, "meaning": kind.meaning, "source": kind.source, "global": kind.is_global },
            "scope": scope_of(ip).map(sockeye::address::Scope::name),
            "solicited_node": neighbours,
            "hardware": multicast_hardware(ip).map(|bytes| colons(&bytes)),
            "network": address.network().map(|it| network(&it)),
        }),
    )
}

fn network(network: &Network) -> Value {
    json!({
        "network": network.to_string(),
        "address": network.address(),
        "prefix_len": network.prefix_len(),
        "netmask": network.netmask(),
        "wildcard_mask": network.wildcard_mask(),
        "broadcast": network.broadcast().ok(),
        "first_host": network.first_host(),
        "last_host": network.last_host(),
        "addresses": network.addresses().to_string(),
        "hosts": network.hosts().to_string(),
    })
}

pub(super) fn interface(interface: &Interface) -> Value {
    let addresses: Vec<Value> = interface
        .addresses
        .iter()
        .map(|address| {
            let kind = kind_of(address.ip());
            json!({
                "address": address.ip(),
                "prefix_len": address.net.prefix_len(),
                "broadcast": address.broadcast,
                "kind": kind.name,
            })
        })
        .collect();
    event(
        "interface",
        json!({
            "name": interface.name,
            "index": interface.index,
            "up": interface.is_up,
            "running": interface.is_running,
            "loopback": interface.is_loopback,
            "multicast": interface.is_multicast,
            "mtu": interface.mtu,
            "hardware": interface.hardware.map(|bytes| colons(&bytes)),
            "addresses": addresses,
        }),
    )
}

pub(super) fn port(port: u16) -> Value {
    let services: Vec<Value> = services_of_port(port)
        .into_iter()
        .map(|(name, protocols)| json!({ "name": name, "protocols": protocols }))
        .collect();
    event("port", json!({ "port": port, "range": range_of(port).0, "services": services }))
}

/// `01:00:5e:00:00:fb`.
pub(super) fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
