//! Codes in text, and whether what was shown is what was expected.

/// Where the first code begins and ends: a number and at least two words, as in 4821-tulip-harbor.
pub(super) fn find_code(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let part_of_word =
        |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    for start in (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()) {
        if start > 0 && part_of_word(start - 1) {
            continue;
        }
        let mut end = start + bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut words = 0;
        while bytes.get(end) == Some(&b'-') {
            let letters = bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_lowercase()).count();
            if letters == 0 {
                break;
            }
            words += 1;
            end += 1 + letters;
        }
        if words >= 2 && !part_of_word(end) {
            return Some((start, end));
        }
    }
    None
}

/// Text between a code and the next blank, if it is an address behind `@`.
pub(super) fn address_behind(text: &str) -> Option<&str> {
    let address = text.strip_prefix('@')?;
    Some(address.split(|c: char| c.is_whitespace()).next().unwrap_or(address))
}

/// Whether lines match patterns: `...` is any lines, `…` anything within one. Says what does not.
pub(super) fn check(shown: &str, expected: &[String]) -> Result<(), String> {
    if expected.is_empty() {
        return Ok(()); // the document does not say what is shown
    }
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let patterns: Vec<&str> = expected.iter().map(|line| line.trim_end()).collect();
    if lines_match(&lines, &patterns) {
        return Ok(());
    }
    Err(format!("expected\n{}\nbut it showed\n{shown}", patterns.join("\n")))
}

fn lines_match(lines: &[&str], patterns: &[&str]) -> bool {
    match (lines, patterns) {
        ([], []) => true,
        (_, ["...", rest @ ..]) => (0..=lines.len()).any(|skipped| lines_match(&lines[skipped..], rest)),
        ([line, lines @ ..], [pattern, patterns @ ..]) => {
            line_matches(line, pattern) && lines_match(lines, patterns)
        }
        _ => false,
    }
}

fn line_matches(line: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once("…") else { return line == pattern };
    let Some(line) = line.strip_prefix(head) else { return false };
    (0..=line.len()).filter(|at| line.is_char_boundary(*at)).any(|at| line_matches(&line[at..], rest))
}

#[test]
fn codes_are_found() {
    let code = |text| find_code(text).map(|(start, end)| &text[start..end]);
    assert_eq!(code("Code: 4821-tulip-harbor"), Some("4821-tulip-harbor"));
    assert_eq!(code("x 7-a-b-c@10.0.0.1:5"), Some("7-a-b-c"));
    assert_eq!(code("2026-02-03 a1-b-c 4821-tulip 12-a-b9"), None);
    assert_eq!(address_behind("@10.0.0.1:5 -y"), Some("10.0.0.1:5"));
}

#[test]
fn wildcards() {
    let check = |shown: &str, expected: &[&str]| {
        let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        check(shown, &expected).is_ok()
    };
    assert!(check("anything", &[]));
    assert!(check("a\nb\nc\n", &["a", "...", "c"]));
    assert!(check("a\nc\n", &["a", "...", "c"]));
    assert!(check("Received 3 files in 0.1 s: /x\n", &["Received 3 files in … s: …x"]));
    assert!(!check("a\nb\n", &["a"]));
    assert!(!check("a\n", &["a", "b"]));
    assert!(!check("Received 2 files", &["Received 3 …"]));
}
