//! The named paths, and how to get from them to any listed entry again.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt as _, OsStringExt as _},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use sockeye_proto::content::{EntryId, EntryRef, Manifest};

use super::{
    ReadFault, SourceError,
    exclude::Exclude,
    handle::{self, Kind},
    identity::Identity,
};

/// How many directories a reader keeps open: enough for the levels of ordinary trees, few beside the usual limit of 1,024
/// descriptors (256 on macOS).
const MAX_OPEN_DIRECTORIES: usize = 32;

/// The named paths by the names they are sent under. Cheap to clone; holds no open files.
#[derive(Clone, Debug)]
pub(crate) struct SourceTree {
    roots: Arc<BTreeMap<Vec<u8>, Root>>,
}

/// One named path.
#[derive(Debug)]
pub(super) struct Root {
    /// As it was given, for messages.
    pub(super) given: PathBuf,
    /// Absolute, so that it stays the same when the working directory changes.
    pub(super) path: PathBuf,
    /// Whether it is a directory; otherwise it is a file.
    pub(super) directory: bool,
}

impl SourceTree {
    /// Looks at each given path and finds the name it will be sent under. Fails for the first one that cannot be sent.
    pub(super) fn resolve(sources: &[PathBuf], exclude: &Exclude) -> Result<Self, SourceError> {
        let mut roots: BTreeMap<Vec<u8>, Root> = BTreeMap::new();
        for given in sources {
            let root = Root::resolve(given)?;
            if last_name(given).is_some_and(|name| exclude.matches_root(name.as_bytes(), root.directory)) {
                continue;
            }
            let name = sent_name(given)?;
            if let Some(first) = roots.get(&name) {
                return Err(SourceError::SameName { first: first.given.clone(), second: given.clone() });
            }
            roots.insert(name, root);
        }
        if roots.is_empty() && !sources.is_empty() {
            return Err(SourceError::AllExcluded);
        }
        Ok(Self { roots: Arc::new(roots) })
    }

    /// The names that the named paths are sent under, in the order of the manifest.
    pub(super) fn names(&self) -> Vec<Vec<u8>> {
        self.roots.keys().cloned().collect()
    }

    /// The named path that is sent under this name.
    pub(super) fn root(&self, name: &[u8]) -> Option<&Root> {
        self.roots.get(name)
    }
}

impl Root {
    /// What the path is, having tried that it can be read.
    fn resolve(given: &Path) -> Result<Self, SourceError> {
        let failed = |action| {
            move |error: io::Error| SourceError::Io { action, path: given.to_owned(), source: error }
        };
        let stat = handle::stat_root(given).map_err(io::Error::from).map_err(failed("find"))?;
        let (fd, directory) = match handle::kind(&stat) {
            Kind::Directory => (handle::open_root_directory(given), true),
            Kind::File => (handle::open_root_file(given), false),
            Kind::Special(kind) => return Err(SourceError::Special { path: given.to_owned(), kind }),
            // Links were followed.
            Kind::Symlink => (Err(rustix::io::Errno::LOOP), false),
        };
        fd.map_err(io::Error::from).map_err(failed("open"))?;
        let path = std::path::absolute(given).map_err(failed("find"))?;
        Ok(Self { given: given.to_owned(), path, directory })
    }
}

/// The last name in a path as it was written: none in `.`, `..`, `a/..` and `/`.
fn last_name(given: &Path) -> Option<&OsStr> {
    // The standard library reads `a/.` as `a`.
    if given.as_os_str().as_bytes().ends_with(b"/.") { None } else { given.file_name() }
}

/// The name under which a path is sent: its last one. Where it has none, or ends in a slash, the directory's own.
fn sent_name(given: &Path) -> Result<Vec<u8>, SourceError> {
    if let Some(name) = last_name(given).filter(|_| !given.as_os_str().as_bytes().ends_with(b"/")) {
        return Ok(name.as_bytes().to_vec());
    }
    let failed = |error| SourceError::Io { action: "find", path: given.to_owned(), source: error };
    let real = given.canonicalize().map_err(failed)?;
    let name = real.file_name().ok_or_else(|| SourceError::NoName { path: given.to_owned() })?;
    Ok(name.to_owned().into_vec())
}

/// Open directories of a tree, the least recently used ones closed.
#[derive(Debug)]
pub(super) struct Directories {
    tree: SourceTree,
    /// The most recently used one last.
    open: Vec<(EntryId, Arc<OwnedFd>)>,
}

impl Directories {
    pub(super) fn new(tree: SourceTree) -> Self {
        Self { tree, open: Vec::new() }
    }

    /// Opens the file of an entry. It may turn out to be something else.
    pub(super) fn open_file(
        &mut self,
        manifest: &Manifest,
        entry: &EntryRef<'_>,
    ) -> Result<OwnedFd, ReadFault> {
        let opened = match entry.parent {
            Some(parent) => handle::open_file(self.open(manifest, parent)?, entry.name),
            None => handle::open_root_file(&self.root(entry)?.path),
        };
        opened.map_err(ReadFault::from_open)
    }

    /// The handle of a directory, opened from the nearest open one above it, one name at a time.
    fn open(&mut self, manifest: &Manifest, id: EntryId) -> Result<Arc<OwnedFd>, ReadFault> {
        let mut below = Vec::new();
        let mut at = id;
        let mut directory = loop {
            if let Some(open) = self.cached(at) {
                break open;
            }
            let entry = manifest.get(at).ok_or(ReadFault::NoSuchPart)?;
            let Some(parent) = entry.parent else {
                let opened = handle::open_root_directory(&self.root(&entry)?.path);
                break self.keep(&entry, opened)?;
            };
            below.push(entry);
            at = parent;
        };
        for entry in below.iter().rev() {
            let opened = handle::open_directory(&*directory, entry.name);
            directory = self.keep(entry, opened)?;
        }
        Ok(directory)
    }

    fn cached(&mut self, id: EntryId) -> Option<Arc<OwnedFd>> {
        let position = self.open.iter().rposition(|(open, _)| *open == id)?;
        self.open[position..].rotate_left(1);
        self.open.last().map(|(_, fd)| Arc::clone(fd))
    }

    /// Remembers a directory just opened, if it is the listed one.
    fn keep(
        &mut self,
        entry: &EntryRef<'_>,
        opened: Result<OwnedFd, rustix::io::Errno>,
    ) -> Result<Arc<OwnedFd>, ReadFault> {
        let fd = opened.map_err(ReadFault::from_open)?;
        let listed = Identity::from_source(entry.source).ok_or(ReadFault::NoSuchPart)?;
        if !directory_identity(&fd)?.is_still(listed, &fd) {
            return Err(ReadFault::REPLACED);
        }
        if self.open.len() >= MAX_OPEN_DIRECTORIES {
            self.open.remove(0);
        }
        let fd = Arc::new(fd);
        self.open.push((entry.id, Arc::clone(&fd)));
        Ok(fd)
    }

    fn root(&self, entry: &EntryRef<'_>) -> Result<&Root, ReadFault> {
        self.tree.root(entry.name).ok_or(ReadFault::NoSuchPart)
    }
}

fn directory_identity(fd: impl AsFd) -> Result<Identity, ReadFault> {
    let stat = handle::stat(fd)
        .map_err(|error| ReadFault::Unreadable { action: "examine", source: error.into() })?;
    Ok(Identity::of_directory(&stat))
}
