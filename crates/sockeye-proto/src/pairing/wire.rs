//! Messages of pairing (`specs/03-pairing.md` §4).

use alloc::{borrow::ToOwned, vec::Vec};

use minicbor::{Decode, Encode};

use crate::{
    envelope,
    hello::{HELLO, Hello},
};

use super::{
    config::{MAX_PAIRING_FRAME, MAX_PAKE_MESSAGE, MAX_REFUSAL_TEXT},
    error::PairingError,
    event::{Reason, Refusal},
};

/// Message kinds; all are critical.
pub(crate) mod kind {
    pub(crate) const ATTEMPT: u16 = 0x0002;
    pub(crate) const ANSWER: u16 = 0x0003;
    pub(crate) const CONFIRM: u16 = 0x0004;
    pub(crate) const KNOCK: u16 = 0x0005;
    pub(crate) const KNOCKED: u16 = 0x0006;
    pub(crate) const IDENTITY: u16 = 0x0007;
    pub(crate) const REFUSED: u16 = 0x0008;
}

/// One message of pairing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Hello(Hello),
    Attempt { nameplate: u16, pake: Vec<u8> },
    Answer { pake: Vec<u8> },
    Confirm { tag: [u8; 32] },
    Knock { tag: [u8; 32] },
    Knocked { tag: [u8; 32] },
    Identity { key: [u8; 32], signature: [u8; 64] },
    Refused(Refusal),
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct AttemptMap<'a> {
    #[n(0)]
    nameplate: u16,
    #[cbor(b(1), with = "minicbor::bytes")]
    pake: &'a [u8],
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct AnswerMap<'a> {
    #[cbor(b(0), with = "minicbor::bytes")]
    pake: &'a [u8],
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct TagMap {
    #[cbor(n(0), with = "minicbor::bytes")]
    tag: [u8; 32],
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct IdentityMap {
    #[cbor(n(0), with = "minicbor::bytes")]
    key: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    signature: [u8; 64],
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct RefusedMap<'a> {
    #[n(0)]
    reason: u8,
    #[b(1)]
    text: &'a str,
}

impl Message {
    /// What the message is called, for errors and deadlines.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "HELLO",
            Self::Attempt { .. } => "ATTEMPT",
            Self::Answer { .. } => "ANSWER",
            Self::Confirm { .. } => "CONFIRM",
            Self::Knock { .. } => "KNOCK",
            Self::Knocked { .. } => "KNOCKED",
            Self::Identity { .. } => "IDENTITY",
            Self::Refused(_) => "REFUSED",
        }
    }

    /// The payload of the message's control frame.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello(hello) => hello.encode(),
            Self::Attempt { nameplate, pake } => {
                frame(kind::ATTEMPT, &AttemptMap { nameplate: *nameplate, pake })
            }
            Self::Answer { pake } => frame(kind::ANSWER, &AnswerMap { pake }),
            Self::Confirm { tag } => frame(kind::CONFIRM, &TagMap { tag: *tag }),
            Self::Knock { tag } => frame(kind::KNOCK, &TagMap { tag: *tag }),
            Self::Knocked { tag } => frame(kind::KNOCKED, &TagMap { tag: *tag }),
            Self::Identity { key, signature } => {
                frame(kind::IDENTITY, &IdentityMap { key: *key, signature: *signature })
            }
            Self::Refused(refusal) => {
                frame(kind::REFUSED, &RefusedMap { reason: refusal.reason.number(), text: &refusal.text })
            }
        }
    }

    /// Reads the payload of a control frame. `None`: a message of a later version that may be skipped.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<Self>, PairingError> {
        if payload.len() > MAX_PAIRING_FRAME {
            return Err(PairingError::Malformed("control frame: too long before pairing"));
        }
        let envelope = envelope::decode(payload)?;
        let body = envelope.body;
        Ok(Some(match envelope.kind {
            HELLO => Self::Hello(Hello::decode(body).map_err(|_| PairingError::Malformed("HELLO"))?),
            kind::ATTEMPT => attempt(&map(body, "ATTEMPT")?)?,
            kind::ANSWER => {
                Self::Answer { pake: pake(map::<AnswerMap<'_>>(body, "ANSWER")?.pake, "ANSWER")? }
            }
            kind::CONFIRM => Self::Confirm { tag: map::<TagMap>(body, "CONFIRM")?.tag },
            kind::KNOCK => Self::Knock { tag: map::<TagMap>(body, "KNOCK")?.tag },
            kind::KNOCKED => Self::Knocked { tag: map::<TagMap>(body, "KNOCKED")?.tag },
            kind::IDENTITY => {
                let IdentityMap { key, signature } = map(body, "IDENTITY")?;
                Self::Identity { key, signature }
            }
            kind::REFUSED => refused(&map(body, "REFUSED")?)?,
            _ if envelope.critical => {
                return Err(PairingError::Misbehaved("an unknown message that is critical"));
            }
            _ => return Ok(None),
        }))
    }
}

fn attempt(map: &AttemptMap<'_>) -> Result<Message, PairingError> {
    Ok(Message::Attempt { nameplate: map.nameplate, pake: pake(map.pake, "ATTEMPT")? })
}

fn pake(bytes: &[u8], what: &'static str) -> Result<Vec<u8>, PairingError> {
    if bytes.is_empty() || bytes.len() > MAX_PAKE_MESSAGE {
        return Err(PairingError::Malformed(what));
    }
    Ok(bytes.to_vec())
}

fn refused(map: &RefusedMap<'_>) -> Result<Message, PairingError> {
    if map.text.len() > MAX_REFUSAL_TEXT {
        return Err(PairingError::Malformed("REFUSED"));
    }
    Ok(Message::Refused(Refusal { reason: Reason::from_number(map.reason), text: map.text.to_owned() }))
}

fn frame<T: Encode<()>>(kind: u16, message: &T) -> Vec<u8> {
    let body = envelope::encode_map(message);
    let mut frame = Vec::new();
    envelope::encode(kind, true, &body, &mut frame);
    frame
}

fn map<'b, T: Decode<'b, ()>>(body: &'b [u8], what: &'static str) -> Result<T, PairingError> {
    envelope::decode_map(body).map_err(|_| PairingError::Malformed(what))
}
