use super::*;
use crate::exit::Exit;

#[test]
fn every_error_has_its_exit_code() {
    for (error, code) in samples::errors() {
        assert_eq!(Exit::of(&error).code(), code, "{error:?}");
    }
}

#[test]
fn every_sentence_is_one_line_and_cannot_steer_a_terminal() {
    for trouble in samples::troubles() {
        let sentence = super::trouble(&trouble);
        let usage = matches!(trouble, Trouble::Usage(_));
        assert!(!sentence.is_empty(), "{trouble:?}");
        assert!(usage || !sentence.contains('\n'), "{sentence:?}");
        assert!(!sentence.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'), "{sentence:?}");
    }
}

#[test]
fn sentences_differ_so_that_each_helps_with_its_own_trouble() {
    for failure in samples::AUTHENTICATION {
        let same =
            samples::AUTHENTICATION.iter().filter(|other| authentication(**other) == authentication(failure));
        assert_eq!(same.count(), 1, "{failure:?}");
    }
    for (kind, _) in samples::REASONS {
        let told = |kind| peer_told(&PeerReason { kind, text: String::new() });
        let same = samples::REASONS.iter().filter(|(other, _)| told(*other) == told(kind));
        assert_eq!(same.count(), 1, "{kind:?}");
    }
}

#[test]
fn some_sentences_in_full() {
    let listen = Error::Network {
        action: "listen on",
        address: Some("0.0.0.0:80".parse().expect("an address")),
        source: io::ErrorKind::PermissionDenied.into(),
    };
    assert_eq!(
        error(&listen),
        "cannot listen on 0.0.0.0:80: ports below 1024 are reserved; choose another with --port"
    );
    let open = Error::LocalIo { action: "send", path: "/x/y".into(), source: io::ErrorKind::NotFound.into() };
    assert_eq!(
        error(&open),
        "cannot send /x/y: there is no such file or directory; check the spelling and the current directory"
    );
    let full = Error::PeerTold(PeerReason { kind: PeerReasonKind::DiskFull, text: "/in".to_owned() });
    assert_eq!(
        error(&full),
        "the disk of the other side is full; free some space there and run both commands again (it says: /in)"
    );
}
