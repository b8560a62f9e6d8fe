//! The table against itself, values against their text, and (in `oracle`) against Python's socket module.

mod oracle;

use std::{collections::BTreeSet, time::Duration};

use super::*;
use crate::testing::{KINDS, fresh, pair};

fn set_by_name(socket: &socket2::Socket, text: &str) -> Applied {
    Setting::parse(text).unwrap().apply(socket).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_table_is_well_formed() {
    let mut rows = BTreeSet::new();
    for option in all() {
        let name = option.name;
        assert!(rows.insert((option.level, option.constant, name)), "{name} is there twice");
        assert!(name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-'), "{name}");
        assert!(option.number >= 0, "{name}");
        assert!((10..=70).contains(&option.meaning.len()), "{name}: {} letters", option.meaning.len());
        let first = find(name).unwrap().options().next().unwrap();
        let same = std::mem::discriminant(&option.kind) == std::mem::discriminant(&first.kind);
        assert!(same, "{name} takes one kind of value");
        assert_eq!(at(option.level.number(), option.number).unwrap().constant, option.constant);
    }
    assert!(rows.len() > 130, "{}", rows.len());
}

#[test]
fn at_most_one_option_of_a_name_applies_to_a_socket() {
    for socket in KINDS.iter().filter_map(|kind| fresh(kind)) {
        let facts = Facts::of(&socket).unwrap();
        let names: Vec<&str> = of_socket(&facts).map(|option| option.name).collect();
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), unique.len(), "{facts:?}");
    }
}

#[test]
fn every_option_that_applies_is_answered_or_too_new() {
    const UNKNOWN: [i32; 3] = [libc::ENOPROTOOPT, libc::EOPNOTSUPP, libc::EINVAL];
    for kind in KINDS {
        let Some((socket, _peer)) = pair(kind) else { continue };
        let facts = Facts::of(&socket).unwrap();
        let mut answered = 0;
        for option in of_socket(&facts) {
            match read(&socket, option) {
                Ok(_) => answered += 1,
                Err(OptionError::Read { source, .. }) => {
                    let errno = source.raw_os_error().unwrap_or(0);
                    assert!(UNKNOWN.contains(&errno), "{kind} {}: {source}", option.constant);
                }
                Err(other) => panic!("{kind} {}: {other}", option.constant),
            }
        }
        let least = if kind.starts_with("unix") { 28 } else { 60 };
        assert!(answered >= least, "{kind}: {answered}");
    }
}

#[test]
fn l14_what_is_set_is_read_back_as_the_kernel_has_it() {
    let (socket, _peer) = pair("tcp4").unwrap();
    let doubled = set_by_name(&socket, "sndbuf=64KiB");
    assert_eq!(doubled.after, Some(Value::Integer(131_072)), "Linux doubles buffers (socket(7))");
    assert_ne!(doubled.before, doubled.after);
    for (text, after) in [
        ("nodelay", "on"),
        ("nodelay=off", "off"),
        ("keepalive", "on"),
        ("keepidle=10", "10 s"),
        ("keepintvl=2m", "120 s"),
        ("keepcnt=1", "1 try"),
        ("linger=5", "5 s"),
        ("linger=off", "off"),
        ("user-timeout=1.5s", "1500 ms"),
        ("ttl=9", "9 hops"),
        ("dscp=ef", "ef (46)"),
        ("IP_TOS=0x28", "40"),
        ("rcvtimeo=2s", "2 s"),
        ("rcvtimeo=none", "none"),
        ("mtu-discover=do", "do (2)"),
        ("busy-poll=0us", "0 s"),
        ("SOL_SOCKET:SO_RCVLOWAT=17", "17 bytes"),
        ("1:18=0x20", "32 bytes"),
        ("IPPROTO_TCP:25=4096", "4096 bytes"),
        ("SOL_TCP:keepcnt=5", "5 tries"),
        ("1:13=x0100000007000000", "7 s"),
    ] {
        let before = current(&socket, text);
        let done = set_by_name(&socket, text);
        assert_eq!(done.shown().1.as_deref(), Some(after), "{text}");
        assert_eq!(done.before, before, "{text}");
    }
}

/// What the kernel answers for the option of a setting now.
fn current(socket: &socket2::Socket, text: &str) -> Option<Value> {
    Setting::parse(text).unwrap().target.read(socket).ok()
}

#[test]
fn one_name_is_the_constant_of_the_family() {
    let constant = |kind, name: &str| {
        let facts = Facts::of(&fresh(kind)?).unwrap();
        Some(find(name).unwrap().on(&facts).unwrap().constant)
    };
    assert_eq!(constant("udp4", "ttl"), Some("IP_TTL"));
    assert_eq!(constant("udp4", "cork"), Some("UDP_CORK"));
    assert_eq!(constant("tcp4", "cork"), Some("TCP_CORK"));
    for (name, expected) in
        [("ttl", "IPV6_UNICAST_HOPS"), ("mttl", "IPV6_MULTICAST_HOPS"), ("tos", "IPV6_TCLASS")]
    {
        assert!(constant("udp6", name).is_none_or(|found| found == expected), "{name}");
    }
}

#[test]
fn an_interface_is_read_back_by_its_name() {
    let name = crate::interfaces().unwrap().into_iter().find(|found| found.is_loopback).unwrap().name;
    for kind in ["udp4", "udp6"] {
        let Some(socket) = fresh(kind) else { continue };
        let done = set_by_name(&socket, &format!("iface={name}"));
        assert_eq!((done.before, done.after), (Some("".into()), Some(name.as_str().into())), "{kind}");
        let done = set_by_name(&socket, &format!("unicast-if={name}"));
        assert_eq!(done.after, Some(name.as_str().into()), "{kind}");
        let error = Setting::parse("iface=nothere").unwrap().apply(&socket).unwrap_err();
        assert!(matches!(error, OptionError::Set { .. }), "{error}");
    }
}

#[test]
fn an_option_outside_the_table_is_set_by_its_numbers() {
    let socket = fresh("udp4").unwrap();
    // IP_ROUTER_ALERT of a raw socket: not in the table, and not for this socket.
    let error = Setting::parse("IPPROTO_IP:5=1").unwrap().apply(&socket).unwrap_err();
    assert!(error.to_string().starts_with("cannot set 0:5: "), "{error}");
    // SO_BSDCOMPAT: not in the table, without effect.
    let done = Setting::parse("SOL_SOCKET:14=1").unwrap().apply(&socket).unwrap();
    assert_eq!((done.option, done.after), (None, Some(Value::Bytes(vec![0; 4]))));
    for filter in ["0:64=1", "IPPROTO_IPV6:65=x00"] {
        let error = Setting::parse(filter).unwrap().apply(&socket).unwrap_err();
        let OptionError::Set { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.kind(), io::ErrorKind::InvalidInput, "packet filters are out of reach");
    }
}

#[test]
fn an_option_that_is_not_answered_can_be_set_all_the_same() {
    let Some(socket) = fresh("udp6") else { return };
    let done = set_by_name(&socket, "mtu=1400");
    assert_eq!((done.before, done.after), (None, None), "only a connected socket has an MTU");
}

#[test]
fn what_cannot_be_is_a_sentence() {
    let refused = |text: &str| {
        let socket = fresh("udp4").unwrap();
        Setting::parse(text).and_then(|setting| setting.apply(&socket)).unwrap_err().to_string()
    };
    assert_eq!(refused("nodely=1"), "there is no socket option nodely; did you mean nodelay?");
    assert_eq!(refused("xyzzy"), "there is no socket option xyzzy");
    assert!(refused("keep").starts_with("there is no socket option keep; did you mean keepcnt, "));
    assert_eq!(refused("SOL_FOO:1=1"), "there is no socket option SOL_FOO:1");
    assert_eq!(
        refused("nodelay"),
        "nodelay is not an option of such a socket (AF_INET, SOCK_DGRAM), but of TCP sockets"
    );
    assert_eq!(
        refused("sndbuf=lots"),
        "\"lots\" is not a value of sndbuf: write a number of bytes, like 65536 or 64KiB"
    );
    assert_eq!(
        refused("sndbuf"),
        "nothing is not a value of sndbuf: write a number of bytes, like 65536 or 64KiB"
    );
    assert_eq!(refused("SO_TYPE=1"), "SO_TYPE can only be read");
    assert_eq!(refused("ttl=99999999999"), "99999999999 hops is not a value of ttl: write a number");
    assert!(refused("ttl=300").starts_with("cannot set IP_TTL: "), "{}", refused("ttl=300"));
    assert!(refused("dscp=64").contains("write 0 to 63"));
}

#[test]
fn values_are_read_from_text() {
    let parse = |name: &str, text| find(name).unwrap().parse(Some(text)).ok();
    for (name, text, value) in [
        ("sndbuf", "64KiB", Some(65_536_u32.into())),
        ("sndbuf", "0x100", Some(256_u32.into())),
        ("sndbuf", "64K", None),
        ("sndbuf", "+1", None),
        ("mark", "0xffffffff", Some(u32::MAX.into())),
        ("max-pacing-rate", "18446744073709551615", Some(u64::MAX.into())),
        ("peek-off", "-1", Some((-1).into())),
        ("linger2", "-1", Some((-1).into())),
        ("keepidle", "2m", Some(Duration::from_secs(120).into())),
        ("keepidle", "soon", None),
        ("rcvtimeo", "none", Some(Duration::ZERO.into())),
        ("linger", "0", Some(Value::Linger(Some(Duration::ZERO)))),
        ("linger", "off", Some(Value::Linger(None))),
        ("mtu-discover", "PROBE", Some(3.into())),
        ("mtu-discover", "9", Some(9.into())),
        ("mtu-discover", "never", None),
        ("nodelay", "maybe", None),
        ("congestion", "reno", Some("reno".into())),
        ("congestion", "re\0no", None),
        ("local-port-range", "40000-40999", Some(Value::Ports(40_000, 40_999))),
        ("local-port-range", "40000", None),
        ("txtime", "x0102", Some(Value::Bytes(vec![1, 2]))),
        ("txtime", "x0", None),
        ("txtime", "xäb", None),
        ("peercred", "1", None),
    ] {
        assert_eq!(parse(name, text), value, "{name}={text}");
    }
}

#[test]
fn names_are_taken_in_every_spelling() {
    for spelling in ["nodelay", "NoDelay", "tcp_nodelay", "TCP_NODELAY", "tcp-nodelay"] {
        assert_eq!(find(spelling).unwrap().name(), "nodelay");
    }
    assert_eq!(find("notsent_lowat").unwrap().name(), "notsent-lowat");
    assert_eq!(constant("SO_SNDBUF").unwrap().name, "sndbuf");
    assert!(constant("so_sndbuf").is_none());
    assert!(find(&"a".repeat(100_000)).is_err());
}

#[test]
fn time_is_rounded_up_so_that_little_is_not_nothing() {
    let socket = fresh("tcp4").unwrap();
    let user_timeout = find("user-timeout").unwrap().on(&Facts::of(&socket).unwrap()).unwrap();
    let answer = set(&socket, user_timeout, &Duration::from_micros(1).into()).unwrap();
    assert_eq!(answer, Duration::from_millis(1).into());
}
