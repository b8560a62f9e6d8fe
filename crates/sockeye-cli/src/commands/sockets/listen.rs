//! `sockeye listen`.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use sockeye::{
    endpoint::Keepalive,
    socket::{Connection, Datagrams, Incoming, Listener},
};
use tokio::{
    sync::{
        Notify,
        mpsc::{self, error::TrySendError},
    },
    task::{JoinSet, spawn_local},
    time::{sleep, timeout},
};

use super::{
    connect::outcome,
    datagrams, plan,
    plan::{Plan, Role, after},
    pump, run_here,
    session::{self, Input, Presence, Supply},
};
use crate::{
    args::ListenArgs,
    exit::Exit,
    output::{sentence, stdout::Broken},
    trouble::Trouble,
};

/// Callers served at once unless told otherwise.
const MOST_CLIENTS: u32 = 10_240;
/// Messages of standard input that may wait for a caller.
const CLIENT_QUEUE: usize = 64;
/// How long a caller may leave its queue full before it is given up, for the others wait too.
const SLOW_CLIENT: Duration = Duration::from_secs(5);
/// How long to wait when the system has no room for another connection.
const FULL_DELAY: Duration = Duration::from_millis(100);
/// How often callers who say nothing are looked for when there is no place left, and how many make room at once.
const CROWDED_LOOK: Duration = Duration::from_millis(250);
const LEAVE_AT_ONCE: usize = 16;

/// Listens and carries what comes to standard output, and standard input back.
pub(in crate::commands) fn run(args: &ListenArgs) -> Result<Exit, Trouble> {
    let mut endpoint = plan::endpoint(&args.endpoint, args.port.as_deref(), &args.socket)?;
    plan::can_be_listened_on(&endpoint)?;
    plan::split_fits(&args.socket)?;
    plan::tear(&mut endpoint, args.socket.split);
    if args.keep && endpoint.scheme().is_tcp() {
        // Callers that have vanished must not fill the house: connections inherit this from their listener.
        endpoint.options_mut().keepalive.get_or_insert_with(Keepalive::default);
    }
    if args.echo && endpoint.scheme().is_datagram() && args.socket.framing_in != args.socket.framing_out {
        return Err(Trouble::Usage(
            "--echo sends a datagram back as it came; with two framings it would not be what --fout says"
                .to_owned(),
        ));
    }
    sockeye::socket::raise_descriptor_limit();
    run_here(async {
        let role = Role { keep: args.keep, echo: args.echo, message_timeout: args.message_timeout };
        let plan = Plan::new(&args.socket, endpoint.scheme(), &role);
        if endpoint.scheme().is_datagram() {
            let socket = Datagrams::bind(&endpoint).await?;
            plan.tell.listening(&[socket.facts().local.clone()], None, false).map_err(broken)?;
            if let Some(wait) = args.socket.wait {
                // The datagram stays to be received; what is wrong with the socket is told by who receives.
                let _ = timeout(wait, socket.next_sender()).await.map_err(|_| nobody_came())?;
            }
            return datagrams::serve(socket, &plan, endpoint.options().connect == Some(true)).await;
        }
        let listener = Listener::bind(&endpoint).await?;
        plan.tell
            .listening(listener.names(), listener.fingerprint(), listener.made_certificate())
            .map_err(broken)?;
        if args.keep { serve(listener, Rc::new(plan), args).await } else { one(listener, &plan, args).await }
    })
}

fn broken(_: Broken) -> Trouble {
    Trouble::Silent(Exit::LocalIo)
}

fn nobody_came() -> Trouble {
    Trouble::Ended("nobody came within -w".to_owned(), Exit::TimedOut)
}

/// The first caller, and nobody after it.
async fn one(mut listener: Listener, plan: &Plan, args: &ListenArgs) -> Result<Exit, Trouble> {
    let began = Instant::now();
    let connection = tokio::select! {
        connection = first(&mut listener) => connection?,
        () = after(args.socket.wait, began) => {
            return Err(nobody_came());
        }
    };
    drop(listener);
    plan.tell.opened(1, connection.facts(), 1).map_err(broken)?;
    if plan.is_plain(&args.socket) && connection.is_plain() {
        return pump::both_ways(connection, plan).await;
    }
    let supply = if plan.echo {
        Supply::Echo
    } else {
        let by_message = plan.framing_out.is_some() || connection.keeps_boundaries();
        Supply::Own(plan.standard_input(by_message))
    };
    let end = session::run(connection, 1, plan, supply, Presence::new()).await?;
    outcome(end, plan)
}

async fn first(listener: &mut Listener) -> Result<Connection, Trouble> {
    Ok(listener.accept().await?.finish().await?)
}

/// Everything that the connections of one listener share.
struct Service {
    plan: Rc<Plan>,
    /// Where standard input goes.
    clients: RefCell<BTreeMap<u64, Client>>,
    /// Those who are connected.
    present: RefCell<BTreeMap<u64, Rc<Presence>>>,
    input: Rc<Cell<Input>>,
    open: Cell<u32>,
    /// Told when a connection has ended, and when somebody has come who gets standard input.
    ended: Notify,
    came: Notify,
    feeds: bool,
}

/// A caller that gets standard input.
struct Client {
    queue: mpsc::Sender<Rc<[u8]>>,
    /// How long the others have waited for it since it had caught up.
    waited: Duration,
}

/// Callers without end, many at once.
async fn serve(mut listener: Listener, plan: Rc<Plan>, args: &ListenArgs) -> Result<Exit, Trouble> {
    let service = Rc::new(Service {
        plan: Rc::clone(&plan),
        clients: RefCell::default(),
        present: RefCell::default(),
        input: Rc::new(Cell::new(Input::Open)),
        open: Cell::new(0),
        ended: Notify::new(),
        came: Notify::new(),
        feeds: !plan.echo,
    });
    if service.feeds {
        spawn_local(Rc::clone(&service).feed());
    }
    let most = args.max_clients.unwrap_or(MOST_CLIENTS);
    let began = Instant::now();
    let mut waiting = args.socket.wait;
    let mut next = 1;
    // Whether it was told that the system has no room.
    let mut told = false;
    loop {
        let crowded = service.open.get() >= most;
        tokio::select! {
            accepted = listener.accept(), if !crowded => match accepted {
                Ok(incoming) => {
                    (waiting, told) = (None, false);
                    service.open.set(service.open.get() + 1);
                    spawn_local(Rc::clone(&service).client(incoming, next));
                    next += 1;
                }
                Err(error) => {
                    // Most likely there is no descriptor left. Those who wait keep waiting; ends make room.
                    if !std::mem::replace(&mut told, true) {
                        plan.tell.full(&sentence::sockets::error(&error)).map_err(broken)?;
                    }
                    service.make_room();
                    sleep(FULL_DELAY).await;
                }
            },
            () = sleep(CROWDED_LOOK), if crowded => if listener.has_waiting() { service.make_room() },
            () = service.ended.notified() => {}
            () = plan.enough.notified() => return Ok(Exit::Done),
            () = after(waiting, began) => {
                return Err(nobody_came());
            }
        }
    }
}

impl Service {
    /// One caller from its greeting to its end.
    async fn client(self: Rc<Self>, incoming: Incoming, id: u64) {
        let plan = &self.plan;
        let told = match incoming.finish().await {
            Ok(connection) => self.converse(connection, id).await,
            Err(error) => plan.tell.failed(id, &sentence::sockets::error(&error)),
        };
        self.clients.borrow_mut().remove(&id);
        self.present.borrow_mut().remove(&id);
        self.open.set(self.open.get() - 1);
        self.ended.notify_one();
        let _ = told; // standard output that is broken ends the program elsewhere
    }

    async fn converse(&self, connection: Connection, id: u64) -> Result<(), Broken> {
        let plan = &*self.plan;
        plan.tell.opened(id, connection.facts(), 0)?;
        let supply = if plan.echo {
            Supply::Echo
        } else {
            let (sender, receiver) = mpsc::channel(CLIENT_QUEUE);
            if self.input.get() == Input::Open {
                self.clients.borrow_mut().insert(id, Client { queue: sender, waited: Duration::ZERO });
                self.came.notify_one();
            }
            Supply::Shared { messages: receiver, input: Rc::clone(&self.input) }
        };
        let presence = Presence::new();
        self.present.borrow_mut().insert(id, Rc::clone(&presence));
        match session::run(connection, id, plan, supply, presence).await {
            Ok(session::End { trouble: Some((sentence, _)), .. }) => plan.tell.failed(id, &sentence),
            _ => Ok(()),
        }
    }

    /// Has those leave who have been silent the longest, if that is longer than a message may take.
    fn make_room(&self) {
        let Some(limit) = self.plan.message_timeout else { return };
        let present = self.present.borrow();
        let mut silent: Vec<_> = present.values().filter(|presence| presence.silence() >= limit).collect();
        silent.sort_by_key(|presence| std::cmp::Reverse(presence.silence()));
        silent.iter().take(LEAVE_AT_ONCE).for_each(|presence| presence.ask_to_leave());
    }

    /// Hands standard input to everybody who is connected. A caller that does not take it is given up after a while, for the
    /// others must not wait for it.
    async fn feed(self: Rc<Self>) {
        self.input.set(self.hand_out().await);
        self.clients.borrow_mut().clear();
    }

    async fn hand_out(&self) -> Input {
        let plan = &self.plan;
        // What standard input says is for somebody: the first caller is waited for.
        while self.clients.borrow().is_empty() {
            self.came.notified().await;
        }
        let mut source = plan.standard_input(plan.framing_out.is_some());
        while let Some(batch) = source.recv().await {
            let batch = match batch {
                Ok(batch) => batch,
                Err(mistake) => {
                    plan.tell.note(&format!("sockeye: {}", mistake.sentence));
                    return Input::Failed;
                }
            };
            for message in batch.iter() {
                if self.hand_to_all(&message.into()).await.is_err() {
                    return Input::Failed;
                }
            }
        }
        Input::Ended
    }

    /// Hands a message to everybody. Those whose queues are full are waited for all at once.
    async fn hand_to_all(&self, message: &Rc<[u8]>) -> Result<(), Broken> {
        let mut slow = JoinSet::new();
        for (id, client) in self.clients.borrow_mut().iter_mut() {
            match client.queue.try_send(Rc::clone(message)) {
                Ok(()) if client.queue.capacity() + 1 >= CLIENT_QUEUE => client.waited = Duration::ZERO,
                // Who has left is not waited for.
                Ok(()) | Err(TrySendError::Closed(_)) => {}
                Err(TrySendError::Full(message)) => {
                    let (id, queue) = (*id, client.queue.clone());
                    let patience = SLOW_CLIENT.saturating_sub(client.waited);
                    slow.spawn_local(async move {
                        let began = Instant::now();
                        let in_time = timeout(patience, queue.send(message)).await.is_ok();
                        (id, in_time, began.elapsed())
                    });
                }
            }
        }
        while let Some(Ok((id, in_time, waited))) = slow.join_next().await {
            if !in_time {
                self.clients.borrow_mut().remove(&id);
                self.plan.tell.slow(id, CLIENT_QUEUE * message.len(), SLOW_CLIENT)?;
            } else if let Some(client) = self.clients.borrow_mut().get_mut(&id) {
                client.waited += waited;
            }
        }
        Ok(())
    }
}
