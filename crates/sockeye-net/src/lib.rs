//! Sockets, their options and network interfaces: what the system gives, with the differences between systems smoothed
//! out. This crate knows no protocol; ports and groups come from its callers.
//!
//! | item | does |
//! |---|---|
//! | [`interfaces`], [`select`] | lists interfaces with their addresses, picks those that are up |
//! | [`listen_tcp`], [`reachable_addresses`] | listens on both families, says at which addresses |
//! | [`prepare_stream`] | sets a TCP connection's options |
//! | [`address`] | what is in an address: its network, what it is for, its spellings |
//! | [`endpoint`] | where a socket is and how it shall be, as one line of text |
//! | [`option`] | a table of socket options; reads and sets them, and says what the kernel answers |
//! | [`inspect`] | what the kernel knows about a socket |
//! | [`datagram`] | receives and sends datagrams in batches |
//! | [`group`] | sends to groups and broadcast addresses in batches, and hears them |
//! | `carry` | moves bytes between sockets, pipes and files, inside the kernel where that can be |
//! | [`names`] | names of hosts and services, as the system knows them |
//! | [`open`] | opens sockets as an endpoint wants them |
//! | [`BeaconSockets`] | opens UDP sockets on every interface, for broadcast and groups, and follows changes |
//!
//! What differs between systems is in `sys`; every function there has a fallback that works everywhere.

pub mod address;
mod beacon;
#[cfg(unix)]
pub mod carry;
pub mod datagram;
pub mod endpoint;
mod error;
#[cfg(unix)]
pub mod group;
pub mod inspect;
mod interface;
pub mod names;
pub mod open;
pub mod option;
#[cfg(unix)]
mod stream;
mod sys;
mod tcp;
#[cfg(all(test, target_os = "linux"))]
mod testing;

pub use beacon::{BeaconConfig, BeaconSocket, BeaconSockets, Purpose, Refreshed, SocketKey, send_now};
pub use error::NetError;
pub use interface::{Family, Interface, InterfaceAddress, interfaces, select};
pub use stream::{TcpOptions, prepare_stream, set_receive_low_water};
pub use tcp::{ListenTcp, PortChoice, TcpListeners, listen_tcp, reachable_addresses};

pub use ipnet;
pub use socket2;
