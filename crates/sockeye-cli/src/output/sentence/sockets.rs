//! Sentences and exit codes for sockets: what the system or the network refused, and what to do.

use std::{
    io,
    net::{Ipv6Addr, SocketAddr},
};

use sockeye::{
    escape,
    socket::{Error, SocketAction, SocketError, SocketName, TlsFailure},
};

use super::options;
use crate::exit::Exit;

/// The sentence for a socket that could not be had.
pub(crate) fn error(error: &Error) -> String {
    match error {
        Error::Socket(error) => socket(error),
        Error::Lookup { name, source } => lookup(name, source),
        Error::NoAddress { name, scheme } => {
            format!("{} has no address for {scheme}; leave the family out, or try the other one", shown(name))
        }
        Error::NoService { name } => {
            format!("no service is called {}; write the number of the port", shown(name))
        }
        Error::ServerName { name } => format!(
            "{} cannot be the name in a certificate; give one with ?sni=NAME, like example.org",
            shown(name)
        ),
        Error::TimedOut { doing, at, after } => format!(
            "no answer within {} s while {doing} {}; is the address right, and does a firewall drop what goes there? Wait longer with -w",
            after.as_secs_f64(),
            shown(at)
        ),
        Error::Tls { peer, failure } => format!("cannot speak TLS with {}: {}", shown(peer), tls(failure)),
        Error::File { path, source } => {
            let path = escape::terminal(path.as_os_str().as_encoded_bytes());
            format!("cannot use {path}: {}", file(source))
        }
        Error::Taken { path, in_use } => {
            let path = escape::terminal(path.as_os_str().as_encoded_bytes());
            if *in_use {
                format!(
                    "cannot listen on {path}: another program listens there; choose another path or end that program"
                )
            } else {
                format!(
                    "cannot listen on {path}: there is something that is no socket; choose another path or remove it"
                )
            }
        }
        Error::Misuse { scheme, action } => {
            format!(
                "an endpoint of the scheme {scheme} cannot {action}; see `sockeye help listen` for what each can do"
            )
        }
        other => shown(&other.to_string()),
    }
}

/// Which exit code it gets.
pub(crate) fn exit(error: &Error) -> Exit {
    match error {
        Error::NoService { .. }
        | Error::ServerName { .. }
        | Error::Misuse { .. }
        | Error::Socket(SocketError {
            action: SocketAction::FindInterface(_) | SocketAction::SetOption(_),
            ..
        }) => Exit::Usage,
        Error::Socket(error) if lacks_zone(error) || is_other_family(error) => Exit::Usage,
        Error::Socket(error) if error.source.kind() == io::ErrorKind::TimedOut => Exit::TimedOut,
        Error::TimedOut { .. } => Exit::TimedOut,
        Error::Tls { failure: TlsFailure::Untrusted(_) | TlsFailure::OtherName(_), .. } => {
            Exit::Authentication
        }
        Error::Tls { failure: TlsFailure::Ended(_), .. } => Exit::Network,
        Error::Tls { .. } => Exit::Protocol,
        Error::File { .. } | Error::Taken { .. } => Exit::LocalIo,
        _ => Exit::Network,
    }
}

fn shown(text: &str) -> String {
    escape::terminal(text.as_bytes())
}

fn socket(error: &SocketError) -> String {
    let at = error.at.as_ref().map(|at| format!(" {at}")).unwrap_or_default();
    format!("cannot {}{at}: {}", shown(&error.action.to_string()), reason(error))
}

/// An address that means something on one link only (RFC 4007 §6), without saying which.
fn lacks_zone(error: &SocketError) -> bool {
    let at = error.at.as_ref().and_then(SocketName::as_inet);
    let of_one_link = |ip: &Ipv6Addr| {
        ip.is_unicast_link_local() || ip.is_multicast() && matches!(ip.octets()[1] & 0x0f, 1 | 2)
    };
    let lacks = |at| matches!(at, SocketAddr::V6(v6) if of_one_link(v6.ip()) && v6.scope_id() == 0);
    error.source.kind() == io::ErrorKind::InvalidInput && at.is_some_and(lacks)
}

/// An address to bind to that has not the family of the other end: nothing that the system said.
fn is_other_family(error: &SocketError) -> bool {
    error.action == SocketAction::Bind
        && error.source.kind() == io::ErrorKind::InvalidInput
        && error.source.raw_os_error().is_none()
}

fn reason(error: &SocketError) -> String {
    if lacks_zone(error) {
        return "a link-local address is one on each link; say on which with ?iface=, or behind it like [fe80::1%eth0] (`sockeye addr` lists the interfaces)"
            .to_owned();
    }
    if let SocketAction::SetOption(name) = &error.action {
        return shown(&options::refused(name, &error.source, false));
    }
    let connects = error.action == SocketAction::Connect;
    let binds = matches!(error.action, SocketAction::Bind | SocketAction::Listen);
    let port = error.at.as_ref().and_then(SocketName::as_inet).map_or(0, |address| address.port());
    match error.source.kind() {
        io::ErrorKind::PermissionDenied if binds && (1..1024).contains(&port) => {
            "ports below 1024 are reserved (RFC 6335); choose another, or run with the right to bind it".to_owned()
        }
        io::ErrorKind::PermissionDenied if connects && port == 0 => {
            "this user may not: the socket's file or its directory forbids it".to_owned()
        }
        io::ErrorKind::PermissionDenied if connects => {
            "it is a broadcast address, or a firewall here forbids it; if broadcast is meant, add ?broadcast".to_owned()
        }
        io::ErrorKind::PermissionDenied => "this user may not".to_owned(),
        io::ErrorKind::AddrInUse => {
            "another program has this port (`ss -tulpn` shows which), or a connection that ended a minute ago had it (?reuseaddr lets both take it); choose another, or 0 for any free one".to_owned()
        }
        io::ErrorKind::AddrNotAvailable if binds => {
            "no interface of this machine has this address; `sockeye addr` lists those it has".to_owned()
        }
        io::ErrorKind::ConnectionRefused if error.at.as_ref().is_some_and(|at| at.as_inet().is_none()) => {
            "nobody listens there: the program that made it has ended, or it is no socket".to_owned()
        }
        io::ErrorKind::ConnectionRefused => {
            "refused: nothing listens there; is the program on the other side running, and is the port right?".to_owned()
        }
        io::ErrorKind::NotFound if connects => {
            "there is no such socket; is the program that listens there running, and is the path right?".to_owned()
        }
        io::ErrorKind::NotFound if matches!(error.action, SocketAction::Bind) => {
            "its directory is not there".to_owned()
        }
        _ => network(&error.source),
    }
}

/// What the network or the system said while bytes were moving.
pub(crate) fn network(source: &io::Error) -> String {
    let text = shown(&source.to_string());
    match source.kind() {
        io::ErrorKind::NetworkUnreachable => {
            "no route leads there; is the network up? For a group or broadcast name the interface with ?iface=".to_owned()
        }
        io::ErrorKind::HostUnreachable => {
            "the host does not answer on its network; is it on, and is the address right?".to_owned()
        }
        io::ErrorKind::ConnectionReset => {
            "reset by the other side: it closed without reading everything, or crashed".to_owned()
        }
        io::ErrorKind::ConnectionRefused => "refused: nothing listens there".to_owned(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            "the other side has closed and takes no more".to_owned()
        }
        io::ErrorKind::TimedOut => "the other side does not answer any more".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "sending to a broadcast address needs ?broadcast behind the endpoint, or a firewall here forbids it".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "it ended the connection without closing TLS: bytes may be missing".to_owned(),
        _ if is_one_of(source, WRONG_KIND) => {
            "the socket there is of another kind; try unix://, unixgram:// or unixseq://".to_owned()
        }
        _ if is_one_of(source, NO_DEVICE) => {
            "there is no interface for it; name one with ?iface= (`sockeye addr` lists them)".to_owned()
        }
        _ if is_one_of(source, TOO_MANY_FILES) => {
            "as many files and sockets are open as may be; allow more with `ulimit -n`, or fewer callers with --max-clients".to_owned()
        }
        _ if text.contains("CertificateRequired") => {
            "the other side wants to see a certificate; name one with ?cert=FILE and its ?key=FILE".to_owned()
        }
        _ if is_message_too_long(source) => format!(
            "the message is too long for one datagram or packet: over UDP that has at most {} bytes, over a unix socket as much as its send buffer holds (?sndbuf=)",
            sockeye::socket::LARGEST_UDP
        ),
        _ => text,
    }
}

/// EPROTOTYPE, ENODEV, and EMFILE with ENFILE, which have no kinds of their own: their numbers on Linux, and elsewhere.
const WRONG_KIND: &[i32] = if cfg!(target_os = "linux") { &[91] } else { &[41] };
const NO_DEVICE: &[i32] = &[19];
const TOO_MANY_FILES: &[i32] = &[23, 24];

fn is_one_of(source: &io::Error, numbers: &[i32]) -> bool {
    source.raw_os_error().is_some_and(|number| numbers.contains(&number))
}

/// Whether the other side is no more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
    )
}

/// EMSGSIZE has no kind of its own.
pub(crate) fn is_message_too_long(source: &io::Error) -> bool {
    source.raw_os_error() == Some(if cfg!(target_os = "linux") { 90 } else { 40 })
}

fn lookup(name: &str, source: &io::Error) -> String {
    format!(
        "cannot look up {}: {}; is the name right, and does a name server answer? `sockeye resolve` shows more",
        shown(name),
        shown(&source.to_string())
    )
}

fn tls(failure: &TlsFailure) -> String {
    match failure {
        TlsFailure::Untrusted(why) if why.contains("peer sent no certificates") => {
            "it showed no certificate, and ?ca= here wants to see one; there, name one with ?cert=FILE and its ?key=FILE".to_owned()
        }
        TlsFailure::Untrusted(why) => format!(
            "its certificate is not trusted ({}); name the one to trust with ?ca=FILE, or add ?insecure to check nothing",
            shown(why)
        ),
        TlsFailure::OtherName(why) => {
            format!(
                "its certificate is for another name ({}); ask for the right one with ?sni=NAME",
                shown(why)
            )
        }
        TlsFailure::NotTls => "what it answers is not TLS; try tcp://".to_owned(),
        TlsFailure::Refused(alert) if alert == "NoApplicationProtocol" => {
            "it speaks none of the protocols of ?alpn=".to_owned()
        }
        TlsFailure::Refused(alert) if matches!(alert.as_str(), "UnknownCA" | "BadCertificate" | "CertificateUnknown") => {
            "it does not trust the certificate of this side".to_owned()
        }
        TlsFailure::Refused(alert) => format!("it refused ({})", shown(alert)),
        TlsFailure::Ended(why) => format!("it ended the connection during the greeting ({})", shown(why)),
        other => shown(&other.to_string()),
    }
}

/// EBADF and ENOTSOCK, which have no kinds of their own.
const NOT_OPEN: i32 = 9;
const NO_SOCKET: i32 = if cfg!(target_os = "linux") { 88 } else { 38 };

fn file(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory; name a file in it".to_owned(),
        _ if source.raw_os_error() == Some(NOT_OPEN) => {
            "no descriptor of this number is open; who starts this program opens it, like `4<>FILE` in a shell".to_owned()
        }
        _ if source.raw_os_error() == Some(NO_SOCKET) => "it is open, but no socket".to_owned(),
        _ => shown(&source.to_string()),
    }
}
