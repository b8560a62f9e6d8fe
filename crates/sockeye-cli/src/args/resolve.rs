//! From parsed arguments to the library's configuration. Reads nothing but its parameters, so that a table can test it.

use std::path::PathBuf;

use sockeye::{
    Code, Common, Consent, DEFAULT_TIMEOUT, DeliveryConfig, DialConfig, Existing, Home, ListenConfig, Output,
    ReceiveConfig, Route, SendConfig, Source, Target,
};

use super::{ManyArgs, ReceiveArgs, SendArgs, SharedArgs, Start, value};
use crate::trouble::Trouble;

/// What the resolution has to know besides the arguments.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Where identity and remembered machines are kept.
    pub(crate) home: Home,
    /// The code as it was given by argument, file or environment.
    pub(crate) code: Option<String>,
    /// Names of the remembered machines.
    pub(crate) remembered: Vec<String>,
    /// The directory that the command runs in.
    pub(crate) here: PathBuf,
}

type Resolved<T> = Result<T, Trouble>;

fn usage<T>(sentence: impl Into<String>) -> Resolved<T> {
    Err(Trouble::Usage(sentence.into()))
}

/// What `send` is to do. A dialled host may still lack its code: see [`lacks_code`].
pub(crate) fn send(args: &SendArgs, context: &Context) -> Resolved<SendConfig> {
    let sources: Vec<Source> = args
        .paths
        .iter()
        .map(|path| if path.as_os_str() == "-" { Source::Stdin } else { Source::Path(path.clone()) })
        .collect();
    if sources.iter().filter(|source| **source == Source::Stdin).count() > 1 {
        return usage("standard input (-) can be sent only once: leave the other one out");
    }
    let code_from_stdin = args.shared.code_file.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if code_from_stdin && sources.contains(&Source::Stdin) {
        return usage(
            "both the code and the data would come from standard input: put the code into a file or SOCKEYE_CODE",
        );
    }
    let route = match &args.to {
        Some(to) => Route::Dial(dial_peer(to, &args.shared, context)?),
        None => Route::Listen(listen(&args.shared, context)?),
    };
    if args.many.many && sources.contains(&Source::Stdin) {
        return usage("standard input cannot go to many: it can be read only once; write it to a file first");
    }
    if args.many.many && args.shared.remember.is_some() {
        return usage("--remember gives one machine a name, and --many has several: leave one of them out");
    }
    Ok(SendConfig {
        sources,
        exclude: args.exclude.clone(),
        route,
        many: many(&args.many),
        common: common(&args.shared, context)?,
    })
}

fn many(args: &ManyArgs) -> Option<DeliveryConfig> {
    let usual = DeliveryConfig::default();
    args.many.then(|| DeliveryConfig {
        receivers: args.receivers.map(|wanted| wanted as usize),
        wait: args.wait,
        start_now: args.start == Some(Start::Now),
        linger: args.linger,
        group: args.group,
        broadcast: args.broadcast,
        hops: args.ttl.map_or(usual.hops, u32::from),
        max_rate: args.max_rate,
        mtu: args.mtu.unwrap_or(usual.mtu),
    })
}

/// Whether somebody has to say when a delivery begins.
pub(crate) fn begins_by_hand(config: &SendConfig) -> bool {
    config
        .many
        .as_ref()
        .is_some_and(|many| many.receivers.is_none() && many.wait.is_none() && !many.start_now)
}

/// What `receive` is to do. Without a code the route may still lack it: see [`lacks_code`].
pub(crate) fn receive(args: &ReceiveArgs, context: &Context) -> Resolved<ReceiveConfig> {
    let output = output(args, context)?;
    let waits = args.listen || args.keep;
    if args.shared.words.is_some() && !waits {
        return usage("--words is for a code that is made here: add --listen, or leave --words out");
    }
    if args.keep && (args.code.is_some() || args.shared.code_file.is_some()) {
        return usage("--keep takes no code: add --pair and one is made here");
    }
    if args.keep && !args.pair && context.remembered.is_empty() {
        return usage(
            "--keep receives from remembered machines and none is remembered yet: add --pair to let one in",
        );
    }
    let route = if args.keep {
        Route::Listen(listen(&args.shared, &Context { code: None, ..context.clone() })?)
    } else if waits {
        Route::Listen(listen(&args.shared, context)?)
    } else {
        Route::Dial(dial_code(&args.shared, context)?)
    };
    Ok(ReceiveConfig {
        output,
        existing: existing(args),
        portable_names: args.portable_names,
        max_size: args.max_size,
        consent: if args.shared.yes { Consent::Yes } else { Consent::Ask },
        route,
        keep: args.keep,
        pair: args.pair,
        common: common(&args.shared, context)?,
    })
}

/// Whether somebody still has to say the code.
pub(crate) fn lacks_code(route: &Route) -> bool {
    match route {
        Route::Listen(_) => false,
        Route::Dial(dial) => dial.code.is_none() && !matches!(dial.target, Some(Target::Peer(_))),
    }
}

/// Puts a code that was asked for into a route that lacks it. An address typed with it counts where none was known.
pub(crate) fn supply_code(route: &mut Route, code: Code, target: Option<Target>, port: Option<u16>) {
    if let Route::Dial(dial) = route {
        dial.code = Some(code);
        if dial.target.is_none() {
            dial.target = target.map(|target| with_port(target, port));
        }
    }
}

/// Checks what only the whole route shows: without discovery a dialler needs an address.
pub(crate) fn check_route(route: &Route) -> Resolved<()> {
    match route {
        Route::Dial(DialConfig { no_discovery: true, target: None, .. }) => usage(
            "--no-discovery needs the address: type it behind the code, CODE@HOST:PORT, as the other side shows it",
        ),
        Route::Dial(DialConfig { no_discovery: true, target: Some(Target::Peer(name)), .. }) => {
            usage(format!(
                "--no-discovery: a remembered machine ({name}) is found by discovery only; give its address instead"
            ))
        }
        _ => Ok(()),
    }
}

fn output(args: &ReceiveArgs, context: &Context) -> Resolved<Output> {
    let Some(directory) = &args.output else { return Ok(Output::Directory(context.here.clone())) };
    if directory.as_os_str() != "-" {
        return Ok(Output::Directory(context.here.join(directory)));
    }
    let clash = [
        (args.shared.json, "--json writes its events there"),
        (args.keep, "--keep receives more than one file"),
        (
            args.overwrite || args.rename || args.skip,
            "nothing can exist there already: leave out --overwrite, --rename and --skip",
        ),
    ];
    match clash.iter().find(|(set, _)| *set) {
        Some((_, why)) => usage(format!("-o - writes the file to standard output, and {why}")),
        None => Ok(Output::Stdout),
    }
}

fn existing(args: &ReceiveArgs) -> Existing {
    match (args.overwrite, args.rename, args.skip) {
        (true, ..) => Existing::Overwrite,
        (_, true, _) => Existing::Rename,
        (_, _, true) => Existing::Skip,
        _ => Existing::Refuse,
    }
}

fn common(shared: &SharedArgs, context: &Context) -> Resolved<Common> {
    for (flag, name) in [("--remember", &shared.remember), ("--name", &shared.name)] {
        if let Some(name) = name {
            check_name(flag, name)?;
        }
    }
    Ok(Common {
        home: context.home.clone(),
        remember: shared.remember.clone(),
        device_name: shared.name.clone(),
        timeout: shared.timeout.unwrap_or(DEFAULT_TIMEOUT),
    })
}

/// Names of machines are typed again later and shown in lists: no control characters, and not the whole screen.
fn check_name(flag: &str, name: &str) -> Resolved<()> {
    if name.trim().is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return usage(format!(
            "{flag}: a name of a machine has 1 to {LONGEST_NAME} bytes, not all spaces, and no control characters"
        ));
    }
    Ok(())
}

/// As long as a host name's label.
const LONGEST_NAME: usize = 63;

fn listen(shared: &SharedArgs, context: &Context) -> Resolved<ListenConfig> {
    let code = match &context.code {
        None => None,
        Some(typed) => match value::code_at(typed).map_err(Trouble::Usage)? {
            (code, None) => Some(code),
            (_, Some(_)) => {
                return usage(
                    "the code has an address (@HOST) though this side waits: leave the address out",
                );
            }
        },
    };
    if code.is_some() && shared.words.is_some() {
        return usage("--words is for a random code and one is given: leave --words or the code out");
    }
    Ok(ListenConfig {
        port: shared.port,
        interfaces: shared.interface.clone(),
        code,
        words: shared.words.map(usize::from),
        no_discovery: shared.no_discovery,
        family: family(shared),
    })
}

fn dial_peer(to: &str, shared: &SharedArgs, context: &Context) -> Resolved<DialConfig> {
    if shared.words.is_some() {
        return usage("--words is for a code that is made here: leave it out with --to");
    }
    if context.remembered.iter().any(|name| name == to) {
        return Ok(dial(None, Some(Target::Peer(to.to_owned())), shared));
    }
    let target = value::host(to).map_err(|why| {
        Trouble::Usage(format!(
            "--to {to}: no machine is remembered under this name, and as an address: {why}"
        ))
    })?;
    let code = context.code.as_deref().map(value::code_at).transpose().map_err(Trouble::Usage)?;
    if matches!(code, Some((_, Some(_)))) {
        return usage(
            "the code has an address (@HOST) and --to has one too: leave the one behind the code out",
        );
    }
    Ok(dial(code.map(|(code, _)| code), Some(target), shared))
}

fn dial_code(shared: &SharedArgs, context: &Context) -> Resolved<DialConfig> {
    let typed = context.code.as_deref().map(value::code_at).transpose().map_err(Trouble::Usage)?;
    let (code, target) = typed.map_or((None, None), |(code, target)| (Some(code), target));
    Ok(dial(code, target, shared))
}

fn dial(code: Option<Code>, target: Option<Target>, shared: &SharedArgs) -> DialConfig {
    DialConfig {
        code,
        target: target.map(|target| with_port(target, shared.port)),
        interfaces: shared.interface.clone(),
        no_discovery: shared.no_discovery,
        family: family(shared),
    }
}

fn with_port(target: Target, default: Option<u16>) -> Target {
    match target {
        Target::Host { host, port } => Target::Host { host, port: port.or(default) },
        peer @ Target::Peer(_) => peer,
    }
}

fn family(shared: &SharedArgs) -> Option<u8> {
    match (shared.ipv4, shared.ipv6) {
        (true, _) => Some(4),
        (_, true) => Some(6),
        _ => None,
    }
}
