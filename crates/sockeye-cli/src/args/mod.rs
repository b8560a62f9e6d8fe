//! Arguments: parsed by clap ([`raw`]), then resolved into what the library takes ([`resolve`]) in a step of its own that
//! reads nothing but its parameters.

mod code;
mod frame;
mod help;
mod lookup;

mod opts;
mod raw;
mod relay;
pub(crate) mod resolve;
mod sockets;
#[cfg(test)]
mod tests;
mod value;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, error::ErrorKind};

use crate::{exit::Exit, output, trouble::Trouble};

pub(crate) use code::typed_code;
pub(crate) use frame::{DecodeArgs, EncodeArgs, FrameArgs, FrameCommand, GuessArgs};
pub(crate) use lookup::{AddrArgs, ResolveArgs};

pub(crate) use opts::OptsArgs;
pub(crate) use raw::{
    Cli, Command, DemoArgs, GenerateArgs, ManyArgs, PeersArgs, ReceiveArgs, SendArgs, SharedArgs, Start,
    TrustArgs, TrustCommand,
};
pub(crate) use relay::RelayArgs;
pub(crate) use sockets::{ConnectArgs, ListenArgs, OnEof, SocketArgs};
pub(crate) use value::{Limit, code_at};

/// Arguments that do not parse, or a wish for help or the version.
pub(crate) struct Refusal {
    error: clap::Error,
    json: bool,
}

impl Refusal {
    /// Prints it where it belongs and says how the program ends.
    pub(crate) fn show(&self) -> Exit {
        if !self.error.use_stderr() {
            // Help or version: wanted output. A reader that has gone is no failure.
            let _ = self.error.print();
            return Exit::Done;
        }
        if self.json && self.error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            let message = self.error.render().to_string();
            let trouble = Trouble::Usage(message.trim_start_matches("error: ").trim_end().to_owned());
            let _ = output::json::trouble(&trouble, Exit::Usage);
            return Exit::Usage;
        }
        let _ = self.error.print();
        Exit::Usage
    }
}

/// Parses the arguments, the program's own name first. `sockeye CODE …` means `sockeye receive CODE …`.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Cli, Refusal> {
    let mut arguments: Vec<OsString> = arguments.collect();
    if arguments.get(1).and_then(|first| first.to_str()).is_some_and(value::looks_like_code) {
        arguments.insert(1, "receive".into());
    }
    let json = arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json");
    Cli::try_parse_from(arguments).map_err(|error| Refusal { error, json })
}

/// The whole command line as clap describes it, for man pages, completions and the help texts.
pub(crate) fn describe() -> clap::Command {
    Cli::command()
}
