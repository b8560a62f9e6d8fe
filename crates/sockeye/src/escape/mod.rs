//! Output escaping: the one place where bytes of foreign origin become text for a terminal or a JSON event.
//!
//! Names, messages and error texts come from the peer or from the file system and may hold anything: sequences that
//! move the cursor, characters that reverse the reading order, characters that nobody can see. Everything here turns
//! these into something visible and leaves ordinary text of any language alone.
//!
//! | for | function | controls | overrides, invisible characters | bytes that are not UTF-8 |
//! |---|---|---|---|---|
//! | a terminal | [`terminal`] | `\n`, `\x1b`, `\u{85}` | `\u{202e}` | `\xff` |
//! | a JSON value | [`json_text`] | left to the JSON writer | left to [`json_line`] | U+FFFD, and all bytes in hex |
//! | a finished line of JSON | [`json_line`] | `\u0085` | `\u202e` | cannot occur |
//!
//! `\xNN` always stands for one byte, `\u{…}` for one character. Escaped text can be told from text that merely looks
//! like it: [`terminal`] doubles a backslash exactly where the next thing would make it read as an escape, and nowhere
//! else, so that different bytes never give the same text and `DOMAIN\alice` stays as it is.

use std::{fmt::Write as _, str};

#[cfg(test)]
mod tests;

/// Text that can be written to a terminal, on one line, without doing anything to it but showing characters.
///
/// Printable text of any script stays; controls (C0, DEL, C1), line separators, bidirectional controls, invisible and
/// default-ignorable characters, noncharacters and bytes that are not UTF-8 become visible escapes. Text with none of
/// these and no backslash comes back unchanged. Joiners inside emoji and some scripts are invisible, hence escaped.
pub fn terminal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    pieces(bytes, |piece| piece.append_to(&mut out));
    out
}

/// A JSON value for bytes that are usually text: the text and, only when the bytes are not UTF-8, all of them in
/// lower-case hexadecimal (the text then has U+FFFD where they are not).
///
/// The text is exact, hence not fit for a terminal; [`json_line`] makes the finished line so.
pub fn json_text(bytes: &[u8]) -> (String, Option<String>) {
    match str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (String::from_utf8_lossy(bytes).into_owned(), Some(hex(bytes))),
    }
}

/// The same JSON document on one line, with what could disturb a terminal as `\uXXXX`.
///
/// `document` must be well-formed JSON. Characters to be escaped then occur only inside its strings, where `\uXXXX`
/// means the same, or are line breaks and tabs between its tokens, which become blanks.
pub fn json_line(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for c in document.chars() {
        if matches!(c, '\n' | '\r' | '\t') {
            out.push(' ');
        } else if is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character must never reach a terminal as it is.
fn is_unsafe(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control() || is_separator(c) || is_default_ignorable(c) || is_noncharacter(c)
}

/// Line and paragraph separators, interlinear annotation.
fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
}

/// `Default_Ignorable_Code_Point` of Unicode's `DerivedCoreProperties.txt` (version 16), ranges that touch joined. All
/// bidirectional controls and zero-width characters, variation selectors, fillers and tags are among them.
fn is_default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Code points that are never characters (Unicode, section 23.7).
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

/// One thing that is shown whole or not at all.
#[derive(Clone, Copy)]
enum Piece {
    /// A harmless character.
    Char(char),
    /// A backslash of the original that needs doubling.
    Backslash,
    /// A character that is not shown as it is.
    Escaped(char),
    /// A byte that is not part of a character.
    Byte(u8),
}

impl Piece {
    fn append_to(self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Char(c) => out.write_char(c),
            Self::Backslash => out.write_str(r"\\"),
            Self::Escaped('\n') => out.write_str(r"\n"),
            Self::Escaped('\r') => out.write_str(r"\r"),
            Self::Escaped('\t') => out.write_str(r"\t"),
            Self::Escaped(c) if c.is_ascii() => write!(out, "\\x{:02x}", u32::from(c)),
            Self::Escaped(c) => write!(out, "\\u{{{:x}}}", u32::from(c)),
            Self::Byte(byte) => write!(out, "\\x{byte:02x}"),
        };
    }
}

/// Hands each piece of `bytes` to `each`, in order.
fn pieces(bytes: &[u8], mut each: impl FnMut(Piece)) {
    for chunk in bytes.utf8_chunks() {
        let invalid = chunk.invalid();
        // Only the last chunk can be without an invalid part, so that nothing follows its valid one.
        let ends_in_escape = !invalid.is_empty();
        let mut chars = chunk.valid().chars().peekable();
        while let Some(c) = chars.next() {
            each(match c {
                '\\' if chars.peek().map_or(ends_in_escape, |&next| reads_on(next)) => Piece::Backslash,
                c if is_unsafe(c) => Piece::Escaped(c),
                c => Piece::Char(c),
            });
        }
        for &byte in invalid {
            each(Piece::Byte(byte));
        }
    }
}

/// Whether a backslash in front of this character could be taken for the beginning of an escape.
fn reads_on(next: char) -> bool {
    matches!(next, '\\' | 'n' | 'r' | 't' | 'u' | 'x') || is_unsafe(next)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}
