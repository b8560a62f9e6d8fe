//! What is sent: one message, one write — or cut otherwise on purpose.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// How the bytes of messages are cut into writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Split {
    /// `one`: each message in a write of its own.
    #[default]
    One,
    /// `all`: as many messages as are at hand in one write.
    All,
    /// `bytes`: each byte in a write of its own.
    Bytes,
    /// `random[:SEED]`: cut at random, the same for the same seed.
    Random(Option<u64>),
    /// `header`: inside the header, inside the payload, so that both arrive torn.
    Header,
}

/// The text of a split could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is no way to split; there are one, all, bytes, random, random:SEED and header")]
pub struct SplitError {
    text: String,
}

impl FromStr for Split {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        match text {
            "one" => Ok(Self::One),
            "all" => Ok(Self::All),
            "bytes" => Ok(Self::Bytes),
            "random" => Ok(Self::Random(None)),
            "header" => Ok(Self::Header),
            _ => text
                .strip_prefix("random:")
                .and_then(|seed| seed.parse().ok())
                .map(|seed| Self::Random(Some(seed)))
                .ok_or_else(|| SplitError { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One => formatter.write_str("one"),
            Self::All => formatter.write_str("all"),
            Self::Bytes => formatter.write_str("bytes"),
            Self::Random(None) => formatter.write_str("random"),
            Self::Random(Some(seed)) => write!(formatter, "random:{seed}"),
            Self::Header => formatter.write_str("header"),
        }
    }
}

/// Draws the cuts for one connection.
#[derive(Clone, Debug)]
pub struct Cuts {
    split: Split,
    state: u64,
}

/// The longest piece of a random cut, in bytes: short enough that an ordinary message is torn, long enough for a large one.
const LONGEST_PIECE: u64 = 1 << 12;

impl Cuts {
    /// `seed` is used where the split does not name one.
    pub fn new(split: Split, seed: u64) -> Self {
        match split {
            Split::Random(Some(seed)) => Self { split, state: seed },
            _ => Self { split, state: seed },
        }
    }

    /// Where the next write of a message ends: at most `rest`, the bytes that are left of it. `done` are those already
    /// written, `header_len` how many of the whole are header.
    pub fn next(&mut self, done: usize, header_len: usize, rest: usize) -> usize {
        let rest_or = |len: usize| len.clamp(1, rest.max(1));
        match self.split {
            Split::One | Split::All => rest,
            Split::Bytes => rest_or(1),
            Split::Random(_) => {
                // Small pieces are as likely as large ones: the length is drawn by its magnitude.
                let bits = self.draw() % u64::from(LONGEST_PIECE.ilog2() + 1);
                let len = (1 << bits) + self.draw() % (1 << bits);
                rest_or(usize::try_from(len).unwrap_or(1))
            }
            Split::Header => match done {
                0 if header_len > 1 => rest_or(header_len / 2),
                0 => rest_or(rest / 2),
                _ if done < header_len => {
                    rest_or(header_len - done + (rest + done).saturating_sub(header_len) / 2)
                }
                _ => rest,
            },
        }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
