//! A plain connection: bytes from standard input to the socket and from the socket to standard output, unseen, as fast as the
//! kernel moves them. Each direction has a thread, for files and terminals block.

use std::{
    io,
    net::Shutdown,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Instant,
};

use sockeye::socket::{Carried, Connection, Progress, Side, carry, lost, shut_down};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    plan::{Plan, after},
    session::LAST_WORDS,
    stats,
};
use crate::{
    args::OnEof,
    exit::Exit,
    output::{sentence::sockets::network, stdout::Broken},
    trouble::Trouble,
};

/// Both directions, until both have ended.
pub(super) async fn both_ways(connection: Connection, plan: &Plan) -> Result<Exit, Trouble> {
    let fail = |error: io::Error| Trouble::Ended(network(&error), Exit::Network);
    let socket = connection.into_socket().map_err(fail)?;
    let looked_at = plan.stats.and_then(|_| socket.try_clone().ok());
    tokio::select! {
        outcome = exchange(&socket, plan) => outcome,
        Broken = stats::watch(looked_at, 1, plan.stats, &plan.tell) => Err(Trouble::Silent(Exit::LocalIo)),
    }
}

async fn exchange(socket: &OwnedFd, plan: &Plan) -> Result<Exit, Trouble> {
    let fail = |error: io::Error| Trouble::Ended(network(&error), Exit::Network);
    let up = Direction::start("stdin", io::stdin(), socket.try_clone().map_err(fail)?)?;
    let mut down = Direction::start("stdout", socket.try_clone().map_err(fail)?, io::stdout())?;
    let mut up = Some(up);
    let mut sent_at = None;
    loop {
        tokio::select! {
            result = &mut down.result => {
                judge(result.unwrap_or(Ok(())), Side::From)?;
                return match up {
                    Some(up) => rest(up, socket, plan).await,
                    None => Ok(Exit::Done),
                };
            }
            result = async { (&mut up.as_mut().expect("guarded").result).await }, if up.is_some() => {
                judge(result.unwrap_or(Ok(())), Side::To)?;
                up = None;
                sent_at = Some(Instant::now());
                match plan.on_eof {
                    OnEof::HalfClose => end_sending(socket).map_err(fail)?,
                    OnEof::Close => return Ok(Exit::Done),
                    OnEof::Hold => {}
                }
            }
            () = after(plan.quit, sent_at.unwrap_or_else(Instant::now)), if sent_at.is_some() => {
                let sentence = "the other side has not ended within -q; what it would still have sent is lost".to_owned();
                return Err(Trouble::Ended(sentence, Exit::TimedOut));
            }
        }
    }
}

/// A direction that is being carried.
struct Direction {
    result: oneshot::Receiver<Carried>,
    progress: Arc<Progress>,
}

impl Direction {
    fn start(
        name: &'static str,
        from: impl AsFd + Send + 'static,
        to: impl AsFd + Send + 'static,
    ) -> Result<Self, Trouble> {
        let progress = Arc::new(Progress::default());
        let (sender, result) = oneshot::channel();
        let told = Arc::clone(&progress);
        let run = move || {
            // Nobody may be waiting for it any more.
            let _ = sender.send(carry(from.as_fd(), to.as_fd(), &told));
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(|source| Trouble::file("start", "(a thread)", source))?;
        Ok(Self { result, progress })
    }
}

/// After the other side has ended: until standard input has ended too, or the connection is no more.
async fn rest(mut up: Direction, socket: &OwnedFd, plan: &Plan) -> Result<Exit, Trouble> {
    let fail = |error: io::Error| Trouble::Ended(network(&error), Exit::Network);
    let watched = socket.try_clone().map_err(fail)?;
    let why = tokio::select! {
        result = &mut up.result => return done(result.unwrap_or(Ok(()))),
        () = last_words(&up.progress), if plan.interactive => return Ok(Exit::Done),
        why = lost(watched) => why,
    };
    // Its end may be on the way already, and then nothing is missing.
    match timeout(LAST_WORDS, up.result).await {
        Ok(result) => done(result.unwrap_or(Ok(()))),
        Err(_) => Err(fail(why)),
    }
}

fn done(carried: Carried) -> Result<Exit, Trouble> {
    judge(carried, Side::To).map(|()| Exit::Done)
}

/// Waits until a person has typed nothing for a while.
async fn last_words(up: &Progress) {
    loop {
        let before = up.moved();
        sleep(LAST_WORDS).await;
        if up.moved() == before && !up.has_more(io::stdin().as_fd()) {
            return;
        }
    }
}

/// Says whose fault it was: the network's, if the side of the socket failed; otherwise that of standard input or output.
fn judge(carried: Carried, socket: Side) -> Result<(), Trouble> {
    carried.map_err(|(side, error)| {
        if side == socket {
            Trouble::Ended(network(&error), Exit::Network)
        } else if side == Side::To {
            Trouble::output(error)
        } else {
            Trouble::file("read", "(standard input)", error)
        }
    })
}

/// Tells the other side that no more comes. One that has closed already needs no word.
fn end_sending(socket: &OwnedFd) -> io::Result<()> {
    match shut_down(socket.as_fd(), Shutdown::Write) {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}
