//! What can be wrong with the text of a framing. The fault is the caller's.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{NAMES, OPEN_NAMES, PRESETS};

/// The text of a framing could not be read. Text taken from the caller is shown quoted and escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// What is wrong.
    pub kind: SpecErrorKind,
    /// At which character of the text, counted from 1.
    pub character: usize,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecErrorKind {
    /// There is no text.
    Empty,
    /// A character that does not belong there: of another script, invisible, or a control character.
    Character {
        /// The character.
        found: char,
        /// What it was probably meant to be.
        meant: Option<char>,
    },
    /// The part before the first comma names no framing known here.
    UnknownFraming {
        /// The name as it was given.
        framing: String,
    },
    /// What stands behind the colon of the framing is not what it takes.
    Argument {
        /// As it was given.
        argument: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// The framing is known, but takes no such key.
    UnknownKey {
        /// The key as it was given, without its value.
        key: String,
        /// Those it takes.
        known: Vec<&'static str>,
    },
    /// A key was given twice.
    RepeatedKey {
        /// The key.
        key: String,
    },
    /// The value of a key is not what it takes.
    Value {
        /// The key.
        key: String,
        /// As it was given.
        value: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// A quote is opened and not closed.
    OpenQuote,
    /// Something follows a closing quote.
    BehindQuote {
        /// The character that follows.
        found: char,
    },
    /// A quote stands among bytes that do not begin with one.
    QuoteWithin,
    /// Settings that are right by themselves do not go together.
    Misfit {
        /// Why.
        why: String,
    },
}

impl core::error::Error for SpecError {}

impl fmt::Display for SpecError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SpecErrorKind::Empty => formatter.write_str("the text of a framing is empty; there are: ")?,
            SpecErrorKind::Character { found, meant: Some(meant) } => {
                write!(formatter, "{found:?} does not belong there; type {meant}")?;
            }
            SpecErrorKind::Character { found, meant: None } => {
                write!(
                    formatter,
                    "{found:?} does not belong there; in quotes it is written with an escape like \\x0b"
                )?;
            }
            SpecErrorKind::UnknownFraming { framing } => {
                write!(formatter, "unknown framing {framing:?}; there are: ")?;
            }
            SpecErrorKind::Argument { argument, wanted } => {
                write!(formatter, "{argument:?} is not {wanted}")?;
            }
            SpecErrorKind::UnknownKey { key, known } => {
                write!(formatter, "unknown key {key:?}; this framing takes {}", known.join(", "))?;
            }
            SpecErrorKind::RepeatedKey { key } => {
                write!(formatter, "the key {key:?} is given twice; give it once")?;
            }
            SpecErrorKind::Value { key, value, wanted } => {
                write!(formatter, "{value:?} is not a value for {key}; write {wanted}")?;
            }
            SpecErrorKind::OpenQuote => formatter.write_str("this quote is not closed")?,
            SpecErrorKind::BehindQuote { found } => write!(
                formatter,
                "{found:?} follows a closing quote; a quote inside of quotes is written with a backslash before it"
            )?,
            SpecErrorKind::QuoteWithin => {
                formatter.write_str("a quote does not belong there; put all the bytes into quotes")?;
            }
            SpecErrorKind::Misfit { why } => formatter.write_str(why)?,
        }
        if matches!(self.kind, SpecErrorKind::Empty | SpecErrorKind::UnknownFraming { .. }) {
            formatter.write_str(&all_names())?;
        }
        write!(formatter, " (character {})", self.character)
    }
}

fn all_names() -> String {
    let presets: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    format!("{}, {}; and for short {}", NAMES.join(", "), OPEN_NAMES.join(", "), presets.join(", "))
}
