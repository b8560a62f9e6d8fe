//! `sockeye relay`: callers of one endpoint are carried to another, message by message where a framing says what a message is, over
//! a link as slow, as late and as lossy as is wished for.
//!
//! | module | does |
//! |---|---|
//! | [`ends`] | a stream or a socket for datagrams as something that gives units and takes them |
//! | [`flows`] | senders of datagrams, each carried like a connection |
//! | [`link`] | one direction: delay, rate, loss, cuts |
//! | [`watch`] | what went through, shown and recorded |

mod ends;
mod flows;
mod link;
mod watch;

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use sockeye::{
    Framing,
    endpoint::{Endpoint, Keepalive, Scheme},
    message::Split,
    socket::{
        Connection, Datagrams, Error, Incoming, Listener, SocketAction, SocketError, raise_descriptor_limit,
    },
};
use tokio::{sync::Notify, task::spawn_local, time::sleep};

use self::{ends::Side, link::Link, watch::Watch};
use super::sockets::{
    BETWEEN_PIECES, Half, How, Open, PIECES_APART, Tell, Totals, Whose, can_be_dialled, can_be_listened_on,
    run_here, tear,
};
use crate::{
    args::RelayArgs,
    exit::Exit,
    formats::OutFormat,
    output::{sentence, stdout::Broken},
    trouble::Trouble,
};

/// Callers carried at once unless told otherwise.
const MOST_CLIENTS: u32 = 10_240;
/// How long to wait when the system has no room for another connection.
const FULL_DELAY: Duration = Duration::from_millis(100);

/// Everything that all connections share.
struct Relay {
    args: RelayArgs,
    target: Endpoint,
    tell: Tell,
    watch: Watch,
    seed: u64,
    open: Cell<u32>,
    ended: Notify,
}

/// Carries until interrupted.
pub(super) fn run(args: RelayArgs) -> Result<Exit, Trouble> {
    let parse = |text: &str| text.parse::<Endpoint>().map_err(|error| Trouble::Usage(error.to_string()));
    let (mut listen, mut target) = (parse(&args.listen)?, parse(&args.connect)?);
    can_be_listened_on(&listen)?;
    can_be_dialled(&target)?;
    check(&args, &listen, &target)?;
    for endpoint in [&mut listen, &mut target] {
        tear(endpoint, args.split);
        if endpoint.scheme().is_tcp() {
            // Those who have vanished must not fill the house.
            endpoint.options_mut().keepalive.get_or_insert_with(Keepalive::default);
        }
    }
    raise_descriptor_limit();
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()) << 20 | u64::from(rand_bits()));
    let tell = Tell::of_relay(&args);
    if args.seed.is_none() && (args.loss.is_some() || matches!(args.split, Split::Random(None))) {
        tell.note(&format!("what is random is drawn from the seed {seed}"));
    }
    let watch = Watch::new(&args)?;
    let relay = Rc::new(Relay { args, target, tell, watch, seed, open: Cell::new(0), ended: Notify::new() });
    run_here(async {
        if listen.scheme().is_datagram() {
            let socket = Datagrams::bind(&listen).await?;
            relay.tell.listening(&[socket.facts().local.clone()], None, false).map_err(|_| silent())?;
            return flows::serve(relay, socket).await;
        }
        if listen.scheme() == Scheme::Stdio {
            return relay.alone(Connection::stdio()).await;
        }
        let listener = Listener::bind(&listen).await?;
        relay
            .tell
            .listening(listener.names(), listener.fingerprint(), listener.made_certificate())
            .map_err(|_| silent())?;
        serve(relay, listener).await
    })
}

fn silent() -> Trouble {
    Trouble::Silent(Exit::LocalIo)
}

/// A few bits that differ from run to run; nothing secret hangs on them.
fn rand_bits() -> u32 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos())
}

/// Refuses what cannot mean what was wished for.
fn check(args: &RelayArgs, listen: &Endpoint, target: &Endpoint) -> Result<(), Trouble> {
    let datagrams = [listen, target].map(|endpoint| endpoint.scheme().is_datagram());
    let framed = args.framing.is_some() || args.framing_up.is_some() && args.framing_down.is_some();
    if datagrams[0] != datagrams[1] && !framed {
        return Err(Trouble::Usage(
            "a stream has no messages that could become datagrams; say with -f how they are marked off, like -f len:u16be"
                .to_owned(),
        ));
    }
    if args.loss.is_some() && !(datagrams[0] && datagrams[1]) {
        return Err(Trouble::Usage(
            "--loss is for datagrams: a stream from which bytes are missing is broken, and a lost packet of TCP only \
             costs time, which is what --delay and --rate do"
                .to_owned(),
        ));
    }
    if listen.scheme() == Scheme::Stdio && (args.json || args.output != OutFormat::None) {
        return Err(Trouble::Usage(
            "standard output is the caller's here; write what goes through into a file with --record"
                .to_owned(),
        ));
    }
    if args.split == Split::Header && !framed {
        return Err(Trouble::Usage(
            "--split header needs a framing: say with -f where headers are".to_owned(),
        ));
    }
    Ok(())
}

/// Takes callers, each carried by a task of its own.
async fn serve(relay: Rc<Relay>, mut listener: Listener) -> Result<Exit, Trouble> {
    let most = relay.args.max_clients.unwrap_or(MOST_CLIENTS);
    let mut next = 1;
    loop {
        tokio::select! {
            accepted = listener.accept(), if relay.open.get() < most => match accepted {
                Ok(incoming) => {
                    relay.open.set(relay.open.get() + 1);
                    spawn_local(Rc::clone(&relay).caller(incoming, next));
                    next += 1;
                }
                Err(error) => {
                    relay.tell.note(&format!("sockeye: {}", sentence::sockets::error(&error)));
                    sleep(FULL_DELAY).await;
                }
            },
            () = relay.ended.notified() => {}
            failure = relay.watch.failed() => return Err(failure),
        }
    }
}

impl Relay {
    async fn caller(self: Rc<Self>, incoming: Incoming, id: u64) {
        // Standard output that is broken ends the program elsewhere.
        let _ = self.carry(incoming, id).await;
        self.open.set(self.open.get() - 1);
        self.ended.notify_one();
    }

    /// The one caller that there is.
    async fn alone(&self, caller: Connection) -> Result<Exit, Trouble> {
        let encoded = self.target.scheme().is_datagram().then(|| self.framing_down()).flatten();
        let near = Side::stream(caller, self.framing_up(), encoded);
        match self.join(near, 1, false).await.map_err(|_| silent())? {
            How::Fin => Ok(Exit::Done),
            How::TimedOut => Err(Trouble::Silent(Exit::TimedOut)),
            How::Protocol => Err(Trouble::Silent(Exit::Protocol)),
            _ => Err(Trouble::Silent(Exit::Network)),
        }
    }

    /// One caller from its greeting to its end.
    async fn carry(&self, incoming: Incoming, id: u64) -> Result<(), Broken> {
        let caller = match incoming.finish().await {
            Ok(caller) => caller,
            Err(error) => return self.tell.failed(id, &sentence::sockets::error(&error)),
        };
        self.tell.opened(id, caller.facts(), 0)?;
        let encoded = self.target.scheme().is_datagram().then(|| self.framing_down()).flatten();
        let near = Side::stream(caller, self.framing_up(), encoded);
        self.join(near, id, false).await.map(drop)
    }

    /// Carries one side to the target, until both have ended; how they did.
    async fn join(&self, near: Side, id: u64, near_is_datagrams: bool) -> Result<How, Broken> {
        let totals = Cell::default();
        let open = Open::new(&self.tell, id, &totals);
        let far = match self.far_side(near_is_datagrams).await {
            Ok(far) => far,
            Err(error) => {
                // The caller is told in the only way a stream has: nobody is there for it.
                drop(near);
                self.tell.failed(id, &sentence::sockets::error(&error))?;
                return open.closed(How::Failed).map(|()| How::Failed);
            }
        };
        let end =
            Link { relay: self, id, totals: &totals, active: Cell::new(Instant::now()) }.run(near, far).await;
        if let Some(sentence) = &end.sentence {
            self.tell.failed(id, sentence)?;
        }
        open.closed(end.how).map(|()| end.how)
    }

    async fn far_side(&self, near_is_datagrams: bool) -> Result<Side, Error> {
        if self.target.scheme().is_datagram() {
            let socket = Datagrams::dial(&self.target).await?;
            let fail = |source| SocketError { action: SocketAction::Create, at: None, source };
            return Ok(Side::datagrams(socket).map_err(fail)?);
        }
        let encoded = near_is_datagrams.then(|| self.framing_up()).flatten();
        let connection = Connection::dial(&self.target).await?;
        Ok(Side::stream(connection, self.framing_down(), encoded))
    }

    /// Framing of what callers send.
    fn framing_up(&self) -> Option<Framing> {
        self.args.framing.clone().or_else(|| self.args.framing_up.clone())
    }

    /// Framing of what is sent back to them.
    fn framing_down(&self) -> Option<Framing> {
        self.args.framing.clone().or_else(|| self.args.framing_down.clone())
    }
}
