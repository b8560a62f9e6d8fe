//! Bounds and deadlines of a transfer, with their reasons.

use core::time::Duration;

use crate::content::ManifestLimits;

/// Longest text either side may attach to a status or an abort. Enough for a sentence and a path; too short to flood
/// a terminal.
pub const MAX_TEXT: usize = 512;

/// Most digests in one `CHECK`: 8,192 × 32 bytes is 256 KiB, a quarter of a control frame.
pub const MAX_CHECKED_DIGESTS: usize = 8_192;

/// Most entries in one `RESULT`: each is at most about 600 bytes, so 1,024 stay under a control frame.
pub const MAX_RESULT_ENTRIES: usize = 1_024;

/// Most block ranges in one `NEED`: two numbers each, 16,384 stay under a third of a control frame.
pub(crate) const MAX_NEED_RANGES: usize = 16_384;

/// Longest path in a `NOTE`, in bytes: the longest that a manifest may hold by default.
pub(crate) const MAX_NOTE_PATH: usize = ManifestLimits::MAX_PATH;

/// Number of BLAKE3 among the digest algorithms of `NEED`.
pub(crate) const ALGORITHM_BLAKE3: u8 = 1;

/// How long the machines wait for the other side to go on.
#[derive(Clone, Debug)]
pub struct TransferTimeouts {
    /// From the start to `OFFER`.
    pub offer: Duration,
    /// From `BYE` sent to `BYE` received.
    pub bye: Duration,
}

impl Default for TransferTimeouts {
    fn default() -> Self {
        Self { offer: Duration::from_secs(30), bye: Duration::from_secs(5) }
    }
}

/// What a receiver is willing to take.
#[derive(Clone, Debug, Default)]
pub struct ReceiverParams {
    /// Shape of the manifest.
    pub limits: ManifestLimits,
    /// Bytes of content, all entries together.
    pub max_bytes: Option<u64>,
    /// Deadlines.
    pub timeouts: TransferTimeouts,
}
