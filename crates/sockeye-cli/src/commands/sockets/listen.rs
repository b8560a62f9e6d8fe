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
    sync::{Notify, mpsc},
    task::spawn_local,
    time::{sleep, timeout},
};

use super::{
    connect::outcome,
    datagrams, plan,
    plan::{Plan, Role, after},
    pump, run_here,
    session::{self, Input, Supply},
    source,
};
use crate::{args::ListenArgs, exit::Exit, output::sentence, trouble::Trouble};

/// Callers served at once unless told otherwise.
const MOST_CLIENTS: u32 = 10_240;
/// Messages of standard input that may wait for a caller.
const CLIENT_QUEUE: usize = 64;
/// How long a caller may leave its queue full before it is given up, for the others wait too.
const SLOW_CLIENT: Duration = Duration::from_secs(5);
/// How long to wait when the system has no room for another connection.
const FULL_DELAY: Duration = Duration::from_millis(100);

/// Listens and carries what comes to standard output, and standard input back.
pub(in crate::commands) fn run(args: &ListenArgs) -> Result<Exit, Trouble> {
    let mut endpoint = plan::endpoint(&args.endpoint, args.port.as_deref(), &args.socket)?;
    plan::can_be_listened_on(&endpoint)?;
    if args.keep && endpoint.scheme().is_tcp() {
        // Callers that have vanished must not fill the house: connections inherit this from their listener.
        endpoint.options_mut().keepalive.get_or_insert_with(Keepalive::default);
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

fn broken(_: crate::output::stdout::Broken) -> Trouble {
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
        Supply::Own(source::standard_input(&plan.input, by_message, plan.interactive))
    };
    let end = session::run(connection, 1, plan, supply).await?;
    outcome(end, plan)
}

async fn first(listener: &mut Listener) -> Result<Connection, Trouble> {
    Ok(listener.accept().await?.finish().await?)
}

/// Everything that the connections of one listener share.
struct Service {
    plan: Rc<Plan>,
    /// Where standard input goes.
    clients: RefCell<BTreeMap<u64, mpsc::Sender<Rc<[u8]>>>>,
    input: Rc<Cell<Input>>,
    open: Cell<u32>,
    /// Told when a connection has ended.
    ended: Notify,
    feeds: bool,
}

/// Callers without end, many at once.
async fn serve(mut listener: Listener, plan: Rc<Plan>, args: &ListenArgs) -> Result<Exit, Trouble> {
    let service = Rc::new(Service {
        plan: Rc::clone(&plan),
        clients: RefCell::default(),
        input: Rc::new(Cell::new(Input::Open)),
        open: Cell::new(0),
        ended: Notify::new(),
        feeds: !plan.echo,
    });
    if service.feeds {
        spawn_local(Rc::clone(&service).feed());
    }
    let most = args.max_clients.unwrap_or(MOST_CLIENTS);
    let began = Instant::now();
    let mut waiting = args.socket.wait;
    let mut next = 1;
    loop {
        tokio::select! {
            accepted = listener.accept(), if service.open.get() < most => match accepted {
                Ok(incoming) => {
                    waiting = None;
                    service.open.set(service.open.get() + 1);
                    spawn_local(Rc::clone(&service).client(incoming, next));
                    next += 1;
                }
                Err(error) => {
                    // Most likely there is no descriptor left. Those who wait keep waiting; ends make room.
                    plan.tell.note(&format!("sockeye: {}", sentence::sockets::error(&error)));
                    sleep(FULL_DELAY).await;
                }
            },
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
        self.open.set(self.open.get() - 1);
        self.ended.notify_one();
        let _ = told; // standard output that is broken ends the program elsewhere
    }

    async fn converse(&self, connection: Connection, id: u64) -> Result<(), crate::output::stdout::Broken> {
        let plan = &*self.plan;
        plan.tell.opened(id, connection.facts(), 0)?;
        let supply = if plan.echo {
            Supply::Echo
        } else {
            let (sender, receiver) = mpsc::channel(CLIENT_QUEUE);
            if self.input.get() == Input::Open {
                self.clients.borrow_mut().insert(id, sender);
            }
            Supply::Shared { messages: receiver, input: Rc::clone(&self.input) }
        };
        match session::run(connection, id, plan, supply).await {
            Ok(session::End { trouble: Some((sentence, _)), .. }) => plan.tell.failed(id, &sentence),
            _ => Ok(()),
        }
    }

    /// Hands standard input to everybody who is connected. A caller that does not take it is given up after a while, for the
    /// others must not wait for it.
    async fn feed(self: Rc<Self>) {
        self.input.set(self.hand_out().await);
        self.clients.borrow_mut().clear();
    }

    async fn hand_out(&self) -> Input {
        let plan = &self.plan;
        let mut source = source::standard_input(&plan.input, plan.framing_out.is_some(), plan.interactive);
        while let Some(batch) = source.recv().await {
            let batch = match batch {
                Ok(batch) => batch,
                Err(sentence) => {
                    plan.tell.note(&format!("sockeye: {sentence}"));
                    return Input::Failed;
                }
            };
            for message in batch.iter() {
                let message: Rc<[u8]> = message.into();
                let clients: Vec<_> =
                    self.clients.borrow().iter().map(|(id, sender)| (*id, sender.clone())).collect();
                for (id, sender) in clients {
                    if timeout(SLOW_CLIENT, sender.send(Rc::clone(&message))).await.is_err() {
                        self.clients.borrow_mut().remove(&id);
                        let waiting = CLIENT_QUEUE * message.len();
                        if plan.tell.slow(id, waiting, SLOW_CLIENT).is_err() {
                            return Input::Failed;
                        }
                    }
                }
            }
        }
        Input::Ended
    }
}
