//! What can be wrong with a datagram, and what with a configuration.

/// Why a datagram was dropped. None of these is ever answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Longer than [`super::MAX_DATAGRAM`].
    #[error("{0} bytes are more than a datagram may have")]
    TooLong(usize),
    /// Does not begin with the magic bytes: some other program's datagram.
    #[error("not a discovery datagram")]
    NotOurs,
    /// Another version of the format.
    #[error("version {0} of the discovery format is not known")]
    OtherVersion(u8),
    /// A kind of datagram from a later release.
    #[error("datagram of unknown kind {0}")]
    UnknownKind(u8),
    /// A field without which the datagram must not be understood, and which is not known here.
    #[error("unknown critical field {0}")]
    UnknownCritical(u16),
    /// A field reaches beyond the end, or bytes are left over.
    #[error("truncated")]
    Truncated,
    /// The same field twice.
    #[error("field {0} comes twice")]
    Repeated(u16),
    /// A field that this kind needs is not there.
    #[error("no {0}")]
    Missing(&'static str),
    /// A field has a length or a value that it cannot have.
    #[error("bad {0}")]
    BadField(&'static str),
}

impl WireError {
    /// The datagram comes from a later release rather than from a broken or hostile program.
    pub const fn is_incompatible(self) -> bool {
        matches!(self, Self::OtherVersion(_) | Self::UnknownKind(_) | Self::UnknownCritical(_))
    }
}

/// What the caller asked for that cannot be: always the caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Port 0 cannot be announced.
    #[error("port 0 cannot be announced")]
    Port,
    /// A nameplate outside 1 to 9999.
    #[error("{0} is not a nameplate: it must be from 1 to 9999")]
    Nameplate(u16),
    /// An empty name, or one longer than [`super::MAX_NAME`] bytes.
    #[error("a name of {0} bytes cannot be announced: it must have 1 to 64")]
    Name(usize),
}
