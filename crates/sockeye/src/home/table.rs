//! TOML files with a format number and secrets in them.

use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::{Zeroize, Zeroizing};

use super::{HomeError, hex};

/// Format of all files of this version.
pub(super) const VERSION: u32 = 1;

/// A secret of 32 bytes in a file: sixty-four hexadecimal digits. Wiped when dropped.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SecretText(String);

impl SecretText {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self(hex::encode(secret).to_string())
    }

    pub(super) fn decode(&self) -> Option<Zeroizing<[u8; 32]>> {
        hex::decode(&self.0).map(Zeroizing::new)
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Reads a file of this version. What it says about errors never quotes the file, which holds secrets.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, HomeError> {
    let text = str::from_utf8(bytes).map_err(|_| corrupt(path, "not text in UTF-8".to_owned()))?;
    let Version { version } = toml::from_str(text).map_err(|error| not_understood(path, text, &error))?;
    match version {
        VERSION => toml::from_str(text).map_err(|error| not_understood(path, text, &error)),
        0 => Err(corrupt(path, "format 0 does not exist".to_owned())),
        version => Err(HomeError::Newer { path: path.to_owned(), version }),
    }
}

/// Writes a file of this version.
pub(super) fn render<T: Serialize>(
    path: &Path,
    header: &str,
    table: &T,
) -> Result<Zeroizing<String>, HomeError> {
    match toml::to_string(table).map(Zeroizing::new) {
        Ok(text) => {
            let mut whole = Zeroizing::new(String::with_capacity(header.len() + text.len()));
            whole.push_str(header);
            whole.push_str(&text);
            Ok(whole)
        }
        Err(_) => Err(corrupt(path, "holds something that cannot be written".to_owned())),
    }
}

pub(super) fn corrupt(path: &Path, detail: String) -> HomeError {
    HomeError::Corrupt { path: path.to_owned(), detail }
}

fn not_understood(path: &Path, text: &str, error: &toml::de::Error) -> HomeError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count();
    let secret = text.lines().nth(line).is_some_and(|line| line.contains("key"));
    let detail = if secret {
        format!("line {} is not understood", line + 1)
    } else {
        format!("line {}: {}", line + 1, error.message())
    };
    corrupt(path, detail)
}
