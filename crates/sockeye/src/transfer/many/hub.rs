//! What all receivers of a delivery share: the list, the thread that sends packets, whether it has begun.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use sockeye_net::Interface;
use sockeye_proto::delivery::MemberId;
use tokio::sync::mpsc;

use crate::delivery::{Cast, CastConfig, CastStatus, Listing, Order};

/// How packets reach a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By this one of the delivery's ways.
    Packets(usize),
    /// Not at all: by its own connection.
    Lane,
    /// It has everything.
    Nothing,
}

/// What a receiver's session tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HubNote {
    /// It has said what it needs and can begin.
    Ready(MemberId, Way),
    /// So many blocks go by its own connection.
    ByLane(MemberId, u64),
}

/// See the module's page.
pub(super) struct Hub {
    pub(super) listing: Arc<Listing>,
    config: CastConfig,
    /// Only these interfaces, by name; empty means all.
    interfaces: Vec<String>,
    /// The thread and its interface: that of the first receiver.
    cast: Mutex<Option<(Interface, Cast)>>,
    begun: AtomicBool,
    notes: mpsc::UnboundedSender<HubNote>,
}

impl Hub {
    pub(super) fn new(
        listing: Arc<Listing>,
        config: CastConfig,
        interfaces: Vec<String>,
        notes: mpsc::UnboundedSender<HubNote>,
    ) -> Self {
        let (cast, begun) = (Mutex::new(None), AtomicBool::new(false));
        Self { listing, config, interfaces, cast, begun, notes }
    }

    /// The thread that sends packets by the interface with this address, started if need be. `None` if there is none, or packets
    /// go by another interface already.
    pub(super) fn cast_at(&self, local: IpAddr) -> Option<Cast> {
        let local = local.to_canonical();
        let has = |interface: &Interface| interface.addresses.iter().any(|a| a.ip().to_canonical() == local);
        let mut cast = self.cast.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((interface, cast)) = &*cast {
            return has(interface).then(|| cast.clone());
        }
        let all = sockeye_net::interfaces().ok()?;
        let named =
            |interface: &Interface| self.interfaces.is_empty() || self.interfaces.contains(&interface.name);
        let interface = all.into_iter().find(|interface| has(interface) && named(interface))?;
        match Cast::start(&interface, &self.config, &self.listing) {
            Ok(started) => {
                if self.has_begun() {
                    started.order(Order::Start);
                }
                *cast = Some((interface, started.clone()));
                Some(started)
            }
            Err(error) => {
                tracing::warn!(%error, "nothing goes in packets");
                None
            }
        }
    }

    /// Whether data may go.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Data may go from now on.
    pub(super) fn begin(&self) {
        let cast = self.cast.lock().unwrap_or_else(PoisonError::into_inner);
        self.begun.store(true, Ordering::SeqCst);
        if let Some((_, cast)) = &*cast {
            cast.order(Order::Start);
        }
    }

    /// How the packets fare.
    pub(super) fn status(&self) -> Option<CastStatus> {
        let cast = self.cast.lock().unwrap_or_else(PoisonError::into_inner);
        cast.as_ref().map(|(_, cast)| cast.status())
    }

    pub(super) fn note(&self, note: HubNote) {
        // Nobody listens once everything has ended.
        let _ = self.notes.send(note);
    }
}
