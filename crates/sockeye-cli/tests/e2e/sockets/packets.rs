//! Messages over `unixseq`: whole whatever their length, the empty ones too.

use super::*;

/// A place for a socket, and its endpoint.
fn place() -> (tempfile::TempDir, String) {
    let place = tempfile::tempdir().unwrap();
    let endpoint = format!("unixseq://{}/socket", place.path().display());
    (place, endpoint)
}

#[test]
fn a_message_longer_than_a_read_arrives_whole() {
    let (_place, endpoint) = place();
    let message = vec![b'x'; 100_000];
    let (server, _) = listening_plainly(&["--out", "raw"], &endpoint);
    fed(&["connect", "--in", "raw", &endpoint], &message).end().exits(0);
    let ended = server.end();
    assert_eq!(ended.exits(0).stdout.len(), message.len());
    let (server, _) = listening(&["--read-size", "4"], &endpoint);
    fed(&["connect", &endpoint], b"tulip\n").end().exits(0);
    let ended = server.end();
    assert_eq!(texts(ended.exits(0)), ["tuli"]);
    assert_eq!((&ended.only("cut")["len"], &ended.only("cut")["wire"]), (&4.into(), &5.into()));
}

#[test]
fn an_empty_message_is_a_message_and_the_end_is_the_end() {
    let (_place, endpoint) = place();
    let (server, _) = listening(&[], &endpoint);
    fed(&["connect", &endpoint], b"a\n\nb\n\n").end().exits(0);
    let ended = server.end();
    assert_eq!(texts(ended.exits(0)), ["a", "", "b", ""]);
    let ends = ended.all("eof").into_iter().filter(|event| event["dir"] == "rx");
    assert_eq!(ends.count(), 1);
    // Sent back, and carried on.
    let (server, _) = listening(&["--echo"], &endpoint);
    let (_other, through) = place();
    let relay = sockeye(&["relay", "--json", "--listen", &through, "--connect", &endpoint]);
    relay.event("listening");
    let answered = fed(&["connect", "--json", &through], b"a\n\nb\n").end();
    assert_eq!(texts(answered.exits(0)), ["a", "", "b"]);
    server.end().exits(0);
    relay.kill();
}
