//! `SECURITY.md` says which test covers which attack. This keeps it true.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    fs::read_to_string(root().join("SECURITY.md")).unwrap()
}

/// Every `file.rs::name` in backticks.
fn named(page: &str) -> BTreeSet<(String, String)> {
    let quoted = page.split('`').skip(1).step_by(2);
    let tests = quoted.filter_map(|text| text.split_once(".rs::"));
    tests.map(|(file, name)| (format!("{file}.rs"), name.to_owned())).collect()
}

/// All source files below `crates`.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of the tests in a file.
fn tests_in(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(str::trim);
    let mut tests = BTreeSet::new();
    while let Some(line) = lines.next() {
        if !line.starts_with("#[test]") && !line.starts_with("#[tokio::test") {
            continue;
        }
        let name =
            lines.by_ref().find(|line| !line.starts_with("#[")).and_then(|line| line.split_once("fn "));
        tests.extend(name.and_then(|(_, name)| name.split_once('(')).map(|(name, _)| name.to_owned()));
    }
    tests
}

#[test]
fn every_test_that_the_page_names_exists() {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    let named = named(&page());
    assert!(named.len() > 100, "the page has a table: {}", named.len());
    for (file, name) in &named {
        let fits = files.iter().filter(|path| path.ends_with(file));
        let mut found = fits.map(|path| tests_in(path).contains(name)).peekable();
        assert!(found.peek().is_some(), "no file {file}");
        assert!(found.any(|there| there), "no test {name} in {file}");
    }
}

#[test]
fn the_page_names_every_test_of_the_hostile_peer() {
    let named = named(&page());
    let mut files = Vec::new();
    sources(&root().join("crates/sockeye/tests/hostile"), &mut files);
    for path in files {
        let file = format!("hostile/{}", path.file_name().unwrap().to_string_lossy());
        for name in tests_in(&path) {
            let own_process = name == "victim_of_its_own";
            assert!(
                own_process || file == "hostile/page.rs" || named.contains(&(file.clone(), name.clone())),
                "{file}::{name}"
            );
        }
    }
}

#[test]
fn every_line_of_the_list_of_attacks_has_its_row() {
    let page = page();
    for line in 1..=20 {
        let row = format!("| {line} | ");
        let row = page.lines().find(|text| text.starts_with(&row)).unwrap_or_else(|| panic!("no row {line}"));
        assert!(line == 19 || row.contains(".rs::"), "line {line} names no test");
    }
}
