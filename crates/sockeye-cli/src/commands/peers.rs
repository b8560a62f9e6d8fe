//! `sockeye peers`.

use std::{
    io::{self, Write},
    time::Duration,
};

use sockeye::{Nearby, escape};

use super::{home, runtime};
use crate::{
    args::PeersArgs,
    exit::Exit,
    output::{json, say},
    signals::Signals,
    trouble::Trouble,
};

/// How long to listen unless told otherwise: machines answer a question within a second, also on slow Wi-Fi.
const WAIT: Duration = Duration::from_secs(2);

/// Lists who is around.
pub(super) fn run(args: &PeersArgs) -> Result<Exit, Trouble> {
    let home = home()?;
    let runtime = runtime()?;
    let found = runtime.block_on(async {
        let mut signals = Signals::listen().map_err(|source| Trouble::file("watch", "(signals)", source))?;
        tokio::select! {
            found = sockeye::peers(&home, &args.interface, args.wait.unwrap_or(WAIT)) => Ok(found?),
            () = signals.next() => Err(Trouble::Library(sockeye::Error::Cancelled)),
        }
    });
    runtime.shutdown_background();
    let found = found?;
    if found.is_empty() {
        return Err(Trouble::NobodyAround);
    }
    if args.json {
        found.iter().try_for_each(|nearby| json::write(&json::of_nearby(nearby))).map_err(Trouble::output)?;
    } else {
        let rows: Vec<[String; 5]> = found.iter().map(row).collect();
        table(["ADDRESS", "NUMBER", "DOES", "REMEMBERED", "CALLS ITSELF"], &rows).map_err(Trouble::output)?;
        say(
            "The number is the first part of a code; the words are known only to the person at that machine.",
        );
    }
    Ok(Exit::Done)
}

fn row(nearby: &Nearby) -> [String; 5] {
    let text = |name: &Option<String>| {
        name.as_ref().map_or_else(|| "-".to_owned(), |name| escape::terminal(name.as_bytes()))
    };
    [
        nearby.address.to_string(),
        nearby.nameplate.map_or_else(|| "-".to_owned(), |nameplate| nameplate.to_string()),
        if nearby.sends { "sends" } else { "receives" }.to_owned(),
        text(&nearby.remembered_as),
        text(&nearby.name),
    ]
}

/// Writes columns to standard output, each as wide as its widest cell.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut out = io::stdout().lock();
    let head = head.map(str::to_owned);
    for row in std::iter::once(&head).chain(rows) {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_calls_itself_does_not_steer_the_table() {
        let nearby = |name: &str, remembered_as: Option<&str>| Nearby {
            address: ([192, 0, 2, 7], 46710).into(),
            nameplate: Some(4821),
            sends: true,
            name: Some(name.to_owned()),
            remembered_as: remembered_as.map(str::to_owned),
        };
        let plain = row(&nearby("Ann's desk", None));
        assert_eq!(plain, ["192.0.2.7:46710", "4821", "sends", "-", "Ann's desk"]);
        for (name, shown) in [
            ("\u{1b}[1A\u{1b}[2Kfriend", r"\x1b[1A\x1b[2Kfriend"),
            ("desk\r192.0.2.1:1  1  sends", r"desk\r192.0.2.1:1  1  sends"),
            ("desk\n192.0.2.1:1", r"desk\n192.0.2.1:1"),
            ("\u{202e}ksed", r"\u{202e}ksed"),
            ("de\u{200b}sk\u{2028}", r"de\u{200b}sk\u{2028}"),
            ("\u{9b}2J", r"\u{9b}2J"),
        ] {
            assert_eq!(row(&nearby(name, Some(name)))[3..], [shown, shown]);
        }
    }
}
