//! Between network namespaces: a real kernel, real broadcasts and groups, and nothing leaves the machine.
//!
//! Each side is this test program again, run inside a namespace with a role in its environment. Needs root and `ip`;
//! elsewhere the tests say that they are skipped.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use sockeye_net::{ListenTcp, PortChoice, listen_tcp};
use tokio::net::TcpStream;

use super::{super::*, PATIENCE, skipped};

/// The role of a child, as words.
const ROLE: &str = "SOCKEYE_TEST_DISCOVERY_ROLE";
/// In front of what a child has to say, to tell it from the test harness.
const SAYS: &str = "@@ ";

static SERIAL: AtomicU32 = AtomicU32::new(0);

fn run(words: &str) -> bool {
    let mut words = words.split(' ');
    let program = words.next().expect("a program");
    Command::new(program)
        .args(words)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// A network namespace with its loopback interface up, removed when dropped.
struct Namespace(String);

impl Namespace {
    /// `None`, and a line that says so, where namespaces are not allowed.
    fn new() -> Option<Self> {
        let name = format!("skd{}x{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
        if !run(&format!("ip netns add {name}")) {
            skipped("network namespaces need root and ip");
            return None;
        }
        Some(Self(name))
    }

    fn ip(&self, words: &str) {
        assert!(run(&format!("ip -n {} {words}", self.0)), "ip -n {} {words}", self.0);
    }

    /// Runs this test program here, as `role`.
    fn start(&self, role: &str) -> Program {
        let this = env::current_exe().unwrap();
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.0])
            .arg(this)
            .args(["--exact", "--nocapture", "discovery::tests::namespaces::child"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (say, said) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some((_, text)) = line.split_once(SAYS) {
                    let _ = say.send(text.to_owned());
                }
            }
        });
        Program { child, stdin, said }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        run(&format!("ip netns del {}", self.0));
    }
}

/// A child; it ends when its standard input does.
struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Program {
    fn says(&self) -> String {
        self.said.recv_timeout(PATIENCE).expect("the child says something in time")
    }

    /// Waits until it has said a line that fits.
    fn says_that(&self, fits: impl Fn(&str) -> bool) -> String {
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            let line = self.says();
            if fits(&line) {
                return line;
            }
        }
        panic!("the child did not say it in time")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// Joins two namespaces by a link of this name on both sides.
fn link(left: &Namespace, right: &Namespace, name: &str) {
    let words = format!("link add {name} type veth peer name {name} netns {}", right.0);
    left.ip(&words);
    for side in [left, right] {
        // Addresses are given by hand, so that none has to be probed for duplicates first.
        side.ip(&format!("link set {name} addrgenmode none"));
        side.ip(&format!("link set {name} up"));
    }
}

fn give(side: &Namespace, name: &str, addresses: &[&str]) {
    for address in addresses {
        let nodad = if address.contains(':') { " nodad" } else { "" };
        side.ip(&format!("addr add {address} dev {name}{nodad}"));
    }
}

/// Two namespaces with these links; each link has addresses for the left and for the right.
fn pair(links: &[(&str, &[&str], &[&str])]) -> Option<(Namespace, Namespace)> {
    let (left, right) = (Namespace::new()?, Namespace::new()?);
    for (name, left_addresses, right_addresses) in links {
        link(&left, &right, name);
        give(&left, name, left_addresses);
        give(&right, name, right_addresses);
    }
    Some((left, right))
}

/// What a search says: `found ADDRESS…`, each address that can be dialled.
fn found(search: &Program, addresses: &[&str]) -> String {
    search.says_that(|line| {
        line.starts_with("found ")
            && addresses.iter().all(|address| line.split(' ').any(|word| word == *address))
    })
}

#[test]
fn ipv4_only() {
    let Some((left, right)) = pair(&[("v0", &["10.77.1.1/24"], &["10.77.1.2/24"])]) else { return };
    let sender = left.start("announce 4821");
    assert_eq!(sender.says(), "announcing");
    let search = right.start("search 4821");
    assert_eq!(found(&search, &["10.77.1.1"]), "found 10.77.1.1");
}

#[test]
fn ipv6_only_with_nothing_but_link_local_addresses() {
    let Some((left, right)) = pair(&[("v0", &["fe80::1/64"], &["fe80::2/64"])]) else { return };
    let search = right.start("search 4821");
    assert_eq!(search.says(), "searching");
    let _sender = left.start("announce 4821");
    assert_eq!(found(&search, &["fe80::1%v0"]), "found fe80::1%v0");
}

#[test]
fn two_interfaces_each_and_both_families() {
    let links: &[(&str, &[&str], &[&str])] = &[
        ("v0", &["10.77.1.1/24", "fe80::1/64"], &["10.77.1.2/24", "fe80::2/64"]),
        ("v1", &["10.77.2.1/24", "fe80::1/64"], &["10.77.2.2/24", "fe80::2/64"]),
    ];
    let Some((left, right)) = pair(links) else { return };
    let _sender = left.start("announce 4821");
    let search = right.start("search 4821");
    found(&search, &["10.77.1.1", "10.77.2.1", "fe80::1%v0", "fe80::1%v1"]);
    drop(search);
    let only_one = right.start("search 4821 v1");
    let line = found(&only_one, &["10.77.2.1", "fe80::1%v1"]);
    assert!(!line.contains("10.77.1.1") && !line.contains("%v0"), "{line}");
    drop(only_one);
    let only_v6 = right.start("search 4821 v0 6");
    assert_eq!(found(&only_v6, &["fe80::1%v0"]), "found fe80::1%v0");
}

/// The same network on both interfaces, as with a cable and a wireless network of one router: by address alone nobody
/// could tell them apart.
#[test]
fn two_interfaces_on_one_network() {
    let links: &[(&str, &[&str], &[&str])] =
        &[("v0", &["169.254.1.1/16"], &["169.254.1.2/16"]), ("v1", &["169.254.2.1/16"], &["169.254.2.2/16"])];
    let Some((left, right)) = pair(links) else { return };
    let _sender = left.start("announce 4821 v1");
    let search = right.start("search-only 4821 v1");
    search.says_that(|line| line == "found 169.254.2.1");
}

/// Queries and answers of two programs of one machine, by an interface that is not loopback.
#[test]
fn two_programs_of_one_machine() {
    let links: &[(&str, &[&str], &[&str])] = &[("v0", &["10.77.1.1/24", "fe80::1/64"], &[])];
    let Some((left, _right)) = pair(links) else { return };
    // What goes to an address of one's own takes this way, whichever interface it names.
    left.ip("link set lo up");
    let _sender = left.start("announce 4821 v0");
    for (family, address) in [("4", "10.77.1.1"), ("6", "fe80::1%v0")] {
        let search = left.start(&format!("search 4821 v0 {family}"));
        assert_eq!(found(&search, &[address]), format!("found {address}"));
    }
}

#[test]
fn an_interface_that_comes_later_is_used() {
    let (Some(left), Some(right)) = (Namespace::new(), Namespace::new()) else { return };
    for side in [&left, &right] {
        side.ip("link set lo up");
    }
    let sender = left.start("announce 4821");
    assert_eq!(sender.says(), "announcing");
    let search = right.start("search 4821");
    assert_eq!(search.says(), "searching");
    link(&left, &right, "v0");
    give(&left, "v0", &["10.77.1.1/24"]);
    give(&right, "v0", &["10.77.1.2/24"]);
    found(&search, &["10.77.1.1"]);
}

#[test]
fn without_any_network() {
    let Some(alone) = Namespace::new() else { return };
    assert_eq!(alone.start("search 4821").says(), "error no network interface is up");
    assert_eq!(alone.start("announce 4821").says(), "error no network interface is up");
    alone.ip("link set lo up");
    let sender = alone.start("announce 4821");
    assert_eq!(sender.says(), "announcing");
    found(&alone.start("search 4821"), &["127.0.0.1"]);
}

/// Not a test of its own: what runs in the namespaces. Without a role it does nothing.
#[test]
fn child() {
    let Ok(role) = env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = async {
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = ended.await;
    };
    runtime.block_on(async {
        tokio::select! {
            () = ended => {}
            () = play(&words) => {}
        }
    });
    runtime.shutdown_timeout(Duration::ZERO);
}

async fn play(words: &[&str]) {
    let nameplate = words[1].parse().unwrap();
    let interfaces: Vec<String> = words.get(2).map(|name| (*name).to_owned()).into_iter().collect();
    let family = words.get(3).map(|number| number.parse().unwrap());
    let outcome = match words[0] {
        "announce" => play_announcer(nameplate, interfaces).await,
        "search" => play_search(nameplate, interfaces, family, true).await,
        "search-only" => play_search(nameplate, interfaces, family, false).await,
        other => panic!("no role {other}"),
    };
    if let Err(error) = outcome {
        println!("{SAYS}error {error}");
    }
}

async fn play_announcer(nameplate: u16, interfaces: Vec<String>) -> Result<(), DiscoveryError> {
    let listen = ListenTcp { port: PortChoice::Any, family: None, interfaces: interfaces.clone() };
    let listeners = listen_tcp(&listen);
    let port = listeners.as_ref().map_or(1, sockeye_net::TcpListeners::port);
    let config = AnnounceConfig { port, nameplate: Some(nameplate), interfaces, ..AnnounceConfig::default() };
    let _there = Announcement::start(config)?;
    println!("{SAYS}announcing");
    std::future::pending().await
}

async fn play_search(
    nameplate: u16,
    interfaces: Vec<String>,
    family: Option<u8>,
    dial: bool,
) -> Result<(), DiscoveryError> {
    let config = SeekConfig::new(What::Nameplate(nameplate)).interfaces(interfaces).family(family);
    let mut search = Search::start(config)?;
    println!("{SAYS}searching");
    while let Some(found) = search.next().await {
        let Found::Peer { addresses, .. } = found else { continue };
        let mut words = vec![String::from("found")];
        for address in addresses {
            if !dial || TcpStream::connect(address).await.is_ok() {
                words.push(with_interface_name(address));
            }
        }
        println!("{SAYS}{}", words.join(" "));
    }
    Ok(())
}

/// The address without its port, and the scope by name.
fn with_interface_name(address: std::net::SocketAddr) -> String {
    match address {
        std::net::SocketAddr::V6(v6) if v6.scope_id() != 0 => {
            let interfaces = sockeye_net::interfaces().unwrap();
            let scope = interfaces.iter().find(|interface| interface.index == v6.scope_id());
            format!("{}%{}", v6.ip(), scope.expect("the interface of the scope").name)
        }
        _ => address.ip().to_string(),
    }
}
