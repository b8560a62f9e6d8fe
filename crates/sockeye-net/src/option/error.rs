//! Why an option could not be found, read or set.

use std::io;

/// An option that is unknown, does not apply, or was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// Nothing in the table has this name.
    #[error("there is no socket option {name}{}", did_you_mean(.closest))]
    Unknown {
        /// What was typed.
        name: String,
        /// Names spelt nearly so, closest first.
        closest: Vec<&'static str>,
    },
    /// The option exists, but not at such a socket.
    #[error("{name} is not an option of such a socket ({socket}), but of {fits}")]
    NotHere {
        /// Its name.
        name: &'static str,
        /// Family and type of the socket, by their constants.
        socket: String,
        /// Where it would apply: levels, families and types.
        fits: String,
    },
    /// What was given is no value for this option.
    #[error("{} is not a value of {name}: {expected}", .value.as_str())]
    Value {
        /// The option, by the name that was typed.
        name: String,
        /// What was given.
        value: String,
        /// What would be one, as a clause: `write a number of bytes, like 64KiB`.
        expected: String,
    },
    /// The kernel only answers it.
    #[error("{constant} can only be read")]
    ReadOnly {
        /// Its constant.
        constant: &'static str,
    },
    /// The kernel did not answer.
    #[error("cannot read {constant}: {source}")]
    Read {
        /// Its constant, or `level:number`.
        constant: String,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel refused the value.
    #[error("cannot set {constant}: {source}")]
    Set {
        /// Its constant, or `level:number`.
        constant: String,
        /// What the system said.
        source: io::Error,
    },
}

impl OptionError {
    /// Whether the kernel does not know the option, or not at such a socket.
    pub fn is_unknown_to_kernel(&self) -> bool {
        match self {
            Self::Read { source, .. } | Self::Set { source, .. } => {
                let unknown = source.raw_os_error().is_some_and(|errno| UNKNOWN.contains(&errno));
                unknown || source.kind() == io::ErrorKind::Unsupported
            }
            _ => false,
        }
    }
}

/// `ENOPROTOOPT` and `EOPNOTSUPP`.
#[cfg(target_os = "linux")]
const UNKNOWN: [i32; 2] = [libc::ENOPROTOOPT, libc::EOPNOTSUPP];
#[cfg(not(target_os = "linux"))]
const UNKNOWN: [i32; 0] = [];

fn did_you_mean(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        [rest @ .., last] => format!("; did you mean {} or {last}?", rest.join(", ")),
    }
}
