//! Runs the fuzz functions over their saved corpus, on a stable compiler.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sockeye_codec::fuzz::{framing_of, fuzz_decoder, fuzz_spec};

#[test]
fn decoder() {
    for (name, data) in files("codec_decoder") {
        println!("{name}"); // shown when the function panics
        fuzz_decoder(&data);
    }
}

#[test]
fn spec() {
    for (name, data) in files("codec_spec") {
        println!("{name}");
        fuzz_spec(&data);
    }
}

#[test]
fn files_say_which_framing_they_are_in() {
    let mut used = BTreeSet::new();
    for (name, data) in files("codec_decoder") {
        let framing = framing_of(&data).unwrap_or_else(|| panic!("{name} is empty"));
        assert!(name.starts_with(&format!("{}-", slug(framing))), "{name} is in {framing}");
        used.insert(framing);
    }
    let all: BTreeSet<_> = (0..=u8::MAX).filter_map(|choice| framing_of(&[choice])).collect();
    assert_eq!(used, all, "there is a file in every framing");
}

/// A framing without its settings, as it begins a file's name: `mark:'aa'..'ab',max=20` is `mark-aa-ab`.
fn slug(framing: &str) -> String {
    let (name, _) = framing.split_once(',').unwrap_or((framing, ""));
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Every file of `fuzz/corpus/<target>`: its name and its bytes.
fn files(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files = Vec::new();
    for file in fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let file = file.expect("the folder can be listed");
        let name = file.file_name().to_string_lossy().into_owned();
        files.push((name, fs::read(file.path()).expect("the file can be read")));
    }
    assert!(!files.is_empty(), "no corpus in {}", folder.display());
    files
}
