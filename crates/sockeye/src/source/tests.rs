use std::{
    ffi::OsStr,
    fs,
    io::{self, Read, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use rustix::{
    fs::{CWD, FileType, Mode, RenameFlags, makedev, mknodat, renameat_with},
    io::Errno,
};
use sockeye_proto::content::{
    BLOCK_SIZE, BlockMap, BlockShape, Digest, Entry, EntryId, EntryKind, KindRef, Manifest, ManifestLimits,
    SourceIdentity, Timestamp, file_root, pack_digest, range_digest,
};
use tempfile::TempDir;

use super::*;

const BLOCK: usize = 1 << 18;

/// What a walk found.
struct Walk {
    manifest: Manifest,
    blocks: BlockMap,
    skipped: Vec<Skipped>,
    tree: SourceTree,
}

impl Walk {
    fn of(walker: Walker) -> Self {
        let mut walker = walker;
        let mut manifest = Manifest::new();
        let mut blocks = BlockMap::new();
        for entry in walker.by_ref() {
            let id = manifest.push(&entry).expect("the walk keeps to the rules of the manifest");
            blocks.push(entry.by_ref(id));
        }
        blocks.finish();
        Self { manifest, blocks, skipped: walker.take_skipped(), tree: walker.tree() }
    }

    fn new(source: &Path) -> Self {
        Self::without(source, &[])
    }

    fn without(source: &Path, exclude: &[&str]) -> Self {
        let exclude: Vec<String> = exclude.iter().map(|&pattern| pattern.to_owned()).collect();
        Self::of(Walker::new(&[source.to_owned()], &exclude).unwrap())
    }

    fn paths(&self) -> Vec<String> {
        self.manifest.iter().map(|entry| String::from_utf8(self.manifest.path(entry.id)).unwrap()).collect()
    }

    fn id(&self, path: &str) -> EntryId {
        self.manifest.iter().find(|entry| self.manifest.path(entry.id) == path.as_bytes()).expect(path).id
    }

    fn skipped(&self) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.skipped.iter().map(|skipped| (text(&skipped.path), skipped.reason.to_string())).collect()
    }

    fn shapes(&self) -> Vec<BlockShape> {
        (0..self.blocks.closed()).map(|block| self.blocks.shape(block).unwrap()).collect()
    }

    fn reader(&self) -> Reader {
        Reader::new(self.tree.clone())
    }
}

fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A temporary directory with a directory `t` in it.
fn place() -> (TempDir, PathBuf) {
    let temp = TempDir::new().unwrap();
    let tree = temp.path().join("t");
    fs::create_dir(&tree).unwrap();
    (temp, tree)
}

fn noise(len: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// Changes a file without changing its size, as often as it takes for the clock of the file system to move on.
fn modify(path: &Path) {
    let before = fs::metadata(path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    loop {
        file.write_all_at(b"!", 0).unwrap();
        let now = fs::metadata(path).unwrap();
        if (now.mtime(), now.mtime_nsec()) != (before.mtime(), before.mtime_nsec()) {
            return;
        }
    }
}

fn only_fault(read: &BlockRead) -> (EntryId, String) {
    assert_eq!(read.skipped.len(), 1, "{read:?}");
    (read.skipped[0].0, read.skipped[0].1.to_string())
}

fn error_of(sources: &[PathBuf]) -> String {
    Walker::new(sources, &[]).unwrap_err().to_string()
}

// The walk.

#[test]
fn order_is_that_of_bytes_and_directories_come_before_their_children() {
    let (_temp, tree) = place();
    for name in ["b/z", "b/a", "a.txt", "B", "a/deep/er/x", "-dash", "é", "e\u{301}", "zz"] {
        write(tree.join(name), name);
    }
    fs::create_dir(tree.join("empty")).unwrap();
    symlink("nowhere", tree.join("link")).unwrap();
    let walk = Walk::new(&tree);
    let expected = [
        "t",
        "t/-dash",
        "t/B",
        "t/a",
        "t/a/deep",
        "t/a/deep/er",
        "t/a/deep/er/x",
        "t/a.txt",
        "t/b",
        "t/b/a",
        "t/b/z",
        "t/empty",
        "t/e\u{301}",
        "t/link",
        "t/zz",
        "t/é",
    ];
    assert_eq!(walk.paths(), expected);
    assert!(walk.skipped.is_empty());
    assert_eq!(Walk::new(&tree).paths(), walk.paths(), "the same tree, the same order");
}

#[test]
fn entries_say_what_is_there() {
    let (_temp, tree) = place();
    write(tree.join("f"), b"12345");
    fs::set_permissions(tree.join("f"), fs::Permissions::from_mode(0o4751)).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
    fs::File::options().write(true).open(tree.join("f")).unwrap().set_modified(time).unwrap();
    let walk = Walk::new(&tree);
    let entry = walk.manifest.get(walk.id("t/f")).unwrap();
    assert_eq!(entry.parent, Some(0));
    assert_eq!(entry.kind, KindRef::File { size: Some(5) });
    assert_eq!(entry.mode, 0o4751);
    assert_eq!(entry.modified, Timestamp { seconds: 1_234_567_890, nanos: 123_456_789 });
    assert_eq!(entry.source.len(), 40);
    assert_eq!(walk.manifest.get(0).unwrap().kind, KindRef::Directory);
    assert_eq!(walk.manifest.get(0).unwrap().source.len(), 16);
}

#[test]
fn times_before_the_epoch_are_negative_seconds() {
    let (_temp, tree) = place();
    write(tree.join("old"), b"x");
    let time = SystemTime::UNIX_EPOCH - Duration::new(10, 250_000_000);
    fs::File::options().write(true).open(tree.join("old")).unwrap().set_modified(time).unwrap();
    let walk = Walk::new(&tree);
    let modified = walk.manifest.get(walk.id("t/old")).unwrap().modified;
    assert_eq!(modified, Timestamp { seconds: -11, nanos: 750_000_000 });
}

#[test]
fn links_inside_are_entries_and_never_followed() {
    let (temp, tree) = place();
    write(temp.path().join("outside/secret"), b"secret");
    for (name, target) in
        [("dangling", "no/such"), ("loop", "loop"), ("up", ".."), ("abs", "/etc"), ("out", "../outside")]
    {
        symlink(target, tree.join(name)).unwrap();
    }
    let walk = Walk::new(&tree);
    assert_eq!(walk.paths(), ["t", "t/abs", "t/dangling", "t/loop", "t/out", "t/up"]);
    let target = |path| walk.manifest.get(walk.id(path)).unwrap().kind;
    assert_eq!(target("t/abs"), KindRef::Symlink { target: b"/etc" });
    assert_eq!(target("t/loop"), KindRef::Symlink { target: b"loop" });
    assert_eq!(walk.manifest.totals().symlinks, 5);
}

#[test]
fn names_are_bytes() {
    let (_temp, tree) = place();
    let long = [b'l'; 255];
    let names: [&[u8]; 6] = [b"a\nb", b"\xff\xfe", b"-rf", &long, "é".as_bytes(), "e\u{301}".as_bytes()];
    for name in names {
        write(tree.join(OsStr::from_bytes(name)), name);
    }
    let walk = Walk::new(&tree);
    assert_eq!(walk.manifest.len(), 7);
    for name in names {
        assert!(walk.manifest.iter().any(|entry| entry.name == name), "{name:?}");
    }
    let mut buf = Vec::new();
    let read = walk.reader().read_block(&walk.manifest, &walk.shapes()[0], &mut buf);
    assert!(read.skipped.is_empty());
    assert_eq!(buf.len(), names.iter().map(|name| name.len()).sum::<usize>());
}

#[test]
fn pipes_and_sockets_are_reported_and_never_opened() {
    let (_temp, tree) = place();
    fifo(&tree.join("pipe"));
    let _socket = UnixListener::bind(tree.join("socket")).unwrap();
    write(tree.join("z"), b"z");
    let walk = Walk::new(&tree);
    assert_eq!(walk.paths(), ["t", "t/z"]);
    let expected = [("t/pipe", "a named pipe"), ("t/socket", "a socket")];
    assert_eq!(walk.skipped(), expected.map(|(path, reason)| (path.to_owned(), reason.to_owned())));
}

#[test]
fn devices_are_reported_and_never_opened() {
    let (_temp, tree) = place();
    // The first is /dev/zero, which has no end; behind the second number there is no driver.
    let devices = [
        ("zero", FileType::CharacterDevice, makedev(1, 5)),
        ("disk", FileType::BlockDevice, makedev(240, 9)),
    ];
    for (name, kind, device) in devices {
        match mknodat(CWD, tree.join(name), kind, Mode::RUSR | Mode::WUSR, device) {
            Err(Errno::PERM) => sockeye_lab::skip!("this user may not make a device"),
            made => made.unwrap(),
        }
    }
    write(tree.join("below/file"), b"x");
    mknodat(CWD, tree.join("below/zero"), FileType::CharacterDevice, Mode::RUSR, makedev(1, 5)).unwrap();
    let walk = Walk::new(&tree);
    assert_eq!(walk.paths(), ["t", "t/below", "t/below/file"]);
    let mut skipped = walk.skipped();
    skipped.sort();
    let expected = ["t/below/zero", "t/disk", "t/zero"].map(|path| (path.to_owned(), "a device".to_owned()));
    assert_eq!(skipped, expected);
}

#[test]
fn a_named_pipe_or_device_is_refused_at_once() {
    let (_temp, tree) = place();
    fifo(&tree.join("pipe"));
    assert!(error_of(&[tree.join("pipe")]).ends_with("pipe: it is a named pipe"));
    assert_eq!(error_of(&["/dev/null".into()]), "cannot send /dev/null: it is a device");
}

#[test]
fn a_missing_path_is_refused_at_once_and_named() {
    let (_temp, tree) = place();
    write(tree.join("here"), b"x");
    let error = error_of(&[tree.join("here"), tree.join("not-here")]);
    assert!(error.starts_with("cannot find ") && error.contains("/t/not-here: "), "{error}");
    symlink("gone", tree.join("dangling")).unwrap();
    assert!(error_of(&[tree.join("dangling")]).starts_with("cannot find "));
    assert!(error_of(&[tree.join("here/")]).contains("here/: "), "a file is no directory");
    assert!(error_of(&["".into()]).starts_with("cannot find : "));
}

#[test]
fn unreadable_things_are_refused_when_named_and_reported_when_found() {
    let (_temp, tree) = place();
    write(tree.join("closed/inner"), b"x");
    write(tree.join("file"), b"secret");
    write(tree.join("open"), b"y");
    fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o0)).unwrap();
    fs::set_permissions(tree.join("file"), fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read(tree.join("file")).is_ok() {
        sockeye_lab::skip!("this user may read files of mode 000 (root?)");
    }
    let walk = Walk::new(&tree);
    let named = [error_of(&[tree.join("closed")]), error_of(&[tree.join("file")])];
    let mut buf = Vec::new();
    let read = walk.reader().read_block(&walk.manifest, &walk.shapes()[0], &mut buf);
    fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();

    assert!(named.iter().all(|error| error.starts_with("cannot open ")), "{named:?}");
    assert_eq!(walk.paths(), ["t", "t/file", "t/open"]);
    let [(path, reason)] = &walk.skipped()[..] else { panic!("{:?}", walk.skipped) };
    assert!(path == "t/closed" && reason.starts_with("cannot open: "), "{path}: {reason}");
    assert!(
        matches!(read.skipped[..], [(id, ReadFault::Unreadable { action: "open", .. })] if id == walk.id("t/file"))
    );
    assert_eq!(buf, b"y");
}

#[test]
fn a_named_link_is_followed_under_its_own_name() {
    let (temp, tree) = place();
    write(tree.join("f"), b"content");
    symlink("t", temp.path().join("dir-link")).unwrap();
    symlink("t/f", temp.path().join("file-link")).unwrap();
    let sources = ["dir-link", "file-link"].map(|name| temp.path().join(name));
    let walk = Walk::of(Walker::new(&sources, &[]).unwrap());
    assert_eq!(walk.paths(), ["dir-link", "dir-link/f", "file-link"]);
    let mut buf = Vec::new();
    let read = walk.reader().read_block(&walk.manifest, &walk.shapes()[0], &mut buf);
    assert!(read.skipped.is_empty(), "{read:?}");
    assert_eq!(buf, b"contentcontent");
}

#[test]
fn paths_without_a_name_get_the_real_one() {
    let (temp, tree) = place();
    fs::create_dir(tree.join("sub")).unwrap();
    symlink("t", temp.path().join("link")).unwrap();
    let with = |end: &str| {
        let mut path = tree.clone().into_os_string();
        path.push(end);
        Walk::new(Path::new(&path)).paths()[0].clone()
    };
    assert_eq!(["/", "/.", "/sub/..", "/./", "/sub/../.", "//"].map(with), ["t"; 6]);
    assert_eq!(Walk::new(&temp.path().join("link")).paths()[0], "link");
    assert_eq!(Walk::new(&temp.path().join("link/")).paths()[0], "t");
    assert_eq!(error_of(&["/".into()]), "cannot send /: it has no name of its own; send what is in it");
    let here = std::env::current_dir().unwrap();
    assert_eq!(
        Walker::new(&[".".into()], &[]).unwrap().next().unwrap().name,
        here.file_name().unwrap().as_bytes()
    );
}

#[test]
fn two_paths_of_one_name_are_refused() {
    let (temp, tree) = place();
    write(tree.join("x"), b"1");
    write(temp.path().join("x"), b"2");
    let error = error_of(&[tree.join("x"), temp.path().join("x")]);
    assert!(error.ends_with("have the same last name; send them one after the other"), "{error}");
    assert!(Walker::new(&[tree.clone(), tree.join("../t/")], &[]).is_err());
}

#[test]
fn roots_come_in_the_order_of_their_names() {
    let (temp, tree) = place();
    write(temp.path().join("z"), b"1");
    write(temp.path().join("a"), b"2");
    let sources = [temp.path().join("z"), tree, temp.path().join("a")];
    let walk = Walk::of(Walker::new(&sources, &[]).unwrap());
    assert_eq!(walk.paths(), ["a", "t", "z"]);
    assert!(walk.manifest.iter().all(|entry| entry.parent.is_none()));
    assert_eq!(Walk::of(Walker::new(&[], &[]).unwrap()).manifest.len(), 0);
}

#[test]
fn limits_skip_what_exceeds_them() {
    let (_temp, tree) = place();
    write(tree.join("a/b/c"), b"deep");
    write(tree.join("long-name"), b"x");
    symlink("a/long/target", tree.join("link")).unwrap();
    write(tree.join("z"), b"z");
    let walk = |limits| {
        let mut walker = Walker::with_limits(std::slice::from_ref(&tree), &[], limits).unwrap();
        let names: Vec<Vec<u8>> = walker.by_ref().map(|entry| entry.name).collect();
        let skipped =
            walker.take_skipped().iter().map(|s| String::from_utf8(s.path.clone()).unwrap()).collect();
        (names.len(), skipped)
    };
    let limits = ManifestLimits::default();
    let expect = |limits, count, paths: &[&str]| {
        let (entries, skipped): (usize, Vec<String>) = walk(limits);
        assert_eq!((entries, skipped), (count, paths.iter().map(|&path| path.to_owned()).collect()));
    };
    expect(limits, 7, &[]);
    expect(ManifestLimits { max_depth: 3, ..limits }, 6, &["t/a/b/c"]);
    expect(ManifestLimits { max_name: 8, ..limits }, 6, &["t/long-name"]);
    expect(ManifestLimits { max_path: 10, ..limits }, 6, &["t/long-name"]);
    expect(ManifestLimits { max_target: 12, ..limits }, 6, &["t/link"]);
    expect(ManifestLimits { max_entries: 5, ..limits }, 5, &["t/long-name", "t/z"]);
}

/// Directories `0/0/0…`, each with a file `z` that comes after the directory.
fn deep_tree(top: &Path, levels: usize) {
    let mut path = top.to_owned();
    for _ in 0..levels {
        path.push("0");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("z"), b"deep").unwrap();
    }
}

#[test]
fn deep_trees_are_walked_and_read_with_few_open_directories() {
    let (_temp, tree) = place();
    deep_tree(&tree, 300);
    let walk = Walk::new(&tree);
    assert_eq!((walk.manifest.len(), walk.skipped.len()), (601, 0));
    let mut buf = Vec::new();
    let mut reader = walk.reader();
    let read = reader.read_block(&walk.manifest, &walk.shapes()[0], &mut buf);
    assert!(read.skipped.is_empty(), "{:?}", read.skipped.first());
    assert_eq!(buf, b"deep".repeat(300));
}

#[test]
fn a_directory_that_leaves_its_place_during_the_walk_is_reported() {
    let (temp, tree) = place();
    deep_tree(&tree, 100);
    let mut walker = Walker::new(std::slice::from_ref(&tree), &[]).unwrap();
    assert_eq!(walker.by_ref().take(91).count(), 91);
    fs::rename(tree.join("0/0/0"), temp.path().join("elsewhere")).unwrap();
    let rest = walker.by_ref().count();
    // 10 directories and the 98 files of those below; `z` of the two above and nothing else is lost.
    assert_eq!(rest, 10 + 98);
    let skipped = walker.take_skipped();
    let paths: Vec<&[u8]> = skipped.iter().map(|skipped| &skipped.path[..]).collect();
    assert_eq!(paths, [&b"t/0/0"[..], b"t/0"]);
    assert!(skipped.iter().all(|skipped| matches!(skipped.reason, SkipReason::Moved)));
}

#[test]
fn twenty_thousand_files() {
    let (_temp, tree) = place();
    for directory in 0..20 {
        let directory = tree.join(format!("d{directory:02}"));
        fs::create_dir(&directory).unwrap();
        // Links to one file: some file systems take long to make so many.
        let first = directory.join("file-0000");
        fs::write(&first, b"x").unwrap();
        for file in 1..1000 {
            fs::hard_link(&first, directory.join(format!("file-{file:04}"))).unwrap();
        }
    }
    let walk = Walk::new(&tree);
    assert_eq!(walk.manifest.len(), 20_021);
    assert_eq!(walk.manifest.totals().bytes, 20_000);
    assert!(walk.paths().is_sorted());
    let mut reader = walk.reader();
    let mut buf = Vec::new();
    let bytes: u32 =
        walk.shapes().iter().map(|shape| reader.read_block(&walk.manifest, shape, &mut buf).bytes).sum();
    assert_eq!(bytes, 20_000);
}

// Excludes.

#[test]
fn excludes_table() {
    let (_temp, tree) = place();
    for name in
        ["a.o", "keep.c", "target/x", "src/target/y", "src/main.c", "src/gen/a.c", "src/gen/b.o", "x[1].c"]
    {
        write(tree.join(name), b"");
    }
    write(tree.join("build"), b"a file");
    write(tree.join("src/build/z"), b"in a directory");
    let all = Walk::new(&tree).paths();
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &[]),
        (&["*.o"], &["t/a.o", "t/src/gen/b.o"]),
        (&["target"], &["t/src/target", "t/src/target/y", "t/target", "t/target/x"]),
        (&["/target"], &["t/target", "t/target/x"]),
        (&["./target"], &["t/target", "t/target/x"]),
        (&["build/"], &["t/src/build", "t/src/build/z"]),
        (&["/build/"], &[]),
        (&["src/gen"], &["t/src/gen", "t/src/gen/a.c", "t/src/gen/b.o"]),
        (&["gen/*.o"], &["t/src/gen/b.o"]),
        (&["t/src/main.c"], &["t/src/main.c"]),
        (&["/src/main.c"], &["t/src/main.c"]),
        (&["/main.c"], &[]),
        (
            &["s*c"],
            &[
                "t/src",
                "t/src/build",
                "t/src/build/z",
                "t/src/gen",
                "t/src/gen/a.c",
                "t/src/gen/b.o",
                "t/src/main.c",
                "t/src/target",
                "t/src/target/y",
            ],
        ),
        (&["**/gen/**"], &["t/src/gen/a.c", "t/src/gen/b.o"]),
        (&["x\\[1\\].c"], &["t/x[1].c"]),
        (&["{a,b}.o", "[k]eep.?"], &["t/a.o", "t/keep.c", "t/src/gen/b.o"]),
        (&["KEEP.c"], &[]),
    ];
    for (patterns, excluded) in cases {
        let left = Walk::without(&tree, patterns).paths();
        let gone: Vec<&String> = all.iter().filter(|path| !left.contains(path)).collect();
        assert_eq!(gone, *excluded, "{patterns:?}");
    }
}

#[test]
fn excludes_apply_to_named_paths_as_they_were_named() {
    let (_temp, tree) = place();
    write(tree.join("a"), b"1");
    write(tree.join("b"), b"2");
    let exclude = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>();
    let both = [tree.join("a"), tree.join("b")];
    assert_eq!(Walk::of(Walker::new(&both, &exclude(&["a"])).unwrap()).paths(), ["b"]);
    assert_eq!(Walk::of(Walker::new(&both, &exclude(&["/a"])).unwrap()).paths(), ["a", "b"]);
    assert!(matches!(Walker::new(&both, &exclude(&["?"])), Err(SourceError::AllExcluded)));
    // The user did not name `t` here, but what is in it.
    assert_eq!(Walk::without(&tree.join("."), &["t"]).paths(), ["t", "t/a", "t/b"]);
}

#[test]
fn names_that_are_not_text_can_be_excluded() {
    let (_temp, tree) = place();
    write(tree.join(OsStr::from_bytes(b"\xff.o")), b"1");
    write(tree.join(OsStr::from_bytes(b"a\nb.o")), b"1");
    assert_eq!(Walk::without(&tree, &["*.o"]).paths(), ["t"]);
}

#[test]
fn bad_patterns_are_refused() {
    for pattern in ["", "/", "./", "//", "[a", "{a", "a\\"] {
        let error = Walker::new(&[], &[pattern.to_owned()]).unwrap_err();
        assert!(
            matches!(&error, SourceError::Pattern { pattern: named, .. } if named == pattern),
            "{pattern}: {error}"
        );
    }
}

// Reading.

#[test]
fn blocks_have_the_bytes_and_digests_of_the_files() {
    let (_temp, tree) = place();
    let large = noise(BLOCK * 3 + 1000, 1);
    let exact = noise(BLOCK, 2);
    write(tree.join("a-large"), &large);
    write(tree.join("b-small"), b"small");
    write(tree.join("c-empty"), b"");
    write(tree.join("d/e-small"), noise(1000, 3));
    write(tree.join("f-exact"), &exact);
    write(tree.join("g-tail"), b"tail");
    let walk = Walk::new(&tree);
    let mut reader = walk.reader();
    let mut buf = b"left over".to_vec();
    let mut blocks = Vec::new();
    for shape in walk.shapes() {
        let read = reader.read_block(&walk.manifest, &shape, &mut buf);
        assert!(read.skipped.is_empty() && read.bytes as usize == buf.len() && read.doubtful, "{read:?}");
        assert_eq!(reader.read_digest_only(&walk.manifest, &shape).digest, read.digest);
        blocks.push((buf.clone(), read.digest));
    }
    let content: Vec<u8> = blocks.iter().take(4).flat_map(|(bytes, _)| bytes.clone()).collect();
    assert!(content == large);
    let digests: Vec<Digest> = blocks.iter().take(4).map(|(_, digest)| *digest).collect();
    assert_eq!(file_root(&digests, large.len() as u64), blake3::hash(&large).into());
    let pack = [&b"small"[..], &noise(1000, 3)].concat();
    assert!(blocks[4] == (pack.clone(), pack_digest(&pack)));
    assert!(blocks[5] == (exact.clone(), blake3::hash(&exact).into()), "a whole file has its plain hash");
    assert_eq!(blocks[6].0, b"tail");
    assert_eq!(blocks.len(), 7);
    for (path, bytes) in
        [("t/a-large", &large[..]), ("t/c-empty", b""), ("t/f-exact", &exact), ("t/g-tail", b"tail")]
    {
        assert_eq!(reader.file_digest(&walk.manifest, walk.id(path)).unwrap(), blake3::hash(bytes).into());
    }
}

#[test]
fn blocks_can_be_read_in_any_order_and_the_buffer_keeps_its_memory() {
    let (_temp, tree) = place();
    let content = noise(BLOCK * 4, 7);
    for file in 0..12 {
        write(tree.join(format!("f{file:02}")), &content);
    }
    let walk = Walk::new(&tree);
    let mut reader = walk.reader();
    let mut buf = Vec::with_capacity(BLOCK);
    let capacity = buf.capacity();
    for shape in walk.shapes().iter().rev() {
        let BlockShape::Range { offset, .. } = *shape else { panic!("{shape:?}") };
        let start = usize::try_from(offset).unwrap();
        assert!(reader.read_block(&walk.manifest, shape, &mut buf).skipped.is_empty());
        assert!(buf == content[start..start + BLOCK]);
    }
    assert_eq!(buf.capacity(), capacity);
}

#[test]
fn small_files_that_changed_are_left_out_of_their_pack() {
    let (_temp, tree) = place();
    let names = [
        "a-same",
        "b-grown",
        "c-shrunk",
        "d-gone",
        "e-replaced",
        "f-touched",
        "g-link",
        "h-pipe",
        "i-dir",
        "j-same",
    ];
    for name in names {
        write(tree.join(name), format!("<{name}>"));
    }
    let walk = Walk::new(&tree);
    fs::File::options().append(true).open(tree.join("b-grown")).unwrap().write_all(b"more").unwrap();
    write(tree.join("c-shrunk"), b"<");
    fs::remove_file(tree.join("d-gone")).unwrap();
    write(tree.join("new"), b"<E-REPLACED>");
    fs::rename(tree.join("new"), tree.join("e-replaced")).unwrap();
    modify(&tree.join("f-touched"));
    for name in ["g-link", "h-pipe", "i-dir"] {
        fs::remove_file(tree.join(name)).unwrap();
    }
    symlink("a-same", tree.join("g-link")).unwrap();
    fifo(&tree.join("h-pipe"));
    fs::create_dir(tree.join("i-dir")).unwrap();

    let mut buf = Vec::new();
    let read = walk.reader().read_block(&walk.manifest, &walk.shapes()[0], &mut buf);
    assert_eq!(buf, b"<a-same><j-same>");
    assert_eq!((read.bytes, read.digest), (16, pack_digest(&buf)));
    let faults: Vec<(String, String)> = read
        .skipped
        .iter()
        .map(|(id, fault)| (String::from_utf8(walk.manifest.path(*id)).unwrap(), fault.to_string()))
        .collect();
    let expected = [
        ("t/b-grown", "was modified"),
        ("t/c-shrunk", "was modified"),
        ("t/d-gone", "is gone"),
        ("t/e-replaced", "was modified"),
        ("t/f-touched", "was modified"),
        ("t/g-link", "was replaced by something else"),
        ("t/h-pipe", "was replaced by something else"),
        ("t/i-dir", "was replaced by something else"),
    ];
    assert_eq!(faults, expected.map(|(path, fault)| (path.to_owned(), fault.to_owned())));
}

#[test]
fn a_large_file_that_changes_between_its_blocks_is_reported() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("grow", |path| fs::File::options().append(true).open(path).unwrap().write_all(b"more").unwrap()),
        ("shrink", |path| {
            fs::File::options().write(true).open(path).unwrap().set_len(BLOCK as u64 + 5).unwrap();
        }),
        ("empty", |path| fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap()),
        ("modify", modify),
    ];
    for (name, change) in changes {
        let (_temp, tree) = place();
        let path = tree.join("large");
        write(&path, noise(BLOCK * 3, 1));
        let walk = Walk::new(&tree);
        let mut reader = walk.reader();
        let mut buf = Vec::new();
        let shapes = walk.shapes();
        assert!(reader.read_block(&walk.manifest, &shapes[0], &mut buf).skipped.is_empty());
        change(&path);
        for shape in &shapes[1..] {
            let read = reader.read_block(&walk.manifest, shape, &mut buf);
            let (id, fault) = only_fault(&read);
            assert_eq!(id, walk.id("t/large"));
            assert!(fault == "was modified" || fault == "became shorter", "{name}: {fault}");
            assert!(buf.is_empty() && read.bytes == 0);
        }
        assert!(reader.file_digest(&walk.manifest, walk.id("t/large")).is_err());
    }
}

#[test]
fn a_file_replaced_while_it_is_open_is_never_mixed() {
    // The open one is the listed one, but its removal moves its change time on where the file system says so.
    let (_temp, tree) = place();
    let path = tree.join("large");
    let content = noise(BLOCK * 2, 1);
    write(&path, &content);
    let walk = Walk::new(&tree);
    let mut reader = walk.reader();
    let mut buf = Vec::new();
    let shapes = walk.shapes();
    assert!(reader.read_block(&walk.manifest, &shapes[0], &mut buf).skipped.is_empty());
    write(tree.join("new"), noise(BLOCK * 2, 2));
    fs::rename(tree.join("new"), &path).unwrap();
    let read = reader.read_block(&walk.manifest, &shapes[1], &mut buf);
    assert!(read.skipped.len() == 1 || buf == content[BLOCK..], "{read:?}");
    assert_eq!(only_fault(&walk.reader().read_block(&walk.manifest, &shapes[1], &mut buf)).1, "was modified");
}

#[test]
fn a_directory_replaced_after_the_walk_is_not_read_from() {
    let (temp, tree) = place();
    write(tree.join("d/x"), b"inside");
    write(temp.path().join("other/x"), b"secret");
    let walk = Walk::new(&tree);
    fs::rename(tree.join("d"), temp.path().join("aside")).unwrap();
    let mut buf = Vec::new();
    let mut fault = || {
        let read = walk.reader().read_block(&walk.manifest, &walk.shapes()[0], &mut buf);
        assert!(buf.is_empty());
        only_fault(&read).1
    };
    assert_eq!(fault(), "is gone");
    symlink("../other", tree.join("d")).unwrap();
    assert_eq!(fault(), "was replaced by something else");
    fs::remove_file(tree.join("d")).unwrap();
    fs::rename(temp.path().join("other"), tree.join("d")).unwrap();
    assert_eq!(fault(), "was replaced by something else");
}

#[test]
fn a_named_file_replaced_after_the_walk_is_not_read() {
    let (temp, _) = place();
    let path = temp.path().join("named");
    write(&path, b"listed");
    write(temp.path().join("secret"), b"secret");
    let walk = Walk::new(&path);
    fs::remove_file(&path).unwrap();
    symlink("secret", &path).unwrap();
    let mut buf = Vec::new();
    let read = walk.reader().read_block(&walk.manifest, &walk.shapes()[0], &mut buf);
    assert_eq!((only_fault(&read), buf.len()), ((0, "was modified".to_owned()), 0));
}

#[test]
fn swapping_directories_for_links_never_leads_outside() {
    let (temp, tree) = place();
    write(tree.join("d/e/x"), b"inside");
    write(tree.join("d/y"), b"inside");
    write(temp.path().join("outside/e/x"), b"SECRET");
    write(temp.path().join("outside/y"), b"SECRET");
    let aside = temp.path().join("aside");
    symlink(temp.path().join("outside"), &aside).unwrap();
    if let Err(error) = renameat_with(CWD, tree.join("d"), CWD, &aside, RenameFlags::EXCHANGE) {
        sockeye_lab::skip!("this file system cannot exchange two names: {error}");
    }
    let stop = AtomicBool::new(false);
    let (mut inside, mut links) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, tree.join("d"), CWD, &aside, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..2000 {
            let walk = Walk::new(&tree);
            let mut reader = walk.reader();
            let mut buf = Vec::new();
            for shape in walk.shapes() {
                reader.read_block(&walk.manifest, &shape, &mut buf);
                assert!(!buf.contains(&b'S'), "read a file outside: {:?}", walk.paths());
                inside += usize::from(!buf.is_empty());
            }
            links += walk.manifest.totals().symlinks;
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(inside > 0 || links > 0, "the race was never won by anybody");
}

#[test]
fn blocks_read_during_a_change_are_as_listed_or_reported() {
    let (_temp, tree) = place();
    let path = tree.join("busy");
    let content = noise(BLOCK * 2, 1);
    let mut faults = 0;
    for round in 0..60_u64 {
        write(&path, &content);
        let file = fs::File::options().write(true).open(&path).unwrap();
        // Long ago, so that any change shows in the times.
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
        let walk = Walk::new(&path);
        let shapes = walk.shapes();
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                std::thread::sleep(Duration::from_micros(round * 10));
                if round % 2 == 0 {
                    file.write_all_at(&vec![0xee; BLOCK * 2], 0).unwrap();
                } else {
                    file.set_len(round).unwrap();
                    file.set_len(BLOCK_SIZE * 2).unwrap();
                }
            });
            let mut reader = walk.reader();
            let mut buf = Vec::new();
            start.wait();
            for shape in shapes.iter().cycle().take(100_000) {
                let read = reader.read_block(&walk.manifest, shape, &mut buf);
                if !read.skipped.is_empty() {
                    faults += 1;
                    break;
                }
                let BlockShape::Range { offset, .. } = *shape else { panic!("{shape:?}") };
                let first = usize::try_from(offset).unwrap();
                assert!(
                    buf == content[first..first + BLOCK],
                    "round {round}: other bytes than listed passed"
                );
            }
        });
    }
    assert_eq!(faults, 60, "every change is noticed");
}

#[test]
fn parts_that_are_not_in_the_manifest_are_refused() {
    let (_temp, tree) = place();
    write(tree.join("f"), noise(BLOCK, 1));
    let walk = Walk::new(&tree);
    let mut reader = walk.reader();
    let mut buf = Vec::new();
    let shapes = [
        BlockShape::Range { entry: 0, offset: 0, len: 1 },
        BlockShape::Range { entry: 9, offset: 0, len: 1 },
        BlockShape::Range { entry: 1, offset: BLOCK_SIZE, len: 1 },
        BlockShape::Range { entry: 1, offset: u64::MAX, len: 2 },
        BlockShape::Range { entry: 1, offset: 0, len: u32::MAX },
    ];
    for shape in shapes {
        let read = reader.read_block(&walk.manifest, &shape, &mut buf);
        assert!(matches!(read.skipped[..], [(_, ReadFault::NoSuchPart)]), "{shape:?}");
    }
    let pack = BlockShape::Pack { first: 0, last: u32::MAX, len: u32::MAX };
    assert_eq!(reader.read_block(&walk.manifest, &pack, &mut buf).bytes, 0);
    assert!(reader.file_digest(&walk.manifest, 0).is_err());
    let mut foreign = Manifest::new();
    let kind = EntryKind::File { size: Some(1) };
    let entry = Entry {
        parent: None,
        name: b"t".to_vec(),
        kind,
        mode: 0,
        modified: Timestamp::default(),
        source: SourceIdentity::default(),
    };
    foreign.push(&entry).unwrap();
    assert!(matches!(reader.file_digest(&foreign, 0), Err(ReadFault::NoSuchPart)));
}

#[test]
fn doubtful_is_what_was_modified_within_two_seconds() {
    let at = |seconds, nanos| Timestamp { seconds, nanos };
    let now = SystemTime::UNIX_EPOCH + Duration::new(1000, 500);
    assert!(!doubtful(at(998, 499), now));
    assert!(doubtful(at(998, 500), now));
    assert!(doubtful(at(1000, 500), now));
    assert!(doubtful(at(5000, 0), now), "a time to come");
    assert!(!doubtful(at(-5, 0), now));
    assert!(doubtful(at(0, 0), SystemTime::UNIX_EPOCH), "a clock that was never set");
}

// Streams.

/// A pipe that hands out a few bytes at a time, and is interrupted.
struct Dribble {
    left: Vec<u8>,
    step: usize,
    interrupt: bool,
}

impl Read for Dribble {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = self.step.min(buf.len()).min(self.left.len());
        buf[..count].copy_from_slice(&self.left[..count]);
        self.left.drain(..count);
        Ok(count)
    }
}

#[test]
fn streams_are_cut_into_blocks() {
    for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK * 2, BLOCK * 2 + 7] {
        let content = noise(len, 5);
        let mut stream = StreamSource::new(Dribble { left: content.clone(), step: 60_000, interrupt: false });
        let (mut buf, mut all, mut digests) = (b"left over".to_vec(), Vec::new(), Vec::new());
        let mut lasts = Vec::new();
        while let Some(block) = stream.next_block(&mut buf).unwrap() {
            assert_eq!(block.offset, all.len() as u64);
            assert_eq!(block.digest, range_digest(block.offset, &buf, len <= BLOCK));
            assert!(block.last || buf.len() == BLOCK);
            all.extend_from_slice(&buf);
            digests.push(block.digest);
            lasts.push(block.last);
        }
        assert!(all == content, "{len}");
        let (last, others) = lasts.split_last().unwrap();
        assert!(*last && !others.contains(&true), "{len}: {lasts:?}");
        assert_eq!(lasts.len(), len.div_ceil(BLOCK).max(1));
        if len > 0 {
            assert_eq!(file_root(&digests, len as u64), blake3::hash(&content).into());
        }
        assert!(stream.next_block(&mut buf).unwrap().is_none() && buf.is_empty());
    }
}

#[test]
fn a_stream_is_not_read_again_after_its_end() {
    /// A terminal: after one end of input it would wait for more.
    struct Terminal(u8);
    impl Read for Terminal {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Ok(buf.len().min(3)),
                2 => Ok(0),
                _ => panic!("read after the end"),
            }
        }
    }
    let mut stream = StreamSource::new(Terminal(0));
    let mut buf = Vec::new();
    assert!(stream.next_block(&mut buf).unwrap().unwrap().last);
    assert!(stream.next_block(&mut buf).unwrap().is_none());
}

#[test]
fn a_stream_that_fails_ends() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let full = io::Cursor::new(vec![0; BLOCK]);
    let mut stream = StreamSource::new(full.chain(Broken));
    let mut buf = Vec::new();
    assert_eq!(stream.next_block(&mut buf).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert!(stream.next_block(&mut buf).unwrap().is_none());
}
