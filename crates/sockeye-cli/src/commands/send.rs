//! `sockeye send`.

use std::{fmt::Write as _, path::PathBuf};

use sockeye::{Route, SendConfig, Sender, Source};

use super::{context, transfer};
use crate::{
    args::{SendArgs, resolve},
    exit::Exit,
    output::human::Scene,
    trouble::Trouble,
};

/// Sends.
pub(super) fn run(args: &SendArgs) -> Result<Exit, Trouble> {
    let context = context(&args.shared, args.code.as_deref(), args.to.is_some())?;
    let mut config = resolve::send(args, &context)?;
    check_sources(&config)?;
    let mut how = String::from(
        "give it with --code CODE, --code-file PATH or SOCKEYE_CODE; `sockeye receive --listen` shows it there",
    );
    if let Some(to) = &args.to {
        let _ = write!(how, ". (No peer is remembered as {to}: `sockeye trust list` shows those that are)");
    }
    transfer::complete_route(&mut config.route, &args.shared, &how)?;
    let by_hand = resolve::begins_by_hand(&config);
    if by_hand && !transfer::can_ask(&args.shared) {
        return Err(Trouble::Usage(String::from(
            "nobody is there to press Enter: say when to begin with --receivers N, --wait DURATION or --start now",
        )));
    }
    let scene = Scene {
        many: config.many.is_some(),
        by_hand,
        sending: true,
        code_given: matches!(&config.route, Route::Listen(listen) if listen.code.is_some()),
        no_discovery: args.shared.no_discovery,
        sources: absolute(&config),
        quiet: args.shared.quiet,
        verbose: args.shared.verbose > 0,
        stats: args.shared.stats,
        ..Scene::default()
    };
    transfer::run(&args.shared, scene, false, || Sender::start(config))
}

/// A wrong path is told before a code is shown and somebody walks to the other machine.
fn check_sources(config: &SendConfig) -> Result<(), Trouble> {
    for source in &config.sources {
        if let Source::Path(path) = source {
            path.symlink_metadata().map_err(|error| Trouble::file("send", path, error))?;
        }
    }
    Ok(())
}

fn absolute(config: &SendConfig) -> Vec<PathBuf> {
    let absolute = |source: &Source| match source {
        Source::Path(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        Source::Stdin => PathBuf::from("(standard input)"),
    };
    config.sources.iter().map(absolute).collect()
}
