//! What came and is no message, as a sentence and as an event.

use serde_json::{Value, json};
use sockeye::{Framing, Malformed, Truncated, message::Received};

/// Something that is no message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Odd {
    /// Bytes that belong to no message were passed over.
    Garbage { offset: u64, len: u64 },
    /// A message announces more than is allowed.
    Oversize { offset: u64, announced: u64 },
    /// A byte that cannot stand where it stands.
    Invalid { offset: u64, reason: Malformed },
    /// The end came inside a message.
    Truncated(Truncated),
}

impl Odd {
    /// What was found, if it is no message.
    pub(crate) const fn of(received: &Received<'_>) -> Option<Self> {
        match *received {
            Received::Garbage { offset, len } => Some(Self::Garbage { offset, len }),
            Received::Oversize { offset, announced } => Some(Self::Oversize { offset, announced }),
            Received::Invalid { offset, reason } => Some(Self::Invalid { offset, reason }),
            _ => None,
        }
    }

    /// The sentence; `framing` is what a message should have been in.
    pub(crate) fn sentence(&self, framing: &Framing) -> String {
        match self {
            Self::Garbage { offset, len } => {
                let bytes = if *len == 1 { "1 byte".to_owned() } else { format!("{len} bytes") };
                format!("{bytes} at offset {offset} belong to no message of {framing} and were passed over")
            }
            Self::Oversize { offset, announced } => format!(
                "at offset {offset} a message of {announced} bytes is announced, more than {framing} allows; {}",
                remedy(*announced)
            ),
            Self::Invalid { offset, reason } => {
                format!("at offset {offset} what came does not parse as {framing}: {reason}")
            }
            Self::Truncated(cut) => format!("{cut}; what there is of it is no message of {framing}"),
        }
    }

    /// Name and fields of the event.
    pub(crate) fn event(&self, framing: &Framing) -> (&'static str, Value) {
        match self {
            Self::Garbage { offset, len } => ("garbage", json!({ "off": offset, "len": len })),
            Self::Oversize { offset, announced } => {
                ("oversize", json!({ "off": offset, "announced": announced }))
            }
            Self::Invalid { offset, .. } => {
                ("invalid", json!({ "off": offset, "message": self.sentence(framing) }))
            }
            Self::Truncated(cut) => ("truncated", json!({ "have": cut.have, "need": cut.need })),
        }
    }
}

/// What may be behind a length that is not allowed: text that was taken for one, for example, whose four bytes are printable.
fn remedy(announced: u64) -> String {
    let looks = u32::try_from(announced).ok().map(u32::to_be_bytes);
    looks.filter(|bytes| bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))).map_or_else(
        || "allow more with max= or check that both sides use the same framing".to_owned(),
        |bytes| {
            let text = bytes.escape_ascii();
            format!("that is \"{text}\" read as a number: the other side speaks something else")
        },
    )
}
