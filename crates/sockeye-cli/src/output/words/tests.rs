use std::path::PathBuf;

use super::*;

fn addresses(count: u8) -> Vec<SocketAddr> {
    (1..=count).map(|last| SocketAddr::from(([192, 168, 1, last], 46710))).collect()
}

fn a_code() -> Code {
    "4821-tulip-harbor".parse().expect("a code")
}

fn failed(path: &[u8], status: EntryStatus, text: &str) -> Failure {
    Failure { path: path.to_vec(), status, text: text.to_owned() }
}

#[test]
fn the_code_comes_with_the_exact_lines_to_type() {
    assert_eq!(
        code(&a_code(), &addresses(1), true, false).join("\n"),
        "Code: 4821-tulip-harbor\n\
         On the other machine type\n    \
         sockeye receive 4821-tulip-harbor\n\
         or, if that does not find this machine,\n    \
         sockeye receive 4821-tulip-harbor@192.168.1.1:46710"
    );
    assert_eq!(
        code(&a_code(), &addresses(1), true, true).join("\n"),
        "Code: 4821-tulip-harbor\n\
         On the other machine type\n    \
         sockeye receive 4821-tulip-harbor@192.168.1.1:46710"
    );
    assert_eq!(
        code(&a_code(), &addresses(1), false, false)[2],
        "    sockeye send PATH... --to 192.168.1.1:46710 --code 4821-tulip-harbor"
    );
    assert_eq!(code(&a_code(), &[], true, false).len(), 3);
    assert_eq!(code(&a_code(), &addresses(50), true, false).len(), 4 + LISTED_ADDRESSES);
}

#[test]
fn an_offer_shows_what_will_happen() {
    let offer = Offer {
        files: 2,
        directories: 1,
        symlinks: 1,
        bytes: 12_400_000,
        free: Some(250_000_000_000),
        destination: PathBuf::from("/home/ann/in"),
        roots: vec![
            OfferedRoot { name: b"photos".to_vec(), directory: true, entries: 3, bytes: 12_000_000 },
            OfferedRoot { name: b"\x1b[2Jx".to_vec(), directory: false, entries: 1, bytes: 400_000 },
        ],
        roots_total: 5,
        hidden: vec![b"photos/.ssh".to_vec()],
        hidden_total: 1,
        executable: vec![b"photos/run".to_vec()],
        executable_total: 1,
        existing: vec![b"photos/a.jpg".to_vec()],
        existing_total: 21,
        refused: vec![failed(b"CON", EntryStatus::NameRefused, "reserved")],
        refused_total: 1,
        ..Offer::default()
    };
    let text = super::offer(&offer, Existing::Overwrite, false).join("\n");
    assert_eq!(
        text,
        "The sender offers 2 files, 1 directory, 1 symbolic link, 12.4 MB:\n    \
         photos/   3 entries, 12.0 MB\n    \
         \\x1b[2Jx   400 kB\n    \
         and 3 more\n\
         It goes to /home/ann/in (250 GB free).\n\
         Here already (others than equal ones WILL BE REPLACED):\n    \
         photos/a.jpg\n    \
         and 20 more\n\
         Hidden (the name begins with a dot):\n    \
         photos/.ssh\n\
         Executable:\n    \
         photos/run\n\
         Will not be written:\n    \
         CON: the name cannot be used there (reserved)"
    );
}

#[test]
fn too_little_room_is_shouted() {
    let offer =
        Offer { bytes: 100, bytes_here: 10, free: Some(89), destination: "/in".into(), ..Offer::default() };
    let lines = super::offer(&offer, Existing::Refuse, false);
    assert!(lines.iter().any(|line| line.contains("only 89 B are free: THAT IS TOO LITTLE")), "{lines:?}");
}

#[test]
fn the_end_in_one_line() {
    let summary = Summary {
        files: 3,
        directories: 1,
        bytes: 12_400_000,
        elapsed: Duration::from_millis(1200),
        ..Summary::default()
    };
    let one = PathBuf::from("/in/photos");
    let line =
        |summary: &Summary, paths: &[&Path]| super::summary(summary, paths.iter().copied(), false).join("\n");
    assert_eq!(
        line(&summary, &[&one]),
        "Received 3 files in 1 directory, 12.4 MB in 1.2 s (10.3 MB/s): /in/photos"
    );
    let resumed = Summary { sent: true, bytes_here: 12_000_000, directories: 0, ..summary };
    assert_eq!(
        line(&resumed, &[&one, Path::new("/in/x\n")]),
        "Sent 3 files, 12.4 MB in 1.2 s (333 kB/s), 12.0 MB of it were there already:\n    /in/photos\n    /in/x\\n"
    );
}

#[test]
fn failures_are_listed_to_a_bound() {
    let many: Vec<Failure> = (0..30).map(|_| failed(b"a", EntryStatus::Exists, "")).collect();
    let lines = failures(&many, 1234);
    assert_eq!(lines.len(), 2 + LISTED_FAILURES);
    assert_eq!(lines[0], "1,234 entries did not arrive:");
    assert_eq!(lines[1], "    a: a different one is there and stays");
    assert_eq!(lines[21], "    and 1,214 more");
    let renamed = [failed(b"a", EntryStatus::Renamed, "a (2)")];
    assert_eq!(
        failures(&renamed, 0).join("\n"),
        "Written under another name, or skipped:\n    a: written under another name (a (2))"
    );
    assert!(failures(&[], 0).is_empty());
}

#[test]
fn hostile_names_are_only_characters() {
    let peer = Peer {
        identity: [0; 32],
        name: Some("\u{1b}]0;x\u{7}\u{202e}".to_owned()),
        remembered_as: None,
        address: "10.0.0.1:1".parse().expect("an address"),
    };
    let texts =
        [super::peer(&peer), failure(&failed(b"\x1b[1A\r\n\xff", EntryStatus::Done, "\u{9b}2J\u{200b}"))];
    for text in texts {
        assert!(!text.chars().any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}')), "{text:?}");
    }
}

#[test]
fn the_limit_is_named() {
    let stats = Stats { disk_waited: Duration::from_secs(1), reconnects: 1, ..Stats::default() };
    let text = super::stats(&stats, true).join(" ");
    assert!(text.contains("the network, or the other side, was the limit"), "{text}");
    assert!(text.contains("lost 1 time."), "{text}");
    let text = super::stats(&Stats::default(), false).join(" ");
    assert!(text.contains("too little to name a limit"), "{text}");
}
