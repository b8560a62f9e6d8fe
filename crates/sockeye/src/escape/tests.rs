use proptest::prelude::*;
use unicode_width::UnicodeWidthChar as _;

use super::*;

/// Undoes [`terminal`]: the proof that nothing is ambiguous.
fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let (consumed, bytes) = match rest.chars().next() {
            Some('\\') => (1, b"\\".to_vec()),
            Some('n') => (1, b"\n".to_vec()),
            Some('r') => (1, b"\r".to_vec()),
            Some('t') => (1, b"\t".to_vec()),
            Some('x') => (3, vec![u8::from_str_radix(&rest[1..3], 16).unwrap()]),
            Some('u') => {
                let end = rest.find('}').unwrap();
                let c = char::from_u32(u32::from_str_radix(&rest[2..end], 16).unwrap()).unwrap();
                (end + 1, c.to_string().into_bytes())
            }
            _ => (0, b"\\".to_vec()),
        };
        out.extend(bytes);
        rest = &rest[consumed..];
    }
    out
}

/// Written without the module's own tables.
fn disturbs(c: char) -> bool {
    let code = u32::from(c);
    code < 0x20
        || (0x7f..0xa0).contains(&code)
        || (0x202a..=0x202e).contains(&code)
        || (0x2066..=0x2069).contains(&code)
        || [0x61c, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x2060, 0xad, 0xfeff]
            .contains(&code)
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<Vec<u8>>(),
        any::<String>().prop_map(String::into_bytes),
        prop::sample::select(vec![
            &b"\x1b[2J"[..],
            b"\r",
            b"\n",
            b"\\",
            b"\\\\",
            b"\\x1b",
            b"\\u{202e}",
            b"\xff",
            b"\xc2\x85",
            b"'",
            b"\"",
            "\u{202e}".as_bytes(),
            "\u{200b}".as_bytes(),
            "e\u{301}".as_bytes(),
            "漢字".as_bytes(),
            "\u{10ffff}".as_bytes(),
            b"name.txt",
        ])
        .prop_map(<[u8]>::to_vec),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

#[test]
fn terminal_table() {
    let cases: &[(&[u8], &str)] = &[
        (b"", ""),
        (b"plain.txt", "plain.txt"),
        ("Übergröße 写真 фото 🐟".as_bytes(), "Übergröße 写真 фото 🐟"),
        (b"a\x1b[31mred", r"a\x1b[31mred"),
        (b"a\nb\rc\td", r"a\nb\rc\td"),
        (b"\0\x07\x08\x7f", r"\x00\x07\x08\x7f"),
        (b"\xc2\x9b31m", r"\u{9b}31m"),
        (b"\x9b31m", r"\x9b31m"),
        ("exe\u{202e}gpj.txt".as_bytes(), r"exe\u{202e}gpj.txt"),
        (
            "a\u{2066}b\u{2069}c\u{200e}\u{200f}\u{61c}".as_bytes(),
            r"a\u{2066}b\u{2069}c\u{200e}\u{200f}\u{61c}",
        ),
        ("a\u{200b}b\u{200d}c\u{feff}d\u{ad}".as_bytes(), r"a\u{200b}b\u{200d}c\u{feff}d\u{ad}"),
        (
            "\u{2028}\u{2029}\u{fff9}\u{e0041}\u{fe0f}".as_bytes(),
            r"\u{2028}\u{2029}\u{fff9}\u{e0041}\u{fe0f}",
        ),
        ("\u{ffff}\u{fdd0}".as_bytes(), r"\u{ffff}\u{fdd0}"),
        (b"\xff\xfe\xe2\x82", r"\xff\xfe\xe2\x82"),
        // A character encoded too long is no character.
        (b"\xc0\xaf", r"\xc0\xaf"),
        // Backslashes: only where the next thing would make an escape of it.
        (br"DOMAIN\alice", r"DOMAIN\alice"),
        (br"C:\Users\me", r"C:\Users\me"),
        (br"C:\new", r"C:\\new"),
        (br"\x1b", r"\\x1b"),
        (br"\\server\share", r"\\\server\share"),
        (b"\\\x1b", r"\\\x1b"),
        (b"\\\xff", r"\\\xff"),
        (b"end\\", r"end\"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(terminal(bytes), *expected, "{bytes:?}");
        assert_eq!(decode(expected), *bytes, "{expected}");
    }
}

#[test]
fn every_unsafe_character_is_escaped_wherever_it_stands() {
    for c in ('\0'..=char::MAX).filter(|&c| disturbs(c) || is_unsafe(c)) {
        let shown = terminal(format!("a{c}b").as_bytes());
        assert!(shown.starts_with("a\\") && shown.ends_with('b') && shown.is_ascii(), "{shown}");
    }
}

#[test]
fn what_takes_no_column_and_is_no_mark_is_escaped() {
    // The oracle is another crate's table: of all characters without width only combining marks may pass, and these are no
    // more than an accent on the character before. Hangul vowels and finals join the syllable before them.
    let invisible = ('\u{80}'..=char::MAX).filter(|c| c.width() == Some(0) && !is_unsafe(*c));
    let passed: Vec<char> = invisible.collect();
    for known in ['\u{200b}', '\u{2060}', '\u{feff}', '\u{180e}', '\u{e0001}', '\u{1d173}'] {
        assert!(!passed.contains(&known));
    }
    assert!(passed.contains(&'\u{301}'));
}

#[test]
fn json_table() {
    assert_eq!(json_text(b"a\n\"b\""), ("a\n\"b\"".to_owned(), None));
    assert_eq!(json_text("\u{202e}".as_bytes()), ("\u{202e}".to_owned(), None));
    assert_eq!(json_text(b"a\xff"), ("a\u{fffd}".to_owned(), Some("61ff".to_owned())));
    assert_eq!(json_text(b""), (String::new(), None));
    assert_eq!(
        json_line("{\"a\":\n\t\"x\u{202e}\u{9b}\u{e0041}é\"}"),
        "{\"a\":  \"x\\u202e\\u009b\\udb40\\udc41é\"}"
    );
    assert_eq!(json_line(r#"{"a":"\u001b\n\\"}"#), r#"{"a":"\u001b\n\\"}"#);
}

proptest! {
    #[test]
    fn terminal_never_disturbs_and_is_unambiguous(bytes in hostile()) {
        let shown = terminal(&bytes);
        prop_assert!(!shown.chars().any(disturbs), "{shown:?}");
        prop_assert!(!shown.chars().any(is_unsafe), "{shown:?}");
        prop_assert_eq!(decode(&shown), bytes);
    }

    #[test]
    fn harmless_text_without_backslash_is_left_alone(text in r"[ -\[\]-~À-ÿ一-龥а-я]{0,40}") {
        prop_assert_eq!(terminal(text.as_bytes()), text);
    }

    #[test]
    fn what_was_escaped_stays_when_shown_again_but_for_backslashes(bytes in hostile()) {
        let once = terminal(&bytes);
        prop_assert_eq!(terminal(once.as_bytes()).replace('\\', ""), once.replace('\\', ""));
    }

    #[test]
    fn json_is_exact_or_has_the_bytes(bytes in hostile()) {
        let (text, raw) = json_text(&bytes);
        match raw {
            None => prop_assert_eq!(text.as_bytes(), &bytes[..]),
            Some(raw) => {
                let parsed: Vec<u8> =
                    (0..raw.len() / 2).map(|i| u8::from_str_radix(&raw[2 * i..2 * i + 2], 16).unwrap()).collect();
                prop_assert_eq!(parsed, bytes);
            }
        }
    }

    #[test]
    fn json_line_never_disturbs_and_is_idempotent(text in any::<String>()) {
        let line = json_line(&text);
        prop_assert!(!line.chars().any(disturbs));
        prop_assert_eq!(json_line(&line), line.clone());
    }
}
