//! Bodies of fuzz targets: plain functions over bytes, so that they also run on stable over their corpus.

use alloc::vec;
use core::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::{
    Announcer, AnnouncerConfig, Datagram, Link, MAX_DATAGRAM, Nameplate, PairKey, Probe, RunId, Seeker,
    SeekerConfig, What,
};

/// Decodes a datagram; what decodes must encode, within bounds, to something that decodes to the same.
pub fn fuzz_datagram(data: &[u8]) {
    if let Ok(datagram) = Datagram::decode(data) {
        let bytes = datagram.encode();
        assert!(bytes.len() <= MAX_DATAGRAM);
        assert_eq!(Datagram::decode(&bytes), Ok(datagram));
    }
}

/// Feeds all machines a sequence of length-prefixed datagrams, and each other: they may ignore, never panic, never
/// answer with more than they were asked with.
pub fn fuzz_machines(data: &[u8]) {
    let random = |bytes: &mut [u8]| bytes.fill(7);
    let Ok(config) = AnnouncerConfig::new(RunId([1; 16]), 1) else { return };
    let config = config.nameplate(Nameplate::new(4821).ok()).pair_keys(vec![PairKey::new([2; 32])]);
    let mut announcer = Announcer::new(config, random);
    let mut seekers = [What::Everyone, What::PairKey(PairKey::new([2; 32]))]
        .map(|what| Seeker::new(SeekerConfig::new(what), random));
    let mut probe = Probe::new(random);
    let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let mut now = Duration::ZERO;
    let mut rest = data;
    while let Some((len, tail)) = rest.split_first() {
        let (bytes, tail) = tail.split_at(usize::from(*len).min(tail.len()));
        announcer.handle_timeout(now);
        while announcer.poll_transmit().is_some() {}
        announcer.handle_datagram(now, Link(0), from, bytes);
        now += Duration::from_millis(20);
        announcer.handle_timeout(now);
        while let Some(transmit) = announcer.poll_transmit() {
            let answer = matches!(transmit.to, super::Destination::To { .. });
            assert!(!answer || transmit.bytes.len() <= bytes.len());
            for seeker in &mut seekers {
                seeker.handle_datagram(now, from, &transmit.bytes);
            }
        }
        for seeker in &mut seekers {
            seeker.handle_timeout(now);
            seeker.handle_datagram(now, from, bytes);
            while seeker.poll_event().is_some() {}
        }
        probe.handle_timeout(now);
        probe.handle_datagram(now, from, bytes);
        rest = tail;
    }
}
