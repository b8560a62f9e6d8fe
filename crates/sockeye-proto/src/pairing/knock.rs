//! Coming back without a code: a tag that proves knowledge of the pair key on this channel, and tells nobody else
//! anything (`specs/03-pairing.md` §6.4).

use super::{
    config::{Binding, Role},
    keys,
};

/// The tag that `role` sends.
pub fn tag(role: Role, pair_key: &[u8; 32], binding: &Binding) -> [u8; 32] {
    keys::knock_tag(role, pair_key, binding)
}

/// Whether a dialer's tag was made with this pair key, on this channel.
pub fn matches(pair_key: &[u8; 32], binding: &Binding, tag: &[u8; 32]) -> bool {
    keys::same(&keys::knock_tag(Role::Dialer, pair_key, binding), tag)
}
