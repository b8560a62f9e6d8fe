//! Which names are written and which are refused: the only place that decides.
//!
//! A name is never changed in silence. What the destination cannot hold is refused with a reason that both sides list.
//! Always refused are names that are no single component and names that could meddle with the staging directory. With
//! *portable names* also whatever Windows or macOS could not hold, or would mix up with another name.

use std::{collections::HashMap, fmt};

use sockeye_proto::content::{NameFault, name_fault};
use unicode_normalization::UnicodeNormalization;

/// How the names of staging directories begin. Compared without regard to case, because some file systems do.
pub(super) const STAGING_PREFIX: &str = ".sockeye-";

/// Longest name in bytes: what Linux' file systems hold.
pub(super) const MAX_NAME: usize = 255;

/// Longest name in UTF-16 units, where names must be portable: what NTFS, exFAT and APFS hold.
pub(super) const MAX_PORTABLE_UNITS: usize = 255;

/// Why a name is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(super) enum NameRefusal {
    /// Not one component of a path.
    NotAComponent(NameFault),
    /// Begins like the directory that unfinished files are kept in.
    Staging,
    /// Longer than [`MAX_NAME`] bytes.
    TooLong,
    /// The same path came before in this transfer.
    Twice,
    /// Portable names only: not UTF-8.
    NotUtf8,
    /// Portable names only: longer than [`MAX_PORTABLE_UNITS`].
    TooLongElsewhere,
    /// Portable names only: a control character.
    Control,
    /// Portable names only: one of `< > : " \ | ? *`.
    Character(char),
    /// Portable names only: ends in a dot or a space.
    Ending,
    /// Portable names only: a device on Windows, whatever follows the first dot.
    Device,
    /// Portable names only: differs from another one only by case or by how accents are composed.
    Collision,
}

impl fmt::Display for NameRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAComponent(fault) => write!(f, "unusable name: {fault}"),
            Self::Staging => {
                write!(f, "names that begin with {STAGING_PREFIX} are used for unfinished files")
            }
            Self::TooLong => write!(f, "the name is longer than {MAX_NAME} bytes"),
            Self::Twice => f.write_str("the same path came before in this transfer"),
            Self::NotUtf8 => f.write_str("not portable: the name is not UTF-8"),
            Self::TooLongElsewhere => {
                write!(f, "not portable: the name is longer than {MAX_PORTABLE_UNITS} UTF-16 units")
            }
            Self::Control => f.write_str("not portable: the name contains a control character"),
            Self::Character(c) => write!(f, "not portable: the name contains {c}"),
            Self::Ending => f.write_str("not portable: the name ends in a dot or a space"),
            Self::Device => f.write_str("not portable: the name is a device on Windows"),
            Self::Collision => {
                f.write_str("not portable: the name differs from another only by case or accents")
            }
        }
    }
}

/// Judges one name by itself.
pub(super) fn check_name(name: &[u8], portable: bool) -> Result<(), NameRefusal> {
    if let Some(fault) = name_fault(name) {
        return Err(NameRefusal::NotAComponent(fault));
    }
    if name.len() > MAX_NAME {
        return Err(NameRefusal::TooLong);
    }
    let prefix = STAGING_PREFIX.as_bytes();
    if name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)) {
        return Err(NameRefusal::Staging);
    }
    if portable { check_portable(name) } else { Ok(()) }
}

fn check_portable(name: &[u8]) -> Result<(), NameRefusal> {
    let name = str::from_utf8(name).map_err(|_| NameRefusal::NotUtf8)?;
    if name.encode_utf16().count() > MAX_PORTABLE_UNITS {
        return Err(NameRefusal::TooLongElsewhere);
    }
    if name.chars().any(char::is_control) {
        return Err(NameRefusal::Control);
    }
    if let Some(c) = name.chars().find(|c| r#"<>:"\|?*"#.contains(*c)) {
        return Err(NameRefusal::Character(c));
    }
    if name.ends_with(['.', ' ']) {
        return Err(NameRefusal::Ending);
    }
    if is_device(name) {
        return Err(NameRefusal::Device);
    }
    Ok(())
}

/// Whether Windows takes the name for a device: what is before the first dot counts, spaces at its end do not.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_uppercase();
    if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str()) {
        return true;
    }
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|number| {
        let mut digits = number.chars();
        let digit = digits.next().is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c));
        digit && digits.next().is_none()
    })
}

/// A name as a system sees it that ignores case and composition; bytes that are not UTF-8 stay as they are.
pub(super) fn fold(name: &[u8]) -> Vec<u8> {
    let Ok(name) = str::from_utf8(name) else { return name.to_vec() };
    let upper: String = name.nfd().flat_map(char::to_uppercase).collect();
    upper.nfd().flat_map(char::to_lowercase).nfc().collect::<String>().into_bytes()
}

/// The name `name (number).extension`; number 0 is the name itself. `None` when it gets too long.
pub(super) fn numbered(name: &[u8], number: u32) -> Option<Vec<u8>> {
    if number == 0 {
        return Some(name.to_vec());
    }
    let dot = name.iter().rposition(|b| *b == b'.').filter(|at| *at > 0).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let numbered = [stem, format!(" ({number})").as_bytes(), extension].concat();
    (numbered.len() <= MAX_NAME).then_some(numbered)
}

/// A path below the destination in 16 bytes: each name hashed onto its directory's key. Equal keys are equal paths;
/// whoever searches for two paths with one key needs 2⁶⁴ attempts and gains that one of his own files is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PathKey([u8; 16]);

impl PathKey {
    /// The destination itself.
    pub(super) const ROOT: Self = Self([0; 16]);

    /// Something in the directory with this key.
    pub(super) fn child(self, name: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(name);
        Self(short(&hasher.finalize()))
    }

    /// A path of components joined by `/`.
    pub(super) fn of_path(path: &[u8]) -> Self {
        path.split(|b| *b == b'/').fold(Self::ROOT, Self::child)
    }
}

/// The first half of a digest.
pub(super) fn short(hash: &blake3::Hash) -> [u8; 16] {
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// The names that came so far, and with portable names those that were there before.
#[derive(Debug, Default)]
pub(super) struct Names {
    portable: bool,
    seen: std::collections::HashSet<PathKey>,
    /// Folded path to the exact one that has it.
    folded: HashMap<PathKey, PathKey>,
}

impl Names {
    pub(super) fn new(portable: bool) -> Self {
        Self { portable, ..Self::default() }
    }

    /// Whether collisions with what exists are looked for.
    pub(super) fn portable(&self) -> bool {
        self.portable
    }

    /// Judges a name in a directory and takes note of it.
    pub(super) fn admit(&mut self, dir: &FoldedKey, name: &[u8]) -> Result<FoldedKey, NameRefusal> {
        check_name(name, self.portable)?;
        let child = dir.child(name, self.portable);
        if self.portable && *self.folded.entry(child.folded).or_insert(child.exact) != child.exact {
            return Err(NameRefusal::Collision);
        }
        if !self.seen.insert(child.exact) {
            return Err(NameRefusal::Twice);
        }
        Ok(child)
    }

    /// Takes note of a name that was there before the transfer.
    pub(super) fn existing(&mut self, dir: &FoldedKey, name: &[u8]) {
        let child = dir.child(name, true);
        self.folded.entry(child.folded).or_insert(child.exact);
    }
}

/// A path as it is and as a careless system sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoldedKey {
    pub(super) exact: PathKey,
    folded: PathKey,
}

impl FoldedKey {
    pub(super) const ROOT: Self = Self { exact: PathKey::ROOT, folded: PathKey::ROOT };

    fn child(self, name: &[u8], portable: bool) -> Self {
        let exact = self.exact.child(name);
        Self { exact, folded: if portable { self.folded.child(&fold(name)) } else { PathKey::ROOT } }
    }
}
