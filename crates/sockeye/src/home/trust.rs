//! The peers that are remembered.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use toml::value::Datetime;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{
    Home, HomeError, hex, private,
    table::{self, SecretText},
    time,
};

/// Most peers that are remembered: a person's machines and friends, with a wide margin.
pub const MAX_PEERS: usize = 1000;

/// Longest name of a peer, in characters.
pub const MAX_NAME_CHARS: usize = 64;

const FILE: &str = "peers.toml";
const LOCK: &str = "peers.lock";

/// Longest file, in bytes: [`MAX_PEERS`] at a kilobyte each.
const MAX_LEN: u64 = 1 << 20;

const HEADER: &str = "\
# Peers that this machine remembers, and the secrets it shares with them: keep this file to yourself.
# `sockeye trust` lists and changes it.

";

/// A peer that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// What it is called here. Unique.
    pub name: String,
    /// Its long-term public key. Unique.
    pub identity: [u8; 32],
    /// Whether it may send to this machine.
    pub may_send: bool,
    /// Whether it may receive from this machine.
    pub may_receive: bool,
    /// Whether what it sends is taken without asking.
    pub accept: bool,
    /// When it was first met, to the second.
    pub first_seen: SystemTime,
    /// When it was last met, to the second.
    pub last_seen: SystemTime,
}

/// What a peer may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Send to this machine.
    pub may_send: bool,
    /// Receive from this machine.
    pub may_receive: bool,
    /// Send without anybody being asked.
    pub accept: bool,
}

/// A remembered peer and the secret shared with it. Debug hides the secret.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The peer.
    pub peer: &'a Remembered,
    /// The pair key.
    pub pair_key: &'a Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("peer", self.peer).finish_non_exhaustive()
    }
}

/// Why a name cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameRefused {
    /// No characters.
    #[error("it is empty")]
    Empty,
    /// More than 64 characters.
    #[error("it has more than {MAX_NAME_CHARS} characters")]
    TooLong,
    /// A character that cannot be seen, or that means something on the command line.
    #[error("it contains {0:?}")]
    Character(char),
    /// Begins with `-`, or begins or ends with a space.
    #[error("it begins with a hyphen, or begins or ends with a space")]
    Edge,
}

/// The remembered peers. Each change is made under a lock to what the file holds at that moment, so that several
/// processes can change it at once. A file that is damaged is left alone, and every call says so.
pub struct TrustStore {
    path: PathBuf,
    lock: PathBuf,
    /// In the order of the file. `keys[i]` belongs to `peers[i]`.
    peers: Vec<Remembered>,
    keys: Vec<Zeroizing<[u8; 32]>>,
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustStore")
            .field("path", &self.path)
            .field("peers", &self.peers)
            .finish_non_exhaustive()
    }
}

impl TrustStore {
    /// Reads the file. None is the same as an empty one.
    pub fn open(home: &Home) -> Result<Self, HomeError> {
        private::make_directory(&home.config)?;
        let mut store = Self {
            path: home.config.join(FILE),
            lock: home.config.join(LOCK),
            peers: Vec::new(),
            keys: Vec::new(),
        };
        store.reload()?;
        Ok(store)
    }

    /// Reads the file again: another process may have changed it.
    pub fn reload(&mut self) -> Result<(), HomeError> {
        let mut fresh = (Vec::new(), Vec::new());
        if let Some(bytes) = private::read(&self.path, MAX_LEN)? {
            fresh = parse(&self.path, &bytes)?;
        }
        (self.peers, self.keys) = fresh;
        Ok(())
    }

    /// All peers, in the order in which they were remembered.
    pub fn list(&self) -> &[Remembered] {
        &self.peers
    }

    /// All peers with the secrets shared with them.
    pub fn known(&self) -> impl Iterator<Item = Known<'_>> {
        self.peers.iter().zip(&self.keys).map(|(peer, pair_key)| Known { peer, pair_key })
    }

    /// The peer with this long-term key.
    pub fn find_by_identity(&self, identity: &[u8; 32]) -> Option<Known<'_>> {
        self.known().find(|known| known.peer.identity == *identity)
    }

    /// The peer that is called so here.
    pub fn find_by_name(&self, name: &str) -> Option<Known<'_>> {
        let name: String = name.nfc().collect();
        self.known().find(|known| known.peer.name == name)
    }

    /// Remembers a peer. If its identity is remembered already, name, permissions and pair key are replaced; a name
    /// that another identity has is refused.
    pub fn add(
        &mut self,
        name: &str,
        identity: [u8; 32],
        pair_key: &Zeroizing<[u8; 32]>,
        permissions: Permissions,
        now: SystemTime,
    ) -> Result<(), HomeError> {
        let name = valid_name(name)?;
        let now = time::whole_seconds(now);
        self.change(|store| {
            store.name_is_free(&name, Some(&identity))?;
            let at = store.peers.iter().position(|peer| peer.identity == identity);
            let first_seen = at.map_or(now, |at| store.peers[at].first_seen);
            let Permissions { may_send, may_receive, accept } = permissions;
            let peer =
                Remembered { name, identity, may_send, may_receive, accept, first_seen, last_seen: now };
            if let Some(at) = at {
                store.peers[at] = peer;
                store.keys[at].clone_from(pair_key);
            } else if store.peers.len() < MAX_PEERS {
                store.peers.push(peer);
                store.keys.push(pair_key.clone());
            } else {
                return Err(HomeError::Full { path: store.path.clone(), limit: MAX_PEERS });
            }
            Ok(())
        })
    }

    /// Changes what is known about a peer: permissions, name, when it was last seen. Its identity and when it was
    /// first seen stay.
    pub fn update(
        &mut self,
        identity: &[u8; 32],
        edit: impl FnOnce(&mut Remembered),
    ) -> Result<(), HomeError> {
        self.change(|store| {
            let at = store.peers.iter().position(|peer| peer.identity == *identity);
            let at = at.ok_or(HomeError::UnknownIdentity)?;
            let mut peer = store.peers[at].clone();
            edit(&mut peer);
            peer.name = valid_name(&peer.name)?;
            peer.last_seen = time::whole_seconds(peer.last_seen);
            store.name_is_free(&peer.name, Some(identity))?;
            store.peers[at] =
                Remembered { identity: *identity, first_seen: store.peers[at].first_seen, ..peer };
            Ok(())
        })
    }

    /// Gives a peer another name.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), HomeError> {
        let to = valid_name(to)?;
        self.change(|store| {
            let at = store.position(from)?;
            store.name_is_free(&to, Some(&store.peers[at].identity))?;
            store.peers[at].name = to;
            Ok(())
        })
    }

    /// Forgets a peer.
    pub fn remove(&mut self, name: &str) -> Result<(), HomeError> {
        self.change(|store| {
            let at = store.position(name)?;
            store.peers.remove(at);
            store.keys.remove(at);
            Ok(())
        })
    }

    fn position(&self, name: &str) -> Result<usize, HomeError> {
        let name: String = name.nfc().collect();
        self.peers.iter().position(|peer| peer.name == name).ok_or(HomeError::UnknownName(name))
    }

    fn name_is_free(&self, name: &str, but_for: Option<&[u8; 32]>) -> Result<(), HomeError> {
        match self.find_by_name(name) {
            Some(known) if Some(&known.peer.identity) != but_for => {
                Err(HomeError::NameTaken(name.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Reads, changes and writes the file as one step. When the change fails, nothing is written.
    fn change(&mut self, edit: impl FnOnce(&mut Self) -> Result<(), HomeError>) -> Result<(), HomeError> {
        let _lock = private::lock(&self.lock)?;
        let mut next =
            Self { path: self.path.clone(), lock: self.lock.clone(), peers: Vec::new(), keys: Vec::new() };
        next.reload()?;
        edit(&mut next)?;
        private::replace(&next.path, next.render()?.as_bytes())?;
        *self = next;
        Ok(())
    }

    fn render(&self) -> Result<Zeroizing<String>, HomeError> {
        let peer = self.known().map(Row::from).collect();
        table::render(&self.path, HEADER, &Table { version: table::VERSION, peer })
    }
}

/// The name in its one spelling, if it can be one: it is typed on command lines as `--to NAME`, printed, and told
/// apart from hosts, addresses and codes.
fn valid_name(name: &str) -> Result<String, NameRefused> {
    // Bounded before it is normalized; no character grows by more than this.
    if name.len() > MAX_NAME_CHARS * 16 {
        return Err(NameRefused::TooLong);
    }
    let name: String = name.nfc().collect();
    if name.is_empty() {
        return Err(NameRefused::Empty);
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(NameRefused::TooLong);
    }
    if let Some(refused) = name.chars().find(|&character| !may_be_in_name(character)) {
        return Err(NameRefused::Character(refused));
    }
    if name.starts_with(['-', ' ']) || name.ends_with(' ') {
        return Err(NameRefused::Edge);
    }
    Ok(name)
}

fn may_be_in_name(character: char) -> bool {
    let invisible = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}');
    let grammar = matches!(character, '/' | '\\' | '@' | ':' | '[' | ']' | '"' | '`' | '$' | '*' | '?' | '%');
    let space = character.is_whitespace() && character != ' ';
    !(character.is_control() || invisible || grammar || space)
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: u32,
    #[serde(default)]
    peer: Vec<Row>,
}

/// One peer in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    identity: String,
    pair_key: SecretText,
    may_send: bool,
    may_receive: bool,
    accept: bool,
    first_seen: Datetime,
    last_seen: Datetime,
}

impl From<Known<'_>> for Row {
    fn from(Known { peer, pair_key }: Known<'_>) -> Self {
        Self {
            name: peer.name.clone(),
            identity: hex::encode(&peer.identity).to_string(),
            pair_key: SecretText::new(pair_key),
            may_send: peer.may_send,
            may_receive: peer.may_receive,
            accept: peer.accept,
            first_seen: time::to_toml(peer.first_seen),
            last_seen: time::to_toml(peer.last_seen),
        }
    }
}

type Parsed = (Vec<Remembered>, Vec<Zeroizing<[u8; 32]>>);

/// The peers of a file, each checked, names and identities unique.
fn parse(path: &Path, bytes: &[u8]) -> Result<Parsed, HomeError> {
    let Table { peer: rows, .. } = table::parse(path, bytes)?;
    if rows.len() > MAX_PEERS {
        return Err(table::corrupt(path, format!("{} peers, more than the {MAX_PEERS} allowed", rows.len())));
    }
    let (mut names, mut identities) = (BTreeSet::new(), BTreeSet::new());
    let mut parsed: Parsed = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for (index, row) in rows.iter().enumerate() {
        let (peer, key) = checked(row)
            .ok_or_else(|| table::corrupt(path, format!("peer {}: a value that cannot be", index + 1)))?;
        if !names.insert(peer.name.clone()) || !identities.insert(peer.identity) {
            return Err(table::corrupt(
                path,
                format!("peer {}: its name or identity comes twice", index + 1),
            ));
        }
        parsed.0.push(peer);
        parsed.1.push(key);
    }
    Ok(parsed)
}

fn checked(row: &Row) -> Option<(Remembered, Zeroizing<[u8; 32]>)> {
    let peer = Remembered {
        name: valid_name(&row.name).ok()?,
        identity: hex::decode(&row.identity)?,
        may_send: row.may_send,
        may_receive: row.may_receive,
        accept: row.accept,
        first_seen: time::from_toml(&row.first_seen)?,
        last_seen: time::from_toml(&row.last_seen)?,
    };
    Some((peer, row.pair_key.decode()?))
}
