//! How a delivery goes, for whoever looks.

use std::collections::BTreeMap;

use sockeye_proto::delivery::MemberId;

/// Of the whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct CastStatus {
    /// Bytes a second on the wire.
    pub(crate) rate: f64,
    /// Packets go.
    pub(crate) passing: bool,
    /// Who sets the rate.
    pub(crate) limiting: Option<MemberId>,
    /// Symbols sent for each source symbol.
    pub(crate) overhead: f64,
    /// Of each member.
    pub(crate) members: BTreeMap<MemberId, MemberStatus>,
}

/// Of one member.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MemberStatus {
    /// Share of packets that did not arrive lately.
    pub(crate) loss: f64,
    /// Blocks it has put together.
    pub(crate) blocks: u32,
}
