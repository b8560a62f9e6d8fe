//! What is written reads back; what cannot be read is told.

use std::time::Duration;

use super::*;

fn shown(format: &OutFormat, payload: &[u8]) -> String {
    let mut out = Vec::new();
    format.append(payload, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn lines_become_messages() {
    for (format, line, message) in [
        (InFormat::Text, "a\\n", &b"a\\n"[..]),
        (InFormat::Hex, "00 ff,0x10:AB", b"\x00\xff\x10\xab"),
        (InFormat::Hex, "", b""),
        (InFormat::C, r"a\x00\n\\\u{e9}\\q", b"a\0\n\\\xc3\xa9\\q"),
        (InFormat::Base64, "AP8=", b"\x00\xff"),
        (InFormat::Base64, "AP8", b"\x00\xff"),
        (InFormat::Json, r#"{"v":1,"ev":"msg","text":"é"}"#, "é".as_bytes()),
        (InFormat::Json, r#"{"hex":"00ff"}"#, b"\x00\xff"),
        (InFormat::Json, r#"{"base64":"AP8="}"#, b"\x00\xff"),
    ] {
        assert_eq!(format.message(line.as_bytes()).unwrap(), message, "{format:?} {line}");
    }
    for (format, line, told) in [
        (InFormat::Hex, "0g", "no hexadecimal digit"),
        (InFormat::Hex, "012", "odd number"),
        (InFormat::C, r"a\q", r"\q is no escape"),
        (InFormat::C, r"a\", "at its end"),
        (InFormat::C, r"\x1", "two hexadecimal digits"),
        (InFormat::C, r"\u{110000}", "number of a character"),
        (InFormat::Base64, "!!", "no Base64"),
        (InFormat::Json, "{", "no JSON"),
        (InFormat::Json, r#"{"text":"a","hex":"00"}"#, "exactly one"),
    ] {
        let error = format.message(line.as_bytes()).unwrap_err();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn every_byte_comes_back_through_each_format() {
    let every: Vec<u8> = (0..=255).collect();
    for (out, input) in
        [(OutFormat::Hex, InFormat::Hex), (OutFormat::C, InFormat::C), (OutFormat::Base64, InFormat::Base64)]
    {
        let line = shown(&out, &every);
        assert_eq!(input.message(line.trim_end_matches('\n').as_bytes()).unwrap(), every, "{out:?}");
    }
    for payload in [&br"\0"[..], br"\q\", br"\\n", b"\\\xff"] {
        let line = shown(&OutFormat::C, payload);
        assert_eq!(InFormat::C.message(line.trim_end_matches('\n').as_bytes()).unwrap(), payload, "{line}");
    }
    let mut line = Vec::new();
    Record { number: 1, frame: b"\x00\xff", ..Record::default() }.append(&every, &mut line);
    assert_eq!(InFormat::Json.frame(line.trim_ascii_end()).unwrap(), b"\x00\xff");
    line.clear();
    Record { number: 1, wire_len: 256, ..Record::default() }.append(&every, &mut line);
    assert_eq!(InFormat::Json.frame(line.trim_ascii_end()).unwrap(), every, "without a frame the message");
    assert_eq!(InFormat::Json.message(line.trim_ascii_end()).unwrap(), every);
}

#[test]
fn a_record_has_its_facts_in_order() {
    let mut line = Vec::new();
    let record = Record {
        direction: Some("rx"),
        connection: Some(2),
        peer: Some("127.0.0.1:9"),
        number: 3,
        offset: Some(17),
        wire_len: 7,
        at: Some((std::time::UNIX_EPOCH + Duration::from_millis(1500), Duration::from_nanos(5))),
        reads: Some((1, 2)),
        writes: None,
        header: b"0003",
        frame: b"",
        lost: false,
    };
    record.append(b"A\"\x1b", &mut line);
    assert_eq!(
        String::from_utf8(line).unwrap(),
        concat!(
            r#"{"v":1,"ev":"msg","dir":"rx","conn":2,"peer":"127.0.0.1:9","n":3,"off":17,"wire":7,"len":3,"#,
            r#""t":"1970-01-01T00:00:01.500000Z","mono_ns":5,"reads":[1,2],"header":"30303033","text":"A\"\u001b"}"#,
            "\n"
        )
    );
}

#[test]
fn lines_are_cut_wherever_the_reads_end() {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for piece in [&b"a\nb"[..], b"", b"c\n\n", b"d"] {
        lines.push(piece);
        let _ = lines.drain(|line, number| {
            found.push((line.to_vec(), number));
            Ok::<(), ()>(())
        });
    }
    assert_eq!(found, [(b"a".to_vec(), 1), (b"bc".to_vec(), 2), (b"".to_vec(), 3)]);
    assert_eq!((lines.pending(), lines.last()), (1, Some((b"d".to_vec(), 4))));
    assert_eq!(lines.last(), None);
}

#[test]
fn a_terminal_is_not_steered() {
    let mut out = Vec::new();
    output::append_for_terminal(b"a\tb\r\nc\x1b[2J\n", &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "a\tb\nc\\x1b[2J\n");
}
