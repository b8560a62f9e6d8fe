//! Where a code comes from: the argument, a file, the environment. What none of them has is asked for elsewhere.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use crate::trouble::Trouble;

/// The environment variable that holds a code.
const VARIABLE: &str = "SOCKEYE_CODE";
/// More than any code with a host name and a port: six words of a few letters and 255 bytes of host.
const LONGEST_LINE: u64 = 1024;

/// The code as it was given, not parsed yet: from the argument, else the file, else the environment.
pub(crate) fn typed_code(argument: Option<&str>, file: Option<&Path>) -> Result<Option<String>, Trouble> {
    if let Some(code) = argument {
        return Ok(Some(code.to_owned()));
    }
    if let Some(path) = file {
        return read(path).map(Some);
    }
    match std::env::var(VARIABLE) {
        Ok(code) if !code.trim().is_empty() => Ok(Some(code)),
        Ok(_) | Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Trouble::Usage(format!(
            "the environment variable {VARIABLE} is not UTF-8: set it to a code, or unset it"
        ))),
    }
}

fn read(path: &Path) -> Result<String, Trouble> {
    let line = if path.as_os_str() == "-" {
        first_line(io::stdin().lock())
    } else {
        File::open(path).and_then(|file| first_line(BufReader::new(file)))
    };
    let line = line.map_err(|source| Trouble::file("read the code from", path, source))?;
    if line.trim().is_empty() {
        let from =
            if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
        return Err(Trouble::Usage(format!(
            "--code-file: the first line of {from} is empty: it must be the code"
        )));
    }
    Ok(line)
}

/// Takes the first line and leaves what follows in the reader.
fn first_line(reader: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.take(LONGEST_LINE).read_line(&mut line)?;
    Ok(line)
}
