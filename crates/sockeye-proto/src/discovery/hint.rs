//! Hints: how remembered peers recognise each other's datagrams while nobody else can link two of them.
//!
//! A tag is the first eight bytes of BLAKE3, keyed by the hint key, over everything that makes the datagram what it
//! is (specification, section 5). The salt is drawn anew for every datagram, so tags never repeat, and free places
//! are filled with random bytes, so their number tells nothing.

use alloc::vec::Vec;
use core::{fmt, num::NonZeroU16};

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::{
    RunId,
    config::{MAX_HINTS, Random, draw},
};

/// Length of a salt, a nonce and a tag, in bytes.
pub const HINT_LEN: usize = 8;

/// Told before the fields in every tag, so that a tag is good for nothing else.
const CONTEXT: &[u8] = b"sockeye discovery 1 hint";

/// A secret of 32 bytes that two remembered peers share, made of their pair key for one of them as the announcer
/// (specification, section 5).
#[derive(Clone)]
pub struct PairKey([u8; 32]);

impl PairKey {
    /// Takes the key.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    fn tag(&self, scene: &Scene) -> [u8; HINT_LEN] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(CONTEXT);
        hasher.update(&[scene.kind]);
        hasher.update(&scene.salt);
        hasher.update(&scene.nonce);
        hasher.update(&scene.run);
        hasher.update(&scene.port);
        let mut tag = [0; HINT_LEN];
        hasher.finalize_xof().fill(&mut tag);
        tag
    }
}

impl fmt::Debug for PairKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairKey(..)")
    }
}

impl Drop for PairKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What a tag is bound to besides the salt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    kind: u8,
    nonce: [u8; HINT_LEN],
    run: [u8; 16],
    port: [u8; 2],
}

impl Binding {
    /// Of a beacon (`nonce` absent) or an answer.
    pub(crate) fn announcement(
        kind: u8,
        nonce: Option<[u8; HINT_LEN]>,
        run: RunId,
        port: NonZeroU16,
    ) -> Self {
        Self { kind, nonce: nonce.unwrap_or_default(), run: run.0, port: port.get().to_be_bytes() }
    }

    /// Of a query, which has no run and no port.
    pub(crate) fn query(kind: u8, nonce: [u8; HINT_LEN]) -> Self {
        Self { kind, nonce, run: [0; 16], port: [0; 2] }
    }
}

/// A binding with its salt.
struct Scene {
    kind: u8,
    salt: [u8; HINT_LEN],
    nonce: [u8; HINT_LEN],
    run: [u8; 16],
    port: [u8; 2],
}

/// A salt and 1 to [`MAX_HINTS`] tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hints {
    pub(crate) salt: [u8; HINT_LEN],
    pub(crate) tags: Vec<[u8; HINT_LEN]>,
}

impl Hints {
    fn scene(&self, binding: Binding) -> Scene {
        let Binding { kind, nonce, run, port } = binding;
        Scene { kind, salt: self.salt, nonce, run, port }
    }

    /// One tag, for a query.
    pub(crate) fn single(random: &mut impl Random, binding: Binding, key: &PairKey) -> Self {
        let mut hints = Self { salt: draw(random), tags: Vec::new() };
        hints.tags.push(key.tag(&hints.scene(binding)));
        hints
    }

    /// Exactly [`MAX_HINTS`] tags: of the first so many keys, then random ones.
    pub(crate) fn filled<'a>(
        random: &mut impl Random,
        binding: Binding,
        keys: impl Iterator<Item = &'a PairKey>,
    ) -> Self {
        let mut hints = Self { salt: draw(random), tags: Vec::with_capacity(MAX_HINTS) };
        let scene = hints.scene(binding);
        hints.tags.extend(keys.take(MAX_HINTS).map(|key| key.tag(&scene)));
        while hints.tags.len() < MAX_HINTS {
            hints.tags.push(draw(random));
        }
        hints
    }

    /// Which of `keys` made one of the tags. Every key is tried, so the time tells nothing.
    pub(crate) fn find(&self, binding: Binding, keys: &[PairKey]) -> Option<usize> {
        let scene = self.scene(binding);
        let mut found = None;
        for (position, key) in keys.iter().enumerate() {
            let expected = key.tag(&scene);
            let hit = self.tags.iter().fold(subtle::Choice::from(0), |hit, tag| hit | tag.ct_eq(&expected));
            if bool::from(hit) && found.is_none() {
                found = Some(position);
            }
        }
        found
    }
}
