//! Links, modes, times and kinds of files from the peer; links that somebody planted at the destination.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
};

use sockeye::Existing;

use crate::{
    honest,
    list::{Item, List},
    peer::Hostile,
    victim::{Place, Victim, Wish},
};

const KIND_REFUSED: u8 = 7;
const NAME_REFUSED: u8 = 6;

async fn send_to(place: Place, wish: Wish, list: &List) -> (Place, honest::Outcome) {
    let victim = Victim::receiver_with(place, wish).await;
    let session = Hostile::new().session(victim.address, &victim.code).await;
    let outcome = honest::send(session, 1, list).await;
    (victim.succeeds().await.0, outcome)
}

fn policies() -> [Wish; 4] {
    [Existing::Refuse, Existing::Overwrite, Existing::Rename, Existing::Skip]
        .map(|existing| Wish { existing, ..Wish::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_that_lead_out_are_refused() {
    let targets: [&[u8]; 11] = [
        b"/etc/passwd",
        b"/",
        b"..",
        b"../up2/secret",
        b"../../srv/up2",
        b"d/../../up2",
        b"./../up2",
        b"d/../..",
        b".",
        b"elsewhere",
        b".sockeye-0011223344556677/journal",
    ];
    let mut list = List::new();
    list.dir(None, "d");
    for (number, target) in targets.iter().enumerate() {
        list.link(None, format!("link {number}"), target);
    }
    let (place, outcome) = send_to(Place::new(), Wish::default(), &list).await;
    assert_eq!(outcome.statuses(), [KIND_REFUSED; 11]);
    assert_eq!(place.names(), ["d"]);
    place.assert_outside_untouched();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_out_and_then_a_file_below_it() {
    // The link's own path comes again as a directory with a file in it, before and after.
    for link_first in [true, false] {
        let mut list = List::new();
        if link_first {
            list.link(None, "A", "../up2");
        }
        let dir = list.dir(None, "A");
        list.file(Some(dir), "secret", b"overwritten");
        if !link_first {
            list.link(None, "A", "../up2");
        }
        for wish in policies() {
            let (place, outcome) = send_to(Place::new(), wish, &list).await;
            assert!(!outcome.results.is_empty());
            place.assert_outside_untouched();
            assert!(!place.destination().join("A").is_symlink());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_that_lead_out_together() {
    // Each target is inside if what it leads through is what it seems to be.
    let mut list = List::new();
    let deep = list.dir(None, "deep");
    let deeper = list.dir(Some(deep), "deeper");
    list.link(None, "hop", "deep/deeper");
    list.link(None, "out", "hop/../../../up2/secret");
    list.link(Some(deeper), "up", "../..");
    list.link(None, "through", "deep/deeper/up/../up2/secret");
    let (place, outcome) = send_to(Place::new(), Wish::default(), &list).await;
    for entry in [3, 5] {
        assert!(outcome.results.contains(&(entry, KIND_REFUSED)), "{:?}", outcome.results);
    }
    for name in place.names() {
        let real = fs::canonicalize(place.destination().join(name)).unwrap();
        assert!(real.starts_with(fs::canonicalize(place.destination()).unwrap()), "{real:?}");
    }
    place.assert_outside_untouched();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loops_of_links_hang_nobody() {
    let mut list = List::new();
    let dir = list.dir(None, "d");
    list.link(Some(dir), "self", "self");
    list.link(Some(dir), "a", "b");
    list.link(Some(dir), "b", "a");
    list.link(Some(dir), "into myself", "../d");
    list.file(Some(dir), "file", b"x");
    let (place, outcome) = send_to(Place::new(), Wish::default(), &list).await;
    assert!(outcome.complete);
    assert!(place.destination().join("d/file").is_file());
    // Again, now that the loops are there.
    let (place, outcome) =
        send_to(place, Wish { existing: Existing::Overwrite, ..Wish::default() }, &list).await;
    assert!(outcome.complete);
    assert!(place.destination().join("d/file").is_file());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_that_cannot_be() {
    for target in [b"".as_slice(), b"a\0b"] {
        let victim = Victim::receiver().await;
        let session = Hostile::new().session(victim.address, &victim.code).await;
        let mut list = List::new();
        list.link(None, "link", target);
        assert!(!honest::send(session, 1, &list).await.complete);
        victim.fails().await.0.assert_empty();
    }
    let mut list = List::new();
    list.link(None, "link", "t".repeat(4097));
    let victim = Victim::receiver().await;
    let session = Hostile::new().session(victim.address, &victim.code).await;
    assert!(!honest::send(session, 1, &list).await.complete);
    victim.fails().await.0.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_planted_at_final_names_and_parents() {
    let mut list = List::new();
    let dir = list.dir(None, "parent");
    list.file(Some(dir), "secret", b"overwritten");
    list.file(None, "name", b"overwritten too");
    list.file(None, "large", &[7; 300_000]);
    for wish in policies() {
        let place = Place::new();
        let outside = place.destination().join("../up2");
        symlink(&outside, place.destination().join("parent")).unwrap();
        for name in ["name", "large"] {
            symlink(outside.join("secret"), place.destination().join(name)).unwrap();
        }
        let existing = wish.existing;
        let (place, outcome) = send_to(place, wish, &list).await;
        assert!(outcome.complete);
        place.assert_outside_untouched();
        assert!(place.destination().join("parent").is_symlink());
        if existing == Existing::Overwrite {
            // The link itself gave way.
            assert_eq!(fs::read(place.destination().join("name")).unwrap(), b"overwritten too");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setuid_setgid_and_sticky_do_not_arrive() {
    let mut list = List::new();
    let dir = list.dir(None, "d");
    list.items[0].mode = 0o7777;
    list.file(Some(dir), "small", b"#!/bin/sh");
    list.file(Some(dir), "large", &[7; 300_000]);
    list.file(Some(dir), "empty", b"");
    for item in &mut list.items[1..] {
        item.mode = 0o7777;
    }
    let place = Place::new();
    fs::set_permissions(place.destination(), fs::Permissions::from_mode(0o750)).unwrap();
    let (place, outcome) = send_to(place, Wish::default(), &list).await;
    assert_eq!(outcome.results, []);
    for name in ["d", "d/small", "d/large", "d/empty"] {
        let mode = fs::metadata(place.destination().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7000, 0, "{name}: {mode:o}");
        assert_eq!(mode & 0o022, 0, "{name}: the umask counts: {mode:o}");
    }
    let root = fs::metadata(place.destination()).unwrap().permissions().mode();
    assert_eq!(root & 0o7777, 0o750, "the destination itself is nobody's entry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modes_and_times_do_not_go_through_links() {
    // A link with a mode and a time of its own, to a file of the transfer. It leads there from its place, and from the
    // directory of unfinished files too, where it is made.
    let mut list = List::new();
    let dir = list.dir(None, "d");
    list.file(None, "file", b"x");
    let link = list.link(Some(dir), "link", "../file");
    list.items[link as usize] = Item { mode: 0o777, seconds: 1, ..list.items[link as usize].clone() };
    let (place, outcome) = send_to(Place::new(), Wish::default(), &list).await;
    assert_eq!(outcome.results, []);
    let file = fs::metadata(place.destination().join("d/link")).unwrap();
    assert!(file.is_file(), "the link leads to the file");
    assert_eq!(file.permissions().mode() & 0o777, 0o644);
    assert_eq!(file.mtime(), 1_700_000_000);
    let link = fs::symlink_metadata(place.destination().join("d/link")).unwrap();
    assert!(link.is_symlink());
    assert_eq!(link.mtime(), 1, "the time is the link's own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_that_no_calendar_has() {
    let mut list = List::new();
    for (number, seconds) in [i64::MIN, i64::MAX, -1, 1 << 40, -(1 << 40)].into_iter().enumerate() {
        let at = list.file(None, format!("file {number}"), b"x");
        list.items[at as usize].seconds = seconds;
        let at = list.dir(None, format!("dir {number}"));
        list.items[at as usize].seconds = seconds;
    }
    let (place, outcome) = send_to(Place::new(), Wish::default(), &list).await;
    assert!(outcome.complete);
    // Whether such a time can be set is the file system's affair; the transfer goes on.
    assert!(place.destination().join("file 2").is_file());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_size_that_no_disk_holds() {
    let mut list = List::new();
    for (name, size) in [("huge", 1u64 << 62), ("larger than any file", i64::MAX as u64)] {
        let at = list.file(None, name, &[7; 2 << 18]);
        list.items[at as usize].size = size;
    }
    let small = list.file(None, "small", b"arrives");
    let victim = Victim::receiver().await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    session.say(&list.offer(1)).await;
    assert!(session.until(crate::wire::kind::NEED_END).await.is_some());
    // Two blocks of each, as if all were well.
    for (entry, first) in [(0, 0), (1, 1u64 << 44)] {
        for number in 0..2 {
            let body = vec![7; 1 << 18];
            let digest = sockeye_proto::content::range_digest(number << 18, &body, false);
            let kind = sockeye_proto::transfer::DataKind::Range;
            let header = crate::list::header(kind, entry, first + number, &body, digest);
            session.data(&header, &body).await;
        }
    }
    let told = tokio::time::timeout(std::time::Duration::from_secs(1), session.hear()).await;
    drop(session);
    let (place, error) = match told {
        Ok(_) => victim.fails().await,
        // It waits for the rest.
        Err(_) => (victim.cancel().await.0, sockeye::Error::Cancelled),
    };
    assert!(!matches!(error, sockeye::Error::Internal { .. }), "{error:?}");
    let _ = small;
    place.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_refused_takes_what_is_below_with_it() {
    let mut list = List::new();
    let bad = list.dir(None, "n".repeat(300));
    let dir = list.dir(Some(bad), "d");
    list.file(Some(dir), "large", &[7; 300_000]);
    list.link(Some(dir), "link", "large");
    let (place, outcome) = send_to(Place::new(), Wish::default(), &list).await;
    assert_eq!(outcome.statuses(), [NAME_REFUSED; 4]);
    assert_eq!(outcome.needed, []);
    place.assert_empty();
}
