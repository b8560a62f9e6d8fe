//! `sockeye receive`.

use std::io;

use sockeye::{Consent, Output, Receiver, Route};

use super::{context, transfer};
use crate::{
    args::{ReceiveArgs, resolve},
    exit::Exit,
    output::human::Scene,
    trouble::Trouble,
};

/// Receives.
pub(super) fn run(args: &ReceiveArgs) -> Result<Exit, Trouble> {
    let context = context(&args.shared, args.code.as_deref(), args.keep)?;
    let mut config = resolve::receive(args, &context)?;
    check_output(&config.output)?;
    let how =
        "give it as the argument, with --code-file PATH or in SOCKEYE_CODE; `sockeye send` shows it there";
    transfer::complete_route(&mut config.route, &args.shared, how)?;
    if config.keep && config.consent == Consent::Ask && !transfer::can_ask(&args.shared) {
        let sentence =
            "nobody is here to accept what comes: -y accepts it, whoever of the remembered peers sends it";
        return Err(Trouble::Usage(sentence.to_owned()));
    }
    let scene = Scene {
        code_given: matches!(&config.route, Route::Listen(listen) if listen.code.is_some()),
        no_discovery: args.shared.no_discovery,
        existing: config.existing,
        keep: config.keep,
        to_stdout: config.output == Output::Stdout,
        quiet: args.shared.quiet,
        verbose: args.shared.verbose > 0,
        stats: args.shared.stats,
        ..Scene::default()
    };
    transfer::run(&args.shared, scene, config.keep, || Receiver::start(config))
}

/// A wrong directory is told before anybody is looked for.
fn check_output(output: &Output) -> Result<(), Trouble> {
    let Output::Directory(directory) = output else { return Ok(()) };
    let metadata = directory.metadata().map_err(|error| Trouble::file("write into", directory, error))?;
    if metadata.is_dir() {
        Ok(())
    } else {
        Err(Trouble::file("write into", directory, io::ErrorKind::NotADirectory.into()))
    }
}
