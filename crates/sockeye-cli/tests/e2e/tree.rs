//! Trees of files: made, read, compared.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fmt::Write as _,
    fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
    },
    path::Path,
};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

/// What is at each path, `/` between components; the root itself has the empty path.
pub type Tree = BTreeMap<Vec<u8>, Node>;

/// Something in a tree.
#[derive(PartialEq, Eq)]
pub struct Node {
    pub kind: Kind,
    /// Permission bits; 0 for links, whose bits mean nothing.
    pub mode: u32,
    /// Seconds and nanoseconds.
    pub modified: (i64, i64),
}

/// What it is.
#[derive(PartialEq, Eq)]
pub enum Kind {
    Directory,
    File(Vec<u8>),
    Symlink(Vec<u8>),
}

/// Reads a tree.
pub fn read(root: &Path) -> Tree {
    let mut tree = Tree::new();
    visit(root, Vec::new(), &mut tree);
    tree
}

fn visit(path: &Path, name: Vec<u8>, tree: &mut Tree) {
    // What is renamed or removed meanwhile is not there.
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    let kind = if metadata.is_symlink() {
        fs::read_link(path).map(|target| Kind::Symlink(target.as_os_str().as_bytes().to_vec()))
    } else if metadata.is_dir() {
        below(path, &name, tree).map(|()| Kind::Directory)
    } else {
        fs::read(path).map(Kind::File)
    };
    let Ok(kind) = kind else { return };
    let mode = if metadata.is_symlink() { 0 } else { metadata.mode() & 0o7777 };
    tree.insert(name, Node { kind, mode, modified: (metadata.mtime(), metadata.mtime_nsec()) });
}

fn below(path: &Path, name: &[u8], tree: &mut Tree) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let child = entry?.file_name();
        let separator: &[u8] = if name.is_empty() { b"" } else { b"/" };
        visit(&path.join(&child), [name, separator, child.as_bytes()].concat(), tree);
    }
    Ok(())
}

/// The two must be the same in names, kinds, bytes, link targets, modes and times.
#[track_caller]
pub fn assert_same(wanted: &Path, found: &Path) {
    let differences = differences(&read(wanted), &read(found));
    assert!(differences.is_empty(), "{} is not as {}:\n{differences}", found.display(), wanted.display());
}

/// What differs, one line each.
pub fn differences(wanted: &Tree, found: &Tree) -> String {
    let mut text = String::new();
    for (path, node) in wanted {
        match found.get(path) {
            None => line(&mut text, path, "is missing"),
            Some(other) => compare(&mut text, path, node, other),
        }
    }
    for path in found.keys().filter(|path| !wanted.contains_key(*path)) {
        line(&mut text, path, "should not be there");
    }
    text
}

fn compare(text: &mut String, path: &[u8], wanted: &Node, found: &Node) {
    if wanted.kind != found.kind {
        line(text, path, &format!("is {}, not {}", describe(&found.kind), describe(&wanted.kind)));
    }
    if wanted.mode != found.mode {
        line(text, path, &format!("has mode {:04o}, not {:04o}", found.mode, wanted.mode));
    }
    if wanted.modified != found.modified {
        line(text, path, &format!("was modified at {:?}, not {:?}", found.modified, wanted.modified));
    }
}

fn line(text: &mut String, path: &[u8], what: &str) {
    writeln!(text, "    {:?} {what}", path.escape_ascii().to_string()).expect("text");
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Directory => "a directory".to_owned(),
        Kind::File(bytes) => format!("a file of {} bytes", bytes.len()),
        Kind::Symlink(target) => format!("a link to {}", target.escape_ascii()),
    }
}

/// Bytes that look random and are always the same.
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Numbers that look random and are always the same for a seed: SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Makes a symbolic link.
pub fn link(path: &Path, target: impl AsRef<[u8]>) {
    symlink(OsStr::from_bytes(target.as_ref()), path).expect("a link");
}

/// Sets the permission bits.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// Sets the time of the last change, of a link itself.
pub fn set_modified(path: &Path, seconds: i64, nanos: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("a time");
}

/// Nothing of an unfinished transfer may be left anywhere below.
#[track_caller]
pub fn assert_no_staging(root: &Path) {
    let tree = read(root);
    let left: Vec<String> =
        tree.keys().filter(|path| is_staging(path)).map(|path| path.escape_ascii().to_string()).collect();
    assert!(left.is_empty(), "left over in {}: {left:?}", root.display());
}

/// Whether a path belongs to an unfinished transfer.
pub fn is_staging(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|name| name.starts_with(b".sockeye-"))
}
