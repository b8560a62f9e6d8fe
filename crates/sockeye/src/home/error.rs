//! What can go wrong with the files of [`Home`](super::Home).

use std::{io, path::PathBuf};

use super::trust::NameRefused;

/// A file of the home that cannot be used, or a request that does not fit what is in it. Never holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// The system does not say where the user's home is.
    #[error("cannot tell where your home directory is: set HOME")]
    NoHome,
    /// Others than the owner may read a secret, or write where it lies.
    #[error("{path} can be used by others (mode {mode:04o}): run `chmod go= {path}`, or remove it if it may have been read", path = path.display())]
    Exposed {
        /// File or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system said no.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should. It is left as it is.
    #[error("{path} is damaged: {detail}; repair it, or move it away", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A file was written by a later version.
    #[error("{path} has format {version}, which a later version of sockeye wrote", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// A name that cannot be one.
    #[error("cannot use this name: {0}")]
    Name(#[from] NameRefused),
    /// Another peer has the name.
    #[error("another peer is called {0:?}: choose another name, or remove that one")]
    NameTaken(String),
    /// No peer has the name.
    #[error("no peer is called {0:?}")]
    UnknownName(String),
    /// No peer has the identity.
    #[error("no peer with this identity is remembered")]
    UnknownIdentity,
    /// More than the file may hold.
    #[error("{path} holds as many entries as it may ({limit}): remove some", path = path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// How many it may hold.
        limit: usize,
    },
    /// No new key could be made.
    #[error("the system cannot make a key")]
    CannotMakeKey,
}

impl HomeError {
    pub(super) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
