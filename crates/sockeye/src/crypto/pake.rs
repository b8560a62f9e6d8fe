//! SPAKE2 with the checks that the `spake2` crate leaves out.

use curve25519_dalek::edwards::CompressedEdwardsY;
use sockeye_proto::pairing::{PakeRejected, PakeState, Role};
use spake2::{Ed25519Group, Identity, Password, Spake2};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a message: whose it is, and a compressed point.
const MESSAGE_LEN: usize = 33;

struct Exchange {
    state: Spake2<Ed25519Group>,
    ours: Vec<u8>,
}

/// Starts the asymmetric form: the two roles blind with different points, so that no message means anything when it
/// is sent back to its author.
pub(super) fn start(
    role: Role,
    password: &[u8],
    dialer_id: &[u8],
    listener_id: &[u8],
) -> (Box<dyn PakeState>, Vec<u8>) {
    let password = Password::new(password);
    let (dialer, listener) = (Identity::new(dialer_id), Identity::new(listener_id));
    let (state, message) = match role {
        Role::Dialer => Spake2::<Ed25519Group>::start_a(&password, &dialer, &listener),
        Role::Listener => Spake2::<Ed25519Group>::start_b(&password, &dialer, &listener),
    };
    (Box::new(Exchange { state, ours: message.clone() }), message)
}

impl PakeState for Exchange {
    fn finish(self: Box<Self>, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, PakeRejected> {
        check(peer, &self.ours)?;
        let mut key = self.state.finish(peer).map_err(|_| PakeRejected)?;
        let mut shared = Zeroizing::new([0; 32]);
        let fits = key.len() == shared.len();
        if fits {
            shared.copy_from_slice(&key);
        }
        key.zeroize();
        if fits { Ok(shared) } else { Err(PakeRejected) }
    }
}

/// Refuses what is not an element of the prime-order group other than its identity, spelled in the one right way,
/// and our own element under either role (RFC 9382 §4 asks for the group check; the crate does none).
fn check(peer: &[u8], ours: &[u8]) -> Result<(), PakeRejected> {
    if peer.len() != MESSAGE_LEN || ours.len() != MESSAGE_LEN || peer[1..] == ours[1..] {
        return Err(PakeRejected);
    }
    let compressed = CompressedEdwardsY::from_slice(&peer[1..]).map_err(|_| PakeRejected)?;
    let point = compressed.decompress().ok_or(PakeRejected)?;
    let sound = point.compress() == compressed && !point.is_small_order() && point.is_torsion_free();
    if sound { Ok(()) } else { Err(PakeRejected) }
}
