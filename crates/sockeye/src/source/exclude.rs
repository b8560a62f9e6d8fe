//! Patterns for what to leave out.

use globset::{Candidate, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::SourceError;

/// What is left out of a transfer.
///
/// A pattern is a glob: `*` and `?` stop at `/`, `**` does not, `[…]` and `{…,…}` choose.
/// - It may match at any depth: `*.o` every such name, `target/debug` every such path, the root's own name included.
/// - With a `/` in front (or `./`) it matches paths relative to each root: `/target` is only the one at the top.
/// - With a `/` at the end it matches directories only.
///
/// What is in a directory that is left out is left out too.
#[derive(Debug)]
pub(super) struct Exclude {
    anywhere: Patterns,
    anchored: Patterns,
}

/// Patterns that apply to everything, and those that apply to directories only.
#[derive(Debug)]
struct Patterns {
    all: GlobSet,
    directories: GlobSet,
}

impl Exclude {
    /// Compiles the patterns.
    pub(super) fn new(patterns: &[String]) -> Result<Self, SourceError> {
        let mut sets: [GlobSetBuilder; 4] = std::array::from_fn(|_| GlobSetBuilder::new());
        for pattern in patterns {
            let (index, glob) = parse(pattern)?;
            sets[index].add(glob);
        }
        let build = |set: GlobSetBuilder| {
            // Each pattern compiled alone; together they can only be too many.
            set.build().map_err(|error| SourceError::Pattern {
                pattern: patterns.join(" "),
                reason: error.to_string(),
            })
        };
        let [all, directories, anchored_all, anchored_directories] = sets;
        Ok(Self {
            anywhere: Patterns { all: build(all)?, directories: build(directories)? },
            anchored: Patterns { all: build(anchored_all)?, directories: build(anchored_directories)? },
        })
    }

    /// Whether a path below a root is left out. `path` begins with the root's name, of `root_len` bytes.
    pub(super) fn matches(&self, path: &[u8], root_len: usize, directory: bool) -> bool {
        let relative = path.get(root_len + 1..).unwrap_or_default();
        self.anywhere.match_path(path, directory) || self.anchored.match_path(relative, directory)
    }

    /// Whether a root is left out, by the name the user gave it.
    pub(super) fn matches_root(&self, name: &[u8], directory: bool) -> bool {
        self.anywhere.match_path(name, directory)
    }
}

impl Patterns {
    fn match_path(&self, path: &[u8], directory: bool) -> bool {
        if self.all.is_empty() && (self.directories.is_empty() || !directory) {
            return false;
        }
        let candidate = Candidate::from_bytes(path);
        self.all.is_match_candidate(&candidate)
            || directory && self.directories.is_match_candidate(&candidate)
    }
}

/// Which of the four sets a pattern belongs to, and its glob.
fn parse(pattern: &str) -> Result<(usize, Glob), SourceError> {
    let bad = |reason: String| SourceError::Pattern { pattern: pattern.to_owned(), reason };
    let (anchored, rest) = match pattern.strip_prefix('/').or_else(|| pattern.strip_prefix("./")) {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (directories, rest) = match rest.strip_suffix('/') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    if rest.is_empty() {
        return Err(bad("it has no name".to_owned()));
    }
    let glob = if anchored || rest.starts_with("**/") { rest.to_owned() } else { format!("**/{rest}") };
    let glob = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build();
    let glob = glob.map_err(|error| bad(error.kind().to_string()))?;
    Ok((usize::from(anchored) * 2 + usize::from(directories), glob))
}
