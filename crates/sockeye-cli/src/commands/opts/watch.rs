//! Queues and `TCP_INFO`, again and again.

use std::{
    fmt::Write,
    io,
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use rustix::net::{RecvFlags, recv};
use sockeye::inspect::{
    Facts, Limit, Limits, Measure, PeerEnd, Queues, SocketProtocol, TcpInfo, TcpState, why_limited,
};
use tokio::time::sleep_until;

use super::{broken, json, opened::Opened, show::Show, unreadable};
use crate::{
    args::OptsArgs,
    exit::Exit,
    output::{sentence, stdout::Broken},
    trouble::Trouble,
};

/// How often the other side is looked for: shorter than a person waits, and nothing beside a processor's work.
const LOOK: Duration = Duration::from_millis(50);

/// Time between two looks, where none was given.
const INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of one read.
const READ_SIZE: usize = 64 * 1024;

/// Why watching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The other side said that no more comes.
    Fin,
    /// The connection broke.
    Broken,
    /// It was shown as often as asked for.
    Count,
}

impl How {
    #[cfg(test)]
    pub(super) const ALL: [Self; 3] = [Self::Fin, Self::Broken, Self::Count];

    /// Its name in events.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Broken => "broken",
            Self::Count => "count",
        }
    }
}

/// Shows what was asked for until the other side ends, the connection breaks, or it was often enough.
pub(super) async fn watch(
    opened: &Opened,
    socket: &BorrowedFd<'_>,
    facts: &Facts,
    show: &Show,
    args: &OptsArgs,
) -> Result<Exit, Trouble> {
    if args.tcp_info.is_some() && facts.protocol != SocketProtocol::TCP {
        let kind = format!("{}, {}", facts.family.constant(), facts.kind.constant());
        let sentence =
            format!("--tcp-info is about TCP, and this socket is {kind}; --queues works for every socket");
        return Err(Trouble::Usage(sentence));
    }
    let mut watch = Watch { opened, socket, show, args, last: None };
    let began = Instant::now();
    let (times, how, reason) = watch.until_the_end(began).await?;
    let at = began.elapsed();
    show.put(|| json::watched(at, times, how), || ended(at, how)).map_err(broken)?;
    match reason {
        Some(source) => Err(Trouble::Ended(
            format!("the connection broke: {}", sentence::sockets::network(&source)),
            Exit::Network,
        )),
        None => Ok(Exit::Done),
    }
}

fn ended(at: Duration, how: How) -> String {
    let why = match how {
        How::Fin => "the other side sends no more",
        How::Broken => "the connection broke",
        How::Count => "that was the last",
    };
    format!("{:>7.1} s  {why}", at.as_secs_f64())
}

/// What is looked at, and how.
struct Watch<'a> {
    opened: &'a Opened,
    socket: &'a BorrowedFd<'a>,
    show: &'a Show,
    args: &'a OptsArgs,
    /// What TCP said the time before.
    last: Option<TcpInfo>,
}

impl Watch<'_> {
    /// Looks at every interval; says how often, why no more, and what broke the connection.
    async fn until_the_end(&mut self, began: Instant) -> Result<(u64, How, Option<io::Error>), Trouble> {
        let interval = self.args.tcp_info.into_iter().chain(self.args.queues).min().unwrap_or(INTERVAL);
        let (mut next, mut times) = (began, 0);
        loop {
            times += 1;
            let end = self.end().map_err(|source| unreadable(&source))?;
            self.look(began.elapsed())?;
            match end {
                PeerEnd::Broken(source) => return Ok((times, How::Broken, Some(source))),
                PeerEnd::Finished if self.is_drained() => return Ok((times, How::Fin, None)),
                _ if self.args.count == Some(times) => return Ok((times, How::Count, None)),
                _ => {}
            }
            if let Some(most) = self.args.read {
                read(*self.socket, most);
            }
            next = (next + interval).max(Instant::now());
            let looks = self.opened.is_connection() && matches!(end, PeerEnd::Open);
            self.wait(next, looks).await.map_err(|source| unreadable(&source))?;
        }
    }

    fn end(&self) -> io::Result<PeerEnd> {
        if self.opened.is_connection() { PeerEnd::of(self.socket) } else { Ok(PeerEnd::Open) }
    }

    /// Whether there is nothing left to read, for one who reads.
    fn is_drained(&self) -> bool {
        let left = || Queues::of(self.socket).ok().and_then(|queues| queues.receive);
        self.args.read.is_none() || left().is_none_or(|left| left == 0)
    }

    /// Waits for a moment; with `looks` only as long as there is no news of the other side.
    async fn wait(&self, until: Instant, looks: bool) -> io::Result<()> {
        while Instant::now() < until {
            let next = if looks { until.min(Instant::now() + LOOK) } else { until };
            sleep_until(next.into()).await;
            if looks && PeerEnd::has_news(self.socket)? {
                break;
            }
        }
        Ok(())
    }

    fn look(&mut self, at: Duration) -> Result<(), Trouble> {
        if self.args.queues.is_some() {
            let queues = Queues::of(self.socket).map_err(|source| unreadable(&source))?;
            self.show.put(|| json::queues(at, &queues), || of_queues(at, &queues)).map_err(broken)?;
        }
        if self.args.tcp_info.is_some() {
            let info = TcpInfo::of(self.socket).map_err(|source| unreadable(&source))?;
            self.tell(at, &info).map_err(broken)?;
            self.last = Some(info);
        }
        Ok(())
    }

    /// At first every figure, then those that change and what the interval was limited by.
    fn tell(&self, at: Duration, info: &TcpInfo) -> Result<(), Broken> {
        let limits = self.last.as_ref().and_then(|last| why_limited(last, info));
        let text = || match &self.last {
            None => all_figures(info),
            Some(_) => of_info(at, info, limits.as_ref()),
        };
        self.show.put(|| json::tcp_info(at, info, limits.as_ref()), text)
    }
}

/// Reads at most so many bytes of what is there, and throws them away. What fails is told by the next look.
fn read(socket: BorrowedFd<'_>, most: u64) {
    let mut buffer = vec![0; READ_SIZE];
    let mut left = most;
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(READ_SIZE).min(READ_SIZE);
        match recv(socket, &mut buffer[..room], RecvFlags::DONTWAIT) {
            Ok((len, _)) if len > 0 => left -= len as u64,
            _ => break,
        }
    }
}

fn of_queues(at: Duration, queues: &Queues) -> String {
    let mut text = format!("{:>7.1} s  ", at.as_secs_f64());
    if let Some(accept) = queues.accept {
        let _ = write!(text, "{} of {} connections wait to be accepted", accept.waiting, accept.limit);
        return text;
    }
    let fill =
        |fill: Option<f64>| fill.map_or_else(String::new, |fill| format!(" ({:.0} % full)", fill * 100.0));
    if let Some(receive) = queues.receive {
        let _ = write!(text, "receive buffer {receive} bytes{}", fill(queues.receive_fill()));
    }
    if let Some(send) = queues.send {
        let _ = write!(text, ", send buffer {send} bytes{}", fill(queues.send_fill()));
    }
    if let Some(unsent) = queues.unsent.filter(|unsent| *unsent > 0) {
        let _ = write!(text, ", {unsent} of them not sent");
    }
    if let Some(drops) = queues.memory.map(|memory| memory.drops).filter(|drops| *drops > 0) {
        let _ = write!(text, ", {drops} dropped");
    }
    text
}

fn all_figures(info: &TcpInfo) -> String {
    let mut text = String::from("\nTCP_INFO");
    let mut row = |name: &str, value: &str, meaning: &str| {
        let _ = write!(text, "\n  {name:<20} {value:<22} {meaning}");
    };
    row("state", info.state().map_or("?", TcpState::name), "state of the connection (RFC 9293)");
    row("ca_state", info.congestion_state().unwrap_or("?"), "state of the congestion control");
    row("options", &info.options().join(" "), "what both sides agreed on");
    if let Some((send, receive)) = info.window_scale() {
        row(
            "wscale",
            &format!("{send} {receive}"),
            "bits by which the windows are shifted, to send and to receive",
        );
    }
    for figure in info.figures() {
        row(figure.name, &figure.measure.to_string(), figure.meaning);
    }
    text
}

fn of_info(at: Duration, info: &TcpInfo, limits: Option<&Limits>) -> String {
    let mut text = format!("{:>7.1} s  {}", at.as_secs_f64(), info.state().map_or("?", TcpState::name));
    if info.state() == Some(TcpState::Listening) {
        let (waiting, limit) = (info.unacked().unwrap_or(0), info.sacked().unwrap_or(0));
        let _ = write!(text, "  {waiting} of {limit} connections wait to be accepted");
        return text;
    }
    let mut put = |name: &str, figure: Option<String>| {
        if let Some(figure) = figure {
            let _ = write!(text, "  {name} {figure}");
        }
    };
    let count = |number: Option<u64>| number.map(|number| number.to_string());
    put("rtt", info.rtt().map(|rtt| Measure::Time(rtt).to_string()));
    put("cwnd", count(info.snd_cwnd()));
    put("in flight", count(info.unacked()));
    put("window", info.snd_wnd().map(|window| Measure::Bytes(window).to_string()));
    put("lost", count(info.lost()));
    put("sent again", count(info.total_retrans()));
    put("rate", info.delivery_rate().map(|rate| Measure::Rate(rate).to_string()));
    if let Some(limits) = limits {
        let _ = write!(text, "  limited by {}", of_limits(limits));
    }
    if info.is_window_closed() {
        text.push_str("  WINDOW CLOSED: the other side does not read");
    }
    text
}

/// `the other side's window 97 %, the network 3 %`, the longest first.
fn of_limits(limits: &Limits) -> String {
    let mut parts: Vec<(Limit, f64)> =
        Limit::ALL.map(|limit| (limit, limits.share(limit) * 100.0)).into_iter().collect();
    parts.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let told = parts.iter().filter(|(_, share)| *share >= 0.5);
    told.map(|(limit, share)| format!("{} {share:.0} %", words(*limit))).collect::<Vec<_>>().join(", ")
}

fn words(limit: Limit) -> &'static str {
    match limit {
        Limit::Network => "the network",
        Limit::ReceiverWindow => "the other side's window",
        Limit::SendBuffer => "the send buffer",
        Limit::Application => "having nothing to send",
    }
}
