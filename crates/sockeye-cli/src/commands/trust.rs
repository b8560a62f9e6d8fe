//! `sockeye trust`.

use serde_json::json;
use sockeye::{Remembered, TrustStore, escape};

use super::{home, peers::table};
use crate::{
    args::{TrustArgs, TrustCommand},
    exit::Exit,
    output::{
        json,
        measure::{hex, timestamp},
        say,
    },
    trouble::Trouble,
};

/// How many hexadecimal digits of a key a list shows: enough to compare by eye, and `--json` has them all.
const KEY_DIGITS: usize = 16;

/// Lists, renames or forgets remembered machines.
pub(super) fn run(args: &TrustArgs) -> Result<Exit, Trouble> {
    let mut store = TrustStore::open(&home()?).map_err(Trouble::library)?;
    match &args.command {
        None | Some(TrustCommand::List) => list(&store, args.json)?,
        Some(TrustCommand::Rename { from, to }) => {
            store.rename(from, to).map_err(Trouble::library)?;
            let line = format!("{} is now called {}.", shown(from), shown(to));
            told(args.json, "renamed", json!({ "from": from, "to": to }), &line)?;
        }
        Some(TrustCommand::Remove { name }) => {
            store.remove(name).map_err(Trouble::library)?;
            let line = format!("{} is forgotten; next time a code is needed.", shown(name));
            told(args.json, "removed", json!({ "name": name }), &line)?;
        }
    }
    Ok(Exit::Done)
}

fn shown(name: &str) -> String {
    escape::terminal(name.as_bytes())
}

fn told(as_json: bool, event: &str, fields: serde_json::Value, line: &str) -> Result<(), Trouble> {
    if as_json {
        return json::write(&json::event(event, fields)).map_err(Trouble::output);
    }
    say(line);
    Ok(())
}

fn list(store: &TrustStore, as_json: bool) -> Result<(), Trouble> {
    let peers = store.list();
    if as_json {
        return peers
            .iter()
            .try_for_each(|peer| json::write(&json::of_remembered(peer)))
            .map_err(Trouble::output);
    }
    if peers.is_empty() {
        say("No machine is remembered. `--remember NAME` with `send` or `receive` remembers the other one.");
        return Ok(());
    }
    let rows: Vec<[String; 4]> = peers.iter().map(row).collect();
    table(["NAME", "MAY", "LAST SEEN (UTC)", "KEY"], &rows).map_err(Trouble::output)
}

fn row(peer: &Remembered) -> [String; 4] {
    let rights = [(peer.may_send, "send"), (peer.may_receive, "receive"), (peer.accept, "without asking")];
    let rights: Vec<&str> = rights.iter().filter(|(may, _)| *may).map(|(_, right)| *right).collect();
    let mut key = hex(&peer.identity);
    key.truncate(KEY_DIGITS);
    let rights = if rights.is_empty() { "nothing".to_owned() } else { rights.join(", ") };
    [shown(&peer.name), rights, timestamp(peer.last_seen), key]
}
