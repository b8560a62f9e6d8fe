//! How fast blocks are protected and repaired, by every backend of this processor, beside reed-solomon-simd:
//! `cargo bench -p sockeye-fec`. With `-- --write` the tables go to `docs/fec-performance.md`.

#![allow(clippy::cast_precision_loss, reason = "a benchmark divides")]

use std::{fmt::Write as _, fs, hint::black_box, path::Path, time::Instant};

use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};
use sockeye_fec::{Backend, Code};

const SOURCES: usize = 185;
const SYMBOL_LEN: usize = 1420;
const BLOCK_LEN: usize = SOURCES * SYMBOL_LEN;
/// As many parities as any of the rows needs.
const PARITIES: usize = 16;
/// Two blocks with their parities stay in a cache of the second level; 256 of them are 67 MB, and come from memory.
const SETS: [(&str, usize); 2] =
    [("two blocks in turn, from a cache", 2), ("256 blocks in turn, from memory", 256)];
/// Blocks of a round, so that a round takes milliseconds.
const ROUND: usize = 256;
const ROUNDS: usize = 31;

/// Blocks with their parities, as a receiver has them.
struct Set {
    blocks: Vec<Vec<u8>>,
    parities: Vec<Vec<u8>>,
}

/// A row of the table: what is done to a block.
#[derive(Clone, Copy)]
enum Work {
    /// Parities made at once, the first of them this.
    Make { first: usize, count: usize },
    /// Losses repaired by the parities from this one.
    Repair { first: usize, count: usize },
}

const WORK: [Work; 10] = [
    Work::Make { first: 0, count: 1 },
    Work::Make { first: 1, count: 1 },
    Work::Make { first: 1, count: 4 },
    Work::Make { first: 0, count: 16 },
    Work::Repair { first: 0, count: 1 },
    Work::Repair { first: 1, count: 1 },
    Work::Repair { first: 0, count: 2 },
    Work::Repair { first: 0, count: 4 },
    Work::Repair { first: 0, count: 8 },
    Work::Repair { first: 0, count: 16 },
];

fn main() {
    let mut page = head();
    for (name, count) in SETS {
        let mut set = Set::new(count);
        let _ = write!(page, "\n## GB of blocks per second: {name}\n\n| |");
        for backend in Backend::available() {
            let _ = write!(page, " {} |", backend.name());
        }
        let _ =
            write!(page, " reed-solomon-simd |\n|---|{}---|\n", "---|".repeat(Backend::available().count()));
        for work in WORK {
            let _ = writeln!(page, "| {} |{}", work.name(), row(work, &mut set));
        }
    }
    print!("{page}");
    if std::env::args().any(|argument| argument == "--write") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fec-performance.md");
        fs::write(path, page).expect("the page is written");
    }
}

fn head() -> String {
    format!(
        "\
# How fast the erasure code is

Made by `cargo bench -p sockeye-fec -- --write` on one core of: {}.

Blocks of {SOURCES} symbols of {SYMBOL_LEN} bytes; medians of {ROUNDS} rounds of {ROUND} blocks, all columns in turn. A rate counts
the bytes of the block, not those made or repaired. The columns are the backends, of which the fastest that a processor has is taken, and
[reed-solomon-simd](https://crates.io/crates/reed-solomon-simd), whose O(n log n) transform makes all parities together. Parity 0 is a
plain sum; the others need multiplications. Up to four parities or losses cost one pass over the block. From memory, the memory itself
is the limit for few parities.
",
        processor()
    )
}

/// What the kernel says of the processor.
fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let numbers = ["cpu family", "model", "cpu MHz", "cache size"].map(|name| {
        let value = if name == "model" { field("model\t") } else { field(name) };
        format!("{name} {}", value.unwrap_or_else(|| "unknown".into()))
    });
    format!("{} ({})", field("model name").unwrap_or_else(|| "unknown".into()), numbers.join(", "))
}

/// The cells of a row: median rates in GB/s of block data.
fn row(work: Work, set: &mut Set) -> String {
    let mut peer = Peer::new(work);
    let mut columns: Vec<Column> = Vec::new();
    for backend in Backend::available() {
        let code = Code::new(SOURCES).expect("a code").with_backend(backend);
        columns.push((Box::new(move |set, at| work.ours(code, set, at)), Vec::new()));
    }
    columns.push((Box::new(|set, at| peer.run(work, set, at)), Vec::new()));
    // All in turn, so that what else the machine does meets all of them.
    for _ in 0..ROUNDS {
        for (run, rates) in &mut columns {
            let began = Instant::now();
            for turn in 0..ROUND {
                let at = turn % set.blocks.len();
                run(black_box(set), at);
            }
            rates.push((ROUND * BLOCK_LEN) as f64 / began.elapsed().as_secs_f64() / 1e9);
        }
    }
    columns.iter_mut().fold(String::new(), |mut cells, (_, rates)| {
        rates.sort_by(f64::total_cmp);
        let _ = write!(cells, " {:.1} |", rates[ROUNDS / 2]);
        cells
    })
}

/// What is measured, called with the number of a block, and the rates of its rounds.
type Column<'a> = (Box<dyn FnMut(&mut Set, usize) + 'a>, Vec<f64>);

impl Set {
    fn new(count: usize) -> Self {
        let code = Code::new(SOURCES).expect("a code");
        let mut state = 1_u32;
        let mut byte = || {
            // A linear congruential step (the constants of Numerical Recipes §7.1).
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let blocks: Vec<Vec<u8>> = (0..count).map(|_| (0..BLOCK_LEN).map(|_| byte()).collect()).collect();
        let parities = blocks.iter().map(|block| {
            let mut parities = vec![0; PARITIES * SYMBOL_LEN];
            let mut rows: Vec<&mut [u8]> = parities.chunks_mut(SYMBOL_LEN).collect();
            code.make_parities(0, block.chunks(SYMBOL_LEN), &mut rows).expect("parities");
            parities
        });
        Self { parities: parities.collect(), blocks }
    }
}

impl Work {
    fn name(self) -> String {
        let (verb, noun, by, first, count) = match self {
            Self::Make { first, count } => {
                ("make", if count == 1 { "parity" } else { "parities" }, "number", first, count)
            }
            Self::Repair { first, count } => {
                ("repair", if count == 1 { "loss" } else { "losses" }, "by parity", first, count)
            }
        };
        match count {
            1 => format!("{verb} 1 {noun}, {by} {first}"),
            _ => format!("{verb} {count} {noun}, {by} {first}–{}", first + count - 1),
        }
    }

    fn ours(self, code: Code, set: &mut Set, at: usize) {
        let (block, parities) = (&mut set.blocks[at], &mut set.parities[at]);
        match self {
            Self::Make { first, count } => {
                let mut rows: Vec<&mut [u8]> =
                    parities.chunks_mut(SYMBOL_LEN).skip(first).take(count).collect();
                code.make_parities(first, block.chunks(SYMBOL_LEN), &mut rows).expect("parities");
            }
            Self::Repair { first, count } => {
                let parities: Vec<(u8, &[u8])> =
                    (0..).zip(parities.chunks(SYMBOL_LEN)).skip(first).take(count).collect();
                code.recover(block, SYMBOL_LEN, &lost(count), &parities).expect("repaired");
            }
        }
    }
}

/// Losses spread over the block.
fn lost(count: usize) -> Vec<u8> {
    (0..count).map(|index| u8::try_from(index * SOURCES / count).expect("below 255")).collect()
}

/// The other implementation, with what it made of the sources: any block will do, since its time does not depend on the bytes.
struct Peer {
    encoder: ReedSolomonEncoder,
    decoder: ReedSolomonDecoder,
    parities: Vec<Vec<u8>>,
}

impl Peer {
    fn new(work: Work) -> Self {
        let (Work::Make { count, .. } | Work::Repair { count, .. }) = work;
        Self {
            encoder: ReedSolomonEncoder::new(SOURCES, count, SYMBOL_LEN).expect("a code"),
            decoder: ReedSolomonDecoder::new(SOURCES, count, SYMBOL_LEN).expect("a code"),
            parities: vec![vec![0; SYMBOL_LEN]; count],
        }
    }

    fn run(&mut self, work: Work, set: &mut Set, at: usize) {
        match work {
            Work::Make { count, .. } => {
                for symbol in set.blocks[at].chunks(SYMBOL_LEN) {
                    self.encoder.add_original_shard(symbol).expect("a shard");
                }
                let made = self.encoder.encode().expect("encoded");
                assert_eq!(made.recovery_iter().map(black_box).count(), count);
            }
            Work::Repair { count, .. } => {
                let lost = lost(count);
                for (index, symbol) in (0..).zip(set.blocks[at].chunks(SYMBOL_LEN)) {
                    if !lost.contains(&index) {
                        self.decoder.add_original_shard(usize::from(index), symbol).expect("a shard");
                    }
                }
                for (index, parity) in self.parities.iter().enumerate() {
                    self.decoder.add_recovery_shard(index, parity).expect("a shard");
                }
                let repaired = self.decoder.decode().expect("decoded");
                assert_eq!(repaired.restored_original_iter().map(black_box).count(), count);
            }
        }
    }
}
