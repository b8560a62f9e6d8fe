//! Either side killed at any moment: no final name ever has other bytes than the source, and the same commands finish.
//!
//! The seed is printed; `SOCKEYE_SEED` replays it. That repeats who is killed after how many milliseconds; where exactly
//! that hits is up to the machine.

use std::{
    fs, thread,
    time::{Duration, Instant, SystemTime},
};

use sockeye_lab::{Lab, Link, Subnet, skip};

use crate::{
    MIB, PATIENCE,
    machine::{Machine, typed},
    process::{Code, Process},
    tree::{self, Kind, Random, Tree},
};

/// How many kills there are, unless `SOCKEYE_TEST_KILLS` says otherwise.
const KILLS: u64 = 100;
/// How many transfers are killed side by side: they wait for each other's disk and for backoff more than they work.
const STAGES: u64 = 4;
/// Kills of one transfer at most.
const KILLS_OF_ONE: u64 = 3;
/// The longest time until a kill: a whole transfer takes about as long.
const SPAN_MILLISECONDS: u64 = 600;
/// How often a command may have to be given again in one transfer, besides after kills.
const RESTARTS: u32 = 10;
/// How often to ask whether a process has ended.
const POLL: Duration = Duration::from_millis(2);

/// A sender and a receiver, what is sent, and the commands that are given again and again.
struct Stage {
    sender: Machine,
    receiver: Machine,
    wanted: Tree,
}

/// One transfer and how far it has come.
struct Round<'s> {
    stage: &'s Stage,
    sends: Option<Process>,
    receives: Option<Process>,
    code: Code,
    /// Both have said that data flows: from then on no other code may be needed.
    met: bool,
    restarts: u32,
    history: Vec<String>,
}

impl Stage {
    fn new(sender: Machine, receiver: Machine) -> Self {
        sender.file("tree/large", tree::bytes(1, 64 * MIB));
        for number in 0..60u32 {
            let length = [0, 10, 3_000, 60_000, 262_143][number as usize % 5];
            sender.file(format!("tree/{number:02}"), tree::bytes(number.into(), length));
            sender.file(format!("tree/z/{number:02}"), tree::bytes(number.into(), 1_000));
        }
        sender.file("tree/medium", tree::bytes(2, 5 * MIB + 17));
        sender.directory("tree/empty");
        tree::link(&sender.path("tree/link"), "medium");
        let wanted = tree::read(&sender.path("tree"));
        Self { sender, receiver, wanted }
    }

    fn send(&self) -> Process {
        self.sender.send(&["tree"])
    }

    fn receive(&self, code: &Code) -> Process {
        self.receiver.accept(&typed(&self.receiver, code), &[])
    }

    /// Every file under its final name is as it was sent.
    fn check_names(&self, history: &[String]) {
        for (path, node) in tree::read(&self.receiver.inbox()) {
            let Some(below) = path.strip_prefix(b"tree/") else { continue };
            if tree::is_staging(&path) {
                continue;
            }
            let wanted = self.wanted.get(below);
            let whole = match (&node.kind, wanted.map(|node| &node.kind)) {
                (Kind::File(found), Some(Kind::File(wanted))) => found == wanted,
                (found, Some(wanted)) => *found == *wanted,
                (_, None) => false,
            };
            assert!(whole, "{} is not as it was sent, after {history:#?}", path.escape_ascii());
        }
    }
}

impl<'s> Round<'s> {
    fn start(stage: &'s Stage) -> Self {
        fs::remove_dir_all(stage.receiver.inbox()).expect("it was there");
        stage.receiver.directory("in");
        let sends = stage.send();
        let code = sends.code();
        let receives = stage.receive(&code);
        Self {
            stage,
            sends: Some(sends),
            receives: Some(receives),
            code,
            met: false,
            restarts: 0,
            history: Vec::new(),
        }
    }

    fn note(&mut self, what: impl Into<String>) {
        self.history.push(what.into());
    }

    /// Kills the sender, the receiver or both, if they still run. Says how many it killed.
    fn kill(&mut self, who: u64, after: u64) -> u64 {
        self.see_whether_met();
        let mut killed = 0;
        if who != 1
            && let Some(sends) = self.sends.take_if(|sends| !sends.has_ended())
        {
            self.note(format!("sender killed after {after} ms"));
            sends.kill();
            self.send_again();
            killed += 1;
        }
        if who != 0
            && let Some(receives) = self.receives.take_if(|receives| !receives.has_ended())
        {
            self.note(format!("receiver killed after {after} ms"));
            receives.kill();
            self.stage.check_names(&self.history);
            self.receives = Some(self.stage.receive(&self.code));
            killed += 1;
        }
        self.stage.check_names(&self.history);
        killed
    }

    /// The sender's command again. If the two have not met it may show another number, and then the receiver's has to be
    /// typed anew: nobody could have told it.
    fn send_again(&mut self) {
        let number = |code: &Code| code.code.split('-').next().map(String::from);
        let sends = self.stage.send();
        let code = sends.code();
        self.sends = Some(sends);
        if number(&code) != number(&self.code) {
            if self.met {
                // Then all had arrived and both had said so: the sender was killed on its way out. A sender started after
                // that has nobody to meet: killed once more, it shows yet another number.
                if let Some(receives) = self.receives.take() {
                    let received = receives.end();
                    assert_eq!(
                        received.exit,
                        Some(0),
                        "the number changed from {:?} to {code:?}, after {:#?}",
                        self.code,
                        self.history
                    );
                }
                self.code = code;
                return;
            }
            if let Some(receives) = self.receives.take_if(|receives| !receives.has_ended()) {
                self.note("receiver given the new number");
                receives.kill();
                self.receives = Some(self.stage.receive(&code));
            }
        }
        self.code = code;
    }

    fn see_whether_met(&mut self) {
        self.met |= said(self.sends.as_ref(), "started") && said(self.receives.as_ref(), "started");
    }

    /// Gives the commands again until all has arrived.
    fn finish(mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no end, after {:#?}", self.history);
            self.see_whether_met();
            if self.receives.is_none() {
                break;
            }
            if self.sends.as_mut().is_some_and(Process::has_ended) {
                let sent = self.sends.take().expect("it was there").end();
                assert_eq!(sent.exit, Some(0), "{sent:?}\nafter {:#?}", self.history);
                self.note("sender done");
                // Everything is there; a receiver that was killed at the last moment has nobody to come back to.
                break;
            }
            if self.receives.as_mut().is_some_and(Process::has_ended) && self.receiver_ended() {
                break;
            }
            thread::sleep(POLL);
        }
        self.check_end();
    }

    /// Whether the receiver has everything; else its command is given again.
    fn receiver_ended(&mut self) -> bool {
        let received = self.receives.take().expect("it was there").end();
        self.note(format!("receiver ended with {:?}", received.exit));
        if received.exit == Some(0) {
            return true;
        }
        self.restarts += 1;
        // The sender was not there when it was dialled; or it has another code, if the two had not met.
        let early = received.all("paired").is_empty() && received.exit == Some(1);
        assert!(early || !self.met && received.exit == Some(6), "{received:?}\nafter {:#?}", self.history);
        assert!(self.restarts <= RESTARTS, "{received:?}\nafter {:#?}", self.history);
        self.receives = Some(self.stage.receive(&self.code));
        false
    }

    fn check_end(mut self) {
        if let Some(sends) = self.sends.take()
            && !said(Some(&sends), "paired")
        {
            // It was started after the receiver had everything.
            drop(sends);
        } else if let Some(sends) = self.sends.take() {
            let sent = sends.end();
            assert_eq!(sent.exit, Some(0), "{sent:?}\nafter {:#?}", self.history);
        }
        if let Some(receives) = self.receives.take()
            && said(Some(&receives), "paired")
        {
            receives.end().exits(0);
        }
        let found = tree::read(&self.stage.receiver.path("in/tree"));
        let differences = tree::differences(&self.stage.wanted, &found);
        assert!(differences.is_empty(), "after {:#?}:\n{differences}", self.history);
        tree::assert_no_staging(&self.stage.receiver.inbox());
    }
}

/// Whether a process has written an event of this name.
fn said(process: Option<&Process>, event: &str) -> bool {
    process.is_some_and(|process| process.stdout().contains(&format!("\"ev\":\"{event}\"")))
}

/// The number in an environment variable.
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

fn seed() -> u64 {
    let now =
        || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_micros());
    let seed = number("SOCKEYE_SEED").unwrap_or_else(|| now().into());
    eprintln!("kills: SOCKEYE_SEED={seed}");
    seed
}

fn kill_until(stage: &Stage, kills: u64, seed: u64) {
    let mut random = Random::new(seed);
    let mut killed = 0;
    while killed < kills {
        let mut round = Round::start(stage);
        for _ in 0..=random.below(KILLS_OF_ONE) {
            let after = random.below(SPAN_MILLISECONDS);
            thread::sleep(Duration::from_millis(after));
            killed += round.kill(random.below(3), after);
        }
        round.finish();
    }
}

#[test]
fn at_any_moment() {
    let (kills, seed) = (number("SOCKEYE_TEST_KILLS").unwrap_or(KILLS), seed());
    thread::scope(|scope| {
        for stage in 0..STAGES {
            scope.spawn(move || {
                let stage_of_its_own = Stage::new(Machine::new("sender"), Machine::new("receiver"));
                kill_until(&stage_of_its_own, kills.div_ceil(STAGES), seed + stage);
            });
        }
    });
}

#[test]
fn at_any_moment_with_nothing_but_the_code() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let (sender, receiver) = (Machine::in_namespace("sender"), Machine::in_namespace("receiver"));
    Link::veth(sender.host(), receiver.host(), Subnet::new(1)).expect("a cable");
    let stage = Stage::new(sender, receiver);
    kill_until(&stage, number("SOCKEYE_TEST_KILLS").unwrap_or(KILLS) / 10, seed());
}

/// Large enough to be stopped on the way.
const LARGE: usize = 512 * MIB;

/// A transfer of one large file of which a quarter at least has been received and written through.
fn partly_done() -> (Machine, Machine, Process, Process, Code) {
    let (sender, receiver) = crate::machine::pair();
    sender.file("large", tree::bytes(1, LARGE));
    let sends = sender.send(&["large"]);
    let code = sends.code();
    let receives = receiver.accept(&code.with_address(), &[]);
    receives.progress(LARGE as u64 / 4);
    sends.pause();
    wait_for_journal(&receiver, LARGE as u64 / 4);
    sends.resume();
    (sender, receiver, sends, receives, code)
}

/// Waits until the receiver's journal vouches for so many bytes: it has a digest of 32 bytes for each block of 256 KiB.
fn wait_for_journal(receiver: &Machine, bytes: u64) {
    let wanted = bytes / (256 << 10) * 32;
    let deadline = Instant::now() + PATIENCE;
    let journal = || {
        let staging = fs::read_dir(receiver.inbox())
            .ok()?
            .flatten()
            .find(|entry| entry.file_name().to_string_lossy().starts_with(".sockeye-"))?;
        fs::metadata(staging.path().join("journal")).ok()
    };
    while journal().is_none_or(|journal| journal.len() < wanted) {
        assert!(Instant::now() < deadline, "the journal does not grow to {wanted} bytes");
        thread::sleep(POLL);
    }
}

#[track_caller]
fn arrived(sender: &Machine, receiver: &Machine) {
    tree::assert_same(&sender.path("large"), &receiver.path("in/large"));
    tree::assert_no_staging(&receiver.inbox());
}

#[test]
fn a_receiver_goes_on_from_its_journal_with_the_same_command() {
    let (sender, receiver, sends, receives, code) = partly_done();
    receives.kill();
    assert!(!receiver.path("in/large").exists());
    let receives = receiver.accept(&code.with_address(), &[]);
    let received = receives.end();
    received.exits(0);
    let sent = sends.end();
    sent.exits(0);
    arrived(&sender, &receiver);
    assert_eq!(sent.all("reconnecting").len(), 1, "{sent:?}");
    for side in [&sent, &received] {
        assert!(side.count("bytes_here") >= LARGE as u64 / 4, "{side:?}");
        assert!(side.lane_bytes() < LARGE as u64 * 3 / 4 + MIB as u64, "{side:?}");
    }
}

#[test]
fn a_killed_sender_is_waited_for() {
    let (sender, receiver, sends, receives, _) = partly_done();
    sends.kill();
    receives.event("reconnecting");
    assert!(!receiver.path("in/large").exists());
    let sent = sender.send(&["large"]).end();
    sent.exits(0);
    let received = receives.end();
    received.exits(0);
    arrived(&sender, &receiver);
    assert_eq!(received.done()["stats"]["reconnects"], 1, "{received:?}");
    assert!(sent.lane_bytes() < LARGE as u64 * 3 / 4 + MIB as u64, "{sent:?}");
}

#[test]
fn both_killed_go_on_with_the_same_commands() {
    let (sender, receiver, sends, receives, code) = partly_done();
    receives.kill();
    sends.kill();
    let sends = sender.send(&["large"]);
    let new = sends.code();
    assert_eq!(new.code.split('-').next(), code.code.split('-').next(), "the number stays");
    // The code of the first time is what the person there will repeat.
    let received = receiver.accept(&code.with_address(), &[]).end();
    received.exits(0);
    sends.end().exits(0);
    arrived(&sender, &receiver);
    assert!(received.lane_bytes() < LARGE as u64 * 3 / 4 + MIB as u64, "{received:?}");
}
