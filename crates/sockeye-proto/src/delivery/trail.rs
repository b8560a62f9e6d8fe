//! What the packets of an interval show: loss, queues, how far apart they arrive.

use core::time::Duration;

use super::{
    message::Report,
    wire::{PacketHeader, TICK, TIME_MODULUS, ticks},
};

/// The packets seen since the last report, and the shortest way seen lately.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    interval: Option<Interval>,
    /// Newest counter and time of all, unwrapped.
    newest: Option<Newest>,
    /// Counter, time of sending and arrival of the last packet.
    last: Option<(u64, u64, Duration)>,
    /// The same of the first packet of its batch, if that one came.
    batch: Option<(u64, u64, Duration)>,
    /// Shortest difference between arrival and sending in each of some slices of time, in microseconds. The clocks are
    /// different ones, so only differences of these mean something.
    shortest: [Option<i64>; SLICES],
    slice: u64,
    dropped: u64,
    /// Stay of the last packets beyond the shortest, in microseconds, each weighing an eighth of what is left.
    queue: i64,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    counter: u64,
    /// Ticks since the first packet's, plus one modulus, so that earlier ones stay positive.
    time: u64,
    raw_time: u32,
}

#[derive(Clone, Copy, Debug)]
struct Interval {
    first_counter: u64,
    last_counter: u64,
    received: u32,
    first_sent: u64,
    last_sent: u64,
    pairs: u32,
    pair_span: Duration,
    train_packets: u32,
    train_span: Duration,
    /// Shortest stay in the interval, in microseconds, on the two clocks.
    shortest: i64,
}

/// The shortest way is remembered for so many slices of so long: ten seconds, in which clocks drift by a millisecond.
const SLICES: usize = 5;
const SLICE: Duration = Duration::from_secs(2);
/// Batches that left within so many ticks are one train: a tenth of a millisecond.
const OF_A_TRAIN: u64 = 25;

impl Trail {
    pub(crate) fn is_empty(&self) -> bool {
        self.interval.is_none()
    }

    pub(crate) fn see(&mut self, now: Duration, header: &PacketHeader) {
        let (counter, time) = self.unwrap(header);
        let sent_micros =
            i64::try_from(time * u64::try_from(TICK.as_micros()).unwrap_or(1)).unwrap_or(i64::MAX);
        let way = i64::try_from(now.as_micros()).unwrap_or(i64::MAX) - sent_micros;
        self.note_shortest(now, way);
        self.queue += (way - self.shortest().unwrap_or(way) - self.queue) / 8;
        let interval = self.interval.get_or_insert(Interval {
            first_counter: counter,
            last_counter: counter,
            received: 0,
            first_sent: time,
            last_sent: time,
            pairs: 0,
            pair_span: Duration::ZERO,
            train_packets: 0,
            train_span: Duration::ZERO,
            shortest: way,
        });
        interval.received += 1;
        interval.first_counter = interval.first_counter.min(counter);
        interval.last_counter = interval.last_counter.max(counter);
        interval.last_sent = interval.last_sent.max(time);
        interval.shortest = interval.shortest.min(way);
        let next = self.last.filter(|(before, ..)| before + 1 == counter);
        if let Some((.., at)) = next {
            interval.pairs += 1;
            interval.pair_span += now.saturating_sub(at);
        }
        let first = (counter, time, now);
        self.last = Some(first);
        // A batch has one time. Between the first packets of two lies what the first batch took, whether a device on the way
        // sends packet by packet or batch by batch.
        if next.is_some_and(|(_, sent, _)| sent != time) {
            let before = self.batch.replace(first);
            if let Some((began, _, at)) = before.filter(|(_, sent, _)| time <= sent + OF_A_TRAIN) {
                let packets = u32::try_from(counter.saturating_sub(began)).unwrap_or(u32::MAX);
                interval.train_packets = interval.train_packets.saturating_add(packets);
                interval.train_span += now.saturating_sub(at);
            }
        } else if self.batch.is_some_and(|(_, sent, _)| sent != time) {
            self.batch = None;
        }
    }

    /// Full counter and time of a packet.
    fn unwrap(&mut self, header: &PacketHeader) -> (u64, u64) {
        let Some(newest) = &mut self.newest else {
            let first = Newest {
                counter: u64::from(header.counter) + (1 << 32),
                time: u64::from(TIME_MODULUS),
                raw_time: header.time,
            };
            self.newest = Some(first);
            return (first.counter, first.time);
        };
        let ahead = header.counter.wrapping_sub(low(newest.counter)).cast_signed();
        let counter = newest.counter.saturating_add_signed(ahead.into());
        let ahead = header.time.wrapping_sub(newest.raw_time) % TIME_MODULUS;
        let ahead = i64::from(ahead) - if ahead >= TIME_MODULUS / 2 { i64::from(TIME_MODULUS) } else { 0 };
        let time = newest.time.saturating_add_signed(ahead);
        newest.counter = newest.counter.max(counter);
        if ahead > 0 {
            (newest.time, newest.raw_time) = (time, header.time);
        }
        (counter, time)
    }

    fn note_shortest(&mut self, now: Duration, way: i64) {
        let slice = now.as_secs() / SLICE.as_secs();
        while self.slice < slice {
            self.slice = (self.slice + 1).max(slice.saturating_sub(SLICES as u64));
            self.shortest[usize::try_from(self.slice).unwrap_or(0) % SLICES] = None;
        }
        let shortest = &mut self.shortest[usize::try_from(slice).unwrap_or(0) % SLICES];
        *shortest = Some(shortest.map_or(way, |before| before.min(way)));
    }

    fn shortest(&self) -> Option<i64> {
        self.shortest.iter().flatten().min().copied()
    }

    /// How long packets stand in queues of late.
    pub(crate) fn queue(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.queue).unwrap_or(0))
    }

    /// The time of the newest packet, and how long ago it came: the difference to the sender's clock is then the way there and
    /// back, however seldom packets come.
    fn echo(&self, now: Duration) -> u32 {
        let since = self.last.map_or(Duration::ZERO, |(.., at)| now.saturating_sub(at));
        self.newest.map_or(0, |newest| newest.raw_time.wrapping_add(ticks(since)) % TIME_MODULUS)
    }

    /// What there is to say about the interval, which ends here.
    pub(crate) fn report(&mut self, now: Duration, dropped: u64) -> Option<Report> {
        let interval = self.interval.take()?;
        let shortest = self.shortest().unwrap_or(interval.shortest);
        let sent = interval.last_counter - interval.first_counter + 1;
        let report = Report {
            sent: u32::try_from(sent).unwrap_or(u32::MAX),
            received: interval.received,
            sent_span: micros(TICK * u32::try_from(interval.last_sent - interval.first_sent).unwrap_or(0)),
            pairs: interval.pairs,
            pair_span: micros(interval.pair_span),
            train_packets: interval.train_packets,
            train_span: micros(interval.train_span),
            queue: u32::try_from(interval.shortest - shortest).unwrap_or(0),
            dropped: u32::try_from(dropped.saturating_sub(self.dropped)).unwrap_or(u32::MAX),
            fill: 0,
            echo: self.echo(now),
            blocks: 0,
        };
        self.dropped = dropped;
        Some(report)
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// The low half of a counter.
fn low(counter: u64) -> u32 {
    u32::try_from(counter & u64::from(u32::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::Trail;
    use crate::delivery::{PacketHeader, PacketKind, ticks};

    /// Time of a packet on the link.
    const PACKET: Duration = Duration::from_micros(120);
    const BATCH: u32 = 8;

    /// Trains of two batches over a link that sends them packet by packet, or each batch at once when all of it would have been
    /// sent. What they show as the time of a packet, if each train is followed by as much of others.
    fn shown(at_once: bool) -> Duration {
        let mut trail = Trail::default();
        let mut counter = 0;
        for train in 0..20 {
            let sent = Duration::from_millis(100) + PACKET * (4 * BATCH * train);
            for packet in 0..2 * BATCH {
                let batch = packet / BATCH;
                let arrived = if at_once { (batch + 1) * BATCH } else { packet + 1 };
                let header = PacketHeader {
                    kind: PacketKind::Symbol,
                    fresh: true,
                    session: 1,
                    counter,
                    time: ticks(sent + Duration::from_micros(20) * batch),
                    block: 0,
                    symbol: 0,
                };
                counter += 1;
                trail.see(sent + PACKET * arrived, &header);
            }
        }
        let report = trail.report(Duration::from_secs(1), 0).expect("a report");
        // The first packet of all follows none.
        assert_eq!(report.train_packets, 19 * BATCH);
        Duration::from_micros(report.train_span.into()) / report.train_packets
    }

    #[test]
    fn trains_show_how_fast_a_link_is_though_a_device_sends_batches_at_once() {
        assert_eq!(shown(false), PACKET);
        assert_eq!(shown(true), PACKET);
    }
}
