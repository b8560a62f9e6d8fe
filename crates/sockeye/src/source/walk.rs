//! The walk: from named paths to the manifest's entries.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    vec,
};

use rustix::{fs::Stat, io::Errno};
use sockeye_proto::content::{Entry, EntryId, EntryKind, ManifestLimits, SourceIdentity};

use super::{
    SkipReason, Skipped, SourceError, SourceTree,
    exclude::Exclude,
    handle::{self, Kind, Names},
    identity::{self, Identity},
};

/// How many levels of directories stay open; those above are found again through `..`, and compared.
const MAX_OPEN_LEVELS: usize = 64;

/// Walks the named paths and yields what is in them, in the order of the manifest: each directory before its children,
/// names sorted by their bytes, roots likewise. The first entry has id 0, the next 1 and so on; an entry's parent is
/// named by that id.
///
/// What cannot be sent goes to a list of its own: [`Walker::take_skipped`]. What disappears between being listed and
/// being looked at counts as never having been there.
/// A special file system's files of stated size 0 (`/proc`) are sent empty.
#[derive(Debug)]
pub(crate) struct Walker {
    tree: SourceTree,
    exclude: Exclude,
    limits: ManifestLimits,
    roots: vec::IntoIter<Vec<u8>>,
    /// From the root down to the directory at work, which is the last and always open unless it has no names left.
    levels: Vec<Level>,
    /// Path of what is at work.
    path: Vec<u8>,
    root_len: usize,
    entries: u32,
    text: u64,
    bytes: u64,
    skipped: Vec<Skipped>,
}

/// A directory whose children are being visited.
#[derive(Debug)]
struct Level {
    id: EntryId,
    identity: Identity,
    /// `None` while it is deeper down than [`MAX_OPEN_LEVELS`] levels below.
    directory: Option<OwnedFd>,
    path_len: usize,
    names: Names,
}

impl Walker {
    /// A walk over these paths. Fails at once for a path that does not exist, cannot be read, is not a file or directory,
    /// or would arrive under the same name as another; and for a bad pattern.
    ///
    /// A named symbolic link is followed and sent under its own name. `.`, `..` and paths that end in a slash are sent
    /// under the directory's real name.
    pub(crate) fn new(sources: &[PathBuf], exclude: &[String]) -> Result<Self, SourceError> {
        Self::with_limits(sources, exclude, ManifestLimits::default())
    }

    /// The same with other limits; what exceeds them is skipped.
    pub(crate) fn with_limits(
        sources: &[PathBuf],
        exclude: &[String],
        limits: ManifestLimits,
    ) -> Result<Self, SourceError> {
        let exclude = Exclude::new(exclude)?;
        let tree = SourceTree::resolve(sources, &exclude)?;
        Ok(Self {
            roots: tree.names().into_iter(),
            tree,
            exclude,
            limits,
            levels: Vec::new(),
            path: Vec::new(),
            root_len: 0,
            entries: 0,
            text: 0,
            bytes: 0,
            skipped: Vec::new(),
        })
    }

    /// What is needed to read the entries, now or later.
    pub(crate) fn tree(&self) -> SourceTree {
        self.tree.clone()
    }

    /// What was skipped since the last call.
    pub(crate) fn take_skipped(&mut self) -> Vec<Skipped> {
        std::mem::take(&mut self.skipped)
    }

    /// A named path. The user may have meant a link's target, so links are followed here and nowhere else.
    fn visit_root(&mut self, name: Vec<u8>) -> Option<Entry> {
        self.path.clear();
        self.path.extend_from_slice(&name);
        self.root_len = name.len();
        let root = self.tree.root(&name)?;
        if root.directory {
            let opened = handle::open_root_directory(&root.path);
            return self.enter(None, name, opened);
        }
        let stat = handle::stat_root(&root.path);
        let stat = self.unless("examine", stat)?;
        match handle::kind(&stat) {
            Kind::File => self.file(None, name, &stat),
            Kind::Special(kind) => self.skip(SkipReason::Special(kind)),
            Kind::Directory | Kind::Symlink => self.skip(SkipReason::Moved),
        }
    }

    /// A name in the directory at work.
    fn visit(&mut self, name: Vec<u8>) -> Option<Entry> {
        let level = self.levels.last()?;
        self.path.truncate(level.path_len);
        self.path.push(b'/');
        self.path.extend_from_slice(&name);
        let (parent, directory) = (level.id, level.directory.as_ref()?);
        let stat = match handle::stat_at(directory, &name) {
            Err(error) if handle::is_gone(error) => return None,
            result => result,
        };
        let stat = self.unless("examine", stat)?;
        let kind = handle::kind(&stat);
        if self.exclude.matches(&self.path, self.root_len, kind == Kind::Directory) {
            return None;
        }
        match kind {
            Kind::Directory => {
                let opened = handle::open_directory(self.levels.last()?.directory.as_ref()?, &name);
                self.enter(Some(parent), name, opened)
            }
            Kind::File => self.file(Some(parent), name, &stat),
            Kind::Symlink => self.symlink(parent, name, &stat),
            Kind::Special(kind) => self.skip(SkipReason::Special(kind)),
        }
    }

    /// A directory: lists it, so that it is either listed whole or skipped, and makes it the one at work.
    fn enter(
        &mut self,
        parent: Option<EntryId>,
        name: Vec<u8>,
        opened: Result<OwnedFd, Errno>,
    ) -> Option<Entry> {
        let directory = match opened {
            // It was a directory a moment ago.
            Err(Errno::LOOP | Errno::NOTDIR | Errno::NOENT) => return self.skip(SkipReason::Moved),
            opened => self.unless("open", opened)?,
        };
        let stat = self.unless("examine", handle::stat(&directory))?;
        let names = self.unless("list", handle::list(&directory))?;
        let identity = Identity::of_directory(&stat);
        let id = self.entries;
        let entry = self.entry(parent, name, EntryKind::Directory, &stat, identity.to_source())?;
        let path_len = self.path.len();
        self.levels.push(Level { id, identity, directory: Some(directory), path_len, names });
        let out_of_sight = self.levels.len().checked_sub(MAX_OPEN_LEVELS + 1);
        if let Some(level) = out_of_sight.and_then(|index| self.levels.get_mut(index)) {
            level.directory = None;
        }
        Some(entry)
    }

    /// The directory at work has no names left: goes back to the one above.
    fn leave(&mut self) {
        let Some(done) = self.levels.pop() else { return };
        let Some(above) = self.levels.last_mut().filter(|level| level.directory.is_none()) else { return };
        above.directory = done.directory.and_then(|below| reopen(&below, above.identity));
        if above.directory.is_none() && !above.names.is_empty() {
            above.names = Names::default();
            self.path.truncate(above.path_len);
            self.note(SkipReason::Moved);
        }
    }

    fn file(&mut self, parent: Option<EntryId>, name: Vec<u8>, stat: &Stat) -> Option<Entry> {
        let size = identity::size(stat);
        let Some(bytes) = self.bytes.checked_add(size) else {
            return self.limit("bytes in all", u64::MAX);
        };
        let source = Identity::of_file(stat).to_source();
        let entry = self.entry(parent, name, EntryKind::File { size: Some(size) }, stat, source)?;
        self.bytes = bytes;
        Some(entry)
    }

    fn symlink(&mut self, parent: EntryId, name: Vec<u8>, stat: &Stat) -> Option<Entry> {
        let read = handle::read_link(self.levels.last()?.directory.as_ref()?, &name);
        let target = match read {
            // It was a link a moment ago.
            Err(Errno::NOENT | Errno::INVAL) => return self.skip(SkipReason::Moved),
            read => self.unless("read", read)?,
        };
        if target.len() > self.limits.max_target {
            return self.limit("bytes in a link's target", self.limits.max_target as u64);
        }
        // A link is all there is in the entry: no identity.
        self.entry(Some(parent), name, EntryKind::Symlink { target }, stat, SourceIdentity::default())
    }

    /// An entry, if the manifest can hold it.
    fn entry(
        &mut self,
        parent: Option<EntryId>,
        name: Vec<u8>,
        kind: EntryKind,
        stat: &Stat,
        source: SourceIdentity,
    ) -> Option<Entry> {
        let target = if let EntryKind::Symlink { target } = &kind { target.len() } else { 0 };
        let text = self.text.saturating_add((name.len() + target + source.as_bytes().len()) as u64);
        let limits = self.limits;
        let counts = [
            ("levels of directories", self.levels.len() as u64 + 1, limits.max_depth as u64),
            ("bytes in a name", name.len() as u64, limits.max_name as u64),
            ("bytes in a path", self.path.len() as u64, limits.max_path as u64),
            ("entries", u64::from(self.entries) + 1, limits.max_entries.into()),
            ("bytes of names in all", text, limits.max_text),
        ];
        if let Some((what, _, limit)) = counts.into_iter().find(|(_, count, limit)| count > limit) {
            return self.limit(what, limit);
        }
        self.entries += 1;
        self.text = text;
        Some(Entry {
            parent,
            name,
            kind,
            mode: handle::mode(stat),
            modified: identity::modified(stat),
            source,
        })
    }

    fn limit<T>(&mut self, what: &'static str, limit: u64) -> Option<T> {
        self.skip(SkipReason::Limit { what, limit })
    }

    /// The value, or what is at work is skipped.
    fn unless<T>(&mut self, action: &'static str, result: Result<T, Errno>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => self.skip(SkipReason::Unreadable { action, source: error.into() }),
        }
    }

    fn skip<T>(&mut self, reason: SkipReason) -> Option<T> {
        self.note(reason);
        None
    }

    /// What is at work is on the list of what is not sent.
    fn note(&mut self, reason: SkipReason) {
        self.skipped.push(Skipped { path: self.path.clone(), reason });
    }
}

impl Iterator for Walker {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let found = match self.levels.last_mut().map(|level| level.names.next()) {
                Some(Some(name)) => self.visit(name),
                Some(None) => {
                    self.leave();
                    None
                }
                None => {
                    let name = self.roots.next()?;
                    self.visit_root(name)
                }
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

/// The directory above `below`, if it is still the same one.
fn reopen(below: impl AsFd, identity: Identity) -> Option<OwnedFd> {
    let above = handle::open_directory(below, b"..").ok()?;
    let now = Identity::of_directory(&handle::stat(&above).ok()?);
    now.is_still(identity, &above).then_some(above)
}
