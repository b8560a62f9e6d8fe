//! What all receivers of a delivery share: the list, the thread that sends packets, whether it has begun.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
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
    /// Receivers that get the rest by their own connections.
    lanes: AtomicUsize,
    notes: mpsc::UnboundedSender<HubNote>,
}

impl Hub {
    pub(super) fn new(
        listing: Arc<Listing>,
        config: CastConfig,
        interfaces: Vec<String>,
        notes: mpsc::UnboundedSender<HubNote>,
    ) -> Self {
        let (cast, begun, lanes) = (Mutex::new(None), AtomicBool::new(false), AtomicUsize::new(0));
        Self { listing, config, interfaces, cast, begun, lanes, notes }
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

    /// A receiver gets the rest by its own connection from now on, until this is dropped.
    pub(super) fn open_lane(self: &Arc<Self>) -> OpenLane {
        self.lanes.fetch_add(1, Ordering::Relaxed);
        OpenLane(Arc::clone(self))
    }

    pub(super) fn note(&self, note: HubNote) {
        // Nobody listens once everything has ended.
        let _ = self.notes.send(note);
    }
}

/// The share of the packets' rate that all receivers' own connections together may take while packets go: what helps a few must
/// not hold up the others.
const LANE_SHARE: f64 = 0.1;
/// The longest that one block is held back for that.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// The longest that one is held back because a rate was given: a receiver that hears nothing for long gives up.
const LONGEST_WAIT_FOR_RATE: Duration = Duration::from_secs(8);

/// See [`Hub::open_lane`].
pub(super) struct OpenLane(Arc<Hub>);

impl OpenLane {
    /// How long the connection is to rest after so many bytes.
    pub(super) fn rest_after(&self, bytes: u64) -> Duration {
        let passing = self.0.status().filter(|status| status.passing);
        let (rate, longest) = match (passing, self.0.config.max_rate) {
            (Some(status), _) => (status.rate * LANE_SHARE, LONGEST_WAIT),
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            (None, Some(most)) => (most as f64, LONGEST_WAIT_FOR_RATE),
            (None, None) => return Duration::ZERO,
        };
        let lanes = self.0.lanes.load(Ordering::Relaxed).max(1);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let seconds = bytes as f64 * lanes as f64 / rate.max(1.0);
        Duration::from_secs_f64(seconds.min(longest.as_secs_f64()))
    }
}

impl Drop for OpenLane {
    fn drop(&mut self) {
        self.0.lanes.fetch_sub(1, Ordering::Relaxed);
    }
}
