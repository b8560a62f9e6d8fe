//! The receiver's task: meets the sender, runs sessions, comes back after a loss, goes on with `keep`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Consent, Error, Event, Output, ReceiveConfig, Route, Summary, Target as Whom,
    crypto::PairingCrypto,
    machine::Machine,
    meet::{Ground, Known, Meeting, Session, Welcome},
};

use super::{
    Context, loss,
    receiving::{self, Signal, Wishes},
    session::{self, Ended, Patience},
    target::{Target, TargetConfig},
};

/// How long a code to pair a new peer lives while others are received from.
const PAIR_LIFETIME: Duration = Duration::from_secs(600);

/// Checks what can be checked at once.
pub(super) fn check(config: &ReceiveConfig) -> Result<(), Error> {
    if config.keep && matches!(config.route, Route::Dial(_)) {
        return Err(Error::Misuse { detail: String::from("to keep receiving, this side has to listen") });
    }
    match &config.output {
        Output::Stdout => Ok(()),
        Output::Directory(directory) => {
            let local =
                |source| Error::LocalIo { action: "open the directory", path: directory.clone(), source };
            let found = std::fs::metadata(directory).map_err(local)?;
            if found.is_dir() { Ok(()) } else { Err(local(std::io::ErrorKind::NotADirectory.into())) }
        }
    }
}

/// Runs the transfer, or with `keep` transfers, to the end.
pub(super) async fn run(config: ReceiveConfig, mut context: Context) -> Result<Summary, Error> {
    let machine = Machine::open(&config.common.home)?;
    let ground = Ground {
        crypto: PairingCrypto::new(machine.key.clone()),
        events: context.events.clone(),
        cancel: context.cancel.clone(),
        device_name: config.common.device_name.clone(),
        timeout: if config.keep { Duration::MAX } else { config.common.timeout },
        sends: false,
    };
    let mut meeting = meet(&ground, &config, &machine).await?;
    let (mut next, mut approved, mut reconnects, mut patience) = (None, None, 0, Patience::default());
    loop {
        let session = match next.take() {
            Some(session) => session,
            None => meeting.session().await?,
        };
        let consent = paired(&config, &machine, &mut meeting, &session, &context)?;
        let began = Instant::now();
        let (nameplate, sender) = (meeting.nameplate(), session.identity);
        let wishes = Arc::new(Mutex::new(Wishes {
            consent,
            max_size: config.max_size,
            sender,
            approved,
            read_once: false,
        }));
        let work = work(&config, &session, Arc::clone(&wishes));
        let ended =
            session::run(session, &mut context, &mut meeting, |n, d| Some(Signal::Decided(n, d)), work).await;
        let read_once = {
            let wishes = wishes.lock().unwrap_or_else(PoisonError::into_inner);
            approved = wishes.approved;
            wishes.read_once
        };
        match ended {
            Ended::With(Ok(mut summary)) => {
                approved = None;
                summary.stats.reconnects = reconnects;
                if let Some(nameplate) = nameplate {
                    machine.forget_received(nameplate, &sender);
                }
                context.events.tell(Event::Finished(summary.clone()));
                if !config.keep {
                    meeting.leave().await;
                    return Ok(summary);
                }
            }
            Ended::With(Err(Error::Cancelled)) => return Err(Error::Cancelled),
            Ended::With(Err(error))
                if config.keep
                    || (context.may_go_on(&error) && !read_once && config.output != Output::Stdout) =>
            {
                context.events.tell(Event::Reconnecting { reason: loss(&error) });
                if !config.keep && !patience.again(began.elapsed()).await {
                    return Err(error);
                }
            }
            Ended::With(Err(error)) => return Err(error),
            Ended::Superseded(session) => {
                context.events.tell(Event::Reconnecting { reason: String::from("the peer came back") });
                next = Some(*session);
            }
        }
        reconnects += 1;
    }
}

async fn meet(ground: &Ground, config: &ReceiveConfig, machine: &Machine) -> Result<Meeting, Error> {
    match &config.route {
        Route::Listen(listen) => {
            let welcome = Welcome {
                code: !config.keep || config.pair,
                lifetime: config.keep.then_some(PAIR_LIFETIME),
                known: machine.all_remembered(false),
                nameplate: None,
                many: false,
            };
            Meeting::wait(ground, listen, welcome).await
        }
        Route::Dial(dial) => {
            let known = match (&dial.target, &dial.code) {
                (Some(Whom::Peer(name)), _) => Some(machine.remembered(name, false)?),
                (_, Some(code)) => machine.received_run(code.nameplate()),
                _ => None,
            };
            Meeting::go(ground, dial, known)
        }
    }
}

/// The peer is known: tells the user, keeps what it takes to recognise it, and says who consents.
fn paired(
    config: &ReceiveConfig,
    machine: &Machine,
    meeting: &mut Meeting,
    session: &Session,
    context: &Context,
) -> Result<Consent, Error> {
    let peer = machine.peer_of(session)?;
    let known_as = peer.remembered_as.clone();
    context.events.tell(Event::Paired { peer });
    let known = Known { identity: session.identity, pair_key: session.pair_key.clone() };
    if let Some(nameplate) = meeting.nameplate() {
        machine.keep_received(nameplate, &known);
    }
    meeting.remember(known);
    if let Some(name) = &config.common.remember {
        context.remember(machine, name, session, true, known_as.as_deref());
    }
    if machine.accepts_without_asking(session)? { Ok(Consent::Yes) } else { Ok(config.consent) }
}

fn work(
    config: &ReceiveConfig,
    session: &Session,
    wishes: Arc<Mutex<Wishes>>,
) -> impl FnOnce(
    super::links::Links<Signal>,
    tokio::sync::mpsc::UnboundedSender<Signal>,
    crate::wire::lane::Lane,
) -> Result<Summary, Error>
+ Send
+ 'static {
    let target = TargetConfig {
        output: config.output.clone(),
        existing: config.existing,
        portable_names: config.portable_names,
        sender: session.identity,
    };
    move |links, signals, lane| {
        let mut wishes = wishes.lock().unwrap_or_else(PoisonError::into_inner);
        receiving::run(links, signals, lane, &mut wishes, &mut |transfer| Target::open(&target, transfer))
    }
}
