//! The grammar: every framing reads back, every mistake is pointed at.

use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use crate::fuzz::fuzz_spec;
use crate::{Framing, SpecErrorKind};

#[test]
fn every_framing_has_a_text_that_reads_back() {
    for (text, shortest) in [
        ("raw", "raw"),
        ("line,max=64KiB", "line,max=64KiB"),
        ("delim:'\\r\\n'", "crlf"),
        ("delim:0x0d0a", "crlf"),
        ("delim:\"\\0\"", "nul"),
        ("delim:;", "delim:';'"),
        ("delim:','", "delim:','"),
        ("delim:'\\'\\\\'", "delim:'\\'\\\\'"),
        ("delim:'\\x0b'", "delim:0x0b"),
        ("fixed:128", "fixed:128"),
        ("mark:'{2H:'..':}'", "mark:'{2H:'..':}'"),
        ("mark:{..}", "mark:'{'..'}'"),
        ("stx-etx", "mark:0x02..0x03"),
        ("mllp", "mark:0x0b..0x1c0d"),
        ("dle", "mark:0x1002..0x1003,escape=dle"),
        ("mark:'<'..'>',resync=off,oversize=skip", "mark:'<'..'>',oversize=skip,resync=off"),
        ("len:u8", "len:u8"),
        ("len:u24be,offset=1,counts=rest", "len:u24be,offset=1"),
        ("len:u32be,offset=1,extra=2,counts=rest", "len:u32be,offset=1,extra=2,counts=rest"),
        ("len:u16be,adjust=-2", "len:u16be,counts=all"),
        ("len:u16be,adjust=3", "len:u16be,adjust=3"),
        ("len:u16be,strip=none", "len:u16be,strip=none"),
        ("dec:4", "dec:4"),
        ("sticky4", "dec:4"),
        ("dec:5,pad=space,counts=all", "dec:5,pad=space,counts=all"),
        ("hex:4", "hex:4"),
        ("adb", "hex:4"),
        ("varint", "varint"),
        ("protobuf", "varint"),
        ("netstring", "netstring"),
        ("syslog", "octet-count"),
        ("lsp", "content-length"),
        ("chunked", "chunked"),
        ("json,max=5", "json,max=5"),
        ("slip", "slip"),
        ("cobs", "cobs"),
        ("dns", "len:u16be"),
        ("dns,max=512", "len:u16be,max=512"),
        ("tpkt", "len:u16be,offset=2,counts=all,lead=0x0300"),
        ("erlang:2", "len:u16be"),
        ("iperf3", "len:u32be"),
        ("mysql", "len:u24le,extra=1"),
    ] {
        let framing: Framing = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(framing.to_string(), shortest, "{text}");
        assert_eq!(shortest.parse::<Framing>(), Ok(framing), "{text}");
    }
}

#[test]
fn l17_every_mistake_is_named_and_pointed_at() {
    for (text, character, told) in [
        ("", 1, "is empty; there are: raw, line"),
        ("line ", 5, "' ' does not belong there"),
        ("dec：4", 4, "'：' does not belong there; type :"),
        ("delim:“x”", 7, "'“' does not belong there; type \""),
        ("mark:'{'..'\u{b}'", 12, "written with an escape like \\x0b"),
        ("delim:'x", 7, "this quote is not closed"),
        ("nope", 1, "unknown framing \"nope\"; there are: "),
        ("len:u12be", 5, "\"u12be\" is not a width"),
        ("len:u16", 5, "be (most significant byte first) or le"),
        ("len", 1, "like len:u32be"),
        ("dec:0", 5, "1 to 19"),
        ("hex:17", 5, "1 to 16"),
        ("fixed:0", 7, "1 to 1073741824"),
        ("delim:0x1", 7, "in hexadecimal, like 0x0d0a"),
        ("delim:''", 7, "1 to 255 bytes, and this one has 0"),
        ("delim:'\\q'", 8, "C's escapes"),
        ("mark:'a'", 6, "two marks with two dots"),
        ("mark:0x10..0x10,escape=dle", 17, "both marks begin with DLE"),
        ("line,offset=1", 6, "unknown key \"offset\"; this framing takes max, oversize, resync"),
        ("len:u8,max=0", 12, "\"0\" is not a value for max"),
        ("len:u8,max=1,max=2", 14, "given twice"),
        ("len:u8,", 8, "unknown key \"\""),
        ("len:u8,counts=some", 15, "body, rest or all"),
        ("len:u8,strip=9", 8, "only 1 bytes to strip"),
        ("len:u8,lead=0x01", 8, "offset= leaves 0 bytes"),
        ("len:u8,offset=64", 8, "at most 64 bytes"),
        ("len:u8,extra=64", 8, "at most 64 bytes"),
        ("len:u8,offset=60,extra=60", 18, "at most 64 bytes"),
        ("tpkt,extra=64", 6, "at most 64 bytes"),
        ("mysql,strip=9", 7, "only 4 bytes to strip"),
        ("tpkt,lead=0x01", 6, "given twice"),
        ("stx-etx,escape=no", 16, "none or dle"),
        ("line,resync=marker", 6, "needs a mark to look for"),
    ] {
        let error = text.parse::<Framing>().expect_err(text);
        let shown = error.to_string();
        assert!(shown.contains(told), "{text}: {shown}");
        assert_eq!(error.character, character, "{text}: {shown}");
        assert!(!shown.contains('\u{b}'), "nothing steers a terminal");
    }
    let error = "cobs\u{1b}[2J".parse::<Framing>().unwrap_err();
    assert!(matches!(error.kind, SpecErrorKind::Character { found: '\u{1b}', .. }));
}

#[test]
fn quotes_hold_all_the_bytes_or_none() {
    for (text, character, told) in [
        ("delim:'a'b", 10, "'b' follows a closing quote"),
        ("delim:'a''b'", 10, "'\\'' follows a closing quote"),
        ("delim:'a'\"b\"", 10, "'\"' follows a closing quote"),
        ("delim:\"a\\\"\"x", 12, "'x' follows a closing quote"),
        ("delim:''a", 9, "'a' follows a closing quote"),
        ("delim:'语'b", 10, "'b' follows a closing quote"),
        ("mark:'a'..'b'..'c'", 14, "'.' follows a closing quote"),
        ("mark:'a'x..'b'", 9, "'x' follows a closing quote"),
        ("len:u8,offset=1,lead='a'b", 25, "'b' follows a closing quote"),
        ("delim:a'b'", 8, "put all the bytes into quotes"),
        ("delim:a\"b\"c", 8, "put all the bytes into quotes"),
        ("mark:a..b'c'", 10, "put all the bytes into quotes"),
        ("delim:0x0d'0a'", 7, "in hexadecimal, like 0x0d0a"),
        ("delim:a\\q", 8, "C's escapes"),
        ("mark:a..b..c", 10, "\"..c\" is not the end of one mark"),
        ("mark:{...}", 9, "\".}\" is not the end of one mark"),
        ("mark:a....b", 9, "a mark with dots is written in quotes"),
    ] {
        let error = text.parse::<Framing>().expect_err(text);
        let shown = error.to_string();
        assert!(shown.contains(told), "{text}: {shown}");
        assert_eq!(error.character, character, "{text}: {shown}");
    }
    for (text, same) in [
        ("delim:'\"'", "delim:0x22"),
        ("delim:\"'\"", "delim:0x27"),
        ("delim:'\\''", "delim:0x27"),
        ("delim:\\r\\n", "crlf"),
        ("mark:'a..'..'..b'", "mark:0x612e2e..0x2e2e62"),
        ("mark:'a'..b", "mark:0x61..0x62"),
        ("mark:.a..'.'", "mark:0x2e61..0x2e"),
    ] {
        assert_eq!(text.parse::<Framing>().unwrap(), same.parse().unwrap(), "{text}");
    }
}

#[test]
fn every_framing_can_be_used_as_it_is_read() {
    for text in super::every::EVERY.into_iter().chain([
        "raw",
        "json",
        "fixed:1",
        "len:u8,strip=none",
        "mark:'b'..'b'",
    ]) {
        for settings in ["", ",max=1", ",max=12,oversize=skip"] {
            fuzz_spec((text.to_string() + settings).as_bytes());
        }
    }
}

#[test]
fn numbers_are_digits() {
    for (text, character) in [
        ("dec:+4", 5),
        ("dec:-4", 5),
        ("dec:4_", 5),
        ("dec:", 5),
        ("dec:4,max=+9", 11),
        ("hex:+4", 5),
        ("hex:0x4", 5),
        ("fixed:+5", 7),
        ("fixed:+1KiB", 7),
        ("fixed:KiB", 7),
        ("len:u+8", 5),
        ("len:u+16be", 5),
        ("len:u016be", 5),
        ("len:u8,offset=+1", 15),
        ("len:u8,extra=+1", 14),
        ("len:u8,strip=+1", 14),
        ("len:u8,adjust=++1", 15),
        ("erlang:+1", 1),
    ] {
        let error = text.parse::<Framing>().expect_err(text);
        assert_eq!(error.character, character, "{text}: {error}");
    }
    // What is added may be negative, so a plus says something.
    assert_eq!("len:u8,adjust=+1".parse::<Framing>().unwrap().to_string(), "len:u8,adjust=1");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z0-9:,='.\\\\{}x\"-]{0,40}|.{0,20}") {
        fuzz_spec(text.as_bytes());
    }

    #[test]
    fn text_that_looks_right_reads_back(
        name in prop::sample::select(&["line", "delim:'a'", "mark:'a'..'b'", "len:u16le", "dec:3", "tpkt", "dle", "json"][..]),
        keys in prop::collection::vec(("[a-z]{0,3}|offset|extra|counts|adjust|strip|lead|pad|escape|max|oversize|resync", "[-+]?[0-9]{1,3}|body|rest|all|none|space|dle|skip|off|marker|0x[0-9a-f]{2,4}|'[a-z.]{0,3}'"), 0..4),
    ) {
        let keys: Vec<String> = keys.iter().map(|(key, value)| std::format!(",{key}={value}")).collect();
        fuzz_spec((name.to_string() + &keys.concat()).as_bytes());
    }

    #[test]
    fn any_mark_reads_back(head in prop::collection::vec(any::<u8>(), 1..20), tail in prop::collection::vec(any::<u8>(), 1..20)) {
        let framing = Framing::marked(&head, &tail).unwrap();
        prop_assert_eq!(framing.to_string().parse::<Framing>(), Ok(framing));
    }
}
