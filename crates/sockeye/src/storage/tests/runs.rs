use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::runs::Runs;

proptest! {
    #[test]
    fn runs_are_sets(blocks in prop::collection::vec(0u64..60, 0..80), total in 0u64..70) {
        let (mut runs, mut set) = (Runs::default(), BTreeSet::new());
        for block in blocks {
            prop_assert_eq!(runs.insert(block), set.insert(block));
        }
        prop_assert_eq!(runs.len(), set.len() as u64);
        for block in 0..70 {
            prop_assert_eq!(runs.contains(block), set.contains(&block));
        }
        let missing: Vec<u64> = runs.missing(total).into_iter().flatten().collect();
        let expected: Vec<u64> = (0..total).filter(|block| !set.contains(block)).collect();
        prop_assert_eq!(missing, expected);
        prop_assert_eq!(runs.is_empty(), set.is_empty());
    }
}

#[test]
fn the_largest_number_is_a_block_like_any_other() {
    let mut runs = Runs::default();
    assert!(runs.insert(u64::MAX - 1));
    assert!(!runs.insert(u64::MAX - 1));
    assert!(runs.contains(u64::MAX - 1) && !runs.contains(0));
}
