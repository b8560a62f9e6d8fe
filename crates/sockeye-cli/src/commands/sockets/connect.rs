//! `sockeye connect`.

use sockeye::{
    endpoint::{Endpoint, Host, Port},
    socket::{Connection, Datagrams},
};

use super::{
    datagrams, plan,
    plan::{Plan, Role},
    pump, run_here,
    session::{self, Presence, Supply},
};
use crate::{args::ConnectArgs, exit::Exit, trouble::Trouble};

/// Connects and carries standard input there and what comes back to standard output.
pub(in crate::commands) fn run(args: &ConnectArgs) -> Result<Exit, Trouble> {
    let mut endpoint = plan::endpoint(&args.endpoint, args.port.as_deref(), &args.socket)?;
    plan::can_be_dialled(&endpoint)?;
    bind_from(args, &mut endpoint)?;
    plan::split_fits(&args.socket)?;
    plan::tear(&mut endpoint, args.socket.split);
    run_here(async {
        let role = Role { keep: false, echo: false, message_timeout: None };
        let plan = Plan::new(&args.socket, endpoint.scheme(), &role);
        if endpoint.scheme().is_datagram() {
            let socket = Datagrams::dial(&endpoint).await?;
            plan.tell.opened(1, socket.facts(), 1).map_err(|_| Trouble::Silent(Exit::LocalIo))?;
            return datagrams::talk(socket, &plan).await;
        }
        let mut connection = Connection::dial(&endpoint).await?;
        let least = u8::from(!args.probe);
        plan.tell.opened(1, connection.facts(), least).map_err(|_| Trouble::Silent(Exit::LocalIo))?;
        if args.probe {
            if connection.facts().tls.is_some() {
                session::part(&mut connection).await;
            }
            return Ok(Exit::Done);
        }
        talk(connection, &plan, args).await
    })
}

async fn talk(connection: Connection, plan: &Plan, args: &ConnectArgs) -> Result<Exit, Trouble> {
    if plan.is_plain(&args.socket) && connection.is_plain() {
        return pump::both_ways(connection, plan).await;
    }
    let by_message = plan.framing_out.is_some() || connection.keeps_boundaries();
    let source = plan.standard_input(by_message);
    let end = session::run(connection, 1, plan, Supply::Own(source), Presence::new()).await?;
    outcome(end, plan)
}

/// How the program ends after a session.
pub(super) fn outcome(end: session::End, plan: &Plan) -> Result<Exit, Trouble> {
    match (end.trouble, plan.missing()) {
        (Some((sentence, exit)), _) => Err(Trouble::Ended(sentence, exit)),
        (None, Some(missing)) => Err(Trouble::Ended(
            format!("it ended with {missing} of the messages missing that --count asked for"),
            Exit::TimedOut,
        )),
        (None, None) => Ok(Exit::Done),
    }
}

/// `-s` and `-p`, which are `?bind=` under the names that netcat has for it.
fn bind_from(args: &ConnectArgs, endpoint: &mut Endpoint) -> Result<(), Trouble> {
    if args.source.is_none() && args.source_port.is_none() {
        return Ok(());
    }
    if !endpoint.scheme().is_inet() {
        return Err(Trouble::Usage(format!(
            "-s and -p mean nothing for {}; leave them out",
            endpoint.scheme()
        )));
    }
    let host = match &args.source {
        Some(text) => {
            let address = text.parse().map_err(|_| {
                Trouble::Usage(format!(
                    "{text} after -s is no address; give one of this machine, like 192.0.2.1"
                ))
            })?;
            Host::Address { address, zone: None }
        }
        None => Host::Any,
    };
    endpoint.options_mut().bind = Some((host, Port::Number(args.source_port.unwrap_or(0))));
    Ok(())
}
