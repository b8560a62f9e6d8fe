//! What may stand behind the question mark.

use std::{fmt, net::IpAddr, time::Duration};

use super::{EndpointError, Host, Port, Scheme, parse};

/// How a socket shall be. Everything that is `None` is left to the system, or to the default told here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointOptions {
    /// `nodelay`: send small messages at once (`TCP_NODELAY`).
    pub nodelay: Option<bool>,
    /// `keepalive[=idle/interval/count]`: ask a silent peer whether it is there (`SO_KEEPALIVE`).
    pub keepalive: Option<Keepalive>,
    /// `linger=SECONDS`: how long close waits for unsent data; 0 resets the connection (`SO_LINGER`).
    pub linger: Option<Duration>,
    /// `sndbuf=BYTES`: size of the send buffer (`SO_SNDBUF`); the kernel may answer with another.
    pub send_buffer: Option<usize>,
    /// `rcvbuf=BYTES`: size of the receive buffer (`SO_RCVBUF`).
    pub receive_buffer: Option<usize>,
    /// `reuseaddr[=no]`: bind although connections of an earlier socket have not died out (`SO_REUSEADDR`). TCP listeners
    /// and sockets that join a group do unless told not to.
    pub reuse_address: Option<bool>,
    /// `reuseport`: several sockets share one port (`SO_REUSEPORT`).
    pub reuse_port: Option<bool>,
    /// `backlog=N`: connections that may wait to be accepted (default 1024).
    pub backlog: Option<u32>,
    /// `bind=ADDRESS[:PORT]`: the local address of a socket that connects.
    pub bind: Option<(Host, Port)>,
    /// `device=NAME`: only this interface, whatever the routes say (`SO_BINDTODEVICE`).
    pub device: Option<String>,
    /// `ttl=N`: hops a packet to one host may take (`IP_TTL`, `IPV6_UNICAST_HOPS`).
    pub ttl: Option<u8>,
    /// `tos=N` or `dscp=N` (which is shifted): the type of service (`IP_TOS`, `IPV6_TCLASS`).
    pub type_of_service: Option<u8>,
    /// `mss=BYTES`: the largest segment (`TCP_MAXSEG`).
    pub max_segment: Option<u32>,
    /// `congestion=NAME`: the congestion control (`TCP_CONGESTION`).
    pub congestion: Option<String>,
    /// `user-timeout=DURATION`: how long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`).
    pub user_timeout: Option<Duration>,
    /// `notsent-lowat=BYTES`: writable only while less than this is unsent (`TCP_NOTSENT_LOWAT`).
    pub notsent_low_water: Option<u32>,
    /// `v6only[=no]`: an IPv6 socket takes no IPv4 (`IPV6_V6ONLY`).
    pub v6_only: Option<bool>,
    /// `timeout=DURATION`: how long connecting may take.
    pub timeout: Option<Duration>,
    /// `broadcast`: sending to a broadcast address is meant (`SO_BROADCAST`).
    pub broadcast: bool,
    /// `iface=NAME` or an address of it: the interface for a group, or for broadcast.
    pub interface: Option<String>,
    /// `mttl=N`: hops a packet to a group may take (default 1: this network only).
    pub multicast_ttl: Option<u8>,
    /// `loop[=no]`: whether other sockets of this machine hear what is sent to a group (`IP_MULTICAST_LOOP`).
    pub multicast_loop: Option<bool>,
    /// `source=ADDRESS`, repeatable: join the group for these senders only (RFC 4607).
    pub sources: Vec<IpAddr>,
    /// `connect[=no]`: a UDP socket that has one peer only and hears its errors. Sockets that are dialled do, except to
    /// groups and broadcast addresses; sockets that listen take their first sender if this is given.
    pub connect: Option<bool>,
    /// `sni=NAME`: the name asked for and checked in the certificate, instead of the host.
    pub server_name: Option<String>,
    /// `alpn=NAME`, repeatable: the protocols offered (RFC 7301).
    pub alpn: Vec<String>,
    /// `ca=FILE`: trust the certificates in this file (PEM) instead of the system's.
    pub ca: Option<String>,
    /// `cert=FILE`: our certificate and its chain (PEM).
    pub certificate: Option<String>,
    /// `key=FILE`: its private key (PEM); the certificate's file if not given.
    pub key: Option<String>,
    /// `insecure`: do not check the other side's certificate.
    pub insecure: bool,
}

/// When a silent peer is asked whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first question.
    pub idle: Duration,
    /// Time between questions.
    pub interval: Duration,
    /// Questions without an answer before the connection is given up.
    pub count: u32,
}

impl Default for Keepalive {
    /// A dead peer is noticed within half a minute.
    fn default() -> Self {
        Self { idle: Duration::from_secs(10), interval: Duration::from_secs(5), count: 4 }
    }
}

/// Where an option has a meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Streams,
    Sockets,
    Inet,
    Tcp,
    Udp,
    Tls,
}

/// The names of all options, sorted, each with where it has a meaning.
const OPTIONS: [(&str, For); 31] = [
    ("alpn", For::Tls),
    ("backlog", For::Streams),
    ("bind", For::Inet),
    ("broadcast", For::Udp),
    ("ca", For::Tls),
    ("cert", For::Tls),
    ("congestion", For::Tcp),
    ("connect", For::Udp),
    ("device", For::Inet),
    ("dscp", For::Inet),
    ("iface", For::Udp),
    ("insecure", For::Tls),
    ("keepalive", For::Tcp),
    ("key", For::Tls),
    ("linger", For::Streams),
    ("loop", For::Udp),
    ("mss", For::Tcp),
    ("mttl", For::Udp),
    ("nodelay", For::Tcp),
    ("notsent-lowat", For::Tcp),
    ("rcvbuf", For::Sockets),
    ("reuseaddr", For::Inet),
    ("reuseport", For::Inet),
    ("sndbuf", For::Sockets),
    ("sni", For::Tls),
    ("source", For::Udp),
    ("timeout", For::Streams),
    ("tos", For::Inet),
    ("ttl", For::Inet),
    ("user-timeout", For::Tcp),
    ("v6only", For::Inet),
];

/// The names of all options, sorted.
pub const OPTION_NAMES: [&str; OPTIONS.len()] = {
    let mut names = [""; OPTIONS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = OPTIONS[at].0;
        at += 1;
    }
    names
};

impl EndpointOptions {
    /// Reads what stands behind the question mark.
    pub(super) fn parse(text: &str, scheme: Scheme) -> Result<Self, EndpointError> {
        let mut options = Self::default();
        let mut seen: Vec<&'static str> = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (part, None),
            };
            let Some((name, place)) = OPTIONS.iter().find(|(known, _)| *known == name).copied() else {
                return Err(unknown(name));
            };
            let repeatable = matches!(name, "source" | "alpn");
            if seen.contains(&name) && !repeatable {
                return Err(EndpointError::Repeated { name });
            }
            seen.push(name);
            place.check(name, scheme)?;
            options.take(name, value)?;
        }
        if options.key.is_some() && options.certificate.is_none() {
            return Err(EndpointError::Alone { name: "key", needs: "cert=FILE" });
        }
        Ok(options)
    }

    fn take(&mut self, name: &'static str, value: Option<&str>) -> Result<(), EndpointError> {
        let input = Input { name, value };
        match name {
            "nodelay" => self.nodelay = Some(input.flag()?),
            "keepalive" => self.keepalive = input.keepalive()?,
            "linger" => self.linger = Some(input.duration()?),
            "sndbuf" => self.send_buffer = Some(input.size()?),
            "rcvbuf" => self.receive_buffer = Some(input.size()?),
            "reuseaddr" => self.reuse_address = Some(input.flag()?),
            "reuseport" => self.reuse_port = Some(input.flag()?),
            "backlog" => self.backlog = Some(input.number("a number of connections, like 128")?),
            "bind" => self.bind = Some(input.place()?),
            "device" => self.device = Some(input.text("the name of an interface, like eth0")?),
            "ttl" => self.ttl = Some(input.hops()?),
            "mttl" => self.multicast_ttl = Some(input.number("0 to 255")?),
            "tos" => self.type_of_service = Some(input.number("0 to 255")?),
            "dscp" => self.type_of_service = Some(input.code_point()?),
            "mss" => self.max_segment = Some(input.number("a number of bytes, like 1400")?),
            "congestion" => self.congestion = Some(input.text("a name, like cubic")?),
            "user-timeout" => self.user_timeout = Some(input.duration()?),
            "notsent-lowat" => self.notsent_low_water = Some(input.number("a number of bytes, like 16384")?),
            "v6only" => self.v6_only = Some(input.flag()?),
            "timeout" => self.timeout = Some(input.duration()?),
            "broadcast" => self.broadcast = input.flag()?,
            "iface" => self.interface = Some(input.text("the name or an address of an interface")?),
            "loop" => self.multicast_loop = Some(input.flag()?),
            "source" => self.sources.push(input.number("the address of a sender, like 192.0.2.1")?),
            "connect" => self.connect = Some(input.flag()?),
            "sni" => self.server_name = Some(input.text("a host name")?),
            "alpn" => {
                const WANTED: &str = "a protocol name of at most 255 bytes, like h2";
                let name = input.text(WANTED)?;
                // Its length has one byte (RFC 7301 §3.1).
                self.alpn
                    .push(Some(name).filter(|name| name.len() <= 255).ok_or_else(|| input.refuse(WANTED))?);
            }
            "ca" => self.ca = Some(input.text("the path of a PEM file")?),
            "cert" => self.certificate = Some(input.text("the path of a PEM file")?),
            "key" => self.key = Some(input.text("the path of a PEM file")?),
            "insecure" => self.insecure = input.flag()?,
            _ => unreachable!("every name of the table is above"),
        }
        Ok(())
    }
}

impl For {
    fn check(self, name: &'static str, scheme: Scheme) -> Result<(), EndpointError> {
        let is_tcp = scheme.is_tcp();
        let (fits, remedy) = match self {
            Self::Streams => (is_tcp || matches!(scheme, Scheme::Unix | Scheme::UnixSeq), "leave it out"),
            Self::Sockets => (scheme.is_inet() || scheme.is_unix(), "leave it out"),
            Self::Inet => (scheme.is_inet(), "it belongs to tcp, tls and udp"),
            Self::Tcp => (is_tcp, "it belongs to tcp and tls"),
            Self::Udp => (matches!(scheme, Scheme::Udp | Scheme::Udp4 | Scheme::Udp6), "it belongs to udp"),
            Self::Tls => (scheme.is_tls(), "it belongs to tls://"),
        };
        if fits { Ok(()) } else { Err(EndpointError::Inapplicable { name, scheme: scheme.name(), remedy }) }
    }
}

/// An option's value as it was typed.
struct Input<'a> {
    name: &'static str,
    value: Option<&'a str>,
}

impl Input<'_> {
    fn refuse(&self, wanted: &'static str) -> EndpointError {
        EndpointError::Value { name: self.name, value: self.value.unwrap_or("").to_owned(), wanted }
    }

    fn flag(&self) -> Result<bool, EndpointError> {
        match self.value {
            None | Some("1" | "yes" | "on" | "true") => Ok(true),
            Some("0" | "no" | "off" | "false") => Ok(false),
            Some(_) => Err(self.refuse("yes or no")),
        }
    }

    fn text(&self, wanted: &'static str) -> Result<String, EndpointError> {
        let text = self.value.filter(|value| !value.is_empty()).ok_or_else(|| self.refuse(wanted))?;
        parse::unescape(text).ok_or_else(|| self.refuse(wanted))
    }

    fn number<T: std::str::FromStr>(&self, wanted: &'static str) -> Result<T, EndpointError> {
        let text = self.value.filter(|value| !value.starts_with('+')).ok_or_else(|| self.refuse(wanted))?;
        text.parse().map_err(|_| self.refuse(wanted))
    }

    fn hops(&self) -> Result<u8, EndpointError> {
        self.number("1 to 255")
            .and_then(|hops| if hops == 0 { Err(self.refuse("1 to 255")) } else { Ok(hops) })
    }

    fn code_point(&self) -> Result<u8, EndpointError> {
        let point: u8 = self.number("0 to 63")?;
        if point < 64 { Ok(point << 2) } else { Err(self.refuse("0 to 63")) }
    }

    fn size(&self) -> Result<usize, EndpointError> {
        const WANTED: &str = "a number of bytes up to 1GiB, like 4096, 64KiB or 1MiB";
        let text = self.value.ok_or_else(|| self.refuse(WANTED))?;
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
        let (digits, unit) = units
            .iter()
            .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))
            .unwrap_or((text, 1));
        let number =
            if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None };
        let size = number.and_then(|number: usize| number.checked_mul(unit));
        size.filter(|size| *size <= 1 << 30).ok_or_else(|| self.refuse(WANTED))
    }

    fn duration(&self) -> Result<Duration, EndpointError> {
        const WANTED: &str = "a duration like 500ms, 5s or 2m";
        self.value.and_then(duration).ok_or_else(|| self.refuse(WANTED))
    }

    fn keepalive(&self) -> Result<Option<Keepalive>, EndpointError> {
        const WANTED: &str = "yes, no, or idle/interval/count like 10s/5s/4";
        match self.value {
            Some("0" | "no" | "off" | "false") => return Ok(None),
            None | Some("1" | "yes" | "on" | "true") => return Ok(Some(Keepalive::default())),
            Some(_) => {}
        }
        let mut parts = self.value.unwrap_or("").split('/');
        let mut wanted = Keepalive::default();
        let whole_seconds =
            |text: &str| duration(text).filter(|time| time.subsec_nanos() == 0 && !time.is_zero());
        if let Some(idle) = parts.next() {
            wanted.idle = whole_seconds(idle).ok_or_else(|| self.refuse(WANTED))?;
        }
        if let Some(interval) = parts.next() {
            wanted.interval = whole_seconds(interval).ok_or_else(|| self.refuse(WANTED))?;
        }
        if let Some(count) = parts.next() {
            let count = Some(count).filter(|count| !count.starts_with('+'));
            wanted.count = count
                .and_then(|count| count.parse().ok())
                .filter(|count| (1..=127).contains(count))
                .ok_or_else(|| self.refuse(WANTED))?;
        }
        if parts.next().is_some() { Err(self.refuse(WANTED)) } else { Ok(Some(wanted)) }
    }

    fn place(&self) -> Result<(Host, Port), EndpointError> {
        let text = self.text("an address of this machine, like 192.0.2.1 or :4000")?;
        let has_port =
            text.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'));
        if has_port { parse::host_and_port(&text) } else { Ok((parse::host(&text)?, Port::Number(0))) }
    }
}

/// `50us`, `500ms`, `1.5s`, `2m`, `1h`; a number alone is seconds. Up to a year.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let factor = match unit {
        "us" => 0.000_001,
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * factor;
    // A year: longer is a slip of the finger.
    if seconds > 366.0 * 86_400.0 { None } else { Duration::try_from_secs_f64(seconds).ok() }
}

fn unknown(name: &str) -> EndpointError {
    let mut similar: Vec<&'static str> = OPTION_NAMES
        .into_iter()
        .filter(|known| distance(known, name) <= 2 || known.starts_with(name))
        .collect();
    if similar.is_empty() || name.is_empty() {
        similar = OPTION_NAMES.to_vec();
    }
    EndpointError::UnknownOption { name: name.to_owned(), similar }
}

/// How many letters must be changed, put in or taken out (Levenshtein 1966).
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for column in 0..right.len() {
            let change = diagonal + usize::from(right[column] != letter);
            diagonal = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

impl fmt::Display for EndpointOptions {
    /// With its question mark; nothing if there are no options.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.written().into_iter().enumerate() {
            formatter.write_str(if index == 0 { "?" } else { "&" })?;
            match value {
                None => formatter.write_str(name)?,
                Some(value) => write!(formatter, "{name}={value}")?,
            }
        }
        Ok(())
    }
}

impl EndpointOptions {
    /// What was set, in the order of the names.
    fn written(&self) -> Vec<(&'static str, Option<String>)> {
        let mut all: Vec<(&'static str, Option<String>)> = Vec::new();
        let flag = |value: bool| if value { None } else { Some("no".to_owned()) };
        let mut put = |name, value: Option<Option<String>>| all.extend(value.map(|value| (name, value)));
        let number = |value: Option<u64>| value.map(|value| Some(value.to_string()));
        let text = |value: &Option<String>| value.as_ref().map(|value| Some(parse::escape(value)));
        let time = |value: Option<Duration>| value.map(|value| Some(seconds(value)));
        for name in &self.alpn {
            put("alpn", Some(Some(parse::escape(name))));
        }
        put("backlog", number(self.backlog.map(u64::from)));
        put("bind", self.bind.as_ref().map(|(host, port)| Some(parse::escape(&format!("{host}:{port}")))));
        put("broadcast", self.broadcast.then_some(None));
        put("ca", text(&self.ca));
        put("cert", text(&self.certificate));
        put("congestion", text(&self.congestion));
        put("connect", self.connect.map(flag));
        put("device", text(&self.device));
        put("iface", text(&self.interface));
        put("insecure", self.insecure.then_some(None));
        put("keepalive", self.keepalive.map(|wanted| Some(wanted.to_string())));
        put("key", text(&self.key));
        put("linger", time(self.linger));
        put("loop", self.multicast_loop.map(flag));
        put("mss", number(self.max_segment.map(u64::from)));
        put("mttl", number(self.multicast_ttl.map(u64::from)));
        put("nodelay", self.nodelay.map(flag));
        put("notsent-lowat", number(self.notsent_low_water.map(u64::from)));
        put("rcvbuf", number(self.receive_buffer.map(|size| size as u64)));
        put("reuseaddr", self.reuse_address.map(flag));
        put("reuseport", self.reuse_port.map(flag));
        put("sndbuf", number(self.send_buffer.map(|size| size as u64)));
        put("sni", text(&self.server_name));
        for source in &self.sources {
            put("source", Some(Some(source.to_string())));
        }
        put("timeout", time(self.timeout));
        put("tos", number(self.type_of_service.map(u64::from)));
        put("ttl", number(self.ttl.map(u64::from)));
        put("user-timeout", time(self.user_timeout));
        put("v6only", self.v6_only.map(flag));
        all
    }
}

impl fmt::Display for Keepalive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", seconds(self.idle), seconds(self.interval), self.count)
    }
}

fn seconds(time: Duration) -> String {
    format!("{}s", time.as_secs_f64())
}
