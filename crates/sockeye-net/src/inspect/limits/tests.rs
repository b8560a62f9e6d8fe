//! Limits by the numbers, and of connections that really are held up.

use std::time::Instant;

use super::*;
use crate::testing::{fill, pair, wait_until};

/// A structure that has only the three times, in microseconds.
fn info(start: Instant, at_ms: u64, busy: u64, window: u64, buffer: u64) -> TcpInfo {
    let mut bytes = vec![0; 232];
    for (at, time) in [(168, busy), (176, window), (184, buffer)] {
        bytes[at..at + 8].copy_from_slice(&time.to_ne_bytes());
    }
    TcpInfo::from_bytes(bytes, start + Duration::from_millis(at_ms))
}

#[test]
fn the_four_shares_add_up() {
    let start = Instant::now();
    for (busy, window, buffer, expected, main) in [
        (0, 0, 0, [0, 0, 0, 1000], Some(Limit::Application)),
        (1_000_000, 0, 0, [1000, 0, 0, 0], Some(Limit::Network)),
        (900_000, 600_000, 100_000, [200, 600, 100, 100], Some(Limit::ReceiverWindow)),
        (900_000, 100_000, 600_000, [200, 100, 600, 100], Some(Limit::SendBuffer)),
        (1_004_000, 1_004_000, 0, [0, 1000, 0, 0], Some(Limit::ReceiverWindow)),
        (400_000, 300_000, 300_000, [0, 300, 100, 600], Some(Limit::Application)),
    ] {
        let before = info(start, 0, 7000, 5000, 1000);
        let now = info(start, 1000, 7000 + busy, 5000 + window, 1000 + buffer);
        let limits = why_limited(&before, &now).unwrap();
        assert_eq!(Limit::ALL.map(|limit| limits.time(limit).as_millis()), expected);
        assert_eq!(limits.main(), main);
        let sum: f64 = Limit::ALL.map(|limit| limits.share(limit)).iter().sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
    let same = info(start, 0, 0, 0, 0);
    let nothing = why_limited(&same, &same).unwrap();
    assert_eq!((nothing.main(), nothing.share(Limit::Network)), (None, 0.0));
    let old = TcpInfo::from_bytes(vec![0; 104], start);
    assert_eq!(why_limited(&old, &old), None);
}

#[test]
fn l3_l22_a_receiver_that_does_not_read_closes_its_window_and_is_the_limit() {
    let (sender, receiver) = pair("tcp4").unwrap();
    receiver.set_recv_buffer_size(16 * 1024).unwrap();
    fill(&sender);
    wait_until("the window is closed", || TcpInfo::of(&sender).unwrap().is_window_closed());
    let before = TcpInfo::of(&sender).unwrap();
    wait_until("200 ms of it have passed", || before.taken().elapsed() > Duration::from_millis(200));
    let limits = why_limited(&before, &TcpInfo::of(&sender).unwrap()).unwrap();
    assert!(limits.window_closed);
    assert_eq!(limits.main(), Some(Limit::ReceiverWindow), "{limits:?}");
    assert!(limits.share(Limit::ReceiverWindow) > 0.9, "{limits:?}");
    crate::testing::drain(&receiver);
    wait_until("the window is open again", || !TcpInfo::of(&sender).unwrap().is_window_closed());
}

#[test]
fn a_sender_that_has_nothing_to_send_is_its_own_limit() {
    let (sender, _receiver) = pair("tcp4").unwrap();
    let before = TcpInfo::of(&sender).unwrap();
    wait_until("200 ms have passed", || before.taken().elapsed() > Duration::from_millis(200));
    let limits = why_limited(&before, &TcpInfo::of(&sender).unwrap()).unwrap();
    assert_eq!((limits.main(), limits.window_closed), (Some(Limit::Application), false), "{limits:?}");
}
