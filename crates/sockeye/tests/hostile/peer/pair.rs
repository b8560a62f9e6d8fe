//! Pairing as a dialer or a listener, with a hook that sees every frame and may change it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use sockeye_proto::pairing::{
    Binding, Code, Dialer, Listener, Paired, PairingConfig, PairingEvent, Reason, knock,
};
use zeroize::Zeroizing;

use super::{CONTROL, Channel, Control, Hostile};

/// Who met the victim.
pub struct Met {
    pub control: Control,
    pub paired: Paired,
    pub exporter: [u8; 32],
    pub address: SocketAddr,
}

/// Why there was no pairing.
#[derive(Debug, PartialEq, Eq)]
pub enum Failed {
    /// The victim said so.
    Refused(Reason),
    /// The hostile peer found that the victim does not know the code.
    WrongCode,
    /// The connection ended without a word.
    Gone,
    /// The hostile peer's own machine gave up.
    Machine(String),
}

/// What is done to the frames this side sends: nothing, something else, or several.
pub type Hook<'a> = &'a mut (dyn FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send);

/// Lets frames through as they are.
pub fn honest(frame: Vec<u8>) -> Vec<Vec<u8>> {
    vec![frame]
}

impl Hostile {
    /// Dials and proves the code.
    pub async fn dial(&self, address: SocketAddr, code: &Code) -> Result<Met, Failed> {
        let channel = self.keys.dial(address, CONTROL).await.map_err(|_| Failed::Gone)?;
        self.pair_over(channel, Proof::Code(code), &mut honest).await
    }

    /// Dials and knocks.
    pub async fn knock(
        &self,
        address: SocketAddr,
        pair_key: &[u8; 32],
        victim: [u8; 32],
    ) -> Result<Met, Failed> {
        let channel = self.keys.dial(address, CONTROL).await.map_err(|_| Failed::Gone)?;
        self.pair_over(channel, Proof::Knock(pair_key, victim), &mut honest).await
    }

    /// The dialling machine over a channel that stands.
    pub async fn pair_over(&self, channel: Channel, proof: Proof<'_>, hook: Hook<'_>) -> Result<Met, Failed> {
        let binding = Binding {
            exporter: channel.exporter,
            dialer_key: self.keys.public.clone(),
            listener_key: channel.peer_key.clone(),
        };
        let (config, crypto) = (PairingConfig::default().name(self.name.clone()), self.machine.clone());
        let mut machine = match proof {
            Proof::Code(code) => Dialer::with_code(&config, crypto, binding, code.clone()),
            Proof::Knock(key, identity) => {
                Dialer::with_pair_key(&config, crypto, binding, Zeroizing::new(*key), identity)
            }
        };
        let (exporter, address) = (channel.exporter, channel.address);
        let mut control = Control::new(channel.stream);
        loop {
            while let Some(frame) = machine.poll_frame() {
                for frame in hook(frame) {
                    control.send(&frame).await.map_err(|_| Failed::Gone)?;
                }
            }
            while let Some(event) = machine.poll_event() {
                match event {
                    PairingEvent::Paired(paired) => {
                        return Ok(Met { control, paired, exporter, address });
                    }
                    PairingEvent::Refused(refusal) => return Err(Failed::Refused(refusal.reason)),
                    PairingEvent::WrongCode => return Err(Failed::WrongCode),
                    _ => {}
                }
            }
            let Some(frame) = control.receive().await else { return Err(Failed::Gone) };
            machine
                .handle_frame(Duration::ZERO, &frame)
                .map_err(|error| Failed::Machine(error.to_string()))?;
        }
    }

    /// The listening machine over a channel that stands. Knocks are answered with `known`, if it fits.
    pub async fn answer_over(
        &self,
        channel: Channel,
        code: &Code,
        known: Option<(&[u8; 32], [u8; 32])>,
        hook: Hook<'_>,
    ) -> Result<Met, Failed> {
        let binding = Binding {
            exporter: channel.exporter,
            dialer_key: channel.peer_key.clone(),
            listener_key: self.keys.public.clone(),
        };
        let config = PairingConfig::default().name(self.name.clone());
        let mut machine = Listener::new(&config, self.machine.clone(), binding.clone());
        let (exporter, address) = (channel.exporter, channel.address);
        let mut control = Control::new(channel.stream);
        let began = Instant::now();
        loop {
            while let Some(event) = machine.poll_event() {
                match event {
                    PairingEvent::CodeAttempt { nameplate } if nameplate == code.nameplate() => {
                        machine
                            .grant(began.elapsed(), code)
                            .map_err(|error| Failed::Machine(error.to_string()))?;
                    }
                    PairingEvent::CodeAttempt { .. } => machine.refuse(Reason::WrongCode),
                    PairingEvent::Knock { tag } => match known {
                        Some((key, identity)) if knock::matches(key, &binding, &tag) => {
                            machine.accept_knock(began.elapsed(), Zeroizing::new(*key), identity).unwrap();
                        }
                        _ => machine.refuse(Reason::NotRemembered),
                    },
                    PairingEvent::Identified { .. } => machine.admit().unwrap(),
                    PairingEvent::Paired(paired) => {
                        send_all(&mut control, &mut || machine.poll_frame(), hook).await?;
                        return Ok(Met { control, paired, exporter, address });
                    }
                    PairingEvent::Refused(refusal) => return Err(Failed::Refused(refusal.reason)),
                    PairingEvent::WrongCode => {
                        send_all(&mut control, &mut || machine.poll_frame(), hook).await?;
                        return Err(Failed::WrongCode);
                    }
                    _ => {}
                }
            }
            send_all(&mut control, &mut || machine.poll_frame(), hook).await?;
            if machine.is_closed() {
                return Err(Failed::Gone);
            }
            let Some(frame) = control.receive().await else { return Err(Failed::Gone) };
            machine
                .handle_frame(began.elapsed(), &frame)
                .map_err(|error| Failed::Machine(error.to_string()))?;
        }
    }
}

async fn send_all(
    control: &mut Control,
    next: &mut (dyn FnMut() -> Option<Vec<u8>> + Send),
    hook: Hook<'_>,
) -> Result<(), Failed> {
    while let Some(frame) = next() {
        for frame in hook(frame) {
            control.send(&frame).await.map_err(|_| Failed::Gone)?;
        }
    }
    Ok(())
}

/// How the dialer proves itself.
pub enum Proof<'a> {
    Code(&'a Code),
    Knock(&'a [u8; 32], [u8; 32]),
}
