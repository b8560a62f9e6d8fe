use std::path::Path;

use super::*;

#[test]
fn targets() {
    // A link `a/b/l` in a transfer with the roots `a` and `r`.
    let cases = [
        ("f", true),
        ("./f", true),
        ("../f", true),
        ("../../r", true),
        ("../../a", true),
        ("missing", true),
        ("missing/below", true),
        ("../../other", false),
        ("..", true),
        ("../..", false),
        ("../../..", false),
        ("../../../etc/passwd", false),
        ("x/../../../../etc", false),
        ("/etc/passwd", false),
        ("/", false),
        (".", true),
        ("up", true),
        ("up/f", false),
        ("up/", false),
        ("up/.", false),
        ("up/..", false),
        ("../b/up/../f", false),
        ("../../.sockeye-0707070707070707/journal", false),
    ];
    for (target, good) in cases {
        let (dir, volume) = disk();
        let mut source = Source::new();
        let a = source.dir(None, "a");
        let b = source.dir(Some(a), "b");
        source.file(Some(b), "f", b"f");
        source.link(Some(b), "up", "..");
        let link = source.link(Some(b), "l", target);
        source.file(None, "r", b"r");
        let report = receive(&volume, &source, Existing::Refuse);
        let path = dir.path().join("a/b/l");
        if good {
            assert_eq!(statuses(&report), [], "{target}: {:?}", report.failures);
            assert_eq!(std::fs::read_link(&path).expect("made"), Path::new(target));
        } else {
            assert_eq!(statuses(&report), [(link, EntryStatus::KindRefused)], "{target}");
            assert!(std::fs::symlink_metadata(&path).is_err(), "{target}");
        }
    }
}

#[test]
fn loops_are_just_links() {
    let (dir, volume) = disk();
    let mut source = Source::new();
    source.link(None, "one", "two");
    source.link(None, "two", "one");
    source.link(None, "self", "self");
    let report = receive(&volume, &source, Existing::Refuse);
    assert_eq!((report.symlinks, report.failed), (3, 0), "{:?}", report.failures);
    assert!(std::fs::read(dir.path().join("one")).is_err());
}

#[test]
fn links_that_were_here_are_not_led_through() {
    let (dir, volume) = disk();
    std::fs::create_dir(dir.path().join("d")).expect("made");
    std::os::unix::fs::symlink("/etc", dir.path().join("d/etc")).expect("made");
    let mut source = Source::new();
    let d = source.dir(None, "d");
    source.link(Some(d), "l", "etc/passwd");
    let report = receive(&volume, &source, Existing::Refuse);
    assert_eq!(statuses(&report), [(1, EntryStatus::KindRefused)]);
}

#[test]
fn existing_links() {
    for (existing, there, expected, status) in [
        (Existing::Refuse, "f", "f", None),
        (Existing::Refuse, "g", "g", Some(EntryStatus::Exists)),
        (Existing::Overwrite, "g", "f", None),
        (Existing::Skip, "g", "g", Some(EntryStatus::Skipped)),
    ] {
        let (dir, volume) = disk();
        std::os::unix::fs::symlink(there, dir.path().join("l")).expect("made");
        let mut source = Source::new();
        source.link(None, "l", "f");
        source.file(None, "f", b"f");
        let report = receive(&volume, &source, existing);
        assert_eq!(
            std::fs::read_link(dir.path().join("l")).expect("there"),
            Path::new(expected),
            "{existing:?}"
        );
        assert_eq!(report.failures.first().map(|(_, failure)| failure.status), status, "{existing:?}");
    }
}

#[test]
fn links_and_directories_never_replace_each_other() {
    for existing in [Existing::Refuse, Existing::Overwrite, Existing::Skip] {
        let (dir, volume) = disk();
        std::fs::create_dir(dir.path().join("full")).expect("made");
        std::fs::write(dir.path().join("full/kept"), "kept").expect("written");
        std::fs::create_dir(dir.path().join("empty")).expect("made");
        std::os::unix::fs::symlink("full", dir.path().join("to a directory")).expect("made");
        std::os::unix::fs::symlink("full/kept", dir.path().join("to a file")).expect("made");
        std::os::unix::fs::symlink("nowhere", dir.path().join("to nothing")).expect("made");
        let mut source = Source::new();
        source.file(None, "target", b"t");
        let mut expected = Vec::new();
        let status = if existing == Existing::Skip { EntryStatus::Skipped } else { EntryStatus::Exists };
        for name in ["full", "empty"] {
            expected.push((source.link(None, name, "target"), status));
        }
        for name in ["to a directory", "to a file", "to nothing"] {
            let sent = source.dir(None, name);
            expected.push((sent, EntryStatus::Exists));
            expected.push((source.file(Some(sent), "kept", b"through the link"), EntryStatus::Exists));
        }
        let report = receive(&volume, &source, existing);
        assert_eq!(statuses(&report), expected, "{existing:?}: {:?}", report.failures);
        for (name, target) in
            [("to a directory", "full"), ("to a file", "full/kept"), ("to nothing", "nowhere")]
        {
            assert_eq!(std::fs::read_link(dir.path().join(name)).expect("a link"), Path::new(target));
        }
        assert_eq!(std::fs::read(dir.path().join("full/kept")).expect("there"), b"kept");
        assert_eq!(std::fs::read_dir(dir.path().join("full")).expect("lists").count(), 1);
        assert_eq!(std::fs::read_dir(dir.path().join("empty")).expect("lists").count(), 0);
    }
}

#[test]
fn nothing_is_written_through_a_link_of_the_transfer() {
    // Entry A is a link to the outside, entry B claims to lie in it. A manifest refuses that; storage does too.
    let (dir, volume) = disk();
    let mut destination = Destination::open(volume, KEY, options(Existing::Overwrite)).expect("opens");
    destination.accept().expect("accepted");
    let modified = Timestamp::default();
    let target = b"d";
    let link = EntryRef {
        id: 0,
        parent: None,
        name: b"l",
        kind: KindRef::Symlink { target },
        mode: 0o777,
        modified,
        source: &[],
    };
    assert_eq!(destination.plan(link).expect("plans"), Plan::Local);
    let kind = KindRef::File { size: Some(1) };
    let below = EntryRef { id: 1, parent: Some(0), name: b"f", kind, mode: 0o644, modified, source: &[] };
    assert!(matches!(destination.plan(below), Ok(Plan::Refused(_))));
    assert!(destination.write_packed(below, b"x").is_err());
    drop(dir);
}
