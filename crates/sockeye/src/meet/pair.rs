//! Drives the pairing machines over a control connection.

use std::{io, time::Instant};

use sockeye_proto::{
    Deadline,
    pairing::{Dialer, Paired, PairingError, PairingEvent, TagBudget},
};
use tokio::time::{sleep_until, timeout};

use crate::{
    AuthenticationFailure, Error,
    crypto::PairingCrypto,
    transfer::{lost, refused},
    wire::control::Control,
};

/// What both pairing machines have in common for their driver.
pub(super) trait Machine {
    fn handle_frame(&mut self, now: std::time::Duration, payload: &[u8]) -> Result<(), PairingError>;
    fn handle_timeout(&mut self, now: std::time::Duration);
    fn poll_frame(&mut self) -> Option<Vec<u8>>;
    fn poll_timeout(&self) -> Option<Deadline>;
}

macro_rules! machine {
    ($name:path) => {
        impl Machine for $name {
            fn handle_frame(&mut self, now: std::time::Duration, payload: &[u8]) -> Result<(), PairingError> {
                self.handle_frame(now, payload)
            }

            fn handle_timeout(&mut self, now: std::time::Duration) {
                self.handle_timeout(now);
            }

            fn poll_frame(&mut self) -> Option<Vec<u8>> {
                self.poll_frame()
            }

            fn poll_timeout(&self) -> Option<Deadline> {
                self.poll_timeout()
            }
        }
    };
}

machine!(Dialer<PairingCrypto>);
machine!(sockeye_proto::pairing::Listener<PairingCrypto>);

/// Sends everything the machine has to say.
pub(super) async fn send_all(control: &mut Control, machine: &mut impl Machine) -> io::Result<()> {
    while let Some(frame) = machine.poll_frame() {
        control.send(&frame).await?;
    }
    Ok(())
}

/// Waits for the next frame or the machine's deadline, and lets the machine deal with it. False at the end of the
/// connection.
pub(super) async fn turn(
    control: &mut Control,
    machine: &mut impl Machine,
    began: Instant,
) -> Result<bool, Error> {
    let frame = match machine.poll_timeout() {
        Some(deadline) => {
            let at = tokio::time::Instant::from_std(began + deadline.at);
            tokio::select! {
                frame = control.receive() => Some(frame),
                () = sleep_until(at) => None,
            }
        }
        None => Some(control.receive().await),
    };
    match frame {
        None => machine.handle_timeout(began.elapsed()),
        Some(Ok(Some(frame))) => {
            if let Err(error) = machine.handle_frame(began.elapsed(), &frame) {
                // The machine has a farewell ready that says what was wrong.
                let _ = send_all(control, machine).await;
                return Err(pairing_error(&error));
            }
        }
        Some(Ok(None)) => return Ok(false),
        Some(Err(source)) => return Err(lost(source)),
    }
    Ok(true)
}

/// Runs the dialling machine to its end.
pub(super) async fn dial(
    control: &mut Control,
    mut machine: Dialer<PairingCrypto>,
    tags: Option<&mut TagBudget>,
) -> Result<Paired, Error> {
    let result = dial_to_end(control, &mut machine).await;
    if let Some(tags) = tags.filter(|_| !machine.tag_is_at_risk()) {
        tags.give_back();
    }
    result
}

async fn dial_to_end(control: &mut Control, machine: &mut Dialer<PairingCrypto>) -> Result<Paired, Error> {
    let began = Instant::now();
    loop {
        send_all(control, machine).await.map_err(lost)?;
        while let Some(event) = machine.poll_event() {
            match event {
                PairingEvent::Paired(paired) => return Ok(paired),
                PairingEvent::WrongCode => {
                    return Err(Error::Authentication(AuthenticationFailure::WrongCode));
                }
                PairingEvent::Refused(refusal) => return Err(refused(&refusal)),
                PairingEvent::TimedOut { waiting_for } => return Err(Error::TimedOut { doing: waiting_for }),
                _ => {}
            }
        }
        if !turn(control, machine, began).await? {
            return Err(lost(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// By whose fault pairing failed.
pub(super) fn pairing_error(error: &PairingError) -> Error {
    match error {
        // This side's own finding: the listener is not the one that was pinned.
        PairingError::NotRemembered | PairingError::BadProof => {
            Error::Authentication(AuthenticationFailure::BadProof)
        }
        PairingError::Incompatible(what) => Error::PeerIncompatible { detail: what.to_string() },
        PairingError::Misuse(what) => Error::Internal { detail: (*what).to_owned() },
        other => Error::PeerMisbehaved { detail: other.to_string() },
    }
}

/// Lets a connection that was refused hear why before it is closed.
pub(super) async fn farewell(mut control: Control, machine: &mut impl Machine) {
    let _ = timeout(std::time::Duration::from_secs(1), send_all(&mut control, machine)).await;
    control.close().await;
}
