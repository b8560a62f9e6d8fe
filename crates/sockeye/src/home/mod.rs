//! What a user of this machine keeps between runs: the long-term key, the peers that are remembered, and the transfers
//! that are not finished.
//!
//! | file | below | holds |
//! |---|---|---|
//! | `identity.pk8` | config | the long-term Ed25519 key, PKCS#8 |
//! | `peers.toml` | config | remembered peers, with the keys shared with them |
//! | `runs/…` | state | one small file for each unfinished transfer |
//!
//! All of them are for their owner's eyes only, and replaced in one step.

mod error;
mod hex;
mod identity;
mod private;
mod runs;
mod table;
#[cfg(all(test, unix))]
mod tests;
mod time;
mod trust;

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

pub use error::HomeError;
pub use identity::load_or_create_identity;
pub use runs::{MAX_RUN_PEERS, ReceivedRun, RunPeer, Runs, SentRun};
#[cfg(test)]
use runs::{MAX_RUNS, RUN_EXPIRES};
#[cfg(test)]
use trust::{MAX_NAME_CHARS, MAX_PEERS};
pub use trust::{NameRefused, Permissions, Remembered, TrustStore};

/// Directory of ours below those of the user.
const APPLICATION: &str = "sockeye";

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Directory of the key and of the remembered peers.
    pub config: PathBuf,
    /// Directory of what may be lost without harm.
    pub state: PathBuf,
}

impl Home {
    /// The places that the XDG base directory specification gives: `~/.config/sockeye` and
    /// `~/.local/state/sockeye`, unless the environment says otherwise.
    pub fn of_user() -> Result<Self, HomeError> {
        let base = etcetera::base_strategy::Xdg::new().map_err(|_| HomeError::NoHome)?;
        let config = base.config_dir().join(APPLICATION);
        let state = base.state_dir().unwrap_or_else(|| base.data_dir()).join(APPLICATION);
        Ok(Self { config, state })
    }

    /// Both directories below one.
    pub fn at(directory: &Path) -> Self {
        Self { config: directory.join("config"), state: directory.join("state") }
    }
}
