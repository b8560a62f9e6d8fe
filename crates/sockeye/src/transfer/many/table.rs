//! Who takes part in a delivery and how each fares.

use std::{collections::BTreeMap, time::Duration};

use sockeye_proto::delivery::MemberId;

use super::hub::Way;
use crate::{
    DeliveryProgress, Error, Peer, ReceiverPhase, ReceiverState, Summary,
    delivery::{CastStatus, Listing},
};

/// See the module's page.
pub(super) struct Table {
    bytes: u64,
    blocks: u64,
    receivers: BTreeMap<MemberId, ReceiverState>,
    summaries: BTreeMap<MemberId, Summary>,
}

impl Table {
    pub(super) fn new(bytes: u64, blocks: u64) -> Self {
        Self { bytes, blocks, receivers: BTreeMap::new(), summaries: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.receivers.is_empty()
    }

    /// Somebody has come. One that was here before and lost its connection has come back.
    pub(super) fn joined(&mut self, id: MemberId, peer: &Peer) {
        self.receivers.retain(|_, other| other.peer.identity != peer.identity);
        let state = ReceiverState {
            number: id,
            peer: peer.clone(),
            phase: ReceiverPhase::Asking,
            packets: false,
            bytes: 0,
            loss: 0.0,
            limits: false,
            failed: 0,
            error: None,
        };
        self.receivers.insert(id, state);
    }

    pub(super) fn ready(&mut self, id: MemberId, way: Way) {
        if let Some(state) = self.receivers.get_mut(&id) {
            state.phase = ReceiverPhase::Ready;
            state.packets = matches!(way, Way::Packets(_));
        }
    }

    pub(super) fn by_lane(&mut self, id: MemberId, blocks: u64) {
        if let Some(state) = self.receivers.get_mut(&id) {
            state.phase = ReceiverPhase::Finishing;
            state.bytes = self.bytes.saturating_sub(share(self.bytes, blocks, self.blocks));
        }
    }

    pub(super) fn ended(&mut self, id: MemberId, result: Result<Summary, Error>) {
        let Some(state) = self.receivers.get_mut(&id) else { return };
        match result {
            Ok(summary) => {
                state.phase = ReceiverPhase::Done;
                state.bytes = summary.bytes;
                state.failed = summary.failed;
                self.summaries.insert(id, summary);
            }
            Err(error) => {
                state.phase = ReceiverPhase::Failed;
                state.error = Some(std::sync::Arc::new(error));
            }
        }
    }

    /// Receivers that have not left.
    pub(super) fn here(&self) -> usize {
        self.receivers.values().filter(|state| state.phase != ReceiverPhase::Failed).count()
    }

    /// Receivers that could begin.
    pub(super) fn ready_count(&self) -> usize {
        let ready = [ReceiverPhase::Ready, ReceiverPhase::Done, ReceiverPhase::Finishing];
        self.receivers.values().filter(|state| ready.contains(&state.phase)).count()
    }

    /// How everybody fares now.
    pub(super) fn progress(
        &mut self,
        status: Option<CastStatus>,
        began: Option<Duration>,
    ) -> DeliveryProgress {
        let status = status.unwrap_or_default();
        for (id, state) in &mut self.receivers {
            state.limits = status.limiting == Some(*id);
            let Some(member) = status.members.get(id) else { continue };
            state.loss = member.loss;
            if state.phase == ReceiverPhase::Ready && began.is_some() {
                state.phase = ReceiverPhase::Receiving;
            }
            if state.phase == ReceiverPhase::Receiving {
                state.bytes = share(self.bytes, member.blocks.into(), self.blocks);
            }
        }
        DeliveryProgress {
            receivers: self.receivers.values().cloned().collect(),
            bytes_total: self.bytes,
            bytes_per_second: status.rate,
            overhead: status.overhead,
            elapsed: began,
        }
    }

    /// How it ended.
    pub(super) fn summary(self, listing: &Listing, elapsed: Duration) -> Summary {
        let best = self.summaries.into_values().max_by_key(|summary| summary.bytes).unwrap_or_default();
        let failed = listing.skipped.len() as u64;
        let receivers = self.receivers.into_values().collect();
        // Blocks went in any order, so there is no digest of the whole.
        Summary { sent: true, elapsed, receivers, failed, digest: None, ..best }
    }
}

fn share(bytes: u64, blocks: u64, of: u64) -> u64 {
    let product = u128::from(bytes) * u128::from(blocks.min(of));
    u64::try_from(product / u128::from(of.max(1))).unwrap_or(u64::MAX)
}
