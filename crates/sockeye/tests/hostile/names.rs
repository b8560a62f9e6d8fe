//! Names, paths and texts from the peer.

use std::fs;

use sockeye::{Event, Existing, escape};

use crate::{
    honest,
    list::{Item, List},
    peer::Hostile,
    victim::{Place, Victim, Wish, is_peers_fault},
};

const NAME_REFUSED: u8 = 6;

/// Sends a list to a receiver of this kind; what it reported and where.
async fn send_to(wish: Wish, list: &List) -> (Place, honest::Outcome) {
    let victim = Victim::receiver_with(Place::new(), wish).await;
    let session = Hostile::new().session(victim.address, &victim.code).await;
    let outcome = honest::send(session, 1, list).await;
    let place = victim.succeeds().await.0;
    assert!(outcome.complete, "{outcome:?}");
    (place, outcome)
}

/// Sends a list that must end the transfer by the peer's fault, with nothing written.
async fn must_fail(list: &List) {
    let victim = Victim::receiver().await;
    let session = Hostile::new().session(victim.address, &victim.code).await;
    let outcome = honest::send(session, 1, list).await;
    let (place, error) = victim.fails().await;
    assert!(!outcome.complete, "{outcome:?}");
    assert!(is_peers_fault(&error), "{error:?}");
    place.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_no_component_end_the_transfer() {
    let names: [&[u8]; 11] =
        [b"", b".", b"..", b"../x", b"a/../../x", b"/abs", b"a//b", b"a/", b"/", b"in\0side", b"\0"];
    for name in names {
        must_fail(&List::of_file(name, b"evil")).await;
        let mut list = List::new();
        let dir = list.dir(None, name);
        list.file(Some(dir), "x", b"evil");
        must_fail(&list).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_only_look_like_paths_stay_one_component() {
    let names: [&[u8]; 16] = [
        b"%2e%2e%2fx",
        b"%252e%252e%252f",
        b"..%5cx",
        "．．／x".as_bytes(),
        "‥".as_bytes(),
        b"C:\\x",
        b"\\\\host\\share",
        b"a\\..\\..\\x",
        b"...",
        b"~",
        b"-rf",
        b"\xff\xfe",
        b"CON",
        b"a:stream",
        b"dot.",
        b"$(reboot)",
    ];
    let mut list = List::new();
    for name in names {
        list.file(None, name, name);
    }
    let (place, outcome) = send_to(Wish::default(), &list).await;
    assert_eq!(outcome.results, []);
    for name in names {
        use std::os::unix::ffi::OsStrExt as _;
        let path = place.destination().join(std::ffi::OsStr::from_bytes(name));
        assert_eq!(fs::read(path).unwrap(), name);
    }
    assert_eq!(place.names().len(), names.len());
    place.assert_outside_untouched();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_windows_are_refused_where_names_must_be_portable() {
    let names: [&[u8]; 14] = [
        b"CON",
        b"nul.txt",
        b"COM1 ",
        "COM¹".as_bytes(),
        b"LPT9.x.y",
        b"dot.",
        b"space ",
        b"a:stream",
        b"a\\b",
        b"q?",
        b"star*",
        b"tab\t",
        b"\xff",
        b"pipe|",
    ];
    let mut list = List::new();
    for name in names {
        list.file(None, name, b"x");
    }
    list.file(None, "good", b"good");
    let (place, outcome) = send_to(Wish { portable_names: true, ..Wish::default() }, &list).await;
    assert_eq!(outcome.statuses(), [NAME_REFUSED; 14]);
    assert_eq!(place.names(), ["good"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_collide_elsewhere_are_refused_where_names_must_be_portable() {
    let mut list = List::new();
    for name in ["A", "a", "\u{e9}", "e\u{301}", "there"] {
        list.file(None, name, name.as_bytes());
    }
    let place = Place::new();
    fs::write(place.destination().join("THERE"), "mine").unwrap();
    let victim = Victim::receiver_with(place, Wish { portable_names: true, ..Wish::default() }).await;
    let session = Hostile::new().session(victim.address, &victim.code).await;
    let outcome = honest::send(session, 1, &list).await;
    assert_eq!(outcome.results, [(1, NAME_REFUSED), (3, NAME_REFUSED), (4, NAME_REFUSED)]);
    let (place, _) = victim.succeeds().await;
    assert_eq!(place.names(), ["A", "THERE", "\u{e9}"]);
    assert_eq!(fs::read(place.destination().join("THERE")).unwrap(), b"mine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_path_twice_counts_once() {
    let mut list = List::new();
    list.file(None, "twice", b"first");
    list.file(None, "twice", b"second");
    let dir = list.dir(None, "file then directory");
    list.file(Some(dir), "x", b"x");
    list.file(None, "file then directory", b"late");
    list.file(None, "directory then file", b"early");
    let late = list.dir(None, "directory then file");
    list.file(Some(late), "y", b"y");
    list.link(None, "twice", "file then directory");
    for existing in [Existing::Refuse, Existing::Overwrite, Existing::Rename, Existing::Skip] {
        let (place, outcome) = send_to(Wish { existing, ..Wish::default() }, &list).await;
        let expected = [1, 4, 6, 7, 8].map(|entry| (entry, NAME_REFUSED));
        assert_eq!(outcome.results, expected, "{existing:?}");
        let names = ["directory then file", "file then directory", "file then directory/x", "twice"];
        assert_eq!(place.names(), names);
        assert_eq!(fs::read(place.destination().join("twice")).unwrap(), b"first");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_names_and_long_paths() {
    let mut list = List::new();
    list.file(None, "n".repeat(255), b"fits");
    list.file(None, "n".repeat(256), b"does not");
    let mut parent = None;
    for _ in 0..20 {
        parent = Some(list.dir(parent, "d".repeat(250)));
    }
    list.file(parent, "deep", b"five thousand bytes");
    let (place, outcome) = send_to(Wish::default(), &list).await;
    assert_eq!(outcome.results, [(1, NAME_REFUSED)]);
    assert_eq!(place.names().len(), 22);
    must_fail(&List::of_file("n".repeat(1025), b"x")).await;
    must_fail(&List::of_file("n".repeat(70_000), b"x")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nesting_has_an_end() {
    for (depth, good) in [(512, true), (513, false), (10_000, false)] {
        let mut list = List::new();
        let mut parent = None;
        for _ in 0..depth {
            parent = Some(list.dir(parent, "d"));
        }
        if good {
            let (_, outcome) = send_to(Wish::default(), &list).await;
            assert_eq!(outcome.results, []);
        } else {
            must_fail(&list).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_our_own_directories_are_refused() {
    let mut list = List::new();
    list.file(None, ".sockeye-0011223344556677", b"x");
    let dir = list.dir(None, ".SOCKEYE-x");
    list.file(Some(dir), "journal", b"x");
    let below = list.dir(None, "d");
    list.file(Some(below), ".sockeye-0011223344556677", b"x");
    let (place, outcome) = send_to(Wish::default(), &list).await;
    assert_eq!(outcome.results, [0, 1, 2, 4].map(|entry| (entry, NAME_REFUSED)));
    assert_eq!(place.names(), ["d"]);
    assert_eq!(place.staging(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parents_that_cannot_be_end_the_transfer() {
    let mut list = List::new();
    let file = list.file(None, "file", b"x");
    list.file(Some(file), "below a file", b"x");
    must_fail(&list).await;
    let mut list = List::new();
    let link = list.link(None, "link", "elsewhere");
    list.file(Some(link), "below a link", b"x");
    must_fail(&list).await;
    for parent in [1, 7, u32::MAX] {
        let mut list = List::of_file("x", b"x");
        list.items[0].parent = Some(parent);
        list.dir(None, "a later one");
        must_fail(&list).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_that_cannot_be_end_the_transfer() {
    let of = |change: &dyn Fn(&mut Item)| {
        let mut list = List::of_file("x", b"x");
        change(&mut list.items[0]);
        list
    };
    for list in [
        of(&|item| item.mode = 0o10_000),
        of(&|item| item.mode = u64::MAX),
        of(&|item| item.nanos = 1_000_000_000),
        of(&|item| item.source = vec![7; 65]),
        of(&|item| item.flags = 3),
        of(&|item| item.flags = 4),
        of(&|item| item.flags = 7),
        of(&|item| item.flags = 0x81),
        of(&|item| item.extra = vec![1, 0]),
        of(&|item| item.extra = vec![2, 0, 2, 0]),
        of(&|item| item.extra = vec![0x80]),
    ] {
        must_fail(&list).await;
    }
    let mut list = List::of_file("a", b"x");
    list.file(None, "b", b"x");
    list.items[0].size = u64::MAX;
    must_fail(&list).await;
    let mut list = List::new();
    list.stream("stream");
    list.file(None, "after a stream", b"x");
    must_fail(&list).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_and_executable_names_are_shown_before_the_yes() {
    let mut list = List::new();
    let ssh = list.dir(None, ".ssh");
    list.file(Some(ssh), "authorized_keys", b"ssh-ed25519 mine");
    list.file(None, ".bashrc", b"reboot");
    let dir = list.dir(None, "d");
    let tool = list.file(Some(dir), "tool", b"#!/bin/sh");
    list.items[tool as usize].mode = 0o755;
    let mut victim = Victim::receiver_with(Place::new(), Wish::ask()).await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    session.say(&list.offer(1)).await;
    let offer = victim.offer().await;
    assert!(offer.hidden.contains(&b".bashrc".to_vec()));
    assert!(offer.hidden.contains(&b".ssh/authorized_keys".to_vec()), "{:?}", offer.hidden);
    assert_eq!(offer.executable, [b"d/tool".to_vec()]);
    victim.place.assert_empty();
    drop(session);
    victim.cancel().await.0.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_does_not_count_one_roots_files_as_anothers() {
    let mut list = List::new();
    let (large, small) = (list.dir(None, "large"), list.dir(None, "small"));
    list.file(Some(large), "f", &[7; 5000]);
    list.file(Some(small), "g", &[7; 3]);
    list.file(Some(large), "h", &[7; 5000]);
    let mut victim = Victim::receiver_with(Place::new(), Wish::ask()).await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    session.say(&list.offer(1)).await;
    let roots: Vec<_> =
        victim.offer().await.roots.into_iter().map(|root| (root.name, root.entries, root.bytes)).collect();
    assert_eq!(roots, [(b"large".to_vec(), 3, 10_000), (b"small".to_vec(), 2, 3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn escapes_in_names_and_texts_stay_data() {
    const EVIL: &str = "\x1b[2J\x1b]0;title\x07\r\n\t\u{202e}txt.exe\u{200b}\u{9b}31m";
    let mut list = List::new();
    list.file(None, EVIL, b"x");
    let mut hostile = Hostile::new();
    hostile.name = Some(EVIL.to_owned());
    let mut victim = Victim::receiver().await;
    let mut session = hostile.session(victim.address, &victim.code).await;
    session.say(&[crate::wire::offer(&[1; 32], 0), crate::wire::note(EVIL.as_bytes(), 9, EVIL)]).await;
    session.say(&list.messages()).await;
    let Event::Paired { peer } = victim.event(|event| matches!(event, Event::Paired { .. })).await else {
        unreachable!()
    };
    let Event::Failed(failure) = victim.event(|event| matches!(event, Event::Failed(_))).await else {
        unreachable!()
    };
    assert_eq!(peer.name.as_deref(), Some(EVIL));
    assert_eq!((failure.path.as_slice(), failure.text.as_str()), (EVIL.as_bytes(), EVIL));
    // The library hands the bytes over as they are; its one place for showing them makes them harmless.
    for shown in [escape::terminal(EVIL.as_bytes()), escape::terminal(&failure.path)] {
        assert!(shown.chars().all(|c| !c.is_control() && !"\u{202e}\u{200b}".contains(c)), "{shown:?}");
    }
    assert!(honest::serve_and_leave(session, &list).await.complete);
    let (place, summary) = victim.succeeds().await;
    assert_eq!((place.names().as_slice(), summary.failed), ([EVIL.to_owned()].as_slice(), 1));
}
