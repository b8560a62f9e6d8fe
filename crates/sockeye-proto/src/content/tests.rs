//! Tests of the content model, and what they share.

mod blocks;
mod digests;
mod journals;
mod manifests;
mod segments;

use super::*;
use alloc::{format, string::String, vec, vec::Vec};

const CONTENT_PAGE: &str = include_str!("../../../../specs/01-content.md");
const JOURNAL_PAGE: &str = include_str!("../../../../specs/02-journal.md");

/// The lines of an example in a specification, so that page and code cannot drift apart.
fn golden_lines<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("<!-- golden: {name} -->");
    let (_, rest) = page.split_once(start.as_str()).expect("the page has this example");
    let (example, _) = rest.split_once("<!-- end -->").expect("the example ends");
    example.lines().filter(|line| !line.is_empty() && !line.starts_with("```")).collect()
}

/// The bytes of an example; what follows a semicolon is comment.
fn golden_bytes(page: &str, name: &str) -> Vec<u8> {
    golden_lines(page, name)
        .iter()
        .flat_map(|line| line.split(';').next().unwrap_or("").split_whitespace())
        .map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits"))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

fn entry(parent: Option<EntryId>, name: &[u8], kind: EntryKind) -> Entry {
    Entry {
        parent,
        name: name.to_vec(),
        kind,
        mode: 0o644,
        modified: Timestamp { seconds: 1_700_000_000, nanos: 5 },
        source: SourceIdentity::default(),
    }
}

fn directory(parent: Option<EntryId>, name: &[u8]) -> Entry {
    entry(parent, name, EntryKind::Directory)
}

fn file(parent: Option<EntryId>, name: &[u8], size: u64) -> Entry {
    entry(parent, name, EntryKind::File { size: Some(size) })
}

fn stream(name: &[u8]) -> Entry {
    entry(None, name, EntryKind::File { size: None })
}

fn symlink(parent: Option<EntryId>, name: &[u8], target: &[u8]) -> Entry {
    entry(parent, name, EntryKind::Symlink { target: target.to_vec() })
}

fn manifest_of(entries: &[Entry]) -> Manifest {
    let mut manifest = Manifest::new();
    for entry in entries {
        manifest.push(entry).expect("a good entry");
    }
    manifest
}

/// Bytes that look random and are the same every time.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut bytes);
    bytes
}
