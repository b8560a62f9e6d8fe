//! Sets of runs against a plain set.

use alloc::collections::BTreeSet;
use core::ops::Range;

use proptest::prelude::*;

use crate::runs::RunSet;

proptest! {
    #[test]
    fn runs_are_a_set(steps in prop::collection::vec((any::<bool>(), 0u64..40, 0u64..12), 0..60)) {
        let (mut runs, mut plain) = (RunSet::default(), BTreeSet::new());
        for (insert, first, len) in steps {
            let range = first..first + len;
            let there = range.clone().any(|number| plain.contains(&number));
            prop_assert_eq!(runs.has_any(&range), there);
            if insert {
                prop_assert_eq!(runs.insert(range.clone()), !there);
                if !there {
                    plain.extend(range);
                }
            } else {
                prop_assert_eq!(runs.remove(range.clone()), there);
                plain.retain(|number| !range.contains(number));
            }
            prop_assert_eq!(runs.is_empty(), plain.is_empty());
            prop_assert_eq!(runs.count(), neighbours(&plain), "neighbours are one run");
        }
    }
}

fn neighbours(plain: &BTreeSet<u64>) -> usize {
    plain.iter().filter(|&&number| number == 0 || !plain.contains(&(number - 1))).count()
}

/// 2^45 blocks are a file of 2^63 bytes. A set that took time or memory for each would not end.
#[test]
fn a_huge_file_costs_one_run() {
    const ALL: Range<u64> = 0..1 << 45;
    let mut runs = RunSet::default();
    assert!(runs.insert(ALL));
    assert!((0..1000).all(|block| runs.remove(block..block + 1)));
    assert_eq!(runs.count(), 1);
    assert!(runs.remove(ALL) && runs.is_empty());
}

#[test]
fn the_last_number_fits() {
    let mut runs = RunSet::default();
    assert!(runs.insert(u64::MAX - 1..u64::MAX));
    assert!(!runs.insert(0..u64::MAX));
    assert!(runs.remove(0..u64::MAX) && runs.is_empty());
}
