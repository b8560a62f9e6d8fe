//! `sockeye opts`: what a socket is, its options, its buffers.
//!
//! | module | does |
//! |---|---|
//! | [`opened`] | opens the socket: dials, listens, binds |
//! | [`show`] | writes facts and options, for people or as JSON |
//! | [`watch`] | asks for queues and `TCP_INFO` again and again |
//! | [`json`] | the events |

mod json;
mod opened;
mod show;
mod watch;

#[cfg(test)]
pub(crate) use json::samples;

use std::io;

use sockeye::{
    inspect::Facts,
    option::{self, Target},
};

use self::{opened::Opened, show::Show};
use super::sockets::run_here;
use crate::{args::OptsArgs, exit::Exit, output::stdout::Broken, trouble::Trouble};

/// Opens the socket, sets what is to be set, shows what is to be shown.
pub(super) fn run(args: &OptsArgs) -> Result<Exit, Trouble> {
    let endpoint = opened::endpoint(args)?;
    let wanted: Vec<Target> = args.get.iter().map(|name| Target::parse(name)).collect::<Result<_, _>>()?;
    run_here(async {
        let opened = Opened::open(&endpoint, args).await?;
        let socket = opened.descriptor()?;
        let facts = Facts::of(&socket).map_err(|source| unreadable(&source))?;
        let show = Show::new(args.json);
        show.facts(&facts, opened.is_listening()).map_err(broken)?;
        for setting in &args.set {
            let applied = setting.apply(&socket)?;
            show.applied(setting, &applied).map_err(broken)?;
        }
        let mut answers = Vec::new();
        for target in &wanted {
            match target.on(&facts)? {
                Some(option) => answers.push((option, target.read(&socket))),
                None => show.number(target, &target.read(&socket)).map_err(broken)?,
            }
        }
        show.options(answers.into_iter()).map_err(broken)?;
        let watches = args.tcp_info.is_some() || args.queues.is_some();
        if args.all || args.set.is_empty() && wanted.is_empty() && !watches {
            let answers = option::of_socket(&facts).map(|option| (option, option::read(&socket, option)));
            show.options(answers).map_err(broken)?;
        }
        if watches { watch::watch(&opened, &socket, &facts, &show, args).await } else { Ok(Exit::Done) }
    })
}

/// The kernel says nothing of an open socket: on Linux that is a connection which broke.
fn unreadable(source: &io::Error) -> Trouble {
    Trouble::Ended(format!("cannot look into the socket: {source}"), Exit::Network)
}

fn broken(_: Broken) -> Trouble {
    Trouble::Silent(Exit::LocalIo)
}
