//! Machines that remember each other and need no code any more.

use serde_json::Value;
use sockeye_lab::{Lab, Link, Subnet, skip};

use crate::{
    machine::{Machine, deliver, pair},
    process::Ended,
    tree,
};

/// A laptop and a desk that are joined and have met once: the laptop sent, each remembered the other.
fn acquainted() -> (Machine, Machine) {
    let (laptop, desk) = (Machine::in_namespace("laptop"), Machine::in_namespace("desk"));
    Link::veth(laptop.host(), desk.host(), Subnet::new(1)).expect("a cable");
    laptop.file("first", "first");
    let (sent, received) =
        deliver(&laptop, &["first", "--remember", "desk"], &desk, &["--remember", "laptop"]);
    assert_eq!(sent.only("remembered")["name"], "desk");
    assert_eq!(received.only("remembered")["name"], "laptop");
    (laptop, desk)
}

fn list(machine: &Machine) -> Vec<Value> {
    let listed = machine.run(&["trust", "list", "--json"]).end();
    listed.exits(0);
    listed.all("trusted").into_iter().cloned().collect()
}

fn trust(machine: &Machine, words: &[&str]) -> Ended {
    machine.run(&[&["trust", "--json"], words].concat()).end()
}

#[test]
fn a_remembered_machine_is_reached_by_its_name_again_and_again() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (laptop, desk) = acquainted();
    let mut receives = desk.receive(&["--keep", "-y"]);
    receives.event("listening");
    for number in 0..3 {
        let name = format!("file {number}");
        laptop.file(&name, tree::bytes(number, 500_000));
        let sent = laptop.send(&[name.as_str(), "--to", "desk"]).end();
        sent.exits(0);
        assert_eq!(sent.only("paired")["peer"]["remembered_as"], "desk", "{sent:?}");
        tree::assert_same(&laptop.path(&name), &desk.path("in").join(&name));
    }
    receives.event_where("paired", |event| event["peer"]["remembered_as"] == "laptop");
    receives.interrupt();
    let received = receives.end();
    assert_eq!(received.all("done").len(), 3, "{received:?}");
    assert!(received.all("code").is_empty(), "without --pair there is no code: {received:?}");
    received.exits(130);
}

#[test]
fn without_keep_one_transfer_is_received() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (laptop, desk) = acquainted();
    laptop.file("second", "second");
    let receives = desk.receive(&["--listen", "-y"]);
    receives.code();
    laptop.send(&["second", "--to", "desk"]).end().exits(0);
    receives.end().exits(0);
    tree::assert_same(&laptop.path("second"), &desk.path("in/second"));
}

#[test]
fn the_list_says_who_may_do_what() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (laptop, desk) = acquainted();
    let (of_laptop, of_desk) = (list(&laptop), list(&desk));
    assert_eq!((of_laptop.len(), of_desk.len()), (1, 1));
    let rights = |peer: &Value| (peer["name"].clone(), peer["may_send"].clone(), peer["may_receive"].clone());
    assert_eq!(rights(&of_laptop[0]), ("desk".into(), false.into(), true.into()));
    assert_eq!(rights(&of_desk[0]), ("laptop".into(), true.into(), false.into()));
    assert_ne!(of_laptop[0]["identity"], of_desk[0]["identity"]);
}

#[test]
fn trust_is_for_the_direction_in_which_the_two_have_met() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (laptop, desk) = acquainted();
    desk.file("back", "back");
    let receives = laptop.receive(&["--listen", "-y", "--timeout", "20s"]);
    receives.code();
    let sent = desk.send(&["back", "--to", "laptop", "--timeout", "5s"]).end();
    assert_eq!(sent.exit, Some(6), "{sent:?}");
    assert!(!laptop.path("in/back").exists());
}

#[test]
fn a_forgotten_machine_is_refused_and_no_code_is_fallen_back_to() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (laptop, desk) = acquainted();
    trust(&desk, &["remove", "laptop"]).exits(0);
    assert!(list(&desk).is_empty());
    laptop.file("file", "x");
    // Who listens knows a code. The laptop may not be asked for it, nor use one that it is given.
    let receives = desk.receive(&["--listen", "-y"]);
    let code = receives.code();
    let to = code.addresses[0].to_string();
    laptop.send(&["file", "--to", "desk", "--timeout", "3s"]).end().exits(10);
    laptop.send(&["file", "--to", "desk", "--code", &code.code, "--timeout", "3s"]).end().exits(10);
    assert!(!desk.path("in/file").exists());
    // Meeting anew is a decision of its own.
    laptop.send(&["file", "--to", &to, "--code", &code.code]).end().exits(0);
    receives.end().exits(0);
}

#[test]
fn another_machine_under_a_remembered_name_is_refused() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (laptop, desk) = acquainted();
    laptop.file("file", "x");
    // The desk was set up anew: another key.
    std::fs::remove_dir_all(desk.path("../home")).expect("its home");
    let receives = desk.receive(&["--listen", "-y"]);
    receives.code();
    // Without the key that the two had, it cannot say that it is there.
    laptop.send(&["file", "--to", "desk", "--timeout", "3s"]).end().exits(10);
    assert!(!desk.path("in/file").exists());
}

#[test]
fn names_are_changed_and_removed() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (laptop, desk) = acquainted();
    let renamed = trust(&laptop, &["rename", "desk", "Ann's desk"]);
    renamed.exits(0);
    assert_eq!(renamed.only("renamed")["to"], "Ann's desk");
    trust(&laptop, &["rename", "desk", "x"]).exits(2).says("usage", "desk");
    trust(&laptop, &["remove", "desk"]).exits(2).says("usage", "desk");
    let receives = desk.receive(&["--keep", "-y"]);
    receives.event("listening");
    laptop.file("file", "x");
    laptop.send(&["file", "--to", "Ann's desk"]).end().exits(0);
    trust(&laptop, &["remove", "Ann's desk"]).exits(0);
    assert!(list(&laptop).is_empty());
    laptop.send(&["file", "--to", "Ann's desk"]).end().exits(2);
}

#[test]
fn who_is_remembered_is_recognised_among_the_machines_around() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (laptop, desk) = acquainted();
    let receives = desk.receive(&["--keep", "-y"]);
    receives.event("listening");
    let seen = laptop.run(&["peers", "--json"]).end();
    seen.exits(0);
    let nearby = seen.only("nearby");
    assert_eq!((&nearby["remembered_as"], &nearby["nameplate"]), (&"desk".into(), &Value::Null), "{seen:?}");
}

#[test]
fn keep_with_pair_lets_a_new_machine_in_by_code() {
    let (sender, receiver) = pair();
    sender.file("one", "1");
    sender.file("two", "2");
    let mut receives = receiver.receive(&["--keep", "--pair", "-y"]);
    let code = receives.code();
    let to = code.addresses[0].to_string();
    sender.send(&["one", "--to", &to, "--code", &code.code]).end().exits(0);
    // The same machine may come again: the code admitted it.
    sender.send(&["two", "--to", &to, "--code", &code.code]).end().exits(0);
    let other = Machine::new("another sender");
    other.file("three", "3");
    let refused = other.send(&["three", "--to", &to, "--code", &code.code]).end();
    refused.exits(6).says_why("authentication", "code_used", "used by another machine");
    receives.interrupt();
    receives.end().exits(130);
    assert_eq!(tree::read(&receiver.inbox()).len(), 3);
}

#[test]
fn keep_goes_on_after_a_transfer_that_failed() {
    let (sender, receiver) = pair();
    sender.file("large", tree::bytes(1, 512 * crate::MIB));
    sender.file("small", "x");
    let receives = receiver.receive(&["--keep", "--pair", "-y"]);
    let code = receives.code();
    let to = code.addresses[0].to_string();
    let mut sends = sender.send(&["large", "--to", &to, "--code", &code.code]);
    sends.progress(1);
    sends.interrupt();
    sends.end().exits(130);
    sender.send(&["small", "--to", &to, "--code", &code.code]).end().exits(0);
    tree::assert_same(&sender.path("small"), &receiver.path("in/small"));
    drop(receives);
}

/// Both announce themselves with hints for the other: neither may take its own for the other's.
#[test]
fn two_that_both_keep_receiving_reach_each_other() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (laptop, desk) = acquainted();
    desk.file("back", "back");
    deliver(&desk, &["back", "--remember", "laptop"], &laptop, &["--remember", "desk"]);
    let keeps = [&laptop, &desk].map(|machine| machine.receive(&["--keep", "-y"]));
    for keep in &keeps {
        keep.event("listening");
    }
    let seen = laptop.run(&["peers", "--json"]).end();
    let known = seen.all("nearby").into_iter().filter(|event| event["remembered_as"] == "desk");
    assert_eq!(known.count(), 1, "{seen:?}");
    for number in 0..4 {
        let name = format!("file {number}");
        let (from, to, peer) =
            if number % 2 == 0 { (&laptop, &desk, "desk") } else { (&desk, &laptop, "laptop") };
        from.file(&name, "content");
        from.send(&[name.as_str(), "--to", peer, "--timeout", "10s"]).end().exits(0);
        tree::assert_same(&from.path(&name), &to.path("in").join(&name));
    }
    drop(keeps);
}

#[test]
fn a_name_that_is_taken_does_not_stop_the_transfer() {
    let (sender, receiver) = pair();
    let other = Machine::new("another receiver");
    other.directory("in");
    sender.file("file", "content");
    deliver(&sender, &["file", "--remember", "desk"], &receiver, &[]);
    let (sent, _) = deliver(&sender, &["file", "--remember", "desk"], &other, &[]);
    let not = sent.only("not_remembered");
    assert_eq!(not["name"], "desk");
    assert!(not["reason"].as_str().is_some_and(|reason| reason.contains("another peer")), "{sent:?}");
    assert_eq!(list(&sender).len(), 1);
}
