//! Questions to a person at a terminal. Whoever calls has made sure that there is one.

use std::io::{self, BufRead, IsTerminal, Write};

use rustyline::{
    Behavior, CompletionType, Config, Editor, Helper, completion::Completer, error::ReadlineError,
    highlight::Highlighter, hint::Hinter, history::DefaultHistory, validate::Validator,
};
use sockeye::{Code, Target, code_words};
use tokio::sync::mpsc;

use crate::{args::code_at, exit::Exit, output::say, trouble::Trouble};

/// Whether questions can be asked: answers come from standard input, and questions go to standard error.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a code until one is typed that can be one.
pub(crate) fn code() -> Result<(Code, Option<Target>), Trouble> {
    let mut asker = Asker::new()?;
    loop {
        let line = asker.line("Code: ")?;
        if line.trim().is_empty() {
            continue;
        }
        let typed = expand(line.trim(), code_words());
        let typed = match repair(&typed, code_words()) {
            Some(better) if asker.yes(&format!("Did you mean {better}? [Y/n] "))? => better,
            _ => typed,
        };
        match code_at(&typed) {
            Ok(found) => return Ok(found),
            Err(why) => say(&why),
        }
    }
}

/// Lines from standard input, read by a thread of their own so that an unanswered question never holds the program up.
pub(crate) fn answers() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Writes a question without ending the line.
pub(crate) fn ask(question: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(question.as_bytes()).and_then(|()| err.flush());
}

/// Whether an answer means yes. Everything else means no.
pub(crate) fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// The line editor, or plain lines where the terminal cannot be edited on.
enum Asker {
    Editor(Box<Editor<Words, DefaultHistory>>),
    Plain,
}

impl Asker {
    fn new() -> Result<Self, Trouble> {
        // On these terminals rustyline would write its prompt to standard output.
        let terminal = std::env::var("TERM").unwrap_or_default();
        if matches!(terminal.as_str(), "" | "dumb" | "cons25" | "emacs") {
            return Ok(Self::Plain);
        }
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .behavior(Behavior::PreferTerm)
            .auto_add_history(false)
            .build();
        let mut editor = Editor::with_config(config).map_err(failed)?;
        editor.set_helper(Some(Words));
        Ok(Self::Editor(Box::new(editor)))
    }

    fn line(&mut self, question: &str) -> Result<String, Trouble> {
        match self {
            Self::Editor(editor) => editor.readline(question).map_err(failed),
            Self::Plain => {
                ask(question);
                let mut line = String::new();
                let read = io::stdin().lock().read_line(&mut line).map_err(|error| failed(error.into()))?;
                if read == 0 { Err(failed(ReadlineError::Eof)) } else { Ok(line) }
            }
        }
    }

    fn yes(&mut self, question: &str) -> Result<bool, Trouble> {
        let answer = self.line(question)?;
        Ok(answer.trim().is_empty() || is_yes(&answer))
    }
}

fn failed(error: ReadlineError) -> Trouble {
    match error {
        ReadlineError::Interrupted => Trouble::Silent(Exit::Interrupted),
        ReadlineError::Io(source) => Trouble::file("read from", "(terminal)", source),
        _ => Trouble::Usage(
            "no code was typed: give it as an argument, by --code-file or in SOCKEYE_CODE".to_owned(),
        ),
    }
}

/// Completes the words of a code.
struct Words;

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&line[..position], code_words()))
    }
}

impl Hinter for Words {
    type Hint = String;
}
impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

/// Where the word at the end of `line` begins, and the words it could become. Nothing before the number is typed.
fn complete(line: &str, words: &[&str]) -> (usize, Vec<String>) {
    let Some(separator) = line.rfind(SEPARATORS) else { return (line.len(), Vec::new()) };
    let start = separator + 1;
    let prefix = line[start..].to_ascii_lowercase();
    if prefix.is_empty() || line.contains('@') {
        return (start, Vec::new());
    }
    (start, starting_with(&prefix, words).iter().map(|word| (*word).to_owned()).collect())
}

const SEPARATORS: [char; 2] = ['-', ' '];

/// The words, sorted, that begin with a prefix.
fn starting_with<'a, 'b>(prefix: &str, words: &'a [&'b str]) -> &'a [&'b str] {
    let first = words.partition_point(|word| *word < prefix);
    let length = words[first..].iter().take_while(|word| word.starts_with(prefix)).count();
    &words[first..first + length]
}

/// Writes out words of which enough is typed: `4821 tul har` becomes `4821-tulip-harbor`.
fn expand(line: &str, words: &[&str]) -> String {
    by_word(line, |word| match starting_with(word, words) {
        [first, ..] if *first == word => None,
        [only] => Some((*only).to_owned()),
        _ => None,
    })
    .0
}

/// A code with the words nearest to those typed, if a typed one is not in the list and exactly one is a single slip away.
fn repair(line: &str, words: &[&str]) -> Option<String> {
    let (repaired, changed) = by_word(line, |word| {
        if words.binary_search(&word).is_ok() {
            return None;
        }
        let mut near = words.iter().filter(|candidate| is_one_slip(word, candidate));
        match (near.next(), near.next()) {
            (Some(only), None) => Some((*only).to_owned()),
            _ => None,
        }
    });
    changed.then_some(repaired)
}

/// What a code given otherwise than at the prompt was probably meant to be, without the address.
pub(crate) fn doubt(code: &Code) -> Option<String> {
    repair(&code.to_string(), code_words())
}

/// Maps each word behind the number and in front of an address. Says whether any changed.
fn by_word(line: &str, map: impl Fn(&str) -> Option<String>) -> (String, bool) {
    let (code, address) = line.split_once('@').map_or((line, None), |(code, address)| (code, Some(address)));
    let mut changed = false;
    let parts: Vec<String> = code
        .split(SEPARATORS)
        .filter(|part| !part.is_empty())
        .enumerate()
        .map(|(index, part)| {
            let part = part.to_ascii_lowercase();
            let mapped = if index == 0 { None } else { map(&part) };
            changed |= mapped.is_some();
            mapped.unwrap_or(part)
        })
        .collect();
    let code = parts.join("-");
    (address.map_or_else(|| code.clone(), |address| format!("{code}@{address}")), changed)
}

/// Whether one letter was left out, added, mistyped, or two neighbours swapped.
fn is_one_slip(typed: &str, meant: &str) -> bool {
    let (typed, meant) = (typed.as_bytes(), meant.as_bytes());
    let head = typed.iter().zip(meant).take_while(|(a, b)| a == b).count();
    let (typed, meant) = (&typed[head..], &meant[head..]);
    match (typed, meant) {
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([_, a @ ..], b) if a == b => true,
        (a, [_, b @ ..]) if a == b => true,
        ([a, b, rest @ ..], [c, d, other @ ..]) => a == d && b == c && rest == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &[&str] = &["hammer", "harbor", "harp", "tulip", "tuna"];

    #[test]
    fn tab_completes_words_behind_the_number_only() {
        let all = |line| complete(line, WORDS);
        assert_eq!(all("48"), (2, vec![]));
        assert_eq!(all("4821-"), (5, vec![]));
        assert_eq!(all("4821-tul"), (5, vec!["tulip".to_owned()]));
        assert_eq!(all("4821 tulip HAR"), (11, vec!["harbor".to_owned(), "harp".to_owned()]));
        assert_eq!(all("4821-tulip-harbor@ha"), (11, vec![]), "no words in an address");
        assert_eq!(all("4821-zzz"), (5, vec![]));
    }

    #[test]
    fn unique_prefixes_expand_and_others_stay() {
        assert_eq!(expand("4821 tul harb", WORDS), "4821-tulip-harbor");
        assert_eq!(expand("4821-TULIP--harbor@10.0.0.1:5", WORDS), "4821-tulip-harbor@10.0.0.1:5");
        assert_eq!(expand("4821-tu-harp", WORDS), "4821-tu-harp", "tu is two words, harp is one");
        assert_eq!(expand("4821-own-words", WORDS), "4821-own-words");
    }

    #[test]
    fn a_slip_is_noticed_and_own_words_are_left_alone() {
        for typed in ["4821-tulp-harbor", "4821-tulpi-harbor", "4821-tullip-harbor", "4821-tulup-harbor"] {
            assert_eq!(repair(typed, WORDS).as_deref(), Some("4821-tulip-harbor"), "{typed}");
        }
        assert_eq!(repair("4821-tulip-harbor", WORDS), None);
        assert_eq!(repair("4821-secret-words", WORDS), None);
        assert_eq!(repair("4821-har", WORDS).as_deref(), Some("4821-harp"));
    }

    #[test]
    fn only_yes_is_yes() {
        assert!(is_yes("y\n") && is_yes(" YES "));
        assert!(!is_yes("") && !is_yes("n") && !is_yes("yep") && !is_yes("yy"));
    }
}
