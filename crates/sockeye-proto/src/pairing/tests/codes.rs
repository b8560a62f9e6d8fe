//! Codes and the list their words come from.

use alloc::{collections::BTreeSet, format, string::ToString, vec, vec::Vec};

use proptest::prelude::*;

use crate::pairing::{Code, CodeError, MAX_CODE, MAX_WORDS, completions, suggest, words};

#[test]
fn the_list_is_what_the_specification_says() {
    let list = words();
    assert_eq!(list.len(), 2048);
    assert!(list.is_sorted_by(|a, b| a < b));
    assert!(
        list.iter()
            .all(|word| (4..=7).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase()))
    );
    let prefixes: BTreeSet<_> = list.iter().map(|word| &word[..4]).collect();
    assert_eq!(prefixes.len(), list.len());
}

/// Letters replaced, left out, put in, or exchanged with their neighbours to make `b` from `a`. Written for the tests,
/// so that it does not share a mistake with [`suggest`].
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[test]
fn words_are_two_slips_apart() {
    let list = words();
    for (index, a) in list.iter().enumerate() {
        for b in &list[index + 1..] {
            // Words whose lengths differ by two are two slips apart already.
            assert!(a.len().abs_diff(b.len()) > 1 || distance(a, b) > 1, "{a} {b}");
        }
    }
}

#[test]
fn what_is_a_code_and_what_is_not() {
    let table = [
        ("4821-tulip-harbor", Ok("4821-tulip-harbor")),
        ("  4821 Tulip HARBOR\n", Ok("4821-tulip-harbor")),
        ("4821 - tulip -- harbor-", Ok("4821-tulip-harbor")),
        ("7-sixsix", Ok("7-sixsix")),
        ("0042-abc-def", Ok("42-abc-def")),
        ("9999-a-b-c-d-e-f", Ok("9999-a-b-c-d-e-f")),
        ("4821-tulip", Err(CodeError::TooShort)),
        ("4821-a-b-c", Err(CodeError::TooShort)),
        ("4821", Err(CodeError::NoWords)),
        ("4821- -", Err(CodeError::NoWords)),
        ("", Err(CodeError::Nameplate)),
        ("-", Err(CodeError::Nameplate)),
        ("0-tulip-harbor", Err(CodeError::Nameplate)),
        ("10000-tulip-harbor", Err(CodeError::Nameplate)),
        ("00042-tulip-harbor", Err(CodeError::Nameplate)),
        ("+42-tulip-harbor", Err(CodeError::Nameplate)),
        ("４２-tulip-harbor", Err(CodeError::Nameplate)),
        ("tulip-harbor", Err(CodeError::Nameplate)),
        ("4821-tulip-harb0r", Err(CodeError::NotLetters)),
        ("4821-tulip-härbor", Err(CodeError::NotLetters)),
        ("4821-tulip-\u{212a}arbor", Err(CodeError::NotLetters)),
        ("4821-tulip\0harbor", Err(CodeError::NotLetters)),
        ("4821-tulip@harbor", Err(CodeError::NotLetters)),
    ];
    for (text, expected) in table {
        let parsed = text.parse::<Code>().map(|code| code.to_string());
        assert_eq!(parsed, expected.map(ToString::to_string), "{text:?}");
    }
    let longest = format!("4821-{}", "a".repeat(MAX_CODE - 5));
    assert!(longest.parse::<Code>().is_ok());
    assert_eq!(format!("{longest}a").parse::<Code>(), Err(CodeError::TooLong));
    assert_eq!("4821-tulip-harbor".parse::<Code>().unwrap().words(), "tulip-harbor");
}

#[test]
fn random_words_are_equally_likely() {
    // Every draw there is, once: each word must come out equally often, and each nameplate.
    let (mut drawn, mut word_counts, mut plate_counts) =
        (0u32, vec![0u32; words().len()], vec![0u32; 10_000]);
    let mut next = |out: &mut [u8]| {
        out.copy_from_slice(&u16::try_from(drawn % 65_536).unwrap().to_le_bytes());
        drawn += 1;
    };
    for _ in 0..65_536 / 2 {
        let code = Code::random(1000, 2, &mut next).unwrap();
        for word in code.words().split('-') {
            word_counts[words().binary_search(&word).unwrap()] += 1;
        }
    }
    assert!(word_counts.iter().all(|&count| count == 32), "{word_counts:?}");
    for _ in 0..63_000 {
        plate_counts[usize::from(Code::random_nameplate(&mut next))] += 1;
    }
    assert!(plate_counts[..1000].iter().all(|&count| count == 0));
    assert!(plate_counts[1000..].iter().all(|&count| count == 7));
}

#[test]
fn random_codes_are_codes() {
    let mut state = 1u64;
    let mut random = |out: &mut [u8]| {
        for byte in out {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_be_bytes()[0];
        }
    };
    for count in 2..=MAX_WORDS {
        let nameplate = Code::random_nameplate(&mut random);
        let code = Code::random(nameplate, count, &mut random).unwrap();
        assert_eq!(code.words().split('-').count(), count);
        assert_eq!(code.to_string().parse(), Ok(code));
    }
    assert_eq!(Code::random(4821, 1, &mut random), Err(CodeError::WordCount));
    assert_eq!(Code::random(4821, MAX_WORDS + 1, &mut random), Err(CodeError::WordCount));
    assert_eq!(Code::random(0, 2, &mut random), Err(CodeError::Nameplate));
    assert_eq!(Code::random(10_000, 2, &mut random), Err(CodeError::Nameplate));
}

#[test]
fn completions_of_a_beginning() {
    assert_eq!(completions("").len(), words().len());
    assert_eq!(completions("zzzz"), [""; 0]);
    assert_eq!(completions("~"), [""; 0]);
    for word in words() {
        assert!(completions(&word[..2]).contains(word));
        assert_eq!(completions(&word[..4]), [*word]);
        assert_eq!(completions(word), [*word]);
    }
}

#[test]
fn what_was_probably_meant() {
    for word in words() {
        assert_eq!(suggest(word), Some(*word));
        assert_eq!(suggest(&word.to_ascii_uppercase()), Some(*word));
        assert_eq!(suggest(&word[..4]), Some(*word));
    }
    let table = [
        ("tul", Some("tulip")),
        ("tul1p", Some("tulip")),
        ("tulpi", Some("tulip")),
        ("utlip", Some("tulip")),
        ("Harbour", Some("harbor")),
        ("", None),
        ("a", None),
        ("zzzzz", None),
        ("xylophonist", None),
        ("tulip-harbor", None),
    ];
    for (typed, meant) in table {
        assert_eq!(suggest(typed), meant, "{typed}");
    }
    assert_eq!(suggest(&"a".repeat(MAX_CODE + 1)), None);
}

/// [`suggest`] said in another way.
fn meant(typed: &str) -> Option<&'static str> {
    let only = |found: Vec<&'static str>| if found.len() == 1 { Some(found[0]) } else { None };
    let list = || words().iter().copied();
    list()
        .find(|word| *word == typed)
        .or_else(|| only(list().filter(|word| word.starts_with(typed)).collect()))
        .or_else(|| only(list().filter(|word| distance(typed, word) == 1).collect()))
}

proptest! {
    #[test]
    fn slips_are_repaired_when_only_one_word_can_be_meant(at in any::<prop::sample::Index>(), spot in any::<prop::sample::Index>(), letter in b'a'..=b'z', kind in 0..5) {
        let word = *at.get(words());
        let mut typed = word.as_bytes().to_vec();
        let spot = spot.index(typed.len() - 1);
        match kind {
            0 => typed[spot] = letter,
            1 => typed.insert(spot, letter),
            2 => drop(typed.remove(spot)),
            3 => typed.swap(spot, spot + 1),
            _ => typed.truncate(spot + 1),
        }
        let typed = str::from_utf8(&typed).unwrap();
        prop_assert_eq!(suggest(typed), meant(typed));
    }
}
