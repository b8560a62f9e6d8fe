//! What dialer and listener have in common: the channel, the transcript, what waits to be sent or told, the deadline.

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::time::Duration;

use crate::{
    Deadline,
    hello::{Hello, Incompatible, Intent, Negotiated},
};

use super::{
    Crypto,
    config::{Binding, PairingConfig, PairingTimeouts, Role},
    error::PairingError,
    event::{Paired, PairingEvent, Reason, Refusal},
    keys::{self, Secret, Transcript},
    wire::Message,
};

pub(super) struct Session<C> {
    pub(super) crypto: C,
    pub(super) binding: Binding,
    pub(super) transcript: Transcript,
    pub(super) waits: PairingTimeouts,
    role: Role,
    frames: VecDeque<Vec<u8>>,
    events: VecDeque<PairingEvent>,
    deadline: Option<Deadline>,
    negotiated: Option<Negotiated>,
    peer_name: Option<String>,
    closed: bool,
}

impl<C: Crypto> Session<C> {
    pub(super) fn new(role: Role, config: &PairingConfig, crypto: C, binding: Binding) -> Self {
        Self {
            crypto,
            transcript: Transcript::new(&binding),
            binding,
            waits: config.waits(),
            role,
            frames: VecDeque::new(),
            events: VecDeque::new(),
            deadline: None,
            negotiated: None,
            peer_name: None,
            closed: false,
        }
    }

    /// Decodes a frame and puts it into the transcript. `None`: nothing to act upon.
    pub(super) fn receive(&mut self, payload: &[u8]) -> Result<Option<Message>, PairingError> {
        if self.closed {
            return Err(PairingError::Misuse("the pairing is over"));
        }
        match Message::decode(payload)? {
            None => Ok(None),
            Some(Message::Refused(refusal)) => {
                self.close(PairingEvent::Refused(refusal));
                Ok(None)
            }
            Some(message) => {
                self.transcript.absorb(payload);
                Ok(Some(message))
            }
        }
    }

    pub(super) fn send(&mut self, message: &Message) {
        let frame = message.encode();
        self.transcript.absorb(&frame);
        self.frames.push_back(frame);
    }

    pub(super) fn tell(&mut self, event: PairingEvent) {
        self.events.push_back(event);
    }

    pub(super) fn wait(&mut self, now: Duration, at_most: Duration, reason: &'static str) {
        self.deadline = Some(Deadline { at: now.saturating_add(at_most), reason });
    }

    /// Waits for the driver instead of the peer.
    pub(super) fn wait_for_driver(&mut self) {
        self.deadline = None;
    }

    /// Takes what the peer says about itself.
    pub(super) fn greet(&mut self, ours: &Hello, theirs: Hello) -> Result<(), PairingError> {
        if self.binding.dialer_key == self.binding.listener_key {
            return Err(PairingError::Misbehaved("both ends of the channel have the same key"));
        }
        if let Intent::Unknown(number) = theirs.intent {
            return Err(Incompatible::Intent(number).into());
        }
        if theirs.intent != ours.intent {
            return Err(PairingError::Misbehaved("HELLO with another intent than ours"));
        }
        self.negotiated = Some(ours.negotiate(&theirs)?);
        self.peer_name = theirs.name;
        Ok(())
    }

    /// Signs this side's identity to this exchange.
    pub(super) fn send_identity(&mut self) {
        let key = self.crypto.identity();
        let statement = keys::identity_statement(self.role, &key, &self.binding, &self.transcript.digest());
        let signature = self.crypto.sign(&statement);
        self.send(&Message::Identity { key, signature });
    }

    /// Checks the peer's signature. `said` is the transcript's digest before its message.
    pub(super) fn check_identity(
        &self,
        said: &[u8; 32],
        key: &[u8; 32],
        signature: &[u8; 64],
    ) -> Result<(), PairingError> {
        let peer = match self.role {
            Role::Dialer => Role::Listener,
            Role::Listener => Role::Dialer,
        };
        let statement = keys::identity_statement(peer, key, &self.binding, said);
        if self.crypto.verify(key, &statement, signature) { Ok(()) } else { Err(PairingError::BadProof) }
    }

    /// The end that was hoped for.
    pub(super) fn pair(&mut self, peer_identity: [u8; 32], pair_key: Secret, session_key: Secret) {
        let Some(negotiated) = self.negotiated else {
            debug_assert!(false, "paired without HELLO");
            return;
        };
        let peer_name = self.peer_name.take();
        self.close(PairingEvent::Paired(Paired {
            peer_identity,
            pair_key,
            session_key,
            peer_name,
            negotiated,
        }));
    }

    /// Tells the peer why there will be no pairing, and ends.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.frames.push_back(Message::Refused(refusal).encode());
        self.end();
    }

    /// Ends because of an error; the peer is told its kind.
    pub(super) fn fail(&mut self, error: PairingError) -> PairingError {
        if !self.closed && !matches!(error, PairingError::Misuse(_)) {
            self.refuse(error.reason().into());
        }
        error
    }

    pub(super) fn wrong_code(&mut self) {
        self.refuse(Reason::WrongCode.into());
        self.tell(PairingEvent::WrongCode);
    }

    /// If the deadline has passed, the peer is told, and it is the end.
    pub(super) fn expire(&mut self, now: Duration) {
        if let Some(deadline) = self.deadline.filter(|deadline| deadline.at <= now) {
            self.refuse(Reason::TimedOut.into());
            self.tell(PairingEvent::TimedOut { waiting_for: deadline.reason });
        }
    }

    pub(super) fn poll_frame(&mut self) -> Option<Vec<u8>> {
        self.frames.pop_front()
    }

    pub(super) fn poll_event(&mut self) -> Option<PairingEvent> {
        self.events.pop_front()
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn close(&mut self, event: PairingEvent) {
        self.end();
        self.tell(event);
    }

    fn end(&mut self) {
        self.closed = true;
        self.deadline = None;
    }
}
