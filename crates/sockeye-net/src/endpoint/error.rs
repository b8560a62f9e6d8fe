//! What can be wrong with the text of an endpoint. The fault is the caller's.

use thiserror::Error;

/// The text of an endpoint could not be read. Text taken from the caller is shown quoted and escaped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The part before `://` names no scheme.
    #[error(
        "unknown scheme {scheme:?}; known are tcp, tcp4, tcp6, tls, tls4, tls6, udp, udp4, udp6, unix, unixgram, unixseq, stdio and fd"
    )]
    UnknownScheme {
        /// As it was given.
        scheme: String,
    },
    /// A scheme that a later version will have.
    #[error("endpoints of the scheme exec are not available")]
    Exec,
    /// There is a host but no port.
    #[error("{text:?} has no port; write host:port, for example {}:9000", .text.escape_debug())]
    NoPort {
        /// The text without the scheme.
        text: String,
    },
    /// A scheme without the slashes behind its colon.
    #[error("{text:?} lacks slashes behind its scheme; write {}", .meant.escape_debug())]
    Slashes {
        /// As it was given.
        text: String,
        /// What was probably meant.
        meant: String,
    },
    /// Nothing at all, or nothing where a path or a number should be.
    #[error("an endpoint of the scheme {scheme} needs {wanted}")]
    Missing {
        /// The scheme.
        scheme: &'static str,
        /// What is missing.
        wanted: &'static str,
    },
    /// An IPv6 address without brackets.
    #[error("{text:?} looks like an IPv6 address; put it in brackets: [{}]:9000", .text.escape_debug())]
    Brackets {
        /// As it was given.
        text: String,
    },
    /// The host is neither a name nor an address.
    #[error("{host:?} is neither a host name nor an address: {why}")]
    Host {
        /// As it was given.
        host: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The port is no number up to 65535 and no name of a service.
    #[error("{port:?} is not a port: {why}")]
    Port {
        /// As it was given.
        port: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An address of one family where the scheme wants the other.
    #[error("{address} is no address of {scheme}; use {instead}")]
    Family {
        /// The address.
        address: String,
        /// The scheme.
        scheme: &'static str,
        /// The scheme that fits.
        instead: &'static str,
    },
    /// A character that nobody types on purpose: of another script, or invisible.
    #[error("character {position} of the endpoint is {character:?}, which does not belong there{}", hint(*.character))]
    Character {
        /// Which character, counted from 1.
        position: usize,
        /// The character.
        character: char,
    },
    /// An option that is not known.
    #[error("unknown option {name:?}{}", suggestion(.similar))]
    UnknownOption {
        /// As it was given.
        name: String,
        /// Names that look alike; all names if none does.
        similar: Vec<&'static str>,
    },
    /// An option's value that it cannot have.
    #[error("{value:?} is not a value for {name}; write {wanted}")]
    Value {
        /// The option.
        name: &'static str,
        /// As it was given.
        value: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// An option given twice that can be given once.
    #[error("the option {name} is given twice; give it once")]
    Repeated {
        /// The option.
        name: &'static str,
    },
    /// An option without another that it belongs to.
    #[error("the option {name} belongs to {needs}; give both, or leave {name} out")]
    Alone {
        /// The option.
        name: &'static str,
        /// What is missing.
        needs: &'static str,
    },
    /// An option that means nothing for this kind of socket.
    #[error("the option {name} means nothing for {scheme}; {remedy}")]
    Inapplicable {
        /// The option.
        name: &'static str,
        /// The scheme.
        scheme: &'static str,
        /// What to do.
        remedy: &'static str,
    },
}

fn suggestion(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [name] => format!("; did you mean {name}?"),
        names => format!("; there are: {}", names.join(", ")),
    }
}

/// What a look-alike was probably meant to be.
fn hint(character: char) -> String {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            let narrow = char::from_u32(u32::from(character) - 0xfee0).unwrap_or('?');
            format!(" (a full-width {narrow}); type {narrow}")
        }
        '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => "; type a plain quote or none".to_owned(),
        '\u{3002}' => "; type .".to_owned(),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "; type -".to_owned(),
        _ => "; remove it".to_owned(),
    }
}
