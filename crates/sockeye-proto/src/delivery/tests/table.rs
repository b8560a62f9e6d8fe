//! The committed table: members × loss → what delivery costs. `SOCKEYE_BLESS=1` writes it anew; the rows of more than 16
//! members are made by `cargo test --release -p sockeye-proto -- --ignored delivery_table`.

use std::{format, fs, path::Path, string::String, vec, vec::Vec};

use super::crowd::{Crowd, Link, Loss, Others, SOURCES, WIRE, ideal};

/// Blocks of 256 KiB.
const FULL: u64 = 256;
const FEW: u64 = 32;
/// Rows with more members take longer than a test should.
const QUICK: usize = 16;
const GROUPS: [(usize, u64); 6] =
    [(1, FULL), (4, FULL), (16, FULL), (100, FULL), (1_000, FULL), (10_000, FEW)];
const HEAD: &str = "\
members     loss    packets/source   ideal   within   askings/block   messages/s   efficiency   complete\n";

fn losses() -> Vec<(String, Loss)> {
    let mut losses = Vec::new();
    for share in [0.0, 0.001, 0.01, 0.05, 0.1] {
        losses.push((format!("{} %", share * 100.0), Loss::Each(share)));
    }
    losses.push((String::from("1 % bursts"), Loss::Bursts(0.01)));
    losses.push((String::from("one 10 %"), Loss::One(0.1)));
    losses.push((String::from("1 % shared"), Loss::Shared(0.01)));
    losses
}

fn ideal_of(members: usize, loss: Loss) -> Option<f64> {
    match loss {
        Loss::Each(share) => Some(ideal(&[(members, share)])),
        Loss::One(share) => Some(ideal(&[(1, share), (members - 1, 0.001)])),
        // The same for everybody, as if there were one.
        Loss::Shared(share) => Some(ideal(&[(1, share)])),
        Loss::Bursts(_) => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of a table")]
fn row(members: usize, blocks: u64, name: &str, loss: Loss) -> String {
    let link = Link::megabits(100.0);
    let others = Others::default();
    let crowd = Crowd { members, blocks, link, loss, max_rate: None, slow: None, others, seed: 46_710 };
    let out = crowd.run();
    let best = ideal_of(members, loss);
    let within = best.map(|best| (out.ratio() / best - 1.0) * 100.0);
    let askings = out.askings as f64 / blocks as f64;
    let seconds = out.elapsed.as_secs_f64();
    let floor = blocks as f64 * f64::from(SOURCES) * WIRE / link.rate * best.unwrap_or(1.0);
    assert_eq!(out.complete, members, "{members} {name}");
    if let (Loss::Each(_), Some(within)) = (loss, within) {
        assert!(within < 2.0, "{members} members, {name}: {within:.2} % above the ideal");
    }
    let text =
        |value: Option<f64>, places: usize| value.map_or(String::from("-"), |v| format!("{v:.places$}"));
    format!(
        "{members:>7}   {name:<10} {:>11.4}   {:>7} {:>6} %   {askings:>12.2}   {:>10.0}   {:>10.3}   {:>8}\n",
        out.ratio(),
        text(best, 4),
        text(within, 2),
        out.messages as f64 / seconds,
        floor / seconds,
        out.complete,
    )
}

fn check(groups: impl Fn(usize) -> bool) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/delivery/tests/table.txt"));
    let committed = fs::read_to_string(path).unwrap_or_default();
    let mut table = String::from(HEAD);
    let mut wrong = vec![];
    for (members, blocks) in GROUPS {
        for (name, loss) in losses() {
            let start = format!("{members:>7}   {name:<10} ");
            let before = committed.lines().find(|line| line.starts_with(&start));
            if !groups(members) {
                table.extend(before.map(|line| format!("{line}\n")));
                continue;
            }
            let row = row(members, blocks, &name, loss);
            if before != Some(row.trim_end()) {
                wrong.push(row.clone());
            }
            table.push_str(&row);
        }
    }
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        fs::write(path, table).expect("the table can be written");
    } else {
        assert!(
            wrong.is_empty(),
            "the table has changed (SOCKEYE_BLESS=1 writes it anew):\n{HEAD}{}",
            wrong.concat()
        );
    }
}

#[test]
fn up_to_sixteen_members_it_costs_what_the_table_says() {
    check(|members| members <= QUICK);
}

#[test]
#[ignore = "minutes: the rows of many members"]
fn delivery_table() {
    check(|members| members > QUICK);
}
