//! What is to be done, decided once: endpoint, formats, limits.

use std::{
    cell::Cell,
    io::IsTerminal,
    net::IpAddr,
    time::{Duration, Instant},
};

use sockeye::{
    Framing,
    endpoint::{Endpoint, Host, Place, Port, Scheme},
    message::Split,
};
use tokio::sync::Notify;

use super::{
    source::{self, Reading, Source},
    tell::Tell,
};
use crate::{
    args::{OnEof, SocketArgs},
    formats::{InFormat, input::LONGEST_LINE},
    trouble::Trouble,
};

/// Bytes that one read may take unless told otherwise.
const READ_SIZE: usize = 64 * 1024;
/// Characters that a line of standard input may have besides those of its message.
const BESIDES: usize = 64 * 1024;
/// How long a message may take with many callers: a person who types one byte after the other is done by then.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Everything that a session looks at. One for all connections of a command.
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) framing_in: Option<Framing>,
    pub(super) framing_out: Option<Framing>,
    pub(super) input: InFormat,
    pub(super) read_size: usize,
    given_read_size: Option<usize>,
    pub(super) idle: Option<Duration>,
    pub(super) quit: Option<Duration>,
    pub(super) on_eof: OnEof,
    pub(super) split: Split,
    pub(super) pace: Option<Duration>,
    pub(super) message_timeout: Option<Duration>,
    pub(super) echo: bool,
    /// Whether there is one connection only.
    pub(super) alone: bool,
    /// How often the socket is looked at, if at all.
    pub(super) stats: Option<Duration>,
    pub(super) tell: Tell,
    /// Messages still to be received until the command ends; none if there is no such limit.
    pub(super) left: Cell<Option<u64>>,
    /// Told when none are left.
    pub(super) enough: Notify,
    /// Whether standard input is a person who can type a line again.
    pub(super) interactive: bool,
    /// Whether lines are sent with CR LF.
    crlf: bool,
}

/// What differs between the two commands.
pub(super) struct Role {
    pub(super) keep: bool,
    pub(super) echo: bool,
    pub(super) message_timeout: Option<Duration>,
}

impl Plan {
    pub(super) fn new(args: &SocketArgs, scheme: Scheme, role: &Role) -> Self {
        let crlf = || args.crlf.then(|| "crlf".parse().ok()).flatten();
        let framing_in = args.framing.clone().or_else(|| args.framing_in.clone());
        let framing_out = args.framing.clone().or_else(|| args.framing_out.clone()).or_else(crlf);
        let by_message = |framing: &Option<Framing>| framing.is_some() || scheme.keeps_boundaries();
        let input = args.input.clone().unwrap_or(if by_message(&framing_out) {
            InFormat::Text
        } else {
            InFormat::Raw
        });
        let interactive = std::io::stdin().is_terminal();
        let holds = role.keep && !args.shutdown;
        let on_eof = if holds { OnEof::Hold } else { OnEof::HalfClose };
        let default_timeout = role.keep.then_some(MESSAGE_TIMEOUT);
        Self {
            input,
            read_size: args.read_size.unwrap_or(READ_SIZE),
            given_read_size: args.read_size,
            idle: args.idle,
            quit: args.quit,
            on_eof: args.on_eof.unwrap_or(on_eof),
            split: args.split,
            pace: args.pace,
            message_timeout: role.message_timeout.or(default_timeout).filter(|timeout| !timeout.is_zero()),
            echo: role.echo,
            alone: !role.keep,
            stats: args.stats,
            tell: Tell::new(args, by_message(&framing_in)),
            left: Cell::new(args.count),
            enough: Notify::new(),
            interactive,
            crlf: args.crlf,
            framing_in,
            framing_out,
        }
    }

    /// Starts reading standard input. `by_message` says whether raw bytes are one message, or a stream.
    pub(super) fn standard_input(&self, by_message: bool) -> Source {
        // No format takes more than six characters for a byte (`\u00ff` in JSON). A record of `--out json` has other fields besides,
        // of which the header is the longest.
        let longest = |framing: &Framing| framing.max_payload().saturating_mul(6).saturating_add(BESIDES);
        source::standard_input(Reading {
            format: self.input.clone(),
            by_message,
            interactive: self.interactive,
            longest: self.framing_out.as_ref().map_or(LONGEST_LINE, longest).min(LONGEST_LINE),
            crlf: self.crlf,
        })
    }

    /// Whether bytes can go through as they are, unseen: nothing is framed, shown, counted, cut or paced.
    pub(super) fn is_plain(&self, args: &SocketArgs) -> bool {
        self.framing_in.is_none()
            && self.framing_out.is_none()
            && self.input == InFormat::Raw
            && self.tell.is_plain()
            && !self.echo
            && args.read_size.is_none()
            && args.count.is_none()
            && args.idle.is_none()
            && args.pace.is_none()
            && args.split == Split::One
    }

    /// Bytes of a datagram that are taken, where that was said; else all of any.
    pub(super) const fn datagram_room(&self) -> Option<usize> {
        self.given_read_size
    }

    /// Counts a message that was received.
    pub(super) fn count(&self) {
        if let Some(left) = self.left.get() {
            self.left.set(Some(left.saturating_sub(1)));
            if left <= 1 {
                self.enough.notify_one();
            }
        }
    }

    /// Whether as many messages came as were asked for.
    pub(super) fn has_enough(&self) -> bool {
        self.left.get() == Some(0)
    }

    /// How many are missing, if a number was asked for and did not come.
    pub(super) fn missing(&self) -> Option<u64> {
        self.left.get().filter(|left| *left > 0)
    }
}

/// What flags say of an endpoint besides its text.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::commands) struct Wish {
    pub(in crate::commands) udp: bool,
    pub(in crate::commands) ipv4: bool,
    pub(in crate::commands) ipv6: bool,
    pub(in crate::commands) numeric: bool,
    pub(in crate::commands) wait: Option<Duration>,
}

/// The endpoint of `connect` and `listen`.
pub(super) fn endpoint(text: &str, port: Option<&str>, args: &SocketArgs) -> Result<Endpoint, Trouble> {
    let (ipv4, ipv6) = (args.ipv4, args.ipv6);
    endpoint_of(text, port, &Wish { udp: args.udp, ipv4, ipv6, numeric: args.numeric, wait: args.wait })
}

/// The endpoint as it was typed, with what the flags say of it.
pub(in crate::commands) fn endpoint_of(
    text: &str,
    port: Option<&str>,
    args: &Wish,
) -> Result<Endpoint, Trouble> {
    let usage = |error: &dyn std::fmt::Display| Trouble::Usage(error.to_string());
    if let Some(port) = port {
        host_alone(text, port)?;
    }
    let mut whole = match port {
        Some(port) if text.contains(':') && !text.starts_with('[') && !text.contains("://") => {
            format!("[{text}]:{port}")
        }
        Some(port) => format!("{text}:{port}"),
        None => text.to_owned(),
    };
    if args.udp && !whole.contains("://") {
        let unix = whole.starts_with(['/', '@', '.']);
        whole = format!("{}://{whole}", if unix { "unixgram" } else { "udp" });
    }
    let endpoint: Endpoint = whole.parse().map_err(|error| usage(&error))?;
    flags_fit(&endpoint, args)?;
    let scheme = match (endpoint.scheme(), args.ipv4, args.ipv6) {
        (Scheme::Tcp, true, _) => Scheme::Tcp4,
        (Scheme::Tcp, _, true) => Scheme::Tcp6,
        (Scheme::Tls, true, _) => Scheme::Tls4,
        (Scheme::Tls, _, true) => Scheme::Tls6,
        (Scheme::Udp, true, _) => Scheme::Udp4,
        (Scheme::Udp, _, true) => Scheme::Udp6,
        (scheme, ..) => scheme,
    };
    let mut endpoint = endpoint.with_scheme(scheme);
    if let Place::Inet { host: Host::Address { address, .. }, .. } = endpoint.place()
        && !scheme.allows(*address)
    {
        let flag = if args.ipv4 { "-4" } else { "-6" };
        return Err(Trouble::Usage(format!(
            "{flag} and {address} contradict each other; leave one of them out"
        )));
    }
    if let Some(wait) = args.wait {
        endpoint.options_mut().timeout.get_or_insert(wait);
    }
    if args.numeric {
        only_numbers(&endpoint)?;
    }
    Ok(endpoint)
}

/// Refuses a second port.
fn host_alone(text: &str, port: &str) -> Result<(), Trouble> {
    match text.parse::<Endpoint>().map(|endpoint| endpoint.place().clone()) {
        Ok(Place::Inet { .. }) => Err(Trouble::Usage(format!("{text} has a port already; leave {port} out"))),
        Ok(_) => Err(Trouble::Usage(format!("{text} is no host and has no port; leave {port} out"))),
        Err(_) => Ok(()),
    }
}

/// Refuses flags that contradict the scheme.
fn flags_fit(endpoint: &Endpoint, args: &Wish) -> Result<(), Trouble> {
    let scheme = endpoint.scheme();
    let contradiction = match scheme {
        _ if args.udp && !scheme.is_datagram() => Some("-u"),
        Scheme::Tcp6 | Scheme::Tls6 | Scheme::Udp6 if args.ipv4 => Some("-4"),
        Scheme::Tcp4 | Scheme::Tls4 | Scheme::Udp4 if args.ipv6 => Some("-6"),
        _ if scheme.is_inet() => None,
        _ if args.ipv4 => Some("-4"),
        _ if args.ipv6 => Some("-6"),
        _ => None,
    };
    match contradiction {
        None => Ok(()),
        Some(flag) => Err(Trouble::Usage(format!(
            "{flag} and {scheme}:// contradict each other; leave one of them out"
        ))),
    }
}

/// Refuses an endpoint that cannot be connected to, and options that would do nothing there.
pub(in crate::commands) fn can_be_dialled(endpoint: &Endpoint) -> Result<(), Trouble> {
    if matches!(endpoint.place(), Place::Inet { port: Port::Number(0), .. }) {
        return Err(Trouble::Usage(
            "nobody listens at port 0; ports go from 1 to 65535 (0 lets a listener take any free one)"
                .to_owned(),
        ));
    }
    if endpoint.options().backlog.is_some() {
        return Err(Trouble::Usage("the option backlog is for who listens; leave it out here".to_owned()));
    }
    if !endpoint.options().sources.is_empty() {
        return Err(Trouble::Usage(
            "the option source is for who hears a group; leave it out here".to_owned(),
        ));
    }
    if endpoint.options().multicast_ttl.or(endpoint.options().multicast_loop.map(u8::from)).is_some()
        && !may_be_group(endpoint)
    {
        return Err(Trouble::Usage(
            "the options mttl and loop are for groups, and this endpoint is none; leave them out".to_owned(),
        ));
    }
    Ok(())
}

/// Whether an endpoint is a group, or a name that may be one's.
fn may_be_group(endpoint: &Endpoint) -> bool {
    matches!(endpoint.place(), Place::Inet { host: Host::Name(_), .. }) || endpoint.is_multicast()
}

/// Refuses a cut that would change nothing.
pub(super) fn split_fits(args: &SocketArgs) -> Result<(), Trouble> {
    let framed = args.framing.is_some() || args.framing_out.is_some() || args.crlf;
    if args.split == Split::Header && !framed {
        return Err(Trouble::Usage(
            "--split header needs a framing: say with -f where headers are".to_owned(),
        ));
    }
    Ok(())
}

/// Cuts that are to be seen by the other side must not wait for each other.
pub(in crate::commands) fn tear(endpoint: &mut Endpoint, split: Split) {
    if endpoint.scheme().is_tcp() && !matches!(split, Split::One | Split::All) {
        endpoint.options_mut().nodelay.get_or_insert(true);
    }
}

/// Refuses options that would do nothing at an endpoint that is listened on.
pub(in crate::commands) fn can_be_listened_on(endpoint: &Endpoint) -> Result<(), Trouble> {
    if endpoint.options().bind.is_some() {
        return Err(Trouble::Usage(
            "the option bind is for who connects; a listener is bound to the address of its endpoint"
                .to_owned(),
        ));
    }
    let options = endpoint.options();
    let unused = [("insecure", options.insecure), ("sni", options.server_name.is_some())];
    if let Some((name, _)) = unused.iter().find(|(_, given)| *given) {
        return Err(Trouble::Usage(format!("the option {name} is for who connects; leave it out here")));
    }
    if !options.sources.is_empty() && !may_be_group(endpoint) {
        return Err(Trouble::Usage(
            "the option source says whom of a group to hear, and this endpoint is none; leave it out"
                .to_owned(),
        ));
    }
    let has_zone = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let needs_zone = matches!(endpoint.place(), Place::Inet { host: Host::Address { address, .. }, .. } if has_zone(address));
    if options.interface.is_some() && !may_be_group(endpoint) && !needs_zone {
        return Err(Trouble::Usage(
            "the option iface says on which interface a group is joined, and this endpoint is none; to hear one \
             interface only add device=NAME instead"
                .to_owned(),
        ));
    }
    Ok(())
}

fn only_numbers(endpoint: &Endpoint) -> Result<(), Trouble> {
    match endpoint.place() {
        Place::Inet { host: Host::Name(name), .. } => Err(Trouble::Usage(format!(
            "{name} is a name, and -n looks none up; give the address or leave -n out"
        ))),
        Place::Inet { port: Port::Service(name), .. } => Err(Trouble::Usage(format!(
            "{name} is a name, and -n looks none up; give the number of the port"
        ))),
        _ => Ok(()),
    }
}

/// A deadline that never comes, for a wish that was not made.
pub(super) async fn after(limit: Option<Duration>, since: Instant) {
    match limit {
        Some(limit) => tokio::time::sleep_until((since + limit).into()).await,
        None => std::future::pending().await,
    }
}
