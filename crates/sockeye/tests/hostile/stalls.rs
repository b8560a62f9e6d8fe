//! Strangers and peers that are slow, silent, or many.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use sockeye::Event;
use sockeye_proto::hello::{Hello, Intent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    guesses::connect_from,
    honest,
    list::List,
    peer::{CONTROL, Control, Hostile, LANE, Proof, kind as kind_of},
    victim::{Victim, Wish},
    wire::{self, kind},
};

/// How long the victim lets this go on.
async fn lasts(what: &'static str, until_closed: impl Future<Output = ()>) -> (&'static str, Duration) {
    let began = Instant::now();
    let ended = timeout(Duration::from_secs(25), until_closed).await;
    assert!(ended.is_ok(), "{what}: never ends");
    (what, began.elapsed())
}

/// Reads until the other side has had enough.
async fn until_closed(mut tcp: TcpStream) {
    let mut rest = [0; 1024];
    while matches!(tcp.read(&mut rest).await, Ok(1..)) {}
}

/// Writes a byte a second until the other side has had enough.
async fn a_byte_a_second(tcp: TcpStream, bytes: Vec<u8>) {
    let (read, mut write) = tcp.into_split();
    let drip = async move {
        for byte in bytes {
            if write.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        std::future::pending::<()>().await;
    };
    let read = async move {
        let mut read = read;
        let mut rest = [0; 1024];
        while matches!(read.read(&mut rest).await, Ok(1..)) {}
    };
    tokio::select! {
        () = drip => {}
        () = read => {}
    }
}

async fn control(to: SocketAddr) -> Control {
    Control::new(Hostile::new().keys.dial(to, CONTROL).await.unwrap().stream)
}

async fn until_refused(mut control: Control) {
    while control.receive().await.is_some() {}
}

fn hello() -> Vec<u8> {
    Hello::new(0, 0, None, Intent::PairCode).encode()
}

/// A message that may be skipped.
fn skippable() -> Vec<u8> {
    let mut message = wire::message(0x123, 0, |_| ());
    message[0] &= 0x7f;
    message
}

/// Sends something over and over until the other side has had enough.
async fn again_and_again(mut control: Control, bytes: Vec<u8>, every: Duration) {
    let mut rest = [0; 1024];
    loop {
        tokio::select! {
            read = control.stream.read(&mut rest) => if !matches!(read, Ok(1..)) { return },
            () = sleep(every) => if control.raw(&bytes).await.is_err() { return },
        }
    }
}

/// A ClientHello that is cut off.
fn beginning_of_a_handshake() -> Vec<u8> {
    [&[0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3][..], &[7; 200]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_strangers_lose_their_place_and_slow_peers_their_lane() {
    let (strangers, lanes) = tokio::join!(slow_strangers(), a_lane_that_never_comes());
    let () = lanes;
    for (what, took, least, most) in strangers {
        assert!((least..=most).contains(&took.as_secs()), "{what}: {took:?}");
    }
}

/// Every way of doing nothing, all at once against one victim.
async fn slow_strangers() -> Vec<(&'static str, Duration, u64, u64)> {
    let victim = Victim::receiver().await;
    let to = victim.address;
    let mut scenes = JoinSet::new();
    let mut scene =
        |what, (least, most): (u64, u64), closed: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            scenes.spawn(async move {
                let (what, took) = lasts(what, closed).await;
                (what, took, least, most)
            });
        };
    let framed = |len: u32, bytes: &[u8]| [&len.to_be_bytes(), bytes].concat();
    scene(
        "silent before TLS",
        (4, 8),
        Box::pin(async move { until_closed(TcpStream::connect(to).await.unwrap()).await }),
    );
    let drip = beginning_of_a_handshake();
    scene(
        "a handshake of a byte a second",
        (4, 8),
        Box::pin(async move { a_byte_a_second(TcpStream::connect(to).await.unwrap(), drip).await }),
    );
    scene("silent after TLS", (9, 13), Box::pin(async move { until_refused(control(to).await).await }));
    scene(
        "silent after HELLO",
        (9, 13),
        Box::pin(async move {
            let mut control = control(to).await;
            control.send(&hello()).await.unwrap();
            until_refused(control).await;
        }),
    );
    let drip = framed(4096, &[]);
    scene(
        "a frame of a byte a second",
        (9, 13),
        Box::pin(async move {
            let mut control = control(to).await;
            control.raw(&drip).await.unwrap();
            again_and_again(control, vec![7], Duration::from_secs(1)).await;
        }),
    );
    let skipped = framed(3, &skippable());
    scene(
        "messages that are skipped",
        (9, 13),
        Box::pin(async move {
            again_and_again(control(to).await, skipped, Duration::from_millis(50)).await;
        }),
    );
    scene(
        "a lane that does not say whose",
        (4, 8),
        Box::pin(async move {
            let channel = Hostile::new().keys.dial(to, LANE).await.unwrap();
            until_refused(Control::new(channel.stream)).await;
        }),
    );
    let code = victim.code.clone();
    scene(
        "no tag after ANSWER",
        (1, 4),
        Box::pin(async move {
            let hostile = Hostile::new();
            let channel = hostile.keys.dial(to, CONTROL).await.unwrap();
            let mut no_tag =
                |frame: Vec<u8>| if kind_of(&frame) == kind::CONFIRM { vec![] } else { vec![frame] };
            assert!(hostile.pair_over(channel, Proof::Code(&code), &mut no_tag).await.is_err());
        }),
    );
    // From another address: each has one guess at a time, and this one holds its own.
    let code = victim.code.clone();
    scene(
        "no identity after CONFIRM",
        (9, 13),
        Box::pin(async move {
            let hostile = Hostile::new();
            let tcp = connect_from(Ipv4Addr::new(127, 0, 5, 1), to).await.unwrap();
            let channel = hostile.keys.dial_over(tcp, CONTROL).await.unwrap();
            let mut nobody =
                |frame: Vec<u8>| if kind_of(&frame) == kind::IDENTITY { vec![] } else { vec![frame] };
            assert!(hostile.pair_over(channel, Proof::Code(&code), &mut nobody).await.is_err());
        }),
    );
    let took = scenes.join_all().await;
    let (_, events) = victim.cancel().await;
    assert!(!events.iter().any(|event| matches!(event, Event::WrongCode { .. } | Event::Paired { .. })));
    took
}

/// Who proved the code and never opens its lane keeps nobody waiting but itself.
async fn a_lane_that_never_comes() {
    let victim = Victim::receiver().await;
    let hostile = Hostile::new();
    let met = hostile.dial(victim.address, &victim.code).await.unwrap();
    let (what, took) = lasts("a lane that never comes", until_refused(met.control)).await;
    assert!((14..=18).contains(&took.as_secs()), "{what}: {took:?}");
    let session = hostile.again().session(victim.address, &victim.code).await;
    assert!(honest::send(session, 1, &List::of_file("honest", b"bytes")).await.complete);
    victim.succeeds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_half_open_connections_keep_an_honest_peer_out_for_seconds_at_most() {
    let mut sender = Victim::sender(|from| fs::write(from.join("file"), "content").unwrap()).await;
    // From twenty addresses, ten each: more than the listener takes, in all and from some.
    let mut open = Vec::new();
    for number in 0..200u8 {
        let mut tcp = connect_from(Ipv4Addr::new(127, 0, 3, number % 20 + 1), sender.address).await.unwrap();
        if number % 2 == 0 {
            tcp.write_all(&beginning_of_a_handshake()).await.unwrap();
        }
        open.push(tcp);
    }
    let began = Instant::now();
    let receiver = Victim::receiver_at(sender.address, &sender.code, Wish::default());
    let (place, _) = receiver.succeeds().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(place.names(), ["file"]);
    sender.event(|event| matches!(event, Event::Finished(_))).await;
    drop(open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_strangers_who_shook_hands_and_say_nothing_keep_nobody_out() {
    let sender = Victim::sender(|from| fs::write(from.join("file"), "content").unwrap()).await;
    let mut open = Vec::new();
    for number in 0..200u8 {
        let tcp = connect_from(Ipv4Addr::new(127, 0, 6, number % 20 + 1), sender.address).await.unwrap();
        let hostile = Hostile::new();
        open.extend(
            timeout(Duration::from_secs(1), hostile.keys.dial_over(tcp, CONTROL))
                .await
                .ok()
                .and_then(Result::ok),
        );
    }
    let began = Instant::now();
    let receiver = Victim::receiver_at(sender.address, &sender.code, Wish::default());
    let (place, _) = receiver.succeeds().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(place.names(), ["file"]);
    sender.succeeds().await;
    drop(open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_that_comes_again_and_again_keeps_nobody_out() {
    let sender = Victim::sender(|from| fs::write(from.join("file"), "content").unwrap()).await;
    let to = sender.address;
    let flood = tokio::spawn(async move {
        let mut held = std::collections::VecDeque::new();
        loop {
            if let Ok(tcp) = connect_from(Ipv4Addr::new(127, 0, 4, 1), to).await {
                held.push_back(tcp);
            }
            if held.len() > 100 {
                held.pop_front();
            }
            sleep(Duration::from_millis(2)).await;
        }
    });
    sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    let receiver = Victim::receiver_at(to, &sender.code, Wish::default());
    receiver.succeeds().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    flood.abort();
    sender.succeeds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_reads_nothing_does_not_keep_the_user_from_leaving() {
    // The sender's lane and control connection both back up; cancelling still works.
    let mut victim = Victim::sender(|from| {
        let file = fs::File::create(from.join("large")).unwrap();
        file.set_len(64 << 20).unwrap();
    })
    .await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    honest::accept(&mut session).await;
    session.say(&[wire::need(&[(0, 256)])]).await;
    victim.event(|event| matches!(event, Event::Started { .. })).await;
    sleep(Duration::from_millis(700)).await;
    let began = Instant::now();
    victim.cancel().await;
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert!(session.until(kind::ABORT).await.is_some(), "and the peer hears of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_that_never_ends_can_be_left() {
    let mut victim = Victim::receiver_with(crate::victim::Place::new(), Wish::ask()).await;
    let mut session = Hostile::new().session(victim.address, &victim.code).await;
    session.say(&List::of_file("file", b"x").offer(1)[..2]).await;
    victim.event(|event| matches!(event, Event::Listed { .. })).await;
    let began = Instant::now();
    victim.cancel().await.0.assert_empty();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(session.until(kind::ABORT).await.is_some());
}
