use std::{ffi::OsString, path::Path, time::Duration};

use sockeye::{Consent, DEFAULT_TIMEOUT, Existing, Home, Output, Route, Source, Target};

use super::{
    resolve::{Context, check_route, lacks_code, receive, send, supply_code},
    *,
};

const CODE: &str = "4821-tulip-harbor";

fn parsed(line: &str) -> Result<Cli, String> {
    let words = std::iter::once("sockeye").chain(line.split_whitespace()).map(OsString::from);
    parse(words).map_err(|refusal| refusal.error.to_string())
}

fn context(code: Option<&str>) -> Context {
    Context {
        home: Home::at(Path::new("/home/ann")),
        code: code.map(str::to_owned),
        remembered: vec!["laptop".to_owned()],
        here: "/here".into(),
    }
}

/// Parses and resolves; the code among the arguments, else the one of the environment, as the program does.
fn resolved_send(line: &str, environment: Option<&str>) -> Result<sockeye::SendConfig, String> {
    let Command::Send(args) = parsed(&format!("send {line}"))?.command else { panic!("not send") };
    let code = args.code.as_deref().or(environment);
    let config = send(&args, &context(code)).map_err(|trouble| output::sentence::trouble(&trouble))?;
    check_route(&config.route).map_err(|trouble| output::sentence::trouble(&trouble))?;
    Ok(config)
}

fn resolved_receive(line: &str, environment: Option<&str>) -> Result<sockeye::ReceiveConfig, String> {
    let Command::Receive(args) = parsed(&format!("receive {line}"))?.command else { panic!("not receive") };
    let code = args.code.as_deref().or(environment);
    let config = receive(&args, &context(code)).map_err(|trouble| output::sentence::trouble(&trouble))?;
    check_route(&config.route).map_err(|trouble| output::sentence::trouble(&trouble))?;
    Ok(config)
}

/// A route in a few words: `listen code=… port=…`, `dial code=… host=…`.
fn told(route: &Route) -> String {
    let mut words = Vec::new();
    match route {
        Route::Listen(listen) => {
            words.push("listen".to_owned());
            words.extend(listen.code.as_ref().map(|code| format!("code={code}")));
            words.extend(listen.port.map(|port| format!("port={port}")));
            words.extend(listen.words.map(|count| format!("words={count}")));
            words.extend(listen.no_discovery.then(|| "silent".to_owned()));
            words.extend(listen.family.map(|family| format!("ip{family}")));
            words.extend(listen.interfaces.iter().map(|name| format!("if={name}")));
        }
        Route::Dial(dial) => {
            words.push("dial".to_owned());
            words.extend(dial.code.as_ref().map(|code| format!("code={code}")));
            words.extend(dial.target.as_ref().map(|target| match target {
                Target::Host { host, port: Some(port) } => format!("host={host} port={port}"),
                Target::Host { host, port: None } => format!("host={host}"),
                Target::Peer(name) => format!("peer={name}"),
            }));
            words.extend(dial.no_discovery.then(|| "silent".to_owned()));
            words.extend(dial.family.map(|family| format!("ip{family}")));
            words.extend(dial.interfaces.iter().map(|name| format!("if={name}")));
        }
    }
    words.join(" ")
}

#[test]
fn how_the_sender_meets() {
    let table = [
        ("a", None, "listen"),
        ("a --words 4 -p 5000 -i eth0 -i wlan0 -4", None, "listen port=5000 words=4 ip4 if=eth0 if=wlan0"),
        ("a --no-discovery -6", None, "listen silent ip6"),
        ("a --code 4821-tulip-harbor", None, "listen code=4821-tulip-harbor"),
        ("a", Some(CODE), "listen code=4821-tulip-harbor"),
        ("a --code 17-other-words", Some(CODE), "listen code=17-other-words"),
        ("a --to laptop", None, "dial peer=laptop"),
        ("a --to laptop", Some(CODE), "dial peer=laptop"),
        ("a --to desk --code 4821-tulip-harbor", None, "dial code=4821-tulip-harbor host=desk"),
        ("a --to desk:99", Some(CODE), "dial code=4821-tulip-harbor host=desk port=99"),
        ("a --to desk -p 98", Some(CODE), "dial code=4821-tulip-harbor host=desk port=98"),
        ("a --to [fe80::1%eth0]:99", Some(CODE), "dial code=4821-tulip-harbor host=fe80::1%eth0 port=99"),
        ("a --to ::1", Some(CODE), "dial code=4821-tulip-harbor host=::1"),
        ("a --to 10.0.0.1 --no-discovery", Some(CODE), "dial code=4821-tulip-harbor host=10.0.0.1 silent"),
    ];
    for (line, environment, route) in table {
        let config = resolved_send(line, environment).unwrap_or_else(|why| panic!("{line}: {why}"));
        assert_eq!(told(&config.route), route, "{line}");
    }
}

#[test]
fn how_the_receiver_meets() {
    let table = [
        ("4821-tulip-harbor", None, "dial code=4821-tulip-harbor"),
        ("4821-Tulip-HARBOR", None, "dial code=4821-tulip-harbor"),
        ("4821-tulip-harbor@desk", None, "dial code=4821-tulip-harbor host=desk"),
        (
            "4821-tulip-harbor@10.0.0.1:99 --no-discovery",
            None,
            "dial code=4821-tulip-harbor host=10.0.0.1 port=99 silent",
        ),
        ("4821-tulip-harbor@[::1]", None, "dial code=4821-tulip-harbor host=::1"),
        ("4821-tulip-harbor@::1 -p 7", None, "dial code=4821-tulip-harbor host=::1 port=7"),
        ("", Some("4821-tulip-harbor@desk:7\n"), "dial code=4821-tulip-harbor host=desk port=7"),
        ("", None, "dial"),
        ("--listen", None, "listen"),
        ("--listen --words 6", None, "listen words=6"),
        ("--listen 4821-tulip-harbor", None, "listen code=4821-tulip-harbor"),
        ("--keep", None, "listen"),
        ("--keep --pair --words 3", Some(CODE), "listen words=3"),
    ];
    for (line, environment, route) in table {
        let config = resolved_receive(line, environment).unwrap_or_else(|why| panic!("{line}: {why}"));
        assert_eq!(told(&config.route), route, "{line}");
    }
}

#[test]
fn the_other_flags_of_both() {
    let config =
        resolved_send("a b/c - --exclude *.o --exclude tmp/ --remember desk --name Ann --timeout 2h", None)
            .expect("it resolves");
    let sources = [Source::Path("a".into()), Source::Path("b/c".into()), Source::Stdin];
    assert_eq!(config.sources, sources);
    assert_eq!(config.exclude, ["*.o", "tmp/"]);
    assert_eq!(config.common.remember.as_deref(), Some("desk"));
    assert_eq!(config.common.device_name.as_deref(), Some("Ann"));
    assert_eq!(config.common.timeout, Duration::from_secs(7200));

    let config = resolved_receive(CODE, None).expect("it resolves");
    assert_eq!(config.output, Output::Directory("/here".into()));
    assert_eq!((config.existing, config.consent), (Existing::Refuse, Consent::Ask));
    assert_eq!(
        (config.max_size, config.portable_names, config.keep, config.pair),
        (None, false, false, false)
    );
    assert_eq!(config.common.timeout, DEFAULT_TIMEOUT);

    let line = format!("{CODE} -y -o in --skip --portable-names --max-size 1.5GiB");
    let config = resolved_receive(&line, None).expect("it resolves");
    assert_eq!(config.output, Output::Directory("/here/in".into()));
    assert_eq!((config.existing, config.consent), (Existing::Skip, Consent::Yes));
    assert_eq!((config.max_size, config.portable_names), (Some(1_610_612_736), true));

    let output = resolved_receive(&format!("{CODE} -o -"), None).expect("it resolves").output;
    assert_eq!(output, Output::Stdout);
}

/// What is refused, and a part of the sentence that says why. No sentence repeats a code.
#[test]
fn what_cannot_be_is_refused_in_words() {
    let send_table = [
        ("", "<PATH>"),
        ("- -", "only once"),
        ("- --code-file -", "standard input"),
        ("a --words 1", "2..=6"),
        ("a --words 7", "2..=6"),
        ("a --port 0", "port"),
        ("a --timeout 0s", "longer than nothing"),
        ("a --timeout soon", "30s or 10m"),
        ("a --timeout 99999999h", "more than a year"),
        ("a --code 4821-tulip-harbor --words 3", "--words"),
        ("a --code 4821-tulip-harbor@desk", "this side waits"),
        ("a --code tulip", "no code"),
        ("a --code 4821-tulip-harbor --code-file x", "--code-file"),
        ("a --to desk --words 3", "--words"),
        ("a --to de:sk", "1 to 65535"),
        ("a --to desk --code 4821-tulip-harbor@desk", "--to has one too"),
        ("a --to laptop --no-discovery", "--no-discovery"),
        ("a -4 -6", "--ipv6"),
        ("a --quiet -v", "--verbose"),
    ];
    let receive_table = [
        ("tulip", "no code"),
        ("4821-tulip-harbor@", "the address after the @"),
        ("4821-tulip-harbor@[::1", "not closed"),
        ("4821-tulip-harbor@desk:0", "1 to 65535"),
        ("4821-tulip-harbor --words 3", "--words"),
        ("4821-tulip-harbor --code-file x", "--code-file"),
        ("4821-tulip-harbor --overwrite --skip", "--skip"),
        ("4821-tulip-harbor --overwrite --rename", "--rename"),
        ("4821-tulip-harbor -o - --json", "--json"),
        ("4821-tulip-harbor -o - --rename", "--rename"),
        ("4821-tulip-harbor --max-size 3X", "500M or 4GiB"),
        ("4821-tulip-harbor --max-size 99999999TB", "more bytes than there are"),
        ("4821-tulip-harbor --no-discovery", "CODE@HOST:PORT"),
        ("4821-tulip-harbor --keep", "--pair"),
        ("--keep -o -", "more than one file"),
        ("--pair", "--keep"),
        ("--listen 4821-tulip-harbor@desk", "this side waits"),
        ("--listen --words 3 4821-tulip-harbor", "--words"),
    ];
    let sends = send_table.map(|(line, part)| (line, part, resolved_send(line, None).err()));
    let receives = receive_table.map(|(line, part)| (line, part, resolved_receive(line, None).err()));
    for (line, part, sentence) in sends.into_iter().chain(receives) {
        let sentence = sentence.unwrap_or_else(|| panic!("not refused: {line}"));
        assert!(sentence.contains(part), "{line}: {sentence}");
        assert!(
            !sentence.contains("4821-tulip-harbor@") && !sentence.contains("'4821"),
            "{line}: {sentence}"
        );
    }
}

#[test]
fn keep_without_anybody_remembered_needs_pair() {
    let Ok(Cli { command: Command::Receive(args) }) = parsed("receive --keep") else { panic!("it parses") };
    let nobody = Context { remembered: Vec::new(), ..context(None) };
    assert!(matches!(receive(&args, &nobody), Err(Trouble::Usage(why)) if why.contains("--pair")));
}

#[test]
fn names_of_machines_are_names() {
    for name in ["", " ", "a\nb", "a\u{1b}b", &"x".repeat(64)] {
        let Ok(Cli { command: Command::Send(mut args) }) = parsed("send a") else { panic!("it parses") };
        args.shared.name = Some(name.to_owned());
        assert!(matches!(send(&args, &context(None)), Err(Trouble::Usage(_))), "{name:?}");
    }
}

#[test]
fn a_code_that_is_asked_for_completes_the_route() {
    let mut route = resolved_receive("-p 7", None).expect("it resolves").route;
    assert!(lacks_code(&route));
    let (code, target) = code_at("4821 tulip harbor@desk").expect("a code");
    supply_code(&mut route, code, target, Some(7));
    assert!(!lacks_code(&route));
    assert_eq!(told(&route), "dial code=4821-tulip-harbor host=desk port=7");

    let mut route = resolved_send("a --to 10.0.0.1:9", None).expect("it resolves").route;
    assert!(lacks_code(&route));
    supply_code(&mut route, CODE.parse().expect("a code"), None, None);
    assert_eq!(told(&route), "dial code=4821-tulip-harbor host=10.0.0.1 port=9");
    assert!(!lacks_code(&resolved_send("a --to laptop", None).expect("it resolves").route));
}

#[test]
fn a_bare_code_means_receive() {
    for line in ["4821-tulip-harbor", "4821-tulip-harbor@desk:7 -y", "7-TULIP-harbor"] {
        assert!(matches!(parsed(line), Ok(Cli { command: Command::Receive(_) })), "{line}");
    }
    for line in ["48211-tulip", "tulip-harbor", "4821", "4821-", "4821-tu1ip", "-4821-tulip"] {
        assert!(parsed(line).is_err(), "{line}");
    }
}

#[test]
fn sizes() {
    let table =
        [("0", 0), ("12", 12), ("500M", 500_000_000), ("1.5 k", 1500), ("4GiB", 4 << 30), ("0.25kib", 256)];
    for (text, bytes) in table {
        assert_eq!(value::size(text), Ok(bytes), "{text}");
    }
    for wrong in ["", "M", "-1", "1.2.3M", "1e9", "18446744073709551616", "18446744073709551615k"] {
        assert!(value::size(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_help_has_every_exit_code_and_the_description_is_sound() {
    describe().debug_assert();
    for exit in Exit::ALL {
        let line = format!("{:>5}  ", exit.code());
        assert!(help::AFTER.contains(&line), "{exit:?}");
    }
}

#[test]
fn text_that_is_shown_as_it_stands_fits_a_terminal() {
    let all = [
        help::AFTER,
        help::SEND,
        help::RECEIVE,
        help::PEERS,
        help::TRUST,
        help::TRUST_LIST,
        help::TRUST_RENAME,
        help::TRUST_REMOVE,
        help::DEMO,
    ];
    for line in all.iter().flat_map(|text| text.lines()) {
        assert!(line.chars().count() <= 78, "{line}");
    }
    for text in all {
        assert!(
            text.starts_with("Examples:\n")
                && text.matches("\n  sockeye").count() + text.matches("| sockeye").count() >= 2,
            "{text}"
        );
    }
}

#[test]
fn the_defaults_that_the_help_names_are_the_real_ones() {
    let text = |name: &str| {
        let mut command = describe();
        let sub = command.find_subcommand_mut(name).expect("a command");
        sub.render_long_help().to_string()
    };
    assert_eq!((sockeye::DEFAULT_PORT, sockeye::DEFAULT_WORDS, DEFAULT_TIMEOUT.as_secs()), (46710, 2, 600));
    for name in ["send", "receive"] {
        for part in ["default: 46710", "default: 2", "default: 10m"] {
            assert!(text(name).contains(part), "{name}: {part}");
        }
    }
}
