//! Programs of the system: found, run, and quoted when they fail.

use std::env;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::LabError;

/// A program that the laboratory calls, and the Debian package that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

pub(crate) const IP: Tool = Tool { program: "ip", package: "iproute2" };
pub(crate) const NFT: Tool = Tool { program: "nft", package: "nftables" };
pub(crate) const IPTABLES: Tool = Tool { program: "iptables", package: "iptables" };
pub(crate) const IP6TABLES: Tool = Tool { program: "ip6tables", package: "iptables" };
pub(crate) const UNSHARE: Tool = Tool { program: "unshare", package: "util-linux" };
pub(crate) const NSENTER: Tool = Tool { program: "nsenter", package: "util-linux" };

/// Ordinary users often lack these in `PATH`.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

impl Tool {
    /// Where the program is.
    pub(crate) fn path(self) -> Result<PathBuf, LabError> {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain(SYSTEM_FOLDERS.iter().map(PathBuf::from))
            .map(|folder| folder.join(self.program))
            .find(|candidate| candidate.is_file())
            .ok_or(LabError::Missing { program: self.program, package: self.package })
    }
}

/// Runs a command to its end, gives it `input`, returns its standard output; a failure carries both streams.
pub(crate) fn run(mut command: Command, input: &str) -> Result<String, LabError> {
    let shown = show(&command);
    let failed = |source| LabError::Io { doing: format!("run `{shown}`"), source };
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let mut child =
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading reports why by its status.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(LabError::Command { command: shown, status: output.status, output: format!("{stdout}{stderr}") })
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
