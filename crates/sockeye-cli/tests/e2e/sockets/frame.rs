//! `frame` as a filter: what it reads and writes, and where it stops.

use std::io::Write;

use super::*;

/// Frames in `-f dec:4`, as each format writes them.
const WRITTEN: [(&str, &str); 5] = [
    ("hex", "30303033414141\n3030303442424242\n"),
    ("c", "0003AAA\n0004BBBB\n"),
    ("base64", "MDAwM0FBQQ==\nMDAwNEJCQkI=\n"),
    ("text", "0003AAA\n0004BBBB\n"),
    ("netstring", "7:0003AAA,8:0004BBBB,"),
];

#[test]
fn frames_are_written_in_every_format_and_read_back() {
    for (format, written) in WRITTEN {
        let encoded = fed(&["frame", "encode", "-f", "dec:4", "--out", format], b"AAA\nBBBB\n").end();
        assert_eq!(encoded.exits(0).stdout, written, "{format}");
        let decoded = fed(&["frame", "decode", "-f", "dec:4", "--in", format], written.as_bytes()).end();
        assert_eq!(decoded.exits(0).stdout, "AAA\nBBBB\n", "{format}");
    }
    for out in [&["--out", "json"][..], &["--json"]] {
        let encoded = fed(&[&["frame", "encode", "-f", "slip"], out].concat(), b"AAA\n\xc0\n").end();
        assert_eq!(encoded.exits(0).all("msg").len(), 2);
        let decoded = fed(
            &["frame", "decode", "-f", "slip", "--in", "json", "--out", "hex"],
            encoded.stdout.as_bytes(),
        );
        assert_eq!(decoded.end().exits(0).stdout, "414141\nc0\n", "{out:?}");
    }
    let nothing = fed(&["frame", "encode", "-f", "dec:4", "--out", "none"], b"AAA\n").end();
    assert_eq!(nothing.exits(0).stdout, "");
}

#[test]
fn where_a_line_of_a_capture_ends_means_nothing() {
    for (format, written) in [
        ("hex", "30 30\n30 33 41\n\n41 41 30303034\n42424242"),
        ("c", "00\n03AA\nA\\x30004B\nBBB\n"),
        ("base64", "MDAwM0FBQQ==\nMDAwNEJC\nQkI\n"),
        ("json", "{\"text\":\"0003A\"}\n{\"hex\":\"4141303030\"}\n{\"base64\":\"NEJCQkI=\"}\n"),
        ("text", "0003A\nAA0004\nBBBB\n"),
        ("line", "0003A\nAA0004\r\nBBBB\n"),
    ] {
        let decoded = fed(&["frame", "decode", "-f", "dec:4", "--in", format], written.as_bytes()).end();
        assert_eq!(decoded.exits(0).stdout, "AAA\nBBBB\n", "{format}");
    }
}

#[test]
fn a_capture_that_is_not_as_it_is_said_to_be_is_told_behind_what_was() {
    for (format, written, exit, told) in [
        ("hex", "30303033414141\n3g\n", 2, "line 2 of standard input is not as --in says: 'g' is no hex"),
        ("json", "{\"text\":\"0003AAA\"}\n{}\n", 2, "line 2 of standard input is not as --in says"),
        ("json", "{\"text\":\"0003AAA\"}\n{\"frame\":\"3\"}\n", 2, "odd number of digits"),
        ("netstring", "7:0003AAA,x", 3, "standard input is not as --in says: at offset 10"),
        ("netstring", "7:0003AAA,9:", 3, "the stream ended inside a frame"),
        ("hex", "30303033414141\n30303034", 3, "after 4 bytes of it where it needed 8"),
    ] {
        let decoded = fed(&["frame", "decode", "-f", "dec:4", "--in", format], written.as_bytes()).end();
        assert_eq!(decoded.exits(exit).stdout, "AAA\n", "{format}");
        assert!(decoded.stderr.contains(told), "{decoded:?}");
    }
}

#[test]
fn a_filter_ends_after_the_messages_that_were_asked_for() {
    for (arguments, one, written) in [
        (&["decode", "-f", "dec:4"][..], "0003AAA0003x", "AAA\n"),
        (&["decode", "-f", "dec:4", "--in", "hex"], "30303033414141\nzz\n", "AAA\n"),
        (&["decode", "-f", "dec:4", "--in", "netstring"], "7:0003AAA,1:", "AAA\n"),
        (&["encode", "-f", "dec:4"], "AAA\nBBB\n", "0003AAA"),
        (&["encode", "-f", "dec:4", "--in", "hex"], "414141\nzz\n", "0003AAA"),
        (&["encode", "-f", "dec:4", "--in", "netstring"], "3:AAA,1:", "0003AAA"),
    ] {
        // Standard input stays open: what was asked for is there.
        let arguments = [&["frame"], arguments, &["--count", "1"]].concat();
        let (process, mut stdin) = held(&arguments);
        stdin.write_all(one.as_bytes()).unwrap();
        assert_eq!(process.end().exits(0).stdout, written, "{arguments:?}");
        drop(stdin);
    }
    for arguments in [&["decode", "-f", "line"][..], &["encode", "-f", "line"]] {
        let arguments = [&["frame"], arguments, &["--count", "3"]].concat();
        let few = fed(&arguments, b"AAA\nBBBB\n").end();
        assert_eq!(few.exits(4).stdout, "AAA\nBBBB\n", "{arguments:?}");
        assert!(few.stderr.contains("1 of the messages missing that --count asked for"), "{few:?}");
    }
    let odd = fed(&["frame", "decode", "-f", "mark:'<'..'>'", "--count", "1"], b"?<a>").end();
    assert_eq!(odd.exits(3).stdout, "a\n", "what belongs to no message is still a failure");
    sockeye(&["frame", "decode", "-f", "line", "--count", "0"]).end().exits(2);
}

#[test]
fn a_filter_reads_a_file() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("messages");
    std::fs::write(&path, "AAA\nBBBB").unwrap();
    let path = path.to_str().unwrap();
    let encoded = sockeye(&["frame", "encode", "-f", "dec:4", path]).end();
    assert_eq!(encoded.exits(0).stdout, "0003AAA0004BBBB");
    let whole = sockeye(&["frame", "encode", "-f", "dec:4", "--in", "raw", path]).end();
    assert_eq!(whole.exits(0).stdout, "0008AAA\nBBBB");
    let bad = sockeye(&["frame", "encode", "-f", "dec:4", "--in", "hex", path]).end();
    bad.exits(2);
    assert!(bad.stderr.contains(&format!("line 1 of {path} is not as --in says")), "{bad:?}");
    sockeye(&["frame", "encode", "-f", "dec:4", &format!("{path}.not")]).end().exits(7);
    let piped = fed(&["frame", "encode", "-f", "dec:4", "-"], b"AAA\n").end();
    assert_eq!(piped.exits(0).stdout, "0003AAA");
}

#[test]
fn the_name_of_a_file_cannot_steer_a_terminal() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a\n\u{1b}[31mb");
    std::fs::write(&file, "zz\n").unwrap();
    let directory = place.path().join("c\n\u{1b}[31md");
    std::fs::create_dir(&directory).unwrap();
    for (path, exit) in [(&file, 2), (&directory, 7)] {
        let ended = sockeye(&["frame", "encode", "-f", "dec:4", "--in", "hex", path.to_str().unwrap()]).end();
        ended.exits(exit);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        assert!(!ended.stderr.contains('\u{1b}'), "{ended:?}");
    }
}
