//! `TCP_INFO`: what TCP knows of a connection (tcp(7), `<linux/tcp.h>`).

use std::{
    fmt, io,
    time::{Duration, Instant},
};

use socket2::SockRef;

use crate::option;

/// Longest structure asked for. Linux 6.18 has 280 bytes; each kernel returns what it knows.
const CAPACITY: usize = 512;
/// What the kernel says for a threshold that was never set: `TCP_INFINITE_SSTHRESH`.
const INFINITE: u64 = 0x7fff_ffff;

/// What TCP knows of a connection at one moment.
///
/// Every figure is `None` where the kernel is too old to tell it. Of a listener most are without meaning, but `unacked` is the
/// number of connections that wait to be accepted and `sacked` how many may (see [`Queues`](super::Queues)).
///
/// ```
/// use std::io::Write;
/// use sockeye_net::inspect::{TcpInfo, TcpState};
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let mut stream = std::net::TcpStream::connect(listener.local_addr()?)?;
/// stream.write_all(b"hello")?;
/// # #[cfg(target_os = "linux")] {
/// let info = TcpInfo::of(&stream)?;
/// assert_eq!(info.state(), Some(TcpState::Established));
/// assert_eq!(info.bytes_sent(), Some(5));
/// assert!(info.snd_cwnd().unwrap() > 0);
/// assert!(!info.is_window_closed());
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    taken: Instant,
    bytes: Vec<u8>,
}

/// A figure with its name and unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The name of the kernel's field, without `tcpi_`.
    pub name: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// How much.
    pub measure: Measure,
}

/// How much, with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measure {
    /// A count of what the name says.
    Count(u64),
    /// Bytes.
    Bytes(u64),
    /// Bytes per second; the largest number is no limit.
    Rate(u64),
    /// A time.
    Time(Duration),
}

impl Measure {
    /// The number: of times, microseconds.
    pub fn number(self) -> u64 {
        match self {
            Self::Count(number) | Self::Bytes(number) | Self::Rate(number) => number,
            Self::Time(time) => u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(number) => write!(f, "{number}"),
            Self::Bytes(1) => write!(f, "1 byte"),
            Self::Bytes(number) => write!(f, "{number} bytes"),
            Self::Rate(u64::MAX) => write!(f, "unlimited"),
            Self::Rate(number) => write!(f, "{number} bytes/s"),
            Self::Time(time) if time.subsec_micros() % 1000 != 0 => write!(f, "{} µs", time.as_micros()),
            Self::Time(time) => write!(f, "{} ms", time.as_millis()),
        }
    }
}

/// State of a connection (RFC 9293 §3.3.2), by the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TcpState {
    /// Both ends are there.
    Established,
    /// Asked to connect, no answer yet.
    SynSent,
    /// Was asked and answered.
    SynReceived,
    /// We closed, the peer has not acknowledged it.
    FinWait1,
    /// We closed, the peer has not.
    FinWait2,
    /// Both closed: waits until stray packets have died.
    TimeWait,
    /// Closed, or never connected.
    Closed,
    /// The peer closed, we have not.
    CloseWait,
    /// Both closed, the peer has not acknowledged ours.
    LastAck,
    /// Waits for connections.
    Listening,
    /// Both closed at once.
    Closing,
}

impl TcpState {
    fn of(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listening,
            11 => Self::Closing,
            _ => return None,
        })
    }

    /// Its name in RFC 9293.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
            Self::CloseWait => "CLOSE-WAIT",
            Self::LastAck => "LAST-ACK",
            Self::Listening => "LISTEN",
            Self::Closing => "CLOSING",
        }
    }

    /// Whether we may still send: the peer's window means something.
    pub const fn sends(self) -> bool {
        matches!(self, Self::Established | Self::CloseWait)
    }
}

impl TcpInfo {
    /// Asks the kernel. Errors: what it says where the socket is none of TCP; [`io::ErrorKind::Unsupported`] on other systems.
    pub fn of<'s>(socket: impl Into<SockRef<'s>>) -> io::Result<Self> {
        const TCP_INFO: i32 = 11;
        let bytes = option::read_raw(socket, option::Level::Tcp.number(), TCP_INFO, CAPACITY)?;
        Ok(Self { taken: Instant::now(), bytes })
    }

    /// When the kernel was asked.
    pub const fn taken(&self) -> Instant {
        self.taken
    }

    /// How many bytes of the structure the kernel returned.
    pub const fn kernel_len(&self) -> usize {
        self.bytes.len()
    }

    /// State of the connection.
    pub fn state(&self) -> Option<TcpState> {
        TcpState::of(self.field(0, 1)?)
    }

    /// State of the congestion control: `open`, `disorder` (duplicates came), `cwr` (the window was just reduced), `recovery`
    /// (something is sent again) or `loss` (a timeout).
    pub fn congestion_state(&self) -> Option<&'static str> {
        let names = ["open", "disorder", "cwr", "recovery", "loss"];
        names.get(usize::try_from(self.field(1, 1)?).ok()?).copied()
    }

    /// What was agreed on at the beginning, or seen since: `timestamps`, `sack`, `wscale` (RFC 7323, RFC 2018), `ecn`,
    /// `ecn-seen` (RFC 3168), `syn-data` (RFC 7413) and others.
    pub fn options(&self) -> Vec<&'static str> {
        let names = ["timestamps", "sack", "wscale", "ecn", "ecn-seen", "syn-data", "usec-ts", "tfo-child"];
        let bits = self.field(5, 1).unwrap_or(0);
        names.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| name).collect()
    }

    /// By how many bits the windows of both directions are shifted: what we may send, what we may receive (RFC 7323 §2).
    pub fn window_scale(&self) -> Option<(u32, u32)> {
        let byte = u32::try_from(self.field(6, 1)?).ok()?;
        let (low, high) = (byte & 15, byte >> 4);
        Some(if cfg!(target_endian = "little") { (low, high) } else { (high, low) })
    }

    /// Whether [`delivery_rate`](Self::delivery_rate) was held down by the program, which had nothing to send.
    pub fn is_rate_app_limited(&self) -> Option<bool> {
        let bit = if cfg!(target_endian = "little") { 0 } else { 7 };
        Some(self.field(7, 1)? >> bit & 1 == 1)
    }

    /// Whether the receiver has closed its window: it reads no more, and its buffer is full (RFC 9293 §3.8.6.1). Known since
    /// Linux 5.4; `false` before.
    pub fn is_window_closed(&self) -> bool {
        self.snd_wnd() == Some(0) && self.state().is_some_and(TcpState::sends)
    }

    /// Every figure that this kernel tells, in its order.
    pub fn figures(&self) -> impl Iterator<Item = Figure> + '_ {
        FIELDS.iter().filter_map(|field| {
            let number = self.field(field.at, field.width)?;
            Some(Figure {
                name: field.name,
                meaning: field.meaning.trim(),
                measure: field.unit.measure(number),
            })
        })
    }

    /// A number of the structure, if the kernel returned all of it.
    fn field(&self, at: usize, width: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at + width)?;
        let mut wide = [0; 8];
        let start = if cfg!(target_endian = "little") { 0 } else { wide.len() - width };
        wide[start..start + width].copy_from_slice(bytes);
        Some(u64::from_ne_bytes(wide))
    }
}

/// Where a figure is, and its unit.
struct Field {
    name: &'static str,
    meaning: &'static str,
    at: usize,
    width: usize,
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Unit {
    Count,
    Bytes,
    Rate,
    Milliseconds,
    Microseconds,
}

impl Unit {
    const fn measure(self, number: u64) -> Measure {
        match self {
            Self::Count => Measure::Count(number),
            Self::Bytes => Measure::Bytes(number),
            Self::Rate => Measure::Rate(number),
            Self::Milliseconds => Measure::Time(Duration::from_millis(number)),
            Self::Microseconds => Measure::Time(Duration::from_micros(number)),
        }
    }
}

/// Makes of each line `name: type at offset, unit` a row of [`FIELDS`] and a method that returns the figure.
macro_rules! figures {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $at:literal, $unit:ident;)+) => {
        /// The structure (`struct tcp_info` of Linux 6.18, without its first eight bytes, which are states and flags).
        const FIELDS: &[Field] = &[$(Field {
            name: stringify!($name),
            meaning: concat!($($doc),+),
            at: $at,
            width: size_of::<$type>(),
            unit: Unit::$unit,
        }),+];

        impl TcpInfo {
            $($(#[doc = $doc])+ pub fn $name(&self) -> Option<figures!(@type $unit)> {
                let number = self.field($at, size_of::<$type>())?;
                Some(figures!(@value $unit, number))
            })+
        }
    };
    (@type Milliseconds) => { Duration };
    (@type Microseconds) => { Duration };
    (@type $unit:ident) => { u64 };
    (@value Milliseconds, $number:ident) => { Duration::from_millis($number) };
    (@value Microseconds, $number:ident) => { Duration::from_micros($number) };
    (@value $unit:ident, $number:ident) => { $number };
}

figures! {
    /// Timeouts in a row without an answer.
    retransmits: u8 = 2, Count;
    /// Questions in a row without an answer, of keep-alive or into a closed window.
    probes: u8 = 3, Count;
    /// How often the timeout was doubled.
    backoff: u8 = 4, Count;
    /// How long an acknowledgement is awaited before data is sent again.
    rto: u32 = 8, Microseconds;
    /// How long an acknowledgement may be put off.
    ato: u32 = 12, Microseconds;
    /// Largest segment we send.
    snd_mss: u32 = 16, Bytes;
    /// Largest segment we have seen lately.
    rcv_mss: u32 = 20, Bytes;
    /// Segments in flight; of a listener: connections that wait to be accepted.
    unacked: u32 = 24, Count;
    /// Segments acknowledged out of order; of a listener: how many may wait.
    sacked: u32 = 28, Count;
    /// Segments taken for lost.
    lost: u32 = 32, Count;
    /// Segments sent again and still in flight.
    retrans: u32 = 36, Count;
    /// Not used any more.
    fackets: u32 = 40, Count;
    /// Time since data was sent.
    last_data_sent: u32 = 44, Milliseconds;
    /// Time since data came.
    last_data_recv: u32 = 52, Milliseconds;
    /// Time since an acknowledgement came.
    last_ack_recv: u32 = 56, Milliseconds;
    /// Largest packet of the path.
    pmtu: u32 = 60, Bytes;
    /// How far our window may grow now.
    rcv_ssthresh: u32 = 64, Bytes;
    /// Round-trip time, smoothed (RFC 6298).
    rtt: u32 = 68, Microseconds;
    /// Its mean deviation.
    rttvar: u32 = 72, Microseconds;
    /// Segments at which slow start ends; 2147483647 before the first loss.
    snd_ssthresh: u32 = 76, Count;
    /// Segments that may be in flight: the congestion window.
    snd_cwnd: u32 = 80, Count;
    /// Largest segment we told the peer to send.
    advmss: u32 = 84, Bytes;
    /// How far segments may overtake each other before one is taken for lost.
    reordering: u32 = 88, Count;
    /// Round-trip time as the receiver sees it.
    rcv_rtt: u32 = 92, Microseconds;
    /// What the program reads in a round trip: the receive buffer is adapted to it.
    rcv_space: u32 = 96, Bytes;
    /// Segments sent again, altogether.
    total_retrans: u32 = 100, Count;
    /// How fast segments are let go.
    pacing_rate: u64 = 104, Rate;
    /// The fastest they may be let go.
    max_pacing_rate: u64 = 112, Rate;
    /// Bytes of data that the peer acknowledged.
    bytes_acked: u64 = 120, Bytes;
    /// Bytes of data that came, in order.
    bytes_received: u64 = 128, Bytes;
    /// Segments sent, those without data too.
    segs_out: u32 = 136, Count;
    /// Segments received, those without data too.
    segs_in: u32 = 140, Count;
    /// Bytes in the send buffer that were not sent once.
    notsent_bytes: u32 = 144, Bytes;
    /// Shortest round-trip time of late; without queues it is the path's.
    min_rtt: u32 = 148, Microseconds;
    /// Segments with data received.
    data_segs_in: u32 = 152, Count;
    /// Segments with data sent.
    data_segs_out: u32 = 156, Count;
    /// How fast data reached the peer in the last round trips.
    delivery_rate: u64 = 160, Rate;
    /// Time with data to send or in flight.
    busy_time: u64 = 168, Microseconds;
    /// Part of it in which the receiver's window was the limit.
    rwnd_limited: u64 = 176, Microseconds;
    /// Part of it in which the send buffer was the limit.
    sndbuf_limited: u64 = 184, Microseconds;
    /// Segments that reached the peer.
    delivered: u32 = 192, Count;
    /// Of them, those that routers marked as having met congestion.
    delivered_ce: u32 = 196, Count;
    /// Bytes of data sent, those sent again too.
    bytes_sent: u64 = 200, Bytes;
    /// Bytes of data sent again.
    bytes_retrans: u64 = 208, Bytes;
    /// Segments that the peer had twice (RFC 2883).
    dsack_dups: u32 = 216, Count;
    /// How often segments overtook each other.
    reord_seen: u32 = 220, Count;
    /// Segments received out of order.
    rcv_ooopack: u32 = 224, Count;
    /// How much the peer has room for: its window. 0 is closed.
    snd_wnd: u32 = 228, Bytes;
    /// How much we told the peer that there is room for.
    rcv_wnd: u32 = 232, Bytes;
    /// How often another path was tried.
    rehash: u32 = 236, Count;
    /// Timeouts, altogether.
    total_rto: u16 = 240, Count;
    /// How often the connection came back after timeouts.
    total_rto_recoveries: u16 = 242, Count;
    /// Time lost by timeouts.
    total_rto_time: u32 = 244, Milliseconds;
}

impl TcpInfo {
    /// Whether the congestion control has not met a loss yet.
    pub fn is_in_first_slow_start(&self) -> Option<bool> {
        Some(self.snd_ssthresh()? >= INFINITE)
    }

    #[cfg(test)]
    pub(super) const fn from_bytes(bytes: Vec<u8>, taken: Instant) -> Self {
        Self { taken, bytes }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
