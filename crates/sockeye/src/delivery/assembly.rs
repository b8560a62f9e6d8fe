//! Blocks of a receiver while their symbols come in.

use std::collections::BTreeMap;

/// Memory for blocks that are not complete, or not stored yet: 60 MiB.
const BLOCKS: usize = 240;

/// Symbols of blocks, each at its place, and the memory for them.
pub(super) struct Assembly {
    symbol_len: usize,
    open: BTreeMap<u64, Partial>,
    spare: Vec<Vec<u8>>,
    /// Blocks handed on whose memory has not come back.
    away: usize,
}

struct Partial {
    /// Bytes of the block.
    len: usize,
    bytes: Vec<u8>,
    have: [bool; 256],
    /// Numbers of the repair symbols, and they themselves one after the other.
    numbers: Vec<u8>,
    repairs: Vec<u8>,
}

impl Assembly {
    pub(super) fn new(symbol_len: usize) -> Self {
        Self { symbol_len, open: BTreeMap::new(), spare: Vec::new(), away: 0 }
    }

    /// Memory in use, in percent.
    pub(super) fn fill(&self) -> u8 {
        u8::try_from((self.open.len() + self.away) * 100 / BLOCKS).unwrap_or(100)
    }

    /// Whether there is room for a symbol of this block.
    pub(super) fn has_room(&self, block: u64) -> bool {
        self.open.contains_key(&block) || self.open.len() + self.away < BLOCKS
    }

    /// Keeps a symbol of a block of `len` bytes.
    pub(super) fn keep(&mut self, block: u64, len: usize, symbol: u8, bytes: &[u8]) {
        let symbol_len = self.symbol_len;
        let spare = &mut self.spare;
        let partial = self.open.entry(block).or_insert_with(|| {
            let mut bytes = spare.pop().unwrap_or_default();
            bytes.resize(len, 0);
            Partial { len, bytes, have: [false; 256], numbers: Vec::new(), repairs: Vec::new() }
        });
        let sources = len.div_ceil(symbol_len);
        let number = usize::from(symbol);
        if bytes.len() != symbol_len || std::mem::replace(&mut partial.have[number], true) {
            return;
        }
        if number < sources {
            let start = number * symbol_len;
            let end = partial.len.min(start + symbol_len);
            partial.bytes[start..end].copy_from_slice(&bytes[..end - start]);
        } else {
            partial.numbers.push(u8::try_from(number - sources).unwrap_or(u8::MAX));
            partial.repairs.extend_from_slice(bytes);
        }
    }

    /// Takes a block out, decoded. `None` if it cannot be.
    pub(super) fn complete(&mut self, block: u64) -> Option<Vec<u8>> {
        let mut partial = self.open.remove(&block)?;
        let sources = partial.len.div_ceil(self.symbol_len);
        let missing: Vec<u8> = (0..sources)
            .filter(|number| !partial.have[*number])
            .filter_map(|number| u8::try_from(number).ok())
            .collect();
        let symbols = partial.repairs.chunks_exact(self.symbol_len);
        let parities: Vec<(u8, &[u8])> = partial.numbers.iter().copied().zip(symbols).collect();
        let code = sockeye_fec::Code::new(sources);
        let whole =
            code.and_then(|code| code.recover(&mut partial.bytes, self.symbol_len, &missing, &parities));
        if whole.is_err() {
            self.spare.push(partial.bytes);
            return None;
        }
        self.away += 1;
        Some(partial.bytes)
    }

    /// A block's symbols are not needed any more.
    pub(super) fn forget(&mut self, block: u64) {
        if let Some(partial) = self.open.remove(&block) {
            self.spare.push(partial.bytes);
        }
    }

    /// Memory comes back.
    pub(super) fn give_back(&mut self, bytes: Vec<u8>) {
        self.away = self.away.saturating_sub(1);
        self.spare.push(bytes);
    }
}
