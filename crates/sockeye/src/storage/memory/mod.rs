//! A disk in memory that forgets what was not synced.
//!
//! What is written is seen at once, as on a real disk, but only what was synced is sure to be there after a
//! [crash](MemoryVolume::crash). Of the rest each change of a name and each page of content is there or not, as the
//! seed has it; a rename is one change and happens as a whole, and a change that builds on another one needs it.

mod disk;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::io::Errno;
use sockeye_proto::content::Timestamp;

use self::disk::{Change, Disk, Node};
use super::volume::{Access, Metadata, Name, Replace, Volume};

pub(crate) use self::disk::Random;

const ROOT: u64 = 1;

/// A deterministic disk. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct MemoryVolume {
    disk: Arc<Mutex<Disk>>,
    umask: u32,
}

/// An open file or directory.
#[derive(Debug)]
pub(crate) struct Handle {
    node: u64,
    epoch: u64,
}

impl MemoryVolume {
    pub(crate) fn new() -> Self {
        let root = || Node::Dir { entries: BTreeMap::new(), mode: 0o755, modified: Timestamp::default() };
        let disk = Disk {
            nodes: BTreeMap::from([(ROOT, root())]),
            synced: BTreeMap::from([(ROOT, root())]),
            next: ROOT + 1,
            ..Disk::default()
        };
        Self { disk: Arc::new(Mutex::new(disk)), umask: 0o022 }
    }

    /// From now on only this many bytes can be written.
    pub(crate) fn set_room(&self, bytes: Option<u64>) {
        self.lock().room = bytes;
    }

    /// From now on no file can be larger than this, as on FAT, which ends at 4 GiB.
    pub(crate) fn set_largest(&self, bytes: Option<u64>) {
        self.lock().largest = bytes;
    }

    /// After this many more changing calls every further one fails like this. `None` repairs the disk.
    pub(crate) fn set_fault(&self, fault: Option<(u64, Errno)>) {
        self.lock().fault = fault;
    }

    /// How many calls changed something so far.
    pub(crate) fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// The process is gone; the system goes on.
    pub(crate) fn kill(&self) {
        let mut disk = self.lock();
        disk.epoch += 1;
        disk.locks.clear();
        disk.fault = None;
    }

    /// The power is gone.
    pub(crate) fn crash(&self, seed: u64) {
        self.kill();
        self.lock().crash(&mut Random(seed));
    }

    /// The content of a file, by path.
    pub(crate) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.lock();
        match disk.nodes.get(&disk.find(path)?)? {
            Node::File { data, .. } => Some(data.to_vec()),
            _ => None,
        }
    }

    /// Puts a synced file somewhere, by path, making directories.
    pub(crate) fn put(&self, path: &str, content: &[u8]) {
        let mut dir = self.root();
        let mut names: Vec<&str> = path.split('/').collect();
        let last = names.pop().unwrap_or(path);
        for name in names {
            let name = Name::new(name.as_bytes()).expect("a component");
            let _ = self.create_dir(&dir, name, 0o755);
            dir = self.open_dir(&dir, name).expect("a directory");
        }
        let name = Name::new(last.as_bytes()).expect("a component");
        let _ = self.unlink(&dir, name);
        let file = self.create_file(&dir, name, 0o644).expect("a new file");
        self.write_at(&file, content, 0).expect("room");
        self.sync_all().expect("a sound disk");
    }

    /// All paths that are not directories, sorted.
    pub(crate) fn paths(&self) -> Vec<String> {
        let disk = self.lock();
        let mut paths = Vec::new();
        disk.walk(ROOT, "", &mut paths);
        paths
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self, handle: &Handle) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.lock();
        if handle.epoch == disk.epoch { Ok(disk) } else { Err(Errno::IO.into()) }
    }

    fn changing(&self, handle: &Handle) -> io::Result<MutexGuard<'_, Disk>> {
        let mut disk = self.reading(handle)?;
        if let Some((left, errno)) = &mut disk.fault {
            if *left == 0 {
                return Err((*errno).into());
            }
            *left -= 1;
        }
        disk.calls += 1;
        Ok(disk)
    }
}

impl Volume for MemoryVolume {
    type Dir = Arc<Handle>;
    type File = Arc<Handle>;

    fn root(&self) -> Self::Dir {
        Arc::new(Handle { node: ROOT, epoch: self.lock().epoch })
    }

    fn umask(&self) -> u32 {
        self.umask
    }

    fn owner(&self) -> u32 {
        0
    }

    fn free_space(&self) -> io::Result<u64> {
        Ok(self.lock().room.unwrap_or(u64::MAX))
    }

    fn open_dir(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<Self::Dir> {
        let disk = self.reading(dir)?;
        let node = disk.get(dir.node, name)?;
        disk.entries(node)?;
        Ok(Arc::new(Handle { node, epoch: disk.epoch }))
    }

    fn create_dir(&self, dir: &Self::Dir, name: Name<'_>, mode: u32) -> io::Result<()> {
        let mode = mode & !self.umask;
        let node = Node::Dir { entries: BTreeMap::new(), mode, modified: Timestamp::default() };
        self.changing(dir)?.add(dir.node, name, node).map(drop)
    }

    fn stat(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<Metadata> {
        let disk = self.reading(dir)?;
        disk.metadata(disk.get(dir.node, name)?)
    }

    fn stat_dir(&self, dir: &Self::Dir) -> io::Result<Metadata> {
        self.reading(dir)?.metadata(dir.node)
    }

    fn list(&self, dir: &Self::Dir) -> io::Result<Vec<Vec<u8>>> {
        Ok(self.reading(dir)?.entries(dir.node)?.keys().cloned().collect())
    }

    fn set_dir_attributes(&self, dir: &Self::Dir, to: u32, time: Timestamp) -> io::Result<()> {
        if let Some(Node::Dir { mode, modified, .. }) = self.changing(dir)?.nodes.get_mut(&dir.node) {
            (*mode, *modified) = (to, time);
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Self::Dir) -> io::Result<()> {
        let mut disk = self.changing(dir)?;
        let touches = |change: &Change| change.names.iter().any(|(at, ..)| *at == dir.node);
        let chosen = (0..disk.log.len()).filter(|index| touches(&disk.log[*index])).collect();
        disk.settle(chosen);
        disk.sync_node(dir.node);
        Ok(())
    }

    fn create_file(&self, dir: &Self::Dir, name: Name<'_>, mode: u32) -> io::Result<Self::File> {
        let mode = mode & !self.umask;
        let node = Node::File { data: Arc::default(), mode, modified: Timestamp::default() };
        let mut disk = self.changing(dir)?;
        let node = disk.add(dir.node, name, node)?;
        Ok(Arc::new(Handle { node, epoch: disk.epoch }))
    }

    fn open_file(&self, dir: &Self::Dir, name: Name<'_>, _: Access) -> io::Result<Self::File> {
        let disk = self.reading(dir)?;
        let node = disk.get(dir.node, name)?;
        match disk.nodes.get(&node) {
            Some(Node::File { .. }) => Ok(Arc::new(Handle { node, epoch: disk.epoch })),
            Some(Node::Link { .. }) => Err(Errno::LOOP.into()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn stat_file(&self, file: &Self::File) -> io::Result<Metadata> {
        self.reading(file)?.metadata(file.node)
    }

    fn write_at(&self, file: &Self::File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = self.changing(file)?;
        let len = bytes.len() as u64;
        let below = disk.largest.map_or(len, |largest| largest.saturating_sub(offset).min(len));
        let fits = disk.room.map_or(below, |room| room.min(below));
        if let Some(room) = &mut disk.room {
            *room -= fits;
        }
        let (start, fits) =
            (usize::try_from(offset).expect("small files"), usize::try_from(fits).expect("small"));
        let data = disk.data(file)?;
        if data.len() < start + fits {
            data.resize(start + fits, 0);
        }
        data[start..start + fits].copy_from_slice(&bytes[..fits]);
        match fits as u64 {
            fits if fits == len => Ok(()),
            fits if fits == below => Err(Errno::FBIG.into()),
            _ => Err(Errno::NOSPC.into()),
        }
    }

    fn read_at(&self, file: &Self::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let disk = self.reading(file)?;
        let Some(Node::File { data, .. }) = disk.nodes.get(&file.node) else {
            return Err(Errno::BADF.into());
        };
        let start = usize::try_from(offset).expect("small files").min(data.len());
        let len = buffer.len().min(data.len() - start);
        buffer[..len].copy_from_slice(&data[start..start + len]);
        Ok(len)
    }

    fn set_len(&self, file: &Self::File, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).expect("small files");
        self.changing(file)?.data(file)?.resize(len, 0);
        Ok(())
    }

    fn check_room(&self, file: &Self::File, len: u64) -> io::Result<()> {
        let disk = self.changing(file)?;
        if disk.room.is_some_and(|room| room < len) { Err(Errno::NOSPC.into()) } else { Ok(()) }
    }

    fn set_file_attributes(&self, file: &Self::File, to: Option<u32>, time: Timestamp) -> io::Result<()> {
        if let Some(Node::File { mode, modified, .. }) = self.changing(file)?.nodes.get_mut(&file.node) {
            *modified = time;
            *mode = to.unwrap_or(*mode);
        }
        Ok(())
    }

    fn sync_file(&self, file: &Self::File) -> io::Result<()> {
        self.changing(file)?.sync_node(file.node);
        Ok(())
    }

    fn try_lock(&self, file: &Self::File) -> io::Result<bool> {
        let mut disk = self.reading(file)?;
        let held = disk.locks.get(&file.node).is_some_and(|lock| lock.strong_count() > 0);
        if !held {
            disk.locks.insert(file.node, Arc::downgrade(file));
        }
        Ok(!held)
    }

    fn sync_all(&self) -> io::Result<()> {
        let root = self.root();
        let mut disk = self.changing(&root)?;
        let all = (0..disk.log.len()).collect();
        disk.settle(all);
        disk.synced = disk.nodes.clone();
        Ok(())
    }

    fn rename(
        &self,
        from: (&Self::Dir, Name<'_>),
        to: (&Self::Dir, Name<'_>),
        replace: Replace,
    ) -> io::Result<()> {
        let mut disk = self.changing(from.0)?;
        let node = disk.get(from.0.node, from.1)?;
        match disk.get(to.0.node, to.1) {
            Ok(_) if replace == Replace::Never => return Err(Errno::EXIST.into()),
            Ok(there) if disk.entries(there).is_ok() => return Err(Errno::ISDIR.into()),
            Err(error) if error.raw_os_error() != Some(Errno::NOENT.raw_os_error()) => return Err(error),
            _ => {}
        }
        let gone = (from.0.node, from.1.as_bytes().to_vec(), None);
        let come = (to.0.node, to.1.as_bytes().to_vec(), Some(node));
        disk.change(node, vec![gone, come]);
        Ok(())
    }

    fn symlink(&self, target: &[u8], dir: &Self::Dir, name: Name<'_>, modified: Timestamp) -> io::Result<()> {
        let node = Node::Link { target: target.to_vec(), modified };
        self.changing(dir)?.add(dir.node, name, node).map(drop)
    }

    fn read_link(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<Vec<u8>> {
        let disk = self.reading(dir)?;
        match disk.nodes.get(&disk.get(dir.node, name)?) {
            Some(Node::Link { target, .. }) => Ok(target.clone()),
            _ => Err(Errno::INVAL.into()),
        }
    }

    fn unlink(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<()> {
        let mut disk = self.changing(dir)?;
        let node = disk.get(dir.node, name)?;
        if disk.entries(node).is_ok() {
            return Err(Errno::ISDIR.into());
        }
        disk.change(node, vec![(dir.node, name.as_bytes().to_vec(), None)]);
        Ok(())
    }

    fn remove_dir(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<()> {
        let mut disk = self.changing(dir)?;
        let node = disk.get(dir.node, name)?;
        if !disk.entries(node)?.is_empty() {
            return Err(Errno::NOTEMPTY.into());
        }
        disk.change(node, vec![(dir.node, name.as_bytes().to_vec(), None)]);
        Ok(())
    }
}
