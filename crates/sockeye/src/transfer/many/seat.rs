//! One receiver's place in a delivery, on the thread of its own session.

use std::{net::IpAddr, ops::Range, sync::Arc, time::Duration};

use sockeye_proto::{
    delivery::{DeliveryMessage, Heard, MemberId, Missing},
    transfer::Work,
};
use tokio::sync::mpsc;

use super::hub::{Hub, HubNote, OpenLane, Way};
use crate::{
    Error,
    delivery::{Cast, CastNote, Order},
    transfer::sending::Signal,
};

/// What the seat hears from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transfer) enum SeatNote {
    /// From the thread that sends packets.
    Cast(CastNote),
    /// It begins.
    Begin,
}

/// What the session is to do.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::transfer) enum Step {
    /// Say this.
    Say(Vec<u8>),
    /// Do this on the lane.
    Work(Work),
}

/// How far a receiver has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It says what it needs.
    Asking,
    /// It was invited and tries out the ways.
    Invited,
    /// Packets will reach it, or do.
    Member,
    /// No packets reach it; its lane waits for the beginning.
    Alone,
    /// It was asked what is missing.
    Ending,
    /// Whatever is left goes by the lane.
    Lane,
}

/// See the module's page.
pub(in crate::transfer) struct Seat {
    hub: Arc<Hub>,
    member: MemberId,
    /// This machine's address on the connection.
    local: Option<IpAddr>,
    signals: mpsc::UnboundedSender<Signal>,
    phase: Phase,
    needs: Vec<Range<u64>>,
    missing: Vec<Range<u64>>,
    cast: Option<Cast>,
    lane: Option<OpenLane>,
}

impl Seat {
    pub(super) fn new(
        hub: Arc<Hub>,
        member: MemberId,
        local: Option<IpAddr>,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Self {
        let (needs, missing) = (Vec::new(), Vec::new());
        Self { hub, member, local, signals, phase: Phase::Asking, needs, missing, cast: None, lane: None }
    }

    /// Questions of the receiver: what everybody may need is kept, the rest is answered at once.
    pub(in crate::transfer) fn work(&mut self, work: Work) -> Vec<Step> {
        match work {
            Work::Send { blocks } => {
                self.needs.push(blocks);
                Vec::new()
            }
            Work::End => self.asked_all(),
            other => vec![Step::Work(other)],
        }
    }

    fn asked_all(&mut self) -> Vec<Step> {
        self.needs = merged(std::mem::take(&mut self.needs));
        if self.needs.is_empty() {
            self.phase = Phase::Lane;
            self.hub.note(HubNote::Ready(self.member, Way::Nothing));
            return vec![Step::Work(Work::End)];
        }
        match self.local.and_then(|local| self.hub.cast_at(local)) {
            Some(cast) => {
                let invite = DeliveryMessage::Invite(cast.invite().clone());
                self.cast = Some(cast);
                self.phase = Phase::Invited;
                vec![Step::Say(invite.encode())]
            }
            None => self.alone(),
        }
    }

    fn alone(&mut self) -> Vec<Step> {
        let invited = self.phase != Phase::Asking;
        self.phase = Phase::Alone;
        self.hub.note(HubNote::Ready(self.member, Way::Lane));
        if self.hub.has_begun() { self.begin(invited) } else { Vec::new() }
    }

    fn begin(&mut self, invited: bool) -> Vec<Step> {
        if invited {
            self.phase = Phase::Ending;
            return vec![Step::Say(DeliveryMessage::PassEnd.encode())];
        }
        let needs = std::mem::take(&mut self.needs);
        self.by_lane(needs)
    }

    fn by_lane(&mut self, blocks: Vec<Range<u64>>) -> Vec<Step> {
        self.phase = Phase::Lane;
        self.lane = (!blocks.is_empty()).then(|| self.hub.open_lane());
        self.hub.note(HubNote::ByLane(self.member, blocks.iter().map(|run| run.end - run.start).sum()));
        let work = blocks.into_iter().map(|blocks| Work::Send { blocks });
        work.chain([Work::End]).map(Step::Work).collect()
    }

    /// How long the lane is to rest after so many bytes, for the sake of those who receive packets.
    pub(in crate::transfer) fn rest_after(&self, bytes: u64) -> Duration {
        self.lane.as_ref().map_or(Duration::ZERO, |lane| lane.rest_after(bytes))
    }

    /// A control message of a delivery.
    pub(in crate::transfer) fn frame(&mut self, frame: &[u8]) -> Result<Vec<Step>, Error> {
        let message = DeliveryMessage::decode(frame);
        let message = message.map_err(|error| Error::PeerMisbehaved { detail: error.to_string() })?;
        match (message, self.phase) {
            (None, _) => Ok(Vec::new()),
            (Some(DeliveryMessage::Heard(heard)), Phase::Invited) => Ok(self.heard(&heard)),
            (Some(DeliveryMessage::Feedback(feedback)), phase) if phase != Phase::Asking => {
                if phase == Phase::Member {
                    self.order(Order::Feedback(self.member, feedback));
                }
                Ok(Vec::new())
            }
            (Some(DeliveryMessage::WantDigests { first }), phase) if phase != Phase::Asking => {
                if phase == Phase::Member {
                    self.order(Order::WantDigests(first));
                }
                Ok(Vec::new())
            }
            (
                Some(DeliveryMessage::Missing(missing)),
                Phase::Invited | Phase::Member | Phase::Alone | Phase::Ending,
            ) => self.missing(&missing),
            _ => Err(out_of_order()),
        }
    }

    /// At first that the receiver listens, then which ways reach it.
    fn heard(&mut self, heard: &Heard) -> Vec<Step> {
        if heard.probes.is_empty() {
            self.order(Order::Probe);
            return Vec::new();
        }
        if heard.probes.iter().all(|probes| *probes == 0) {
            return self.alone();
        }
        self.phase = Phase::Member;
        let way = heard.probes.iter().position(|probes| *probes > 0).unwrap_or(0);
        self.hub.note(HubNote::Ready(self.member, Way::Packets(way)));
        let signals = self.signals.clone();
        self.order(Order::Join {
            member: self.member,
            heard: heard.probes.iter().map(|probes| *probes > 0).collect(),
            needs: self.needs.clone(),
            tell: Box::new(move |note| {
                // A session that has ended needs no notes.
                let _ = signals.send(Signal::Seat(SeatNote::Cast(note)));
            }),
        });
        Vec::new()
    }

    fn missing(&mut self, missing: &Missing) -> Result<Vec<Step>, Error> {
        let blocks = missing.blocks().ok_or_else(out_of_order)?;
        let asked = |run: &Range<u64>| {
            self.needs.iter().any(|needed| needed.start <= run.start && run.end <= needed.end)
        };
        let ascending = |run: &Range<u64>| self.missing.last().is_none_or(|last| last.end <= run.start);
        if !blocks.iter().all(|run| asked(run) && ascending(run)) {
            let detail = String::from("misses what it did not ask for");
            return Err(Error::PeerMisbehaved { detail });
        }
        self.missing.extend(blocks);
        if missing.more {
            return Ok(Vec::new());
        }
        self.order(Order::Leave(self.member));
        self.cast = None;
        let missing = std::mem::take(&mut self.missing);
        if self.hub.has_begun() {
            return Ok(self.by_lane(missing));
        }
        // It has gone deaf before the beginning.
        self.needs = missing;
        self.phase = Phase::Asking;
        Ok(self.alone())
    }

    /// Something from elsewhere.
    pub(in crate::transfer) fn note(&mut self, note: SeatNote) -> Vec<Step> {
        match (note, self.phase) {
            (SeatNote::Begin, Phase::Alone) => {
                let invited = self.cast.is_some();
                self.begin(invited)
            }
            (SeatNote::Cast(CastNote::PassEnd | CastNote::Unreached), Phase::Member) => {
                self.phase = Phase::Ending;
                vec![Step::Say(DeliveryMessage::PassEnd.encode())]
            }
            _ => Vec::new(),
        }
    }

    fn order(&self, order: Order) {
        if let Some(cast) = &self.cast {
            cast.order(order);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.order(Order::Leave(self.member));
    }
}

fn out_of_order() -> Error {
    Error::PeerMisbehaved { detail: String::from("a message of a delivery out of order") }
}

/// The same numbers in as few runs as can be, ascending.
fn merged(mut runs: Vec<Range<u64>>) -> Vec<Range<u64>> {
    runs.sort_by_key(|run| run.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for run in runs {
        match merged.last_mut() {
            Some(last) if last.end >= run.start => last.end = last.end.max(run.end),
            _ => merged.push(run),
        }
    }
    merged
}
