//! Digests of blocks merge to the plain hash of the file.

use super::*;
use proptest::prelude::*;

const BLOCK: usize = 1 << BLOCK_EXPONENT;

fn block_digests(bytes: &[u8]) -> Vec<Digest> {
    let whole = bytes.len() <= BLOCK;
    (0..)
        .zip(bytes.chunks(BLOCK))
        .map(|(block, bytes)| range_digest(block * BLOCK_SIZE, bytes, whole))
        .collect()
}

fn check(bytes: &[u8]) {
    let digests = block_digests(bytes);
    let expected = Digest::from(blake3::hash(bytes));
    let size = bytes.len() as u64;
    assert_eq!(file_root(&digests, size), expected, "{size} bytes");
    let mut builder = RootBuilder::new();
    for digest in &digests {
        builder.push(*digest);
    }
    assert_eq!(builder.blocks(), digests.len() as u64);
    assert_eq!(builder.clone().finish(size + BLOCK_SIZE), None, "another number of blocks is noticed");
    assert_eq!(builder.finish(size), Some(expected));
}

#[test]
fn roots_at_the_edges() {
    let bytes = noise(9 * BLOCK + 3);
    for size in [0, 1, 1_023, 1_024, 1_025, 2_048, 2_049, 5_000] {
        check(&bytes[..size]);
    }
    for blocks in 1..=9 {
        for size in [blocks * BLOCK - 1_024, blocks * BLOCK - 1, blocks * BLOCK, blocks * BLOCK + 1] {
            check(&bytes[..size]);
        }
    }
}

#[test]
fn the_place_of_a_range_counts() {
    let bytes = noise(BLOCK);
    assert_ne!(range_digest(0, &bytes, false), range_digest(BLOCK_SIZE, &bytes, false));
    assert_ne!(range_digest(0, &bytes, false), range_digest(0, &bytes, true));
    assert_eq!(range_digest(0, &bytes, true), pack_digest(&bytes));
    let last = u64::MAX - BLOCK_SIZE + 1;
    assert_ne!(range_digest(last, &bytes, false), range_digest(0, &bytes, false));
}

#[test]
fn nothing_hashes_to_the_hash_of_nothing() {
    let nothing = Digest::from(blake3::hash(b""));
    assert_eq!(file_root(&[], 0), nothing);
    assert_eq!(range_digest(0, b"", false), nothing);
    assert_eq!(pack_digest(b""), nothing);
    assert_eq!(format!("{nothing}"), blake3::hash(b"").to_hex().as_str());
}

#[test]
fn the_builder_stays_small() {
    let mut builder = RootBuilder::new();
    (0..100_000).for_each(|_| builder.push(Digest::ZERO));
    assert!(format!("{builder:?}").matches("Digest(").count() <= 18);
}

#[test]
fn digests_travel_as_byte_strings() {
    let digest = pack_digest(b"x");
    let bytes = minicbor::to_vec(digest).expect("memory");
    assert_eq!(bytes[..2], [0x58, 32]);
    assert_eq!(minicbor::decode::<Digest>(&bytes).expect("our own"), digest);
    assert!(minicbor::decode::<Digest>(&[0x41, 0]).is_err());
    assert_eq!(Digest::from_slice(digest.as_ref()), Some(digest));
    assert_eq!(Digest::from_slice(&[0; 31]), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn roots_of_any_size(size in 0..6 * BLOCK, around in 0..6_usize, near in 0..2_100_usize) {
        let bytes = noise(7 * BLOCK);
        check(&bytes[..size]);
        check(&bytes[..(around * BLOCK + near).saturating_sub(1_050)]);
    }
}
