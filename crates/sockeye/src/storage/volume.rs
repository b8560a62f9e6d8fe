//! What the receiver's files are kept on, as a trait: directory handles and single-component names, nothing else.
//!
//! There is no call that takes a path. A [`Name`] is one component, so whoever holds a directory handle can reach what
//! lies directly in it and nothing above or beside it; symbolic links are never followed. Containment follows from
//! the types and needs no check (and no prefix comparison that could be wrong).

use std::{fmt, io};

use sockeye_proto::content::{Timestamp, name_fault};

/// One component of a path: not empty, not `.` or `..`, no `/`, no NUL.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// Takes these bytes if they are one component.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        name_fault(bytes).is_none().then_some(Self(bytes))
    }

    /// The bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// What kind of thing has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A pipe, a socket or a device.
    Other,
}

/// What is known about a file or directory without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: FileKind,
    /// Bytes of content.
    pub size: u64,
    /// Permission bits, setuid, setgid and sticky included.
    pub mode: u32,
    /// When the content last changed.
    pub modified: Timestamp,
    /// Number of the inode on its device.
    pub inode: u64,
    /// Number of the device.
    pub device: u64,
    /// User id of the owner.
    pub owner: u32,
    /// How many names it has.
    pub links: u64,
}

/// How an existing file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read.
    Read,
    /// To read and write.
    Write,
}

/// Whether a rename may replace what has the new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// No: it fails with [`io::ErrorKind::AlreadyExists`], whatever is there.
    Never,
    /// A file or a link there is replaced in one step; a directory never is.
    Allowed,
}

/// A place for files. Calls block; handles may be used from several threads.
///
/// Errors are [`io::Error`]s that carry the system's number where there is one, so that a full disk can be told from
/// a forbidden directory. No call follows a symbolic link: opening one fails.
pub trait Volume: Clone + fmt::Debug + Send + Sync + 'static {
    /// An open directory. Clones share it.
    type Dir: Clone + fmt::Debug + Send + Sync + 'static;
    /// An open file. Clones share it.
    type File: Clone + fmt::Debug + Send + Sync + 'static;

    /// The directory everything goes below.
    fn root(&self) -> Self::Dir;
    /// The mode bits that new files of this process do not get.
    fn umask(&self) -> u32;
    /// The user id that new files belong to.
    fn owner(&self) -> u32;
    /// Bytes that an ordinary user can still write; [`io::ErrorKind::Unsupported`] where the file system does not say.
    fn free_space(&self) -> io::Result<u64>;

    /// Opens a directory in a directory.
    fn open_dir(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<Self::Dir>;
    /// Makes a directory; the umask is applied to `mode`.
    fn create_dir(&self, dir: &Self::Dir, name: Name<'_>, mode: u32) -> io::Result<()>;
    /// Looks at what has a name, without following it.
    fn stat(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<Metadata>;
    /// Looks at an open directory.
    fn stat_dir(&self, dir: &Self::Dir) -> io::Result<Metadata>;
    /// The names in a directory, in no order. Meant for small directories.
    fn list(&self, dir: &Self::Dir) -> io::Result<Vec<Vec<u8>>>;
    /// Sets permission bits and time of an open directory.
    fn set_dir_attributes(&self, dir: &Self::Dir, mode: u32, modified: Timestamp) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Self::Dir) -> io::Result<()>;

    /// Makes a file that was not there; the umask is applied to `mode`. The handle can be written whatever the mode.
    fn create_file(&self, dir: &Self::Dir, name: Name<'_>, mode: u32) -> io::Result<Self::File>;
    /// Opens an existing regular file. Anything else fails, and nothing makes it wait.
    fn open_file(&self, dir: &Self::Dir, name: Name<'_>, access: Access) -> io::Result<Self::File>;
    /// Looks at an open file.
    fn stat_file(&self, file: &Self::File) -> io::Result<Metadata>;
    /// Writes all bytes at an offset.
    fn write_at(&self, file: &Self::File, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Reads at an offset; fewer bytes than asked for only at the end of the file.
    fn read_at(&self, file: &Self::File, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Cuts or extends (with zeros).
    fn set_len(&self, file: &Self::File, len: u64) -> io::Result<()>;
    /// Fails as a full disk does where there cannot be room for `len` bytes more in this file; where that is not
    /// known it does not. Sets nothing aside.
    fn check_room(&self, file: &Self::File, len: u64) -> io::Result<()>;
    /// Sets the time and, if given, the permission bits.
    fn set_file_attributes(
        &self,
        file: &Self::File,
        mode: Option<u32>,
        modified: Timestamp,
    ) -> io::Result<()>;
    /// Makes the content and the attributes of a file durable.
    fn sync_file(&self, file: &Self::File) -> io::Result<()>;
    /// Takes the file's lock for this handle, unless another holds it: then `false`. Ends with the last clone.
    fn try_lock(&self, file: &Self::File) -> io::Result<bool>;

    /// Makes everything written so far durable, names and content. [`io::ErrorKind::Unsupported`] where only single
    /// files can be.
    fn sync_all(&self) -> io::Result<()>;
    /// Moves a name.
    fn rename(
        &self,
        from: (&Self::Dir, Name<'_>),
        to: (&Self::Dir, Name<'_>),
        replace: Replace,
    ) -> io::Result<()>;
    /// Makes a symbolic link with these bytes in it, and sets its own time.
    fn symlink(&self, target: &[u8], dir: &Self::Dir, name: Name<'_>, modified: Timestamp) -> io::Result<()>;
    /// What a symbolic link contains.
    fn read_link(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<Vec<u8>>;
    /// Removes a file or a link.
    fn unlink(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, dir: &Self::Dir, name: Name<'_>) -> io::Result<()>;
}
