//! Help texts, man pages and completions are committed, so that a change of the command line shows as a change of text.
//! `SOCKEYE_BLESS=1` writes them anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{PROGRAM, repository};

#[test]
fn committed_texts_are_what_the_program_says() {
    let fresh = tempfile::tempdir().expect("a directory");
    let status = Command::new(PROGRAM).arg("generate").arg(fresh.path()).status().expect("it runs");
    assert!(status.success(), "{status}");
    for kind in ["man", "completions", "help"] {
        let committed = repository("docs").join(kind);
        let wanted = texts(&fresh.path().join(kind));
        assert!(!wanted.is_empty(), "nothing was generated in {kind}");
        if std::env::var_os("SOCKEYE_BLESS").is_some() {
            write(&committed, &wanted);
        }
        compare(kind, &texts(&committed), &wanted);
    }
}

fn compare(kind: &str, committed: &BTreeMap<PathBuf, String>, wanted: &BTreeMap<PathBuf, String>) {
    let names = |texts: &BTreeMap<PathBuf, String>| texts.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(committed), names(wanted), "files in docs/{kind}: SOCKEYE_BLESS=1 writes them anew");
    for (name, text) in wanted {
        let old = &committed[name];
        let line = old.lines().zip(text.lines()).position(|(old, new)| old != new);
        assert!(
            old == text,
            "docs/{kind}/{} differs from line {} on: read the difference after SOCKEYE_BLESS=1, then commit it",
            name.display(),
            line.unwrap_or_else(|| old.lines().count().min(text.lines().count())) + 1
        );
    }
}

fn texts(directory: &Path) -> BTreeMap<PathBuf, String> {
    let Ok(entries) = fs::read_dir(directory) else { return BTreeMap::new() };
    entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").into();
            (name, fs::read_to_string(&path).expect("text"))
        })
        .collect()
}

fn write(directory: &Path, texts: &BTreeMap<PathBuf, String>) {
    // Nothing to remove the first time.
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).expect("a directory");
    for (name, text) in texts {
        fs::write(directory.join(name), text).expect("it is written");
    }
}
