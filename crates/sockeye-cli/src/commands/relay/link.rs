//! A connection that is carried: both directions, each as late, as slow and as lossy as is wished for.

use std::{
    cell::Cell,
    io,
    time::{Duration, Instant},
};

use sockeye::{Framing, message::Cuts};
use tokio::{
    sync::mpsc,
    time::{sleep, sleep_until},
};

use super::{
    How, Relay, Totals, Whose,
    ends::{Found, Side, Sink, Source, Unfinished},
    watch::Direction,
};
use crate::{
    args::Limit,
    output::{
        odd::Odd,
        sentence::sockets::{is_gone, is_message_too_long, network},
        stdout::{self, Broken},
    },
};

/// Units that wait for their time, at most, in each direction. With the largest unit this bounds the memory of a delay.
const WAITING: usize = 256;
/// With a rate, one read takes no more than what passes in this time: so what is let through is even.
const SLICE: Duration = Duration::from_millis(10);
/// How long answers are still carried to a sender of datagrams that is forgotten.
const LAST_ANSWERS: Duration = Duration::from_millis(100);
/// The least that one read takes, whatever the rate.
const LEAST_READ: usize = 512;

/// How a connection ended.
pub(super) struct End {
    pub(super) how: How,
    pub(super) sentence: Option<String>,
}

/// What happens to what is carried.
pub(super) struct Link<'a> {
    pub(super) relay: &'a Relay,
    pub(super) id: u64,
    pub(super) totals: &'a Cell<Totals>,
    /// When something last came.
    pub(super) active: Cell<Instant>,
}

/// Why a direction stopped.
enum Stop {
    Network(io::Error),
    /// What came does not parse.
    Protocol(String),
    /// Standard output cannot be written any more, which ends the program elsewhere.
    Output,
    Limit,
    /// Nothing came for as long as `--idle` allows.
    Idle,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Network(error)
    }
}

impl From<Broken> for Stop {
    fn from(Broken: Broken) -> Self {
        Self::Output
    }
}

impl Link<'_> {
    /// Carries both ways until both have ended, or one has failed.
    pub(super) async fn run(&self, near: Side, far: Side) -> End {
        let datagrams = near.keeps_boundaries() && far.keeps_boundaries();
        let (near_source, near_sink, near_socket) = near.into_parts();
        let (far_source, far_sink, far_socket) = far.into_parts();
        let sockets = [near_socket, far_socket];
        let is_flow = near_source.is_flow();
        let up = async {
            self.direction(near_source, far_sink, Direction::Up, datagrams).await?;
            if is_flow {
                // Whoever has been silent for so long is not answered any more.
                sleep(LAST_ANSWERS).await;
                return Err(Stop::Idle);
            }
            Ok(())
        };
        let both =
            async { tokio::try_join!(up, self.direction(far_source, near_sink, Direction::Down, datagrams)) };
        let result = tokio::select! {
            result = both => result.map(drop),
            () = self.time_is_up() => Err(Stop::Limit),
            () = self.is_idle(), if !datagrams => Err(Stop::Idle),
        };
        let (how, sentence) = match result {
            Ok(()) => {
                sockets.into_iter().flatten().for_each(Unfinished::finish);
                (How::Fin, None)
            }
            // A side that failed is told to the other as what it was: the connection is no more.
            Err(Stop::Limit | Stop::Output) => (How::Closed, None),
            // A sender of datagrams that is forgotten has done nothing wrong.
            Err(Stop::Idle) if is_flow => (How::TimedOut, None),
            Err(Stop::Idle) => (How::TimedOut, Some("nothing came for as long as --idle allows".to_owned())),
            Err(Stop::Protocol(sentence)) => {
                // The messages before it were good.
                for socket in sockets.iter().flatten() {
                    socket.delivered().await;
                }
                (How::Protocol, Some(sentence))
            }
            // A message that the framing of the other side has no way to say.
            Err(Stop::Network(error)) if error.kind() == io::ErrorKind::InvalidData => {
                (How::Protocol, Some(error.to_string()))
            }
            Err(Stop::Network(error)) if is_gone(&error) => (How::Reset, Some(network(&error))),
            Err(Stop::Network(error)) => (How::Failed, Some(network(&error))),
        };
        End { how, sentence }
    }

    async fn time_is_up(&self) {
        match self.relay.args.reset_after {
            Some(Limit::Time(time)) => sleep(time).await,
            _ => std::future::pending().await,
        }
    }

    async fn is_idle(&self) {
        let Some(limit) = self.relay.args.idle else { return std::future::pending().await };
        while self.active.get().elapsed() < limit {
            sleep_until((self.active.get() + limit).into()).await;
        }
    }

    /// One direction: what comes is read at once and let go when it is time.
    async fn direction(
        &self,
        mut source: Source,
        mut sink: Sink,
        way: Direction,
        datagrams: bool,
    ) -> Result<(), Stop> {
        let args = &self.relay.args;
        let (sender, mut waiting) = mpsc::channel::<(Instant, Found)>(WAITING);
        let most = args.rate.map_or(usize::MAX, |rate| {
            let slice = u128::from(rate) * SLICE.as_millis() / 1000;
            usize::try_from(slice).unwrap_or(usize::MAX).max(LEAST_READ)
        });
        let (framing, ends) = (source.framing().cloned(), source.ends());
        // When its end came.
        let end = Cell::new(None);
        let ended = &end;
        let reading = async move {
            let mut units = 0;
            loop {
                stdout::room().await;
                let found = source.next(most).await?;
                if found.is_empty() {
                    ended.set(Some(Instant::now()));
                    return Ok::<(), Stop>(());
                }
                units += found.len() as u64;
                self.count_reads(way, source.reads(units));
                self.active.set(Instant::now());
                let due = Instant::now() + args.delay.unwrap_or_default();
                for found in found {
                    if sender.send((due, found)).await.is_err() {
                        return Ok(());
                    }
                }
            }
        };
        let writing = async {
            let seed = self.relay.seed ^ self.id ^ way.number();
            let mut cuts = Cuts::new(args.split, seed);
            let mut dice = Dice(seed);
            let mut free = Instant::now();
            let (mut number, mut carried) = (0, 0);
            while let Some((due, found)) = waiting.recv().await {
                if args.delay.is_some() {
                    sleep_until(due.into()).await;
                }
                let unit = match (found, &framing) {
                    (Found::Unit(unit), _) => unit,
                    (Found::Odd(odd, last), Some(framing)) => {
                        self.misread(way, (&odd, framing), last, sink.needs_messages())?;
                        continue;
                    }
                    (Found::Odd(..), None) => continue,
                };
                number += 1;
                let lost = datagrams && args.loss.is_some_and(|share| dice.roll() < share);
                self.relay.watch.saw(self.id, way, number, &unit, lost);
                if lost {
                    continue;
                }
                free = self.pace(free, unit.bytes.len()).await;
                carried += unit.bytes.len() as u64;
                match sink.put(&unit, &mut cuts).await {
                    Ok((len, writes)) => self.count(way, len, writes)?,
                    // A datagram that the other side's framing, or a datagram there, has no room for is one that is lost.
                    Err(error) if cannot_be_said(&error) && (!ends || sink.is_datagrams()) => {
                        self.relay.tell.not_carried(self.id, way.name(), &network(&error))?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            if let (Some(delay), Some(at)) = (args.delay, end.get()) {
                sleep_until((at + delay).into()).await;
            }
            sink.end().await?;
            if ends {
                self.relay.tell.end(self.id, way.name(), carried)?;
            }
            Ok(())
        };
        tokio::try_join!(reading, writing).map(drop)
    }

    /// Tells what is no message. It ends the connection with `--strict`, and where only messages can be carried on and none can
    /// be read any more.
    fn misread(
        &self,
        way: Direction,
        odd: (&Odd, &Framing),
        last: bool,
        needs_messages: bool,
    ) -> Result<(), Stop> {
        let ends = self.relay.args.strict || last && needs_messages;
        self.relay.tell.odd(Whose::Connection(self.id), way.name(), odd, u8::from(ends))?;
        if ends { Err(Stop::Protocol(odd.0.sentence(odd.1))) } else { Ok(()) }
    }

    /// Waits until the link is free, and says when it will be free again.
    async fn pace(&self, free: Instant, len: usize) -> Instant {
        let Some(rate) = self.relay.args.rate else { return free };
        let now = Instant::now();
        if free > now {
            sleep_until(free.into()).await;
        }
        let nanoseconds = len as u128 * 1_000_000_000 / u128::from(rate);
        free.max(now) + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// What came from the caller counts as read, and what went to it as written; the other side's part is not told.
    fn count_reads(&self, way: Direction, reads: u64) {
        if way == Direction::Up {
            self.totals.set(Totals { reads, ..self.totals.get() });
        }
    }

    fn count(&self, way: Direction, len: u64, writes: u64) -> Result<(), Stop> {
        let mut totals = self.totals.get();
        let (bytes, units) = match way {
            Direction::Up => (&mut totals.received, &mut totals.messages_in),
            Direction::Down => {
                totals.writes += writes;
                (&mut totals.sent, &mut totals.messages_out)
            }
        };
        *bytes += len;
        *units += 1;
        self.totals.set(totals);
        match self.relay.args.reset_after {
            Some(Limit::Bytes(most)) if totals.received + totals.sent >= most => Err(Stop::Limit),
            _ => Ok(()),
        }
    }
}

/// Whether a message fits neither the framing nor the datagrams of the other side.
fn cannot_be_said(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData || is_message_too_long(error)
}

/// Numbers from 0 to 1, the same for the same seed (SplitMix64; Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}
