//! What is on the disk, what is sure to stay there, and what a crash makes of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    sync::{Arc, Weak},
};

use rustix::io::Errno;
use sockeye_proto::content::Timestamp;

use super::{
    super::volume::{FileKind, Metadata, Name},
    Handle, ROOT,
};

const PAGE: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Disk {
    /// What everybody sees.
    pub(super) nodes: BTreeMap<u64, Node>,
    /// What is sure to be there after a crash. Entries of directories are in `names`.
    pub(super) synced: BTreeMap<u64, Node>,
    pub(super) names: BTreeMap<u64, BTreeMap<Vec<u8>, u64>>,
    /// Changes of names since they were synced.
    pub(super) log: Vec<Change>,
    pub(super) next: u64,
    pub(super) locks: HashMap<u64, Weak<Handle>>,
    /// Handles from before a crash are dead.
    pub(super) epoch: u64,
    /// Bytes that can still be written.
    pub(super) room: Option<u64>,
    /// The most bytes a file can have.
    pub(super) largest: Option<u64>,
    /// Calls that change something and still succeed, and what the others say.
    pub(super) fault: Option<(u64, Errno)>,
    /// Calls that changed something so far.
    pub(super) calls: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    File { data: Arc<Vec<u8>>, mode: u32, modified: Timestamp },
    Dir { entries: BTreeMap<Vec<u8>, u64>, mode: u32, modified: Timestamp },
    Link { target: Vec<u8>, modified: Timestamp },
}

/// What happens to names as a whole or not at all.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) names: Vec<(u64, Vec<u8>, Option<u64>)>,
    pub(super) node: u64,
}

impl Change {
    /// Whether this one makes no sense without `earlier`.
    pub(super) fn needs(&self, earlier: &Self) -> bool {
        let same_name = |(dir, name, _): &(u64, Vec<u8>, Option<u64>)| {
            earlier.names.iter().any(|(other, theirs, _)| other == dir && theirs == name)
        };
        self.node == earlier.node || self.names.iter().any(same_name)
    }
}

impl Disk {
    pub(super) fn entries(&self, dir: u64) -> io::Result<&BTreeMap<Vec<u8>, u64>> {
        match self.nodes.get(&dir) {
            Some(Node::Dir { entries, .. }) => Ok(entries),
            Some(_) => Err(Errno::NOTDIR.into()),
            None => Err(Errno::NOENT.into()),
        }
    }

    pub(super) fn get(&self, dir: u64, name: Name<'_>) -> io::Result<u64> {
        self.entries(dir)?.get(name.as_bytes()).copied().ok_or_else(|| Errno::NOENT.into())
    }

    pub(super) fn change(&mut self, node: u64, names: Vec<(u64, Vec<u8>, Option<u64>)>) {
        for (dir, name, to) in &names {
            if let Some(Node::Dir { entries, .. }) = self.nodes.get_mut(dir) {
                match to {
                    Some(node) => entries.insert(name.clone(), *node),
                    None => entries.remove(name),
                };
            }
        }
        self.log.push(Change { names, node });
    }

    pub(super) fn add(&mut self, dir: u64, name: Name<'_>, node: Node) -> io::Result<u64> {
        if self.entries(dir)?.contains_key(name.as_bytes()) {
            return Err(Errno::EXIST.into());
        }
        if name.as_bytes().len() > 255 {
            return Err(Errno::NAMETOOLONG.into());
        }
        let number = self.next;
        self.next += 1;
        self.nodes.insert(number, node);
        self.change(number, vec![(dir, name.as_bytes().to_vec(), Some(number))]);
        Ok(number)
    }

    /// Makes the chosen changes durable, and all that they need.
    pub(super) fn settle(&mut self, mut chosen: BTreeSet<usize>) {
        for late in (0..self.log.len()).rev() {
            if chosen.contains(&late) {
                chosen.extend((0..late).filter(|early| self.log[late].needs(&self.log[*early])));
            }
        }
        let log = std::mem::take(&mut self.log);
        for (index, change) in log.into_iter().enumerate() {
            if chosen.contains(&index) {
                for (dir, name, to) in change.names {
                    let names = self.names.entry(dir).or_default();
                    match to {
                        Some(node) => names.insert(name, node),
                        None => names.remove(&name),
                    };
                }
            } else {
                self.log.push(change);
            }
        }
    }

    pub(super) fn sync_node(&mut self, node: u64) {
        if let Some(now) = self.nodes.get(&node).cloned() {
            self.synced.insert(node, now);
        }
    }

    pub(super) fn crash(&mut self, random: &mut Random) {
        let chosen = (0..self.log.len()).filter(|_| random.coin()).collect();
        self.settle(chosen);
        self.log.clear();
        let mut nodes = BTreeMap::new();
        let mut reached = vec![ROOT];
        while let Some(number) = reached.pop() {
            let Some(node) = self.nodes.get(&number) else { continue };
            let mut node = mix(node, self.synced.get(&number), random);
            if let Node::Dir { entries, .. } = &mut node {
                *entries = self.names.get(&number).cloned().unwrap_or_default();
                reached.extend(entries.values());
            }
            nodes.insert(number, node);
        }
        self.names.retain(|number, _| nodes.contains_key(number));
        self.synced = nodes.clone();
        self.nodes = nodes;
    }

    pub(super) fn find(&self, path: &str) -> Option<u64> {
        path.split('/').try_fold(ROOT, |dir, name| self.entries(dir).ok()?.get(name.as_bytes()).copied())
    }

    pub(super) fn walk(&self, dir: u64, path: &str, paths: &mut Vec<String>) {
        for (name, node) in self.entries(dir).into_iter().flatten() {
            let path = format!("{path}{}", String::from_utf8_lossy(name));
            match self.nodes.get(node) {
                Some(Node::Dir { .. }) => self.walk(*node, &format!("{path}/"), paths),
                _ => paths.push(path),
            }
        }
    }

    pub(super) fn metadata(&self, number: u64) -> io::Result<Metadata> {
        let node = self.nodes.get(&number).ok_or(Errno::NOENT)?;
        let (kind, size, mode, modified) = match node {
            Node::File { data, mode, modified } => (FileKind::File, data.len() as u64, *mode, *modified),
            Node::Dir { mode, modified, .. } => (FileKind::Directory, 0, *mode, *modified),
            Node::Link { target, modified } => (FileKind::Symlink, target.len() as u64, 0o777, *modified),
        };
        Ok(Metadata { kind, size, mode, modified, inode: number, device: 1, owner: 0, links: 1 })
    }

    pub(super) fn data(&mut self, file: &Handle) -> io::Result<&mut Vec<u8>> {
        match self.nodes.get_mut(&file.node) {
            Some(Node::File { data, .. }) => Ok(Arc::make_mut(data)),
            _ => Err(Errno::BADF.into()),
        }
    }
}

/// A node after a crash: the old one, the new one, or a mixture.
fn mix(now: &Node, synced: Option<&Node>, random: &mut Random) -> Node {
    match (now, synced) {
        (Node::File { data, mode, modified }, synced) => {
            let empty = Arc::new(Vec::new());
            let old = if let Some(Node::File { data, .. }) = synced { data } else { &empty };
            let attributes = match synced {
                Some(Node::File { mode, modified, .. }) if random.coin() => (*mode, *modified),
                _ => (*mode, *modified),
            };
            let data =
                if Arc::ptr_eq(old, data) { Arc::clone(data) } else { Arc::new(mix_data(old, data, random)) };
            Node::File { data, mode: attributes.0, modified: attributes.1 }
        }
        (Node::Dir { .. }, Some(old)) if random.coin() => old.clone(),
        _ => now.clone(),
    }
}

fn mix_data(old: &[u8], new: &[u8], random: &mut Random) -> Vec<u8> {
    let mut data = vec![0; if random.coin() { old.len() } else { new.len() }];
    for (at, page) in data.chunks_mut(PAGE).enumerate() {
        let source = if random.coin() { old } else { new };
        let start = (at * PAGE).min(source.len());
        let end = (start + page.len()).min(source.len());
        page[..end - start].copy_from_slice(&source[start..end]);
    }
    data
}

/// SplitMix64: any seed gives a good sequence.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}
