//! Where symbolic links may point: relative, and inside of what is sent.
//!
//! Links are made last, so that nothing is ever written through one of them; these rules keep what is read through
//! them later inside as well. A target is resolved lexically. That is only what the system would do if no part on the
//! way is a link itself, so a target that leads through a link of the transfer or of the destination is refused.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use rustix::io::Errno;
use sockeye_proto::content::{EntryId, EntryRef, Timestamp};

use super::{
    destination::parent_of,
    error::{EntryStatus, Failure, is},
    names::{PathKey, check_name},
    volume::{FileKind, Name, Volume},
};

/// A link that waits for the end of the transfer.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: EntryId,
    pub(super) parent: EntryId,
    pub(super) name: Box<[u8]>,
    pub(super) target: Box<[u8]>,
    pub(super) modified: Timestamp,
}

impl Link {
    pub(super) fn new(entry: &EntryRef<'_>, target: &[u8]) -> Self {
        let (parent, name) = (parent_of(entry), entry.name.into());
        Self { id: entry.id, parent, name, target: target.into(), modified: entry.modified }
    }
}

/// Checks what can be told from the target and the directory it lies in (as a path) alone.
pub(super) fn check_target(dir: &[u8], target: &[u8]) -> Result<(), Failure> {
    resolve(dir, target).map(drop)
}

/// A resolved target.
struct Resolved<'a> {
    /// Where it ends, as components below the destination.
    end: Vec<&'a [u8]>,
    /// All places it leads through.
    through: Vec<Vec<&'a [u8]>>,
}

fn resolve<'a>(dir: &'a [u8], target: &'a [u8]) -> Result<Resolved<'a>, Failure> {
    if target.first() == Some(&b'/') {
        return Err(refused("the link's target is absolute"));
    }
    let mut at: Vec<&[u8]> = dir.split(|b| *b == b'/').filter(|name| !name.is_empty()).collect();
    let mut through = Vec::new();
    // Whether the last component was a name, which another component after it leads through.
    let mut named = false;
    for component in target.split(|b| *b == b'/') {
        if named {
            through.push(at.clone());
        }
        named = false;
        match component {
            b"" | b"." => {}
            b".." => drop(at.pop().ok_or_else(|| refused("the link points out of what is sent"))?),
            name => {
                check_name(name, false).map_err(|_| refused("the link's target has an unusable name"))?;
                at.push(name);
                named = true;
            }
        }
    }
    if at.is_empty() {
        return Err(refused("the link points out of what is sent"));
    }
    Ok(Resolved { end: at, through })
}

/// What the rest of the transfer says about link targets.
pub(super) struct LinkRules<'a> {
    /// Paths of all links of the transfer.
    pub(super) links: &'a HashSet<PathKey>,
    /// The top level of what is sent and written.
    pub(super) roots: &'a HashMap<PathKey, EntryId>,
}

impl LinkRules<'_> {
    /// Checks a target once everything else of the transfer is there.
    pub(super) fn check<V: Volume>(&self, volume: &V, dir: &[u8], target: &[u8]) -> Result<(), Failure> {
        let resolved = resolve(dir, target)?;
        let root = resolved.end.first().map(|name| PathKey::ROOT.child(name));
        if !root.is_some_and(|root| self.roots.contains_key(&root)) {
            return Err(refused("the link points out of what is sent"));
        }
        for place in &resolved.through {
            let mut key = PathKey::ROOT;
            for name in place {
                key = key.child(name);
                if self.links.contains(&key) {
                    return Err(refused("the link's target leads through another link"));
                }
            }
            let real = leads_through_link(volume, place);
            if real.map_err(|error| Failure::io("look at the link's target", &error))? {
                return Err(refused("the link's target leads through a link that was here before"));
            }
        }
        Ok(())
    }
}

fn leads_through_link<V: Volume>(volume: &V, place: &[&[u8]]) -> io::Result<bool> {
    let mut dir = volume.root();
    for name in place {
        let name = Name::new(name).ok_or(io::ErrorKind::InvalidInput)?;
        match volume.stat(&dir, name) {
            Ok(found) if found.kind == FileKind::Symlink => return Ok(true),
            Ok(found) if found.kind == FileKind::Directory => dir = volume.open_dir(&dir, name)?,
            // It leads nowhere, or it would have to lead through a file.
            Ok(_) => return Ok(false),
            Err(error) if is(&error, Errno::NOENT) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn refused(text: &'static str) -> Failure {
    Failure::new(EntryStatus::KindRefused, text)
}
