//! Bodies of fuzz targets, as plain functions over bytes, so that they also run on stable over their corpus; and the
//! toy cryptography with which the machines can be run without the real one. Not part of the interface.

use alloc::{boxed::Box, string::ToString, vec, vec::Vec};
use core::time::Duration;

use zeroize::Zeroizing;

use super::{
    Binding, Code, Crypto, Dialer, Listener, PairingConfig, PairingEvent, PakeRejected, PakeState, Reason,
    Role, completions, suggest, wire::Message,
};

/// Cryptography that keeps the rules and no secrets: a "signature" anybody can make, a "PAKE" anybody can break.
#[derive(Clone, Debug)]
pub struct Toy {
    identity: [u8; 32],
    counter: u64,
}

impl Toy {
    /// One for each seed.
    pub fn new(seed: u64) -> Self {
        let identity = blake3::derive_key("sockeye toy identity", &seed.to_be_bytes());
        Self { identity, counter: seed << 32 }
    }

    fn signature(identity: &[u8; 32], message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        blake3::Hasher::new_keyed(identity).update(message).finalize_xof().fill(&mut signature);
        signature
    }
}

impl Crypto for Toy {
    fn random(&mut self, out: &mut [u8]) {
        self.counter += 1;
        blake3::Hasher::new_keyed(&self.identity)
            .update(&self.counter.to_be_bytes())
            .finalize_xof()
            .fill(out);
    }

    fn pake_start(
        &mut self,
        role: Role,
        password: &[u8],
        dialer_id: &[u8],
        listener_id: &[u8],
    ) -> (Box<dyn PakeState>, Vec<u8>) {
        let mut message = vec![0; 33];
        self.random(&mut message[1..]);
        message[0] = if role == Role::Dialer { b'A' } else { b'B' };
        let mut secret = blake3::Hasher::new();
        for part in [password, dialer_id, listener_id] {
            secret.update(blake3::hash(part).as_bytes());
        }
        (Box::new(ToyPake { secret: *secret.finalize().as_bytes(), message: message.clone() }), message)
    }

    fn identity(&self) -> [u8; 32] {
        self.identity
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        Self::signature(&self.identity, message)
    }

    fn verify(&self, identity: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        Self::signature(identity, message) == *signature
    }
}

struct ToyPake {
    secret: [u8; 32],
    message: Vec<u8>,
}

impl PakeState for ToyPake {
    fn finish(self: Box<Self>, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, PakeRejected> {
        if peer.len() != 33 || peer[0] == self.message[0] || peer[1..] == self.message[1..] {
            return Err(PakeRejected);
        }
        let (a, b) = if peer[0] == b'A' { (peer, &self.message[..]) } else { (&self.message[..], peer) };
        let key = blake3::Hasher::new_keyed(&self.secret).update(a).update(b).finalize();
        Ok(Zeroizing::new(*key.as_bytes()))
    }
}

/// The channel of a fuzzed exchange.
fn binding() -> Binding {
    Binding { exporter: [1; 32], dialer_key: vec![2; 44], listener_key: vec![3; 44] }
}

/// Decodes a control message; what decodes must encode to something that decodes to the same.
pub fn fuzz_message(data: &[u8]) {
    if let Ok(Some(message)) = Message::decode(data) {
        let again = Message::decode(&message.encode());
        assert_eq!(again.ok().flatten(), Some(message));
    }
}

/// Reads a code; what is one must be shown as something that reads the same. Asks for repairs and completions.
pub fn fuzz_code(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(code) = text.parse::<Code>() {
        assert_eq!(code.to_string().parse(), Ok(code));
    }
    if let Some(word) = suggest(text) {
        assert_eq!(suggest(word), Some(word));
    }
    assert!(completions(text).iter().all(|word| word.starts_with(text)));
}

/// Hands length-prefixed frames to both machines, which may refuse them, but not panic, pair, or go on for ever. The
/// first byte says how their drivers decide.
pub fn fuzz_machines(data: &[u8]) {
    let Some((&decisions, mut rest)) = data.split_first() else {
        return;
    };
    let Ok(code) = Code::random(4821, 2, &mut |out: &mut [u8]| out.fill(7)) else {
        return;
    };
    let config = PairingConfig::default();
    let mut dialer = if decisions & 1 == 0 {
        Dialer::with_code(&config, Toy::new(1), binding(), code.clone())
    } else {
        Dialer::with_pair_key(&config, Toy::new(1), binding(), Zeroizing::new([9; 32]), [8; 32])
    };
    let mut listener = Listener::new(&config, Toy::new(2), binding());
    let mut now = Duration::ZERO;
    while let Some((&len, tail)) = rest.split_first() {
        let (frame, tail) = tail.split_at(usize::from(len).min(tail.len()));
        rest = tail;
        now += Duration::from_millis(u64::from(decisions));
        let _ = dialer.handle_frame(now, frame);
        let _ = listener.handle_frame(now, frame);
        dialer.handle_timeout(now);
        listener.handle_timeout(now);
        while let Some(event) = listener.poll_event() {
            decide(&mut listener, now, &code, decisions, &event);
        }
        while let Some(event) = dialer.poll_event() {
            assert!(!matches!(event, PairingEvent::Paired(_)), "nobody knew the code");
        }
        while dialer.poll_frame().is_some() || listener.poll_frame().is_some() {}
    }
}

fn decide(listener: &mut Listener<Toy>, now: Duration, code: &Code, decisions: u8, event: &PairingEvent) {
    match event {
        PairingEvent::CodeAttempt { .. } if decisions & 2 == 0 => {
            let _ = listener.grant(now, code);
        }
        PairingEvent::Knock { .. } if decisions & 4 == 0 => {
            let _ = listener.accept_knock(now, Zeroizing::new([9; 32]), [8; 32]);
        }
        PairingEvent::CodeAttempt { .. } | PairingEvent::Knock { .. } => listener.refuse(Reason::Busy),
        PairingEvent::Identified { .. } | PairingEvent::Paired(_) => panic!("nobody knew the code"),
        _ => {}
    }
}
