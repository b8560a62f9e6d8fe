//! Tells everybody that there is a listener here.

use sockeye_proto::discovery::{Announcer, AnnouncerConfig, Nameplate, PairKey, RunId};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    AnnounceConfig, DiscoveryError,
    config::pair_keys,
    node::{Node, NodeConfig, Woken},
    random,
};

/// An announcement that goes on until it is dropped, and then says goodbye.
#[derive(Debug)]
pub struct Announcement {
    told: watch::Sender<Told>,
    task: JoinHandle<()>,
}

/// What can change while it is announced.
#[derive(Clone, Debug)]
struct Told {
    nameplate: Option<Nameplate>,
    keys: Vec<PairKey>,
}

impl Announcement {
    /// Begins to announce. Must be called in a tokio runtime.
    ///
    /// Errors: nothing to announce with, no interface, or no socket at all.
    pub fn start(config: AnnounceConfig) -> Result<Self, DiscoveryError> {
        let told = Told { nameplate: nameplate(config.nameplate)?, keys: pair_keys(config.pair_keys) };
        let run = RunId(config.run.unwrap_or_else(|| {
            let mut run = [0; 16];
            random(&mut run);
            run
        }));
        let announcer = AnnouncerConfig::new(run, config.port)?
            .nameplate(told.nameplate)
            .sends(config.sends)
            .name(config.name)?
            .pair_keys(told.keys.clone());
        let node = Node::open(NodeConfig::new(config.interfaces, config.family, config.beacon_port, false))?;
        let machine = Announcer::new(announcer, random as fn(&mut [u8]));
        let (told, changes) = watch::channel(told);
        let task = tokio::spawn(Running { node, machine }.run(changes));
        Ok(Self { told, task })
    }

    /// Announces another nameplate from now on, or none.
    pub fn set_nameplate(&self, number: Option<u16>) -> Result<(), DiscoveryError> {
        let nameplate = nameplate(number)?;
        self.told.send_modify(|told| told.nameplate = nameplate);
        Ok(())
    }

    /// Lets these remembered peers recognise this machine from now on, and no others.
    pub fn set_pair_keys(&self, keys: Vec<[u8; 32]>) {
        let keys = pair_keys(keys);
        self.told.send_modify(|told| told.keys = keys);
    }

    /// Says goodbye and returns when it has been said. Dropping does the same without waiting.
    pub async fn leave(mut self) {
        self.task.abort();
        // The only error is that it was aborted.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn nameplate(number: Option<u16>) -> Result<Option<Nameplate>, DiscoveryError> {
    Ok(number.map(Nameplate::new).transpose()?)
}

/// The task. It says goodbye however it ends: aborted, or with its whole runtime.
struct Running {
    node: Node,
    machine: Announcer<fn(&mut [u8])>,
}

impl Running {
    async fn run(mut self, mut changes: watch::Receiver<Told>) {
        loop {
            self.machine.handle_timeout(self.node.now());
            self.transmit();
            tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let Told { nameplate, keys } = changes.borrow_and_update().clone();
                    self.machine.set_nameplate(self.node.now(), nameplate);
                    self.machine.set_pair_keys(self.node.now(), keys);
                }
                woken = self.node.wait(self.machine.poll_timeout()) => match woken {
                    Woken::Deadline => {}
                    Woken::NewSockets => self.machine.announce_again(self.node.now()),
                    Woken::Datagram { via, from, len } => {
                        self.machine.handle_datagram(self.node.now(), via, from, self.node.datagram(len));
                    }
                },
            }
        }
    }

    fn transmit(&mut self) {
        while let Some(transmit) = self.machine.poll_transmit() {
            self.node.send(&transmit);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.machine.goodbye();
        self.transmit();
    }
}
