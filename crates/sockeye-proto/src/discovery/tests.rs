//! Golden bytes, machines against each other and against hostile networks.

use alloc::{format, string::String, vec, vec::Vec};
use core::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6},
    num::NonZeroU16,
    time::Duration,
};
use std::string::ToString;

use proptest::prelude::*;

use super::{fuzz::*, hint::Binding, wire::kind, *};

const SPECIFICATION: &str = include_str!("../../../../specs/05-discovery.md");
const VIA: Link = Link(3);

/// The block of the specification that begins with ```` ```hex NAME ````; what follows `#` is a remark.
fn golden(name: &str) -> Vec<u8> {
    let start = format!("```hex {name}\n");
    let (_, rest) =
        SPECIFICATION.split_once(&start).unwrap_or_else(|| panic!("no {name} in the specification"));
    let (block, _) = rest.split_once("```").expect("the block ends");
    let digits: String =
        block.lines().flat_map(|line| line.split('#').next().unwrap_or("").chars()).collect();
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// xorshift64*: random enough for a test, the same each time.
fn random(seed: u64) -> impl FnMut(&mut [u8]) + Clone {
    let mut state = seed | 1;
    move |bytes: &mut [u8]| {
        for byte in bytes {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            *byte = (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8;
        }
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(last: u8, port: u16) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, last), port).into()
}

fn nameplate(number: u16) -> Nameplate {
    Nameplate::new(number).unwrap()
}

fn run(number: u32) -> RunId {
    let mut bytes = [0xaa; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    RunId(bytes)
}

fn plain(run: RunId, port: u16) -> Announcement {
    let port = NonZeroU16::new(port).unwrap();
    Announcement { run, port, nameplate: None, sends: false, name: None, hints: None }
}

fn config(number: u32) -> AnnouncerConfig {
    AnnouncerConfig::new(run(number), 46710).unwrap().nameplate(Some(nameplate(4821))).sends(true)
}

/// All that the announcer wants to send at `now`.
fn drain<R: Random>(announcer: &mut Announcer<R>, now: Duration) -> Vec<Transmit> {
    announcer.handle_timeout(now);
    core::iter::from_fn(|| announcer.poll_transmit()).collect()
}

/// The seeker's query at `now`.
fn query<R: Random>(seeker: &mut Seeker<R>, now: Duration) -> Vec<u8> {
    seeker.handle_timeout(now);
    seeker.poll_transmit().expect("a query is due").bytes
}

fn events<R: Random>(seeker: &mut Seeker<R>) -> Vec<SeekEvent> {
    core::iter::from_fn(|| seeker.poll_event()).collect()
}

fn found(seeker: &mut Seeker<impl Random>) -> Vec<Peer> {
    let peer = |event| match event {
        SeekEvent::Found(peer) => peer,
        SeekEvent::Ambiguous { .. } => panic!("unexpected {event:?}"),
    };
    events(seeker).into_iter().map(peer).collect()
}

// ---- wire ----

#[test]
fn golden_bytes_of_the_specification() {
    let full = Announcement {
        run: RunId(*b"0123456789abcdef"),
        port: NonZeroU16::new(46710).unwrap(),
        nameplate: Some(nameplate(4821)),
        sends: true,
        name: Some("désk".into()),
        hints: None,
    };
    let nonce = *b"nonce-01";
    let query_hints = Hints::single(
        &mut |b: &mut [u8]| b.fill(0x55),
        Binding::query(kind::QUERY, nonce),
        &PairKey::new([9; 32]),
    );
    let table = [
        ("beacon", Datagram::Beacon(full.clone())),
        ("query-nameplate", Datagram::Query { nonce, wanted: Wanted::Nameplate(nameplate(4821)) }),
        ("query-everyone", Datagram::Query { nonce, wanted: Wanted::Everyone }),
        ("query-hint", Datagram::Query { nonce, wanted: Wanted::Hinted(query_hints) }),
        ("answer", Datagram::Answer { nonce, announcement: full }),
        ("goodbye", Datagram::Goodbye { run: RunId(*b"0123456789abcdef") }),
    ];
    for (name, datagram) in table {
        let bytes = datagram.encode();
        assert_eq!(hex(&bytes), hex(&golden(name)), "{name}");
        assert_eq!(Datagram::decode(&bytes), Ok(datagram), "{name}");
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

#[test]
fn numbers_of_the_specification() {
    for sentence in [
        format!("UDP port **{BEACON_PORT}**"),
        format!("**{GROUP_V4}**"),
        format!("**{GROUP_V6}**"),
        format!("at most **{MAX_DATAGRAM}** bytes"),
        format!("exactly **{QUERY_LEN}** bytes"),
        format!("at most **{MAX_HINTS}** tags"),
        format!("at most **{MAX_NAME}** bytes"),
        format!("for **{} s**", ROSTER_EXPIRY.as_secs()),
        format!("within **{} ms**", AMBIGUITY_WINDOW.as_millis()),
        format!("for **{} ms**", PROBE_WAIT.as_millis()),
    ] {
        assert!(SPECIFICATION.contains(&sentence), "the specification does not say {sentence}");
    }
    assert_eq!(BEACON_PORT, 46710);
    assert_eq!(GROUP_V4.to_string(), "239.255.46.71");
    assert_eq!(GROUP_V6.to_string(), "ff12::736f:636b");
}

fn with_field(mut bytes: Vec<u8>, kind: u16, value: &[u8]) -> Vec<u8> {
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(value);
    bytes
}

#[test]
fn bad_datagrams_are_told_apart() {
    use WireError::*;
    let beacon = Datagram::Beacon(plain(run(1), 9)).encode();
    let header = |kind: u8| [&MAGIC[..], &[VERSION, kind]].concat();
    let mut cut = beacon.clone();
    cut.pop();
    let run_only = with_field(header(kind::BEACON), 1, &[1; 16]);
    let nonce = with_field(header(kind::QUERY), 4, &[0; 8]);
    let hints = |len: usize| with_field(beacon.clone(), 7, &vec![0; len]);
    let table: Vec<(Vec<u8>, WireError)> = vec![
        (vec![], NotOurs),
        (b"SKY".to_vec(), NotOurs),
        (b"HTTP/1.1 200 OK".to_vec(), NotOurs),
        (MAGIC.to_vec(), Truncated),
        ([&MAGIC[..], &[2, 1]].concat(), OtherVersion(2)),
        (header(0), UnknownKind(0)),
        (header(5), UnknownKind(5)),
        (cut, Truncated),
        ([&beacon[..], &[0]].concat(), Truncated),
        (with_field(beacon.clone(), 0x0000, &[0; 512]), TooLong(beacon.len() + 516)),
        (with_field(beacon.clone(), 0x8042, b""), UnknownCritical(0x42)),
        (with_field(beacon.clone(), 2, &[0, 1]), Repeated(2)),
        (with_field(beacon.clone(), 0x8002, &[0, 1]), Repeated(2)),
        (header(kind::BEACON), Missing("port")),
        (run_only.clone(), Missing("port")),
        (with_field(header(kind::BEACON), 2, &[0, 1]), Missing("run")),
        (with_field(run_only.clone(), 2, &[0, 0]), BadField("port")),
        (with_field(run_only.clone(), 2, &[0xff]), BadField("port")),
        (with_field(run_only, 2, &[0, 1, 0x11, 0x70]), BadField("port")),
        (with_field(header(kind::GOODBYE), 1, &[0; 15]), BadField("run")),
        (header(kind::GOODBYE), Missing("run")),
        (header(kind::QUERY), Missing("nonce")),
        (with_field(nonce.clone(), 3, &[0, 0]), BadField("nameplate")),
        (with_field(nonce.clone(), 3, &10_000_u16.to_be_bytes()), BadField("nameplate")),
        (with_field(with_field(nonce, 3, &[0, 1]), 7, &[0; 16]), BadField("query")),
        (with_field(beacon.clone(), 6, b""), BadField("name")),
        (with_field(beacon.clone(), 6, &[b'a'; 65]), BadField("name")),
        (with_field(beacon.clone(), 6, &[0xff, 0xfe]), BadField("name")),
        (hints(0), BadField("hints")),
        (hints(8), BadField("hints")),
        (hints(17), BadField("hints")),
        (hints(80), BadField("hints")),
    ];
    for (bytes, error) in table {
        assert_eq!(Datagram::decode(&bytes), Err(error), "{}", hex(&bytes));
    }
    let later = with_field(with_field(beacon, 0x0042, b"what a later release tells"), 0, &[7; 9]);
    assert_eq!(
        Datagram::decode(&later),
        Ok(Datagram::Beacon(plain(run(1), 9))),
        "unknown fields are skipped"
    );
}

#[test]
fn every_cut_of_every_datagram_is_refused_or_a_whole_datagram() {
    for name in ["beacon", "query-nameplate", "query-everyone", "query-hint", "answer", "goodbye"] {
        let bytes = golden(name);
        for end in 0..bytes.len() {
            // A cut between two fields may leave a datagram that lacks only optional ones.
            if let Ok(datagram) = Datagram::decode(&bytes[..end]) {
                assert_eq!(Datagram::decode(&datagram.encode()), Ok(datagram), "{name} cut at {end}");
            }
        }
    }
}

#[test]
fn names_and_numbers_that_cannot_be() {
    assert_eq!(AnnouncerConfig::new(run(1), 0).unwrap_err(), ConfigError::Port);
    assert_eq!(Nameplate::new(0), Err(ConfigError::Nameplate(0)));
    assert_eq!(Nameplate::new(10_000), Err(ConfigError::Nameplate(10_000)));
    for len in [0, 65] {
        let refused = config(1).name(Some("x".repeat(len)));
        assert_eq!(refused.unwrap_err(), ConfigError::Name(len));
    }
    assert_eq!(format!("{:?}", PairKey::new([0x41; 32])), "PairKey(..)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_datagram(&bytes);
        fuzz_machines(&bytes);
    }

    #[test]
    fn any_fields(kind in 1_u8..5, fields in prop::collection::vec((0_u16..9, prop::sample::select(vec![1_usize, 2, 8, 16, 72]), any::<u8>()), 0..8)) {
        let header = [&MAGIC[..], &[VERSION, kind]].concat();
        let bytes = fields.iter().fold(header, |bytes, (kind, len, byte)| with_field(bytes, *kind, &vec![*byte; *len]));
        fuzz_datagram(&bytes);
        let framed = [&[u8::try_from(bytes.len().min(255)).unwrap()][..], &bytes[..bytes.len().min(255)]].concat();
        fuzz_machines(&framed);
    }

    #[test]
    fn round_trip(
        number in 1_u16..=9999, port in 1_u16.., name in prop::option::of("\\PC{1,16}"),
        tags in prop::collection::vec(any::<[u8; 8]>(), 1..=8), salt: [u8; 8], nonce: [u8; 8], sends: bool,
    ) {
        let name = name.filter(|name| name.len() <= MAX_NAME);
        let announcement = Announcement {
            nameplate: Some(nameplate(number)), sends, name, hints: Some(Hints { salt, tags }), ..plain(run(1), port)
        };
        for datagram in [Datagram::Beacon(announcement.clone()), Datagram::Answer { nonce, announcement }] {
            let bytes = datagram.encode();
            prop_assert!(bytes.len() <= QUERY_LEN);
            prop_assert_eq!(Datagram::decode(&bytes), Ok(datagram));
        }
    }
}

// ---- announcer and seeker together ----

#[test]
fn announces_at_once_then_less_and_less_often_then_every_five_seconds() {
    let mut announcer = Announcer::new(config(1), random(1));
    let mut times = Vec::new();
    let mut now = Duration::ZERO;
    while now < Duration::from_secs(40) {
        now = announcer.poll_timeout().unwrap().at;
        let sent = drain(&mut announcer, now);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].to, Destination::Everywhere);
        times.push(now);
    }
    let gaps: Vec<u64> = times
        .windows(2)
        .map(|pair| u64::try_from(pair[1].saturating_sub(pair[0]).as_millis()).unwrap())
        .collect();
    for (gap, least) in gaps.iter().zip([250, 500, 1000, 2000, 4000, 5000, 5000, 5000]) {
        assert!((least..=least + least / 8).contains(gap), "{gaps:?}");
    }
    announcer.set_nameplate(now, Some(nameplate(7)));
    let told = Datagram::decode(&drain(&mut announcer, now)[0].bytes).unwrap();
    assert!(
        matches!(told, Datagram::Beacon(Announcement { nameplate: Some(number), .. }) if number.get() == 7)
    );
}

#[test]
fn a_stalled_driver_finds_one_beacon_waiting_not_many() {
    let mut announcer = Announcer::new(config(1), random(1));
    for second in 0..1000 {
        announcer.handle_timeout(Duration::from_secs(second));
    }
    assert_eq!(core::iter::from_fn(|| announcer.poll_transmit()).count(), 1);
}

#[test]
fn a_seeker_asks_at_the_times_of_the_specification() {
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone), random(1));
    let mut times = Vec::new();
    for _ in 0..8 {
        let now = seeker.poll_timeout().unwrap().at;
        assert_eq!(query(&mut seeker, now).len(), QUERY_LEN);
        times.push(now.as_millis());
    }
    assert_eq!(times, [0, 50, 150, 400, 1000, 2000, 3000, 4000]);
    seeker.ask_again(ms(4500));
    assert_eq!(seeker.poll_timeout().unwrap().at, ms(4500));
}

#[test]
fn found_by_nameplate_in_one_round_trip() {
    let mut announcer = Announcer::new(config(1).name(Some("desk".into())).unwrap(), random(1));
    drain(&mut announcer, ms(0));
    let mut seeker = Seeker::new(SeekerConfig::new(What::Nameplate(nameplate(4821))), random(2));
    let asked = query(&mut seeker, ms(0));
    announcer.handle_datagram(ms(1), VIA, at(7, 5555), &asked);
    let answers = drain(&mut announcer, ms(1));
    assert_eq!(answers.len(), 1, "a nameplate is answered without delay");
    assert_eq!(answers[0].to, Destination::To { via: VIA, address: at(7, 5555) });
    seeker.handle_datagram(ms(2), at(1, 46710), &answers[0].bytes);
    let peers = found(&mut seeker);
    assert_eq!(peers.len(), 1);
    assert_eq!(peers[0].addresses, [at(1, 46710)]);
    assert_eq!(peers[0].run, run(1));
    assert!(peers[0].sends);
    assert_eq!(peers[0].name.as_deref(), Some("desk"));
}

#[test]
fn other_nameplates_are_neither_answered_nor_reported() {
    let mut announcer = Announcer::new(config(1), random(1));
    let beacon = drain(&mut announcer, ms(0)).remove(0).bytes;
    let mut seeker = Seeker::new(SeekerConfig::new(What::Nameplate(nameplate(1))), random(2));
    let asked = query(&mut seeker, ms(0));
    announcer.handle_datagram(ms(1), VIA, at(7, 5555), &asked);
    assert!(drain(&mut announcer, ms(200)).is_empty());
    seeker.handle_datagram(ms(2), at(1, 46710), &beacon);
    assert!(events(&mut seeker).is_empty());
}

#[test]
fn a_query_that_comes_by_broadcast_and_by_group_is_answered_once() {
    let mut announcer = Announcer::new(config(1), random(1));
    drain(&mut announcer, ms(0));
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone), random(2));
    let asked = query(&mut seeker, ms(0));
    for _ in 0..3 {
        announcer.handle_datagram(ms(1), VIA, at(7, 5555), &asked);
    }
    announcer.handle_datagram(ms(1), Link(4), at(8, 5556), &asked);
    let due = announcer.poll_timeout().unwrap().at;
    assert!(due <= ms(1) + ANSWER_SPREAD, "answers to everyone are spread");
    assert_eq!(drain(&mut announcer, ms(21)).len(), 2, "one by each way");
}

#[test]
fn one_run_at_several_addresses_is_one_machine() {
    let mut seeker = Seeker::new(SeekerConfig::new(What::Nameplate(nameplate(4821))), random(2));
    let beacon = drain(&mut Announcer::new(config(1), random(1)), ms(0)).remove(0).bytes;
    let link_local: SocketAddr = SocketAddrV6::new("fe80::1".parse().unwrap(), 46710, 9, 2).into();
    let mapped: SocketAddr = "[::ffff:192.0.2.1]:46710".parse().unwrap();
    for from in [at(1, 46710), mapped, link_local, at(1, 40_000), "[2001:db8::1]:46710".parse().unwrap()] {
        seeker.handle_datagram(ms(1), from, &beacon);
    }
    let peers = found(&mut seeker);
    assert_eq!(peers.len(), 1, "news of one machine is told once");
    let text: Vec<String> = peers[0].addresses.iter().map(ToString::to_string).collect();
    assert_eq!(text, ["192.0.2.1:46710", "[fe80::1%2]:46710", "[2001:db8::1]:46710"]);
    seeker.handle_datagram(ms(2), at(9, 46710), &beacon);
    assert_eq!(found(&mut seeker)[0].addresses.len(), 4, "told again when there is an address more");
}

#[test]
fn a_second_machine_soon_after_makes_a_nameplate_ambiguous_and_later_does_not() {
    let beacon = |number| drain(&mut Announcer::new(config(number), random(1)), ms(0)).remove(0).bytes;
    for (gap, ambiguous) in [(0, true), (299, true), (300, false), (5000, false)] {
        let mut seeker = Seeker::new(SeekerConfig::new(What::Nameplate(nameplate(4821))), random(2));
        seeker.handle_datagram(ms(10), at(1, 46710), &beacon(1));
        assert_eq!(found(&mut seeker).len(), 1);
        seeker.handle_datagram(ms(10 + gap), at(2, 46710), &beacon(2));
        match events(&mut seeker).as_slice() {
            [SeekEvent::Ambiguous { nameplate, peers }] if ambiguous => {
                assert_eq!(nameplate.get(), 4821);
                assert_eq!(peers.iter().map(|peer| peer.run).collect::<Vec<_>>(), [run(1), run(2)]);
            }
            [SeekEvent::Found(peer)] if !ambiguous => assert_eq!(peer.run, run(2)),
            other => panic!("after {gap} ms: {other:?}"),
        }
    }
}

#[test]
fn a_sender_started_again_at_once_is_not_ambiguous() {
    let mut first = Announcer::new(config(1), random(1));
    let mut seeker = Seeker::new(SeekerConfig::new(What::Nameplate(nameplate(4821))), random(2));
    seeker.handle_datagram(ms(10), at(1, 46710), &drain(&mut first, ms(0))[0].bytes);
    first.goodbye();
    seeker.handle_datagram(ms(20), at(1, 46710), &first.poll_transmit().unwrap().bytes);
    assert!(first.poll_transmit().is_none() && first.poll_timeout().is_none());
    let again = drain(&mut Announcer::new(config(2), random(1)), ms(0)).remove(0).bytes;
    seeker.handle_datagram(ms(30), at(1, 46711), &again);
    assert_eq!(found(&mut seeker).iter().map(|peer| peer.run).collect::<Vec<_>>(), [run(2)]);
}

#[test]
fn the_roster_forgets_and_takes_goodbyes_only_from_the_machine_itself() {
    let mut announcer = Announcer::new(config(1), random(1));
    let beacon = drain(&mut announcer, ms(0)).remove(0).bytes;
    announcer.goodbye();
    let goodbye = announcer.poll_transmit().unwrap().bytes;
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone), random(2));
    seeker.handle_datagram(ms(0), at(1, 46710), &beacon);
    seeker.handle_datagram(ms(1), at(66, 46710), &goodbye);
    assert_eq!(seeker.roster().len(), 1, "somebody else cannot say goodbye for it");
    seeker.handle_timeout(Duration::from_millis(14_999));
    assert_eq!(seeker.roster().len(), 1);
    seeker.handle_timeout(Duration::from_secs(15));
    assert!(seeker.roster().is_empty());
    seeker.handle_datagram(Duration::from_secs(16), at(1, 46710), &beacon);
    seeker.handle_datagram(Duration::from_secs(17), at(1, 46710), &goodbye);
    assert!(seeker.roster().is_empty());
}

// ---- remembered peers ----

fn keys(count: u8) -> Vec<PairKey> {
    (0..count).map(|number| PairKey::new([number; 32])).collect()
}

#[test]
fn a_remembered_peer_is_recognised_by_beacon_and_by_answer() {
    for count in [1, 8, 9, 40, 200] {
        let mut announcer = Announcer::new(config(1).pair_keys(keys(count)), random(1));
        let wanted = PairKey::new([count - 1; 32]);
        let mut seeker = Seeker::new(SeekerConfig::new(What::PairKey(wanted.clone())), random(2));
        drain(&mut announcer, ms(0));
        let asked = query(&mut seeker, ms(0));
        announcer.handle_datagram(ms(1), VIA, at(7, 5555), &asked);
        let answers = drain(&mut announcer, ms(30));
        seeker.handle_datagram(ms(30), at(1, 46710), &answers[0].bytes);
        assert_eq!(found(&mut seeker)[0].pair, Some(0), "{count} keys, by answer");

        let mut seeker = Seeker::new(SeekerConfig::new(What::PairKey(wanted)), random(3));
        let mut beacons = 0;
        while found(&mut seeker).is_empty() {
            beacons += 1;
            assert!(beacons <= usize::from(count).div_ceil(MAX_HINTS), "{count} keys take turns");
            let now = announcer.poll_timeout().unwrap().at;
            seeker.handle_datagram(now, at(1, 46710), &drain(&mut announcer, now)[0].bytes);
        }
    }
}

#[test]
fn a_roster_says_which_remembered_peer_it_is() {
    let mut announcer = Announcer::new(config(1).pair_keys(vec![PairKey::new([5; 32])]), random(1));
    let beacon = drain(&mut announcer, ms(0)).remove(0).bytes;
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone).known(keys(6)), random(2));
    seeker.handle_datagram(ms(0), at(1, 46710), &beacon);
    assert_eq!(seeker.roster().peers()[0].pair, Some(5));
    let mut stranger = Seeker::new(SeekerConfig::new(What::Everyone).known(keys(5)), random(2));
    stranger.handle_datagram(ms(0), at(1, 46710), &beacon);
    assert_eq!(stranger.roster().peers()[0].pair, None);
}

#[test]
fn nobody_else_can_link_two_datagrams() {
    let tags = |bytes: &[u8]| match Datagram::decode(bytes).unwrap() {
        Datagram::Beacon(Announcement { hints: Some(hints), .. })
        | Datagram::Answer { announcement: Announcement { hints: Some(hints), .. }, .. }
        | Datagram::Query { wanted: Wanted::Hinted(hints), .. } => {
            hints.tags.into_iter().chain([hints.salt]).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let mut seen = Vec::new();
    let mut announcer = Announcer::new(config(1).pair_keys(keys(2)), random(1));
    let mut seeker = Seeker::new(SeekerConfig::new(What::PairKey(PairKey::new([1; 32]))), random(2));
    for _ in 0..20 {
        let now = announcer.poll_timeout().unwrap().at;
        let beacon = drain(&mut announcer, now).remove(0).bytes;
        assert_eq!(tags(&beacon).len(), MAX_HINTS + 1, "the number of tags tells nothing");
        seen.extend(tags(&beacon));
        let asked = query(&mut seeker, now);
        seen.extend(tags(&asked));
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all, "no tag and no salt comes twice");
}

#[test]
fn a_recorded_query_played_back_does_not_point_out_whom_it_was_for() {
    let mut seeker = Seeker::new(SeekerConfig::new(What::PairKey(PairKey::new([1; 32]))), random(2));
    let recorded = query(&mut seeker, ms(0));
    let answer_of = |keys: Vec<PairKey>| {
        let mut announcer = Announcer::new(config(1).pair_keys(keys), random(1));
        drain(&mut announcer, ms(0));
        announcer.handle_datagram(ms(1), VIA, at(66, 5555), &recorded);
        drain(&mut announcer, ms(30)).iter().map(|transmit| transmit.bytes.len()).collect::<Vec<_>>()
    };
    assert_eq!(answer_of(vec![PairKey::new([1; 32])]), answer_of(vec![PairKey::new([2; 32])]));
    assert!(answer_of(vec![]).is_empty(), "who remembers nobody is not concerned");
}

#[test]
fn hints_do_not_pass_for_another_run_port_or_question() {
    let key = PairKey::new([1; 32]);
    let mut announcer = Announcer::new(config(1).pair_keys(vec![key.clone()]), random(1));
    let Datagram::Beacon(honest) = Datagram::decode(&drain(&mut announcer, ms(0))[0].bytes).unwrap() else {
        panic!()
    };
    let other_port = Announcement { port: NonZeroU16::MIN, ..honest.clone() };
    let other_run = Announcement { run: run(2), ..honest.clone() };
    let mut seeker = Seeker::new(SeekerConfig::new(What::PairKey(key)), random(2));
    let asked = query(&mut seeker, ms(0));
    let Datagram::Query { nonce, .. } = Datagram::decode(&asked).unwrap() else { panic!() };
    for forged in [
        Datagram::Beacon(other_port),
        Datagram::Beacon(other_run),
        Datagram::Answer { nonce, announcement: honest.clone() },
    ] {
        seeker.handle_datagram(ms(1), at(66, 46710), &forged.encode());
        assert!(events(&mut seeker).is_empty(), "{forged:?}");
    }
    seeker.handle_datagram(ms(1), at(1, 46710), &Datagram::Beacon(honest).encode());
    assert_eq!(found(&mut seeker).len(), 1);
}

// ---- hostile networks ----

#[test]
fn ten_thousand_false_peers_fill_the_table_and_no_more() {
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone), random(2));
    for number in 0..10_000_u32 {
        let from = SocketAddr::from((Ipv4Addr::from(0x0a00_0001 + number), 46710));
        let told = Announcement { name: Some("x".repeat(64)), ..plain(run(number), 1) };
        seeker.handle_datagram(ms(1), from, &Datagram::Beacon(told).encode());
    }
    assert_eq!(seeker.roster().len(), MAX_PEERS);
    assert!(seeker.kept() <= 2 * MAX_PEERS);
    assert_eq!(seeker.stats().refused, 10_000 - MAX_PEERS as u64);
    assert_eq!(events(&mut seeker).len(), MAX_PEERS);
}

#[test]
fn one_host_cannot_crowd_out_the_others() {
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone), random(2));
    for number in 0..10_000 {
        seeker.handle_datagram(ms(1), at(66, 46710), &Datagram::Beacon(plain(run(number), 1)).encode());
    }
    assert_eq!(seeker.roster().len(), MAX_PEERS_PER_SOURCE);
    seeker.handle_datagram(ms(2), at(1, 46710), &Datagram::Beacon(plain(run(20_000), 1)).encode());
    assert!(seeker.roster().get(run(20_000)).is_some());
}

#[test]
fn a_flood_of_strangers_does_not_hide_a_remembered_peer() {
    let key = PairKey::new([1; 32]);
    let mut seeker = Seeker::new(SeekerConfig::new(What::PairKey(key.clone())), random(2));
    for number in 0..10_000_u32 {
        let from = SocketAddr::from((Ipv4Addr::from(0x0a00_0001 + number), 46710));
        let hints = Some(Hints { salt: [0; 8], tags: vec![[0; 8]; 8] });
        let told = Announcement { hints, ..plain(run(number), 1) };
        seeker.handle_datagram(ms(1), from, &Datagram::Beacon(told).encode());
    }
    assert!(seeker.roster().is_empty());
    let mut announcer = Announcer::new(config(1).pair_keys(vec![key]), random(1));
    seeker.handle_datagram(ms(2000), at(1, 46710), &drain(&mut announcer, ms(2000))[0].bytes);
    assert_eq!(found(&mut seeker).len(), 1);
}

#[test]
fn a_copied_run_or_name_changes_nothing_of_the_first() {
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone), random(2));
    let genuine = Announcement { name: Some("desk".into()), sends: true, ..plain(run(1), 46710) };
    seeker.handle_datagram(ms(1), at(1, 46710), &Datagram::Beacon(genuine.clone()).encode());
    let copied = Announcement { name: Some("evil".into()), sends: false, ..plain(run(1), 666) };
    for last in 2..200 {
        seeker.handle_datagram(ms(2), at(last, 46710), &Datagram::Beacon(copied.clone()).encode());
    }
    let peer = seeker.roster().get(run(1)).unwrap();
    assert_eq!((peer.name.as_deref(), peer.sends), (Some("desk"), true));
    assert_eq!(peer.addresses[0], at(1, 46710), "the first heard stays the first to dial");
    assert_eq!(peer.addresses.len(), MAX_ADDRESSES);
    let same_name = Announcement { run: run(2), ..genuine };
    seeker.handle_datagram(ms(3), at(9, 46710), &Datagram::Beacon(same_name).encode());
    assert_eq!(seeker.roster().len(), 2, "a name is not an identity");
}

#[test]
fn an_announcer_is_never_an_amplifier() {
    let longest = config(1).name(Some("x".repeat(MAX_NAME))).unwrap().pair_keys(keys(8));
    let mut announcer = Announcer::new(longest, random(1));
    drain(&mut announcer, ms(0));
    let padded = Datagram::Query { nonce: [1; 8], wanted: Wanted::Everyone }.encode();
    let short = |len: usize| {
        with_field(with_field([&MAGIC[..], &[VERSION, kind::QUERY]].concat(), 4, &[2; 8]), 0, &vec![0; len])
    };
    announcer.handle_datagram(ms(1), VIA, at(7, 1), &short(0));
    announcer.handle_datagram(ms(1), VIA, at(7, 1), &short(150));
    assert!(drain(&mut announcer, ms(30)).is_empty(), "a query shorter than its answer gets none");
    assert_eq!(announcer.stats().short_queries, 2);
    announcer.handle_datagram(ms(31), VIA, at(7, 1), &padded);
    let answer = drain(&mut announcer, ms(60)).remove(0);
    assert!(answer.bytes.len() <= padded.len());

    let mut answers = 0;
    for number in 0..10_000_u32 {
        let now = ms(100) + Duration::from_micros(u64::from(number) * 100);
        let nonce = [&number.to_be_bytes()[..], &[9; 4]].concat().try_into().unwrap();
        let bytes = Datagram::Query { nonce, wanted: Wanted::Everyone }.encode();
        announcer.handle_datagram(now, VIA, at(7, 1), &bytes);
        answers +=
            drain(&mut announcer, now).iter().filter(|sent| sent.to != Destination::Everywhere).count();
    }
    assert!((32..=50).contains(&answers), "one victim gets {answers} answers in a second, not 10,000");
}

#[test]
fn ten_thousand_sources_share_one_budget_and_bounded_memory() {
    let mut announcer = Announcer::new(config(1), random(1));
    let mut answers = 0;
    for number in 0..10_000_u32 {
        let now = Duration::from_micros(u64::from(number) * 100);
        let from = SocketAddr::from((Ipv4Addr::from(0x0a00_0001 + number), 5));
        let wanted = Wanted::Nameplate(nameplate(4821));
        announcer.handle_datagram(now, VIA, from, &Datagram::Query { nonce: [1; 8], wanted }.encode());
        answers +=
            drain(&mut announcer, now).iter().filter(|sent| sent.to != Destination::Everywhere).count();
    }
    assert!((256..=520).contains(&answers), "{answers} answers in a second");
    assert!(announcer.kept() <= MAX_SOURCES + MAX_RECENT_QUERIES + MAX_PENDING_ANSWERS);
    let from = at(1, 5);
    let wanted = Wanted::Nameplate(nameplate(4821));
    announcer.handle_datagram(ms(2000), VIA, from, &Datagram::Query { nonce: [2; 8], wanted }.encode());
    let answered = drain(&mut announcer, ms(2000));
    assert!(
        answered.iter().any(|sent| matches!(sent.to, Destination::To { address, .. } if address == from))
    );
}

#[test]
fn addresses_nobody_can_be_at_are_passed_over() {
    let beacon = Datagram::Beacon(plain(run(1), 46710)).encode();
    let asked = Datagram::Query { nonce: [1; 8], wanted: Wanted::Everyone }.encode();
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone), random(2));
    let mut announcer = Announcer::new(config(1), random(1));
    drain(&mut announcer, ms(0));
    for from in [
        "0.0.0.0:5",
        "255.255.255.255:5",
        "239.255.46.71:5",
        "192.0.2.1:0",
        "[::]:5",
        "[ff12::736f:636b]:5",
        "[fe80::1]:5",
        "[::ffff:0.0.0.0]:5",
        "[2001:db8::1]:0",
    ] {
        seeker.handle_datagram(ms(1), from.parse().unwrap(), &beacon);
        announcer.handle_datagram(ms(1), VIA, from.parse().unwrap(), &asked);
    }
    assert!(seeker.roster().is_empty());
    assert_eq!(seeker.stats().bad_source, 9);
    assert!(drain(&mut announcer, ms(100)).is_empty());
}

#[test]
fn our_own_announcements_are_nobody() {
    let beacon = drain(&mut Announcer::new(config(1), random(1)), ms(0)).remove(0).bytes;
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone).own_run(Some(run(1))), random(2));
    seeker.handle_datagram(ms(1), at(1, 46710), &beacon);
    assert!(seeker.roster().is_empty());
    assert_eq!(seeker.stats().own, 1);
}

#[test]
fn two_announcers_never_talk_to_each_other() {
    let mut pair = [1, 2].map(|number| Announcer::new(config(number), random(u64::from(number))));
    let mut now = Duration::ZERO;
    let mut beacons = 0;
    while now < Duration::from_secs(60) {
        now += ms(10);
        let sent: Vec<Vec<Transmit>> = pair.iter_mut().map(|announcer| drain(announcer, now)).collect();
        for transmit in sent.into_iter().flatten() {
            beacons += 1;
            for announcer in &mut pair {
                announcer.handle_datagram(now, VIA, at(1, 46710), &transmit.bytes);
            }
        }
    }
    assert!(beacons < 40, "{beacons} datagrams in a minute");
}

#[test]
fn answers_to_questions_not_asked_are_dropped() {
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone), random(2));
    let first = query(&mut seeker, ms(0));
    let Datagram::Query { nonce, .. } = Datagram::decode(&first).unwrap() else { panic!() };
    let answer = |nonce| Datagram::Answer { nonce, announcement: plain(run(1), 1) }.encode();
    seeker.handle_datagram(ms(1), at(1, 1), &answer([0; 8]));
    assert_eq!(seeker.stats().unsolicited, 1);
    for _ in 0..QUERY_MEMORY {
        let now = seeker.poll_timeout().unwrap().at;
        query(&mut seeker, now);
    }
    seeker.handle_datagram(Duration::from_secs(9), at(1, 1), &answer(nonce));
    assert_eq!(seeker.stats().unsolicited, 2, "too late");
    assert!(seeker.roster().is_empty());
}

#[test]
fn garbage_is_counted_and_has_no_effect() {
    let mut seeker = Seeker::new(SeekerConfig::new(What::Everyone), random(2));
    let mut announcer = Announcer::new(config(1), random(1));
    drain(&mut announcer, ms(0));
    let mut source = random(99);
    for number in 0..10_000_usize {
        let mut bytes = vec![0; number % 2048];
        source(&mut bytes);
        if number % 2 == 0 && bytes.len() > 6 {
            bytes[..6].copy_from_slice(b"SKYE\x01\x01");
        }
        seeker.handle_datagram(ms(1), at(1, 5), &bytes);
        announcer.handle_datagram(ms(1), VIA, at(1, 5), &bytes);
    }
    let later = [&MAGIC[..], &[2, 1, 0]].concat();
    seeker.handle_datagram(ms(1), at(1, 5), &later);
    assert_eq!(seeker.stats().incompatible, 1 + announcer.stats().incompatible);
    assert!(seeker.stats().malformed > 9_000);
    assert_eq!(seeker.kept(), 0);
    assert!(drain(&mut announcer, ms(100)).is_empty());
}

// ---- probe ----

/// Runs a probe against `taken` until it has a result; gives the number and how long it took.
fn probe(seed: u64, taken: impl Fn(Nameplate) -> bool) -> (Nameplate, Duration) {
    let mut probe = Probe::new(random(seed));
    let mut now = Duration::ZERO;
    while probe.result().is_none() {
        probe.handle_timeout(now);
        if let Some(transmit) = probe.poll_transmit() {
            let Ok(Datagram::Query { nonce, wanted: Wanted::Nameplate(number) }) =
                Datagram::decode(&transmit.bytes)
            else {
                panic!("{transmit:?}")
            };
            if taken(number) {
                let announcement = Announcement { nameplate: Some(number), ..plain(run(1), 1) };
                let bytes = Datagram::Answer { nonce, announcement }.encode();
                probe.handle_datagram(now + ms(2), at(1, 46710), &bytes);
            }
        }
        let Some(deadline) = probe.poll_timeout() else { break };
        now = now.max(deadline.at);
    }
    (probe.result().expect("a result"), now)
}

#[test]
fn a_free_nameplate_in_one_wait_a_taken_one_is_drawn_again() {
    let (first, took) = probe(1, |_| false);
    assert_eq!(took, PROBE_WAIT);
    let (second, took) = probe(1, |number| number == first);
    assert_ne!(second, first);
    // A taken one is known when it is answered for, after 2 ms here.
    assert_eq!(took, PROBE_WAIT + ms(2));
    let (_, took) = probe(1, |_| true);
    assert!(
        took <= PROBE_DRAWS * (PROBE_WAIT + ms(2)),
        "whoever claims all numbers cannot make us wait: {took:?}"
    );
}

#[test]
fn numbers_heard_in_beacons_are_avoided() {
    let mut draws = [100_u32, 100, 200].into_iter().cycle();
    let mut probe = Probe::new(move |bytes: &mut [u8]| match bytes.len() {
        4 => bytes.copy_from_slice(&draws.next().unwrap().to_be_bytes()),
        _ => bytes.fill(1),
    });
    let heard = Announcement { nameplate: Some(nameplate(101)), ..plain(run(1), 1) };
    let late = PROBE_WAIT.checked_sub(ms(1)).unwrap();
    probe.handle_datagram(late, at(1, 46710), &Datagram::Beacon(heard).encode());
    probe.handle_timeout(late);
    probe.handle_timeout(PROBE_WAIT);
    assert_eq!(probe.result(), None);
    probe.handle_timeout(late + PROBE_QUERY_AT[1]);
    probe.handle_timeout(late + PROBE_WAIT);
    assert_eq!(probe.result(), Some(nameplate(201)));
}

#[test]
fn all_numbers_can_be_drawn_and_none_is_likelier() {
    let mut source = random(5);
    let mut counts = vec![0_u32; 10_000];
    for _ in 0..100_000 {
        let probe = Probe::new(&mut source);
        let mut probe = probe;
        probe.handle_timeout(ms(0));
        let Ok(Datagram::Query { wanted: Wanted::Nameplate(number), .. }) =
            Datagram::decode(&probe.poll_transmit().unwrap().bytes)
        else {
            panic!()
        };
        counts[usize::from(number.get())] += 1;
    }
    assert_eq!(counts[0], 0);
    assert!(counts[1..].iter().all(|count| *count < 40));
    assert!(counts[1..].iter().filter(|count| **count == 0).count() < 10);
}

#[test]
fn limits_let_through_a_burst_then_a_steady_rate() {
    let mut rate = limit::Rate::default();
    let taken = |rate: &mut limit::Rate, now| (0..100).filter(|_| rate.take(now, ms(10), 5)).count();
    assert_eq!(taken(&mut rate, ms(0)), 5);
    assert_eq!(taken(&mut rate, ms(10)), 1);
    assert_eq!(taken(&mut rate, ms(45)), 3);
    assert!(rate.take(Duration::MAX, ms(10), 5), "the end of time does not overflow");
    let mut limits = limit::AnswerLimits::default();
    for number in 0..10_000_u32 {
        limits.take(ms(0), IpAddr::from(Ipv4Addr::from(number)));
    }
    assert!(limits.remembered() <= MAX_SOURCES);
}
