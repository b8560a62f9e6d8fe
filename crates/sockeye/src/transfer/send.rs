//! The sender's task: meets the receiver, runs sessions, comes back after a loss.

use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use sockeye_proto::content::{Entry, EntryKind, SourceIdentity, Timestamp};
use tokio::sync::mpsc;

use crate::{
    DeliveryConfig, Error, Event, Peer, ReceiverPhase, Route, SendConfig, Source, Summary, Target,
    crypto::PairingCrypto,
    machine::Machine,
    meet::{Ground, Known, Meeting, Session, Welcome},
    source::{Reader, Walker},
};

use super::{
    Context, fingerprint, loss, many,
    sending::{self, Origin, Signal, Stream},
    session::{self, Ended, Patience},
};

/// Checks what can be checked at once, and begins the walk.
pub(super) fn check(config: &SendConfig) -> Result<Walker, Error> {
    let streams = config.sources.iter().filter(|s| **s == Source::Stdin).count();
    if config.sources.is_empty() || streams > 1 {
        return Err(Error::Misuse {
            detail: String::from("give at least one thing to send, standard input at most once"),
        });
    }
    if config.many.is_some() && (streams > 0 || !matches!(config.route, Route::Listen(_))) {
        return Err(Error::Misuse {
            detail: String::from(
                "to many, files are sent from where receivers can come to; not standard input",
            ),
        });
    }
    walker(config)
}

async fn to_many(
    config: &SendConfig,
    delivery: DeliveryConfig,
    walker: Walker,
    meeting: Meeting,
    (machine, transfer): (&Machine, &[u8; 32]),
    mut context: Context,
) -> Result<Summary, Error> {
    let events = context.events.clone();
    events.tell(Event::Fingerprint { words: fingerprint(&machine.key.public()) });
    let paired = |meeting: &mut Meeting, session: &Session, others: &[Known]| {
        let peer = machine.peer_of(session)?;
        events.tell(Event::Paired { peer: peer.clone() });
        let known = Known { identity: session.identity, pair_key: session.pair_key.clone() };
        if let Some(nameplate) = meeting.nameplate() {
            machine.keep_sent_to_many(transfer, nameplate, &known, others);
        }
        meeting.remember(known);
        Ok(peer)
    };
    let summary = many::run(config, delivery, walker, meeting, *transfer, &mut context, paired).await?;
    if summary.receivers.iter().all(|receiver| receiver.phase == ReceiverPhase::Done) {
        machine.forget_sent(transfer);
    }
    context.events.tell(Event::Finished(summary.clone()));
    Ok(summary)
}

/// The interfaces that the user named.
pub(super) fn interfaces(config: &SendConfig) -> Vec<String> {
    match &config.route {
        Route::Listen(listen) => listen.interfaces.clone(),
        Route::Dial(dial) => dial.interfaces.clone(),
    }
}

fn walker(config: &SendConfig) -> Result<Walker, Error> {
    Ok(Walker::new(&paths(config), &config.exclude)?)
}

fn paths(config: &SendConfig) -> Vec<PathBuf> {
    let path = |source: &Source| match source {
        Source::Path(path) => Some(path.clone()),
        Source::Stdin => None,
    };
    config.sources.iter().filter_map(path).collect()
}

/// Runs the transfer to its end.
pub(super) async fn run(config: SendConfig, walker: Walker, mut context: Context) -> Result<Summary, Error> {
    let machine = Machine::open(&config.common.home)?;
    let transfer = transfer_key(&machine, &config);
    let ground = Ground {
        crypto: PairingCrypto::new(machine.key.clone()),
        events: context.events.clone(),
        cancel: context.cancel.clone(),
        device_name: config.common.device_name.clone(),
        // To many, whoever has come is served however long others take.
        timeout: if config.many.is_some() { Duration::MAX } else { config.common.timeout },
        sends: true,
    };
    let mut meeting = meet(&ground, &config, &machine, &transfer).await?;
    if let Some(delivery) = config.many.clone() {
        let sending = to_many(&config, delivery, walker, meeting, (&machine, &transfer), context);
        return Box::pin(sending).await;
    }
    let mut walker = Some(walker);
    let mut reconnects = 0;
    let (mut next, mut patience) = (None, Patience::default());
    loop {
        let session = match next.take() {
            Some(session) => session,
            None => meeting.session().await?,
        };
        let peer = machine.peer_of(&session)?;
        paired(&config, &machine, &mut meeting, &session, peer, &transfer, &context);
        let began = Instant::now();
        let mut origin = origin(&config, walker.take())?;
        let from_pipe = config.sources.contains(&Source::Stdin);
        let work = move |links, signal, lane| {
            if from_pipe {
                origin.stream = Some(stream(signal)?);
            }
            sending::run(links, lane, transfer, &mut origin)
        };
        match session::run(session, &mut context, &mut meeting, |_, _| None, work).await {
            Ended::With(Ok(mut summary)) => {
                summary.stats.reconnects = reconnects;
                machine.forget_sent(&transfer);
                meeting.leave().await;
                context.events.tell(Event::Finished(summary.clone()));
                return Ok(summary);
            }
            Ended::With(Err(error))
                if config.sources.contains(&Source::Stdin) || !context.may_go_on(&error) =>
            {
                return Err(error);
            }
            Ended::With(Err(error)) => {
                context.events.tell(Event::Reconnecting { reason: loss(&error) });
                if !patience.again(began.elapsed()).await {
                    return Err(error);
                }
            }
            Ended::Superseded(session) => {
                context.events.tell(Event::Reconnecting { reason: String::from("the peer came back") });
                next = Some(*session);
            }
        }
        reconnects += 1;
    }
}

async fn meet(
    ground: &Ground,
    config: &SendConfig,
    machine: &Machine,
    transfer: &[u8; 32],
) -> Result<Meeting, Error> {
    match &config.route {
        Route::Listen(listen) => {
            let run = machine.sent_run(transfer);
            let welcome = Welcome {
                code: true,
                lifetime: None,
                nameplate: run.as_ref().map(|run| run.nameplate),
                known: run.map(|run| run.known).unwrap_or_default(),
                many: config.many.is_some(),
            };
            Meeting::wait(ground, listen, welcome).await
        }
        Route::Dial(dial) => {
            let known = match &dial.target {
                Some(Target::Peer(name)) => Some(machine.remembered(name, true)?),
                _ => None,
            };
            Meeting::go(ground, dial, known)
        }
    }
}

/// The peer is known: tells the user, and keeps what it takes to recognise it.
fn paired(
    config: &SendConfig,
    machine: &Machine,
    meeting: &mut Meeting,
    session: &Session,
    peer: Peer,
    transfer: &[u8; 32],
    context: &Context,
) {
    let known_as = peer.remembered_as.clone();
    context.events.tell(Event::Paired { peer });
    let known = Known { identity: session.identity, pair_key: session.pair_key.clone() };
    if let Some(nameplate) = meeting.nameplate() {
        machine.keep_sent(transfer, nameplate, &known);
    }
    meeting.remember(known);
    if let Some(name) = &config.common.remember {
        context.remember(machine, name, session, false, known_as.as_deref());
    }
}

/// The same sources give the same key, which tells a stranger nothing about them.
fn transfer_key(machine: &Machine, config: &SendConfig) -> [u8; 32] {
    if config.sources.contains(&Source::Stdin) {
        let mut key = [0; 32];
        crate::crypto::random(&mut key);
        return key;
    }
    let mut message = b"sockeye transfer key v1".to_vec();
    for path in paths(config) {
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        let bytes = path.as_os_str().as_encoded_bytes();
        message.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        message.extend_from_slice(bytes);
    }
    blake3::derive_key("sockeye transfer key v1", &machine.key.sign(&message))
}

fn origin(config: &SendConfig, walker: Option<Walker>) -> Result<Origin, Error> {
    let walker = match walker {
        Some(walker) => walker,
        None => self::walker(config)?,
    };
    Ok(Origin { reader: Some(Reader::new(walker.tree())), walker: Some(walker), ..Origin::default() })
}

/// Standard input as an entry, and the thread that reads it.
fn stream(signal: mpsc::UnboundedSender<Signal>) -> Result<Stream, Error> {
    let entry = Entry {
        parent: None,
        name: b"stdin".to_vec(),
        kind: EntryKind::File { size: None },
        mode: 0o644,
        modified: now(),
        source: SourceIdentity::default(),
    };
    let buffers = sending::read_stream(Box::new(io::stdin()), signal);
    Ok(Stream { entry, buffers: buffers.map_err(|e| Error::Internal { detail: e.to_string() })? })
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanos: since.subsec_nanos() }
}
