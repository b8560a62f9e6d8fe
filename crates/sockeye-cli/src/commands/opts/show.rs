//! Facts and options as people read them; as JSON by [`json`](super::json).

use std::fmt::Write;

use serde_json::Value as Json;
use sockeye::{
    escape,
    inspect::Facts,
    option::{Applied, Level, OptionError, Setting, SocketOption, Target, Value},
};

use super::json;
use crate::output::{
    json::line,
    measure::hex,
    sentence::options,
    stdout::{self, Broken},
};

/// Bytes of a structure that are shown; of longer ones only how many they are.
const MOST_BYTES: usize = 16;

/// Longer values have a line of their own.
const VALUE_WIDTH: usize = 22;

/// An option with what the kernel answered.
pub(super) type Answer = (&'static SocketOption, Result<Value, OptionError>);

/// Where everything goes.
pub(super) struct Show {
    json: bool,
}

impl Show {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Writes an event, or its text for people.
    pub(super) fn put(
        &self,
        event: impl FnOnce() -> Json,
        text: impl FnOnce() -> String,
    ) -> Result<(), Broken> {
        let mut text = if self.json { line(&event()) } else { text() };
        text.push('\n');
        stdout::append(|out| out.extend_from_slice(text.as_bytes()))
    }

    /// What the socket is.
    pub(super) fn facts(&self, facts: &Facts, listening: bool) -> Result<(), Broken> {
        self.put(|| json::socket(facts, listening), || of_facts(facts))
    }

    /// What became of a setting.
    pub(super) fn applied(&self, setting: &Setting, applied: &Applied) -> Result<(), Broken> {
        let text = || {
            let name = shown(&setting.target.to_string());
            let told = |value: &Option<Value>| {
                value.as_ref().map_or_else(|| "not told".to_owned(), |value| short(applied, value))
            };
            let (before, after) = (told(&applied.before), told(&applied.after));
            format!("set {name} to {}: {before} before, {after} now", short(applied, &setting.value))
        };
        self.put(|| json::option_set(setting, applied), text)
    }

    /// An option that is not in the table.
    pub(super) fn number(&self, target: &Target, answer: &Result<Value, OptionError>) -> Result<(), Broken> {
        let text = || {
            let value = answer.as_ref().map_or_else(why_not, value_of_none);
            format!("{}  {value}", shown(&target.to_string()))
        };
        self.put(|| json::number(target, answer), text)
    }

    /// Options, each level under its name.
    pub(super) fn options(&self, answers: impl Iterator<Item = Answer>) -> Result<(), Broken> {
        let mut level = None;
        for (option, answer) in answers {
            if !self.json && level.replace(option.level) != Some(option.level) {
                self.put(|| Json::Null, || heading(option.level))?;
            }
            self.put(|| json::option(option, &answer), || of_option(option, &answer))?;
        }
        Ok(())
    }
}

fn heading(level: Level) -> String {
    format!("\n{} ({})", level.constant(), level.number())
}

fn of_facts(facts: &Facts) -> String {
    let mut text = format!("fileno       {}\n", facts.fileno);
    let _ = writeln!(text, "family       {}", facts.family);
    let _ = writeln!(text, "type         {}", facts.kind);
    let _ = writeln!(text, "protocol     {}", facts.protocol);
    let _ = writeln!(text, "getsockname  {}", facts.local);
    let peer = facts.peer.as_ref().map_or_else(|| "(not connected)".to_owned(), ToString::to_string);
    let _ = write!(text, "getpeername  {peer}");
    text
}

/// One line: name, constant, number, type, value, meaning.
fn of_option(option: &'static SocketOption, answer: &Result<Value, OptionError>) -> String {
    let value = answer.as_ref().map_or_else(why_not, |value| of_value(option, value));
    let read_only = if option.is_settable() { "" } else { " (read only)" };
    let (name, constant, number) = (option.name, option.constant, option.number);
    let line = |value: &str| {
        let (kind, meaning) = (option.kind.c_type(), option.meaning);
        format!("  {name:<18} {constant:<24} {number:>3}  {kind:<15} {value:<22} {meaning}{read_only}")
    };
    if value.chars().count() > VALUE_WIDTH { format!("{}\n{:21}{value}", line(""), "") } else { line(&value) }
}

fn of_value(option: &'static SocketOption, value: &Value) -> String {
    match value {
        Value::Bytes(bytes) if bytes.len() > MOST_BYTES => format!("{} bytes", bytes.len()),
        value => shown(&option.show(value)),
    }
}

/// The value of an option that is not in the table.
fn value_of_none(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => {
            let text = format!("x{}", hex(bytes));
            match bytes.first_chunk() {
                Some(int) if bytes.len() == 4 => format!("{text} (as an int {})", i32::from_ne_bytes(*int)),
                _ => text,
            }
        }
        other => format!("{other:?}"),
    }
}

fn short(applied: &Applied, value: &Value) -> String {
    match (applied.option, value) {
        (None, Value::Integer(number)) => number.to_string(),
        (None, value) => value_of_none(value),
        (Some(option), value) => of_value(option, value),
    }
}

fn why_not(error: &OptionError) -> String {
    match error {
        OptionError::Read { source, .. } => match options::unanswered(source, error.is_unknown_to_kernel()) {
            Some(why) => format!("- {why}"),
            None => format!("- {}", shown(&source.to_string())),
        },
        other => format!("- {}", options::error(other)),
    }
}

/// Names of algorithms and interfaces come from the system, but may hold anything.
fn shown(text: &str) -> String {
    escape::terminal(text.as_bytes())
}
