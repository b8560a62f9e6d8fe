//! Sockets without connections: one message, one datagram.

use std::{
    cell::Cell,
    collections::{BTreeSet, VecDeque},
    io,
    time::{Duration, Instant},
};

use sockeye::{
    Encoder,
    datagram::Datagram,
    message::{Inbound, Received, Spot},
    socket::{DatagramBatch, Datagrams, SocketName},
};

use super::{
    plan::{Plan, after},
    source::{self, Source},
    stats,
    tell::{How, Totals, Whose},
};
use crate::{
    args::OnEof,
    exit::Exit,
    output::{
        odd::Odd,
        sentence::sockets::network,
        stdout::{self, Broken},
    },
    trouble::Trouble,
};

/// Senders that are remembered, so that each is announced once.
const MOST_SENDERS: usize = 4096;
/// How long answers are waited for after standard input has ended, unless -q says.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// Datagrams dropped by the kernel are told no more often than this.
const DROPS_TOLD: Duration = Duration::from_secs(1);

/// Sends standard input and shows what comes back. Datagrams have no end: after standard input the answers are waited for as
/// long as -q says, a second without it; with `--count` or `--on-eof hold` until they are there.
pub(super) async fn talk(socket: Datagrams, plan: &Plan) -> Result<Exit, Trouble> {
    let quit = match (plan.on_eof, plan.missing(), plan.quit) {
        (OnEof::Close, ..) => Some(Duration::ZERO),
        (_, _, Some(quit)) => Some(quit),
        (OnEof::Hold, ..) | (_, Some(_), _) => None,
        _ => Some(LAST_ANSWERS),
    };
    Post::new(&socket, plan).run(quit).await
}

/// Shows what comes; what standard input brings goes to the last sender.
pub(super) async fn serve(mut socket: Datagrams, plan: &Plan, take_first: bool) -> Result<Exit, Trouble> {
    if take_first {
        let first = socket.next_sender().await.map_err(|error| failed(&error))?;
        socket.take_peer(&first).map_err(|error| failed(&error))?;
    }
    let quit = if plan.on_eof == OnEof::Close { Some(Duration::ZERO) } else { plan.quit };
    Post::new(&socket, plan).run(quit).await
}

fn failed(error: &io::Error) -> Trouble {
    Trouble::Ended(network(error), Exit::Network)
}

fn broken(_: Broken) -> Trouble {
    Trouble::Silent(Exit::LocalIo)
}

/// A socket at work.
struct Post<'a> {
    socket: &'a Datagrams,
    plan: &'a Plan,
    totals: Totals,
    senders: BTreeSet<String>,
    /// Who sent last, with its name as text; for a socket that listens also who is answered.
    last: Option<(SocketName, String)>,
    began: Instant,
    /// When something was last sent or received.
    active: Instant,
    /// Datagrams that the kernel has dropped, and how many of them were told, when.
    drops: u64,
    drops_told: (u64, Option<Instant>),
    /// Whether something came that is no message, and was told.
    misread: Cell<bool>,
    /// Whether its end was told.
    told: bool,
}

/// Dropped before its end was told, it was closed here.
impl Drop for Post<'_> {
    fn drop(&mut self) {
        if !self.told {
            // The program ends, and for the same reason if this cannot be written.
            let _ = self.closed(How::Closed);
        }
    }
}

impl<'a> Post<'a> {
    fn new(socket: &'a Datagrams, plan: &'a Plan) -> Self {
        let now = Instant::now();
        Self {
            socket,
            plan,
            totals: Totals::default(),
            senders: BTreeSet::new(),
            last: None,
            began: now,
            active: now,
            drops: 0,
            drops_told: (0, None),
            misread: Cell::new(false),
            told: false,
        }
    }

    async fn run(mut self, quit: Option<Duration>) -> Result<Exit, Trouble> {
        let looked_at = self.plan.stats.and_then(|_| self.socket.descriptor().try_clone_to_owned().ok());
        let plan = self.plan;
        let outcome = tokio::select! {
            outcome = self.exchange(quit) => outcome,
            broken = stats::watch(looked_at, 1, plan.stats, &plan.tell) => Err(self::broken(broken)),
        };
        let how = match &outcome {
            Ok(_) => How::Closed,
            Err(Trouble::Ended(_, Exit::TimedOut)) => How::TimedOut,
            Err(Trouble::Ended(_, Exit::Protocol)) => How::Protocol,
            Err(_) => How::Failed,
        };
        self.closed(how)?;
        outcome
    }

    fn closed(&mut self, how: How) -> Result<(), Trouble> {
        self.told = true;
        self.tell_drops(true)?;
        self.plan.tell.closed(1, how, &self.totals, self.began.elapsed()).map_err(broken)
    }

    async fn exchange(&mut self, quit: Option<Duration>) -> Result<Exit, Trouble> {
        let mut source = Some(self.plan.standard_input(true));
        let mut ended_at = None;
        let mut batch = self.socket.batch(self.plan.datagram_room()).map_err(|error| failed(&error))?;
        let encoder = self.plan.framing_out.clone().map(Encoder::new);
        let mut waiting: VecDeque<Vec<u8>> = VecDeque::new();
        let mut sent_at: Option<Instant> = None;
        loop {
            tokio::select! {
                received = receive(self.socket, &mut batch) => {
                    // An error is an answer of the network to something sent before: nobody listens there.
                    received.map_err(|error| failed(&error))?;
                    self.active = Instant::now();
                    self.drops = batch.drops();
                    for datagram in batch.iter() {
                        self.take(&datagram)?;
                        if self.plan.echo {
                            self.send(datagram.bytes, Some(datagram.from)).await?;
                        }
                        if self.plan.has_enough() {
                            return self.verdict();
                        }
                    }
                    self.tell_drops(false)?;
                }
                () = turn(self.plan.pace, sent_at), if !waiting.is_empty() => {
                    let all = if self.plan.pace.is_some() { 1 } else { waiting.len() };
                    for message in waiting.drain(..all) {
                        self.send(&message, None).await?;
                    }
                    sent_at = Some(Instant::now());
                }
                batch = next(source.as_mut()), if waiting.is_empty() => match batch {
                    Some(Err(mistake)) => return Err(Trouble::Ended(mistake.sentence, mistake.exit)),
                    Some(Ok(batch)) => {
                        for message in batch.iter() {
                            waiting.push_back(framed(encoder.as_ref(), message)?);
                        }
                    }
                    None => {
                        source = None;
                        ended_at = Some(Instant::now());
                    }
                },
                () = after(quit, ended_at.unwrap_or(self.active)), if ended_at.is_some() => return self.verdict(),
                () = after(self.plan.idle, self.active) => {
                    let sentence = "nothing was sent or received for as long as --idle allows".to_owned();
                    return Err(Trouble::Ended(sentence, Exit::TimedOut));
                }
            }
        }
    }

    fn verdict(&self) -> Result<Exit, Trouble> {
        match self.plan.missing() {
            None if self.misread.get() => {
                let sentence = "some of what came was no message; it was told above".to_owned();
                Err(Trouble::Ended(sentence, Exit::Protocol))
            }
            None => Ok(Exit::Done),
            Some(missing) => {
                let sentence = format!("{missing} of the messages that --count asked for did not come");
                Err(Trouble::Ended(sentence, Exit::TimedOut))
            }
        }
    }

    /// Sends one datagram: back to somebody, to the endpoint dialled, or to the last sender.
    async fn send(&mut self, payload: &[u8], to: Option<&SocketName>) -> Result<(), Trouble> {
        let target = to.cloned().or_else(|| Some(self.last.as_ref()?.0.clone()));
        let (target, result) = match target {
            _ if self.socket.has_target() => (None, self.socket.send(payload).await),
            Some(to) => (Some(to.clone()), self.socket.send_to(payload, &to).await),
            None => {
                self.plan.tell.note("sockeye: not sent: nobody has sent anything yet to whom this could go");
                return Ok(());
            }
        };
        let len = result.map_err(|error| failed(&error))?;
        self.active = Instant::now();
        self.totals.writes += 1;
        self.totals.messages_out += 1;
        self.totals.sent += len as u64;
        if !self.plan.tell.tells_sent() {
            return Ok(());
        }
        let peer = target.as_ref().unwrap_or(&self.socket.facts().peer).to_string();
        let spot = (self.totals.messages_out, 0, payload.len());
        self.plan.tell.sent(None, Some(&peer), (payload, &[]), spot, &[len]).map_err(broken)
    }

    /// Shows a datagram.
    fn take(&mut self, datagram: &Datagram<'_>) -> Result<(), Trouble> {
        self.totals.received += datagram.bytes.len() as u64;
        self.totals.messages_in += 1;
        self.totals.reads += 1;
        self.meet(datagram.from);
        let peer = self.last.as_ref().map_or("", |(_, text)| text);
        let tell = &self.plan.tell;
        if datagram.is_cut() {
            tell.cut(peer, datagram.bytes.len(), datagram.sent_len).map_err(broken)?;
        }
        if let Some(framing) = &self.plan.framing_in {
            let mut inbound = Inbound::new(Some(framing.clone()));
            inbound.read(datagram.bytes);
            return self.frames(&mut inbound, peer);
        }
        let number = self.totals.messages_in;
        let spot = Spot { number, offset: 0, wire_len: datagram.sent_len, reads: (number, number) };
        let written = tell.message(None, Some(peer), &[], datagram.bytes, &spot).map_err(broken)?;
        self.misread.set(self.misread.get() || !written);
        self.plan.count();
        Ok(())
    }

    /// Remembers who sent last; one not heard before is announced.
    fn meet(&mut self, from: &SocketName) {
        if self.last.as_ref().is_some_and(|(last, _)| last == from) {
            return;
        }
        let text = from.to_string();
        if self.senders.len() < MOST_SENDERS && !self.senders.contains(&text) {
            self.plan.tell.met(&text);
            self.senders.insert(text.clone());
        }
        self.last = Some((from.clone(), text));
    }

    /// The messages within a datagram. One that is not complete will not become so; it is no reason not to hear the next.
    fn frames(&self, inbound: &mut Inbound, peer: &str) -> Result<(), Trouble> {
        let number = self.totals.messages_in;
        while let Some(received) = inbound.next() {
            if let Some(odd) = Odd::of(&received) {
                self.misread(inbound, peer, odd)?;
                if inbound.has_stopped() {
                    return Ok(());
                }
            } else if let Received::Message { payload, header, spot } = received {
                let spot = Spot { reads: (number, number), ..spot };
                let written =
                    self.plan.tell.message(None, Some(peer), header, payload, &spot).map_err(broken)?;
                self.misread.set(self.misread.get() || !written);
                self.plan.count();
                if self.plan.has_enough() {
                    return Ok(());
                }
            }
        }
        match inbound.finish() {
            Ok(()) => Ok(()),
            Err(cut) => self.misread(inbound, peer, Odd::Truncated(cut)),
        }
    }

    /// Tells what is no message.
    fn misread(&self, inbound: &Inbound, peer: &str, odd: Odd) -> Result<(), Trouble> {
        self.misread.set(true);
        let Some(framing) = inbound.framing() else { return Ok(()) };
        self.plan.tell.odd(Whose::Datagram(peer), "rx", (&odd, framing), 0).map_err(broken)
    }

    /// Tells how many datagrams the kernel has dropped, when there are more than were told.
    fn tell_drops(&mut self, now: bool) -> Result<(), Trouble> {
        let (told, when) = self.drops_told;
        let due = now || when.is_none_or(|when| when.elapsed() >= DROPS_TOLD);
        if self.drops == told || !due {
            return Ok(());
        }
        self.drops_told = (self.drops, Some(Instant::now()));
        self.plan.tell.dropped(self.drops - told, self.drops).map_err(broken)
    }
}

fn framed(encoder: Option<&Encoder>, message: &[u8]) -> Result<Vec<u8>, Trouble> {
    let Some(encoder) = encoder else { return Ok(message.to_vec()) };
    let mut frame = Vec::new();
    encoder.encode(message, &mut frame).map_err(|error| Trouble::Ended(error.to_string(), Exit::Protocol))?;
    Ok(frame)
}

/// Receives, once those who read have taken what came before.
async fn receive(socket: &Datagrams, batch: &mut DatagramBatch) -> io::Result<usize> {
    stdout::room().await;
    socket.receive(batch).await
}

/// Waits until the next datagram may go.
async fn turn(pace: Option<Duration>, sent_at: Option<Instant>) {
    if let (Some(pace), Some(sent_at)) = (pace, sent_at) {
        after(Some(pace), sent_at).await;
    }
}

/// The next batch; never, once standard input has ended.
async fn next(source: Option<&mut Source>) -> Option<Result<source::Batch, source::Mistake>> {
    match source {
        Some(source) => source.recv().await,
        None => std::future::pending().await,
    }
}
