//! What each command does: resolves its arguments, calls the library, tells a [`Report`].

mod addr;
mod demo;
mod frame;
mod generate;
pub(crate) mod opts;
mod peers;
mod receive;
mod relay;
mod resolve;
mod send;
mod sockets;
mod transfer;
mod trust;

use std::path::Path;

use sockeye::{Home, TrustStore};
use tokio::runtime::{Builder, Runtime};

use crate::{
    args::{Cli, Command, SharedArgs, resolve::Context, typed_code},
    exit::Exit,
    output::{json, say, sentence},
    trouble::Trouble,
};

/// Directory for identity and remembered machines, instead of the user's own.
const HOME_VARIABLE: &str = "SOCKEYE_HOME";
/// Threads that run tasks: one for the network, one for the rest. Disk and digests have threads of their own.
const WORKERS: usize = 2;

/// Carries a command out and says how the program ends.
pub(crate) fn run(cli: Cli) -> Exit {
    let (json, outcome) = match cli.command {
        Command::Send(args) => (args.shared.json, send::run(&args)),
        Command::Receive(args) => (args.shared.json, receive::run(&args)),
        Command::Peers(args) => (args.json, peers::run(&args)),
        Command::Trust(args) => (args.json, trust::run(&args)),
        Command::Connect(args) => (args.socket.json, sockets::connect(&args)),
        Command::Listen(args) => (args.socket.json, sockets::listen(&args)),
        Command::Frame(args) => (frame::json(&args), frame::run(&args)),
        Command::Relay(args) => (args.json, relay::run(args)),
        Command::Addr(args) => (args.json, addr::run(&args)),
        Command::Resolve(args) => (args.json, resolve::run(&args)),
        Command::Opts(args) => (args.json, opts::run(&args)),
        Command::Demo(args) => (args.json, demo::run(&args)),
        Command::Generate(args) => (false, generate::run(&args)),
    };
    outcome.unwrap_or_else(|trouble| {
        let exit = trouble.exit();
        if matches!(trouble, Trouble::Silent(_)) || matches!(trouble, Trouble::Interrupted) && !json {
            return exit;
        }
        // Where standard output is what failed, a program reads it from standard error.
        if !json || json::trouble(&trouble, exit).is_err() {
            say(&format!("sockeye: {}", sentence::trouble(&trouble)));
        }
        exit
    })
}

/// Where this machine's identity and the remembered machines are.
fn home() -> Result<Home, Trouble> {
    match std::env::var_os(HOME_VARIABLE) {
        Some(path) if !path.is_empty() => {
            let path = std::path::absolute(Path::new(&path))
                .map_err(|source| Trouble::file("find", path, source))?;
            Ok(Home::at(&path))
        }
        _ => Home::of_user().map_err(Trouble::library),
    }
}

/// Everything that the resolution of `send` and `receive` looks at. `code` is the code among the arguments;
/// `needs_names` whether remembered machines matter.
fn context(shared: &SharedArgs, code: Option<&str>, needs_names: bool) -> Result<Context, Trouble> {
    let home = home()?;
    let remembered = if needs_names {
        TrustStore::open(&home)
            .map_err(Trouble::library)?
            .list()
            .iter()
            .map(|peer| peer.name.clone())
            .collect()
    } else {
        Vec::new()
    };
    let here =
        std::env::current_dir().map_err(|source| Trouble::file("use", "(the current directory)", source))?;
    Ok(Context { home, code: typed_code(code, shared.code_file.as_deref())?, remembered, here })
}

/// A runtime, made only when a command needs one.
fn runtime() -> Result<Runtime, Trouble> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|source| Trouble::file("start", "(threads)", source))
}

/// The library's own log, for `-vv` (information) and `-vvv` (everything).
fn log(verbose: u8) {
    use tracing_subscriber::filter::LevelFilter;
    let level = match verbose {
        0 | 1 => return,
        2 => LevelFilter::INFO,
        _ => LevelFilter::TRACE,
    };
    // Fails only if a log is there already, and then there is nothing to do.
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .try_init();
}
