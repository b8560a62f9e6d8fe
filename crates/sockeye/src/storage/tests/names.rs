use super::super::names::{NameRefusal, check_name, fold, numbered};
use super::*;
use crate::storage::memory::MemoryVolume;
use sockeye_proto::content::NameFault;

#[test]
fn what_no_destination_takes() {
    let component = NameRefusal::NotAComponent;
    let cases: &[(&[u8], Result<(), NameRefusal>)] = &[
        (b"", Err(component(NameFault::Empty))),
        (b".", Err(component(NameFault::Dots))),
        (b"..", Err(component(NameFault::Dots))),
        (b"../x", Err(component(NameFault::Slash))),
        (b"a/../../x", Err(component(NameFault::Slash))),
        (b"/abs", Err(component(NameFault::Slash))),
        (b"a//b", Err(component(NameFault::Slash))),
        (b"trailing/", Err(component(NameFault::Slash))),
        (b"a\0b", Err(component(NameFault::Nul))),
        (b".sockeye-", Err(NameRefusal::Staging)),
        (b".sockeye-0707070707070707", Err(NameRefusal::Staging)),
        (b".SockEye-x", Err(NameRefusal::Staging)),
        (&[b'a'; 255], Ok(())),
        (&[b'a'; 256], Err(NameRefusal::TooLong)),
        (&[b'a'; 5000], Err(NameRefusal::TooLong)),
        // Ordinary names on Linux, whatever they mean elsewhere; nothing is decoded.
        (b"C:\\x", Ok(())),
        (b"\\\\host\\share", Ok(())),
        (b"a\\..\\..\\x", Ok(())),
        (b"%2e%2e%2f", Ok(())),
        (b"%252e", Ok(())),
        (b"%5c", Ok(())),
        ("\u{ff0e}\u{ff0e}\u{ff0f}x".as_bytes(), Ok(())),
        (b"\xff\xfe", Ok(())),
        (b"...", Ok(())),
        (b"CON", Ok(())),
        (b"a\x1b[2Jb", Ok(())),
        (b".ssh", Ok(())),
    ];
    for (name, expected) in cases {
        assert_eq!(check_name(name, false), *expected, "{}", name.escape_ascii());
    }
}

#[test]
fn what_portable_names_exclude() {
    use NameRefusal::{Character, Control, Device, Ending, NotUtf8, TooLongElsewhere};
    let long = "\u{e4}".repeat(127);
    let cases: &[(&[u8], Option<NameRefusal>)] = &[
        (b"CON", Some(Device)),
        (b"con", Some(Device)),
        (b"nul.txt", Some(Device)),
        (b"Aux.tar.gz", Some(Device)),
        (b"NUL .txt", Some(Device)),
        (b"COM1", Some(Device)),
        (b"com0", Some(Device)),
        (b"LPT9.x", Some(Device)),
        ("COM\u{b9}".as_bytes(), Some(Device)),
        ("lpt\u{b3}.log".as_bytes(), Some(Device)),
        (b"CONIN$", Some(Device)),
        (b"COM1 ", Some(Ending)),
        (b"dot.", Some(Ending)),
        (b"space ", Some(Ending)),
        (b"a:stream", Some(Character(':'))),
        (b"C:\\x", Some(Character(':'))),
        (b"a\\b", Some(Character('\\'))),
        (b"what?", Some(Character('?'))),
        (b"a*b", Some(Character('*'))),
        (b"<a>", Some(Character('<'))),
        (b"a|b", Some(Character('|'))),
        (b"\"a\"", Some(Character('"'))),
        (b"a\nb", Some(Control)),
        (b"a\x7fb", Some(Control)),
        ("a\u{85}b".as_bytes(), Some(Control)),
        (b"\xff", Some(NotUtf8)),
        (long.as_bytes(), None),
        (b"CONSOLE", None),
        (b"COM10", None),
        (b"COM", None),
        (b"com1x", None),
        (b".hidden", None),
        ("na\u{ef}ve \u{1f41f}.txt".as_bytes(), None),
    ];
    for (name, expected) in cases {
        assert_eq!(check_name(name, true).err(), *expected, "{}", name.escape_ascii());
    }
    // Nothing of 255 bytes has more than 255 units, so the bound holds by the other one.
    assert_ne!(check_name(&[b'a'; 255], true), Err(TooLongElsewhere));
}

#[test]
fn folding_joins_case_and_composition() {
    for (a, b) in [("A", "a"), ("\u{c4}", "a\u{308}"), ("STRASSE", "stra\u{df}e"), ("\u{3a3}", "\u{3c2}")] {
        assert_eq!(fold(a.as_bytes()), fold(b.as_bytes()), "{a} {b}");
    }
    assert_ne!(fold(b"a"), fold(b"b"));
    assert_eq!(fold(b"\xffA"), b"\xffA");
}

#[test]
fn numbers_go_before_the_extension() {
    for (name, expected) in [("a.txt", "a (2).txt"), ("a", "a (2)"), (".x", ".x (2)"), ("a.b.c", "a.b (2).c")]
    {
        assert_eq!(numbered(name.as_bytes(), 2).as_deref(), Some(expected.as_bytes()));
    }
    assert_eq!(numbered(&[b'a'; 255], 2), None);
    assert_eq!(numbered(b"a", 0).as_deref(), Some(b"a".as_slice()));
}

/// One line for each entry, and what is told about it.
fn refusals(portable: bool, build: impl FnOnce(&mut Source), before: &[&str]) -> Vec<(EntryId, String)> {
    let mut source = Source::new();
    build(&mut source);
    let volume = MemoryVolume::new();
    for path in before {
        volume.put(path, b"before");
    }
    let options = DestinationOptions { portable_names: portable, ..options(Existing::Refuse) };
    let mut destination = Destination::open(volume, KEY, options).expect("opens");
    drive(&mut destination, &source, None).expect("stores");
    let report = destination.finish().expect("finishes");
    report.failures.into_iter().map(|(id, failure)| (id, failure.text.into_owned())).collect()
}

#[test]
fn collisions_within_a_transfer() {
    let build = |source: &mut Source| {
        source.file(None, "A", b"1");
        source.file(None, "a", b"2");
        source.file(None, "\u{e9}", b"3");
        source.file(None, "e\u{301}", b"4");
        let dir = source.dir(None, "Dir");
        source.file(Some(dir), "x", b"5");
        let dir = source.dir(None, "DIR");
        source.file(Some(dir), "x", b"6");
    };
    assert_eq!(refusals(false, build, &[]), [], "different names are different files here");
    let ids: Vec<EntryId> = refusals(true, build, &[]).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [1, 3, 6, 7]);
}

#[test]
fn collisions_with_what_is_there() {
    let build = |source: &mut Source| {
        source.file(None, "readme", b"1");
        let dir = source.dir(None, "dir");
        source.file(Some(dir), "FILE", b"2");
        source.file(Some(dir), "other", b"3");
    };
    assert_eq!(refusals(false, build, &["README", "dir/file"]), []);
    let ids: Vec<EntryId> =
        refusals(true, build, &["README", "dir/file"]).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [0, 2]);
}

#[test]
fn one_spelling_of_an_accent_is_here_and_the_other_is_sent() {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    for (there, sent) in [(composed, decomposed), (decomposed, composed)] {
        let file = |source: &mut Source| {
            source.file(None, sent, b"1");
        };
        let below = |source: &mut Source| {
            let dir = source.dir(None, sent);
            source.file(Some(dir), "file", b"2");
        };
        let (here, here_below) = ([there], format!("{there}/other"));
        assert_eq!(refusals(false, file, &here), [], "two names to this system");
        assert_eq!(refusals(false, below, &[&here_below]), [], "two names to this system");
        let refused = |refusals: Vec<(EntryId, String)>| refusals.into_iter().map(|(id, _)| id).collect();
        let ids: Vec<EntryId> = refused(refusals(true, file, &here));
        assert_eq!(ids, [0], "{sent:?} beside {there:?}");
        let ids: Vec<EntryId> = refused(refusals(true, below, &[&here_below]));
        assert_eq!(ids, [0, 1], "{sent:?} beside {there:?}");
    }
    // The same spelling is the same name.
    for name in [composed, decomposed] {
        let below = |source: &mut Source| {
            let dir = source.dir(None, name);
            source.file(Some(dir), "file", b"3");
        };
        assert_eq!(refusals(true, below, &[&format!("{name}/other")]), []);
    }
}

#[test]
fn the_same_path_twice() {
    let volume = MemoryVolume::new();
    let mut source = Source::new();
    source.file(None, "x", b"first");
    source.file(None, "x", b"second");
    source.dir(None, "x");
    let dir = source.dir(None, "d");
    let second = source.dir(None, "d");
    source.file(Some(dir), "f", b"kept");
    source.file(Some(second), "f", b"refused");
    source.link(None, "d", "x");
    let report = receive(&volume, &source, Existing::Overwrite);
    let ids: Vec<EntryId> = report.failures.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 2, 4, 6, 7]);
    assert_eq!(volume.paths(), ["d/f", "x"]);
    assert_eq!(volume.read("x").as_deref(), Some(b"first".as_slice()));
    assert_eq!(volume.read("d/f").as_deref(), Some(b"kept".as_slice()));
}

#[test]
fn hostile_names_reach_nothing() {
    // The manifest refuses most of these already; storage does not rely on it.
    let (dir, volume) = disk();
    let outside = dir.path().join("outside");
    std::fs::create_dir(&outside).expect("made");
    let inside = dir.path().join("inside");
    std::fs::create_dir(&inside).expect("made");
    drop(volume);
    let volume = DiskVolume::open(&inside).expect("opens");
    let mut destination = Destination::open(volume, KEY, options(Existing::Overwrite)).expect("opens");
    destination.accept().expect("accepted");
    let hostile: &[&[u8]] = &[
        b"",
        b".",
        b"..",
        b"../outside/x",
        b"/tmp/x",
        b"a/b",
        b"a\0b",
        b".sockeye-0707070707070707",
        &[b'x'; 256],
    ];
    for (id, name) in (0..).zip(hostile) {
        for kind in [KindRef::Directory, KindRef::File { size: Some(1) }, KindRef::Symlink { target: b"x" }] {
            let entry = EntryRef {
                id: id * 3
                    + EntryId::from(kind != KindRef::Directory)
                        * (1 + EntryId::from(matches!(kind, KindRef::Symlink { .. }))),
                parent: None,
                name,
                kind,
                mode: 0o777,
                modified: Timestamp::default(),
                source: &[],
            };
            let plan = destination.plan(entry).expect("plans");
            assert!(
                matches!(&plan, Plan::Refused(failure) if failure.status == EntryStatus::NameRefused),
                "{plan:?}"
            );
        }
    }
    destination.finish().expect("finishes");
    assert_eq!(std::fs::read_dir(&inside).expect("lists").count(), 0);
    assert_eq!(std::fs::read_dir(&outside).expect("lists").count(), 0);
}

#[test]
fn deep_nesting_is_bounded_by_handles_not_by_depth() {
    let (dir, volume) = disk();
    let mut source = Source::new();
    let mut parent = None;
    for _ in 0..400 {
        parent = Some(source.dir(parent, "deeper"));
    }
    source.file(parent, "bottom", b"here");
    let report = receive(&volume, &source, Existing::Refuse);
    assert_eq!((report.files, report.directories, report.failed), (1, 400, 0));
    // Too long for one path: walk down.
    let mut handle = volume.root();
    for _ in 0..400 {
        handle =
            volume.open_dir(&handle, super::super::Name::new(b"deeper").expect("a name")).expect("opens");
    }
    assert_eq!(volume.list(&handle).expect("lists"), [b"bottom"]);
    drop(dir);
}
