//! Beacons of somebody who says to be somewhere: true ones, and what was recorded from others.

use std::time::Duration;

use sockeye_net::{BeaconConfig, BeaconSockets, Family, send_now};
use sockeye_proto::discovery::{
    Announcer, AnnouncerConfig, BEACON_PORT, GROUP_V4, GROUP_V6, Nameplate, PairKey, RunId,
};
use tokio::{task::JoinHandle, time::sleep};

/// The interface that nothing leaves.
pub const LOOPBACK: &str = "lo";

/// Goes on until it is dropped.
pub struct Beacon {
    task: JoinHandle<()>,
}

impl Drop for Beacon {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Beacon {
    /// Says that this number is at this port of this machine.
    pub fn of_number(number: u16, port: u16, run: u8) -> Self {
        Self::start(config(port, run).nameplate(Some(Nameplate::new(number).unwrap())))
    }

    /// What the remembered peer with this identity and key says of itself. It is as good to anybody who recorded it, as long
    /// as the port is the same.
    pub fn of_pair(key: &[u8; 32], identity: &[u8; 32], port: u16) -> Self {
        let mut hint_key = blake3::Hasher::new_keyed(key);
        hint_key.update(b"sockeye discovery 1 hint key").update(identity);
        let hint_key = PairKey::new(hint_key.finalize().into());
        Self::start(config(port, 1).pair_keys(vec![hint_key]))
    }

    fn start(config: AnnouncerConfig) -> Self {
        let mut random = |out: &mut [u8]| aws_lc_rs::rand::fill(out).unwrap();
        let mut machine = Announcer::new(config, &mut random as &mut dyn FnMut(&mut [u8]));
        machine.handle_timeout(Duration::ZERO);
        let beacon = machine.poll_transmit().expect("the first beacon").bytes;
        let config = BeaconConfig {
            port: BEACON_PORT,
            group_v4: GROUP_V4,
            group_v6: GROUP_V6,
            interfaces: vec![LOOPBACK.to_owned()],
            family: Some(Family::V4),
            ask: false,
        };
        let sockets = BeaconSockets::new(config).refresh().unwrap().opened;
        let task = tokio::spawn(async move {
            loop {
                for socket in &sockets {
                    for destination in &socket.destinations {
                        send_now(&socket.socket, &beacon, *destination).unwrap();
                    }
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        Self { task }
    }
}

fn config(port: u16, run: u8) -> AnnouncerConfig {
    AnnouncerConfig::new(RunId([run; 16]), port).unwrap()
}
