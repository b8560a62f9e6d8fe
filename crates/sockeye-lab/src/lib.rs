//! A laboratory of real kernels: hosts are network namespaces, joined by veth pairs or a bridge.
//!
//! Development only. A test builds the network it needs, starts programs on its hosts and lets everything go
//! out of scope:
//!
//! ```no_run
//! use std::time::Duration;
//! use sockeye_lab::{Filter, Lab, Link, Namespace, Running, Subnet, skip};
//!
//! # fn test() {
//! if let Err(why) = Lab::available() {
//!     skip!("{why}");
//! }
//! let left = Namespace::new("left").unwrap();
//! let right = Namespace::new("right").unwrap();
//! let link = Link::veth(&left, &right, Subnet::new(1)).unwrap();
//! right.filter(Filter::incoming().udp().ratio(0.05)).unwrap();
//!
//! let mut listen = right.command("socat");
//! listen.args(["-d", "-d", "TCP-LISTEN:0", "-"]);
//! let listener = Running::start("listener", listen).unwrap();
//! listener.wait_for_line("listening on", Duration::from_secs(5)).unwrap();
//! # let _ = link;
//! # }
//! ```
//!
//! # What holds a namespace
//! Each namespace lives in a small process that reads a pipe from the test. Dropping the [`Namespace`] ends
//! that process; so does a panic, and so does the death of the test itself, because then the pipe closes.
//! Nothing has a name in `/run/netns`, so nothing can collide and nothing can be left behind. To look inside
//! while a test hangs: `nsenter --net --target PID`, with the number from [`Namespace::id`].
//!
//! # Who may
//! Root, and ordinary users where the kernel lets them make user namespaces. Everyone else gets a [`Skip`]:
//! it says why, [`skip!`] prints it past the test harness and counts it.

mod error;
mod filter;
mod link;
mod namespace;
mod running;
mod skip;
mod tool;

pub use error::LabError;
pub use filter::Filter;
pub use link::{Interface, Ipv6, Link, Subnet, Switch};
pub use namespace::{Lab, Namespace};
pub use running::{Finished, Running};
pub use skip::{Skip, SkipValue, record_skip, skips};
