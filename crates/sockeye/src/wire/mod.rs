//! Connections between two machines: TLS with keys made for this run, the framed control connection, and the lanes
//! that carry data (`specs/04-transfer.md` §1).

pub(crate) mod control;
pub(crate) mod lane;
pub(crate) mod tls;
