//! Real sockets: on loopback here, between network namespaces in `namespaces`.

mod namespaces;

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use sockeye_net::{BeaconConfig, BeaconSockets, Family, NetError, select};
use sockeye_proto::discovery::{BEACON_PORT, ConfigError, Datagram, GROUP_V4, GROUP_V6, RunId};
use tokio::{runtime::Runtime, time::timeout};

use super::{probe::free_nameplate_at, *};

/// Long enough for any machine that runs tests; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);
const RUN: [u8; 16] = *b"run of this test";

/// A port that was free a moment ago: tests must not hear each other.
fn free_port() -> u16 {
    UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

/// Everything stays on this machine.
fn loopback() -> Vec<String> {
    let interfaces = select(&[]).unwrap();
    vec![interfaces.into_iter().find(|interface| interface.is_loopback).expect("a loopback interface").name]
}

/// Says and counts that the test of this thread does not run.
fn skipped(reason: &str) {
    let thread = std::thread::current();
    sockeye_lab::record_skip(thread.name().unwrap_or("discovery"), format_args!("{reason}"));
}

fn has_ipv6() -> bool {
    let there = UdpSocket::bind("[::1]:0").is_ok();
    if !there {
        skipped("no IPv6 on this machine");
    }
    there
}

fn announce(beacon_port: u16) -> AnnounceConfig {
    AnnounceConfig {
        port: 4711,
        nameplate: Some(4821),
        sends: true,
        interfaces: loopback(),
        beacon_port,
        ..AnnounceConfig::default()
    }
}

fn seek(what: What, beacon_port: u16) -> SeekConfig {
    SeekConfig::new(what).interfaces(loopback()).beacon_port(beacon_port)
}

fn ask(beacon_port: u16) -> RosterConfig {
    RosterConfig {
        wait: Duration::from_millis(200),
        interfaces: loopback(),
        beacon_port,
        ..RosterConfig::default()
    }
}

async fn next(search: &mut Search) -> Found {
    timeout(PATIENCE, search.next()).await.expect("found in time").expect("the search goes on")
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[tokio::test]
async fn a_nameplate_is_found_whoever_comes_first() {
    let port = free_port();
    let there =
        Announcement::start(AnnounceConfig { name: Some("desk".into()), run: Some(RUN), ..announce(port) });
    let there = there.unwrap();
    let mut search = Search::start(seek(What::Nameplate(4821), port).family(Some(4))).unwrap();
    let found = next(&mut search).await;
    let name = Some("desk".into());
    assert_eq!(
        found,
        Found::Peer { run: RUN, addresses: vec![at(4711)], nameplate: Some(4821), name, sends: true }
    );
    there.leave().await;

    let mut search = Search::start(seek(What::Nameplate(7), port).family(Some(4))).unwrap();
    let waiting = timeout(Duration::from_millis(100), search.next()).await;
    assert!(waiting.is_err(), "nobody has that number yet");
    let later = AnnounceConfig { nameplate: Some(7), sends: false, port: 4712, ..announce(port) };
    let _later = Announcement::start(later).unwrap();
    let Found::Peer { addresses, sends, .. } = next(&mut search).await else { panic!() };
    assert_eq!((addresses, sends), (vec![at(4712)], false));
}

#[tokio::test]
async fn ipv6_alone_works_on_loopback() {
    if !has_ipv6() {
        return;
    }
    let port = free_port();
    let _there = Announcement::start(AnnounceConfig { family: Some(6), ..announce(port) }).unwrap();
    let mut search = Search::start(seek(What::Nameplate(4821), port).family(Some(6))).unwrap();
    let Found::Peer { addresses, .. } = next(&mut search).await else { panic!() };
    assert_eq!(addresses, ["[::1]:4711".parse().unwrap()]);
}

#[tokio::test]
async fn a_nameplate_that_two_machines_have_is_ambiguous() {
    let port = free_port();
    let second = AnnounceConfig { port: 4712, ..announce(port) };
    let _both = [announce(port), second].map(|config| Announcement::start(config).unwrap());
    let mut search = Search::start(seek(What::Nameplate(4821), port).family(Some(4))).unwrap();
    assert!(matches!(next(&mut search).await, Found::Peer { .. }));
    let Found::Ambiguous { nameplate, mut addresses } = next(&mut search).await else { panic!() };
    addresses.sort_unstable();
    assert_eq!((nameplate, addresses), (4821, vec![at(4711), at(4712)]));
}

#[tokio::test]
async fn a_nameplate_can_change() {
    let port = free_port();
    let there = Announcement::start(announce(port)).unwrap();
    let mut search = Search::start(seek(What::Nameplate(9), port)).unwrap();
    there.set_nameplate(Some(9)).unwrap();
    assert!(matches!(next(&mut search).await, Found::Peer { nameplate: Some(9), .. }));
    assert!(matches!(there.set_nameplate(Some(0)), Err(DiscoveryError::Config(ConfigError::Nameplate(0)))));
}

#[tokio::test]
async fn a_remembered_peer_is_found_by_its_key_and_nobody_else_is() {
    let port = free_port();
    let stranger = AnnounceConfig { pair_keys: vec![[1; 32]], port: 4712, ..announce(port) };
    let _stranger = Announcement::start(stranger).unwrap();
    let there = Announcement::start(announce(port)).unwrap();
    let mut search = Search::start(seek(What::PairKey([2; 32]), port).family(Some(4))).unwrap();
    assert!(timeout(Duration::from_millis(100), search.next()).await.is_err());
    there.set_pair_keys(vec![[3; 32], [2; 32]]);
    let Found::Peer { addresses, .. } = next(&mut search).await else { panic!() };
    assert_eq!(addresses, [at(4711)]);
}

#[tokio::test]
async fn the_roster_lists_everybody_but_ourselves() {
    let port = free_port();
    let named = AnnounceConfig {
        name: Some("desk".into()),
        pair_keys: vec![[5; 32]],
        run: Some(RUN),
        ..announce(port)
    };
    let plain = AnnounceConfig { nameplate: None, sends: false, port: 4712, ..announce(port) };
    let there = [named, plain].map(|config| Announcement::start(config).unwrap());
    let mut all = roster(RosterConfig { pair_keys: vec![[4; 32], [5; 32]], ..ask(port) }).await.unwrap();
    all.sort_by_key(|neighbour| neighbour.addresses[0].port());
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!((all[0].name.as_deref(), all[0].pair, all[0].sends), (Some("desk"), Some(1), true));
    assert_eq!(all[0].nameplate, Some(4821));
    assert_eq!(
        (all[1].name.as_deref(), all[1].pair, all[1].sends, all[1].nameplate),
        (None, None, false, None)
    );
    let others = roster(RosterConfig { own_run: Some(RUN), ..ask(port) }).await.unwrap();
    assert_eq!(others.len(), 1);
    for announcement in there {
        announcement.leave().await;
    }
    assert!(roster(ask(port)).await.unwrap().is_empty(), "nobody is left");
}

#[tokio::test]
async fn a_free_nameplate_is_drawn() {
    let port = free_port();
    let _there = Announcement::start(announce(port)).unwrap();
    let drawn = free_nameplate_at(loopback(), None, port).await.get();
    assert!((1..=9999).contains(&drawn) && drawn != 4821);
    let nowhere = free_nameplate(&["nowhere9".into()]).await;
    assert!((1..=9999).contains(&nowhere), "where nobody can be asked it is any number");
}

/// Whether this run says goodbye.
fn hears_goodbye(sockets: &[sockeye_net::BeaconSocket], of: RunId) -> bool {
    let give_up = std::time::Instant::now() + PATIENCE;
    let mut buffer = [0; 600];
    while std::time::Instant::now() < give_up {
        for socket in sockets {
            if let Ok((len, _)) = socket.socket.recv_from(&mut buffer)
                && Datagram::decode(&buffer[..len]) == Ok(Datagram::Goodbye { run: of })
            {
                return true;
            }
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn goodbye_is_said_when_dropped_and_when_the_runtime_ends() {
    let port = free_port();
    let config = BeaconConfig {
        port,
        group_v4: GROUP_V4,
        group_v6: GROUP_V6,
        interfaces: loopback(),
        family: Some(Family::V4),
        ask: false,
    };
    let sockets = BeaconSockets::new(config).refresh().unwrap().opened;
    for (number, dropped) in [true, false].into_iter().enumerate() {
        let run = [u8::try_from(number).unwrap(); 16];
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let there = Announcement::start(AnnounceConfig { run: Some(run), ..announce(port) }).unwrap();
        drop(guard);
        if dropped {
            drop(there);
            assert!(hears_goodbye(&sockets, RunId(run)), "after a drop");
        } else {
            drop(runtime);
            assert!(hears_goodbye(&sockets, RunId(run)), "after the end of the runtime");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let port = free_port();
    let error = Announcement::start(AnnounceConfig { port: 0, ..announce(port) }).unwrap_err();
    assert!(matches!(error, DiscoveryError::Config(ConfigError::Port)));
    let error =
        Announcement::start(AnnounceConfig { name: Some(String::new()), ..announce(port) }).unwrap_err();
    assert!(matches!(error, DiscoveryError::Config(ConfigError::Name(0))));
    let error = Search::start(seek(What::Nameplate(10_000), port)).unwrap_err();
    assert!(matches!(error, DiscoveryError::Config(ConfigError::Nameplate(10_000))));
    let nowhere = seek(What::Everyone, port).interfaces(vec!["nowhere9".into()]);
    let error = Search::start(nowhere).unwrap_err();
    assert!(matches!(error, DiscoveryError::Net(NetError::NoSuchInterface { .. })), "{error}");
    assert_eq!(AnnounceConfig::default().beacon_port, BEACON_PORT);
}

#[test]
fn secrets_are_not_shown() {
    let config = AnnounceConfig { pair_keys: vec![[0x41; 32]], ..AnnounceConfig::default() };
    let search = SeekConfig::new(What::PairKey([0x41; 32]));
    let roster = RosterConfig { pair_keys: vec![[0x41; 32]], ..RosterConfig::default() };
    let shown = format!("{config:?} {search:?} {roster:?}");
    assert!(!shown.contains("65"), "{shown}");
}
