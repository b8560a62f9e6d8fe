//! The grammar: every framing reads back, every mistake is pointed at.

use std::string::{String, ToString};

use proptest::prelude::*;

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

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z0-9:,='.\\\\{}x\"-]{0,40}|.{0,20}") {
        if let Ok(framing) = text.parse::<Framing>() {
            let shortest: String = framing.to_string();
            prop_assert_eq!(shortest.parse::<Framing>(), Ok(framing), "{}", shortest);
        }
    }

    #[test]
    fn any_mark_reads_back(head in prop::collection::vec(any::<u8>(), 1..20), tail in prop::collection::vec(any::<u8>(), 1..20)) {
        let framing = Framing::marked(&head, &tail).unwrap();
        prop_assert_eq!(framing.to_string().parse::<Framing>(), Ok(framing));
    }
}
