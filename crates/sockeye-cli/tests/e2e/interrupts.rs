//! Ctrl-C at any moment: 130 here, one clear sentence there, and what has arrived is kept.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    MIB,
    machine::{Machine, deliver, pair},
    process::{Ended, Process},
    tree,
};

/// An interrupted program that is not busy ends at once; one that cannot be woken ends all the same.
const PROMPTLY: Duration = Duration::from_secs(8);
/// Large enough to be interrupted on the way, and for some of it to be written through by then.
const LARGE: usize = 512 * MIB;

/// So that the same command is the same command.
const CODE: &str = "4821-tulip-harbor";
/// How long a process stands still: long enough that the other one has to wait for it.
const PAUSE: Duration = Duration::from_millis(100);

/// Interrupts a process and waits for its end: 130 and its sentence.
#[track_caller]
fn interrupted(mut process: Process) -> Ended {
    process.interrupt();
    let ended = process.end_within(PROMPTLY);
    ended.exits(130).says("cancelled", "interrupted");
    ended
}

/// The other side of a transfer that cannot go on is told so, and ends.
#[track_caller]
fn told(process: Process) {
    process.end_within(PROMPTLY).exits(1).says_why(
        "peer_told",
        "interrupted",
        "the other side was interrupted; run both commands again",
    );
}

/// The other side of one that can go on is told so, and waits.
#[track_caller]
fn waits(process: &Process) {
    let event = process.event("reconnecting");
    assert_eq!(event["reason"], "it was stopped there");
}

/// A transfer that is under way and has some time to go.
fn under_way() -> (Machine, Machine, Process, Process) {
    let (sender, receiver) = pair();
    sender.file("large", tree::bytes(1, LARGE));
    let sends = sender.send(&["large", "--code", CODE]);
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    receives.progress(LARGE as u64 * 3 / 8);
    (sender, receiver, sends, receives)
}

/// The command of whoever is missing is given again.
fn again(sender: &Machine, receiver: &Machine) -> (Process, Process) {
    let sends = sender.send(&["large", "--code", CODE]);
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    (sends, receives)
}

/// The rest comes, and no more than that.
#[track_caller]
fn goes_on(sender: &Machine, receiver: &Machine, sends: Process, receives: Process) {
    let (received, sent) = (receives.end(), sends.end());
    received.exits(0);
    sent.exits(0);
    tree::assert_same(&sender.path("large"), &receiver.path("in/large"));
    tree::assert_no_staging(&receiver.inbox());
    for side in [&sent, &received] {
        assert!(side.count("bytes_here") >= LARGE as u64 / 4, "{side:?}");
    }
}

#[test]
fn while_nobody_has_come() {
    let (sender, receiver) = pair();
    sender.file("file", "x");
    let sends = sender.send(&["file"]);
    sends.code();
    interrupted(sends);
    let receives = receiver.receive(&["--listen", "-y"]);
    receives.code();
    interrupted(receives);
}

#[test]
fn the_sender_on_the_way() {
    let (sender, receiver, sends, receives) = under_way();
    interrupted(sends);
    waits(&receives);
    assert!(!receiver.path("in/large").exists(), "half a file has the final name");
    let sends = sender.send(&["large", "--code", CODE]);
    goes_on(&sender, &receiver, sends, receives);
}

#[test]
fn the_receiver_on_the_way() {
    let (sender, receiver, sends, receives) = under_way();
    let code = sends.code().with_address();
    interrupted(receives);
    waits(&sends);
    assert!(!receiver.path("in/large").exists(), "half a file has the final name");
    let receives = receiver.accept(&code, &[]);
    goes_on(&sender, &receiver, sends, receives);
}

#[test]
fn first_the_one_and_then_the_other() {
    let (sender, receiver, sends, receives) = under_way();
    interrupted(receives);
    waits(&sends);
    interrupted(sends);
    let (sends, receives) = again(&sender, &receiver);
    goes_on(&sender, &receiver, sends, receives);
}

#[test]
fn a_service_manager_is_obeyed_like_a_person() {
    let (sender, receiver, mut sends, receives) = under_way();
    sends.terminate();
    sends.end_within(PROMPTLY).exits(130).says("cancelled", "interrupted");
    waits(&receives);
    interrupted(receives);
    let (sends, receives) = again(&sender, &receiver);
    goes_on(&sender, &receiver, sends, receives);
}

#[test]
fn the_sender_while_it_waits_for_its_pipe() {
    let (sender, receiver) = pair();
    let (sends, pipe) = sender.send_pipe(&[]);
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    receives.event("started");
    interrupted(sends);
    // The pipe is lost with its process: there is nothing to wait for.
    told(receives);
    drop(pipe);
    assert!(!receiver.path("in/stdin").exists());
}

#[test]
fn the_receiver_while_the_sender_waits_for_its_pipe() {
    let (sender, receiver) = pair();
    let (sends, pipe) = sender.send_pipe(&[]);
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    receives.event("started");
    interrupted(receives);
    told(sends);
    drop(pipe);
}

#[test]
fn the_receiver_while_nobody_reads_its_output() {
    let (sender, receiver) = pair();
    sender.file("large", tree::bytes(1, 16 * MIB));
    let sends = sender.send(&["large"]);
    let mut command = receiver.command("bash");
    let options = receiver.quietly().join(" ");
    let line = format!(
        "\"$SOCKEYE\" receive {options} -y -o - {} 2>err > >(read -r -N 1; touch reading; read -r <stop) & \
         echo $! ; wait $! ; echo $?",
        sends.code().with_address()
    );
    let made = Command::new("mkfifo").arg(receiver.path("stop")).status().expect("mkfifo");
    assert!(made.success());
    command.args(["-c", &line]);
    let shell = receiver.start(command);
    let number = shell.first_line().trim().to_owned();
    sends.event("started");
    let status = Command::new("kill").args(["-INT", &number]).status().expect("kill");
    assert!(status.success());
    waits(&sends);
    // The reader at the end of the pipe goes as well.
    fs::write(receiver.path("stop"), "\n").expect("a pipe");
    let shell = shell.end();
    assert_eq!(shell.stdout.lines().last(), Some("130"), "{shell:?}");
}

#[test]
fn at_many_moments() {
    let (sender, receiver) = pair();
    for number in 0..300 {
        sender.file(format!("tree/{number}"), tree::bytes(number, 3000));
    }
    sender.file("tree/large", tree::bytes(1000, 24 * MIB));
    // From before the connection stands until after all has arrived.
    for (turn, delay) in (0..400).step_by(20).enumerate() {
        let sends = sender.send(&["tree"]);
        let receives = receiver.accept(&sends.code().with_address(), &[]);
        thread::sleep(Duration::from_millis(delay));
        let (mut victim, other) = if turn % 2 == 0 { (sends, receives) } else { (receives, sends) };
        victim.interrupt();
        let victim = victim.end_within(PROMPTLY);
        let other = settled(other);
        ended_as_told(delay, &victim, &other);
    }
    let (_, received) = deliver(&sender, &["tree"], &receiver, &[]);
    tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
    assert_eq!(received.count("files"), 301);
    tree::assert_no_staging(&receiver.inbox());
}

/// The end of the other side. If it waits for the first one to come back, or is a sender to which nobody has come, it
/// is interrupted as well.
fn settled(mut other: Process) -> Ended {
    let deadline = Instant::now() + PROMPTLY;
    while !other.has_ended() && Instant::now() < deadline {
        let said = other.stdout();
        let said = |event: &str| said.contains(&format!("\"ev\":\"{event}\""));
        if said("reconnecting") || said("code") && !said("paired") {
            other.interrupt();
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    other.end_within(PROMPTLY)
}

/// Either it was over, or one was interrupted and the other was told: whichever end it comes to, both know it.
#[track_caller]
fn ended_as_told(delay: u64, victim: &Ended, other: &Ended) {
    // A program that has not begun to watch for signals yet ends by the signal itself: to a shell that is 130 too.
    let exit = |ended: &Ended| ended.exit.or(ended.stdout.is_empty().then_some(130));
    match (exit(victim), exit(other)) {
        // The last moment: one side had everything before it heard of the other's interruption. Or it waited, and was
        // interrupted too.
        (Some(0 | 130), Some(0)) | (Some(130), Some(130)) => {}
        (Some(130), Some(1)) => {
            let kind = other.only("error")["kind"].as_str();
            // Before the two knew each other there was nobody to tell.
            let early = victim.all("paired").is_empty() || other.all("paired").is_empty();
            assert!(kind == Some("peer_told") || early, "after {delay} ms: {victim:?}\n{other:?}");
        }
        _ => panic!("after {delay} ms: {victim:?}\n{other:?}"),
    }
}

#[test]
fn a_pause_is_no_interruption() {
    let (sender, receiver) = pair();
    sender.file("large", tree::bytes(1, LARGE));
    let sends = sender.send(&["large"]);
    let receives = receiver.accept(&sends.code().with_address(), &[]);
    // As Ctrl-Z and `fg` do, on either side.
    for process in [&receives, &sends, &receives, &sends] {
        sends.progress(1);
        process.pause();
        thread::sleep(PAUSE);
        process.resume();
    }
    let (received, sent) = (receives.end(), sends.end());
    for side in [&sent, &received] {
        side.exits(0);
        assert_eq!(side.done()["stats"]["reconnects"], 0, "{side:?}");
    }
    tree::assert_same(&sender.path("large"), &receiver.path("in/large"));
}
