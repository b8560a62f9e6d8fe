//! Blocks that come in packets to a group.

use std::ops::Range;

use sockeye_net::Interface;
use sockeye_proto::delivery::{DeliveryMessage, Heard as HeardWays, Invite, Missing};

use super::{Receiving, Signal};
use crate::{
    Error,
    delivery::{Ask, Heard, Hearing, HearingParts},
};

/// What a receiver's part in a group has come to.
#[derive(Default)]
pub(super) struct Membership {
    /// The thread that hears, while it does.
    hearing: Option<Hearing>,
    invited: bool,
    /// The sender was told what is missing.
    over: bool,
}

impl Receiving<'_> {
    /// A control message of a delivery.
    pub(super) fn delivery(&mut self, frame: &[u8]) -> Result<(), Error> {
        let message = DeliveryMessage::decode(frame);
        let message = message.map_err(|error| Error::PeerMisbehaved { detail: error.to_string() })?;
        match message {
            Some(DeliveryMessage::Invite(invite)) if !self.membership.invited => self.invited(invite),
            Some(DeliveryMessage::PassEnd) if self.membership.invited => self.pass_end(),
            None => Ok(()),
            Some(_) => {
                Err(Error::PeerMisbehaved { detail: String::from("a message of a delivery out of order") })
            }
        }
    }

    fn invited(&mut self, invite: Invite) -> Result<(), Error> {
        self.membership.invited = true;
        let ways = invite.flows.len();
        let hearing = match self.interface() {
            Some(interface) => self.hear(invite, interface).inspect_err(|error| {
                tracing::info!(%error, "packets to a group cannot be heard here");
            }),
            None => {
                Err(Error::Internal { detail: String::from("no interface has the connection's address") })
            }
        };
        match hearing {
            Ok(hearing) => self.membership.hearing = Some(hearing),
            Err(_) => self.say_delivery(&DeliveryMessage::Heard(HeardWays { probes: vec![0; ways] }))?,
        }
        Ok(())
    }

    fn hear(&mut self, invite: Invite, interface: Interface) -> Result<Hearing, Error> {
        let signals = self.signals.clone();
        Hearing::start(HearingParts {
            invite,
            interface,
            blocks: self.machine.blocks().clone(),
            needs: self.machine.wanted_blocks(),
            to_peer: self.links.to_peer.clone(),
            tell: Box::new(move |heard| signals.send(Signal::Packets(heard)).is_ok()),
        })
    }

    /// The interface that the connection to the sender uses.
    fn interface(&self) -> Option<Interface> {
        let local = self.incoming.as_ref()?.socket().local_addr().ok()?.ip().to_canonical();
        let mut all = sockeye_net::interfaces().ok()?.into_iter();
        all.find(|interface| interface.addresses.iter().any(|address| address.ip() == local))
    }

    fn pass_end(&mut self) -> Result<(), Error> {
        match &self.membership.hearing {
            Some(hearing) => hearing.ask(Ask::Finish),
            None if self.membership.over => {}
            None => {
                self.membership.over = true;
                self.say_missing(&self.machine.wanted_blocks())?;
            }
        }
        Ok(())
    }

    /// What the thread that hears has to tell.
    pub(super) fn packets(&mut self, heard: Heard) -> Result<(), Error> {
        match heard {
            Heard::Probes(probes) => self.say_delivery(&DeliveryMessage::Heard(HeardWays { probes })),
            Heard::Block { block, bytes, digest } => {
                self.packet_block(block, &bytes, &digest)?;
                if let Some(hearing) = &self.membership.hearing {
                    hearing.ask(Ask::Return(bytes));
                }
                Ok(())
            }
            Heard::Missing => {
                self.membership.hearing = None;
                self.membership.over = true;
                // Whatever was not stored, for whatever reason.
                self.say_missing(&self.machine.wanted_blocks())
            }
        }
    }

    fn say_missing(&mut self, blocks: &[Range<u64>]) -> Result<(), Error> {
        for missing in Missing::messages(blocks) {
            self.say_delivery(&DeliveryMessage::Missing(missing))?;
        }
        Ok(())
    }

    fn say_delivery(&mut self, message: &DeliveryMessage) -> Result<(), Error> {
        self.links.say(message.encode())
    }
}
