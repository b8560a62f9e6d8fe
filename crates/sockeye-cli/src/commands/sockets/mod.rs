//! `sockeye connect` and `sockeye listen`: bytes, messages and datagrams between standard input and output and sockets.
//!
//! | module | does |
//! |---|---|
//! | [`plan`] | turns arguments into what is to be done |
//! | [`connect`], [`listen`] | the two commands |
//! | [`session`] | one connection from its beginning to its end |
//! | [`half`] | a connection that two directions share |
//! | [`inbound`] | what it receives: read, taken apart, shown |
//! | [`outbound`] | what it sends: framed, cut, paced |
//! | [`datagrams`] | a socket without connections |
//! | [`pump`] | a plain connection at the speed of the socket |
//! | [`source`] | standard input, as messages |
//! | [`stats`] | how full the buffers are |
//! | [`tell`] | what happened: messages, events, sentences |

mod connect;
mod datagrams;
mod half;
mod inbound;
mod listen;
mod outbound;
mod plan;
mod pump;
mod session;
mod source;
mod stats;
mod tell;

use std::{future::Future, time::Duration};

use tokio::{runtime::Builder, task::LocalSet};

pub(super) use connect::run as connect;
pub(super) use half::Half;
pub(super) use listen::run as listen;
pub(super) use plan::{Wish, can_be_dialled, can_be_listened_on, endpoint_of, tear};
pub(super) use tell::{How, Open, Tell, Totals, Whose};

use crate::{exit::Exit, output::stdout, signals::Signals, trouble::Trouble};

/// Time between the pieces of a message that is cut on purpose, or the kernel may put them together again; and how many pieces of
/// one message are kept apart so, for a long one would take for ever.
pub(super) const BETWEEN_PIECES: Duration = Duration::from_millis(1);
pub(super) const PIECES_APART: usize = 256;

/// Runs a command on this thread alone until it ends, a signal comes, or standard output cannot be written any more. What was
/// gathered for standard output is handed on whenever there is nothing else to do.
pub(super) fn run_here(task: impl Future<Output = Result<Exit, Trouble>>) -> Result<Exit, Trouble> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .on_thread_park(|| {
            // Whether it worked is asked for when the next is appended, and by `failed`.
            let _ = stdout::flush();
        })
        .build()
        .map_err(|source| Trouble::file("start", "(the runtime)", source))?;
    stdout::start().map_err(|source| Trouble::file("start", "(a thread)", source))?;
    let outcome = LocalSet::new().block_on(&runtime, async {
        let mut signals = Signals::listen().map_err(|source| Trouble::file("watch", "(signals)", source))?;
        tokio::select! {
            outcome = task => outcome,
            () = signals.next() => Err(Trouble::Interrupted),
            () = stdout::failed() => Err(Trouble::output(stdout::failure())),
        }
    });
    runtime.shutdown_background();
    match (stdout::finish(matches!(outcome, Err(Trouble::Interrupted))), &outcome) {
        // A command that noticed it has left the sentence to be found here.
        (_, Err(Trouble::Silent(Exit::LocalIo))) | (Err(stdout::Broken), Ok(_)) => {
            Err(Trouble::output(stdout::failure()))
        }
        _ => outcome,
    }
}
