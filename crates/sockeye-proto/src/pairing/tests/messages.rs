//! Bytes on the wire and in the key schedule, as the specification shows them.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use zeroize::Zeroizing;

use super::bench::code;
use crate::{
    envelope::{self, BodyError, EnvelopeError, MAX_CONTROL_FRAME},
    hello::{Hello, HelloError, Incompatible, Intent, MAX_NAME, Negotiated},
    pairing::{
        Binding, MAX_PAIRING_FRAME, MAX_PAKE_MESSAGE, MAX_REFUSAL_TEXT, PairingError, Reason, Refusal, Role,
        keys, knock, wire::Message,
    },
};

const SPECIFICATION: &str = include_str!("../../../../../specs/03-pairing.md");

/// The specification's golden blocks: `name = hex`, going on in lines that begin with a space.
fn golden() -> BTreeMap<&'static str, String> {
    let mut all = BTreeMap::new();
    let blocks = SPECIFICATION.split("```golden\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut name = "";
    for line in blocks.flat_map(str::lines) {
        let digits = line.split_once('=').map_or(line, |(new, digits)| {
            name = new.trim();
            digits
        });
        all.entry(name).or_insert_with(String::new).extend(digits.split_whitespace());
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// One message of each kind, by the name it has in the specification.
fn examples() -> Vec<(&'static str, Message)> {
    vec![
        ("HELLO", Message::Hello(Hello::new(0, 0, None, Intent::PairCode))),
        ("HELLO-named", Message::Hello(Hello::new(5, 4, Some("laptop"), Intent::Knock))),
        (
            "ATTEMPT",
            Message::Attempt { nameplate: 4821, pake: [b'A'].into_iter().chain([0x11; 32]).collect() },
        ),
        ("ANSWER", Message::Answer { pake: [b'B'].into_iter().chain([0x22; 32]).collect() }),
        ("CONFIRM", Message::Confirm { tag: [0x33; 32] }),
        ("KNOCK", Message::Knock { tag: [0x44; 32] }),
        ("KNOCKED", Message::Knocked { tag: [0x55; 32] }),
        ("IDENTITY", Message::Identity { key: [0x66; 32], signature: [0x77; 64] }),
        ("REFUSED", Message::Refused(Refusal::new(Reason::Busy, "later"))),
    ]
}

/// The inputs of the specification's key schedule: bytes 0, 1, 2, …
fn inputs() -> (Binding, Zeroizing<[u8; 32]>) {
    let count = |from: u8, len: usize| {
        (0..len).map(|index| from.wrapping_add(u8::try_from(index).unwrap())).collect()
    };
    let array = |from| <[u8; 32]>::try_from(Vec::<u8>::as_slice(&count(from, 32))).unwrap();
    let binding = Binding { exporter: array(0), dialer_key: count(0x20, 44), listener_key: count(0x60, 44) };
    (binding, Zeroizing::new(array(0xa0)))
}

/// Everything the specification gives bytes for.
fn computed() -> Vec<(&'static str, Vec<u8>)> {
    let (binding, shared) = inputs();
    let mut transcript = keys::Transcript::new(&binding);
    let empty = transcript.digest();
    transcript.absorb(b"abc");
    let said = transcript.digest();
    let identity = [0x66; 32];
    let mut all: Vec<_> = examples().into_iter().map(|(name, message)| (name, message.encode())).collect();
    all.extend([
        ("pake-dialer", keys::pake_identity(Role::Dialer, &binding)),
        ("pake-listener", keys::pake_identity(Role::Listener, &binding)),
        ("password", keys::password(&code()).to_vec()),
        ("transcript-empty", empty.to_vec()),
        ("transcript", said.to_vec()),
        ("confirm-dialer", keys::confirm_tag(Role::Dialer, &shared, &said).to_vec()),
        ("confirm-listener", keys::confirm_tag(Role::Listener, &shared, &said).to_vec()),
        ("pair-key", keys::pair_key(&shared, &said).to_vec()),
        ("session-code", keys::session_of_code(&shared, &said).to_vec()),
        ("knock-dialer", knock::tag(Role::Dialer, &shared, &binding).to_vec()),
        ("knock-listener", knock::tag(Role::Listener, &shared, &binding).to_vec()),
        ("session-knock", keys::session_of_knock(&shared, &said).to_vec()),
        ("statement-dialer", keys::identity_statement(Role::Dialer, &identity, &binding, &said)),
        ("statement-listener", keys::identity_statement(Role::Listener, &identity, &binding, &said)),
    ]);
    all
}

#[test]
fn bytes_are_those_of_the_specification() {
    let mut golden = golden();
    for (name, bytes) in computed() {
        assert_eq!(golden.remove(name), Some(hex(&bytes)), "{name} = {}", hex(&bytes));
    }
    assert!(golden.is_empty(), "never compared: {golden:?}");
}

#[test]
fn messages_come_back_and_pieces_of_them_do_not() {
    for (name, message) in examples() {
        let bytes = message.encode();
        assert_eq!(Message::decode(&bytes), Ok(Some(message)), "{name}");
        for len in 0..bytes.len() {
            assert!(
                matches!(Message::decode(&bytes[..len]), Err(PairingError::Malformed(_))),
                "{name} cut at {len}"
            );
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(Message::decode(&longer), Err(PairingError::Malformed(_))), "{name} with one more");
    }
}

#[test]
fn lengths_at_and_beyond_their_bounds() {
    let fits =
        |message: Message| matches!(Message::decode(&message.encode()), Ok(Some(again)) if again == message);
    for (len, right) in [(0, false), (1, true), (MAX_PAKE_MESSAGE, true), (MAX_PAKE_MESSAGE + 1, false)] {
        assert_eq!(fits(Message::Answer { pake: vec![7; len] }), right, "{len}");
        assert_eq!(fits(Message::Attempt { nameplate: 1, pake: vec![7; len] }), right, "{len}");
    }
    for (len, right) in [(0, true), (MAX_REFUSAL_TEXT, true), (MAX_REFUSAL_TEXT + 1, false)] {
        let refusal = Refusal { reason: Reason::Busy, text: "x".repeat(len) };
        assert_eq!(fits(Message::Refused(refusal)), right, "{len}");
    }
    for (len, right) in [(0, true), (MAX_NAME, true), (MAX_NAME + 1, false)] {
        let hello = Hello { name: Some("x".repeat(len)), ..Hello::new(0, 0, None, Intent::PairCode) };
        assert_eq!(fits(Message::Hello(hello)), right, "{len}");
    }
    let mut frame = Vec::new();
    envelope::encode(0x1f, false, &vec![0; MAX_PAIRING_FRAME - 2], &mut frame);
    assert_eq!(Message::decode(&frame), Ok(None));
    frame.push(0);
    assert!(matches!(Message::decode(&frame), Err(PairingError::Malformed(_))));
}

#[test]
fn fields_of_the_future_are_skipped() {
    // {0: h'33…', 1: "x", 9: [1, [2]]}
    let mut body = vec![0xa3, 0x00, 0x58, 0x20];
    body.extend([0x33; 32]);
    body.extend([0x01, 0x61, b'x', 0x09, 0x82, 0x01, 0x81, 0x02]);
    let mut frame = Vec::new();
    envelope::encode(4, true, &body, &mut frame);
    assert_eq!(Message::decode(&frame), Ok(Some(Message::Confirm { tag: [0x33; 32] })));
}

#[test]
fn claims_of_length_are_not_believed() {
    // A text of 2⁶³ bytes, nested arrays without end, a map of 2³² fields: refused, and at once.
    for body in [
        &[0xa1, 0x04, 0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..],
        &[0xba, 0xff, 0xff, 0xff, 0xff],
        &[&[0xa1, 0x09][..], &[0x81; 3000]].concat(),
        &[&[0xa1, 0x09][..], &[0x9f; 3000]].concat(),
    ] {
        for kind in 1..=8 {
            let mut frame = Vec::new();
            envelope::encode(kind, true, body, &mut frame);
            assert!(matches!(Message::decode(&frame), Err(PairingError::Malformed(_))), "kind {kind}");
        }
    }
}

#[test]
fn envelopes() {
    let mut frame = Vec::new();
    envelope::encode(0x7abc, true, b"body", &mut frame);
    envelope::encode(0x0001, false, b"", &mut frame);
    assert_eq!(frame, b"\xfa\xbcbody\x00\x01");
    let read = envelope::decode(&frame[..6]).unwrap();
    assert_eq!((read.kind, read.critical, read.body), (0x7abc, true, &b"body"[..]));
    let read = envelope::decode(&frame[6..]).unwrap();
    assert_eq!((read.kind, read.critical, read.body), (0x0001, false, &b""[..]));
    assert_eq!(envelope::decode(&[0x80]), Err(EnvelopeError::Short(1)));
    assert_eq!(envelope::decode(&[]), Err(EnvelopeError::Short(0)));
    assert!(envelope::decode(&vec![0; MAX_CONTROL_FRAME]).is_ok());
    let long = MAX_CONTROL_FRAME + 1;
    assert_eq!(envelope::decode(&vec![0; long]), Err(EnvelopeError::Long(long)));
}

fn hello(min: u16, max: u16, features: u64, required: u64) -> Hello {
    Hello { version_min: min, version_max: max, ..Hello::new(features, required, None, Intent::PairCode) }
}

#[test]
fn what_two_sides_agree_on() {
    let agreed = |version, features| Ok(Negotiated { version, features });
    let table = [
        (hello(1, 1, 0, 0), hello(1, 1, 0, 0), agreed(1, 0)),
        (hello(1, 3, 0b110, 0), hello(2, 5, 0b011, 0), agreed(3, 0b010)),
        (hello(1, 1, 0b1, 0b1), hello(1, 1, 0b11, 0), agreed(1, 0b1)),
        (hello(1, 2, 0, 0), hello(3, 4, 0, 0), Err(Incompatible::Version { ours: (1, 2), theirs: (3, 4) })),
        (hello(3, 4, 0, 0), hello(1, 2, 0, 0), Err(Incompatible::Version { ours: (3, 4), theirs: (1, 2) })),
        (hello(1, 1, 0b1, 0), hello(1, 1, 0b110, 0b100), Err(Incompatible::MissingHere(0b100))),
        (hello(1, 1, 0b1, 0b1), hello(1, 1, 0, 0), Err(Incompatible::MissingThere(0b1))),
    ];
    for (ours, theirs, expected) in table {
        assert_eq!(ours.negotiate(&theirs), expected);
        assert_eq!(ours.negotiate(&theirs).ok(), theirs.negotiate(&ours).ok(), "both sides see the same");
    }
}

#[test]
fn hellos_that_contradict_themselves() {
    let read = |hello: Hello| Hello::decode(&hello.encode()[envelope::HEADER_LEN..]);
    assert_eq!(read(hello(0, 1, 0, 0)), Err(HelloError::Versions(0, 1)));
    assert_eq!(read(hello(3, 2, 0, 0)), Err(HelloError::Versions(3, 2)));
    assert_eq!(read(hello(1, 1, 0b1, 0b11)), Err(HelloError::Required(0b10)));
    assert_eq!(Hello::decode(&[]), Err(HelloError::Body(BodyError::Malformed)));
    assert_eq!(Hello::decode(&[0xf6]), Err(HelloError::Body(BodyError::Malformed)));
    let long = Hello::new(0, 0, Some(&"é".repeat(40)), Intent::Knock);
    assert_eq!(long.name.as_ref().map(String::len), Some(MAX_NAME));
    assert_eq!(read(long.clone()), Ok(long));
    for error in [HelloError::Name(65), HelloError::Versions(2, 1), HelloError::Required(1)] {
        assert!(error.to_string().starts_with("HELLO: "));
    }
}
