//! Datagrams to bytes and back. Layout: `specs/05-discovery.md`, sections 2 to 4.

use alloc::{string::String, vec::Vec};
use core::{fmt, num::NonZeroU16};

use super::{
    ConfigError, Hints, WireError,
    config::{MAX_DATAGRAM, MAX_HINTS, MAX_NAME, QUERY_LEN},
    hint::HINT_LEN,
};

/// First bytes of every datagram.
pub const MAGIC: [u8; 4] = *b"SKYE";
/// The version described here.
pub const VERSION: u8 = 1;
/// Magic, version, kind.
pub const HEADER_LEN: usize = 6;
/// Set in a field's type: who does not know the field must drop the datagram.
pub const CRITICAL: u16 = 0x8000;

/// Type and length of a field.
const FIELD_HEADER_LEN: usize = 4;
/// Longest announcement there can be: every field at its longest.
const MAX_ANSWER: usize =
    HEADER_LEN + 7 * FIELD_HEADER_LEN + 16 + 2 + 2 + HINT_LEN + 1 + MAX_NAME + HINT_LEN * (1 + MAX_HINTS);
const _: () = assert!(MAX_ANSWER <= QUERY_LEN && QUERY_LEN <= MAX_DATAGRAM);

/// Kinds of datagram.
pub(crate) mod kind {
    pub(crate) const BEACON: u8 = 1;
    pub(crate) const QUERY: u8 = 2;
    pub(crate) const ANSWER: u8 = 3;
    pub(crate) const GOODBYE: u8 = 4;
}

/// Types of field, without the critical bit.
mod field {
    pub(super) const PADDING: u16 = 0;
    pub(super) const RUN: u16 = 1;
    pub(super) const PORT: u16 = 2;
    pub(super) const NAMEPLATE: u16 = 3;
    pub(super) const NONCE: u16 = 4;
    pub(super) const ROLE: u16 = 5;
    pub(super) const NAME: u16 = 6;
    pub(super) const HINTS: u16 = 7;
}

/// In the role field: this machine has something to send. The other bits are ignored.
const ROLE_SENDS: u8 = 1;

/// Drawn once in every run of the program: the same run seen by several ways is one machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(pub [u8; 16]);

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The public number of a code, 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nameplate(NonZeroU16);

impl Nameplate {
    /// The largest number.
    pub const MAX: u16 = 9999;
    /// Number 1.
    pub(crate) const FIRST: Self = Self(NonZeroU16::MIN);

    /// Takes a number from 1 to 9999.
    pub fn new(number: u16) -> Result<Self, ConfigError> {
        match NonZeroU16::new(number) {
            Some(inner) if number <= Self::MAX => Ok(Self(inner)),
            _ => Err(ConfigError::Nameplate(number)),
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

/// What a machine tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its run.
    pub run: RunId,
    /// The TCP port it listens on. The address is the datagram's source, never told inside.
    pub port: NonZeroU16,
    /// Its nameplate, if it has one.
    pub nameplate: Option<Nameplate>,
    /// It has something to send; otherwise it receives.
    pub sends: bool,
    /// The name its user gave it: hostile text, at most [`MAX_NAME`] bytes.
    pub name: Option<String>,
    /// For remembered peers.
    pub hints: Option<Hints>,
}

/// What a query asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everyone.
    Everyone,
    /// The machine with this nameplate.
    Nameplate(Nameplate),
    /// Machines that remember peers; the one that knows this tag's key shows it in its answer.
    Hinted(Hints),
}

/// A datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// A machine announces itself to everybody.
    Beacon(Announcement),
    /// Who is there?
    Query {
        /// Drawn for each round; an answer repeats it.
        nonce: [u8; HINT_LEN],
        /// Who is meant.
        wanted: Wanted,
    },
    /// To the querier alone.
    Answer {
        /// The query's.
        nonce: [u8; HINT_LEN],
        /// Who answers.
        announcement: Announcement,
    },
    /// This run ends, or no longer wants to be found.
    Goodbye {
        /// Its run.
        run: RunId,
    },
}

impl Datagram {
    /// The bytes: at most [`MAX_DATAGRAM`]; a query has exactly [`QUERY_LEN`].
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(QUERY_LEN);
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        match self {
            Self::Beacon(announcement) => {
                out.push(kind::BEACON);
                put_announcement(&mut out, announcement);
            }
            Self::Query { nonce, wanted } => {
                out.push(kind::QUERY);
                put_query(&mut out, nonce, wanted);
            }
            Self::Answer { nonce, announcement } => {
                out.push(kind::ANSWER);
                put(&mut out, field::NONCE, nonce);
                put_announcement(&mut out, announcement);
            }
            Self::Goodbye { run } => {
                out.push(kind::GOODBYE);
                put(&mut out, field::RUN, &run.0);
            }
        }
        out
    }

    /// Reads a datagram. Nothing is allocated before its length is known to fit.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > MAX_DATAGRAM {
            return Err(WireError::TooLong(bytes.len()));
        }
        let Some((magic, rest)) = bytes.split_first_chunk::<4>() else { return Err(WireError::NotOurs) };
        if *magic != MAGIC {
            return Err(WireError::NotOurs);
        }
        let Some(([version, kind], rest)) = rest.split_first_chunk::<2>() else {
            return Err(WireError::Truncated);
        };
        if *version != VERSION {
            return Err(WireError::OtherVersion(*version));
        }
        if !(kind::BEACON..=kind::GOODBYE).contains(kind) {
            return Err(WireError::UnknownKind(*kind));
        }
        Fields::read(rest)?.datagram(*kind)
    }
}

fn put(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    // Every value written here is far below the limit of a datagram.
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(value);
}

fn put_announcement(out: &mut Vec<u8>, announcement: &Announcement) {
    put(out, field::RUN, &announcement.run.0);
    put(out, field::PORT, &announcement.port.get().to_be_bytes());
    if let Some(nameplate) = announcement.nameplate {
        put(out, field::NAMEPLATE, &nameplate.get().to_be_bytes());
    }
    put(out, field::ROLE, &[if announcement.sends { ROLE_SENDS } else { 0 }]);
    if let Some(name) = &announcement.name {
        put(out, field::NAME, name.as_bytes());
    }
    if let Some(hints) = &announcement.hints {
        put_hints(out, field::HINTS, hints);
    }
}

/// Fields that narrow a query down are critical: who does not know them must not take it for "everyone".
fn put_query(out: &mut Vec<u8>, nonce: &[u8], wanted: &Wanted) {
    put(out, field::NONCE, nonce);
    match wanted {
        Wanted::Everyone => {}
        Wanted::Nameplate(number) => put(out, field::NAMEPLATE | CRITICAL, &number.get().to_be_bytes()),
        Wanted::Hinted(hints) => put_hints(out, field::HINTS | CRITICAL, hints),
    }
    let padding = QUERY_LEN.saturating_sub(out.len() + FIELD_HEADER_LEN);
    put(out, field::PADDING, &[0; QUERY_LEN][..padding]);
}

fn put_hints(out: &mut Vec<u8>, kind: u16, hints: &Hints) {
    let mut value = Vec::with_capacity(HINT_LEN * (1 + MAX_HINTS));
    value.extend_from_slice(&hints.salt);
    hints.tags.iter().take(MAX_HINTS).for_each(|tag| value.extend_from_slice(tag));
    put(out, kind, &value);
}

/// The known fields of a datagram, each at most once.
#[derive(Default)]
struct Fields<'a> {
    run: Option<&'a [u8]>,
    port: Option<&'a [u8]>,
    nameplate: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    role: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    hints: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(mut rest: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = Self::default();
        while !rest.is_empty() {
            let Some(([k0, k1, l0, l1], tail)) = rest.split_first_chunk::<FIELD_HEADER_LEN>() else {
                return Err(WireError::Truncated);
            };
            let (kind, len) = (u16::from_be_bytes([*k0, *k1]), u16::from_be_bytes([*l0, *l1]));
            let Some((value, tail)) = tail.split_at_checked(usize::from(len)) else {
                return Err(WireError::Truncated);
            };
            fields.set(kind, value)?;
            rest = tail;
        }
        Ok(fields)
    }

    fn set(&mut self, kind: u16, value: &'a [u8]) -> Result<(), WireError> {
        let place = match kind & !CRITICAL {
            field::PADDING => return Ok(()),
            field::RUN => &mut self.run,
            field::PORT => &mut self.port,
            field::NAMEPLATE => &mut self.nameplate,
            field::NONCE => &mut self.nonce,
            field::ROLE => &mut self.role,
            field::NAME => &mut self.name,
            field::HINTS => &mut self.hints,
            unknown if kind & CRITICAL != 0 => return Err(WireError::UnknownCritical(unknown)),
            _ => return Ok(()),
        };
        if place.replace(value).is_some() {
            return Err(WireError::Repeated(kind & !CRITICAL));
        }
        Ok(())
    }

    fn datagram(&self, kind: u8) -> Result<Datagram, WireError> {
        Ok(match kind {
            kind::BEACON => Datagram::Beacon(self.announcement()?),
            kind::QUERY => Datagram::Query { nonce: self.nonce()?, wanted: self.wanted()? },
            kind::ANSWER => Datagram::Answer { nonce: self.nonce()?, announcement: self.announcement()? },
            kind::GOODBYE => Datagram::Goodbye { run: self.run()? },
            other => return Err(WireError::UnknownKind(other)),
        })
    }

    fn announcement(&self) -> Result<Announcement, WireError> {
        let port: [u8; 2] = exactly(self.port, "port")?;
        Ok(Announcement {
            run: self.run()?,
            port: NonZeroU16::new(u16::from_be_bytes(port)).ok_or(WireError::BadField("port"))?,
            nameplate: self.nameplate()?,
            sends: match self.role {
                Some([bits]) => bits & ROLE_SENDS != 0,
                Some(_) => return Err(WireError::BadField("role")),
                None => false,
            },
            name: self.name.map(text).transpose()?,
            hints: self.hints.map(hints).transpose()?,
        })
    }

    fn wanted(&self) -> Result<Wanted, WireError> {
        match (self.nameplate()?, self.hints.map(hints).transpose()?) {
            (None, None) => Ok(Wanted::Everyone),
            (Some(nameplate), None) => Ok(Wanted::Nameplate(nameplate)),
            (None, Some(hints)) => Ok(Wanted::Hinted(hints)),
            (Some(_), Some(_)) => Err(WireError::BadField("query")),
        }
    }

    fn run(&self) -> Result<RunId, WireError> {
        exactly(self.run, "run").map(RunId)
    }

    fn nonce(&self) -> Result<[u8; HINT_LEN], WireError> {
        exactly(self.nonce, "nonce")
    }

    fn nameplate(&self) -> Result<Option<Nameplate>, WireError> {
        let Some(value) = self.nameplate else { return Ok(None) };
        let number = u16::from_be_bytes(exactly(Some(value), "nameplate")?);
        Nameplate::new(number).map(Some).map_err(|_| WireError::BadField("nameplate"))
    }
}

fn exactly<const N: usize>(value: Option<&[u8]>, name: &'static str) -> Result<[u8; N], WireError> {
    value.ok_or(WireError::Missing(name))?.try_into().map_err(|_| WireError::BadField(name))
}

fn text(value: &[u8]) -> Result<String, WireError> {
    match core::str::from_utf8(value) {
        Ok(name) if (1..=MAX_NAME).contains(&name.len()) => Ok(String::from(name)),
        _ => Err(WireError::BadField("name")),
    }
}

fn hints(value: &[u8]) -> Result<Hints, WireError> {
    let (pieces, []) = value.as_chunks::<HINT_LEN>() else { return Err(WireError::BadField("hints")) };
    match pieces {
        [salt, tags @ ..] if (1..=MAX_HINTS).contains(&tags.len()) => {
            Ok(Hints { salt: *salt, tags: tags.to_vec() })
        }
        _ => Err(WireError::BadField("hints")),
    }
}
