//! What ends a command early: an error of the library, or one that was found before the library was asked.

use std::{io, path::PathBuf};

use sockeye::escape;

use crate::{exit::Exit, output::sentence};

/// Why a command failed. The sentence is made in [`crate::output::sentence`].
#[derive(Debug)]
pub(crate) enum Trouble {
    /// What was typed cannot be done. The text is a whole sentence: what, why, what to do. Never contains a code.
    Usage(String),
    /// The library could not carry it out.
    Library(sockeye::Error),
    /// No machine announces itself on this network.
    NobodyAround,
    /// A picture of the demonstration did not arrive as it was sent, or a process of it failed.
    Demo(String, Exit),
    /// A socket could not be had.
    Socket(sockeye::socket::Error),
    /// A connection or an exchange did not go well: the sentence, and how the program ends.
    Ended(String, Exit),
    /// A signal asked the command to end. A person who pressed Ctrl-C need not be told.
    Interrupted,
    /// Nothing needs to be said: whoever read standard output has gone, or a question was answered with Ctrl-C.
    Silent(Exit),
}

impl Trouble {
    /// Which exit code it gets.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Library(error) => Exit::of(error),
            Self::Interrupted => Exit::Interrupted,
            Self::NobodyAround => Exit::NoPeer,
            Self::Socket(error) => sentence::sockets::exit(error),
            Self::Demo(_, exit) | Self::Ended(_, exit) | Self::Silent(exit) => *exit,
        }
    }

    /// Trouble of the library, in whichever of its error types.
    pub(crate) fn library(error: impl Into<sockeye::Error>) -> Self {
        error.into().into()
    }

    /// Trouble with a file of this machine. `action` is a verb: `open`, `create`.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        let remedy = match source.kind() {
            _ if is_full(&source) => Some(FULL),
            io::ErrorKind::IsADirectory => Some("it is a directory; name a file in it"),
            _ => None,
        };
        if let Some(remedy) = remedy {
            let shown = escape::terminal(path.as_os_str().as_encoded_bytes());
            return Self::Ended(format!("cannot {action} {shown}: {remedy}"), Exit::LocalIo);
        }
        Self::Library(sockeye::Error::LocalIo { action, path, source })
    }

    /// Trouble with standard output: a reader that has gone is no error worth a sentence.
    pub(crate) fn output(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            return Self::Silent(Exit::LocalIo);
        }
        Self::file("write to", "(standard output)", source)
    }
}

/// What the library does goes on where a full disk stopped it, and its sentence says so; what this program writes itself does not.
const FULL: &str = "no space left; free some and run the same command again";

fn is_full(source: &io::Error) -> bool {
    matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl From<sockeye::socket::Error> for Trouble {
    fn from(error: sockeye::socket::Error) -> Self {
        Self::Socket(error)
    }
}

/// An option that is not there, does not apply, or was refused: what was typed cannot be done.
impl From<sockeye::option::OptionError> for Trouble {
    fn from(error: sockeye::option::OptionError) -> Self {
        Self::Usage(sentence::options::error(&error))
    }
}

impl From<sockeye::Error> for Trouble {
    fn from(error: sockeye::Error) -> Self {
        match error {
            sockeye::Error::LocalIo { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
                Self::Silent(Exit::LocalIo)
            }
            other => Self::Library(other),
        }
    }
}
