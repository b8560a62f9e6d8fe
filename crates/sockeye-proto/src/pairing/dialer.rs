//! The end that connected: it proves knowledge first.

use alloc::{boxed::Box, vec::Vec};
use core::{mem, time::Duration};

use zeroize::Zeroizing;

use crate::{
    Deadline,
    hello::{Hello, Intent},
};

use super::{
    Crypto, PakeState,
    code::Code,
    config::{Binding, PairingConfig, Role},
    error::PairingError,
    event::PairingEvent,
    keys::{self, Secret},
    session::Session,
    wire::Message,
};

/// Pairs from the dialling end of a channel.
///
/// Send what [`poll_frame`](Self::poll_frame) gives, hand what arrives to [`handle_frame`](Self::handle_frame), call
/// [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) says so. Drain frames and
/// events after each call, **also after one that failed**: the peer is to be told.
///
/// Made with a code, it sends at most one tag, which lets whoever listens check one guess. Take one from a
/// [`TagBudget`](super::TagBudget) before, and give it back if [`tag_is_at_risk`](Self::tag_is_at_risk) says no.
pub struct Dialer<C> {
    session: Session<C>,
    hello: Hello,
    state: State,
    tag_is_at_risk: bool,
}

enum Proof {
    Code(Code),
    PairKey { key: Secret, identity: [u8; 32] },
}

/// What comes next from the listener.
enum State {
    Hello(Proof),
    Answer { pake: Box<dyn PakeState>, ours: Vec<u8> },
    Confirm { shared: Secret, pair_key: Secret, expected: [u8; 32] },
    Knocked { pair_key: Secret, identity: [u8; 32] },
    Identity { pair_key: Secret, session_key: Secret, expected: Option<[u8; 32]> },
    Over,
}

impl<C: Crypto> Dialer<C> {
    /// Will prove knowledge of a code.
    pub fn with_code(config: &PairingConfig, crypto: C, binding: Binding, code: Code) -> Self {
        Self::new(config, crypto, binding, Intent::PairCode, Proof::Code(code))
    }

    /// Will prove knowledge of the pair key of an earlier pairing, and accept no other peer than
    /// `expected_identity`.
    pub fn with_pair_key(
        config: &PairingConfig,
        crypto: C,
        binding: Binding,
        pair_key: Zeroizing<[u8; 32]>,
        expected_identity: [u8; 32],
    ) -> Self {
        let proof = Proof::PairKey { key: pair_key, identity: expected_identity };
        Self::new(config, crypto, binding, Intent::Knock, proof)
    }

    fn new(config: &PairingConfig, crypto: C, binding: Binding, intent: Intent, proof: Proof) -> Self {
        let hello = config.hello(intent);
        let mut session = Session::new(Role::Dialer, config, crypto, binding);
        session.send(&Message::Hello(hello.clone()));
        session.wait(Duration::ZERO, session.waits.message, "HELLO");
        Self { session, hello, state: State::Hello(proof), tag_is_at_risk: false }
    }

    /// Takes the payload of a control frame that arrived.
    pub fn handle_frame(&mut self, now: Duration, payload: &[u8]) -> Result<(), PairingError> {
        let result = self.step(now, payload).map_err(|error| self.session.fail(error));
        self.forget_if_over();
        result
    }

    /// Looks at the clock.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.session.expire(now);
        self.forget_if_over();
    }

    /// The next control frame to send.
    pub fn poll_frame(&mut self) -> Option<Vec<u8>> {
        self.session.poll_frame()
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<PairingEvent> {
        self.session.poll_event()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.session.deadline()
    }

    /// Whether nothing more will come or go, once frames and events are drained.
    pub fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    /// Whether a tag went to a listener that has not proved that it knows the code. If so, that listener could check
    /// one guess, and the [`TagBudget`](super::TagBudget) is not to be given back.
    pub fn tag_is_at_risk(&self) -> bool {
        self.tag_is_at_risk
    }

    /// Drops the secrets of an exchange that has ended.
    fn forget_if_over(&mut self) {
        if self.session.is_closed() {
            self.state = State::Over;
        }
    }

    fn step(&mut self, now: Duration, payload: &[u8]) -> Result<(), PairingError> {
        let said = self.session.transcript.digest();
        let Some(message) = self.session.receive(payload)? else {
            return Ok(());
        };
        match (mem::replace(&mut self.state, State::Over), message) {
            (State::Hello(proof), Message::Hello(theirs)) => self.prove(now, proof, theirs),
            (State::Answer { pake, ours }, Message::Answer { pake: theirs }) => {
                self.answered(now, pake, &ours, &theirs)
            }
            (State::Confirm { shared, pair_key, expected }, Message::Confirm { tag }) => {
                self.confirmed(now, &shared, pair_key, &expected, &tag);
                Ok(())
            }
            (State::Knocked { pair_key, identity }, Message::Knocked { tag }) => {
                self.knocked(now, pair_key, identity, &tag)
            }
            (State::Identity { pair_key, session_key, expected }, Message::Identity { key, signature }) => {
                if expected.is_some_and(|expected| expected != key) {
                    return Err(PairingError::NotRemembered);
                }
                self.session.check_identity(&said, &key, &signature)?;
                self.session.pair(key, pair_key, session_key);
                Ok(())
            }
            (_, unexpected) => Err(PairingError::Misbehaved(unexpected.name())),
        }
    }

    fn prove(&mut self, now: Duration, proof: Proof, theirs: Hello) -> Result<(), PairingError> {
        self.session.greet(&self.hello, theirs)?;
        match proof {
            Proof::Code(code) => {
                let (dialer, listener) = super::pake_identities(&self.session.binding);
                let password = keys::password(&code);
                let (pake, ours) =
                    self.session.crypto.pake_start(Role::Dialer, &password, &dialer, &listener);
                self.session.send(&Message::Attempt { nameplate: code.nameplate(), pake: ours.clone() });
                self.session.wait(now, self.session.waits.answer, "ANSWER");
                self.state = State::Answer { pake, ours };
            }
            Proof::PairKey { key, identity } => {
                let tag = keys::knock_tag(Role::Dialer, &key, &self.session.binding);
                self.session.send(&Message::Knock { tag });
                self.session.wait(now, self.session.waits.message, "KNOCKED");
                self.state = State::Knocked { pair_key: key, identity };
            }
        }
        Ok(())
    }

    fn answered(
        &mut self,
        now: Duration,
        pake: Box<dyn PakeState>,
        ours: &[u8],
        theirs: &[u8],
    ) -> Result<(), PairingError> {
        if theirs == ours {
            return Err(PairingError::Misbehaved("our own PAKE message sent back"));
        }
        let shared = pake.finish(theirs).map_err(|_| PairingError::Misbehaved("PAKE message"))?;
        let said = self.session.transcript.digest();
        let expected = keys::confirm_tag(Role::Listener, &shared, &said);
        let pair_key = keys::pair_key(&shared, &said);
        self.tag_is_at_risk = true;
        self.session.send(&Message::Confirm { tag: keys::confirm_tag(Role::Dialer, &shared, &said) });
        self.session.wait(now, self.session.waits.message, "CONFIRM");
        self.state = State::Confirm { shared, pair_key, expected };
        Ok(())
    }

    fn confirmed(
        &mut self,
        now: Duration,
        shared: &Secret,
        pair_key: Secret,
        expected: &[u8; 32],
        tag: &[u8; 32],
    ) {
        if !keys::same(expected, tag) {
            self.session.wrong_code();
            return;
        }
        self.tag_is_at_risk = false;
        let session_key = keys::session_of_code(shared, &self.session.transcript.digest());
        self.introduce(now, pair_key, session_key, None);
    }

    fn knocked(
        &mut self,
        now: Duration,
        pair_key: Secret,
        identity: [u8; 32],
        tag: &[u8; 32],
    ) -> Result<(), PairingError> {
        if !keys::same(&keys::knock_tag(Role::Listener, &pair_key, &self.session.binding), tag) {
            return Err(PairingError::NotRemembered);
        }
        let session_key = keys::session_of_knock(&pair_key, &self.session.transcript.digest());
        self.introduce(now, pair_key, session_key, Some(identity));
        Ok(())
    }

    /// Shows this side's identity, only now that the listener has proved itself.
    fn introduce(
        &mut self,
        now: Duration,
        pair_key: Secret,
        session_key: Secret,
        expected: Option<[u8; 32]>,
    ) {
        self.session.send_identity();
        self.session.wait(now, self.session.waits.message, "IDENTITY");
        self.state = State::Identity { pair_key, session_key, expected };
    }
}
