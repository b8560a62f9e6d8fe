//! Sockets without connections: one message, one datagram.

use std::{
    collections::BTreeSet,
    io,
    time::{Duration, Instant},
};

use sockeye::{
    Encoder,
    message::{Inbound, Received, Spot},
    socket::{Datagram, Datagrams, SocketName},
};

use super::{
    plan::{Plan, after},
    source::{self, Source},
};
use crate::{
    args::OnEof,
    exit::Exit,
    output::{sentence::sockets::network, stdout::Broken},
    trouble::Trouble,
};

/// Room for the largest datagram there can be.
pub(super) const ROOM: usize = 256 * 1024;
/// Senders that are remembered, so that each is announced once.
const MOST_SENDERS: usize = 4096;
/// How long answers are waited for after standard input has ended, unless -q says.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Sends standard input and shows what comes back. Datagrams have no end: after standard input the answers are waited for as
/// long as -q says, a second without it; with `--count` or `--on-eof hold` until they are there.
pub(super) async fn talk(socket: Datagrams, plan: &Plan) -> Result<Exit, Trouble> {
    let source = source::standard_input(&plan.input, true, plan.interactive);
    let mut post = Post { socket: &socket, plan, sent: 0, answer_to: None, ended_at: None };
    let room = plan.read_size_of_datagrams();
    let quit = match (plan.on_eof, plan.missing(), plan.quit) {
        (OnEof::Close, ..) => Some(Duration::ZERO),
        (_, _, Some(quit)) => Some(quit),
        (OnEof::Hold, ..) | (_, Some(_), _) => None,
        _ => Some(LAST_ANSWERS),
    };
    post.exchange(source, room, quit).await
}

/// Shows what comes; what standard input brings goes to the last sender.
pub(super) async fn serve(
    mut socket: Datagrams,
    plan: &Plan,
    keep: bool,
    take_first: bool,
) -> Result<Exit, Trouble> {
    let room = plan.read_size_of_datagrams();
    if take_first {
        let mut first = vec![0; 0];
        let Datagram { from, .. } = socket.peek(&mut first).await.map_err(|error| failed(&error))?;
        socket.take_peer(&from).map_err(|error| failed(&error))?;
    }
    let source = source::standard_input(&plan.input, true, plan.interactive);
    let mut post = Post { socket: &socket, plan, sent: 0, answer_to: None, ended_at: None };
    let _ = keep; // a socket without connections goes on in any case
    post.exchange(source, room, plan.quit).await
}

fn failed(error: &io::Error) -> Trouble {
    Trouble::Ended(network(error), Exit::Network)
}

/// A socket at work.
struct Post<'a> {
    socket: &'a Datagrams,
    plan: &'a Plan,
    sent: u64,
    /// Who sent last, for a socket that listens.
    answer_to: Option<SocketName>,
    ended_at: Option<Instant>,
}

impl Post<'_> {
    async fn exchange(
        &mut self,
        source: Source,
        room: usize,
        quit: Option<Duration>,
    ) -> Result<Exit, Trouble> {
        let mut source = Some(source);
        let mut inbox = Inbox::new(self.plan, room);
        let mut active = Instant::now();
        let encoder = self.plan.framing_out.clone().map(Encoder::new);
        loop {
            tokio::select! {
                received = self.socket.receive(&mut inbox.buffer) => {
                    active = Instant::now();
                    let datagram = match received {
                        Ok(datagram) => datagram,
                        // An answer of the network to something sent before: nobody listens there.
                        Err(error) => return Err(failed(&error)),
                    };
                    self.answer_to = Some(datagram.from.clone());
                    if self.plan.echo {
                        self.send(inbox.payload(&datagram), Some(&datagram.from)).await?;
                    }
                    inbox.take(&datagram).map_err(stop)?;
                }
                batch = next(source.as_mut()) => match batch {
                    Some(Err(sentence)) => return Err(Trouble::Ended(sentence, Exit::Usage)),
                    Some(Ok(batch)) => {
                        for message in batch.iter() {
                            let framed = framed(encoder.as_ref(), message)?;
                            self.send(&framed, None).await?;
                            active = Instant::now();
                        }
                    }
                    None => {
                        source = None;
                        self.ended_at = Some(Instant::now());
                    }
                },
                () = after(quit, self.ended_at.unwrap_or(active)), if self.ended_at.is_some() => {
                    return self.verdict();
                }
                () = after(self.plan.idle, active) => {
                    let sentence = "nothing was sent or received for as long as --idle allows".to_owned();
                    return Err(Trouble::Ended(sentence, Exit::TimedOut));
                }
                () = self.plan.enough.notified() => return Ok(Exit::Done),
            }
        }
    }

    fn verdict(&self) -> Result<Exit, Trouble> {
        match self.plan.missing() {
            None => Ok(Exit::Done),
            Some(missing) => {
                let sentence = format!("{missing} of the messages that --count asked for did not come");
                Err(Trouble::Ended(sentence, Exit::TimedOut))
            }
        }
    }

    /// Sends one datagram: back to somebody, to the endpoint dialled, or to the last sender.
    async fn send(&mut self, payload: &[u8], to: Option<&SocketName>) -> Result<(), Trouble> {
        if let Some(pace) = self.plan.pace.filter(|_| self.sent > 0) {
            tokio::time::sleep(pace).await;
        }
        let (target, result) = match (to, &self.answer_to) {
            _ if self.socket.has_target() => (None, self.socket.send(payload).await),
            (Some(to), _) | (None, Some(to)) => (Some(to.clone()), self.socket.send_to(payload, to).await),
            (None, None) => {
                self.plan.tell.note("sockeye: not sent: nobody has sent anything yet to whom this could go");
                return Ok(());
            }
        };
        let len = result.map_err(|error| failed(&error))?;
        self.sent += 1;
        if self.plan.tell.tells_sent() {
            let peer = target.as_ref().unwrap_or(&self.socket.facts().peer).to_string();
            let told =
                self.plan.tell.sent(None, Some(&peer), (payload, &[]), (self.sent, 0, payload.len()), &[len]);
            told.map_err(|Broken| Trouble::Silent(Exit::LocalIo))?;
        }
        Ok(())
    }
}

fn framed(encoder: Option<&Encoder>, message: &[u8]) -> Result<Vec<u8>, Trouble> {
    let Some(encoder) = encoder else { return Ok(message.to_vec()) };
    let mut frame = Vec::new();
    encoder.encode(message, &mut frame).map_err(|error| Trouble::Ended(error.to_string(), Exit::Protocol))?;
    Ok(frame)
}

/// The next batch; never, once standard input has ended.
async fn next(source: Option<&mut Source>) -> Option<Result<source::Batch, String>> {
    match source {
        Some(source) => source.recv().await,
        None => std::future::pending().await,
    }
}

/// What arrives, shown.
struct Inbox<'a> {
    plan: &'a Plan,
    buffer: Vec<u8>,
    senders: BTreeSet<String>,
    count: u64,
}

/// Why showing stopped.
enum Stop {
    Framing(String),
    Output,
}

impl From<Broken> for Stop {
    fn from(_: Broken) -> Self {
        Self::Output
    }
}

fn stop(stop: Stop) -> Trouble {
    match stop {
        Stop::Framing(sentence) => Trouble::Ended(sentence, Exit::Protocol),
        Stop::Output => Trouble::Silent(Exit::LocalIo),
    }
}

impl<'a> Inbox<'a> {
    fn new(plan: &'a Plan, room: usize) -> Self {
        Self { plan, buffer: vec![0; room], senders: BTreeSet::new(), count: 0 }
    }

    fn payload(&self, datagram: &Datagram) -> &[u8] {
        &self.buffer[..datagram.len]
    }

    fn take(&mut self, datagram: &Datagram) -> Result<(), Stop> {
        self.count += 1;
        let peer = datagram.from.to_string();
        if self.senders.len() < MOST_SENDERS && self.senders.insert(peer.clone()) {
            self.plan.tell.met(&peer);
        }
        if datagram.wire_len > datagram.len {
            self.plan.tell.cut(&peer, datagram.len, datagram.wire_len)?;
        }
        match &self.plan.framing_in {
            None => self.whole(datagram, &peer),
            Some(framing) => {
                let mut inbound = Inbound::new(Some(framing.clone()));
                inbound.read(&self.buffer[..datagram.len]);
                self.frames(&mut inbound, &peer)
            }
        }
    }

    fn whole(&self, datagram: &Datagram, peer: &str) -> Result<(), Stop> {
        let reads = (self.count, self.count);
        let spot = Spot { number: self.count, offset: 0, wire_len: datagram.wire_len, reads };
        self.plan.tell.message(None, Some(peer), &[], &self.buffer[..datagram.len], &spot)?;
        self.plan.count();
        Ok(())
    }

    /// The messages within a datagram. One that is not complete will not become so.
    fn frames(&self, inbound: &mut Inbound, peer: &str) -> Result<(), Stop> {
        while let Some(received) = inbound.next() {
            match received {
                Received::Message { payload, header, spot } => {
                    let spot = Spot { reads: (self.count, self.count), ..spot };
                    self.plan.tell.message(None, Some(peer), header, payload, &spot)?;
                    self.plan.count();
                }
                other => {
                    return Err(Stop::Framing(format!("a datagram from {peer} does not parse: {other:?}")));
                }
            }
        }
        inbound.finish().map_err(|cut| Stop::Framing(format!("a datagram from {peer} does not parse: {cut}")))
    }
}
