//! The code of a block, and how its parities are made.

use crate::{
    Backend, Error, MAX_SYMBOLS,
    backend::{LANES, Term},
    field,
};

/// The code of a block of a given number of source symbols. A few bytes, made in no time; the definition is on the
/// [front page](crate).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub(crate) sources: u8,
    pub(crate) backend: Backend,
}

impl Code {
    /// The code for `sources` source symbols, from 1 to 255, with the fastest [`Backend`] that this processor has.
    pub fn new(sources: usize) -> Result<Self, Error> {
        match u8::try_from(sources) {
            Ok(count @ 1..) => Ok(Self { sources: count, backend: Backend::detect() }),
            _ => Err(Error::Sources { sources }),
        }
    }

    /// The same code, computed by another backend.
    #[must_use]
    pub const fn with_backend(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    /// How many source symbols a block has: k, from 1 to 255.
    pub const fn sources(self) -> usize {
        self.sources as usize
    }

    /// How many parity symbols can be made: 256 − k. Their indices run from 0.
    pub const fn parities(self) -> usize {
        MAX_SYMBOLS - self.sources()
    }

    /// What computes.
    pub const fn backend(self) -> Backend {
        self.backend
    }

    /// Writes the parity symbol `index` over `parity`.
    ///
    /// `sources` gives the k source symbols in order. One that is shorter than `parity` counts as filled up with zeros, one that
    /// is longer is an [`Error::SourceLen`].
    ///
    /// ```
    /// # use sockeye_fec::{Code, Error};
    /// let block = b"nine symbols of five bytes, the last shorter"; // 44 bytes
    /// let code = Code::new(9)?;
    /// let mut parity = [0; 5];
    /// code.make_parity(0, block.chunks(5), &mut parity)?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn make_parity<'a, S>(self, index: usize, sources: S, parity: &mut [u8]) -> Result<(), Error>
    where
        S: IntoIterator<Item = &'a [u8]>,
    {
        let mut terms = [Term::default(); MAX_SYMBOLS - 1];
        let terms = self.collect(sources, &mut terms)?;
        self.encode(index, terms, &mut [parity])
    }

    /// Writes as many parity symbols as there are slices in `parities`, the first of them `first`, the others those after it.
    ///
    /// Up to four of them cost one pass over the sources, so this is faster than one call each. For the rest it is as
    /// [`Code::make_parity`].
    ///
    /// ```
    /// # use sockeye_fec::{Code, Error};
    /// let block = [7; 185 * 1420];
    /// let code = Code::new(185)?;
    /// let mut parities = [0; 4 * 1420];
    /// let mut rows: Vec<&mut [u8]> = parities.chunks_mut(1420).collect();
    /// code.make_parities(12, block.chunks(1420), &mut rows)?; // 12, 13, 14, 15
    /// # Ok::<(), Error>(())
    /// ```
    pub fn make_parities<'a, S>(
        self,
        first: usize,
        sources: S,
        parities: &mut [&mut [u8]],
    ) -> Result<(), Error>
    where
        S: IntoIterator<Item = &'a [u8]>,
    {
        let mut terms = [Term::default(); MAX_SYMBOLS - 1];
        let terms = self.collect(sources, &mut terms)?;
        self.encode(first, terms, parities)
    }

    /// Puts the source symbols into the first k of `terms`, and nothing but k.
    fn collect<'a, 't, S>(self, sources: S, terms: &'t mut [Term<'a>]) -> Result<&'t mut [Term<'a>], Error>
    where
        S: IntoIterator<Item = &'a [u8]>,
    {
        let expected = self.sources();
        let mut given = 0;
        for symbol in sources.into_iter().take(expected + 1) {
            if let Some(term) = terms[..expected].get_mut(given) {
                term.symbol = symbol;
            }
            given += 1;
        }
        if given == expected {
            Ok(&mut terms[..expected])
        } else {
            Err(Error::SourceCount { given, expected })
        }
    }

    fn encode(self, first: usize, terms: &mut [Term<'_>], parities: &mut [&mut [u8]]) -> Result<(), Error> {
        self.check(first, terms, parities)?;
        let mut points = parity_points().skip(first);
        for equal in parities.chunk_by_mut(|a, b| a.len() == b.len()) {
            for rows in equal.chunks_mut(LANES) {
                for (lane, parity) in (0..rows.len()).zip(&mut points) {
                    for (source, term) in (0..=u8::MAX).zip(&mut *terms) {
                        term.factors[lane] = coefficient(parity, source);
                    }
                }
                self.backend.combine(terms, rows);
            }
        }
        Ok(())
    }

    fn check(self, first: usize, terms: &[Term<'_>], parities: &[&mut [u8]]) -> Result<(), Error> {
        let end = first.saturating_add(parities.len());
        if end > self.parities() {
            let index = first.max(self.parities());
            return Err(Error::NoSuchParity { index, parities: self.parities() });
        }
        let Some(max) = parities.iter().map(|parity| parity.len()).min() else { return Ok(()) };
        match terms.iter().position(|term| term.symbol.len() > max) {
            Some(index) => Err(Error::SourceLen { index, len: terms[index].symbol.len(), max }),
            None => Ok(()),
        }
    }
}

/// Where the parity symbols stand among the numbers of the field, in order of their indices. A source symbol stands at its index.
pub(crate) fn parity_points() -> impl Iterator<Item = u8> {
    (0..=ALL_ONES).rev()
}

/// By what a source symbol is multiplied in a parity symbol; both are given by their points.
fn coefficient(parity: u8, source: u8) -> u8 {
    field::divide(scale(source), parity ^ source)
}

/// The scale of a source's column: with it every coefficient of parity 0 is one.
pub(crate) const fn scale(source: u8) -> u8 {
    ALL_ONES ^ source
}

/// The point of parity 0.
const ALL_ONES: u8 = 255;
