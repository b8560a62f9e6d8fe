//! One sender, several receivers: what crosses the network once reaches everybody.

use std::{collections::BTreeSet, fs};

use sockeye_lab::{Filter, Lab, Subnet, Switch, record_skip, skip};

use crate::{
    MIB,
    disks::Mount,
    machine::{Machine, typed},
    meetings::RESETS,
    process::{Code, Ended, Process},
    tree,
};

/// A sender and receivers on one switch that watches who listens to which group.
struct Class {
    // Processes end before their machines go; machines before the switch.
    sender: Machine,
    receivers: Vec<Machine>,
    _switch: Switch,
}

impl Class {
    fn new(receivers: usize) -> Self {
        let mut switch = Switch::snooping("switch", Subnet::new(1)).expect("a switch");
        let mut machine = |label| {
            let machine = Machine::in_namespace(label);
            switch.attach(machine.host()).expect("a cable");
            machine
        };
        let sender = machine("sender");
        let receivers = (0..receivers).map(|_| machine("receiver")).collect();
        // Otherwise one drop takes a whole batch with it: the tests are harder then, not wrong.
        if let Err(why) = sender.host().run("ethtool", ["-K", "eth0", "tx-udp-segmentation", "off"]) {
            record_skip("many", format_args!("batches are not cut up before they are dropped: {why}"));
        }
        Self { sender, receivers, _switch: switch }
    }

    fn send(&self, arguments: &[&str]) -> (Process, Code) {
        let mut words = vec!["--many"];
        words.extend(arguments);
        let sends = self.sender.send(&words);
        let code = sends.code();
        (sends, code)
    }

    /// Sends the file to all, who have it by packets and next to nothing of it by their lanes.
    fn goes_by_packets(&self, arguments: &[&str]) {
        let (sends, code) = self.send(arguments);
        for received in end_all(self.receive(&code)) {
            received.exits(0);
            assert!(by_lane(&received) < 100_000, "{received:?}");
        }
        sends.end().exits(0);
        self.all_have("file");
    }

    fn receive(&self, code: &Code) -> Vec<Process> {
        self.receivers.iter().map(|receiver| receiver.accept(&typed(receiver, code), &[])).collect()
    }

    fn file(&self, mebibytes: usize) {
        self.sender.file("file", tree::bytes(1, mebibytes * MIB));
    }

    #[track_caller]
    fn all_have(&self, name: &str) {
        for receiver in &self.receivers {
            tree::assert_same(&self.sender.path(name), &receiver.path(format!("in/{name}")));
            tree::assert_no_staging(&receiver.inbox());
        }
    }
}

fn end_all(processes: Vec<Process>) -> Vec<Ended> {
    processes.into_iter().map(Process::end).collect()
}

#[track_caller]
fn all_exit_with_0(ended: &[Ended]) {
    for ended in ended {
        ended.exits(0);
    }
}

/// Of each receiver at the end, in the order of coming: how far it came, and whether packets reached it.
fn outcomes(sent: &Ended) -> Vec<(String, bool)> {
    let receivers = sent.done()["receivers"].as_array().expect("receivers").clone();
    let outcome = |receiver: &serde_json::Value| {
        (receiver["phase"].as_str().unwrap_or_default().to_owned(), receiver["packets"] == true)
    };
    receivers.iter().map(outcome).collect()
}

/// Bytes of data on the lane, which is each receiver's own.
fn by_lane(received: &Ended) -> u64 {
    received.lane_bytes()
}

macro_rules! needs_namespaces {
    () => {
        if let Err(why) = Lab::available() {
            skip!("{why}");
        }
    };
}

#[test]
fn three_on_this_machine_get_a_picture() {
    let sender = Machine::new("sender");
    let receivers: Vec<_> = (0..3).map(|_| Machine::new("receiver")).collect();
    sender.file("picture.png", tree::bytes(7, 2 * MIB + 17));
    sender.file("empty", "");
    let sends = sender.send(&["--many", "--receivers", "3", "picture.png", "empty"]);
    let code = sends.code();
    let receives: Vec<_> =
        receivers.iter().map(|receiver| receiver.accept(&code.with_address(), &[])).collect();
    let mut fingerprints = BTreeSet::new();
    for (received, receiver) in end_all(receives).iter().zip(&receivers) {
        received.exits(0);
        for name in ["picture.png", "empty"] {
            tree::assert_same(&sender.path(name), &receiver.path(format!("in/{name}")));
        }
        assert!(by_lane(received) < 100_000, "the data came in packets: {received:?}");
        fingerprints.insert(received.only("fingerprint")["words"].to_string());
    }
    let sent = sends.end();
    sent.exits(0);
    assert_eq!(outcomes(&sent), vec![("done".to_owned(), true); 3]);
    let words = sent.only("fingerprint")["words"].clone();
    assert_eq!(words.as_str().map(|words| words.split('-').count()), Some(4), "{words}");
    assert_eq!(fingerprints, BTreeSet::from([words.to_string()]), "the same on every screen");
}

#[test]
fn a_class_gets_a_tree_though_half_lose_packets_and_one_is_killed() {
    needs_namespaces!();
    let class = Class::new(7);
    class.sender.file("tree/large", tree::bytes(1, 44 * MIB));
    for number in 0..200u32 {
        class.sender.file(format!("tree/{}/{number}", number % 7), tree::bytes(number.into(), 3_000));
    }
    class.sender.directory("tree/empty");
    tree::link(&class.sender.path("tree/link"), "large");
    if Lab::filters().is_ok() {
        for receiver in class.receivers.iter().skip(3) {
            receiver.host().filter(Filter::incoming().udp().ratio(0.01)).expect("loss");
        }
    }
    let (sends, code) = class.send(&["--receivers", "7", "--max-rate", "6M", "tree"]);
    let mut receives = class.receive(&code);
    // What was received in the first five seconds is in the journal by then.
    receives[5].progress(38 * MIB as u64);
    receives.remove(5).kill();
    assert!(!class.receivers[5].path("in/tree/large").exists());
    let again = class.receivers[5].accept(&code.code, &[]);
    let resumed = again.end();
    resumed.exits(0);
    assert!(resumed.count("bytes_here") >= 4 * MIB as u64, "{resumed:?}");
    for received in end_all(receives) {
        received.exits(0);
    }
    let sent = sends.end();
    sent.exits(0);
    assert_eq!(outcomes(&sent), vec![("done".to_owned(), true); 7], "{sent:?}");
    class.all_have("tree");
}

#[test]
fn who_hears_no_packets_gets_everything_by_its_connection() {
    needs_namespaces!();
    if let Err(why) = Lab::filters() {
        skip!("{why}");
    }
    let class = Class::new(3);
    class.file(4);
    class.receivers[1].host().filter(Filter::incoming().udp().to_port(46_711)).expect("a filter");
    let (sends, code) = class.send(&["--receivers", "3", "file"]);
    let received = end_all(class.receive(&code));
    all_exit_with_0(&received);
    let sent = sends.end();
    sent.exits(0);
    class.all_have("file");
    let lanes: Vec<_> = received.iter().map(|received| by_lane(received) > 4 * MIB as u64).collect();
    assert_eq!(lanes, [false, true, false]);
    assert_eq!(outcomes(&sent).iter().filter(|(_, packets)| *packets).count(), 2, "{sent:?}");
}

#[test]
fn who_hears_no_packets_any_more_gets_the_rest_by_its_connection() {
    needs_namespaces!();
    if let Err(why) = Lab::filters() {
        skip!("{why}");
    }
    let class = Class::new(2);
    class.file(24);
    let (sends, code) = class.send(&["--receivers", "2", "--max-rate", "6M", "file"]);
    let receives = class.receive(&code);
    receives[0].progress(6 * MIB as u64);
    class.receivers[0].host().filter(Filter::incoming().udp()).expect("a filter");
    let received = end_all(receives);
    all_exit_with_0(&received);
    sends.end().exits(0);
    class.all_have("file");
    let lane = by_lane(&received[0]);
    assert!((MIB as u64..20 * MIB as u64).contains(&lane), "{lane}");
}

#[test]
fn who_comes_late_is_served_too() {
    needs_namespaces!();
    let class = Class::new(4);
    class.file(16);
    let (sends, code) = class.send(&["--start", "now", "--max-rate", "5M", "file"]);
    let mut receives = vec![class.receivers[0].accept(&code.code, &[])];
    for (receiver, mebibytes) in class.receivers[1..].iter().zip([3, 6, 9]) {
        receives[0].progress(mebibytes * MIB as u64);
        receives.push(receiver.accept(&code.code, &[]));
    }
    let received = end_all(receives);
    all_exit_with_0(&received);
    let sent = sends.end();
    sent.exits(0);
    class.all_have("file");
    for received in &received {
        assert!(by_lane(received) < MIB as u64, "what was missed came in packets: {received:?}");
    }
}

#[test]
fn a_sender_that_was_killed_goes_on_with_the_same_command() {
    needs_namespaces!();
    let class = Class::new(3);
    class.file(24);
    let (sends, code) = class.send(&["--receivers", "3", "--max-rate", "6M", "file"]);
    let receives = class.receive(&code);
    receives[2].progress(12 * MIB as u64);
    sends.kill();
    for receives in &receives {
        receives.event("reconnecting");
    }
    let (sends, _) = class.send(&["--receivers", "3", "file"]);
    for received in end_all(receives) {
        received.exits(0);
        assert!(received.count("bytes_here") >= 4 * MIB as u64, "{received:?}");
    }
    sends.end().exits(0);
    class.all_have("file");
}

#[test]
fn a_control_connection_that_is_reset_while_packets_flow_is_made_again() {
    needs_namespaces!();
    let class = Class::new(3);
    class.file(16);
    let (sends, code) = class.send(&["--receivers", "3", "--max-rate", "5M", "file"]);
    let receives = class.receive(&code);
    receives[1].progress(4 * MIB as u64);
    let host = class.receivers[1].host();
    if let Err(why) = host.run("nft", ["-f", RESETS]) {
        skip!("no resets without nft and its reject: {why}");
    }
    receives[1].event("reconnecting");
    host.run("nft", ["delete", "table", "inet", "resets"]).expect("the rule goes");
    let received = end_all(receives);
    all_exit_with_0(&received);
    sends.end().exits(0);
    class.all_have("file");
    assert!(received[1].done()["stats"]["reconnects"].as_u64() >= Some(1), "{:?}", received[1]);
}

#[test]
fn one_that_declines_or_has_no_room_does_not_stop_the_others() {
    needs_namespaces!();
    let class = Class::new(3);
    class.file(4);
    fs::write(class.receivers[1].path("in/file"), "something else").expect("a file");
    let (sends, code) = class.send(&["--receivers", "2", "file"]);
    let small = class.receivers[2].accept(&code.code, &["--max-size", "1M"]).end();
    small.exits(5);
    let received: Vec<_> =
        class.receivers[..2].iter().map(|receiver| receiver.accept(&code.code, &[])).collect();
    let received = end_all(received);
    received[0].exits(0);
    received[1].exits(11);
    let sent = sends.end();
    sent.exits(11);
    tree::assert_same(&class.sender.path("file"), &class.receivers[0].path("in/file"));
    assert_eq!(fs::read(class.receivers[1].path("in/file")).expect("a file"), b"something else");
}

#[test]
fn a_full_disk_of_one_of_eight_is_its_own_trouble() {
    let (sender, receivers) = (Machine::new("sender"), [(); 8].map(|()| Machine::new("receiver")));
    let _mount = match Mount::new(receivers[3].inbox(), 4 * MIB) {
        Ok(mount) => mount,
        Err(why) => skip!("no small file system can be mounted: {why}"),
    };
    sender.file("tree/a small", tree::bytes(1, 1000));
    sender.file("tree/large", tree::bytes(2, 12 * MIB));
    let sends = sender.send(&["--many", "--receivers", "8", "--max-rate", "12M", "tree"]);
    let code = sends.code().with_address();
    let receives = receivers.iter().map(|receiver| receiver.accept(&code, &[])).collect();
    for (number, (received, receiver)) in end_all(receives).iter().zip(&receivers).enumerate() {
        if number == 3 {
            received.exits(7).says("local_io", "no space left");
            assert!(!receiver.path("in/tree/large").exists(), "half a file has the final name");
        } else {
            received.exits(0);
            tree::assert_same(&sender.path("tree"), &receiver.path("in/tree"));
        }
    }
    let sent = sends.end();
    sent.exits(11);
    let failed: Vec<_> = outcomes(&sent).into_iter().filter(|(phase, _)| phase != "done").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
}

#[test]
fn sixteen_who_join_at_once_while_it_runs_are_served() {
    let (sender, receivers) = (Machine::new("sender"), [(); 17].map(|()| Machine::new("receiver")));
    sender.file("file", tree::bytes(9, 12 * MIB));
    let sends = sender.send(&["--many", "--start", "now", "--max-rate", "5M", "file"]);
    let code = sends.code().with_address();
    let mut receives = vec![receivers[0].accept(&code, &[])];
    receives[0].progress(2 * MIB as u64);
    receives.extend(receivers[1..].iter().map(|receiver| receiver.accept(&code, &[])));
    let received = end_all(receives);
    all_exit_with_0(&received);
    for receiver in &receivers {
        tree::assert_same(&sender.path("file"), &receiver.path("in/file"));
    }
    assert_eq!(outcomes(&sends.end()), vec![("done".to_owned(), true); 17]);
}

/// The budgets: of a sender, for each of its receivers, and of a receiver.
const SENDER_MEMORY: u64 = 128 << 20;
const MEMORY_FOR_EACH: u64 = 32 << 10;
const RECEIVER_MEMORY: u64 = 96 << 20;

#[test]
fn memory_is_bounded_whatever_the_size() {
    let (sender, receivers) = (Machine::new("sender"), [(); 3].map(|()| Machine::new("receiver")));
    // Mostly holes, so that it costs the disk of the sender nothing.
    let path = sender.file("large", tree::bytes(9, MIB));
    fs::File::options().write(true).open(&path).and_then(|file| file.set_len(384 << 20)).expect("a file");
    let sends = sender.send(&["--many", "--receivers", "3", "large"]);
    let sender_memory = sends.watch_memory();
    let code = sends.code().with_address();
    let receives: Vec<_> = receivers.iter().map(|receiver| receiver.accept(&code, &[])).collect();
    let memory: Vec<_> = receives.iter().map(Process::watch_memory).collect();
    all_exit_with_0(&end_all(receives));
    sends.end().exits(0);
    let took = sender_memory.join().expect("it watched");
    assert!((1..SENDER_MEMORY + 3 * MEMORY_FOR_EACH).contains(&took), "the sender took {took} bytes");
    for memory in memory {
        let took = memory.join().expect("it watched");
        assert!((1..RECEIVER_MEMORY).contains(&took), "a receiver took {took} bytes");
    }
}

#[test]
fn a_source_that_changes_after_it_was_listed_concerns_nothing_else() {
    let (sender, receivers) = (Machine::new("sender"), [Machine::new("receiver"), Machine::new("receiver")]);
    for name in ["tree/changes", "tree/stays"] {
        sender.file(name, tree::bytes(5, 2 * MIB));
    }
    let sends = sender.send(&["--many", "--receivers", "2", "tree"]);
    let code = sends.code().with_address();
    sends.event("listed");
    sender.file("tree/changes", tree::bytes(6, MIB));
    let receives: Vec<_> = receivers.iter().map(|receiver| receiver.accept(&code, &[])).collect();
    for (received, receiver) in end_all(receives).iter().zip(&receivers) {
        received.exits(11);
        tree::assert_same(&sender.path("tree/stays"), &receiver.path("in/tree/stays"));
        assert!(!receiver.path("in/tree/changes").exists());
        assert_eq!(received.failures()[&b"tree/changes"[..]], "source_changed");
    }
    sends.end().exits(11);
}

#[test]
fn one_who_does_not_answer_does_not_keep_the_others_waiting() {
    let (sender, receivers) = (Machine::new("sender"), [Machine::new("receiver"), Machine::new("receiver")]);
    sender.file("file", tree::bytes(5, MIB));
    let sends = sender.send(&["--many", "--wait", "1s", "file"]);
    let code = sends.code().with_address();
    // Stopped as soon as it has met the sender: it never says what it needs.
    let silent = receivers[0].accept(&code, &[]);
    silent.event("paired");
    silent.pause();
    let received = receivers[1].accept(&code, &[]).end();
    received.exits(0);
    tree::assert_same(&sender.path("file"), &receivers[1].path("in/file"));
    silent.kill();
    sends.end().exits(11);
}

#[test]
fn without_anybody_to_press_enter_it_says_how_to_begin() {
    let sender = Machine::new("sender");
    sender.file("file", "x");
    let ended = sender.send(&["--many", "file"]).end();
    ended.exits(2).says("usage", "--receivers");
}

#[test]
fn by_broadcast_where_groups_are_not_wanted() {
    needs_namespaces!();
    let class = Class::new(2);
    class.file(2);
    class.goes_by_packets(&["--broadcast", "--wait", "1s", "file"]);
}

#[test]
fn over_ipv6_alone() {
    needs_namespaces!();
    let class = Class::new(2);
    for machine in class.receivers.iter().chain([&class.sender]) {
        machine.host().remove_ipv4().expect("no IPv4");
    }
    class.file(2);
    class.goes_by_packets(&["--receivers", "2", "file"]);
}

#[test]
fn a_way_that_fails_does_not_stop_the_others() {
    needs_namespaces!();
    let class = Class::new(2);
    class.file(2);
    // The sender's IPv6 address is on trial for a minute: nothing can be sent from it (RFC 4862 §5.4).
    let on_trial = "cd /proc/sys/net/ipv6/conf/eth0 && echo 1 >accept_dad && echo 60 >dad_transmits && \
                    ip -6 address flush dev eth0 && ip -6 address add fe80::5/64 dev eth0";
    class.sender.host().run("sh", ["-c", on_trial]).expect("an address on trial");
    class.goes_by_packets(&["--receivers", "2", "file"]);
}

/// Hears a group and sends everything again: as it was, changed, cut, and longer.
const OUTSIDER: &str = r#"
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
group = sys.argv[1]
s.bind((group, 46711))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
out.bind(("127.0.0.1", 0))
mine = out.getsockname()
print("ready", flush=True)
old = []
while True:
    packet, source = s.recvfrom(2048)
    if source == mine:
        continue
    old = old[-500:] + [packet]
    changed = bytearray(packet)
    changed[len(packet) * 7 // 11] ^= 1
    counter = bytearray(packet)
    counter[4] ^= 0x40
    for again in (packet, old[0], bytes(changed), bytes(counter), packet[:40], packet + b"more", b"\x11"):
        out.sendto(again, (group, 46711))
"#;

#[test]
fn an_outsider_who_repeats_and_invents_packets_changes_nothing() {
    let (sender, receivers) = (Machine::new("sender"), [Machine::new("receiver"), Machine::new("receiver")]);
    let group = format!("239.255.77.{}", std::process::id() % 250 + 1);
    let mut command = sender.command("python3");
    command.args(["-c", OUTSIDER, &group]);
    let outsider = sender.start(command);
    outsider.line("ready");
    sender.file("file", tree::bytes(3, 3 * MIB));
    let sends = sender.send(&["--many", "--receivers", "2", "--group", &group, "--max-rate", "3M", "file"]);
    let code = sends.code().with_address();
    let receives: Vec<_> = receivers.iter().map(|receiver| receiver.accept(&code, &[])).collect();
    for (received, receiver) in end_all(receives).iter().zip(&receivers) {
        received.exits(0);
        tree::assert_same(&sender.path("file"), &receiver.path("in/file"));
        assert!(by_lane(received) < MIB as u64, "{received:?}");
    }
    sends.end().exits(0);
    outsider.kill();
}

/// A TCP flow that takes what it gets, with the congestion control that most systems have.
const TCP: &str = r#"
import socket, sys
s = socket.socket()
if sys.argv[1] == "sink":
    s.bind((sys.argv[2], 47000))
    s.listen()
    print("ready", flush=True)
    s = s.accept()[0]
    while s.recv(1 << 20):
        pass
else:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    s.connect((sys.argv[2], 47000))
    print("ready", flush=True)
    while True:
        s.sendall(bytes(1 << 16))
"#;

/// What came in from its cable.
fn bytes_in(machine: &Machine) -> f64 {
    let counters = machine.host().run("cat", ["/proc/net/dev"]).expect("counters");
    let line = counters.lines().find_map(|line| line.trim().strip_prefix("eth0:")).expect("eth0");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

/// Where the group's data and a TCP flow queue together.
#[derive(Clone, Copy)]
enum Bottleneck {
    /// In front of the receiver: TCP comes from another machine.
    OnTheWay,
    /// At the sender's own device: TCP comes from the sender.
    OwnDevice,
}

#[test]
fn beside_a_tcp_flow_both_get_a_share_of_the_link() {
    both_get_a_share(Bottleneck::OnTheWay);
}

#[test]
fn beside_a_tcp_flow_both_get_a_share_of_the_own_device() {
    both_get_a_share(Bottleneck::OwnDevice);
}

fn both_get_a_share(at: Bottleneck) {
    needs_namespaces!();
    let mut switch = Switch::new("switch", Subnet::new(1)).expect("a switch");
    let [sender, other, receiver] = ["sender", "other", "receiver"].map(|label| {
        let machine = Machine::in_namespace(label);
        switch.attach(machine.host()).expect("a cable");
        machine
    });
    // 100 Mbit/s to the receiver, with room for 50 ms, behind which both flows queue.
    let (device, namespace, source) = match at {
        Bottleneck::OnTheWay => ("port3", switch.namespace(), &other),
        Bottleneck::OwnDevice => ("eth0", sender.host(), &sender),
    };
    let limit = format!("qdisc add dev {device} root tbf rate 100mbit burst 32kb limit 625kb");
    if let Err(why) = namespace.run("tc", limit.split(' ')) {
        skip!("no link can be made slow: {why}");
    }
    let address = Subnet::new(1).ipv4(3).expect("an address").to_string();
    let tcp = |machine: &Machine, role| {
        let mut command = machine.command("python3");
        command.args(["-c", TCP, role, &address]);
        machine.start(command)
    };
    let sink = tcp(&receiver, "sink");
    sink.line("ready");
    sender.file("file", tree::bytes(1, 40 * MIB));
    let start_tcp = || {
        let source = tcp(source, "source");
        source.line("ready");
        source
    };
    // The harder way round at each: who comes second at the own device, first on the way.
    let first = matches!(at, Bottleneck::OwnDevice).then(start_tcp);
    let sends = sender.send(&["--many", "--receivers", "1", "file"]);
    let receives = receiver.accept(&typed(&receiver, &sends.code()), &[]);
    receives.progress(4 * MIB as u64);
    let source = first.unwrap_or_else(start_tcp);
    let measure = |at_least: usize| {
        let event = receives.progress((at_least * MIB) as u64);
        (event["bytes"].as_f64().expect("bytes"), bytes_in(&receiver))
    };
    let ((ours, all), (ours_later, all_later)) = (measure(16), measure(34));
    source.kill();
    sink.kill();
    receives.end().exits(0);
    sends.end().exits(0);
    let share = (ours_later - ours) / (all_later - all);
    assert!((0.25..0.75).contains(&share), "{share} of the link beside TCP");
    tree::assert_same(&sender.path("file"), &receiver.path("in/file"));
}
