//! Development only: a network in virtual time, to try out machines that do no I/O of their own.
//!
//! A [`Network`] holds nodes, links and switches. A [`Node`] is told what happens to it ([`Input`]) and answers by
//! calls on [`Outputs`]; the network carries streams and datagrams between nodes, loses, delays, cuts and breaks them
//! as asked, and moves time from one event to the next without waiting. Everything follows from one [`Seed`], so a
//! failure can be repeated: same seed, same [`Trace`].
//!
//! # A stream
//!
//! Streams are reliable and ordered, and say nothing about where writes began: they are cut into random pieces.
//!
//! ```
//! use std::time::Duration;
//! use sockeye_sim::{Input, Link, Network, Node, NodeId, Outcome, Outputs, Seed};
//!
//! enum Party {
//!     Echo,
//!     Caller { to: NodeId, heard: Vec<u8> },
//! }
//!
//! impl Node for Party {
//!     fn handle(&mut self, _now: Duration, input: Input<'_>, out: &mut Outputs) {
//!         match (self, input) {
//!             (Party::Echo, Input::Bytes { stream, bytes }) => out.send(stream, bytes),
//!             (Party::Echo, Input::Ended { stream }) => out.end(stream),
//!             (Party::Caller { to, .. }, Input::Start) => {
//!                 let stream = out.dial(*to);
//!                 out.send(stream, "hello, harbor");
//!                 out.end(stream);
//!             }
//!             (Party::Caller { heard, .. }, Input::Bytes { bytes, .. }) => heard.extend(bytes),
//!             _ => {}
//!         }
//!     }
//! }
//!
//! let mut network = Network::new(Seed(7));
//! let echo = network.add("echo", Party::Echo);
//! let caller = network.add("caller", Party::Caller { to: echo, heard: Vec::new() });
//! network.link(echo, caller, &Link::default().latency(Duration::from_millis(20)));
//! network.set_pieces(sockeye_sim::Pieces::Random { longest: 4 });
//!
//! assert_eq!(network.run(Duration::from_secs(1)), Outcome::Quiet);
//! let Party::Caller { heard, .. } = network.node(caller) else { unreachable!() };
//! assert_eq!(heard, b"hello, harbor");
//! assert_eq!(network.now(), Duration::from_millis(100)); // opening, the echo, and its acknowledgement
//! ```
//!
//! # Datagrams
//!
//! Datagrams are lost, doubled and reordered as the [`Link`] says. A node that waits asks for a timeout.
//!
//! ```
//! use std::time::Duration;
//! use sockeye_sim::{Destination, Input, Link, Loss, Network, Node, NodeId, Outputs, Seed};
//!
//! const INTERVAL: Duration = Duration::from_millis(10);
//!
//! #[derive(Default)]
//! struct Pinger {
//!     to: Option<NodeId>, // None answers pings
//!     sent: u32,
//!     answered: u32,
//!     next: Option<Duration>,
//! }
//!
//! impl Node for Pinger {
//!     fn handle(&mut self, now: Duration, input: Input<'_>, out: &mut Outputs) {
//!         match (self.to, input) {
//!             (Some(to), Input::Start | Input::Timeout) => {
//!                 out.datagram(Destination::Node(to), *b"ping");
//!                 self.sent += 1;
//!                 self.next = (self.sent < 1000).then_some(now + INTERVAL);
//!             }
//!             (Some(_), Input::Datagram { .. }) => self.answered += 1,
//!             (None, Input::Datagram { from, bytes, .. }) => out.datagram(Destination::Node(from), bytes),
//!             _ => {}
//!         }
//!     }
//!
//!     fn timeout(&self) -> Option<Duration> {
//!         self.next
//!     }
//! }
//!
//! let mut network = Network::new(Seed::from_env_or("SOCKEYE_SEED", 1));
//! let answering = network.add("answering", Pinger::default());
//! let pinging = network.add("pinging", Pinger { to: Some(answering), ..Pinger::default() });
//! network.link(pinging, answering, &Link::default().loss(Loss::Random { ratio: 0.1 }));
//! network.run(Duration::from_secs(60));
//!
//! let answered = network.node(pinging).answered;
//! assert!((740..880).contains(&answered), "{answered} of 1000 came through twice: about 0.9 × 0.9");
//! ```
//!
//! # Topologies
//!
//! A packet goes over a direct link, or over one switch: [`Network::switch`], then [`Network::link`] for each port.
//! Loss on the sender's port is shared by all receivers, loss on a receiver's port is its own.
//! [`Network::shape`] makes a direction of a link behave differently.
//!
//! # What can go wrong
//!
//! By bytes: [`Network::fault_after`]. By time: [`Network::at`] with [`Network::reset`], [`Network::set_up`],
//! [`Network::shape`], [`Network::stop`] and [`Network::restart`]. By packet: [`Loss::Exactly`].
//!
//! # Failing runs
//!
//! [`for_each_seed`] runs a test with many seeds and prints the failing one; `SOCKEYE_SEED=…` runs that one alone. When
//! a test panics, the network prints the end of its trace.

mod link;
mod network;
mod node;
mod queue;
mod rng;
mod seed;
mod stream;
#[cfg(test)]
mod tests;
mod trace;

pub use link::{Link, LinkStats, Loss};
pub use network::{Network, Outcome};
pub use node::{Destination, Group, Input, LinkId, Node, NodeId, Outputs, Place, StreamId, SwitchId};
pub use rng::Rng;
pub use seed::{SEED_VARIABLE, Seed, for_each_seed, for_seeds};
pub use stream::{End, Fault, Pieces};
pub use trace::{DEFAULT_TRACE_LINES, Trace};
