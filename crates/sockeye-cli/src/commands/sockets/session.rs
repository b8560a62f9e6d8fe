//! One connection from its beginning to its end.
//!
//! An end closes one direction only. When standard input has ended the other side is waited for; when the other side has ended,
//! what comes from standard input is sent all the same, until it ends too. At a terminal a person who types nothing by then has
//! ended.

use std::{
    cell::Cell,
    future::Future,
    io,
    pin::{Pin, pin},
    rc::Rc,
    time::{Duration, Instant},
};

use sockeye::{
    message::Inbound,
    socket::{Connection, Packets, lost},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};

use super::{
    half::Half,
    inbound::{finish, read_into, receive, show},
    outbound::Outbound,
    plan::{Plan, after},
    source::{Mistake, Source},
    stats,
    tell::{How, Open, Totals},
};
use crate::{
    args::OnEof,
    exit::Exit,
    output::{
        sentence::sockets::{is_gone, network},
        stdout::{self, Broken},
    },
    trouble::Trouble,
};

/// How long a person may type nothing after the other side has ended before that is the end here too; and how long after a
/// connection is no more standard input may take to say that it has ended.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a write may wait before the other side counts as slow.
pub(super) const SLOW: Duration = Duration::from_secs(5);

/// How long the last word to a side that takes nothing may wait.
const GOODBYE: Duration = Duration::from_secs(1);

/// What a connection sends.
pub(super) enum Supply {
    /// Standard input is for this connection alone.
    Own(Source),
    /// Standard input is for several: each gets every message. The channel ends with it, or when this one is given up.
    Shared { messages: mpsc::Receiver<Rc<[u8]>>, input: Rc<Cell<Input>> },
    /// What it receives.
    Echo,
}

/// How far a standard input is that is for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Open,
    Ended,
    /// It could not be read to its end.
    Failed,
}

/// How a session ended.
pub(super) struct End {
    pub(super) how: How,
    /// What to say and how the program ends, if that was no good end.
    pub(super) trouble: Option<(String, Exit)>,
}

/// Why a direction stopped before its end.
pub(super) enum Stop {
    Network(io::Error),
    Framing(String),
    Input(Mistake),
    TimedOut(String),
    Output,
    Enough,
}

impl From<Broken> for Stop {
    fn from(_: Broken) -> Self {
        Self::Output
    }
}

/// What others may know of a session, and ask of it.
#[derive(Debug)]
pub(super) struct Presence {
    /// When something was last sent or received.
    active: Cell<Instant>,
    leave: Notify,
}

impl Presence {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self { active: Cell::new(Instant::now()), leave: Notify::new() })
    }

    /// How long it has been silent.
    pub(super) fn silence(&self) -> Duration {
        self.active.get().elapsed()
    }

    /// Asks it to make room.
    pub(super) fn ask_to_leave(&self) {
        self.leave.notify_one();
    }

    async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }
}

/// What both directions look at.
pub(super) struct Shared<'a> {
    pub(super) plan: &'a Plan,
    pub(super) id: u64,
    pub(super) totals: Cell<Totals>,
    presence: Rc<Presence>,
    /// When a message began that is not complete.
    pub(super) inside: Cell<Option<Instant>>,
    /// Whether something is to be sent that is not sent yet.
    holding: Cell<bool>,
    /// Whether something came that is no message, and was passed over.
    pub(super) broken: Cell<bool>,
    /// Where reads and writes are packets: those, and whose they are.
    pub(super) packets: Option<(Packets, String)>,
}

impl Shared<'_> {
    pub(super) fn add(&self, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals.get();
        change(&mut totals);
        self.totals.set(totals);
        self.presence.active.set(Instant::now());
    }
}

/// Runs a connection to its end.
pub(super) async fn run(
    connection: Connection,
    id: u64,
    plan: &Plan,
    supply: Supply,
    presence: Rc<Presence>,
) -> Result<End, Trouble> {
    let shared = Shared {
        plan,
        id,
        totals: Cell::default(),
        presence,
        inside: Cell::new(None),
        holding: Cell::new(false),
        broken: Cell::new(false),
        packets: connection.packets().map(|packets| (packets, connection.facts().peer.to_string())),
    };
    let open = Open::new(&plan.tell, id, &shared.totals);
    let mut reader = Half::new(connection);
    let mut writer = reader.clone();
    let looked_at = plan.stats.and_then(|_| reader.descriptor());
    let exchange = async {
        if matches!(supply, Supply::Echo) {
            guarded(&shared, echo(&shared, &mut reader, &mut writer)).await
        } else {
            both_ways(&shared, reader, &mut writer, supply).await
        }
    };
    let outcome = tokio::select! {
        outcome = exchange => outcome,
        Broken = stats::watch(looked_at, id, plan.stats, &plan.tell) => Err(Stop::Output),
        () = shared.presence.asked_to_leave() => Err(Stop::TimedOut(
            "it was silent for as long as --message-timeout allows, and others waited for its place".to_owned(),
        )),
    };
    let end = end_of(outcome, shared.broken.get());
    if matches!(end.how, How::Fin | How::Closed) {
        say_goodbye(&mut writer).await;
    }
    match open.closed(end.how) {
        Ok(()) => Ok(end),
        Err(Broken) => Err(Trouble::Silent(Exit::LocalIo)),
    }
}

/// Tells the other side that no more comes, which TLS does in words of its own; whether it hears that changes nothing here.
pub(super) async fn say_goodbye(writer: &mut (impl AsyncWrite + Unpin)) {
    let _ = timeout(GOODBYE, writer.shutdown()).await;
}

/// The same for a caller who only looked whether somebody is there: waits for the other side's goodbye, because what it says to a
/// connection that is gone would be an error there.
pub(super) async fn part(connection: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    say_goodbye(connection).await;
    let rest = async {
        let mut rest = [0; 1024];
        while connection.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    };
    let _ = timeout(GOODBYE, rest).await;
}

fn end_of(outcome: Result<How, Stop>, broken: bool) -> End {
    let bad = |how, sentence, exit| End { how, trouble: Some((sentence, exit)) };
    match outcome {
        Ok(how) if broken => {
            bad(how, "some of what came was no message; it was told above".to_owned(), Exit::Protocol)
        }
        Ok(how) => End { how, trouble: None },
        Err(Stop::Enough | Stop::Output) => End { how: How::Closed, trouble: None },
        Err(Stop::Input(mistake)) => bad(How::Closed, mistake.sentence, mistake.exit),
        Err(Stop::Framing(sentence)) => bad(How::Protocol, sentence, Exit::Protocol),
        Err(Stop::TimedOut(sentence)) => bad(How::TimedOut, sentence, Exit::TimedOut),
        Err(Stop::Network(error)) => {
            let reset = is_gone(&error);
            match error.kind() {
                io::ErrorKind::TimedOut => bad(How::TimedOut, network(&error), Exit::TimedOut),
                _ => bad(if reset { How::Reset } else { How::Failed }, network(&error), Exit::Network),
            }
        }
    }
}

/// Why nothing can be sent any more: what the other side said before it went tells more than that it is gone, such as a refusal in
/// the words of TLS.
async fn why_it_went(gone: io::Error, receiving: impl Future<Output = Result<(), Stop>>) -> Stop {
    match timeout(GOODBYE, receiving).await {
        Ok(Err(Stop::Network(why))) if is_gone(&why) => Stop::Network(gone),
        Ok(Err(why)) => why,
        Ok(Ok(())) | Err(_) => Stop::Network(gone),
    }
}

/// Sends and receives until both have ended.
async fn both_ways(
    shared: &Shared<'_>,
    mut reader: Half,
    writer: &mut Half,
    supply: Supply,
) -> Result<How, Stop> {
    let heard_all = Cell::new(false);
    let socket = reader.clone();
    let mut receiving = pin!(receive(shared, &mut reader));
    let mut sending = pin!(send(shared, writer, supply, &heard_all));
    let mut received = false;
    let mut sent = false;
    let mut sent_at = None;
    guarded(shared, async {
        loop {
            tokio::select! {
                result = &mut receiving, if !received => {
                    result?;
                    received = true;
                    heard_all.set(true);
                }
                result = &mut sending, if !sent => {
                    let result = match result {
                        Err(Stop::Network(error)) if !received && is_gone(&error) => {
                            return Err(why_it_went(error, receiving.as_mut()).await);
                        }
                        result => result,
                    };
                    if result? == Sent::Close {
                        return Ok(How::Closed);
                    }
                    sent = true;
                    // Those who come to a listener that keeps, and holds, have not been asked to end.
                    let waits = shared.plan.alone || shared.plan.on_eof != OnEof::Hold;
                    sent_at = waits.then(Instant::now);
                }
                () = after(shared.plan.quit, sent_at.unwrap_or_else(Instant::now)), if sent_at.is_some() && !received => {
                    return Err(Stop::TimedOut("the other side has not ended within -q; what it would still have sent is lost".to_owned()));
                }
            }
            if received {
                let rest = if sent { Sent::All } else { rest(shared, sending.as_mut(), &socket).await? };
                return Ok(if rest == Sent::Close { How::Closed } else { How::Fin });
            }
        }
    })
    .await
}

/// After the other side has ended: sends until standard input has ended too, or the connection is no more.
async fn rest(
    shared: &Shared<'_>,
    mut sending: Pin<&mut impl Future<Output = Result<Sent, Stop>>>,
    socket: &Half,
) -> Result<Sent, Stop> {
    let gone = async {
        match socket.descriptor() {
            Some(socket) => lost(socket).await,
            None => std::future::pending().await,
        }
    };
    let why = tokio::select! {
        result = &mut sending => return result,
        result = last_words(shared), if shared.plan.interactive => return Ok(result),
        why = gone => why,
    };
    // Its end may be on the way already, and then nothing is missing.
    timeout(LAST_WORDS, sending).await.unwrap_or(Err(Stop::Network(why)))
}

/// Waits until a person has typed nothing for a while.
async fn last_words(shared: &Shared<'_>) -> Sent {
    loop {
        let before = shared.totals.get().sent;
        sleep(LAST_WORDS).await;
        if shared.totals.get().sent == before && !shared.holding.get() {
            return Sent::All;
        }
    }
}

/// Runs a session within its deadlines.
async fn guarded<T>(shared: &Shared<'_>, session: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let plan = shared.plan;
    if plan.idle.is_none() && plan.message_timeout.is_none() {
        return session.await;
    }
    let mut session = pin!(session);
    loop {
        let idle_at = plan.idle.map(|limit| shared.presence.active.get() + limit);
        let inside_at = plan.message_timeout.and_then(|limit| Some(shared.inside.get()? + limit));
        // Where nothing runs yet, something may begin to in the meantime: it is looked at again after as long as it may take.
        let next = idle_at.into_iter().chain(inside_at).min();
        let wake = next.or_else(|| Some(Instant::now() + plan.message_timeout?));
        tokio::select! {
            result = &mut session => return result,
            () = after(wake.map(|at| at.saturating_duration_since(Instant::now())), Instant::now()) => {}
        }
        let now = Instant::now();
        if plan.idle.is_some_and(|limit| now >= shared.presence.active.get() + limit) {
            return Err(Stop::TimedOut(
                "nothing was sent or received for as long as --idle allows".to_owned(),
            ));
        }
        let too_long = |(limit, began): (Duration, Instant)| now >= began + limit;
        if plan.message_timeout.zip(shared.inside.get()).is_some_and(too_long) {
            return Err(Stop::TimedOut(
                "a message was begun and not completed within --message-timeout".to_owned(),
            ));
        }
    }
}

/// How sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// All was sent; this direction is closed, if it was to be.
    All,
    /// All was sent, and the connection is to be closed.
    Close,
}

/// Sends until there is no more to send.
async fn send(
    shared: &Shared<'_>,
    writer: &mut Half,
    supply: Supply,
    heard_all: &Cell<bool>,
) -> Result<Sent, Stop> {
    let mut outbound = Outbound::new(shared, writer);
    match supply {
        Supply::Own(mut source) => {
            while let Some(batch) = source.recv().await {
                shared.holding.set(true);
                let batch = match batch {
                    Ok(batch) => batch,
                    Err(mistake) => {
                        // What came before it is sent all the same.
                        outbound.write_gathered().await?;
                        return Err(Stop::Input(mistake));
                    }
                };
                for message in batch.iter() {
                    outbound.message(message).await?;
                    if shared.plan.tell.tells_sent() {
                        stdout::room().await;
                    }
                }
                // What is not at hand yet goes with a later write.
                if source.is_empty() {
                    outbound.write_gathered().await?;
                }
                shared.holding.set(false);
            }
        }
        Supply::Shared { mut messages, input } => {
            while let Some(message) = messages.recv().await {
                shared.holding.set(true);
                outbound.message(&message).await?;
                if messages.is_empty() {
                    outbound.write_gathered().await?;
                }
                shared.holding.set(false);
            }
            match input.get() {
                Input::Ended => {}
                // It was told, and is no end that the other side may take for one.
                Input::Failed => return Ok(Sent::All),
                // Whoever hands out standard input has given this one up: it has missed something.
                Input::Open => {
                    let sentence = "it did not take what was sent to everybody, and was given up".to_owned();
                    return Err(Stop::TimedOut(sentence));
                }
            }
        }
        Supply::Echo => return std::future::pending().await,
    }
    match shared.plan.on_eof {
        OnEof::Close => Ok(Sent::Close),
        OnEof::HalfClose => {
            outbound.writer.shutdown().await.or_else(|error| {
                // A connection that the other side has closed already needs no word.
                if heard_all.get() || error.kind() == io::ErrorKind::NotConnected {
                    Ok(())
                } else {
                    Err(Stop::Network(error))
                }
            })?;
            shared.plan.tell.half_closed(shared.id, shared.totals.get().sent)?;
            Ok(Sent::All)
        }
        OnEof::Hold => Ok(Sent::All),
    }
}

/// Receives and sends back.
async fn echo(shared: &Shared<'_>, reader: &mut Half, writer: &mut Half) -> Result<How, Stop> {
    let mut inbound = Inbound::new(shared.plan.framing_in.clone());
    let mut outbound = Outbound::new(shared, writer);
    loop {
        stdout::room().await;
        if !read_into(shared, reader, &mut inbound).await? {
            finish(shared, &inbound)?;
            outbound.writer.shutdown().await.map_err(Stop::Network)?;
            shared.plan.tell.half_closed(shared.id, shared.totals.get().sent)?;
            return Ok(How::Fin);
        }
        let mut messages = Vec::new();
        let outcome = show(shared, &mut inbound, |payload| messages.push(payload.to_vec()));
        for message in messages {
            outbound.message(&message).await?;
        }
        outbound.write_gathered().await?;
        outcome?;
    }
}
