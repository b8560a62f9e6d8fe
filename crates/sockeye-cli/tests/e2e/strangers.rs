//! Who does not know the code stays outside, and whoever does gets in all the same.

use std::{io::Write as _, net::TcpStream, process::Stdio};

use sockeye_lab::{Lab, Subnet, Switch, skip};

use crate::{
    machine::{Machine, pair},
    process::Code,
    tree,
};

const SENTENCE: &str = "the code is wrong";

#[test]
fn a_strangers_guess_is_counted_and_told_and_the_right_one_still_gets_in() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = (Machine::in_namespace("sender"), Machine::in_namespace("receiver"));
    let stranger = Machine::in_namespace("stranger");
    let mut switch = Switch::new("switch", Subnet::new(3)).expect("a switch");
    let interfaces = [&sender, &receiver, &stranger].map(|m| switch.attach(m.host()).expect("a cable"));
    sender.file("file", "for the right one");
    let sends = sender.send(&["file", "-4"]);
    let code = sends.code();
    let guess = stranger.accept(&code.wrong().code, &[]).end();
    guess.exits(6).says_why("authentication", "wrong_code", SENTENCE);
    let told = sends.event("wrong_code");
    assert_eq!(told["left"], 2, "{told}");
    let from = told["from"].as_str().expect("an address");
    assert!(from.starts_with(&format!("{}:", interfaces[2].ipv4.expect("IPv4"))), "{from}");
    receiver.accept(&code.code, &[]).end().exits(0);
    let sent = sends.end();
    sent.exits(0);
    assert_eq!(sent.all("wrong_code").len(), 1, "{sent:?}");
    tree::assert_same(&sender.path("file"), &receiver.path("in/file"));
    assert!(tree::read(&stranger.inbox()).len() == 1, "nothing was written");
}

#[test]
fn three_wrong_guesses_use_the_code_up_and_a_new_one_is_shown() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let sends = sender.send(&["file"]);
    let old = sends.code();
    for left in [2, 1, 0] {
        let guess = receiver.accept(&old.wrong().with_address(), &[]).end();
        guess.exits(6).says_why("authentication", "wrong_code", SENTENCE);
        sends.event_where("wrong_code", |event| event["left"] == left);
    }
    let new = sends.code_after(&old);
    assert_eq!(old.addresses, new.addresses);
    let late = receiver.accept(&old.with_address(), &[]).end();
    late.exits(6).says_why("authentication", "wrong_code", SENTENCE);
    receiver.accept(&new.with_address(), &[]).end().exits(0);
    let sent = sends.end();
    sent.exits(0);
    assert_eq!(sent.all("wrong_code").len(), 4, "{sent:?}");
}

#[test]
fn another_number_is_a_wrong_code_too() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let sends = sender.send(&["file", "--code", "4821-tulip-harbor"]);
    let code = sends.code();
    let other = Code { code: "4822-tulip-harbor".to_owned(), ..code.clone() };
    let guess = receiver.accept(&other.with_address(), &[]).end();
    guess.exits(6).says_why("authentication", "wrong_code", SENTENCE);
    receiver.accept(&code.with_address(), &[]).end().exits(0);
    let sent = sends.end();
    sent.exits(0);
    // It was no guess at the words of this code.
    assert!(sent.all("wrong_code").is_empty(), "{sent:?}");
}

#[test]
fn the_sender_can_be_the_one_who_types_a_wrong_code() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let receives = receiver.receive(&["--listen", "-y"]);
    let code = receives.code();
    let to = code.addresses[0].to_string();
    let guess = sender.send(&["file", "--to", &to, "--code", &code.wrong().code]).end();
    guess.exits(6).says_why("authentication", "wrong_code", SENTENCE);
    receives.event_where("wrong_code", |event| event["left"] == 2);
    sender.send(&["file", "--to", &to, "--code", &code.code]).end().exits(0);
    receives.end().exits(0);
}

#[test]
fn a_code_that_was_used_admits_nobody_else() {
    let (sender, receiver) = pair();
    let other = Machine::new("another receiver");
    let (sends, pipe) = sender.send_pipe(&[]);
    let code = sends.code();
    let first = receiver.accept(&code.with_address(), &[]);
    first.event("started");
    let second = other.accept(&code.with_address(), &[]).end();
    second.exits(6).says_why("authentication", "code_used", "used by another machine");
    drop(pipe);
    first.end().exits(0);
    sends.end().exits(0);
}

#[test]
fn connections_that_say_nothing_do_not_keep_the_right_one_out() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = (Machine::in_namespace("sender"), Machine::in_namespace("receiver"));
    let stranger = Machine::in_namespace("stranger");
    let mut switch = Switch::new("switch", Subnet::new(3)).expect("a switch");
    for machine in [&sender, &receiver, &stranger] {
        switch.attach(machine.host()).expect("a cable");
    }
    sender.file("file", "x");
    let sends = sender.send(&["file"]);
    let code = sends.code();
    // More than one address may have at a time; none of them ever says a word.
    let mut command = stranger.command("bash");
    command.args([
        "-c",
        "for i in {11..60}; do eval \"exec $i<>/dev/tcp/10.77.3.1/46710\"; done; echo open; read",
    ]);
    command.stdin(Stdio::piped());
    let silent = stranger.start(command);
    silent.line("open");
    receiver.accept(&code.code, &[]).end().exits(0);
    sends.end().exits(0);
}

#[test]
fn noise_on_the_port_is_survived() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let sends = sender.send(&["file"]);
    let code = sends.code();
    for noise in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0xff; 4096], &tree::bytes(7, 100_000), b""] {
        let mut stream = TcpStream::connect(code.addresses[0]).expect("a connection");
        // The other side may have closed already.
        let _ = stream.write_all(noise);
    }
    receiver.accept(&code.with_address(), &[]).end().exits(0);
    sends.end().exits(0);
}
