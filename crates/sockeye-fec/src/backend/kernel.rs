//! The loops that all backends share.
//!
//! A chunk of each sum stays in registers while the symbols of a group are added to it. Each symbol is read once for up to
//! [`LANES`](super::LANES) sums; the sums themselves go to memory and back once for each group.
//!
//! The loops are a macro, not a generic function: the functions of a backend need features of the processor switched on, and with
//! the attribute on each of them the compiler checks that all that call each other agree.

use super::Term;

/// Makes `combine` for a module that has `WIDTH`, the type `Vector`, and the functions `zero`, `load`, `store`, `add`, `prepare`,
/// `factor` and `add_product`. The attributes of these functions are the argument.
macro_rules! kernel {
    ($(#[$features:meta])*) => {
        /// See [`Backend::combine`](super::Backend::combine).
        $(#[$features])*
        pub(super) fn combine(terms: &[Term<'_>], outs: &mut [&mut [u8]]) {
            match outs {
                [a] if kernel::is_plain_sum(terms) => write_all::<1, 4, true>(terms, [a]),
                [a] => write_all::<1, 4, false>(terms, [a]),
                [a, b] => write_all::<2, 4, false>(terms, [a, b]),
                [a, b, c] => write_all::<3, 2, false>(terms, [a, b, c]),
                [a, b, c, d] => write_all::<4, 2, false>(terms, [a, b, c, d]),
                _ => debug_assert!(outs.is_empty(), "no more sums than lanes"),
            }
        }

        /// Writes `M` sums, by chunks of `V` vectors; `PLAIN` where all factors are one.
        $(#[$features])*
        fn write_all<const M: usize, const V: usize, const PLAIN: bool>(
            terms: &[Term<'_>],
            mut outs: [&mut [u8]; M],
        ) {
            let (len, chunk) = (outs[0].len(), V * WIDTH);
            let whole = len - len % chunk;
            let mut groups = terms.chunks(kernel::GROUP).enumerate().peekable();
            while let Some((nth, group)) = groups.next() {
                let next = groups.peek().map_or(&[][..], |(_, group)| group);
                for begin in (0..whole).step_by(chunk) {
                    kernel::prefetch(next, begin, chunk);
                    let sums = sum::<M, V, PLAIN>(group, begin);
                    for (out, sums) in outs.iter_mut().zip(sums) {
                        let out = &mut out[begin..];
                        write(if nth == 0 { sums } else { add_bytes(sums, out) }, out);
                    }
                }
            }
            if whole < len {
                // This chunk ends where the outputs end, so it may reach back over bytes that were computed already. That is
                // quicker than going on by bytes, and it counts all terms anew, so that nothing is added twice.
                let begin = len.saturating_sub(chunk);
                let sums = sum::<M, V, PLAIN>(terms, begin);
                for (out, sums) in outs.iter_mut().zip(sums) {
                    write(sums, &mut out[begin..]);
                }
            }
        }

        /// `M` sums over those bytes of all terms that begin at `begin`, as many as `V` vectors hold.
        $(#[$features])*
        #[inline]
        fn sum<const M: usize, const V: usize, const PLAIN: bool>(terms: &[Term<'_>], begin: usize) -> [[Vector; V]; M] {
            let mut sums = [[zero(); V]; M];
            for term in terms {
                let mut room = [[0; WIDTH]; V];
                let chunk = kernel::chunk(term.symbol, begin, &mut room);
                if PLAIN {
                    for (v, bytes) in chunk.iter().enumerate() {
                        sums[0][v] = add(sums[0][v], load(bytes));
                    }
                } else {
                    add_products(&mut sums, chunk, &term.factors);
                }
            }
            sums
        }

        /// Adds to each sum the chunk, multiplied by the factor for that sum.
        $(#[$features])*
        #[inline]
        fn add_products<const M: usize, const V: usize>(
            sums: &mut [[Vector; V]; M],
            chunk: &[[u8; WIDTH]; V],
            factors: &[u8; super::LANES],
        ) {
            let mut prepared = [prepare(zero()); V];
            for (prepared, bytes) in prepared.iter_mut().zip(chunk) {
                *prepared = prepare(load(bytes));
            }
            for (sums, &by) in sums.iter_mut().zip(factors) {
                let by = factor(by);
                for (sum, &vector) in sums.iter_mut().zip(&prepared) {
                    *sum = add_product(*sum, vector, by);
                }
            }
        }

        /// Vectors, with the first bytes of `out` added.
        $(#[$features])*
        #[inline]
        fn add_bytes<const V: usize>(mut sums: [Vector; V], out: &mut [u8]) -> [Vector; V] {
            for (sum, bytes) in sums.iter_mut().zip(kernel::chunk_mut::<WIDTH, V>(out)) {
                *sum = add(*sum, load(bytes));
            }
            sums
        }

        /// Writes vectors, or as much of them as `out` has room for.
        $(#[$features])*
        #[inline]
        fn write<const V: usize>(vectors: [Vector; V], out: &mut [u8]) {
            let mut room = [[0; WIDTH]; V];
            let short = out.len() < V * WIDTH;
            let chunk = if short { &mut room } else { kernel::chunk_mut(out) };
            for (bytes, vector) in chunk.iter_mut().zip(vectors) {
                store(vector, bytes);
            }
            if short {
                out.copy_from_slice(&room.as_flattened()[..out.len()]);
            }
        }
    };
}

/// How many symbols are added up before the sums go back to memory. With more, a pass jumps between more places than the processor
/// foresees, which halves the speed where a block comes from memory; with fewer, the sums are moved more often.
pub(super) const GROUP: usize = 8;

/// Bytes that come from memory at once, nearly everywhere.
#[cfg(target_arch = "x86_64")]
const CACHE_LINE: usize = 64;

/// Has the processor fetch what comes next: `len` bytes from `begin` of each symbol.
#[inline]
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the instruction takes an address")]
pub(super) fn prefetch(terms: &[Term<'_>], begin: usize, len: usize) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for term in terms {
        for line in term.symbol.iter().skip(begin).take(len).step_by(CACHE_LINE) {
            // SAFETY: a hint, which every x86-64 has; the address is that of a byte that may be read.
            unsafe { _mm_prefetch::<_MM_HINT_T0>((&raw const *line).cast()) };
        }
    }
}

/// Elsewhere the processor has to guess.
#[inline]
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn prefetch(_: &[Term<'_>], _: usize, _: usize) {}

/// The bytes of a symbol from `begin`: themselves, or in `room`, zeros, as many as there are.
#[inline]
pub(super) fn chunk<'a, const WIDTH: usize, const V: usize>(
    symbol: &'a [u8],
    begin: usize,
    room: &'a mut [[u8; WIDTH]; V],
) -> &'a [[u8; WIDTH]; V] {
    let rest = symbol.get(begin..).unwrap_or_default();
    if let Some(chunk) = rest.as_chunks().0.first_chunk() {
        return chunk;
    }
    pad(rest, room.as_flattened_mut());
    room
}

/// Kept out of the loop: only the last symbol of a block may be short.
#[cold]
fn pad(rest: &[u8], room: &mut [u8]) {
    room[..rest.len()].copy_from_slice(rest);
}

/// The first bytes of `out`, of which there are enough.
#[inline]
pub(super) fn chunk_mut<const WIDTH: usize, const V: usize>(out: &mut [u8]) -> &mut [[u8; WIDTH]; V] {
    out.as_chunks_mut().0.first_chunk_mut().expect("the caller has compared the lengths")
}

/// Whether a single sum needs no multiplication.
pub(super) fn is_plain_sum(terms: &[Term<'_>]) -> bool {
    terms.iter().all(|term| term.factors[0] == 1)
}
