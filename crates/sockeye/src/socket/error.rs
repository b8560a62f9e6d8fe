//! What can go wrong with a socket, by whose fault it was.

use std::{io, path::PathBuf, time::Duration};

use sockeye_net::open::SocketError;

/// A socket that could not be had. Sentences for people are made by the program that prints them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused, or the network had bad news.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A name could not be looked up.
    #[error("cannot look up {name}: {source}")]
    Lookup {
        /// The name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A name has addresses, but none of the family asked for.
    #[error("{name} has no address for {scheme}")]
    NoAddress {
        /// The name.
        name: String,
        /// The scheme that was asked for.
        scheme: &'static str,
    },
    /// The name of a service is not known.
    #[error("no service is called {name}")]
    NoService {
        /// The name.
        name: String,
    },
    /// A deadline passed.
    #[error("timed out after {after:?} while {doing} {at}")]
    TimedOut {
        /// What was being done: `connecting to`, `greeting`.
        doing: &'static str,
        /// With whom.
        at: String,
        /// How long it took.
        after: Duration,
    },
    /// TLS could not be agreed on.
    #[error("TLS with {peer}: {failure}")]
    Tls {
        /// The other side.
        peer: String,
        /// Why.
        failure: TlsFailure,
    },
    /// A name that no certificate can have.
    #[error("{name} cannot be the name in a certificate")]
    ServerName {
        /// The name.
        name: String,
    },
    /// A file that an option names is not usable.
    #[error("cannot use {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A path is taken by something that is no socket, or by a socket in use.
    #[error("{} is taken", .path.display())]
    Taken {
        /// The path.
        path: PathBuf,
        /// Whether it is a socket that somebody listens on; otherwise it is something else.
        in_use: bool,
    },
    /// This kind of endpoint cannot do that.
    #[error("an endpoint of the scheme {scheme} cannot {action}")]
    Misuse {
        /// The scheme.
        scheme: &'static str,
        /// What was asked of it, as a verb.
        action: &'static str,
    },
}

/// Why TLS could not be agreed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The certificate was not made by anybody trusted here.
    #[error("its certificate is not trusted: {0}")]
    Untrusted(String),
    /// The certificate is for other names.
    #[error("its certificate is not for this name: {0}")]
    OtherName(String),
    /// The peer does not speak TLS.
    #[error("it does not speak TLS")]
    NotTls,
    /// The peer refused.
    #[error("it refused: {0}")]
    Refused(String),
    /// The connection ended during the greeting.
    #[error("it ended the connection: {0}")]
    Ended(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}
