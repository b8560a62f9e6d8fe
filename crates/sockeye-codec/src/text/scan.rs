//! Cuts the text into its parts, knowing quotes; every part knows where it stands.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{SpecError, SpecErrorKind};

/// A piece of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    /// Which character of the whole it begins with, from 1.
    pub(super) at: usize,
    /// Whether it is no part of what was typed: all that a preset stands for is where the preset is.
    is_preset: bool,
}

impl<'a> Part<'a> {
    pub(super) fn whole(text: &'a str) -> Self {
        Self { text, at: 1, is_preset: false }
    }

    /// What a preset stands for, which is the first thing that was typed.
    pub(super) fn preset(text: &'a str) -> Self {
        Self { text, at: 1, is_preset: true }
    }

    /// Nothing, at the same place.
    pub(super) fn nothing(self) -> Self {
        Self { text: "", ..self }
    }

    pub(super) fn error(&self, kind: SpecErrorKind) -> SpecError {
        SpecError { kind, character: self.at }
    }

    pub(super) fn argument(&self, wanted: &'static str) -> SpecError {
        self.error(SpecErrorKind::Argument { argument: self.text.to_string(), wanted })
    }

    /// Cuts at a byte offset, leaving out `skip` bytes there.
    pub(super) fn cut(&self, at: usize, skip: usize) -> (Self, Self) {
        let (before, behind) = (&self.text[..at], &self.text[at + skip..]);
        let passed = if self.is_preset { 0 } else { self.text[..at + skip].chars().count() };
        (Self { text: before, ..*self }, Self { text: behind, at: self.at + passed, ..*self })
    }

    /// Cuts at the first `separator` that stands in no quotes.
    pub(super) fn split_once(&self, separator: &str) -> Option<(Self, Self)> {
        let mut quote = None;
        let mut escaped = false;
        for (at, c) in self.text.char_indices() {
            match quote {
                Some(_) if escaped => escaped = false,
                Some(_) if c == '\\' => escaped = true,
                Some(open) => quote = (c != open).then_some(open),
                None if matches!(c, '\'' | '"') => quote = Some(c),
                None if self.text[at..].starts_with(separator) => return Some(self.cut(at, separator.len())),
                None => {}
            }
        }
        None
    }

    /// Refuses what nobody types on purpose: outside of quotes all that is not printable ASCII, inside control characters; and
    /// quotes that are not closed.
    pub(super) fn check(&self) -> Result<(), SpecError> {
        let mut quote: Option<(char, usize)> = None;
        let mut escaped = false;
        for (index, c) in self.text.chars().enumerate() {
            let here = |kind| Err(SpecError { kind, character: self.at + index });
            let odd = || SpecErrorKind::Character { found: c, meant: meant(c) };
            match quote {
                _ if c.is_control() => return here(odd()),
                None if !c.is_ascii() || c == ' ' => return here(odd()),
                None => quote = matches!(c, '\'' | '"').then_some((c, self.at + index)),
                Some(_) if escaped => escaped = false,
                Some(_) if c == '\\' => escaped = true,
                Some((open, _)) => quote = quote.filter(|_| c != open),
            }
        }
        match quote {
            Some((_, character)) => Err(SpecError { kind: SpecErrorKind::OpenQuote, character }),
            None => Ok(()),
        }
    }

    /// The bytes of a mark: in quotes with C's escapes, `0x` and digits, or bare.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, SpecError> {
        const WANTED: &str = "bytes; write them in quotes, like '\\r\\n', or in hexadecimal, like 0x0d0a";
        if let Some(digits) = self.text.strip_prefix("0x") {
            return hex(digits).ok_or_else(|| self.argument(WANTED));
        }
        if self.text.is_empty() {
            return Err(self.argument(WANTED));
        }
        match self.inside_quotes()? {
            Some(inside) => self.unescaped(inside),
            None => match self.text.find(['\'', '"']) {
                Some(quote) => Err(self.cut(quote, 0).1.error(SpecErrorKind::QuoteWithin)),
                None => self.unescaped(*self),
            },
        }
    }

    /// What stands in the quotes that it begins with; nothing may follow them.
    fn inside_quotes(&self) -> Result<Option<Self>, SpecError> {
        let Some(quote @ ('\'' | '"')) = self.text.chars().next() else { return Ok(None) };
        let inside = self.cut(0, 1).1;
        let mut escaped = false;
        for (at, c) in inside.text.char_indices() {
            if escaped || c == '\\' {
                escaped = !escaped;
            } else if c == quote {
                let (inside, behind) = inside.cut(at, 1);
                return match behind.text.chars().next() {
                    Some(found) => Err(behind.error(SpecErrorKind::BehindQuote { found })),
                    None => Ok(Some(inside)),
                };
            }
        }
        Err(self.error(SpecErrorKind::OpenQuote))
    }

    /// The bytes of a part of it, without escapes.
    fn unescaped(&self, part: Self) -> Result<Vec<u8>, SpecError> {
        unescape(part.text).map_err(|at| SpecError {
            kind: SpecErrorKind::Argument {
                argument: self.text.to_string(),
                wanted: "made of C's escapes; there are \\n \\r \\t \\0 \\a \\e \\\\ \\' \\\" and \\xNN",
            },
            character: part.cut(at, 0).1.at,
        })
    }
}

/// The ASCII character that one of another width or shape looks like.
fn meant(c: char) -> Option<char> {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        '\u{2018}'..='\u{201b}' => Some('\''),
        '\u{201c}'..='\u{201f}' | '\u{2033}' => Some('"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        '\u{3002}' | '\u{b7}' | '\u{2026}' => Some('.'),
        '\u{3001}' => Some(','),
        '\u{a789}' | '\u{2236}' => Some(':'),
        _ => None,
    }
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits.chunks_exact(2).map(|pair| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()).collect()
}

/// Undoes C's escapes; on an error the offset of the backslash.
fn unescape(text: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        bytes.push(match rest.next().map(|(_, kind)| kind) {
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('a') => 7,
            Some('e') => 0x1b,
            Some(same @ ('\\' | '\'' | '"')) => u8::try_from(same).map_err(|_| at)?,
            Some('x') => {
                let digits: String = rest.by_ref().take(2).map(|(_, c)| c).collect();
                hex(&digits).and_then(|bytes| bytes.first().copied()).ok_or(at)?
            }
            _ => return Err(at),
        });
    }
    Ok(bytes)
}
