//! The transfer's directories at the destination, with a bounded number of them open.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sockeye_proto::content::{EntryId, Timestamp};

use super::{
    names::FoldedKey,
    volume::{Name, Volume},
};

/// The destination itself, which is no entry. Manifests end far below this number.
pub(super) const ROOT: EntryId = EntryId::MAX;

/// Most directories held open. A process may usually have 1,024 files open, and a transfer needs sockets, part files
/// and the handles that are in use while they fall out of here.
const MAX_OPEN: usize = 128;

/// Whether a directory is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Not yet.
    Absent,
    /// It was before this run.
    Found,
    /// This run made it: nobody else's files are in it.
    Made,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: EntryId,
    pub(super) name: Box<[u8]>,
    pub(super) key: FoldedKey,
    pub(super) presence: Presence,
    pub(super) mode: u16,
    pub(super) modified: Timestamp,
    pub(super) depth: u16,
}

/// All directories of the transfer, by entry. The writing and the committing thread share it.
#[derive(Debug)]
pub(super) struct Directories<V: Volume> {
    volume: V,
    nodes: HashMap<EntryId, Node>,
    open: HashMap<EntryId, (V::Dir, u64)>,
    clock: u64,
}

/// [`Directories`] as two threads hold them.
#[derive(Debug)]
pub(super) struct SharedDirectories<V: Volume>(Arc<Mutex<Directories<V>>>);

impl<V: Volume> Clone for SharedDirectories<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V: Volume> SharedDirectories<V> {
    pub(super) fn new(volume: V) -> Self {
        let (nodes, open) = (HashMap::new(), HashMap::new());
        Self(Arc::new(Mutex::new(Directories { volume, nodes, open, clock: 0 })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Directories<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Volume> Directories<V> {
    pub(super) fn insert(&mut self, id: EntryId, node: Node) {
        self.nodes.insert(id, node);
    }

    pub(super) fn node(&self, id: EntryId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    pub(super) fn set_presence(&mut self, id: EntryId, presence: Presence) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.presence = presence;
        }
    }

    /// The key that names in this directory are hashed onto.
    pub(super) fn key(&self, id: EntryId) -> Option<FoldedKey> {
        if id == ROOT { Some(FoldedKey::ROOT) } else { self.node(id).map(|node| node.key) }
    }

    pub(super) fn presence(&self, id: EntryId) -> Presence {
        if id == ROOT {
            Presence::Found
        } else {
            self.node(id).map_or(Presence::Absent, |node| node.presence)
        }
    }

    pub(super) fn depth(&self, id: EntryId) -> u16 {
        self.node(id).map_or(0, |node| node.depth)
    }

    /// Path of something in a directory, components joined by `/`.
    pub(super) fn path_in(&self, dir: EntryId, name: &[u8]) -> Vec<u8> {
        let mut parts: Vec<&[u8]> = vec![name];
        let mut next = self.node(dir);
        while let Some(node) = next {
            parts.push(&node.name);
            next = self.node(node.parent);
        }
        parts.reverse();
        parts.join(&b'/')
    }

    /// Opens a directory by walking down from the nearest one that is open, one component at a time. Fails where
    /// somebody put a link, a file or nothing in its place.
    pub(super) fn open(&mut self, id: EntryId) -> io::Result<V::Dir> {
        let mut below = Vec::new();
        let mut at = id;
        let mut dir = loop {
            if at == ROOT {
                break self.volume.root();
            }
            self.clock += 1;
            if let Some((dir, used)) = self.open.get_mut(&at) {
                *used = self.clock;
                break dir.clone();
            }
            let node = self.nodes.get(&at).ok_or(io::ErrorKind::NotFound)?;
            below.push(at);
            at = node.parent;
        };
        for id in below.into_iter().rev() {
            let name = self.nodes.get(&id).map(|node| &*node.name).and_then(Name::new);
            dir = self.volume.open_dir(&dir, name.ok_or(io::ErrorKind::InvalidInput)?)?;
            self.keep(id, dir.clone());
        }
        Ok(dir)
    }

    /// Drops a handle, so that the name is looked at again when it is needed next.
    pub(super) fn close(&mut self, id: EntryId) {
        self.open.remove(&id);
    }

    fn keep(&mut self, id: EntryId, dir: V::Dir) {
        if self.open.len() >= MAX_OPEN {
            // Half of them at once, so that the search for the oldest is rare.
            let mut ages: Vec<u64> = self.open.values().map(|(_, used)| *used).collect();
            let (_, median, _) = ages.select_nth_unstable(MAX_OPEN / 2);
            let median = *median;
            self.open.retain(|_, (_, used)| *used > median);
        }
        self.clock += 1;
        self.open.insert(id, (dir, self.clock));
    }

    /// All directories that are there, deepest first: in this order what is set on one is not undone by work in
    /// another.
    pub(super) fn deepest_first(&self) -> Vec<EntryId> {
        let mut ids: Vec<EntryId> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.presence != Presence::Absent)
            .map(|(id, _)| *id)
            .collect();
        ids.sort_unstable_by_key(|id| (std::cmp::Reverse(self.depth(*id)), *id));
        ids
    }
}
