//! Runs every fuzz function over its saved corpus, on a stable compiler and without libFuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of a target, and the plain function it calls.
type Target = (&'static str, fn(&[u8]));

const TARGETS: &[Target] = &[
    ("codec_decoder", sockeye_codec::fuzz::fuzz_decoder),
    ("codec_spec", sockeye_codec::fuzz::fuzz_spec),
    ("content_segment", sockeye_proto::content::fuzz::fuzz_segment),
    ("content_journal", sockeye_proto::content::fuzz::fuzz_journal),
    ("delivery_machines", sockeye_proto::delivery::fuzz::fuzz_machines),
    ("delivery_message", sockeye_proto::delivery::fuzz::fuzz_message),
    ("delivery_packet", sockeye_proto::delivery::fuzz::fuzz_packet),
    ("discovery_datagram", sockeye_proto::discovery::fuzz::fuzz_datagram),
    ("discovery_machines", sockeye_proto::discovery::fuzz::fuzz_machines),
    ("fec_code", sockeye_fec::fuzz::fuzz_code),
    ("net_endpoint", sockeye_net::endpoint::fuzz::fuzz_endpoint),
    ("pairing_message", sockeye_proto::pairing::fuzz::fuzz_message),
    ("pairing_code", sockeye_proto::pairing::fuzz::fuzz_code),
    ("pairing_machines", sockeye_proto::pairing::fuzz::fuzz_machines),
    ("transfer_message", sockeye_proto::transfer::fuzz::fuzz_message),
    ("transfer_data_header", sockeye_proto::transfer::fuzz::fuzz_data_header),
    ("transfer_machines", sockeye_proto::transfer::fuzz::fuzz_machines),
];

#[test]
fn every_corpus_passes() {
    for (target, function) in TARGETS {
        let files = files_in(&folder("corpus").join(target));
        assert!(!files.is_empty(), "no corpus for {target}");
        for file in files {
            println!("{}", file.display()); // shown when the function panics
            function(&fs::read(&file).expect("the file can be read"));
        }
    }
}

#[test]
fn every_target_is_listed_here() {
    let stem = |file: PathBuf| file.file_stem().expect("files have names").to_string_lossy().into_owned();
    let targets: BTreeSet<String> = files_in(&folder("fuzz_targets")).into_iter().map(stem).collect();
    let listed: BTreeSet<String> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
    assert_eq!(targets, listed);
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is part of the repository");
    entries.map(|entry| entry.expect("the folder can be listed").path()).collect()
}
