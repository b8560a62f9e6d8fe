//! The code that one user reads and the other types: `4821-tulip-harbor` (`specs/03-pairing.md` §5).

use alloc::string::String;
use core::{fmt, str::FromStr};

use zeroize::Zeroizing;

use super::words::WORDS;

/// Longest code, in bytes: far more than anybody types.
pub const MAX_CODE: usize = 128;

/// Fewest letters that the words of a code have together. Shorter ones are guessed, or are slips of the hand.
pub const MIN_LETTERS: usize = 6;

/// Most words that a random code gets: 88 bits, and they still fit [`MAX_CODE`].
pub const MAX_WORDS: usize = 8;

/// Smallest and largest nameplate of a random code: always four digits, so that one that lost a digit is noticed.
const RANDOM_NAMEPLATES: core::ops::RangeInclusive<u16> = 1000..=9999;

/// Largest nameplate at all.
const MAX_NAMEPLATE: u16 = 9999;

/// A public nameplate and secret words. Debug output hides the words; they are wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    nameplate: u16,
    words: Zeroizing<String>,
}

/// Text that is not a code, or a random code that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// Longer than [`MAX_CODE`].
    #[error("a code has at most {MAX_CODE} characters")]
    TooLong,
    /// Does not begin with a number from 1 to 9999.
    #[error("a code begins with a number from 1 to 9999, as in 4821-tulip-harbor")]
    Nameplate,
    /// Nothing after the number.
    #[error("a code has words after its number, as in 4821-tulip-harbor")]
    NoWords,
    /// Something that is neither a letter from a to z, a hyphen nor a space.
    #[error("the words of a code have only the letters a to z")]
    NotLetters,
    /// Fewer than [`MIN_LETTERS`] letters in all.
    #[error("the words of a code have at least {MIN_LETTERS} letters together")]
    TooShort,
    /// A random code of fewer than two or more than [`MAX_WORDS`] words was asked for.
    #[error("a random code has from 2 to {MAX_WORDS} words")]
    WordCount,
}

impl Code {
    /// A code of `count` random words. `random` fills its argument with bytes fit for keys.
    pub fn random(
        nameplate: u16,
        count: usize,
        random: &mut impl FnMut(&mut [u8]),
    ) -> Result<Self, CodeError> {
        if !(1..=MAX_NAMEPLATE).contains(&nameplate) {
            return Err(CodeError::Nameplate);
        }
        if !(2..=MAX_WORDS).contains(&count) {
            return Err(CodeError::WordCount);
        }
        let mut words = Zeroizing::new(String::with_capacity(MAX_CODE));
        for index in 0..count {
            if index > 0 {
                words.push('-');
            }
            words.push_str(WORDS[usize::from(below(WORD_COUNT, random))]);
        }
        Ok(Self { nameplate, words })
    }

    /// A random number for a code, of four digits. Whether somebody uses it already is for discovery to find out.
    pub fn random_nameplate(random: &mut impl FnMut(&mut [u8])) -> u16 {
        RANDOM_NAMEPLATES.start() + below(RANDOM_NAMEPLATES.end() - RANDOM_NAMEPLATES.start() + 1, random)
    }

    /// The public number.
    pub fn nameplate(&self) -> u16 {
        self.nameplate
    }

    /// The secret words, in lower case with one hyphen between each two.
    pub fn words(&self) -> &str {
        &self.words
    }
}

/// How many words the list has.
#[allow(clippy::cast_possible_truncation)] // checked by the assertion below
const WORD_COUNT: u16 = WORDS.len() as u16;
const _: () = assert!(WORDS.len() <= u16::MAX as usize && WORDS.len() >= 1296);

/// A number below `limit`, each equally likely: draws that would favour some are thrown away.
fn below(limit: u16, random: &mut impl FnMut(&mut [u8])) -> u16 {
    let fair = u16::MAX - u16::MAX % limit;
    loop {
        let mut bytes = [0; 2];
        random(&mut bytes);
        let drawn = u16::from_le_bytes(bytes);
        if drawn < fair {
            return drawn % limit;
        }
    }
}

impl FromStr for Code {
    type Err = CodeError;

    /// Case does not matter; spaces do for hyphens, also several of them.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let text = text.trim();
        if text.len() > MAX_CODE {
            return Err(CodeError::TooLong);
        }
        let mut parts = text.split(['-', ' ']).filter(|part| !part.is_empty());
        let nameplate = nameplate(parts.next().unwrap_or_default())?;
        let mut words = Zeroizing::new(String::with_capacity(MAX_CODE));
        for word in parts {
            if !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                return Err(CodeError::NotLetters);
            }
            if !words.is_empty() {
                words.push('-');
            }
            words.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
        }
        match words.bytes().filter(|&byte| byte != b'-').count() {
            0 => Err(CodeError::NoWords),
            1..MIN_LETTERS => Err(CodeError::TooShort),
            _ => Ok(Self { nameplate, words }),
        }
    }
}

fn nameplate(digits: &str) -> Result<u16, CodeError> {
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { digits.parse().unwrap_or(0) } else { 0 };
    if number == 0 { Err(CodeError::Nameplate) } else { Ok(number) }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.nameplate, self.words.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({}-…)", self.nameplate)
    }
}

/// The word list, sorted.
pub fn words() -> &'static [&'static str] {
    &WORDS
}

/// The words that begin with `prefix`, which is in lower case.
pub fn completions(prefix: &str) -> &'static [&'static str] {
    let start = WORDS.partition_point(|word| *word < prefix);
    let rest = &WORDS[start..];
    &rest[..rest.partition_point(|word| word.starts_with(prefix))]
}

/// The word of the list that was probably meant: the word itself, the only one that begins so, or the only one that a
/// single slip (a letter wrong, missing, too many, or two exchanged) away. `None` if there is none or more than one.
pub fn suggest(typed: &str) -> Option<&'static str> {
    if typed.len() > MAX_CODE {
        return None;
    }
    let typed = Zeroizing::new(typed.to_ascii_lowercase());
    if let Ok(at) = WORDS.binary_search(&typed.as_str()) {
        return Some(WORDS[at]);
    }
    if let ([only], true) = (completions(&typed), !typed.is_empty()) {
        return Some(only);
    }
    let mut near = WORDS.iter().filter(|word| one_slip(typed.as_bytes(), word.as_bytes()));
    match (near.next(), near.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Whether one slip makes `a` from `b`: a letter replaced, left out or put in, or two neighbours exchanged.
fn one_slip(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 => {
            short.get(1..) == long.get(1..)
                || (short.len() > 1 && short[0] == long[1] && short[1] == long[0] && short[2..] == long[2..])
        }
        1 => *short == long[1..],
        _ => false,
    }
}
