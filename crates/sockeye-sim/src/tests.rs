//! Determinism, loss models, order of streams, faults, switches, timers.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::{
    Destination, End, Fault, Group, Input, Link, LinkId, Loss, Network, Node, NodeId, Outcome, Outputs,
    Pieces, Rng, Seed, StreamId, SwitchId, for_each_seed, for_seeds,
};

const LONG: Duration = Duration::from_secs(3600);
const FIRST: StreamId = StreamId(0);

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A node that does what its script says and writes down what it was told.
#[derive(Default)]
struct Scripted {
    /// Done at `Start`.
    opening: VecDeque<Step>,
    /// Sends back what it receives, and ends when the other side ends.
    echoes: bool,
    deaf: bool,
    heard: Vec<u8>,
    pieces: Vec<usize>,
    datagrams: Vec<(Duration, NodeId, Vec<u8>)>,
    told: Vec<(Duration, &'static str)>,
    timers: Vec<Duration>,
}

#[derive(Clone)]
enum Step {
    Dial(NodeId),
    Send(Vec<u8>),
    End,
    Reset,
    Datagrams(Destination, usize, usize),
    Join(Group),
    Timers(Vec<Duration>),
}

impl Scripted {
    fn new(opening: impl Into<VecDeque<Step>>) -> Self {
        Self { opening: opening.into(), ..Self::default() }
    }

    fn echo() -> Self {
        Self { echoes: true, ..Self::default() }
    }

    fn words(&self) -> Vec<&'static str> {
        self.told.iter().map(|(_, word)| *word).collect()
    }

    fn perform(&mut self, step: Step, out: &mut Outputs) {
        match step {
            Step::Dial(to) => drop(out.dial(to)),
            Step::Send(bytes) => out.send(FIRST, bytes),
            Step::End => out.end(FIRST),
            Step::Reset => out.reset(FIRST),
            Step::Join(group) => out.join(group),
            Step::Timers(times) => self.timers = times,
            Step::Datagrams(to, count, len) => {
                for number in 0..count as u64 {
                    let mut bytes = number.to_be_bytes().to_vec();
                    bytes.resize(len.max(8), 0);
                    out.datagram(to, bytes);
                }
            }
        }
    }
}

impl Node for Scripted {
    fn handle(&mut self, now: Duration, input: Input<'_>, out: &mut Outputs) {
        let word = match input {
            Input::Start => {
                while let Some(step) = self.opening.pop_front() {
                    self.perform(step, out);
                }
                return;
            }
            Input::Datagram { from, bytes, .. } => return self.datagrams.push((now, from, bytes.to_vec())),
            Input::Bytes { stream, bytes } => {
                self.heard.extend(bytes);
                self.pieces.push(bytes.len());
                if self.echoes {
                    out.send(stream, bytes);
                }
                return;
            }
            Input::Ended { stream } => {
                if self.echoes {
                    out.end(stream);
                }
                "ended"
            }
            Input::Timeout => {
                self.timers.retain(|at| *at > now);
                "timeout"
            }
            Input::Connected { .. } => "connected",
            Input::Accepted { .. } => "accepted",
            Input::Refused { .. } => "refused",
            Input::Drained { .. } => "drained",
            Input::Reset { .. } => "reset",
        };
        self.told.push((now, word));
    }

    fn timeout(&self) -> Option<Duration> {
        self.timers.iter().min().copied()
    }

    fn listens(&self) -> bool {
        !self.deaf
    }
}

/// Two nodes and a link; the second one dials the first and does the rest of its script.
fn pair(
    seed: Seed,
    link: &Link,
    first: Scripted,
    steps: &[Step],
) -> (Network<Scripted>, NodeId, NodeId, LinkId) {
    let mut network = Network::new(seed);
    let listener = network.add("listener", first);
    let script: Vec<_> = [Step::Dial(listener)].iter().chain(steps).cloned().collect();
    let dialer = network.add("dialer", Scripted::new(script));
    let link = network.link(dialer, listener, link);
    (network, listener, dialer, link)
}

fn sending(bytes: &[u8]) -> Vec<Step> {
    vec![Step::Send(bytes.to_vec()), Step::End]
}

fn datagrams(seed: Seed, link: &Link, count: usize) -> (Network<Scripted>, NodeId, NodeId, LinkId) {
    let mut network = Network::new(seed);
    let receiver = network.add("receiver", Scripted::default());
    let opening = [Step::Datagrams(Destination::Node(receiver), count, 8)];
    let sender = network.add("sender", Scripted::new(opening));
    let link = network.link(sender, receiver, link);
    (network, receiver, sender, link)
}

fn numbers(node: &Scripted) -> Vec<u64> {
    node.datagrams.iter().map(|(_, _, bytes)| u64::from_be_bytes(bytes[..8].try_into().unwrap())).collect()
}

#[test]
fn published_numbers_of_the_generators() {
    // The first outputs of SplitMix64 for the state 1234567, and of xoshiro256** for the state 1, 2, 3, 4, as the
    // authors' programs print them.
    let mut state = 1_234_567;
    let split: Vec<_> = (0..3).map(|_| crate::rng::split_mix(&mut state)).collect();
    assert_eq!(split, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    let mut rng = Rng::with_state([1, 2, 3, 4]);
    let drawn: Vec<_> = (0..4).map(|_| rng.next_u64()).collect();
    assert_eq!(drawn, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
}

#[test]
fn numbers_stay_in_their_range() {
    let mut rng = Seed(3).rng("range");
    let mut seen = [0; 6];
    for _ in 0..6000 {
        seen[usize::try_from(rng.within(0..=5)).unwrap()] += 1;
        assert!((0.0..1.0).contains(&rng.fraction()));
        assert!(rng.up_to(ms(2)) <= ms(2));
    }
    assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
    assert_eq!(rng.within(9..=9), 9);
    assert_eq!(rng.up_to(Duration::ZERO), Duration::ZERO);
    rng.within(0..=u64::MAX);
    assert!(!rng.chance(0.0) && rng.chance(1.0));
    assert_eq!(rng.bytes(13).len(), 13);
    assert_eq!(*rng.pick(&["one"]), "one");
    assert_ne!(Seed(3).rng("range").next_u64(), Seed(3).rng("other").next_u64());
}

#[test]
fn same_seed_same_trace() {
    let run = |seed| {
        let link = Link::default()
            .jitter(ms(3))
            .bytes_per_second(200_000)
            .loss(Loss::Burst { ratio: 0.2, mean_burst: 3.0 })
            .duplicate(0.1)
            .reorder(0.1, ms(20));
        let mut steps = sending(&[5; 10_000]);
        steps.push(Step::Datagrams(Destination::Node(NodeId(0)), 200, 100));
        let (mut network, ..) = pair(seed, &link, Scripted::echo(), &steps);
        network.run(LONG);
        (network.trace().to_string(), network.trace().fingerprint())
    };
    let (first, fingerprint) = run(Seed(1));
    assert_eq!((first.clone(), fingerprint), run(Seed(1)));
    assert!(first.lines().count() > 200);
    assert_ne!((first, fingerprint), run(Seed(2)));
}

#[test]
fn another_link_changes_nothing_for_the_first() {
    let run = |more: bool| {
        let link = Link::default().loss(Loss::Random { ratio: 0.5 });
        let (mut network, receiver, ..) = datagrams(Seed(4), &link, 100);
        if more {
            let other = network.add("other", Scripted::new([Step::Datagrams(Destination::Broadcast, 50, 8)]));
            let another = network.add("another", Scripted::default());
            network.link(other, another, &link);
        }
        network.run(LONG);
        numbers(network.node(receiver))
    };
    assert_eq!(run(false), run(true));
}

/// Datagrams sent to see a loss ratio.
const COUNT: u32 = 50_000;

#[test]
fn loss_is_near_what_was_asked() {
    let models = [
        (Loss::Random { ratio: 0.0 }, 0.0),
        (Loss::Random { ratio: 0.01 }, 0.01),
        (Loss::Random { ratio: 0.3 }, 0.3),
        (Loss::Random { ratio: 1.0 }, 1.0),
        (Loss::Burst { ratio: 0.05, mean_burst: 4.0 }, 0.05),
        (Loss::Burst { ratio: 0.3, mean_burst: 8.0 }, 0.3),
    ];
    for (loss, ratio) in models {
        let (mut network, receiver, sender, link) =
            datagrams(Seed(5), &Link::default().loss(loss.clone()), 50_000);
        network.keep_trace(0);
        network.run(LONG);
        let arrived = network.node(receiver).datagrams.len();
        let stats = network.stats(link, sender);
        assert_eq!((stats.datagrams, stats.lost), (u64::from(COUNT), u64::from(COUNT) - arrived as u64));
        let lost = f64::from(COUNT - u32::try_from(arrived).unwrap()) / f64::from(COUNT);
        // Five standard deviations of independent losses; bursts spread wider by the root of twice their length.
        let spread = 5.0 * (ratio * (1.0 - ratio) / f64::from(COUNT)).sqrt() * 4.0;
        assert!((lost - ratio).abs() <= spread, "{loss:?}: {lost}");
    }
}

#[test]
fn bursts_have_the_length_asked() {
    let loss = Loss::Burst { ratio: 0.2, mean_burst: 5.0 };
    let (mut network, receiver, ..) = datagrams(Seed(6), &Link::default().loss(loss), 50_000);
    network.run(LONG);
    let arrived = numbers(network.node(receiver));
    let gaps: Vec<_> = arrived.windows(2).map(|pair| pair[1] - pair[0] - 1).filter(|gap| *gap > 0).collect();
    let tenths = 10 * gaps.iter().sum::<u64>() / gaps.len() as u64;
    assert!((46..54).contains(&tenths), "mean burst {tenths}/10");
}

#[test]
fn datagrams_lost_by_number() {
    let link = Link::default().loss(Loss::Exactly(vec![0, 3]));
    let (mut network, receiver, ..) = datagrams(Seed(0), &link, 5);
    network.run(LONG);
    assert_eq!(numbers(network.node(receiver)), [1, 2, 4]);
}

#[test]
fn datagrams_are_doubled_and_reordered() {
    let (mut network, receiver, ..) = datagrams(Seed(8), &Link::default().duplicate(0.5), 1000);
    network.run(LONG);
    let doubled = network.node(receiver).datagrams.len() - 1000;
    assert!((400..600).contains(&doubled), "{doubled} of 1000 doubled");

    let (mut network, receiver, ..) = datagrams(Seed(8), &Link::default().reorder(0.1, ms(5)), 1000);
    network.run(LONG);
    let mut arrived = numbers(network.node(receiver));
    assert!(!arrived.is_sorted());
    arrived.sort_unstable();
    assert_eq!(arrived, (0..1000).collect::<Vec<_>>());
}

#[test]
fn long_datagrams_and_full_queues_drop() {
    let run = |link: Link, len| {
        let mut network = Network::new(Seed(0));
        let receiver = network.add("receiver", Scripted::default());
        let opening = [Step::Datagrams(Destination::Node(receiver), 10, len)];
        let sender = network.add("sender", Scripted::new(opening));
        let link = network.link(sender, receiver, &link);
        network.run(LONG);
        (network.node(receiver).datagrams.len(), network.stats(link, sender), network.now())
    };
    let (arrived, stats, _) = run(Link::default().mtu(1000), 1001);
    assert_eq!((arrived, stats.too_long), (0, 10));
    assert_eq!(run(Link::default().mtu(1000), 1000).0, 10);

    let slow = Link::default().latency(ms(7)).bytes_per_second(100_000);
    let (arrived, stats, now) = run(slow.clone().queue(3500), 1000);
    assert_eq!((arrived, stats.overflowed), (3, 7));
    assert_eq!(now, ms(3 * 10 + 7));
    assert_eq!(run(slow.clone().queue(0), 1000).0, 1, "an idle wire takes a datagram whatever the queue");
    assert_eq!(run(slow, 1000).2, ms(10 * 10 + 7));
}

#[test]
fn padding_counts_on_the_wire() {
    let (mut network, receiver, sender, link) =
        datagrams(Seed(0), &Link::default().bytes_per_second(1000), 0);
    network.with(sender, |_, _, out| out.padded_datagram(Destination::Node(receiver), *b"0123456789", 990));
    network.run(LONG);
    let node = network.node(receiver);
    assert_eq!((node.datagrams[0].0, node.datagrams[0].2.len()), (ms(1001), 10));
    assert_eq!(network.stats(link, sender).datagram_bytes, 1000);
}

#[test]
fn streams_keep_order_under_random_pieces() {
    for_each_seed(20, |seed| {
        let message = seed.rng("message").bytes(20_000);
        let link =
            Link::default().jitter(ms(5)).bytes_per_second(1_000_000).loss(Loss::Random { ratio: 0.5 });
        let (mut network, listener, dialer, _) = pair(seed, &link, Scripted::echo(), &sending(&message));
        network.set_pieces(Pieces::Random { longest: 700 });
        network.set_window(4000);
        assert_eq!(network.run(LONG), Outcome::Quiet);
        let (echo, caller) = (network.node(listener), network.node(dialer));
        assert_eq!(echo.heard, message);
        assert_eq!(caller.heard, message);
        assert!(echo.pieces.iter().all(|len| (1..=700).contains(len)));
        assert!(echo.pieces.len() > 40, "{} pieces", echo.pieces.len());
        assert_eq!(caller.words(), ["connected", "drained", "ended"]);
        assert_eq!(echo.words().first(), Some(&"accepted"));
        assert_eq!(echo.words().last(), Some(&"drained"));
    });
}

#[test]
fn pieces_are_cut_as_asked() {
    let run = |pieces| {
        let (mut network, listener, ..) =
            pair(Seed(0), &Link::default(), Scripted::default(), &sending(&[1; 10]));
        network.set_pieces(pieces);
        network.run(LONG);
        network.node(listener).pieces.clone()
    };
    assert_eq!(run(Pieces::Whole), [10]);
    assert_eq!(run(Pieces::Fixed(4)), [4, 4, 2]);
    assert_eq!(run(Pieces::Fixed(0)), [1; 10]);
}

#[test]
fn bandwidth_and_window_bound_a_stream() {
    let end = |link: &Link, window| {
        let (mut network, listener, ..) =
            pair(Seed(0), link, Scripted::default(), &sending(&vec![0; 100_000]));
        network.set_pieces(Pieces::Fixed(1000));
        network.set_window(window);
        network.run(LONG);
        network.node(listener).told.iter().find(|(_, word)| *word == "ended").unwrap().0
    };
    let link = Link::default().latency(ms(10));
    // Opening takes two ways, the bytes one more.
    assert_eq!(end(&link, 1 << 20), ms(30));
    assert_eq!(end(&link.clone().bytes_per_second(100_000), 1 << 20), ms(30 + 1000));
    // Ten round trips of 10,000 bytes, the last of which is half.
    assert_eq!(end(&link, 10_000), ms(20 + 9 * 20 + 10));
}

#[test]
fn streams_and_datagrams_take_turns_on_the_wire() {
    let link = Link::default().latency(ms(1)).bytes_per_second(1_000_000);
    let (mut network, listener, dialer, _) =
        pair(Seed(0), &link, Scripted::default(), &sending(&vec![0; 200_000]));
    network.at(ms(50), "ping", move |network| {
        network.with(dialer, |_, _, out| out.datagram(Destination::Node(listener), *b"now"));
    });
    network.run(LONG);
    let arrived = network.node(listener).datagrams[0].0;
    assert!(arrived < ms(54), "{arrived:?}");
}

#[test]
fn halves_close_separately() {
    let (mut network, listener, dialer, _) =
        pair(Seed(0), &Link::default(), Scripted::default(), &[Step::End]);
    network.run(LONG);
    assert_eq!(network.node(listener).words(), ["accepted", "ended"]);
    network.with(listener, |_, _, out| {
        out.send(FIRST, *b"still here");
        out.end(FIRST);
        out.send(FIRST, *b"too late");
    });
    network.run(LONG);
    assert_eq!(network.node(dialer).heard, b"still here");
    assert_eq!(network.node(dialer).words(), ["connected", "ended"]);
}

#[test]
fn resets_reach_the_other_end() {
    // By the node: what left before arrives, then the reset.
    let steps = [Step::Send(vec![1; 10])];
    let (mut network, listener, dialer, _) = pair(Seed(0), &Link::default(), Scripted::default(), &steps);
    network.run_until(LONG, |network| network.node(dialer).words().contains(&"drained"));
    network.with(dialer, |node, _, out| node.perform(Step::Reset, out));
    network.run(LONG);
    assert_eq!(network.node(listener).heard, [1; 10]);
    assert_eq!(network.node(listener).words(), ["accepted", "reset"]);
    assert_eq!(network.node(dialer).words(), ["connected", "drained"]);

    // By the network, at a time.
    let (mut network, listener, dialer, _) = pair(Seed(0), &Link::default(), Scripted::default(), &[]);
    network.at(ms(100), "reset", |network| network.reset(FIRST));
    network.run(LONG);
    assert_eq!(network.node(listener).told.last(), Some(&(ms(100), "reset")));
    assert_eq!(network.node(dialer).told.last(), Some(&(ms(100), "reset")));
}

#[test]
fn a_dial_reset_at_once_is_still_seen() {
    let (mut network, listener, dialer, _) =
        pair(Seed(0), &Link::default(), Scripted::default(), &[Step::Reset]);
    network.run(LONG);
    assert_eq!(network.node(listener).words(), ["accepted", "reset"]);
    assert_eq!(network.node(dialer).words(), Vec::<&str>::new());
}

#[test]
fn faults_strike_at_the_byte() {
    for_each_seed(20, |seed| {
        let after = seed.rng("after").within(0..=300);
        let run = |fault, to| {
            let (mut network, listener, dialer, _) =
                pair(seed, &Link::default(), Scripted::echo(), &sending(&[1; 300]));
            network.set_pieces(Pieces::Random { longest: 50 });
            network.fault_after(FIRST, to, after, fault);
            network.run(LONG);
            let node = |id| (network.node(id).heard.len() as u64, network.node(id).words());
            (node(listener), node(dialer))
        };
        let ((heard, listener), (_, dialer)) = run(Fault::Reset, End::Listener);
        assert_eq!((heard, listener.last(), dialer.last()), (after, Some(&"reset"), Some(&"reset")));
        let ((heard, listener), (echoed, _)) = run(Fault::Stall, End::Listener);
        assert_eq!((heard, echoed), (after, after));
        assert!(!listener.contains(&"ended") && !listener.contains(&"reset"));
        let ((heard, listener), (echoed, _)) = run(Fault::End, End::Listener);
        assert_eq!((heard, echoed), (after, after));
        assert!(listener.contains(&"ended"));
        let ((heard, _), (echoed, _)) = run(Fault::Stall, End::Dialer);
        assert_eq!((heard, echoed), (300, after));
    });
}

#[test]
fn who_does_not_listen_refuses() {
    let deaf = Scripted { deaf: true, ..Scripted::default() };
    let (mut network, listener, dialer, _) = pair(Seed(0), &Link::default(), deaf, &sending(b"lost"));
    network.run(LONG);
    assert_eq!(network.node(dialer).told, [(ms(2), "refused")]);
    assert_eq!(network.node(listener).words(), Vec::<&str>::new());

    let mut network = Network::new(Seed(0));
    let island = network.add("island", Scripted::default());
    let dialer = network.add("dialer", Scripted::new([Step::Dial(island)]));
    network.run(LONG);
    assert_eq!(network.node(dialer).words(), ["refused"]);
}

#[test]
fn a_link_that_is_down_delays_streams_and_drops_datagrams() {
    let mut steps = sending(&[1; 5000]);
    steps.push(Step::Datagrams(Destination::Node(NodeId(0)), 3, 8));
    let (mut network, listener, dialer, link) = pair(Seed(0), &Link::default(), Scripted::default(), &steps);
    network.set_up(link, false);
    assert_eq!(network.run(LONG), Outcome::Quiet);
    assert_eq!(network.node(listener).words(), Vec::<&str>::new());
    assert_eq!(network.stats(link, dialer).cut, 3);
    network.set_up(link, true);
    network.run(LONG);
    assert_eq!(network.node(listener).heard, [1; 5000]);
    assert!(network.node(listener).datagrams.is_empty());
}

#[test]
fn a_stopped_node_resets_its_streams_and_can_come_back() {
    let (mut network, listener, dialer, _) = pair(Seed(0), &Link::default(), Scripted::default(), &[]);
    network.at(ms(10), "kill", move |network| network.stop(listener));
    network.run(LONG);
    assert_eq!(network.node(dialer).words(), ["connected", "reset"]);
    network.with(dialer, |_, _, out| out.dial(listener));
    network.run(LONG);
    assert_eq!(network.node(dialer).words().last(), Some(&"refused"));
    network.restart(listener, Scripted::new([Step::Join(Group(1))]));
    network.with(dialer, |_, _, out| out.dial(listener));
    network.run(LONG);
    assert_eq!(network.node(listener).words(), ["accepted"]);
    assert_eq!(network.members(Group(1)).collect::<Vec<_>>(), [listener]);
    network.stop(listener);
    assert_eq!(network.members(Group(1)).count(), 0);
}

/// A switch with one sender and many others on it, every second one in group 1.
fn lan(seed: Seed, to: Destination, port: &Link) -> (Network<Scripted>, SwitchId, Vec<NodeId>, Vec<LinkId>) {
    let mut network = Network::new(seed);
    let switch = network.switch();
    let mut nodes = vec![network.add("sender", Scripted::default())];
    for index in 0..20 {
        let join = if index % 2 == 0 { vec![Step::Join(Group(1))] } else { vec![Step::Join(Group(2))] };
        nodes.push(network.add(format!("receiver {index}"), Scripted::new(join)));
    }
    let links = nodes.iter().map(|node| network.link(*node, switch, port)).collect();
    network.run(ms(1));
    network.with(nodes[0], |node, _, out| node.perform(Step::Datagrams(to, 100, 8), out));
    network.run(LONG);
    (network, switch, nodes, links)
}

#[test]
fn a_switch_fans_out() {
    let heard = |to| {
        let (network, _, nodes, _) = lan(Seed(0), to, &Link::default());
        nodes.iter().map(|node| network.node(*node).datagrams.len()).collect::<Vec<_>>()
    };
    let group = heard(Destination::Group(Group(1)));
    assert_eq!(group[0], 0, "a sender does not hear itself");
    assert!(group[1..].chunks(2).all(|pair| pair == [100, 0]), "{group:?}");
    let everybody = heard(Destination::Broadcast);
    assert_eq!((everybody[0], &everybody[1..]), (0, &[100; 20][..]));
    let one = heard(Destination::Node(NodeId(5)));
    assert_eq!(one.iter().sum::<usize>(), 100);
    assert_eq!(one[5], 100);
}

#[test]
fn loss_on_a_port_is_shared_or_its_own() {
    let lossy = Link::default().loss(Loss::Random { ratio: 0.3 });
    let (network, switch, nodes, links) = lan(Seed(1), Destination::Group(Group(1)), &lossy);
    let sent_on = 100 - network.stats(links[0], nodes[0]).lost;
    assert!((50..90).contains(&sent_on));
    let receivers = nodes.iter().zip(&links).skip(1).step_by(2);
    let mut counts = Vec::new();
    for (node, link) in receivers {
        let arrived = network.node(*node).datagrams.len() as u64;
        let stats = network.stats(*link, switch);
        assert_eq!((stats.datagrams, stats.datagrams - stats.lost), (sent_on, arrived));
        counts.push(numbers(network.node(*node)));
    }
    counts.dedup();
    assert_eq!(counts.len(), 10, "each receiver lost datagrams of its own");
}

#[test]
fn leaving_a_group_ends_hearing_it() {
    let (mut network, _, nodes, _) = lan(Seed(0), Destination::Group(Group(1)), &Link::default());
    network.with(nodes[1], |_, _, out| out.leave(Group(1)));
    network.with(nodes[0], |_, _, out| out.datagram(Destination::Group(Group(1)), *b"more"));
    network.run(LONG);
    assert_eq!(network.node(nodes[1]).datagrams.len(), 100);
    assert_eq!(network.node(nodes[3]).datagrams.len(), 101);
}

#[test]
fn streams_cross_a_switch_with_two_speeds() {
    let mut network = Network::new(Seed(2));
    let switch = network.switch();
    let listener = network.add("listener", Scripted::default());
    let steps: Vec<_> = [Step::Dial(listener)].into_iter().chain(sending(&vec![9; 50_000])).collect();
    let dialer = network.add("dialer", Scripted::new(steps));
    network.link(dialer, switch, &Link::default());
    let slow = network.link(listener, switch, &Link::default());
    network.shape(slow, switch, &Link::default().bytes_per_second(10_000));
    network.run(LONG);
    assert_eq!(network.node(listener).heard, vec![9; 50_000]);
    assert_eq!(network.node(listener).told.last(), Some(&(ms(5000 + 6), "ended")));
    assert_eq!(network.stats(slow, switch).stream_bytes, 50_000);
}

#[test]
fn timers_go_off_in_order_and_before_packets() {
    let mut network = Network::new(Seed(0));
    let opening = [Step::Timers(vec![ms(30), ms(10), ms(1), Duration::ZERO])];
    let waiting = network.add("waiting", Scripted::new(opening));
    let sender = network.add("sender", Scripted::new([Step::Datagrams(Destination::Broadcast, 1, 8)]));
    network.link(waiting, sender, &Link::default());
    assert_eq!(network.run_until(LONG, |network| !network.node(waiting).datagrams.is_empty()), Outcome::Met);
    assert_eq!(network.node(waiting).words(), ["timeout", "timeout"]);
    assert_eq!(network.run(ms(20)), Outcome::TimeUp);
    assert_eq!(network.now(), ms(20));
    assert_eq!(network.run(LONG), Outcome::Quiet);
    assert_eq!(network.now(), ms(30));
    assert_eq!(network.node(waiting).words().len(), 4);
}

#[test]
fn a_trace_keeps_the_last_lines_and_hashes_all() {
    let run = |keep| {
        let (mut network, ..) = datagrams(Seed(0), &Link::default(), 50);
        network.keep_trace(keep);
        network.run(LONG);
        network.note("done");
        (network.trace().lines().map(String::from).collect::<Vec<_>>(), network.trace().clone())
    };
    let ((all, whole), (last, part)) = (run(1000), run(5));
    assert_eq!((last.len(), whole.fingerprint(), whole.count()), (5, part.fingerprint(), part.count()));
    assert_eq!(all[all.len() - 5..], last);
    assert_eq!(last[4], "   0.001000000 done");
    assert!(part.to_string().starts_with(&format!("({} earlier lines were not kept)\n", all.len() - 5)));
    assert_eq!(run(0).1.count(), 0);
}

#[test]
fn seeds_are_read_and_written() {
    assert_eq!("17".parse(), Ok(Seed(17)));
    assert_eq!("0x1f".parse(), Ok(Seed(31)));
    assert_eq!(Seed(31).to_string().parse(), Ok(Seed(31)));
    assert!("".parse::<Seed>().is_err() && "seven".parse::<Seed>().is_err());
    assert_eq!(Seed::from_env_or("SOCKEYE_NO_SUCH_VARIABLE", 9), Seed(9));
}

#[test]
fn seeds_run_until_one_fails() {
    let mut seen = Vec::new();
    for_seeds([Seed(4), Seed(2)], |seed| seen.push(seed));
    assert_eq!(seen, [Seed(4), Seed(2)]);
    let mut seen = 0;
    let failed = catch_unwind(AssertUnwindSafe(|| {
        for_seeds((0..5).map(Seed), |seed| {
            seen += 1;
            assert!(seed < Seed(3), "seed 3 is meant to fail in this test");
        });
    }));
    assert!(failed.is_err());
    assert_eq!(seen, 4);
}
