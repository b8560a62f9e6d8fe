//! How two machines find each other: hosts of their own, joined by cables.

use std::{fs, thread, time::Duration};

use sockeye_lab::{Filter, Ipv6, Lab, Link, Subnet, Switch, skip};

use crate::{
    MIB,
    machine::{Machine, deliver},
    process::Code,
    tree,
};

/// What is sent where it does not matter what is sent: some blocks, and a part of one.
const CONTENT: usize = 700_001;
/// How long a cable is pulled: long enough that packets are lost and sent again.
const OUTAGE: Duration = Duration::from_secs(1);
/// Rules for `nft -f`.
pub const RESETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/resets.nft");

/// A sender with a file, and a receiver.
fn hosts() -> (Machine, Machine) {
    let (sender, receiver) = (Machine::in_namespace("sender"), Machine::in_namespace("receiver"));
    sender.file("file", tree::bytes(1, CONTENT));
    (sender, receiver)
}

/// `send FILE` here and `receive CODE` there are all it takes. Returns the address that was dialled.
#[track_caller]
fn found_and_moved(sender: &Machine, receiver: &Machine) -> String {
    let (sent, received) = deliver(sender, &["file"], receiver, &[]);
    arrived(sender, receiver);
    for side in [&sent, &received] {
        assert_eq!((side.count("files"), side.count("bytes")), (1, CONTENT as u64), "{side:?}");
    }
    assert_eq!(received.all("searching").len(), 1, "{received:?}");
    received.only("paired")["peer"]["address"].as_str().expect("an address").to_owned()
}

/// The file is there, as it was sent.
#[track_caller]
fn arrived(sender: &Machine, receiver: &Machine) {
    tree::assert_same(&sender.path("file"), &receiver.path("in/file"));
    tree::assert_no_staging(&receiver.inbox());
}

#[test]
fn two_machines_need_nothing_but_the_code() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    found_and_moved(&sender, &receiver);
}

#[test]
fn ipv4_alone_is_enough() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1).with_ipv6(Ipv6::Off)).expect("a cable");
    let address = found_and_moved(&sender, &receiver);
    assert!(address.starts_with("10.77.1.1:"), "{address}");
}

#[test]
fn ipv6_alone_is_enough() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1).without_ipv4()).expect("a cable");
    sender.host().remove_ipv4().expect("no IPv4");
    receiver.host().remove_ipv4().expect("no IPv4");
    let address = found_and_moved(&sender, &receiver);
    assert!(address.starts_with('['), "{address}");
}

#[test]
fn link_local_addresses_alone_are_enough() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    let subnet = Subnet::new(1).without_ipv4().with_ipv6(Ipv6::LinkLocal);
    let link = Link::veth(sender.host(), receiver.host(), subnet).expect("a cable");
    sender.host().remove_ipv4().expect("no IPv4");
    receiver.host().remove_ipv4().expect("no IPv4");
    let address = found_and_moved(&sender, &receiver);
    assert!(address.starts_with("[fe80::"), "{address}");
    // The same without discovery: the interface is named as on the machine that dials, by name or by number.
    let local = link.left.link_local.expect("an address");
    for interface in [link.right.name.clone(), link.right.index.to_string()] {
        fs::remove_file(receiver.path("in/file")).expect("it was there");
        let sends = sender.send(&["file"]);
        let code = sends.code();
        let typed = format!("{}@[{local}%{interface}]:{}", code.code, code.addresses[0].port());
        let received = receiver.accept(&typed, &[]).end();
        received.exits(0);
        sends.end().exits(0);
        arrived(&sender, &receiver);
    }
}

#[test]
fn two_cables_are_one_machine() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    let first = Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    Link::veth(sender.host(), receiver.host(), Subnet::new(2)).expect("a cable");
    found_and_moved(&sender, &receiver);
    // With the first cable pulled the second one has to do.
    fs::remove_file(receiver.path("in/file")).expect("it was there");
    sender.host().unplug(&first.left).expect("a cable");
    let address = found_and_moved(&sender, &receiver);
    assert!(!address.starts_with("10.77.1."), "{address}");
}

#[test]
fn an_interface_can_be_chosen() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    let second = Link::veth(sender.host(), receiver.host(), Subnet::new(2)).expect("a cable");
    for (options, beginning) in [(["-4", "-i", &second.left.name], "10.77.2.1:"), (["-6", "-i", "eth1"], "[")]
    {
        let sends = sender.send(&[&["file"][..], &options].concat());
        let addresses = sends.code().addresses;
        assert!(addresses.iter().all(|address| address.to_string().starts_with(beginning)), "{addresses:?}");
        let received = receiver.accept(&sends.code().code, &["-i", &second.right.name, "--overwrite"]).end();
        received.exits(0);
        sends.end().exits(0);
        let address = received.only("paired")["peer"]["address"].as_str().expect("text").to_owned();
        assert!(address.starts_with(beginning), "{address}");
    }
    let unknown = sender.send(&["file", "-i", "nonesuch"]).end();
    unknown.exits(2).says("usage", "nonesuch");
}

#[test]
fn where_discovery_is_blocked_the_address_behind_the_code_helps() {
    if let Err(why) = Lab::filters() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    sender.host().block_udp().expect("a filter");
    receiver.host().block_udp().expect("a filter");
    let sends = sender.send(&["file"]);
    let code = sends.code();
    let alone = receiver.accept(&code.code, &["--timeout", "2s"]).end();
    alone.exits(10).says("no_peer_found", "CODE@HOST:PORT");
    assert_eq!(code.addresses[0].port(), 46710, "in a network of its own the port is free");
    let typed = format!("{}@{}", code.code, code.addresses[0].ip());
    receiver.accept(&typed, &[]).end().exits(0);
    sends.end().exits(0);
    arrived(&sender, &receiver);
}

#[test]
fn every_address_beside_the_code_works() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    Link::veth(sender.host(), receiver.host(), Subnet::new(2)).expect("a cable");
    let addresses = sender.send(&["file"]).code().addresses;
    assert!(addresses.len() >= 4, "two cables, two families: {addresses:?}");
    for address in addresses {
        assert!(!address.ip().is_loopback(), "{address} is of no use to another machine");
        let sends = sender.send(&["file"]);
        let code = sends.code();
        assert!(code.addresses.contains(&address), "{code:?} lacks {address}");
        receiver.accept(&code.at(address), &["--overwrite", "--no-discovery"]).end().exits(0);
        sends.end().exits(0);
    }
}

#[test]
fn the_receiver_may_wait_and_the_sender_go() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    for family in ["-4", "-6"] {
        let receives = receiver.receive(&["--listen", "-y", "--overwrite", family]);
        let code = receives.code();
        let to = code.addresses[0].to_string();
        let sent = sender.send(&["file", "--to", &to, "--code", &code.code]).end();
        sent.exits(0);
        receives.end().exits(0);
        arrived(&sender, &receiver);
    }
    // The well-known port need not be typed.
    let receives = receiver.receive(&["--listen", "-y"]);
    let code = receives.code();
    let sent = sender.send(&["file", "--to", "10.77.1.2", "--code", &code.code]).end();
    sent.exits(0);
    let received = receives.end();
    received.exits(0);
    assert_eq!(received.count("equal"), 1, "{received:?}");
}

#[test]
fn the_receiver_may_be_first() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    let receives = receiver.accept("4821-tulip-harbor", &[]);
    receives.event("searching");
    let sends = sender.send(&["file", "--code", "4821-tulip-harbor"]);
    receives.end().exits(0);
    sends.end().exits(0);
    arrived(&sender, &receiver);
}

#[test]
fn two_senders_with_one_number_are_told_apart_by_address() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (first, receiver) = hosts();
    let second = Machine::in_namespace("second sender");
    second.file("file", "another");
    let mut switch = Switch::new("switch", Subnet::new(3)).expect("a switch");
    for machine in [&first, &second, &receiver] {
        switch.attach(machine.host()).expect("a cable");
    }
    let from_first = first.send(&["file", "--code", "4821-tulip-harbor"]);
    let from_second = second.send(&["file", "--code", "4821-other-words"]);
    let (first_code, second_code) = (from_first.code(), from_second.code());
    let torn = receiver.accept("4821-tulip-harbor", &[]).end();
    torn.exits(10).says("ambiguous", "CODE@HOST:PORT");
    let message = torn.only("error")["message"].as_str().expect("text").to_owned();
    assert!(message.contains("4821") && !message.contains("tulip"), "{message}");
    for code in [&first_code, &second_code] {
        let told = code.addresses.iter().any(|address| message.contains(&address.ip().to_string()));
        assert!(told || message.contains("fe80::"), "{code:?} is not in {message}");
    }
    receiver.accept(&first_code.with_address(), &[]).end().exits(0);
    from_first.end().exits(0);
    arrived(&first, &receiver);
    // Neither the tie nor the other machine's transfer has cost the second sender a guess.
    receiver.accept(&second_code.with_address(), &["--overwrite"]).end().exits(0);
    let from_second = from_second.end();
    from_second.exits(0);
    assert!(from_second.all("wrong_code").is_empty(), "{from_second:?}");
}

#[test]
fn who_is_around_is_listed() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    let third = Machine::in_namespace("third");
    let mut switch = Switch::snooping("switch", Subnet::new(3)).expect("a switch");
    for machine in [&sender, &receiver, &third] {
        switch.attach(machine.host()).expect("a cable");
    }
    let nobody = third.run(&["peers", "--json", "--wait", "500ms"]).end();
    nobody.exits(10);
    let sends = sender.send(&["file", "--name", "Ann's laptop"]);
    let receives = receiver.receive(&["--listen", "-y"]);
    let number = |code: Code| code.code.split('-').next().and_then(|n| n.parse::<u64>().ok());
    let numbers = (number(sends.code()), number(receives.code()));
    let seen = third.run(&["peers", "--json"]).end();
    seen.exits(0);
    let nearby = seen.all("nearby");
    assert_eq!(nearby.len(), 2, "{seen:?}");
    let one = |sends: bool| *nearby.iter().find(|event| event["sends"] == sends).expect("one of each");
    assert_eq!((one(true)["nameplate"].as_u64(), one(false)["nameplate"].as_u64()), numbers, "{seen:?}");
    assert_eq!((&one(true)["name"], &one(false)["name"]), (&"Ann's laptop".into(), &().into()), "{seen:?}");
}

#[test]
fn an_address_that_nobody_has_is_given_up() {
    if let Err(why) = Lab::filters() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    let absent = receiver.accept("4821-tulip-harbor@10.77.1.99", &[]).end();
    absent.exits(1).says("network", "cannot connect to 10.77.1.99:46710");
    let elsewhere = receiver.accept("4821-tulip-harbor@10.99.1.1:2000", &[]).end();
    elsewhere.exits(1).says("network", "are both machines on the same network?");
    // A firewall that drops what comes in says nothing at all.
    let sends = sender.send(&["file"]);
    let code = sends.code();
    sender.host().filter(Filter::incoming()).expect("a filter");
    let silent = receiver.accept(&code.at(code.addresses[0]), &[]).end();
    silent.exits(1).says("network", "does a firewall on the other machine let this port in?");
}

#[test]
fn a_bad_link_costs_time_and_nothing_else() {
    if let Err(why) = Lab::filters() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    // A third of the questions and answers are lost, and some of the data.
    for machine in [&sender, &receiver] {
        machine.host().filter(Filter::incoming().udp().ratio(0.33)).expect("a filter");
        machine.host().filter(Filter::incoming().tcp().ratio(0.01)).expect("a filter");
    }
    found_and_moved(&sender, &receiver);
}

#[test]
fn a_pulled_cable_is_waited_for() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    let subnet = Subnet::new(1).with_ipv6(Ipv6::LinkLocal);
    let link = Link::veth(sender.host(), receiver.host(), subnet).expect("a cable");
    let big = sender.file("big", tree::bytes(2, 384 * MIB));
    let sends = sender.send(&["big"]);
    let receives = receiver.accept(&sends.code().code, &[]);
    receives.progress(1);
    sender.host().unplug(&link.left).expect("a cable");
    thread::sleep(OUTAGE);
    sender.host().plug_in(&link.left).expect("a cable");
    receives.end().exits(0);
    sends.end().exits(0);
    tree::assert_same(&big, &receiver.path("in/big"));
}

#[test]
fn a_connection_that_is_reset_is_made_again() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    let big = sender.file("big", tree::bytes(3, 384 * MIB));
    let sends = sender.send(&["big"]);
    let receives = receiver.accept(&sends.code().code, &[]);
    receives.progress(100 * MIB as u64);
    sends.pause();
    // For a moment every packet of TCP is answered with a reset, as by a firewall that lost its memory.
    let host = receiver.host();
    if let Err(why) = host.run("nft", ["-f", RESETS]) {
        skip!("no resets without nft and its reject: {why}");
    }
    sends.resume();
    receives.event("reconnecting");
    sends.event("reconnecting");
    host.run("nft", ["delete", "table", "inet", "resets"]).expect("the rule goes");
    let (received, sent) = (receives.end(), sends.end());
    received.exits(0);
    sent.exits(0);
    tree::assert_same(&big, &receiver.path("in/big"));
    tree::assert_no_staging(&receiver.inbox());
    for side in [&sent, &received] {
        assert!(side.done()["stats"]["reconnects"].as_u64() >= Some(1), "{side:?}");
        assert_eq!(side.count("bytes"), 384 * MIB as u64, "{side:?}");
        // 64 MiB and more were written through by then.
        assert!(side.count("bytes_here") >= 64 * MIB as u64, "{side:?}");
    }
}

#[test]
fn a_network_that_falls_silent_is_noticed_on_both_sides() {
    if let Err(why) = Lab::filters() {
        skip!("{why}");
    }
    let (sender, receiver) = hosts();
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    let big = sender.file("big", tree::bytes(4, 384 * MIB));
    let sends = sender.send(&["big"]);
    let receives = receiver.accept(&sends.code().code, &[]);
    receives.progress(100 * MIB as u64);
    sends.pause();
    for machine in [&sender, &receiver] {
        machine.host().filter(Filter::incoming()).expect("a filter");
    }
    sends.resume();
    // Both say so after the 30 s that a silent peer is given.
    receives.event("reconnecting");
    sends.event("reconnecting");
    for machine in [&sender, &receiver] {
        machine.host().clear_filters().expect("no filters");
    }
    receives.end().exits(0);
    sends.end().exits(0);
    tree::assert_same(&big, &receiver.path("in/big"));
}
