//! Runs the fuzz functions over their saved corpus, on a stable compiler.

use std::fs;
use std::path::Path;

#[test]
fn decoder() {
    run("codec_decoder", sockeye_codec::fuzz::fuzz_decoder);
}

/// Feeds every file of `fuzz/corpus/<target>` to a fuzz function.
fn run(target: &str, function: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files = 0;
    for file in fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = file.expect("the folder can be listed").path();
        println!("{}", path.display()); // shown when the function panics
        function(&fs::read(&path).expect("the file can be read"));
        files += 1;
    }
    assert!(files > 0, "no corpus in {}", folder.display());
}
