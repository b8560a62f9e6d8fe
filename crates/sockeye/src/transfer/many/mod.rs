//! Sending to many: who has come, when it begins, how each fares, when it is over.

mod hub;
mod seat;
mod table;

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use sockeye_proto::{
    content::{BlockMap, Manifest},
    delivery::MemberId,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

pub(super) use self::seat::{Seat, SeatNote, Step};
use self::{
    hub::{Hub, HubNote},
    table::Table,
};
use crate::{
    DeliveryConfig, Error, Event, Peer, SendConfig, Summary,
    delivery::{CastConfig, DELIVERY_PORT, Listing, symbol_len},
    meet::{Known, Meeting, Session},
    source::Walker,
    transfer::{
        Context,
        links::{Events, cancelled},
        send, sending,
        session::{self, Parts},
    },
};

/// How often the user hears how everybody fares.
const TABLE_EVERY: Duration = Duration::from_millis(250);

/// Receivers at once: each is a thread and a few connections.
const MAX_RECEIVERS: usize = 1_000;

/// A receiver's session, as this task sees it.
struct Member {
    id: MemberId,
    signals: mpsc::UnboundedSender<sending::Signal>,
    /// Dropped to end the session for one that the same peer has begun since.
    _stop: oneshot::Sender<()>,
}

/// What a receiver's session came to.
struct Ended {
    id: MemberId,
    result: Result<Summary, Error>,
}

/// Everything that this task watches over.
pub(super) struct Many {
    hub: Arc<Hub>,
    transfer: [u8; 32],
    members: BTreeMap<[u8; 32], Member>,
    table: Table,
    sessions: JoinSet<Ended>,
    next: MemberId,
    began: Option<Instant>,
    config: DeliveryConfig,
}

/// Lists everything: what goes to many is listed before anybody is asked.
fn list(mut walker: Walker) -> Result<Listing, Error> {
    let tree = walker.tree();
    let mut skipped = Vec::new();
    let (mut manifest, mut blocks) = (Manifest::new(), BlockMap::new());
    while let Some(entry) = walker.next() {
        let id = manifest.push(&entry).map_err(|e| Error::Misuse { detail: e.to_string() })?;
        if let Some(pushed) = manifest.get(id) {
            blocks.push(pushed);
        }
        skipped.extend(walker.take_skipped());
    }
    skipped.extend(walker.take_skipped());
    blocks.finish();
    Ok(Listing { skipped, manifest: Arc::new(manifest), blocks: Arc::new(blocks), tree })
}

/// Runs a delivery to its end.
pub(super) async fn run(
    config: &SendConfig,
    delivery: DeliveryConfig,
    walker: Walker,
    mut meeting: Meeting,
    transfer: [u8; 32],
    context: &mut Context,
    mut paired: impl FnMut(&mut Meeting, &Session, &[Known]) -> Result<Peer, Error>,
) -> Result<Summary, Error> {
    let listing = tokio::task::spawn_blocking(move || list(walker)).await;
    let listing = listing.map_err(|e| Error::Internal { detail: e.to_string() })??;
    let totals = listing.manifest.totals();
    let entries = u64::from(listing.manifest.len());
    context.events.tell(Event::Listed { entries, bytes: totals.bytes });
    let (notes, mut noted) = mpsc::unbounded_channel();
    let cast = CastConfig {
        symbol_len: symbol_len(delivery.mtu),
        hops: delivery.hops,
        max_rate: delivery.max_rate,
        group: delivery.group,
        broadcast: delivery.broadcast,
        port: DELIVERY_PORT,
    };
    let interfaces = send::interfaces(config);
    let blocks = listing.blocks.closed();
    let mut many = Many {
        hub: Arc::new(Hub::new(Arc::new(listing), cast, interfaces, notes)),
        transfer,
        members: BTreeMap::new(),
        table: Table::new(totals.bytes, blocks),
        sessions: JoinSet::new(),
        next: 0,
        began: None,
        config: delivery,
    };
    let mut known: Vec<Known> = Vec::new();
    let mut tick = interval(TABLE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let patience = sleep(config.common.timeout);
    tokio::pin!(patience);
    let mut wait: Pin<Box<dyn Future<Output = ()> + Send>> = match many.config.wait {
        Some(wait) => Box::pin(sleep(wait)),
        None => Box::pin(std::future::pending()),
    };
    let mut waited = false;
    loop {
        tokio::select! {
            session = meeting.session() => {
                let session = session?;
                if many.members.len() >= MAX_RECEIVERS && !many.members.contains_key(&session.identity) {
                    tokio::spawn(session.refuse_busy());
                    continue;
                }
                let peer = match paired(&mut meeting, &session, &known) {
                    Ok(peer) => peer,
                    Err(error) => {
                        // What this machine cannot keep of one is no reason to let the others down.
                        tracing::warn!(%error, "a receiver could not be taken in");
                        tokio::spawn(session.refuse_busy());
                        continue;
                    }
                };
                known.retain(|other| other.identity != session.identity);
                known.push(Known { identity: session.identity, pair_key: session.pair_key.clone() });
                many.seat(session, &peer, context);
            }
            Some(note) = noted.recv() => many.noted(note),
            Some(ended) = many.sessions.join_next(), if !many.sessions.is_empty() => {
                if let Ok(ended) = ended {
                    many.ended(ended, context);
                }
            }
            () = context.begin.notified(), if many.began.is_none() => {
                if many.table.ready_count() > 0 {
                    many.begin(context);
                }
            }
            () = &mut wait, if !waited => waited = true,
            () = &mut patience, if many.table.is_empty() => {
                return Err(Error::TimedOut { doing: "waiting for receivers" });
            }
            () = cancelled(&mut context.cancel) => {
                many.stop().await;
                return Err(Error::Cancelled);
            }
            _ = tick.tick() => many.tell(context),
        }
        if many.began.is_none() && many.may_begin(waited) {
            many.begin(context);
        }
        if many.is_over() {
            break;
        }
    }
    meeting.leave().await;
    many.tell(context);
    Ok(many.summary())
}

impl Many {
    /// Takes a receiver in.
    fn seat(&mut self, session: Session, peer: &Peer, context: &Context) {
        let id = self.next;
        self.next += 1;
        let (signals, heard) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let local = session.lane.local_ip();
        self.table.joined(id, peer);
        // One that is here already has come anew: its old connection is dead.
        let identity = session.identity;
        let seat = Seat::new(Arc::clone(&self.hub), id, local, signals.clone());
        let member = Member { id, signals: signals.clone(), _stop: stop };
        self.members.insert(identity, member);
        let (tell, _nobody) = mpsc::unbounded_channel();
        let parts = Parts { events: Events(tell), cancel: context.cancel.clone(), accepted: Arc::default() };
        let (listing, transfer) = (Arc::clone(&self.hub.listing), self.transfer);
        self.sessions.spawn(async move {
            let work = move |links, _, lane| sending::run_seat(links, lane, transfer, listing, seat);
            let result = session::run_alone(session, parts, (signals, heard), stopped, work).await;
            Ended { id, result }
        });
    }

    fn noted(&mut self, note: HubNote) {
        match note {
            HubNote::Ready(id, way) => self.table.ready(id, way),
            HubNote::ByLane(id, blocks) => self.table.by_lane(id, blocks),
        }
    }

    /// Whether enough have come.
    fn may_begin(&self, waited: bool) -> bool {
        let ready = self.table.ready_count();
        let enough = self.config.receivers.is_some_and(|wanted| ready >= wanted);
        enough || (ready > 0 && (self.config.start_now || waited))
    }

    fn begin(&mut self, context: &Context) {
        self.began = Some(Instant::now());
        self.hub.begin();
        for member in self.members.values() {
            // One whose session has just ended does not hear it.
            let _ = member.signals.send(sending::Signal::Seat(SeatNote::Begin));
        }
        context.events.tell(Event::DeliveryStarted { receivers: self.table.here() });
    }

    fn ended(&mut self, ended: Ended, context: &Context) {
        self.table.ended(ended.id, ended.result);
        self.members.retain(|_, member| member.id != ended.id);
        self.tell(context);
    }

    fn is_over(&self) -> bool {
        self.began.is_some() && self.sessions.is_empty() && !self.config.linger && !self.table.is_empty()
    }

    fn tell(&mut self, context: &Context) {
        if self.table.is_empty() {
            return;
        }
        let status = self.hub.status();
        let began = self.began.map(|at| at.elapsed());
        context.events.tell(Event::Delivery(self.table.progress(status, began)));
    }

    /// Lets the sessions end by themselves: each tells its receiver.
    async fn stop(&mut self) {
        while self.sessions.join_next().await.is_some() {}
    }

    fn summary(self) -> Summary {
        self.table.summary(&self.hub.listing, self.began.map(|at| at.elapsed()).unwrap_or_default())
    }
}
