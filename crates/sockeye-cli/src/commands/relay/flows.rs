//! Senders of datagrams: each is carried like a connection, with a way to the target of its own, until it has been silent for a
//! while.

use std::{collections::HashMap, rc::Rc, time::Duration};

use sockeye::socket::{Datagrams, SocketName};
use tokio::{
    sync::mpsc,
    task::spawn_local,
    time::{Instant, interval},
};

use super::{Relay, ends::Side};
use crate::{exit::Exit, output::sentence::sockets::network, trouble::Trouble};

/// Senders carried at once unless told otherwise.
const MOST_FLOWS: u32 = 1024;
/// Datagrams that wait for a slow target, for each sender; what is more is dropped, as networks do.
const WAITING: usize = 256;
/// How long a sender may be silent unless told otherwise: translators of addresses forget after as long (RFC 4787 §4.3 asks for
/// two minutes, most have less).
const IDLE: Duration = Duration::from_secs(60);

struct Flow {
    sender: mpsc::Sender<Vec<u8>>,
    active: Instant,
}

/// Carries until interrupted.
pub(super) async fn serve(relay: Rc<Relay>, socket: Datagrams) -> Result<Exit, Trouble> {
    let fail = |error: &std::io::Error| Trouble::Ended(network(error), Exit::Network);
    let mut batch = socket.batch(None).map_err(|error| fail(&error))?;
    let socket = Rc::new(socket);
    let idle = relay.args.idle.unwrap_or(IDLE);
    let mut flows: HashMap<SocketName, Flow> = HashMap::new();
    let mut tidy = interval(idle.min(Duration::from_secs(1)));
    let most = relay.args.max_clients.unwrap_or(MOST_FLOWS);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    // Whether it was told that no more are carried.
    let mut told = false;
    let mut next = 1;
    loop {
        tokio::select! {
            received = socket.receive(&mut batch) => {
                if let Err(error) = received {
                    // An answer of the network to something sent to a caller that has gone.
                    relay.tell.note(&format!("sockeye: {}", network(&error)));
                    continue;
                }
                for datagram in batch.iter() {
                    let known = flows.contains_key(datagram.from);
                    if !known && flows.len() >= most {
                        if !std::mem::replace(&mut told, true) {
                            let sentence = format!(
                                "{} is not carried: {most} senders are, and no more are allowed; allow more with --max-clients",
                                datagram.from
                            );
                            // Standard output that is broken ends the program elsewhere.
                            let _ = relay.tell.failed(next, &sentence);
                            next += 1;
                        }
                        continue;
                    }
                    let flow = flows.entry(datagram.from.clone()).or_insert_with(|| {
                        let (sender, arriving) = mpsc::channel(WAITING);
                        let near = Side::flow(arriving, Rc::clone(&socket), datagram.from.clone());
                        spawn_local(Rc::clone(&relay).flow(near, next, datagram.from.to_string()));
                        next += 1;
                        Flow { sender, active: Instant::now() }
                    });
                    flow.active = Instant::now();
                    // Full: the target is slower than the sender.
                    let _ = flow.sender.try_send(datagram.bytes.to_vec());
                }
            }
            _ = tidy.tick() => {
                flows.retain(|_, flow| flow.active.elapsed() < idle && !flow.sender.is_closed());
                told &= flows.len() >= most;
            }
            failure = relay.watch.failed() => return Err(failure),
        }
    }
}

impl Relay {
    async fn flow(self: Rc<Self>, near: Side, id: u64, from: String) {
        self.tell.note(&format!("connection {id} from {from}"));
        // Standard output that is broken ends the program elsewhere.
        let _ = self.join(near, id, true).await;
    }
}
