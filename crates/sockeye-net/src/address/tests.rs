//! Another implementation as oracle (Python's `ipaddress`), and what is wrong with an address told exactly.

use std::{
    io::Write,
    net::Ipv6Addr,
    process::{Command, Stdio},
};

use proptest::prelude::*;

use super::*;

#[test]
fn l15_the_broadcast_address_of_a_network() {
    let broadcast = |text: &str| text.parse::<Address>().unwrap().network().unwrap().broadcast();
    assert_eq!(broadcast("192.168.1.3/24").unwrap().to_string(), "192.168.1.255");
    assert_eq!(broadcast("192.168.1.3/255.255.255.0").unwrap().to_string(), "192.168.1.255");
    assert_eq!(broadcast("10.1.2.3/8").unwrap().to_string(), "10.255.255.255");
    assert_eq!(broadcast("192.0.2.4/31"), Err(NoBroadcast::PointToPoint));
    assert_eq!(broadcast("192.0.2.4/32"), Err(NoBroadcast::SingleHost));
    assert_eq!(broadcast("2001:db8::/64"), Err(NoBroadcast::Ipv6));
}

#[test]
fn l20_every_kind_of_the_lesson_has_its_name_and_its_document() {
    for (ip, name, source) in [
        ("127.0.0.1", "loopback", "RFC 1122 §3.2.1.3"),
        ("0.0.0.0", "wildcard", "RFC 1122 §3.2.1.3"),
        ("10.0.0.1", "private", "RFC 1918"),
        ("172.31.255.255", "private", "RFC 1918"),
        ("172.32.0.0", "global", "RFC 791"),
        ("192.168.1.3", "private", "RFC 1918"),
        ("255.255.255.255", "limited broadcast", "RFC 919 §7"),
        ("239.1.1.1", "multicast", "RFC 2365"),
        ("198.51.100.7", "documentation", "RFC 5737"),
        ("::1", "loopback", "RFC 4291 §2.5.3"),
        ("::", "wildcard", "RFC 4291 §2.5.2"),
        ("fe80::1", "link-local", "RFC 4291 §2.5.6"),
        ("fd00::1", "unique local", "RFC 4193"),
        ("2001:db8::1", "documentation", "RFC 3849"),
        ("::ffff:10.0.0.1", "IPv4-mapped", "RFC 4291 §2.5.5.2"),
        ("2606:4700::1", "global", "RFC 4291 §2.5.4"),
    ] {
        let kind = kind_of(ip.parse().unwrap());
        assert_eq!((kind.name, kind.source), (name, source), "{ip}");
    }
    let classes = ["9.9.9.9", "172.16.0.1", "192.168.1.3", "224.0.0.1", "240.0.0.1"];
    assert_eq!(classes.map(|ip| class_of(ip.parse().unwrap())), ['A', 'B', 'C', 'D', 'E']);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        ("192.168.1.256", AddressError::OctetTooLarge { octet: "256".to_owned(), position: 4 }),
        ("192.168.1", AddressError::OctetCount { found: 3 }),
        ("192.168..1", AddressError::OctetMissing { position: 3 }),
        ("192.168.1.3/33", AddressError::PrefixTooLong { prefix_len: "33".to_owned(), max: 32 }),
        ("192.168.1.3/", AddressError::PrefixMissing),
        ("1:2::3::4", AddressError::TwoGaps),
        ("", AddressError::Empty),
        ("192.168.1.３", AddressError::Character { found: '３', at: 11, meant: Some('3') }),
    ] {
        assert_eq!(text.parse::<Address>(), Err(expected), "{text}");
    }
    let leading = "192.168.010.1".parse::<Address>().unwrap_err();
    assert!(matches!(leading, AddressError::LeadingZero { decimal: Some(10), octal: Some(8), .. }));
}

/// What Python's `ipaddress` says of networks; each line `ip/len` → network, netmask, broadcast, number of addresses, reverse name of
/// the address, and its properties.
const ORACLE: &str = r"
import ipaddress, sys
for line in sys.stdin:
    i = ipaddress.ip_interface(line.strip())
    n = i.network
    a = i.ip
    print(n.network_address.exploded, n.netmask.exploded, n.broadcast_address.exploded, n.num_addresses, a.reverse_pointer,
          int(a.is_loopback), int(a.is_multicast), int(a.is_link_local), int(a.is_unspecified), a.exploded)
";

fn python(lines: &[String]) -> Option<Vec<String>> {
    let mut child = Command::new("python3")
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let text = lines.join("\n");
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn every_prefix_length_agrees_with_another_implementation() {
    let v4 = [
        "0.0.0.0",
        "10.1.2.3",
        "127.0.0.1",
        "169.254.7.8",
        "192.168.1.37",
        "224.0.0.251",
        "255.255.255.255",
        "9.87.65.43",
    ];
    let v6 = [
        "::",
        "::1",
        "fe80::1:2:3",
        "2001:db8:aaaa:5555:aaaa:5555:aaaa:5555",
        "ff02::fb",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ];
    let lines: Vec<String> = v4
        .iter()
        .flat_map(|ip| (0..=32).map(move |len| format!("{ip}/{len}")))
        .chain(v6.iter().flat_map(|ip| (0..=128).map(move |len| format!("{ip}/{len}"))))
        .collect();
    let Some(answers) = python(&lines) else {
        sockeye_lab::skip!("python3 is not here, whose ipaddress is the oracle");
    };
    assert_eq!(answers.len(), lines.len());
    for (line, answer) in lines.iter().zip(answers) {
        let address: Address = line.parse().unwrap();
        let network = address.network().unwrap();
        let ip = address.ip();
        let flag = |name: &str| u8::from(kind_of(ip).name == name);
        let multicast = u8::from(ip.is_multicast());
        let ours = format!(
            "{} {} {} {} {} {} {multicast} {} {} {}",
            expanded(network.address()),
            expanded(network.netmask()),
            expanded(network.last()),
            network.addresses(),
            reverse_name(ip),
            flag("loopback"),
            flag("link-local"),
            flag("wildcard"),
            expanded(ip),
        );
        assert_eq!(ours, answer, "{line}");
    }
}

proptest! {
    #[test]
    fn any_address_is_within_its_network_and_reads_back(bits: u128, len in 0_u8..=128, v4: bool) {
        let (ip, len) = if v4 {
            (IpAddr::from((u32::try_from(bits & 0xffff_ffff).unwrap()).to_be_bytes()), len.min(32))
        } else {
            (IpAddr::from(Ipv6Addr::from(bits)), len)
        };
        let address: Address = format!("{ip}/{len}").parse().unwrap();
        prop_assert_eq!(address.to_string(), format!("{ip}/{len}"));
        let network = address.network().unwrap();
        prop_assert!(network.contains(ip) && network.contains(network.first_host()) && network.contains(network.last_host()));
        prop_assert!(network.first_host() <= network.last_host());
        prop_assert_eq!(binary(ip).bytes().filter(|byte| matches!(byte, b'0' | b'1')).count(), if ip.is_ipv4() { 32 } else { 128 });
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        if let Ok(address) = text.parse::<Address>() {
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }
    }
}
