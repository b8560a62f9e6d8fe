#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of a simulation"
)]

use core::time::Duration;
use std::vec::Vec;

use super::crowd::{Crowd, Link, Loss, Others, Outcome, SOURCES, WIRE, ideal_of_bursts};
use crate::delivery::{CastEvent, CastParams, Caster, Feedback, Nack, Report};

fn crowd(members: usize, blocks: u64, link: Link, loss: Loss) -> Crowd {
    Crowd { members, blocks, link, loss, max_rate: None, slow: None, others: Others::default(), seed: 1 }
}

/// Mean rate from the second second on, while there is something new to send.
fn settled(out: &Outcome) -> f64 {
    let end = (out.elapsed.as_secs_f64() * 10.0) as usize - 3;
    let rates: Vec<f64> = out.rates[20..end].to_vec();
    rates.iter().sum::<f64>() / rates.len() as f64
}

#[test]
fn the_rate_is_found_and_held_whatever_the_link_and_the_loss() {
    for megabits in [10.0, 100.0, 1_000.0] {
        for loss in [0.0, 0.01, 0.1] {
            let link = Link::megabits(megabits);
            let blocks = (link.rate * 4.0 / 276_000.0) as u64;
            let out = crowd(4, blocks.max(1), link, Loss::Each(loss)).run();
            let share = settled(&out) / link.rate;
            assert!(
                (0.95..1.03).contains(&share),
                "{megabits} Mbit/s, loss {loss}: {share:.3} {:?}",
                out.rates
            );
            assert_eq!(out.complete, 4);
        }
    }
}

#[test]
fn a_limit_is_kept() {
    let limit = 5_000_000;
    let crowd = Crowd { max_rate: Some(limit), ..crowd(4, 64, Link::megabits(1_000.0), Loss::Each(0.01)) };
    let out = crowd.run();
    let sent = out.symbols as f64 * WIRE;
    let rate = sent / out.elapsed.as_secs_f64();
    assert!((0.97..1.01).contains(&(rate / limit as f64)), "{rate}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let runs: Vec<_> = (0..2)
        .map(|_| crowd(16, 16, Link::megabits(100.0), Loss::Bursts(0.05)).run())
        .map(|out| (out.symbols, out.messages, out.elapsed))
        .collect();
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn every_schedule_of_loss_ends_with_everything() {
    for seed in 0..40 {
        let share = f64::from(u32::try_from(seed % 8).unwrap_or(0)) / 12.0;
        let loss = if seed % 2 == 0 { Loss::Each(share) } else { Loss::Bursts(share) };
        let members = [1, 2, 7, 30][seed as usize % 4];
        let out = Crowd { seed, ..crowd(members, 6, Link::megabits(50.0), loss) }.run();
        // Heavy bursts may look like a slow link: such a member is served by its own connection.
        assert_eq!(out.complete + out.too_slow.len(), members, "seed {seed}, {loss:?}: {out:?}");
        assert!(out.elapsed < Duration::from_secs(30), "seed {seed}: {out:?}");
    }
}

#[test]
fn bursts_cost_what_they_lose_and_no_rate() {
    for (members, within) in [(16, 0.02), (100, 0.04)] {
        let link = Link::megabits(100.0);
        let out = crowd(members, 128, link, Loss::Bursts(0.01)).run();
        let ideal = ideal_of_bursts(members, 0.01);
        assert!(out.ratio() < ideal * (1.0 + within), "{members}: {} of {ideal}", out.ratio());
        let sending = out.symbols as f64 * WIRE / link.rate;
        let idle = out.elapsed.as_secs_f64() - sending;
        assert!(idle < 0.2, "{members}: {idle} s of {:?} {:?}", out.elapsed, out.rates);
    }
}

#[test]
fn more_than_the_code_has_symbols_is_mended_in_a_few_rounds() {
    // A block of 185 has 71 repair symbols: at this loss they never suffice.
    let out = crowd(4, 4, Link::megabits(100.0), Loss::Each(0.45)).run();
    assert_eq!(out.complete, 4);
    assert!(out.symbols < 4 * u64::from(SOURCES) * 3, "{}", out.symbols);
    assert!(out.elapsed < Duration::from_millis(600), "{:?}", out.elapsed);
}

#[test]
fn few_ask_however_many_lack_something_and_from_the_first_block_on() {
    for loss in [Loss::Each(0.1), Loss::Shared(0.02)] {
        let out = crowd(1_000, 32, Link::megabits(100.0), loss).run();
        assert_eq!(out.complete, 1_000);
        assert!(out.askings <= 8 * 32, "{loss:?}: {} for 32 blocks", out.askings);
    }
}

#[test]
fn one_slow_member_leaves_the_group_at_once() {
    for (own, fast) in [(50.0, 300.0), (10.0, 100.0), (100.0, 1_000.0)] {
        let link = Link::megabits(fast);
        let own = Link { rate: own * 125e3, queue: 256e3 };
        let out = Crowd { slow: Some(own), ..crowd(4, 256, link, Loss::Each(0.0)) }.run();
        let [(0, at)] = out.too_slow[..] else { panic!("{own:?} {:?} {:?}", out.too_slow, out.rates) };
        assert!(at < Duration::from_millis(250), "{own:?} of {fast}: {at:?}");
        assert_eq!(out.complete, 3);
    }
}

#[test]
fn members_that_are_a_little_slower_stay() {
    let link = Link::megabits(100.0);
    let out = Crowd { slow: Some(Link::megabits(70.0)), ..crowd(4, 128, link, Loss::Each(0.01)) }.run();
    assert_eq!((out.too_slow.len(), out.complete), (0, 4), "{:?}", out.rates);
    let share = settled(&out) / (70.0 * 125e3);
    assert!((0.9..1.05).contains(&share), "{share} {:?}", out.rates);
}

#[test]
fn who_asks_for_more_than_anybody_could_need_is_put_out() {
    let mut caster = Caster::new(&CastParams { wire_len: 1_494, max_rate: None });
    let mut now = Duration::from_millis(1);
    for member in [1, 2] {
        caster.join(now, member, core::slice::from_ref(&(0..1000)));
    }
    let ask = |block| {
        let nacks = [Nack { block, missing: 185, seen: 0 }; 8].to_vec();
        Feedback { nacks, report: None }
    };
    while caster.stats().fresh == 0 {
        while caster.poll_transmit(now, |_| 185).is_some() {}
        now += Duration::from_millis(1);
    }
    for _ in 0..100 {
        caster.handle_feedback(now, 2, &ask(900));
    }
    assert_eq!(caster.poll_event(), None, "of blocks to come it may have been told something false");
    let greedy = ask(0);
    let mut rounds = 0;
    while caster.poll_event().is_none() {
        caster.handle_feedback(now, 2, &greedy);
        rounds += 1;
        assert!(rounds < 10, "it may ask for ever");
    }
    caster.handle_feedback(now, 2, &greedy);
    let stats = *caster.stats();
    caster.handle_feedback(now, 2, &greedy);
    assert_eq!(*caster.stats(), stats, "nothing more is taken of it");
}

/// What a member says that sees so long a queue on a link of 150 Mbit/s.
fn queued(queue: u32) -> Report {
    Report {
        sent: 100,
        received: 100,
        sent_span: 8_000,
        pairs: 99,
        pair_span: 8_000,
        queue,
        ..Report::default()
    }
}

fn nobody_is_held_up_by(lie: Report) {
    let mut caster = Caster::new(&CastParams { wire_len: 1_494, max_rate: None });
    let mut now = Duration::from_millis(1);
    for member in 0..4 {
        caster.join(now, member, core::slice::from_ref(&(0..1_000)));
    }
    let mut put_out = None;
    while put_out.is_none() && now < Duration::from_millis(300) {
        while caster.poll_transmit(now, |_| 185).is_some() {}
        now += Duration::from_millis(1);
        if now.as_millis().is_multiple_of(8) {
            caster.handle_feedback(now, 3, &Feedback { nacks: Vec::new(), report: Some(lie) });
            for member in 0..3 {
                caster.handle_feedback(now, member, &Feedback { nacks: Vec::new(), report: Some(queued(0)) });
            }
        }
        put_out = caster.poll_event();
    }
    assert_eq!(put_out, Some(CastEvent::TooSlow(3)), "{now:?} {}", caster.bytes_per_second());
    assert!(caster.bytes_per_second() >= 2e6);
}

#[test]
fn who_claims_to_be_slow_holds_nobody_up() {
    nobody_is_held_up_by(Report { pair_span: 4_000_000, dropped: 90, fill: 100, ..queued(4_000_000) });
}

#[test]
fn who_claims_to_be_beside_others_on_a_slow_link_holds_nobody_up() {
    nobody_is_held_up_by(Report { train_packets: 50, train_span: 4_000_000, ..queued(4_000_000) });
}

#[test]
fn a_device_that_holds_the_sender_up_sets_the_rate_and_is_remembered() {
    let mut caster = Caster::new(&CastParams { wire_len: 1_494, max_rate: None });
    caster.join(Duration::ZERO, 0, core::slice::from_ref(&(0..1_000_000)));
    // Alone it takes 10 MB/s, more or less; then others take most of it.
    for millis in (0..2_000).step_by(5) {
        let now = Duration::from_millis(millis);
        while caster.poll_transmit(now, |_| 185).is_some() {}
        let alone = if millis % 50 == 0 { 7.5e6 } else { 12.5e6 };
        if millis % 25 == 0 {
            caster.held_up(now, if millis < 1_000 { alone } else { 2.5e6 }, None);
            caster.handle_feedback(now, 0, &Feedback { nacks: Vec::new(), report: Some(queued(0)) });
        }
        let rate = caster.bytes_per_second();
        if (500..1_000).contains(&millis) {
            assert!((9.5e6..13e6).contains(&rate), "{millis} ms: {rate}");
        } else if millis >= 1_500 {
            assert!(caster.capacity(now) >= 9.5e6, "{millis} ms: {}", caster.capacity(now));
            assert!((5e6..7e6).contains(&rate), "{millis} ms: {rate}");
        }
    }
}

#[test]
fn what_the_system_tells_of_the_device_is_its_rate_though_others_were_there_first() {
    let mut caster = Caster::new(&CastParams { wire_len: 1_494, max_rate: None });
    caster.join(Duration::ZERO, 0, core::slice::from_ref(&(0..1_000_000)));
    // It takes 1 MB/s of ours and sends 12.5 in all.
    let mut before = caster.bytes_per_second();
    for millis in (0..1_000).step_by(5) {
        let now = Duration::from_millis(millis);
        while caster.poll_transmit(now, |_| 185).is_some() {}
        if millis % 25 == 0 {
            caster.held_up(now, 1e6, Some(12.5e6));
            caster.handle_feedback(now, 0, &Feedback { nacks: Vec::new(), report: Some(queued(0)) });
        }
        let rate = caster.bytes_per_second();
        // What links behind the device carry is not known.
        assert!(rate < before * 1.17, "{millis} ms: {before}, {rate}");
        before = rate;
        if millis >= 400 {
            assert!((12e6..13e6).contains(&caster.capacity(now)), "{millis} ms: {}", caster.capacity(now));
            assert!((6e6..7e6).contains(&rate), "{millis} ms: {rate}");
        }
    }
}

#[test]
fn who_claims_to_be_slow_now_and_then_holds_nobody_up() {
    let mut caster = Caster::new(&CastParams { wire_len: 1_494, max_rate: None });
    let mut now = Duration::from_millis(1);
    for member in 0..20 {
        caster.join(now, member, core::slice::from_ref(&(0..100_000)));
    }
    let fine = Report {
        sent: 100,
        received: 100,
        sent_span: 8_000,
        pairs: 99,
        pair_span: 8_000,
        ..Report::default()
    };
    let slow = Report { pair_span: 4_000_000, queue: 4_000_000, ..fine };
    let mut put_out = None;
    while put_out.is_none() && now < Duration::from_millis(500) {
        while caster.poll_transmit(now, |_| 185).is_some() {}
        now += Duration::from_millis(1);
        let lie = if now.as_millis().is_multiple_of(2) { slow } else { fine };
        caster.handle_feedback(now, 0, &Feedback { nacks: Vec::new(), report: Some(lie) });
        if now.as_millis().is_multiple_of(8) {
            for member in 1..20 {
                caster.handle_feedback(now, member, &Feedback { nacks: Vec::new(), report: Some(fine) });
            }
        }
        put_out = caster.poll_event();
    }
    assert_eq!(put_out, Some(CastEvent::TooSlow(0)), "{now:?} {}", caster.bytes_per_second());
    assert!(caster.bytes_per_second() >= 2e6);
}

/// A run beside a TCP flow on a link with so many seconds of room: our share while both are there, and the share of the link
/// that is used two seconds after TCP has ended.
fn beside_tcp(megabits: f64, room: f64, tcp_from: usize, own: Option<f64>) -> (f64, f64, Outcome) {
    const END: usize = 8;
    let rate = megabits * 125e3;
    let link = Link { rate, queue: rate * room };
    let at = |tenths: usize| Duration::from_millis(tenths as u64 * 100);
    let others = Others {
        tcp: Some((at(tcp_from).max(Duration::from_millis(1)), at(END * 10))),
        own,
        until: Some(at(END * 10 + 27)),
        ..Others::default()
    };
    let blocks = (rate * 12.0 / 276_000.0) as u64;
    let out = Crowd { others, ..crowd(2, blocks, link, Loss::Each(0.0)) }.run();
    let taken = |from: usize, to: usize| {
        let (from, to) = (out.bytes[from - 1], out.bytes[to - 1]);
        (to.0 - from.0, to.1 - from.1)
    };
    let (ours, theirs) = taken(tcp_from + 20, END * 10);
    let (after, _) = taken(END * 10 + 20, END * 10 + 25);
    (ours / (ours + theirs), after / rate * 2.0, out)
}

#[test]
fn beside_one_tcp_flow_the_link_is_shared() {
    for (megabits, room) in
        [(10.0, 0.025), (10.0, 0.1), (100.0, 0.025), (100.0, 0.05), (100.0, 0.1), (1_000.0, 0.05)]
    {
        for tcp_from in [0, 30] {
            // The sender's own link is as fast as the shared one, or much faster.
            for own in [None, Some(megabits * 125e3)] {
                if own.is_some() && megabits < 20.0 && tcp_from == 0 {
                    // The first rate is more than this sender's own link carries: the device says so, which is not simulated.
                    continue;
                }
                let (share, after, out) = beside_tcp(megabits, room, tcp_from, own);
                let case = std::format!("{megabits} Mbit/s, {room} s, TCP from {tcp_from}, own {own:?}");
                assert!((0.3..0.7).contains(&share), "{case}: {share:.3} {:?}", out.rates);
                assert!(after >= 0.95, "{case}: {after:.3} after TCP {:?}", out.rates);
            }
        }
    }
}

#[test]
fn a_link_that_becomes_slower_is_followed() {
    for room in [0.02, 0.1] {
        for part in [0.5, 0.25] {
            let rate = 100.0 * 125e3;
            let (slower, until) = (Some((Duration::from_secs(3), rate * part)), Some(Duration::from_secs(7)));
            let others = Others { slower, until, ..Others::default() };
            let link = Link { rate, queue: rate * room * part };
            let out = Crowd { others, ..crowd(2, 400, link, Loss::Each(0.01)) }.run();
            let (from, to) = (out.bytes[49].0, out.bytes[68].0);
            let share = (to - from) / 1.9 / (rate * part);
            assert!(share >= 0.95, "{room} s, {part}: {share:.3} {:?}", out.rates);
            assert_eq!(out.dropped[49], out.dropped[68], "{room} s, {part}: {:?}", out.rates);
        }
    }
}
