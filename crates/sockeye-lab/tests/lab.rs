//! The laboratory against the kernel that it stands on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::process::Command;
use std::time::Duration;

use sockeye_lab::{Filter, Interface, Ipv6, Lab, LabError, Link, Namespace, Running, Subnet, Switch, skip};

const PEER: &str = env!("CARGO_BIN_EXE_lab-peer");
const PATIENCE: Duration = Duration::from_secs(10);

/// What the listener printed after `listening`.
fn listen(host: &Namespace, role: &str, address: SocketAddr) -> (Running, SocketAddr) {
    let mut command = host.command(PEER);
    command.args([role, &address.to_string()]);
    let running = Running::start(role, command).unwrap();
    let bound = running
        .wait_for("the address of the listener", PATIENCE, |line| {
            line.strip_prefix("listening ")?.trim().parse().ok()
        })
        .unwrap();
    (running, bound)
}

/// Whether a question reaches the echo at `to` of `right` from `left`, and comes back.
fn answers(left: &Namespace, right: &Namespace, bind: SocketAddr, dial: impl Fn(u16) -> SocketAddr) -> bool {
    let (_echo, bound) = listen(right, "tcp-echo", bind);
    let asked = left.run(PEER, ["tcp-ask", &dial(bound.port()).to_string(), "are you there"]);
    asked.is_ok_and(|answer| answer == "answer are you there\n")
}

fn any(address: impl Into<IpAddr>) -> SocketAddr {
    SocketAddr::new(address.into(), 0)
}

/// How many of `number` datagrams sent by `left` are counted at `to`, heard at `hear` on `right`.
fn counted(
    left: &Namespace,
    from: IpAddr,
    right: &Namespace,
    hear: IpAddr,
    to: IpAddr,
    number: usize,
) -> usize {
    let (mut counter, bound) = listen(right, "udp-count", any(hear));
    let to = SocketAddr::new(to, bound.port());
    left.run(PEER, ["udp-send", &any(from).to_string(), &to.to_string(), &number.to_string()]).unwrap();
    let finished = counter.wait_for_success(PATIENCE).unwrap();
    let words = finished.stdout.lines().find_map(|line| line.strip_prefix("counted ")).unwrap();
    words.parse().unwrap()
}

fn scoped(interface: &Interface, address: Ipv6Addr, port: u16) -> SocketAddr {
    SocketAddrV6::new(address, port, 0, interface.index).into()
}

#[test]
fn two_hosts_talk_over_both_families_and_two_cables() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (left, right) = (Namespace::new("left").unwrap(), Namespace::new("right").unwrap());
    let first = Link::veth(&left, &right, Subnet::new(1)).unwrap();
    let second = Link::veth(&left, &right, Subnet::new(2)).unwrap();
    assert_eq!((first.right.name.as_str(), second.right.name.as_str()), ("eth0", "eth1"));
    for link in [&first, &second] {
        let (v4, v6) = (link.right.ipv4.unwrap(), link.right.ipv6.unwrap());
        assert!(answers(&left, &right, any(v4), |port| (v4, port).into()), "{v4}");
        assert!(answers(&left, &right, any(v6), |port| (v6, port).into()), "{v6}");
        let local = link.right.link_local.unwrap();
        assert!(
            answers(&left, &right, scoped(&link.right, local, 0), |port| scoped(&link.left, local, port)),
            "{local}"
        );
    }
}

#[test]
fn hosts_without_ipv4_have_none() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (left, right) = (Namespace::new("left").unwrap(), Namespace::new("right").unwrap());
    let subnet = Subnet::new(1).without_ipv4().with_ipv6(Ipv6::LinkLocal);
    let link = Link::veth(&left, &right, subnet).unwrap();
    right.remove_ipv4().unwrap();
    assert_eq!(right.ip("-4 -o addr show").unwrap(), "");
    assert_eq!((link.right.ipv4, link.right.ipv6), (None, None));
    let local = link.right.link_local.unwrap();
    assert!(answers(&left, &right, any(Ipv6Addr::UNSPECIFIED), |port| scoped(&link.left, local, port)));
}

#[test]
fn hosts_without_ipv6_have_none() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (left, right) = (Namespace::new("left").unwrap(), Namespace::new("right").unwrap());
    let link = Link::veth(&left, &right, Subnet::new(1).with_ipv6(Ipv6::Off)).unwrap();
    assert_eq!(right.ip("-6 -o addr show dev eth0").unwrap(), "");
    let v4 = link.right.ipv4.unwrap();
    assert!(answers(&left, &right, any(v4), |port| (v4, port).into()));
}

#[test]
fn a_switch_joins_many_and_carries_groups_and_broadcast() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    for snooping in [false, true] {
        let make = if snooping { Switch::snooping } else { Switch::new };
        let mut switch = make("switch", Subnet::new(3)).unwrap();
        let hosts: Vec<_> = (0..3).map(|_| Namespace::new("host").unwrap()).collect();
        let ends: Vec<_> = hosts.iter().map(|host| switch.attach(host).unwrap()).collect();
        for (host, end) in hosts.iter().zip(&ends) {
            host.add_default_route(end).unwrap();
        }
        let v4 = ends[2].ipv4.unwrap();
        assert!(answers(&hosts[0], &hosts[2], any(v4), |port| (v4, port).into()));
        let from = Ipv4Addr::UNSPECIFIED.into();
        let (all, everywhere) = (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::BROADCAST.into());
        assert_eq!(counted(&hosts[0], from, &hosts[1], all, everywhere, 5), 5);
        let group = Ipv4Addr::new(239, 255, 46, 71).into();
        assert_eq!(counted(&hosts[0], from, &hosts[1], group, group, 5), 5, "snooping: {snooping}");
    }
}

#[test]
fn filters_lose_block_and_heal() {
    if let Err(why) = Lab::filters() {
        skip!("{why}");
    }
    let (left, right) = (Namespace::new("left").unwrap(), Namespace::new("right").unwrap());
    let link = Link::veth(&left, &right, Subnet::new(1)).unwrap();
    let (from, to) = (link.left.ipv4.unwrap().into(), link.right.ipv4.unwrap().into());

    right.filter(Filter::incoming().udp().ratio(0.5)).unwrap();
    let half = counted(&left, from, &right, to, to, 400);
    // 400 draws at one half: outside of 120 to 280 once in 10¹⁵ runs.
    assert!((120..=280).contains(&half), "{half} of 400 came through a loss of one half");

    right.clear_filters().unwrap();
    assert_eq!(counted(&left, from, &right, to, to, 20), 20);

    right.block_udp().unwrap();
    assert_eq!(counted(&left, from, &right, to, to, 20), 0);
    let loopback = Ipv4Addr::LOCALHOST.into();
    assert_eq!(counted(&right, loopback, &right, loopback, loopback, 20), 20);
    assert!(answers(&left, &right, any(to), |port| (to, port).into()));

    left.filter(Filter::outgoing().tcp()).unwrap();
    assert!(!answers(&left, &right, any(to), |port| (to, port).into()));
}

#[test]
fn a_cable_can_be_unplugged_and_plugged_in() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (left, right) = (Namespace::new("left").unwrap(), Namespace::new("right").unwrap());
    let link = Link::veth(&left, &right, Subnet::new(1)).unwrap();
    let v4 = link.right.ipv4.unwrap();
    right.unplug(&link.right).unwrap();
    assert!(!answers(&left, &right, any(Ipv4Addr::UNSPECIFIED), |port| (v4, port).into()));
    right.plug_in(&link.right).unwrap();
    assert!(answers(&left, &right, any(Ipv4Addr::UNSPECIFIED), |port| (v4, port).into()));
}

#[test]
fn hosts_see_neither_each_other_nor_the_machine() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let host = Namespace::new("alone").unwrap();
    let links = host.ip("-o link show up").unwrap();
    assert_eq!(links.lines().count(), 1, "{links}");
    assert!(links.contains(" lo:"), "{links}");
}

#[test]
fn a_dropped_host_is_gone() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let host = Namespace::new("brief").unwrap();
    let id = host.id();
    drop(host);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
}

#[test]
fn commands_keep_the_working_directory_and_the_environment() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let host = Namespace::new("host").unwrap();
    let folder = std::env::temp_dir().canonicalize().unwrap();
    let mut command = host.command("sh");
    command.args(["-c", "pwd; echo $LAB_WORD"]).current_dir(&folder).env("LAB_WORD", "kept");
    let finished = Running::start("shell", command).unwrap().wait_for_success(PATIENCE).unwrap();
    assert_eq!(finished.stdout, format!("{}\nkept\n", folder.display()));
}

#[test]
fn running_programs_are_heard_signalled_and_ended() {
    let mut command = Command::new("sh");
    command.args(["-c", "trap 'echo caught; exit 3' INT; echo up >&2; while :; do sleep 0.05; done"]);
    let mut running = Running::start("shell", command).unwrap();
    assert_eq!(running.wait_for_line("up", PATIENCE).unwrap(), "up\n");
    let error = running.wait_for_line("never", Duration::from_millis(20)).unwrap_err();
    assert!(matches!(error, LabError::Timeout { .. }), "{error}");
    running.interrupt().unwrap();
    let finished = running.wait(PATIENCE).unwrap();
    assert_eq!(finished.status.code(), Some(3));
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("caught\n", "up\n"));

    let mut command = Command::new("sleep");
    command.arg("600");
    let running = Running::start("sleeper", command).unwrap();
    let id = running.id();
    drop(running);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
}

#[test]
fn failures_quote_the_program() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo broken >&2; exit 7"]);
    let error = Running::start("shell", command).unwrap().wait_for_success(PATIENCE).unwrap_err();
    assert!(error.to_string().contains("broken"), "{error}");
}

#[test]
fn skips_are_said_aloud_and_logged() {
    let log = std::env::temp_dir().join(format!("sockeye-lab-skips.{}", std::process::id()));
    let mut command = Command::new(PEER);
    command.args(["skip", "no reason"]).env("SOCKEYE_SKIP_LOG", &log);
    let finished = Running::start("skipper", command).unwrap().wait_for_success(PATIENCE).unwrap();
    assert_eq!(finished.stderr, "SKIPPED main: no reason\n");
    assert_eq!(finished.stdout, "skips 1\n");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), finished.stderr);
    std::fs::remove_file(&log).unwrap();
}
