//! Tests of what is kept between runs.

use std::{
    fmt::Write,
    fs::{self, File, FileTimes},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use proptest::prelude::*;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{
    Home, HomeError, MAX_NAME_CHARS, MAX_PEERS, MAX_RUN_PEERS, MAX_RUNS, NameRefused, Permissions,
    RUN_EXPIRES, ReceivedRun, RunPeer, Runs, SentRun, TrustStore, hex, load_or_create_identity, time,
};

const ALL: Permissions = Permissions { may_send: true, may_receive: true, accept: true };

fn home() -> (TempDir, Home) {
    let directory = TempDir::new().unwrap();
    let home = Home::at(&directory.path().join("home"));
    (directory, home)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn key(number: u8) -> Zeroizing<[u8; 32]> {
    Zeroizing::new([number; 32])
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A private file with these bytes in a fresh directory of ours.
fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    set_mode(path.parent().unwrap(), 0o700);
    fs::write(path, bytes).unwrap();
    set_mode(path, 0o600);
}

mod identity {
    use super::*;

    #[test]
    fn is_made_once_and_for_its_owner_only() {
        let (_keep, home) = home();
        let first = load_or_create_identity(&home).unwrap();
        assert_eq!(load_or_create_identity(&home).unwrap(), first);
        assert_eq!((mode(&home.config), mode(&home.config.join("identity.pk8"))), (0o700, 0o600));
        let public =
            |document: &[u8]| Ed25519KeyPair::from_pkcs8(document).unwrap().public_key().as_ref().to_vec();
        let (_keep, other) = super::home();
        assert_ne!(public(&first), public(&load_or_create_identity(&other).unwrap()));
        let left: Vec<_> = fs::read_dir(&home.config).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary files");
    }

    #[test]
    fn is_the_same_for_all_that_come_first() {
        let (_keep, home) = home();
        let made: Vec<_> = thread::scope(|scope| {
            let all: Vec<_> =
                (0..8).map(|_| scope.spawn(|| load_or_create_identity(&home).unwrap())).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(made.iter().all(|one| *one == made[0]));
        assert_eq!(load_or_create_identity(&home).unwrap(), made[0]);
    }

    #[test]
    fn is_refused_when_others_can_read_it() {
        let (_keep, home) = home();
        load_or_create_identity(&home).unwrap();
        let path = home.config.join("identity.pk8");
        for exposed in [0o640, 0o604, 0o620, 0o644] {
            set_mode(&path, exposed);
            let error = load_or_create_identity(&home).unwrap_err();
            assert!(
                matches!(&error, HomeError::Exposed { path: at, mode } if *at == path && *mode == exposed)
            );
            let shown = error.to_string();
            assert!(
                shown.contains("identity.pk8")
                    && shown.contains(&format!("{exposed:04o}"))
                    && shown.contains("chmod")
            );
        }
        set_mode(&path, 0o400);
        load_or_create_identity(&home).unwrap();
        set_mode(&home.config, 0o755);
        load_or_create_identity(&home).unwrap();
        set_mode(&home.config, 0o770);
        assert!(matches!(load_or_create_identity(&home), Err(HomeError::Exposed { .. })));
    }

    #[test]
    fn is_never_replaced_when_damaged() {
        for bytes in [&b""[..], b"not a key", &[0x30; 2000]] {
            let (_keep, home) = home();
            let path = home.config.join("identity.pk8");
            put(&path, bytes);
            let error = load_or_create_identity(&home).unwrap_err();
            assert!(matches!(&error, HomeError::Corrupt { path: at, .. } if *at == path), "{error}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        let (_keep, home) = home();
        fs::create_dir_all(home.config.join("identity.pk8")).unwrap();
        set_mode(&home.config, 0o700);
        assert!(matches!(load_or_create_identity(&home), Err(HomeError::Corrupt { .. })));
    }

    #[test]
    fn needs_a_directory() {
        let (keep, _) = home();
        fs::write(keep.path().join("file"), b"").unwrap();
        let home = Home { config: keep.path().join("file"), state: keep.path().join("state") };
        assert!(matches!(load_or_create_identity(&home), Err(HomeError::Io { .. })));
    }
}

mod trust {
    use super::*;

    fn store() -> (TempDir, Home, TrustStore) {
        let (keep, home) = home();
        let store = TrustStore::open(&home).unwrap();
        (keep, home, store)
    }

    #[test]
    fn begins_empty_and_leaves_no_file() {
        let (_keep, home, store) = store();
        assert!(store.list().is_empty());
        assert!(!home.config.join("peers.toml").exists());
    }

    #[test]
    fn remembers_finds_renames_and_forgets() {
        let (_keep, home, mut store) = store();
        store.add("laptop", [1; 32], &key(11), ALL, at(1000)).unwrap();
        store.add("Anna's phone", [2; 32], &key(22), Permissions::default(), at(2000)).unwrap();
        let again = TrustStore::open(&home).unwrap();
        assert_eq!(again.list(), store.list());
        let names: Vec<_> = again.list().iter().map(|peer| peer.name.as_str()).collect();
        assert_eq!(names, ["laptop", "Anna's phone"]);
        let known = again.find_by_identity(&[2; 32]).unwrap();
        assert_eq!((known.peer.name.as_str(), known.pair_key), ("Anna's phone", &key(22)));
        assert!(!(known.peer.may_send || known.peer.may_receive || known.peer.accept));
        let known = again.find_by_name("laptop").unwrap();
        assert!(known.peer.may_send && known.peer.may_receive && known.peer.accept);
        assert_eq!((known.peer.identity, known.pair_key), ([1; 32], &key(11)));
        assert_eq!(again.known().count(), 2);
        assert!(again.find_by_name("desktop").is_none() && again.find_by_identity(&[3; 32]).is_none());

        store.rename("laptop", "desktop").unwrap();
        assert!(matches!(store.rename("laptop", "x"), Err(HomeError::UnknownName(name)) if name == "laptop"));
        assert!(matches!(store.rename("desktop", "Anna's phone"), Err(HomeError::NameTaken(_))));
        store.rename("desktop", "desktop").unwrap();
        store.remove("Anna's phone").unwrap();
        assert!(matches!(store.remove("Anna's phone"), Err(HomeError::UnknownName(_))));
        let again = TrustStore::open(&home).unwrap();
        assert_eq!(again.list().len(), 1);
        assert_eq!(again.find_by_name("desktop").unwrap().pair_key, &key(11), "keys stay with their peers");
    }

    #[test]
    fn the_same_identity_again_keeps_when_it_was_first_seen() {
        let (_keep, _, mut store) = store();
        store.add("laptop", [1; 32], &key(11), ALL, at(1000)).unwrap();
        store.add("work laptop", [1; 32], &key(12), Permissions::default(), at(5000)).unwrap();
        let [peer] = store.list() else { panic!() };
        assert_eq!(
            (peer.name.as_str(), peer.first_seen, peer.last_seen),
            ("work laptop", at(1000), at(5000))
        );
        assert_eq!(store.find_by_identity(&[1; 32]).unwrap().pair_key, &key(12));
        let taken = store.add("work laptop", [2; 32], &key(13), ALL, at(6000));
        assert!(matches!(taken, Err(HomeError::NameTaken(_))));
        assert_eq!(store.list().len(), 1);
    }

    #[test]
    fn updates_all_but_the_identity() {
        let (_keep, home, mut store) = store();
        store.add("laptop", [1; 32], &key(11), ALL, at(1000)).unwrap();
        store
            .update(&[1; 32], |peer| {
                peer.identity = [9; 32];
                peer.first_seen = at(1);
                peer.last_seen = at(7000) + Duration::from_millis(400);
                peer.accept = false;
                peer.name = "desk".to_owned();
            })
            .unwrap();
        let again = TrustStore::open(&home).unwrap();
        assert_eq!(again.list(), store.list());
        let [peer] = again.list() else { panic!() };
        assert_eq!((peer.identity, peer.first_seen, peer.last_seen), ([1; 32], at(1000), at(7000)));
        assert!(!peer.accept && peer.may_send && peer.name == "desk");
        assert!(matches!(store.update(&[2; 32], |_| {}), Err(HomeError::UnknownIdentity)));
        assert!(matches!(store.update(&[1; 32], |peer| peer.name.clear()), Err(HomeError::Name(_))));
        assert_eq!(store.list()[0].name, "desk");
    }

    #[test]
    fn the_file_can_be_read_by_people_and_by_its_owner_only() {
        let (_keep, home, mut store) = store();
        store.add("laptop", [0xab; 32], &key(0xcd), ALL, at(1_795_413_600)).unwrap();
        let path = home.config.join("peers.toml");
        assert_eq!(
            (mode(&path), mode(&home.config), mode(&home.config.join("peers.lock"))),
            (0o600, 0o700, 0o600)
        );
        let expected = format!(
            "# Peers that this machine remembers, and the secrets it shares with them: keep this file to yourself.
# `sockeye trust` lists and changes it.

version = 1

[[peer]]
name = \"laptop\"
identity = \"{}\"
pair_key = \"{}\"
may_send = true
may_receive = true
accept = true
first_seen = 2026-11-23T06:00:00Z
last_seen = 2026-11-23T06:00:00Z
",
            "ab".repeat(32),
            "cd".repeat(32)
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        set_mode(&path, 0o644);
        assert!(matches!(TrustStore::open(&home), Err(HomeError::Exposed { .. })));
        assert!(matches!(store.remove("laptop"), Err(HomeError::Exposed { .. })));
    }

    #[test]
    fn several_at_once_lose_nothing() {
        let (_keep, home, store) = store();
        drop(store);
        thread::scope(|scope| {
            for writer in 0..6u8 {
                let home = &home;
                scope.spawn(move || {
                    let mut store = TrustStore::open(home).unwrap();
                    for entry in 0..5u8 {
                        let identity = [writer * 16 + entry; 32];
                        store
                            .add(&format!("peer {writer} {entry}"), identity, &key(entry), ALL, at(1))
                            .unwrap();
                        // Readers see a whole file at every moment.
                        TrustStore::open(home).unwrap();
                    }
                    store.remove(&format!("peer {writer} 0")).unwrap();
                });
            }
        });
        let store = TrustStore::open(&home).unwrap();
        assert_eq!(store.list().len(), 6 * 4);
        let files: Vec<_> =
            fs::read_dir(&home.config).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(files.len(), 2, "{files:?}");
    }

    #[test]
    fn what_another_process_changed_is_seen() {
        let (_keep, home, mut store) = store();
        let mut other = TrustStore::open(&home).unwrap();
        other.add("laptop", [1; 32], &key(1), ALL, at(1)).unwrap();
        assert!(store.list().is_empty());
        store.reload().unwrap();
        assert_eq!(store.list().len(), 1);
        other.rename("laptop", "desk").unwrap();
        store.add("laptop", [2; 32], &key(2), ALL, at(1)).unwrap();
        assert_eq!(
            store.list().iter().map(|peer| peer.name.as_str()).collect::<Vec<_>>(),
            ["desk", "laptop"]
        );
    }

    #[test]
    fn damaged_files_are_named_and_left_alone_and_not_quoted() {
        let (secret, good) = ("5e".repeat(32), "ab".repeat(32));
        let row = |identity: &str, pair_key: &str, seen: &str| {
            format!(
                "version = 1\n[[peer]]\nname = \"x\"\nidentity = \"{identity}\"\npair_key = {pair_key}\nmay_send = true\n\
                 may_receive = true\naccept = true\nfirst_seen = {seen}\nlast_seen = {seen}\n"
            )
        };
        let (quoted, seen) = (format!("\"{secret}\""), "2026-11-23T06:00:00Z");
        let twice = row(&good, &quoted, seen) + &row(&good, &quoted, seen)["version = 1\n".len()..];
        let damaged = [
            String::new(),
            "\0\u{1}".to_owned(),
            "version = 0".to_owned(),
            "version = \"1\"".to_owned(),
            "version = 1\npeers = []".to_owned(),
            row(&good, &format!("{quoted} oops"), seen),
            row(&good, &format!("\"{secret}"), seen),
            row(&good, &format!("[\"{secret}\"]"), seen),
            row(&good, &format!("\"{secret}00\""), seen),
            row(&good, &format!("\"{}\"", secret.replace('e', "g")), seen),
            row(&good, "1", seen),
            row(&good[2..], &quoted, seen),
            row(&good, &quoted, "2026-11-23"),
            row(&good, &quoted, "06:00:00"),
            row(&good, &quoted, "\"now\""),
            row(&good, &quoted, seen).replace("\"x\"", "\"a/b\""),
            row(&good, &quoted, seen).replace("may_send = true\n", ""),
            row(&good, &quoted, seen).replace("accept", "acept"),
            twice,
        ];
        for text in damaged {
            let (_keep, home) = home();
            let path = home.config.join("peers.toml");
            put(&path, text.as_bytes());
            let error = TrustStore::open(&home).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(matches!(&error, HomeError::Corrupt { path: at, .. } if *at == path), "{text}\n{shown}");
            assert!(
                shown.contains("peers.toml") && !shown.contains("5e5e") && !shown.contains("5g5g"),
                "{shown}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_store_does_not_write_over_a_file_that_was_damaged_meanwhile() {
        let (_keep, home, mut store) = store();
        store.add("laptop", [1; 32], &key(1), ALL, at(1)).unwrap();
        let path = home.config.join("peers.toml");
        fs::write(&path, "version = 1\n[[peer").unwrap();
        assert!(matches!(store.add("desk", [2; 32], &key(2), ALL, at(1)), Err(HomeError::Corrupt { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "version = 1\n[[peer");
        fs::write(&path, "version = 2\nwhatever = 1").unwrap();
        assert!(matches!(store.remove("laptop"), Err(HomeError::Newer { version: 2, .. })));
        fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
        assert!(matches!(store.reload(), Err(HomeError::Corrupt { .. })));
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(store.reload(), Err(HomeError::Corrupt { .. })));
    }

    #[test]
    fn is_bounded() {
        let (_keep, home) = home();
        let (mut text, seen) = ("version = 1\n".to_owned(), "2026-11-23T06:00:00Z");
        for number in 0..MAX_PEERS {
            let mut identity = [0; 32];
            identity[..8].copy_from_slice(&number.to_be_bytes());
            let (identity, pair_key) = (hex::encode(&identity), "00".repeat(32));
            write!(
                text,
                "[[peer]]\nname = \"peer {number}\"\nidentity = \"{}\"\npair_key = \"{pair_key}\"\nmay_send = true\n\
                 may_receive = true\naccept = true\nfirst_seen = {seen}\nlast_seen = {seen}\n",
                *identity,
            )
            .unwrap();
        }
        put(&home.config.join("peers.toml"), text.as_bytes());
        let mut store = TrustStore::open(&home).unwrap();
        assert!(matches!(
            store.add("one more", [1; 32], &key(1), ALL, at(1)),
            Err(HomeError::Full { limit: MAX_PEERS, .. })
        ));
        store.remove("peer 7").unwrap();
        store.add("one more", [1; 32], &key(1), ALL, at(1)).unwrap();
        assert_eq!(TrustStore::open(&home).unwrap().list().len(), MAX_PEERS);
    }

    #[test]
    fn names() {
        let (_keep, _, mut store) = store();
        let long = "é".repeat(MAX_NAME_CHARS);
        for (index, name) in
            ["a", "laptop", "Anna's phone", "端末", "फ़ोन", "büro-2.local", &long].iter().enumerate()
        {
            store.add(name, [u8::try_from(index).unwrap(); 32], &key(1), ALL, at(1)).unwrap();
        }
        let table = [
            ("", NameRefused::Empty),
            (&"é".repeat(MAX_NAME_CHARS + 1), NameRefused::TooLong),
            (&"a".repeat(1 << 20), NameRefused::TooLong),
            ("-y", NameRefused::Edge),
            (" a", NameRefused::Edge),
            ("a ", NameRefused::Edge),
            ("a\nb", NameRefused::Character('\n')),
            ("a\tb", NameRefused::Character('\t')),
            ("a\u{1b}[2J", NameRefused::Character('\u{1b}')),
            ("a\0", NameRefused::Character('\0')),
            ("a\u{202e}b", NameRefused::Character('\u{202e}')),
            ("a\u{200b}b", NameRefused::Character('\u{200b}')),
            ("a\u{a0}b", NameRefused::Character('\u{a0}')),
            ("a/b", NameRefused::Character('/')),
            ("a@b", NameRefused::Character('@')),
            ("host:1", NameRefused::Character(':')),
        ];
        for (name, expected) in table {
            let refused = store.add(name, [99; 32], &key(1), ALL, at(1));
            assert!(matches!(refused, Err(HomeError::Name(why)) if why == expected), "{name:?}");
            assert!(matches!(store.rename("a", name), Err(HomeError::Name(_))));
        }
        // One spelling: composed and decomposed are the same name.
        store.add("cafe\u{301}", [50; 32], &key(1), ALL, at(1)).unwrap();
        assert_eq!(store.find_by_name("caf\u{e9}").unwrap().peer.identity, [50; 32]);
        assert!(store.find_by_name("cafe\u{301}").is_some());
        assert!(matches!(
            store.add("caf\u{e9}", [51; 32], &key(1), ALL, at(1)),
            Err(HomeError::NameTaken(_))
        ));
        store.remove("cafe\u{301}").unwrap();
    }

    #[test]
    fn shows_no_secrets() {
        let (_keep, _, mut store) = store();
        store.add("laptop", [1; 32], &key(77), ALL, at(1)).unwrap();
        let shown = format!("{store:?} {:?}", store.find_by_name("laptop").unwrap());
        assert!(shown.contains("laptop") && !shown.contains("77"), "{shown}");
    }
}

mod runs {
    use super::*;

    fn runs() -> (TempDir, Home, Runs) {
        let (keep, home) = home();
        let runs = Runs::open(&home, SystemTime::now()).unwrap();
        (keep, home, runs)
    }

    fn peer(number: u8) -> RunPeer {
        RunPeer { identity: [number; 32], pair_key: key(number ^ 0xff) }
    }

    fn now() -> SystemTime {
        time::whole_seconds(SystemTime::now())
    }

    fn sent(number: u8) -> SentRun {
        SentRun { transfer_key: [number; 32], nameplate: 4821, peers: vec![peer(1), peer(2)], touched: now() }
    }

    fn received(nameplate: u16, number: u8, age: u64) -> ReceivedRun {
        ReceivedRun { nameplate, peer: peer(number), touched: now() - Duration::from_secs(age) }
    }

    fn count(home: &Home) -> usize {
        fs::read_dir(home.state.join("runs")).unwrap().count()
    }

    fn age(path: &Path, age: Duration) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(SystemTime::now() - age)).unwrap();
    }

    #[test]
    fn come_back_as_they_were_kept() {
        let (_keep, home, runs) = runs();
        assert_eq!(runs.sent(&[1; 32]).unwrap(), None);
        runs.save_sent(&sent(1)).unwrap();
        runs.save_sent(&SentRun { peers: vec![], ..sent(2) }).unwrap();
        let again = Runs::open(&home, SystemTime::now()).unwrap();
        assert_eq!(again.sent(&[1; 32]).unwrap().unwrap().peers, sent(1).peers);
        assert_eq!(again.sent(&[2; 32]).unwrap().unwrap().peers, []);
        runs.save_sent(&SentRun { nameplate: 77, ..sent(1) }).unwrap();
        assert_eq!(again.sent(&[1; 32]).unwrap().unwrap().nameplate, 77);
        assert_eq!(count(&home), 2);
        runs.remove_sent(&[1; 32]).unwrap();
        runs.remove_sent(&[1; 32]).unwrap();
        assert_eq!(again.sent(&[1; 32]).unwrap(), None);
    }

    #[test]
    fn one_nameplate_may_have_been_that_of_several_senders() {
        let (_keep, _, runs) = runs();
        for run in [received(4821, 1, 50), received(4821, 2, 10), received(4821, 3, 90), received(482, 4, 0)]
        {
            runs.save_received(&run).unwrap();
        }
        let identities = |nameplate| -> Vec<u8> {
            runs.received(nameplate).unwrap().iter().map(|run| run.peer.identity[0]).collect()
        };
        assert_eq!(identities(4821), [2, 1, 3], "the latest first");
        assert_eq!(identities(482), [4]);
        assert_eq!(identities(48), []);
        assert_eq!(runs.received(482).unwrap()[0].peer, peer(4));
        runs.remove_received(4821, &[2; 32]).unwrap();
        assert_eq!(identities(4821), [1, 3]);
    }

    #[test]
    fn are_for_their_owner_only() {
        let (_keep, home, runs) = runs();
        runs.save_sent(&sent(1)).unwrap();
        runs.save_received(&received(4821, 1, 0)).unwrap();
        assert_eq!((mode(&home.state), mode(&home.state.join("runs"))), (0o700, 0o700));
        for file in fs::read_dir(home.state.join("runs")).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        let path = home.state.join("runs").join(format!("sent-{}.toml", "01".repeat(8)));
        set_mode(&path, 0o644);
        assert!(matches!(runs.sent(&[1; 32]), Err(HomeError::Exposed { .. })));
        let shown = format!("{:?} {:?}", sent(1), received(4821, 1, 0));
        assert!(!shown.contains("254") && shown.contains("4821"), "{shown}");
    }

    #[test]
    fn expire_after_a_week() {
        let (_keep, home, runs) = runs();
        for number in 1..=3 {
            runs.save_received(&received(4821, number, 0)).unwrap();
        }
        let path = |number: u8| {
            home.state.join("runs").join(format!("received-4821-{}.toml", format!("{number:02x}").repeat(8)))
        };
        age(&path(1), RUN_EXPIRES + Duration::from_secs(60));
        age(&path(2), RUN_EXPIRES.checked_sub(Duration::from_secs(60)).unwrap());
        fs::write(home.state.join("runs/.new-abc"), b"half").unwrap();
        age(&home.state.join("runs/.new-abc"), RUN_EXPIRES * 2);
        fs::write(home.state.join("runs/notes.txt"), b"not ours").unwrap();
        age(&home.state.join("runs/notes.txt"), RUN_EXPIRES * 2);
        Runs::open(&home, SystemTime::now()).unwrap();
        assert!(!path(1).exists() && path(2).exists() && path(3).exists());
        assert!(!home.state.join("runs/.new-abc").exists() && home.state.join("runs/notes.txt").exists());
        // A clock that was set back removes nothing.
        Runs::open(&home, at(0)).unwrap();
        assert_eq!(runs.received(4821).unwrap().len(), 2);
    }

    #[test]
    fn are_bounded_and_the_oldest_go_first() {
        let (_keep, home, runs) = runs();
        for number in 0..=255u8 {
            runs.save_sent(&SentRun { peers: vec![], ..sent(number) }).unwrap();
            let path =
                home.state.join("runs").join(format!("sent-{}.toml", format!("{number:02x}").repeat(8)));
            age(&path, Duration::from_secs(1000 - u64::from(number)));
        }
        assert_eq!(count(&home), MAX_RUNS);
        // Replacing one needs no room.
        runs.save_sent(&SentRun { peers: vec![peer(1)], ..sent(9) }).unwrap();
        assert!(runs.sent(&[0; 32]).unwrap().is_some());
        runs.save_received(&received(1, 1, 0)).unwrap();
        assert_eq!(count(&home), MAX_RUNS);
        assert!(runs.sent(&[0; 32]).unwrap().is_none() && runs.sent(&[1; 32]).unwrap().is_some());
        let many = SentRun { peers: vec![peer(1); MAX_RUN_PEERS + 1], ..sent(5) };
        assert!(matches!(runs.save_sent(&many), Err(HomeError::Full { limit: MAX_RUN_PEERS, .. })));
        let many = SentRun { peers: vec![peer(1); MAX_RUN_PEERS], ..sent(5) };
        runs.save_sent(&many).unwrap();
        assert_eq!(runs.sent(&[5; 32]).unwrap().unwrap().peers.len(), MAX_RUN_PEERS);
    }

    #[test]
    fn damaged_ones_are_named_or_left_out() {
        let (_keep, home, runs) = runs();
        let directory = home.state.join("runs");
        put(&directory.join(format!("sent-{}.toml", "01".repeat(8))), b"version = 1\ntransfer =");
        assert!(matches!(runs.sent(&[1; 32]), Err(HomeError::Corrupt { .. })));
        runs.save_sent(&sent(2)).unwrap();
        fs::rename(
            directory.join(format!("sent-{}.toml", "02".repeat(8))),
            directory.join(format!("sent-{}.toml", "01".repeat(8))),
        )
        .unwrap();
        assert!(matches!(runs.sent(&[1; 32]), Err(HomeError::Corrupt { .. })), "another transfer's");

        runs.save_received(&received(7, 1, 0)).unwrap();
        put(&directory.join("received-7-x.toml"), b"version = 1");
        put(&directory.join("received-7-y.toml"), &[0xff; 100]);
        symlink("/dev/zero", directory.join("received-7-z.toml")).unwrap();
        assert_eq!(runs.received(7).unwrap().len(), 1);
    }
}

#[test]
fn a_home_below_a_directory() {
    let home = Home::at(Path::new("/x"));
    assert_eq!((home.config, home.state), ("/x/config".into(), "/x/state".into()));
}

#[test]
fn a_home_of_the_user_ends_with_our_name() {
    let home = Home::of_user().unwrap();
    assert!(home.config.ends_with("sockeye") && home.state.ends_with("sockeye") && home.config.is_absolute());
}

#[test]
fn moments_are_those_of_the_calendar() {
    let table = [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_799, "2000-02-29T23:59:59Z"),
        (951_868_800, "2000-03-01T00:00:00Z"),
        (1_709_164_800, "2024-02-29T00:00:00Z"),
        (1_735_689_599, "2024-12-31T23:59:59Z"),
        (1_795_413_600, "2026-11-23T06:00:00Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ];
    for (seconds, text) in table {
        assert_eq!(time::to_toml(at(seconds)).to_string(), text);
        assert_eq!(time::from_toml(&text.parse().unwrap()), Some(at(seconds)));
    }
    let before = UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(time::to_toml(before).to_string(), "1969-12-31T23:59:59Z");
    assert_eq!(time::from_toml(&"1969-12-31T23:59:59Z".parse().unwrap()), Some(before));
    assert_eq!(time::to_toml(at(1 << 40)).to_string(), "9999-12-31T23:59:59Z");
    assert_eq!(time::from_toml(&"2026-11-23T08:30:00+02:30".parse().unwrap()), Some(at(1_795_413_600)));
    assert_eq!(time::from_toml(&"2026-11-23T08:30:00".parse().unwrap()), None);
}

proptest! {
    #[test]
    fn moments_come_back(seconds in -62_167_219_200i64..=253_402_300_799, nanos in 0u32..1_000_000_000) {
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let moment = if seconds < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance };
        let written = time::to_toml(moment).to_string();
        prop_assert_eq!(time::from_toml(&written.parse().unwrap()), Some(moment));
        if seconds >= 0 {
            prop_assert_eq!(time::whole_seconds(moment + Duration::from_nanos(u64::from(nanos))), moment);
        }
    }

    #[test]
    fn hexadecimal_comes_back(bytes in any::<[u8; 32]>()) {
        let text = hex::encode(&bytes);
        prop_assert_eq!(hex::decode(&text), Some(bytes));
        prop_assert_eq!(hex::decode(&text.to_ascii_uppercase()), Some(bytes));
        prop_assert_eq!(hex::decode(&text[1..]), None);
        prop_assert_eq!(hex::decode(&format!("{}x", &text[1..])), None);
    }
}

proptest! {
    // Each case makes a directory.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_survived(text in "(version = 1\n)?[\\[\\]a-z_= \n\"0-9.-]{0,200}") {
        let (_keep, home) = home();
        put(&home.config.join("peers.toml"), text.as_bytes());
        if let Ok(store) = TrustStore::open(&home) {
            prop_assert!(store.list().is_empty());
        }
    }
}
