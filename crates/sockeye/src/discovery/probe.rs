//! Draws a free nameplate.

use sockeye_proto::discovery::{BEACON_PORT, Nameplate, Probe};

use super::{
    node::{Node, NodeConfig, Woken},
    random,
};

/// Draws a nameplate that nobody near uses, on these interfaces (empty means all). Takes 20 ms, longer if numbers are
/// taken, 0.2 s at most. Where nobody can be asked it is any number.
pub async fn free_nameplate(interfaces: &[String]) -> u16 {
    free_nameplate_at(interfaces.to_vec(), None, BEACON_PORT).await.get()
}

/// As [`free_nameplate`], with all that can be set.
pub(super) async fn free_nameplate_at(interfaces: Vec<String>, family: Option<u8>, port: u16) -> Nameplate {
    let mut probe = Probe::new(random);
    let mut node = match Node::open(NodeConfig::new(interfaces, family, port, true)) {
        Ok(node) => node,
        Err(error) => {
            tracing::debug!(%error, "nobody can be asked whether a nameplate is free");
            return probe.number();
        }
    };
    loop {
        probe.handle_timeout(node.now());
        while let Some(transmit) = probe.poll_transmit() {
            node.send(&transmit);
        }
        if let Some(number) = probe.result() {
            return number;
        }
        if let Woken::Datagram { from, len, .. } = node.wait(probe.poll_timeout()).await {
            probe.handle_datagram(node.now(), from, node.datagram(len));
        }
    }
}
