//! Payloads in, bytes out.

use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::spec::FramingSpec;

/// Puts payloads into frames.
///
/// It refuses what a receiver with the same framing would refuse.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    spec: FramingSpec,
}

impl Encoder {
    /// An encoder for one framing.
    pub const fn new(spec: FramingSpec) -> Self {
        Self { spec }
    }

    /// The framing it writes.
    pub const fn spec(&self) -> FramingSpec {
        self.spec
    }

    /// Appends one frame with this payload to `out`. On an error `out` is as it was.
    pub fn encode(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let max = self.spec.max_payload();
        if payload.len() > max {
            return Err(EncodeError::TooLong { len: payload.len(), max });
        }
        out.reserve(self.spec.header_len() + payload.len());
        self.spec.field().write(payload.len() as u64, |field| out.extend_from_slice(field));
        out.extend_from_slice(payload);
        Ok(())
    }
}
