//! The first message of a control connection, both ways: versions, features, and what the dialer wants
//! (`specs/03-pairing.md` §3).

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use minicbor::{Decode, Encode};

use crate::envelope::{self, BodyError};

/// Message kind of HELLO. It is critical.
pub const HELLO: u16 = 0x0001;

/// Oldest version of the control protocol that this code speaks.
pub const VERSION_MIN: u16 = 1;

/// Newest version of the control protocol that this code speaks.
pub const VERSION_MAX: u16 = 1;

/// Longest name a machine may give itself, in bytes: a host name label has at most 63.
pub const MAX_NAME: usize = 64;

/// What the dialer wants to do first. The listener repeats the dialer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Intent {
    /// Prove knowledge of a code.
    PairCode,
    /// Prove knowledge of a pair key from an earlier pairing.
    Knock,
    /// Something that a later version knows.
    Unknown(u8),
}

impl Intent {
    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::PairCode => 0,
            Self::Knock => 1,
            Self::Unknown(number) => number,
        }
    }

    /// What a number on the wire means.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::PairCode,
            1 => Self::Knock,
            other => Self::Unknown(other),
        }
    }
}

/// Versions, features and intent of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Oldest version spoken.
    pub version_min: u16,
    /// Newest version spoken.
    pub version_max: u16,
    /// Features this side has, one bit each.
    pub features: u64,
    /// Features the other side must have as well.
    pub required: u64,
    /// What the machine's user told it to call itself; hostile text when it comes from a peer. At most [`MAX_NAME`]
    /// bytes. Absent unless the user gave one.
    pub name: Option<String>,
    /// What the dialer wants.
    pub intent: Intent,
}

/// What both sides speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The newest version that both speak.
    pub version: u16,
    /// The features that both have.
    pub features: u64,
}

/// Why two sides cannot talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incompatible {
    /// No version in common.
    #[error("we speak versions {}–{}, the peer {}–{}", ours.0, ours.1, theirs.0, theirs.1)]
    Version {
        /// Our oldest and newest.
        ours: (u16, u16),
        /// Theirs.
        theirs: (u16, u16),
    },
    /// The peer requires features that we lack.
    #[error("the peer requires features {0:#x} that we do not have")]
    MissingHere(u64),
    /// We require features that the peer lacks.
    #[error("we require features {0:#x} that the peer does not have")]
    MissingThere(u64),
    /// The dialer wants something that we do not know.
    #[error("the peer wants something unknown ({0})")]
    Intent(u8),
}

/// A HELLO that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Not the CBOR map it should be.
    #[error("HELLO: {0}")]
    Body(#[from] BodyError),
    /// A name longer than [`MAX_NAME`].
    #[error("HELLO: name of {0} bytes, longer than allowed")]
    Name(usize),
    /// `version_min` above `version_max`, or version 0.
    #[error("HELLO: versions {0}–{1} are not a range")]
    Versions(u16, u16),
    /// Requires a feature that it does not claim to have.
    #[error("HELLO: requires features {0:#x} that it does not have itself")]
    Required(u64),
}

/// HELLO as it travels.
#[derive(Encode, Decode)]
#[cbor(map)]
struct HelloMap<'a> {
    #[n(0)]
    version_min: u16,
    #[n(1)]
    version_max: u16,
    #[n(2)]
    features: u64,
    #[n(3)]
    required: u64,
    #[b(4)]
    name: Option<&'a str>,
    #[n(5)]
    intent: u8,
}

impl Hello {
    /// A HELLO of the versions this code speaks. A name that is too long is cut at a character.
    pub fn new(features: u64, required: u64, name: Option<&str>, intent: Intent) -> Self {
        let name = name.map(|name| cut(name, MAX_NAME).to_owned());
        Self { version_min: VERSION_MIN, version_max: VERSION_MAX, features, required, name, intent }
    }

    /// The payload of its control frame, envelope included.
    pub fn encode(&self) -> Vec<u8> {
        let body = envelope::encode_map(&HelloMap {
            version_min: self.version_min,
            version_max: self.version_max,
            features: self.features,
            required: self.required,
            name: self.name.as_deref(),
            intent: self.intent.number(),
        });
        let mut frame = Vec::new();
        envelope::encode(HELLO, true, &body, &mut frame);
        frame
    }

    /// Reads the body of a HELLO.
    pub fn decode(body: &[u8]) -> Result<Self, HelloError> {
        let map: HelloMap<'_> = envelope::decode_map(body)?;
        if let Some(name) = map.name.filter(|name| name.len() > MAX_NAME) {
            return Err(HelloError::Name(name.len()));
        }
        if map.version_min == 0 || map.version_min > map.version_max {
            return Err(HelloError::Versions(map.version_min, map.version_max));
        }
        if map.required & !map.features != 0 {
            return Err(HelloError::Required(map.required & !map.features));
        }
        Ok(Self {
            version_min: map.version_min,
            version_max: map.version_max,
            features: map.features,
            required: map.required,
            name: map.name.map(ToOwned::to_owned),
            intent: Intent::from_number(map.intent),
        })
    }

    /// The newest version and the features that `self` (ours) and `theirs` have in common.
    pub fn negotiate(&self, theirs: &Self) -> Result<Negotiated, Incompatible> {
        let version = self.version_max.min(theirs.version_max);
        if version < self.version_min.max(theirs.version_min) {
            return Err(Incompatible::Version {
                ours: (self.version_min, self.version_max),
                theirs: (theirs.version_min, theirs.version_max),
            });
        }
        match (theirs.required & !self.features, self.required & !theirs.features) {
            (0, 0) => Ok(Negotiated { version, features: self.features & theirs.features }),
            (0, there) => Err(Incompatible::MissingThere(there)),
            (here, _) => Err(Incompatible::MissingHere(here)),
        }
    }
}

/// The longest beginning of `text` that fits `limit` bytes and ends at a character.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}
