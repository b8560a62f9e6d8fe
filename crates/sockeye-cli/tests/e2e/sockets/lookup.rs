//! `addr` and `resolve`: what is an address and what is not.

use super::*;

/// Standard output of a command that does well.
fn answer(arguments: &[&str]) -> String {
    let ended = sockeye(arguments).end();
    ended.exits(0);
    ended.stdout.clone()
}

/// The sentence of a command that cannot be carried out as typed.
fn refusal(arguments: &[&str]) -> String {
    let ended = sockeye(arguments).end();
    ended.exits(2);
    ended.stderr.clone()
}

#[test]
fn addresses_that_begin_with_colons_are_no_ports() {
    for (text, shown) in [
        ("::1", "loopback"),
        ("::", "wildcard"),
        ("::1/128", "network"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("::/0", "::/0"),
    ] {
        assert!(answer(&["addr", text]).contains(shown), "{text}");
    }
    assert!(answer(&["addr", ":80"]).contains("80"));
    assert!(refusal(&["addr", ":nosuchservice"]).contains("is not a port"));
    assert!(refusal(&["addr", "localhost"]).contains("`sockeye resolve localhost`"));
    assert!(refusal(&["addr", "fe8o::1"]).contains("type 0 there"));
}

#[test]
fn addresses_of_ipv6_are_resolved_as_they_are_written() {
    let asked = answer(&["resolve", "[::1]:http"]);
    assert!(asked.starts_with("[::1]:80 "), "{asked}");
    // Whether the address has a name is this machine's affair; that it is one is not.
    for text in ["[::1]", "fe80::1%lo", "192.0.2.1"] {
        let ended = sockeye(&["resolve", text]).end();
        assert!(matches!(ended.exit, Some(0 | 1 | 4)), "{ended:?}");
        assert!(!ended.stderr.contains("failed to lookup"), "{ended:?}");
    }
}

#[test]
fn what_cannot_be_resolved_is_shown_whole_with_its_remedy() {
    for (arguments, told) in [
        (&["resolve", "fe80::1:http"][..], "\"fe80::1:http\" is no IPv6 address"),
        (&["resolve", "[::1"], "\"[::1\" is no IPv6 address"),
        (&["resolve", "[::g]:80"], "\"[::g]:80\" is no IPv6 address"),
        (&["resolve", "-4", "::1"], "leave -4 out"),
        (&["resolve", "-6", "127.0.0.1"], "leave -6 out"),
        (&["resolve", "-4", "[::1]:80"], "leave -4 out"),
        (&["resolve", "http://localhost/"], "`sockeye resolve localhost`"),
        (&["resolve", "10.0.0.0/8"], "is a network"),
        (&["resolve", "\u{1b}[31mx"], r#""\x1b[31mx" is no host name: character 1 is U+001B"#),
    ] {
        let sentence = refusal(arguments);
        assert!(sentence.contains(told), "{arguments:?}: {sentence}");
    }
}
