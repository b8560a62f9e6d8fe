//! The end that accepted: it answers, counts guesses, and decides.

use alloc::vec::Vec;
use core::{mem, time::Duration};

use zeroize::Zeroizing;

use crate::{
    Deadline,
    hello::{Hello, Intent},
};

use super::{
    Crypto,
    code::Code,
    config::{Binding, PairingConfig, Role},
    error::PairingError,
    event::{PairingEvent, Refusal},
    keys::{self, Secret},
    session::Session,
    wire::Message,
};

/// Pairs from the accepting end of a channel. Driven as [`Dialer`](super::Dialer) is; besides, it asks its driver:
///
/// | event | the driver answers with |
/// |---|---|
/// | [`CodeAttempt`](PairingEvent::CodeAttempt) | [`grant`](Self::grant), once it has a [`Ticket`](super::Ticket), or [`refuse`](Self::refuse) |
/// | [`Knock`](PairingEvent::Knock) | [`accept_knock`](Self::accept_knock) or [`refuse`](Self::refuse) |
/// | [`Identified`](PairingEvent::Identified) | [`admit`](Self::admit) or [`refuse`](Self::refuse) |
///
/// An answer that comes when the exchange is over (the dialer gave up meanwhile) does nothing, and is not an error.
///
/// The ticket ends with the exchange: spent on [`WrongCode`](PairingEvent::WrongCode), a success on
/// [`Identified`](PairingEvent::Identified), given back on everything else, the loss of the connection included.
pub struct Listener<C> {
    session: Session<C>,
    config: PairingConfig,
    state: State,
}

/// What comes next, from the dialer or from the driver.
enum State {
    Hello,
    Attempt,
    Grant { nameplate: u16, theirs: Vec<u8> },
    Confirm { shared: Secret, pair_key: Secret, expected: [u8; 32], said: [u8; 32] },
    Knock,
    AcceptKnock { tag: [u8; 32] },
    Identity { pair_key: Secret, session_key: Secret, expected: Option<[u8; 32]> },
    Admit { identity: [u8; 32], pair_key: Secret, session_key: Secret },
    Over,
}

impl<C: Crypto> Listener<C> {
    /// Waits for a dialer's first message.
    pub fn new(config: &PairingConfig, crypto: C, binding: Binding) -> Self {
        let mut session = Session::new(Role::Listener, config, crypto, binding);
        session.wait(Duration::ZERO, session.waits.message, "HELLO");
        Self { session, config: config.clone(), state: State::Hello }
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

    /// The next thing to tell or to ask.
    pub fn poll_event(&mut self) -> Option<PairingEvent> {
        self.session.poll_event()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout). `None` while the driver has to decide.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.session.deadline()
    }

    /// Whether nothing more will come or go, once frames and events are drained.
    pub fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    /// Answers a [`PairingEvent::CodeAttempt`]: the dialer may try this code. From here on it has
    /// [`TAG_TIMEOUT`](super::TAG_TIMEOUT) to send its tag.
    pub fn grant(&mut self, now: Duration, code: &Code) -> Result<(), PairingError> {
        let (theirs, nameplate) = match mem::replace(&mut self.state, State::Over) {
            State::Grant { theirs, nameplate } => (theirs, nameplate),
            other => return self.misused(other, "no attempt waits for a grant"),
        };
        if nameplate != code.nameplate() {
            return self.misused(State::Grant { nameplate, theirs }, "the attempt is for another nameplate");
        }
        let result = self.answer(now, code, &theirs).map_err(|error| self.session.fail(error));
        self.forget_if_over();
        result
    }

    /// Answers a [`PairingEvent::Knock`]: the tag matched this pair key, which belongs to this identity.
    pub fn accept_knock(
        &mut self,
        now: Duration,
        pair_key: Zeroizing<[u8; 32]>,
        expected_identity: [u8; 32],
    ) -> Result<(), PairingError> {
        let tag = match mem::replace(&mut self.state, State::Over) {
            State::AcceptKnock { tag } => tag,
            other => return self.misused(other, "no knock waits for an answer"),
        };
        if !super::knock::matches(&pair_key, &self.session.binding, &tag) {
            return self.misused(State::AcceptKnock { tag }, "the knock was made with another pair key");
        }
        let tag = keys::knock_tag(Role::Listener, &pair_key, &self.session.binding);
        self.session.send(&Message::Knocked { tag });
        let session_key = keys::session_of_knock(&pair_key, &self.session.transcript.digest());
        self.session.wait(now, self.session.waits.message, "IDENTITY");
        self.state = State::Identity { pair_key, session_key, expected: Some(expected_identity) };
        Ok(())
    }

    /// Answers a [`PairingEvent::Identified`]: this identity may use the code.
    pub fn admit(&mut self) -> Result<(), PairingError> {
        match mem::replace(&mut self.state, State::Over) {
            State::Admit { identity, pair_key, session_key } => {
                self.session.send_identity();
                self.session.pair(identity, pair_key, session_key);
                Ok(())
            }
            other => self.misused(other, "nobody waits to be admitted"),
        }
    }

    /// Ends the pairing and tells the dialer why.
    pub fn refuse(&mut self, refusal: impl Into<Refusal>) {
        if !self.session.is_closed() {
            self.session.refuse(refusal.into());
            self.forget_if_over();
        }
    }

    /// Whose turn it is stays as it was; only the caller is told, unless it is too late to matter.
    fn misused(&mut self, state: State, what: &'static str) -> Result<(), PairingError> {
        self.state = state;
        if self.session.is_closed() { Ok(()) } else { Err(PairingError::Misuse(what)) }
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
            (State::Hello, Message::Hello(theirs)) => self.greet(now, theirs),
            (State::Attempt, Message::Attempt { nameplate, pake }) => {
                self.session.wait_for_driver();
                self.session.tell(PairingEvent::CodeAttempt { nameplate });
                self.state = State::Grant { nameplate, theirs: pake };
                Ok(())
            }
            (State::Knock, Message::Knock { tag }) => {
                self.session.wait_for_driver();
                self.session.tell(PairingEvent::Knock { tag });
                self.state = State::AcceptKnock { tag };
                Ok(())
            }
            (State::Confirm { shared, pair_key, expected, said }, Message::Confirm { tag }) => {
                self.confirm(now, &shared, pair_key, &expected, &said, &tag);
                Ok(())
            }
            (State::Identity { pair_key, session_key, expected }, Message::Identity { key, signature }) => {
                self.session.check_identity(&said, &key, &signature)?;
                self.identified(key, pair_key, session_key, expected)
            }
            (_, unexpected) => Err(PairingError::Misbehaved(unexpected.name())),
        }
    }

    fn greet(&mut self, now: Duration, theirs: Hello) -> Result<(), PairingError> {
        let hello = self.config.hello(theirs.intent);
        // Sent even if the two do not fit, so that the dialer can say what does not.
        self.session.send(&Message::Hello(hello.clone()));
        let intent = theirs.intent;
        self.session.greet(&hello, theirs)?;
        let (state, reason) = match intent {
            Intent::Knock => (State::Knock, "KNOCK"),
            _ => (State::Attempt, "ATTEMPT"),
        };
        self.session.wait(now, self.session.waits.message, reason);
        self.state = state;
        Ok(())
    }

    fn answer(&mut self, now: Duration, code: &Code, theirs: &[u8]) -> Result<(), PairingError> {
        let (dialer, listener) = super::pake_identities(&self.session.binding);
        let password = keys::password(code);
        let (pake, ours) = self.session.crypto.pake_start(Role::Listener, &password, &dialer, &listener);
        let shared = pake.finish(theirs).map_err(|_| PairingError::Misbehaved("PAKE message"))?;
        self.session.send(&Message::Answer { pake: ours });
        let said = self.session.transcript.digest();
        let expected = keys::confirm_tag(Role::Dialer, &shared, &said);
        let pair_key = keys::pair_key(&shared, &said);
        self.session.wait(now, self.session.waits.tag, "CONFIRM");
        self.state = State::Confirm { shared, pair_key, expected, said };
        Ok(())
    }

    fn confirm(
        &mut self,
        now: Duration,
        shared: &Secret,
        pair_key: Secret,
        expected: &[u8; 32],
        said: &[u8; 32],
        tag: &[u8; 32],
    ) {
        if !keys::same(expected, tag) {
            self.session.wrong_code();
            return;
        }
        self.session.send(&Message::Confirm { tag: keys::confirm_tag(Role::Listener, shared, said) });
        let session_key = keys::session_of_code(shared, &self.session.transcript.digest());
        self.session.wait(now, self.session.waits.message, "IDENTITY");
        self.state = State::Identity { pair_key, session_key, expected: None };
    }

    fn identified(
        &mut self,
        identity: [u8; 32],
        pair_key: Secret,
        session_key: Secret,
        expected: Option<[u8; 32]>,
    ) -> Result<(), PairingError> {
        match expected {
            None => {
                self.session.wait_for_driver();
                self.session.tell(PairingEvent::Identified { identity });
                self.state = State::Admit { identity, pair_key, session_key };
                Ok(())
            }
            Some(expected) if expected == identity => {
                self.session.send_identity();
                self.session.pair(identity, pair_key, session_key);
                Ok(())
            }
            Some(_) => Err(PairingError::NotRemembered),
        }
    }
}
