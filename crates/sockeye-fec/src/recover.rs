//! How missing source symbols are computed from any k symbols of a block.
//!
//! With a the points of parities and b those of sources, a parity is y(a) = Σ_b u(b)·x(b) / (a − b), where u are the scales of
//! the columns. Over the common denominator Π_b (a − b) the sum is a polynomial of degree below k, whose value at a source's point is
//! that source but for a factor. So any k symbols give it by Lagrange's formula, and with it every missing one:
//!
//! ```text
//! x(m) = Σ_z  w(z) / (w(m)·(m − z)) · symbol(z)         over the points z of the k symbols at hand
//! w(z) = u(z) · Π_{missing m ≠ z} (z − m) / Π_{parities a ≠ z} (z − a)      with u = 1 for parities
//! ```
//!
//! (Minus is plus is exclusive or. Compare the inverse of a Cauchy matrix: Knuth, The Art of Computer Programming, volume 1,
//! section 1.2.3, exercise 41.) There is no matrix to invert, nothing to allocate, and no case in which it fails.

use core::array;

use crate::{
    Code, Error, MAX_SYMBOLS,
    backend::{LANES, Term},
    code::{parity_points, scale},
    field::{self, ORDER},
};

/// With e missing and e parities at hand, k ≥ e and k + e ≤ 256.
const MAX_MISSING: usize = MAX_SYMBOLS / 2;

impl Code {
    /// Computes the missing source symbols of a block, in their places.
    ///
    /// `block` holds the k source symbols of `symbol_len` bytes one after the other, the last of them perhaps shorter; what stands in
    /// the places of `missing` (indices in any order) does not matter and is overwritten. `parities` are the parity symbols at
    /// hand, each with its index, at least as many as symbols are missing, in any order. Of more than enough those with the lowest
    /// indices are used, since number 0 is the fastest.
    ///
    /// Costs one pass over the block for up to four missing symbols, two for up to eight, and so on.
    ///
    /// ```
    /// # use sockeye_fec::{Code, Error};
    /// let mut block = *b"one two three";
    /// let code = Code::new(4)?; // "one ", "two ", "thre", "e"
    /// let mut parity = [0; 4];
    /// code.make_parity(2, block.chunks(4), &mut parity)?;
    ///
    /// block[4..8].fill(0); // lost on the way
    /// code.recover(&mut block, 4, &[1], &[(2, &parity)])?;
    /// assert_eq!(&block, b"one two three");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn recover(
        self,
        block: &mut [u8],
        symbol_len: usize,
        missing: &[u8],
        parities: &[(u8, &[u8])],
    ) -> Result<(), Error> {
        self.check_block(block.len(), symbol_len)?;
        let lost = self.lost(missing)?;
        let arrived = self.arrived(symbol_len, parities)?;
        if parities.len() < missing.len() {
            return Err(Error::TooFewParities { missing: missing.len(), given: parities.len() });
        }
        if !missing.is_empty() {
            self.interpolate(block.chunks_mut(symbol_len), &lost, &arrived);
        }
        Ok(())
    }

    fn check_block(self, len: usize, symbol_len: usize) -> Result<(), Error> {
        let sources = self.sources();
        if symbol_len > 0 && len.div_ceil(symbol_len) == sources {
            Ok(())
        } else {
            Err(Error::BlockLen { len, symbol_len, sources })
        }
    }

    /// Which source symbols are missing, by index.
    fn lost(self, missing: &[u8]) -> Result<[bool; MAX_SYMBOLS], Error> {
        let mut lost = [false; MAX_SYMBOLS];
        for index in missing.iter().copied().map(usize::from) {
            if index >= self.sources() {
                return Err(Error::NoSuchSource { index, sources: self.sources() });
            }
            if core::mem::replace(&mut lost[index], true) {
                return Err(Error::RepeatedSource { index });
            }
        }
        Ok(lost)
    }

    /// The parity symbols at hand, by index.
    fn arrived<'a>(
        self,
        expected: usize,
        parities: &[(u8, &'a [u8])],
    ) -> Result<[Option<&'a [u8]>; MAX_SYMBOLS], Error> {
        let mut arrived = [None; MAX_SYMBOLS];
        for &(index, symbol) in parities {
            let (index, len) = (usize::from(index), symbol.len());
            if index >= self.parities() {
                return Err(Error::NoSuchParity { index, parities: self.parities() });
            }
            if len != expected {
                return Err(Error::ParityLen { index, len, expected });
            }
            if arrived[index].replace(symbol).is_some() {
                return Err(Error::RepeatedParity { index });
            }
        }
        Ok(arrived)
    }

    /// Fills the lost ones of `symbols`, which are at most as many as have `arrived`.
    fn interpolate<'a>(
        self,
        symbols: impl Iterator<Item = &'a mut [u8]>,
        lost: &[bool; MAX_SYMBOLS],
        arrived: &[Option<&'a [u8]>; MAX_SYMBOLS],
    ) {
        let plan = Plan::new(self.sources, lost, arrived);
        let mut terms = [Term::default(); MAX_SYMBOLS - 1];
        let mut outs: [&mut [u8]; MAX_MISSING] = array::from_fn(|_| <&mut [u8]>::default());
        let mut free = outs.iter_mut();
        let mut stand_ins = arrived.iter().flatten();
        for ((term, &lost), symbol) in terms.iter_mut().zip(lost).zip(symbols) {
            if !lost {
                term.symbol = symbol;
            } else if let (Some(stand_in), Some(out)) = (stand_ins.next(), free.next()) {
                term.symbol = stand_in;
                *out = symbol;
            }
        }
        let terms = &mut terms[..self.sources()];
        let mut targets = plan.targets();
        // The last symbol may be shorter than the others.
        for equal in outs[..targets.len()].chunk_by_mut(|a, b| a.len() == b.len()) {
            for rows in equal.chunks_mut(LANES) {
                let (now, later) = targets.split_at(rows.len());
                targets = later;
                plan.write_factors(now, terms);
                self.backend.combine(terms, rows);
            }
        }
    }
}

/// The points of a reconstruction, and their weights w.
struct Plan {
    sources: u8,
    /// The points of the lost symbols, as many as `missing`.
    targets: [u8; MAX_MISSING],
    /// The points of the parities used instead, as many.
    stand_ins: [u8; MAX_MISSING],
    missing: usize,
    /// The points of the k symbols at hand: a source's, or that of the parity in its place.
    points: [u8; MAX_SYMBOLS - 1],
    /// The logarithms of their weights.
    weights: [u32; MAX_SYMBOLS - 1],
}

impl Plan {
    /// The lowest of the parities that have arrived take the places of the lost symbols, in order.
    fn new(sources: u8, lost: &[bool; MAX_SYMBOLS], arrived: &[Option<&[u8]>; MAX_SYMBOLS]) -> Self {
        let mut plan = Self {
            sources,
            targets: [0; MAX_MISSING],
            stand_ins: [0; MAX_MISSING],
            missing: 0,
            points: [0; MAX_SYMBOLS - 1],
            weights: [0; MAX_SYMBOLS - 1],
        };
        let mut parities = parity_points().zip(arrived).filter(|(_, symbol)| symbol.is_some());
        for ((source, &lost), point) in (0..sources).zip(lost).zip(&mut plan.points) {
            *point = source;
            if lost && let Some((parity, _)) = parities.next() {
                *point = parity;
                plan.targets[plan.missing] = source;
                plan.stand_ins[plan.missing] = parity;
                plan.missing += 1;
            }
        }
        for index in 0..usize::from(sources) {
            plan.weights[index] = plan.weight(plan.points[index]);
        }
        plan
    }

    fn targets(&self) -> &[u8] {
        &self.targets[..self.missing]
    }

    /// The logarithm of w at `point`.
    fn weight(&self, point: u8) -> u32 {
        let distance = |other: &u8| if *other == point { 0 } else { field::log(point ^ other) };
        let above: u32 = self.targets().iter().map(distance).sum();
        let below = self.stand_ins[..self.missing].iter().map(|other| ORDER - distance(other)).sum::<u32>();
        let scale = if point < self.sources { field::log(scale(point)) } else { 0 };
        (scale + above + below) % ORDER
    }

    /// Writes by what each of `terms` counts in the symbols at `targets`.
    fn write_factors(&self, targets: &[u8], terms: &mut [Term<'_>]) {
        for (lane, &target) in targets.iter().enumerate() {
            let own = self.weight(target);
            for ((term, point), weight) in terms.iter_mut().zip(self.points).zip(self.weights) {
                let below = own + field::log(target ^ point);
                term.factors[lane] = field::exp(weight + 2 * ORDER - below);
            }
        }
    }
}
