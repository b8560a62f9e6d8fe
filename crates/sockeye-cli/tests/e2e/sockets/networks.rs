//! Broadcast and groups between namespaces: real interfaces, a real switch.

use sockeye_lab::{Interface, Lab, Namespace, Subnet, Switch, skip};

use super::*;
use crate::process::Ended;

/// Four hosts at a switch; the last one sends. All have `eth0`.
struct Class {
    hosts: Vec<Namespace>,
    interfaces: Vec<Interface>,
    _switch: Switch,
}

impl Class {
    fn new() -> Self {
        let mut switch = Switch::new("switch", Subnet::new(1)).unwrap();
        let mut hosts = Vec::new();
        let mut interfaces = Vec::new();
        for name in ["ann", "bob", "cat", "dan"] {
            let host = Namespace::new(name).unwrap();
            interfaces.push(switch.attach(&host).unwrap());
            hosts.push(host);
        }
        Self { hosts, interfaces, _switch: switch }
    }

    fn listen(&self, host: usize, arguments: &[&str]) -> Process {
        let mut command = self.hosts[host].command(PROGRAM);
        command.args(["listen", "--json"]).args(arguments).stdin(Stdio::null());
        let process = Process::start("listener", command);
        process.event("listening");
        process
    }

    fn send(&self, host: usize, endpoint: &str) -> Ended {
        let mut command = self.hosts[host].command(PROGRAM);
        command.args(["connect", "--json", "--on-eof", "close", endpoint]).stdin(Stdio::piped());
        feed(Process::start("sender", command), b"dinner\n").end()
    }

    /// Sends from the last host until all have heard, for a switch needs a moment to learn who is where.
    fn all_hear(&self, listeners: Vec<Process>, endpoint: &str) -> Vec<Ended> {
        self.send(3, endpoint).exits(0);
        listeners.into_iter().map(Process::end).collect()
    }
}

#[test]
fn l15_a_broadcast_reaches_three_hosts() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let class = Class::new();
    for (listen, send) in [
        ("udp4://:9999", "udp://10.77.1.255:9999?broadcast"),
        ("udp://10.77.1.255:9999", "udp://10.77.1.255:9999?broadcast"),
        ("udp://:9999", "udp://<broadcast>:9999?broadcast&iface=eth0"),
        ("udp4://:9999", "udp://255.255.255.255:9999?broadcast&iface=eth0"),
    ] {
        let listeners = (0..3).map(|host| class.listen(host, &["--count", "1", listen])).collect();
        for ended in class.all_hear(listeners, send) {
            let message = ended.exits(0).only("msg");
            assert_eq!(message["text"], "dinner", "{listen} {send}");
            assert!(message["peer"].as_str().unwrap().starts_with("10.77.1.4:"), "{message}");
        }
    }
    let mut refused = class.hosts[3].command(PROGRAM);
    refused.args(["connect", "--json", "udp://10.77.1.255:9999"]).stdin(Stdio::piped());
    feed(Process::start("sender", refused), b"x\n").end().exits(1).says("network", "?broadcast");
}

#[test]
fn l15_groups_reach_those_who_joined_on_the_interface_named() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let class = Class::new();
    for group in
        ["udp://239.77.1.1:9999?iface=eth0", "udp://[ff05::77]:9999?iface=eth0", "udp://[ff02::77%eth0]:9999"]
    {
        let listeners = (0..3).map(|host| class.listen(host, &["--count", "1", group])).collect();
        for ended in class.all_hear(listeners, group) {
            assert_eq!(ended.exits(0).only("msg")["text"], "dinner", "{group}");
        }
    }
}

#[test]
fn l15_a_group_for_one_sender_does_not_hear_another() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let class = Class::new();
    let address = |host: usize, v6: bool| {
        let interface = &class.interfaces[host];
        if v6 { interface.ipv6.unwrap().to_string() } else { interface.ipv4.unwrap().to_string() }
    };
    for (group, v6) in
        [("udp://232.77.1.1:9999?iface=eth0", false), ("udp://[ff35::8000:77]:9999?iface=eth0", true)]
    {
        let listen = format!("{group}&source={}", address(3, v6));
        let listener = class.listen(0, &["--count", "1", &listen]);
        class.send(2, group).exits(0);
        class.send(3, group).exits(0);
        let ended = listener.end();
        let peer = ended.exits(0).only("msg")["peer"].as_str().unwrap().to_owned();
        assert!(peer.contains(&address(3, v6)), "only its sender is heard: {peer}");
    }
}

#[test]
fn a_host_without_a_route_is_told_so() {
    if let Err(why) = Lab::available() {
        skip!("{why}");
    }
    let class = Class::new();
    let run = |arguments: &[&str]| {
        let mut command = class.hosts[0].command(PROGRAM);
        command.args(["connect", "--json"]).args(arguments).stdin(Stdio::null());
        Process::start("caller", command).end()
    };
    run(&["198.51.100.7:9"]).exits(1).says("network", "no route leads there");
    run(&["-w", "300ms", "10.77.1.99:9"]).exits(4).says("timed_out", "does a firewall drop");
    let link_local = class.interfaces[1].link_local.unwrap();
    let listener = class.listen(1, &["-f", "line", "tcp6://:9000"]);
    let mut command = class.hosts[0].command(PROGRAM);
    command.args(["connect", "-f", "line", &format!("tcp://[{link_local}%eth0]:9000")]).stdin(Stdio::piped());
    feed(Process::start("caller", command), b"hello\n").end().exits(0);
    assert_eq!(texts(listener.end().exits(0)), ["hello"]);
}
