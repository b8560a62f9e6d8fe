//! Sentences for socket options: what was typed wrong, what the kernel refused, and what to do.

use std::io;

use sockeye::{escape, option::OptionError};

/// The sentence for an option.
pub(crate) fn error(error: &OptionError) -> String {
    let sentence = match error {
        OptionError::Unknown { closest, .. } if closest.is_empty() => {
            format!("{error}; `sockeye opts :0` lists those of TCP, `sockeye opts udp://:0` those of UDP")
        }
        OptionError::Set { constant, source } => {
            format!("cannot set {constant}: {}", refused(constant, source, error.is_unknown_to_kernel()))
        }
        OptionError::Read { constant, source } => {
            let why = match unanswered(source, error.is_unknown_to_kernel()) {
                Some(why) => why.to_owned(),
                None => source.to_string(),
            };
            format!("cannot read {constant}: {why}")
        }
        other => other.to_string(),
    };
    escape::terminal(sentence.as_bytes())
}

/// Why the kernel did not take an option.
pub(super) fn refused(constant: &str, source: &io::Error, unknown: bool) -> String {
    match source.kind() {
        _ if unknown => "this kernel does not know it, or not at such a socket".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "this user may not; it takes a right of administrators (CAP_NET_ADMIN, capabilities(7))".to_owned()
        }
        io::ErrorKind::InvalidInput if constant == "TCP_MAXSEG" => {
            "the kernel takes segments of 88 to 32767 bytes".to_owned()
        }
        io::ErrorKind::InvalidInput => {
            "the kernel does not take this value, or not in this state of the socket; what must be set before binding \
             goes behind the ? of the endpoint"
                .to_owned()
        }
        io::ErrorKind::NotFound if constant == "TCP_CONGESTION" => {
            "this kernel has none of that name; /proc/sys/net/ipv4/tcp_available_congestion_control lists them".to_owned()
        }
        _ if is_no_device(source) => "there is no such interface; `sockeye addr` lists them".to_owned(),
        _ => source.to_string(),
    }
}

/// Why an option has no answer, in a few words, if that is an ordinary reason.
pub(crate) fn unanswered(source: &io::Error, unknown: bool) -> Option<&'static str> {
    match source.kind() {
        _ if unknown => Some("not known here"),
        io::ErrorKind::NotConnected => Some("not connected"),
        io::ErrorKind::InvalidInput => Some("not in this state"),
        _ => None,
    }
}

/// `ENODEV`, which has no kind of its own, and `ENXIO`.
fn is_no_device(source: &io::Error) -> bool {
    source.raw_os_error().is_some_and(|errno| cfg!(target_os = "linux") && matches!(errno, 6 | 19))
}
