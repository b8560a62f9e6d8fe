//! Two machines at the ends of a channel that the test can look into and change.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use zeroize::Zeroizing;

use crate::pairing::{
    Binding, Code, Dialer, Listener, Paired, PairingConfig, PairingError, PairingEvent, Reason, Refusal,
    Role, fuzz::Toy,
};

pub(super) const NOW: Duration = Duration::from_millis(5);

pub(super) fn code() -> Code {
    "4821-tulip-harbor".parse().unwrap()
}

/// A channel; another one for each number.
pub(super) fn channel(number: u8) -> Binding {
    Binding {
        exporter: [number; 32],
        dialer_key: vec![number ^ 0x40; 44],
        listener_key: vec![number ^ 0x80; 44],
    }
}

pub(super) fn dialer() -> Dialer<Toy> {
    Dialer::with_code(&PairingConfig::default(), Toy::new(1), channel(1), code())
}

pub(super) fn knocker(pair_key: [u8; 32], expected: [u8; 32]) -> Dialer<Toy> {
    Dialer::with_pair_key(
        &PairingConfig::default(),
        Toy::new(1),
        channel(1),
        Zeroizing::new(pair_key),
        expected,
    )
}

pub(super) fn listener() -> Listener<Toy> {
    Listener::new(&PairingConfig::default(), Toy::new(2), channel(1))
}

/// What the listener's driver does when asked.
pub(super) struct Driver {
    /// `None`: refuses as busy.
    pub(super) code: Option<Code>,
    /// Pair keys and the identities they belong to.
    pub(super) known: Vec<([u8; 32], [u8; 32])>,
    /// Whether it admits whoever knows the code.
    pub(super) admits: bool,
}

impl Default for Driver {
    fn default() -> Self {
        Self { code: Some(code()), known: Vec::new(), admits: true }
    }
}

impl Driver {
    pub(super) fn decide(&self, listener: &mut Listener<Toy>, event: &PairingEvent) {
        match event {
            PairingEvent::CodeAttempt { nameplate } => match &self.code {
                Some(code) if code.nameplate() == *nameplate => listener.grant(NOW, code).unwrap(),
                Some(_) => listener.refuse(Reason::WrongCode),
                None => listener.refuse(Refusal::new(Reason::Busy, "later")),
            },
            PairingEvent::Knock { tag } => {
                let found =
                    self.known.iter().find(|(key, _)| crate::pairing::knock::matches(key, &channel(1), tag));
                match found {
                    Some((key, identity)) => {
                        listener.accept_knock(NOW, Zeroizing::new(*key), *identity).unwrap();
                    }
                    None => listener.refuse(Reason::NotRemembered),
                }
            }
            PairingEvent::Identified { .. } if self.admits => listener.admit().unwrap(),
            PairingEvent::Identified { .. } => listener.refuse(Reason::CodeUsed),
            _ => {}
        }
    }
}

/// What came of an exchange at one end.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) events: Vec<PairingEvent>,
    pub(super) error: Option<PairingError>,
}

impl Outcome {
    pub(super) fn paired(&self) -> Option<&Paired> {
        self.events.iter().find_map(|event| match event {
            PairingEvent::Paired(paired) => Some(paired),
            _ => None,
        })
    }

    pub(super) fn refused(&self) -> Option<Reason> {
        self.events.iter().find_map(|event| match event {
            PairingEvent::Refused(refusal) => Some(refusal.reason),
            _ => None,
        })
    }

    pub(super) fn wrong_code(&self) -> bool {
        self.events.iter().any(|event| matches!(event, PairingEvent::WrongCode))
    }
}

/// Runs the exchange to its end. `wire` sees each frame with who sent it, and says what arrives.
pub(super) fn run(
    dialer: &mut Dialer<Toy>,
    listener: &mut Listener<Toy>,
    driver: &Driver,
    mut wire: impl FnMut(Role, Vec<u8>) -> Vec<Vec<u8>>,
) -> (Outcome, Outcome) {
    let (mut at_dialer, mut at_listener) = (Outcome::default(), Outcome::default());
    loop {
        let mut idle = true;
        while let Some(frame) = dialer.poll_frame() {
            idle = false;
            for frame in wire(Role::Dialer, frame) {
                if !listener.is_closed()
                    && let Err(error) = listener.handle_frame(NOW, &frame)
                {
                    at_listener.error.get_or_insert(error);
                }
            }
        }
        while let Some(event) = listener.poll_event() {
            driver.decide(listener, &event);
            at_listener.events.push(event);
        }
        while let Some(frame) = listener.poll_frame() {
            idle = false;
            for frame in wire(Role::Listener, frame) {
                if !dialer.is_closed()
                    && let Err(error) = dialer.handle_frame(NOW, &frame)
                {
                    at_dialer.error.get_or_insert(error);
                }
            }
        }
        at_dialer.events.extend(core::iter::from_fn(|| dialer.poll_event()));
        if idle {
            return (at_dialer, at_listener);
        }
    }
}

/// Runs the exchange undisturbed.
pub(super) fn plain(
    dialer: &mut Dialer<Toy>,
    listener: &mut Listener<Toy>,
    driver: &Driver,
) -> (Outcome, Outcome) {
    run(dialer, listener, driver, |_, frame| vec![frame])
}
