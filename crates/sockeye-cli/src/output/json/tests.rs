use std::{collections::BTreeSet, os::unix::ffi::OsStringExt, path::PathBuf, sync::Arc, time::UNIX_EPOCH};

use super::*;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../../specs/events.schema.json")).expect("the schema is JSON")
}

/// Readers ignore fields that they do not know; our own events may have none that the schema does not know.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(object) => {
            if object.contains_key("properties") && object.get("type") == Some(&json!("object")) {
                object.insert("additionalProperties".to_owned(), false.into());
            }
            for value in object.values_mut() {
                *value = closed(value.take());
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = closed(value.take())),
        _ => (),
    }
    schema
}

fn peer() -> Peer {
    Peer {
        identity: [0xab; 32],
        name: Some("Ann\u{202e}".to_owned()),
        remembered_as: None,
        address: "[fe80::1]:46710".parse().expect("an address"),
    }
}

fn failure(path: &[u8]) -> Failure {
    Failure { path: path.to_vec(), status: EntryStatus::Exists, text: "is there".to_owned() }
}

fn offer() -> Offer {
    Offer {
        files: 3,
        bytes: 12,
        unknown_size: true,
        free: Some(1 << 40),
        destination: PathBuf::from(std::ffi::OsString::from_vec(b"/in\xff".to_vec())),
        roots: vec![OfferedRoot { name: b"a\xffb".to_vec(), directory: true, entries: 4, bytes: 12 }],
        roots_total: 1,
        hidden: vec![b".bashrc".to_vec()],
        hidden_total: 1,
        executable: vec![b"run\xfe".to_vec()],
        executable_total: 1,
        existing: vec![b"a".to_vec()],
        existing_total: 1,
        refused: vec![failure(b"CON")],
        refused_total: 1,
        ..Offer::default()
    }
}

/// One of every event of the library that has a line.
fn events() -> Vec<Event> {
    let address = "192.168.1.5:46710".parse().expect("an address");
    vec![
        Event::Listening { addresses: vec![address] },
        Event::Code { code: "4821-tulip-harbor".parse().expect("a code"), addresses: vec![address] },
        Event::Searching { what: "4821".to_owned() },
        Event::Connecting { address },
        Event::WrongCode { from: address, left: 2 },
        Event::Paired { peer: peer() },
        Event::Remembered { name: "ann".to_owned() },
        Event::NotRemembered { name: "ann".to_owned(), reason: "the name is taken".to_owned() },
        Event::Listed { entries: 3, bytes: 12 },
        Event::Offer(offer()),
        Event::Offer(Offer { destination: PathBuf::from("/in"), ..Offer::default() }),
        Event::Started { files: 3, bytes: None },
        Event::Started { files: 3, bytes: Some(12) },
        Event::Progress(Progress::default()),
        Event::Progress(Progress {
            bytes_total: Some(u64::MAX),
            current: Some(b"a\xff".to_vec()),
            elapsed: Duration::from_millis(1500),
            ..Progress::default()
        }),
        Event::Failed(failure(b"a\xff")),
        Event::Reconnecting { reason: "reset".to_owned() },
        Event::Fingerprint { words: "a-b-c-d".to_owned() },
        Event::DeliveryStarted { receivers: 2 },
        Event::Delivery(DeliveryProgress::default()),
        Event::Delivery(DeliveryProgress {
            receivers: receivers(),
            elapsed: Some(Duration::from_secs(2)),
            bytes_per_second: 1e6,
            ..DeliveryProgress::default()
        }),
    ]
}

/// A receiver in each phase.
fn receivers() -> Vec<ReceiverState> {
    use ReceiverPhase::{Asking, Done, Failed, Finishing, Ready, Receiving};
    let state = |(number, phase)| ReceiverState {
        number,
        peer: peer(),
        phase,
        packets: true,
        bytes: 7,
        loss: 0.25,
        limits: false,
        failed: 0,
        error: (phase == Failed).then(|| Arc::new(Error::Cancelled)),
    };
    (0..).zip([Asking, Ready, Receiving, Finishing, Done, Failed]).map(state).collect()
}

fn summary() -> Summary {
    Summary {
        failures: vec![failure(b"x")],
        failed: 1,
        written: vec![PathBuf::from("/in/a")],
        digest: Some([7; 32]),
        receivers: receivers(),
        ..Summary::default()
    }
}

fn remembered() -> Remembered {
    Remembered {
        name: "ann".to_owned(),
        identity: [1; 32],
        may_send: true,
        may_receive: false,
        accept: false,
        first_seen: UNIX_EPOCH,
        last_seen: UNIX_EPOCH,
    }
}

/// One of every line that the program can write.
fn lines() -> Vec<Value> {
    let mut lines: Vec<Value> = events().iter().filter_map(of_event).collect();
    lines.push(of_summary(&summary()));
    lines.push(of_summary(&Summary::default()));
    for trouble in sentence::samples::troubles() {
        lines.push(of_trouble(&trouble, trouble.exit()));
    }
    lines.push(of_nearby(&Nearby {
        address: "10.0.0.1:1".parse().expect("an address"),
        nameplate: Some(4821),
        name: None,
        remembered_as: Some("ann".to_owned()),
        sends: true,
    }));
    lines.push(of_remembered(&remembered()));
    lines.push(event("renamed", json!({ "from": "a", "to": "b" })));
    lines.push(event("removed", json!({ "name": "a" })));
    lines.push(event(
        "demo_picture",
        json!({ "picture": of_local(Path::new("/p")), "bytes": 3, "elapsed_s": 0.1 }),
    ));
    lines.extend(crate::commands::opts::samples());
    lines.extend(SOCKETS.iter().map(|line| serde_json::from_str(line).expect("a sample")));
    lines.push(event("demo_done", json!({ "pictures": 4, "directory": of_local(Path::new("/p")) })));
    lines
}

/// What the commands on sockets write, as they wrote it; the end-to-end tests hold what they write now against the schema.
const SOCKETS: [&str; 21] = [
    r#"{"v":1,"ev":"open","conn":1,"connect_s":0.000138146,"family":"AF_INET","fileno":9,"local":"127.0.0.1:42716","peer":"127.0.0.1:46011","scheme":"tcp4","tls":null,"type":"SOCK_STREAM"}"#,
    r#"{"v":1,"ev":"msg","dir":"rx","conn":1,"n":1,"off":0,"wire":5,"len":3,"t":"2026-11-26T07:09:43.430038Z","mono_ns":486854,"reads":[1,1],"header":"0003","text":"AAA"}"#,
    r#"{"v":1,"ev":"eof","conn":1,"dir":"tx","off":5}"#,
    r#"{"v":1,"ev":"close","conn":1,"how":"fin","messages_in":1,"messages_out":1,"reads":1,"received":5,"seconds":0.000153157,"sent":5,"writes":1}"#,
    r#"{"v":1,"ev":"garbage","conn":1,"off":0,"len":2}"#,
    r#"{"v":1,"ev":"oversize","conn":1,"off":0,"announced":1213486160}"#,
    r#"{"v":1,"ev":"invalid","conn":1,"dir":"up","off":7,"message":"at offset 7 what came does not parse as dec:4"}"#,
    r#"{"v":1,"ev":"truncated","peer":"127.0.0.1:9","have":6,"need":null}"#,
    r#"{"v":1,"ev":"cut","peer":"127.0.0.1:9","len":4,"wire":6}"#,
    r#"{"v":1,"ev":"dropped","new":3,"total":5}"#,
    r#"{"v":1,"ev":"slow","conn":1,"waiting":65536,"seconds":5.1}"#,
    r#"{"v":1,"ev":"not_carried","conn":1,"dir":"up","message":"a message of 0 bytes does not fit the framing"}"#,
    r#"{"v":1,"ev":"full","message":"as many files and sockets are open as may be"}"#,
    r#"{"v":1,"ev":"failed_connection","conn":2,"message":"reset by the other side"}"#,
    r#"{"v":1,"ev":"guess","bytes":7,"exact":true,"framing":"dec:4","message":"fits exactly: 2 messages, 7 bytes","messages":2}"#,
    r#"{"v":1,"ev":"address","address":"192.0.2.1","binary":"1","class":"C","expanded":"192.0.2.1","family":"AF_INET","hardware":null,"hex":"0xc0000201","kind":{"global":false,"meaning":"for examples","name":"documentation","range":"192.0.2.0/24","source":"RFC 5737"},"network":null,"reverse":"1.2.0.192.in-addr.arpa","scope":null,"solicited_node":null,"zone":null}"#,
    r#"{"v":1,"ev":"interface","addresses":[{"address":"127.0.0.1","broadcast":null,"kind":"loopback","prefix_len":8}],"hardware":null,"index":1,"loopback":true,"mtu":65536,"multicast":false,"name":"lo","running":true,"up":true}"#,
    r#"{"v":1,"ev":"port","port":443,"range":"reserved","services":[{"name":"https","protocols":["tcp"]}]}"#,
    r#"{"v":1,"ev":"resolved","addresses":[{"address":"127.0.0.1","family":"AF_INET","kind":"loopback"}],"canonical_name":null,"name":"localhost","port":null,"seconds":0.1,"service":null}"#,
    r#"{"v":1,"ev":"named","address":"127.0.0.1","name":"localhost","seconds":0.1}"#,
    STATS,
];

/// One that is too long for a line of the table above.
const STATS: &str = r#"{"v":1,"ev":"stats","conn":1,"drops":0,"limited":null,"receive_buffer":131072,"receive_fill":0.0,"receive_queue":0,"send_buffer":2626560,"send_fill":0.0,"send_queue":0,"tcp":{"delivery_rate":null,"min_rtt_s":0.1,"rtt_s":0.1,"snd_cwnd":10,"snd_wnd":65536,"state":"ESTABLISHED","total_retrans":0,"zero_window":false},"unsent":0}"#;

#[test]
fn every_line_is_what_the_schema_says_and_every_kind_is_tried() {
    let validator = jsonschema::validator_for(&closed(schema())).expect("a valid schema");
    let mut kinds = BTreeSet::new();
    for line in lines() {
        let read: Value = serde_json::from_str(&super::line(&line)).expect("it decodes");
        assert_eq!(read, line, "escaping changed it");
        assert!(validator.is_valid(&read), "not in the schema: {line}");
        kinds.insert(read["ev"].as_str().expect("a kind").to_owned());
    }
    let schema = schema();
    let known: BTreeSet<String> = schema["oneOf"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|reference| reference["$ref"].as_str()?.strip_prefix("#/$defs/ev_").map(str::to_owned))
        .collect();
    assert_eq!(kinds, known);
}

#[test]
fn the_schema_refuses_what_is_wrong() {
    let validator = jsonschema::validator_for(&schema()).expect("a valid schema");
    for wrong in [
        json!({ "v": 2, "ev": "listed", "entries": 1, "bytes": 1 }),
        json!({ "v": 1, "ev": "listed", "entries": -1, "bytes": 1 }),
        json!({ "v": 1, "ev": "nonsense" }),
        json!({ "v": 1, "ev": "listed" }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn every_error_kind_and_status_is_in_the_schema() {
    let schema = schema();
    let kinds = schema["$defs"]["ev_error"]["properties"]["kind"]["enum"].as_array().expect("kinds").clone();
    for trouble in sentence::samples::troubles() {
        let line = of_trouble(&trouble, trouble.exit());
        assert!(kinds.contains(&line["kind"]), "{line}");
        assert_ne!(line["kind"], "other", "an error without a kind of its own: {line}");
    }
}

#[test]
fn only_the_code_event_has_the_code() {
    for line in lines() {
        let text = line.to_string();
        let secret = text.contains("tulip") && line["ev"] != "code";
        let example = text.contains("4821-tulip-harbor") && line["ev"] == "error";
        assert!(!secret || example, "{text}");
    }
}

#[test]
fn version_and_kind_come_first_and_nothing_steers_a_terminal() {
    let text = line(&event("remembered", json!({ "name": "a\u{1b}[2J\u{9b}\u{202e}\r\n鲑鱼" })));
    assert_eq!(text, "{\"v\":1,\"ev\":\"remembered\",\"name\":\"a\\u001b[2J\\u009b\\u202e\\r\\n鲑鱼\"}");
    assert_eq!(line(&event("x", json!({}))), "{\"v\":1,\"ev\":\"x\"}");
}

#[test]
fn bytes_that_are_not_text_are_told_as_bytes_too() {
    assert_eq!(Value::Object(of_path(b"a\xff")), json!({ "path": "a\u{fffd}", "path_hex": "61ff" }));
    assert_eq!(Value::Object(of_path("é".as_bytes())), json!({ "path": "é" }));
}
