//! What happened, told as it was asked for: messages and events to standard output, sentences to standard error.

use std::{
    cell::Cell,
    fmt::Write,
    io::IsTerminal,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value, json};
use sockeye::{
    Framing,
    message::Spot,
    socket::{Facts, SocketName},
};

use crate::{
    args::{RelayArgs, SocketArgs},
    formats::{OutFormat, Record, output::append_for_terminal},
    output::{
        json::{event, line},
        measure::{duration, size},
        odd::Odd,
        say,
        stdout::{self, Broken},
    },
};

/// How to tell.
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
#[derive(Debug)]
pub(in crate::commands) struct Tell {
    events: bool,
    output: OutFormat,
    by_message: bool,
    terminal: bool,
    time: bool,
    quiet: bool,
    verbose: u8,
    began: Instant,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum How {
    /// Both sides said that no more comes.
    Fin,
    /// The other side reset it.
    Reset,
    /// A deadline passed.
    TimedOut,
    /// This side closed it.
    Closed,
    /// What came could not be understood.
    Protocol,
    /// Something else broke it.
    Failed,
}

/// Whose something is that came.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) enum Whose<'a> {
    /// That of a connection, by its number.
    Connection(u64),
    /// It came in a datagram from here.
    Datagram(&'a str),
}

/// What went over a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct Totals {
    pub(in crate::commands) received: u64,
    pub(in crate::commands) messages_in: u64,
    pub(in crate::commands) reads: u64,
    pub(in crate::commands) sent: u64,
    pub(in crate::commands) messages_out: u64,
    pub(in crate::commands) writes: u64,
}

/// A connection that is open. Dropped before its end was told, it was closed here.
pub(in crate::commands) struct Open<'a> {
    tell: &'a Tell,
    connection: u64,
    totals: &'a Cell<Totals>,
    began: Instant,
    told: bool,
}

impl<'a> Open<'a> {
    pub(in crate::commands) fn new(tell: &'a Tell, connection: u64, totals: &'a Cell<Totals>) -> Self {
        Self { tell, connection, totals, began: Instant::now(), told: false }
    }

    /// It is over.
    pub(in crate::commands) fn closed(mut self, how: How) -> Result<(), Broken> {
        self.told = true;
        self.tell.closed(self.connection, how, &self.totals.get(), self.began.elapsed())
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.told {
            // The program ends, and for the same reason if this cannot be written.
            let _ = self.tell.closed(self.connection, How::Closed, &self.totals.get(), self.began.elapsed());
        }
    }
}

impl Tell {
    pub(in crate::commands) fn new(args: &SocketArgs, by_message: bool) -> Self {
        Self {
            events: args.json,
            output: args.output.clone(),
            by_message,
            terminal: std::io::stdout().is_terminal(),
            time: args.time,
            quiet: args.quiet,
            verbose: args.verbose,
            began: Instant::now(),
        }
    }

    /// For a relay, which shows what goes through by itself.
    pub(in crate::commands) fn of_relay(args: &RelayArgs) -> Self {
        Self {
            events: args.json,
            output: args.output.clone(),
            by_message: true,
            terminal: std::io::stdout().is_terminal(),
            time: false,
            quiet: args.quiet,
            verbose: args.verbose,
            began: Instant::now(),
        }
    }

    /// Whether what arrives goes out as it is.
    pub(in crate::commands) fn is_plain(&self) -> bool {
        let raw = self.output == OutFormat::Raw
            || self.output == OutFormat::Auto && !self.by_message && !self.terminal;
        raw && !self.events && !self.time && self.verbose == 0
    }

    /// A sentence for people; events say the same in their way.
    fn sentence(&self, least: u8, text: &str) {
        if !self.quiet && !self.events && self.verbose >= least {
            say(text);
        }
    }

    fn event(&self, name: &str, fields: Value) -> Result<(), Broken> {
        if !self.events {
            return Ok(());
        }
        let text = line(&event(name, fields));
        stdout::append(|out| {
            out.extend_from_slice(text.as_bytes());
            out.push(b'\n');
        })
    }

    pub(in crate::commands) fn listening(
        &self,
        names: &[SocketName],
        fingerprint: Option<&str>,
        made: bool,
    ) -> Result<(), Broken> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        self.sentence(0, &format!("listening on {}", names.join(" and ")));
        if let Some(fingerprint) = fingerprint.filter(|_| made) {
            self.sentence(0, &format!("certificate made for this run; its SHA-256 is {fingerprint}"));
        }
        self.event("listening", json!({ "addresses": names, "fingerprint": fingerprint }))
    }

    pub(in crate::commands) fn opened(
        &self,
        connection: u64,
        facts: &Facts,
        least: u8,
    ) -> Result<(), Broken> {
        let mut text = match facts.connect_time {
            Some(took) => format!("connected to {} from {} in {}", facts.peer, facts.local, precise(took)),
            None if facts.scheme.is_datagram() => format!("sending from {} to {}", facts.local, facts.peer),
            None => format!("connection {connection} from {}", facts.peer),
        };
        if let Some(tls) = &facts.tls {
            let _ = write!(text, ", {} with {}", tls.version, tls.cipher);
        }
        self.sentence(least, &text);
        self.event("open", of_facts(connection, facts))
    }

    /// A sender of datagrams is carried like a connection.
    pub(in crate::commands) fn carried(&self, connection: u64, facts: &Facts) -> Result<(), Broken> {
        self.sentence(0, &format!("connection {connection} from {}", facts.peer));
        self.event("open", of_facts(connection, facts))
    }

    pub(in crate::commands) fn closed(
        &self,
        connection: u64,
        how: How,
        totals: &Totals,
        open_for: Duration,
    ) -> Result<(), Broken> {
        let way = match how {
            How::Fin => "closed by both sides",
            How::Reset => "reset by the other side",
            How::TimedOut => "given up",
            How::Closed => "closed here",
            How::Protocol => "closed here: what came could not be understood",
            How::Failed => "broken",
        };
        self.sentence(
            1,
            &format!(
                "connection {connection} {way} after {}: received {} in {} reads, sent {} in {} writes",
                duration(open_for),
                size(totals.received),
                totals.reads,
                size(totals.sent),
                totals.writes
            ),
        );
        self.event(
            "close",
            json!({
                "conn": connection,
                "how": how.name(),
                "seconds": open_for.as_secs_f64(),
                "received": totals.received,
                "messages_in": totals.messages_in,
                "reads": totals.reads,
                "sent": totals.sent,
                "messages_out": totals.messages_out,
                "writes": totals.writes,
            }),
        )
    }

    /// The other side sends no more (FIN), but may still receive.
    pub(in crate::commands) fn ended(&self, connection: u64, received: u64) -> Result<(), Broken> {
        self.sentence(1, &format!("connection {connection}: the other side sends no more"));
        self.end(connection, "rx", received)
    }

    /// This side sends no more.
    pub(in crate::commands) fn half_closed(&self, connection: u64, sent: u64) -> Result<(), Broken> {
        self.end(connection, "tx", sent)
    }

    /// A direction has ended after so many bytes.
    pub(in crate::commands) fn end(
        &self,
        connection: u64,
        way: &'static str,
        offset: u64,
    ) -> Result<(), Broken> {
        self.event("eof", json!({ "conn": connection, "dir": way, "off": offset }))
    }

    /// A read, for those who want to see each.
    pub(in crate::commands) fn read(&self, connection: u64, number: u64, len: usize) {
        self.sentence(1, &format!("connection {connection}: read {number} gave {len} bytes"));
    }

    /// A message that was received. False if the format of the output has no way to say it.
    pub(in crate::commands) fn message(
        &self,
        connection: Option<u64>,
        peer: Option<&str>,
        header: &[u8],
        payload: &[u8],
        spot: &Spot,
    ) -> Result<bool, Broken> {
        if self.output == OutFormat::None {
            self.sentence(1, &where_it_was(connection, peer, payload.len(), spot));
            return Ok(true);
        }
        if self.events || self.output == OutFormat::Json {
            let record = Record {
                direction: Some("rx"),
                connection,
                peer,
                number: spot.number,
                offset: connection.map(|_| spot.offset),
                wire_len: spot.wire_len,
                at: Some((SystemTime::now(), self.began.elapsed())),
                reads: Some(spot.reads),
                writes: None,
                header,
                ..Record::default()
            };
            return stdout::append(|out| record.append(payload, out)).map(|()| true);
        }
        if self.verbose > 0 {
            self.sentence(1, &where_it_was(connection, peer, payload.len(), spot));
        }
        if self.output == OutFormat::Raw && payload.len() >= stdout::LARGE {
            return stdout::write(payload).map(|()| true);
        }
        let mut refused = None;
        stdout::append(|out| {
            self.prefix(peer, out);
            match &self.output {
                OutFormat::Auto if !self.by_message && self.terminal => append_for_terminal(payload, out),
                OutFormat::Auto if !self.by_message => out.extend_from_slice(payload),
                format => refused = format.append(payload, out).err(),
            }
        })?;
        if let Some(error) = &refused {
            self.sentence(0, &format!("sockeye: a message could not be written: {error}"));
        }
        Ok(refused.is_none())
    }

    /// Time and sender before a message, where they are wanted: senders of datagrams are shown to people, not to pipes.
    fn prefix(&self, peer: Option<&str>, out: &mut Vec<u8>) {
        if matches!(self.output, OutFormat::Raw | OutFormat::Framed(_)) {
            return;
        }
        if self.time {
            out.extend_from_slice(crate::formats::record::precise(SystemTime::now()).as_bytes());
            out.push(b' ');
        }
        if let Some(peer) =
            peer.filter(|_| self.output == OutFormat::Auto && self.terminal && self.by_message)
        {
            out.extend_from_slice(peer.as_bytes());
            out.push(b' ');
        }
    }

    /// Whether what is sent is told too.
    pub(in crate::commands) fn tells_sent(&self) -> bool {
        self.events && self.output != OutFormat::None || self.verbose > 0
    }

    pub(in crate::commands) fn sent(
        &self,
        connection: Option<u64>,
        peer: Option<&str>,
        (payload, header): (&[u8], &[u8]),
        spot: (u64, u64, usize),
        writes: &[usize],
    ) -> Result<(), Broken> {
        let (number, offset, wire_len) = spot;
        if self.events {
            let record = Record {
                direction: Some("tx"),
                connection,
                peer,
                number,
                offset: connection.map(|_| offset),
                wire_len,
                at: Some((SystemTime::now(), self.began.elapsed())),
                reads: None,
                writes: Some(writes),
                header,
                ..Record::default()
            };
            return stdout::append(|out| record.append(payload, out));
        }
        let returned: Vec<String> = writes.iter().map(ToString::to_string).collect();
        let to = peer.map(|peer| format!(" to {peer}")).unwrap_or_default();
        self.sentence(
            1,
            &format!("message {number}{to}: {wire_len} bytes sent, write returned {}", returned.join(", ")),
        );
        Ok(())
    }

    /// What came is no message. `way` is the direction it came in; people are told from this level on.
    pub(in crate::commands) fn odd(
        &self,
        whose: Whose<'_>,
        way: &'static str,
        (odd, framing): (&Odd, &Framing),
        least: u8,
    ) -> Result<(), Broken> {
        let sentence = odd.sentence(framing);
        self.sentence(
            least,
            &match whose {
                Whose::Connection(connection) if way == "rx" => {
                    format!("connection {connection}: {sentence}")
                }
                Whose::Connection(connection) => format!("connection {connection}, {way}: {sentence}"),
                Whose::Datagram(peer) => format!("in a datagram from {peer}: {sentence}"),
            },
        );
        let (name, mut fields) = odd.event(framing);
        match whose {
            Whose::Connection(connection) => fields["conn"] = connection.into(),
            Whose::Datagram(peer) => fields["peer"] = peer.into(),
        }
        fields["dir"] = way.into();
        self.event(name, fields)
    }

    /// A datagram that was longer than what could be taken of it.
    pub(in crate::commands) fn cut(&self, peer: &str, len: usize, wire_len: usize) -> Result<(), Broken> {
        self.sentence(
            0,
            &format!(
                "a datagram of {wire_len} bytes from {peer} was cut to {len}: allow more with --read-size"
            ),
        );
        self.event("cut", json!({ "peer": peer, "len": len, "wire": wire_len }))
    }

    /// How a socket does, as `--stats` asks for it.
    pub(in crate::commands) fn stats(
        &self,
        sentence: &str,
        fields: impl FnOnce() -> Value,
    ) -> Result<(), Broken> {
        self.sentence(0, sentence);
        if self.events { self.event("stats", fields()) } else { Ok(()) }
    }

    /// The kernel had no room for datagrams and threw them away.
    pub(in crate::commands) fn dropped(&self, new: u64, total: u64) -> Result<(), Broken> {
        self.sentence(
            0,
            &format!("{new} datagrams were dropped: the receive buffer was full; a larger one is asked for with ?rcvbuf="),
        );
        self.event("dropped", json!({ "new": new, "total": total }))
    }

    /// The target takes datagrams more slowly than they come.
    pub(in crate::commands) fn dropped_on_the_way(
        &self,
        connection: u64,
        new: u64,
        total: u64,
    ) -> Result<(), Broken> {
        self.sentence(
            0,
            &format!(
                "connection {connection}: {new} datagrams were dropped: they come faster than they go on"
            ),
        );
        self.event("dropped", json!({ "conn": connection, "new": new, "total": total }))
    }

    /// A message that the other side has no way to take, and that is lost for that.
    pub(in crate::commands) fn not_carried(
        &self,
        connection: u64,
        way: &'static str,
        why: &str,
    ) -> Result<(), Broken> {
        self.sentence(0, &format!("sockeye: connection {connection}, {way}: not carried on: {why}"));
        self.event("not_carried", json!({ "conn": connection, "dir": way, "message": why }))
    }

    /// Something went wrong with one caller while others go on.
    pub(in crate::commands) fn failed(&self, connection: u64, sentence: &str) -> Result<(), Broken> {
        if !self.quiet && !self.events {
            say(&format!("sockeye: connection {connection}: {sentence}"));
        }
        self.event("failed_connection", json!({ "conn": connection, "message": sentence }))
    }

    /// A client takes what is sent to it more slowly than it comes.
    pub(in crate::commands) fn slow(
        &self,
        connection: u64,
        waiting: usize,
        time: Duration,
    ) -> Result<(), Broken> {
        self.sentence(
            0,
            &format!("connection {connection} is slow: {waiting} bytes wait for it since {}", duration(time)),
        );
        self.event("slow", json!({ "conn": connection, "waiting": waiting, "seconds": time.as_secs_f64() }))
    }

    /// A sender of datagrams that was not heard before.
    pub(in crate::commands) fn met(&self, peer: &str) {
        self.sentence(0, &format!("first datagram from {peer}"));
    }

    /// The system has no room for more connections; those who wait keep waiting.
    pub(in crate::commands) fn full(&self, sentence: &str) -> Result<(), Broken> {
        self.sentence(0, &format!("sockeye: {sentence}"));
        self.event("full", json!({ "message": sentence }))
    }

    pub(in crate::commands) fn note(&self, text: &str) {
        self.sentence(0, text);
    }
}

impl How {
    const fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Reset => "rst",
            Self::TimedOut => "timeout",
            Self::Closed => "local",
            Self::Protocol => "protocol",
            Self::Failed => "error",
        }
    }
}

/// `0.35 ms`: connecting is often shorter than hundredths of a second.
fn precise(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn where_it_was(connection: Option<u64>, peer: Option<&str>, len: usize, spot: &Spot) -> String {
    let (first, last) = spot.reads;
    let reads = if first == last { format!("read {first}") } else { format!("reads {first} to {last}") };
    match (connection, peer) {
        (None, Some(peer)) => format!("datagram {} from {peer}: {len} bytes", spot.number),
        (connection, _) => format!(
            "connection {}: message {} of {len} bytes, {} on the wire at offset {}, came in {reads}",
            connection.unwrap_or(1),
            spot.number,
            spot.wire_len,
            spot.offset
        ),
    }
}

/// The JSON of a socket's facts.
pub(in crate::commands) fn of_facts(connection: u64, facts: &Facts) -> Value {
    use sockeye::endpoint::Scheme;
    let family = match (&facts.local, facts.scheme) {
        (SocketName::Inet(address), _) if address.is_ipv4() => "AF_INET",
        (SocketName::Inet(_), _) => "AF_INET6",
        (_, scheme) if scheme.is_unix() => "AF_UNIX",
        _ => "none",
    };
    let kind = match facts.scheme {
        scheme if scheme.is_datagram() => "SOCK_DGRAM",
        Scheme::UnixSeq => "SOCK_SEQPACKET",
        Scheme::Stdio => "none",
        _ => "SOCK_STREAM",
    };
    let tls = facts.tls.as_deref().map(|tls| {
        json!({ "version": tls.version, "cipher": tls.cipher, "alpn": tls.alpn, "fingerprint": tls.peer_fingerprint })
    });
    json!({
        "conn": connection,
        "scheme": facts.scheme.name(),
        "family": family,
        "type": kind,
        "local": facts.local.to_string(),
        "peer": facts.peer.to_string(),
        "fileno": facts.descriptor,
        "connect_s": facts.connect_time.map(|time| time.as_secs_f64()),
        "tls": tls,
    })
}
