//! Senders of datagrams: each is carried like a connection, with a way to the target of its own, until it has been silent for a
//! while.

use std::{collections::HashMap, rc::Rc, time::Duration};

use sockeye::{
    datagram::Datagram,
    socket::{Datagrams, Facts, SocketName},
};
use tokio::{
    sync::mpsc,
    task::spawn_local,
    time::{Instant, interval},
};

use super::{Relay, ends::Side};
use crate::{
    exit::Exit,
    output::{sentence::sockets::network, stdout::Broken},
    trouble::Trouble,
};

/// Senders carried at once unless told otherwise.
const MOST_FLOWS: u32 = 1024;
/// Datagrams that wait for a slow target, for each sender; what is more is dropped, as networks do.
const WAITING: usize = 256;
/// How long a sender may be silent unless told otherwise: translators of addresses forget after as long (RFC 4787 §4.3 asks for
/// two minutes, most have less).
const IDLE: Duration = Duration::from_secs(60);

struct Flow {
    id: u64,
    sender: mpsc::Sender<Vec<u8>>,
    active: Instant,
    /// Datagrams that found no room, and how many of them were told.
    dropped: (u64, u64),
}

/// Everybody who sends.
struct Flows {
    relay: Rc<Relay>,
    socket: Rc<Datagrams>,
    known: HashMap<SocketName, Flow>,
    most: usize,
    /// Whether it was told that no more are carried.
    told: bool,
    next: u64,
}

/// Carries until interrupted.
pub(super) async fn serve(relay: Rc<Relay>, socket: Datagrams) -> Result<Exit, Trouble> {
    let fail = |error: &std::io::Error| Trouble::Ended(network(error), Exit::Network);
    let mut batch = socket.batch(None).map_err(|error| fail(&error))?;
    let idle = relay.args.idle.unwrap_or(IDLE);
    let mut tidy = interval(idle.min(Duration::from_secs(1)));
    let most = relay.args.max_clients.unwrap_or(MOST_FLOWS);
    let mut all = Flows {
        relay: Rc::clone(&relay),
        socket: Rc::new(socket),
        known: HashMap::new(),
        most: usize::try_from(most).unwrap_or(usize::MAX),
        told: false,
        next: 1,
    };
    loop {
        // Standard output that is broken ends the program elsewhere.
        let _ = tokio::select! {
            received = all.socket.receive(&mut batch) => match received {
                Ok(_) => batch.iter().try_for_each(|datagram| all.take(&datagram)),
                Err(error) => {
                    // An answer of the network to something sent to a caller that has gone.
                    relay.tell.note(&format!("sockeye: {}", network(&error)));
                    Ok(())
                }
            },
            _ = tidy.tick() => all.tidy(idle),
            failure = relay.watch.failed() => return Err(failure),
        };
    }
}

impl Flows {
    fn take(&mut self, datagram: &Datagram<'_>) -> Result<(), Broken> {
        // One whose target has refused begins anew: somebody may listen there by now.
        let ended = self.known.get(datagram.from).is_some_and(|flow| flow.sender.is_closed());
        if ended {
            self.known.remove(datagram.from);
        }
        if !self.known.contains_key(datagram.from) {
            if self.known.len() >= self.most {
                return self.refuse(datagram.from);
            }
            let flow = self.begin(datagram.from);
            self.known.insert(datagram.from.clone(), flow);
        }
        if let Some(flow) = self.known.get_mut(datagram.from) {
            flow.active = Instant::now();
            if flow.sender.try_send(datagram.bytes.to_vec()).is_err() {
                flow.dropped.0 += 1;
            }
        }
        Ok(())
    }

    fn begin(&mut self, from: &SocketName) -> Flow {
        let (sender, arriving) = mpsc::channel(WAITING);
        let near = Side::flow(arriving, Rc::clone(&self.socket), from.clone());
        let facts = Facts { peer: from.clone(), ..self.socket.facts().clone() };
        let id = self.next;
        self.next += 1;
        spawn_local(Rc::clone(&self.relay).flow(near, id, facts));
        Flow { id, sender, active: Instant::now(), dropped: (0, 0) }
    }

    /// Says, once until there is room, that no more are carried.
    fn refuse(&mut self, from: &SocketName) -> Result<(), Broken> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(());
        }
        let sentence = format!(
            "{from} is not carried: {} senders are, and no more are allowed; allow more with --max-clients",
            self.most
        );
        self.next += 1;
        self.relay.tell.failed(self.next - 1, &sentence)
    }

    /// Forgets who is silent, and tells what was dropped.
    fn tidy(&mut self, idle: Duration) -> Result<(), Broken> {
        for flow in self.known.values_mut().filter(|flow| flow.dropped.0 > flow.dropped.1) {
            self.relay.tell.dropped_on_the_way(flow.id, flow.dropped.0 - flow.dropped.1, flow.dropped.0)?;
            flow.dropped.1 = flow.dropped.0;
        }
        self.known.retain(|_, flow| flow.active.elapsed() < idle && !flow.sender.is_closed());
        self.told &= self.known.len() >= self.most;
        Ok(())
    }
}

impl Relay {
    async fn flow(self: Rc<Self>, near: Side, id: u64, facts: Facts) {
        // Standard output that is broken ends the program elsewhere.
        if self.tell.carried(id, &facts).is_ok() {
            let _ = self.join(near, id, true).await;
        }
    }
}
