//! Finds the sessions in a document.

/// A `console` block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Line of its fence in the document, counted from 1.
    pub(super) line: usize,
    /// Whether only root may type it.
    pub(super) by_root: bool,
    /// What is typed, in order.
    pub(super) steps: Vec<Step>,
}

/// One command and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// `A` to `D`, or nothing.
    pub(super) terminal: String,
    /// A line for the shell.
    pub(super) command: String,
    /// Patterns of lines.
    pub(super) expected: Vec<String>,
}

/// All `console` blocks of a document.
pub(super) fn console_blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.trim_start().starts_with("```"))
            .collect();
        let by_root = info.trim() == "console root";
        if by_root || info.trim() == "console" {
            blocks.push(Block { line: number + 1, by_root, steps: steps(&body) });
        }
    }
    blocks
}

fn steps(lines: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in lines {
        if let Some((terminal, command)) = typed(line) {
            steps.push(Step {
                terminal: terminal.to_owned(),
                command: command.to_owned(),
                expected: Vec::new(),
            });
        } else if let Some(step) = steps.last_mut() {
            step.expected.push((*line).to_owned());
        }
    }
    for step in &mut steps {
        while step.expected.last().is_some_and(|line| line.trim().is_empty()) {
            step.expected.pop();
        }
    }
    steps
}

fn typed(line: &str) -> Option<(&str, &str)> {
    let (prompt, command) = line.split_once("$ ")?;
    matches!(prompt, "" | "A" | "B" | "C" | "D").then_some((prompt, command))
}

#[test]
fn blocks_are_found_and_taken_apart() {
    let text = "text\n\
        ```sh\n$ not this\n```\n\
        ```console\nA$ sockeye send x\nCode: …\n...\n\nB$ sockeye receive 1-a-b\n$ ls\n```\n";
    let step = |terminal: &str, command: &str, expected: &[&str]| Step {
        terminal: terminal.to_owned(),
        command: command.to_owned(),
        expected: expected.iter().map(|line| (*line).to_owned()).collect(),
    };
    let steps = vec![
        step("A", "sockeye send x", &["Code: …", "..."]),
        step("B", "sockeye receive 1-a-b", &[]),
        step("", "ls", &[]),
    ];
    assert_eq!(console_blocks(text), [Block { line: 5, by_root: false, steps }]);
}
